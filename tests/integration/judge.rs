//! The rules: against the truth table, against properties, and case by case where the text decides
//! and the table has no case.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests may")]

mod change;
mod drift;
mod facts;
mod mfa;
mod oracle;
mod policy;
mod properties;
mod restore;
mod verdict;

use evidenced::judge::cases;

const TABLE: &[u8] = include_bytes!("../truth-table.json");

#[test]
fn every_case_of_the_truth_table_has_its_outcome_and_its_reason() {
    let cases = cases::parse(TABLE).unwrap();
    assert_eq!(cases.len(), 58);
    let differences: Vec<String> = cases
        .iter()
        .map(|case| (case, case.judge().unwrap()))
        .filter(|(case, judgement)| case.expect.is_none() || !case.is_met_by(judgement))
        .map(|(case, judgement)| format!("{}: expected {:?}, got {judgement:?}", case.name, case.expect))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_file_of_cases_with_an_unknown_key_or_without_a_needed_one_is_refused() {
    let refused = |text: &str| cases::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(refused(r#"{"changes": []}"#).contains("unknown field `changes`"));
    assert!(refused("[").contains("EOF"));
    let mfa = |principal: &str| {
        let case = format!(
            r#"{{"name": "x", "expect": {{"outcome": "pass", "reason": "y"}}, "principal": {principal}, "policy": {{}}}}"#
        );
        format!(r#"{{"mfa_now": "2026-03-02T12:00:00Z", "mfa": [{case}]}}"#)
    };
    assert!(cases::parse(mfa(r#"{"kind": "iam", "password": true}"#).as_bytes()).is_ok());
    assert!(refused(&mfa(r#"{"kind": "iam", "pasword": true}"#)).contains("unknown field `pasword`"));
    assert!(refused(&mfa(r#"{"kind": "iam"}"#)).contains("case \"x\": password is missing"));
    assert!(refused(&mfa(r#"{"kind": "iam", "password": true, "devices": ["pager"]}"#)).contains("pager"));
    assert!(
        refused(
            r#"{"mfa": [{"name": "x", "expect": {"outcome": "pass", "reason": "y"}, "principal": {"kind": "root"}}]}"#
        )
        .contains("mfa_now")
    );
    assert!(cases::parse(&vec![b' '; cases::CASES_BYTES_MAX + 1]).unwrap_err().to_string().contains("over the limit"));
}
