//! Sealed documents say what their records say: counts, outcomes, and whether a population is whole.

use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use super::walk::Files;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, record_path};
use crate::judge::{Outcome, Verdict};
use crate::ledger::record::{Body, Record, Status, canonical_json};
use crate::notify::message::{ALERT, Message};
use crate::run_file::{ErrorFile, PARTIAL, POPULATION, RUN, RunFile};
use evidenced_collectors::contract::{Partial, Population};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Checks every document whose form is ours, record by record, in any order.
pub(super) struct Documents {
    count: u64,
    checking: Checking,
}

impl Documents {
    pub(super) fn new() -> Self {
        Self { count: 0, checking: Checking::new("documents") }
    }

    /// Checks those of a record.
    pub(super) fn see(
        &mut self,
        archive: &Archive,
        contents: &Contents,
        index: u64,
        record: &Record,
        files: Option<&Files>,
    ) {
        let heavy = matches!(
            record.body,
            Body::Evidence { .. } | Body::Verdict { .. } | Body::Config { .. } | Body::Alert { .. }
        );
        if !heavy || !contents.has_files(index, &record.body) {
            return;
        }
        self.count += 1;
        let Some(Files { folder, sums }) = files else {
            let why = "is committed to no files, which such a record must be";
            return self.checking.wrong(record_path(index), why);
        };
        let of = Of { archive, folder, index };
        let agrees = match (&record.body, sums) {
            (_, Err(error)) => return self.checking.failed(error),
            (Body::Verdict { .. }, _) => of.verdict(&record.body),
            (Body::Config { sha256, controls, .. }, _) => of.config(sha256, controls),
            (Body::Alert { .. }, _) => of.alert(&record.body),
            (_, Ok(sums)) => of.evidence(&record.body, sums),
        };
        self.checking.take(agrees);
    }

    /// Takes over what was found of other records.
    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        self.checking.append(other.checking);
    }

    pub(super) fn done(self) -> Check {
        self.checking.done(format!("{} records say what their documents say", self.count))
    }
}

/// Reads a document of ours.
pub(super) fn document<T: DeserializeOwned + Serialize>(
    source: &BundleSource<'_>,
    index: u64,
    name: &str,
) -> Result<T, BundleError> {
    read(source.archive, source.path(index, name)?)
}

/// Reads a document of ours, which has one form only.
fn read<T: DeserializeOwned + Serialize>(archive: &Archive, path: String) -> Result<T, BundleError> {
    let bytes = archive.read(&path)?;
    let parsed = serde_json::from_slice(&bytes).and_then(|value: T| Ok((canonical_json(&value)?, value)));
    match parsed {
        Ok((again, value)) if again == bytes => Ok(value),
        Ok(_) => Err(BundleError::malformed(path, "not written in the one form that there is")),
        Err(error) => Err(BundleError::malformed(path, error)),
    }
}

/// The documents of one record.
struct Of<'a> {
    archive: &'a Archive,
    folder: &'a str,
    index: u64,
}

impl Of<'_> {
    fn document<T: DeserializeOwned + Serialize>(&self, name: &str) -> Result<T, BundleError> {
        read(self.archive, format!("{}/{name}", self.folder))
    }

    fn agree(&self, fine: bool, why: &str) -> Result<(), BundleError> {
        if fine { Ok(()) } else { Err(BundleError::malformed(record_path(self.index), why)) }
    }

    fn evidence(&self, body: &Body, sums: &[([u8; 32], String)]) -> Result<(), BundleError> {
        let Body::Evidence { status, observed, collector, window, .. } = body else { return Ok(()) };
        let run: RunFile = self.document(RUN)?;
        self.agree(run.collector == *collector && run.task.window == *window, "says otherwise than its run.json")?;
        let both = [POPULATION, PARTIAL].iter().all(|name| sums.iter().any(|(_, listed)| listed == name));
        self.agree(!both, "has both a population and a part of one")?;
        let (held, fine) = match status {
            Status::Complete => {
                let population: Population = self.document(POPULATION)?;
                (population.items().len() as u64, !population.whole().is_empty())
            }
            Status::Incomplete => {
                let partial: Partial = self.document(PARTIAL)?;
                self.agree(partial.observed == *observed, "counts otherwise than its partial.json")?;
                (partial.items.len() as u64, !partial.unread.is_empty())
            }
            Status::Failed => {
                let error: ErrorFile = self.document(PARTIAL)?;
                (0, !error.unread.is_empty())
            }
        };
        self.agree(held == *observed, "counts otherwise than its items")?;
        self.agree(fine, "is neither shown to be whole, nor says what was not read")
    }

    fn verdict(&self, body: &Body) -> Result<(), BundleError> {
        let Body::Verdict { outcome, counts, .. } = body else { return Ok(()) };
        let verdict: Verdict = self.document("judgements.json")?;
        let mut counted: BTreeMap<Outcome, u64> = verdict.counts.keys().map(|outcome| (*outcome, 0)).collect();
        for judgement in &verdict.judgements {
            *counted.entry(judgement.outcome).or_default() += 1;
        }
        let same = verdict.outcome == *outcome && verdict.counts == *counts && counted == *counts;
        self.agree(same, "has another outcome or other counts than its judgements.json")
    }

    fn alert(&self, body: &Body) -> Result<(), BundleError> {
        let Body::Alert { key, event, about, severity, owner, .. } = body else { return Ok(()) };
        let message: Message = self.document(ALERT)?;
        let said = (&message.key, message.event, message.subject.about(), message.severity, &message.owner);
        self.agree(said == (key, *event, about.clone(), *severity, owner), "does not say what its alert.json says")
    }

    fn config(&self, sha256: &str, controls: &BTreeMap<String, Vec<String>>) -> Result<(), BundleError> {
        /// What every version of the program has written alike.
        #[derive(Deserialize)]
        struct Stated {
            #[serde(default)]
            controls: BTreeMap<String, Fed>,
        }
        #[derive(Deserialize)]
        struct Fed {
            collectors: Vec<String>,
        }
        let path = format!("{}/config.json", self.folder);
        let bytes = self.archive.read(&path)?;
        let same = hex::encode(Sha256::digest(&bytes)) == sha256;
        self.agree(same, "is of another configuration than its config.json")?;
        let stated: Stated = serde_json::from_slice(&bytes).map_err(|e| BundleError::malformed(path, e))?;
        let fed = stated.controls.into_iter().map(|(control, fed)| (control, fed.collectors));
        let why = "has other collectors for its controls than its config.json";
        self.agree(fed.collect::<BTreeMap<_, _>>() == *controls, why)
    }
}
