//! Whether access was given only after somebody else had said yes.
//!
//! One item for each account, `github/anna`. Where no account is listed, nothing is judged: it did not occur.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `granted-on-approval` | approved before it was given, by somebody who neither asked nor gets it |
//! | deviation | `grant-not-approved` | nobody approved |
//! | deviation | `approved-after-grant` | approved later than it was given |
//! | deviation | `approved-by-requester` | the one who approved had asked for it, or gets it |
//! | indeterminate | `grant-time-unknown` | nobody says when it was given |
//! | indeterminate | `approval-time-unknown` | approved, and nobody says when |
//! | indeterminate | `requester-unknown` | nobody says who asked |
//! | indeterminate | `times-too-coarse` | a day without its time leaves open what was first |
//! | indeterminate | `row-gone` | the account was in the register before, and is not now |
//! | indeterminate | `list-missing` | the list is not kept, or was not read; one item for all |
//! | excluded | `granted-before` | given longer ago than the policy looks back |
//!
//! Not known: whether the access that was given is the one that was asked for; accounts that nobody listed.

use super::quarter::later;
use super::register::{Check, Examined, gone, kept, row};
use super::{PolicyError, policy::out_of_range, same_login};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Account, Moment, Workforce};
use serde::{Deserialize, Serialize};

/// How far back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long a grant counts, days, 1 to 1100.
    pub counts_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { counts_days: 365 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("counts_days", policy.counts_days, 1, 1100)
}

/// Every account.
pub(super) fn examine(policy: &Policy, register: &Workforce, as_of: DateTime<Utc>) -> Vec<Examined> {
    match kept("accounts", register.accounts.as_ref()) {
        Ok(accounts) => accounts.iter().map(|account| one(policy, account, as_of)).collect(),
        Err(missing) => vec![missing],
    }
}

fn one(policy: &Policy, account: &Account, as_of: DateTime<Utc>) -> Examined {
    let facts = [row(&account.at), Fact::Policy("counts_days")];
    let said = |seen: String| Check::good("grant", "When it was given", seen).on(facts.clone());
    let checks = match account.granted_at {
        None => {
            vec![said("nobody says".to_owned()).open("grant-time-unknown"), approval(account, None), approver(account)]
        }
        Some(at) if later(at.latest(), TimeDelta::days(policy.counts_days.into())) < as_of => {
            vec![said(format!("given: {at}")).excluded("granted-before")]
        }
        Some(at) => vec![said(format!("given: {at}")), approval(account, Some(at)), approver(account)],
    };
    let checks = checks.into_iter().chain(gone(&account.at)).collect();
    let people = [Some(account.person.clone()), account.requested_by.clone()];
    Examined::new(format!("{}/{}", account.system, account.account), "granted-on-approval", checks).of(people)
}

fn approval(account: &Account, granted: Option<Moment>) -> Check {
    let said = |seen: String| Check::good("approval", "Its approval", seen).on([row(&account.at)]);
    match (&account.approved_by, account.approved_at, granted) {
        (None, ..) => said("nobody approved".to_owned()).against("grant-not-approved"),
        (Some(by), None, _) => said(format!("approved by {by}; nobody says when")).open("approval-time-unknown"),
        (Some(by), Some(approved), granted) => {
            let check = said(format!("approved by {by}: {approved}"));
            match granted {
                Some(granted) if granted.before(approved) => check.against("approved-after-grant"),
                // At the same instant it may have been one step.
                Some(granted) if approved.latest() > granted.earliest() => check.open("times-too-coarse"),
                _ => check,
            }
        }
    }
}

fn approver(account: &Account) -> Check {
    let said = |seen: String| Check::good("requester", "Who asked, and who approved", seen).on([row(&account.at)]);
    let Some(by) = &account.approved_by else { return said("nobody approved".to_owned()) };
    let own = same_login(by, &account.person) || account.requested_by.as_ref().is_some_and(|who| same_login(who, by));
    match &account.requested_by {
        _ if own => said(format!("{by} approved, and asked for it or gets it")).against("approved-by-requester"),
        None => said("nobody says who asked".to_owned()).open("requester-unknown"),
        Some(who) => said(format!("{who} asked, and {by} approved")),
    }
}
