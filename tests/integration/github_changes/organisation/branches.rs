//! Branches that went or were never there, logs that do not add up, and what an earlier version remembered.

use super::*;
use evidenced_collectors::contract::{Change, LandingKind};

#[tokio::test]
async fn a_former_default_branch_is_read_until_it_is_deleted() {
    let mut history = every_landing();
    history.branch("acme/shop", ("trunk", "main"), "example-ana", at("2026-03-08T10:00:00Z"), &[]);
    history.default_branch("acme/shop", "trunk", day(0) + Duration::hours(1));
    history.push_direct("acme/shop", "main", "example-ana", day(0) + Duration::hours(2), &["a.md"]);
    history.push_direct("acme/shop", "trunk", "example-ana", day(0) + Duration::hours(3), &["a.md"]);
    history.delete_branch("acme/shop", "main", "example-ana", day(1) + Duration::hours(1));
    let bed = acme(history).await;
    let first = bed.first().await;
    assert_eq!(first.whole().ipe().scope_found, ["acme/shop: main"]);
    let second = then(&bed, &first, day(1)).await;
    assert_eq!(second.whole().ipe().scope_found, ["acme/shop: trunk", "acme/shop: main"]);
    assert_eq!(second.changes().iter().map(|change| change.branch.as_str()).collect::<Vec<_>>(), ["main", "trunk"]);
    says(filters(&second), "main was the default branch, and is read while it is there");
    says(filters(&second), "trunk took the place of main as the default branch, and began with");
    says(filters(&second), "which is where production was");
    let third = then(&bed, &second, day(2)).await;
    assert_eq!(third.whole().items().len(), 0);
    let fourth = then(&bed, &third, day(3)).await;
    assert_eq!(fourth.whole().ipe().scope_found, ["acme/shop: trunk"]);
    says(filters(&fourth), "main was in scope at the last complete run, and is no longer");
}

/// What landed on a branch: how, from where, when, and what the control says of it.
fn landed<'a>(outcome: &'a Outcome, branch: &str) -> Vec<(LandingKind, &'a str, DateTime<Utc>, String)> {
    let changes = outcome.changes().iter().filter(|change| change.branch == branch);
    let one = |change: &'a Change| {
        (change.landing.kind, change.landing.before.as_str(), change.landing.at, outcome.reason(&change.id))
    };
    changes.map(one).collect()
}

fn head_of_main(outcome: &Outcome) -> String {
    let carry = outcome.whole().carry().unwrap();
    carry["repositories"]["acme/shop"]["branches"]["main"]["head"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_a_new_default_branch_began_with_is_a_forced_push_where_production_never_had_it() {
    // Made in the window, and long before it.
    for (made, counts_from) in [
        (day(0) + Duration::hours(1), day(0) + Duration::hours(1)),
        (at("2026-03-08T10:00:00Z"), day(1) - Duration::seconds(1)),
    ] {
        let mut history = every_landing();
        history.branch("acme/shop", ("release2", "main"), "example-eve", made, &["src/unseen.rs"]);
        history.default_branch("acme/shop", "release2", day(0) + Duration::hours(2));
        let bed = acme(history).await;
        let first = bed.first().await;
        assert!(landed(&first, "release2").is_empty());
        let second = then(&bed, &first, day(1)).await;
        let main = head_of_main(&first);
        let expected = (LandingKind::ForcePush, main.as_str(), counts_from, "force-push".to_owned());
        assert_eq!(landed(&second, "release2"), [expected]);
        assert_eq!(second.changes()[0].paths.as_deref(), Some(&["src/unseen.rs".to_owned()][..]));
        says(filters(&second), "release2 took the place of main as the default branch");
        says(filters(&second), "where production was not: a change, judged as a forced push");
        let third = then(&bed, &second, day(2)).await;
        assert!(third.whole().items().is_empty(), "it is handed over once");
    }
}

#[tokio::test]
async fn a_new_default_branch_that_begins_with_what_production_had_left_behind_is_a_forced_push() {
    let mut history = every_landing();
    history.branch("acme/shop", ("trunk", "main"), "example-eve", at("2026-03-08T10:00:00Z"), &[]);
    // A mend of which trunk knows nothing.
    history.merge(pull(20, "2026-03-08T13:00:00Z").approved_by("example-ben"));
    history.default_branch("acme/shop", "trunk", day(0) + Duration::hours(2));
    let bed = acme(history).await;
    let first = bed.first().await;
    let second = then(&bed, &first, day(1)).await;
    let main = head_of_main(&first);
    let counts_from = day(1) - Duration::seconds(1);
    let expected = (LandingKind::ForcePush, main.as_str(), counts_from, "force-push".to_owned());
    assert_eq!(landed(&second, "trunk"), [expected]);
    says(filters(&second), "where production was not: a change, judged as a forced push");
}

#[tokio::test]
async fn a_new_default_branch_that_is_made_in_the_window_where_production_was_before_a_mend_is_a_forced_push() {
    let mut history = every_landing();
    history.branch("acme/shop", ("kept", "main"), "example-eve", at("2026-03-08T10:00:00Z"), &[]);
    let mended = (day(0) + Duration::hours(1)).to_rfc3339();
    history.merge(pull(20, &mended).approved_by("example-ben"));
    let made = day(0) + Duration::hours(2);
    history.branch("acme/shop", ("trunk", "kept"), "example-eve", made, &[]);
    history.default_branch("acme/shop", "trunk", day(0) + Duration::hours(3));
    let bed = acme(history).await;
    let first = bed.first().await;
    let second = then(&bed, &first, day(1)).await;
    let landed = landed(&second, "trunk");
    assert_eq!(landed.len(), 1, "the two were never at one state at one time: {landed:?}");
    assert_eq!((landed[0].0, landed[0].2, landed[0].3.as_str()), (LandingKind::ForcePush, made, "force-push"));
}

#[tokio::test]
async fn bypasses_are_asked_of_a_default_branch_whatever_its_name() {
    let mut history = GithubHistory::new();
    for (number, branch) in (1..).zip(["a+b", "a#b", "a&b", "ä/b"]) {
        let repository = format!("acme/odd{number}");
        history.repository(&repository, branch);
        let spec = PullRequestSpec::new(&repository, number, "example-ana", at("2026-03-04T10:00:00Z"));
        history.merge(PullRequestSpec { base: branch.to_owned(), bypass: true, ..spec.approved_by("example-ben") });
    }
    let outcome = acme(history).await.first().await;
    for number in 1..=4 {
        let change = outcome.change(&format!("acme/odd{number}#{number}@"));
        assert_eq!(outcome.reason(&change.id), "rule-bypassed", "{}", change.branch);
    }
}

#[tokio::test]
async fn a_new_default_branch_that_was_deleted_and_made_again_brings_what_it_had_before() {
    let mut history = every_landing();
    let before = at("2026-03-08T10:00:00Z");
    history.branch("acme/shop", ("release2", "main"), "example-eve", before, &["src/unseen.rs"]);
    history.branch("acme/shop", ("kept", "release2"), "example-eve", before + Duration::hours(1), &[]);
    history.delete_branch("acme/shop", "release2", "example-eve", before + Duration::hours(2));
    let made = day(0) + Duration::hours(1);
    history.branch("acme/shop", ("release2", "kept"), "example-eve", made, &[]);
    history.default_branch("acme/shop", "release2", made);
    let bed = acme(history).await;
    let first = bed.first().await;
    let second = then(&bed, &first, day(1)).await;
    let main = head_of_main(&first);
    assert_eq!(landed(&second, "release2"), [(LandingKind::ForcePush, main.as_str(), made, "force-push".to_owned())]);
}

#[tokio::test]
async fn a_new_default_branch_that_is_made_after_the_window_is_judged_by_the_next_run() {
    let mut history = every_landing();
    let made = day(1) + Duration::hours(1);
    history.branch("acme/shop", ("release2", "main"), "example-eve", made, &["src/unseen.rs"]);
    history.default_branch("acme/shop", "release2", made);
    let bed = acme(history).await;
    let first = bed.first().await;
    bed.clock.set(day(1) + Duration::hours(2));
    let window = Window { start: day(0), end: day(1) };
    let second = bed.run(&Task { window, carry: first.whole().carry().cloned() }).await;
    assert!(second.changes().is_empty());
    bed.clock.set(day(2));
    let window = Window { start: day(1), end: day(2) };
    let third = bed.run(&Task { window, carry: second.whole().carry().cloned() }).await;
    let main = head_of_main(&first);
    assert_eq!(landed(&third, "release2"), [(LandingKind::ForcePush, main.as_str(), made, "force-push".to_owned())]);
}

#[tokio::test]
async fn a_default_branch_that_is_renamed_brings_nothing_but_what_follows() {
    let mut history = every_landing();
    history.merge(pull(20, "2026-03-09T01:00:00Z").approved_by("example-ben"));
    let renamed = day(0) + Duration::hours(2);
    history.branch("acme/shop", ("trunk", "main"), "example-ana", renamed, &[]);
    history.delete_branch("acme/shop", "main", "example-ana", renamed);
    history.default_branch("acme/shop", "trunk", renamed);
    history.push_direct("acme/shop", "trunk", "example-ana", day(0) + Duration::hours(3), &["a.md"]);
    let bed = acme(history).await;
    let first = bed.first().await;
    let second = then(&bed, &first, day(1)).await;
    let kinds: Vec<_> = second.changes().iter().map(|c| (c.branch.as_str(), c.landing.kind)).collect();
    assert_eq!(kinds, [("main", LandingKind::PrMerge), ("trunk", LandingKind::Push)]);
    says(filters(&second), "which is where production was");
}

#[tokio::test]
async fn what_the_configuration_names_no_longer_is_stated() {
    let mut history = every_landing();
    history.repository("acme/docs", "main");
    history.repository("acme/docs", "release");
    let (shop, docs) = (
        json!({ "name": "acme/shop", "branches": ["main"] }),
        json!({ "name": "acme/docs", "branches": ["main", "release"] }),
    );
    let bed = Bed::of(history).await.with("repositories", json!([shop, docs]));
    let first = bed.first().await;
    let bed = bed.with("repositories", json!([{ "name": "acme/docs", "branches": ["main"] }]));
    let second = then(&bed, &first, day(1)).await;
    says(filters(&second), "acme/docs: release was in scope at the last complete run, and is no longer");
    says(filters(&second), "acme/shop was in scope at the last complete run, and the configuration has it no longer");
}

#[tokio::test]
async fn a_branch_that_is_gone_is_unread_unless_its_deletion_is_on_record() {
    let gone = |recorded: bool| {
        let mut history = every_landing();
        let id = history.delete_branch("acme/shop", "main", "example-ana", day(0) + Duration::hours(1));
        if !recorded {
            history.drop_row(id);
            // What the sample takes the head from is not there either.
            history.replace(
                "qualifiedName",
                "\"b0\":{\"target\":{\"__typename\":\"Commit\",",
                "\"b0\":null,\"b1\":{\"target\":{",
            );
        }
        history
    };
    let bed = Bed::of(gone(true)).await;
    let first = bed.first().await;
    let deleted = then(&bed, &first, day(1)).await;
    assert!(deleted.whole().items().is_empty());
    // From then on nothing is in scope under that name: production has gone elsewhere.
    let why = then(&bed, &deleted, day(2)).await.incomplete();
    assert!(why.contains("deleted before the window") && why.contains("if another one took its place"), "{why}");
    let carry = Bed::of(every_landing()).await.first().await;
    let why = then(&Bed::of(gone(false)).await, &carry, day(1)).await.incomplete();
    assert!(why.contains("gone without a deletion on record"), "{why}");
}

#[tokio::test]
async fn a_branch_deleted_before_the_first_window_is_no_empty_population() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.delete_branch("acme/shop", "main", "example-ana", at("2026-03-01T23:50:00Z"));
    let why = Bed::of(history).await.first().await.incomplete();
    assert!(why.contains("deleted before the window"), "{why}");
}

#[tokio::test]
async fn an_empty_log_of_a_branch_that_moved_is_incomplete() {
    let mut history = every_landing();
    let carry = Bed::of(history.clone()).await.first().await;
    history.merge(pull(20, "2026-03-09T01:00:00Z"));
    for id in 0..200 {
        history.drop_row(id);
    }
    let why = then(&Bed::of(history).await, &carry, day(1)).await.incomplete();
    assert!(why.contains("but the present state is"), "{why}");
}

#[tokio::test]
async fn a_page_of_the_log_that_comes_again_is_never_whole() {
    let cases = [
        ("time_period", "</repositories/1/activity?per_page=100&again=1>; rel=\"next\"", "is listed twice"),
        (
            "/activity",
            "</repositories/1/activity?per_page=100&again=1>; rel=\"next\"",
            "names itself or an earlier one",
        ),
    ];
    for (holds, next, reason) in cases {
        let mut history = every_landing();
        history.header(holds, week().start, ("link", next));
        let why = Bed::of(history).await.first().await.incomplete();
        assert!(why.contains(reason), "{why}");
    }
}

#[tokio::test]
async fn what_version_1_left_is_read_and_gone_on_from() {
    let mut history = every_landing();
    history.merge(PullRequestSpec { commits: 2, ..pull(20, "2026-03-09T01:00:00Z") });
    let bed = Bed::of(history).await;
    let first = bed.first().await;
    let mut carry = first.whole().carry().cloned().unwrap();
    carry.as_object_mut().unwrap().remove("organizations");
    for key in ["id", "organization", "defaults"] {
        carry["repositories"]["acme/shop"].as_object_mut().unwrap().remove(key);
    }
    let bed = bed.with("organizations", json!([{ "name": "acme" }]));
    bed.clock.set(day(1));
    let window = Window { start: day(0), end: day(1) };
    let second = bed.run(&Task { window, carry: Some(carry) }).await;
    assert_eq!(ids(&second), ["acme/shop#20"]);
    assert_eq!(second.whole().carry().unwrap()["repositories"]["acme/shop"]["id"], json!(1));
}
