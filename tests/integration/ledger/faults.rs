//! What happens to a ledger when somebody changes it or takes some of it away. What machines do is in `rigs`.

use super::*;
use rusqlite::Connection;

/// Opens the file behind the ledger's back, guards removed, as an administrator could.
fn tamper(dir: &Path, sql: &str) {
    let db = Connection::open(dir.join("ledger.sqlite")).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
         DROP TRIGGER IF EXISTS entry_keep_update; DROP TRIGGER IF EXISTS entry_keep_delete;
         DROP TRIGGER IF EXISTS checkpoint_keep_update; DROP TRIGGER IF EXISTS checkpoint_keep_delete;",
    )
    .unwrap();
    db.execute_batch(sql).unwrap();
    assert!(db.changes() > 0, "{sql} changed nothing");
}

/// A closed ledger of 303 records, one with a compressed, a plain and an empty file.
fn filled() -> TempDir {
    let (dir, ledger) = fresh();
    let files = vec![file("long.json", b"0123456789".repeat(1_000)), file("short.json", "{}"), file("empty", "")];
    ledger.append_blocking(vec![waiver("S", 0, files)]).unwrap();
    ledger.append_blocking((1..301).map(|number| waiver("S", number, vec![])).collect()).unwrap();
    dir
}

/// A copy by another process: closing the file in this one would drop locks that SQLite holds on it.
fn copy(dir: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    assert!(Command::new("cp").arg("-a").arg(dir.join(".")).arg(to.path()).status().unwrap().success());
    to
}

fn first_difference(dir: &Path) -> String {
    let report = verify_store(dir).unwrap();
    assert!(report.differences > 0, "nothing was found");
    report.first.unwrap()
}

#[test]
fn every_kind_of_tampering_is_found_by_the_full_check() {
    let cases = [
        (
            "UPDATE entry SET record = cast(replace(record, 'item-7', 'item-8') AS BLOB) WHERE idx = 9",
            "record 9 does not have",
        ),
        ("UPDATE entry SET record = cast(record || ' ' AS BLOB) WHERE idx = 301", "record 301 does not have"),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3", "record 3 does not have"),
        ("DELETE FROM entry WHERE idx = 5", "record 5 is missing"),
        ("DELETE FROM entry WHERE idx = 302", "the ledger is shorter than its checkpoint"),
        ("UPDATE subtree SET hash = zeroblob(32)", "hash 0 of level 1"),
        ("DELETE FROM subtree", "hash 0 of level 1"),
        ("INSERT INTO subtree VALUES (1, 1, zeroblob(32))", "there are 1 hashes of trees"),
        (
            "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 2) WHERE size = 3",
            "is of another tree",
        ),
        ("UPDATE checkpoint SET note = x'00' WHERE size = 3", "the checkpoint of 3 records: "),
        ("DELETE FROM checkpoint WHERE size = 303", "the newest record is under no checkpoint"),
        ("INSERT INTO checkpoint SELECT 900, note FROM checkpoint LIMIT 1", "there are 1 checkpoints"),
        ("UPDATE file SET name = 'other.json' WHERE part = 1", "the list of files of record 2 is damaged"),
        ("UPDATE file SET sha256 = zeroblob(32) WHERE part = 1", "the list of files of record 2 is damaged"),
        ("DELETE FROM file WHERE part = 2", "the list of files of record 2 is damaged"),
        ("INSERT INTO file SELECT 3, 0, name, media_type, sha256, size FROM file WHERE part = 0", "record 3"),
        ("UPDATE file SET size = 9 WHERE part = 1", "there are 1 files whose contents have another size"),
        ("UPDATE salt SET salt = zeroblob(16)", "the list of files of record 2 is damaged"),
        ("DELETE FROM salt", "the list of files of record 2 is damaged"),
        ("DELETE FROM blob WHERE codec = 'zstd'", "there are 1 files without contents"),
        (
            "INSERT INTO blob (sha256, codec, size, bytes) VALUES (zeroblob(32), 'none', 0, x'')",
            "there are 1 stored contents",
        ),
        ("UPDATE blob SET bytes = x'7B7C' WHERE size = 2", "do not have the hash"),
        ("UPDATE blob SET bytes = x'7B7D7D' WHERE size = 2", "more bytes than were sealed"),
        ("UPDATE blob SET bytes = x'7B' WHERE size = 2", "bytes are missing at the end"),
        ("UPDATE blob SET bytes = substr(bytes, 1, 20) WHERE codec = 'zstd'", "the contents"),
        ("UPDATE blob SET codec = 'gzip' WHERE codec = 'zstd'", "damaged"),
        ("UPDATE entry_key SET control = 'T' WHERE idx = 9", "record 9 cannot be found by what it says"),
        ("DELETE FROM entry_key WHERE idx = 9", "record 9 cannot be found by what it says"),
        ("INSERT INTO entry_key (idx, at, kind) VALUES (400, 0, 'waiver')", "there are 1 rows to find records by"),
        ("UPDATE salt SET salt = salt", "the tables of ledger.sqlite, their indexes or guards"),
    ];
    let original = filled();
    sound(original.path());
    for (sql, expected) in cases {
        let dir = copy(original.path());
        tamper(dir.path(), sql);
        let found = first_difference(dir.path());
        assert!(found.contains(expected), "{sql} gave {found:?}, not {expected:?}");
    }
}

#[test]
fn tampered_records_and_files_are_not_handed_out() {
    let dir = filled();
    tamper(dir.path(), "UPDATE entry SET record = cast(replace(record, 'Ann', 'Eve') AS BLOB) WHERE idx = 8");
    tamper(dir.path(), "UPDATE blob SET bytes = x'7B7C' WHERE size = 2");
    tamper(dir.path(), "UPDATE entry_key SET control = 'T' WHERE idx = 9");
    let reader = Reader::open(dir.path()).unwrap();
    let damaged = |error: Option<LedgerError>| assert!(matches!(error, Some(LedgerError::Damaged { .. })), "{error:?}");
    damaged(reader.record_bytes(8).err());
    damaged(reader.record(8).err());
    damaged(reader.read_file(FIRST, "short.json").err());
    damaged(reader.newest(&Filter::kind("waiver").control("T")).err());
    let mut records = reader.records(0..20, &Filter::default());
    damaged(records.find_map(Result::err));
    assert!(records.next().is_none(), "nothing follows an error");
    assert_eq!(reader.read_file(FIRST, "long.json").unwrap().len(), 10_000);
    tamper(dir.path(), "UPDATE file SET media_type = 'text/plain', name = 'longer.json' WHERE part = 1");
    damaged(reader.files(FIRST).err());
    tamper(dir.path(), "DELETE FROM entry WHERE idx IN (30, 31)");
    damaged(reader.records(25..31, &Filter::default()).find_map(Result::err));
    damaged(reader.records_newest_first(30..32, &Filter::default()).find_map(Result::err));
}

#[test]
fn a_ledger_set_back_to_an_older_copy_is_refused() {
    let (dir, ledger) = fresh();
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
    drop(ledger);
    let old = copy(dir.path());
    let ledger = Ledger::open(dir.path()).unwrap();
    ledger.append_blocking(vec![waiver("S", 2, vec![])]).unwrap();
    drop(ledger);
    fs::copy(old.path().join("ledger.sqlite"), dir.path().join("ledger.sqlite")).unwrap();
    let errors = [Ledger::open(dir.path()).err(), Reader::open(dir.path()).err()];
    for error in errors {
        let error = error.unwrap();
        assert!(matches!(error, LedgerError::Shorter { size: 3, promised: 4 }), "{error}");
        assert!(error.to_string().starts_with("the ledger is shorter than its checkpoint: it has 3 records"));
    }
    assert!(first_difference(dir.path()).contains("shorter"));
}

#[test]
fn a_damaged_or_missing_write_ahead_log_is_refused() {
    let (dir, ledger) = fresh();
    for number in 0..3 {
        ledger.append_blocking(vec![waiver("S", number, vec![])]).unwrap();
    }
    let length = fs::metadata(dir.path().join("ledger.sqlite-wal")).unwrap().len();
    assert!(length > 10_000, "the records are still in the write-ahead log");
    let crashed = || {
        let copy = copy(dir.path());
        fs::remove_file(copy.path().join("ledger.sqlite-shm")).unwrap();
        copy
    };
    sound(crashed().path());
    for position in [40, 100, length / 3, length / 2, length - 1_000] {
        let copy = crashed();
        let path = copy.path().join("ledger.sqlite-wal");
        let mut bytes = fs::read(&path).unwrap();
        bytes[position as usize] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let error = Ledger::open(copy.path()).err().unwrap();
        assert!(matches!(error, LedgerError::Shorter { promised: 5, .. }), "byte {position} gave {error}");
    }
    let copy = crashed();
    fs::remove_file(copy.path().join("ledger.sqlite-wal")).unwrap();
    assert!(matches!(Ledger::open(copy.path()), Err(LedgerError::Shorter { size: 2, promised: 5 })));
}

#[test]
fn a_rewritten_or_emptied_log_is_refused() {
    let rewritten = "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3";
    let dir = filled();
    // The leaves of a complete subtree are not read at every start, but its root is.
    tamper(dir.path(), "UPDATE subtree SET hash = zeroblob(32)");
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Rewritten { size: 303 })));
    let (dir, ledger) = fresh();
    ledger.append_blocking((0..9).map(|number| waiver("S", number, vec![])).collect()).unwrap();
    drop(ledger);
    tamper(dir.path(), rewritten);
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Rewritten { size: 11 })));
    assert!(matches!(Reader::open(dir.path()), Err(LedgerError::Rewritten { size: 11 })));
    tamper(dir.path(), "DELETE FROM entry");
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Shorter { size: 0, promised: 11 })));
}

#[test]
fn a_record_slipped_in_behind_the_log_is_refused() {
    let slipped = "INSERT INTO entry SELECT 303, record, leaf FROM entry WHERE idx = 9";
    let dir = filled();
    tamper(dir.path(), slipped);
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Damaged { .. })));
    let dir = filled();
    let ledger = Ledger::open(dir.path()).unwrap();
    tamper(dir.path(), slipped);
    let appended = ledger.append_blocking(vec![waiver("S", 1, vec![])]);
    assert!(matches!(appended, Err(LedgerError::Stopped { .. })), "while it is open, too");
}

#[test]
fn a_missing_or_foreign_second_file_is_refused() {
    let (dir, ledger) = fresh();
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
    drop(ledger);
    let path = dir.path().join("checkpoint");
    fs::remove_file(&path).unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::CheckpointMissing { .. })));
    assert!(matches!(Reader::open(dir.path()), Err(LedgerError::CheckpointMissing { .. })));
    assert!(first_difference(dir.path()).contains("checkpoint is missing"));
    let (other, _ledger) = fresh();
    fs::copy(other.path().join("checkpoint"), &path).unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Note { .. })));
    fs::copy(other.path().join("log.vkey"), dir.path().join("log.vkey")).unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Note { .. })), "the keys are not a pair");
}

#[test]
fn a_crash_between_commit_and_second_file_is_made_good() {
    let (dir, ledger) = fresh();
    let path = dir.path().join("checkpoint");
    let before = fs::read(&path).unwrap();
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
    drop(ledger);
    let after = fs::read(&path).unwrap();
    fs::write(&path, before).unwrap();
    drop(Ledger::open(dir.path()).unwrap());
    assert_eq!(fs::read(&path).unwrap(), after);
    sound(dir.path());
}

#[test]
fn a_writer_that_fails_after_the_commit_stops_for_good_and_a_restart_finds_all() {
    let (dir, ledger) = fresh();
    let (obstacle, aside) = (dir.path().join("checkpoint"), dir.path().join("aside"));
    fs::rename(&obstacle, &aside).unwrap();
    fs::create_dir(&obstacle).unwrap();
    let append = || ledger.append_blocking(vec![waiver("S", 1, vec![])]);
    assert!(matches!(append(), Err(LedgerError::Stopped { .. })));
    fs::remove_dir(&obstacle).unwrap();
    fs::rename(&aside, &obstacle).unwrap();
    let error = append().unwrap_err();
    assert!(matches!(&error, LedgerError::Stopped { why } if why.starts_with("replacing")), "{error}");
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.append_blocking(vec![waiver("S", 2, vec![])]).unwrap()[0].index, FIRST + 1);
    assert_eq!(sound(dir.path()).records, FIRST + 2);
}

#[test]
fn a_second_file_that_cannot_be_written_keeps_the_records_from_being_written() {
    let (dir, ledger) = fresh();
    fs::create_dir(dir.path().join("checkpoint.next")).unwrap();
    let error = ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap_err();
    assert!(matches!(&error, LedgerError::Stopped { why } if why.contains("checkpoint.next")), "{error}");
    drop(ledger);
    assert_eq!(sound(dir.path()).records, FIRST);
}

#[test]
fn a_writer_whose_records_vanish_stops() {
    let (dir, ledger) = fresh();
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
    tamper(dir.path(), "DELETE FROM entry WHERE idx = 2");
    for _ in 0..2 {
        let error = ledger.append_blocking(vec![waiver("S", 2, vec![])]).unwrap_err();
        assert!(matches!(&error, LedgerError::Stopped { why } if why.contains("shorter")), "{error}");
    }
}

#[test]
fn rows_of_the_log_are_guarded_against_accidents() {
    let dir = filled();
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    for sql in [
        "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3",
        "DELETE FROM entry WHERE idx = 301",
        "UPDATE checkpoint SET note = x'00'",
        "DELETE FROM checkpoint",
    ] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("the ledger is append-only"), "{sql} gave {error}");
    }
    drop(db);
    sound(dir.path());
}

#[test]
fn files_of_another_version_mode_or_kind_are_refused() {
    let set = |sql: &str| {
        let dir = filled();
        Connection::open(dir.path().join("ledger.sqlite")).unwrap().execute_batch(sql).unwrap();
        (Ledger::open(dir.path()).err().unwrap(), Reader::open(dir.path()).err())
    };
    let (newer, read) = set("PRAGMA user_version = 4");
    assert!(matches!(newer, LedgerError::Newer { found: 4, known: 3 }), "{newer}");
    assert!(matches!(read, Some(LedgerError::Newer { .. })));
    let (foreign, _) = set("PRAGMA application_id = 7");
    assert!(matches!(foreign, LedgerError::Damaged { .. }), "{foreign}");
    let (mode, _) = set("PRAGMA journal_mode = DELETE");
    assert!(matches!(&mode, LedgerError::Unsafe { why, .. } if why.contains("journal mode is delete")), "{mode}");
}
