//! `evidenced permissions`: a policy for AWS and a manifest for a GitHub App, made of what kinds declare; and whether
//! what kinds declare is what they ask for.

use super::{Home, evidenced};
use crate::support::component;
use crate::support::permissions::undeclared;
use evidenced_collectors::KINDS;
use evidenced_collectors::contract::System;
use evidenced_collectors::door::{RecordedRequest, RequestBody};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What GitHub documents of manifests:
/// <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>. It publishes no schema.
const DOCUMENTED: [&str; 12] = [
    "name",
    "url",
    "hook_attributes",
    "redirect_url",
    "callback_urls",
    "setup_url",
    "description",
    "public",
    "default_events",
    "default_permissions",
    "request_oauth_on_install",
    "setup_on_update",
];

fn declared(system: System) -> BTreeSet<&'static str> {
    let all = KINDS.iter().flat_map(|kind| kind.permissions);
    all.filter(|permission| permission.system == system).map(|permission| permission.name).collect()
}

fn printed(of: &str) -> String {
    let said = evidenced(Path::new("/"), &["permissions", of, "--all", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.out
}

fn committed(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn what_deploy_holds_is_what_the_program_prints() {
    for (of, path) in [("aws", "deploy/aws/policy.json"), ("github", "deploy/github/manifest.json")] {
        let hint = format!("hint: evidenced permissions {of} --all > {path}");
        assert_eq!(committed(path), printed(of), "{path} is not what the kinds declare\n{hint}");
    }
}

/// Actions of all statements, each of which must be in order and name no pattern.
fn actions(policy: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(policy), BTreeSet::from(["Statement", "Version"].map(str::to_owned)));
    assert_eq!(policy["Version"], "2012-10-17");
    let mut sids = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(keys(statement), BTreeSet::from(["Action", "Effect", "Resource", "Sid"].map(str::to_owned)));
        let sid = statement["Sid"].as_str().unwrap();
        assert!(sids.insert(sid) && sid.bytes().all(|b| b.is_ascii_alphanumeric()), "{sid}");
        assert_eq!(statement["Effect"], "Allow");
        let own: Vec<String> = serde_json::from_value(statement["Action"].clone()).unwrap();
        assert!(own.is_sorted() && !own.is_empty(), "{own:?}");
        all.extend(own);
    }
    all
}

#[test]
fn the_policy_has_every_declared_action_once_and_none_that_changes_something() {
    let policy: Value = serde_json::from_str(&printed("aws")).unwrap();
    let all = actions(&policy);
    let mut expected: BTreeSet<&str> = declared(System::Aws);
    expected.insert("iam:SimulatePrincipalPolicy");
    assert_eq!(all.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    assert_eq!(all.len(), expected.len(), "an action is there twice");
    for action in &all {
        let (service, operation) = action.split_once(':').unwrap();
        let reads = ["Get", "List", "Describe", "GenerateCredentialReport", "SimulatePrincipalPolicy", "AssumeRole"];
        assert!(reads.iter().any(|begin| operation.starts_with(begin)), "{action} may be more than reading");
        assert!(!action.contains('*') && service.bytes().all(|b| b.is_ascii_alphanumeric()), "{action}");
    }
    // Reading has no resource to narrow it to; a role has.
    for statement in policy["Statement"].as_array().unwrap() {
        let narrow = statement["Action"] == json!(["sts:AssumeRole"]);
        assert_eq!(statement["Resource"] == json!(["*"]), !narrow, "{statement}");
    }
}

#[test]
fn the_manifest_has_documented_fields_and_permissions_that_github_publishes() {
    let manifest: Value = serde_json::from_str(&printed("github")).unwrap();
    for field in manifest.as_object().unwrap().keys() {
        assert!(DOCUMENTED.contains(&field.as_str()), "{field} is no field of a manifest");
    }
    assert!(manifest["url"].is_string() && manifest["hook_attributes"]["url"].is_string(), "GitHub requires both");
    assert_eq!((&manifest["public"], &manifest["hook_attributes"]["active"]), (&json!(false), &json!(false)));
    let published = component("tests/schema/node_modules/@octokit/openapi/generated/api.github.com.json");
    let published: Value = serde_json::from_slice(&fs::read(published).unwrap()).unwrap();
    let published = &published["components"]["schemas"]["app-permissions"]["properties"];
    let permissions = manifest["default_permissions"].as_object().unwrap();
    for (key, level) in permissions {
        let levels = published[key]["enum"].as_array().unwrap_or_else(|| panic!("GitHub has no permission {key}"));
        assert!(level == "read" && levels.contains(level), "{key}: {level}");
    }
    let keys: BTreeSet<&str> = permissions.keys().map(String::as_str).collect();
    let of =
        |name: &&'static str| evidenced_collectors::github_key(name).unwrap_or_else(|| panic!("{name} has no key"));
    assert_eq!(keys, declared(System::Github).iter().map(of).collect());
}

#[test]
fn only_what_the_configuration_needs_is_printed() {
    let via = json!({ "role_arn": "arn:aws:iam::111122223333:role/reader" });
    let home = Home::with("aws_iam", &json!({ "accounts": [{ "name": "production", "via": via }] }), "mfa");
    let said = home.run(&["permissions", "aws"]);
    let policy = said.json();
    let all = actions(&policy);
    for unneeded in ["ec2:DescribeRegions", "iam:ListMFADevices", "organizations:ListAccounts"] {
        assert!(!all.contains(&unneeded.to_owned()), "{unneeded}");
    }
    assert!(all.contains(&"iam:ListUsers".to_owned()), "{all:?}");
    assert!(said.out.contains("arn:aws:iam::111122223333:role/reader"), "{said:?}");
    let nothing = home.run(&["permissions", "github"]);
    assert!(nothing.code == 1 && nothing.out.is_empty() && nothing.err.contains("hint: --all"), "{nothing:?}");
    // A setting that says no is one that does not need it.
    let token = json!({ "token": { "env": "NOBODY_READS_IT" } });
    let repositories = json!([{ "name": "acme/shop", "branches": ["main"] }]);
    for (rule_suites, expected) in [(None, true), (Some(true), true), (Some(false), false)] {
        let mut settings = json!({ "credentials": token, "repositories": repositories });
        if let Some(said) = rule_suites {
            settings["rule_suites"] = json!(said);
        }
        let said = Home::with("github_changes", &settings, "change_review").run(&["permissions", "github"]).json();
        assert_eq!(said["default_permissions"]["administration"].is_string(), expected, "{said}");
        assert!(
            said["default_permissions"]["members"].is_null() && said["default_permissions"]["contents"].is_string()
        );
    }
}

#[test]
fn every_kinds_readme_names_every_permission_that_it_declares() {
    for kind in KINDS.iter().filter(|kind| kind.permissions.iter().all(|one| one.system != System::Files)) {
        let text = committed(&format!("collectors/{}/README.md", kind.name));
        for permission in kind.permissions {
            assert!(text.contains(permission.name), "collectors/{}/README.md: {}", kind.name, permission.name);
        }
    }
    let guide = committed("deploy/README.md");
    let manifest: Value = serde_json::from_str(&printed("github")).unwrap();
    for key in manifest["default_permissions"].as_object().unwrap().keys() {
        assert!(guide.contains(&format!("&{key}=read")), "deploy/README.md: the link lacks {key}");
    }
}

/// The tests of every kind hold each request to this; that it can fail is shown here.
#[test]
fn a_request_that_no_declared_permission_covers_is_found() {
    let of = |kind: &str, method: &str, url: &str, body: &str| {
        let (source, method, url) = ("aws:production".to_owned(), method.to_owned(), url.to_owned());
        let request =
            RecordedRequest { source, method, url, headers: Vec::new(), body: RequestBody::of(body.as_bytes()) };
        undeclared(evidenced_collectors::kind(kind).unwrap(), &request)
    };
    let iam = |action: &str| format!("Action={action}&Version=2010-05-08");
    let (aws, github) = ("https://iam.amazonaws.com/", "https://api.github.com");
    assert_eq!(of("aws_iam", "POST", aws, &iam("ListUsers")), None);
    assert!(of("aws_iam", "POST", aws, &iam("ListRoles")).unwrap().contains("iam:ListRoles"));
    assert!(of("aws_logging", "GET", "https://s3.eu-west-1.amazonaws.com/logs?policy", "").is_some());
    assert_eq!(of("github_alerts", "GET", &format!("{github}/repos/a/b/dependabot/alerts"), ""), None);
    let pulls = format!("{github}/repos/a/b/pulls/1/files");
    assert_eq!(of("github_changes", "GET", &pulls, ""), None);
    assert!(of("github_alerts", "GET", &pulls, "").unwrap().contains("needs Pull requests: read"));
    assert!(of("github_changes", "GET", &format!("{github}/repos/a/b/environments"), "").is_some());
    let query = |text: &str| json!({ "query": text }).to_string();
    let asked = |text: &str| of("github_changes", "POST", &format!("{github}/graphql"), &query(text));
    assert_eq!(asked("query{viewer{login}}"), None);
    assert!(
        asked("query{viewer{login} repository(owner:\"a\",name:\"b\"){deployments(first:1){nodes{id}}}}").is_some()
    );
    assert!(of("register", "GET", "file:///etc/passwd", "").is_some());
}
