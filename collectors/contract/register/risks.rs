//! Risk assessments, and the register of risks.

use super::{Place, rows};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Assessments and the risks that they found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risks {
    /// Every assessment that was held.
    pub assessments: Option<Vec<Assessment>>,
    /// Every risk.
    pub risks: Option<Vec<Risk>>,
}

impl Risks {
    pub(in crate::contract) fn len(&self) -> usize {
        rows(self.assessments.as_ref()) + rows(self.risks.as_ref())
    }
}

/// One assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its name, `2026`.
    pub assessment: String,
    /// When it was finished.
    pub done_on: NaiveDate,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_on: Option<NaiveDate>,
}

/// One risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its id.
    pub risk: String,
    /// Of which kind: `operations`, `technology`, `vendor`, `legal`, `fraud`, or a word of one's own.
    pub category: String,
    /// What could happen.
    pub title: String,
    /// When it was last assessed.
    pub assessed_on: NaiveDate,
    /// How likely, 1 to 5.
    pub likelihood: Option<u32>,
    /// How bad, 1 to 5.
    pub impact: Option<u32>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What is done about it.
    pub treatment: Option<Treatment>,
    /// Who signed that it is accepted.
    pub accepted_by: Option<String>,
    /// When.
    pub accepted_on: Option<NaiveDate>,
    /// Whether it still is one.
    pub state: RiskState,
}

/// What is done about a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// It is made smaller.
    Mitigate,
    /// It is accepted.
    Accept,
    /// Somebody else carries it.
    Transfer,
    /// What brings it is not done.
    Avoid,
}

/// Whether a risk still is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskState {
    /// It is.
    Open,
    /// It is none any more.
    Closed,
}
