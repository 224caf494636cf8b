//! From a cron line to due instants (slots), and from slots and what happened to the run calendar. Pure: knows
//! nothing of controls, clocks or ledgers. `cadence` is how often a control must be read and whether it was,
//! `stints` who had to read it when, `forgets` when a source forgets, `quiet` when nobody is to be told.

mod cadence;
mod calendar;
mod forgets;
mod quiet;
mod stints;

pub use cadence::{Cadence, Frequency, Met, cadence};
pub use calendar::{Answer, Answered, Outcome, PATIENCE, Slot, Term, calendar, due};
pub use forgets::{Forgets, forgets_at};
pub use quiet::Quiet;
pub use stints::stints;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use serde::Deserialize;
use std::collections::BTreeMap;

/// When a collector is due: a cron line in a time zone.
///
/// Across changes of daylight saving time a fixed hour that does not exist is due when the clocks have
/// jumped, and one that happens twice is due once (croner's rules).
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    timezone: Tz,
}

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
        if schedule.next_after(some_instant()).is_none() {
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

    /// Due instants in `(after, until]`, oldest first, as they are asked for: none is left out, however many.
    pub fn due(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        let next = move |at| self.next_after(at).filter(|next| *next <= until);
        std::iter::successors(next(after), move |at| next(*at))
    }

    /// The longest time between two due instants in a row, as far as the next years' first `LOOKED_AT` tell.
    pub fn longest_interval(&self) -> TimeDelta {
        const LOOKED_AT: usize = 1_000;
        let mut at = some_instant();
        let mut longest = TimeDelta::zero();
        for nth in 0..LOOKED_AT {
            let Some(next) = self.next_after(at) else { break };
            if nth > 0 {
                longest = longest.max(next - at);
            }
            if next - some_instant() > TimeDelta::days(3 * 366) && nth > 1 {
                break;
            }
            at = next;
        }
        longest
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

/// The schedules that a configuration states, in the form in which it is sealed, by collector. What else it
/// says is not looked at.
pub fn stated(configuration: &[u8]) -> Result<BTreeMap<String, Schedule>, StatedError> {
    #[derive(Deserialize)]
    struct Configuration {
        collectors: BTreeMap<String, Line>,
    }
    #[derive(Deserialize)]
    struct Line {
        schedule: String,
        timezone: String,
    }
    let stated: Configuration = serde_json::from_slice(configuration)?;
    let parsed = |(name, line): (String, Line)| Ok((name, Schedule::parse(&line.schedule, &line.timezone)?));
    stated.collectors.into_iter().map(parsed).collect()
}

/// A sealed configuration whose schedules cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum StatedError {
    /// Its form.
    #[error("the schedules in it cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// One of the schedules.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// A name of the tz database.
fn timezone(name: &str) -> Result<Tz, ScheduleError> {
    name.parse().map_err(|_| ScheduleError::Timezone(name.to_owned()))
}

/// Where questions about a line as such begin: any instant would do.
fn some_instant() -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn all(schedule: &Schedule, after: &str, until: &str) -> Vec<DateTime<Utc>> {
        schedule.due(at(after), at(until)).collect()
    }

    #[test]
    fn due_instants_follow_the_local_clock_over_both_changes_of_daylight_saving_time() {
        let daily = Schedule::parse("30 6 * * *", "Europe/Berlin").unwrap();
        assert_eq!(
            all(&daily, "2026-03-28T00:00:00Z", "2026-03-30T23:00:00Z"),
            [at("2026-03-28T05:30:00Z"), at("2026-03-29T04:30:00Z"), at("2026-03-30T04:30:00Z")]
        );
        assert_eq!(
            all(&daily, "2026-10-24T00:00:00Z", "2026-10-26T23:00:00Z"),
            [at("2026-10-24T04:30:00Z"), at("2026-10-25T05:30:00Z"), at("2026-10-26T05:30:00Z")]
        );
    }

    #[test]
    fn an_hour_that_happens_twice_is_due_once_and_one_that_does_not_exist_still_is() {
        let night = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
        assert_eq!(all(&night, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z").len(), 1);
        assert_eq!(all(&night, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z").len(), 1);
    }

    #[test]
    fn an_instant_is_due_at_its_end_and_not_again_after_it() {
        let hourly = Schedule::parse("0 * * * *", "UTC").unwrap();
        assert_eq!(all(&hourly, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"), [at("2026-01-01T01:00:00Z")]);
        assert!(all(&hourly, "2026-01-01T01:00:00Z", "2026-01-01T01:59:59Z").is_empty());
    }

    #[test]
    fn the_29th_of_february_is_due_in_leap_years_alone() {
        let leap = Schedule::parse("0 0 29 2 *", "UTC").unwrap();
        assert_eq!(leap.next_after(at("2026-01-01T00:00:00Z")), Some(at("2028-02-29T00:00:00Z")));
    }

    #[test]
    fn the_longest_interval_is_the_one_over_the_weekend_and_over_the_long_month() {
        let longest = |line| Schedule::parse(line, "Europe/Berlin").unwrap().longest_interval();
        assert_eq!(longest("0 */6 * * *"), TimeDelta::hours(7), "the night that clocks go back");
        assert_eq!(longest("0 6 * * 1-5"), TimeDelta::hours(73));
        assert_eq!(longest("*/5 9-16 * * 1-5"), TimeDelta::minutes(64 * 60 + 5));
        assert_eq!(longest("0 0 1 * *"), TimeDelta::days(31) + TimeDelta::hours(1));
    }

    #[test]
    fn lines_with_seconds_of_no_sense_or_never_due_are_refused() {
        for line in ["* * * * * *", "61 * * * *", "hourly please", "", "0 0 30 2 *"] {
            assert!(Schedule::parse(line, "UTC").is_err(), "{line}");
        }
        assert!(Schedule::parse("0 0 * * *", "Mars/Olympus").is_err());
    }

    /// Whether the minute is due, told by the wall clock of the time zone alone: the second opinion on what croner
    /// makes of changes of daylight saving time.
    fn due_by_wall_clock(line: (&[u32], &[u32]), zone: Tz, at: DateTime<Utc>) -> bool {
        use chrono::{MappedLocalTime, TimeDelta, TimeZone, Timelike};
        let (minutes, hours) = line;
        let matches = |local: chrono::NaiveDateTime| {
            minutes.contains(&local.minute()) && hours.contains(&local.hour()) && local.second() == 0
        };
        let local = at.with_timezone(&zone).naive_local();
        let fixed = minutes.len() == 1 && hours.len() == 1;
        if matches(local) {
            let second = matches!(zone.from_local_datetime(&local), MappedLocalTime::Ambiguous(first, _) if first < at);
            return !(fixed && second);
        }
        // When the clocks have jumped: over the hour, if it is a fixed one.
        let before = (at - TimeDelta::minutes(1)).with_timezone(&zone).naive_local();
        let jumped = (1..(local - before).num_minutes()).map(|minute| before + TimeDelta::minutes(minute));
        fixed && jumped.into_iter().any(matches)
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 400, failure_persistence: None, ..Default::default() })]

        #[test]
        fn what_is_due_is_what_a_wall_clock_shows_minute_by_minute_also_when_it_is_put_back_or_forward(
            zone in proptest::sample::select(&["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                "Africa/Casablanca", "America/Santiago", "Asia/Kathmandu"][..]),
            minutes in proptest::sample::subsequence((0..60).step_by(5).collect::<Vec<u32>>(), 1..4),
            hours in proptest::sample::subsequence((0..24).collect::<Vec<u32>>(), 1..8),
            day in 0..1500_i64,
            change in 0..2_usize,
            begin in 0..86_400_000_i64,
        ) {
            use chrono::{Offset, TimeDelta, TimeZone};
            let zone: Tz = zone.parse().unwrap();
            let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
            // Half of the cases begin just before the clocks are changed.
            let mut day = at("2024-01-01T00:00:00Z") + TimeDelta::days(day);
            for _ in 0..400 * change {
                if offset(day) != offset(day + TimeDelta::days(1)) {
                    break;
                }
                day += TimeDelta::days(1);
            }
            let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let line = format!("{} {} * * *", list(&minutes), list(&hours));
            let schedule = Schedule::parse(&line, zone.name()).unwrap();
            let (after, until) = (day + TimeDelta::milliseconds(begin), day + TimeDelta::days(2));
            let found: Vec<_> = schedule.due(after, until).collect();
            let whole = (1..=2 * 1440).map(|minute| day + TimeDelta::minutes(minute)).filter(|at| *at > after);
            let expected: Vec<_> = whole.filter(|at| due_by_wall_clock((&minutes, &hours), zone, *at)).collect();
            proptest::prop_assert_eq!(found, expected, "{} {} after {}", line, zone, after);
        }
    }
}
