//! Which keys sign at which size of the log: the rule, pure; and how it is read out of a ledger.
//!
//! The log's first key is told to auditors before anything else; every later one is named by a `key`
//! record. Such a record is the last under its checkpoint, which the keys before it sign; from the next
//! checkpoint on it holds. A checkpoint counts if every key that signs at its size has signed, and no
//! other that is, was or will be the log's. So a key is always vouched for by those before it.

use super::note::{Checkpoint, Note, NoteError, VerifierKey};
use super::read::{hashed, parsed};
use super::record::{Body, KeyChange, KeyRole, Record};
use super::tree::{Hash, root_of};
use super::{LedgerError, nodes};
use rusqlite::Connection;

/// A key, and when it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term<K> {
    /// The public key.
    pub key: K,
    /// The record that named it; `None`: the log began with it.
    pub added: Option<u64>,
    /// The record that ended it.
    pub retired: Option<u64>,
}

/// The log's keys, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers(Vec<Term<VerifierKey>>);

impl<K> Term<K> {
    /// Whether the key signs a log of `size` records: a record holds from the next checkpoint on.
    pub fn signs(&self, size: u64) -> bool {
        self.added.is_none_or(|index| index + 1 < size) && self.retired.is_none_or(|index| size <= index + 1)
    }
}

impl Signers {
    /// Those of a log that begins with `first`.
    pub fn new(first: VerifierKey) -> Self {
        Self(vec![Term { key: first, added: None, retired: None }])
    }

    /// Every key there is or was, oldest first.
    pub fn terms(&self) -> &[Term<VerifierKey>] {
        &self.0
    }

    /// Those that sign a log of `size` records, oldest first.
    pub fn at(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().filter(move |term| term.signs(size)).map(|term| &term.key)
    }

    /// Those that the records below `size` name, the first key included.
    pub fn named_below(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().filter(move |term| term.added.is_none_or(|index| index < size)).map(|term| &term.key)
    }

    /// Takes what a `key` record of the log says, or says why it cannot.
    pub(super) fn apply(&mut self, index: u64, key: &str, change: KeyChange) -> Result<(), String> {
        let key = VerifierKey::parse(key).map_err(|error| error.to_string())?;
        let known = self.0.iter().position(|term| term.key == key);
        match (change, known) {
            (KeyChange::Added, Some(_)) => return Err(format!("the key {} was named before", key.id())),
            (KeyChange::Added, None) => {
                let same = |term: &Term<VerifierKey>| term.key.name() == key.name() && term.key.id() != key.id();
                if !self.0.iter().all(same) {
                    return Err(format!("the key {} is of another log, or has the id of another key", key.id()));
                }
                self.0.push(Term { key, added: Some(index), retired: None });
            }
            (KeyChange::Retired, known) => {
                let left = self.0.iter().filter(|term| term.retired.is_none() && term.key != key).count();
                let term = known.and_then(|at| self.0.get_mut(at)).filter(|term| term.retired.is_none());
                let term = term.ok_or_else(|| format!("the key {} does not sign, and cannot be retired", key.id()))?;
                if left == 0 {
                    return Err(format!("the key {} is the only one that signs", key.id()));
                }
                term.retired = Some(index);
            }
        }
        Ok(())
    }

    /// Takes a record if it is one of the log's keys.
    pub(super) fn take(&mut self, index: u64, record: &Record) -> Result<(), String> {
        match &record.body {
            Body::Key { role: KeyRole::Log, key, change } => self.apply(index, key, *change),
            _ => Ok(()),
        }
    }

    /// Reads a checkpoint that every key which signs at its size has signed, and none that does not.
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, NoteError> {
        let note = Note::parse(note)?;
        let checkpoint = note.checkpoint()?;
        for term in &self.0 {
            match (term.signs(checkpoint.size), term.key.signed(&note)?) {
                (true, true) | (false, false) => {}
                (true, false) => return Err(NoteError::Unsigned(term.key.handle())),
                (false, true) => {
                    return Err(NoteError::NotInForce { key: term.key.handle(), size: checkpoint.size });
                }
            }
        }
        match self.0.first().map(|term| term.key.name()) {
            Some(name) if name == checkpoint.origin => Ok(checkpoint),
            name => {
                let expected = name.unwrap_or_default().to_owned();
                Err(NoteError::Origin { found: checkpoint.origin, expected })
            }
        }
    }

    /// Those of the ledger, each held against the checkpoint by which the keys before it vouch for it.
    pub(super) fn read(db: &Connection, first: VerifierKey) -> Result<Self, LedgerError> {
        let mut signers = Self::new(first);
        for (index, bytes, leaf) in key_records(db)? {
            let record = parsed(index, &hashed(index, bytes, &leaf)?)?;
            if !is_log_key(&record.body) {
                continue;
            }
            let size = index + 1;
            let damaged = |why: String| LedgerError::damaged(format!("the key record {index}"), why);
            let note = nodes::checkpoint_note(db, size)?
                .ok_or_else(|| damaged("it is not the last under a checkpoint".to_owned()))?;
            let signed = signers.open(&note).map_err(|error| damaged(error.to_string()))?;
            if signed.size != size || signed.root != root_of(size, |level, n| nodes::node(db, level, n))? {
                return Err(damaged("its checkpoint was signed for another tree".to_owned()));
            }
            signers.take(index, &record).map_err(damaged)?;
        }
        Ok(signers)
    }
}

/// Whether a record names or ends one of the log's own keys.
pub(super) fn is_log_key(body: &Body) -> bool {
    matches!(body, Body::Key { role: KeyRole::Log, .. })
}

fn key_records(db: &Connection) -> Result<Vec<(u64, Vec<u8>, Hash)>, LedgerError> {
    let read = || -> rusqlite::Result<Vec<(u64, Vec<u8>, Hash)>> {
        let mut statement = db.prepare(
            "SELECT e.idx, e.record, e.leaf FROM entry_key AS k JOIN entry AS e USING (idx)
             WHERE k.kind = 'key' ORDER BY e.idx",
        )?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?, row.get(2)?));
        statement.query_map([], row)?.collect()
    };
    read().map_err(LedgerError::store("reading"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::note::SigningKey;
    use crate::ledger::tree::Hash;

    const ROOT: Hash = [1; 32];

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed("log", &[seed; 32]).unwrap()
    }

    fn note(size: u64, keys: &[u8]) -> Vec<u8> {
        let keys: Vec<SigningKey> = keys.iter().map(|seed| key(*seed)).collect();
        Checkpoint { origin: "log".into(), size, root: ROOT }.sign(&keys)
    }

    /// The second key is named by record 10, the first ends with record 20.
    fn signers() -> Signers {
        let mut signers = Signers::new(key(1).public().clone());
        signers.apply(10, &key(2).public().to_string(), KeyChange::Added).unwrap();
        signers.apply(20, &key(1).public().to_string(), KeyChange::Retired).unwrap();
        signers
    }

    #[test]
    fn a_checkpoint_counts_only_with_the_signatures_of_its_time() {
        let signers = signers();
        for size in [1, 10, 11, 12, 20, 21, 22, 1_000] {
            let right: &[u8] = match size {
                ..=11 => &[1],
                12..=21 => &[1, 2],
                _ => &[2],
            };
            for keys in [&[1_u8][..], &[2], &[1, 2], &[1, 2, 3], &[3]] {
                let known: Vec<u8> = keys.iter().copied().filter(|seed| *seed < 3).collect();
                let read = signers.open(&note(size, keys));
                assert_eq!(read.is_ok(), known == right, "size {size}, signed by {keys:?}: {read:?}");
            }
        }
        assert!(matches!(signers.open(&note(22, &[1, 2])), Err(NoteError::NotInForce { size: 22, .. })));
        assert!(matches!(signers.open(&note(22, &[1])), Err(NoteError::NotInForce { .. })), "a retired key goes on");
    }

    #[test]
    fn keys_that_come_twice_or_from_elsewhere_and_ends_without_a_beginning_are_refused() {
        let apply = |key: &SigningKey, change| signers().apply(30, &key.public().to_string(), change);
        for seed in [1, 2] {
            assert!(apply(&key(seed), KeyChange::Added).is_err(), "key {seed} a second time");
        }
        let other = SigningKey::from_seed("other", &[3; 32]).unwrap();
        assert!(apply(&other, KeyChange::Added).is_err(), "another log's");
        assert!(apply(&key(1), KeyChange::Retired).is_err(), "retired before");
        assert!(apply(&key(3), KeyChange::Retired).is_err(), "never named");
        assert!(apply(&key(2), KeyChange::Retired).is_err(), "the last one");
        assert!(apply(&key(3), KeyChange::Added).is_ok());
        assert!(signers().apply(30, "nonsense", KeyChange::Added).is_err());
    }
}
