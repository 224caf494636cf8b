//! That nothing which must be disclosed is withheld: what is here is counted from one summary to the next, and
//! must be as many records as they say. Signatures and proofs cannot show that: they are right for whatever is
//! shown.

use super::report::{Check, Checking};
use crate::bundle::format::{Contents, Scope, record_path};
use crate::ledger::record::{Body, Counts};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Counts every record that the bundle must disclose, from the first summary on; from the beginning of the log
/// when the range begins there, or when a selection has no summary before its range.
pub(super) struct Counted<'a> {
    contents: &'a Contents,
    /// Which records are counted.
    counted: Range<u64>,
    seen: Option<Seen>,
    /// The newest configuration so far.
    configured: Option<u64>,
    /// The newest one before the range.
    before: Option<u64>,
    begun: bool,
    summaries: u64,
    checking: Checking,
}

/// What must have been seen by a summary.
#[derive(Default)]
struct Seen {
    /// Collector to its next `seq`.
    next: BTreeMap<String, u64>,
    counts: Counts,
}

impl<'a> Counted<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        let mut checking = Checking::new("completeness");
        let (facts, summaries) = (&contents.facts, contents.of_kind("summary"));
        if summaries.last().copied() != facts.log_size.checked_sub(1) {
            checking.wrong("data/log/checkpoint", "the last record under it is no summary that is here");
        }
        if let Some(scope) = &contents.scope {
            for control in scope.controls.difference(&scope.known) {
                checking.wrong("bag-info.txt", format!("no configuration of the period knows the control {control}"));
            }
        }
        // A whole bundle has everything of its range, and little beside.
        let opening = summaries.iter().rfind(|index| **index < facts.range.start && contents.scope.is_some());
        let counted = match contents.scope {
            Some(_) => opening.copied().unwrap_or(0)..facts.log_size,
            None => (if facts.range.start <= 1 { 0 } else { facts.range.start })..facts.range.end.saturating_add(1),
        };
        let seen = (opening.is_none() && counted.start == 0).then(Seen::default);
        Self { contents, counted, seen, configured: None, before: None, begun: false, summaries: 0, checking }
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, index: u64, body: &Body) {
        let (scope, checking) = (self.contents.scope.as_ref(), &mut self.checking);
        let start = self.contents.facts.range.start;
        match body {
            Body::Config { .. } if index < start => self.before = Some(index),
            // All of the range is here, so only what came before it can have been taken out.
            Body::Summary { counts, .. } if scope.is_none() && index >= start => {
                let right = counts.config.is_some_and(|named| named >= start) || counts.config == self.before;
                let why = "names another configuration before the range than the newest that is here";
                checking.expect(right, record_path(index), why);
            }
            _ => {}
        }
        if index >= self.counted.end {
            return;
        }
        if !self.begun && index >= start {
            self.begun = true;
            let fits = self.seen.as_ref().is_none_or(|seen| seen.counts.config == self.configured);
            let why = "another configuration is in force here than the newest before it that the bundle has";
            checking.expect(scope.is_none() || fits, record_path(index), why);
        }
        if matches!(body, Body::Config { .. }) {
            self.configured = Some(index);
        }
        if index < self.counted.start {
            return;
        }
        if scope.is_some_and(|scope| !scope.holds(body)) {
            checking.wrong(record_path(index), "belongs to none of the controls that the bundle is limited to");
        }
        if let Body::Summary { collectors, counts } = body {
            if let Some(seen) = &self.seen {
                let differs = seen.differs(scope, collectors, counts);
                differs.into_iter().for_each(|why| checking.wrong(record_path(index), why));
                self.summaries += 1;
            }
            self.seen = Some(Seen { next: collectors.clone(), counts: counts.clone() });
        }
        if let Some(seen) = &mut self.seen {
            seen.add(index, body);
        }
    }

    pub(super) fn done(self) -> Check {
        let summaries = self.summaries;
        self.checking.done(match &self.contents.scope {
            None if summaries == 0 => "all of the range is here; no summary in it has anything to compare".to_owned(),
            None => format!("{summaries} summaries count what lies between them, and all of it is here"),
            Some(scope) => format!(
                "{summaries} summaries count the records of {} controls and their {} collectors, and all of them are \
                 here; {} records of others are withheld",
                scope.controls.len(),
                scope.collectors.len(),
                self.contents.withheld()
            ),
        })
    }
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
