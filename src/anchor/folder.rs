//! A folder that somebody else keeps: a mounted share, the outgoing folder of a mailbox.

use super::error::{AnchorError, Fault};
use super::{Point, Receipt, kept};
use crate::ledger::Reader;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes the checkpoint, whole or not at all, and reads it back. The receipt is what was read.
pub(super) fn hand_over(folder: &Path, fault: Fault<'_>, origin: &str, point: &Point) -> Result<Receipt, AnchorError> {
    let dir = folder.join(kept::folder(origin));
    let path = dir.join(kept::file_name(point.size));
    let failed = |path: &Path, error: std::io::Error| fault.unreachable(format!("{}: {error}", path.display()));
    // Of the folder itself nothing is made: a share that is not mounted must not look like one that is.
    match std::fs::create_dir(&dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(&dir, error)),
        _ => {}
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
            next.write_all(&point.note).and_then(|()| next.as_file().sync_all()).map_err(|e| failed(&path, e))?;
            next.persist_noclobber(&path).map_err(|error| failed(&path, error.error))?;
        }
        Err(error) => return Err(failed(&path, error)),
    }
    let bytes = read(&path).map_err(|error| failed(&path, error))?;
    if bytes != point.note {
        return Err(fault.wrong(format!("{} does not hold what was written", path.display()), "look at the disk"));
    }
    Ok(Receipt { bytes, media_type: "text/plain; charset=utf-8", time: None })
}

/// Compares the newest checkpoint in the folder with the ledger.
pub(super) fn compare(folder: &Path, fault: Fault<'_>, reader: &Reader) -> Result<(), AnchorError> {
    let dir = folder.join(kept::folder(reader.key().name()));
    let failed = |path: &Path, error: std::io::Error| fault.unreachable(format!("{}: {error}", path.display()));
    let Some((size, path)) = newest(folder, &dir).map_err(|error| failed(&dir, error))? else { return Ok(()) };
    let note = read(&path).map_err(|error| failed(&path, error))?;
    kept::compare(fault, reader, size, &note)
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

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(kept::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
