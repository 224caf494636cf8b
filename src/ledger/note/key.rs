//! Ed25519 keys of logs (type 0x01) and of witnesses (0x04): their texts, signing, checking.

use super::{Checkpoint, DASH, Note, NoteError, name_allowed};
use crate::ledger::tree::Hash;
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use std::fmt;

/// Signatures of the text.
const ED25519: u8 = 0x01;
/// Signatures of the text and a time, by a witness.
const COSIGNATURE: u8 = 0x04;

/// A log's secret key.
pub struct SigningKey {
    public: VerifierKey,
    key: ed25519_dalek::SigningKey,
}

/// A log's public key, `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey(PublicKey);

/// A witness's public key, `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey(PublicKey);

#[derive(Debug, Clone, PartialEq, Eq)]
struct PublicKey {
    sort: u8,
    name: String,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl SigningKey {
    /// A key from 32 random bytes, for the log `name`.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifierKey(PublicKey::new(ED25519, name, key.verifying_key())?);
        Ok(Self { public, key })
    }

    /// Reads `to_secret_text`, with or without a newline at the end.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = |why| NoteError::Key { what: "secret key of the log", why };
        let line = text.strip_suffix('\n').unwrap_or(text);
        let rest = line.strip_prefix("PRIVATE+KEY+").ok_or(bad("it does not begin with PRIVATE+KEY+"))?;
        let (name, id, seed) = parts(ED25519, rest).map_err(bad)?;
        let key = Self::from_seed(name, &seed)?;
        if key.public.0.id != id { Err(bad("the key id does not belong to the key")) } else { Ok(key) }
    }

    /// The key file's line, `PRIVATE+KEY+name+id+base64`, as Go's `note` package writes it. A secret.
    pub fn to_secret_text(&self) -> String {
        format!("PRIVATE+KEY+{}\n", self.public.0.written(self.key.as_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The signed note of a tree of `size` records under `root`; the same every time.
    pub fn sign(&self, size: u64, root: &Hash) -> Vec<u8> {
        Checkpoint { origin: self.public.name().to_owned(), size, root: *root }.sign([self])
    }

    pub(super) fn signature_line(&self, text: &str) -> String {
        let mut signature = self.public.0.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{DASH}{} {}\n", self.public.name(), STANDARD.encode(signature))
    }
}

impl VerifierKey {
    /// Reads `name+id+base64` of type 0x01, with or without a newline at the end.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        PublicKey::parse("public key of the log", ED25519, text).map(Self)
    }

    /// Name of the log.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The key id, eight hex digits: what tells the generations of a log's keys apart.
    pub fn id(&self) -> String {
        hex::encode(self.0.id)
    }

    /// `name+id`, what a signature line tells of the key.
    pub fn handle(&self) -> String {
        self.0.handle()
    }

    /// Whether the key has signed the note; an error when its line is there and wrong.
    pub fn signed(&self, note: &Note<'_>) -> Result<bool, NoteError> {
        let Some(signature) = note.signature(&self.0.name, self.0.id) else { return Ok(false) };
        self.0.check(note.text(), signature).map(|()| true)
    }

    /// Checks that `note` is a checkpoint of this log with exactly one valid signature by this key, and
    /// reads it. Lines of other signers must be well formed and are not checked.
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, NoteError> {
        let note = Note::parse(note)?;
        let checkpoint = note.checkpoint()?;
        if !self.signed(&note)? {
            return Err(NoteError::Unsigned(self.handle()));
        }
        if checkpoint.origin != self.name() {
            return Err(NoteError::Origin { found: checkpoint.origin, expected: self.name().to_owned() });
        }
        Ok(checkpoint)
    }
}

impl WitnessKey {
    /// Reads `name+id+base64` of type 0x04, with or without a newline at the end.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        PublicKey::parse("public key of the witness", COSIGNATURE, text).map(Self)
    }

    /// Name of the witness.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// When the witness has cosigned the note, in seconds since 1970 by its clock; `None` when there is no
    /// line by it, an error when there is and it is wrong.
    ///
    /// Source: c2sp.org/tlog-cosignature, Ed25519 signed message.
    pub fn cosigned(&self, note: &Note<'_>) -> Result<Option<u64>, NoteError> {
        let Some(cosignature) = note.signature(&self.0.name, self.0.id) else { return Ok(None) };
        let forged = || NoteError::Forged(self.0.handle());
        let (time, signature) = cosignature.split_first_chunk::<8>().ok_or_else(forged)?;
        let time = u64::from_be_bytes(*time);
        if time > i64::MAX.unsigned_abs() {
            return Err(NoteError::Malformed("the time of a cosignature is beyond all times"));
        }
        let message = format!("cosignature/v1\ntime {time}\n{}", note.text());
        self.0.check(&message, signature).map(|()| Some(time))
    }
}

impl PublicKey {
    fn new(sort: u8, name: &str, key: ed25519_dalek::VerifyingKey) -> Result<Self, NoteError> {
        if !name_allowed(name) {
            return Err(NoteError::Name(name.to_owned()));
        }
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', sort]).chain_update(key.as_bytes());
        let [a, b, c, d, ..]: Hash = hash.finalize().into();
        Ok(Self { sort, name: name.to_owned(), id: [a, b, c, d], key })
    }

    fn parse(what: &'static str, sort: u8, text: &str) -> Result<Self, NoteError> {
        let bad = |why| NoteError::Key { what, why };
        let (name, id, bytes) = parts(sort, text.strip_suffix('\n').unwrap_or(text)).map_err(bad)?;
        if !canonical(&bytes) {
            return Err(bad("it is not written in the one way that there is for a point of the curve"));
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| bad("it is no Ed25519 key"))?;
        if key.is_weak() {
            return Err(bad("it is a weak Ed25519 key, which accepts forged signatures"));
        }
        let key = Self::new(sort, name, key)?;
        if key.id != id { Err(bad("the key id does not belong to the key")) } else { Ok(key) }
    }

    /// `name+id+base64(type ‖ 32 bytes)`.
    fn written(&self, bytes: &[u8; 32]) -> String {
        let mut typed = vec![self.sort];
        typed.extend_from_slice(bytes);
        format!("{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(typed))
    }

    fn handle(&self) -> String {
        format!("{}+{}", self.name, hex::encode(self.id))
    }

    fn check(&self, text: &str, signature: &[u8]) -> Result<(), NoteError> {
        let forged = || NoteError::Forged(self.handle());
        let signature = Signature::from_slice(signature).map_err(|_| forged())?;
        self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| forged())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.written(self.0.key.as_bytes()))
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.written(self.0.key.as_bytes()))
    }
}

/// Whether the encoded coordinate is below 2^255 - 19: above, a point has a second spelling.
fn canonical(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *first < 0xed
}

/// `name+id+base64(type ‖ 32 bytes)`. Base64 itself may hold a `+`; names and ids cannot.
fn parts(sort: u8, text: &str) -> Result<(&str, [u8; 4], [u8; 32]), &'static str> {
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
        Some((found, key)) if *found == sort => {
            Ok((name, bytes, key.try_into().map_err(|_| "the key is not 32 bytes")?))
        }
        _ => Err("it is of another type than it should be"),
    }
}
