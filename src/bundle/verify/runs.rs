//! What records say of each other: sequence numbers, runs from opening to end, states that follow one
//! another, and that what a verdict names is here.

use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::format::{Contents, Source, record_path};
use crate::drift::State;
use crate::ledger::record::{Body, End, Status};
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
            Body::Verdict { run, control, .. } => {
                if let Some(known) = runs.get_mut(&run) {
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

/// Checks that what records refer to is here, and that each state follows from the one before.
pub(super) fn references(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("references");
    let source = BundleSource(archive);
    let mut kinds: BTreeMap<u64, (&'static str, Option<String>)> = BTreeMap::new();
    let mut opened: BTreeSet<String> = BTreeSet::new();
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    for index in contents.disclosed().take_while(|index| *index < contents.facts.range.end) {
        let Some(record) = checking.take(source.record(index)) else { continue };
        let inside = contents.facts.range.contains(&index);
        let mut wrong = |why: String| checking.wrong(record_path(index), why);
        match record.body {
            Body::RunOpened { run, .. } => {
                opened.insert(run);
            }
            Body::Evidence { .. } => {
                kinds.insert(index, ("evidence", None));
            }
            Body::Waiver { control, .. } => {
                kinds.insert(index, ("waiver", Some(control)));
            }
            Body::Verdict { control, evidence, waivers, run, .. } if inside => {
                for named in evidence {
                    if !matches!(kinds.get(&named), Some(("evidence", _))) {
                        wrong(format!("was made from record {named}, which is no evidence before it"));
                    }
                }
                for named in waivers {
                    if kinds.get(&named) != Some(&("waiver", Some(control.clone()))) {
                        wrong(format!("knows record {named}, which is no waiver of {control} before it"));
                    }
                }
                if !opened.contains(&run) {
                    wrong("belongs to a run whose opening is not here".to_owned());
                }
            }
            Body::Transition { control, from, to, .. } => {
                let before = states.insert(control.clone(), to);
                if inside && before != from {
                    wrong(format!("does not begin at the state that {control} was in before"));
                }
            }
            _ => {}
        }
    }
    checking.done(format!("{} controls: states follow one another, and what verdicts name is here", states.len()))
}
