//! Bytes of a ledger's files that change by themselves: each change is found at the start or by the full check, or is in a
//! place that means nothing. What a file means is read past the program, row by row, by SQLite alone.

use super::SEED;
use super::sealer::{With, fresh, sealer};
use crate::support::random::{Random, chosen};
use evidenced::ledger::{Ledger, Reader, verify_store};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Flips of each file.
const CASES: u64 = 150;

/// What is flipped: everything that the log's promise rests on and that is no secret.
const FILES: [&str; 5] = ["ledger.sqlite", "ledger.sqlite-wal", "checkpoint", "log.vkey", "bundle.pub"];

/// A ledger as a crash leaves it: some of it in the database, some in the write-ahead log. Bytes by name.
struct Crashed {
    files: BTreeMap<&'static str, Vec<u8>>,
    dir: TempDir,
}

impl Crashed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = tempfile::tempdir().unwrap();
        fresh(from.path());
        assert!(sealer(from.path()).units(12).output().unwrap().status.success());
        // Open still, so that what it holds is not folded at the end.
        let open = Ledger::open(from.path()).unwrap();
        super::sealer::append(&open, 12..20);
        super::copy(from.path(), &dir.path().join("copy"));
        drop(open);
        let read = |name: &'static str| (name, fs::read(dir.path().join("copy").join(name)).unwrap());
        let files = FILES.iter().chain(&["log.key", "bundle.key"]).map(|name| read(name)).collect();
        Self { files, dir }
    }

    /// The files, one of them changed perhaps.
    fn with(&self, changed: Option<(&str, &[u8])>) -> PathBuf {
        let dir = self.dir.path().join("state");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        for (name, bytes) in &self.files {
            let bytes = changed.filter(|(file, _)| file == name).map_or(bytes.as_slice(), |(_, bytes)| bytes);
            fs::write(dir.join(name), bytes).unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        dir
    }
}

/// What the file means: every row of every table and the schema, as a hash. None: SQLite cannot read it.
fn meaning(dir: &Path) -> Option<[u8; 32]> {
    let read = || -> rusqlite::Result<[u8; 32]> {
        let db = Connection::open_with_flags(dir.join("ledger.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut hash = Sha256::new();
        let tables = ["entry", "checkpoint", "file", "salt", "blob", "subtree", "entry_key"];
        let mut asked: Vec<String> =
            tables.iter().map(|table| format!("SELECT * FROM {table} ORDER BY 1, 2")).collect();
        asked.push("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name".into());
        for sql in asked {
            let mut statement = db.prepare(&sql)?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    let value = match row.get_ref(column)? {
                        ValueRef::Blob(bytes) => bytes.to_vec(),
                        other => format!("{other:?}").into_bytes(),
                    };
                    hash.update((value.len() as u64).to_be_bytes());
                    hash.update(value);
                }
            }
        }
        Ok(hash.finalize().into())
    };
    read().ok()
}

/// Whether SQLite's own check finds anything.
fn sqlite_says_ok(dir: &Path) -> bool {
    let asked = || -> rusqlite::Result<String> {
        let db = Connection::open_with_flags(dir.join("ledger.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.query_row("PRAGMA integrity_check", [], |row| row.get(0))
    };
    asked().is_ok_and(|said| said == "ok")
}

#[derive(Debug, Default)]
struct Count {
    flips: u64,
    /// Refused by whoever opens it for reading or for writing.
    at_start: u64,
    /// Found by the full check alone.
    by_verify: u64,
    /// Found by nothing, and nothing means another thing.
    nothing_changed: u64,
    /// The control: another meaning, of which SQLite says ok.
    missed_by_sqlite: u64,
}

#[test]
fn no_flipped_byte_changes_what_a_ledger_says_unnoticed() {
    let (seed, cases) = (chosen("EVIDENCED_SEED", SEED), chosen("EVIDENCED_CASES", CASES));
    let mut random = Random(seed);
    let crashed = Crashed::new();
    let dir = crashed.with(None);
    assert!(verify_store(&dir).unwrap().is_whole());
    let was = (meaning(&dir).expect("it can be read"), crashed.files.clone());
    let (mut counts, mut unnoticed) = (BTreeMap::<&str, Count>::new(), Vec::new());
    for name in FILES {
        let count = counts.entry(name).or_default();
        for _ in 0..cases {
            let mut bytes = was.1[name].clone();
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            let by = u8::try_from(1 + random.below(255)).unwrap();
            bytes[at] ^= by;
            count.flips += 1;
            let dir = crashed.with(Some((name, &bytes)));
            let found = !verify_store(&dir).is_ok_and(|report| report.is_whole());
            let now = meaning(&dir);
            let database = name.starts_with("ledger.sqlite");
            count.missed_by_sqlite += u64::from(now.is_some_and(|now| now != was.0) && sqlite_says_ok(&dir));
            if Reader::open(&dir).is_err() || Ledger::open(&dir).is_err() {
                count.at_start += 1;
            } else if found {
                count.by_verify += 1;
            } else if database && now == Some(was.0) {
                count.nothing_changed += 1;
            } else {
                unnoticed.push(format!("{name}: byte {at} by {by:#04x}"));
            }
        }
    }
    println!("flips: seed {seed}, unnoticed {}, {counts:#?}", unnoticed.len());
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    // The control: without the checks these would have passed, so there was something to find.
    assert!(counts["ledger.sqlite"].missed_by_sqlite > 0 && counts["ledger.sqlite-wal"].missed_by_sqlite > 0);
}

#[test]
fn a_row_that_was_rewritten_is_no_concern_of_sqlite_but_is_of_the_full_check() {
    let crashed = Crashed::new();
    let dir = crashed.with(None);
    let before = meaning(&dir);
    let db = Connection::open(dir.join("ledger.sqlite")).unwrap();
    db.execute_batch("UPDATE salt SET salt = zeroblob(16) WHERE idx = (SELECT max(idx) FROM salt)").unwrap();
    drop(db);
    assert!(sqlite_says_ok(&dir) && meaning(&dir) != before);
    assert!(!verify_store(&dir).unwrap().is_whole());
}
