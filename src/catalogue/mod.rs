//! The criteria that there are, and a library of controls to begin with: words, relations and plans. What is
//! true of an organisation is not here: which controls run stands in the configuration, how they do in the ledger.
//!
//! Both are files that users copy and edit (`config/criteria.toml`, `config/controls.toml`); ours are built in.
//!
//! - `load`: reads and checks them as a whole.
//! - `look_up`: from a criterion, a control, or a control of another framework to what is related.
//! - `search`: by words.

mod load;
mod look_up;
mod search;

pub use load::{CONTROLS, CRITERIA};
pub use look_up::{Framework, Related, Unknown};
pub use search::{Found, Hit, Points, QUERY_CHARS_MAX};

use crate::schedule::Frequency;
use serde::{Deserialize, Serialize};

/// Criteria and controls that passed every check: each criterion that a control names is one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// In the order of their file.
    pub criteria: Vec<Criterion>,
    /// In the order of their file.
    pub controls: Vec<Control>,
}

/// One criterion, in our own words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// As the Trust Services Criteria number it, `CC6.1`.
    pub id: String,
    /// Part of the scope that it belongs to.
    pub category: Category,
    /// A few words for all criteria that share the first part of the id.
    pub group: String,
    /// A few words.
    pub title: String,
    /// Other names that people look for.
    #[serde(default)]
    pub also: Vec<String>,
    /// What it asks for.
    pub about: String,
    /// How much hangs on it.
    pub priority: Severity,
    /// How far a machine gets.
    pub automation: Automation,
    /// What a machine could read or be given for it, and what it could not know.
    pub machine: String,
    /// Related controls of NIST SP 800-53, revision 5: `AC-2`, `IA-2(1)`.
    #[serde(default)]
    pub nist: Vec<String>,
    /// Related clauses (`C.6.1.2`) and controls of Annex A (`A.5.15`) of ISO/IEC 27001:2022.
    #[serde(default)]
    pub iso: Vec<String>,
}

/// One control of the library: a plan that an organisation makes its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// As in `[controls.<id>]` of a configuration.
    pub id: String,
    /// A few words.
    pub title: String,
    /// Other names that people look for.
    #[serde(default)]
    pub also: Vec<String>,
    /// What the organisation does.
    pub statement: String,
    /// Criteria that it helps to meet; at least one.
    pub criteria: Vec<String>,
    /// Those of them that cannot be met without it.
    #[serde(default)]
    pub key_for: Vec<String>,
    /// When it acts.
    #[serde(rename = "type")]
    pub control_type: ControlType,
    /// Who answers for it.
    pub owner_role: String,
    /// How often it acts.
    pub frequency: Frequency,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// What most of its evidence is.
    pub evidence_type: EvidenceType,
    /// What to show; at least one thing.
    pub evidence: Vec<String>,
    /// How to find out whether it works.
    pub test_procedure: String,
    /// Tests of this program that serve it.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Kinds of collector of this program that serve it.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Controls that must stand first.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Related controls of NIST SP 800-53; if there are none, those of its criteria hold.
    #[serde(default)]
    pub nist: Vec<String>,
    /// Related parts of ISO/IEC 27001; if there are none, those of its criteria hold.
    #[serde(default)]
    pub iso: Vec<String>,
    /// What else to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How bad it is when something fails.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Can wait.
    Low,
    /// Should be mended this month.
    Medium,
    /// Should be mended this week.
    High,
    /// Should be mended now.
    Critical,
}

/// The five categories of SOC 2. Security is always in scope.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The common criteria.
    Security,
    /// The service can be reached as promised.
    Availability,
    /// What is confidential stays so.
    Confidentiality,
    /// Results are whole, right and in time.
    ProcessingIntegrity,
    /// Personal data is handled as promised.
    Privacy,
}

/// How far a machine gets with a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automation {
    /// It can read what decides, at the source.
    Automatic,
    /// It can read a part; people decide the rest.
    Partly,
    /// It can check what people file.
    Import,
    /// It can keep what people file, and no more.
    Manual,
}

/// When a control acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlType {
    /// Before harm is done.
    Preventive,
    /// It notices.
    Detective,
    /// It mends.
    Corrective,
}

/// What evidence of a control is, for the most part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceType {
    /// Settings at an instant.
    Configuration,
    /// What happened.
    Log,
    /// What people asked, did and closed.
    Ticket,
    /// What people wrote.
    Document,
}
