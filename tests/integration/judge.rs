//! The rules: against the truth table, against properties, and case by case where the text decides
//! and the table has no case.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests may")]

mod attributes;
mod change;
mod drift;
mod facts;
mod mfa;
mod objective;
mod oracle;
mod policy;
mod properties;
mod register;
mod restore;
mod unknown;
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
