//! What the record of a cause says beside its texts.

use serde::{Deserialize, Serialize};

/// How far what caused a drift reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It was this once.
    OneOff,
    /// It may have touched other items, or may come again.
    Systemic,
}

/// Another control that did the work meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compensation {
    /// Which one.
    pub control: String,
    /// Who approved of that: not the owner of the control that drifted.
    pub approver: String,
}

impl Effect {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::OneOff => "one_off",
            Self::Systemic => "systemic",
        }
    }
}
