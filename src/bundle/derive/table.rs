//! CSV that a spreadsheet opens without harm: UTF-8, comma, LF, quotes where needed.
//!
//! The tables are for machines, and are opened in spreadsheets all the same. A spreadsheet runs what begins
//! like a formula; where a semicolon divides, or where it does not see the quotes, also what stands after
//! one, a tab or the end of a line. So an apostrophe goes in front of `= + - @`, their wide forms, and of an
//! apostrophe, at each of these places: whoever wants the exact text takes one apostrophe away there. Nothing
//! else is changed. The spreadsheet for people is `index.xlsx`, the exact text is in the JSON files.

use crate::bundle::BundleError;
use crate::bundle::format::time;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::io::Write;

/// A table being written.
pub(crate) struct Table<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Table<'a> {
    /// Begins with the names of the columns.
    pub(crate) fn new(out: &'a mut dyn Write, columns: &[&str]) -> Result<Self, BundleError> {
        let mut table = Self(csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out));
        table.row(columns)?;
        Ok(table)
    }

    /// Adds a row.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: &[T]) -> Result<(), BundleError> {
        let cells = cells.iter().map(|cell| harmless(cell.as_ref()));
        self.0.write_record(cells.map(std::borrow::Cow::into_owned)).map_err(unwritten)
    }

    /// Ends it.
    pub(crate) fn end(mut self) -> Result<(), BundleError> {
        self.0.flush().map_err(BundleError::io("a table cannot be written"))
    }
}

fn unwritten(error: csv::Error) -> BundleError {
    BundleError::io("a table cannot be written")(std::io::Error::other(error))
}

fn harmless(cell: &str) -> std::borrow::Cow<'_, str> {
    let mut defused = String::new();
    let mut at_start = true;
    for c in cell.chars() {
        if at_start && matches!(c, '=' | '+' | '-' | '@' | '\'' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}') {
            defused.push('\'');
        }
        defused.push(c);
        at_start = matches!(c, ';' | '\t' | '\r' | '\n');
    }
    if defused.len() == cell.len() { cell.into() } else { defused.into() }
}

/// The word that a value has in JSON, `merge_queue_merge`.
pub(crate) fn word<T: Serialize>(value: T) -> String {
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

/// A fact, or that the source does not say.
pub(super) fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "not read".to_owned(), |value| value.to_string())
}

/// Several texts in one cell.
pub(crate) fn list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<T> = values.into_iter().collect();
    values.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As whoever reads a table by machine does it.
    fn exact(cell: &str) -> String {
        let mut exact = String::new();
        let (mut at_start, mut chars) = (true, cell.chars().peekable());
        while let Some(c) = chars.next() {
            let formula = |c: &char| matches!(c, '=' | '+' | '-' | '@' | '\'' | '＝' | '＋' | '－' | '＠');
            if at_start && c == '\'' && chars.peek().is_some_and(formula) {
                at_start = false;
                exact.extend(chars.next());
                continue;
            }
            exact.push(c);
            at_start = matches!(c, ';' | '\t' | '\r' | '\n');
        }
        exact
    }

    #[test]
    fn no_cell_is_run_as_a_formula_and_the_exact_text_can_be_had_back() {
        let mut out: Vec<u8> = Vec::new();
        let mut table = Table::new(&mut out, &["a", "b"]).unwrap();
        let evil = [
            "=HYPERLINK(\"x\")",
            "+1",
            "-1",
            "@SUM(A1)",
            "＝1",
            "'=1",
            "''",
            "'",
            "\t=x",
            "\r=x",
            "a;=1+1",
            "a\n-1",
            "a;'",
        ];
        for evil in evil {
            table.row(&[evil, "plain, with \"quotes\"\nand = lines; a-b"]).unwrap();
        }
        table.end().unwrap();
        let mut read = csv::Reader::from_reader(out.as_slice());
        let rows: Vec<csv::StringRecord> = read.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), evil.len());
        for (row, evil) in rows.iter().zip(evil) {
            for cell in row[0].split([';', '\t', '\r', '\n']) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '＝']), "{row:?}");
            }
            assert_eq!(exact(&row[0]), evil);
            assert_eq!(&row[1], "plain, with \"quotes\"\nand = lines; a-b");
        }
    }
}
