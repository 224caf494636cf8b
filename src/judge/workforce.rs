//! What the tests of people share: who works here on a day, who is away, and how long what was late counts.

use super::register::{Check, days_after, row};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::register::Person;

/// The day as of which somebody is judged: today, or their last; or why nothing is asked of them.
pub(super) fn judged_on(person: &Person, as_of: DateTime<Utc>, counts_days: u32) -> Result<NaiveDate, Check> {
    let today = as_of.date_naive();
    let said = |seen: String| Check::good("person", "The person", seen).on([row(&person.at)]);
    if person.start > today {
        return Err(said(format!("starts on {}", person.start)).pending("not-started"));
    }
    let last = person.end.map(|end| end.day()).filter(|last| *last < today);
    if let Some(last) = last
        && days_after(last, counts_days) < today
    {
        return Err(said(format!("left on {last}")).excluded("left-before"));
    }
    let day = last.unwrap_or(today);
    match person.leave_start.filter(|start| *start <= day && person.leave_end.is_none_or(|end| day <= end)) {
        Some(start) => Err(said(format!("on leave since {start}")).excluded("on-leave")),
        None => Ok(day),
    }
}

/// The last day for something that falls due then, for somebody who may be away, and has so many days after that.
pub(super) fn due(person: &Person, due: NaiveDate, days: u32) -> NaiveDate {
    match (person.leave_start, person.leave_end) {
        // Who is away when it falls due has as long again from their last day away.
        (Some(start), Some(end)) if start <= due && due <= end => days_after(end, days),
        _ => due,
    }
}

/// Whether something late of that day still counts.
pub(super) fn still_counts(day: NaiveDate, today: NaiveDate, counts_days: u32) -> bool {
    days_after(day, counts_days) >= today
}
