//! What can go wrong with a ledger, by what the operator does next.

use super::note::NoteError;
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no ledger at the path.
    #[error("there is no ledger in {dir}\nhint: check the path, or make one with `evidenced init`", dir = .dir.display())]
    NotThere {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// `create` found something of a ledger.
    #[error("{path} is there already, and a ledger is never overwritten\nhint: {hint}", path = .path.display(),
            hint = there(.path))]
    AlreadyThere {
        /// What it found.
        path: PathBuf,
    },
    /// A file or directory is open to others.
    #[error("{path} has mode {mode:o}, so others could read or change it\nhint: chmod {wanted:o} {path}",
            path = .path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        wanted: u32,
    },
    /// The file was written by a newer version.
    #[error(
        "the ledger has schema version {found}, and this program knows {known}\nhint: install the newer \
             version of evidenced again; a ledger is never downgraded"
    )]
    Newer {
        /// `PRAGMA user_version` of the file.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// SQLite is not what it must be.
    #[error("SQLite does not keep its promise: {why}\nhint: {hint}")]
    Unsafe {
        /// What was found.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The ledger has lost records that were acknowledged.
    #[error(
        "the ledger is shorter than its checkpoint: it has {size} records, and {promised} were sealed\n\
             hint: the file was truncated, damaged or replaced by an older copy; restore the newest backup of \
             the whole directory, or keep it for inquiry and start another ledger with `evidenced init`"
    )]
    Shorter {
        /// Number of records in the file.
        size: u64,
        /// Number of records that the second file vouches for.
        promised: u64,
    },
    /// The ledger has other records than were acknowledged.
    #[error(
        "the ledger was rewritten: its first {size} records do not give the root of the checkpoint\n\
             hint: keep the directory for inquiry, run `evidenced verify --ledger DIR`, and restore a backup"
    )]
    Rewritten {
        /// Size of the checkpoint.
        size: u64,
    },
    /// The second file is gone.
    #[error("{path} is missing, and without it nobody can tell whether the ledger is whole\nhint: restore it \
             from a backup as new as the ledger; if `evidenced init` was interrupted here, remove what it left",
            path = .path.display())]
    CheckpointMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Something stored does not have the hash that it should.
    #[error(
        "{what} is damaged: {why}\nhint: run `evidenced verify --ledger DIR`, and restore the newest backup of \
             the whole directory"
    )]
    Damaged {
        /// What.
        what: String,
        /// How it shows.
        why: String,
    },
    /// A key or checkpoint cannot be used.
    #[error("{path}: {source}", path = .path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: NoteError,
    },
    /// A place of secret keys cannot be read or written.
    #[error("the keys in {place}: {why}")]
    Secret {
        /// The place, as the configuration names it.
        place: String,
        /// Why not, with a hint.
        why: String,
    },
    /// A key that signs at the log's size is not at hand. Nothing was written.
    #[error(
        "the log's key {key} signs here, and its secret half is not in {place}\nhint: restore it, or name \
             its place under [keys] in the configuration; `evidenced key list` shows which keys sign"
    )]
    KeyMissing {
        /// `name+id`.
        key: String,
        /// Where it was looked for.
        place: String,
    },
    /// A change of keys that cannot be made. Nothing was written.
    #[error("{why}\nhint: {hint}")]
    KeyChange {
        /// Why not.
        why: String,
        /// What to do.
        hint: String,
    },
    /// Nothing was written, and may be once there is space.
    #[error("the disk is full, and nothing was written\nhint: free space for the ledger; it goes on by itself")]
    Full,
    /// Nothing was written, for somebody else holds the file.
    #[error(
        "the ledger is held by another program, and nothing was written\nhint: end whatever has \
             ledger.sqlite open for writing, such as a `sqlite3` shell or a copying backup"
    )]
    Busy,
    /// An earlier failure leaves open what is on the disk. Nothing more is written by this process.
    #[error(
        "the ledger has stopped, for what is on the disk is no longer certain: {why}\nhint: look at the disk, \
             then start evidenced again; the ledger is checked when it is opened"
    )]
    Stopped {
        /// The failure.
        why: String,
    },
    /// The records asked for are not such as can be sealed. Nothing was written.
    #[error("a record was refused: {why}\nhint: this is an error of the program; please report it")]
    Refused {
        /// Which rule they break.
        why: String,
    },
    /// The due instant has been answered already. Nothing was written.
    #[error("the run of {collector} due at {scheduled_for} has been answered by record {index}\nhint: none is \
             needed; nothing runs twice", scheduled_for = .scheduled_for.to_rfc3339())]
    SlotTaken {
        /// Which collector.
        collector: String,
        /// The due instant.
        scheduled_for: DateTime<Utc>,
        /// The record that answered it.
        index: u64,
    },
    /// There is an alert with that key. Nothing was written.
    #[error("the alert {key} is record {index}\nhint: none is needed; nobody is told twice")]
    AlertTaken {
        /// The key.
        key: String,
        /// The alert that has it.
        index: u64,
    },
    /// The files of the record were erased, and that is on record.
    #[error(
        "the files of record {record} were erased, as record {by} says\nhint: none is needed; the record itself and its proofs stay"
    )]
    Erased {
        /// Whose files.
        record: u64,
        /// The `erasure` record.
        by: u64,
    },
    /// Such records have no files that may be erased. Nothing was written.
    #[error(
        "the files of record {record}, a {kind}, cannot be erased\nhint: only those of evidence, verdicts, transitions, waivers and alerts can"
    )]
    NotErasable {
        /// The record.
        record: u64,
        /// Its kind.
        kind: &'static str,
    },
    /// The log has no such record, file or size.
    #[error("the ledger has no {what}\nhint: `evidenced status` shows what it has")]
    Absent {
        /// What was asked for.
        what: String,
    },
    /// The operating system refuses.
    #[error("{doing} {path} failed: {source}\nhint: check the path, its owner and the disk", path = .path.display())]
    Io {
        /// What was tried, in words.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there, and SQLite may not open it or what belongs beside it.
    #[error(
        "{doing} the ledger failed: {source}\nhint: see whose ledger.sqlite is, and what is beside it: the directory \
             and all in it belong to the user that the daemon runs as"
    )]
    NotOurs {
        /// What was tried, in words.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// SQLite refuses.
    #[error(
        "{doing} the ledger failed: {source}\nhint: check the disk; `evidenced verify --ledger DIR` checks the ledger"
    )]
    Store {
        /// What was tried, in words.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
}

/// What to do about a part of a ledger that is in the way.
fn there(path: &Path) -> &'static str {
    match path.extension().is_some_and(|extension| extension == "key") {
        true => {
            "for `restore`, move log.key and bundle.key away and put them back afterwards, for they cannot be made again; \
             what an interrupted `evidenced init` left belongs to no ledger: remove it"
        }
        false => "choose another directory; if `evidenced init` was interrupted here, remove what it left first",
    }
}

impl LedgerError {
    pub(super) fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + use<'a> {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn store(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::damaged("ledger.sqlite", source.to_string())
            }
            Some(rusqlite::ErrorCode::CannotOpen) => Self::NotOurs { doing, source },
            _ => Self::Store { doing, source },
        }
    }

    pub(super) fn note(path: &Path) -> impl FnOnce(NoteError) -> Self + use<'_> {
        move |source| Self::Note { path: path.to_owned(), source }
    }

    pub(super) fn damaged(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), why: why.into() }
    }

    pub(super) fn absent(what: impl Into<String>) -> Self {
        Self::Absent { what: what.into() }
    }
}
