//! C2SP signed notes with a checkpoint as text: keys, signing, strict reading. Nothing is stored here.
//!
//! A checkpoint is three lines, origin, size and base64 root, then an empty line, then one line
//! `— name base64(key id ‖ signature)` per signer. Ed25519 only (type 0x01).

use super::tree::Hash;
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use std::fmt;

/// Longest note that is read.
pub const NOTE_BYTES_MAX: usize = 65_536;

/// The type byte of Ed25519 in key files and key ids.
const ED25519: u8 = 0x01;
const SIGNATURES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 256;
const DASH: &str = "— ";

/// Why a key or a note is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name of a log or key is empty, too long, or has spaces, `+` or control characters.
    #[error("{0:?} cannot be the name of a log\nhint: use the form `evidence.example.com/soc2`")]
    Name(String),
    /// A key file does not say what it should.
    #[error("the {what} cannot be read: {why}\nhint: restore the file as `evidenced init` wrote it")]
    Key {
        /// Which key, in words.
        what: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// The note is not written as the format says.
    #[error("the checkpoint is malformed: {0}")]
    Malformed(&'static str),
    /// There is no line by the key.
    #[error("the checkpoint is not signed by {0}")]
    Unsigned(String),
    /// The line by the key is not the key's signature of the text.
    #[error("the signature of {0} does not match the checkpoint")]
    Forged(String),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log {found:?}, not of {expected:?}")]
    Origin {
        /// As written.
        found: String,
        /// The key's name.
        expected: String,
    },
}

/// The log's secret key.
pub struct SigningKey {
    public: VerifierKey,
    key: ed25519_dalek::SigningKey,
}

/// The log's public key, `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

/// What a log signs: so many records, this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of records.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl SigningKey {
    /// A key from 32 random bytes, for the log `name`.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, key.verifying_key())?;
        Ok(Self { public, key })
    }

    /// Reads `to_secret_text`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = |why| NoteError::Key { what: "secret key of the log", why };
        let line = text.strip_suffix('\n').unwrap_or(text);
        let rest = line.strip_prefix("PRIVATE+KEY+").ok_or(bad("it does not begin with PRIVATE+KEY+"))?;
        let (name, id, seed) = parse_key(rest).map_err(bad)?;
        let key = Self::from_seed(name, &seed)?;
        if key.public.id != id { Err(bad("the key id does not belong to the key")) } else { Ok(key) }
    }

    /// The key file's line, `PRIVATE+KEY+name+id+base64`, as Go's `note` package writes it. A secret.
    pub fn to_secret_text(&self) -> String {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        format!("PRIVATE+KEY+{}+{}+{}\n", self.public.name, hex::encode(self.public.id), STANDARD.encode(bytes))
    }

    /// The public half.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The signed note of a tree of `size` records under `root`; the same every time.
    pub fn sign(&self, size: u64, root: &Hash) -> Vec<u8> {
        let text = Checkpoint { origin: self.public.name.clone(), size, root: *root }.to_text();
        let mut signature = self.public.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n{DASH}{} {}\n", self.public.name, STANDARD.encode(signature)).into_bytes()
    }
}

impl VerifierKey {
    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Result<Self, NoteError> {
        let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(allowed) {
            return Err(NoteError::Name(name.to_owned()));
        }
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes());
        let [a, b, c, d, ..]: Hash = hash.finalize().into();
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], key })
    }

    /// Reads `name+id+base64`, with or without a newline at the end.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = |why| NoteError::Key { what: "public key of the log", why };
        let (name, id, bytes) = parse_key(text.strip_suffix('\n').unwrap_or(text)).map_err(bad)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| bad("it is no Ed25519 key"))?;
        if key.is_weak() {
            return Err(bad("it is a weak Ed25519 key, which accepts forged signatures"));
        }
        let key = Self::new(name, key)?;
        if key.id != id { Err(bad("the key id does not belong to the key")) } else { Ok(key) }
    }

    /// Name of the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks that `note` is a checkpoint of this log with exactly one valid signature by this key, and
    /// reads it. Lines of other signers must be well formed and are not checked.
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, NoteError> {
        let (text, lines) = split(note)?;
        let checkpoint = Checkpoint::parse(text)?;
        let mut seen: Vec<(&str, [u8; 4])> = Vec::new();
        let mut ours = None;
        for line in lines.split_terminator('\n') {
            let (name, id, signature) = parse_signature(line)?;
            if seen.contains(&(name, id)) {
                return Err(NoteError::Malformed("two signatures by one key"));
            }
            if seen.len() == SIGNATURES_MAX {
                return Err(NoteError::Malformed("too many signatures"));
            }
            seen.push((name, id));
            if name == self.name && id == self.id {
                ours = Some(signature);
            }
        }
        let ours = ours.ok_or_else(|| NoteError::Unsigned(self.name.clone()))?;
        let forged = || NoteError::Forged(self.name.clone());
        let signature = Signature::from_slice(&ours).map_err(|_| forged())?;
        self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| forged())?;
        if checkpoint.origin != self.name {
            return Err(NoteError::Origin { found: checkpoint.origin, expected: self.name.clone() });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(bytes))
    }
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads exactly three lines; whatever `to_text` would write differently is refused.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else {
            return Err(NoteError::Malformed("it is not three lines"));
        };
        let size = size.parse().map_err(|_| NoteError::Malformed("the size is not a decimal number"))?;
        let root = STANDARD.decode(root).map_err(|_| NoteError::Malformed("the root is not canonical base64"))?;
        let root = root.try_into().map_err(|_| NoteError::Malformed("the root is not 32 bytes"))?;
        let checkpoint = Self { origin: origin.to_owned(), size, root };
        // Catches `+1`, `007` and whatever else reads as the same number.
        if origin.is_empty() || checkpoint.to_text() != text {
            return Err(NoteError::Malformed("origin or size is not written as it should be"));
        }
        Ok(checkpoint)
    }
}

/// The text and the signature lines, without the empty line between.
fn split(note: &[u8]) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed("it is too long"));
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("it has control characters"));
    }
    let middle = note.rfind("\n\n").ok_or(NoteError::Malformed("it has no signatures"))?;
    let (text, lines) = (&note[..=middle], &note[middle + 2..]);
    if lines.is_empty() || !lines.ends_with('\n') {
        return Err(NoteError::Malformed("it does not end with a signature line"));
    }
    Ok((text, lines))
}

/// `— name base64(key id ‖ signature)`.
fn parse_signature(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), NoteError> {
    let bad = NoteError::Malformed("a signature line is not written as it should be");
    let Some((name, encoded)) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')) else {
        return Err(bad);
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| bad.clone())?;
    match bytes.split_first_chunk::<4>() {
        Some((id, signature)) if !name.is_empty() && !name.contains('+') && !signature.is_empty() => {
            Ok((name, *id, signature.to_vec()))
        }
        _ => Err(bad),
    }
}

/// `name+id+base64(type ‖ 32 bytes)`. Base64 itself may hold a `+`; names and ids cannot.
fn parse_key(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), &'static str> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("it is not name, id and key joined by +");
    };
    let mut bytes = [0; 4];
    // Only lower case, as it is written: one spelling per key.
    if id.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(id, &mut bytes).is_err() {
        return Err("the key id is not eight hex digits");
    }
    let key = STANDARD.decode(key).map_err(|_| "the key is not canonical base64")?;
    match key.split_first() {
        Some((&ED25519, key)) => Ok((name, bytes, key.try_into().map_err(|_| "the key is not 32 bytes")?)),
        _ => Err("it is not an Ed25519 key"),
    }
}

#[cfg(test)]
mod tests;
