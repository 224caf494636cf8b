//! The period that a command is about, and instants: written one way everywhere.

use crate::unit::{Unit, midnight};
use chrono::{DateTime, NaiveDate, Utc};
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
    /// The period by its name instead, in UTC: a year `2026`, a quarter `2026-Q1`, a month `2026-03`; or
    /// `FROM..TO`, without TO itself.
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

fn named(text: &str) -> Result<Window, String> {
    if let Some((start, end)) = text.split_once("..") {
        let (start, end) = (instant(start)?, instant(end)?);
        let window = Some(Window { start, end }).filter(|_| start < end);
        return window.ok_or_else(|| "the period ends before it begins".to_owned());
    }
    let unit = Unit::parse(text).map(Unit::window);
    unit.ok_or_else(|| "write a year like 2026, a quarter like 2026-Q1, a month like 2026-03, or FROM..TO".to_owned())
}
