//! `evidenced judge FILE`, on the truth table and on files that are wrong; its form against the published schema.

use super::{Said, evidenced};
use crate::support::{component, program};
use evidenced::judge::cases::{CASES_BYTES_MAX, CASES_MAX};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const TABLE: &str = include_str!("../../truth-table.json");

/// The schema as it is published.
fn schema() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/cases.schema.json")).unwrap()
}

fn table() -> Value {
    serde_json::from_str(TABLE).unwrap()
}

/// The file of that text judged in an empty directory, with more arguments.
fn judge(text: &str, more: &[&str]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("cases.json"), text).unwrap();
    let said = evidenced(dir.path(), &[&["judge", "cases.json"], more].concat());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "it makes nothing");
    said
}

/// What the program gets to read on standard input.
pub(super) fn stdin(program: &Path, dir: &Path, args: &[&str], text: &str) -> Said {
    let mut command = Command::new(program);
    command.current_dir(dir).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A user with a password and a factor, changed; the rest of a file around.
fn user(change: &[(&str, Value)]) -> String {
    let mut principal = json!({ "kind": "iam", "password": true, "mfa": true });
    for (key, value) in change {
        principal[*key] = value.clone();
    }
    json!({ "mfa_now": "2026-03-02T12:00:00Z", "mfa": [{ "name": "a user", "principal": principal }] }).to_string()
}

fn restore(case: &Value, policy: &Value) -> String {
    let mut facts = json!({ "store": "s", "quarter_end": "2026-03-31T23:59:59Z", "now": "2026-04-20T00:00:00Z" });
    facts.as_object_mut().unwrap().extend(case.as_object().unwrap().clone());
    json!({ "restore": [{ "name": "a quarter", "case": facts, "policy": policy }] }).to_string()
}

#[test]
fn every_case_of_the_truth_table_is_judged_as_it_says_and_shown_as_text_and_as_data() {
    let json = judge(TABLE, &["--json"]);
    assert_eq!((json.code, json.err.as_str()), (0, ""), "{json:?}");
    let table = table();
    let lists = ["change", "mfa", "restore"].map(|list| table[list].as_array().unwrap().clone());
    let of = |case: &Value| json!({ "name": case["name"], "outcome": case["expect"]["outcome"], "reason": case["expect"]["reason"] });
    let expected: Vec<Value> = lists.concat().iter().map(of).collect();
    assert_eq!(expected.len(), 58);
    assert_eq!(json.json(), Value::Array(expected.clone()));

    let binary = Path::new(env!("CARGO_BIN_EXE_evidenced"));
    let dir = tempfile::tempdir().unwrap();
    let piped = stdin(binary, dir.path(), &["judge", "-", "--json"], TABLE);
    assert_eq!((piped.code, piped.out), (0, json.out));

    let text = judge(TABLE, &[]);
    assert_eq!((text.code, text.err.as_str()), (0, ""));
    assert_eq!(text.out.lines().count(), 1 + expected.len());
    for (line, case) in text.out.lines().skip(1).zip(&expected) {
        for key in ["name", "outcome", "reason"] {
            assert!(line.contains(case[key].as_str().unwrap()), "{line}");
        }
    }
    assert!(text.out.contains("mfa/") && text.out.contains("approved by bob"), "rules, and what was seen");
}

#[test]
fn a_case_that_is_judged_otherwise_than_it_expects_exits_1_and_is_named_and_one_without_expectation_is_not_compared() {
    let mut table = table();
    table["change"][1]["expect"] = json!({ "outcome": "pass", "reason": "approved" });
    table["mfa"][0]["expect"]["reason"] = json!("mfa-actve");
    let said = judge(&table.to_string(), &["--json"]);
    assert_eq!((said.code, said.err.lines().count()), (1, 2), "{}", said.err);
    let line =
        "case \"self approval only\": expected pass approved, got deviation self-approval: pull request 1 by alice";
    assert!(said.err.contains(line), "{}", said.err);
    assert!(said.err.contains("expected pass mfa-actve, got pass mfa-active"), "{}", said.err);
    assert_eq!(said.json().as_array().unwrap().len(), 58, "all are printed");
    for (list, case) in [("change", 1), ("mfa", 0)] {
        table[list][case].as_object_mut().unwrap().remove("expect");
    }
    assert_eq!(judge(&table.to_string(), &[]).code, 0);
}

#[test]
fn cases_are_printed_in_the_order_of_the_file() {
    let change =
        r#"{"name": "c", "change": {"branch": "main", "landing": {"type": "push", "at": "2026-03-02T10:00:00Z"}}}"#;
    let user = r#"{"name": "m1", "principal": {"kind": "root"}}, {"name": "m0", "principal": {"kind": "root"}}"#;
    let store = r#"{"name": "r", "case": {"store": "s", "quarter_end": "2026-03-31T00:00:00Z", "now": "2026-04-20T00:00:00Z"}}"#;
    let text = format!(
        r#"{{"restore": [{store}], "mfa": [{user}], "change": [{change}], "mfa_now": "2026-03-02T12:00:00Z"}}"#
    );
    let said = judge(&text, &["--json"]).json();
    let names: Vec<&str> = said.as_array().unwrap().iter().map(|case| case["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["r", "m1", "m0", "c"]);
    assert_eq!(judge("{}", &["--json"]).json(), json!([]));
}

#[test]
fn every_word_of_the_form_is_known() {
    let mut words = vec![("devices", json!(["virtual", "fido", "totp", "sms"])), ("owner", Value::Null)];
    words.extend(["service", "person", "absent"].map(|word| ("principal_type", json!(word))));
    words.extend([("principal_type", Value::Null), ("devices", Value::Null), ("mfa_deny_policy", json!(true))]);
    for word in words {
        assert_eq!(judge(&user(std::slice::from_ref(&word)), &[]).code, 0, "{word:?}");
    }
    let mut table = table();
    let change = &mut table["change"][0]["change"];
    for (kind, account) in ["User", "Bot", "Ghost"].into_iter().enumerate() {
        for (state, word) in ["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"].into_iter().enumerate() {
            let review = json!({ "id": 10 + 4 * kind + state, "user": "x", "type": account, "state": word, "at": "2026-03-02T08:00:00Z", "can_push": null });
            change["pr"]["reviews"].as_array_mut().unwrap().push(review);
        }
    }
    change["pr"]["author_type"] = json!("Agent");
    change["pr"]["initiator"] = Value::Null;
    change["pr"]["commits"][0]["author"] = Value::Null;
    change["pr"]["owners_of_paths"] = json!([["bob", "carol"], []]);
    change["posthoc"] =
        json!({ "ticket": null, "reviewer": "bob", "reviewer_type": "User", "at": "2026-03-02T11:00:00Z" });
    change["policy"] =
        json!({ "independence": "any_committer", "roster": ["bob"], "exempt_actors": { "x": ["*.md"] } });
    table["change"][0].as_object_mut().unwrap().remove("expect");
    table["mfa"][0]["policy"] = json!({ "root_kind": "any", "user_kind": "phishing_resistant", "report_max_h": 5 });
    table["mfa"][0].as_object_mut().unwrap().remove("expect");
    let said = judge(&table.to_string(), &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()[30]["reason"], "mfa-not-phishing-resistant", "the policy counts");
    let test = |status: &str, validation: Value| json!({ "status": status, "started": "2026-02-01T00:00:00Z", "validation": validation, "rto_target_s": null });
    for validation in [json!("SUCCESSFUL"), json!("FAILED"), json!("TIMED_OUT"), json!("VALIDATING"), Value::Null] {
        let tests = ["COMPLETED", "FAILED", "ABORTED"].map(|status| test(status, validation.clone()));
        let said = judge(&restore(&json!({ "tests": tests, "grace_d": null }), &json!({})), &["--json"]);
        assert_eq!(said.json()[0]["outcome"], "deviation", "{said:?}");
    }
    for (grace, reason) in [(json!({ "grace_d": 20 }), "not-yet-due"), (json!({}), "no-restore-test")] {
        assert_eq!(judge(&restore(&grace, &json!({})), &["--json"]).json()[0]["reason"], reason, "{grace}");
        assert_eq!(judge(&restore(&json!({}), &grace), &["--json"]).json()[0]["reason"], reason, "{grace}");
    }
}

#[test]
fn a_file_that_is_not_of_the_form_exits_2_and_names_case_key_and_what_was_meant() {
    let landing = |landing: Value| {
        json!({ "change": [{ "name": "a push", "change": { "branch": "main", "landing": landing } }] }).to_string()
    };
    let old = json!({ "quarter_end": "2025-03-31T23:59:59Z" });
    for (text, words) in [
        ("[]".to_owned(), vec!["invalid type: sequence, expected an object"]),
        ("{".to_owned(), vec!["line 1", "EOF", "hint: the file must be one JSON object"]),
        (r#"{"changes": []}"#.to_owned(), vec!["unknown field `changes`", "hint: did you mean \"change\"?"]),
        (r#"{"mfa": [], "mfa": []}"#.to_owned(), vec!["duplicate field `mfa`"]),
        (user(&[("pasword", json!(true))]), vec!["case \"a user\", mfa[0].principal", "did you mean \"password\"?"]),
        (user(&[("state", json!("ACTIVE"))]), vec!["unknown field `state`"]),
        (user(&[("kind", json!("root"))]), vec![]),
        (user(&[("kind", json!("aim"))]), vec!["mfa[0].principal.kind", "unknown variant `aim`"]),
        (user(&[("kind", json!("account"))]), vec!["unknown field `mfa`"]),
        (user(&[("devices", json!(["pager"]))]), vec!["mfa[0].principal.devices", "unknown variant `pager`"]),
        (user(&[("mfa", json!("yes"))]), vec!["mfa[0].principal.mfa", "\"yes\"", "expected a boolean"]),
        (user(&[("keys", json!(-1))]), vec!["mfa[0].principal.keys", "`-1`"]),
        (
            user(&[("report_at", json!("today"))]),
            vec!["mfa[0].principal.report_at", "\"today\" is no time as in 2026-"],
        ),
        (
            user(&[]).replace("\"password\":true", "\"owner\":null"),
            vec!["mfa[0].principal,", "missing field `password`"],
        ),
        (user(&[]).replace("mfa_now", "about"), vec!["case \"a user\": the file has no mfa_now"]),
        (user(&[]).replace("principal", "facts"), vec!["unknown field `facts`", "case \"a user\", mfa[0],"]),
        (user(&[]).replace("principal", "change"), vec!["unknown field `change`"]),
        (
            landing(json!({ "type": "pushed", "at": "2026-03-02T10:00:00Z" })),
            vec!["case \"a push\", change[0].change.landing.type,", "did you mean \"push\"?"],
        ),
        (
            landing(json!({ "type": "push", "at": "2026-03-02" })),
            vec!["change[0].change.landing.at,", "\"2026-03-02\" is no time"],
        ),
        (landing(json!({ "type": "push" })), vec!["change[0].change.landing,", "missing field `at`"]),
        (
            restore(&json!({ "grace_d": 1 }), &json!({ "grace_d": 1 })),
            vec!["case \"a quarter\": policy: grace_d is given twice"],
        ),
        (restore(&json!({ "grace_d": 1 }), &json!({ "grace_days": 1 })), vec!["grace_d and grace_days are the same"]),
        (restore(&json!({}), &json!({ "grace": 1 })), vec!["case \"a quarter\": policy", "no key \"grace\"", "hint: "]),
        (restore(&json!({ "grace_d": 91 }), &json!({})), vec!["case \"a quarter\": policy", "from 0 to 90"]),
        (restore(&old, &json!({})), vec!["case \"a quarter\" gets no judgement: s 2025Q1 is not judged", "hint: "]),
        (
            TABLE.replacen("\"min_approvals\": 1,", "\"min_approvals\": 1, \"min_approvals\": 1,", 1),
            vec!["duplicate field `min_approvals`"],
        ),
        (TABLE.replacen("\"id\": 2", "\"id\": 1", 1), vec!["two reviews have the id 1"]),
        (TABLE.replacen("\"review\": 1", "\"review\": 7", 1), vec!["a dismissal is of review 7, which is not there"]),
        (TABLE.replacen("\"kind\": \"revert\"", "\"kind\": \"rvert\"", 1), vec!["unknown variant `rvert`", "pr.kind"]),
    ] {
        // A root user has no password that a user must have, and is the one here that is no error.
        if words.is_empty() {
            assert_eq!(judge(&text, &[]).code, 0, "{text}");
            continue;
        }
        let said = judge(&text, &["--json"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{text}: {said:?}");
        assert!(
            words.iter().all(|word| said.err.contains(word)) && said.err.contains("hint: "),
            "{words:?}: {}",
            said.err
        );
    }
}

#[test]
fn a_file_that_is_not_there_or_too_large_and_wrong_arguments_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    let said = evidenced(dir.path(), &["judge", "nowhere.json"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nowhere.json cannot be judged") && said.err.contains("hint: "), "{}", said.err);
    File::create(dir.path().join("large.json")).unwrap().set_len(CASES_BYTES_MAX as u64 + 1).unwrap();
    let large = evidenced(dir.path(), &["judge", "large.json"]);
    assert!(large.code == 2 && large.err.contains("hint: split it"), "{large:?}");
    let one = r#"{"name":"r","case":{"store":"s","quarter_end":"2026-03-31T00:00:00Z","now":"2026-04-20T00:00:00Z"}}"#;
    let cases = |count: usize| format!("{{\"restore\":[{}]}}", vec![one; count].join(","));
    let many = judge(&cases(CASES_MAX + 1), &[]);
    assert!(many.code == 2 && many.err.contains("20001 cases, more than 20000"), "{}", many.err);
    assert_eq!(judge(&cases(CASES_MAX), &["--json"]).json().as_array().unwrap().len(), CASES_MAX);
    for usage in [
        &["judge"][..],
        &["judge", "a.json", "--as-of", "2026-03-31"],
        &["judge", "a.json", "--schema"],
        &["judge", "--schema", "--as-of", "2026-03-31"],
        &["judge", "a.json", "--control", "X"],
        &["judge", "--as-of", "yesterday"],
    ] {
        assert_eq!(evidenced(dir.path(), usage).code, 2, "{usage:?}");
    }
}

#[test]
fn the_published_schema_is_the_programs() {
    let dir = tempfile::tempdir().unwrap();
    let said = evidenced(dir.path(), &["judge", "--schema"]);
    assert_eq!(said.code, 0);
    assert_eq!(said.out, schema(), "hint: evidenced judge --schema > config/cases.schema.json");
}

fn held_to_the_schema(files: &[Value]) -> Vec<Value> {
    held(&serde_json::from_str(&schema()).unwrap(), files)
}

/// What ajv says of each file: null if it is of the form.
pub(super) fn held(schema: &Value, files: &[Value]) -> Vec<Value> {
    let script = component("tests/schema/cases.mjs");
    component("tests/schema/node_modules/ajv");
    let asked = json!({ "schema": schema, "files": files }).to_string();
    let here = script.parent().unwrap();
    let said = stdin(&program("node"), here, &[script.to_str().unwrap()], &asked);
    assert_eq!(said.code, 0, "{said:?}");
    said.json().as_array().unwrap().clone()
}

#[test]
fn the_schema_takes_the_truth_table_and_refuses_what_the_program_refuses() {
    let merge = |into: &str, key: &str, value: Value| {
        let mut table = table();
        table.pointer_mut(into).unwrap()[key] = value;
        table
    };
    let broken = [
        merge("", "changes", json!([])),
        merge("/change/0", "facts", json!({})),
        merge("/change/0/expect", "because", json!("")),
        merge("/change/0/expect", "outcome", json!("passed")),
        merge("/change/0/change", "prs", Value::Null),
        merge("/change/0/change/landing", "type", json!("pushed")),
        merge("/change/0/change/landing", "at", json!("2026-03-02")),
        merge("/change/0/change/pr", "autor", json!("alice")),
        merge("/change/0/change/pr", "author_type", json!("agent")),
        merge("/change/0/change/pr/reviews/0", "state", json!("approved")),
        merge("/change/0/change/pr/reviews/0", "id", json!("1")),
        merge("/change/0/change/pr/commits/0", "pushed", json!("alice")),
        merge("/change/0/change", "policy", json!({ "min_aprovals": 1 })),
        merge("/change_policy_default", "grace_days", json!(1)),
        merge("/mfa/0/principal", "kind", json!("user")),
        merge("/mfa/0/principal", "state", json!("ACTIVE")),
        merge("/mfa/0/principal", "devices", json!(["pager"])),
        merge("/mfa/0/principal", "waiver", json!({ "approver": "ciso" })),
        merge("/mfa/0/policy", "report_max", json!(4)),
        merge("/restore/0/case", "grace_days", json!(14)),
        merge("/restore/0/case", "tests", json!([{ "status": "DONE", "started": "2026-02-01T00:00:00Z" }])),
        json!([]),
    ];
    let other = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let good = [
        table(),
        json!({}),
        merge("/mfa/0", "policy", json!({ "report_max_h": 5, "user_kind": "any" })),
        other(include_str!("../../cases/vulnerabilities.json")),
        other(include_str!("../../cases/audit_logging.json")),
        other(include_str!("../../cases/documented.json")),
    ];
    let held = held_to_the_schema(&[&good[..], &broken[..]].concat());
    assert_eq!(held.len(), good.len() + broken.len());
    for (file, wrong) in good.iter().zip(&held) {
        assert_eq!((wrong, judge(&file.to_string(), &[]).code), (&Value::Null, 0), "{file}");
    }
    for (file, wrong) in broken.iter().zip(&held[good.len()..]) {
        assert!(wrong.is_string(), "the schema takes {file}");
        assert_eq!(judge(&file.to_string(), &[]).code, 2, "{wrong}");
    }
}
