//! From changes of state to the timeline of a period: intervals, drifts, exposure, time to repair. Pure.
//!
//! A state is seen by looking, so when it began is known only to lie between two looks, unless time alone or a
//! waiver brought it about. Every figure that depends on that is given three times: at least, as observed, at
//! most. As observed counts from the look that shows a state to the look that shows the next.
//!
//! - `spells`: the same for single items.
//! - `read`: changes and items out of sealed records.

mod read;
mod spells;

pub(crate) use read::{changes, spells};
pub use spells::{Look, Spell, Spells};

use crate::drift::{Ending, State, is_ahead};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::BTreeMap;

/// A change of state, as recorded or, where nobody has recorded it yet, as it follows from what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its record; `None`: it is on no record.
    pub record: Option<u64>,
    /// What it was; `None` at the first observation.
    pub from: Option<State>,
    /// What it is from here on.
    pub to: State,
    /// The last observation that showed otherwise; `None` at the first.
    pub before_at: Option<DateTime<Utc>>,
    /// The instant of the change, where that is known.
    pub since: Option<DateTime<Utc>>,
    /// The observation that shows it.
    pub observed_at: DateTime<Utc>,
    /// How the last bad items ended, if some did.
    pub ended: Option<Ending>,
}

impl Change {
    /// From when on it is shown.
    fn shown(&self) -> DateTime<Utc> {
        self.since.unwrap_or(self.observed_at)
    }

    /// From when on it may have been so; `None`: nobody had looked before.
    fn earliest(&self) -> Option<DateTime<Utc>> {
        self.since.or(self.before_at)
    }
}

/// A stretch of time in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// The state; `None`: none is on record, for nobody had looked.
    pub state: Option<State>,
    /// Its first instant in the period, as observed.
    pub from: DateTime<Utc>,
    /// As early it may have begun, before the period too; `None`: not known.
    pub earliest: Option<DateTime<Utc>>,
    /// The first instant after it, as observed, or the end of what is known.
    pub until: DateTime<Utc>,
    /// The record of the change that began it.
    pub record: Option<u64>,
}

/// How long something lasted, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lasted {
    /// From the first look that shows it to the last one.
    pub at_least_s: i64,
    /// From the first look that shows it to the one that shows its end.
    pub observed_s: i64,
    /// From the last look before it to the one that shows its end.
    pub at_most_s: i64,
}

/// Time in which a control that is watched was not effective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The worst that it was.
    pub worst: State,
    /// From when on it is shown, before the period too.
    pub from: DateTime<Utc>,
    /// As early it may have begun; `None`: nobody had looked before, or it is not shown.
    pub earliest: Option<DateTime<Utc>>,
    /// It may be older than `from`: what was before is not shown.
    pub began_before: bool,
    /// From when on it is shown to be effective again; `None`: not by the end of what is known.
    pub until: Option<DateTime<Utc>>,
    /// As early it may have been effective again.
    pub until_earliest: Option<DateTime<Utc>>,
    /// How it ended: `resolved` also when what could not be read was read.
    pub ended: Option<Ending>,
    /// How long, before the period too; of one that is open, to the end of what is known.
    pub lasted: Lasted,
    /// The record of the change that began it, and that of the one that ended it.
    pub records: (Option<u64>, Option<u64>),
}

/// The sums of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Seconds of the period up to the end of what is known.
    pub known_s: i64,
    /// Seconds in each state, as observed; without any state on record it is unmonitored.
    pub seconds: BTreeMap<State, i64>,
    /// Seconds effective, at least: without the time in which it may have drifted already, or was not yet seen
    /// to be effective again.
    pub effective_at_least_s: i64,
    /// Seconds watched and not effective.
    pub exposure: Lasted,
    /// Drifts that touch the period.
    pub drifts: u64,
    /// Those that are open at its end.
    pub open: u64,
    /// Those of it that ended, by how.
    pub ended: BTreeMap<Ending, u64>,
    /// Median time to repair of those that ended as `resolved`, as observed, seconds.
    pub repair_median_s: Option<i64>,
    /// The longest of them, as observed, seconds.
    pub repair_longest_s: Option<i64>,
    /// The longest that one of them may have been, seconds.
    pub repair_at_most_s: Option<i64>,
}

/// A period of one control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// Without holes, oldest first.
    pub intervals: Vec<Interval>,
    /// Oldest first.
    pub drifts: Vec<Drift>,
    /// What it is at the end of what is known; `None`: none is on record.
    pub state_at_end: Option<State>,
    /// The sums.
    pub totals: Totals,
}

/// Hundredths of a percent as percent: `99.87`.
pub fn percent(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A length of time in words: `2 d 3 h 4 min`; below a minute, seconds.
pub fn span(seconds: i64) -> String {
    let minutes = seconds / 60;
    let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if parts.is_empty() { format!("{seconds} s") } else { parts.join(" ") }
}

impl Totals {
    /// What of the known time it was effective, in hundredths of a percent, rounded down: as observed, and at
    /// least.
    pub fn effective_share(&self) -> (i64, i64) {
        let share = |seconds: i64| if self.known_s > 0 { seconds * 10_000 / self.known_s } else { 0 };
        (share(self.seconds.get(&State::Effective).copied().unwrap_or_default()), share(self.effective_at_least_s))
    }
}

/// Folds the changes of a control, in order of their records, over `shown`: the period up to what is known of
/// it. Changes before it tell what it was when it began, and when a drift began that reaches into it.
pub fn fold(changes: &[Change], shown: Window) -> Timeline {
    let changes = &in_order(changes);
    let intervals = intervals(changes, shown);
    let drifts: Vec<Drift> = drifts(changes, shown.end)
        .into_iter()
        .filter(|drift| drift.until.is_none_or(|until| until > shown.start))
        .collect();
    let totals = totals(&intervals, &drifts, shown);
    let state_at_end = changes.iter().rfind(|change| change.shown() <= shown.end).map(|change| change.to);
    Timeline { intervals, drifts, state_at_end, totals }
}

/// In the order of time too: what a clock that was ahead dated is no later than what was recorded after it. Nothing is
/// left out; when it was, is known only to lie behind what was recorded before that clock.
pub(crate) fn in_order(changes: &[Change]) -> Vec<Change> {
    let mut ordered: Vec<Change> = Vec::new();
    for change in changes {
        let shown = change.shown();
        let sound = ordered.iter().rposition(|earlier| !is_ahead(earlier.shown(), shown)).map_or(0, |last| last + 1);
        let before_at = sound.checked_sub(1).map(|last| ordered[last].shown());
        let mut change = change.clone();
        for ahead in &mut ordered[sound..] {
            (ahead.since, ahead.before_at, ahead.observed_at) = (None, before_at, shown);
            change.before_at = before_at;
        }
        ordered.push(change);
    }
    ordered
}

fn intervals(changes: &[Change], shown: Window) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut at = Interval { state: None, from: shown.start, earliest: None, until: shown.end, record: None };
    for change in changes {
        // That a control which deviates got new deviations is a change, and no other state.
        if at.state == Some(change.to) {
            continue;
        }
        let from = change.shown().clamp(at.from, shown.end.max(at.from));
        let next = Interval {
            state: Some(change.to),
            from,
            earliest: change.earliest(),
            until: shown.end,
            record: change.record,
        };
        intervals.push(Interval { until: from, ..std::mem::replace(&mut at, next) });
    }
    intervals.push(at);
    intervals.retain(|interval| interval.from < interval.until);
    intervals
}

fn drifts(changes: &[Change], known_until: DateTime<Utc>) -> Vec<Drift> {
    let mut drifts: Vec<Drift> = Vec::new();
    let mut first = true;
    for change in changes.iter().filter(|change| change.shown() <= known_until) {
        let open = drifts.last_mut().filter(|drift| drift.until.is_none());
        match (open, change.to) {
            (Some(drift), State::Effective) => {
                drift.until = Some(change.shown().max(drift.from));
                drift.until_earliest = change.earliest().map(|at| at.max(drift.from));
                drift.ended = Some(change.ended.unwrap_or(Ending::Resolved));
                drift.records.1 = change.record;
            }
            (Some(drift), to) => {
                drift.worst = drift.worst.max(to);
                // What was found after it went stale may have been there before.
                drift.earliest = drift.earliest.zip(change.earliest()).map(|(a, b)| a.min(b));
            }
            (None, State::Effective | State::Unmonitored) => {}
            (None, to) => drifts.push(Drift {
                worst: to,
                from: change.shown(),
                earliest: change.earliest().filter(|_| change.from == Some(State::Effective)),
                began_before: first && change.from.is_some_and(|from| from != State::Effective),
                until: None,
                until_earliest: None,
                ended: None,
                lasted: Lasted::default(),
                records: (change.record, None),
            }),
        }
        first = false;
    }
    for drift in &mut drifts {
        drift.lasted = drift.within(Window { start: DateTime::<Utc>::MIN_UTC, end: known_until });
    }
    drifts
}

impl Drift {
    /// How much of it lies in a window.
    fn within(&self, window: Window) -> Lasted {
        let until = self.until.unwrap_or(window.end);
        let earliest = self.earliest.unwrap_or(self.from);
        let between = |from: DateTime<Utc>, until: DateTime<Utc>| {
            (until.min(window.end) - from.max(window.start)).num_seconds().max(0)
        };
        Lasted {
            at_least_s: between(self.from, self.until_earliest.unwrap_or(until)),
            observed_s: between(self.from, until),
            at_most_s: between(earliest, until),
        }
    }
}

fn totals(intervals: &[Interval], drifts: &[Drift], shown: Window) -> Totals {
    let mut seconds: BTreeMap<State, i64> = BTreeMap::new();
    for interval in intervals {
        let state = interval.state.unwrap_or(State::Unmonitored);
        *seconds.entry(state).or_default() += (interval.until - interval.from).num_seconds();
    }
    let mut exposure = Lasted::default();
    let mut ended: BTreeMap<Ending, u64> = BTreeMap::new();
    let mut repairs: Vec<Lasted> = Vec::new();
    for drift in drifts {
        let here = drift.within(shown);
        exposure.at_least_s += here.at_least_s;
        exposure.observed_s += here.observed_s;
        exposure.at_most_s += here.at_most_s;
        if let Some(how) = drift.ended {
            *ended.entry(how).or_default() += 1;
            // What is accepted, or out of sight, was not repaired.
            if how == Ending::Resolved {
                repairs.push(drift.lasted);
            }
        }
    }
    repairs.sort_by_key(|lasted| lasted.observed_s);
    let effective = seconds.get(&State::Effective).copied().unwrap_or_default();
    Totals {
        known_s: (shown.end - shown.start).num_seconds(),
        effective_at_least_s: (effective - (exposure.at_most_s - exposure.observed_s)).max(0),
        seconds,
        exposure,
        drifts: drifts.len() as u64,
        open: drifts.iter().filter(|drift| drift.until.is_none()).count() as u64,
        ended,
        // Of an even number the later one: no time is named that nobody took.
        repair_median_s: repairs.get(repairs.len() / 2).map(|lasted| lasted.observed_s),
        repair_longest_s: repairs.last().map(|lasted| lasted.observed_s),
        repair_at_most_s: repairs.iter().map(|lasted| lasted.at_most_s).max(),
    }
}

#[cfg(test)]
mod tests;
