//! Verdicts from the populations that they name, the policy sealed with them, and the waivers they knew.

use super::{InForce, Work};
use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits, record_path, time};
use crate::bundle::verify::documents::document;
use crate::config::Config;
use crate::drift;
use crate::judge::{self, Reading, Test, Verdict, Waiver};
use crate::ledger::record::{Body, Of, Status, canonical_json};
use crate::run_file::{self, PARTIAL, POPULATION, RUN, RunFile};
use crate::waivers;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{Reading as Covers, Window};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen so far on the way through the log.
#[derive(Default)]
pub(super) struct Seen {
    /// Evidence by collector, oldest first.
    evidence: BTreeMap<String, Vec<Held>>,
    /// Waivers and revocations.
    accepted: BTreeMap<u64, Body>,
    /// The last verdict of each control, and what it is as of.
    last: BTreeMap<String, (u64, DateTime<Utc>)>,
}

/// One evidence record as it is chosen by.
struct Held {
    index: u64,
    run: String,
    status: Status,
    window: Window,
}

impl Seen {
    /// Takes note of an evidence record whose files are in the bundle.
    pub(super) fn see(&mut self, index: u64, body: Body) {
        if let Body::Evidence { collector, run, status, window, .. } = body {
            self.evidence.entry(collector).or_default().push(Held { index, run, status, window });
        }
    }

    /// Takes note of a waiver or a revocation.
    pub(super) fn accepted(&mut self, index: u64, body: Body) {
        self.accepted.insert(index, body);
    }

    /// Takes note of a verdict: whatever is before it in the log, the next of its control knows.
    pub(super) fn judged(&mut self, index: u64, body: &Body) {
        if let Body::Verdict { control, as_of, .. } = body {
            self.last.insert(control.clone(), (index, *as_of));
        }
    }
}

/// Judges again; the verdict if it is the sealed one.
pub(super) fn again(
    work: &mut Work<'_>,
    in_force: &InForce,
    seen: &Seen,
    index: u64,
    body: &Body,
) -> Result<Option<Verdict>, BundleError> {
    let Body::Verdict { control, rules, as_of, outcome, counts, evidence, waivers, .. } = body else {
        return Ok(None);
    };
    let file = format!("data/verdicts/{}/judgements.json", digits(index));
    let policy: serde_json::Value = document(&work.source, index, "policy.json")?;
    let test = match Test::parse(rules.split('/').next().unwrap_or_default(), &policy) {
        Ok(test) if test.rules() == rules => test,
        Ok(test) => {
            work.take(file, format!("judged by {rules}; this program has {}", test.rules()));
            return Ok(None);
        }
        Err(error) => {
            work.take(file, format!("this program cannot read its policy: {error}"));
            return Ok(None);
        }
    };
    let Some(collectors) = in_force.controls.get(control) else {
        work.checking.wrong(record_path(index), format!("the configuration in force knows no control {control}"));
        return Ok(None);
    };
    policy_in_force(work, in_force.config.as_ref(), index, control, &test);
    if let Some(gone) = evidence.iter().find(|named| work.contents.erased.contains_key(named)) {
        work.skip(file, format!("not re-performed: record {gone}, which it judges, was erased"));
        return Ok(None);
    }
    let readings = readings(work, index, collectors, evidence, *as_of)?;
    choices(work, in_force, seen, index, body)?;
    let mut named = Vec::new();
    for waiver in waivers {
        named.push((*waiver, work.source.record(*waiver)?.body));
    }
    let known = waivers::known(named);
    acceptances(work, seen, index, body, &known)?;
    let known: Vec<Waiver> = known.into_values().collect();
    let verdict = judge::judge(&test, &readings, &known, *as_of);
    let sealed = work.source.file(index, "judgements.json")?;
    let bytes = canonical_json(&verdict).map_err(|e| BundleError::malformed(file.as_str(), e))?;
    if bytes != sealed || verdict.outcome != *outcome || verdict.counts != *counts {
        work.checking.wrong(file, difference(&verdict, &sealed));
        return Ok(None);
    }
    work.done.verdicts += 1;
    Ok(Some(verdict))
}

/// The first judgement that came out otherwise.
fn difference(again: &Verdict, sealed: &[u8]) -> String {
    let what = "is not what the test gives over the evidence it names";
    let Ok(sealed) = serde_json::from_slice::<Verdict>(sealed) else { return what.to_owned() };
    let first = again.judgements.iter().find(|judgement| !sealed.judgements.contains(judgement));
    match first {
        Some(j) => {
            format!("{what}: judging {} again gives {:?} ({}), first of the differences", j.item, j.outcome, j.reason)
        }
        None => format!("{what}: outcome, counts, or items that are not in the evidence"),
    }
}

/// The policy sealed with a verdict must be the one that the configuration gave the control.
fn policy_in_force(work: &mut Work<'_>, config: Option<&Config>, index: u64, control: &str, test: &Test) {
    let path = format!("data/verdicts/{}/policy.json", digits(index));
    let Some(control) = config.and_then(|config| config.controls.get(control)) else {
        return work.take(path, "this program cannot read the configuration in force, to compare the policy with");
    };
    match Test::parse(&control.test, &control.policy) {
        Ok(configured) if configured == *test => {}
        Ok(_) => work.checking.wrong(path, "is not the policy that the configuration in force gives the control"),
        Err(error) => work.take(path, format!("this program cannot read the configured policy: {error}")),
    }
}

fn readings(
    work: &Work<'_>,
    index: u64,
    collectors: &[String],
    evidence: &[u64],
    as_of: DateTime<Utc>,
) -> Result<Vec<Reading>, BundleError> {
    let mut readings = Vec::new();
    for named in evidence {
        let run: RunFile = document(&work.source, *named, RUN)?;
        let Body::Evidence { status, .. } = work.source.record(*named)?.body else { continue };
        let name = if status == Status::Complete { POPULATION } else { PARTIAL };
        let bytes = work.source.file(*named, name)?;
        let malformed = |e| BundleError::malformed(format!("data/evidence/{}/{name}", digits(*named)), e);
        let reading = run_file::reading(&run, name, &bytes).map_err(malformed)?;
        if !collectors.contains(&reading.collector) {
            let why = format!("names record {named} of {}, which does not feed the control", reading.collector);
            return Err(BundleError::malformed(record_path(index), why));
        }
        readings.push(reading);
    }
    for collector in collectors {
        if !readings.iter().any(|reading| reading.collector == *collector) {
            readings.push(run_file::no_evidence(collector, as_of));
        }
    }
    Ok(readings)
}

/// A verdict goes on where the last one of its control was: as of no earlier instant, unless that one is by a clock
/// that was ahead; knowing every waiver and revocation that was on record then, and past the end of none that nobody
/// judged at its end.
fn acceptances(
    work: &mut Work<'_>,
    seen: &Seen,
    index: u64,
    body: &Body,
    known: &BTreeMap<u64, Waiver>,
) -> Result<(), BundleError> {
    let Body::Verdict { control, as_of, waivers, .. } = body else { return Ok(()) };
    let Some((last, last_as_of)) = seen.last.get(control).copied() else { return Ok(()) };
    let now = work.source.record(index)?.at;
    let mut wrong = |why: String| work.checking.wrong(record_path(index), why);
    if *as_of < last_as_of && !drift::is_ahead(last_as_of, now) {
        wrong(format!("is as of an earlier instant than record {last}, the verdict before it"));
    }
    let of_it = |body: &Body| matches!(body.of(), Of::Control(of) if of == control);
    for (record, _) in seen.accepted.range(..last).filter(|(record, body)| of_it(body) && !waivers.contains(record)) {
        wrong(format!("does not know record {record}, a waiver or revocation from before the last verdict"));
    }
    for (record, waiver) in known.range(..last) {
        let end = waiver.ends();
        if last_as_of < end && end < *as_of && (end == waiver.expires || revoked_before(seen, *record, last)) {
            wrong(format!("passes over {}, when the waiver in record {record} ended", time(end)));
        }
    }
    Ok(())
}

/// Whether the waiver's revocation was sealed before the record.
fn revoked_before(seen: &Seen, waiver: u64, record: u64) -> bool {
    let of_it = |body: &Body| matches!(body, Body::Revocation { waiver: of, .. } if *of == waiver);
    seen.accepted.range(..record).any(|(_, body)| of_it(body))
}

/// The evidence that a verdict names must be what its rule chooses: of snapshots the newest, of windows
/// the complete ones in the look-back, and the newest. The look-back ends at the verdict's instant, or where the newest
/// one does if that is earlier.
fn choices(work: &mut Work<'_>, in_force: &InForce, seen: &Seen, index: u64, body: &Body) -> Result<(), BundleError> {
    let Body::Verdict { control, evidence, as_of, occasion, .. } = body else { return Ok(()) };
    let last = seen.last.get(control).map_or(0, |(last, _)| *last);
    let Some(config) = in_force.config.as_ref().and_then(|config| config.controls.get(control)) else {
        return Ok(());
    };
    for (collector, held) in &seen.evidence {
        if !config.collectors.contains(collector) {
            continue;
        }
        let of_it = |named: &u64| held.binary_search_by_key(named, |held| held.index).is_ok();
        let named: BTreeSet<u64> = evidence.iter().copied().filter(of_it).collect();
        // Evidence of another run may have been sealed while this verdict was being made: its own verdict follows. What
        // is before the last verdict in the log, and what its own run brought, it knew.
        let unsure = |held: &&Held| held.index > last && occasion.run() != Some(held.run.as_str());
        let sure = held.len() - held.iter().rev().take_while(unsure).count();
        let mut knew = false;
        for size in (sure..=held.len()).rev() {
            let chosen = chosen(work, &held[..size], *as_of, config.lookback.delta())?;
            if chosen.is_none_or(|chosen| chosen == named) {
                knew = true;
                break;
            }
        }
        if !knew {
            let why = format!("does not name of {collector} what the control's rule chooses");
            work.checking.wrong(record_path(index), why);
        }
    }
    Ok(())
}

/// What the rule chooses of a collector's evidence; `None`: this program does not know its kind.
fn chosen(
    work: &Work<'_>,
    held: &[Held],
    as_of: DateTime<Utc>,
    lookback: TimeDelta,
) -> Result<Option<BTreeSet<u64>>, BundleError> {
    let Some(newest) = held.last() else { return Ok(Some(BTreeSet::new())) };
    let file: RunFile = document(&work.source, newest.index, RUN)?;
    Ok(match evidenced_collectors::kind(&file.kind).map(|kind| kind.reading) {
        None => None,
        Some(Covers::Snapshot) => Some(BTreeSet::from([newest.index])),
        Some(Covers::Window) => Some(in_lookback(held, as_of.min(newest.window.end) - lookback)),
    })
}

fn in_lookback(held: &[Held], since: DateTime<Utc>) -> BTreeSet<u64> {
    let mut chosen = BTreeSet::new();
    for (nth, held) in held.iter().rev().enumerate() {
        // Not the end of those that lie within: a run under a clock that was behind stands after them.
        if held.window.end <= since && nth > 0 {
            continue;
        }
        if held.status == Status::Complete || nth == 0 {
            chosen.insert(held.index);
        }
    }
    chosen
}
