//! Registers: lists that people keep. One file for each family of lists that a test needs together, so that
//! no join reaches over two collections. A list that is not kept, or was not read, is `None`; an empty one is
//! a list in which nothing stands.

mod access;
mod assets;
mod incidents;
mod risks;
mod vendors;
mod workforce;

pub use access::{AccessReviews, Decided, Decision, Listed, System};
pub use assets::{Asset, Assets, Disposal};
pub use incidents::{Exercise, Incident, Incidents, Level, Plan};
pub use risks::{Assessment, Risk, RiskState, Risks, Treatment};
pub use vendors::{Followed, Report, Tier, Vendor, Vendors};
pub use workforce::{Account, Acknowledgement, Completion, Engagement, Never, Person, PolicyVersion, Used, Workforce};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a row stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// Which list, `people`.
    pub list: String,
    /// What makes the row one: the values of its key, with ` / ` between them.
    pub key: String,
    /// The file, by its name in the directory.
    pub file: String,
    /// Its line, from 1; the header is line 1.
    pub line: u64,
    /// It was read there before, and is gone now: this is how it was.
    pub gone: bool,
}

/// A day or an instant, as the list gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Moment {
    /// Some time in that day, UTC.
    Day(NaiveDate),
    /// Then.
    Instant(DateTime<Utc>),
}

impl Moment {
    /// The earliest instant that it can be.
    pub fn earliest(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => midnight(day),
            Self::Instant(at) => at,
        }
    }

    /// The latest instant that it can be; of a day, the first one after it.
    pub fn latest(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.checked_add_days(Days::new(1)).map_or(DateTime::<Utc>::MAX_UTC, midnight),
            Self::Instant(at) => at,
        }
    }

    /// Whether it is surely before the other.
    pub fn before(self, other: Self) -> bool {
        match self {
            // The first instant after a day is not in it any more.
            Self::Day(_) => self.latest() <= other.earliest(),
            Self::Instant(at) => at < other.earliest(),
        }
    }

    /// The day that it lies in, UTC.
    pub fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Instant(at) => at.date_naive(),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(to, "{day}"),
            Self::Instant(at) => write!(to, "{}", at.format("%Y-%m-%d %H:%M UTC")),
        }
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// How many rows a list has that may not be there.
pub(super) fn rows<T>(list: Option<&Vec<T>>) -> usize {
    list.map_or(0, Vec::len)
}
