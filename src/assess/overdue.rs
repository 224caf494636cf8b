//! What has become of a control without a run: it grew stale, a waiver of it began, ended or was revoked. What
//! of that is not on record yet, as records; and what the control is now, whether or not it is.

use super::{Before, Draft, LEAP, When, assess, assess_by, before, complete, control, observed, transition_record};
use crate::config::{ControlConfig, Loaded};
use crate::drift::{self, Standing, State};
use crate::judge::Verdict;
use crate::ledger::record::{Body, Occasion};
use crate::ledger::{Filter, Reader};
use crate::run::RunError;
use crate::waivers;
use chrono::{DateTime, Utc};

/// The earliest change by `until` that time or a waiver brought about and that is not on record yet, as
/// records: a control becomes stale, a waiver ends, is revoked, or was recorded and not considered yet. What
/// comes after it depends on it: ask again once it is on record. `now` is when somebody looks.
///
/// A waiver's end, and what else has an instant of its own, is judged as of that instant, over the evidence
/// there is. That makes nothing fresh: how old evidence may be is counted from when it was collected.
pub fn overdue(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Vec<Draft>>, RunError> {
    let Some(before) = before(reader, id, u64::MAX, now)? else { return Ok(None) };
    let due = due(reader, control(loaded, id)?, id, &before, u64::MAX, until)?;
    let Some((at, occasion)) = due else { return Ok(None) };
    if occasion != Occasion::Lapse {
        return Ok(Some(assess(reader, loaded, id, at, now)?.records(id, &occasion, until)?));
    }
    let stale = Standing::after(Some(&before.standing), State::Stale, None);
    let Some(transition) = drift::transition(Some(&before.standing), &stale, None, false) else { return Ok(None) };
    tracing::warn!(control = id, since = %at, "control became stale");
    let before_at = Some(before.as_of).filter(|before| *before <= at);
    let when = When { before_at, since: Some(at), observed_at: until };
    Ok(Some(vec![transition_record(id, &transition, when, &occasion)?]))
}

/// The first thing that happened to a control by `until` without a run, and is not on record among the first `size`.
fn due(
    reader: &Reader,
    control: &ControlConfig,
    id: &str,
    before: &Before,
    size: u64,
    until: DateTime<Utc>,
) -> Result<Option<(DateTime<Utc>, Occasion)>, RunError> {
    let mut due = waivers_due(reader, id, before, size)?;
    // A state that is bad already does not become stale: what is worse stays on record.
    if before.standing.state == State::Effective {
        let observed = observed(reader, control, before.outcome, (before.as_of, before.at), &before.evidence)?;
        let stale_from = match observed.stale_from(control.stale_after().delta()) {
            // The clock was ahead: as soon as somebody sees that.
            _ if before.ahead => until,
            Some(at) => at,
            // Its collectors were changed: the last verdict is over none of what feeds it now. What fed it until
            // then may have grown too old before that, while nobody looked.
            None => {
                let changed =
                    reader.newest_before(size, &Filter::kind("config"))?.map_or(before.as_of, |(_, config)| config.at);
                let fed = complete(reader, &before.evidence)?.into_iter().map(|(_, at)| at);
                let oldest = fed.chain([before.as_of]).min().unwrap_or(before.as_of);
                oldest.checked_add_signed(control.stale_after().delta()).map_or(changed, |old| old.min(changed))
            }
        };
        due.push((stale_from, Occasion::Lapse));
    }
    due.retain(|(at, _)| *at <= until);
    let first = due.into_iter().min_by_key(|(at, _)| *at);
    let first = first.map(|(at, occasion)| (before.no_earlier(at), occasion));
    // It cannot be stale since a time that has not come.
    Ok(first.filter(|(at, occasion)| *occasion != Occasion::Lapse || *at <= until))
}

/// What has become of the waivers of a control since its last verdict, or will.
fn waivers_due(
    reader: &Reader,
    id: &str,
    before: &Before,
    size: u64,
) -> Result<Vec<(DateTime<Utc>, Occasion)>, RunError> {
    let records = waivers::records(reader, id, size)?;
    let mut due = Vec::new();
    for (index, record) in &records {
        let known = before.waivers.contains(index);
        // It cannot count before it is sealed.
        let begins = |from: DateTime<Utc>| if known { from } else { from.max(record.at) };
        match &record.body {
            Body::Waiver { approved_at, .. } if !known || *approved_at > before.as_of => {
                due.push((begins(*approved_at), Occasion::Waiver { record: *index }));
            }
            Body::Revocation { revoked_at, .. } if !known || *revoked_at > before.as_of => {
                due.push((begins(*revoked_at), Occasion::Revocation { record: *index }));
            }
            _ => {}
        }
    }
    let waivers = waivers::known(records.into_iter().map(|(index, record)| (index, record.body)));
    for (record, waiver) in waivers {
        if waiver.expires > before.as_of && waiver.ends() == waiver.expires {
            due.push((waiver.expires, Occasion::WaiverEnded { record }));
        }
    }
    Ok(due)
}

/// What a control is at an instant, whether or not that is on record yet.
pub struct Present {
    /// The state.
    pub state: State,
    /// Since when, if that is not on record yet.
    pub unrecorded_since: Option<DateTime<Utc>>,
    /// The judgements that it follows from, if they are not on record yet: a waiver ended, and nobody has
    /// judged since.
    pub unrecorded: Option<Verdict>,
}

/// What a control is at `now`.
pub fn present(reader: &Reader, loaded: &Loaded, id: &str, now: DateTime<Utc>) -> Result<Present, RunError> {
    present_by(reader, loaded, id, u64::MAX, now)
}

/// What a control was at `now` by the first `size` records of the log, which were written by then.
pub fn present_by(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    size: u64,
    now: DateTime<Utc>,
) -> Result<Present, RunError> {
    let control = control(loaded, id)?;
    let Some(before) = before(reader, id, size, now)? else {
        return Ok(Present { state: State::Unmonitored, unrecorded_since: None, unrecorded: None });
    };
    // As the log judges, which goes on from where it was by a clock that differs by less than a leap.
    let at = if before.floor < now + LEAP { before.no_earlier(now) } else { now };
    let mut state = {
        let observed = observed(reader, control, before.outcome, (before.as_of, before.at), &before.evidence)?;
        drift::state_of(Some(&observed), control.stale_after().delta(), at)
    };
    let first = due(reader, control, id, &before, size, now)?.map(|(at, _)| at);
    let mut unrecorded = None;
    if waivers_due(reader, id, &before, size)?.iter().any(|(at, _)| *at <= now) {
        let assessed = assess_by(reader, loaded, id, size, now, now)?;
        state = assessed.standing.state;
        unrecorded = Some(assessed.weighed.verdict);
    }
    let unrecorded_since = first.filter(|_| state != before.standing.state);
    Ok(Present { state, unrecorded_since, unrecorded })
}
