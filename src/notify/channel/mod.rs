//! How each channel takes a letter: one file per way. What is owed, and when it goes, is decided elsewhere.

mod file;

use super::message::Letter;
use crate::config::{ChannelConfig, Loaded};
use chrono::{DateTime, Utc};
use std::path::PathBuf;

/// Why a channel did not take a letter, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What happened, in one sentence, without secrets and without what the letter says.
    pub why: String,
    /// Whether to try again.
    pub again: Again,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// When it seems fit.
    Later,
    /// Not before that.
    After(DateTime<Utc>),
    /// This letter will never be taken.
    Never,
}

/// A channel that is ready to send.
pub enum Channel {
    /// Appends to a file.
    File(PathBuf),
}

impl Channel {
    /// As it is configured.
    pub fn of(loaded: &Loaded, config: &ChannelConfig) -> Self {
        match config {
            ChannelConfig::File(file) => Self::File(loaded.base.join(&file.path)),
        }
    }

    /// Sends a letter. `Ok` when the other side has it.
    pub async fn send(&self, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal> {
        match self {
            Self::File(path) => file::send(path, letter, now),
        }
    }
}
