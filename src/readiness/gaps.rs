//! What is missing for a report: by type, each with what there is and what is asked for. Pure.

use super::checks::{Check, Checked, Passed, checks};
use super::facts::{Control, Facts, Head};
use super::score::{coverage, nothing_yet};
use super::state::{ControlState, Coverage, CriterionState, control_state, criterion_state};
use crate::catalogue::{Category, ControlType, Severity};
use crate::config::AuditType;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::CLOCK_SKEW_MAX;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is missing for a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gaps {
    /// What it is of.
    #[serde(flatten)]
    pub head: Head,
    /// Criteria that are covered, of those that apply: percent, one decimal.
    pub criteria_coverage: f64,
    /// Criteria, by their controls.
    pub criteria: Vec<CriterionState>,
    /// Worst first.
    pub gaps: Vec<Gap>,
    /// Every check of operation, by control, also those that passed. Only of Type II.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operation: BTreeMap<String, Vec<Checked>>,
}

/// What kind of gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapType {
    /// The ledger, a clock or a total is not what it should be.
    Integrity,
    /// A criterion without a control.
    Missing,
    /// A plan that lacks something, or that cannot do what the criterion asks.
    Design,
    /// A plan without complete evidence.
    Partial,
    /// A check of operation failed.
    Operating,
    /// Evidence that is too old, while the period is not broken yet.
    Stale,
}

/// One gap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// Stable: the same gap has the same one in every run.
    pub gap_id: String,
    /// What kind.
    pub gap_type: GapType,
    /// How bad.
    pub severity: Severity,
    /// Whether a criterion hangs on it.
    pub key: bool,
    /// Criteria that it touches.
    pub criteria: Vec<String>,
    /// Controls that it is about; of a criterion without one, those of the library that would serve.
    pub controls: Vec<String>,
    /// The control that it is of; `None`: it is of a criterion, or of the ledger.
    #[serde(skip)]
    pub control: Option<String>,
    /// A few words.
    pub title: String,
    /// What there is.
    pub current_state: String,
    /// What is asked for.
    pub required_state: String,
    /// What shows it: a check, or a rule.
    pub source: String,
    /// Since when it is so, by the records; `None`: they do not say.
    pub opened_at: Option<DateTime<Utc>>,
}

/// Finds them.
pub fn gaps(facts: &Facts) -> Gaps {
    let criteria: Vec<CriterionState> = facts.criteria.iter().map(|c| criterion_state(facts, c)).collect();
    let mut found: Vec<Gap> = facts.fault.iter().map(|fault| ledger(fault)).collect();
    found.extend(criteria.iter().filter(|c| c.state == Coverage::Missing).map(|c| missing(facts, c)));
    found.extend(criteria.iter().filter_map(|criterion| only_detective(facts, criterion)));
    let mut operation = BTreeMap::new();
    let absent: Vec<&str> =
        criteria.iter().filter(|c| c.state == Coverage::Missing).map(|c| c.criterion.as_str()).collect();
    for control in facts.counted() {
        // A suggestion that is not taken is told with the criterion that it would serve, if that has none.
        let told = !control.own && !control.criteria.is_empty();
        if told && control.criteria.iter().any(|id| absent.contains(&id.as_str())) {
            continue;
        }
        found.extend(design(facts, control));
        if facts.fault.is_some() {
            continue;
        }
        found.extend(partial(facts, control));
        found.extend(stale(facts, control));
        found.extend(provenance(control));
        if facts.audit == AuditType::Type2 && control.lacks().is_empty() {
            let checked = checks(facts, control);
            found.extend(checked.iter().filter(|c| c.passed == Passed::No).map(|c| operating(control, c)));
            if !checked.is_empty() {
                operation.insert(control.id.clone(), checked);
            }
        }
    }
    found.sort_by(|a, b| (b.severity, a.gap_type, &a.gap_id).cmp(&(a.severity, b.gap_type, &b.gap_id)));
    Gaps { head: facts.head(), criteria_coverage: coverage(&criteria), criteria, gaps: found, operation }
}

impl Gaps {
    /// The worst there is.
    pub fn worst(&self) -> Option<Severity> {
        self.gaps.iter().map(|gap| gap.severity).max()
    }
}

pub(super) fn of_control(control: &Control, gap_type: GapType, severity: Severity) -> Gap {
    Gap {
        gap_id: format!("GAP-{}-{}", control.id, super::grid::word(gap_type)),
        gap_type,
        severity,
        key: control.is_key(),
        criteria: control.criteria.clone(),
        controls: vec![control.id.clone()],
        control: Some(control.id.clone()),
        title: control.title.clone(),
        current_state: String::new(),
        required_state: control.statement.clone(),
        source: super::grid::word(gap_type),
        opened_at: None,
    }
}

fn ledger(fault: &str) -> Gap {
    Gap {
        gap_id: "GAP-LEDGER-integrity".to_owned(),
        gap_type: GapType::Integrity,
        severity: Severity::Critical,
        key: true,
        criteria: Vec::new(),
        controls: Vec::new(),
        control: None,
        title: "The ledger is not what was sealed".to_owned(),
        current_state: fault.to_owned(),
        required_state: "every hash, commitment and checkpoint of the ledger is that of its records".to_owned(),
        source: "verify --ledger".to_owned(),
        opened_at: None,
    }
}

pub(super) fn missing(facts: &Facts, state: &CriterionState) -> Gap {
    let id = &state.criterion;
    let criterion = facts.criteria.iter().find(|criterion| criterion.id == *id);
    let serve = facts.controls.iter().filter(|control| control.criteria.contains(id));
    Gap {
        gap_id: format!("GAP-{id}-missing"),
        gap_type: GapType::Missing,
        severity: if state.category == Category::Security { Severity::Critical } else { Severity::High },
        key: true,
        criteria: vec![id.clone()],
        controls: serve.map(|control| control.id.clone()).collect(),
        control: None,
        title: state.title.clone(),
        current_state: "no control of yours names it".to_owned(),
        required_state: format!("a control for {id} with an owner, a frequency and evidence"),
        source: "missing".to_owned(),
        opened_at: criterion.and_then(|criterion| criterion.without_since),
    }
}

/// Criteria of access ask to keep people out, which nothing does that only notices.
fn only_detective(facts: &Facts, state: &CriterionState) -> Option<Gap> {
    let id = &state.criterion;
    let applies = matches!(state.state, Coverage::Covered | Coverage::NotCovered) && id.starts_with("CC6.");
    let own: Vec<&Control> = facts.own(id).collect();
    let prevents = |control: &&Control| control.control_type.is_none_or(|kind| kind == ControlType::Preventive);
    if !applies || own.iter().any(prevents) {
        return None;
    }
    Some(Gap {
        gap_id: format!("GAP-{id}-design"),
        gap_type: GapType::Design,
        severity: Severity::High,
        key: true,
        criteria: vec![id.clone()],
        controls: state.controls.clone(),
        control: None,
        title: state.title.clone(),
        current_state: "its controls notice or mend, and none of them prevents".to_owned(),
        required_state: format!("a preventive control for {id}, which asks to restrict"),
        source: "design".to_owned(),
        opened_at: None,
    })
}

fn design(facts: &Facts, control: &Control) -> Option<Gap> {
    let (lacks, short) = (control.lacks(), &control.falls_short_of);
    let started = control_state(facts, control) != ControlState::NotStarted;
    let applies = control.not_applicable.is_none() && !short.is_empty();
    let (current_state, required_state, opened_at) = match (started, control.own) {
        (true, _) if !applies => return None,
        (true, _) => {
            let current = format!("its owner says that it does not answer {}", short.join(", "));
            (current, format!("a control that answers {}", short.join(", ")), None)
        }
        (false, own) => {
            let current = match own {
                true => format!("its plan lacks: {}", lacks.join(", ")),
                false => "a criterion hangs on it, and it is only a suggestion of the library".to_owned(),
            };
            let required = "statement, criterion, owner, frequency, evidence type and test procedure";
            (current, required.to_owned(), control.so_since)
        }
    };
    let gap = of_control(control, GapType::Design, Severity::High);
    Some(Gap { current_state, required_state, opened_at, ..gap })
}

fn partial(facts: &Facts, control: &Control) -> Option<Gap> {
    if !control.lacks().is_empty() {
        return None;
    }
    let observed = control.observed.as_ref();
    let (current_state, opened_at) = match (control_state(facts, control), observed) {
        (ControlState::Designed, _) => (nothing_yet(control), control.so_since),
        // Whatever was not read, was claimed to be in scope.
        (ControlState::Failing, Some(observed)) if observed.state == crate::drift::State::Indeterminate => {
            (format!("not read whole: {}", observed.bad.first().cloned().unwrap_or_default()), observed.not_since)
        }
        // Of Type I nothing else tells of it.
        (ControlState::Failing, Some(observed)) if facts.audit == AuditType::Type1 => {
            (format!("it fails: {}", observed.bad.first().cloned().unwrap_or_default()), observed.not_since)
        }
        _ => return None,
    };
    let severity = if control.is_key() { Severity::High } else { Severity::Medium };
    Some(Gap { current_state, opened_at, ..of_control(control, GapType::Partial, severity) })
}

fn stale(facts: &Facts, control: &Control) -> Option<Gap> {
    let observed = control.observed.as_ref().filter(|_| control_state(facts, control) == ControlState::Stale)?;
    let until = observed.evidence.map(|evidence| evidence.until.format("%Y-%m-%d %H:%MZ").to_string());
    let hours = observed.stale_after.num_hours();
    Some(Gap {
        current_state: format!("its newest complete evidence reaches to {}", until.unwrap_or_default()),
        required_state: format!("complete evidence that is no older than {hours} hours"),
        opened_at: observed.not_since,
        ..of_control(control, GapType::Stale, Severity::Medium)
    })
}

/// A clock or a total that puts the newest evidence in doubt.
fn provenance(control: &Control) -> Option<Gap> {
    let mut faults = Vec::new();
    for (name, from) in control.observed.iter().flat_map(|observed| &observed.provenance) {
        let skew = from.skew_ms.filter(|skew| skew.abs() > CLOCK_SKEW_MAX.num_milliseconds());
        faults.extend(skew.map(|skew| format!("{name}: the source's clock is {} s off ours", skew / 1000)));
        faults.extend(from.unreconciled.iter().map(|what| format!("{name}: {what}")));
    }
    (!faults.is_empty()).then(|| Gap {
        current_state: faults.join("; "),
        required_state: "clocks no more than five minutes apart, and totals that agree with a second source's"
            .to_owned(),
        source: "provenance".to_owned(),
        ..of_control(control, GapType::Integrity, Severity::Critical)
    })
}

fn operating(control: &Control, checked: &Checked) -> Gap {
    Gap { current_state: checked.says.clone(), opened_at: checked.since, ..of_check(control, checked.check) }
}

/// A gap of operation, without what there is.
pub(super) fn of_check(control: &Control, check: Check) -> Gap {
    Gap {
        gap_id: format!("GAP-{}-operating-{}", control.id, check.word().replace('_', "-")),
        required_state: check.required().to_owned(),
        source: check.word().to_owned(),
        ..of_control(control, GapType::Operating, check.severity())
    }
}
