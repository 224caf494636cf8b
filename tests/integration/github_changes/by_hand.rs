//! Merges that somebody made and pushed: they are their pull request only where that is shown.

use super::bed::{Bed, Outcome, at, found, pull, week};
use chrono::Duration;
use evidenced::demo::github::{Edit, GithubHistory, Method, PullRequestSpec};
use evidenced::judge;
use evidenced_collectors::contract::{LandingKind, Lookup};
use serde_json::json;

const LANDED: &str = "2026-03-04T10:00:00Z";

/// Ben approved it; ana merges it on her laptop, where that does this beside, and pushes the merge.
fn pushed(with: &[Edit]) -> PullRequestSpec {
    let spec = pull(1, LANDED).editing(&[Edit::new("src/a.rs", "limit = 20")]).approved_by("example-ben");
    PullRequestSpec { method: Method::Pushed, merged_with: with.to_vec(), ..spec }
}

/// The shop, whose base is edited by another after the pull request was opened.
fn over(base_touches: Edit, spec: PullRequestSpec) -> GithubHistory {
    let mut history = shop();
    history.push_edits("acme/shop", "main", "example-cleo", at("2026-03-03T09:00:00Z"), &[base_touches]);
    history.merge(PullRequestSpec { behind: 1, ..spec });
    history
}

fn shop() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let files = [Edit::new("src/a.rs", "limit = 10"), Edit::new("src/b.rs", "b")];
    history.push_edits("acme/shop", "main", "example-dora", at("2026-03-02T09:00:00Z"), &files);
    history
}

async fn read(history: GithubHistory) -> Outcome {
    Bed::of(history).await.first().await
}

fn last(outcome: &Outcome) -> &evidenced_collectors::contract::Change {
    outcome.changes().iter().find(|change| change.landing.at == at(LANDED)).unwrap()
}

#[tokio::test]
async fn a_merge_that_was_pushed_and_brings_what_was_approved_is_its_pull_request() {
    for history in [over(Edit::new("src/b.rs", "other"), pushed(&[])), {
        let mut history = shop();
        history.merge(pushed(&[]));
        history
    }] {
        let outcome = read(history).await;
        let change = last(&outcome);
        assert_eq!((change.landing.kind, found(change).same_as_landed), (LandingKind::Push, true));
        assert_eq!(outcome.reason("acme/shop#1@"), "approved");
        assert_eq!(outcome.whole().ipe().reconciliations[0].held, 1);
    }
}

#[tokio::test]
async fn a_merge_that_was_pushed_and_brings_anything_else_is_a_direct_push_whoever_approved_the_pull_request() {
    let executable = Edit { executable: true, ..Edit::new("src/a.rs", "limit = 20") };
    let gone = Edit { text: None, ..Edit::new("src/b.rs", "") };
    let taken_back = Edit::new("src/a.rs", "limit = 10");
    for with in [Edit::new("src/a.rs", "limit = 99"), Edit::new("src/new.rs", ""), executable, gone, taken_back] {
        for base in [None, Some(Edit::new("src/c.rs", "c"))] {
            let spec = pushed(std::slice::from_ref(&with));
            let history = match base.clone() {
                Some(base) => over(base, spec),
                None => {
                    let mut history = shop();
                    history.merge(spec);
                    history
                }
            };
            let outcome = read(history).await;
            let change = last(&outcome);
            assert_eq!(change.pull_request, Lookup::None, "{with:?} over {base:?}");
            let (is, reason) = outcome.judged(&json!({}), &change.id);
            assert_eq!((is, reason.as_str()), (judge::Outcome::Deviation, "direct-push"), "{with:?} over {base:?}");
            assert!(outcome.changes().iter().all(|change| !change.id.starts_with("acme/shop#")), "{with:?}");
            // It is merged for GitHub, which counts it.
            assert_eq!(outcome.whole().ipe().reconciliations[0].held, 1);
            assert!(outcome.states("pull request 1 counts as merged by"));
        }
    }
}

#[tokio::test]
async fn a_merge_that_was_pushed_with_its_parents_turned_is_held_against_what_the_branch_was_at() {
    let taken_back = [Edit::new("src/b.rs", "b")];
    for (with, reason) in [(&[][..], "approved"), (&taken_back[..], "direct-push")] {
        let turned = PullRequestSpec { turned: true, ..pushed(with) };
        let outcome = read(over(Edit::new("src/b.rs", "other"), turned)).await;
        let change = last(&outcome);
        assert_eq!(outcome.reason(&change.id), reason, "{with:?}");
        assert_eq!(outcome.whole().ipe().reconciliations[0].held, 1);
    }
}

#[tokio::test]
async fn a_merge_of_files_that_the_base_had_changed_too_cannot_be_told() {
    for with in [&[][..], &[Edit::new("src/a.rs", "limit = 15")], &[Edit::new("src/new.rs", "")]] {
        let outcome = read(over(Edit::new("src/a.rs", "limit = 5"), pushed(with))).await;
        assert!(!found(outcome.change("acme/shop#1@")).same_as_landed);
        let (is, reason) = outcome.judged(&json!({}), "acme/shop#1@");
        assert_eq!((is, reason.as_str()), (judge::Outcome::Indeterminate, "approved-content-unknown"), "{with:?}");
    }
}

#[tokio::test]
async fn a_pushed_merge_of_300_files_or_more_cannot_be_told() {
    let of = |count: usize| (0..count).map(|n| Edit::new(&format!("gen/{n}.rs"), "made")).collect::<Vec<_>>();
    for (count, reason) in [(299, "approved"), (300, "approved-content-unknown")] {
        let outcome = read(over(Edit::new("src/b.rs", "other"), pushed(&[]).editing(&of(count)))).await;
        assert_eq!(outcome.reason("acme/shop#1@"), reason, "{count} files");
    }
}

#[tokio::test]
async fn the_approved_commit_itself_may_be_pushed_and_a_later_one_is_stale() {
    let spec = || PullRequestSpec { method: Method::FastForward, ..pushed(&[]) };
    for (spec, reason) in [(spec(), "approved"), (spec().pushed_after_approval("example-ana"), "stale-approval")] {
        let mut history = shop();
        history.merge(spec);
        let outcome = read(history).await;
        let change = outcome.change("acme/shop#1@");
        assert_eq!((change.landing.kind, &change.landing.after), (LandingKind::Push, &found(change).head));
        assert_eq!(outcome.reason("acme/shop#1@"), reason);
    }
}

#[tokio::test]
async fn a_pushed_merge_that_may_not_be_compared_fails_the_look_up() {
    let bed = Bed::of(over(Edit::new("src/b.rs", "other"), pushed(&[]))).await;
    let head = found(bed.first().await.change("acme/shop#1@")).head.clone();
    let mut history = bed.history.clone();
    history.refuse(&format!("...{head}"), week().start, week().end + Duration::days(1), 403);
    let outcome = read(history).await;
    assert!(outcome.incomplete().contains("Contents: read"), "{}", outcome.incomplete());
    assert!(matches!(last(&outcome).pull_request, Lookup::Failed(_)));
}
