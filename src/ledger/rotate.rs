//! Changing keys: a new one beside the old, then the old one's end. Each step can be taken again after a
//! crash: the secret half is in its place before a record names the key, and leaves it only after the
//! record of its end.

use super::bundle_key::BundleKey;
use super::layout::Layout;
use super::places::{KeyPlaces, new_bundle_key, new_log_key, random_bundle_key, random_log_key};
use super::record::{Body, KeyChange, KeyRole};
use super::{Filter, Ledger, LedgerError, NewRecord, Reader, Term};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::path::Path;

/// A key that there is or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyState {
    /// What it signs.
    pub role: KeyRole,
    /// The public key: `name+id+base64`, or a line of OpenSSH.
    pub key: String,
    /// The record that named it; `None`: the log began with it.
    pub added: Option<u64>,
    /// The record that ended it; `None`: it signs.
    pub retired: Option<u64>,
    /// Whether its secret half is in its place.
    pub at_hand: bool,
}

/// What a change of keys has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChanged {
    /// What the key signs.
    pub role: KeyRole,
    /// The key that began or ended; `None` when only secret halves were removed.
    pub key: Option<String>,
    /// The record that says so.
    pub record: Option<u64>,
    /// Where the secret keys are.
    pub place: String,
    /// Public keys of the retired ones whose secret halves were removed there.
    pub removed: Vec<String>,
    /// Public keys of the retired ones whose secret halves must be removed by hand.
    pub left: Vec<String>,
}

impl Reader {
    /// Every key of the role, oldest first.
    pub fn terms(&self, role: KeyRole) -> Result<Vec<Term<String>>, LedgerError> {
        match role {
            KeyRole::Log => {
                let signers = self.signers()?;
                let terms = signers.terms().iter();
                Ok(terms.map(|t| Term { key: t.key.to_string(), added: t.added, retired: t.retired }).collect())
            }
            KeyRole::Bundle => self.bundle_terms(),
        }
    }

    fn bundle_terms(&self) -> Result<Vec<Term<String>>, LedgerError> {
        let mut terms: Vec<Term<String>> = Vec::new();
        for found in self.records(0..u64::MAX, &Filter::kind("key")) {
            let (index, record) = found?;
            let Body::Key { role: KeyRole::Bundle, key, change } = record.body else { continue };
            let known = terms.iter_mut().find(|term| term.key == key);
            match (change, known) {
                (KeyChange::Added, None) => terms.push(Term { key, added: Some(index), retired: None }),
                (KeyChange::Retired, Some(term)) if term.retired.is_none() => term.retired = Some(index),
                _ => {
                    let why = "it names a bundle key a second time, or ends one that does not sign";
                    return Err(LedgerError::damaged(format!("the key record {index}"), why));
                }
            }
        }
        Ok(terms)
    }
}

impl Ledger {
    /// Every key there is or was, and whether its secret half is at hand.
    pub fn keys(&self) -> Result<Vec<KeyState>, LedgerError> {
        let reader = self.reader()?;
        let mut states = Vec::new();
        for role in [KeyRole::Log, KeyRole::Bundle] {
            let at_hand = at_hand(self.layout(), self.places(), role)?;
            states.extend(reader.terms(role)?.into_iter().map(|term| KeyState {
                role,
                at_hand: at_hand.contains(&term.key),
                key: term.key,
                added: term.added,
                retired: term.retired,
            }));
        }
        Ok(states)
    }

    /// The key that signs bundles: the newest that signs.
    pub fn bundle_key(&self) -> Result<BundleKey, LedgerError> {
        let terms = self.reader()?.terms(KeyRole::Bundle)?;
        let place = || self.places().named(self.layout(), KeyRole::Bundle);
        let newest = terms.into_iter().rfind(|term| term.retired.is_none());
        let newest = newest.ok_or_else(|| LedgerError::absent("bundle key that signs"))?.key;
        let keys = self.places().bundle_keys(self.layout())?;
        let found = keys.into_iter().find(|(public, _)| *public == newest).map(|(_, key)| key);
        found.ok_or_else(|| LedgerError::KeyMissing { key: newest, place: place() })
    }

    /// Names a new key: one that is in its place already and that no record names, or else one made there.
    /// From the next checkpoint on it signs beside the one before, until that is retired.
    ///
    /// Errors: `KeyChange` when two keys sign already; `Secret` when the place cannot be written.
    pub async fn rotate_key(&self, role: KeyRole, at: DateTime<Utc>) -> Result<KeyChanged, LedgerError> {
        let (layout, places) = (self.layout(), self.places());
        let _held = layout.lock_keys()?;
        let reader = self.reader()?;
        let terms = reader.terms(role)?;
        if terms.iter().filter(|term| term.retired.is_none()).count() > 1 {
            return Err(LedgerError::KeyChange {
                why: format!("two {} keys sign already", word(role)),
                hint: format!("`evidenced key retire --role {}` ends the older one", word(role)),
            });
        }
        let mut unnamed = at_hand(layout, places, role)?;
        unnamed.retain(|key| terms.iter().all(|term| term.key != *key));
        if unnamed.len() > 1 {
            return Err(LedgerError::KeyChange {
                why: format!("{} holds several keys that no record names", places.named(layout, role)),
                hint: "leave the one that shall sign, beside those that do".to_owned(),
            });
        }
        let key = match unnamed.pop() {
            Some(key) => key,
            None => add_key(layout, places, role, reader.key().name())?,
        };
        let record = self.change_key(role, key.clone(), KeyChange::Added, at).await?;
        if role == KeyRole::Bundle {
            write_bundle_pub(layout, &self.reader()?)?;
        }
        let place = places.named(layout, role);
        Ok(KeyChanged { role, key: Some(key), record: Some(record), place, removed: Vec::new(), left: Vec::new() })
    }

    /// Ends the older of two keys that sign, and removes the secret halves of all that were ended.
    ///
    /// Errors: `KeyChange` when only one signs and nothing is left to remove.
    pub async fn retire_key(&self, role: KeyRole, at: DateTime<Utc>) -> Result<KeyChanged, LedgerError> {
        let (layout, places) = (self.layout(), self.places());
        let _held = layout.lock_keys()?;
        let mut terms = self.reader()?.terms(role)?;
        let mut changed = KeyChanged {
            role,
            key: None,
            record: None,
            place: places.named(layout, role),
            removed: Vec::new(),
            left: Vec::new(),
        };
        let signing: Vec<usize> =
            terms.iter().enumerate().filter(|(_, term)| term.retired.is_none()).map(|(at, _)| at).collect();
        if let [oldest, .., newest] = signing[..] {
            let (old, new) = (terms[oldest].key.clone(), &terms[newest].key);
            if !at_hand(layout, places, role)?.contains(new) {
                return Err(LedgerError::KeyMissing { key: new.clone(), place: changed.place });
            }
            let record = self.change_key(role, old.clone(), KeyChange::Retired, at).await?;
            terms[oldest].retired = Some(record);
            (changed.key, changed.record) = (Some(old), Some(record));
        }
        let ended: Vec<String> = terms.into_iter().filter(|term| term.retired.is_some()).map(|term| term.key).collect();
        let mut stale = at_hand(layout, places, role)?;
        stale.retain(|key| ended.contains(key));
        if changed.record.is_none() && stale.is_empty() {
            return Err(LedgerError::KeyChange {
                why: format!("only one {} key signs, and no secret half of an ended one is left", word(role)),
                hint: format!("`evidenced key rotate --role {}` makes its successor first", word(role)),
            });
        }
        match remove_keys(layout, places, role, &stale) {
            Ok(()) => changed.removed = stale,
            // The record is sealed; what remains to be done by hand is told.
            Err(LedgerError::Secret { .. }) => changed.left = stale,
            Err(error) => return Err(error),
        }
        if role == KeyRole::Bundle {
            write_bundle_pub(layout, &self.reader()?)?;
        }
        Ok(changed)
    }

    async fn change_key(
        &self,
        role: KeyRole,
        key: String,
        change: KeyChange,
        at: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        let body = Body::Key { role, key, change };
        let sealed = self.append(vec![NewRecord { at, body, files: Vec::new() }]).await?;
        sealed.first().map(|sealed| sealed.index).ok_or_else(|| LedgerError::absent("record of the change of keys"))
    }
}

/// Makes a key in a new file, of mode 0600, for a place that cannot be written from here. Nothing is
/// recorded. Gives the public half.
pub fn make_key(role: KeyRole, origin: &str, path: &Path) -> Result<String, LedgerError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let layout = Layout::beside(parent)?;
    match role {
        KeyRole::Log => new_log_key(&layout, path, origin).map(|key| key.public().to_string()),
        KeyRole::Bundle => new_bundle_key(&layout, path)?.public_line().map_err(LedgerError::note(path)),
    }
}

/// Public halves of the secret keys in their place.
fn at_hand(layout: &Layout, places: &KeyPlaces, role: KeyRole) -> Result<Vec<String>, LedgerError> {
    match role {
        KeyRole::Log => Ok(places.log_keys(layout)?.0.iter().map(|key| key.public().to_string()).collect()),
        KeyRole::Bundle => Ok(places.bundle_keys(layout)?.into_iter().map(|(public, _)| public).collect()),
    }
}

/// Makes a key and puts it beside those that are there.
fn add_key(layout: &Layout, places: &KeyPlaces, role: KeyRole, origin: &str) -> Result<String, LedgerError> {
    match role {
        KeyRole::Log => {
            let mut keys = places.log_keys(layout)?;
            let key = random_log_key(layout, origin)?;
            let public = key.public().to_string();
            keys.0.push(key);
            places.put_log_keys(layout, &keys)?;
            Ok(public)
        }
        KeyRole::Bundle => {
            let key = random_bundle_key()?;
            let public = key.public_line().map_err(LedgerError::note(layout.dir()))?;
            let old = places.bundle_keys(layout)?;
            places.put_bundle_keys(layout, std::iter::once(&key).chain(old.iter().map(|(_, key)| key)))?;
            Ok(public)
        }
    }
}

/// Removes secret keys from their place. Backups, and blocks that a disk has given up, may hold them still.
fn remove_keys(layout: &Layout, places: &KeyPlaces, role: KeyRole, gone: &[String]) -> Result<(), LedgerError> {
    if gone.is_empty() {
        return Ok(());
    }
    match role {
        KeyRole::Log => {
            let mut keys = places.log_keys(layout)?;
            keys.0.retain(|key| !gone.contains(&key.public().to_string()));
            places.put_log_keys(layout, &keys)
        }
        KeyRole::Bundle => {
            let keys = places.bundle_keys(layout)?;
            let kept = keys.iter().filter(|(public, _)| !gone.contains(public)).map(|(_, key)| key);
            places.put_bundle_keys(layout, kept)
        }
    }
}

/// `bundle.pub`: the keys that sign, newest first.
fn write_bundle_pub(layout: &Layout, reader: &Reader) -> Result<(), LedgerError> {
    let terms = reader.terms(KeyRole::Bundle)?;
    let lines: String =
        terms.iter().rev().filter(|term| term.retired.is_none()).map(|term| format!("{}\n", term.key)).collect();
    layout.replace(&layout.bundle_public_key(), lines.as_bytes())
}

fn word(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Log => "log",
        KeyRole::Bundle => "bundle",
    }
}
