//! The calendar of what is done each quarter: quarters and business days, in UTC.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::fmt;

/// A calendar quarter in UTC, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter(NaiveDate);

impl Quarter {
    /// The quarter that the instant lies in.
    pub fn of(at: DateTime<Utc>) -> Self {
        let day = at.date_naive();
        let first = day.with_day(1).and_then(|first| first.with_month(day.month0() / 3 * 3 + 1));
        Self(first.unwrap_or(day))
    }

    /// The one before it.
    pub(super) fn before(self) -> Self {
        Self(self.0.checked_sub_months(Months::new(3)).unwrap_or(self.0))
    }

    /// The first day after it.
    pub(super) fn end(self) -> NaiveDate {
        self.0.checked_add_months(Months::new(3)).unwrap_or(self.0)
    }

    pub(super) fn last_day(self) -> NaiveDate {
        self.end().checked_sub_days(Days::new(1)).unwrap_or(self.0)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}Q{}", self.0.year(), self.0.month0() / 3 + 1)
    }
}

/// The first instant of a day.
pub(super) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// So much later, or the last instant that there is.
pub(super) fn later(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The last of so many business days, Monday to Friday, after the day of the instant. Public holidays
/// differ from place to place and are not known here: they count.
pub(super) fn business_days_after(at: DateTime<Utc>, days: u32) -> NaiveDate {
    let business = |day: &NaiveDate| day.weekday().num_days_from_monday() < 5;
    let later = at.date_naive().iter_days().skip(1);
    later.filter(business).take(days as usize).last().unwrap_or(at.date_naive())
}

#[cfg(test)]
mod tests {
    use super::business_days_after;

    #[test]
    fn weekends_are_no_business_days_and_the_day_itself_does_not_count() {
        for (at, days, last) in [
            ("2026-03-02T00:00:00Z", 1, "2026-03-03"),
            ("2026-03-02T23:59:59Z", 5, "2026-03-09"),
            ("2026-03-06T12:00:00Z", 1, "2026-03-09"),
            ("2026-03-07T12:00:00Z", 1, "2026-03-09"),
            ("2026-03-08T23:59:59Z", 10, "2026-03-20"),
            ("2026-02-27T12:00:00Z", 10, "2026-03-13"),
            ("2027-12-31T12:00:00Z", 10, "2028-01-14"),
        ] {
            assert_eq!(business_days_after(at.parse().unwrap(), days).to_string(), last, "{at} {days}");
        }
    }
}
