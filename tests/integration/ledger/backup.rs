//! Copies of a ledger, and ledgers of a copy.

use super::{create, fresh, sound, waiver};
use evidenced::ledger::{Ledger, LedgerError, Reader, back_up, restore, verify_store};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

fn size(dir: &Path) -> u64 {
    Reader::open(dir).unwrap().size().unwrap()
}

fn append(ledger: &Ledger, number: u64) {
    ledger.append_blocking(vec![waiver("SEC-001", number, Vec::new())]).unwrap();
}

#[test]
fn copies_made_while_records_are_appended_are_whole_and_nothing_waits_for_them() {
    let (dir, ledger) = fresh();
    let copies = TempDir::new().unwrap();
    let done = AtomicBool::new(false);
    let sizes = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                append(&ledger, number);
                number += 1;
            }
        });
        let mut sizes = Vec::new();
        for copy in 0..5 {
            let to = copies.path().join(copy.to_string());
            let report = back_up(dir.path(), &to).unwrap();
            assert_eq!(report.first, None);
            assert_eq!(sound(&to), report);
            sizes.push(size(&to));
            // Until something was appended meanwhile.
            while size(dir.path()) == sizes[copy] {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        sizes
    });
    assert!(sizes.is_sorted() && sizes.first() < sizes.last(), "{sizes:?}");
}

#[test]
fn a_restored_ledger_goes_on_where_the_copy_ended() {
    let (dir, ledger) = fresh();
    (0..7).for_each(|number| append(&ledger, number));
    drop(ledger);
    let place = TempDir::new().unwrap();
    let (copy, there) = (place.path().join("copy"), place.path().join("there"));
    back_up(dir.path(), &copy).unwrap();
    for secret in ["log.key", "bundle.key"] {
        assert!(!copy.join(secret).exists(), "{secret} is in the copy");
    }
    assert_eq!(restore(&copy, &there).unwrap().first, None);
    assert!(matches!(Ledger::open(&there), Err(LedgerError::Io { .. })), "without its key nothing is appended");
    for secret in ["log.key", "bundle.key"] {
        fs::copy(dir.path().join(secret), there.join(secret)).unwrap();
    }
    let before = size(&there);
    append(&Ledger::open(&there).unwrap(), 7);
    assert!(size(&there) > before);
    sound(&there);
}

/// By root where the daemon is at home; who is not root cannot give a directory away, and makes everything for themselves.
#[test]
fn what_is_copied_or_restored_is_whose_the_directory_is() {
    let (dir, ledger) = fresh();
    append(&ledger, 0);
    drop(ledger);
    let place = TempDir::new().unwrap();
    let [copy, there, above] = ["copy", "there", "above"].map(|name| place.path().join(name));
    for to in [&copy, &there, &above] {
        fs::create_dir(to).unwrap();
        fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
        let _ = chown(to, Some(65_534), Some(65_534));
    }
    let below = above.join("below");
    back_up(dir.path(), &copy).unwrap();
    restore(&copy, &there).unwrap();
    restore(&copy, &below).unwrap();
    let wanted = fs::metadata(&above).unwrap().uid();
    assert_eq!(fs::metadata(&below).unwrap().uid(), wanted);
    for to in [&copy, &there, &below] {
        let found = fs::read_dir(to).unwrap().map(Result::unwrap);
        let others: Vec<_> = found.filter(|entry| entry.metadata().unwrap().uid() != wanted).collect();
        assert!(others.is_empty() && to.join("ledger.sqlite").exists(), "{others:?}");
    }
}

#[test]
fn where_the_file_may_not_be_opened_it_is_said_to_be_somebody_elses() {
    let (dir, ledger) = fresh();
    append(&ledger, 0);
    drop(ledger);
    // SQLite follows no link there, whoever asks: root may open everything else.
    for beside in ["ledger.sqlite-shm", "ledger.sqlite-wal"] {
        let _ = fs::remove_file(dir.path().join(beside));
    }
    symlink("nowhere", dir.path().join("ledger.sqlite-shm")).unwrap();
    let error = Reader::open(dir.path()).err().expect("it cannot be opened");
    assert!(matches!(error, LedgerError::NotOurs { .. }), "{error}");
    assert!(error.to_string().contains("hint: see whose ledger.sqlite is"), "{error}");
}

#[test]
fn no_ledger_is_overwritten_by_a_copy_or_by_restoring_one() {
    let (dir, ledger) = fresh();
    append(&ledger, 0);
    let other = TempDir::new().unwrap();
    drop(create(other.path()).unwrap());
    let before = fs::read(other.path().join("ledger.sqlite")).unwrap();
    assert!(matches!(back_up(dir.path(), other.path()), Err(LedgerError::AlreadyThere { .. })));
    assert!(matches!(restore(dir.path(), other.path()), Err(LedgerError::AlreadyThere { .. })));
    assert_eq!(fs::read(other.path().join("ledger.sqlite")).unwrap(), before);
    // Keys without a ledger are somebody's too.
    let keys = TempDir::new().unwrap();
    fs::write(keys.path().join("log.key"), "").unwrap();
    let error = restore(dir.path(), keys.path()).unwrap_err();
    assert!(matches!(error, LedgerError::AlreadyThere { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("for `restore`, move log.key and bundle.key away and put them back afterwards"), "{said}");
}

#[test]
fn what_was_changed_is_neither_copied_nor_restored() {
    let (dir, ledger) = fresh();
    (0..3).for_each(|number| append(&ledger, number));
    drop(ledger);
    let place = TempDir::new().unwrap();
    let (copy, there) = (place.path().join("copy"), place.path().join("there"));
    back_up(dir.path(), &copy).unwrap();
    let db = Connection::open(copy.join("ledger.sqlite")).unwrap();
    let changed = "UPDATE entry SET record = CAST(replace(CAST(record AS TEXT), 'item-1', 'item-9') AS BLOB)";
    let triggers: Vec<String> = {
        let mut names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for trigger in triggers {
        db.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    assert!(db.execute(changed, []).unwrap() > 0);
    drop(db);
    let first = restore(&copy, &there).unwrap().first.unwrap();
    assert!(first.contains("does not have the hash of its leaf"), "{first}");
    assert!(!there.exists(), "nothing is left of what was refused");
    // Nor does a copy of it come through.
    let again = place.path().join("again");
    assert!(!back_up(&copy, &again).unwrap().is_whole());
    assert!(!again.exists());
    assert!(verify_store(&copy).unwrap().differences > 0);
}
