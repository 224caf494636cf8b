//! `evidenced explain`: that the first line answers, and that what it promises is there. Every place that it
//! names is opened in the bundle by a script of Python's standard library, which looks for the very value.

use super::demo::demo;
use super::{Home, Said, evidenced, files};
use crate::support::{component, program};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The newest verdict of the sample's bundle that judges an item of the control so: its record, and the item.
fn judged(control: &str, reason: &str) -> (String, String) {
    static VERDICTS: OnceLock<Vec<(String, String, Value)>> = OnceLock::new();
    let verdicts = VERDICTS.get_or_init(|| {
        let files = files(&demo().dir.join("sample-bundle.zip"));
        let mut verdicts = Vec::new();
        for (path, bytes) in &files {
            let Some(record) = path.strip_prefix("data/verdicts/").and_then(|p| p.strip_suffix("/judgements.json"))
            else {
                continue;
            };
            let body: Value = serde_json::from_slice(&files[&format!("data/records/{record}.json")]).unwrap();
            let number = record.parse::<u64>().unwrap().to_string();
            let control = body["control"].as_str().unwrap().to_owned();
            verdicts.push((number, control, serde_json::from_slice(bytes).unwrap()));
        }
        verdicts
    });
    let of = verdicts.iter().rev().filter(|(_, of, _)| of == control);
    let found = of.flat_map(|(record, _, verdict)| {
        let judgements = verdict["judgements"].as_array().unwrap().iter();
        let item = judgements.filter(|j| j["reason"] == reason).map(|j| j["item"].as_str().unwrap().to_owned()).next();
        item.map(|item| (record.clone(), item))
    });
    found.into_iter().next().unwrap_or_else(|| panic!("nothing in the sample is {reason}"))
}

/// Looks every place up in the bundle; what was found, one line each.
pub(super) fn looked_up(bundle: &Path, explanation: &str) -> String {
    let mut python = Command::new(program("python3"))
        .arg(component("tests/beds/look_up.py"))
        .arg(bundle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(explanation.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// One item explained: what people see, and what programs see.
struct Why {
    text: Said,
    json: Value,
    /// What stands at the places, by Python.
    found: String,
}

impl Why {
    /// From the sample's ledger; its bundle says the same.
    fn of(control: &str, reason: &str) -> Self {
        let (verdict, item) = judged(control, reason);
        let args = ["explain", control, &item, "--verdict", &verdict];
        let dir = &demo().dir;
        let text = evidenced(dir, &args);
        let json = evidenced(dir, &[&args[..], &["--json"]].concat());
        assert_eq!((text.code, json.code), (0, 0), "{text:?} {json:?}");
        let elsewhere = tempfile::tempdir().unwrap();
        let bundle = dir.join("sample-bundle.zip");
        let in_bundle = ["--bundle", bundle.to_str().unwrap(), "--json"];
        let same = evidenced(elsewhere.path(), &[&args[..], &in_bundle].concat());
        assert_eq!((same.code, &same.out), (0, &json.out), "{}", same.err);
        let found = looked_up(&bundle, &json.out);
        let first = text.out.lines().next().unwrap();
        assert!(
            first.starts_with(&format!("{control} {item}: ")) && first.ends_with(&format!(": {reason}")),
            "{first}"
        );
        let why = Self { json: json.json(), text, found };
        assert!(why.text.out.contains("SAMPLE with a simulated clock") && why.json["sample"] == true);
        assert_eq!(why.json["here"], Value::Null, "this program judges as the one that sealed");
        why
    }

    fn attributes(&self) -> &[Value] {
        self.json["attributes"].as_array().unwrap()
    }

    fn attribute(&self, key: &str) -> &Value {
        self.attributes().iter().find(|attribute| attribute["key"] == key).unwrap_or_else(|| panic!("no {key}"))
    }

    /// Keys of what decided.
    fn deciding(&self) -> BTreeSet<&str> {
        let deciding = self.attributes().iter().filter(|attribute| attribute["decides"] == true);
        deciding.map(|attribute| attribute["key"].as_str().unwrap()).collect()
    }

    /// What stands at the places of one fact of an attribute, by Python.
    fn stands(&self, key: &str, fact: &Value) -> Vec<Value> {
        let lines = self.found.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of = lines.filter(|line| line["key"] == key && line["fact"] == *fact);
        of.map(|line| line["stands"].clone()).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_stale_approval_is_shown_with_the_review_and_with_what_was_merged() {
    let why = Why::of("SEC-001", "stale-approval");
    assert_eq!(why.deciding(), BTreeSet::from(["A2", "A6"]));
    let reviewed = why.attributes().iter().find(|a| a["key"] == "A2" && a["reason"] == "stale-approval").unwrap();
    assert_eq!(reviewed["part"], "against");
    let place = &reviewed["places"][0];
    let review = why.stands("A2", &place["fact"]).remove(0);
    let head = text(&why.stands("A6", &json!("head"))[0]);
    assert_eq!(review["state"], "APPROVED");
    assert_ne!(text(&review["commit"]["oid"]), head, "the very reason");
    let pusher = &why.attribute("A3")["places"][0]["fact"];
    let author = why.stands("A3", pusher)[0]["login"].clone();
    assert!(why.stands("A4", &json!({ "push": head })).contains(&author), "{}", why.found);
    assert!(text(&place["at"]["pointer"]).ends_with("/reviews/nodes/0"), "{place}");
    assert!(text(&place["request"]).starts_with("POST http"), "{place}");
    // The answer stands above everything else.
    let lines: Vec<&str> = why.text.out.lines().collect();
    let decides = lines.iter().position(|line| *line == "why:").unwrap();
    assert!(lines[decides + 1].contains("review by") && lines[decides + 1].ends_with("AGAINST [stale-approval]"));
    assert!(lines[decides + 3].contains(&text(&place["file"])), "{}", lines[decides + 3]);
    assert_eq!(why.attribute("A11")["seen"], "not read: no part of this test");
}

#[test]
fn a_direct_push_is_shown_with_its_row_and_with_the_list_of_pull_requests_that_has_none() {
    let why = Why::of("SEC-001", "direct-push");
    assert_eq!(why.deciding(), BTreeSet::from(["A1"]));
    let landing = [json!("push"), json!("dana"), json!("2026-01-20T07:40:00Z")];
    assert_eq!(why.stands("A1", &json!("landing")), landing);
    assert_eq!(why.stands("A1", &json!("pull_request")), [json!("0 entries")]);
    assert_eq!(why.stands("A1", &json!("paths")), [json!("src/checkout.rs")]);
    let waived = Why::of("SEC-001", "approved-waiver");
    let waiver = &waived.json["waivers"][0];
    assert_eq!((&waiver["approver"], &waiver["item"]), (&json!("cto"), &json!("sample/shop@*")));
    assert!(waived.text.out.contains("waiver in record ") && waived.text.out.contains("INC-12"));
    assert_eq!(waived.deciding(), BTreeSet::from(["A1"]), "and what it is waived from");
}

#[test]
fn a_change_that_passes_shows_every_attribute_and_where_each_stands() {
    let why = Why::of("SEC-001", "approved");
    let keys: Vec<&str> = why.attributes().iter().map(|a| a["key"].as_str().unwrap()).collect();
    let all = ["A1", "A2", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "post-hoc"];
    assert_eq!(keys, all);
    assert_eq!(why.deciding(), BTreeSet::from(["A2"]));
    for attribute in why.attributes() {
        assert_eq!(attribute["not_found"], json!([]), "{attribute}");
        assert_ne!(attribute["part"], "against", "{attribute}");
    }
    assert_eq!(why.stands("A9", &json!("rules")), [json!("0 entries")], "no bypass among those on record");
    assert_eq!(why.stands("A7", &json!("reviews")), [json!(1)], "one review, and no other");
    assert_eq!(why.stands("A2", &json!({ "policy": "min_approvals" })), [json!(1)]);
    assert_eq!(why.attribute("A10")["seen"], "not read; not asked for by the policy");
}

#[test]
fn a_console_user_without_a_factor_is_shown_with_the_cells_of_the_report() {
    let why = Why::of("SEC-004", "console-without-mfa");
    assert_eq!(why.json["judgement"]["item"], "111122223333:user/erin");
    assert_eq!(why.deciding(), BTreeSet::from(["factor", "password"]));
    assert_eq!(why.stands("factor", &json!("factor")), [json!("false")]);
    assert_eq!(why.stands("password", &json!("password")), [json!("true")]);
    let place = &why.attribute("factor")["places"][0];
    assert_eq!(
        (&place["request"], &place["at"]["cell"]["column"]),
        (&json!("iam:GetCredentialReport"), &json!("mfa_active"))
    );
    assert_eq!(why.stands("report-time", &json!("report_time")).len(), 1);
    assert_eq!(why.attribute("deny-policy")["seen"], "not read", "and never a false");
    assert_eq!(why.attribute("used-by")["seen"], "nobody says: counts as a person");
}

#[test]
fn an_alert_that_was_mended_late_is_shown_with_its_severity_and_its_end() {
    let why = Why::of("SEC-015", "fixed-late");
    assert_eq!(why.json["judgement"]["item"], "sample/shop/dependabot/1");
    assert_eq!(why.deciding(), BTreeSet::from(["due", "ended"]));
    assert!(why.stands("severity", &json!({ "finding": "severity" })).contains(&json!("critical")), "{}", why.found);
    let ended = why.stands("ended", &json!({ "finding": "closing" }));
    assert!(ended.contains(&json!("2026-02-14T15:00:00Z")), "{ended:?}");
    assert_eq!(why.stands("due", &json!({ "policy": "critical_days" })), [json!(30)]);
    assert!(why.attributes().iter().all(|attribute| attribute["not_found"] == json!([])), "{:#?}", why.attributes());
    let place = Why::of("SEC-015", "scanning-on");
    assert!(place.stands("scanning", &json!("scanning")).contains(&json!(true)), "{}", place.found);
}

#[test]
fn a_trail_that_was_stopped_is_shown_with_its_status() {
    let why = Why::of("SEC-013", "not-logging");
    assert_eq!(why.json["judgement"]["item"], "111122223333:eu-central-1");
    assert_eq!(why.deciding(), BTreeSet::from(["logging"]));
    let arn = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/all";
    let status = why.stands("logging", &json!({ "trail_status": arn }));
    assert!(status.contains(&json!(false)), "{status:?}");
    let kept = why.stands("kept", &json!({ "kept_for": "sample-logs" }));
    assert!(kept.contains(&json!("400")), "{kept:?}");
    assert!(why.attributes().iter().all(|attribute| attribute["not_found"] == json!([])), "{:#?}", why.attributes());
}

#[test]
fn root_is_shown_with_its_row_and_aws_s_totals_and_the_devices_that_are_not_its_own() {
    let why = Why::of("SEC-004", "root-mfa");
    assert_eq!(why.deciding(), BTreeSet::from(["devices", "factor", "keys"]));
    assert_eq!(why.stands("factor", &json!("factor")), [json!("true"), json!("1")], "the report, and the totals");
    assert_eq!(why.stands("keys", &json!("keys")), [json!("false"), json!("false"), json!("0")]);
    let devices = &why.attribute("devices")["places"][0];
    assert_eq!(devices["request"], "iam:ListVirtualMFADevices");
    assert!(devices["stands"]["without_it"].as_u64().unwrap() > 0, "{devices}");
}

#[test]
fn an_account_that_was_not_read_is_shown_with_aws_s_own_words() {
    let why = Why::of("SEC-004", "account-unread");
    assert_eq!(why.deciding(), BTreeSet::from(["account"]));
    let said = why.stands("account", &json!("account"));
    assert!(said.iter().any(|said| text(said).contains("iam:GenerateCredentialReport")), "{said:?}");
    assert!(why.text.out.lines().nth(2).unwrap().contains("not read: account production"), "{}", why.text.out);
    assert_eq!(why.json["unread"][0]["permission"], "iam:GenerateCredentialReport");
}

#[test]
fn a_restore_whose_validation_failed_is_shown_with_its_line() {
    let why = Why::of("AVL-001", "validation-failed");
    assert_eq!(why.deciding(), BTreeSet::from(["B4"]));
    let decides = why.attributes().iter().find(|attribute| attribute["decides"] == true).unwrap();
    let fact = &decides["places"][0]["fact"];
    assert_eq!(why.stands("B4", fact), [json!("FAILED")]);
    assert!(decides["places"][0]["at"]["line"]["line"].as_u64().unwrap() >= 1);
    let followed = Why::of("AVL-001", "retested-after-failure");
    assert!(followed.deciding().contains("B9"), "{:?}", followed.deciding());
}

#[test]
fn a_missed_recovery_time_is_shown_with_both_times_and_the_target() {
    let now = SystemClock.now();
    let home = restores(now);
    let started = now - TimeDelta::hours(9);
    let item = format!("files {}Q{}", started.year(), started.month0() / 3 + 1);
    let said = home.run(&["explain", "T-1", &item]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with(&format!("T-1 {item}: DEVIATION: rto-missed\n")), "{}", said.out);
    let json = home.run(&["explain", "T-1", &item, "--json"]);
    let found = looked_up(&home.path("b.zip"), &json.out);
    let why = Why { json: json.json(), text: said, found };
    assert_eq!(why.deciding(), BTreeSet::from(["B5"]));
    for (field, value) in [("started", started), ("validated", now - TimeDelta::hours(1))] {
        let stands = why.stands("B5", &json!({ "test": { "id": "slow", "field": field } }));
        assert_eq!(stands, [json!(second(value))], "{field}");
    }
    assert_eq!(why.stands("B5", &json!({ "store": "files" }))[0]["rto_target_s"], json!(3600));
    let source = why.stands("B3", &json!({ "test": { "id": "slow", "field": "env_source" } }));
    assert_eq!(source, [json!("production")]);
    assert!(why.attributes().iter().any(|a| a["key"] == "B8" && a["part"] == "aside"), "the first flaw speaks");
}

fn second(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A ledger with one slow restore, and its bundle `b.zip`.
fn restores(now: DateTime<Utc>) -> Home {
    let logs = tempfile::tempdir().unwrap();
    let ago = |hours| second(now - TimeDelta::hours(hours));
    let line = json!({
        "test_id": "slow", "store": "files", "recovery_point": ago(10), "started": ago(9), "restored": ago(2),
        "validated": ago(1), "status": "COMPLETED", "validation": "SUCCESSFUL", "env_source": "production",
        "checks": [{ "name": "rows", "expected": 3, "actual": 3, "ok": true }], "performer": "sam",
    });
    fs::write(logs.path().join("drills.jsonl"), format!("{line}\n")).unwrap();
    let store = json!({ "name": "files", "rto_target_s": 3600, "rpo_target_s": 86400 });
    let home = Home::with("backup_restores", &json!({ "directory": logs.path(), "stores": [store] }), "restore_test");
    assert_eq!(home.collect(&[]).0, 0);
    let day = |days| (now + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    let export = home.run(&["export", "--from", &day(-1), "--to", &day(2), "--out", "b.zip"]);
    assert_eq!(export.code, 0, "{export:?}");
    home
}

#[test]
fn whoever_asks_for_what_is_not_there_is_told_what_is_near() {
    let dir = &demo().dir;
    let (verdict, item) = judged("SEC-001", "stale-approval");
    for (args, words) in [
        (["SEC-004", "erin"], vec!["`erin` is no item", "nearest: 111122223333:user/erin, "]),
        (["SEC-004", "111122223333:user/"], vec!["items of the verdict begin with", "111122223333:user/alice"]),
        (["SEC-001", &item], vec!["is no item of the verdict", "add --verdict "]),
    ] {
        let said = evidenced(dir, &[&["explain"], &args[..]].concat());
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("hint: ") && words.iter().all(|word| said.err.contains(word)), "{}", said.err);
    }
    let unknown = evidenced(dir, &["explain", "SEC-999", "x"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("`SEC-999` is not configured\nhint: configured: AVL-001"), "{}", unknown.err);
    let wrong = evidenced(dir, &["explain", "SEC-004", &item, "--verdict", &verdict]);
    assert_eq!(wrong.code, 1, "another control's verdict: {wrong:?}");
    assert!(wrong.err.contains("no verdict of control `SEC-004` in record "), "{}", wrong.err);
    // A beginning is enough, and a day.
    let number = item.split_once('@').unwrap().0;
    let said = evidenced(dir, &["explain", "SEC-001", number, "--as-of", "2026-03-05"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with(&format!("SEC-001 {item}: DEVIATION: stale-approval\n")), "{}", said.out);
}
