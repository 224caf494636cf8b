//! The manifests: every file listed once, nothing else listed, every hash right.

use super::container::Archive;
use super::report::{Check, Checking};
use crate::bundle::format::{MANIFEST, SIGNATURE, TAGMANIFEST, TOKEN, TOKEN_SIGNATURE, path_allowed};
use sha2::{Digest, Sha256};
use std::io::Read;

/// Files outside of `data/` that the tag manifest cannot list: itself, and what is made over it.
pub(super) const UNLISTED: [&str; 4] = [TAGMANIFEST, SIGNATURE, TOKEN, TOKEN_SIGNATURE];

/// SHA-256 of every file, by its position in the archive; `None` where it could not be read.
pub(super) type Digests = Vec<Option<[u8; 32]>>;

/// Hashes every file and compares with the manifests.
pub(super) fn check(archive: &Archive) -> (Check, Digests) {
    let mut checking = Checking::new("manifests");
    let mut digests = Vec::with_capacity(archive.entries.len());
    for entry in &archive.entries {
        match hash(archive.open_entry(entry)) {
            Ok(digest) => digests.push(Some(digest)),
            Err(error) => {
                checking.wrong(&entry.path, error);
                digests.push(None);
            }
        }
    }
    // The manifest itself is vouched for by the tag manifest, so that one comes first.
    one(archive, &digests, &mut checking, TAGMANIFEST, |path| !path.starts_with("data/") && !UNLISTED.contains(&path));
    one(archive, &digests, &mut checking, MANIFEST, |path| path.starts_with("data/"));
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
pub(super) fn line(line: &str) -> Option<([u8; 32], &str)> {
    let (digest, path) = line.split_once("  ")?;
    let bytes: [u8; 32] = hex::decode(digest).ok()?.try_into().ok()?;
    (hex::encode(bytes) == digest && path_allowed(path)).then_some((bytes, path))
}

/// All lines of such a file: each ends with a newline, in order of the paths, none twice.
pub(super) fn lines(text: &str) -> Result<Vec<([u8; 32], &str)>, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut lines = Vec::new();
    for (at, found) in text.split_terminator('\n').enumerate() {
        let parsed = line(found).ok_or_else(|| format!("line {} is not `<sha256>  <path>`", at + 1))?;
        if lines.last().is_some_and(|(_, last)| *last >= parsed.1) {
            return Err(format!("line {} is not in order of the paths, or is there twice", at + 1));
        }
        lines.push(parsed);
    }
    Ok(lines)
}

fn one(
    archive: &Archive,
    digests: &Digests,
    checking: &mut Checking,
    manifest: &'static str,
    covers: impl Fn(&str) -> bool,
) {
    let Some(text) = checking.take(archive.text(manifest)) else { return };
    let listed = match lines(&text) {
        Ok(listed) => listed,
        Err(why) => return checking.wrong(manifest, why),
    };
    let mut listed = listed.into_iter().peekable();
    for (entry, digest) in archive.entries.iter().zip(digests).filter(|(entry, _)| covers(&entry.path)) {
        while let Some((_, path)) = listed.next_if(|(_, path)| *path < entry.path.as_str()) {
            checking.wrong(path, format!("{manifest} lists it, but it is missing"));
        }
        match listed.next_if(|(_, path)| *path == entry.path) {
            None => checking.wrong(&entry.path, format!("{manifest} does not list it")),
            Some((stated, path)) => match digest {
                // Why it could not be read has been said.
                None => {}
                Some(found) if *found == stated => {}
                Some(found) => checking.wrong(
                    path,
                    format!("changed: hashes to {}, but {manifest} says {}", hex::encode(found), hex::encode(stated)),
                ),
            },
        }
    }
    for (_, path) in listed {
        checking.wrong(path, format!("{manifest} lists it, but it is missing"));
    }
}
