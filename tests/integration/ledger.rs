//! The ledger as its users see it: what is acknowledged stays, and what was changed is found.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod backup;
pub(crate) mod erase;
mod faults;
mod keys;
mod upgrade;

use crate::support::program;
use chrono::{DateTime, Utc};
use evidenced::ledger::note::VerifierKey;
use evidenced::ledger::record::{Body, End, KeyChange, KeyRole, Trigger};
use evidenced::ledger::tree::{leaf_hash, verify_consistency, verify_inclusion};
use evidenced::ledger::{
    Create, Filter, Ledger, LedgerError, NewFile, NewRecord, Reader, StoreReport, commit, verify_store,
};
use evidenced_collectors::contract::Window;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const ORIGIN: &str = "evidence.example.com/soc2";

/// The first record after those that every log begins with: its epoch, and the key of bundles.
const FIRST: u64 = 2;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_600_000 + seconds, 0).unwrap()
}

fn create(dir: &Path) -> Result<Ledger, LedgerError> {
    Ledger::create(dir, Create { organization: "Acme".into(), origin: ORIGIN.into(), sample: true, at: at(0) })
}

fn fresh() -> (TempDir, Ledger) {
    let dir = TempDir::new().unwrap();
    let ledger = create(dir.path()).unwrap();
    (dir, ledger)
}

fn opened(collector: &str, run: &str, slot: Option<i64>) -> NewRecord {
    let body = Body::RunOpened {
        run: run.into(),
        collector: collector.into(),
        seq: 0,
        trigger: Trigger::Schedule,
        scheduled_for: slot.map(at),
        window: Window { start: at(0), end: at(60) },
    };
    NewRecord { at: at(1), body, files: Vec::new() }
}

fn closed(collector: &str, run: &str) -> NewRecord {
    let body = Body::RunClosed { run: run.into(), collector: collector.into(), end: End::Done };
    NewRecord { at: at(2), body, files: Vec::new() }
}

fn waiver(control: &str, number: u64, files: Vec<NewFile>) -> NewRecord {
    let body = Body::Waiver {
        control: control.into(),
        item: format!("item-{number}"),
        reason: "accepted".into(),
        approver: "Ann".into(),
        recorded_by: "tester".into(),
        approved_at: at(0),
        expires: at(60),
    };
    NewRecord { at: at(3), body, files }
}

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> NewFile {
    NewFile { name: name.into(), media_type: "application/json".into(), bytes: bytes.into() }
}

fn sound(dir: &Path) -> StoreReport {
    let report = verify_store(dir).unwrap();
    assert_eq!((report.differences, &report.first), (0, &None));
    report
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_new_ledger_begins_with_its_own_record_under_a_signed_checkpoint() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("data");
    let ledger = create(&dir).unwrap();
    let reader = ledger.reader().unwrap();
    assert_eq!(reader.size().unwrap(), FIRST);
    assert!(matches!(reader.record(0).unwrap().body, Body::Epoch { sample: true, .. }));
    let public = fs::read_to_string(dir.join("bundle.pub")).unwrap();
    assert_eq!(ledger.bundle_key().unwrap().public_line().unwrap(), public.trim_end());
    let Body::Key { role: KeyRole::Bundle, key, change: KeyChange::Added } = reader.record(1).unwrap().body else {
        panic!("the bundle key is not in the log")
    };
    assert_eq!(key, public.trim_end());
    let (size, note) = reader.latest_checkpoint().unwrap();
    assert_eq!((size, &note), (FIRST, &fs::read(dir.join("checkpoint")).unwrap()));
    let key = VerifierKey::parse(&fs::read_to_string(dir.join("log.vkey")).unwrap()).unwrap();
    assert_eq!(key.open(&note).unwrap().root, reader.root_at(FIRST).unwrap());
    for path in ["ledger.sqlite", "log.key", "bundle.key", "checkpoint", "lock"] {
        assert_eq!(mode(dir.join(path)), 0o600, "{path}");
    }
    assert_eq!(mode(dir.clone()), 0o700);
    assert_eq!(sound(&dir), StoreReport { records: 2, checkpoints: 1, ..StoreReport::default() });
}

#[test]
fn a_ledger_is_never_made_over_another_nor_over_what_is_left_of_one() {
    let (dir, ledger) = fresh();
    let before = fs::read(dir.path().join("log.key")).unwrap();
    assert!(matches!(create(dir.path()), Err(LedgerError::AlreadyThere { .. })));
    drop(ledger);
    fs::remove_file(dir.path().join("ledger.sqlite")).unwrap();
    assert!(matches!(create(dir.path()), Err(LedgerError::AlreadyThere { .. })));
    assert_eq!(fs::read(dir.path().join("log.key")).unwrap(), before);
}

#[test]
fn opening_never_creates_anything() {
    let dir = TempDir::new().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("nowhere")] {
        assert!(matches!(Ledger::open(&path), Err(LedgerError::NotThere { .. })));
        let error = Reader::open(&path).err().unwrap();
        assert!(error.to_string().contains("hint: check the path, or make one with `evidenced init`"));
        assert!(matches!(verify_store(&path), Err(LedgerError::NotThere { .. })));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fs::write(dir.path().join("ledger.sqlite"), "").unwrap();
    fs::set_permissions(dir.path().join("ledger.sqlite"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(Ledger::open(dir.path()).is_err());
    assert_eq!(fs::metadata(dir.path().join("ledger.sqlite")).unwrap().len(), 0);
}

#[test]
fn files_that_others_could_read_or_change_are_refused() {
    for (path, wrong) in [("log.key", 0o640), ("ledger.sqlite", 0o644), ("", 0o770)] {
        let (dir, ledger) = fresh();
        drop(ledger);
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(wrong)).unwrap();
        let error = Ledger::open(dir.path()).err().unwrap();
        assert!(matches!(error, LedgerError::Exposed { mode, .. } if mode == wrong), "{path:?} gave {error}");
    }
}

#[test]
fn a_record_with_files_reads_back_as_it_was_sealed() {
    let (dir, ledger) = fresh();
    let long = b"0123456789".repeat(100_000);
    let files = vec![file("exchanges/1.body", long.clone()), file("a.json", "{}"), file("copy.json", "{}")];
    let sealed = ledger.append_blocking(vec![waiver("SEC-001", 1, files)]).unwrap();
    assert_eq!((sealed.len(), sealed[0].index, sealed[0].seq), (1, FIRST, None));
    let reader = ledger.reader().unwrap();
    let files = reader.files(FIRST).unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.json", "copy.json", "exchanges/1.body"]);
    assert_eq!(reader.read_file(FIRST, "exchanges/1.body").unwrap(), long);
    assert_eq!(reader.read_file(FIRST, "copy.json").unwrap(), b"{}");
    let mut streamed = Vec::new();
    let count = std::io::copy(&mut reader.open_contents(&files[2]).unwrap(), &mut streamed).unwrap();
    assert_eq!((count, streamed == long), (files[2].size, true));
    let sums = commit::sha256sums(files.iter().map(|file| (file.name.as_str(), &file.sha256)));
    let expected = commit::commitment(&reader.salt(FIRST).unwrap().unwrap(), &sums);
    assert_eq!(reader.record(FIRST).unwrap().commit, Some(expected));
    assert!(matches!(reader.read_file(FIRST, "b.json"), Err(LedgerError::Absent { .. })));
    assert!(matches!(reader.record(FIRST + 1), Err(LedgerError::Absent { .. })));
    assert!(matches!(reader.files(FIRST + 1), Err(LedgerError::Absent { .. })));
    assert_eq!(sound(dir.path()).blobs, 2, "equal contents are stored once");
    assert!(fs::metadata(dir.path().join("ledger.sqlite-wal")).unwrap().len() < 300_000, "contents are compressed");
}

#[test]
fn records_that_break_a_rule_are_refused_whole() {
    let (dir, ledger) = fresh();
    let numbered = Body::Missed { collector: "c".into(), seq: 3, scheduled_for: at(0), reason: "down".into() };
    let refused = [
        vec![],
        vec![waiver("S", 1, vec![]), NewRecord { at: at(0), body: numbered, files: vec![] }],
        vec![waiver("S", 1, vec![file("../x", "")])],
        vec![waiver("S", 1, vec![file("x", ""), file("X", "")])],
        vec![waiver("S", 1, vec![NewFile { media_type: "a\nb".into(), ..file("x", "") }])],
        vec![waiver("S", 1, vec![]), waiver(&"S".repeat(70_000), 2, vec![file("x", "kept?")])],
    ];
    for unit in refused {
        assert!(matches!(ledger.append_blocking(unit), Err(LedgerError::Refused { .. })));
    }
    assert_eq!(ledger.reader().unwrap().size().unwrap(), FIRST);
    assert_eq!(sound(dir.path()).blobs, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_acknowledged_is_in_order_and_under_the_second_file() {
    let (dir, ledger) = fresh();
    let (key, path) = (ledger.reader().unwrap().key().clone(), dir.path().join("checkpoint"));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8_u64 {
        let (ledger, key, path) = (ledger.clone(), key.clone(), path.clone());
        writers.spawn(async move {
            let mut indexes = Vec::new();
            for number in 0..12 {
                let unit = (0..3).map(|part| waiver(&format!("W-{writer}"), number * 3 + part, vec![]));
                let sealed = ledger.append(unit.collect()).await.unwrap();
                let promised = key.open(&fs::read(&path).unwrap()).unwrap();
                assert!(promised.size > sealed[2].index, "acknowledged before the second file has it");
                assert_eq!(sealed[0].index + 2, sealed[2].index, "a unit lies together");
                indexes.extend(sealed.into_iter().map(|sealed| sealed.index));
            }
            (writer, indexes)
        });
    }
    let mut all = Vec::new();
    let reader = ledger.reader().unwrap();
    for (writer, indexes) in writers.join_all().await {
        for (number, index) in indexes.iter().enumerate() {
            let Body::Waiver { control, item, .. } = reader.record(*index).unwrap().body else { panic!("{index}") };
            assert_eq!((control, item), (format!("W-{writer}"), format!("item-{number}")));
        }
        assert!(indexes.is_sorted());
        all.extend(indexes);
    }
    all.sort_unstable();
    assert_eq!(all, (FIRST..FIRST + 288).collect::<Vec<u64>>());
    let report = sound(dir.path());
    assert_eq!(report.records, FIRST + 288);
    assert!(report.checkpoints <= 97, "{} groups", report.checkpoints);
}

#[test]
fn two_handles_append_in_turn_and_at_once() {
    let (dir, first) = fresh();
    let second = Ledger::open(dir.path()).unwrap();
    for number in 0..5 {
        for ledger in [&first, &second] {
            ledger.append_blocking(vec![waiver("S", number, vec![])]).unwrap();
        }
    }
    std::thread::scope(|scope| {
        for ledger in [&first, &second] {
            scope.spawn(move || {
                for number in 0..20 {
                    ledger.append_blocking(vec![opened("c", &format!("r{number}"), None)]).unwrap();
                }
            });
        }
    });
    assert_eq!(sound(dir.path()).records, FIRST + 50);
    let reader = Reader::open(dir.path()).unwrap();
    let seqs = reader.records(0..100, &Filter::kind("run_opened")).map(|record| match record.unwrap().1.body {
        Body::RunOpened { seq, .. } => seq,
        other => panic!("{other:?}"),
    });
    assert_eq!(seqs.collect::<Vec<u64>>(), (1..=40).collect::<Vec<u64>>());
}

#[test]
fn a_due_instant_is_answered_once_and_numbers_have_no_holes() {
    let (dir, first) = fresh();
    let second = Ledger::open(dir.path()).unwrap();
    let missed = |collector: &str, slot| NewRecord {
        at: at(1),
        body: Body::Missed { collector: collector.into(), seq: 0, scheduled_for: at(slot), reason: "down".into() },
        files: vec![],
    };
    let seq = |ledger: &Ledger, record| ledger.append_blocking(vec![record]).map(|sealed| sealed[0].seq);
    assert_eq!(seq(&first, opened("c", "r1", Some(60))).unwrap(), Some(1));
    for again in [opened("c", "r2", Some(60)), missed("c", 60)] {
        let error = seq(&second, again).unwrap_err();
        assert!(matches!(error, LedgerError::SlotTaken { index: FIRST, scheduled_for, .. } if scheduled_for == at(60)));
    }
    assert_eq!(seq(&second, opened("d", "r3", Some(60))).unwrap(), Some(1), "another collector's instant");
    assert_eq!(seq(&second, missed("c", 120)).unwrap(), Some(2));
    assert_eq!(seq(&first, opened("c", "r4", None)).unwrap(), Some(3), "a manual run answers no instant");
    let twice = first.append_blocking(vec![waiver("S", 1, vec![]), missed("c", 180), missed("c", 180)]);
    assert!(matches!(twice, Err(LedgerError::SlotTaken { .. })), "the whole unit is refused");
    let reader = first.reader().unwrap();
    assert_eq!(
        (reader.size().unwrap(), reader.next_seq("c").unwrap(), reader.next_seq("e").unwrap()),
        (FIRST + 4, 4, 1)
    );
    assert_eq!(reader.newest_slot("c", 0..u64::MAX).unwrap(), Some(at(120)));
    assert_eq!(reader.slots("c", at(60), at(120)).unwrap(), [(at(60), FIRST)]);
    assert_eq!(reader.newest_slot("e", 0..u64::MAX).unwrap(), None);
    sound(dir.path());
}

#[test]
fn a_summary_counts_every_collector_and_ends_its_unit_and_its_checkpoint() {
    let (_dir, ledger) = fresh();
    let summary = || NewRecord { at: at(4), body: Body::summary(), files: Vec::new() };
    ledger.append_blocking(vec![opened("a", "1", None), opened("b", "2", None), opened("a", "3", None)]).unwrap();
    let sealed = ledger.append_blocking(vec![closed("a", "1"), summary()]).unwrap();
    let reader = ledger.reader().unwrap();
    let Body::Summary { collectors, .. } = reader.record(sealed[1].index).unwrap().body else {
        panic!("not a summary")
    };
    assert_eq!(collectors, [("a".to_owned(), 3), ("b".to_owned(), 2)].into());
    assert_eq!(reader.latest_checkpoint().unwrap().0, sealed[1].index + 1);
    let claimed = Body::Summary { collectors: [("a".to_owned(), 9)].into(), counts: Default::default() };
    for unit in [
        vec![summary(), closed("a", "3")],
        vec![summary(), summary()],
        vec![NewRecord { at: at(5), body: claimed, files: Vec::new() }],
    ] {
        assert!(matches!(ledger.append_blocking(unit), Err(LedgerError::Refused { .. })));
    }
    // Whoever appends at the same time: no other record comes between a summary and its checkpoint.
    std::thread::scope(|scope| {
        for name in ["c", "d"] {
            let ledger = &ledger;
            scope.spawn(move || {
                for run in 0..20 {
                    ledger.append_blocking(vec![opened(name, &format!("{name}{run}"), None)]).unwrap();
                    ledger.append_blocking(vec![summary()]).unwrap();
                }
            });
        }
    });
    for index in 0..reader.size().unwrap() {
        if matches!(reader.record(index).unwrap().body, Body::Summary { .. }) {
            assert_eq!(reader.checkpoint_at_or_after(index + 1).unwrap().unwrap().0, index + 1);
        }
    }
}

#[test]
fn a_collector_is_locked_across_handles_until_its_lock_is_dropped() {
    let (dir, first) = fresh();
    let second = Ledger::open(dir.path()).unwrap();
    let lock = first.lock_collector("../odd name").unwrap();
    assert!(lock.is_some());
    assert!(second.lock_collector("../odd name").unwrap().is_none());
    assert!(second.lock_collector("other").unwrap().is_some());
    drop(lock);
    assert!(second.lock_collector("../odd name").unwrap().is_some());
}

#[test]
fn a_lock_that_was_dropped_is_free_though_a_child_process_is_just_being_started() {
    let (_dir, ledger) = fresh();
    std::thread::scope(|scope| {
        let children = scope.spawn(|| {
            for _ in 0..100 {
                assert!(std::process::Command::new("true").status().unwrap().success());
            }
        });
        while !children.is_finished() {
            assert!(ledger.lock_collector("c").unwrap().is_some(), "a child that is no other program yet holds it");
        }
    });
}

#[test]
fn records_are_found_by_what_they_say() {
    let (_dir, ledger) = fresh();
    let mut unit = vec![opened("c", "r1", Some(1)), closed("c", "r1"), opened("d", "r2", Some(1))];
    unit.extend((0..200).map(|number| waiver(if number % 2 == 0 { "EVEN" } else { "ODD" }, number, vec![])));
    ledger.append_blocking(unit).unwrap();
    let reader = ledger.reader().unwrap();
    let indexes = |records: evidenced::ledger::Records<'_>| records.map(|r| r.unwrap().0).collect::<Vec<u64>>();
    let even = Filter::kind("waiver").control("EVEN");
    assert_eq!(indexes(reader.records(0..u64::MAX, &Filter::default())), (0..205).collect::<Vec<u64>>());
    assert_eq!(
        indexes(reader.records_newest_first(3..u64::MAX, &Filter::default())),
        (3..205).rev().collect::<Vec<u64>>()
    );
    assert_eq!(indexes(reader.records(0..u64::MAX, &even)), (5..205).step_by(2).collect::<Vec<u64>>());
    assert_eq!(indexes(reader.records(0..4, &Filter::default().run("r1"))), [2, 3]);
    assert_eq!(indexes(reader.records(5..5, &Filter::default())), [0_u64; 0]);
    assert_eq!(reader.newest(&even).unwrap().unwrap().0, 203);
    assert_eq!(reader.newest_before(100, &even).unwrap().unwrap().0, 99);
    assert_eq!(reader.newest(&Filter::kind("verdict")).unwrap(), None);
    let open: Vec<u64> = reader.open_runs().unwrap().into_iter().map(|(index, _)| index).collect();
    assert_eq!(open, [4]);
}

#[test]
fn proofs_from_a_large_log_hold_against_its_signed_checkpoints() {
    let (dir, ledger) = fresh();
    let mut sizes = vec![FIRST];
    for count in [100, 155, 1, 300, 1000, 3] {
        ledger.append_blocking((0..count).map(|number| waiver("S", number, vec![])).collect()).unwrap();
        sizes.push(sizes.last().unwrap() + count);
    }
    let reader = ledger.reader().unwrap();
    let size = reader.size().unwrap();
    let signed = |size| {
        let (found, note) = reader.checkpoint_at_or_before(size).unwrap().unwrap();
        assert_eq!(found, size);
        reader.key().open(&note).unwrap()
    };
    for &old in &sizes {
        let proof = reader.consistency_proof(old, size).unwrap();
        assert_eq!(verify_consistency(old, &signed(old).root, size, &signed(size).root, &proof), Ok(()));
        for index in [0, old / 2, old - 1] {
            let leaf = leaf_hash(&reader.record_bytes(index).unwrap());
            let proof = reader.inclusion_proof(index, old).unwrap();
            assert_eq!(verify_inclusion(&leaf, index, old, &proof, &signed(old).root), Ok(()));
        }
    }
    assert_eq!(reader.checkpoint_at_or_before(300).unwrap().unwrap().0, 258);
    assert_eq!(reader.checkpoint_at_or_after(300).unwrap().unwrap().0, 558);
    assert_eq!(reader.leaf_hashes(7..9).unwrap().len(), 2);
    assert!(matches!(reader.leaf_hashes(0..size + 1), Err(LedgerError::Absent { .. })));
    assert!(matches!(reader.inclusion_proof(5, 5), Err(LedgerError::Absent { .. })));
    assert!(matches!(reader.root_at(size + 1), Err(LedgerError::Absent { .. })));
    assert_eq!(sound(dir.path()).checkpoints, 7);
}

#[test]
fn openssl_verifies_the_checkpoint() {
    let (dir, ledger) = fresh();
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
    let script = r#"set -eu
        sed '/^$/,$d' "$1/checkpoint" > "$2/body"
        { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cut -d+ -f3- "$1/log.vkey" | base64 -d | tail -c 32; } > "$2/pub.der"
        sed -n '/^$/,$p' "$1/checkpoint" | awk 'NR==2{print $3}' | base64 -d | tail -c 64 > "$2/sig"
        openssl pkeyutl -verify -pubin -keyform DER -inkey "$2/pub.der" -rawin -in "$2/body" -sigfile "$2/sig""#;
    program("openssl");
    let verifies = || {
        let scratch = TempDir::new().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(dir.path()).arg(scratch.path());
        shell.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(verifies());
    let note = fs::read_to_string(dir.path().join("checkpoint")).unwrap();
    fs::write(dir.path().join("checkpoint"), note.replacen("\n3\n", "\n4\n", 1)).unwrap();
    assert!(!verifies());
}
