//! The invariants of ARCHITECTURE.md that are about what is absent, as far as the text of the code shows them.

use std::path::{Path, PathBuf};

fn files(under: &str) -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(under);
    if root.is_file() {
        found.push((root.clone(), std::fs::read_to_string(&root).unwrap()));
    } else {
        walk(&root, &mut found);
    }
    assert!(!found.is_empty(), "{under} has no code");
    found
}

/// The lines of code under `place` with where each stands, tests and comments aside.
fn code(place: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, text) in files(place) {
        let name = path.display().to_string();
        if name.ends_with("tests.rs") || name.contains("/tests/") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            found.push((format!("{name}:{}", number + 1), line.to_owned()));
        }
    }
    found
}

/// Fails when one of `words` stands in code under one of `places`.
fn absent(places: &[&str], words: &[&str], allowed: &[&str]) {
    for place in places {
        for (at, line) in code(place) {
            if allowed.iter().any(|allowed| at.contains(allowed)) {
                continue;
            }
            for word in words {
                assert!(!line.contains(word), "{at}: `{word}` does not belong here");
            }
        }
    }
}

#[test]
fn sql_is_only_in_the_ledger() {
    absent(&["src", "collectors"], &["rusqlite", "SELECT ", "INSERT ", "PRAGMA "], &["src/ledger/"]);
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    let reads = ["Utc::now(", "SystemTime::now(", "Local::now(", "tokio::time::sleep("];
    absent(&["src", "collectors"], &reads, &["contract/clock.rs"]);
}

#[test]
fn judges_drift_and_schedules_are_pure() {
    let outside =
        ["std::fs", "std::env", "std::net", "tokio", "reqwest", "rusqlite", "crate::ledger", "crate::run", "getrandom"];
    let pure = ["src/judge", "src/drift.rs", "src/schedule", "src/timeline/mod.rs", "src/timeline/spells.rs"];
    absent(&pure, &outside, &[]);
    let computed = ["checks", "facts", "gaps", "remediation", "scope", "score", "state", "tracker"];
    absent(&computed.map(|name| format!("src/readiness/{name}.rs")).each_ref().map(String::as_str), &outside, &[]);
    // These know the words of records, and neither the ledger nor the time.
    let outside =
        ["std::fs", "std::env", "std::net", "tokio", "reqwest", "rusqlite", "Reader", "crate::run", "getrandom"];
    absent(&["src/notify/rules", "src/notify/route.rs", "src/notify/message.rs"], &outside, &[]);
}

#[test]
fn kinds_reach_the_outside_through_the_door_alone() {
    let outside = [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "tokio::fs",
        "tokio::net",
        "reqwest",
        "SystemTime",
        "read_secret",
    ];
    let kinds: Vec<&str> = evidenced_collectors::KINDS.iter().map(|kind| kind.name).collect();
    for place in kinds.iter().copied().chain(["sources"]) {
        let others: Vec<String> =
            kinds.iter().filter(|other| **other != place).map(|other| format!("crate::{other}::")).collect();
        let mut words: Vec<&str> = outside.to_vec();
        words.extend(others.iter().map(String::as_str));
        absent(&[&format!("collectors/{place}")], &words, &[]);
    }
}

#[test]
fn every_folder_of_a_kind_is_in_the_list_and_has_a_readme() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("collectors/lib.rs")).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("collectors")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.is_dir() || ["contract", "door", "sources"].contains(&name.as_str()) {
            continue;
        }
        assert!(lib.contains(&format!("&{name}::KIND")), "{name} is not in KINDS");
        assert!(path.join("README.md").exists(), "{name} has no README.md");
    }
}

#[test]
fn verify_knows_the_form_of_records_and_nothing_else_of_the_writer() {
    let place = "src/bundle/verify";
    // A list of imports could hide one.
    absent(&[place], &["export::", "super::export", "bundle::export", "crate::{", "bundle::{"], &[]);
    for (at, line) in code(place) {
        let rest = line.replace("crate::ledger::record::", "");
        assert!(!rest.contains("ledger::") && !rest.contains("::ledger"), "{at}: only `ledger::record` belongs here");
    }
}

#[test]
fn rows_are_never_updated_and_only_what_is_erased_is_deleted() {
    absent(&["src/ledger"], &["UPDATE ", "OR REPLACE", "REPLACE INTO"], &[]);
    absent(&["src/ledger"], &["DELETE FROM"], &["src/ledger/erase.rs"]);
    absent(&["src/ledger/erase.rs"], &["DELETE FROM entry", "DELETE FROM checkpoint"], &[]);
}
