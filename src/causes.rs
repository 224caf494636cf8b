//! Why controls drifted, and what was done about it: the causes on record, and the drifts that still lack one. Reads
//! only; `cli::cause` records one. That a drift is over no cause can say: a later verdict does.

use crate::config::{Loaded, Severity};
use crate::drift::{Ending, State};
use crate::history::{HistoryError, drifts};
use crate::ledger::record::{Body, Compensation, Effect};
use crate::ledger::{Filter, LedgerError, Reader};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// A cause on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Its record.
    pub record: u64,
    /// Of which control.
    pub control: String,
    /// The transition that began the drift.
    pub drift: u64,
    /// Why it happened.
    pub cause: String,
    /// How far that reaches.
    pub effect: Effect,
    /// How that was found out.
    pub determined: String,
    /// What was done about it.
    pub correction: String,
    /// Who answers for it.
    pub owner: String,
    /// Another control that did the work meanwhile.
    pub compensation: Option<Compensation>,
    /// What management says to it.
    pub response: Option<String>,
    /// The account that recorded it, as claimed.
    pub recorded_by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Cause {
    /// The cause in a record, if it is one.
    pub fn of(record: u64, body: Body) -> Option<Self> {
        let Body::Cause {
            control,
            drift,
            cause,
            effect,
            determined,
            correction,
            owner,
            compensation,
            response,
            recorded_by,
            recorded_at: at,
        } = body
        else {
            return None;
        };
        Some(Self {
            record,
            control,
            drift,
            cause,
            effect,
            determined,
            correction,
            owner,
            compensation,
            response,
            recorded_by,
            at,
        })
    }
}

/// Whether a drift begins with that change of state.
pub(crate) fn begins_drift(from: Option<State>, to: State) -> bool {
    let good = |state| matches!(state, State::Effective | State::Unmonitored);
    from.is_none_or(good) && !good(to)
}

/// Every cause on record, of all controls, oldest first.
pub fn all(reader: &Reader) -> Result<Vec<Cause>, LedgerError> {
    let mut found = Vec::new();
    for record in reader.records(0..u64::MAX, &Filter::kind("cause")) {
        let (index, record) = record?;
        found.extend(Cause::of(index, record.body));
    }
    Ok(found)
}

/// Days in which a drift of a control must end.
pub fn days_to_close(severity: Severity) -> i64 {
    match severity {
        Severity::Critical => 7,
        Severity::High => 30,
        Severity::Medium => 60,
        Severity::Low => 90,
    }
}

/// How it stands with the cause of a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is on no record, and the time to close the drift has passed.
    Late,
    /// It is on no record yet.
    Due,
    /// It is on record.
    Recorded,
}

/// A drift, and what was said of it.
#[derive(Debug, Clone, Serialize)]
pub struct Owed {
    /// Of which control.
    pub control: String,
    /// Who answers for it now.
    pub owner: String,
    /// The transition that began it; what a cause is recorded for.
    pub drift: u64,
    /// The worst that it was.
    pub worst: State,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when; `None`: it is open.
    pub until: Option<DateTime<Utc>>,
    /// How it ended.
    pub ended: Option<Ending>,
    /// How it stands with its cause.
    pub standing: Standing,
    /// The first instant at which that is late.
    pub late_from: DateTime<Utc>,
    /// Everything that was said, oldest first.
    pub causes: Vec<Cause>,
}

/// Every drift of every configured control: those without a cause first, then by time.
pub fn owed(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Vec<Owed>, HistoryError> {
    let said = all(reader)?;
    let mut owed = Vec::new();
    for (control, configured) in &loaded.config.controls {
        for drift in drifts(reader, loaded, control, now)? {
            let Some(began) = drift.records.0 else { continue };
            let causes: Vec<Cause> =
                said.iter().filter(|cause| cause.control == *control && cause.drift == began).cloned().collect();
            let late_from = drift.from + TimeDelta::days(days_to_close(configured.severity));
            let standing = match (causes.is_empty(), now < late_from) {
                (false, _) => Standing::Recorded,
                (true, true) => Standing::Due,
                (true, false) => Standing::Late,
            };
            owed.push(Owed {
                control: control.clone(),
                owner: configured.owner.clone(),
                drift: began,
                worst: drift.worst,
                from: drift.from,
                until: drift.until,
                ended: drift.ended,
                standing,
                late_from,
                causes,
            });
        }
    }
    owed.sort_by(|a, b| (a.standing, a.from, &a.control).cmp(&(b.standing, b.from, &b.control)));
    Ok(owed)
}

#[cfg(test)]
mod tests {
    use super::{State, begins_drift};

    #[test]
    fn a_drift_begins_where_a_control_that_was_well_or_not_watched_is_not_effective() {
        for state in [State::Stale, State::Indeterminate, State::Deviating] {
            assert!(begins_drift(None, state) && begins_drift(Some(State::Effective), state), "{state:?}");
            assert!(!begins_drift(Some(State::Stale), state), "it had begun: {state:?}");
            assert!(!begins_drift(Some(state), State::Effective) && !begins_drift(Some(state), State::Unmonitored));
        }
    }
}
