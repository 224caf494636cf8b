//! What a record can be looked up by: one row of `entry_key`, derived from the record alone.

use super::record::{About, Body};
use chrono::{DateTime, Utc};

/// The columns of `entry_key` beside the index and the time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys<'a> {
    pub(super) kind: &'static str,
    pub(super) collector: Option<&'a str>,
    pub(super) control: Option<&'a str>,
    pub(super) run: Option<&'a str>,
    /// Of `run_opened` and `missed` only.
    pub(super) seq: Option<u64>,
    /// Of `run_opened` and `missed` only: the due instant that they answer.
    pub(super) slot: Option<DateTime<Utc>>,
    /// Of `alert` only: its key.
    pub(super) alert: Option<&'a str>,
}

/// Reads them off a record.
pub(super) fn keys(body: &Body) -> Keys<'_> {
    let kind = body.kind();
    match body {
        Body::Epoch { .. }
        | Body::Key { .. }
        | Body::Summary { .. }
        | Body::Anchor { .. }
        | Body::Erasure { .. }
        | Body::Config { .. }
        | Body::Export { .. }
        | Body::Delivery { .. } => Keys { kind, ..Keys::default() },
        Body::RunOpened { run, collector, seq, scheduled_for, .. } => Keys {
            kind,
            collector: Some(collector),
            run: Some(run),
            seq: Some(*seq),
            slot: *scheduled_for,
            ..Keys::default()
        },
        Body::Missed { collector, seq, scheduled_for, .. } => {
            Keys { kind, collector: Some(collector), seq: Some(*seq), slot: Some(*scheduled_for), ..Keys::default() }
        }
        Body::Evidence { run, collector, .. } | Body::RunClosed { run, collector, .. } => {
            Keys { kind, collector: Some(collector), run: Some(run), ..Keys::default() }
        }
        Body::Verdict { occasion, control, .. } | Body::Transition { occasion, control, .. } => {
            Keys { kind, control: Some(control), run: occasion.run(), ..Keys::default() }
        }
        Body::Waiver { control, .. }
        | Body::Revocation { control, .. }
        | Body::Cause { control, .. }
        | Body::SignOff { control, .. }
        | Body::Sample { control, .. } => Keys { kind, control: Some(control), ..Keys::default() },
        Body::Alert { key, about, .. } => {
            let (collector, control) = match about {
                About::Control(name) => (None, Some(name.as_str())),
                About::Collector(name) => (Some(name.as_str()), None),
                About::Anchor(_) | About::Channel(_) | About::Disk | About::Daemon => (None, None),
            };
            Keys { kind, collector, control, alert: Some(key), ..Keys::default() }
        }
    }
}
