//! What was due and what became of it, as a bundle shows it and as `verify` computes it again.

use super::archive::Files;
use super::two::Two;
use super::world::{World, at, exported, january};
use super::{check, wrong};
use evidenced::ledger::NewRecord;
use evidenced::ledger::record::Body;

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files.get(path).to_vec()).unwrap()
}

#[test]
fn slots_that_no_record_accounts_for_refuse_nothing_and_are_loud_everywhere() {
    let world = World::new();
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "the log is what it is: {}", wrong(&report));
    let silent: Vec<&str> = report.unaccounted().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(silent.len(), 4, "{silent:?}");
    assert!(silent[0].contains("restores, due 2026-01-01T02:00:00.000Z") && silent[0].contains("the 3 due after it"));
    let calendar = report.checks.iter().find(|check| check.name == "calendar").unwrap();
    assert!(calendar.ok && calendar.detail.contains("of 31 slots of 1 collectors, 25 have no record"), "{calendar:?}");

    let files = Files::read(&bundle);
    let rows = text(&files, "data/calendar.csv");
    assert_eq!(rows.lines().count(), 32, "{rows}");
    for row in [
        "restores,2026-01-05T02:00:00.000Z,done,2026-01-05T02:00:00.000Z,2026-01-05T02:00:00.000Z,",
        "restores,2026-01-10T02:00:00.000Z,missed,,,",
        "restores,2026-01-11T02:00:00.000Z,failed,2026-01-11",
        "restores,2026-01-12T02:00:00.000Z,interrupted,2026-01-12",
        "restores,2026-01-13T02:00:00.000Z,unaccounted,,,,no record",
    ] {
        assert!(rows.contains(row), "{row} is not in\n{rows}");
    }
    let completeness = text(&files, "data/completeness.csv");
    assert!(completeness.contains(",due,in_time,late,unaccounted,unplanned,"), "{completeness}");
    assert!(completeness.contains(",31,3,0,25,0,"), "{completeness}");
    let gaps = text(&files, "data/gaps.csv");
    assert!(gaps.lines().skip(1).take(4).all(|gap| gap.contains(",unaccounted,")), "first of all:\n{gaps}");
    assert_eq!(text(&files, "data/controls/AVL-001/gaps.csv"), gaps);
    let counts = "3 done, 1 missed, 1 interrupted, 1 failed, 25 unaccounted";
    for path in ["data/controls/AVL-001/index.html", "data/controls/AVL-001/summary.md"] {
        assert!(text(&files, path).contains(counts), "{counts} is not in {path}");
    }
    assert!(text(&files, "README.txt").contains("UNACCOUNTED: of 25 slots"));
}

#[test]
fn what_was_recorded_only_after_the_period_answers_to_slots_in_it() {
    let world = World::small();
    let last = at("2026-01-31T02:00:00Z");
    let body = Body::Missed {
        collector: "restores".into(),
        seq: 0,
        scheduled_for: last,
        reason: "the daemon was not running".into(),
    };
    world.seal(NewRecord { at: at("2026-02-03T07:00:00Z"), body, files: Vec::new() });
    world.run("2026-02-03T07:00:00Z");
    let row = "restores,2026-01-31T02:00:00.000Z,missed,,,";
    let bundle = world.bundle();
    let selection = bundle.with_file_name("selection.zip");
    world.selection(&selection);
    for bundle in [bundle, selection] {
        let report = check(&bundle, false);
        assert!(report.ok(), "{}", wrong(&report));
        let rows = text(&Files::read(&bundle), "data/calendar.csv");
        assert!(rows.contains(row), "{rows}");
        assert_eq!(rows.lines().filter(|row| row.contains(",unaccounted,")).count(), 29, "{rows}");
    }
}

#[test]
fn a_selection_has_the_calendar_of_its_own_collectors() {
    let world = Two::new();
    let out = world.dir.path().join("one.zip");
    exported(&world.runner, &january(&out, &["ONE"], &world.key())).unwrap();
    let report = check(&out, false);
    assert!(report.ok(), "{}", wrong(&report));
    assert!(report.unaccounted().count() > 0 && report.unaccounted().all(|f| f.problem.starts_with("one, due ")));
    let rows = text(&Files::read(&out), "data/calendar.csv");
    assert_eq!(rows.lines().filter(|row| row.starts_with("one,2026-01-")).count(), 31, "{rows}");
    assert_eq!(rows.lines().count(), 32, "the collector two is no part of it:\n{rows}");
}
