//! The records: their form, and where the range begins and ends.

use super::container::{Archive, Entry};
use super::held::Taking;
use super::parallel::in_order;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Facts, Reading, parse_record, record_path};
use crate::ledger::record::{Body, Record};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

const FOLDER: &str = "data/records/";

/// Reads every record. Of a whole bundle, none of the range may be missing.
pub(super) fn read(archive: &Archive, facts: &Facts) -> (Check, Option<Contents>) {
    let mut checking = Checking::new("records");
    let mut reading = Reading::new(facts.clone());
    let mut bounds = Bounds::new(facts);
    let (mut failed, mut taking) = (None, Taking::new());
    in_order(
        archive.pages(FOLDER),
        |page| parse(archive, facts, page),
        |records| {
            for record in records {
                let Some((index, bytes, record)) = checking.take(record) else { continue };
                let begins = index > 0 && matches!(record.body, Body::Epoch { .. });
                checking.expect(!begins, record_path(index), "is a second beginning of the log");
                bounds.see(index, &record);
                taking.push(index, &bytes);
                if failed.is_none() {
                    failed = reading.add(index, record, &BundleSource::of(archive)).err();
                }
            }
        },
    );
    // Nobody has set it before: this is the first that reads records.
    archive.records.get_or_init(|| taking.end());
    if !bounds.check(&mut checking) {
        return (checking.done(String::new()), None);
    }
    let contents = match failed {
        Some(error) => Err(error),
        None => reading.end(&BundleSource::of(archive)),
    };
    let contents = checking.take(contents);
    (checking.done(format!("{} records are in the one form that there is", bounds.count)), contents)
}

/// A record, its number and its bytes.
type Parsed = (u64, Vec<u8>, Record);

/// The records on a page of the archive.
fn parse(archive: &Archive, facts: &Facts, page: usize) -> Vec<Result<Parsed, BundleError>> {
    let one = |entry: Result<Entry, BundleError>| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        let name = entry.path.strip_prefix(FOLDER)?;
        // Of twelve digits each, so that the order of the paths is that of the numbers.
        let digits = name.strip_suffix(".json").filter(|digits| digits.len() == 12);
        let index = digits.and_then(|digits| digits.parse::<u64>().ok());
        let index = index.filter(|index| record_path(*index) == entry.path && *index < facts.log_size);
        let index = index.ok_or_else(|| BundleError::malformed(entry.path.as_str(), "is not a record of the log"));
        let read = |index| {
            let bytes = archive.read_entry(&entry)?;
            let record = parse_record(&entry.path, &bytes)?;
            Ok((index, bytes, record))
        };
        Some(index.and_then(read))
    };
    archive.entries_of(page..page + 1).filter_map(one).collect()
}

/// What there is at the bounds of the range, and outside of it.
struct Bounds<'a> {
    facts: &'a Facts,
    count: u64,
    /// How many of the range, and the first that is not here.
    inside: u64,
    gap: u64,
    /// What is wrong with the first record of the log.
    beginning: Option<(String, &'static str)>,
    /// When the records at the edges of the range and next to it were written.
    edges: BTreeMap<u64, DateTime<Utc>>,
    /// What is wrong with the times of a selection.
    times: Checking,
}

impl<'a> Bounds<'a> {
    fn new(facts: &'a Facts) -> Self {
        Self {
            facts,
            count: 0,
            inside: 0,
            gap: facts.range.start,
            beginning: Some((record_path(0), "is missing or unreadable")),
            edges: BTreeMap::new(),
            times: Checking::new("records"),
        }
    }

    /// Takes the next record, oldest first.
    fn see(&mut self, index: u64, record: &Record) {
        let (range, period, at) = (&self.facts.range, self.facts.period, record.at);
        self.count += 1;
        self.inside += u64::from(range.contains(&index));
        self.gap += u64::from(index == self.gap);
        if index == 0 {
            self.beginning = match &record.body {
                Body::Epoch { origin, organization, sample, .. } => {
                    let facts = self.facts;
                    let right = (origin, organization) == (&facts.origin, &facts.organization);
                    let right = right && (facts.sample || !sample);
                    (!right).then(|| ("bag-info.txt".to_owned(), "does not say what the first record of the log says"))
                }
                _ => Some((record_path(0), "is not the beginning of a log")),
            };
        }
        let next_to = [range.start.checked_sub(1), Some(range.start), range.end.checked_sub(1), Some(range.end)];
        if next_to.contains(&Some(index)) {
            self.edges.insert(index, at);
        }
        // Of a selection, every record outside of the range must be of another time. That none is missing there
        // is for `counted` to show.
        let edge = index == range.start || index + 1 == range.end;
        let fits = match range.contains(&index) {
            // Times may go back between the two, where a clock was set.
            true => (index != range.start || at >= period.start) && (index + 1 != range.end || at < period.end),
            false if index < range.start => at < period.start,
            false => at >= period.end,
        };
        let why = match edge {
            true => "does not fall into the period, but ends the range",
            false => "lies outside of the range, but falls into the period or beyond it",
        };
        if !fits {
            self.times.wrong(record_path(index), why);
        }
    }

    /// Whether all of the range is here, if it must be; and what is wrong with its bounds.
    fn check(&mut self, checking: &mut Checking) -> bool {
        let range = &self.facts.range;
        if !self.facts.selective() && self.gap < range.end {
            // Compared by number, so that a range of absurd length costs nothing.
            let missing = range.end - range.start - self.inside;
            let why = format!("is missing or unreadable, the first of {missing} of the range");
            checking.wrong(record_path(self.gap), why);
            return false;
        }
        if let Some((file, why)) = self.beginning.take() {
            checking.wrong(file, why);
        }
        match self.facts.selective() {
            false => self.neighbours(checking),
            true if !range.is_empty()
                && [range.start, range.end - 1].iter().all(|edge| self.edges.contains_key(edge)) =>
            {
                checking.append(std::mem::replace(&mut self.times, Checking::new("records")));
            }
            true => checking.wrong("bag-info.txt", "the range does not begin and end with records that are here"),
        }
        true
    }

    /// The edges of the range and the records next to it, which show that the range is all of the period.
    fn neighbours(&self, checking: &mut Checking) {
        let (start, end, period) = (self.facts.range.start, self.facts.range.end, self.facts.period);
        let mut edge = |index: u64, fits: &dyn Fn(DateTime<Utc>) -> bool, problem: &str| match self.edges.get(&index) {
            None => checking.wrong(record_path(index), "is missing: a neighbour shows where the range ends"),
            Some(at) => checking.expect(fits(*at), record_path(index), problem),
        };
        if start == end {
            return checking.wrong("bag-info.txt", "the range has no record");
        }
        edge(start, &|at| at >= period.start, "was written before the period, but begins the range");
        edge(end - 1, &|at| at < period.end, "was written after the period, but ends the range");
        if let Some(before) = start.checked_sub(1) {
            edge(before, &|at| at < period.start, "was not written before the period, but lies before the range");
        }
        if end < self.facts.log_size {
            edge(end, &|at| at >= period.end, "was not written after the period, but lies after the range");
        }
    }
}
