//! The short form of documents, and of the unit of the calendar that is judged.

use super::Facts;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use evidenced_collectors::contract::{Document, Items, Standing};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The control of documents and policies that name none.
const CONTROL: &str = "C-1";

/// A directory of documents, and which unit is judged.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentsFacts {
    /// When it was read, and the instant that the case is judged as of.
    now: DateTime<Utc>,
    /// The unit in question: `2026-03`, `2026-Q1` or `2026`.
    item: String,
    /// The documents.
    #[serde(default)]
    documents: Vec<DocumentFacts>,
}

/// One document.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DocumentFacts {
    /// The day whose state it shows.
    as_of: NaiveDate,
    /// When it was added; left out: at noon of that day.
    #[serde(default)]
    added_at: Option<DateTime<Utc>>,
    /// The control that it names; left out: the one of the policy's default here, `C-1`.
    #[serde(default)]
    control: Option<String>,
    /// What was said of it.
    #[serde(default)]
    note: Option<String>,
    /// Whether it is as it was read before; left out: `kept`.
    #[serde(default)]
    standing: Option<Standing>,
    /// Why it counts no longer.
    #[serde(default)]
    withdrawn: Option<String>,
}

impl DocumentsFacts {
    pub(super) fn into_facts(self, mut policy: Map<String, Value>) -> Facts {
        policy.entry("control").or_insert_with(|| json!(CONTROL));
        let items = self.documents.into_iter().enumerate().map(|(number, facts)| facts.document(number)).collect();
        let (item, as_of) = (self.item, self.now);
        Facts { items: Items::Documents(items), item, as_of, waivers: Vec::new(), policy }
    }
}

impl DocumentFacts {
    fn document(self, number: usize) -> Document {
        let noon = || crate::unit::midnight(self.as_of) + Duration::hours(12);
        Document {
            file: format!("document-{number}.pdf"),
            control: self.control.unwrap_or_else(|| CONTROL.to_owned()),
            as_of: self.as_of,
            added_at: self.added_at.unwrap_or_else(noon),
            by: "uid 1000 (anna)".to_owned(),
            note: self.note,
            sha256: "0".repeat(64),
            size: 1,
            standing: self.standing.unwrap_or(Standing::Kept),
            withdrawn: self.withdrawn,
        }
    }
}
