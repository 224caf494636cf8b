//! What an alert says, the same for every channel: what happened, to what, since when, which items, whose it
//! is, what to do. The form only: `alert.json` of an `alert` record. Nothing is sent or decided here.

use crate::config::Severity;
use crate::ledger::record::About;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Name of the file of an `alert` record: a `Message`.
pub const ALERT: &str = "alert.json";

/// Most items that one message names; the rest is counted.
pub const ITEMS_MAX: usize = 50;

/// What sets an alert off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A control left `effective`, changed from one bad state to another, or got new deviations.
    Drifted,
    /// A control is effective again.
    Resolved,
    /// A control has no fresh evidence.
    Stale,
    /// A due run did not happen.
    Gap,
    /// A collector did not bring a whole population home.
    CollectorFailing,
    /// A collector that failed is complete again.
    CollectorRecovered,
    /// A waiver ends soon.
    WaiverExpiring,
    /// A waiver has ended: what it accepted counts again.
    WaiverExpired,
    /// Nobody else was given a checkpoint in time.
    AnchorLate,
    /// The disk is filling up, or is so full that nothing is collected.
    DiskLow,
    /// There is space again.
    DiskRecovered,
    /// A source will soon have forgotten what was not read yet.
    SourceForgetting,
    /// A changed configuration cannot be used; the one before stays in force.
    ConfigRefused,
    /// A channel did not take a message in the time that it has; it is not tried any more.
    Undelivered,
    /// Somebody tries whether a channel works. Never on record.
    Test,
}

/// What an alert is about. Alerts of one subject are delivered in their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Subject {
    /// A control, with its title and criteria.
    Control {
        /// Its id.
        id: String,
        /// What the organisation does.
        title: String,
        /// The criteria that it meets.
        criteria: Vec<String>,
    },
    /// A collector.
    Collector {
        /// Its name.
        name: String,
    },
    /// An anchor.
    Anchor {
        /// Its name.
        name: String,
    },
    /// A channel of alerts.
    Channel {
        /// Its name.
        name: String,
    },
    /// The disk that the ledger is on.
    Disk,
    /// The daemon itself: its configuration.
    Daemon,
}

impl Subject {
    /// One short name of it: `control SEC-001`. Channels that keep one thread for each subject go by it.
    pub fn name(&self) -> String {
        self.about().to_string()
    }

    /// It by name alone, as the record has it.
    pub fn about(&self) -> About {
        match self {
            Self::Control { id, .. } => About::Control(id.clone()),
            Self::Collector { name } => About::Collector(name.clone()),
            Self::Anchor { name } => About::Anchor(name.clone()),
            Self::Channel { name } => About::Channel(name.clone()),
            Self::Disk => About::Disk,
            Self::Daemon => About::Daemon,
        }
    }
}

/// One item that an alert names. Text from outside: a channel escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name, as in judgements: `acme/shop#41`.
    pub item: String,
    /// What it is now: `deviates`, `cannot be judged`, `not read`, `resolved`, `waived until …`.
    pub what: String,
    /// The judgement's reason, or why it was not read.
    pub reason: String,
}

/// What an alert says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The same in every try and on every channel, and of no other alert: who gets one twice can tell.
    pub key: String,
    /// What set it off.
    pub event: Event,
    /// How bad it is.
    pub severity: Severity,
    /// Whose evidence it is about.
    pub organization: String,
    /// A sample with a simulated clock: nothing of it is real.
    pub sample: bool,
    /// What it is about.
    pub subject: Subject,
    /// Who answers for it; `None` where nobody is named.
    pub owner: Option<String>,
    /// Since when that is so, as observed.
    pub since: DateTime<Utc>,
    /// In one sentence.
    pub headline: String,
    /// The items, worst first, at most `ITEMS_MAX`.
    pub items: Vec<Item>,
    /// How many more there are.
    pub more: u64,
    /// What to do about it, commands among them, in order.
    pub next: Vec<String>,
}

impl Message {
    /// Whether this ends what earlier alerts of the subject told of.
    pub fn ends(&self) -> bool {
        matches!(self.event, Event::Resolved | Event::CollectorRecovered | Event::DiskRecovered)
    }

    /// Whether it tells of what a later alert of the subject ends, or ends that itself. Nothing says that a waiver which
    /// ends, a run that was missed or a late anchor is over.
    pub fn has_end(&self) -> bool {
        let begins = matches!(self.event, Event::Drifted | Event::Stale | Event::CollectorFailing | Event::DiskLow);
        begins || self.ends()
    }
}

/// What a channel is given to send at once: one alert, or several as a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Alerts with the records that they are, oldest first; never empty.
    pub alerts: Vec<(u64, Message)>,
    /// Why it comes later than it could have (quiet hours, a digest, an outage), to be said in it.
    pub delayed: Option<String>,
}
