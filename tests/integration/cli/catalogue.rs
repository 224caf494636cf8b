//! `evidenced map`, `search`, `matrix` and the catalogue's part in the configuration.

use super::{Said, evidenced};
use crate::support::component;
use evidenced::catalogue::{CONTROLS, CRITERIA, QUERY_CHARS_MAX};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../../config/evidenced.example.toml");

/// Runs a command where there is no configuration.
fn bare(args: &[&str]) -> Said {
    evidenced(tempfile::tempdir().unwrap().path(), args)
}

/// A directory with the example and a library of controls of its own.
fn own(controls: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config =
        EXAMPLE.replacen("\n# --- What is coll", "\n[catalogue]\ncontrols = \"mine.toml\"\n# --- What is coll", 1);
    assert_ne!(config, EXAMPLE);
    fs::write(dir.path().join("evidenced.toml"), config).unwrap();
    fs::write(dir.path().join("mine.toml"), controls).unwrap();
    dir
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[test]
fn an_id_leads_to_what_is_related_whatever_its_case() {
    let criterion = bare(&["map", "cc6.2", "--json"]).json();
    assert_eq!(ids(&criterion["criteria"]), ["CC6.2"]);
    assert_eq!(ids(&criterion["controls"]), ["SEC-006", "SEC-008", "SEC-009", "SEC-010"]);
    let control = bare(&["map", "avl-001", "--json"]).json();
    assert_eq!(ids(&control["criteria"]), ["CC7.5", "A1.2", "A1.3"]);
    assert_eq!(control["controls"][0]["kinds"], json!(["backup_restores"]));
    let nist = bare(&["map", "--nist", "IA-4", "--json"]).json();
    assert_eq!((ids(&nist["criteria"]), ids(&nist["controls"])), (vec!["CC6.1", "CC6.2"], vec!["SEC-006", "SEC-008"]));
    let iso = bare(&["map", "--iso", "A.5.15", "--json"]).json();
    assert_eq!(ids(&iso["criteria"]), ["CC5.2", "CC6.1", "CC6.2", "CC6.3"]);
    assert_eq!(iso["configured"], json!([]));
    let text = bare(&["map", "CC6.1"]);
    assert!(text.out.contains("Getting in") && text.out.contains("SEC-004") && text.out.contains("AC-2"), "{text:?}");
    assert!(text.err.contains("built-in catalogue"), "{text:?}");
}

/// The example with a control that the library does not have.
fn own_control() -> String {
    EXAMPLE.replace("AVL-008", "OWN-001").replacen("stale_after = \"36h\"", "frequency = \"daily\"", 1)
}

#[test]
fn what_is_configured_is_told_apart_from_what_is_planned() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("evidenced.toml"), own_control()).unwrap();
    let mapped = evidenced(dir.path(), &["map", "A1.3", "--json"]);
    assert_eq!(mapped.json()["configured"], json!(["AVL-001", "OWN-001"]));
    assert_eq!(mapped.err, "");
    let matrix = evidenced(dir.path(), &["matrix", "--categories", "availability", "--json"]).json();
    let row = |id: &str| {
        let rows = matrix["controls"].as_array().unwrap();
        rows.iter().find(|row| row["control"] == id).unwrap_or_else(|| panic!("{id}: {matrix}")).clone()
    };
    assert_eq!(row("AVL-001")["collectors"], json!(["restores"]));
    assert_eq!(row("AVL-001")["owner"], "Cloud Platform Lead");
    assert_eq!(row("AVL-002")["configured"], false);
    // Only the configuration has this one: what nobody planned is empty.
    assert_eq!(row("OWN-001")["test_procedure"], "");
    assert_eq!([&row("OWN-001")["frequency"], &row("AVL-001")["frequency"]], ["daily", "quarterly"]);
    assert_eq!([&matrix["criteria"], &matrix["criteria_configured"]], [3, 2]);
}

#[test]
fn what_there_is_not_is_refused_with_the_nearest_that_there_is() {
    for (args, why) in [
        (vec!["map", "CC6.11"], "the nearest is `CC6.1`"),
        (vec!["map", "SEC-0001"], "the nearest is `SEC-001`"),
        (vec!["map", "--nist", "IA-2(1)"], "the nearest is `IA-2`"),
        (vec!["map", "--iso", "A.5.155"], "the nearest is `A.5.15`"),
        (vec!["map"], "Usage"),
        (vec!["map", "CC6.1", "--iso", "A.5.15"], "cannot be used with"),
        (vec!["search", "-"], "one or more words"),
        (vec!["matrix", "--categories", "security,avail"], "processing-integrity"),
        (vec!["--config", "nowhere.toml", "map", "CC6.1"], "nowhere.toml"),
    ] {
        let said = bare(&args);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}: {said:?}");
        assert!(said.err.contains(why), "{args:?}: {}", said.err);
    }
    assert_eq!(bare(&["search", &"x".repeat(QUERY_CHARS_MAX + 1)]).code, 2);
}

#[test]
fn search_puts_first_what_has_all_words_and_says_where_every_point_is_from() {
    let said = bare(&["search", "Incident response", "--limit", "8", "--json"]);
    let hits = said.json();
    let hits = hits.as_array().unwrap();
    assert_eq!(hits.len(), 8);
    assert!(said.err.contains("8 of "), "{}", said.err);
    let first: Vec<&Value> = hits[..2].iter().map(|hit| hit.get("criterion").unwrap_or(&hit["control"])).collect();
    assert_eq!([&first[0]["id"], &first[1]["id"]], ["CC7.4", "SEC-017"]);
    let mut before = (usize::MAX, u64::MAX);
    for hit in hits {
        let points = hit["points"].as_array().unwrap();
        let sum: u64 = points.iter().map(|points| points["points"].as_u64().unwrap()).sum();
        assert_eq!(hit["score"], sum);
        assert!(before >= (points.len(), sum), "{hit}");
        before = (points.len(), sum);
        let found = hit.get("criterion").or(hit.get("control")).unwrap();
        for points in points {
            let text = found[points["key"].as_str().unwrap()].to_string();
            assert!(text.contains(points["stands"].as_str().unwrap()), "{points} {text}");
        }
    }
    // A word that only begins what stands there brings half.
    let points = |word: &str| bare(&["search", word, "--limit", "1", "--json"]).json()[0]["points"][0].clone();
    assert_eq!([&points("firewall")["points"], &points("firew")["points"]], [8, 4]);
    assert_eq!(bare(&["search", "xyzzy"]).out, "nothing has one of these words\n");
}

#[test]
fn two_forms_at_once_are_refused_and_none_wins_in_silence() {
    for args in [&["--json", "matrix", "--format", "csv"][..], &["matrix", "--format", "md", "--json"]] {
        let said = bare(args);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
        assert!(said.err.contains("--json and --format ask for two forms\nhint: "), "{said:?}");
    }
    assert_eq!(bare(&["matrix", "--format", "json", "--json"]).code, 0);
}

#[test]
fn the_matrix_has_the_same_rows_in_every_form_and_asked_for_categories_alone() {
    let json = bare(&["matrix", "--json"]).json();
    assert_eq!([&json["criteria"], &json["without_control"]], [&json!(61), &json!([])]);
    assert_eq!(json["controls"].as_array().unwrap().len(), 88);
    assert_eq!(bare(&["matrix", "--format", "json"]).json(), json);
    let csv = bare(&["matrix", "--format", "csv"]).out;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    for (row, json) in rows.records().zip(json["controls"].as_array().unwrap()) {
        let row = row.unwrap();
        for (name, cell) in header.iter().zip(row.iter()) {
            match &json[name] {
                Value::Array(list) => {
                    assert_eq!(cell, list.iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>().join("; "))
                }
                Value::String(text) => assert_eq!(cell, text),
                other => assert_eq!(cell, other.to_string()),
            }
            // The plan of every control is whole; what is not configured has neither test nor collectors.
            assert!(
                !cell.is_empty() || ["key_for", "depends_on", "test", "collectors", "kinds"].contains(&name),
                "{row:?}"
            );
        }
    }
    let markdown = bare(&["matrix"]).out;
    assert_eq!(markdown.lines().filter(|line| line.starts_with("| ")).count(), 89, "header and 88");
    let some = bare(&["matrix", "--categories", " Availability,privacy ", "--json"]).json();
    assert_eq!(some["criteria"], 21);
    assert!(some["controls"].as_array().unwrap().iter().all(|row| {
        let categories = row["categories"].as_array().unwrap();
        categories.contains(&json!("availability")) || categories.contains(&json!("privacy"))
    }));
}

#[test]
fn criteria_without_a_control_come_first_and_no_cell_is_run_as_a_formula() {
    let two: Vec<&str> = CONTROLS.split("[[control]]").skip(1).take(2).collect();
    let evil = two[1].replacen("Branch rules in force", "=HYPERLINK(\\\"x\\\") | <b>", 1);
    let dir = own(&format!("[[control]]{}[[control]]{evil}", two[0]));
    let csv = evidenced(dir.path(), &["matrix", "--format", "csv", "--categories", "security"]);
    let mut rows = csv::Reader::from_reader(csv.out.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    // Of the 33, CC5.2, CC7.1 and CC8.1 have one here, and CC6.1, CC6.6 and CC7.5 in the configuration alone.
    let missing = rows.iter().take_while(|row| row[0].is_empty()).count();
    assert_eq!(missing, 27, "{csv:?}");
    assert!(rows[0][1].starts_with("NO CONTROL: ") && &rows[0][2] == "CC1.1", "{:?}", rows[0]);
    assert_eq!(
        rows[missing..].iter().map(|row| &row[0]).collect::<Vec<_>>(),
        ["SEC-001", "SEC-002", "AVL-001", "SEC-004"]
    );
    assert!(rows[missing + 1][1].starts_with("'=HYPERLINK"), "{:?}", rows[missing + 1]);
    let markdown = evidenced(dir.path(), &["matrix"]).out;
    let place = |text: &str| markdown.find(text).unwrap_or_else(|| panic!("{text}: {markdown}"));
    assert!(place("## Criteria without a control") < place("| CC1.1 |") && place("| CC1.1 |") < place("| SEC-001 |"));
    assert!(markdown.contains("=HYPERLINK(\"x\") \\| \\<b\\>"), "{markdown}");

    let mut evidenced = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    let book = evidenced.current_dir(dir.path()).args(["matrix", "--format", "xlsx"]).output().unwrap();
    assert!(book.status.success(), "{}", String::from_utf8_lossy(&book.stderr));
    fs::write(dir.path().join("m.xlsx"), book.stdout).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages/sheets.py");
    let python = component(".venv/bin/python");
    let read = Command::new(python).arg(script).arg(dir.path().join("m.xlsx")).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let sheets: Value = serde_json::from_slice(&read.stdout).unwrap();
    let text = sheets.to_string();
    assert!(text.contains("NO CONTROL: ") && text.contains(r#"["s","=HYPERLINK(\"x\") | <b>"]"#), "{text}");
    assert!(!text.contains(r#"["f","#), "no formula");
}

#[test]
fn the_built_in_files_are_printed_and_can_be_copied_and_named() {
    assert_eq!(bare(&["config", "criteria"]).out, CRITERIA);
    let criteria = bare(&["config", "criteria", "--json"]).json();
    assert_eq!(
        (criteria["criterion"].as_array().unwrap().len(), &criteria["criterion"][0]["id"]),
        (61, &"CC1.1".into())
    );
    let controls = bare(&["config", "controls", "--json"]).json();
    assert_eq!(controls["control"].as_array().unwrap().len(), 88);
    let dir = own(&bare(&["config", "controls"]).out);
    let check = evidenced(dir.path(), &["config", "check"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.out.contains("[catalogue]") && check.out.contains("controls = \"mine.toml\""), "{}", check.out);
    fs::write(dir.path().join("evidenced.toml"), &check.out).unwrap();
    assert_eq!(evidenced(dir.path(), &["config", "check"]).out, check.out);
}

#[test]
fn a_configuration_with_a_criterion_that_is_none_or_a_bad_catalogue_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("evidenced.toml"),
        EXAMPLE.replacen("[\"CC6.1\", \"CC6.6\"]", "[\"CC6.1\", \"CC6.9\"]", 1),
    )
    .unwrap();
    let said = evidenced(dir.path(), &["config", "check"]);
    assert_eq!(said.code, 2, "{said:?}");
    for part in ["[controls.SEC-004]", "no criterion `CC6.9`", "hint: the nearest is `CC6."] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let dir = own(&CONTROLS.replacen("owner_role = \"Head of Engineering\"", "owner_role = \" \"", 1));
    for args in [vec!["config", "check"], vec!["status"], vec!["map", "CC6.1"]] {
        let said = evidenced(dir.path(), &args);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}: {said:?}");
        assert!(
            said.err.contains("mine.toml: line ") && said.err.contains("control SEC-001: owner_role is empty"),
            "{said:?}"
        );
    }
    fs::remove_file(dir.path().join("mine.toml")).unwrap();
    let said = evidenced(dir.path(), &["config", "check"]);
    assert!(said.code == 2 && said.err.contains("`config controls` print"), "{said:?}");
}
