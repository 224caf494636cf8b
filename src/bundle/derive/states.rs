//! The timeline of one control over the period, for pages, tables and the strip.

use super::table::{Table, instant, maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, digits, time};
use crate::config::ControlConfig;
use crate::drift::{Observed, State};
use crate::ledger::record::{Body, Status};
use crate::timeline::{self, Change, Lasted, Timeline, fold};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Write;

/// The period from its beginning to what the records know.
pub(super) fn timeline(contents: &Contents, name: &str, source: &dyn Source) -> Result<Timeline, BundleError> {
    let control = super::control::control(contents, name)?;
    let shown = Window { start: contents.facts.period.start, end: known_until(contents) };
    let mut changes = timeline::changes(source, &control.transitions)?;
    changes.extend(lapsed(contents, name, control, source, &changes)?.filter(|lapse| lapse.observed_at <= shown.end));
    Ok(fold(&changes, shown))
}

/// How far into the period the records reach.
pub(super) fn known_until(contents: &Contents) -> DateTime<Utc> {
    let period = contents.facts.period;
    contents.known_until.unwrap_or(period.start).clamp(period.start, period.end)
}

/// That the control became stale after its last verdict, where the records of the period end before somebody
/// looked and recorded it.
fn lapsed(
    contents: &Contents,
    name: &str,
    control: &Control,
    source: &dyn Source,
    changes: &[Change],
) -> Result<Option<Change>, BundleError> {
    let effective = changes.last().is_some_and(|change| change.to == State::Effective);
    let Some(index) = control.verdicts.last().filter(|_| effective) else { return Ok(None) };
    let verdict = source.record(*index)?;
    let Body::Verdict { as_of, outcome, evidence, .. } = verdict.body else { return Ok(None) };
    let Some((config_at, config)) = in_force(contents, name, source)? else { return Ok(None) };
    let mut complete = Vec::new();
    for index in evidence {
        if let Body::Evidence { collector, status: Status::Complete, window, .. } = source.record(index)?.body {
            complete.push((collector, window.end));
        }
    }
    let observed = Observed::over(outcome, as_of, verdict.at, &config.collectors, complete);
    let at = observed.stale_from(config.stale_after().delta()).unwrap_or(config_at).max(as_of);
    Ok(Some(Change {
        record: None,
        from: Some(State::Effective),
        to: State::Stale,
        before_at: Some(as_of),
        since: Some(at),
        observed_at: at,
        ended: None,
    }))
}

/// What the last configuration of the period says of the control, and when that was put on record.
fn in_force(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
) -> Result<Option<(DateTime<Utc>, ControlConfig)>, BundleError> {
    #[derive(Deserialize)]
    struct File {
        controls: BTreeMap<String, ControlConfig>,
    }
    let end = contents.facts.range.end;
    let Some(record) = contents.of_kind("config").iter().rev().find(|record| **record < end) else { return Ok(None) };
    let path = format!("data/configs/{}/config.json", digits(*record));
    let mut file: File =
        serde_json::from_slice(&source.file(*record, "config.json")?).map_err(|e| BundleError::malformed(path, e))?;
    let at = source.record(*record)?.at;
    Ok(file.controls.remove(name).map(|config| (at, config)))
}

/// `exposure.csv`: how long it was not effective, each time, and how long each item was bad.
pub(super) fn exposure(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "what",
        "item",
        "worst",
        "reason",
        "earliest",
        "from",
        "until_earliest",
        "until",
        "ended",
        "at_least_s",
        "observed_s",
        "at_most_s",
        "began_before",
        "record",
        "record_of_end",
    ];
    let mut table = Table::new(out, &columns)?;
    let seconds = |lasted: Lasted| [lasted.at_least_s, lasted.observed_s, lasted.at_most_s].map(|s| s.to_string());
    for drift in timeline(contents, name, source)?.drifts {
        let [least, observed, most] = seconds(drift.lasted);
        table.row(&[
            "drift".to_owned(),
            String::new(),
            word(drift.worst),
            String::new(),
            instant(drift.earliest),
            time(drift.from),
            instant(drift.until_earliest),
            instant(drift.until),
            maybe(drift.ended.map(word)),
            least,
            observed,
            most,
            if drift.began_before { "yes" } else { "" }.to_owned(),
            maybe(drift.records.0),
            maybe(drift.records.1),
        ])?;
    }
    let control = super::control::control(contents, name)?;
    // Of a verdict before the period the files are here only if it is the newest.
    let before = control.before.filter(|index| !contents.erased.contains_key(index));
    for spell in timeline::spells(source, before.into_iter().chain(control.verdicts.iter().copied()))? {
        let [least, observed, most] = seconds(spell.lasted);
        table.row(&[
            "item".to_owned(),
            spell.item,
            word(spell.outcome),
            spell.reason,
            instant(spell.earliest),
            time(spell.from),
            instant(spell.until_earliest),
            instant(spell.until),
            maybe(spell.ended.map(word)),
            least,
            observed,
            most,
            if before.is_some() && spell.earliest.is_none() { "yes" } else { "" }.to_owned(),
            String::new(),
            String::new(),
        ])?;
    }
    table.end()
}
