//! One walk through the records: each is read once, with its proof and its documents, and handed to every
//! check. What can be told of a record alone is found by several threads at once; what depends on the records
//! before it, by one.

use super::brought::Brought;
use super::commitments::{Commitments, Committed, Salts};
use super::container::Archive;
use super::counted::Counted;
use super::deliveries::Deliveries;
use super::documents::Documents;
use super::held::Records;
use super::inclusion::Inclusion;
use super::log::Closing;
use super::merkle::{Hash, leaf};
use super::parallel::in_order;
use super::range::Range;
use super::report::{Check, Checking};
use super::runs::{References, Sequences};
use super::source::sums;
use super::windows::Windows;
use super::{anchors, envelope};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, digits, folder, parse_again, record_path};
use crate::ledger::record::Record;
use chrono::{DateTime, Utc};

/// Records that a thread takes at a time.
const STRETCH: usize = 64;

/// A record as the checks see it that depend on those before.
pub(super) struct Seen {
    pub(super) index: u64,
    pub(super) record: Record,
    /// The hash of its bytes.
    pub(super) leaf: Hash,
    /// Whether it is one of the range.
    pub(super) inside: bool,
}

/// The files of a record, which it was committed to.
pub(super) struct Files {
    /// The folder that they are in.
    pub(super) folder: String,
    /// Their hashes and names, as `SHA256SUMS` lists them.
    pub(super) sums: Result<Vec<([u8; 32], String)>, BundleError>,
}

/// Checks of each record alone.
struct Alone<'a> {
    by: Committed<'a>,
    records: Records,
    inclusion: Option<Inclusion<'a>>,
    commitments: Commitments<'a>,
    documents: Documents,
}

/// Checks of each record after those before.
struct Together<'a> {
    range: Option<Range<'a>>,
    windows: Option<Windows>,
    counted: Counted<'a>,
    sequences: Sequences<'a>,
    references: References<'a>,
    deliveries: Deliveries<'a>,
    newest: DateTime<Utc>,
}

/// Makes every check of the records; those that need the closing checkpoint only if there is one.
pub(super) fn walk(archive: &Archive, contents: &Contents, closing: Option<&Closing>, brought: &Brought) -> Vec<Check> {
    let mut checking = Checking::new("commitments");
    let salts = checking.take(Salts::read(archive));
    let by = Committed { archive, contents, salts: salts.as_ref() };
    let (anchors, windows) = match closing.map(|closing| anchors::check(archive, contents, closing, brought)) {
        Some((checks, handed)) => (checks, Some(Windows::new(handed))),
        None => (Vec::new(), None),
    };
    let mut alone = Alone::new(by, closing);
    let mut together = Together {
        range: closing.map(|closing| Range::new(archive, contents, closing)),
        windows,
        counted: Counted::new(contents),
        sequences: Sequences::new(contents),
        references: References::new(contents),
        deliveries: Deliveries::new(contents),
        newest: DateTime::UNIX_EPOCH,
    };
    alone.commitments.checking.append(checking);
    let disclosed: Vec<u64> = contents.disclosed().collect();
    let stretches: Vec<&[u64]> = disclosed.chunks(STRETCH).collect();
    let make = |stretch: usize| {
        let mut alone = Alone::new(by, closing);
        let seen: Vec<Seen> = stretches[stretch].iter().filter_map(|index| alone.see(*index)).collect();
        (alone, seen)
    };
    in_order(0..stretches.len(), make, |(other, seen)| {
        alone.append(other);
        seen.iter().for_each(|seen| together.see(seen));
    });
    let envelope = envelope::check(archive, contents, brought, together.newest);
    let mut checks: Vec<Check> = alone.inclusion.map(Inclusion::done).into_iter().collect();
    checks.extend(together.range.map(Range::done));
    checks.push(envelope);
    checks.extend(anchors);
    checks.extend(together.windows.map(Windows::done));
    checks.push(alone.commitments.done());
    checks.push(together.counted.done());
    checks.push(together.sequences.done());
    checks.push(together.references.done());
    checks.push(together.deliveries.done());
    checks.push(alone.documents.done());
    checks
}

impl<'a> Alone<'a> {
    fn new(by: Committed<'a>, closing: Option<&'a Closing>) -> Self {
        Self {
            by,
            records: Records::default(),
            inclusion: closing.map(Inclusion::new),
            commitments: Commitments::new(by),
            documents: Documents::new(),
        }
    }

    /// Reads a record, and checks what can be told of it alone.
    fn see(&mut self, index: u64) -> Option<Seen> {
        let Committed { archive, contents, .. } = self.by;
        // It could be read before.
        let parse = |bytes: &[u8]| Ok((leaf(bytes), parse_again(&record_path(index), bytes)?));
        let (leaf, record) = self.commitments.checking.take(self.records.read(archive, index, parse))?;
        let files = folder(&record.body).filter(|_| record.commit.is_some() && contents.has_files(index, &record.body));
        let files = files.map(|folder| {
            let folder = format!("data/{folder}/{}", digits(index));
            Files { sums: sums(archive, &folder), folder }
        });
        if let Some(inclusion) = &mut self.inclusion {
            inclusion.see(archive, index, leaf);
        }
        self.commitments.see(index, &record, files.as_ref());
        self.documents.see(archive, contents, index, &record, files.as_ref());
        Some(Seen { index, record, leaf, inside: contents.facts.range.contains(&index) })
    }

    /// Takes over what was found of other records.
    fn append(&mut self, other: Self) {
        if let (Some(inclusion), Some(other)) = (&mut self.inclusion, other.inclusion) {
            inclusion.append(other);
        }
        self.commitments.append(other.commitments);
        self.documents.append(other.documents);
    }
}

impl Together<'_> {
    /// Takes the next record.
    fn see(&mut self, seen: &Seen) {
        if let Some(range) = &mut self.range {
            range.see(seen);
        }
        if let Some(windows) = &mut self.windows {
            windows.see(seen.index, &seen.record);
        }
        self.counted.see(seen.index, &seen.record.body);
        self.sequences.see(seen);
        self.references.see(seen);
        self.deliveries.see(seen);
        self.newest = self.newest.max(seen.record.at);
    }
}
