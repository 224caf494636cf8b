//! What an alert is about, and what became of it, as records say it.

use serde::{Deserialize, Serialize};

/// What an alert is about, by name alone: its items are in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A control, by its id.
    Control(String),
    /// A collector.
    Collector(String),
    /// An anchor.
    Anchor(String),
    /// A channel of alerts.
    Channel(String),
    /// The disk that the ledger is on.
    Disk,
    /// The daemon itself.
    Daemon,
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Control(name) => write!(f, "control {name}"),
            Self::Collector(name) => write!(f, "collector {name}"),
            Self::Anchor(name) => write!(f, "anchor {name}"),
            Self::Channel(name) => write!(f, "channel {name}"),
            Self::Disk => f.write_str("disk"),
            Self::Daemon => f.write_str("daemon"),
        }
    }
}

/// What became of alerts on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// The channel took them.
    Delivered,
    /// It did not in the time that it has, and they are not tried any more.
    Dead,
    /// What they said was erased before they were delivered.
    Erased,
}
