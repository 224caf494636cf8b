//! Which records belong to a period: those written in it, as one range of the log without holes, and
//! those outside that the ones inside refer to.

use super::envelope::key_in_force;
use super::{ExportRequest, Selected};
use crate::bundle::BundleError;
use crate::bundle::format::Facts;
use crate::ledger::record::{Body, Record};
use crate::ledger::{Filter, LedgerError, Reader};
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
    let range = range_of(reader, request, size)?;
    if range.is_empty() {
        return Err(BundleError::Request {
            what: "no record was written in the period".to_owned(),
            hint: "see the dates of the ledger's records; a period without any cannot be shown to be watched"
                .to_owned(),
        });
    }
    // The neighbour after the range shows that the range does not end early.
    let needed = size.min(range.end + 1).max(key_in_force(reader, request.key)? + 1);
    let found = reader.checkpoint_at_or_after(needed).map_err(unread("checkpoint"))?;
    let (log_size, checkpoint) = match found {
        Some(found) => found,
        None => {
            let (covered, _) = reader.latest_checkpoint().map_err(unread("checkpoint"))?;
            return Err(BundleError::NotCovered { covered, needed });
        }
    };
    let epoch = reader.record(0).map_err(unread("record 0"))?;
    let Body::Epoch { origin, sample, .. } = epoch.body else {
        return Err(BundleError::ledger("record 0", "is not the beginning of a log"));
    };
    let supporting = supporting(reader, &range, log_size)?;
    let sample = sample || request.sample;
    let facts = Facts { organization: request.organization.clone(), period, origin, log_size, range, sample };
    Ok(Selected { facts, supporting, checkpoint })
}

fn unread(what: &str) -> impl FnOnce(LedgerError) -> BundleError {
    let what = what.to_owned();
    move |error| BundleError::ledger(what, error)
}

fn next(found: Option<Result<(u64, Record), LedgerError>>) -> Result<Option<(u64, Record)>, BundleError> {
    found.transpose().map_err(unread("records"))
}

/// From the first record that was not written before the period to the last that was not written after it.
fn range_of(reader: &Reader, request: &ExportRequest<'_>, size: u64) -> Result<Range<u64>, BundleError> {
    let all = Filter::default();
    let mut start = size;
    let mut oldest_first = reader.records(0..size, &all);
    while let Some((index, record)) = next(oldest_first.next())? {
        if record.at >= request.period.start {
            start = index;
            break;
        }
    }
    let mut end = start;
    let mut newest_first = reader.records_newest_first(start..size, &all);
    while let Some((index, record)) = next(newest_first.next())? {
        if record.at < request.period.end {
            end = index + 1;
            break;
        }
    }
    Ok(start..end)
}

/// Beginning of the log, its keys, configuration and states in force, what records of the range name, and the
/// range's neighbours, which show that it neither begins late nor ends early.
fn supporting(reader: &Reader, range: &Range<u64>, log_size: u64) -> Result<BTreeSet<u64>, BundleError> {
    let mut wanted = BTreeSet::from([0]);
    wanted.extend(range.start.checked_sub(1));
    if range.end < log_size {
        wanted.insert(range.end);
    }
    let mut keys = reader.records(0..log_size, &Filter::kind("key"));
    while let Some((index, _)) = next(keys.next())? {
        wanted.insert(index);
    }
    let config = reader.newest_before(range.start, &Filter::kind("config")).map_err(unread("configuration"))?;
    wanted.extend(config.map(|(index, _)| index));
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let transitions = Filter::kind("transition");
    let mut before = reader.records(0..range.start, &transitions);
    while let Some((index, record)) = next(before.next())? {
        if let Body::Transition { control, .. } = record.body {
            states.insert(control, index);
        }
    }
    wanted.extend(states.into_values());
    named(reader, range, &mut wanted)?;
    wanted.retain(|index| !range.contains(index));
    Ok(wanted)
}

/// Evidence and waivers that verdicts name, and the beginnings of runs that ended in the range.
fn named(reader: &Reader, range: &Range<u64>, wanted: &mut BTreeSet<u64>) -> Result<(), BundleError> {
    let mut opened: BTreeSet<String> = BTreeSet::new();
    let mut unopened: BTreeSet<String> = BTreeSet::new();
    let all = Filter::default();
    let mut inside = reader.records(range.clone(), &all);
    while let Some((_, record)) = next(inside.next())? {
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
            Body::Verdict { evidence, waivers, .. } => wanted.extend(evidence.into_iter().chain(waivers)),
            _ => {}
        }
    }
    for run in unopened {
        let filter = Filter::kind("run_opened").run(&run);
        let found = reader.newest_before(range.start, &filter).map_err(unread("beginning of a run"))?;
        let (index, _) = found.ok_or_else(|| BundleError::ledger(format!("run {run}"), "was never opened"))?;
        wanted.insert(index);
    }
    Ok(())
}
