//! The hashes of the log's records, from the range on: that they lead to the signed root, and that the records
//! of the range are those, none left out.

use super::container::{Archive, Content};
use super::log::Closing;
use super::manifest::digits;
use super::merkle::{Fold, Hash};
use super::report::{Check, Checking};
use super::walk::Seen;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, record_path};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};

const FRONTIER: &str = "data/log/frontier.txt";
const LEAF_HASHES: &str = "data/log/leafhashes.txt";

/// Goes through the hashes side by side with the records.
pub(super) struct Range<'a> {
    contents: &'a Contents,
    closing: &'a Closing,
    /// `None` once they cannot be read any further.
    leaves: Option<Leaves<'a>>,
    checking: Checking,
}

impl<'a> Range<'a> {
    pub(super) fn new(archive: &'a Archive, contents: &'a Contents, closing: &'a Closing) -> Self {
        let mut checking = Checking::new("range");
        let leaves = checking.take(Leaves::open(archive, contents.facts.range.start));
        Self { contents, closing, leaves, checking }
    }

    /// Holds the next record against its line.
    pub(super) fn see(&mut self, seen: &Seen) {
        if !seen.inside {
            return;
        }
        // Of what is withheld there is nothing but the hash; `counted` shows that it may be.
        while let Some((index, hash)) = self.next() {
            if index == seen.index {
                let why = || format!("does not hash to its line of {LEAF_HASHES}: one of the two was changed");
                if hash != seen.leaf {
                    self.checking.wrong(record_path(index), why());
                }
                return;
            }
        }
    }

    /// The next record's number and hash.
    fn next(&mut self) -> Option<(u64, Hash)> {
        match self.leaves.as_mut()?.next() {
            Ok(next) => next,
            Err(error) => {
                self.checking.failed(&error);
                self.leaves = None;
                None
            }
        }
    }

    pub(super) fn done(mut self) -> Check {
        while self.next().is_some() {}
        let range = &self.contents.facts.range;
        if let Some(leaves) = &self.leaves
            && !leaves.lead_to(self.closing)
        {
            let why = format!("do not lead to the signed root: {} records, not as signed", leaves.fold.size());
            self.checking.wrong(LEAF_HASHES, format!("with {FRONTIER}, {why}"));
        }
        let here = match self.contents.withheld() {
            0 => "is here".to_owned(),
            withheld => format!("is here, or its hash is: {withheld} are withheld"),
        };
        self.checking.done(format!("every record from {} to before {} {here}", range.start, range.end))
    }
}

/// The roots of the log at these sizes, as the leaf hashes lead to them; those that they do not reach are not
/// there. Goes through the hashes once.
pub(super) fn roots_at(
    archive: &Archive,
    start: u64,
    closing: &Closing,
    sizes: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, Hash>, BundleError> {
    let mut roots = BTreeMap::new();
    if sizes.is_empty() {
        return Ok(roots);
    }
    let mut leaves = Leaves::open(archive, start)?;
    loop {
        if sizes.contains(&leaves.fold.size())
            && let Some(root) = leaves.fold.root()
        {
            roots.insert(leaves.fold.size(), root);
        }
        if leaves.next()?.is_none() {
            break;
        }
    }
    // Hashes that do not lead to the signed root show nothing, least of all that somebody signed a lie.
    if !leaves.lead_to(closing) {
        let why = "does not lead to the signed root, so nothing compares with it";
        return Err(BundleError::malformed(LEAF_HASHES, why));
    }
    Ok(roots)
}

/// The leaf hashes, and the tree over all of them so far and over what lies before.
struct Leaves<'a> {
    fold: Fold,
    hashes: Hashes<'a>,
}

impl<'a> Leaves<'a> {
    fn open(archive: &'a Archive, start: u64) -> Result<Self, BundleError> {
        let mut frontier = Hashes::open(archive, FRONTIER)?;
        let mut peaks = Vec::new();
        while let Some(hash) = frontier.next()? {
            peaks.push(hash);
        }
        let fold = Fold::new(start, peaks).ok_or_else(|| {
            BundleError::malformed(FRONTIER, format!("not the subtrees of the first {start} records"))
        })?;
        Ok(Self { fold, hashes: Hashes::open(archive, LEAF_HASHES)? })
    }

    /// The next record's number and hash; `None`: there is no other.
    fn next(&mut self) -> Result<Option<(u64, Hash)>, BundleError> {
        let Some(hash) = self.hashes.next()? else { return Ok(None) };
        let index = self.fold.size();
        self.fold.push(hash);
        Ok(Some((index, hash)))
    }

    fn lead_to(&self, closing: &Closing) -> bool {
        self.fold.size() == closing.checkpoint.size && self.fold.root() == Some(closing.checkpoint.root)
    }
}

/// A file of hashes in hex, one a line.
struct Hashes<'a> {
    path: &'static str,
    lines: BufReader<Content<'a>>,
    line: String,
    number: u64,
}

impl<'a> Hashes<'a> {
    fn open(archive: &'a Archive, path: &'static str) -> Result<Self, BundleError> {
        let lines = BufReader::new(archive.open_entry(&archive.entry(path)?));
        Ok(Self { path, lines, line: String::new(), number: 0 })
    }

    fn next(&mut self) -> Result<Option<Hash>, BundleError> {
        let malformed = |why: String| BundleError::malformed(self.path, why);
        self.line.clear();
        self.number += 1;
        // A line is 64 digits and its end; whatever is longer is wrong and need not be held.
        let read = (&mut self.lines).take(66).read_line(&mut self.line).map_err(|e| malformed(e.to_string()))?;
        if read == 0 {
            return Ok(None);
        }
        let hash = digits(self.line.strip_suffix('\n').unwrap_or_default());
        hash.map(Some).ok_or_else(|| malformed(format!("line {} is not a hash in hex", self.number)))
    }
}
