//! Documents that people keep as evidence, each with who added it, when, and what it is of. What a document says
//! is for people: nothing here looks into one.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// One document, as it was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its name in the directory.
    pub file: String,
    /// The control that it is evidence of.
    pub control: String,
    /// The day whose state it shows.
    pub as_of: NaiveDate,
    /// When it was added. With `file` it makes the document one.
    pub added_at: DateTime<Utc>,
    /// Who added it: an account, as far as the system says.
    pub by: String,
    /// What they said of it.
    pub note: Option<String>,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// How many bytes it has.
    pub size: u64,
    /// Whether it is as it was read before.
    #[serde(default, skip_serializing_if = "Standing::is_kept")]
    pub standing: Standing,
    /// Why it counts no longer, in the words of the configuration.
    pub withdrawn: Option<String>,
}

/// Whether a document is as it was read before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is, or it is new.
    #[default]
    Kept,
    /// It is not there any more; this is how it was.
    Gone,
    /// It is there, and otherwise; this is how it was.
    Altered,
}

impl Standing {
    fn is_kept(&self) -> bool {
        *self == Self::Kept
    }
}
