//! People who work for the organisation, and what they have done, accepted and been given.

use super::{Moment, Place, rows};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// People with everything that is joined to them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workforce {
    /// Everybody who works or worked here.
    pub people: Option<Vec<Person>>,
    /// Courses that they completed.
    pub training: Option<Vec<Completion>>,
    /// Policies, version by version.
    pub policies: Option<Vec<PolicyVersion>>,
    /// Who acknowledged which.
    pub acknowledgements: Option<Vec<Acknowledgement>>,
    /// Accounts that they hold or held.
    pub accounts: Option<Vec<Account>>,
}

impl Workforce {
    pub(in crate::contract) fn len(&self) -> usize {
        rows(self.people.as_ref())
            + rows(self.training.as_ref())
            + rows(self.policies.as_ref())
            + rows(self.acknowledgements.as_ref())
            + rows(self.accounts.as_ref())
    }
}

/// One person. Whoever comes back does so under another id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// An id: no name is needed.
    pub person: String,
    /// Employed, or not.
    pub engagement: Engagement,
    /// First day.
    pub start: NaiveDate,
    /// When it ends: a day counts to its end.
    pub end: Option<Moment>,
    /// First day of the newest leave of absence.
    pub leave_start: Option<NaiveDate>,
    /// Its last day; absent: it goes on.
    pub leave_end: Option<NaiveDate>,
    /// When the background check was done.
    pub screened_on: Option<NaiveDate>,
}

/// How somebody works here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engagement {
    /// Employed.
    Employee,
    /// On a contract.
    Contractor,
}

/// One course that somebody completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// `Person::person`.
    pub person: String,
    /// Which course.
    pub course: String,
    /// Which version of it.
    pub version: Option<String>,
    /// When.
    pub completed_on: NaiveDate,
}

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyVersion {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Which policy.
    pub policy: String,
    /// Which version.
    pub version: String,
    /// When it was approved.
    pub approved_on: Option<NaiveDate>,
    /// By whom.
    pub approved_by: Option<String>,
    /// First day in force.
    pub in_force_from: NaiveDate,
    /// When somebody last looked whether it is still right.
    pub reviewed_on: Option<NaiveDate>,
    /// Last day in force, where no version follows.
    pub retired_on: Option<NaiveDate>,
}

/// That somebody acknowledged a version of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// `Person::person`.
    pub person: String,
    /// `PolicyVersion::policy`.
    pub policy: String,
    /// `PolicyVersion::version`.
    pub version: String,
    /// When.
    pub acknowledged_on: NaiveDate,
}

/// One account in one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Which system.
    pub system: String,
    /// The account's name there.
    pub account: String,
    /// `Person::person`.
    pub person: String,
    /// When access was given.
    pub granted_at: Option<Moment>,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// Who approved.
    pub approved_by: Option<String>,
    /// When they did.
    pub approved_at: Option<Moment>,
    /// When it was removed or disabled; absent: it was not.
    pub removed_at: Option<Moment>,
    /// When it was last used; absent: nobody says.
    pub last_used_at: Option<Used>,
}

/// When an account was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Used {
    /// `never`.
    Never(Never),
    /// Then.
    At(Moment),
}

/// The word for an account that was never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Never {
    /// It was not.
    Never,
}
