//! The tree against the RFC's vectors, a naive recursion and another implementation; forged proofs.

use super::*;
use proptest::prelude::*;
use std::convert::Infallible;
use tlog_tiles::tlog;

/// Inputs and roots that implementations of RFC 6962 share.
const VECTORS: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

/// RFC 6962 2.1, word for word.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive(left), &naive(right))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn source(leaves: &[Hash]) -> impl FnMut(u32, u64) -> Result<Hash, Infallible> + '_ {
    |level, n| {
        let (start, width) = (usize::try_from(n << level).unwrap(), 1_usize << level);
        Ok(naive(&leaves[start..start + width]))
    }
}

/// The hashes that Go's `tlog` stores, in its order.
struct Stored(Vec<tlog::Hash>);

impl tlog::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
    }
}

fn stored(leaves: &[Hash]) -> Stored {
    let mut stored = Stored(Vec::new());
    for (n, leaf) in (0..).zip(leaves) {
        let new = tlog::stored_hashes_for_record_hash(n, tlog::Hash(*leaf), &stored).unwrap();
        stored.0.extend(new);
    }
    stored
}

fn theirs(hashes: &[Hash]) -> Vec<tlog::Hash> {
    hashes.iter().map(|hash| tlog::Hash(*hash)).collect()
}

#[test]
fn roots_are_those_of_the_shared_vectors() {
    assert_eq!(hex::encode(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), empty_root());
    for (input, root) in VECTORS {
        frontier.push(leaf_hash(&hex::decode(input).unwrap()));
        assert_eq!(hex::encode(frontier.root()), root);
    }
}

#[test]
fn proofs_of_every_small_tree_hold_here_and_in_another_implementation() {
    let leaves = leaves(40);
    let other = stored(&leaves);
    for size in 1..=40_u64 {
        let root = naive(&leaves[..size as usize]);
        for index in 0..size {
            let proof = inclusion_proof(index, size, source(&leaves)).unwrap();
            let leaf = &leaves[index as usize];
            assert_eq!(verify_inclusion(leaf, index, size, &proof, &root), Ok(()), "{index} of {size}");
            let (theirs, root, leaf) = (theirs(&proof), tlog::Hash(root), tlog::Hash(*leaf));
            assert_eq!(tlog::prove_record(size, index, &other).unwrap(), theirs);
            tlog::check_record(&theirs, size, root, index, leaf).unwrap();
        }
        for old in 1..=size {
            let old_root = naive(&leaves[..old as usize]);
            let proof = consistency_proof(old, size, source(&leaves)).unwrap();
            assert_eq!(verify_consistency(old, &old_root, size, &root, &proof), Ok(()), "{old} to {size}");
            let (theirs, root, old_root) = (theirs(&proof), tlog::Hash(root), tlog::Hash(old_root));
            assert_eq!(tlog::prove_tree(size, old, &other).unwrap(), theirs);
            tlog::check_tree(&theirs, size, root, old, old_root).unwrap();
        }
    }
}

#[test]
fn positions_outside_of_the_tree_are_refused() {
    let (leaf, root) = (leaves(1)[0], naive(&leaves(1)));
    assert_eq!(verify_inclusion(&leaf, 0, 0, &[], &root), Err(ProofError::Outside));
    assert_eq!(verify_inclusion(&leaf, 1, 1, &[], &root), Err(ProofError::Outside));
    assert_eq!(verify_consistency(0, &empty_root(), 1, &root, &[]), Err(ProofError::Outside));
    assert_eq!(verify_consistency(2, &root, 1, &root, &[]), Err(ProofError::Outside));
    assert_eq!(verify_consistency(1, &root, 1, &root, &[leaf]), Err(ProofError::Length));
    assert_eq!(verify_consistency(1, &root, 1, &leaf_hash(b"x"), &[]), Err(ProofError::Root));
}

fn mutations(proof: &[Hash], at: usize) -> Vec<Vec<Hash>> {
    let mut longer = proof.to_vec();
    longer.push([0; 32]);
    let mut all = vec![longer];
    if !proof.is_empty() {
        let at = at % proof.len();
        let mut flipped = proof.to_vec();
        flipped[at][at] ^= 1;
        let mut shorter = proof.to_vec();
        shorter.remove(at);
        all.extend([flipped, shorter]);
    }
    all
}

proptest! {
    #[test]
    fn the_frontier_agrees_with_the_naive_recursion(size in 0..700_u64, more in 0..300_u64) {
        let leaves = leaves(size + more);
        let mut frontier = Frontier::load(size, source(&leaves)).unwrap();
        prop_assert_eq!(frontier.root(), naive(&leaves[..size as usize]));
        let mut completed = Vec::new();
        for leaf in &leaves[size as usize..] {
            frontier.push_with(*leaf, |level, n, hash| completed.push((level, n, *hash)));
        }
        prop_assert_eq!(frontier.size(), size + more);
        prop_assert_eq!(frontier.root(), naive(&leaves));
        prop_assert_eq!(root_of(size + more, source(&leaves)).unwrap(), naive(&leaves));
        for (level, n, hash) in completed {
            prop_assert_eq!(hash, source(&leaves)(level, n).unwrap());
        }
    }

    #[test]
    fn changed_inclusion_proofs_fail(size in 1..200_u64, index in 0..200_u64, at in 0..32_usize) {
        let (leaves, index) = (leaves(size), index % size);
        let (root, leaf) = (naive(&leaves), leaves[index as usize]);
        let proof = inclusion_proof(index, size, source(&leaves)).unwrap();
        for forged in mutations(&proof, at) {
            prop_assert!(verify_inclusion(&leaf, index, size, &forged, &root).is_err());
        }
        prop_assert!(verify_inclusion(&leaf_hash(b"other"), index, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &leaf_hash(b"other")).is_err());
        prop_assert!(verify_inclusion(&leaf, (index + 1) % size, size, &proof, &root).is_err() || size == 1);
    }

    #[test]
    fn changed_consistency_proofs_fail(new in 2..200_u64, old in 1..200_u64, at in 0..32_usize) {
        let (leaves, old) = (leaves(new), 1 + old % (new - 1));
        let (root, old_root) = (naive(&leaves), naive(&leaves[..old as usize]));
        let proof = consistency_proof(old, new, source(&leaves)).unwrap();
        for forged in mutations(&proof, at) {
            prop_assert!(verify_consistency(old, &old_root, new, &root, &forged).is_err());
        }
        let other = leaf_hash(b"other");
        prop_assert!(verify_consistency(old, &other, new, &root, &proof).is_err());
        prop_assert!(verify_consistency(old, &old_root, new, &other, &proof).is_err());
    }
}
