//! `index.html` of one control: statement, deviations first, gaps, waivers, states over the period,
//! populations with the requests behind them, verdicts. Everything that could be long is bounded and names
//! the table that has the rest.

mod items;
mod populations;
mod strip;

use super::bad::BadItems;
use super::calendar::{fed_by, in_words};
use super::control::{accepted, control, policy, reason, state_word};
use super::index::Figures;
use super::often::{Often, met_word};
use super::overview::state;
use super::page::{Page, coloured, moment, number, text};
use super::stated::{Said, Stated};
use super::states::{known_until, timeline};
use super::table::{list, maybe, word};
use super::{causes, samples, sign_offs};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, digits, record_path, time};
use crate::drift::{Ending, State};
use crate::judge::Outcome;
use crate::ledger::record::Body;
use crate::timeline::{Drift, Lasted, Timeline, Totals, percent, span};
use maud::{Markup, html};
use std::io::Write;

/// Rows of one table that the page shows, the newest of them.
const ROWS_MAX: usize = 400;

/// What the parts of the page are made of.
pub(super) struct About<'a> {
    pub(super) contents: &'a Contents,
    pub(super) source: &'a dyn Source,
    name: &'a str,
    pub(super) control: &'a Control,
}

/// Writes the page.
pub(super) fn page(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let control = control(contents, name)?;
    let about = About { contents, source, name, control };
    let stated = Stated::read(contents, source)?;
    let bad = BadItems::of(control, source)?;
    let mut page = Page::begin(out, &format!("{name}, {}", contents.facts.organization), contents.facts.sample)?;
    statement(&mut page, &about, &stated, &bad)?;
    items::items(&mut page, &about, &bad)?;
    gaps(&mut page, &about)?;
    waivers(&mut page, &about)?;
    sign_offs::part(&mut page, &about)?;
    samples::part(&mut page, &about)?;
    states(&mut page, &about)?;
    causes::part(&mut page, &about)?;
    populations::populations(&mut page, &about)?;
    verdicts(&mut page, &about)?;
    changes(&mut page, stated.controls.get(name).map_or(&[], Vec::as_slice))?;
    page.end()
}

fn statement(page: &mut Page<'_>, about: &About<'_>, stated: &Stated, bad: &BadItems) -> Result<(), BundleError> {
    let often = Often::of(about.contents, about.name, about.control, stated, about.source)?;
    let figures = Figures::of(about.contents, about.name, about.source)?;
    let (said, period) = (stated.control(about.name), about.contents.facts.period);
    let newest = about.control.verdicts.last();
    let rules = match newest {
        Some(index) => match about.source.record(*index)?.body {
            Body::Verdict { rules, .. } => Some((rules, policy(about.source, *index)?)),
            _ => return Err(BundleError::malformed(record_path(*index), "is not a verdict")),
        },
        None => None,
    };
    page.add(&html! {
        nav { a href="../../index.html" { (text(&about.contents.facts.organization)) } " · "
            (moment(period.start)) " until before " (moment(period.end)) } "\n"
        h1 { (text(about.name)) @if let Some(said) = said { ": " (text(&said.title)) } } "\n"
        table.facts { tbody { "\n"
            @if let Some(said) = said {
                tr { th { "Criteria" } td { (text(&said.criteria.join(", "))) } } "\n"
                tr { th { "Owner" } td { (text(&said.owner)) } } "\n"
                tr { th { "Severity of a deviation" } td { (word(said.severity)) } } "\n"
                tr { th { "Fed by" } td { (text(&said.collectors.join(", "))) "; stale after " (said.stale_after())
                    " without complete evidence; events count for " (said.lookback) } } "\n"
            } @else {
                tr { th { "Statement" } td { "no configuration in the bundle has this control" } } "\n"
            }
            @if let Some(often) = &often {
                tr { th { "Frequency" } td { (often.frequency.word()) "; cadence " strong { (met_word(often.met())) }
                    @for sentence in often.sentences() { br; (text(&sentence)) } } } "\n"
            }
            @if let Some((rules, policy)) = &rules {
                tr { th { "Test and rules" } td { (text(rules)) " (test/version)" } } "\n"
                tr { th { "Parameters" } td { code { (text(policy)) } } } "\n"
            }
            tr { th { "State at the end" } td { (state(figures.state_at_end)) ", at the beginning " (state(figures.state_at_start)) } } "\n"
            tr { th { "Verdicts" } td { (figures.deviation) " deviation, " (figures.indeterminate) " indeterminate, "
                (figures.pass) " pass" } } "\n"
            (over_time(&figures.totals))
            tr { th { "Items bad at some time" } td { (bad.count(Outcome::Deviation)) " deviated, "
                (bad.count(Outcome::Indeterminate)) " could not be judged, " (bad.count(Outcome::Waived)) " waived" } } "\n"
            tr { th { "As tables" } td { @for file in ["judgements.csv", "timeline.csv", "exposure.csv", "gaps.csv", "waivers.csv", "causes.csv", "signoffs.csv", "samples.csv", "summary.md"] {
                a href=(file) { (file) } " " } } } "\n"
        } } "\n"
    })
}

/// How long it was what, in rows of the facts.
fn over_time(totals: &Totals) -> Markup {
    let (share, least) = totals.effective_share();
    let ended = |how| totals.ended.get(&how).copied().unwrap_or_default();
    let unmonitored = totals.seconds.get(&State::Unmonitored).copied().unwrap_or_default();
    html! {
        tr { th { "Effective" } td { (percent(share)) " % of the period up to where its records end, as observed; at least "
            (percent(least)) " %" @if unmonitored > 0 { "; not watched for " (span(unmonitored)) } } } "\n"
        tr { th { "Not effective" } td { (lasted(totals.exposure)) ", in " (totals.drifts) " drifts: "
            (ended(Ending::Resolved)) " resolved, " (ended(Ending::Waived)) " ended by a waiver, "
            (ended(Ending::Gone)) " out of view, " (totals.open) " open" } } "\n"
        tr { th { "Time to repair" } td { @match (totals.repair_median_s, totals.repair_longest_s, totals.repair_at_most_s) {
            (Some(median), Some(longest), Some(most)) =>
                { "median " (span(median)) ", longest " (span(longest)) " as observed, at most " (span(most)) },
            _ => "nothing was repaired",
        } } } "\n"
    }
}

/// How long something lasted, with what is not known about it.
fn lasted(lasted: Lasted) -> String {
    let Lasted { at_least_s, observed_s, at_most_s } = lasted;
    if at_least_s == at_most_s {
        return span(observed_s);
    }
    format!("{} as observed (at least {}, at most {})", span(observed_s), span(at_least_s), span(at_most_s))
}

fn gaps(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Gaps" } "\n" @for (collector, slots) in fed_by(about.contents, about.control) {
        p { "Slots of " (text(collector)) " in the period: " (in_words(slots)) ". Each of them: "
            a href="../../calendar.csv" { "calendar.csv" } "." } "\n"
    } })?;
    let all = &about.control.gaps;
    // Those that nothing accounts for come first, then the newest.
    let silent = all.iter().take_while(|at| about.contents.gaps.get(**at).is_some_and(|gap| gap.record.is_none()));
    let silent = silent.count();
    let (silent, recorded) = all.split_at(silent);
    let newest =
        silent.iter().chain(recorded.iter().rev()).take(ROWS_MAX).filter_map(|at| about.contents.gaps.get(*at));
    let rows = newest.map(|gap| {
        let why = reason(gap, about.source)?;
        Ok(html! {
            td { (text(&gap.collector)) }
            td.t { @match gap.scheduled_for { Some(due) => (moment(due)), None => "not scheduled" } }
            td.t { (gap.how) } td { (text(&why)) }
            td.n { @match gap.evidence {
                Some(evidence) => a href={ "../../evidence/" (digits(evidence)) "/" } { (evidence) },
                None => @if let Some(record) = gap.record { a href={ "../../records/" (digits(record)) ".json" } { (record) } }
                    @else { "none" },
            } }
        })
    });
    let shown = page.table(&["collector", "due", "how", "why", "#record"], rows)?;
    if shown == 0 {
        page.add(
            &html! { p { "No slot is unaccounted for, and no run is on record as missed, incomplete, failed, aborted, interrupted or open." } "\n" },
        )?;
    }
    rest(page, shown, all.len(), "gaps.csv")
}

/// Says what is not shown, if anything is not.
fn rest(page: &mut Page<'_>, shown: u64, all: usize, table: &str) -> Result<(), BundleError> {
    if shown < all as u64 {
        page.add(
            &html! { p.soft { "The newest " (shown) " of " (all) "; all: " a href=(table) { (table) } "." } "\n" },
        )?;
    }
    Ok(())
}

fn waivers(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Waivers" } "\n" })?;
    let all = accepted(about.control, about.source)?;
    let rows = all.iter().rev().take(ROWS_MAX).map(|waiver| {
        Ok(html! {
            td { (text(&waiver.item)) } td { (text(&waiver.approver)) } td { (text(&waiver.recorded_by)) }
            td.t { (moment(waiver.approved_at)) } td.t { (moment(waiver.expires)) }
            td { (text(&waiver.reason)) }
            td { @if let Some(revoked) = &waiver.revoked {
                (moment(revoked.at)) " by " (text(&revoked.recorded_by)) ": " (text(&revoked.reason)) " "
                a href={ "../../records/" (digits(revoked.record)) ".json" } { "record " (revoked.record) }
            } }
            td.n { a href={ "../../records/" (digits(waiver.record)) ".json" } { (waiver.record) } }
        })
    });
    let columns = ["item", "approver", "recorded by", "approved", "expires", "reason", "revoked", "#record"];
    let shown = page.table(&columns, rows)?;
    if shown == 0 {
        page.add(&html! { p { "None was recorded in the period, and no verdict of it names one." } "\n" })?;
    }
    rest(page, shown, all.len(), "waivers.csv")
}

fn states(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    let Timeline { intervals, drifts, .. } = timeline(about.contents, about.name, about.source)?;
    page.add(&html! { h2 { "States over the period" } "\n" })?;
    page.add(&strip::strip(about, &intervals))?;
    let rows = intervals.iter().rev().take(ROWS_MAX).map(|interval| {
        Ok(html! {
            td { (state(interval.state)) } td.t { (moment(interval.from)) } td.t { (moment(interval.until)) }
            td.n { (span((interval.until - interval.from).num_seconds())) }
        })
    });
    page.table(&["state", "from", "until before", "#for"], rows)?;
    let until = known_until(about.contents);
    page.add(&html! {
        p.soft { "The records reach to " (moment(until)) ". A state holds from the observation that shows it; when it really "
            "began lies between that and the observation before. Only what time alone or a waiver brought about has "
            "an instant of its own." } "\n"
        h3 { "Drifts" } "\n"
    })?;
    let rows = drifts.iter().rev().take(ROWS_MAX).map(|drift| Ok(drift_row(drift)));
    let shown = page.table(&["worst", "from", "perhaps from", "until", "ended", "#lasted"], rows)?;
    if shown == 0 {
        page.add(&html! { p { "None: it was effective whenever it was watched." } "\n" })?;
    }
    rest(page, shown, drifts.len(), "exposure.csv")?;
    page.add(&html! { h3 { "Changes" } "\n" })?;
    let all = &about.control.transitions;
    let rows = all.iter().rev().take(ROWS_MAX).map(|index| {
        let body = about.source.record(*index)?.body;
        let Body::Transition { from, to, before_at, since, observed_at, appeared, resolved, waived, gone, why, .. } =
            body
        else {
            return Err(BundleError::malformed(record_path(*index), "is not a transition"));
        };
        Ok(html! {
            td.t { (moment(observed_at)) }
            td.t { @match (since, before_at) {
                (Some(since), _) => (moment(since)),
                (None, Some(before)) => { "after " (moment(before)) },
                (None, None) => "not known",
            } }
            td { (state_word(from)) " → " (state(Some(to))) } (number(appeared)) (number(resolved)) (number(waived))
            (number(gone)) td { (text(&why)) }
            td.n { a href={ "../../transitions/" (digits(*index)) "/" } { (index) } }
        })
    });
    let columns = ["observed", "so since", "change", "#new", "#resolved", "#waived", "#gone", "why", "#record"];
    let shown = page.table(&columns, rows)?;
    rest(page, shown, all.len(), "timeline.csv")
}

fn drift_row(drift: &Drift) -> Markup {
    html! {
        td { (coloured(drift.worst)) } td.t { (moment(drift.from)) @if drift.began_before { " or before" } }
        td.t { @if let Some(earliest) = drift.earliest { (moment(earliest)) } @else { "not known" } }
        td.t { @if let Some(until) = drift.until { (moment(until)) } @else { "open" } }
        td { (maybe(drift.ended.map(word))) } td.n { (lasted(drift.lasted)) }
    }
}

fn verdicts(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Verdicts of the period" } "\n" })?;
    let all = &about.control.verdicts;
    let rows = all.iter().rev().take(ROWS_MAX).map(|index| {
        let body = about.source.record(*index)?.body;
        let Body::Verdict { as_of, outcome, rules, counts, evidence, .. } = body else {
            return Err(BundleError::malformed(record_path(*index), "is not a verdict"));
        };
        let count = |of: Outcome| counts.get(&of).copied().unwrap_or_default();
        Ok(html! {
            td.t { (moment(as_of)) } td { (coloured(outcome)) } td { (text(&rules)) }
            @for outcome in COUNTED { (number(count(outcome))) }
            td { (text(&list(evidence.iter().map(u64::to_string)))) }
            td.n { a href={ "../../verdicts/" (digits(*index)) "/judgements.json" } { (index) } }
        })
    });
    let mut columns = vec!["as of".to_owned(), "outcome".to_owned(), "rules".to_owned()];
    columns.extend(COUNTED.map(|outcome| format!("#{}", outcome.word())));
    columns.extend(["over evidence".to_owned(), "#record".to_owned()]);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let shown = page.table(&columns, rows)?;
    if shown == 0 {
        page.add(&html! { p { "None: the control was not judged in the period." } "\n" })?;
    }
    rest(page, shown, all.len(), "judgements.csv")
}

/// The order in which outcomes are counted.
const COUNTED: [Outcome; 6] =
    [Outcome::Deviation, Outcome::Indeterminate, Outcome::Waived, Outcome::Pending, Outcome::Pass, Outcome::Excluded];

/// What the configuration said of the control, from when on.
fn changes(page: &mut Page<'_>, said: &[Said]) -> Result<(), BundleError> {
    page.add(&html! { h2 { "What the configuration said" } "\n" })?;
    let rows = said.iter().rev().take(ROWS_MAX).map(|said| Ok(said_row(said)));
    if page.table(&["from", "statement", "test", "fed by", "owner", "#record"], rows)? == 0 {
        page.add(&html! { p { "No configuration in the bundle has this control." } "\n" })?;
    }
    Ok(())
}

fn said_row(said: &Said) -> Markup {
    html! {
        td.t { (moment(said.at)) }
        @match &said.control {
            Some(control) => {
                td { (text(&control.title)) " (" (text(&control.criteria.join(", "))) ", " (word(control.severity)) ")" }
                td { (text(&control.test)) " " code { (text(&control.policy.to_string())) } }
                td { (text(&control.collectors.join(", "))) ", stale after " (control.stale_after()) }
                td { (text(&control.owner)) }
            },
            None => td colspan="4" { "taken out" },
        }
        td.n { a title=(time(said.at)) href={ "../../configs/" (digits(said.record)) "/config.json" } { (said.record) } }
    }
}
