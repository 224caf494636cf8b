//! Knowing less never makes a pass: every fact that may be unknown, of every item, forgotten one at a time.
//!
//! What `None` says besides "unknown" is the contract's: of `base_changed_at` that the base was not
//! switched, of an author or actor with no account that the account is deleted, of `initiator` outside an
//! agent's pull request that there is none, of a test's own target that the store's counts, and of `since`
//! that a store always was, of a root user's report that the source answered for the moment. `Review::commit`
//! is left out because the documented rule then goes by the times of the pushes; of a test without reviewer
//! `pending` is no pass. A test that goes on into the future stops its whole quarter, for a clock is wrong;
//! one whose end is missing stops only itself.

use super::facts::{at, commit, merged, person, pushed, reading, restores, store, test, user, with_commits};
use super::properties::{PEOPLE, changes, found, policies, restore_tests};
use chrono::TimeDelta;
use evidenced::judge::{Outcome, Test, Verdict, judge};
use evidenced_collectors::contract::{
    Actor, ActorKind, Change, CommitAuthor, Device, Items, LandingKind, Lookup, PostHoc, Principal, PrincipalDetail,
    PrincipalType, RestoreTest, Store,
};
use proptest::prelude::*;
use serde_json::json;

/// Forgets one fact of an item, if it is known.
type Forget<T> = fn(&mut T);

fn passes(verdict: &Verdict) -> Vec<&str> {
    verdict.judgements.iter().filter(|j| j.outcome == Outcome::Pass).map(|j| j.item.as_str()).collect()
}

fn judged(test: &Test, items: Items) -> Verdict {
    judge(test, &[reading(items)], &[], at("12:00"))
}

/// Nothing passes after it that did not before.
#[track_caller]
fn expect_no_new_pass(test: &Test, before: Items, after: Items) {
    let (old, new) = (judged(test, before), judged(test, after));
    assert!(passes(&new).iter().all(|item| passes(&old).contains(item)), "{old:#?}\n{new:#?}");
}

/// What can be wrong with a change that has enough approvals. An approval of which less is known is one
/// that is missing, and the documented ladder then asks for a review afterwards, which it did not before.
const OF_APPROVED_CHANGES: [&str; 9] = [
    "changes-requested",
    "code-owner-missing",
    "rule-bypassed",
    "rule-outcome-unknown",
    "commit-author-unmatched",
    "code-owners-unread",
    "last-pusher-unknown",
    "dismissal-unknown",
    "reviewer-account-deleted",
];

const OF_A_CHANGE: [Forget<Change>; 15] = [
    |change| change.paths = None,
    |change| change.authors.iter_mut().for_each(|author| author.login = None),
    |change| change.pull_request = Lookup::Failed("502".to_owned()),
    |change| change.post_hoc.iter_mut().for_each(|review| review.ticket = None),
    |change| change.post_hoc.iter_mut().for_each(|review| review.reviewer = None),
    |change| change.post_hoc.iter_mut().for_each(|review| review.can_push = None),
    |change| of_reviews(change, |review| review.can_push = None),
    |change| of_reviews(change, |review| review.author = None),
    |change| of_commits(change, |commit| commit.pushed_by = None),
    |change| of_commits(change, |commit| commit.pushed_at = None),
    |change| of_commits(change, |commit| commit.changes_content = None),
    |change| of_commits(change, |commit| commit.authors.iter_mut().for_each(|author| author.login = None)),
    |change| of_commits(change, |commit| commit.committer = Some(CommitAuthor { login: None })),
    |change| {
        if let Lookup::Found(pr) = &mut change.pull_request {
            pr.owners_of_paths = None;
        }
    },
    |change| {
        if let Lookup::Found(pr) = &mut change.pull_request {
            pr.same_as_landed = false;
        }
    },
];

fn of_reviews(change: &mut Change, forget: Forget<evidenced_collectors::contract::Review>) {
    let Lookup::Found(pr) = &mut change.pull_request else { return };
    let approvals = pr.reviews.iter_mut();
    approvals.filter(|review| review.state == evidenced_collectors::contract::ReviewState::Approved).for_each(forget);
}

fn of_commits(change: &mut Change, forget: Forget<evidenced_collectors::contract::PrCommit>) {
    if let Lookup::Found(pr) = &mut change.pull_request {
        pr.commits.iter_mut().for_each(forget);
    }
}

/// With a review afterwards by somebody who may have had a hand in it.
fn landed(change: Change, post_hoc: Option<usize>) -> Change {
    let reviewer = |who: usize| PostHoc {
        ticket: Some("INC-1".to_owned()),
        reviewer: person(PEOPLE[who]),
        can_push: Some(true),
        at: at("11:00"),
    };
    Change { post_hoc: post_hoc.map(reviewer).into_iter().collect(), ..change }
}

const OF_A_TEST: [Forget<RestoreTest>; 10] = [
    |test| test.recovery_point = None,
    |test| test.restored = None,
    |test| test.validated = None,
    |test| test.validation = None,
    |test| test.env_target = None,
    |test| test.performer = None,
    |test| test.reviewer = None,
    |test| test.reviewed_at = None,
    |test| test.ticket = None,
    |test| test.checks.iter_mut().for_each(|check| (check.expected, check.actual) = (None, None)),
];

const TARGETS: [fn(&mut RestoreTest, &mut [Store]); 2] = [
    |test, stores| {
        test.rto_target_s = None;
        stores.iter_mut().for_each(|store| store.rto_target_s = None);
    },
    |test, stores| {
        test.rpo_target_s = None;
        stores.iter_mut().for_each(|store| store.rpo_target_s = None);
    },
];

const OF_A_PRINCIPAL: [Forget<Principal>; 8] = [
    |principal| {
        if matches!(principal.detail, PrincipalDetail::IamUser { .. }) {
            principal.report_at = None;
        }
    },
    |principal| principal.owner = None,
    |principal| of_root(principal, |password, _, _, _, _| *password = None),
    |principal| of_root(principal, |_, mfa, _, _, _| *mfa = None),
    |principal| of_root(principal, |_, _, virtual_mfa, _, _| *virtual_mfa = None),
    |principal| of_root(principal, |_, _, _, keys, _| *keys = None),
    |principal| of_root(principal, |_, _, _, _, certificates| *certificates = None),
    |principal| {
        if let PrincipalDetail::IamUser { mfa_deny_policy, .. } = &mut principal.detail {
            *mfa_deny_policy = None;
        }
    },
];

type OfRoot = fn(&mut Option<bool>, &mut Option<bool>, &mut Option<bool>, &mut Option<u32>, &mut Option<u32>);

fn of_root(principal: &mut Principal, forget: OfRoot) {
    if let PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates } = &mut principal.detail {
        forget(password, mfa, virtual_mfa, keys, certificates);
    }
}

fn principals() -> impl Strategy<Value = Principal> {
    let known = any::<Option<bool>>;
    let count = || prop::option::of(0..2_u32);
    let root =
        (known(), known(), known(), count(), count()).prop_map(|(password, mfa, virtual_mfa, keys, certificates)| {
            PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates }
        });
    let iam = (any::<bool>(), any::<bool>(), 0..3_usize, 0..2_u32, known()).prop_map(
        |(password, mfa, devices, keys, mfa_deny_policy)| PrincipalDetail::IamUser {
            password,
            mfa,
            devices: [vec![], vec![Device::Fido], vec![Device::KeyOrToken]][devices].clone(),
            keys,
            principal_type: PrincipalType::Unknown,
            mfa_deny_policy,
        },
    );
    let age = prop::option::of(prop::sample::select(vec!["07:00", "09:00", "12:10"]));
    (prop_oneof![root, iam], age).prop_map(|(detail, report_at)| Principal {
        detail,
        report_at: report_at.map(at),
        ..user("u")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1024), ..ProptestConfig::default() })]

    #[test]
    fn forgetting_a_fact_of_a_change_never_makes_a_pass(
        policy in policies(),
        change in changes(),
        agent in any::<bool>(),
        alone in any::<bool>(),
        post_hoc in prop::option::of(0..4_usize),
        what in prop::sample::select(OF_A_CHANGE.to_vec()),
    ) {
        let test = test("change_review", &policy);
        let mut pr = found(&change);
        if agent {
            pr.author = Some(Actor { login: "agent".to_owned(), kind: ActorKind::Agent });
            pr.initiator = Some("dave".to_owned());
        }
        let change = if alone { pushed(LandingKind::Push) } else { merged(pr) };
        let before = landed(change, post_hoc);
        let mut after = before.clone();
        what(&mut after);
        let [old, new] = [&before, &after].map(|change| judged(&test, Items::Changes(vec![change.clone()])));
        let approved = OF_APPROVED_CHANGES.contains(&old.judgements[0].reason.as_str());
        let asked_now = approved && new.judgements[0].reason == "emergency-reviewed";
        prop_assert!(passes(&new).is_empty() || !passes(&old).is_empty() || asked_now, "{old:#?}\n{new:#?}");
        // Who started an agent: of a review afterwards that is not asked yet.
        if post_hoc.is_none() && agent {
            let mut after = before.clone();
            if let Lookup::Found(pr) = &mut after.pull_request {
                pr.initiator = None;
            }
            expect_no_new_pass(&test, Items::Changes(vec![before]), Items::Changes(vec![after]));
        }
    }

    #[test]
    fn forgetting_a_fact_of_a_restore_test_never_makes_a_pass(
        tests in prop::collection::vec(restore_tests(), 1..3).prop_filter("one at least", |tests| !tests.concat().is_empty()),
        asks in prop::sample::select(vec!["both", "operated", "objective"]),
        what in prop::sample::select(OF_A_TEST.to_vec()),
        target in prop::option::of(prop::sample::select(TARGETS.to_vec())),
        which in any::<prop::sample::Index>(),
    ) {
        let mut before = tests.concat();
        before.iter_mut().zip(1..).for_each(|(test, number)| test.id = format!("{number}"));
        let mut after = before.clone();
        let mut stores = vec![store("a"), store("b")];
        let test = &mut after[which.index(before.len())];
        match target {
            Some(forget) => forget(test, &mut stores),
            None => what(test),
        }
        let items = restores(vec![store("a"), store("b")], before);
        expect_no_new_pass(&self::test("restore_test", &json!({ "asks": asks })), items, restores(stores, after));
    }

    #[test]
    fn forgetting_a_fact_of_a_principal_never_makes_a_pass(
        principal in principals(),
        hardware in any::<bool>(),
        resistant in any::<bool>(),
        what in prop::sample::select(OF_A_PRINCIPAL.to_vec()),
    ) {
        let policy = json!({
            "root_kind": if hardware { "hardware" } else { "any" },
            "user_kind": if resistant { "phishing_resistant" } else { "any" },
        });
        let mut after = principal.clone();
        what(&mut after);
        let (before, after) = (Items::Principals(vec![principal]), Items::Principals(vec![after]));
        expect_no_new_pass(&test("mfa", &policy), before, after);
    }
}

#[test]
fn what_is_forgotten_was_known_and_decides() {
    // Otherwise the properties above would hold of anything.
    let before = merged(with_commits(vec![commit(1, "alice", "08:00")]));
    let change = |forget: Forget<Change>| {
        let mut after = before.clone();
        forget(&mut after);
        judge(&test("change_review", &json!({})), &[reading(Items::Changes(vec![after]))], &[], at("12:00"))
    };
    assert_eq!(passes(&change(|_| ())).len(), 1);
    let decides = OF_A_CHANGE.iter().filter(|forget| passes(&change(**forget)).is_empty()).count();
    assert_eq!(decides, 5, "the pull request, whether it landed, whether bob could write, who he is, who pushed last");
    let good = super::facts::restore("1", "a", "2026-02-10T00:00:00Z");
    let restored = |forget: Forget<RestoreTest>| {
        let mut after = good.clone();
        forget(&mut after);
        let as_of = at("12:00") + TimeDelta::days(1);
        judge(&test("restore_test", &json!({})), &[reading(restores(vec![store("a")], vec![after]))], &[], as_of)
    };
    assert_eq!(passes(&restored(|_| ())).len(), 1);
    let decides = OF_A_TEST.iter().filter(|forget| passes(&restored(**forget)).is_empty()).count();
    assert_eq!(decides, 8, "all but when the data was back, and a ticket that none needs");
}
