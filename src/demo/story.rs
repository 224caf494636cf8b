//! What happens at the sample company in its ninety days: the histories that the servers show as the
//! simulated clock comes to them. Facts only; `play` walks through them.
//!
//! The story: most things are in order, and some are not. Each of the latter is there to show one thing.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Day 1, midnight UTC.
pub fn start() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
}

/// Length of the story.
pub const DAYS: i64 = 90;

/// The first instant after the story.
pub fn end() -> DateTime<Utc> {
    start() + TimeDelta::days(DAYS)
}

/// `day` from 1, at `hour`:`minute` UTC.
pub fn at(day: i64, hour: i64, minute: i64) -> DateTime<Utc> {
    start() + TimeDelta::days(day - 1) + TimeDelta::hours(hour) + TimeDelta::minutes(minute)
}

/// The days that the daemon is down: from the first instant to the second nothing runs.
pub fn downtime() -> (DateTime<Utc>, DateTime<Utc>) {
    (at(80, 9, 0), at(82, 21, 30))
}
