//! The calendar of what is done each quarter: quarters and business days, in UTC.

pub(super) use crate::unit::midnight;

use crate::unit::{Every, Unit};
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use std::fmt;

/// A calendar quarter in UTC, as keys of items have it: `2026Q1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter(Unit);

impl Quarter {
    /// The quarter that the instant lies in.
    pub fn of(at: DateTime<Utc>) -> Self {
        Self(Unit::of(Every::Quarter, at.date_naive()))
    }

    /// The one before it.
    pub(super) fn before(self) -> Self {
        Self(self.0.before())
    }

    /// The first day after it.
    pub(super) fn end(self) -> NaiveDate {
        self.0.end()
    }

    pub(super) fn last_day(self) -> NaiveDate {
        self.end().checked_sub_days(Days::new(1)).unwrap_or(NaiveDate::MIN)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0.to_string().replace('-', ""))
    }
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
