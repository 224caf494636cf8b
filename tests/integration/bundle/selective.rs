//! Bundles of some controls: what they show can be re-performed, and what they should show and do not is counted.
//!
//! Whoever withholds has the ledger and its key, and makes everything else fit: `forge::withhold`.

use super::archive::Files;
use super::tools::Audit;
use super::two::Two;
use super::world::{World, at, exported, january, summarize};
use super::{check, wrong};
use crate::support::auditor::Auditor;
use evidenced::bundle::{BundleError, ExportRequest, controls_meeting, forge};
use evidenced::ledger::record::{Body, Of, Record};
use evidenced::ledger::{Filter, Reader};
use proptest::prelude::*;
use proptest::sample::subsequence;
use std::collections::BTreeSet;

/// Every record of the log.
fn records(reader: &Reader) -> Vec<(u64, Record)> {
    reader.records(0..u64::MAX, &Filter::default()).map(Result::unwrap).collect()
}

/// Numbers of the records in a bundle.
fn shown(files: &Files) -> BTreeSet<u64> {
    let number = |path: &String| path.strip_prefix("data/records/")?.strip_suffix(".json")?.parse().ok();
    files.files.keys().filter_map(number).collect()
}

/// Withholds records, and expects to be refused with these words.
fn refused(world: &Two, withheld: &BTreeSet<u64>, words: &str) {
    assert!(!withheld.is_empty(), "nothing was withheld");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("less.zip");
    let reader = world.runner.reader().unwrap();
    let key = world.key();
    let request = january(&out, &["ONE"], &key);
    let text = match forge::withhold(&reader, &request, withheld) {
        Err(error) => error.to_string(),
        Ok(_) => {
            let report = check(&out, false);
            assert!(!report.ok(), "{withheld:?} were withheld unnoticed");
            wrong(&report)
        }
    };
    assert!(text.contains(words), "{withheld:?} are not refused with {words:?}:\n{text}");
}

/// A whole story, and the summary that the command appends before it exports.
fn told() -> Two {
    let world = Two::new();
    summarize(&world.runner);
    world
}

/// The one record that `is` says, of January.
fn in_january(world: &Two, is: impl Fn(&Body) -> bool) -> u64 {
    let reader = world.runner.reader().unwrap();
    let inside = |record: &Record| (at("2026-01-01T00:00:00Z")..at("2026-02-01T00:00:00Z")).contains(&record.at);
    let found = records(&reader).into_iter().find(|(_, record)| inside(record) && is(&record.body));
    found.expect("the story has such a record").0
}

#[test]
fn a_selection_shows_its_controls_alone_and_can_be_re_performed() {
    let world = Two::new();
    let out = world.dir.path().join("one.zip");
    let summary = exported(&world.runner, &january(&out, &["ONE"], &world.key())).unwrap();
    let report = check(&out, true);
    assert!(report.ok(), "{}", wrong(&report));
    let again = report.reperformed.as_ref().unwrap();
    // Of every run, and of the waiver.
    assert_eq!((again.collections, again.verdicts), (3, 4), "{again:?}");
    assert!(again.transitions >= 1 && again.not_reperformed.is_empty(), "{again:?}");
    assert_eq!(report.about.as_ref().unwrap().controls, BTreeSet::from(["ONE".to_owned()]));
    assert!(report.about.unwrap().name.ends_with("_2026-01-31_ONE"));

    let files = Files::read(&out);
    let reader = world.runner.reader().unwrap();
    for index in shown(&files) {
        match reader.record(index).unwrap().body.of() {
            Of::Log => {}
            Of::Collector(name) => assert_eq!(name, "one"),
            Of::Control(name) => assert_eq!(name, "ONE"),
        }
    }
    assert!(summary.withheld > 8, "{summary:?}");
    let readme = String::from_utf8(files.get("README.txt").to_vec()).unwrap();
    assert!(
        readme.contains("THIS IS A SELECTION: controls ONE, with the collectors that fed them in the period: one.")
    );
    assert!(readme.contains(&format!("{} belong to others and are withheld", summary.withheld)), "{readme}");
    assert!(!files.files.keys().any(|path| path.contains("controls/TWO")), "nothing is told of another control");
    let completeness = String::from_utf8(files.get("data/completeness.csv").to_vec()).unwrap();
    assert!(
        completeness.contains("\none,3,6,31,3,0,27,0,3,0,0,3,") && !completeness.contains("\ntwo,"),
        "{completeness}"
    );
}

#[test]
fn the_same_selection_gives_the_same_bytes_also_when_the_ledger_has_grown() {
    let world = Two::new();
    let bytes = |name: &str, controls: &[&str]| {
        let out = world.dir.path().join(name);
        exported(&world.runner, &january(&out, controls, &world.key())).unwrap();
        std::fs::read(out).unwrap()
    };
    let first = (bytes("1", &["ONE"]), bytes("2", &[]));
    world.run("one", "2026-02-20T02:00:00Z");
    summarize(&world.runner);
    world.run("two", "2026-02-21T02:00:00Z");
    assert!(first == (bytes("3", &["ONE"]), bytes("4", &[])), "the oldest fitting checkpoint is taken");
    let whole = check(&world.dir.path().join("4"), true);
    assert!(whole.ok(), "{}", wrong(&whole));
}

#[test]
fn every_control_of_the_period_can_be_selected_and_no_other() {
    let world = Two::new();
    let out = world.dir.path().join("both.zip");
    exported(&world.runner, &january(&out, &["ONE", "TWO"], &world.key())).unwrap();
    assert!(check(&out, true).ok(), "{}", wrong(&check(&out, true)));
    let error = exported(&world.runner, &january(&out, &["ONE", "THREE"], &world.key())).unwrap_err();
    assert!(matches!(error, BundleError::UnknownControl { .. }), "{error}");
    assert!(error.to_string().contains("THREE\nhint: those that it knows: ONE, TWO"), "{error}");
    let ExportRequest { period, .. } = january(&out, &[], &world.key());
    let meeting = |criterion: &str| {
        controls_meeting(&world.runner.reader().unwrap(), period, &BTreeSet::from([criterion.to_owned()])).unwrap()
    };
    assert_eq!(meeting("A1.3"), BTreeSet::from(["ONE".to_owned()]));
    assert!(meeting("CC6.1").is_empty());
}

#[test]
pub(super) fn attack_5_a_withheld_run_is_missed_by_the_summaries() {
    let world = told();
    let reader = world.runner.reader().unwrap();
    let opened = in_january(&world, |body| matches!(body, Body::RunOpened { collector, .. } if collector == "one"));
    let Body::RunOpened { run, .. } = reader.record(opened).unwrap().body else { unreachable!() };
    let of_it = reader.records(0..u64::MAX, &Filter::default().run(&run)).map(|found| found.unwrap().0);
    refused(&world, &of_it.collect(), "records of collector one: ");
}

#[test]
pub(super) fn attack_41_the_scripts_miss_every_record_that_a_selection_was_robbed_of() {
    let world = told();
    let (out, key, desk) = (world.dir.path().join("one.zip"), world.key(), Auditor::new());
    exported(&world.runner, &january(&out, &["ONE"], &key)).unwrap();
    std::fs::copy(world.dir.path().join("state/log.vkey"), desk.path("KEYS/log.vkey")).unwrap();
    let signer = format!("evidence@test.example {}\n", key.public_line().unwrap());
    std::fs::write(desk.path("KEYS/allowed_signers"), signer).unwrap();
    let (fine, said) = desk.python(&out);
    assert!(fine && said.contains("summaries were compared"), "{said}");
    assert_eq!(desk.page(&out, "")["state"], "accepted");

    let reader = world.runner.reader().unwrap();
    let without = |gone: &BTreeSet<u64>| {
        let mut files = Files::read(&out);
        for index in gone {
            if files.files.keys().any(|path| path.contains(&format!("/{index:012}/"))) {
                files.drop_files(*index);
            }
            files.files.retain(|path, _| !path.contains(&format!("/{index:012}.")));
        }
        files.remanifest();
        files.sign(&key);
        files.write(&desk.path("."))
    };
    let opening = reader.records(0..u64::MAX, &Filter::kind("summary")).next().unwrap().unwrap().0;
    let here = shown(&Files::read(&out));
    let mut ends = BTreeSet::new();
    for index in here.range(opening..) {
        let (fine, said) = desk.python(&without(&BTreeSet::from([*index])));
        if said.contains("begins or ends the range") {
            ends.insert(*index);
        }
        assert!(!fine && !said.contains("Traceback"), "record {index} is not missed: {said}");
    }
    // All that its control was judged to be, so that no verdict names what is not there; but for what ends the range, of
    // which the page would speak first.
    let of_the_control = |index: &&u64| matches!(reader.record(**index).unwrap().body.of(), Of::Control("ONE"));
    let gone: BTreeSet<u64> = here.range(opening..).filter(of_the_control).copied().collect();
    let gone = &gone - &ends;
    assert!(gone.len() > 4, "{gone:?}");
    let less = without(&gone);
    let (fine, said) = desk.python(&less);
    assert!(!fine && said.contains(" of controls ONE, the bundle has "), "{said}");
    let page = desk.page(&less, "");
    let named = page["verdict"].as_str().unwrap().contains(" of controls ONE, the bundle has ");
    assert!(page["state"] == "refused" && named, "{page}");
}

#[test]
pub(super) fn attack_51_no_older_configuration_stands_for_the_one_that_was_in_force() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    // The bundle has the configuration before, because a run began under it.
    let in_force = world.die_across_a_change("2025-12-31T23:00:00Z", "2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z");
    world.close("2026-01-01T00:40:00Z");
    let audit = Audit::of(world);
    let (out, key) = (audit.path("older.zip"), audit.world.key());
    let withheld = BTreeSet::from([in_force]);
    forge::withhold(&audit.world.reader(), &january(&out, &[], &key), &withheld).unwrap();
    let words = "names another configuration before the range than the newest that is here";
    assert!(wrong(&audit.ours(&out)).contains(words), "{}", wrong(&audit.ours(&out)));
    let (fine, said) = audit.desk.python(&out);
    assert!(!fine && said.contains(words), "{said}");
    let page = audit.desk.page(&out, "");
    assert!(page["state"] == "refused" && page["verdict"].as_str().unwrap().contains(words), "{page}");
    assert!(audit.ours(&audit.bundle).ok(), "{}", wrong(&audit.ours(&audit.bundle)));
    let (fine, said) = audit.desk.python(&audit.bundle);
    assert!(fine, "{said}");
    assert_eq!(audit.desk.page(&audit.bundle, "")["state"], "accepted");
}

#[test]
fn a_run_cannot_be_said_to_be_open_by_withholding_how_it_ended() {
    let world = told();
    let reader = world.runner.reader().unwrap();
    let closed = in_january(&world, |body| matches!(body, Body::RunClosed { collector, .. } if collector == "one"));
    let Body::RunClosed { run, .. } = reader.record(closed).unwrap().body else { unreachable!() };
    let of_it = reader.records(0..u64::MAX, &Filter::default().run(&run)).map(Result::unwrap);
    let later = of_it.filter(|(_, record)| !matches!(record.body, Body::RunOpened { .. })).map(|(index, _)| index);
    refused(&world, &later.collect(), "records of collector one: ");
}

#[test]
fn a_withheld_miss_verdict_transition_or_waiver_is_missed_by_the_summaries() {
    let world = told();
    let one = |body: &Body| matches!(body.of(), Of::Collector("one") | Of::Control("ONE"));
    for (kind, words) in [
        ("missed", "the next number of collector one: "),
        ("verdict", "records of control ONE: "),
        ("transition", "records of control ONE: "),
        ("waiver", "records of control ONE: "),
    ] {
        let index = in_january(&world, |body| body.kind() == kind && one(body));
        refused(&world, &BTreeSet::from([index]), if kind == "missed" { "records of collector one: " } else { words });
    }
}

#[test]
fn a_done_run_without_its_verdict_is_refused_whatever_the_summaries_say() {
    let world = told();
    let verdict = in_january(&world, |body| matches!(body, Body::Verdict { control, .. } if control == "ONE"));
    refused(&world, &BTreeSet::from([verdict]), "ends a run whose evidence is for ONE, without a verdict of it");
}

#[test]
fn no_summary_can_be_withheld_not_even_the_first_or_the_last() {
    let world = told();
    let reader = world.runner.reader().unwrap();
    let all: Vec<u64> = reader.records(0..u64::MAX, &Filter::kind("summary")).map(|found| found.unwrap().0).collect();
    let [opening, within, closing] = all[..] else { panic!("{all:?}") };
    refused(&world, &BTreeSet::from([within]), "records of the kind summary: ");
    refused(&world, &BTreeSet::from([opening]), "by this summary");
    refused(&world, &BTreeSet::from([closing]), "the last record under it is no summary");
    refused(&world, &BTreeSet::from([opening, within]), "by this summary");
}

#[test]
fn moving_a_control_to_another_collector_hides_neither_the_old_one_nor_the_move() {
    let world = Two::moved();
    let out = world.dir.path().join("moved.zip");
    exported(&world.runner, &january(&out, &["ONE"], &world.key())).unwrap();
    let report = check(&out, true);
    assert!(report.ok(), "{}", wrong(&report));
    let files = Files::read(&out);
    let reader = world.runner.reader().unwrap();
    for collector in ["one", "two"] {
        let fed =
            |index: &u64| matches!(reader.record(*index).unwrap().body.of(), Of::Collector(name) if name == collector);
        let runs = shown(&files).into_iter().filter(fed).collect::<BTreeSet<u64>>();
        refused(&world, &runs, "collector");
    }
    let move_of_it = in_january(&world, |body| matches!(body, Body::Config { .. }));
    refused(&world, &BTreeSet::from([move_of_it]), "records of the kind config: ");
    // And the configuration before: another one, older, must not pass for it.
    let first = reader.records(0..u64::MAX, &Filter::kind("config")).next().unwrap().unwrap().0;
    refused(&world, &BTreeSet::from([first]), "another configuration is in force here");
}

#[test]
fn a_verdict_over_the_evidence_of_another_collector_is_found_by_re_performance() {
    let world = Two::crossed();
    let out = world.dir.path().join("crossed.zip");
    exported(&world.runner, &january(&out, &[], &world.key())).unwrap();
    assert!(check(&out, false).ok(), "every seal is right: {}", wrong(&check(&out, false)));
    let wrong = wrong(&check(&out, true));
    assert!(wrong.contains("re-performance: ") && wrong.contains("of two, which does not feed the control"), "{wrong}");
}

#[test]
fn a_selection_without_a_summary_before_it_is_counted_from_the_beginning_of_the_log() {
    let world = super::world::World::new();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("selection.zip");
    world.selection(&out);
    let report = check(&out, true);
    assert!(report.ok(), "{}", wrong(&report));
    let first_runs = shown(&Files::read(&out)).range(1..10).count();
    assert_eq!(first_runs, 9, "what is before the period is there to be counted");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_else_is_withheld_is_refused(chosen in subsequence((0..200_usize).collect::<Vec<_>>(), 1..60)) {
        let world = STORY.get_or_init(|| std::sync::Mutex::new(told())).lock().unwrap();
        let out = world.dir.path().join("full.zip");
        if !out.exists() {
            exported(&world.runner, &january(&out, &["ONE"], &world.key())).unwrap();
        }
        let all: Vec<u64> = shown(&Files::read(&out)).into_iter().collect();
        let withheld: BTreeSet<u64> = chosen.iter().map(|at| all[at * all.len() / 200]).collect();
        refused(&world, &withheld, "");
    }
}

static STORY: std::sync::OnceLock<std::sync::Mutex<Two>> = std::sync::OnceLock::new();

#[test]
fn each_single_record_of_a_selection_is_needed() {
    let world = told();
    let out = world.dir.path().join("full.zip");
    exported(&world.runner, &january(&out, &["ONE"], &world.key())).unwrap();
    for index in shown(&Files::read(&out)) {
        refused(&world, &BTreeSet::from([index]), "");
    }
}
