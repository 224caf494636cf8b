//! Reviews after the fact: approvals after the merge, and comments on commits that were pushed directly.

use super::bed::{Bed, Outcome, at, pull, week};
use chrono::Duration;
use evidenced::demo::github::{GithubHistory, PullRequestSpec};
use serde_json::json;

const LANDED: &str = "2026-03-04T10:00:00Z";

/// For the check of wire forms: one of each.
pub(super) fn reviewed(history: &mut GithubHistory) {
    let row = history.push_direct("acme/shop", "main", "example-ana", at("2026-03-08T14:00:00Z"), &["src/hot.rs"]);
    history.comment(row, "example-ben", at("2026-03-08T15:00:00Z"), "Reviewed-after: INC-17 ok");
    history.merge(approved(31, "2026-03-08T16:30:00Z", "INC-18"));
}

fn shop() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history
}

/// Approved by ben an hour after the merge.
fn approved(number: u64, merged_at: &str, text: &str) -> PullRequestSpec {
    let later = at(merged_at) + Duration::hours(1);
    let mut spec = pull(number, merged_at).reviewed("example-ben", later, "APPROVED");
    spec.reviews[0].text = text.to_owned();
    spec
}

async fn read(history: GithubHistory) -> Outcome {
    Bed::of(history).await.with("emergency_ticket", json!("INC-[0-9]+")).first().await
}

#[tokio::test]
async fn an_approval_after_the_merge_counts_if_it_names_a_ticket_in_time() {
    let mut late = approved(3, LANDED, "INC-17");
    late.reviews[0].at = at(LANDED) + Duration::hours(25);
    let mut edited_late = approved(4, LANDED, "INC-17");
    edited_late.reviews[0].edited_at = Some(at(LANDED) + Duration::hours(25));
    let mut bot = approved(5, LANDED, "INC-17");
    bot.reviews[0].who = Some("example-helper[bot]".to_owned());
    let mut own = approved(6, LANDED, "INC-17");
    own.reviews[0].who = Some("example-ana".to_owned());
    let mut deleted = approved(7, LANDED, "INC-17");
    deleted.reviews[0].who = None;
    let mut asked = approved(8, LANDED, "INC-17");
    asked.reviews[0].state = "COMMENTED";
    let mut dismissed = approved(9, LANDED, "INC-17");
    dismissed.reviews[0].dismissed_at = Some(at(LANDED) + Duration::hours(2));
    for (spec, reason) in [
        (approved(1, LANDED, "fine after all, see INC-17."), "emergency-reviewed"),
        (approved(2, LANDED, "fine after all"), "approved-after-merge"),
        (late, "approved-after-merge"),
        (edited_late, "approved-after-merge"),
        (bot, "approved-after-merge"),
        (own, "approved-after-merge"),
        (deleted, "reviewer-account-deleted"),
        (asked, "no-approval"),
        (dismissed, "approved-after-merge"),
    ] {
        let number = spec.number;
        let mut history = shop();
        history.merge(spec);
        assert_eq!(read(history).await.reason("acme/shop#"), reason, "#{number}");
    }
}

#[tokio::test]
async fn a_comment_on_a_pushed_commit_counts_in_its_form_in_time_and_by_another_person() {
    let form = "Looked at it.\nReviewed-after: INC-17 ok";
    for (who, hours, text, reason) in [
        ("example-ben", 1, form, "emergency-reviewed"),
        ("example-ben", 24, form, "emergency-reviewed"),
        ("example-ben", 25, form, "direct-push"),
        ("example-ben", 1, "INC-17 is fine", "direct-push"),
        ("example-ben", 1, "Reviewed-after: INC-17 reverted", "direct-push"),
        ("example-helper[bot]", 1, form, "direct-push"),
        ("example-ana", 1, form, "direct-push"),
        ("example-ana", 1, "Reviewed-after: INC-17 ok\n-- example-ben", "direct-push"),
    ] {
        let mut history = shop();
        let row = history.push_direct("acme/shop", "main", "example-ana", at(LANDED), &["src/hot.rs"]);
        history.comment(row, who, at(LANDED) + Duration::hours(hours), text);
        assert_eq!(read(history).await.reason("acme/shop@"), reason, "{who} after {hours} h: {text}");
    }
}

#[tokio::test]
async fn the_earliest_that_counts_is_named_whoever_spoke_before() {
    let mut history = shop();
    let row = history.push_direct("acme/shop", "main", "example-ana", at(LANDED), &["src/hot.rs"]);
    for (hours, who) in [(1, "example-ana"), (2, "example-helper[bot]"), (3, "example-ben"), (4, "example-cleo")] {
        history.comment(row, who, at(LANDED) + Duration::hours(hours), "Reviewed-after: INC-17 ok");
    }
    let outcome = read(history).await;
    let change = outcome.change("acme/shop@");
    assert_eq!(change.post_hoc.len(), 4);
    assert_eq!(change.post_hoc[2].ticket.as_deref(), Some("INC-17"));
    assert_eq!(outcome.reason("acme/shop@"), "emergency-reviewed");
}

#[tokio::test]
async fn texts_are_read_only_where_the_settings_name_tickets() {
    let mut history = shop();
    reviewed(&mut history);
    let without = Bed::of(history.clone()).await.first().await;
    assert_eq!(without.reason("acme/shop@"), "direct-push");
    assert_eq!(without.reason("acme/shop#31@"), "approved-after-merge");
    assert!(without.states("no emergency_ticket"));
    assert!(without.exchanges.iter().all(|exchange| !String::from_utf8_lossy(&exchange.body).contains("INC-1")));
    let with = read(history).await;
    assert_eq!(with.reason("acme/shop@"), "emergency-reviewed");
    assert_eq!(with.reason("acme/shop#31@"), "emergency-reviewed");
    assert!(with.states("seen if it is there when the landing is read"));
}

#[tokio::test]
async fn texts_that_are_missing_or_edited_by_another_hand_never_pass() {
    for (find, put) in [("\"bodyText\"", "\"body\""), ("\"comments\":", "\"remarks\":")] {
        let mut history = shop();
        reviewed(&mut history);
        history.replace("/graphql", find, put);
        read(history).await.incomplete();
    }
    let mut history = shop();
    reviewed(&mut history);
    let edited = "\"lastEditedAt\":\"2026-03-08T15:30:00Z\"";
    history.replace("/graphql", "\"lastEditedAt\":null", edited);
    history.replace("/graphql", "\"editor\":null", "\"editor\":{\"__typename\":\"User\",\"login\":\"example-ana\"}");
    let outcome = read(history).await;
    assert_eq!(outcome.reason("acme/shop@"), "direct-push");
    assert_eq!(outcome.reason("acme/shop#31@"), "approved-after-merge");
}

#[tokio::test]
async fn comments_on_further_pages_are_read() {
    let mut history = shop();
    let row = history.push_direct("acme/shop", "main", "example-ana", at(LANDED), &["src/hot.rs"]);
    for minute in 1..=25 {
        history.comment(row, "example-ben", at(LANDED) + Duration::minutes(minute), "thanks");
    }
    history.comment(row, "example-ben", at(LANDED) + Duration::hours(1), "Reviewed-after: INC-17 ok");
    assert_eq!(read(history.clone()).await.reason("acme/shop@"), "emergency-reviewed");
    history.refuse("m0:node", week().start, week().end + Duration::days(1), 403);
    read(history).await.incomplete();
}
