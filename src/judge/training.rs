//! Whether everybody was screened before they started, and is trained: soon after the start, and again in time.
//!
//! One item for each person, by their id. Leavers are judged as of their last day.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `trained` | screened, and every course that the policy names is done and young enough |
//! | deviation | `not-screened` | started without a background check |
//! | deviation | `screened-after-start` | it was done later than the first day |
//! | deviation | `training-incomplete` | a course was never done, and the days for the first time are over |
//! | deviation | `training-overdue` | a course was done too long ago |
//! | deviation | `trained-late` | done for the first time after those days; counts as long as the policy says |
//! | pending | `training-not-yet-due` | a course was never done, and those days are not over |
//! | pending | `not-started` | the first day is to come |
//! | excluded | `on-leave` | away; what fell due meanwhile is due so many days after the return |
//! | excluded | `left-before` | left longer ago than the policy looks back |
//! | indeterminate | `row-gone` | the person was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | somebody works here |
//!
//! What was never done is late from its day on for good; what was done late counts for `counts_days` from that day,
//! because lists of courses seldom reach back to everybody's first one.

use super::register::{Check, Examined, days_after, gone, kept, listed, not_empty, row};
use super::workforce::{due, judged_on, still_counts};
use super::{PolicyError, policy::out_of_range};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Completion, Person, Workforce};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What must be done, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Courses that everybody must do, as the list of training names them.
    pub courses: Vec<String>,
    /// Days from the start to the first time, 0 to 366.
    pub first_days: u32,
    /// Days from one time to the next, 1 to 1100.
    pub every_days: u32,
    /// Whether people must have been screened before they start.
    pub screening: bool,
    /// How long people who left, and what was done late, count, days, 1 to 1100.
    pub counts_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        let courses = vec!["security-awareness".to_owned()];
        Self { courses, first_days: 30, every_days: 365, screening: true, counts_days: 365 }
    }
}

/// Refuses what asks for nothing.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    not_empty("courses", &policy.courses)?;
    out_of_range("first_days", policy.first_days, 0, 366)?;
    out_of_range("every_days", policy.every_days, 1, 1100)?;
    out_of_range("counts_days", policy.counts_days, 1, 1100)
}

/// Everybody.
pub(super) fn examine(policy: &Policy, register: &Workforce, as_of: DateTime<Utc>) -> Vec<Examined> {
    let lists = listed("people", register.people.as_ref())
        .and_then(|people| Ok((people, kept("training", register.training.as_ref())?)));
    let (people, training) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let mut by_person: BTreeMap<&str, Vec<&Completion>> = BTreeMap::new();
    training.iter().for_each(|done| by_person.entry(&done.person).or_default().push(done));
    let of = |person: &Person| by_person.get(person.person.as_str()).map_or(&[][..], Vec::as_slice);
    people.iter().map(|person| one(policy, person, of(person), as_of)).collect()
}

fn one(policy: &Policy, person: &Person, training: &[&Completion], as_of: DateTime<Utc>) -> Examined {
    let checks = match judged_on(person, as_of, policy.counts_days) {
        Err(aside) => vec![aside],
        Ok(day) => {
            let courses = policy.courses.iter().map(|course| one_course(policy, person, course, training, day));
            screening(policy, person, day).into_iter().chain(courses).collect()
        }
    };
    let checks = checks.into_iter().chain(gone(&person.at)).collect();
    Examined::new(&person.person, "trained", checks).of([Some(person.person.clone())])
}

fn screening(policy: &Policy, person: &Person, day: NaiveDate) -> Option<Check> {
    let said = |seen: String| {
        Check::good("screening", "Screened before the start", seen).on([row(&person.at), Fact::Policy("screening")])
    };
    let check = match person.screened_on {
        None => said("not screened".to_owned()).against("not-screened"),
        Some(on) if on > person.start => {
            let check = said(format!("screened on {on}, and started on {}", person.start));
            if still_counts(on, day, policy.counts_days) { check.against("screened-after-start") } else { check }
        }
        Some(on) => said(format!("screened on {on}")),
    };
    policy.screening.then_some(check)
}

fn one_course(policy: &Policy, person: &Person, course: &str, training: &[&Completion], day: NaiveDate) -> Check {
    let of = |done: &&Completion| done.course == course && done.completed_on <= day;
    let mut done: Vec<&Completion> = training.iter().copied().filter(of).collect();
    done.sort_by_key(|done| done.completed_on);
    let policies = ["courses", "first_days", "every_days"].map(Fact::Policy);
    let facts = || [row(&person.at)].into_iter().chain(policies.clone());
    let said = |seen: String| Check::good("course", "Training", format!("{course}: {seen}")).on(facts());
    let away = |last| due(person, last, policy.first_days);
    let first_due = away(days_after(person.start, policy.first_days));
    let (Some(first), Some(newest)) = (done.first(), done.last()) else {
        let check = said(format!("never; due by {first_due}")).on([Fact::List("training")]);
        return if day > first_due {
            check.against("training-incomplete")
        } else {
            check.pending("training-not-yet-due")
        };
    };
    let again = away(days_after(newest.completed_on, policy.every_days));
    let check = said(format!("done on {}, again due by {again}", newest.completed_on)).on([row(&newest.at)]);
    if day > again {
        return check.against("training-overdue");
    }
    if first.completed_on > first_due && still_counts(first_due, day, policy.counts_days) {
        let seen = format!("first done on {}, and due by {first_due}", first.completed_on);
        return said(seen).on([row(&first.at)]).against("trained-late");
    }
    check
}
