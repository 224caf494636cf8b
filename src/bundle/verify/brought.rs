//! What whoever verifies has brought along: keys, certificates and checkpoints from elsewhere than the bundle.

use super::cosignature::Witness;
use super::merkle::{Key, Note};
use super::signers::AllowedSigners;
use super::{VerifyOptions, log};
use crate::bundle::BundleError;
use crate::timestamp::Roots;

/// Each part may be missing; what it would have shown is then said to be not checked.
pub(super) struct Brought {
    /// Keys of the log.
    pub(super) keys: Vec<Key>,
    /// Who may sign bundles.
    pub(super) signers: Option<AllowedSigners>,
    /// Root certificates of time-stamp authorities.
    pub(super) roots: Option<Roots>,
    /// Keys of witnesses.
    pub(super) witnesses: Vec<Witness>,
    /// Older checkpoints.
    pub(super) held: Vec<Vec<u8>>,
}

impl Brought {
    /// Reads it; each part must be what it is said to be.
    pub(super) fn parse(options: &VerifyOptions) -> Result<Self, BundleError> {
        let request = |what: String, hint: &str| BundleError::Request { what, hint: hint.to_owned() };
        let keys = options.vkey.as_deref().map(log::given_keys).transpose()?.unwrap_or_default();
        let roots = options.tsa_roots.as_deref().map(Roots::from_pem).transpose().map_err(|error| {
            let what = format!("the authority's root certificate cannot be read: {error}");
            request(what, "give the file in PEM, as the authority publishes it")
        })?;
        let witness = |key: &String| {
            Witness::parse(key.trim()).map_err(|why| {
                request(format!("a witness's key: {why}"), "give name+id+base64 as its operator gave it")
            })
        };
        // Of which log it is, and whether that signed it, the bundle shows.
        let checkpoint = |note: &Vec<u8>| {
            let text = std::str::from_utf8(note).map_err(|_| "not UTF-8".to_owned());
            let read = text.and_then(|text| Note::parse(text)?.checkpoint());
            let hint = "give the file as you were given it, such as data/log/checkpoint of an older bundle";
            read.map(|_| note.clone())
                .map_err(|why| request(format!("a checkpoint that you hold is none: {why}"), hint))
        };
        Ok(Self {
            keys,
            signers: options.allowed_signers.as_deref().map(AllowedSigners::parse).transpose()?,
            roots,
            witnesses: options.witness_keys.iter().map(witness).collect::<Result<_, _>>()?,
            held: options.held.iter().map(checkpoint).collect::<Result<_, _>>()?,
        })
    }
}
