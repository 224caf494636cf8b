//! A bundle as what derived files are made of.

use super::container::Archive;
use super::manifest::Lines;
use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits, folder, parse_record, record_path};
use crate::ledger::record::Record;

/// A bundle's archive.
pub(super) struct BundleSource<'a>(pub(super) &'a Archive);

impl BundleSource<'_> {
    /// The folder with the files of a record; `None` when such records have none.
    pub(super) fn folder(&self, index: u64) -> Result<Option<String>, BundleError> {
        Ok(folder(&self.record(index)?.body).map(|folder| format!("data/{folder}/{}", digits(index))))
    }

    /// Names of the files that `SHA256SUMS` lists, with their hashes.
    pub(super) fn sums(&self, index: u64) -> Result<Vec<([u8; 32], String)>, BundleError> {
        let Some(folder) = self.folder(index)? else { return Ok(Vec::new()) };
        let path = format!("{folder}/SHA256SUMS");
        let text = self.0.text(&path)?;
        Lines::new(text.as_bytes()).collect::<Result<_, _>>().map_err(|why| BundleError::malformed(path, why))
    }
}

impl Source for BundleSource<'_> {
    fn record(&self, index: u64) -> Result<Record, BundleError> {
        let path = record_path(index);
        parse_record(&path, &self.0.read(&path)?)
    }

    fn file_names(&self, index: u64) -> Result<Vec<String>, BundleError> {
        Ok(self.sums(index)?.into_iter().map(|(_, name)| name).collect())
    }

    fn file(&self, index: u64, name: &str) -> Result<Vec<u8>, BundleError> {
        let folder = self.folder(index)?;
        let folder = folder.ok_or_else(|| BundleError::malformed(record_path(index), "has no files"))?;
        self.0.read(&format!("{folder}/{name}"))
    }
}
