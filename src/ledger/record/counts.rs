//! Whom a record belongs to, and how many there are of each: what a `summary` states and what is held against it.

use super::{About, Body};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many records there are, by whom they belong to: none of them can be withheld unnoticed between two
/// summaries. Names without any records are not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Records of each collector.
    pub collectors: BTreeMap<String, u64>,
    /// Records of each control.
    pub controls: BTreeMap<String, u64>,
    /// Records of the log itself, by kind.
    pub kinds: BTreeMap<String, u64>,
    /// The newest `config` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<u64>,
}

impl Counts {
    /// Counts one more record.
    pub fn add(&mut self, index: u64, body: &Body) {
        let (counts, name) = match body.of() {
            Of::Collector(name) => (&mut self.collectors, name),
            Of::Control(name) => (&mut self.controls, name),
            Of::Log => (&mut self.kinds, body.kind()),
        };
        *counts.entry(name.to_owned()).or_default() += 1;
        if matches!(body, Body::Config { .. }) {
            self.config = Some(index);
        }
    }
}

/// Whom a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// A collector: `run_opened`, `evidence`, `run_closed`, `missed`, and an `alert` about it.
    Collector(&'a str),
    /// A control: `verdict`, `transition`, `waiver`, `revocation`, `cause`, `sign_off`, `sample`, and an `alert` about it.
    Control(&'a str),
    /// The log itself. Such records are disclosed in every bundle.
    Log,
}

impl Body {
    /// Whom it belongs to.
    pub fn of(&self) -> Of<'_> {
        match self {
            Self::RunOpened { collector, .. }
            | Self::Evidence { collector, .. }
            | Self::RunClosed { collector, .. }
            | Self::Missed { collector, .. }
            | Self::Alert { about: About::Collector(collector), .. } => Of::Collector(collector),
            Self::Verdict { control, .. }
            | Self::Transition { control, .. }
            | Self::Waiver { control, .. }
            | Self::Revocation { control, .. }
            | Self::Cause { control, .. }
            | Self::SignOff { control, .. }
            | Self::Sample { control, .. }
            | Self::Alert { about: About::Control(control), .. } => Of::Control(control),
            Self::Epoch { .. }
            | Self::Key { .. }
            | Self::Summary { .. }
            | Self::Anchor { .. }
            | Self::Erasure { .. }
            | Self::Config { .. }
            | Self::Export { .. }
            | Self::Alert { about: About::Anchor(_) | About::Channel(_) | About::Disk | About::Daemon, .. }
            | Self::Delivery { .. } => Of::Log,
        }
    }
}
