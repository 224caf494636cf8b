//! From a population, a policy, waivers and an as-of time to judgements and a verdict. Pure: no clock,
//! no network, no randomness, no ledger. One file per test of a control.
//!
//! What it never does: call something that was not read a pass.

use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Items, Unread};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The outcome for one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Meets the test.
    Pass,
    /// Fails it.
    Deviation,
    /// Could not be judged.
    Indeterminate,
    /// Fails it, and an approved, unexpired waiver covers that.
    Waived,
    /// Not in the population that the control applies to.
    Excluded,
    /// Not yet due.
    Pending,
}

/// Outcome and reason for one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The item's stable key.
    pub item: String,
    /// The outcome.
    pub outcome: Outcome,
    /// One of the documented reasons, `self-approval`.
    pub reason: String,
    /// What was seen, in one sentence for people.
    pub seen: String,
}

/// One control's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// Everything was read, and nothing deviates or is indeterminate.
    Pass,
    /// At least one deviation.
    Deviation,
    /// No deviation, and something was not read or could not be judged.
    Indeterminate,
}

/// One control's judgements and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The outcome.
    pub outcome: VerdictOutcome,
    /// Items by outcome.
    pub counts: BTreeMap<Outcome, u64>,
    /// Every item's judgement, by item.
    pub judgements: Vec<Judgement>,
    /// What was not read; makes the verdict indeterminate at best.
    pub unread: Vec<Unread>,
}

/// One sealed collection as a judge sees it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Which collector.
    pub collector: String,
    /// What it holds, whole or not.
    pub items: Option<Items>,
    /// What it could not read; empty when whole.
    pub unread: Vec<Unread>,
}

/// An approved, dated, expiring acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Item or pattern (`*`, `?`).
    pub item: String,
    /// Who approved.
    pub approver: String,
    /// From when.
    pub approved_at: DateTime<Utc>,
    /// Until when.
    pub expires: DateTime<Utc>,
}
