//! Files of worked cases: facts in a short form, with the outcome and reason that they must be judged
//! as. The truth table of the tests is one; an auditor can write others.
//!
//! One JSON object; unknown keys are refused; times are RFC 3339. Every case has `name`,
//! `expect {outcome, reason}`, its facts, and optionally `policy`: the keys of the test's policy.
//!
//! - `change_policy_default`: what a `policy` of a change overrides, key by key.
//! - `change`: cases with `change {branch, landing {type, actor, at}, pr, paths, authors, lookup:
//!   "failed", posthoc {ticket, reviewer, reviewer_type, at}}`. A `pr` is null, or `{author,
//!   author_type, initiator, base, merged_at, reviews [{id, user, type, state, at, can_push}],
//!   dismissals [{review, at}], commits [{author, co, pushed_by, pushed_at, changes}],
//!   owners_of_paths, rule}`; types are `User`, `Bot`, `Agent`, `Ghost` (deleted).
//! - `mfa_now`: the instant of every case of `mfa`.
//! - `mfa`: cases with `principal {kind, owner, report_at, waiver {approver, expires}, ...}`, where
//!   `kind` is `account {state, read}`, `root {password, mfa, virtual, keys, certs}`, `iam {password,
//!   mfa, devices, keys, principal_type, mfa_deny_policy}` or `identity_center {assignments, source,
//!   idp_evidence, setting_evidence, signin_factors}`.
//! - `restore`: cases with `case {store, in_scope, quarter_end, now, grace_d, tests [{status, started,
//!   validated, recovery_point, validation, checks, rto_target_s, rpo_target_s, env_source, performer,
//!   reviewer, ticket_closed}]}`.
//!
//! What a short form leaves out is the ordinary: a reviewer is a person who could write, a rule was
//! not bypassed, a report is of the moment, a backup is of production. What a real source leaves out
//! is never taken for granted like that.

mod change;
mod principal;
mod restore;

use super::{Judgement, Outcome, PolicyError, Reading, Test, Waiver, judge};
use change::ChangeFacts;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Items;
use principal::PrincipalFacts;
use restore::RestoreFacts;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Largest file, bytes.
pub const CASES_BYTES_MAX: usize = 16 << 20;

/// One case: facts, and what they must be judged as.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about, in words.
    pub name: String,
    /// The outcome that it must have.
    pub outcome: Outcome,
    /// The reason that it must have.
    pub reason: String,
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

impl Case {
    /// Its judgement; `None` when the rules make nothing of the item at that time.
    pub fn judge(&self) -> Option<Judgement> {
        let verdict = judge(&self.test, std::slice::from_ref(&self.reading), &self.waivers, self.as_of);
        verdict.judgements.into_iter().find(|judgement| judgement.item == self.item)
    }

    /// Whether a judgement is the one that must be.
    pub fn is_met_by(&self, judgement: &Judgement) -> bool {
        judgement.outcome == self.outcome && judgement.reason == self.reason
    }
}

/// A file of cases that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// Split it.
    #[error("cases: {bytes} bytes, over the limit of {CASES_BYTES_MAX}\nhint: split the file")]
    Large {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON, or not of the documented form.
    #[error("cases: {0}\nhint: the form is documented at `judge::cases`; unknown keys are refused")]
    Form(#[from] serde_json::Error),
    /// A policy that makes no sense.
    #[error("case {case:?}: {error}")]
    Policy {
        /// `Case::name`.
        case: String,
        /// What is wrong with it.
        error: PolicyError,
    },
    /// Facts that make no sense.
    #[error("case {case:?}: {why}\nhint: correct the case's facts")]
    Facts {
        /// `Case::name`.
        case: String,
        /// What is wrong.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "about")]
    _about: Option<String>,
    #[serde(default)]
    change_policy_default: Map<String, Value>,
    #[serde(default)]
    mfa_now: Option<DateTime<Utc>>,
    #[serde(default)]
    change: Vec<Entry<ChangeFacts>>,
    #[serde(default)]
    mfa: Vec<Entry<PrincipalFacts>>,
    #[serde(default)]
    restore: Vec<Entry<RestoreFacts>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<F> {
    name: String,
    expect: Expect,
    #[serde(alias = "change", alias = "principal", alias = "case")]
    facts: F,
    #[serde(default)]
    policy: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    outcome: Outcome,
    reason: String,
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

/// Reads a file of cases.
pub fn parse(bytes: &[u8]) -> Result<Vec<Case>, CasesError> {
    if bytes.len() > CASES_BYTES_MAX {
        return Err(CasesError::Large { bytes: bytes.len() });
    }
    let file: File = serde_json::from_slice(bytes)?;
    let mut cases = Vec::new();
    for entry in file.change {
        let policy = merged(&file.change_policy_default, entry.policy);
        cases.push(case(entry.name, entry.expect, "change_review", entry.facts.into_facts(policy))?);
    }
    for entry in file.mfa {
        let facts = match file.mfa_now {
            Some(now) => entry.facts.into_facts(entry.policy, now),
            None => Err("the file has no mfa_now".to_owned()),
        };
        cases.push(case(entry.name, entry.expect, "mfa", facts)?);
    }
    for entry in file.restore {
        cases.push(case(entry.name, entry.expect, "restore_test", entry.facts.into_facts(entry.policy))?);
    }
    Ok(cases)
}

fn case(name: String, expect: Expect, test: &str, facts: Result<Facts, String>) -> Result<Case, CasesError> {
    let facts = facts.map_err(|why| CasesError::Facts { case: name.clone(), why })?;
    let test = Test::parse(test, &Value::Object(facts.policy))
        .map_err(|error| CasesError::Policy { case: name.clone(), error })?;
    let reading =
        Reading { collector: "case".to_owned(), as_of: facts.as_of, items: Some(facts.items), unread: Vec::new() };
    Ok(Case {
        name,
        outcome: expect.outcome,
        reason: expect.reason,
        test,
        reading,
        waivers: facts.waivers,
        as_of: facts.as_of,
        item: facts.item,
    })
}

/// The defaults, overridden key by key.
fn merged(defaults: &Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    let mut all = defaults.clone();
    all.extend(own);
    all
}

fn renamed(mut policy: Map<String, Value>, from: &str, to: &str) -> Map<String, Value> {
    if let Some(value) = policy.remove(from) {
        policy.insert(to.to_owned(), value);
    }
    policy
}
