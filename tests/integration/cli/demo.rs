//! The demo, run once for all tests here, and what it leaves behind.

use super::{Home, Said, at, evidenced, files};
use crate::github_changes::bed::hold_to_schemas;
use crate::support::{own_folder, program};
use base64::Engine;
use evidenced::bundle::forge::{forge, hide_a_deviation};
use evidenced::ledger::bundle_key::BundleKey;
use evidenced_collectors::door::Exchange;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Ten days with the direct push in them.
const SHORT: [&str; 4] = ["--from", "2026-01-15", "--to", "2026-01-25"];

pub(super) struct Demo {
    pub(super) dir: PathBuf,
    said: Said,
}

/// The demo's directory. Left as it is: tests work on copies.
pub(super) fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let here = own_folder("cli-demo");
        let said = evidenced(&here, &["demo", "--dir", "d"]);
        assert_eq!(said.code, 0, "{said:?}");
        Demo { dir: here.join("d"), said }
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Configuration and ledger of the sample, to change, and who signs its bundles.
pub(crate) fn home() -> Home {
    let home = Home(tempfile::tempdir().unwrap());
    fs::copy(demo().dir.join("evidenced.toml"), home.path("evidenced.toml")).unwrap();
    copy(&demo().dir.join("state"), &home.path("state"));
    let key = fs::read_to_string(home.path("state/bundle.pub")).unwrap();
    let line = format!("evidence@sample.example namespaces=\"evidenced-bundle\" {key}");
    fs::write(home.path("allowed_signers"), line).unwrap();
    home
}

/// With a bundle `short.zip` of ten days.
fn home_with_bundle() -> Home {
    let home = home();
    let said = home.run(&[&["export", "--out", "short.zip"][..], &SHORT].concat());
    assert_eq!(said.code, 0, "{said:?}");
    home
}

#[test]
fn the_demo_tells_its_story() {
    let said = &demo().said;
    assert!(said.out.starts_with("SAMPLE: a company that does not exist"), "{}", said.out);
    for (what, words) in [
        ("a push past review", ["SEC-001", "deviating", "direct-push"]),
        ("a console user without a factor", ["SEC-004", "deviating", "erin (console-without-mfa)"]),
        ("a backup that is damaged", ["AVL-001", "deviating", "validation-failed"]),
        ("what a damaged backup shows of the objective", ["AVL-008", "indeterminate", "recovery-not-shown"]),
        ("a slow restore without follow-up", ["AVL-001", "deviating", "failure-not-followed-up"]),
        ("a slow restore, whatever is done about it", ["AVL-008", "deviating", "rto-missed"]),
        ("a critical alert left open", ["SEC-015", "deviating", "dependabot/1 (open-too-long)"]),
        ("a trail that was stopped", ["SEC-013", "deviating", "eu-central-1 (not-logging)"]),
        ("a permission that was taken away", ["SEC-004", "indeterminate", "iam:GenerateCredentialReport"]),
        ("an approval before the last commit", ["SEC-001", "deviating", "stale-approval"]),
        ("the waiver", ["SEC-001", "waiver", "accepted by cto until 2026-01-30"]),
        ("its beginning", ["Jan 22 10:00", "effective", "waived: sample/shop@"]),
        ("its end, at its instant", ["Jan 30 00:00", "deviating", "(waiver-invalid)"]),
        ("a leaver who kept an account", ["SEC-009", "deviating", "p-04 github/sample-cleo (not-removed)"]),
        ("a removal that waits", ["SEC-010", "deviating", "github 2026Q1 (removal-open)"]),
        ("a plan that is not exercised", ["SEC-017", "deviating", "exercise (not-exercised)"]),
        ("a risk that nobody owns", ["SEC-018", "deviating", "risk R-06 (owner-missing)"]),
        ("training that is overdue", ["SEC-019", "deviating", "p-03 (training-overdue)"]),
        ("a policy that is not acknowledged", ["SEC-020", "deviating", "p-02 code-of-conduct (not-acknowledged)"]),
        ("a vendor that is not reviewed", ["SEC-021", "deviating", "Sample Mail (review-overdue)"]),
        ("a chart that was not looked over", ["SEC-026", "deviating", "2026-02 (not-documented)"]),
        ("silence", ["SEC-004", "stale", "no fresh evidence"]),
        ("the gap", ["gap: ", "`aws`", "missed while the daemon was down"]),
        ("its place in the calendar", ["calendar: ", " late, ", " missed, "]),
        ("the calendar is whole", ["ok ", "calendar: ", "slots of 11 collectors have an outcome on record"]),
        ("the bundle is good", ["ok ", "re-performance: ", "not made again: 0"]),
        ("the forgery is refused", ["REFUSED ", "commitments: ", "SHA256SUMS"]),
    ] {
        let found = said.out.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "{what} is not in\n{}", said.out);
    }
}

#[test]
fn a_directory_with_things_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "mine").unwrap();
    let said = evidenced(dir.path(), &["demo", "--dir", "."]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("is not empty") && said.err.contains("hint: "), "{}", said.err);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_status_of_the_sample_says_that_it_is_one_and_exits_as_its_states_say() {
    let home = home();
    let said = home.run(&["status"]);
    assert!(said.out.starts_with("SAMPLE with a simulated clock: no evidence of anything."), "{}", said.out);
    let status = home.run(&["status", "--json"]);
    let json = status.json();
    assert_eq!(json["sample"], true);
    let one = |list: &str, key: &str, name: &str| {
        json[list].as_array().unwrap().iter().find(|one| one[key] == name).unwrap().clone()
    };
    let cadence = &one("controls", "id", "SEC-004")["cadence"]["aws"];
    assert_eq!((&cadence["met"], &cadence["missing"]), (&"met".into(), &serde_json::json!(["2026-03-22"])));
    let forgets = &one("collectors", "name", "github")["forgets"];
    assert_eq!(forgets["at"], "2026-04-28T00:00:00Z", "27 days after the newest reading");
    assert!(forgets["documented"].as_str().unwrap().starts_with("https://docs.github.com/"), "{forgets}");
    assert!(one("collectors", "name", "aws")["forgets"].is_null());
    let controls = json["controls"].as_array().unwrap();
    assert_eq!(controls.len(), 15);
    let effective = controls.iter().all(|control| control["state"] == "effective");
    assert_eq!((said.code, status.code), if effective { (0, 0) } else { (3, 3) });
}

/// What most often keeps a report from being clean, by the control that answers for it and what judges it.
const TEN_FAILURES: [(&str, &str); 10] = [
    ("SEC-004", "mfa"),
    ("SEC-009", "leavers"),
    ("SEC-013", "audit_logging"),
    ("SEC-001", "change_review"),
    ("AVL-001", "restore_test"),
    ("SEC-018", "risk_assessment"),
    ("SEC-015", "vulnerabilities"),
    ("SEC-019", "training"),
    ("SEC-021", "vendor_review"),
    ("SEC-017", "incident_response"),
];

#[test]
fn the_sample_has_a_deviation_of_each_of_the_ten_common_failures() {
    let home = home();
    let config: toml::Value = toml::from_str(&fs::read_to_string(home.path("evidenced.toml")).unwrap()).unwrap();
    for (id, test) in TEN_FAILURES {
        let control = &config["controls"][id];
        assert_eq!(control["test"].as_str(), Some(test), "{id}");
        let fed = control["collectors"].as_array().unwrap().iter();
        assert!(
            fed.clone().count() > 0
                && fed.clone().all(|name| config["collectors"].get(name.as_str().unwrap()).is_some())
        );
        let history = home.run(&["history", id, "--json"]).json();
        let items = history["items"].as_array().unwrap();
        assert!(items.iter().any(|item| item["outcome"] == "deviation"), "{id}: {items:?}");
    }
}

#[test]
fn the_calendar_of_the_sample_shows_the_downtime_and_exits_3() {
    let home = home();
    let said = home.run(&["status", "--calendar", "--from", "2026-03-15", "--to", "2026-03-31"]);
    assert_eq!(said.code, 3, "{said:?}");
    for (what, words) in [
        ("a count", ["github: 32 due: ", "4 missed, 1 late, ", "27 done"]),
        ("the gap as one line", ["2026-03-21 12:00Z", "2026-03-23 00:00Z", "the daemon was not running"]),
        ("the run that was caught up on", ["2026-03-23 12:00Z", "late", "began 2026-03-23 21:30Z"]),
    ] {
        assert!(said.out.lines().any(|line| words.iter().all(|word| line.contains(word))), "{what}:\n{}", said.out);
    }
    let quiet = ["status", "--calendar", "--from", "2026-02-26", "--to", "2026-03-15"];
    assert_eq!(home.run(&quiet).code, 0, "{:?}", home.run(&quiet));
    let json = home.run(&[&quiet[..], &["--json"]].concat()).json();
    let github = json["collectors"].as_array().unwrap().iter().find(|c| c["name"] == "github").unwrap();
    assert_eq!(github["counts"], json!({ "done": 34 }));
    assert_eq!(github["slots"].as_array().unwrap().len(), 34);
    assert_eq!(home.run(&["status", "--from", "2026-03-15"]).code, 2, "--from is the calendar's");
}

#[test]
fn a_slow_restore_that_was_followed_up_is_operated_and_has_missed_the_objective() {
    let home = home();
    let export = ["export", "--from", "2026-03-25", "--to", "2026-04-01", "--out", "last.zip"];
    assert_eq!(home.run(&export).code, 0);
    let files = files(&home.path("last.zip"));
    for (control, judged) in [
        ("AVL-001", "orders-db 2026Q1,pass,target-missed-followed-up,"),
        ("AVL-008", "orders-db 2026Q1,deviation,rto-missed,"),
    ] {
        let csv = String::from_utf8(files[&format!("data/controls/{control}/judgements.csv")].clone()).unwrap();
        let line = csv.lines().rfind(|line| line.contains(judged)).unwrap_or_else(|| panic!("{judged}\n{csv}"));
        assert!(line.contains("operated: yes; objective: missed by 19200 s (rto-missed)"), "{line}");
    }
}

#[test]
fn nothing_is_collected_into_a_sample_by_the_real_clock() {
    let home = home();
    let records = home.run(&["status", "--json"]).json()["records"].clone();
    for args in [["collect", "now"].as_slice(), &["run"]] {
        let said = home.run(args);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("is a sample") && said.err.contains("hint: "), "{}", said.err);
    }
    assert_eq!(home.run(&["status", "--json"]).json()["records"], records);
}

#[test]
fn a_period_exported_again_is_the_same_bytes_as_the_demo_wrote() {
    let home = home();
    let again = ["export", "--from", "2026-01-01", "--to", "2026-04-01", "--out", "again.zip"];
    assert_eq!(home.run(&again).code, 0);
    let written = fs::read(demo().dir.join("sample-bundle.zip")).unwrap();
    assert!(fs::read(home.path("again.zip")).unwrap() == written, "the bytes differ");
    let twice = home.run(&again);
    assert_eq!(twice.code, 1, "and nothing is overwritten: {twice:?}");
    for name in ["one.zip", "two.zip"] {
        assert_eq!(home.run(&[&["export", "--out", name][..], &SHORT].concat()).code, 0);
    }
    assert!(fs::read(home.path("one.zip")).unwrap() == fs::read(home.path("two.zip")).unwrap(), "the bytes differ");
}

#[test]
fn the_demo_s_bundle_verifies_and_says_that_it_is_a_sample() {
    let said = evidenced(&demo().dir, &["verify", "sample-bundle.zip"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("SAMPLE with a simulated clock"), "{}", said.out);
    assert!(said.out.contains("not where it comes from"), "no key was given:\n{}", said.out);
    assert!(said.out.contains("nothing here shows whose it is"), "{}", said.out);
}

#[test]
fn a_bundle_is_made_again_with_the_right_key_and_refused_with_a_wrong_one() {
    let home = home_with_bundle();
    let right = ["verify", "short.zip", "--reperform", "--vkey", "state/log.vkey"];
    let said = home.run(&right);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("signed by the key that you gave"), "{}", said.out);
    let json = home.run(&[&right[..], &["--json"]].concat()).json();
    assert_eq!(json["complete"], true);
    assert!(json["reperformed"]["collections"].as_u64().unwrap() >= 40, "{}", json["reperformed"]);
    let key = fs::read_to_string(home.path("state/log.vkey")).unwrap();
    let other = Home::with(
        "backup_restores",
        &json!({ "directory": "/nowhere", "stores": [{ "name": "files" }] }),
        "restore_test",
    );
    let stranger = fs::read_to_string(other.path("state/log.vkey")).unwrap();
    assert_ne!(key, stranger);
    let said = home.run(&["verify", "short.zip", "--vkey", stranger.trim()]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.out.contains("REFUSED  checkpoint: data/log/checkpoint: not signed by"), "{}", said.out);
    let said = home.run(&["verify", "short.zip", "--vkey", "no-such-file"]);
    assert_eq!(said.code, 2, "a key that is not there says nothing about the bundle");
    assert!(said.err.contains("hint: "), "{}", said.err);
}

#[test]
fn an_altered_bundle_is_refused_and_the_file_is_named() {
    let home = home_with_bundle();
    let first = |files: &[String], start: &str, end: &str| {
        files.iter().find(|path| path.starts_with(start) && path.ends_with(end)).unwrap().clone()
    };
    let names: Vec<String> = files(&home.path("short.zip")).into_keys().collect();
    let key = BundleKey::parse(&fs::read_to_string(home.path("state/bundle.key")).unwrap()).unwrap();
    for (number, path) in [
        first(&names, "data/evidence/", ".body"),
        first(&names, "data/verdicts/", "/judgements.json"),
        first(&names, "data/populations/", ".csv"),
        first(&names, "data/records/", ".json"),
        "README.txt".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("altered-{number}.zip");
        forge(&home.path("short.zip"), &home.path(&name), &key, |files| {
            files.get_mut(&path).unwrap().push(b' ');
        })
        .unwrap();
        let said = home.run(&["verify", &name]);
        assert_eq!(said.code, 4, "{path}: {said:?}");
        assert!(said.out.contains(&path), "{path} is not named:\n{}", said.out);
        assert!(!said.out.contains("accepted"), "{}", said.out);
    }
    let altered =
        hide_a_deviation(&home.path("short.zip"), &home.path("forged.zip"), &key).unwrap().expect("a deviation");
    let said = home.run(&["verify", "forged.zip"]);
    assert_eq!(said.code, 4, "{said:?}");
    // Every checksum was redone, so what is wrong is the folder that the record was committed to.
    assert!(!said.out.contains("consistent"), "what is refused is not:\n{}", said.out);
    let folder = altered.rsplit_once('/').unwrap().0;
    assert!(said.out.contains(&format!("commitments: {folder}/")), "{folder} is not named:\n{}", said.out);
}

#[test]
fn a_ledger_is_whole_until_a_byte_of_it_is_flipped() {
    let home = home();
    let said = home.run(&["verify", "--ledger", "state"]);
    assert_eq!(said.code, 0, "{said:?}");
    let path = home.path("state/ledger.sqlite");
    let sealed = fs::read(&path).unwrap();

    // A record's own text, past SQLite: another reason for the waiver.
    let mut bytes = sealed.clone();
    let place = bytes.windows(6).position(|window| window == b"INC-12").expect("the waiver's reason");
    bytes[place + 5] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = home.run(&["verify", "--ledger", "state"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.out.contains("REFUSED  ") && said.out.contains("; the first: record "), "{}", said.out);

    fs::write(&path, &sealed).unwrap();
    let stored: Vec<u8> = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT bytes FROM blob WHERE codec = 'zstd' ORDER BY length(bytes) DESC LIMIT 1", [], |row| {
            row.get(0)
        })
        .unwrap();
    // Its largest stored content spills onto pages of its own; the end of one piece of it is enough to find it by.
    let piece = &stored[stored.len() - 400..stored.len() - 300];
    let mut bytes = sealed.clone();
    let place = bytes.windows(piece.len()).position(|window| window == piece).expect("the stored content");
    bytes[place + 50] ^= 1;
    fs::write(&path, bytes).unwrap();
    let json = home.run(&["verify", "--ledger", "state", "--json"]);
    assert_eq!(json.code, 4, "{json:?}");
    assert_eq!(json.json()["ok"], false);
}

#[test]
fn a_waiver_is_recorded_and_shows_and_one_without_limits_is_refused() {
    let home = home();
    let waive = |control: &str, days: &str, approver: &str| {
        let reason = ["--reason", "ticket OPS-7", "--approver", approver, "--expires-in", days];
        home.run(&[&["waive", control, "sample/shop#88@*"], &reason[..]].concat())
    };
    for (control, days, approver, why) in [
        ("SEC-999", "30d", "cto", "configured: AVL-001, AVL-008, SEC-001, SEC-004"),
        ("SEC-001", "500d", "cto", "366 days at most"),
        ("SEC-001", "30d", " ", "approver is empty"),
    ] {
        let said = waive(control, days, approver);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(why) && said.err.contains("hint: "), "{}", said.err);
    }
    let before = home.run(&["status", "--json"]).json();
    let said = waive("SEC-001", "30d", "cto");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with(&format!("recorded at index {}", before["records"])), "{}", said.out);
    let after = home.run(&["status", "--json"]).json();
    assert_eq!(after["as_of"], before["as_of"], "a sample's clock does not jump to our time");
    let waiver = &after["controls"][2]["waivers"][0];
    assert_eq!((&waiver["item"], &waiver["reason"]), (&json!("sample/shop#88@*"), &json!("ticket OPS-7")));
    let as_of = at(after["as_of"].as_str().unwrap());
    assert_eq!(at(waiver["expires"].as_str().unwrap()) - as_of, chrono::TimeDelta::days(30));
    let shown = home.run(&["status"]).out;
    assert!(shown.contains("SEC-001 waived by cto until "), "{shown}");
    let export = ["export", "--from", "2026-03-01", "--to", "2026-04-02", "--out", "b.zip"];
    assert_eq!(home.run(&export).code, 0);
    let waivers = files(&home.path("b.zip"))["data/controls/SEC-001/waivers.csv"].clone();
    assert!(String::from_utf8(waivers).unwrap().contains("ticket OPS-7"));
}

#[test]
fn unzip_and_sha256sum_agree_and_the_readme_says_sample_first() {
    let home = home_with_bundle();
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(Command::new(program("unzip")).arg("-q").arg(home.path("short.zip")).arg("-d").arg(home.path("out")));
    let folder = fs::read_dir(home.path("out")).unwrap().next().unwrap().unwrap().path();
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        run(Command::new(program("sha256sum")).args(["--quiet", "--strict", "-c", manifest]).current_dir(&folder));
    }
    let readme = fs::read_to_string(folder.join("README.txt")).unwrap();
    assert!(readme.starts_with("*** SAMPLE WITH A SIMULATED CLOCK ***"), "{readme}");
}

#[test]
fn the_sample_s_secrets_are_nowhere() {
    let demo = demo();
    let read = |name: &str| fs::read_to_string(demo.dir.join(name)).unwrap().trim().to_owned();
    let mut secrets = vec![read("sample-github-token"), read("sample-aws-secret")];
    assert!(secrets.iter().all(|secret| secret.len() > 10));
    let encoded: Vec<_> = secrets.iter().map(|s| base64::engine::general_purpose::STANDARD.encode(s)).collect();
    secrets.extend(encoded);
    let clean = |what: &str, bytes: &[u8]| {
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{what} holds a secret");
        }
    };
    clean("the output", demo.said.all().as_bytes());
    clean("the configuration", &fs::read(demo.dir.join("evidenced.toml")).unwrap());
    for entry in fs::read_dir(demo.dir.join("state")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            clean(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
    // Stored contents are packed: look into them as well.
    let home = home();
    let ledger = rusqlite::Connection::open(home.path("state/ledger.sqlite")).unwrap();
    let mut query = ledger.prepare("SELECT codec, bytes FROM blob").unwrap();
    let mut rows = query.query([]).unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().unwrap() {
        let (codec, bytes): (String, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let bytes = if codec == "zstd" { zstd::decode_all(&bytes[..]).unwrap() } else { bytes };
        clean("the ledger", &bytes);
        seen += 1;
    }
    assert!(seen > 1000, "{seen} contents");
    for (path, bytes) in files(&demo.dir.join("sample-bundle.zip")) {
        clean(&path, &bytes);
    }
}

#[test]
fn every_github_exchange_of_the_demo_is_as_github_publishes_it() {
    let files = files(&demo().dir.join("sample-bundle.zip"));
    let mut exchanges = Vec::new();
    for (path, head) in &files {
        let Some(body) = path.strip_suffix(".json").filter(|path| path.contains("/exchanges/")) else { continue };
        let head: Value = serde_json::from_slice(head).unwrap();
        if head["request"]["source"] == "github" {
            let body = files[&format!("{body}.body")].clone();
            exchanges.push(Exchange { head: serde_json::from_value(head).unwrap(), body: body.into() });
        }
    }
    assert!(exchanges.len() > 500, "{}", exchanges.len());
    let (held, said) = hold_to_schemas(&exchanges);
    assert!(held, "{said}");
    assert_eq!(said.trim(), format!("{} exchanges held to GitHub's published schemas", exchanges.len()));
}

#[test]
fn the_pages_of_the_sample_show_its_story_worst_first() {
    let files = files(&demo().dir.join("sample-bundle.zip"));
    let text = |path: &str| String::from_utf8(files[path].clone()).unwrap();
    let index = text("data/index.html");
    assert!(index.contains("SAMPLE WITH A SIMULATED CLOCK") && index.contains("nobody but the operator"), "{index}");
    for (control, reasons) in [
        ("SEC-001", ["direct-push", "stale-approval"].as_slice()),
        ("SEC-004", &["console-without-mfa", "iam:GenerateCredentialReport"]),
        ("SEC-013", &["not-logging"]),
        ("SEC-015", &["fixed-late"]),
        ("AVL-001", &["validation-failed", "failure-not-followed-up"]),
        ("AVL-008", &["rto-missed", "recovery-not-shown"]),
        ("SEC-019", &["training-overdue"]),
        ("SEC-026", &["not-documented"]),
    ] {
        assert!(index.contains(&format!("controls/{control}/index.html")), "{control}");
        let page = text(&format!("data/controls/{control}/index.html"));
        let first = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} is not on the page of {control}"));
        for reason in reasons {
            assert!(first(reason) < first("<h2>Gaps</h2>"), "{reason} of {control} comes after the gaps");
        }
        for part in ["<svg", "looked at", "Acting identity", "Whole because", "exchanges/", "Verdicts of the period"] {
            first(part);
        }
    }
    let states: Vec<&str> = index.split("class=\"w ").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let rank =
        |state: &&str| ["deviating", "indeterminate", "stale", "none", "effective"].iter().position(|s| s == state);
    assert!(states.iter().map(|state| rank(state).unwrap()).is_sorted(), "{states:?}");
}
