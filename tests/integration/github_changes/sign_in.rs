//! Signing in: as a GitHub App, and with a token that an organisation's single sign-on does not know.

use super::bed::{Bed, Outcome, at, every_landing, pull, week};
use crate::support;
use chrono::Duration;
use evidenced::demo::github::PullRequestSpec;
use evidenced_collectors::contract::{CollectError, Lookup, Task, Window};
use evidenced_collectors::door::{Door, Limits};
use serde_json::json;
use std::io::Write;
use std::process::Command;

/// What the sample GitHub hands to an App.
const INSTALLATION_TOKEN: &str = "ghs_sample_installation_token";
const MINT: &str = "POST /app/installations/7/access_tokens";
const PARTIAL: (&str, &str) = ("x-github-sso", "partial-results; organizations=21955855");

/// A throw-away key as GitHub hands it out.
pub(crate) fn private_key() -> String {
    let made = Command::new(support::program("openssl")).args(["genrsa", "-traditional", "2048"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap()
}

/// Everything of a run that is kept or shown.
fn kept(outcome: &Outcome) -> String {
    let mut text = format!("{:?}", outcome.result);
    for exchange in &outcome.exchanges {
        text += &serde_json::to_string(&exchange.head).unwrap();
        text += &String::from_utf8_lossy(&exchange.body);
    }
    text
}

#[tokio::test]
async fn an_app_reads_with_a_minted_token_and_neither_token_nor_key_nor_signature_is_kept() {
    let mut history = every_landing();
    // GitHub says the token where it should not.
    history.replace("/activity", "\"gravatar_id\":\"\"", &format!("\"gravatar_id\":\"{INSTALLATION_TOKEN}\""));
    let key = private_key();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(key.as_bytes()).unwrap();
    let app = json!({ "app": { "app_id": 1, "installation_id": 7, "private_key": { "file": file.path() } } });
    let bed = Bed::of(history).await.with("credentials", app);
    let outcome = bed.first().await;
    assert_eq!(outcome.whole().items().len(), 13);
    let requests = bed.server.requests();
    assert_eq!(requests.iter().filter(|request| *request == MINT).count(), 1);
    assert_eq!(requests.len(), outcome.exchanges.len() + 1);
    let kept = kept(&outcome);
    assert!(kept.contains("\"gravatar_id\":\"[struck out"), "the token was not said, so nothing was shown");
    let lines = key.lines().filter(|line| !line.starts_with("-----"));
    for secret in lines.chain([INSTALLATION_TOKEN, "PRIVATE KEY", "eyJ"]) {
        assert!(!kept.contains(secret), "a secret is kept");
    }

    let limits = Limits { attempts_max: 1, ..Limits::default() };
    let replay = Door::replay(outcome.exchanges.clone(), outcome.as_of, limits);
    let again = bed.collector().collect(&replay, &Task { window: week(), carry: None }).await.unwrap();
    assert_eq!(&again, outcome.whole());
    assert_eq!(bed.server.requests().len(), requests.len());
}

#[tokio::test]
async fn an_app_that_is_refused_a_token_is_unauthenticated_and_asks_for_nothing_else() {
    let mut history = every_landing();
    history.refuse("/access_tokens", week().start, week().end + Duration::days(1), 401);
    let key = private_key();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(key.as_bytes()).unwrap();
    let app = json!({ "app": { "app_id": 1, "installation_id": 7, "private_key": { "file": file.path() } } });
    let bed = Bed::of(history).await.with("credentials", app);
    let outcome = bed.first().await;
    assert!(matches!(outcome.result, Err(CollectError::Unauthenticated { .. })), "{:?}", outcome.result);
    assert!(bed.server.requests().iter().all(|request| request == MINT));
    assert!(!kept(&outcome).contains("eyJ"));
}

#[tokio::test]
async fn an_answer_that_single_sign_on_made_partial_is_never_whole() {
    // Every sort of request, each of which looks complete.
    for holds in ["/activity", "search(", "landed", "/compare/", "/rule-suites"] {
        let mut history = every_landing();
        history.header(holds, week().start, PARTIAL);
        let outcome = Bed::of(history).await.first().await;
        let why = outcome.incomplete();
        for said in ["SSO authorisation of the token", "organizations=21955855", "Configure SSO"] {
            assert!(why.contains(said), "{holds}: {why}");
        }
    }
}

#[tokio::test]
async fn further_pages_that_single_sign_on_made_partial_fail_the_commit_and_keep_the_others() {
    let mut history = every_landing();
    history.merge(PullRequestSpec { commits: 31, ..pull(20, "2026-03-08T10:00:00Z") });
    history.header("m0:node", week().start, PARTIAL);
    let outcome = Bed::of(history).await.first().await;
    assert!(outcome.incomplete().contains("SSO authorisation of the token"));
    let failed: Vec<_> = outcome.changes().iter().filter(|c| matches!(c.pull_request, Lookup::Failed(_))).collect();
    assert_eq!((outcome.changes().len(), failed.len()), (14, 1));
    assert_eq!(failed[0].landing.at, at("2026-03-08T10:00:00Z"));
}

#[tokio::test]
async fn an_unchanged_log_that_single_sign_on_made_partial_is_never_whole() {
    let mut history = every_landing();
    let window =
        |hour| Window { start: week().end + Duration::hours(hour), end: week().end + Duration::hours(hour + 1) };
    history.header("/activity", window(1).end, PARTIAL);
    let bed = Bed::of(history).await;
    let carry = bed.first().await.whole().carry().cloned();
    // The second run learns the whole log's ETag.
    bed.clock.set(window(0).end);
    let carry = bed.run(&Task { window: window(0), carry }).await.whole().carry().cloned();
    bed.clock.set(window(1).end);
    let outcome = bed.run(&Task { window: window(1), carry }).await;
    assert_eq!(outcome.exchanges[0].head.response.as_ref().unwrap().status, 304);
    assert!(outcome.incomplete().contains("SSO authorisation of the token"));
}

#[tokio::test]
async fn a_refusal_for_want_of_single_sign_on_names_it_and_keeps_no_ticket() {
    let mut history = every_landing();
    history.refuse("/activity", week().start, week().end + Duration::days(1), 403);
    let ticket = "required; url=https://github.example/orgs/acme/sso?authorization_request=one-time-only";
    history.header("/activity", week().start, ("x-github-sso", ticket));
    let outcome = Bed::of(history).await.first().await;
    assert!(outcome.incomplete().contains("SSO authorisation of the token"));
    assert!(!kept(&outcome).contains("one-time-only"));
}
