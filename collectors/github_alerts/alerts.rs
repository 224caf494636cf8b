//! What is asked of one repository: the list of all its alerts, and, of GraphQL, whether it has alerts at all and
//! how many. An answer that says "none, nobody looks" is told from one that says "not for you".

use crate::contract::{Closing, CollectError, Finding, Rated, Reconciliation, Scanning, Severity, Whole};
use crate::contract::{Vulnerability, VulnerabilityDetail};
use crate::sources::github::client::{Answer, Client, malformed, stated};
use crate::sources::github::settings::same;
use crate::sources::github::{graphql, permissions};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What both questions need.
const PERMISSION: &str = permissions::DEPENDABOT_ALERTS.name;
/// How GitHub begins a refusal for a repository where nobody looks, and for one that is archived.
const OFF: &str = "Dependabot alerts are disabled";
const ARCHIVED: &str = "Dependabot alerts are not available for archived";
const QUESTION: &str = "query($owner:String!,$name:String!){viewer{login} rateLimit{cost remaining resetAt} \
    repository(owner:$owner,name:$name){databaseId nameWithOwner isArchived hasVulnerabilityAlertsEnabled \
    vulnerabilityAlerts(first:1){totalCount}}}";

/// What one repository answered.
pub(super) struct Read {
    /// GitHub's number for it.
    pub(super) id: u64,
    /// Who asked.
    pub(super) identity: String,
    pub(super) scanning: Scanning,
    /// Every alert there ever was, as it is now; one severity each.
    pub(super) alerts: Vec<Vulnerability>,
    /// Why that is all.
    pub(super) whole: Vec<Whole>,
    pub(super) total: Option<Reconciliation>,
}

/// Reads a repository. An error: nothing of it counts.
pub(super) async fn read(client: &Client, name: &str) -> Result<Read, CollectError> {
    let what = format!("repository {name}: Dependabot alerts");
    let path = format!("/repos/{name}/dependabot/alerts?sort=created&direction=asc&per_page=100");
    let first = client.get(&what, &path, None).await?;
    let refused = refusal(&first);
    let listed: Option<(Vec<Wire>, u32)> = match refused {
        Some(_) => None,
        None => Some(client.pages(&what, (&path, first), PERMISSION, |_| false).await?),
    };
    let said = said(client, name).await?;
    let scanning = refused.unwrap_or(Scanning::On);
    let agrees = match scanning {
        Scanning::Off => !said.enabled && !said.archived,
        Scanning::Archived => said.archived,
        _ => said.enabled,
    };
    if !agrees {
        let why = format!(
            "REST and GraphQL do not say the same: {scanning:?}, and enabled: {}, archived: {}",
            said.enabled, said.archived
        );
        return Err(malformed(&what, why));
    }
    let mut read =
        Read { id: said.id, identity: said.identity, scanning, alerts: Vec::new(), whole: Vec::new(), total: None };
    let Some((rows, pages)) = listed else {
        // Both sources have said so: there is no list.
        let told = format!("repository {name}: told to have no alerts");
        let both = Whole::total(told, 1, "GraphQL", 1).map_err(|unread| malformed(&unread.what, unread.why))?;
        read.whole.push(both.0);
        return Ok(read);
    };
    let mut numbers = BTreeSet::new();
    if let Some(twice) = rows.iter().find(|row| !numbers.insert(row.number)) {
        return Err(malformed(&what, format!("alert {} is listed twice", twice.number)));
    }
    read.whole.push(Whole::last_page(&what, pages));
    match Whole::total(&what, rows.len() as u64, "GraphQL's count of alerts", said.alerts) {
        Ok((whole, both)) => {
            read.whole.push(whole);
            read.total = Some(both);
        }
        // An alert that is raised between the two questions is there at the next run.
        Err(unread) => return Err(CollectError::Unavailable { what: unread.what, why: unread.why }),
    }
    for row in rows {
        let alert = format!("{what}, alert {}", row.number);
        read.alerts.push(row.into_item(name).map_err(|why| malformed(&alert, why))?);
    }
    Ok(read)
}

/// What a refusal of the first page says of the repository; none: nothing that counts as an answer.
fn refusal(answer: &Answer) -> Option<Scanning> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let Refusal { message } =
        (answer.status == StatusCode::FORBIDDEN).then(|| serde_json::from_slice(&answer.body).ok()).flatten()?;
    if message.starts_with(OFF) {
        Some(Scanning::Off)
    } else if message.starts_with(ARCHIVED) {
        Some(Scanning::Archived)
    } else {
        None
    }
}

/// What GraphQL says of a repository.
struct Said {
    identity: String,
    id: u64,
    archived: bool,
    enabled: bool,
    alerts: u64,
}

async fn said(client: &Client, name: &str) -> Result<Said, CollectError> {
    #[derive(Deserialize)]
    struct Login {
        login: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Repository {
        database_id: u64,
        name_with_owner: String,
        is_archived: bool,
        has_vulnerability_alerts_enabled: bool,
        vulnerability_alerts: Count,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Count {
        total_count: u64,
    }
    let what = format!("repository {name}: whether it has Dependabot alerts");
    let (owner, short) = name.split_once('/').unwrap_or((name, ""));
    let variables = json!({ "owner": owner, "name": short });
    let mut data: Map<String, Value> = graphql::whole_answer(client, &what, QUESTION, variables, PERMISSION).await?;
    let mut field = |name: &str| data.get_mut(name).map_or(Value::Null, Value::take);
    let wrong = |error: serde_json::Error| malformed(&what, error.to_string());
    let identity: Login = serde_json::from_value(field("viewer")).map_err(wrong)?;
    let repository: Repository = serde_json::from_value(field("repository")).map_err(wrong)?;
    if !same(&repository.name_with_owner, name) {
        return Err(malformed(&what, format!("the answer is about {}", repository.name_with_owner)));
    }
    Ok(Said {
        identity: identity.login,
        id: repository.database_id,
        archived: repository.is_archived,
        enabled: repository.has_vulnerability_alerts_enabled,
        alerts: repository.vulnerability_alerts.total_count,
    })
}

/// One alert as GitHub lists it.
#[derive(Deserialize)]
struct Wire {
    number: u64,
    state: State,
    dependency: Dependency,
    security_advisory: Advisory,
    security_vulnerability: Graded,
    html_url: String,
    created_at: DateTime<Utc>,
    #[serde(deserialize_with = "stated")]
    dismissed_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "stated")]
    dismissed_by: Option<User>,
    #[serde(deserialize_with = "stated")]
    dismissed_reason: Option<String>,
    #[serde(deserialize_with = "stated")]
    dismissed_comment: Option<String>,
    #[serde(deserialize_with = "stated")]
    fixed_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "stated")]
    auto_dismissed_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    Fixed,
    Dismissed,
    AutoDismissed,
}

#[derive(Deserialize)]
struct Dependency {
    package: Package,
    manifest_path: String,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Advisory {
    ghsa_id: String,
    severity: Severity,
}

/// The vulnerability of the advisory that the package has; it may be graver than the advisory as a whole.
#[derive(Deserialize)]
struct Graded {
    severity: Severity,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

impl Wire {
    fn into_item(self, repository: &str) -> Result<Vulnerability, String> {
        let closing = self.closing()?;
        let severity = self.security_advisory.severity.max(self.security_vulnerability.severity);
        let Package { ecosystem, name } = self.dependency.package;
        Ok(Vulnerability {
            id: format!("{repository}/dependabot/{}", self.number),
            place: repository.to_owned(),
            url: self.html_url,
            detail: VulnerabilityDetail::Finding(Finding {
                advisory: self.security_advisory.ghsa_id,
                package: format!("{ecosystem} {name}"),
                file: self.dependency.manifest_path,
                found_at: self.created_at,
                severities: vec![Rated { severity, since: self.created_at }],
                closing,
            }),
        })
    }

    /// The state with its own instant; other instants may be left over from before.
    fn closing(&self) -> Result<Option<Closing>, String> {
        let without = |field: &str| format!("its state has no {field}");
        Ok(match self.state {
            State::Open => match (self.fixed_at, self.dismissed_at) {
                (None, None) => None,
                _ => return Err("it is open, and has an end".to_owned()),
            },
            State::Fixed => Some(Closing::Fixed { at: self.fixed_at.ok_or_else(|| without("fixed_at"))? }),
            State::AutoDismissed => {
                Some(Closing::AutoDismissed { at: self.auto_dismissed_at.ok_or_else(|| without("auto_dismissed_at"))? })
            }
            // Whoever says that the mending has begun has not accepted it: it is there until it is mended.
            State::Dismissed if self.dismissed_reason.as_deref() == Some("fix_started") => None,
            State::Dismissed => Some(Closing::Dismissed {
                at: self.dismissed_at.ok_or_else(|| without("dismissed_at"))?,
                by: self.dismissed_by.as_ref().map(|user| user.login.clone()),
                reason: self.dismissed_reason.clone(),
                comment: self.dismissed_comment.clone(),
            }),
        })
    }
}
