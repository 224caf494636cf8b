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

/// The tests, a row for each: what it asks, its variant, its module, which is its name in a configuration, the version of
/// its rules, and which items it judges. The version is raised whenever the same items and policy could give another
/// judgement.
macro_rules! tests {
    ($($(#[$asks:meta])* $variant:ident = $module:ident / $version:literal of $takes:ident;)*) => {
        /// A test of a control, with its policy: `test = "change_review"` and the table `policy` of a control.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Test {
            $($(#[$asks])* $variant($module::Policy),)*
        }

        impl Test {
            /// The names that a control can give as `test`.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($module)),*];

            /// Reads a test by name, and its policy: an object, or null for all defaults. Refuses unknown
            /// names, unknown keys and values that make no sense, so that a slip of the pen loosens nothing.
            pub fn parse(name: &str, policy: &Value) -> Result<Self, PolicyError> {
                $(if name == stringify!($module) {
                    let policy = read(name, policy)?;
                    $module::check(&policy)?;
                    return Ok(Self::$variant(policy));
                })*
                Err(PolicyError {
                    message: format!("there is no test {name:?}"),
                    hint: instead(name, Self::NAMES.iter().copied()),
                })
            }

            /// Its name, as `test` of a control.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($module),)*
                }
            }

            /// Name and version of its rules.
            pub fn rules(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => concat!(stringify!($module), "/", $version),)*
                }
            }

            /// Which items it judges.
            pub fn takes(&self) -> Takes {
                match self {
                    $(Self::$variant(_) => Takes::$takes,)*
                }
            }

            /// Every parameter, also those left at their defaults; `parse` reads it back. It is sealed with
            /// the verdict, so that a later default changes no past one.
            pub fn policy_json(&self) -> Value {
                match self {
                    $(Self::$variant(policy) => json!(policy),)*
                }
            }

            /// JSON schema of the policy of the test of that name, for editors; `None` if there is no such test.
            pub fn policy_schema(name: &str) -> Option<schemars::Schema> {
                $(if name == stringify!($module) {
                    return Some(schemars::schema_for!($module::Policy));
                })*
                None
            }
        }
    };
}

tests! {
    /// Every change of a production branch was reviewed before it landed.
    ChangeReview = change_review / 3 of Changes;
    /// Everybody who can sign in does so with a second factor.
    Mfa = mfa / 2 of Principals;
    /// Every store was restored and checked in every quarter.
    RestoreTest = restore_test / 2 of Restores;
    /// What was found vulnerable was mended or accepted in time.
    Vulnerabilities = vulnerabilities / 1 of Vulnerabilities;
    /// Everything done in every region of every account is written down and kept.
    AuditLogging = audit_logging / 1 of AuditLogs;
    /// Access is given only after somebody else said yes.
    AccessGrant = access_grant / 1 of Workforce;
    /// Access to every system is reviewed in every quarter.
    AccessReview = access_review / 1 of AccessReviews;
    /// Policies are approved and in force, and everybody acknowledged them.
    Acknowledgement = acknowledgement / 1 of Workforce;
    /// Every asset is known, and what left did so with proof.
    AssetInventory = asset_inventory / 1 of Assets;
    /// Somebody added a document for every month, quarter or year.
    Documented = documented / 1 of Documents;
    /// The plan for incidents is exercised, and incidents were dealt with.
    IncidentResponse = incident_response / 1 of Incidents;
    /// Who left lost their access in time.
    Leavers = leavers / 1 of Workforce;
    /// Risks are assessed in time, and each has what it needs.
    RiskAssessment = risk_assessment / 1 of Risks;
    /// Everybody is screened and trained.
    Training = training / 1 of Workforce;
    /// Every vendor that matters was reviewed.
    VendorReview = vendor_review / 1 of Vendors;
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
