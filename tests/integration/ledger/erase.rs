//! Erasure: gone means that no byte of it is left in the files, and that everything else still holds.

use super::{at, create, fresh, sound};
use crate::support::program;
use evidenced::ledger::record::{Body, Status};
use evidenced::ledger::tree::{leaf_hash, verify_inclusion};
use evidenced::ledger::{Ledger, LedgerError, NewFile, NewRecord, Reader, sweep, verify_store};
use evidenced_collectors::contract::Window;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn evidence(run: &str, files: Vec<NewFile>) -> NewRecord {
    let body = Body::Evidence {
        run: run.into(),
        collector: "c".into(),
        seq: 1,
        status: Status::Complete,
        observed: 0,
        controls: vec!["S".into()],
        window: Window { start: at(0), end: at(1) },
    };
    NewRecord { at: at(2), body, files }
}

fn erasure(target: u64) -> NewRecord {
    let (basis, request, approved_by) = ("GDPR Art. 17".into(), "T-1".into(), "Ann".into());
    NewRecord { at: at(3), body: Body::Erasure { target, basis, request, approved_by }, files: Vec::new() }
}

/// Text that compresses, and bytes that do not; no piece of either is like a piece of another record's.
fn files(number: u64) -> Vec<NewFile> {
    let digest = |n: u64| Sha256::digest(format!("{number} {n}")).to_vec();
    let text: String = (1000..1200).flat_map(digest).map(|byte| format!("{byte:02x}")).collect();
    let noise: Vec<u8> = (0..300).flat_map(digest).collect();
    vec![NewFile::json("text.json", text.into_bytes()), NewFile::json("noise.json", noise), small(number)]
}

/// Small enough to lie within a page beside others.
fn small(number: u64) -> NewFile {
    NewFile::json("small.json", format!("{{\"user\":\"erin-{number}\",\"mfa\":false}}").into_bytes())
}

/// What must be gone.
struct Secrets {
    /// Salt, digests, and pieces of the contents as they are stored.
    stored: BTreeSet<Vec<u8>>,
    /// Pieces of the contents as they were given, and their digests as text.
    given: BTreeSet<Vec<u8>>,
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    bytes.chunks_exact(24).map(<[u8]>::to_vec)
}

fn secrets(dir: &Path, record: u64) -> Secrets {
    let db = Connection::open(dir.join("ledger.sqlite")).unwrap();
    let index = record as i64;
    let salt = db.query_row("SELECT salt FROM salt WHERE idx = ?1", [index], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let mut stored = BTreeSet::from([salt]);
    let sql = "SELECT sha256, bytes FROM blob WHERE sha256 IN (SELECT sha256 FROM file WHERE idx = ?1)";
    let mut blobs = db.prepare(sql).unwrap();
    let blobs = blobs.query_map([index], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    for blob in blobs {
        let (sha256, bytes) = blob.unwrap();
        stored.insert(sha256);
        stored.extend(pieces(&bytes));
    }
    // What begins a compressed file, its tables, can be the same in another record's, which stays.
    let others = "SELECT bytes FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM file WHERE idx = ?1)";
    let mut others = db.prepare(others).unwrap();
    let others = others.query_map([index], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let others: BTreeSet<Vec<u8>> = others.flat_map(|bytes| found(&bytes.unwrap(), &stored)).collect();
    assert!(others.len() <= 3, "the contents of record {record} are too much like others");
    stored.retain(|piece| !others.contains(piece));
    let contents = if record <= 51 { files(record) } else { vec![small(record)] };
    let mut given: BTreeSet<Vec<u8>> = contents.iter().flat_map(|file| pieces(&file.bytes)).collect();
    given.extend(contents.iter().map(|file| hex::encode(Sha256::digest(&file.bytes)).into_bytes()));
    Secrets { stored, given }
}

/// Which of the pieces stand in the bytes.
fn found(bytes: &[u8], pieces: &BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let mut begins = vec![false; 1 << 16];
    let begin = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    pieces.iter().for_each(|piece| begins[begin(piece)] = true);
    let lengths: BTreeSet<usize> = pieces.iter().map(Vec::len).collect();
    let starts = (0..bytes.len().saturating_sub(1)).filter(|start| begins[begin(&bytes[*start..])]);
    let windows = starts.flat_map(|start| lengths.iter().filter_map(move |length| bytes.get(start..start + length)));
    windows.filter(|window| pieces.contains(*window)).map(<[u8]>::to_vec).collect()
}

/// Which of them stand in the ledger's files. The files are copied by another program, for closing any
/// descriptor of them here would drop SQLite's locks.
pub(crate) fn left(dir: &Path, pieces: &BTreeSet<Vec<u8>>) -> Vec<String> {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new(program("cp")).arg("-r").arg(dir).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(copy.path().join(dir.file_name().unwrap())).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            all.extend(found(&std::fs::read(path).unwrap(), pieces));
        }
    }
    all.iter().map(hex::encode).collect()
}

/// After the two first records fifty with files of their own, and one file that two of them share; record n has
/// `files(n)`.
fn filled() -> (tempfile::TempDir, Ledger) {
    let (dir, ledger) = fresh();
    for number in 2..=51 {
        let mut files = files(number);
        if number <= 3 {
            files.push(NewFile::json("shared.json", b"the same in both, and long enough to be found".to_vec()));
        }
        ledger.append_blocking(vec![evidence(&number.to_string(), files)]).unwrap();
    }
    // Many small ones, so that pages of every tree are divided and joined.
    for hundred in 0..10 {
        let unit = (0..100).map(|n| evidence("x", vec![small(52 + hundred * 100 + n)])).collect();
        ledger.append_blocking(unit).unwrap();
    }
    (dir, ledger)
}

#[test]
fn not_one_byte_of_what_was_erased_is_left_and_every_proof_still_holds() {
    let (dir, ledger) = filled();
    for target in [7_u64, 30, 77, 500, 1001] {
        let Secrets { stored, given } = secrets(dir.path(), target);
        // Where a page ends, a piece stands in two parts.
        let before = left(dir.path(), &stored).len();
        assert!(before * 10 >= stored.len() * 9 && before >= 2, "record {target}: {before} of {}", stored.len());
        let record = ledger.reader().unwrap().record_bytes(target).unwrap();
        ledger.append_blocking(vec![erasure(target)]).unwrap();
        assert!(sweep(dir.path()).unwrap());
        let sought = stored.union(&given).cloned().collect();
        assert_eq!(left(dir.path(), &sought), Vec::<String>::new(), "pieces of record {target}");
        let reader = ledger.reader().unwrap();
        assert_eq!(reader.record_bytes(target).unwrap(), record, "the record itself stays");
        let error = reader.files(target).unwrap_err();
        assert!(matches!(error, LedgerError::Erased { record, .. } if record == target), "{error}");
    }
    let reader = ledger.reader().unwrap();
    let (size, root) = (reader.size().unwrap(), reader.root_at(reader.size().unwrap()).unwrap());
    for index in 0..size {
        let leaf = leaf_hash(&reader.record_bytes(index).unwrap());
        let proof = reader.inclusion_proof(index, size).unwrap();
        verify_inclusion(&leaf, index, size, &proof, &root).unwrap();
    }
    let report = verify_store(dir.path()).unwrap();
    assert_eq!((report.first, report.erased), (None, 5));
}

#[test]
fn contents_that_another_record_holds_stay_until_that_is_erased_too() {
    let (dir, ledger) = filled();
    let reader = ledger.reader().unwrap();
    let shared = reader.shared(&BTreeSet::from([2])).unwrap();
    assert_eq!((shared.len(), shared[0].record, &shared[0].others), (1, 2, &BTreeSet::from([3])));
    assert_eq!(shared[0].files, BTreeSet::from(["shared.json".to_owned()]));
    assert_eq!(reader.shared(&BTreeSet::from([2, 3])).unwrap(), []);
    drop(reader);
    let secret = BTreeSet::from([b"the same in both, and lo".to_vec()]);
    ledger.append_blocking(vec![erasure(2)]).unwrap();
    assert!(sweep(dir.path()).unwrap());
    assert_eq!(left(dir.path(), &secret).len(), 1);
    assert_eq!(ledger.reader().unwrap().read_file(3, "shared.json").unwrap().len(), 45);
    ledger.append_blocking(vec![erasure(3)]).unwrap();
    assert!(sweep(dir.path()).unwrap());
    assert_eq!(left(dir.path(), &secret).len(), 0);
    sound(dir.path());
}

#[test]
fn only_what_has_files_of_its_own_is_erased_and_only_once() {
    let (dir, ledger) = filled();
    let config = Body::Config {
        sha256: String::new(),
        controls: Default::default(),
        by: String::new(),
        changed: Default::default(),
    };
    let config = NewRecord { at: at(2), body: config, files: vec![small(9999)] };
    let config = ledger.append_blocking(vec![config]).unwrap()[0].index;
    let refused = |unit: Vec<NewRecord>| ledger.append_blocking(unit).unwrap_err();
    assert!(matches!(refused(vec![erasure(config)]), LedgerError::NotErasable { .. }));
    assert!(matches!(refused(vec![erasure(0)]), LedgerError::NotErasable { .. }));
    assert!(matches!(refused(vec![erasure(99_999)]), LedgerError::Absent { .. }));
    assert!(matches!(refused(vec![erasure(3), erasure(3)]), LedgerError::Absent { .. }), "the whole unit is refused");
    assert!(ledger.reader().unwrap().files(3).is_ok(), "and nothing of it was done");
    sound(dir.path());
}

#[test]
fn while_somebody_reads_the_old_pages_the_sweep_says_that_they_are_still_there() {
    let (dir, ledger) = filled();
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    db.execute_batch("BEGIN; SELECT count(*) FROM entry;").unwrap();
    ledger.append_blocking(vec![erasure(7)]).unwrap();
    assert!(!sweep(dir.path()).unwrap());
    db.execute_batch("COMMIT").unwrap();
    assert!(sweep(dir.path()).unwrap());
}

#[test]
fn files_that_are_gone_without_an_erasure_and_erased_ones_that_are_back_are_both_found() {
    let (dir, ledger) = filled();
    drop(ledger);
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    let row: (Vec<u8>, Vec<u8>) = db
        .query_row("SELECT salt, sha256 FROM salt JOIN file USING (idx) WHERE idx = 60", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    db.execute_batch("DELETE FROM file WHERE idx = 60; DELETE FROM salt WHERE idx = 60;").unwrap();
    db.execute("DELETE FROM blob WHERE sha256 = ?1", [&row.1]).unwrap();
    let report = verify_store(dir.path()).unwrap();
    assert!(report.first.unwrap().contains("the files of record 60 are gone, and no erasure is on record"));
    assert!(Reader::open(dir.path()).unwrap().files(60).is_err());

    let ledger = Ledger::open(dir.path()).unwrap();
    ledger.append_blocking(vec![erasure(61)]).unwrap();
    drop(ledger);
    db.execute("INSERT INTO salt VALUES (61, ?1)", [&row.0]).unwrap();
    let report = verify_store(dir.path()).unwrap();
    assert_eq!(report.erased, 0);
    assert!(report.differences >= 2, "{report:?}");
}

#[test]
fn a_summary_that_lies_is_found_by_whoever_has_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = create(dir.path()).unwrap();
    ledger.append_blocking(vec![evidence("1", Vec::new())]).unwrap();
    // What a summary says comes from the look-up table: a forger with the key tampers with that, then appends.
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    db.execute("UPDATE entry_key SET collector = 'd' WHERE idx = 2", []).unwrap();
    let body = Body::summary();
    ledger.append_blocking(vec![NewRecord { at: at(4), body, files: Vec::new() }]).unwrap();
    db.execute("UPDATE entry_key SET collector = 'c' WHERE idx = 2", []).unwrap();
    let report = verify_store(dir.path()).unwrap();
    assert_eq!(report.first.unwrap(), "the summary in record 3 does not count what is before it");
}

/// How much of the database is unused, and how long it is; pages.
fn pages(dir: &Path) -> (i64, i64) {
    let db = Connection::open(dir.join("ledger.sqlite")).unwrap();
    let ask = |what: &str| db.query_row(&format!("PRAGMA {what}"), [], |row| row.get(0)).unwrap();
    (ask("freelist_count"), ask("page_count"))
}

#[test]
fn the_space_of_what_was_erased_is_given_back_while_somebody_appends() {
    let (dir, ledger) = filled();
    let noise = |n: u64| (0..40_000).flat_map(|m| Sha256::digest(format!("{n} {m}")).to_vec()).collect::<Vec<u8>>();
    let large: Vec<u64> = (0..8)
        .map(|n| ledger.append_blocking(vec![evidence("l", vec![NewFile::json("a.json", noise(n))])]).unwrap()[0].index)
        .collect();
    let copies = tempfile::tempdir().unwrap();
    evidenced::ledger::back_up(dir.path(), &copies.path().join("before")).unwrap();
    assert_eq!(ledger.reader().unwrap().held_by_these(&large.iter().copied().collect()).unwrap(), 8 * 1_280_000);
    sweep(dir.path()).unwrap();
    let (_, before) = pages(dir.path());
    ledger.append_blocking(large.iter().map(|target| erasure(*target)).collect()).unwrap();
    assert!(pages(dir.path()).0 > 2_000, "erased pages are unused, and there still");
    let appended = std::thread::scope(|scope| {
        let swept = scope.spawn(|| sweep(dir.path()).unwrap());
        let mut appended = 0;
        while !swept.is_finished() {
            ledger.append_blocking(vec![evidence("m", vec![small(90_000 + appended)])]).unwrap();
            appended += 1;
        }
        // Whoever folds the log at the same moment keeps it from being cut: the next time it is.
        swept.join().unwrap();
        appended
    });
    assert!(sweep(dir.path()).unwrap());
    let (unused, after) = pages(dir.path());
    assert!(unused == 0 && after < before - 2_000, "{unused} unused, {before} pages before and {after} after");
    let length = std::fs::metadata(dir.path().join("ledger.sqlite")).unwrap().len();
    assert_eq!(length, after as u64 * 4_096, "the file is as long as its pages");
    assert!(appended > 0);
    sound(dir.path());
    // A restored copy can give back as well.
    let there = copies.path().join("there");
    evidenced::ledger::restore(&copies.path().join("before"), &there).unwrap();
    let db = Connection::open(there.join("ledger.sqlite")).unwrap();
    assert_eq!(db.query_row("PRAGMA auto_vacuum", [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

/// Role of the test below in the process that it starts.
const COMPACT_IN: &str = "EVIDENCED_TEST_COMPACT_IN";

#[test]
fn compacting_that_is_killed_leaves_a_whole_ledger_and_is_gone_on_with() {
    let due = |ledger: &Ledger| evidenced::compact::Due {
        before: at(1_000),
        for_period: false,
        records: ledger.reader().unwrap().evidence_before(at(1_000)).unwrap().into_iter().collect(),
    };
    let go = |ledger: &Ledger| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(evidenced::compact::compact(ledger, &due(ledger), "Ann", at(2_000))).unwrap()
    };
    if let Some(dir) = std::env::var_os(COMPACT_IN) {
        go(&Ledger::open(Path::new(&dir)).unwrap());
        return;
    }
    let (dir, ledger) = filled();
    let all = due(&ledger).records.len() as u64;
    assert_eq!(all, 1_050);
    let mut killed = 0;
    for erased in [1, 300, 700] {
        let name = "ledger::erase::compacting_that_is_killed_leaves_a_whole_ledger_and_is_gone_on_with";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name]).env(COMPACT_IN, dir.path()).stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let gone = || all - due(&ledger).records.len() as u64;
        while gone() < erased && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += u64::from(gone() < all);
        let report = sound(dir.path());
        assert_eq!(report.erased, gone(), "each by one record of its own");
        assert!(report.erased >= erased, "{report:?}");
    }
    assert!(killed > 0, "it was never killed in the middle");
    assert!(go(&ledger));
    assert_eq!((sound(dir.path()).erased, pages(dir.path()).0), (all, 0));
}
