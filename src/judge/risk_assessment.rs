//! Whether risks were assessed in time, and each has what it needs.
//!
//! One item `assessment` for the newest assessment, one for each category that must be there, `category fraud`,
//! and one for each risk, `risk R-3`.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `assessed` | the newest assessment is young enough and approved, and the register has changed by it |
//! | pass | `category-covered` | a risk of that category is listed, and was assessed in the months that the policy gives |
//! | pass | `risk-complete` | rated, owned and treated |
//! | deviation | `no-assessment` | none on record |
//! | deviation | `assessment-overdue` | the newest one is older than the policy allows |
//! | deviation | `assessment-not-approved` | nobody approved it, and the days for that are over |
//! | deviation | `register-unchanged` | no risk was assessed since the assessment before |
//! | deviation | `assessment-approved-late` | approved after those days |
//! | deviation | `category-missing` | no such risk of a category that the policy names |
//! | deviation | `owner-missing` | nobody answers for the risk |
//! | deviation | `rating-missing` | likelihood or impact is not given |
//! | deviation | `treatment-missing` | nobody says what is done about it |
//! | deviation | `acceptance-not-signed` | accepted, and nobody signed |
//! | deviation | `acceptance-too-old` | signed longer ago than the policy allows for an assessment |
//! | deviation | `risk-not-assessed-again` | assessed longer ago than the policy allows |
//! | pending | `approval-not-yet-due` | the assessment is done, and the days for its approval are not over |
//! | excluded | `risk-closed` | it is none any more |
//! | indeterminate | `acceptance-undated` | signed, and nobody says when |
//! | indeterminate | `row-gone` | the risk was in the register before, and is not now |
//! | indeterminate | `list-missing` | a list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | nobody has no risk |

use super::register::{Check, Examined, days_after, gone, kept, listed, months_after, row};
use super::{PolicyError, policy::out_of_range};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Assessment, Risk, RiskState, Risks, Treatment};
use serde::{Deserialize, Serialize};

/// How often, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Oldest assessment that counts, months, 1 to 36.
    pub every_months: u32,
    /// Categories of which a risk must be listed and assessed, open or closed.
    pub categories: Vec<String>,
    /// Days to approve an assessment, 0 to 366.
    pub approval_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        let categories = ["operations", "technology", "vendor", "legal", "fraud"].map(str::to_owned).to_vec();
        Self { every_months: 12, categories, approval_days: 30 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("every_months", policy.every_months, 1, 36)?;
    out_of_range("approval_days", policy.approval_days, 0, 366)
}

/// The newest assessment, every category, every risk.
pub(super) fn examine(policy: &Policy, register: &Risks, as_of: DateTime<Utc>) -> Vec<Examined> {
    let today = as_of.date_naive();
    let lists = listed("risks", register.risks.as_ref())
        .and_then(|risks| Ok((risks, kept("assessments", register.assessments.as_ref())?)));
    let (risks, assessments) = match lists {
        Ok(lists) => lists,
        Err(missing) => return vec![missing],
    };
    let categories = policy.categories.iter().map(|category| covered(policy, category, risks, today));
    let each = risks.iter().map(|risk| one(policy, risk, today));
    [newest(policy, assessments, risks, today)].into_iter().chain(categories).chain(each).collect()
}

fn newest(policy: &Policy, assessments: &[Assessment], risks: &[Risk], today: NaiveDate) -> Examined {
    let said =
        |seen: String| Check::good("assessment", "The newest assessment", seen).on([Fact::Policy("every_months")]);
    let mut all: Vec<&Assessment> = assessments.iter().collect();
    all.sort_by_key(|assessment| assessment.done_on);
    let Some(newest) = all.pop() else {
        let check = said("no assessment is on record".to_owned()).on([Fact::List("assessments")]);
        return Examined::new("assessment", "assessed", vec![check.against("no-assessment")]);
    };
    let due = months_after(newest.done_on, policy.every_months);
    let seen = format!("{} of {}, the next is due by {due}", newest.assessment, newest.done_on);
    let age = said(seen).on([row(&newest.at)]);
    let age = if due < today { age.against("assessment-overdue") } else { age };
    let checks =
        [age, approval(policy, newest, today)].into_iter().chain(all.last().map(|before| changed(before, risks)));
    Examined::new("assessment", "assessed", checks.collect()).of([newest.approved_by.clone()])
}

fn approval(policy: &Policy, assessment: &Assessment, today: NaiveDate) -> Check {
    let facts = [row(&assessment.at), Fact::Policy("approval_days")];
    let said = |seen: String| Check::good("approval", "Its approval", seen).on(facts.clone());
    let due = days_after(assessment.done_on, policy.approval_days);
    match (&assessment.approved_by, assessment.approved_on) {
        (Some(by), Some(on)) => {
            let check = said(format!("approved by {by} on {on}, due by {due}"));
            if on > due { check.against("assessment-approved-late") } else { check }
        }
        _ if today > due => said(format!("not approved, due by {due}")).against("assessment-not-approved"),
        _ => said(format!("not approved yet, due by {due}")).pending("approval-not-yet-due"),
    }
}

/// A register that nobody touched since the assessment before was not assessed.
fn changed(before: &Assessment, risks: &[Risk]) -> Check {
    let said = |seen: String| Check::good("change", "The register since the assessment before", seen);
    match risks.iter().filter(|risk| risk.assessed_on > before.done_on).max_by_key(|risk| risk.assessed_on) {
        Some(risk) => said(format!("risk {} was assessed on {}", risk.risk, risk.assessed_on)).on([row(&risk.at)]),
        None => {
            let seen = format!("no risk was assessed after {}", before.done_on);
            said(seen).on([row(&before.at), Fact::List("risks")]).against("register-unchanged")
        }
    }
}

fn covered(policy: &Policy, category: &str, risks: &[Risk], today: NaiveDate) -> Examined {
    let facts = ["categories", "every_months"].map(Fact::Policy);
    let said = |seen: String| Check::good("category", "A risk of the category", seen).on(facts.clone());
    // One that was closed years ago says nothing of today.
    let young = |risk: &&Risk| months_after(risk.assessed_on, policy.every_months) >= today;
    let there = |risk: &&Risk| risk.category == category && !risk.at.gone;
    let check = match risks.iter().filter(young).find(there) {
        Some(risk) => said(format!("risk {}: {}", risk.risk, risk.title)).on([row(&risk.at)]),
        None => said(format!("no risk of category {category}")).on([Fact::List("risks")]).against("category-missing"),
    };
    Examined::new(format!("category {category}"), "category-covered", vec![check])
}

fn one(policy: &Policy, risk: &Risk, today: NaiveDate) -> Examined {
    let said = |key, name, seen: String| Check::good(key, name, seen).on([row(&risk.at)]);
    let mut checks = Vec::new();
    if risk.state == RiskState::Closed {
        checks.push(said("state", "Its state", "closed".to_owned()).excluded("risk-closed"));
    } else {
        checks.push(match &risk.owner {
            Some(owner) => said("owner", "Its owner", format!("owned by {owner}")),
            None => said("owner", "Its owner", "nobody answers for it".to_owned()).against("owner-missing"),
        });
        checks.push(match (risk.likelihood, risk.impact) {
            (Some(likelihood), Some(impact)) => {
                said("rating", "Its rating", format!("likelihood {likelihood}, impact {impact}"))
            }
            _ => said("rating", "Its rating", "not rated".to_owned()).against("rating-missing"),
        });
        checks.push(treated(policy, risk, today));
        let due = months_after(risk.assessed_on, policy.every_months);
        let check = said("age", "Assessed", format!("on {}, again due by {due}", risk.assessed_on));
        let check = check.on([Fact::Policy("every_months")]);
        checks.push(if due < today { check.against("risk-not-assessed-again") } else { check });
    }
    checks.extend(gone(&risk.at));
    Examined::new(format!("risk {}", risk.risk), "risk-complete", checks)
        .of([risk.owner.clone(), risk.accepted_by.clone()])
}

fn treated(policy: &Policy, risk: &Risk, today: NaiveDate) -> Check {
    let said = |seen: String| Check::good("treatment", "What is done about it", seen).on([row(&risk.at)]);
    match (risk.treatment, &risk.accepted_by, risk.accepted_on) {
        (None, ..) => said("nobody says".to_owned()).against("treatment-missing"),
        (Some(Treatment::Accept), None, _) => {
            said("accepted, and nobody signed".to_owned()).against("acceptance-not-signed")
        }
        (Some(Treatment::Accept), Some(by), None) => {
            said(format!("accepted by {by}; nobody says when")).open("acceptance-undated")
        }
        (Some(Treatment::Accept), Some(by), Some(on)) => {
            let due = months_after(on, policy.every_months);
            let check =
                said(format!("accepted by {by} on {on}, again due by {due}")).on([Fact::Policy("every_months")]);
            if due < today { check.against("acceptance-too-old") } else { check }
        }
        (Some(other), ..) => said(format!("{other:?}").to_lowercase()),
    }
}
