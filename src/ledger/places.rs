//! Where the secret keys are, and reading and replacing them there. Which of them sign is `signers`'
//! question.
//!
//! The place of the log's keys holds a line per key: more than one from the moment that a new key is made
//! until the old one is retired.

use super::LedgerError;
use super::layout::Layout;
use super::note::{SigningKey, VerifierKey};
use evidenced_collectors::contract::SecretRef;
use evidenced_collectors::door::read_secret;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most keys in one place.
const KEYS_MAX: usize = 16;

/// Where the secret keys are. What is left out lies in the state directory, where `evidenced init` puts it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPlaces {
    /// The log's keys, which sign checkpoints. Default: `log.key` in the state directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<SecretRef>,
    /// The bundle keys, which sign bundles. Default: `bundle.key` in the state directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<SecretRef>,
}

/// The log's secret keys that are at hand.
#[derive(Default)]
pub(super) struct Secrets(pub(super) Vec<SigningKey>);

impl Secrets {
    /// Reads the place of the log's keys.
    pub(super) fn read(layout: &Layout, places: &KeyPlaces) -> Result<Self, LedgerError> {
        let text = match &places.log {
            None => SecretString::from(layout.read_secret_text(&layout.secret_key())?),
            Some(place) => read_place(place)?,
        };
        let refused = |source| LedgerError::Note { path: PathBuf::from(place_of_log(layout, places)), source };
        let mut keys: Vec<SigningKey> = Vec::new();
        for line in text.expose_secret().trim_end_matches('\n').split('\n') {
            let key = SigningKey::parse(line).map_err(refused)?;
            let same = keys.first().is_none_or(|first| first.public().name() == key.public().name());
            if !same || keys.iter().any(|other| other.public() == key.public()) || keys.len() == KEYS_MAX {
                let why = "its lines are not a few different keys of one log";
                return Err(refused(super::note::NoteError::Key { what: "secret keys of the log", why }));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The secret half of a public key.
    pub(super) fn of(&self, key: &VerifierKey) -> Option<&SigningKey> {
        self.0.iter().find(|secret| secret.public() == key)
    }

    /// The one key that a new log may begin with.
    pub(super) fn only(mut self, origin: &str, place: &str) -> Result<SigningKey, LedgerError> {
        match self.0.pop() {
            Some(key) if self.0.is_empty() && key.public().name() == origin => Ok(key),
            _ => Err(LedgerError::KeyChange {
                why: format!("{place} does not hold just one key of the log {origin}"),
                hint: "a log begins with one key that is named as it is; `evidenced key new` makes it".to_owned(),
            }),
        }
    }

    /// Replaces the place of the log's keys, whole and durably.
    pub(super) fn write(&self, layout: &Layout, places: &KeyPlaces) -> Result<(), LedgerError> {
        let text: String = self.0.iter().map(SigningKey::to_secret_text).collect();
        replace_place(layout, places.log.as_ref(), layout.secret_key(), text.as_bytes())
    }
}

/// The place of the log's keys, for people.
pub(super) fn place_of_log(layout: &Layout, places: &KeyPlaces) -> String {
    match &places.log {
        None => layout.secret_key().display().to_string(),
        Some(place) => place.to_string(),
    }
}

/// Reads a configured place.
pub(super) fn read_place(place: &SecretRef) -> Result<SecretString, LedgerError> {
    read_secret(place)
        .map_err(|why| LedgerError::Secret { place: place.to_string(), why: why.replace("; hint: ", "\nhint: ") })
}

/// Replaces what a place holds; only files can be.
pub(super) fn replace_place(
    layout: &Layout,
    place: Option<&SecretRef>,
    default: PathBuf,
    bytes: &[u8],
) -> Result<(), LedgerError> {
    match place {
        None => layout.replace(&default, bytes),
        Some(SecretRef::File(path)) => layout.replace(path, bytes),
        Some(place) => Err(LedgerError::Secret {
            place: place.to_string(),
            why: "it cannot be written from here\nhint: change it where it comes from; `evidenced key new` makes a key"
                .to_owned(),
        }),
    }
}
