//! A user's AWS account, played by LocalStack: its credential report has a row for the last user alone.
//! Who believes that report sees one user out of many, with nothing wrong.

use super::{Home, files, pair};
use crate::support::localstack::{ACCOUNT, LocalStack};
use crate::support::moto::Key;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Something to collect with; LocalStack checks no signature.
fn key() -> Key {
    Key::new("AKIAIOSFODNN7EXAMPLE", "any-secret-is-right")
}

fn home(localstack: &LocalStack, key: &Key) -> Home {
    let account = json!({ "name": "production", "account_id": ACCOUNT, "via": key.via(&localstack.url()) });
    Home::with("aws_iam", &json!({ "accounts": [account] }), "mfa")
}

#[test]
fn a_report_of_localstack_that_lacks_299_of_300_users_is_incomplete_and_says_so_in_numbers() {
    let (localstack, key) = (LocalStack::with_users(300), key());
    let home = home(&localstack, &key);
    let said = home.run(&["collect", "now"]);
    assert_eq!(said.code, 1, "{said:?}");
    let counts = "1 held, but iam:ListUsers states 300";
    assert!(said.out.contains(counts), "{}", said.out);
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"]), (3, &json!("incomplete")), "{run}");
    let (code, control) = home.status();
    assert_eq!((code, &control["state"]), (3, &json!("indeterminate")), "{control}");
    let bad = control["bad"].as_array().unwrap();
    assert!(bad.iter().any(|line| line.as_str().unwrap().contains(counts)), "{control}");
    // The one row of a user that there is, without password and keys, and root's. Nothing of this passes the control.
    let judged = home.judgements();
    let row = format!("{ACCOUNT}:user/user000299");
    assert_eq!((judged.len(), &judged[&row]), (2, &pair("excluded", "no-credentials")), "{judged:?}");

    let partial = sealed_partial(&home);
    assert_eq!((&partial["observed"], &partial["expected"]), (&json!(2), &json!(301)), "with root");
    let counted = |against: &str| {
        let both = partial["ipe"]["reconciliations"].as_array().unwrap().iter().find(|both| both["against"] == against);
        both.map(|both| (both["held"].as_u64().unwrap(), both["stated"].as_u64().unwrap()))
    };
    assert_eq!(counted("iam:ListUsers"), Some((1, 300)));
    assert_eq!(counted("iam:GetAccountSummary Users"), Some((300, 300)), "AWS's own total, against the list");
}

/// What the bundle holds of the collection that was not whole.
fn sealed_partial(home: &Home) -> Value {
    let mut names = std::fs::read_dir(home.path(".")).unwrap().map(|entry| entry.unwrap().path());
    let files = files(&names.find(|path| path.extension().is_some_and(|ext| ext == "zip")).unwrap());
    let path = files.keys().rfind(|path| path.ends_with("/partial.json")).unwrap();
    serde_json::from_slice(&files[path]).unwrap()
}

#[test]
fn a_report_of_localstack_on_its_single_user_is_whole() {
    let (localstack, key) = (LocalStack::with_users(1), key());
    let home = home(&localstack, &key);
    let (code, run) = home.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"], &run["items"]), (0, &json!("done"), &json!(2)), "{run}");
    assert_eq!(home.status().1["state"], json!("effective"));
    let user = (format!("{ACCOUNT}:user/user000000"), pair("pass", "mfa-active"));
    let root = (format!("{ACCOUNT}:root"), pair("pass", "root-no-credentials"));
    assert_eq!(home.judgements(), BTreeMap::from([root, user]));
}
