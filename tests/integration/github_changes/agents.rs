//! Pull requests opened by AI agents: who started the agent is not independent of it.

use super::bed::{Bed, Outcome, at, found, pull};
use chrono::Duration;
use evidenced::demo::github::{GithubHistory, PullRequestSpec};
use evidenced_collectors::contract::ActorKind;
use serde_json::json;

const AGENT: &str = "copilot-swe-agent[bot]";
const MERGED: &str = "2026-03-04T10:00:00Z";

/// An agent's pull request, approved by ben, with assignments an hour and a half before the merge.
fn opened(by: &str, assigned: &[(&str, &str)]) -> PullRequestSpec {
    let when = at(MERGED) - Duration::minutes(90);
    let assigned = assigned.iter().map(|&(who, to)| (when, who.to_owned(), to.to_owned())).collect();
    let spec = pull(1, MERGED).approved_by("example-ben");
    PullRequestSpec { author: by.to_owned(), merged_by: "example-cleo".to_owned(), assigned, ..spec }
}

async fn read(spec: PullRequestSpec, agents: serde_json::Value) -> Outcome {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.merge(spec);
    Bed::of(history).await.with("agents", agents).first().await
}

#[tokio::test]
async fn whoever_started_the_agent_does_not_approve_its_pull_request() {
    let known = || json!(["copilot-swe-agent"]);
    for (assigned, initiator, reason) in [
        (&[(AGENT, "example-ben")][..], Some("example-ben"), "approver-started-agent"),
        (&[("example-ben", AGENT)], Some("example-ben"), "approver-started-agent"),
        (&[(AGENT, "example-ana"), ("example-ana", AGENT)], Some("example-ana"), "approved"),
        (&[(AGENT, AGENT), (AGENT, "example-ana")], Some("example-ana"), "approved"),
        (&[], None, "agent-initiator-unknown"),
        // Between people, or by another app, says nothing.
        (&[("example-ana", "example-ana")], None, "agent-initiator-unknown"),
        (&[("example-helper[bot]", "example-ana")], None, "agent-initiator-unknown"),
        (&[(AGENT, "example-ana"), ("example-cleo", AGENT)], None, "agent-initiator-unknown"),
    ] {
        let outcome = read(opened(AGENT, assigned), known()).await;
        let pull = found(outcome.change("acme/shop#1@"));
        assert_eq!(pull.author.as_ref().unwrap().kind, ActorKind::Agent);
        assert_eq!(pull.initiator.as_deref(), initiator, "{assigned:?}");
        assert_eq!(outcome.reason("acme/shop#1@"), reason, "{assigned:?}");
    }
}

#[tokio::test]
async fn an_assignment_after_the_merge_started_nothing() {
    let mut spec = opened(AGENT, &[(AGENT, "example-ana")]);
    spec.assigned[0].0 = at(MERGED) + Duration::hours(1);
    let outcome = read(spec, json!(["copilot-swe-agent"])).await;
    assert_eq!(outcome.reason("acme/shop#1@"), "agent-initiator-unknown");
}

#[tokio::test]
async fn only_accounts_that_github_types_as_apps_are_agents_and_only_those_listed() {
    let person = read(opened("copilot-swe-agent", &[]), json!(["copilot-swe-agent"])).await;
    assert_eq!(found(person.change("acme/shop#1@")).author.as_ref().unwrap().kind, ActorKind::User);
    assert_eq!(person.reason("acme/shop#1@"), "approved");
    let renovate = read(opened("renovate[bot]", &[]), json!(["copilot-swe-agent"])).await;
    assert_eq!(found(renovate.change("acme/shop#1@")).author.as_ref().unwrap().kind, ActorKind::Bot);
    assert_eq!(renovate.reason("acme/shop#1@"), "approved");
    let listed = read(opened("example-writer[bot]", &[]), json!(["Example-Writer"])).await;
    assert_eq!(listed.reason("acme/shop#1@"), "agent-initiator-unknown");
}

#[tokio::test]
async fn an_app_that_is_in_neither_list_may_be_an_agent_until_somebody_lists_it() {
    for app in ["example-writer", "github-actions"] {
        let mut history = GithubHistory::new();
        history.repository("acme/shop", "main");
        history.merge(opened(&format!("{app}[bot]"), &[]));
        let bed = Bed::of(history).await;
        let unlisted = bed.first().await;
        let author = found(unlisted.change("acme/shop#1@")).author.clone().unwrap();
        assert_eq!((author.login, author.kind), (format!("{app}[bot]"), ActorKind::Unknown));
        assert_eq!(unlisted.reason("acme/shop#1@"), "author-kind-unknown");
        assert!(unlisted.states(&format!("{app}; hint: name each in agents")));
        let listed = bed.with("automation", json!([app])).first().await;
        assert_eq!(listed.reason("acme/shop#1@"), "approved");
        assert!(!listed.states("hint: name each in agents"));
    }
}

#[tokio::test]
async fn a_bot_that_reviews_is_a_bot_whether_it_is_listed_or_not() {
    let by_bot = pull(1, MERGED).approved_by("example-writer[bot]");
    assert_eq!(read(by_bot, json!(["copilot-swe-agent"])).await.reason("acme/shop#1@"), "bot-approval");
}

#[tokio::test]
async fn an_assignment_that_is_not_understood_is_never_whole() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.merge(opened(AGENT, &[(AGENT, "example-ben")]));
    history.replace("landed", "\"assignee\":{\"__typename\":\"User\"", "\"assignee\":{\"__typename\":\"Spirit\"");
    assert!(Bed::of(history).await.first().await.incomplete().contains("unknown variant"));
}
