//! From a population, a policy, waivers and an as-of time to judgements and a verdict. Pure: no clock,
//! no network, no randomness, no ledger. One file per test of a control.
//!
//! What it never does: call something that was not read a pass.
//!
//! - `policy`: the tests there are, and their parameters as a configuration gives them.
//! - `gather`: one list of items out of many readings.
//! - `change_review`, `mfa`, `restore_test`, `vulnerabilities`, `audit_logging`: the rules;
//!   each documents its own reasons.
//! - `register`: what the tests of registers and documents share, and `workforce` those of people; `vendor_review`
//!   and the others are their rules, with their reasons.
//! - `attributes`: what the judgement of one item rests on, for people; the rules' own functions are asked.
//! - `waive`: approved acceptances, applied after the rules.
//! - `cases`: files of worked cases, such as the truth table.

pub mod access_grant;
pub mod access_review;
pub mod acknowledgement;
pub mod asset_inventory;
mod attributes;
pub mod audit_logging;
pub mod cases;
pub mod change_review;
pub mod documented;
mod gather;
pub mod incident_response;
pub mod leavers;
pub mod mfa;
mod policy;
mod quarter;
mod register;
pub mod restore_test;
pub mod risk_assessment;
pub mod training;
pub mod vendor_review;
pub mod vulnerabilities;
mod waive;
mod workforce;

pub use attributes::{Attribute, Basis, Part, attributes};
pub use policy::{PolicyError, Takes, Test};
pub use waive::WhyNot;
pub(crate) use waive::matches as covers;

use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Items, Unread};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The outcome for one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Meets the test.
    Pass,
    /// Fails it.
    Deviation,
    /// Could not be judged.
    Indeterminate,
    /// Fails it, and an approved, unexpired waiver covers that.
    Waived,
    /// Not in the population that the control applies to.
    Excluded,
    /// Not yet due.
    Pending,
}

impl Outcome {
    /// Every outcome: a verdict counts all of them, zeros included.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Deviation, Self::Indeterminate, Self::Waived, Self::Excluded, Self::Pending];

    /// As in records and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Deviation => "deviation",
            Self::Indeterminate => "indeterminate",
            Self::Waived => "waived",
            Self::Excluded => "excluded",
            Self::Pending => "pending",
        }
    }

    /// What wins when one item is held twice: larger is worse.
    fn severity(self) -> u8 {
        match self {
            Self::Deviation => 5,
            Self::Indeterminate => 4,
            Self::Pending => 3,
            Self::Waived => 2,
            Self::Pass => 1,
            Self::Excluded => 0,
        }
    }
}

/// Reasons of items that stand for a whole list or account of which nothing was read. As soon as it is, what it holds
/// is judged in their place, and they are there no more.
const STAND_INS: [&str; 3] = ["account-unread", "list-empty", "list-missing"];

/// Whether an item that could not be judged for this reason stands for others, which are judged once they are read.
pub fn stands_in(reason: &str) -> bool {
    STAND_INS.contains(&reason)
}

/// Outcome and reason for one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The item's stable key.
    pub item: String,
    /// The outcome.
    pub outcome: Outcome,
    /// One of the documented reasons, `self-approval`.
    pub reason: String,
    /// What was seen, in one sentence for people.
    pub seen: String,
}

/// One control's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// Everything was read, and nothing deviates or is indeterminate.
    Pass,
    /// At least one deviation.
    Deviation,
    /// No deviation, and something was not read or could not be judged.
    Indeterminate,
}

impl VerdictOutcome {
    /// As in records and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Deviation => "deviation",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// One control's judgements and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The outcome.
    pub outcome: VerdictOutcome,
    /// Items by outcome; every outcome is there, with 0 if need be.
    pub counts: BTreeMap<Outcome, u64>,
    /// Every item's judgement, by item; one for each item.
    pub judgements: Vec<Judgement>,
    /// What was not read; makes the verdict indeterminate at best.
    pub unread: Vec<Unread>,
}

/// One sealed collection as a judge sees it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Which collector.
    pub collector: String,
    /// When it was collected. The age of a report counts up to here, so that judging the same
    /// reading again later does not make it too old; how old a reading may be is `drift`'s.
    pub as_of: DateTime<Utc>,
    /// What it holds, whole or not.
    pub items: Option<Items>,
    /// What it could not read; empty when whole.
    pub unread: Vec<Unread>,
}

/// An approved, dated, expiring acceptance, valid in `[approved_at, expires)`, or until it is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Item or pattern (`*` is any text, also across `/`; `?` is any one character).
    pub item: String,
    /// Who approved.
    pub approver: String,
    /// From when.
    pub approved_at: DateTime<Utc>,
    /// Until when.
    pub expires: DateTime<Utc>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Waiver {
    /// The first instant at which it counts no longer.
    pub fn ends(&self) -> DateTime<Utc> {
        self.revoked_at.map_or(self.expires, |revoked_at| revoked_at.min(self.expires))
    }
}

/// An item that deviates and that a waiver names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The item.
    pub item: String,
    /// Why the waiver does not count for it; `None`: it does.
    pub why_not: Option<WhyNot>,
}

/// Judges one control.
///
/// Of a kind that reads windows, `readings` are all sealed collections in the control's look-back;
/// of a kind that reads snapshots, the newest of each collector. Of the same item in several
/// readings the newest counts. A collector that has nothing to show is a reading without items, not
/// a reading left out: what is not here cannot be missed.
///
/// A population without items, read as a whole, passes: the activity did not occur, and the counts
/// say so. Deviation outweighs indeterminate, which outweighs pass.
pub fn judge(test: &Test, readings: &[Reading], waivers: &[Waiver], as_of: DateTime<Utc>) -> Verdict {
    let (judged, unread) = by_the_rules(test, readings, as_of);
    verdict(judged.into_iter().map(|judged| waive::apply(judged, waivers, as_of)), unread)
}

/// Of each waiver the items that deviate and that it names, and whether it counts for them; in the order of
/// the waivers, and of the items.
pub fn covered(test: &Test, readings: &[Reading], waivers: &[Waiver], as_of: DateTime<Utc>) -> Vec<Vec<Covered>> {
    let (mut judged, _) = by_the_rules(test, readings, as_of);
    judged.sort_by(|a, b| a.item.cmp(&b.item));
    let of = |waiver: &Waiver| {
        let found = judged.iter().filter_map(|judged| {
            let why_not = waive::covered(judged, waiver, as_of)?;
            Some(Covered { item: judged.item.clone(), why_not })
        });
        found.collect()
    };
    waivers.iter().map(of).collect()
}

/// What the rules say of every item, and what was not read.
fn by_the_rules(test: &Test, readings: &[Reading], as_of: DateTime<Utc>) -> (Vec<Judged>, Vec<Unread>) {
    let mut unread = gather::not_read(test.takes(), readings);
    let judged = match test {
        Test::ChangeReview(policy) => gather::changes(readings, &mut unread)
            .into_iter()
            .map(|held| change_review::judge(policy, held.item, as_of))
            .collect(),
        Test::Mfa(policy) => gather::principals(readings, &mut unread)
            .into_iter()
            .map(|held| mfa::judge(policy, held.item, held.as_of))
            .collect(),
        Test::RestoreTest(policy) => restore_test::judge(policy, &gather::restores(readings, &mut unread), as_of),
        Test::AccessGrant(_)
        | Test::AccessReview(_)
        | Test::Acknowledgement(_)
        | Test::AssetInventory(_)
        | Test::Documented(_)
        | Test::IncidentResponse(_)
        | Test::Leavers(_)
        | Test::RiskAssessment(_)
        | Test::Training(_)
        | Test::VendorReview(_) => register::judge(test, readings, as_of),
        Test::Vulnerabilities(policy) => gather::vulnerabilities(readings, &mut unread)
            .into_iter()
            .map(|held| vulnerabilities::judge(policy, held.item, held.as_of))
            .collect(),
        Test::AuditLogging(policy) => gather::audit_logs(readings, &mut unread)
            .into_iter()
            .map(|held| audit_logging::judge(policy, held.item, held.as_of))
            .collect(),
    };
    (judged, unread)
}

fn verdict(judgements: impl Iterator<Item = Judgement>, mut unread: Vec<Unread>) -> Verdict {
    let rank = |j: &Judgement| (j.outcome.severity(), j.reason.clone(), j.seen.clone());
    let mut by_item: BTreeMap<String, Judgement> = BTreeMap::new();
    for judgement in judgements {
        match by_item.get(&judgement.item) {
            Some(held) if rank(held) >= rank(&judgement) => {}
            _ => {
                by_item.insert(judgement.item.clone(), judgement);
            }
        }
    }
    let judgements: Vec<Judgement> = by_item.into_values().collect();
    let mut counts: BTreeMap<Outcome, u64> = Outcome::ALL.map(|outcome| (outcome, 0)).into();
    for judgement in &judgements {
        *counts.entry(judgement.outcome).or_default() += 1;
    }
    unread.sort_by(|a, b| order(a).cmp(&order(b)));
    unread.dedup();
    let any = |outcome| judgements.iter().any(|j| j.outcome == outcome);
    let outcome = if any(Outcome::Deviation) {
        VerdictOutcome::Deviation
    } else if any(Outcome::Indeterminate) || !unread.is_empty() {
        VerdictOutcome::Indeterminate
    } else {
        VerdictOutcome::Pass
    };
    Verdict { outcome, counts, judgements, unread }
}

fn order(unread: &Unread) -> (&str, &str, &Option<String>, &Option<String>) {
    (&unread.what, &unread.why, &unread.permission, &unread.hint)
}

/// What the rules say of one item, before waivers.
struct Judged {
    item: String,
    ruling: Ruling,
    /// Whoever gains by a waiver of this item, as far as known: none of them can approve one.
    beneficiaries: Vec<String>,
}

/// Outcome, reason and what was seen.
struct Ruling {
    outcome: Outcome,
    reason: &'static str,
    seen: String,
}

impl Ruling {
    fn pass(reason: &'static str, seen: impl Into<String>) -> Self {
        Self { outcome: Outcome::Pass, reason, seen: seen.into() }
    }

    fn deviation(reason: &'static str, seen: impl Into<String>) -> Self {
        Self { outcome: Outcome::Deviation, reason, seen: seen.into() }
    }

    fn indeterminate(reason: &'static str, seen: impl Into<String>) -> Self {
        Self { outcome: Outcome::Indeterminate, reason, seen: seen.into() }
    }

    fn excluded(reason: &'static str, seen: impl Into<String>) -> Self {
        Self { outcome: Outcome::Excluded, reason, seen: seen.into() }
    }
}

/// Logins and names are compared without regard to case, of any alphabet: the sources do so, and a second
/// spelling must not make somebody independent of themselves.
fn same_login(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// `2026-03-02 10:00 UTC`, for sentences.
fn day_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
