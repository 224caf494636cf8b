//! One CSV file to rows, or every fault in it. Strict on purpose: what people type into spreadsheets is
//! evidence, and a cell that can be read in two ways is read in none.

use super::cell;
use super::forms::{Column, List};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Most columns that are looked at.
const COLUMNS_MAX: usize = 64;
/// Longest line, bytes.
const LINE_MAX: usize = 64 << 10;
/// Characters of a value that an error repeats.
pub(super) const REPEATED_MAX: usize = 40;

/// A row: its line in the file, its key, and its cells by column.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) key: String,
    pub(super) cells: Map<String, Value>,
}

/// Something wrong in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// From 1; 0: the file as a whole.
    pub(super) line: u64,
    pub(super) column: Option<String>,
    pub(super) why: String,
    pub(super) hint: String,
}

impl Fault {
    pub(super) fn new(line: u64, column: Option<&str>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { line, column: column.map(str::to_owned), why: why.into(), hint: hint.into() }
    }
}

/// Reads a file: its rows that are good, and every fault. One fault, and the rows are only there to be remembered.
pub(super) fn read(list: &List, bytes: &[u8], rows_max: usize, as_of: DateTime<Utc>) -> (Vec<Row>, Vec<Fault>) {
    let (mut header, mut rows, mut faults) = (None, Vec::new(), Vec::new());
    let text = match text(bytes, rows_max) {
        Ok(text) => text,
        Err(fault) => return (rows, vec![fault]),
    };
    for (line, text) in (1..).zip(text.lines()) {
        let record = match record(text) {
            Ok(record) => record,
            Err((why, hint)) => {
                faults.push(Fault::new(line, None, why, hint));
                continue;
            }
        };
        match &header {
            None => match columns(list, &record, line) {
                Ok(columns) => header = Some(columns),
                Err(wrong) => return (rows, wrong),
            },
            Some(header) => match row(list, header, &record, line, as_of) {
                Ok(row) => rows.push(row),
                Err(wrong) => faults.extend(wrong),
            },
        }
    }
    if header.is_none() {
        let hint = format!("its first line must be {}", header_text(list));
        faults.push(Fault::new(0, None, "the file has no header", hint));
    }
    let doubled = doubled(&rows);
    let lines: HashSet<u64> = doubled.iter().map(|fault| fault.line).collect();
    rows.retain(|row| !lines.contains(&row.line));
    faults.extend(doubled);
    (rows, faults)
}

/// The cells of one line; no cell has more than one.
fn record(line: &str) -> Result<csv::StringRecord, (&'static str, &'static str)> {
    if line.is_empty() {
        return Err(("the line is empty", "remove the line"));
    }
    if line.matches('"').count() % 2 == 1 {
        let hint = "close the quote; a cell has one line, and a quote inside of one is written twice";
        return Err(("a quote is open at the end of the line", hint));
    }
    if !quoted_whole(line) {
        let hint = "put quotes around the whole cell or nowhere; a quote inside of one is written twice";
        return Err(("a quote begins or ends inside of a cell", hint));
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record),
        _ => Err(("is not CSV", "look at the quotes in this line")),
    }
}

/// Whether every quote is around a whole cell, or doubled inside of such a one. The reader would guess.
fn quoted_whole(line: &str) -> bool {
    let (mut quoted, mut begins) = (false, true);
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (quoted, byte) {
            (true, b'"') if bytes.next_if_eq(&b'"').is_some() => {}
            (true, b'"') if bytes.peek().is_none_or(|next| *next == b',') => quoted = false,
            (false, b'"') if begins => quoted = true,
            (_, b'"') => return false,
            _ => {}
        }
        begins = !quoted && byte == b',';
    }
    !quoted
}

/// The text of a file that may be read at all.
fn text(bytes: &[u8], rows_max: usize) -> Result<&str, Fault> {
    let whole = |why: &str, hint: &str| Err(Fault::new(0, None, why, hint));
    const SAVE: &str = "save it again as \"CSV UTF-8\", with commas";
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return whole("is a spreadsheet's own file and not CSV", SAVE);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(4).any(|byte| *byte == 0) {
        return whole("is written in UTF-16", SAVE);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.is_empty() {
        return whole("the file is empty", "a list without rows still has its header");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() as u64 + 1;
            let why = "is not UTF-8; it looks like Latin-1 or Windows-1252";
            return Err(Fault::new(line, None, why, SAVE));
        }
    };
    if !text.ends_with('\n') {
        return whole("the last line is not finished: the file may be cut", "end the last line with a line break");
    }
    if text.replace("\r\n", "\n").contains('\r') {
        return whole("has line breaks of an old kind", SAVE);
    }
    let count = text.lines().count();
    if count > rows_max + 1 {
        let why = format!("has {} rows, more than rows_max, {rows_max}", count - 1);
        return Err(Fault::new(0, None, why, "raise rows_max, or keep closed years in another register"));
    }
    match text.lines().position(|line| line.len() > LINE_MAX) {
        Some(at) => {
            let why = format!("the line is longer than {LINE_MAX} bytes");
            Err(Fault::new(at as u64 + 1, None, why, "is it the right file?"))
        }
        None => Ok(text),
    }
}

fn header_text(list: &List) -> String {
    list.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",")
}

/// The column of each place in the file: exactly those of the list, once each.
fn columns(list: &List, header: &csv::StringRecord, line: u64) -> Result<Vec<&'static Column>, Vec<Fault>> {
    let fault = |column: Option<&str>, why: String, hint: String| Fault::new(line, column, why, hint);
    if header.len() == 1 && header.iter().any(|cell| cell.contains([';', '\t'])) {
        let hint = "save it with commas between the columns".to_owned();
        return Err(vec![fault(None, "the columns are divided by semicolons or tabs".to_owned(), hint)]);
    }
    if header.len() > COLUMNS_MAX {
        let why = format!("has {} columns, more than {COLUMNS_MAX}", header.len());
        return Err(vec![fault(None, why, format!("the header must be {}", header_text(list)))]);
    }
    let mut found: Vec<&'static Column> = Vec::new();
    let mut faults = Vec::new();
    for name in header {
        let shown = shown(name);
        match list.columns.iter().find(|column| column.name == name) {
            Some(column) if found.iter().any(|other| other.name == name) => {
                faults.push(fault(Some(column.name), "the column is there twice".to_owned(), "keep one".to_owned()));
            }
            Some(column) => found.push(column),
            None => {
                let names = list.columns.iter().map(|column| column.name);
                faults.push(fault(Some(&shown), "there is no such column".to_owned(), cell::nearest(name, names)));
            }
        }
    }
    for column in list.columns.iter().filter(|column| !header.iter().any(|name| name == column.name)) {
        let hint = format!("the header must be {}", header_text(list));
        faults.push(fault(Some(column.name), "the column is missing".to_owned(), hint));
    }
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}

fn row(
    list: &List,
    header: &[&'static Column],
    record: &csv::StringRecord,
    line: u64,
    as_of: DateTime<Utc>,
) -> Result<Row, Vec<Fault>> {
    if record.len() != header.len() {
        let why = format!("has {} cells, and the header has {}", record.len(), header.len());
        let hint = "give every column its cell; text with a comma in it needs quotes around it";
        return Err(vec![Fault::new(line, None, why, hint)]);
    }
    let (mut cells, mut faults) = (Map::new(), Vec::new());
    for (column, text) in header.iter().zip(record) {
        match cell::read(column, text, as_of) {
            Ok(value) => {
                cells.insert(column.name.to_owned(), value);
            }
            Err((why, hint)) => faults.push(Fault::new(line, Some(column.name), why, hint)),
        }
    }
    for (earlier, later) in list.order {
        if let (Some(first), Some(second)) = (cell::instant(&cells, earlier), cell::instant(&cells, later))
            && second.before(first)
        {
            let why = format!("{second} is before {earlier}, {first}");
            faults.push(Fault::new(line, Some(later), why, format!("{later} cannot be before {earlier}")));
        }
    }
    if faults.is_empty() { Ok(Row { line, key: key(list, &cells), cells }) } else { Err(faults) }
}

fn key(list: &List, cells: &Map<String, Value>) -> String {
    values(list.key, cells).unwrap_or_default()
}

/// The values of some columns as one text; none where one is empty.
pub(super) fn values(columns: &[&str], cells: &Map<String, Value>) -> Option<String> {
    let texts: Option<Vec<&str>> = columns.iter().map(|column| cells.get(*column)?.as_str()).collect();
    Some(texts?.join(" / "))
}

/// Keys that come twice. Two spellings of one are no two.
fn doubled(rows: &[Row]) -> Vec<Fault> {
    let mut first: HashMap<String, u64> = HashMap::new();
    let mut faults = Vec::new();
    for row in rows {
        match first.get(&row.key.to_lowercase()) {
            Some(other) => {
                let why = format!("{} stands in line {other} already", shown(&row.key));
                faults.push(Fault::new(row.line, None, why, "one row each; capitals make no other key"));
            }
            None => {
                first.insert(row.key.to_lowercase(), row.line);
            }
        }
    }
    faults
}

/// A value as an error repeats it: cut, and without what cannot be seen.
pub(super) fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(REPEATED_MAX).flat_map(char::escape_debug).collect();
    if value.chars().count() > REPEATED_MAX {
        shown.push('…');
    }
    shown
}
