//! What one run tells the next: which stores and tests there were. A store that is dropped, or a failure
//! that is deleted or rewritten as a success, must not pass unnoticed.

use super::form::{bounded, failed, instant, unread};
use crate::contract::{RestoreTest, Store, Unread};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tests by id, and stores by name.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    tests: BTreeMap<String, SeenTest>,
    /// The register, retired stores included. Version 1 left none.
    #[serde(default)]
    stores: BTreeMap<String, Store>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenTest {
    started: DateTime<Utc>,
    failed: bool,
    /// Somebody had looked at it; version 1 did not say.
    #[serde(default)]
    reviewed: bool,
    /// It was known how old the restored data was.
    #[serde(default)]
    dated: bool,
}

impl Seen {
    /// Of this run.
    pub(super) fn new(stores: BTreeMap<String, Store>, tests: &[RestoreTest]) -> Self {
        let one = |test: &RestoreTest| {
            let (reviewed, dated) = (test.reviewer.is_some(), test.recovery_point.is_some());
            (test.id.clone(), SeenTest { started: test.started, failed: failed(test), reviewed, dated })
        };
        Self { tests: tests.iter().map(one).collect(), stores }
    }

    /// The register.
    pub(super) fn stores(&self) -> &BTreeMap<String, Store> {
        &self.stores
    }

    /// Stores that are gone; tests that are gone though they are not old enough to be archived, or have
    /// moved in time; failures that are none now; tests that say less than they did.
    pub(super) fn contradicted_by(&self, now: &Self, archived_before: Option<DateTime<Utc>>) -> Vec<Unread> {
        let dropped = self.stores.keys().filter(|name| !now.stores.contains_key(*name)).map(|name| {
            unread(
                &format!("store {name}"),
                "was registered before, and is in neither `stores` nor `retired_stores` now".to_owned(),
                "register it again; if it was given up, list it in `retired_stores` with its day and a reason",
            )
        });
        let mut all = bounded("stores registered before", dropped.collect());
        all.extend(self.tests_contradicted_by(now, archived_before));
        all
    }

    fn tests_contradicted_by(&self, now: &Self, archived_before: Option<DateTime<Utc>>) -> Vec<Unread> {
        let mut faults = Vec::new();
        for (id, then) in &self.tests {
            let what = format!("test {id}");
            match now.tests.get(id) {
                None if archived_before.is_some_and(|limit| then.started < limit) => {}
                None => faults.push(unread(
                    &what,
                    format!("was read before (started {}) and is gone", instant(then.started)),
                    "put its log back; if older logs were moved to an archive, set `archived_before`",
                )),
                // Another start can be another quarter.
                Some(test) if then.started != test.started => faults.push(unread(
                    &what,
                    format!(
                        "started {} when it was read before, and {} now",
                        instant(then.started),
                        instant(test.started)
                    ),
                    "put its log back as it was; another test has an id of its own",
                )),
                Some(test) if then.failed && !test.failed => faults.push(unread(
                    &what,
                    "had failed when it was read before, and is written as good now".to_owned(),
                    "put its log back as it was; a later good test has an id of its own",
                )),
                Some(test) if then.reviewed && !test.reviewed || then.dated && !test.dated => faults.push(unread(
                    &what,
                    "had a reviewer, or a recovery point, when it was read before, and has none now".to_owned(),
                    "put its log back as it was; of a drill, review.json and the tool's own list",
                )),
                Some(_) => {}
            }
        }
        bounded("tests read before", faults)
    }
}
