//! What is shown of alerts: each with what became of it on every channel. Reads only.

use super::message::Event;
use super::raise::message;
use super::route::{Release, Routed};
use crate::config::{Loaded, Severity};
use crate::ledger::record::{Body, DeliveryOutcome};
use crate::ledger::{Filter, Reader};
use crate::run::RunError;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// How long a dead alert is counted among the present.
const DEAD_COUNTS: TimeDelta = TimeDelta::days(30);

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its record.
    pub record: u64,
    /// When it was raised.
    pub at: DateTime<Utc>,
    /// What set it off.
    pub event: Event,
    /// What it is about, in words.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// Who answers for it.
    pub owner: Option<String>,
    /// In one sentence; `None`: erased.
    pub headline: Option<String>,
    /// What became of it, by channel.
    pub channels: BTreeMap<String, Told>,
}

/// What became of an alert on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Told {
    /// It has not arrived.
    Owed {
        /// Until when it is held back, by quiet hours or for a digest.
        held_until: Option<DateTime<Utc>>,
        /// What it waits for.
        held_for: Option<String>,
    },
    /// It was settled.
    Settled {
        /// The `delivery` record.
        record: u64,
        /// When.
        at: DateTime<Utc>,
        /// How.
        outcome: DeliveryOutcome,
        /// How often it was tried by the process that settled it.
        tries: u64,
        /// Why not, when it was not delivered.
        why: Option<String>,
    },
}

/// How many there are that somebody should look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Not arrived on some channel.
    pub owed: u64,
    /// The oldest of them.
    pub owed_since: Option<DateTime<Utc>>,
    /// Not tried any more, of the last 30 days.
    pub dead: u64,
}

impl Listed {
    /// Whether it has not arrived on some channel.
    pub fn is_owed(&self) -> bool {
        self.channels.values().any(|told| matches!(told, Told::Owed { .. }))
    }

    /// Whether it is not tried any more on some channel.
    pub fn is_dead(&self) -> bool {
        let dead = |told: &Told| matches!(told, Told::Settled { outcome: DeliveryOutcome::Dead, .. });
        self.channels.values().any(dead)
    }
}

/// Every alert, oldest first.
pub fn alerts(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Vec<Listed>, RunError> {
    let mut listed: BTreeMap<u64, Listed> = BTreeMap::new();
    for found in reader.records(0..u64::MAX, &Filter::kind("alert")) {
        let (index, record) = found?;
        let Body::Alert { event, about, severity, owner, channels, .. } = record.body else { continue };
        let routed = Routed::of(&loaded.config, &about, event, severity);
        let told = |channel: String| {
            let (held_until, held_for) = match loaded.routes.release(&channel, &routed, record.at, now) {
                Release::Held { until, why, .. } => (Some(until), Some(why)),
                Release::Now { .. } => (None, None),
            };
            (channel, Told::Owed { held_until, held_for })
        };
        let channels = channels.into_iter().map(told).collect();
        let headline = message(reader, index)?.map(|message| message.headline);
        let (subject, at) = (about.to_string(), record.at);
        listed.insert(index, Listed { record: index, at, event, subject, severity, owner, headline, channels });
    }
    for found in reader.records(0..u64::MAX, &Filter::kind("delivery")) {
        let (index, record) = found?;
        let Body::Delivery { channel, alerts, outcome, tries, why } = record.body else { continue };
        for alert in alerts {
            if let Some(told) = listed.get_mut(&alert).and_then(|listed| listed.channels.get_mut(&channel)) {
                *told = Told::Settled { record: index, at: record.at, outcome, tries, why: why.clone() };
            }
        }
    }
    Ok(listed.into_values().collect())
}

/// Counts them. Reads no message.
pub fn counts(reader: &Reader, now: DateTime<Utc>) -> Result<Counts, RunError> {
    let mut owed = super::owed::Owed::default();
    owed.follow(reader)?;
    let mut counts = Counts::default();
    for channel in owed.channels() {
        for alert in owed.of(channel).values() {
            counts.owed += 1;
            counts.owed_since = Some(counts.owed_since.map_or(alert.at, |since| since.min(alert.at)));
        }
    }
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("delivery")) {
        let (_, record) = found?;
        if let Body::Delivery { outcome: DeliveryOutcome::Dead, alerts, .. } = record.body
            && now - record.at < DEAD_COUNTS
        {
            counts.dead += alerts.len() as u64;
        }
    }
    Ok(counts)
}
