//! CSV that a spreadsheet opens without harm: UTF-8, comma, LF, quotes where needed. A cell that begins
//! with `=`, `+`, `-`, `@`, tab or carriage return would be run as a formula, and gets an apostrophe in
//! front; the exact text is in the JSON beside it.

use crate::bundle::BundleError;
use crate::bundle::format::time;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::io::Write;

/// A table being written.
pub(super) struct Table<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Table<'a> {
    /// Begins with the names of the columns.
    pub(super) fn new(out: &'a mut dyn Write, columns: &[&str]) -> Result<Self, BundleError> {
        let mut table = Self(csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out));
        table.row(columns)?;
        Ok(table)
    }

    /// Adds a row.
    pub(super) fn row<T: AsRef<str>>(&mut self, cells: &[T]) -> Result<(), BundleError> {
        let cells = cells.iter().map(|cell| harmless(cell.as_ref()));
        self.0.write_record(cells.map(std::borrow::Cow::into_owned)).map_err(unwritten)
    }

    /// Ends it.
    pub(super) fn end(mut self) -> Result<(), BundleError> {
        self.0.flush().map_err(BundleError::io("a table cannot be written"))
    }
}

fn unwritten(error: csv::Error) -> BundleError {
    BundleError::io("a table cannot be written")(std::io::Error::other(error))
}

fn harmless(cell: &str) -> std::borrow::Cow<'_, str> {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}").into(),
        _ => cell.into(),
    }
}

/// The word that a value has in JSON, `merge_queue_merge`.
pub(super) fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => format!("? {error}"),
    }
}

/// An instant, or nothing.
pub(super) fn instant(at: Option<DateTime<Utc>>) -> String {
    at.map(time).unwrap_or_default()
}

/// A text, or nothing.
pub(super) fn maybe<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Several texts in one cell.
pub(super) fn list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<T> = values.into_iter().collect();
    values.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_run_as_a_formula() {
        let mut out: Vec<u8> = Vec::new();
        let mut table = Table::new(&mut out, &["a", "b"]).unwrap();
        for evil in ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            table.row(&[evil, "plain, with \"quotes\"\nand lines"]).unwrap();
        }
        table.end().unwrap();
        let mut read = csv::Reader::from_reader(out.as_slice());
        let rows: Vec<csv::StringRecord> = read.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 6);
        assert!(rows.iter().all(|row| row[0].starts_with('\'')), "{rows:?}");
        assert_eq!(&rows[0][1], "plain, with \"quotes\"\nand lines");
    }
}
