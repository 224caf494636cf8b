//! A bundle as what derived files are made of.

use super::container::Archive;
use super::manifest::Lines;
use crate::bundle::BundleError;
use crate::bundle::format::{Last, Source, digits, folder, parse_again, record_path};
use crate::ledger::record::Record;
use std::borrow::Cow;

/// A bundle's archive.
pub(super) struct BundleSource<'a> {
    pub(super) archive: &'a Archive,
    last: Last,
}

impl<'a> BundleSource<'a> {
    /// Whose records have been found to be in their one form, or need not be.
    pub(super) fn of(archive: &'a Archive) -> Self {
        Self { archive, last: Last::default() }
    }

    /// The folder with the files of a record.
    fn folder(&self, index: u64) -> Result<String, BundleError> {
        let folder = folder(&self.record(index)?.body);
        let folder = folder.ok_or_else(|| BundleError::malformed(record_path(index), "has no files"))?;
        Ok(format!("data/{folder}/{}", digits(index)))
    }

    /// The path of one of a record's files.
    pub(super) fn path(&self, index: u64, name: &str) -> Result<String, BundleError> {
        Ok(format!("{}/{name}", self.folder(index)?))
    }
}

/// The bytes of a record.
pub(super) fn record_bytes(archive: &Archive, index: u64) -> Result<Cow<'_, [u8]>, BundleError> {
    match archive.kept.get().and_then(|kept| kept.get(&index)) {
        Some(bytes) => Ok(Cow::Borrowed(bytes)),
        None => archive.read(&record_path(index)).map(Cow::Owned),
    }
}

/// Names of the files that the `SHA256SUMS` of a folder lists, with their hashes.
pub(super) fn sums(archive: &Archive, folder: &str) -> Result<Vec<([u8; 32], String)>, BundleError> {
    let path = format!("{folder}/SHA256SUMS");
    let text = archive.read(&path)?;
    Lines::new(text.as_slice()).collect::<Result<_, _>>().map_err(|why| BundleError::malformed(path, why))
}

impl Source for BundleSource<'_> {
    fn record(&self, index: u64) -> Result<Record, BundleError> {
        self.last.or(index, || {
            let bytes = record_bytes(self.archive, index)?;
            parse_again(&record_path(index), &bytes)
        })
    }

    fn file_names(&self, index: u64) -> Result<Vec<String>, BundleError> {
        if folder(&self.record(index)?.body).is_none() {
            return Ok(Vec::new());
        }
        Ok(sums(self.archive, &self.folder(index)?)?.into_iter().map(|(_, name)| name).collect())
    }

    fn file(&self, index: u64, name: &str) -> Result<Vec<u8>, BundleError> {
        self.archive.read(&self.path(index, name)?)
    }
}
