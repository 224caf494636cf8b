//! The short form of a region of an account, or of an account.

use super::Facts;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{
    AccountState, AuditLog, AuditLogDetail, Items, Kept, RegionLogs, Trail, TrailEvents, TrailStatus,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

const REGION: &str = "eu-west-1";

/// A region that is in use, with `trails`; or an account, with `account`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditLogFacts {
    /// When it was read, and the instant that the case is judged as of.
    now: DateTime<Utc>,
    /// Of an account whose regions are not known: what the organisation says of it.
    #[serde(default)]
    account: Option<StateFacts>,
    /// The trails that take in the region; null or absent: not read.
    #[serde(default)]
    trails: Option<Vec<TrailFacts>>,
    /// Whether something looks for threats; null: not read. Absent: it does.
    #[serde(default = "on")]
    threat_detection: Option<bool>,
    /// When it was read before; absent: a day earlier.
    #[serde(default)]
    since: Option<DateTime<Utc>>,
}

fn on() -> Option<bool> {
    Some(true)
}

fn yes() -> bool {
    true
}

/// What the organisation says of an account.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum StateFacts {
    Active,
    Suspended,
}

/// One trail. What is left out is the ordinary: it writes all of every region, delivered at `now`, and keeps it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrailFacts {
    /// Whether it takes in every region.
    #[serde(default = "yes")]
    every_region: bool,
    /// Whether a change of its files would show.
    #[serde(default = "yes")]
    validation: bool,
    /// Whether its files are encrypted under a key of one's own.
    #[serde(default)]
    own_key: bool,
    /// Whether it writes; null: its state was not read.
    #[serde(default = "on")]
    logging: Option<bool>,
    /// When it was last stopped.
    #[serde(default)]
    stopped: Option<DateTime<Utc>>,
    /// When it began again.
    #[serde(default)]
    started: Option<DateTime<Utc>>,
    /// Hours before `now` that it last delivered; null: never. Absent: none.
    #[serde(default = "at_once")]
    delivered_hours_ago: Option<u32>,
    /// Why the last delivery failed.
    #[serde(default)]
    delivery_error: Option<String>,
    /// Which events it writes down; null: not read. Absent: all.
    #[serde(default = "all")]
    events: Option<EventFacts>,
    /// Services that are left out.
    #[serde(default)]
    left_out: Vec<String>,
    /// Days that files are kept, `forever`, or null: not read. Absent: for ever.
    #[serde(default = "forever")]
    kept: Option<KeptFacts>,
}

fn at_once() -> Option<u32> {
    Some(0)
}

fn all() -> Option<EventFacts> {
    Some(EventFacts::All)
}

fn forever() -> Option<KeptFacts> {
    Some(KeptFacts::Word(ForEver::Forever))
}

/// Which management events.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum EventFacts {
    All,
    Reads,
    Writes,
    None,
}

/// How long files are kept.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(untagged)]
enum KeptFacts {
    /// Days.
    Days(u32),
    /// No rule deletes anything.
    Word(ForEver),
}

/// A word for a rule that there is not.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ForEver {
    Forever,
}

impl AuditLogFacts {
    pub(super) fn into_facts(self, policy: Map<String, Value>) -> Facts {
        let (account, name) = ("111122223333".to_owned(), "case".to_owned());
        let (id, detail) = match self.account {
            Some(state) => {
                let state = match state {
                    StateFacts::Active => AccountState::Active,
                    StateFacts::Suspended => AccountState::Suspended,
                };
                (format!("{account}:account"), AuditLogDetail::Account { state })
            }
            None => {
                let now = self.now;
                let numbered = |trails: Vec<TrailFacts>| {
                    (1..).zip(trails).map(|(number, trail)| trail.into_trail(number, now)).collect()
                };
                let logs = RegionLogs {
                    region: REGION.to_owned(),
                    since: self.since.unwrap_or(now - TimeDelta::days(1)),
                    trails: self.trails.map(numbered),
                    threat_detection: self.threat_detection,
                };
                (format!("{account}:{REGION}"), AuditLogDetail::Region(logs))
            }
        };
        let items = Items::AuditLogs(vec![AuditLog { id: id.clone(), account, name, detail }]);
        Facts { items, item: id, as_of: self.now, waivers: Vec::new(), policy }
    }
}

impl TrailFacts {
    fn into_trail(self, number: u32, now: DateTime<Utc>) -> Trail {
        let left_out = self.left_out;
        let delivered = self.delivered_hours_ago.map(|hours| now - TimeDelta::hours(hours.into()));
        Trail {
            arn: format!("arn:aws:cloudtrail:{REGION}:111122223333:trail/{number}"),
            home: REGION.to_owned(),
            every_region: self.every_region,
            validation: self.validation,
            own_key: self.own_key,
            status: self.logging.map(|logging| TrailStatus {
                logging,
                started: self.started,
                stopped: self.stopped,
                delivered,
                delivery_error: self.delivery_error,
            }),
            events: self.events.map(|events| TrailEvents {
                reads: matches!(events, EventFacts::All | EventFacts::Reads),
                writes: matches!(events, EventFacts::All | EventFacts::Writes),
                left_out,
            }),
            store: "case-logs".to_owned(),
            kept: match self.kept {
                None => Kept::Unread,
                Some(KeptFacts::Days(days)) => Kept::Days(days),
                Some(KeptFacts::Word(ForEver::Forever)) => Kept::Forever,
            },
        }
    }
}
