//! That files are those that their records were committed to.

use super::container::Archive;
use super::merkle::decimal;
use super::report::{Check, Checking};
use super::walk::Files;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, SALTS_HEADER, record_path};
use crate::ledger::record::Record;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read};

const SALTS: &str = "data/salts.csv";
const SALT_BYTES: usize = 16;
/// A record's number, a comma, the salt in hex, the end of the line; whatever is longer is wrong and need not be held.
const LINE_BYTES_MAX: u64 = 20 + 1 + 2 * SALT_BYTES as u64 + 2;

/// What it takes to check them.
#[derive(Clone, Copy)]
pub(super) struct Committed<'a> {
    pub(super) archive: &'a Archive,
    pub(super) contents: &'a Contents,
    /// Salts by record, if they can be read.
    pub(super) salts: Option<&'a Salts>,
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
        match (files, salts.of(index)) {
            (None, _) => {}
            (Some(_), None) => self.checking.wrong(SALTS, format!("has no salt for record {index}")),
            (Some(files), Some(salt)) => self.files(index, files, salt, commit),
        }
    }

    fn files(&mut self, index: u64, Files { folder, sums }: &Files, salt: &[u8], commit: &str) {
        let archive = self.by.archive;
        let sums_path = format!("{folder}/SHA256SUMS");
        let digest = |path: &str| archive.sha256(&archive.find(path).ok()??);
        let Some(digest_of_sums) = digest(&sums_path) else {
            return self.checking.wrong(sums_path, "is missing or unreadable");
        };
        let text = format!("evidenced/commit/v1\n{}\n{}\n", hex::encode(salt), hex::encode(digest_of_sums));
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
        for index in salts.iter().flat_map(|salts| &salts.0).map(|(index, _)| index).filter(|index| !has_files(index)) {
            self.checking.wrong(SALTS, format!("has a salt for record {index}, which needs none"));
        }
        let erased = if self.erased == 0 { String::new() } else { format!("; {} erased on record", self.erased) };
        self.checking.done(format!("{} files are those that the records were committed to{erased}", self.count))
    }
}

/// Salts by record, in the order of the log.
pub(super) struct Salts(Vec<(u64, [u8; SALT_BYTES])>);

impl Salts {
    fn of(&self, record: u64) -> Option<&[u8; SALT_BYTES]> {
        let at = self.0.binary_search_by_key(&record, |(of, _)| *of).ok()?;
        self.0.get(at).map(|(_, salt)| salt)
    }

    /// Reads `salts.csv`, which has one form only, a line at a time.
    pub(super) fn read(archive: &Archive) -> Result<Self, BundleError> {
        let malformed = |why: String| BundleError::malformed(SALTS, why);
        let mut text = BufReader::new(archive.open_entry(&archive.entry(SALTS)?));
        let (mut line, mut salts, mut first) = (String::new(), Vec::<(u64, _)>::new(), true);
        loop {
            line.clear();
            let read = (&mut text).take(LINE_BYTES_MAX).read_line(&mut line);
            if read.map_err(|error| malformed(error.to_string()))? == 0 {
                break;
            }
            let row = line.strip_suffix('\n');
            if std::mem::take(&mut first) {
                if row != Some(SALTS_HEADER) {
                    return Err(malformed(format!("does not begin with {SALTS_HEADER}")));
                }
                continue;
            }
            let (record, salt) =
                row.and_then(salt).ok_or_else(|| malformed(format!("{line:?} is not `<record>,<salt>`")))?;
            if salts.last().is_some_and(|(last, _)| *last >= record) {
                return Err(malformed(format!("record {record} is not in order, or is there twice")));
            }
            salts.push((record, salt));
        }
        match first {
            true => Err(malformed(format!("does not begin with {SALTS_HEADER}"))),
            false => Ok(Self(salts)),
        }
    }
}

/// One row, in the one form that it has.
fn salt(row: &str) -> Option<(u64, [u8; SALT_BYTES])> {
    let (record, salt) = row.split_once(',')?;
    let mut bytes = [0; SALT_BYTES];
    hex::decode_to_slice(salt, &mut bytes).ok()?;
    (hex::encode(bytes) == salt).then_some((decimal(record)?, bytes))
}
