//! A folder that somebody else keeps, with all that is written there: a mounted share, a folder from which copies are
//! sent on.

use super::error::{AnchorError, Fault};
use super::{Given, Point, Receipt, kept};
use crate::ledger::Ledger;
use crate::owner;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes the checkpoint, whole or not at all, and reads it back: the receipt is what was read. What is made there is
/// whose `state_dir` is. What the folder holds was compared before.
pub(super) fn hand_over(
    folder: &Path,
    fault: Fault<'_>,
    origin: &str,
    state_dir: &Path,
    point: &Point,
) -> Result<Receipt, AnchorError> {
    let dir = folder.join(kept::folder(origin));
    let path = dir.join(kept::file_name(point.size));
    let failed = |path: &Path, error: Error| fault.unreachable(format!("{}: {error}", path.display()));
    // Of the folder itself nothing is made: a share that is not mounted must not look like one that is.
    match std::fs::create_dir(&dir) {
        Ok(()) => given_away(owner::directory(&dir, state_dir)).map_err(|error| failed(&dir, error))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(&dir, error)),
    }
    match read(&path) {
        Ok(there) if there == point.note => {}
        Ok(_) => {
            let hint = "see who wrote that file; nothing is ever overwritten";
            return Err(fault.wrong(format!("{} is there and says something else", path.display()), hint));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Others shall read it: a checkpoint is no secret.
            let mode = std::fs::Permissions::from_mode(0o644);
            let next = tempfile::Builder::new().permissions(mode).tempfile_in(&dir);
            let mut next = next.map_err(|error| failed(&dir, error))?;
            given_away(owner::file(next.as_file(), state_dir)).map_err(|error| failed(&path, error))?;
            next.write_all(&point.note).and_then(|()| next.as_file().sync_all()).map_err(|e| failed(&path, e))?;
            next.persist_noclobber(&path).map_err(|error| failed(&path, error.error))?;
        }
        Err(error) => return Err(failed(&path, error)),
    }
    // What a power cut takes away was not handed over.
    for directory in [&dir, folder] {
        sync(directory).map_err(|error| failed(directory, error))?;
    }
    let bytes = read(&path).map_err(|error| failed(&path, error))?;
    if bytes != point.note {
        return Err(fault.wrong(format!("{} does not hold what was written", path.display()), "look at the disk"));
    }
    Ok(Receipt { bytes, media_type: "text/plain; charset=utf-8", time: None })
}

/// Holds the newest checkpoint in the folder against the ledger, and looks whether the one that was written last,
/// `given`, is still there.
pub(super) fn compare(
    folder: &Path,
    fault: Fault<'_>,
    origin: &str,
    given: Option<&Given>,
    ledger: &Ledger,
) -> Result<(), AnchorError> {
    let dir = folder.join(kept::folder(origin));
    let failed = |path: &Path, error: Error| fault.unreachable(format!("{}: {error}", path.display()));
    let newest = newest(folder, &dir).map_err(|error| failed(&dir, error))?;
    if let Some((size, path)) = newest {
        let note = read(&path).map_err(|error| failed(&path, error))?;
        // No reader of the ledger is held open over a folder that may hang.
        kept::compare(fault, &ledger.reader()?, size, &note)?;
    }
    // Only now: that it knows another past weighs more than what it has lost.
    require_given(folder, fault, origin, given)
}

/// A share on which root is nobody gives nothing away, and whose it is stays as it is.
fn given_away(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// What was written must be in the folder still.
fn require_given(folder: &Path, fault: Fault<'_>, origin: &str, given: Option<&Given>) -> Result<(), AnchorError> {
    let Some(given) = given else { return Ok(()) };
    let path = folder.join(kept::folder(origin)).join(kept::file_name(given.size));
    let lost = |why: &str| {
        let hint = "somebody emptied or exchanged the folder: ask its keeper; if it is meant to be a new one, give \
                    the anchor another name";
        let (folder, path) = (folder.display(), path.display());
        Err(fault.wrong(format!("the folder {folder} no longer has what was written: {path} {why}"), hint))
    };
    match read(&path) {
        Ok(note) if hex::encode(Sha256::digest(&note)) == given.note_sha256 => Ok(()),
        Ok(_) => lost("says something else"),
        Err(error) if error.kind() == ErrorKind::NotFound => lost("is gone"),
        Err(error) => Err(fault.unreachable(format!("{}: {error}", path.display()))),
    }
}

/// The checkpoint of the most records; none when nothing was written yet.
fn newest(folder: &Path, dir: &Path) -> std::io::Result<Option<(u64, PathBuf)>> {
    std::fs::metadata(folder)?;
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let mut newest = None;
    for entry in entries {
        let entry = entry?;
        let size = entry.file_name().to_str().and_then(kept::size_of);
        newest = newest.max(size.map(|size| (size, entry.path())));
    }
    Ok(newest)
}

/// Whoever keeps the folder may put there what has no end, or what nobody ever writes to.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(kept::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sync(directory: &Path) -> std::io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network file systems know no such thing.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}
