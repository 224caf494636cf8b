//! The forms, nearly all without a door. The shapes are those that the tools were seen to write; the integration
//! tests run the tools themselves.

mod seen;

use super::{KIND, build, drill, lines};
use crate::contract::clock::ManualClock;
use crate::contract::{CollectError, RestoreStatus, RestoreTest, Task, Unread, Validation, Window};
use crate::door::{Door, Limits, Network};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn as_of() -> DateTime<Utc> {
    "2026-04-20T00:00:00Z".parse().unwrap()
}

fn line() -> Value {
    json!({
        "test_id": "t-1", "store": "orders-db", "started": "2026-02-10T02:00:00Z", "status": "COMPLETED",
        "env_source": "production", "restored": "2026-02-10T02:40:00Z", "validated": "2026-02-10T03:00:00Z",
        "recovery_point": "2026-02-10T01:00:00Z", "validation": "SUCCESSFUL",
        "checks": [{ "name": "rows", "expected": ">= 100", "actual": 120, "ok": true }],
    })
}

/// The line with keys set (`Null` takes a key away).
fn line_with(changes: Value) -> String {
    let mut line = line();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = line.as_object_mut().unwrap().remove(key),
            value => line[key] = value.clone(),
        }
    }
    format!("{line}\n")
}

fn only(text: &str) -> Result<RestoreTest, Unread> {
    let (mut tests, mut unread) = lines::read("q1.jsonl", text.as_bytes(), as_of());
    assert_eq!(tests.len() + unread.len(), 1);
    tests.pop().ok_or_else(|| unread.remove(0))
}

#[test]
fn a_line_becomes_a_test_and_numbers_become_text() {
    let test = only(&line_with(json!({ "tool": "pg_restore", "tool_version": "16.2" }))).unwrap();
    assert_eq!((test.status, test.validation), (RestoreStatus::Completed, Some(Validation::Successful)));
    assert_eq!(test.checks[0].actual.as_deref(), Some("120"));
    assert_eq!(test.checks[0].expected.as_deref(), Some(">= 100"));
    assert_eq!(test.read_from, "q1.jsonl line 1");
    assert_eq!(test.tool.as_deref(), Some("pg_restore 16.2"));
}

#[test]
fn instants_are_compared_to_the_second_for_scripts_write_no_more() {
    assert!(only(&line_with(json!({ "recovery_point": "2026-02-10T02:00:00.154307185Z" }))).is_ok());
    assert!(only(&line_with(json!({ "recovery_point": "2026-02-10T02:00:01Z" }))).is_err());
}

#[test]
fn a_failed_check_outweighs_the_word_successful() {
    let checks = json!([{ "name": "rows", "ok": true }, { "name": "sum", "ok": false }]);
    let test = only(&line_with(json!({ "checks": checks }))).unwrap();
    assert_eq!(test.validation, Some(Validation::Failed));
}

#[test]
fn a_line_that_is_not_the_documented_form_is_named_with_file_and_line() {
    let cases = [
        (json!({ "test_id": null }), "missing field `test_id`"),
        (json!({ "store": null }), "missing field `store`"),
        (json!({ "started": null }), "missing field `started`"),
        (json!({ "status": null }), "missing field `status`"),
        (json!({ "env_source": null }), "missing field `env_source`"),
        (json!({ "test_id": " " }), "test_id is blank"),
        (json!({ "restorred": "2026-02-10T02:40:00Z" }), "unknown field `restorred`"),
        (json!({ "status": "Completed" }), "unknown variant `Completed`"),
        (json!({ "status": "RUNNING" }), "unknown variant `RUNNING`"),
        (json!({ "validation": "OK" }), "unknown variant `OK`"),
        (json!({ "started": "2026-02-10T02:00:00" }), "premature end of input"),
        (json!({ "started": "yesterday" }), "invalid characters"),
        (json!({ "validated": "2026-02-10T01:30:00Z" }), "validated 2026-02-10T01:30:00Z is before"),
        (json!({ "recovery_point": "2026-02-10T02:30:00Z" }), "started 2026-02-10T02:00:00Z is before recovery_point"),
        (json!({ "reviewed_at": "2026-02-10T02:50:00Z" }), "reviewed_at 2026-02-10T02:50:00Z is before"),
        (json!({ "reviewed_at": "2026-04-20T00:06:00Z" }), "lies in the future"),
        (json!({ "validated": null }), "does not say when"),
        (json!({ "checks": [{ "name": "rows" }] }), "missing field `ok`"),
        (json!({ "checks": [{ "name": "", "ok": true }] }), "a check has no name"),
        (json!({ "checks": [{ "name": "rows", "ok": "yes" }] }), "expected a boolean"),
        (json!({ "checks": [{ "name": "rows", "ok": true, "actual": [1] }] }), "text or a number"),
        (json!({ "ticket_closed": true }), "no ticket is named"),
        (json!({ "rto_target_s": -1 }), "invalid value"),
        (json!({ "log_sha256": "abc" }), "64 hexadecimal digits"),
        (json!({ "performer": "x".repeat(65 << 10) }), "it says more than 65536 bytes"),
    ];
    for (change, why) in cases {
        let text = format!("{}{}", line_with(json!({ "test_id": "t-0" })), line_with(change.clone()));
        let (tests, unread) = lines::read("q1.jsonl", text.as_bytes(), as_of());
        assert_eq!(tests.len(), 1, "the good line is still read: {change}");
        assert_eq!(unread.len(), 1, "{change}");
        assert_eq!(unread[0].what, "q1.jsonl line 2");
        assert!(unread[0].why.contains(why), "{change}: {}", unread[0].why);
        assert!(unread[0].hint.is_some());
    }
}

#[test]
fn text_that_is_not_whole_json_lines_is_refused_line_by_line() {
    let good = line_with(json!({}));
    let twice = good.replacen("\"store\"", "\"store\":\"a\",\"store\"", 1);
    assert!(only(good.trim_end()).unwrap_err().why.contains("not finished"));
    assert!(only(&twice).unwrap_err().why.contains("duplicate field `store`"));
    assert!(only("\n").unwrap_err().why.contains("empty"));
    assert!(only("started 02:00, all fine\n").unwrap_err().why.contains("expected value"));
    let (_, unread) = lines::read("q1.jsonl", b"{\"test_id\": \"\xff\"}\n", as_of());
    assert!(unread[0].why.contains("UTF-8"));
}

#[test]
fn a_file_of_garbage_names_a_bounded_number_of_lines() {
    let (tests, unread) = lines::read("q1.jsonl", "x\n".repeat(10_000).as_bytes(), as_of());
    assert!(tests.is_empty());
    assert_eq!(unread.len(), 101);
    assert!(unread[100].why.starts_with("9900 more"));
}

/// A population is one file of the ledger, and has every test twice.
#[tokio::test]
async fn tests_that_together_are_more_than_a_population_can_hold_give_none() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(60 << 10);
    for file in 0..3 {
        let line = |number: usize| line_with(json!({ "test_id": format!("{file}-{number}"), "performer": long }));
        std::fs::write(dir.path().join(format!("{file}.jsonl")), (0..380).map(line).collect::<String>()).unwrap();
    }
    let collector = build(&json!({ "directory": dir.path(), "stores": [{ "name": "orders-db" }] })).unwrap();
    let run = async || {
        let door = Door::live(&Network::new(), Arc::new(ManualClock::at(as_of())), Limits::default());
        let task = Task { window: Window { start: as_of(), end: as_of() }, carry: None };
        collector.collect(&door, &task).await
    };
    let error = run().await.unwrap_err();
    assert!(matches!(error, CollectError::Limit { .. }), "{error}");
    assert!(error.to_string().contains("tests of more than 67108864 bytes"), "{error}");
    std::fs::remove_file(dir.path().join("2.jsonl")).unwrap();
    assert!(run().await.is_ok());
}

fn drill_json(tool: &str) -> Value {
    json!({
        "test_id": "d-1", "store": "files", "tool": tool, "tool_version": "9.9",
        "started": "2026-03-01T02:00:00Z", "restored": "2026-03-01T02:10:00Z", "validated": "2026-03-01T02:20:00Z",
        "exit": { "restore": 0, "check": 0 }, "check_read_data": true, "files_on_disk": 7,
        "env_source": "production", "env_target": "scratch", "performer": "sam", "ticket_closed": false,
    })
}

type Files = BTreeMap<String, Bytes>;

fn put(files: &mut Files, name: &str, text: impl ToString) {
    files.insert(name.to_owned(), Bytes::from(text.to_string()));
}

const SNAPSHOT: &str = "adb67043b62c63334e7e616046fb5f812b5e769bd3cb56e69640f4e60fbeed25";
const RESTORED: &str = "{\"message_type\":\"status\",\"percent_done\":0,\"total_files\":7}\n{\"message_type\":\"summary\",\"total_files\":7,\"files_restored\":7,\"total_bytes\":900,\"bytes_restored\":900}\n";
const STATS: &str = "{\"total_size\":900,\"total_file_count\":7,\"snapshots_count\":1}\n";
const CHECKED: &str = "{\"message_type\":\"summary\",\"num_errors\":0,\"broken_packs\":null}\n";
const RESTIC_ERROR: &str =
    "{\"message_type\":\"error\",\"error\":{\"message\":\"ciphertext verification failed\"},\"item\":\"/a\"}\n";

fn restic_drill() -> Files {
    let mut files = Files::new();
    put(&mut files, "drill.json", drill_json("restic"));
    put(&mut files, "restore.out", RESTORED);
    put(&mut files, "restore.err", "");
    put(&mut files, "check.out", CHECKED);
    put(&mut files, "check.err", "");
    let summary = json!({ "total_files_processed": 5, "total_bytes_processed": 900 });
    let snapshot = json!({ "time": "2026-03-01T01:00:00.012345678Z", "id": SNAPSHOT, "short_id": &SNAPSHOT[..8],
        "summary": summary });
    put(&mut files, "snapshots.json", json!([snapshot]));
    put(&mut files, "stats.json", STATS);
    files
}

fn log(level: &str, message: &str) -> String {
    format!("{}\n", json!({ "type": "log_message", "time": 1.5, "levelname": level, "message": message, "name": "b" }))
}

fn borg_drill() -> Files {
    let mut files = Files::new();
    let mut facts = drill_json("borg");
    facts["recovery_point"] = "2026-03-01T01:00:00Z".into();
    put(&mut files, "drill.json", facts);
    put(&mut files, "restore.out", "");
    put(&mut files, "restore.err", "");
    put(&mut files, "check.out", "");
    let check = log("INFO", "Finished full repository check, no problems found.")
        + &log(
            "INFO",
            "Finished cryptographic data integrity verification, verified 5 chunks with 0 integrity errors.",
        )
        + &log("INFO", "Archive consistency check complete, no problems found.");
    put(&mut files, "check.err", check);
    let archive =
        json!({ "id": "b56b", "name": "n1", "start": "2026-02-28T20:00:00.000000", "stats": { "nfiles": 5 } });
    put(&mut files, "info.json", json!({ "archives": [archive] }));
    files
}

/// The drill with `drill.json` changed as by `change`.
fn with_facts(mut files: Files, change: impl FnOnce(&mut Value)) -> Files {
    let mut facts: Value = serde_json::from_slice(&files["drill.json"]).unwrap();
    change(&mut facts);
    put(&mut files, "drill.json", facts);
    files
}

fn with(mut files: Files, name: &str, text: impl ToString) -> Files {
    put(&mut files, name, text);
    files
}

fn without(mut files: Files, names: &[&str]) -> Files {
    files.retain(|name, _| !names.contains(&name.as_str()));
    files
}

fn read(files: &Files) -> RestoreTest {
    drill::read("d", files, as_of()).unwrap()
}

fn outcome(files: &Files) -> (RestoreStatus, Option<Validation>) {
    let test = read(files);
    (test.status, test.validation)
}

#[test]
fn a_good_restic_drill_is_completed_and_successful_with_named_checks() {
    let test = read(&restic_drill());
    assert_eq!((test.status, test.validation), (RestoreStatus::Completed, Some(Validation::Successful)));
    let names: Vec<_> = test.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["files restored", "restic check"]);
    assert_eq!(test.backup_id.as_deref(), Some(SNAPSHOT));
    assert_eq!(test.recovery_point.unwrap().timestamp_subsec_nanos(), 12_345_678);
    assert_eq!(test.tool.as_deref(), Some("restic 9.9"));
}

#[test]
fn a_good_borg_drill_is_completed_and_successful_with_named_checks() {
    let test = read(&borg_drill());
    assert_eq!((test.status, test.validation), (RestoreStatus::Completed, Some(Validation::Successful)));
    let names: Vec<_> = test.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["files restored", "borg check"]);
    assert_eq!(test.recovery_point, Some("2026-03-01T01:00:00Z".parse().unwrap()));
}

#[test]
fn a_restore_is_failed_unless_all_signs_agree() {
    let short = RESTORED.replace("\"files_restored\":7", "\"files_restored\":6");
    let fewer_bytes = RESTORED.replace("\"bytes_restored\":900", "\"bytes_restored\":899");
    let exit_error = "{\"message_type\":\"exit_error\",\"code\":1,\"message\":\"Fatal\"}\n";
    let failed = [
        with(restic_drill(), "restore.out", short),
        with(restic_drill(), "restore.out", fewer_bytes),
        // A part of the snapshot, which came back whole.
        with(restic_drill(), "restore.out", RESTORED.replace(":7", ":6")),
        with(restic_drill(), "restore.out", RESTORED.replace(":900", ":899")),
        with(restic_drill(), "stats.json", STATS.replace(":900", ":901")),
        with(restic_drill(), "restore.err", RESTIC_ERROR),
        with(restic_drill(), "restore.err", exit_error),
        with_facts(restic_drill(), |facts| facts["exit"]["restore"] = 1.into()),
        with(borg_drill(), "restore.err", log("ERROR", "Data integrity error")),
        with(borg_drill(), "restore.err", log("CRITICAL", "out of memory")),
        with_facts(borg_drill(), |facts| facts["exit"]["restore"] = 1.into()),
        with_facts(borg_drill(), |facts| facts["files_on_disk"] = 4.into()),
    ];
    for (number, files) in failed.iter().enumerate() {
        let (status, validation) = outcome(files);
        assert_eq!(status, RestoreStatus::Failed, "case {number}");
        assert_ne!(validation, Some(Validation::Successful), "case {number}");
    }
    let killed = with_facts(restic_drill(), |facts| facts["exit"]["restore"] = 137.into());
    assert_eq!(outcome(&with(killed, "restore.out", "{\"message_ty")).0, RestoreStatus::Aborted);
}

#[test]
fn a_backup_of_nothing_comes_back_and_proves_nothing() {
    let empty = "{\"message_type\":\"summary\",\"total_files\":1,\"files_restored\":1}\n";
    let restic = with(restic_drill(), "restore.out", empty);
    let restic = with(restic, "stats.json", "{\"total_size\":0,\"total_file_count\":1,\"snapshots_count\":1}");
    let restic = without(restic, &["snapshots.json"]);
    assert_eq!(outcome(&restic), (RestoreStatus::Completed, Some(Validation::Failed)));
    let nothing = json!({ "archives": [{ "id": "b56b", "name": "n1", "start": "2026-03-01T01:00:00.000000",
        "stats": { "nfiles": 0 } }] });
    let borg = with(borg_drill(), "info.json", nothing);
    assert_eq!(outcome(&borg), (RestoreStatus::Completed, Some(Validation::Failed)));
}

#[test]
fn a_check_with_any_sign_of_damage_fails_the_validation() {
    let broken = CHECKED.replace("null", "[\"d2aa\"]");
    let errors = CHECKED.replace("\"num_errors\":0", "\"num_errors\":1");
    for files in [
        with(restic_drill(), "check.out", broken),
        with(restic_drill(), "check.out", errors),
        with(restic_drill(), "check.err", RESTIC_ERROR),
        with_facts(restic_drill(), |facts| facts["exit"]["check"] = 1.into()),
        with_facts(borg_drill(), |facts| facts["exit"]["check"] = 1.into()),
        with(borg_drill(), "check.err", log("ERROR", "Finished full repository check, errors found.")),
        with(restic_drill(), "checks.json", json!([{ "name": "rows", "expected": 5, "actual": 4, "ok": false }])),
    ] {
        assert_eq!(outcome(&files), (RestoreStatus::Completed, Some(Validation::Failed)));
    }
}

#[test]
fn a_check_of_the_structure_alone_or_none_validates_nothing() {
    let structure = |files| with_facts(files, |facts| facts["check_read_data"] = false.into());
    let unchecked = |files| {
        let files = with_facts(files, |facts| facts["exit"]["check"] = Value::Null);
        without(files, &["check.out", "check.err"])
    };
    for drill in [restic_drill, borg_drill] {
        assert_eq!(outcome(&structure(drill())), (RestoreStatus::Completed, None));
        assert_eq!(outcome(&unchecked(drill())), (RestoreStatus::Completed, None));
        let rows = json!([{ "name": "rows", "expected": 5, "actual": 5, "ok": true }]);
        let counted = with(structure(drill()), "checks.json", rows);
        assert_eq!(outcome(&counted).1, Some(Validation::Successful));
        assert!(read(&counted).checks.iter().any(|check| check.name.ends_with("check (structure only)")));
    }
    // Reading all data proves little when nobody counted what came back, or not against what the backup holds.
    assert_eq!(outcome(&without(borg_drill(), &["info.json"])).1, None);
    let part = without(restic_drill(), &["stats.json"]);
    assert_eq!(outcome(&part), (RestoreStatus::Completed, None));
    let rows = json!([{ "name": "rows", "expected": 5, "actual": 5, "ok": true }]);
    assert_eq!(outcome(&with(part, "checks.json", rows)).1, Some(Validation::Successful));
}

#[test]
fn a_drill_that_cannot_be_read_is_named_with_its_file() {
    let old = "restoring <Snapshot adb67043 of [/src]> to out\n";
    let facts = |change: fn(&mut Value)| with_facts(restic_drill(), change);
    let other =
        json!([{ "time": "2026-03-01T01:00:00Z", "id": SNAPSHOT }, { "time": "2026-03-01T01:30:00Z", "id": "f" }]);
    let no_verify = log("INFO", "Finished full repository check, no problems found.")
        + &log("INFO", "Archive consistency check complete, no problems found.");
    let cases = [
        (without(restic_drill(), &["drill.json"]), "d/drill.json", "is missing"),
        (without(restic_drill(), &["restore.err"]), "d/restore.err", "is missing"),
        (without(restic_drill(), &["check.err"]), "d/check.err", "is missing"),
        (facts(|f| _ = f["exit"].as_object_mut().unwrap().remove("restore")), "d/drill.json", "exit.restore"),
        (facts(|f| f["exit"]["check"] = Value::Null), "d/drill.json", "exit.check is missing"),
        (facts(|f| f["exit"]["restore"] = 256.into()), "d/drill.json", "invalid value"),
        (facts(|f| f["tool"] = "tar".into()), "d/drill.json", "unknown variant `tar`"),
        (facts(|f| f["outcome"] = "good".into()), "d/drill.json", "unknown field"),
        (facts(|f| f["validated"] = Value::Null), "d/drill.json", "does not say when"),
        (facts(|f| f["recovery_point"] = "2026-03-01T01:40:00Z".into()), "d/snapshots.json", "drill.json says"),
        (facts(|f| f["backup_id"] = "0123456789".into()), "d/snapshots.json", "does not list"),
        (facts(|f| f["backup_id"] = "adb6".into()), "d/snapshots.json", "does not list"),
        (with(restic_drill(), "snapshots.json", other), "d/snapshots.json", "lists 2 snapshots"),
        (with(restic_drill(), "stats.json", STATS.replace("t\":1", "t\":2")), "d/stats.json", "counts 2 snapshots"),
        (with(restic_drill(), "stats.json", STATS.replace(":7", ":4")), "d/stats.json", "the snapshot holds 5 files"),
        (with(restic_drill(), "stats.json", "{}"), "d/stats.json", "missing field"),
        (with(restic_drill(), "restore.out", old), "d/restore.out", "line 1"),
        (with(restic_drill(), "restore.out", ""), "d/restore.out", "no summary"),
        (with(restic_drill(), "restore.out", RESTORED.trim_end()), "d/restore.out", "line 2: the output is cut short"),
        (with(restic_drill(), "restore.out", RESTORED.repeat(2)), "d/restore.out", "more than one summary"),
        (with(restic_drill(), "restore.err", "warning: odd\n"), "d/restore.err", "line 1"),
        (with(restic_drill(), "restore.err", "{\"message_type\":\"new\"}\n"), "d/restore.err", "unknown variant"),
        (with(restic_drill(), "check.out", "no errors were found\n"), "d/check.out", "line 1"),
        (with(restic_drill(), "check.out", RESTORED), "d/check.out", "num_errors"),
        (with(restic_drill(), "restore.out", CHECKED), "d/restore.out", "total_files"),
        (with(restic_drill(), "checks.json", "[{}"), "d/checks.json", "missing field"),
        (with(borg_drill(), "restore.err", "oops\n"), "d/restore.err", "line 1"),
        (with(borg_drill(), "restore.err", log("FATAL", "x")), "d/restore.err", "unknown variant"),
        (with(borg_drill(), "check.err", ""), "d/check.err", "Finished full repository check"),
        (with(borg_drill(), "check.err", no_verify), "d/check.err", "cryptographic"),
        (with_facts(borg_drill(), |f| f["recovery_point"] = Value::Null), "d/drill.json", "no time zone"),
        (
            with_facts(borg_drill(), |f| f["recovery_point"] = "2026-03-01T01:07:00Z".into()),
            "d/info.json",
            "in no time zone",
        ),
        (with_facts(borg_drill(), |f| f["backup_id"] = "n2".into()), "d/info.json", "restored n2"),
    ];
    for (files, what, why) in cases {
        let unread = drill::read("d", &files, as_of()).expect_err(why);
        assert_eq!(unread.what, what, "{}", unread.why);
        assert!(unread.why.contains(why), "{what}: {}", unread.why);
    }
}

#[test]
fn a_reviewer_signs_beside_the_drill_and_cannot_contradict_it() {
    let review =
        json!({ "reviewer": "lena", "reviewed_at": "2026-03-02T09:00:00Z", "ticket": "OPS-1", "ticket_closed": true });
    let test = read(&with(restic_drill(), "review.json", &review));
    assert_eq!((test.reviewer.as_deref(), test.ticket.as_deref()), (Some("lena"), Some("OPS-1")));
    assert!(test.ticket_closed && test.reviewed_at.is_some());
    let other = with_facts(with(restic_drill(), "review.json", review), |facts| facts["reviewer"] = "sam".into());
    assert!(drill::read("d", &other, as_of()).unwrap_err().why.contains("reviewer is another"));
}

#[test]
fn settings_are_refused_with_the_key_that_is_wrong() {
    let good = json!({ "directory": "/srv/restore-tests", "stores": [{ "name": "orders-db", "rto_target_s": 14400 }] });
    assert!(build(&good).is_ok());
    let store = |store: Value| json!({ "directory": "/srv", "stores": [store.clone(), store] });
    let retired = |store: Value| json!({ "directory": "/srv", "stores": [{ "name": "a" }], "retired_stores": [store] });
    assert!(build(&retired(json!({ "name": "b", "on": "2026-01-01", "reason": "sold" }))).is_ok());
    for (settings, why) in [
        (json!({ "directory": "srv", "stores": [{ "name": "a" }] }), "directory: srv is not absolute"),
        (json!({ "directory": "/srv", "stores": [] }), "stores: none"),
        (json!({ "directory": "/srv" }), "missing field `stores`"),
        (json!({ "directory": "/srv", "stores": [{ "name": "a" }], "depth": 1 }), "unknown field `depth`"),
        (json!({ "directory": "/srv", "stores": [{ "name": " " }] }), "a name is blank"),
        (json!({ "directory": "/srv", "stores": [{ "name": "a", "rto_target_s": 0 }] }), "target of 0 s"),
        (json!({ "directory": "/srv", "stores": [{ "name": "a" }], "files_max": 0 }), "files_max"),
        (store(json!({ "name": "a" })), "a is listed twice"),
        (store(json!({ "name": "a", "in_scope": false })), "a is not in scope, and no reason"),
        (store(json!({ "name": "a", "in_scope": false, "reason": " " })), "a is not in scope, and no reason"),
        (store(json!({ "name": "a", "reason": "cache" })), "a has a reason, but is in scope"),
        (store(json!({ "name": "a", "retired": "2026-01-01" })), "unknown field `retired`"),
        (retired(json!({ "name": "b", "on": "2026-01-01" })), "missing field `reason`"),
        (retired(json!({ "name": "b", "on": "2026-01-01", "reason": " " })), "a reason is blank"),
        (retired(json!({ "name": "a", "on": "2026-01-01", "reason": "sold" })), "a is listed already"),
    ] {
        let error = build(&settings).err().expect(why);
        assert!(error.message.contains(why), "{}", error.message);
    }
    let schema = (KIND.settings_schema)();
    assert!(schema.as_value()["properties"]["archived_before"].is_object());
}
