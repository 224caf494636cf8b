//! What a sample is drawn from: the items that a control's verdicts of a period are about, each with the outcome of
//! the newest verdict on it, and the evidence that it rests on. One definition for whoever draws, exports and
//! checks: verdicts written in the period, in the order of the log; an item that is outside of the control's
//! population (`excluded`) is none. An event, such as a change, belongs to the period in which it was judged first:
//! one that landed in the last minutes is of the next one, so that of periods side by side none loses it.

use crate::bundle::format::{Source, digits, record_path};
use crate::bundle::{BundleError, Table, word};
use crate::judge::{Outcome, Verdict};
use crate::ledger::record::{Body, Status};
use crate::run_file::{PARTIAL, POPULATION};
use evidenced_collectors::contract::{Items, Partial, Population as Collected, Window};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Things unread that are named.
const UNREAD_MAX: usize = 20;

/// Where the records are, and over which period.
#[derive(Clone, Copy)]
pub(crate) struct Over<'a> {
    pub(crate) source: &'a dyn Source,
    /// Whether the files of a record were erased.
    pub(crate) erased: &'a dyn Fn(u64) -> bool,
    pub(crate) period: Window,
}

/// The population of a control over a period.
#[derive(Debug, Default)]
pub(crate) struct Population {
    /// By the item's key, in the order of its bytes.
    pub(crate) items: BTreeMap<String, Judged>,
    /// Events that are of the time before the period: the verdict before it was about them already.
    pub(crate) earlier: BTreeSet<String>,
    /// What the newest verdict could not read, and verdicts that were erased, the first few of each.
    pub(crate) unread: Vec<String>,
    /// Every record that it rests on.
    pub(crate) rests_on: BTreeSet<u64>,
}

/// One item's newest judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    /// The verdict's record.
    pub(crate) verdict: u64,
    /// Records of the evidence that holds the item.
    pub(crate) evidence: Vec<u64>,
}

/// Reads it; `verdicts` are records of verdicts of the control, oldest first: those of the period and the one before
/// it, and more if need be. Of those that were erased nothing is known.
pub(crate) fn population(over: Over<'_>, verdicts: impl Iterator<Item = u64>) -> Result<Population, BundleError> {
    let mut population = Population::default();
    let mut named: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let (mut before, mut erased) = (None, Vec::new());
    for index in verdicts {
        let record = over.source.record(index)?;
        let Body::Verdict { evidence, .. } = record.body else {
            return Err(BundleError::malformed(record_path(index), "is not a verdict"));
        };
        if record.at < over.period.start {
            before = Some(index);
        }
        if !over.period.contains(record.at) {
            continue;
        }
        population.rests_on.insert(index);
        if (over.erased)(index) {
            erased.push(format!("verdict {index}: its files were erased; items that it alone names are missing"));
            continue;
        }
        let verdict: Verdict = json(over.source, "verdicts", index, "judgements.json")?;
        let unread = verdict.unread.iter().take(UNREAD_MAX).map(|unread| format!("{}: {}", unread.what, unread.why));
        population.unread = unread.collect();
        for judgement in verdict.judgements {
            let judged = Judged { outcome: judgement.outcome, verdict: index, evidence: Vec::new() };
            population.items.insert(judgement.item, judged);
        }
        named.insert(index, evidence);
    }
    population.unread.extend(erased.into_iter().take(UNREAD_MAX));
    population.items.retain(|_, judged| judged.outcome != Outcome::Excluded);
    population.rest(over, &named, before)?;
    Ok(population)
}

impl Population {
    /// Finds the evidence of each item, and leaves out events that the verdict before the period was about.
    fn rest(
        &mut self,
        over: Over<'_>,
        named: &BTreeMap<u64, Vec<u64>>,
        before: Option<u64>,
    ) -> Result<(), BundleError> {
        let mut known: BTreeSet<String> = BTreeSet::new();
        if let Some(before) = before {
            self.rests_on.insert(before);
            if !(over.erased)(before) {
                let verdict: Verdict = json(over.source, "verdicts", before, "judgements.json")?;
                known.extend(verdict.judgements.into_iter().map(|judgement| judgement.item));
            }
        }
        let mut held: BTreeMap<u64, Held> = BTreeMap::new();
        let newest: BTreeSet<u64> = self.items.values().map(|judged| judged.verdict).collect();
        for index in newest.iter().filter_map(|verdict| named.get(verdict)).flatten() {
            self.rests_on.insert(*index);
            if !held.contains_key(index) && !(over.erased)(*index) {
                held.insert(*index, Held::read(over.source, *index)?);
            }
        }
        let earlier = &mut self.earlier;
        self.items.retain(|item, judged| {
            let evidence = named.get(&judged.verdict).map_or(&[][..], Vec::as_slice);
            let mut event = false;
            for index in evidence {
                let Some(held) = held.get(index).filter(|held| held.has(item)) else { continue };
                event |= matches!(held, Held::Events(_));
                judged.evidence.push(*index);
            }
            let before = event && known.contains(item);
            if before {
                earlier.insert(item.clone());
            }
            !before
        });
        Ok(())
    }

    /// As the table that is frozen.
    pub(crate) fn csv(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let mut table = Table::new(&mut bytes, &["item", "outcome"])?;
        for (item, judged) in &self.items {
            table.row(&[item, &word(judged.outcome)])?;
        }
        table.end()?;
        Ok(bytes)
    }
}

/// The hash that names a frozen population.
pub(crate) fn sha256(csv: &[u8]) -> String {
    hex::encode(Sha256::digest(csv))
}

/// The items of one evidence record, by their keys.
enum Held {
    /// Things that happened, each judged by itself.
    Events(BTreeSet<String>),
    /// Things that are, each judged by itself.
    Keyed(BTreeSet<String>),
    /// What is judged is not one of them, but made of all.
    Together,
}

impl Held {
    fn read(source: &dyn Source, index: u64) -> Result<Self, BundleError> {
        let Body::Evidence { status, .. } = source.record(index)?.body else {
            return Err(BundleError::malformed(record_path(index), "is not evidence"));
        };
        let items = match status {
            Status::Complete => json::<Collected>(source, "evidence", index, POPULATION)?.items().clone(),
            Status::Incomplete => json::<Partial>(source, "evidence", index, PARTIAL)?.items,
            Status::Failed => return Ok(Self::Keyed(BTreeSet::new())),
        };
        Ok(match items {
            Items::Changes(list) => Self::Events(list.into_iter().map(|change| change.id).collect()),
            Items::Principals(list) => Self::Keyed(list.into_iter().map(|principal| principal.id).collect()),
            _ => Self::Together,
        })
    }

    /// Whether the item is, or rests on, one of them.
    fn has(&self, item: &str) -> bool {
        match self {
            Self::Events(items) | Self::Keyed(items) => items.contains(item),
            Self::Together => true,
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(
    source: &dyn Source,
    folder: &str,
    index: u64,
    name: &str,
) -> Result<T, BundleError> {
    serde_json::from_slice(&source.file(index, name)?)
        .map_err(|e| BundleError::malformed(format!("data/{folder}/{}/{name}", digits(index)), e))
}
