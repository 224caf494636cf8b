//! What records say of each other: sequence numbers, runs from opening to end and which controls they are for, states
//! that follow one another, and that what a verdict names is here.

use super::report::{Check, Checking};
use super::walk::Seen;
use crate::bundle::format::{Contents, record_path};
use crate::causes;
use crate::drift::State;
use crate::ledger::record::{Body, End, Occasion, Of, Record, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A configuration's controls, each with the collectors that feed it.
type Map = BTreeMap<String, Vec<String>>;

/// What is known of a run.
struct Run {
    collector: String,
    seq: u64,
    /// Of the configuration that it began under; `None`: it is not here.
    under: Option<Rc<Map>>,
    evidence: Option<Status>,
    /// Controls that the evidence is for and that no verdict of the run has judged yet.
    unjudged: BTreeSet<String>,
}

/// Checks that the collectors' sequences have no holes, that each run is closed, or said to be open, and that its
/// evidence is for the controls that it fed and judged for each of them.
pub(super) struct Sequences<'a> {
    contents: &'a Contents,
    /// Of the newest configuration.
    in_force: Option<Rc<Map>>,
    last: BTreeMap<String, u64>,
    /// Runs that are open.
    runs: BTreeMap<String, Run>,
    /// Names of those that are closed: all of them, so no more than the names.
    closed: BTreeSet<Box<str>>,
    checking: Checking,
}

impl<'a> Sequences<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        let checking = Checking::new("sequences");
        let (last, runs, closed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { contents, in_force: None, last, runs, closed, checking }
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, Seen { index, record, inside, .. }: &Seen) {
        let Self { contents, in_force, last, runs, closed, checking } = self;
        if *index >= contents.facts.range.end {
            return;
        }
        let mut wrong = |why: String| checking.wrong(record_path(*index), why);
        match &record.body {
            Body::Config { controls, .. } => *in_force = Some(Rc::new(controls.clone())),
            Body::RunOpened { run, collector, seq, .. } => {
                if *inside {
                    in_sequence(last, collector, *seq, &mut wrong);
                }
                let opened = Run::opened(collector, *seq, in_force.clone());
                if runs.insert(run.clone(), opened).is_some() || closed.contains(run.as_str()) {
                    wrong("opens a run that was opened before".to_owned());
                }
            }
            Body::Missed { collector, seq, .. } if *inside => in_sequence(last, collector, *seq, &mut wrong),
            Body::Evidence { run, collector, seq, status, controls, .. } if *inside => match runs.get_mut(run) {
                Some(known) if known.evidence.is_none() => {
                    if (&known.collector, known.seq) != (collector, *seq) {
                        wrong("is of another collector or number than its run".to_owned());
                    }
                    known.evidence = Some(*status);
                    match known.fed() {
                        Some(fed) if fed == *controls => {}
                        Some(_) => wrong("is for other controls than its run fed by the configuration".to_owned()),
                        None => wrong("is of a run whose configuration is not here".to_owned()),
                    }
                    known.unjudged.extend(controls.iter().filter(|control| shown(contents, control)).cloned());
                }
                _ => wrong("is the evidence of a run that is not open, or has some already".to_owned()),
            },
            Body::Verdict { occasion, control, .. } => {
                if let Some(known) = occasion.run().and_then(|run| runs.get_mut(run)) {
                    known.unjudged.remove(control);
                }
            }
            Body::RunClosed { run, collector, end } if *inside => match runs.remove(run) {
                Some(known) => {
                    closed.insert(run.as_str().into());
                    // Evidence of a run that began before the period may lie before it too.
                    let began_inside = known.evidence.is_some() || last.contains_key(collector);
                    if known.collector != *collector || began_inside && !end_fits(*end, known.evidence) {
                        wrong("does not end its run as the run's evidence says".to_owned());
                    }
                    // Verdicts and the end of a run are sealed as one, whatever the run brought home.
                    if let (Some(control), false) =
                        (known.unjudged.first(), matches!(end, End::Aborted | End::Interrupted))
                    {
                        wrong(format!("ends a run whose evidence is for {control}, without a verdict of it"));
                    }
                }
                None => wrong("closes a run that is not open".to_owned()),
            },
            _ => {}
        }
    }

    pub(super) fn done(self) -> Check {
        let open = self.contents.gaps.iter().filter(|gap| gap.how == "open").count();
        let collectors = self.last.len();
        self.checking
            .done(format!("{collectors} collectors without holes; {open} runs are open at the end, and listed as such"))
    }
}

impl Run {
    fn opened(collector: &str, seq: u64, under: Option<Rc<Map>>) -> Self {
        Self { collector: collector.to_owned(), seq, under, evidence: None, unjudged: BTreeSet::new() }
    }

    /// The controls that it feeds.
    fn fed(&self) -> Option<Vec<String>> {
        let under = self.under.as_ref()?.iter();
        Some(under.filter(|(_, of)| of.contains(&self.collector)).map(|(control, _)| control.clone()).collect())
    }
}

fn shown(contents: &Contents, control: &String) -> bool {
    contents.scope.as_ref().is_none_or(|scope| scope.controls.contains(control))
}

fn in_sequence(last: &mut BTreeMap<String, u64>, collector: &str, seq: u64, wrong: &mut impl FnMut(String)) {
    if let Some(last) = last.get(collector)
        && last.checked_add(1) != Some(seq)
    {
        wrong(format!("is number {seq} of {collector}, after number {last}"));
    }
    last.insert(collector.to_owned(), seq);
}

fn end_fits(end: End, evidence: Option<Status>) -> bool {
    match end {
        End::Done => evidence == Some(Status::Complete),
        End::Incomplete => evidence == Some(Status::Incomplete),
        End::Failed => evidence == Some(Status::Failed),
        End::Aborted | End::Interrupted => true,
    }
}

/// What records can be referred to.
#[derive(Default)]
struct Known {
    evidence: BTreeSet<u64>,
    /// Waivers and revocations.
    acceptances: BTreeMap<u64, Body>,
    /// Transitions that begin a drift, with its control.
    drifts: BTreeMap<u64, String>,
    /// Runs that were opened.
    opened: BTreeSet<String>,
}

/// Checks that what records refer to is here, and that each state follows from the one before.
pub(super) struct References<'a> {
    contents: &'a Contents,
    known: Known,
    states: BTreeMap<String, State>,
    /// Control and occasion of the record before, if that is a verdict.
    verdict: Option<(String, Occasion)>,
    checking: Checking,
}

impl<'a> References<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        let (known, states) = (Known::default(), BTreeMap::new());
        Self { contents, known, states, verdict: None, checking: Checking::new("references") }
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, Seen { index, record, inside, .. }: &Seen) {
        if let Body::Cause { control, drift, .. } = &record.body
            && self.known.drifts.get(drift) != Some(control)
        {
            let why = format!("names record {drift}, with which no drift of {control} began before it");
            self.checking.wrong(record_path(*index), why);
        }
        self.erasure(*index, record);
        if *index >= self.contents.facts.range.end {
            return;
        }
        let before = self.verdict.take();
        let mut wrong = |why: String| self.checking.wrong(record_path(*index), why);
        match &record.body {
            Body::RunOpened { run, .. } => {
                self.known.opened.insert(run.clone());
            }
            Body::Evidence { .. } => {
                self.known.evidence.insert(*index);
            }
            body @ (Body::Waiver { .. } | Body::Revocation { .. }) => {
                if let Body::Revocation { control, waiver, .. } = body
                    && !matches!(self.known.acceptances.get(waiver), Some(Body::Waiver { control: of, .. }) if of == control)
                {
                    wrong(format!("revokes record {waiver}, which is no waiver of {control} before it"));
                }
                self.known.acceptances.insert(*index, body.clone());
            }
            body @ Body::Verdict { control, occasion, .. } if *inside => {
                self.known.verdict(body, &mut wrong);
                self.verdict = Some((control.clone(), occasion.clone()));
            }
            Body::Transition { control, from, to, occasion, since, observed_at, .. } => {
                if causes::begins_drift(*from, *to) {
                    self.known.drifts.insert(*index, control.clone());
                }
                let state = self.states.insert(control.clone(), *to);
                if !inside {
                    return;
                }
                if state != *from {
                    wrong(format!("does not begin at the state that {control} was in before"));
                }
                let exact = since.is_some_and(|since| since <= *observed_at);
                if exact != occasion.run().is_none() {
                    wrong("does not say since when it is so as its occasion asks for".to_owned());
                }
                let follows = before.is_some_and(|(of, on)| of == *control && on == *occasion);
                if *occasion != Occasion::Lapse && !follows {
                    wrong("does not follow a verdict of the same control and occasion".to_owned());
                }
            }
            _ => {}
        }
    }

    /// What an erasure names is before it, is erased once, and is of a kind that may be.
    fn erasure(&mut self, index: u64, record: &Record) {
        let file = || record_path(index);
        if let Body::Erasure { target, .. } = &record.body
            && (*target >= index || self.contents.erased.get(target) != Some(&index))
        {
            let why = format!("erases record {target}, which is not before it, or which another one erases too");
            self.checking.wrong(file(), why);
        }
        if let Some(by) = self.contents.erased.get(&index)
            && (!record.body.erasable() || record.commit.is_none())
        {
            let why = format!("is erased by record {by}, and a {} has no files that ever are", record.body.kind());
            self.checking.wrong(file(), why);
        }
    }

    pub(super) fn done(self) -> Check {
        let controls = self.states.len();
        self.checking.done(format!("{controls} controls: states follow one another, and what verdicts name is here"))
    }
}

impl Known {
    /// Whether the record is a waiver of the control, or a revocation of one.
    fn names(&self, control: &str, record: u64) -> bool {
        let of = self.acceptances.get(&record).map(Body::of);
        of == Some(Of::Control(control))
    }

    fn verdict(&self, body: &Body, wrong: &mut impl FnMut(String)) {
        let Body::Verdict { control, evidence, waivers, occasion, as_of, .. } = body else { return };
        for named in evidence.iter().filter(|named| !self.evidence.contains(named)) {
            wrong(format!("was made from record {named}, which is no evidence before it"));
        }
        for named in waivers.iter().filter(|named| !self.names(control, **named)) {
            wrong(format!("knows record {named}, which is no waiver of {control} before it"));
        }
        let acceptance = |record: &u64| self.acceptances.get(record).filter(|_| waivers.contains(record));
        let fits = match occasion {
            Occasion::Run { run } if !self.opened.contains(run) => {
                return wrong("belongs to a run whose opening is not here".to_owned());
            }
            Occasion::Run { .. } => true,
            Occasion::Waiver { record } => {
                matches!(acceptance(record), Some(Body::Waiver { approved_at, .. }) if approved_at <= as_of)
            }
            Occasion::WaiverEnded { record } => {
                matches!(acceptance(record), Some(Body::Waiver { expires, .. }) if expires <= as_of)
            }
            Occasion::Revocation { record } => {
                matches!(acceptance(record), Some(Body::Revocation { revoked_at, .. }) if revoked_at <= as_of)
            }
            Occasion::Lapse => false,
        };
        if !fits {
            wrong(format!("was not made on the occasion that it states: {}", occasion.words()));
        }
    }
}
