//! The log: its signature, the inclusion of every record, and that none of the range is left out.

use super::container::Archive;
use super::keys::{Claimed, Terms, lines};
use super::merkle::{Checkpoint, Fold, Hash, Key, Note, base64_hash, leaf, root_by_proof};
use super::report::{Check, Checking, KeySource};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Facts, PROOF_HEADER, proof_path, record_path};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};

const CHECKPOINT: &str = "data/log/checkpoint";
const FRONTIER: &str = "data/log/frontier.txt";
const LEAF_HASHES: &str = "data/log/leafhashes.txt";

/// The closing checkpoint as it is written, and what it says.
pub(super) struct Closing {
    pub(super) note: String,
    pub(super) checkpoint: Checkpoint,
    terms: Terms,
}

impl Closing {
    /// As it is written.
    pub(super) fn note(&self) -> &str {
        &self.note
    }

    /// Records under it.
    pub(super) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Reads another checkpoint of the log, signed by the keys that sign at its size.
    pub(super) fn open(&self, note: &str) -> Result<Checkpoint, String> {
        let checkpoint = self.terms.open(note)?;
        if checkpoint.origin != self.checkpoint.origin {
            return Err(format!("of another log, {}", checkpoint.origin));
        }
        Ok(checkpoint)
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
    let mut fold = frontier(archive, start)?;
    let mut note = |fold: &Fold, size: u64| {
        if sizes.contains(&size)
            && let (_, Some(root)) = fold.root()
        {
            roots.insert(size, root);
        }
    };
    note(&fold, start);
    hashes(archive, LEAF_HASHES, |position, hash| {
        fold.push(hash);
        note(&fold, start + position + 1);
    })?;
    // Hashes that do not lead to the signed root show nothing, least of all that somebody signed a lie.
    if fold.root() != (closing.checkpoint.size, Some(closing.checkpoint.root)) {
        return Err(BundleError::malformed(
            LEAF_HASHES,
            "does not lead to the signed root, so nothing compares with it",
        ));
    }
    Ok(roots)
}

/// Checks the checkpoint's signatures by the keys that the records name, and that the keys given lead to them.
pub(super) fn signature(archive: &Archive, facts: &Facts, given: &[Key]) -> (Check, Option<Closing>) {
    let mut checking = Checking::new("checkpoint");
    let opened = checking.take(open(archive, given));
    let (closing, detail) = opened.map_or((None, String::new()), |(closing, detail)| (Some(closing), detail));
    if let Some(Closing { checkpoint, .. }) = &closing {
        let right = checkpoint.origin == facts.origin && checkpoint.size == facts.log_size;
        checking.expect(right, "bag-info.txt", "names another log, or another size, than the checkpoint");
    }
    (checking.done(detail), closing)
}

/// Where the keys that `signature` uses came from.
pub(super) fn key_source(given: &[Key]) -> KeySource {
    if given.is_empty() { KeySource::Bundle } else { KeySource::Given }
}

fn open(archive: &Archive, given: &[Key]) -> Result<(Closing, String), BundleError> {
    let malformed = |why: String| BundleError::malformed(CHECKPOINT, why);
    let note = archive.text(CHECKPOINT)?;
    let read = Note::parse(&note).map_err(malformed)?;
    let checkpoint = read.checkpoint().map_err(malformed)?;
    let size = checkpoint.size;
    let terms = Terms::read(archive, Claimed { note: &note, checkpoint: &checkpoint })?;
    terms.signed(&read, size, &checkpoint.origin).map_err(malformed)?;
    let detail = match given {
        [] => "signed by the keys in the bundle itself: this shows that the bundle is consistent, and not where it \
               comes from; give the key that you were told before the period"
            .to_owned(),
        given => terms.trust(given, &read, size)?,
    };
    Ok((Closing { note: note.clone(), checkpoint, terms }, detail))
}

/// Checks that each disclosed record is where its proof says, under the checkpoint.
pub(super) fn inclusion(archive: &Archive, contents: &Contents, closing: &Closing) -> Check {
    let mut checking = Checking::new("inclusion");
    let mut count = 0_u64;
    for index in contents.disclosed() {
        let path = proof_path(index);
        let Some(text) = checking.take(archive.text(&path)) else { continue };
        let Some(record) = checking.take(archive.read(&record_path(index))) else { continue };
        count += 1;
        let proof = match parse_proof(&text, index, &closing.note) {
            Ok(proof) => proof,
            Err(why) => {
                checking.wrong(path, why);
                continue;
            }
        };
        let root = root_by_proof(leaf(&record), index, closing.checkpoint.size, &proof);
        if root != Some(closing.checkpoint.root) {
            checking.wrong(
                record_path(index),
                format!("{path} does not lead from this record to the signed root: one of the two was changed"),
            );
        }
    }
    checking.done(format!("{count} records are in the log under the checkpoint"))
}

pub(super) fn parse_proof(text: &str, index: u64, note: &str) -> Result<Vec<Hash>, String> {
    let rest = text.strip_prefix(&format!("{PROOF_HEADER}\nindex {index}\n"));
    let rest = rest.ok_or_else(|| format!("does not begin as a proof of record {index}"))?;
    let hashes = rest.strip_suffix(note).and_then(|rest| rest.strip_suffix('\n'));
    let hashes = hashes.ok_or("does not end with the closing checkpoint")?;
    if !hashes.is_empty() && !hashes.ends_with('\n') {
        return Err("the last hash has no end of line".to_owned());
    }
    let parsed: Option<Vec<Hash>> = hashes.split_terminator('\n').map(base64_hash).collect();
    parsed.ok_or_else(|| "a hash is not base64 of 32 bytes".to_owned())
}

/// Checks that the leaf hashes lead to the signed root, and that every record of the range is here and is
/// the one that its line says.
pub(super) fn range(archive: &Archive, contents: &Contents, closing: &Closing) -> Check {
    let mut checking = Checking::new("range");
    let range = contents.facts.range.clone();
    if let Some(mut fold) = checking.take(frontier(archive, range.start)) {
        let folded = hashes(archive, LEAF_HASHES, |position, hash| {
            fold.push(hash);
            let index = range.start + position;
            // Of what is withheld there is nothing but the hash; `counted` shows that it may be.
            if range.contains(&index) && contents.discloses(index) {
                match archive.read(&record_path(index)) {
                    Ok(record) if leaf(&record) == hash => {}
                    Ok(_) => checking.wrong(
                        record_path(index),
                        format!("does not hash to line {} of {LEAF_HASHES}: one of the two was changed", position + 1),
                    ),
                    Err(error) => checking.failed(&error),
                }
            }
        });
        if checking.take(folded).is_some() {
            let (size, root) = fold.root();
            if (size, root) != (closing.checkpoint.size, Some(closing.checkpoint.root)) {
                let why = format!("do not lead to the signed root: {size} records, not as signed");
                checking.wrong(LEAF_HASHES, format!("with {FRONTIER}, {why}"));
            }
        }
    }
    let here = match contents.withheld() {
        0 => "is here".to_owned(),
        withheld => format!("is here, or its hash is: {withheld} are withheld"),
    };
    checking.done(format!("every record from {} to before {} {here}", range.start, range.end))
}

fn frontier(archive: &Archive, size: u64) -> Result<Fold, BundleError> {
    let mut peaks = Vec::new();
    hashes(archive, FRONTIER, |_, hash| peaks.push(hash))?;
    Fold::new(size, peaks)
        .ok_or_else(|| BundleError::malformed(FRONTIER, format!("not the subtrees of the first {size} records")))
}

/// Calls `each` with every hash of a file of hex lines, and its position from 0.
fn hashes(archive: &Archive, path: &str, mut each: impl FnMut(u64, Hash)) -> Result<(), BundleError> {
    let malformed = |why: String| BundleError::malformed(path, why);
    let entry = archive.entry(path)?;
    let mut lines = BufReader::new(archive.open_entry(&entry));
    let (mut position, mut line) = (0, String::new());
    loop {
        line.clear();
        // A line is 64 digits and its end; whatever is longer is wrong and need not be held.
        let read = (&mut lines).take(66).read_line(&mut line).map_err(|e| malformed(e.to_string()))?;
        if read == 0 {
            return Ok(());
        }
        let digits = line.strip_suffix('\n').unwrap_or_default();
        let hash: Option<Hash> = hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
        match hash {
            Some(hash) if hex::encode(hash) == digits => each(position, hash),
            _ => return Err(malformed(format!("line {} is not a hash in hex", position + 1))),
        }
        position += 1;
    }
}

/// Reads the keys that whoever verifies gives, one a line.
pub(super) fn given_keys(text: &str) -> Result<Vec<Key>, BundleError> {
    lines(text.trim()).map_err(|why| BundleError::Request {
        what: format!("the log's key cannot be read: {why}"),
        hint: "give `log.vkey` as you were told it: name+id+base64, a line per key".to_owned(),
    })
}
