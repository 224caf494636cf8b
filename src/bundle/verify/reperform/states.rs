//! States from verdicts: each standing from the one before it, and the transitions between them.

use super::{InForce, Work};
use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits, record_path, time};
use crate::bundle::verify::documents::document;
use crate::drift::{self, Observed, Standing, State, Transition};
use crate::judge::{Verdict, VerdictOutcome};
use crate::ledger::record::{Body, Occasion, Status, canonical_json};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// File of a verdict with the standing after it.
const STANDING: &str = "standing.json";

/// Why a first standing cannot be made again.
const BEFORE: &str = "the verdict before the period is not in the bundle";

/// The last standing of each control that was made again, or sealed.
#[derive(Default)]
pub(super) struct States {
    known: BTreeMap<String, Held>,
    /// Transition that the last verdict of a control leads to, by the record where it must be.
    due: BTreeMap<u64, Due>,
    /// Transitions after a verdict whose predecessor is not here.
    unknown: BTreeMap<u64, &'static str>,
    /// Controls whose last verdict was erased.
    lost: BTreeSet<String>,
}

/// What a control was at last.
struct Held {
    standing: Standing,
    /// What its last verdict is as of.
    as_of: DateTime<Utc>,
    /// When that was recorded.
    at: DateTime<Utc>,
    /// What it was last said to be as of: of that verdict, or since when it is stale.
    floor: DateTime<Utc>,
    /// Of that verdict's evidence what is complete: collector and time; `None`: it is not here.
    complete: Option<Vec<(String, DateTime<Utc>)>>,
}

/// A transition, and the instants that its record must state.
struct Due {
    transition: Transition,
    before_at: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
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
        let Body::Verdict { control, evidence, as_of, occasion, .. } = body else { return Ok(()) };
        let at = work.source.record(index)?.at;
        let file = format!("data/verdicts/{}/{STANDING}", digits(index));
        if !work.source.file_names(index)?.iter().any(|name| name == STANDING) {
            self.unknown.insert(index + 1, "the verdict before it has no standing");
            work.take(file, "is not among the verdict's files");
            return Ok(());
        }
        let sealed: Standing = document(&work.source, index, STANDING)?;
        let config = in_force.config.as_ref().and_then(|config| config.controls.get(control));
        let complete = complete(work, evidence)?;
        let complete_now = Some(complete.clone());
        let now = Held { standing: sealed.clone(), as_of: *as_of, at, floor: *as_of, complete: complete_now };
        let previous = self.known.insert(control.clone(), now);
        let lost = self.lost.remove(control);
        if previous.is_none() && (lost || !first_ever(work, control)?) {
            let what = if lost { "the verdict before it was erased" } else { BEFORE };
            self.unknown.insert(index + 1, what);
            let why = format!("cannot be followed: {what}");
            if lost || before_erased(work, control) {
                work.skip(file, why)
            } else {
                work.take(file, why)
            }
            return Ok(());
        }
        let Some(config) = config else {
            self.unknown.insert(index + 1, "this program cannot read the configuration in force");
            work.skip(file, "this program cannot read the configuration in force");
            return Ok(());
        };
        let stale_from = |held: &Held| held.stale_from(in_force, control, at);
        if let Some(stale) = previous.as_ref().and_then(stale_from).filter(|at| at < as_of) {
            let why = format!("passes over {}, from when on the control was stale, and no record says so", time(stale));
            work.checking.wrong(record_path(index), why);
        }
        let observed = Observed::over(verdict.outcome, *as_of, at, &config.collectors, complete);
        let state = drift::state_of(Some(&observed), config.stale_after().delta(), *as_of);
        let back = previous.as_ref().is_some_and(|held| *as_of < held.floor);
        let before_at = previous.as_ref().map(|held| held.as_of).filter(|before| before <= as_of);
        let previous = previous.map(|held| held.standing);
        let again = Standing::after(previous.as_ref(), state, Some(verdict));
        if again != sealed {
            work.checking.wrong(file, "is not what follows from the verdict and the standing before it");
        }
        if let Some(transition) = drift::transition(previous.as_ref(), &sealed, Some(verdict), back) {
            let follows = match work.source.record(index + 1) {
                Ok(next) => matches!(next.body, Body::Transition { control: ref of, .. } if of == control),
                Err(_) => false,
            };
            if follows {
                let since = occasion.run().is_none().then_some(*as_of);
                self.due.insert(index + 1, Due { transition, before_at, since });
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
    pub(super) fn lapsed(&mut self, control: &str, to: State, since: Option<DateTime<Utc>>) {
        if let Some(held) = self.known.get_mut(control) {
            held.standing.state = to;
            held.floor = since.unwrap_or(held.as_of);
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
        let Body::Verdict { control, as_of, .. } = body else { return Ok(()) };
        self.known.remove(control);
        self.lost.remove(control);
        if work.source.file_names(index)?.iter().any(|name| name == STANDING) {
            let standing = document(&work.source, index, STANDING)?;
            let at = work.source.record(index)?.at;
            self.known.insert(control.clone(), Held { standing, as_of: *as_of, at, floor: *as_of, complete: None });
        }
        self.unknown.insert(index + 1, "the verdict before it was not made again");
        Ok(())
    }

    /// Compares a transition with the one that must be there.
    pub(super) fn transition(
        &mut self,
        work: &mut Work<'_>,
        in_force: Option<&InForce>,
        index: u64,
        body: &Body,
    ) -> Result<(), BundleError> {
        let Body::Transition { control, to, occasion, .. } = body else { return Ok(()) };
        let lapse = *occasion == Occasion::Lapse && *to == State::Stale;
        let due = match self.due.remove(&index) {
            Some(due) => Some(due),
            None if lapse && !self.known.contains_key(control) => {
                work.skip(record_path(index), "the verdict before it is not in the bundle");
                return Ok(());
            }
            None if lapse => self.lapse(in_force, body, work.source.record(index)?.at),
            None if self.unknown.contains_key(&index) => {
                let why = self.unknown.remove(&index).unwrap_or_default();
                work.skip(record_path(index), why);
                return Ok(());
            }
            None => None,
        };
        let Some(due) = due else {
            work.checking.wrong(record_path(index), "no verdict, and no lapse of time, leads to this transition");
            return Ok(());
        };
        if work.erased(index) {
            return Ok(());
        }
        let items = due.transition.items();
        let items = canonical_json(&items).map_err(|e| BundleError::malformed(record_path(index), e))?;
        if !due.is(body) || work.source.file(index, "items.json")? != items {
            work.checking.wrong(record_path(index), "is not what follows from the standings before and after it");
            return Ok(());
        }
        work.done.transitions += 1;
        Ok(())
    }

    /// Time alone: nothing but the state can change, and from a known instant on; or, where the last verdict is by a
    /// clock that was ahead, as soon as somebody saw that.
    fn lapse(&mut self, in_force: Option<&InForce>, body: &Body, at: DateTime<Utc>) -> Option<Due> {
        let Body::Transition { control, since, observed_at, .. } = body else { return None };
        // A state that is bad already does not become stale.
        let held = self.known.get_mut(control).filter(|held| held.standing.state == State::Effective)?;
        let stale_from = if drift::is_ahead(held.as_of, at) {
            Some(*observed_at)
        } else {
            in_force.and_then(|in_force| held.stale_from(in_force, control, at))
        };
        let after = Standing::after(Some(&held.standing), State::Stale, None);
        let transition = drift::transition(Some(&held.standing), &after, None, false)?;
        held.standing = after;
        // Without the times of its evidence or the configuration, when it became stale is not made again.
        let since = stale_from.or(*since);
        held.floor = since.unwrap_or(held.as_of);
        Some(Due { transition, before_at: Some(held.as_of).filter(|before| *before <= held.floor), since })
    }
}

impl Held {
    /// From when on a control that is effective is stale by the configuration in force; `None` also where that,
    /// or its evidence, is not here, and where its clock was ahead of the one that says `now`.
    fn stale_from(&self, in_force: &InForce, control: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let config = in_force.config.as_ref()?.controls.get(control)?;
        let counts = self.standing.state == State::Effective && !drift::is_ahead(self.as_of, now);
        let complete = self.complete.clone().filter(|_| counts)?;
        let observed = Observed::over(VerdictOutcome::Pass, self.as_of, self.at, &config.collectors, complete);
        // Collectors that the verdict is not over were made to feed it by the configuration.
        Some(observed.stale_from(config.stale_after().delta()).unwrap_or(in_force.at).max(self.as_of))
    }
}

impl Due {
    fn is(&self, body: &Body) -> bool {
        let Body::Transition { from, to, why, appeared, resolved, waived, gone, before_at, since, .. } = body else {
            return false;
        };
        let Transition { appeared: a, resolved: r, waived: w, gone: g, .. } = &self.transition;
        let counts = [a, r, w, g].map(|items| items.len() as u64) == [*appeared, *resolved, *waived, *gone];
        let state = (self.transition.from, self.transition.to, &self.transition.why) == (*from, *to, why);
        counts && state && (self.before_at, self.since) == (*before_at, *since)
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

/// Whether the files of the verdict before the period were erased.
fn before_erased(work: &Work<'_>, control: &str) -> bool {
    let before = work.contents.controls.get(control).and_then(|control| control.before);
    before.is_some_and(|before| work.contents.erased.contains_key(&before))
}

/// What of the evidence is complete: collector and time.
fn complete(work: &Work<'_>, evidence: &[u64]) -> Result<Vec<(String, DateTime<Utc>)>, BundleError> {
    let mut complete = Vec::new();
    for index in evidence {
        if let Body::Evidence { collector, status: Status::Complete, window, .. } = work.source.record(*index)?.body {
            complete.push((collector, window.end));
        }
    }
    Ok(complete)
}
