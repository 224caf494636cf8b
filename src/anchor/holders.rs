//! Who holds which checkpoint, as the ledger has it on record. Reads only, and asks nobody.

use crate::config::Config;
use crate::ledger::record::{AnchorWay, Body};
use crate::ledger::{Filter, LedgerError, Reader};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// One anchor and the newest checkpoint that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// Of what sort it is.
    pub way: AnchorWay,
    /// Whether it keeps what it is given. A time-stamp authority dates it and keeps nothing.
    pub keeps: bool,
    /// Records under the newest checkpoint; `None`: it has none.
    pub size: Option<u64>,
    /// Since when, by our clock.
    pub since: Option<DateTime<Utc>>,
    /// The time that its receipt states.
    pub time: Option<DateTime<Utc>>,
    /// When the next one is owed; `None` when it is configured no longer.
    pub due: Option<DateTime<Utc>>,
    /// Whether that is long past: `every` and a twelfth of it, at least an hour.
    pub late: bool,
    /// The newest record of it.
    #[serde(skip)]
    pub record: Option<u64>,
}

impl Holder {
    /// Whether a checkpoint is owed.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// One line: who holds what since when.
    pub fn line(&self) -> String {
        let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%MZ");
        let way = way_word(self.way);
        let mut line = match (self.size, self.since, self.keeps) {
            (Some(size), Some(since), true) => {
                format!("{} ({way}) holds the checkpoint of {size} records since {}", self.name, minute(since))
            }
            (Some(size), Some(since), false) => {
                format!("{} ({way}) dated the checkpoint of {size} records at {}", self.name, minute(since))
            }
            _ => format!("{} ({way}) has no checkpoint", self.name),
        };
        match self.due {
            None => line.push_str("; no longer configured"),
            Some(due) if self.late => line.push_str(&format!("; LATE: the next was due {}", minute(due))),
            Some(_) => {}
        }
        line
    }
}

/// The word for it.
pub fn way_word(way: AnchorWay) -> &'static str {
    match way {
        AnchorWay::Rfc3161 => "rfc3161",
        AnchorWay::Witness => "witness",
        AnchorWay::Git => "git",
        AnchorWay::Folder => "folder",
    }
}

/// Whether anchors of that sort keep what they are given.
pub fn keeps(way: AnchorWay) -> bool {
    !matches!(way, AnchorWay::Rfc3161)
}

/// All anchors, configured or on record, by name.
pub fn holders(reader: &Reader, config: &Config, now: DateTime<Utc>) -> Result<Vec<Holder>, LedgerError> {
    let begun = reader.record(0)?.at;
    let mut holders: BTreeMap<String, Holder> = BTreeMap::new();
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("anchor")) {
        let (index, record) = found?;
        let Body::Anchor { anchor, way, size, time, .. } = record.body else { continue };
        holders.entry(anchor.clone()).or_insert_with(|| Holder {
            name: anchor,
            way,
            keeps: keeps(way),
            size: Some(size),
            since: Some(record.at),
            time,
            due: None,
            late: false,
            record: Some(index),
        });
    }
    for (name, anchor) in &config.anchors {
        let holder = holders.entry(name.clone()).or_insert_with(|| Holder {
            name: name.clone(),
            way: anchor.way(),
            keeps: keeps(anchor.way()),
            size: None,
            since: None,
            time: None,
            due: None,
            late: false,
            record: None,
        });
        let every = anchor.every().delta();
        let due = holder.since.map_or(begun, |since| since + every);
        (holder.way, holder.keeps) = (anchor.way(), keeps(anchor.way()));
        holder.due = Some(due);
        holder.late = due + grace(every) < now;
    }
    Ok(holders.into_values().collect())
}

fn grace(every: TimeDelta) -> TimeDelta {
    (every / 12).max(TimeDelta::hours(1))
}
