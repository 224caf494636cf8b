//! `github_changes` against the sample GitHub: every kind of landing, every kind of fault, replay, and the
//! sample's own wire form against what GitHub publishes.

use super::support;
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{GithubHistory, GithubServer, Method, PullRequestSpec};
use evidenced_collectors::contract::clock::ManualClock;
use evidenced_collectors::contract::{
    Change, CollectError, Collector, Items, LandingKind, Lookup, Population, ReviewState, RuleOutcome, Task, Window,
};
use evidenced_collectors::door::{Door, Exchange, Limits, RequestBody};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The sample week; runs look at it from its end.
fn week() -> Window {
    Window { start: at("2026-03-02T00:00:00Z"), end: at("2026-03-09T00:00:00Z") }
}

fn pull(number: u64, merged_at: &str) -> PullRequestSpec {
    PullRequestSpec::new("acme/shop", number, "example-ana", at(merged_at))
}

/// One landing of every kind.
fn every_landing() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.merge(pull(1, "2026-03-02T10:00:00Z").approved_by("example-ben"));
    let squash = pull(2, "2026-03-02T12:00:00Z").approved_by("example-ben").pushed_after_approval("example-ben");
    history.merge(PullRequestSpec { method: Method::Squash, ..squash });
    let rebase = PullRequestSpec { method: Method::Rebase, commits: 3, ..pull(3, "2026-03-03T10:00:00Z") };
    history.merge(rebase.approved_by("example-cleo").approved_by("outsider-dan"));
    let mut dismissed = pull(4, "2026-03-03T12:00:00Z").approved_by("example-ben");
    dismissed.reviews[0].dismissed_at = Some(at("2026-03-03T11:30:00Z"));
    dismissed.reviews[0].who = None;
    history.merge(PullRequestSpec { bypass: true, ..dismissed });
    let queued = PullRequestSpec { method: Method::Queue, ..pull(5, "2026-03-04T10:00:00Z") };
    history.merge(queued.clone().approved_by("example-ben"));
    history.merge_together(vec![
        PullRequestSpec { number: 6, merged_at: at("2026-03-04T11:00:00Z"), ..queued.clone() },
        PullRequestSpec { number: 7, merged_at: at("2026-03-04T11:00:00Z"), ..queued },
    ]);
    let updated = pull(8, "2026-03-05T10:00:00Z").approved_by("example-ben");
    let updated_at = updated.merged_at - Duration::minutes(10);
    history.merge(PullRequestSpec { branch_updated_at: Some(updated_at), ..updated });
    let fork = pull(9, "2026-03-05T12:00:00Z").reviewed("example-ben", at("2026-03-05T11:00:00Z"), "CHANGES_REQUESTED");
    history.merge(PullRequestSpec { fork: true, base_changed_at: Some(at("2026-03-05T11:30:00Z")), ..fork });
    history.merge(PullRequestSpec { method: Method::Pushed, ..pull(10, "2026-03-05T14:00:00Z") });
    history.push_direct(
        "acme/shop",
        "main",
        "example-bot[bot]",
        at("2026-03-06T10:00:00Z"),
        &["docs/a.md", "docs/b.md"],
    );
    history.force_push("acme/shop", "main", "example-ana", at("2026-03-06T12:00:00Z"));
    history.recreate("acme/shop", "main", "example-ana", at("2026-03-07T10:00:00Z"));
    history
}

struct Bed {
    server: GithubServer,
    clock: Arc<ManualClock>,
    _secret: tempfile::NamedTempFile,
    settings: Value,
}

struct Outcome {
    result: Result<Population, CollectError>,
    exchanges: Vec<Exchange>,
    as_of: DateTime<Utc>,
}

impl Bed {
    async fn of(history: GithubHistory) -> Self {
        let clock = Arc::new(ManualClock::at(week().end));
        let server = GithubServer::start(history, clock.clone()).await.unwrap();
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        writeln!(secret, "ghp_sampletokenforthetests0000000000000000").unwrap();
        let settings = json!({
            "api_url": server.url(),
            "credentials": { "token": { "file": secret.path() } },
            "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
        });
        Self { server, clock, _secret: secret, settings }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.settings[key] = value;
        self
    }

    fn collector(&self) -> Box<dyn Collector> {
        (evidenced_collectors::kind("github_changes").unwrap().build)(&self.settings).unwrap()
    }

    async fn run(&self, task: &Task) -> Outcome {
        let door = Door::live(self.clock.clone(), Limits { attempts_max: 1, ..Limits::default() });
        let as_of = door.as_of();
        let result = self.collector().collect(&door, task).await;
        Outcome { result, exchanges: door.take_exchanges(), as_of }
    }

    async fn first(&self) -> Outcome {
        self.run(&Task { window: week(), carry: None }).await
    }
}

impl Outcome {
    fn whole(&self) -> &Population {
        self.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:?}", error.unread()))
    }

    fn changes(&self) -> &[Change] {
        let items = match &self.result {
            Ok(population) => population.items(),
            Err(CollectError::Incomplete(partial)) => &partial.items,
            Err(error) => panic!("{error}"),
        };
        let Items::Changes(changes) = items else { panic!("other items") };
        changes
    }

    fn change(&self, id_starts: &str) -> &Change {
        let found = self.changes().iter().find(|change| change.id.starts_with(id_starts));
        found.unwrap_or_else(|| panic!("no {id_starts} in {:#?}", self.changes()))
    }

    /// Why it is not whole, all reasons in one text.
    fn incomplete(&self) -> String {
        match &self.result {
            Err(CollectError::Incomplete(partial)) => {
                assert!(!partial.unread.is_empty());
                partial.unread.iter().map(|u| format!("{}: {} {:?}\n", u.what, u.why, u.permission)).collect()
            }
            other => panic!("not incomplete: {other:?}"),
        }
    }
}

fn found(change: &Change) -> &evidenced_collectors::contract::PullRequest {
    let Lookup::Found(pull) = &change.pull_request else { panic!("no pull request: {change:#?}") };
    pull
}

#[tokio::test]
async fn every_kind_of_landing_becomes_the_changes_it_is() {
    let bed = Bed::of(every_landing()).await;
    let outcome = bed.first().await;
    outcome.whole();
    let kinds: Vec<(String, LandingKind)> =
        outcome.changes().iter().map(|c| (c.id.split('@').next().unwrap().to_owned(), c.landing.kind)).collect();
    use LandingKind::{ForcePush, MergeQueueMerge, PrMerge, Push};
    let expected = [
        ("acme/shop#1", PrMerge),
        ("acme/shop#2", PrMerge),
        ("acme/shop#3", PrMerge),
        ("acme/shop#4", PrMerge),
        ("acme/shop#5", MergeQueueMerge),
        ("acme/shop#6", MergeQueueMerge),
        ("acme/shop#7", MergeQueueMerge),
        ("acme/shop#8", PrMerge),
        ("acme/shop#9", PrMerge),
        ("acme/shop#10", Push),
        ("acme/shop", Push),
        ("acme/shop", ForcePush),
        ("acme/shop", ForcePush),
    ];
    let mut kinds = kinds;
    kinds.sort_by_key(|(id, _)| id.split('#').nth(1).map_or(u64::MAX, |n| n.parse().unwrap()));
    assert_eq!(kinds, expected.map(|(id, kind)| (id.to_owned(), kind)));
    let ipe = outcome.whole().ipe();
    assert_eq!(ipe.identity, ["example-auditor"]);
    assert_eq!(ipe.reconciliations.len(), 1);
    assert_eq!((ipe.reconciliations[0].held, ipe.reconciliations[0].stated), (10, 10));
    assert!(ipe.limitations.iter().any(|l| l.contains("code owners")));
}

#[tokio::test]
async fn a_pull_request_keeps_what_is_needed_to_rebuild_its_merge() {
    let bed = Bed::of(every_landing()).await;
    let outcome = bed.first().await;
    let squash = found(outcome.change("acme/shop#2@"));
    assert_eq!(squash.reviews.len(), 1);
    let (reviewed, head) = (squash.reviews[0].commit.clone().unwrap(), squash.head.clone());
    assert_eq!(squash.commits.iter().map(|c| c.oid.clone()).collect::<Vec<_>>(), [reviewed, head]);
    assert_eq!(squash.commits[0].pushed_by.as_deref(), Some("example-ana"));
    assert_eq!(squash.commits[1].pushed_by.as_deref(), Some("example-ben"));
    assert_eq!(squash.commits[1].pushed_at, Some(at("2026-03-02T11:30:00Z")));
    assert_eq!(squash.rule, RuleOutcome::Pass);

    let rebase = found(outcome.change("acme/shop#3@"));
    assert_eq!(rebase.commits.len(), 3);
    let may_write: Vec<_> = rebase.reviews.iter().map(|r| r.can_push).collect();
    assert_eq!(may_write, [Some(true), Some(false)]);

    let dismissed = found(outcome.change("acme/shop#4@"));
    assert_eq!((dismissed.reviews[0].state, &dismissed.reviews[0].author), (ReviewState::Dismissed, &None));
    assert_eq!(dismissed.dismissals[0].review, dismissed.reviews[0].id);
    assert_eq!(dismissed.dismissals[0].was, ReviewState::Approved);
    assert_eq!(dismissed.rule, RuleOutcome::Bypass);

    let queued = outcome.change("acme/shop#5@");
    assert_eq!(queued.landing.actor.as_ref().unwrap().login, "example-ana");

    let updated = found(outcome.change("acme/shop#8@"));
    assert_eq!(updated.commits.iter().map(|c| c.changes_content).collect::<Vec<_>>(), [true, false]);

    let fork = found(outcome.change("acme/shop#9@"));
    assert_eq!(fork.commits[0].pushed_by, None);
    assert_eq!(fork.base_changed_at, Some(at("2026-03-05T11:30:00Z")));
    assert_eq!(fork.reviews[0].state, ReviewState::ChangesRequested);

    let direct = outcome.changes().iter().find(|c| c.landing.kind == LandingKind::Push && c.paths.is_some()).unwrap();
    assert_eq!(direct.pull_request, Lookup::None);
    assert_eq!(direct.paths.as_deref().unwrap(), ["docs/a.md", "docs/b.md"]);
    assert_eq!(direct.landing.actor.as_ref().unwrap().login, "example-bot[bot]");
}

#[tokio::test]
async fn a_merge_into_another_branch_that_reaches_production_keeps_its_own_base() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.repository("acme/shop", "develop");
    let develop = PullRequestSpec { base: "develop".to_owned(), ..pull(1, "2026-03-02T10:00:00Z") };
    history.merge(develop.approved_by("example-ben"));
    history.fast_forward("acme/shop", ("main", "develop"), "example-ana", at("2026-03-02T12:00:00Z"));
    let bed = Bed::of(history).await;
    let outcome = bed.first().await;
    outcome.whole();
    assert_eq!(found(outcome.change("acme/shop#1@")).base, "develop");
    assert_eq!(outcome.change("acme/shop#1@").branch, "main");
}

#[tokio::test]
async fn a_replay_gives_the_same_population_and_asks_for_nothing_else() {
    let bed = Bed::of(every_landing()).await;
    let live = bed.first().await;
    let task = Task { window: week(), carry: None };
    let limits = Limits { attempts_max: 1, ..Limits::default() };
    let replay = Door::replay(live.exchanges.clone(), live.as_of, limits);
    let before = bed.server.requests().len();
    let again = bed.collector().collect(&replay, &task).await.unwrap();
    assert_eq!(&again, live.whole());
    assert!(replay.unasked().is_empty());
    assert_eq!(bed.server.requests().len(), before);
}

#[tokio::test]
async fn neither_source_text_nor_addresses_nor_the_token_are_kept() {
    let bed = Bed::of(every_landing()).await;
    let outcome = bed.first().await;
    let compared = outcome.exchanges.iter().filter(|e| e.head.request.url.contains("/compare/")).count();
    assert!(compared > 0);
    for exchange in &outcome.exchanges {
        let text =
            format!("{} {}", serde_json::to_string(&exchange.head).unwrap(), String::from_utf8_lossy(&exchange.body));
        for secret in ["ghp_sampletoken", "people.example", "let sample"] {
            assert!(!text.contains(secret), "{secret} in {}", exchange.head.request.url);
        }
    }
}

/// Runs the exchanges through `tests/schema/check.mjs`: success and what it says.
fn hold_to_schemas(exchanges: &[Exchange]) -> (bool, String) {
    support::component("tests/schema/node_modules/graphql/package.json");
    let mut child = Command::new(support::program("node"))
        .arg(support::component("tests/schema/check.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = String::new();
    for exchange in exchanges {
        let request = &exchange.head.request;
        let body = match &request.body {
            RequestBody::Empty => "",
            RequestBody::Text(text) => text,
            RequestBody::Base64(_) => panic!("a request that is not text"),
        };
        let line = json!({
            "request": { "method": request.method, "url": request.url, "body": body },
            "status": exchange.head.response.as_ref().unwrap().status,
            "body": String::from_utf8_lossy(&exchange.body),
        });
        lines.push_str(&format!("{line}\n"));
    }
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[tokio::test]
async fn every_exchange_is_as_github_publishes_it_and_a_spoiled_one_is_not() {
    let mut history = every_landing();
    // Lists longer than a page, so that follow-up documents are held to the schema too.
    let mut long = PullRequestSpec { commits: 70, ..pull(11, "2026-03-08T10:00:00Z") };
    for minute in 0..35 {
        long = long.reviewed("example-ben", at("2026-03-08T09:00:00Z") + Duration::minutes(minute), "COMMENTED");
    }
    history.merge(long);
    let bed = Bed::of(history).await;
    let outcome = bed.first().await;
    let read = found(outcome.change("acme/shop#11@"));
    assert_eq!((read.commits.len(), read.reviews.len()), (70, 35));
    let mut exchanges = outcome.exchanges.clone();
    exchanges.extend(bed.run(&Task { window: week(), carry: outcome.whole().carry().cloned() }).await.exchanges);
    let (held, said) = hold_to_schemas(&exchanges);
    assert!(held, "{said}");
    assert_eq!(said.trim(), format!("{} exchanges held to GitHub's published schemas", exchanges.len()));
    let spoils = [
        ("/graphql", "\"merged\":true", "\"merged\":\"yes\""),
        ("/graphql", "\"oid\"", "\"old\""),
        ("/activity", "\"pr_merge\"", "\"pr_teleport\""),
        ("/compare/", "\"total_commits\"", "\"commits_total\""),
    ];
    for (holds, find, put) in spoils {
        let holds =
            |e: &&Exchange| e.head.request.url.contains(holds) && String::from_utf8_lossy(&e.body).contains(find);
        let mut spoiled = exchanges.iter().find(holds).unwrap().clone();
        spoiled.body = String::from_utf8_lossy(&spoiled.body).replacen(find, put, 1).into();
        let (held, said) = hold_to_schemas(&[spoiled]);
        assert!(!held, "{find} became {put}, and the check said {said}");
    }
}

#[tokio::test]
async fn a_thousand_merges_cost_at_most_sixty_requests_and_a_quiet_repository_one() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let start = week().start + Duration::hours(3);
    for number in 1..=1_000_u64 {
        let merged_at = start + Duration::minutes(9 * i64::try_from(number).unwrap());
        let spec = PullRequestSpec::new("acme/shop", number, "example-ana", merged_at).approved_by("example-ben");
        history.merge(if number % 2 == 0 { spec.pushed_after_approval("example-ana") } else { spec });
    }
    let bed = Bed::of(history).await;
    let outcome = bed.first().await;
    assert_eq!(outcome.changes().len(), 1_000);
    let requests = bed.server.requests().len();
    assert!(requests <= 60, "{requests} requests for a thousand merges");
    // The second run asks for the whole log for the first time; from the third on its ETag is known.
    let mut carry = outcome.whole().carry().cloned();
    let mut start = week().end;
    let mut last = 0;
    for _ in 0..3 {
        let window = Window { start, end: start + Duration::hours(2) };
        bed.clock.set(window.end);
        let before = bed.server.requests().len();
        let run = bed.run(&Task { window, carry }).await;
        assert!(run.changes().is_empty());
        last = bed.server.requests().len() - before;
        carry = run.whole().carry().cloned();
        start = window.end;
    }
    assert_eq!(last, 1);
}

#[tokio::test]
async fn nothing_new_is_one_conditional_request_and_news_after_it_are_found() {
    let mut history = every_landing();
    let later = pull(20, "2026-03-09T05:30:00Z").approved_by("example-ben");
    let opened_before = PullRequestSpec { opened_at: at("2026-03-08T20:00:00Z"), ..later };
    history.merge(opened_before);
    let bed = Bed::of(history).await;
    let mut carry = bed.first().await.whole().carry().cloned();
    let mut counts = Vec::new();
    let mut last = Vec::new();
    for hour in (2..=8).step_by(2) {
        let window = Window { start: week().end + Duration::hours(hour - 2), end: week().end + Duration::hours(hour) };
        bed.clock.set(window.end);
        let before = bed.server.requests().len();
        let run = bed.run(&Task { window, carry }).await;
        counts.push((bed.server.requests().len() - before, run.changes().len()));
        last.extend(run.changes().iter().cloned());
        if counts.last() == Some(&(1, 0)) {
            assert!(serde_json::to_string(run.whole().whole()).unwrap().contains("unchanged"));
            assert_eq!(run.exchanges[0].head.response.as_ref().unwrap().status, 304);
        }
        carry = run.whole().carry().cloned();
    }
    assert_eq!(counts[1], (1, 0));
    assert_eq!(counts.iter().map(|(_, changes)| changes).sum::<usize>(), 1);
    // Its head was pushed two runs before it landed.
    assert_eq!(found(&last[0]).commits[0].pushed_by.as_deref(), Some("example-ana"));
}

#[tokio::test]
async fn windows_join_without_a_hole_and_without_an_overlap() {
    let bed = Bed::of(every_landing()).await;
    let all: Vec<String> = bed.first().await.changes().iter().map(|c| c.id.clone()).collect();
    let (mut carry, mut seen) = (None, Vec::new());
    for day in 0..7 {
        let start = week().start + Duration::days(day);
        let window = Window { start, end: start + Duration::days(1) };
        // Runs are late, and the log already knows more than the window holds.
        bed.clock.set(window.end + Duration::hours(11));
        let run = bed.run(&Task { window, carry }).await;
        seen.extend(run.changes().iter().map(|c| c.id.clone()));
        carry = run.whole().carry().cloned();
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_lost_update_of_the_branch_is_incomplete() {
    let mut history = every_landing();
    let id = history.merge(pull(12, "2026-03-08T10:00:00Z"));
    history.merge(pull(13, "2026-03-08T14:00:00Z"));
    history.drop_row(id);
    let outcome = Bed::of(history).await.first().await;
    assert!(outcome.incomplete().contains("the last known state is"), "{}", outcome.incomplete());
}

#[tokio::test]
async fn a_lost_newest_update_is_incomplete() {
    let mut history = every_landing();
    let id = history.merge(pull(12, "2026-03-08T10:00:00Z"));
    history.drop_row(id);
    let outcome = Bed::of(history).await.first().await;
    assert!(outcome.incomplete().contains("but the present state is"), "{}", outcome.incomplete());
}

#[tokio::test]
async fn one_refused_repository_names_the_permission_and_the_others_are_read() {
    let mut history = every_landing();
    history.repository("acme/vault", "main");
    history.refuse("acme/vault", week().start, week().end + Duration::days(1), 403);
    let bed = Bed::of(history).await.with(
        "repositories",
        json!([{ "name": "acme/vault", "branches": ["main"] }, { "name": "acme/shop", "branches": ["main"] }]),
    );
    let outcome = bed.first().await;
    assert_eq!(outcome.changes().len(), 13);
    let why = outcome.incomplete();
    assert!(why.contains("acme/vault") && why.contains("Contents: read"), "{why}");
}

#[tokio::test]
async fn a_hidden_repository_is_incomplete() {
    let bed =
        Bed::of(every_landing()).await.with("repositories", json!([{ "name": "acme/none", "branches": ["main"] }]));
    let why = bed.first().await.incomplete();
    assert!(why.contains("acme/none") && why.contains("Contents: read"), "{why}");
}

#[tokio::test]
async fn a_branch_that_never_was_is_incomplete() {
    let bed =
        Bed::of(every_landing()).await.with("repositories", json!([{ "name": "acme/shop", "branches": ["mian"] }]));
    assert!(bed.first().await.incomplete().contains("no such branch"));
}

#[tokio::test]
async fn rule_suites_that_may_not_be_read_are_incomplete_unless_left_out() {
    let mut history = every_landing();
    history.refuse("rule-suites", week().start, week().end + Duration::days(1), 404);
    let bed = Bed::of(history).await;
    assert!(bed.first().await.incomplete().contains("Administration: read"));
    let bed = bed.with("rule_suites", json!(false));
    let outcome = bed.first().await;
    assert_eq!(found(outcome.change("acme/shop#4@")).rule, RuleOutcome::NotRead);
    assert!(outcome.whole().ipe().limitations.iter().any(|l| l.contains("rule_suites = false")));
}

#[tokio::test]
async fn answers_that_do_not_add_up_are_never_whole() {
    let cases = [
        ("search(", "\"issueCount\":10", "\"issueCount\":11", "GitHub's search states 11"),
        ("/activity", "\"pr_merge\"", "\"pr_teleport\"", "unknown variant"),
        ("/activity", "\"type\":\"User\"", "\"type\":\"Robot\"", "unknown variant"),
        ("/activity", "}]", "}", "answer not understood"),
        ("landed", "\"totalCount\":3", "\"totalCount\":4", "of 4 items"),
        ("landed", "\"state\":\"APPROVED\"", "\"state\":\"BLESSED\"", "unknown variant"),
        ("landed", "\"mergedAt\"", "\"mergedOn\"", "missing field"),
        ("/compare/", "\"total_commits\":1", "\"total_commits\":2", "1 commits listed, 2 stated"),
        ("/rule-suites", "\"result\":\"bypass\"", "\"result\":\"shrug\"", "not one that was asked for"),
    ];
    for (holds, find, put, reason) in cases {
        let mut history = every_landing();
        history.replace(holds, find, put);
        let why = Bed::of(history).await.first().await.incomplete();
        assert!(why.contains(reason), "{find} became {put}: {why}");
    }
}

#[tokio::test]
async fn a_failed_lookup_of_one_commit_fails_that_change_and_keeps_the_others() {
    let mut history = every_landing();
    history.replace("landed", "\"state\":\"CHANGES_REQUESTED\"", "\"state\":\"UNHEARD_OF\"");
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(outcome.changes().len(), 13);
    let failed = outcome.changes().iter().filter(|c| matches!(c.pull_request, Lookup::Failed(_))).count();
    assert_eq!(failed, 1);
    outcome.incomplete();
}

#[tokio::test]
async fn graphql_that_github_gives_up_on_is_asked_again_in_halves() {
    let mut history = every_landing();
    // Documents with a fifth commit are too much.
    history.refuse(" c4:object", week().start, week().end + Duration::days(1), 502);
    let bed = Bed::of(history).await;
    assert_eq!(bed.first().await.whole().items().len(), 13);
}

#[tokio::test]
async fn a_bad_token_is_told_apart_from_a_missing_permission() {
    let mut history = every_landing();
    history.refuse("acme", week().start, week().end + Duration::days(1), 401);
    let outcome = Bed::of(history).await.first().await;
    assert!(matches!(outcome.result, Err(CollectError::Unauthenticated { .. })), "{:?}", outcome.result);
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_key() {
    let build = evidenced_collectors::kind("github_changes").unwrap().build;
    let with = |key: &str, value: Value| {
        let mut settings = json!({
            "credentials": { "token": { "env": "SAMPLE" } },
            "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
        });
        settings[key] = value;
        build(&settings).err().map(|error| error.message)
    };
    assert_eq!(with("batch", json!(50)), None);
    let shop = json!({ "name": "acme/shop", "branches": ["main"] });
    for (key, value) in [
        ("batch", json!(0)),
        ("batch", json!(101)),
        ("repositories", json!([])),
        ("repositories", json!([shop, shop])),
        ("repositories", json!([{ "name": "shop", "branches": ["main"] }])),
        ("repositories", json!([{ "name": "acme/shop", "branches": [] }])),
        ("repositories", json!([{ "name": "acme/../x", "branches": ["main"] }])),
        ("api_url", json!("ftp://example")),
        ("lookback", json!(3)),
    ] {
        assert!(with(key, value.clone()).is_some_and(|m| m.contains(key)), "{key} = {value}");
    }
}
