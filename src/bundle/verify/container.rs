//! Reads an archive that has exactly one form, and refuses everything else: another order, date, mode,
//! flag, comment, bytes before, between or after. Nothing is written to disk. The archive is hostile
//! until shown otherwise: every count and size is bounded before it is believed.

use super::held::Held;
use crate::bundle::BundleError;
use crate::bundle::format::{
    ARCHIVE_BYTES_MAX, DOCUMENT_BYTES_MAX, ENTRIES_MAX, FILE_BYTES_MAX, PATH_BYTES_MAX, Paths, RATIO_MAX,
    TOTAL_BYTES_MAX, closing, path_allowed, place,
};
use flate2::bufread::DeflateDecoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const SHARED_BYTES: usize = 26;
const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;
/// From this many entries on, the count stands in the ZIP64 record.
const COUNT_MAX_16: u64 = 0xffff;
/// Room that is made for a file before it is read; what is larger makes its own as it comes.
const READ_AT_ONCE: usize = 1 << 20;
/// Entries of the directory that are read at a time; the place of the first of them is held in memory.
const PAGE_ENTRIES: usize = 32;
/// Such pages that are held in memory.
const PAGES: usize = 64;
/// What is read of the archive at a time while its headers are checked.
const WINDOW_BYTES: usize = 16_384;
/// Files of up to this many bytes, and packed ones of up to so many, are unpacked in memory and at once.
const SMALL_BYTES: u64 = 1 << 20;
const SMALL_PACKED_BYTES: u64 = 1 << 18;

/// Files of up to this many bytes are held once they were hashed, as long as there is room: most are read again, to
/// be checked otherwise, and some many times. Not proofs, which are long and read once more.
const HELD_FILE_BYTES: usize = 4096;
const HELD_BYTES: usize = 16 << 20;
/// What it takes to hold one, beside its bytes.
const HELD_OVERHEAD: usize = 64;

/// What a thread unpacks small files with.
struct Scratch {
    inflate: Decompress,
    packed: Vec<u8>,
    content: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        inflate: Decompress::new(false),
        packed: Vec::new(),
        content: Vec::new(),
    });
}

/// An archive whose outline has been checked. Its contents have not. Holds a place for every 32 files, and
/// reads its directory again where it is asked for others.
pub(super) struct Archive {
    file: Arc<File>,
    /// The one folder.
    pub(super) top: String,
    /// Number of files.
    pub(super) count: usize,
    pages: Vec<Page>,
    /// Pages read last, by number.
    held: Mutex<VecDeque<(usize, Arc<Vec<Entry>>)>>,
    /// Decoders that are not in use: most files are shorter than it takes to make one.
    idle: Mutex<Vec<Decoder>>,
    /// SHA-256 of every file, once all were hashed, by position; `None` where one could not be read.
    pub(super) digests: OnceLock<Vec<Option<[u8; 32]>>>,
    /// The records, once they were read.
    pub(super) records: OnceLock<Held>,
    /// Contents of small files that were hashed, by position, and how many bytes more there is room for.
    contents: RwLock<HeldContents>,
}

type HeldContents = (BTreeMap<usize, Box<[u8]>>, usize);

type Decoder = DeflateDecoder<BufReader<At>>;

/// A stretch of the directory.
struct Page {
    /// Path of its first entry.
    first: String,
    /// Where it stands in the archive.
    at: u64,
    end: u64,
    /// Where the first entry's file stands.
    local: u64,
}

/// One file of the archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Path inside the folder.
    pub(super) path: String,
    /// Position in the archive, from 0.
    pub(super) position: usize,
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
        let file = Arc::new(file);
        let (count, start, end) = end_of(&file, length).map_err(|e| refused(name.as_str(), e))?;
        let mut archive = Self {
            file,
            top: String::new(),
            count: 0,
            pages: Vec::new(),
            held: Mutex::default(),
            idle: Mutex::default(),
            digests: OnceLock::new(),
            records: OnceLock::new(),
            contents: RwLock::new((BTreeMap::new(), HELD_BYTES)),
        };
        archive.directory(&name, count, start, end)?;
        Ok(archive)
    }

    /// Reads the central directory, and the local header that each of its entries points to.
    fn directory(&mut self, name: &str, count: u64, start: u64, end: u64) -> Result<(), BundleError> {
        let mut central = BufReader::with_capacity(WINDOW_BYTES, self.at(start, end));
        let mut window = Window { file: self.file.clone(), at: 0, bytes: Vec::new() };
        let (mut at, mut from, mut total, mut paths) = (0, start, 0, Paths::default());
        for position in 0..count as usize {
            let (path, entry) = central_entry(&mut central, at).map_err(|e| refused(name, e))?;
            let wrong = |why: &str| refused(path.as_str(), why);
            local_entry(&mut window, at, &path, &entry).map_err(|e| refused(path.as_str(), e))?;
            let (top, inside) = path.split_once('/').ok_or_else(|| wrong("a file outside the bundle's folder"))?;
            if self.top.is_empty() {
                self.top = top.to_owned();
            }
            if top != self.top {
                return Err(wrong("a file outside the bundle's folder"));
            }
            paths.next(inside).map_err(wrong)?;
            total += entry.size;
            if total > TOTAL_BYTES_MAX {
                return Err(wrong("more content than a bundle may have"));
            }
            if position.is_multiple_of(PAGE_ENTRIES) {
                self.pages.push(Page { first: inside.to_owned(), at: from, end: from, local: at });
            }
            from += (CENTRAL_BYTES + path.len()) as u64;
            if let Some(page) = self.pages.last_mut() {
                page.end = from;
            }
            at = entry.at + entry.packed;
            self.count += 1;
        }
        if at != start || from != end {
            return Err(refused(name, "bytes that belong to no file"));
        }
        Ok(())
    }

    /// The entries of one page.
    fn page(&self, number: usize) -> Result<Arc<Vec<Entry>>, BundleError> {
        let mut held = lock(&self.held);
        if let Some((_, page)) = held.iter().find(|(held, _)| *held == number) {
            return Ok(page.clone());
        }
        let Some(page) = self.pages.get(number) else { return Ok(Arc::default()) };
        let mut central = BufReader::new(self.at(page.at, page.end));
        let (mut entries, mut at, mut from) = (Vec::new(), page.local, page.at);
        while from < page.end {
            let (path, entry) = central_entry(&mut central, at).map_err(|e| refused("", e))?;
            from += (CENTRAL_BYTES + path.len()) as u64;
            at = entry.at + entry.packed;
            let path = path.split_once('/').map(|(_, inside)| inside.to_owned()).unwrap_or_default();
            entries.push(Entry { path, position: number * PAGE_ENTRIES + entries.len(), ..entry });
        }
        let entries = Arc::new(entries);
        held.push_front((number, entries.clone()));
        held.truncate(PAGES);
        Ok(entries)
    }

    /// Every file, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry, BundleError>> {
        self.entries_from("")
    }

    /// The files in this folder, given with its `/`, and in those below it.
    pub(super) fn folder(&self, folder: &str) -> impl Iterator<Item = Result<Entry, BundleError>> {
        self.entries_from(folder)
            .take_while(move |entry| !matches!(entry, Ok(entry) if !entry.path.starts_with(folder)))
    }

    /// Every file from this place in the order on.
    pub(super) fn entries_from(&self, path: &str) -> impl Iterator<Item = Result<Entry, BundleError>> {
        let first = self.page_of(path).unwrap_or_default();
        self.entries_of(first..self.pages.len())
            .skip_while(move |entry| matches!(entry, Ok(entry) if place(&entry.path) < place(path)))
    }

    /// All pages of the directory.
    pub(super) fn all_pages(&self) -> Range<usize> {
        0..self.pages.len()
    }

    /// The pages with the files in this folder, given with its `/`: more than these may be on them.
    pub(super) fn pages(&self, folder: &str) -> Range<usize> {
        let after = format!("{}0", folder.trim_end_matches('/'));
        self.page_of(folder).unwrap_or_default()..self.page_of(&after).map_or(0, |last| last + 1)
    }

    /// The files on a stretch of pages.
    pub(super) fn entries_of(&self, pages: Range<usize>) -> impl Iterator<Item = Result<Entry, BundleError>> {
        pages.flat_map(|number| {
            let (page, error) = match self.page(number) {
                Ok(page) => (page, None),
                Err(error) => (Arc::default(), Some(Err(error))),
            };
            (0..page.len()).map(move |at| Ok(page[at].clone())).chain(error)
        })
    }

    /// The page that a file is on, if it is there.
    fn page_of(&self, path: &str) -> Option<usize> {
        self.pages.partition_point(|page| place(&page.first) <= place(path)).checked_sub(1)
    }

    /// A file; `None` when there is none of that path.
    pub(super) fn find(&self, path: &str) -> Result<Option<Entry>, BundleError> {
        let Some(number) = self.page_of(path) else { return Ok(None) };
        let page = self.page(number)?;
        let found = page.binary_search_by(|entry| place(&entry.path).cmp(&place(path)));
        Ok(found.ok().and_then(|at| page.get(at).cloned()))
    }

    /// Whether a file is there, or must be taken to be: what cannot be found out is not taken for absent.
    pub(super) fn has(&self, path: &str) -> bool {
        !matches!(self.find(path), Ok(None))
    }

    /// A file that must be there.
    pub(super) fn entry(&self, path: &str) -> Result<Entry, BundleError> {
        self.find(path)?.ok_or_else(|| BundleError::malformed(path, "is missing"))
    }

    /// A file's content as a stream; size and check sum are checked at its end.
    pub(super) fn open_entry(&self, entry: &Entry) -> Content<'_> {
        let packed = self.open_packed(entry);
        let inner = match closing(&entry.path) {
            true => Unpacking::Stored(packed),
            false => Unpacking::Deflate(match lock(&self.idle).pop() {
                Some(mut decoder) => {
                    decoder.reset(packed);
                    decoder
                }
                None => DeflateDecoder::new(packed),
            }),
        };
        Content { archive: self, inner, crc: Crc::new(), left: entry.size, expected: entry.crc, packed: entry.packed }
    }

    /// A file's bytes as they stand in the archive.
    pub(super) fn open_packed(&self, entry: &Entry) -> BufReader<At> {
        // No larger than what there is to read: most files are small.
        let capacity = usize::try_from(entry.packed).unwrap_or(usize::MAX).clamp(1, 32_768);
        BufReader::with_capacity(capacity, self.at(entry.at, entry.at + entry.packed))
    }

    fn at(&self, at: u64, end: u64) -> At {
        At { file: self.file.clone(), at, end }
    }

    /// A whole file, when it is there and not too large to be parsed.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, BundleError> {
        self.read_entry(&self.entry(path)?)
    }

    /// Holds the content of a file for whoever reads it next, if it is small and there is room.
    pub(super) fn hold(&self, entry: &Entry, content: &[u8]) {
        let path = &entry.path;
        let once = !path.starts_with("data/") || path.starts_with("data/proofs/") || path.contains("/exchanges/");
        if once || content.len() > HELD_FILE_BYTES {
            return;
        }
        let (held, room) = &mut *self.contents.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = room.checked_sub(content.len() + HELD_OVERHEAD)
            && held.insert(entry.position, content.into()).is_none()
        {
            *room = left;
        }
    }

    /// The SHA-256 of a file, if all were hashed and it could be read.
    pub(super) fn sha256(&self, entry: &Entry) -> Option<[u8; 32]> {
        self.digests.get()?.get(entry.position).copied().flatten()
    }

    /// A whole file, when it is not too large to be parsed.
    pub(super) fn read_entry(&self, entry: &Entry) -> Result<Vec<u8>, BundleError> {
        let path = entry.path.as_str();
        if entry.size > DOCUMENT_BYTES_MAX {
            return Err(BundleError::malformed(path, format!("larger than {DOCUMENT_BYTES_MAX} bytes")));
        }
        let held = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = held.0.get(&entry.position) {
            return Ok(content.to_vec());
        }
        drop(held);
        if let Some(bytes) = self.small(entry, |content, _| content.to_vec()) {
            return Ok(bytes);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(entry.size).unwrap_or_default().min(READ_AT_ONCE));
        self.open_entry(entry).read_to_end(&mut bytes).map_err(|e| BundleError::malformed(path, e))?;
        Ok(bytes)
    }

    /// Takes the content of a small file, and its packed bytes. `None`: it is none, or not as it should be, and
    /// `open_entry` says how.
    pub(super) fn small<T>(&self, entry: &Entry, take: impl FnOnce(&[u8], &[u8]) -> T) -> Option<T> {
        if entry.size > SMALL_BYTES || entry.packed > SMALL_PACKED_BYTES || closing(&entry.path) {
            return None;
        }
        let (packed_bytes, bytes) = (usize::try_from(entry.packed).ok()?, usize::try_from(entry.size).ok()?);
        SCRATCH.with_borrow_mut(|Scratch { inflate, packed, content }| {
            let packed = at_least(packed, packed_bytes);
            self.file.read_exact_at(packed, entry.at).ok()?;
            inflate.reset(false);
            // Room for a byte more, so that one shows.
            let ended = inflate.decompress(packed, at_least(content, bytes + 1), FlushDecompress::Finish).ok()?;
            let content = &content[..bytes];
            let mut crc = Crc::new();
            crc.update(content);
            let right = ended == Status::StreamEnd
                && (inflate.total_in(), inflate.total_out()) == (entry.packed, entry.size)
                && crc.sum() == entry.crc;
            right.then(|| take(content, packed))
        })
    }

    /// A whole file that must be text.
    pub(super) fn text(&self, path: &str) -> Result<String, BundleError> {
        String::from_utf8(self.read(path)?).map_err(|_| BundleError::malformed(path, "is not UTF-8"))
    }
}

/// The first bytes of what is made long enough.
fn at_least(bytes: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if bytes.len() < length {
        bytes.resize(length, 0);
    }
    &mut bytes[..length]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stretch of a file, read independently of other readers of the file.
pub(super) struct At {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for At {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut buf[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The part of the archive that was read last.
struct Window {
    file: Arc<File>,
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
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
            At { file: self.file.clone(), at, end }.read_to_end(&mut self.bytes)?;
        }
        let range = inside(self).ok_or(ErrorKind::UnexpectedEof)?;
        Ok(&self.bytes[range])
    }
}

/// A file's content, unpacked and checked.
pub(super) struct Content<'a> {
    archive: &'a Archive,
    inner: Unpacking,
    crc: Crc,
    left: u64,
    expected: u32,
    packed: u64,
}

/// A file's packed bytes on their way to being its content.
enum Unpacking {
    Stored(BufReader<At>),
    Deflate(Decoder),
    Done,
}

impl Drop for Content<'_> {
    fn drop(&mut self) {
        if let Unpacking::Deflate(decoder) = std::mem::replace(&mut self.inner, Unpacking::Done) {
            lock(&self.archive.idle).push(decoder);
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let invalid = |why: &str| Err(Error::new(ErrorKind::InvalidData, why));
        let read = match &mut self.inner {
            Unpacking::Stored(inner) => inner.read(buf)?,
            Unpacking::Deflate(inner) => inner.read(buf)?,
            Unpacking::Done => 0,
        };
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
        if let Unpacking::Deflate(inner) = &self.inner
            && inner.total_in() != self.packed
        {
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
fn end_of(file: &Arc<File>, length: u64) -> std::io::Result<(u64, u64, u64)> {
    let invalid = |why: &str| Error::new(ErrorKind::InvalidData, why);
    let mut end = [0; END_BYTES as usize];
    At { file: file.clone(), at: length - END_BYTES, end: length }.read_exact(&mut end)?;
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
    At { file: file.clone(), at, end: at + BYTES as u64 }.read_exact(&mut found)?;
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

fn central_entry(central: &mut impl Read, at: u64) -> std::io::Result<(String, Entry)> {
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
fn local_entry(window: &mut Window, at: u64, path: &str, entry: &Entry) -> std::io::Result<()> {
    let found = window.get(at, LOCAL_BYTES + path.len())?;
    let (head, name) = found.split_at(LOCAL_BYTES);
    if !head.starts_with(b"PK\x03\x04") || head[4..] != shared(entry, path) || name != path.as_bytes() {
        return Err(Error::new(ErrorKind::InvalidData, "its header does not say what the archive's directory says"));
    }
    Ok(())
}
