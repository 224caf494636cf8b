//! Erasure by the book. Sealing an `erasure` record deletes the files of its target, their digests and the
//! salt, in the same transaction; `sweep` then gives their pages back and gets the old ones out of the write-ahead log. The target's
//! record stays, and with it every proof. Whether to erase is decided elsewhere.

use super::layout::Layout;
use super::read::parsed;
use super::record::Body;
use super::tree::Hash;
use super::{Filter, LedgerError, Reader, sql_int, store};
use chrono::{DateTime, TimeDelta, Utc};
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
    if !record.body.erasable() {
        return Ok(Err(LedgerError::NotErasable { record: target, kind: record.body.kind() }));
    }
    let salted: bool =
        db.query_row("SELECT EXISTS (SELECT 1 FROM salt WHERE idx = ?1)", [sql_int(target)], |row| row.get(0))?;
    if !salted {
        return Ok(Err(LedgerError::absent(format!("files of record {target}"))));
    }
    let of_it: BTreeSet<Hash> = {
        let mut found = db.prepare("SELECT sha256 FROM file WHERE idx = ?1")?;
        found.query_map([sql_int(target)], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    db.execute("DELETE FROM file WHERE idx = ?1", [sql_int(target)])?;
    db.execute("DELETE FROM salt WHERE idx = ?1", [sql_int(target)])?;
    let unheld = "DELETE FROM blob WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM file WHERE sha256 = ?1)";
    let mut delete = db.prepare(unheld)?;
    for digest in of_it {
        delete.execute([digest])?;
    }
    Ok(Ok(()))
}

/// Pages given back in one transaction: 4 MiB, so that nobody who appends waits for long.
const PAGES_AT_ONCE: i64 = 1_024;

/// Gives the pages of what was erased back to the file system, and gets its old pages out of the write-ahead log,
/// which is folded into the database and cut to nothing. Appending goes on in between. A crash leaves it begun.
/// `false`: a reader still needs the old pages, so they are still on the disk.
pub fn sweep(dir: &Path) -> Result<bool, LedgerError> {
    let layout = Layout::open(dir)?;
    let db = store::open_write(&layout.database())?;
    let lock = layout.open_lock()?;
    loop {
        // Whoever appends waits at the lock then, and not in SQLite, which would give up.
        lock.lock().map_err(LedgerError::io("locking", layout.dir()))?;
        let left = give_back(&db).map_err(LedgerError::store("giving back pages of"));
        let folded = match &left {
            Ok(0) => fold(&db, "TRUNCATE"),
            _ => fold(&db, "PASSIVE"),
        };
        lock.unlock().map_err(LedgerError::io("unlocking", layout.dir()))?;
        if left? == 0 {
            return folded;
        }
        folded?;
    }
}

/// Moves pages from the end of the file into unused ones and cuts it; how many unused ones are left to try.
fn give_back(db: &Connection) -> rusqlite::Result<i64> {
    let unused = || db.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0));
    let before = unused()?;
    // One row for each page: it is done when they are read.
    let mut pieces = db.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
    let mut rows = pieces.query([])?;
    while rows.next()?.is_some() {}
    let after = unused()?;
    // A file that was made without `auto_vacuum` keeps them, for what comes next.
    Ok(if after < before { after } else { 0 })
}

fn fold(db: &Connection, how: &str) -> Result<bool, LedgerError> {
    match db.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get::<_, i64>(0)) {
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
    /// Evidence recorded before the instant whose files are there still, oldest first.
    pub fn evidence_before(&self, before: DateTime<Utc>) -> Result<Vec<u64>, LedgerError> {
        let sql = "SELECT k.idx FROM entry_key AS k JOIN salt USING (idx)
             WHERE k.kind = 'evidence' AND k.at < ?1 ORDER BY k.idx";
        let read = || -> rusqlite::Result<Vec<i64>> {
            let mut found = self.db.prepare(sql)?;
            found.query_map([before.timestamp_millis()], |row| row.get(0))?.collect()
        };
        let found = read().map_err(LedgerError::store("reading"))?;
        Ok(found.into_iter().map(i64::unsigned_abs).collect())
    }

    /// The longest time between two records that follow one another, of those recorded at `since` or later, and from the
    /// last record to `now`; with the instant at which it ended.
    pub fn longest_step(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(TimeDelta, DateTime<Utc>), LedgerError> {
        let sql = "SELECT step, at FROM (SELECT at, at - lag(at) OVER (ORDER BY idx) AS step FROM entry_key)
             WHERE at >= ?1 AND step IS NOT NULL ORDER BY step DESC LIMIT 1";
        let read = || -> rusqlite::Result<(i64, Option<(i64, i64)>)> {
            let last = self.db.query_row("SELECT at FROM entry_key ORDER BY idx DESC LIMIT 1", [], |row| row.get(0))?;
            let longest = self.db.query_row(sql, [since.timestamp_millis()], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok((last, longest.optional()?))
        };
        let (last, longest) = read().map_err(LedgerError::store("reading"))?;
        let silent = (TimeDelta::milliseconds(now.timestamp_millis() - last), now);
        let longest =
            longest.and_then(|(step, at)| Some((TimeDelta::milliseconds(step), DateTime::from_timestamp_millis(at)?)));
        Ok(longest.into_iter().chain([silent]).max_by_key(|(step, _)| *step).unwrap_or(silent))
    }

    /// Stored bytes of contents that no record but these holds: what erasing them frees.
    pub fn held_by_these(&self, records: &BTreeSet<u64>) -> Result<u64, LedgerError> {
        let of_them = "SELECT DISTINCT file.sha256, length(bytes) FROM file JOIN blob USING (sha256) WHERE idx = ?1";
        let holders = "SELECT idx FROM file WHERE sha256 = ?1";
        let read = || -> rusqlite::Result<u64> {
            let (mut of_them, mut holders) = (self.db.prepare(of_them)?, self.db.prepare(holders)?);
            let (mut seen, mut bytes): (BTreeSet<Hash>, u64) = (BTreeSet::new(), 0);
            for record in records {
                let mut rows = of_them.query([sql_int(*record)])?;
                while let Some(row) = rows.next()? {
                    let (sha256, length): (Hash, i64) = (row.get(0)?, row.get(1)?);
                    if seen.insert(sha256) {
                        let mut found = holders.query_map([sha256], |row| row.get::<_, i64>(0))?;
                        let alone = found.try_fold(true, |alone, holder| -> rusqlite::Result<bool> {
                            Ok(alone && records.contains(&holder?.unsigned_abs()))
                        })?;
                        bytes += if alone { length.unsigned_abs() } else { 0 };
                    }
                }
            }
            Ok(bytes)
        };
        read().map_err(LedgerError::store("reading"))
    }

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
