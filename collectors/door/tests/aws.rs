//! The AWS SDK through the door. The SDK reads its environment, so each test runs once more in a process
//! with one of its own.

use super::*;
use crate::contract::{CollectError, SecretRef};
use crate::door::Network;
use crate::door::{AccessKey, AwsAccount};
use std::process::Command;

const SECRET: &str = "canary/secret+key/7f3a9";
const ASSUMED: &str = "canary/assumed+key/51cc0";

/// The endpoint that the parent process serves; none in the parent itself.
fn endpoint() -> Option<Url> {
    std::env::var("DOOR_TEST_ENDPOINT").ok().map(|url| Url::parse(&url).unwrap())
}

/// Runs the test of that name in a process with this environment.
fn again(test: &str, server: &Server, variables: &[(&str, &str)]) {
    let none = "/nonexistent";
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("door::tests::aws::{test}"), "--nocapture"])
        .env_clear()
        .envs([("AWS_CONFIG_FILE", none), ("AWS_SHARED_CREDENTIALS_FILE", none), ("HOME", none)])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("DOOR_TEST_ENDPOINT", server.base.as_str())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDCANARY"), ("AWS_SECRET_ACCESS_KEY", SECRET)];

/// A small AWS.
fn server() -> Server {
    Server::start(|place, request| {
        let xml = |body: &str| answer(200, &[("content-type", "text/xml"), ("x-amzn-requestid", "r-1")], body);
        let form = request.rsplit("\r\n\r\n").next().unwrap();
        Reply::Bytes(match form {
            _ if form.contains("Action=GetCallerIdentity") => {
                xml("<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>\
                 <Arn>arn:aws:iam::111122223333:user/a</Arn><UserId>A</UserId></GetCallerIdentityResult>\
                 </GetCallerIdentityResponse>")
            }
            _ if form.contains("Action=AssumeRole") => xml(&format!(
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
                 <SecretAccessKey>{ASSUMED}</SecretAccessKey><SessionToken>canary-session-token</SessionToken>\
                 <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            )),
            // The first call of ListUsers is throttled.
            _ if form.contains("Action=ListUsers") && place < 2 => {
                answer(400, &[], "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>")
            }
            _ if form.contains("Action=ListUsers") => xml(&format!(
                "<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated><Users><member>\
                 <Path>/</Path><UserName>{ASSUMED}{SECRET}</UserName><UserId>A</UserId>\
                 <Arn>arn:aws:iam::111122223333:user/a</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
                 </member></Users></ListUsersResult></ListUsersResponse>",
            )),
            _ => answer(403, &[], "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"),
        })
    })
}

fn source() -> Source {
    Source { name: "test".to_owned(), hosts: Hosts::Under("amazonaws.com".to_owned()), strikes: Vec::new() }
}

/// The account's number and first user, through the SDK.
async fn session(door: &Door, account: &AwsAccount) -> Result<(String, String), CollectError> {
    let config = door.aws(&source(), account).await?;
    let failure = |e: &(dyn std::error::Error + 'static)| match Failure::within(e) {
        Some(failure) => failure.clone().into_error("AWS"),
        None => CollectError::Malformed { what: "AWS".to_owned(), why: format!("{e:?}") },
    };
    let identity = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.map_err(|e| failure(&e))?;
    let users = aws_sdk_iam::Client::new(&config).list_users().send().await.map_err(|e| failure(&e))?;
    assert!(!format!("{config:?}").contains("canary"));
    Ok((identity.account.unwrap(), users.users[0].user_name.clone()))
}

#[tokio::test]
async fn the_sdk_asks_and_is_replayed_without_credentials() {
    let Some(endpoint) = endpoint() else {
        let server = server();
        again("the_sdk_asks_and_is_replayed_without_credentials", &server, &KEYS);
        assert_eq!(server.seen().len(), 3, "one throttled, none by the replay");
        return;
    };
    let account = AwsAccount { endpoint_url: Some(endpoint.to_string()), ..AwsAccount::default() };
    let clock = year();
    let (seen, exchanges) = both(&clock, Limits::default(), async |door| session(door, &account).await).await;
    let users = format!("{ASSUMED}[struck out: secret]");
    assert_eq!(seen, Ok(("111122223333".to_owned(), users)));
    assert_eq!(exchanges.len(), 3);
    assert_eq!((clock.now() - start_of_year()).num_seconds(), 1, "the door repeats, the SDK does not");
    let text = format!("{exchanges:?}");
    assert!(!text.contains(SECRET) && !text.contains("Signature") && !text.contains("AKIDCANARY"), "{text}");
    let header = &exchanges[0].head.request.headers;
    assert_eq!(header[..], [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    let door = Door::replay(exchanges, start_of_year(), Limits::default());
    session(&door, &account).await.unwrap();
    let requests: Vec<_> = door.ipe("test").requests.into_iter().map(|r| (r.request, r.count)).collect();
    assert_eq!(requests, [("iam:ListUsers".to_owned(), 2), ("sts:GetCallerIdentity".to_owned(), 1)]);
}

#[tokio::test]
async fn a_role_is_assumed_unrecorded_and_its_keys_are_struck_out() {
    let Some(endpoint) = endpoint() else {
        let server = server();
        again("a_role_is_assumed_unrecorded_and_its_keys_are_struck_out", &server, &KEYS);
        let seen = server.seen();
        assert!(seen[0].contains("Action=AssumeRole") && seen[0].contains("ExternalId=ext"), "{seen:?}");
        assert!(seen[1..].iter().all(|request| request.contains("x-amz-security-token: canary-session-token")));
        return;
    };
    let account = AwsAccount {
        endpoint_url: Some(endpoint.to_string()),
        role_arn: Some("arn:aws:iam::111122223333:role/audit".to_owned()),
        external_id: Some("ext".to_owned()),
        ..AwsAccount::default()
    };
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| session(door, &account).await).await;
    assert_eq!(seen.unwrap().1, "[struck out: secret][struck out: secret]");
    assert_eq!(exchanges.len(), 2);
    assert!(!format!("{exchanges:?}").contains("canary"));
}

#[tokio::test]
async fn an_endpoint_from_the_environment_is_used_and_not_needed_on_replay() {
    if endpoint().is_none() {
        let server = server();
        let variables = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", server.base.as_str())];
        again("an_endpoint_from_the_environment_is_used_and_not_needed_on_replay", &server, &variables);
        assert_eq!(server.seen().len(), 3);
        return;
    }
    let account = AwsAccount::default();
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| session(door, &account).await).await;
    assert!(seen.is_ok(), "{seen:?}");
    let replay = Door::replay(exchanges, start_of_year(), Limits::default());
    let config = replay.aws(&source(), &account).await.unwrap();
    assert_eq!(config.endpoint_url(), None, "a replay reads no environment");
}

#[tokio::test]
async fn an_endpoint_from_the_environment_with_a_path_is_refused() {
    if endpoint().is_none() {
        let server = server();
        let url = server.url("/path");
        let variables = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", url.as_str())];
        again("an_endpoint_from_the_environment_with_a_path_is_refused", &server, &variables);
        return;
    }
    let seen = session(&Door::live(&Network::new(), year(), Limits::default()), &AwsAccount::default()).await;
    assert!(matches!(&seen, Err(CollectError::Malformed { why, .. }) if why.contains("endpoint_url")), "{seen:?}");
}

#[tokio::test]
async fn without_credentials_the_run_is_unauthenticated_and_so_is_its_replay() {
    let Some(endpoint) = endpoint() else {
        let server = server();
        again("without_credentials_the_run_is_unauthenticated_and_so_is_its_replay", &server, &[]);
        assert_eq!(server.seen(), Vec::<String>::new());
        return;
    };
    let account = AwsAccount { endpoint_url: Some(endpoint.to_string()), ..AwsAccount::default() };
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| session(door, &account).await).await;
    assert!(matches!(&seen, Err(CollectError::Unauthenticated { .. })), "{seen:?}");
    assert_eq!(exchanges.len(), 1);
}

#[tokio::test]
async fn the_sdk_is_told_the_failure_by_name() {
    let Some(endpoint) = endpoint() else {
        let server = Server::script(vec![b"HTTP/1.1 200 OK\r\n\r\n<x/>".to_vec()]);
        again("the_sdk_is_told_the_failure_by_name", &server, &KEYS);
        return;
    };
    let account = AwsAccount { endpoint_url: Some(endpoint.to_string()), ..AwsAccount::default() };
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| session(door, &account).await).await;
    assert!(matches!(&seen, Err(CollectError::Unavailable { .. })), "{seen:?}");
    assert_eq!(exchanges.len(), 4);
}

#[tokio::test]
async fn a_configured_access_key_is_used_or_missed_and_so_on_replay() {
    let Some(endpoint) = endpoint() else {
        let server = server();
        again("a_configured_access_key_is_used_or_missed_and_so_on_replay", &server, &[("DOOR_TEST_KEY", SECRET)]);
        assert!(server.seen()[0].contains("Credential=AKIDCONFIGURED/"), "{:?}", server.seen());
        return;
    };
    for (variable, signed_in) in [("DOOR_TEST_KEY", true), ("DOOR_TEST_NO_KEY", false)] {
        let access_key = AccessKey { id: "AKIDCONFIGURED".to_owned(), secret: SecretRef::Env(variable.to_owned()) };
        let endpoint_url = Some(endpoint.to_string());
        let account = AwsAccount { endpoint_url, access_key: Some(access_key), ..AwsAccount::default() };
        let (seen, exchanges) = both(&year(), Limits::default(), async |door| session(door, &account).await).await;
        match seen {
            Ok((_, user)) => assert!(signed_in && !user.contains(SECRET)),
            Err(error) => assert!(!signed_in && matches!(error, CollectError::Unauthenticated { .. })),
        }
        assert!(!format!("{exchanges:?}").contains(SECRET));
    }
}
