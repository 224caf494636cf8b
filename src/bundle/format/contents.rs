//! Which records a bundle discloses, and what they amount to: per control, per collector, and the gaps.

use super::calendar::Silence;
use super::{BundleError, Calendars, Facts, Scope, Source, digits, folder, time};
use crate::judge::{self, VerdictOutcome};
use crate::ledger::record::{Body, End, Record, Status, Trigger};
use crate::schedule::{self, Outcome};
use crate::sign_offs;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
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

/// What is known while walking through the records.
#[derive(Default)]
struct Walk {
    open: BTreeMap<String, Gap>,
    controls_of: BTreeMap<String, Vec<String>>,
    /// The control map of the newest configuration before the range.
    in_force: Option<BTreeMap<String, Vec<String>>>,
    /// Folders of `heavy` records.
    heavy: BTreeSet<&'static str>,
}

/// Contents being read, a record at a time.
pub(crate) struct Reading {
    contents: Contents,
    walk: Walk,
}

impl Reading {
    /// Nothing read yet.
    pub(crate) fn new(facts: Facts) -> Self {
        let contents = Contents {
            scope: facts.selective().then(|| Scope::of(facts.controls.clone())),
            calendars: Calendars::of(facts.period),
            facts,
            erased: BTreeMap::new(),
            controls: BTreeMap::new(),
            series: BTreeMap::new(),
            gaps: Vec::new(),
            populations: BTreeMap::new(),
            of_the_log: BTreeMap::new(),
            alerts: Vec::new(),
            deliveries: Vec::new(),
            known_until: None,
            files: BTreeMap::new(),
            records: BTreeSet::new(),
            referenced: BTreeSet::new(),
            afterwards: BTreeSet::new(),
        };
        Self { contents, walk: Walk::default() }
    }

    /// Takes the next disclosed record, oldest first. The schedules that a configuration states are read from
    /// `source`.
    pub(crate) fn add(&mut self, index: u64, record: Record, source: &dyn Source) -> Result<(), BundleError> {
        let Self { contents, walk } = self;
        contents.records.insert(index);
        if record.commit.is_some() {
            let stray = || BundleError::malformed(record_path(index), "has files, which such records do not");
            let folder = folder(&record.body).ok_or_else(stray)?;
            contents.files.entry(folder).or_default().push(index);
            if heavy(&record.body) {
                walk.heavy.insert(folder);
            }
        }
        if let Body::Erasure { target, .. } = &record.body {
            contents.erased.insert(*target, index);
        }
        contents.note(index, &record.body);
        contents.calendars.record(index, &record);
        let range = contents.facts.range.clone();
        if index >= range.end {
            if about(&record.body, &range, contents.facts.period) {
                contents.afterwards.insert(index);
                contents.attested(index, &record.body);
            }
            return Ok(());
        }
        if let Body::Config { controls, .. } = &record.body {
            contents.calendars.configured(record.at, schedules(index, source)?, controls);
        }
        let inside = range.contains(&index);
        if inside {
            contents.known_until = contents.known_until.max(Some(record.at));
            contents.count(&record);
        }
        contents.take(walk, index, record, inside)
    }

    /// Ends with the last of them. Evidence from before the range is read again from `source`.
    pub(crate) fn end(self, source: &dyn Source) -> Result<Contents, BundleError> {
        let Self { mut contents, mut walk } = self;
        if contents.facts.range.end < contents.facts.log_size {
            contents.known_until = Some(contents.facts.period.end);
        }
        if let (Some(scope), Some(in_force)) = (&mut contents.scope, &walk.in_force) {
            scope.configured(in_force);
        }
        for gap in std::mem::take(&mut walk.open).into_values() {
            contents.gap(gap);
        }
        contents.silences()?;
        contents.gaps.sort_by_key(|gap| gap.record);
        contents.evidence_outside(source)?;
        contents.without_erased();
        contents.gaps_by_control();
        contents.controls.values_mut().for_each(|control| control.evidence.sort_unstable());
        let mut files = std::mem::take(&mut contents.files);
        for (folder, records) in &mut files {
            let heavy = walk.heavy.contains(folder);
            records.retain(|index| contents.kept(*index, heavy) && !contents.erased.contains_key(index));
        }
        contents.files = files;
        Ok(contents)
    }
}

impl Contents {
    /// Walks through the disclosed records, oldest first.
    pub(crate) fn read(facts: Facts, records: BTreeSet<u64>, source: &dyn Source) -> Result<Self, BundleError> {
        let mut reading = Reading::new(facts);
        records.into_iter().try_for_each(|index| reading.add(index, source.record(index)?, source))?;
        reading.end(source)
    }

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

    /// What was erased is neither shown nor counted as if it could be.
    fn without_erased(&mut self) {
        self.populations.retain(|index, _| !self.erased.contains_key(index));
        for control in self.controls.values_mut() {
            let (gone, here) = control.verdicts.iter().partition(|index| self.erased.contains_key(index));
            (control.erased, control.verdicts) = (gone, here);
        }
        for gap in &mut self.gaps {
            let by = gap.evidence.and_then(|evidence| Some((evidence, self.erased.get(&evidence)?)));
            if let Some((evidence, by)) = by {
                gap.reason = Some(format!("the files of record {evidence} were erased, as record {by} says"));
                gap.evidence = None;
            }
        }
    }

    /// A selective bundle tells of its own controls only.
    fn gaps_by_control(&mut self) {
        let scope = self.scope.as_ref();
        for (at, gap) in self.gaps.iter_mut().enumerate() {
            gap.controls.retain(|control| scope.is_none_or(|scope| scope.controls.contains(control)));
            for control in &gap.controls {
                self.controls.entry(control.clone()).or_default().gaps.push(at);
            }
        }
    }

    /// The records of one kind that concern the log as a whole, oldest first.
    pub(crate) fn of_kind(&self, kind: &str) -> &[u64] {
        self.of_the_log.get(kind).map_or(&[], Vec::as_slice)
    }

    fn note(&mut self, index: u64, body: &Body) {
        if matches!(body, Body::Delivery { .. }) {
            self.deliveries.push(index);
        }
        let kinds = ["anchor", "config", "epoch", "erasure", "export", "key", "summary"];
        if let Some(kind) = kinds.into_iter().find(|kind| *kind == body.kind()) {
            self.of_the_log.entry(kind).or_default().push(index);
        }
    }

    /// Whether all of that time is in the period.
    pub(crate) fn covers(&self, time: Window) -> bool {
        let period = self.facts.period;
        period.start <= time.start && time.end <= period.end
    }

    /// Takes what somebody said or drew.
    fn attested(&mut self, index: u64, body: &Body) {
        match body {
            Body::Cause { control, .. } => self.control(control).causes.push(index),
            Body::SignOff { control, .. } => self.control(control).sign_offs.push(index),
            Body::Sample { control, .. } => self.control(control).samples.push(index),
            _ => {}
        }
    }

    fn control(&mut self, name: &str) -> &mut Control {
        self.controls.entry(name.to_owned()).or_default()
    }

    /// Counts the slots of the period, and takes those that nothing accounts for as gaps.
    fn silences(&mut self) -> Result<(), BundleError> {
        self.calendars.end(self.scope.as_ref().map(|scope| &scope.collectors));
        for (collector, became) in self.calendars.became()? {
            self.series.entry(collector.clone()).or_default().slots = became.counts;
            for Silence { first, last, slots, controls } in became.silences {
                let reason = match slots {
                    1 => "no record says what became of it".to_owned(),
                    _ => format!(
                        "no record says what became of this and the {} due after it, until {}",
                        slots - 1,
                        time(last)
                    ),
                };
                self.gaps.push(Gap {
                    record: None,
                    collector: collector.clone(),
                    seq: None,
                    scheduled_for: Some(first),
                    window: None,
                    how: Outcome::Unaccounted.word(),
                    reason: Some(reason),
                    evidence: None,
                    controls: controls.into_iter().collect(),
                });
            }
        }
        Ok(())
    }

    fn gap(&mut self, gap: Gap) {
        *self.series.entry(gap.collector.clone()).or_default().counts.entry(gap.how).or_default() += 1;
        self.gaps.push(gap);
    }

    /// Counts what a record inside the range adds to its collector's series, ends apart.
    fn count(&mut self, record: &Record) {
        let (collector, seq, word) = match &record.body {
            Body::RunOpened { collector, seq, trigger, .. } => {
                let word = match trigger {
                    Trigger::Schedule => "scheduled",
                    Trigger::CatchUp => "catch_up",
                    Trigger::Manual => "manual",
                };
                (collector, *seq, word)
            }
            Body::Missed { collector, seq, .. } => (collector, *seq, "unrun"),
            _ => return,
        };
        let series = self.series.entry(collector.clone()).or_default();
        let (first, last) = series.seqs.unwrap_or((seq, seq));
        series.seqs = Some((first.min(seq), last.max(seq)));
        *series.counts.entry(word).or_default() += 1;
    }

    fn take(&mut self, walk: &mut Walk, index: u64, record: Record, inside: bool) -> Result<(), BundleError> {
        match record.body {
            Body::Config { controls, .. } => {
                if let (Some(scope), true) = (&mut self.scope, inside) {
                    scope.configured(&controls);
                }
                walk.controls_of.clear();
                for (control, collectors) in &controls {
                    for collector in collectors {
                        walk.controls_of.entry(collector.clone()).or_default().push(control.clone());
                    }
                    if self.scope.as_ref().is_none_or(|scope| scope.controls.contains(control)) {
                        self.control(control).collectors.extend(collectors.iter().cloned());
                    }
                }
                if !inside {
                    walk.in_force = Some(controls);
                }
            }
            Body::Verdict { control, evidence, outcome, counts, .. } if inside => {
                let range = self.facts.range.clone();
                self.referenced.extend(evidence.into_iter().filter(|named| !range.contains(named)));
                let control = self.control(&control);
                control.verdicts.push(index);
                *control.outcomes.entry(outcome.word()).or_default() += 1;
                let bad = [judge::Outcome::Deviation, judge::Outcome::Indeterminate, judge::Outcome::Waived];
                if outcome != VerdictOutcome::Pass || bad.iter().any(|bad| counts.contains_key(bad)) {
                    control.not_plain.insert(index);
                }
            }
            Body::Verdict { control, .. } => self.control(&control).before = Some(index),
            Body::Transition { control, .. } => {
                let transitions = &mut self.control(&control).transitions;
                if !inside {
                    transitions.clear();
                }
                transitions.push(index);
            }
            Body::Waiver { control, .. } => self.control(&control).waivers.push(index),
            body @ (Body::Cause { .. } | Body::SignOff { .. } | Body::Sample { .. }) if inside => {
                self.attested(index, &body)
            }
            Body::Alert { .. } if inside => self.alerts.push(index),
            Body::Revocation { control, waiver, .. } => {
                self.control(&control).revocations.entry(waiver).or_insert(index);
            }
            body => return self.take_run(walk, index, body, inside),
        }
        Ok(())
    }

    /// Follows runs from opening to end.
    fn take_run(&mut self, walk: &mut Walk, index: u64, body: Body, inside: bool) -> Result<(), BundleError> {
        let unopened = || BundleError::malformed(record_path(index), "belongs to a run whose opening is not here");
        match body {
            Body::RunOpened { run, collector, seq, scheduled_for, window, .. } => {
                let controls = walk.controls_of.get(&collector).cloned().unwrap_or_default();
                let open = Gap {
                    record: Some(index),
                    collector,
                    seq: Some(seq),
                    scheduled_for,
                    window: Some(window),
                    how: "open",
                    reason: None,
                    evidence: None,
                    controls,
                };
                walk.open.insert(run, open);
            }
            Body::Evidence { run, controls, status, .. } if inside => {
                if status != Status::Failed {
                    self.populations.insert(index, status);
                }
                for control in &controls {
                    self.control(control).evidence.push(index);
                }
                let open = walk.open.get_mut(&run).ok_or_else(unopened)?;
                (open.evidence, open.controls) = (Some(index), controls);
            }
            Body::RunClosed { run, end, .. } if inside => {
                let open = walk.open.remove(&run).ok_or_else(unopened)?;
                if end == End::Done {
                    *self.series.entry(open.collector).or_default().counts.entry("done").or_default() += 1;
                } else {
                    self.gap(Gap { record: Some(index), how: end.word(), ..open });
                }
            }
            Body::RunClosed { run, .. } => {
                walk.open.remove(&run);
            }
            Body::Missed { collector, seq, scheduled_for, reason } if inside => {
                let controls = walk.controls_of.get(&collector).cloned().unwrap_or_default();
                let (record, seq, scheduled_for) = (Some(index), Some(seq), Some(scheduled_for));
                let (window, evidence, reason) = (None, None, Some(reason));
                let how = "missed";
                self.gap(Gap { record, collector, seq, scheduled_for, window, how, reason, evidence, controls });
            }
            _ => {}
        }
        Ok(())
    }

    fn evidence_outside(&mut self, source: &dyn Source) -> Result<(), BundleError> {
        for index in &self.referenced {
            let file = record_path(*index);
            if !self.records.contains(index) {
                return Err(BundleError::malformed(file, "named by a verdict of the period, and not here"));
            }
            match source.record(*index)?.body {
                Body::Evidence { status, controls, .. } => {
                    for control in controls {
                        self.controls.entry(control).or_default().evidence.push(*index);
                    }
                    if status != Status::Failed {
                        self.populations.insert(*index, status);
                    }
                }
                _ => return Err(BundleError::malformed(file, "named by a verdict as evidence, and is none")),
            }
        }
        Ok(())
    }
}

/// The schedules that a configuration states.
fn schedules(index: u64, source: &dyn Source) -> Result<BTreeMap<String, schedule::Schedule>, BundleError> {
    let file = format!("data/configs/{}/config.json", digits(index));
    schedule::stated(&source.file(index, "config.json")?).map_err(|error| BundleError::malformed(file, error))
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
