//! What one run tells the next: every document as it was read, and when. Whoever takes one away, gives it other bytes or
//! another day, or says that one was there before, must not pass unnoticed.

use super::CLOCK_AHEAD_MINUTES_MAX;
use super::settings::Settings;
use super::sidecar::ENDING;
use crate::contract::{Document, Standing, Unread};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Documents by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// When the last complete run read them, by the clock of that run; `None` before the first one. An incomplete run may
    /// have missed one that was there, so that it says of none that it was not.
    read_at: Option<DateTime<Utc>>,
    documents: BTreeMap<String, Document>,
}

impl Memory {
    /// Of this run.
    pub(super) fn new(as_of: DateTime<Utc>, documents: &[Document]) -> Self {
        let entry = |document: &Document| (document.file.clone(), document.clone());
        Self { read_at: Some(as_of), documents: documents.iter().map(entry).collect() }
    }

    /// How many documents.
    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }

    /// Documents that are gone, or are not what they were and not withdrawn: each as it was, and what is to be
    /// told of it. What is there (`listed`) and could not be read has told so itself.
    pub(super) fn contradicted_by(
        &self,
        now: &[Document],
        listed: &BTreeSet<&str>,
        settings: &Settings,
        as_of: DateTime<Utc>,
    ) -> (Vec<Unread>, Vec<Document>) {
        let (mut unread, mut were) = (Vec::new(), Vec::new());
        let stands = |document: &&Document| settings.withdrawn(&document.file, document.added_at).is_none();
        for before in self.documents.values().filter(stands) {
            let there = now.iter().find(|document| document.file == before.file);
            let why = match there {
                Some(there) if same(there, before) => continue,
                Some(there) => Some(format!("is not what was read before: {}", differences(before, there))),
                None if listed.contains(before.file.as_str()) => None,
                None => Some("was read before, and is gone".to_owned()),
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
                    before.added_at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
                )),
            }));
            were.push(Document { standing, ..before.clone() });
        }
        unread.extend(now.iter().filter_map(|document| self.backdated(document, as_of)));
        (unread, were)
    }

    /// What this run, which is not whole, and those before it know together: what was read before stays as it was, and
    /// what the settings say of it is for a whole run to take. One that is backdated is none that was found before.
    pub(super) fn with(mut self, now: &[Document], as_of: DateTime<Utc>) -> Self {
        let found: Vec<&Document> = now.iter().filter(|document| self.backdated(document, as_of).is_none()).collect();
        for document in found {
            self.documents.entry(document.file.clone()).or_insert_with(|| document.clone());
        }
        self
    }

    /// A document that says it was added before a complete run which did not find it. When that was is not known if it
    /// says that it is still to come: under a clock that was ahead, or that is behind now. It was before now.
    fn backdated(&self, document: &Document, as_of: DateTime<Utc>) -> Option<Unread> {
        let read_at = self.read_at.filter(|_| !self.documents.contains_key(&document.file))?;
        let before = document.added_at + TimeDelta::minutes(CLOCK_AHEAD_MINUTES_MAX) < read_at.min(as_of);
        let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC");
        let (added_at, read) = (minute(document.added_at), minute(read_at));
        let (why, hint) = if read_at <= as_of {
            (
                format!("added_at: {added_at} is before the complete run of {read}, which did not find the document"),
                "write when it was put there; a note says why it is late",
            )
        } else {
            (
                format!(
                    "added_at: {added_at} is before this run, and the last complete one, which did not find the \
                     document, was on {read}, which is still to come"
                ),
                "which clock was wrong? put it there anew with `evidenced evidence add`, which collects at once",
            )
        };
        (before && document.withdrawn.is_none()).then(|| Unread {
            what: format!("{}{ENDING}", document.file),
            why,
            permission: None,
            hint: Some(hint.to_owned()),
        })
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
