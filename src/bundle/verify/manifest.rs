//! The manifests: every file listed once, nothing else listed, every hash right.

use super::container::{Archive, Entry};
use super::report::{Check, Checking};
use crate::bundle::BundleError;
use crate::bundle::format::{MANIFEST, PACKED, PATH_BYTES_MAX, TAGMANIFEST, closing, path_allowed};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read};

/// SHA-256 of every file, by its position in the archive; `None` where it could not be read.
pub(super) type Digests = Vec<Option<[u8; 32]>>;

/// Hashes every file, packed and unpacked, and compares with the manifests.
pub(super) fn check(archive: &Archive) -> (Check, Digests) {
    let mut checking = Checking::new("manifests");
    let mut digests = Vec::with_capacity(archive.count);
    for entry in archive.entries() {
        let hashed = entry.and_then(|entry| {
            hash(archive.open_entry(&entry)).map_err(|error| BundleError::malformed(&entry.path, error))
        });
        digests.push(checking.take(hashed));
    }
    let content = |entry: &Entry| digests.get(entry.position).copied().flatten();
    // The manifest itself is vouched for by the tag manifest, so that one comes first.
    let tag = |path: &str| !path.starts_with("data/") && (path == PACKED || !closing(path));
    one(archive, &mut checking, TAGMANIFEST, tag, content);
    one(archive, &mut checking, MANIFEST, |path| path.starts_with("data/"), content);
    let packed = |entry: &Entry| hash(archive.open_packed(entry)).ok();
    one(archive, &mut checking, PACKED, |path| !closing(path), packed);
    (checking.done(format!("{} files are there and what the manifests say", digests.len())), digests)
}

/// The SHA-256 of a stream.
pub(super) fn hash(mut content: impl Read) -> std::io::Result<[u8; 32]> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 65_536]);
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// One line of a manifest or of `SHA256SUMS`: 64 lower-case hex digits, two spaces, a path.
fn line(line: &str) -> Option<([u8; 32], &str)> {
    let (digest, path) = line.split_once("  ")?;
    let bytes: [u8; 32] = hex::decode(digest).ok()?.try_into().ok()?;
    (hex::encode(bytes) == digest && path_allowed(path)).then_some((bytes, path))
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

/// Walks through a manifest and the files that it should list, side by side.
fn one(
    archive: &Archive,
    checking: &mut Checking,
    manifest: &'static str,
    covers: impl Fn(&str) -> bool,
    digest: impl Fn(&Entry) -> Option<[u8; 32]>,
) {
    let Some(entry) = checking.take(archive.entry(manifest)) else { return };
    let mut listed = Lines::new(BufReader::new(archive.open_entry(&entry))).peekable();
    let missing = |path: &str, checking: &mut Checking| {
        checking.wrong(path, format!("{manifest} lists it, but it is missing"));
    };
    // In order of the paths, though one of them stands at the end of the archive.
    let part = |late: bool| {
        let wanted = move |entry: &Entry| (*entry.path > *PACKED) == late;
        archive.entries().filter(move |entry| entry.as_ref().map_or(!late, wanted))
    };
    for entry in part(false).chain(part(true)) {
        let Some(entry) = checking.take(entry) else { return };
        if !covers(&entry.path) {
            continue;
        }
        while let Some(Ok((_, path))) = listed.next_if(|line| line.as_ref().is_ok_and(|(_, path)| *path < entry.path)) {
            missing(&path, checking);
        }
        match listed.next_if(|line| line.as_ref().map_or(true, |(_, path)| *path == entry.path)) {
            None => checking.wrong(&entry.path, format!("{manifest} does not list it")),
            Some(Err(why)) => return checking.wrong(manifest, why),
            Some(Ok((stated, path))) => match digest(&entry) {
                // Why it could not be read has been said.
                None => {}
                Some(found) if found == stated => {}
                Some(found) => {
                    let how = if manifest == PACKED { "packed otherwise" } else { "changed" };
                    let (found, stated) = (hex::encode(found), hex::encode(stated));
                    checking.wrong(path, format!("{how}: hashes to {found}, but {manifest} says {stated}"));
                }
            },
        }
    }
    for line in listed {
        match line {
            Ok((_, path)) => missing(&path, checking),
            Err(why) => checking.wrong(manifest, why),
        }
    }
}
