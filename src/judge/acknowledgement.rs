//! Whether every policy is approved, in force and looked at in time, and everybody has acknowledged the version
//! that is in force.
//!
//! One item for each policy, `policy code-of-conduct`, and one for each person and policy, `p-07 code-of-conduct`.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `policy-in-force` | a version is in force, approved before that, and reviewed in time |
//! | pass | `acknowledged` | the version in force, in time |
//! | deviation | `no-version-in-force` | none has begun, or the last one ended |
//! | deviation | `not-approved` | the version in force has no approval |
//! | deviation | `approved-after-in-force` | the approval came later |
//! | deviation | `policy-not-reviewed` | approved or reviewed too long ago |
//! | deviation | `not-acknowledged` | the days for it are over |
//! | deviation | `acknowledged-late` | done after those days; counts as long as the policy says |
//! | indeterminate | `approver-unknown` | approved, and nobody says by whom |
//! | indeterminate | `no-version-to-acknowledge` | a person, and no version in force |
//! | indeterminate | `acknowledged-before-approval` | earlier than the version was approved: the text may have been another |
//! | indeterminate | `row-gone` | person or version was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | there are people, and policies; one at least is in force or to come |
//! | pending | `acknowledgement-not-yet-due` | not done, and the days for it are not over |
//! | pending | `not-started` | the person's first day is to come |
//! | excluded | `on-leave` | away; due so many days after the return |
//! | excluded | `left-before` | the person has left |
//! | excluded | `policy-retired` | the policy has no version in force any more, and says since when |
//!
//! The days count from the later of: the version came into force, the person started.

use super::register::{Check, Examined, days_after, empty, gone, kept, listed, months_after, row};
use super::workforce::{self, judged_on, still_counts};
use super::{PolicyError, policy::out_of_range};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Acknowledgement, Person, PolicyVersion, Workforce};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How soon, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days to acknowledge a version, 0 to 366.
    pub within_days: u32,
    /// Oldest review, or approval, of a policy that counts, months, 1 to 36.
    pub review_months: u32,
    /// How long what was done late counts, days, 1 to 1100.
    pub counts_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { within_days: 30, review_months: 12, counts_days: 365 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("within_days", policy.within_days, 0, 366)?;
    out_of_range("review_months", policy.review_months, 1, 36)?;
    out_of_range("counts_days", policy.counts_days, 1, 1100)
}

/// The first acknowledgement by person, policy and version.
type Acknowledged<'a> = BTreeMap<(&'a str, &'a str, &'a str), &'a Acknowledgement>;

/// Every policy, and everybody with each.
pub(super) fn examine(policy: &Policy, register: &Workforce, as_of: DateTime<Utc>) -> Vec<Examined> {
    let lists = listed("people", register.people.as_ref()).and_then(|people| {
        let versions = listed("policies", register.policies.as_ref())?;
        Ok((people, versions, kept("acknowledgements", register.acknowledgements.as_ref())?))
    });
    let (people, versions, acknowledged) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let mut by_name: BTreeMap<&str, Vec<&PolicyVersion>> = BTreeMap::new();
    versions.iter().for_each(|version| by_name.entry(&version.policy).or_default().push(version));
    let mut first: Acknowledged<'_> = BTreeMap::new();
    for one in acknowledged {
        let held = first.entry((one.person.as_str(), one.policy.as_str(), one.version.as_str())).or_insert(one);
        if one.acknowledged_on < held.acknowledged_on {
            *held = one;
        }
    }
    let mut examined = Vec::new();
    if by_name.values().all(|versions| retired(versions, as_of.date_naive()).is_some()) {
        examined.push(empty("policies", "every policy in the list policies is retired"));
    }
    for (name, versions) in &by_name {
        let retired = retired(versions, as_of.date_naive());
        examined.push(one_policy(policy, name, versions, as_of.date_naive()));
        if retired.is_none() {
            examined.extend(people.iter().map(|person| one_person(policy, person, versions, &first, as_of)));
        }
    }
    examined
}

/// The version in force on a day: of those that have begun the newest, unless it has ended.
fn in_force<'a>(versions: &[&'a PolicyVersion], day: NaiveDate) -> Option<&'a PolicyVersion> {
    let begun = versions.iter().filter(|version| version.in_force_from <= day);
    let newest = begun.max_by_key(|version| version.in_force_from)?;
    newest.retired_on.is_none_or(|last| day <= last).then_some(newest)
}

/// The day on which a policy ended, where it says so and none follows.
fn retired(versions: &[&PolicyVersion], day: NaiveDate) -> Option<NaiveDate> {
    let newest = versions.iter().max_by_key(|version| version.in_force_from)?;
    newest.retired_on.filter(|last| *last < day)
}

fn one_policy(policy: &Policy, name: &str, versions: &[&PolicyVersion], today: NaiveDate) -> Examined {
    let rows = || versions.iter().map(|version| row(&version.at));
    let said = |seen: String| Check::good("version", "The version in force", seen).on(rows());
    let mut checks = Vec::new();
    match (in_force(versions, today), retired(versions, today)) {
        (_, Some(last)) => checks.push(said(format!("retired on {last}")).excluded("policy-retired")),
        (None, None) => checks.push(said("none".to_owned()).against("no-version-in-force")),
        (Some(version), None) => {
            checks.push(said(format!("version {} since {}", version.version, version.in_force_from)));
            checks.push(approval(version));
            checks.push(reviewed(policy, version, today));
        }
    }
    checks.extend(versions.iter().filter_map(|version| gone(&version.at)));
    let approvers = versions.iter().map(|version| version.approved_by.clone());
    Examined::new(format!("policy {name}"), "policy-in-force", checks).of(approvers)
}

fn approval(version: &PolicyVersion) -> Check {
    let said = |seen: String| Check::good("approval", "Its approval", seen).on([row(&version.at)]);
    match (version.approved_on, &version.approved_by) {
        (None, _) => said("not approved".to_owned()).against("not-approved"),
        (Some(on), _) if on > version.in_force_from => {
            let seen = format!("approved on {on}, in force since {}", version.in_force_from);
            said(seen).against("approved-after-in-force")
        }
        (Some(on), None) => said(format!("approved on {on}; nobody says by whom")).open("approver-unknown"),
        (Some(on), Some(by)) => said(format!("approved on {on} by {by}")),
    }
}

fn reviewed(policy: &Policy, version: &PolicyVersion, today: NaiveDate) -> Check {
    let facts = [row(&version.at), Fact::Policy("review_months")];
    let said = |seen: String| Check::good("review", "Its newest review", seen).on(facts.clone());
    match version.reviewed_on.max(version.approved_on) {
        None => said("nobody looked at it".to_owned()).against("policy-not-reviewed"),
        Some(on) => {
            let due = months_after(on, policy.review_months);
            let check = said(format!("looked at on {on}, again due by {due}"));
            if due < today { check.against("policy-not-reviewed") } else { check }
        }
    }
}

fn one_person(
    policy: &Policy,
    person: &Person,
    versions: &[&PolicyVersion],
    acknowledged: &Acknowledged<'_>,
    as_of: DateTime<Utc>,
) -> Examined {
    let name = versions.first().map_or("", |version| version.policy.as_str());
    // Nobody who left has to acknowledge anything any more.
    let left = person.end.filter(|end| end.latest() <= as_of).map(|end| {
        Check::good("person", "The person", format!("left: {end}")).on([row(&person.at)]).excluded("left-before")
    });
    let check = match left.map_or_else(|| judged_on(person, as_of, policy.counts_days), Err) {
        Err(aside) => aside,
        Ok(day) => match in_force(versions, day) {
            None => Check::good("acknowledgement", "Acknowledged", "there is no version in force")
                .on(versions.iter().map(|version| row(&version.at)))
                .open("no-version-to-acknowledge"),
            Some(version) => of_version(policy, person, version, acknowledged, day),
        },
    };
    let checks = [check].into_iter().chain(gone(&person.at)).collect();
    Examined::new(format!("{} {name}", person.person), "acknowledged", checks).of([Some(person.person.clone())])
}

fn of_version(
    policy: &Policy,
    person: &Person,
    version: &PolicyVersion,
    acknowledged: &Acknowledged<'_>,
    day: NaiveDate,
) -> Check {
    let due = days_after(version.in_force_from.max(person.start), policy.within_days);
    let due = workforce::due(person, due, policy.within_days);
    let facts = [row(&person.at), row(&version.at), Fact::Policy("within_days")];
    let said = |seen: String| {
        Check::good("acknowledgement", "Acknowledged", format!("version {}: {seen}", version.version)).on(facts.clone())
    };
    let key = (person.person.as_str(), version.policy.as_str(), version.version.as_str());
    let Some(done) = acknowledged.get(&key) else {
        let check = said(format!("no; due by {due}")).on([Fact::List("acknowledgements")]);
        return if day > due {
            check.against("not-acknowledged")
        } else {
            check.pending("acknowledgement-not-yet-due")
        };
    };
    let check = said(format!("on {}, due by {due}", done.acknowledged_on)).on([row(&done.at)]);
    if done.acknowledged_on > due && still_counts(done.acknowledged_on, day, policy.counts_days) {
        check.against("acknowledged-late")
    } else if version.approved_on.is_some_and(|approved| done.acknowledged_on < approved) {
        check.open("acknowledged-before-approval")
    } else {
        check
    }
}
