//! Reading the log as a log: checkpoints, leaf hashes, proofs.

use super::record::Body;
use super::tree::{Hash, consistency_proof, inclusion_proof, root_of};
use super::{LedgerError, Reader, nodes, sql_int};
use rusqlite::OptionalExtension;
use std::collections::HashMap;
use std::ops::Range;

/// Inclusion proofs one after another: hashes that neighbours share are read once.
pub struct Proofs<'a> {
    reader: &'a Reader,
    nodes: HashMap<(u32, u64), Hash>,
}

/// Hashes of the tree that are held; neighbours share all but a few.
const NODES_MAX: usize = 4_096;

impl Proofs<'_> {
    /// As `Reader::inclusion_proof`.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        self.reader.require(size)?;
        if index >= size {
            return Err(LedgerError::absent(format!("record {index} among its first {size}")));
        }
        if self.nodes.len() > NODES_MAX {
            self.nodes.clear();
        }
        let (db, held) = (&self.reader.db, &mut self.nodes);
        inclusion_proof(index, size, |level, n| {
            if let Some(hash) = held.get(&(level, n)) {
                return Ok(*hash);
            }
            let hash = nodes::node(db, level, n)?;
            held.insert((level, n), hash);
            Ok(hash)
        })
    }
}

impl Reader {
    /// For many inclusion proofs.
    pub fn proofs(&self) -> Proofs<'_> {
        Proofs { reader: self, nodes: HashMap::new() }
    }

    /// The newest signed checkpoint: its size and the note's exact bytes.
    pub fn latest_checkpoint(&self) -> Result<(u64, Vec<u8>), LedgerError> {
        self.checkpoint_at_or_before(u64::MAX)?.ok_or_else(|| LedgerError::damaged("the log", "it has no checkpoint"))
    }

    /// The newest signed checkpoint whose size is at most `size`. Signature and root are checked.
    pub fn checkpoint_at_or_before(&self, size: u64) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        self.checkpoint("SELECT size, note FROM checkpoint WHERE size <= ?1 ORDER BY size DESC LIMIT 1", size)
    }

    /// The oldest signed checkpoint whose size is at least `size`. Signature and root are checked.
    pub fn checkpoint_at_or_after(&self, size: u64) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        self.checkpoint("SELECT size, note FROM checkpoint WHERE size >= ?1 ORDER BY size LIMIT 1", size)
    }

    /// The oldest signed checkpoint whose size is at least `size` and whose last record is a summary.
    /// Signature and root are checked.
    pub fn closing_checkpoint(&self, size: u64) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        let sql = "SELECT size, note FROM entry_key JOIN checkpoint ON size = idx + 1
             WHERE kind = 'summary' AND idx >= ?1 - 1 ORDER BY idx LIMIT 1";
        let Some((size, note)) = self.checkpoint(sql, size)? else { return Ok(None) };
        match self.record(size - 1)?.body {
            Body::Summary { .. } => Ok(Some((size, note))),
            _ => Err(LedgerError::damaged(format!("the look-up of record {}", size - 1), "the record is no summary")),
        }
    }

    /// Hashes of the leaves in the range, all of which must be there. 32 bytes each in memory.
    pub fn leaf_hashes(&self, range: Range<u64>) -> Result<Vec<Hash>, LedgerError> {
        self.require(range.end)?;
        let mut hashes = Vec::new();
        let count = range.end.saturating_sub(range.start);
        nodes::stored_hashes(&self.db, 0, range.start, count, |hash| hashes.push(hash))?;
        Ok(hashes)
    }

    /// Proof that the record is in the log's first `size`; `tree::verify_inclusion` checks it.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        self.proofs().inclusion(index, size)
    }

    /// Proof that the first `old` records begin the first `new`; `tree::verify_consistency` checks it.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
        self.require(new)?;
        if old == 0 || old > new {
            return Err(LedgerError::absent(format!("proof from {old} to {new} records")));
        }
        consistency_proof(old, new, |level, n| nodes::node(&self.db, level, n))
    }

    /// Root of the tree over the first `size` records.
    pub fn root_at(&self, size: u64) -> Result<Hash, LedgerError> {
        self.require(size)?;
        root_of(size, |level, n| nodes::node(&self.db, level, n))
    }

    fn require(&self, size: u64) -> Result<(), LedgerError> {
        let there = self.size()?;
        if size <= there { Ok(()) } else { Err(LedgerError::absent(format!("{size} records, but {there}"))) }
    }

    fn checkpoint(&self, sql: &str, size: u64) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        let found: Option<(i64, Vec<u8>)> = self
            .db
            .query_row(sql, [sql_int(size)], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(LedgerError::store("reading"))?;
        let Some((size, note)) = found else { return Ok(None) };
        let size = size.unsigned_abs();
        let damaged = |why: String| LedgerError::damaged(format!("the checkpoint of {size} records"), why);
        let signed = self.signers()?.open(&note).map_err(|error| damaged(error.to_string()))?;
        if signed.size != size || signed.root != self.root_at(size)? {
            return Err(damaged("it was signed for another tree".into()));
        }
        Ok(Some((size, note)))
    }
}
