//! Which accounts there are, by the organisation itself.

use super::*;
use evidenced_collectors::contract::AccountState;

fn states(items: &Items) -> BTreeMap<String, AccountState> {
    let of = |principal: &Principal| match principal.detail {
        PrincipalDetail::Account { state, read: false } => Some((principal.account.clone(), state)),
        _ => None,
    };
    principals(items).into_values().filter_map(of).collect()
}

/// The first account lists; the others are members.
fn members() -> Vec<AwsHistory> {
    let member = |number, name: &str, state| AwsHistory::new(number).in_organization(name, state);
    vec![
        company().in_organization("management", "ACTIVE").page_size(2),
        member("222233334444", "shop", "ACTIVE").user("sam", UserSpec::default()),
        member("333344445555", "shop", "ACTIVE"),
        member("444455556666", "old", "SUSPENDED"),
        member("555566667777", "older", "CLOSED"),
        member("666677778888", "sold", "ACTIVE"),
    ]
}

fn organization() -> Value {
    json!({ "organization": {
        "role_name": "evidenced",
        "exclude": [{ "account_id": "666677778888", "reason": "sold, the buyer's since June" }],
    }})
}

#[tokio::test]
async fn the_accounts_of_motos_organisation_are_read_through_a_role_in_each() {
    let moto = Moto::trust();
    let key = moto.key(None);
    let number = |name: &str| moto.ready["accounts"][name].as_str().unwrap().to_owned();
    let settings = json!({
        "accounts": [{ "name": "production", "account_id": "123456789012", "via": key.via(&moto.url()) }],
        "organization": {
            "via": key.via(&moto.url()),
            "role_name": "evidenced",
            "exclude": [{ "account_id": number("sandbox"), "reason": "nobody works there" }],
        },
    });
    let (outcome, exchanges) = run(&settings, Arc::new(SystemClock)).await;
    let population = outcome.unwrap();
    assert_eq!(count(&population, "organizations:ListAccounts"), 1);
    let items = principals(population.items());
    assert!(items.contains_key(format!("{}:user/of-staging", number("staging")).as_str()));
    assert!(items.contains_key("123456789012:user/evidenced"));
    assert_eq!(states(population.items()), BTreeMap::from([(number("closed"), AccountState::Suspended)]));
    assert!(!items.keys().any(|id| id.starts_with(&number("sandbox"))));
    let filters = population.ipe().filters.join("\n");
    assert!(filters.contains("excluded by configuration: nobody works there"), "{filters}");
    assert!(filters.contains("SUSPENDED by the organisation"), "{filters}");
    assert_eq!(population.ipe().scope_found.len(), 2);
    assert!(exchanges.iter().all(|one| !String::from_utf8_lossy(&one.body).contains("SecretAccessKey")));
}

#[tokio::test]
async fn every_account_of_the_list_is_read_or_said_why_not() {
    let server = AwsServer::start(members(), morning()).await.unwrap();
    let clock = morning();
    let population = run_on(&server, &clock, organization()).await.unwrap();
    assert_eq!(count(&population, "organizations:ListAccounts"), 3, "six accounts in pages of two");
    let items = principals(population.items());
    // Two members of one name are two accounts.
    for id in ["111122223333:user/alice", "222233334444:user/sam", "222233334444:root", "333344445555:root"] {
        assert!(items.contains_key(id), "{id}");
    }
    let suspended = ["444455556666", "555566667777"].map(|number| (number.to_owned(), AccountState::Suspended));
    assert_eq!(states(population.items()), BTreeMap::from(suspended));
    assert!(!population.ipe().limitations.iter().any(|one| one.contains("nobody asked AWS which accounts")));
    let alone = run_on(&server, &clock, json!({})).await.unwrap();
    assert!(alone.ipe().limitations.iter().any(|one| one.contains("nobody asked AWS which accounts")));
}

#[tokio::test]
async fn an_account_that_nobody_can_reach_or_that_is_contradicted_is_unread_by_name() {
    let mut settings = organization();
    settings["organization"].as_object_mut().unwrap().remove("role_name");
    settings["accounts"] = json!([
        { "name": "mine", "account_id": "222233334444", "role_arn": "arn:aws:iam::222233334444:role/evidenced" },
        { "name": "shut", "account_id": "333344445555", "suspended": true },
        { "name": "outside", "account_id": "777788889999", "suspended": true },
    ]);
    let mut accounts = members();
    accounts.push(AwsHistory::new("888899990000").in_organization("new", "PENDING_ACTIVATION"));
    accounts.push(AwsHistory::new("888899990001").in_organization("odd", "HIBERNATING"));
    accounts.push(AwsHistory::new("888899990002").in_organization("stray", "ACTIVE"));
    let partial = incomplete(sandbox(accounts, &morning(), settings).await);
    let unread: BTreeMap<_, _> = partial.unread.iter().map(|u| (u.what.as_str(), u.why.as_str())).collect();
    let expected = [
        ("account shut (333344445555)", "the configuration says that it is suspended"),
        ("account new (888899990000)", "PENDING_ACTIVATION"),
        ("account odd (888899990001)", "HIBERNATING"),
        ("account stray (888899990002)", "do not say how to reach it"),
    ];
    assert_eq!(unread.len(), expected.len(), "{unread:?}");
    for (what, why) in expected {
        assert!(unread[what].contains(why), "{what}: {}", unread[what]);
    }
    assert!(principals(&partial.items).contains_key("222233334444:user/sam"), "by its entry in the settings");
    let states = states(&partial.items);
    assert_eq!(states["888899990002"], AccountState::Active);
    assert_eq!(states["777788889999"], AccountState::Suspended, "not in the list, so the settings' word counts");
}

#[tokio::test]
async fn an_organisation_that_is_not_listed_to_its_end_is_incomplete() {
    type Damage = fn(String) -> String;
    let damages: [(&str, Damage); 9] = [
        ("a token that leads back", |json| json.replace("after-4", "after-2")),
        ("an empty token", |json| json.replace("after-2", "")),
        ("no list", |json| json.replace("\"Accounts\"", "\"Others\"")),
        ("cut", |json| json[..json.len() / 2].to_owned()),
        ("an account twice", |json| json.replace("333344445555", "222233334444")),
        ("no number", |json| json.replace("\"Id\"", "\"Nr\"")),
        ("no ARN", |json| json.replace("arn:aws:", "urn:")),
        ("without the account that asks", |json| json.replace("\"Id\":\"111122223333\"", "\"Id\":\"101010101010\"")),
        ("no page", |_| "<html>Bad Gateway</html>".to_owned()),
    ];
    for (name, damage) in damages {
        let mut accounts = members();
        accounts[0] = accounts[0].clone().rewrite_answer("ListAccounts", damage);
        let partial = incomplete(sandbox(accounts, &morning(), organization()).await);
        assert!(partial.unread.iter().any(|u| u.what.starts_with("organization")), "{name}: {:?}", partial.unread);
        assert!(
            principals(&partial.items).contains_key("111122223333:user/alice"),
            "{name}: the configured ones are read"
        );
    }
    let mut accounts = members();
    accounts[0] = accounts[0].clone().refuse("ListAccounts", at(0, 0), at(12, 0));
    let partial = incomplete(sandbox(accounts, &morning(), organization()).await);
    let [unread] = partial.unread.as_slice() else { panic!("{:?}", partial.unread) };
    assert_eq!(unread.permission.as_deref(), Some("organizations:ListAccounts"));
    assert_eq!(unread.what, "organization, organizations:ListAccounts");
}

#[test]
fn settings_that_would_lose_an_account_are_refused() {
    let build = |settings: Value| (evidenced_collectors::kind("aws_iam").unwrap().build)(&settings).err();
    assert!(build(json!({ "organization": { "role_name": "path/evidenced" } })).is_none(), "no accounts of one's own");
    for (settings, part) in [
        (json!({}), "none is in use"),
        (json!({ "organization": {}, "accounts": [{ "name": "a" }] }), "account_id"),
        (json!({ "organization": { "role_name": "arn:aws:iam::1:role/x" } }), "role_name"),
        (json!({ "organization": { "exclude": [{ "account_id": "1", "reason": "x" }] } }), "exclude"),
        (
            json!({ "organization": { "exclude": [{ "account_id": "111122223333", "reason": " " }] } }),
            "without a reason",
        ),
        (
            json!({
                "organization": { "exclude": [{ "account_id": "111122223333", "reason": "x" }] },
                "accounts": [{ "name": "a", "account_id": "111122223333" }],
            }),
            "as well",
        ),
        (json!({ "accounts": [{ "name": "111122223333" }] }), "a number for a name"),
        (json!({ "accounts": [{ "name": "a" }], "confirmed_users": { "1234": 3 } }), "confirmed_users"),
    ] {
        let error = build(settings.clone()).unwrap_or_else(|| panic!("{settings}"));
        assert!(error.message.contains(part), "{settings}: {error}");
    }
}
