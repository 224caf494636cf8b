//! Alerts that concern everybody: anchors, the disk, sources that forget, the configuration, a dead channel.

use super::{Rules, Said, minute, short};
use crate::config::Severity;
use crate::disk::Space;
use crate::ledger::record::About;
use crate::notify::message::{Event, Message, Subject};
use chrono::{DateTime, Utc};

impl Rules<'_> {
    /// An anchor was given nothing for too long: once until it is given a checkpoint again. `record` is the newest
    /// that it has, `due` when the next was.
    pub fn anchor_late(&self, anchor: &str, record: Option<u64>, due: DateTime<Utc>) -> Message {
        let held = record.map_or_else(|| "none".to_owned(), |record| record.to_string());
        self.message(Said {
            event: Event::AnchorLate,
            one: format!("{anchor}:{held}"),
            severity: Severity::High,
            subject: Subject::Anchor { name: anchor.to_owned() },
            since: due,
            headline: format!("anchor {anchor} was due a checkpoint {} and has not been given one", minute(due)),
            items: Vec::new(),
            next: vec![format!("evidenced anchor now {anchor}"), "evidenced anchor list".to_owned()],
        })
    }

    /// The disk is filling up, or nothing is collected any more: each once a day while it is so, counted anew after
    /// the record that says it has `recovered`.
    pub fn disk_low(&self, space: &Space, recovered: Option<u64>, now: DateTime<Utc>) -> Message {
        let (free, low) = (space.free_mib, space.low_mib);
        let (state, headline) = match space.stops() {
            true => ("stopped", format!("nothing is collected: {space}; what is due is recorded as missed")),
            false => (
                "low",
                format!(
                    "the disk of the ledger has {free} MiB left, less than {low}: soon nothing is collected any more"
                ),
            ),
        };
        self.message(Said {
            event: Event::DiskLow,
            one: format!("{state}:{}:{}", now.format("%Y-%m-%d"), recovered.unwrap_or(0)),
            severity: Severity::Critical,
            subject: Subject::Disk,
            since: now,
            headline,
            items: Vec::new(),
            next: vec!["free space on the disk that state_dir is on, or give it a larger one".to_owned()],
        })
    }

    /// There is space again: once for each time that it was said to be low, in the record `low`.
    pub fn disk_recovered(&self, space: &Space, low: u64, now: DateTime<Utc>) -> Message {
        self.message(Said {
            event: Event::DiskRecovered,
            one: low.to_string(),
            // Whoever was told of the one is told of the other.
            severity: Severity::Critical,
            subject: Subject::Disk,
            since: now,
            headline: format!("the disk of the ledger has {} MiB left again: collecting goes on", space.free_mib),
            items: Vec::new(),
            next: vec!["evidenced status --calendar".to_owned()],
        })
    }

    /// A source will soon have forgotten what was not read yet. `read_until` is how far it was read.
    pub fn source_forgetting(&self, collector: &str, read_until: DateTime<Utc>, forgets_at: DateTime<Utc>) -> Message {
        let about = About::Collector(collector.to_owned());
        self.message(Said {
            event: Event::SourceForgetting,
            one: format!("{collector}:{}", read_until.timestamp_millis()),
            severity: self.severity(&about, Severity::Critical),
            subject: Subject::Collector { name: collector.to_owned() },
            since: read_until,
            headline: format!(
                "the source of {collector} was read until {} and begins to forget what is after that at {}",
                minute(read_until),
                minute(forgets_at)
            ),
            items: Vec::new(),
            next: vec![format!("evidenced collect now {collector}"), "evidenced status".to_owned()],
        })
    }

    /// A changed configuration cannot be used: once for each `one`, hex.
    pub fn config_refused(&self, why: &str, one: &str, now: DateTime<Utc>) -> Message {
        self.message(Said {
            event: Event::ConfigRefused,
            one: one.get(..32).unwrap_or(one).to_owned(),
            severity: Severity::High,
            subject: Subject::Daemon,
            since: now,
            headline: format!("the changed configuration is not used, the one before stays in force: {}", short(why)),
            items: Vec::new(),
            next: vec!["evidenced config check".to_owned()],
        })
    }

    /// Somebody tries whether a channel works.
    pub fn test(&self, channel: &str, now: DateTime<Utc>) -> Message {
        self.message(Said {
            event: Event::Test,
            one: format!("{channel}:{}", now.timestamp_millis()),
            severity: Severity::Low,
            subject: Subject::Channel { name: channel.to_owned() },
            since: now,
            headline: format!("this is a test of channel {channel}: nothing has happened"),
            items: Vec::new(),
            next: Vec::new(),
        })
    }

    /// A channel did not take an alert in the time that it has: once a day for each channel.
    pub fn undelivered(&self, channel: &str, alert: &Message, why: &str, now: DateTime<Utc>) -> Message {
        self.message(Said {
            event: Event::Undelivered,
            one: format!("{channel}:{}", now.format("%Y-%m-%d")),
            severity: alert.severity.max(Severity::High),
            subject: Subject::Channel { name: channel.to_owned() },
            since: now,
            headline: format!(
                "channel {channel} did not take an alert about {}, which is not tried any more: {}",
                alert.subject.name(),
                short(why)
            ),
            items: Vec::new(),
            next: vec![format!("evidenced alerts test {channel}"), "evidenced alerts --dead".to_owned()],
        })
    }
}
