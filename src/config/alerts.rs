//! `[alerts]`, `[[routes]]` and `[heartbeat]`: when somebody is told, who, and at what hours.

use super::{Severity, Span};
use crate::notify::message::Event;
use crate::outside::host;
use evidenced_collectors::contract::SecretRef;
use serde::{Deserialize, Serialize};

/// When somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// How long a channel is tried before an alert is dead on it, counted from the alert; of one that waits for a
    /// digest, from the digest. A daemon that was started later than that tries for an hour first. Default `3d`.
    pub give_up_after: Span,
    /// How long before a waiver ends somebody is told; at most half of the time that it runs. Default `7d`.
    pub waiver_notice: Span,
    /// Free space of the state directory's file system below which somebody is told, in MiB. Default 1024.
    pub disk_free_min_mib: u64,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            give_up_after: Span::seconds(3 * 24 * 3_600),
            waiver_notice: Span::seconds(7 * 24 * 3_600),
            disk_free_min_mib: 1_024,
        }
    }
}

impl AlertsConfig {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which alerts go to which channels, and when. An alert goes to the channels of every route whose conditions all
/// hold. Without any route, every alert goes to every channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Names of `[channels.<name>]`.
    pub channels: Vec<String>,
    /// Only what one of these answers for, as the controls name them. An alert about no control (the disk, an
    /// anchor) takes a route with `owners` or `controls` only when no other route takes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Only what concerns one of these controls: ids, or patterns with `*` and `?`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// Only what is at least so bad. Default `low`.
    #[serde(default = "low")]
    pub at_least: Severity,
    /// Only these events. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// Time zone of `quiet` and `digest`, a name of the tz database. Default `UTC`.
    #[serde(default = "super::utc")]
    pub timezone: String,
    /// Hours in which nothing goes out. What comes then goes out after them, and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietConfig>,
    /// Collects alerts and sends them as one message: five fields of cron (`0 8 * * *`), or the longest time that
    /// an alert waits for others (`4h`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Quiet hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietConfig {
    /// When they begin, `22:00`.
    pub from: String,
    /// When they end, `07:00`; the day after when that is not later. The same as `from`: the whole day.
    pub to: String,
    /// Days on which they begin, `sat`. Default: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<String>,
    /// Whether what is critical waits as well. Default: it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical_too: bool,
}

/// A sign of life to an outside address, which raises the alarm when it no longer comes. It is given only while
/// the daemon looks at what is due, the ledger can be read and written, and nothing due was left undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatConfig {
    /// Where the address stands: whoever knows it can give the sign in our place.
    pub url: SecretRef,
    /// How often; at least a minute. Default `5m`.
    #[serde(default = "five_minutes")]
    pub every: Span,
    /// A host that may be at an address of your own network, or this machine; any other is refused there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_host: Option<String>,
}

impl HeartbeatConfig {
    /// What is wrong with it, and what to write instead.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        if self.every < Span::seconds(60) {
            return Err(("every: the daemon looks once a minute".to_owned(), "`5m`".to_owned()));
        }
        match self.private_host.as_deref().map(host) {
            Some(Err(why)) => Err((format!("private_host: {why}"), "a host alone: beat.acme.example".to_owned())),
            _ => Ok(()),
        }
    }
}

fn low() -> Severity {
    Severity::Low
}

fn five_minutes() -> Span {
    Span::seconds(300)
}
