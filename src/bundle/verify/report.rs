//! What came out of checking a bundle.

use crate::bundle::BundleError;
use crate::bundle::format::Facts;
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::collections::BTreeSet;

/// Most findings that a check lists; all are counted.
const FINDINGS_MAX: usize = 200;

/// Everything that was checked, in order. A check that could not be made for an earlier one's failure is
/// not there: see `complete`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifyReport {
    /// The checks made, first to last.
    pub checks: Vec<Check>,
    /// Whether every check was made.
    pub complete: bool,
    /// Where the log's key came from.
    pub key_source: KeySource,
    /// What the bundle says of itself, once that could be read.
    pub about: Option<About>,
    /// What was made again, if that was asked for.
    pub reperformed: Option<Reperformed>,
}

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct About {
    /// The folder's name.
    pub name: String,
    /// Whose evidence it is.
    pub organization: String,
    /// The observation period.
    pub period: Window,
    /// Name of the log.
    pub origin: String,
    /// Size of the log at the closing checkpoint.
    pub log_size: u64,
    /// First record of the period.
    pub first_record: u64,
    /// First record after the period.
    pub end_record: u64,
    /// The controls that it is limited to; empty: it is whole.
    pub controls: BTreeSet<String>,
    /// A sample with a simulated clock: evidence of nothing.
    pub sample: bool,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it found nothing wrong.
    pub ok: bool,
    /// What was checked, or the first thing that is wrong.
    pub detail: String,
    /// What is wrong, first first; at most 200 are listed.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub count: u64,
    /// What could not be checked, for want of something that only whoever verifies can bring.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
    /// What no record accounts for; at most 200 are listed. The bundle is not wrong by it, and shows that something
    /// was not done, or not written down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unaccounted: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, by its path inside the bundle's folder; empty when it is none in particular.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Where the log's key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// Whoever verifies brought it.
    Given,
    /// The bundle's own copy: shows consistency, and not where the bundle comes from.
    Bundle,
}

/// What was made again from the recorded exchanges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reperformed {
    /// Collections that gave the sealed bytes again.
    pub collections: u64,
    /// Verdicts that came out the same.
    pub verdicts: u64,
    /// Changes of state that came out the same.
    pub transitions: u64,
    /// What could not be made again, and why. Neither right nor wrong.
    pub not_reperformed: Vec<Finding>,
    /// Runs of which it is open whether they were asked what runs before the period left for them, for those are not in
    /// the bundle: the first of a collector.
    pub asked_before: u64,
    /// How many of `not_reperformed` no erasure on record explains, nor that what they follow from is one of them already, or lies
    /// before the period: what they say was taken as it is.
    pub taken_as_it_is: u64,
}

impl VerifyReport {
    /// Whether every check was made and none found anything wrong.
    pub fn ok(&self) -> bool {
        self.complete && self.checks.iter().all(|check| check.ok)
    }

    /// What could not be checked, for want of what only whoever verifies can bring.
    pub fn not_checked(&self) -> impl Iterator<Item = &String> {
        self.checks.iter().flat_map(|check| &check.not_checked)
    }

    /// What no record accounts for: nothing is wrong with the bundle, and something with what it shows.
    pub fn unaccounted(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.unaccounted)
    }

    /// How many things were taken as they are that were to be made again: see `Reperformed`.
    pub fn taken_as_it_is(&self) -> u64 {
        self.reperformed.as_ref().map_or(0, |again| again.taken_as_it_is)
    }

    /// Everything that is wrong, first first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.findings)
    }
}

impl About {
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            name: facts.top(),
            organization: facts.organization.clone(),
            period: facts.period,
            origin: facts.origin.clone(),
            log_size: facts.log_size,
            first_record: facts.range.start,
            end_record: facts.range.end,
            controls: facts.controls.clone(),
            sample: facts.sample,
        }
    }
}

/// A check being made.
pub(super) struct Checking {
    name: &'static str,
    findings: Vec<Finding>,
    count: u64,
    not_checked: Vec<String>,
    unaccounted: Vec<Finding>,
}

impl Checking {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, findings: Vec::new(), count: 0, not_checked: Vec::new(), unaccounted: Vec::new() }
    }

    /// Something cannot be checked without what only whoever verifies can bring.
    pub(super) fn not_checked(&mut self, what: impl std::fmt::Display) {
        self.not_checked.push(what.to_string());
    }

    /// No record accounts for something that a file shows.
    pub(super) fn unaccounted(&mut self, file: &str, problem: String) {
        if self.unaccounted.len() < FINDINGS_MAX {
            self.unaccounted.push(Finding { file: file.to_owned(), problem });
        }
    }

    /// Something is wrong with a file.
    pub(super) fn wrong(&mut self, file: impl Into<String>, problem: impl std::fmt::Display) {
        self.count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { file: file.into(), problem: problem.to_string() });
        }
    }

    /// Something is wrong, as an error says.
    pub(super) fn failed(&mut self, error: &BundleError) {
        let (file, why) = error.parts();
        self.wrong(file, why);
    }

    /// Unless `fine`, something is wrong with a file.
    pub(super) fn expect(&mut self, fine: bool, file: impl Into<String>, problem: impl std::fmt::Display) {
        if !fine {
            self.wrong(file, problem);
        }
    }

    /// The value, or what is wrong is noted.
    pub(super) fn take<T>(&mut self, value: Result<T, BundleError>) -> Option<T> {
        value.map_err(|error| self.failed(&error)).ok()
    }

    /// Takes over what another part of the same check has found.
    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        self.findings.extend(other.findings);
        self.findings.truncate(FINDINGS_MAX);
        self.not_checked.extend(other.not_checked);
    }

    /// Ends the check; `detail` says what was checked, if nothing is wrong.
    pub(super) fn done(self, detail: String) -> Check {
        let detail = match self.findings.first() {
            None => detail,
            Some(first) if first.file.is_empty() => first.problem.clone(),
            Some(first) => format!("{}: {}", first.file, first.problem),
        };
        Check {
            name: self.name,
            ok: self.count == 0,
            detail,
            findings: self.findings,
            count: self.count,
            not_checked: self.not_checked,
            unaccounted: self.unaccounted,
        }
    }
}
