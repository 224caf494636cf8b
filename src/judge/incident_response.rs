//! Whether there is a plan for incidents, it is exercised, and every incident was dealt with by it.
//!
//! One item `plan`, one item `exercise`, and one for each incident, `incident INC-3`. Where there was no
//! incident, nothing is judged of them: it did not occur.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `plan-in-force` | a version is in force, and was approved before that |
//! | pass | `exercised` | an exercise, or a bad incident that was handled by the plan, in time |
//! | pass | `incident-handled` | over, classed, explained, looked back at where it was bad, nothing left undone |
//! | deviation | `no-plan` | none is in force |
//! | deviation | `plan-not-approved` | the one in force has no approval, or a later one |
//! | deviation | `not-exercised` | nothing of the kind in the months that the policy gives |
//! | deviation | `not-handled-by-plan` | a bad incident that names no version of the plan |
//! | deviation | `incident-not-classed` | nobody says how bad it was |
//! | deviation | `incident-not-resolved` | still going on after the days that the policy gives |
//! | deviation | `resolved-late` | over, and only after those days |
//! | deviation | `no-root-cause` | over, and nobody says why it happened |
//! | deviation | `not-looked-back` | a bad one, and the days for looking back are over |
//! | deviation | `looked-back-late` | looked back at after those days |
//! | deviation | `actions-open` | what came to light is not mended, and the days for that are over |
//! | pending | `exercise-not-yet-due` | the first plan is younger than those months |
//! | pending | `incident-open` | still going on |
//! | pending | `look-back-not-yet-due` | a bad one is over, and the days for looking back are not |
//! | excluded | `incident-before` | over longer ago than the policy looks back, and nothing is said to be left undone |
//! | indeterminate | `approver-unknown` | approved, and nobody says by whom |
//! | indeterminate | `actions-unknown` | over, and nobody says whether something is left undone |
//! | indeterminate | `row-gone` | it was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//!
//! Not known: incidents that nobody listed.

use super::register::{Check, Examined, days_after, gone, kept, months_after, row};
use super::{PolicyError, policy::out_of_range};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Exercise, Incident, Incidents, Level, Moment, Plan};
use serde::{Deserialize, Serialize};

/// How often, and how soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Oldest exercise that counts, months, 1 to 36.
    pub exercise_months: u32,
    /// From this severity on an incident is handled by the plan and looked back at.
    pub bad_from: Level,
    /// Days from the beginning to the end of an incident, 1 to 366.
    pub resolve_days: u32,
    /// Days from its end to the look back, 0 to 366.
    pub look_back_days: u32,
    /// Days to mend what an incident or an exercise brought to light, 0 to 366.
    pub action_days: u32,
    /// How long an incident that is over counts, days, 1 to 1100.
    pub counts_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            exercise_months: 12,
            bad_from: Level::High,
            resolve_days: 30,
            look_back_days: 30,
            action_days: 90,
            counts_days: 365,
        }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("exercise_months", policy.exercise_months, 1, 36)?;
    out_of_range("resolve_days", policy.resolve_days, 1, 366)?;
    out_of_range("look_back_days", policy.look_back_days, 0, 366)?;
    out_of_range("action_days", policy.action_days, 0, 366)?;
    out_of_range("counts_days", policy.counts_days, 1, 1100)
}

/// The plan, its exercise, every incident.
pub(super) fn examine(policy: &Policy, register: &Incidents, as_of: DateTime<Utc>) -> Vec<Examined> {
    let today = as_of.date_naive();
    let lists = kept("plans", register.plans.as_ref()).and_then(|plans| {
        let exercises = kept("exercises", register.exercises.as_ref())?;
        Ok((plans, exercises, kept("incidents", register.incidents.as_ref())?))
    });
    let (plans, exercises, incidents) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let two = [plan(plans, today), exercised(policy, plans, exercises, incidents, today)];
    two.into_iter().chain(incidents.iter().map(|incident| one(policy, incident, today))).collect()
}

fn plan(plans: &[Plan], today: NaiveDate) -> Examined {
    let begun = plans.iter().filter(|plan| plan.in_force_from <= today);
    let mut checks = match begun.max_by_key(|plan| plan.in_force_from) {
        None => {
            let check = Check::good("plan", "The plan in force", "none").on([Fact::List("plans")]);
            vec![check.against("no-plan")]
        }
        Some(plan) => {
            let said = |seen: String| Check::good("plan", "The plan in force", seen).on([row(&plan.at)]);
            let since = format!("version {} since {}", plan.version, plan.in_force_from);
            vec![match (plan.approved_on, &plan.approved_by) {
                (Some(on), _) if on > plan.in_force_from => {
                    said(format!("{since}, approved only on {on}")).against("plan-not-approved")
                }
                (Some(on), Some(by)) => said(format!("{since}, approved by {by} on {on}")),
                (Some(on), None) => {
                    said(format!("{since}, approved on {on}; nobody says by whom")).open("approver-unknown")
                }
                (None, _) => said(format!("{since}, not approved")).against("plan-not-approved"),
            }]
        }
    };
    checks.extend(plans.iter().filter_map(|plan| gone(&plan.at)));
    Examined::new("plan", "plan-in-force", checks)
}

fn exercised(
    policy: &Policy,
    plans: &[Plan],
    exercises: &[Exercise],
    incidents: &[Incident],
    today: NaiveDate,
) -> Examined {
    let facts = |of: Fact| [of, Fact::Policy("exercise_months")];
    let said = |seen: String, of: Fact| Check::good("exercise", "The newest exercise", seen).on(facts(of));
    let real = incidents.iter().filter(|incident| {
        incident.version.is_some() && incident.severity.is_some_and(|severity| severity >= policy.bad_from)
    });
    let real = real.filter_map(|incident| Some((incident.resolved_at?.day(), &incident.incident, &incident.at)));
    let held = exercises.iter().map(|exercise| (exercise.held_on, &exercise.exercise, &exercise.at));
    let check = match held.chain(real).max_by_key(|(day, ..)| *day) {
        Some((day, name, at)) => {
            let due = months_after(day, policy.exercise_months);
            let check = said(format!("{name} of {day}, the next is due by {due}"), row(at));
            if due < today { check.against("not-exercised") } else { check }
        }
        None => {
            let first = plans.iter().map(|plan| plan.in_force_from).min();
            let due = first.map(|first| months_after(first, policy.exercise_months));
            match due.filter(|due| *due >= today) {
                Some(due) => {
                    said(format!("none yet; due by {due}"), Fact::List("exercises")).pending("exercise-not-yet-due")
                }
                None => said("none".to_owned(), Fact::List("exercises")).against("not-exercised"),
            }
        }
    };
    let open = exercises
        .iter()
        .filter_map(|exercise| actions(policy, exercise.actions_open, exercise.held_on, today, row(&exercise.at)));
    let lost = exercises.iter().filter_map(|exercise| gone(&exercise.at));
    Examined::new("exercise", "exercised", [check].into_iter().chain(open).chain(lost).collect())
}

/// Something that is not mended and should be.
fn actions(policy: &Policy, open: u32, since: NaiveDate, today: NaiveDate, of: Fact) -> Option<Check> {
    let due = days_after(since, policy.action_days);
    let check = || {
        Check::good("actions", "What came to light", format!("{open} not mended, due by {due}"))
            .on([of.clone(), Fact::Policy("action_days")])
    };
    (open > 0 && due < today).then(|| check().against("actions-open"))
}

fn one(policy: &Policy, incident: &Incident, today: NaiveDate) -> Examined {
    let said = |key, name, seen: String| Check::good(key, name, seen).on([row(&incident.at)]);
    let bad = incident.severity.is_none_or(|severity| severity >= policy.bad_from);
    let mut checks = Vec::new();
    let undone = incident.actions_open.is_some_and(|open| open > 0);
    // What is left undone does not grow old.
    let before = incident.resolved_at.filter(|at| days_after(at.day(), policy.counts_days) < today && !undone);
    if let Some(at) = before {
        checks.push(said("end", "Its end", format!("over: {at}")).excluded("incident-before"));
    } else {
        checks.push(match incident.severity {
            Some(severity) => said("class", "How bad it was", format!("{severity:?}").to_lowercase()),
            None => said("class", "How bad it was", "nobody says".to_owned()).against("incident-not-classed"),
        });
        checks.push(match &incident.version {
            Some(version) => said("plan", "By which plan", format!("version {version}")),
            None if bad => said("plan", "By which plan", "none".to_owned()).against("not-handled-by-plan"),
            None => said("plan", "By which plan", "none; not asked of this severity".to_owned()),
        });
        match incident.resolved_at {
            None => checks.push(going_on(policy, incident, today)),
            Some(at) => checks.extend(over(policy, incident, at, bad, today)),
        }
    }
    checks.extend(gone(&incident.at));
    Examined::new(format!("incident {}", incident.incident), "incident-handled", checks)
}

fn going_on(policy: &Policy, incident: &Incident, today: NaiveDate) -> Check {
    let due = days_after(incident.detected_at.day(), policy.resolve_days);
    let check = Check::good("end", "Its end", format!("going on since {}, due by {due}", incident.detected_at))
        .on([row(&incident.at), Fact::Policy("resolve_days")]);
    if due < today { check.against("incident-not-resolved") } else { check.pending("incident-open") }
}

fn over(policy: &Policy, incident: &Incident, at: Moment, bad: bool, today: NaiveDate) -> Vec<Check> {
    let said = |key, name, seen: String| Check::good(key, name, seen).on([row(&incident.at)]);
    let due = days_after(incident.detected_at.day(), policy.resolve_days);
    let seen = format!("noticed: {}; over: {at}, due by {due}", incident.detected_at);
    let end = said("end", "Its end", seen).on([Fact::Policy("resolve_days")]);
    let mut checks = vec![if at.day() > due { end.against("resolved-late") } else { end }];
    checks.push(match &incident.root_cause {
        Some(cause) => said("cause", "Why it happened", cause.clone()),
        None => said("cause", "Why it happened", "nobody says".to_owned()).against("no-root-cause"),
    });
    let due = days_after(at.day(), policy.look_back_days);
    let look_back = |seen: String| said("look-back", "Looked back at", seen).on([Fact::Policy("look_back_days")]);
    // Nobody looks back at what has not begun.
    checks.push(match incident.reviewed_on.filter(|on| *on >= incident.detected_at.day()) {
        Some(on) if bad && on > due => look_back(format!("on {on}, due by {due}")).against("looked-back-late"),
        Some(on) => look_back(format!("on {on}")),
        None if !bad => look_back("no; not asked of this severity".to_owned()),
        None if due < today => look_back(format!("no; due by {due}")).against("not-looked-back"),
        None => look_back(format!("not yet; due by {due}")).pending("look-back-not-yet-due"),
    });
    match incident.actions_open {
        Some(open) => checks.extend(actions(policy, open, at.day(), today, row(&incident.at))),
        None => {
            let check = said("actions", "What came to light", "nobody says whether something is left".to_owned());
            checks.push(check.open("actions-unknown"));
        }
    }
    checks
}
