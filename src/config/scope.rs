//! `[scope]`: what the examination is of. Here the keys and what follows from them alone; `check` refuses what
//! cannot be. What the scope comes to at an instant, beside the ledger, is `readiness`'s.

mod check;

pub(crate) use check::is_of_security;

use crate::catalogue::Category;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use evidenced_collectors::contract::Window;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// What `tolerable_percent` is where nobody says.
pub const TOLERABLE_PERCENT: u8 = 5;

/// What the examination is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeConfig {
    /// Categories of criteria; security is always one of them.
    #[serde(default)]
    pub categories: BTreeSet<Category>,
    /// The auditor's observation period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<PeriodConfig>,
    /// The system in a few sentences: what is inside, and where it ends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub boundary: String,
    /// Share of the items that may deviate before operation counts for nothing in the score, percent. Default 5.
    #[serde(default = "five")]
    pub tolerable_percent: u8,
    /// Organisations whose services are part of yours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subservice: Vec<Subservice>,
    /// What your customers must do for your controls to work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_controls: Vec<UserControl>,
    /// Criteria and controls that do not apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_applicable: Vec<NotApplicable>,
}

/// The auditor's observation period, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeriodConfig {
    /// Its first day.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub start: NaiveDate,
    /// The first day after it.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub end: NaiveDate,
    /// Which report.
    #[serde(rename = "type")]
    pub audit: AuditType,
}

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum AuditType {
    /// Design at a day.
    Type1,
    /// Operation over a period.
    Type2,
}

/// An organisation whose services are part of yours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subservice {
    /// Its name.
    pub name: String,
    /// What you use of it.
    pub services: Vec<String>,
    /// Whether its controls are left out of the examination, or part of it.
    pub method: Method,
    /// Criteria, or controls of yours, that it carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<String>,
    /// Its own SOC reports that you hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<VendorReport>,
    /// What it expects of you, each with the controls of yours that do it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_controls: Vec<UserControl>,
}

/// How a subservice organisation is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Its controls are left out, and those that you rely on are named.
    CarveOut,
    /// Its controls are examined with yours.
    Inclusive,
}

/// A SOC report of a subservice organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorReport {
    /// First day of its period.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub start: NaiveDate,
    /// The first day after it.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub end: NaiveDate,
    /// Until before which day a bridge letter goes on from there; at most three months.
    #[serde(default, deserialize_with = "maybe_day", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub bridge_until: Option<NaiveDate>,
}

/// A duty of a user of a service, with the controls that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserControl {
    /// The duty.
    pub text: String,
    /// Controls of yours.
    pub controls: Vec<String>,
}

/// A criterion or control that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotApplicable {
    /// Its id.
    pub what: String,
    /// Why not.
    pub reason: String,
    /// Who approved that.
    pub approver: String,
    /// When.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub on: NaiveDate,
    /// The subservice organisation that carries it; a criterion of security must have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_by: Option<String>,
}

impl ScopeConfig {
    /// The categories, security among them.
    pub fn categories(&self) -> BTreeSet<Category> {
        self.categories.iter().copied().chain([Category::Security]).collect()
    }

    /// The subservice organisation of that name.
    pub fn organisation(&self, name: &str) -> Option<&Subservice> {
        self.subservice.iter().find(|subservice| subservice.name == name)
    }
}

impl PeriodConfig {
    /// As instants.
    pub fn window(&self) -> Window {
        Window { start: midnight(self.start), end: midnight(self.end) }
    }
}

impl Subservice {
    /// Until before which day its reports, and their bridge letters, cover the time from `start` on without a
    /// hole; `None`: they do not cover that day. A report whose period is not over on `by` does not tell of it yet.
    pub fn covered_until(&self, start: NaiveDate, by: NaiveDate) -> Option<NaiveDate> {
        let mut reports: Vec<_> = self.reports.iter().filter(|report| report.end <= by).collect();
        reports.sort_by_key(|report| report.start);
        let mut until = start;
        for report in reports.iter().filter(|report| report.end > start || report.bridge_until > Some(start)) {
            if report.start <= until {
                until = until.max(report.end).max(report.bridge_until.unwrap_or(report.end));
            }
        }
        (until > start).then_some(until)
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn five() -> u8 {
    TOLERABLE_PERCENT
}

/// A date of TOML, or one written as a text.
fn day<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveDate, D::Error> {
    let mut value = serde_json::Value::deserialize(from)?;
    super::load::dates_as_text(&mut value);
    let text = value.as_str().unwrap_or_default();
    text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no day; write it like 2026-01-31")))
}

fn maybe_day<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    day(from).map(Some)
}
