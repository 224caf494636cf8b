//! Who pushed last: restored branches, and updates from the base.

use super::bed::{Bed, at, found, pull, week};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{Edit, GithubHistory, PullRequestSpec};
use evidenced_collectors::contract::{Task, Window};

const LANDED: &str = "2026-03-04T10:00:00Z";

fn shop() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history
}

/// Ana's pull request, to which the one pushed at 8:45, and which ben approved at 9:00.
fn pushed_by(who: &str) -> PullRequestSpec {
    let pushed_later = Some((at(LANDED) - Duration::minutes(75), who.to_owned()));
    PullRequestSpec { pushed_later, ..pull(1, LANDED).approved_by("example-ben") }
}

fn restored(at: DateTime<Utc>, by: &str, spec: PullRequestSpec) -> PullRequestSpec {
    PullRequestSpec { restored: Some((at, by.to_owned())), ..spec }
}

#[tokio::test]
async fn whoever_restores_a_branch_or_pushes_to_it_after_the_merge_has_pushed_nothing_of_it() {
    let (before, after) = (at(LANDED) - Duration::minutes(65), at(LANDED) + Duration::minutes(5));
    for (spec, reason) in [
        (pushed_by("example-ben"), "approver-pushed-last"),
        (restored(after, "example-cleo", pushed_by("example-ben")), "approver-pushed-last"),
        (restored(before, "example-ana", pushed_by("example-ben")), "approver-pushed-last"),
        (restored(after, "example-ben", pushed_by("example-ana")), "approved"),
        (restored(before, "example-ben", pushed_by("example-ana")), "approved"),
    ] {
        let (by, back) = (spec.pushed_later.clone(), spec.restored.clone());
        let mut history = shop();
        history.merge(spec);
        let outcome = Bed::of(history).await.first().await;
        let head = found(outcome.change("acme/shop#1@")).commits[1].clone();
        assert_eq!(head.pushed_by, by.as_ref().map(|(_, who)| who.clone()), "{back:?}");
        assert_eq!(head.pushed_at, by.map(|(at, _)| at), "{back:?}");
        assert_eq!(outcome.reason("acme/shop#1@"), reason, "{back:?}");
    }
}

#[tokio::test]
async fn who_pushed_to_a_branch_that_was_deleted_long_before_it_came_back_is_not_known() {
    let mut history = shop();
    history.repository("acme/shop", "drafts");
    for minute in 0..120 {
        let at = at("2026-03-03T12:00:00Z") + Duration::minutes(minute);
        history.push_direct("acme/shop", "drafts", "example-dora", at, &["draft.md"]);
    }
    let spec = restored(at("2026-03-04T08:55:00Z"), "example-ana", pull(1, LANDED).approved_by("example-ben"));
    history.merge(PullRequestSpec {
        author: "example-cleo".to_owned(),
        opened_at: at("2026-03-03T08:00:00Z"),
        pushed_later: Some((at("2026-03-03T08:45:00Z"), "example-ben".to_owned())),
        ..spec
    });
    let bed = Bed::of(history).await;
    // The branch is deleted at 8:54.
    let (first, second) = (at("2026-03-04T08:54:30Z"), at("2026-03-04T12:00:00Z"));
    bed.clock.set(first);
    let before = bed.run(&Task { window: Window { end: first, ..week() }, carry: None }).await;
    bed.clock.set(second);
    let window = Window { start: first, end: second };
    let outcome = bed.run(&Task { window, carry: before.whole().carry().cloned() }).await;
    assert_eq!(outcome.reason("acme/shop#1@"), "last-pusher-unknown");
}

/// What the control says of a pull request whose branch is updated at 9:30 from a base that has changed a file.
async fn updated(by: &str, base_touches: &str, spec: PullRequestSpec) -> String {
    let mut history = shop();
    let files = [Edit::new("src/a.rs", "limit = 10"), Edit::new("src/b.rs", "b")];
    history.push_edits("acme/shop", "main", "example-dora", at("2026-03-02T09:00:00Z"), &files);
    let base = [Edit::new(base_touches, "other")];
    history.push_edits("acme/shop", "main", "example-cleo", at("2026-03-03T09:00:00Z"), &base);
    history.merge(PullRequestSpec {
        behind: 1,
        branch_updated_at: Some(at(LANDED) - Duration::minutes(30)),
        branch_updated_by: Some(by.to_owned()),
        ..spec.editing(&[Edit::new("src/a.rs", "limit = 20")])
    });
    Bed::of(history).await.first().await.reason("acme/shop#1@")
}

#[tokio::test]
async fn who_updates_a_branch_from_its_base_has_pushed_last_only_where_that_may_have_changed_what_was_approved() {
    let approved = || pull(1, LANDED).approved_by("example-ben");
    assert_eq!(updated("example-ben", "src/b.rs", approved()).await, "approved");
    assert_eq!(updated("example-ben", "src/a.rs", approved()).await, "approver-pushed-last");
    assert_eq!(updated("example-ana", "src/a.rs", approved()).await, "approved-content-unknown");
}

#[tokio::test]
async fn who_pushed_the_last_content_is_not_independent_because_another_updates_the_branch() {
    let late = || pull(1, LANDED).reviewed("example-ben", at(LANDED) - Duration::minutes(15), "APPROVED");
    let pushed = |who: &str| Some((at(LANDED) - Duration::minutes(75), who.to_owned()));
    for (who, reason) in [("example-ben", "approver-pushed-last"), ("example-ana", "approved")] {
        let spec = PullRequestSpec { pushed_later: pushed(who), ..late() };
        assert_eq!(updated("example-ana", "src/b.rs", spec).await, reason, "{who}");
    }
}
