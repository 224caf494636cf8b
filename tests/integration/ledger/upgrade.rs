//! Ledgers of every older version: brought up to date with all that is in them, in one step or not at all.

use super::{FIRST, at, closed, create, file, fresh, opened, sound, waiver};
use evidenced::ledger::{Ledger, LedgerError, Reader, restore};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Of all versions, the older ones first.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../../migrations/0001_ledger.sql"),
    include_str!("../../../migrations/0002_alerts.sql"),
    include_str!("../../../migrations/0003_contents.sql"),
];

/// What the newest version has, by the version that brought it.
const BROUGHT: [(i64, &str); 2] = [
    (2, "SELECT count(*) FROM pragma_table_info('entry_key') WHERE name = 'alert'"),
    (3, "SELECT count(*) FROM sqlite_schema WHERE name = 'file_contents'"),
];

fn list(db: &Connection, sql: &str) -> Vec<String> {
    db.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn version(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// A ledger as a program of that version left it: its tables, with the rows of one that was filled by this program.
fn of_version(version: usize) -> TempDir {
    let (dir, ledger) = fresh();
    let with_file = |number| waiver("S", number, vec![file("a.json", format!("{{\"n\":{number}}}"))]);
    ledger.append_blocking((0..300).map(with_file).collect()).unwrap();
    ledger.append_blocking(vec![opened("c", "r", Some(60)), closed("c", "r")]).unwrap();
    drop(ledger);
    let (path, old) = (dir.path().join("ledger.sqlite"), dir.path().join("old.sqlite"));
    let db = Connection::open(&old).unwrap();
    db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).unwrap();
    db.execute_batch(&MIGRATIONS[..version].concat()).unwrap();
    db.execute_batch(&format!("PRAGMA application_id = 0x45564944; PRAGMA user_version = {version};")).unwrap();
    db.execute("ATTACH ?1 AS new", [path.to_str().unwrap()]).unwrap();
    for table in list(&db, "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
        let columns = list(&db, &format!("SELECT name FROM pragma_table_info('{table}', 'main')")).join(", ");
        db.execute_batch(&format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")).unwrap();
    }
    db.execute_batch("DETACH new").unwrap();
    drop(db);
    fs::rename(&old, &path).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    dir
}

#[test]
fn a_ledger_of_every_older_version_is_brought_up_to_date_with_all_that_is_in_it() {
    for from in 1..MIGRATIONS.len() {
        let dir = of_version(from);
        let path = dir.path().join("ledger.sqlite");
        assert_eq!(version(&path), from as i64);
        let read = Reader::open(dir.path()).err().unwrap().to_string();
        assert!(read.contains("start the daemon of this version once"), "{read}");
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(version(&path), MIGRATIONS.len() as i64, "from {from}");
        let reader = ledger.reader().unwrap();
        assert_eq!(reader.size().unwrap(), FIRST + 302);
        assert_eq!(reader.read_file(FIRST + 7, "a.json").unwrap(), b"{\"n\":7}");
        assert_eq!(reader.newest_slot("c", 0..u64::MAX).unwrap(), Some(at(60)));
        assert_eq!(reader.next_seq("c").unwrap(), 2);
        ledger.append_blocking(vec![waiver("S", 1_000, vec![file("a.json", "{}")])]).unwrap();
        assert_eq!(sound(dir.path()).records, FIRST + 303);
    }
}

/// After a crash the write-ahead log holds some of what was written, from its beginning: every such part.
#[test]
fn whatever_part_of_an_upgrade_reached_the_disk_the_ledger_is_of_the_old_version_or_of_the_new() {
    let dir = of_version(1);
    let ledger = Ledger::open(dir.path()).unwrap();
    let crashed = TempDir::new().unwrap();
    let copied = Command::new("cp").arg("-a").arg(dir.path().join(".")).arg(crashed.path()).status().unwrap();
    assert!(copied.success());
    drop(ledger);
    let (database, log) = (crashed.path().join("ledger.sqlite"), crashed.path().join("ledger.sqlite-wal"));
    let (before, written) = (fs::read(&database).unwrap(), fs::read(&log).unwrap());
    let frame = 24 + 4_096;
    assert!(written.len() > 32 + 3 * frame, "the upgrade is in the write-ahead log: {}", written.len());
    let mut versions = Vec::new();
    for length in (32..=written.len()).step_by(frame).chain([0, 40, written.len() - 1]) {
        let _ = fs::remove_file(crashed.path().join("ledger.sqlite-shm"));
        fs::write(&database, &before).unwrap();
        fs::write(&log, &written[..length]).unwrap();
        let found = version(&database);
        let db = Connection::open(&database).unwrap();
        for (brought_by, sql) in BROUGHT {
            let there: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
            assert_eq!(there == 1, found >= brought_by, "{length} bytes: version {found}, {sql}");
        }
        drop(db);
        assert!(found == 1 || found == MIGRATIONS.len() as i64, "{length} bytes: version {found}");
        versions.push(found);
        drop(Ledger::open(crashed.path()).unwrap());
        sound(crashed.path());
    }
    assert!(versions.contains(&1) && versions.contains(&(MIGRATIONS.len() as i64)), "{versions:?}");
}

#[test]
fn a_copy_that_an_older_program_made_is_restored_and_one_of_a_newer_program_is_refused() {
    let copy = of_version(1);
    let place = TempDir::new().unwrap();
    let there = place.path().join("there");
    let report = restore(copy.path(), &there).unwrap();
    assert_eq!((report.first, report.records), (None, FIRST + 302));
    assert_eq!(version(&copy.path().join("ledger.sqlite")), 1, "the copy itself stays as it was");
    sound(&there);

    let db = Connection::open(copy.path().join("ledger.sqlite")).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(db);
    let error = restore(copy.path(), &place.path().join("newer")).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("hint: install the newer version of evidenced again"), "{error}");
    assert!(!place.path().join("newer").exists());
}

#[test]
fn a_copy_that_has_less_than_it_promises_is_not_restored() {
    let copy = TempDir::new().unwrap();
    drop(create(copy.path()).unwrap());
    let early = fs::read(copy.path().join("ledger.sqlite")).unwrap();
    let ledger = Ledger::open(copy.path()).unwrap();
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
    drop(ledger);
    fs::write(copy.path().join("ledger.sqlite"), early).unwrap();
    let there = copy.path().join("there");
    let error = restore(copy.path(), &there).unwrap_err();
    assert!(matches!(error, LedgerError::Shorter { .. }), "{error}");
    assert!(!there.exists());
}
