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

/// The root of the first `index + 1` leaves: in the proof of a leaf, what lies to its left is the same however
/// many leaves have come after it. `None` when the proof is not as long as it must be.
pub(super) fn root_of_left(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (mut at, mut hash, mut siblings) = (index, leaf, proof.iter());
    while last > 0 {
        if at % 2 == 1 {
            hash = node(siblings.next()?, &hash);
        } else if at < last {
            siblings.next()?;
        }
        (at, last) = (at / 2, last / 2);
    }
    siblings.next().is_none().then_some(hash)
}

/// Follows inclusion proofs to a root, and keeps the way of the last that led there. Where the next one comes
/// upon that way, the rest is known: its hash there and its remaining siblings must be the same. So proofs of
/// leaves that lie next to each other cost two hashes each, and not one for every level.
pub(super) struct Way {
    size: u64,
    root: Hash,
    /// The last leaf.
    index: u64,
    /// By level, from the leaf on: the hash, and the one beside it, if there is one.
    steps: Vec<(Hash, Option<Hash>)>,
}

impl Way {
    /// To the root of a tree of that size.
    pub(super) fn to(size: u64, root: Hash) -> Self {
        Self { size, root, index: 0, steps: Vec::new() }
    }

    /// Whether the proof leads from the leaf to the root: the same as `root_by_proof`.
    pub(super) fn leads(&mut self, leaf: Hash, index: u64, proof: &[Hash]) -> bool {
        let Some(mut last) = self.size.checked_sub(1).filter(|last| index <= *last) else { return false };
        let (mut at, mut hash, mut siblings) = (index, leaf, proof.iter());
        let mut steps = Vec::new();
        let mut right = loop {
            let level = steps.len();
            if let Some((known, _)) = self.steps.get(level)
                && self.index >> level == at
            {
                let rest = self.steps[level..].iter().filter_map(|(_, sibling)| sibling.as_ref());
                let right = *known == hash && rest.eq(siblings.by_ref());
                steps.extend_from_slice(&self.steps[level..]);
                break right;
            }
            if last == 0 {
                break hash == self.root;
            }
            let sibling = if at % 2 == 1 || at < last { siblings.next().copied() } else { None };
            steps.push((hash, sibling));
            hash = match sibling {
                Some(sibling) if at % 2 == 1 => node(&sibling, &hash),
                Some(sibling) => node(&hash, &sibling),
                // A node without a sibling goes up as it is.
                None if at == last && at % 2 == 0 => hash,
                None => return false,
            };
            (at, last) = (at / 2, last / 2);
        };
        right &= siblings.next().is_none();
        if right {
            (self.index, self.steps) = (index, steps);
        }
        right
    }
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

    /// The number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The root; `None` for an empty tree.
    pub(super) fn root(&self) -> Option<Hash> {
        self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right))
    }
}

/// Longest note, and most signatures of one.
const NOTE_BYTES_MAX: usize = 131_072;
const SIGNATURES_MAX: usize = 64;

/// A log's public key, `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// A signed note, read strictly. No signature has been checked.
pub(super) struct Note<'a> {
    text: &'a str,
    /// Name, key id, signature.
    lines: Vec<(&'a str, [u8; 4], Vec<u8>)>,
}

/// What a checkpoint says.
#[derive(Debug)]
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
    let (mut bytes, mut again) = ([0; 33], [0; 44]);
    let read = STANDARD.decode_slice(text, &mut bytes).ok()?;
    let hash: Hash = bytes.get(..read)?.try_into().ok()?;
    let written = STANDARD.encode_slice(hash, &mut again).ok()?;
    (again.get(..written)? == text.as_bytes()).then_some(hash)
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
        // A coordinate of 2^255 - 19 or more is a second spelling of a smaller one.
        let spelled_twice =
            public[31] & 0x7f == 0x7f && public[1..31].iter().all(|byte| *byte == 0xff) && public[0] >= 0xed;
        let key = VerifyingKey::from_bytes(&public).map_err(|_| "not a point of the curve")?;
        if spelled_twice || key.is_weak() {
            return Err("a weak key, or one written in a second way");
        }
        Ok(Self { name: name.to_owned(), id: own, key })
    }

    /// Name of the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `name+id`.
    pub(super) fn handle(&self) -> String {
        format!("{}+{}", self.name, hex::encode(self.id))
    }

    /// Whether this key has signed the note; an error when its line is there and wrong.
    pub(super) fn signed(&self, note: &Note<'_>) -> Result<bool, String> {
        let Some((_, _, signature)) = note.line(self) else { return Ok(false) };
        let signature = Signature::from_slice(signature).map_err(|_| "the signature is not one of Ed25519")?;
        self.key
            .verify_strict(note.text.as_bytes(), &signature)
            .map_err(|_| format!("the signature by {} is not right for the text", self.name))?;
        Ok(true)
    }
}

impl<'a> Note<'a> {
    /// Reads a note: every line well formed, whoever it is by, and none twice by one key.
    pub(super) fn parse(note: &'a str) -> Result<Self, String> {
        if note.len() > NOTE_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
            return Err("too long, or with control characters".to_owned());
        }
        let at = note.rfind("\n\n").ok_or("no empty line before the signatures")?;
        let (text, signatures) = (&note[..=at], &note[at + 2..]);
        if signatures.is_empty() || !signatures.ends_with('\n') {
            return Err("no whole signature line".to_owned());
        }
        let mut lines: Vec<(&str, [u8; 4], Vec<u8>)> = Vec::new();
        for line in signatures.split_terminator('\n') {
            let parts = line.strip_prefix("— ").and_then(|rest| rest.split_once(' '));
            let (name, bytes) = parts.ok_or("a signature line is malformed")?;
            if name.is_empty() || name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control()) {
                return Err("a signature line has a name that no key can have".to_owned());
            }
            let bytes = base64(bytes).ok_or("a signature is not base64")?;
            let (id, signature) = match bytes.split_first_chunk::<4>() {
                Some((id, signature)) if !signature.is_empty() => (*id, signature.to_vec()),
                _ => return Err("a signature is too short".to_owned()),
            };
            if lines.iter().any(|(other, other_id, _)| (*other, *other_id) == (name, id)) {
                return Err(format!("two signatures by {name}+{}", hex::encode(id)));
            }
            lines.push((name, id, signature));
        }
        if lines.len() > SIGNATURES_MAX {
            return Err("too many signatures".to_owned());
        }
        Ok(Self { text, lines })
    }

    fn line(&self, key: &Key) -> Option<&(&'a str, [u8; 4], Vec<u8>)> {
        self.lines.iter().find(|(name, id, _)| *name == key.name && *id == key.id)
    }

    /// Whether there is a line that claims to be by the key.
    pub(super) fn names(&self, key: &Key) -> bool {
        self.line(key).is_some()
    }

    /// What the text says as a checkpoint.
    pub(super) fn checkpoint(&self) -> Result<Checkpoint, String> {
        let mut lines = self.text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err("not three lines of text".to_owned());
        };
        if origin.is_empty() {
            return Err("without a name".to_owned());
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
                assert_eq!((fold.size(), fold.root()), (size as u64, Some(ledger.root())));
            }
        }
    }

    #[test]
    fn a_way_takes_the_proofs_that_lead_to_the_root_and_no_others() {
        let leaves: Vec<Hash> = (0_u8..23).map(|n| leaf(&[n])).collect();
        for size in 1..=leaves.len() as u64 {
            let mut fold = Fold::new(0, Vec::new()).unwrap();
            leaves[..size as usize].iter().for_each(|leaf| fold.push(*leaf));
            let root = fold.root().unwrap();
            let proof = |index: u64| {
                let node = |level: u32, n: u64| {
                    let mut fold = Fold::new(0, Vec::new()).unwrap();
                    let first = usize::try_from(n << level).unwrap();
                    leaves[first..first + (1 << level)].iter().for_each(|leaf| fold.push(*leaf));
                    Ok::<Hash, ()>(fold.root().unwrap())
                };
                tree::inclusion_proof(index, size, node).unwrap()
            };
            // From every leaf to every other, and after each what must not be taken.
            for (from, index) in (0..size).flat_map(|from| (0..size).map(move |index| (from, index))) {
                let mut way = Way::to(size, root);
                let (leaf, right) = (leaves[index as usize], proof(index));
                assert!(way.leads(leaves[from as usize], from, &proof(from)));
                let mut wrong = vec![(leaf, index + 1, right.clone()), (root, index, right.clone())];
                wrong.push((leaf, index, [&right[..], &[root]].concat()));
                for at in 0..right.len() {
                    let mut other = right.clone();
                    other[at][at % 32] ^= 1;
                    wrong.push((leaf, index, other));
                    wrong.push((leaf, index, [&right[..at], &right[at + 1..]].concat()));
                }
                for (leaf, index, proof) in wrong {
                    let taken = way.leads(leaf, index, &proof);
                    assert_eq!(taken, root_by_proof(leaf, index, size, &proof) == Some(root));
                    assert!(!taken || size == 1, "{from} {index} {size}");
                }
                assert!(way.leads(leaf, index, &right) && way.leads(leaf, index, &right));
            }
        }
    }

    #[test]
    fn the_left_of_a_proof_gives_the_root_of_the_tree_that_ended_with_its_leaf() {
        let leaves: Vec<Hash> = (0_u8..40).map(|n| leaf(&[n])).collect();
        let root = |leaves: &[Hash]| {
            let mut ledger = tree::Frontier::default();
            leaves.iter().for_each(|leaf| ledger.push(*leaf));
            ledger.root()
        };
        for size in 1..=leaves.len() {
            for index in 0..size {
                let node = |level: u32, n: u64| {
                    let first = usize::try_from(n << level).unwrap();
                    Ok::<Hash, ()>(root(&leaves[first..first + (1 << level)]))
                };
                let proof = tree::inclusion_proof(index as u64, size as u64, node).unwrap();
                let left = root_of_left(leaves[index], index as u64, size as u64, &proof);
                assert_eq!(left, Some(root(&leaves[..=index])), "leaf {index} of {size}");
                if !proof.is_empty() {
                    assert_eq!(root_of_left(leaves[index], index as u64, size as u64, &proof[1..]), None);
                }
            }
        }
    }

    #[test]
    fn notes_that_are_not_as_they_should_be_are_refused() {
        let good = "log\n1\nAAAA\n\n— log AAAAAAA=\n";
        assert!(Note::parse(good).is_ok());
        for bad in [
            good.replace("— log AAAAAAA=\n", ""),
            good.replace("— log", "- log"),
            good.replace("AAAAAAA=", "AAAAAAB="),
            good.replace("AAAAAAA=", "AAAAAA=="),
            good.replace("— log", "— a+b"),
            good.replace("— log", "— a\u{a0}b"),
            good.replace("— log", "— "),
            good.replace("log\n1", "log\t\n1"),
            format!("{good}— log AAAAAAA=\n"),
            good.trim_end().to_owned(),
        ] {
            assert!(Note::parse(&bad).is_err(), "{bad:?}");
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
