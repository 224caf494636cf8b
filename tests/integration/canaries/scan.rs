//! Looks for secrets in whatever is kept or said: as they are, in base64 at every alignment, in hex, and as an address,
//! JSON or HTML would write them; in files, in every cell of a database with what is compressed there, and in archives.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use zip::ZipArchive;

/// Every spelling of every canary, by its first two bytes.
pub(crate) struct Scanner {
    by_start: BTreeMap<[u8; 2], Vec<(Vec<u8>, String)>>,
}

/// `canary: place`.
pub(crate) type Hits = BTreeSet<String>;

impl Scanner {
    pub(crate) fn of(canaries: &BTreeMap<String, String>) -> Self {
        let mut by_start: BTreeMap<[u8; 2], Vec<(Vec<u8>, String)>> = BTreeMap::new();
        for (name, value) in canaries {
            assert!(value.len() >= 12, "{name} is too short to be told from chance");
            for (how, spelling) in spellings(value) {
                let start = [spelling[0], spelling[1]];
                by_start.entry(start).or_default().push((spelling, format!("{name} ({how})")));
            }
        }
        Self { by_start }
    }

    pub(crate) fn bytes(&self, place: &str, bytes: &[u8], hits: &mut Hits) {
        let mut starts = vec![false; 1 << 16];
        for [a, b] in self.by_start.keys() {
            starts[usize::from(*a) << 8 | usize::from(*b)] = true;
        }
        for at in 0..bytes.len().saturating_sub(1) {
            if starts[usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])] {
                let known = &self.by_start[&[bytes[at], bytes[at + 1]]];
                let found = known.iter().filter(|(spelling, _)| bytes[at..].starts_with(spelling));
                hits.extend(found.map(|(_, name)| format!("{name}: {place}")));
            }
        }
    }

    /// Every file below, byte by byte, but those named; databases and archives also by what is in them.
    pub(crate) fn directory(&self, dir: &Path, but: &[&str], hits: &mut Hits) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if but.contains(&name.as_str()) {
                continue;
            }
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                self.directory(&path, but, hits);
            } else if kind.is_file() {
                self.bytes(&path.display().to_string(), &fs::read(&path).unwrap(), hits);
                match path.extension().and_then(|ext| ext.to_str()) {
                    Some("sqlite") => self.database(&path, hits),
                    Some("zip") => self.archive(&path, hits),
                    _ => {}
                }
            }
        }
    }

    /// Every cell of every table, so that nothing hides across pages or in the write-ahead log.
    pub(crate) fn database(&self, path: &Path, hits: &mut Hits) {
        let db = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(tables.contains(&"blob".to_owned()), "{tables:?}");
        for table in tables {
            let mut rows = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let width = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..width {
                    use rusqlite::types::ValueRef;
                    let (ValueRef::Text(cell) | ValueRef::Blob(cell)) = row.get_ref(column).unwrap() else { continue };
                    let place = format!("{}, table {table}", path.display());
                    self.bytes(&place, cell, hits);
                    if cell.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
                        let whole = zstd::decode_all(cell).unwrap();
                        self.bytes(&format!("{place}, unpacked"), &whole, hits);
                    }
                }
            }
        }
    }

    /// Every file of an archive, unpacked.
    pub(crate) fn archive(&self, path: &Path, hits: &mut Hits) {
        let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let place = format!("{}, {}", path.display(), entry.name().unwrap());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            self.bytes(&place, &bytes, hits);
        }
    }
}

/// What a source may make of what it was told, each fit to stand between quotes in JSON.
pub(crate) fn repeated(value: &str) -> Vec<String> {
    // Those in base64 are pieces of it.
    let whole = spellings(value).into_iter().filter(|(how, _)| *how != "in base64");
    let mut all: Vec<String> = whole.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect();
    for before in ["", "u", "u:", "oauth2:"] {
        let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
        all.extend(engines.map(|engine| engine.encode(format!("{before}{value}"))));
    }
    all
}

/// With every letter escaped that is neither one of the alphabet nor a digit.
fn escaped(value: &str, escape: impl Fn(u32) -> String) -> String {
    value.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { escape(c.into()) }).collect()
}

fn spellings(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let hex = hex::encode(value);
    let json = serde_json::Value::from(value).to_string();
    let mut all = vec![
        ("as it is", value.to_owned()),
        ("in hex", hex.to_uppercase()),
        ("in hex", hex),
        ("in an address", form.replace('+', "%20")),
        ("in an address", escaped(value, |number| format!("%{number:02x}"))),
        ("in a form", form),
        ("in JSON", json.trim_matches('"').to_owned()),
        ("in JSON", value.replace('/', "\\/")),
        ("in HTML", value.replace('/', "&#x2F;").replace('+', "&#43;").replace('=', "&#x3D;")),
        ("in HTML", escaped(value, |number| format!("&#x{number:02X};"))),
        ("in HTML", escaped(value, |number| format!("&#{number};"))),
    ];
    for shift in 0..3 {
        // What stands before it shifts how it comes out; the letters that depend on neighbours are left off.
        let shifted = [vec![b'x'; shift].as_slice(), value.as_bytes()].concat();
        let skip = [0, 2, 3][shift];
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode(&shifted);
            all.push(("in base64", text[skip..text.trim_end_matches('=').len() - 1].to_owned()));
        }
    }
    all.into_iter().map(|(how, text)| (how, text.into_bytes())).collect()
}

#[test]
fn every_spelling_of_a_canary_is_found_wherever_it_stands() {
    let value = "canary/of+a secret=";
    let scanner = Scanner::of(&BTreeMap::from([("it".to_owned(), value.to_owned())]));
    let found = |bytes: &[u8]| {
        let mut hits = Hits::new();
        scanner.bytes("here", bytes, &mut hits);
        hits
    };
    assert!(found(b"canary/of+a secre and nothing more").is_empty());
    let spelled =
        [hex::encode(value), "canary%2Fof%2Ba%20secret%3D".to_owned(), "canary&#x2F;of&#43;a secret&#x3D;".into()];
    for text in spelled.into_iter().chain(repeated(value)) {
        assert!(!found(format!("\"{text}\"").as_bytes()).is_empty(), "{text}");
    }
    for before in ["", "u:", "us:", "user:", "\0user\0"] {
        for after in ["", "!", "!!"] {
            let text = STANDARD.encode(format!("{before}{value}{after}"));
            assert!(!found(format!("Basic {text}").as_bytes()).is_empty(), "{text}");
        }
    }
}
