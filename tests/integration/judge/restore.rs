//! Restore tests: what the text decides and the table does not list.

use super::facts::{at, not_read, reading, restore, restores, store, test};
use evidenced::judge::Outcome::{self, Deviation, Excluded, Indeterminate, Pass, Pending};
use evidenced::judge::{Reading, Verdict, VerdictOutcome, judge};
use evidenced_collectors::contract::{Check, RestoreStatus, RestoreTest, Store, Validation};
use serde_json::json;

const LATE_APRIL: &str = "2026-04-20T00:00:00Z";

fn judged(stores: Vec<Store>, tests: Vec<RestoreTest>, as_of: &str) -> Verdict {
    let readings = [Reading { as_of: at(as_of), ..reading(restores(stores, tests)) }];
    judge(&test("restore_test", &json!({})), &readings, &[], at(as_of))
}

#[track_caller]
fn expect(stores: Vec<Store>, tests: Vec<RestoreTest>, as_of: &str, expected: &[(&str, Outcome, &str)]) {
    let verdict = judged(stores, tests, as_of);
    let got: Vec<(&str, Outcome, &str)> =
        verdict.judgements.iter().map(|j| (j.item.as_str(), j.outcome, j.reason.as_str())).collect();
    assert_eq!(got, expected, "{verdict:#?}");
}

/// The first quarter of 2026, seen from late April.
#[track_caller]
fn expect_first_quarter(tests: Vec<RestoreTest>, outcome: Outcome, reason: &str) {
    let second = ("db 2026Q2", Pending, "not-yet-due");
    expect(vec![store("db")], tests, LATE_APRIL, &[("db 2026Q1", outcome, reason), second]);
}

fn failed(started: &str, ticket_closed: bool) -> RestoreTest {
    RestoreTest { status: RestoreStatus::Failed, ticket_closed, ..restore(started, "db", started) }
}

#[test]
fn a_missing_test_is_pending_through_the_grace_and_a_deviation_from_the_next_instant_on() {
    let missing = |as_of: &str, outcome, reason| {
        let second = ("db 2026Q2", Pending, "not-yet-due");
        let new_year = Store { since: Some("2026-01-01".parse().unwrap()), ..store("db") };
        expect(vec![new_year], Vec::new(), as_of, &[("db 2026Q1", outcome, reason), second]);
    };
    missing("2026-04-01T00:00:00Z", Pending, "not-yet-due");
    missing("2026-04-14T23:59:59.999Z", Pending, "not-yet-due");
    missing("2026-04-15T00:00:00Z", Deviation, "no-restore-test");
    missing("2026-06-30T23:59:59Z", Deviation, "no-restore-test");
}

#[test]
fn a_test_belongs_to_the_utc_quarter_in_which_it_started() {
    let last = restore("1", "db", "2026-03-31T23:59:59Z");
    let first = restore("2", "db", "2026-04-01T00:00:00Z");
    let (q1, q2) = ("db 2026Q1", "db 2026Q2");
    let clean = "restored-and-validated";
    expect(vec![store("db")], vec![last], LATE_APRIL, &[(q1, Pass, clean), (q2, Pending, "not-yet-due")]);
    expect(vec![store("db")], vec![first], LATE_APRIL, &[(q1, Deviation, "no-restore-test"), (q2, Pass, clean)]);
    for (started, quarter) in [
        ("2026-03-31T23:59:59.999999999Z", q1),
        ("2026-04-01T01:59:59.999+02:00", q1),
        ("2026-04-01T00:00:00.000Z", q2),
        ("2026-03-31T19:00:00-05:00", q2),
    ] {
        let verdict = judged(vec![store("db")], vec![restore("1", "db", started)], LATE_APRIL);
        let passed: Vec<&str> =
            verdict.judgements.iter().filter(|j| j.outcome == Pass).map(|j| j.item.as_str()).collect();
        assert_eq!(passed, [quarter], "{started}");
    }
}

#[test]
fn a_quarter_that_was_missed_stays_in_view_until_the_next_one_is_decided() {
    let missed = |quarter| (quarter, Deviation, "no-restore-test");
    let waiting = |quarter| (quarter, Pending, "not-yet-due");
    let untested = |as_of: &str, expected: &[_]| expect(vec![store("db")], Vec::new(), as_of, expected);
    untested("2026-06-30T23:59:59Z", &[missed("db 2026Q1"), waiting("db 2026Q2")]);
    untested("2026-07-01T00:00:00Z", &[missed("db 2026Q1"), waiting("db 2026Q2"), waiting("db 2026Q3")]);
    untested("2026-07-14T23:59:59Z", &[missed("db 2026Q1"), waiting("db 2026Q2"), waiting("db 2026Q3")]);
    untested("2026-07-15T00:00:00Z", &[missed("db 2026Q2"), waiting("db 2026Q3")]);
}

#[test]
fn quarters_cross_years_and_leap_days() {
    let tests = || vec![restore("1", "db", "2027-12-31T23:59:59Z"), restore("2", "db", "2028-02-29T12:00:00Z")];
    let clean = "restored-and-validated";
    let both = [("db 2027Q4", Pass, clean), ("db 2028Q1", Pass, clean)];
    expect(vec![store("db")], tests(), "2028-02-29T23:59:59Z", &both);
    let q2 = ("db 2028Q2", Pending, "not-yet-due");
    expect(vec![store("db")], tests(), "2028-05-31T00:00:00Z", &[("db 2028Q1", Pass, clean), q2]);
}

#[test]
fn nothing_is_asked_before_a_stores_first_day_and_little_in_its_first_month() {
    let since = |day: &str| vec![Store { since: Some(day.parse().unwrap()), ..store("db") }];
    let (q1, q2) = ("db 2026Q1", ("db 2026Q2", Pending, "not-yet-due"));
    expect(since("2026-04-01"), Vec::new(), LATE_APRIL, &[q2]);
    expect(since("2026-03-31"), Vec::new(), LATE_APRIL, &[(q1, Pending, "not-yet-due"), q2]);
    expect(since("2026-03-01"), Vec::new(), LATE_APRIL, &[(q1, Pending, "not-yet-due"), q2]);
    expect(since("2026-02-28"), Vec::new(), LATE_APRIL, &[(q1, Deviation, "no-restore-test"), q2]);
    expect(since("2062-01-01"), Vec::new(), LATE_APRIL, &[q2]);
    let bad = RestoreTest { status: RestoreStatus::Aborted, ..restore("1", "db", "2026-03-20T00:00:00Z") };
    expect(since("2026-03-10"), vec![bad.clone()], LATE_APRIL, &[(q1, Deviation, "restore-failed"), q2]);
    // A first day that is moved past a failure does not take it out of view.
    expect(since("2026-04-01"), vec![bad], LATE_APRIL, &[(q1, Deviation, "restore-failed"), q2]);
}

#[test]
fn a_retired_store_owes_the_quarters_that_it_lived_through_and_its_tests_are_judged() {
    let retired = |on: &str| {
        let reason = Some("sold".to_owned());
        vec![Store { retired: Some(on.parse().unwrap()), reason, ..store("db") }]
    };
    let gone = |item| (item, Excluded, "store-retired");
    let (q1, q2) = ("db 2026Q1", "db 2026Q2");
    expect(retired("2026-04-02"), Vec::new(), LATE_APRIL, &[(q1, Deviation, "no-restore-test"), gone(q2)]);
    expect(retired("2026-04-01"), Vec::new(), LATE_APRIL, &[(q1, Deviation, "no-restore-test"), gone(q2)]);
    expect(retired("2026-03-31"), Vec::new(), LATE_APRIL, &[gone(q1), gone(q2)]);
    expect(
        retired("2026-04-21"),
        Vec::new(),
        LATE_APRIL,
        &[(q1, Deviation, "no-restore-test"), (q2, Pending, "not-yet-due")],
    );
    let bad = failed("2026-02-01T00:00:00Z", false);
    expect(retired("2026-03-01"), vec![bad], LATE_APRIL, &[(q1, Deviation, "restore-failed"), gone(q2)]);
    let verdict = judged(retired("2026-03-01"), Vec::new(), LATE_APRIL);
    assert!(verdict.judgements[0].seen.ends_with("retired on 2026-03-01: sold"), "{verdict:?}");
}

#[test]
fn a_store_out_of_scope_is_excluded_whatever_its_tests_say() {
    let out = vec![Store { in_scope: false, reason: Some("a cache".to_owned()), ..store("db") }];
    let seen = judged(out.clone(), Vec::new(), LATE_APRIL).judgements[0].seen.clone();
    assert!(seen.ends_with(": a cache"), "{seen}");
    let (q1, q2) = (("db 2026Q1", Excluded, "store-out-of-scope"), ("db 2026Q2", Excluded, "store-out-of-scope"));
    expect(out, vec![failed("2026-02-01T00:00:00Z", false)], LATE_APRIL, &[q1, q2]);
}

#[test]
fn a_restored_store_that_nobody_registered_is_no_pass() {
    let tests = vec![restore("1", "db", "2026-02-01T00:00:00Z"), restore("2", "DB2", "2026-02-01T00:00:00Z")];
    let verdict = judged(vec![store("db")], tests, LATE_APRIL);
    assert_eq!(verdict.outcome, VerdictOutcome::Indeterminate);
    assert_eq!(verdict.judgements[0].item, "DB2 2026Q1");
    assert_eq!(verdict.judgements[0].reason, "store-not-registered");
}

#[test]
fn each_test_fails_for_the_first_reason_that_holds() {
    let clean = || restore("1", "db", "2026-02-01T00:00:00Z");
    let unchecked = RestoreTest { checks: Vec::new(), validation: Some(Validation::Validating), ..clean() };
    let mut blank = clean();
    blank.checks[0].name = " ".to_owned();
    let mut bad_check = clean();
    bad_check.checks[0].ok = false;
    let no_times = RestoreTest { validated: None, ..clean() };
    let backwards = RestoreTest { validated: Some(at("2026-01-31T00:00:00Z")), ..clean() };
    let no_point = RestoreTest { recovery_point: None, ..clean() };
    let future_point = RestoreTest { recovery_point: Some(at("2026-02-01T00:00:01Z")), ..clean() };
    for (test, outcome, reason) in [
        (
            RestoreTest { env_source: "staging".to_owned(), ..failed("2026-02-01T00:00:00Z", false) },
            Deviation,
            "not-a-production-backup",
        ),
        (RestoreTest { status: RestoreStatus::Aborted, validation: None, ..clean() }, Deviation, "restore-failed"),
        (RestoreTest { validation: None, checks: Vec::new(), ..clean() }, Deviation, "not-validated"),
        (unchecked, Deviation, "validation-failed"),
        (RestoreTest { validation: Some(Validation::TimedOut), ..clean() }, Deviation, "validation-failed"),
        (bad_check, Deviation, "validation-failed"),
        (RestoreTest { checks: Vec::new(), ..clean() }, Deviation, "no-named-checks"),
        (blank, Deviation, "no-named-checks"),
        (no_times, Indeterminate, "times-unusable"),
        (backwards, Indeterminate, "times-unusable"),
        (no_point, Indeterminate, "times-unusable"),
        (future_point, Indeterminate, "times-unusable"),
        (RestoreTest { reviewer: None, ..clean() }, Deviation, "reviewer-is-performer"),
        (RestoreTest { reviewer: Some("SRE ".to_owned()), ..clean() }, Deviation, "reviewer-is-performer"),
        (RestoreTest { performer: Some(String::new()), ..clean() }, Deviation, "reviewer-is-performer"),
    ] {
        expect_first_quarter(vec![test], outcome, reason);
    }
}

#[test]
fn the_tighter_of_a_tests_and_its_stores_target_counts_to_the_second() {
    let takes = |rto_target_s, rpo_target_s| RestoreTest {
        rto_target_s,
        rpo_target_s,
        ..restore("1", "db", "2026-02-01T00:00:00Z")
    };
    expect_first_quarter(vec![takes(Some(3600), Some(3600))], Pass, "restored-and-validated");
    expect_first_quarter(vec![takes(Some(3599), Some(3600))], Deviation, "rto-missed");
    expect_first_quarter(vec![takes(Some(3600), Some(3599))], Deviation, "rpo-missed");
    let slow = RestoreTest {
        validated: Some(at("2026-02-01T04:00:00.001Z")),
        rto_target_s: Some(1_000_000),
        ..restore("1", "db", "2026-02-01T00:00:00Z")
    };
    expect_first_quarter(vec![slow], Deviation, "rto-missed");
    let without = vec![Store { rto_target_s: None, ..store("db") }];
    let verdict = judged(without, vec![takes(None, Some(3600))], LATE_APRIL);
    assert_eq!(verdict.judgements[0].reason, "no-targets");
}

#[test]
fn a_failure_is_followed_up_by_a_closed_ticket_and_a_clean_test_after_it() {
    let clean = || restore("clean", "db", "2026-02-10T00:00:00Z");
    let before = "2026-02-01T00:00:00Z";
    let after = "2026-02-20T00:00:00Z";
    expect_first_quarter(vec![clean(), failed(before, true)], Pass, "retested-after-failure");
    expect_first_quarter(vec![clean(), failed(before, false)], Deviation, "failure-not-followed-up");
    expect_first_quarter(vec![clean(), failed(after, false)], Deviation, "failure-not-followed-up");
    expect_first_quarter(vec![clean(), failed(after, true)], Deviation, "failure-not-followed-up");
    let unvalidated = RestoreTest { validation: None, ..restore("2", "db", after) };
    expect_first_quarter(vec![failed(before, true), unvalidated], Deviation, "not-validated");
    let untimed = RestoreTest { validated: None, ..restore("2", "db", before) };
    expect_first_quarter(vec![clean(), untimed.clone()], Indeterminate, "times-unusable");
    expect_first_quarter(vec![clean(), untimed, failed(before, false)], Deviation, "failure-not-followed-up");
}

#[test]
fn a_test_from_the_future_is_no_pass() {
    let unreviewed = |started| RestoreTest { reviewer: None, reviewed_at: None, ..restore("1", "db", started) };
    let later = Some(at("2026-04-20T00:00:00.001Z"));
    for (future, reason) in [
        (unreviewed("2026-04-20T00:00:01Z"), "test-in-the-future"),
        (RestoreTest { validated: later, ..unreviewed("2026-04-19T00:00:00Z") }, "test-in-the-future"),
        (RestoreTest { reviewed_at: later, ..restore("1", "db", "2026-04-10T00:00:00Z") }, "review-time-unusable"),
    ] {
        let verdict = judged(vec![store("db")], vec![future], LATE_APRIL);
        assert_eq!((verdict.judgements[1].outcome, verdict.judgements[1].reason.as_str()), (Indeterminate, reason));
    }
}

/// One test, usable on Friday 6 February 2026 at 13:00, as of `as_of`.
#[track_caller]
fn expect_of_friday(change: impl FnOnce(&mut RestoreTest), as_of: &str, outcome: Outcome, reason: &str) {
    let mut test = restore("1", "db", "2026-02-06T12:00:00Z");
    change(&mut test);
    let since = Store { since: Some("2026-01-01".parse().unwrap()), ..store("db") };
    let verdict = judged(vec![since], vec![test], as_of);
    let judgement = &verdict.judgements[0];
    assert_eq!((judgement.outcome, judgement.reason.as_str()), (outcome, reason), "{}", judgement.seen);
}

#[test]
fn a_review_is_in_time_through_the_tenth_business_day_and_late_from_the_next_instant_on() {
    let reviewed = |when: &str, outcome, reason| {
        expect_of_friday(|test| test.reviewed_at = Some(at(when)), LATE_APRIL, outcome, reason);
    };
    reviewed("2026-02-06T13:00:00Z", Pass, "restored-and-validated");
    reviewed("2026-02-20T23:59:59.999Z", Pass, "restored-and-validated");
    reviewed("2026-02-21T00:00:00Z", Deviation, "review-late");
    reviewed("2026-02-06T12:59:59Z", Indeterminate, "review-time-unusable");
    expect_of_friday(|test| test.reviewed_at = None, LATE_APRIL, Indeterminate, "review-time-unusable");
    let strict = test("restore_test", &json!({"review_business_days": 1}));
    let tuesday =
        RestoreTest { reviewed_at: Some(at("2026-02-10T00:00:00Z")), ..restore("1", "db", "2026-02-06T12:00:00Z") };
    let items = reading(restores(vec![store("db")], vec![tuesday]));
    assert_eq!(judge(&strict, &[items], &[], at(LATE_APRIL)).judgements[0].reason, "review-late");
}

#[test]
fn a_test_that_awaits_its_review_is_pending_only_while_there_is_time_and_nothing_else_is_wrong() {
    fn unreviewed(test: &mut RestoreTest) {
        (test.reviewer, test.reviewed_at) = (None, None);
    }
    let (in_time, late) = ("2026-02-20T23:59:59Z", "2026-02-21T00:00:00Z");
    expect_of_friday(unreviewed, in_time, Pending, "review-not-yet-due");
    expect_of_friday(unreviewed, late, Deviation, "reviewer-is-performer");
    let and = |more: fn(&mut RestoreTest), outcome, reason| {
        let both = |test: &mut RestoreTest| {
            unreviewed(test);
            more(test);
        };
        expect_of_friday(both, in_time, outcome, reason);
    };
    and(|test| test.status = RestoreStatus::Failed, Deviation, "restore-failed");
    and(|test| test.rto_target_s = Some(60), Deviation, "rto-missed");
    and(|test| test.performer = None, Deviation, "reviewer-is-performer");
    and(|test| test.checks[0].actual = Some("0".to_owned()), Deviation, "checks-show-nothing");
    and(|test| test.env_target = None, Indeterminate, "restore-target-unknown");
    and(|test| test.recovery_point = None, Indeterminate, "times-unusable");
}

#[test]
fn a_test_that_awaits_its_review_clears_no_failure_before_it_and_keeps_the_quarter_open() {
    let awaiting =
        || RestoreTest { reviewer: None, reviewed_at: None, ..restore("awaiting", "db", "2026-03-30T00:00:00Z") };
    let since = || vec![Store { since: Some("2026-01-01".parse().unwrap()), ..store("db") }];
    for (other, outcome, reason) in [
        (failed("2026-02-01T00:00:00Z", true), Deviation, "restore-failed"),
        (restore("clean", "db", "2026-02-01T00:00:00Z"), Pending, "review-not-yet-due"),
    ] {
        let verdict = judged(since(), vec![other, awaiting()], "2026-04-01T00:00:00Z");
        let judgement = &verdict.judgements[0];
        assert_eq!((judgement.outcome, judgement.reason.as_str()), (outcome, reason), "{}", judgement.seen);
        assert!(judgement.seen.contains("test awaiting"), "{}", judgement.seen);
    }
    // Its ticket is closed and a later test is clean: whatever the review will say is followed up.
    let followed_up = RestoreTest { ticket_closed: true, ..awaiting() };
    let verdict =
        judged(since(), vec![followed_up, restore("clean", "db", "2026-03-31T00:00:00Z")], "2026-04-01T00:00:00Z");
    assert_eq!(
        (verdict.judgements[0].outcome, verdict.judgements[0].reason.as_str()),
        (Pass, "restored-and-validated")
    );
}

#[test]
fn a_check_that_saw_nothing_but_zero_is_no_check() {
    let saw = |outputs: &[Option<&str>], outcome, reason| {
        let mut test = restore("1", "db", "2026-02-01T00:00:00Z");
        let check = |output: &Option<&str>| Check {
            expected: output.map(str::to_owned),
            actual: output.map(str::to_owned),
            ..test.checks[0].clone()
        };
        test.checks = outputs.iter().map(check).collect();
        expect_first_quarter(vec![test], outcome, reason);
    };
    let nothing = "checks-show-nothing";
    saw(&[Some("0")], Deviation, nothing);
    saw(&[Some("0"), Some(" 0.00 "), Some("0 rows, 0 bytes")], Deviation, nothing);
    saw(&[None], Indeterminate, "check-output-missing");
    saw(&[Some(" ")], Indeterminate, "check-output-missing");
    saw(&[Some("0"), None], Indeterminate, "check-output-missing");
    saw(&[Some("0"), None, Some("10 rows")], Pass, "restored-and-validated");
    saw(&[Some("as in the source")], Pass, "restored-and-validated");
    let mut unnamed = restore("1", "db", "2026-02-01T00:00:00Z");
    unnamed.checks.push(Check { name: " ".to_owned(), ..unnamed.checks[0].clone() });
    unnamed.checks[0].actual = Some("0".to_owned());
    expect_first_quarter(vec![unnamed], Deviation, nothing);
}

#[test]
fn a_restore_into_production_is_a_test_only_if_a_ticket_says_that_it_was_a_real_recovery() {
    let into = |target: &str, ticket: Option<&str>| RestoreTest {
        env_target: Some(target.to_owned()),
        ticket: ticket.map(str::to_owned),
        ..restore("1", "db", "2026-02-01T00:00:00Z")
    };
    for target in ["production", " Production"] {
        expect_first_quarter(vec![into(target, Some("INC-7"))], Pass, "restored-and-validated");
        for ticket in [None, Some(" ")] {
            expect_first_quarter(vec![into(target, ticket)], Deviation, "restored-into-production");
        }
    }
    let incident = || into("production", Some("INC-7"));
    let untimed = RestoreTest { validated: None, ..incident() };
    expect_first_quarter(vec![untimed], Indeterminate, "times-unusable");
    expect_first_quarter(vec![RestoreTest { reviewer: None, ..incident() }], Deviation, "reviewer-is-performer");
    expect_first_quarter(vec![into(" ", Some("INC-7"))], Indeterminate, "restore-target-unknown");
}

#[test]
fn a_recovery_point_may_be_in_the_second_of_the_start_and_no_later() {
    let point =
        |point: &str| RestoreTest { recovery_point: Some(at(point)), ..restore("1", "db", "2026-02-01T00:00:00Z") };
    expect_first_quarter(vec![point("2026-02-01T00:00:00.999Z")], Pass, "restored-and-validated");
    expect_first_quarter(vec![point("2026-02-01T00:00:01Z")], Indeterminate, "times-unusable");
    expect_first_quarter(vec![point("2026-01-31T00:00:00Z")], Pass, "restored-and-validated");
    expect_first_quarter(vec![point("2026-01-30T23:59:59.999Z")], Deviation, "rpo-missed");
}

#[test]
fn a_store_in_two_readings_counts_as_the_newer_one_has_it() {
    let old = Reading { as_of: at("2026-04-01T00:00:00Z"), ..reading(restores(vec![store("db")], Vec::new())) };
    let out = restores(vec![Store { in_scope: false, ..store("db") }], Vec::new());
    let new = Reading { as_of: at(LATE_APRIL), ..reading(out) };
    for readings in [[old.clone(), new.clone()], [new, old]] {
        let verdict = judge(&test("restore_test", &json!({})), &readings, &[], at(LATE_APRIL));
        assert!(verdict.judgements.iter().all(|j| j.outcome == Excluded), "{verdict:?}");
    }
}

#[test]
fn two_collectors_have_tests_and_stores_of_their_own_though_they_call_them_by_one_name() {
    let of = |collector: &str, as_of: &str, items| Reading {
        collector: collector.to_owned(),
        as_of: at(as_of),
        ..reading(items)
    };
    let verdict = |readings: &[Reading]| judge(&test("restore_test", &json!({})), readings, &[], at(LATE_APRIL));
    let clean = restore("nightly", "db", "2026-02-20T00:00:00Z");
    let failed = RestoreTest { status: RestoreStatus::Failed, ..restore("nightly", "db", "2026-02-01T00:00:00Z") };
    let bad = of("a", "2026-04-19T00:00:00Z", restores(vec![store("db")], vec![failed]));
    let good = of("b", LATE_APRIL, restores(vec![store("db")], vec![clean]));
    for readings in [[bad.clone(), good.clone()], [good.clone(), bad.clone()]] {
        let first = verdict(&readings).judgements.into_iter().find(|judged| judged.item == "db 2026Q1").unwrap();
        assert_eq!((first.outcome, first.reason.as_str()), (Deviation, "failure-not-followed-up"));
    }
    // Nor does the newer one take the store out of the register of the other.
    let out = of("b", LATE_APRIL, restores(vec![Store { in_scope: false, ..store("db") }], Vec::new()));
    for readings in [[bad.clone(), out.clone()], [out, bad]] {
        assert_eq!(verdict(&readings).outcome, VerdictOutcome::Deviation);
    }
}

#[test]
fn a_store_or_test_named_twice_in_one_reading_is_no_pass() {
    let clean = || restore("1", "db", "2026-02-01T00:00:00Z");
    let once = judged(vec![store("db")], vec![clean()], LATE_APRIL);
    assert_eq!(once.outcome, VerdictOutcome::Pass);
    let stores = judged(vec![store("db"), store("db")], vec![clean()], LATE_APRIL);
    let tests = judged(vec![store("db")], vec![clean(), clean()], LATE_APRIL);
    for (verdict, what) in [(stores, "store db"), (tests, "test 1 of store db")] {
        assert_eq!(verdict.outcome, VerdictOutcome::Indeterminate);
        assert_ne!(verdict.unread, [not_read(what)]);
        assert_eq!(verdict.unread[0].what, what);
    }
}
