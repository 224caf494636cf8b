//! What a control was over a period, and the drifts that are open now: the timeline with what the records say
//! of each change. Reads only; the figures are `timeline`'s.

use crate::assess::{self, Present};
use crate::bundle::{BundleError, LedgerSource};
use crate::config::{Loaded, Severity};
use crate::drift::{Bad, State};
use crate::judge::{Outcome, Verdict};
use crate::ledger::record::{Body, Occasion, Record};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::run::RunError;
use crate::timeline::{self, Change, Drift, Interval, Spell, Timeline, Totals, fold};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most items that are named of one change or drift; the rest is counted.
pub const ITEMS_MAX: usize = 50;

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The ledger, or no such control.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A sealed document is not what it should be.
    #[error(transparent)]
    Read(#[from] BundleError),
}

/// One control over a period.
#[derive(Debug, Clone, Serialize)]
pub struct History {
    /// A sample with a simulated clock.
    pub sample: bool,
    /// Its id.
    pub control: String,
    /// What the organisation does.
    pub title: String,
    /// Who answers for it.
    pub owner: String,
    /// The period.
    pub period: Window,
    /// How far into the period anything is known: to its end, or to now.
    pub known_until: DateTime<Utc>,
    /// Without holes, oldest first.
    pub intervals: Vec<Stretch>,
    /// Times that it was watched and not effective, oldest first.
    pub drifts: Vec<Drift>,
    /// Times that items were bad, in the order in which they began.
    pub items: Vec<Spell>,
    /// The sums.
    pub totals: Totals,
    /// Hundredths of a percent of the known time that it was effective, rounded down: as observed, and at least.
    pub effective_share: (i64, i64),
}

/// An interval, and what was recorded in it.
#[derive(Debug, Clone, Serialize)]
pub struct Stretch {
    /// The interval.
    #[serde(flatten)]
    pub interval: Interval,
    /// The change that began it, and those in it that are no other state, oldest first.
    pub changes: Vec<Told>,
}

/// A transition as it is recorded.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// Its record.
    pub record: u64,
    /// See `Body::Transition`.
    pub before_at: Option<DateTime<Utc>>,
    /// See `Body::Transition`.
    pub since: Option<DateTime<Utc>>,
    /// See `Body::Transition`.
    pub observed_at: DateTime<Utc>,
    /// What brought it about.
    pub occasion: Occasion,
    /// In one sentence.
    pub why: String,
    /// Items by what became of them (`appeared`, `resolved`, `waived`, `gone`), at most `ITEMS_MAX` each; none
    /// when they were erased.
    pub items: BTreeMap<String, BTreeMap<String, Bad>>,
    /// How many there are of each.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Reads the history of a control over the part of the period up to `now`.
pub fn history(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    period: Window,
    now: DateTime<Utc>,
) -> Result<History, HistoryError> {
    let known_until = now.clamp(period.start, period.end);
    let past = Past::read(reader, loaded, id, u64::MAX, now)?;
    let timeline = fold(&past.changes_before(period.end), Window { start: period.start, end: known_until });
    let config = &loaded.config.controls[id];
    let erased = erased(reader, u64::MAX)?;
    let mut told = Vec::new();
    for index in &past.transitions {
        told.push(tell(reader, *index, &erased)?);
    }
    let starts: Vec<u64> = timeline.intervals.iter().filter_map(|interval| interval.record).collect();
    let stretches = timeline.intervals.iter().map(|interval| Stretch {
        interval: interval.clone(),
        changes: told.iter().filter(|told| of(told, interval, &starts, period)).cloned().collect(),
    });
    Ok(History {
        sample: reader.is_sample()?,
        control: id.to_owned(),
        title: config.title.clone(),
        owner: config.owner.clone(),
        period,
        known_until,
        intervals: stretches.collect(),
        items: timeline::spells(&LedgerSource::of(reader), verdicts(reader, id, period, &erased)?)?,
        drifts: timeline.drifts,
        effective_share: timeline.totals.effective_share(),
        totals: timeline.totals,
    })
}

/// A control over a period, by the first `size` records of the log.
pub(crate) struct Known {
    /// Its drifts, and what it was.
    pub(crate) timeline: Timeline,
    /// Times that items were bad, in the order in which they began.
    pub(crate) items: Vec<Spell>,
    /// Verdicts of the period with bad items whose files were erased, oldest first: what became of these items is not
    /// known.
    pub(crate) erased: Vec<Erased>,
    /// What it is at `now`.
    pub(crate) present: Present,
}

/// What is left of a verdict with bad items whose files were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Its record.
    pub record: u64,
    /// As of when it is.
    pub as_of: DateTime<Utc>,
    /// Items that deviated.
    pub deviations: u64,
}

/// What the first `size` records, which were written by `now`, say of a control over the part of the period up to
/// then.
pub(crate) fn known(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    period: Window,
    size: u64,
    now: DateTime<Utc>,
) -> Result<Known, HistoryError> {
    let past = Past::read(reader, loaded, id, size, now)?;
    let shown = Window { start: period.start, end: now.clamp(period.start, period.end) };
    let timeline = fold(&past.changes_before(period.end), shown);
    let gone = erased(reader, u64::MAX)?;
    let mut verdicts = verdicts(reader, id, period, &gone)?;
    verdicts.retain(|index| *index < size);
    let items = timeline::spells(&LedgerSource::of(reader), verdicts)?;
    let erased = erased_verdicts(reader, id, period, gone.range(..size))?;
    Ok(Known { timeline, items, erased, present: past.present })
}

/// Every drift of a control up to `now`, oldest first.
pub(crate) fn drifts(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Drift>, HistoryError> {
    let past = Past::read(reader, loaded, id, u64::MAX, now)?;
    let all = Window { start: reader.record(0)?.at.min(now), end: now };
    Ok(fold(&past.changes, all).drifts)
}

/// Whether a transition belongs to an interval: it began it, or came later and before the next one began.
fn of(told: &Told, interval: &Interval, starts: &[u64], period: Window) -> bool {
    let Some(first) = interval.record else { return false };
    let next = starts.iter().copied().filter(|start| *start > first).min().unwrap_or(u64::MAX);
    (first..next).contains(&told.record) && told.since.unwrap_or(told.observed_at) < period.end
}

/// The changes of a control from the beginning of the log to now.
struct Past {
    changes: Vec<Change>,
    transitions: Vec<u64>,
    present: Present,
}

impl Past {
    fn read(reader: &Reader, loaded: &Loaded, id: &str, size: u64, now: DateTime<Utc>) -> Result<Self, HistoryError> {
        let present = assess::present_by(reader, loaded, id, size, now)?;
        let found = reader.records(0..size, &Filter::kind("transition").control(id));
        let transitions = found.map(|found| found.map(|(index, _)| index)).collect::<Result<Vec<u64>, _>>()?;
        let mut changes = timeline::changes(&LedgerSource::of(reader), &transitions)?;
        let last = changes.last().map(|change| change.to);
        // What it is now follows from the records, whether or not somebody has looked and recorded it.
        if last.is_some_and(|last| last != present.state) {
            changes.push(Change {
                record: None,
                from: last,
                to: present.state,
                before_at: None,
                since: Some(present.unrecorded_since.unwrap_or(now)),
                observed_at: now,
                ended: None,
            });
        }
        Ok(Self { changes: timeline::in_order(&changes), transitions, present })
    }

    /// Those that are of before an instant.
    fn changes_before(&self, end: DateTime<Utc>) -> Vec<Change> {
        self.changes.iter().filter(|change| change.since.unwrap_or(change.observed_at) < end).cloned().collect()
    }
}

fn tell(reader: &Reader, index: u64, erased: &BTreeSet<u64>) -> Result<Told, HistoryError> {
    let Body::Transition { before_at, since, observed_at, occasion, why, appeared, resolved, waived, gone, .. } =
        reader.record(index)?.body
    else {
        return Err(RunError::Unreadable { index, why: "is not a transition".to_owned() }.into());
    };
    let mut items: BTreeMap<String, BTreeMap<String, Bad>> = BTreeMap::new();
    if !erased.contains(&index) {
        items = serde_json::from_slice(&reader.read_file(index, "items.json")?)
            .map_err(|e| RunError::Unreadable { index, why: format!("items.json: {e}") })?;
        for named in items.values_mut() {
            *named = std::mem::take(named).into_iter().take(ITEMS_MAX).collect();
        }
    }
    let counts = [("appeared", appeared), ("resolved", resolved), ("waived", waived), ("gone", gone)].into();
    Ok(Told { record: index, before_at, since, observed_at, occasion, why, items, counts })
}

/// Records whose files were erased, by the first `size` records.
pub(crate) fn erased(reader: &Reader, size: u64) -> Result<BTreeSet<u64>, LedgerError> {
    let mut erased = BTreeSet::new();
    for found in reader.records(0..size, &Filter::kind("erasure")) {
        if let Body::Erasure { target, .. } = found?.1.body {
            erased.insert(target);
        }
    }
    Ok(erased)
}

/// The verdicts of a control in a period among records that were erased, as far as they have bad items.
fn erased_verdicts<'a>(
    reader: &Reader,
    id: &str,
    period: Window,
    erased: impl Iterator<Item = &'a u64>,
) -> Result<Vec<Erased>, LedgerError> {
    let mut found = Vec::new();
    for record in erased.copied() {
        let Body::Verdict { control, as_of, counts, .. } = reader.record(record)?.body else { continue };
        let of = |outcome| counts.get(&outcome).copied().unwrap_or_default();
        let bad = of(Outcome::Deviation) + of(Outcome::Indeterminate) > 0;
        if control == id && period.contains(as_of) && bad {
            found.push(Erased { record, as_of, deviations: of(Outcome::Deviation) });
        }
    }
    Ok(found)
}

/// The verdicts of a period and the last one before it, oldest first.
fn verdicts(reader: &Reader, id: &str, period: Window, erased: &BTreeSet<u64>) -> Result<Vec<u64>, LedgerError> {
    let mut verdicts = Vec::new();
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("verdict").control(id)) {
        let (index, record) = found?;
        let Body::Verdict { as_of, .. } = record.body else { continue };
        if as_of < period.end && !erased.contains(&index) {
            verdicts.push(index);
        }
        if as_of < period.start {
            break;
        }
    }
    verdicts.reverse();
    Ok(verdicts)
}

/// What is not effective now.
#[derive(Debug, Clone, Serialize)]
pub struct Open {
    /// As of when.
    pub as_of: DateTime<Utc>,
    /// A sample with a simulated clock.
    pub sample: bool,
    /// The drifts that are open, worst first: by state, then severity, then the longest.
    pub drifts: Vec<OpenDrift>,
    /// Controls of which nothing has been observed yet.
    pub unmonitored: Vec<String>,
}

/// A control that is watched and not effective.
#[derive(Debug, Clone, Serialize)]
pub struct OpenDrift {
    /// Its id.
    pub control: String,
    /// What the organisation does.
    pub title: String,
    /// Who answers for it.
    pub owner: String,
    /// How bad a deviation is.
    pub severity: Severity,
    /// What it is now.
    pub state: State,
    /// From when on it is not effective.
    pub drift: Drift,
    /// Items that are bad, worst first and then the longest, at most `ITEMS_MAX`.
    pub items: Vec<OpenItem>,
    /// How many more there are.
    pub more: u64,
    /// What was not read, with what to do about it, at most `ITEMS_MAX`.
    pub unread: Vec<String>,
    /// What to do, commands among it, in order.
    pub next: Vec<String>,
}

/// An item that is bad.
#[derive(Debug, Clone, Serialize)]
pub struct OpenItem {
    /// Its name.
    pub item: String,
    /// `deviation` or `indeterminate`.
    pub outcome: Outcome,
    /// The judgement's reason.
    pub reason: String,
    /// From when on it is shown; `None`: no verdict on record has it yet.
    pub since: Option<DateTime<Utc>>,
}

/// The drifts of all configured controls that are open at `now`.
pub fn open(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Open, HistoryError> {
    let (mut drifts, mut unmonitored) = (Vec::new(), Vec::new());
    let all = Window { start: reader.record(0)?.at.min(now), end: now };
    let erased = erased(reader, u64::MAX)?;
    for id in loaded.config.controls.keys() {
        let past = Past::read(reader, loaded, id, u64::MAX, now)?;
        match past.present.state {
            State::Effective => continue,
            State::Unmonitored => unmonitored.push(id.clone()),
            _ => {
                let drift = fold(&past.changes, all).drifts.into_iter().rfind(|drift| drift.until.is_none());
                // A state that is not effective is in a drift, or its record is missing.
                let drift = drift.ok_or_else(|| no_transition(reader, id))?;
                drifts.push(open_drift(reader, loaded, id, past, drift, &erased)?);
            }
        }
    }
    drifts.sort_by(|a, b| {
        let worst = (b.state, b.severity).cmp(&(a.state, a.severity));
        worst.then(a.drift.from.cmp(&b.drift.from)).then(a.control.cmp(&b.control))
    });
    Ok(Open { as_of: now, sample: reader.is_sample()?, drifts, unmonitored })
}

fn no_transition(reader: &Reader, id: &str) -> RunError {
    let newest = reader.newest(&Filter::kind("verdict").control(id));
    let index = newest.ok().flatten().map_or(0, |(index, _)| index);
    RunError::Unreadable { index, why: format!("{id} is not effective by it, and no transition says so") }
}

fn open_drift(
    reader: &Reader,
    loaded: &Loaded,
    id: &str,
    past: Past,
    drift: Drift,
    erased: &BTreeSet<u64>,
) -> Result<OpenDrift, HistoryError> {
    let config = &loaded.config.controls[id];
    let since = Window { start: drift.from, end: DateTime::<Utc>::MAX_UTC };
    let spells = timeline::spells(&LedgerSource::of(reader), verdicts(reader, id, since, erased)?)?;
    let from: BTreeMap<String, DateTime<Utc>> =
        spells.into_iter().filter(|spell| spell.until.is_none()).map(|spell| (spell.item, spell.from)).collect();
    let verdict = match past.present.unrecorded {
        Some(verdict) => Some(verdict),
        None => match reader.newest(&Filter::kind("verdict").control(id))? {
            Some((index, Record { .. })) => Some(assess::judgements(reader, index)?),
            None => None,
        },
    };
    let mut items: Vec<OpenItem> = verdict
        .iter()
        .flat_map(bad)
        .map(|(item, outcome, reason)| {
            let since = from.get(&item).copied();
            OpenItem { item, outcome, reason, since }
        })
        .collect();
    items.sort_by(|a, b| (a.outcome, a.since, &a.item).cmp(&(b.outcome, b.since, &b.item)));
    let more = items.len().saturating_sub(ITEMS_MAX) as u64;
    items.truncate(ITEMS_MAX);
    let unread = verdict.iter().flat_map(|verdict| &verdict.unread).take(ITEMS_MAX).map(|u| {
        let hint = u.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
        format!("{}: {}{hint}", u.what, u.why)
    });
    Ok(OpenDrift {
        control: id.to_owned(),
        title: config.title.clone(),
        owner: config.owner.clone(),
        severity: config.severity,
        state: past.present.state,
        unread: unread.collect(),
        next: next(id, past.present.state, &config.collectors, items.first()),
        drift,
        items,
        more,
    })
}

fn bad(verdict: &Verdict) -> impl Iterator<Item = (String, Outcome, String)> {
    let bad = verdict.judgements.iter().filter(|j| matches!(j.outcome, Outcome::Deviation | Outcome::Indeterminate));
    bad.map(|j| (j.item.clone(), j.outcome, j.reason.clone()))
}

/// What to do about a control in such a state.
pub fn next(id: &str, state: State, collectors: &[String], worst: Option<&OpenItem>) -> Vec<String> {
    let again = format!("`evidenced collect now {}`", collectors.join(" "));
    let explain = worst.map(|worst| format!("see why: `evidenced explain {id} '{}'`", worst.item));
    let steps = match state {
        State::Deviating => vec![
            explain,
            Some(format!("mend it at its source, then {again}")),
            Some(format!(
                "or have it accepted for a time: `evidenced waive {id} ITEM --reason … --approver … --expires-in 30d`"
            )),
        ],
        State::Indeterminate => {
            vec![
                explain,
                Some(format!("give what was not read the permission or the fact that it lacks, then {again}")),
            ]
        }
        State::Stale => vec![
            Some(
                "see whether the daemon runs and why its collectors bring nothing home: `evidenced status`".to_owned(),
            ),
            Some(again),
        ],
        State::Effective | State::Unmonitored => vec![Some(again)],
    };
    steps.into_iter().flatten().collect()
}
