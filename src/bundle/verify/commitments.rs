//! That files are those that their records were committed to.

use super::container::Archive;
use super::report::{Check, Checking};
use super::walk::Files;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, SALTS_HEADER, record_path};
use crate::ledger::record::Record;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const SALTS: &str = "data/salts.csv";

/// What it takes to check them.
#[derive(Clone, Copy)]
pub(super) struct Committed<'a> {
    pub(super) archive: &'a Archive,
    pub(super) contents: &'a Contents,
    /// Salts by record, if they can be read.
    pub(super) salts: Option<&'a BTreeMap<u64, String>>,
}

/// Checks them record by record, in any order.
pub(super) struct Commitments<'a> {
    by: Committed<'a>,
    count: usize,
    erased: u64,
    pub(super) checking: Checking,
}

impl<'a> Commitments<'a> {
    pub(super) fn new(by: Committed<'a>) -> Self {
        Self { by, count: 0, erased: 0, checking: Checking::new("commitments") }
    }

    /// Checks the files of a record.
    pub(super) fn see(&mut self, index: u64, record: &Record, files: Option<&Files>) {
        let Committed { contents, salts, .. } = self.by;
        let (Some(commit), Some(salts)) = (&record.commit, salts) else { return };
        self.erased += u64::from(contents.had_files(index, &record.body) && contents.erased.contains_key(&index));
        match (files, salts.get(&index)) {
            (None, _) => {}
            (Some(_), None) => self.checking.wrong(SALTS, format!("has no salt for record {index}")),
            (Some(files), Some(salt)) => self.files(index, files, salt, commit),
        }
    }

    fn files(&mut self, index: u64, Files { folder, sums }: &Files, salt: &str, commit: &str) {
        let archive = self.by.archive;
        let sums_path = format!("{folder}/SHA256SUMS");
        let digest = |path: &str| archive.sha256(&archive.find(path).ok()??);
        let Some(digest_of_sums) = digest(&sums_path) else {
            return self.checking.wrong(sums_path, "is missing or unreadable");
        };
        let text = format!("evidenced/commit/v1\n{salt}\n{}\n", hex::encode(digest_of_sums));
        if hex::encode(Sha256::digest(text)) != commit {
            let why = format!("with its salt, it is not what {} was committed to", record_path(index));
            self.checking.wrong(&sums_path, why);
        }
        let listed = match sums {
            Ok(listed) => listed,
            Err(error) => return self.checking.failed(error),
        };
        for (hash, name) in listed {
            let path = format!("{folder}/{name}");
            match digest(&path) {
                None => self.checking.wrong(path, format!("{sums_path} lists it, but it is missing or unreadable")),
                Some(found) if found == *hash => {}
                Some(_) => self.checking.wrong(path, format!("is not the file that {sums_path} lists")),
            }
        }
        self.count += listed.len();
    }

    /// Takes over what was found of other records.
    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        self.erased += other.erased;
        self.checking.append(other.checking);
    }

    pub(super) fn done(mut self) -> Check {
        let Committed { contents, salts, .. } = self.by;
        let has_files = |index: &u64| contents.files.values().any(|records| records.binary_search(index).is_ok());
        for index in salts.iter().flat_map(|salts| salts.keys()).filter(|index| !has_files(index)) {
            self.checking.wrong(SALTS, format!("has a salt for record {index}, which needs none"));
        }
        let erased = if self.erased == 0 { String::new() } else { format!("; {} erased on record", self.erased) };
        self.checking.done(format!("{} files are those that the records were committed to{erased}", self.count))
    }
}

/// Salts by record: `salts.csv` has one form only.
pub(super) fn salts(archive: &Archive) -> Result<BTreeMap<u64, String>, BundleError> {
    let text = archive.text(SALTS)?;
    let malformed = |why: String| BundleError::malformed(SALTS, why);
    let rows = text.strip_prefix(SALTS_HEADER).and_then(|rest| rest.strip_prefix('\n'));
    let rows = rows.ok_or_else(|| malformed(format!("does not begin with {SALTS_HEADER}")))?;
    let mut salts = BTreeMap::new();
    let mut again = String::new();
    for row in rows.split_terminator('\n') {
        let parts = row.split_once(',').and_then(|(index, salt)| Some((index.parse::<u64>().ok()?, salt)));
        let (index, salt) = parts.ok_or_else(|| malformed(format!("{row:?} is not `<record>,<salt>`")))?;
        let bytes: Option<[u8; 16]> = hex::decode(salt).ok().and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| malformed(format!("the salt of record {index} is not 16 bytes in hex")))?;
        if salts.last_key_value().is_some_and(|(last, _)| *last >= index) {
            return Err(malformed(format!("record {index} is not in order, or is there twice")));
        }
        again.push_str(&format!("{index},{}\n", hex::encode(bytes)));
        salts.insert(index, salt.to_owned());
    }
    if again != rows {
        return Err(malformed("not in the one form that the format has".to_owned()));
    }
    Ok(salts)
}
