//! Why a collection is not complete, named by what the operator does next.

use super::Partial;
use serde::{Deserialize, Serialize};

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// What was not read: `repository acme/shop`, `account 111122223333`, `restores/2026-03.jsonl line 7`.
    pub what: String,
    /// Why, in one sentence without secrets.
    pub why: String,
    /// The permission that is missing, in the source's own words, where that is the reason.
    pub permission: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A collection that did not give a whole population. Always recorded, never a pass.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CollectError {
    /// Some of it was read, and some of it was not. What was read is sealed and judged; the control
    /// is indeterminate at best.
    #[error("incomplete: {} of {} read; first unread: {}", .0.observed, .0.expected_text(), .0.first_unread())]
    Incomplete(Box<Partial>),
    /// The source refused us: grant the permission.
    #[error("{what}: refused{}: {why}", .permission.as_ref().map(|p| format!(", {p} is missing")).unwrap_or_default())]
    Forbidden {
        /// What was asked for.
        what: String,
        /// The source's answer, shortened.
        why: String,
        /// The permission in the source's words, if it can be told.
        permission: Option<String>,
    },
    /// The credential is missing, wrong or expired: replace it.
    #[error("{what}: not authenticated: {why}")]
    Unauthenticated {
        /// What was asked for.
        what: String,
        /// The source's answer, shortened.
        why: String,
    },
    /// The source did not answer, or not in time: the next run may succeed.
    #[error("{what}: unavailable: {why}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// Time-out, connection, status, rate limit.
        why: String,
    },
    /// The answer is not what the source documents: nothing can be concluded from it.
    #[error("{what}: answer not understood: {why}")]
    Malformed {
        /// What was asked for.
        what: String,
        /// Where and how it differs.
        why: String,
    },
    /// The source does not tell any more what happened: it is lost, and only a new beginning goes on.
    #[error("{what}: forgotten by the source: {why}")]
    Forgotten {
        /// What was asked for.
        what: String,
        /// Since when it is not told, and how long the source remembers.
        why: String,
    },
    /// A limit of ours was reached: raise it, or split the collector.
    #[error("{what}: over the limit: {why}")]
    Limit {
        /// What was asked for.
        what: String,
        /// Which limit, and what was seen.
        why: String,
    },
}

impl CollectError {
    /// What was not read, for the completeness statement.
    pub fn unread(&self) -> Vec<Unread> {
        let one = |what: &str, why: String, permission: Option<String>, hint: &str| {
            // Whoever said why may have said what to do, and knows it better.
            let (why, hint) = why.split_once("; hint: ").unwrap_or((&why, hint));
            vec![Unread { what: what.to_owned(), why: why.to_owned(), permission, hint: Some(hint.to_owned()) }]
        };
        match self {
            Self::Incomplete(partial) => partial.unread.clone(),
            Self::Forbidden { what, why, permission } => {
                let hint = match permission {
                    Some(permission) => format!("grant {permission} to the acting identity"),
                    None => "grant the acting identity access".to_owned(),
                };
                one(what, format!("refused: {why}"), permission.clone(), &hint)
            }
            Self::Unauthenticated { what, why } => {
                one(what, format!("not authenticated: {why}"), None, "replace the credential")
            }
            Self::Unavailable { what, why } => {
                one(what, format!("unavailable: {why}"), None, "the next run reads it again; look at the source")
            }
            Self::Malformed { what, why } => {
                one(what, format!("answer not understood: {why}"), None, "look at the sealed exchange")
            }
            Self::Forgotten { what, why } => {
                let hint = "it is lost for good, and stays on record as not read; under another name the collector \
                            begins anew, with `first_window`";
                one(what, format!("forgotten by the source: {why}"), None, hint)
            }
            Self::Limit { what, why } => {
                one(what, format!("over the limit: {why}"), None, "raise the limit, or split the collector")
            }
        }
    }

    /// One word for records and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Incomplete(_) => "incomplete",
            Self::Forbidden { .. } => "forbidden",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Unavailable { .. } => "unavailable",
            Self::Malformed { .. } => "malformed",
            Self::Forgotten { .. } => "forgotten",
            Self::Limit { .. } => "limit",
        }
    }
}

/// Settings that a kind cannot be built from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    /// What is wrong, with the key.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_hint_and_it_is_that_of_whoever_said_why() {
        let error = |why: &str| CollectError::Unauthenticated { what: "secret".to_owned(), why: why.to_owned() };
        let told = |why: &str| {
            let unread = error(why).unread().remove(0);
            (unread.why, unread.hint.unwrap_or_default())
        };
        let pair = |why: &str, hint: &str| (format!("not authenticated: {why}"), hint.to_owned());
        assert_eq!(told("not set; hint: set TOKEN for the service"), pair("not set", "set TOKEN for the service"));
        assert_eq!(told("401"), pair("401", "replace the credential"));
    }
}
