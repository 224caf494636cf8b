//! The kind `aws_logging` against moto, and against the sandbox where moto cannot do what AWS does.

use crate::support::moto::{Key, Moto};
use crate::support::replay::Ran;
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::aws::{AwsHistory, AwsServer, LoggingSpec, TrailSpec};
use evidenced::judge::{Outcome, Reading, Test, attributes, judge};
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use evidenced_collectors::contract::{
    At, AuditLog, AuditLogDetail, CollectError, Collector, Fact, Found, Items, Kept, Partial, Population, RegionLogs,
    Sealed, Stands, Task, Window,
};
use evidenced_collectors::door::{Door, Exchange, Limits, Network};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn collector(settings: &Value) -> Box<dyn Collector> {
    (evidenced_collectors::kind("aws_logging").unwrap().build)(settings).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// One run over the day before, and its replay, which must come to the same.
async fn run(settings: &Value, clock: Arc<dyn Clock>) -> (Result<Population, CollectError>, Vec<Exchange>) {
    let since = clock.now() - Duration::days(1);
    run_since(settings, clock, since).await
}

async fn run_since(
    settings: &Value,
    clock: Arc<dyn Clock>,
    start: DateTime<Utc>,
) -> (Result<Population, CollectError>, Vec<Exchange>) {
    let collector = collector(settings);
    let limits = Limits { attempts_max: 1, ..Limits::default() };
    let door = Door::live(&Network::new(), clock, limits);
    let end = door.as_of();
    let task = Task { window: Window { start, end }, carry: None };
    let result = collector.collect(&door, &task).await;
    let exchanges = door.take_exchanges();
    crate::support::permissions::declared("aws_logging", &exchanges);
    let ran = Ran { limits, task: &task, as_of: end, exchanges: &exchanges, result: &result };
    ran.is_the_same_on_replay(collector.as_ref()).await;
    (result, exchanges)
}

fn incomplete(outcome: Result<Population, CollectError>) -> Partial {
    match outcome {
        Err(CollectError::Incomplete(partial)) => *partial,
        other => panic!("{other:?}"),
    }
}

fn items(items: &Items) -> BTreeMap<&str, &AuditLog> {
    let Items::AuditLogs(list) = items else { panic!("{items:?}") };
    list.iter().map(|item| (item.id.as_str(), item)).collect()
}

fn region<'a>(all: &'a Items, id: &str) -> &'a RegionLogs {
    match &items(all)[id].detail {
        AuditLogDetail::Region(logs) => logs,
        other => panic!("{other:?}"),
    }
}

/// What the control says of each item, by its default policy.
fn judged(all: &Items, as_of: DateTime<Utc>) -> BTreeMap<String, (Outcome, String)> {
    let test = Test::parse("audit_logging", &json!({})).unwrap();
    let verdict = judge(&test, &[reading(all, as_of)], &[], as_of);
    verdict.judgements.into_iter().map(|judged| (judged.item, (judged.outcome, judged.reason))).collect()
}

fn reading(all: &Items, as_of: DateTime<Utc>) -> Reading {
    Reading { collector: "logs".to_owned(), as_of, items: Some(all.clone()), unread: Vec::new() }
}

#[tokio::test]
async fn every_region_of_moto_has_the_trails_that_were_put_there() {
    let moto = Moto::logging();
    let key = moto.key(None);
    let settings = json!({ "accounts": [{ "name": "production", "via": key.via(&moto.url()) }] });
    // Its trails began to write a moment ago: before that, nobody looked.
    let (outcome, exchanges) = run_since(&settings, Arc::new(SystemClock), SystemClock.now()).await;
    let population = outcome.unwrap();
    let all = population.items();
    let regions: Vec<&str> = moto.ready["regions"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    let ids: Vec<String> = regions.iter().map(|region| format!("123456789012:{region}")).collect();
    assert_eq!(items(all).keys().copied().collect::<Vec<_>>(), ids);
    let here = region(all, "123456789012:eu-west-1");
    let [trail] = here.trails.as_deref().unwrap() else { panic!("{here:?}") };
    assert!(trail.every_region && trail.validation && trail.own_key && trail.status.as_ref().unwrap().logging);
    assert!(trail.events.as_ref().is_some_and(|events| events.reads && events.writes && events.left_out.is_empty()));
    assert_eq!((trail.store.as_str(), trail.kept), ("all-logs", Kept::Days(400)));
    assert_eq!(region(all, "123456789012:us-west-2").trails.as_ref().unwrap().len(), 2);

    let judged = judged(all, population.ipe().as_of);
    for (id, judgement) in &judged {
        let expected = match id.as_str() {
            "123456789012:eu-west-2" => (Outcome::Deviation, "threat-detection-off"),
            _ => (Outcome::Pass, "logged"),
        };
        assert_eq!((judgement.0, judgement.1.as_str()), expected, "{id}");
    }
    // One for who asks, two for the regions; of each region its trails and detector, of each trail three.
    assert!(exchanges.len() <= 3 + 3 * regions.len() + 2 * 3, "{}", exchanges.len());
    let ipe = population.ipe();
    assert_eq!(ipe.scope_found, ["production (123456789012)"]);
    assert!(ipe.limitations.iter().any(|limitation| limitation.contains("nobody asked AWS")));
}

/// Two regions and one trail, in the account 111122223333.
fn spec() -> LoggingSpec {
    let regions = vec!["eu-central-1", "us-east-1"];
    LoggingSpec { regions, trails: vec![TrailSpec::good("all", "eu-central-1")], without_detector: Vec::new() }
}

struct Sandbox {
    _server: AwsServer,
    _key: Key,
    clock: Arc<ManualClock>,
    settings: Value,
}

impl Sandbox {
    async fn of(history: AwsHistory) -> Self {
        let clock = Arc::new(ManualClock::at(now()));
        let server = AwsServer::start(vec![history], clock.clone()).await.unwrap();
        let key = Key::new("AKIASANDBOX", "sandbox-secret");
        let settings = json!({ "accounts": [{ "name": "production", "via": key.via(server.url()) }] });
        Self { _server: server, _key: key, clock, settings }
    }

    async fn run(&self) -> (Result<Population, CollectError>, Vec<Exchange>) {
        run(&self.settings, self.clock.clone() as Arc<dyn Clock>).await
    }
}

fn history(spec: LoggingSpec) -> AwsHistory {
    AwsHistory::new("111122223333").logging(spec)
}

#[tokio::test]
async fn a_trail_that_was_stopped_deviates_while_it_is_and_once_afterwards() {
    let stopped = Some((now() - Duration::hours(30), now() - Duration::hours(6)));
    let trail = TrailSpec { stopped, ..TrailSpec::good("all", "eu-central-1") };
    let sandbox = Sandbox::of(history(LoggingSpec { trails: vec![trail], ..spec() })).await;
    let of = |hours: i64| (now() + Duration::hours(hours), &sandbox);
    for (hours, reason) in [(-24, "not-logging"), (-7, "not-logging"), (-6, "logging-interrupted"), (6, "logged")] {
        let (at, sandbox) = of(hours);
        sandbox.clock.set(at);
        let (outcome, _) = sandbox.run().await;
        let population = outcome.unwrap();
        for (id, (_, found)) in judged(population.items(), at) {
            assert_eq!(found, reason, "{id} {hours} h");
        }
    }
}

#[tokio::test]
async fn a_trail_that_was_made_since_the_last_reading_deviates_once() {
    let sandbox = Sandbox::of(history(spec())).await;
    let (outcome, _) = sandbox.run().await;
    let population = outcome.unwrap();
    let began = region(population.items(), "111122223333:us-east-1").trails.as_ref().unwrap()[0].status.clone();
    let began = began.unwrap().started.unwrap();
    for (since, reason) in [(began - Duration::seconds(1), "logging-interrupted"), (began, "logged")] {
        let (outcome, _) = run_since(&sandbox.settings, sandbox.clock.clone(), since).await;
        let population = outcome.unwrap();
        assert_eq!(judged(population.items(), now())["111122223333:us-east-1"].1, reason, "{since}");
    }
}

#[tokio::test]
async fn an_organisation_that_leaves_no_account_to_be_asked_is_not_whole() {
    let closed = history(spec()).in_organization("old", "SUSPENDED");
    let clock = Arc::new(ManualClock::at(now()));
    let server = AwsServer::start(vec![closed], clock.clone()).await.unwrap();
    let key = Key::new("AKIASANDBOX", "sandbox-secret");
    let settings = json!({ "organization": { "via": key.via(server.url()), "role_name": "evidenced" } });
    let partial = incomplete(run(&settings, clock).await.0);
    assert_eq!(partial.unread[0].why, "of its 1 accounts none is in use and not excluded");
}

#[tokio::test]
async fn what_is_refused_is_unread_with_its_permission_and_what_is_not_is_there() {
    let always = (now() - Duration::days(1), now() + Duration::days(1));
    for (action, permission, reason) in [
        ("us-east-1:DescribeTrails", "cloudtrail:DescribeTrails", "trails-unread"),
        ("GetTrailStatus", "cloudtrail:GetTrailStatus", "status-unread"),
        ("GetEventSelectors", "cloudtrail:GetEventSelectors", "events-unread"),
        ("GetLifecycleConfiguration", "s3:GetLifecycleConfiguration", "retention-unread"),
        ("us-east-1:ListDetectors", "guardduty:ListDetectors", "threat-detection-unread"),
        ("GetDetector", "guardduty:GetDetector", "threat-detection-unread"),
    ] {
        let sandbox = Sandbox::of(history(spec()).refuse(action, always.0, always.1)).await;
        let partial = incomplete(sandbox.run().await.0);
        let named = partial.unread.iter().all(|unread| unread.permission.as_deref() == Some(permission));
        assert!(named && !partial.unread.is_empty(), "{action}: {:#?}", partial.unread);
        let judged = judged(&partial.items, now());
        assert_eq!(judged["111122223333:us-east-1"], (Outcome::Indeterminate, reason.to_owned()), "{action}");
        if action.starts_with("us-east-1") {
            assert_eq!(judged["111122223333:eu-central-1"].0, Outcome::Pass, "{action}");
        }
    }
    let sandbox = Sandbox::of(history(spec()).refuse("DescribeRegions", always.0, always.1)).await;
    let partial = incomplete(sandbox.run().await.0);
    assert_eq!(partial.unread[0].permission.as_deref(), Some("ec2:DescribeRegions"));
    assert_eq!(judged(&partial.items, now())["production:account"].1, "account-unread");
}

#[tokio::test]
async fn a_bucket_of_another_account_is_asked_there() {
    let always = (now() - Duration::days(1), now() + Duration::days(1));
    let archive = AwsHistory::new("444455556666").logging(spec());
    let first = history(spec()).refuse("GetLifecycleConfiguration", always.0, always.1);
    let clock = Arc::new(ManualClock::at(now()));
    let server = AwsServer::start(vec![first, archive], clock.clone()).await.unwrap();
    let key = Key::new("AKIASANDBOX", "sandbox-secret");
    let via = key.via(server.url());
    let mut member = via.clone();
    member["role_arn"] = json!("arn:aws:iam::444455556666:role/evidenced");
    let settings = json!({
        "accounts": [{ "name": "production", "via": via }, { "name": "archive", "via": member }],
        "buckets": { "sample-logs": "archive" },
    });
    let (outcome, _) = run(&settings, clock).await;
    let population = outcome.unwrap();
    let ids: Vec<&str> = items(population.items()).into_keys().collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(judged(population.items(), now()).values().all(|(outcome, _)| *outcome == Outcome::Pass));
}

#[tokio::test]
async fn an_account_without_any_trail_deviates_in_each_region() {
    let sandbox = Sandbox::of(history(LoggingSpec { trails: Vec::new(), ..spec() })).await;
    let population = sandbox.run().await.0.unwrap();
    for (id, (_, reason)) in judged(population.items(), now()) {
        assert_eq!(reason, "no-trail", "{id}");
    }
}

/// What stands at the places that were found of each fact of one item.
fn found(all: &Items, exchanges: &[Exchange], settings: &Value, id: &str) -> BTreeMap<Fact, Vec<Stands>> {
    let test = Test::parse("audit_logging", &json!({})).unwrap();
    let readings = [reading(all, now())];
    let basis = attributes(&test, &readings, now(), id).remove(0);
    let facts: Vec<Fact> = basis.attributes.iter().flat_map(|attribute| attribute.facts.clone()).collect();
    let mut locator = (evidenced_collectors::kind("aws_logging").unwrap().locate)(&basis.item, &facts);
    let run = json!({ "settings": settings });
    let mut stands: BTreeMap<Fact, Vec<Stands>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| !matches!(fact, Fact::Policy(_))) {
        stands.entry(fact.clone()).or_default();
    }
    let mut note = |document: &Value, all: Vec<Found>| {
        for Found { fact, at, stands: seen } in all {
            if let At::Pointer(pointer) | At::Head(pointer) = at {
                let there = document.pointer(&pointer).unwrap_or_else(|| panic!("nothing stands at {pointer}"));
                assert!(Stands::json(there) == seen || matches!(seen, Stands::WithoutIt(_)), "{pointer}");
            }
            stands.entry(fact).or_default().push(seen);
        }
    };
    note(&run, locator(Sealed::Run(&run)));
    for exchange in exchanges {
        let body: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
        let head = serde_json::to_value(&exchange.head).unwrap();
        let (heads, bodies) =
            locator(Sealed::Exchange(exchange)).into_iter().partition(|found| matches!(found.at, At::Head(_)));
        note(&body, bodies);
        note(&head, heads);
    }
    drop(locator);
    stands
}

#[tokio::test]
async fn every_fact_of_a_region_is_found_again() {
    let sandbox = Sandbox::of(history(spec())).await;
    let (outcome, exchanges) = sandbox.run().await;
    let population = outcome.unwrap();
    let stands = found(population.items(), &exchanges, &sandbox.settings, "111122223333:us-east-1");
    assert_eq!(stands.len(), 5, "{stands:#?}");
    for (fact, places) in &stands {
        assert!(!places.is_empty(), "{fact} stands nowhere");
    }
    let kept = &stands[&Fact::KeptFor("sample-logs".to_owned())];
    assert!(kept.contains(&Stands::Value("400".to_owned())), "{kept:?}");

    let off = LoggingSpec { without_detector: vec!["us-east-1"], ..spec() };
    let sandbox = Sandbox::of(history(off)).await;
    let (outcome, exchanges) = sandbox.run().await;
    let stands = found(outcome.unwrap().items(), &exchanges, &sandbox.settings, "111122223333:us-east-1");
    assert_eq!(stands[&Fact::ThreatDetection], [Stands::Value("[]".to_owned())]);
}
