//! Which landing is which: several production branches, merges that GitHub does not name yet, pull requests that
//! came along with another one, history that was replaced.

use super::bed::{Bed, Outcome, at, found, pull, week};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{GithubHistory, PullRequestSpec};
use evidenced::judge::{self, Reading, Test};
use evidenced_collectors::contract::{LandingKind, Lookup, Task, Window};
use serde_json::{Value, json};

const LANDED: &str = "2026-03-04T10:00:00Z";

fn shop() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history
}

/// A shop that releases from a branch of its own.
fn released() -> GithubHistory {
    let mut history = shop();
    history.branch("acme/shop", ("release", "main"), "example-ana", at("2026-02-20T10:00:00Z"), &[]);
    history
}

async fn both_branches(history: GithubHistory) -> Bed {
    Bed::of(history).await.with("repositories", json!([{ "name": "acme/shop", "branches": ["main", "release"] }]))
}

/// A run up to there, from what the one before left.
async fn up_to(bed: &Bed, end: DateTime<Utc>, before: Option<&Outcome>) -> Outcome {
    bed.clock.set(end);
    let start = before.map_or(week().start, |before| before.as_of);
    let carry = before.and_then(|before| before.whole().carry().cloned());
    bed.run(&Task { window: Window { start, end }, carry }).await
}

/// What the control says of every item of all runs: the beginning of its id, and the reason.
fn judged(policy: &Value, runs: &[&Outcome]) -> Vec<(String, String)> {
    let reading = |run: &&Outcome| {
        let (collector, items) = ("changes".to_owned(), Some(run.whole().items().clone()));
        Reading { collector, as_of: run.as_of, items, unread: Vec::new() }
    };
    let readings: Vec<Reading> = runs.iter().map(reading).collect();
    let verdict =
        judge::judge(&Test::parse("change_review", policy).unwrap(), &readings, &[], runs.last().unwrap().as_of);
    let begins = |id: &str| id.split('@').next().unwrap().to_owned();
    let mut all: Vec<_> = verdict.judgements.iter().map(|one| (begins(&one.item), one.reason.clone())).collect();
    all.sort();
    all
}

fn expected(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(id, reason)| ((*id).to_owned(), (*reason).to_owned())).collect()
}

#[tokio::test]
async fn what_is_moved_to_another_production_branch_is_a_landing_there_and_takes_nothing_from_the_first() {
    let mut history = released();
    history.merge(pull(1, LANDED).approved_by("example-ben"));
    history.fast_forward("acme/shop", ("release", "main"), "example-mallory", at("2026-03-04T12:00:00Z"));
    let bed = both_branches(history).await;
    let both = expected(&[("acme/shop#1", "approved"), ("acme/shop:release", "direct-push")]);
    let once = up_to(&bed, week().end, None).await;
    assert_eq!(judged(&json!({}), &[&once]), both);
    assert_eq!(once.change("acme/shop:release@").landing.kind, LandingKind::Push);
    let first = up_to(&bed, at("2026-03-04T11:00:00Z"), None).await;
    let second = up_to(&bed, week().end, Some(&first)).await;
    assert_eq!((first.changes().len(), second.changes().len()), (1, 1));
    assert_eq!(judged(&json!({}), &[&first, &second]), both);
}

#[tokio::test]
async fn an_exempt_push_of_a_direct_push_to_another_branch_does_not_hide_the_first() {
    let mut history = released();
    history.push_direct("acme/shop", "main", "example-ana", at(LANDED), &["src/hot.rs"]);
    history.fast_forward("acme/shop", ("release", "main"), "example-bot[bot]", at("2026-03-04T12:00:00Z"));
    let bed = both_branches(history).await;
    let first = up_to(&bed, at("2026-03-04T11:00:00Z"), None).await;
    let second = up_to(&bed, week().end, Some(&first)).await;
    let policy = json!({ "exempt_actors": { "example-bot[bot]": ["src/*.rs"] } });
    let both = expected(&[("acme/shop", "direct-push"), ("acme/shop:release", "listed-automation")]);
    assert_eq!(judged(&policy, &[&first, &second]), both);
}

#[tokio::test]
async fn ids_go_on_naming_the_branches_that_they_named_when_another_one_becomes_the_default() {
    let mut history = released();
    history.push_direct("acme/shop", "main", "example-ana", at(LANDED), &["src/hot.rs"]);
    history.default_branch("acme/shop", "release", at("2026-03-04T11:30:00Z"));
    history.fast_forward("acme/shop", ("release", "main"), "example-ana", at("2026-03-04T12:00:00Z"));
    let bed = both_branches(history).await;
    let first = up_to(&bed, at("2026-03-04T11:00:00Z"), None).await;
    let second = up_to(&bed, week().end, Some(&first)).await;
    let ids = [&first, &second].map(|run| run.changes()[0].id.split('@').next().unwrap().to_owned());
    assert_eq!(ids, ["acme/shop", "acme/shop:release"]);
}

#[tokio::test]
async fn a_merge_into_another_branch_that_is_pushed_to_production_came_there_without_a_pull_request() {
    let mut history = shop();
    history.branch("acme/shop", ("develop", "main"), "example-ana", at("2026-02-20T10:00:00Z"), &[]);
    let develop = PullRequestSpec { base: "develop".to_owned(), ..pull(1, LANDED) };
    history.merge(develop.approved_by("example-ben"));
    history.fast_forward("acme/shop", ("main", "develop"), "example-ana", at("2026-03-04T12:00:00Z"));
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(judged(&json!({}), &[&outcome]), expected(&[("acme/shop", "direct-push")]));
    assert_eq!(outcome.changes()[0].pull_request, Lookup::None);
}

#[tokio::test]
async fn a_merge_that_github_names_with_another_base_keeps_that_base_and_says_where_it_landed() {
    let mut history = shop();
    history.merge(pull(1, LANDED).approved_by("example-ben"));
    history.replace("landed", "\"baseRefName\":\"main\"", "\"baseRefName\":\"next\"");
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(found(outcome.change("acme/shop:main#1@")).base, "next");
    // Nor is it one of those that were merged into main.
    assert!(outcome.incomplete().contains("GitHub's search states 1"), "{}", outcome.incomplete());
}

#[tokio::test]
async fn a_merge_of_which_github_does_not_say_yet_what_it_was_is_unread_and_then_its_pull_request() {
    let mut history = shop();
    let known_at = Some(at(LANDED) + Duration::minutes(10));
    history.merge(PullRequestSpec { known_at, ..pull(1, LANDED).approved_by("example-ben") });
    let bed = Bed::of(history).await;
    let before = up_to(&bed, at(LANDED) - Duration::hours(3), None).await;
    let early = up_to(&bed, at(LANDED) + Duration::minutes(1), Some(&before)).await;
    let why = early.incomplete();
    assert!(why.contains("does not say yet of which") && why.contains("the next run asks again"), "{why}");
    let [change] = early.changes() else { panic!("{:?}", early.changes()) };
    assert!(matches!(change.pull_request, Lookup::Failed(_)));
    // The next run goes on from the same place.
    let next = up_to(&bed, at(LANDED) + Duration::hours(1), Some(&before)).await;
    assert_eq!(judged(&json!({}), &[&next]), expected(&[("acme/shop#1", "approved")]));
    assert_eq!(next.whole().ipe().reconciliations.last().map(|both| both.held), Some(1));
}

#[tokio::test]
async fn a_merge_that_github_never_names_is_a_push_without_pull_request_after_a_day() {
    let mut history = shop();
    history.merge(PullRequestSpec { known_at: Some(week().end), ..pull(1, LANDED).approved_by("example-ben") });
    let bed = Bed::of(history).await;
    let day = at(LANDED) + Duration::hours(24);
    let young = up_to(&bed, day - Duration::seconds(1), None).await;
    assert!(young.incomplete().contains("24 hours after it landed"), "{}", young.incomplete());
    let outcome = up_to(&bed, day, None).await;
    assert_eq!(judged(&json!({}), &[&outcome]), expected(&[("acme/shop", "direct-push")]));
    assert_eq!(outcome.changes()[0].landing.kind, LandingKind::PrMerge);
}

#[tokio::test]
async fn a_pull_request_that_was_merged_within_another_one_is_counted_and_no_change_of_its_own() {
    let mut history = shop();
    history.merge_stacked(pull(1, LANDED), pull(2, LANDED).approved_by("example-ben"));
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(judged(&json!({}), &[&outcome]), expected(&[("acme/shop#2", "approved")]));
    assert_eq!(found(&outcome.changes()[0]).commits.len(), 2);
    assert_eq!(outcome.whole().ipe().reconciliations[0].held, 2);
    assert!(outcome.states("pull request 1 counts as merged by"));
}

#[tokio::test]
async fn history_that_shares_nothing_with_what_it_replaced_is_judged_and_its_content_said_to_be_unknown() {
    let mut history = shop();
    history.push_direct("acme/shop", "main", "example-ana", at("2026-03-03T10:00:00Z"), &["src/a.rs"]);
    history.recreate("acme/shop", "main", "example-eve", at(LANDED));
    let outcome = Bed::of(history.clone()).await.first().await;
    let reasons = expected(&[("acme/shop", "direct-push"), ("acme/shop", "force-push")]);
    assert_eq!(judged(&json!({}), &[&outcome]), reasons);
    let forced = outcome.changes().iter().find(|change| change.landing.kind == LandingKind::ForcePush).unwrap();
    assert_eq!(forced.paths, None);
    assert!(forced.authors.iter().any(|author| author.login.is_none()), "{:?}", forced.authors);
    assert!(outcome.states("cannot be compared with what it replaced"));
    assert!(!outcome.states("300 paths"));
    // What was not forced is compared, or unread.
    let before = &outcome.changes().iter().find(|change| change.landing.kind == LandingKind::Push).unwrap().landing;
    history.refuse(&format!("...{}", before.after), week().start, week().end + Duration::days(1), 404);
    let why = Bed::of(history).await.first().await.incomplete();
    assert!(why.contains("comparison") && why.contains("Contents: read"), "{why}");
}
