//! What readiness is computed from: plain data, gathered elsewhere. No clock, no ledger.

use crate::catalogue::{Category, ControlType, EvidenceType, Severity};
use crate::causes::Cause;
use crate::config::AuditType;
use crate::drift::{Ending, State};
use crate::judge::Outcome;
use crate::schedule::{Cadence, Frequency};
use crate::timeline::{Drift, Spell};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Everything, as of one instant.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whose it is.
    pub organization: String,
    /// A sample with a simulated clock.
    pub sample: bool,
    /// The instant up to which everything is known.
    pub as_of: DateTime<Utc>,
    /// Whose state counts: `as_of`, or of a Type II period that is over, its end.
    pub at: DateTime<Utc>,
    /// For which report.
    pub audit: AuditType,
    /// The observation period. Of Type I it only says by when things must stand.
    pub period: Option<Window>,
    /// The system, in words.
    pub boundary: String,
    /// Categories in scope.
    pub categories: BTreeSet<Category>,
    /// Share of the items that may deviate, percent.
    pub tolerable_percent: u8,
    /// What is wrong with the ledger. With it nothing of what was observed counts.
    pub fault: Option<String>,
    /// What to know about the scope.
    pub warnings: Vec<String>,
    /// Criteria of the categories in scope, in the order of the catalogue.
    pub criteria: Vec<Criterion>,
    /// Controls of the categories in scope, in the order of the catalogue, then those that only the configuration has.
    pub controls: Vec<Control>,
    /// Who confirmed a control, and for which quarter.
    pub sign_offs: Vec<SignOff>,
    /// Why controls drifted, as far as that is on record.
    pub causes: Vec<Cause>,
}

/// What every report is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Whose.
    pub organization: String,
    /// A sample with a simulated clock.
    pub sample: bool,
    /// Up to when everything is known.
    pub as_of: DateTime<Utc>,
    /// For which report.
    #[serde(rename = "type")]
    pub audit: AuditType,
    /// The period.
    pub period: Option<Window>,
    /// What is wrong with the ledger: then nothing in it counts.
    pub integrity: Option<String>,
    /// What to know about the scope.
    pub warnings: Vec<String>,
}

/// That something was missing for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Since when.
    pub opened: DateTime<Utc>,
    /// Until when.
    pub closed: DateTime<Utc>,
    /// The record that ended it.
    pub record: u64,
}

/// A criterion in scope.
#[derive(Debug, Clone)]
pub struct Criterion {
    /// Its id.
    pub id: String,
    /// Its category.
    pub category: Category,
    /// A few words.
    pub title: String,
    /// How much hangs on it.
    pub priority: Severity,
    /// Why it does not apply, if it does not.
    pub not_applicable: Option<NotApplicable>,
    /// Since when no configuration on record has a control for it; `None`: that is on no record.
    pub without_since: Option<DateTime<Utc>>,
    /// When it last had none, by the configurations on record.
    pub filled: Option<Filled>,
}

/// That something does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotApplicable {
    /// Why.
    pub reason: String,
    /// Who approved that.
    pub approver: String,
    /// When.
    pub on: NaiveDate,
    /// The subservice organisation that carries it.
    pub carried_by: Option<String>,
}

/// A control: its plan, and what was observed of it.
#[derive(Debug, Clone)]
pub struct Control {
    /// Its id.
    pub id: String,
    /// A few words.
    pub title: String,
    /// What the organisation does.
    pub statement: String,
    /// Criteria in scope that it helps to meet.
    pub criteria: Vec<String>,
    /// Those that cannot be met without it.
    pub key_for: Vec<String>,
    /// Criteria in scope that, as its owner says, it does not answer yet.
    pub falls_short_of: Vec<String>,
    /// When it acts.
    pub control_type: Option<ControlType>,
    /// Who answers for it; empty: nobody is named.
    pub owner: String,
    /// How often it acts.
    pub frequency: Option<Frequency>,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// What most of its evidence is.
    pub evidence_type: Option<EvidenceType>,
    /// What to show.
    pub evidence: Vec<String>,
    /// How to find out whether it works.
    pub test_procedure: String,
    /// Controls that must stand first.
    pub depends_on: Vec<String>,
    /// The organisation's own: configured, or in a catalogue of its own, and there not as the library has it. Otherwise
    /// it is a suggestion of the library that nobody here has taken.
    pub own: bool,
    /// Since when it is configured, or is not, by the configurations on record.
    pub so_since: Option<DateTime<Utc>>,
    /// When it was last not configured, by the same.
    pub filled: Option<Filled>,
    /// Why it does not apply, if it does not.
    pub not_applicable: Option<NotApplicable>,
    /// What was observed of it; `None`: nothing by `Facts::at`.
    pub observed: Option<Observed>,
}

/// What was observed of a control.
#[derive(Debug, Clone)]
pub struct Observed {
    /// What it is at `Facts::at`.
    pub state: State,
    /// Since when it is not effective.
    pub not_since: Option<DateTime<Utc>>,
    /// The newest complete evidence; of several collectors the oldest of theirs. `None`: one of them never had any.
    pub evidence: Option<Evidence>,
    /// The first complete evidence; of several collectors the last of theirs.
    pub first: Option<Stamp>,
    /// After this long without complete evidence it is stale.
    pub stale_after: TimeDelta,
    /// What is bad or was not read, the first few.
    pub bad: Vec<String>,
    /// Its items are what there is at the moment, so that one which is not there any more is bad no more. What
    /// happened stays as it was when it is out of sight.
    pub of_states: bool,
    /// The newest verdict has items that are not due yet.
    pub pending: bool,
    /// What was observed over the period, or without one since the log begins.
    pub over: Over,
    /// Where the newest complete evidence comes from, by collector.
    pub provenance: BTreeMap<String, Provenance>,
}

/// One complete collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Its record.
    pub record: u64,
    /// Until when it reaches.
    pub until: DateTime<Utc>,
}

/// What was observed over a stretch of time.
#[derive(Debug, Clone, Default)]
pub struct Over {
    /// Items judged, as a sample is drawn from them, and those that deviated at any time of it. What is not due yet, or
    /// only stood for a list that was not read, is none, and none is counted twice: a share is never too small.
    pub population: u64,
    /// Items that are of the time before it: neither they nor that they deviated counts here.
    pub earlier: BTreeSet<String>,
    /// Whether it was read as often as its frequency wants, by collector. Empty without a period or a frequency.
    pub cadence: BTreeMap<String, Cadence>,
    /// Times that it was watched and not effective, oldest first.
    pub drifts: Vec<Drift>,
    /// Times that items were bad.
    pub items: Vec<Spell>,
    /// Every collection, in the order of the log.
    pub stamps: Vec<Stamp>,
    /// Verdicts with bad items whose files were erased, oldest first.
    pub erased: Vec<crate::history::Erased>,
    /// Documents of a day in it that were sealed long after that day, in the order of the log.
    pub late: Vec<Late>,
}

/// A document that came late, by the log's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// Its name.
    pub file: String,
    /// The day that it is of.
    pub as_of: NaiveDate,
    /// The first record that holds it.
    pub record: u64,
    /// When that was sealed.
    pub sealed: DateTime<Utc>,
    /// Whether somebody said why.
    pub noted: bool,
}

/// When something was collected, and when sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The evidence record.
    pub record: u64,
    /// Until when it reaches.
    pub until: DateTime<Utc>,
    /// When it was sealed.
    pub sealed: DateTime<Utc>,
}

/// Where evidence comes from, as far as it can put the evidence in doubt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Its record.
    pub record: u64,
    /// The source's clock minus ours, milliseconds.
    pub skew_ms: Option<i64>,
    /// Totals that differ from a second source's.
    pub unreconciled: Vec<String>,
}

/// That somebody confirmed a control for a quarter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOff {
    /// Its record.
    pub record: u64,
    /// Which control.
    pub control: String,
    /// Which quarter, `2026-Q1`.
    pub quarter: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Over {
    /// Different items that deviated, also such as were mended or accepted later.
    pub fn deviated(&self) -> BTreeSet<&str> {
        let of_it = |spell: &&Spell| spell.outcome == Outcome::Deviation && !self.earlier.contains(&spell.item);
        self.items.iter().filter(of_it).map(|spell| spell.item.as_str()).collect()
    }

    /// Whether the item is none of the control's, but stood for others that could not be judged.
    pub fn only_stood_in(&self, item: &str) -> bool {
        self.items.iter().any(|spell| spell.item == item && spell.stood_in() && spell.ended == Some(Ending::Gone))
    }

    /// How many, and at least as many as a verdict counted whose files were erased since.
    pub fn deviations(&self) -> u64 {
        let named = self.deviated().len() as u64;
        self.erased.iter().map(|erased| erased.deviations).fold(named, u64::max)
    }
}

impl Observed {
    /// Whether an item that was bad and is out of sight is closed by that: it is not there any more, or it only stood
    /// for what is judged in its place since. A verdict that did not read everything leaves every item in sight.
    pub fn closed_by_going(&self, spell: &Spell) -> bool {
        self.of_states || spell.stood_in()
    }

    /// Whether a drift that ended with items out of sight is closed by that.
    pub fn drift_closed_by_going(&self, drift: &Drift) -> bool {
        let within = |until: DateTime<Utc>| until >= drift.from && drift.until.is_none_or(|end| until <= end);
        let gone = |spell: &&Spell| spell.ended == Some(Ending::Gone) && spell.until.is_some_and(within);
        let mut gone = self.over.items.iter().filter(gone).peekable();
        self.of_states || (gone.peek().is_some() && gone.all(|spell| self.closed_by_going(spell)))
    }

    /// Whether all that was ever looked for in the period is not due yet, so that nothing was shown.
    pub fn only_pending(&self) -> bool {
        self.pending && self.over.population == 0
    }
}

impl Control {
    /// What its plan lacks. A control without a plan is none.
    pub fn lacks(&self) -> Vec<&'static str> {
        [
            ("statement", named(&self.statement)),
            ("criterion", !self.criteria.is_empty()),
            ("owner", named(&self.owner)),
            ("frequency", self.frequency.is_some()),
            ("evidence type", self.evidence_type.is_some()),
            ("test procedure", named(&self.test_procedure)),
        ]
        .into_iter()
        .filter_map(|(what, there)| (!there).then_some(what))
        .collect()
    }

    /// Whether a criterion in scope hangs on it.
    pub fn is_key(&self) -> bool {
        self.key_for.iter().any(|id| self.criteria.contains(id))
    }
}

/// Whether a text says something, where somebody or something is to be named.
pub fn named(text: &str) -> bool {
    !matches!(text.trim().to_lowercase().as_str(), "" | "tbd" | "n/a" | "na" | "none" | "-")
}

impl Facts {
    /// What stands at the head of every report.
    pub fn head(&self) -> Head {
        Head {
            organization: self.organization.clone(),
            sample: self.sample,
            as_of: self.as_of,
            audit: self.audit,
            period: self.period,
            integrity: self.fault.clone(),
            warnings: self.warnings.clone(),
        }
    }

    /// What is on record of the cause of a drift by `as_of`, oldest first. A text that says nothing is none.
    pub fn causes_of(&self, control: &Control, drift: &Drift) -> impl Iterator<Item = &Cause> {
        let says = |cause: &Cause| [&cause.cause, &cause.correction, &cause.owner].into_iter().all(|text| named(text));
        let of = (control.id.clone(), drift.records.0);
        let of_it = move |cause: &&Cause| (cause.control == of.0) && Some(cause.drift) == of.1;
        self.causes.iter().filter(of_it).filter(move |cause| cause.at <= self.as_of && says(cause))
    }

    /// The control of that id.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }

    /// Whether a criterion or control of that id is in scope and applies.
    pub fn applies(&self, id: &str) -> bool {
        let controls = self.controls.iter().filter(|control| control.not_applicable.is_none());
        self.applicable().any(|criterion| criterion.id == id) || controls.map(|control| &control.id).any(|it| it == id)
    }

    /// Criteria that apply.
    pub fn applicable(&self) -> impl Iterator<Item = &Criterion> {
        self.criteria.iter().filter(|criterion| criterion.not_applicable.is_none())
    }

    /// Own controls of a criterion that apply.
    pub fn own(&self, criterion: &str) -> impl Iterator<Item = &Control> {
        let of = move |control: &&Control| control.criteria.iter().any(|id| id == criterion);
        self.controls.iter().filter(|control| control.own && control.not_applicable.is_none()).filter(of)
    }

    /// The controls that count: one's own, and of the library those that stand for what is not there: controls of a
    /// criterion that has none, and such as a criterion cannot be met without. What does not apply is left out.
    pub fn counted(&self) -> impl Iterator<Item = &Control> {
        let missing: BTreeSet<&str> =
            self.applicable().filter(|c| self.own(&c.id).next().is_none()).map(|c| c.id.as_str()).collect();
        let applies: BTreeSet<&str> = self.applicable().map(|criterion| criterion.id.as_str()).collect();
        self.controls.iter().filter(|control| control.not_applicable.is_none()).filter(move |control| {
            let stands_in = control.criteria.iter().any(|id| missing.contains(id.as_str()));
            let is_key = control.key_for.iter().any(|id| applies.contains(id.as_str()));
            // What only serves criteria that do not apply has nothing to do.
            let serves = control.criteria.is_empty() || control.criteria.iter().any(|id| applies.contains(id.as_str()));
            serves && (control.own || stands_in || is_key)
        })
    }
}
