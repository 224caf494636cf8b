//! Reads an archive that has exactly one form, and refuses everything else: another order, date, mode,
//! flag, comment, bytes before, between or after. Nothing is written to disk. The archive is hostile
//! until shown otherwise: every count and size is bounded before it is believed.

mod content;
mod headers;

use super::held::Held;
use crate::bundle::BundleError;
use crate::bundle::format::{ARCHIVE_BYTES_MAX, DOCUMENT_BYTES_MAX, Paths, TOTAL_BYTES_MAX, place};
pub(super) use content::Content;
use content::{At, Decoder};
use headers::{CENTRAL_BYTES, END_BYTES, WINDOW_BYTES, Window, central_entry, end_of, local_entry};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Error, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

/// Room that is made for a file before it is read; what is larger makes its own as it comes.
const READ_AT_ONCE: usize = 1 << 20;
/// Entries of the directory that are read at a time; the place of the first of them is held in memory.
const PAGE_ENTRIES: usize = 32;
/// Such pages that are held in memory.
const PAGES: usize = 64;
/// Files of up to this many bytes are held once they were hashed, as long as there is room: most are read again, to
/// be checked otherwise, and some many times. Not proofs, which are long and read once more.
const HELD_FILE_BYTES: usize = 4096;
const HELD_BYTES: usize = 8 << 20;
/// What it takes to hold one, beside its bytes.
const HELD_OVERHEAD: usize = 64;

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
        let mut central = BufReader::with_capacity(WINDOW_BYTES, At::new(&self.file, start, end));
        let mut window = Window::new(self.file.clone());
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
        let mut central = BufReader::new(At::new(&self.file, page.at, page.end));
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

    /// A whole file that must be text.
    pub(super) fn text(&self, path: &str) -> Result<String, BundleError> {
        String::from_utf8(self.read(path)?).map_err(|_| BundleError::malformed(path, "is not UTF-8"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
