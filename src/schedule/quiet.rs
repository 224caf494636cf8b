//! Quiet hours: from one time of the day to another, on some days of the week. Pure.

use super::{ScheduleError, timezone};
use chrono::{DateTime, Datelike, Days, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// Hours of the local clock in which nothing goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    from: NaiveTime,
    to: NaiveTime,
    /// On which they begin; empty: on every day.
    days: Vec<Weekday>,
    timezone: Tz,
}

impl Quiet {
    /// Understands `22:00`, `07:00`, `sat`. Refuses hours that never end.
    pub fn parse(from: &str, to: &str, weekdays: &[String], zone: &str) -> Result<Self, ScheduleError> {
        let fault = |line: &str, why: &str| ScheduleError::Line { line: line.to_owned(), why: why.to_owned() };
        let time = |text: &str| {
            NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| fault(text, "is no time of the day such as 22:00"))
        };
        let day = |text: &String| text.parse::<Weekday>().map_err(|_| fault(text, "is no day of the week such as sat"));
        let quiet = Self {
            from: time(from)?,
            to: time(to)?,
            days: weekdays.iter().map(day).collect::<Result<_, _>>()?,
            timezone: timezone(zone)?,
        };
        let whole_week = [0, 1, 2, 3, 4, 5, 6]
            .into_iter()
            .all(|day| Weekday::try_from(day).is_ok_and(|day| quiet.days.is_empty() || quiet.days.contains(&day)));
        if quiet.from == quiet.to && whole_week {
            return Err(fault(&format!("{from} to {to}"), "never ends: nothing would ever go out"));
        }
        Ok(quiet)
    }

    /// When the quiet ends, if it is quiet at `now`.
    pub fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut local = now.with_timezone(&self.timezone).naive_local();
        let mut end = None;
        // One quiet time may begin where another ends: Saturday and Sunday.
        for _ in 0..8 {
            let Some(later) = self.end(local) else { break };
            (end, local) = (Some(later), later);
        }
        end.map(|end| self.instant(end).max(now))
    }

    /// The end of the one quiet time that `local` is in.
    fn end(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = local.date();
        [today, today.checked_sub_days(Days::new(1))?].into_iter().find_map(|day| {
            let last = if self.from < self.to { day } else { day.checked_add_days(Days::new(1))? };
            let (begins, ends) = (day.and_time(self.from), last.and_time(self.to));
            let counts = self.days.is_empty() || self.days.contains(&day.weekday());
            (counts && begins <= local && local < ends).then_some(ends)
        })
    }

    /// What the local clock shows at that instant; of an hour that there is twice, the second.
    fn instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        let found = self.timezone.from_local_datetime(&local).latest();
        // An hour that the clock jumps over.
        let found = found.or_else(|| self.timezone.from_local_datetime(&(local + TimeDelta::hours(1))).latest());
        found.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
    }
}

impl std::fmt::Display for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {} {}", self.from.format("%H:%M"), self.to.format("%H:%M"), self.timezone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn quiet(from: &str, to: &str, days: &[&str]) -> Quiet {
        let days: Vec<String> = days.iter().map(|day| (*day).to_owned()).collect();
        Quiet::parse(from, to, &days, "Europe/Berlin").unwrap()
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_local_clock() {
        let night = quiet("22:00", "07:00", &[]);
        assert_eq!(night.until(at("2026-01-10T20:59:59Z")), None);
        assert_eq!(night.until(at("2026-01-10T21:00:00Z")), Some(at("2026-01-11T06:00:00Z")));
        assert_eq!(night.until(at("2026-01-11T05:59:59Z")), Some(at("2026-01-11T06:00:00Z")));
        assert_eq!(night.until(at("2026-01-11T06:00:00Z")), None);
        // The night in which the clocks go forward.
        assert_eq!(night.until(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T05:00:00Z")));
    }

    #[test]
    fn a_weekend_is_one_quiet_time() {
        let weekend = quiet("00:00", "00:00", &["sat", "sun"]);
        assert_eq!(weekend.until(at("2026-01-09T22:00:00Z")), None);
        assert_eq!(weekend.until(at("2026-01-09T23:30:00Z")), Some(at("2026-01-11T23:00:00Z")));
        assert_eq!(weekend.until(at("2026-01-11T23:00:00Z")), None);
    }

    #[test]
    fn hours_around_both_changes_of_the_clock_end_and_never_before_now() {
        let short = quiet("02:15", "02:45", &[]);
        for minute in 0..24 * 60 {
            for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
                let now = at(day) + TimeDelta::minutes(minute);
                if let Some(until) = short.until(now) {
                    assert!(now <= until && until <= now + TimeDelta::hours(2), "{now} {until}");
                }
            }
        }
    }

    #[test]
    fn quiet_that_never_ends_and_what_is_no_time_is_refused() {
        let all: Vec<String> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(str::to_owned).to_vec();
        for (from, to, days) in [("00:00", "00:00", &all), ("00:00", "00:00", &Vec::new()), ("25:00", "07:00", &all)] {
            assert!(Quiet::parse(from, to, days, "UTC").is_err(), "{from} {to}");
        }
        assert!(Quiet::parse("22:00", "07:00", &["someday".to_owned()], "UTC").is_err());
        assert!(Quiet::parse("22:00", "07:00", &[], "Mars/Olympus").is_err());
    }
}
