//! Reading the files of a record, each held against what was sealed.

use super::commit::{Salt, commitment, sha256sums};
use super::record::Record;
use super::tree::Hash;
use super::{LedgerError, Reader, sql_int};
use rusqlite::blob::Blob;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::io::{BufReader, Cursor, Error, ErrorKind, Read};

/// Contents of up to this size are unpacked in memory, all by one decoder for each thread: to make one takes
/// longer than to unpack them.
const SMALL: u64 = 64 << 10;

thread_local! {
    static DECODER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A sealed file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// Its name within the record.
    pub name: String,
    /// `application/json` and the like.
    pub media_type: String,
    /// Of its bytes.
    pub sha256: Hash,
    /// In bytes.
    pub size: u64,
}

/// Reads a sealed file. Fails at its end, with `InvalidData`, when the bytes are not those that were
/// sealed: nothing read is good until the end has been reached.
pub struct FileReader<'a> {
    contents: Contents<'a>,
    hash: Sha256,
    sha256: Hash,
    left: u64,
}

enum Contents<'a> {
    Plain(Blob<'a>),
    /// Unpacked already.
    Small(Cursor<Vec<u8>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Blob<'a>>>>),
}

impl Reader {
    /// Files of a record, by name, after checking that they are those that its commitment was made for.
    pub fn files(&self, index: u64) -> Result<Vec<FileMeta>, LedgerError> {
        let files = files(&self.db, index).map_err(LedgerError::store("reading"))?;
        let (salt, record) = (self.salt(index)?, self.record(index)?);
        if record.commit.is_some()
            && salt.is_none()
            && files.is_empty()
            && let Some(by) = self.erased_by(index)?
        {
            return Err(LedgerError::Erased { record: index, by });
        }
        check_commitment(index, &record, &files, salt.as_ref())?;
        Ok(files)
    }

    /// A sealed file's bytes. For many files of one record, `files` and `read_contents` are quicker.
    pub fn read_file(&self, index: u64, name: &str) -> Result<Vec<u8>, LedgerError> {
        self.read_contents(&self.find_file(index, name)?)
    }

    /// The bytes of a file that `files` has named.
    pub fn read_contents(&self, file: &FileMeta) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = Vec::new();
        let read = self.open_contents(file)?.read_to_end(&mut bytes);
        read.map_err(|error| LedgerError::damaged(format!("the file {}", file.name), error.to_string()))?;
        Ok(bytes)
    }

    /// The bytes of a file that `files` has named, as a stream.
    pub fn open_contents(&self, file: &FileMeta) -> Result<FileReader<'_>, LedgerError> {
        open_blob(&self.db, &file.sha256, file.size)?
            .ok_or_else(|| LedgerError::damaged(format!("the file {}", file.name), "its contents are missing"))
    }

    /// Salt of the record's commitment; `None` when it has no files.
    pub fn salt(&self, index: u64) -> Result<Option<Salt>, LedgerError> {
        salt(&self.db, index).map_err(LedgerError::store("reading"))
    }

    fn find_file(&self, index: u64, name: &str) -> Result<FileMeta, LedgerError> {
        let found = self.files(index)?.into_iter().find(|file| file.name == name);
        found.ok_or_else(|| LedgerError::absent(format!("file {name} of record {index}")))
    }
}

pub(super) fn files(db: &Connection, index: u64) -> rusqlite::Result<Vec<FileMeta>> {
    let mut statement =
        db.prepare_cached("SELECT name, media_type, sha256, size FROM file WHERE idx = ?1 ORDER BY part")?;
    let files = statement.query_map([sql_int(index)], |row| {
        let size = row.get::<_, i64>(3)?.unsigned_abs();
        Ok(FileMeta { name: row.get(0)?, media_type: row.get(1)?, sha256: row.get(2)?, size })
    })?;
    files.collect()
}

pub(super) fn salt(db: &Connection, index: u64) -> rusqlite::Result<Option<Salt>> {
    let mut statement = db.prepare_cached("SELECT salt FROM salt WHERE idx = ?1")?;
    statement.query_row([sql_int(index)], |row| row.get(0)).optional()
}

/// Whether a record's files are those that it was sealed with.
pub(super) fn check_commitment(
    index: u64,
    record: &Record,
    files: &[FileMeta],
    salt: Option<&Salt>,
) -> Result<(), LedgerError> {
    let damaged = |why| Err(LedgerError::damaged(format!("the list of files of record {index}"), why));
    match (&record.commit, salt) {
        (None, None) if files.is_empty() => Ok(()),
        (Some(commit), Some(salt)) => {
            let sums = sha256sums(files.iter().map(|file| (file.name.as_str(), &file.sha256)));
            if commitment(salt, &sums) == *commit { Ok(()) } else { damaged("it does not give the commitment") }
        }
        (Some(_), None) => damaged("the salt of its commitment is missing"),
        (None, _) => damaged("the record was sealed without files"),
    }
}

/// The whole contents, which must not be more than `size` bytes.
fn unpacked(packed: impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    packed.take(2 * SMALL).read_to_end(&mut bytes)?;
    DECODER.with_borrow_mut(|decoder| {
        let decoder = match decoder {
            Some(decoder) => decoder,
            None => decoder.insert(zstd::bulk::Decompressor::new()?),
        };
        decoder.decompress(&bytes, usize::try_from(size).unwrap_or(usize::MAX))
    })
}

/// Contents by hash, as a stream that checks itself; `None` when there are none.
pub(super) fn open_blob<'a>(
    db: &'a Connection,
    sha256: &Hash,
    size: u64,
) -> Result<Option<FileReader<'a>>, LedgerError> {
    let doing = || LedgerError::store("reading");
    let found: Option<(i64, String)> = db
        .prepare_cached("SELECT id, codec FROM blob WHERE sha256 = ?1")
        .and_then(|mut statement| statement.query_row(params![sha256], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(doing())?;
    let Some((id, codec)) = found else { return Ok(None) };
    let blob = db.blob_open(c"main", c"blob", c"bytes", id, true).map_err(doing())?;
    let damaged = |why: String| LedgerError::damaged(format!("the contents {}", hex::encode(sha256)), why);
    let contents = match codec.as_str() {
        "none" => Contents::Plain(blob),
        "zstd" if size <= SMALL => {
            Contents::Small(Cursor::new(unpacked(blob, size).map_err(|e| damaged(e.to_string()))?))
        }
        "zstd" => {
            let decoder = zstd::stream::read::Decoder::new(blob).map_err(|error| damaged(error.to_string()))?;
            Contents::Zstd(Box::new(decoder))
        }
        other => return Err(damaged(format!("nobody knows the codec {other:?}"))),
    };
    Ok(Some(FileReader { contents, hash: Sha256::new(), sha256: *sha256, left: size }))
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = match &mut self.contents {
            Contents::Plain(blob) => blob.read(buffer)?,
            Contents::Small(bytes) => bytes.read(buffer)?,
            Contents::Zstd(decoder) => decoder.read(buffer)?,
        };
        let damaged = |why| Err(Error::new(ErrorKind::InvalidData, why));
        if count == 0 {
            return match (self.left, self.hash.clone().finalize()[..] == self.sha256) {
                (0, true) => Ok(0),
                (0, false) => damaged("the bytes do not have the hash that was sealed"),
                _ => damaged("bytes are missing at the end"),
            };
        }
        // What was compressed must not unfold to more than was sealed.
        let Some(left) = self.left.checked_sub(count as u64) else {
            return damaged("there are more bytes than were sealed");
        };
        self.left = left;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
