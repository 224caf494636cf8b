//! That each record is in the log where its proof says, under the closing checkpoint.

use super::container::Archive;
use super::log::Closing;
use super::merkle::{Hash, Way, base64_hash};
use super::report::{Check, Checking};
use crate::bundle::format::{PROOF_HEADER, proof_path, record_path};

/// Checks proofs, in any order; next to each other they are quicker.
pub(super) struct Inclusion<'a> {
    closing: &'a Closing,
    way: Way,
    count: u64,
    checking: Checking,
}

impl<'a> Inclusion<'a> {
    pub(super) fn new(closing: &'a Closing) -> Self {
        let way = Way::to(closing.checkpoint.size, closing.checkpoint.root);
        Self { closing, way, count: 0, checking: Checking::new("inclusion") }
    }

    /// Checks the proof of a record that has this hash.
    pub(super) fn see(&mut self, archive: &Archive, index: u64, leaf: Hash) {
        let path = proof_path(index);
        let Some(text) = self.checking.take(archive.text(&path)) else { return };
        self.count += 1;
        match parse_proof(&text, index, &self.closing.note) {
            Err(why) => self.checking.wrong(path, why),
            Ok(proof) if self.way.leads(leaf, index, &proof) => {}
            Ok(_) => self.checking.wrong(
                record_path(index),
                format!("{path} does not lead from this record to the signed root: one of the two was changed"),
            ),
        }
    }

    /// Takes over what was found of other records.
    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        self.checking.append(other.checking);
    }

    pub(super) fn done(self) -> Check {
        self.checking.done(format!("{} records are in the log under the checkpoint", self.count))
    }
}

/// The hashes of a proof, which must end with the closing checkpoint.
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
