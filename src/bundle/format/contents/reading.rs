//! Folding the disclosed records, oldest first, into what a bundle contains.

use super::super::calendar::Silence;
use super::super::{BundleError, Calendars, Facts, Scope, Source, digits, folder, time};
use super::{Contents, Control, Gap, about, heavy, record_path};
use crate::judge::{self, VerdictOutcome};
use crate::ledger::record::{Body, End, Record, Status, Trigger};
use crate::schedule::{self, Outcome};
use std::collections::{BTreeMap, BTreeSet};

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

    fn note(&mut self, index: u64, body: &Body) {
        if matches!(body, Body::Delivery { .. }) {
            self.deliveries.push(index);
        }
        let kinds = ["anchor", "config", "epoch", "erasure", "export", "key", "summary"];
        if let Some(kind) = kinds.into_iter().find(|kind| *kind == body.kind()) {
            self.of_the_log.entry(kind).or_default().push(index);
        }
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
