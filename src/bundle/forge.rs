//! Alters a copy of a bundle and redoes everything that can be redone without the log's key, as a forger
//! would who has the key of bundles. For the demo and for tests of `verify`; holds the bundle in memory. No command of the
//! program reaches `withhold`; `tests/integration/bundle/selective.rs` does.

use super::export::archive::Bag;
use super::export::seal;
use super::format::{MANIFEST, closing};
use super::{BundleError, ExportRequest, ExportSummary};
use crate::ledger::Reader;
use crate::ledger::bundle_key::BundleKey;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zip::ZipArchive;

/// Copies the bundle at `from` to `to`, which must not be there. `alter` may change, add and remove files, by
/// path within the bundle's folder; the manifests and signatures are made anew, and a time-stamp is dropped.
pub fn forge(
    from: &Path,
    to: &Path,
    key: &BundleKey,
    alter: impl FnOnce(&mut BTreeMap<String, Vec<u8>>),
) -> Result<(), BundleError> {
    let unreadable = || BundleError::io(format!("{} cannot be read", from.display()));
    let mut zip =
        File::open(from).and_then(|file| ZipArchive::new(file).map_err(std::io::Error::other)).map_err(unreadable())?;
    let (mut top, mut files) = (String::new(), BTreeMap::new());
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(std::io::Error::other).map_err(unreadable())?;
        let name = entry.name().map_err(std::io::Error::other).map_err(unreadable())?.into_owned();
        let (folder, path) = name.split_once('/').unwrap_or_default();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(unreadable())?;
        folder.clone_into(&mut top);
        files.insert(path.to_owned(), bytes);
    }
    alter(&mut files);
    files.retain(|path, _| path != MANIFEST && !closing(path));
    let mut bag = Bag::create(to, top)?;
    let unwritten = |path: &str| BundleError::io(format!("{path} cannot be written"));
    for (path, bytes) in &files {
        bag.file(path, |out| out.write_all(bytes).map_err(unwritten(path)))?;
    }
    let tagmanifest = bag.tagmanifest()?;
    for (path, bytes) in seal(key, tagmanifest.as_bytes(), None)? {
        bag.add(path, |out| out.write_all(&bytes).map_err(unwritten(path)))?;
    }
    bag.finish()?;
    Ok(())
}

/// Writes the bundle of a request without some of the records that it must disclose, and makes everything
/// else fit: tables, proofs, manifests. What somebody can do who has the ledger and wants to hide something.
///
/// Errors: also when no bundle can be made of what is left, which `verify` would refuse as well.
#[doc(hidden)]
pub fn withhold(
    reader: &Reader,
    request: &ExportRequest<'_>,
    withheld: &BTreeSet<u64>,
) -> Result<ExportSummary, BundleError> {
    super::export::export_without(reader, request, withheld)
}

/// Calls a deviation a pass in a copy, and redoes the folder's sums, the manifests and the signature. Returns the path of
/// the altered file; `None`: the bundle has no deviation to hide.
pub fn hide_a_deviation(from: &Path, to: &Path, key: &BundleKey) -> Result<Option<String>, BundleError> {
    let mut altered = None;
    forge(from, to, key, |files| {
        let deviates = |path: &str, bytes: &[u8]| {
            path.ends_with("/judgements.json") && String::from_utf8_lossy(bytes).contains(r#""outcome":"deviation""#)
        };
        let found = files.iter().find(|(path, bytes)| deviates(path, bytes)).map(|(path, _)| path.clone());
        let Some(path) = found else { return };
        if let Some(bytes) = files.get_mut(&path) {
            *bytes =
                String::from_utf8_lossy(bytes).replace(r#""outcome":"deviation""#, r#""outcome":"pass""#).into_bytes();
        }
        redo_sums(files, &path);
        altered = Some(path);
    })?;
    Ok(altered)
}

/// Makes the `SHA256SUMS` beside `path` true again.
fn redo_sums(files: &mut BTreeMap<String, Vec<u8>>, path: &str) {
    let Some((folder, name)) = path.rsplit_once('/') else { return };
    let sha256 = files.get(path).map(|bytes| hex::encode(Sha256::digest(bytes))).unwrap_or_default();
    if let Some(sums) = files.get_mut(&format!("{folder}/SHA256SUMS")) {
        let suffix = format!("  {name}");
        let lines = String::from_utf8_lossy(sums)
            .lines()
            .map(|line| match line.ends_with(&suffix) {
                true => format!("{sha256}{suffix}\n"),
                false => format!("{line}\n"),
            })
            .collect::<String>();
        *sums = lines.into_bytes();
    }
}
