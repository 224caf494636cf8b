//! Who holds which checkpoint and who is owed one, as the ledger has it on record, and what the daemon found of it last.
//! Reads only, and asks nobody.

use crate::config::Config;
use crate::ledger::record::{AnchorWay, Body};
use crate::ledger::{Filter, Reader};
use crate::notify::trying::Trying;
use crate::notify::vitals::Vitals;
use crate::run::RunError;
use crate::timestamp::CLOCKS_APART;
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
    /// What became of the daemon's last try, if it failed: what the anchor holds is not known then. `noted` fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<Trying>,
    /// The newest record of its name, of whichever way.
    #[serde(skip)]
    pub record: Option<u64>,
}

impl Holder {
    /// One that holds nothing, as far as is known.
    fn without(name: &str, way: AnchorWay) -> Self {
        let (size, since, time, due, failing, record) = (None, None, None, None, None, None);
        Self { name: name.to_owned(), way, keeps: keeps(way), size, since, time, due, late: false, failing, record }
    }

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
        if let Some(failing) = &self.failing {
            line.push_str(&format!("; NOT CONFIRMED: {failing}"));
        }
        line
    }
}

/// With what the daemon wrote down of those that fail.
pub fn noted(holders: Vec<Holder>, vitals: &Vitals) -> Vec<Holder> {
    let noted = |holder: Holder| Holder {
        failing: vitals.anchors.get(&holder.name).filter(|_| holder.due.is_some()).cloned(),
        ..holder
    };
    holders.into_iter().map(noted).collect()
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
pub fn holders(reader: &Reader, config: &Config, now: DateTime<Utc>) -> Result<Vec<Holder>, RunError> {
    let ahead = now + CLOCKS_APART;
    let mut holders: BTreeMap<String, Holder> = BTreeMap::new();
    // When each was given its newest, but for those of a clock that was ahead.
    let mut given: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("anchor")) {
        let (index, record) = found?;
        let Body::Anchor { anchor, way, size, time, .. } = record.body else { continue };
        let (size, since) = (Some(size), Some(record.at));
        let holder = holders.entry(anchor.clone()).or_insert_with(|| Holder {
            size,
            since,
            time,
            record: Some(index),
            ..Holder::without(&anchor, way)
        });
        if holder.way == way && record.at <= ahead {
            given.entry(anchor).or_insert(record.at);
        }
    }
    for (name, anchor) in &config.anchors {
        let (way, every) = (anchor.way(), anchor.every().delta());
        let holder = holders.entry(name.clone()).or_insert_with(|| Holder::without(name, way));
        if holder.way != way {
            // What was given to somebody else under that name, this one does not hold.
            *holder = Holder { record: holder.record, ..Holder::without(name, way) };
        }
        let next = given.get(name).filter(|_| holder.since.is_some()).map(|given| *given + every);
        // Nothing was owed to it while it was not configured.
        let due = match next {
            Some(next) if next > now => next,
            next => configured_since(reader, name, way, now)?.min(now).max(next.unwrap_or(DateTime::UNIX_EPOCH)),
        };
        // A record of a clock that was ahead would be the newest for as long as that clock was ahead.
        let stands = holder.since.is_some_and(|since| since <= ahead);
        let due = if stands { due } else { due.min(now) };
        holder.due = Some(due);
        holder.late = due + grace(every) < now;
    }
    Ok(holders.into_values().collect())
}

/// Since when the configuration has the anchor in this way; now, if it is not in force yet.
fn configured_since(
    reader: &Reader,
    name: &str,
    way: AnchorWay,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, RunError> {
    let mut since = now;
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("config")) {
        let (index, record) = found?;
        let unreadable = |error| RunError::Unreadable { index, why: format!("config.json: {error}") };
        // Not a `Config`: another version of this program may have written it.
        let config: serde_json::Value =
            serde_json::from_slice(&reader.read_file(index, "config.json")?).map_err(unreadable)?;
        if config["anchors"][name]["way"] != way_word(way) {
            break;
        }
        since = record.at;
    }
    Ok(since)
}

fn grace(every: TimeDelta) -> TimeDelta {
    (every / 12).max(TimeDelta::hours(1))
}
