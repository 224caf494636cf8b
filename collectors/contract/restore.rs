//! Data stores, and tests of restoring them from backup.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The registered stores and every test on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restores {
    /// Every store that must be tested.
    pub stores: Vec<Store>,
    /// Every test found.
    pub tests: Vec<RestoreTest>,
}

/// One registered data store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Its name, as tests name it.
    pub name: String,
    /// `false` for a store that is registered as not needing tests.
    #[serde(default = "yes")]
    pub in_scope: bool,
    /// Why it is not in scope, or was retired.
    #[serde(default)]
    pub reason: Option<String>,
    /// The day since when it holds production data; absent: always.
    #[serde(default)]
    pub since: Option<NaiveDate>,
    /// The first day on which it no longer holds production data; absent: it does.
    #[serde(default)]
    pub retired: Option<NaiveDate>,
    /// Longest time to a usable restore, seconds. A test may carry its own.
    #[serde(default)]
    pub rto_target_s: Option<u64>,
    /// Largest age of the restored data, seconds. A test may carry its own.
    #[serde(default)]
    pub rpo_target_s: Option<u64>,
}

fn yes() -> bool {
    true
}

/// One attempt to restore one store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTest {
    /// The test's own id.
    pub id: String,
    /// `Store::name`.
    pub store: String,
    /// Where it was read: file, and line for JSON Lines.
    pub read_from: String,
    /// `restic 0.19.1`, `borg 1.2.4`, `pg_restore`; as far as known.
    pub tool: Option<String>,
    /// Which backup was restored.
    pub backup_id: Option<String>,
    /// The instant whose data the backup holds.
    pub recovery_point: Option<DateTime<Utc>>,
    /// When the restore began.
    pub started: DateTime<Utc>,
    /// When the data was back.
    pub restored: Option<DateTime<Utc>>,
    /// When the data was shown to be good: usable time for the RTO.
    pub validated: Option<DateTime<Utc>>,
    /// How the restore ended.
    pub status: RestoreStatus,
    /// How the validation ended; `None` if there was none.
    pub validation: Option<Validation>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// Longest time to a usable restore, seconds.
    pub rto_target_s: Option<u64>,
    /// Largest age of the restored data, seconds.
    pub rpo_target_s: Option<u64>,
    /// Where the backup came from; `production` counts.
    pub env_source: String,
    /// Where it was restored to.
    pub env_target: Option<String>,
    /// Who did it.
    pub performer: Option<String>,
    /// Who looked at the outcome.
    pub reviewer: Option<String>,
    /// When they did.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// Follow-up of a failure.
    pub ticket: Option<String>,
    /// Whether it is closed.
    pub ticket_closed: bool,
}

/// How a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreStatus {
    /// All of it came back.
    Completed,
    /// It did not.
    Failed,
    /// It was stopped.
    Aborted,
}

/// How a validation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// Every check passed.
    Successful,
    /// One failed.
    Failed,
    /// It ran out of time.
    TimedOut,
    /// It has not ended.
    Validating,
}

/// One named check of restored data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// `row counts`, `restic check --read-data`.
    pub name: String,
    /// What was to be seen.
    pub expected: Option<String>,
    /// What was seen.
    pub actual: Option<String>,
    /// Whether that is good.
    pub ok: bool,
}
