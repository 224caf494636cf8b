//! The run calendars that a bundle's records make up: of each collector the schedules in force and what answers to
//! its slots. Holds a few numbers a run, and no slot.

use super::BundleError;
use crate::ledger::record::{Body, Record};
use crate::schedule::{self, Answer, Answered, Outcome, Schedule, Slot, Term};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use std::collections::{BTreeMap, BTreeSet};

/// Most slots of a bundle: the period of whoever makes one may be absurd.
const SLOTS_MAX: u64 = 4_000_000;

/// Of all collectors.
#[derive(Debug)]
pub(crate) struct Calendars {
    period: Window,
    known_until: DateTime<Utc>,
    collectors: BTreeMap<String, Calendar>,
    /// Runs that have not ended: collector, and position in its answers.
    open: BTreeMap<String, (String, usize)>,
}

/// Of one collector.
#[derive(Debug, Default)]
struct Calendar {
    terms: Vec<Term>,
    /// Of each term, the controls that the collector feeds.
    controls: Vec<Vec<String>>,
    /// Whether the newest term is still in force.
    in_force: bool,
    /// In the order of the log, and at the end in that of the slots.
    answers: Vec<Answer>,
}

/// What became of the slots of one collector.
#[derive(Debug, Default)]
pub(crate) struct Became {
    /// Slots by outcome.
    pub(crate) counts: BTreeMap<Outcome, u64>,
    /// Slots one after another that nothing accounts for.
    pub(crate) silences: Vec<Silence>,
}

/// Slots one after another of which no record says what became.
#[derive(Debug)]
pub(crate) struct Silence {
    /// The first of them.
    pub(crate) first: DateTime<Utc>,
    /// The last.
    pub(crate) last: DateTime<Utc>,
    /// How many they are.
    pub(crate) slots: u64,
    /// Controls that the collector fed.
    pub(crate) controls: BTreeSet<String>,
}

impl Calendars {
    /// Of a period, with nothing known yet.
    pub(super) fn of(period: Window) -> Self {
        Self { period, known_until: period.start, collectors: BTreeMap::new(), open: BTreeMap::new() }
    }

    /// Takes a configuration: its schedules, and which collectors feed which controls.
    pub(super) fn configured(
        &mut self,
        at: DateTime<Utc>,
        schedules: BTreeMap<String, Schedule>,
        controls: &BTreeMap<String, Vec<String>>,
    ) {
        self.end_terms(at);
        for (name, schedule) in schedules {
            let fed = controls.iter().filter(|(_, collectors)| collectors.contains(&name));
            let fed = fed.map(|(control, _)| control.clone()).collect();
            let calendar = self.collectors.entry(name).or_default();
            calendar.terms.push(Term { from: at, until: at, schedule });
            calendar.controls.push(fed);
            calendar.in_force = true;
        }
    }

    fn end_terms(&mut self, at: DateTime<Utc>) {
        for calendar in self.collectors.values_mut().filter(|calendar| calendar.in_force) {
            calendar.in_force = false;
            if let Some(term) = calendar.terms.last_mut() {
                term.until = term.until.max(at);
            }
        }
    }

    /// Takes a record, in the order of the log.
    pub(super) fn record(&mut self, index: u64, record: &Record) {
        self.known_until = self.known_until.max(record.at);
        let (collector, slot, what, run) = match &record.body {
            Body::RunOpened { collector, scheduled_for: Some(slot), run, .. } => {
                (collector, *slot, Answered::Ran { began: record.at, ended: None }, Some(run))
            }
            Body::Missed { collector, scheduled_for, .. } => (collector, *scheduled_for, Answered::Missed, None),
            Body::RunClosed { run, end, .. } => {
                let opened = self.open.remove(run);
                let opened = opened.and_then(|(name, at)| self.collectors.get_mut(&name)?.answers.get_mut(at));
                if let Some(Answer { what: Answered::Ran { ended, .. }, .. }) = opened {
                    *ended = Some((record.at, end.outcome()));
                }
                return;
            }
            _ => return,
        };
        let calendar = self.collectors.entry(collector.clone()).or_default();
        if let (true, Some(term)) = (calendar.in_force, calendar.terms.last_mut()) {
            // The clock may have been ahead of the configuration that ends the term.
            term.until = term.until.max(slot);
        }
        if self.period.contains(slot) {
            if let Some(run) = run {
                self.open.insert(run.clone(), (collector.clone(), calendar.answers.len()));
            }
            calendar.answers.push(Answer { slot, record: index, what });
        }
    }

    /// Ends with what is known; of a selection only the collectors that it is of stay.
    pub(super) fn end(&mut self, of: Option<&BTreeSet<String>>) {
        self.end_terms(self.known_until);
        self.open.clear();
        self.collectors.retain(|name, _| of.is_none_or(|of| of.contains(name)));
        for calendar in self.collectors.values_mut() {
            calendar.answers.sort_by_key(|answer| (answer.slot, answer.record));
        }
    }

    /// What became of the slots of each collector that has any.
    pub(super) fn became(&self) -> Result<BTreeMap<String, Became>, BundleError> {
        let mut all = BTreeMap::new();
        let mut slots = 0;
        for name in self.collectors.keys() {
            let mut became = Became::default();
            let mut silent = false;
            for slot in self.slots(name) {
                slots += 1;
                if slots > SLOTS_MAX {
                    let (what, limit) = ("the run calendar of the period".to_owned(), format!("{SLOTS_MAX} slots"));
                    return Err(BundleError::TooLarge { what, limit });
                }
                *became.counts.entry(slot.outcome).or_default() += 1;
                let goes_on = std::mem::replace(&mut silent, slot.outcome == Outcome::Unaccounted);
                match (silent, became.silences.last_mut().filter(|_| goes_on)) {
                    (false, _) => {}
                    (true, Some(silence)) => (silence.last, silence.slots) = (slot.due, silence.slots + 1),
                    (true, None) => became.silences.push(Silence {
                        first: slot.due,
                        last: slot.due,
                        slots: 1,
                        controls: BTreeSet::new(),
                    }),
                }
            }
            for silence in &mut became.silences {
                silence.controls = self.fed(name, silence.first, silence.last);
            }
            if !became.counts.is_empty() {
                all.insert(name.clone(), became);
            }
        }
        Ok(all)
    }

    /// Names of the collectors that have a calendar.
    pub(crate) fn collectors(&self) -> impl Iterator<Item = &String> {
        self.collectors.keys()
    }

    /// The slots of a collector in the period, oldest first.
    pub(crate) fn slots(&self, collector: &str) -> impl Iterator<Item = Slot> + '_ {
        let calendar = self.collectors.get(collector);
        calendar.into_iter().flat_map(|calendar| {
            let answers = calendar.answers.iter().copied();
            schedule::calendar(&calendar.terms, answers, self.period, self.known_until)
        })
    }

    /// Controls that the collector fed at some time from one instant to another.
    fn fed(&self, collector: &str, first: DateTime<Utc>, last: DateTime<Utc>) -> BTreeSet<String> {
        let Some(calendar) = self.collectors.get(collector) else { return BTreeSet::new() };
        let terms = calendar.terms.iter().zip(&calendar.controls);
        let then = terms.filter(|(term, _)| term.from < last && term.until >= first);
        then.flat_map(|(_, controls)| controls.iter().cloned()).collect()
    }
}
