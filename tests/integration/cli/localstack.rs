//! A user's AWS account, played by LocalStack: its credential report has a row for the last user alone.
//! Who believes that report sees one user out of many, with nothing wrong.

use super::Home;
use crate::support::localstack::{ACCOUNT, LocalStack};
use crate::support::moto::Key;
use serde_json::{Value, json};

fn home(localstack: &LocalStack, key: &Key) -> Home {
    let account = json!({ "name": "production", "account_id": ACCOUNT, "via": key.via(&localstack.url()) });
    Home::with("aws_iam", &json!({ "accounts": [account] }), "mfa")
}

#[test]
fn a_report_that_lacks_299_of_300_users_is_incomplete_and_that_of_a_single_user_is_whole() {
    let localstack = LocalStack::start();
    let key = Key::new("AKIAIOSFODNN7EXAMPLE", "any-secret-is-right");

    localstack.seed(0, 1);
    let single = home(&localstack, &key);
    let (code, run) = single.collect(&["--fail-on-drift"]);
    assert_eq!((&run["end"], &run["items"]), (&json!("done"), &json!(2)), "{run}");
    let judged = single.judgements();
    let user = judged[&format!("{ACCOUNT}:user/user000000")].clone();
    assert_eq!(user, super::pair("pass", "mfa-active"), "{judged:?}");
    assert_eq!(single.status().0, code, "the exit codes agree");

    localstack.seed(1, 300);
    let many = home(&localstack, &key);
    let said = many.run(&["collect", "now"]);
    assert_eq!(said.code, 1, "{said:?}");
    println!("{}", said.out);
    for counts in ["1 held, but iam:ListUsers states 300", "1 held, but iam:GetAccountSummary states 300"] {
        assert!(said.out.contains(counts), "{counts}: {}", said.out);
    }
    let (code, run) = many.collect(&["--fail-on-drift"]);
    assert_eq!((code, &run["end"]), (3, &json!("incomplete")), "{run}");
    let (code, control) = many.status();
    assert_eq!((code, &control["state"]), (3, &json!("indeterminate")), "{control}");
    let shown = many.run(&["status"]);
    assert_eq!(shown.code, 3);
    println!("{}", shown.out);
    assert!(shown.out.contains("of 300") || shown.out.contains("states 300"), "{}", shown.out);
    let judged = many.judgements();
    assert!(judged.values().all(|(outcome, _)| outcome != "pass" || judged.len() < 300), "{judged:?}");
    let _: Value = control;
}
