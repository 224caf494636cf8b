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
        BundleSource(&self.0)
    }

    /// Numbers of the records in it, in order.
    pub(crate) fn records(&self) -> Vec<u64> {
        let number = |path: &str| path.strip_prefix("data/records/")?.strip_suffix(".json")?.parse::<u64>().ok();
        let found =
            self.0.entries.iter().filter_map(|entry| number(&entry.path).filter(|n| record_path(*n) == entry.path));
        found.collect()
    }

    /// Whether the files of the record are in it: of records around the period they are not.
    pub(crate) fn has_files(&self, index: u64, body: &Body) -> bool {
        let Some(folder) = folder(body) else { return false };
        let sums = format!("data/{folder}/{index:012}/SHA256SUMS");
        self.0.entries.iter().any(|entry| entry.path == sums)
    }
}
