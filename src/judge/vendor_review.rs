//! Whether every vendor that matters was reviewed, with a report that covers the present.
//!
//! One item for each vendor, by its name. Of vendors in the tiers that the policy names:
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `vendor-reviewed` | all of it is as it must be |
//! | deviation | `never-reviewed` | in use, and no review |
//! | deviation | `review-overdue` | the newest review is older than the policy allows |
//! | deviation | `no-report` | the vendor shows nothing of its controls |
//! | deviation | `report-not-accepted` | a report of a kind that the policy does not name |
//! | deviation | `report-does-not-cover` | the report's period and its bridge letter ended longer ago than the policy allows, or the period is to come; a certificate must hold |
//! | deviation | `exceptions-not-weighed` | exceptions in the report that nobody has looked at |
//! | deviation | `user-controls-open` | what the report asks of its users is not done |
//! | deviation | `no-security-terms` | the contract has none |
//! | indeterminate | `reviewer-unknown` | reviewed, and nobody says by whom |
//! | indeterminate | `report-period-unknown` | a report without the day on which its period ends |
//! | indeterminate | `report-after-review` | the period ended, or a certificate's began, after the newest review, which cannot have been of this report |
//! | indeterminate | `row-gone` | it was in the register before, and is not now |
//! | indeterminate | `list-missing` | the list is not kept, or was not read; one item for all |
//! | indeterminate | `list-empty` | nobody has no vendor |
//! | pending | `not-in-use-yet` | its first day is to come |
//! | excluded | `tier-not-asked` | of another tier |
//! | excluded | `vendor-ended` | its last day is past |
//!
//! Not known: vendors that nobody listed, and whether the register agrees with the system description. A
//! bridge letter is the vendor's own word; how long one may be believed is `bridge_days`.

use super::register::{Check, Examined, days_after, gone, listed, months_after, not_empty, row};
use super::{PolicyError, policy::out_of_range};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::Fact;
use evidenced_collectors::contract::register::{Followed, Report, Tier, Vendor, Vendors};
use serde::{Deserialize, Serialize};

/// Which vendors, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Tiers that must be reviewed.
    pub tiers: Vec<Tier>,
    /// Reports that count.
    pub reports: Vec<Report>,
    /// Oldest review that counts, months, 1 to 36.
    pub review_months: u32,
    /// Longest time from the end of what report and bridge letter cover to the present, days, 0 to 366.
    pub gap_days: u32,
    /// Longest time after the report's period for which a bridge letter counts, days, 0 to 366.
    pub bridge_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            tiers: vec![Tier::Critical, Tier::High],
            reports: vec![Report::Soc2Type2],
            review_months: 12,
            gap_days: 92,
            bridge_days: 92,
        }
    }
}

/// Refuses what asks for nothing.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    not_empty("tiers", &policy.tiers)?;
    not_empty("reports", &policy.reports)?;
    out_of_range("review_months", policy.review_months, 1, 36)?;
    out_of_range("gap_days", policy.gap_days, 0, 366)?;
    out_of_range("bridge_days", policy.bridge_days, 0, 366)
}

/// Every vendor.
pub(super) fn examine(policy: &Policy, register: &Vendors, as_of: DateTime<Utc>) -> Vec<Examined> {
    match listed("vendors", register.vendors.as_ref()) {
        Ok(vendors) => vendors.iter().map(|vendor| one(policy, vendor, as_of.date_naive())).collect(),
        Err(missing) => vec![missing],
    }
}

fn one(policy: &Policy, vendor: &Vendor, today: NaiveDate) -> Examined {
    let at = || row(&vendor.at);
    let tier = Check::good("tier", "Its tier", format!("{:?} vendor", vendor.tier).to_lowercase())
        .on([at(), Fact::Policy("tiers")]);
    let used = Check::good("use", "In use", format!("in use since {}", vendor.since)).on([at()]);
    let checks = if !policy.tiers.contains(&vendor.tier) {
        vec![tier.excluded("tier-not-asked")]
    } else if let Some(until) = vendor.until.filter(|until| *until < today) {
        vec![Check::good("use", "In use", format!("in use until {until}")).on([at()]).excluded("vendor-ended")]
    } else if vendor.since > today {
        vec![used.pending("not-in-use-yet")]
    } else {
        let asked = [review(policy, vendor, today), report(policy, vendor, today), read(vendor)];
        let rest = [
            followed(vendor, "exceptions", "Exceptions in the report", vendor.exceptions, "exceptions-not-weighed"),
            followed(vendor, "user-controls", "What it asks of its users", vendor.user_controls, "user-controls-open"),
            terms(vendor),
        ];
        [tier, used].into_iter().chain(asked).chain(rest).collect()
    };
    let checks = checks.into_iter().chain(gone(&vendor.at)).collect();
    Examined::new(&vendor.vendor, "vendor-reviewed", checks).of([Some(vendor.owner.clone()), vendor.reviewer.clone()])
}

fn review(policy: &Policy, vendor: &Vendor, today: NaiveDate) -> Check {
    let facts = [row(&vendor.at), Fact::Policy("review_months")];
    let said = |seen: String| Check::good("review", "The newest review", seen).on(facts.clone());
    let Some(on) = vendor.reviewed_on else { return said("no review".to_owned()).against("never-reviewed") };
    let due = months_after(on, policy.review_months);
    let by = vendor.reviewer.as_deref().map_or_else(|| "nobody says by whom".to_owned(), |who| format!("by {who}"));
    let check = said(format!("reviewed on {on}, {by}; the next is due by {due}"));
    match (due < today, &vendor.reviewer) {
        (true, _) => check.against("review-overdue"),
        (false, None) => check.open("reviewer-unknown"),
        (false, Some(_)) => check,
    }
}

fn report(policy: &Policy, vendor: &Vendor, today: NaiveDate) -> Check {
    let facts = ["reports", "gap_days", "bridge_days"].map(Fact::Policy);
    let facts = [row(&vendor.at)].into_iter().chain(facts);
    let said = |seen: String| Check::good("report", "What its report covers", seen).on(facts);
    let kind = serde_json::json!(vendor.report);
    let kind = kind.as_str().unwrap_or_default();
    if vendor.report == Report::None {
        return said("no report".to_owned()).against("no-report");
    }
    if !policy.reports.contains(&vendor.report) {
        return said(format!("{kind}, which the policy does not name")).against("report-not-accepted");
    }
    let Some(end) = vendor.period_end else {
        return said(format!("{kind}; nobody says until when")).open("report-period-unknown");
    };
    if let Some(start) = vendor.period_start.filter(|start| *start > today) {
        return said(format!("{kind}, only from {start} on")).against("report-does-not-cover");
    }
    // A certificate holds into the future or not at all; a report tells of what was, and is always late.
    let (gap, bridge) = match vendor.report {
        Report::Iso27001 => (0, None),
        _ => (policy.gap_days, vendor.bridge_until),
    };
    let bridge = bridge.map(|until| until.min(days_after(end, policy.bridge_days)));
    let covered = bridge.map_or(end, |bridge| bridge.max(end));
    let bridged = bridge.map_or_else(String::new, |until| format!(", with a bridge letter that counts until {until}"));
    let check = said(format!("{kind} until {end}{bridged}"));
    if days_after(covered, gap) < today { check.against("report-does-not-cover") } else { check }
}

/// A review is of a report that was there.
fn read(vendor: &Vendor) -> Check {
    let said =
        |seen: String| Check::good("report-read", "That the review is of this report", seen).on([row(&vendor.at)]);
    let (what, there) = match vendor.report {
        Report::Iso27001 => ("begins", vendor.period_start),
        _ => ("ends", vendor.period_end),
    };
    match (vendor.reviewed_on, there) {
        (Some(on), Some(there)) if on < there => {
            said(format!("the period {what} on {there}, after the review of {on}")).open("report-after-review")
        }
        _ => said("nothing says that it was written after the review".to_owned()),
    }
}

fn followed(vendor: &Vendor, key: &'static str, name: &'static str, what: Followed, reason: &'static str) -> Check {
    let said = |seen: &str| Check::good(key, name, format!("{name}: {seen}")).on([row(&vendor.at)]);
    match what {
        Followed::None => said("there are none"),
        Followed::Done => said("all followed up"),
        Followed::Open => said("open").against(reason),
    }
}

fn terms(vendor: &Vendor) -> Check {
    let said = |seen: &str| Check::good("contract", "Terms on security in the contract", seen).on([row(&vendor.at)]);
    if vendor.contract_security {
        said("the contract has terms on security")
    } else {
        said("the contract has no terms on security").against("no-security-terms")
    }
}
