//! That nothing which must be disclosed is withheld: what is here is counted from one summary to the next, and
//! must be as many records as they say. Signatures and proofs cannot show that: they are right for whatever is
//! shown.

use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::format::{Contents, Scope, Source, record_path};
use crate::ledger::record::{Body, Counts, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Counts every record that the bundle must disclose.
pub(super) fn check(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("completeness");
    let last = contents.facts.log_size.checked_sub(1).filter(|last| contents.discloses(*last));
    let ends = last.and_then(|last| checking.take(BundleSource(archive).record(last)));
    if !ends.is_some_and(|record| matches!(record.body, Body::Summary { .. })) {
        checking.wrong("data/log/checkpoint", "the last record under it is no summary that is here");
    }
    if let Some(scope) = &contents.scope {
        for control in scope.controls.difference(&scope.known) {
            checking.wrong("bag-info.txt", format!("no configuration of the period knows the control {control}"));
        }
    }
    let summaries = walk(archive, contents, &mut checking);
    checking.done(match &contents.scope {
        None if summaries == 0 => "all of the range is here; no summary in it has anything to compare".to_owned(),
        None => format!("{summaries} summaries count what lies between them, and all of it is here"),
        Some(scope) => format!(
            "{summaries} summaries count the records of {} controls and their {} collectors, and all of them are here; \
             {} records of others are withheld",
            scope.controls.len(),
            scope.collectors.len(),
            contents.withheld()
        ),
    })
}

/// What must have been seen by a summary.
#[derive(Default)]
struct Seen {
    /// Collector to its next `seq`.
    next: BTreeMap<String, u64>,
    counts: Counts,
}

/// Walks from the first summary on; from the beginning of the log when the range begins there, or when a
/// selection has no summary before its range. Returns how many summaries were compared.
fn walk(archive: &Archive, contents: &Contents, checking: &mut Checking) -> u64 {
    let source = BundleSource(archive);
    let (range, scope) = (&contents.facts.range, contents.scope.as_ref());
    let opening = scope.and_then(|_| opening(&source, contents));
    // A whole bundle has everything of its range, and little beside.
    let (from, until) = match scope {
        Some(_) => (opening.unwrap_or(0), contents.facts.log_size),
        None => (if range.start <= 1 { 0 } else { range.start }, range.end.saturating_add(1)),
    };
    let mut seen = (opening.is_none() && from == 0).then(Seen::default);
    let (mut configured, mut begun, mut summaries) = (None, false, 0);
    for index in contents.disclosed().take_while(|index| *index < until) {
        let Some(Record { body, .. }) = checking.take(source.record(index)) else { continue };
        if !begun && index >= range.start {
            begun = true;
            let counted = seen.as_ref().is_none_or(|seen| seen.counts.config == configured);
            let why = "another configuration is in force here than the newest before it that the bundle has";
            checking.expect(scope.is_none() || counted, record_path(index), why);
        }
        if matches!(body, Body::Config { .. }) {
            configured = Some(index);
        }
        if index < from {
            continue;
        }
        if scope.is_some_and(|scope| !scope.holds(&body)) {
            checking.wrong(record_path(index), "belongs to none of the controls that the bundle is limited to");
        }
        if let Body::Summary { collectors, counts } = &body {
            if let Some(seen) = &seen {
                let differs = seen.differs(scope, collectors, counts);
                differs.into_iter().for_each(|why| checking.wrong(record_path(index), why));
                summaries += 1;
            }
            seen = Some(Seen { next: collectors.clone(), counts: counts.clone() });
        }
        if let Some(seen) = &mut seen {
            seen.add(index, &body);
        }
    }
    summaries
}

/// The newest summary before the range.
fn opening(source: &BundleSource<'_>, contents: &Contents) -> Option<u64> {
    let before: Vec<u64> = contents.disclosed().take_while(|index| *index < contents.facts.range.start).collect();
    let summary = |index: &u64| matches!(source.record(*index).map(|record| record.body), Ok(Body::Summary { .. }));
    before.into_iter().rev().find(summary)
}

impl Seen {
    fn add(&mut self, index: u64, body: &Body) {
        self.counts.add(index, body);
        if let Body::RunOpened { collector, seq, .. } | Body::Missed { collector, seq, .. } = body {
            self.next.insert(collector.clone(), seq.saturating_add(1));
        }
    }

    /// Where a summary says otherwise, of everything or of the scope.
    fn differs(&self, scope: Option<&Scope>, next: &BTreeMap<String, u64>, counts: &Counts) -> Vec<String> {
        let collectors = scope.map(|scope| &scope.collectors);
        let controls = scope.map(|scope| &scope.controls);
        let mut differs = Vec::new();
        maps("the next number of collector", collectors, &self.next, next, &mut differs);
        maps("records of collector", collectors, &self.counts.collectors, &counts.collectors, &mut differs);
        maps("records of control", controls, &self.counts.controls, &counts.controls, &mut differs);
        maps("records of the kind", None, &self.counts.kinds, &counts.kinds, &mut differs);
        if self.counts.config != counts.config {
            differs.push("names another configuration than the newest that is here".to_owned());
        }
        differs
    }
}

fn maps(
    what: &str,
    names: Option<&BTreeSet<String>>,
    here: &BTreeMap<String, u64>,
    stated: &BTreeMap<String, u64>,
    differs: &mut Vec<String>,
) {
    let all: BTreeSet<&String> = here.keys().chain(stated.keys()).collect();
    for name in all.into_iter().filter(|name| names.is_none_or(|names| names.contains(*name))) {
        let count = |map: &BTreeMap<String, u64>| map.get(name).copied().unwrap_or_default();
        if here.get(name) != stated.get(name) {
            let (here, stated) = (count(here), count(stated));
            differs.push(format!("{what} {name}: {stated} by this summary, {here} by what is here"));
        }
    }
}
