//! Whether the times that records state fit between the times that others vouch for. What comes after an
//! anchor record in the log was sealed after that receipt was made, for nobody can foretell a signature; what a
//! dated checkpoint covers was sealed before it. Bounds when a record was written, not when a source was asked.

use super::anchors::{Dated, Handed};
use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::format::{Contents, Source, record_path, time};
use crate::timestamp::CLOCKS_APART;

/// Checks the time of every disclosed record. Only receipts that were checked count.
pub(super) fn check(archive: &Archive, contents: &Contents, handed: &Handed) -> Check {
    let mut checking = Checking::new("windows");
    let dated = &handed.dated;
    for pair in dated.windows(2) {
        let [before, after] = pair else { continue };
        // Of two anchors each has its own clock, and a witness counts whole seconds.
        let ordered = before.time <= after.time + CLOCKS_APART && before.size <= after.size;
        checking.expect(ordered, record_path(after.record), "was dated before the anchor that it comes after");
    }
    let source = BundleSource(archive);
    let (mut both, mut all) = (0_u64, 0_u64);
    for index in contents.disclosed() {
        let Some(record) = checking.take(source.record(index)) else { continue };
        let (after, before) = around(dated, index);
        if let Some(bound) = after.filter(|bound| record.at + CLOCKS_APART < bound.time) {
            let (at, bound) = (time(record.at), time(bound.time));
            checking.wrong(record_path(index), format!("states {at}, but was sealed after {bound}"));
        }
        if let Some(bound) = before.filter(|bound| record.at - CLOCKS_APART > bound.time) {
            let (at, bound) = (time(record.at), time(bound.time));
            checking.wrong(record_path(index), format!("states {at}, but was sealed before {bound}"));
        }
        all += 1;
        both += u64::from(after.is_some() && before.is_some());
    }
    if dated.is_empty() && handed.count == 0 {
        return checking.done("nobody else dates the log: the times of records are the operator's word".to_owned());
    }
    if dated.is_empty() {
        checking.not_checked("when records were written: no time-stamp or cosignature of an anchor was checked");
    }
    checking.done(format!(
        "the times of {both} of {all} records lie between two that others vouch for, give or take {} minutes",
        CLOCKS_APART.num_minutes()
    ))
}

/// The last anchor before a record, and the first that covers it.
fn around(dated: &[Dated], index: u64) -> (Option<&Dated>, Option<&Dated>) {
    let after = dated[..dated.partition_point(|bound| bound.record < index)].last();
    // In order of their sizes too, or it has been said already.
    let before = dated.get(dated.partition_point(|bound| bound.size <= index));
    (after, before)
}
