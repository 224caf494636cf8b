//! What the tests of registers and of documents share: an item is a row of checks, and its judgement and its attributes both
//! follow from them. What is checked, and by which reason it fails, is each test's own.
//!
//! Of the checks of one item the first that excludes it decides; else the first deviation, else the first that
//! could not be told, else the first that is not yet due; else it passes. One reading is one register: nothing
//! is joined over several.

use super::attributes::{Attribute, Basis, Part};
use super::{
    Judged, Outcome, PolicyError, Reading, Ruling, Test, access_grant, access_review, acknowledgement, asset_inventory,
    documented, incident_response, leavers, risk_assessment, training, vendor_review,
};
use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use evidenced_collectors::contract::register::Place;
use evidenced_collectors::contract::{Fact, Item, Items};

/// One thing that was looked at.
pub(super) struct Check {
    key: &'static str,
    name: &'static str,
    seen: String,
    outcome: Outcome,
    reason: Option<&'static str>,
    facts: Vec<Fact>,
}

impl Check {
    /// It is as it must be.
    pub(super) fn good(key: &'static str, name: &'static str, seen: impl Into<String>) -> Self {
        Self { key, name, seen: seen.into(), outcome: Outcome::Pass, reason: None, facts: Vec::new() }
    }

    fn because(self, outcome: Outcome, reason: &'static str) -> Self {
        Self { outcome, reason: Some(reason), ..self }
    }

    /// It is not.
    pub(super) fn against(self, reason: &'static str) -> Self {
        self.because(Outcome::Deviation, reason)
    }

    /// It cannot be told.
    pub(super) fn open(self, reason: &'static str) -> Self {
        self.because(Outcome::Indeterminate, reason)
    }

    /// It is not yet due.
    pub(super) fn pending(self, reason: &'static str) -> Self {
        self.because(Outcome::Pending, reason)
    }

    /// The item is not among those that the control applies to.
    pub(super) fn excluded(self, reason: &'static str) -> Self {
        self.because(Outcome::Excluded, reason)
    }

    /// What it rests on.
    pub(super) fn on(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }
}

/// One item with its checks.
pub(super) struct Examined {
    item: String,
    /// The reason of a pass.
    good: &'static str,
    checks: Vec<Check>,
    beneficiaries: Vec<String>,
}

impl Examined {
    pub(super) fn new(item: impl Into<String>, good: &'static str, checks: Vec<Check>) -> Self {
        Self { item: item.into(), good, checks, beneficiaries: Vec::new() }
    }

    /// Who gains by a waiver.
    pub(super) fn of(mut self, people: impl IntoIterator<Item = Option<String>>) -> Self {
        self.beneficiaries.extend(people.into_iter().flatten());
        self
    }

    /// The check that decides; `None`: all are good.
    fn deciding(&self) -> Option<usize> {
        let first = |outcome| self.checks.iter().position(|check| check.outcome == outcome);
        [Outcome::Excluded, Outcome::Deviation, Outcome::Indeterminate, Outcome::Pending].into_iter().find_map(first)
    }

    fn judged(self) -> Judged {
        let deciding = self.deciding();
        let ruling = match deciding.and_then(|at| Some((&self.checks[at], self.checks[at].reason?))) {
            None => {
                let seen: Vec<&str> = self.checks.iter().map(|check| check.seen.as_str()).collect();
                Ruling::pass(self.good, seen.join("; "))
            }
            Some((check, reason)) => {
                let others = self.checks.iter().enumerate().filter(|(at, _)| Some(*at) != deciding);
                let also: Vec<&str> = others.filter_map(|(_, check)| check.reason).collect();
                let also = if also.is_empty() { String::new() } else { format!("; also {}", also.join(", ")) };
                Ruling { outcome: check.outcome, reason, seen: format!("{}{also}", check.seen) }
            }
        };
        Judged { item: self.item, ruling, beneficiaries: self.beneficiaries }
    }

    fn basis(self, reading: usize) -> Basis<'static> {
        let deciding = self.deciding();
        let excluded = deciding.is_some_and(|at| self.checks[at].outcome == Outcome::Excluded);
        let Self { item, good, checks, .. } = self;
        let attribute = |(at, check): (usize, Check)| {
            // Nothing else is asked of what is excluded.
            let part = if excluded && Some(at) != deciding { Part::Aside } else { Part::of(check.outcome) };
            let decides = deciding.is_none_or(|deciding| deciding == at);
            let reason = check.reason.or(decides.then_some(good));
            let shown = Attribute::new(check.key, check.name, check.seen).part(part).because(reason).on(check.facts);
            Attribute { decides, reading, ..shown }
        };
        Basis { item: Item::Listed(item), attributes: checks.into_iter().enumerate().map(attribute).collect() }
    }
}

/// A list with something in it; or the item that says that it is not kept, not read, or empty.
pub(super) fn listed<'a, T>(list: &'static str, rows: Option<&'a Vec<T>>) -> Result<&'a [T], Examined> {
    match rows {
        None => {
            let seen = format!("the list {list} is not kept, or was not read");
            let check = Check::good("list", "The list", seen).on([Fact::List(list)]).open("list-missing");
            Err(Examined::new(list, "list-read", vec![check]))
        }
        Some(rows) if rows.is_empty() => Err(empty(list, &format!("nothing stands in the list {list}"))),
        Some(rows) => Ok(rows),
    }
}

/// The item that says that nothing in a list counts, where something must.
pub(super) fn empty(list: &'static str, seen: &str) -> Examined {
    let check = Check::good("list", "The list", seen).on([Fact::List(list)]).open("list-empty");
    Examined::new(list, "list-read", vec![check])
}

/// A list in which nothing may stand; or the item that says that it is not kept, or was not read.
pub(super) fn kept<'a, T>(list: &'static str, rows: Option<&'a Vec<T>>) -> Result<&'a [T], Examined> {
    match rows {
        Some(rows) => Ok(rows),
        None => listed(list, rows),
    }
}

/// That a row is there no more, where that is so; and the row itself, to look at.
pub(super) fn gone(at: &Place) -> Option<Check> {
    let check = || Check::good("row", "The row", "the row was read before, and is gone from the register");
    at.gone.then(|| check().open("row-gone").on([row(at)]))
}

/// The row as a fact.
pub(super) fn row(at: &Place) -> Fact {
    Fact::Row(at.clone())
}

/// So many months later.
pub(super) fn months_after(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// So many days later.
pub(super) fn days_after(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX)
}

/// Refuses a list of words that asks for nothing.
pub(super) fn not_empty(key: &str, words: &[impl Sized]) -> Result<(), PolicyError> {
    if !words.is_empty() {
        return Ok(());
    }
    Err(PolicyError { message: format!("policy: {key} is empty"), hint: "leave it out, or name something".to_owned() })
}

/// Every item of one register.
fn examine(test: &Test, items: &Items, as_of: DateTime<Utc>) -> Vec<Examined> {
    match (test, items) {
        (Test::AccessGrant(policy), Items::Workforce(register)) => access_grant::examine(policy, register, as_of),
        (Test::AccessReview(policy), Items::AccessReviews(register)) => access_review::examine(policy, register, as_of),
        (Test::Acknowledgement(policy), Items::Workforce(register)) => {
            acknowledgement::examine(policy, register, as_of)
        }
        (Test::AssetInventory(policy), Items::Assets(register)) => asset_inventory::examine(policy, register, as_of),
        (Test::Documented(policy), Items::Documents(documents)) => documented::examine(policy, documents, as_of),
        (Test::IncidentResponse(policy), Items::Incidents(register)) => {
            incident_response::examine(policy, register, as_of)
        }
        (Test::Leavers(policy), Items::Workforce(register)) => leavers::examine(policy, register, as_of),
        (Test::RiskAssessment(policy), Items::Risks(register)) => risk_assessment::examine(policy, register, as_of),
        (Test::Training(policy), Items::Workforce(register)) => training::examine(policy, register, as_of),
        (Test::VendorReview(policy), Items::Vendors(register)) => vendor_review::examine(policy, register, as_of),
        // Items of another kind are `gather`'s to name, and no test of another kind comes here.
        _ => Vec::new(),
    }
}

/// Judges every item of every register.
pub(super) fn judge(test: &Test, readings: &[Reading], as_of: DateTime<Utc>) -> Vec<Judged> {
    let registers = readings.iter().filter_map(|reading| reading.items.as_ref());
    registers.flat_map(|items| examine(test, items, as_of)).map(Examined::judged).collect()
}

/// What the judgement of one item rests on.
pub(super) fn bases<'a>(test: &Test, readings: &'a [Reading], as_of: DateTime<Utc>, item: &str) -> Vec<Basis<'a>> {
    let registers = readings.iter().enumerate().filter_map(|(at, reading)| Some((at, reading.items.as_ref()?)));
    let examined = registers.flat_map(|(at, items)| examine(test, items, as_of).into_iter().map(move |one| (at, one)));
    examined.filter(|(_, one)| one.item == item).map(|(at, one)| one.basis(at)).collect()
}
