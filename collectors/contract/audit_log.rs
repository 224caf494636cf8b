//! Regions of a cloud's accounts, and what writes down there what people and programs do.

use super::AccountState;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One region of one account, or an account whose regions are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditLog {
    /// Stable key: `111122223333:eu-west-1`; `111122223333:account` for the account itself.
    pub id: String,
    /// The account's number, or its name where that is not known.
    pub account: String,
    /// What people call the account.
    pub name: String,
    /// What it is.
    pub detail: AuditLogDetail,
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuditLogDetail {
    /// An account whose regions were not asked for.
    Account {
        /// What the organisation says of it.
        state: AccountState,
    },
    /// One region that is in use.
    Region(RegionLogs),
}

/// What writes down what happens in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionLogs {
    /// Its name.
    pub region: String,
    /// From when on a break of a trail was not known to an earlier reading.
    pub since: DateTime<Utc>,
    /// The trails that take in the region, each once; none: not read.
    pub trails: Option<Vec<Trail>>,
    /// Whether something looks through the events for threats; none: not read.
    pub threat_detection: Option<bool>,
}

/// One trail: events written to a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trail {
    /// Its full name.
    pub arn: String,
    /// The region that it was made in.
    pub home: String,
    /// Whether it takes in every region, and new ones.
    pub every_region: bool,
    /// Whether a change of its files would show.
    pub validation: bool,
    /// Whether its files are encrypted under a key of the account's own.
    pub own_key: bool,
    /// How it is now; none: not read.
    pub status: Option<TrailStatus>,
    /// What it writes down; none: not read.
    pub events: Option<TrailEvents>,
    /// Where its files are.
    pub store: String,
    /// How long they are kept.
    pub kept: Kept,
}

/// How a trail is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailStatus {
    /// Whether it writes.
    pub logging: bool,
    /// When it last began to.
    pub started: Option<DateTime<Utc>>,
    /// When it was last stopped; none: never.
    pub stopped: Option<DateTime<Utc>>,
    /// When files last arrived in the store; none: never.
    pub delivered: Option<DateTime<Utc>>,
    /// Why the last delivery failed; none: it did not.
    pub delivery_error: Option<String>,
}

/// Which management events a trail writes down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailEvents {
    /// Those that only look.
    pub reads: bool,
    /// Those that change something.
    pub writes: bool,
    /// Services that are left out.
    pub left_out: Vec<String>,
}

/// How long a store keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kept {
    /// No rule deletes anything.
    Forever,
    /// The shortest rule.
    Days(u32),
    /// Not read.
    Unread,
}
