//! Which paths an archive may hold, and in which order: one rule for whoever writes and whoever checks.

use super::{PATH_BYTES_MAX, SIGNATURE, TOKEN, TOKEN_SIGNATURE};
use std::collections::BTreeSet;

/// Lists the SHA-256 of every file under `data/`.
pub(crate) const MANIFEST: &str = "manifest-sha256.txt";
/// Lists the SHA-256 of every other file, those that come after it apart.
pub(crate) const TAGMANIFEST: &str = "tagmanifest-sha256.txt";
/// Lists the SHA-256 of the packed bytes of every file that is not in `CLOSING`: the same content can be
/// packed in many ways, and a bundle is packed in one.
pub(crate) const PACKED: &str = "packed-sha256.txt";
/// Files that vouch for all the others: they come last in the archive, in this order, and are not packed, so
/// that there is one way to write them. Those after the tag manifest need not be there.
const CLOSING: [&str; 5] = [PACKED, TAGMANIFEST, SIGNATURE, TOKEN, TOKEN_SIGNATURE];

/// Whether the file is one of those that close the archive.
pub(crate) fn closing(path: &str) -> bool {
    CLOSING.contains(&path)
}

/// What files are ordered by: their paths, and the closing ones last.
pub(crate) fn place(path: &str) -> (bool, &str) {
    (closing(path), path)
}

/// Whether Windows takes the name for a device, whatever follows its first point.
pub(crate) fn device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    if !matches!(stem.len(), 3 | 4) {
        return false;
    }
    let stem = stem.to_ascii_lowercase();
    let numbered = |kind| stem.strip_prefix(kind).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    matches!(&*stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// Whether an archive may hold a file of that path: parts of `A-Z a-z 0-9 . _ -` joined by `/`, none that a
/// system takes for a device or for another folder, or would shorten.
pub(crate) fn path_allowed(path: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.ends_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            && !device(part)
    };
    path.len() <= PATH_BYTES_MAX && path.split('/').all(part)
}

/// Follows the paths of an archive in their order. Holds no more of them than it takes to see that two are
/// alike but for case: an upper-case letter sorts before its lower-case one, so only names with one are kept,
/// and only while their folder lasts.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    last: String,
    /// By depth: names in lower case that were written otherwise.
    upper: Vec<BTreeSet<String>>,
}

impl Paths {
    /// The next path inside the bundle's folder, or what is wrong with it.
    pub(crate) fn next(&mut self, path: &str) -> Result<(), &'static str> {
        if !path_allowed(path) {
            return Err("a path that is not allowed");
        }
        if !self.last.is_empty() && place(path) <= place(&self.last) {
            return Err("files are not in order of their paths, or one is there twice");
        }
        let same = self.last.split('/').zip(path.split('/')).take_while(|(a, b)| a == b).count();
        self.upper.truncate(same + 1);
        for (depth, name) in path.split('/').enumerate().skip(same) {
            if self.upper.len() <= depth {
                self.upper.push(BTreeSet::new());
            }
            let lower = name.to_ascii_lowercase();
            if self.upper[depth].contains(&lower) {
                return Err("like another path but for case");
            }
            if lower != name {
                self.upper[depth].insert(lower);
            }
        }
        path.clone_into(&mut self.last);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(paths: &[&str]) -> Result<(), &'static str> {
        let mut order = Paths::default();
        paths.iter().try_for_each(|path| order.next(path))
    }

    #[test]
    fn paths_come_in_order_and_the_closing_ones_last() {
        all(&[
            "README.txt",
            "data/a/x",
            "data/a/y",
            "data/b/x",
            "manifest-sha256.txt",
            "verify.sh",
            PACKED,
            TAGMANIFEST,
        ])
        .unwrap();
        for paths in [["b", "a"], ["a", "a"], [TAGMANIFEST, "verify.sh"], [TAGMANIFEST, PACKED], [PACKED, "a"]] {
            assert!(all(&paths).unwrap_err().contains("order"), "{paths:?}");
        }
    }

    #[test]
    fn paths_alike_but_for_case_are_found_at_every_depth() {
        for paths in [
            &["A.txt", "B.txt", "a.txt"][..],
            &["aB", "ab"],
            &["aB", "b", "ab"],
            &["data/A/x", "data/B/x", "data/a/y"],
            &["data/x/README", "data/x/ReadMe"],
            &["Data/x", "data/y"],
            &["Tagmanifest-sha256.txt", "x", TAGMANIFEST],
        ] {
            assert!(all(paths).is_err(), "{paths:?}");
        }
        all(&["data/A/x", "data/B/x", "data/c/A", "data/d/a"]).unwrap();
    }

    #[test]
    fn paths_that_lead_elsewhere_are_not_allowed() {
        for path in
            ["/etc/passwd", "a/../b", "a//b", "a\\b", "a/./b", "a/", "", "ä", "a b", "C:/x", "a\0b", ".", "..", "a."]
                .into_iter()
                .chain(["CON", "a/nul", "a/aux.txt/b", "Com1.csv", "lpt9"])
        {
            assert!(!path_allowed(path), "{path:?}");
        }
        assert!(["console", "com", "com10", "a/nul_", "aux-1", ".a"].iter().all(|path| path_allowed(path)));
        assert!(path_allowed("evidenced_acme_2026-01-01_2026-03-31/data/records/000000000001.json"));
    }
}
