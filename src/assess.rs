//! From the ledger to one control: which evidence belongs to it, its verdict, its state, what changed.
//! Reads and computes; `run` writes what comes out. The rules are `judge`'s and `drift`'s.

mod evidence;
mod overdue;

pub use evidence::{
    Collected, Complete, Left, as_of, collected, newest_complete, newest_evidence, newest_left, newest_readable,
};
pub use overdue::{Present, overdue, present, present_by};

use crate::config::{ControlConfig, Loaded};
use crate::drift::{self, Observed, Standing, State, Transition};
use crate::judge::{self, Reading, Verdict, VerdictOutcome, Waiver};
use crate::ledger::record::{Body, Occasion, Record, Status, canonical_json};
use crate::ledger::{Filter, LedgerError, NewFile, Reader};
use crate::run::RunError;
use crate::run_file;
use crate::waivers;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// One control, judged as of an instant.
pub struct Assessed {
    /// What it is, and the items behind that.
    pub standing: Standing,
    /// Its judgements.
    pub weighed: Weighed,
    transition: Option<Transition>,
    before_at: Option<DateTime<Utc>>,
}

/// The judgements of a control, and what they are over.
pub struct Weighed {
    /// The judgements.
    pub verdict: Verdict,
    /// Test and version of its rules.
    pub rules: String,
    /// The parameters.
    pub policy: serde_json::Value,
    /// The instant judged as of.
    pub as_of: DateTime<Utc>,
    /// Records of the evidence.
    pub evidence: Vec<u64>,
    /// Records of the waivers and revocations known.
    pub waivers: Vec<u64>,
}

/// What a control is judged over.
pub struct Seen {
    /// Records of the evidence.
    pub evidence: Vec<u64>,
    /// What they hold.
    pub readings: Vec<Reading>,
    /// Records of the waivers and revocations known.
    pub accepted: Vec<u64>,
    /// The waivers by their records.
    pub waivers: BTreeMap<u64, Waiver>,
}

/// A record to be written, with its files.
pub type Draft = (Body, Vec<NewFile>);

/// Judges a control over what is sealed, as of `at`, or later if it was judged as of a later instant before:
/// of two runs that overlap, the one that began first may end last. `now` is when it is judged.
pub fn assess(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Assessed, RunError> {
    assess_by(reader, loaded, id, reader.size()?, at, now)
}

/// The same over the first `size` records.
fn assess_by(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    size: u64,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Assessed, RunError> {
    let control = control(loaded, id)?;
    let before = before(reader, id, size, now)?;
    let as_of = before.as_ref().map_or(at, |before| before.no_earlier(at));
    let weighed = weigh(reader, loaded, id, size, as_of)?;
    let observed = observed(reader, control, weighed.verdict.outcome, (as_of, now), &weighed.evidence)?;
    let state = drift::state_of(Some(&observed), control.stale_after().delta(), as_of);
    let previous = before.as_ref().map(|before| &before.standing);
    let standing = Standing::after(previous, state, Some(&weighed.verdict));
    let back = before.as_ref().is_some_and(|before| as_of < before.floor);
    Ok(Assessed {
        transition: drift::transition(previous, &standing, Some(&weighed.verdict), back),
        before_at: before.map(|before| before.as_of).filter(|before| *before <= as_of),
        standing,
        weighed,
    })
}

/// Judges a control by the configuration's policy and this program's rules, as of `as_of`, over what the
/// first `size` records of the log hold; `u64::MAX` is all of it.
pub fn weigh(reader: &Reader, loaded: &Loaded, id: &str, size: u64, as_of: DateTime<Utc>) -> Result<Weighed, RunError> {
    let seen = seen(reader, loaded, id, size, as_of)?;
    let test = &loaded.tests[id];
    let waivers: Vec<Waiver> = seen.waivers.into_values().collect();
    Ok(Weighed {
        verdict: judge::judge(test, &seen.readings, &waivers, as_of),
        rules: test.rules().to_owned(),
        policy: test.policy_json(),
        as_of,
        evidence: seen.evidence,
        waivers: seen.accepted,
    })
}

/// What a control is judged over, among the first `size` records of the log.
pub fn seen(reader: &Reader, loaded: &Loaded, id: &str, size: u64, as_of: DateTime<Utc>) -> Result<Seen, RunError> {
    let (evidence, readings) = evidence::readings(reader, loaded, control(loaded, id)?, size, as_of)?;
    let records = waivers::records(reader, id, size)?;
    let accepted = records.keys().copied().collect();
    let waivers = waivers::known(records.into_iter().map(|(index, record)| (index, record.body)));
    Ok(Seen { evidence, readings, accepted, waivers })
}

impl Assessed {
    /// The verdict as a record, and after it the change of state, if there is one. `looked_at` is when
    /// somebody looked: with a run, that is what it was judged as of.
    pub fn records(
        &self,
        control: &str,
        occasion: &Occasion,
        looked_at: DateTime<Utc>,
    ) -> Result<Vec<Draft>, serde_json::Error> {
        let weighed = &self.weighed;
        let body = Body::Verdict {
            occasion: occasion.clone(),
            control: control.to_owned(),
            rules: weighed.rules.clone(),
            as_of: weighed.as_of,
            outcome: weighed.verdict.outcome,
            counts: weighed.verdict.counts.clone(),
            evidence: weighed.evidence.clone(),
            waivers: weighed.waivers.clone(),
        };
        let files = vec![
            NewFile::json(POLICY, canonical_json(&weighed.policy)?),
            NewFile::json(JUDGEMENTS, canonical_json(&weighed.verdict)?),
            NewFile::json(STANDING, canonical_json(&self.standing)?),
        ];
        let mut records = vec![(body, files)];
        if let Some(transition) = &self.transition {
            tracing::warn!(control, state = transition.to.word(), why = transition.why, "control changed its state");
            let (since, observed_at) = match occasion {
                Occasion::Run { .. } => (None, weighed.as_of),
                _ => (Some(weighed.as_of), looked_at.max(weighed.as_of)),
            };
            let when = When { before_at: self.before_at, since, observed_at };
            records.push(transition_record(control, transition, when, occasion)?);
        }
        Ok(records)
    }
}

/// File of a verdict with the parameters that it is by.
const POLICY: &str = "policy.json";
/// File of a verdict with its judgements.
const JUDGEMENTS: &str = "judgements.json";
/// File of a verdict that says what the control is by it.
const STANDING: &str = "standing.json";
/// File of a transition with the items that it is about.
const ITEMS: &str = "items.json";

/// When something changed, and when that was seen.
struct When {
    before_at: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
    observed_at: DateTime<Utc>,
}

fn transition_record(
    control: &str,
    transition: &Transition,
    when: When,
    occasion: &Occasion,
) -> Result<Draft, serde_json::Error> {
    let body = Body::Transition {
        control: control.to_owned(),
        from: transition.from,
        to: transition.to,
        before_at: when.before_at,
        since: when.since,
        observed_at: when.observed_at,
        occasion: occasion.clone(),
        why: transition.why.clone(),
        appeared: transition.appeared.len() as u64,
        resolved: transition.resolved.len() as u64,
        waived: transition.waived.len() as u64,
        gone: transition.gone.len() as u64,
    };
    Ok((body, vec![NewFile::json(ITEMS, canonical_json(&transition.items())?)]))
}

fn control<'a>(loaded: &'a Loaded, id: &str) -> Result<&'a ControlConfig, RunError> {
    loaded.config.controls.get(id).ok_or_else(|| RunError::UnknownControl {
        id: id.to_owned(),
        known: loaded.config.controls.keys().cloned().collect::<Vec<_>>().join(", "),
    })
}

/// The record, if its files were erased, and the record that says so. What was erased cannot be read, which is
/// no reason for a pass, and none to stop.
fn erased(reader: &Reader, index: u64) -> Result<Option<(u64, Record)>, LedgerError> {
    match reader.files(index) {
        Err(LedgerError::Erased { by, .. }) => Ok(Some((by, reader.record(index)?))),
        other => other.map(|_| None),
    }
}

/// When a configuration first had the control; `None`: none ever did.
pub fn configured_since(reader: &Reader, control: &str) -> Result<Option<DateTime<Utc>>, LedgerError> {
    for found in reader.records(0..u64::MAX, &Filter::kind("config")) {
        let (_, record) = found?;
        if matches!(&record.body, Body::Config { controls, .. } if controls.contains_key(control)) {
            return Ok(Some(record.at));
        }
    }
    Ok(None)
}

/// A verdict as far as the state depends on it; what it is as of, and when it was recorded.
fn observed(
    reader: &Reader,
    control: &ControlConfig,
    outcome: VerdictOutcome,
    (as_of, at): (DateTime<Utc>, DateTime<Utc>),
    evidence: &[u64],
) -> Result<Observed, LedgerError> {
    Ok(Observed::over(outcome, as_of, at, &control.collectors, complete(reader, evidence)?))
}

/// Of those evidence records that are whole, the collector and until when it looked.
fn complete(reader: &Reader, evidence: &[u64]) -> Result<Vec<(String, DateTime<Utc>)>, LedgerError> {
    let mut complete = Vec::new();
    for index in evidence {
        if let Body::Evidence { collector, status: Status::Complete, window, .. } = reader.record(*index)?.body {
            complete.push((collector, window.end));
        }
    }
    Ok(complete)
}

/// What is on record of a control.
struct Before {
    /// What its last verdict is as of.
    as_of: DateTime<Utc>,
    /// When that was recorded.
    at: DateTime<Utc>,
    /// What it was last said to be as of: of the last verdict, or since when it is stale.
    floor: DateTime<Utc>,
    /// That is by a clock that was ahead of the present one.
    ahead: bool,
    /// What it is.
    standing: Standing,
    /// The last verdict's outcome.
    outcome: VerdictOutcome,
    /// The evidence that it is over.
    evidence: Vec<u64>,
    /// The waivers and revocations that it knew.
    waivers: Vec<u64>,
}

impl Before {
    /// What comes next, of the instant `at`, is as of no earlier instant than what was there before, unless that is by a
    /// clock that was ahead.
    fn no_earlier(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.ahead { at } else { at.max(self.floor) }
    }
}

/// How far the times of two neighbouring records leap at least where a clock was set ahead.
const LEAP: TimeDelta = TimeDelta::days(1);

/// Whether the clock that dated this record, ahead of `now`, was ahead. If the times of the log lead up to it without a
/// leap, it is the present clock that is behind, and what is on record stands.
fn leapt(reader: &Reader, index: u64, now: DateTime<Utc>) -> Result<bool, LedgerError> {
    let mut after = reader.record(index)?.at;
    for found in reader.records_newest_first(0..index, &Filter::default()) {
        let at = found?.1.at;
        if !drift::is_ahead(at, now) {
            return Ok(after - at >= LEAP);
        }
        after = at;
    }
    Ok(false)
}

/// What the control was at its last observation among the first `size` records; `None` before the first.
fn before(reader: &Reader, id: &str, size: u64, now: DateTime<Utc>) -> Result<Option<Before>, RunError> {
    let newest = reader.newest_before(size, &Filter::kind("verdict").control(id))?;
    let Some((mut index, verdict)) = newest else { return Ok(None) };
    let Body::Verdict { as_of, outcome, evidence, waivers, .. } = verdict.body else { return Ok(None) };
    let mut standing: Standing = match erased(reader, index)? {
        None => json(reader, index, STANDING)?,
        // Of what was bad nothing is known any more, so whatever still is appears anew.
        Some(_) => Standing { state: by_outcome(outcome), bad: BTreeMap::new(), unread: Vec::new() },
    };
    let mut floor = as_of;
    // Time alone may have changed the state since.
    if let Some((later, Record { body: Body::Transition { to, since, occasion: Occasion::Lapse, .. }, .. })) =
        reader.newest_before(size, &Filter::kind("transition").control(id))?
        && later > index
    {
        (index, standing.state, floor) = (later, to, since.unwrap_or(as_of));
    }
    let ahead = drift::is_ahead(floor, now) && leapt(reader, index, now)?;
    Ok(Some(Before { as_of, at: verdict.at, floor, ahead, standing, outcome, evidence, waivers }))
}

/// The state that a fresh verdict leads to.
fn by_outcome(outcome: VerdictOutcome) -> State {
    match outcome {
        VerdictOutcome::Pass => State::Effective,
        VerdictOutcome::Deviation => State::Deviating,
        VerdictOutcome::Indeterminate => State::Indeterminate,
    }
}

fn json<T: serde::de::DeserializeOwned>(reader: &Reader, index: u64, name: &str) -> Result<T, RunError> {
    serde_json::from_slice(&reader.read_file(index, name)?)
        .map_err(|e| RunError::Unreadable { index, why: format!("{name}: {e}") })
}

/// The judgements of a verdict record; of one whose files were erased, what its record says.
pub fn judgements(reader: &Reader, index: u64) -> Result<Verdict, RunError> {
    let Some((by, record)) = erased(reader, index)? else { return json(reader, index, JUDGEMENTS) };
    let Body::Verdict { outcome, counts, .. } = record.body else {
        return Err(RunError::Unreadable { index, why: "is not a verdict".to_owned() });
    };
    Ok(Verdict { outcome, counts, judgements: Vec::new(), unread: vec![run_file::gone(index, by)] })
}

/// The parameters that a verdict record is by; nothing, when its files were erased.
pub fn policy(reader: &Reader, index: u64) -> Result<serde_json::Value, RunError> {
    if erased(reader, index)?.is_some() {
        return Ok(serde_json::Value::Null);
    }
    json(reader, index, POLICY)
}

/// The configuration in force by the log.
pub struct InForce {
    /// Its record.
    pub index: u64,
    /// When it was written.
    pub since: DateTime<Utc>,
    /// Who brought it into force.
    pub by: String,
    /// SHA-256 of it, hex.
    pub sha256: String,
    /// `config.json`. Not a `Config`: another version of this program may have written it.
    pub config: serde_json::Value,
}

/// The newest configuration on record.
pub fn config_in_force(reader: &Reader) -> Result<Option<InForce>, RunError> {
    let Some((index, record)) = reader.newest(&Filter::kind("config"))? else { return Ok(None) };
    let Body::Config { sha256, by, .. } = record.body else { return Ok(None) };
    let config = json(reader, index, "config.json")?;
    Ok(Some(InForce { index, since: record.at, by, sha256, config }))
}
