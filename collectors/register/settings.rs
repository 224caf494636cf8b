//! What a configuration says of this kind, checked.

use super::forms::{List, Register};
use crate::contract::SettingsError;
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most bytes of one file that can be set.
const BYTES_CEILING: u64 = 16 << 20;
/// Most rows of one file that can be set.
const ROWS_CEILING: usize = 20_000;

/// Settings of `register`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Which register this collector takes in.
    pub(super) register: Register,
    /// The directory that its files are in; others may be there as well. Absolute.
    pub(super) directory: PathBuf,
    /// The file of each list, by its name in the directory. Absent: `<list>.csv` for every list of the register.
    /// A list left out of the table is not kept, and a test that needs it judges nothing.
    #[serde(default)]
    files: Option<BTreeMap<String, String>>,
    /// Largest file, bytes; 16 MiB at most.
    #[serde(default = "bytes_max")]
    pub(super) bytes_max: u64,
    /// Most rows of a file; 20 000 at most.
    #[serde(default = "rows_max")]
    pub(super) rows_max: usize,
    /// Rows that were read once and are gone now, or say otherwise what must stay, and why. Without an entry either
    /// makes a run incomplete.
    #[serde(default)]
    pub(super) corrections: Vec<Correction>,
}

/// A row that was read once and is corrected.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Correction {
    /// The list, `people`.
    pub(super) list: String,
    /// The key of the row; where it has several columns, with ` / ` between them.
    pub(super) key: String,
    /// The day of the correction. It counts for what runs read until the end of that day, UTC; what is read
    /// later needs an entry of its own.
    pub(super) on: NaiveDate,
    /// Why. Shown in the evidence.
    pub(super) reason: String,
}

fn bytes_max() -> u64 {
    4 << 20
}

fn rows_max() -> usize {
    10_000
}

impl Settings {
    /// Reads and checks them.
    pub(super) fn read(settings: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings = Self::deserialize(settings).map_err(|error| wrong(error.to_string(), ""))?;
        if !settings.directory.is_absolute() {
            let message = format!("directory: {} is not absolute", settings.directory.display());
            return Err(wrong(message, "write the whole path, from /"));
        }
        if !(1..=BYTES_CEILING).contains(&settings.bytes_max) {
            let hint = format!("write a number from 1 to {BYTES_CEILING}");
            return Err(wrong(format!("bytes_max: {} is not possible", settings.bytes_max), &hint));
        }
        if !(1..=ROWS_CEILING).contains(&settings.rows_max) {
            let hint = format!("write a number from 1 to {ROWS_CEILING}");
            return Err(wrong(format!("rows_max: {} is not possible", settings.rows_max), &hint));
        }
        settings.check_files()?;
        settings.corrections.iter().try_for_each(|correction| settings.check_correction(correction))?;
        Ok(settings)
    }

    fn check_files(&self) -> Result<(), SettingsError> {
        let Some(files) = &self.files else { return Ok(()) };
        let lists = self.register.lists();
        for (list, file) in files {
            if !lists.iter().any(|known| known.name == list) {
                return Err(wrong(format!("files: the register has no list {list}"), &self.lists_text()));
            }
            let plain = !file.is_empty() && !file.contains(['/', '\\', '\0']) && file != "." && file != "..";
            if !plain {
                let message = format!("files: {list} = {file:?} is no name of a file");
                return Err(wrong(message, "write its name alone; it is in `directory`"));
            }
            if files.values().filter(|other| *other == file).count() > 1 {
                return Err(wrong(format!("files: {file} is named twice"), "each list has a file of its own"));
            }
        }
        match lists.iter().find(|list| list.needed && !files.contains_key(list.name)) {
            Some(list) => {
                let message = format!("files: {} is not named", list.name);
                Err(wrong(message, "the register cannot be without it"))
            }
            None => Ok(()),
        }
    }

    fn check_correction(&self, correction: &Correction) -> Result<(), SettingsError> {
        let Correction { list, key, reason, .. } = correction;
        if !self.register.lists().iter().any(|known| known.name == list) {
            return Err(wrong(format!("corrections: the register has no list {list}"), &self.lists_text()));
        }
        if key.trim().is_empty() || reason.trim().is_empty() {
            let message = "corrections: a key or a reason is blank".to_owned();
            return Err(wrong(message, "name the row as it was, and say why it is gone or otherwise now"));
        }
        Ok(())
    }

    fn lists_text(&self) -> String {
        let names: Vec<&str> = self.register.lists().iter().map(|list| list.name).collect();
        format!("it has {}", names.join(", "))
    }

    /// The lists that are kept, each with its file.
    pub(super) fn kept(&self) -> Vec<(&'static List, String)> {
        let file = |list: &'static List| match &self.files {
            None => Some((list, format!("{}.csv", list.name))),
            Some(files) => files.get(list.name).map(|file| (list, file.clone())),
        };
        self.register.lists().iter().filter_map(file).collect()
    }
}

fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: (!hint.is_empty()).then(|| hint.to_owned()) }
}
