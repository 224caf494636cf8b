//! The layout of an archive: the files one after the other, the directory, the end record, and no byte besides. Whoever
//! reads it otherwise than the program that unpacks it checks other files than are read. All of these archives hold a
//! good bundle, and every verifier must refuse them for how they are laid out; `hostile` has what meets us alone.

use super::archive::Files;
use super::tools::Audit;
use super::wrong;
use crate::support::program;
use sha2::{Digest, Sha256};
use std::process::Command;

const END: usize = 22;
const CENTRAL: usize = 46;

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn set(bytes: &mut [u8], at: usize, number: usize) {
    bytes[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
}

/// Where the directory begins.
fn directory(zip: &[u8]) -> usize {
    u32_at(zip, zip.len() - END + 16)
}

/// Where the entry of each file stands in the directory.
fn entries(zip: &[u8]) -> Vec<usize> {
    let mut at = directory(zip);
    let mut found = Vec::new();
    while zip[at..].starts_with(b"PK\x01\x02") {
        found.push(at);
        at += CENTRAL + usize::from(u16::from_le_bytes([zip[at + 28], zip[at + 29]]));
    }
    found
}

/// The files and the directory of one archive, then those of another one, and the end of the first: who takes the place
/// of the directory by its word reads the first, who counts back from the end reads the second.
fn both(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut shifted = second.to_vec();
    for entry in entries(second) {
        // Who counts back believes that every place is off by as much as the directory's own.
        let at = u32_at(second, entry + 42) + directory(first);
        set(&mut shifted, entry + 42, at.checked_sub(directory(second)).unwrap());
    }
    let (first, end) = first.split_at(first.len() - END);
    let zip = [first, &shifted[..second.len() - END], end].concat();
    assert_eq!(u32_at(end, 12), second.len() - END - directory(second), "directories of one length");
    zip
}

/// A byte put in before the file of that number, with all later places put right.
fn hole(zip: &[u8], before: usize) -> Vec<u8> {
    let (all, start, end) = (entries(zip), directory(zip), zip.len() - END);
    let at = all.get(before).map_or(start, |entry| u32_at(zip, entry + 42));
    let mut zip = zip.to_vec();
    for entry in all.iter().skip(before) {
        let place = u32_at(&zip, entry + 42);
        set(&mut zip, entry + 42, place + 1);
    }
    set(&mut zip, end + 16, start + 1);
    zip.insert(at, 0);
    zip
}

fn changed(zip: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut zip = zip.to_vec();
    change(&mut zip);
    zip
}

/// A good bundle, packed by the tests' own packer; nothing is wrong with it.
fn good(audit: &Audit) -> (Files, Vec<u8>) {
    let zip = audit.forged("good.zip", Some(&audit.world.key()), |_| ());
    let report = audit.ours(&zip);
    assert!(report.ok(), "{}", wrong(&report));
    let (fine, said) = audit.desk.python(&zip);
    assert!(fine, "{said}");
    let page = audit.desk.page(&zip, "");
    assert_eq!(page["state"], "accepted", "{page}");
    (Files::read(&zip), std::fs::read(&zip).unwrap())
}

fn refused(audit: &Audit, what: &str, bytes: &[u8]) {
    let zip = audit.path("layout.zip");
    std::fs::write(&zip, bytes).unwrap();
    let report = audit.ours(&zip);
    assert!(!report.ok() && report.checks[0].name == "container", "{what}: {}", wrong(&report));
    let (fine, said) = audit.desk.python(&zip);
    assert!(!fine && said.contains("REFUSED") && !said.contains("Traceback"), "{what}: verify.py: {said}");
    let page = audit.desk.page(&zip, "");
    assert_eq!(page["state"], "refused", "{what}: {page}");
}

#[test]
fn every_verifier_refuses_a_good_bundle_in_another_layout() {
    let audit = Audit::new();
    let (_, good) = good(&audit);
    let (start, end, all) = (directory(&good), good.len() - END, entries(&good));
    refused(&audit, "bytes before", &[b"#!/bin/sh\n", &good[..]].concat());
    refused(&audit, "a byte after", &[&good[..], &[0]].concat());
    let comment = changed(&good, |zip| {
        zip[end + 20] = 1;
        zip.push(b'x');
    });
    refused(&audit, "a comment", &comment);
    refused(&audit, "a hole before the first file", &hole(&good, 0));
    refused(&audit, "a hole between two files", &hole(&good, 1));
    refused(&audit, "a hole before the directory", &hole(&good, all.len()));
    refused(&audit, "a hole after the directory", &changed(&good, |zip| zip.insert(end, 0)));
    let name = u32_at(&good, all[1] + 42) + 30;
    refused(&audit, "another name before a file", &changed(&good, |zip| zip[name] ^= 1));
    refused(&audit, "another check sum before a file", &changed(&good, |zip| zip[name - 16] ^= 1));
    refused(&audit, "a file less in the end record", &changed(&good, |zip| zip[end + 10] ^= 1));
    refused(&audit, "a file fewer on this disk", &changed(&good, |zip| zip[end + 8] ^= 1));
    assert_eq!(start, all[0]);
}

#[test]
fn every_verifier_refuses_a_folder_whose_name_leads_elsewhere() {
    let audit = Audit::new();
    let (mut files, _) = good(&audit);
    for top in ["..", ".", "a b", "\u{1b}[2K"] {
        files.top = top.to_owned();
        let zip = files.write(&audit.path("."));
        refused(&audit, top, &std::fs::read(zip).unwrap());
    }
}

#[test]
pub(super) fn attack_46_one_archive_with_two_directories_is_no_bundle() {
    let audit = Audit::new();
    let (files, good) = good(&audit);
    // No page of a bundle is as short as the one, nor packs as badly as the other.
    let noise: Vec<u8> = (0_u32..4096).flat_map(|n| Sha256::digest(n.to_le_bytes())).collect();
    let forged = |page: &[u8]| {
        let mut files = files.clone();
        files.files.insert("data/index.html".to_owned(), page.to_vec());
        std::fs::read(files.write(&audit.path("."))).unwrap()
    };
    let (short, long) = (forged(b"All controls are effective."), forged(&noise));
    let zip = both(&good, &short);
    refused(&audit, "the good one, and a forged one", &zip);
    // Which is what unzip makes of it.
    let mut unzip = Command::new(program("unzip"));
    let pages = unzip.arg("-p").arg(audit.path("layout.zip")).arg("*/data/index.html").output().unwrap();
    assert!(pages.stdout.starts_with(b"All controls are effective."), "{pages:?}");
    refused(&audit, "a forged one, and the good one", &both(&long, &good));
}
