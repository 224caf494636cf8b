//! Which alerts follow from what just happened, and what they say. Pure: no clock, no ledger, no network.
//! `raise` asks, with what it reads from the ledger.

mod collector;
mod control;
mod other;

pub use collector::{Ended, Failing, Misses};
pub use control::{Changed, ChangedItems, Waived};

use super::message::{Event, ITEMS_MAX, Item, Message, Subject};
use super::route::Routed;
use crate::config::{Config, Severity};
use crate::ledger::record::About;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Unread;

/// Longest text of one item, characters: what comes from outside may be longer than anybody reads.
const TEXT_MAX: usize = 300;

/// What every alert says of where it comes from.
pub struct Rules<'a> {
    /// The configuration in force.
    pub config: &'a Config,
    /// Begins the key of every alert, so that no two logs' are one: a few characters of the log's own.
    pub log: &'a str,
    /// A sample with a simulated clock.
    pub sample: bool,
}

/// What differs between one alert and another.
struct Said {
    event: Event,
    /// What makes it one, after the event: the same thing is told of once.
    one: String,
    severity: Severity,
    subject: Subject,
    since: DateTime<Utc>,
    headline: String,
    items: Vec<Item>,
    next: Vec<String>,
}

impl Rules<'_> {
    /// The whole message. Items that are too many are counted.
    fn message(&self, said: Said) -> Message {
        let Said { event, one, severity, subject, since, headline, mut items, next } = said;
        let more = items.len().saturating_sub(ITEMS_MAX) as u64;
        items.truncate(ITEMS_MAX);
        let owners = Routed::of(self.config, &subject.about(), event, severity).owners;
        let owners: Vec<String> = owners.into_iter().collect();
        Message {
            key: format!("{}:{}:{one}", self.log, word(event)),
            event,
            severity,
            organization: self.config.organization.clone(),
            sample: self.sample,
            subject,
            owner: Some(owners.join(", ")).filter(|owners| !owners.is_empty()),
            since,
            headline: short(&headline),
            items,
            more,
            next,
        }
    }

    fn control(&self, id: &str) -> Subject {
        let control = self.config.controls.get(id);
        Subject::Control {
            id: id.to_owned(),
            title: control.map(|control| control.title.clone()).unwrap_or_default(),
            criteria: control.map(|control| control.criteria.clone()).unwrap_or_default(),
        }
    }

    /// How bad it is for the controls that it concerns, at most `most`.
    fn severity(&self, about: &About, most: Severity) -> Severity {
        Routed::worst(self.config, about).unwrap_or(Severity::Medium).min(most)
    }
}

/// As in records.
fn word(event: Event) -> &'static str {
    match event {
        Event::Drifted => "drifted",
        Event::Resolved => "resolved",
        Event::Stale => "stale",
        Event::Gap => "gap",
        Event::CollectorFailing => "collector_failing",
        Event::CollectorRecovered => "collector_recovered",
        Event::WaiverExpiring => "waiver_expiring",
        Event::WaiverExpired => "waiver_expired",
        Event::AnchorLate => "anchor_late",
        Event::DiskLow => "disk_low",
        Event::DiskRecovered => "disk_recovered",
        Event::SourceForgetting => "source_forgetting",
        Event::ConfigRefused => "config_refused",
        Event::Undelivered => "undelivered",
        Event::Test => "test",
    }
}

/// Parts that were not read, as items.
fn unread_items(unread: &[Unread]) -> Vec<Item> {
    let item =
        |unread: &Unread| Item { item: short(&unread.what), what: "not read".to_owned(), reason: short(&unread.why) };
    unread.iter().map(item).collect()
}

/// What to do about parts that were not read, each said once.
fn hints(unread: &[Unread]) -> Vec<String> {
    let mut hints: Vec<String> = Vec::new();
    for hint in unread.iter().filter_map(|unread| unread.hint.as_deref()).map(short) {
        if hints.len() < 3 && !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}

/// As much of a text as somebody reads.
fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((at, _)) => format!("{} ...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A word of a command line as a shell takes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `1 item`, `2 items`.
fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// An instant to the minute.
fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}
