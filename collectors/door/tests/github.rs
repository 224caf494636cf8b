//! octocrab through the door.

use super::*;
use crate::contract::{CollectError, SecretRef};
use crate::door::GithubCredentials;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

const CANARY: &str = "canary-github-7f3a9";

fn secret(directory: &tempfile::TempDir, text: &str) -> SecretRef {
    use std::os::unix::fs::PermissionsExt;
    let path: PathBuf = directory.path().join("secret");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    SecretRef::File(path)
}

/// A throw-away key as GitHub hands it out.
fn private_key() -> String {
    let made = Command::new("openssl").args(["genrsa", "-traditional", "2048"]).output();
    let made = made.expect("openssl is missing; hint: install the openssl program");
    String::from_utf8(made.stdout).unwrap()
}

/// A small GitHub; its tokens are `canary-github-7f3a9-<n>`, and it says them where it should not.
fn server() -> Server {
    Server::start(|place, request| {
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let reply = match path.as_str() {
            "/api/v3/user?page=1" => answer(200, &[], &json!({ "login": "octo", "echo": request }).to_string()),
            "/api/v3/graphql" => answer(200, &[], &json!({ "data": { "viewer": "octo" } }).to_string()),
            "/api/v3/app/installations/7/access_tokens" => {
                let token = json!({ "token": format!("{CANARY}-{place}"), "expires_at": "2026-01-01T01:00:00Z" });
                answer(201, &[], &token.to_string())
            }
            "/api/v3/app/installations/8/access_tokens" => answer(401, &[], r#"{"message":"Bad credentials"}"#),
            _ => answer(404, &[], r#"{"message":"Not Found"}"#),
        };
        Reply::Bytes(reply)
    })
}

async fn user(door: &Door, source: &Source, base: &Url, credentials: &GithubCredentials) -> Result<Value, String> {
    let octocrab = door.github(source, base, credentials).map_err(|e| e.to_string())?;
    octocrab.get("/user?page=1", None::<&()>).await.map_err(|e| match Failure::within(&e) {
        Some(failure) => failure.clone().into_error("user").to_string(),
        None => e.to_string(),
    })
}

#[tokio::test]
async fn octocrab_asks_with_the_token_and_replays_without_one() {
    let server = server();
    let (source, base) = (server.source(), server.base.join("/api/v3").unwrap());
    let directory = tempfile::tempdir().unwrap();
    let credentials = GithubCredentials::Token(secret(&directory, CANARY));
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| {
        let octocrab = door.github(&source, &base, &credentials).unwrap();
        let query = json!({ "query": "{ viewer { login } }" });
        let graphql: Value = octocrab.graphql(&query).await.unwrap();
        let missing: octocrab::Result<Value> = octocrab.get("/missing", None::<&()>).await;
        let missing = missing.unwrap_err();
        let octocrab::Error::GitHub { source: refused, .. } = &missing else { panic!("{missing}") };
        assert_eq!(refused.status_code.as_u16(), 404);
        let user = user(door, &source, &base, &credentials).await.unwrap();
        assert!(!format!("{octocrab:?}{missing:?}").contains(CANARY));
        (graphql, user)
    })
    .await;
    assert_eq!(seen.0, json!({ "viewer": "octo" }));
    assert_eq!(seen.1["login"], "octo");
    assert!(seen.1["echo"].as_str().unwrap().contains("Bearer [struck out: secret]"), "{seen:?}");
    assert_eq!(exchanges.len(), 3);
    assert!(!format!("{exchanges:?}").contains(CANARY));
    assert!(server.seen().iter().all(|request| request.contains(&format!("authorization: Bearer {CANARY}\r\n"))));
    let base = base.as_str();
    let urls: Vec<_> = exchanges.iter().map(|exchange| exchange.head.request.url.clone()).collect();
    assert_eq!(urls, [format!("{base}/graphql"), format!("{base}/missing"), format!("{base}/user?page=1")]);
}

#[tokio::test]
async fn octocrab_is_told_the_failure_by_name() {
    let server = Server::script(vec![b"HTTP/1.1 200 OK\r\n\r\n{}".to_vec()]);
    let (source, base) = (server.source(), server.base.clone());
    let directory = tempfile::tempdir().unwrap();
    let credentials = GithubCredentials::Token(secret(&directory, CANARY));
    let session = async |door: &Door| user(door, &source, &base, &credentials).await;
    let (seen, exchanges) = both(&year(), Limits::default(), session).await;
    assert!(seen.as_ref().unwrap_err().contains("unavailable: answer cut short"), "{seen:?}");
    assert_eq!(exchanges.len(), 4);
}

#[tokio::test]
async fn an_app_mints_one_token_unrecorded_and_renews_it_near_its_end() {
    let server = server();
    let (source, base, clock) = (server.source(), server.base.join("/api/v3").unwrap(), year());
    let directory = tempfile::tempdir().unwrap();
    let private_key = secret(&directory, &private_key());
    let credentials = GithubCredentials::App { app_id: 1, installation_id: 7, private_key };
    let (seen, exchanges) = both(&clock, Limits::default(), async |door| {
        let octocrab = door.github(&source, &base, &credentials).unwrap();
        let mut all: Vec<Value> = Vec::new();
        for _ in 0..3 {
            all.push(octocrab.get("/user?page=1", None::<&()>).await.unwrap());
            door.pause(std::time::Duration::from_secs(29 * 60)).await;
        }
        all
    })
    .await;
    assert!(seen.iter().all(|user| user["echo"].as_str().unwrap().contains("Bearer [struck out: secret]")));
    assert_eq!(exchanges.len(), 3);
    assert!(!format!("{exchanges:?}").contains(CANARY));
    let sent: Vec<_> = server.seen().iter().map(|r| r.split(' ').nth(1).unwrap().to_owned()).collect();
    let (mint, user) = ("/api/v3/app/installations/7/access_tokens", "/api/v3/user?page=1");
    assert_eq!(sent, [mint, user, user, mint, user]);
    assert!(server.seen()[4].contains(&format!("Bearer {CANARY}-3")));
}

#[tokio::test]
async fn an_app_that_gets_no_token_is_unauthenticated_on_replay_too() {
    let server = server();
    let (source, base) = (server.source(), server.base.join("/api/v3").unwrap());
    let directory = tempfile::tempdir().unwrap();
    let private_key = secret(&directory, &private_key());
    let credentials = GithubCredentials::App { app_id: 1, installation_id: 8, private_key };
    let session = async |door: &Door| user(door, &source, &base, &credentials).await;
    let (seen, exchanges) = both(&year(), Limits::default(), session).await;
    assert!(seen.as_ref().unwrap_err().contains("not authenticated"), "{seen:?}");
    assert!(seen.unwrap_err().contains("Bad credentials"));
    assert!(matches!(exchanges[0].head.response, Err(Failure::Unauthenticated(_))));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_without_quoting_it() {
    let directory = tempfile::tempdir().unwrap();
    let private_key = secret(&directory, CANARY);
    let credentials = GithubCredentials::App { app_id: 1, installation_id: 8, private_key };
    let base = Url::parse("https://github.test/").unwrap();
    let source = Source { name: "test".to_owned(), hosts: Hosts::Origin(base.clone()), strikes: Vec::new() };
    let session = async |door: &Door| door.github(&source, &base, &credentials).err();
    let (error, _) = both(&year(), Limits::default(), session).await;
    let error = error.unwrap();
    assert!(matches!(error, CollectError::Unauthenticated { .. }));
    assert!(!error.to_string().contains(CANARY));
}
