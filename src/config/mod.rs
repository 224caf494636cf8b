//! What the user writes: one TOML file, one doc comment per key. Here the keys; `load` reads and
//! checks them, `span` is how durations are written.
//!
//! Unknown keys are refused with the nearest known one. Secrets are never written here, only where
//! to find them (`SecretRef`).

mod anchors;
mod load;
mod span;

pub use anchors::{AnchorConfig, Folder, GitBranch, Rfc3161, Witness};
pub use load::{ConfigError, Loaded, LoadedCollector, load, parse};
pub use span::Span;

use crate::ledger::KeyPlaces;
use evidenced_collectors::door::Limits;
use serde::{Deserialize, Serialize};
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
    /// How long a stopping daemon waits for runs to end before it records them as aborted. Default 25 s.
    #[serde(default = "stop_timeout")]
    pub stop_timeout: Span,
    /// What is collected, by name. The name stands in the ledger: keep it.
    #[serde(default)]
    pub collectors: BTreeMap<String, CollectorConfig>,
    /// What is tested, by the control's id in your own numbering.
    #[serde(default)]
    pub controls: BTreeMap<String, ControlConfig>,
    /// Who else holds the log's checkpoints, by name. The name stands in the ledger: keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchors: BTreeMap<String, AnchorConfig>,
}

/// One collector: an instance of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorConfig {
    /// Which kind: `github_changes`, `aws_iam`, `backup_restores`.
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
    #[serde(default = "first_window")]
    pub first_window: Span,
    /// What one run may cost.
    #[serde(default)]
    pub limits: Limits,
    /// Settings of the kind; see the kind's own README.
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
    /// The criteria that it meets, `CC8.1`.
    pub criteria: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// How bad a deviation is.
    pub severity: Severity,
    /// The collectors that feed it.
    pub collectors: Vec<String>,
    /// The test: `change_review`, `mfa`, `restore_test`.
    pub test: String,
    /// Parameters of the test; what is left out has the documented default.
    #[serde(default = "empty_object")]
    pub policy: serde_json::Value,
    /// After this long without complete evidence the control is stale.
    pub stale_after: Span,
    /// How far back events count towards the present state (collectors that read a window). Default `30d`.
    #[serde(default = "first_window")]
    pub lookback: Span,
}

/// How bad a deviation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Can wait.
    Low,
    /// Should be mended this month.
    Medium,
    /// Should be mended this week.
    High,
    /// Should be mended now.
    Critical,
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

fn first_window() -> Span {
    Span::seconds(30 * 24 * 3600)
}

fn utc() -> String {
    "UTC".to_owned()
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}
