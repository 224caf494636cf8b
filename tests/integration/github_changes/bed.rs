//! The sample history that holds every kind of landing, a run against it, and the check of its wire form.

use crate::support::{self, replay::Ran};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{GithubHistory, GithubServer, Method, PullRequestSpec};
use evidenced::judge::{self, Reading, Test};
use evidenced_collectors::contract::clock::ManualClock;
use evidenced_collectors::contract::{
    Change, CollectError, Collector, Items, Lookup, Population, PullRequest, Task, Window,
};
use evidenced_collectors::door::{Door, Exchange, Limits, Network, RequestBody};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The sample week; runs look at it from its end.
pub(crate) fn week() -> Window {
    Window { start: at("2026-03-02T00:00:00Z"), end: at("2026-03-09T00:00:00Z") }
}

pub(crate) fn pull(number: u64, merged_at: &str) -> PullRequestSpec {
    PullRequestSpec::new("acme/shop", number, "example-ana", at(merged_at))
}

/// One landing of every kind.
pub(crate) fn every_landing() -> GithubHistory {
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

pub(crate) struct Bed {
    pub(crate) history: GithubHistory,
    pub(crate) server: GithubServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) _secret: tempfile::NamedTempFile,
    pub(crate) settings: Value,
    kind: &'static str,
}

pub(crate) struct Outcome {
    pub(crate) result: Result<Population, CollectError>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) as_of: DateTime<Utc>,
}

impl Bed {
    pub(crate) async fn of(history: GithubHistory) -> Self {
        let clock = Arc::new(ManualClock::at(week().end));
        let server = GithubServer::start(history.clone(), clock.clone()).await.unwrap();
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        writeln!(secret, "ghp_sampletokenforthetests0000000000000000").unwrap();
        let settings = json!({
            "api_url": server.url(),
            "credentials": { "token": { "file": secret.path() } },
            "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
        });
        Self { history, server, clock, _secret: secret, settings, kind: "github_changes" }
    }

    /// The same source for another kind.
    pub(crate) fn for_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.settings[key] = value;
        self
    }

    pub(crate) fn collector(&self) -> Box<dyn Collector> {
        (evidenced_collectors::kind(self.kind).unwrap().build)(&self.settings).unwrap()
    }

    /// One run, and its replay, which must come to the same.
    pub(crate) async fn run(&self, task: &Task) -> Outcome {
        let limits = Limits { attempts_max: 1, ..Limits::default() };
        let door = Door::live(&Network::new(), self.clock.clone(), limits);
        let (as_of, collector) = (door.as_of(), self.collector());
        let result = collector.collect(&door, task).await;
        let exchanges = door.take_exchanges();
        support::permissions::declared(self.kind, &exchanges);
        let ran = Ran { limits, task, as_of, exchanges: &exchanges, result: &result };
        ran.is_the_same_on_replay(collector.as_ref()).await;
        Outcome { result, exchanges, as_of }
    }

    pub(crate) async fn first(&self) -> Outcome {
        self.run(&Task { window: week(), carry: None }).await
    }
}

impl Outcome {
    /// What the control says of one change, by default policy but for the keys given: outcome and reason.
    pub(crate) fn judged(&self, policy: &Value, id_starts: &str) -> (judge::Outcome, String) {
        let (collector, items) = ("changes".to_owned(), Some(self.whole().items().clone()));
        let reading = Reading { collector, as_of: self.as_of, items, unread: Vec::new() };
        let verdict = judge::judge(&Test::parse("change_review", policy).unwrap(), &[reading], &[], self.as_of);
        let judgement = verdict.judgements.iter().find(|judgement| judgement.item.starts_with(id_starts)).unwrap();
        (judgement.outcome, judgement.reason.clone())
    }

    /// The reason alone, by default policy.
    pub(crate) fn reason(&self, id_starts: &str) -> String {
        self.judged(&json!({}), id_starts).1
    }

    /// How many requests went to addresses that hold the text.
    pub(crate) fn asked(&self, holds: &str) -> usize {
        self.exchanges.iter().filter(|exchange| exchange.head.request.url.contains(holds)).count()
    }

    /// Whether a limitation says so.
    pub(crate) fn states(&self, holds: &str) -> bool {
        self.whole().ipe().limitations.iter().any(|limitation| limitation.contains(holds))
    }

    pub(crate) fn whole(&self) -> &Population {
        self.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:?}", error.unread()))
    }

    pub(crate) fn changes(&self) -> &[Change] {
        let items = match &self.result {
            Ok(population) => population.items(),
            Err(CollectError::Incomplete(partial)) => &partial.items,
            Err(error) => panic!("{error}"),
        };
        let Items::Changes(changes) = items else { panic!("other items") };
        changes
    }

    pub(crate) fn change(&self, id_starts: &str) -> &Change {
        let found = self.changes().iter().find(|change| change.id.starts_with(id_starts));
        found.unwrap_or_else(|| panic!("no {id_starts} in {:#?}", self.changes()))
    }

    /// Why it is not whole, all reasons in one text.
    pub(crate) fn incomplete(&self) -> String {
        match &self.result {
            Err(CollectError::Incomplete(partial)) => {
                assert!(!partial.unread.is_empty());
                partial
                    .unread
                    .iter()
                    .map(|u| format!("{}: {} {:?} {:?}\n", u.what, u.why, u.permission, u.hint))
                    .collect()
            }
            other => panic!("not incomplete: {other:?}"),
        }
    }
}

pub(crate) fn found(change: &Change) -> &PullRequest {
    let Lookup::Found(pull) = &change.pull_request else { panic!("no pull request: {change:#?}") };
    pull
}

/// Runs the exchanges through `tests/schema/check.mjs`: success and what it says.
pub(crate) fn hold_to_schemas(exchanges: &[Exchange]) -> (bool, String) {
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
