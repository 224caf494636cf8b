//! The short form of a register: its lists, with rows by the columns of their files.

use super::Facts;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Items;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A register, and which item of it is judged.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterFacts {
    /// Which register.
    register: RegisterWord,
    /// Its lists by name, each with its rows; a row has the columns of the list's file, but that `yes` and `no` are
    /// true and false. A list left out is not kept.
    lists: Map<String, Value>,
    /// The item in question.
    item: String,
    /// The instant that the case is judged as of.
    now: DateTime<Utc>,
}

/// The registers that there are.
#[derive(Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum RegisterWord {
    AccessReviews,
    Assets,
    Incidents,
    Risks,
    Vendors,
    Workforce,
}

impl RegisterFacts {
    pub(super) fn into_facts(self, policy: Map<String, Value>) -> Result<Facts, String> {
        let word = json!(self.register);
        let items = Items::deserialize(json!({ word.as_str().unwrap_or_default(): self.lists }));
        let items = items.map_err(|error| format!("lists: {error}"))?;
        Ok(Facts { items, item: self.item, as_of: self.now, waivers: Vec::new(), policy })
    }
}
