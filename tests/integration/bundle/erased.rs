//! Bundles of ledgers in which something was erased by the book: its absence is on record, or it is refused.

use super::archive::Files;
use super::world::World;
use super::{check, wrong};
use evidenced::ledger::Filter;
use evidenced::ledger::record::Body;

/// The first of its kind in January, by kind.
fn first(world: &World, kind: &'static str) -> u64 {
    let reader = world.reader();
    let inside = reader.records(0..u64::MAX, &Filter::kind(kind)).map(Result::unwrap);
    let january = super::world::period();
    inside.into_iter().find(|(_, record)| (january.start..january.end).contains(&record.at)).unwrap().0
}

#[test]
pub(super) fn attack_16_what_was_erased_is_not_re_performed_and_neither_a_failure_nor_a_success() {
    let world = World::new();
    let before = check(&world.bundle(), true).reperformed.unwrap();
    let (evidence, verdict) = (first(&world, "evidence"), first(&world, "verdict"));
    let (first, second) = (world.erase(evidence), world.erase(verdict));
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let commitments = report.checks.iter().find(|check| check.name == "commitments").unwrap();
    assert!(commitments.detail.contains("; 2 erased on record"), "{}", commitments.detail);
    let again = report.reperformed.unwrap();
    assert!(again.collections == before.collections - 1 && again.verdicts < before.verdicts, "{again:?}");
    for (record, by) in [(evidence, first), (verdict, second)] {
        let file = format!("data/records/{record:012}.json");
        let said = again.not_reperformed.iter().find(|finding| finding.file == file).unwrap();
        assert_eq!(said.problem, format!("not re-performed: erased, as record {by} says"));
    }
    let files = Files::read(&bundle);
    for folder in [format!("data/evidence/{evidence:012}/"), format!("data/verdicts/{verdict:012}/")] {
        assert!(!files.files.keys().any(|path| path.starts_with(&folder)), "{folder} is still there");
    }
    for index in [evidence, verdict, first, second] {
        assert!(files.files.contains_key(&format!("data/proofs/{index:012}.tlog-proof")), "proof of {index}");
    }
    let judgements = String::from_utf8(files.get("data/controls/AVL-001/judgements.csv").to_vec()).unwrap();
    assert!(judgements.contains(&format!("every item,erased,erased,record {second} says so")), "{judgements}");
    assert!(String::from_utf8_lossy(files.get("README.txt")).contains("ERASED: the files of 2 records"));
}

#[test]
fn erased_verdicts_and_transitions_leave_the_rest_to_be_re_performed() {
    let world = World::new();
    let reader = world.reader();
    let all = reader.records(0..u64::MAX, &Filter::default()).map(Result::unwrap);
    let gone = all.filter(|(_, record)| matches!(record.body, Body::Verdict { .. } | Body::Transition { .. }));
    let gone: Vec<u64> = gone.map(|(index, _)| index).collect();
    for index in &gone {
        world.erase(*index);
        let report = check(&world.bundle(), true);
        assert!(report.ok(), "record {index}: {}", wrong(&report));
    }
    assert_eq!(check(&world.bundle(), true).reperformed.unwrap().verdicts, 0);
    // The line goes on: the next run starts from what is there.
    world.run("2026-03-01T02:00:00Z");
}

#[test]
fn files_that_are_missing_without_an_erasure_on_record_are_refused() {
    let world = World::new();
    let evidence = first(&world, "evidence");
    let folder = format!("data/evidence/{evidence:012}/");
    let mut files = Files::read(&world.bundle());
    files.files.retain(|path, _| !path.starts_with(&folder));
    let salts = String::from_utf8(files.get("data/salts.csv").to_vec()).unwrap();
    let salts: String =
        salts.lines().filter(|line| !line.starts_with(&format!("{evidence},"))).map(|l| format!("{l}\n")).collect();
    files.files.insert("data/salts.csv".to_owned(), salts.into_bytes());
    files.remanifest();
    let dir = tempfile::tempdir().unwrap();
    let report = check(&files.write(dir.path()), true);
    assert!(!report.ok());
    assert!(
        wrong(&report).contains(&format!("commitments: data/salts.csv: has no salt for record {evidence}")),
        "{}",
        wrong(&report)
    );
}

#[test]
fn a_bundle_from_before_an_erasure_stays_good() {
    let world = World::new();
    let bundle = world.bundle();
    world.erase(first(&world, "evidence"));
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
}
