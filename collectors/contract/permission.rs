//! What a kind may have to be allowed, and what a credential turns out to be allowed. Asks nothing.

use crate::door::Exchange;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One permission of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Who grants it.
    pub system: System,
    /// In the source's own words: `iam:ListUsers`, `Pull requests: read`.
    pub name: &'static str,
    /// Settings that alone need it; `None`: every run does.
    pub only_for: Option<OnlyFor>,
}

/// Who grants a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// IAM, by the action.
    Aws,
    /// GitHub: an App or a fine-grained token, by the permission.
    Github,
    /// The file system.
    Files,
}

/// What in a collector's settings makes a permission needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlyFor {
    /// Names of keys, at any depth; one is enough.
    pub settings: &'static [&'static str],
    /// Whether it is needed where none of the keys is there.
    pub unless_said: bool,
}

impl Permission {
    /// Whether a collector with these settings needs it.
    pub fn needed(&self, settings: &Value) -> bool {
        self.only_for.is_none_or(|only| {
            let mut said = only.settings.iter().flat_map(|key| values(settings, key)).peekable();
            if said.peek().is_none() { only.unless_said } else { said.any(asks) }
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.only_for {
            Some(only) => write!(f, " (only for {})", only.settings.join(", ")),
            None => Ok(()),
        }
    }
}

/// All values of a key, wherever it stands.
pub fn values<'a>(settings: &'a Value, key: &str) -> Vec<&'a Value> {
    match settings {
        Value::Object(fields) => {
            let below = fields.values().flat_map(|value| values(value, key));
            fields.get(key).into_iter().chain(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| values(item, key)).collect(),
        _ => Vec::new(),
    }
}

/// Whether a setting asks for something.
fn asks(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && *value != "" && *value != Value::Array(Vec::new())
}

/// What `Collector::rights` is asked.
pub struct Asking<'a> {
    /// Permissions that the collector needs with its settings.
    pub needed: &'a [Permission],
    /// Those of them that no request has told of yet.
    pub untold: &'a [Permission],
    /// What a collection through the same door has just exchanged.
    pub exchanges: &'a [Exchange],
}

/// What the credentials of one collector may do, as far as the source tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Needed permissions that the source grants.
    pub has: BTreeSet<String>,
    /// Needed permissions that it does not grant, and what to grant for each: a classic GitHub token has scopes.
    pub lacks: BTreeMap<String, String>,
    /// What it grants beyond those, in its own words.
    pub more: BTreeSet<String>,
    /// What cannot be told, and what to do about it.
    pub unknown: Vec<(String, String)>,
}
