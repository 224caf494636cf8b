//! What had a control judged, or changed its state.

use serde::{Deserialize, Serialize};

/// What had a control judged, or changed its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Occasion {
    /// A run ended.
    Run {
        /// `RunOpened::run`.
        run: String,
    },
    /// A waiver was recorded, or began to count.
    Waiver {
        /// Its record.
        record: u64,
    },
    /// A waiver was revoked.
    Revocation {
        /// The record that says so.
        record: u64,
    },
    /// A waiver came to its end.
    WaiverEnded {
        /// The waiver's record.
        record: u64,
    },
    /// Time passed, and nothing newer came: only ever makes a control stale.
    Lapse,
}

impl Occasion {
    /// The run, where there was one.
    pub fn run(&self) -> Option<&str> {
        match self {
            Self::Run { run } => Some(run),
            _ => None,
        }
    }

    /// In words, for people: `run 0f…`, `waiver 12 ended`.
    pub fn words(&self) -> String {
        match self {
            Self::Run { run } => format!("run {run}"),
            Self::Waiver { record } => format!("waiver {record}"),
            Self::Revocation { record } => format!("revocation {record}"),
            Self::WaiverEnded { record } => format!("waiver {record} ended"),
            Self::Lapse => "lapse".to_owned(),
        }
    }
}
