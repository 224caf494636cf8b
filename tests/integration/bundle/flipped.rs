//! No single bit of a bundle can be changed, wherever it is: headers, packed bytes, manifests. The packed
//! bytes matter because the same content can be packed in more than one way.

use super::check;
use super::world::World;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bits of a byte that are flipped: one of each, and all eight of every 97th.
fn bits(at: usize) -> std::ops::Range<usize> {
    if at.is_multiple_of(97) { 0..8 } else { at % 8..at % 8 + 1 }
}

/// Flips bits of a copy until none is left, and notes those after which the bundle was taken for good.
fn flip(bytes: &[u8], copy: &Path, next: &AtomicUsize, taken: &Mutex<Vec<String>>) {
    std::fs::write(copy, bytes).unwrap();
    let file = File::options().write(true).open(copy).unwrap();
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(byte) = bytes.get(at) else { return };
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
    let dir = tempfile::tempdir().unwrap();
    let (next, taken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let copies: Vec<_> = (0..4).map(|n| dir.path().join(format!("{n}.zip"))).collect();
    std::fs::write(&copies[0], &bytes).unwrap();
    assert!(check(&copies[0], false).ok());
    std::thread::scope(|scope| {
        copies.iter().for_each(|copy| drop(scope.spawn(|| flip(&bytes, copy, &next, &taken))));
    });
    assert!(next.into_inner() >= bytes.len());
    assert_eq!(taken.into_inner().unwrap(), Vec::<String>::new(), "of {} bytes", bytes.len());
}
