//! The items of a control that were bad in the period, deviations first: reason, what was seen, what the
//! test looked at, and the evidence that holds them.

use super::About;
use crate::bundle::BundleError;
use crate::bundle::derive::bad::{Bad, BadItems};
use crate::bundle::derive::control::read_policy;
use crate::bundle::derive::page::{Page, coloured, moment, text};
use crate::bundle::derive::table::word;
use crate::bundle::format::{digits, population_path, record_path};
use crate::judge::{Attribute, Outcome, Reading, Test, attributes};
use crate::ledger::record::{Body, Status};
use crate::run_file::{self, PARTIAL, POPULATION, RUN, RunFile};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Items that the page shows with everything that the test looked at.
const WHOLE_MAX: usize = 60;
/// Items that it shows at all; the table has the others.
const ITEMS_MAX: usize = 600;
/// Verdicts whose evidence is read again for these.
const VERDICTS_MAX: usize = 40;

/// Writes them.
pub(super) fn items(page: &mut Page<'_>, about: &About<'_>, bad: &BadItems) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Deviations, and items that could not be judged or are waived" } "\n" })?;
    if bad.items.is_empty() {
        page.add(&html! { p { "None in the verdicts of the period." } "\n" })?;
    }
    let shown: Vec<_> = bad.items.iter().take(ITEMS_MAX).collect();
    // Evidence is read once for each verdict, whatever the order of the items.
    let mut by_verdict: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for ((_, item), bad) in shown.iter().take(WHOLE_MAX) {
        by_verdict.entry(bad.verdict).or_default().push(item);
    }
    let mut seen: BTreeMap<(u64, &str), Markup> = BTreeMap::new();
    for (verdict, items) in by_verdict.iter().rev().take(VERDICTS_MAX) {
        let judged = Judged::read(about, *verdict)?;
        for item in items {
            seen.insert((*verdict, item), judged.looked_at(item));
        }
    }
    for ((outcome, item), bad) in &shown {
        page.add(&one(about, *outcome, item, bad, seen.get(&(bad.verdict, item.as_str())))?)?;
    }
    if shown.len() < bad.items.len() {
        page.add(&html! {
            p { (shown.len()) " of " (bad.items.len()) " items are shown, deviations first; all of every verdict: "
                a href="judgements.csv" { "judgements.csv" } "." } "\n"
        })?;
    }
    unread(page, bad)
}

fn one(
    about: &About<'_>,
    outcome: Outcome,
    item: &str,
    bad: &Bad,
    looked_at: Option<&Markup>,
) -> Result<Markup, BundleError> {
    let now = match about.control.verdicts.last() == Some(&bad.verdict) {
        true => "and in the last verdict of the period",
        false => "and no longer after that",
    };
    let evidence = evidence_of(about, bad.verdict)?;
    let few = evidence.len().saturating_sub(6);
    Ok(html! {
        div class={ "item " (outcome.word()) } {
            h3 { (coloured(outcome)) " " (text(item)) } "\n"
            p { b { (text(&bad.reason)) } ": " (text(&bad.seen)) } "\n"
            p.soft {
                "First in the verdict as of " (moment(bad.first)) ", last as of " (moment(bad.last)) " (" (bad.verdicts) " in all), " (now) ". "
                a href={ "../../verdicts/" (digits(bad.verdict)) "/judgements.json" } { "verdict " (bad.verdict) }
                @for (index, status) in evidence.iter().skip(few) {
                    " · evidence " a href={ "../../evidence/" (digits(*index)) "/" } { (index) }
                    @if *status != Status::Failed {
                        " (" a href={ "../../" (population_path(*index, *status).trim_start_matches("data/")) } { "items" } ")"
                    }
                }
                @if few > 0 { " · and " (few) " older, named in the verdict's record" }
            } "\n"
            @if let Some(looked_at) = looked_at { (looked_at) }
        } "\n"
    })
}

/// The evidence of a verdict whose files are in the bundle.
fn evidence_of(about: &About<'_>, verdict: u64) -> Result<Vec<(u64, Status)>, BundleError> {
    let Body::Verdict { evidence, .. } = about.source.record(verdict)?.body else {
        return Err(BundleError::malformed(record_path(verdict), "is not a verdict"));
    };
    let mut held = Vec::new();
    for index in evidence {
        let record = about.source.record(index)?;
        if let Body::Evidence { status, .. } = record.body
            && about.contents.has_files(index, &record.body)
        {
            held.push((index, status));
        }
    }
    Ok(held)
}

/// What a verdict was made from, as far as it can be read here.
struct Judged {
    test: Option<Test>,
    rules: String,
    as_of: chrono::DateTime<chrono::Utc>,
    readings: Vec<Reading>,
}

impl Judged {
    fn read(about: &About<'_>, verdict: u64) -> Result<Self, BundleError> {
        let Body::Verdict { rules, as_of, .. } = about.source.record(verdict)?.body else {
            return Err(BundleError::malformed(record_path(verdict), "is not a verdict"));
        };
        let policy = read_policy(about.source, verdict)?;
        let test = Test::parse(rules.split('/').next().unwrap_or_default(), &policy).ok();
        let test = test.filter(|test| test.rules() == rules);
        let mut readings = Vec::new();
        for (index, status) in evidence_of(about, verdict)? {
            let name = if status == Status::Complete { POPULATION } else { PARTIAL };
            let malformed =
                |file: &str, e| BundleError::malformed(format!("data/evidence/{}/{file}", digits(index)), e);
            let run = about.source.file(index, RUN)?;
            let run: RunFile = serde_json::from_slice(&run).map_err(|e| malformed(RUN, e))?;
            let bytes = about.source.file(index, name)?;
            readings.push(run_file::reading(&run, name, &bytes).map_err(|e| malformed(name, e))?);
        }
        Ok(Self { test, rules, as_of, readings })
    }

    /// Every attribute of an item, in the order of the test.
    fn looked_at(&self, item: &str) -> Markup {
        let Some(test) = &self.test else {
            return html! { p.soft { "Judged by rules " (text(&self.rules)) ", which the program that made this page no longer has: "
            "what the test looked at is not shown." } "\n" };
        };
        let bases = attributes(test, &self.readings, self.as_of, item);
        html! {
            @for basis in &bases {
                table { thead { tr { th { "looked at" } th { "seen" } th { "counts" } } } "\n" tbody {
                    @for attribute in &basis.attributes { (row(attribute)) "\n" }
                } } "\n"
            }
        }
    }
}

fn row(attribute: &Attribute) -> Markup {
    let part = word(attribute.part);
    html! {
        tr {
            td { (attribute.key) " " (text(&attribute.name)) }
            td { (text(&attribute.seen)) }
            td class=(part) { (part) @if attribute.decides { b { " decides" } }
                @if let Some(reason) = attribute.reason { ": " (reason) } }
        }
    }
}

fn unread(page: &mut Page<'_>, bad: &BadItems) -> Result<(), BundleError> {
    if bad.unread.is_empty() {
        return Ok(());
    }
    page.add(&html! { h3 { "Not read" } "\n" })?;
    let rows = bad
        .unread
        .iter()
        .take(ITEMS_MAX)
        .map(|(what, (why, verdicts))| Ok(html! { td { (text(what)) } td { (text(why)) } td.n { (verdicts) } }));
    page.table(&["what", "why", "#verdicts"], rows)?;
    Ok(())
}
