//! The generator. Known by its definition and not by a library, so that anybody can draw again:
//!
//! 1. The key is SHA-256 over the seed's UTF-8 bytes and the 32 bytes of SHA-256 of `population.csv`.
//! 2. The rows of the population, from 1, stand in a list.
//! 3. For k = 0, 1, 2, … the number SHA-256(key, k as 8 bytes, big-endian), read big-endian, modulo the length of
//!    the list, is the place, from 0, of the row that is taken out of it next.
//!
//! Of 2^256 numbers the remainders of a list of a million differ in how often they come by less than 1 in 2^236.

use sha2::{Digest, Sha256};

/// The rows drawn, in the order of drawing; `rows` is how many there are, and at most so many are drawn.
pub fn draw(seed: &str, population: &[u8], rows: u64, size: u64) -> Vec<u64> {
    let key = Sha256::new_with_prefix(seed.as_bytes()).chain_update(Sha256::digest(population)).finalize();
    let mut left: Vec<u64> = (1..=rows).collect();
    let mut drawn = Vec::new();
    for number in 0..size.min(rows) {
        let number = Sha256::new_with_prefix(key).chain_update(number.to_be_bytes()).finalize();
        let place = remainder(&number, left.len() as u64);
        drawn.push(left.remove(usize::try_from(place).unwrap_or_default()));
    }
    drawn
}

/// A big-endian number modulo another.
fn remainder(number: &[u8], by: u64) -> u64 {
    let by = u128::from(by.max(1));
    let remainder = number.iter().fold(0, |rest, byte| (rest * 256 + u128::from(*byte)) % by);
    u64::try_from(remainder).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{draw, remainder};
    use std::collections::BTreeSet;

    #[test]
    fn a_draw_has_every_row_once_and_depends_on_seed_and_population() {
        let all = draw("seed", b"population", 100, 1_000);
        assert_eq!(all.len(), 100);
        assert_eq!(all.iter().copied().collect::<BTreeSet<u64>>(), (1..=100).collect());
        assert_eq!(draw("seed", b"population", 100, 10), all[..10]);
        assert_ne!(draw("other", b"population", 100, 10), all[..10]);
        assert_ne!(draw("seed", b"populatioN", 100, 10), all[..10]);
        assert!(draw("seed", b"", 0, 5).is_empty());
    }

    #[test]
    fn remainders_are_those_of_the_whole_number() {
        assert_eq!(remainder(&[1, 0], 255), 1);
        assert_eq!(remainder(&[0xff; 32], u64::MAX), 0, "2^256 - 1 is a multiple of 2^64 - 1");
        assert_eq!(remainder(&[0xff; 32], 10), 5);
    }
}
