//! What others hold: every checkpoint that was handed over is of this log, its receipt is for it, and its root
//! is on the way of the leaf hashes. And the checkpoints that whoever verifies has kept.

use super::brought::Brought;
use super::container::Archive;
use super::log;
use super::merkle::{Checkpoint, Hash};
use super::range::roots_at;
use super::report::{Check, Checking};
use super::source::BundleSource;
use crate::anchor::{NOTE, RECEIPT};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, digits, record_path};
use crate::ledger::record::{AnchorWay, Body};
use crate::timestamp::{self, TimestampError};
use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A checkpoint at a time that somebody else vouches for: his receipt was checked with what was brought along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated {
    /// Index of the `anchor` record.
    pub(super) record: u64,
    /// Records under the checkpoint.
    pub(super) size: u64,
    /// When.
    pub(super) time: DateTime<Utc>,
}

/// A signed note and what it says.
struct Signed {
    file: String,
    note: String,
    checkpoint: Checkpoint,
}

/// The checkpoints that were handed over, as far as they can bound the times of records.
#[derive(Default)]
pub(super) struct Handed {
    /// How many.
    pub(super) count: u64,
    /// Those whose time was checked, in order of the log.
    pub(super) dated: Vec<Dated>,
}

/// Checks every anchor record of the bundle, and the checkpoints brought along.
pub(super) fn check(
    archive: &Archive,
    contents: &Contents,
    closing: &log::Closing,
    brought: &Brought,
) -> (Vec<Check>, Handed) {
    let mut handed = Handed::default();
    let mut checking = Checking::new("anchors");
    let source = BundleSource::of(archive);
    let mut signed = Vec::new();
    for index in contents.of_kind("anchor").iter().copied() {
        let Some(record) = checking.take(source.record(index)) else { continue };
        if !contents.has_files(index, &record.body) {
            continue;
        }
        handed.count += 1;
        let read = anchor(&source, index, &record.body, closing, brought, &mut checking);
        if let Some((one, dated)) = checking.take(read) {
            signed.push(one);
            handed.dated.extend(dated);
        }
    }
    let mut holding = Checking::new("held");
    let held: Vec<Signed> = brought.held.iter().filter_map(|note| holding.take(kept(note, closing))).collect();
    let sizes: BTreeSet<u64> = signed.iter().chain(&held).map(|signed| signed.checkpoint.size).collect();
    let (from, to) = (contents.facts.range.start, closing.size());
    let roots = checking.take(roots_at(archive, from, closing, &sizes)).unwrap_or_default();
    let outside = format!("this bundle shows the log from {from} to {to} records");
    for one in &signed {
        if !compare(one, &roots, closing, &signed, &mut checking) {
            checking.not_checked(format!("the root of {}: {outside}", one.file));
        }
    }
    let mut checks = vec![checking.done(format!(
        "{} checkpoints that were handed to others are of this log; the time of {} was checked",
        handed.count,
        handed.dated.len()
    ))];
    if brought.held.is_empty() {
        return (checks, handed);
    }
    let mut compared = 0_u64;
    for one in &held {
        if compare(one, &roots, closing, &signed, &mut holding) {
            compared += 1;
        } else {
            let size = one.checkpoint.size;
            holding.not_checked(format!("the checkpoint of {size} records that you hold: {outside}"));
        }
    }
    checks.push(holding.done(format!("{compared} of {} checkpoints that you hold are of this log", held.len())));
    (checks, handed)
}

fn anchor(
    source: &BundleSource<'_>,
    index: u64,
    body: &Body,
    closing: &log::Closing,
    brought: &Brought,
    checking: &mut Checking,
) -> Result<(Signed, Option<Dated>), BundleError> {
    let Body::Anchor { anchor, way, size, note_sha256, receipt_sha256, time } = body else {
        return Err(BundleError::malformed(record_path(index), "is no anchor"));
    };
    let path = |name: &str| format!("data/anchors/{}/{name}", digits(index));
    let read = |name: &str, sha256: &str| {
        let bytes = source.file(index, name)?;
        let same = hex::encode(Sha256::digest(&bytes)) == sha256;
        if same { Ok(bytes) } else { Err(BundleError::malformed(path(name), "is not what the record says")) }
    };
    let (note, receipt) = (read(NOTE, note_sha256)?, read(RECEIPT, receipt_sha256)?);
    let text = String::from_utf8(note.clone()).map_err(|_| BundleError::malformed(path(NOTE), "is not UTF-8"))?;
    let checkpoint = closing.open(&text).map_err(|why| BundleError::malformed(path(NOTE), why))?;
    if checkpoint.size != *size || checkpoint.size > index {
        return Err(BundleError::malformed(record_path(index), "names another size than its checkpoint can have"));
    }
    let wrong = |why: String| BundleError::malformed(path(RECEIPT), why);
    let found = receipt_time(*way, &note, &receipt, brought).map_err(wrong)?;
    let who = format!("{anchor}, record {index}");
    let mut dated = None;
    match &found {
        Found::Checked(at) | Found::Stated(at, _) if Some(at.trunc_subsecs(3)) != time.map(|t| t.trunc_subsecs(3)) => {
            return Err(BundleError::malformed(record_path(index), "names another time than its receipt"));
        }
        Found::Checked(at) => dated = Some(Dated { record: index, size: *size, time: *at }),
        Found::Stated(_, why) | Found::Untimed(why) => checking.not_checked(format!("{who}: {why}")),
    }
    Ok((Signed { file: path(NOTE), note: text, checkpoint }, dated))
}

/// What a receipt shows.
enum Found {
    /// A time that somebody vouches for who was brought along.
    Checked(DateTime<Utc>),
    /// A time, and why nobody vouches for it.
    Stated(DateTime<Utc>, String),
    /// Why nothing in it can be checked from here.
    Untimed(String),
}

/// The error is what is wrong with the receipt.
fn receipt_time(way: AnchorWay, note: &[u8], receipt: &[u8], brought: &Brought) -> Result<Found, String> {
    match way {
        AnchorWay::Rfc3161 => {
            let sha256 = Sha256::digest(note).into();
            let stamp = match timestamp::read(receipt) {
                Ok(stamp) => stamp,
                Err(TimestampError::NotUnderstood(why)) => return Ok(Found::Untimed(format!("not understood: {why}"))),
                Err(error) => return Err(error.to_string()),
            };
            if stamp.sha256 != sha256 {
                return Err("is a time-stamp of other data than the note".to_owned());
            }
            let Some(roots) = &brought.roots else {
                return Ok(Found::Stated(stamp.time, "who signed its time-stamp (--tsa-root)".to_owned()));
            };
            match timestamp::verify(receipt, &sha256, roots) {
                Ok(stamp) => Ok(Found::Checked(stamp.time)),
                Err(TimestampError::NotUnderstood(why)) => {
                    Ok(Found::Stated(stamp.time, format!("not understood: {why}")))
                }
                Err(error) => Err(error.to_string()),
            }
        }
        AnchorWay::Witness => {
            let texts = std::str::from_utf8(note).ok().zip(std::str::from_utf8(receipt).ok());
            let (note, lines) = texts.ok_or("is not UTF-8")?;
            for witness in &brought.witnesses {
                if let Some(time) = witness.signed(note, lines)? {
                    return Ok(Found::Checked(time));
                }
            }
            Ok(Found::Untimed("the cosignature of its witness (--witness-key)".to_owned()))
        }
        AnchorWay::Git => Ok(Found::Untimed("whether the branch has its commit: look there".to_owned())),
        AnchorWay::Folder if receipt == note => Ok(Found::Untimed("whether the folder has it: look there".to_owned())),
        AnchorWay::Folder => Err("is not the checkpoint that was handed over".to_owned()),
    }
}

/// A checkpoint that whoever verifies has kept.
fn kept(note: &[u8], closing: &log::Closing) -> Result<Signed, BundleError> {
    const FILE: &str = "the checkpoint that you hold";
    let note = String::from_utf8(note.to_vec()).map_err(|_| BundleError::malformed(FILE, "is not UTF-8"))?;
    let checkpoint = closing.open(&note).map_err(|why| BundleError::malformed(FILE, why))?;
    Ok(Signed { file: FILE.to_owned(), note, checkpoint })
}

/// Compares with the root that the leaf hashes lead to; `false` when they do not reach there.
fn compare(
    one: &Signed,
    roots: &BTreeMap<u64, Hash>,
    closing: &log::Closing,
    others: &[Signed],
    checking: &mut Checking,
) -> bool {
    let Some(root) = roots.get(&one.checkpoint.size) else { return false };
    if *root == one.checkpoint.root {
        return true;
    }
    let size = one.checkpoint.size;
    let same = others.iter().find(|other| other.checkpoint.size == size && other.checkpoint.root == *root);
    let closing_note = (closing.size() == size).then(|| closing.note());
    let (proof, other) = match same.map(|other| other.note.as_str()).or(closing_note) {
        Some(other) => ("the log's key has signed two roots for one size", other),
        None => ("the log's key has signed two pasts, neither of which continues the other", closing.note()),
    };
    checking.wrong(
        &one.file,
        format!(
            "proof of misconduct: {proof}. Of the first {size} records this bundle leads to another root.\n\
             --- one:\n{}--- the other:\n{other}",
            one.note
        ),
    );
    true
}
