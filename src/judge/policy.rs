//! The tests there are, and their parameters as a configuration gives them.

use super::{audit_logging, change_review, mfa, restore_test, vulnerabilities};
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
    pub const NAMES: &'static [&'static str] =
        &["change_review", "mfa", "restore_test", "vulnerabilities", "audit_logging"];

    /// Reads a test by name, and its policy: an object, or null for all defaults. Refuses unknown
    /// names, unknown keys and values that make no sense, so that a slip of the pen loosens nothing.
    pub fn parse(name: &str, policy: &Value) -> Result<Self, PolicyError> {
        let test = match name {
            "change_review" => Self::ChangeReview(read(name, policy)?),
            "mfa" => Self::Mfa(read(name, policy)?),
            "restore_test" => Self::RestoreTest(read(name, policy)?),
            "vulnerabilities" => Self::Vulnerabilities(read(name, policy)?),
            "audit_logging" => Self::AuditLogging(read(name, policy)?),
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
        }
    }

    /// Name and version of its rules. The version is raised whenever the same items and policy could
    /// give another judgement.
    pub fn rules(&self) -> &'static str {
        match self {
            Self::ChangeReview(_) => "change_review/2",
            Self::Mfa(_) => "mfa/2",
            Self::RestoreTest(_) => "restore_test/2",
            Self::Vulnerabilities(_) => "vulnerabilities/1",
            Self::AuditLogging(_) => "audit_logging/1",
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
