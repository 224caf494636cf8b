//! What one run may cost us, whatever the outside answers.

use super::Failure;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most that `run_seconds_max` may be, a week: a run that takes longer holds the turn of others.
const RUN_SECONDS_MOST: u64 = 7 * 86_400;

/// Limits of one run. The defaults are for a large organisation on a small machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest single response body, bytes.
    pub body_bytes_max: u64,
    /// All response bodies of one run together, bytes.
    pub run_bytes_max: u64,
    /// Exchanges of one run, retries included.
    pub exchanges_max: u32,
    /// From the beginning of a run to its last request, waits included, seconds; at most a week. What is read until
    /// then is kept, and the rest is unread.
    pub run_seconds_max: u64,
    /// From sending to the last byte, seconds.
    pub request_seconds_max: u64,
    /// Attempts at one request, the first included.
    pub attempts_max: u32,
    /// Longest single wait that a source may ask of us (`Retry-After`, rate limit), seconds.
    pub wait_seconds_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            run_bytes_max: 512 << 20,
            exchanges_max: 5_000,
            run_seconds_max: 6 * 3_600,
            request_seconds_max: 60,
            attempts_max: 4,
            wait_seconds_max: 900,
        }
    }
}

impl Limits {
    /// What is wrong with them, and what to write instead.
    pub fn check(&self) -> Result<(), (String, String)> {
        match self.run_seconds_max {
            0 => Err(("run_seconds_max: with 0 nothing would ever be read".to_owned(), "at least 1".to_owned())),
            1..=RUN_SECONDS_MOST => Ok(()),
            more => Err((
                format!("run_seconds_max: {more} s is too long: meanwhile the run holds the turn of others"),
                format!("at most {RUN_SECONDS_MOST}, a week; or split the collector"),
            )),
        }
    }

    /// Whether something may be asked so long after `at` in a run that began at `began`. With an instant of the
    /// record a replay comes to the same.
    pub(super) fn in_time(&self, began: DateTime<Utc>, at: DateTime<Utc>, wait: Duration) -> Result<(), Failure> {
        let max = self.run_seconds_max;
        // A clock that was set back has taken no time.
        let spent = u64::try_from((at - began).num_seconds()).unwrap_or_default();
        if spent.saturating_add(wait.as_secs()) < max {
            return Ok(());
        }
        let next = if wait.is_zero() { String::new() } else { format!("; it was to wait {} s more", wait.as_secs()) };
        Err(Failure::Limit(format!("{max} s in one run (run_seconds_max){next}")))
    }
}
