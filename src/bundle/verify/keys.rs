//! Which keys had to sign the log at which size, and whether what the auditor was given leads to them.
//!
//! A `key` record names or ends a key of the log, and is the last record under its checkpoint; that
//! checkpoint, signed by the keys before it, is in the bundle. Its root is that of the hashes to the left
//! in the record's own proof: so it is a checkpoint of the same log as the closing one.

use super::container::Archive;
use super::inclusion::parse_proof;
use super::merkle::{Checkpoint, Hash, Key, Note, leaf, root_by_proof, root_of_left};
use crate::bundle::BundleError;
use crate::bundle::format::{digits, key_checkpoint_path, parse_record, record_path};
use crate::ledger::record::{Body, KeyChange, KeyRole};

const CHECKPOINT: &str = "data/log/checkpoint";
const KEYS: &str = "data/log/log.vkey";

/// A key, and the records by which it begins and ends.
struct Term {
    key: Key,
    added: Option<u64>,
    retired: Option<u64>,
}

impl Term {
    /// Whether the key signs a log of `size` records: a record holds from the next checkpoint on.
    fn signs(&self, size: u64) -> bool {
        self.added.is_none_or(|index| index + 1 < size) && self.retired.is_none_or(|index| size <= index + 1)
    }
}

/// The log's keys by what the bundle discloses, the first one first.
pub(super) struct Terms(Vec<Term>);

/// The closing checkpoint while its keys are not known: as it is written, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Claimed<'a> {
    pub(super) note: &'a str,
    pub(super) checkpoint: &'a Checkpoint,
}

/// Reads keys, one a line.
pub(super) fn lines(text: &str) -> Result<Vec<Key>, &'static str> {
    let keys: Vec<Key> =
        text.strip_suffix('\n').unwrap_or(text).split('\n').map(Key::parse).collect::<Result<_, _>>()?;
    let twice = keys.iter().enumerate().any(|(at, key)| keys[..at].iter().any(|other| other.handle() == key.handle()));
    if twice { Err("a key is there twice") } else { Ok(keys) }
}

impl Terms {
    /// Reads the bundle's own copy, and holds every key but the first against the record that names it.
    pub(super) fn read(archive: &Archive, closing: Claimed<'_>) -> Result<Self, BundleError> {
        let malformed = |why: &str| BundleError::malformed(KEYS, why);
        let mut own = lines(&archive.text(KEYS)?).map_err(malformed)?.into_iter();
        let first = own.next().ok_or_else(|| malformed("has no key"))?;
        let mut terms = Self(vec![Term { key: first, added: None, retired: None }]);
        let mut records = Vec::new();
        for entry in archive.folder("data/log/keys/") {
            let entry = entry?;
            let name = entry.path.strip_prefix("data/log/keys/").unwrap_or_default();
            let index = name.strip_suffix(".checkpoint").and_then(|digits| digits.parse::<u64>().ok());
            match index.filter(|index| key_checkpoint_path(*index) == entry.path) {
                Some(index) => records.push(index),
                None => return Err(BundleError::malformed(&entry.path, "is not the checkpoint of a key record")),
            }
        }
        records.sort_unstable();
        records.into_iter().try_for_each(|index| terms.take(archive, closing, index))?;
        let named = terms.0.iter().skip(1).map(|term| term.key.handle());
        if !own.map(|key| key.handle()).eq(named) {
            return Err(malformed("its lines after the first are not the keys that the log's records name"));
        }
        Ok(terms)
    }

    /// Takes one record, after checking that the keys before it have signed it.
    fn take(&mut self, archive: &Archive, closing: Claimed<'_>, index: u64) -> Result<(), BundleError> {
        let bytes = archive.read(&record_path(index))?;
        let record = parse_record(&record_path(index), &bytes)?;
        let Body::Key { role: KeyRole::Log, key, change } = record.body else {
            return Err(BundleError::malformed(record_path(index), "has a checkpoint of its own, and is no key's"));
        };
        let path = key_checkpoint_path(index);
        let malformed = |why: String| BundleError::malformed(&path, why);
        let proof = proof(archive, closing, index, &bytes)?;
        let text = archive.text(&path)?;
        let checkpoint = self.open(&text).map_err(&malformed)?;
        let root = root_of_left(leaf(&bytes), index, closing.checkpoint.size, &proof);
        if checkpoint.size != index + 1
            || Some(checkpoint.root) != root
            || checkpoint.origin != closing.checkpoint.origin
        {
            return Err(malformed("is not of the log that the closing checkpoint is of".to_owned()));
        }
        self.change(index, &key, change).map_err(|why| BundleError::malformed(record_path(index), why))
    }

    fn change(&mut self, index: u64, key: &str, change: KeyChange) -> Result<(), String> {
        let key = Key::parse(key)?;
        let handle = key.handle();
        let known = self.0.iter().position(|term| term.key.handle() == handle);
        match (change, known.and_then(|at| self.0.get_mut(at))) {
            (KeyChange::Added, None) => self.0.push(Term { key, added: Some(index), retired: None }),
            (KeyChange::Retired, Some(term)) if term.retired.is_none() => term.retired = Some(index),
            (KeyChange::Added, Some(_)) => return Err(format!("names the key {handle} a second time")),
            (KeyChange::Retired, _) => return Err(format!("ends the key {handle}, which does not sign")),
        }
        if self.0.iter().all(|term| term.retired.is_some()) {
            return Err(format!("ends {handle}, the only key that signs"));
        }
        Ok(())
    }

    /// Checks that all keys have signed that had to at this size, and none of the others.
    pub(super) fn signed(&self, note: &Note<'_>, size: u64, origin: &str) -> Result<(), String> {
        if let Some(Term { key, .. }) = self.0.iter().find(|term| term.key.name() != origin) {
            return Err(format!("of the log {origin}, but the key {} is not", key.handle()));
        }
        for Term { key, .. } in self.0.iter().filter(|term| term.signs(size)) {
            if !key.signed(note)? {
                return Err(format!("not signed by {}, which signs at {size} records", key.handle()));
            }
        }
        for Term { key, .. } in self.0.iter().filter(|term| !term.signs(size)) {
            if note.names(key) {
                return Err(format!("signed by {}, which does not sign at {size} records", key.handle()));
            }
        }
        Ok(())
    }

    /// Reads any checkpoint of the log, which the keys of its size must have signed.
    pub(super) fn open(&self, note: &str) -> Result<Checkpoint, String> {
        let note = Note::parse(note)?;
        let checkpoint = note.checkpoint()?;
        self.signed(&note, checkpoint.size, &checkpoint.origin)?;
        Ok(checkpoint)
    }

    /// How the keys that were given lead to the closing checkpoint, in words; an error when they do not.
    pub(super) fn trust(&self, given: &[Key], note: &Note<'_>, size: u64) -> Result<String, BundleError> {
        let wrong = |why: String| BundleError::malformed(CHECKPOINT, why);
        let of = |term: &Term| given.iter().any(|key| key.handle() == term.key.handle() && *key == term.key);
        let handles = || given.iter().map(Key::handle).collect::<Vec<_>>().join(" or ");
        if let Some(key) = given.iter().find(|key| note.names(key) && self.0.iter().all(|term| term.key != **key)) {
            return Err(wrong(format!("signed by {}, which no record of the log names", key.handle())));
        }
        let mut trusted: Vec<bool> = self.0.iter().map(of).collect();
        if !trusted.contains(&true) {
            return Err(wrong(format!("not signed by {}, and no record under it names such a key", handles())));
        }
        let mut chain = Vec::new();
        for at in 0..self.0.len() {
            let (Some(term), Some(false)) = (self.0.get(at), trusted.get(at)) else { continue };
            let Some(added) = term.added else { continue };
            let by = self.0.iter().zip(&trusted).find(|(other, trusted)| **trusted && other.signs(added + 1));
            if let Some((by, _)) = by {
                chain.push(format!(
                    "{} is named by record {added}, the last under a checkpoint that {} has signed",
                    term.key.handle(),
                    by.key.handle()
                ));
                trusted[at] = true;
            }
        }
        let signing = self.0.iter().zip(&trusted).find(|(term, trusted)| **trusted && term.signs(size));
        let Some((signing, _)) = signing else {
            return Err(wrong(format!("nothing leads from {} to the keys that sign it", handles())));
        };
        let mut detail = match of(signing) {
            true => "signed by the key that you gave".to_owned(),
            false => format!("signed by {}, for which the key that you gave vouches", signing.key.handle()),
        };
        if !chain.is_empty() {
            detail.push_str(&format!(": {}", chain.join("; ")));
        }
        if let Some(from) = self.0.iter().filter(|term| of(term)).map(|term| term.added).min().flatten() {
            detail.push_str(&format!(
                "; it signs from after record {from} on, and shows what lies before as it stood then: that it stood so \
                 from the start only an earlier key of the log or a checkpoint that you hold can show"
            ));
        }
        Ok(detail)
    }
}

/// The hashes of the record's proof, which must lead to the closing checkpoint.
fn proof(archive: &Archive, closing: Claimed<'_>, index: u64, record: &[u8]) -> Result<Vec<Hash>, BundleError> {
    let path = format!("data/proofs/{}.tlog-proof", digits(index));
    let malformed = |why: String| BundleError::malformed(&path, why);
    let hashes = parse_proof(&archive.text(&path)?, index, closing.note).map_err(malformed)?;
    let root = root_by_proof(leaf(record), index, closing.checkpoint.size, &hashes);
    if root != Some(closing.checkpoint.root) {
        return Err(BundleError::malformed(&path, "does not lead from its record to the signed root"));
    }
    Ok(hashes)
}
