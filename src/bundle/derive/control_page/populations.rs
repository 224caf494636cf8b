//! The populations that a control was judged over: where each comes from, how it is known to be whole, and
//! the exact requests behind the newest of each collector.

use super::{About, ROWS_MAX, rest};
use crate::bundle::BundleError;
use crate::bundle::derive::page::{Page, moment, number, text};
use crate::bundle::derive::provenance::Provenance;
use crate::bundle::derive::table::{list, word};
use crate::bundle::format::{digits, population_path, record_path};
use crate::ledger::record::{Body, Status};
use crate::run_file::{RUN, RunFile};
use evidenced_collectors::contract::{Ipe, Window};
use evidenced_collectors::door::{ExchangeHead, RequestBody};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Requests of one run that the page shows; the folder has all.
const REQUESTS_MAX: usize = 100;
/// Reasons and things unread that one cell lists.
const REASONS_MAX: usize = 12;

/// An evidence record for the control.
struct Held {
    index: u64,
    /// Whether its files are in the bundle; not those of erased evidence.
    files: bool,
    collector: String,
    window: Window,
    status: Status,
    observed: u64,
}

/// Writes them.
pub(super) fn populations(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Populations, and how they are known to be whole" } "\n" })?;
    let mut held = Vec::new();
    for index in &about.control.evidence {
        let record = about.source.record(*index)?;
        let files = about.contents.has_files(*index, &record.body);
        let Body::Evidence { collector, window, status, observed, .. } = record.body else {
            return Err(BundleError::malformed(record_path(*index), "is not evidence"));
        };
        held.push(Held { index: *index, files, collector, window, status, observed });
    }
    let newest: BTreeMap<&str, &Held> =
        held.iter().filter(|held| held.files).map(|held| (held.collector.as_str(), held)).collect();
    for held in newest.values() {
        one(page, about, held)?;
    }
    page.add(&html! { h3 { "All of the period, newest first" } "\n" })?;
    let rows = held.iter().rev().take(ROWS_MAX).map(|held| row(about, held));
    let columns = ["collector", "window", "status", "#items", "whole because, or not read", "#requests", "evidence"];
    let shown = page.table(&columns, rows)?;
    if shown == 0 {
        page.add(&html! { p { "No evidence for this control was sealed in the period." } "\n" })?;
    }
    rest(page, shown, held.len(), "../../index.csv")
}

fn row(about: &About<'_>, held: &Held) -> Result<Markup, BundleError> {
    if !held.files {
        return Ok(html! {
            td { (text(&held.collector)) }
            td.t { (moment(held.window.start)) " –" br; (moment(held.window.end)) }
            td.t { (word(held.status)) } (number(held.observed))
            td { "its files are not in the bundle; an erasure has a record of its own" } td.n {}
            td { a href={ "../../records/" (digits(held.index)) ".json" } { (held.index) } }
        });
    }
    let provenance = Provenance::read(about.source, held.index, held.status)?;
    let requests: u32 = provenance.ipe.iter().flat_map(|ipe| &ipe.requests).map(|request| request.count).sum();
    Ok(html! {
        td { (text(&held.collector)) }
        td.t { (moment(held.window.start)) " –" br; (moment(held.window.end)) }
        td.t { (word(held.status)) } (number(held.observed))
        td { (reasons(&provenance)) }
        (number(requests))
        td { a href={ "../../evidence/" (digits(held.index)) "/" } { (held.index) } (items_link(held)) }
    })
}

fn items_link(held: &Held) -> Markup {
    html! {
        @if held.status != Status::Failed {
            " · " a href={ "../../" (population_path(held.index, held.status).trim_start_matches("data/")) } { "items" }
        }
    }
}

fn reasons(provenance: &Provenance) -> Markup {
    let whole = provenance.whole.iter().map(ToString::to_string);
    let unread = provenance.unread.iter().map(|unread| {
        let permission = unread.permission.as_ref().map(|p| format!(" (missing permission: {p})")).unwrap_or_default();
        format!("NOT READ: {}: {}{permission}", unread.what, unread.why)
    });
    let all: Vec<String> = unread.chain(whole).collect();
    html! {
        @for (nth, reason) in all.iter().take(REASONS_MAX).enumerate() { @if nth > 0 { br; } (text(reason)) }
        @if all.len() > REASONS_MAX { br; "and " (all.len() - REASONS_MAX) " more in the evidence" }
    }
}

/// The newest of one collector, in full.
fn one(page: &mut Page<'_>, about: &About<'_>, held: &Held) -> Result<(), BundleError> {
    let provenance = Provenance::read(about.source, held.index, held.status)?;
    let bytes = about.source.file(held.index, RUN)?;
    let path = format!("data/evidence/{}/{RUN}", digits(held.index));
    let run: RunFile = serde_json::from_slice(&bytes).map_err(|e| BundleError::malformed(path, e))?;
    page.add(&html! {
        h3 { "The newest of " (text(&held.collector)) ": " a href={ "../../evidence/" (digits(held.index)) "/" } { "evidence " (held.index) } (items_link(held)) } "\n"
        table.facts { tbody { "\n"
            tr { th { "Items" } td { (held.observed) ", " (word(held.status)) "; window " (moment(held.window.start)) " until before " (moment(held.window.end)) } } "\n"
            tr { th { "Collected" } td { "by " (text(&run.tool)) ", kind " (text(&run.kind)) " version " (run.kind_version) ", begun " (moment(run.as_of)) } } "\n"
            tr { th { "Settings" } td { code { (text(&run.settings.to_string())) } } } "\n"
            tr { th { "Whole because" } td { (reasons(&provenance)) } } "\n"
            @if let Some(ipe) = &provenance.ipe { (information(ipe)) }
        } } "\n"
    })?;
    requests(page, about, held)
}

/// The block that an auditor reads before trusting a listing.
fn information(ipe: &Ipe) -> Markup {
    let skew = ipe.clock_skew_ms.map_or_else(|| "not told by the source".to_owned(), |ms| format!("{ms} ms"));
    let totals =
        ipe.reconciliations.iter().map(|r| format!("{}: {} held, {} states {}", r.what, r.held, r.against, r.stated));
    let made = ipe.requests.iter().map(|r| format!("{} × {}", r.count, r.request));
    let lists = [
        ("Hosts", list(&ipe.hosts)),
        ("Acting identity", list(&ipe.identity)),
        ("Its scopes", list(&ipe.scopes)),
        ("Scope claimed", list(&ipe.scope_claimed)),
        ("Scope found", list(&ipe.scope_found)),
        ("Left out on purpose", list(&ipe.filters)),
        ("Known limits", list(&ipe.limitations)),
        ("Totals compared", list(totals)),
        ("Requests", list(made)),
    ];
    html! {
        tr { th { "Source" } td { (text(&ipe.source)) @if let Some(version) = &ipe.api_version { ", interface " (text(version)) } } } "\n"
        tr { th { "As of" } td { (moment(ipe.as_of)) ", asked at " (moment(ipe.collected_at)) "; source clock minus ours: " (skew) } } "\n"
        @for (name, value) in &lists {
            tr { th { (name) } td { @if value.is_empty() { span.soft { "none stated" } } @else { (text(value)) } } } "\n"
        }
    }
}

/// The exchanges behind it, in the order of sending.
fn requests(page: &mut Page<'_>, about: &About<'_>, held: &Held) -> Result<(), BundleError> {
    let folder = format!("evidence/{}", digits(held.index));
    let names = about.source.file_names(held.index)?;
    let heads: Vec<&String> =
        names.iter().filter(|name| name.starts_with("exchanges/") && name.ends_with(".json")).collect();
    let rows = heads.iter().take(REQUESTS_MAX).map(|name| {
        let bytes = about.source.file(held.index, name)?;
        let head: ExchangeHead =
            serde_json::from_slice(&bytes).map_err(|e| BundleError::malformed(format!("data/{folder}/{name}"), e))?;
        let body = name.replace(".json", ".body");
        let body = names.contains(&body).then_some(body);
        Ok(exchange(&folder, name, body.as_deref(), &head))
    });
    let shown = page.table(&["#", "request", "sent", "answer", "#bytes", "files"], rows)?;
    if shown < heads.len() as u64 {
        page.add(&html! {
            p.soft { "The first " (shown) " of " (heads.len()) " requests; all: " a href={ "../../" (folder) "/exchanges/" } { "exchanges" } "." } "\n"
        })?;
    }
    Ok(())
}

fn exchange(folder: &str, name: &str, body: Option<&str>, head: &ExchangeHead) -> Markup {
    let asked = match &head.request.body {
        RequestBody::Empty => None,
        RequestBody::Text(text) => Some(text.clone()),
        RequestBody::Base64(_) => Some("(a body that is no text)".to_owned()),
    };
    let (answer, size) = match &head.response {
        Ok(response) => (response.status.to_string(), response.size.to_string()),
        Err(failure) => (format!("no answer: {failure}"), String::new()),
    };
    html! {
        td.n { (head.number) }
        td { code { (text(&head.request.method)) " " (text(&head.request.url)) }
            @if let Some(asked) = asked { br; code.soft { (text(&asked)) } } }
        td.t { (moment(head.sent_at)) } td { (text(&answer)) } td.n { (size) }
        td.t { a href={ "../../" (folder) "/" (name) } { "request" }
            @if let Some(body) = body { " · " a href={ "../../" (folder) "/" (body) } { "answer" } } }
    }
}
