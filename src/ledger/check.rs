//! API first: body follows.

use super::LedgerError;
use std::path::Path;

/// What checking a whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreReport {
    /// Number of records hashed anew.
    pub records: u64,
    /// Number of distinct stored files hashed anew.
    pub blobs: u64,
    /// Number of checkpoints whose signature and root were checked.
    pub checkpoints: u64,
    /// Number of differences between what is stored and what was sealed.
    pub differences: u64,
    /// The first of them, in one sentence.
    pub first: Option<String>,
}

/// Hashes every record and file of the ledger in `dir` anew, computes the tree, and compares with every
/// checkpoint and the second file. Differences are in the report; an error means that it could not look.
pub fn verify_store(_dir: &Path) -> Result<StoreReport, LedgerError> {
    Err(LedgerError::Busy)
}
