//! Reviews of who has access: systems, who was listed when, and what was decided.

use super::{Place, rows};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Reviews of access.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessReviews {
    /// Every system in scope.
    pub systems: Option<Vec<System>>,
    /// Every account in every snapshot that was reviewed.
    pub snapshots: Option<Vec<Listed>>,
    /// What was decided of each.
    pub decisions: Option<Vec<Decided>>,
}

impl AccessReviews {
    pub(in crate::contract) fn len(&self) -> usize {
        rows(self.systems.as_ref()) + rows(self.snapshots.as_ref()) + rows(self.decisions.as_ref())
    }
}

/// One system whose access is reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its name.
    pub system: String,
    /// Who answers for it.
    pub owner: String,
    /// First day in use.
    pub since: NaiveDate,
    /// Last day in use; absent: it is.
    pub until: Option<NaiveDate>,
}

/// One account of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// `System::system`.
    pub system: String,
    /// The day that the snapshot shows.
    pub taken_on: NaiveDate,
    /// The account.
    pub account: String,
    /// Whose it is; absent: nobody's.
    pub person: Option<String>,
    /// What it may do.
    pub role: String,
}

/// What was decided of one account of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// `Listed::system`.
    pub system: String,
    /// `Listed::taken_on`.
    pub taken_on: NaiveDate,
    /// `Listed::account`.
    pub account: String,
    /// What.
    pub decision: Decision,
    /// By whom, as `Listed::person` names people.
    pub decided_by: String,
    /// When.
    pub decided_on: NaiveDate,
    /// When a removal or change was carried out.
    pub done_on: Option<NaiveDate>,
}

/// What may be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is right as it is.
    Keep,
    /// It may do less from now on.
    Change,
    /// It goes.
    Remove,
}
