//! Makes everything again, offline: populations from the recorded exchanges, verdicts from the
//! populations, states from the verdicts. What cannot be made again is said, and never called right.

mod collections;
mod states;
mod tasks;
mod verdicts;

use super::container::Archive;
use super::report::{Check, Checking, Finding, Reperformed};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, record_path};
use crate::config::Config;
use crate::ledger::record::{Body, Occasion};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What is being made again, and what came of it.
struct Work<'a> {
    source: BundleSource<'a>,
    contents: &'a Contents,
    checking: Checking,
    done: Reperformed,
}

/// A configuration that was in force.
struct InForce {
    /// When it was put on record.
    at: DateTime<Utc>,
    /// Control to the collectors that feed it, as the record says.
    controls: BTreeMap<String, Vec<String>>,
    /// `config.json`, if this program can read it.
    config: Option<Config>,
}

impl Work<'_> {
    /// Whether the record's files were erased; then nothing can be made again of them, and that is noted.
    fn erased(&mut self, index: u64) -> bool {
        let Some(by) = self.contents.erased.get(&index).copied() else { return false };
        self.skip(record_path(index), format!("not re-performed: erased, as record {by} says"));
        true
    }

    /// The same, without anything on record that explains it: whoever wants to hide something names a rule that no
    /// program has.
    fn take(&mut self, file: String, why: impl std::fmt::Display) {
        self.done.taken_as_it_is += 1;
        self.skip(file, why);
    }

    /// Something could not be made again, which says nothing about whether it is right.
    fn skip(&mut self, file: String, why: impl std::fmt::Display) {
        self.done.not_reperformed.push(Finding { file, problem: why.to_string() });
    }
}

/// Makes everything again that can be.
pub(super) fn check(archive: &Archive, contents: &Contents) -> (Check, Reperformed) {
    let source = BundleSource::of(archive);
    let mut work = Work { source, contents, checking: Checking::new("re-performance"), done: Reperformed::default() };
    if let Err(error) = collections::all(&mut work) {
        work.checking.failed(&error);
    }
    if let Err(error) = judged(&mut work) {
        work.checking.failed(&error);
    }
    let done = work.done;
    let mut detail = format!(
        "made again: {} collections, {} verdicts, {} changes of state; not made again: {}",
        done.collections,
        done.verdicts,
        done.transitions,
        done.not_reperformed.len()
    );
    if done.asked_before > 0 {
        detail.push_str(&format!("; what was left for {} first runs lies before the period", done.asked_before));
    }
    (work.checking.done(detail), done)
}

/// Verdicts and states, in the order of the log.
fn judged(work: &mut Work<'_>) -> Result<(), BundleError> {
    let mut in_force: Option<Rc<InForce>> = None;
    // A run ends under the configuration that it began under, whatever came into force meanwhile.
    let mut begun: BTreeMap<String, Rc<InForce>> = BTreeMap::new();
    let mut states = states::States::default();
    let mut seen = verdicts::Seen::default();
    let end = work.contents.facts.range.end;
    for index in work.contents.disclosed().take_while(|index| *index < end).collect::<Vec<u64>>() {
        let inside = work.contents.facts.range.contains(&index);
        let record = work.source.record(index)?;
        match record.body {
            Body::Config { controls, .. } => {
                let config = work.source.file(index, "config.json").ok();
                let config = config.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                in_force = Some(Rc::new(InForce { at: record.at, controls, config }));
            }
            Body::RunOpened { run, .. } => begun.extend(in_force.clone().map(|in_force| (run, in_force))),
            Body::RunClosed { run, .. } => drop(begun.remove(&run)),
            body @ Body::Verdict { .. } if !inside && work.contents.has_files(index, &body) => {
                states.before(work, index, &body)?;
                seen.judged(index, &body);
            }
            Body::Verdict { .. } if !inside => {}
            body @ Body::Verdict { .. } => {
                let in_force = under(&body, &begun).or(in_force.as_ref()).cloned();
                verdict(work, in_force.as_deref(), (&mut states, &seen), index, &body)?;
                seen.judged(index, &body);
            }
            body @ Body::Evidence { .. } if work.contents.has_files(index, &body) => seen.see(index, body),
            body @ (Body::Waiver { .. } | Body::Revocation { .. }) => seen.accepted(index, body),
            body @ Body::Transition { .. } if inside => {
                states.transition(work, in_force.as_deref(), index, &body)?;
            }
            Body::Transition { control, to, since, occasion: Occasion::Lapse, .. } => {
                states.lapsed(&control, to, since);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The configuration that the run of a verdict began under; `None`: no run brought it about, or its opening is not
/// here.
fn under<'a>(verdict: &Body, begun: &'a BTreeMap<String, Rc<InForce>>) -> Option<&'a Rc<InForce>> {
    match verdict {
        Body::Verdict { occasion, .. } => begun.get(occasion.run()?),
        _ => None,
    }
}

/// A verdict of the period.
fn verdict(
    work: &mut Work<'_>,
    in_force: Option<&InForce>,
    (states, seen): (&mut states::States, &verdicts::Seen),
    index: u64,
    body: &Body,
) -> Result<(), BundleError> {
    if work.erased(index) {
        states.erased(index, body);
        return Ok(());
    }
    let Some(in_force) = in_force else {
        work.take(record_path(index), "no configuration before it is in the bundle");
        return states.unjudged(work, index, body);
    };
    match verdicts::again(work, in_force, seen, index, body)? {
        Some(verdict) => states.verdict(work, in_force, index, body, &verdict),
        None => states.unjudged(work, index, body),
    }
}
