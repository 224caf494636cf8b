//! What each collector was to do and what became of it.

use super::table::{Table, maybe};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Series, Source};
use crate::ledger::record::Body;
use crate::schedule::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// Names of the columns of counts, in their order.
pub(super) const COLUMNS: [&str; 17] = [
    "due",
    "in_time",
    "late",
    "unaccounted",
    "unplanned",
    "scheduled",
    "catch_up",
    "manual",
    "done",
    "incomplete",
    "failed",
    "aborted",
    "interrupted",
    "open",
    "missed",
    "erased",
    "withheld",
];

/// What one collector did.
pub(super) struct Row {
    /// Which collector.
    pub(super) collector: String,
    /// Its smallest and largest sequence number in the period.
    pub(super) seqs: Option<(u64, u64)>,
    /// The counts, in the order of `COLUMNS`; `None`: the bundle does not tell.
    pub(super) counts: [Option<u64>; COLUMNS.len()],
}

/// A row per collector. `due`, `in_time`, `late`, `unaccounted` and `unplanned` are slots of the calendar: what
/// the schedules in force asked for in the period. The others are records of the period.
pub(super) fn rows(contents: &Contents, source: &dyn Source) -> Result<Vec<Row>, BundleError> {
    let erased = erased(contents, source)?;
    let withheld = withheld(contents);
    let row = |(collector, series): (&String, &Series)| {
        let count = |word: &str| series.counts.get(word).copied().unwrap_or_default();
        let slots = |of: Outcome| series.slots.get(&of).copied().unwrap_or_default();
        let counts = COLUMNS.map(|word| match word {
            "due" => {
                Some(series.slots.iter().filter(|(of, _)| **of != Outcome::Unplanned).map(|(_, slots)| slots).sum())
            }
            "in_time" => Some(slots(Outcome::Done)),
            "late" => Some(slots(Outcome::Late)),
            "unaccounted" => Some(slots(Outcome::Unaccounted)),
            "unplanned" => Some(slots(Outcome::Unplanned)),
            "erased" => Some(erased.get(collector).copied().unwrap_or_default()),
            // Whose records they are is what withholding hides; none withheld is none of each.
            "withheld" => (withheld == 0).then_some(0),
            word => Some(count(word)),
        });
        Row { collector: collector.clone(), seqs: series.seqs, counts }
    };
    Ok(contents.series.iter().map(row).collect())
}

/// Records of the period that are in the log and not in the bundle.
pub(super) fn withheld(contents: &Contents) -> u64 {
    let range = &contents.facts.range;
    let disclosed = contents.disclosed().filter(|index| range.contains(index)).count() as u64;
    (range.end - range.start).saturating_sub(disclosed)
}

/// Evidence whose files are gone by an `erasure` record, by collector; of a record that is not in the
/// bundle nobody knows whose it was.
fn erased(contents: &Contents, source: &dyn Source) -> Result<BTreeMap<String, u64>, BundleError> {
    let mut targets = BTreeSet::new();
    for index in contents.of_kind("erasure") {
        if let Body::Erasure { target, .. } = source.record(*index)?.body {
            targets.insert(target);
        }
    }
    let mut erased: BTreeMap<String, u64> = BTreeMap::new();
    if targets.is_empty() {
        return Ok(erased);
    }
    for target in contents.disclosed().filter(|index| targets.contains(index)) {
        if let Body::Evidence { collector, .. } = source.record(target)?.body {
            *erased.entry(collector).or_default() += 1;
        }
    }
    Ok(erased)
}

/// `completeness.csv`: a row per collector, with its sequence numbers and what became of each.
pub(super) fn completeness(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut columns = vec!["collector", "first_seq", "last_seq"];
    columns.extend(COLUMNS);
    let mut table = Table::new(out, &columns)?;
    for Row { collector, seqs, counts } in rows(contents, source)? {
        let mut row = vec![collector, maybe(seqs.map(|s| s.0)), maybe(seqs.map(|s| s.1))];
        row.extend(counts.map(maybe));
        table.row(&row)?;
    }
    table.end()
}
