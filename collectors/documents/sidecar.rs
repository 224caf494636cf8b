//! The form of a sidecar: the file beside a document that says what it is, and who added it and when. Read
//! strictly, and written in one way. Which files there are is not its business.

use crate::contract::is_name;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// How the name of a sidecar ends; what stands before it is the name of its document.
pub const ENDING: &str = ".toml";
/// Largest sidecar, bytes.
pub(super) const BYTES_MAX: u64 = 16 << 10;
/// Longest name of a document, bytes: with the ending it must be a file's name.
const FILE_BYTES_MAX: usize = 200;
/// Longest name of who added it, bytes.
const BY_BYTES_MAX: usize = 200;
/// Longest note, bytes.
pub const NOTE_BYTES_MAX: usize = 2_000;

/// What a sidecar says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// The control that the document is evidence of.
    pub control: String,
    /// The day whose state it shows.
    pub as_of: NaiveDate,
    /// What is said of it, on one line.
    pub note: Option<String>,
    /// Who added it.
    pub by: String,
    /// When.
    pub added_at: DateTime<Utc>,
    /// SHA-256 of the document, hex.
    pub sha256: String,
}

/// What is wrong, and what to write instead.
pub type Fault = (String, String);

/// As it stands in the file. Every value is a text: a date of TOML could be of no time zone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    control: String,
    as_of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    by: String,
    added_at: String,
    sha256: String,
}

impl Sidecar {
    /// Reads one, to the letter.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let wrong = |why: String, hint: &str| (why, hint.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8".to_owned(), FORM))?;
        let written: Written = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            wrong(format!("line {line}: {}", error.message()), FORM)
        })?;
        let as_of = written.as_of.parse::<NaiveDate>().ok().filter(|day| day.to_string() == written.as_of);
        let as_of = as_of.ok_or_else(|| wrong(format!("as_of: {:?} is no day", written.as_of), "write 2026-03-31"))?;
        let added_at = DateTime::parse_from_rfc3339(&written.added_at).map_err(|_| {
            wrong(format!("added_at: {:?} is no instant", written.added_at), "write 2026-03-31T09:00:00Z")
        })?;
        let sidecar = Self {
            control: written.control,
            as_of,
            note: written.note,
            by: written.by,
            added_at: added_at.with_timezone(&Utc),
            sha256: written.sha256,
        };
        sidecar.check()?;
        Ok(sidecar)
    }

    /// Refuses what may not stand in one.
    pub fn check(&self) -> Result<(), Fault> {
        let wrong = |why: String, hint: &str| Err((why, hint.to_owned()));
        if !is_name(&self.control) {
            return wrong(format!("control: {:?} is no control's name", self.control), "write it as in [controls]");
        }
        one_line("by", &self.by, BY_BYTES_MAX)?;
        if let Some(note) = &self.note {
            one_line("note", note, NOTE_BYTES_MAX)?;
        }
        let hex = self.sha256.len() == 64 && self.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !hex {
            return wrong(format!("sha256: {:?} is none", self.sha256), "write 64 digits, as sha256sum prints them");
        }
        Ok(())
    }

    /// As a file. Reading it gives the same again.
    pub fn write(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&Written {
            control: self.control.clone(),
            as_of: self.as_of.to_string(),
            note: self.note.clone(),
            by: self.by.clone(),
            added_at: self.added_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            sha256: self.sha256.clone(),
        })
    }
}

/// Keys of a sidecar.
const FORM: &str = "write control, as_of, by, added_at and sha256, and note if there is one, each as a text";

/// Refuses a text that is blank, too long, or more than one line.
fn one_line(key: &str, text: &str, most: usize) -> Result<(), Fault> {
    let wrong = |why: &str, hint: &str| Err((format!("{key} {why}"), hint.to_owned()));
    if text.trim().is_empty() {
        return wrong("is blank", "say something, or leave the key out if it may be");
    }
    if text.len() > most {
        return wrong(&format!("has {} bytes, more than {most}", text.len()), "say it shorter");
    }
    if text.chars().any(char::is_control) {
        return wrong("has a line break or another control character", "say it on one line");
    }
    Ok(())
}

/// Refuses what may not be the name of a document.
pub fn check_file(name: &str) -> Result<(), Fault> {
    let wrong = |why: &str, hint: &str| Err((format!("{name:?} {why}"), hint.to_owned()));
    if name.is_empty() || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
        return wrong("is no plain name of a file", "rename it: no slashes, no control characters");
    }
    if name.starts_with('.') {
        return wrong("is hidden", "rename it: the first character is no dot");
    }
    if name.to_lowercase().ends_with(ENDING) {
        return wrong("has the name of a sidecar", "rename it: documents do not end in .toml");
    }
    if name.len() > FILE_BYTES_MAX {
        return wrong("is too long a name", "rename it: 200 bytes at most");
    }
    Ok(())
}
