//! The control matrix: which control meets which criterion, whose it is, what to show, how it is tested, and
//! whether it is configured here. It says nothing about how a control does.

use crate::bundle::{BundleError, Cell, Sheet, Table, list, plain, word, write_workbook};
use crate::catalogue::{Catalogue, Category, Control, Framework, Severity};
use crate::config::{Config, ControlConfig};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The matrix of some categories.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// What was asked for.
    pub categories: BTreeSet<Category>,
    /// How many criteria these have.
    pub criteria: usize,
    /// How many of them a configured control names.
    pub criteria_configured: usize,
    /// Criteria that no control names, neither of the catalogue nor of the configuration.
    pub without_control: Vec<Missing>,
    /// Controls of the catalogue in its order, then those that only the configuration has.
    pub controls: Vec<Row>,
}

/// A criterion without a control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Missing {
    /// Its id.
    pub criterion: String,
    /// Its category.
    pub category: Category,
    /// Its title.
    pub title: String,
    /// How much hangs on it.
    pub priority: Severity,
}

/// One control. What neither the catalogue nor the configuration says is empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub control: String,
    /// From the configuration, or else the catalogue.
    pub title: String,
    /// From the configuration, or else the catalogue.
    pub criteria: Vec<String>,
    /// Categories of these.
    pub categories: BTreeSet<Category>,
    /// What the organisation does.
    pub statement: String,
    /// When it acts.
    #[serde(rename = "type")]
    pub control_type: String,
    /// From the configuration, or else the role that the catalogue has in mind.
    pub owner: String,
    /// How often it acts: from the catalogue, or else the configuration.
    pub frequency: String,
    /// From the configuration, or else the catalogue.
    pub severity: Severity,
    /// The highest of its criteria.
    pub priority: Severity,
    /// Criteria that cannot be met without it.
    pub key_for: Vec<String>,
    /// What most of its evidence is.
    pub evidence_type: String,
    /// What to show.
    pub evidence: Vec<String>,
    /// How to find out whether it works.
    pub test_procedure: String,
    /// Related controls of NIST SP 800-53.
    pub nist: Vec<String>,
    /// Related parts of ISO/IEC 27001.
    pub iso: Vec<String>,
    /// Controls that must stand first.
    pub depends_on: Vec<String>,
    /// Whether the configuration has it.
    pub configured: bool,
    /// By which test, if it is configured.
    pub test: String,
    /// Fed by which collectors, if it is configured.
    pub collectors: Vec<String>,
    /// Kinds of collector that there are for it, configured or not.
    pub kinds: Vec<String>,
}

/// Columns of the tables, with their width in a spreadsheet.
const COLUMNS: [(&str, u32); 21] = [
    ("control", 12),
    ("title", 32),
    ("criteria", 16),
    ("categories", 16),
    ("statement", 60),
    ("type", 12),
    ("owner", 22),
    ("frequency", 12),
    ("severity", 10),
    ("priority", 10),
    ("key_for", 12),
    ("evidence_type", 14),
    ("evidence", 50),
    ("test_procedure", 60),
    ("nist", 24),
    ("iso", 24),
    ("depends_on", 12),
    ("configured", 11),
    ("test", 14),
    ("collectors", 18),
    ("kinds", 18),
];

impl Matrix {
    /// Brings the catalogue and what is configured together. Without a configuration nothing is configured.
    pub fn new(catalogue: &Catalogue, config: Option<&Config>, categories: BTreeSet<Category>) -> Self {
        let empty = BTreeMap::new();
        let configured = config.map_or(&empty, |config| &config.controls);
        let of_catalogue = catalogue.controls.iter().map(|control| {
            let config = configured.get(&control.id);
            Row::new(catalogue, &control.id, Some(control), config)
        });
        let others = configured.iter().filter(|(id, _)| catalogue.control(id).is_none());
        let of_config = others.map(|(id, config)| Row::new(catalogue, id, None, Some(config)));
        let rows: Vec<Row> = of_catalogue.chain(of_config).collect();
        let named = |id: &String, only_configured: bool| {
            rows.iter().any(|row| (row.configured || !only_configured) && row.criteria.contains(id))
        };
        let inside: Vec<_> = catalogue.criteria.iter().filter(|c| categories.contains(&c.category)).collect();
        let without = inside.iter().filter(|criterion| !named(&criterion.id, false)).map(|criterion| Missing {
            criterion: criterion.id.clone(),
            category: criterion.category,
            title: criterion.title.clone(),
            priority: criterion.priority,
        });
        Self {
            criteria: inside.len(),
            criteria_configured: inside.iter().filter(|criterion| named(&criterion.id, true)).count(),
            without_control: without.collect(),
            controls: rows.iter().filter(|row| !row.categories.is_disjoint(&categories)).cloned().collect(),
            categories,
        }
    }

    /// Tables and a sentence, for people.
    pub fn markdown(&self) -> String {
        let categories = list(self.categories.iter().map(word));
        let mut page = format!(
            "# Control matrix\n\nCategories: {categories}. Criteria: {}. Controls: {}, of which configured: {}. \
             Criteria that a configured control names: {}.\n\n",
            self.criteria,
            self.controls.len(),
            self.controls.iter().filter(|row| row.configured).count(),
            self.criteria_configured
        );
        if !self.without_control.is_empty() {
            page.push_str("## Criteria without a control\n\n| criterion | priority | title |\n|---|---|---|\n");
            for missing in &self.without_control {
                let (id, title) = (plain(&missing.criterion), plain(&missing.title));
                page.push_str(&format!("| {id} | {} | {title} |\n", word(missing.priority)));
            }
            page.push_str("\n## Controls\n\n");
        }
        page.push_str(&format!("| {} |\n", COLUMNS.map(|(name, _)| name).join(" | ")));
        page.push_str(&format!("|{}\n", "---|".repeat(COLUMNS.len())));
        for row in &self.controls {
            page.push_str(&format!("| {} |\n", row.cells().map(|cell| plain(&cell)).join(" | ")));
        }
        page
    }

    /// A table for programs, harmless in a spreadsheet. Criteria without a control come first, as rows whose
    /// `control` is empty.
    pub fn csv(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let mut table = Table::new(&mut bytes, &COLUMNS.map(|(name, _)| name))?;
        for cells in self.cells() {
            table.row(&cells)?;
        }
        table.end()?;
        Ok(bytes)
    }

    /// The same rows as a spreadsheet. `now` is what its properties say.
    pub fn workbook(&self, now: DateTime<Utc>) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let sheet = Sheet {
            name: "Control matrix",
            columns: &COLUMNS,
            all: "evidenced matrix --format csv",
            rows: &|rows| {
                for cells in self.cells() {
                    if !rows.add(cells.map(Cell::Text))? {
                        break;
                    }
                }
                Ok(())
            },
        };
        write_workbook("Control matrix", now, &[sheet], &mut bytes)?;
        Ok(bytes)
    }

    fn cells(&self) -> impl Iterator<Item = [String; COLUMNS.len()]> {
        self.without_control.iter().map(Missing::cells).chain(self.controls.iter().map(Row::cells))
    }
}

impl Missing {
    fn cells(&self) -> [String; COLUMNS.len()] {
        let mut cells = [const { String::new() }; COLUMNS.len()];
        let said = [
            ("title", format!("NO CONTROL: {}", self.title)),
            ("criteria", self.criterion.clone()),
            ("categories", word(self.category)),
            ("priority", word(self.priority)),
            ("configured", word(false)),
        ];
        for (cell, (name, _)) in cells.iter_mut().zip(COLUMNS) {
            if let Some((_, text)) = said.iter().find(|(key, _)| *key == name) {
                cell.clone_from(text);
            }
        }
        cells
    }
}

impl Row {
    /// A control that the catalogue or the configuration has, or both.
    fn new(catalogue: &Catalogue, id: &str, plan: Option<&Control>, config: Option<&ControlConfig>) -> Self {
        let planned = |key: fn(&Control) -> &String| plan.map(key).cloned().unwrap_or_default();
        let lists = |key: fn(&Control) -> &Vec<String>| plan.map(key).cloned().unwrap_or_default();
        let criteria = config.map_or_else(|| lists(|c| &c.criteria), |config| config.criteria.clone());
        let known: Vec<_> = criteria.iter().filter_map(|id| catalogue.criterion(id)).collect();
        let relations = |framework| match plan {
            Some(control) => catalogue.relations(framework, control),
            None => catalogue.relations_of(framework, &criteria),
        };
        let severity = config.map(|config| config.severity).or(plan.map(|control| control.severity));
        Self {
            control: id.to_owned(),
            title: config.map_or_else(|| planned(|c| &c.title), |config| config.title.clone()),
            categories: known.iter().map(|criterion| criterion.category).collect(),
            statement: planned(|c| &c.statement),
            control_type: plan.map(|c| word(c.control_type)).unwrap_or_default(),
            owner: config.map_or_else(|| planned(|c| &c.owner_role), |config| config.owner.clone()),
            frequency: plan.map(|c| c.frequency).or(config.and_then(|c| c.frequency)).map(word).unwrap_or_default(),
            severity: severity.unwrap_or(Severity::Critical),
            priority: known.iter().map(|criterion| criterion.priority).max().unwrap_or(Severity::Critical),
            key_for: lists(|c| &c.key_for),
            evidence_type: plan.map(|c| word(c.evidence_type)).unwrap_or_default(),
            evidence: lists(|c| &c.evidence),
            test_procedure: planned(|c| &c.test_procedure),
            nist: relations(Framework::Nist),
            iso: relations(Framework::Iso),
            depends_on: lists(|c| &c.depends_on),
            configured: config.is_some(),
            test: config.map(|config| config.test.clone()).unwrap_or_default(),
            collectors: config.map(|config| config.collectors.clone()).unwrap_or_default(),
            kinds: lists(|c| &c.kinds),
            criteria,
        }
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        [
            self.control.clone(),
            self.title.clone(),
            list(&self.criteria),
            list(self.categories.iter().map(word)),
            self.statement.clone(),
            self.control_type.clone(),
            self.owner.clone(),
            self.frequency.clone(),
            word(self.severity),
            word(self.priority),
            list(&self.key_for),
            self.evidence_type.clone(),
            list(&self.evidence),
            self.test_procedure.clone(),
            list(&self.nist),
            list(&self.iso),
            list(&self.depends_on),
            word(self.configured),
            self.test.clone(),
            list(&self.collectors),
            list(&self.kinds),
        ]
    }
}
