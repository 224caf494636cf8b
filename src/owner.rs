//! Whose files are that root makes where somebody else is at home. A command that an operator gives as root works on the
//! state of a daemon that is another user: what it makes there must be that user's, or the daemon cannot go on. Nobody but
//! root can give a file away, so that for all others nothing is done here.

use rustix::process::geteuid;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, fchown};
use std::path::Path;

/// Gives a file to whom its directory belongs to, if we are root and they are not.
pub(crate) fn file(file: &File, directory: &Path) -> io::Result<()> {
    match other(directory)? {
        Some((uid, gid)) => fchown(file, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// The same of a directory, by the one above it.
pub(crate) fn directory(made: &Path, above: &Path) -> io::Result<()> {
    match other(above)? {
        Some((uid, gid)) => chown(made, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// User and group of the directory, if we are root and they are not.
pub(crate) fn other(directory: &Path) -> io::Result<Option<(u32, u32)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let of = fs::metadata(directory)?;
    Ok((of.uid() != 0).then(|| (of.uid(), of.gid())))
}
