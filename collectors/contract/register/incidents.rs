//! The plan for incidents, exercises of it, and incidents.

use super::{Moment, Place, rows};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// How incidents are prepared for and dealt with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incidents {
    /// The plan, version by version.
    pub plans: Option<Vec<Plan>>,
    /// Exercises that were held.
    pub exercises: Option<Vec<Exercise>>,
    /// Incidents that there were.
    pub incidents: Option<Vec<Incident>>,
}

impl Incidents {
    pub(in crate::contract) fn len(&self) -> usize {
        rows(self.plans.as_ref()) + rows(self.exercises.as_ref()) + rows(self.incidents.as_ref())
    }
}

/// One version of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Which version.
    pub version: String,
    /// When it was approved.
    pub approved_on: Option<NaiveDate>,
    /// By whom.
    pub approved_by: Option<String>,
    /// First day in force.
    pub in_force_from: NaiveDate,
}

/// One exercise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its id.
    pub exercise: String,
    /// When it was held.
    pub held_on: NaiveDate,
    /// `Plan::version`: what was exercised.
    pub version: String,
    /// What was played.
    pub scenario: String,
    /// How many people took part.
    pub people: u32,
    /// What it brought to light and is not mended yet.
    pub actions_open: u32,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Where this stands.
    #[serde(default)]
    pub at: Place,
    /// Its id.
    pub incident: String,
    /// How bad; absent: nobody said.
    pub severity: Option<Level>,
    /// When it was noticed.
    pub detected_at: Moment,
    /// When it was over.
    pub resolved_at: Option<Moment>,
    /// `Plan::version` that it was handled by; absent: by none.
    pub version: Option<String>,
    /// Why it happened.
    pub root_cause: Option<String>,
    /// When people looked back at it.
    pub reviewed_on: Option<NaiveDate>,
    /// What that brought to light and is not mended yet.
    pub actions_open: Option<u32>,
}

/// How bad an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Hardly.
    Low,
    /// Somewhat.
    Medium,
    /// Bad.
    High,
    /// As bad as it gets.
    Critical,
}
