//! `evidenced mcp`, asked by another implementation of the protocol: the Python SDK.

use super::Home;
use super::demo::home;
use crate::support::component;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Asks all of it in one session.
fn ask(config: &Path, questions: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acceptance/mcp_client.py");
    let mut command = Command::new(component(".venv/bin/python"));
    command.arg(script).arg(env!("CARGO_BIN_EXE_evidenced")).arg(config);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(questions.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn answers(config: &Path, questions: &Value) -> Vec<Value> {
    ask(config, questions)["answers"].as_array().unwrap().clone()
}

fn of<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value} in {list}"))
}

fn state(home: &Home) -> Vec<u8> {
    Sha256::digest(std::fs::read(home.path("state/ledger.sqlite")).unwrap()).to_vec()
}

#[test]
fn an_assistant_finds_what_fails_and_where_that_stands() {
    let home = home();
    let before = state(&home);
    let told = ask(
        &home.path("evidenced.toml"),
        &json!([
            ["get_status", {}],
            ["get_control", {"control": "SEC-001"}],
            ["get_drift", {}],
            ["get_history", {"control": "SEC-001", "from": "2026-01-01", "to": "2026-02-01"}],
            ["list_evidence", {"control": "SEC-001", "limit": 3}],
            ["get_gaps", {"type": "type1", "limit": 3}],
        ]),
    );
    assert!(told["told"].as_str().unwrap().contains("never instructions"), "{told}");
    for tool in told["tools"].as_array().unwrap() {
        assert_eq!(tool["read_only"], true, "{tool}");
    }
    let [status, control, drift, history, evidence, gaps] = told["answers"].as_array().unwrap().as_slice() else {
        panic!("{told}")
    };
    let sec_001 = of(&status["answer"]["controls"], "id", "SEC-001");
    let control = &control["answer"];
    assert_eq!(sec_001["state"], control["status"]["state"]);
    let said = home.run(&["status", "--json"]).json();
    assert_eq!(*of(&said["controls"], "id", "SEC-001"), control["status"], "the command says the same");
    assert_eq!(home.run(&["drift", "--json"]).json(), drift["answer"], "the command says the same");
    assert_eq!(
        home.run(&["history", "SEC-001", "--from", "2026-01-01", "--to", "2026-02-01", "--json"]).json(),
        history["answer"],
        "the command says the same"
    );
    let said = home.run(&["gaps", "--type", "type1", "--json"]).json();
    let found = said["gaps"].as_array().unwrap();
    assert_eq!(gaps["answer"]["found"], found.len());
    assert_eq!(*gaps["answer"]["gaps"].as_array().unwrap(), found[..3], "the command says the same");
    let said = home.run(&["readiness", "--type", "type1", "--json"]).json();
    assert_eq!(gaps["answer"]["readiness"], said["readiness"]);
    // From the failing item of the newest verdict to the record of its evidence, and to the place in it.
    let newest = control["evidence"].as_array().unwrap().last().unwrap();
    assert_eq!(evidence["answer"]["evidence"][0]["index"], *newest);
    let failing = control["failing"].as_array().unwrap();
    assert_eq!(control["failing_total"], failing.len());
    let all = ["SEC-001", "SEC-004", "AVL-001", "AVL-008"].map(|id| json!(["get_control", {"control": id}]));
    let found = answers(&home.path("evidenced.toml"), &json!(all));
    let (id, item) = found
        .iter()
        .find_map(|one| Some((one["answer"]["status"]["id"].clone(), one["answer"]["failing"].get(0)?["item"].clone())))
        .expect("something fails at the end of the demo");
    let verdict = &of_id(&found, &id)["verdict"];
    let more = answers(
        &home.path("evidenced.toml"),
        &json!([["explain_item", {"control": id, "item": item}], ["get_record", {"index": verdict}]]),
    );
    assert_eq!(more[0]["answer"]["judgement"]["item"], item, "{more:?}");
    assert_eq!(more[1]["answer"]["record"]["kind"], "verdict", "{more:?}");
    of(&more[1]["answer"]["files"], "name", "judgements.json");
    assert_eq!(state(&home), before, "nothing was written");
}

fn of_id<'a>(found: &'a [Value], id: &Value) -> &'a Value {
    &found.iter().find(|one| one["answer"]["status"]["id"] == *id).unwrap()["answer"]
}

#[test]
fn an_assistant_can_look_things_up() {
    let home = home();
    let found = answers(
        &home.path("evidenced.toml"),
        &json!([
            ["list_controls", {"criterion": "CC8.1", "configured": true}],
            ["get_control_guidance", {"id": "CC6.1"}],
            ["get_nist_mapping", {"id": "CC6.1"}],
            ["get_nist_mapping", {"id": "AC-2"}],
            ["search_guidance", {"query": "incident response", "limit": 3}],
        ]),
    );
    let listed: Vec<_> =
        found[0]["answer"]["controls"].as_array().unwrap().iter().map(|c| c["control"].clone()).collect();
    assert_eq!(listed, ["SEC-001"]);
    assert_eq!(found[1]["answer"]["criteria"][0]["id"], "CC6.1");
    of(&found[1]["answer"]["controls"], "id", "SEC-004");
    let nist = &found[2]["answer"]["criteria"][0]["nist"];
    assert!(nist.as_array().unwrap().contains(&json!("AC-2")), "{nist}");
    of(&found[3]["answer"]["criteria"], "id", "CC6.1");
    assert_eq!(found[4]["answer"]["hits"].as_array().unwrap().len(), 3);
}

#[test]
fn a_question_that_cannot_be_answered_says_why_and_the_next_one_is() {
    let home = home();
    let questions = json!([
        ["get_control", {"control": "SEC-999"}],
        ["get_control_guidance", {"id": "CC66.1"}],
        ["list_evidence", {}],
        ["list_evidence", {"control": "SEC-001", "limits": 3}],
        ["get_history", {"control": "SEC-001", "from": "spring"}],
        ["get_record", {"index": 99_999_999}],
        ["waive", {"control": "SEC-001"}],
        ["search_guidance", {"query": "x".repeat(100_000)}],
        ["get_status", {}],
    ]);
    let found = answers(&home.path("evidenced.toml"), &questions);
    for (answer, words) in
        found.iter().zip(["SEC-999", "hint:", "one of", "limits", "write a date", "99999999", "tool not found"])
    {
        assert!(answer.get("answer").is_none() && answer.to_string().contains(words), "{words}: {answer}");
    }
    assert!(found[7]["error"].as_str().unwrap().contains("hint:"), "{found:?}");
    assert!(found.last().unwrap()["answer"]["controls"].is_array(), "{found:?}");
    // A ledger that is not there is an error, and never an answer without controls.
    std::fs::remove_dir_all(home.path("state")).unwrap();
    let found = answers(&home.path("evidenced.toml"), &json!([["get_status", {}], ["get_drift", {}]]));
    assert!(found.iter().all(|answer| answer["error"].is_string()), "{found:?}");
}
