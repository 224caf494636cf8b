//! Changed copies of real inputs, given to whatever reads bytes from outside (`tests/fuzz/src/entries.rs`, which libFuzzer runs
//! too): it may refuse them, and it may not panic. Real inputs are what the other tests collected and exported.
//!
//! `EVIDENCED_SEED=7 EVIDENCED_CASES=20` for others and for so many times as many; `EVIDENCED_ENTRY=note` for one entry.
//! With `EVIDENCED_SEEDS=DIR` the real inputs are written there, for `tests/fuzz/run`. What made an entry panic is kept in
//! `target/tmp/mutated`.

#[path = "../fuzz/src/entries.rs"]
mod entries;
mod seeds;

use entries::{ENTRIES, Entry};
use seeds::Seed;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// Bytes that an entry is given, about, in changed copies of each seed, and the fewest and most copies.
const BYTES: usize = 200_000;
const COPIES: (usize, usize) = (5, 100);

/// What is put in the place of a word: ends of ranges, and what looks like something else.
const WORDS: [&str; 28] = [
    "",
    "0",
    "-1",
    "1e400",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "NaN",
    "é",
    "\u{202e}",
    "\u{0}",
    "../..",
    "%",
    "~2",
    "2026-02-30",
    "2026-12-31T23:59:60Z",
    "9999-12-31T23:59:59Z",
    "+262142-12-31T23:59:59Z",
    "-262143-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "P99999999999Y",
];

/// Numbers that follow from a seed alone.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % limit.max(1) as u64).unwrap()
    }

    /// A stretch of at most `longest`.
    fn stretch(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        start..length.min(start + 1 + self.below(longest))
    }
}

/// The word around a place: letters, digits and what stands in numbers, times and names.
fn word(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.:_%/".contains(byte);
    let before = bytes[..at].iter().rev().take_while(|byte| inside(byte)).count();
    let after = bytes[at..].iter().take_while(|byte| inside(byte)).count();
    at - before..at + after
}

/// Changes a copy in one place, or in two or three.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.below(5).saturating_sub(2) {
        let length = bytes.len();
        let at = dice.below(length);
        match dice.below(8) {
            _ if length == 0 => bytes.extend_from_slice(other),
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(dice.stretch(length, 64))),
            3 => {
                let again = bytes[dice.stretch(length, 4096)].to_vec();
                drop(bytes.splice(at..at, again));
            }
            4 if !other.is_empty() => {
                let theirs = &other[dice.stretch(other.len(), 512)];
                drop(bytes.splice(at..at, theirs.iter().copied()));
            }
            _ => drop(bytes.splice(word(bytes, at), WORDS[dice.below(WORDS.len())].bytes())),
        }
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// Writes seeds where libFuzzer looks for them.
fn hand_out(name: &str, seeds: &[Seed]) {
    let Some(dir) = std::env::var_os("EVIDENCED_SEEDS").map(|dir| PathBuf::from(dir).join(name)) else { return };
    fs::create_dir_all(&dir).unwrap();
    for (number, (_, bytes)) in seeds.iter().enumerate() {
        fs::write(dir.join(format!("seed-{number:03}")), bytes).unwrap();
    }
}

/// Runs the entry; what made it panic is kept.
fn holds(name: &str, entry: Entry, bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| entry(bytes))).unwrap_or_else(|_| {
        let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mutated").join(name);
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(&kept, bytes).unwrap();
        panic!("{name} panics: what it was given is in {}", kept.display())
    })
}

#[test]
fn nothing_that_reads_bytes_from_outside_panics_at_mutated_ones() {
    let only = std::env::var("EVIDENCED_ENTRY").ok();
    let known = |only: &String| ENTRIES.iter().any(|(name, _)| *name == *only);
    assert!(only.as_ref().is_none_or(known), "EVIDENCED_ENTRY is {only:?}, which is none of ENTRIES");
    for (name, entry) in ENTRIES.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        let seeds = seeds::of(name);
        hand_out(name, &seeds);
        let mut dice = Dice(number("EVIDENCED_SEED", 1));
        let (mut given, mut understood) = (0, 0);
        for (label, seed) in &seeds {
            assert!(holds(name, *entry, seed), "{name} does not understand its seed {label}");
            let copies = (BYTES / seed.len().max(1)).clamp(COPIES.0, COPIES.1) as u64;
            for _ in 0..copies * number("EVIDENCED_CASES", 1) {
                let mut copy = seed.clone();
                mutate(&mut copy, &seeds[dice.below(seeds.len())].1, &mut dice);
                given += 1;
                understood += usize::from(holds(name, *entry, &copy));
            }
        }
        println!("{name}: {} seeds, {given} mutated, {understood} of them understood", seeds.len());
        assert!(!seeds.is_empty(), "{name} has no seeds");
    }
}
