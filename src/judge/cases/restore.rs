//! The short form of a store's quarter.

use super::Facts;
use super::file::PolicyFacts;
use crate::judge::restore_test::{Quarter, item};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Check, Items, RestoreStatus, RestoreTest, Restores, Store, Validation};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A store, a quarter, and the restore tests.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreFacts {
    /// The store's name.
    store: String,
    /// Whether it needs tests.
    #[serde(default = "yes")]
    in_scope: bool,
    /// Any instant of the quarter in question; its last second, as a rule.
    quarter_end: DateTime<Utc>,
    /// The instant that the case is judged as of: in that quarter or the one after.
    now: DateTime<Utc>,
    /// Days after the end of the quarter. Null or absent: the policy's.
    #[serde(default)]
    grace_d: Option<u32>,
    /// The tests of the store; those of other quarters do not count.
    #[serde(default)]
    tests: Vec<TestFacts>,
}

fn yes() -> bool {
    true
}

/// One restore test.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TestFacts {
    /// How the restore ended.
    status: StatusFacts,
    /// When it began.
    started: DateTime<Utc>,
    /// When the data was usable.
    #[serde(default)]
    validated: Option<DateTime<Utc>>,
    /// The instant that the backup holds.
    #[serde(default)]
    recovery_point: Option<DateTime<Utc>>,
    /// What came of looking at the data; null or absent: nobody looked.
    #[serde(default)]
    validation: Option<ValidationFacts>,
    /// Names of what was checked and found good.
    #[serde(default)]
    checks: Vec<String>,
    /// Longest time from start to usable, seconds.
    #[serde(default)]
    rto_target_s: Option<u64>,
    /// Greatest age of the data at the start, seconds.
    #[serde(default)]
    rpo_target_s: Option<u64>,
    /// What the backup is of.
    #[serde(default = "production")]
    env_source: String,
    /// Who did it.
    #[serde(default)]
    performer: Option<String>,
    /// Who looked at it afterwards.
    #[serde(default)]
    reviewer: Option<String>,
    /// Whether the ticket of a failure is closed.
    #[serde(default)]
    ticket_closed: bool,
}

fn production() -> String {
    "production".to_owned()
}

/// How a restore ended.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StatusFacts {
    Completed,
    Failed,
    Aborted,
}

/// What came of looking at the data.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ValidationFacts {
    Successful,
    Failed,
    TimedOut,
    Validating,
}

impl RestoreFacts {
    /// The key of the policy that the short form has among the facts.
    pub(super) fn policy(&self) -> PolicyFacts {
        PolicyFacts(self.grace_d.map(|days| ("grace_d".to_owned(), days.into())).into_iter().collect())
    }

    pub(super) fn into_facts(self, policy: Map<String, Value>) -> Facts {
        let tests = (1..).zip(self.tests).map(|(number, test)| test.into_test(number, &self.store)).collect();
        let store = Store {
            name: self.store.clone(),
            in_scope: self.in_scope,
            since: None,
            rto_target_s: None,
            rpo_target_s: None,
        };
        Facts {
            item: item(&self.store, Quarter::of(self.quarter_end)),
            items: Items::Restores(Restores { stores: vec![store], tests }),
            as_of: self.now,
            waivers: Vec::new(),
            policy,
        }
    }
}

impl TestFacts {
    fn into_test(self, number: u32, store: &str) -> RestoreTest {
        RestoreTest {
            id: number.to_string(),
            store: store.to_owned(),
            read_from: format!("case, test {number}"),
            tool: None,
            backup_id: None,
            recovery_point: self.recovery_point,
            started: self.started,
            restored: None,
            validated: self.validated,
            status: match self.status {
                StatusFacts::Completed => RestoreStatus::Completed,
                StatusFacts::Failed => RestoreStatus::Failed,
                StatusFacts::Aborted => RestoreStatus::Aborted,
            },
            validation: self.validation.map(|validation| match validation {
                ValidationFacts::Successful => Validation::Successful,
                ValidationFacts::Failed => Validation::Failed,
                ValidationFacts::TimedOut => Validation::TimedOut,
                ValidationFacts::Validating => Validation::Validating,
            }),
            checks: self.checks.into_iter().map(named).collect(),
            rto_target_s: self.rto_target_s,
            rpo_target_s: self.rpo_target_s,
            env_source: self.env_source,
            env_target: None,
            performer: self.performer,
            reviewer: self.reviewer,
            reviewed_at: None,
            ticket: None,
            ticket_closed: self.ticket_closed,
        }
    }
}

/// The short form names only what was found good; what was not is in `validation`.
fn named(name: String) -> Check {
    Check { name, expected: None, actual: None, ok: true }
}
