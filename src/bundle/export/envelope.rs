//! What is put around a bundle: signatures by the bundle key, and a time-stamp. The network is whoever asks
//! the authority; here are bytes.

use super::ExportRequest;
use crate::bundle::BundleError;
use crate::bundle::format::{NAMESPACE, SIGNATURE, TOKEN, TOKEN_SIGNATURE};
use crate::ledger::bundle_key::BundleKey;
use crate::ledger::record::{Body, KeyChange, KeyRole};
use crate::ledger::{Filter, LedgerError, Reader};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Gives an RFC 3161 response over the bytes, checked to answer that request; or says why not.
pub type Authority<'a> = dyn Fn(&[u8]) -> Result<Vec<u8>, String> + Send + Sync + 'a;

/// Whether a bundle has a time-stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Timestamp {
    /// The authority gave one.
    Given,
    /// The one of an earlier export of the same content.
    Reused,
    /// No authority is configured.
    NotConfigured,
    /// The authority gave none.
    Missing {
        /// Why.
        why: String,
    },
}

/// The files beside the tag manifest.
pub(super) struct Envelope {
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
    pub(super) tagmanifest_sha256: String,
    pub(super) timestamp: Timestamp,
    pub(super) token: Option<Vec<u8>>,
}

/// Signs the tag manifest, and has it time-stamped.
pub(super) fn envelope(
    reader: &Reader,
    request: &ExportRequest<'_>,
    tagmanifest: &[u8],
) -> Result<Envelope, BundleError> {
    let tagmanifest_sha256 = hex::encode(Sha256::digest(tagmanifest));
    let (token, timestamp) = match (earlier_token(reader, &tagmanifest_sha256)?, request.authority) {
        (Some(token), _) => (Some(token), Timestamp::Reused),
        (None, None) => (None, Timestamp::NotConfigured),
        (None, Some(authority)) => match authority(tagmanifest) {
            Ok(token) => (Some(token), Timestamp::Given),
            Err(why) => (None, Timestamp::Missing { why }),
        },
    };
    if request.require_timestamp && token.is_none() {
        let (why, hint) = match timestamp {
            Timestamp::Missing { why } => (why, "try again when the authority answers"),
            _ => ("no time-stamp authority is configured".to_owned(), "add [anchors.<name>] with way = \"rfc3161\""),
        };
        return Err(BundleError::Request {
            what: format!("the bundle has no time-stamp, which was required: {why}"),
            hint: format!("{hint}, or export without --require-timestamp"),
        });
    }
    let files = seal(request.key, tagmanifest, token.as_deref())?;
    Ok(Envelope { files, tagmanifest_sha256, timestamp, token })
}

/// The signature files of a tag manifest and a token, and the token.
pub(crate) fn seal(
    key: &BundleKey,
    tagmanifest: &[u8],
    token: Option<&[u8]>,
) -> Result<Vec<(&'static str, Vec<u8>)>, BundleError> {
    let sign = |bytes: &[u8]| {
        let signature = key.sign(NAMESPACE, bytes).map_err(|e| BundleError::ledger("a signature", e))?;
        Ok::<_, BundleError>(signature.into_bytes())
    };
    let mut files = vec![(SIGNATURE, sign(tagmanifest)?)];
    if let Some(token) = token {
        files.push((TOKEN, token.to_owned()));
        files.push((TOKEN_SIGNATURE, sign(token)?));
    }
    Ok(files)
}

/// The time-stamp that an earlier export of the same content was given, so that the same state gives the
/// same bytes.
fn earlier_token(reader: &Reader, tagmanifest_sha256: &str) -> Result<Option<Vec<u8>>, BundleError> {
    let unread = |error: LedgerError| BundleError::ledger("the earlier exports", error);
    for found in reader.records(0..u64::MAX, &Filter::kind("export")) {
        let (index, record) = found.map_err(unread)?;
        let same = matches!(&record.body, Body::Export { tagmanifest_sha256: t, .. } if t == tagmanifest_sha256);
        if same && reader.files(index).map_err(unread)?.iter().any(|file| file.name == TOKEN) {
            return reader.read_file(index, TOKEN).map(Some).map_err(unread);
        }
    }
    Ok(None)
}

/// The record from which on the key signs bundles. The closing checkpoint must cover it, or the bundle could
/// not show that the key may sign.
pub(super) fn key_in_force(reader: &Reader, key: &BundleKey) -> Result<u64, BundleError> {
    let unread = |error: LedgerError| BundleError::ledger("the records of keys", error);
    let line = key.public_line().map_err(|e| BundleError::ledger("the bundle key", e))?;
    let mut since = None;
    for found in reader.records(0..u64::MAX, &Filter::kind("key")) {
        let (index, record) = found.map_err(unread)?;
        match record.body {
            Body::Key { role: KeyRole::Bundle, key, change } if key == line => {
                since = (change == KeyChange::Added).then_some(index);
            }
            _ => {}
        }
    }
    since.ok_or_else(|| BundleError::Request {
        what: format!("the log does not say that the key {line} signs bundles"),
        hint: "use the bundle key that the ledger was made with, or the one that took its place".to_owned(),
    })
}
