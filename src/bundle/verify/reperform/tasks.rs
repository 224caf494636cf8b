//! What each run was asked: its window goes on where the one before ended, and it was told what that left for it. Made again
//! from the runs before it, by the rule of `run::Runner::task`; for a collection that is made again from what it was asked
//! shows nothing of that.

use super::Work;
use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits, time};
use crate::bundle::verify::documents::document;
use crate::config::Config;
use crate::ledger::record::{Body, Status};
use crate::run_file::{self, PARTIAL, POPULATION, RUN, RunFile};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use std::collections::{BTreeMap, BTreeSet};

/// The runs so far.
#[derive(Default)]
pub(super) struct Tasks {
    /// The newest configuration.
    configured: Option<u64>,
    /// Where each run was opened, and the newest configuration then.
    opened: BTreeMap<String, (u64, Option<u64>)>,
    /// Evidence by collector, oldest first.
    earlier: BTreeMap<String, Vec<Earlier>>,
}

/// An evidence record of the same collector.
struct Earlier {
    index: u64,
    status: Status,
    window: Window,
    /// Whether it left something for the next, or was complete; `None`: its files are not in the bundle.
    leaves: Option<bool>,
}

/// What is known of what a run had to be asked.
enum Known<T> {
    /// It follows from a record, if there is any.
    Follows(T, Option<u64>),
    /// It follows from runs before the period, which are not in the bundle.
    Before,
    /// It cannot be known, and why.
    Hidden(String),
}

impl Tasks {
    /// Takes the next record, and checks what a run was asked whose evidence it is.
    pub(super) fn see(&mut self, work: &mut Work<'_>, index: u64, body: &Body) -> Result<(), BundleError> {
        match body {
            Body::Config { .. } => self.configured = Some(index),
            Body::RunOpened { run, .. } => {
                self.opened.insert(run.clone(), (index, self.configured));
            }
            Body::Evidence { run, collector, status, window, .. } => {
                let files = work.contents.has_files(index, body);
                if files && work.contents.facts.range.contains(&index) {
                    let (opened, under) = self.opened.remove(run).unwrap_or((index, self.configured));
                    let earlier = self.earlier.get(collector).map(Vec::as_slice).unwrap_or_default();
                    check(work, index, earlier, opened, under)?;
                }
                let leaves = if files { Some(leaves(work, index, *status)?) } else { None };
                let one = Earlier { index, status: *status, window: *window, leaves };
                self.earlier.entry(collector.clone()).or_default().push(one);
            }
            _ => {}
        }
        Ok(())
    }
}

fn check(
    work: &mut Work<'_>,
    index: u64,
    earlier: &[Earlier],
    opened: u64,
    under: Option<u64>,
) -> Result<(), BundleError> {
    let file = format!("data/evidence/{}/{RUN}", digits(index));
    let run: RunFile = document(&work.source, index, RUN)?;
    // Of what was erased by then, the run knew nothing.
    let contents = work.contents;
    let known = |one: &&Earlier| contents.erased.get(&one.index).is_none_or(|by| *by > opened);
    let earlier = earlier.iter().rev().filter(known);
    let (mut before, mut hidden) = (false, BTreeSet::new());
    match begins(work, earlier.clone(), &run, under) {
        Known::Follows(start, by) if start != run.task.window.start => {
            let by = by.map_or_else(|| "by the configuration".to_owned(), |by| format!("where record {by} ended"));
            let (is, was) = (time(run.task.window.start), time(start));
            work.checking.wrong(file.as_str(), format!("its window begins at {is}, and not at {was}, {by}"));
        }
        Known::Follows(..) => {}
        Known::Before => before = true,
        Known::Hidden(why) => drop(hidden.insert(why)),
    }
    match left(work, earlier, &run)? {
        Known::Follows(carry, by) if carry != run.task.carry => {
            let by = by.map_or_else(|| "there was nothing before it".to_owned(), |by| format!("record {by} says what"));
            work.checking.wrong(file.as_str(), format!("was told otherwise than what was left for it: {by}"));
        }
        Known::Follows(..) => {}
        Known::Before => before = true,
        Known::Hidden(why) => drop(hidden.insert(why)),
    }
    work.done.asked_before += u64::from(before);
    hidden.into_iter().for_each(|why| work.skip(file.clone(), why));
    Ok(())
}

/// The first record from which on all of the log's are here.
fn all_from(work: &Work<'_>) -> u64 {
    let start = work.contents.facts.range.start;
    if start <= 1 { 0 } else { start }
}

/// Where its window had to begin: where the newest complete one ended, unless that was by a clock that was ahead.
fn begins<'a>(
    work: &Work<'_>,
    mut earlier: impl Iterator<Item = &'a Earlier>,
    run: &RunFile,
    under: Option<u64>,
) -> Known<DateTime<Utc>> {
    let complete = |one: &&Earlier| one.status == Status::Complete && one.window.end <= run.as_of;
    match earlier.find(complete) {
        Some(one) if one.index >= all_from(work) || one.window.end == run.task.window.start => {
            Known::Follows(one.window.end, Some(one.index))
        }
        Some(_) => Known::Before,
        None if all_from(work) > 0 => Known::Before,
        None => {
            let text = under.and_then(|config| work.source.file(config, "config.json").ok());
            let config: Option<Config> = text.and_then(|text| serde_json::from_slice(&text).ok());
            match config.as_ref().and_then(|config| config.collectors.get(&run.collector)) {
                Some(collector) => Known::Follows(run.as_of - collector.first_window.delta(), None),
                None => Known::Hidden("this program cannot read the configuration that it began under".to_owned()),
            }
        }
    }
}

/// What was left for it: by the newest run that left something, or was complete.
fn left<'a>(
    work: &Work<'_>,
    earlier: impl Iterator<Item = &'a Earlier>,
    run: &RunFile,
) -> Result<Known<Option<serde_json::Value>>, BundleError> {
    let from = all_from(work);
    for one in earlier {
        if one.status == Status::Failed || one.leaves == Some(false) {
            continue;
        }
        if let Some(by) = work.contents.erased.get(&one.index) {
            let index = one.index;
            let why =
                format!("not re-performed: what was left for it was erased with record {index}, as record {by} says");
            return Ok(Known::Hidden(why));
        }
        if one.leaves.is_none() {
            return Ok(Known::Before);
        }
        let carry = carry(work, one.index, one.status)?;
        return Ok(match one.index >= from || carry == run.task.carry {
            true => Known::Follows(carry, Some(one.index)),
            false => Known::Before,
        });
    }
    Ok(if from > 0 { Known::Before } else { Known::Follows(None, None) })
}

/// Whether a run left something for the next one, or was complete.
fn leaves(work: &Work<'_>, index: u64, status: Status) -> Result<bool, BundleError> {
    Ok(match status {
        Status::Complete => true,
        Status::Incomplete => carry(work, index, status)?.is_some(),
        Status::Failed => false,
    })
}

/// What a run left for the next one.
fn carry(work: &Work<'_>, index: u64, status: Status) -> Result<Option<serde_json::Value>, BundleError> {
    let name = if status == Status::Complete { POPULATION } else { PARTIAL };
    let malformed = |e| BundleError::malformed(format!("data/evidence/{}/{name}", digits(index)), e);
    run_file::carry(&work.source.file(index, name)?).map_err(malformed)
}
