//! What has not arrived yet, and what may go out next. Follows from the records alone; nothing is stored, and
//! nothing is sent here.

use super::message::Event;
use super::route::{Release, Routed};
use crate::config::{Config, Severity};
use crate::ledger::record::{About, Body};
use crate::ledger::{Filter, LedgerError, Reader};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Most alerts in one digest.
pub const DIGEST_MAX: usize = 50;

/// Alerts without a `delivery` record, by channel and record. Follows the log as it grows.
#[derive(Debug, Default)]
pub struct Owed {
    seen: u64,
    channels: BTreeMap<String, BTreeMap<u64, Alert>>,
}

/// As much of an alert as its record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// When it was raised.
    pub at: DateTime<Utc>,
    /// What set it off.
    pub event: Event,
    /// What it is about.
    pub about: About,
    /// How bad it is.
    pub severity: Severity,
}

impl Alert {
    /// What the routes ask for.
    pub fn routed(&self, config: &Config) -> Routed {
        Routed::of(config, &self.about, self.event, self.severity)
    }
}

impl Owed {
    /// Reads what was appended since the last time.
    pub fn follow(&mut self, reader: &Reader) -> Result<(), LedgerError> {
        let size = reader.size()?;
        for found in reader.records(self.seen..size, &Filter::kind("alert")) {
            let (index, record) = found?;
            let Body::Alert { event, about, severity, channels, .. } = record.body else { continue };
            for channel in channels {
                let alert = Alert { at: record.at, event, about: about.clone(), severity };
                self.channels.entry(channel).or_default().insert(index, alert);
            }
        }
        // A delivery comes after what it names.
        for found in reader.records(self.seen..size, &Filter::kind("delivery")) {
            let Body::Delivery { channel, alerts, .. } = found?.1.body else { continue };
            if let Some(owed) = self.channels.get_mut(&channel) {
                owed.retain(|index, _| !alerts.contains(index));
            }
        }
        self.channels.retain(|_, owed| !owed.is_empty());
        self.seen = size;
        Ok(())
    }

    /// The channels that something is owed to.
    pub fn channels(&self) -> impl Iterator<Item = &String> {
        self.channels.keys()
    }

    /// What is owed to a channel, by record.
    pub fn of(&self, channel: &str) -> BTreeMap<u64, Alert> {
        self.channels.get(channel).cloned().unwrap_or_default()
    }
}

/// One message to be sent: records of its alerts, and what they waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// In order; never empty.
    pub alerts: Vec<u64>,
    /// What the first of them waited for: quiet hours, a digest.
    pub waited: Option<String>,
}

/// The messages that may go out on a channel now, in order. `release` says of each alert whether it may, `tried`
/// how often the channel has refused it, `paused` whether it is not to be tried yet.
///
/// Alerts of one subject keep their order: one that may go takes along those of its subject that are held back
/// before it, and none goes while one before it waits to be tried again. Of different subjects those go first
/// that were refused least often, so that one which is never taken does not keep the others.
pub fn plan(
    owed: &BTreeMap<u64, Alert>,
    release: impl Fn(&Alert) -> Release,
    tried: impl Fn(u64) -> u32,
    paused: impl Fn(u64) -> bool,
) -> Vec<Planned> {
    let mut subjects: BTreeMap<&About, Vec<(u64, Release)>> = BTreeMap::new();
    for (index, alert) in owed {
        subjects.entry(&alert.about).or_default().push((*index, release(alert)));
    }
    let digest_of = |release: &Release| match release {
        Release::Now { digest, .. } => *digest,
        Release::Held { .. } => None,
    };
    let due: BTreeSet<usize> = subjects.values().flatten().filter_map(|(_, release)| digest_of(release)).collect();
    let mut singly: Vec<(u32, u64, Planned)> = Vec::new();
    let mut digests: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for alerts in subjects.into_values() {
        let Some(refused) = alerts.first().map(|(first, _)| tried(*first)) else { continue };
        if alerts.first().is_some_and(|(first, _)| paused(*first)) {
            continue;
        }
        // A digest that is due takes along what waits for it.
        let alerts: Vec<(u64, Release)> =
            alerts.into_iter().map(|(index, release)| (index, joining(release, &due))).collect();
        let alone = |release: &Release| matches!(release, Release::Now { digest: None, .. });
        let ahead = alerts.iter().rposition(|(_, release)| alone(release)).map_or(0, |at| at + 1);
        let (first, rest) = alerts.split_at(ahead);
        for (index, release) in first {
            let waited = match release {
                Release::Now { waited, .. } => waited.clone(),
                Release::Held { why, .. } => Some(format!("{why}, and goes ahead of one that does not wait")),
            };
            singly.push((refused, *index, Planned { alerts: vec![*index], waited }));
        }
        let last = rest.iter().rposition(|(_, release)| matches!(release, Release::Now { .. })).map_or(0, |at| at + 1);
        let digest = rest.iter().take(last).rev().find_map(|(_, release)| digest_of(release));
        if let Some(digest) = digest {
            digests.entry(digest).or_default().extend(rest.iter().take(last).map(|(index, _)| *index));
        }
    }
    singly.sort_by_key(|(refused, index, _)| (*refused, *index));
    let mut letters: Vec<Planned> = singly.into_iter().map(|(_, _, letter)| letter).collect();
    for mut alerts in digests.into_values() {
        alerts.sort_unstable();
        let letter = |alerts: &[u64]| Planned { alerts: alerts.to_vec(), waited: Some("a digest".to_owned()) };
        letters.extend(alerts.chunks(DIGEST_MAX).map(letter));
    }
    letters
}

fn joining(release: Release, due: &BTreeSet<usize>) -> Release {
    match release {
        Release::Held { digest: Some(digest), .. } if due.contains(&digest) => {
            Release::Now { digest: Some(digest), waited: Some("a digest".to_owned()) }
        }
        other => other,
    }
}
