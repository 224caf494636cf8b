//! Documents on their way into the directory of a collector, and those that are sealed. What a sidecar says and
//! which names may be, the kind says; whether there are documents enough, the judge.

use crate::config::Loaded;
use crate::ledger::record::{Body, Status};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::owner;
use crate::run::RunError;
use crate::run_file::{PARTIAL, POPULATION, RUN, RunFile};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Document, Items, Partial, Population, Standing};
use evidenced_collectors::documents::{ADDING, ENDING, Settings, Sidecar};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The kind of collector that reads them.
pub const KIND: &str = "documents";

/// A document that was not put into its directory.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Nothing is ever overwritten.
    #[error(
        "{} is there already, and nothing is overwritten\nhint: give the new document a name of its own; the old one can be named in `withdrawn`",
        .0.display()
    )]
    Taken(PathBuf),
    /// The file system.
    #[error("{what} {}: {why}\nhint: the user of this command must be able to write there", .path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What came of it.
        why: io::Error,
    },
    /// A sidecar could not be written as TOML: a fault of ours.
    #[error("the sidecar cannot be written")]
    Sidecar(#[from] toml::ser::Error),
}

/// Puts a document and then its sidecar into the directory, each whole or not at all. The caller holds the lock of
/// the collector. After a crash in between the same command finishes what it began.
pub fn put(directory: &Path, file: &str, bytes: &[u8], sidecar: &Sidecar) -> Result<(), PutError> {
    let text = sidecar.write()?;
    let missing: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(io_error("making the directory", directory))?;
    // From above, so that each has its owner before the next is looked at.
    for made in missing.into_iter().rev() {
        let above = made.parent().unwrap_or(made);
        owner::directory(made, above).map_err(io_error("making the directory", made))?;
    }
    remove_leftovers(directory)?;
    let (document, beside) = (directory.join(file), directory.join(format!("{file}{ENDING}")));
    if fs::symlink_metadata(&beside).is_ok() {
        return Err(PutError::Taken(beside));
    }
    match fs::symlink_metadata(&document) {
        Ok(_) if same_bytes(&document, bytes) => {}
        Ok(_) => return Err(PutError::Taken(document)),
        Err(_) => place(directory, &document, bytes)?,
    }
    place(directory, &beside, text.as_bytes())
}

/// Whether it is a file of these very bytes.
fn same_bytes(path: &Path, bytes: &[u8]) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|held| held == bytes)
}

/// What an interrupted command left. Under the lock nobody else is adding.
fn remove_leftovers(directory: &Path) -> Result<(), PutError> {
    for entry in fs::read_dir(directory).map_err(io_error("reading", directory))? {
        let entry = entry.map_err(io_error("reading", directory))?;
        if entry.file_name().as_encoded_bytes().starts_with(ADDING.as_bytes()) {
            fs::remove_file(entry.path()).map_err(io_error("removing", &entry.path()))?;
        }
    }
    Ok(())
}

/// One file under its name, where none may be.
fn place(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), PutError> {
    let writing = || io_error("writing", path);
    let mut file = tempfile::Builder::new().prefix(ADDING).tempfile_in(directory).map_err(writing())?;
    owner::file(file.as_file(), directory).map_err(writing())?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(writing())?;
    file.persist_noclobber(path).map_err(|failed| match failed.error.kind() {
        ErrorKind::AlreadyExists => PutError::Taken(path.to_owned()),
        _ => io_error("writing", path)(failed.error),
    })?;
    File::open(directory).and_then(|dir| dir.sync_all()).map_err(io_error("syncing the directory", directory))
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PutError {
    let path = path.to_owned();
    move |why| PutError::Io { what, path, why }
}

/// Documents on record.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Documents {
    /// By control, day and name.
    pub documents: Vec<Sealed>,
    /// Evidence records whose files were erased: what they held is not listed.
    pub erased: Vec<u64>,
}

/// One document that was sealed.
#[derive(Debug, Clone, Serialize)]
pub struct Sealed {
    /// As it was read; whether it is withdrawn, as the configuration says by now.
    #[serde(flatten)]
    pub document: Document,
    /// Whose directory it is in.
    pub collector: String,
    /// The first evidence record that holds it.
    pub first_evidence: u64,
    /// The newest one.
    pub evidence: u64,
    /// What has become of the file.
    pub on_disk: OnDisk,
}

/// What has become of the file of a document that is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisk {
    /// It is there, with the same bytes.
    There,
    /// It is not.
    Gone,
    /// Something else is there.
    Altered,
    /// It could not be read.
    Unread,
}

impl Sealed {
    /// Whether the file is not what was sealed, and nobody said why.
    pub fn missing(&self) -> bool {
        self.on_disk != OnDisk::There && self.document.withdrawn.is_none()
    }
}

/// Every document that is sealed; of one control, if one is named.
pub fn sealed(reader: &Reader, loaded: &Loaded, control: Option<&str>) -> Result<Documents, RunError> {
    let OnRecord { mut documents, directories, erased } =
        on_record(reader, loaded, reader.size()?, &Filter::kind("evidence"))?;
    documents.retain(|sealed| control.is_none_or(|control| control == sealed.document.control));
    for Sealed { document, collector, on_disk, .. } in &mut documents {
        if let Some(directory) = directories.get(collector) {
            *on_disk = look(&directory.join(&document.file), document);
        }
    }
    let order = |Sealed { document: of, .. }: &Sealed| (of.control.clone(), of.as_of, of.file.clone(), of.added_at);
    documents.sort_by_cached_key(order);
    Ok(Documents { documents, erased })
}

/// Documents on record, before anybody looked what has become of their files.
pub(crate) struct OnRecord {
    /// By collector and name.
    pub(crate) documents: Vec<Sealed>,
    /// Where each collector had them last.
    directories: BTreeMap<String, PathBuf>,
    /// See `Documents`.
    erased: Vec<u64>,
}

/// Those that the first `size` records hold, as far as `filter` takes them.
pub(crate) fn on_record(reader: &Reader, loaded: &Loaded, size: u64, filter: &Filter) -> Result<OnRecord, RunError> {
    let mut found: BTreeMap<(String, String, DateTime<Utc>, String), Sealed> = BTreeMap::new();
    let (mut directories, mut erased) = (BTreeMap::new(), Vec::new());
    for record in reader.records(0..size, filter) {
        let (index, record) = record?;
        let Body::Evidence { collector, status, .. } = record.body else { continue };
        if loaded.collectors.get(&collector).is_some_and(|known| known.kind.name != KIND) {
            continue;
        }
        let run: RunFile = match document(reader, index, RUN) {
            Err(RunError::Ledger(LedgerError::Erased { .. })) => {
                erased.push(index);
                continue;
            }
            run => run?,
        };
        if run.kind != KIND {
            continue;
        }
        if let Ok(settings) = Settings::read(&run.settings) {
            directories.insert(collector.clone(), settings.directory);
        }
        for held in held(reader, index, status)? {
            let key = (collector.clone(), held.file.clone(), held.added_at, held.sha256.clone());
            let first = found.get(&key).map_or(index, |known| known.first_evidence);
            let collector = collector.clone();
            let sealed =
                Sealed { document: held, collector, first_evidence: first, evidence: index, on_disk: OnDisk::Unread };
            found.insert(key, sealed);
        }
    }
    let mut documents: Vec<Sealed> = found.into_values().collect();
    for Sealed { document, collector, .. } in &mut documents {
        // The configuration may say more by now than it did at the newest run.
        let settings = loaded.config.collectors.get(collector);
        let settings = settings.and_then(|config| Settings::read(&config.settings).ok());
        let withdrawn = settings.and_then(|settings| {
            settings.withdrawn(&document.file, document.added_at).map(|withdrawn| withdrawn.reason.clone())
        });
        document.withdrawn = withdrawn.or(document.withdrawn.take());
    }
    Ok(OnRecord { documents, directories, erased })
}

/// Whether an evidence record holds the document. A run that failed, or to which the document did not fit, does not.
pub fn holds(reader: &Reader, index: u64, file: &str, sha256: &str) -> Result<bool, RunError> {
    let Body::Evidence { status, .. } = reader.record(index)?.body else { return Ok(false) };
    Ok(held(reader, index, status)?.iter().any(|document| document.file == file && document.sha256 == sha256))
}

/// What one evidence record holds. A document that was gone or altered is in an earlier one.
fn held(reader: &Reader, index: u64, status: Status) -> Result<Vec<Document>, RunError> {
    let items = match status {
        Status::Complete => document::<Population>(reader, index, POPULATION)?.items().clone(),
        Status::Incomplete => document::<Partial>(reader, index, PARTIAL)?.items,
        Status::Failed => return Ok(Vec::new()),
    };
    let Items::Documents(documents) = items else { return Ok(Vec::new()) };
    Ok(documents.into_iter().filter(|document| document.standing == Standing::Kept).collect())
}

fn document<T: DeserializeOwned>(reader: &Reader, index: u64, name: &str) -> Result<T, RunError> {
    let bytes = reader.read_file(index, name)?;
    serde_json::from_slice(&bytes).map_err(|e| RunError::Unreadable { index, why: format!("{name}: {e}") })
}

/// What is there now. Nothing larger than the document is read, and no link is followed.
fn look(path: &Path, document: &Document) -> OnDisk {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return OnDisk::Gone,
        Err(_) => return OnDisk::Unread,
        Ok(metadata) => metadata,
    };
    if !metadata.is_file() || metadata.len() != document.size {
        return OnDisk::Altered;
    }
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(document.size).read_to_end(&mut bytes)) {
        Err(_) => OnDisk::Unread,
        Ok(_) if hex::encode(Sha256::digest(&bytes)) == document.sha256 => OnDisk::There,
        Ok(_) => OnDisk::Altered,
    }
}
