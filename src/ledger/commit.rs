//! What ties files to their record: a salted commitment, so that an erased file leaves a hash that
//! nobody can link back. The format only; an auditor makes it with `sha256sum` and `printf`.

use super::tree::Hash;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Longest file name, so that bundles open everywhere.
pub const NAME_BYTES_MAX: usize = 160;

/// 128 random bits, one per record with files.
pub type Salt = [u8; 16];

/// The `SHA256SUMS` text of a record: `<sha256 hex>  <name>` and a newline for each file, by name.
pub fn sha256sums<'a>(files: impl IntoIterator<Item = (&'a str, &'a Hash)>) -> String {
    let mut lines: Vec<(&str, &Hash)> = files.into_iter().collect();
    lines.sort_unstable();
    lines.iter().fold(String::new(), |mut text, (name, sha256)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {name}", hex::encode(sha256));
        text
    })
}

/// The commitment, hex: SHA-256 of `evidenced/commit/v1`, the salt and the SHA-256 of `SHA256SUMS`,
/// in hex, each with a newline.
pub fn commitment(salt: &Salt, sha256sums: &str) -> String {
    let sums = hex::encode(Sha256::digest(sha256sums));
    hex::encode(Sha256::digest(format!("evidenced/commit/v1\n{}\n{sums}\n", hex::encode(salt))))
}

/// Whether a file may have the name: parts of `A-Z a-z 0-9 . _ -` joined by `/`, none of them empty,
/// `.` or `..`, at most `NAME_BYTES_MAX`.
pub fn name_allowed(name: &str) -> bool {
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    name.len() <= NAME_BYTES_MAX && name.split('/').all(part)
}
