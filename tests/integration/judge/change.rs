//! Change review: what the text decides and the table does not list.

use super::facts::{
    approval, at, base_merge, commit, expect_change, merged, oid, only, person, pull_request, pushed, reading, test,
    verdict, with_commits,
};
use evidenced::judge::Outcome::{Deviation, Excluded, Indeterminate, Pass, Waived};
use evidenced::judge::attributes;
use evidenced_collectors::contract::{
    Actor, ActorKind, Change, CommitAuthor, Dismissal, Fact, Items, LandingKind, Lookup, PostHoc, PrCommit,
    PullRequest, Review, ReviewState, RuleOutcome,
};
use serde_json::json;

fn says(state: ReviewState, by: &str, when: &str) -> Review {
    Review { state, ..approval(by, 1, when) }
}

fn dismissed(by: &str, when: &str, dismissed_at: &str, was: ReviewState) -> (Review, Dismissal) {
    let review = says(ReviewState::Dismissed, by, when);
    let dismissal = Dismissal { review: review.id.clone(), at: at(dismissed_at), was };
    (review, dismissal)
}

fn with_reviews(reviews: Vec<Review>) -> PullRequest {
    PullRequest { reviews, ..pull_request() }
}

fn deleted(review: Review) -> Review {
    Review { author: None, ..review }
}

fn post_hoc(reviewer: &str, when: &str) -> Vec<PostHoc> {
    vec![PostHoc { ticket: Some("INC-7".to_owned()), reviewer: person(reviewer), can_push: Some(true), at: at(when) }]
}

#[test]
fn an_approval_of_the_merged_commit_counts_whatever_the_times_of_the_pushes_say() {
    let late = with_commits(vec![commit(1, "alice", "09:30")]);
    expect_change(json!({}), merged(late), Pass, "approved");
}

#[test]
fn an_approval_of_an_earlier_commit_is_stale_only_if_content_changed_after_it() {
    let changed = with_commits(vec![commit(1, "alice", "08:00"), commit(2, "alice", "08:10")]);
    expect_change(json!({}), merged(changed), Deviation, "stale-approval");
    let updated = with_commits(vec![commit(1, "alice", "08:00"), base_merge(2, "alice", "09:30")]);
    expect_change(json!({}), merged(updated), Pass, "approved");
    let both = with_commits(vec![
        commit(1, "alice", "08:00"),
        base_merge(2, "alice", "09:20"),
        commit(3, "alice", "09:30"),
        base_merge(4, "alice", "09:40"),
    ]);
    expect_change(json!({}), merged(both), Deviation, "stale-approval");
}

#[test]
fn a_merge_that_may_have_changed_content_after_the_approval_cannot_be_told_and_a_real_commit_is_stale() {
    let maybe = |number, when| PrCommit { changes_content: None, ..commit(number, "alice", when) };
    let first = || commit(1, "alice", "08:00");
    let unknown = "approved-content-unknown";
    expect_change(json!({}), merged(with_commits(vec![first(), maybe(2, "09:30")])), Indeterminate, unknown);
    let then_clean = vec![first(), maybe(2, "09:20"), base_merge(3, "alice", "09:30")];
    expect_change(json!({}), merged(with_commits(then_clean)), Indeterminate, unknown);
    for commits in [
        vec![first(), maybe(2, "09:20"), commit(3, "alice", "09:30")],
        vec![first(), commit(2, "alice", "09:20"), maybe(3, "09:30")],
    ] {
        expect_change(json!({}), merged(with_commits(commits)), Deviation, "stale-approval");
    }
    let before_it = PullRequest {
        reviews: vec![approval("bob", 2, "09:00")],
        ..with_commits(vec![maybe(1, "08:00"), commit(2, "alice", "08:10")])
    };
    expect_change(json!({}), merged(before_it), Pass, "approved");
}

#[test]
fn an_approval_of_the_merge_itself_outweighs_one_of_which_that_cannot_be_told() {
    let update = PrCommit { changes_content: None, ..commit(2, "alice", "09:10") };
    let with = |reviews| {
        let commits = vec![commit(1, "alice", "08:00"), update.clone()];
        merged(PullRequest { reviews, ..with_commits(commits) })
    };
    let (early, of_head) = (approval("bob", 1, "09:00"), approval("carol", 2, "09:30"));
    expect_change(json!({}), with(vec![early.clone(), of_head.clone()]), Pass, "approved");
    expect_change(json!({}), with(vec![approval("bob", 2, "09:20"), of_head.clone()]), Pass, "approved");
    expect_change(json!({}), with(vec![early.clone()]), Indeterminate, "approved-content-unknown");
    let two = json!({"min_approvals": 2});
    expect_change(two, with(vec![early, of_head]), Indeterminate, "approved-content-unknown");
}

#[test]
fn an_approval_of_a_commit_that_was_forced_away_or_rebased_is_stale() {
    let replaced = with_commits(vec![commit(2, "alice", "08:00")]);
    expect_change(json!({}), merged(replaced), Deviation, "stale-approval");
}

#[test]
fn abbreviated_commits_match_from_seven_digits_on() {
    let looked_at = |text: &str| {
        let review = Review { commit: Some(text.to_owned()), ..approval("bob", 1, "09:00") };
        merged(with_reviews(vec![review]))
    };
    let full = oid(0x00ab_cdef);
    let with_head = |change: Change| {
        let Lookup::Found(mut pr) = change.pull_request.clone() else { unreachable!() };
        pr.head = full.clone();
        pr.commits[0].oid = full[..12].to_owned();
        Change { pull_request: Lookup::Found(pr), ..change }
    };
    expect_change(json!({}), with_head(looked_at(&full[..7])), Pass, "approved");
    expect_change(json!({}), with_head(looked_at(&full.to_uppercase())), Pass, "approved");
    expect_change(json!({}), with_head(looked_at(&full[..6])), Deviation, "stale-approval");
    expect_change(json!({}), with_head(looked_at("")), Deviation, "stale-approval");
}

#[test]
fn without_the_reviewed_commit_the_times_of_the_pushes_decide_and_unknown_times_are_no_pass() {
    let by_time = |commits: Vec<PrCommit>| {
        let review = Review { commit: None, ..approval("bob", 1, "09:00") };
        merged(PullRequest { reviews: vec![review], ..with_commits(commits) })
    };
    let untimed = PrCommit { pushed_at: None, ..commit(2, "alice", "08:00") };
    let first = || commit(1, "alice", "08:00");
    expect_change(json!({}), by_time(vec![first()]), Pass, "approved");
    expect_change(json!({}), by_time(vec![commit(1, "alice", "09:00")]), Pass, "approved");
    expect_change(json!({}), by_time(vec![commit(1, "alice", "09:01")]), Deviation, "stale-approval");
    expect_change(json!({}), by_time(vec![first(), untimed.clone()]), Indeterminate, "approved-content-unknown");
    let and_later = vec![first(), untimed.clone(), commit(3, "alice", "09:30")];
    expect_change(json!({}), by_time(and_later), Deviation, "stale-approval");
    let unchanged = PrCommit { changes_content: Some(false), ..untimed };
    expect_change(json!({}), by_time(vec![first(), unchanged]), Pass, "approved");
    let maybe = |when| PrCommit { changes_content: None, ..commit(2, "alice", when) };
    expect_change(json!({}), by_time(vec![first(), maybe("09:00")]), Pass, "approved");
    expect_change(json!({}), by_time(vec![first(), maybe("09:01")]), Indeterminate, "approved-content-unknown");
    let before_real = vec![first(), maybe("09:01"), commit(3, "alice", "09:30")];
    expect_change(json!({}), by_time(before_real), Deviation, "stale-approval");
}

#[test]
fn commits_that_do_not_end_at_the_merged_one_say_nothing_of_its_content() {
    let elsewhere = PullRequest { head: oid(7), ..pull_request() };
    expect_change(json!({}), merged(elsewhere), Indeterminate, "approved-content-unknown");
    let none = PullRequest { commits: Vec::new(), ..pull_request() };
    expect_change(json!({}), merged(none), Indeterminate, "approved-content-unknown");
}

#[test]
fn switching_the_base_after_the_approval_makes_it_stale() {
    let switched = |when| merged(PullRequest { base_changed_at: Some(at(when)), ..pull_request() });
    expect_change(json!({}), switched("09:30"), Deviation, "stale-approval");
    expect_change(json!({}), switched("08:30"), Pass, "approved");
    let other = PullRequest { base: "release".to_owned(), ..pull_request() };
    let reviewed = Change { post_hoc: post_hoc("carol", "11:00"), ..merged(other) };
    expect_change(json!({}), reviewed, Deviation, "direct-push");
}

#[test]
fn owners_that_were_not_read_are_no_pass_where_they_are_required() {
    let unread = merged(PullRequest { owners_of_paths: None, ..pull_request() });
    expect_change(json!({"require_codeowner": true}), unread.clone(), Indeterminate, "code-owners-unread");
    expect_change(json!({}), unread, Pass, "approved");
}

#[test]
fn what_is_not_known_of_an_approver_is_no_pass_unless_others_suffice() {
    let rights = Review { can_push: None, ..approval("bob", 1, "09:00") };
    let kind = Review {
        author: Some(Actor { login: "bob".to_owned(), kind: ActorKind::Unknown }),
        ..approval("bob", 1, "09:00")
    };
    let account = deleted(approval("bob", 1, "09:00"));
    let reasons = ["approver-rights-unknown", "reviewer-kind-unknown", "reviewer-account-deleted"];
    for (review, reason) in [rights, kind, account].into_iter().zip(reasons) {
        expect_change(json!({}), merged(with_reviews(vec![review.clone()])), Indeterminate, reason);
        let with_another = vec![review, approval("carol", 1, "09:00")];
        expect_change(json!({}), merged(with_reviews(with_another)), Pass, "approved");
    }
}

#[test]
fn an_approver_who_is_certainly_ruled_out_is_not_excused_by_what_is_unknown() {
    let own = Review { can_push: None, ..approval("Alice", 1, "09:00") };
    expect_change(json!({}), merged(with_reviews(vec![own])), Deviation, "self-approval");
    let off = Review { can_push: None, ..approval("bob", 1, "09:00") };
    expect_change(json!({"roster": ["carol"]}), merged(with_reviews(vec![off])), Deviation, "approver-not-on-roster");
}

#[test]
fn an_author_of_unknown_kind_may_be_an_agent_and_a_deleted_one_is_not_the_approver() {
    let author = |kind| Some(Actor { login: "helper".to_owned(), kind });
    let by = |author: Option<Actor>| merged(PullRequest { author, ..pull_request() });
    expect_change(json!({}), by(author(ActorKind::Unknown)), Indeterminate, "author-kind-unknown");
    expect_change(json!({}), by(author(ActorKind::Agent)), Indeterminate, "agent-initiator-unknown");
    expect_change(json!({}), by(author(ActorKind::Bot)), Pass, "approved");
    expect_change(json!({}), by(None), Pass, "approved");
}

#[test]
fn whoever_reviews_an_agents_change_afterwards_may_have_started_it_where_nobody_says_who_did() {
    let by = |kind, initiator: Option<&str>| {
        let author = Some(Actor { login: "helper".to_owned(), kind });
        let pull = PullRequest { author, initiator: initiator.map(str::to_owned), ..with_reviews(Vec::new()) };
        Change { post_hoc: post_hoc("carol", "11:00"), ..merged(pull) }
    };
    expect_change(json!({}), by(ActorKind::Agent, None), Indeterminate, "agent-initiator-unknown");
    expect_change(json!({}), by(ActorKind::Agent, Some("erin")), Pass, "emergency-reviewed");
    expect_change(json!({}), by(ActorKind::Agent, Some("carol")), Deviation, "no-approval");
    expect_change(json!({}), by(ActorKind::Bot, None), Pass, "emergency-reviewed");
    expect_change(json!({}), by(ActorKind::Unknown, None), Indeterminate, "author-kind-unknown");
}

#[test]
fn bots_and_agents_count_as_approvers_only_where_the_policy_says_so() {
    for kind in [ActorKind::Bot, ActorKind::Agent] {
        let author = Some(Actor { login: "reviewer".to_owned(), kind });
        let change = merged(with_reviews(vec![Review { author, ..approval("bob", 1, "09:00") }]));
        expect_change(json!({}), change.clone(), Deviation, "bot-approval");
        expect_change(json!({"bot_approval": true}), change, Pass, "approved");
    }
}

#[test]
fn an_unmatched_commit_author_matters_where_independence_asks_for_every_author() {
    let mut head = commit(1, "alice", "08:00");
    head.authors.push(CommitAuthor { login: None });
    let change = merged(with_commits(vec![head]));
    let strict = json!({"independence": "any_committer"});
    expect_change(strict, change.clone(), Indeterminate, "commit-author-unmatched");
    expect_change(json!({}), change, Pass, "approved");
}

#[test]
fn dismissals_count_as_of_the_merge() {
    let with = |(review, dismissal): (Review, Dismissal)| {
        let mut pr = with_reviews(vec![review]);
        pr.dismissals.push(dismissal);
        merged(pr)
    };
    let approved = ReviewState::Approved;
    expect_change(json!({}), with(dismissed("bob", "09:00", "09:30", approved)), Deviation, "approval-dismissed");
    expect_change(json!({}), with(dismissed("bob", "09:00", "10:00", approved)), Deviation, "approval-dismissed");
    expect_change(json!({}), with(dismissed("bob", "09:00", "10:01", approved)), Pass, "approved");
    let request = dismissed("bob", "09:00", "09:30", ReviewState::ChangesRequested);
    expect_change(json!({}), with(request), Deviation, "no-approval");
}

#[test]
fn an_approval_after_a_dismissed_one_counts() {
    let (review, dismissal) = dismissed("bob", "08:30", "08:40", ReviewState::Approved);
    let mut pr = with_reviews(vec![review, approval("bob", 1, "09:00")]);
    pr.dismissals.push(dismissal);
    expect_change(json!({}), merged(pr), Pass, "approved");
}

#[test]
fn a_dismissed_review_of_which_nobody_says_more_may_have_stood() {
    let unknown = says(ReviewState::Dismissed, "carol", "09:00");
    expect_change(json!({}), merged(with_reviews(vec![unknown.clone()])), Indeterminate, "dismissal-unknown");
    let beside = with_reviews(vec![approval("bob", 1, "09:00"), unknown]);
    expect_change(json!({}), merged(beside), Indeterminate, "dismissal-unknown");
}

#[test]
fn a_request_for_changes_stands_until_its_author_approves_or_it_is_dismissed() {
    let request = says(ReviewState::ChangesRequested, "carol", "09:10");
    let bob = || approval("bob", 1, "09:00");
    expect_change(json!({}), merged(with_reviews(vec![bob(), request.clone()])), Deviation, "changes-requested");
    let comment = says(ReviewState::Commented, "carol", "09:20");
    let commented = with_reviews(vec![bob(), request.clone(), comment]);
    expect_change(json!({}), merged(commented), Deviation, "changes-requested");
    let settled = with_reviews(vec![bob(), request.clone(), approval("Carol", 1, "09:20")]);
    expect_change(json!({}), merged(settled), Pass, "approved");
    let too_late = with_reviews(vec![bob(), request, approval("carol", 1, "10:20")]);
    expect_change(json!({}), merged(too_late), Deviation, "changes-requested");
    let at_once =
        with_reviews(vec![bob(), says(ReviewState::ChangesRequested, "carol", "09:20"), approval("carol", 1, "09:20")]);
    expect_change(json!({}), merged(at_once), Deviation, "changes-requested");
}

#[test]
fn a_deleted_accounts_request_for_changes_stands_unless_a_deleted_account_approves_later() {
    let request = deleted(says(ReviewState::ChangesRequested, "x", "09:10"));
    let bob = || approval("bob", 1, "09:00");
    expect_change(json!({}), merged(with_reviews(vec![bob(), request.clone()])), Deviation, "changes-requested");
    let maybe = with_reviews(vec![bob(), request, deleted(approval("y", 1, "09:20"))]);
    expect_change(json!({}), merged(maybe), Indeterminate, "reviewer-account-deleted");
}

#[test]
fn a_bypass_fails_an_approved_change_and_unread_rules_do_not() {
    let rule = |rule| merged(PullRequest { rule, ..pull_request() });
    expect_change(json!({}), rule(RuleOutcome::Bypass), Deviation, "rule-bypassed");
    expect_change(json!({}), rule(RuleOutcome::NotRead), Pass, "approved");
    let afterwards = Change { post_hoc: post_hoc("carol", "11:00"), ..rule(RuleOutcome::Bypass) };
    expect_change(json!({}), afterwards, Deviation, "rule-bypassed");
}

#[test]
fn a_rule_outcome_that_the_source_forgot_is_no_pass_and_hides_nothing_that_is_known() {
    let forgotten = |pr: PullRequest| merged(PullRequest { rule: RuleOutcome::OutOfReach, ..pr });
    expect_change(json!({}), forgotten(pull_request()), Indeterminate, "rule-outcome-unknown");
    expect_change(json!({}), forgotten(with_reviews(Vec::new())), Deviation, "no-approval");
    let request = says(ReviewState::ChangesRequested, "carol", "09:10");
    let against = with_reviews(vec![approval("bob", 1, "09:00"), request]);
    expect_change(json!({}), forgotten(against), Deviation, "changes-requested");
    let elsewhere = Change { branch: "release".to_owned(), ..forgotten(pull_request()) };
    expect_change(json!({}), elsewhere, Deviation, "direct-push");
    // An emergency review passes whatever the rules said.
    let afterwards = Change { post_hoc: post_hoc("carol", "11:00"), ..forgotten(with_reviews(Vec::new())) };
    expect_change(json!({}), afterwards, Pass, "emergency-reviewed");
}

#[test]
fn an_approval_at_the_instant_of_the_merge_counts_and_one_a_second_later_does_not() {
    let when = |when| merged(with_reviews(vec![approval("bob", 1, when)]));
    expect_change(json!({}), when("10:00"), Pass, "approved");
    expect_change(json!({}), when("2026-03-02T10:00:01Z"), Deviation, "approved-after-merge");
}

#[test]
fn the_strongest_reason_speaks_when_no_approval_counts() {
    let weak = Review { can_push: Some(false), ..approval("carol", 1, "09:00") };
    let own = approval("alice", 1, "09:00");
    let late = approval("dave", 1, "10:30");
    expect_change(json!({}), merged(with_reviews(vec![weak.clone(), late.clone()])), Deviation, "approved-after-merge");
    expect_change(json!({}), merged(with_reviews(vec![own, weak, late])), Deviation, "self-approval");
}

#[test]
fn a_merge_queue_is_judged_by_the_approvals_at_the_merge() {
    let mut queued = merged(pull_request());
    queued.landing.kind = LandingKind::MergeQueueMerge;
    queued.landing.actor = Some(Actor { login: "queue".to_owned(), kind: ActorKind::Bot });
    expect_change(json!({}), queued.clone(), Pass, "approved");
    queued.pull_request = Lookup::None;
    expect_change(json!({}), queued, Deviation, "direct-push");
}

#[test]
fn a_force_push_fails_even_if_reviewed_listed_or_of_a_failed_look_up() {
    let mut forced = Change { post_hoc: post_hoc("bob", "11:00"), ..pushed(LandingKind::ForcePush) };
    forced.pull_request = Lookup::Failed("time-out".to_owned());
    expect_change(json!({"exempt_actors": {"alice": ["**"]}}), forced, Deviation, "force-push");
}

#[test]
fn history_before_the_scope_date_is_excluded_and_the_day_itself_is_in_scope() {
    let push = pushed(LandingKind::ForcePush);
    expect_change(json!({"since": "2026-03-03"}), push.clone(), Excluded, "before-scope-date");
    expect_change(json!({"since": "2026-03-02"}), push, Deviation, "force-push");
}

#[test]
fn listed_automation_is_waived_for_listed_paths_only() {
    let touching = |paths: Option<&[&str]>| Change {
        paths: paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect()),
        ..pushed(LandingKind::Push)
    };
    let policy = || json!({"exempt_actors": {"Alice": ["CHANGELOG.md", "docs/*.md", "gen/**"]}});
    for listed in [&["CHANGELOG.md"][..], &["docs/a.md", "gen/a/b.rs"]] {
        expect_change(policy(), touching(Some(listed)), Waived, "listed-automation");
    }
    for other in [&["src/lib.rs"][..], &["CHANGELOG.md", "src/lib.rs"], &["docs/a/b.md"], &["a/CHANGELOG.md"], &[]] {
        expect_change(policy(), touching(Some(other)), Deviation, "direct-push");
    }
    expect_change(policy(), touching(None), Indeterminate, "paths-unread");
    expect_change(json!({}), touching(None), Deviation, "direct-push");
}

#[test]
fn a_review_afterwards_counts_only_with_ticket_in_time_and_by_an_independent_person() {
    let direct = |post_hoc| Change { post_hoc, ..pushed(LandingKind::Push) };
    let by = |kind| {
        let reviewer = Some(Actor { login: "bob".to_owned(), kind });
        let ticket = Some("INC-7".to_owned());
        direct(vec![PostHoc { ticket, reviewer, can_push: Some(true), at: at("11:00") }])
    };
    expect_change(json!({}), direct(post_hoc("bob", "11:00")), Pass, "emergency-reviewed");
    expect_change(json!({"posthoc_hours": 1}), direct(post_hoc("bob", "11:00")), Pass, "emergency-reviewed");
    expect_change(json!({"posthoc_hours": 1}), direct(post_hoc("bob", "11:01")), Deviation, "direct-push");
    expect_change(json!({}), direct(post_hoc("bob", "09:59")), Deviation, "direct-push");
    expect_change(json!({}), direct(post_hoc("bob", "12:01")), Deviation, "direct-push");
    expect_change(json!({}), direct(post_hoc("Alice", "11:00")), Deviation, "direct-push");
    expect_change(json!({}), by(ActorKind::Bot), Deviation, "direct-push");
    expect_change(json!({}), by(ActorKind::Unknown), Indeterminate, "reviewer-kind-unknown");
    let mut no_ticket = direct(post_hoc("bob", "11:00"));
    no_ticket.post_hoc[0].ticket = Some(" ".to_owned());
    expect_change(json!({}), no_ticket, Deviation, "direct-push");
    let mut nobody = direct(post_hoc("bob", "11:00"));
    nobody.post_hoc[0].reviewer = None;
    expect_change(json!({}), nobody, Indeterminate, "reviewer-account-deleted");
    let mut unmatched = direct(post_hoc("bob", "11:00"));
    unmatched.authors.push(CommitAuthor { login: None });
    expect_change(json!({}), unmatched, Indeterminate, "commit-author-unmatched");
}

#[test]
fn a_review_afterwards_needs_a_place_on_the_roster_and_a_right_to_push_and_not_knowing_is_no_pass() {
    let by = |who: &str, can_push| {
        let mut change = Change { post_hoc: post_hoc(who, "11:00"), ..pushed(LandingKind::Push) };
        change.post_hoc[0].can_push = can_push;
        change
    };
    let roster = || json!({"roster": ["Bob"]});
    expect_change(roster(), by("bob", Some(true)), Pass, "emergency-reviewed");
    expect_change(roster(), by("carol", Some(true)), Deviation, "direct-push");
    expect_change(roster(), by("carol", None), Deviation, "direct-push");
    expect_change(json!({}), by("carol", Some(false)), Deviation, "direct-push");
    expect_change(json!({}), by("carol", None), Indeterminate, "approver-rights-unknown");
}

#[test]
fn an_approval_covers_only_what_is_shown_to_have_landed() {
    let elsewhere = || PullRequest { same_as_landed: false, ..pull_request() };
    expect_change(json!({}), merged(elsewhere()), Indeterminate, "approved-content-unknown");
    let nobody = PullRequest { reviews: Vec::new(), ..elsewhere() };
    expect_change(json!({}), merged(nobody), Deviation, "no-approval");
    let shown =
        PullRequest { reviews: vec![Review { same_as_merged: true, ..approval("bob", 7, "09:00") }], ..elsewhere() };
    expect_change(json!({}), merged(shown), Indeterminate, "approved-content-unknown");
    // What was looked at afterwards is the pull request as well.
    let afterwards = Change { post_hoc: post_hoc("carol", "11:00"), ..merged(elsewhere()) };
    expect_change(json!({}), afterwards, Indeterminate, "approved-content-unknown");
    let by_the_author =
        Change { post_hoc: post_hoc("alice", "11:00"), ..merged(PullRequest { reviews: Vec::new(), ..elsewhere() }) };
    expect_change(json!({}), by_the_author, Deviation, "no-approval");
}

#[test]
fn of_several_reviews_afterwards_the_earliest_that_counts_is_named_and_one_that_does_not_spoils_nothing() {
    let several = |reviews: &[(&str, &str)]| Change {
        post_hoc: reviews.iter().flat_map(|(who, when)| post_hoc(who, when)).collect(),
        ..pushed(LandingKind::Push)
    };
    let change = several(&[("carol", "11:30"), ("Alice", "10:30"), ("bob", "11:00")]);
    expect_change(json!({}), change.clone(), Pass, "emergency-reviewed");
    let seen = only(&verdict("change_review", &json!({}), Items::Changes(vec![change]))).seen.clone();
    assert!(seen.contains("by bob"), "{seen}");
    expect_change(json!({}), several(&[("Alice", "10:30"), ("bob", "12:01")]), Deviation, "direct-push");
    let mut unsure = several(&[("Alice", "10:30"), ("bob", "11:00")]);
    unsure.post_hoc[1].reviewer = None;
    expect_change(json!({}), unsure, Indeterminate, "reviewer-account-deleted");
}

#[test]
fn an_approval_of_what_is_shown_to_be_the_merged_content_counts_unless_the_base_changed_after_it() {
    let rebased = Review { same_as_merged: true, ..approval("bob", 7, "09:00") };
    expect_change(json!({}), merged(with_reviews(vec![rebased.clone()])), Pass, "approved");
    let shown = Review { same_as_merged: false, ..rebased.clone() };
    expect_change(json!({}), merged(with_reviews(vec![shown])), Deviation, "stale-approval");
    let mut update = commit(2, "alice", "09:30");
    update.changes_content = None;
    let updated = |same_as_merged| {
        let commits = vec![commit(1, "alice", "08:00"), update.clone()];
        let review = Review { same_as_merged, ..approval("bob", 1, "09:00") };
        merged(PullRequest { reviews: vec![review], ..with_commits(commits) })
    };
    expect_change(json!({}), updated(true), Pass, "approved");
    expect_change(json!({}), updated(false), Indeterminate, "approved-content-unknown");
    let switched = PullRequest { base_changed_at: Some(at("09:30")), ..with_reviews(vec![rebased]) };
    expect_change(json!({}), merged(switched), Deviation, "stale-approval");
}

#[test]
fn a_review_afterwards_of_a_pull_request_is_independent_of_everybody_in_it() {
    let emergency = |reviewer: &str, head: PrCommit| Change {
        post_hoc: post_hoc(reviewer, "11:00"),
        ..merged(PullRequest { reviews: Vec::new(), initiator: Some("ivan".to_owned()), ..with_commits(vec![head]) })
    };
    let mut head = commit(1, "alice", "08:00");
    head.authors.push(CommitAuthor { login: Some("carol".to_owned()) });
    head.pushed_by = Some("dave".to_owned());
    expect_change(json!({}), emergency("bob", head.clone()), Pass, "emergency-reviewed");
    head.committer = Some(CommitAuthor { login: Some("frank".to_owned()) });
    for involved in ["alice", "carol", "dave", "frank", "ivan"] {
        expect_change(json!({}), emergency(involved, head.clone()), Deviation, "no-approval");
    }
    let unmatched = PrCommit { committer: Some(CommitAuthor { login: None }), ..head.clone() };
    expect_change(json!({}), emergency("bob", unmatched), Indeterminate, "commit-author-unmatched");
    head.pushed_by = None;
    expect_change(json!({}), emergency("bob", head), Indeterminate, "last-pusher-unknown");
}

#[test]
fn a_head_that_was_pushed_itself_is_not_said_to_have_been_compared() {
    let pushed_as = |commit: &str| {
        let pull_request = Lookup::Found(Box::new(pull_request()));
        let change = pushed(LandingKind::Push);
        Change { id: format!("acme/shop#41@{}", &commit[..12]), pull_request, ..change }
    };
    for (commit, says, compared) in [(oid(1), "it came as its own head", false), (oid(7), "shown to bring", true)] {
        let change = pushed_as(&commit);
        let id = change.id.clone();
        let readings = [reading(Items::Changes(vec![change]))];
        let basis = attributes(&test("change_review", &json!({})), &readings, at("12:00"), &id).remove(0);
        let arrival = basis.attributes.iter().find(|attribute| attribute.key == "A1").unwrap();
        assert!(arrival.seen.contains(says), "{}", arrival.seen);
        assert_eq!(arrival.facts.iter().any(|fact| matches!(fact, Fact::Compared(_))), compared, "{arrival:?}");
    }
}
