//! The kind `aws_iam` against moto, and against the sandbox where moto cannot do what AWS does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic, in its helpers too")]

mod located;
mod lost;
mod organization;
mod trust;

use crate::support::moto::{Key, Moto};
use crate::support::replay::Ran;
use chrono::{DateTime, Duration, TimeZone, Utc};
use evidenced::demo::aws::{AwsHistory, AwsServer, Factor, RootSpec, UserSpec};
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use evidenced_collectors::contract::{
    CollectError, Collector, Device, Items, Partial, Population, Principal, PrincipalDetail, PrincipalType, Task,
    Window,
};
use evidenced_collectors::door::{Door, Exchange, Limits, Network};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn collector(settings: &Value) -> Box<dyn Collector> {
    (evidenced_collectors::kind("aws_iam").unwrap().build)(settings).unwrap()
}

fn task(now: DateTime<Utc>) -> Task {
    Task { window: Window { start: now - Duration::days(1), end: now }, carry: None }
}

/// One run, and its replay, which must come to the same. Gives the exchanges as well.
async fn run(settings: &Value, clock: Arc<dyn Clock>) -> (Result<Population, CollectError>, Vec<Exchange>) {
    run_after(None, settings, clock).await
}

/// The same, after a run that left this for it.
async fn run_after(
    carry: Option<Value>,
    settings: &Value,
    clock: Arc<dyn Clock>,
) -> (Result<Population, CollectError>, Vec<Exchange>) {
    let collector = collector(settings);
    let limits = Limits::default();
    let door = Door::live(&Network::new(), clock, limits);
    let task = Task { carry, ..task(door.as_of()) };
    let result = collector.collect(&door, &task).await;
    let exchanges = door.take_exchanges();
    crate::support::permissions::declared("aws_iam", &exchanges);
    let ran = Ran { limits, task: &task, as_of: door.as_of(), exchanges: &exchanges, result: &result };
    ran.is_the_same_on_replay(collector.as_ref()).await;
    (result, exchanges)
}

fn incomplete(outcome: Result<Population, CollectError>) -> Partial {
    match outcome {
        Err(CollectError::Incomplete(partial)) => *partial,
        other => panic!("{other:?}"),
    }
}

fn principals(items: &Items) -> BTreeMap<&str, &Principal> {
    let Items::Principals(principals) = items else { panic!("{items:?}") };
    principals.iter().map(|principal| (principal.id.as_str(), principal)).collect()
}

/// What the truth file says of a user, as an item.
fn detail(user: &Value) -> PrincipalDetail {
    let devices = match user["device"].as_str() {
        None => vec![],
        Some("virtual") => vec![Device::Virtual],
        Some("hardware") => vec![Device::KeyOrToken],
        Some(other) => panic!("{other}"),
    };
    PrincipalDetail::IamUser {
        password: user["console"].as_bool().unwrap(),
        mfa: !devices.is_empty(),
        devices,
        keys: u32::try_from(user["keys_active"].as_u64().unwrap()).unwrap(),
        principal_type: PrincipalType::Unknown,
        mfa_deny_policy: None,
    }
}

fn count(population: &Population, request: &str) -> u32 {
    population.ipe().requests.iter().find(|one| one.request == request).map_or(0, |one| one.count)
}

#[tokio::test]
async fn a_thousand_users_of_moto_are_the_truth_one_by_one_in_twelve_requests_at_most() {
    let moto = Moto::start(1000, &[]);
    let key = moto.key(None);
    let settings = json!({
        "accounts": [{ "name": "production", "account_id": "123456789012", "via": key.via(&moto.url()) }],
        "service_paths": ["/service/"],
    });
    let (outcome, exchanges) = run(&settings, Arc::new(SystemClock)).await;
    let population = outcome.unwrap();

    let items = principals(population.items());
    assert_eq!(items.len(), moto.truth.len() + 2, "with root and the acting user");
    for user in &moto.truth {
        let id = format!("123456789012:user/{}", user["user"].as_str().unwrap());
        assert_eq!(items[id.as_str()].detail, detail(user), "{id}");
    }
    let actor = &items["123456789012:user/evidenced"].detail;
    assert!(matches!(actor, PrincipalDetail::IamUser { principal_type: PrincipalType::Service, keys: 1, .. }));
    // moto has no row for root, and says nothing of a password.
    let PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates } = items["123456789012:root"].detail
    else {
        panic!()
    };
    assert_eq!((password, mfa, virtual_mfa, keys, certificates), (None, Some(false), None, Some(0), Some(0)));

    assert!(exchanges.len() <= 12, "{}", exchanges.len());
    let ipe = population.ipe();
    assert_eq!(ipe.requests.iter().map(|request| request.count as usize).sum::<usize>(), exchanges.len());
    assert_eq!(ipe.as_of, Utc.with_ymd_and_hms(2015, 2, 2, 20, 2, 2).unwrap(), "moto's reports are all of then");
    assert_eq!(ipe.identity, ["arn:aws:iam::123456789012:user/service/evidenced"]);
    assert_eq!(ipe.scope_found, ["production (123456789012)"]);
    let totals: Vec<_> = ipe.reconciliations.iter().map(|both| (both.held, both.stated)).collect();
    assert_eq!(totals, [(1001, 1001), (1001, 1001), (0, 0)], "users listed, users in the report, identity providers");

    let secrets: Vec<_> = moto.ready["secrets"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert!(secrets.len() > 1000, "seeds, pictures and keys");
    for exchange in &exchanges {
        let head = serde_json::to_string(&exchange.head).unwrap();
        let text = head + &String::from_utf8_lossy(&exchange.body);
        assert_eq!(secrets.iter().find(|secret| text.contains(**secret)), None);
        assert!(!text.contains("Base32StringSeed") && !text.contains("QRCodePNG"));
    }
    let struck: Vec<_> = exchanges.iter().flat_map(|e| e.head.response.as_ref().unwrap().struck.clone()).collect();
    let devices = [("aws-mfa-seed", 500), ("aws-mfa-qr-code", 500), ("aws-mfa-seed", 510), ("aws-mfa-qr-code", 510)];
    let devices = devices.map(|(rule, count)| (rule.to_owned(), count));
    assert_eq!(struck, devices, "those assigned, and all of them");
}

#[tokio::test]
async fn five_thousand_users_of_moto_take_sixteen_requests_at_most() {
    let moto = Moto::start(5000, &[]);
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "a", "via": key.via(&moto.url()) }] });
    let (outcome, exchanges) = run(&settings, Arc::new(SystemClock)).await;
    assert_eq!(principals(outcome.unwrap().items()).len(), 5002);
    assert!(exchanges.len() <= 16, "{}", exchanges.len());
}

#[tokio::test]
async fn a_full_page_of_devices_is_followed_to_the_empty_one_after_it() {
    // moto answers "there is more" after a full page, whether there is or not: 1,000 devices.
    let moto = Moto::start(2000, &[]);
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "a", "via": key.via(&moto.url()) }] });
    let population = run(&settings, Arc::new(SystemClock)).await.0.unwrap();
    assert_eq!(count(&population, "iam:ListVirtualMFADevices"), 4, "assigned devices, and all of them");
    assert_eq!(principals(population.items()).len(), 2002);
}

#[tokio::test]
async fn the_permissions_that_the_kind_names_are_enough_where_policies_are_evaluated() {
    let permissions = evidenced_collectors::kind("aws_iam").unwrap().permissions;
    let args: Vec<_> =
        permissions.iter().flat_map(|permission| ["--allow", permission.name]).chain(["--enforce"]).collect();
    let moto = Moto::start(20, &args);
    let key = moto.key(None);
    let accounts = json!([{ "name": "a", "via": key.via(&moto.url()) }]);
    let settings = json!({ "accounts": accounts, "device_kinds": true, "mfa_deny_policies": true });
    let population = run(&settings, Arc::new(SystemClock)).await.0.unwrap();
    assert_eq!(count(&population, "iam:GetAccountAuthorizationDetails"), 1);
    let items = principals(population.items());
    let PrincipalDetail::IamUser { devices, .. } = &items["123456789012:user/user000006"].detail else { panic!() };
    assert_eq!(devices, &[Device::Totp], "a hardware token, told from a passkey by asking");
    assert_eq!(count(&population, "iam:ListMFADevices"), 1);
}

#[tokio::test]
async fn a_missing_permission_is_named_and_the_account_counts_as_unread() {
    let moto = Moto::start(5, &["--allow", "iam:GetCredentialReport", "--allow", "sts:*", "--enforce"]);
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "production", "via": key.via(&moto.url()) }] });
    let partial = incomplete(run(&settings, Arc::new(SystemClock)).await.0);
    let [unread] = partial.unread.as_slice() else { panic!("{partial:?}") };
    assert_eq!(unread.permission.as_deref(), Some("iam:GenerateCredentialReport"));
    assert_eq!(unread.what, "account production, iam:GenerateCredentialReport");
    assert_eq!((partial.observed, partial.expected), (1, None));
    let items = principals(&partial.items);
    assert!(matches!(items["123456789012:account"].detail, PrincipalDetail::Account { read: false, .. }));
}

#[tokio::test]
async fn a_wrong_secret_is_not_authenticated() {
    let moto = Moto::start(1, &["--enforce"]);
    let unknown = Key::new("AKIAUNKNOWN000000000", "not-a-secret-of-anybody");
    for key in [moto.key(Some("not-the-secret-of-this-key")), unknown] {
        let settings = json!({ "accounts": [{ "name": "a", "via": key.via(&moto.url()) }] });
        let error = run(&settings, Arc::new(SystemClock)).await.0.unwrap_err();
        assert_eq!(error.word(), "unauthenticated", "{error}");
        assert!(!error.to_string().contains("secret-of"), "{error}");
    }
}

#[tokio::test]
async fn a_user_with_a_comma_in_the_name_is_unread_on_moto_and_never_dropped() {
    let moto = Moto::start(3, &["--user", "a,b+c=d@x.io"]);
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "a", "via": key.via(&moto.url()) }] });
    let partial = incomplete(run(&settings, Arc::new(SystemClock)).await.0);
    assert_eq!((partial.observed, partial.expected), (5, Some(6)));
    let why: Vec<_> = partial.unread.iter().map(|unread| format!("{}: {}", unread.what, unread.why)).collect();
    assert!(why.iter().any(|why| why.ends_with("row 5 (`a`): 24 fields under a header of 22")), "{why:?}");
    assert!(why.iter().any(|why| why.contains("user a,b+c=d@x.io: is listed")), "{why:?}");
    assert!(why.iter().any(|why| why.contains("4 held, but iam:ListUsers states 5")), "{why:?}");
}

// What moto cannot do: the sandbox, with a history and a clock.

fn at(hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, hour, minute, 0).unwrap()
}

fn company() -> AwsHistory {
    let spec = UserSpec { created: at(0, 0) - Duration::days(100), ..UserSpec::default() };
    let with = |factor| UserSpec { mfa: Some(at(0, 0) - Duration::days(90)), factor, ..spec.clone() };
    AwsHistory::new("111122223333")
        .user("alice", with(Factor::Virtual))
        .user("bob", with(Factor::Passkey))
        .user("carol", with(Factor::Hardware))
        .user("dave", spec.clone())
        .user("deploy", UserSpec { console: false, keys: 2, path: "/service/", ..spec })
}

/// One run against a sandbox of these accounts; the first is configured directly, the others by role.
async fn sandbox(accounts: Vec<AwsHistory>, clock: &Arc<ManualClock>, more: Value) -> Result<Population, CollectError> {
    let server = AwsServer::start(accounts, Arc::<ManualClock>::clone(clock)).await.unwrap();
    run_on(&server, clock, more).await
}

async fn run_on(server: &AwsServer, clock: &Arc<ManualClock>, more: Value) -> Result<Population, CollectError> {
    run_on_after(None, server, clock, more).await
}

async fn run_on_after(
    carry: Option<Value>,
    server: &AwsServer,
    clock: &Arc<ManualClock>,
    more: Value,
) -> Result<Population, CollectError> {
    let key = Key::new("AKIASANDBOX", "sandbox-secret");
    let mut settings = more;
    let mut accounts = vec![json!({ "name": "production" })];
    accounts.extend(settings["accounts"].as_array().into_iter().flatten().cloned());
    for account in &mut accounts {
        let role = account.as_object_mut().unwrap().remove("role_arn");
        account["via"] = key.via(server.url());
        account["via"]["role_arn"] = role.unwrap_or(Value::Null);
    }
    settings["accounts"] = accounts.into();
    if settings["organization"].is_object() {
        let role = settings["organization"].as_object_mut().unwrap().remove("role_arn");
        settings["organization"]["via"] = key.via(server.url());
        settings["organization"]["via"]["role_arn"] = role.unwrap_or(Value::Null);
        settings["accounts"][0]["account_id"] = json!("111122223333");
    }
    run_after(carry, &settings, Arc::<ManualClock>::clone(clock)).await.0
}

fn morning() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(at(8, 0)))
}

#[tokio::test]
async fn the_sandbox_gives_what_moto_gives_but_for_root_and_the_reports_age() {
    let moto = Moto::start(100, &[]);
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "production", "via": key.via(&moto.url()) }] });
    let from_moto = run(&settings, Arc::new(SystemClock)).await.0.unwrap();

    let mut history = AwsHistory::new("123456789012")
        .user("evidenced", UserSpec { console: false, keys: 1, path: "/service/", ..UserSpec::default() });
    for user in &moto.truth {
        let spec = UserSpec {
            console: user["console"].as_bool().unwrap(),
            mfa: user["device"].is_string().then(|| at(0, 0)),
            factor: if user["device"] == "hardware" { Factor::Hardware } else { Factor::Virtual },
            keys: u32::try_from(user["keys_active"].as_u64().unwrap()).unwrap(),
            path: if user["path"] == "/" { "/" } else { "/eng/" },
            ..UserSpec::default()
        };
        history = history.user(user["user"].as_str().unwrap(), spec);
    }
    let from_sandbox = sandbox(vec![history], &morning(), json!({})).await.unwrap();

    let users = |population: &Population| -> Vec<Principal> {
        let all = principals(population.items()).into_values();
        all.filter(|one| one.name != "root").map(|one| Principal { report_at: None, ..one.clone() }).collect()
    };
    assert_eq!(users(&from_sandbox), users(&from_moto));
    assert_eq!(from_sandbox.whole(), from_moto.whole());
    let reports: BTreeSet<_> = principals(from_sandbox.items()).values().map(|one| one.report_at).collect();
    assert_eq!(reports, BTreeSet::from([Some(at(8, 0))]));
    let root = &principals(from_sandbox.items())["123456789012:root"].detail;
    assert!(matches!(
        root,
        PrincipalDetail::Root { password: Some(true), mfa: Some(true), virtual_mfa: Some(false), .. }
    ));
    let asked = |population: &Population| population.ipe().requests.clone();
    assert_eq!(asked(&from_sandbox), asked(&from_moto));
}

#[tokio::test]
async fn a_report_that_lacks_a_row_is_incomplete_and_says_by_how_many() {
    let partial = incomplete(sandbox(vec![company().drop_report_row("bob")], &morning(), json!({})).await);
    assert_eq!((partial.observed, partial.expected), (5, Some(6)));
    assert!(partial.unread.iter().any(|u| u.why == "4 held, but iam:ListUsers states 5"), "{:?}", partial.unread);
    assert!(partial.unread.iter().any(|u| u.what.ends_with("user bob")), "{:?}", partial.unread);
    assert!(!principals(&partial.items).contains_key("111122223333:user/bob"));
}

#[tokio::test]
async fn no_damage_to_an_answer_gives_a_whole_population() {
    let whole = sandbox(vec![company().page_size(2)], &morning(), json!({})).await.unwrap();
    assert_eq!(count(&whole, "iam:ListUsers"), 3, "the undamaged one is whole, in pages");

    type Damage = fn(String) -> String;
    let reports: [(&str, Damage); 6] = [
        ("an unknown value", |csv| csv.replacen(",true,", ",yes,", 1)),
        ("a column less", |csv| csv.replace("mfa_active", "mfa")),
        ("cut in a row", |csv| csv[..csv.len() - 30].to_owned()),
        ("cut in the header", |csv| csv[..40].to_owned()),
        ("nothing", |_| String::new()),
        ("no root row, and a user twice", |csv| csv.replace("<root_account>", "dave")),
    ];
    for (name, damage) in reports {
        let outcome = sandbox(vec![company().rewrite_report(damage)], &morning(), json!({})).await;
        assert!(!incomplete(outcome).unread.is_empty(), "{name}");
    }
    let answers: [(&str, &str, Damage); 10] = [
        ("a marker that leads back", "ListUsers", |xml| xml.replace("after-4", "after-2")),
        ("no word on the last page", "ListUsers", |xml| xml.replace("<IsTruncated>false</IsTruncated>", "")),
        ("an end that is none", "ListUsers", |xml| xml.replace("<IsTruncated>true", "<IsTruncated>false")),
        ("cut", "ListUsers", |xml| xml[..xml.len() / 2].to_owned()),
        ("no word on the last page", "ListVirtualMFADevices", |xml| {
            xml.replace("<IsTruncated>false</IsTruncated>", "")
        }),
        ("a device twice", "ListVirtualMFADevices", |xml| {
            let start = xml.find("<member>").unwrap();
            let end = xml.find("</member>").unwrap() + "</member>".len();
            format!("{}{}{}", &xml[..end], &xml[start..end], &xml[end..])
        }),
        ("no total", "GetAccountSummary", |xml| xml.replace("<key>Users<", "<key>Losers<")),
        ("another total", "GetAccountSummary", |xml| {
            xml.replace("<key>Users</key><value>5", "<key>Users</key><value>6")
        }),
        ("no page", "GetCredentialReport", |_| "<html>Bad Gateway</html>".to_owned()),
        ("a state nobody knows", "GenerateCredentialReport", |xml| xml.replace("COMPLETE", "MAYBE")),
    ];
    for (name, action, damage) in answers {
        let history = company().page_size(2).rewrite_answer(action, damage);
        let partial = incomplete(sandbox(vec![history], &morning(), json!({})).await);
        assert!(partial.unread.iter().any(|u| u.what.contains("production")), "{action}, {name}: {partial:?}");
    }
}

#[tokio::test]
async fn a_report_that_never_gets_ready_is_given_up_in_the_time_allowed() {
    let clock = morning();
    let history = company().rewrite_answer("GenerateCredentialReport", |xml| xml.replace("COMPLETE", "INPROGRESS"));
    let error = sandbox(vec![history], &clock, json!({ "report_wait_seconds": 10 })).await.unwrap_err();
    assert_eq!(error.word(), "unavailable", "{error}");
    assert_eq!(clock.now() - at(8, 0), Duration::seconds(10));
}

#[tokio::test]
async fn a_user_made_after_the_report_is_named_and_read_with_the_next_one() {
    let clock = morning();
    let erin = UserSpec { created: at(9, 0), ..UserSpec::default() };
    let history = company().user("erin", erin).mfa_removed("alice", at(9, 30)).deleted("dave", at(9, 30));
    let server = AwsServer::start(vec![history], Arc::<ManualClock>::clone(&clock)).await.unwrap();
    let has = |population: &Population, name: &str| {
        principals(population.items()).contains_key(format!("111122223333:user/{name}").as_str())
    };
    assert!(run_on(&server, &clock, json!({})).await.is_ok());

    // AWS hands out the report of 8:00 for four hours.
    clock.set(at(10, 0));
    let second = run_on(&server, &clock, json!({})).await.unwrap();
    assert_eq!(second.ipe().as_of, at(8, 0));
    assert!(!has(&second, "erin") && has(&second, "dave"));
    assert!(second.ipe().filters.iter().any(|filter| filter.ends_with("tested at the next reading: erin")));
    assert!(
        second
            .ipe()
            .limitations
            .iter()
            .any(|one| one.contains("1 users of the credential report are no longer listed"))
    );

    clock.set(at(13, 0));
    let third = run_on(&server, &clock, json!({})).await.unwrap();
    assert_eq!(third.ipe().as_of, at(13, 0));
    assert!(has(&third, "erin") && !has(&third, "dave"));
    assert_eq!(third.ipe().filters, [] as [&str; 0]);
    let alice = &principals(third.items())["111122223333:user/alice"].detail;
    assert!(matches!(alice, PrincipalDetail::IamUser { mfa: false, .. }));
}

#[tokio::test]
async fn an_account_that_refuses_does_not_keep_the_others_from_being_read() {
    let staging = AwsHistory::new("222233334444").refuse("GenerateCredentialReport", at(0, 0), at(9, 0));
    let accounts = json!({ "accounts": [
        { "name": "staging", "account_id": "222233334444", "role_arn": "arn:aws:iam::222233334444:role/evidenced" },
        { "name": "gone", "role_arn": "arn:aws:iam::999988887777:role/evidenced" },
        { "name": "wrong", "account_id": "555566667777" },
        { "name": "again" },
        { "name": "old", "account_id": "333344445555", "suspended": true },
    ]});
    let clock = morning();
    let server = AwsServer::start(vec![company(), staging], Arc::<ManualClock>::clone(&clock)).await.unwrap();
    let partial = incomplete(run_on(&server, &clock, accounts.clone()).await);
    assert_eq!((partial.observed, partial.expected), (6 + 4, None));
    let unread: BTreeMap<_, _> = partial.unread.iter().map(|u| (u.what.as_str(), u)).collect();
    let permission = |what: &str| unread[what].permission.as_deref();
    assert_eq!(permission("account staging, iam:GenerateCredentialReport"), Some("iam:GenerateCredentialReport"));
    assert_eq!(permission("account gone, credentials"), Some("sts:AssumeRole"));
    assert!(unread["account wrong"].why.contains("leads to account 111122223333"));
    assert!(unread["account again (111122223333)"].why.contains("same account"));
    let items = principals(&partial.items);
    for account in ["222233334444", "gone", "555566667777", "333344445555"] {
        assert!(matches!(
            items[format!("{account}:account").as_str()].detail,
            PrincipalDetail::Account { read: false, .. }
        ));
    }
    assert!(items.contains_key("111122223333:user/alice"));

    clock.set(at(9, 0));
    let two = json!({ "accounts": [accounts["accounts"][0], accounts["accounts"][4]] });
    let whole = run_on(&server, &clock, two).await.unwrap();
    assert_eq!(whole.items().len(), 6 + 1 + 1);
    assert_eq!(whole.ipe().scope_found, ["production (111122223333)", "staging (222233334444)"]);
    assert_eq!(whole.ipe().identity[1], "arn:aws:sts::222233334444:assumed-role/evidenced/evidenced");
}

#[tokio::test]
async fn kinds_of_factors_are_told_apart_and_root_by_its_own_arn_alone() {
    let decoy = UserSpec { mfa: Some(at(0, 0)), path: "/root/", ..UserSpec::default() };
    let history = company().user("root", decoy.clone()).user("b,c", decoy);
    let hardware = sandbox(vec![history.clone()], &morning(), json!({ "device_kinds": true })).await.unwrap();
    let devices = |population: &Population, name: &str| {
        let id = format!("111122223333:user/{name}");
        match &principals(population.items())[id.as_str()].detail {
            PrincipalDetail::IamUser { devices, .. } => devices.clone(),
            other => panic!("{other:?}"),
        }
    };
    for (name, kinds) in
        [("alice", vec![Device::Virtual]), ("bob", vec![Device::Fido]), ("carol", vec![Device::Totp]), ("dave", vec![])]
    {
        assert_eq!(devices(&hardware, name), kinds, "{name}");
    }
    assert_eq!(devices(&hardware, "b,c"), [Device::Virtual], "a quoted comma is no trouble");
    let virtual_of_root = |population: &Population| match principals(population.items())["111122223333:root"].detail {
        PrincipalDetail::Root { virtual_mfa, .. } => virtual_mfa,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(virtual_of_root(&hardware), Some(false));
    let root = RootSpec { password: true, mfa: Some(Factor::Virtual), keys: 1 };
    let virtually = sandbox(vec![history.clone().root(root)], &morning(), json!({})).await.unwrap();
    assert_eq!(virtual_of_root(&virtually), Some(true));

    let contradicted = history.rewrite_answer("GetAccountSummary", |xml| {
        xml.replace("<key>AccountMFAEnabled</key><value>1", "<key>AccountMFAEnabled</key><value>0")
    });
    let contradicted = sandbox(vec![contradicted], &morning(), json!({})).await.unwrap();
    let root = &principals(contradicted.items())["111122223333:root"].detail;
    assert!(matches!(root, PrincipalDetail::Root { mfa: None, virtual_mfa: None, .. }), "{root:?}");
    assert!(contradicted.ipe().limitations.iter().any(|one| one.contains("root's factor")));
}

#[tokio::test]
async fn roots_password_is_taken_from_the_totals_where_the_report_does_not_say_and_is_else_unknown() {
    let silent = |csv: String| {
        let (before, after) = csv.split_once("+00:00,true,").unwrap();
        assert!(before.contains("<root_account>") && !before.contains("alice"));
        format!("{before}+00:00,not_supported,{after}")
    };
    let root = |population: &Population| match principals(population.items())["111122223333:root"].detail {
        PrincipalDetail::Root { password, mfa, keys, certificates, .. } => (password, mfa, keys, certificates),
        ref other => panic!("{other:?}"),
    };
    let by_totals = sandbox(vec![company().rewrite_report(silent)], &morning(), json!({})).await.unwrap();
    assert_eq!(root(&by_totals), (Some(true), Some(true), Some(0), Some(0)));
    let nobody = company()
        .rewrite_report(silent)
        .rewrite_answer("GetAccountSummary", |xml| xml.replace("<key>AccountPasswordPresent<", "<key>Other<"));
    assert_eq!(root(&sandbox(vec![nobody], &morning(), json!({})).await.unwrap()).0, None);
    // An account whose root is managed by the organisation has no credentials at all.
    let managed = company().root(RootSpec { password: false, mfa: None, keys: 0 });
    let managed = sandbox(vec![managed], &morning(), json!({})).await.unwrap();
    assert_eq!(root(&managed), (Some(false), Some(false), Some(0), Some(0)));
}
