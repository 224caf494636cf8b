//! Who signed for a control, and what: `signoffs.csv`, and the part of the control's page.

use super::control::control;
use super::control_page::About;
use super::page::{Page, coloured, moment, text};
use super::table::{Table, maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, digits, record_path, time};
use crate::sign_offs::{STATEMENT, SignOff, Statement};
use maud::html;
use std::io::Write;

/// One of them, with what was signed; `None`: that was erased.
struct Signed {
    sign_off: SignOff,
    statement: Option<Statement>,
}

fn signed(contents: &Contents, control: &Control, source: &dyn Source) -> Result<Vec<Signed>, BundleError> {
    let mut all = Vec::new();
    for index in &control.sign_offs {
        let body = source.record(*index)?.body;
        let here = contents.has_files(*index, &body);
        let no = || BundleError::malformed(record_path(*index), "is no sign-off");
        let sign_off = SignOff::of(*index, body).ok_or_else(no)?;
        let statement = if here { Some(statement(source, *index)?) } else { None };
        all.push(Signed { sign_off, statement });
    }
    Ok(all)
}

fn statement(source: &dyn Source, index: u64) -> Result<Statement, BundleError> {
    let malformed = |e| BundleError::malformed(format!("data/signoffs/{}/{STATEMENT}", digits(index)), e);
    serde_json::from_slice(&source.file(index, STATEMENT)?).map_err(malformed)
}

/// `signoffs.csv`: one row each, oldest first.
pub(super) fn table(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "record",
        "quarter",
        "by",
        "signed_at",
        "recorded_by",
        "note",
        "owner",
        "state",
        "verdicts_pass",
        "verdicts_deviation",
        "verdicts_indeterminate",
        "newest_verdict",
        "log_size",
        "root",
    ];
    let mut table = Table::new(out, &columns)?;
    for Signed { sign_off, statement } in signed(contents, control(contents, name)?, source)? {
        let results = statement.as_ref().map(|statement| &statement.results);
        table.row(&[
            sign_off.record.to_string(),
            sign_off.quarter,
            sign_off.by,
            time(sign_off.at),
            sign_off.recorded_by,
            maybe(sign_off.note),
            maybe(statement.as_ref().map(|statement| &statement.owner)),
            maybe(statement.as_ref().and_then(|statement| statement.state).map(word)),
            maybe(results.map(|results| results.pass)),
            maybe(results.map(|results| results.deviation)),
            maybe(results.map(|results| results.indeterminate)),
            maybe(results.and_then(|results| results.newest.as_ref()).map(|newest| newest.record)),
            sign_off.log_size.to_string(),
            sign_off.root,
        ])?;
    }
    table.end()
}

/// The part of the page.
pub(super) fn part(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Sign-offs" } "\n" })?;
    let all = signed(about.contents, about.control, about.source)?;
    let rows = all.iter().rev().map(|Signed { sign_off, statement }| {
        Ok(html! {
            td.t { (text(&sign_off.quarter)) } td { (text(&sign_off.by)) } td.t { (moment(sign_off.at)) }
            td { @match statement {
                Some(statement) => {
                    (statement.results.pass) " pass, " (statement.results.deviation) " deviation, "
                    (statement.results.indeterminate) " indeterminate; "
                    @if let Some(state) = statement.state { (coloured(state)) } @else { "no state" }
                    " when it was signed; owner " (text(&statement.owner))
                },
                None => "what was signed was erased",
            } }
            td { (text(sign_off.note.as_deref().unwrap_or_default())) } td { (text(&sign_off.recorded_by)) }
            td.n { (sign_off.log_size) }
            td.n { a href={ "../../signoffs/" (digits(sign_off.record)) "/" } { (sign_off.record) } }
        })
    });
    let columns = ["quarter", "by", "signed", "what was seen", "note", "recorded by", "#log size", "#record"];
    if page.table(&columns, rows)? == 0 {
        page.add(&html! { p { "Nobody has signed for a quarter of this period." } "\n" })?;
    }
    page.add(&html! {
        p.soft { "Names are as given; the account is beside them. What was seen was made from the log of that size. As a table: "
            a href="signoffs.csv" { "signoffs.csv" } "." } "\n"
    })
}
