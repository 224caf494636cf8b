//! `evidenced judge`: today's rules over worked cases of a file, or over what was sealed at an earlier time.

use super::table::table;
use super::{Exit, print_json, read};
use crate::config::Loaded;
use crate::hindsight::{self, Difference, Hindsight, Ruling};
use crate::judge::cases::{self, CASES_BYTES_MAX, Case, CasesError};
use crate::judge::{Judgement, Outcome};
use crate::ledger::Reader;
use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of cases; `-` is standard input. Needs neither configuration nor ledger. Exits 1 when a case
    /// is not judged as it expects, 2 when the file is not of the form.
    #[arg(required_unless_present_any = ["as_of", "schema"], conflicts_with_all = ["as_of", "schema"])]
    file: Option<PathBuf>,
    /// Judge what the ledger held at that time by today's rules and policies, beside the verdicts of that
    /// time. Nothing is written: a new rule never changes history. An RFC 3339 time, or a date, which is
    /// its end, UTC.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    as_of: Option<DateTime<Utc>>,
    /// Only these controls.
    #[arg(long = "control", value_name = "ID", requires = "as_of")]
    controls: Vec<String>,
    /// Print the JSON schema of a file of cases.
    #[arg(long, conflicts_with = "as_of")]
    schema: bool,
}

/// A date is its last millisecond: records are not told apart more finely.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let end = |date: NaiveDate| Some(date.succ_opt()?.and_time(NaiveTime::MIN).and_utc() - TimeDelta::milliseconds(1));
    if let Some(end) = text.parse().ok().and_then(end) {
        return Ok(end);
    }
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    time.map_err(|_| "write a time like 2026-03-31T12:00:00Z, or a date like 2026-03-31".to_owned())
}

/// One case as `--json` prints it.
#[derive(Serialize)]
struct Row {
    name: String,
    outcome: Outcome,
    reason: String,
}

pub(super) fn judge(config: &Path, args: &Args, json: bool) -> anyhow::Result<Exit> {
    match (&args.file, args.as_of) {
        (Some(file), _) => judge_cases(file, json),
        (None, Some(at)) => as_of(&crate::config::load(config)?, &args.controls, at, json),
        (None, None) => {
            print_json(&cases::schema())?;
            Ok(Exit::Ok)
        }
    }
}

fn judge_cases(file: &Path, json: bool) -> anyhow::Result<Exit> {
    let judged = judged(file).with_context(|| format!("{} cannot be judged", file.display()))?;
    if json {
        let row = |(case, judgement): &Judged| Row {
            name: case.name.clone(),
            outcome: judgement.outcome,
            reason: judgement.reason.clone(),
        };
        print_json(&judged.iter().map(row).collect::<Vec<_>>())?;
    } else {
        show(&judged);
    }
    let mut exit = Exit::Ok;
    for (case, judgement) in judged.iter().filter(|(case, judgement)| !case.is_met_by(judgement)) {
        let expected = case.expect.as_ref().map(|e| format!("{} {}", e.outcome.word(), e.reason)).unwrap_or_default();
        eprintln!(
            "evidenced: case {:?}: expected {expected}, got {} {}: {}",
            case.name,
            judgement.outcome.word(),
            judgement.reason,
            judgement.seen
        );
        exit = Exit::Failed;
    }
    Ok(exit)
}

type Judged = (Case, Judgement);

/// Every case of the file with its judgement: all of them or an error.
fn judged(file: &Path) -> Result<Vec<Judged>, CasesError> {
    let cases = cases::parse(&read(file, CASES_BYTES_MAX).map_err(CasesError::Read)?)?;
    let judged = |case: Case| case.judge().map(|judgement| (case, judgement));
    cases.into_iter().map(judged).collect()
}

fn show(judged: &[Judged]) {
    let mut rows = table(&["case", "outcome", "reason", "rules", "seen"]);
    for (case, judgement) in judged {
        rows.add_row([
            case.name.as_str(),
            judgement.outcome.word(),
            &judgement.reason,
            case.test.rules(),
            &judgement.seen,
        ]);
    }
    outln!("{rows}");
}

/// What `--as-of --json` prints.
#[derive(Serialize)]
struct AsOf {
    as_of: DateTime<Utc>,
    /// Size of the log then.
    records: u64,
    controls: Vec<Hindsight>,
    not_configured: Vec<String>,
}

fn as_of(loaded: &Loaded, only: &[String], at: DateTime<Utc>, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let records = hindsight::size_at(&reader, at)?;
    if records == 0 {
        let first = reader.record(0)?.at;
        bail!("the ledger held nothing at {at}\nhint: its first record is of {first}");
    }
    let ids: Vec<&String> =
        if only.is_empty() { loaded.config.controls.keys().collect() } else { only.iter().collect() };
    let mut controls = Vec::new();
    for id in ids {
        super::configured(loaded, id)?;
        controls.push(hindsight::hindsight(&reader, loaded, id, records, at)?);
    }
    let not_configured = hindsight::not_configured(&reader, loaded, records)?;
    let said = AsOf { as_of: at, records, controls, not_configured };
    if json {
        print_json(&said)?
    } else {
        show_as_of(&said)
    }
    Ok(Exit::Ok)
}

fn show_as_of(said: &AsOf) {
    outln!("What {} records, all until {}, are by today's rules. Nothing is written.\n", said.records, said.as_of);
    let mut rows = table(&["control", "record", "as of", "rules then", "then", "rules now", "now", "items differ"]);
    for Hindsight { control, then, now, differs } in &said.controls {
        let none = || "none".to_owned();
        rows.add_row([
            control.clone(),
            then.as_ref().map_or_else(none, |then| then.record.to_string()),
            now.as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
            then.as_ref().map_or_else(none, |then| then.rules.clone()),
            then.as_ref().map_or_else(none, |then| then.outcome.word().to_owned()),
            now.rules.clone(),
            now.outcome.word().to_owned(),
            differs.len().to_string(),
        ]);
    }
    outln!("{rows}\n");
    for Hindsight { control, then, now, differs } in &said.controls {
        let Some(then) = then else { continue };
        for (key, before, after) in changed(&then.policy, &now.policy) {
            outln!("{control} policy: {key} was {before}, is {after}");
        }
        for Difference { item, then, now } in differs {
            let word = |ruling: &Option<Ruling>| match ruling {
                Some(ruling) => format!("{} {}: {}", ruling.outcome.word(), ruling.reason, ruling.seen),
                None => "not judged".to_owned(),
            };
            outln!("{control} {item}\n  then {}\n  now  {}", word(then), word(now));
        }
        for unread in now.unread.iter().filter(|unread| !then.unread.contains(unread)) {
            outln!("{control} now not read: {}: {}", unread.what, unread.why);
        }
    }
    for id in &said.not_configured {
        eprintln!("evidenced: control {id} was configured then, and is not now: nothing judges it");
    }
}

/// Parameters that are not what they were, also those that were not there.
fn changed<'a>(then: &'a Value, now: &'a Value) -> Vec<(&'a String, &'a Value, &'a Value)> {
    let keys: BTreeSet<&String> = [then, now].into_iter().filter_map(Value::as_object).flat_map(Map::keys).collect();
    let pairs = keys.into_iter().map(|key| (key, &then[key], &now[key]));
    pairs.filter(|(_, then, now)| then != now).collect()
}
