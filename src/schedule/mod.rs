//! From a cron line to due instants, and what to do about those that passed. Pure: knows nothing of
//! controls, clocks or ledgers.

mod quiet;

pub use quiet::Quiet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// When a collector is due: a cron line in a time zone.
///
/// Across changes of daylight saving time a fixed hour that does not exist is due when the clocks have
/// jumped, and one that happens twice is due once (croner's rules).
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    timezone: Tz,
}

/// Most due instants that are told apart after a downtime: a year of every five minutes.
pub const DUE_MAX: usize = 105_408;

/// A schedule that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The cron line.
    #[error("schedule `{line}`: {why}")]
    Line {
        /// As written.
        line: String,
        /// What is wrong with it.
        why: String,
    },
    /// The time zone.
    #[error("timezone `{0}` is not in the tz database")]
    Timezone(String),
}

impl Schedule {
    /// Understands five fields of cron and a name of the tz database.
    pub fn parse(line: &str, timezone: &str) -> Result<Self, ScheduleError> {
        let fault = |why: String| ScheduleError::Line { line: line.to_owned(), why };
        let cron =
            CronParser::builder().seconds(Seconds::Disallowed).build().parse(line).map_err(|e| fault(e.to_string()))?;
        let schedule = Self { cron, timezone: self::timezone(timezone)? };
        // A line such as `0 0 30 2 *` is well-formed and never due: silence that nobody would notice.
        let some_instant = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
        if schedule.next_after(some_instant).is_none() {
            return Err(fault("is never due".into()));
        }
        Ok(schedule)
    }

    /// The first due instant later than `after`.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron
            .find_next_occurrence(&after.with_timezone(&self.timezone), false)
            .ok()
            .map(|at| at.with_timezone(&Utc))
    }

    /// Due instants in `(after, until]`, oldest first, the latest `DUE_MAX` of them.
    pub fn due(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let mut due = std::collections::VecDeque::new();
        let mut at = after;
        while let Some(next) = self.next_after(at).filter(|next| *next <= until && *next > at) {
            if due.len() == DUE_MAX {
                due.pop_front();
            }
            due.push_back(next);
            at = next;
        }
        due.into()
    }

    /// The line as the timer takes it, seconds first.
    pub fn timer_line(&self) -> String {
        format!("0 {}", self.cron.as_str())
    }

    /// The time zone.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }
}

/// A name of the tz database.
fn timezone(name: &str) -> Result<Tz, ScheduleError> {
    name.parse().map_err(|_| ScheduleError::Timezone(name.to_owned()))
}

/// What to do about due instants, oldest first: those to record as missed, and the one to run.
pub fn plan(mut due: Vec<DateTime<Utc>>, run_latest: bool) -> (Vec<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let run = if run_latest { due.pop() } else { None };
    (due, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn due_instants_follow_the_local_clock_over_both_changes_of_daylight_saving_time() {
        let daily = Schedule::parse("30 6 * * *", "Europe/Berlin").unwrap();
        assert_eq!(
            daily.due(at("2026-03-28T00:00:00Z"), at("2026-03-30T23:00:00Z")),
            [at("2026-03-28T05:30:00Z"), at("2026-03-29T04:30:00Z"), at("2026-03-30T04:30:00Z")]
        );
        assert_eq!(
            daily.due(at("2026-10-24T00:00:00Z"), at("2026-10-26T23:00:00Z")),
            [at("2026-10-24T04:30:00Z"), at("2026-10-25T05:30:00Z"), at("2026-10-26T05:30:00Z")]
        );
    }

    #[test]
    fn an_hour_that_happens_twice_is_due_once_and_one_that_does_not_exist_still_is() {
        let night = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
        assert_eq!(night.due(at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z")).len(), 1);
        assert_eq!(night.due(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")).len(), 1);
    }

    #[test]
    fn an_instant_is_due_at_its_end_and_not_again_after_it() {
        let hourly = Schedule::parse("0 * * * *", "UTC").unwrap();
        assert_eq!(hourly.due(at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z")), [at("2026-01-01T01:00:00Z")]);
        assert!(hourly.due(at("2026-01-01T01:00:00Z"), at("2026-01-01T01:59:59Z")).is_empty());
    }

    #[test]
    fn the_29th_of_february_is_due_in_leap_years_alone() {
        let leap = Schedule::parse("0 0 29 2 *", "UTC").unwrap();
        assert_eq!(leap.next_after(at("2026-01-01T00:00:00Z")), Some(at("2028-02-29T00:00:00Z")));
    }

    #[test]
    fn lines_with_seconds_of_no_sense_or_never_due_are_refused() {
        for line in ["* * * * * *", "61 * * * *", "hourly please", "", "0 0 30 2 *"] {
            assert!(Schedule::parse(line, "UTC").is_err(), "{line}");
        }
        assert!(Schedule::parse("0 0 * * *", "Mars/Olympus").is_err());
    }
}
