//! That each sign-off names the log that it was made from, comes after its quarter, and states what the records
//! of that quarter come to.

use super::container::Archive;
use super::documents::document;
use super::log::Closing;
use super::range::roots_at;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, digits, record_path};
use crate::sign_offs::{Results, STATEMENT, SignOff, Statement};
use crate::unit::Unit;
use evidenced_collectors::contract::Window;
use std::collections::BTreeSet;

/// Checks every one that is here; `closing` is the closing checkpoint.
pub(super) fn check(archive: &Archive, contents: &Contents, closing: Option<&Closing>) -> Check {
    let mut checking = Checking::new("sign-offs");
    let mut signed = Vec::new();
    let mut compared = 0_u64;
    for (name, control) in &contents.controls {
        for index in &control.sign_offs {
            let one = one(archive, contents, (name, control), *index, &mut compared);
            signed.extend(checking.take(one));
        }
    }
    if let Some(closing) = closing {
        roots(archive, contents, closing, &signed, &mut checking);
    }
    let count = signed.len();
    checking
        .done(format!("{count} sign-offs come after their quarters; what {compared} of them state is counted again"))
}

fn one(
    archive: &Archive,
    contents: &Contents,
    (name, control): (&str, &Control),
    index: u64,
    compared: &mut u64,
) -> Result<SignOff, BundleError> {
    let source = BundleSource::of(archive);
    let wrong = |why: &str| BundleError::malformed(record_path(index), why);
    let record = source.record(index)?;
    let here = contents.has_files(index, &record.body);
    let signed = SignOff::of(index, record.body).ok_or_else(|| wrong("is no sign-off"))?;
    let quarter = Unit::parse(&signed.quarter).ok_or_else(|| wrong("is of no quarter"))?.window();
    if signed.at < quarter.end {
        return Err(wrong("was signed before its quarter had ended"));
    }
    if signed.log_size > index {
        return Err(wrong("names a log that holds more than was there"));
    }
    if !here {
        return Ok(signed);
    }
    if record.commit.is_none() {
        return Err(wrong("is committed to no statement"));
    }
    let statement: Statement = document(&source, index, STATEMENT)?;
    let path = || format!("data/signoffs/{}/{STATEMENT}", digits(index));
    if (&*statement.control, &statement.quarter) != (name, &signed.quarter) {
        return Err(BundleError::malformed(path(), "is of another control or quarter than its record"));
    }
    let period = contents.facts.period;
    if period.start <= quarter.start && quarter.end <= period.end {
        *compared += 1;
        if results(&source, (name, control), quarter, signed.log_size)? != statement.results {
            return Err(BundleError::malformed(path(), "states other results than the records of the quarter have"));
        }
    }
    Ok(signed)
}

/// What the records say of a quarter that lies in the period, up to the size that was signed for.
fn results(
    source: &BundleSource<'_>,
    (name, control): (&str, &Control),
    quarter: Window,
    size: u64,
) -> Result<Results, BundleError> {
    let mut results = Results::default();
    let mut all = control.all_verdicts();
    all.extend(&control.transitions);
    for index in all.into_iter().take_while(|index| *index < size) {
        results.see(name, quarter, index, &source.record(index)?);
    }
    Ok(results)
}

/// The roots that they name are those of this log, as far as the bundle shows it.
fn roots(archive: &Archive, contents: &Contents, closing: &Closing, signed: &[SignOff], checking: &mut Checking) {
    let sizes: BTreeSet<u64> = signed.iter().map(|signed| signed.log_size).collect();
    if sizes.is_empty() {
        return;
    }
    let roots = checking.take(roots_at(archive, contents.facts.range.start, closing, &sizes)).unwrap_or_default();
    for signed in signed {
        let root = roots.get(&signed.log_size).map(hex::encode);
        let fits = root.is_none_or(|root| root == signed.root);
        checking.expect(fits, record_path(signed.record), "was signed for another log than this one");
    }
}
