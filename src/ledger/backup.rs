//! A copy of a ledger, made while it is written, and a ledger made of a copy. Secret keys are in neither: whoever
//! holds both a copy and the keys could write another history. Anchors are not asked here: who appends asks them.

use super::layout::Layout;
use super::{LedgerError, Reader, StoreReport, nodes, store, verify_store};
use crate::owner;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Copies the ledger in `state_dir` into the directory `to`, which is made or has nothing of a ledger in it, and
/// checks the copy as `verify_store` does. It holds everything up to one checkpoint; appending goes on meanwhile.
/// A copy that does not come through is removed.
pub fn back_up(state_dir: &Path, to: &Path) -> Result<StoreReport, LedgerError> {
    let (from, reader) = (Layout::open(state_dir)?, Reader::open(state_dir)?);
    copy(&from, &reader.db, to)
}

/// Makes the ledger of the copy `from` in `state_dir`, which is made or has nothing of a ledger in it, brings it up to
/// date and checks it; what is not whole is removed again. The secret keys belong there before anything can be appended.
pub fn restore(from: &Path, state_dir: &Path) -> Result<StoreReport, LedgerError> {
    let layout = Layout::open(from)?;
    let promise = layout.read_promise()?;
    let db = store::open_copied(&layout.database())?;
    // What is made will have a second file of its own, so what this one promises is held against it here.
    nodes::keep_promise(&db, &promise)?;
    copy(&layout, &db, state_dir)
}

fn copy(from: &Layout, db: &Connection, to: &Path) -> Result<StoreReport, LedgerError> {
    let there = to.exists();
    let layout = Layout::create(to)?;
    let copied = copy_into(from, db, &layout).and_then(|()| verify_store(to));
    if !copied.as_ref().is_ok_and(StoreReport::is_whole) {
        // What is half a copy must not be taken for one.
        if there {
            let database = layout.database();
            let beside = ["-wal", "-shm"].map(|suffix| {
                let mut path = database.clone().into_os_string();
                path.push(suffix);
                path.into()
            });
            let files = [database, layout.checkpoint(), layout.public_key(), layout.bundle_public_key()];
            for path in files.into_iter().chain(beside) {
                let _ = fs::remove_file(path);
            }
        } else {
            let _ = fs::remove_dir_all(to);
        }
    }
    copied
}

fn copy_into(from: &Layout, copied: &Connection, to: &Layout) -> Result<(), LedgerError> {
    // Before the records: a key that is named by a record is in this file after it.
    let read = |path: &Path| fs::read(path).map_err(LedgerError::io("reading", path));
    let (keys, bundle_key) = (read(&from.public_key())?, read(&from.bundle_public_key())?);
    let path = to.database();
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    // What SQLite makes beside it gets its owner.
    made.and_then(|made| owner::file(&made, to.dir())).map_err(LedgerError::io("making", &path))?;
    let copying = || LedgerError::store("copying");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&path, flags).map_err(copying())?;
    db.execute_batch("PRAGMA synchronous = EXTRA").map_err(copying())?;
    {
        let backup = Backup::new(copied, &mut db).map_err(copying())?;
        // In one step: one read transaction, which a writer does not wait for.
        match backup.step(-1).map_err(copying())? {
            StepResult::Done => {}
            _ => return Err(LedgerError::io("copying", &path)(std::io::ErrorKind::WouldBlock.into())),
        }
    }
    db.close().map_err(|(_, error)| copying()(error))?;
    // Of a copy that an older program made.
    store::open_write(&path)?.close().map_err(|(_, error)| copying()(error))?;
    // Whatever was appended after the copy began is not in it, so what it promises is its own.
    let newest = store::open_read(&path)?
        .query_row("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", [], |row| row.get::<_, Vec<u8>>(0))
        .map_err(copying())?;
    to.write_new(&to.checkpoint(), &newest)?;
    to.write_new(&to.public_key(), &keys)?;
    to.write_new(&to.bundle_public_key(), &bundle_key)?;
    to.sync_dir()
}
