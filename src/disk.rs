//! How much space is left where the ledger is.

use std::path::Path;

/// Bytes that this user may still write to the file system of a directory.
pub fn free(dir: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}
