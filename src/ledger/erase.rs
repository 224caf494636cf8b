//! Erasure by the book. Sealing an `erasure` record deletes the files of its target, their digests and the
//! salt, in the same transaction; `sweep` then gets the old pages out of the write-ahead log. The target's
//! record stays, and with it every proof. Whether to erase is decided elsewhere.

use super::layout::Layout;
use super::read::parsed;
use super::record::Body;
use super::tree::Hash;
use super::{Filter, LedgerError, Reader, sql_int, store};
use rusqlite::{Connection, ErrorCode, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Contents of a record's files that other records hold too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The record that was asked about.
    pub record: u64,
    /// Its files whose contents others hold.
    pub files: BTreeSet<String>,
    /// Those others.
    pub others: BTreeSet<u64>,
}

/// Whether the files of such records may be erased. Configurations and anchors name nobody that they need not,
/// and what rests on them could not be checked any more.
fn erasable(body: &Body) -> bool {
    matches!(
        body,
        Body::Evidence { .. }
            | Body::Verdict { .. }
            | Body::Transition { .. }
            | Body::Waiver { .. }
            | Body::SignOff { .. }
            | Body::Sample { .. }
            | Body::Alert { .. }
    )
}

/// Deletes what belongs to the record, within the transaction that seals its erasure. Contents that another
/// record holds too stay: they are that one's.
pub(super) fn erase(db: &Connection, target: u64) -> rusqlite::Result<Result<(), LedgerError>> {
    let sql = "SELECT record FROM entry WHERE idx = ?1";
    let found: Option<Vec<u8>> = db.query_row(sql, [sql_int(target)], |row| row.get(0)).optional()?;
    let record = match found.map(|bytes| parsed(target, &bytes)) {
        None => return Ok(Err(LedgerError::absent(format!("record {target}")))),
        Some(Err(error)) => return Ok(Err(error)),
        Some(Ok(record)) => record,
    };
    if !erasable(&record.body) {
        return Ok(Err(LedgerError::NotErasable { record: target, kind: record.body.kind() }));
    }
    let salted: bool =
        db.query_row("SELECT EXISTS (SELECT 1 FROM salt WHERE idx = ?1)", [sql_int(target)], |row| row.get(0))?;
    if !salted {
        return Ok(Err(LedgerError::absent(format!("files of record {target}"))));
    }
    let of_it = digests(db, "SELECT sha256 FROM file WHERE idx = ?1", target)?;
    db.execute("DELETE FROM file WHERE idx = ?1", [sql_int(target)])?;
    db.execute("DELETE FROM salt WHERE idx = ?1", [sql_int(target)])?;
    // One pass over all files, however many of them this record had.
    let held: BTreeSet<Hash> = match of_it.is_empty() {
        true => BTreeSet::new(),
        false => digests(db, "SELECT DISTINCT sha256 FROM file WHERE idx <> ?1", target)?,
    };
    let mut delete = db.prepare("DELETE FROM blob WHERE sha256 = ?1")?;
    for digest in of_it.difference(&held) {
        delete.execute([digest])?;
    }
    Ok(Ok(()))
}

fn digests(db: &Connection, sql: &str, target: u64) -> rusqlite::Result<BTreeSet<Hash>> {
    let mut found = db.prepare(sql)?;
    let rows = found.query_map([sql_int(target)], |row| row.get(0))?;
    rows.collect()
}

/// Gets pages with erased contents out of the write-ahead log: folds it into the database and cuts it to
/// nothing. `false`: a reader still needs the old pages, so they are still on the disk.
pub fn sweep(dir: &Path) -> Result<bool, LedgerError> {
    let db = store::open_write(&Layout::open(dir)?.database())?;
    match db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)) {
        Ok(busy) => Ok(busy == 0),
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) =>
        {
            Ok(false)
        }
        Err(error) => Err(LedgerError::store("folding")(error)),
    }
}

impl Reader {
    /// The `erasure` record by which the record's files are gone; `None`: they were not erased.
    pub fn erased_by(&self, record: u64) -> Result<Option<u64>, LedgerError> {
        for found in self.records(record.saturating_add(1)..u64::MAX, &Filter::kind("erasure")) {
            let (index, erasure) = found?;
            if matches!(erasure.body, Body::Erasure { target, .. } if target == record) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Which contents of the records' files are held by records that are not among them.
    pub fn shared(&self, records: &BTreeSet<u64>) -> Result<Vec<Shared>, LedgerError> {
        let sql = "SELECT mine.name, other.idx FROM file AS mine JOIN file AS other USING (sha256)
             WHERE mine.idx = ?1 AND other.idx <> mine.idx";
        let read = |record: u64| -> rusqlite::Result<Vec<(String, i64)>> {
            let mut found = self.db.prepare(sql)?;
            found.query_map([sql_int(record)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let mut by_record: BTreeMap<u64, Shared> = BTreeMap::new();
        for record in records {
            for (name, other) in read(*record).map_err(LedgerError::store("reading"))? {
                let other = other.unsigned_abs();
                if !records.contains(&other) {
                    let (files, others) = (BTreeSet::new(), BTreeSet::new());
                    let shared = by_record.entry(*record).or_insert(Shared { record: *record, files, others });
                    shared.files.insert(name);
                    shared.others.insert(other);
                }
            }
        }
        Ok(by_record.into_values().collect())
    }
}
