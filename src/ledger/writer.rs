//! API first: bodies follow.

use super::{LedgerError, Reader, record::Body};
use chrono::{DateTime, Utc};
use std::path::Path;

/// What a new ledger is told about itself.
#[derive(Debug, Clone)]
pub struct Create {
    /// Whose it is.
    pub organization: String,
    /// Name of the log and of its key, `evidence.example.com/soc2`.
    pub origin: String,
    /// A sample with a simulated clock: no evidence of anything.
    pub sample: bool,
    /// Now.
    pub at: DateTime<Utc>,
}

/// A record to be sealed.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// When it is written, by the caller's clock.
    pub at: DateTime<Utc>,
    /// What it says. The `seq` of `RunOpened` and `Missed` must be 0: the ledger assigns it.
    pub body: Body,
    /// Files that belong to it.
    pub files: Vec<NewFile>,
}

/// A file to be sealed with a record.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its name, as `commit::name_allowed` has it; unique within the record.
    pub name: String,
    /// `application/json` and the like.
    pub media_type: String,
    /// Its bytes, as received.
    pub bytes: Vec<u8>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its position in the log, from 0.
    pub index: u64,
    /// The sequence number that `RunOpened` or `Missed` was given.
    pub seq: Option<u64>,
}

/// A ledger that this process may append to. Clones share one writer thread.
#[derive(Clone)]
pub struct Ledger {}

/// Held while a collector runs; released when dropped, and by the system when the process ends.
pub struct CollectorLock {
    _file: std::fs::File,
}

impl Ledger {
    /// Makes a ledger in `dir` (made with mode 0700 when it is not there): keys, first record, first
    /// checkpoint. Refuses when anything of a ledger is there. A daemon never calls this; `init` does.
    pub fn create(_dir: &Path, _create: Create) -> Result<Self, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Opens the ledger in `dir` for appending, after checking that it is whole as far as its newest
    /// checkpoint tells. Never creates anything.
    pub fn open(_dir: &Path) -> Result<Self, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Seals the records as one unit: all or none, next to each other, in order. Returns when they are
    /// durable, under a signed checkpoint, and that checkpoint is in the second file. Records are sealed
    /// even when the future is dropped meanwhile.
    ///
    /// Errors: `Refused`, `SlotTaken`, `Full` and `Busy` wrote nothing; after `Stopped` the process
    /// should end.
    pub async fn append(&self, _records: Vec<NewRecord>) -> Result<Vec<Sealed>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// `append` for code that is not asynchronous. Panics inside of a tokio runtime.
    pub fn append_blocking(&self, _records: Vec<NewRecord>) -> Result<Vec<Sealed>, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Another connection for reading.
    pub fn reader(&self) -> Result<Reader, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Takes the collector for one run, so that it never overlaps itself, across processes too; `None`
    /// when it is running.
    pub fn lock_collector(&self, _collector: &str) -> Result<Option<CollectorLock>, LedgerError> {
        Err(LedgerError::Busy)
    }
}
