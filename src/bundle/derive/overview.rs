//! `data/index.html`: what there is, worst first, and how to check it.

use super::completeness::{COLUMNS, rows as completeness, withheld};
use super::control::{reason, state_word};
use super::held::{held, sentence, what};
use super::index::{Figures, worst_first};
use super::limits::{NOT_PROVEN, PROVES};
use super::page::{Page, coloured, many, moment, number, text};
use super::stated::Stated;
use super::table::{maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, control_dir, digits, population_path, record_path};
use crate::drift::State;
use crate::ledger::record::Body;
use crate::schedule::PATIENCE;
use crate::timeline::percent;
use maud::{Markup, html};
use std::io::Write;

/// Gaps that the page lists; the table has all.
const GAPS_MAX: usize = 50;

/// Writes the page.
pub(super) fn overview(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let facts = &contents.facts;
    let stated = Stated::read(contents, source)?;
    let mut page = Page::begin(out, &format!("SOC 2 evidence of {}", facts.organization), contents.facts.sample)?;
    page.add(&html! {
        h1 { "SOC 2 evidence of " (text(&facts.organization)) } "\n"
        p.soft { "Counted from sealed records. The software draws no conclusion; that is the auditor's." } "\n"
    })?;
    the_bundle(&mut page, contents, source)?;
    controls(&mut page, contents, source, &stated)?;
    gaps(&mut page, contents, source)?;
    complete(&mut page, contents, source)?;
    populations(&mut page, contents, source)?;
    keys(&mut page, contents, source)?;
    page.add(&check())?;
    page.add(&html! {
        h2 { "What this proves" } "\n"
        ul { @for sentence in PROVES { li { (sentence) } "\n" } }
        h2 { "What it does not prove" } "\n"
        ul { @for sentence in NOT_PROVEN { li { (sentence) } "\n" } }
    })?;
    page.end()
}

fn the_bundle(page: &mut Page<'_>, contents: &Contents, source: &dyn Source) -> Result<(), BundleError> {
    let facts = &contents.facts;
    let held = held(contents, source)?;
    let (withheld, period) = (withheld(contents), facts.period);
    let begins = source.record(0)?.at;
    page.add(&html! {
        table.facts { tbody { "\n"
            tr { th { "Period" } td { (moment(period.start)) " until before " (moment(period.end)) } } "\n"
            @if begins > period.start {
                tr { th { "The log begins at" } td { (moment(begins)) ": of the time before it nothing is on record" } } "\n"
            }
            tr { th { "Log" } td { (text(&facts.origin)) ", records " (facts.range.start) " to before " (facts.range.end)
                ", under the " a href="log/checkpoint" { "checkpoint" } " of " (facts.log_size) " records" } } "\n"
            tr { th { "Disclosed" } td { (many(contents.disclosed().count() as u64, "record")) "; withheld in the period: " (withheld) } } "\n"
            tr { th { "Held by" } td { (sentence(&held)) } } "\n"
            tr { th { "Here" } td {
                (many(contents.controls.len() as u64, "control")) ", " (many(contents.series.len() as u64, "collector")) ", "
                (many(contents.populations.len() as u64, "population")) ", " (many(contents.gaps.len() as u64, "gap")) } } "\n"
            tr { th { "Also" } td {
                a href="index.xlsx" { "index.xlsx" } " (this, for a spreadsheet) · " a href="index.csv" { "index.csv" }
                " (every evidence and verdict) · " a href="oscal/assessment-results.json" { "OSCAL" } " · "
                a href="../README.txt" { "README.txt" } } } "\n"
        } } "\n"
    })?;
    let rows = held.iter().map(|held| {
        Ok(html! {
            td { (text(&held.name)) } td { (word(held.way)) ": " (what(held.way)) } (number(held.records)) (number(held.size))
            td.t { (moment(held.at)) } td { a href={ "anchors/" (digits(held.newest)) "/" } { "record " (held.newest) } }
        })
    });
    page.table(&["anchor", "what it does", "#records", "#log size", "newest", "note and receipt"], rows).map(|_| ())
}

fn controls(page: &mut Page<'_>, contents: &Contents, source: &dyn Source, stated: &Stated) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Controls, worst first" } "\n" })?;
    let mut found = Vec::new();
    for (name, control) in &contents.controls {
        found.push((name, control, Figures::of(contents, name, source)?));
    }
    found.sort_by_key(|(name, control, figures)| worst_first(name, control, figures));
    let rows = found.into_iter().map(|(name, control, figures)| {
        let said = stated.control(name);
        Ok(html! {
            td.t { a href={ (control_dir(&contents.controls, name)) "/index.html" } { (text(name)) } }
            td { (said.map_or_else(|| html! { span.soft { "the bundle does not say" } }, |s| text(&s.title))) }
            td { (text(&said.map(|s| s.criteria.join(", ")).unwrap_or_default())) }
            td { (text(said.map_or("", |s| s.owner.as_str()))) }
            td { (maybe(said.map(|s| word(s.severity)))) }
            td { (state(figures.state_at_end)) }
            (number(figures.deviation)) (number(figures.indeterminate)) (number(figures.pass))
            (number(figures.totals.drifts)) (number(percent(figures.totals.effective_share().1)))
            (number(control.gaps.len())) (number(control.waivers.len()))
        })
    });
    let columns = [
        "control",
        "statement",
        "criteria",
        "owner",
        "severity",
        "state at the end",
        "#deviation",
        "#indet.",
        "#pass",
        "#drifts",
        "#effective, %",
        "#gaps",
        "#waivers",
    ];
    if page.table(&columns, rows)? == 0 {
        page.add(&html! { p { "No record names a control." } "\n" })?;
    }
    page.add(&html! {
        p.soft { "Deviation, indeterminate, pass: verdicts of the period. Drifts: times that a watched control was not effective. "
            "Effective: at least this much of the period up to where its records end. Gaps: runs that did not happen or did not finish. As a table: " a href="controls.csv" { "controls.csv" } "." } "\n"
    })
}

/// A state, or that there is none on record.
pub(super) fn state(state: Option<State>) -> Markup {
    match state {
        Some(state) => coloured(state),
        None => html! { span.w.none { (state_word(None)) } },
    }
}

fn gaps(page: &mut Page<'_>, contents: &Contents, source: &dyn Source) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Gaps" } "\n" })?;
    let rows = contents.gaps.iter().take(GAPS_MAX).map(|gap| {
        let why = reason(gap, source)?;
        Ok(html! {
            td { (text(&gap.collector)) }
            td.t { @match gap.scheduled_for { Some(due) => (moment(due)), None => "not scheduled" } }
            td.t { (gap.how) } td { (text(&why)) } td { (text(&gap.controls.join(", "))) } (number(maybe(gap.record)))
        })
    });
    let shown = page.table(&["collector", "due", "how", "why", "controls", "#record"], rows)?;
    page.add(&html! {
        @if shown == 0 { p { "No slot is unaccounted for, and no run is on record as missed, incomplete, failed, aborted, interrupted or open." } "\n" }
        @else { p.soft { (shown) " of " (contents.gaps.len()) " are shown; all: " a href="gaps.csv" { "gaps.csv" } "." } "\n" }
    })
}

fn complete(page: &mut Page<'_>, contents: &Contents, source: &dyn Source) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Completeness: what was due, and what became of it" } "\n" })?;
    let mut columns: Vec<String> = vec!["collector".to_owned(), "#sequence".to_owned()];
    columns.extend(COLUMNS.map(|column| format!("#{}", column.replace('_', " "))));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let rows = completeness(contents, source)?.into_iter().map(|row| {
        Ok(html! {
            td { (text(&row.collector)) }
            td.n { @if let Some((first, last)) = row.seqs { (first) "–" (last) } @else { "none" } }
            @for count in row.counts { td.n { @if let Some(count) = count { (count) } @else { "not told" } } }
        })
    });
    page.table(&columns, rows)?;
    page.add(&html! {
        p.soft { "Due: what the schedules in force asked for in the period, computed from the sealed configurations; in time: begun "
            "within " (PATIENCE.num_minutes()) " minutes and brought home whole; unaccounted: no record says what became of it; unplanned: a record "
            "for a slot that no schedule had. The other columns count records of the period, whenever what they answer to was due. Every collector "
            "numbers its runs and misses without holes; the numbers are sealed. As tables: " a href="completeness.csv" { "completeness.csv" }
            "; each slot: " a href="calendar.csv" { "calendar.csv" } "." } "\n"
    })
}

/// The newest population of each collector.
fn populations(page: &mut Page<'_>, contents: &Contents, source: &dyn Source) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Populations: the newest of each collector" } "\n" })?;
    let mut newest = std::collections::BTreeMap::new();
    for index in contents.populations.keys() {
        if let Body::Evidence { collector, status, observed, window, controls, .. } = source.record(*index)?.body {
            newest.insert(collector, (*index, status, observed, window, controls));
        }
    }
    let rows = newest.into_iter().map(|(collector, (index, status, observed, window, controls))| {
        let table = population_path(index, status);
        Ok(html! {
            td { (text(&collector)) } td { (text(&controls.join(", "))) }
            td.t { (moment(window.start)) " – " (moment(window.end)) } td { (word(status)) } (number(observed))
            td { a href=(table.trim_start_matches("data/")) { "items" } " · " a href={ "evidence/" (digits(index)) "/" } { "evidence" } }
        })
    });
    let columns = ["collector", "for", "window", "status", "#items", "record"];
    if page.table(&columns, rows)? == 0 {
        page.add(&html! { p { "There is none." } "\n" })?;
    }
    page.add(&html! { p.soft { "Every population, with its requests and the reason why it is whole: on the page of its control." } "\n" })
}

fn keys(page: &mut Page<'_>, contents: &Contents, source: &dyn Source) -> Result<(), BundleError> {
    page.add(&html! {
        h2 { "Keys" } "\n"
        p { "The log's key is in " a href="log/log.vkey" { "log/log.vkey" } ": a copy, for reading. Check against the key "
            "that you were given before the period, not against this one." } "\n"
    })?;
    let rows = contents.of_kind("key").iter().map(|index| {
        let record = source.record(*index)?;
        let Body::Key { role, key, change } = record.body else {
            return Err(BundleError::malformed(record_path(*index), "is not about a key"));
        };
        let path = record_path(*index);
        Ok(html! {
            td.t { (moment(record.at)) } td { (word(role)) } td { (word(change)) } td { code { (text(&key)) } }
            td.n { a href=(path.trim_start_matches("data/")) { (index) } }
        })
    });
    page.table(&["at", "signs", "change", "public key", "#record"], rows).map(|_| ())
}

fn check() -> Markup {
    html! {
        h2 { "How to check it" } "\n"
        ul {
            li { a href="../AUDITOR.html" { "AUDITOR.html" } ": each step, what it shows, and its limits." } "\n"
            li { a href="../verify.html" { "verify.html" } ": drop the ZIP into it; it runs in the browser and asks nobody." } "\n"
            li { a href="../verify.sh" { "verify.sh" } " (sha256sum, openssl, ssh-keygen) and " a href="../verify.py" { "verify.py" }
                " (Python's standard library). Copies inside a bundle are a convenience: take them from the release." } "\n"
            li { code { "evidenced verify <bundle.zip> --reperform" } ": also makes every collection and every verdict again." } "\n"
        }
    }
}
