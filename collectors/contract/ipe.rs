//! Information produced by the entity: where a population comes from and how it was asked for.

use super::Unread;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How far the clocks of a source and of this machine may be apart.
pub const CLOCK_SKEW_MAX: TimeDelta = TimeDelta::minutes(5);

/// The block that an auditor reads before trusting a listing. Filled by the door and the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ipe {
    /// `GitHub`, `AWS IAM`, `restic and borg logs`.
    pub source: String,
    /// Hosts (or `file` paths) that answered.
    pub hosts: Vec<String>,
    /// The version of the interface, as asked for or as answered.
    pub api_version: Option<String>,
    /// Who asked, as the source names it (`sts:GetCallerIdentity`, the token's login or app).
    pub identity: Vec<String>,
    /// What the identity may do, where the source says so (`x-oauth-scopes`).
    pub scopes: Vec<String>,
    /// The state described is the one of this instant (a report's own time), oldest if several.
    pub as_of: DateTime<Utc>,
    /// When we asked.
    pub collected_at: DateTime<Utc>,
    /// Source clock minus ours in milliseconds, from `Date` headers: the largest seen by size.
    pub clock_skew_ms: Option<i64>,
    /// Requests made, by what they asked for. The exchanges hold each in full.
    pub requests: Vec<RequestSummary>,
    /// What the configuration says is in scope.
    pub scope_claimed: Vec<String>,
    /// What was found and read.
    pub scope_found: Vec<String>,
    /// What was left out on purpose, and why.
    pub filters: Vec<String>,
    /// Known limits of this reading that are no fault of the run.
    pub limitations: Vec<String>,
    /// Totals compared with a second source.
    pub reconciliations: Vec<Reconciliation>,
}

impl Ipe {
    /// What there is to say of clocks that are further apart than they may be.
    pub(super) fn skewed(&self) -> Option<Unread> {
        let skew = TimeDelta::milliseconds(self.clock_skew_ms?);
        let how = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
        (skew.abs() > CLOCK_SKEW_MAX).then(|| Unread {
            what: "the time".to_owned(),
            why: format!(
                "the clock of {} is {} s {how} ours, and more than {} s puts every date in doubt",
                self.source,
                skew.abs().num_seconds(),
                CLOCK_SKEW_MAX.num_seconds()
            ),
            permission: None,
            hint: Some("synchronise this machine's clock (chrony, systemd-timesyncd), and collect again".to_owned()),
        })
    }
}

/// How often one kind of request was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSummary {
    /// `GET /repos/{owner}/{repo}/activity`, `iam:ListUsers`, `READ`.
    pub request: String,
    /// How many exchanges, retries included.
    pub count: u32,
}

/// One comparison of two totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconciliation {
    /// What was compared: `users in the credential report`.
    pub what: String,
    /// Against what: `iam:ListUsers`.
    pub against: String,
    /// Ours.
    pub held: u64,
    /// The other.
    pub stated: u64,
}
