//! Ordinary facts, for tests to change one thing in.

use chrono::{DateTime, Utc};
use evidenced::judge::{Judgement, Outcome, Reading, Test, Verdict, Waiver, judge};
use evidenced_collectors::contract::{
    Actor, ActorKind, Change, CommitAuthor, Items, Landing, LandingKind, Lookup, PrCommit, Principal, PrincipalDetail,
    PrincipalType, PullRequest, RestoreStatus, RestoreTest, Restores, Review, ReviewState, RuleOutcome, Store, Unread,
    Validation,
};
use serde_json::Value;

/// `2026-03-02T10:00:00Z`, or shorter: `10:00` of that day.
pub(super) fn at(text: &str) -> DateTime<Utc> {
    let full = if text.len() == 5 { format!("2026-03-02T{text}:00Z") } else { text.to_owned() };
    full.parse().unwrap()
}

pub(super) fn person(login: &str) -> Option<Actor> {
    Some(Actor { login: login.to_owned(), kind: ActorKind::User })
}

/// The commit of that number: 40 digits that differ in the first ones.
pub(super) fn oid(number: u32) -> String {
    format!("{number:08x}").repeat(5)
}

pub(super) fn commit(number: u32, by: &str, pushed_at: &str) -> PrCommit {
    PrCommit {
        oid: oid(number),
        authors: vec![CommitAuthor { login: Some(by.to_owned()) }],
        committer: None,
        pushed_by: Some(by.to_owned()),
        pushed_at: Some(at(pushed_at)),
        changes_content: Some(true),
    }
}

/// A merge of the base that is shown to change nothing.
pub(super) fn base_merge(number: u32, by: &str, pushed_at: &str) -> PrCommit {
    PrCommit { changes_content: Some(false), ..commit(number, by, pushed_at) }
}

/// An approval by a person who looked at that commit.
pub(super) fn approval(by: &str, looked_at: u32, when: &str) -> Review {
    Review {
        id: format!("{by} {when}"),
        author: person(by),
        state: ReviewState::Approved,
        at: at(when),
        commit: Some(oid(looked_at)),
        same_as_merged: false,
        can_push: Some(true),
    }
}

/// Alice's pull request of one commit, approved by bob at 09:00, merged by alice at 10:00.
pub(super) fn pull_request() -> PullRequest {
    PullRequest {
        number: 41,
        author: person("alice"),
        initiator: None,
        base: "main".to_owned(),
        merged_at: at("10:00"),
        head: oid(1),
        same_as_landed: true,
        reviews: vec![approval("bob", 1, "09:00")],
        dismissals: Vec::new(),
        base_changed_at: None,
        commits: vec![commit(1, "alice", "08:00")],
        owners_of_paths: Some(Vec::new()),
        rule: RuleOutcome::Pass,
    }
}

/// The same with these commits, the last of which was merged.
pub(super) fn with_commits(commits: Vec<PrCommit>) -> PullRequest {
    PullRequest { head: commits.last().unwrap().oid.clone(), commits, ..pull_request() }
}

pub(super) fn merged(pr: PullRequest) -> Change {
    Change { pull_request: Lookup::Found(Box::new(pr)), ..pushed(LandingKind::PrMerge) }
}

/// What alice landed at 10:00 without a pull request.
pub(super) fn pushed(kind: LandingKind) -> Change {
    Change {
        id: "acme/shop#41@0123456789ab".to_owned(),
        repository: "acme/shop".to_owned(),
        branch: "main".to_owned(),
        url: "https://github.com/acme/shop/pull/41".to_owned(),
        landing: Landing { kind, actor: person("alice"), at: at("10:00"), before: oid(90), after: oid(91) },
        paths: Some(vec!["src/lib.rs".to_owned()]),
        authors: vec![CommitAuthor { login: Some("alice".to_owned()) }],
        pull_request: Lookup::None,
        post_hoc: Vec::new(),
    }
}

/// A console user with a virtual factor, from a report of 09:00.
pub(super) fn user(name: &str) -> Principal {
    Principal {
        id: format!("111122223333:user/{name}"),
        account: "111122223333".to_owned(),
        name: name.to_owned(),
        owner: None,
        report_at: Some(at("09:00")),
        detail: PrincipalDetail::IamUser {
            password: true,
            mfa: true,
            devices: vec![evidenced_collectors::contract::Device::Virtual],
            keys: 0,
            principal_type: PrincipalType::Person,
            mfa_deny_policy: None,
        },
    }
}

/// A console user without a factor.
pub(super) fn user_without_mfa(name: &str) -> Principal {
    let mut user = user(name);
    if let PrincipalDetail::IamUser { mfa, devices, .. } = &mut user.detail {
        *mfa = false;
        devices.clear();
    }
    user
}

pub(super) fn store(name: &str) -> Store {
    Store {
        name: name.to_owned(),
        in_scope: true,
        reason: None,
        since: None,
        retired: None,
        rto_target_s: Some(14_400),
        rpo_target_s: Some(86_400),
    }
}

/// A clean test: usable after an hour, of data an hour old, reviewed an hour later.
pub(super) fn restore(id: &str, store: &str, started: &str) -> RestoreTest {
    let hour = chrono::TimeDelta::hours(1);
    RestoreTest {
        id: id.to_owned(),
        store: store.to_owned(),
        read_from: "restores.jsonl line 1".to_owned(),
        tool: Some("restic 0.19.1".to_owned()),
        backup_id: None,
        recovery_point: Some(at(started) - hour),
        started: at(started),
        restored: None,
        validated: Some(at(started) + hour),
        status: RestoreStatus::Completed,
        validation: Some(Validation::Successful),
        checks: vec![evidenced_collectors::contract::Check {
            name: "row counts".to_owned(),
            expected: None,
            actual: Some("120417".to_owned()),
            ok: true,
        }],
        rto_target_s: None,
        rpo_target_s: None,
        env_source: "production".to_owned(),
        env_target: Some("scratch".to_owned()),
        performer: Some("sre".to_owned()),
        reviewer: Some("lead".to_owned()),
        reviewed_at: Some(at(started) + hour * 2),
        ticket: None,
        ticket_closed: false,
    }
}

pub(super) fn restores(stores: Vec<Store>, tests: Vec<RestoreTest>) -> Items {
    Items::Restores(Restores { stores, tests })
}

/// A whole reading of noon.
pub(super) fn reading(items: Items) -> Reading {
    Reading { collector: "one".to_owned(), as_of: at("12:00"), items: Some(items), unread: Vec::new() }
}

pub(super) fn not_read(what: &str) -> Unread {
    Unread { what: what.to_owned(), why: "refused".to_owned(), permission: None, hint: None }
}

pub(super) fn waiver(item: &str, approver: &str) -> Waiver {
    Waiver {
        item: item.to_owned(),
        approver: approver.to_owned(),
        approved_at: at("2026-01-01T00:00:00Z"),
        expires: at("2026-04-01T00:00:00Z"),
        revoked_at: None,
    }
}

pub(super) fn test(name: &str, policy: &Value) -> Test {
    Test::parse(name, policy).unwrap()
}

/// One reading judged at its own time.
pub(super) fn verdict(name: &str, policy: &Value, items: Items) -> Verdict {
    judge(&test(name, policy), &[reading(items)], &[], at("12:00"))
}

pub(super) fn only(verdict: &Verdict) -> &Judgement {
    assert_eq!(verdict.judgements.len(), 1, "{verdict:?}");
    &verdict.judgements[0]
}

/// Outcome and reason of one change.
#[track_caller]
pub(super) fn expect_change(policy: Value, change: Change, outcome: Outcome, reason: &str) {
    let verdict = verdict("change_review", &policy, Items::Changes(vec![change]));
    let judgement = only(&verdict);
    assert_eq!((judgement.outcome, judgement.reason.as_str()), (outcome, reason), "{}", judgement.seen);
}
