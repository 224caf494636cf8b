//! Sealed documents say what their records say: counts, outcomes, and whether a population is whole.

use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, digits, folder, record_path};
use crate::judge::{Outcome, Verdict};
use crate::ledger::record::{Body, Status, canonical_json};
use crate::notify::message::{ALERT, Message};
use crate::run_file::{ErrorFile, PARTIAL, POPULATION, RUN, RunFile};
use evidenced_collectors::contract::{Partial, Population};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Checks every document whose form is ours.
pub(super) fn check(archive: &Archive, contents: &Contents) -> Check {
    let mut checking = Checking::new("documents");
    let source = BundleSource(archive);
    let mut count = 0_u64;
    for index in contents.disclosed() {
        let Some(record) = checking.take(source.record(index)) else { continue };
        let heavy = matches!(
            record.body,
            Body::Evidence { .. } | Body::Verdict { .. } | Body::Config { .. } | Body::Alert { .. }
        );
        if !heavy || !contents.has_files(index, &record.body) {
            continue;
        }
        count += 1;
        if record.commit.is_none() {
            checking.wrong(record_path(index), "is committed to no files, which such a record must be");
            continue;
        }
        let Some(names) = checking.take(source.file_names(index)) else { continue };
        let agrees = match &record.body {
            Body::Evidence { .. } => evidence(&source, index, &record.body, &names),
            Body::Verdict { .. } => verdict(&source, index, &record.body),
            Body::Config { sha256, .. } => config(&source, index, sha256),
            Body::Alert { .. } => alert(&source, index, &record.body),
            _ => continue,
        };
        checking.take(agrees);
    }
    checking.done(format!("{count} records say what their documents say"))
}

fn alert(source: &BundleSource<'_>, index: u64, body: &Body) -> Result<(), BundleError> {
    let Body::Alert { key, event, about, severity, owner, .. } = body else { return Ok(()) };
    let message: Message = document(source, index, ALERT)?;
    let said = (&message.key, message.event, message.subject.about(), message.severity, &message.owner);
    if said == (key, *event, about.clone(), *severity, owner) {
        return Ok(());
    }
    Err(BundleError::malformed(record_path(index), format!("does not say what its {ALERT} says")))
}

/// Reads a document of ours, which has one form only.
pub(super) fn document<T: DeserializeOwned + Serialize>(
    source: &BundleSource<'_>,
    index: u64,
    name: &str,
) -> Result<T, BundleError> {
    let folder = folder(&source.record(index)?.body).unwrap_or_default();
    let malformed = |why: String| BundleError::malformed(format!("data/{folder}/{}/{name}", digits(index)), why);
    let bytes = source.file(index, name)?;
    let value: T = serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))?;
    let again = canonical_json(&value).map_err(|e| malformed(e.to_string()))?;
    if again != bytes {
        return Err(malformed("not written in the one form that there is".to_owned()));
    }
    Ok(value)
}

fn agree(fine: bool, index: u64, why: &str) -> Result<(), BundleError> {
    if fine { Ok(()) } else { Err(BundleError::malformed(record_path(index), why)) }
}

fn evidence(source: &BundleSource<'_>, index: u64, body: &Body, names: &[String]) -> Result<(), BundleError> {
    let Body::Evidence { status, observed, collector, window, .. } = body else { return Ok(()) };
    let run: RunFile = document(source, index, RUN)?;
    agree(run.collector == *collector && run.task.window == *window, index, "says otherwise than its run.json")?;
    let both = names.iter().any(|n| n == POPULATION) && names.iter().any(|n| n == PARTIAL);
    agree(!both, index, "has both a population and a part of one")?;
    let (held, fine) = match status {
        Status::Complete => {
            let population: Population = document(source, index, POPULATION)?;
            (population.items().len() as u64, !population.whole().is_empty())
        }
        Status::Incomplete => {
            let partial: Partial = document(source, index, PARTIAL)?;
            agree(partial.observed == *observed, index, "counts otherwise than its partial.json")?;
            (partial.items.len() as u64, !partial.unread.is_empty())
        }
        Status::Failed => {
            let error: ErrorFile = document(source, index, PARTIAL)?;
            (0, !error.unread.is_empty())
        }
    };
    agree(held == *observed, index, "counts otherwise than its items")?;
    agree(fine, index, "is neither shown to be whole, nor says what was not read")
}

fn verdict(source: &BundleSource<'_>, index: u64, body: &Body) -> Result<(), BundleError> {
    let Body::Verdict { outcome, counts, .. } = body else { return Ok(()) };
    let verdict: Verdict = document(source, index, "judgements.json")?;
    let mut counted: BTreeMap<Outcome, u64> = verdict.counts.keys().map(|outcome| (*outcome, 0)).collect();
    for judgement in &verdict.judgements {
        *counted.entry(judgement.outcome).or_default() += 1;
    }
    let same = verdict.outcome == *outcome && verdict.counts == *counts && counted == *counts;
    agree(same, index, "has another outcome or other counts than its judgements.json")
}

fn config(source: &BundleSource<'_>, index: u64, sha256: &str) -> Result<(), BundleError> {
    let bytes = source.file(index, "config.json")?;
    agree(hex::encode(Sha256::digest(bytes)) == sha256, index, "is of another configuration than its config.json")
}
