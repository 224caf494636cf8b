//! The two files of a run that are ours and not the source's: what it was asked (`run.json`) and what
//! came of it (`population.json` or `partial.json`). The form only: `run` seals them, re-performance
//! reads them back.

use crate::judge::Reading;
use crate::ledger::FILE_BYTES_MAX;
use crate::ledger::record::{Status, canonical_json};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{CollectError, Partial, Population, Task, Unread, instant};
use evidenced_collectors::door::Limits;
use serde::{Deserialize, Serialize};

/// Name of the file that says what a run was asked.
pub const RUN: &str = "run.json";
/// Name of the file with a whole population.
pub const POPULATION: &str = "population.json";
/// Name of the file with what there is of one that is not whole: a `Partial` or an `ErrorFile`.
pub const PARTIAL: &str = "partial.json";

/// Everything that a replay needs to know besides the exchanges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// Which collector.
    pub collector: String,
    /// Its kind.
    pub kind: String,
    /// `Kind::version` of that time.
    pub kind_version: u32,
    /// Its settings, without secrets.
    pub settings: serde_json::Value,
    /// What the run was allowed to cost.
    pub limits: Limits,
    /// What it was asked.
    pub task: Task,
    /// The instant that it began: `Door::as_of`.
    #[serde(deserialize_with = "instant")]
    pub as_of: DateTime<Utc>,
    /// Name and version of the program, `evidenced 0.1.0`.
    pub tool: String,
}

/// What is sealed of a collection that brought nothing home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorFile {
    /// `CollectError::word`.
    pub error: String,
    /// In one sentence.
    pub message: String,
    /// What was not read.
    pub unread: Vec<Unread>,
}

/// The outcome of a collection as it is sealed: file name, bytes, and what they amount to.
pub fn outcome_file(result: &Result<Population, CollectError>) -> (&'static str, Vec<u8>, Status) {
    match result {
        Ok(population) => (POPULATION, sealed(population), Status::Complete),
        Err(CollectError::Incomplete(partial)) => (PARTIAL, sealed(partial.as_ref()), Status::Incomplete),
        Err(error) => {
            let file = ErrorFile { error: error.word().to_owned(), message: error.to_string(), unread: error.unread() };
            (PARTIAL, sealed(&file), Status::Failed)
        }
    }
}

/// What came of a collection, as far as a record can hold it: one that is too large is a failed collection, which is
/// sealed as any is.
pub fn fitting(result: Result<Population, CollectError>) -> Result<Population, CollectError> {
    within(FILE_BYTES_MAX, result)
}

fn within(most: usize, result: Result<Population, CollectError>) -> Result<Population, CollectError> {
    let bytes = match &result {
        Ok(population) => size(population),
        Err(CollectError::Incomplete(partial)) => size(partial),
        Err(_) => 0,
    };
    if bytes <= most {
        return result;
    }
    let why = format!("it takes {bytes} bytes, and a file of a record has at most {most}; hint: split the collector");
    Err(CollectError::Limit { what: "what was read".to_owned(), why })
}

/// Bytes that it takes as JSON.
fn size<T: Serialize>(value: &T) -> usize {
    struct Counted(usize);
    impl std::io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value).map_or(usize::MAX, |()| counted.0)
}

/// What a run left for the next one, of either file: what a failed one wrote has nothing of it.
pub fn carry(bytes: &[u8]) -> Result<Option<serde_json::Value>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Left {
        carry: Option<serde_json::Value>,
    }
    Ok(serde_json::from_slice::<Left>(bytes)?.carry)
}

/// Sealed evidence as a judge sees it: `name` is `POPULATION` or `PARTIAL`, `bytes` that file.
pub fn reading(run: &RunFile, name: &str, bytes: &[u8]) -> Result<Reading, serde_json::Error> {
    let (items, unread) = if name == POPULATION {
        let population: Population = serde_json::from_slice(bytes)?;
        (Some(population.items().clone()), Vec::new())
    } else if let Ok(partial) = serde_json::from_slice::<Partial>(bytes) {
        (Some(partial.items), partial.unread)
    } else {
        (None, serde_json::from_slice::<ErrorFile>(bytes)?.unread)
    };
    Ok(Reading { collector: run.collector.clone(), as_of: run.as_of, items, unread })
}

/// A collector that has nothing to show yet, as a judge sees it.
pub fn no_evidence(collector: &str, as_of: DateTime<Utc>) -> Reading {
    let unread = Unread {
        what: format!("collector {collector}"),
        why: "has not brought home any evidence yet".to_owned(),
        permission: None,
        hint: Some(format!("run `evidenced collect now {collector}`")),
    };
    Reading { collector: collector.to_owned(), as_of, items: None, unread: vec![unread] }
}

/// Evidence whose files were erased, as a judge sees it: not read. `at` is when it was sealed.
pub fn erased(collector: &str, at: DateTime<Utc>, index: u64, by: u64) -> Reading {
    Reading { collector: collector.to_owned(), as_of: at, items: None, unread: vec![gone(index, by)] }
}

/// That the files of a record were erased.
pub fn gone(index: u64, by: u64) -> Unread {
    Unread {
        what: format!("record {index}"),
        why: format!("its files were erased, as record {by} says"),
        permission: None,
        hint: Some("the next complete run of the collector replaces it, once it is out of the look-back".to_owned()),
    }
}

#[expect(clippy::expect_used, reason = "the three types have string keys and no floats: they always have a JSON form")]
fn sealed<T: Serialize>(value: &T) -> Vec<u8> {
    canonical_json(value).expect("a population has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidenced_collectors::contract::{Ipe, Items};
    use serde_json::json;

    #[test]
    fn what_no_record_can_hold_is_a_failed_collection() {
        let ipe: Ipe = serde_json::from_value(json!({
            "source": "s", "hosts": [], "api_version": null, "identity": [], "scopes": [],
            "as_of": "2026-01-01T00:00:00Z", "collected_at": "2026-01-01T00:00:00Z", "clock_skew_ms": null,
            "requests": [], "scope_claimed": [], "scope_found": [], "filters": [], "limitations": [],
            "reconciliations": [],
        }))
        .unwrap();
        let carry = Some(json!({ "seen": "x".repeat(1_000) }));
        let result = || Err(Partial::of(Items::Documents(Vec::new()), None, Vec::new(), ipe.clone(), carry.clone()));
        let (_, bytes, status) = outcome_file(&result());
        assert_eq!(status, Status::Incomplete);
        assert_eq!(within(bytes.len(), result()), result());
        let over = within(bytes.len() - 1, result());
        let (name, sealed, status) = outcome_file(&over);
        assert!(name == PARTIAL && status == Status::Failed && sealed.len() < bytes.len(), "{over:?}");
        assert!(String::from_utf8_lossy(&sealed).contains(&format!("it takes {} bytes", bytes.len())));
    }
}
