//! Archives that are not bundles, or are made to do harm: refused before they are believed.

use super::archive::{form, pack};
use super::{check, wrong};
use crate::support::auditor::Auditor;
use std::path::PathBuf;
use tempfile::TempDir;
use zip::{CompressionMethod, DateTime};

fn put(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bundle.zip");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// Refused by its outline alone, for that reason; and nothing was written beside it.
fn refused(bytes: &[u8], why: &str) {
    let (dir, path) = put(bytes);
    let report = check(&path, true);
    assert_eq!(report.checks.len(), 1, "{why}: taken for a bundle");
    assert!(!report.ok() && !report.complete && report.checks[0].name == "container");
    assert!(wrong(&report).contains(why), "not for {why:?}:\n{}", wrong(&report));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    // Of a good bundle in such layouts: `layouts`.
    let (fine, said) = DESK.with(|desk| desk.python(&path));
    assert!(!fine && said.starts_with("REFUSED") && !said.contains("Traceback"), "{why}: {said}");
}

thread_local! {
    /// With a key of some log.
    static DESK: Auditor = {
        let desk = Auditor::new();
        let world = super::world::World::tiny();
        std::fs::copy(world.state().join("log.vkey"), desk.path("KEYS/log.vkey")).unwrap();
        std::fs::write(desk.path("KEYS/allowed_signers"), "a ssh-ed25519 AAAA\n").unwrap();
        desk
    };
}

fn files(paths: &[&str]) -> Vec<(String, Vec<u8>)> {
    paths.iter().map(|path| ((*path).to_owned(), b"content of some length".to_vec())).collect()
}

fn good() -> Vec<u8> {
    pack(&files(&["top/a.txt", "top/b.txt"]), form())
}

/// Replaces every occurrence.
fn swap(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut count = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
            count += 1;
        }
    }
    assert!(count > 0);
    bytes
}

#[test]
fn what_is_no_archive_is_refused() {
    refused(b"", "0 bytes long");
    refused(&[0; 4096], "no end record");
    let good = good();
    for length in [1, 21, 22, good.len() / 2, good.len() - 1] {
        let (_dir, path) = put(&good[..length]);
        assert!(!check(&path, false).ok(), "{length} bytes of an archive");
    }
    assert!(evidenced::bundle::verify(&PathBuf::from("nowhere.zip"), &Default::default()).is_err());
}

#[test]
fn bytes_before_between_or_after_are_refused() {
    let good = good();
    let mut before = b"#!/bin/sh\n".to_vec();
    before.extend_from_slice(&good);
    refused(&before, "its directory does not end where its end record begins");
    let mut after = good.clone();
    after.push(0);
    refused(&after, "no end record");
    let mut comment = good.clone();
    let end = comment.len();
    comment[end - 2] = 1;
    comment.push(b'x');
    refused(&comment, "no end record");
    // A gap between two files, with every place after it put right.
    let second = good.windows(4).rposition(|window| window == b"PK\x03\x04").unwrap();
    let entry = good.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let mut apart = good.clone();
    for place in [entry + 42, good.len() - 6] {
        let at = u32::from_le_bytes(good[place..place + 4].try_into().unwrap());
        apart[place..place + 4].copy_from_slice(&(at + 1).to_le_bytes());
    }
    apart.insert(second, 0);
    refused(&apart, "top/b.txt: ");
    // A gap before the directory, with the end record put right.
    let end = good.len() - 22;
    let start = u32::from_le_bytes(good[end + 16..end + 20].try_into().unwrap());
    let mut between = good.clone();
    between.insert(start as usize, 0);
    between[end + 17..end + 21].copy_from_slice(&(start + 1).to_le_bytes());
    refused(&between, "bytes that belong to no file");
}

#[test]
fn every_changed_byte_of_the_outline_is_refused() {
    let good = good();
    let (_dir, path) = put(&good);
    assert!(check(&path, false).checks[0].ok, "{}", wrong(&check(&path, false)));
    for at in 0..good.len() {
        for bit in [1, 0x80] {
            let mut changed = good.clone();
            changed[at] ^= bit;
            let (_dir, path) = put(&changed);
            let report = check(&path, false);
            let content = report.checks.iter().any(|check| check.name == "manifests");
            let first = &report.checks[0];
            // The container, or else the content of a file, which the manifests' check reads.
            assert!(!first.ok || content && wrong(&report).contains(".txt: "), "byte {at}");
            let data = (39..39 + 24).contains(&at) || at > 62;
            assert!(!first.ok || data, "byte {at} is of the first header");
        }
    }
}

#[test]
fn another_form_is_refused() {
    let two = files(&["top/a.txt", "top/b.txt"]);
    let date = DateTime::from_date_and_time(2026, 1, 1, 0, 0, 0).unwrap();
    refused(&pack(&two, form().last_modified_time(date)), "the time");
    refused(&pack(&two, form().compression_method(CompressionMethod::Stored).compression_level(None)), "top/a.txt");
    refused(&pack(&two, form().unix_permissions(0o755)), "a mode");
    refused(&pack(&two, form().large_file(true)), "");
    let mut link = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    link.add_symlink("top/a.txt", "/etc/passwd", form()).unwrap();
    refused(&link.finish().unwrap().into_inner(), "a.txt");
    let mut folder = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    folder.add_directory("top/a", form()).unwrap();
    refused(&folder.finish().unwrap().into_inner(), "is not allowed");
    let mut encrypted = good();
    encrypted[6] |= 1;
    refused(&encrypted, "its header does not say");
    let central = encrypted.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    encrypted[central + 8] |= 1;
    refused(&encrypted, "a flag (encryption");
}

#[test]
fn paths_that_lead_elsewhere_or_clash_are_refused() {
    for path in ["/etc/passwd", "top/../../x", "top\\a", "C:/x", "top//a", "top/./a", "top/a b", "top/ä", "", "top/a/"]
    {
        let mut bytes = pack(&files(&[&"x".repeat(path.len())]), form());
        bytes = if path.is_empty() { bytes } else { swap(&bytes, "x".repeat(path.len()).as_bytes(), path.as_bytes()) };
        refused(&bytes, "is not allowed");
    }
    refused(&pack(&files(&["a.txt"]), form()), "outside the bundle's folder");
    refused(&pack(&files(&["one/a.txt", "two/a.txt"]), form()), "outside the bundle's folder");
    refused(&pack(&files(&["top/b.txt", "top/a.txt"]), form()), "not in order");
    refused(&swap(&good(), b"top/b.txt", b"top/a.txt"), "there twice");
    refused(&pack(&files(&["top/A.txt", "top/a.txt"]), form()), "but for case");
    refused(&pack(&files(&[&format!("top/{}", "a".repeat(300))]), form()), "a path longer than");
}

#[test]
fn sizes_that_lie_or_would_fill_the_disk_are_refused() {
    let good = good();
    let claims = |size: u32| {
        let mut bytes = swap(&good, &22_u32.to_le_bytes(), &size.to_le_bytes());
        // The end record's own fields happen not to hold 22.
        bytes.truncate(good.len());
        bytes
    };
    refused(&claims(u32::MAX), "must not, unpack");
    refused(&claims(1 << 20), "must not, unpack");
    for size in [21, 23] {
        let (_dir, path) = put(&claims(size));
        let report = check(&path, false);
        assert!(wrong(&report).contains("than the archive says"), "{}", wrong(&report));
    }
    let many = pack(&files(&["top/a.txt"]), form());
    let end = many.len() - 22;
    let mut many = many;
    many[end + 8..end + 12].copy_from_slice(&[0xfe, 0xff, 0xfe, 0xff]);
    refused(&many, "");
    let bomb = pack(&[("top/a.txt".to_owned(), vec![0; 64 << 20])], form());
    let (_dir, path) = put(&bomb);
    let report = check(&path, false);
    assert!(!report.ok() && report.checks[0].ok, "64 MiB of nothing are read as a stream, and are no bundle");
}

#[test]
fn a_bundle_may_have_more_files_than_sixteen_bits_count() {
    let paths: Vec<String> = (0..66_000).map(|number| format!("top/{number:06}")).collect();
    let many: Vec<(String, Vec<u8>)> = paths.into_iter().map(|path| (path, Vec::new())).collect();
    let bytes = pack(&many, form());
    let (_dir, path) = put(&bytes);
    let report = check(&path, false);
    assert!(report.checks[0].ok, "{}", report.checks[0].detail);
    let (_, said) = DESK.with(|desk| desk.python(&path));
    assert!(said.contains("tagmanifest-sha256.txt: is missing") && !said.contains("archive"), "{said}");
    for back in [22 + 20 + 56 - 32, 22 + 20 + 56 - 4, 22 + 16, 30] {
        let mut changed = bytes.clone();
        let at = changed.len() - back;
        changed[at] ^= 1;
        refused(&changed, "");
    }
}
