//! Reviews after the fact: approvals after the merge, and comments on commits that were pushed directly.

use super::bed::{Bed, Outcome, at, pull, week};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{Edit, GithubHistory, Method, PullRequestSpec};
use evidenced::judge::{self, Reading, Test};
use evidenced_collectors::contract::{Task, Window};
use serde_json::{Value, json};

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
    let mut outsider = approved(10, LANDED, "INC-17");
    outsider.reviews[0].who = Some("outsider-dan".to_owned());
    let together = PullRequestSpec { co_authors: vec!["example-ben".to_owned()], ..approved(11, LANDED, "INC-17") };
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
        (outsider, "approved-after-merge"),
        (together, "approved-after-merge"),
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
        ("outsider-dan", 1, form, "direct-push"),
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
async fn who_wrote_or_committed_what_was_pushed_does_not_review_it_afterwards() {
    let roster = json!({ "roster": ["example-cleo"] });
    for (reviewer, policy, outcome) in [
        ("example-ana", json!({}), "direct-push"),
        ("example-ben", json!({}), "direct-push"),
        ("example-dora", json!({}), "direct-push"),
        ("example-cleo", json!({}), "emergency-reviewed"),
        ("example-cleo", roster.clone(), "emergency-reviewed"),
        ("example-emil", roster, "direct-push"),
    ] {
        let mut history = shop();
        let row = history.push_direct("acme/shop", "main", "example-ana", at(LANDED), &["src/hot.rs"]);
        history.credit(row, &["example-ben"], Some("example-dora"));
        history.comment(row, reviewer, at(LANDED) + Duration::hours(1), "Reviewed-after: INC-17 ok");
        let judged = read(history).await.judged(&policy, "acme/shop@");
        assert_eq!(judged.1, outcome, "{reviewer} {policy}");
    }
}

#[tokio::test]
async fn who_wrote_a_commit_below_a_merge_that_was_pushed_does_not_review_it_afterwards() {
    for (reviewer, outcome) in [("example-ben", "direct-push"), ("example-cleo", "emergency-reviewed")] {
        let mut history = shop();
        let spec = PullRequestSpec {
            co_authors: vec!["example-ben".to_owned()],
            method: Method::Pushed,
            merged_with: vec![Edit::new("src/other.rs", "more")],
            ..pull(1, LANDED)
        };
        let row = history.merge(spec);
        history.comment(row, reviewer, at(LANDED) + Duration::hours(1), "Reviewed-after: INC-17 ok");
        assert_eq!(read(history).await.reason("acme/shop@"), outcome, "{reviewer}");
    }
}

#[tokio::test]
async fn a_committer_without_an_account_and_a_standing_that_is_not_understood_never_pass() {
    let mut history = shop();
    reviewed(&mut history);
    history.replace("/compare/", "\"committer\":{\"avatar_url\"", "\"committer\":null,\"was\":{\"avatar_url\"");
    assert_eq!(read(history).await.reason("acme/shop@"), "commit-author-unmatched");
    let mut history = shop();
    reviewed(&mut history);
    history.replace("/graphql", "\"authorAssociation\":\"MEMBER\"", "\"authorAssociation\":\"FRIEND\"");
    assert!(read(history).await.incomplete().contains("unknown variant"));
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
    assert!(with.states("until 7 days after the landing"));
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

/// Runs that follow one another, each from what the last complete one left.
struct Runs {
    bed: Bed,
    from: DateTime<Utc>,
    carry: Option<Value>,
    readings: Vec<Reading>,
}

impl Runs {
    async fn of(history: GithubHistory) -> Self {
        let bed = Bed::of(history).await.with("emergency_ticket", json!("INC-[0-9]+"));
        Self { bed, from: at("2026-03-04T00:00:00Z"), carry: None, readings: Vec::new() }
    }

    async fn at(&mut self, end: &str) -> Outcome {
        let window = Window { start: self.from, end: at(end) };
        self.bed.clock.set(window.end);
        let outcome = self.bed.run(&Task { window, carry: self.carry.clone() }).await;
        if let Ok(whole) = &outcome.result {
            let (collector, items) = ("changes".to_owned(), Some(whole.items().clone()));
            self.readings.push(Reading { collector, as_of: outcome.as_of, items, unread: Vec::new() });
            (self.from, self.carry) = (window.end, whole.carry().cloned());
        }
        outcome
    }

    /// What the control says of the only item, over all readings, oldest first.
    fn reason(&self) -> String {
        let test = Test::parse("change_review", &json!({})).unwrap();
        let verdict = judge::judge(&test, &self.readings, &[], self.readings.last().unwrap().as_of);
        let [judgement] = verdict.judgements.as_slice() else { panic!("{verdict:?}") };
        judgement.reason.clone()
    }
}

/// Each landed at 9:30, and was reviewed at 15:00.
fn reviewed_later() -> [(GithubHistory, &'static str); 2] {
    let (landed, reviewed) = ("2026-03-04T09:30:00Z", at("2026-03-04T15:00:00Z"));
    let mut pushed = shop();
    let row = pushed.push_direct("acme/shop", "main", "example-ana", at(landed), &["src/hot.rs"]);
    pushed.comment(row, "example-ben", reviewed, "Reviewed-after: INC-17 ok");
    let mut merged = shop();
    let mut spec = pull(1, landed).reviewed("example-ben", reviewed, "APPROVED");
    spec.reviews[0].text = "INC-17".to_owned();
    merged.merge(spec);
    [(pushed, "direct-push"), (merged, "no-approval")]
}

#[tokio::test]
async fn a_review_that_comes_after_the_run_that_read_its_landing_is_seen_by_a_later_one() {
    for (mut history, before) in reviewed_later() {
        // News between the two, which is counted as if nothing were looked at again.
        history.merge(pull(9, "2026-03-04T14:00:00Z").approved_by("example-cleo"));
        let mut runs = Runs::of(history).await;
        let first = runs.at("2026-03-04T10:00:00Z").await;
        assert_eq!(runs.reason(), before);
        let second = runs.at("2026-03-04T16:00:00Z").await;
        assert_eq!(second.changes().len(), 2, "{before}");
        let [was, is] = [&first, &second].map(|outcome| outcome.change(&first.changes()[0].id).clone());
        assert_eq!(second.reason(&was.id), "emergency-reviewed");
        assert_eq!(is.post_hoc.len(), 1);
        let mut landed_alike = is.clone();
        landed_alike.post_hoc.clear();
        assert_eq!((landed_alike.landing, landed_alike.authors), (was.landing, was.authors));
        let count = &second.whole().ipe().reconciliations;
        assert!(!count.is_empty() && serde_json::to_string(count).unwrap().contains("GitHub's search"), "{count:?}");
        let third = runs.at("2026-03-04T18:00:00Z").await;
        assert!(third.changes().is_empty(), "{before}: once reviewed it is done with");
    }
}

#[tokio::test]
async fn it_is_also_seen_where_the_log_has_no_news() {
    for (history, before) in reviewed_later() {
        let mut runs = Runs::of(history).await;
        for end in ["2026-03-04T10:00:00Z", "2026-03-04T11:00:00Z", "2026-03-04T12:00:00Z"] {
            runs.at(end).await;
            assert_eq!(runs.reason(), before, "{end}");
        }
        let outcome = runs.at("2026-03-04T16:00:00Z").await;
        assert_eq!(outcome.exchanges[0].head.response.as_ref().unwrap().status, 304);
        assert_eq!(runs.reason(), "emergency-reviewed");
        assert_eq!(runs.at("2026-03-04T18:00:00Z").await.exchanges.len(), 1);
    }
}

#[tokio::test]
async fn who_pushed_is_remembered_although_the_branch_was_deleted_after_the_merge() {
    let [_, (history, _)] = reviewed_later();
    let mut runs = Runs::of(history).await;
    let first = runs.at("2026-03-04T10:00:00Z").await;
    let second = runs.at("2026-03-04T16:00:00Z").await;
    let commits = |outcome: &Outcome| super::bed::found(outcome.change("acme/shop#1@")).commits.clone();
    assert_eq!(commits(&second), commits(&first));
    assert!(commits(&second)[0].pushed_by.is_some());
}

#[tokio::test]
async fn a_landing_without_a_review_is_looked_at_once_more_after_seven_days_and_then_no_more() {
    let mut history = shop();
    let row = history.push_direct("acme/shop", "main", "example-ana", at("2026-03-04T09:30:00Z"), &["src/hot.rs"]);
    // Whoever landed it ends nothing by reviewing it.
    history.comment(row, "example-ana", at("2026-03-04T09:40:00Z"), "Reviewed-after: INC-17 ok");
    let mut runs = Runs::of(history).await;
    let ends = [
        ("2026-03-04T10:00:00Z", 1),
        ("2026-03-09T10:00:00Z", 1),
        ("2026-03-11T09:00:00Z", 1),
        ("2026-03-11T10:00:00Z", 1),
        ("2026-03-11T11:00:00Z", 0),
    ];
    for (end, changes) in ends {
        assert_eq!(runs.at(end).await.changes().len(), changes, "{end}");
        assert_eq!(runs.reason(), "direct-push", "{end}");
    }
}

#[tokio::test]
async fn a_second_look_that_fails_is_incomplete_and_is_made_again() {
    let [(mut history, before), _] = reviewed_later();
    let failing = at("2026-03-04T16:00:00Z");
    history.refuse("/compare/", failing, failing + Duration::minutes(1), 403);
    let mut runs = Runs::of(history).await;
    runs.at("2026-03-04T10:00:00Z").await;
    let failed = runs.at("2026-03-04T16:00:00Z").await;
    assert!(failed.incomplete().contains("comparison"), "{}", failed.incomplete());
    assert!(failed.changes().is_empty(), "what was handed over stays as it was");
    assert_eq!(runs.reason(), before);
    runs.at("2026-03-04T17:00:00Z").await;
    assert_eq!(runs.reason(), "emergency-reviewed");
}

#[tokio::test]
async fn without_a_ticket_in_the_settings_nothing_is_looked_at_again() {
    for (history, before) in reviewed_later() {
        let mut runs = Runs::of(history).await;
        runs.bed.settings.as_object_mut().unwrap().remove("emergency_ticket");
        for (end, changes) in [("2026-03-04T10:00:00Z", 1), ("2026-03-04T16:00:00Z", 0), ("2026-03-04T17:00:00Z", 0)] {
            assert_eq!(runs.at(end).await.changes().len(), changes, "{end}");
        }
        assert_eq!(runs.reason(), before);
    }
}
