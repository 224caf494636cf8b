//! `evidenced judge --as-of`, over the sample's ledger: today's rules beside what was sealed then.

use super::demo::home;
use super::{Home, Said, at};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Every file below, by path, with its hash. Without what SQLite makes for whoever reads a ledger: its table of
/// locks, and a write-ahead log with nothing in it.
fn contents(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let of_readers = name.ends_with("-shm") || name.ends_with("-wal") && fs::metadata(&path).unwrap().len() == 0;
        if of_readers {
            continue;
        }
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let hash = hex::encode(Sha256::digest(fs::read(&path).unwrap()));
            found.insert(path.to_str().unwrap().to_owned(), hash);
        }
    }
    found
}

fn as_of(home: &Home, time: &str, more: &[&str]) -> Said {
    let said = home.run(&[&["judge", "--as-of", time, "--json"], more].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// Changes the sample's configuration.
fn edit(home: &Home, from: &str, to: &str) {
    let path = home.path("evidenced.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_same_rules_and_policy_say_today_what_they_said_then_and_nothing_is_written() {
    let home = home();
    let before = contents(&home.path("state"));
    let records = home.run(&["status", "--json"]).json()["records"].clone();
    let mut outcomes = BTreeMap::new();
    for time in
        ["2026-01-02", "2026-01-20", "2026-02-10T09:00:00Z", "2026-02-24", "2026-03-05", "2026-03-31", "2030-01-01"]
    {
        let said = as_of(&home, time, &[]).json();
        let controls = said["controls"].as_array().unwrap();
        assert_eq!(controls.len(), 15, "{said}");
        for control in controls {
            let (then, now) = (&control["then"], &control["now"]);
            assert_eq!(control["differs"], Value::Array(Vec::new()), "{time}: {control}");
            for key in ["outcome", "rules", "policy", "as_of", "evidence", "unread"] {
                assert_eq!(then[key], now[key], "{time}: {key} of {control}");
            }
            assert!(then["record"].as_u64() < said["records"].as_u64());
            assert!(at(then["as_of"].as_str().unwrap()) <= at(said["as_of"].as_str().unwrap()));
            *outcomes.entry(then["outcome"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        assert_eq!(said["not_configured"], Value::Array(Vec::new()));
    }
    assert_eq!(outcomes.len(), 3, "good and bad days are among them: {outcomes:?}");
    assert_eq!(home.run(&["status", "--json"]).json()["records"], records);
    assert_eq!(contents(&home.path("state")), before, "neither a byte nor a file more");
}

#[test]
fn a_stricter_policy_is_shown_item_by_item_beside_the_verdict_of_that_time_which_stays() {
    let home = home();
    let plain = as_of(&home, "2026-01-12", &["--control", "SEC-001"]).json();
    edit(
        &home,
        "frequency = \"daily\"\nlookback = \"14d\"",
        "frequency = \"daily\"\nlookback = \"14d\"\npolicy = { min_approvals = 2 }",
    );
    let said = as_of(&home, "2026-01-12", &["--control", "SEC-001"]).json();
    let control = &said["controls"][0];
    assert_eq!(said["controls"].as_array().unwrap().len(), 1);
    assert_eq!(control["then"], plain["controls"][0]["then"], "what was sealed is what it was");
    assert_eq!((&control["then"]["outcome"], &control["now"]["outcome"]), (&"pass".into(), &"deviation".into()));
    assert_eq!(
        (&control["then"]["policy"]["min_approvals"], &control["now"]["policy"]["min_approvals"]),
        (&1.into(), &2.into())
    );
    let differs = control["differs"].as_array().unwrap();
    assert!(!differs.is_empty());
    for item in differs {
        assert!(item["item"].as_str().unwrap().starts_with("sample/shop#"), "{item}");
        assert_eq!((&item["then"]["outcome"], &item["then"]["reason"]), (&"pass".into(), &"approved".into()));
        assert_eq!(
            (&item["now"]["outcome"], &item["now"]["reason"]),
            (&"deviation".into(), &"too-few-approvals".into())
        );
    }
    let text = home.run(&["judge", "--as-of", "2026-01-12"]);
    assert_eq!(text.code, 0, "history is no failure: {text:?}");
    for words in [
        "SEC-001 policy: min_approvals was 1, is 2",
        "then pass approved: ",
        "now  deviation too-few-approvals: ",
        "SEC-004",
        "AVL-001",
    ] {
        assert!(text.out.contains(words), "{words} is not in\n{}", text.out);
    }
    assert!(text.out.contains(control["then"]["rules"].as_str().unwrap()), "{}", text.out);
}

#[test]
fn a_date_is_its_end_and_only_what_was_written_by_then_is_read() {
    let home = home();
    let records = |time: &str| as_of(&home, time, &[]).json()["records"].as_u64().unwrap();
    assert_eq!(records("2026-02-10"), records("2026-02-10T23:59:59.999Z"));
    assert_eq!(records("2026-02-10"), records("2026-02-11T00:59:59.999+01:00"));
    assert!(records("2026-02-10T00:00:00Z") < records("2026-02-10"));
    let said = as_of(&home, "2026-02-10", &[]).json();
    for control in said["controls"].as_array().unwrap() {
        let evidence = control["now"]["evidence"].as_array().unwrap();
        assert!(evidence.iter().all(|index| index.as_u64() < said["records"].as_u64()) && !evidence.is_empty());
    }
    let early = home.run(&["judge", "--as-of", "2020-01-01"]);
    assert_eq!((early.code, early.out.as_str()), (1, ""));
    assert!(
        early.err.contains("held nothing") && early.err.contains("hint: its first record is of 20"),
        "{}",
        early.err
    );
}

#[test]
fn a_control_without_a_verdict_then_has_none_and_one_that_is_configured_no_more_is_named() {
    let home = home();
    edit(&home, "[controls.AVL-001]", "[controls.AVL-002]");
    edit(&home, "[controls.AVL-001.policy]", "[controls.AVL-002.policy]");
    let said = as_of(&home, "2026-02-10", &[]).json();
    assert_eq!(said["not_configured"], serde_json::json!(["AVL-001"]));
    let new = said["controls"].as_array().unwrap().iter().find(|control| control["control"] == "AVL-002").unwrap();
    assert_eq!((&new["then"], &new["now"]["as_of"]), (&Value::Null, &said["as_of"]));
    assert!(new["now"]["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty()), "{new}");
    let text = home.run(&["judge", "--as-of", "2026-02-10"]);
    assert_eq!(text.code, 0);
    assert!(text.err.contains("control AVL-001 was configured then, and is not now"), "{}", text.err);
    let unknown = home.run(&["judge", "--as-of", "2026-02-10", "--control", "AVL-001"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("hint: configured: AVL-002, AVL-008, SEC-001, SEC-004"), "{}", unknown.err);
}

#[test]
fn status_names_rules_and_parameters_of_each_verdict() {
    let home = home();
    let said = home.run(&["status", "--json"]).json();
    for (control, test, key) in [
        (0, "restore_test/", "grace_days"),
        (1, "restore_test/", "asks"),
        (2, "change_review/", "min_approvals"),
        (3, "mfa/", "root_kind"),
    ] {
        let control = &said["controls"][control];
        assert!(control["rules"].as_str().unwrap().starts_with(test), "{control}");
        assert!(!control["policy"][key].is_null(), "{control}");
    }
}
