//! RFC 6962 trees and C2SP signed notes, read only. Written apart from the ledger's, so that a fault in
//! one is found by the other.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

pub(super) type Hash = [u8; 32];

/// The hash of a record.
pub(super) fn leaf(record: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(record).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root that an inclusion proof leads to; `None` when it is not as long as it must be.
pub(super) fn root_by_proof(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1)?;
    if index > last {
        return None;
    }
    let (mut at, mut hash, mut siblings) = (index, leaf, proof.iter());
    while last > 0 {
        if at % 2 == 1 {
            hash = node(siblings.next()?, &hash);
        } else if at < last {
            hash = node(&hash, siblings.next()?);
        }
        // A node without a sibling goes up as it is.
        (at, last) = (at / 2, last / 2);
    }
    siblings.next().is_none().then_some(hash)
}

/// A tree as the perfect subtrees that it consists of, the largest first.
pub(super) struct Fold {
    size: u64,
    peaks: Vec<Hash>,
}

impl Fold {
    /// Over the first `size` leaves; `None` when these are not as many subtrees as it takes.
    pub(super) fn new(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Appends a leaf.
    pub(super) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The number of leaves, and the root; `None` for an empty tree.
    pub(super) fn root(&self) -> (u64, Option<Hash>) {
        (self.size, self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right)))
    }
}

/// A log's public key, `name+id+base64`.
pub(super) struct Key {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// What a checkpoint says.
pub(super) struct Checkpoint {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: Hash,
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text).ok()?;
    (STANDARD.encode(&bytes) == text).then_some(bytes)
}

/// A hash in base64, in the one way there is.
pub(super) fn base64_hash(text: &str) -> Option<Hash> {
    base64(text)?.try_into().ok()
}

/// A decimal number without leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl Key {
    /// Reads a key, checking its id.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("not of the form name+id+base64");
        };
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("its name is empty or has spaces");
        }
        let bytes = base64(key).ok_or("its third part is not base64")?;
        let public: [u8; 32] = match bytes.split_first() {
            Some((1, public)) => public.try_into().map_err(|_| "not an Ed25519 key of 32 bytes")?,
            _ => return Err("not an Ed25519 key"),
        };
        let hash = Sha256::new_with_prefix(name).chain_update(b"\n").chain_update(&bytes).finalize();
        let own = [hash[0], hash[1], hash[2], hash[3]];
        if hex::encode(own) != id {
            return Err("its id does not belong to its name and key");
        }
        let key = VerifyingKey::from_bytes(&public).map_err(|_| "not a point of the curve")?;
        if key.is_weak() {
            return Err("a weak key");
        }
        Ok(Self { name: name.to_owned(), id: own, key })
    }

    /// Reads a checkpoint that this key must have signed.
    pub(super) fn open(&self, note: &str) -> Result<Checkpoint, String> {
        let at = note.find("\n\n").ok_or("no empty line before the signatures")?;
        let (text, signatures) = (&note[..=at], &note[at + 2..]);
        if signatures.is_empty() || !signatures.ends_with('\n') {
            return Err("no whole signature line".to_owned());
        }
        let mut signed = false;
        for line in signatures.split_terminator('\n') {
            let parts = line.strip_prefix("— ").and_then(|rest| rest.split_once(' '));
            let (name, bytes) = parts.ok_or("a signature line is malformed")?;
            let bytes = base64(bytes).filter(|bytes| bytes.len() > 4).ok_or("a signature is not base64")?;
            if name != self.name || bytes[..4] != self.id {
                continue;
            }
            let signature = Signature::from_slice(&bytes[4..]).map_err(|_| "the signature is not one of Ed25519")?;
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| format!("the signature by {name} is not right for the text"))?;
            signed = true;
        }
        if !signed {
            return Err(format!("not signed by {}+{}", self.name, hex::encode(self.id)));
        }
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err("not three lines of text".to_owned());
        };
        if origin != self.name {
            return Err(format!("of the log {origin}, but the key is of {}", self.name));
        }
        let size = decimal(size).ok_or("the size is not a number")?;
        let root = base64_hash(root).ok_or("the root is not a hash in base64")?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tree;

    #[test]
    fn folding_and_proofs_arrive_at_the_roots_that_the_ledger_computes() {
        let leaves: Vec<Hash> = (0_u8..70).map(|n| leaf(&[n])).collect();
        for size in 1..=leaves.len() {
            let mut ledger = tree::Frontier::default();
            leaves[..size].iter().for_each(|leaf| ledger.push(*leaf));
            for start in 0..size {
                let mut before = tree::Frontier::default();
                leaves[..start].iter().for_each(|leaf| before.push(*leaf));
                let mut fold = Fold::new(start as u64, before.peaks().to_vec()).unwrap();
                leaves[start..size].iter().for_each(|leaf| fold.push(*leaf));
                assert_eq!(fold.root(), (size as u64, Some(ledger.root())));
            }
        }
    }

    #[test]
    fn a_proof_of_the_wrong_length_leads_nowhere() {
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        assert_eq!(root_by_proof(a, 0, 2, &[b]), Some(node(&a, &b)));
        assert_eq!(root_by_proof(b, 1, 2, &[a]), Some(node(&a, &b)));
        assert_eq!(root_by_proof(a, 0, 2, &[]), None);
        assert_eq!(root_by_proof(a, 0, 2, &[b, b]), None);
        assert_eq!(root_by_proof(a, 2, 2, &[b]), None);
        assert_eq!(root_by_proof(a, 0, 0, &[]), None);
        assert_eq!(root_by_proof(a, 0, 1, &[]), Some(a));
    }
}
