//! The files that are made of the committed data. Each is a pure function of it, so that whoever checks
//! a bundle makes them again and compares every byte.

mod control;
mod index;
mod population;
mod readme;
mod summary;
mod table;

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
        Derived::Readme => text(out, &readme::readme(contents)),
        Derived::BagInfo => text(out, &contents.facts.bag_info()),
        Derived::Index => index::index(contents, source, out),
        Derived::Controls => index::controls(contents, source, out),
        Derived::Completeness => index::completeness(contents, out),
        Derived::Gaps(control) => control::gaps(contents, control.as_deref(), source, out),
        Derived::Judgements(control) => control::judgements(contents, control, source, out),
        Derived::Summary(control) => summary::summary(contents, control, source, out),
        Derived::Timeline(control) => control::timeline(contents, control, source, out),
        Derived::Waivers(control) => control::waivers(contents, control, source, out),
        Derived::Population(index) => population::population(*index, source, out),
    }
}

fn text(out: &mut dyn Write, text: &str) -> Result<(), BundleError> {
    out.write_all(text.as_bytes()).map_err(BundleError::io("a derived file cannot be written"))
}
