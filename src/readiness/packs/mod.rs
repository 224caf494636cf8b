//! The figures of the public `soc2-compliance` skill pack, from its own files, as its two scripts make them:
//! `evidence_readiness` and `criteria_coverage`. The scripts look at typed status words and never at evidence, so
//! the figures are for comparing, and are no part of any score of ours. Where a rule of the pack is at fault the
//! figure stays the pack's, and a note says what is wrong with it; what makes the scripts break off does not.
//!
//! - `file`: the form of the files.
//! - `tracker`: status and `evidence_readiness`.
//! - `gaps`: `criteria_coverage` and the checks of a Type II report.

mod file;
mod gaps;
mod tracker;

pub use file::{FILE_BYTES_MAX, PackControl, PackError, parse};
pub use gaps::{Coverage, Gaps, gaps};
pub use tracker::{Class, Rating, Tracker, tracker};

use serde::Serialize;

/// What is wrong with a figure or rule of the pack, or with the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// One word for it, stable.
    pub about: &'static str,
    /// In a sentence.
    pub says: String,
    /// Which controls or criteria it concerns; empty: the figure as a whole.
    #[serde(rename = "where")]
    pub places: Vec<String>,
}

impl Note {
    /// A note about the figure as a whole.
    fn general(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, says: says.into(), places: Vec::new() }
    }

    /// A note about some controls or criteria; without any there is none.
    fn on(about: &'static str, says: &str, places: Vec<String>) -> Option<Self> {
        (!places.is_empty()).then(|| Self { about, says: says.to_owned(), places })
    }
}

/// Percent with one decimal, rounded as Python's `round` does: to the nearest, ties to even, of the exact value.
pub(super) fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    let exact = exact_percent(part, whole);
    format!("{exact:.1}").parse().unwrap_or(exact)
}

fn exact_percent(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole) * 100.0
}

/// Ids of the controls that `has` holds of.
fn ids(controls: &[PackControl], has: impl Fn(&PackControl) -> bool) -> Vec<String> {
    controls.iter().filter(|control| has(control)).map(|control| control.id().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percents_are_rounded_as_python_does_it() {
        for (part, whole, rounded) in
            [(46, 54, 85.2), (1, 16, 6.2), (3, 16, 18.8), (5, 16, 31.2), (1799, 2000, 90.0), (1, 3, 33.3), (0, 0, 0.0)]
        {
            assert!((percent(part, whole) - rounded).abs() < 1e-9, "{part}/{whole}: {}", percent(part, whole));
        }
    }
}
