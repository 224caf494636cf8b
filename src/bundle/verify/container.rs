//! Reads an archive that has exactly one form, and refuses everything else: another order, date, mode,
//! flag, comment, bytes before, between or after. Nothing is written to disk. The archive is hostile
//! until shown otherwise: every count and size is bounded before it is believed.

use crate::bundle::BundleError;
use crate::bundle::format::{
    ARCHIVE_BYTES_MAX, DOCUMENT_BYTES_MAX, ENTRIES_MAX, FILE_BYTES_MAX, PATH_BYTES_MAX, RATIO_MAX, TOTAL_BYTES_MAX,
    path_allowed, place,
};
use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;
/// From this many entries on, the count stands in the ZIP64 record.
const COUNT_MAX_16: u64 = 0xffff;

/// An archive whose outline has been checked. Its contents have not.
pub(super) struct Archive {
    file: File,
    /// The one folder.
    pub(super) top: String,
    /// Every file, in the order of the paths.
    pub(super) entries: Vec<Entry>,
}

/// One file of the archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Path inside the folder.
    pub(super) path: String,
    /// Length of its content.
    pub(super) size: u64,
    at: u64,
    packed: u64,
    crc: u32,
}

/// What is said of an archive that is not one of ours.
fn refused(file: impl Into<String>, why: impl std::fmt::Display) -> BundleError {
    BundleError::malformed(file, format!("the archive is not written as bundles are: {why}"))
}

fn unreadable(path: &Path) -> impl Fn(Error) -> BundleError {
    move |source| BundleError::Io { what: format!("{} cannot be read", path.display()), source }
}

impl Archive {
    /// Checks the outline of the archive at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, BundleError> {
        let file = File::open(path).map_err(unreadable(path))?;
        let length = file.metadata().map_err(unreadable(path))?.len();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !(END_BYTES..=ARCHIVE_BYTES_MAX).contains(&length) {
            return Err(refused(
                name,
                format!("{length} bytes long, and a ZIP archive has {END_BYTES} to {ARCHIVE_BYTES_MAX}"),
            ));
        }
        let (count, start, end) = end_of(&file, length).map_err(|e| refused(name.as_str(), e))?;
        let mut archive = Self { file, top: String::new(), entries: Vec::new() };
        archive.directory(&name, count, start, end)?;
        Ok(archive)
    }

    /// Reads the central directory, and the local header that each of its entries points to.
    fn directory(&mut self, name: &str, count: u64, start: u64, end: u64) -> Result<(), BundleError> {
        let file = self.file.try_clone().map_err(|e| refused(name, e))?;
        let mut central = BufReader::new(At { file: &file, at: start, end });
        let (mut at, mut total, mut last, mut lower) = (0, 0, String::new(), BTreeSet::new());
        for _ in 0..count {
            let (path, entry) = central_entry(&mut central, at).map_err(|e| refused(name, e))?;
            let wrong = |why: &str| refused(path.as_str(), why);
            local_entry(&self.file, &path, &entry, at).map_err(|e| refused(path.as_str(), e))?;
            let (top, inside) = path.split_once('/').ok_or_else(|| wrong("a file outside the bundle's folder"))?;
            if self.top.is_empty() {
                self.top = top.to_owned();
            }
            if top != self.top {
                return Err(wrong("a file outside the bundle's folder"));
            }
            if !last.is_empty() && place(inside) <= place(&last) {
                return Err(wrong("files are not in order of their paths, or one is there twice"));
            }
            if !lower.insert(path.to_ascii_lowercase()) {
                return Err(wrong("like another path but for case"));
            }
            total += entry.size;
            if total > TOTAL_BYTES_MAX {
                return Err(wrong("more content than a bundle may have"));
            }
            at = entry.at + entry.packed;
            self.entries.push(Entry { path: inside.to_owned(), ..entry });
            inside.clone_into(&mut last);
        }
        let mut rest = [0];
        if at != start || central.read(&mut rest).map_err(|e| refused(name, e))? != 0 {
            return Err(refused(name, "bytes that belong to no file"));
        }
        // Some stand last whatever their paths, and `find` needs the order of the paths alone.
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// Position of a file.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()
    }

    /// A file's content as a stream; size and check sum are checked at its end.
    pub(super) fn open_entry(&self, entry: &Entry) -> Content<'_> {
        let packed = At { file: &self.file, at: entry.at, end: entry.at + entry.packed };
        Content {
            inner: DeflateDecoder::new(BufReader::new(packed)),
            crc: Crc::new(),
            left: entry.size,
            expected: entry.crc,
            packed: entry.packed,
        }
    }

    /// A whole file, when it is there and not too large to be parsed.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, BundleError> {
        let entry = self.find(path).and_then(|at| self.entries.get(at));
        let entry = entry.ok_or_else(|| BundleError::malformed(path, "is missing"))?;
        if entry.size > DOCUMENT_BYTES_MAX {
            return Err(BundleError::malformed(path, format!("larger than {DOCUMENT_BYTES_MAX} bytes")));
        }
        let mut bytes = Vec::new();
        self.open_entry(entry).read_to_end(&mut bytes).map_err(|e| BundleError::malformed(path, e))?;
        Ok(bytes)
    }

    /// A whole file that must be text.
    pub(super) fn text(&self, path: &str) -> Result<String, BundleError> {
        String::from_utf8(self.read(path)?).map_err(|_| BundleError::malformed(path, "is not UTF-8"))
    }
}

/// A stretch of a file, read independently of other readers of the file.
struct At<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(&mut buf[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A file's content, unpacked and checked.
pub(super) struct Content<'a> {
    inner: DeflateDecoder<BufReader<At<'a>>>,
    crc: Crc,
    left: u64,
    expected: u32,
    packed: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let invalid = |why: &str| Err(Error::new(ErrorKind::InvalidData, why));
        let read = self.inner.read(buf)?;
        self.crc.update(&buf[..read]);
        let Some(left) = self.left.checked_sub(read as u64) else {
            return invalid("holds more than the archive says");
        };
        self.left = left;
        if read > 0 {
            return Ok(read);
        }
        if left > 0 {
            return invalid("holds less than the archive says");
        }
        if self.crc.sum() != self.expected {
            return invalid("does not match the archive's check sum");
        }
        if self.inner.total_in() != self.packed {
            return invalid("bytes after the packed content");
        }
        Ok(0)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(bytes[at]) | u64::from(bytes[at + 1]) << 8
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u32_at(bytes, at) | u32_at(bytes, at + 4) << 32
}

/// Number of entries, and where the central directory begins and ends.
fn end_of(file: &File, length: u64) -> std::io::Result<(u64, u64, u64)> {
    let invalid = |why: &str| Error::new(ErrorKind::InvalidData, why);
    let mut end = [0; END_BYTES as usize];
    At { file, at: length - END_BYTES, end: length }.read_exact(&mut end)?;
    if !end.starts_with(b"PK\x05\x06\0\0\0\0") || end[8..10] != end[10..12] || end[20..] != [0, 0] {
        return Err(invalid("no ZIP archive, or one with a comment: no end record at the very end"));
    }
    let (count, size, start) = (u16_at(&end, 10), u32_at(&end, 12), u32_at(&end, 16));
    let (count, end) = if count == COUNT_MAX_16 && size == u64::from(u32::MAX) {
        let tail = END_BYTES + LOCATOR_BYTES + END64_BYTES;
        let at = length.checked_sub(tail).ok_or_else(|| invalid("no room for its ZIP64 end record"))?;
        (end64(file, at, start)?, at)
    } else {
        let directory_end = length - END_BYTES;
        if start.checked_add(size) != Some(directory_end) {
            return Err(invalid("its directory does not end where its end record begins"));
        }
        (count, directory_end)
    };
    if start > end || count == 0 || count > ENTRIES_MAX {
        return Err(invalid(&format!("{count} files; a bundle has 1 to {ENTRIES_MAX}")));
    }
    Ok((count, start, end))
}

/// Reads the ZIP64 end record and its locator, of which only the number of entries may vary.
fn end64(file: &File, at: u64, start: u64) -> std::io::Result<u64> {
    const BYTES: usize = (END64_BYTES + LOCATOR_BYTES) as usize;
    let mut found = [0; BYTES];
    At { file, at, end: at + BYTES as u64 }.read_exact(&mut found)?;
    let count = u64_at(&found, 32);
    let size = at.saturating_sub(start);
    let mut expected: Vec<u8> = b"PK\x06\x06".to_vec();
    expected.extend(44_u64.to_le_bytes());
    expected.extend([20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [count, count, size, start] {
        expected.extend(number.to_le_bytes());
    }
    expected.extend(b"PK\x06\x07\0\0\0\0");
    expected.extend(at.to_le_bytes());
    expected.extend(1_u32.to_le_bytes());
    if found != *expected || count <= COUNT_MAX_16 {
        return Err(Error::new(ErrorKind::InvalidData, "its ZIP64 end record is not the one there can be"));
    }
    Ok(count)
}

/// The fields that both headers share, from `version needed` on: flags, method, time, date, sums, sizes.
fn shared(entry: &Entry, path: &str) -> Vec<u8> {
    let mut bytes = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
    bytes.extend(entry.crc.to_le_bytes());
    for number in [entry.packed, entry.size, path.len() as u64] {
        bytes.extend(&number.to_le_bytes()[..4]);
    }
    bytes
}

/// Names the first field that is not as it should be.
fn field(at: usize) -> &'static str {
    match at {
        0..2 => "the version needed to unpack",
        2..4 => "a flag (encryption, sizes after the data, or names in another code)",
        4..6 => "the method, which must be deflate",
        6..10 => "the time, which must be 1980-01-01 00:00",
        10..22 => "sizes or check sum",
        22..26 => "the length of the name, or extra fields",
        _ => "a comment, another disk, or a mode that is not 0644 of a plain file",
    }
}

fn central_entry(central: &mut impl Read, at: u64) -> std::io::Result<(String, Entry)> {
    let invalid = |why: String| Error::new(ErrorKind::InvalidData, why);
    let mut head = [0; CENTRAL_BYTES];
    central.read_exact(&mut head)?;
    let (packed, size, length) = (u32_at(&head, 20), u32_at(&head, 24), u16_at(&head, 28));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > PATH_BYTES_MAX {
        return Err(invalid(format!("a path longer than {PATH_BYTES_MAX} bytes")));
    }
    let mut name = vec![0; length];
    central.read_exact(&mut name)?;
    let path = String::from_utf8_lossy(&name).into_owned();
    if !path_allowed(&path) {
        return Err(invalid(format!("the path {path:?} is not allowed")));
    }
    let crc = u32::try_from(u32_at(&head, 16)).unwrap_or_default();
    let entry = Entry { path: String::new(), size, at: at + (LOCAL_BYTES + length) as u64, packed, crc };
    let mut expected = shared(&entry, &path);
    expected.extend([0; 6]);
    expected.extend((0o100_644_u32 << 16).to_le_bytes());
    expected.extend(&at.to_le_bytes()[..4]);
    if !head.starts_with(b"PK\x01\x02\x14\x03") {
        return Err(invalid(format!("{path}: no entry of a Unix archive where one should be")));
    }
    if let Some(at) = head[6..].iter().zip(&expected).position(|(found, wanted)| found != wanted) {
        return Err(invalid(format!("{path}: {}", field(at))));
    }
    if size > FILE_BYTES_MAX || size > packed.saturating_mul(RATIO_MAX) {
        return Err(invalid(format!("{path}: {packed} bytes cannot, or must not, unpack to {size}")));
    }
    Ok((path, entry))
}

/// Checks the header in front of the data: it must say what the directory says.
fn local_entry(file: &File, path: &str, entry: &Entry, at: u64) -> std::io::Result<()> {
    let mut expected = b"PK\x03\x04".to_vec();
    expected.extend(shared(entry, path));
    expected.extend(path.as_bytes());
    let mut found = vec![0; expected.len()];
    At { file, at, end: entry.at }.read_exact(&mut found)?;
    if found != expected {
        return Err(Error::new(ErrorKind::InvalidData, "its header does not say what the archive's directory says"));
    }
    Ok(())
}
