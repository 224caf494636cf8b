//! What one run tells the next: every document as it was read. Whoever takes one away, or gives it other bytes or
//! another day, must not pass unnoticed.

use super::settings::Settings;
use crate::contract::{Document, Standing, Unread};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Documents by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    documents: BTreeMap<String, Document>,
}

impl Memory {
    /// Of this run.
    pub(super) fn new(documents: &[Document]) -> Self {
        let entry = |document: &Document| (document.file.clone(), document.clone());
        Self { documents: documents.iter().map(entry).collect() }
    }

    /// Documents that are gone, or are not what they were and not withdrawn: each as it was, and what is to be
    /// told of it. What is there (`listed`) and could not be read has told so itself.
    pub(super) fn contradicted_by(
        &self,
        now: &[Document],
        listed: &BTreeSet<&str>,
        settings: &Settings,
    ) -> (Vec<Unread>, Vec<Document>) {
        let (mut unread, mut were) = (Vec::new(), Vec::new());
        let stands = |document: &&Document| settings.withdrawn(&document.file, document.added_at).is_none();
        for before in self.documents.values().filter(stands) {
            let there = now.iter().find(|document| document.file == before.file);
            let why = match there {
                Some(there) if same(there, before) => continue,
                Some(there) => Some(format!("is not what the last complete run read: {}", differences(before, there))),
                None if listed.contains(before.file.as_str()) => None,
                None => Some("was there at the last complete run, and is gone".to_owned()),
            };
            let standing = match there {
                None if !listed.contains(before.file.as_str()) => Standing::Gone,
                _ => Standing::Altered,
            };
            unread.extend(why.map(|why| Unread {
                what: before.file.clone(),
                why,
                permission: None,
                hint: Some(format!(
                    "put it back as it was; if it shall count no longer, list it in `withdrawn` with added_at = \"{}\"",
                    before.added_at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
                )),
            }));
            were.push(Document { standing, ..before.clone() });
        }
        (unread, were)
    }
}

/// Whether everything is as it was; whether it is withdrawn is the configuration's.
fn same(now: &Document, before: &Document) -> bool {
    Document { withdrawn: before.withdrawn.clone(), ..now.clone() } == *before
}

/// What is otherwise, by the keys of the sidecar.
fn differences(before: &Document, now: &Document) -> String {
    let pairs = [
        ("sha256", before.sha256.clone(), now.sha256.clone()),
        ("control", before.control.clone(), now.control.clone()),
        ("as_of", before.as_of.to_string(), now.as_of.to_string()),
        ("added_at", before.added_at.to_rfc3339(), now.added_at.to_rfc3339()),
        ("by", before.by.clone(), now.by.clone()),
        ("note", before.note.clone().unwrap_or_default(), now.note.clone().unwrap_or_default()),
    ];
    let differing = pairs.iter().filter(|(_, before, now)| before != now);
    differing.map(|(key, before, now)| format!("{key} was {before:?}, is {now:?}")).collect::<Vec<_>>().join("; ")
}
