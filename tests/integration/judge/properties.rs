//! What holds for every population.

use super::facts::{
    approval, at, commit, merged, not_read, reading, restore, restores, store, test, user, user_without_mfa,
    with_commits,
};
use evidenced::judge::{Reading, Verdict, VerdictOutcome, judge};
use evidenced_collectors::contract::{
    ActorKind, Change, CommitAuthor, Dismissal, Items, Lookup, PrCommit, Principal, PullRequest, RestoreStatus,
    RestoreTest, Review, ReviewState, RuleOutcome,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn policies() -> impl Strategy<Value = Value> {
    (1..3_u32, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(least, strict, owners, roster)| {
        let independence = if strict { "any_committer" } else { "last_pusher" };
        let roster = roster.then_some(["bob", "carol"]);
        json!({"min_approvals": least, "independence": independence, "require_codeowner": owners, "roster": roster})
    })
}

prop_compose! {
    fn commits()(
        list in prop::collection::vec((0..4_usize, prop::option::of(0..4_usize), any::<Option<bool>>(), 0..3_u32), 1..4)
    ) -> Vec<PrCommit> {
        (1..).zip(list).map(|(number, (author, pusher, changes_content, late))| PrCommit {
            authors: vec![CommitAuthor { login: Some(PEOPLE[author].to_owned()) }],
            pushed_by: pusher.map(|who| PEOPLE[who].to_owned()),
            changes_content,
            ..commit(number, "alice", ["08:00", "09:05", "09:30"][late as usize])
        }).collect()
    }
}

/// Bob, carol or dave; what is known of each is the same in all of their reviews.
fn reviews() -> impl Strategy<Value = Vec<Review>> {
    let one = (1..4_usize, 0..4_u32, 0..3_usize, prop::option::of(1..4_u32), any::<bool>());
    prop::collection::vec(one, 0..6).prop_map(|list| {
        (0..)
            .zip(list)
            .map(|(number, (who, minute, state, looked_at, deleted))| {
                let mut review = approval(PEOPLE[who], looked_at.unwrap_or(1), &format!("09:{minute}0"));
                review.id = format!("{number}");
                review.state = [ReviewState::Approved, ReviewState::ChangesRequested, ReviewState::Commented][state];
                review.can_push = [None, Some(true), Some(true), Some(who == 3)][who];
                if looked_at.is_none() {
                    review.commit = None;
                }
                if deleted && who == 1 {
                    review.author = None;
                }
                review
            })
            .collect()
    })
}

prop_compose! {
    fn changes()(
        commits in commits(),
        reviews in reviews(),
        rule in 0..4_usize,
        kind in 0..3_usize,
        dismissed in prop::option::of(0..6_usize),
        owners in prop::option::of(prop::collection::vec(prop::collection::vec(1..4_usize, 0..3), 0..2)),
    ) -> Change {
        let dismissed = dismissed.and_then(|number| reviews.get(number));
        let dismissals = dismissed.map(|r| Dismissal { review: r.id.clone(), at: at("09:45"), was: r.state });
        let mut pr = PullRequest {
            dismissals: dismissals.into_iter().collect(),
            owners_of_paths: owners.map(|groups| {
                groups.iter().map(|group| group.iter().map(|who| PEOPLE[*who].to_owned()).collect()).collect()
            }),
            rule: [RuleOutcome::Pass, RuleOutcome::Bypass, RuleOutcome::NotRead, RuleOutcome::OutOfReach][rule],
            reviews,
            ..with_commits(commits)
        };
        pr.author.as_mut().unwrap().kind = [ActorKind::User, ActorKind::Bot, ActorKind::Unknown][kind];
        merged(pr)
    }
}

fn principals() -> impl Strategy<Value = Vec<Principal>> {
    let one = (0..6_u32, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 0..6).prop_map(|list| {
        list.into_iter()
            .map(|(number, good, timed)| {
                let name = format!("u{number}");
                let user = if good { user(&name) } else { user_without_mfa(&name) };
                Principal { report_at: user.report_at.filter(|_| timed), ..user }
            })
            .collect()
    })
}

fn restore_tests() -> impl Strategy<Value = Vec<RestoreTest>> {
    let one = (0..3_usize, 1..29_u32, any::<bool>(), any::<bool>(), any::<bool>());
    prop::collection::vec(one, 0..6).prop_map(|list| {
        (0..)
            .zip(list)
            .map(|(number, (store, day, failed, ticket_closed, timed))| {
                let id = format!("{number}");
                let test = restore(&id, ["a", "b", "unregistered"][store], &format!("2026-02-{day:02}T00:00:00Z"));
                let status = if failed { RestoreStatus::Failed } else { RestoreStatus::Completed };
                RestoreTest { status, ticket_closed, validated: test.validated.filter(|_| timed), ..test }
            })
            .collect()
    })
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict.outcome {
        VerdictOutcome::Pass => 0,
        VerdictOutcome::Indeterminate => 1,
        VerdictOutcome::Deviation => 2,
    }
}

fn review(policy: &Value, change: Change) -> Verdict {
    judge(&test("change_review", policy), &[reading(Items::Changes(vec![change]))], &[], at("12:00"))
}

fn found(change: &Change) -> PullRequest {
    let Lookup::Found(pr) = &change.pull_request else { unreachable!() };
    (**pr).clone()
}

proptest! {
    #[test]
    fn the_order_of_reviews_dismissals_and_owners_changes_nothing(policy in policies(), change in changes()) {
        let before = review(&policy, change.clone());
        let mut pr = found(&change);
        pr.reviews.reverse();
        pr.dismissals.reverse();
        pr.owners_of_paths.iter_mut().for_each(|groups| groups.iter_mut().for_each(|group| group.reverse()));
        let after = review(&policy, merged(pr));
        prop_assert_eq!(&before.judgements[0].outcome, &after.judgements[0].outcome);
        prop_assert_eq!(&before.judgements[0].reason, &after.judgements[0].reason);
    }

    #[test]
    fn taking_a_reviewers_approvals_away_never_makes_a_pass(policy in policies(), change in changes(), who in 0..4_usize) {
        let before = review(&policy, change.clone());
        let mut pr = found(&change);
        let theirs = |r: &Review| r.author.as_ref().map_or(who == 0, |author| author.login == PEOPLE[who]);
        pr.reviews.retain(|r| !(theirs(r) && r.state == ReviewState::Approved));
        let after = review(&policy, merged(pr));
        prop_assert!(rank(&after) > 0 || rank(&before) == 0, "{before:?}\n{after:?}");
    }

    #[test]
    fn knowing_less_of_an_approval_never_makes_a_pass(policy in policies(), change in changes(), what in 0..5_usize) {
        let before = review(&policy, change.clone());
        let mut pr = found(&change);
        for review in &mut pr.reviews {
            match (what, &mut review.author) {
                (0, _) => review.can_push = None,
                (1, Some(author)) => author.kind = ActorKind::Unknown,
                (2, author) if review.state == ReviewState::Approved => *author = None,
                _ => {}
            }
        }
        if what == 3 {
            pr.commits.iter_mut().for_each(|commit| (commit.pushed_by, commit.pushed_at) = (None, None));
        }
        if what == 4 {
            pr.commits.iter_mut().for_each(|commit| commit.changes_content = None);
        }
        let after = review(&policy, merged(pr));
        prop_assert!(rank(&after) > 0 || rank(&before) == 0, "{before:?}\n{after:?}");
    }

    #[test]
    fn the_order_of_items_and_readings_changes_nothing(
        (list, shuffled) in principals().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        (tests, mixed) in restore_tests().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        split in 0..7_usize,
    ) {
        let policy = test("mfa", &json!({}));
        let readings = |list: &[Principal]| {
            let (one, other) = list.split_at(split.min(list.len()));
            [reading(Items::Principals(one.to_vec())), reading(Items::Principals(other.to_vec()))]
        };
        let whole = |list: &[Principal]| [reading(Items::Principals(list.to_vec()))];
        let judged = |readings: &[Reading]| judge(&policy, readings, &[], at("12:00"));
        prop_assert_eq!(judged(&whole(&list)), judged(&whole(&shuffled)));
        let [one, other] = readings(&list);
        prop_assert_eq!(judged(&[one.clone(), other.clone()]), judged(&[other, one]));
        let policy = test("restore_test", &json!({}));
        let judged = |tests: Vec<RestoreTest>| {
            judge(&policy, &[reading(restores(vec![store("a"), store("b")], tests))], &[], at("12:00"))
        };
        prop_assert_eq!(judged(tests), judged(mixed));
    }

    #[test]
    fn something_not_read_never_improves_a_verdict(list in principals(), whole in any::<bool>(), lost in any::<bool>()) {
        let policy = test("mfa", &json!({}));
        let before = reading(Items::Principals(list));
        let before = Reading { unread: if whole { Vec::new() } else { vec![not_read("account 1")] }, ..before };
        let mut after = before.clone();
        after.unread.push(not_read("account 2"));
        let verdict = |reading: Reading| judge(&policy, &[reading], &[], at("12:00"));
        let (old, new) = (verdict(before), verdict(after.clone()));
        prop_assert!(rank(&new) >= rank(&old) && rank(&new) > 0);
        prop_assert!(new.unread.contains(&not_read("account 2")));
        if lost {
            after.items = None;
            prop_assert_eq!(verdict(after).outcome, VerdictOutcome::Indeterminate);
        }
    }
}
