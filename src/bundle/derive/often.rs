//! Whether a control was read as often as its frequency wants, over the period. By the times of complete
//! evidence alone.

use super::stated::Stated;
use super::states::known_until;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source};
use crate::ledger::record::{Body, Status};
use crate::schedule::{Cadence, Frequency, Met, cadence, stints};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// The cadence of one control.
pub(super) struct Often {
    /// What the newest configuration says.
    pub(super) frequency: Frequency,
    /// Of each collector that fed it in the period, over the time that it did.
    pub(super) collectors: BTreeMap<String, Cadence>,
}

impl Often {
    /// Reads it; `None`: the control states no frequency.
    pub(super) fn of(
        contents: &Contents,
        name: &str,
        control: &Control,
        stated: &Stated,
        source: &dyn Source,
    ) -> Result<Option<Self>, BundleError> {
        let Some(frequency) = stated.control(name).and_then(|control| control.frequency) else { return Ok(None) };
        let mut readings: BTreeMap<String, Vec<DateTime<Utc>>> = BTreeMap::new();
        for index in &control.evidence {
            if let Body::Evidence { collector, status: Status::Complete, window, .. } = source.record(*index)?.body {
                readings.entry(collector).or_default().push(window.end);
            }
        }
        let until = known_until(contents);
        let said = stated.controls.get(name).map_or(&[][..], Vec::as_slice);
        let said = said.iter().map(|one| (one.at, one.control.as_ref().map_or(&[][..], |c| c.collectors.as_slice())));
        let collectors = stints(said, contents.facts.period).into_iter().map(|(collector, window)| {
            let readings = readings.get(&collector).map_or(&[][..], Vec::as_slice);
            let cadence = cadence(frequency, window, readings, until);
            (collector, cadence)
        });
        Ok(Some(Self { frequency, collectors: collectors.collect() }))
    }

    /// Of the control as a whole: as of its worst collector. Without any it is open.
    pub(super) fn met(&self) -> Met {
        let rank = |met: &Met| match met {
            Met::Met => 0,
            Met::Open => 1,
            Met::NotMet => 2,
        };
        self.collectors.values().map(|cadence| cadence.met).max_by_key(rank).unwrap_or(Met::Open)
    }

    /// What was read and what is missing, by collector.
    pub(super) fn sentences(&self) -> Vec<String> {
        let one = |(name, cadence): (&String, &Cadence)| format!("{name}: {}", cadence.sentence(self.frequency));
        self.collectors.iter().map(one).collect()
    }
}

/// How the verdict about a cadence is written.
pub(super) fn met_word(met: Met) -> &'static str {
    match met {
        Met::Met => "met",
        Met::Open => "open",
        Met::NotMet => "not met",
    }
}
