//! That each sample follows from its population and seed, and its population from the verdicts of the period.

use super::container::Archive;
use super::documents::document;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, digits, record_path};
use crate::ledger::record::Body;
use crate::samples::population::{Over, population, sha256};
use crate::samples::{METHOD, POPULATION, SAMPLE, Sample, draw, drawn};

/// How many were looked at in which way.
#[derive(Default)]
struct Count {
    drawn: u64,
    populations: u64,
}

/// Checks every one that is here.
pub(super) fn check(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("samples");
    let mut count = Count::default();
    for (name, control) in &contents.controls {
        for index in &control.samples {
            checking.take(one(archive, contents, (name, control), *index, &mut count));
        }
    }
    let Count { drawn, populations } = count;
    checking.done(format!(
        "{drawn} samples were drawn again, {populations} of them from what the records say of the period"
    ))
}

fn one(
    archive: &Archive,
    contents: &Contents,
    (name, control): (&str, &Control),
    index: u64,
    count: &mut Count,
) -> Result<(), BundleError> {
    let source = BundleSource::of(archive);
    let record = source.record(index)?;
    if !contents.has_files(index, &record.body) {
        return Ok(());
    }
    let path = |file: &str| format!("data/samples/{}/{file}", digits(index));
    let wrong = |file: &str, why: &str| Err(BundleError::malformed(path(file), why));
    if record.commit.is_none() {
        return Err(BundleError::malformed(record_path(index), "is committed to no files, which a sample must be"));
    }
    let sample: Sample = document(&source, index, SAMPLE)?;
    let Body::Sample { drawn_at, .. } = &record.body else {
        return Err(BundleError::malformed(record_path(index), "is no sample"));
    };
    if sample.body(*drawn_at) != record.body || sample.control != *name || sample.population.log_size > index {
        return wrong(SAMPLE, "says otherwise than its record");
    }
    let csv = source.file(index, POPULATION)?;
    if sha256(&csv) != sample.population.sha256 {
        return wrong(POPULATION, "is not the population that the sample names");
    }
    if sample.method != METHOD {
        return wrong(SAMPLE, "was drawn by a method that this program does not know");
    }
    let rows: Vec<u64> = sample.items.iter().map(|item| item.row).collect();
    if rows.len() as u64 != sample.size || draw(&sample.seed, &csv, sample.population.size, sample.size) != rows {
        return wrong(SAMPLE, "is not what its seed draws from its population");
    }
    count.drawn += 1;
    if !contents.covers(sample.period) {
        return Ok(());
    }
    // As it was when it was drawn: neither what was sealed nor what was erased later counts.
    let size = sample.population.log_size;
    let erased_then = |index: u64| contents.erased.get(&index).is_some_and(|by| *by < size);
    let before = control.all_verdicts().into_iter().take_while(|verdict| *verdict < size);
    let gone = |index: u64| contents.erased.contains_key(&index);
    let over = Over { source: &source, erased: &gone, period: sample.period };
    let again = population(over, before)?;
    if again.rests_on.iter().any(|index| gone(*index) && !erased_then(*index)) {
        return Ok(());
    }
    if again.csv()? != csv || again.items.len() as u64 != sample.population.size {
        return wrong(POPULATION, "is not what the verdicts of the period were about");
    }
    if again.unread != sample.population.unread || drawn(&again, &rows) != sample.items {
        return wrong(SAMPLE, "names other outcomes, verdicts or evidence than the records of the period");
    }
    count.populations += 1;
    Ok(())
}
