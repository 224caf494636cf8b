//! What a channel that does not take its alerts is doing, or an anchor that fails, in words: for `health`, `doctor`,
//! `alerts`, `status` and the sign of life. What is tried when is not decided here.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long something may wait for a try that comes to an end before somebody is told. The longest try of one alert
/// ends by itself in less.
pub const HANGING: TimeDelta = TimeDelta::minutes(5);

/// What it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Trying {
    /// It did not take what it was given last.
    Refused {
        /// Refusals since it last took something.
        times: u32,
        /// What it said.
        why: String,
        /// When it is tried again.
        again: DateTime<Utc>,
    },
    /// Something may go out, and no try has come to its end for longer than `HANGING`: it takes nothing and refuses
    /// nothing, or another process that sends on it does not go on.
    Hangs {
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl std::fmt::Display for Trying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { times, why, again } => {
                let why = why.replace('\n', " ");
                write!(f, "refused {times} times: {why}; it is tried again from {again}")
            }
            Self::Hangs { since } => write!(f, "alerts wait for it, and no try has come to an end since {since}"),
        }
    }
}
