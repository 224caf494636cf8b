//! Records on their way in: the rules that they keep, their files hashed and compressed, the salt drawn.
//! Nothing is stored here.

use super::LedgerError;
use super::commit::{Salt, commitment, name_allowed, sha256sums};
use super::record::{Body, RECORD_BYTES_MAX, RECORD_VERSION, Record, canonical_json};
use super::signers::is_log_key;
use super::tree::{Hash, leaf_hash};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Most records in one unit.
pub const UNIT_RECORDS_MAX: usize = 4_096;
/// Most files of one record.
pub const FILES_MAX: usize = 100_000;
/// Largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 512 << 20;
const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// Fast, for every body of every exchange goes through it.
const ZSTD_LEVEL: i32 = 1;

/// A record to be sealed.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// When it is written, by the caller's clock.
    pub at: DateTime<Utc>,
    /// What it says. The `seq` of `RunOpened` and `Missed` must be 0, and a `Summary` empty: the ledger
    /// fills them in. A summary or a key of the log ends its unit, and is the last
    /// record under the next checkpoint.
    pub body: Body,
    /// Files that belong to it.
    pub files: Vec<NewFile>,
}

/// A file to be sealed with a record.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its name, as `commit::name_allowed` has it; unique within the record, letter case aside.
    pub name: String,
    /// `application/json` and the like.
    pub media_type: String,
    /// Its bytes, as received.
    pub bytes: Vec<u8>,
}

impl NewFile {
    /// A JSON document.
    pub fn json(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), media_type: "application/json".to_owned(), bytes }
    }
}

/// A record that only lacks its place.
pub(super) struct Prepared {
    pub(super) record: Record,
    pub(super) written: Written,
    /// By name.
    pub(super) files: Vec<PreparedFile>,
    /// Of the commitment; none without files.
    pub(super) salt: Option<Salt>,
}

impl Prepared {
    /// Whether it must be the last record under its checkpoint.
    pub(super) fn ends_group(&self) -> bool {
        ends_group(&self.record.body)
    }

    /// Bytes that it adds to the store.
    pub(super) fn stored(&self) -> usize {
        self.written.bytes.len() + self.files.iter().map(|file| file.stored.len()).sum::<usize>()
    }
}

/// A record's bytes and the hash of its leaf.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) leaf: Hash,
}

/// A file as it will be stored.
pub(super) struct PreparedFile {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) sha256: Hash,
    pub(super) size: usize,
    pub(super) codec: &'static str,
    pub(super) stored: Vec<u8>,
}

/// Checks a unit and does all the work on it that needs no ledger.
pub(super) fn prepare(records: Vec<NewRecord>) -> Result<Vec<Prepared>, LedgerError> {
    if records.is_empty() || records.len() > UNIT_RECORDS_MAX {
        let why = format!("a unit has from 1 to {UNIT_RECORDS_MAX} records, not {}", records.len());
        return Err(LedgerError::Refused { why });
    }
    let end = records.iter().position(|record| ends_group(&record.body));
    if end.is_some_and(|at| at + 1 != records.len()) {
        let why = "a summary, or a key of the log, is the last record of its unit".into();
        return Err(LedgerError::Refused { why });
    }
    records.into_iter().map(prepare_record).collect()
}

/// Whether a record must be the last under its checkpoint.
fn ends_group(body: &Body) -> bool {
    matches!(body, Body::Summary { .. }) || is_log_key(body)
}

/// Writes a record down.
pub(super) fn write_down(record: &Record) -> Result<Written, LedgerError> {
    let bytes = canonical_json(record).map_err(|error| LedgerError::Refused { why: error.to_string() })?;
    if bytes.len() > RECORD_BYTES_MAX {
        let why = format!("it has {} bytes, at most {RECORD_BYTES_MAX} fit", bytes.len());
        return Err(LedgerError::Refused { why });
    }
    let leaf = leaf_hash(&bytes);
    Ok(Written { bytes, leaf })
}

/// 128 random bits.
pub(super) fn random() -> Result<[u8; 16], LedgerError> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Random bytes from the system.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), LedgerError> {
    getrandom::fill(bytes).map_err(|error| LedgerError::Unsafe {
        why: format!("the system has no random numbers: {error}"),
        hint: "look at the system; salts and keys cannot be made without",
    })
}

fn prepare_record(new: NewRecord) -> Result<Prepared, LedgerError> {
    if let Body::RunOpened { seq: 1.., .. } | Body::Missed { seq: 1.., .. } = new.body {
        return Err(LedgerError::Refused { why: "seq is assigned by the ledger, and must be 0".into() });
    }
    if let Body::Epoch { .. } = new.body {
        return Err(LedgerError::Refused { why: "only the first record of a log is an epoch".into() });
    }
    if matches!(&new.body, Body::Summary { collectors } if !collectors.is_empty()) {
        return Err(LedgerError::Refused { why: "what a summary says is counted by the ledger".into() });
    }
    check_files(&new.files).map_err(|why| LedgerError::Refused { why })?;
    let mut files: Vec<PreparedFile> = new.files.into_iter().map(prepare_file).collect();
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let salt = if files.is_empty() { None } else { Some(random()?) };
    let sums = sha256sums(files.iter().map(|file| (file.name.as_str(), &file.sha256)));
    let commit = salt.map(|salt| commitment(&salt, &sums));
    let record = Record { v: RECORD_VERSION, at: new.at, commit, body: new.body };
    Ok(Prepared { written: write_down(&record)?, record, files, salt })
}

fn check_files(files: &[NewFile]) -> Result<(), String> {
    if files.len() > FILES_MAX {
        return Err(format!("{} files, at most {FILES_MAX} are allowed", files.len()));
    }
    let mut names = BTreeSet::new();
    for NewFile { name, media_type, bytes } in files {
        if !name_allowed(name) {
            return Err(format!("a file cannot be named {name:?}"));
        }
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(format!("two files are named {name:?}, letter case aside"));
        }
        if bytes.len() > FILE_BYTES_MAX {
            return Err(format!("{name:?} has {} bytes, at most {FILE_BYTES_MAX} fit", bytes.len()));
        }
        let printable = media_type.bytes().all(|b| (b' '..=b'~').contains(&b));
        if media_type.is_empty() || media_type.len() > MEDIA_TYPE_BYTES_MAX || !printable {
            return Err(format!("{name:?} has no usable media type"));
        }
    }
    Ok(())
}

fn prepare_file(file: NewFile) -> PreparedFile {
    let sha256 = Sha256::digest(&file.bytes).into();
    let size = file.bytes.len();
    // Compression only saves space: where it fails or saves nothing, the bytes are stored as they are.
    let (codec, stored) = match zstd::bulk::compress(&file.bytes, ZSTD_LEVEL) {
        Ok(smaller) if smaller.len() < size => ("zstd", smaller),
        _ => ("none", file.bytes),
    };
    PreparedFile { name: file.name, media_type: file.media_type, sha256, size, codec, stored }
}
