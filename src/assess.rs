//! From the ledger to one control: which evidence belongs to it, its verdict, its state, what changed.
//! Reads and computes; `run` writes what comes out. The rules are `judge`'s and `drift`'s.

use crate::config::{ControlConfig, Loaded};
use crate::drift::{self, Change, Observation, State};
use crate::judge::{self, Outcome, Reading, Verdict, VerdictOutcome, Waiver};
use crate::ledger::record::{Body, Record, Status, canonical_json};
use crate::ledger::{Filter, LedgerError, NewFile, Reader};
use crate::run::RunError;
use crate::run_file::{self, RunFile};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Population, Reading as Covers, Unread, Window};
use std::collections::BTreeSet;

/// One control, judged as of an instant.
pub struct Assessed {
    /// What it is.
    pub state: State,
    /// Its judgements.
    pub verdict: Verdict,
    /// What changed since the observation before; `None`: nothing that is to be recorded.
    pub change: Option<Change>,
    rules: String,
    policy: serde_json::Value,
    as_of: DateTime<Utc>,
    before_at: Option<DateTime<Utc>>,
    evidence: Vec<u64>,
    waivers: Vec<u64>,
}

/// A complete collection.
pub struct Complete {
    /// Its evidence record.
    pub index: u64,
    /// What it looked at.
    pub window: Window,
}

/// Judges a control over what is sealed, as of `as_of`.
pub fn assess(reader: &Reader, loaded: &Loaded, id: &str, as_of: DateTime<Utc>) -> Result<Assessed, RunError> {
    let control = control(loaded, id)?;
    let (evidence, readings) = readings(reader, loaded, control, as_of)?;
    let (waivers, accepted) = waivers(reader, id)?;
    let test = &loaded.tests[id];
    let verdict = judge::judge(test, &readings, &accepted, as_of);
    let state = drift::state(Some(verdict.outcome), fresh(reader, control, as_of)?);
    let before = observed(reader, id)?;
    let now = Observation { state, bad: bad_items(&verdict) };
    Ok(Assessed {
        change: drift::change(before.as_ref().map(|(_, b)| b), &now),
        before_at: before.map(|(at, _)| at),
        rules: test.rules().to_owned(),
        policy: test.policy_json(),
        state,
        verdict,
        as_of,
        evidence,
        waivers,
    })
}

impl Assessed {
    /// The verdict as a record.
    pub fn verdict_body(&self, run: &str, control: &str) -> Body {
        Body::Verdict {
            run: run.to_owned(),
            control: control.to_owned(),
            rules: self.rules.clone(),
            as_of: self.as_of,
            outcome: self.verdict.outcome,
            counts: self.verdict.counts.clone(),
            evidence: self.evidence.clone(),
            waivers: self.waivers.clone(),
        }
    }

    /// The files of the verdict's record.
    pub fn verdict_files(&self) -> Result<Vec<NewFile>, serde_json::Error> {
        Ok(vec![
            NewFile::json("policy.json", canonical_json(&self.policy)?),
            NewFile::json("judgements.json", canonical_json(&self.verdict)?),
        ])
    }

    /// The change of state as a record with its file, if there is one.
    pub fn transition(&self, control: &str, run: &str) -> Result<Option<(Body, Vec<NewFile>)>, serde_json::Error> {
        let Some(change) = &self.change else { return Ok(None) };
        let body = transition_body(control, change, self.before_at, self.as_of, Some(run));
        Ok(Some((body, vec![items_file(change)?])))
    }
}

/// A control that time alone made stale, as a record with its file. `None`: it did not.
pub fn by_time_alone(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Body, Vec<NewFile>)>, RunError> {
    let control = control(loaded, id)?;
    let Some((before_at, before)) = observed(reader, id)? else { return Ok(None) };
    if before.state != State::Effective || fresh(reader, control, now)? {
        return Ok(None);
    }
    let stale = Observation { state: State::Stale, bad: BTreeSet::new() };
    let Some(change) = drift::change(Some(&before), &stale) else { return Ok(None) };
    let body = transition_body(id, &change, Some(before_at), now, None);
    Ok(Some((body, vec![items_file(&change)?])))
}

fn transition_body(
    control: &str,
    change: &Change,
    before_at: Option<DateTime<Utc>>,
    observed_at: DateTime<Utc>,
    run: Option<&str>,
) -> Body {
    Body::Transition {
        control: control.to_owned(),
        from: change.from,
        to: change.to,
        before_at,
        observed_at,
        run: run.map(str::to_owned),
        why: change.why.clone(),
        appeared: change.appeared.len() as u64,
        resolved: change.resolved.len() as u64,
    }
}

fn items_file(change: &Change) -> Result<NewFile, serde_json::Error> {
    let items = serde_json::json!({ "appeared": change.appeared, "resolved": change.resolved });
    Ok(NewFile::json("items.json", canonical_json(&items)?))
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
    as_of: DateTime<Utc>,
) -> Result<(Vec<u64>, Vec<Reading>), RunError> {
    let (mut indexes, mut readings) = (Vec::new(), Vec::new());
    for name in &control.collectors {
        let chosen = match loaded.collectors[name].kind.reading {
            Covers::Snapshot => newest_evidence(reader, name)?.map(|(index, ..)| index).into_iter().collect(),
            Covers::Window => in_lookback(reader, name, as_of - control.lookback.delta())?,
        };
        if chosen.is_empty() {
            let unread = Unread {
                what: format!("collector {name}"),
                why: "has not brought home any evidence yet".to_owned(),
                permission: None,
                hint: Some(format!("run `evidenced collect now {name}`")),
            };
            readings.push(Reading { collector: name.clone(), as_of, items: None, unread: vec![unread] });
        }
        for index in chosen {
            readings.push(reading(reader, index)?);
            indexes.push(index);
        }
    }
    Ok((indexes, readings))
}

fn in_lookback(reader: &Reader, name: &str, since: DateTime<Utc>) -> Result<Vec<u64>, RunError> {
    let mut chosen = Vec::new();
    let filter = Filter::kind("evidence").collector(name);
    for (nth, found) in reader.records_newest_first(0..u64::MAX, &filter).enumerate() {
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
    let run: RunFile = serde_json::from_slice(&reader.read_file(index, run_file::RUN)?)
        .map_err(|e| unreadable(format!("{}: {e}", run_file::RUN)))?;
    let names: Vec<String> = reader.files(index)?.into_iter().map(|file| file.name).collect();
    let name = [run_file::POPULATION, run_file::PARTIAL].into_iter().find(|name| names.iter().any(|n| n == name));
    let name = name.ok_or_else(|| unreadable("holds neither a population nor a part of one".to_owned()))?;
    run_file::reading(&run, name, &reader.read_file(index, name)?).map_err(|e| unreadable(format!("{name}: {e}")))
}

type NewestEvidence = (u64, Status, Window);

fn newest_evidence(reader: &Reader, collector: &str) -> Result<Option<NewestEvidence>, LedgerError> {
    Ok(reader.newest(&Filter::kind("evidence").collector(collector))?.and_then(|(index, record)| match record.body {
        Body::Evidence { status, window, .. } => Some((index, status, window)),
        _ => None,
    }))
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

/// What a complete collection left for the next run.
pub fn carry(reader: &Reader, index: u64) -> Result<Option<serde_json::Value>, RunError> {
    let population: Population = serde_json::from_slice(&reader.read_file(index, run_file::POPULATION)?)
        .map_err(|e| RunError::Unreadable { index, why: format!("{}: {e}", run_file::POPULATION) })?;
    Ok(population.carry().cloned())
}

/// Whether every collector of the control has complete evidence that is not too old.
fn fresh(reader: &Reader, control: &ControlConfig, now: DateTime<Utc>) -> Result<bool, LedgerError> {
    for name in &control.collectors {
        let newest = newest_complete(reader, name)?;
        if newest.is_none_or(|complete| now - complete.window.end > control.stale_after.delta()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The control's last observation: when, and what it was.
pub fn observed(reader: &Reader, control: &str) -> Result<Option<(DateTime<Utc>, Observation)>, RunError> {
    let Some((index, verdict)) = reader.newest(&Filter::kind("verdict").control(control))? else { return Ok(None) };
    let transition = reader.newest(&Filter::kind("transition").control(control))?;
    let (Body::Verdict { as_of, .. }, Some((_, Record { body: Body::Transition { to, observed_at, .. }, .. }))) =
        (verdict.body, transition)
    else {
        return Ok(None);
    };
    Ok(Some((as_of.max(observed_at), Observation { state: to, bad: bad_items(&judgements(reader, index)?) })))
}

/// The judgements of a verdict record.
pub fn judgements(reader: &Reader, index: u64) -> Result<Verdict, RunError> {
    serde_json::from_slice(&reader.read_file(index, "judgements.json")?)
        .map_err(|e| RunError::Unreadable { index, why: format!("judgements.json: {e}") })
}

/// What is bad about a control: items that deviate or could not be judged, and what was not read.
fn bad_items(verdict: &Verdict) -> BTreeSet<String> {
    let bad = |outcome| matches!(outcome, Outcome::Deviation | Outcome::Indeterminate);
    let items = verdict.judgements.iter().filter(|j| bad(j.outcome)).map(|j| j.item.clone());
    items.chain(verdict.unread.iter().map(|u| u.what.clone())).collect()
}

/// All waivers of a control, oldest first: their records and what they say.
fn waivers(reader: &Reader, id: &str) -> Result<(Vec<u64>, Vec<Waiver>), LedgerError> {
    let (mut indexes, mut waivers) = (Vec::new(), Vec::new());
    for found in reader.records(0..u64::MAX, &Filter::kind("waiver").control(id)) {
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
        let config: crate::config::Config = serde_json::from_slice(&reader.read_file(index, "config.json")?)
            .map_err(|e| RunError::Unreadable { index, why: format!("config.json: {e}") })?;
        if config.collectors.contains_key(collector) {
            return Ok(Some(record.at));
        }
    }
    Ok(None)
}

/// The SHA-256 of the configuration in force, hex.
pub fn config_in_force(reader: &Reader) -> Result<Option<String>, LedgerError> {
    Ok(reader.newest(&Filter::kind("config"))?.and_then(|(_, record)| match record.body {
        Body::Config { sha256, .. } => Some(sha256),
        _ => None,
    }))
}

/// The outcome of the newest verdict of a control.
pub fn newest_outcome(reader: &Reader, control: &str) -> Result<Option<VerdictOutcome>, LedgerError> {
    Ok(reader.newest(&Filter::kind("verdict").control(control))?.and_then(|(_, record)| match record.body {
        Body::Verdict { outcome, .. } => Some(outcome),
        _ => None,
    }))
}

/// What a control is at `now`, whether or not a transition has been recorded yet.
pub fn state_now(reader: &Reader, loaded: &Loaded, id: &str, now: DateTime<Utc>) -> Result<State, RunError> {
    let control = control(loaded, id)?;
    Ok(drift::state(newest_outcome(reader, id)?, fresh(reader, control, now)?))
}
