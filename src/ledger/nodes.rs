//! The tree's hashes as they lie in the tables, and how an opened ledger is held against its checkpoint.
//!
//! Stored hashes only save work. Whether they are those of the records is `check`'s question.

use super::layout::Promise;
use super::note::NoteError;
use super::signers::Signers;
use super::tree::{Frontier, Hash, root_of};
use super::{LedgerError, sql_int};
use rusqlite::{Connection, OptionalExtension, params};

/// Levels of the tree between two rows of `subtree` above each other: 256 wide, as tlog-tiles has it.
pub(super) const LEVELS: u32 = 8;

/// Number of records.
pub(super) fn size(db: &Connection) -> Result<u64, LedgerError> {
    let newest: i64 = db
        .prepare_cached("SELECT coalesce(max(idx), -1) FROM entry")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(LedgerError::store("reading"))?;
    Ok((newest + 1).unsigned_abs())
}

/// Root of the perfect subtree of `2^level` leaves, the `n`th of its level.
pub(super) fn node(db: &Connection, level: u32, n: u64) -> Result<Hash, LedgerError> {
    let (stored, above) = (level / LEVELS, level % LEVELS);
    let (first, count) = (n << above, 1_u64 << above);
    let mut frontier = Frontier::default();
    stored_hashes(db, stored, first, count, |hash| frontier.push(hash))?;
    Ok(frontier.root())
}

/// Hashes of one stored level, 0 being the leaves. Every one asked for must be there.
pub(super) fn stored_hashes(
    db: &Connection,
    stored: u32,
    first: u64,
    count: u64,
    mut take: impl FnMut(Hash),
) -> Result<(), LedgerError> {
    let sql = match stored {
        0 => "SELECT idx, leaf FROM entry WHERE ?1 = 0 AND idx >= ?2 AND idx < ?3 ORDER BY idx",
        _ => "SELECT n, hash FROM subtree WHERE level = ?1 AND n >= ?2 AND n < ?3 ORDER BY n",
    };
    let mut expected = first;
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![stored, sql_int(first), sql_int(first.saturating_add(count))])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(0)?.unsigned_abs() != expected {
                break;
            }
            take(row.get(1)?);
            expected += 1;
        }
        Ok(())
    };
    read().map_err(LedgerError::store("reading"))?;
    if expected != first + count {
        let what = format!("hash {expected} of level {stored} of the tree");
        return Err(LedgerError::damaged(what, "it is missing"));
    }
    Ok(())
}

/// The stored checkpoint of exactly this size.
pub(super) fn checkpoint_note(db: &Connection, size: u64) -> Result<Option<Vec<u8>>, LedgerError> {
    db.query_row("SELECT note FROM checkpoint WHERE size = ?1", [sql_int(size)], |row| row.get(0))
        .optional()
        .map_err(LedgerError::store("reading"))
}

/// The tree's right edge as stored, held against the checkpoint that was signed for it.
pub(super) fn head(db: &Connection, signers: &Signers) -> Result<(Frontier, Vec<u8>), LedgerError> {
    let frontier = Frontier::load(size(db)?, |level, n| node(db, level, n))?;
    let what = || format!("the checkpoint of {} records", frontier.size());
    let note = checkpoint_note(db, frontier.size())?.ok_or_else(|| LedgerError::damaged(what(), "it is missing"))?;
    let signed = signers.open(&note).map_err(|error| LedgerError::damaged(what(), error.to_string()))?;
    if signed.size != frontier.size() || signed.root != frontier.root() {
        return Err(LedgerError::damaged(what(), "it was signed for another tree"));
    }
    Ok((frontier, note))
}

/// Holds the file against what the files beside it promise, which must have been read before `db`, and
/// gives the keys that sign.
pub(super) fn keep_promise(db: &Connection, promise: &Promise) -> Result<Signers, LedgerError> {
    let (size, claimed) = (size(db)?, &promise.claimed);
    if size < claimed.size {
        return Err(LedgerError::Shorter { size, promised: claimed.size });
    }
    if root_of(claimed.size, |level, n| node(db, level, n))? != claimed.root {
        return Err(LedgerError::Rewritten { size: claimed.size });
    }
    let foreign = |why| LedgerError::note(&promise.vkey)(NoteError::Key { what: "public keys of the log", why });
    let first = promise.keys.first().ok_or_else(|| foreign("there is none"))?;
    let signers = Signers::read(db, first.clone())?;
    // The second file was signed with the keys of its size, which only the records tell.
    signers.open(&promise.note).map_err(LedgerError::note(&promise.path))?;
    let named = signers.terms().iter().map(|term| Some(&term.key)).chain(std::iter::repeat(None));
    if promise.keys.iter().zip(named).any(|(line, named)| named != Some(line)) {
        return Err(foreign("its lines are not those that the log's records name, in their order"));
    }
    Ok(signers)
}
