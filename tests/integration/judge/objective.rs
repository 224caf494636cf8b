//! Whether restore tests were held, and whether their targets were met: two questions of the same tests.

use super::facts::{at, reading, restore, restores, store, test};
use evidenced::judge::Outcome::{Deviation, Indeterminate, Pass, Pending};
use evidenced::judge::{Judgement, Outcome, judge};
use evidenced_collectors::contract::{RestoreStatus, RestoreTest, Store, Validation};
use serde_json::json;

const LATE_APRIL: &str = "2026-04-20T00:00:00Z";

fn asked(asks: &str, stores: Vec<Store>, tests: &[RestoreTest], as_of: &str) -> Judgement {
    let readings = [reading(restores(stores, tests.to_vec()))];
    let verdict = judge(&test("restore_test", &json!({ "asks": asks })), &readings, &[], at(as_of));
    verdict.judgements.into_iter().find(|judgement| judgement.item == "db 2026Q1").unwrap()
}

type Answer = (Outcome, &'static str);

/// What the first quarter of 2026 comes to when both, operation, and objective are asked for.
#[track_caller]
fn expect(tests: &[RestoreTest], both: Answer, operated: Answer, objective: Answer) {
    for (asks, expected) in [("both", both), ("operated", operated), ("objective", objective)] {
        let judgement = asked(asks, vec![store("db")], tests, LATE_APRIL);
        assert_eq!((judgement.outcome, judgement.reason.as_str()), expected, "{asks}: {}", judgement.seen);
    }
}

/// Good, on that day of February, with an hour to usable.
fn good(day: u32) -> RestoreTest {
    restore(&format!("{day}"), "db", &format!("2026-02-{day:02}T00:00:00Z"))
}

/// Good but for 20 minutes more than the four hours of the target.
fn slow(day: u32, ticket_closed: bool) -> RestoreTest {
    let validated = Some(good(day).started + chrono::TimeDelta::minutes(260));
    RestoreTest { validated, reviewed_at: validated, ticket_closed, ..good(day) }
}

fn failed(day: u32, ticket_closed: bool) -> RestoreTest {
    RestoreTest { status: RestoreStatus::Failed, ticket_closed, ..good(day) }
}

const CLEAN: Answer = (Pass, "restored-and-validated");
const RETESTED: Answer = (Pass, "retested-after-failure");
const FOLLOWED_UP: Answer = (Pass, "target-missed-followed-up");
const MET: Answer = (Pass, "objective-met");
const NOT_FOLLOWED_UP: Answer = (Deviation, "failure-not-followed-up");
const RTO: Answer = (Deviation, "rto-missed");
const NOT_SHOWN: Answer = (Indeterminate, "recovery-not-shown");

#[test]
fn a_missed_target_that_was_followed_up_is_operated_and_the_objective_is_not_met() {
    expect(&[good(1)], CLEAN, CLEAN, MET);
    expect(&[slow(1, true)], RTO, FOLLOWED_UP, RTO);
    expect(&[slow(1, false)], RTO, RTO, RTO);
    expect(&[slow(1, true), good(9)], RETESTED, CLEAN, RTO);
    expect(&[good(1), slow(9, true)], NOT_FOLLOWED_UP, FOLLOWED_UP, RTO);
    expect(&[good(1), slow(9, false)], NOT_FOLLOWED_UP, NOT_FOLLOWED_UP, RTO);
    expect(&[failed(1, true), slow(9, true)], RTO, FOLLOWED_UP, RTO);
    let old =
        |ticket_closed| RestoreTest { recovery_point: Some(at("2026-01-01T00:00:00Z")), ticket_closed, ..good(1) };
    let rpo = (Deviation, "rpo-missed");
    expect(&[old(true)], rpo, FOLLOWED_UP, rpo);
    expect(&[old(false)], rpo, rpo, rpo);
}

#[test]
fn every_answer_tells_the_other_one_as_well() {
    for asks in ["both", "operated", "objective"] {
        let seen = |tests: &[RestoreTest]| asked(asks, vec![store("db")], tests, LATE_APRIL).seen;
        let missed = seen(&[slow(1, true)]);
        assert!(missed.ends_with("; operated: yes; objective: missed by 1200 s (rto-missed)"), "{missed}");
        let good = seen(&[good(1)]);
        assert!(good.ends_with("; operated: yes; objective: met"), "{good}");
        let bad = seen(&[failed(1, false)]);
        let both = "; operated: no (restore-failed); objective: cannot be told (recovery-not-shown)";
        assert!(bad.ends_with(both), "{bad}");
        let none = seen(&[]);
        let both = "; operated: no (no-restore-test); objective: cannot be told (recovery-not-shown)";
        assert!(none.ends_with(both), "{none}");
    }
}

#[test]
fn the_objective_looks_at_nobody_and_at_no_ticket() {
    let unreviewed = RestoreTest { reviewer: None, reviewed_at: None, ..good(1) };
    let late = RestoreTest { reviewed_at: Some(at("2026-04-01T00:00:00Z")), ..good(1) };
    let own = RestoreTest { reviewer: Some("SRE".to_owned()), ..good(1) };
    let same = (Deviation, "reviewer-is-performer");
    expect(&[unreviewed], same, same, MET);
    expect(&[own], same, same, MET);
    expect(&[late], (Deviation, "review-late"), (Deviation, "review-late"), MET);
    let future = RestoreTest { reviewed_at: Some(at("2027-01-01T00:00:00Z")), ..good(1) };
    let unusable = (Indeterminate, "review-time-unusable");
    expect(&[future], unusable, unusable, MET);
    let into = RestoreTest { env_target: Some("production".to_owned()), ..good(1) };
    let wrong = (Deviation, "restored-into-production");
    expect(&[into], wrong, wrong, MET);
}

#[test]
fn the_objective_is_measured_by_tests_that_show_a_recovery_of_production() {
    let staging = |day| RestoreTest { env_source: "staging".to_owned(), ..slow(day, false) };
    let source = (Deviation, "not-a-production-backup");
    expect(&[staging(1)], source, source, NOT_SHOWN);
    expect(&[staging(1), good(9)], NOT_FOLLOWED_UP, NOT_FOLLOWED_UP, MET);
    let restore = (Deviation, "restore-failed");
    expect(&[failed(1, true)], restore, restore, NOT_SHOWN);
    expect(&[failed(1, true), good(9)], RETESTED, RETESTED, MET);
    expect(&[good(1), failed(9, true)], NOT_FOLLOWED_UP, NOT_FOLLOWED_UP, NOT_SHOWN);
    expect(&[slow(1, true), failed(9, true)], restore, NOT_FOLLOWED_UP, RTO);
    // Nobody looked: it might have missed.
    let unlooked = |validation| RestoreTest { validation, ticket_closed: true, ..good(1) };
    expect(&[unlooked(None), good(9)], RETESTED, RETESTED, NOT_SHOWN);
    expect(&[unlooked(Some(Validation::Validating)), good(9)], RETESTED, RETESTED, NOT_SHOWN);
    expect(&[unlooked(Some(Validation::TimedOut)), good(9)], RETESTED, RETESTED, MET);
    let mut empty = RestoreTest { ticket_closed: true, ..good(1) };
    empty.checks[0].actual = Some("0".to_owned());
    expect(&[empty, good(9)], RETESTED, RETESTED, NOT_SHOWN);
}

#[test]
fn without_times_or_targets_nobody_can_say_that_they_were_met() {
    let times = (Indeterminate, "times-unusable");
    for untimed in [
        RestoreTest { validated: None, ..good(1) },
        RestoreTest { recovery_point: None, ..good(1) },
        RestoreTest { validated: None, ticket_closed: true, ..good(1) },
    ] {
        expect(&[untimed], times, times, times);
    }
    let without = |rto_target_s, rpo_target_s| vec![Store { rto_target_s, rpo_target_s, ..store("db") }];
    let none = (Deviation, "no-targets");
    for (stores, tests, both, operated, objective) in [
        (without(None, Some(3600)), [good(1)], none, none, (Indeterminate, "targets-unknown")),
        (without(Some(3600), None), [good(1)], none, none, (Indeterminate, "targets-unknown")),
        (without(None, Some(3599)), [slow(1, true)], none, none, (Deviation, "rpo-missed")),
    ] {
        for (asks, expected) in [("both", both), ("operated", operated), ("objective", objective)] {
            let judgement = asked(asks, stores.clone(), &tests, LATE_APRIL);
            assert_eq!((judgement.outcome, judgement.reason.as_str()), expected, "{asks}: {}", judgement.seen);
        }
    }
    // What is known to be missed comes before what is not known.
    let half = RestoreTest { recovery_point: None, ..slow(1, true) };
    expect(&[half], RTO, times, RTO);
}

#[test]
fn without_a_test_the_objective_is_pending_through_the_grace_and_then_not_shown() {
    for (as_of, operated, objective) in [
        ("2026-04-14T23:59:59Z", (Pending, "not-yet-due"), (Pending, "not-yet-due")),
        ("2026-04-15T00:00:00Z", (Deviation, "no-restore-test"), NOT_SHOWN),
    ] {
        for (asks, expected) in [("both", operated), ("operated", operated), ("objective", objective)] {
            let judgement = asked(asks, vec![store("db")], &[], as_of);
            assert_eq!((judgement.outcome, judgement.reason.as_str()), expected, "{asks}: {}", judgement.seen);
        }
    }
}
