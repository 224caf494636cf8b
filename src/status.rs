//! What is shown of the present: controls, collectors, the log. Reads only.

use crate::anchor::{Holder, holders, noted};
use crate::assess;
use crate::config::{ControlConfig, Loaded, Severity, changes};
use crate::daemon::{Refused, refused};
use crate::disk::{Disk, Space};
use crate::drift::{State, is_ahead};
use crate::judge::Outcome;
use crate::ledger::record::{Body, Record};
use crate::ledger::{Filter, Reader};
use crate::notify::list::{Counts, counts};
use crate::notify::vitals::{Beat, vitals};
use crate::run::RunError;
use crate::schedule::{Cadence, Forgets, Frequency, PATIENCE, cadence, forgets_at};
use crate::slots::Unanswered;
use crate::waivers::{self, OnRecord};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything, as of one instant.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The instant. Of a sample: the newest record's, for its clock is simulated.
    pub as_of: DateTime<Utc>,
    /// Name of the log.
    pub origin: String,
    /// A sample with a simulated clock.
    pub sample: bool,
    /// Size of the log.
    pub records: u64,
    /// What is configured, by the log.
    pub configuration: ConfigurationStatus,
    /// By id.
    pub controls: Vec<ControlStatus>,
    /// By name.
    pub collectors: Vec<CollectorStatus>,
    /// Who else was given checkpoints, by name.
    pub anchors: Vec<Holder>,
    /// Why nothing may be appended any more, as the last daemon found: an anchor knows another past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misfit: Option<String>,
    /// Alerts that have not arrived, and such as never will.
    pub alerts: Counts,
    /// The last sign of life; `None`: there was none.
    pub heartbeat: Option<Beat>,
    /// Space where the ledger is; `None`: it could not be told, or this is a sample.
    pub disk: Option<Space>,
}

/// The configuration in force, and what is not.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigurationStatus {
    /// Its record; `None`: nothing was ever recorded.
    pub record: Option<u64>,
    /// When it came into force.
    pub since: Option<DateTime<Utc>>,
    /// Who brought it, as far as known.
    pub by: Option<String>,
    /// Keys in which the file that this is read by differs from it: not in force until `config apply`.
    pub differs: Vec<String>,
    /// Why the daemon refused the newest one that it was given.
    pub refused: Option<Refused>,
}

/// One control.
#[derive(Debug, Clone, Serialize)]
pub struct ControlStatus {
    /// Its id.
    pub id: String,
    /// What the organisation does.
    pub title: String,
    /// The criteria that it meets.
    pub criteria: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// How bad a deviation is.
    pub severity: Severity,
    /// What it is now.
    pub state: State,
    /// Since when; as recorded, or, where nothing was recorded yet, as it follows from what is.
    pub since: Option<DateTime<Utc>>,
    /// End of the window of the newest complete evidence, oldest over its collectors.
    pub evidence_until: Option<DateTime<Utc>>,
    /// How often it operates, if it says so.
    pub frequency: Option<Frequency>,
    /// By collector, whether it was read as often as `frequency` wants: over the last year, or since a configuration
    /// first had the control. Empty without a frequency.
    pub cadence: BTreeMap<String, Cadence>,
    /// Test and version of the rules of the newest verdict; `None`: there is none.
    pub rules: Option<String>,
    /// The parameters that it is by.
    pub policy: Option<serde_json::Value>,
    /// Items of the newest verdict by outcome.
    pub counts: BTreeMap<Outcome, u64>,
    /// Waivers in force, oldest first. Whether one counts is for the judge to say: see `waivers::standing`.
    pub waivers: Vec<OnRecord>,
    /// Items that deviate or could not be judged, and what was not read, each with the reason.
    pub bad: Vec<String>,
}

/// One collector.
#[derive(Debug, Clone, Serialize)]
pub struct CollectorStatus {
    /// Its name.
    pub name: String,
    /// When its newest run began.
    pub last_run: Option<DateTime<Utc>>,
    /// How that ended; `running` if it has not.
    pub last_end: Option<String>,
    /// When it is due next.
    pub next_due: Option<DateTime<Utc>>,
    /// Due slots that have no record although it is more than `PATIENCE` ago: no daemon runs, or it does not come
    /// to them.
    pub unaccounted: u64,
    /// When the source begins to forget what was not read yet; `None`: it forgets nothing, or nothing was read yet.
    pub forgets: Option<Forgets>,
}

/// Reads it.
pub fn status(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Status, RunError> {
    let records = reader.size()?;
    let newest = reader.record(records.saturating_sub(1))?.at;
    let (origin, sample) = match reader.record(0)?.body {
        Body::Epoch { origin, sample, .. } => (origin, sample),
        _ => (loaded.config.origin.clone(), false),
    };
    let as_of = if sample { newest } else { now };
    let configuration = configuration(reader, loaded)?;
    let mut controls = Vec::new();
    for id in loaded.config.controls.keys() {
        controls.push(control_status(reader, loaded, id, as_of)?);
    }
    let mut collectors = Vec::new();
    for name in loaded.config.collectors.keys() {
        collectors.push(collector_status(reader, loaded, name, as_of)?);
    }
    let vitals = vitals(&loaded.state_dir);
    let anchors = noted(holders(reader, &loaded.config, as_of)?, &vitals);
    let (alerts, heartbeat) = (counts(reader, as_of)?, vitals.heartbeat);
    let disk = if sample { None } else { Disk::Real.of_ledger(loaded) };
    let misfit = vitals.misfit;
    Ok(Status {
        disk,
        as_of,
        origin,
        sample,
        records,
        configuration,
        controls,
        collectors,
        anchors,
        misfit,
        alerts,
        heartbeat,
    })
}

fn configuration(reader: &Reader, loaded: &Loaded) -> Result<ConfigurationStatus, RunError> {
    let known = assess::config_in_force(reader)?;
    let before = known.as_ref().map_or(&serde_json::Value::Null, |known| &known.config);
    Ok(ConfigurationStatus {
        differs: changes(before, &loaded.config)?.into_iter().map(|change| change.key).collect(),
        record: known.as_ref().map(|known| known.index),
        since: known.as_ref().map(|known| known.since),
        by: known.map(|known| known.by),
        refused: refused(&loaded.state_dir),
    })
}

fn control_status(reader: &Reader, loaded: &Loaded, id: &str, as_of: DateTime<Utc>) -> Result<ControlStatus, RunError> {
    let config = &loaded.config.controls[id];
    let mut bad = Vec::new();
    let mut counts = BTreeMap::new();
    let (mut by_rules, mut policy) = (None, None);
    let mut present = assess::present(reader, loaded, id, as_of)?;
    if let Some((index, Record { body: Body::Verdict { rules, .. }, .. })) =
        reader.newest(&Filter::kind("verdict").control(id))?
    {
        (by_rules, policy) = (Some(rules), Some(assess::policy(reader, index)?));
        let verdict = match present.unrecorded.take() {
            Some(verdict) => verdict,
            None => assess::judgements(reader, index)?,
        };
        bad.extend(verdict.unread.iter().map(|u| {
            let hint = u.hint.as_ref().map(|h| format!(" (hint: {h})")).unwrap_or_default();
            format!("not read: {}: {}{hint}", u.what, u.why)
        }));
        for judgement in &verdict.judgements {
            if matches!(judgement.outcome, Outcome::Deviation | Outcome::Indeterminate) {
                bad.push(format!("{}: {}: {}", judgement.item, judgement.reason, judgement.seen));
            }
        }
        counts = verdict.counts;
    }
    let mut until = Vec::new();
    for name in &config.collectors {
        until.push(assess::newest_complete(reader, name)?.map(|complete| complete.window.end));
    }
    Ok(ControlStatus {
        id: id.to_owned(),
        title: config.title.clone(),
        criteria: config.criteria.clone(),
        owner: config.owner.clone(),
        severity: config.severity,
        state: present.state,
        since: present.unrecorded_since.map_or_else(|| since(reader, id), |since| Ok(Some(since)))?,
        evidence_until: until.into_iter().min().flatten(),
        frequency: config.frequency,
        cadence: cadences(reader, config, id, as_of)?,
        rules: by_rules,
        policy,
        counts,
        waivers: waivers::of_control(reader, id)?.into_iter().filter(|waiver| waiver.in_force(as_of)).collect(),
        bad,
    })
}

/// How far back the cadence is looked at, days.
const CADENCE_DAYS: i64 = 365;

fn cadences(
    reader: &Reader,
    config: &ControlConfig,
    id: &str,
    as_of: DateTime<Utc>,
) -> Result<BTreeMap<String, Cadence>, RunError> {
    let mut cadences = BTreeMap::new();
    let (Some(frequency), Some(since)) = (config.frequency, assess::configured_since(reader, id)?) else {
        return Ok(cadences);
    };
    let window = Window { start: since.max(as_of - TimeDelta::days(CADENCE_DAYS)).min(as_of), end: as_of };
    for name in &config.collectors {
        let collected = assess::collected(reader, u64::MAX, (name, id), window.start)?;
        let readings: Vec<_> = collected.iter().filter(|one| one.complete).map(|one| one.until).collect();
        cadences.insert(name.clone(), cadence(frequency, window, &readings, as_of));
    }
    Ok(cadences)
}

/// When the control came into the state that it is recorded in. What a clock that was ahead said before says nothing.
fn since(reader: &Reader, id: &str) -> Result<Option<DateTime<Utc>>, RunError> {
    let mut came: Option<DateTime<Utc>> = None;
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("transition").control(id)) {
        let (_, Record { body: Body::Transition { from, to, since, observed_at, .. }, .. }) = found? else { continue };
        let shown = since.unwrap_or(observed_at);
        if came.is_some_and(|came| is_ahead(shown, came)) {
            break;
        }
        came = Some(shown);
        if from != Some(to) {
            break;
        }
    }
    Ok(came)
}

fn collector_status(
    reader: &Reader,
    loaded: &Loaded,
    name: &str,
    as_of: DateTime<Utc>,
) -> Result<CollectorStatus, RunError> {
    let opened = reader.newest(&Filter::kind("run_opened").collector(name))?.map(|(_, record)| record);
    let closed = reader.newest(&Filter::kind("run_closed").collector(name))?.map(|(_, record)| record.body);
    let last_end = match (&opened, closed) {
        (Some(Record { body: Body::RunOpened { run, .. }, .. }), Some(Body::RunClosed { run: ended, end, .. }))
            if *run == ended =>
        {
            Some(end.word().to_owned())
        }
        (Some(_), _) => Some("running".to_owned()),
        _ => None,
    };
    let unanswered = Unanswered::read(reader, name, as_of)?;
    Ok(CollectorStatus {
        unaccounted: unanswered.slots().filter(|slot| as_of - *slot >= PATIENCE).count() as u64,
        name: name.to_owned(),
        last_run: opened.map(|record| record.at),
        last_end,
        next_due: loaded.collectors[name].schedule.next_after(as_of),
        forgets: assess::newest_complete(reader, name)?
            .and_then(|complete| forgets_at(complete.window.end, &loaded.collectors[name].collector.remembers())),
    })
}
