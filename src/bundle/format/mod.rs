//! The form of a bundle, for those who write it and those who check it: names, limits, what is where,
//! and what its files say. Nothing here reads a ledger or an archive.

mod calendar;
mod contents;
mod facts;
mod layout;
mod paths;
mod scope;

pub(crate) use calendar::Calendars;
pub(crate) use contents::{Contents, Control, Gap, Reading, Series, about, record_path};
pub(crate) use facts::{Facts, SAMPLE};
pub(crate) use layout::{
    Derived, Plan, Planned, What, key_checkpoint_path, layout, population, population_path, proof_path,
};
pub(crate) use paths::{MANIFEST, PACKED, Paths, TAGMANIFEST, closing, device, path_allowed, place};
pub(crate) use scope::Scope;

use super::BundleError;
use crate::ledger::record::{Body, RECORD_BYTES_MAX, Record, canonical_json, read_record};
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// `bagit.txt`, as RFC 8493 has it.
pub(crate) const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// SSHSIG over the tag manifest by the bundle key.
pub(crate) const SIGNATURE: &str = "tagmanifest-sha256.txt.sig";
/// RFC 3161 response over the tag manifest; not every bundle has one.
pub(crate) const TOKEN: &str = "tagmanifest-sha256.txt.tsr";
/// SSHSIG over the response, so that no byte of it goes unprotected.
pub(crate) const TOKEN_SIGNATURE: &str = "tagmanifest-sha256.txt.tsr.sig";
/// Namespace of both signatures.
pub(crate) const NAMESPACE: &str = "evidenced-bundle";
/// First line of every inclusion proof.
pub(crate) const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Header of `salts.csv`.
pub(crate) const SALTS_HEADER: &str = "record,salt";

/// Most files that a bundle may have.
pub(crate) const ENTRIES_MAX: u64 = 1_000_000;
/// Largest single file: below 4 GiB, so that no entry needs ZIP64.
pub(crate) const FILE_BYTES_MAX: u64 = 2 << 30;
/// Largest file that is parsed and not only hashed.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// The archive: below 4 GiB, so that no place in it needs ZIP64.
pub(crate) const ARCHIVE_BYTES_MAX: u64 = (4 << 30) - 2;
/// All files together.
pub(crate) const TOTAL_BYTES_MAX: u64 = 64 << 30;
/// Longest path inside the archive; Windows wants less than 260 with the folder that it is unpacked in.
pub(crate) const PATH_BYTES_MAX: usize = 199;
/// Deflate cannot pack tighter than this; who states more is lying about a size.
pub(crate) const RATIO_MAX: u64 = 1032;

/// What the derived files are made of. A ledger and a bundle both are one.
pub(crate) trait Source {
    /// A disclosed record.
    fn record(&self, index: u64) -> Result<Record, BundleError>;
    /// Names of the files committed to by a record, in order; empty when it has none.
    fn file_names(&self, index: u64) -> Result<Vec<String>, BundleError>;
    /// One of these files, at most `DOCUMENT_BYTES_MAX`.
    fn file(&self, index: u64, name: &str) -> Result<Vec<u8>, BundleError>;
    /// The SHA-256 of one of these files.
    fn file_sha256(&self, index: u64, name: &str) -> Result<[u8; 32], BundleError>;
    /// The SHA-256 of a record's bytes.
    fn record_sha256(&self, index: u64) -> Result<[u8; 32], BundleError>;
}

/// Records that a source holds for whoever asks for them again, half a KiB each: tables are made from them many
/// times.
pub(crate) const RECORDS_HELD: usize = 16_384;

/// The record that a source was asked for last: often it is asked for the same one several times in a row.
#[derive(Default)]
pub(crate) struct Last(RefCell<Option<(u64, Record)>>);

impl Last {
    /// Looks at that record, or else at what `read` gives, which is the last from now on.
    pub(crate) fn or<T>(
        &self,
        index: u64,
        read: impl FnOnce() -> Result<Record, BundleError>,
        look: impl FnOnce(&Record) -> T,
    ) -> Result<T, BundleError> {
        let mut last = self.0.borrow_mut();
        match &mut *last {
            Some((held, record)) if *held == index => Ok(look(record)),
            last => Ok(look(&last.insert((index, read()?)).1)),
        }
    }
}

/// An index as it stands in file names: twelve digits.
pub(crate) fn digits(index: u64) -> String {
    format!("{index:012}")
}

/// An instant as it stands in every file.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The folder under `data/` with the files of such records; `None` for records that have none.
pub(crate) fn folder(body: &Body) -> Option<&'static str> {
    match body {
        Body::Alert { .. } => Some("alerts"),
        Body::Anchor { .. } => Some("anchors"),
        Body::Config { .. } => Some("configs"),
        Body::Evidence { .. } => Some("evidence"),
        Body::Export { .. } => Some("exports"),
        Body::SignOff { .. } => Some("signoffs"),
        Body::Sample { .. } => Some("samples"),
        Body::Transition { .. } => Some("transitions"),
        Body::Verdict { .. } => Some("verdicts"),
        Body::Waiver { .. } => Some("waivers"),
        Body::Epoch { .. }
        | Body::Key { .. }
        | Body::Summary { .. }
        | Body::Erasure { .. }
        | Body::Revocation { .. }
        | Body::Cause { .. }
        | Body::RunOpened { .. }
        | Body::RunClosed { .. }
        | Body::Missed { .. }
        | Body::Delivery { .. } => None,
    }
}

/// A record from its bytes. They must be the one way to write it, so that nothing in them goes unread.
pub(crate) fn parse_record(file: &str, bytes: &[u8]) -> Result<Record, BundleError> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(BundleError::malformed(file, format!("longer than {RECORD_BYTES_MAX} bytes")));
    }
    let record = parse_again(file, bytes)?;
    let again = canonical_json(&record).map_err(|e| BundleError::malformed(file, e))?;
    if record.v != 1 || again != bytes {
        return Err(BundleError::malformed(file, "not a record of version 1 in canonical form"));
    }
    Ok(record)
}

/// A record from bytes that `parse_record` has taken before.
pub(crate) fn parse_again(file: &str, bytes: &[u8]) -> Result<Record, BundleError> {
    read_record(bytes).map_err(|e| BundleError::malformed(file, e))
}

/// Longest name that a path part is called after as it is; a longer one is cut, and ends in its hash.
const PART_BYTES_MAX: usize = 72;

/// A name as a single path part of `A-Z a-z 0-9 . _ -`; other characters become `_` and their hex, and
/// so does `_` itself, so that no two names become one. So do a point at either end, and the first letter
/// of a name that Windows keeps for devices. Names that differ in case alone stay different in case alone.
pub(crate) fn path_part(name: &str) -> String {
    let mut part = String::new();
    let last = name.len().saturating_sub(1);
    let kept_for_devices = device(name);
    for (at, byte) in name.bytes().enumerate() {
        let inside = at > 0 && at < last;
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && inside);
        if plain && !(at == 0 && kept_for_devices) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("_{byte:02x}"));
        }
    }
    if part.len() > PART_BYTES_MAX {
        part.truncate(PART_BYTES_MAX - 18);
        part = marked(&part, name);
    }
    part
}

/// The folder of a control under `data/`. Of two controls whose names differ in case alone each ends in
/// its hash: on Windows and macOS the folders would be one.
pub(crate) fn control_dir<T>(controls: &BTreeMap<String, T>, name: &str) -> String {
    let alike = controls.keys().any(|other| other != name && other.eq_ignore_ascii_case(name));
    let part = path_part(name);
    // A name that was cut has its hash already.
    format!("controls/{}", if alike && !part.contains("_-") { marked(&part, name) } else { part })
}

/// `_-` stands in no path part: after its `_` come two hex digits.
fn marked(part: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(name));
    // A cut may have gone through a character's hex.
    format!("{}_-{}", part.trim_end_matches('.'), &hash[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_become_one_path_part() {
        let names =
            ["SEC-001", "SEC_001", "SEC/001", "SEC_2f001", "..", ".", "_", "sec 1", "Zürich", "CON", "a.", "nul.x"];
        let parts: std::collections::BTreeSet<String> = names.iter().map(|n| path_part(n)).collect();
        assert_eq!(parts.len(), names.len());
        assert!(parts.iter().all(|part| path_allowed(part)), "{parts:?}");
        assert_eq!(path_part("SEC-001"), "SEC-001");
    }

    #[test]
    fn names_that_some_system_keeps_or_changes_become_others() {
        for name in ["CON", "nul", "Aux.txt", "COM1", "lpt9.tar.gz", "SEC-001.", "...", ".hidden", "a..", "COM0"] {
            let part = path_part(name);
            assert_ne!(part, name);
            assert!(path_allowed(&format!("top/{part}/x.csv")), "{part}");
            assert!(!path_allowed(&format!("top/{name}")) || name.starts_with('.'), "{name}");
        }
        for name in ["CONTROL", "COM10", "NULL", "LPT", "SEC-001.a", "x.con"] {
            assert_eq!(path_part(name), name);
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let names = [200, 201, 73].map(|length| "ü".repeat(length));
        let names = names.iter().map(String::as_str).chain(["x", "y"]).map(|end| format!("{}{end}", "a".repeat(71)));
        let parts: Vec<String> = names.map(|name| path_part(&name)).collect();
        let different: std::collections::BTreeSet<&String> = parts.iter().collect();
        assert_eq!(different.len(), parts.len());
        let top = "evidenced_".to_owned() + &"x".repeat(40) + "_2026-01-01_2026-03-31";
        for part in &parts {
            assert!(part.len() <= PART_BYTES_MAX, "{part}");
            let path = format!("{top}/data/controls/{}/judgements.csv", marked(part, "x"));
            assert!(path_allowed(&path) && path.len() < 200, "{path}");
        }
    }

    #[test]
    fn names_that_differ_in_case_alone_get_different_folders() {
        let names = ["SEC-001", "sec-001", "Sec-001", "SEC-002"].map(|name| (name.to_owned(), ()));
        let controls = BTreeMap::from(names);
        let folders: std::collections::BTreeSet<String> =
            controls.keys().map(|name| control_dir(&controls, name).to_ascii_lowercase()).collect();
        assert_eq!(folders.len(), 4);
        assert_eq!(control_dir(&controls, "SEC-002"), "controls/SEC-002");
    }
}
