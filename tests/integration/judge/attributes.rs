//! What people are shown of a restore test's judgement, held against the judgement itself.

use super::facts::{at, reading, restore, restores, store, test};
use super::properties::restore_tests;
use evidenced::judge::{Attribute, Judgement, Outcome, Part, Reading, attributes, judge};
use evidenced_collectors::contract::{Fact, RestoreStatus, RestoreTest, Store};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

const APRIL: &str = "2026-04-20T00:00:00Z";
const RULES: &str = include_str!("../../../src/judge/restore_test/mod.rs");

/// Each item's judgement, with its attributes.
fn explained(asks: &str, readings: &[Reading], as_of: &str) -> Vec<(Judgement, Vec<Attribute>)> {
    let test = test("restore_test", &json!({ "asks": asks }));
    let verdict = judge(&test, readings, &[], at(as_of));
    let explained = |judgement: Judgement| {
        let bases = attributes(&test, readings, at(as_of), &judgement.item);
        (judgement, bases.into_iter().flat_map(|basis| basis.attributes).collect())
    };
    verdict.judgements.into_iter().map(explained).collect()
}

/// Something decides, and it does what the outcome says.
fn check(judgement: &Judgement, attributes: &[Attribute]) -> Result<(), String> {
    let expected = match judgement.outcome {
        Outcome::Pass | Outcome::Excluded | Outcome::Waived => Part::For,
        Outcome::Deviation => Part::Against,
        Outcome::Indeterminate | Outcome::Pending => Part::Open,
    };
    let deciding: Vec<&Attribute> = attributes.iter().filter(|attribute| attribute.decides).collect();
    let told = |what: &str| Err(format!("{what}: {judgement:#?} {attributes:#?}"));
    if deciding.is_empty() {
        return told("nothing decides");
    }
    if deciding.iter().any(|attribute| attribute.part != expected) {
        return told("what decides does something else than the outcome");
    }
    let own = |a: &&Attribute| a.reason.is_some_and(|reason| reason == judgement.reason);
    // That all of it is good has no attribute of its own; nor has a recovery that was not shown.
    let of_all = ["restored-and-validated", "objective-met", "recovery-not-shown"];
    if !of_all.contains(&judgement.reason.as_str()) && !deciding.iter().any(own) {
        return told("no attribute gives the reason");
    }
    Ok(())
}

fn good(day: u32) -> RestoreTest {
    restore(&day.to_string(), "db", &format!("2026-02-{day:02}T00:00:00Z"))
}

fn slow(day: u32, ticket_closed: bool) -> RestoreTest {
    RestoreTest { rto_target_s: Some(60), ticket_closed, ..good(day) }
}

fn failed(day: u32, ticket_closed: bool) -> RestoreTest {
    RestoreTest { status: RestoreStatus::Failed, ticket_closed, ..good(day) }
}

/// Whose review is not due yet in mid-March.
fn awaiting(ticket_closed: bool) -> RestoreTest {
    let test = restore("late", "db", "2026-03-16T00:00:00Z");
    RestoreTest { reviewer: None, reviewed_at: None, ticket_closed, ..test }
}

fn seeing(actual: Option<&str>) -> RestoreTest {
    let mut test = good(1);
    test.checks[0].actual = actual.map(str::to_owned);
    test
}

/// A question, the tests, when they are judged, the reason, and what decides: attribute and test.
type Case = (&'static str, Vec<RestoreTest>, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const ALL: &[(&str, &str)] =
    &[("B2", "1"), ("B3", "1"), ("B4", "1"), ("B5", "1"), ("B6", "1"), ("B7", "1"), ("B8", "1")];
const MARCH: &str = "2026-03-18T00:00:00Z";

fn of_one_test() -> Vec<Case> {
    let bad = |reason, test, deciding: &'static [_]| ("both", vec![test], APRIL, reason, deciding);
    let mut unnamed = good(1);
    unnamed.checks.clear();
    vec![
        bad("restored-and-validated", good(1), ALL),
        bad("not-a-production-backup", RestoreTest { env_source: "staging".into(), ..good(1) }, &[("B3", "1")]),
        bad("restore-failed", failed(1, true), &[("B2", "1")]),
        bad("not-validated", RestoreTest { validation: None, ..good(1) }, &[("B4", "1")]),
        bad("no-named-checks", unnamed, &[("B4", "1")]),
        bad("checks-show-nothing", seeing(Some("0")), &[("B4", "1")]),
        bad("check-output-missing", seeing(None), &[("B4", "1")]),
        bad("rto-missed", slow(1, true), &[("B5", "1")]),
        bad("rpo-missed", RestoreTest { rpo_target_s: Some(60), ..good(1) }, &[("B6", "1")]),
        bad("times-unusable", RestoreTest { recovery_point: None, ..good(1) }, &[("B6", "1")]),
        bad("times-unusable", RestoreTest { validated: None, ..good(1) }, &[("B5", "1")]),
        bad(
            "restored-into-production",
            RestoreTest { env_target: Some("production".into()), ..good(1) },
            &[("B7", "1")],
        ),
        bad("restore-target-unknown", RestoreTest { env_target: None, ..good(1) }, &[("B7", "1")]),
        bad("reviewer-is-performer", RestoreTest { reviewer: Some("sre".into()), ..good(1) }, &[("B8", "1")]),
        bad("review-late", RestoreTest { reviewed_at: Some(at("2026-03-30T00:00:00Z")), ..good(1) }, &[("B8", "1")]),
        bad("review-time-unusable", RestoreTest { reviewed_at: None, ..good(1) }, &[("B8", "1")]),
    ]
}

fn of_several_tests() -> Vec<Case> {
    let both_missed = |day| RestoreTest { rpo_target_s: Some(60), ..slow(day, true) };
    let failed_check = |day| {
        let mut test = good(day);
        test.checks[0].ok = false;
        test
    };
    let unlooked = |day| RestoreTest { validation: None, ..good(day) };
    let untimed = |day, ticket_closed| RestoreTest { validated: None, ticket_closed, ..good(day) };
    vec![
        ("both", vec![failed(1, true), failed_check(2)], APRIL, "validation-failed", &[("B4", "2")]),
        ("both", vec![failed(1, false), good(2)], APRIL, "failure-not-followed-up", &[("B9", "1")]),
        ("both", vec![good(1), failed(2, true)], APRIL, "failure-not-followed-up", &[("B9", "2")]),
        ("both", vec![failed(1, false), untimed(2, false), good(3)], APRIL, "failure-not-followed-up", &[("B9", "1")]),
        ("both", vec![untimed(1, true), untimed(2, false), good(3)], APRIL, "times-unusable", &[("B5", "2")]),
        ("both", vec![untimed(1, false), untimed(2, false)], APRIL, "times-unusable", &[("B5", "2")]),
        ("both", vec![failed(1, false), awaiting(false)], MARCH, "restore-failed", &[("B2", "1")]),
        ("both", vec![good(1), awaiting(false)], MARCH, "review-not-yet-due", &[("B8", "late")]),
        (
            "operated",
            vec![slow(1, true)],
            APRIL,
            "target-missed-followed-up",
            &[("B2", "1"), ("B3", "1"), ("B4", "1"), ("B5", "1"), ("B6", "1"), ("B7", "1"), ("B8", "1"), ("B9", "1")],
        ),
        ("operated", vec![slow(1, false)], APRIL, "rto-missed", &[("B5", "1")]),
        (
            "objective",
            vec![good(1)],
            APRIL,
            "objective-met",
            &[("B2", "1"), ("B3", "1"), ("B4", "1"), ("B5", "1"), ("B6", "1")],
        ),
        ("objective", vec![slow(1, true), good(2)], APRIL, "rto-missed", &[("B5", "1")]),
        ("objective", vec![slow(1, true), slow(2, true)], APRIL, "rto-missed", &[("B5", "2")]),
        ("objective", vec![both_missed(1)], APRIL, "rto-missed", &[("B5", "1")]),
        ("objective", vec![good(1), failed(2, true)], APRIL, "recovery-not-shown", &[("B2", "2")]),
        ("objective", vec![unlooked(1), failed(2, true)], APRIL, "recovery-not-shown", &[("B4", "1")]),
        ("objective", vec![untimed(1, true), good(2)], APRIL, "times-unusable", &[("B5", "1")]),
        ("both", Vec::new(), APRIL, "no-restore-test", &[("B1", "")]),
        ("both", Vec::new(), "2026-04-02T00:00:00Z", "not-yet-due", &[("B1", "")]),
        ("objective", Vec::new(), APRIL, "recovery-not-shown", &[("B1", "")]),
    ]
}

/// What decides, by attribute and test; `B1` speaks of the quarter.
fn deciding(attributes: &[Attribute]) -> BTreeSet<(&str, &str)> {
    attributes.iter().filter(|attribute| attribute.decides).map(|a| (a.key, test_of(a))).collect()
}

fn test_of(attribute: &Attribute) -> &str {
    let mut ids = attribute.facts.iter().filter_map(|fact| match fact {
        Fact::Test { id, .. } if attribute.key != "B1" => Some(id.as_str()),
        _ => None,
    });
    ids.next().unwrap_or_default()
}

#[test]
fn for_every_documented_reason_the_very_attributes_decide_that_give_it() {
    let mut reached = BTreeSet::new();
    let mut expect =
        |asks: &str, store: Option<Store>, tests: Vec<RestoreTest>, as_of: &str, reason: &str, by: &[(&str, &str)]| {
            let readings = [Reading { as_of: at(as_of), ..reading(restores(store.into_iter().collect(), tests)) }];
            let all = explained(asks, &readings, as_of);
            let (judgement, attributes) = all.iter().find(|(judgement, _)| judgement.item == "db 2026Q1").unwrap();
            assert_eq!(judgement.reason, reason, "{asks}: {}", judgement.seen);
            assert_eq!(deciding(attributes), by.iter().copied().collect(), "{asks} {reason}: {attributes:#?}");
            check(judgement, attributes).unwrap();
            reached.insert(reason.to_owned());
        };
    for (asks, tests, as_of, reason, by) in of_one_test().into_iter().chain(of_several_tests()) {
        expect(asks, Some(store("db")), tests, as_of, reason, by);
    }
    let retested: Vec<(&str, &str)> = ALL.iter().map(|(key, _)| (*key, "2")).chain([("B9", "1")]).collect();
    expect("both", Some(store("db")), vec![failed(1, true), good(2)], APRIL, "retested-after-failure", &retested);
    let untargeted = || Store { rpo_target_s: None, ..store("db") };
    expect("both", Some(untargeted()), vec![good(1)], APRIL, "no-targets", &[("B6", "1")]);
    expect("objective", Some(untargeted()), vec![good(1)], APRIL, "targets-unknown", &[("B6", "1")]);
    let b1 = &[("B1", "")];
    expect("both", Some(store("db")), vec![good(20)], "2026-02-10T00:00:00Z", "test-in-the-future", b1);
    expect("both", None, vec![good(1)], APRIL, "store-not-registered", b1);
    let out = Store { in_scope: false, reason: Some("a cache".to_owned()), ..store("db") };
    expect("both", Some(out), vec![failed(1, false)], APRIL, "store-out-of-scope", b1);
    let retired =
        Store { retired: Some("2026-02-01".parse().unwrap()), reason: Some("moved".to_owned()), ..store("db") };
    expect("both", Some(retired), Vec::new(), APRIL, "store-retired", b1);
    let documented = RULES.lines().filter_map(|line| line.strip_prefix("//! | ")?.split('`').nth(1));
    let documented: BTreeSet<String> = documented.map(str::to_owned).collect();
    assert_eq!(reached, documented);
}

#[test]
fn a_test_that_awaits_its_review_is_no_failure_that_nobody_followed_up() {
    let of = |ticket_closed| {
        let tests = vec![awaiting(ticket_closed), restore("clean", "db", "2026-03-16T02:00:00Z")];
        let readings = [Reading { as_of: at(MARCH), ..reading(restores(vec![store("db")], tests)) }];
        explained("both", &readings, MARCH).into_iter().find(|(j, _)| j.item == "db 2026Q1").unwrap()
    };
    let (judgement, attributes) = of(false);
    assert_eq!(judgement.reason, "review-not-yet-due");
    assert!(attributes.iter().all(|attribute| attribute.key != "B9"), "{attributes:#?}");
    let (judgement, attributes) = of(true);
    assert_eq!(judgement.reason, "restored-and-validated");
    let followed_up = attributes.iter().find(|attribute| attribute.key == "B9").unwrap();
    assert_eq!((followed_up.part, followed_up.decides), (Part::For, false));
}

#[test]
fn what_the_register_says_of_a_store_that_was_given_up_is_shown_with_its_day_and_reason() {
    let retired =
        Store { retired: Some("2026-02-01".parse().unwrap()), reason: Some("moved".to_owned()), ..store("db") };
    let readings = [reading(restores(vec![retired], Vec::new()))];
    let all = explained("both", &readings, APRIL);
    let seen = &all[0].1[0].seen;
    assert!(seen.contains("retired on 2026-02-01: moved"), "{seen}");
}

proptest! {
    #[test]
    fn of_whatever_was_restored_something_decides_and_does_what_the_outcome_says(
        tests in restore_tests(),
        asks in prop::sample::select(vec!["both", "operated", "objective"]),
        as_of in prop::sample::select(vec![
            "2026-02-14T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-05T00:00:00Z", "2026-04-02T00:00:00Z", APRIL,
        ]),
        targets in any::<(bool, bool)>(),
    ) {
        let (rto, rpo) = targets;
        let partly = Store {
            rto_target_s: rto.then_some(14_400), rpo_target_s: rpo.then_some(86_400), ..store("b")
        };
        let readings = [Reading { as_of: at(as_of), ..reading(restores(vec![store("a"), partly], tests)) }];
        for (judgement, attributes) in explained(asks, &readings, as_of) {
            let checked = check(&judgement, &attributes);
            prop_assert!(checked.is_ok(), "{} {}", asks, checked.unwrap_err());
        }
    }
}
