//! Code owners of the paths that a pull request touches, as the base had them before it landed.

use super::bed::{Bed, Outcome, at, found, pull, week};
use chrono::Duration;
use evidenced::demo::github::{Edit, GithubHistory, PullRequestSpec};
use serde_json::json;

const CODEOWNERS: &str = ".github/CODEOWNERS";

fn shop(text: &str) -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let files = [Edit::new(CODEOWNERS, text), Edit::new("old/a.rs", "a")];
    history.push_edits("acme/shop", "main", "example-ana", at("2026-03-02T09:00:00Z"), &files);
    history
}

/// For the check of wire forms: a team, and a rename.
pub(super) fn of_a_team(history: &mut GithubHistory) {
    let text = "* @acme/core\n/src/ @example-cleo\n";
    history.push_edits("acme/shop", "main", "example-ana", at("2026-03-08T11:00:00Z"), &[Edit::new(CODEOWNERS, text)]);
    history.push_direct("acme/shop", "main", "example-ana", at("2026-03-08T11:10:00Z"), &["old/a.rs"]);
    let moved = Edit { from: Some("old/a.rs".to_owned()), ..Edit::new("src/a.rs", "moved") };
    history.merge(pull(30, "2026-03-08T13:30:00Z").editing(&[moved]));
    history.team("acme", "core", &["example-ben"]);
}

async fn read(history: GithubHistory) -> Outcome {
    Bed::of(history).await.with("code_owners", json!(true)).first().await
}

fn owners(outcome: &Outcome) -> Option<Vec<Vec<String>>> {
    found(outcome.change("acme/shop#1@")).owners_of_paths.clone()
}

fn reason(outcome: &Outcome) -> String {
    outcome.judged(&json!({ "require_codeowner": true }), "acme/shop#1@").1
}

fn spec(paths: &[&str]) -> PullRequestSpec {
    let edits: Vec<Edit> = paths.iter().map(|path| Edit::new(path, "changed")).collect();
    pull(1, "2026-03-04T10:00:00Z").editing(&edits).approved_by("example-ben")
}

async fn owned(text: &str, spec: PullRequestSpec) -> Outcome {
    let mut history = shop(text);
    history.team("acme", "core", &["example-ben", "example-dora"]);
    history.merge(spec);
    read(history).await
}

#[tokio::test]
async fn every_touched_path_needs_one_of_its_owners_and_the_last_line_that_fits_names_them() {
    let text = "* @example-ben\n/docs/ @example-cleo @example-dora\n/docs/free/\n";
    let outcome = owned(text, spec(&["src/x.rs", "docs/a.md", "docs/free/b.md"])).await;
    let expected = [vec!["example-ben"], vec!["example-cleo", "example-dora"]];
    assert_eq!(owners(&outcome).unwrap(), expected);
    assert_eq!(reason(&outcome), "code-owner-missing");
    let both = spec(&["src/x.rs", "docs/a.md"]).approved_by("example-dora");
    assert_eq!(reason(&owned(text, both).await), "approved");
    assert_eq!(reason(&owned(text, spec(&["src/x.rs", "docs/free/b.md"])).await), "approved");
}

#[tokio::test]
async fn a_pull_request_that_changes_codeowners_does_not_approve_itself() {
    let mut edits = spec(&["src/x.rs"]).edits;
    edits.push(Edit::new(CODEOWNERS, "* @example-ben\n"));
    let outcome = owned("* @example-cleo\n", spec(&[]).editing(&edits)).await;
    assert_eq!(owners(&outcome).unwrap(), [["example-cleo"]]);
    assert_eq!(reason(&outcome), "code-owner-missing");
}

#[tokio::test]
async fn the_first_place_that_has_the_file_counts_and_none_means_no_owners() {
    let mut history = shop("* @example-cleo\n");
    let elsewhere = [Edit::new("CODEOWNERS", "* @example-dora\n"), Edit::new("docs/CODEOWNERS", "* @example-ben\n")];
    history.push_edits("acme/shop", "main", "example-ana", at("2026-03-02T10:00:00Z"), &elsewhere);
    let gone = |path: &str| Edit { text: None, ..Edit::new(path, "") };
    let places = [CODEOWNERS, "CODEOWNERS", "docs/CODEOWNERS"];
    for (day, expected) in [(0, Some("example-cleo")), (1, Some("example-dora")), (2, Some("example-ben")), (3, None)] {
        let mut history = history.clone();
        for (place, hour) in places[..day].iter().zip(9..) {
            let when = at("2026-03-03T00:00:00Z") + Duration::hours(hour);
            history.push_edits("acme/shop", "main", "example-ana", when, &[gone(place)]);
        }
        history.merge(spec(&["src/x.rs"]));
        let outcome = read(history).await;
        let expected: Vec<Vec<&str>> = expected.into_iter().map(|owner| vec![owner]).collect();
        assert_eq!(owners(&outcome).unwrap(), expected);
        assert_eq!(reason(&outcome) == "approved", day >= 2, "{day}");
    }
}

#[tokio::test]
async fn a_renamed_file_needs_the_owners_of_both_its_names() {
    let text = "/old/ @example-cleo\n/new/ @example-ben\n";
    let moved = Edit { from: Some("old/a.rs".to_owned()), ..Edit::new("new/a.rs", "a") };
    let outcome = owned(text, spec(&[]).editing(&[moved])).await;
    assert_eq!(owners(&outcome).unwrap(), [["example-ben"], ["example-cleo"]]);
    assert_eq!(outcome.asked("/pulls/1/files"), 1);
    assert_eq!(reason(&outcome), "code-owner-missing");
}

#[tokio::test]
async fn a_team_is_its_members_on_every_page_one_that_nobody_sees_leaves_owners_unread_and_a_refusal_is_incomplete() {
    let outcome = owned("* @ACME/core\n", spec(&["src/x.rs"])).await;
    assert_eq!(owners(&outcome).unwrap(), [["example-ben", "example-dora"]]);
    assert_eq!(reason(&outcome), "approved");
    let mut large = shop("* @acme/all @acme/all @example-ben\n");
    let members: Vec<String> = (0..130).map(|number| format!("example-member{number:03}")).collect();
    large.team("acme", "all", &members.iter().map(String::as_str).collect::<Vec<_>>());
    large.merge(spec(&["src/x.rs"]));
    let outcome = read(large.clone()).await;
    assert_eq!(owners(&outcome).unwrap()[0].len(), 131);
    assert_eq!(reason(&outcome), "approved");

    for text in ["* @acme/none @example-ben\n", "* @elsewhere/core @example-ben\n"] {
        let unknown = owned(text, spec(&["src/x.rs"])).await;
        assert_eq!(owners(&unknown), None);
        assert_eq!(reason(&unknown), "code-owners-unread");
        assert!(unknown.states("Members: read"), "{text}");
    }
    large.refuse("members(first:100", week().start, week().end + Duration::days(1), 403);
    let why = read(large).await.incomplete();
    assert!(why.contains("team @acme/all: members: refused") && why.contains("Members: read"), "{why}");
}

#[tokio::test]
async fn owners_that_are_no_accounts_and_files_that_are_not_understood_are_not_known_and_say_why() {
    let cases = [
        ("* owner@people.example @example-ben\n", "line 1 of CODEOWNERS names an e-mail address"),
        ("* @example-ben\n!src/x.rs @example-ben\n", "line 2: ! and [ ] mean nothing"),
        ("* @example-ben\nother example-ben\n", "line 2: an owner that is neither"),
        ("* @acme/empty\n", "has no member that this token sees"),
    ];
    for (text, why) in cases {
        let mut history = shop(text);
        history.team("acme", "empty", &[]);
        history.merge(spec(&["src/x.rs"]));
        let outcome = read(history).await;
        assert_eq!(owners(&outcome), None, "{text}");
        assert_eq!(reason(&outcome), "code-owners-unread");
        assert!(outcome.states(why), "{text}: {:?}", outcome.whole().ipe().limitations);
    }
    // An address that owns none of the touched paths hides nothing.
    let elsewhere = owned("* @example-ben\n/docs/ owner@people.example\n", spec(&["src/x.rs"])).await;
    assert_eq!(reason(&elsewhere), "approved");
    for (find, put, why) in [
        ("\"isTruncated\":false", "\"isTruncated\":true", "does not give the whole text"),
        ("\"byteSize\":15", "\"byteSize\":3000001", "larger than GitHub uses"),
    ] {
        let mut history = shop("* @example-ben\n");
        history.merge(spec(&["src/x.rs"]));
        history.replace("/graphql", find, put);
        let outcome = read(history).await;
        assert_eq!(reason(&outcome), "code-owners-unread", "{find}");
        assert!(outcome.states(why), "{:?}", outcome.whole().ipe().limitations);
    }
}

#[tokio::test]
async fn answers_about_owners_that_do_not_add_up_are_never_whole() {
    let cases = [
        (
            "byteSize",
            "\"__typename\":\"Commit\"",
            "\"__typename\":\"Tag\"",
            "does not know the commit before the landing",
        ),
        ("byteSize", "\"p0_0\"", "\"q0_0\"", "nothing is said of .github/CODEOWNERS"),
        ("isTruncated", "\"text\"", "\"words\"", "missing field"),
        ("members(first:100", "\"totalCount\":1", "\"totalCount\":2", "1 members listed, 2 stated"),
        ("members(first:100", "\"hasNextPage\":false", "\"hasNextPage\":true", "names no next one, or itself"),
        ("landed", "\"changeType\":\"RENAMED\"", "\"changeType\":\"TELEPORTED\"", "unknown variant"),
        ("/pulls/1/files", "[{", "[]+[{", "answer not understood"),
    ];
    for (holds, find, put, reason) in cases {
        let mut history = shop("* @acme/core\n");
        history.team("acme", "core", &["example-ben"]);
        let moved = Edit { from: Some("old/a.rs".to_owned()), ..Edit::new("new/a.rs", "a") };
        history.merge(spec(&[]).editing(&[moved]));
        history.replace(holds, find, put);
        let why = read(history).await.incomplete();
        assert!(why.contains(reason), "{find} became {put}: {why}");
    }
}

#[tokio::test]
async fn two_hundred_merges_with_owners_stay_within_forty_requests() {
    let mut history = shop("* @acme/core\n");
    history.team("acme", "core", &["example-ben"]);
    for number in 1..=200_u32 {
        let merged_at = at("2026-03-03T00:00:00Z") + Duration::minutes((9 * number).into());
        let spec = PullRequestSpec::new("acme/shop", number.into(), "example-ana", merged_at);
        history.merge(spec.approved_by("example-ben"));
    }
    let bed = Bed::of(history).await.with("code_owners", json!(true));
    let outcome = bed.first().await;
    assert_eq!(outcome.changes().len(), 201);
    let requests = bed.server.requests().len();
    assert!(requests <= 40, "{requests} requests for two hundred merges");
}
