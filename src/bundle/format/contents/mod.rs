//! Which records a bundle discloses, and what they amount to: per control, per collector, and the gaps. How records are
//! folded into it is in `reading`.

mod reading;

use super::{Calendars, Facts, Scope, digits};
use crate::ledger::record::{Body, Status};
use crate::schedule::Outcome;
use crate::sign_offs;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
pub(crate) use reading::Reading;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What is in a bundle. Holds numbers of records, not the records.
#[derive(Debug)]
pub(crate) struct Contents {
    /// What the bundle says of itself.
    pub(crate) facts: Facts,
    /// What a selective bundle discloses; of a whole one everything.
    pub(crate) scope: Option<Scope>,
    /// Records whose files were erased, with the record that says so.
    pub(crate) erased: BTreeMap<u64, u64>,
    /// Every control that the records name, with those that concern it.
    pub(crate) controls: BTreeMap<String, Control>,
    /// Every collector, with its runs and misses.
    pub(crate) series: BTreeMap<String, Series>,
    /// Slots that nothing accounts for, then runs that did not happen or did not finish in the order of the log.
    pub(crate) gaps: Vec<Gap>,
    /// What was due in the period, and what answers to it.
    pub(crate) calendars: Calendars,
    /// Evidence with items: record, and whether it is whole.
    pub(crate) populations: BTreeMap<u64, Status>,
    /// Records that concern the log as a whole, by kind: `anchor`, `config`, `epoch`, `erasure`, `export`,
    /// `key` and `summary`, also those after the range.
    pub(crate) of_the_log: BTreeMap<&'static str, Vec<u64>>,
    /// Alerts of the period, in the order of the log.
    pub(crate) alerts: Vec<u64>,
    /// What became of alerts: every `delivery` that is here, also after the range.
    pub(crate) deliveries: Vec<u64>,
    /// What the bundle knows up to: the end of the period when the log goes on after it, or else the time
    /// of its last record.
    pub(crate) known_until: Option<DateTime<Utc>>,
    /// Records whose files are here, by the folder that these are in.
    pub(crate) files: BTreeMap<&'static str, Vec<u64>>,
    /// Every disclosed record: those of the range, and outside of it what they refer to and are counted by.
    records: BTreeSet<u64>,
    /// Records outside the range whose files verdicts inside it were made from.
    referenced: BTreeSet<u64>,
    /// Records after the range that are about its period: see `about`.
    afterwards: BTreeSet<u64>,
}

/// Records that concern one control, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// Verdicts of the period whose files are here.
    pub(crate) verdicts: Vec<u64>,
    /// Those of all verdicts of the period that do not simply pass: something was not read, deviates, could not be
    /// judged or is waived.
    pub(crate) not_plain: BTreeSet<u64>,
    /// How many verdicts of the period have each outcome, those whose files were erased included.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    /// Verdicts of the period whose files were erased.
    pub(crate) erased: Vec<u64>,
    /// The newest verdict before the period that is here: what the control was when it began.
    pub(crate) before: Option<u64>,
    /// Evidence for it: of the period, and older that its verdicts name. Failed collections too.
    pub(crate) evidence: Vec<u64>,
    /// Transitions of the period, and the last one before it.
    pub(crate) transitions: Vec<u64>,
    /// Waivers of the period, and older ones that its verdicts name.
    pub(crate) waivers: Vec<u64>,
    /// The first revocation of each of them that has one: the waiver's record to that of the revocation.
    pub(crate) revocations: BTreeMap<u64, u64>,
    /// Causes of drifts that were recorded in the period, and later ones of drifts that began in it.
    pub(crate) causes: Vec<u64>,
    /// Sign-offs sealed in the period, and later ones of quarters that it has days of.
    pub(crate) sign_offs: Vec<u64>,
    /// Samples drawn in the period, and later ones over a part of it.
    pub(crate) samples: Vec<u64>,
    /// Positions in `Contents::gaps`.
    pub(crate) gaps: Vec<usize>,
    /// Collectors that fed it at some time of the period.
    pub(crate) collectors: BTreeSet<String>,
}

impl Control {
    /// Verdicts of the period, erased or not, and the one before it, oldest first.
    pub(crate) fn all_verdicts(&self) -> BTreeSet<u64> {
        self.verdicts.iter().chain(&self.erased).chain(&self.before).copied().collect()
    }
}

/// What one collector did in the period.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// Smallest and largest sequence number.
    pub(crate) seqs: Option<(u64, u64)>,
    /// Runs opened, by trigger, and misses: words of the columns to counts.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// Slots of the period by what became of them.
    pub(crate) slots: BTreeMap<Outcome, u64>,
}

/// A due run that did not happen, or a run that did not bring a whole population home.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// The record that shows it; `None`: that there is none is the gap.
    pub(crate) record: Option<u64>,
    /// Which collector.
    pub(crate) collector: String,
    /// Its sequence number.
    pub(crate) seq: Option<u64>,
    /// When it was due, if it was.
    pub(crate) scheduled_for: Option<DateTime<Utc>>,
    /// What it would have looked at.
    pub(crate) window: Option<Window>,
    /// `unaccounted`, `missed`, `incomplete`, `failed`, `aborted`, `interrupted`, or `open` at the end of the range.
    pub(crate) how: &'static str,
    /// Why, where the record itself says so.
    pub(crate) reason: Option<String>,
    /// The evidence record with what there is.
    pub(crate) evidence: Option<u64>,
    /// Controls that lack it.
    pub(crate) controls: Vec<String>,
}
impl Contents {
    /// Every disclosed record, oldest first.
    pub(crate) fn disclosed(&self) -> impl Iterator<Item = u64> {
        self.records.iter().copied()
    }

    /// Whether the record is here.
    pub(crate) fn discloses(&self, index: u64) -> bool {
        self.records.contains(&index)
    }

    /// Number of records of the range of which only the hash is here.
    pub(crate) fn withheld(&self) -> u64 {
        let range = self.facts.range.clone();
        (range.end - range.start).saturating_sub(self.records.range(range).count() as u64)
    }

    /// Whether the files of the record are in the bundle. Of a mere neighbour of the range they are not, nor
    /// when they were erased.
    pub(crate) fn has_files(&self, index: u64, body: &Body) -> bool {
        self.had_files(index, body) && !self.erased.contains_key(&index)
    }

    /// Whether they are, or would be if they had not been erased.
    pub(crate) fn had_files(&self, index: u64, body: &Body) -> bool {
        self.kept(index, heavy(body))
    }

    /// The same, of a record that is heavy or not.
    fn kept(&self, index: u64, heavy: bool) -> bool {
        self.facts.range.contains(&index)
            || self.referenced.contains(&index)
            || self.afterwards.contains(&index)
            || index < self.facts.range.start
                && (!heavy || self.controls.values().any(|control| control.before == Some(index)))
    }

    /// The records of one kind that concern the log as a whole, oldest first.
    pub(crate) fn of_kind(&self, kind: &str) -> &[u64] {
        self.of_the_log.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Whether all of that time is in the period.
    pub(crate) fn covers(&self, time: Window) -> bool {
        let period = self.facts.period;
        period.start <= time.start && time.end <= period.end
    }
}

/// Whether such a record is about the period, though it may be sealed after it: what somebody signs for is over by
/// then, a cause may be found later, and a sample is drawn of a period that the bundle covers.
pub(crate) fn about(body: &Body, range: &Range<u64>, period: Window) -> bool {
    match body {
        Body::Cause { drift, .. } => range.contains(drift),
        Body::SignOff { quarter, .. } => sign_offs::concerns(quarter, period),
        Body::Sample { period: drawn, .. } => period.start <= drawn.start && drawn.end <= period.end,
        _ => false,
    }
}

/// Whether the record's files are too much to be here only because the record is.
fn heavy(body: &Body) -> bool {
    matches!(body, Body::Evidence { .. } | Body::Verdict { .. })
}

/// The path of a record's bytes inside the bundle's folder.
pub(crate) fn record_path(index: u64) -> String {
    format!("data/records/{}.json", digits(index))
}
