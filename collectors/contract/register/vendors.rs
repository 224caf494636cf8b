//! Vendors and subservice organisations, with the reviews of their reports.

use super::{Place, rows};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The register of vendors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendors {
    /// Every vendor.
    pub vendors: Option<Vec<Vendor>>,
}

impl Vendors {
    pub(in crate::contract) fn len(&self) -> usize {
        rows(self.vendors.as_ref())
    }
}

/// One vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its name.
    pub vendor: String,
    /// What it does for us.
    pub service: String,
    /// How important it is.
    pub tier: Tier,
    /// Which of our data it holds, in words.
    pub data: Option<String>,
    /// Who answers for it here.
    pub owner: String,
    /// First day in use.
    pub since: NaiveDate,
    /// Last day in use; absent: it is.
    pub until: Option<NaiveDate>,
    /// Day of the newest review.
    pub reviewed_on: Option<NaiveDate>,
    /// Who reviewed.
    pub reviewer: Option<String>,
    /// The report that the review is of.
    pub report: Report,
    /// First day that the report covers.
    pub period_start: Option<NaiveDate>,
    /// Last day that it covers.
    pub period_end: Option<NaiveDate>,
    /// Last day that a bridge letter covers after it.
    pub bridge_until: Option<NaiveDate>,
    /// What became of the exceptions in the report.
    pub exceptions: Followed,
    /// What became of what the report asks of its users.
    pub user_controls: Followed,
    /// Whether the contract has terms on security.
    pub contract_security: bool,
}

/// How important a vendor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// We cannot work without it, or it holds what customers entrust to us.
    Critical,
    /// It matters.
    High,
    /// It hardly matters.
    Medium,
    /// It does not matter.
    Low,
}

/// What a vendor shows of its own controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// SOC 2 over a period.
    Soc2Type2,
    /// SOC 2 at an instant.
    Soc2Type1,
    /// SOC 1 over a period.
    Soc1Type2,
    /// A certificate after ISO/IEC 27001.
    Iso27001,
    /// A questionnaire that it filled in.
    Questionnaire,
    /// Nothing.
    None,
}

/// What became of things in a report that ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Followed {
    /// The report has none.
    None,
    /// Each was looked at, and answered.
    Done,
    /// Some are not.
    Open,
}
