//! Where the secret keys are, and reading and replacing them there. Which of them sign is `signers`'
//! question.
//!
//! A place holds a key, or several one after another: from the moment that a new one is made until the old
//! one is retired.

use super::LedgerError;
use super::bundle_key::BundleKey;
use super::layout::Layout;
use super::note::{NoteError, SigningKey, VerifierKey};
use super::prepare::fill;
use super::record::KeyRole;
use evidenced_collectors::contract::SecretRef;
use evidenced_collectors::door::read_secret;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Most keys in one place.
const KEYS_MAX: usize = 16;
/// How a key file of OpenSSH begins.
const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

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

/// The log's secret keys that are at hand, oldest first.
pub(super) struct Secrets(pub(super) Vec<SigningKey>);

impl KeyPlaces {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn place(&self, role: KeyRole) -> Option<&SecretRef> {
        match role {
            KeyRole::Log => self.log.as_ref(),
            KeyRole::Bundle => self.bundle.as_ref(),
        }
    }

    /// The file that the keys are in, if it is one.
    fn file(&self, layout: &Layout, role: KeyRole) -> Option<PathBuf> {
        match (self.place(role), role) {
            (None, KeyRole::Log) => Some(layout.secret_key()),
            (None, KeyRole::Bundle) => Some(layout.bundle_key()),
            (Some(SecretRef::File(path)), _) => Some(path.clone()),
            (Some(_), _) => None,
        }
    }

    /// The place, for people.
    pub(super) fn named(&self, layout: &Layout, role: KeyRole) -> String {
        match self.file(layout, role) {
            Some(path) => path.display().to_string(),
            None => self.place(role).map(SecretRef::to_string).unwrap_or_default(),
        }
    }

    fn read(&self, layout: &Layout, role: KeyRole) -> Result<SecretString, LedgerError> {
        match (self.place(role), self.file(layout, role)) {
            (None, Some(path)) => layout.read_secret_text(&path).map(SecretString::from),
            (Some(place), _) => read_secret(place).map_err(|why| LedgerError::Secret {
                place: place.to_string(),
                why: why.replace("; hint: ", "\nhint: "),
            }),
            (None, None) => Err(LedgerError::absent("place of its keys")),
        }
    }

    /// Replaces what a place holds; only files can be.
    fn replace(&self, layout: &Layout, role: KeyRole, text: &str) -> Result<(), LedgerError> {
        match self.file(layout, role) {
            Some(path) => layout.replace(&path, text.as_bytes()),
            None => Err(LedgerError::Secret {
                place: self.named(layout, role),
                why: "it cannot be written from here\nhint: change it where it comes from; `evidenced key new FILE` \
                      makes a key to add to it"
                    .to_owned(),
            }),
        }
    }

    fn malformed(&self, layout: &Layout, role: KeyRole) -> impl Fn(NoteError) -> LedgerError + use<> {
        let path = PathBuf::from(self.named(layout, role));
        move |source| LedgerError::Note { path: path.clone(), source }
    }

    /// The log's secret keys.
    pub(super) fn log_keys(&self, layout: &Layout) -> Result<Secrets, LedgerError> {
        let (text, malformed) = (self.read(layout, KeyRole::Log)?, self.malformed(layout, KeyRole::Log));
        let mut keys: Vec<SigningKey> = Vec::new();
        for line in text.expose_secret().trim_end_matches('\n').split('\n') {
            let key = SigningKey::parse(line).map_err(&malformed)?;
            let same = keys.first().is_none_or(|first| first.public().name() == key.public().name());
            if !same || keys.iter().any(|other| other.public() == key.public()) || keys.len() == KEYS_MAX {
                let why = "its lines are not a few different keys of one log";
                return Err(malformed(NoteError::Key { what: "secret key of the log", why }));
            }
            keys.push(key);
        }
        Ok(Secrets(keys))
    }

    /// Puts the log's secret keys in their place.
    pub(super) fn put_log_keys(&self, layout: &Layout, keys: &Secrets) -> Result<(), LedgerError> {
        let text: String = keys.0.iter().map(SigningKey::to_secret_text).collect();
        self.replace(layout, KeyRole::Log, &text)
    }

    /// The secret keys of bundles, with their public lines, newest first: a program that reads but one key
    /// of the file reads the one that signs.
    pub(super) fn bundle_keys(&self, layout: &Layout) -> Result<Vec<(String, BundleKey)>, LedgerError> {
        let (text, malformed) = (self.read(layout, KeyRole::Bundle)?, self.malformed(layout, KeyRole::Bundle));
        let mut keys: Vec<(String, BundleKey)> = Vec::new();
        let mut blocks = text.expose_secret().split(OPENSSH);
        let before = blocks.next().unwrap_or_default();
        for block in blocks {
            let key = BundleKey::parse(&format!("{OPENSSH}{}\n", block.trim_end())).map_err(&malformed)?;
            let public = key.public_line().map_err(&malformed)?;
            if keys.iter().any(|(other, _)| *other == public) || keys.len() == KEYS_MAX {
                let why = "it does not hold a few different keys";
                return Err(malformed(NoteError::Key { what: "secret key of bundles", why }));
            }
            keys.push((public, key));
        }
        if keys.is_empty() || !before.trim().is_empty() {
            let why = "it is no OpenSSH private key of Ed25519";
            return Err(malformed(NoteError::Key { what: "secret key of bundles", why }));
        }
        Ok(keys)
    }

    /// Puts the secret keys of bundles in their place, newest first.
    pub(super) fn put_bundle_keys<'a>(
        &self,
        layout: &Layout,
        keys: impl IntoIterator<Item = &'a BundleKey>,
    ) -> Result<(), LedgerError> {
        let malformed = self.malformed(layout, KeyRole::Bundle);
        let texts: Result<Vec<String>, NoteError> = keys.into_iter().map(BundleKey::to_secret_text).collect();
        self.replace(layout, KeyRole::Bundle, &texts.map_err(malformed)?.concat())
    }

    /// The key that a new log begins with: made, where a file is its place, or else read.
    pub(super) fn first_log_key(&self, layout: &Layout, origin: &str) -> Result<SigningKey, LedgerError> {
        match self.file(layout, KeyRole::Log) {
            Some(path) => new_log_key(layout, &path, origin),
            None => {
                let mut keys = self.log_keys(layout)?.0;
                match (keys.pop(), keys.is_empty()) {
                    (Some(key), true) if key.public().name() == origin => Ok(key),
                    _ => Err(self.not_one(layout, KeyRole::Log, &format!(" of the log {origin}"))),
                }
            }
        }
    }

    /// The bundle key that a new log begins with.
    pub(super) fn first_bundle_key(&self, layout: &Layout) -> Result<BundleKey, LedgerError> {
        match self.file(layout, KeyRole::Bundle) {
            Some(path) => new_bundle_key(layout, &path),
            None => {
                let mut keys = self.bundle_keys(layout)?;
                match (keys.pop(), keys.is_empty()) {
                    (Some((_, key)), true) => Ok(key),
                    _ => Err(self.not_one(layout, KeyRole::Bundle, "")),
                }
            }
        }
    }

    fn not_one(&self, layout: &Layout, role: KeyRole, of: &str) -> LedgerError {
        LedgerError::KeyChange {
            why: format!("{} does not hold just one key{of}", self.named(layout, role)),
            hint: "a log begins with one key of each role; `evidenced key new FILE` makes one".to_owned(),
        }
    }
}

impl Secrets {
    /// The secret half of a public key.
    pub(super) fn of(&self, key: &VerifierKey) -> Option<&SigningKey> {
        self.0.iter().find(|secret| secret.public() == key)
    }
}

/// A key of the log `origin` from random bytes.
pub(super) fn random_log_key(layout: &Layout, origin: &str) -> Result<SigningKey, LedgerError> {
    let mut seed = [0; 32];
    fill(&mut seed)?;
    SigningKey::from_seed(origin, &seed).map_err(LedgerError::note(layout.dir()))
}

/// A bundle key from random bytes.
pub(super) fn random_bundle_key() -> Result<BundleKey, LedgerError> {
    let mut seed = [0; 32];
    fill(&mut seed)?;
    Ok(BundleKey::from_seed(&seed))
}

/// Makes a key of the log `origin` in a new file.
pub(super) fn new_log_key(layout: &Layout, path: &Path, origin: &str) -> Result<SigningKey, LedgerError> {
    let key = random_log_key(layout, origin)?;
    layout.write_new(path, key.to_secret_text().as_bytes())?;
    Ok(key)
}

/// Makes a bundle key in a new file.
pub(super) fn new_bundle_key(layout: &Layout, path: &Path) -> Result<BundleKey, LedgerError> {
    let key = random_bundle_key()?;
    let text = key.to_secret_text().map_err(LedgerError::note(path))?;
    layout.write_new(path, text.as_bytes())?;
    Ok(key)
}
