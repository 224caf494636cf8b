//! Files of worked cases: facts in a short form, and optionally the outcome and reason that they must
//! be judged as. The truth table of the tests is one; an auditor can write others. Here the form is
//! read and turned into what the judges take; what comes of a case only the judges decide.
//!
//! - `file`: the file as a whole. The form's keys are its doc comments and those of `change`,
//!   `principal`, `restore`, `vulnerability`, `audit_log`, `document` and `register`; `schema` publishes them.
//! - `place`: where in the file something is wrong.
//!
//! Unknown keys and unknown words are refused at every depth.
//!
//! What a short form leaves out is the ordinary: a reviewer is a person who could write, a rule was
//! not bypassed, a report is of the moment, a backup is of production. What a real source leaves out
//! is never taken for granted like that.

mod audit_log;
mod change;
mod document;
mod file;
mod place;
mod principal;
mod register;
mod restore;
mod vulnerability;

use super::{Judgement, Outcome, PolicyError, Reading, Test, Waiver, judge};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Items;
use file::Order;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Largest file, bytes.
pub const CASES_BYTES_MAX: usize = 16 << 20;

/// Most cases in a file.
pub const CASES_MAX: usize = 20_000;

/// One case: facts, and what they must be judged as if the file says so.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about, in words.
    pub name: String,
    /// What it must be judged as; absent: nothing is compared.
    pub expect: Option<Expect>,
    /// The test with its policy.
    pub test: Test,
    /// The facts.
    pub reading: Reading,
    /// The acceptances.
    pub waivers: Vec<Waiver>,
    /// The instant that it is judged as of.
    pub as_of: DateTime<Utc>,
    /// The item in question.
    pub item: String,
}

/// What a case must be judged as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, one of those that the test documents.
    pub reason: String,
}

impl Case {
    /// Its judgement. An item that the rules pass over in silence is an error.
    pub fn judge(&self) -> Result<Judgement, CasesError> {
        let verdict = judge(&self.test, std::slice::from_ref(&self.reading), &self.waivers, self.as_of);
        let nothing = |why: String| CasesError::Nothing { case: self.name.clone(), why };
        if let Some(unread) = verdict.unread.first() {
            return Err(nothing(format!("{}: {}", unread.what, unread.why)));
        }
        let judgement = verdict.judgements.into_iter().find(|judgement| judgement.item == self.item);
        judgement.ok_or_else(|| nothing(format!("{} is not judged as of {}", self.item, self.as_of)))
    }

    /// Whether a judgement is the one that must be; without an expectation every one is.
    pub fn is_met_by(&self, judgement: &Judgement) -> bool {
        self.expect.as_ref().is_none_or(|e| judgement.outcome == e.outcome && judgement.reason == e.reason)
    }
}

/// A file of cases that cannot be used; nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// Not there, or not to be read.
    #[error("it cannot be read: {0}\nhint: name a file of cases, or `-` for standard input")]
    Read(std::io::Error),
    /// Split it.
    #[error("the file has more than {CASES_BYTES_MAX} bytes\nhint: split it")]
    Large,
    /// Split it.
    #[error("the file has {count} cases, more than {CASES_MAX}\nhint: split it")]
    Many {
        /// How many there are.
        count: usize,
    },
    /// Not JSON, or not of the form.
    #[error("{place}: {message}\nhint: {hint}")]
    Form {
        /// Case, path of keys, line and column.
        place: String,
        /// What is wrong there.
        message: String,
        /// What to write instead.
        hint: String,
    },
    /// A policy that makes no sense.
    #[error("case {case:?}: {error}")]
    Policy {
        /// `Case::name`.
        case: String,
        /// What is wrong with it.
        error: PolicyError,
    },
    /// Facts that make no sense.
    #[error("case {case:?}: {why}\nhint: `evidenced judge --schema` prints the form")]
    Facts {
        /// `Case::name`.
        case: String,
        /// What is wrong, with the key.
        why: String,
    },
    /// The rules make nothing of it.
    #[error(
        "case {case:?} gets no judgement: {why}\n\
         hint: of restores, the quarter of `now` and the one before it are judged"
    )]
    Nothing {
        /// `Case::name`.
        case: String,
        /// What was not judged, or not read.
        why: String,
    },
}

/// What a short form comes to.
struct Facts {
    items: Items,
    item: String,
    as_of: DateTime<Utc>,
    waivers: Vec<Waiver>,
    /// The policy's keys, by their names in a configuration.
    policy: Map<String, Value>,
}

/// Reads a file of cases, and gives them in the file's order.
pub fn parse(bytes: &[u8]) -> Result<Vec<Case>, CasesError> {
    if bytes.len() > CASES_BYTES_MAX {
        return Err(CasesError::Large);
    }
    let form = |error| place::form_error(bytes, &error);
    let file: file::File = serde_json::from_slice(bytes).map_err(form)?;
    let order: Order = serde_json::from_slice(bytes).map_err(form)?;
    if file.count() > CASES_MAX {
        return Err(CasesError::Many { count: file.count() });
    }
    let mut lists = file.cases()?;
    lists.sort_by_key(|(key, _)| order.position(key));
    Ok(lists.into_iter().flat_map(|(_, cases)| cases).collect())
}

/// JSON schema of the form (draft 2020-12), from the types that read it.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(file::File)
}

fn case(name: String, expect: Option<Expect>, test: &str, facts: Result<Facts, String>) -> Result<Case, CasesError> {
    let facts = facts.map_err(|why| CasesError::Facts { case: name.clone(), why })?;
    let test = Test::parse(test, &Value::Object(facts.policy))
        .map_err(|error| CasesError::Policy { case: name.clone(), error })?;
    let reading =
        Reading { collector: "case".to_owned(), as_of: facts.as_of, items: Some(facts.items), unread: Vec::new() };
    Ok(Case { name, expect, test, reading, waivers: facts.waivers, as_of: facts.as_of, item: facts.item })
}
