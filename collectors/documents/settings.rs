//! What a configuration says of this kind, checked.

use super::sidecar::check_file;
use crate::contract::SettingsError;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::path::PathBuf;

/// Most bytes of one document that can be set: as many as the door lets in.
const BYTES_CEILING: u64 = 32 << 20;
/// Most documents that can be set; each is two exchanges.
const FILES_CEILING: usize = 2_000;

/// Settings of `documents`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The directory that the documents are in, and nothing else is. Absolute. Left out of a configuration:
    /// `documents/<name of the collector>` under the state directory.
    pub directory: PathBuf,
    /// Largest document, bytes; 32 MiB at most.
    #[serde(default = "bytes_max")]
    pub bytes_max: u64,
    /// Most documents; 2000 at most.
    #[serde(default = "files_max")]
    pub files_max: usize,
    /// Documents that count no longer, and why. Without an entry, one that is gone or altered makes a run incomplete.
    #[serde(default)]
    pub withdrawn: Vec<Withdrawn>,
}

/// A document that counts no longer.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// Its name.
    pub file: String,
    /// When it was added, as `evidenced evidence list` shows it: another one of the same name is not meant.
    pub added_at: DateTime<Utc>,
    /// Why. Shown in the evidence.
    pub reason: String,
}

fn bytes_max() -> u64 {
    16 << 20
}

fn files_max() -> usize {
    500
}

impl Settings {
    /// Reads and checks them.
    pub fn read(settings: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings = Self::deserialize(settings).map_err(|error| wrong(error.to_string(), ""))?;
        if !settings.directory.is_absolute() {
            let message = format!("directory: {} is not absolute", settings.directory.display());
            return Err(wrong(message, "write the whole path, from /, or leave it out"));
        }
        if !(1..=BYTES_CEILING).contains(&settings.bytes_max) {
            let hint = format!("write a number from 1 to {BYTES_CEILING}");
            return Err(wrong(format!("bytes_max: {} is not possible", settings.bytes_max), &hint));
        }
        if !(1..=FILES_CEILING).contains(&settings.files_max) {
            let hint = format!("write a number from 1 to {FILES_CEILING}");
            return Err(wrong(format!("files_max: {} is not possible", settings.files_max), &hint));
        }
        for Withdrawn { file, reason, .. } in &settings.withdrawn {
            check_file(file).map_err(|(why, _)| wrong(format!("withdrawn: {why}"), "write the document's name"))?;
            if reason.trim().is_empty() {
                return Err(wrong(format!("withdrawn: {file} has no reason"), "say why it counts no longer"));
            }
        }
        Ok(settings)
    }

    /// Why the document counts no longer; `None`: it does.
    pub fn withdrawn(&self, file: &str, added_at: DateTime<Utc>) -> Option<&Withdrawn> {
        self.withdrawn.iter().find(|withdrawn| withdrawn.file == file && withdrawn.added_at == added_at)
    }
}

fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: (!hint.is_empty()).then(|| hint.to_owned()) }
}
