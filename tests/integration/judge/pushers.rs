//! Change review: who pushed last, and what is made of it where nobody says.

use super::facts::{approval, base_merge, commit, expect_change, merged, with_commits};
use evidenced::judge::Outcome::{Deviation, Indeterminate, Pass};
use evidenced_collectors::contract::{PrCommit, PullRequest, Review};
use serde_json::json;

#[test]
fn who_only_merges_the_base_has_not_pushed_last_and_who_pushed_content_before_has() {
    let of = |pusher: &str, update: PrCommit, looked_at, same_as_merged| {
        let review = Review { same_as_merged, ..approval("bob", looked_at, "09:40") };
        let commits = vec![commit(1, pusher, "08:00"), update];
        merged(PullRequest { reviews: vec![review], ..with_commits(commits) })
    };
    let maybe = |by: &str| PrCommit { changes_content: None, ..commit(2, by, "09:30") };
    let last = "approver-pushed-last";
    for (change, outcome, reason) in [
        // It changes nothing.
        (of("alice", base_merge(2, "bob", "09:30"), 1, false), Pass, "approved"),
        (of("bob", base_merge(2, "alice", "09:30"), 2, false), Deviation, last),
        // It may change something.
        (of("alice", maybe("bob"), 2, false), Deviation, last),
        (of("bob", maybe("alice"), 2, false), Deviation, last),
        (of("alice", maybe("alice"), 2, false), Pass, "approved"),
        // What was approved before it is shown to be what was merged.
        (of("alice", maybe("bob"), 1, true), Pass, "approved"),
        (of("bob", maybe("alice"), 1, true), Deviation, last),
    ] {
        expect_change(json!({}), change, outcome, reason);
    }
    // Nothing but merges of the base: somebody pushed last all the same.
    let nothing =
        PullRequest { reviews: vec![approval("bob", 1, "09:00")], ..with_commits(vec![base_merge(1, "bob", "08:00")]) };
    expect_change(json!({}), merged(nothing), Deviation, last);
}

#[test]
fn each_unknown_pusher_of_what_may_have_changed_content_last_needs_one_approval_more() {
    let unknown = |approvers: &[&str], same_as_merged| {
        let push =
            |number, changes_content| PrCommit { pushed_by: None, changes_content, ..commit(number, "alice", "08:00") };
        let of = |by: &&str| Review { same_as_merged, ..approval(by, if same_as_merged { 1 } else { 2 }, "09:00") };
        let reviews = approvers.iter().map(of).collect();
        merged(PullRequest { reviews, ..with_commits(vec![push(1, Some(true)), push(2, None)]) })
    };
    expect_change(json!({}), unknown(&["bob", "carol"], false), Indeterminate, "last-pusher-unknown");
    expect_change(json!({}), unknown(&["bob", "carol", "dave"], false), Pass, "approved");
    expect_change(json!({}), unknown(&["bob"], true), Indeterminate, "last-pusher-unknown");
    expect_change(json!({}), unknown(&["bob", "carol"], true), Pass, "approved");
}

#[test]
fn an_unknown_last_pusher_needs_one_approval_more_than_the_policy() {
    let unknown = |approvers: &[&str]| {
        let head = PrCommit { pushed_by: None, ..commit(1, "alice", "08:00") };
        let reviews = approvers.iter().map(|by| approval(by, 1, "09:00")).collect();
        merged(PullRequest { reviews, ..with_commits(vec![head]) })
    };
    expect_change(json!({}), unknown(&[]), Deviation, "no-approval");
    expect_change(json!({}), unknown(&["bob"]), Indeterminate, "last-pusher-unknown");
    expect_change(json!({}), unknown(&["bob", "carol"]), Pass, "approved");
    let two = json!({"min_approvals": 2});
    expect_change(two.clone(), unknown(&["bob"]), Deviation, "too-few-approvals");
    expect_change(two.clone(), unknown(&["bob", "carol"]), Indeterminate, "last-pusher-unknown");
    expect_change(two, unknown(&["bob", "carol", "dave"]), Pass, "approved");
}

#[test]
fn the_only_owner_who_approved_must_not_be_the_one_who_may_have_pushed_last() {
    let owned = |owners: &[&str]| {
        let head = PrCommit { pushed_by: None, ..commit(1, "alice", "08:00") };
        let reviews = vec![approval("bob", 1, "09:00"), approval("carol", 1, "09:00")];
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        merged(PullRequest { reviews, owners_of_paths: Some(vec![owners]), ..with_commits(vec![head]) })
    };
    let policy = json!({"require_codeowner": true});
    expect_change(policy.clone(), owned(&["bob"]), Indeterminate, "last-pusher-unknown");
    expect_change(policy.clone(), owned(&["bob", "Carol"]), Pass, "approved");
    expect_change(policy, owned(&["dave"]), Deviation, "code-owner-missing");
    expect_change(json!({}), owned(&["dave"]), Pass, "approved");
}
