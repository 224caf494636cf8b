//! From the ledger to the slots of a collector: those that have no record yet, and the run calendar. Reads only;
//! what is due follows from the sealed configurations, and from nothing that this process was started with.

use crate::config::Loaded;
use crate::ledger::record::{Body, Record};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::run::RunError;
use crate::schedule::{self, Answer, Answered, Outcome, PATIENCE, Schedule, Slot, Term};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Due slots of a collector that have no record.
pub struct Unanswered {
    terms: Vec<Term>,
    within: Window,
    answered: BTreeSet<DateTime<Utc>>,
}

impl Unanswered {
    /// Of the collector, by `now`. Records are written oldest slot first, so what lies before the newest slot
    /// answered under a configuration is answered.
    pub fn read(reader: &Reader, collector: &str, now: DateTime<Utc>) -> Result<Self, RunError> {
        let (mut terms, mut until) = (Vec::new(), now);
        for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("config")) {
            let (index, Record { at, .. }) = found?;
            let newest = reader.newest_slot(collector, index..u64::MAX)?;
            if let Some(schedule) = stated(reader, index)?.remove(collector) {
                let from = newest.map_or(at, |newest| newest.max(at));
                terms.push(Term { from, until, schedule });
            }
            if newest.is_some_and(|newest| newest > at) {
                break;
            }
            until = at.min(now);
        }
        terms.retain(|term| term.from < term.until);
        let moment = TimeDelta::milliseconds(1);
        let start = terms.iter().map(|term| term.from).min().unwrap_or(now);
        let within = Window { start, end: now + moment };
        let answered = reader.slots(collector, within.start, within.end)?.into_iter().map(|(slot, _)| slot).collect();
        Ok(Self { terms, within, answered })
    }

    /// Oldest first.
    pub fn slots(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        schedule::due(&self.terms, self.within).filter(|slot| !self.answered.contains(slot))
    }
}

/// Whether a collector is due although its slots have records, from when the clock was ahead: what was recorded
/// then cannot be recorded again, and is no reason not to collect now.
pub fn due_again(reader: &Reader, collector: &str, now: DateTime<Utc>) -> Result<bool, RunError> {
    let Some((index, Record { at, .. })) = reader.newest(&Filter::kind("config"))? else { return Ok(false) };
    let Some(schedule) = stated(reader, index)?.remove(collector) else { return Ok(false) };
    // Also what was recorded under a configuration before: a slot is answered once, under whichever.
    let ahead = reader.newest_slot(collector, 0..u64::MAX)?.map_or(at, |newest| newest.max(at));
    if ahead <= now + PATIENCE {
        return Ok(false);
    }
    let run = reader.newest(&Filter::kind("run_opened").collector(collector))?;
    let began = run.map_or(at, |(_, record)| record.at);
    Ok(began > now || schedule.next_after(began).is_some_and(|next| next <= now))
}

/// Collectors that a configuration of the ledger has, and this one has not: slots from before they were taken
/// out may still be without a record.
pub fn taken_out(reader: &Reader, loaded: &Loaded) -> Result<BTreeSet<String>, RunError> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for configured in configurations(reader)? {
        names.extend(configured.schedules.into_keys());
    }
    names.retain(|name| !loaded.collectors.contains_key(name));
    Ok(names)
}

/// The run calendar of all collectors.
#[derive(Debug, Clone, Serialize)]
pub struct Calendar {
    /// The instant up to which it is known. Of a sample: the newest record's, for its clock is simulated.
    pub as_of: DateTime<Utc>,
    /// A sample with a simulated clock.
    pub sample: bool,
    /// What it is of.
    pub window: Window,
    /// Collectors with slots in the window, by name.
    pub collectors: Vec<CollectorCalendar>,
}

/// The run calendar of one collector.
#[derive(Debug, Clone, Serialize)]
pub struct CollectorCalendar {
    /// Its name.
    pub name: String,
    /// Slots by outcome.
    pub counts: BTreeMap<Outcome, u64>,
    /// Each slot, oldest first.
    pub slots: Vec<Line>,
}

/// One slot.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// What became of it.
    pub outcome: Outcome,
    /// When the run began.
    pub began: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// The record that answers to it.
    pub record: Option<u64>,
    /// Why it was missed.
    pub reason: Option<String>,
}

/// Reads the calendar of a window, which may depend on the instant that it is known to.
pub fn calendar(
    reader: &Reader,
    now: DateTime<Utc>,
    window: impl FnOnce(DateTime<Utc>) -> Window,
) -> Result<Calendar, RunError> {
    let sample = reader.is_sample()?;
    let as_of = if sample { reader.record(reader.size()?.saturating_sub(1))?.at } else { now };
    let window = window(as_of);
    let configurations = configurations(reader)?;
    let names: BTreeSet<&String> = configurations.iter().flat_map(|known| known.schedules.keys()).collect();
    let mut collectors = Vec::new();
    for name in names {
        let terms = terms(reader, &configurations, name, as_of)?;
        let mut answers = Vec::new();
        for (slot, record) in reader.slots(name, window.start, window.end)? {
            answers.push(answer(reader, slot, record)?);
        }
        let mut found = CollectorCalendar { name: name.clone(), counts: BTreeMap::new(), slots: Vec::new() };
        for slot in schedule::calendar(&terms, answers.into_iter(), window, as_of) {
            *found.counts.entry(slot.outcome).or_default() += 1;
            found.slots.push(line(reader, &slot)?);
        }
        if !found.slots.is_empty() {
            collectors.push(found);
        }
    }
    Ok(Calendar { as_of, sample, window, collectors })
}

/// A configuration as far as slots go.
struct Configured {
    index: u64,
    at: DateTime<Utc>,
    schedules: BTreeMap<String, Schedule>,
}

/// Every configuration of the ledger, oldest first.
fn configurations(reader: &Reader) -> Result<Vec<Configured>, RunError> {
    let mut all = Vec::new();
    for found in reader.records(0..u64::MAX, &Filter::kind("config")) {
        let (index, Record { at, .. }) = found?;
        all.push(Configured { index, at, schedules: stated(reader, index)? });
    }
    Ok(all)
}

fn stated(reader: &Reader, index: u64) -> Result<BTreeMap<String, Schedule>, RunError> {
    let unreadable = |why: String| RunError::Unreadable { index, why: format!("config.json: {why}") };
    schedule::stated(&reader.read_file(index, "config.json")?).map_err(|error| unreadable(error.to_string()))
}

fn terms(
    reader: &Reader,
    configurations: &[Configured],
    collector: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Term>, LedgerError> {
    let mut terms = Vec::new();
    for (at, configured) in configurations.iter().enumerate() {
        let Some(schedule) = configured.schedules.get(collector).cloned() else { continue };
        let next = configurations.get(at + 1);
        let newest = reader.newest_slot(collector, configured.index..next.map_or(u64::MAX, |next| next.index))?;
        let until = next.map_or(now, |next| next.at.min(now));
        terms.push(Term { from: configured.at, until: until.max(newest.unwrap_or(until)), schedule });
    }
    Ok(terms)
}

fn answer(reader: &Reader, slot: DateTime<Utc>, index: u64) -> Result<Answer, LedgerError> {
    let record = reader.record(index)?;
    let what = match record.body {
        Body::RunOpened { run, .. } => {
            let closed = reader.newest(&Filter::kind("run_closed").run(&run))?;
            let ended = closed.and_then(|(_, closed)| match closed.body {
                Body::RunClosed { end, .. } => Some((closed.at, end.outcome())),
                _ => None,
            });
            Answered::Ran { began: record.at, ended }
        }
        _ => Answered::Missed,
    };
    Ok(Answer { slot, record: index, what })
}

fn line(reader: &Reader, slot: &Slot) -> Result<Line, LedgerError> {
    let (began, ended) = match slot.answer.map(|answer| answer.what) {
        Some(Answered::Ran { began, ended }) => (Some(began), ended.map(|(at, _)| at)),
        _ => (None, None),
    };
    let record = slot.answer.map(|answer| answer.record);
    let reason = match (record, slot.outcome) {
        (Some(record), Outcome::Missed) => match reader.record(record)?.body {
            Body::Missed { reason, .. } => Some(reason),
            _ => None,
        },
        (None, Outcome::Unaccounted) => Some("no record: no daemon ran, or none that kept it".to_owned()),
        _ => None,
    };
    Ok(Line { due: slot.due, outcome: slot.outcome, began, ended, record, reason })
}
