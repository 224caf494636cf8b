//! `evidenced tracker` and `evidenced gaps` against what a skill pack's own scripts say of the same files.

use super::judge::stdin;
use super::{Said, evidenced};
use evidenced::readiness::packs::FILE_BYTES_MAX;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs")
}

fn recorded() -> Value {
    serde_json::from_str(&fs::read_to_string(packs().join("recorded.json")).unwrap()).unwrap()
}

/// Runs a command on one of the files, where there is neither configuration nor ledger.
fn on(file: &str, command: &str, more: &[&str]) -> Said {
    let (dir, file) = (tempfile::tempdir().unwrap(), packs().join(format!("{file}.json")));
    let said = evidenced(dir.path(), &[&[command, "--seed-compat", file.to_str().unwrap()], more].concat());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "it makes nothing");
    said
}

/// A file of that text.
fn of(text: &str, command: &str, more: &[&str]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f.json"), text).unwrap();
    evidenced(dir.path(), &[&[command, "--seed-compat", "f.json"], more].concat())
}

fn array<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap()
}

fn column(list: &Value, key: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|entry| entry[key].clone()).collect()
}

fn notes(said: &Value) -> BTreeSet<String> {
    column(&said["notes"], "about").iter().map(|about| about.as_str().unwrap().to_owned()).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn every_recorded_status_report_comes_out_figure_by_figure() {
    let mut compared = 0;
    for (file, recorded) in recorded().as_object().unwrap() {
        let said = on(file, "tracker", &["--json"]);
        assert_eq!(said.code, 0, "{file}: {said:?}");
        let mut said = said.json();
        let today = said["summary"].as_object_mut().unwrap().remove("report_date").unwrap();
        assert_eq!(today.as_str().unwrap().len(), "2026-01-01".len());
        let Some(pack) = recorded["tracker"].as_object() else { continue };
        assert_eq!(said["summary"], pack["summary"], "{file}");
        assert_eq!(said["by_category"], pack["by_category"], "{file}");
        assert_eq!(json!(column(&said["issues"], "control_id")), pack["issues"], "{file}");
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn every_recorded_gap_analysis_comes_out_figure_by_figure() {
    let mut compared = 0;
    for (file, recorded) in recorded().as_object().unwrap() {
        for audit in ["type1", "type2"] {
            let said = on(file, "gaps", &["--type", audit, "--json"]);
            assert_eq!(said.code, 0, "{file}: {said:?}");
            let (said, pack) = (said.json(), &recorded[audit]);
            if pack.is_null() {
                continue;
            }
            let rows = |key: &str, columns: &[&str]| -> BTreeSet<String> {
                let row = |entry: &Value| json!(columns.iter().map(|column| &entry[column]).collect::<Vec<_>>());
                array(&said, key).iter().map(|entry| row(entry).to_string()).collect()
            };
            let recorded = |key: &str| array(pack, key).iter().map(Value::to_string).collect::<BTreeSet<String>>();
            assert_eq!(said["coverage_summary"], pack["coverage_summary"], "{file} {audit}");
            let categories =
                |list: &Value| list.as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>();
            assert_eq!(
                categories(&said["report_metadata"]["categories_assessed"]),
                categories(&pack["categories"]),
                "{file}"
            );
            assert_eq!(rows("gaps", &["tsc_criteria", "severity"]), recorded("missing"), "{file}");
            let partial = rows("partial_implementations", &["tsc_criteria", "severity", "controls"]);
            assert_eq!(partial, recorded("partial"), "{file}");
            assert_eq!(rows("covered_criteria", &["tsc_criteria", "controls"]), recorded("covered"), "{file}");
            if let Some(operating) = pack["operating"].as_object() {
                let said = &said["type2_operating_gaps"];
                assert_eq!(said["controls_with_issues"], operating["controls_with_issues"], "{file}");
                assert_eq!(said["total_issues"], operating["total_issues"], "{file}");
                let mut issues = Vec::new();
                for detail in array(said, "details") {
                    for issue in array(detail, "issues") {
                        issues.push(json!([detail["control_id"], issue["check"], issue["severity"]]));
                    }
                }
                assert_eq!(json!(issues), operating["issues"], "{file}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 12);
}

#[test]
fn the_sample_gives_the_figures_that_people_know() {
    let tracker = on("current", "tracker", &[]);
    assert!(tracker.out.starts_with("evidence_readiness 85.2 % (Minor Gaps), 61 controls\n"), "{}", tracker.out);
    let gaps = on("current", "gaps", &["--type", "type2"]);
    assert!(gaps.out.starts_with("criteria_coverage 85.2 % (Near Ready"), "{}", gaps.out);
    assert!(gaps.out.contains("21 controls with 34 issues"), "{}", gaps.out);
    let breakdown = &on("current", "tracker", &["--json"]).json()["summary"]["status_breakdown"];
    assert_eq!([&breakdown["collected"], &breakdown["overdue"], &breakdown["not_applicable"]], [46, 8, 7]);
}

#[test]
fn what_breaks_the_scripts_off_is_counted_and_said() {
    let nulls = on("null-status", "tracker", &["--json"]).json();
    assert_eq!(nulls["summary"]["status_breakdown"]["not_started"], 2);
    assert!(notes(&nulls).is_superset(&set(&["status-null", "id-twice"])), "{nulls}");
    let gaps = on("null-status", "gaps", &["--json"]).json();
    assert!(column(&gaps["partial_implementations"], "tsc_criteria").contains(&json!("CC6.4")), "{gaps}");
    assert!(notes(&gaps).is_superset(&set(&["status-null", "owner-null"])), "{gaps}");
    let list = on("list", "gaps", &["--json"]).json();
    assert_eq!([&list["coverage_summary"]["covered"], &list["mended"]["covered"]], [0, 2]);
}

#[test]
fn a_known_fault_leaves_the_figure_to_the_pack_and_is_said_with_the_mended_one() {
    let said = on("compound", "gaps", &["--json"]).json();
    assert_eq!(said["coverage_summary"]["covered"], 0);
    // CC6.1, CC6.2, CC7.1, CC7.2, CC8.1, CC6.6 of 33, and A1.2 and A1.3 of 3.
    assert_eq!([&said["mended"]["covered"], &said["mended"]["total_criteria"]], [8, 36]);
    let at = |said: &Value, about: &str| {
        array(said, "notes").iter().find(|note| note["about"] == about).unwrap_or_else(|| panic!("{about}: {said}"))["where"]
            .clone()
    };
    assert_eq!(at(&said, "criteria-compound"), json!(["K-0", "K-1", "K-2", "K-3", "K-5"]));
    assert_eq!(at(&said, "criteria-unknown"), json!(["K-4"]));
    let words = on("words", "gaps", &["--type", "type2", "--json"]).json();
    // Failed, overdue, not applicable, typed with spaces, in progress, and pending: all fully covered to the pack.
    assert_eq!(at(&words, "status-covers"), json!(["W-0", "W-1", "W-2", "W-5", "W-6", "W-9"]));
    assert_eq!(at(&words, "criterion-invented"), json!(["C1.3"]));
    assert_eq!(at(&words, "criteria-unknown"), json!(["W-7"]));
    assert_eq!(at(&words, "checks-not-made"), json!([]));
    // Neither an owner of spaces nor `tbd` is one: nothing but P6.6 is covered.
    assert_eq!(words["mended"]["covered"], 1, "{}", words["mended"]);
    assert_eq!(at(&on("current", "gaps", &["--json"]).json(), "criterion-omitted").as_array().unwrap().len(), 8);
    let tracker = on("words", "tracker", &["--json"]).json();
    assert_eq!(at(&tracker, "status-unknown"), json!(["W-0"]));
    assert_eq!(at(&tracker, "date-unread"), json!(["W-9"]));
    assert!(notes(&tracker).is_superset(&set(&["typed-words", "not-applicable"])), "{tracker}");
}

#[test]
fn a_rating_that_rounding_made_is_told_as_such() {
    let control = |at: usize| {
        let status = if at < 197 { "done" } else { "late" };
        json!({ "control_id": at.to_string(), "status": status })
    };
    let said = of(&json!((0..219).map(control).collect::<Vec<_>>()).to_string(), "tracker", &["--json"]).json();
    assert_eq!(said["summary"]["readiness_score"], 90.0);
    assert_eq!(said["summary"]["readiness_rating"], "Audit Ready");
    assert!(notes(&said).contains("rated-after-rounding"), "{said}");
}

#[test]
fn what_cannot_be_seen_in_a_file_is_written_out_on_the_terminal() {
    let evil = json!([{ "control_id": "\u{1b}[2J\u{202e}", "category": "\u{1b}]0;x", "status": "\u{7}" }]).to_string();
    for (command, more) in [("tracker", &[][..]), ("gaps", &["--type", "type2"])] {
        let said = of(&evil, command, more);
        assert!(said.code == 0 && said.out.contains("⟨U+001B⟩[2J⟨U+202E⟩"), "{said:?}");
        assert!(!said.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn exit_codes_follow_what_was_asked() {
    for (file, command, more, code) in [
        ("current", "tracker", &[][..], 0),
        ("current", "tracker", &["--fail-on", "minor-gaps"], 3),
        ("current", "tracker", &["--fail-on", "significant-gaps"], 0),
        ("fresh", "tracker", &["--fail-on", "significant-gaps"], 3),
        ("fresh", "tracker", &["--fail-on", "audit-ready"], 3),
        ("fresh", "tracker", &["--fail-on", "soon"], 2),
        ("current", "gaps", &[], 0),
        ("current", "gaps", &["--fail-on", "critical"], 3),
        ("fresh", "gaps", &["--fail-on", "high"], 0),
        ("fresh", "gaps", &["--fail-on", "medium"], 3),
        ("fresh", "gaps", &["--fail-on", "high", "--type", "type2"], 3),
        ("fresh", "gaps", &["--type", "type3"], 2),
    ] {
        let said = on(file, command, more);
        assert_eq!(said.code, code, "{file} {command} {more:?}: {said:?}");
    }
}

#[test]
fn standard_input_is_read_and_what_is_no_file_of_the_pack_is_refused_with_a_hint() {
    let text = fs::read_to_string(packs().join("current.json")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (command, figure) in [("tracker", "85.2"), ("gaps", "85.2")] {
        let program = Path::new(env!("CARGO_BIN_EXE_evidenced"));
        let said = stdin(program, dir.path(), &[command, "--seed-compat", "-"], &text);
        assert!(said.code == 0 && said.out.contains(figure), "{said:?}");
        for (text, why) in [
            ("", "it is not JSON"),
            ("# a table", "it is not JSON"),
            ("7", "neither an object nor an array"),
            ("{}", "there is no `controls`"),
            ("{\"controls\": {}}", "`controls` is not an array"),
            ("[{}, 3]", "controls[1] is not an object"),
            ("[{\"owner\": 3}]", "controls[0].owner is not a text"),
            ("[{\"tsc_criteria\": [\"CC6.1\", 2]}]", "controls[0].tsc_criteria is not a text"),
            (&format!("[{}{{}}]", "{},".repeat(20_000)), "20001 controls"),
            (&" ".repeat(FILE_BYTES_MAX + 1), "more than"),
        ] {
            let said = of(text, command, &[]);
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{why}: {said:?}");
            assert!(said.err.contains(why) && said.err.contains("hint: ") && said.err.contains("f.json"), "{said:?}");
        }
        let missing = evidenced(dir.path(), &[command, "--seed-compat", "nowhere.json"]);
        assert!(missing.code == 2 && missing.err.contains("cannot be read"), "{missing:?}");
    }
}
