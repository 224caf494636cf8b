//! Real repositories, drilled by `deploy/restore-drill`, reviewed, collected and judged.

use super::{Home, pair};
use crate::support::drill::Drill;
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// First day of the quarter that the instant lies in.
fn quarter(at: DateTime<Utc>) -> NaiveDate {
    NaiveDate::from_ymd_opt(at.year(), at.month0() / 3 * 3 + 1, 1).unwrap()
}

/// A new ledger over the drill's log; the exit code of `collect now`, and what is judged of the store.
fn judged(drill: &Drill, since: NaiveDate) -> (i32, BTreeMap<String, (String, String)>) {
    let store = json!({ "name": "files", "since": since, "rto_target_s": 3600, "rpo_target_s": 3600 });
    let home = Home::with("backup_restores", &json!({ "directory": drill.logs(), "stores": [store] }), "restore_test");
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((&run["end"], &run["items"]), (&json!("done"), &json!(1)), "{run}");
    assert_eq!(home.status().0, code, "the exit codes agree");
    (code, home.judgements())
}

fn review(drilled: &Path) {
    let review = json!({ "reviewer": "lena", "reviewed_at": SystemClock.now().to_rfc3339() });
    fs::write(drilled.join("review.json"), review.to_string()).unwrap();
}

fn repository_is_judged(tool: &'static str) {
    // The judge looks at the present quarter and the one before; the store is not older than the present one.
    let since = quarter(SystemClock.now());
    let item = format!("files {}Q{}", since.year(), since.month0() / 3 + 1);
    let only = |outcome: &str, reason: &str| BTreeMap::from([(item.clone(), pair(outcome, reason))]);
    let drill = Drill::with_backup(tool);

    let (drilled, _) = drill.drill(&["--check", "none"]);
    review(&drilled);
    assert_eq!(judged(&drill, since), (3, only("deviation", "not-validated")), "{tool}");
    fs::remove_dir_all(drilled).unwrap();

    let (drilled, code) = drill.drill(&[]);
    assert_eq!(code, Some(0));
    assert_eq!(judged(&drill, since), (0, only("pending", "review-not-yet-due")), "{tool}, not yet reviewed");
    review(&drilled);
    assert_eq!(judged(&drill, since), (0, only("pass", "restored-and-validated")), "{tool}");
    let before = since.checked_sub_months(Months::new(3)).unwrap();
    assert_eq!(judged(&drill, before).1.len(), 2, "an older store owes the quarter before as well");
    fs::remove_dir_all(drilled).unwrap();

    drill.damage("data");
    let (drilled, code) = drill.drill(&[]);
    assert_eq!(code, Some(1));
    review(&drilled);
    assert_eq!(judged(&drill, since), (3, only("deviation", "restore-failed")), "{tool}, damaged");
}

/// A failure beside a stray file, and then neither: the run that saw it was not whole, and it is known all the same.
#[test]
fn a_failure_that_only_an_incomplete_run_saw_cannot_be_taken_away() {
    let dir = tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let home =
        Home::with("backup_restores", &json!({ "directory": logs, "stores": [{ "name": "db" }] }), "restore_test");
    let line = |id: &str, more: &str| {
        let at = |minutes: i64| (SystemClock.now() - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
        format!(
            "{{\"test_id\":\"{id}\",\"store\":\"db\",\"started\":\"{}\",\"validated\":\"{}\",{more},\
             \"env_source\":\"production\"}}\n",
            at(60),
            at(30)
        )
    };
    let good = line("good", "\"status\":\"COMPLETED\",\"validation\":\"SUCCESSFUL\"");
    fs::write(logs.join("a.jsonl"), good).unwrap();
    assert_eq!(home.collect(&[]).1["end"], json!("done"));

    fs::write(logs.join("b.jsonl"), line("bad", "\"status\":\"FAILED\"")).unwrap();
    fs::write(logs.join("stray.tmp"), "").unwrap();
    assert_eq!(home.collect(&[]).1["end"], json!("incomplete"));
    // A run that reads nothing at all neither knows it nor makes the next one forget.
    fs::rename(&logs, dir.path().join("away")).unwrap();
    assert_eq!(home.collect(&[]).1["end"], json!("failed"));
    fs::rename(dir.path().join("away"), &logs).unwrap();

    for name in ["b.jsonl", "stray.tmp"] {
        fs::remove_file(logs.join(name)).unwrap();
    }
    for _ in 0..2 {
        let (_, run) = home.collect(&[]);
        assert_eq!(run["end"], json!("incomplete"), "{run}");
        assert!(run["unread"].to_string().contains("test bad: was read before"), "{run}");
    }
    // Every one of these runs is made again, with what it was told.
    home.judgements();
}

#[test]
fn a_restic_repository_is_restored_and_validated_and_a_damaged_one_deviates() {
    repository_is_judged("restic");
}

#[test]
fn a_borg_repository_is_restored_and_validated_and_a_damaged_one_deviates() {
    repository_is_judged("borg");
}
