//! A bundle as what derived files are made of.

use super::container::Archive;
use super::held::Records;
use super::manifest::Lines;
use crate::bundle::BundleError;
use crate::bundle::format::{Last, Source, digits, folder, parse_again, record_path};
use crate::ledger::record::Record;
use sha2::{Digest, Sha256};
use std::cell::RefCell;

/// A bundle's archive.
pub(super) struct BundleSource<'a> {
    pub(super) archive: &'a Archive,
    records: RefCell<Records>,
    last: Last,
}

impl<'a> BundleSource<'a> {
    /// Whose records have been found to be in their one form, or need not be.
    pub(super) fn of(archive: &'a Archive) -> Self {
        Self { archive, records: RefCell::default(), last: Last::default() }
    }

    /// Looks at a record.
    fn look<T>(&self, index: u64, look: impl FnOnce(&Record) -> T) -> Result<T, BundleError> {
        let parse = |bytes: &[u8]| parse_again(&record_path(index), bytes);
        self.last.or(index, || self.records.borrow_mut().read(self.archive, index, parse), look)
    }

    /// The folder with the files of a record.
    fn folder(&self, index: u64) -> Result<String, BundleError> {
        let folder = self.look(index, |record| folder(&record.body))?;
        let folder = folder.ok_or_else(|| BundleError::malformed(record_path(index), "has no files"))?;
        Ok(format!("data/{folder}/{}", digits(index)))
    }

    /// The path of one of a record's files.
    pub(super) fn path(&self, index: u64, name: &str) -> Result<String, BundleError> {
        Ok(format!("{}/{name}", self.folder(index)?))
    }

    /// The SHA-256 of a file, as it was when all were hashed.
    fn sha256(&self, path: &str) -> Result<[u8; 32], BundleError> {
        let entry = self.archive.entry(path)?;
        match self.archive.sha256(&entry) {
            Some(known) => Ok(known),
            None => Ok(Sha256::digest(self.archive.read_entry(&entry)?).into()),
        }
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
        self.look(index, Record::clone)
    }

    fn file_names(&self, index: u64) -> Result<Vec<String>, BundleError> {
        if self.look(index, |record| folder(&record.body))?.is_none() {
            return Ok(Vec::new());
        }
        Ok(sums(self.archive, &self.folder(index)?)?.into_iter().map(|(_, name)| name).collect())
    }

    fn file(&self, index: u64, name: &str) -> Result<Vec<u8>, BundleError> {
        self.archive.read(&self.path(index, name)?)
    }

    fn file_sha256(&self, index: u64, name: &str) -> Result<[u8; 32], BundleError> {
        self.sha256(&self.path(index, name)?)
    }

    fn record_sha256(&self, index: u64) -> Result<[u8; 32], BundleError> {
        self.sha256(&record_path(index))
    }
}
