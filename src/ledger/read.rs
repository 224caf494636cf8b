//! API first: bodies follow.

use super::LedgerError;
use super::commit::Salt;
use super::note::VerifierKey;
use super::record::Record;
use super::tree::Hash;
use chrono::{DateTime, Utc};
use std::ops::Range;
use std::path::Path;

/// Reads a ledger, also while it is being written. One connection: not for sharing between threads,
/// but it can be sent to one.
pub struct Reader {
    db: rusqlite::Connection,
}

/// Which records; every condition that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `Body::kind`.
    pub kind: Option<&'static str>,
    /// Of this collector: `run_opened`, `evidence`, `run_closed`, `missed`.
    pub collector: Option<String>,
    /// Of this control: `verdict`, `transition`, `waiver`. (Evidence names its controls inside.)
    pub control: Option<String>,
    /// Of this run: `run_opened`, `evidence`, `run_closed`, `verdict`, `transition`.
    pub run: Option<String>,
}

/// A sealed file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// Its name within the record.
    pub name: String,
    /// `application/json` and the like.
    pub media_type: String,
    /// Of its bytes.
    pub sha256: Hash,
    /// In bytes.
    pub size: u64,
}

/// Records one after another, a page at a time in memory.
pub struct Records<'a> {
    _reader: &'a Reader,
}

impl Iterator for Records<'_> {
    type Item = Result<(u64, Record), LedgerError>;
    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

/// Reads a sealed file. Fails at its end, with `InvalidData`, when the bytes are not those that were sealed.
pub struct FileReader<'a> {
    _reader: &'a Reader,
}

impl std::io::Read for FileReader<'_> {
    fn read(&mut self, _buf: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }
}

impl Filter {
    /// Records of one kind.
    pub fn kind(kind: &'static str) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Of one collector.
    pub fn collector(self, collector: &str) -> Self {
        Self { collector: Some(collector.to_owned()), ..self }
    }

    /// Of one control.
    pub fn control(self, control: &str) -> Self {
        Self { control: Some(control.to_owned()), ..self }
    }

    /// Of one run.
    pub fn run(self, run: &str) -> Self {
        Self { run: Some(run.to_owned()), ..self }
    }
}

impl Reader {
    /// Opens the ledger in `dir` for reading. Never creates or changes anything; refuses what
    /// `Ledger::open` refuses.
    pub fn open(_dir: &Path) -> Result<Self, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Number of records at this moment; it only grows.
    pub fn size(&self) -> Result<u64, LedgerError> {
        let _ = &self.db;
        Err(LedgerError::Busy)
    }

    /// The log's public key.
    pub fn key(&self) -> &VerifierKey {
        unreachable!()
    }

    /// The record's exact bytes.
    pub fn record_bytes(&self, _index: u64) -> Result<Vec<u8>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The record.
    pub fn record(&self, _index: u64) -> Result<Record, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Records whose index lies in the range, oldest first.
    pub fn records(&self, _range: Range<u64>, _filter: &Filter) -> Records<'_> {
        Records { _reader: self }
    }

    /// Records whose index lies in the range, newest first.
    pub fn records_newest_first(&self, _range: Range<u64>, _filter: &Filter) -> Records<'_> {
        Records { _reader: self }
    }

    /// The newest record there is.
    pub fn newest(&self, _filter: &Filter) -> Result<Option<(u64, Record)>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The newest record below `size`: what was known then.
    pub fn newest_before(&self, _size: u64, _filter: &Filter) -> Result<Option<(u64, Record)>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Runs that were opened and not closed, oldest first: index and record of each `run_opened`.
    pub fn open_runs(&self) -> Result<Vec<(u64, Record)>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The sequence number that the collector's next run or miss will get.
    pub fn next_seq(&self, _collector: &str) -> Result<u64, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The collector's newest due instant that a run or a miss has answered.
    pub fn newest_slot(&self, _collector: &str) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Due instants of the collector in `[start, end)` that a run or a miss has answered, with its
    /// index, oldest first.
    pub fn slots(
        &self,
        _collector: &str,
        _start: DateTime<Utc>,
        _end: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Files of a record, by name.
    pub fn files(&self, _index: u64) -> Result<Vec<FileMeta>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// A sealed file's bytes, checked against its hash.
    pub fn read_file(&self, _index: u64, _name: &str) -> Result<Vec<u8>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// A sealed file's bytes as a stream; the hash is checked at its end.
    pub fn open_file(&self, _index: u64, _name: &str) -> Result<FileReader<'_>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Salt of the record's commitment; `None` when it has no files.
    pub fn salt(&self, _index: u64) -> Result<Option<Salt>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The newest signed checkpoint: its size and the note's exact bytes.
    pub fn latest_checkpoint(&self) -> Result<(u64, Vec<u8>), LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The newest signed checkpoint whose size is at most `size`.
    pub fn checkpoint_at_or_before(&self, _size: u64) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// The oldest signed checkpoint whose size is at least `size`.
    pub fn checkpoint_at_or_after(&self, _size: u64) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Hashes of the leaves in the range, all of which must be there. 32 bytes each in memory.
    pub fn leaf_hashes(&self, _range: Range<u64>) -> Result<Vec<Hash>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Proof that the record is in the log's first `size`; `tree::verify_inclusion` checks it.
    pub fn inclusion_proof(&self, _index: u64, _size: u64) -> Result<Vec<Hash>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Proof that the first `old` records begin the first `new`; `tree::verify_consistency` checks it.
    pub fn consistency_proof(&self, _old: u64, _new: u64) -> Result<Vec<Hash>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Root of the tree over the first `size` records.
    pub fn root_at(&self, _size: u64) -> Result<Hash, LedgerError> {
        Err(LedgerError::Busy)
    }
}
