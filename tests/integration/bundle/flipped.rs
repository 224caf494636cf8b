//! No single bit of a bundle can be changed, wherever it is: headers, packed bytes, manifests. The packed
//! bytes matter because the same content can be packed in more than one way.
//!
//! `EVIDENCED_FLIP=data/log/` flips those of some files alone, by the beginning of their paths: what a check is
//! there for shows when it is taken out.

use super::check;
use super::world::World;
use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use zip::ZipArchive;

/// Bits of a byte that are flipped: one of each, and all eight of every 97th.
fn bits(at: usize) -> std::ops::Range<usize> {
    if at.is_multiple_of(97) { 0..8 } else { at % 8..at % 8 + 1 }
}

/// Where to flip: everywhere, or in the files asked for, headers and all.
fn places(bytes: &[u8]) -> Vec<usize> {
    let Ok(start) = std::env::var("EVIDENCED_FLIP") else { return (0..bytes.len()).collect() };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut places = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).unwrap();
        if entry.name().unwrap().split_once('/').unwrap().1.starts_with(&start) {
            let end = entry.data_start().unwrap() + entry.compressed_size();
            places.extend(usize::try_from(entry.header_start()).unwrap()..usize::try_from(end).unwrap());
        }
    }
    assert!(!places.is_empty(), "no file of the bundle begins with {start}");
    places
}

/// Flips bits of a copy until none is left, and notes those after which the bundle was taken for good.
fn flip(bytes: &[u8], places: &[usize], copy: &Path, next: &AtomicUsize, taken: &Mutex<Vec<String>>) {
    std::fs::write(copy, bytes).unwrap();
    let file = File::options().write(true).open(copy).unwrap();
    loop {
        let Some(at) = places.get(next.fetch_add(1, Ordering::Relaxed)).copied() else { return };
        let byte = &bytes[at];
        for bit in bits(at) {
            file.write_all_at(&[byte ^ 1 << bit], at as u64).unwrap();
            if check(copy, false).ok() {
                taken.lock().unwrap().push(format!("bit {bit} of byte {at}"));
            }
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
}

#[test]
fn no_bit_of_a_bundle_can_be_flipped() {
    let bytes = std::fs::read(World::tiny().bundle()).unwrap();
    let places = places(&bytes);
    let dir = tempfile::tempdir().unwrap();
    let (next, taken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let copies: Vec<_> = (0..4).map(|n| dir.path().join(format!("{n}.zip"))).collect();
    std::fs::write(&copies[0], &bytes).unwrap();
    assert!(check(&copies[0], false).ok());
    std::thread::scope(|scope| {
        copies.iter().for_each(|copy| drop(scope.spawn(|| flip(&bytes, &places, copy, &next, &taken))));
    });
    assert!(next.into_inner() >= places.len());
    assert_eq!(taken.into_inner().unwrap(), Vec::<String>::new(), "of {} bytes", places.len());
}
