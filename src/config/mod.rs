//! What the user writes: one TOML file, one doc comment per key. Here the top, collectors and controls; the other tables
//! have a file each. `load` reads and checks them, `changes` compares two, `span` is how durations are written.
//!
//! Unknown keys are refused with the nearest known one. Secrets are never written here, only where
//! to find them (`SecretRef`).

mod alerts;
mod anchors;
mod changes;
mod channels;
mod limits;
mod load;
mod scope;
mod span;

pub use crate::catalogue::Severity;
pub use crate::toml_file::ConfigError;
pub use alerts::{AlertsConfig, HeartbeatConfig, QuietConfig, RouteConfig};
pub use anchors::{AnchorConfig, Folder, GitBranch, Rfc3161, Witness};
pub use changes::{Change, changed, changes};
pub use channels::{
    ChannelConfig, Email, GithubIssue, MailCredentials, MailTls, Pagerduty, Slack, Stdout, StdoutFormat, Teams, Webhook,
};
pub use limits::{KEPT_AT_LEAST, LimitsConfig, RetentionConfig};
pub use load::{Loaded, LoadedCollector, load, parse};
pub(crate) use load::{SOCKET, dates_as_text};
pub(crate) use scope::is_of_security;
pub use scope::{
    AuditType, Method, NotApplicable, PeriodConfig, ScopeConfig, Subservice, TOLERABLE_PERCENT, UserControl,
    VendorReport,
};
pub use span::Span;

use crate::ledger::KeyPlaces;
use crate::ledger::record::canonical_json;
use crate::schedule::Frequency;
use evidenced_collectors::door::Limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose evidence this is, as it shall stand in bundles.
    pub organization: String,
    /// Name of the log, for ever: a host name of yours and a path, `acme.example/soc2`. Every signed
    /// checkpoint carries it.
    pub origin: String,
    /// Directory of the ledger and the keys; relative to this file. Made by `evidenced init`.
    pub state_dir: PathBuf,
    /// Where the secret keys are. Default: files in the state directory.
    #[serde(default, skip_serializing_if = "KeyPlaces::is_default")]
    pub keys: KeyPlaces,
    /// Files of criteria and controls of your own. Default: those that are built in.
    #[serde(default, skip_serializing_if = "CatalogueFiles::is_default")]
    pub catalogue: CatalogueFiles,
    /// How long a stopping daemon waits for runs to end before it records them as aborted. Default 25 s.
    #[serde(default = "stop_timeout")]
    pub stop_timeout: Span,
    /// What the daemon as a whole may use.
    #[serde(default, skip_serializing_if = "LimitsConfig::is_default")]
    pub limits: LimitsConfig,
    /// How long what was collected is kept.
    #[serde(default, skip_serializing_if = "RetentionConfig::is_default")]
    pub retention: RetentionConfig,
    /// What is collected, by name. The name stands in the ledger: keep it.
    #[serde(default)]
    pub collectors: BTreeMap<String, CollectorConfig>,
    /// What is tested, by the control's id in your own numbering.
    #[serde(default)]
    pub controls: BTreeMap<String, ControlConfig>,
    /// Who else holds the log's checkpoints, by name. The name stands in the ledger: keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchors: BTreeMap<String, AnchorConfig>,
    /// How people are told, by name. The name stands in the ledger: keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, ChannelConfig>,
    /// Which alerts go to which channels, and when. Without any, everything goes to every channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteConfig>,
    /// When somebody is told.
    #[serde(default, skip_serializing_if = "AlertsConfig::is_default")]
    pub alerts: AlertsConfig,
    /// A sign of life to an outside address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatConfig>,
    /// What the examination is of. Default: security, and the categories that the controls name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeConfig>,
}

/// Where the catalogue is. `evidenced config criteria` and `evidenced config controls` print what is built in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFiles {
    /// Criteria, as in `config/criteria.toml`; relative to this file. Default: the 61 of SOC 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub criteria: Option<PathBuf>,
    /// Controls, as in `config/controls.toml`; relative to this file. Default: a library of 88.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<PathBuf>,
}

impl CatalogueFiles {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One collector: an instance of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorConfig {
    /// Which kind: `github_changes`, `github_alerts`, `aws_iam`, `aws_logging`, `backup_restores`,
    /// `register`, `documents`.
    pub kind: String,
    /// When it is due: five fields of cron (minute hour day month weekday).
    pub schedule: String,
    /// Time zone of the schedule, a name of the tz database. Default `UTC`.
    #[serde(default = "utc")]
    pub timezone: String,
    /// What happens to runs that were due while the daemon was down. Default `latest`.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// How far back the very first run looks (kinds that read a window). Default `30d`.
    #[serde(default = "thirty_days")]
    pub first_window: Span,
    /// What one run may cost.
    #[serde(default)]
    pub limits: Limits,
    /// Settings of the kind; see the kind's own README. Default none.
    #[serde(default = "no_settings")]
    pub settings: serde_json::Value,
}

/// What to do about runs that were due while the daemon was down. Each slot gets a record either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Run once, for the latest of them; the others are recorded as missed.
    #[default]
    Latest,
    /// Run none; all are recorded as missed.
    None,
}

/// One control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    /// What the organisation does, in a few words.
    pub title: String,
    /// The criteria that it meets, `CC8.1`; each one of the catalogue.
    pub criteria: Vec<String>,
    /// Those of them that, as its owner says, it does not answer yet: each is a gap of design and not covered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub falls_short_of: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// How bad a deviation is.
    pub severity: Severity,
    /// The collectors that feed it.
    pub collectors: Vec<String>,
    /// The test: `change_review`, `mfa`, `restore_test`, `vulnerabilities`, `audit_logging`; of registers
    /// `access_grant`, `access_review`, `acknowledgement`, `asset_inventory`, `incident_response`, `leavers`,
    /// `risk_assessment`, `training`, `vendor_review`; of documents `documented`.
    pub test: String,
    /// Parameters of the test; what is left out has the documented default.
    #[serde(default = "empty_object")]
    pub policy: serde_json::Value,
    /// How often it operates: `continuous`, `daily`, `weekly`, `monthly`, `quarterly`, `annual` or `per_event`. Says
    /// when it is stale, and by which rule bundles say whether it was read often enough in their period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<Frequency>,
    /// After this long without complete evidence the control is stale. Default: what `frequency` says; one of the
    /// two must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_after: Option<Span>,
    /// How far back events count towards the present state (collectors that read a window). Default `30d`.
    #[serde(default = "thirty_days")]
    pub lookback: Span,
}

impl ControlConfig {
    /// After this long without complete evidence it is stale.
    pub fn stale_after(&self) -> Span {
        // `load` refuses a control that says neither; of a file that it did not see, nothing is fresh.
        self.stale_after.or(self.frequency.map(Frequency::stale_after)).unwrap_or(Span::seconds(1))
    }
}

impl Config {
    /// SHA-256 of its canonical JSON, hex: what the log names it by.
    pub fn sha256(&self) -> Result<String, serde_json::Error> {
        Ok(hex::encode(Sha256::digest(canonical_json(self)?)))
    }
}

impl Severity {
    /// As it is written in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

fn stop_timeout() -> Span {
    Span::seconds(25)
}

fn no_settings() -> serde_json::Value {
    serde_json::json!({})
}

fn thirty_days() -> Span {
    Span::seconds(30 * 24 * 3600)
}

fn utc() -> String {
    "UTC".to_owned()
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}
