//! What one run tells the next: which stores and tests there were, each test as it was read. A store that is dropped,
//! or a bad test that is deleted or rewritten as a good one, must not pass unnoticed.

use super::form::{bounded, instant, size, unread};
use crate::contract::{RestoreTest, Store, Unread, Validation};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longest value that a fault repeats, characters.
const REPEATED_MAX: usize = 60;

/// Keys whose absence says something: the store's own target holds.
const SETTLED_EMPTY: [&str; 2] = ["rto_target_s", "rpo_target_s"];

/// Tests by id, and stores by name.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    tests: BTreeMap<String, RestoreTest>,
    /// The register, retired stores included.
    stores: BTreeMap<String, Store>,
}

impl Seen {
    /// Of this run. Of tests with one id the first counts, as it does in the population: the others are refused, and
    /// may get an id of their own.
    pub(super) fn new(stores: BTreeMap<String, Store>, all: &[RestoreTest]) -> Self {
        let mut tests = BTreeMap::new();
        for test in all {
            tests.entry(test.id.clone()).or_insert_with(|| test.clone());
        }
        Self { tests, stores }
    }

    /// The register.
    pub(super) fn stores(&self) -> &BTreeMap<String, Store> {
        &self.stores
    }

    /// How many tests, and how many bytes they take.
    pub(super) fn tests(&self) -> (usize, usize) {
        (self.tests.len(), self.tests.values().map(size).sum())
    }

    /// Stores that are gone; tests that are gone though they are not old enough to be archived; tests that say
    /// otherwise than they did.
    pub(super) fn contradicted_by(&self, now: &Self, archived_before: Option<DateTime<Utc>>) -> Vec<Unread> {
        let dropped = self.stores.keys().filter(|name| !now.stores.contains_key(*name)).map(|name| {
            unread(
                &format!("store {name}"),
                "was registered before, and is in neither `stores` nor `retired_stores` now".to_owned(),
                "register it again; if it was given up, list it in `retired_stores` with its day and a reason; if it never \
                 was one, with a day before the quarters that are judged",
            )
        });
        let mut all = bounded("stores registered before", dropped.collect());
        all.extend(self.tests_contradicted_by(now, archived_before));
        all
    }

    fn tests_contradicted_by(&self, now: &Self, archived_before: Option<DateTime<Utc>>) -> Vec<Unread> {
        let faults = self.otherwise(now, archived_before).map(|(then, test)| {
            let (why, hint) = match test {
                None => (
                    format!("was read before (started {}) and is gone", instant(then.started)),
                    "put its log back; if older logs were moved to an archive, set `archived_before`",
                ),
                Some(test) => (
                    format!("is not what was read before: {}", changed(then, test).join("; ")),
                    "put its log back as it was; a later test has an id of its own",
                ),
            };
            unread(&format!("test {}", then.id), why, hint)
        });
        bounded("tests read before", faults.collect())
    }

    /// What a run judges of tests that are gone or say otherwise: each as it was, and where it stands now, if it does.
    pub(super) fn as_they_were(&self, now: &Self, archived_before: Option<DateTime<Utc>>) -> Vec<RestoreTest> {
        let as_it_was = |(then, test): (&RestoreTest, Option<&RestoreTest>)| RestoreTest {
            read_from: test.unwrap_or(then).read_from.clone(),
            ..then.clone()
        };
        self.otherwise(now, archived_before).map(as_it_was).collect()
    }

    /// Tests that are gone though they are not old enough to be archived, and those that say otherwise, with what they
    /// are now.
    fn otherwise<'a>(
        &'a self,
        now: &'a Self,
        archived_before: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = (&'a RestoreTest, Option<&'a RestoreTest>)> {
        self.tests.values().filter_map(move |then| match now.tests.get(&then.id) {
            None => archived_before.is_none_or(|limit| then.started >= limit).then_some((then, None)),
            Some(test) => (!changed(then, test).is_empty()).then_some((then, Some(test))),
        })
    }

    /// What the two know together, for a run that was not whole: nothing of before goes, and of a test that says
    /// otherwise now, what it said before counts. What the settings say of it is for a whole run to take. A test of a
    /// store that nobody registered was refused, and may get another store.
    pub(super) fn with(mut self, before: Self) -> Self {
        for (id, then) in before.tests {
            match self.tests.get(&id) {
                Some(now) if changed(&then, now).is_empty() => {}
                _ => _ = self.tests.insert(id, then),
            }
        }
        for (name, store) in before.stores {
            self.stores.entry(name).or_insert(store);
        }
        let Self { tests, stores } = &mut self;
        tests.retain(|_, test| stores.contains_key(&test.store));
        self
    }
}

/// What the test said before and says otherwise now, by the keys of our own form. What was left open may be filled in.
fn changed(then: &RestoreTest, now: &RestoreTest) -> Vec<String> {
    if then == now {
        return Vec::new();
    }
    fields(then)
        .into_iter()
        .zip(fields(now))
        .filter(|((key, before), (_, after))| before != after && (!open(before) || SETTLED_EMPTY.contains(key)))
        .map(|((key, before), (_, after))| {
            format!("{key} was {}, is {}", shown(&before.to_string()), shown(&after.to_string()))
        })
        .chain(checks_changed(then, now))
        .collect()
}

/// Everything that was read of a test but its checks, and where it was read: a line may move to another file.
fn fields(test: &RestoreTest) -> [(&'static str, Value); 18] {
    let RestoreTest {
        id: _,
        store,
        read_from: _,
        tool,
        backup_id,
        recovery_point,
        started,
        restored,
        validated,
        status,
        validation,
        checks: _,
        rto_target_s,
        rpo_target_s,
        env_source,
        env_target,
        performer,
        reviewer,
        reviewed_at,
        ticket,
        ticket_closed,
    } = test;
    [
        ("store", json!(store)),
        ("started", json!(started)),
        ("status", json!(status)),
        ("validation", json!(validation)),
        ("env_source", json!(env_source)),
        ("restored", json!(restored)),
        ("validated", json!(validated)),
        ("recovery_point", json!(recovery_point)),
        ("backup_id", json!(backup_id)),
        ("rto_target_s", json!(rto_target_s)),
        ("rpo_target_s", json!(rpo_target_s)),
        ("env_target", json!(env_target)),
        ("tool", json!(tool)),
        ("performer", json!(performer)),
        ("reviewer", json!(reviewer)),
        ("reviewed_at", json!(reviewed_at)),
        ("ticket", json!(ticket)),
        ("ticket_closed", json!(ticket_closed)),
    ]
}

/// Whether a value says nothing yet. A validation that goes on has no outcome.
fn open(value: &Value) -> bool {
    value.is_null() || *value == json!(false) || *value == json!(Validation::Validating)
}

/// A check stays as it was. One may come on top until the validation has its outcome, and not after it.
fn checks_changed(then: &RestoreTest, now: &RestoreTest) -> Option<String> {
    let all = |test: &RestoreTest| test.checks.iter().map(|check| json!(check).to_string()).collect::<BTreeSet<_>>();
    let (before, after) = (all(then), all(now));
    let settled = !before.is_empty() && !open(&json!(then.validation));
    match (before.difference(&after).next(), after.difference(&before).next()) {
        (Some(check), _) => Some(format!("checks: {} is another or gone", shown(check))),
        (None, Some(check)) if settled => Some(format!("checks: {} came on top", shown(check))),
        _ => None,
    }
}

/// A value as a fault repeats it: cut.
fn shown(text: &str) -> String {
    match text.char_indices().nth(REPEATED_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
