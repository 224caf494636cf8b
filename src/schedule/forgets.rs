//! When a source begins to forget what was not read of it yet.

use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Remembers;
use serde::Serialize;

/// The first of what a source will have forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgets {
    /// From this instant on some of what was not read yet can never be read.
    pub at: DateTime<Utc>,
    /// The instant from which on this is a matter of concern: half of the source's memory is used up.
    pub soon_from: DateTime<Utc>,
    /// What is forgotten.
    pub what: &'static str,
    /// Where the source says so.
    pub documented: &'static str,
}

/// What a source forgets first of what happened after `read_to`, the end of the window of the newest complete
/// reading. `None`: it forgets nothing that the collector reads.
pub fn forgets_at(read_to: DateTime<Utc>, remembers: &[Remembers]) -> Option<Forgets> {
    let first = remembers.iter().min_by_key(|memory| memory.days)?;
    let lasts = TimeDelta::days(first.days.into());
    let (what, documented) = (first.what, first.documented);
    Some(Forgets { at: read_to + lasts, soon_from: read_to + lasts / 2, what, documented })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_memory_decides_and_no_memory_forgets_nothing() {
        let memory = |what, days| Remembers { what, days, documented: "d" };
        let read_to: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let forgets = forgets_at(read_to, &[memory("log", 365), memory("bypasses", 28)]).unwrap();
        assert_eq!((forgets.what, forgets.at), ("bypasses", "2026-01-29T00:00:00Z".parse().unwrap()));
        assert_eq!(forgets.soon_from, "2026-01-15T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(forgets_at(read_to, &[]), None);
    }
}
