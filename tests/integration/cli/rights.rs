//! `evidenced doctor` on credentials: what they have, lack and have too many of, one permission taken away after the
//! other where somebody evaluates policies.

use super::{Home, Said};
use crate::github_changes::sign_in::private_key;
use crate::support::localstack::{ACCOUNT, LocalStack};
use crate::support::moto::{Key, Moto};
use chrono::Duration;
use evidenced::demo::aws::{AwsHistory, AwsServer, LoggingSpec, TrailSpec};
use evidenced::demo::github::{AlertSpec, GithubHistory, GithubServer, Grants, PullRequestSpec};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use evidenced_collectors::contract::{Permission, System};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// What moto 5.2.5 lets everybody do, whatever the policy says, or nobody: what to take away there shows nothing.
const NOT_ENFORCED: [(&str, &str); 1] =
    [("sts:GetCallerIdentity", "AWS lets every identity ask who it is, and so does moto")];

/// What GitHub gives with every other permission, so that nobody can take it away.
const ALWAYS: &str = "Metadata: read";

fn names(said: &Said, standing: &str) -> Vec<String> {
    let found = said.json();
    let of = found.as_array().unwrap().iter().filter(|finding| finding["standing"] == standing);
    let named = of.flat_map(|finding| finding["names"].as_array().into_iter().flatten());
    named.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// All sentences of findings that stand so.
fn said_of(said: &Said, standing: &str) -> String {
    let found = said.json();
    let of = found.as_array().unwrap().iter().filter(|finding| finding["standing"] == standing);
    of.map(|finding| format!("{} -> {}\n", finding["found"], finding["fix"])).collect()
}

fn needed(kind: &str, settings: &Value) -> Vec<&'static str> {
    let all = evidenced_collectors::kind(kind).unwrap().permissions.iter();
    all.filter(|permission| permission.needed(settings)).map(|permission| permission.name).collect()
}

fn without(all: &[&'static str], gone: &[&str]) -> Vec<&'static str> {
    all.iter().copied().filter(|name| !gone.contains(name)).collect()
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    names.sort();
    names
}

fn doctor(home: &Home) -> Said {
    home.run(&["doctor", "--json"])
}

/// With all that is needed nothing lacks; without one of it, that one does.
fn each_in_turn(home: &Home, moto: &mut Moto, needed: &[&'static str]) {
    moto.allow(needed);
    let all = doctor(home);
    assert_eq!(names(&all, "lacks"), [""; 0], "{all:?}");
    for &gone in needed {
        moto.allow(&without(needed, &[gone]));
        let said = doctor(home);
        if NOT_ENFORCED.iter().any(|(name, _)| *name == gone) {
            assert_eq!(names(&said, "lacks"), [""; 0], "moto enforces {gone}: take it off the list");
            continue;
        }
        assert_eq!(names(&said, "lacks"), [gone], "{said:?}");
        assert!(!names(&said, "has").contains(&gone.to_owned()), "{said:?}");
        assert_eq!(said.code, 1);
        let fix = format!("grant {gone}");
        assert!(said_of(&said, "lacks").contains(&fix), "{said:?}");
    }
}

#[test]
fn each_missing_permission_of_iam_is_named_alone_and_what_cannot_be_told_is_unknown() {
    let mut moto = Moto::start(20, &["--enforce", "--report-now"]);
    let key = moto.key(None);
    let accounts = json!([{ "name": "production", "via": key.via(&moto.url()) }]);
    let settings = json!({ "accounts": accounts, "device_kinds": true, "mfa_deny_policies": true });
    let home = Home::with("aws_iam", &settings, "mfa");
    let needed = needed("aws_iam", &settings);
    each_in_turn(&home, &mut moto, &needed);
    moto.allow(&needed);
    let said = doctor(&home);
    assert_eq!(names(&said, "has"), sorted(&needed), "{said:?}");
    let unknown = said_of(&said, "unknown");
    assert!(unknown.contains("allow iam:SimulatePrincipalPolicy"), "{unknown}");
    // A policy that allows to ask, at a source that has no answer, is no proof of anything either.
    moto.allow(&["*"]);
    let said = doctor(&home);
    assert!(names(&said, "too_many").is_empty() && !said_of(&said, "unknown").is_empty(), "{said:?}");
    // Where the first refusal ends a collection, the others are still named.
    let gone = ["iam:GenerateCredentialReport", "iam:ListUsers", "iam:ListSAMLProviders"];
    moto.allow(&without(&needed, &gone));
    assert_eq!(names(&doctor(&home), "lacks"), sorted(&gone));
}

#[test]
fn listing_accounts_and_taking_a_role_are_named_where_they_are_refused() {
    // Accounts that cannot be listed are not gone into, so each is asked for by itself.
    let moto = Moto::start(2, &["--enforce", "--allow", "iam:*", "--allow", "sts:GetCallerIdentity"]);
    let key = moto.key(None);
    let mut member = key.via(&moto.url());
    member["role_arn"] = json!("arn:aws:iam::123456789012:role/reader");
    let accounts = json!([{ "name": "production", "account_id": "123456789012", "via": member }]);
    let settings = json!({ "accounts": accounts, "organization": { "via": key.via(&moto.url()) } });
    let said = doctor(&Home::with("aws_iam", &settings, "mfa"));
    assert_eq!(names(&said, "lacks"), ["organizations:ListAccounts"], "{said:?}");
    let said = doctor(&Home::with("aws_iam", &json!({ "accounts": accounts }), "mfa"));
    // In moto's refusal the SDK finds neither code nor message, so what is said is that there are no credentials.
    assert!(said.code == 1 && said.out.contains("account production, credentials: not authenticated"), "{said:?}");
}

#[test]
fn each_missing_permission_of_trails_is_named_alone() {
    let mut moto = Moto::logging_allowing(&["ec2:DescribeRegions"]);
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "production", "via": key.via(&moto.url()) }] });
    let home = Home::with("aws_logging", &settings, "audit_logging");
    each_in_turn(&home, &mut moto, &needed("aws_logging", &settings));
}

/// The sandbox refuses as AWS does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_be_taken_is_a_missing_permission() {
    let server = AwsServer::start(vec![AwsHistory::new("111122223333")], Arc::new(SystemClock)).await.unwrap();
    let key = Key::new("AKIASANDBOX", "sandbox-secret");
    let mut member = key.via(server.url());
    member["role_arn"] = json!("arn:aws:iam::999988887777:role/evidenced");
    let settings = json!({ "accounts": [{ "name": "gone", "via": member }] });
    for (kind, test) in [("aws_iam", "mfa"), ("aws_logging", "audit_logging")] {
        let said = doctor(&Home::with(kind, &settings, test));
        assert_eq!((said.code, names(&said, "lacks")), (1, vec!["sts:AssumeRole".to_owned()]), "{said:?}");
    }
}

/// What moto cannot hold anybody to, the sandbox can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_of_guardduty_is_named_alone() {
    let now = SystemClock.now();
    for action in ["ListDetectors", "GetDetector"] {
        let trails = vec![TrailSpec::good("all", "eu-central-1")];
        let spec = LoggingSpec { regions: vec!["eu-central-1"], trails, without_detector: Vec::new() };
        let history = AwsHistory::new("111122223333").logging(spec);
        let history = history.refuse(action, now - Duration::days(1), now + Duration::days(1));
        let server = AwsServer::start(vec![history], Arc::new(SystemClock)).await.unwrap();
        let key = Key::new("AKIASANDBOX", "sandbox-secret");
        let settings = json!({ "accounts": [{ "name": "production", "via": key.via(server.url()) }] });
        let said = doctor(&Home::with("aws_logging", &settings, "audit_logging"));
        assert_eq!(names(&said, "lacks"), [format!("guardduty:{action}")], "{said:?}");
    }
}

#[test]
fn a_credential_that_may_write_and_one_of_root_have_too_many() {
    let settings = |key: &Key, localstack: &LocalStack| {
        let account = json!({ "name": "production", "account_id": ACCOUNT, "via": key.via(&localstack.url()) });
        json!({ "accounts": [account] })
    };
    let too_many = ["iam:CreateUser", "s3:DeleteObject", "cloudtrail:StopLogging"];
    let all = needed("aws_iam", &json!({}));
    let allowed: Vec<&str> = all.iter().copied().chain(too_many).chain(["iam:SimulatePrincipalPolicy"]).collect();
    let (localstack, key) = LocalStack::with_a_user_who_may(&allowed);
    let said = doctor(&Home::with("aws_iam", &settings(&key, &localstack), "mfa"));
    assert_eq!(names(&said, "too_many"), sorted(&too_many), "{said:?}");
    assert_eq!(names(&said, "lacks"), [""; 0], "{said:?}");
    assert!(said_of(&said, "too_many").contains("evidenced permissions aws"), "{said:?}");
    assert!(!said_of(&said, "unknown").contains("SimulatePrincipalPolicy"), "{said:?}");

    let root = Key::new("AKIAIOSFODNN7EXAMPLE", "any-secret-is-right");
    let said = doctor(&Home::with("aws_iam", &settings(&root, &localstack), "mfa"));
    assert!(names(&said, "too_many").concat().contains("root"), "{said:?}");
}

/// The sandbox, a credential in a file, and the settings of both kinds.
struct Github {
    _server: GithubServer,
    _secret: tempfile::NamedTempFile,
    settings: Value,
}

impl Github {
    async fn of(grants: Grants) -> Self {
        let now = SystemClock.now();
        let mut history = GithubHistory::new();
        history.repository("acme/shop", "main");
        let pull = PullRequestSpec::new("acme/shop", 1, "example-ana", now - Duration::hours(2));
        history.merge(pull.approved_by("example-ben"));
        history.alert("acme/shop", AlertSpec::open(1, "low", now - Duration::days(2)));
        let app = matches!(grants, Grants::App(_));
        history.grants(grants);
        let server = GithubServer::start(history, Arc::new(SystemClock)).await.unwrap();
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        let text = if app { private_key() } else { "github_pat_sampletokenforthetests0000".to_owned() };
        secret.write_all(text.as_bytes()).unwrap();
        let file = json!({ "file": secret.path() });
        let credentials = match app {
            true => json!({ "app": { "app_id": 1, "installation_id": 7, "private_key": file } }),
            false => json!({ "token": file }),
        };
        let settings = json!({ "api_url": server.url(), "credentials": credentials });
        Self { _server: server, _secret: secret, settings }
    }

    fn doctor(&self, kind: &str) -> Said {
        let mut settings = self.settings.clone();
        match kind {
            "github_changes" => {
                settings["repositories"] = json!([{ "name": "acme/shop", "branches": ["main"] }]);
                settings["code_owners"] = json!(true);
                doctor(&Home::with(kind, &settings, "change_review"))
            }
            _ => {
                settings["repositories"] = json!(["acme/shop"]);
                doctor(&Home::with(kind, &settings, "vulnerabilities"))
            }
        }
    }
}

fn permissions(kind: &str) -> Vec<Permission> {
    let all = evidenced_collectors::kind(kind).unwrap().permissions;
    assert!(all.iter().all(|permission| permission.system == System::Github));
    all.to_vec()
}

const KINDS: [&str; 2] = ["github_changes", "github_alerts"];

fn key(permission: &Permission) -> &'static str {
    evidenced_collectors::github_key(permission.name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_that_an_app_or_a_fine_grained_token_lacks_is_named_alone() {
    for kind in KINDS {
        let all = permissions(kind);
        let granted = |gone: &str| -> Vec<&'static str> {
            all.iter().filter(|permission| permission.name != gone).map(key).collect()
        };
        let gone = all.iter().map(|permission| permission.name).filter(|name| *name != ALWAYS);
        for gone in gone.chain([""]) {
            let expected: Vec<&str> = [gone].into_iter().filter(|gone| !gone.is_empty()).collect();
            let fine = Github::of(Grants::FineGrained(granted(gone))).await.doctor(kind);
            assert_eq!(names(&fine, "lacks"), expected, "{kind}: {fine:?}");
            assert_eq!(names(&fine, "has").len(), all.len() - expected.len(), "{kind} {gone}: {fine:?}");
            assert!(said_of(&fine, "unknown").contains("fine-grained"), "{fine:?}");
            let levels = granted(gone).into_iter().map(|key| (key, "read")).collect();
            let app = Github::of(Grants::App(levels)).await.doctor(kind);
            assert_eq!(names(&app, "lacks"), expected, "{kind}: {app:?}");
            assert_eq!(names(&app, "too_many"), [""; 0], "{kind}: {app:?}");
            assert_eq!((fine.code, app.code), if gone.is_empty() { (0, 0) } else { (1, 1) }, "{kind}: {app:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_may_write_or_read_something_else_has_too_many() {
    let mut levels: Vec<(&str, &str)> =
        permissions("github_changes").iter().map(|permission| (key(permission), "read")).collect();
    levels[1].1 = "write";
    levels.push(("issues", "read"));
    levels.push(("vulnerability_alerts", "read"));
    let said = Github::of(Grants::App(levels)).await.doctor("github_changes");
    assert_eq!(names(&said, "too_many"), ["Dependabot alerts: read", "contents: write", "issues: read"], "{said:?}");
    assert_eq!(names(&said, "lacks"), [""; 0], "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_scope_that_a_classic_token_lacks_is_named_and_those_that_write_are_too_many() {
    let with = |scopes: &[&'static str]| Github::of(Grants::Scopes(scopes.to_vec()));
    let all = with(&["repo", "read:org"]).await.doctor("github_changes");
    assert_eq!(names(&all, "lacks"), [""; 0], "{all:?}");
    assert_eq!(names(&all, "too_many"), ["scope repo"], "{all:?}");
    let said = with(&["repo"]).await.doctor("github_changes");
    assert_eq!(names(&said, "lacks"), ["Members: read"], "{said:?}");
    assert!(said_of(&said, "lacks").contains("grant the scope read:org"), "{said:?}");
    let said = with(&["read:org", "gist"]).await.doctor("github_changes");
    let lacking = ["Administration: read", "Contents: read", "Metadata: read", "Pull requests: read"];
    assert_eq!(names(&said, "lacks"), lacking, "{said:?}");
    assert_eq!(names(&said, "too_many"), ["scope gist"], "{said:?}");
    let said = with(&["security_events"]).await.doctor("github_alerts");
    assert_eq!((names(&said, "lacks"), said.code), (Vec::<String>::new(), 0), "{said:?}");
    let said = with(&["read:org"]).await.doctor("github_alerts");
    assert!(names(&said, "lacks").contains(&"Dependabot alerts: read".to_owned()), "{said:?}");
}
