//! A register from its files to a bundle that is made again, and to the line at which a fact stands.

use super::explain::looked_up;
use super::reload::edit;
use super::{Home, pair};
use crate::support::program;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PEOPLE: &str = "person,engagement,start,end,leave_start,leave_end,screened_on\n";
const ACCOUNTS: &str =
    "system,account,person,granted_at,requested_by,approved_by,approved_at,removed_at,last_used_at\n";

fn second(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn write(dir: &Path, people: &str, accounts: &str) {
    fs::write(dir.join("people.csv"), format!("{PEOPLE}{people}")).unwrap();
    fs::write(dir.join("accounts.csv"), format!("{ACCOUNTS}{accounts}")).unwrap();
}

#[test]
fn a_leaver_is_judged_explained_and_made_again_and_cannot_be_deleted() {
    let now = SystemClock.now();
    let dir = tempfile::tempdir().unwrap();
    let stays = "p-1,employee,2024-01-01,,,,2023-12-01\n";
    let left = format!("p-2,employee,2024-01-01,{},,,2023-12-01\n", second(now - TimeDelta::days(3)));
    let account = |removed: Option<DateTime<Utc>>| {
        let removed = removed.map(second).unwrap_or_default();
        format!("github,ben,p-2,,,,,{removed},never\n")
    };
    write(dir.path(), &format!("{stays}{left}"), &account(None));
    let files = json!({ "people": "people.csv", "accounts": "accounts.csv" });
    let settings = json!({ "register": "workforce", "directory": dir.path(), "files": files });
    let home = Home::with("register", &settings, "leavers");
    let only = |outcome: &str, reason: &str| BTreeMap::from([("p-2 github/ben".to_owned(), pair(outcome, reason))]);

    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"], &run["items"]), (3, &json!("done"), &json!(3)), "{run}");
    assert_eq!(home.judgements(), only("deviation", "not-removed"));

    let said = home.run(&["explain", "T-1", "p-2", "--json"]);
    let day = |days| (now + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    assert_eq!(home.run(&["export", "--from", &day(-1), "--to", &day(2), "--out", "b.zip"]).code, 0);
    let found = looked_up(&home.path("b.zip"), &said.out);
    let stands: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |key: &str| stands.iter().find(|line| line["key"] == key && line["fact"]["row"].is_object()).unwrap();
    assert_eq!(of("removal")["stands"], json!(account(None).trim_end()));
    assert_eq!(of("end")["stands"], json!(left.trim_end()));

    // The row of the leaver, and of the account, are deleted: both are judged on as they were.
    write(dir.path(), stays, "");
    let (_, run) = home.collect(&[]);
    assert_eq!(run["end"], json!("incomplete"), "{run}");
    assert_eq!(home.judgements(), only("deviation", "not-removed"));
    let said = home.run(&["explain", "T-1", "p-2"]);
    assert!(said.out.contains("row-gone") && said.out.contains("/task/carry/lists/people/p-2"), "{}", said.out);

    // Removed in time all along: put back, it passes; and a bad file takes nothing in.
    let in_time = second(now - TimeDelta::days(3) + TimeDelta::hours(2));
    write(dir.path(), &format!("{stays}{left}"), &format!("github,ben,p-2,,,,,{in_time},never\n"));
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"]), (0, &json!("done")), "{run}");
    assert_eq!(home.judgements(), only("pass", "removed-in-time"));
    write(dir.path(), &format!("{stays}{left}p-3,employee,3/4/2026,,,,\n"), &account(None));
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"], &run["items"]), (3, &json!("incomplete"), &json!(0)), "{run}");
    assert_eq!(home.judgements(), BTreeMap::from([("people".to_owned(), pair("indeterminate", "list-missing"))]));
    assert!(home.run(&["status"]).out.contains("people.csv line 4, column start: \"3/4/2026\" is no date"));
}

#[test]
fn a_leaver_s_account_that_is_written_to_somebody_else_or_unused_is_no_pass() {
    let now = SystemClock.now();
    let dir = tempfile::tempdir().unwrap();
    let left = second(now - TimeDelta::days(9));
    let people = format!("anna,employee,2024-01-01,{left},,,2023-12-01\nbob,employee,2024-01-01,,,,2023-12-01\n");
    let (used, removed) = (second(now - TimeDelta::days(2)), second(now - TimeDelta::days(9)));
    let rows =
        |github: &str, used: &str| format!("github,anna,{github},,,,,,{left}\nslack,anna,anna,,,,,{removed},{used}\n");
    write(dir.path(), &people, &rows("anna", &used));
    let files = json!({ "people": "people.csv", "accounts": "accounts.csv" });
    let settings = json!({ "register": "workforce", "directory": dir.path(), "files": files });
    let home = Home::with("register", &settings, "leavers");
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"]), (3, &json!("done")), "{run}");
    let judged = home.judgements();
    assert_eq!(judged["anna github/anna"], pair("deviation", "not-removed"));
    assert_eq!(judged["anna slack/anna"], pair("deviation", "used-after-end"));

    write(dir.path(), &people, &rows("bob", "never"));
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"]), (3, &json!("incomplete")), "{run}");
    let said = home.run(&["status"]).out;
    assert!(said.contains("accounts github / anna: person"), "{said}");
    assert!(said.contains("accounts slack / anna: last_used_at"), "{said}");
}

#[test]
fn a_leaver_whom_only_an_incomplete_run_saw_cannot_be_deleted() {
    let now = SystemClock.now();
    let dir = tempfile::tempdir().unwrap();
    let stays = "p-1,employee,2024-01-01,,,,2023-12-01\n";
    let left = format!("p-2,employee,2024-01-01,{},,,2023-12-01\n", second(now - TimeDelta::days(3)));
    let files = json!({ "people": "people.csv", "accounts": "accounts.csv" });
    let settings = json!({ "register": "workforce", "directory": dir.path(), "files": files });
    let home = Home::with("register", &settings, "leavers");
    write(dir.path(), stays, "");
    assert_eq!(home.collect(&[]).1["end"], json!("done"));

    write(dir.path(), &format!("{stays}{left}p-3,employee,3/4/2026,,,,\n"), "github,ben,p-2,,,,,,never\n");
    let (_, run) = home.collect(&[]);
    assert_eq!((&run["end"], &run["items"]), (&json!("incomplete"), &json!(0)), "{run}");
    write(dir.path(), stays, "");
    let (_, run) = home.collect(&[]);
    assert_eq!(run["end"], json!("incomplete"), "{run}");
    let unread = run["unread"].to_string();
    for gone in ["people p-2: was read before, and is gone", "accounts github / ben: was read before, and is gone"] {
        assert!(unread.contains(gone), "{unread}");
    }
    assert_eq!(home.judgements().get("p-2 github/ben"), Some(&pair("deviation", "not-removed")), "judged as it was");

    write(dir.path(), &format!("{stays}{left}"), "github,ben,p-2,,,,,,never\n");
    assert_eq!(home.collect(&[]).1["end"], json!("done"), "all of it is there again");
}

#[test]
fn a_file_that_does_not_come_is_unread_and_nobody_waits_for_it_at_the_end() {
    // Longer than a second for the answer and five for what nobody waits for.
    const HANGS: Duration = Duration::from_secs(12);
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "", "");
    let files = json!({ "people": "people.csv", "accounts": "accounts.csv" });
    let settings = json!({ "register": "workforce", "directory": dir.path(), "files": files });
    let home = Home::with("register", &settings, "leavers");
    edit(&home, "schedule = ", "limits = { request_seconds_max = 1 }\nschedule = ");
    let mut command = Command::new(program("strace"));
    command.args(["-f", "-qq", "-o", "calls", "-e", "trace=openat", "-P"]).arg(dir.path().join("accounts.csv"));
    command.args(["-e", &format!("inject=openat:delay_enter={}", HANGS.as_micros())]);
    command.args([env!("CARGO_BIN_EXE_evidenced"), "collect", "now", "--json"]);
    let output = command.current_dir(home.path("")).output().unwrap();
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &run[0]["end"]), (Some(1), &json!("incomplete")), "{run}");
    let unread = run[0]["unread"].to_string();
    assert!(unread.contains("accounts.csv") && unread.contains("no complete answer within 1 s"), "{unread}");
    let calls = fs::read_to_string(home.path("calls")).unwrap();
    assert!(calls.contains(") = ?"), "the program did not end before the call did: {calls}");
}
