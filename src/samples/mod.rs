//! Samples: items drawn from what a control was judged over in a period, so that anybody can draw them again.
//!
//! - `draw`: the generator, a few lines in any language.
//! - `population`: what is drawn from.
//! - `tables`: how many.
//!
//! Every item is tested; a sample is for the auditor, who looks at some of them again at the source. The auditor
//! gives the seed. A sample stays as it was drawn, whatever is sealed of its period later.

mod draw;
pub(crate) mod population;
mod tables;

pub use draw::draw;
pub use tables::{Table, TableError};

use crate::bundle::{BundleError, LedgerSource};
use crate::history;
use crate::judge::Outcome;
use crate::ledger::record::{Body, canonical_json};
use crate::ledger::{Filter, LedgerError, NewFile, Reader};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Window;
use population::{Over, Population, population};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// File of a sample: how it was drawn, and what.
pub const SAMPLE: &str = "sample.json";
/// File of a sample: every item that it was drawn from, with its outcome. Its SHA-256 is the population's hash.
pub const POPULATION: &str = "population.csv";
/// What `method` says; another number when the same seed and population would give other items.
pub const METHOD: &str = "sha256-counter/1";

/// `sample.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Of which control.
    pub control: String,
    /// Over which period.
    pub period: Window,
    /// As the auditor gave it.
    pub seed: String,
    /// How it was drawn: `METHOD`.
    pub method: String,
    /// What it was drawn from.
    pub population: Frozen,
    /// How many were drawn.
    pub size: u64,
    /// The table that said how many; `None`: the number was given.
    pub table: Option<String>,
    /// What was drawn, in the order of drawing.
    pub items: Vec<Drawn>,
}

/// What a sample was drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// SHA-256 of `population.csv`, hex.
    pub sha256: String,
    /// How many items it has.
    pub size: u64,
    /// Size of the log that it was read from.
    pub log_size: u64,
    /// What the newest verdict could not read: items may be missing. Empty: it read everything.
    pub unread: Vec<String>,
}

/// One drawn item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// Its row in `population.csv`, from 1; the header is none.
    pub row: u64,
    /// The item's stable key.
    pub item: String,
    /// What the newest verdict on it came to.
    pub outcome: Outcome,
    /// That verdict's record.
    pub verdict: u64,
    /// Records of the evidence that it rests on: `data/evidence/<record>/exchanges` has what the source answered.
    pub evidence: Vec<u64>,
}

/// How many items are wanted.
#[derive(Debug, Clone)]
pub enum Size {
    /// So many.
    Items(u64),
    /// As a table says.
    Table(Table),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Of which control.
    pub control: String,
    /// Over which period.
    pub period: Window,
    /// The auditor's.
    pub seed: String,
    /// How many.
    pub size: Size,
}

/// Why nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// There is nothing to draw from: that is to be shown, and not to be sampled.
    #[error(
        "control {control} was judged over no item from {} until before {}\nhint: see `evidenced history {control}`; that something did not occur is shown by the population, not by a sample",
        .period.start, .period.end
    )]
    Nothing {
        /// The control.
        control: String,
        /// The period.
        period: Window,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What it holds cannot be read as what it should be.
    #[error(transparent)]
    Read(#[from] BundleError),
}

/// A drawn sample: the record to append, and its files.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The record.
    pub body: Body,
    /// `sample.json`.
    pub sample: Sample,
    /// `population.csv`.
    pub population: Vec<u8>,
}

impl Draft {
    /// The record with its files, to append.
    pub fn record(self) -> Result<(Body, Vec<NewFile>), serde_json::Error> {
        let sample = NewFile::json(SAMPLE, canonical_json(&self.sample)?);
        let population =
            NewFile { name: POPULATION.to_owned(), media_type: "text/csv".to_owned(), bytes: self.population };
        Ok((self.body, vec![sample, population]))
    }
}

/// Draws from what the log holds now.
pub fn draft(reader: &Reader, asked: &Asked, at: DateTime<Utc>) -> Result<Draft, SampleError> {
    let log_size = reader.size()?;
    let erased = history::erased(reader, log_size)?;
    let population = of_period(reader, asked.period, verdicts(reader, &asked.control, log_size)?, &erased)?;
    if population.items.is_empty() {
        return Err(SampleError::Nothing { control: asked.control.clone(), period: asked.period });
    }
    let csv = population.csv()?;
    let held = population.items.len() as u64;
    let (size, table) = match &asked.size {
        Size::Items(size) => ((*size).min(held), None),
        Size::Table(table) => (table.size(held), Some(table.name.clone())),
    };
    let frozen = Frozen { sha256: population::sha256(&csv), size: held, log_size, unread: population.unread.clone() };
    let items = drawn(&population, &draw(&asked.seed, &csv, held, size));
    let (control, period, seed, method) = (asked.control.clone(), asked.period, asked.seed.clone(), METHOD.to_owned());
    let sample = Sample { control, period, seed, method, population: frozen, size, table, items };
    Ok(Draft { body: sample.body(at), sample, population: csv })
}

impl Sample {
    /// The record that says the same.
    pub(crate) fn body(&self, drawn_at: DateTime<Utc>) -> Body {
        Body::Sample {
            control: self.control.clone(),
            period: self.period,
            seed: self.seed.clone(),
            population_size: self.population.size,
            log_size: self.population.log_size,
            size: self.size,
            drawn_at,
        }
    }
}

/// The items at these rows.
pub(crate) fn drawn(population: &Population, rows: &[u64]) -> Vec<Drawn> {
    let items: Vec<_> = population.items.iter().collect();
    let at =
        |row: &u64| items.get(usize::try_from(row.saturating_sub(1)).unwrap_or(usize::MAX)).map(|found| (*row, *found));
    let named = rows.iter().filter_map(at).map(|(row, (item, judged))| Drawn {
        row,
        item: item.clone(),
        outcome: judged.outcome,
        verdict: judged.verdict,
        evidence: judged.evidence.clone(),
    });
    named.collect()
}

/// Verdicts of a control among the first `size` records, oldest first.
pub(crate) fn verdicts(reader: &Reader, control: &str, size: u64) -> Result<Vec<u64>, LedgerError> {
    reader.records(0..size, &Filter::kind("verdict").control(control)).map(|found| Ok(found?.0)).collect()
}

/// What a control was judged over in a period, by these verdicts of it. Of `erased` records the files are gone.
pub(crate) fn of_period(
    reader: &Reader,
    period: Window,
    verdicts: Vec<u64>,
    erased: &BTreeSet<u64>,
) -> Result<Population, BundleError> {
    let over = Over { source: &LedgerSource::of(reader), erased: &|index: u64| erased.contains(&index), period };
    population(over, verdicts.into_iter())
}
