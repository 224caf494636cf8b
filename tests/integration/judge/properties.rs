//! What holds for every population.

use super::audit_log::audit_logs;
use super::facts::{
    approval, at, commit, merged, not_read, person, reading, restore, restores, store, test, user, user_without_mfa,
    waiver, with_commits,
};
use super::vulnerability::vulnerabilities;
use chrono::TimeDelta;
use evidenced::judge::{Outcome, Reading, Test, Verdict, VerdictOutcome, judge};
use evidenced_collectors::contract::{
    AccountState, ActorKind, AuditLog, AuditLogDetail, Change, CommitAuthor, Dismissal, Items, Lookup, PostHoc,
    PrCommit, Principal, PrincipalDetail, PullRequest, RestoreStatus, RestoreTest, Restores, Review, ReviewState,
    RuleOutcome, Scanning, Vulnerability, VulnerabilityDetail,
};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(super) const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

pub(super) fn policies() -> impl Strategy<Value = Value> {
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
pub(super) fn reviews() -> impl Strategy<Value = Vec<Review>> {
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
    pub(super) fn changes()(
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

pub(super) fn principals() -> impl Strategy<Value = Vec<Principal>> {
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

pub(super) fn restore_tests() -> impl Strategy<Value = Vec<RestoreTest>> {
    let facts = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let one = (0..3_usize, 1..29_u32, 0..12_usize, facts);
    prop::collection::vec(one, 0..6).prop_map(|list| {
        (0..)
            .zip(list)
            .map(|(number, (store, day, wrong, (ticket_closed, timed, reviewed, into_production)))| {
                let id = format!("{number}");
                let mut test = restore(&id, ["a", "b", "unregistered"][store], &format!("2026-02-{day:02}T00:00:00Z"));
                test.ticket_closed = ticket_closed;
                test.ticket = ticket_closed.then(|| "OPS-1".to_owned());
                match wrong {
                    0 => test.status = RestoreStatus::Failed,
                    1 => test.rto_target_s = Some(60),
                    2 => test.rpo_target_s = Some(60),
                    3 => test.reviewer = test.performer.clone(),
                    4 => test.reviewed_at = test.validated.map(|at| at + TimeDelta::days(20)),
                    5 => test.checks[0].actual = Some("0".to_owned()),
                    6 => test.validation = None,
                    7 => test.validated = test.validated.filter(|_| timed),
                    8 => (test.reviewer, test.reviewed_at) = (None, test.reviewed_at.filter(|_| reviewed)),
                    9 if into_production => test.env_target = Some("production".to_owned()),
                    _ => {}
                }
                test
            })
            .collect()
    })
}

pub(super) fn rank(verdict: &Verdict) -> u8 {
    match verdict.outcome {
        VerdictOutcome::Pass => 0,
        VerdictOutcome::Indeterminate => 1,
        VerdictOutcome::Deviation => 2,
    }
}

fn review(policy: &Value, change: Change) -> Verdict {
    judge(&test("change_review", policy), &[reading(Items::Changes(vec![change]))], &[], at("12:00"))
}

pub(super) fn found(change: &Change) -> PullRequest {
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

    /// With one exception, which `an_emergency_review_helps_where_approvals_are_missing` shows for what it is:
    /// the documented ladder asks for a review after the fact only when approvals are missing.
    #[test]
    fn taking_a_reviewers_approvals_away_never_makes_a_pass(
        policy in policies(),
        change in changes(),
        afterwards in prop::option::of(0..4_usize),
        who in 0..4_usize,
    ) {
        let afterwards = afterwards.map(|reviewer| afterwards_by(PEOPLE[reviewer]));
        let with = |pr| with_post_hoc(merged(pr), afterwards.clone());
        let before = review(&policy, with(found(&change)));
        let mut pr = found(&change);
        let theirs = |r: &Review| r.author.as_ref().map_or(who == 0, |author| author.login == PEOPLE[who]);
        pr.reviews.retain(|r| !(theirs(r) && r.state == ReviewState::Approved));
        let after = review(&policy, with(pr));
        let emergency = after.judgements[0].reason == "emergency-reviewed";
        prop_assert!(rank(&after) > 0 || rank(&before) == 0 || emergency, "{before:?}\n{after:?}");
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
    fn the_order_of_lists_that_have_none_changes_nothing(
        policy in policies(),
        (list, shuffled) in prop::collection::vec(changes(), 0..4).prop_map(numbered).prop_flat_map(both_orders),
        (people, others) in principals().prop_flat_map(both_orders),
        (tests, mixed) in restore_tests().prop_flat_map(both_orders),
        (regions, elsewhere) in prop::collection::vec(audit_logs(), 0..4).prop_flat_map(both_orders),
        split in 0..7_usize,
    ) {
        let stores = || vec![store("a"), store("b")];
        let back = || stores().into_iter().rev().collect();
        for (name, policy, one, other) in [
            ("change_review", policy, Items::Changes(list), Items::Changes(shuffled)),
            ("mfa", json!({"user_kind": "phishing_resistant"}), Items::Principals(people), Items::Principals(others)),
            ("restore_test", json!({}), restores(stores(), tests), restores(back(), mixed)),
            ("audit_logging", json!({}), Items::AuditLogs(regions), Items::AuditLogs(elsewhere)),
        ] {
            let test = test(name, &policy);
            let judged = |readings: &[Reading]| judge(&test, readings, &[], at("12:00"));
            prop_assert_eq!(judged(&[reading(one.clone())]), judged(&[reading(turned(other))]));
            let (front, end) = parted(one, split);
            let (front, end) = (reading(front), reading(end));
            prop_assert_eq!(judged(&[front.clone(), end.clone()]), judged(&[end, front]));
        }
    }

    #[test]
    fn something_not_read_never_improves_a_verdict(which in any_test(), whole in any::<bool>(), how in 0..4_usize) {
        let (test, items) = which;
        let verdict = |readings: &[Reading]| judge(&test, readings, &[], at("12:00"));
        let unread = if whole { Vec::new() } else { vec![not_read("account 1")] };
        let before = Reading { unread, ..reading(items) };
        let nothing = Reading { items: None, ..reading(restores(Vec::new(), Vec::new())) };
        let mut readings = vec![before.clone()];
        match how {
            0 => readings[0].unread.push(not_read("account 2")),
            1 => readings[0].items = readings[0].items.take().map(with_an_unreadable_item),
            2 => readings.push(nothing),
            _ => readings.push(Reading { unread: vec![not_read("account 2")], ..nothing }),
        }
        let (old, new) = (verdict(&[before]), verdict(&readings));
        prop_assert!(rank(&new) >= rank(&old) && rank(&new) > 0, "{old:?}\n{new:?}");
        prop_assert!(old.unread.iter().all(|unread| new.unread.contains(unread)));
        readings[0].items = None;
        prop_assert!(rank(&verdict(&readings[..1])) > 0, "and a reading that is lost is no pass");
    }

    #[test]
    fn a_waiver_changes_nothing_but_deviations(which in any_test(), approver in 0..5_usize, pattern in 0..3_usize) {
        let (test, items) = which;
        let approver = ["cto", "alice", "sre", "u1", "nobody"][approver];
        let waiver = waiver(["*", "*1*", "*2026Q1"][pattern], approver);
        let verdict = |waivers: &[_]| judge(&test, &[reading(items.clone())], waivers, at("12:00"));
        let (old, new) = (verdict(&[]), verdict(&[waiver]));
        prop_assert_eq!(&old.unread, &new.unread);
        prop_assert_eq!(old.judgements.len(), new.judgements.len());
        for (before, after) in old.judgements.iter().zip(&new.judgements) {
            let waived = matches!(after.reason.as_str(), "approved-waiver" | "waiver-invalid");
            prop_assert!(before == after || (before.outcome == Outcome::Deviation && waived), "{before:?}\n{after:?}");
        }
    }

    #[test]
    fn a_missing_restore_test_is_never_mended_by_waiting(
        tests in restore_tests(),
        asks in prop::sample::select(vec!["both", "operated", "objective"]),
        days in prop::collection::vec(0..400_i64, 2),
    ) {
        let policy = test("restore_test", &json!({ "asks": asks }));
        let [early, late] = [days[0].min(days[1]), days[0].max(days[1])].map(|day| at("12:00") + TimeDelta::days(day));
        let judged = |tests: &[RestoreTest], as_of| {
            judge(&policy, &[reading(restores(vec![store("a"), store("b")], tests.to_vec()))], &[], as_of)
        };
        let missing = |verdict: &Verdict| -> Vec<String> {
            let no_test = |reason: &str| matches!(reason, "no-restore-test" | "recovery-not-shown");
            verdict.judgements.iter().filter(|j| no_test(&j.reason)).map(|j| j.item.clone()).collect()
        };
        let (before, after) = (judged(&tests, early), judged(&tests, late));
        for item in missing(&before) {
            let now = after.judgements.iter().find(|judgement| judgement.item == item);
            prop_assert!(now.is_none_or(|judgement| judgement.outcome != Outcome::Pass), "{now:?}");
        }
        // And while there is no test at all, nothing else makes the verdict a pass either.
        prop_assert!(rank(&judged(&[], early)) == 0 || rank(&judged(&[], late)) > 0);
        prop_assert!(rank(&judged(&[], late)) > 0, "the quarter before was missed");
    }
}

#[test]
fn an_emergency_review_helps_where_approvals_are_missing() {
    let bypassed = PullRequest { rule: RuleOutcome::Bypass, ..with_commits(vec![commit(1, "alice", "08:00")]) };
    let judged = |pr| review(&json!({}), with_post_hoc(merged(pr), Some(afterwards_by("erin")))).judgements.remove(0);
    let approved = judged(bypassed.clone());
    assert_eq!((approved.outcome, approved.reason.as_str()), (Outcome::Deviation, "rule-bypassed"));
    let without = judged(PullRequest { reviews: Vec::new(), ..bypassed });
    assert_eq!((without.outcome, without.reason.as_str()), (Outcome::Pass, "emergency-reviewed"));
}

fn with_post_hoc(change: Change, post_hoc: Option<PostHoc>) -> Change {
    Change { post_hoc: post_hoc.into_iter().collect(), ..change }
}

/// An hour after the landing.
fn afterwards_by(login: &str) -> PostHoc {
    PostHoc { ticket: Some("INC-1".to_owned()), reviewer: person(login), can_push: Some(true), at: at("11:00") }
}

fn both_orders<T: Clone + std::fmt::Debug + 'static>(list: Vec<T>) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    (Just(list.clone()), Just(list).prop_shuffle())
}

/// Each with an id of its own.
fn numbered(changes: Vec<Change>) -> Vec<Change> {
    (0..).zip(changes).map(|(number, change)| Change { id: format!("acme/shop#{number}"), ..change }).collect()
}

fn parted(items: Items, at: usize) -> (Items, Items) {
    fn two<T>(mut list: Vec<T>, at: usize) -> (Vec<T>, Vec<T>) {
        let end = list.split_off(at.min(list.len()));
        (list, end)
    }
    match items {
        Items::Changes(list) => {
            let (front, end) = two(list, at);
            (Items::Changes(front), Items::Changes(end))
        }
        Items::Principals(list) => {
            let (front, end) = two(list, at);
            (Items::Principals(front), Items::Principals(end))
        }
        Items::Restores(Restores { stores, tests }) => {
            let (front, end) = two(tests, at);
            (restores(stores.clone(), front), restores(stores, end))
        }
        Items::Vulnerabilities(list) => {
            let (front, end) = two(list, at);
            (Items::Vulnerabilities(front), Items::Vulnerabilities(end))
        }
        Items::AuditLogs(list) => {
            let (front, end) = two(list, at);
            (Items::AuditLogs(front), Items::AuditLogs(end))
        }
        _ => unreachable!("any_test makes no registers"),
    }
}

/// The lists inside of each item the other way round, where they have no order.
fn turned(mut items: Items) -> Items {
    match &mut items {
        Items::Changes(list) => list.iter_mut().for_each(|change| {
            change.authors.reverse();
            change.paths.iter_mut().for_each(|paths| paths.reverse());
        }),
        Items::Principals(list) => list.iter_mut().for_each(|principal| match &mut principal.detail {
            PrincipalDetail::IdentityCenter { signin_factors, .. } => signin_factors.reverse(),
            PrincipalDetail::Account { .. }
            | PrincipalDetail::Root { .. }
            | PrincipalDetail::IamUser { .. }
            | PrincipalDetail::IdentityProvider { .. } => {}
        }),
        Items::Restores(restores) => restores.tests.iter_mut().for_each(|test| test.checks.reverse()),
        Items::Vulnerabilities(_) => {}
        Items::AuditLogs(list) => list.iter_mut().for_each(|item| match &mut item.detail {
            AuditLogDetail::Region(logs) => logs.trails.iter_mut().for_each(|trails| trails.reverse()),
            AuditLogDetail::Account { .. } => {}
        }),
        _ => unreachable!("any_test makes no registers"),
    }
    items
}

fn with_an_unreadable_item(mut items: Items) -> Items {
    match &mut items {
        Items::Changes(list) => list.push(Change {
            id: "acme/shop#lost".to_owned(),
            pull_request: Lookup::Failed("502".to_owned()),
            ..merged(with_commits(vec![commit(1, "alice", "08:00")]))
        }),
        Items::Principals(list) => list.push(Principal {
            id: "2:account".to_owned(),
            detail: PrincipalDetail::Account { state: AccountState::Active, read: false },
            ..user("account")
        }),
        Items::Restores(restores) => restores.tests.push(restore("lost", "lost", "2026-02-01T00:00:00Z")),
        Items::Vulnerabilities(list) => list.push(Vulnerability {
            id: "acme/lost".to_owned(),
            place: "acme/lost".to_owned(),
            url: String::new(),
            detail: VulnerabilityDetail::Place { scanning: Scanning::Unread },
        }),
        Items::AuditLogs(list) => list.push(AuditLog {
            id: "2:account".to_owned(),
            account: "2".to_owned(),
            name: "lost".to_owned(),
            detail: AuditLogDetail::Account { state: AccountState::Active },
        }),
        _ => unreachable!("any_test makes no registers"),
    }
    items
}

/// Each of the tests, with items for it.
fn any_test() -> impl Strategy<Value = (Test, Items)> {
    let stores = || vec![store("a"), store("b")];
    prop_oneof![
        (policies(), prop::collection::vec(changes(), 0..3))
            .prop_map(|(policy, list)| (test("change_review", &policy), Items::Changes(numbered(list)))),
        principals().prop_map(|list| {
            let alone = |(number, one): (u32, Principal)| Principal { id: format!("1:{number}"), ..one };
            (test("mfa", &json!({})), Items::Principals((0..).zip(list).map(alone).collect()))
        }),
        (prop::sample::select(vec!["both", "operated", "objective"]), restore_tests())
            .prop_map(move |(asks, list)| (test("restore_test", &json!({"asks": asks})), restores(stores(), list))),
        prop::collection::vec(vulnerabilities(), 0..4).prop_map(|list| {
            let alone = |(number, one): (u32, Vulnerability)| Vulnerability { id: format!("acme/{number}"), ..one };
            let list = (0..).zip(list).map(alone).collect();
            (test("vulnerabilities", &json!({"approvers": ["alice"]})), Items::Vulnerabilities(list))
        }),
        prop::collection::vec(audit_logs(), 0..4).prop_map(|list| {
            let alone = |(number, one): (u32, AuditLog)| AuditLog { id: format!("1:{number}"), ..one };
            (test("audit_logging", &json!({})), Items::AuditLogs((0..).zip(list).map(alone).collect()))
        }),
    ]
}
