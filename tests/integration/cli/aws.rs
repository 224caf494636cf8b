//! A user's AWS account, played by moto: every user judged as the truth file says.

use super::{Home, pair};
use crate::support::moto::{Key, Moto};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ACCOUNT: &str = "123456789012";

fn home(moto: &Moto, key: &Key) -> Home {
    let settings = json!({
        "accounts": [{ "name": "production", "account_id": ACCOUNT, "via": key.via(&moto.url()) }],
        "service_paths": ["/service/"],
    });
    Home::with("aws_iam", &without_nulls(settings), "mfa")
}

/// TOML has no null.
fn without_nulls(mut settings: Value) -> Value {
    let via = settings["accounts"][0]["via"].as_object_mut().unwrap();
    via.retain(|_, value| !value.is_null());
    settings
}

/// What the control must say of a user: console access needs a factor; keys alone are a person's; nothing is nothing.
fn expected(user: &Value) -> (String, String) {
    let (console, keys) = (user["console"].as_bool().unwrap(), user["keys_active"].as_u64().unwrap());
    match (console, user["device"].is_string(), keys) {
        (true, true, _) => pair("pass", "mfa-active"),
        (true, false, _) => pair("deviation", "console-without-mfa"),
        (false, _, 0) => pair("excluded", "no-credentials"),
        (false, _, _) => pair("deviation", "person-with-keys-only"),
    }
}

#[test]
fn a_thousand_users_of_moto_are_judged_as_the_truth_file_says() {
    let moto = Moto::start(1000, &["--report-now"]);
    let key = moto.key(None);
    let home = home(&moto, &key);
    let (code, run) = home.collect(&[]);
    assert_eq!((code, &run["end"], &run["items"]), (0, &json!("done"), &json!(1002)), "{run}");
    assert_eq!(home.collect(&["--fail-on-drift"]).0, 3);
    let (code, control) = home.status();
    assert_eq!((code, &control["state"]), (3, &json!("deviating")));

    let item = |name: &str| format!("{ACCOUNT}:user/{name}");
    let mut truth: BTreeMap<_, _> =
        moto.truth.iter().map(|user| (item(user["user"].as_str().unwrap()), expected(user))).collect();
    assert_eq!(truth.values().collect::<std::collections::BTreeSet<_>>().len(), 4, "every case is there");
    // Its path is in the service register.
    truth.insert(item("evidenced"), pair("excluded", "service-identity"));
    // moto's reports have no row for root, and nobody knows what is not said.
    truth.insert(format!("{ACCOUNT}:root"), pair("indeterminate", "root-state-unknown"));
    assert_eq!(home.judgements(), truth);

    let bad = truth.values().filter(|(outcome, _)| outcome == "deviation" || outcome == "indeterminate").count();
    assert_eq!(control["bad"].as_array().unwrap().len(), bad);
    let shown = home.run(&["status"]).out;
    assert!(shown.contains("T-1 deviating:") && shown.contains(&format!("and {} more", bad - 10)), "{shown}");
}

#[test]
fn a_report_of_another_day_is_judged_by_nobody() {
    // As moto comes: its reports are all dated 2015. A policy can allow 24 hours at most.
    let moto = Moto::start(20, &[]);
    let key = moto.key(None);
    let home = home(&moto, &key);
    assert_eq!(home.collect(&[]).0, 0, "the collection is whole; what it shows is old");
    let (code, control) = home.status();
    assert_eq!((code, &control["state"]), (3, &json!("indeterminate")));
    let judgements = home.judgements();
    assert_eq!(judgements.len(), 22);
    for (item, judgement) in judgements {
        assert_eq!(judgement, pair("indeterminate", "report-too-old"), "{item}");
    }
}

#[test]
fn a_missing_permission_is_named_to_the_user_and_nothing_is_effective() {
    let moto = Moto::start(5, &["--allow", "iam:GetCredentialReport", "--allow", "sts:*", "--enforce"]);
    let key = moto.key(None);
    let home = home(&moto, &key);
    let collected = home.run(&["collect", "now"]);
    assert_eq!(collected.code, 1, "{collected:?}");
    assert!(collected.out.contains("c: not read: account production, iam:GenerateCredentialReport"), "{collected:?}");
    assert_eq!(home.run(&["collect", "now", "--fail-on-drift"]).code, 3);
    let (code, control) = home.status();
    assert_eq!((code, &control["state"]), (3, &json!("indeterminate")));
    let shown = home.run(&["status"]);
    assert_eq!(shown.code, 3);
    assert!(shown.out.contains("iam:GenerateCredentialReport"), "{}", shown.out);
    let account = format!("{ACCOUNT}:account");
    assert_eq!(home.judgements(), BTreeMap::from([(account, pair("indeterminate", "account-unread"))]));
    let secret = moto.ready["secret"].as_str().unwrap();
    assert!(!(collected.all() + &shown.all()).contains(secret));
}
