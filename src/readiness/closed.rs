//! What was a gap and is none any more: told by the records that ended it, so that every run says the same. What no
//! record dates, such as a catalogue of one's own, is not among them. Pure.

use super::checks::{Check, out_of_view, quarters};
use super::facts::{Control, Facts, Filled, Observed};
use super::gaps::{Gap, GapType, missing, of_check, of_control};
use super::remediation::Status;
use super::state::criterion_state;
use crate::catalogue::Severity;
use crate::causes::days_to_close;
use crate::config::AuditType;
use crate::drift::{Ending, State};
use crate::timeline::Drift;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// A gap that was closed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Closed {
    /// What it was.
    #[serde(flatten)]
    pub gap: Gap,
    /// `closed`.
    pub status: Status,
    /// When.
    pub closed_at: DateTime<Utc>,
    /// The records that show it.
    pub closing_evidence: Vec<u64>,
}

/// A gap with its end.
type Ended = (Gap, Filled, &'static str);

/// Those that are not open, each with the last time that it was.
pub(super) fn closed(facts: &Facts, open: &[Gap]) -> Vec<Closed> {
    let criteria = facts.applicable().filter_map(|criterion| {
        let filled = criterion.filled?;
        Some((missing(facts, &criterion_state(facts, criterion)), filled, "a control names it"))
    });
    let controls = facts.counted().filter(|control| control.own).flat_map(|control| of_one(facts, control));
    let mut last: BTreeMap<String, Ended> = BTreeMap::new();
    for ended in criteria.chain(controls) {
        let older = last.get(&ended.0.gap_id).is_some_and(|known| known.1.closed >= ended.1.closed);
        if !older && !open.iter().any(|gap| gap.gap_id == ended.0.gap_id) {
            last.insert(ended.0.gap_id.clone(), ended);
        }
    }
    let mut all: Vec<Closed> = last.into_values().map(told).collect();
    all.sort_by(|a, b| (a.closed_at, &a.gap.gap_id).cmp(&(b.closed_at, &b.gap.gap_id)));
    all
}

fn told((gap, filled, how): Ended) -> Closed {
    Closed {
        gap: Gap { current_state: how.to_owned(), opened_at: Some(filled.opened), ..gap },
        status: Status::Closed,
        closed_at: filled.closed,
        closing_evidence: vec![filled.record],
    }
}

fn partial(control: &Control) -> Gap {
    of_control(control, GapType::Partial, if control.is_key() { Severity::High } else { Severity::Medium })
}

fn of_one(facts: &Facts, control: &Control) -> Vec<Ended> {
    let mut all = Vec::new();
    if let Some(filled) = control.filled.filter(|_| control.is_key()) {
        all.push((of_control(control, GapType::Design, Severity::High), filled, "it was taken on"));
    }
    // What lacks a plan has no other gap, and had none.
    let Some(observed) = control.observed.as_ref().filter(|_| control.lacks().is_empty()) else { return all };
    if let (Some(opened), Some(first)) = (control.so_since, observed.first)
        && first.sealed >= opened
    {
        let filled = Filled { opened, closed: first.sealed, record: first.record };
        all.push((partial(control), filled, "there is complete evidence of it"));
    }
    for drift in &observed.over.drifts {
        of_drift(facts, control, observed, drift, &mut all);
    }
    if let (AuditType::Type2, Some(period)) = (facts.audit, facts.period) {
        for quarter in quarters(period, facts.at) {
            let first = quarter.signed(facts, control).min_by_key(|sign| sign.at);
            if let Some(sign) = first.filter(|sign| sign.at >= quarter.late_from()) {
                let filled = Filled { opened: quarter.late_from(), closed: sign.at, record: sign.record };
                all.push((of_check(control, Check::OwnerAccountability), filled, "its owner confirmed it"));
            }
        }
    }
    all
}

/// What a drift was a gap of, and what its cause was one of that came late.
fn of_drift(facts: &Facts, control: &Control, observed: &Observed, drift: &Drift, all: &mut Vec<Ended>) {
    let second = facts.audit == AuditType::Type2;
    let how = match drift.ended {
        Some(Ending::Waived) => "what deviated was accepted",
        Some(Ending::Gone) if out_of_view(observed, drift) => return,
        _ => "a later verdict passes",
    };
    if let (Some(closed), Some(record)) = (drift.until, drift.records.1) {
        let filled = Filled { opened: drift.from, closed, record };
        match drift.worst {
            State::Stale => all.push((of_control(control, GapType::Stale, Severity::Medium), filled, how)),
            State::Deviating if second => {}
            _ => all.push((partial(control), filled, how)),
        }
        if second && drift.worst >= State::Indeterminate {
            all.push((of_check(control, Check::OperatingConsistency), filled, how));
        }
    }
    let late = drift.from + TimeDelta::days(days_to_close(control.severity));
    let first = facts.causes_of(control, drift).min_by_key(|cause| cause.at);
    if let Some(cause) = first.filter(|cause| second && cause.at > late) {
        let filled = Filled { opened: late, closed: cause.at, record: cause.record };
        all.push((of_check(control, Check::ExceptionHandling), filled, "its cause is on record"));
    }
}
