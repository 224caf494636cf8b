//! Selections and erasures as an operator asks for them.

use super::{Home, files};
use chrono::TimeDelta;
use evidenced::demo::restores::{RestoreHistory, SampleEnding, SampleTest};
use evidenced::ledger::record::Body;
use evidenced::ledger::{Filter, Reader};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;

/// A home with one collected restore test; the evidence record.
fn collected() -> (Home, u64) {
    let logs = tempfile::tempdir().unwrap().keep();
    let started = SystemClock.now() - TimeDelta::hours(3);
    let tests = vec![SampleTest { store: "db".into(), started, ending: SampleEnding::Good }];
    RestoreHistory::new(tests).write_until(&logs, SystemClock.now()).unwrap();
    let store = json!({ "name": "db", "rto_target_s": 14400, "rpo_target_s": 86400 });
    let home = Home::with("backup_restores", &json!({ "directory": logs, "stores": [store] }), "restore_test");
    let (_, run) = home.collect(&[]);
    assert_eq!(run["end"], "done", "{run}");
    fs::remove_dir_all(logs).unwrap();
    (home, run["evidence"].as_u64().unwrap())
}

fn day(days: i64) -> String {
    (SystemClock.now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string()
}

/// Exports yesterday to tomorrow; what the command said.
fn export(home: &Home, name: &str, more: &[&str]) -> super::Said {
    home.run(&[&["export", "--from", &day(-1), "--to", &day(2), "--out", name][..], more].concat())
}

fn erase(home: &Home, record: u64, more: &[&str]) -> super::Said {
    let record = record.to_string();
    let by = ["--basis", "GDPR Art. 17", "--request", "T-9", "--approved-by", "Ann"];
    home.run(&[&["erase", &record][..], &by, more].concat())
}

#[test]
fn a_bundle_is_limited_to_controls_or_criteria_and_who_got_it_is_on_record() {
    let (home, _) = collected();
    let said = export(&home, "one.zip", &["--criterion", "CC6.1", "--recipient", "Auditors LLP", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()["controls"], json!(["T-1"]));
    let verify = home.run(&["verify", "one.zip", "--reperform"]);
    assert_eq!(verify.code, 0, "{verify:?}");
    assert!(verify.out.contains("A selection: T-1 and the collectors that fed them"), "{}", verify.out);
    let newest = Reader::open(&home.path("state")).unwrap().newest(&Filter::kind("export")).unwrap().unwrap();
    let Body::Export { controls, recipient, .. } = newest.1.body else { unreachable!() };
    assert_eq!((controls, recipient), (vec!["T-1".to_owned()], Some("Auditors LLP".to_owned())));

    let said = export(&home, "none.zip", &["--control", "T-2"]);
    assert!(said.code == 2 && said.err.contains("T-2\nhint: those that it knows: T-1"), "{said:?}");
    let said = export(&home, "none.zip", &["--criterion", "CC9.9"]);
    assert!(said.code == 2 && said.err.contains("no control met the criterion CC9.9"), "{said:?}");
    assert!(!home.path("none.zip").exists());
}

#[test]
fn what_is_erased_is_gone_on_record_and_never_passes_again() {
    let (home, evidence) = collected();
    let item = home.judgements().into_keys().next().unwrap();
    assert_eq!(export(&home, "before.zip", &["--recipient", "Auditors LLP"]).code, 0);
    let said = erase(&home, evidence, &[]);
    assert!(said.code == 1 && said.err.contains("nobody is here to be asked\nhint: --yes"), "{said:?}");
    let said = erase(&home, evidence, &["--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    for words in ["write-ahead log hold them no more", "given to Auditors LLP", "backups and snapshots"] {
        assert!(said.out.contains(words), "{words} is not in\n{}", said.out);
    }
    let again = erase(&home, evidence, &["--yes"]);
    assert!(again.code == 0 && again.out.contains("says so (before)"), "{again:?}");
    let other = erase(&home, 0, &["--yes"]);
    assert!(other.code == 1 && other.err.contains("record 0 has no files"), "{other:?}");

    let ledger = home.run(&["verify", "--ledger", "state"]);
    assert!(ledger.code == 0 && ledger.out.contains("1 erased on record"), "{ledger:?}");
    let why = home.run(&["explain", "T-1", &item]);
    assert!(why.code == 1 && why.err.contains(&format!("record {evidence} were erased")), "{why:?}");
    let now = home.run(&["judge", "--as-of", &SystemClock.now().to_rfc3339(), "--json"]);
    assert!(now.out.contains("its files were erased") && verdict(&now.json()) == "indeterminate", "{now:?}");
    assert_eq!(home.run(&["verify", "before.zip", "--reperform"]).code, 0, "what was handed out stays as it was");
    assert_eq!(export(&home, "after.zip", &[]).code, 0);
    let verify = home.run(&["verify", "after.zip", "--reperform"]);
    assert!(verify.code == 0 && verify.out.contains("not re-performed: erased"), "{verify:?}");
    assert!(verify.out.contains("1 erased on record"), "{verify:?}");
    let folder = format!("data/evidence/{evidence:012}/");
    assert!(!files(&home.path("after.zip")).keys().any(|path| path.starts_with(&folder)));
    let why = home.run(&["explain", "T-1", &item, "--bundle", "after.zip"]);
    assert!(why.code == 1 && why.err.contains("erased"), "{why:?}");
    assert!(home.status().1["state"].is_string(), "status goes on");
}

/// The outcome by today's rules.
fn verdict(hindsight: &Value) -> String {
    fn find(value: &Value) -> Option<String> {
        match value {
            Value::Object(map) => match map.get("now").and_then(|now| now["outcome"].as_str()) {
                Some(outcome) => Some(outcome.to_owned()),
                None => map.values().find_map(find),
            },
            Value::Array(list) => list.iter().find_map(find),
            _ => None,
        }
    }
    find(hindsight).unwrap_or_else(|| panic!("no outcome in {hindsight}"))
}

#[test]
fn a_reader_that_holds_the_old_pages_makes_the_command_fail_until_it_is_given_again() {
    let (home, evidence) = collected();
    let db = Connection::open(home.path("state/ledger.sqlite")).unwrap();
    db.execute_batch("BEGIN; SELECT count(*) FROM entry;").unwrap();
    let said = erase(&home, evidence, &["--yes"]);
    assert!(said.code == 1 && said.err.contains("old pages are still in ledger.sqlite-wal"), "{said:?}");
    assert!(said.err.contains("give the same command again"), "{said:?}");
    db.execute_batch("COMMIT").unwrap();
    let said = erase(&home, evidence, &["--yes"]);
    assert!(said.code == 0 && said.out.contains("write-ahead log hold them no more"), "{said:?}");
}

#[test]
fn contents_that_another_record_holds_are_refused_until_that_is_named_or_they_are_left_with_it() {
    let (home, evidence) = collected();
    let (_, second) = home.collect(&[]);
    let second = second["evidence"].as_u64().unwrap();
    let reader = Reader::open(&home.path("state")).unwrap();
    let verdicts = reader.records(0..u64::MAX, &Filter::kind("verdict")).map(|found| found.unwrap().0);
    let [first, other] = verdicts.collect::<Vec<u64>>()[..] else { panic!("two verdicts, of {evidence} and {second}") };
    drop(reader);
    let said = erase(&home, first, &["--yes"]);
    assert!(said.code == 1 && said.err.contains(&format!("policy.json of record {first}")), "{said:?}");
    assert!(said.err.contains(&format!("too: {other}\nhint: name all of them")), "{said:?}");
    let said = erase(&home, first, &["--yes", "--keep-shared"]);
    assert!(
        said.code == 0 && said.out.contains(&format!("policy.json stay, for record {other} hold the same")),
        "{said:?}"
    );
    assert_eq!(home.run(&["verify", "--ledger", "state"]).code, 0);
}
