//! The rules for documents: every case of the file, every documented reason in it, and which units are in view.

use super::facts::at;
use evidenced::judge::{Outcome, Reading, Test, Verdict, VerdictOutcome, Waiver, attributes, judge};
use evidenced_collectors::contract::{Document, Fact, Items, Standing};
use serde_json::{Value, json};

const CASES: &[u8] = include_bytes!("../../cases/documented.json");
const RULES: &str = include_str!("../../../src/judge/documented.rs");

#[test]
fn every_case_has_its_outcome_and_every_documented_reason_has_a_case() {
    super::hold_to(CASES, RULES);
}

fn document(as_of: &str) -> Document {
    Document {
        file: format!("{as_of}.pdf"),
        control: "SEC-022".to_owned(),
        as_of: as_of.parse().unwrap(),
        added_at: at(&format!("{as_of}T12:00:00Z")),
        by: "anna".to_owned(),
        note: None,
        sha256: "0".repeat(64),
        size: 1,
        standing: Standing::Kept,
        withdrawn: None,
    }
}

fn reading(documents: Vec<Document>, as_of: &str) -> Reading {
    let items = Some(Items::Documents(documents));
    Reading { collector: "documents".to_owned(), as_of: at(as_of), items, unread: Vec::new() }
}

fn judged(policy: &Value, documents: Vec<Document>, waivers: &[Waiver], now: &str) -> Verdict {
    let test = Test::parse("documented", policy).unwrap();
    judge(&test, &[reading(documents, now)], waivers, at(now))
}

#[test]
fn the_units_in_view_are_the_present_one_and_the_last_and_the_one_before_in_its_grace() {
    let items = |policy: Value, now: &str| -> Vec<String> {
        judged(&policy, Vec::new(), &[], now).judgements.into_iter().map(|judgement| judgement.item).collect()
    };
    let quarter = || json!({ "control": "SEC-022" });
    assert_eq!(items(quarter(), "2026-04-14T23:59:59Z"), ["2025-Q4", "2026-Q1", "2026-Q2"]);
    assert_eq!(items(quarter(), "2026-04-15T00:00:00Z"), ["2026-Q1", "2026-Q2"]);
    let since = json!({ "control": "SEC-022", "since": "2026-04-01" });
    assert_eq!(items(since, "2026-04-20T00:00:00Z"), ["2026-Q2"], "the first quarter ended before it began");
    let month = json!({ "control": "SEC-022", "every": "month", "grace_days": 0 });
    assert_eq!(items(month, "2026-01-20T00:00:00Z"), ["2025-12", "2026-01"]);
}

#[test]
fn a_missing_document_is_never_mended_by_waiting_and_nothing_is_no_pass_forever() {
    let policy = json!({ "control": "SEC-022", "every": "month" });
    let outcome = |now: &str| judged(&policy, vec![document("2026-01-10")], &[], now).outcome;
    assert_eq!(outcome("2026-02-14T00:00:00Z"), VerdictOutcome::Deviation, "December, in January's grace");
    assert_eq!(outcome("2026-02-20T00:00:00Z"), VerdictOutcome::Pass);
    for later in ["2026-03-15T00:00:00Z", "2026-06-01T00:00:00Z", "2030-01-01T00:00:00Z"] {
        assert_eq!(outcome(later), VerdictOutcome::Deviation, "{later}");
    }
    let nobody = judged(&json!({}), vec![document("2026-01-10")], &[], "2026-01-20T00:00:00Z");
    assert_eq!(nobody.outcome, VerdictOutcome::Indeterminate, "{nobody:?}");
}

#[test]
fn who_added_a_document_cannot_waive_what_is_wrong_with_it() {
    let policy = json!({ "control": "SEC-022" });
    let late = Document { added_at: at("2026-03-20T00:00:00Z"), ..document("2026-01-10") };
    for (approver, outcome) in [("Anna", Outcome::Deviation), ("ceo", Outcome::Waived)] {
        let waiver = Waiver {
            item: "2026-Q1".to_owned(),
            approver: approver.to_owned(),
            approved_at: at("2026-03-25T00:00:00Z"),
            expires: at("2026-05-01T00:00:00Z"),
            revoked_at: None,
        };
        let verdict = judged(&policy, vec![late.clone()], &[waiver], "2026-03-31T00:00:00Z");
        let item = verdict.judgements.iter().find(|judgement| judgement.item == "2026-Q1").unwrap();
        assert_eq!(item.outcome, outcome, "{approver}");
    }
}

#[test]
fn what_people_are_shown_names_the_document_and_where_its_absence_is_seen() {
    let test = Test::parse("documented", &json!({ "control": "SEC-022" })).unwrap();
    let now = at("2026-05-31T12:00:00Z");
    let readings = [reading(vec![document("2026-04-10")], "2026-05-31T12:00:00Z")];
    let facts = |item: &str| -> Vec<Fact> {
        let mut bases = attributes(&test, &readings, now, item);
        assert_eq!(bases.len(), 1, "{item}");
        bases.remove(0).attributes.into_iter().flat_map(|attribute| attribute.facts).collect()
    };
    let of = |side: &'static str| Fact::Document { file: "2026-04-10.pdf".to_owned(), side };
    assert!(facts("2026-Q2").contains(&of("bytes")) && facts("2026-Q2").contains(&of("as_of")));
    assert!(facts("2026-Q1").contains(&Fact::List("documents")));
}
