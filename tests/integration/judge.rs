//! The rules: against the truth table, against properties, and case by case where the text decides
//! and the table has no case.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests may")]

mod attributes;
mod audit_log;
mod change;
mod document;
mod drift;
mod facts;
mod mfa;
mod objective;
mod oracle;
mod policy;
mod properties;
mod pushers;
mod register;
mod restore;
mod unknown;
mod verdict;
mod vulnerability;

use evidenced::judge::cases::{self, Case};
use evidenced::judge::{Judgement, Outcome, Part, attributes};
use std::collections::BTreeSet;

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

/// Outcomes and reasons that a test's table documents, but for those that are `waive`'s.
fn documented(rules: &str) -> BTreeSet<(Outcome, String)> {
    let rows = rules.lines().filter_map(|line| line.strip_prefix("//! | ")).filter(|row| !row.contains("see `waive`"));
    let cells = rows.map(|row| row.split(" | ").map(str::trim).collect::<Vec<_>>()).filter(|cells| cells.len() >= 3);
    let named = cells.filter(|cells| cells[1].starts_with('`'));
    named
        .map(|cells| {
            let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.word() == cells[0]);
            (outcome.unwrap_or_else(|| panic!("{} is no outcome", cells[0])), cells[1].trim_matches('`').to_owned())
        })
        .collect()
}

/// Some attribute of a case's item decides, gives the reason, and does what the outcome says.
#[track_caller]
fn something_decides(case: &Case, judgement: &Judgement) {
    let bases = attributes(&case.test, std::slice::from_ref(&case.reading), case.as_of, &case.item);
    let expected = match judgement.outcome {
        Outcome::Pass | Outcome::Excluded | Outcome::Waived => Part::For,
        Outcome::Deviation => Part::Against,
        Outcome::Indeterminate | Outcome::Pending => Part::Open,
    };
    let deciding: Vec<_> = bases.iter().flat_map(|basis| &basis.attributes).filter(|a| a.decides).collect();
    assert!(!deciding.is_empty(), "{}: nothing decides {judgement:?}", case.name);
    for attribute in deciding {
        assert_eq!((attribute.part, attribute.reason), (expected, Some(judgement.reason.as_str())), "{}", case.name);
        assert!(!attribute.facts.is_empty(), "{}: {attribute:?} rests on nothing", case.name);
    }
}

/// Every case of a file has its outcome and reason, something decides it, and every documented reason has a case.
fn hold_to(cases: &[u8], rules: &str) {
    let rules = documented(rules);
    let mut seen = BTreeSet::new();
    for case in cases::parse(cases).unwrap() {
        let judgement = case.judge().unwrap();
        assert!(case.expect.is_some() && case.is_met_by(&judgement), "{}: {judgement:?}", case.name);
        something_decides(&case, &judgement);
        seen.insert((judgement.outcome, judgement.reason));
    }
    assert_eq!(seen, rules);
}
