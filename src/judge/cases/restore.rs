//! The short form of a store's quarter.

use super::{Facts, renamed};
use crate::judge::restore_test::{Quarter, item};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Check, Items, RestoreStatus, RestoreTest, Restores, Store, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreFacts {
    store: String,
    #[serde(default = "yes")]
    in_scope: bool,
    /// Any instant of the quarter in question; its last second, as a rule.
    quarter_end: DateTime<Utc>,
    now: DateTime<Utc>,
    #[serde(default)]
    grace_d: Option<u32>,
    #[serde(default)]
    tests: Vec<TestFacts>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFacts {
    status: StatusFacts,
    started: DateTime<Utc>,
    #[serde(default)]
    validated: Option<DateTime<Utc>>,
    #[serde(default)]
    recovery_point: Option<DateTime<Utc>>,
    #[serde(default)]
    validation: Option<ValidationFacts>,
    #[serde(default)]
    checks: Vec<String>,
    #[serde(default)]
    rto_target_s: Option<u64>,
    #[serde(default)]
    rpo_target_s: Option<u64>,
    #[serde(default = "production")]
    env_source: String,
    #[serde(default)]
    performer: Option<String>,
    #[serde(default)]
    reviewer: Option<String>,
    #[serde(default)]
    ticket_closed: bool,
}

fn production() -> String {
    "production".to_owned()
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StatusFacts {
    Completed,
    Failed,
    Aborted,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ValidationFacts {
    Successful,
    Failed,
    TimedOut,
    Validating,
}

impl RestoreFacts {
    pub(super) fn into_facts(self, policy: Map<String, Value>) -> Result<Facts, String> {
        let mut policy = renamed(policy, "grace_d", "grace_days");
        if let Some(days) = self.grace_d {
            policy.insert("grace_days".to_owned(), days.into());
        }
        let tests = (1..).zip(self.tests).map(|(number, test)| test.into_test(number, &self.store)).collect();
        let store = Store {
            name: self.store.clone(),
            in_scope: self.in_scope,
            reason: None,
            since: None,
            retired: None,
            rto_target_s: None,
            rpo_target_s: None,
        };
        Ok(Facts {
            item: item(&self.store, Quarter::of(self.quarter_end)),
            items: Items::Restores(Restores { stores: vec![store], tests }),
            as_of: self.now,
            waivers: Vec::new(),
            policy,
        })
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
            env_target: Some("isolated".to_owned()),
            performer: self.performer,
            // The ordinary is a review in time.
            reviewed_at: self.reviewer.as_ref().map(|_| self.validated.unwrap_or(self.started)),
            reviewer: self.reviewer,
            ticket: None,
            ticket_closed: self.ticket_closed,
        }
    }
}

/// The short form names only what was found good; what was not is in `validation`.
fn named(name: String) -> Check {
    Check { name, expected: None, actual: Some("as expected".to_owned()), ok: true }
}
