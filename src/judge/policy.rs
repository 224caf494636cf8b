//! The tests there are, and their parameters as a configuration gives them.

use super::{
    access_grant, access_review, acknowledgement, asset_inventory, audit_logging, change_review, documented,
    incident_response, leavers, mfa, restore_test, risk_assessment, training, vendor_review, vulnerabilities,
};
use evidenced_collectors::contract::Items;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt;

/// A test of a control, with its policy: `test = "change_review"` and the table `policy` of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Every change of a production branch was reviewed before it landed.
    ChangeReview(change_review::Policy),
    /// Everybody who can sign in does so with a second factor.
    Mfa(mfa::Policy),
    /// Every store was restored and checked in every quarter.
    RestoreTest(restore_test::Policy),
    /// What was found vulnerable was mended or accepted in time.
    Vulnerabilities(vulnerabilities::Policy),
    /// Everything done in every region of every account is written down and kept.
    AuditLogging(audit_logging::Policy),
    /// Access is given only after somebody else said yes.
    AccessGrant(access_grant::Policy),
    /// Access to every system is reviewed in every quarter.
    AccessReview(access_review::Policy),
    /// Policies are approved and in force, and everybody acknowledged them.
    Acknowledgement(acknowledgement::Policy),
    /// Every asset is known, and what left did so with proof.
    AssetInventory(asset_inventory::Policy),
    /// Somebody added a document for every month, quarter or year.
    Documented(documented::Policy),
    /// The plan for incidents is exercised, and incidents were dealt with.
    IncidentResponse(incident_response::Policy),
    /// Who left lost their access in time.
    Leavers(leavers::Policy),
    /// Risks are assessed in time, and each has what it needs.
    RiskAssessment(risk_assessment::Policy),
    /// Everybody is screened and trained.
    Training(training::Policy),
    /// Every vendor that matters was reviewed.
    VendorReview(vendor_review::Policy),
}

/// What a test judges: a variant of `Items`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// `Items::Changes`.
    Changes,
    /// `Items::Principals`.
    Principals,
    /// `Items::Restores`.
    Restores,
    /// `Items::Vulnerabilities`.
    Vulnerabilities,
    /// `Items::AuditLogs`.
    AuditLogs,
    /// `Items::AccessReviews`.
    AccessReviews,
    /// `Items::Assets`.
    Assets,
    /// `Items::Documents`.
    Documents,
    /// `Items::Incidents`.
    Incidents,
    /// `Items::Risks`.
    Risks,
    /// `Items::Vendors`.
    Vendors,
    /// `Items::Workforce`.
    Workforce,
}

impl Takes {
    /// What these items are.
    pub fn of(items: &Items) -> Self {
        match items {
            Items::Changes(_) => Self::Changes,
            Items::Principals(_) => Self::Principals,
            Items::Restores(_) => Self::Restores,
            Items::Vulnerabilities(_) => Self::Vulnerabilities,
            Items::AuditLogs(_) => Self::AuditLogs,
            Items::AccessReviews(_) => Self::AccessReviews,
            Items::Assets(_) => Self::Assets,
            Items::Documents(_) => Self::Documents,
            Items::Incidents(_) => Self::Incidents,
            Items::Risks(_) => Self::Risks,
            Items::Vendors(_) => Self::Vendors,
            Items::Workforce(_) => Self::Workforce,
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Changes => "changes",
            Self::Principals => "principals",
            Self::Restores => "restores",
            Self::Vulnerabilities => "vulnerabilities",
            Self::AuditLogs => "audit logs",
            Self::AccessReviews => "access reviews",
            Self::Assets => "assets",
            Self::Documents => "documents",
            Self::Incidents => "incidents",
            Self::Risks => "risks",
            Self::Vendors => "vendors",
            Self::Workforce => "a workforce",
        })
    }
}

/// A test or policy that cannot be used; nothing is judged by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nhint: {hint}")]
pub struct PolicyError {
    /// What is wrong, with the key.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Test {
    /// The names that a control can give as `test`.
    pub const NAMES: &'static [&'static str] = &[
        "change_review",
        "mfa",
        "restore_test",
        "vulnerabilities",
        "audit_logging",
        "access_grant",
        "access_review",
        "acknowledgement",
        "asset_inventory",
        "documented",
        "incident_response",
        "leavers",
        "risk_assessment",
        "training",
        "vendor_review",
    ];

    /// Reads a test by name, and its policy: an object, or null for all defaults. Refuses unknown
    /// names, unknown keys and values that make no sense, so that a slip of the pen loosens nothing.
    pub fn parse(name: &str, policy: &Value) -> Result<Self, PolicyError> {
        let test = match name {
            "change_review" => Self::ChangeReview(read(name, policy)?),
            "mfa" => Self::Mfa(read(name, policy)?),
            "restore_test" => Self::RestoreTest(read(name, policy)?),
            "vulnerabilities" => Self::Vulnerabilities(read(name, policy)?),
            "audit_logging" => Self::AuditLogging(read(name, policy)?),
            "access_grant" => Self::AccessGrant(read(name, policy)?),
            "access_review" => Self::AccessReview(read(name, policy)?),
            "acknowledgement" => Self::Acknowledgement(read(name, policy)?),
            "asset_inventory" => Self::AssetInventory(read(name, policy)?),
            "documented" => Self::Documented(read(name, policy)?),
            "incident_response" => Self::IncidentResponse(read(name, policy)?),
            "leavers" => Self::Leavers(read(name, policy)?),
            "risk_assessment" => Self::RiskAssessment(read(name, policy)?),
            "training" => Self::Training(read(name, policy)?),
            "vendor_review" => Self::VendorReview(read(name, policy)?),
            _ => {
                return Err(PolicyError {
                    message: format!("there is no test {name:?}"),
                    hint: instead(name, Self::NAMES.iter().copied()),
                });
            }
        };
        test.check()?;
        Ok(test)
    }

    /// Its name, as `test` of a control.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ChangeReview(_) => "change_review",
            Self::Mfa(_) => "mfa",
            Self::RestoreTest(_) => "restore_test",
            Self::Vulnerabilities(_) => "vulnerabilities",
            Self::AuditLogging(_) => "audit_logging",
            Self::AccessGrant(_) => "access_grant",
            Self::AccessReview(_) => "access_review",
            Self::Acknowledgement(_) => "acknowledgement",
            Self::AssetInventory(_) => "asset_inventory",
            Self::Documented(_) => documented::NAME,
            Self::IncidentResponse(_) => "incident_response",
            Self::Leavers(_) => "leavers",
            Self::RiskAssessment(_) => "risk_assessment",
            Self::Training(_) => "training",
            Self::VendorReview(_) => "vendor_review",
        }
    }

    /// Name and version of its rules. The version is raised whenever the same items and policy could
    /// give another judgement.
    pub fn rules(&self) -> &'static str {
        match self {
            Self::ChangeReview(_) => "change_review/3",
            Self::Mfa(_) => "mfa/2",
            Self::RestoreTest(_) => "restore_test/2",
            Self::Vulnerabilities(_) => "vulnerabilities/1",
            Self::AuditLogging(_) => "audit_logging/1",
            Self::AccessGrant(_) => "access_grant/1",
            Self::AccessReview(_) => "access_review/1",
            Self::Acknowledgement(_) => "acknowledgement/1",
            Self::AssetInventory(_) => "asset_inventory/1",
            Self::Documented(_) => "documented/1",
            Self::IncidentResponse(_) => "incident_response/1",
            Self::Leavers(_) => "leavers/1",
            Self::RiskAssessment(_) => "risk_assessment/1",
            Self::Training(_) => "training/1",
            Self::VendorReview(_) => "vendor_review/1",
        }
    }

    /// Which items it judges.
    pub fn takes(&self) -> Takes {
        match self {
            Self::ChangeReview(_) => Takes::Changes,
            Self::Mfa(_) => Takes::Principals,
            Self::RestoreTest(_) => Takes::Restores,
            Self::Vulnerabilities(_) => Takes::Vulnerabilities,
            Self::AuditLogging(_) => Takes::AuditLogs,
            Self::AccessReview(_) => Takes::AccessReviews,
            Self::AssetInventory(_) => Takes::Assets,
            Self::Documented(_) => Takes::Documents,
            Self::IncidentResponse(_) => Takes::Incidents,
            Self::RiskAssessment(_) => Takes::Risks,
            Self::VendorReview(_) => Takes::Vendors,
            Self::AccessGrant(_) | Self::Acknowledgement(_) | Self::Leavers(_) | Self::Training(_) => Takes::Workforce,
        }
    }

    /// Every parameter, also those left at their defaults; `parse` reads it back. It is sealed with
    /// the verdict, so that a later default changes no past one.
    pub fn policy_json(&self) -> Value {
        match self {
            Self::ChangeReview(policy) => json!(policy),
            Self::Mfa(policy) => json!(policy),
            Self::RestoreTest(policy) => json!(policy),
            Self::Vulnerabilities(policy) => json!(policy),
            Self::AuditLogging(policy) => json!(policy),
            Self::AccessGrant(policy) => json!(policy),
            Self::AccessReview(policy) => json!(policy),
            Self::Acknowledgement(policy) => json!(policy),
            Self::AssetInventory(policy) => json!(policy),
            Self::Documented(policy) => json!(policy),
            Self::IncidentResponse(policy) => json!(policy),
            Self::Leavers(policy) => json!(policy),
            Self::RiskAssessment(policy) => json!(policy),
            Self::Training(policy) => json!(policy),
            Self::VendorReview(policy) => json!(policy),
        }
    }

    /// JSON schema of the policy of the test of that name, for editors; `None` if there is no such test.
    pub fn policy_schema(name: &str) -> Option<schemars::Schema> {
        match name {
            "change_review" => Some(schemars::schema_for!(change_review::Policy)),
            "mfa" => Some(schemars::schema_for!(mfa::Policy)),
            "restore_test" => Some(schemars::schema_for!(restore_test::Policy)),
            "vulnerabilities" => Some(schemars::schema_for!(vulnerabilities::Policy)),
            "audit_logging" => Some(schemars::schema_for!(audit_logging::Policy)),
            "access_grant" => Some(schemars::schema_for!(access_grant::Policy)),
            "access_review" => Some(schemars::schema_for!(access_review::Policy)),
            "acknowledgement" => Some(schemars::schema_for!(acknowledgement::Policy)),
            "asset_inventory" => Some(schemars::schema_for!(asset_inventory::Policy)),
            "documented" => Some(schemars::schema_for!(documented::Policy)),
            "incident_response" => Some(schemars::schema_for!(incident_response::Policy)),
            "leavers" => Some(schemars::schema_for!(leavers::Policy)),
            "risk_assessment" => Some(schemars::schema_for!(risk_assessment::Policy)),
            "training" => Some(schemars::schema_for!(training::Policy)),
            "vendor_review" => Some(schemars::schema_for!(vendor_review::Policy)),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), PolicyError> {
        match self {
            Self::ChangeReview(policy) => change_review::check(policy),
            Self::Mfa(policy) => mfa::check(policy),
            Self::RestoreTest(policy) => restore_test::check(policy),
            Self::Vulnerabilities(policy) => vulnerabilities::check(policy),
            Self::AuditLogging(policy) => audit_logging::check(policy),
            Self::AccessGrant(policy) => access_grant::check(policy),
            Self::AccessReview(policy) => access_review::check(policy),
            Self::Acknowledgement(policy) => acknowledgement::check(policy),
            Self::AssetInventory(policy) => asset_inventory::check(policy),
            Self::Documented(policy) => documented::check(policy),
            Self::IncidentResponse(policy) => incident_response::check(policy),
            Self::Leavers(policy) => leavers::check(policy),
            Self::RiskAssessment(policy) => risk_assessment::check(policy),
            Self::Training(policy) => training::check(policy),
            Self::VendorReview(policy) => vendor_review::check(policy),
        }
    }
}

/// A value of a policy outside its limits.
pub(super) fn out_of_range(key: &str, value: u32, least: u32, most: u32) -> Result<(), PolicyError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(PolicyError {
        message: format!("policy: {key} = {value} makes no sense"),
        hint: format!("give a number from {least} to {most}"),
    })
}

fn read<P: DeserializeOwned + Serialize + Default>(test: &str, policy: &Value) -> Result<P, PolicyError> {
    let given = match policy {
        Value::Null => &Map::new(),
        Value::Object(given) => given,
        other => {
            return Err(PolicyError {
                message: format!("policy of test {test}: {other} is not a table"),
                hint: "write a table of keys and values".to_owned(),
            });
        }
    };
    let defaults = json!(P::default());
    let known: Vec<&str> = defaults.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    if let Some(key) = given.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(PolicyError {
            message: format!("policy of test {test}: there is no key {key:?}"),
            hint: instead(key, known),
        });
    }
    serde_json::from_value(Value::Object(given.clone())).map_err(|error| {
        // Alone with the defaults, the key at fault fails again.
        let culprit = given.iter().find(|(key, value)| serde_json::from_value::<P>(json!({ *key: value })).is_err());
        let key = culprit.map_or_else(String::new, |(key, _)| format!(" {key}:"));
        PolicyError {
            message: format!("policy of test {test}:{key} {error}"),
            hint: "see the defaults: ".to_owned() + &defaults.to_string(),
        }
    })
}

/// The nearest known word, or all of them when none is near.
pub(super) fn instead<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut near: Vec<(usize, &str)> = known.into_iter().map(|word| (distance(given, word), word)).collect();
    near.sort_unstable();
    match near.first() {
        Some((steps, word)) if *steps <= 1 + word.len() / 4 => format!("did you mean {word:?}?"),
        _ => {
            let words: Vec<&str> = near.into_iter().map(|(_, word)| word).collect();
            format!("one of {}", words.join(", "))
        }
    }
}

/// Letters to insert, remove or replace to get from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
