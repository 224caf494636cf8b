//! What today's rules and policies make of what was sealed by an instant, beside what was said then.
//! Reads only: a new rule never changes history.

use crate::assess::{self, Weighed};
use crate::config::Loaded;
use crate::judge::{Judgement, Outcome, Verdict, VerdictOutcome};
use crate::ledger::record::{Body, Record};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::run::RunError;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Unread;
use serde::Serialize;
use std::collections::BTreeMap;

/// One control: its verdict of that time, and what today's rules make of the same.
#[derive(Debug, Clone, Serialize)]
pub struct Hindsight {
    /// Its id.
    pub control: String,
    /// The newest verdict sealed by the instant; `None`: there was none.
    pub then: Option<Sealed>,
    /// What today's rules say.
    pub now: Anew,
    /// The items that are judged otherwise, by item.
    pub differs: Vec<Difference>,
}

/// A verdict as it was sealed.
#[derive(Debug, Clone, Serialize)]
pub struct Sealed {
    /// Its record.
    pub record: u64,
    /// The instant that it is judged as of.
    pub as_of: DateTime<Utc>,
    /// Test and version of its rules.
    pub rules: String,
    /// The parameters.
    pub policy: serde_json::Value,
    /// Records of the evidence judged.
    pub evidence: Vec<u64>,
    /// The outcome.
    pub outcome: VerdictOutcome,
    /// What was not read.
    pub unread: Vec<Unread>,
}

/// What today's rules say. It is sealed nowhere.
#[derive(Debug, Clone, Serialize)]
pub struct Anew {
    /// The instant judged as of.
    pub as_of: DateTime<Utc>,
    /// Test and version of its rules.
    pub rules: String,
    /// The parameters.
    pub policy: serde_json::Value,
    /// Records of the evidence judged.
    pub evidence: Vec<u64>,
    /// The outcome.
    pub outcome: VerdictOutcome,
    /// What was not read.
    pub unread: Vec<Unread>,
}

/// An item that is judged otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its key.
    pub item: String,
    /// What was said then; `None`: it was not judged.
    pub then: Option<Ruling>,
    /// What today's rules say; `None`: they do not judge it.
    pub now: Option<Ruling>,
}

/// One item's judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ruling {
    /// The outcome.
    pub outcome: Outcome,
    /// The reason.
    pub reason: String,
    /// What was seen.
    pub seen: String,
}

/// Number of records that were written by the instant: up to the last whose time is not later.
pub fn size_at(reader: &Reader, at: DateTime<Utc>) -> Result<u64, LedgerError> {
    for found in reader.records_newest_first(0..u64::MAX, &Filter::default()) {
        let (index, record) = found?;
        if record.at <= at {
            return Ok(index + 1);
        }
    }
    Ok(0)
}

/// Controls of the configuration in force then that are not configured any more: nothing judges them now.
pub fn not_configured(reader: &Reader, loaded: &Loaded, size: u64) -> Result<Vec<String>, LedgerError> {
    let found = reader.newest_before(size, &Filter::kind("config"))?;
    let Some((_, Record { body: Body::Config { controls, .. }, .. })) = found else { return Ok(Vec::new()) };
    Ok(controls.into_keys().filter(|id| !loaded.config.controls.contains_key(id)).collect())
}

/// Judges a control anew over the first `size` records.
///
/// It is judged as of the instant of the newest verdict among them, so that whatever differs is the
/// doing of rules, policy or configuration, and not of time; where evidence was sealed after that
/// verdict, or there is none, as of `at`.
pub fn hindsight(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    size: u64,
    at: DateTime<Utc>,
) -> Result<Hindsight, RunError> {
    let then = sealed(reader, id, size)?;
    let as_of = match &then {
        Some((sealed, _)) if !newer_evidence(reader, loaded, id, size, sealed.record)? => sealed.as_of,
        _ => at,
    };
    let Weighed { verdict, rules, policy, as_of, evidence, .. } = assess::weigh(reader, loaded, id, size, as_of)?;
    let differs = then.as_ref().map(|(_, then)| differences(then, &verdict)).unwrap_or_default();
    Ok(Hindsight {
        control: id.to_owned(),
        then: then.map(|(sealed, _)| sealed),
        now: Anew { as_of, rules, policy, evidence, outcome: verdict.outcome, unread: verdict.unread },
        differs,
    })
}

fn sealed(reader: &Reader, id: &str, size: u64) -> Result<Option<(Sealed, Verdict)>, RunError> {
    let Some((record, found)) = reader.newest_before(size, &Filter::kind("verdict").control(id))? else {
        return Ok(None);
    };
    let Body::Verdict { as_of, rules, outcome, evidence, .. } = found.body else {
        return Err(RunError::Unreadable { index: record, why: "is not a verdict".to_owned() });
    };
    let verdict = assess::judgements(reader, record)?;
    let policy = assess::policy(reader, record)?;
    let unread = verdict.unread.clone();
    Ok(Some((Sealed { record, as_of, rules, policy, evidence, outcome, unread }, verdict)))
}

/// Whether a collector of the control brought evidence after the record.
fn newer_evidence(reader: &Reader, loaded: &Loaded, id: &str, size: u64, record: u64) -> Result<bool, LedgerError> {
    for name in loaded.config.controls.get(id).into_iter().flat_map(|control| &control.collectors) {
        if assess::newest_evidence(reader, name, size)?.is_some_and(|index| index > record) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Outcome and reason count; the sentence beside them does not.
fn differences(then: &Verdict, now: &Verdict) -> Vec<Difference> {
    let mut items: BTreeMap<&str, (Option<&Judgement>, Option<&Judgement>)> = BTreeMap::new();
    for judgement in &then.judgements {
        items.entry(&judgement.item).or_default().0 = Some(judgement);
    }
    for judgement in &now.judgements {
        items.entry(&judgement.item).or_default().1 = Some(judgement);
    }
    let said = |judgement: Option<&Judgement>| judgement.map(|j| (j.outcome, j.reason.clone()));
    let ruling = |j: &Judgement| Ruling { outcome: j.outcome, reason: j.reason.clone(), seen: j.seen.clone() };
    items
        .into_iter()
        .filter(|(_, (then, now))| said(*then) != said(*now))
        .map(|(item, (then, now))| Difference { item: item.to_owned(), then: then.map(ruling), now: now.map(ruling) })
        .collect()
}
