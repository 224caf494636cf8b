//! What the judgement of one item rests on: every attribute that the test looks at, the value seen, and
//! whether it counted. Nothing is decided here or below it: the judges' own functions are asked.

use super::gather::Held;
use super::{
    Outcome, Reading, Test, audit_logging, change_review, gather, mfa, register, restore_test, vulnerabilities,
};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Fact, Item, Items};
use serde::Serialize;

/// What stands where nobody looked.
pub(super) const NOT_READ: &str = "not read";

/// One thing that the test looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Which one, as auditors' lists have it: `A6`, `B5`; of principals `factor`. The same for one test
    /// of an item and another, where an item has several.
    pub key: &'static str,
    /// In words.
    pub name: String,
    /// The value, or `not read`.
    pub seen: String,
    /// What it does to the outcome.
    pub part: Part,
    /// The documented reason that it gives, where it gives one.
    pub reason: Option<&'static str>,
    /// Whether the item's reason comes from here.
    pub decides: bool,
    /// What it rests on; empty where nothing is there to be read.
    pub facts: Vec<Fact>,
    /// Position of the reading that it was seen in.
    #[serde(skip)]
    pub reading: usize,
}

/// What an attribute does to the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It counts.
    For,
    /// It does not count, or stands against it.
    Against,
    /// It cannot be told.
    Open,
    /// None: something before it decided, or the policy does not ask.
    Aside,
}

impl Part {
    /// What an attribute that decides did, by the outcome.
    pub(super) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass | Outcome::Waived | Outcome::Excluded => Self::For,
            Outcome::Deviation => Self::Against,
            Outcome::Indeterminate | Outcome::Pending => Self::Open,
        }
    }
}

impl Attribute {
    pub(super) fn new(key: &'static str, name: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            key,
            name: name.into(),
            seen: seen.into(),
            part: Part::Aside,
            reason: None,
            decides: false,
            facts: Vec::new(),
            reading: 0,
        }
    }

    pub(super) fn on(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }

    pub(super) fn part(self, part: Part) -> Self {
        Self { part, ..self }
    }

    pub(super) fn because(self, reason: Option<&'static str>) -> Self {
        Self { reason, ..self }
    }
}

/// A value, or that nobody read it.
pub(super) fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| NOT_READ.to_owned(), |value| value.to_string())
}

/// An item as one reading, or several of one instant, hold it, with what its judgement rests on.
pub struct Basis<'a> {
    /// The item.
    pub item: Item<'a>,
    /// Its attributes, in the order of the test.
    pub attributes: Vec<Attribute>,
}

/// What the judgement of an item rests on: one basis for each time that it is held, chosen as `judge`
/// chooses; none where no reading holds it.
pub fn attributes<'a>(test: &Test, readings: &'a [Reading], as_of: DateTime<Utc>, item: &str) -> Vec<Basis<'a>> {
    // What is missing or doubled is in the verdict already.
    let unread = &mut Vec::new();
    match test {
        Test::ChangeReview(policy) => of_each(
            readings,
            gather::changes(readings, unread).into_iter().filter(|held| held.item.id == item),
            |items, change| matches!(items, Items::Changes(list) if holds(list, change)),
            |held| (Item::Change(held.item), change_review::attributes(policy, held.item, as_of)),
        ),
        Test::Mfa(policy) => of_each(
            readings,
            gather::principals(readings, unread).into_iter().filter(|held| held.item.id == item),
            |items, principal| matches!(items, Items::Principals(list) if holds(list, principal)),
            |held| (Item::Principal(held.item), mfa::attributes(policy, held.item, held.as_of)),
        ),
        Test::RestoreTest(policy) => restore_test::bases(policy, readings, as_of, item),
        Test::AccessGrant(_)
        | Test::AccessReview(_)
        | Test::Acknowledgement(_)
        | Test::AssetInventory(_)
        | Test::Documented(_)
        | Test::IncidentResponse(_)
        | Test::Leavers(_)
        | Test::RiskAssessment(_)
        | Test::Training(_)
        | Test::VendorReview(_) => register::bases(test, readings, as_of, item),
        Test::Vulnerabilities(policy) => of_each(
            readings,
            gather::vulnerabilities(readings, unread).into_iter().filter(|held| held.item.id == item),
            |items, found| matches!(items, Items::Vulnerabilities(list) if holds(list, found)),
            |held| (Item::Vulnerability(held.item), vulnerabilities::attributes(policy, held.item, held.as_of)),
        ),
        Test::AuditLogging(policy) => of_each(
            readings,
            gather::audit_logs(readings, unread).into_iter().filter(|held| held.item.id == item),
            |items, log| matches!(items, Items::AuditLogs(list) if holds(list, log)),
            |held| (Item::AuditLog(held.item), audit_logging::attributes(policy, held.item, held.as_of)),
        ),
    }
}

/// A basis of each, with the reading that holds it.
fn of_each<'a, T: 'a>(
    readings: &[Reading],
    held: impl Iterator<Item = Held<'a, T>>,
    holds: impl Fn(&Items, &T) -> bool,
    basis: impl Fn(&Held<'a, T>) -> (Item<'a>, Vec<Attribute>),
) -> Vec<Basis<'a>> {
    let one = |held: Held<'a, T>| {
        let reading = holder(readings, |items| holds(items, held.item));
        let (item, mut attributes) = basis(&held);
        attributes.iter_mut().for_each(|attribute| attribute.reading = reading);
        Basis { item, attributes }
    };
    held.map(one).collect()
}

/// Whether the list has this very item, and not one like it.
pub(super) fn holds<T>(list: &[T], item: &T) -> bool {
    list.iter().any(|held| std::ptr::eq(held, item))
}

/// Position of the reading that an item was chosen from.
pub(super) fn holder(readings: &[Reading], holds: impl Fn(&Items) -> bool) -> usize {
    readings.iter().position(|reading| reading.items.as_ref().is_some_and(&holds)).unwrap_or_default()
}
