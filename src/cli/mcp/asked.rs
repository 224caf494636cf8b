//! What each tool of `evidenced mcp` takes. Unknown keys are refused, so that a misspelt filter filters nothing
//! unnoticed.

use super::super::period;
use crate::catalogue::{Category, Severity};
use crate::config::AuditType;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListControls {
    /// Only those of this category.
    #[serde(default)]
    pub(super) category: Option<Category>,
    /// Only those that help to meet this criterion, `CC6.1`.
    #[serde(default)]
    pub(super) criterion: Option<String>,
    /// Only those that are configured here.
    #[serde(default)]
    pub(super) configured: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AboutIds {
    /// A criterion `CC6.1`, a control `SEC-004`, a control of NIST SP 800-53 `AC-2`, or of ISO/IEC 27001 `A.5.15`.
    pub(super) id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Words.
    pub(super) query: String,
    /// Most that are given.
    #[serde(default = "ten")]
    pub(super) limit: usize,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AboutControl {
    /// A configured control, `SEC-001`.
    pub(super) control: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AboutPeriod {
    /// A configured control, `SEC-001`.
    pub(super) control: String,
    /// First instant: a date (midnight UTC) or an RFC 3339 time. Default: the beginning of the log.
    #[serde(default, deserialize_with = "instant")]
    #[schemars(with = "Option<String>")]
    pub(super) from: Option<DateTime<Utc>>,
    /// First instant after the period. Default: now.
    #[serde(default, deserialize_with = "instant")]
    #[schemars(with = "Option<String>")]
    pub(super) to: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AboutItem {
    /// A configured control, `SEC-001`.
    pub(super) control: String,
    /// The item as `get_control` names it, or the beginning of it.
    pub(super) item: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListEvidence {
    /// Of this collector; one of `collector` and `control` is needed.
    #[serde(default)]
    pub(super) collector: Option<String>,
    /// Of every collector that feeds this control.
    #[serde(default)]
    pub(super) control: Option<String>,
    /// Most that are given of each collector.
    #[serde(default = "ten")]
    pub(super) limit: usize,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AboutRecord {
    /// Its index in the log.
    pub(super) index: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gaps {
    /// For a report on design, or on operation as well. Default: what the configured scope says.
    #[serde(default, rename = "type")]
    pub(super) audit: Option<AuditType>,
    /// Only those of this severity or a worse one.
    #[serde(default)]
    pub(super) at_least: Option<Severity>,
    /// Most that are given, worst first.
    #[serde(default = "ten")]
    pub(super) limit: usize,
}

fn ten() -> usize {
    10
}

fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| period::instant(&text)).transpose().map_err(serde::de::Error::custom)
}
