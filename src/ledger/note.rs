//! C2SP signed notes and checkpoints: strict reading, writing. Keys are in `key`; which of them must have
//! signed is `signers`' question. Nothing is stored here.
//!
//! A checkpoint is three lines, origin, size and base64 root, then an empty line, then one line
//! `— name base64(key id ‖ signature)` per signer: the log's keys, and witnesses' cosignatures.

mod key;

pub use key::{SigningKey, VerifierKey, WitnessKey};

use super::tree::Hash;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest note that is read: sixteen signatures of the longest sort assigned so far fit.
pub const NOTE_BYTES_MAX: usize = 131_072;

/// Most signatures of a note.
pub const SIGNATURES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 256;
const DASH: &str = "— ";

/// Why a key or a note is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name of a log or key is empty, too long, or has spaces, `+` or control characters.
    #[error("{0:?} cannot be the name of a log\nhint: use the form `evidence.example.com/soc2`")]
    Name(String),
    /// A key does not say what it should.
    #[error("the {what} cannot be read: {why}\nhint: restore it as `evidenced init` or `evidenced key` wrote it")]
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
    /// A key that does not sign at this size, not yet or no more, has signed.
    #[error("the checkpoint of {size} records is signed by {key}, which does not sign at that size")]
    NotInForce {
        /// The key.
        key: String,
        /// Size of the log.
        size: u64,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log {found:?}, not of {expected:?}")]
    Origin {
        /// As written.
        found: String,
        /// The key's name.
        expected: String,
    },
}

/// A signed note, read strictly. No signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    lines: Vec<Line<'a>>,
}

/// One signature line. Name and id tell the key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
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

impl<'a> Note<'a> {
    /// Reads a note: UTF-8 without control characters, at most `NOTE_BYTES_MAX` and `SIGNATURES_MAX`, every
    /// signature line well formed whoever it is by, and no two by one name and key id.
    pub fn parse(note: &'a [u8]) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it is too long"));
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("it has control characters"));
        }
        let middle = note.rfind("\n\n").ok_or(NoteError::Malformed("it has no signatures"))?;
        let (text, rest) = (&note[..=middle], &note[middle + 2..]);
        if rest.is_empty() || !rest.ends_with('\n') {
            return Err(NoteError::Malformed("it does not end with a signature line"));
        }
        let mut lines: Vec<Line<'a>> = Vec::new();
        for line in rest.split_terminator('\n') {
            let line = Line::parse(line)?;
            if lines.iter().any(|seen| (seen.name, seen.id) == (line.name, line.id)) {
                return Err(NoteError::Malformed("two signatures by one key"));
            }
            if lines.len() == SIGNATURES_MAX {
                return Err(NoteError::Malformed("too many signatures"));
            }
            lines.push(line);
        }
        Ok(Self { text, lines })
    }

    /// The text that is signed, with the newline at its end.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Reads the text as a checkpoint.
    pub fn checkpoint(&self) -> Result<Checkpoint, NoteError> {
        Checkpoint::parse(self.text)
    }

    /// The signature of the key with this name and id; `None` when there is no line by it.
    fn signature(&self, name: &str, id: [u8; 4]) -> Option<&[u8]> {
        let line = self.lines.iter().find(|line| line.name == name && line.id == id)?;
        Some(&line.signature)
    }
}

impl<'a> Line<'a> {
    /// `— name base64(key id ‖ signature)`.
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed("a signature line is not written as it should be");
        let Some((name, encoded)) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')) else {
            return Err(bad);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| bad.clone())?;
        match bytes.split_first_chunk::<4>() {
            Some((id, signature)) if name_allowed(name) && !signature.is_empty() => {
                Ok(Self { name, id: *id, signature: signature.to_vec() })
            }
            _ => Err(bad),
        }
    }
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The signed note; the same every time.
    pub fn sign<'a>(&self, keys: impl IntoIterator<Item = &'a SigningKey>) -> Vec<u8> {
        let text = self.to_text();
        let lines: String = keys.into_iter().map(|key| key.signature_line(&text)).collect();
        format!("{text}\n{lines}").into_bytes()
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

/// Names of keys: not empty, no spaces of any script, no `+`.
fn name_allowed(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed)
}

#[cfg(test)]
mod tests;
