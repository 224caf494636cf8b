//! The activity log: every update of every ref of a repository, newest first, page by page.

use crate::contract::{Actor, ActorKind, CollectError, Remembers};
use crate::sources::github::client::{CONTENTS, Client, malformed, stated};
use chrono::{DateTime, Duration, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What stands for no commit.
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

/// How far back the log can be asked for.
pub(super) const MEMORY: Remembers = Remembers {
    what: "GitHub's activity log: updates of branches",
    days: 365,
    documented: "https://docs.github.com/en/rest/repos/repos#list-repository-activities (time_period)",
};

/// One update of one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub id: u64,
    pub before: String,
    pub after: String,
    #[serde(rename = "ref")]
    pub reference: String,
    pub timestamp: DateTime<Utc>,
    pub activity_type: Activity,
    #[serde(deserialize_with = "stated")]
    pub actor: Option<Account>,
}

/// Kinds of update; another one is an answer that we do not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activity {
    Push,
    ForcePush,
    BranchCreation,
    BranchDeletion,
    PrMerge,
    MergeQueueMerge,
}

/// An account as the API types it: `type` in REST, `__typename` in GraphQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub login: String,
    #[serde(rename = "type", alias = "__typename")]
    pub kind: AccountKind,
}

/// Types of account; another one is an answer that we do not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AccountKind {
    User,
    Bot,
    Mannequin,
    Organization,
    EnterpriseUserAccount,
}

/// What apps are, by configuration: their names, without `[bot]`.
#[derive(Clone, Copy)]
pub(super) struct Apps<'a> {
    /// AI agents that somebody starts.
    pub agents: &'a [String],
    /// Those that nobody starts.
    pub automation: &'a [String],
}

impl Account {
    /// As `actor`, but the apps that are listed as agents are agents.
    pub(super) fn actor_among(&self, apps: Apps<'_>) -> Actor {
        let actor = self.actor();
        let listed = actor.kind == ActorKind::Bot && names(apps.agents, &actor);
        Actor { kind: if listed { ActorKind::Agent } else { actor.kind }, ..actor }
    }

    /// As `actor_among`, of somebody who wrote something: an app of which the configuration does not say that it
    /// is automation may be an agent.
    pub(super) fn author_among(&self, apps: Apps<'_>) -> Actor {
        let actor = self.actor_among(apps);
        let unlisted = actor.kind == ActorKind::Bot && !names(apps.automation, &actor);
        Actor { kind: if unlisted { ActorKind::Unknown } else { actor.kind }, ..actor }
    }

    pub(super) fn actor(&self) -> Actor {
        let kind = match self.kind {
            AccountKind::User => ActorKind::User,
            AccountKind::Bot => ActorKind::Bot,
            AccountKind::Mannequin | AccountKind::Organization | AccountKind::EnterpriseUserAccount => {
                ActorKind::Unknown
            }
        };
        // REST and the web call an app's account `name[bot]`, GraphQL `name`: one account, one name.
        let bare = kind == ActorKind::Bot && !self.login.ends_with("[bot]");
        let login = if bare { format!("{}[bot]", self.login) } else { self.login.clone() };
        Actor { login, kind }
    }
}

fn names(apps: &[String], actor: &Actor) -> bool {
    actor.login.strip_suffix("[bot]").is_some_and(|app| apps.iter().any(|listed| listed.eq_ignore_ascii_case(app)))
}

/// What the log says.
pub(super) enum Log {
    /// `304`: the same as last time.
    Unchanged,
    /// Updates, newest first, down to the instant asked for.
    Rows(Rows),
}

/// Updates, newest first.
pub(super) struct Rows {
    pub rows: Vec<Row>,
    /// Pages read.
    pub pages: u32,
    /// Of the first page.
    pub etag: Option<String>,
}

/// The smallest `time_period` that surely reaches back to `since`, an hour allowed for clocks.
pub(super) fn time_period(
    repository: &str,
    as_of: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<&'static str, CollectError> {
    let age = as_of - since + Duration::hours(1);
    let periods = [("day", 1), ("week", 7), ("month", 28), ("quarter", 89), ("year", i64::from(MEMORY.days))];
    periods.iter().find(|(_, days)| age <= Duration::days(*days)).map(|(name, _)| *name).ok_or_else(|| {
        let second = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        CollectError::Forgotten {
            what: format!("repository {repository}: updates since {}", second(since)),
            why: format!(
                "GitHub tells of the updates of a year, so not of those before {}",
                second(as_of - Duration::days(MEMORY.days.into()))
            ),
        }
    })
}

/// Reads the log until a row for which `enough` holds. With an `etag`, the first page may answer `304`.
///
/// Without a `period` the log is asked for as a whole, and its first page changes only with news; with one it
/// also changes when rows grow too old. Only what is linked to a known state may be read without: GitHub
/// does not document how far back that goes.
pub(super) async fn read(
    client: &Client,
    repository: &str,
    period: Option<&str>,
    etag: Option<&str>,
    enough: impl Fn(&Row) -> bool,
) -> Result<Log, CollectError> {
    let what = format!("repository {repository}: activity log");
    let period = period.map_or_else(String::new, |period| format!("&time_period={period}"));
    let path = format!("/repos/{repository}/activity?per_page=100{period}");
    let first = client.get(&what, &path, etag).await?;
    if first.status == StatusCode::NOT_MODIFIED && etag.is_some() {
        return Ok(Log::Unchanged);
    }
    let etag = first.headers.get(http::header::ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let last = |rows: &[Row]| rows.iter().rev().take(100).any(&enough);
    let (rows, pages) = client.pages(&what, (&path, first), CONTENTS, last).await?;
    check(&what, &rows)?;
    Ok(Log::Rows(Rows { rows, pages, etag }))
}

fn check(what: &str, rows: &[Row]) -> Result<(), CollectError> {
    let commit = |s: &str| s.len() == 40 && s.bytes().all(|b| b.is_ascii_hexdigit());
    let mut ids = BTreeSet::new();
    for row in rows {
        if !commit(&row.before) || !commit(&row.after) {
            return Err(malformed(what, format!("update {} has a commit that is none", row.id)));
        }
        if !ids.insert(row.id) {
            return Err(malformed(what, format!("update {} is listed twice", row.id)));
        }
    }
    match rows.iter().zip(rows.iter().skip(1)).find(|(newer, older)| newer.timestamp < older.timestamp) {
        Some((_, row)) => Err(malformed(what, format!("update {} is newer than the one listed before it", row.id))),
        None => Ok(()),
    }
}
