//! The rules against the truth table.

use evidenced::judge::cases;

const TABLE: &[u8] = include_bytes!("../truth-table.json");

#[test]
fn every_case_of_the_truth_table_has_its_outcome_and_its_reason() {
    let cases = cases::parse(TABLE).unwrap();
    assert_eq!(cases.len(), 58);
    let differences: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let judgement = case.judge();
            if judgement.as_ref().is_some_and(|judgement| case.is_met_by(judgement)) {
                return None;
            }
            Some(format!("{}: expected {:?} {}, got {judgement:?}", case.name, case.outcome, case.reason))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
