//! The headers of an archive, which have exactly one form: the end record, the directory, and the header before each
//! file. What the files hold is not looked at here.

use super::Entry;
use super::content::At;
use crate::bundle::format::{ENTRIES_MAX, FILE_BYTES_MAX, PATH_BYTES_MAX, RATIO_MAX, closing, path_allowed};
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::sync::Arc;

const LOCAL_BYTES: usize = 30;
pub(super) const CENTRAL_BYTES: usize = 46;
const SHARED_BYTES: usize = 26;
pub(super) const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;
/// From this many entries on, the count stands in the ZIP64 record.
const COUNT_MAX_16: u64 = 0xffff;
/// What is read of the archive at a time while its headers are checked.
pub(super) const WINDOW_BYTES: usize = 16_384;

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
pub(super) fn end_of(file: &Arc<File>, length: u64) -> std::io::Result<(u64, u64, u64)> {
    let invalid = |why: &str| Error::new(ErrorKind::InvalidData, why);
    let mut end = [0; END_BYTES as usize];
    At::new(file, length - END_BYTES, length).read_exact(&mut end)?;
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
fn end64(file: &Arc<File>, at: u64, start: u64) -> std::io::Result<u64> {
    const BYTES: usize = (END64_BYTES + LOCATOR_BYTES) as usize;
    let mut found = [0; BYTES];
    At::new(file, at, at + BYTES as u64).read_exact(&mut found)?;
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
fn shared(entry: &Entry, path: &str) -> [u8; SHARED_BYTES] {
    let (version, method) = if stored(path) { (10, 0) } else { (20, 8) };
    let mut bytes = [0; SHARED_BYTES];
    bytes[..10].copy_from_slice(&[version, 0, 0, 0, method, 0, 0, 0, 0x21, 0]);
    bytes[10..14].copy_from_slice(&entry.crc.to_le_bytes());
    for (at, number) in [(14, entry.packed), (18, entry.size), (22, path.len() as u64)] {
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes()[..4]);
    }
    bytes
}

/// Whether the file must not be packed.
fn stored(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, inside)| closing(inside))
}

/// Names the first field that is not as it should be.
fn field(at: usize) -> &'static str {
    match at {
        0..2 => "the version needed to unpack",
        2..4 => "a flag (encryption, sizes after the data, or names in another code)",
        4..6 => "the method, which must be deflate, and for what closes the archive none",
        6..10 => "the time, which must be 1980-01-01 00:00",
        10..22 => "sizes or check sum",
        22..26 => "the length of the name, or extra fields",
        _ => "a comment, another disk, or a mode that is not 0644 of a plain file",
    }
}

/// Reads the next entry of the directory, whose file's header stands at `at`.
pub(super) fn central_entry(central: &mut impl Read, at: u64) -> std::io::Result<(String, Entry)> {
    let invalid = |why: String| Error::new(ErrorKind::InvalidData, why);
    let mut head = [0; CENTRAL_BYTES];
    central.read_exact(&mut head)?;
    let (packed, size, length) = (u32_at(&head, 20), u32_at(&head, 24), u16_at(&head, 28));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > PATH_BYTES_MAX {
        return Err(invalid(format!("a path longer than {PATH_BYTES_MAX} bytes")));
    }
    let mut name = [0; PATH_BYTES_MAX];
    let name = &mut name[..length];
    central.read_exact(name)?;
    let path = String::from_utf8_lossy(name).into_owned();
    if !path_allowed(&path) {
        return Err(invalid(format!("the path {path:?} is not allowed")));
    }
    let crc = u32::try_from(u32_at(&head, 16)).unwrap_or_default();
    let entry = Entry { path: String::new(), position: 0, size, at: at + (LOCAL_BYTES + length) as u64, packed, crc };
    let mut expected = [0; CENTRAL_BYTES - 6];
    expected[..SHARED_BYTES].copy_from_slice(&shared(&entry, &path));
    expected[32..36].copy_from_slice(&(0o100_644_u32 << 16).to_le_bytes());
    expected[36..].copy_from_slice(&at.to_le_bytes()[..4]);
    if head[..6] != [b'P', b'K', 1, 2, expected[0], 3] {
        return Err(invalid(format!("{path}: no entry of a Unix archive where one should be")));
    }
    if let Some(at) = head[6..].iter().zip(&expected).position(|(found, wanted)| found != wanted) {
        return Err(invalid(format!("{path}: {}", field(at))));
    }
    let most = if stored(&path) { packed } else { packed.saturating_mul(RATIO_MAX) };
    if size > FILE_BYTES_MAX || size > most {
        return Err(invalid(format!("{path}: {packed} bytes cannot, or must not, unpack to {size}")));
    }
    Ok((path, entry))
}

/// Checks the header in front of the data: it must say what the directory says.
pub(super) fn local_entry(window: &mut Window, at: u64, path: &str, entry: &Entry) -> std::io::Result<()> {
    let found = window.get(at, LOCAL_BYTES + path.len())?;
    let (head, name) = found.split_at(LOCAL_BYTES);
    if !head.starts_with(b"PK\x03\x04") || head[4..] != shared(entry, path) || name != path.as_bytes() {
        return Err(Error::new(ErrorKind::InvalidData, "its header does not say what the archive's directory says"));
    }
    Ok(())
}

/// The part of the archive that was read last.
pub(super) struct Window {
    file: Arc<File>,
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn new(file: Arc<File>) -> Self {
        Self { file, at: 0, bytes: Vec::new() }
    }

    /// Some bytes of the archive, not more than `WINDOW_BYTES`.
    fn get(&mut self, at: u64, length: usize) -> std::io::Result<&[u8]> {
        let inside = |window: &Self| {
            let from = usize::try_from(at.checked_sub(window.at)?).ok()?;
            let until = from.checked_add(length)?;
            (until <= window.bytes.len()).then_some(from..until)
        };
        if inside(self).is_none() {
            self.at = at;
            self.bytes.clear();
            let end = at.saturating_add(WINDOW_BYTES as u64);
            At::new(&self.file, at, end).read_to_end(&mut self.bytes)?;
        }
        let range = inside(self).ok_or(ErrorKind::UnexpectedEof)?;
        Ok(&self.bytes[range])
    }
}
