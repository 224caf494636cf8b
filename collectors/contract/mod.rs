//! What every kind of collector promises, and the source-neutral items it hands over.
//!
//! No network, file or clock access lives here; that is the door's (`crate::door`) and `clock`'s.

mod audit_log;
pub(crate) mod carry;
mod change;
pub mod clock;
mod document;
mod error;
mod fact;
mod ipe;
mod permission;
mod population;
mod principal;
pub mod register;
mod restore;
mod secret;
mod vulnerability;
mod window;

pub use audit_log::{AuditLog, AuditLogDetail, Kept, RegionLogs, Trail, TrailEvents, TrailStatus};
pub use change::{
    Actor, ActorKind, Change, CommitAuthor, Dismissal, Landing, LandingKind, Lookup, PostHoc, PrCommit, PullRequest,
    Review, ReviewState, RuleOutcome,
};
pub use document::{Document, Standing};
pub use error::{CollectError, SettingsError, Unread};
pub use fact::{At, Fact, Found, Item, Locator, SHOWN_MAX, Sealed, Stands, found_head, found_json, pointer_step};
pub use ipe::{CLOCK_SKEW_MAX, Ipe, Reconciliation, RequestSummary};
pub use permission::{Asking, OnlyFor, Permission, Rights, System, values};
pub use population::{Items, Partial, Population, Whole};
pub use principal::{
    AccountState, Attestation, Device, IdentitySource, Principal, PrincipalDetail, PrincipalType, Protocol,
    ProviderEvidence,
};
pub use restore::{Check, RestoreStatus, RestoreTest, Restores, Store, Validation};
pub use secret::SecretRef;
pub use vulnerability::{Closing, Finding, Rated, Scanning, Severity, Vulnerability, VulnerabilityDetail};
pub use window::{Window, four_digits, instant};

use crate::door::{Door, RecordedRequest};
use serde::{Deserialize, Serialize};

/// One implementation of a collector. `crate::KINDS` lists them all.
pub struct Kind {
    /// The name that a configuration uses, `github_changes`.
    pub name: &'static str,
    /// Raised whenever the same exchanges could give another population.
    pub version: u32,
    /// One sentence for people.
    pub about: &'static str,
    /// Whether a run reads a stretch of time or the state of the moment.
    pub reading: Reading,
    /// Whether a run that was not whole leaves something for the next one: `Partial::carry`.
    pub keeps: bool,
    /// The least permissions that it needs. Whatever says what is needed, policies and manifests too, is made of these.
    pub permissions: &'static [Permission],
    /// The permissions that a request of this kind needs, by name; empty: it is none of this kind's requests.
    pub needs: fn(&RecordedRequest) -> Vec<String>,
    /// Checks settings and builds a collector. Touches nothing outside.
    pub build: fn(&serde_json::Value) -> Result<Box<dyn Collector>, SettingsError>,
    /// JSON schema of the settings, for editors and `config check`.
    pub settings_schema: fn() -> schemars::Schema,
    /// Where facts of an item stand in what a run of this kind sealed. Decides nothing; what it cannot
    /// read it does not find.
    pub locate: for<'a> fn(&'a Item<'a>, &'a [Fact]) -> Locator<'a>,
}

/// What one run of a kind covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Everything that happened in the window. Windows of one collector join without a hole, and a
    /// control is judged over all of them that fall in its look-back.
    Window,
    /// The state at the moment of the run. A control is judged over the newest one.
    Snapshot,
}

/// What a source forgets of what a collector reads, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembers {
    /// What, in a few words.
    pub what: &'static str,
    /// It can surely be read for so many days after it happened.
    pub days: u32,
    /// Where the source documents that.
    pub documented: &'static str,
}

/// One configured instance of a kind. It reaches the outside through the door alone, so that running
/// it on a replay door with the same `Task` gives the same population.
#[async_trait::async_trait]
pub trait Collector: Send + Sync {
    /// Gathers the whole population of the window, or says what could not be read.
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError>;

    /// What the source forgets of what this instance reads; empty: nothing, or it reads only what is there at
    /// the moment. A run whose window reaches into what is forgotten must not give a whole population.
    fn remembers(&self) -> Vec<Remembers>;

    /// What the source tells of the credentials beside what a run reads. No run asks for it: the same door has just
    /// been collected through, and nothing of this is sealed.
    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights;
}

/// What a run asks of a collector. Sealed with the evidence: a replay gets the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The stretch of time to read; for snapshots, from the last complete run to this one.
    pub window: Window,
    /// What the newest run of this collector that left something left for this one: `Population::carry`, or
    /// `Partial::carry` of a run that was not whole.
    pub carry: Option<serde_json::Value>,
}

/// Whether a text can name a collector or a control: names stand in records, file names and bundles.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !name.starts_with('.')
}
