//! A spreadsheet file in one form of our own: Office Open XML with the few parts that it must have.
//!
//! `verify` makes it again and compares every byte, as it does with all that is derived. Comparing cells
//! alone would not do: a number format, a hidden row or a picture over a cell changes what people see and no
//! cell. And the bytes of a library's file, packed by another library, change with the version of either,
//! so that a newer `verify` would refuse an honest bundle. So the parts are written here, and stored in
//! the ZIP as they are, without compression: the bundle compresses the whole file anyway.
//!
//! Every cell is a string or a number. There are no formulas, links, macros, or styles but bold.

use crate::bundle::BundleError;
use crate::shown::shortened;
use chrono::{DateTime, Utc};
use flate2::Crc;
use std::fmt::Write as _;
use std::io::Write;

/// Rows that a sheet can have, header and note included: what Excel takes.
const ROWS_MAX: u32 = 1_048_576;
/// Bytes of one sheet's part; more would not open on an auditor's laptop.
const SHEET_BYTES_MAX: u64 = 256 << 20;
/// Characters of one cell: Excel takes 32,767 units of UTF-16.
const TEXT_CHARS_MAX: usize = 16_000;
/// Numbers beyond this are not exact in a spreadsheet, and become text.
const NUMBER_MAX: u64 = 999_999_999_999_999;

/// One cell.
pub(super) enum Cell {
    /// A string, whatever it looks like.
    Text(String),
    /// A number.
    Number(u64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// One sheet.
pub(super) struct Sheet<'a> {
    /// Its name: at most 31 letters.
    pub(super) name: &'static str,
    /// Names of its columns, each with its width in characters.
    pub(super) columns: &'a [(&'a str, u32)],
    /// Where the rows are that there is no room for.
    pub(super) all: &'static str,
    /// Writes its rows. Called twice, and must do the same both times.
    pub(super) rows: &'a dyn Fn(&mut Rows<'_>) -> Result<(), BundleError>,
}

/// Rows being written.
pub(super) struct Rows<'a> {
    out: &'a mut dyn Write,
    row: u32,
    bytes: u64,
    rows_max: u32,
    full: bool,
}

impl Rows<'_> {
    /// Adds a row; `false`: there is no room for it, and there will be none for another.
    pub(super) fn add<const N: usize>(&mut self, cells: [Cell; N]) -> Result<bool, BundleError> {
        // One row is kept for the note.
        self.full |= self.row + 1 >= self.rows_max || self.bytes > SHEET_BYTES_MAX;
        if !self.full {
            self.put(&cells, "")?;
        }
        Ok(!self.full)
    }

    fn put(&mut self, cells: &[Cell], style: &str) -> Result<(), BundleError> {
        self.row += 1;
        let row = self.row;
        let mut xml = format!("<row r=\"{row}\">");
        for (at, cell) in cells.iter().enumerate() {
            let at = column(at);
            // Writing to a String cannot fail.
            let _ = match cell {
                Cell::Text(text) if text.is_empty() => Ok(()),
                Cell::Number(number) if *number <= NUMBER_MAX => {
                    write!(xml, "<c r=\"{at}{row}\"{style}><v>{number}</v></c>")
                }
                Cell::Number(number) => {
                    write!(xml, "<c r=\"{at}{row}\"{style} t=\"inlineStr\"><is><t>{number}</t></is></c>")
                }
                Cell::Text(text) => write!(
                    xml,
                    "<c r=\"{at}{row}\"{style} t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>",
                    escaped(text)
                ),
            };
        }
        xml.push_str("</row>\n");
        self.bytes += xml.len() as u64;
        put(self.out, &xml)
    }
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), BundleError> {
    out.write_all(text.as_bytes()).map_err(BundleError::io("a spreadsheet cannot be written"))
}

/// `A` to `Z`, `AA` and on.
fn column(at: usize) -> String {
    let mut name = String::new();
    let mut left = at + 1;
    while left > 0 {
        let digit = (left - 1) % 26;
        name.insert(0, char::from(b'A' + u8::try_from(digit).unwrap_or_default()));
        left = (left - 1) / 26;
    }
    name
}

/// Text of an element. Whatever XML cannot hold has been written out by `shown`; what Excel would take
/// for a coded character, `_x0041_`, has its first sign coded.
fn escaped(text: &str) -> String {
    let shown = shortened(text, TEXT_CHARS_MAX);
    let mut escaped = String::with_capacity(shown.len());
    for (at, c) in shown.char_indices() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '_' if is_coded(&shown.as_bytes()[at..]) => escaped.push_str("_x005F_"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn is_coded(bytes: &[u8]) -> bool {
    bytes.len() >= 7 && bytes[1] == b'x' && bytes[6] == b'_' && bytes[2..6].iter().all(u8::is_ascii_hexdigit)
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// One part of the file.
enum Part<'a> {
    Text(String),
    Sheet(&'a Sheet<'a>),
}

impl Part<'_> {
    fn write(&self, out: &mut dyn Write) -> Result<(), BundleError> {
        match self {
            Self::Text(text) => put(out, text),
            Self::Sheet(sheet) => worksheet(sheet, ROWS_MAX, out),
        }
    }
}

/// Writes the file. `created` is what its properties say, an instant of the data and not of now.
pub(super) fn write(
    title: &str,
    created: DateTime<Utc>,
    sheets: &[Sheet<'_>],
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let mut zip = Stored { out, at: 0, directory: Vec::new(), entries: 0 };
    zip.add("[Content_Types].xml", &Part::Text(content_types(sheets.len())))?;
    zip.add("_rels/.rels", &Part::Text(package_relations()))?;
    zip.add("docProps/core.xml", &Part::Text(properties(title, created)))?;
    zip.add("xl/_rels/workbook.xml.rels", &Part::Text(workbook_relations(sheets.len())))?;
    zip.add("xl/styles.xml", &Part::Text(styles()))?;
    zip.add("xl/workbook.xml", &Part::Text(workbook(sheets)))?;
    for (at, sheet) in sheets.iter().enumerate() {
        zip.add(&format!("xl/worksheets/sheet{}.xml", at + 1), &Part::Sheet(sheet))?;
    }
    zip.end()
}

fn content_types(sheets: usize) -> String {
    let mut xml = format!(
        "{XML}<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>"
    );
    for at in 1..=sheets {
        xml.push_str(&format!(
            "<Override PartName=\"/xl/worksheets/sheet{at}.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"
        ));
    }
    xml + "</Types>\n"
}

fn package_relations() -> String {
    format!(
        "{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"{PACKAGE}/relationships/metadata/core-properties\" Target=\"docProps/core.xml\"/>\
         </Relationships>\n"
    )
}

fn properties(title: &str, created: DateTime<Utc>) -> String {
    let created = created.format("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "{XML}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title><dc:creator>evidenced</dc:creator>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:created></cp:coreProperties>\n",
        escaped(title)
    )
}

fn workbook_relations(sheets: usize) -> String {
    let mut xml = format!("{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">");
    for at in 1..=sheets {
        xml.push_str(&format!(
            "<Relationship Id=\"rId{at}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>"
        ));
    }
    let styles = sheets + 1;
    xml + &format!(
        "<Relationship Id=\"rId{styles}\" Type=\"{OFFICE}/styles\" Target=\"styles.xml\"/></Relationships>\n"
    )
}

/// Plain, and bold for headers.
fn styles() -> String {
    format!(
        "{XML}<styleSheet xmlns=\"{MAIN}\"><fonts count=\"2\"><font><sz val=\"10\"/><name val=\"Arial\"/></font>\
         <font><b/><sz val=\"10\"/><name val=\"Arial\"/></font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"2\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
         <xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/></cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>\n"
    )
}

fn workbook(sheets: &[Sheet<'_>]) -> String {
    let mut xml =
        format!("{XML}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><bookViews><workbookView/></bookViews><sheets>");
    for (at, sheet) in sheets.iter().enumerate() {
        xml.push_str(&format!("<sheet name=\"{}\" sheetId=\"{1}\" r:id=\"rId{1}\"/>", escaped(sheet.name), at + 1));
    }
    xml + "</sheets></workbook>\n"
}

fn worksheet(sheet: &Sheet<'_>, rows_max: u32, out: &mut dyn Write) -> Result<(), BundleError> {
    put(
        out,
        &format!(
            "{XML}<worksheet xmlns=\"{MAIN}\"><sheetPr><pageSetUpPr fitToPage=\"1\"/></sheetPr><sheetViews>\
             <sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
             </sheetView></sheetViews><sheetFormatPr defaultRowHeight=\"15\"/><cols>"
        ),
    )?;
    for (at, (_, width)) in sheet.columns.iter().enumerate() {
        put(out, &format!("<col min=\"{0}\" max=\"{0}\" width=\"{width}\" customWidth=\"1\"/>", at + 1))?;
    }
    put(out, "</cols><sheetData>\n")?;
    let mut rows = Rows { out, row: 0, bytes: 0, rows_max, full: false };
    let header: Vec<Cell> = sheet.columns.iter().map(|(name, _)| Cell::from(*name)).collect();
    rows.put(&header, " s=\"1\"")?;
    (sheet.rows)(&mut rows)?;
    if rows.full {
        let note = format!("NOT ALL ROWS ARE HERE: there was no room for more. All of them: {}", sheet.all);
        rows.put(&[Cell::Text(note)], " s=\"1\"")?;
    }
    let last = rows.row;
    let width = column(sheet.columns.len().saturating_sub(1));
    put(
        out,
        &format!(
            "</sheetData><autoFilter ref=\"A1:{width}{last}\"/><pageSetup orientation=\"landscape\" fitToHeight=\"0\"/></worksheet>\n"
        ),
    )
}

/// A ZIP whose entries are stored as they are. Each part is made twice: once for its length and check
/// sum, which come first, and once for good.
struct Stored<'a> {
    out: &'a mut dyn Write,
    at: u64,
    directory: Vec<u8>,
    entries: u16,
}

/// Counts and sums what goes through, and passes it on where there is somewhere to.
struct Summing<'a> {
    out: Option<&'a mut dyn Write>,
    crc: Crc,
    bytes: u64,
}

impl Write for Summing<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        if let Some(out) = &mut self.out {
            out.write_all(buf)?;
        }
        self.crc.update(buf);
        self.bytes += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Stored<'_> {
    fn add(&mut self, path: &str, part: &Part<'_>) -> Result<(), BundleError> {
        let mut sum = Summing { out: None, crc: Crc::new(), bytes: 0 };
        part.write(&mut sum)?;
        let (crc, bytes) = (sum.crc.sum(), sum.bytes);
        // Version 1.0, no flags, stored, 1980-01-01 00:00; sum; length twice; length of the name; no extras.
        let mut head = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        head.extend(crc.to_le_bytes());
        for number in [self.small(bytes)?, self.small(bytes)?, self.small(path.len() as u64)?] {
            head.extend(number.to_le_bytes());
        }
        let start = self.small(self.at)?;
        self.bytes(b"PK\x03\x04")?;
        self.bytes(&head)?;
        self.bytes(path.as_bytes())?;
        let mut again = Summing { out: Some(&mut *self.out), crc: Crc::new(), bytes: 0 };
        part.write(&mut again)?;
        if (again.crc.sum(), again.bytes) != (crc, bytes) {
            return Err(BundleError::malformed(
                "data/index.xlsx",
                format!("{path} came out differently the second time"),
            ));
        }
        self.at += bytes;
        self.directory.extend(b"PK\x01\x02\x0a\x00");
        self.directory.extend(&head);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(path.as_bytes());
        self.entries += 1;
        Ok(())
    }

    fn end(mut self) -> Result<(), BundleError> {
        let (start, length) = (self.small(self.at)?, self.small(self.directory.len() as u64)?);
        let directory = std::mem::take(&mut self.directory);
        self.bytes(&directory)?;
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend(self.entries.to_le_bytes());
        end.extend(self.entries.to_le_bytes());
        end.extend(length.to_le_bytes());
        end.extend(start.to_le_bytes());
        end.extend([0, 0]);
        self.bytes(&end)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(BundleError::io("a spreadsheet cannot be written"))
    }

    fn small(&self, number: u64) -> Result<u32, BundleError> {
        u32::try_from(number)
            .map_err(|_| BundleError::TooLarge { what: "data/index.xlsx".to_owned(), limit: "4 GiB".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet<'a>(rows: &'a dyn Fn(&mut Rows<'_>) -> Result<(), BundleError>) -> Sheet<'a> {
        Sheet { name: "Sheet", columns: &[("a", 10), ("b", 10)], all: "data/all.csv", rows }
    }

    fn xml(rows_max: u32, rows: &dyn Fn(&mut Rows<'_>) -> Result<(), BundleError>) -> String {
        let mut out: Vec<u8> = Vec::new();
        worksheet(&sheet(rows), rows_max, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_go_on_after_z() {
        assert_eq!([0, 25, 26, 51, 52, 701, 702].map(column), ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn what_looks_like_a_number_a_formula_or_markup_stays_a_string() {
        let cells = ["12345678901234567890", "=1+1", "<a&\"b\">", "_x0041_", " x "];
        let xml =
            xml(9, &|rows| cells.iter().try_for_each(|cell| rows.add([Cell::from(*cell), Cell::from(7)]).map(|_| ())));
        for cell in ["12345678901234567890", "=1+1", "&lt;a&amp;&quot;b&quot;&gt;", "_x005F_x0041_", " x "] {
            assert!(
                xml.contains(&format!("t=\"inlineStr\"><is><t xml:space=\"preserve\">{cell}</t>")),
                "{cell}: {xml}"
            );
        }
        assert!(xml.contains("<c r=\"B2\"><v>7</v></c>") && !xml.contains("<f"), "{xml}");
    }

    #[test]
    fn a_sheet_that_is_full_says_so_and_names_the_table_that_has_all() {
        let added = std::cell::Cell::new(0);
        let rows = |rows: &mut Rows<'_>| {
            while rows.add([Cell::from("x"), Cell::from(1)])? {
                added.set(added.get() + 1);
            }
            Ok(())
        };
        let xml = xml(5, &rows);
        assert_eq!((added.get(), xml.matches("<row ").count()), (3, 5), "{xml}");
        assert!(xml.contains("NOT ALL ROWS ARE HERE") && xml.contains("data/all.csv"), "{xml}");
    }

    #[test]
    fn a_hundred_thousand_rows_are_the_same_bytes_each_time() {
        use sha2::{Digest, Sha256};
        struct Sink(Sha256, u64);
        impl Write for Sink {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                self.0.update(buf);
                self.1 += buf.len() as u64;
                Ok(buf.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let rows = |rows: &mut Rows<'_>| {
            (0..100_000_u64).try_for_each(|n| {
                let item = format!("acme/shop@{n:040}");
                rows.add([item.into(), "approved-by-independent-reviewer of the merged head, before the merge".into()])
                    .map(|_| ())
            })
        };
        let once = || {
            let mut sink = Sink(Sha256::new(), 0);
            write("t", "2026-02-01T00:00:00Z".parse().unwrap(), &[sheet(&rows)], &mut sink).unwrap();
            (hex::encode(sink.0.finalize()), sink.1)
        };
        let (hash, bytes) = once();
        assert_eq!((hash, bytes), once());
        assert!((10_000_000..40_000_000).contains(&bytes), "{bytes}");
    }
}
