//! Whether an approval is stale is decided by content: after rebases, updates from the base, and where GitHub
//! cannot say.

use super::bed::{Bed, at, found, pull, week};
use chrono::Duration;
use evidenced::demo::github::{Edit, GithubHistory, PullRequestSpec, Rebase};
use evidenced_collectors::contract::Lookup;
use serde_json::json;

const LANDED: &str = "2026-03-04T10:00:00Z";

fn shop() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let files = [Edit::new("src/a.rs", "limit = 10"), Edit::new("src/b.rs", "b")];
    history.push_edits("acme/shop", "main", "example-ana", at("2026-03-02T09:00:00Z"), &files);
    history
}

/// Opened on what was there, while the base moves on by one update; approved by ben an hour before the merge.
fn behind() -> PullRequestSpec {
    let spec = pull(1, LANDED).editing(&[Edit::new("src/a.rs", "limit = 20")]).approved_by("example-ben");
    PullRequestSpec { behind: 1, ..spec }
}

fn rebased(also: &[Edit]) -> PullRequestSpec {
    let at = at(LANDED) - Duration::minutes(30);
    PullRequestSpec { rebased: Some(Rebase { at, by: "example-ana".to_owned(), also: also.to_vec() }), ..behind() }
}

fn updated() -> PullRequestSpec {
    PullRequestSpec { branch_updated_at: Some(at(LANDED) - Duration::minutes(30)), ..behind() }
}

/// The shop, whose base touches a path before the pull request lands.
async fn landed_over(base_touches: Edit, spec: PullRequestSpec) -> Bed {
    let mut history = shop();
    history.push_edits("acme/shop", "main", "example-cleo", at("2026-03-03T09:00:00Z"), &[base_touches]);
    history.merge(spec);
    Bed::of(history).await
}

#[tokio::test]
async fn a_rebase_over_files_that_it_does_not_touch_keeps_the_approval_and_costs_two_comparisons() {
    let outcome = landed_over(Edit::new("src/b.rs", "other"), rebased(&[])).await.first().await;
    let read = found(outcome.change("acme/shop#1@"));
    assert!(read.commits.iter().all(|commit| Some(&commit.oid) != read.reviews[0].commit.as_ref()));
    assert!(read.reviews[0].same_as_merged);
    assert_eq!(outcome.reason("acme/shop#1@"), "approved");
    // Two more are of the pushes without a pull request.
    assert_eq!(outcome.asked("/compare/"), 4);
}

#[tokio::test]
async fn a_rebase_that_also_edits_a_line_or_a_file_or_its_mode_is_stale() {
    let executable = Edit { executable: true, ..Edit::new("src/a.rs", "limit = 20") };
    let gone = Edit { text: None, ..Edit::new("src/b.rs", "") };
    let moved = Edit { from: Some("src/b.rs".to_owned()), ..Edit::new("src/moved.rs", "b") };
    for also in [Edit::new("src/a.rs", "limit = 21"), Edit::new("src/new.rs", ""), executable, gone, moved] {
        let outcome = landed_over(Edit::new("src/c.rs", "c"), rebased(std::slice::from_ref(&also))).await.first().await;
        assert_eq!(outcome.reason("acme/shop#1@"), "stale-approval", "{also:?}");
    }
}

#[tokio::test]
async fn a_rebase_that_takes_back_what_the_base_changed_in_the_same_file_is_stale() {
    // The file ends as it was approved, but over a base that had meanwhile lowered the limit.
    let outcome = landed_over(Edit::new("src/a.rs", "limit = 5"), rebased(&[])).await.first().await;
    assert_eq!(outcome.reason("acme/shop#1@"), "stale-approval");
}

#[tokio::test]
async fn an_update_from_the_base_keeps_the_approval_only_where_it_is_shown_to_change_nothing() {
    let other = landed_over(Edit::new("src/b.rs", "other"), updated()).await.first().await;
    assert_eq!(found(other.change("acme/shop#1@")).commits[1].changes_content, None);
    assert_eq!(other.reason("acme/shop#1@"), "approved");
    let same = landed_over(Edit::new("src/a.rs", "limit = 5"), updated()).await.first().await;
    assert_eq!(same.reason("acme/shop#1@"), "approved-content-unknown");
    let and_pushed = updated().pushed_after_approval("example-ana");
    let stale = landed_over(Edit::new("src/b.rs", "other"), and_pushed).await.first().await;
    assert_eq!(stale.reason("acme/shop#1@"), "stale-approval");
    let approved_again = updated().reviewed("example-cleo", at(LANDED) - Duration::minutes(5), "APPROVED");
    let again = landed_over(Edit::new("src/a.rs", "limit = 5"), approved_again).await.first().await;
    assert_eq!(again.reason("acme/shop#1@"), "approved");
}

#[tokio::test]
async fn each_reviewer_s_own_commit_is_compared() {
    let early = at(LANDED) - Duration::minutes(90);
    let spec = rebased(&[]).reviewed("example-cleo", early, "APPROVED");
    let pushed_later = Some((at(LANDED) - Duration::minutes(75), "example-ana".to_owned()));
    let outcome =
        landed_over(Edit::new("src/b.rs", "other"), PullRequestSpec { pushed_later, ..spec }).await.first().await;
    let shown: Vec<bool> = found(outcome.change("acme/shop#1@")).reviews.iter().map(|r| r.same_as_merged).collect();
    // Ben saw the push of 08:45, cleo did not.
    assert_eq!(shown, [true, false]);
    assert_eq!(outcome.judged(&json!({ "min_approvals": 2 }), "acme/shop#1@").1, "too-few-approvals");
}

#[tokio::test]
async fn a_comparison_cut_at_300_files_is_no_pass_and_says_so() {
    let of = |count: usize| (0..count).map(|n| Edit::new(&format!("gen/{n}.rs"), "made")).collect::<Vec<_>>();
    for (count, reason) in [(299, "approved"), (300, "stale-approval")] {
        let outcome = landed_over(Edit::new("src/b.rs", "other"), rebased(&[]).editing(&of(count))).await.first().await;
        assert_eq!(outcome.reason("acme/shop#1@"), reason, "{count} files");
        assert_eq!(outcome.states("it could not be shown whether they are what was merged"), count == 300);
    }
}

#[tokio::test]
async fn a_replaced_commit_that_github_no_longer_has_leaves_the_approval_stale_and_says_so() {
    let bed = landed_over(Edit::new("src/b.rs", "other"), rebased(&[])).await;
    let reviewed = found(bed.first().await.change("acme/shop#1@")).reviews[0].commit.clone().unwrap();
    let mut history = bed.history.clone();
    history.refuse(&format!("...{reviewed}"), week().start, week().end + Duration::days(1), 404);
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(outcome.reason("acme/shop#1@"), "stale-approval");
    assert!(outcome.states("GitHub does not have them any more"));
}

#[tokio::test]
async fn a_comparison_that_is_refused_unanswered_or_not_understood_fails_the_look_up() {
    let bed = landed_over(Edit::new("src/b.rs", "other"), rebased(&[])).await;
    let head = found(bed.first().await.change("acme/shop#1@")).head.clone();
    let refused = |status| {
        let mut history = bed.history.clone();
        history.refuse(&format!("...{head}"), week().start, week().end + Duration::days(1), status);
        history
    };
    let spoiled = |holds: &str, find: &str, put: &str| {
        let mut history = bed.history.clone();
        history.replace(holds, find, put);
        history
    };
    let cases = [
        (refused(403), "Contents: read"),
        (refused(404), "does not have what was merged"),
        (refused(502), "502"),
        (spoiled(&head, "\"status\":\"modified\"", "\"status\":\"bent\""), "unknown variant"),
        (spoiled(&head, "\"merge_base_commit\"", "\"merge_base\""), "missing field"),
        (spoiled(":file(path:", "\"mode\":", "\"mood\":"), "missing field"),
        (spoiled(":file(path:", "\"f0\":", "\"g0\":"), "nothing is said of"),
    ];
    for (history, reason) in cases {
        let outcome = Bed::of(history).await.first().await;
        let why = outcome.incomplete();
        assert!(why.contains(reason), "{reason}: {why}");
        assert!(matches!(outcome.change("acme/shop#1@").pull_request, Lookup::Failed(_)), "{reason}");
    }
}

#[tokio::test]
async fn files_that_are_not_found_show_nothing() {
    let bed = landed_over(Edit::new("src/b.rs", "other"), rebased(&[])).await;
    let mut history = bed.history.clone();
    // As for a path that GitHub's comparison spells differently from its files.
    history.replace("/compare/", "src/a.rs", "src/ä.rs");
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(outcome.reason("acme/shop#1@"), "stale-approval");
}
