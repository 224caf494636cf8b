//! Whether somebody added a document of the control for every month, quarter or year, and each is in order.
//!
//! One item for each calendar unit in UTC, `2026-Q1`: the present one and the one before; while that one is in its
//! grace, also the one before it; and every one that is still to come in which a document claims to lie. A document
//! lies in the unit of its `as_of`. What is withdrawn does not count.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `documented` | a document lies in it, and every one that does is in order |
//! | deviation | `not-documented` | none lies in it, and the grace after its end is over |
//! | deviation | `dated-ahead` | it claims to be of a day that had not come when it was added |
//! | deviation | `added-late-without-note` | added more than `late_days` after its day, and nobody said why |
//! | indeterminate | `document-gone` | it was read before, and is not there now |
//! | indeterminate | `document-altered` | it is not what was read before |
//! | indeterminate | `control-not-named` | the policy does not say whose documents count; one item for all |
//! | pending | `not-yet-due` | none lies in it, and it or its grace is not over |
//!
//! A document that claims a day still to come was read, and says what cannot be true: it deviates. Its day counts
//! from 14 hours before it begins in UTC, for that is when it begins somewhere on earth.
//!
//! One reading is one directory: several are not joined, so each collector of the control must hold its documents.
//!
//! Not known: what a document shows. It is sealed as it was added, for people to read.

use super::register::{Check, Examined, days_after};
use super::{PolicyError, day_time, policy::out_of_range};
use crate::unit::{Every, Unit};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use evidenced_collectors::contract::{Document, Fact, Standing};
use serde::{Deserialize, Serialize};

/// Its name, as `test` of a control.
pub const NAME: &str = "documented";

/// How long before its beginning in UTC a day begins somewhere on earth, hours.
const EARLIEST_HOURS: i64 = 14;
/// Documents that are named one by one where all of them are in order.
const NAMED: usize = 3;

/// Whose documents are looked for, and how often there must be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The control that documents must name. A configuration fills in the control's own id.
    pub control: Option<String>,
    /// How often there must be one: `month`, `quarter` or `year`.
    pub every: Every,
    /// Days after the end of the unit, 0 to 90.
    pub grace_days: u32,
    /// Days from a document's day on within which it is added, or has a note that says why not; 0 to 366.
    pub late_days: u32,
    /// Units before the present one that end by this day are not looked at: the control began then. Null: no such day.
    pub since: Option<NaiveDate>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { control: None, every: Every::Quarter, grace_days: 14, late_days: 30, since: None }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("grace_days", policy.grace_days, 0, 90)?;
    out_of_range("late_days", policy.late_days, 0, 366)
}

/// The first day on which a document of that day would be late without a note.
pub fn late_from(policy: &Policy, as_of: NaiveDate) -> NaiveDate {
    days_after(as_of, policy.late_days.saturating_add(1))
}

/// Whether the day had not come anywhere on earth at that instant.
pub fn ahead(as_of: NaiveDate, at: DateTime<Utc>) -> bool {
    as_of > (at + TimeDelta::hours(EARLIEST_HOURS)).date_naive()
}

/// Every unit in view.
pub(super) fn examine(policy: &Policy, documents: &[Document], as_of: DateTime<Utc>) -> Vec<Examined> {
    let Some(control) = &policy.control else {
        let seen = "the policy does not name one";
        let check = Check::good("control", "Whose documents count", seen).on([Fact::Policy("control")]);
        return vec![Examined::new("control", "documented", vec![check.open("control-not-named")])];
    };
    let counts = |document: &&Document| document.control == *control && document.withdrawn.is_none();
    let documents: Vec<&Document> = documents.iter().filter(counts).collect();
    let today = as_of.date_naive();
    let now = Unit::of(policy.every, today);
    let last = now.before();
    let mut units = vec![last, now];
    // What the unit before came to stays in view while its successor is in its grace.
    if today <= last_day(policy, last) {
        units.push(last.before());
    }
    units.extend(documents.iter().map(|document| Unit::of(policy.every, document.as_of)).filter(|unit| *unit > now));
    units.sort_unstable();
    units.dedup();
    // The present one is always told, so that no day that is far ahead hides that nothing is looked for.
    units.retain(|unit| *unit >= now || policy.since.is_none_or(|since| unit.end() > since));
    let of = |unit: Unit| documents.iter().copied().filter(|document| unit.contains(document.as_of)).collect();
    units.into_iter().map(|unit| examine_unit(policy, unit, of(unit), today)).collect()
}

/// The last day on which a unit without a document is not yet late.
fn last_day(policy: &Policy, unit: Unit) -> NaiveDate {
    let end = unit.end().pred_opt().unwrap_or(unit.end());
    days_after(end, policy.grace_days)
}

fn examine_unit(policy: &Policy, unit: Unit, mut documents: Vec<&Document>, today: NaiveDate) -> Examined {
    // The newest first.
    documents.sort_by(|a, b| (b.as_of, b.added_at, &b.file).cmp(&(a.as_of, a.added_at, &a.file)));
    let mut checks = vec![present(policy, unit, &documents, today)];
    checks.extend(documents.iter().flat_map(|document| faults(policy, document)));
    let by = documents.iter().map(|document| Some(document.by.clone()));
    Examined::new(unit.to_string(), "documented", checks).of(by)
}

/// Whether there is one.
fn present(policy: &Policy, unit: Unit, documents: &[&Document], today: NaiveDate) -> Check {
    let said = |seen: String| Check::good("documents", "The documents of this time", seen);
    if !documents.is_empty() {
        let named: Vec<String> = documents.iter().take(NAMED).map(|document| named(document)).collect();
        let more = match documents.len() - named.len() {
            0 => String::new(),
            more => format!("; {more} more"),
        };
        let facts =
            documents.iter().take(NAMED).flat_map(|d| [side(d, "as_of"), side(d, "added_at"), side(d, "bytes")]);
        return said(format!("{}{more}", named.join("; "))).on(facts);
    }
    let due = last_day(policy, unit);
    let facts = [Fact::List("documents"), Fact::Policy("every"), Fact::Policy("grace_days")];
    let check = said(format!("none; due by {due}")).on(facts);
    if today <= due { check.pending("not-yet-due") } else { check.against("not-documented") }
}

/// What is wrong with one document.
fn faults(policy: &Policy, document: &Document) -> Vec<Check> {
    let Document { file, as_of, added_at, .. } = document;
    let mut found = Vec::new();
    if ahead(*as_of, *added_at) {
        let seen = format!("{file} is of {as_of}, and was added on {}", day_time(*added_at));
        let facts = [side(document, "as_of"), side(document, "added_at")];
        found.push(Check::good("day", "The day it is of", seen).on(facts).against("dated-ahead"));
    }
    let noted = document.note.as_ref().is_some_and(|note| !note.trim().is_empty());
    if added_at.date_naive() >= late_from(policy, *as_of) && !noted {
        let days = (added_at.date_naive() - *as_of).num_days();
        let seen = format!("{file} was added {days} days after {as_of}, without a note");
        let facts = [side(document, "as_of"), side(document, "added_at"), Fact::Policy("late_days")];
        found.push(Check::good("added", "When it was added", seen).on(facts).against("added-late-without-note"));
    }
    let otherwise = |seen: &str| {
        let seen = format!("{file} {seen}");
        Check::good("standing", "Whether it is as it was read", seen).on([side(document, "before")])
    };
    match document.standing {
        Standing::Kept => {}
        Standing::Gone => found.push(otherwise("was read before, and is gone").open("document-gone")),
        Standing::Altered => found.push(otherwise("is not what was read before").open("document-altered")),
    }
    found
}

fn named(document: &Document) -> String {
    let Document { file, as_of, added_at, by, .. } = document;
    format!("{file} of {as_of}, added on {} by {by}", day_time(*added_at))
}

fn side(document: &Document, side: &'static str) -> Fact {
    Fact::Document { file: document.file.clone(), side }
}
