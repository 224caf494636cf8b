//! The period that a command is about, and instants: written one way everywhere.

use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use clap::CommandFactory;
use clap::error::ErrorKind;
use evidenced_collectors::contract::Window;

#[derive(Debug, clap::Args)]
pub(super) struct Period {
    /// First instant of the period: a date (midnight UTC) or an RFC 3339 time.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<DateTime<Utc>>,
    /// First instant after the period.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<DateTime<Utc>>,
    /// The period by its name instead, in UTC: a year `2026`, a quarter `2026-Q1`, a month `2026-03`.
    #[arg(long, value_name = "NAME", value_parser = named, conflicts_with_all = ["from", "to"])]
    period: Option<Window>,
}

impl Period {
    /// The period, which must have been given whole.
    pub(super) fn given(&self) -> anyhow::Result<Window> {
        match (self.period, self.from, self.to) {
            (Some(period), ..) => Ok(period),
            (None, Some(start), Some(end)) => checked(start, end),
            _ => usage("the period is missing: --from and --to, or --period"),
        }
    }

    /// The period; `None`: nothing of it was given.
    pub(super) fn maybe(&self) -> anyhow::Result<Option<Window>> {
        match (self.period, self.from, self.to) {
            (None, None, None) => Ok(None),
            _ => self.given().map(Some),
        }
    }

    /// The period; an end that was not given is that of `all`.
    pub(super) fn within(&self, all: Window) -> anyhow::Result<Window> {
        match self.period {
            Some(period) => Ok(period),
            None => checked(self.from.unwrap_or(all.start), self.to.unwrap_or(all.end)),
        }
    }
}

fn checked(start: DateTime<Utc>, end: DateTime<Utc>) -> anyhow::Result<Window> {
    if start >= end {
        usage("the period ends before it begins: --to is the first instant after it");
    }
    Ok(Window { start, end })
}

fn usage(why: &str) -> ! {
    super::Cli::command().error(ErrorKind::ValueValidation, why).exit()
}

/// A date, which is its midnight in UTC, or an RFC 3339 time.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(midnight(date));
    }
    text.parse::<DateTime<Utc>>().map_err(|_| "write a date like 2026-01-01 or a time like 2026-01-01T00:00:00Z".into())
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

fn named(text: &str) -> Result<Window, String> {
    let window = || {
        let (year, rest) = text.split_at_checked(4)?;
        let year = year.bytes().all(|byte| byte.is_ascii_digit()).then(|| year.parse::<u16>().ok())??;
        let (month, months) = match rest.as_bytes() {
            [] => (1, 12),
            [b'-', b'Q', quarter @ b'1'..=b'4'] => (u32::from(quarter - b'1') * 3 + 1, 3),
            [b'-', tens @ b'0'..=b'1', ones @ b'0'..=b'9'] => (u32::from(tens - b'0') * 10 + u32::from(ones - b'0'), 1),
            _ => return None,
        };
        let first = NaiveDate::from_ymd_opt(year.into(), month, 1)?;
        Some(Window { start: midnight(first), end: midnight(first.checked_add_months(Months::new(months))?) })
    };
    window().ok_or_else(|| "write a year like 2026, a quarter like 2026-Q1, or a month like 2026-03".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_name_and_no_other_spelling() {
        for (name, start, end) in [
            ("2026", "2026-01-01", "2027-01-01"),
            ("2026-Q1", "2026-01-01", "2026-04-01"),
            ("2026-Q4", "2026-10-01", "2027-01-01"),
            ("2024-02", "2024-02-01", "2024-03-01"),
            ("2026-12", "2026-12-01", "2027-01-01"),
        ] {
            let window = named(name).unwrap();
            assert_eq!((window.start, window.end), (instant(start).unwrap(), instant(end).unwrap()), "{name}");
        }
        for none in
            ["", "26", "2026-Q0", "2026-Q5", "2026-q1", "2026-00", "2026-13", "2026-3", "2026Q1", "+026", "2026-01-01"]
        {
            assert!(named(none).is_err(), "{none}");
        }
    }
}
