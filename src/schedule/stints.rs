//! From when until when each collector had to read for a control, by what configurations say. Pure.

use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use std::collections::BTreeMap;

/// The stint of each collector in the period. `said` is, oldest first, from when on which collectors feed the control;
/// none: from there on it is not there. What it had first in the period counts from the period's beginning, and what
/// took over from the end of what it had before: what was not there yet was not read.
pub fn stints<'a>(
    said: impl IntoIterator<Item = (DateTime<Utc>, &'a [String])>,
    period: Window,
) -> BTreeMap<String, Window> {
    let said: Vec<_> = said.into_iter().collect();
    let mut stints: BTreeMap<String, Window> = BTreeMap::new();
    let mut start = period.start;
    for (nth, (from, collectors)) in said.iter().enumerate() {
        let end = said.get(nth + 1).map_or(period.end, |(next, _)| (*next).min(period.end));
        if collectors.is_empty() || *from >= period.end || end <= start {
            continue;
        }
        for collector in *collectors {
            stints.entry(collector.clone()).or_insert(Window { start, end }).end = end;
        }
        start = end;
    }
    stints
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Day of January 2026.
    fn day(day: u32) -> DateTime<Utc> {
        format!("2026-01-{day:02}T00:00:00Z").parse().unwrap()
    }

    fn of(said: &[(u32, &[&str])]) -> Vec<(String, DateTime<Utc>, DateTime<Utc>)> {
        let said: Vec<(DateTime<Utc>, Vec<String>)> =
            said.iter().map(|(at, names)| (day(*at), names.iter().map(|name| (*name).to_owned()).collect())).collect();
        let period = Window { start: day(10), end: day(20) };
        let stints = stints(said.iter().map(|(at, names)| (*at, names.as_slice())), period);
        stints.into_iter().map(|(name, stint)| (name, stint.start, stint.end)).collect()
    }

    fn stint(name: &str, start: u32, end: u32) -> (String, DateTime<Utc>, DateTime<Utc>) {
        (name.to_owned(), day(start), day(end))
    }

    #[test]
    fn what_a_control_had_first_counts_from_the_beginning_of_the_period() {
        assert_eq!(of(&[(1, &["a"])]), [stint("a", 10, 20)]);
        assert_eq!(of(&[(19, &["a"])]), [stint("a", 10, 20)], "taken on in the last hours");
        assert_eq!(of(&[(1, &["a"]), (5, &[]), (19, &["a"])]), [stint("a", 10, 20)], "and had once before");
        assert_eq!(of(&[(1, &["a"]), (5, &["b"])]), [stint("b", 10, 20)], "what fed it before the period is no matter");
        assert!(of(&[]).is_empty() && of(&[(20, &["a"])]).is_empty());
    }

    #[test]
    fn what_took_over_counts_from_there_on_and_a_time_without_any_was_not_read() {
        assert_eq!(of(&[(1, &["a"]), (15, &["b"])]), [stint("a", 10, 15), stint("b", 15, 20)]);
        assert_eq!(of(&[(1, &["a"]), (15, &["a", "b"])]), [stint("a", 10, 20), stint("b", 15, 20)]);
        assert_eq!(of(&[(1, &["a"]), (12, &[]), (15, &["b"])]), [stint("a", 10, 12), stint("b", 12, 20)]);
        assert_eq!(of(&[(1, &["a"]), (12, &[]), (15, &["a"])]), [stint("a", 10, 20)], "taken out and in again");
        assert_eq!(of(&[(1, &["a"]), (15, &[])]), [stint("a", 10, 15)], "taken out for good");
    }
}
