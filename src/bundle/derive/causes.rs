//! Why a control drifted, and what was done about it: `causes.csv`, and the part of the control's page.

use super::control::control;
use super::control_page::About;
use super::page::{Page, moment, text};
use super::table::{Table, maybe};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source, digits, record_path, time};
use crate::causes::Cause;
use maud::html;
use std::io::Write;

fn said(control: &Control, source: &dyn Source) -> Result<Vec<Cause>, BundleError> {
    let of = |index: &u64| {
        let no = || BundleError::malformed(record_path(*index), "is no cause");
        Cause::of(*index, source.record(*index)?.body).ok_or_else(no)
    };
    control.causes.iter().map(of).collect()
}

/// `causes.csv`: one row each, oldest first.
pub(super) fn table(
    contents: &Contents,
    name: &str,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let columns = [
        "record",
        "drift",
        "recorded_at",
        "recorded_by",
        "owner",
        "cause",
        "effect",
        "determined",
        "correction",
        "compensated_by",
        "approver",
        "response",
    ];
    let mut table = Table::new(out, &columns)?;
    for cause in said(control(contents, name)?, source)? {
        table.row(&[
            cause.record.to_string(),
            cause.drift.to_string(),
            time(cause.at),
            cause.recorded_by,
            cause.owner,
            cause.cause,
            cause.effect.word().to_owned(),
            cause.determined,
            cause.correction,
            maybe(cause.compensation.as_ref().map(|other| &other.control)),
            maybe(cause.compensation.as_ref().map(|other| &other.approver)),
            maybe(cause.response),
        ])?;
    }
    table.end()
}

/// The part of the page.
pub(super) fn part(page: &mut Page<'_>, about: &About<'_>) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Causes of drifts" } "\n" })?;
    let all = said(about.control, about.source)?;
    let rows = all.iter().rev().map(|cause| {
        Ok(html! {
            td.n { a href={ "../../transitions/" (digits(cause.drift)) "/" } { (cause.drift) } }
            td { (text(&cause.cause)) }
            td { (cause.effect.word()) ": " (text(&cause.determined)) }
            td { (text(&cause.correction)) @if let Some(other) = &cause.compensation {
                "; meanwhile " (text(&other.control)) ", as " (text(&other.approver)) " approved"
            } }
            td { (text(cause.response.as_deref().unwrap_or_default())) }
            td { (text(&cause.owner)) } td.t { (moment(cause.at)) } td { (text(&cause.recorded_by)) }
            td.n { a href={ "../../records/" (digits(cause.record)) ".json" } { (cause.record) } }
        })
    });
    let columns = ["#drift", "cause", "reaches", "done", "response", "owner", "recorded", "by", "#record"];
    if page.table(&columns, rows)? == 0 {
        page.add(&html! { p { "None is on record for a drift of this period." } "\n" })?;
    }
    page.add(&html! {
        p.soft { "A cause is what management says. That a drift is over, only the change of state at its end shows. As a table: "
            a href="causes.csv" { "causes.csv" } "." } "\n"
    })
}
