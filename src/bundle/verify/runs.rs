//! What records say of each other: sequence numbers, runs from opening to end, states that follow one
//! another, and that what a verdict names is here.

use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::format::{Contents, Source, record_path};
use crate::drift::State;
use crate::ledger::record::{Body, End, Occasion, Of, Status};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a run.
struct Run {
    collector: String,
    seq: u64,
    evidence: Option<Status>,
    /// Controls that the evidence is for and that no verdict of the run has judged yet.
    unjudged: BTreeSet<String>,
    closed: bool,
}

/// Checks that the collectors' sequences have no holes, and that each run is closed, or said to be open.
pub(super) fn sequences(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("sequences");
    let source = BundleSource(archive);
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for index in contents.disclosed().take_while(|index| *index < contents.facts.range.end) {
        let Some(record) = checking.take(source.record(index)) else { continue };
        let inside = contents.facts.range.contains(&index);
        let mut wrong = |why: String| checking.wrong(record_path(index), why);
        match record.body {
            Body::RunOpened { run, collector, seq, .. } => {
                if inside {
                    in_sequence(&mut last, &collector, seq, &mut wrong);
                }
                let opened = Run { collector, seq, evidence: None, unjudged: BTreeSet::new(), closed: false };
                if runs.insert(run, opened).is_some() {
                    wrong("opens a run that was opened before".to_owned());
                }
            }
            Body::Missed { collector, seq, .. } if inside => in_sequence(&mut last, &collector, seq, &mut wrong),
            Body::Evidence { run, collector, seq, status, controls, .. } if inside => match runs.get_mut(&run) {
                Some(known) if !known.closed && known.evidence.is_none() => {
                    if (&known.collector, known.seq) != (&collector, seq) {
                        wrong("is of another collector or number than its run".to_owned());
                    }
                    known.evidence = Some(status);
                    known.unjudged.extend(controls.into_iter().filter(|control| shown(contents, control)));
                }
                _ => wrong("is the evidence of a run that is not open, or has some already".to_owned()),
            },
            Body::Verdict { occasion, control, .. } => {
                if let Some(known) = occasion.run().and_then(|run| runs.get_mut(run)) {
                    known.unjudged.remove(&control);
                }
            }
            Body::RunClosed { run, collector, end } if inside => match runs.get_mut(&run) {
                Some(known) if !known.closed => {
                    known.closed = true;
                    // Evidence of a run that began before the period may lie before it too.
                    let began_inside = known.evidence.is_some() || last.contains_key(&collector);
                    if known.collector != collector || began_inside && !end_fits(end, known.evidence) {
                        wrong("does not end its run as the run's evidence says".to_owned());
                    }
                    // Verdicts and the end of a run are sealed as one, whatever the run brought home.
                    if let (Some(control), false) =
                        (known.unjudged.first(), matches!(end, End::Aborted | End::Interrupted))
                    {
                        wrong(format!("ends a run whose evidence is for {control}, without a verdict of it"));
                    }
                }
                _ => wrong("closes a run that is not open".to_owned()),
            },
            _ => {}
        }
    }
    let open = contents.gaps.iter().filter(|gap| gap.how == "open").count();
    let collectors = last.len();
    checking.done(format!("{collectors} collectors without holes; {open} runs are open at the end, and listed as such"))
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

/// Checks that each delivery names alerts before it which go to its channel. What is withheld cannot be looked at.
pub(super) fn deliveries(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("deliveries");
    let source = BundleSource(archive);
    for index in &contents.deliveries {
        let Some(record) = checking.take(source.record(*index)) else { continue };
        let Body::Delivery { channel, alerts, .. } = record.body else { continue };
        for named in alerts {
            let right = if named >= *index {
                false
            } else if contents.discloses(named) {
                let alert = checking.take(source.record(named)).map(|record| record.body);
                matches!(alert, Some(Body::Alert { channels, .. }) if channels.contains(&channel))
            } else {
                contents.scope.is_some() || !contents.facts.range.contains(&named)
            };
            let why = format!("settles record {named}, which is no alert for {channel} before it");
            checking.expect(right, record_path(*index), why);
        }
    }
    let (alerts, deliveries) = (contents.alerts.len(), contents.deliveries.len());
    checking.done(format!("{alerts} alerts of the period; {deliveries} deliveries name such as go to their channel"))
}

/// What records can be referred to.
#[derive(Default)]
struct Known {
    evidence: BTreeSet<u64>,
    /// Waivers and revocations.
    acceptances: BTreeMap<u64, Body>,
    /// Runs that were opened.
    opened: BTreeSet<String>,
}

/// Checks that what records refer to is here, and that each state follows from the one before.
pub(super) fn references(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("references");
    let source = BundleSource(archive);
    let mut known = Known::default();
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    let mut last: Option<(String, Occasion)> = None;
    for index in contents.disclosed().take_while(|index| *index < contents.facts.range.end) {
        let Some(record) = checking.take(source.record(index)) else { continue };
        let inside = contents.facts.range.contains(&index);
        let mut wrong = |why: String| checking.wrong(record_path(index), why);
        let before = last.take();
        match record.body {
            Body::RunOpened { run, .. } => {
                known.opened.insert(run);
            }
            Body::Evidence { .. } => {
                known.evidence.insert(index);
            }
            body @ (Body::Waiver { .. } | Body::Revocation { .. }) => {
                if let Body::Revocation { control, waiver, .. } = &body
                    && !matches!(known.acceptances.get(waiver), Some(Body::Waiver { control: of, .. }) if of == control)
                {
                    wrong(format!("revokes record {waiver}, which is no waiver of {control} before it"));
                }
                known.acceptances.insert(index, body);
            }
            body @ Body::Verdict { .. } if inside => {
                known.verdict(&body, &mut wrong);
                if let Body::Verdict { control, occasion, .. } = body {
                    last = Some((control, occasion));
                }
            }
            Body::Transition { control, from, to, occasion, since, observed_at, .. } => {
                let state = states.insert(control.clone(), to);
                if !inside {
                    continue;
                }
                if state != from {
                    wrong(format!("does not begin at the state that {control} was in before"));
                }
                let exact = since.is_some_and(|since| since <= observed_at);
                if exact != occasion.run().is_none() {
                    wrong("does not say since when it is so as its occasion asks for".to_owned());
                }
                if occasion != Occasion::Lapse && before != Some((control, occasion)) {
                    wrong("does not follow a verdict of the same control and occasion".to_owned());
                }
            }
            _ => {}
        }
    }
    checking.done(format!("{} controls: states follow one another, and what verdicts name is here", states.len()))
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
