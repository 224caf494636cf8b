//! Whose files are that root makes where somebody else is at home. A command that an operator gives as root works on the
//! state of a daemon that is another user: what it makes there must be that user's, or the daemon cannot go on. Nobody but
//! root can give a file away, so that for all others nothing is done here.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, fchown};
use std::path::Path;

/// Gives a file that root made to whom its directory belongs to.
pub(crate) fn file(file: &File, directory: &Path) -> io::Result<()> {
    match other(&file.metadata()?, directory)? {
        Some((uid, gid)) => fchown(file, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// The same of a directory.
pub(crate) fn directory(made: &Path, parent: &Path) -> io::Result<()> {
    match other(&fs::symlink_metadata(made)?, parent)? {
        Some((uid, gid)) => chown(made, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// User and group of the directory, if root has made something there and they are not root.
pub(crate) fn other(made: &Metadata, directory: &Path) -> io::Result<Option<(u32, u32)>> {
    let of = fs::metadata(directory)?;
    Ok((made.uid() == 0 && of.uid() != 0).then(|| (of.uid(), of.gid())))
}
