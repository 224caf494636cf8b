//! What evidence there is of each control, and `evidence_readiness`: counted from evidence, not from words. Pure.

use super::facts::{Control, Evidence, Facts, Head, Observed};
use super::grid::{Grid, head, list, minute, warnings, word};
use super::packs::{Rating, percent};
use super::state::{ControlState, control_state};
use crate::catalogue::{Category, Severity};
use crate::drift::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What evidence there is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tracker {
    /// What it is of.
    #[serde(flatten)]
    pub head: Head,
    /// Controls whose newest evidence is valid, fresh and passes, of those that apply: percent, one decimal.
    pub evidence_readiness: f64,
    /// The words for it.
    pub rating: Rating,
    /// How many there are of each, over all categories.
    pub counts: BTreeMap<Class, u32>,
    /// The same by category; a control of two is counted in both.
    pub by_category: BTreeMap<Category, BTreeMap<Class, u32>>,
    /// Each control that counts, and each that does not apply.
    pub controls: Vec<Line>,
}

/// What the evidence of a control is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Valid, fresh and passing.
    Collected,
    /// Valid and fresh, and it fails or was not read whole.
    Failing,
    /// Too old.
    Stale,
    /// There is none.
    NoEvidence,
    /// The control does not apply.
    NotApplicable,
}

/// One control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its id.
    pub control: String,
    /// A few words.
    pub title: String,
    /// Criteria in scope.
    pub criteria: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// What it is on the way to an audit.
    pub state: ControlState,
    /// What its evidence is.
    pub evidence_is: Class,
    /// The newest complete evidence.
    pub evidence: Option<Evidence>,
    /// From when on it is too old.
    pub stale_from: Option<DateTime<Utc>>,
    /// When its collectors are due next.
    pub due_next: Option<DateTime<Utc>>,
    /// What is missing; empty: nothing.
    pub missing: String,
}

/// Counts it. `due` says when a control is due next.
pub fn tracker(facts: &Facts, due: &BTreeMap<String, DateTime<Utc>>) -> Tracker {
    let counted: BTreeSet<&str> = facts.counted().map(|control| control.id.as_str()).collect();
    let shown = facts.controls.iter().filter(|c| counted.contains(c.id.as_str()) || c.not_applicable.is_some());
    let (mut counts, mut by_category) = (BTreeMap::new(), BTreeMap::new());
    let mut controls = Vec::new();
    for control in shown {
        let line = line(facts, control, due.get(&control.id).copied());
        *counts.entry(line.evidence_is).or_default() += 1;
        let of = |id: &String| facts.criteria.iter().find(|criterion| criterion.id == *id).map(|c| c.category);
        for category in control.criteria.iter().filter_map(of).collect::<BTreeSet<_>>() {
            let of_category: &mut BTreeMap<Class, u32> = by_category.entry(category).or_default();
            *of_category.entry(line.evidence_is).or_default() += 1;
        }
        controls.push(line);
    }
    let evidence_readiness = share(&counts);
    Tracker {
        head: facts.head(),
        evidence_readiness,
        rating: Rating::of(evidence_readiness),
        counts,
        by_category,
        controls,
    }
}

fn share(counts: &BTreeMap<Class, u32>) -> f64 {
    let of = |class| counts.get(&class).copied().unwrap_or_default();
    percent(of(Class::Collected), counts.values().sum::<u32>() - of(Class::NotApplicable))
}

fn line(facts: &Facts, control: &Control, due_next: Option<DateTime<Utc>>) -> Line {
    let state = control_state(facts, control);
    let observed = control.observed.as_ref();
    let evidence = observed.and_then(|observed| observed.evidence);
    let evidence_is = match (state, observed.map(|observed| observed.state)) {
        (ControlState::NotApplicable, _) => Class::NotApplicable,
        (_, Some(State::Effective)) if observed.is_some_and(Observed::only_pending) => Class::NoEvidence,
        (_, Some(State::Effective)) if evidence.is_some() => Class::Collected,
        (_, Some(State::Stale)) if evidence.is_some() => Class::Stale,
        (_, Some(State::Deviating | State::Indeterminate)) => Class::Failing,
        _ => Class::NoEvidence,
    };
    let mut missing = Vec::new();
    match evidence_is {
        Class::NotApplicable | Class::Collected => {}
        Class::Failing => missing.push(observed.and_then(|o| o.bad.first().cloned()).unwrap_or_default()),
        Class::Stale => missing.push("newer evidence".to_owned()),
        Class::NoEvidence => missing.push(match control.evidence.as_slice() {
            [] => "any complete evidence".to_owned(),
            some => format!("any complete evidence: {}", list(some)),
        }),
    }
    if evidence_is != Class::NotApplicable && !control.lacks().is_empty() {
        let lacks = control.lacks().join(", ");
        missing.push(if control.own { format!("in its plan: {lacks}") } else { "somebody who takes it on".to_owned() });
    }
    Line {
        control: control.id.clone(),
        title: control.title.clone(),
        criteria: control.criteria.clone(),
        owner: control.owner.clone(),
        severity: control.severity,
        state,
        evidence_is,
        stale_from: observed.zip(evidence).map(|(observed, evidence)| evidence.until + observed.stale_after),
        evidence,
        due_next,
        missing: missing.join("; "),
    }
}

/// The columns of its tables.
const COLUMNS: [(&str, u32); 12] = [
    ("control", 12),
    ("title", 32),
    ("criteria", 16),
    ("owner", 22),
    ("severity", 10),
    ("state", 14),
    ("evidence", 12),
    ("record", 10),
    ("until", 18),
    ("stale_from", 18),
    ("due_next", 18),
    ("missing", 60),
];

impl Tracker {
    /// Its rows.
    pub(crate) fn grid(&self) -> Grid<12> {
        let rows = self.controls.iter().map(|line| {
            [
                line.control.clone(),
                line.title.clone(),
                list(&line.criteria),
                line.owner.clone(),
                word(line.severity),
                word(line.state),
                word(line.evidence_is),
                line.evidence.map(|evidence| evidence.record.to_string()).unwrap_or_default(),
                minute(line.evidence.map(|evidence| evidence.until)),
                minute(line.stale_from),
                minute(line.due_next),
                line.missing.clone(),
            ]
        });
        Grid { name: "Evidence", columns: COLUMNS, rows: rows.collect() }
    }

    /// For people.
    pub fn markdown(&self, facts: &Facts) -> String {
        let mut page = head("Evidence", facts);
        let rating = word(self.rating);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "evidence_readiness {:.1} % ({rating})\n", self.evidence_readiness);
        let classes = [Class::Collected, Class::Failing, Class::Stale, Class::NoEvidence, Class::NotApplicable];
        let columns = [
            ("category", 22),
            ("collected", 10),
            ("failing", 10),
            ("stale", 10),
            ("no_evidence", 12),
            ("not_applicable", 14),
        ];
        let of = |name: String, counts: &BTreeMap<Class, u32>| {
            let [a, b, c, d, e] = classes.map(|class| counts.get(&class).copied().unwrap_or_default().to_string());
            [name, a, b, c, d, e]
        };
        let by_category = self.by_category.iter().map(|(category, counts)| of(word(category), counts));
        let rows = by_category.chain([of("all".to_owned(), &self.counts)]).collect();
        page.push_str(&Grid { name: "Categories", columns, rows }.markdown());
        page.push('\n');
        page.push_str(&self.grid().markdown());
        page.push('\n');
        page.push_str(&warnings(&self.head.warnings));
        page
    }
}
