//! The closing checkpoint, and who has signed it.

use super::container::Archive;
use super::keys::{Claimed, Terms, lines};
use super::merkle::{Checkpoint, Key, Note};
use super::report::{Check, Checking, KeySource};
use crate::bundle::BundleError;
use crate::bundle::format::Facts;

const CHECKPOINT: &str = "data/log/checkpoint";

/// The closing checkpoint as it is written, and what it says.
pub(super) struct Closing {
    pub(super) note: String,
    pub(super) checkpoint: Checkpoint,
    terms: Terms,
}

impl Closing {
    /// As it is written.
    pub(super) fn note(&self) -> &str {
        &self.note
    }

    /// Records under it.
    pub(super) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Reads another checkpoint of the log, signed by the keys that sign at its size.
    pub(super) fn open(&self, note: &str) -> Result<Checkpoint, String> {
        let checkpoint = self.terms.open(note)?;
        if checkpoint.origin != self.checkpoint.origin {
            return Err(format!("of another log, {}", checkpoint.origin));
        }
        Ok(checkpoint)
    }
}

/// Checks the checkpoint's signatures by the keys that the records name, and that the keys given lead to them.
pub(super) fn signature(archive: &Archive, facts: &Facts, given: &[Key]) -> (Check, Option<Closing>) {
    let mut checking = Checking::new("checkpoint");
    let opened = checking.take(open(archive, given));
    let (closing, detail) = opened.map_or((None, String::new()), |(closing, detail)| (Some(closing), detail));
    if let Some(Closing { checkpoint, .. }) = &closing {
        let right = checkpoint.origin == facts.origin && checkpoint.size == facts.log_size;
        checking.expect(right, "bag-info.txt", "names another log, or another size, than the checkpoint");
    }
    (checking.done(detail), closing)
}

/// Where the keys that `signature` uses came from.
pub(super) fn key_source(given: &[Key]) -> KeySource {
    if given.is_empty() { KeySource::Bundle } else { KeySource::Given }
}

fn open(archive: &Archive, given: &[Key]) -> Result<(Closing, String), BundleError> {
    let malformed = |why: String| BundleError::malformed(CHECKPOINT, why);
    let note = archive.text(CHECKPOINT)?;
    let read = Note::parse(&note).map_err(malformed)?;
    let checkpoint = read.checkpoint().map_err(malformed)?;
    let size = checkpoint.size;
    let terms = Terms::read(archive, Claimed { note: &note, checkpoint: &checkpoint })?;
    terms.signed(&read, size, &checkpoint.origin).map_err(malformed)?;
    let detail = match given {
        [] => "signed by the keys in the bundle itself: this shows that it fits them, and not where it \
               comes from; give the key that you were told before the period"
            .to_owned(),
        given => terms.trust(given, &read, size)?,
    };
    Ok((Closing { note: note.clone(), checkpoint, terms }, detail))
}

/// Reads the keys that whoever verifies gives, one a line.
pub(super) fn given_keys(text: &str) -> Result<Vec<Key>, BundleError> {
    lines(text.trim()).map_err(|why| BundleError::Request {
        what: format!("the log's key cannot be read: {why}"),
        hint: "give `log.vkey` as you were told it: name+id+base64, a line per key".to_owned(),
    })
}
