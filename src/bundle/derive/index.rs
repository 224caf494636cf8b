//! The tables over everything: evidence and verdicts, and controls.

use super::control::{control, state_word};
use super::often::{Often, met_word};
use super::stated::Stated;
use super::states::timeline;
use super::table::{Table, instant, list, maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, control_dir, folder, population_path, record_path, time};
use crate::drift::{Ending, State};
use crate::judge::VerdictOutcome;
use crate::ledger::record::{About, Body, Record};
use crate::timeline::{Totals, percent};
use evidenced_collectors::contract::Window;
use std::cmp::Reverse;
use std::io::Write;

/// Columns of a row about a record.
pub(super) const COLUMNS: [&str; 13] = [
    "record",
    "at",
    "kind",
    "role",
    "controls",
    "collector",
    "window_start",
    "window_end",
    "outcome",
    "rules",
    "counts",
    "path",
    "table",
];

/// `index.csv`: a row per evidence and verdict of the period, and per supporting record of any kind.
pub(super) fn index(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &COLUMNS)?;
    for index in contents.disclosed() {
        let record = source.record(index)?;
        let inside = contents.facts.range.contains(&index);
        if inside && !matches!(record.body, Body::Evidence { .. } | Body::Verdict { .. }) {
            continue;
        }
        table.row(&index_row(contents, index, &record, inside))?;
    }
    table.end()
}

pub(super) fn index_row(contents: &Contents, index: u64, record: &Record, inside: bool) -> [String; 13] {
    let mut controls = String::new();
    let mut collector = String::new();
    let mut window: Option<Window> = None;
    let (mut outcome, mut rules, mut counts, mut csv) = (String::new(), String::new(), String::new(), String::new());
    match &record.body {
        Body::Evidence { collector: by, controls: feeds, window: seen, status, observed, .. } => {
            (controls, collector, window) = (list(feeds), by.clone(), Some(*seen));
            (outcome, counts) = (word(status), format!("observed {observed}"));
            if contents.populations.contains_key(&index) {
                csv = population_path(index, *status);
            }
        }
        Body::Verdict { control, outcome: reached, rules: version, counts: by_outcome, .. } => {
            (controls, outcome, rules) = (control.clone(), word(reached), version.clone());
            counts = list(by_outcome.iter().map(|(outcome, count)| format!("{} {count}", word(outcome))));
        }
        Body::Transition { control, to, .. } => (controls, outcome) = (control.clone(), word(to)),
        Body::Waiver { control, .. } | Body::Revocation { control, .. } => controls.clone_from(control),
        Body::Cause { control, .. } | Body::SignOff { control, .. } => controls.clone_from(control),
        Body::Sample { control, period, size, population_size, .. } => {
            (controls, window) = (control.clone(), Some(*period));
            counts = format!("drawn {size} of {population_size}");
        }
        Body::RunOpened { collector: by, window: seen, .. } => (collector, window) = (by.clone(), Some(*seen)),
        Body::RunClosed { collector: by, end, .. } => (collector, outcome) = (by.clone(), word(end)),
        Body::Missed { collector: by, .. } => collector.clone_from(by),
        Body::Alert { about, event, .. } => {
            outcome = word(event);
            match about {
                About::Control(control) => controls.clone_from(control),
                About::Collector(by) => collector.clone_from(by),
                About::Anchor(_) | About::Channel(_) | About::Disk | About::Daemon => {}
            }
        }
        Body::Delivery { outcome: became, alerts, .. } => {
            (outcome, counts) = (word(became), format!("alerts {}", alerts.len()));
        }
        Body::Epoch { .. }
        | Body::Key { .. }
        | Body::Summary { .. }
        | Body::Anchor { .. }
        | Body::Erasure { .. }
        | Body::Config { .. }
        | Body::Export { .. } => {}
    }
    let path = match folder(&record.body) {
        Some(folder) if record.commit.is_some() && contents.has_files(index, &record.body) => {
            format!("data/{folder}/{index:012}")
        }
        _ => record_path(index),
    };
    [
        index.to_string(),
        time(record.at),
        record.body.kind().to_owned(),
        if inside { "period" } else { "supporting" }.to_owned(),
        controls,
        collector,
        instant(window.map(|w| w.start)),
        instant(window.map(|w| w.end)),
        outcome,
        rules,
        counts,
        path,
        csv,
    ]
}

/// Figures of one control over the period.
#[derive(Debug)]
pub(super) struct Figures {
    /// Its state when the period began; `None`: none was on record.
    pub(super) state_at_start: Option<State>,
    /// Its state at the end of the range.
    pub(super) state_at_end: Option<State>,
    /// Verdicts that pass.
    pub(super) pass: u64,
    /// Verdicts with a deviation.
    pub(super) deviation: u64,
    /// Verdicts that are indeterminate.
    pub(super) indeterminate: u64,
    /// How long it was what.
    pub(super) totals: Totals,
}

impl Figures {
    /// Counts them from the records.
    pub(super) fn of(contents: &Contents, name: &str, source: &dyn Source) -> Result<Self, BundleError> {
        let control = control(contents, name)?;
        let timeline = timeline(contents, name, source)?;
        let count = |outcome: VerdictOutcome| control.outcomes.get(outcome.word()).copied().unwrap_or_default();
        let mut figures = Self {
            state_at_start: None,
            state_at_end: timeline.state_at_end,
            pass: count(VerdictOutcome::Pass),
            deviation: count(VerdictOutcome::Deviation),
            indeterminate: count(VerdictOutcome::Indeterminate),
            totals: timeline.totals,
        };
        if let Some(first) = control.transitions.first().filter(|first| **first < contents.facts.range.start)
            && let Body::Transition { to, .. } = source.record(*first)?.body
        {
            figures.state_at_start = Some(to);
        }
        Ok(figures)
    }
}

/// What a control is sorted by.
type Worst = (Reverse<State>, Reverse<u64>, Reverse<usize>, String);

/// The order of controls everywhere: by the state at the end, worst first; then those with more verdicts
/// that deviate, and with more gaps; then by their own numbering.
pub(super) fn worst_first(name: &str, control: &Control, figures: &Figures) -> Worst {
    // No state on record is worse than effective, and better than any that is known to be bad.
    let state = figures.state_at_end.unwrap_or(State::Unmonitored);
    (Reverse(state), Reverse(figures.deviation), Reverse(control.gaps.len()), name.to_owned())
}

/// `controls.csv`: a row per control, those in the worst state first.
pub(super) fn controls(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut rows = Vec::new();
    let stated = Stated::read(contents, source)?;
    for (name, control) in &contents.controls {
        let often = Often::of(contents, name, control, &stated, source)?;
        let figures = Figures::of(contents, name, source)?;
        let mut row = vec![
            name.clone(),
            state_word(figures.state_at_start),
            state_word(figures.state_at_end),
            (figures.pass + figures.deviation + figures.indeterminate).to_string(),
            figures.pass.to_string(),
            figures.deviation.to_string(),
            figures.indeterminate.to_string(),
            figures.totals.drifts.to_string(),
            control.gaps.len().to_string(),
            control.waivers.len().to_string(),
            often.as_ref().map_or_else(String::new, |often| often.frequency.word().to_owned()),
            often.as_ref().map_or_else(String::new, |often| met_word(often.met()).to_owned()),
            often.map_or_else(String::new, |often| list(often.sentences())),
        ];
        row.extend(totals_row(&figures.totals));
        row.push(format!("data/{}/index.html", control_dir(&contents.controls, name)));
        rows.push((worst_first(name, control, &figures), row));
    }
    rows.sort();
    let mut columns = vec![
        "control",
        "state_at_start",
        "state_at_end",
        "verdicts",
        "verdicts_pass",
        "verdicts_deviation",
        "verdicts_indeterminate",
        "drifts",
        "gaps",
        "waivers",
        "frequency",
        "cadence",
        "cadence_seen",
    ];
    columns.extend(TOTALS);
    columns.push("path");
    let mut table = Table::new(out, &columns)?;
    for (_, row) in &rows {
        table.row(row)?;
    }
    table.end()
}

/// Columns of the sums over the period; seconds end in `_s`, percents of what is known in `_percent`.
const TOTALS: [&str; 18] = [
    "known_s",
    "effective_s",
    "deviating_s",
    "indeterminate_s",
    "stale_s",
    "unmonitored_s",
    "effective_percent",
    "effective_at_least_percent",
    "exposure_at_least_s",
    "exposure_observed_s",
    "exposure_at_most_s",
    "drifts_open",
    "drifts_resolved",
    "drifts_waived",
    "drifts_gone",
    "repair_median_s",
    "repair_longest_s",
    "repair_at_most_s",
];

fn totals_row(totals: &Totals) -> [String; 18] {
    let (share, least) = totals.effective_share();
    let state = |state| totals.seconds.get(&state).copied().unwrap_or_default().to_string();
    let ended = |how| totals.ended.get(&how).copied().unwrap_or_default().to_string();
    [
        totals.known_s.to_string(),
        state(State::Effective),
        state(State::Deviating),
        state(State::Indeterminate),
        state(State::Stale),
        state(State::Unmonitored),
        percent(share),
        percent(least),
        totals.exposure.at_least_s.to_string(),
        totals.exposure.observed_s.to_string(),
        totals.exposure.at_most_s.to_string(),
        totals.open.to_string(),
        ended(Ending::Resolved),
        ended(Ending::Waived),
        ended(Ending::Gone),
        maybe(totals.repair_median_s),
        maybe(totals.repair_longest_s),
        maybe(totals.repair_at_most_s),
    ]
}
