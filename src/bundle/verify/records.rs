//! The records: their form, where the range begins and ends, and what ties files to them.

use super::container::Archive;
use super::manifest::Digests;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Facts, SALTS_HEADER, Source, record_path};
use crate::ledger::record::Body;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

const SALTS: &str = "data/salts.csv";

/// Reads every record. Of a whole bundle, none of the range may be missing.
pub(super) fn read(archive: &Archive, facts: &Facts) -> (Check, Option<Contents>) {
    let mut checking = Checking::new("records");
    let source = BundleSource(archive);
    let mut found = BTreeSet::new();
    for entry in archive.entries() {
        let Some(entry) = checking.take(entry) else { break };
        let Some(name) = entry.path.strip_prefix("data/records/") else { continue };
        let index = name.strip_suffix(".json").and_then(|name| name.parse::<u64>().ok());
        match index {
            Some(index) if record_path(index) == entry.path && index < facts.log_size => {
                if let Some(record) = checking.take(source.record(index)) {
                    let begins = index > 0 && matches!(record.body, Body::Epoch { .. });
                    checking.expect(!begins, &entry.path, "is a second beginning of the log");
                    found.insert(index);
                }
            }
            _ => checking.wrong(&entry.path, "is not a record of the log"),
        }
    }
    // Compared by number, so that a range of absurd length costs nothing.
    let inside = found.range(facts.range.clone()).count() as u64;
    let gap = (facts.range.start..facts.range.end).find(|index| !found.contains(index));
    if let Some(index) = gap.filter(|_| !facts.selective()) {
        let missing = facts.range.end - facts.range.start - inside;
        checking.wrong(record_path(index), format!("is missing or unreadable, the first of {missing} of the range"));
        return (checking.done(String::new()), None);
    }
    beginning(&source, facts, &mut checking);
    match facts.selective() {
        false => neighbours(&source, facts, &found, &mut checking),
        true => times(&source, facts, &found, &mut checking),
    }
    let count = found.len();
    let contents = match Contents::read(facts.clone(), found, &source) {
        Ok(contents) => Some(contents),
        Err(error) => {
            checking.failed(&error);
            None
        }
    };
    (checking.done(format!("{count} records are in the one form that there is")), contents)
}

/// The first record of the log.
fn beginning(source: &BundleSource<'_>, facts: &Facts, checking: &mut Checking) {
    match source.record(0).map(|record| record.body) {
        Ok(Body::Epoch { origin, sample, .. }) => {
            let right = origin == facts.origin && (facts.sample || !sample);
            checking.expect(right, "bag-info.txt", "does not say what the first record of the log says");
        }
        Ok(_) => checking.wrong(record_path(0), "is not the beginning of a log"),
        Err(error) => checking.failed(&error),
    }
}

/// The edges of the range and the records next to it, which show that the range is all of the period.
fn neighbours(source: &BundleSource<'_>, facts: &Facts, found: &BTreeSet<u64>, checking: &mut Checking) {
    let (start, end, period) = (facts.range.start, facts.range.end, facts.period);
    let mut edge = |index: u64, fits: &dyn Fn(DateTime<Utc>) -> bool, problem: &str| {
        if !found.contains(&index) {
            return checking.wrong(record_path(index), "is missing: a neighbour shows where the range ends");
        }
        if let Some(record) = checking.take(source.record(index)) {
            checking.expect(fits(record.at), record_path(index), problem);
        }
    };
    if start == end {
        return checking.wrong("bag-info.txt", "the range has no record");
    }
    edge(start, &|at| at >= period.start, "was written before the period, but begins the range");
    edge(end - 1, &|at| at < period.end, "was written after the period, but ends the range");
    if let Some(before) = start.checked_sub(1) {
        edge(before, &|at| at < period.start, "was not written before the period, but lies before the range");
    }
    if end < facts.log_size {
        edge(end, &|at| at >= period.end, "was not written after the period, but lies after the range");
    }
}

/// Of a selection, every record outside of the range must be of another time, and the range must begin and end
/// with records that are here. That none is missing outside is for `counted` to show.
fn times(source: &BundleSource<'_>, facts: &Facts, found: &BTreeSet<u64>, checking: &mut Checking) {
    let (range, period) = (&facts.range, facts.period);
    let edges = [Some(range.start), range.end.checked_sub(1)];
    if range.is_empty() || !edges.into_iter().flatten().all(|index| found.contains(&index)) {
        return checking.wrong("bag-info.txt", "the range does not begin and end with records that are here");
    }
    for index in found {
        let Some(record) = checking.take(source.record(*index)) else { continue };
        let edge = edges.contains(&Some(*index));
        let fits = match range.contains(index) {
            true => !edge || (period.start..period.end).contains(&record.at),
            false if *index < range.start => record.at < period.start,
            false => record.at >= period.end,
        };
        let why = if edge {
            "does not fall into the period, but ends the range"
        } else {
            "lies outside of the range, but falls into the period or beyond it"
        };
        checking.expect(fits, record_path(*index), why);
    }
}

/// Checks that every file is the one that its record was committed to.
pub(super) fn commitments(archive: &Archive, contents: &Contents, digests: &Digests) -> Check {
    let mut checking = Checking::new("commitments");
    let source = BundleSource(archive);
    let Some(mut salts) = checking.take(salts(archive)) else { return checking.done(String::new()) };
    let (mut count, mut erased) = (0_u64, 0_u64);
    for index in contents.disclosed() {
        let Some(record) = checking.take(source.record(index)) else { continue };
        let Some(commit) = record.commit else { continue };
        erased += u64::from(contents.had_files(index, &record.body) && contents.erased.contains_key(&index));
        if !contents.has_files(index, &record.body) {
            continue;
        }
        let Some(salt) = salts.remove(&index) else {
            checking.wrong(SALTS, format!("has no salt for record {index}"));
            continue;
        };
        count += record_files(archive, &source, digests, index, (&salt, &commit), &mut checking);
    }
    for index in salts.keys() {
        checking.wrong(SALTS, format!("has a salt for record {index}, which needs none"));
    }
    let erased = if erased == 0 { String::new() } else { format!("; {erased} erased on record") };
    checking.done(format!("{count} files are those that the records were committed to{erased}"))
}

fn record_files(
    archive: &Archive,
    source: &BundleSource<'_>,
    digests: &Digests,
    index: u64,
    (salt, commit): (&str, &str),
    checking: &mut Checking,
) -> u64 {
    let Some(Some(folder)) = checking.take(source.folder(index)) else {
        checking.wrong(record_path(index), "commits to files, but such records have none");
        return 0;
    };
    let sums_path = format!("{folder}/SHA256SUMS");
    let digest = |path: &str| digests.get(archive.find(path).ok()??.position).copied().flatten();
    let Some(sums) = digest(&sums_path) else {
        checking.wrong(sums_path, "is missing or unreadable");
        return 0;
    };
    let text = format!("evidenced/commit/v1\n{salt}\n{}\n", hex::encode(sums));
    if hex::encode(Sha256::digest(text)) != commit {
        let why = format!("with its salt, it is not what {} was committed to", record_path(index));
        checking.wrong(&sums_path, why);
    }
    let Some(listed) = checking.take(source.sums(index)) else { return 0 };
    for (hash, name) in &listed {
        let path = format!("{folder}/{name}");
        match digest(&path) {
            None => checking.wrong(path, format!("{sums_path} lists it, but it is missing or unreadable")),
            Some(found) => checking.expect(found == *hash, path, format!("is not the file that {sums_path} lists")),
        }
    }
    listed.len() as u64
}

/// Salts by record: `salts.csv` has one form only.
fn salts(archive: &Archive) -> Result<BTreeMap<u64, String>, BundleError> {
    let text = archive.text(SALTS)?;
    let malformed = |why: String| BundleError::malformed(SALTS, why);
    let rows = text.strip_prefix(SALTS_HEADER).and_then(|rest| rest.strip_prefix('\n'));
    let rows = rows.ok_or_else(|| malformed(format!("does not begin with {SALTS_HEADER}")))?;
    let mut salts = BTreeMap::new();
    let mut again = String::new();
    for row in rows.split_terminator('\n') {
        let parts = row.split_once(',').and_then(|(index, salt)| Some((index.parse::<u64>().ok()?, salt)));
        let (index, salt) = parts.ok_or_else(|| malformed(format!("{row:?} is not `<record>,<salt>`")))?;
        let bytes: Option<[u8; 16]> = hex::decode(salt).ok().and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| malformed(format!("the salt of record {index} is not 16 bytes in hex")))?;
        if salts.last_key_value().is_some_and(|(last, _)| *last >= index) {
            return Err(malformed(format!("record {index} is not in order, or is there twice")));
        }
        again.push_str(&format!("{index},{}\n", hex::encode(bytes)));
        salts.insert(index, salt.to_owned());
    }
    if again != rows {
        return Err(malformed("not in the one form that the format has".to_owned()));
    }
    Ok(salts)
}
