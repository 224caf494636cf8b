//! From many readings and waivers to one verdict.

use super::facts::{
    at, merged, not_read, only, pull_request, pushed, reading, restore, restores, store, test, user, user_without_mfa,
    waiver,
};
use evidenced::judge::{Outcome, Reading, Verdict, VerdictOutcome, Waiver, WhyNot, covered, judge};
use evidenced_collectors::contract::{
    Change, Items, LandingKind, Principal, PrincipalDetail, PullRequest, Review, ReviewState,
};
use serde_json::json;

fn mfa(readings: &[Reading], waivers: &[Waiver]) -> Verdict {
    judge(&test("mfa", &json!({})), readings, waivers, at("12:00"))
}

fn principals(principals: &[Principal]) -> Reading {
    reading(Items::Principals(principals.to_vec()))
}

#[test]
fn the_worst_judgement_decides_and_every_outcome_is_counted() {
    let (good, bad) = (user("b"), user_without_mfa("a"));
    let unknown = Principal { report_at: None, ..user("c") };
    let all = mfa(&[principals(&[unknown.clone(), good.clone(), bad])], &[]);
    assert_eq!(all.outcome, VerdictOutcome::Deviation);
    let items: Vec<&str> = all.judgements.iter().map(|j| j.item.as_str()).collect();
    assert_eq!(items, ["111122223333:user/a", "111122223333:user/b", "111122223333:user/c"]);
    assert_eq!(all.counts.values().sum::<u64>(), 3);
    assert_eq!(all.counts[&Outcome::Waived], 0);
    assert_eq!(mfa(&[principals(&[unknown, good.clone()])], &[]).outcome, VerdictOutcome::Indeterminate);
    assert_eq!(mfa(&[principals(&[good])], &[]).outcome, VerdictOutcome::Pass);
}

#[test]
fn nothing_to_judge_in_a_whole_reading_passes_and_says_zero() {
    let verdict = mfa(&[principals(&[])], &[]);
    assert_eq!(verdict.outcome, VerdictOutcome::Pass);
    assert_eq!(verdict.counts.len(), 6);
    assert!(verdict.counts.values().all(|count| *count == 0));
}

#[test]
fn no_reading_or_one_without_items_or_with_other_items_is_no_pass() {
    let whole = principals(&[user("a")]);
    let nothing = Reading { items: None, ..whole.clone() };
    let others = reading(Items::Changes(vec![merged(pull_request())]));
    for (readings, why) in [
        (vec![], "no evidence"),
        (vec![nothing.clone()], "no evidence"),
        (vec![whole.clone(), nothing], "no evidence"),
        (vec![whole, others], "it holds changes, but the test takes principals"),
    ] {
        let verdict = mfa(&readings, &[]);
        assert_eq!(verdict.outcome, VerdictOutcome::Indeterminate);
        assert_eq!(verdict.unread[0].why, why);
    }
}

#[test]
fn what_was_not_read_is_named_and_hides_no_deviation() {
    let unread = vec![not_read("account 2"), not_read("account 1"), not_read("account 2")];
    let partial = Reading { unread: unread.clone(), ..principals(&[user("a")]) };
    let verdict = mfa(&[partial], &[]);
    assert_eq!(verdict.outcome, VerdictOutcome::Indeterminate);
    assert_eq!(verdict.unread, [not_read("account 1"), not_read("account 2")]);
    let bad = Reading { unread, ..principals(&[user_without_mfa("a")]) };
    assert_eq!(mfa(&[bad], &[]).outcome, VerdictOutcome::Deviation);
}

#[test]
fn the_newest_reading_of_an_item_counts_and_of_equally_new_ones_the_worst() {
    let earlier = |items: &[Principal]| Reading { as_of: at("11:00"), ..principals(items) };
    let (good, bad) = (user("a"), user_without_mfa("a"));
    for (readings, reason) in [
        ([earlier(std::slice::from_ref(&bad)), principals(std::slice::from_ref(&good))], "mfa-active"),
        ([principals(std::slice::from_ref(&good)), earlier(std::slice::from_ref(&bad))], "mfa-active"),
        ([earlier(std::slice::from_ref(&good)), principals(std::slice::from_ref(&bad))], "console-without-mfa"),
        ([principals(std::slice::from_ref(&good)), principals(std::slice::from_ref(&bad))], "console-without-mfa"),
        ([principals(std::slice::from_ref(&bad)), principals(std::slice::from_ref(&good))], "console-without-mfa"),
    ] {
        assert_eq!(only(&mfa(&readings, &[])).reason, reason);
    }
}

#[test]
fn an_item_twice_in_one_reading_is_no_pass_and_the_worse_one_is_kept() {
    let twice = mfa(&[principals(&[user("a"), user("a")])], &[]);
    assert_eq!(twice.outcome, VerdictOutcome::Indeterminate);
    assert!(twice.unread[0].why.contains("duplicate item"), "{:?}", twice.unread);
    let contradiction = mfa(&[principals(&[user_without_mfa("a"), user("a")])], &[]);
    assert_eq!(only(&contradiction).reason, "console-without-mfa");
}

#[test]
fn a_waiver_counts_from_its_approval_until_the_instant_before_it_expires() {
    let readings = [principals(&[user_without_mfa("a")])];
    let spanning = |from: &str, until: &str| {
        let waiver = Waiver { approved_at: at(from), expires: at(until), ..waiver("*:user/a", "ciso") };
        let verdict = mfa(&readings, &[waiver]);
        (verdict.outcome, only(&verdict).clone())
    };
    let (outcome, judgement) = spanning("12:00", "2026-03-02T12:00:00.001Z");
    assert_eq!(
        (outcome, judgement.outcome, judgement.reason.as_str()),
        (VerdictOutcome::Pass, Outcome::Waived, "approved-waiver")
    );
    assert!(
        judgement.seen.contains("ciso") && judgement.seen.contains("2026-03-02 12:00:00 UTC"),
        "{}",
        judgement.seen
    );
    let (outcome, judgement) = spanning("11:00", "12:00");
    assert_eq!((outcome, judgement.reason.as_str()), (VerdictOutcome::Deviation, "waiver-invalid"));
    assert!(judgement.seen.contains("expired") && judgement.seen.contains("console-without-mfa"), "{}", judgement.seen);
    let (outcome, judgement) = spanning("12:01", "13:00");
    assert_eq!((outcome, judgement.reason.as_str()), (VerdictOutcome::Deviation, "console-without-mfa"));
}

#[test]
fn a_waiver_that_was_revoked_counts_until_the_instant_before_that() {
    let readings = [principals(&[user_without_mfa("a")])];
    let revoked = |when: &str| Waiver { revoked_at: Some(at(when)), ..waiver("*", "ciso") };
    let judged = |waivers: &[Waiver]| only(&mfa(&readings, waivers)).clone();
    assert_eq!(judged(&[revoked("2026-03-02T12:00:00.001Z")]).reason, "approved-waiver");
    let gone = judged(&[revoked("12:00")]);
    assert_eq!((gone.outcome, gone.reason.as_str()), (Outcome::Deviation, "waiver-invalid"));
    assert!(gone.seen.contains("was revoked: console-without-mfa"), "{}", gone.seen);
    assert_eq!(judged(&[revoked("12:00"), waiver("*", "ciso")]).reason, "approved-waiver");
}

#[test]
fn each_waiver_is_told_what_it_covers_and_why_it_does_not_count() {
    let root = PrincipalDetail::Root {
        password: Some(true),
        mfa: Some(true),
        virtual_mfa: Some(false),
        keys: Some(1),
        certificates: Some(0),
    };
    let people = [user("b"), user_without_mfa("c"), user_without_mfa("a"), Principal { detail: root, ..user("root") }];
    let waivers = [
        waiver("*", "ciso"),
        waiver("*", "a"),
        waiver("*/a", " "),
        Waiver { expires: at("12:00"), ..waiver("*/a", "ciso") },
        Waiver { revoked_at: Some(at("11:00")), ..waiver("*/c", "ciso") },
        Waiver { approved_at: at("12:01"), ..waiver("*", "ciso") },
        waiver("*/b", "ciso"),
    ];
    let all = covered(&test("mfa", &json!({})), &[principals(&people)], &waivers, at("12:00"));
    let told: Vec<Vec<(&str, Option<WhyNot>)>> = all
        .iter()
        .map(|items| items.iter().map(|c| (c.item.rsplit('/').next().unwrap(), c.why_not)).collect())
        .collect();
    let never = ("root", Some(WhyNot::NeverWaived));
    assert_eq!(
        told,
        [
            vec![("a", None), ("c", None), never],
            vec![("a", Some(WhyNot::ApprovedByBeneficiary)), ("c", None), never],
            vec![("a", Some(WhyNot::ApprovedByNobody))],
            vec![("a", Some(WhyNot::Expired))],
            vec![("c", Some(WhyNot::Revoked))],
            // Not approved yet; and what does not deviate needs no waiver.
            vec![],
            vec![],
        ]
    );
}

#[test]
fn nobody_waives_what_is_theirs_but_another_waiver_of_the_same_item_counts() {
    let owned = Principal { owner: Some("Bob".to_owned()), ..user_without_mfa("a") };
    let readings = [principals(&[owned])];
    for own in ["bob", "A"] {
        let verdict = mfa(&readings, &[waiver("*", own)]);
        assert_eq!(only(&verdict).reason, "waiver-invalid");
        for waivers in [[waiver("*", own), waiver("*/a", "ciso")], [waiver("*/a", "ciso"), waiver("*", own)]] {
            assert_eq!(only(&mfa(&readings, &waivers)).reason, "approved-waiver");
        }
    }
    assert_eq!(only(&mfa(&readings, &[waiver("*:user/b", "ciso")])).reason, "console-without-mfa");
}

#[test]
fn a_waiver_that_names_nobody_as_its_approver_never_counts() {
    let readings = [principals(&[user_without_mfa("a")])];
    for approver in ["", " ", "\t\n"] {
        let verdict = mfa(&readings, &[waiver("*", approver)]);
        assert_eq!((only(&verdict).outcome, only(&verdict).reason.as_str()), (Outcome::Deviation, "waiver-invalid"));
        assert!(only(&verdict).seen.contains("nobody"), "{}", only(&verdict).seen);
        let beside = [waiver("*", approver), waiver("*", "ciso")];
        assert_eq!(only(&mfa(&readings, &beside)).reason, "approved-waiver");
    }
}

#[test]
fn everybody_in_a_change_and_whoever_performed_a_restore_gain_by_a_waiver_of_it() {
    let change = merged(PullRequest { reviews: Vec::new(), ..pull_request() });
    let reason = |change: &Change, approver: &str| {
        let readings = [reading(Items::Changes(vec![change.clone()]))];
        let waivers = [waiver("acme/shop#41@*", approver)];
        only(&judge(&test("change_review", &json!({})), &readings, &waivers, at("12:00"))).reason.clone()
    };
    assert_eq!(reason(&change, "alice"), "waiver-invalid");
    assert_eq!(reason(&change, "ciso"), "approved-waiver");
    assert_eq!(reason(&pushed(LandingKind::ForcePush), "Alice"), "waiver-invalid");
    let unvalidated = evidenced_collectors::contract::RestoreTest { validation: None, ..restore("1", "db", "08:00") };
    let readings = [reading(restores(vec![store("db")], vec![unvalidated]))];
    let verdict =
        |approver| judge(&test("restore_test", &json!({})), &readings, &[waiver("db 2026Q1", approver)], at("12:00"));
    assert_eq!(verdict("sre").judgements[1].reason, "waiver-invalid");
    assert_eq!(verdict("ciso").judgements[1].reason, "approved-waiver");
}

#[test]
fn root_access_keys_and_what_could_not_be_judged_are_never_waived() {
    let root = PrincipalDetail::Root {
        password: Some(true),
        mfa: Some(true),
        virtual_mfa: Some(false),
        keys: Some(1),
        certificates: Some(0),
    };
    let keys = Principal { detail: root, ..user("root") };
    let unknown = Principal { report_at: None, ..user("a") };
    let expired = Waiver { expires: at("2026-02-01T00:00:00Z"), ..waiver("*", "ciso") };
    for waiver in [waiver("*", "ciso"), expired] {
        let waivers = [waiver];
        assert_eq!(only(&mfa(&[principals(std::slice::from_ref(&keys))], &waivers)).reason, "root-access-keys");
        assert_eq!(only(&mfa(&[principals(std::slice::from_ref(&unknown))], &waivers)).reason, "report-time-unknown");
    }
}

#[test]
fn a_change_requested_after_an_approval_of_the_same_change_in_a_newer_reading_fails_it() {
    let mut pr = pull_request();
    let old = Reading { as_of: at("10:30"), ..reading(Items::Changes(vec![merged(pr.clone())])) };
    pr.reviews.push(Review { state: ReviewState::ChangesRequested, ..super::facts::approval("carol", 1, "09:50") });
    let new = reading(Items::Changes(vec![merged(pr)]));
    let verdict = judge(&test("change_review", &json!({})), &[old, new], &[], at("12:00"));
    assert_eq!(only(&verdict).reason, "changes-requested");
}
