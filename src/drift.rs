//! What a control is now, and what changed. Pure.

use serde::{Deserialize, Serialize};

/// What a control is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The newest verdict passes on fresh, complete evidence.
    Effective,
    /// Nothing has been observed yet.
    Unmonitored,
    /// The newest verdict is older than the control allows.
    Stale,
    /// Something could not be read or judged.
    Indeterminate,
    /// Something fails.
    Deviating,
}
