//! The readiness score, its caps and its rating. Pure.

use super::checks::occurrences;
use super::facts::{Control, Facts, Head, Observed};
use super::packs::Rating;
use super::state::{ControlState, Coverage, CriterionState, control_state, criterion_state};
use crate::catalogue::Severity;
use crate::config::AuditType;
use serde::Serialize;

/// What everybody who reads a score must know.
pub const NOT_AN_AUDIT: &str = "Readiness is management's own measure, and not an audit result.";

/// At most this, while a criterion has no control.
const WITHOUT_CONTROL: f64 = 74.9;
/// At most this, while a critical control does not work.
const CRITICAL_NOT_EFFECTIVE: f64 = 89.9;

/// The score of a scope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readiness {
    /// What it is of.
    #[serde(flatten)]
    pub head: Head,
    /// One decimal; `None`: the ledger is not whole, and there is no score.
    pub readiness: Option<f64>,
    #[serde(skip)]
    exact: Option<f64>,
    /// By the score before it is rounded: `Audit Ready`, `Minor Gaps`, `Significant Gaps`, `Not Ready`, or
    /// `Integrity failure`.
    pub rating: &'static str,
    /// What keeps the score down, and why.
    pub caps: Vec<Cap>,
    /// Criteria that are covered, of those that apply: percent, one decimal.
    pub criteria_coverage: f64,
    /// Criteria, by their controls.
    pub criteria: Vec<CriterionState>,
    /// The controls that count, each with its part.
    pub controls: Vec<Part>,
    /// Controls whose population was read and is empty.
    pub did_not_occur: Vec<String>,
    /// What does not apply, with reason and approver.
    pub not_applicable: Vec<Left>,
    /// What this is not.
    pub note: &'static str,
}

/// Something that keeps the score down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cap {
    /// The score is at most this.
    pub at_most: f64,
    /// Why.
    pub why: String,
}

/// What one control brings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Its id.
    pub control: String,
    /// A few words.
    pub title: String,
    /// Who answers for it.
    pub owner: String,
    /// Criteria.
    pub criteria: Vec<String>,
    /// How bad it is when it fails; gives the weight.
    pub severity: Severity,
    /// 4, 3, 2 or 1.
    pub weight: u32,
    /// What it is.
    pub state: ControlState,
    /// 0 to 1.
    pub share: f64,
    /// Occurrences met and due in the period so far; of Type II, and once observed.
    pub occurrences: Option<(u64, u64)>,
    /// Items that deviated, and items judged at least, in the period.
    pub deviations: Option<(u64, u64)>,
    /// Why it is not 1.
    pub why: String,
}

/// What does not apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Left {
    /// A criterion or control.
    pub what: String,
    /// Why, by whom.
    #[serde(flatten)]
    pub said: super::facts::NotApplicable,
}

/// Computes it.
pub fn readiness(facts: &Facts) -> Readiness {
    let controls: Vec<Part> = facts.counted().map(|control| part(facts, control)).collect();
    let criteria: Vec<CriterionState> = facts.criteria.iter().map(|c| criterion_state(facts, c)).collect();
    let caps = caps(facts, &controls, &criteria);
    let lowest = caps.iter().map(|cap| cap.at_most).fold(100.0, f64::min);
    let exact = score(&controls).min(lowest);
    let of = |what: &String, said: &super::facts::NotApplicable| Left { what: what.clone(), said: said.clone() };
    let criteria_left = facts.criteria.iter().filter_map(|c| Some(of(&c.id, c.not_applicable.as_ref()?)));
    let controls_left = facts.controls.iter().filter_map(|c| Some(of(&c.id, c.not_applicable.as_ref()?)));
    Readiness {
        head: facts.head(),
        readiness: facts.fault.is_none().then(|| one_decimal(exact)),
        exact: facts.fault.is_none().then_some(exact),
        rating: if facts.fault.is_some() { INTEGRITY_FAILURE } else { rating(exact) },
        caps,
        criteria_coverage: coverage(&criteria),
        did_not_occur: facts.counted().filter(|control| did_not_occur(control)).map(|c| c.id.clone()).collect(),
        not_applicable: criteria_left.chain(controls_left).collect(),
        note: NOT_AN_AUDIT,
        criteria,
        controls,
    }
}

impl Readiness {
    /// The score before it is rounded.
    pub fn exact(&self) -> Option<f64> {
        self.exact
    }
}

/// The rating of a ledger that is not whole.
pub const INTEGRITY_FAILURE: &str = "Integrity failure";

/// The words for a score.
pub fn rating(exact: f64) -> &'static str {
    match Rating::of(exact) {
        Rating::AuditReady => "Audit Ready",
        Rating::MinorGaps => "Minor Gaps",
        Rating::SignificantGaps => "Significant Gaps",
        Rating::NotReady => "Not Ready",
    }
}

/// The weighted mean, 0 to 100; 0 when nothing counts.
fn score(parts: &[Part]) -> f64 {
    let weights: u32 = parts.iter().map(|part| part.weight).sum();
    if weights == 0 {
        return 0.0;
    }
    100.0 * parts.iter().map(|part| f64::from(part.weight) * part.share).sum::<f64>() / f64::from(weights)
}

/// Percent of the criteria that apply which are covered.
pub(super) fn coverage(criteria: &[CriterionState]) -> f64 {
    let count = |held: &dyn Fn(Coverage) -> bool| criteria.iter().filter(|c| held(c.state)).count() as u32;
    super::packs::percent(count(&|c| c == Coverage::Covered), count(&|c| c != Coverage::NotApplicable))
}

fn one_decimal(exact: f64) -> f64 {
    format!("{exact:.1}").parse().unwrap_or(exact)
}

fn part(facts: &Facts, control: &Control) -> Part {
    let state = control_state(facts, control);
    let observed = control.observed.as_ref().filter(|_| facts.audit == AuditType::Type2 && facts.period.is_some());
    let occurrences = observed.zip(control.frequency).map(|(o, f)| occurrences(f, o, facts.as_of));
    let deviations = observed.map(|observed| (observed.over.deviations(), observed.over.population));
    let (share, why) = match facts.audit {
        AuditType::Type1 => type_1(control, state),
        AuditType::Type2 => type_2(facts, control, state, occurrences, deviations),
    };
    Part {
        control: control.id.clone(),
        title: control.title.clone(),
        owner: control.owner.clone(),
        criteria: control.criteria.clone(),
        severity: control.severity,
        weight: control.severity as u32 + 1,
        state,
        share,
        occurrences,
        deviations,
        why,
    }
}

fn did_not_occur(control: &Control) -> bool {
    control.observed.as_ref().is_some_and(|o| {
        o.evidence.is_some() && o.over.population == 0 && !o.over.stamps.is_empty() && !o.only_pending()
    })
}

fn type_1(control: &Control, state: ControlState) -> (f64, String) {
    match state {
        ControlState::NotStarted => (0.0, lacking(control)),
        ControlState::Implemented | ControlState::Effective => (1.0, String::new()),
        ControlState::Designed => (0.5, nothing_yet(control)),
        ControlState::Stale => (0.5, "its evidence is too old".to_owned()),
        ControlState::Failing | ControlState::NotApplicable => (0.5, failing(control)),
    }
}

fn type_2(
    facts: &Facts,
    control: &Control,
    state: ControlState,
    occurrences: Option<(u64, u64)>,
    deviations: Option<(u64, u64)>,
) -> (f64, String) {
    match state {
        ControlState::NotStarted => return (0.0, lacking(control)),
        ControlState::Designed => return (0.25, nothing_yet(control)),
        ControlState::Failing => return (0.25, failing(control)),
        _ if open_critical(control) => return (0.25, "a drift of a critical control is open".to_owned()),
        _ => {}
    }
    let (met, mut due) = occurrences.unwrap_or((0, 1));
    // What is too old lacks an occurrence, also where none is over yet.
    if state == ControlState::Stale && met >= due {
        due = met + 1;
    }
    let (deviated, population) = deviations.unwrap_or((0, 0));
    let period = met as f64 / due.max(1) as f64;
    let tolerable = f64::from(facts.tolerable_percent) / 100.0;
    let rate = match (deviated, population) {
        (0, _) => 0.0,
        (_, 0) => 1.0,
        _ => deviated as f64 / population as f64,
    };
    let factor = 1.0 - (rate / tolerable).min(1.0);
    let mut why = Vec::new();
    if met < due {
        why.push(format!("{met} of {due} occurrences"));
    }
    if deviated > 0 {
        why.push(format!("{deviated} of {population} items deviated"));
    }
    (0.5 + 0.5 * period * factor, why.join("; "))
}

/// Whether a drift of a critical control is open.
fn open_critical(control: &Control) -> bool {
    let drifts = control.observed.iter().flat_map(|observed| &observed.over.drifts);
    control.severity == Severity::Critical && drifts.into_iter().any(|drift| drift.until.is_none())
}

/// What there is of a plan of which nothing was shown.
pub(super) fn nothing_yet(control: &Control) -> String {
    let due = control.observed.as_ref().is_some_and(Observed::only_pending);
    if due { "nothing of it is due yet" } else { "planned, and no complete evidence of it was ever judged" }.to_owned()
}

fn lacking(control: &Control) -> String {
    if control.own {
        format!("its plan lacks: {}", control.lacks().join(", "))
    } else {
        "a suggestion of the library that nobody here has taken".to_owned()
    }
}

fn failing(control: &Control) -> String {
    let observed = control.observed.as_ref();
    let state = observed.map_or("failing", |observed| observed.state.word());
    format!("it is {state}: {}", observed.and_then(|o| o.bad.first().cloned()).unwrap_or_default())
}

fn caps(facts: &Facts, controls: &[Part], criteria: &[CriterionState]) -> Vec<Cap> {
    let named = |ids: &[&str]| {
        let more = if ids.len() > 5 { format!(" and {} more", ids.len() - 5) } else { String::new() };
        format!("{}{more}", ids.iter().take(5).copied().collect::<Vec<_>>().join(", "))
    };
    let mut caps = Vec::new();
    let missing: Vec<&str> =
        criteria.iter().filter(|c| c.state == Coverage::Missing).map(|c| c.criterion.as_str()).collect();
    if !missing.is_empty() {
        caps.push(Cap { at_most: WITHOUT_CONTROL, why: format!("criteria without a control: {}", named(&missing)) });
    }
    let critical = controls.iter().filter(|part| part.severity == Severity::Critical);
    let short: Vec<&str> =
        critical.filter(|part| !part.state.is_enough(facts.audit)).map(|part| part.control.as_str()).collect();
    if !short.is_empty() {
        let word = if facts.audit == AuditType::Type1 { "implemented" } else { "effective" };
        let why = format!("critical controls that are not {word}: {}", named(&short));
        caps.push(Cap { at_most: CRITICAL_NOT_EFFECTIVE, why });
    }
    let open: Vec<&str> = facts.counted().filter(|control| open_critical(control)).map(|c| c.id.as_str()).collect();
    if !open.is_empty() {
        let why = format!("critical controls with an open drift: {}", named(&open));
        caps.push(Cap { at_most: CRITICAL_NOT_EFFECTIVE, why });
    }
    caps
}
