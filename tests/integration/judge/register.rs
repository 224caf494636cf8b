//! The tests of registers: their worked cases, their documented reasons, and what people are shown of them.

use super::facts::at;
use evidenced::judge::{Outcome, Part, Test, attributes, cases, judge};
use evidenced_collectors::contract::{Fact, Items};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const CASES: &[u8] = include_bytes!("../../registers.json");

/// The rules of each test, whose table of reasons is held against its cases.
const RULES: [(&str, &str); 9] = [
    ("access_grant", include_str!("../../../src/judge/access_grant.rs")),
    ("access_review", include_str!("../../../src/judge/access_review.rs")),
    ("acknowledgement", include_str!("../../../src/judge/acknowledgement.rs")),
    ("asset_inventory", include_str!("../../../src/judge/asset_inventory.rs")),
    ("incident_response", include_str!("../../../src/judge/incident_response.rs")),
    ("leavers", include_str!("../../../src/judge/leavers.rs")),
    ("risk_assessment", include_str!("../../../src/judge/risk_assessment.rs")),
    ("training", include_str!("../../../src/judge/training.rs")),
    ("vendor_review", include_str!("../../../src/judge/vendor_review.rs")),
];

#[test]
fn every_case_of_a_register_is_judged_as_it_says() {
    let cases = cases::parse(CASES).unwrap();
    assert!(cases.len() > 300, "{}", cases.len());
    let differences: Vec<String> = cases
        .iter()
        .map(|case| (case, case.judge().unwrap()))
        .filter(|(case, judgement)| case.expect.is_none() || !case.is_met_by(judgement))
        .map(|(case, judgement)| format!("{}: expected {:?}, got {judgement:?}", case.name, case.expect))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_reason_that_a_test_of_a_register_documents_has_a_case_and_no_other_occurs() {
    let mut met: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for case in cases::parse(CASES).unwrap() {
        let judgement = case.judge().unwrap();
        let reason = (judgement.outcome.word().to_owned(), judgement.reason);
        met.entry(case.test.name().to_owned()).or_default().insert(reason);
    }
    for (test, rules) in RULES {
        let rows = rules.lines().filter_map(|line| line.strip_prefix("//! | ")).filter(|line| line.contains('`'));
        let documented: BTreeSet<(String, String)> = rows
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[0].to_owned(), cells[1].trim_matches('`').to_owned())
            })
            .collect();
        assert_eq!(met[test], documented, "{test}");
    }
}

#[test]
fn what_people_are_shown_of_a_register_decides_as_the_judge_did_and_rests_on_rows() {
    for case in cases::parse(CASES).unwrap() {
        let judgement = case.judge().unwrap();
        let bases = attributes(&case.test, std::slice::from_ref(&case.reading), case.as_of, &case.item);
        let [basis] = bases.as_slice() else { panic!("{}: {} bases", case.name, bases.len()) };
        let deciding: Vec<_> = basis.attributes.iter().filter(|attribute| attribute.decides).collect();
        let part = match judgement.outcome {
            Outcome::Pass | Outcome::Excluded | Outcome::Waived => Part::For,
            Outcome::Deviation => Part::Against,
            Outcome::Indeterminate | Outcome::Pending => Part::Open,
        };
        assert!(!deciding.is_empty(), "{}", case.name);
        for attribute in &deciding {
            assert_eq!((attribute.part, attribute.reason), (part, Some(judgement.reason.as_str())), "{}", case.name);
        }
        let stands = |fact: &Fact| matches!(fact, Fact::Row(_) | Fact::List(_));
        assert!(deciding.iter().any(|attribute| attribute.facts.iter().any(stands)), "{}: no place", case.name);
    }
}

#[test]
fn nobody_left_and_no_incident_did_not_occur_and_no_people_and_no_vendors_are_no_pass() {
    let judged = |test: &str, items: Value| {
        let items: Items = serde_json::from_value(items).unwrap();
        let test = Test::parse(test, &Value::Null).unwrap();
        let reading = evidenced::judge::Reading {
            collector: "one".to_owned(),
            as_of: at("2026-03-31T12:00:00Z"),
            items: Some(items),
            unread: Vec::new(),
        };
        judge(&test, &[reading], &[], at("2026-03-31T12:00:00Z"))
    };
    let people = serde_json::json!([{ "person": "p", "engagement": "employee", "start": "2024-01-01" }]);
    let none = judged("leavers", serde_json::json!({ "workforce": { "people": people, "accounts": [] } }));
    assert_eq!((none.outcome.word(), none.judgements.len()), ("pass", 0));
    for (test, items) in [
        ("leavers", serde_json::json!({ "workforce": { "people": [], "accounts": [] } })),
        ("training", serde_json::json!({ "workforce": { "people": [], "training": [] } })),
        ("vendor_review", serde_json::json!({ "vendors": { "vendors": [] } })),
        ("leavers", serde_json::json!({ "workforce": {} })),
    ] {
        assert_eq!(judged(test, items).outcome.word(), "indeterminate", "{test}");
    }
}

#[test]
fn an_approver_who_gains_by_it_cannot_accept_a_leaver_s_account() {
    let case = cases::parse(CASES).unwrap().into_iter().find(|case| case.name == "leavers: not removed").unwrap();
    for (approver, outcome) in [("P-1", Outcome::Deviation), ("ceo", Outcome::Waived)] {
        let waiver = evidenced::judge::Waiver {
            item: "p-1 *".to_owned(),
            approver: approver.to_owned(),
            approved_at: case.as_of - chrono::TimeDelta::days(1),
            expires: case.as_of + chrono::TimeDelta::days(1),
            revoked_at: None,
        };
        let verdict = judge(&case.test, std::slice::from_ref(&case.reading), &[waiver], case.as_of);
        assert_eq!(verdict.judgements[0].outcome, outcome, "{approver}");
    }
}
