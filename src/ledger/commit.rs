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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commitment_is_what_sha256sum_and_printf_give() {
        // printf a > a; printf b > b; sha256sum a b > SHA256SUMS; s=$(sha256sum < SHA256SUMS | cut -c1-64)
        // printf "evidenced/commit/v1\\n%s\\n%s\\n" 000102030405060708090a0b0c0d0e0f $s | sha256sum
        let (a, b): (Hash, Hash) = (Sha256::digest("a").into(), Sha256::digest("b").into());
        let sums = sha256sums([("b", &b), ("a", &a)]);
        assert_eq!(
            sums,
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a\n\
             3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b\n"
        );
        let salt = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(commitment(&salt, &sums), "8bdf2a40d2ad8c01f6693ae5c9b1fac55ab74ce50a5b68863d2a8a6bce61ba97");
    }

    #[test]
    fn file_names_open_on_every_system() {
        let allowed = ["a", "exchanges/0001.body", "A-b_c.json", "a/b/c"];
        let refused = ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a b", "a%b", "ü", "a\nb", "a\\b"];
        assert!(allowed.iter().all(|name| name_allowed(name)));
        assert!(!refused.iter().any(|name| name_allowed(name)));
        assert!(name_allowed(&"a".repeat(NAME_BYTES_MAX)) && !name_allowed(&"a".repeat(NAME_BYTES_MAX + 1)));
    }
}
