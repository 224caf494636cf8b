//! What folders and git branches hold: files `<origin>/<size>.checkpoint`, and how the newest of them compares
//! with the ledger.

use super::error::{AnchorError, Fault};
use crate::ledger::Reader;
use crate::ledger::note::Checkpoint;
use crate::ledger::note::Note;

/// Largest file that is read.
pub(super) const FILE_BYTES_MAX: usize = crate::ledger::note::NOTE_BYTES_MAX;

/// Folder of a log: its name in characters that every file system takes, no two names alike.
pub(super) fn folder(origin: &str) -> String {
    let mut name = String::new();
    for (at, byte) in origin.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && at > 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
    }
    name
}

/// Name of the file with the checkpoint of so many records.
pub(super) fn file_name(size: u64) -> String {
    format!("{size:012}.checkpoint")
}

/// The size in a name that `file_name` gave.
pub(super) fn size_of(name: &str) -> Option<u64> {
    let size = name.strip_suffix(".checkpoint")?.parse().ok()?;
    (file_name(size) == name).then_some(size)
}

/// Whether the newest checkpoint that somebody keeps is of a beginning of this ledger. Its signature is not
/// needed to refuse: who can write there can stop us from appending, and nothing else.
pub(super) fn compare(fault: Fault<'_>, reader: &Reader, size: u64, note: &[u8]) -> Result<(), AnchorError> {
    let hint = "see who wrote that file; nothing but `evidenced` should";
    let unread = |why: String| fault.wrong(format!("{}: {why}", file_name(size)), hint);
    let checkpoint: Checkpoint =
        Note::parse(note).and_then(|note| note.checkpoint()).map_err(|error| unread(error.to_string()))?;
    if checkpoint.size != size || checkpoint.origin != reader.key().name() {
        return Err(unread("it is of another log, or of another size".to_owned()));
    }
    let ours = reader.size()?;
    if size > ours {
        return Err(fault.ahead(size, ours));
    }
    if reader.root_at(size)? != checkpoint.root {
        return Err(fault.forked(format!("the checkpoint of {size} records that it holds has another root")));
    }
    Ok(())
}
