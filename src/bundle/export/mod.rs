//! From the ledger to the archive, file by file. Nothing of the bundle's form is decided here: see
//! `format`. Reads the ledger, and no clock.

pub(super) mod archive;
mod envelope;
mod ledger_source;
mod packer;
mod select;
mod zip;

use super::derive::derive;
use super::format::{BAGIT, Contents, Facts, PROOF_HEADER, SALTS_HEADER, What, layout};
use super::{BundleError, format, tools};
use crate::ledger::bundle_key::BundleKey;
use crate::ledger::{Proofs, Reader, tree};
use archive::Bag;
use base64::{Engine, engine::general_purpose::STANDARD};
pub(crate) use envelope::seal;
pub use envelope::{Authority, Timestamp};
use evidenced_collectors::contract::Window;
pub(crate) use ledger_source::LedgerSource;
use packer::pack;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Leaf hashes held in memory at a time.
const LEAVES_AT_A_TIME: u64 = 65_536;

/// What to export.
pub struct ExportRequest<'a> {
    /// The auditor's observation period.
    pub period: Window,
    /// The file to write, or a folder to write `<name of the bundle>.zip` in. Never overwritten.
    pub out: &'a Path,
    /// Whose evidence it is: as the first record of the log says.
    pub organization: String,
    /// Controls to limit it to; empty: everything.
    pub controls: BTreeSet<String>,
    /// Say that it is a sample with a simulated clock. A ledger that is one is always said to be.
    pub sample: bool,
    /// Signs it. Must be in force, as the log says.
    pub key: &'a BundleKey,
    /// Who says when; asked only when no earlier export of the same content was given a time-stamp.
    pub authority: Option<&'a Authority<'a>>,
    /// Fail rather than write a bundle without a time-stamp.
    pub require_timestamp: bool,
}

impl<'a> ExportRequest<'a> {
    /// Everything of a period, without a time-stamp.
    pub fn whole(period: Window, out: &'a Path, organization: &str, key: &'a BundleKey) -> Self {
        Self {
            period,
            out,
            organization: organization.to_owned(),
            controls: BTreeSet::new(),
            sample: false,
            key,
            authority: None,
            require_timestamp: false,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportSummary {
    /// The archive.
    pub path: PathBuf,
    /// The one folder in it.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of the archive, hex.
    pub sha256: String,
    /// SHA-256 of `tagmanifest-sha256.txt`, hex: names all of the content.
    pub tagmanifest_sha256: String,
    /// Whether it has a time-stamp.
    pub timestamp: Timestamp,
    /// The time-stamp's bytes: what `Body::Export` has as its file.
    #[serde(skip)]
    pub token: Option<Vec<u8>>,
    /// Name of the log.
    pub origin: String,
    /// Size of the log under the closing checkpoint.
    pub log_size: u64,
    /// First record of the period.
    pub first_record: u64,
    /// First record after the period.
    pub end_record: u64,
    /// Records disclosed, supporting ones included.
    pub records: u64,
    /// Records of the period that are withheld: only their hashes are in the bundle.
    pub withheld: u64,
    /// The controls that it is limited to; empty: everything.
    pub controls: BTreeSet<String>,
    /// Files, manifests included.
    pub files: u64,
    /// A sample with a simulated clock.
    pub sample: bool,
}

/// Writes the bundle of a period. The same ledger and request give the same bytes, also when the ledger
/// has grown since: the closing checkpoint is the oldest that covers the period and ends with a summary.
///
/// Errors: `Request` when there is nothing to export, the file exists, or the key may not sign; `NotCovered` when
/// there is no such checkpoint: append a summary, and ask again; `Ledger` when the ledger is not what it should be.
/// Nothing is left behind by an error.
pub fn export(reader: &Reader, request: &ExportRequest<'_>) -> Result<ExportSummary, BundleError> {
    write_bundle(reader, request, select::select(reader, request)?)
}

/// Controls that, by a configuration in force in the period, meet one of the criteria.
pub fn controls_meeting(
    reader: &Reader,
    period: Window,
    criteria: &BTreeSet<String>,
) -> Result<BTreeSet<String>, BundleError> {
    select::meeting(reader, period, criteria)
}

/// The bundle that somebody makes who leaves these records out, and makes everything else fit. For tests of
/// `verify`: see `forge`.
pub(super) fn export_without(
    reader: &Reader,
    request: &ExportRequest<'_>,
    withheld: &BTreeSet<u64>,
) -> Result<ExportSummary, BundleError> {
    let mut selected = select::select(reader, request)?;
    selected.records.retain(|index| !withheld.contains(index));
    write_bundle(reader, request, selected)
}

fn write_bundle(
    reader: &Reader,
    request: &ExportRequest<'_>,
    selected: Selected,
) -> Result<ExportSummary, BundleError> {
    let held = reader.hold().map_err(|e| BundleError::ledger("records", e))?;
    let source = LedgerSource::of(reader);
    let contents = Contents::read(selected.facts, selected.records, &source)?;
    let plan = layout(&contents, &source)?;
    let name = contents.facts.top();
    let path = if request.out.is_dir() { request.out.join(format!("{name}.zip")) } else { request.out.to_owned() };
    let mut proofs = reader.proofs();
    let mut bag = pack(Bag::create(&path, name)?, |giver| {
        plan.each(&contents, &source, |planned| {
            let into =
                |out: &mut dyn Write| write(&planned.what, &contents, &source, &mut proofs, &selected.checkpoint, out);
            giver.file(&planned.path, into)
        })
    })?;
    // Whoever says when may take long.
    drop(held);
    let tagmanifest = bag.tagmanifest()?;
    let envelope = envelope::envelope(reader, request, tagmanifest.as_bytes())?;
    for (name, bytes) in &envelope.files {
        bag.add(name, |out| out.write_all(bytes).map_err(unwritten))?;
    }
    let written = bag.finish()?;
    Ok(ExportSummary {
        path,
        name: contents.facts.top(),
        bytes: written.bytes,
        sha256: written.sha256,
        tagmanifest_sha256: envelope.tagmanifest_sha256,
        timestamp: envelope.timestamp,
        token: envelope.token,
        origin: contents.facts.origin.clone(),
        log_size: contents.facts.log_size,
        first_record: contents.facts.range.start,
        end_record: contents.facts.range.end,
        records: contents.disclosed().count() as u64,
        withheld: contents.withheld(),
        controls: contents.facts.controls.clone(),
        files: written.files,
        sample: contents.facts.sample,
    })
}

fn unwritten(error: std::io::Error) -> BundleError {
    BundleError::io("the bundle cannot be written")(error)
}

fn write(
    what: &What,
    contents: &Contents,
    source: &LedgerSource<'_>,
    proofs: &mut Proofs<'_>,
    checkpoint: &[u8],
    out: &mut dyn Write,
) -> Result<(), BundleError> {
    let size = contents.facts.log_size;
    match what {
        What::Bagit => out.write_all(BAGIT.as_bytes()).map_err(unwritten),
        What::Derived(what) => derive(what, contents, source, out),
        What::Record(index) => out.write_all(&source.written(*index)?).map_err(unwritten),
        What::Proof(index) => out.write_all(&proof(proofs, *index, size, checkpoint)?).map_err(unwritten),
        What::Sums(index) => out.write_all(source.sha256sums(*index)?.as_bytes()).map_err(unwritten),
        What::Member(index, name) => source.copy(*index, name, out),
        What::Salts => salts(contents, source, out),
        What::Checkpoint => out.write_all(checkpoint).map_err(unwritten),
        What::LeafHashes => leaf_hashes(source.reader, contents.facts.range.start, size, out),
        What::Frontier => frontier(source.reader, contents.facts.range.start, out),
        What::Tool(at) => out.write_all(tools::ALL[*at].text.as_bytes()).map_err(unwritten),
        What::Key => keys(source.reader, size, out),
        What::KeyCheckpoint(index) => key_checkpoint(source.reader, *index, out),
    }
}

/// The keys that records under the checkpoint name, the first one first.
fn keys(reader: &Reader, size: u64, out: &mut dyn Write) -> Result<(), BundleError> {
    let signers = reader.signers().map_err(|e| BundleError::ledger("keys of the log", e))?;
    signers.named_below(size).try_for_each(|key| writeln!(out, "{key}")).map_err(unwritten)
}

fn key_checkpoint(reader: &Reader, index: u64, out: &mut dyn Write) -> Result<(), BundleError> {
    let what = || format!("checkpoint of the key record {index}");
    let found = reader.checkpoint_at_or_after(index + 1).map_err(|e| BundleError::ledger(what(), e))?;
    let note = found.filter(|(size, _)| *size == index + 1).map(|(_, note)| note);
    out.write_all(&note.ok_or_else(|| BundleError::ledger(what(), "there is none"))?).map_err(unwritten)
}

fn proof(proofs: &mut Proofs<'_>, index: u64, size: u64, checkpoint: &[u8]) -> Result<Vec<u8>, BundleError> {
    let hashes =
        proofs.inclusion(index, size).map_err(|e| BundleError::ledger(format!("proof of record {index}"), e))?;
    let mut text = format!("{PROOF_HEADER}\nindex {index}\n");
    for hash in hashes {
        text.push_str(&STANDARD.encode(hash));
        text.push('\n');
    }
    text.push('\n');
    let mut proof = text.into_bytes();
    proof.extend_from_slice(checkpoint);
    Ok(proof)
}

fn salts(contents: &Contents, source: &LedgerSource<'_>, out: &mut dyn Write) -> Result<(), BundleError> {
    writeln!(out, "{SALTS_HEADER}").map_err(unwritten)?;
    for index in contents.disclosed() {
        let record = format::Source::record(source, index)?;
        if record.commit.is_none() || !contents.has_files(index, &record.body) {
            continue;
        }
        let what = || format!("salt of record {index}");
        let salt = source.reader.salt(index).map_err(|e| BundleError::ledger(what(), e))?;
        let salt = salt.ok_or_else(|| BundleError::ledger(what(), "there is none"))?;
        writeln!(out, "{index},{}", hex::encode(salt)).map_err(unwritten)?;
    }
    Ok(())
}

/// Calls `each` with every leaf hash of the range, a page of them in memory at a time.
fn leaves(
    reader: &Reader,
    range: std::ops::Range<u64>,
    mut each: impl FnMut(tree::Hash) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let mut at = range.start;
    while at < range.end {
        let next = range.end.min(at + LEAVES_AT_A_TIME);
        let page = reader.leaf_hashes(at..next).map_err(|e| BundleError::ledger(format!("records {at}..{next}"), e))?;
        if page.len() as u64 != next - at {
            return Err(BundleError::ledger(format!("records {at}..{next}"), "some have no leaf hash"));
        }
        page.into_iter().try_for_each(&mut each)?;
        at = next;
    }
    Ok(())
}

fn leaf_hashes(reader: &Reader, start: u64, size: u64, out: &mut dyn Write) -> Result<(), BundleError> {
    leaves(reader, start..size, |hash| writeln!(out, "{}", hex::encode(hash)).map_err(unwritten))
}

/// The perfect subtrees over everything before the range, the largest first.
fn frontier(reader: &Reader, start: u64, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut frontier = tree::Frontier::default();
    leaves(reader, 0..start, |hash| {
        frontier.push(hash);
        Ok(())
    })?;
    frontier.peaks().iter().try_for_each(|hash| writeln!(out, "{}", hex::encode(hash))).map_err(unwritten)
}

/// The facts and records that a request comes down to.
struct Selected {
    facts: Facts,
    records: BTreeSet<u64>,
    checkpoint: Vec<u8>,
}
