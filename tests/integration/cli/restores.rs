//! Real repositories, drilled by `deploy/restore-drill`, reviewed, collected and judged.

use super::{Home, pair};
use crate::support::drill::Drill;
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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

#[test]
fn a_restic_repository_is_restored_and_validated_and_a_damaged_one_deviates() {
    repository_is_judged("restic");
}

#[test]
fn a_borg_repository_is_restored_and_validated_and_a_damaged_one_deviates() {
    repository_is_judged("borg");
}
