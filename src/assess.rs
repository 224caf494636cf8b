//! From the ledger to one control: which evidence belongs to it, its verdict, its state, what changed.
//! Reads and computes; `run` writes what comes out. The rules are `judge`'s and `drift`'s.

use crate::config::{ControlConfig, Loaded};
use crate::drift::{self, Observed, Standing, State, Transition};
use crate::judge::{self, Reading, Verdict, VerdictOutcome, Waiver};
use crate::ledger::record::{Body, Record, Status, canonical_json};
use crate::ledger::{Filter, LedgerError, NewFile, Reader};
use crate::run::RunError;
use crate::run_file::{self, RunFile};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Population, Reading as Covers, Window};
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
    /// Records of the waivers known.
    pub waivers: Vec<u64>,
}

/// A complete collection.
pub struct Complete {
    /// Its evidence record.
    pub index: u64,
    /// What it looked at.
    pub window: Window,
}

/// A record to be written, with its files.
pub type Draft = (Body, Vec<NewFile>);

/// Judges a control over what is sealed, as of `as_of`.
pub fn assess(reader: &Reader, loaded: &Loaded, id: &str, as_of: DateTime<Utc>) -> Result<Assessed, RunError> {
    let control = control(loaded, id)?;
    let weighed = weigh(reader, loaded, id, u64::MAX, as_of)?;
    let outcome = weighed.verdict.outcome;
    let observed = Observed { outcome, as_of, evidence: evidence_times(reader, control)? };
    let state = drift::state_of(Some(&observed), control.stale_after().delta(), as_of);
    let before = standing(reader, id)?;
    let standing = Standing::after(before.as_ref().map(|(_, standing)| standing), state, Some(&weighed.verdict));
    Ok(Assessed {
        transition: drift::transition(before.as_ref().map(|(_, standing)| standing), &standing),
        before_at: before.map(|(at, _)| at),
        standing,
        weighed,
    })
}

/// Judges a control by the configuration's policy and this program's rules, as of `as_of`, over what the
/// first `size` records of the log hold; `u64::MAX` is all of it.
pub fn weigh(reader: &Reader, loaded: &Loaded, id: &str, size: u64, as_of: DateTime<Utc>) -> Result<Weighed, RunError> {
    let (evidence, readings) = readings(reader, loaded, control(loaded, id)?, size, as_of)?;
    let (waivers, accepted) = waivers(reader, id, size)?;
    let test = &loaded.tests[id];
    Ok(Weighed {
        verdict: judge::judge(test, &readings, &accepted, as_of),
        rules: test.rules().to_owned(),
        policy: test.policy_json(),
        as_of,
        evidence,
        waivers,
    })
}

impl Assessed {
    /// The verdict as a record.
    pub fn verdict_record(&self, run: &str, control: &str) -> Result<Draft, serde_json::Error> {
        let weighed = &self.weighed;
        let body = Body::Verdict {
            run: run.to_owned(),
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
        Ok((body, files))
    }

    /// The change of state as a record, if there is one.
    pub fn transition_record(&self, control: &str, run: &str) -> Result<Option<Draft>, serde_json::Error> {
        let draft = |transition| transition_record(control, transition, self.before_at, self.weighed.as_of, Some(run));
        self.transition.as_ref().map(draft).transpose()
    }
}

/// File of a verdict with the parameters that it is by.
const POLICY: &str = "policy.json";
/// File of a verdict with its judgements.
const JUDGEMENTS: &str = "judgements.json";
/// File of a verdict that says what the control is by it.
const STANDING: &str = "standing.json";

/// A control that time alone made stale, as a record. `None`: it did not.
pub fn by_time_alone(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Option<Draft>, RunError> {
    let Some((before_at, before)) = standing(reader, id)? else { return Ok(None) };
    let now_standing = Standing::after(Some(&before), state_now(reader, loaded, id, now)?, None);
    // Verdicts make every other transition; a state that only a verdict explains is not made here.
    if now_standing.state != State::Stale {
        return Ok(None);
    }
    let transition = drift::transition(Some(&before), &now_standing);
    Ok(transition.map(|t| transition_record(id, &t, Some(before_at), now, None)).transpose()?)
}

fn transition_record(
    control: &str,
    transition: &Transition,
    before_at: Option<DateTime<Utc>>,
    observed_at: DateTime<Utc>,
    run: Option<&str>,
) -> Result<Draft, serde_json::Error> {
    let body = Body::Transition {
        control: control.to_owned(),
        from: transition.from,
        to: transition.to,
        before_at,
        observed_at,
        run: run.map(str::to_owned),
        why: transition.why.clone(),
        appeared: transition.appeared.len() as u64,
        resolved: transition.resolved.len() as u64,
    };
    let items = serde_json::json!({ "appeared": transition.appeared, "resolved": transition.resolved });
    Ok((body, vec![NewFile::json("items.json", canonical_json(&items)?)]))
}

fn control<'a>(loaded: &'a Loaded, id: &str) -> Result<&'a ControlConfig, RunError> {
    loaded.config.controls.get(id).ok_or_else(|| RunError::UnknownControl {
        id: id.to_owned(),
        known: loaded.config.controls.keys().cloned().collect::<Vec<_>>().join(", "),
    })
}

/// The evidence that a control is judged over, oldest first: of a snapshot kind the newest; of a window
/// kind every complete one in the look-back, and the newest if it is not complete. What failed in between
/// was read again by the complete one after it.
fn readings(
    reader: &Reader,
    loaded: &Loaded,
    control: &ControlConfig,
    size: u64,
    as_of: DateTime<Utc>,
) -> Result<(Vec<u64>, Vec<Reading>), RunError> {
    let (mut indexes, mut readings) = (Vec::new(), Vec::new());
    for name in &control.collectors {
        let chosen = match loaded.collectors[name].kind.reading {
            Covers::Snapshot => newest_evidence(reader, name, size)?.into_iter().collect(),
            Covers::Window => in_lookback(reader, name, size, as_of - control.lookback.delta())?,
        };
        if chosen.is_empty() {
            readings.push(run_file::no_evidence(name, as_of));
        }
        for index in chosen {
            readings.push(reading(reader, index)?);
            indexes.push(index);
        }
    }
    Ok((indexes, readings))
}

fn in_lookback(reader: &Reader, name: &str, size: u64, since: DateTime<Utc>) -> Result<Vec<u64>, RunError> {
    let mut chosen = Vec::new();
    let filter = Filter::kind("evidence").collector(name);
    for (nth, found) in reader.records_newest_first(0..size, &filter).enumerate() {
        let (index, record) = found?;
        let Body::Evidence { status, window, .. } = record.body else { continue };
        if window.end <= since && nth > 0 {
            break;
        }
        if status == Status::Complete || nth == 0 {
            chosen.push(index);
        }
    }
    chosen.reverse();
    Ok(chosen)
}

/// One evidence record as a judge sees it.
fn reading(reader: &Reader, index: u64) -> Result<Reading, RunError> {
    let unreadable = |why: String| RunError::Unreadable { index, why };
    if let Some((by, record)) = erased(reader, index)? {
        let Body::Evidence { collector, .. } = record.body else { return Err(unreadable("is no evidence".to_owned())) };
        return Ok(run_file::erased(&collector, record.at, index, by));
    }
    let run: RunFile = json(reader, index, run_file::RUN)?;
    let names: Vec<String> = reader.files(index)?.into_iter().map(|file| file.name).collect();
    let name = [run_file::POPULATION, run_file::PARTIAL].into_iter().find(|name| names.iter().any(|n| n == name));
    let name = name.ok_or_else(|| unreadable("holds neither a population nor a part of one".to_owned()))?;
    run_file::reading(&run, name, &reader.read_file(index, name)?).map_err(|e| unreadable(format!("{name}: {e}")))
}

/// The record, if its files were erased, and the record that says so. What was erased cannot be read, which is
/// no reason for a pass, and none to stop.
fn erased(reader: &Reader, index: u64) -> Result<Option<(u64, Record)>, LedgerError> {
    match reader.files(index) {
        Err(LedgerError::Erased { by, .. }) => Ok(Some((by, reader.record(index)?))),
        other => other.map(|_| None),
    }
}

/// The collector's newest evidence among the first `size` records.
pub fn newest_evidence(reader: &Reader, collector: &str, size: u64) -> Result<Option<u64>, LedgerError> {
    Ok(reader.newest_before(size, &Filter::kind("evidence").collector(collector))?.map(|(index, _)| index))
}

/// The newest complete collection of a collector.
pub fn newest_complete(reader: &Reader, collector: &str) -> Result<Option<Complete>, LedgerError> {
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("evidence").collector(collector)) {
        let (index, record) = found?;
        if let Body::Evidence { status: Status::Complete, window, .. } = record.body {
            return Ok(Some(Complete { index, window }));
        }
    }
    Ok(None)
}

/// The newest complete collection of a collector that can still be read: what the next run goes on from. What
/// was erased since is read again.
pub fn newest_readable(reader: &Reader, collector: &str) -> Result<Option<Complete>, LedgerError> {
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("evidence").collector(collector)) {
        let (index, record) = found?;
        if let Body::Evidence { status: Status::Complete, window, .. } = record.body
            && erased(reader, index)?.is_none()
        {
            return Ok(Some(Complete { index, window }));
        }
    }
    Ok(None)
}

/// Until when each complete collection of a collector reaches, those that end at `since` or later, newest first.
pub fn complete_since(
    reader: &Reader,
    collector: &str,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, LedgerError> {
    let mut ends = Vec::new();
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("evidence").collector(collector)) {
        let Body::Evidence { status, window, .. } = found?.1.body else { continue };
        if window.end < since {
            break;
        }
        if status == Status::Complete {
            ends.push(window.end);
        }
    }
    Ok(ends)
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

/// What a complete collection left for the next run.
pub fn carry(reader: &Reader, index: u64) -> Result<Option<serde_json::Value>, RunError> {
    let population: Population = json(reader, index, run_file::POPULATION)?;
    Ok(population.carry().cloned())
}

/// Of each collector of the control, until when its newest complete evidence reaches.
fn evidence_times(reader: &Reader, control: &ControlConfig) -> Result<Vec<Option<DateTime<Utc>>>, LedgerError> {
    let newest = |name: &String| Ok(newest_complete(reader, name)?.map(|complete| complete.window.end));
    control.collectors.iter().map(newest).collect()
}

/// What the control was at its last observation, and when that was.
fn standing(reader: &Reader, id: &str) -> Result<Option<(DateTime<Utc>, Standing)>, RunError> {
    let Some((index, verdict)) = reader.newest(&Filter::kind("verdict").control(id))? else { return Ok(None) };
    let Body::Verdict { as_of, outcome, .. } = verdict.body else { return Ok(None) };
    let mut standing: Standing = match erased(reader, index)? {
        None => json(reader, index, STANDING)?,
        // Of what was bad nothing is known any more, so whatever still is appears anew.
        Some(_) => Standing { state: by_outcome(outcome), bad: BTreeMap::new(), unread: Vec::new() },
    };
    let mut at = as_of;
    // Time alone may have changed the state since.
    if let Some((later, Record { body: Body::Transition { to, observed_at, .. }, .. })) =
        reader.newest(&Filter::kind("transition").control(id))?
        && later > index
        && observed_at >= as_of
    {
        (standing.state, at) = (to, observed_at);
    }
    Ok(Some((at, standing)))
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

/// The waivers of a control among the first `size` records, oldest first: their records and what they say.
fn waivers(reader: &Reader, id: &str, size: u64) -> Result<(Vec<u64>, Vec<Waiver>), LedgerError> {
    let (mut indexes, mut waivers) = (Vec::new(), Vec::new());
    for found in reader.records(0..size, &Filter::kind("waiver").control(id)) {
        let (index, record) = found?;
        if let Body::Waiver { item, approver, approved_at, expires, .. } = record.body {
            indexes.push(index);
            waivers.push(Waiver { item, approver, approved_at, expires });
        }
    }
    Ok((indexes, waivers))
}

/// Until when every due slot of a collector has a record: its newest slot, or else the moment when a
/// configuration first named it. `None`: no configuration did yet.
pub fn slots_recorded_until(reader: &Reader, collector: &str) -> Result<Option<DateTime<Utc>>, RunError> {
    if let Some(slot) = reader.newest_slot(collector)? {
        return Ok(Some(slot));
    }
    for found in reader.records(0..u64::MAX, &Filter::kind("config")) {
        let (index, record) = found?;
        let config: crate::config::Config = json(reader, index, "config.json")?;
        if config.collectors.contains_key(collector) {
            return Ok(Some(record.at));
        }
    }
    Ok(None)
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

/// What a control is at `now`, whether or not a transition has been recorded yet.
pub fn state_now(reader: &Reader, loaded: &Loaded, id: &str, now: DateTime<Utc>) -> Result<State, RunError> {
    let control = control(loaded, id)?;
    let observed = match reader.newest(&Filter::kind("verdict").control(id))? {
        Some((_, Record { body: Body::Verdict { outcome, as_of, .. }, .. })) => {
            Some(Observed { outcome, as_of, evidence: evidence_times(reader, control)? })
        }
        _ => None,
    };
    Ok(drift::state_of(observed.as_ref(), control.stale_after().delta(), now))
}
