//! A ledger as what derived files are made of.

use crate::bundle::BundleError;
use crate::bundle::format::{
    DOCUMENT_BYTES_MAX, FILE_BYTES_MAX, Last, RECORDS_HELD, Source, parse_again, parse_record, record_path,
};
use crate::ledger::record::Record;
use crate::ledger::{FileMeta, Reader, commit};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::rc::Rc;

/// A ledger, read-only.
pub(crate) struct LedgerSource<'a> {
    pub(super) reader: &'a Reader,
    /// Of the record that was asked about last: its files are read one after another.
    files: RefCell<Option<(u64, Rc<[FileMeta]>)>>,
    held: RefCell<BTreeMap<u64, Record>>,
    last: Last,
}

impl<'a> LedgerSource<'a> {
    /// What a ledger holds.
    pub(crate) fn of(reader: &'a Reader) -> Self {
        Self { reader, files: RefCell::new(None), held: RefCell::default(), last: Last::default() }
    }

    /// The record's exact bytes, which must be the one form that there is.
    pub(super) fn written(&self, index: u64) -> Result<Vec<u8>, BundleError> {
        let bytes = self.record_bytes(index)?;
        parse_record(&record_path(index), &bytes)?;
        Ok(bytes)
    }

    fn record_bytes(&self, index: u64) -> Result<Vec<u8>, BundleError> {
        self.reader.record_bytes(index).map_err(|e| BundleError::ledger(format!("record {index}"), e))
    }

    /// The record's `SHA256SUMS`.
    pub(super) fn sha256sums(&self, index: u64) -> Result<String, BundleError> {
        let files = self.files(index)?;
        Ok(commit::sha256sums(files.iter().map(|file| (file.name.as_str(), &file.sha256))))
    }

    /// Copies a file's bytes, which the ledger checks against its hash.
    pub(super) fn copy(&self, index: u64, name: &str, out: &mut dyn Write) -> Result<(), BundleError> {
        let what = || format!("file {name} of record {index}");
        let meta = self.meta(index, name)?;
        let reader = self.reader.open_contents(&meta).map_err(|e| BundleError::ledger(what(), e))?;
        let copied =
            std::io::copy(&mut reader.take(FILE_BYTES_MAX + 1), out).map_err(|e| BundleError::ledger(what(), e))?;
        if copied > FILE_BYTES_MAX {
            return Err(BundleError::TooLarge { what: what(), limit: format!("{FILE_BYTES_MAX} bytes") });
        }
        Ok(())
    }

    fn files(&self, index: u64) -> Result<Rc<[FileMeta]>, BundleError> {
        if let Some((held, files)) = &*self.files.borrow()
            && *held == index
        {
            return Ok(files.clone());
        }
        let files = self.reader.files(index);
        let files = files.map_err(|e| BundleError::ledger(format!("files of record {index}"), e))?;
        let files: Rc<[FileMeta]> = files.into();
        self.files.replace(Some((index, files.clone())));
        Ok(files)
    }

    fn meta(&self, index: u64, name: &str) -> Result<FileMeta, BundleError> {
        let found = self.files(index)?.iter().find(|file| file.name == name).cloned();
        found.ok_or_else(|| BundleError::ledger(format!("file {name} of record {index}"), "there is none"))
    }
}

impl Source for LedgerSource<'_> {
    fn record(&self, index: u64) -> Result<Record, BundleError> {
        if let Some(record) = self.held.borrow().get(&index) {
            return Ok(record.clone());
        }
        let read = || parse_again(&record_path(index), &self.record_bytes(index)?);
        let record = self.last.or(index, read, Record::clone)?;
        let mut held = self.held.borrow_mut();
        if held.len() < RECORDS_HELD {
            held.insert(index, record.clone());
        }
        Ok(record)
    }

    fn file_names(&self, index: u64) -> Result<Vec<String>, BundleError> {
        Ok(self.files(index)?.iter().map(|file| file.name.clone()).collect())
    }

    fn file(&self, index: u64, name: &str) -> Result<Vec<u8>, BundleError> {
        let what = || format!("file {name} of record {index}");
        let meta = self.meta(index, name)?;
        if meta.size > DOCUMENT_BYTES_MAX {
            return Err(BundleError::TooLarge { what: what(), limit: format!("{DOCUMENT_BYTES_MAX} bytes") });
        }
        self.reader.read_contents(&meta).map_err(|e| BundleError::ledger(what(), e))
    }

    fn file_sha256(&self, index: u64, name: &str) -> Result<[u8; 32], BundleError> {
        Ok(self.meta(index, name)?.sha256)
    }

    fn record_sha256(&self, index: u64) -> Result<[u8; 32], BundleError> {
        Ok(Sha256::digest(self.record_bytes(index)?).into())
    }
}
