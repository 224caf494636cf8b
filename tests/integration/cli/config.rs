//! What a user meets first: the configuration, `init`, and files that are not there.

use super::judge::held;
use super::{Said, evidenced};
use evidenced::judge::Test;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../../config/evidenced.example.toml");

/// A directory with the example in it, changed.
fn dir(from: &str, to: &str) -> TempDir {
    assert!(EXAMPLE.contains(from), "{from}");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("evidenced.toml"), EXAMPLE.replacen(from, to, 1)).unwrap();
    dir
}

fn check(dir: &Path) -> Said {
    evidenced(dir, &["config", "check"])
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_example_is_good_and_what_was_understood_is_itself_a_configuration() {
    let dir = dir("", "");
    let said = check(dir.path());
    assert_eq!(said.code, 0, "{said:?}");
    for understood in ["grace_days = 14", "independence = \"last_pusher\"", "stop_timeout = \"25s\"", "catch_up"] {
        assert!(said.out.contains(understood), "{understood} is not in\n{}", said.out);
    }
    fs::write(dir.path().join("evidenced.toml"), &said.out).unwrap();
    assert_eq!(check(dir.path()).out, said.out);
    let json = evidenced(dir.path(), &["config", "check", "--json"]).json();
    assert_eq!(json["controls"]["AVL-001"]["policy"]["grace_days"], 14);
    assert_eq!(names(dir.path()), ["evidenced.toml"], "it makes nothing");
}

#[test]
fn what_the_example_shows_of_aws_in_comments_is_good_dates_of_toml_included() {
    let shown = ["# organization = ", "# identity_", "#   {", "# ]"];
    let line = |line: &str| match shown.iter().any(|start| line.starts_with(start)) {
        true => line[2..].to_owned(),
        false => line.to_owned(),
    };
    let text = EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n");
    assert!(text.contains("\nidentity_center = ") && text.contains("on = 2026-03-01"));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("evidenced.toml"), text).unwrap();
    assert_eq!(check(dir.path()).code, 0, "{:?}", check(dir.path()));
    let json = evidenced(dir.path(), &["config", "check", "--json"]).json();
    let aws = &json["collectors"]["aws"]["settings"];
    assert_eq!(aws["identity_providers"][0]["on"], "2026-03-01");
    assert_eq!(aws["organization"]["role_name"], "evidenced");
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_known_one() {
    let wrong = dir("timezone = \"UTC\"", "timezon = \"UTC\"");
    let line = 1 + EXAMPLE.lines().position(|line| line.starts_with("timezone = \"UTC\"")).unwrap();
    let said = check(wrong.path());
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    assert!(said.err.contains(&format!("line {line}, column 1")), "{}", said.err);
    assert!(said.err.contains("hint: did you mean `timezone`?"), "{}", said.err);
    for (from, to, meant) in [
        ("mfa_deny_policies", "mfa_deny_polices", "[collectors.aws]"),
        ("root_kind", "root_knd", "[controls.SEC-004]"),
        ("rto_target_s", "rto_target", "[collectors.restores]"),
    ] {
        let said = check(dir(from, to).path());
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(meant) && said.err.contains("did you mean") && said.err.contains(from), "{said:?}");
    }
}

#[test]
fn a_secret_that_is_written_inline_is_refused_and_not_repeated() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let via = "via = { profile = \"evidenced\" }";
    for (from, to) in [
        ("{ token = { env = \"GITHUB_TOKEN\" } }", format!("{{ token = \"{token}\" }}")),
        ("{ token = { env = \"GITHUB_TOKEN\" } }", format!("\"{token}\"")),
        ("{ token = { env = \"GITHUB_TOKEN\" } }", format!("{{ token = {{ value = \"{token}\" }} }}")),
        (via, format!("via = {{ access_key = {{ id = \"AKIA\", secret = \"{token}\" }} }}")),
        (via, format!("via = {{ access_key = \"{token}\" }}")),
    ] {
        let said = check(dir(from, &to).path());
        assert_eq!(said.code, 2, "{to}: {said:?}");
        assert!(said.err.contains("[collectors."), "{}", said.err);
        assert!(!said.all().contains(token), "{}", said.all());
    }
    let said = check(dir("{ token = { env = \"GITHUB_TOKEN\" } }", &format!("{{ token = \"{token}\" }}")).path());
    assert!(said.err.contains("a secret is never written into a configuration"), "{}", said.err);
}

#[test]
fn what_cannot_be_configured_is_refused_with_a_hint() {
    for (from, to, why) in [
        ("kind = \"aws_iam\"", "kind = \"aws\"", "known kinds: "),
        (
            "state_dir = \"data\"",
            "state_dir = \"/var/lib/evidence-of-a-company-with-a-long-name/evidence-of-a-company-with-a-long-name/evidence-of-a-company-with-a-long-name/\"",
            "a socket there, whose path has a limit",
        ),
        ("# [collectors.github.limits]", "limits = { run_seconds_max = 0 }", "with 0 nothing would ever be read"),
        ("# [collectors.github.limits]", "limits = { run_seconds_max = 604801 }", "at most 604800, a week"),
        ("schedule = \"30 5 * * *\"", "schedule = \"30 25 * * *\"", "five fields"),
        ("Europe/Berlin", "Europe/Berlinn", "Europe/Berlin"),
        ("collectors = [\"aws\"]", "collectors = [\"azure\"]", "configured: aws, github, restores"),
        ("stale_after = \"36h\"", "stale_after = \"soon\"", "no length of time"),
        ("stale_after = \"36h\"", "", "neither frequency nor stale_after is set"),
        ("frequency = \"daily\"", "frequency = \"dayly\"", "expected one of `continuous`, `daily`"),
        ("schedule = \"15 */6 * * *\"", "schedule = \"15 6 * * *\"", "frequency continuous needs a reading sooner"),
        ("schedule = \"0 */6 * * *\"", "schedule = \"0 6 * * 1-5\"", "let github collect more often"),
        (
            "schedule = \"0 */6 * * *\"",
            "schedule = \"0 6 1 * *\"",
            "GitHub's rule suites: bypasses of rulesets last 27 days",
        ),
        ("directory = \"/var/lib/restore-tests\"", "", "hint: write `directory` there"),
        ("test = \"mfa\"", "test = \"mfaa\"", "mfa"),
        ("criteria = [\"CC6.1\", \"CC6.6\"]", "criteria = []", "name at least one"),
        (
            "criteria = [\"CC6.1\", \"CC6.6\"]",
            "criteria = [\"CC6.1\"]\nfalls_short_of = [\"CC6.6\"]",
            "`CC6.6`, which it is not said to meet",
        ),
    ] {
        let said = check(dir(from, to).path());
        assert_eq!(said.code, 2, "{to}: {said:?}");
        assert!(said.err.contains(why), "{to}: {}", said.err);
    }
    let said = evidenced(dir("", "").path(), &["--config", "nowhere.toml", "status"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nowhere.toml") && said.err.contains("hint: name the file with --config"), "{said:?}");
}

#[test]
fn the_schema_takes_the_example_and_knows_the_keys_of_every_kind_and_test() {
    let dir = tempfile::tempdir().unwrap();
    let schema = evidenced(dir.path(), &["config", "schema"]).json();
    let kinds = evidenced_collectors::KINDS.iter().map(|kind| format!("settings of {}", kind.name));
    let tests = Test::NAMES.iter().map(|name| format!("policy of {name}"));
    for part in kinds.chain(tests) {
        assert!(schema["$defs"][&part]["properties"].is_object(), "{part}");
    }
    let example: Value = toml::from_str(EXAMPLE).unwrap();
    let changed = |table: &str, key: &str| {
        let mut file = example.clone();
        file.pointer_mut(table).unwrap()[key] = json!("no such key");
        file
    };
    let (of_kind, of_test) =
        (changed("/collectors/aws/settings", "mfa_deny_polices"), changed("/controls/AVL-001/policy", "grace"));
    let said = held(&schema, &[example, of_kind, of_test]);
    assert_eq!(said[0], Value::Null);
    assert!(said[1].as_str().unwrap().starts_with("/collectors/aws/settings must NOT have"), "{}", said[1]);
    assert!(said[2].as_str().unwrap().starts_with("/controls/AVL-001/policy must NOT have"), "{}", said[2]);
}

#[test]
fn a_collector_of_whose_settings_none_must_be_said_needs_no_table_of_them() {
    let more = "[collectors.papers]\nkind = \"documents\"\nschedule = \"0 7 * * *\"\n\n[collectors.restores]";
    let said = check(dir("[collectors.restores]", more).path());
    assert_eq!(said.code, 0, "{said:?}");
    let less = "[collectors.r2]\nkind = \"backup_restores\"\nschedule = \"0 7 * * *\"\n\n[collectors.restores]";
    let said = check(dir("[collectors.restores]", less).path());
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("r2") && said.err.contains("hint: write `directory` there"), "{said:?}");
}

#[test]
fn a_wrong_state_directory_fails_with_the_way_out_and_makes_nothing() {
    let dir = dir("state_dir = \"data\"", "state_dir = \"dtaa\"");
    for args in [
        vec!["status"],
        vec!["collect", "now"],
        vec!["run"],
        vec!["export", "--from", "2026-01-01", "--to", "2026-02-01", "--out", "b.zip"],
        vec!["waive", "SEC-001", "x", "--reason", "r", "--approver", "a", "--expires-in", "1d"],
        vec!["verify", "--ledger", "dtaa"],
    ] {
        let said = evidenced(dir.path(), &args);
        assert_eq!(said.code, 1, "{args:?}: {said:?}");
        assert!(said.err.contains("hint: ") && said.err.contains("`evidenced init`"), "{args:?}: {}", said.err);
        assert_eq!(names(dir.path()), ["evidenced.toml"], "{args:?}");
    }
}

#[test]
fn a_ledger_is_made_once_and_a_new_one_is_not_effective() {
    let dir = dir("", "");
    assert_eq!(evidenced(dir.path(), &["init"]).code, 0);
    let before = fs::read(dir.path().join("data/ledger.sqlite")).unwrap();
    let again = evidenced(dir.path(), &["init"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("never overwritten") && again.err.contains("hint: "), "{}", again.err);
    assert_eq!(fs::read(dir.path().join("data/ledger.sqlite")).unwrap(), before);
    let status = evidenced(dir.path(), &["status"]);
    assert_eq!(status.code, 3);
    assert_eq!(status.out.matches("unmonitored").count(), 4, "{}", status.out);
    let wrong = evidenced(dir.path(), &["collect", "now", "gihtub"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("configured: aws, github, restores"), "{}", wrong.err);
}

#[test]
fn what_is_no_bundle_is_no_bundle() {
    let dir = tempfile::tempdir().unwrap();
    let missing = evidenced(dir.path(), &["verify", "nowhere.zip"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("nowhere.zip cannot be read") && missing.err.contains("hint: "), "{}", missing.err);
    let folder = evidenced(dir.path(), &["verify", "."]);
    assert_eq!(folder.code, 2, "{folder:?}");
    assert!(folder.err.contains(". is no file but a directory\nhint: "), "{}", folder.err);
    for text in [String::new(), "hello\n".to_owned(), "hello\n".repeat(1000)] {
        fs::write(dir.path().join("x.zip"), &text).unwrap();
        let said = evidenced(dir.path(), &["verify", "x.zip"]);
        assert_eq!(said.code, 4, "{said:?}");
        assert!(said.out.contains("REFUSED  container: x.zip: ") && said.out.contains("ZIP"), "{}", said.out);
    }
    assert_eq!(evidenced(dir.path(), &["verify"]).code, 2, "usage");
    assert_eq!(evidenced(dir.path(), &["verfy"]).code, 2, "usage");
}

#[test]
fn what_is_made_once_is_told_as_json_too() {
    let dir = dir("", "");
    let init = evidenced(dir.path(), &["init", "--json"]);
    assert_eq!(init.code, 0, "{init:?}");
    let told = init.json();
    let public = |name: &str| fs::read_to_string(dir.path().join("data").join(name)).unwrap().trim().to_owned();
    assert_eq!((&told["vkey"], &told["bundle_key"]), (&public("log.vkey").into(), &public("bundle.pub").into()));
    assert!(told["allowed_signers"].as_str().unwrap().ends_with(&public("bundle.pub")), "{told}");
    assert!(told["directory"].as_str().unwrap().ends_with("data"), "{told}");

    let tools = evidenced(dir.path(), &["tools", "auditor", "--json"]).json();
    let paths: Vec<&str> = tools.as_array().unwrap().iter().map(|tool| tool["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["auditor/AUDITOR.html", "auditor/verify.html", "auditor/verify.py", "auditor/verify.sh"]);
    for tool in tools.as_array().unwrap() {
        let bytes = fs::read(dir.path().join(tool["path"].as_str().unwrap())).unwrap();
        assert_eq!(tool["sha256"], hex::encode(Sha256::digest(&bytes)), "{tool}");
    }
}

#[test]
fn manual_pages_are_written_into_a_directory_that_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let said = evidenced(dir.path(), &["man", "share/man1"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(dir.path().join("share/man1/evidenced-verify.1").exists());
}
