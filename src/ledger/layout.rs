//! The files of a ledger's directory: their names, modes, locks, and how one is replaced whole. No SQL.

use super::LedgerError;
use super::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, SIGNATURES_MAX, VerifierKey};
use super::signers::Signers;
use crate::owner;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the files of one ledger are.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
}

/// Held from reading what a control was to appending what it is; released as a `CollectorLock` is.
#[derive(Debug)]
pub struct JudgingLock {
    _file: File,
}

/// Held while a collector runs; released when dropped, and by the system when the process ends.
#[derive(Debug)]
pub struct CollectorLock {
    file: File,
}

impl Drop for CollectorLock {
    /// Closing would not do: a child process that is just being started has the file open too until it is another
    /// program, and whoever wants the lock does not wait. What fails here closing does.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// What the files beside the database say of it.
pub(super) struct Promise {
    /// Where the second file is.
    pub(super) path: PathBuf,
    /// Where the public keys are.
    pub(super) vkey: PathBuf,
    /// Every public key, the first one first. A crash may have kept the newest from being written.
    pub(super) keys: Vec<VerifierKey>,
    /// The second file.
    pub(super) note: Vec<u8>,
    /// What it says, signed by at least one of the keys.
    pub(super) claimed: Checkpoint,
}

impl Layout {
    /// Makes the directory, or takes one that has nothing of a ledger in it.
    pub(super) fn create(dir: &Path) -> Result<Self, LedgerError> {
        let there = dir.exists();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        let made = made.and_then(|()| if there { Ok(()) } else { owner::directory(dir, parent(dir)) });
        made.map_err(LedgerError::io("making the directory", dir))?;
        let layout = Self::at(dir)?;
        let parts = [
            layout.database(),
            layout.checkpoint(),
            layout.secret_key(),
            layout.public_key(),
            layout.bundle_key(),
            layout.bundle_public_key(),
            layout.lock(),
        ];
        if let Some(path) = parts.into_iter().find(|path| path.symlink_metadata().is_ok()) {
            return Err(LedgerError::AlreadyThere { path });
        }
        layout.check_mode(&layout.dir, 0o022, 0o700)?;
        Ok(layout)
    }

    /// Finds a ledger that is there, and refuses one that others could change.
    pub(super) fn open(dir: &Path) -> Result<Self, LedgerError> {
        let absent = || LedgerError::NotThere { dir: dir.to_owned() };
        let layout = Self::at(dir).map_err(|_| absent())?;
        if !layout.database().is_file() {
            return Err(absent());
        }
        layout.check_mode(&layout.dir, 0o022, 0o700)?;
        layout.check_mode(&layout.database(), 0o077, 0o600)?;
        Ok(layout)
    }

    /// Absolute, for SQLite would take a name that begins with `file:` as an address.
    fn at(dir: &Path) -> Result<Self, LedgerError> {
        let dir = dir.canonicalize().map_err(LedgerError::io("finding", dir))?;
        Ok(Self { dir })
    }

    /// Of a directory that need not hold a ledger.
    pub(super) fn beside(dir: &Path) -> Result<Self, LedgerError> {
        Self::at(dir)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn database(&self) -> PathBuf {
        self.dir.join("ledger.sqlite")
    }

    pub(super) fn checkpoint(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }

    pub(super) fn secret_key(&self) -> PathBuf {
        self.dir.join("log.key")
    }

    pub(super) fn public_key(&self) -> PathBuf {
        self.dir.join("log.vkey")
    }

    pub(super) fn bundle_key(&self) -> PathBuf {
        self.dir.join("bundle.key")
    }

    pub(super) fn bundle_public_key(&self) -> PathBuf {
        self.dir.join("bundle.pub")
    }

    fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// The file whose lock a process holds while it appends. Not locked yet.
    pub(super) fn open_lock(&self) -> Result<File, LedgerError> {
        open_lock_file(&self.lock())
    }

    /// Held while keys change.
    pub(super) fn lock_keys(&self) -> Result<File, LedgerError> {
        let path = self.dir.join("keys.lock");
        let file = open_lock_file(&path)?;
        file.lock().map_err(LedgerError::io("locking", &path))?;
        Ok(file)
    }

    /// See `Ledger::lock_judging`.
    pub(super) fn lock_judging(&self) -> Result<JudgingLock, LedgerError> {
        let path = self.dir.join("judging.lock");
        let file = open_lock_file(&path)?;
        file.lock().map_err(LedgerError::io("locking", &path))?;
        Ok(JudgingLock { _file: file })
    }

    /// See `Ledger::lock_collector`.
    pub(super) fn lock_collector(&self, collector: &str) -> Result<Option<CollectorLock>, LedgerError> {
        let locks = self.dir.join("locks");
        match DirBuilder::new().mode(0o700).create(&locks) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(LedgerError::io("making the directory", &locks)(error));
            }
            _ => owner::directory(&locks, &self.dir).map_err(LedgerError::io("making the directory", &locks))?,
        }
        let path = locks.join(lock_name(collector));
        let file = open_lock_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(CollectorLock { file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(LedgerError::io("locking", &path)(error)),
        }
    }

    /// Reads a secret, refusing one that others may read.
    pub(super) fn read_secret_text(&self, path: &Path) -> Result<String, LedgerError> {
        self.check_mode(path, 0o077, 0o600)?;
        self.read_text(path)
    }

    /// Reads the public keys, a line each, the first one first.
    pub(super) fn read_public_keys(&self) -> Result<Vec<VerifierKey>, LedgerError> {
        let path = self.public_key();
        let text = self.read_text(&path)?;
        let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n').take(SIGNATURES_MAX);
        lines.map(VerifierKey::parse).collect::<Result<_, _>>().map_err(LedgerError::note(&path))
    }

    /// Reads the public keys of bundles, a line each.
    pub(super) fn read_bundle_public_keys(&self) -> Result<String, LedgerError> {
        self.read_text(&self.bundle_public_key())
    }

    /// Writes the public keys.
    pub(super) fn write_public_keys(&self, signers: &Signers) -> Result<(), LedgerError> {
        let text: String = signers.terms().iter().map(|term| format!("{}\n", term.key)).collect();
        self.replace(&self.public_key(), text.as_bytes())
    }

    /// Reads the second file, which every ledger has, and what its keys are said to be. Before the
    /// database: a ledger that grows meanwhile then still keeps its promise.
    pub(super) fn read_promise(&self) -> Result<Promise, LedgerError> {
        let keys = self.read_public_keys()?;
        let path = self.checkpoint();
        let note = read_limited(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => LedgerError::CheckpointMissing { path: path.clone() },
            _ => LedgerError::io("reading", &path)(error),
        })?;
        let mut refused = NoteError::Malformed("there is no key");
        for key in &keys {
            match key.open(&note) {
                Ok(claimed) => return Ok(Promise { path, vkey: self.public_key(), keys, note, claimed }),
                Err(error) => refused = error,
            }
        }
        Err(LedgerError::note(&path)(refused))
    }

    /// Replaces the second file. The caller holds the lock.
    pub(super) fn write_checkpoint(&self, note: &[u8]) -> Result<(), LedgerError> {
        self.replace(&self.checkpoint(), note)
    }

    /// Room for the next second file. The caller holds the lock.
    pub(super) fn room_for_checkpoint(&self, length: usize) -> Result<Room, LedgerError> {
        Room::beside(&self.checkpoint(), length)
    }

    /// Replaces a file whole and durably: after a crash it is the old one or the new one.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), LedgerError> {
        Room::beside(path, bytes.len())?.put(bytes)
    }

    /// Writes a file that must not be there yet, durably once `sync_dir` has been called.
    pub(super) fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<(), LedgerError> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = opened.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => LedgerError::AlreadyThere { path: path.to_owned() },
            _ => LedgerError::io("making", path)(error),
        })?;
        owner::file(&file, parent(path)).map_err(LedgerError::io("making", path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(LedgerError::io("writing", path))
    }

    /// Makes names in the directory durable.
    pub(super) fn sync_dir(&self) -> Result<(), LedgerError> {
        sync(&self.dir)
    }

    fn check_mode(&self, path: &Path, forbidden: u32, wanted: u32) -> Result<(), LedgerError> {
        let mode = fs::metadata(path).map_err(LedgerError::io("reading the mode of", path))?.mode() & 0o7777;
        if mode & forbidden != 0 {
            return Err(LedgerError::Exposed { path: path.to_owned(), mode, wanted });
        }
        Ok(())
    }

    fn read_text(&self, path: &Path) -> Result<String, LedgerError> {
        let bytes = read_limited(path).map_err(LedgerError::io("reading", path))?;
        String::from_utf8(bytes)
            .map_err(|_| LedgerError::io("reading", path)(std::io::Error::new(ErrorKind::InvalidData, "not UTF-8")))
    }
}

/// Room beside a file for what will replace it: from here on a full disk is no reason to fail.
pub(super) struct Room {
    path: PathBuf,
    next: PathBuf,
    file: File,
}

impl Room {
    fn beside(path: &Path, length: usize) -> Result<Self, LedgerError> {
        // The file itself, so that a link to it stays one.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut next = path.clone().into_os_string();
        next.push(".next");
        let next = PathBuf::from(next);
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&next);
        let mut file = opened.map_err(LedgerError::io("writing", &next))?;
        owner::file(&file, parent(&next)).map_err(LedgerError::io("writing", &next))?;
        let room = match retry_on_intr(|| fallocate(&file, FallocateFlags::empty(), 0, length as u64)) {
            // Where a file system does not promise room, writing takes it.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                file.write_all(&vec![0; length]).and_then(|()| file.rewind())
            }
            promised => promised.map_err(std::io::Error::from),
        };
        room.map_err(LedgerError::io("writing", &next))?;
        Ok(Self { path, next, file })
    }

    /// Replaces the file. The bytes are as many as the room was made for.
    pub(super) fn put(mut self, bytes: &[u8]) -> Result<(), LedgerError> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        written.map_err(LedgerError::io("writing", &self.next))?;
        fs::rename(&self.next, &self.path).map_err(LedgerError::io("replacing", &self.path))?;
        sync(parent(&self.path))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(dir: &Path) -> Result<(), LedgerError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(LedgerError::io("syncing the directory", dir))
}

fn open_lock_file(path: &Path) -> Result<File, LedgerError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = opened.map_err(LedgerError::io("opening", path))?;
    owner::file(&file, parent(path)).map_err(LedgerError::io("opening", path))?;
    Ok(file)
}

/// One file name per collector, whatever its name has in it.
fn lock_name(collector: &str) -> String {
    let mut name = String::new();
    for byte in collector.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            _ => name.push_str(&format!("={byte:02X}")),
        }
    }
    name + ".lock"
}

/// Small files only: keys and notes.
fn read_limited(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_names_stay_in_the_directory_and_apart() {
        assert_eq!(lock_name("github-main_2"), "github-main_2.lock");
        assert_eq!(lock_name("../A b"), "=2E=2E=2F=41=20b.lock");
        assert_ne!(lock_name("A"), lock_name("a"));
        assert_ne!(lock_name("=41"), lock_name("A"));
    }
}
