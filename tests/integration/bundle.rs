//! Bundles of real ledgers, written by the real line of a run: what they hold, that they are always the
//! same bytes, and that whatever is changed in them is found.

pub(crate) mod archive;
mod attacks;
mod calendar;
mod causes;
mod changed;
mod clocks;
mod compacted;
mod ended;
mod erased;
mod flipped;
mod hostile;
mod keys;
mod layouts;
mod misled;
pub(crate) mod opened;
pub(crate) mod samples;
mod selective;
mod signed;
mod taken;
mod tools;
mod two;
mod unjudged;
mod world;

use super::support::program;
use archive::Files;
use evidenced::bundle::{BundleError, ExportRequest, KeySource, VerifyOptions, VerifyReport, export, verify};
use std::path::Path;
use std::process::Command;
use world::{World, period};

/// The bytes of two bundles that are as small as they can be.
pub(crate) fn small_ones() -> [Vec<u8>; 2] {
    [World::tiny(), World::small()].map(|world| std::fs::read(world.bundle()).unwrap())
}

fn check(zip: &Path, reperform: bool) -> VerifyReport {
    verify(zip, &VerifyOptions { reperform, ..VerifyOptions::default() }).unwrap()
}

/// Everything that is wrong, a line each.
fn wrong(report: &VerifyReport) -> String {
    let mut text = String::new();
    for check in report.checks.iter().filter(|check| !check.ok) {
        for finding in &check.findings {
            text.push_str(&format!("{}: {}: {}\n", check.name, finding.file, finding.problem));
        }
    }
    text
}

#[test]
fn a_bundle_of_a_real_ledger_verifies_and_everything_in_it_can_be_made_again() {
    let world = World::new();
    let bundle = world.bundle();
    let vkey = std::fs::read_to_string(world.state().join("log.vkey")).unwrap();
    let report =
        verify(&bundle, &VerifyOptions { vkey: Some(vkey), reperform: true, ..VerifyOptions::default() }).unwrap();
    assert!(report.ok(), "{}", wrong(&report));
    assert_eq!(report.key_source, KeySource::Given);
    let about = report.about.as_ref().unwrap();
    assert!(about.sample);
    assert_eq!(about.name, "evidenced_test-ltd_2026-01-01_2026-01-31");
    let again = report.reperformed.as_ref().unwrap();
    // Of every run, and of the waiver.
    assert_eq!((again.collections, again.verdicts), (4, 5), "{:?}", again.not_reperformed);
    assert!(again.transitions >= 3, "{again:?}");
    let skipped: Vec<&str> = again.not_reperformed.iter().map(|finding| finding.problem.as_str()).collect();
    assert!(skipped.iter().all(|why| why.contains("before the period")), "{skipped:?}");
    serde_json::to_string(&report).unwrap();
}

#[test]
fn without_a_key_the_report_says_that_consistency_is_not_origin() {
    let report = check(&World::new().bundle(), false);
    assert!(report.ok(), "{}", wrong(&report));
    assert_eq!(report.key_source, KeySource::Bundle);
    let signature = report.checks.iter().find(|check| check.name == "checkpoint").unwrap();
    assert!(signature.detail.contains("not where it comes from"), "{}", signature.detail);
}

#[test]
fn the_same_ledger_and_request_give_the_same_bytes_also_when_the_ledger_has_grown() {
    let world = World::new();
    let first = std::fs::read(world.bundle()).unwrap();
    let second = std::fs::read(world.bundle()).unwrap();
    assert_eq!(first, second);
    world.run("2026-02-20T02:00:00Z");
    assert_eq!(first, std::fs::read(world.bundle()).unwrap());
}

#[test]
fn coreutils_and_unzip_agree() {
    let world = World::new();
    let bundle = world.bundle();
    let out = tempfile::tempdir().unwrap();
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(Command::new(program("unzip")).arg("-tq").arg(&bundle));
    run(Command::new(program("unzip")).arg("-q").arg(&bundle).arg("-d").arg(out.path()));
    let folder = out.path().join("evidenced_test-ltd_2026-01-01_2026-01-31");
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        run(Command::new(program("sha256sum")).args(["--quiet", "--strict", "-c", manifest]).current_dir(&folder));
    }
    // The recipe of the README, for one piece of evidence, as it is printed there.
    let readme = std::fs::read_to_string(folder.join("README.txt")).unwrap();
    let recipe = readme.split("4. One piece").nth(1).unwrap().split("WHAT THIS PROVES").next().unwrap();
    let recipe: Vec<&str> = recipe.lines().skip(1).collect();
    let output = run(Command::new(program("sh")).arg("-ec").arg(recipe.join("\n")).current_dir(&folder));
    let record = recipe[0].split("data/evidence/").nth(1).unwrap().split(' ').next().unwrap();
    let sealed = std::fs::read_to_string(folder.join(format!("data/records/{record}.json"))).unwrap();
    let hashes: Vec<&str> = output.lines().filter_map(|line| line.strip_suffix("  -")).collect();
    assert_eq!(hashes.len(), 2, "{output}");
    assert!(sealed.contains(&format!("\"commit\":\"{}\"", hashes[0])), "{output}\n{sealed}");
    let leaves = std::fs::read_to_string(folder.join("data/log/leafhashes.txt")).unwrap();
    assert!(leaves.lines().any(|leaf| leaf == hashes[1]), "{output}");
}

#[test]
fn an_auditor_finds_deviations_gaps_and_states_first() {
    let world = World::new();
    let files = Files::read(&world.bundle());
    let text = |path: &str| String::from_utf8(files.get(path).to_vec()).unwrap();
    let readme = text("README.txt");
    assert!(readme.starts_with("*** SAMPLE WITH A SIMULATED CLOCK ***"), "{readme}");
    assert!(readme.contains("nobody but the operator"), "{readme}");
    for folder in [
        "alerts",
        "anchors",
        "configs",
        "evidence",
        "exports",
        "samples",
        "signoffs",
        "transitions",
        "verdicts",
        "waivers",
    ] {
        assert!(readme.contains(&format!(" {folder}/")), "the README does not say what is in {folder}");
    }
    let summary = text("data/controls/AVL-001/summary.md");
    let place = |heading: &str| summary.find(heading).unwrap_or_else(|| panic!("no {heading} in\n{summary}"));
    assert!(place("## Deviations") < place("## Gaps") && place("## Gaps") < place("## States"));
    let rules = &summary[place("## Rules")..place("## Gaps")];
    assert!(rules.contains("| restore_test/") && rules.contains("\"grace_days\":14"), "{rules}");
    let gaps = text("data/controls/AVL-001/gaps.csv");
    for how in ["missed", "failed", "interrupted"] {
        assert!(gaps.contains(how), "{how} is not in\n{gaps}");
    }
    assert_eq!(text("data/gaps.csv"), gaps, "there is one collector, and one control");
    let judgements = text("data/controls/AVL-001/judgements.csv");
    assert!(judgements.contains(",deviation,") && judgements.contains(",restore_test/"), "{judgements}");
    let timeline = text("data/controls/AVL-001/timeline.csv");
    assert!(timeline.contains("supporting") && timeline.contains("deviating"), "{timeline}");
    let waivers = text("data/controls/AVL-001/waivers.csv");
    assert!(waivers.contains("'=accepted"), "a formula must be defused:\n{waivers}");
    assert!(text("data/index.html").contains("(every evidence and verdict)"), "what index.csv has");
    let index = text("data/index.csv");
    assert!(index.contains("evidence,period,AVL-001,restores"), "{index}");
    assert!(index.contains("epoch,supporting"), "{index}");
    let verdict = |line: &&str| line.contains(",verdict,");
    assert!(index.lines().filter(verdict).all(|line| line.contains(",restore_test/")), "{index}");
}

#[test]
fn a_period_that_begins_before_the_log_says_so_where_an_auditor_begins() {
    let world = World::new();
    let told = |bundle: &Path| {
        let files = Files::read(bundle);
        let text = |path| String::from_utf8(files.get(path).to_vec()).unwrap();
        [
            text("README.txt").contains("THE LOG BEGINS AT 2025-12-15T00:00:00.000Z: "),
            text("data/index.html").contains("The log begins at"),
        ]
    };
    assert_eq!(told(&world.bundle()), [false, false]);
    let start = "2025-12-01T00:00:00Z".parse().unwrap();
    let early = world.bundle_of(evidenced_collectors::contract::Window { start, ..period() }, "Test Ltd.");
    assert_eq!(told(&early), [true, true]);
    assert!(check(&early, false).ok(), "{}", wrong(&check(&early, false)));
}

#[test]
fn a_daily_control_that_was_read_three_times_in_a_month_has_not_met_its_cadence() {
    let files = Files::read(&World::new().bundle());
    let text = |path| String::from_utf8(files.get(path).to_vec()).unwrap();
    let controls = text("data/controls.csv");
    // The run of the 11th failed, and is no reading.
    let seen = "restores: 3 complete readings, 3 of 31 days read; without a reading: 2026-01-01, 2026-01-02, ";
    assert!(controls.lines().any(|line| line.contains(&format!(",daily,not met,\"{seen}"))), "{controls}");
    let gaps = "and 16 more; gaps over 3days: 2026-01-01 00:00Z to 2026-01-05 02:00Z, 2026-01-05 02:00Z to 2026-01-09 \
                02:00Z, 2026-01-09 02:00Z to 2026-01-25 02:00Z, 2026-01-25 02:00Z to 2026-02-01 00:00Z";
    assert!(controls.contains(gaps), "{controls}");
    let page = text("data/controls/AVL-001/index.html");
    assert!(page.contains("daily; cadence <strong>not met</strong>") && page.contains(gaps), "{page}");
}

#[test]
fn a_ledger_that_was_forged_before_sealing_verifies_and_is_found_by_re_performance() {
    let world = World::forged();
    let bundle = world.bundle();
    let plain = check(&bundle, false);
    assert!(plain.ok(), "every seal is right: {}", wrong(&plain));
    let report = check(&bundle, true);
    assert!(!report.ok());
    let wrong = wrong(&report);
    assert!(wrong.contains("re-performance: data/verdicts/") && wrong.contains("judgements.json"), "{wrong}");
}

#[test]
fn a_run_that_was_asked_otherwise_than_those_before_it_left_off_is_found_by_re_performance() {
    let world = World::quiet();
    world.forget("2026-01-09T02:00:00Z");
    world.close("2026-01-09T03:00:00Z");
    let bundle = world.bundle();
    let plain = check(&bundle, false);
    assert!(plain.ok(), "every seal is right: {}", wrong(&plain));
    let wrong = wrong(&check(&bundle, true));
    for words in [
        "its window begins at 2025-12-10T02:00:00.000Z, and not at 2026-01-05T02:00:00.000Z, where record ",
        "was told otherwise than what was left for it: record ",
    ] {
        assert!(wrong.contains("/run.json: ") && wrong.contains(words), "{words} is not in {wrong}");
    }
}

#[test]
fn the_configuration_that_a_run_began_under_before_the_period_is_in_the_bundle() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.die_across_a_change("2025-12-31T23:00:00Z", "2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z");
    world.close("2026-01-01T00:40:00Z");
    let report = check(&world.bundle(), false);
    assert!(report.ok(), "{}", wrong(&report));
}

#[test]
fn a_waiver_that_is_dated_back_changes_no_verdict_that_was_made_before_it_was_sealed() {
    let world = World::small();
    world.back_date("db*", "2026-01-02T00:00:00Z", "2026-01-12T00:00:00Z");
    world.run("2026-01-13T02:00:00Z");
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let files = Files::read(&bundle);
    let judgements = String::from_utf8(files.get("data/controls/AVL-001/judgements.csv").to_vec()).unwrap();
    let outcomes: Vec<&str> =
        ["deviation", "waived"].into_iter().filter(|o| judgements.contains(&format!(",{o},"))).collect();
    assert_eq!(outcomes, ["deviation", "waived"], "{judgements}");
}

#[test]
fn requests_that_make_no_sense_are_refused_and_leave_nothing_behind() {
    let world = World::new();
    let out = tempfile::tempdir().unwrap();
    let reader = world.reader();
    let ask = |period, name: &str, organization: &str| {
        export(&reader, &ExportRequest::whole(period, &out.path().join(name), organization, &world.key()))
    };
    let (start, end) = (period().start, period().end);
    let window = |start, end| evidenced_collectors::contract::Window { start, end };
    assert!(matches!(ask(window(end, start), "a.zip", "Test Ltd."), Err(BundleError::Request { .. })));
    assert!(matches!(ask(period(), "a.zip", ""), Err(BundleError::Request { .. })));
    let empty = window("2020-01-01T00:00:00Z".parse().unwrap(), "2020-02-01T00:00:00Z".parse().unwrap());
    let error = ask(empty, "a.zip", "Test Ltd.").unwrap_err().to_string();
    assert!(error.contains("no record") && error.contains("hint:"), "{error}");
    assert!(matches!(ask(period(), "a.zip", "Test Ltd."), Err(BundleError::NotCovered { .. })), "no summary covers it");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    world.bundle();
    let error = ask(period(), "a.zip", "Another Bank Inc.").unwrap_err().to_string();
    assert!(error.contains("the log is evidence of \"Test Ltd.\"") && error.contains("hint:"), "{error}");
    ask(period(), "a.zip", "Test Ltd.").unwrap();
    let error = ask(period(), "a.zip", "Test Ltd.").unwrap_err().to_string();
    assert!(error.contains("hint:"), "{error}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn a_key_that_is_none_is_refused_and_another_log_s_key_fails_the_signature() {
    let world = World::new();
    let bundle = world.bundle();
    let with = |key: &str| verify(&bundle, &VerifyOptions { vkey: Some(key.to_owned()), ..VerifyOptions::default() });
    assert!(matches!(with("nonsense"), Err(BundleError::Request { .. })));
    let other = World::new();
    let report = with(&std::fs::read_to_string(other.state().join("log.vkey")).unwrap()).unwrap();
    assert!(!report.ok());
    assert!(wrong(&report).contains("checkpoint: data/log/checkpoint: not signed by"), "{}", wrong(&report));
}
