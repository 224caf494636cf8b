//! Opening the SQLite file so that it keeps its promises: settings, schema version, write-ahead log.

use super::LedgerError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// "EVID", so that `file` and we know the file.
const APPLICATION_ID: i64 = 0x4556_4944;

/// Before 3.51.3 two connections that fold the write-ahead log could corrupt the file.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Every migration, by number from 1. Forward only; never edited once released.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_ledger.sql"),
    include_str!("../../migrations/0002_alerts.sql"),
    include_str!("../../migrations/0003_contents.sql"),
];

/// How long to wait for a program that is not ours.
const BUSY: Duration = Duration::from_secs(10);

/// Fills the empty file at `path` with the schema.
pub(super) fn create(path: &Path) -> Result<Connection, LedgerError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let doing = LedgerError::store("making");
    // Before the first table, or never: pages that nothing is on any more can be given back a few at a time.
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(LedgerError::store("making"))?;
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(doing)?;
    if mode != "wal" {
        return Err(not_wal(&mode));
    }
    settle(&db)?;
    migrate(&db, 0)?;
    require_wal(&db)?;
    Ok(db)
}

/// Opens the file at `path` for appending, and brings its schema up to date. The caller holds the lock.
pub(super) fn open_write(path: &Path) -> Result<Connection, LedgerError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settle(&db)?;
    let version = schema_version(&db)?;
    // A connection that is new knows the mode from the file alone, so this is the file's own word.
    require_wal(&db)?;
    migrate(&db, version)?;
    Ok(db)
}

/// Opens the file at `path` for copying it: of an older version, too.
pub(super) fn open_copied(path: &Path) -> Result<Connection, LedgerError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let settings = "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;";
    db.execute_batch(settings).map_err(LedgerError::store("opening"))?;
    schema_version(&db)?;
    Ok(db)
}

/// Opens the file at `path` for reading.
pub(super) fn open_read(path: &Path) -> Result<Connection, LedgerError> {
    let db = open_copied(path)?;
    let found = schema_version(&db)?;
    let known = MIGRATIONS.len() as i64;
    if found != known {
        let hint = "start the daemon of this version once: it brings the ledger up to date, and `restore` a copy";
        return Err(LedgerError::Unsafe { why: format!("schema version {found}, {known} is needed"), hint });
    }
    Ok(db)
}

/// Whether tables, indexes and guards are those that the migrations make.
pub(super) fn is_as_made(db: &Connection) -> Result<bool, LedgerError> {
    let made = Connection::open_in_memory().map_err(LedgerError::store("checking"))?;
    migrate(&made, 0)?;
    type Part = (String, String, String, Option<String>);
    let schema = |db: &Connection| -> rusqlite::Result<Vec<Part>> {
        let mut parts = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
        let parts = parts.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        parts.collect()
    };
    let doing = || LedgerError::store("checking");
    Ok(schema(db).map_err(doing())? == schema(&made).map_err(doing())?)
}

/// Fails unless the file is in WAL mode. To be asked again after the first write: when a sync fails while
/// a new file is switched to WAL, SQLite says "wal" until then, and commits would not survive a power cut.
pub(super) fn require_wal(db: &Connection) -> Result<(), LedgerError> {
    let mode: String =
        db.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(LedgerError::store("asking"))?;
    if mode == "wal" { Ok(()) } else { Err(not_wal(&mode)) }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, LedgerError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        let why = format!("version {} can corrupt a file in WAL mode", rusqlite::version());
        return Err(LedgerError::Unsafe { why, hint: "build evidenced with the SQLite that it brings along" });
    }
    // Without SQLITE_OPEN_CREATE: a wrong path must fail, not begin an empty ledger.
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(LedgerError::store("opening"))?;
    db.busy_timeout(BUSY).map_err(LedgerError::store("opening"))?;
    Ok(db)
}

/// What a connection that writes must have set; asks back what matters most.
fn settle(db: &Connection) -> Result<(), LedgerError> {
    // EXTRA is FULL in WAL mode, and safe should the file ever not be in it. The log is folded by the
    // writer itself, for SQLite keeps errors of its own folding to itself.
    let settings = "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;";
    db.execute_batch(settings).map_err(LedgerError::store("opening"))?;
    let synchronous = pragma(db, "synchronous")?;
    if synchronous != 3 {
        let why = format!("synchronous is {synchronous} and should be 3");
        return Err(LedgerError::Unsafe { why, hint: "build evidenced with the SQLite that it brings along" });
    }
    // What is erased must be overwritten, and not only unlinked.
    let secure_delete = pragma(db, "secure_delete")?;
    if secure_delete != 1 {
        let why = format!("secure_delete is {secure_delete} and should be 1");
        return Err(LedgerError::Unsafe { why, hint: "build evidenced with the SQLite that it brings along" });
    }
    Ok(())
}

fn schema_version(db: &Connection) -> Result<i64, LedgerError> {
    let found = pragma(db, "user_version")?;
    if pragma(db, "application_id")? != APPLICATION_ID || found < 1 {
        return Err(LedgerError::damaged("ledger.sqlite", "it is not a ledger of evidenced"));
    }
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(LedgerError::Newer { found, known }) } else { Ok(found) }
}

/// Everything that is missing in one transaction: whatever happens, the ledger is of the old version or of the newest.
fn migrate(db: &Connection, from: i64) -> Result<(), LedgerError> {
    let missing: Vec<&str> = MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (sql, version) = (missing.concat(), MIGRATIONS.len());
    let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};");
    // The error that matters is the first; closing the connection rolls back whatever is left.
    db.execute_batch(&format!("BEGIN IMMEDIATE; {sql} {marks} COMMIT;"))
        .map_err(LedgerError::store("bringing up to date"))?;
    if from > 0 {
        tracing::info!(from, to = version, "the ledger was brought up to date; older programs cannot open it any more");
    }
    Ok(())
}

fn pragma(db: &Connection, name: &str) -> Result<i64, LedgerError> {
    db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map_err(LedgerError::store("opening"))
}

fn not_wal(mode: &str) -> LedgerError {
    LedgerError::Unsafe {
        why: format!("the journal mode is {mode} and should be wal"),
        hint: "look at the disk and its file system; a network file system cannot hold a ledger",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    /// A released migration is never edited: the ledgers out there have run it as it was.
    const FROZEN: &[&str] = &[
        "db1872b2ce1da0c09ce36120fd5ebfb434daff94d21d70ecd09e8645ec41a492",
        "f39741a28c9ca79a9eb2277ae76aa5b13bf58e1216f66a4287617236f6b69ab5",
        "54b07dd408298e7ecec84e7c5aee30d0dcfa670b830e10ebc8439b2323c4dd5f",
    ];

    #[test]
    fn migrations_are_those_that_were_released() {
        let found: Vec<String> = MIGRATIONS.iter().map(|sql| hex::encode(Sha256::digest(sql))).collect();
        assert_eq!(found, FROZEN, "write a new migration instead of editing an old one");
    }

    #[test]
    fn migrations_folder_and_list_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        files.sort();
        let mut embedded: Vec<&str> = MIGRATIONS.to_vec();
        embedded.sort_unstable();
        assert_eq!(files, embedded);
    }
}
