//! A ledger as what derived files are made of.

use crate::bundle::BundleError;
use crate::bundle::format::{DOCUMENT_BYTES_MAX, FILE_BYTES_MAX, Source, parse_record, record_path};
use crate::ledger::record::Record;
use crate::ledger::{FileMeta, Reader, commit};
use std::io::{Read, Write};

/// A ledger, read-only.
pub(crate) struct LedgerSource<'a>(pub(super) &'a Reader);

impl<'a> LedgerSource<'a> {
    /// What a ledger holds.
    pub(crate) fn of(reader: &'a Reader) -> Self {
        Self(reader)
    }

    /// The record's exact bytes.
    pub(super) fn record_bytes(&self, index: u64) -> Result<Vec<u8>, BundleError> {
        self.0.record_bytes(index).map_err(|e| BundleError::ledger(format!("record {index}"), e))
    }

    /// The record's `SHA256SUMS`.
    pub(super) fn sha256sums(&self, index: u64) -> Result<String, BundleError> {
        let files = self.files(index)?;
        Ok(commit::sha256sums(files.iter().map(|file| (file.name.as_str(), &file.sha256))))
    }

    /// Copies a file's bytes, which the ledger checks against its hash.
    pub(super) fn copy(&self, index: u64, name: &str, out: &mut dyn Write) -> Result<(), BundleError> {
        let what = || format!("file {name} of record {index}");
        let reader = self.0.open_file(index, name).map_err(|e| BundleError::ledger(what(), e))?;
        let copied =
            std::io::copy(&mut reader.take(FILE_BYTES_MAX + 1), out).map_err(|e| BundleError::ledger(what(), e))?;
        if copied > FILE_BYTES_MAX {
            return Err(BundleError::TooLarge { what: what(), limit: format!("{FILE_BYTES_MAX} bytes") });
        }
        Ok(())
    }

    fn files(&self, index: u64) -> Result<Vec<FileMeta>, BundleError> {
        self.0.files(index).map_err(|e| BundleError::ledger(format!("files of record {index}"), e))
    }
}

impl Source for LedgerSource<'_> {
    fn record(&self, index: u64) -> Result<Record, BundleError> {
        parse_record(&record_path(index), &self.record_bytes(index)?)
    }

    fn file_names(&self, index: u64) -> Result<Vec<String>, BundleError> {
        Ok(self.files(index)?.into_iter().map(|file| file.name).collect())
    }

    fn file(&self, index: u64, name: &str) -> Result<Vec<u8>, BundleError> {
        let what = || format!("file {name} of record {index}");
        let meta = self.files(index)?.into_iter().find(|file| file.name == name);
        let meta = meta.ok_or_else(|| BundleError::ledger(what(), "there is none"))?;
        if meta.size > DOCUMENT_BYTES_MAX {
            return Err(BundleError::TooLarge { what: what(), limit: format!("{DOCUMENT_BYTES_MAX} bytes") });
        }
        self.0.read_file(index, name).map_err(|e| BundleError::ledger(what(), e))
    }
}
