//! What a complete run held, and the next one does not.

use super::*;

fn crowd(users: u32) -> AwsHistory {
    let spec = UserSpec { mfa: Some(at(0, 0)), ..UserSpec::default() };
    (0..users).fold(AwsHistory::new("111122223333"), |all, n| all.user(&format!("user{n:02}"), spec.clone()))
}

async fn left_by(accounts: Vec<AwsHistory>, settings: Value) -> Value {
    sandbox(accounts, &morning(), settings).await.unwrap().carry().unwrap().clone()
}

async fn after(carry: &Value, accounts: Vec<AwsHistory>, settings: Value) -> Result<Population, CollectError> {
    let clock = morning();
    let server = AwsServer::start(accounts, Arc::<ManualClock>::clone(&clock)).await.unwrap();
    run_on_after(Some(carry.clone()), &server, &clock, settings).await
}

#[tokio::test]
async fn answers_that_agree_and_have_lost_most_users_are_incomplete_until_it_is_confirmed() {
    let carry = left_by(vec![crowd(20)], json!({})).await;
    let outcome = after(&carry, vec![crowd(9)], json!({})).await;
    let partial = incomplete(outcome);
    let [unread] = partial.unread.as_slice() else { panic!("{:?}", partial.unread) };
    assert_eq!(unread.what, "account production (111122223333)");
    assert_eq!(unread.why, "9 users (10 principals); the last complete run held 20 (21 principals)");
    assert!(unread.hint.as_ref().unwrap().contains("confirmed_users = { \"111122223333\" = 9 }"));
    assert_eq!(partial.observed, 10, "what was read is there to be judged");

    let confirmed = |users: u64| json!({ "confirmed_users": { "111122223333": users } });
    assert!(after(&carry, vec![crowd(9)], confirmed(10)).await.is_err());
    let accepted = after(&carry, vec![crowd(9)], confirmed(9)).await.unwrap();
    assert!(
        after(accepted.carry().unwrap(), vec![crowd(9)], json!({})).await.is_ok(),
        "the new number is the last one"
    );
    assert!(after(&carry, vec![crowd(10)], json!({})).await.is_ok(), "half of them are still there");
    assert!(after(&carry, vec![crowd(0)], json!({})).await.is_err());
}

#[tokio::test]
async fn an_account_that_vanishes_from_the_settings_or_the_organisation_is_asked_about() {
    let staging = || AwsHistory::new("222233334444").user("sam", UserSpec::default());
    let two = json!({ "accounts": [
        { "name": "staging", "account_id": "222233334444", "role_arn": "arn:aws:iam::222233334444:role/evidenced" },
    ]});
    let carry = left_by(vec![crowd(2), staging()], two).await;
    let gone = |partial: Partial| partial.unread.iter().any(|u| u.what == "account staging (222233334444)");
    assert!(gone(incomplete(after(&carry, vec![crowd(2), staging()], json!({})).await)));
    let confirmed = json!({ "confirmed_users": { "222233334444": 0 } });
    assert!(after(&carry, vec![crowd(2)], confirmed).await.is_ok());
    let suspended = json!({ "accounts": [{ "name": "staging", "account_id": "222233334444", "suspended": true }] });
    assert!(after(&carry, vec![crowd(2)], suspended).await.is_ok());

    let organization = |exclude: Value| json!({ "organization": { "role_name": "evidenced", "exclude": exclude } });
    assert!(gone(incomplete(after(&carry, vec![crowd(2)], organization(json!([]))).await)), "left the organisation");
    let exclude = json!([{ "account_id": "222233334444", "reason": "sold" }]);
    assert!(after(&carry, vec![crowd(2), staging()], organization(exclude)).await.is_ok());
    let closed = staging().in_organization("staging", "CLOSED");
    assert!(after(&carry, vec![crowd(2), closed], organization(json!([]))).await.is_ok());
}

#[tokio::test]
async fn what_the_last_run_left_must_be_understood() {
    let error = after(&json!({ "accounts": 3 }), vec![crowd(2)], json!({})).await.unwrap_err();
    assert_eq!(error.word(), "malformed", "{error}");
}
