//! `calendar.csv`: what was due in the period, by the schedules that were in force, and what became of each slot.

use super::table::{Table, instant, maybe};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, record_path, time};
use crate::ledger::record::Body;
use crate::schedule::{Answered, Outcome, Slot};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::io::Write;

/// Names of the columns.
pub(super) const COLUMNS: [&str; 7] = ["collector", "due", "outcome", "began", "ended", "record", "reason"];

/// Writes it.
pub(super) fn calendar(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &COLUMNS)?;
    for collector in contents.calendars.collectors() {
        for slot in contents.calendars.slots(collector) {
            let (began, ended) = times(&slot);
            table.row(&[
                collector.clone(),
                time(slot.due),
                slot.outcome.word().to_owned(),
                instant(began),
                instant(ended),
                maybe(slot.answer.map(|answer| answer.record)),
                reason(&slot, source)?,
            ])?;
        }
    }
    table.end()
}

/// When the run for a slot began and ended, as far as there was one and it did.
pub(super) fn times(slot: &Slot) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    match slot.answer.map(|answer| answer.what) {
        Some(Answered::Ran { began, ended }) => (Some(began), ended.map(|(at, _)| at)),
        _ => (None, None),
    }
}

/// Why, of what stands in no table of gaps, and of a miss.
pub(super) fn reason(slot: &Slot, source: &dyn Source) -> Result<String, BundleError> {
    let record = slot.answer.map(|answer| answer.record);
    match (slot.outcome, record) {
        (Outcome::Missed, Some(record)) => match source.record(record)?.body {
            Body::Missed { reason, .. } => Ok(reason),
            _ => Err(BundleError::malformed(record_path(record), "is not a miss")),
        },
        (Outcome::Unplanned, _) => Ok("answers to a slot that no schedule had, or that has an answer".to_owned()),
        (Outcome::Unaccounted, _) => Ok("no record says what became of it".to_owned()),
        (Outcome::Due, _) => Ok("due when the bundle was made, or a little before".to_owned()),
        _ => Ok(String::new()),
    }
}

/// The collectors that fed a control, each with its slots of the period by outcome.
pub(super) fn fed_by<'a>(
    contents: &'a Contents,
    control: &'a Control,
) -> impl Iterator<Item = (&'a String, &'a BTreeMap<Outcome, u64>)> {
    let slots = |name: &'a String| Some((name, &contents.series.get(name)?.slots));
    control.collectors.iter().filter_map(slots).filter(|(_, slots)| !slots.is_empty())
}

/// How many of the slots are so, in words: `88 done, 2 missed`, the worst last.
pub(super) fn in_words(slots: &BTreeMap<Outcome, u64>) -> String {
    let counts: Vec<String> = slots.iter().map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
    counts.join(", ")
}
