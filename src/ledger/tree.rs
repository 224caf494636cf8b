//! The RFC 6962 Merkle tree over SHA-256: hashes, roots, proofs and their verification. Pure; where
//! hashes are kept is the caller's affair.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index, or the older size, is not inside the tree.
    #[error("the position lies outside the tree")]
    Outside,
    /// Hashes are missing or left over.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes give another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Hash of a leaf: SHA-256 of a zero byte and the record.
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// Hash of an inner node: SHA-256 of a one byte and the two hashes below.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The right edge of a tree: all that is needed to append to it and to know its root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    // Roots of the perfect subtrees from left to right: one for each bit set in `size`, highest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The right edge of the tree of `size` leaves, read from `hash`, which is as for `inclusion_proof`.
    pub fn load<E>(size: u64, mut hash: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let mut peaks = Vec::new();
        let mut start = 0_u64;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            peaks.push(hash(level, start >> level)?);
            start += 1 << level;
        }
        Ok(Self { size, peaks })
    }

    /// Roots of the perfect subtrees, left to right.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _, _| {});
    }

    /// Appends a leaf, and tells of every perfect subtree that it completes: level, position and root.
    pub fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u32, u64, &Hash)) {
        let mut hash = leaf;
        for level in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
                completed(level + 1, self.size >> (level + 1), &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
            None => empty_root(),
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// Proof that the leaf at `index` is in the tree of `size` leaves, RFC 6962 2.1.1; `index` must be
/// less than `size`.
///
/// `hash(level, position)` gives the root of the perfect subtree of `2^level` leaves that begins at
/// leaf `position * 2^level`; it is asked for nothing beyond `size`.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut hash: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(range_root(middle, high, &mut hash)?);
            high = middle;
        } else {
            proof.push(range_root(low, middle, &mut hash)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proof that the tree of `old` leaves is the beginning of the tree of `new` leaves, RFC 6962 2.1.2;
/// `old` must be from 1 to `new`. `hash` as for `inclusion_proof`.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    mut hash: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut low, mut high) = (0, new);
    let mut proof = Vec::new();
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range_root(middle, high, &mut hash)?);
            high = middle;
        } else {
            proof.push(range_root(low, middle, &mut hash)?);
            low = middle;
        }
    }
    // The old root itself is known to whoever checks; any other starting point has to be told.
    if low > 0 {
        proof.push(range_root(low, high, &mut hash)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Root of the tree of `size` leaves. `hash` as for `inclusion_proof`.
pub fn root_of<E>(size: u64, mut hash: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 { Ok(empty_root()) } else { range_root(0, size, &mut hash) }
}

/// Checks an inclusion proof against a root that is trusted already. `bundle::verify` has a verifier of its own; this is
/// what tests hold the proofs that we make against.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Checks a consistency proof between two roots; as `verify_inclusion`, for tests.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old == 0 || old > new {
        return Err(ProofError::Outside);
    }
    if old == new {
        return match (proof.is_empty(), old_root == new_root) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(ProofError::Length),
        };
    }
    let (mut node, mut last) = (old - 1, new - 1);
    let skip = node.trailing_ones();
    (node, last) = (node >> skip, last >> skip);
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { old_root } else { rest.next().ok_or(ProofError::Length)? };
    let (mut from_old, mut from_new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            from_new = node_hash(&from_new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, from_old == *old_root && from_new == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Root over leaves `low..high`, a range that a tree of `high` leaves has a node for.
fn range_root<E>(low: u64, high: u64, hash: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let width = high - low;
    if width.is_power_of_two() {
        let level = width.trailing_zeros();
        return hash(level, low >> level);
    }
    let middle = low + split(width);
    let left = range_root(low, middle, hash)?;
    Ok(node_hash(&left, &range_root(middle, high, hash)?))
}

/// The largest power of two below `width`, which must be more than 1.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

#[cfg(test)]
mod tests;
