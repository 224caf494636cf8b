//! Whether everybody who left lost their access in time, and nobody used it afterwards.
//!
//! One item for each account of somebody who left: `p-07 github/anna`. Where nobody left, nothing is judged, and
//! that passes: it did not occur. A last day given as a day ends with that day, UTC.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `removed-in-time` | removed within the hours that the policy gives, and not used after the end |
//! | deviation | `not-removed` | it is there, and the hours are over |
//! | deviation | `removed-late` | removed later |
//! | deviation | `used-after-end` | used after the end, also within the hours |
//! | indeterminate | `times-too-coarse` | a day without its time leaves open what decides |
//! | indeterminate | `last-use-unknown` | nobody says whether it was used after the end |
//! | indeterminate | `no-accounts-listed` | somebody left of whom no account is listed |
//! | indeterminate | `row-gone` | person or account was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | somebody works here |
//! | pending | `removal-not-yet-due` | it is there, and the hours are not over |
//! | excluded | `left-before` | left longer ago than the policy looks back, and no account is still there or was used since |
//!
//! An account that was never removed stays `not-removed`, however long ago its person left.
//! Not known: secrets that people shared, accounts that nobody listed, and a use that the list does not have yet.

use super::quarter::later;
use super::register::{Check, Examined, gone, kept, listed, row};
use super::{PolicyError, day_time, policy::out_of_range};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Account, Moment, Person, Used, Workforce};
use serde::{Deserialize, Serialize};

/// How soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Hours from the end to the removal, 0 to 720.
    pub within_hours: u32,
    /// Whether the list must say when an account was last used.
    pub last_use: bool,
    /// How long people who left count, days, 1 to 1100.
    pub counts_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { within_hours: 24, last_use: true, counts_days: 365 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("within_hours", policy.within_hours, 0, 720)?;
    out_of_range("counts_days", policy.counts_days, 1, 1100)
}

/// Every account of everybody who left.
pub(super) fn examine(policy: &Policy, register: &Workforce, as_of: DateTime<Utc>) -> Vec<Examined> {
    let lists = listed("people", register.people.as_ref())
        .and_then(|people| Ok((people, kept("accounts", register.accounts.as_ref())?)));
    let (people, accounts) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let left = people.iter().filter_map(|person| Some((person, person.end.filter(|end| end.latest() <= as_of)?)));
    left.flat_map(|(person, end)| of_person(policy, person, end, accounts, as_of)).collect()
}

fn of_person(
    policy: &Policy,
    person: &Person,
    end: Moment,
    accounts: &[Account],
    as_of: DateTime<Utc>,
) -> Vec<Examined> {
    let ended = Check::good("end", "The end", format!("left: {end}")).on([row(&person.at)]);
    let item = |name: String, checks: Vec<Check>| {
        let checks = checks.into_iter().chain(gone(&person.at)).collect();
        Examined::new(name, "removed-in-time", checks).of([Some(person.person.clone())])
    };
    let mut held: Vec<&Account> = accounts.iter().filter(|account| account.person == person.person).collect();
    let old = |at: Moment| later(at.latest(), TimeDelta::days(policy.counts_days.into())) < as_of;
    if old(end) {
        // What is still there does not grow old, nor does what was used since.
        let used = |account: &Account| matches!(account.last_used_at, Some(Used::At(used)) if !old(used));
        held.retain(|account| account.removed_at.is_none() || used(account));
        if held.is_empty() {
            return vec![item(person.person.clone(), vec![ended.excluded("left-before")])];
        }
    }
    if held.is_empty() {
        let seen = format!("left: {end}; no account is listed");
        let check = Check::good("accounts", "Accounts", seen).on([row(&person.at), Fact::List("accounts")]);
        return vec![item(person.person.clone(), vec![check.open("no-accounts-listed")])];
    }
    let one = |account: &Account| {
        let ended = Check::good("end", "The end", format!("left: {end}")).on([row(&person.at)]);
        let checks =
            [Some(ended), Some(removal(policy, account, end, as_of)), usage(policy, account, end), gone(&account.at)];
        let name = format!("{} {}/{}", person.person, account.system, account.account);
        item(name, checks.into_iter().flatten().collect())
    };
    held.into_iter().map(one).collect()
}

fn removal(policy: &Policy, account: &Account, end: Moment, as_of: DateTime<Utc>) -> Check {
    let due = later(end.latest(), TimeDelta::hours(policy.within_hours.into()));
    let facts = [row(&account.at), Fact::Policy("within_hours")];
    let said = |seen: String| Check::good("removal", "Removed in time", seen).on(facts.clone());
    let Some(removed) = account.removed_at else {
        let check = said(format!("not removed; due by {}", day_time(due)));
        return if as_of > due { check.against("not-removed") } else { check.pending("removal-not-yet-due") };
    };
    let check = said(format!("removed: {removed}; due by {}", day_time(due)));
    if removed.latest() <= due {
        check
    } else if removed.earliest() > due {
        check.against("removed-late")
    } else {
        check.open("times-too-coarse")
    }
}

fn usage(policy: &Policy, account: &Account, end: Moment) -> Option<Check> {
    let said =
        |seen: String| Check::good("use", "Used after the end", seen).on([row(&account.at), Fact::Policy("last_use")]);
    Some(match account.last_used_at {
        None if !policy.last_use => return None,
        None => said("nobody says when it was last used".to_owned()).open("last-use-unknown"),
        Some(Used::Never(_)) => said("never used".to_owned()),
        Some(Used::At(used)) => {
            let check = said(format!("last used: {used}"));
            if end.before(used) {
                check.against("used-after-end")
            } else if used.latest() <= end.latest() {
                check
            } else {
                check.open("times-too-coarse")
            }
        }
    })
}
