//! Which records belong to a period: those written in it, as one range of the log without holes, and those
//! outside that the ones inside refer to. Of a selection, those that its scope holds, from one summary to
//! another, so that they can be counted.

use super::envelope::key_in_force;
use super::{ExportRequest, Selected};
use crate::bundle::BundleError;
use crate::bundle::format::{Facts, Scope, about};
use crate::ledger::record::{Body, Record};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::schedule;
use evidenced_collectors::contract::Window;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Finds them. Walks through the records once; holds what the range refers to, and no record.
pub(super) fn select(reader: &Reader, request: &ExportRequest<'_>) -> Result<Selected, BundleError> {
    let period = request.period;
    if period.start >= period.end {
        return Err(BundleError::Request {
            what: "the period ends before it begins".to_owned(),
            hint: "give its first instant, and the first instant after it".to_owned(),
        });
    }
    if request.organization.is_empty() || request.organization.chars().any(char::is_control) {
        return Err(BundleError::Request {
            what: "the organisation's name is empty or has control characters".to_owned(),
            hint: "give the name as people write it, on one line".to_owned(),
        });
    }
    let size = reader.size().map_err(unread("size"))?;
    let range = range_of(reader, period, size)?;
    if range.is_empty() {
        return Err(nothing("no record was written in the period"));
    }
    let scope = scope(reader, &range, &request.controls)?;
    let late = answered_later(reader, &range, period)?;
    let needed = needed(reader, &range, period, size)?.max(key_in_force(reader, request.key)? + 1);
    let needed = needed.max(late.last().map_or(0, |index| index + 1));
    let found = reader.closing_checkpoint(needed).map_err(unread("checkpoint"))?;
    let (log_size, checkpoint) = found.ok_or(BundleError::NotCovered { needed })?;
    let epoch = reader.record(0).map_err(unread("record 0"))?;
    let Body::Epoch { origin, organization, sample, .. } = epoch.body else {
        return Err(BundleError::ledger("record 0", "is not the beginning of a log"));
    };
    if organization != request.organization {
        return Err(BundleError::Request {
            what: format!("the log is evidence of {organization:?}, and not of {:?}", request.organization),
            hint: "give the name that the first record of the log has".to_owned(),
        });
    }
    let (range, mut records) = match &scope {
        None => (range.clone(), whole(range, log_size)),
        Some(scope) => counted(reader, scope, range, period, log_size)?,
    };
    if scope.is_none() {
        records.extend(with_ends(reader, &late, log_size)?);
    }
    supporting(reader, (&range, period), log_size, scope.as_ref(), &mut records)?;
    erasures(reader, log_size, &mut records)?;
    let facts = Facts {
        organization,
        period,
        origin,
        log_size,
        range,
        controls: request.controls.clone(),
        sample: sample || request.sample,
    };
    Ok(Selected { facts, records, checkpoint })
}

fn nothing(what: &str) -> BundleError {
    let hint = "see the dates of the ledger's records; a period without any cannot be shown to be watched";
    BundleError::Request { what: what.to_owned(), hint: hint.to_owned() }
}

/// The controls asked for with the collectors that fed them; `None`: everything is asked for.
fn scope(reader: &Reader, range: &Range<u64>, controls: &BTreeSet<String>) -> Result<Option<Scope>, BundleError> {
    if controls.is_empty() {
        return Ok(None);
    }
    let mut scope = Scope::of(controls.clone());
    let mut known = BTreeSet::new();
    for (_, record) in configs(reader, range)? {
        if let Body::Config { controls, .. } = record.body {
            scope.configured(&controls);
            known.extend(controls.into_keys());
        }
    }
    match controls.difference(&known).next() {
        None => Ok(Some(scope)),
        Some(unknown) => Err(BundleError::UnknownControl {
            control: unknown.clone(),
            known: known.into_iter().collect::<Vec<String>>().join(", "),
        }),
    }
}

/// Configurations in force in the range: the one that it begins with, and those in it.
fn configs(reader: &Reader, range: &Range<u64>) -> Result<Vec<(u64, Record)>, BundleError> {
    let kind = Filter::kind("config");
    let before = reader.newest_before(range.start, &kind).map_err(unread("configuration"))?;
    let inside =
        reader.records(range.clone(), &kind).collect::<Result<Vec<_>, _>>().map_err(unread("configuration"))?;
    Ok(before.into_iter().chain(inside).collect())
}

/// Controls that, by a configuration in force in the period, meet one of the criteria.
pub(super) fn meeting(
    reader: &Reader,
    period: Window,
    criteria: &BTreeSet<String>,
) -> Result<BTreeSet<String>, BundleError> {
    let size = reader.size().map_err(unread("size"))?;
    let range = range_of(reader, period, size)?;
    let mut controls = BTreeSet::new();
    for (index, _) in configs(reader, &range)? {
        let text = reader.read_file(index, "config.json").map_err(unread("configuration"))?;
        let config: serde_json::Value = serde_json::from_slice(&text)
            .map_err(|e| BundleError::ledger(format!("config.json of record {index}"), e))?;
        let named = config.get("controls").and_then(serde_json::Value::as_object).into_iter().flatten();
        for (id, control) in named {
            let met = control.get("criteria").and_then(serde_json::Value::as_array).into_iter().flatten();
            if met.filter_map(serde_json::Value::as_str).any(|criterion| criteria.contains(criterion)) {
                controls.insert(id.clone());
            }
        }
    }
    Ok(controls)
}

/// How large the log must be under the closing checkpoint: all of the period, the neighbour after it, which
/// shows that it does not end early, what was said of the period later, and whatever says that files of it are gone.
fn needed(reader: &Reader, range: &Range<u64>, period: Window, size: u64) -> Result<u64, BundleError> {
    let mut needed = size.min(range.end + 1);
    let after = afterwards(reader, range, period, size)?;
    needed = needed.max(after.last().map_or(0, |index| index + 1));
    for found in reader.records(needed..size, &Filter::kind("erasure")) {
        let (index, record) = found.map_err(unread("erasures"))?;
        if matches!(record.body, Body::Erasure { target, .. } if target < range.end || after.contains(&target)) {
            needed = index + 1;
        }
    }
    Ok(needed)
}

/// Runs and misses that answer to slots of the period and were recorded after its range: a daemon that was down
/// over the end of the period says so when it starts again.
fn answered_later(reader: &Reader, range: &Range<u64>, period: Window) -> Result<BTreeSet<u64>, BundleError> {
    let mut collectors = BTreeSet::new();
    for (index, _) in configs(reader, range)? {
        let text = reader.read_file(index, "config.json").map_err(unread("configuration"))?;
        let stated = schedule::stated(&text);
        let stated = stated.map_err(|e| BundleError::ledger(format!("config.json of record {index}"), e))?;
        collectors.extend(stated.into_keys());
    }
    let mut later = BTreeSet::new();
    for collector in collectors {
        let answers = reader.slots(&collector, period.start, period.end).map_err(unread("slots"))?;
        later.extend(answers.into_iter().map(|(_, index)| index).filter(|index| *index >= range.end));
    }
    Ok(later)
}

/// The records, and those of the log that say how the runs among them ended.
fn with_ends(reader: &Reader, records: &BTreeSet<u64>, log_size: u64) -> Result<BTreeSet<u64>, BundleError> {
    let mut all = records.clone();
    for index in records {
        if let Body::RunOpened { run, .. } = reader.record(*index).map_err(unread("run"))?.body {
            let closed = reader.newest_before(log_size, &Filter::kind("run_closed").run(&run));
            all.extend(closed.map_err(unread("end of a run"))?.map(|(index, _)| index));
        }
    }
    Ok(all)
}

/// Everything in the range, its two neighbours, and the summary that the log ends with.
fn whole(range: Range<u64>, log_size: u64) -> BTreeSet<u64> {
    let mut records: BTreeSet<u64> = range.clone().collect();
    records.extend(range.start.checked_sub(1));
    records.extend([range.end, log_size - 1].into_iter().filter(|index| *index < log_size));
    records
}

/// What the scope holds between the newest summary before the range and the one that the log ends with, so
/// that nothing of it can be left out; and the range from the first to the last of it.
fn counted(
    reader: &Reader,
    scope: &Scope,
    range: Range<u64>,
    period: Window,
    log_size: u64,
) -> Result<(Range<u64>, BTreeSet<u64>), BundleError> {
    let opening = reader.newest_before(range.start, &Filter::kind("summary")).map_err(unread("summary"))?;
    let from = opening.map_or(0, |(index, _)| index);
    let mut records = BTreeSet::new();
    let all = Filter::default();
    let mut every = reader.records(from..log_size, &all);
    let (mut first, mut last) = (None, None);
    while let Some((index, record)) = next(every.next())? {
        if !scope.holds(&record.body) {
            continue;
        }
        records.insert(index);
        // Times may go back between the two, where a clock was set.
        if range.contains(&index) {
            first = first.or(Some(index).filter(|_| record.at >= period.start));
            last = Some(index).filter(|_| record.at < period.end).or(last);
        }
    }
    match (first, last) {
        (Some(first), Some(last)) if first <= last => Ok((first..last + 1, records)),
        _ => Err(nothing("no record of these controls was written in the period")),
    }
}

/// Every record that says that the files of a chosen one are gone.
fn erasures(reader: &Reader, log_size: u64, records: &mut BTreeSet<u64>) -> Result<(), BundleError> {
    for found in reader.records(0..log_size, &Filter::kind("erasure")) {
        let (index, record) = found.map_err(unread("erasures"))?;
        if matches!(record.body, Body::Erasure { target, .. } if records.contains(&target)) {
            records.insert(index);
        }
    }
    Ok(())
}

fn unread(what: &str) -> impl FnOnce(LedgerError) -> BundleError {
    let what = what.to_owned();
    move |error| BundleError::ledger(what, error)
}

fn next(found: Option<Result<(u64, Record), LedgerError>>) -> Result<Option<(u64, Record)>, BundleError> {
    found.transpose().map_err(unread("records"))
}

/// From the first record that was not written before the period to the last that was not written after it.
fn range_of(reader: &Reader, period: Window, size: u64) -> Result<Range<u64>, BundleError> {
    let all = Filter::default();
    let mut start = size;
    let mut oldest_first = reader.records(0..size, &all);
    while let Some((index, record)) = next(oldest_first.next())? {
        if record.at >= period.start {
            start = index;
            break;
        }
    }
    let mut end = start;
    let mut newest_first = reader.records_newest_first(start..size, &all);
    while let Some((index, record)) = next(newest_first.next())? {
        if record.at < period.end {
            end = index + 1;
            break;
        }
    }
    Ok(start..end)
}

/// Beginning of the log, its keys, configuration, states and verdicts in force when the range begins, and what
/// records of the range name.
fn supporting(
    reader: &Reader,
    (range, period): (&Range<u64>, Window),
    log_size: u64,
    scope: Option<&Scope>,
    records: &mut BTreeSet<u64>,
) -> Result<(), BundleError> {
    let holds = |body: &Body| scope.is_none_or(|scope| scope.holds(body));
    let mut wanted = BTreeSet::from([0]);
    let mut keys = reader.records(0..log_size, &Filter::kind("key"));
    while let Some((index, _)) = next(keys.next())? {
        wanted.insert(index);
    }
    wanted.extend(configs(reader, range)?.into_iter().map(|(index, _)| index));
    // Bounds the time of the period's first records from below.
    let anchor = reader.newest_before(range.start, &Filter::kind("anchor")).map_err(unread("anchor"))?;
    wanted.extend(anchor.map(|(index, _)| index));
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let transitions = Filter::kind("transition");
    let mut before = reader.records(0..range.start, &transitions);
    while let Some((index, record)) = next(before.next())? {
        if let Body::Transition { control, .. } = &record.body
            && holds(&record.body)
        {
            states.insert(control.clone(), index);
        }
    }
    wanted.extend(states.into_values());
    wanted.extend(deliveries_after(reader, range, log_size)?);
    for index in afterwards(reader, range, period, log_size)? {
        let record = reader.record(index).map_err(unread("what was said of the period later"))?;
        wanted.extend(Some(index).filter(|_| holds(&record.body)));
    }
    named(reader, range, &holds, &mut wanted)?;
    wanted.retain(|index| !range.contains(index));
    records.extend(wanted);
    Ok(())
}

/// Kinds of records that may be about a period and sealed after it.
const AFTERWARDS: [&str; 3] = ["cause", "sample", "sign_off"];

/// Records after the range that are about the period.
fn afterwards(reader: &Reader, range: &Range<u64>, period: Window, size: u64) -> Result<BTreeSet<u64>, BundleError> {
    let mut found = BTreeSet::new();
    for kind in AFTERWARDS {
        let kind = Filter::kind(kind);
        let mut after = reader.records(range.end..size, &kind);
        while let Some((index, record)) = next(after.next())? {
            found.extend(Some(index).filter(|_| about(&record.body, range, period)));
        }
    }
    Ok(found)
}

/// What became of alerts of the range after it.
fn deliveries_after(reader: &Reader, range: &Range<u64>, log_size: u64) -> Result<BTreeSet<u64>, BundleError> {
    let mut found = BTreeSet::new();
    let kind = Filter::kind("delivery");
    let mut after = reader.records(range.end..log_size, &kind);
    while let Some((index, record)) = next(after.next())? {
        if matches!(record.body, Body::Delivery { alerts, .. } if alerts.iter().any(|alert| range.contains(alert))) {
            found.insert(index);
        }
    }
    Ok(found)
}

/// Evidence, waivers and revocations that verdicts name, waivers that revocations do, drifts that causes do, the verdict
/// before the first of each control, and the beginnings of runs that ended in the range.
fn named(
    reader: &Reader,
    range: &Range<u64>,
    holds: &dyn Fn(&Body) -> bool,
    wanted: &mut BTreeSet<u64>,
) -> Result<(), BundleError> {
    let mut opened: BTreeSet<String> = BTreeSet::new();
    let mut unopened: BTreeSet<String> = BTreeSet::new();
    let mut judged: BTreeSet<String> = BTreeSet::new();
    let all = Filter::default();
    let mut inside = reader.records(range.clone(), &all);
    while let Some((_, record)) = next(inside.next())? {
        if !holds(&record.body) {
            continue;
        }
        match record.body {
            Body::RunOpened { run, .. } => {
                opened.insert(run);
            }
            Body::Evidence { run, .. } if !opened.contains(&run) => {
                unopened.insert(run);
            }
            Body::RunClosed { run, .. } => {
                let began_inside = opened.remove(&run);
                if !began_inside {
                    unopened.insert(run);
                }
            }
            Body::Revocation { waiver: named, .. } | Body::Cause { drift: named, .. } => {
                wanted.insert(named);
            }
            Body::Verdict { evidence, waivers, control, .. } => {
                wanted.extend(evidence.into_iter().chain(waivers));
                judged.insert(control);
            }
            _ => {}
        }
    }
    for control in judged {
        let filter = Filter::kind("verdict").control(&control);
        let before = reader.newest_before(range.start, &filter).map_err(unread("verdict before the period"))?;
        wanted.extend(before.map(|(index, _)| index));
    }
    for run in unopened {
        let filter = Filter::kind("run_opened").run(&run);
        let found = reader.newest_before(range.start, &filter).map_err(unread("beginning of a run"))?;
        let (index, _) = found.ok_or_else(|| BundleError::ledger(format!("run {run}"), "was never opened"))?;
        wanted.insert(index);
        // What it began under, should another configuration have come into force before the range.
        let under = reader.newest_before(index, &Filter::kind("config")).map_err(unread("configuration"))?;
        wanted.extend(under.map(|(index, _)| index));
    }
    Ok(())
}
