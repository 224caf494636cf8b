//! The manifests: every file listed once, nothing else listed, every hash right.

use super::container::{Archive, Content, Entry};
use super::parallel::in_order;
use super::report::{Check, Checking};
use crate::bundle::BundleError;
use crate::bundle::format::{MANIFEST, PACKED, PATH_BYTES_MAX, TAGMANIFEST, closing, path_allowed};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read};
use std::iter::Peekable;

/// What comes after every file under `data/`: the character after `/`.
const AFTER_DATA: &str = "data0";
/// What is hashed at a time.
const BUFFER_BYTES: usize = 65_536;
/// Pages of the archive whose files a thread hashes at a time.
const PAGES: usize = 8;

/// Hashes every file, packed and unpacked, and compares with the manifests.
pub(super) fn check(archive: &Archive) -> Check {
    let (mut checking, mut packing) = (Checking::new("manifests"), Checking::new("manifests"));
    let mut digests = Vec::with_capacity(archive.count);
    let mut content = Listed::open(archive, MANIFEST, &mut checking);
    let mut packed = Listed::open(archive, PACKED, &mut packing);
    let pages = archive.all_pages();
    in_order(
        0..pages.len().div_ceil(PAGES),
        |at| hashed(archive, at),
        |files| {
            for file in files {
                let Some(Hashed { path, content: found, packed: found_packed }) = checking.take(file) else { continue };
                let found = checking.take(found.map_err(|error| BundleError::malformed(&path, error)));
                digests.push(found);
                if path.starts_with("data/") {
                    content.next(&path, found, &mut checking);
                }
                if !closing(&path) {
                    packed.next(&path, found_packed, &mut packing);
                }
            }
        },
    );
    content.end(&mut checking);
    packed.end(&mut packing);
    let mut tags = Listed::open(archive, TAGMANIFEST, &mut checking);
    for entry in tagged(archive) {
        let Some(entry) = checking.take(entry) else { break };
        tags.next(&entry.path, digests.get(entry.position).copied().flatten(), &mut checking);
    }
    tags.end(&mut checking);
    checking.append(packing);
    let count = digests.len();
    // Nobody has set it before: this is the first that hashes files.
    archive.digests.get_or_init(|| digests);
    checking.done(format!("{count} files are there and what the manifests say"))
}

/// A file's hashes.
struct Hashed {
    path: String,
    content: std::io::Result<[u8; 32]>,
    packed: Option<[u8; 32]>,
}

/// Hashes the files on some pages of the archive.
fn hashed(archive: &Archive, at: usize) -> Vec<Result<Hashed, BundleError>> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let pages = at * PAGES..archive.all_pages().end.min((at + 1) * PAGES);
    let mut one = |entry: Entry| {
        let both = archive.small(&entry, |content, packed| {
            archive.hold(&entry, content);
            [content, packed].map(|bytes| Sha256::digest(bytes).into())
        });
        let (content, packed) = match both {
            Some([content, packed]) => (Ok(content), Some(packed)),
            None => {
                let content = hash(archive.open_entry(&entry), &mut buffer);
                (content, hash(archive.open_packed(&entry), &mut buffer).ok())
            }
        };
        Hashed { path: entry.path, content, packed }
    };
    archive.entries_of(pages).map(|entry| entry.map(&mut one)).collect()
}

/// The files that the tag manifest lists, in order of the paths: one of them stands at the end of the archive.
fn tagged(archive: &Archive) -> impl Iterator<Item = Result<Entry, BundleError>> {
    let ends = |entry: &Result<Entry, BundleError>, at: fn(&str) -> bool| matches!(entry, Ok(entry) if at(&entry.path));
    let after_data = move || archive.entries_from(AFTER_DATA).take_while(move |entry| !ends(entry, closing));
    let before = archive.entries().take_while(move |entry| !ends(entry, |path| path >= "data/" || closing(path)));
    before
        .chain(after_data().take_while(move |entry| !ends(entry, |path| path > PACKED)))
        .chain(archive.find(PACKED).transpose())
        .chain(after_data().skip_while(move |entry| ends(entry, |path| path < PACKED)))
}

/// The SHA-256 of a stream.
fn hash(mut content: impl Read, buffer: &mut [u8]) -> std::io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    loop {
        match content.read(buffer)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// One line of a manifest or of `SHA256SUMS`: 64 lower-case hex digits, two spaces, a path.
fn line(line: &str) -> Option<([u8; 32], &str)> {
    let (digest, path) = line.split_once("  ")?;
    Some((digits(digest)?, path)).filter(|(_, path)| path_allowed(path))
}

/// A hash in lower-case hex digits.
pub(super) fn digits(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    // Each has one spelling.
    text.bytes().all(|digit| !digit.is_ascii_uppercase()).then_some(bytes)
}

/// Longest line of a manifest.
const LINE_BYTES_MAX: u64 = 64 + 2 + PATH_BYTES_MAX as u64 + 1;

/// The lines of such a file, one in memory at a time: each ends with a newline, in order of the paths, none
/// twice. Ends after the first error.
pub(super) struct Lines<R> {
    text: R,
    number: u64,
    last: String,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(text: R) -> Self {
        Self { text, number: 0, last: String::new(), ended: false }
    }

    fn read(&mut self) -> Result<Option<([u8; 32], String)>, String> {
        let mut text = String::new();
        let read = (&mut self.text).take(LINE_BYTES_MAX).read_line(&mut text).map_err(|error| error.to_string())?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let found = text.strip_suffix('\n').and_then(line);
        let (digest, path) = found.ok_or_else(|| format!("line {} is not `<sha256>  <path>`", self.number))?;
        if self.number > 1 && *path <= *self.last {
            return Err(format!("line {} is not in order of the paths, or is there twice", self.number));
        }
        path.clone_into(&mut self.last);
        Ok(Some((digest, path.to_owned())))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<([u8; 32], String), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// A manifest, gone through side by side with the files that it should list.
struct Listed<'a> {
    manifest: &'static str,
    /// `None` after a line that cannot be read.
    lines: Option<Peekable<Lines<BufReader<Content<'a>>>>>,
}

impl<'a> Listed<'a> {
    fn open(archive: &'a Archive, manifest: &'static str, checking: &mut Checking) -> Self {
        let entry = checking.take(archive.entry(manifest));
        let lines = entry.map(|entry| Lines::new(BufReader::new(archive.open_entry(&entry))).peekable());
        Self { manifest, lines }
    }

    /// The next file, in order of the paths, and its hash; `None`: it could not be read, which has been said.
    fn next(&mut self, path: &str, found: Option<[u8; 32]>, checking: &mut Checking) {
        let (manifest, Some(lines)) = (self.manifest, &mut self.lines) else { return };
        while let Some(Ok((_, path))) = lines.next_if(|line| matches!(line, Ok((_, listed)) if **listed < *path)) {
            missing(&path, manifest, checking);
        }
        match lines.next_if(|line| !matches!(line, Ok((_, listed)) if listed != path)) {
            None => checking.wrong(path, format!("{manifest} does not list it")),
            Some(Err(why)) => {
                checking.wrong(manifest, why);
                self.lines = None;
            }
            Some(Ok((stated, _))) => {
                if let Some(found) = found.filter(|found| *found != stated) {
                    let how = if manifest == PACKED { "packed otherwise" } else { "changed" };
                    let (found, stated) = (hex::encode(found), hex::encode(stated));
                    checking.wrong(path, format!("{how}: hashes to {found}, but {manifest} says {stated}"));
                }
            }
        }
    }

    /// No file comes after the last.
    fn end(self, checking: &mut Checking) {
        for line in self.lines.into_iter().flatten() {
            match line {
                Ok((_, path)) => missing(&path, self.manifest, checking),
                Err(why) => checking.wrong(self.manifest, why),
            }
        }
    }
}

fn missing(path: &str, manifest: &str, checking: &mut Checking) {
    checking.wrong(path, format!("{manifest} lists it, but it is missing"));
}
