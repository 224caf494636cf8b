//! What sets a run off, whether its evidence is whole, and how it ends, as records say it.

use crate::schedule::Outcome;
use serde::{Deserialize, Serialize};

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// It was due.
    Schedule,
    /// It had been due while the daemon was down.
    CatchUp,
    /// Somebody asked.
    Manual,
}

/// Whether evidence is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A whole population.
    Complete,
    /// Some of it.
    Incomplete,
    /// None of it.
    Failed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Evidence is whole and judged.
    Done,
    /// Evidence is not whole; judged as such.
    Incomplete,
    /// Nothing was collected; judged as such.
    Failed,
    /// Cut short: the daemon was told to stop, or the disk had no room for what it brought.
    Aborted,
    /// The daemon died in the middle; found at the next start.
    Interrupted,
}

impl End {
    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
        }
    }

    /// As in the run calendar, when it was in time.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Done => Outcome::Done,
            Self::Incomplete => Outcome::Incomplete,
            Self::Failed => Outcome::Failed,
            Self::Aborted => Outcome::Aborted,
            Self::Interrupted => Outcome::Interrupted,
        }
    }
}
