//! What one run may cost us, whatever the outside answers.

use serde::{Deserialize, Serialize};

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
            request_seconds_max: 60,
            attempts_max: 4,
            wait_seconds_max: 900,
        }
    }
}
