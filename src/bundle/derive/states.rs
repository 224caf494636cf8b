//! The states of one control over the period: stretches of time, for tables and for the strip.

use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Control, Source};
use crate::drift::State;
use crate::ledger::record::Body;
use chrono::{DateTime, Utc};

/// A stretch of time in one state.
pub(super) struct Stretch {
    /// The state; `None`: none is on record.
    pub(super) state: Option<State>,
    /// Its first instant in the period.
    pub(super) from: DateTime<Utc>,
    /// The first instant after it.
    pub(super) until: DateTime<Utc>,
}

/// The period from its beginning to what the records know, without holes.
pub(super) fn stretches(
    contents: &Contents,
    control: &Control,
    source: &dyn Source,
) -> Result<Vec<Stretch>, BundleError> {
    let until = known_until(contents);
    let mut at = Stretch { state: None, from: contents.facts.period.start, until };
    let mut stretches = Vec::new();
    for index in &control.transitions {
        // That a control which deviates got new deviations is a transition, and no other state.
        if let Body::Transition { to, observed_at, .. } = source.record(*index)?.body
            && at.state != Some(to)
        {
            let from = observed_at.clamp(at.from, until);
            stretches.push(Stretch { until: from, ..at });
            at = Stretch { state: Some(to), from, until };
        }
    }
    stretches.push(at);
    stretches.retain(|stretch| stretch.from < stretch.until);
    Ok(stretches)
}

/// How far into the period the records reach.
pub(super) fn known_until(contents: &Contents) -> DateTime<Utc> {
    let period = contents.facts.period;
    contents.known_until.unwrap_or(period.start).clamp(period.start, period.end)
}
