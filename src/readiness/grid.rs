//! The same rows as Markdown, CSV and a spreadsheet.

use crate::bundle::{BundleError, Cell, Sheet, Table, plain, write_workbook};
use chrono::{DateTime, Utc};

pub(crate) use crate::bundle::{list, word};

/// Rows of text under named columns.
pub(crate) struct Grid<const N: usize> {
    /// Of the sheet: at most 31 letters.
    pub(crate) name: &'static str,
    /// Each with its width in a spreadsheet.
    pub(crate) columns: [(&'static str, u32); N],
    /// In order.
    pub(crate) rows: Vec<[String; N]>,
}

impl<const N: usize> Grid<N> {
    /// A table of Markdown; whatever a text holds, it is text.
    pub(crate) fn markdown(&self) -> String {
        let mut page = format!("| {} |\n|{}\n", self.columns.map(|(name, _)| name).join(" | "), "---|".repeat(N));
        for row in &self.rows {
            page.push_str(&format!("| {} |\n", row.each_ref().map(|cell| plain(cell)).join(" | ")));
        }
        page
    }

    /// A table for programs, harmless in a spreadsheet.
    pub(crate) fn csv(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let mut table = Table::new(&mut bytes, &self.columns.map(|(name, _)| name))?;
        for row in &self.rows {
            table.row(row)?;
        }
        table.end()?;
        Ok(bytes)
    }

    /// A spreadsheet. `now` is what its properties say; `all` is the command that has every row.
    pub(crate) fn workbook(&self, now: DateTime<Utc>, all: &'static str) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let sheet = Sheet {
            name: self.name,
            columns: &self.columns,
            all,
            rows: &|rows| {
                for row in &self.rows {
                    if !rows.add(row.clone().map(Cell::Text))? {
                        break;
                    }
                }
                Ok(())
            },
        };
        write_workbook(self.name, now, &[sheet], &mut bytes)?;
        Ok(bytes)
    }
}

/// An instant in tables; nothing, where there is none.
pub(crate) fn minute(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.format("%Y-%m-%d %H:%MZ").to_string()).unwrap_or_default()
}

/// What stands above every report: what it is of, and that a sample is one.
pub(crate) fn head(title: &str, facts: &super::facts::Facts) -> String {
    let mut head = format!("# {title}\n\n");
    if facts.sample {
        head.push_str("**SAMPLE with a simulated clock: no evidence of anything.**\n\n");
    }
    let categories = list(facts.categories.iter().map(word));
    head.push_str(&format!("{}, {}, {categories}", plain(&facts.organization), word(facts.audit)));
    if let Some(period) = facts.period {
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%MZ").to_string();
        head.push_str(&format!(", {} until before {}", day(period.start), day(period.end)));
    }
    // Of a period that is over, states are those at its end.
    let states =
        if facts.at < facts.as_of { format!(", states as of {}", minute(Some(facts.at))) } else { String::new() };
    head.push_str(&format!("; as of {}{states}.\n\n", minute(Some(facts.as_of))));
    if let Some(fault) = &facts.fault {
        head.push_str(&format!("**INTEGRITY FAILURE: {}.** Nothing in the ledger counts.\n\n", plain(fault)));
    }
    head
}

/// What to know about the scope, as a list.
pub(crate) fn warnings(warnings: &[String]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = warnings.iter().map(|warning| format!("- {}\n", plain(warning))).collect();
    format!("## About the scope\n\n{}\n", lines.concat())
}
