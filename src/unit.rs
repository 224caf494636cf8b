//! Units of the calendar by their names, in UTC: a month `2026-03`, a quarter `2026-Q1`, a year `2026`. What is
//! asked of somebody in each of them is decided elsewhere.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use evidenced_collectors::contract::Window;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// A calendar month.
    Month,
    /// A calendar quarter.
    Quarter,
    /// A calendar year.
    Year,
}

impl Every {
    fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }
}

/// One unit, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    every: Every,
    first: NaiveDate,
}

impl Unit {
    /// The unit that the day lies in.
    pub fn of(every: Every, day: NaiveDate) -> Self {
        let month0 = day.month0() / every.months() * every.months();
        let first = day.with_day(1).and_then(|first| first.with_month0(month0));
        Self { every, first: first.unwrap_or(day) }
    }

    /// From its name, which has one spelling; `None`: it is none.
    pub fn parse(name: &str) -> Option<Self> {
        let (year, rest) = name.split_at_checked(4)?;
        let year = year.bytes().all(|byte| byte.is_ascii_digit()).then(|| year.parse::<u16>().ok())??;
        let (every, month) = match rest.as_bytes() {
            [] => (Every::Year, 1),
            [b'-', b'Q', quarter @ b'1'..=b'4'] => (Every::Quarter, u32::from(quarter - b'1') * 3 + 1),
            [b'-', tens @ b'0'..=b'1', ones @ b'0'..=b'9'] => {
                (Every::Month, u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
            }
            _ => return None,
        };
        Some(Self { every, first: NaiveDate::from_ymd_opt(year.into(), month, 1)? })
    }

    /// How long it is.
    pub fn every(self) -> Every {
        self.every
    }

    /// The one before it.
    pub fn before(self) -> Self {
        Self { first: self.first.checked_sub_months(Months::new(self.every.months())).unwrap_or(self.first), ..self }
    }

    /// The one after it.
    pub fn after(self) -> Self {
        Self { first: self.end(), ..self }
    }

    /// The first day after it.
    pub fn end(self) -> NaiveDate {
        self.first.checked_add_months(Months::new(self.every.months())).unwrap_or(self.first)
    }

    /// Whether the day lies in it.
    pub fn contains(self, day: NaiveDate) -> bool {
        self.first <= day && day < self.end()
    }

    /// From its first instant to before the first one after it.
    pub fn window(self) -> Window {
        Window { start: midnight(self.first), end: midnight(self.end()) }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = self.first.year();
        match self.every {
            Every::Month => write!(to, "{year:04}-{:02}", self.first.month()),
            Every::Quarter => write!(to, "{year:04}-Q{}", self.first.month0() / 3 + 1),
            Every::Year => write!(to, "{year:04}"),
        }
    }
}

/// The first instant of a day.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_a_name_and_no_other_spelling() {
        for (name, first, end, before) in [
            ("2026", "2026-01-01", "2027-01-01", "2025"),
            ("2026-Q1", "2026-01-01", "2026-04-01", "2025-Q4"),
            ("2026-Q4", "2026-10-01", "2027-01-01", "2026-Q3"),
            ("2024-02", "2024-02-01", "2024-03-01", "2024-01"),
            ("2026-12", "2026-12-01", "2027-01-01", "2026-11"),
        ] {
            let unit = Unit::parse(name).unwrap();
            let day = |text: &str| text.parse::<NaiveDate>().unwrap();
            assert_eq!((unit.window().start, unit.window().end), (midnight(day(first)), midnight(day(end))), "{name}");
            assert_eq!((unit.to_string(), unit.before().to_string()), (name.to_owned(), before.to_owned()));
            assert_eq!(unit.before().after(), unit);
            assert_eq!(Unit::of(unit.every(), day(first)), unit);
            assert_eq!(Unit::of(unit.every(), day(end).pred_opt().unwrap()), unit);
            assert!(unit.contains(day(first)) && !unit.contains(day(end)));
        }
        for none in
            ["", "26", "2026-Q0", "2026-Q5", "2026-q1", "2026-00", "2026-13", "2026-3", "2026Q1", "+026", "2026-01-01"]
        {
            assert!(Unit::parse(none).is_none(), "{none}");
        }
    }
}
