//! Whole organisations: what is in scope, what drops out and says so, and lists that do not add up.

mod branches;
mod installed;

use super::bed::{Bed, Outcome, at, every_landing, hold_to_schemas, pull, week};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{GithubHistory, PullRequestSpec};
use evidenced_collectors::contract::{CollectError, Task, Window};
use serde_json::{Value, json};

const LIST: &str = "organization(login";

async fn acme(history: GithubHistory) -> Bed {
    Bed::of(history).await.with("organizations", json!([{ "name": "acme" }])).with("repositories", json!([]))
}

fn excluding(repository: &str, reason: &str) -> Value {
    json!([{ "name": "acme", "exclude": [{ "repository": repository, "reason": reason }] }])
}

/// The run after a complete one, up to an instant.
async fn then(bed: &Bed, before: &Outcome, end: DateTime<Utc>) -> Outcome {
    let task = Task { window: Window { start: before.as_of, end }, carry: before.whole().carry().cloned() };
    bed.clock.set(end);
    bed.run(&task).await
}

fn day(number: i64) -> DateTime<Utc> {
    week().end + Duration::days(number)
}

fn ids(outcome: &Outcome) -> Vec<String> {
    outcome.changes().iter().map(|change| change.id.split('@').next().unwrap().to_owned()).collect()
}

fn says(texts: &[String], wanted: &str) {
    assert!(texts.iter().any(|text| text.contains(wanted)), "no {wanted:?} in {texts:#?}");
}

fn filters(outcome: &Outcome) -> &[String] {
    &outcome.whole().ipe().filters
}

/// Beside the shop: documents, a vault, and three that are left out.
fn six() -> GithubHistory {
    let mut history = every_landing();
    history.repository("acme/docs", "trunk");
    history.repository("acme/docs", "release");
    history.push_direct("acme/docs", "trunk", "example-ana", at("2026-03-04T10:00:00Z"), &["a.md"]);
    history.push_direct("acme/docs", "release", "example-ana", at("2026-03-05T10:00:00Z"), &["a.md"]);
    history.repository("acme/playground", "main");
    history.push_direct("acme/playground", "main", "example-ana", at("2026-03-04T10:00:00Z"), &["a.md"]);
    history.repository("acme/old", "main");
    history.archive("acme/old", at("2026-01-01T00:00:00Z"));
    history.empty("acme/blank");
    history.repository("acme/vault", "main");
    history.private("acme/vault");
    history
}

#[tokio::test]
async fn every_repository_of_an_organisation_is_read_and_each_that_is_not_is_named_with_its_reason() {
    let bed = acme(six()).await.with("organizations", excluding("acme/Playground", "no production code"));
    let outcome = bed.first().await;
    let ipe = outcome.whole().ipe();
    assert_eq!(outcome.changes().len(), 14);
    assert_eq!(ipe.scope_found, ["acme/shop: main", "acme/docs: trunk", "acme/vault: main"]);
    says(&ipe.scope_claimed, "acme: every repository that is not excluded");
    says(&ipe.filters, "1 of 6 repositories excluded by the configuration: acme/playground (no production code)");
    says(&ipe.filters, "1 of 6 repositories archived since before the window, and took no update since: acme/old");
    says(&ipe.filters, "1 of 6 repositories empty: without any commit: acme/blank");
    let totals: Vec<_> = ipe.reconciliations.iter().filter(|both| both.what.contains("organisation")).collect();
    assert_eq!(totals.iter().map(|both| (both.held, both.stated)).collect::<Vec<_>>(), [(6, 6), (6, 6)]);
    assert_eq!(ipe.identity, ["example-auditor"]);
    let asked = |exchange: &&evidenced_collectors::door::Exchange| {
        let body = format!("{:?}", exchange.head.request.body);
        exchange.head.request.url.contains("/orgs/") || body.contains(LIST)
    };
    assert_eq!(outcome.exchanges.iter().filter(asked).count(), 2);
    let (held, said) = hold_to_schemas(&outcome.exchanges);
    assert!(held, "{said}");
}

#[tokio::test]
async fn further_branches_and_repositories_outside_are_read_beside_an_organisation() {
    let mut history = six();
    history.repository("other/tool", "main");
    history.push_direct("other/tool", "main", "example-ana", at("2026-03-04T10:00:00Z"), &["a.md"]);
    let named = json!([{ "name": "Acme/Docs", "branches": ["release", "trunk"] }, { "name": "other/tool", "branches": ["main"] }]);
    let outcome = acme(history).await.with("repositories", named).first().await;
    outcome.whole();
    let ids = ids(&outcome);
    let count = |name: &str| ids.iter().filter(|id| id.as_str() == name).count();
    // What is not the default branch is named.
    assert_eq!((count("acme/docs"), count("acme/docs:release")), (1, 1));
    assert_eq!((count("acme/playground"), count("other/tool")), (1, 1));
}

#[tokio::test]
async fn a_quiet_organisation_costs_two_requests_and_one_for_each_repository() {
    let bed = acme(six()).await;
    let mut run = bed.first().await;
    let mut last = 0;
    for number in 1..=3 {
        let before = bed.server.requests().len();
        run = then(&bed, &run, day(number)).await;
        assert!(run.changes().is_empty());
        last = bed.server.requests().len() - before;
    }
    assert_eq!(last, 2 + 4);
}

/// What becomes what.
type Replacements = &'static [(&'static str, &'static str)];

/// One repository that is read, and 150 archived ones: two pages.
fn many() -> GithubHistory {
    let mut history = every_landing();
    for number in 0..150 {
        let name = format!("acme/r{number:03}");
        history.repository(&name, "main");
        history.archive(&name, at("2026-01-01T00:00:00Z"));
    }
    history
}

#[tokio::test]
async fn a_list_of_repositories_on_two_pages_is_read_to_its_end() {
    let bed = acme(many()).await;
    let outcome = bed.first().await;
    assert_eq!(outcome.changes().len(), 13);
    says(filters(&outcome), "150 of 151 repositories archived");
    let lists = outcome.exchanges.iter().filter(|e| format!("{:?}", e.head.request.body).contains(LIST)).count();
    assert_eq!(lists, 2);
}

#[tokio::test]
async fn a_list_of_repositories_that_does_not_add_up_is_never_whole() {
    let cases: [(&str, Replacements, &str); 9] = [
        (LIST, &[("\"totalCount\":151", "\"totalCount\":152")], "states 152"),
        (LIST, &[("\"hasNextPage\":true", "\"hasNextPage\":false")], "100 held"),
        (LIST, &[("\"hasNextPage\":false", "\"hasNextPage\":true")], "a further page is stated, but not where"),
        (
            LIST,
            &[("cursor:151", "cursor:100"), ("\"hasNextPage\":false", "\"hasNextPage\":true")],
            "names itself or an earlier one",
        ),
        (LIST, &[("\"acme/r007\"", "\"acme/r008\"")], "acme/r008 is listed twice"),
        (LIST, &[("\"acme/r007\"", "\"other/r007\"")], "other/r007 is not one of its repositories"),
        (LIST, &[("\"databaseId\":1,", "\"databaseId\":null,")], "invalid type"),
        (LIST, &[("\"isEmpty\"", "\"isVoid\"")], "missing field"),
        ("/orgs/acme", &[("\"public_repos\":151", "\"public_repos\":152")], "the organisation's own count states 152"),
    ];
    for (holds, replacements, reason) in cases {
        let mut history = many();
        for (find, put) in replacements {
            history.replace(holds, find, put);
        }
        let why = acme(history).await.first().await.incomplete();
        assert!(why.contains(reason), "{replacements:?}: {why}");
    }
}

#[tokio::test]
async fn an_organisation_that_is_refused_or_partial_names_what_is_missing_and_the_others_are_read() {
    let shop = json!([{ "name": "acme/shop", "branches": ["main"] }]);
    let both = json!([{ "name": "acme" }, { "name": "nobody" }]);
    for (holds, status) in [(LIST, 403), (LIST, 404), ("/orgs/acme", 403), ("/orgs/acme", 404)] {
        let mut history = every_landing();
        history.refuse(holds, week().start, day(1), status);
        let outcome = acme(history).await.with("repositories", shop.clone()).first().await;
        let why = outcome.incomplete();
        assert!(why.contains("organisation acme") && why.contains("Metadata: read"), "{holds} {status}: {why}");
        assert_eq!(outcome.changes().len(), 13);
    }
    for holds in [LIST, "/orgs/acme"] {
        let mut history = every_landing();
        history.header(holds, week().start, ("x-github-sso", "partial-results; organizations=21955855"));
        let why = acme(history).await.first().await.incomplete();
        assert!(why.contains("SSO authorisation of the token"), "{why}");
    }
    let outcome = acme(every_landing()).await.with("organizations", both).first().await;
    let why = outcome.incomplete();
    assert!(why.contains("organisation nobody") && why.contains("Metadata: read"), "{why}");
    let mut history = every_landing();
    history.refuse(LIST, week().start, day(1), 401);
    let outcome = acme(history).await.first().await;
    assert!(matches!(outcome.result, Err(CollectError::Unauthenticated { .. })));
}

#[tokio::test]
async fn an_organisation_without_any_repository_in_scope_is_no_empty_population() {
    let mut history = GithubHistory::new();
    history.empty("acme/blank");
    let why = acme(history).await.first().await.incomplete();
    assert!(why.contains("none of its 1 repositories is in scope"), "{why}");
    let mut history = every_landing();
    history.disable("acme/shop");
    let why = acme(history).await.first().await.incomplete();
    assert!(why.contains("GitHub disabled it") && why.contains("exclude it"), "{why}");
}

#[tokio::test]
async fn a_count_that_the_token_may_not_see_is_a_limitation_that_names_who_may() {
    let mut history = six();
    history.hide_private_count();
    let outcome = acme(history).await.first().await;
    says(&outcome.whole().ipe().limitations, "organisation owner, with admin:org");
    let ours: Vec<_> = outcome.whole().ipe().reconciliations.iter().map(|both| (both.held, both.stated)).collect();
    assert!(ours.contains(&(5, 5)), "{ours:?}");
    let shown = acme(six()).await.first().await;
    assert!(!shown.whole().ipe().limitations.iter().any(|l| l.contains("admin:org")));
}

#[tokio::test]
async fn an_exclusion_of_what_is_not_there_is_stated() {
    let outcome =
        acme(six()).await.with("organizations", excluding("acme/playgruond", "no production code")).first().await;
    says(&outcome.whole().ipe().limitations, "acme/playgruond is excluded by the configuration, and acme has no such");
    says(&outcome.whole().ipe().scope_found, "acme/playground: main");
}

#[tokio::test]
async fn a_repository_that_vanishes_is_unread_until_it_is_excluded_with_a_reason() {
    let mut history = six();
    history.remove("acme/docs", day(0) + Duration::hours(5));
    let bed = acme(history).await;
    let first = bed.first().await;
    let vanished = then(&bed, &first, day(1)).await;
    let why = vanished.incomplete();
    for said in ["repository acme/docs", "read up to 2026-03-09T00:00:00Z", "exclude it in organizations"] {
        assert!(why.contains(said), "{why}");
    }
    let bed = bed.with("organizations", excluding("acme/docs", "moved to the foundation"));
    let settled = then(&bed, &first, day(2)).await;
    says(filters(&settled), "acme/docs is gone from acme, and excluded by the configuration (moved to the foundation)");
    then(&bed, &settled, day(3)).await.whole();
}

#[tokio::test]
async fn a_repository_that_was_named_by_itself_and_is_not_in_its_organisations_list_is_unread() {
    let mut history = six();
    history.remove("acme/docs", day(0) + Duration::hours(5));
    let bed = Bed::of(history).await.with("repositories", json!([{ "name": "acme/docs", "branches": ["trunk"] }]));
    let first = bed.first().await;
    let bed = bed.with("repositories", json!([])).with("organizations", json!([{ "name": "Acme" }]));
    let why = then(&bed, &first, day(1)).await.incomplete();
    assert!(why.contains("repository acme/docs") && why.contains("has it no longer"), "{why}");
}

#[tokio::test]
async fn a_renamed_repository_goes_on_under_its_new_name() {
    let mut history = six();
    history.rename("acme/shop", "acme/store", day(0) + Duration::hours(2));
    history.merge(pull(20, "2026-03-09T01:00:00Z").approved_by("example-ben"));
    history.merge(pull(21, "2026-03-09T09:00:00Z").approved_by("example-ben"));
    let bed = acme(history).await;
    let first = bed.first().await;
    let renamed = then(&bed, &first, day(1)).await;
    says(filters(&renamed), "acme/shop is called acme/store now, and goes on");
    assert_eq!(ids(&renamed), ["acme/store#20", "acme/store#21"]);
    let chain = serde_json::to_string(renamed.whole().whole()).unwrap();
    let left = first.whole().carry().unwrap()["repositories"]["acme/shop"]["branches"]["main"]["head"].clone();
    assert!(chain.contains(&format!("\"from\":{left}")), "{chain}");
    let quiet = then(&bed, &renamed, day(2)).await;
    assert!(quiet.whole().items().is_empty());
    assert!(!filters(&quiet).iter().any(|filter| filter.contains("is called")));
}

#[tokio::test]
async fn a_renamed_repository_of_the_configuration_is_unread_until_its_new_name_is_written() {
    let mut history = every_landing();
    history.rename("acme/shop", "acme/store", day(0) + Duration::hours(2));
    history.merge(pull(20, "2026-03-09T01:00:00Z").approved_by("example-ben"));
    let bed = Bed::of(history).await;
    let first = bed.first().await;
    let why = then(&bed, &first, day(1)).await.incomplete();
    assert!(why.contains("present name in repositories"), "{why}");
    let bed = bed.with("repositories", json!([{ "name": "acme/store", "branches": ["main"] }]));
    let renamed = then(&bed, &first, day(2)).await;
    says(filters(&renamed), "acme/shop is called acme/store now, and goes on");
    assert_eq!(ids(&renamed), ["acme/store#20"]);
    let (held, said) = hold_to_schemas(&renamed.exchanges);
    assert!(held, "{said}");
}

#[tokio::test]
async fn another_repository_under_a_known_name_does_not_go_on_from_what_is_remembered() {
    for settings in [json!([]), json!([{ "name": "acme/shop", "branches": ["main"] }])] {
        let mut history = every_landing();
        history.merge(pull(20, "2026-03-09T01:00:00Z").approved_by("example-ben"));
        let whole = Bed::of(history.clone()).await.first().await;
        history.replace("qualifiedName", "\"databaseId\":1", "\"databaseId\":7");
        let bed = acme(history).await.with("repositories", settings);
        let why = then(&bed, &whole, day(1)).await.incomplete();
        assert!(why.contains("is another repository than the one in scope: number 7, not 1"), "{why}");
    }
}

#[tokio::test]
async fn a_new_repository_is_read_from_its_creation_on() {
    let mut history = every_landing();
    history.create("acme/new", "main", "example-ana", day(0) + Duration::hours(2));
    history.push_direct("acme/new", "main", "example-ana", day(0) + Duration::hours(3), &["src/a.rs"]);
    let bed = acme(history).await;
    let first = bed.first().await;
    let second = then(&bed, &first, day(3)).await;
    assert_eq!(ids(&second), ["acme/new"]);
    says(filters(&second), "acme/new was created at 2026-03-09T02:00:00Z: its updates are read from there on");
    says(filters(&second), "main began at 2026-03-09T02:00:00Z");
    assert_eq!(then(&bed, &second, day(4)).await.changes().len(), 0);
}

#[tokio::test]
async fn a_repository_that_comes_into_scope_says_from_when_on_it_is_read() {
    let mut history = every_landing();
    history.repository("acme/docs", "main");
    history.push_direct("acme/docs", "main", "example-ana", at("2026-03-04T10:00:00Z"), &["a.md"]);
    history.push_direct("acme/docs", "main", "example-ana", day(0) + Duration::hours(1), &["a.md"]);
    let bed = acme(history).await.with("organizations", excluding("acme/docs", "texts"));
    let first = bed.first().await;
    assert!(!ids(&first).contains(&"acme/docs".to_owned()));
    let bed = bed.with("organizations", json!([{ "name": "acme" }]));
    let second = then(&bed, &first, day(1)).await;
    assert_eq!(ids(&second), ["acme/docs"]);
    says(filters(&second), "the last complete run did not have it");
}

#[tokio::test]
async fn what_landed_before_a_repository_was_archived_in_the_window_is_read() {
    let mut history = six();
    history.merge(pull(20, "2026-03-09T05:00:00Z"));
    history.archive("acme/shop", day(0) + Duration::hours(6));
    let bed = acme(history).await;
    let first = bed.first().await;
    let second = then(&bed, &first, day(1)).await;
    assert_eq!(ids(&second), ["acme/shop#20"]);
    let third = then(&bed, &second, day(2)).await;
    says(filters(&third), "acme/shop, acme/old");
    let before = third.exchanges.iter().filter(|e| e.head.request.url.contains("/acme/shop/")).count();
    assert_eq!(before, 0);
}

#[tokio::test]
async fn a_list_that_shrinks_too_much_names_what_is_missing_whether_it_was_in_scope_or_not() {
    let shrinking = || {
        let mut history = many();
        for number in 0..40 {
            history.remove(&format!("acme/r{number:03}"), day(0) + Duration::hours(1));
        }
        history
    };
    let bed = acme(shrinking()).await;
    let first = bed.first().await;
    let why = then(&bed, &first, day(1)).await.incomplete();
    assert!(why.contains("40 of 151 repositories are gone") && why.contains("acme/r000, acme/r001"), "{why}");
    let exclude: Vec<Value> = (0..40)
        .map(|number| json!({ "repository": format!("acme/r{number:03}"), "reason": "deleted after the merger" }))
        .collect();
    let bed = bed.with("organizations", json!([{ "name": "acme", "exclude": exclude }]));
    let settled = then(&bed, &first, day(2)).await;
    settled.whole();
    let bed = acme(shrinking()).await.with("repositories_drop_max_percent", json!(30));
    let first = bed.first().await;
    then(&bed, &first, day(1)).await.whole();
}

#[tokio::test]
async fn two_archived_repositories_may_go_whatever_share_that_is() {
    let mut history = every_landing();
    for name in ["acme/one", "acme/two"] {
        history.repository(name, "main");
        history.archive(name, at("2026-01-01T00:00:00Z"));
        history.remove(name, day(0) + Duration::hours(1));
    }
    let bed = acme(history).await;
    let first = bed.first().await;
    then(&bed, &first, day(1)).await.whole();
}
