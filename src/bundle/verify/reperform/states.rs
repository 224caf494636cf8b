//! States from verdicts: each standing from the one before it, and the transitions between them.

use super::{InForce, Work};
use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits, record_path};
use crate::bundle::verify::documents::document;
use crate::drift::{self, Observed, Standing, State, Transition};
use crate::judge::{Verdict, VerdictOutcome};
use crate::ledger::record::{Body, Status, canonical_json};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// File of a verdict with the standing after it.
const STANDING: &str = "standing.json";

/// Why a first standing cannot be made again.
const BEFORE: &str = "the verdict before the period is not in the bundle";

/// The last standing of each control that was made again, or sealed.
#[derive(Default)]
pub(super) struct States {
    known: BTreeMap<String, Standing>,
    /// Transition that the last verdict of a control leads to, by the record where it must be.
    due: BTreeMap<u64, Transition>,
    /// Transitions after a verdict whose predecessor is not here.
    unknown: BTreeMap<u64, &'static str>,
    /// Controls whose last verdict was erased.
    lost: BTreeSet<String>,
}

impl States {
    /// Makes a verdict's standing again, and the transition that must follow it.
    pub(super) fn verdict(
        &mut self,
        work: &mut Work<'_>,
        in_force: &InForce,
        index: u64,
        body: &Body,
        verdict: &Verdict,
    ) -> Result<(), BundleError> {
        let Body::Verdict { control, evidence, as_of, .. } = body else { return Ok(()) };
        let file = format!("data/verdicts/{}/{STANDING}", digits(index));
        if !work.source.file_names(index)?.iter().any(|name| name == STANDING) {
            self.unknown.insert(index + 1, "the verdict before it has no standing");
            work.skip(file, "is not among the verdict's files");
            return Ok(());
        }
        let sealed: Standing = document(&work.source, index, STANDING)?;
        let previous = self.known.insert(control.clone(), sealed.clone());
        let lost = self.lost.remove(control);
        if previous.is_none() && (lost || !first_ever(work, control)?) {
            let what = if lost { "the verdict before it was erased" } else { BEFORE };
            self.unknown.insert(index + 1, what);
            work.skip(file, format!("cannot be followed: {what}"));
            return Ok(());
        }
        let Some(state) = state(work, in_force, control, verdict.outcome, evidence, *as_of)? else {
            self.unknown.insert(index + 1, "this program cannot read the configuration in force");
            work.skip(file, "this program cannot read the configuration in force");
            return Ok(());
        };
        let again = Standing::after(previous.as_ref(), state, Some(verdict));
        if again != sealed {
            work.checking.wrong(file, "is not what follows from the verdict and the standing before it");
        }
        if let Some(transition) = drift::transition(previous.as_ref(), &sealed) {
            let follows = match work.source.record(index + 1) {
                Ok(next) => matches!(next.body, Body::Transition { control: ref of, .. } if of == control),
                Err(_) => false,
            };
            if follows {
                self.due.insert(index + 1, transition);
            } else {
                work.checking.wrong(record_path(index), "is followed by no transition, though the state changed");
            }
        }
        Ok(())
    }

    /// Begins with the sealed standing of the newest verdict before the range.
    pub(super) fn before(&mut self, work: &Work<'_>, index: u64, body: &Body) -> Result<(), BundleError> {
        self.unjudged(work, index, body)?;
        self.unknown.clear();
        Ok(())
    }

    /// Time alone changed the state before the range.
    pub(super) fn lapsed(&mut self, control: &str, to: State) {
        if let Some(standing) = self.known.get_mut(control) {
            standing.state = to;
        }
    }

    /// Nothing is known of the control after a verdict whose files were erased.
    pub(super) fn erased(&mut self, index: u64, body: &Body) {
        if let Body::Verdict { control, .. } = body {
            self.known.remove(control);
            self.lost.insert(control.clone());
            self.unknown.insert(index + 1, "the verdict before it was erased");
        }
    }

    /// Goes on from the sealed standing of a verdict that was not made again.
    pub(super) fn unjudged(&mut self, work: &Work<'_>, index: u64, body: &Body) -> Result<(), BundleError> {
        let Body::Verdict { control, .. } = body else { return Ok(()) };
        self.known.remove(control);
        self.lost.remove(control);
        if work.source.file_names(index)?.iter().any(|name| name == STANDING) {
            self.known.insert(control.clone(), document(&work.source, index, STANDING)?);
        }
        self.unknown.insert(index + 1, "the verdict before it was not made again");
        Ok(())
    }

    /// Compares a transition with the one that must be there.
    pub(super) fn transition(&mut self, work: &mut Work<'_>, index: u64, body: &Body) -> Result<(), BundleError> {
        let Body::Transition { control, from, to, run, why, appeared, resolved, .. } = body else { return Ok(()) };
        let known = self.known.get(control).cloned();
        let due = match (self.due.remove(&index), run, known) {
            (Some(due), Some(_), _) => Some(due),
            // Time alone: nothing but the state can change.
            (None, None, Some(before)) if *to == State::Stale => {
                let after = Standing::after(Some(&before), State::Stale, None);
                let due = drift::transition(Some(&before), &after);
                self.known.insert(control.clone(), after);
                due
            }
            (None, None, None) => {
                work.skip(record_path(index), "the verdict before it is not in the bundle");
                return Ok(());
            }
            _ if self.unknown.contains_key(&index) => {
                let why = self.unknown.remove(&index).unwrap_or_default();
                work.skip(record_path(index), why);
                return Ok(());
            }
            _ => None,
        };
        let Some(due) = due else {
            work.checking.wrong(record_path(index), "no verdict, and no lapse of time, leads to this transition");
            return Ok(());
        };
        if work.erased(index) {
            return Ok(());
        }
        let items = serde_json::json!({ "appeared": due.appeared, "resolved": due.resolved });
        let items = canonical_json(&items).map_err(|e| BundleError::malformed(record_path(index), e))?;
        let counts = (due.appeared.len() as u64, due.resolved.len() as u64);
        let same = due.from == *from && due.to == *to && due.why == *why && counts == (*appeared, *resolved);
        if !same || work.source.file(index, "items.json")? != items {
            work.checking.wrong(record_path(index), "is not what follows from the standings before and after it");
            return Ok(());
        }
        work.done.transitions += 1;
        Ok(())
    }
}

/// Whether nothing was on record of the control before the period: its first transition says so.
fn first_ever(work: &Work<'_>, control: &str) -> Result<bool, BundleError> {
    let Some(first) = work.contents.controls.get(control).and_then(|control| control.transitions.first()) else {
        return Ok(false);
    };
    let inside = work.contents.facts.range.contains(first);
    Ok(inside && matches!(work.source.record(*first)?.body, Body::Transition { from: None, .. }))
}

/// The state that a verdict leads to; `None` when that takes a configuration that cannot be read.
fn state(
    work: &Work<'_>,
    in_force: &InForce,
    control: &str,
    outcome: VerdictOutcome,
    evidence: &[u64],
    as_of: DateTime<Utc>,
) -> Result<Option<State>, BundleError> {
    let config = in_force.config.as_ref().and_then(|config| config.controls.get(control));
    let Some(config) = config else { return Ok(None) };
    // Of a verdict that passes, all evidence is complete, and the newest of each collector is named.
    let mut newest: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    for index in evidence {
        if let Body::Evidence { collector, status: Status::Complete, window, .. } = work.source.record(*index)?.body {
            let known = newest.entry(collector).or_insert(window.end);
            *known = window.end.max(*known);
        }
    }
    let evidence = config.collectors.iter().map(|collector| newest.get(collector).copied()).collect();
    let observed = Observed { outcome, as_of, evidence };
    Ok(Some(drift::state_of(Some(&observed), config.stale_after().delta(), as_of)))
}
