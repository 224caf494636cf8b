//! What controls and criteria are on the way to an audit. Pure.

use super::checks::{Check, Passed, checks};
use super::facts::{Control, Criterion, Facts};
use crate::catalogue::Category;
use crate::config::AuditType;
use crate::drift::State;
use serde::Serialize;

/// What a control is on the way to an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// It does not apply.
    NotApplicable,
    /// Its newest evidence is fresh and passes, and nothing in the period speaks against it. Only of Type II.
    Effective,
    /// Its newest evidence is fresh and passes.
    Implemented,
    /// It is planned, and no complete evidence was ever judged, or nothing of it is due yet.
    Designed,
    /// Its evidence is too old.
    Stale,
    /// It fails, or could not be judged.
    Failing,
    /// Its plan lacks something.
    NotStarted,
}

/// What a control is.
pub fn control_state(facts: &Facts, control: &Control) -> ControlState {
    if control.not_applicable.is_some() {
        return ControlState::NotApplicable;
    }
    if !control.lacks().is_empty() {
        return ControlState::NotStarted;
    }
    let Some(observed) = control.observed.as_ref().filter(|observed| observed.evidence.is_some()) else {
        // What was looked at and shown to fail is no mere plan, however little was read of it.
        let failing = control.observed.as_ref().is_some_and(|observed| observed.state == State::Deviating);
        return if failing { ControlState::Failing } else { ControlState::Designed };
    };
    match observed.state {
        State::Deviating | State::Indeterminate => ControlState::Failing,
        State::Stale => ControlState::Stale,
        State::Unmonitored => ControlState::Designed,
        State::Effective if observed.only_pending() => ControlState::Designed,
        State::Effective if facts.audit == AuditType::Type1 => ControlState::Implemented,
        State::Effective => {
            let against = |check| [Check::OperatingConsistency, Check::FrequencyAdherence].contains(&check);
            let failed = checks(facts, control).into_iter().any(|c| c.passed == Passed::No && against(c.check));
            let read = observed.over.cadence.values().all(|cadence| cadence.readings > 0);
            if failed || !read || observed.over.cadence.is_empty() {
                ControlState::Implemented
            } else {
                ControlState::Effective
            }
        }
    }
}

impl ControlState {
    /// Whether it is as far as the report asks.
    pub fn is_enough(self, audit: AuditType) -> bool {
        match audit {
            AuditType::Type1 => matches!(self, Self::Implemented | Self::Effective),
            AuditType::Type2 => self == Self::Effective,
        }
    }
}

/// One criterion, by its controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CriterionState {
    /// Its id.
    pub criterion: String,
    /// Its category.
    pub category: Category,
    /// A few words.
    pub title: String,
    /// What it is.
    pub state: Coverage,
    /// Own controls of it that apply.
    pub controls: Vec<String>,
    /// Controls that it hangs on and that are not as far as the report asks.
    pub held_back_by: Vec<String>,
}

/// Whether a criterion is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// No control names it.
    Missing,
    /// A control that it hangs on is not as far as the report asks.
    NotCovered,
    /// Every control that it hangs on is.
    Covered,
    /// It does not apply.
    NotApplicable,
}

/// Whether a criterion is covered: by every control that is key for it, or where none is, by every own control. One
/// good control hides no bad one.
pub fn criterion_state(facts: &Facts, criterion: &Criterion) -> CriterionState {
    let own: Vec<&Control> = facts.own(&criterion.id).collect();
    let mut hangs_on: Vec<&Control> = facts
        .controls
        .iter()
        .filter(|control| control.not_applicable.is_none() && control.key_for.contains(&criterion.id))
        .collect();
    if hangs_on.is_empty() {
        hangs_on.clone_from(&own);
    }
    let answers = |control: &Control| !control.falls_short_of.contains(&criterion.id);
    let works = |control: &Control| control_state(facts, control).is_enough(facts.audit);
    let short = hangs_on.iter().filter(|control| !answers(control) || !works(control));
    let held_back_by: Vec<String> = short.map(|control| control.id.clone()).collect();
    let state = match (criterion.not_applicable.is_some(), own.is_empty()) {
        (true, _) => Coverage::NotApplicable,
        (_, true) => Coverage::Missing,
        _ if held_back_by.is_empty() => Coverage::Covered,
        _ => Coverage::NotCovered,
    };
    CriterionState {
        criterion: criterion.id.clone(),
        category: criterion.category,
        title: criterion.title.clone(),
        state,
        controls: own.iter().map(|control| control.id.clone()).collect(),
        held_back_by,
    }
}
