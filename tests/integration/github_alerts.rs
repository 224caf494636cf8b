//! `github_alerts` against the sample GitHub: what alerts become, what is not an empty list, what one run tells the
//! next, and the sample's own wire form against what GitHub publishes.

use crate::github_changes::bed::{Bed, Outcome, at, hold_to_schemas, week};
use crate::github_changes::sign_in::private_key;
use evidenced::demo::github::{AlertSpec, GithubHistory};
use evidenced::judge::{self, Attribute, Reading, Test, attributes};
use evidenced_collectors::contract::{
    At, Closing, CollectError, Fact, Finding, Found, Items, Population, Scanning, Sealed, Severity, Stands, Task,
    Vulnerability, VulnerabilityDetail, Window,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;

/// A shop with alerts of every ending, docs that nobody looks through, and an archived repository.
fn history() -> GithubHistory {
    let mut history = GithubHistory::new();
    for name in ["acme/shop", "acme/docs", "acme/old"] {
        history.repository(name, "main");
    }
    history.archive("acme/old", at("2026-01-05T00:00:00Z"));
    history.alerts_off("acme/docs", at("2026-01-05T00:00:00Z"));
    let found = at("2026-01-20T10:00:00Z");
    let alert = |number, severity| AlertSpec::open(number, severity, found);
    history.alert("acme/shop", alert(1, "critical"));
    history.alert("acme/shop", alert(2, "critical").fixed(at("2026-03-04T10:00:00Z")));
    history.alert("acme/shop", alert(3, "high").fixed(at("2026-02-04T10:00:00Z")));
    let dismissed = Some((at("2026-03-03T10:00:00Z"), "example-ben", "tolerable_risk", Some("RISK-4")));
    history.alert("acme/shop", AlertSpec { dismissed, ..alert(4, "high") });
    let auto_dismissed_at = Some(at("2026-01-20T10:01:00Z"));
    history.alert("acme/shop", AlertSpec { auto_dismissed_at, ..alert(5, "low") });
    history.alert("acme/shop", AlertSpec::open(6, "high", week().end));
    history
}

async fn bed_of(history: GithubHistory) -> Bed {
    let bed = Bed::of(history).await.for_kind("github_alerts").with("repositories", json!([]));
    bed.with("organizations", json!([{ "name": "acme" }]))
}

fn items(outcome: &Outcome) -> BTreeMap<String, Vulnerability> {
    let items = match &outcome.result {
        Ok(population) => population.items(),
        Err(CollectError::Incomplete(partial)) => &partial.items,
        Err(error) => panic!("{error}"),
    };
    let Items::Vulnerabilities(list) = items else { panic!("{items:?}") };
    list.iter().map(|item| (item.id.clone(), item.clone())).collect()
}

fn scanning(items: &BTreeMap<String, Vulnerability>, id: &str) -> Scanning {
    let VulnerabilityDetail::Place { scanning } = items[id].detail else { panic!("{:?}", items[id]) };
    scanning
}

fn finding(items: &BTreeMap<String, Vulnerability>, number: u32) -> &Finding {
    let VulnerabilityDetail::Finding(found) = &items[&format!("acme/shop/dependabot/{number}")].detail else {
        panic!("{items:#?}")
    };
    found
}

/// What the control says of each item: outcome and reason.
fn judged(outcome: &Outcome) -> BTreeMap<String, (judge::Outcome, String)> {
    let test = Test::parse("vulnerabilities", &json!({ "approvers": ["example-ben"] })).unwrap();
    let verdict = judge::judge(&test, &[reading(outcome)], &[], outcome.as_of);
    verdict.judgements.into_iter().map(|judged| (judged.item, (judged.outcome, judged.reason))).collect()
}

fn reading(outcome: &Outcome) -> Reading {
    let items = Some(outcome.whole().items().clone());
    Reading { collector: "alerts".to_owned(), as_of: outcome.as_of, items, unread: Vec::new() }
}

#[tokio::test]
async fn alerts_open_at_some_time_of_the_window_and_every_repository_become_items() {
    let bed = bed_of(history()).await;
    let outcome = bed.first().await;
    let items = items(&outcome);
    let ids: Vec<&str> = items.keys().map(String::as_str).collect();
    // The third was mended before the window, and the sixth found after it.
    let expected = [
        "acme/docs",
        "acme/old",
        "acme/shop",
        "acme/shop/dependabot/1",
        "acme/shop/dependabot/2",
        "acme/shop/dependabot/4",
        "acme/shop/dependabot/5",
    ];
    assert_eq!(ids, expected);
    assert_eq!(scanning(&items, "acme/docs"), Scanning::Off);
    assert_eq!(scanning(&items, "acme/old"), Scanning::Archived);
    assert_eq!(scanning(&items, "acme/shop"), Scanning::On);
    assert_eq!(finding(&items, 2).closing, Some(Closing::Fixed { at: at("2026-03-04T10:00:00Z") }));
    assert!(matches!(&finding(&items, 4).closing,
        Some(Closing::Dismissed { by: Some(by), comment: Some(words), .. }) if by == "example-ben" && words == "RISK-4"));
    let ipe = outcome.whole().ipe();
    assert_eq!(ipe.identity, ["example-auditor"]);
    assert!(
        ipe.filters.iter().any(|filter| filter == "acme/shop: 1 of 6 alerts were mended before the window"),
        "{ipe:#?}"
    );
    assert!(ipe.reconciliations.iter().any(|both| (both.held, both.stated) == (6, 6)), "{ipe:#?}");

    use judge::Outcome::{Deviation, Excluded, Pass};
    let of = |outcome, reason: &str| (outcome, reason.to_owned());
    let judged = judged(&outcome);
    assert_eq!(judged["acme/docs"], of(Deviation, "scanning-off"));
    assert_eq!(judged["acme/old"], of(Excluded, "place-archived"));
    assert_eq!(judged["acme/shop"], of(Pass, "scanning-on"));
    assert_eq!(judged["acme/shop/dependabot/1"], of(Deviation, "open-too-long"));
    assert_eq!(judged["acme/shop/dependabot/2"], of(Deviation, "fixed-late"));
    assert_eq!(judged["acme/shop/dependabot/4"], of(Pass, "dismissed-with-approval"));
    assert_eq!(judged["acme/shop/dependabot/5"], of(Excluded, "no-limit-for-severity"));
}

#[tokio::test]
async fn an_alert_of_which_somebody_says_that_the_mending_has_begun_is_open() {
    let mut history = history();
    let dismissed = Some((at("2026-03-03T10:00:00Z"), "example-ben", "fix_started", Some("soon")));
    history.alert("acme/shop", AlertSpec { dismissed, ..AlertSpec::open(7, "critical", at("2026-01-20T10:00:00Z")) });
    let outcome = bed_of(history).await.first().await;
    assert_eq!(finding(&items(&outcome), 7).closing, None);
    assert_eq!(judged(&outcome)["acme/shop/dependabot/7"].1, "open-too-long");
}

#[tokio::test]
async fn alerts_of_an_archived_repository_stay_until_it_is_excluded_with_a_reason() {
    let mut history = history();
    history.alert("acme/shop", AlertSpec::open(7, "critical", at("2026-03-01T10:00:00Z")));
    // Nobody looks any more when it is archived.
    history.alerts_off("acme/shop", at("2026-03-10T00:00:00Z"));
    history.archive("acme/shop", at("2026-03-18T00:00:00Z"));
    let bed = bed_of(history).await;
    let carry = bed.first().await.whole().carry().cloned();
    let next = Window { start: week().end, end: at("2026-03-16T00:00:00Z") };
    bed.clock.set(next.end);
    let second = bed.run(&Task { window: next, carry }).await;
    assert_eq!(scanning(&items(&second), "acme/shop"), Scanning::Off);
    assert_eq!(judged(&second)["acme/shop/dependabot/1"].1, "open-too-long");
    let mut run = second;
    for (end, seventh) in [("2026-03-23T00:00:00Z", "not-yet-due"), ("2026-04-06T00:00:00Z", "open-too-long")] {
        let window = Window { start: run.as_of, end: at(end) };
        bed.clock.set(window.end);
        run = bed.run(&Task { window, carry: run.whole().carry().cloned() }).await;
        assert_eq!(scanning(&items(&run), "acme/shop"), Scanning::Archived);
        let judged = judged(&run);
        for (number, reason) in [(1, "open-too-long"), (4, "dismissed-with-approval"), (7, seventh)] {
            assert_eq!(judged[&format!("acme/shop/dependabot/{number}")].1, reason, "{end}");
        }
        assert!(!judged.contains_key("acme/shop/dependabot/2"), "mended when it was last read");
        let filters = &run.whole().ipe().filters;
        assert!(filters.iter().any(|filter| filter.starts_with("acme/shop is archived: 5 alerts")), "{filters:#?}");
    }
    let task = Task {
        window: Window { start: run.as_of, end: at("2026-04-13T00:00:00Z") },
        carry: run.whole().carry().cloned(),
    };
    bed.clock.set(task.window.end);
    let exclude = json!([{ "repository": "acme/shop", "reason": "out of production, INC-4" }]);
    let bed = bed.with("organizations", json!([{ "name": "acme", "exclude": exclude }]));
    assert!(!items(&bed.run(&task).await).keys().any(|id| id.starts_with("acme/shop")));
}

#[tokio::test]
async fn an_archived_repository_that_the_configuration_names_keeps_its_alerts_too() {
    let mut history = history();
    history.archive("acme/shop", at("2026-03-10T00:00:00Z"));
    let bed = bed_of(history).await.with("organizations", json!([])).with("repositories", json!(["acme/shop"]));
    let mut run = bed.first().await;
    for end in ["2026-03-16T00:00:00Z", "2026-03-23T00:00:00Z"] {
        let window = Window { start: run.as_of, end: at(end) };
        bed.clock.set(window.end);
        run = bed.run(&Task { window, carry: run.whole().carry().cloned() }).await;
        assert_eq!(judged(&run)["acme/shop/dependabot/1"].1, "open-too-long");
    }
}

#[tokio::test]
async fn a_file_that_is_moved_does_not_start_an_alerts_clock_again() {
    let mut history = history();
    let moved = at("2026-03-04T10:00:00Z");
    history.alert("acme/shop", AlertSpec { moved_from: Some(2), ..AlertSpec::open(7, "critical", moved) });
    // Long after the third one's end.
    history.alert("acme/shop", AlertSpec { moved_from: Some(3), ..AlertSpec::open(8, "high", moved) });
    let outcome = bed_of(history).await.first().await;
    let (items, judged) = (items(&outcome), judged(&outcome));
    assert_eq!(finding(&items, 7).severities[0].since, at("2026-01-20T10:00:00Z"));
    assert_eq!(judged["acme/shop/dependabot/7"].1, "open-too-long");
    assert_eq!(judged["acme/shop/dependabot/8"].1, "not-yet-due");
    let (good, said) = hold_to_schemas(&outcome.exchanges);
    assert!(good, "{said}");
}

#[tokio::test]
async fn an_app_that_has_selected_repositories_has_no_whole_organisation() {
    let mut history = history();
    history.select(&["acme/shop"], week().start);
    let mut key = tempfile::NamedTempFile::new().unwrap();
    key.write_all(private_key().as_bytes()).unwrap();
    let app = json!({ "app": { "app_id": 1, "installation_id": 7, "private_key": { "file": key.path() } } });
    let outcome = bed_of(history).await.with("credentials", app).first().await;
    let said = outcome.incomplete();
    assert!(said.contains("repository_selection: selected"), "{said}");
    assert_eq!(outcome.asked("/installation/repositories"), 1);
}

#[tokio::test]
async fn the_sample_speaks_as_github_publishes_it() {
    let outcome = bed_of(history()).await.first().await;
    let (good, said) = hold_to_schemas(&outcome.exchanges);
    assert!(good, "{said}");
    let refused = outcome.exchanges.iter().filter(|exchange| exchange.head.response.as_ref().unwrap().status == 403);
    assert_eq!(refused.count(), 1, "where nobody looks, GitHub refuses the list");
}

#[tokio::test]
async fn a_refusal_for_want_of_permission_is_unread_and_names_it() {
    for status in [403, 404] {
        let mut history = history();
        history.refuse("/acme/shop/dependabot", at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), status);
        let outcome = bed_of(history).await.first().await;
        let said = outcome.incomplete();
        assert!(said.contains("acme/shop") && said.contains("Dependabot alerts: read"), "{said}");
        assert_eq!(scanning(&items(&outcome), "acme/shop"), Scanning::Unread);
        assert_eq!(scanning(&items(&outcome), "acme/docs"), Scanning::Off, "the others are there");
    }
}

#[tokio::test]
async fn a_source_that_contradicts_itself_is_not_believed() {
    for (find, put, why) in [
        ("\"hasVulnerabilityAlertsEnabled\":false", "\"hasVulnerabilityAlertsEnabled\":true", "do not say the same"),
        ("\"totalCount\":6", "\"totalCount\":7", "GraphQL's count of alerts states 7"),
        ("\"fixed_at\":\"2026-03-04T10:00:00Z\"", "\"fixed_at\":null", "no fixed_at"),
        ("disabled for this repository", "switched off", "status 403"),
    ] {
        let mut history = history();
        history.replace("", find, put);
        let said = bed_of(history).await.first().await.incomplete();
        assert!(said.contains(why), "{put}: {said}");
    }
}

#[tokio::test]
async fn one_run_tells_the_next_how_grave_an_alert_was_and_which_one_is_lost() {
    let mut history = history();
    let regraded = Some((at("2026-03-10T00:00:00Z"), "low"));
    let found = at("2026-03-01T10:00:00Z");
    history.alert("acme/shop", AlertSpec { regraded, ..AlertSpec::open(7, "critical", found) });
    history.alert("acme/shop", AlertSpec::open(8, "high", found));
    history.lose_alert("acme/shop", 8, at("2026-03-12T00:00:00Z"));
    let bed = bed_of(history).await;
    let first = bed.first().await;
    assert_eq!(finding(&items(&first), 7).severities.len(), 1);
    let next = Window { start: week().end, end: at("2026-03-16T00:00:00Z") };
    bed.clock.set(next.end);
    let carry = first.whole().carry().cloned();
    let second = bed.run(&Task { window: next, carry: carry.clone() }).await;
    let items = items(&second);
    let rated: Vec<_> = finding(&items, 7).severities.iter().map(|rated| (rated.severity, rated.since)).collect();
    assert_eq!(rated, [(Severity::Critical, found), (Severity::Low, next.end)]);
    assert_eq!(finding(&items, 8).closing, Some(Closing::Gone));
    assert_eq!(judged(&second)["acme/shop/dependabot/8"].1, "finding-gone");
    assert!(!items.contains_key("acme/shop/dependabot/2"), "mended in the window before");

    let run = json!({ "settings": bed.settings, "task": { "carry": carry } });
    let explained = Explained::of(&second, &run, "acme/shop/dependabot/7");
    let severities = explained.stands(&Fact::Finding("severity"));
    assert!(
        severities.iter().any(|stands| stands.pointer("/0/severity") == Some(&json!("critical"))),
        "{severities:?}"
    );
    assert!(severities.contains(&json!("low")));
}

#[tokio::test]
async fn a_repository_that_is_gone_is_unread_until_it_is_excluded_with_a_reason() {
    let mut history = history();
    history.remove("acme/docs", at("2026-03-10T00:00:00Z"));
    let bed = bed_of(history).await;
    let carry = bed.first().await.whole().carry().cloned();
    let next = Task { window: Window { start: week().end, end: at("2026-03-16T00:00:00Z") }, carry };
    bed.clock.set(next.window.end);
    let said = bed.run(&next).await.incomplete();
    assert!(said.contains("repository acme/docs: was in scope"), "{said}");
    let exclude = json!([{ "repository": "acme/docs", "reason": "deleted, INC-3" }]);
    let bed = bed.with("organizations", json!([{ "name": "acme", "exclude": exclude }]));
    let population: Population = bed.run(&next).await.whole().clone();
    let gone = "acme/docs is gone, and excluded by the configuration (deleted, INC-3)";
    assert!(population.ipe().filters.iter().any(|filter| filter == gone), "{:#?}", population.ipe());
}

/// What one item was judged by, and what stands at the places that were found of each fact.
struct Explained {
    attributes: Vec<Attribute>,
    stands: BTreeMap<Fact, Vec<Value>>,
}

impl Explained {
    fn of(outcome: &Outcome, run: &Value, id: &str) -> Self {
        let readings = [reading(outcome)];
        let test = Test::parse("vulnerabilities", &json!({})).unwrap();
        let basis = attributes(&test, &readings, outcome.as_of, id).remove(0);
        let facts: Vec<Fact> = basis.attributes.iter().flat_map(|attribute| attribute.facts.clone()).collect();
        let mut locator = (evidenced_collectors::kind("github_alerts").unwrap().locate)(&basis.item, &facts);
        let mut stands = BTreeMap::<Fact, Vec<Value>>::new();
        let mut open = |document: &Value, found: Vec<Found>| {
            for Found { fact, at, stands: seen } in found {
                let (At::Pointer(pointer) | At::Head(pointer)) = at else { panic!("{at:?}") };
                let there = document.pointer(&pointer).unwrap_or_else(|| panic!("nothing stands at {pointer}"));
                assert_eq!(Stands::json(there), seen, "{pointer}");
                stands.entry(fact).or_default().push(there.clone());
            }
        };
        open(run, locator(Sealed::Run(run)));
        for exchange in &outcome.exchanges {
            let body = serde_json::from_slice(&exchange.body).unwrap_or_default();
            let head = serde_json::to_value(&exchange.head).unwrap();
            let (heads, bodies) =
                locator(Sealed::Exchange(exchange)).into_iter().partition(|found| matches!(found.at, At::Head(_)));
            open(&body, bodies);
            open(&head, heads);
        }
        drop(locator);
        Self { attributes: basis.attributes, stands }
    }

    fn stands(&self, fact: &Fact) -> &[Value] {
        self.stands.get(fact).map_or(&[], Vec::as_slice)
    }
}

#[tokio::test]
async fn every_fact_of_an_alert_and_of_a_repository_is_found_again() {
    let bed = bed_of(history()).await;
    let outcome = bed.first().await;
    let run = json!({ "settings": bed.settings, "task": { "carry": null } });
    let alert = Explained::of(&outcome, &run, "acme/shop/dependabot/4");
    for attribute in &alert.attributes {
        for fact in attribute.facts.iter().filter(|fact| !matches!(fact, Fact::Policy(_))) {
            assert!(!alert.stands(fact).is_empty(), "{fact} stands nowhere");
        }
    }
    assert!(alert.stands(&Fact::Finding("closing")).contains(&json!("RISK-4")));
    let shop = Explained::of(&outcome, &run, "acme/shop");
    assert!(shop.stands(&Fact::Scanning).contains(&json!(true)), "{:?}", shop.stands);
    let docs = Explained::of(&outcome, &run, "acme/docs");
    assert!(docs.stands(&Fact::Scanning).iter().any(|stands| stands.pointer("/Ok/status") == Some(&json!(403))));
    let old = Explained::of(&outcome, &run, "acme/old");
    assert!(old.stands(&Fact::Scanning).contains(&json!(true)), "archived, in the organisation's list");
}
