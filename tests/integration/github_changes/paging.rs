//! Lists that do not fit one page: authors of a commit, commits of a comparison, rule suites.

use super::bed::{Bed, at, found, pull, week};
use chrono::Duration;
use evidenced::demo::github::{GithubHistory, PullRequestSpec};
use evidenced_collectors::contract::{Lookup, RuleOutcome};

fn shop() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history
}

/// Commits on two pages, each with authors on three.
fn written_by_many() -> GithubHistory {
    let mut history = shop();
    let co_authors = (1..=64).map(|number| format!("example-pair{number}")).collect();
    history.merge(PullRequestSpec { commits: 31, co_authors, ..pull(1, "2026-03-02T10:00:00Z") });
    history
}

#[tokio::test]
async fn authors_on_further_pages_are_read_also_of_commits_on_further_pages() {
    let outcome = Bed::of(written_by_many()).await.first().await;
    outcome.whole();
    let mut expected = vec![Some("example-ana".to_owned())];
    expected.extend((1..=64).map(|number| Some(format!("example-pair{number}"))));
    let commits = &found(outcome.change("acme/shop#1@")).commits;
    assert_eq!(commits.len(), 31);
    for commit in commits {
        assert_eq!(commit.authors.iter().map(|author| author.login.clone()).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn further_pages_of_authors_that_do_not_add_up_or_are_refused_are_never_whole() {
    let cases = [
        ("\"totalCount\":65", "\"totalCount\":66", "the stated total changed between pages"),
        ("\"endCursor\":\"cursor:60\"", "\"endCursor\":\"cursor:10\"", "names itself as the next"),
        ("\"user\":{\"login\":\"example-pair64\"}", "\"usher\":null", "missing field"),
        ("\"authors\":", "\"writers\":", "no page of authors"),
    ];
    for (find, put, reason) in cases {
        let mut history = written_by_many();
        history.replace("m0:node", find, put);
        let why = Bed::of(history).await.first().await.incomplete();
        assert!(why.contains(reason), "{find} became {put}: {why}");
    }
    let mut history = written_by_many();
    history.refuse("m0:node", week().start, week().end + Duration::days(1), 403);
    let outcome = Bed::of(history).await.first().await;
    outcome.incomplete();
    assert!(matches!(outcome.changes()[0].pull_request, Lookup::Failed(_)));
}

/// 130 commits at once, the last one by somebody else; two pages of the comparison.
fn much_at_once() -> GithubHistory {
    let mut history = shop();
    let start = at("2026-03-03T10:00:00Z");
    history.branch("acme/shop", ("develop", "main"), "example-ana", start - Duration::hours(1), &[]);
    for minute in 0..130 {
        let (who, path) = if minute == 129 { ("example-cleo", "docs/z.md") } else { ("example-ana", "docs/a.md") };
        history.push_direct("acme/shop", "develop", who, start + Duration::minutes(minute), &[path]);
    }
    history.fast_forward("acme/shop", ("main", "develop"), "example-ben", at("2026-03-03T14:00:00Z"));
    history
}

#[tokio::test]
async fn a_comparison_on_two_pages_gives_every_author_and_path() {
    let outcome = Bed::of(much_at_once()).await.first().await;
    outcome.whole();
    assert_eq!((outcome.changes().len(), outcome.asked("/compare/")), (1, 2));
    let change = outcome.change("acme/shop@");
    let authors: Vec<_> = change.authors.iter().filter_map(|author| author.login.as_deref()).collect();
    assert_eq!(authors, ["example-ana", "example-cleo"]);
    assert_eq!(change.paths.as_deref().unwrap(), ["docs/a.md", "docs/z.md"]);
    assert_eq!(change.pull_request, Lookup::None);
    let looked_up: usize = outcome
        .exchanges
        .iter()
        .filter(|exchange| exchange.head.request.url.ends_with("/graphql"))
        .map(|exchange| String::from_utf8_lossy(&exchange.body).matches("associatedPullRequests").count())
        .sum();
    assert_eq!(looked_up, 130);
}

#[tokio::test]
async fn a_second_page_of_a_comparison_that_is_missing_or_does_not_add_up_is_never_whole() {
    let cases = [
        ("\"total_commits\":130", "\"total_commits\":131", "changed between pages"),
        ("\"commits\":[", "\"commits\":[],\"rest\":[", "100 commits listed, 130 stated"),
    ];
    for (find, put, reason) in cases {
        let mut history = much_at_once();
        history.replace("&page=2", find, put);
        let why = Bed::of(history).await.first().await.incomplete();
        assert!(why.contains(reason), "{find} became {put}: {why}");
    }
    let mut history = much_at_once();
    history.refuse("&page=2", week().start, week().end + Duration::days(1), 404);
    let why = Bed::of(history).await.first().await.incomplete();
    assert!(why.contains("comparison") && why.contains("Contents: read"), "{why}");
}

/// More bypasses than a page of rule suites holds; GitHub lists the newest first.
fn bypassed_often() -> GithubHistory {
    let mut history = shop();
    for number in 1..=110_u64 {
        let merged_at = week().start + Duration::hours(3) + Duration::minutes(30 * i64::try_from(number).unwrap());
        let spec = PullRequestSpec::new("acme/shop", number, "example-ana", merged_at);
        history.merge(PullRequestSpec { bypass: number != 50, ..spec });
    }
    history
}

#[tokio::test]
async fn bypasses_on_the_second_page_of_rule_suites_are_found() {
    let outcome = Bed::of(bypassed_often()).await.first().await;
    outcome.whole();
    assert_eq!(outcome.asked("/rulesets/rule-suites"), 2);
    for number in 1..=110 {
        let rule = if number == 50 { RuleOutcome::Pass } else { RuleOutcome::Bypass };
        assert_eq!(found(outcome.change(&format!("acme/shop#{number}@"))).rule, rule, "{number}");
    }
}

#[tokio::test]
async fn a_second_page_of_rule_suites_that_is_refused_or_never_ends_is_never_whole() {
    let mut history = bypassed_often();
    history.refuse("&page=2", week().start, week().end + Duration::days(1), 404);
    let why = Bed::of(history).await.first().await.incomplete();
    assert!(why.contains("rule suites of main") && why.contains("Administration: read"), "{why}");
    let mut history = bypassed_often();
    let next = ("link", "</repositories/1/rulesets/rule-suites?page=3>; rel=\"next\"");
    history.header("&page=2", week().start, next);
    history.header("?page=3", week().start, next);
    let why = Bed::of(history).await.first().await.incomplete();
    assert!(why.contains("names itself or an earlier one"), "{why}");
}
