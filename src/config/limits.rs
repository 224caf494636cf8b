//! `[limits]` and `[retention]`: what the daemon leaves free and does at once, and how long it keeps evidence. What
//! one run may cost is `evidenced_collectors::door::Limits`, in each collector.

use super::{Config, Span};
use serde::{Deserialize, Serialize};

/// Evidence is kept at least so long: a period of a year is asked for until a year after its end.
pub const KEPT_AT_LEAST: Span = Span::seconds(730 * 24 * 3_600);

/// What the daemon as a whole may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Free space of the state directory's file system below which nothing is collected, in MiB: what is due is
    /// recorded as missed, and the rest of the space is for saying so. Default 256.
    pub disk_reserve_mib: u64,
    /// Most runs at once; what is due beyond that waits for one to end. Each may hold as much as its collector's
    /// `run_bytes_max` in memory. Default 4.
    pub runs_at_once: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { disk_reserve_mib: 256, runs_at_once: 4 }
    }
}

impl LimitsConfig {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it, and what to write instead.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        match self.runs_at_once {
            0 => Err(("runs_at_once: with 0 nothing would ever be collected".to_owned(), "at least 1".to_owned())),
            _ => Ok(()),
        }
    }
}

/// How long what was collected is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// How long the files of evidence (exchanges and populations) are kept; at least 730 days. After that the daemon
    /// erases them, on record; records, proofs and verdicts stay. Default: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Span>,
}

impl RetentionConfig {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it, and what to write instead.
    pub(super) fn check(&self, config: &Config) -> Result<(), (String, String)> {
        let Some(kept) = self.evidence else { return Ok(()) };
        if kept < KEPT_AT_LEAST {
            let why =
                format!("evidence: {kept} is too short: auditors ask for a period of a year until a year after it");
            return Err((why, "at least `730d`, or leave it out to keep everything".to_owned()));
        }
        match config.controls.iter().find(|(_, control)| control.lookback > kept) {
            Some((id, control)) => {
                let why = format!("evidence: {kept} is shorter than the lookback of {id}, {}", control.lookback);
                Err((why, "keep it longer, or let the control look back less far".to_owned()))
            }
            None => Ok(()),
        }
    }
}
