//! `scope`, `tracker`, `gaps`, `readiness` and `remediation` over the sample company's ninety days, whose story is
//! known.

use super::demo::home;
use super::{Home, Said, evidenced};
use crate::bundle::opened::{pages, python, said};
use crate::support::program;
use chrono::TimeDelta;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

const Q1: [&str; 4] = ["--type", "type2", "--period", "2026-Q1"];

fn run(home: &Home, command: &str, more: &[&str]) -> Said {
    home.run(&[&[command], &Q1[..], more].concat())
}

fn one<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|one| one[key] == name).unwrap_or_else(|| panic!("{name}: {list:#}"))
}

#[test]
fn the_tracker_counts_evidence_and_not_words() {
    let home = home();
    let said = home.run(&["tracker", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let tracker = said.json();
    let first = one(&tracker["controls"], "control", "SEC-004");
    assert_eq!((&first["evidence_is"], &first["state"]), (&json!("collected"), &json!("implemented")));
    assert_eq!(first["due_next"], "2026-04-01T12:20:00Z");
    assert!(first["evidence"]["record"].as_u64().is_some(), "{first}");
    let failing = one(&tracker["controls"], "control", "AVL-008");
    assert_eq!(failing["evidence_is"], "failing");
    assert!(failing["missing"].as_str().unwrap().contains("rto-missed"), "{failing}");
    assert_eq!(one(&tracker["controls"], "control", "SEC-027")["evidence_is"], "no_evidence");
    let counts = &tracker["counts"];
    let total: f64 = counts.as_object().unwrap().values().map(|count| count.as_f64().unwrap()).sum();
    let by_hand = (counts["collected"].as_f64().unwrap() / total * 1000.0).round() / 10.0;
    assert!((tracker["evidence_readiness"].as_f64().unwrap() - by_hand).abs() < 1e-9, "{tracker:#}");
    assert_eq!(home.run(&["tracker", "--fail-on", "not-ready"]).code, 3);
    // Four days later nobody has collected: what was fresh is stale.
    let later = home.run(&["tracker", "--as-of", "2026-04-05", "--json"]).json();
    assert_eq!(one(&later["controls"], "control", "SEC-004")["evidence_is"], "stale");
    assert_eq!(later["counts"]["collected"], Value::Null);
    // And on the day of the push past review, that was what the newest evidence showed.
    let then = home.run(&["tracker", "--as-of", "2026-01-21", "--json"]).json();
    let pushed = one(&then["controls"], "control", "SEC-001");
    assert!(pushed["missing"].as_str().unwrap().contains("direct-push"), "{pushed}");
    let markdown = home.run(&["tracker"]).out;
    assert!(markdown.starts_with("# Evidence\n\n**SAMPLE"), "{markdown}");
}

#[test]
fn the_gaps_of_the_sample_are_those_of_its_story() {
    let home = home();
    let said = run(&home, "gaps", &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let gaps = said.json();
    let gap = |id: &str| one(&gaps["gaps"], "gap_id", id).clone();
    let push = gap("GAP-SEC-001-operating-operating-consistency");
    assert_eq!((&push["severity"], &push["opened_at"]), (&json!("critical"), &json!("2026-01-30T00:00:00Z")));
    assert!(push["current_state"].as_str().unwrap().contains("stale-approval"), "{push}");
    assert_eq!(gap("GAP-CC1.5-missing")["opened_at"], "2026-01-01T00:00:00Z");
    let slow = gap("GAP-AVL-008-operating-operating-consistency");
    assert!(slow["current_state"].as_str().unwrap().contains("orders-db 2026Q1 (rto-missed)"), "{slow}");
    let confirmed = |gaps: &Value| one(&gaps["operation"]["AVL-001"], "check", "owner_accountability").clone();
    assert_eq!(confirmed(&gaps)["passed"], "open", "the quarter is just over: {}", confirmed(&gaps));
    let later = run(&home, "gaps", &["--as-of", "2026-04-15", "--json"]).json();
    let unsigned = one(&later["gaps"], "gap_id", "GAP-AVL-001-operating-owner-accountability");
    assert_eq!(unsigned["opened_at"], "2026-04-15T00:00:00Z");
    assert!(unsigned["current_state"].as_str().unwrap().contains("2026-Q1"), "{unsigned}");
    let checks = gaps["operation"]["AVL-001"].as_array().unwrap();
    assert_eq!(checks.len(), 6);
    let unexplained = one(&gaps["operation"]["AVL-001"], "check", "exception_handling");
    assert_eq!(unexplained["passed"], "no", "{unexplained}");
    assert!(unexplained["says"].as_str().unwrap().contains("no record says why"), "{unexplained}");
    assert_eq!(one(&gaps["criteria"], "criterion", "CC7.5")["state"], "covered");
    assert_eq!(gaps["criteria_coverage"], 30.6, "11 of 36");
    for (severity, code) in [("critical", 3), ("low", 3)] {
        assert_eq!(run(&home, "gaps", &["--fail-on", severity]).code, code);
    }
    // Before the push, nothing of it.
    let early = home.run(&["gaps", "--type", "type2", "--period", "2026-Q1", "--as-of", "2026-01-15", "--json"]).json();
    let ids = early["gaps"].to_string();
    assert!(!ids.contains("GAP-SEC-001-operating") && ids.contains("GAP-CC1.5-missing"), "{ids}");
    let first = home.run(&["gaps", "--json"]).json();
    assert_eq!((&first["type"], first.get("operation")), (&json!("type1"), None));
    // A control that is taken out does not go without a word.
    let told = "SEC-026 was judged in the period, and is not configured any more";
    assert!(!gaps["warnings"].to_string().contains(told), "{}", gaps["warnings"]);
    let config = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    let (before, after) = config.split_once("[controls.SEC-026]").unwrap();
    let rest = after.split_once("\n[").map_or_else(String::new, |(_, rest)| format!("[{rest}"));
    fs::write(home.path("evidenced.toml"), format!("{before}{rest}")).unwrap();
    let less = run(&home, "gaps", &["--json"]).json();
    assert!(less["warnings"].to_string().contains(told), "{}", less["warnings"]);
}

#[test]
fn a_type_ii_report_needs_a_period_and_a_pack_takes_none() {
    let home = home();
    for command in ["gaps", "readiness", "remediation"] {
        let said = home.run(&[command, "--type", "type2"]);
        assert!(said.code == 2 && said.err.contains("hint: set [scope.period]"), "{said:?}");
    }
    let said = home.run(&["gaps", "--seed-compat", "x.json", "--period", "2026-Q1"]);
    assert!(said.code == 2 && said.err.contains("cannot be used with"), "{said:?}");
}

#[test]
fn the_readiness_of_the_sample_is_that_of_its_parts() {
    let home = home();
    let said = run(&home, "readiness", &["--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let readiness = said.json();
    let parts = readiness["controls"].as_array().unwrap();
    let sum = |key: &dyn Fn(&Value) -> f64| parts.iter().map(key).sum::<f64>();
    let weight = |part: &Value| part["weight"].as_f64().unwrap();
    let exact = 100.0 * sum(&|part| weight(part) * part["share"].as_f64().unwrap()) / sum(&weight);
    assert!((readiness["readiness"].as_f64().unwrap() - exact).abs() <= 0.05, "{exact}");
    assert_eq!((&readiness["rating"], readiness["caps"].as_array().unwrap().len()), (&json!("Not Ready"), 3));
    let push = one(&readiness["controls"], "control", "SEC-001");
    assert_eq!((&push["occurrences"], push["deviations"][0].as_u64()), (&json!([89, 90]), Some(2)));
    assert_eq!(run(&home, "readiness", &["--fail-on", "not-ready"]).code, 3);
    let text = run(&home, "readiness", &[]).out;
    assert!(text.contains("Readiness is management's own measure, and not an audit result."), "{text}");
    let csv = run(&home, "readiness", &["--format", "csv"]).out;
    assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().count(), parts.len());
}

#[test]
fn deviations_are_counted_against_what_a_sample_of_the_same_period_is_drawn_from() {
    let home = home();
    let periods = [
        // A repository and two alerts, one of them mended late, in the verdicts of ninety days: three items.
        ("SEC-015", "2026-Q1", [1, 3]),
        // What landed in February is in the look-back of verdicts of March, and none of March's.
        ("SEC-001", "2026-03", [1, 43]),
        ("SEC-001", "2026-Q1", [2, 128]),
    ];
    // A sample is a record of today: what is known is asked for first.
    let told: Vec<Value> = periods
        .iter()
        .map(|(control, period, _)| {
            let said = home.run(&["readiness", "--type", "type2", "--period", period, "--json"]);
            one(&said.json()["controls"], "control", control)["deviations"].clone()
        })
        .collect();
    for ((control, period, by_hand), deviations) in periods.iter().zip(told) {
        let draw = ["sample", "--control", control, "--period", period, "--size", "1", "--seed", "x", "--json"];
        let drawn = home.run(&draw).json();
        assert_eq!(deviations[1], drawn["sample"]["population"]["size"], "{control} {period}");
        assert_eq!(deviations, json!(by_hand), "{control} {period}");
    }
}

/// A folder with a register of people, one of whom has left, and lost the account in time.
fn workforce() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let left = SystemClock.now() - TimeDelta::days(3);
    let second = |hours| (left + TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let people = "person,engagement,start,end,leave_start,leave_end,screened_on";
    let rows = format!("p-1,employee,2024-01-01,,,,2023-12-01\np-2,employee,2024-01-01,{},,,2023-12-01\n", second(0));
    fs::write(dir.path().join("people.csv"), format!("{people}\n{rows}")).unwrap();
    let accounts = "system,account,person,granted_at,requested_by,approved_by,approved_at,removed_at,last_used_at";
    let rows = format!("github,ben,p-2,,,,,{},never\n", second(2));
    fs::write(dir.path().join("accounts.csv"), format!("{accounts}\n{rows}")).unwrap();
    dir
}

fn over_workforce(id: &str, test: &str) -> String {
    format!(
        "[controls.{id}]\ntitle = 't'\ncriteria = ['CC6.2']\nowner = 'o'\nseverity = 'high'\n\
         collectors = ['workforce']\ntest = '{test}'\nfrequency = 'weekly'\n"
    )
}

#[test]
fn what_was_read_before_a_control_was_there_is_no_reading_of_it_and_a_list_that_is_read_again_is_closed() {
    let dir = workforce();
    let settings = json!({ "register": "workforce", "directory": dir.path(),
        "files": { "people": "people.csv", "accounts": "accounts.csv" } });
    let settings: toml::Value = serde_json::from_value(settings).unwrap();
    let home = Home::configured(&format!(
        "organization = 'Test Ltd'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
         [collectors.workforce]\nkind = 'register'\nschedule = '0 * * * *'\nsettings = {settings}\n{}",
        over_workforce("SEC-009", "leavers")
    ));
    assert_eq!(home.collect(&[]).1["end"], "done");
    let (people, good) = (dir.path().join("people.csv"), fs::read(dir.path().join("people.csv")).unwrap());
    fs::write(&people, [&good[..], b"p-3,employee,3/4/2026,,,,\n"].concat()).unwrap();
    assert_eq!(home.collect(&[]).1["end"], "incomplete");
    fs::write(&people, good).unwrap();
    assert_eq!(home.collect(&[]).1["end"], "done");
    home.configure(&over_workforce("SEC-008", "access_grant"));
    assert_eq!(home.run(&["config", "apply"]).code, 0);
    assert_eq!(home.collect(&[]).1["end"], "done");

    let day = |days| (SystemClock.now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    let of =
        |command: &str| home.run(&[command, "--type", "type2", "--from", &day(-1), "--to", &day(2), "--json"]).json();
    let (gaps, readiness) = (of("gaps"), of("readiness"));
    let says = |control: &str, check: &str| {
        let checked = one(&gaps["operation"][control], "check", check);
        let text = |key: &str| checked[key].as_str().unwrap().to_owned();
        (text("passed"), text("says"))
    };
    for (control, collections, complete) in [("SEC-009", 4, 3), ("SEC-008", 1, 1)] {
        let sealed = says(control, "evidence_timestamps").1;
        assert_eq!(sealed, format!("{collections} collections sealed in time and in order"), "{control}");
        let read = says(control, "frequency_adherence").1;
        assert!(read.contains(&format!(": {complete} complete readings")), "{control}: {read}");
    }
    // The list could not be read, and was read a moment later: nothing is left of it but a cause to be told.
    assert_eq!(says("SEC-009", "operating_consistency"), ("open".to_owned(), "1 bad items, all closed".to_owned()));
    assert_eq!(says("SEC-009", "exception_handling").0, "open", "{:?}", says("SEC-009", "exception_handling"));
    let leavers = one(&readiness["controls"], "control", "SEC-009");
    assert_eq!(
        (&leavers["state"], &leavers["deviations"]),
        (&json!("effective"), &json!([0, 1])),
        "no list is an item"
    );
    let given = one(&readiness["controls"], "control", "SEC-008");
    assert_eq!(given["deviations"], json!([1, 1]), "nobody approved the account: {given}");
}

#[test]
fn a_ledger_that_was_changed_has_no_score_and_every_report_says_so_and_exits_4() {
    let home = home();
    let ledger = rusqlite::Connection::open(home.path("state/ledger.sqlite")).unwrap();
    let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
    let triggers: Vec<String> =
        ledger.prepare(triggers).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    triggers.iter().for_each(|name| ledger.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
    let changed = ledger
        .execute("UPDATE entry SET record = CAST(replace(CAST(record AS TEXT), 'a', 'b') AS BLOB) WHERE idx = 3", []);
    assert_eq!(changed.unwrap(), 1);
    drop(ledger);
    let readiness = run(&home, "readiness", &["--json"]);
    assert_eq!(readiness.code, 4, "{readiness:?}");
    let json = readiness.json();
    assert_eq!((&json["readiness"], &json["rating"]), (&Value::Null, &json!("Integrity failure")));
    assert!(json["integrity"].as_str().unwrap().contains("record 3"), "{json:#}");
    for command in ["gaps", "remediation"] {
        let said = run(&home, command, &["--json"]);
        assert_eq!(said.code, 4, "{said:?}");
        assert_eq!(one(&said.json()["gaps"], "gap_id", "GAP-LEDGER-integrity")["severity"], "critical");
    }
    let tracker = home.run(&["tracker", "--json"]);
    assert_eq!((tracker.code, &tracker.json()["evidence_readiness"]), (4, &json!(0.0)), "{tracker:?}");
    let page = run(&home, "readiness", &["--format", "html"]);
    assert!(page.code == 4 && page.out.contains("Integrity failure"), "{page:?}");
}

#[test]
fn the_plan_of_the_sample_can_be_read_by_programs_of_others() {
    let home = home();
    let plan = run(&home, "remediation", &["--json"]).json();
    let tasks = plan["gaps"].as_array().unwrap();
    let push = one(&plan["gaps"], "gap_id", "GAP-SEC-001-operating-operating-consistency");
    assert_eq!((&push["priority"], &push["target_date"]), (&json!("critical"), &json!("2026-02-27")), "28 days");
    assert_eq!((&push["status"], &push["owner"]), (&json!("overdue"), &json!("Head of Engineering")));
    let missing = one(&plan["gaps"], "gap_id", "GAP-CC1.5-missing");
    assert!(missing["days_lost"].as_i64().unwrap() > 0, "the period has begun: {missing}");
    assert_eq!(run(&home, "remediation", &["--fail-on", "critical"]).code, 3);
    let file = |name: &str, format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        let dir = home.path("evidenced.toml");
        command.current_dir(dir.parent().unwrap()).arg("remediation").args(Q1).args(["--format", format]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        fs::write(home.path(name), output.stdout).unwrap();
        home.path(name).to_str().unwrap().to_owned()
    };
    let output = python("tests/pages/tasks.py", &[&file("plan.ics", "ics")]);
    assert!(output.status.success(), "{}", said(&output));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let closed = plan["closed"].as_array().unwrap();
    let repaired = one(&plan["closed"], "gap_id", "GAP-SEC-004-operating-operating-consistency");
    assert_eq!((&repaired["status"], repaired["closing_evidence"].as_array().unwrap().len()), (&json!("closed"), 1));
    assert!(repaired["closed_at"].as_str() > repaired["opened_at"].as_str(), "{repaired}");
    assert_eq!(run(&home, "remediation", &["--json"]).json()["closed"], plan["closed"], "every run says the same");
    assert_eq!(read.as_array().unwrap().len(), tasks.len() + closed.len());
    for todo in &read.as_array().unwrap()[tasks.len()..] {
        assert_eq!((&todo["status"], &todo["due"]), (&json!("COMPLETED"), &Value::Null), "{todo}");
    }
    for (todo, task) in read.as_array().unwrap().iter().zip(tasks) {
        assert_eq!(todo["due"], task["target_date"]);
        let (id, title) = (task["gap_id"].as_str().unwrap(), task["title"].as_str().unwrap());
        assert_eq!(todo["summary"], format!("SAMPLE: {id}: {title}"));
        assert_eq!(todo["related"].as_array().unwrap().len(), task["dependencies"].as_array().unwrap().len());
        for action in task["actions"].as_array().unwrap() {
            assert!(todo["description"].as_str().unwrap().contains(action.as_str().unwrap()), "{action} {todo}");
        }
    }
    let output = python("tests/pages/sheets.py", &[&file("plan.xlsx", "xlsx")]);
    assert!(output.status.success(), "{}", said(&output));
    let book: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = book["sheets"]["Remediation"].as_array().unwrap();
    assert_eq!(rows.len(), tasks.len() + closed.len() + 1);
    assert_eq!(rows[1][0], json!(["s", tasks[0]["gap_id"]]));
    let markdown = run(&home, "remediation", &[]).out;
    assert!(markdown.contains("**The period has begun: ") && markdown.contains("## Load"), "{markdown}");
}

#[test]
fn the_page_runs_nothing_loads_nothing_and_prints() {
    let home = home();
    let evil = "Peer <script>alert(1)</script> \\\"review\\\" & \\u202emore";
    let config = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    let config = config.replacen("title = \"Peer review before merge\"", &format!("title = \"{evil}\""), 1);
    fs::write(home.path("evidenced.toml"), config).unwrap();
    let html = run(&home, "readiness", &["--format", "html"]);
    assert_eq!(html.code, 0, "{html:?}");
    fs::create_dir(home.path("page")).unwrap();
    fs::write(home.path("page/index.html"), &html.out).unwrap();
    let output = pages(&home.path("page"));
    assert!(output.status.success(), "{}", said(&output));
    assert!(html.out.contains("Peer &lt;script&gt;alert(1)&lt;/script&gt;") && html.out.contains("⟨U+202E⟩more"));
    let drive = crate::support::component("tests/browser/print.mjs");
    let mut command = Command::new(program("node"));
    let output = command.arg(drive).arg(program("chromium")).arg(home.path("page/index.html")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(printed["sheets"].as_u64().unwrap() > 1, "{printed}");
    assert_eq!((&printed["requests"], &printed["blocked"], &printed["scripts"]), (&json!([]), &json!([]), &json!(0)));
    let text = printed["text"].as_str().unwrap();
    for words in [
        "SOC 2 readiness of Sample Company",
        "What keeps the score down",
        "Scope",
        "Timeline",
        "GAP-CC1.5-missing",
        "SAMPLE",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

#[test]
fn a_scope_is_made_from_a_few_answers_and_can_be_pasted() {
    let home = home();
    let flags = ["scope", "--sells", "saas,data", "--personal-data", "--start", "2026-01-01", "--months", "3"];
    let table = home.run(&flags);
    assert_eq!(table.code, 0, "{table:?}");
    let categories =
        "categories = [\"security\", \"availability\", \"confidentiality\", \"processing-integrity\", \"privacy\"]";
    assert!(table.out.contains(categories), "{}", table.out);
    let json = home.run(&[&flags[..], &["--json"]].concat()).json();
    let period = serde_json::json!({ "start": "2026-01-01", "end": "2026-04-01", "type": "type2" });
    assert_eq!((&json["scope"]["period"], &json["scope"]["categories"][0]), (&period, &"security".into()), "{json}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    command.args(["scope", "--ask"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"cars\napi\nn\ny\n\n\n2\n2026-01-01\n3\n").unwrap();
    let asked = child.wait_with_output().unwrap();
    let out = String::from_utf8(asked.stdout).unwrap();
    assert!(asked.status.success() && out.contains("categories = [\"security\", \"availability\"]"), "{out}");
    assert!(String::from_utf8_lossy(&asked.stderr).contains("some of the four"));
    home.configure(&format!("\n{out}"));
    let scope = home.run(&["scope"]);
    assert_eq!(scope.code, 0, "{scope:?}");
    assert!(scope.out.contains("period: 2026-01-01 until before 2026-04-01, type2"), "{}", scope.out);
    assert!(scope.out.contains("warning: the boundary of the system is not described"), "{}", scope.out);
    // What is asked for follows from it.
    assert_eq!(home.run(&["readiness", "--json"]).json()["type"], "type2");
    assert_eq!(evidenced(home.path("state").as_path(), &["scope", "--sells", "cars"]).code, 2);
}
