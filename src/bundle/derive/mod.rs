//! The files that are made of the committed data. Each is a pure function of it, so that whoever checks
//! a bundle makes them again and compares every byte. So nothing here may depend on the machine, or on how
//! some crate packs or orders things (but for the tz database and croner, by which slots are computed: one that
//! says otherwise of a time that has passed makes another calendar); and whatever changes a byte of what is made here, a raised version of
//! a test's rules included, raises `Evidenced-Format`.

mod alerts;
mod bad;
mod calendar;
mod causes;
mod completeness;
mod control;
mod control_page;
mod documents;
mod held;
mod index;
mod limits;
mod often;
mod oscal;
mod overview;
mod page;
mod population;
mod provenance;
mod readme;
mod samples;
mod sign_offs;
mod stated;
mod states;
mod summary;
mod table;
mod watched;
mod workbook;
mod xlsx;

pub(crate) use page::{Page, moment, number, text as page_text};
pub(crate) use summary::plain;
pub(crate) use table::{Table, list, word};
pub(crate) use xlsx::{Cell, Sheet, write as write_workbook};

use super::BundleError;
use super::format::{Contents, Derived, Source};
use std::io::Write;

/// Writes one derived file.
pub(crate) fn derive(
    what: &Derived,
    contents: &Contents,
    source: &dyn Source,
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    match what {
        Derived::Readme => text(out, &readme::readme(contents, source)?),
        Derived::BagInfo => text(out, &contents.facts.bag_info()),
        Derived::Index => index::index(contents, source, out),
        Derived::Controls => index::controls(contents, source, out),
        Derived::Calendar => calendar::calendar(contents, source, out),
        Derived::Completeness => completeness::completeness(contents, source, out),
        Derived::Overview => overview::overview(contents, source, out),
        Derived::Workbook => workbook::workbook(contents, source, out),
        Derived::Oscal => oscal::results(contents, source, out),
        Derived::ControlPage(control) => control_page::page(contents, control, source, out),
        Derived::Gaps(control) => control::gaps(contents, control.as_deref(), source, out),
        Derived::Judgements(control) => control::judgements(contents, control, source, out),
        Derived::Summary(control) => summary::summary(contents, control, source, out),
        Derived::Exposure(control) => states::exposure(contents, control, source, out),
        Derived::Timeline(control) => control::timeline(contents, control, source, out),
        Derived::Alerts => alerts::alerts(contents, source, out),
        Derived::Samples(control) => samples::table(contents, control, source, out),
        Derived::Causes(control) => causes::table(contents, control, source, out),
        Derived::SignOffs(control) => sign_offs::table(contents, control, source, out),
        Derived::Waivers(control) => control::waivers_table(contents, control, source, out),
        Derived::Population(index) => population::population(*index, source, out),
    }
}

fn text(out: &mut dyn Write, text: &str) -> Result<(), BundleError> {
    out.write_all(text.as_bytes()).map_err(BundleError::io("a derived file cannot be written"))
}
