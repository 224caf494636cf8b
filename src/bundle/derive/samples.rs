//! What was drawn for an auditor, with where the raw exchanges of each item are: `samples.csv`, and the part of the
//! control's page.

use super::control::control;
use super::control_page::About;
use super::page::{Page, coloured, moment, number, text};
use super::table::{Table, list, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, digits, record_path, time};
use crate::ledger::record::Body;
use crate::samples::population::{Over, population, sha256};
use crate::samples::{Drawn, SAMPLE, Sample};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use std::io::Write;

/// Items of one sample that the page shows.
const ITEMS_MAX: usize = 400;

/// One sample as it is in the bundle.
struct Held {
    record: u64,
    drawn_at: DateTime<Utc>,
    /// `None`: its files were erased.
    sample: Option<Sample>,
}

fn held(contents: &Contents, indexes: &[u64], source: &dyn Source) -> Result<Vec<Held>, BundleError> {
    let mut all = Vec::new();
    for record in indexes.iter().copied() {
        let body = source.record(record)?.body;
        let here = contents.has_files(record, &body);
        let Body::Sample { drawn_at, .. } = body else {
            return Err(BundleError::malformed(record_path(record), "is no sample"));
        };
        let malformed = |e| BundleError::malformed(format!("data/samples/{}/{SAMPLE}", digits(record)), e);
        let sample = match here {
            true => Some(serde_json::from_slice(&source.file(record, SAMPLE)?).map_err(malformed)?),
            false => None,
        };
        all.push(Held { record, drawn_at, sample });
    }
    Ok(all)
}

/// Where what the source answered is.
fn exchanges(evidence: u64) -> String {
    format!("data/evidence/{}/exchanges", digits(evidence))
}

/// `samples.csv`: a row for each drawn item.
pub(super) fn table(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "record",
        "drawn_at",
        "seed",
        "period_start",
        "period_end",
        "population",
        "sample",
        "row",
        "item",
        "outcome",
        "verdict",
        "evidence",
        "exchanges",
    ];
    let mut table = Table::new(out, &columns)?;
    for Held { record, drawn_at, sample } in held(contents, &control(contents, name)?.samples, source)? {
        let Some(sample) = sample else { continue };
        for drawn in &sample.items {
            table.row(&[
                record.to_string(),
                time(drawn_at),
                sample.seed.clone(),
                time(sample.period.start),
                time(sample.period.end),
                sample.population.size.to_string(),
                sample.size.to_string(),
                drawn.row.to_string(),
                drawn.item.clone(),
                word(drawn.outcome),
                drawn.verdict.to_string(),
                list(drawn.evidence.iter().map(u64::to_string)),
                list(drawn.evidence.iter().map(|evidence| exchanges(*evidence))),
            ])?;
        }
    }
    table.end()
}

/// The part of the page.
pub(super) fn part(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Samples" } "\n" })?;
    let all = held(about.contents, &about.control.samples, about.source)?;
    if all.is_empty() {
        return page.add(&html! { p { "None was drawn over this period. Every item is tested; a sample is for looking again." } "\n" });
    }
    for Held { record, drawn_at, sample } in &all {
        let Some(sample) = sample else {
            page.add(&html! { p { "Record " (record) ": a sample whose files were erased." } "\n" })?;
            continue;
        };
        let later = later(about, sample)?;
        page.add(&html! {
            h3 { "Drawn " (moment(*drawn_at)) ", " a href={ "../../samples/" (digits(*record)) "/" } { "record " (record) } } "\n"
            p { (sample.size) " of " (sample.population.size) " items, from " (moment(sample.period.start)) " until before "
                (moment(sample.period.end)) "; seed " code { (text(&sample.seed)) } "; population "
                code { (sample.population.sha256) } @if let Some(table) = &sample.table { "; by the table " (text(table)) }
                ". How to draw it again: " a href="../../../AUDITOR.html" { "AUDITOR.html" } "." } "\n"
            @if let Some(later) = later { p { strong { (later) } } "\n" }
            @if !sample.population.unread.is_empty() {
                p { strong { "Not everything had been read, so items may be missing: " } (text(&sample.population.unread.join("; "))) } "\n"
            }
        })?;
        let rows = sample.items.iter().take(ITEMS_MAX).map(|drawn| Ok(row(about, drawn)));
        page.table(&["#row", "item", "outcome", "#verdict", "what the source answered"], rows)?;
    }
    page.add(&html! { p.soft { "As a table: " a href="samples.csv" { "samples.csv" } "." } "\n" })
}

fn row(about: &About<'_>, drawn: &Drawn) -> Markup {
    html! {
        (number(drawn.row)) td { (text(&drawn.item)) } td { (coloured(drawn.outcome)) }
        td.n { @if about.control.verdicts.contains(&drawn.verdict) {
            a href={ "../../verdicts/" (digits(drawn.verdict)) "/judgements.json" } { (drawn.verdict) }
        } @else { (drawn.verdict) } }
        td { @for (nth, evidence) in drawn.evidence.iter().enumerate() {
            @if nth > 0 { " · " }
            @if about.control.evidence.contains(evidence) && !about.contents.erased.contains_key(evidence) {
                a href={ "../../evidence/" (digits(*evidence)) "/exchanges/" } { "exchanges of " (evidence) }
            } @else { "evidence " (evidence) ", which is not in this bundle" }
        } }
    }
}

/// What became of its population since, where this bundle can tell.
fn later(about: &About<'_>, sample: &Sample) -> Result<Option<String>, BundleError> {
    if !about.contents.covers(sample.period) {
        return Ok(Some("Its period is not all in this bundle: draw it again from one that covers it.".to_owned()));
    }
    let erased = |index: u64| about.contents.erased.contains_key(&index);
    let over = Over { source: about.source, erased: &erased, period: sample.period };
    let now = population(over, about.control.all_verdicts().into_iter())?;
    let same = sha256(&now.csv()?) == sample.population.sha256;
    Ok((!same).then(|| {
        format!(
            "The population is another one by now, of {} items: something was sealed, or erased, after the draw. The sample stays as it was drawn.",
            now.items.len()
        )
    }))
}
