//! A bundle that is looked into and not checked: for showing what it says.

use super::container::Archive;
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Source, folder, record_path};
use crate::ledger::record::Body;
use std::path::Path;

/// An archive whose outline is right. Whether its contents are is `verify`'s to say.
pub struct Bundle(Archive);

impl Bundle {
    /// Opens the archive.
    pub fn open(zip: &Path) -> Result<Self, BundleError> {
        Archive::open(zip).map(Self)
    }

    /// Its records and their files.
    pub(crate) fn source(&self) -> impl Source {
        BundleSource::of(&self.0)
    }

    /// Numbers of the records in it, in order.
    pub(crate) fn records(&self) -> Result<Vec<u64>, BundleError> {
        let number = |path: &str| {
            let index = path.strip_prefix("data/records/")?.strip_suffix(".json")?.parse::<u64>().ok()?;
            (record_path(index) == path).then_some(index)
        };
        self.0.folder("data/records/").filter_map(|entry| entry.map(|entry| number(&entry.path)).transpose()).collect()
    }

    /// Whether the files of the record are in it: of records around the period they are not.
    pub(crate) fn has_files(&self, index: u64, body: &Body) -> Result<bool, BundleError> {
        let Some(folder) = folder(body) else { return Ok(false) };
        Ok(self.0.find(&format!("data/{folder}/{index:012}/SHA256SUMS"))?.is_some())
    }
}
