//! `summary.md` of one control: deviations first, then gaps, then the states of the period. It counts
//! what the ledger holds, and draws no conclusion.

use super::bad::BadItems;
use super::calendar::{fed_by, in_words};
use super::control::{control, policy, reason, state_word};
use super::index::Figures;
use super::states::{known_until, timeline};
use super::table::maybe;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, SAMPLE, Source, record_path, time};
use crate::ledger::record::Body;
use crate::timeline::{percent, span};
use std::fmt::Write as _;
use std::io::Write;

/// Writes the page.
pub(super) fn summary(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let control = control(contents, name)?;
    let figures = Figures::of(contents, name, source)?;
    let period = contents.facts.period;
    let mut page = format!("# {}\n\n", plain(name));
    if contents.facts.sample {
        page.push_str(&format!("**{SAMPLE}**\n\n"));
    }
    page.push_str(&format!(
        "{}, from {} until before {} (UTC). What the ledger holds, counted; the conclusion is the auditor's.\n\n\
         - Verdicts: {} pass, {} deviation, {} indeterminate\n- Drifts, times that it was watched and not effective: {}\n\
         - State at the beginning: {}; at the end: {}\n\n",
        plain(&contents.facts.organization),
        time(period.start),
        time(period.end),
        figures.pass,
        figures.deviation,
        figures.indeterminate,
        figures.totals.drifts,
        state_word(figures.state_at_start),
        state_word(figures.state_at_end)
    ));
    bad_items(&mut page, control, source)?;
    rules(&mut page, control, source)?;
    gaps(&mut page, contents, control, source)?;
    states(&mut page, contents, name, source)?;
    page.push_str(
        "## Where to look\n\n`judgements.csv`: every item of every verdict. `timeline.csv`: every change of state. \
         `exposure.csv`: how long each drift lasted, and each item was bad. `gaps.csv`, `waivers.csv`, `causes.csv` (why it drifted), `signoffs.csv`, `samples.csv`. Exact bytes: `../../verdicts` and `../../evidence`, by record number.\n",
    );
    super::text(out, &page)
}

fn bad_items(page: &mut String, control: &Control, source: &dyn Source) -> Result<(), BundleError> {
    let BadItems { items: bad, unread } = BadItems::of(control, source)?;
    page.push_str("## Deviations, and items that could not be judged or are waived\n\n");
    if !control.erased.is_empty() {
        line(
            page,
            format_args!("The items of {} verdicts were erased, and stand nowhere below.\n", control.erased.len()),
        );
    }
    if bad.is_empty() {
        page.push_str("None in the verdicts of the period.\n\n");
    } else {
        page.push_str(
            "| item | outcome | reason | first verdict | last verdict | verdicts |\n|---|---|---|---|---|---|\n",
        );
        for ((outcome, item), b) in &bad {
            let (outcome, first, last) = (outcome.word(), time(b.first), time(b.last));
            let (item, reason) = (plain(item), plain(&b.reason));
            line(page, format_args!("| {item} | {outcome} | {reason} | {first} | {last} | {} |", b.verdicts));
        }
        page.push('\n');
    }
    if !unread.is_empty() {
        page.push_str("## Not read\n\n| what | why | verdicts |\n|---|---|---|\n");
        for (what, (why, count)) in &unread {
            line(page, format_args!("| {} | {} | {count} |", plain(what), plain(why)));
        }
        page.push('\n');
    }
    Ok(())
}

/// By which rules and parameters the verdicts are, and from which on.
fn rules(page: &mut String, control: &Control, source: &dyn Source) -> Result<(), BundleError> {
    page.push_str("## Rules\n\n");
    if control.verdicts.is_empty() {
        page.push_str("No verdict in the period.\n\n");
        return Ok(());
    }
    page.push_str("| from record | as of | rules | parameters |\n|---|---|---|---|\n");
    let mut before = None;
    for index in &control.verdicts {
        let Body::Verdict { as_of, rules, .. } = source.record(*index)?.body else {
            return Err(BundleError::malformed(record_path(*index), "is not a verdict"));
        };
        let by = (rules, policy(source, *index)?);
        if before.as_ref() != Some(&by) {
            line(page, format_args!("| {index} | {} | {} | {} |", time(as_of), plain(&by.0), plain(&by.1)));
        }
        before = Some(by);
    }
    page.push('\n');
    Ok(())
}

fn gaps(page: &mut String, contents: &Contents, control: &Control, source: &dyn Source) -> Result<(), BundleError> {
    page.push_str("## Gaps\n\n");
    for (collector, slots) in fed_by(contents, control) {
        line(page, format_args!("Slots of {}: {}.\n", plain(collector), in_words(slots)));
    }
    if control.gaps.is_empty() {
        page.push_str("No slot is unaccounted for, and no run is on record as missed, incomplete, failed, aborted, interrupted or open.\n\n");
        return Ok(());
    }
    page.push_str("| record | collector | due | how | reason |\n|---|---|---|---|---|\n");
    for gap in control.gaps.iter().filter_map(|at| contents.gaps.get(*at)) {
        let due = gap.scheduled_for.map_or_else(|| "not scheduled".to_owned(), time);
        let (collector, reason) = (plain(&gap.collector), plain(&reason(gap, source)?));
        let record = maybe(gap.record);
        line(page, format_args!("| {record} | {collector} | {due} | {} | {reason} |", gap.how));
    }
    page.push('\n');
    Ok(())
}

/// Stretches of the period, each with its state. Ends with what the records know, not with the period.
fn states(page: &mut String, contents: &Contents, name: &str, source: &dyn Source) -> Result<(), BundleError> {
    let timeline = timeline(contents, name, source)?;
    let exposure = timeline.totals.exposure;
    let (share, least) = timeline.totals.effective_share();
    page.push_str("## States\n\n");
    line(
        page,
        format_args!("- Effective: {} % of the known time as observed, at least {} %", percent(share), percent(least)),
    );
    let [least, observed, most] = [exposure.at_least_s, exposure.observed_s, exposure.at_most_s].map(span);
    line(page, format_args!("- Watched and not effective: {observed} as observed, at least {least}, at most {most}\n"));
    page.push_str("| state | from | until | seconds |\n|---|---|---|---|\n");
    for interval in timeline.intervals {
        let seconds = (interval.until - interval.from).num_seconds();
        let (state, from, until) = (state_word(interval.state), time(interval.from), time(interval.until));
        line(page, format_args!("| {state} | {from} | {until} | {seconds} |"));
    }
    line(page, format_args!("\nThe records reach to {}.\n", time(known_until(contents))));
    Ok(())
}

/// Writing to a String cannot fail.
fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(page, "{text}");
}

/// A text that Markdown takes for nothing but text.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            c if c.is_control() => plain.push(' '),
            '\\' | '|' | '<' | '>' | '[' | ']' | '*' | '`' | '&' | '#' | '!' => {
                plain.push('\\');
                plain.push(c);
            }
            c => plain.push(c),
        }
    }
    plain
}
