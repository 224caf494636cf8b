//! Documents: screenshots, minutes, reports; files in a directory of their own, each with a sidecar that says what
//! it is evidence of, of which day, and who added it when.
//!
//! Here: the straight line from listing to population. `sidecar` is the form of a sidecar, `settings` has the
//! configuration, `memory` holds what was read against what earlier runs read, `locate` finds a document's facts
//! again in what was sealed. A document is bytes: nobody looks into one. Whether there are documents enough is not
//! decided here; that is the judge's.

mod locate;
mod memory;
mod settings;
mod sidecar;
#[cfg(test)]
mod tests;

pub use settings::{Settings, Withdrawn};
pub use sidecar::{ENDING, Fault, NOTE_BYTES_MAX, Sidecar, check_file};

use crate::contract::{
    Asking, CollectError, Collector, Document, Ipe, Items, Kind, Partial, Population, Reading, Remembers, Rights,
    SettingsError, Standing, Task, Unread, Whole, carry,
};
use crate::door::{Door, Failure, FileEntry};
use crate::sources::files::{self, not_listed, not_read, told};
use bytes::Bytes;
use chrono::TimeDelta;
use memory::Memory;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

pub(crate) const KIND: Kind = Kind {
    name: "documents",
    version: 1,
    about: "Documents that people add as evidence: screenshots, minutes, reports, with who, when and of which day",
    reading: Reading::Snapshot,
    keeps: true,
    permissions: &[files::READ],
    needs: files::needs,
    build,
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

/// What the door's records call this source.
const SOURCE: &str = "documents";

/// How the names of files that are being added begin. What is left of one, an interrupted `evidence add` left.
pub const ADDING: &str = ".adding-";

/// How far another clock may be ahead of ours, minutes.
const CLOCK_AHEAD_MINUTES_MAX: i64 = 5;

/// Most documents that are known from runs that were not whole.
const KNOWN_MAX: usize = 20_000;

fn build(settings: &Value) -> Result<Box<dyn Collector>, SettingsError> {
    Ok(Box::new(Documents(Settings::read(settings)?)))
}

struct Documents(Settings);

#[async_trait::async_trait]
impl Collector for Documents {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let before: Memory = carry::read(task.carry.as_ref())?;
        let entries = door.list(SOURCE, &self.0.directory).await.map_err(|failure| self.not_listed(failure))?;
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let sidecars = names.iter().filter(|name| name.ends_with(ENDING)).count();
        if entries.len() - sidecars > self.0.files_max {
            let what = self.0.directory.display().to_string();
            let why = format!("{} documents; files_max is {}", entries.len() - sidecars, self.0.files_max);
            return Err(CollectError::Limit { what, why });
        }
        let (mut documents, mut unread) = (Vec::new(), Vec::new());
        for entry in &entries {
            if let Some(document) = entry.name.strip_suffix(ENDING) {
                unread.extend((!names.contains(document)).then(|| orphan(&entry.name, document)));
                continue;
            }
            match self.document(door, &entries, entry).await {
                Ok(document) => documents.push(document),
                Err(fault) => unread.push(fault),
            }
        }
        let (contradictions, were) = before.contradicted_by(&documents, &names, &self.0, door.as_of());
        let now = Memory::new(door.as_of(), &documents);
        let union = before.with(&documents, door.as_of());
        if union.len() > KNOWN_MAX {
            let what = self.0.directory.display().to_string();
            let why = format!("{} documents with those that were read before, more than {KNOWN_MAX}", union.len());
            return Err(CollectError::Limit { what, why });
        }
        let union = Some(carry::write(&union)?);
        let (held, listed) = (2 * documents.len() as u64, entries.len() as u64);
        documents.retain(|document| were.iter().all(|was| was.file != document.file));
        documents.extend(were);
        let mut ipe = self.ipe(door, &documents);
        unread.extend(contradictions);
        match Whole::total("documents with their sidecars", held, "the directory's listing", listed) {
            Ok((total, reconciliation)) if unread.is_empty() => {
                ipe.reconciliations.push(reconciliation);
                let whole = vec![Whole::last_page("the directory's listing, in one piece", 1), total];
                Population::new(Items::Documents(documents), whole, ipe, Some(carry::write(&now)?))
            }
            Err(difference) if unread.is_empty() => {
                Err(Partial::of(Items::Documents(documents), None, vec![difference], ipe, union))
            }
            _ => Err(Partial::of(Items::Documents(documents), None, unread, ipe, union)),
        }
    }

    fn remembers(&self) -> Vec<Remembers> {
        // A directory forgets nothing by itself; that documents stay in it is held to what earlier runs read.
        Vec::new()
    }

    async fn rights(&self, _: &Door, _: &Asking<'_>) -> Rights {
        // No file system says more than whether it answers.
        Rights::default()
    }
}

impl Documents {
    /// One document with its sidecar, or why it is none.
    async fn document(&self, door: &Door, entries: &[FileEntry], entry: &FileEntry) -> Result<Document, Unread> {
        let name = entry.name.as_str();
        if name.starts_with(ADDING) {
            let why = "was left by an `evidence add` that was interrupted".to_owned();
            return Err(told(name, why, "give that command again, or remove this file"));
        }
        check_file(name).map_err(|(why, hint)| told(name, why, &hint))?;
        if entry.directory {
            return Err(told(name, "is a directory".to_owned(), "put the documents themselves side by side"));
        }
        let bytes = self.read(door, entry, self.0.bytes_max).await?;
        if bytes.is_empty() {
            return Err(told(name, "is empty".to_owned(), "put the document there, or remove it with its sidecar"));
        }
        let beside = format!("{name}{ENDING}");
        let Some(beside) = entries.iter().find(|entry| entry.name == beside) else {
            let why = format!("has no sidecar {beside}");
            return Err(told(name, why, "`evidenced evidence add` with this very file makes it; or remove the file"));
        };
        let written = self.read(door, beside, sidecar::BYTES_MAX).await?;
        let says = Sidecar::read(&written).map_err(|(why, hint)| told(&beside.name, why, &hint))?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        if says.sha256 != sha256 {
            let why = format!("has SHA-256 {sha256}, and its sidecar says {}", says.sha256);
            return Err(told(name, why, "put the document back as it was added; a new one has a name of its own"));
        }
        if says.added_at > door.as_of() + TimeDelta::minutes(CLOCK_AHEAD_MINUTES_MAX) {
            let why = format!("added_at: {} is still to come", says.added_at.format("%Y-%m-%d %H:%M UTC"));
            return Err(told(&beside.name, why, "write when it was added; are both clocks right?"));
        }
        let Sidecar { control, as_of, note, by, added_at, .. } = says;
        let withdrawn = self.0.withdrawn(name, added_at).map(|withdrawn| withdrawn.reason.clone());
        let (file, size) = (name.to_owned(), bytes.len() as u64);
        Ok(Document { file, control, as_of, added_at, by, note, sha256, size, standing: Standing::Kept, withdrawn })
    }

    /// A file of at most so many bytes. One that is larger is not read.
    async fn read(&self, door: &Door, entry: &FileEntry, most: u64) -> Result<Bytes, Unread> {
        let name = entry.name.as_str();
        if entry.size > most {
            let why = format!("has {} bytes, more than {most}; it was not read", entry.size);
            return Err(told(name, why, "is it the right file? else raise bytes_max"));
        }
        let bytes =
            door.read(SOURCE, &self.0.directory.join(name)).await.map_err(|failure| not_read(name, &failure))?;
        // Truncated in between: what is left may look whole.
        if bytes.len() as u64 != entry.size {
            let why = format!("{} bytes read, but {} were listed", bytes.len(), entry.size);
            return Err(told(name, why, "it changed while it was read; the next run reads again"));
        }
        Ok(bytes)
    }

    fn not_listed(&self, failure: Failure) -> CollectError {
        if matches!(failure, Failure::NotFound) {
            let why = format!("{failure}; hint: the first `evidenced evidence add` makes it, or make it yourself");
            return CollectError::Unavailable { what: self.0.directory.display().to_string(), why };
        }
        not_listed(&self.0.directory, failure)
    }

    fn ipe(&self, door: &Door, documents: &[Document]) -> Ipe {
        let mut ipe = door.ipe(SOURCE);
        ipe.source = "documents that people added".to_owned();
        ipe.hosts = vec![self.0.directory.display().to_string()];
        ipe.scope_claimed = vec!["every file of the directory".to_owned()];
        ipe.scope_found = documents.iter().map(|document| document.file.clone()).collect();
        ipe.filters.extend(self.0.withdrawn.iter().map(|Withdrawn { file, added_at, reason }| {
            format!("{file}, added at {}, was withdrawn: {reason}", added_at.format("%Y-%m-%d %H:%M:%S UTC"))
        }));
        ipe.limitations.push(
            "of which day a document is, when it was added before the first run that found it, and what it shows, is the \
             statement of whoever added it; nobody looked into it"
                .to_owned(),
        );
        ipe
    }
}

/// A sidecar without its document.
fn orphan(sidecar: &str, document: &str) -> Unread {
    let hint = "put the document back; if it was withdrawn, remove the sidecar as well";
    told(sidecar, format!("is of a document {document} that is not there"), hint)
}
