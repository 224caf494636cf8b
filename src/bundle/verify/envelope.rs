//! What is around a bundle: who signed the tag manifest, whether the log lets that key sign, and when an
//! authority saw it.

use super::brought::Brought;
use super::container::Archive;
use super::report::{Check, Checking};
use super::source::BundleSource;
use super::sshsig::{PublicKey, SshSig};
use crate::bundle::BundleError;
use crate::bundle::format::{
    Contents, NAMESPACE, SIGNATURE, Source, TAGMANIFEST, TOKEN, TOKEN_SIGNATURE, record_path, time,
};
use crate::ledger::record::{Body, KeyChange, KeyRole};
use crate::timestamp;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// Checks signatures and time-stamp; `newest` is the time of the newest record.
pub(super) fn check(archive: &Archive, contents: &Contents, brought: &Brought, newest: DateTime<Utc>) -> Check {
    let mut checking = Checking::new("envelope");
    let Some(tagmanifest) = checking.take(archive.read(TAGMANIFEST)) else { return checking.done(String::new()) };
    let Some(key) = checking.take(signer(archive, SIGNATURE, &tagmanifest)) else {
        return checking.done(String::new());
    };
    let in_force = in_force(archive, contents, key, &mut checking);
    checking.expect(
        in_force,
        SIGNATURE,
        format!("is by a key that the log does not say signs bundles: {}", key.line()),
    );
    let stamped = stamped(archive, &tagmanifest, key, brought, &mut checking);
    if let Some(at) = stamped
        && newest - at > TimeDelta::minutes(5)
        && !contents.facts.sample
    {
        let why = format!("is of {}, before the newest record here was written, {}", time(at), time(newest));
        checking.wrong(TOKEN, why);
    }
    // Without a time-stamp, the time that the log claims for its newest record here.
    let at = stamped.unwrap_or(newest);
    let who = principal(&contents.facts.origin);
    let by = match &brought.signers {
        Some(signers) => match signers.allow(&who, NAMESPACE, key, at) {
            Ok(line) => format!("signed by {who}, as line {line} of the allowed signers lets it"),
            Err(why) => {
                checking.wrong(SIGNATURE, format!("is by nobody who may sign at {}: {why}", time(at)));
                String::new()
            }
        },
        None => {
            checking.not_checked(
                "who signed the bundle: the key is known from the bundle's own log; give the --allowed-signers that you \
                 were given before the period",
            );
            "signed by the key that its own log names".to_owned()
        }
    };
    let when = match stamped {
        Some(at) => format!("time-stamped {}", time(at)),
        None if archive.has(TOKEN) => String::new(),
        None => "no time-stamp: when it was made is claimed and not proven".to_owned(),
    };
    checking.done(format!("{by}; {when}"))
}

/// Who signs the bundles of a log, by name.
fn principal(origin: &str) -> String {
    let host = origin.split('/').next().unwrap_or_default().chars();
    let plain = host.map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' });
    format!("evidence@{}", plain.collect::<String>())
}

/// The key whose signature over `bytes` stands in the file.
fn signer(archive: &Archive, file: &str, bytes: &[u8]) -> Result<PublicKey, BundleError> {
    if !archive.has(file) {
        return Err(BundleError::malformed(file, "is missing: every bundle is signed"));
    }
    let text = archive.text(file)?;
    let signature = SshSig::parse(&text, NAMESPACE).map_err(|why| BundleError::malformed(file, why))?;
    if !signature.verifies(NAMESPACE, bytes) {
        return Err(BundleError::malformed(
            file,
            "is not a signature of what it stands beside: one of the two was changed",
        ));
    }
    Ok(signature.key)
}

/// Whether the key may sign as far as the records say.
fn in_force(archive: &Archive, contents: &Contents, key: PublicKey, checking: &mut Checking) -> bool {
    let mut in_force = false;
    for index in contents.of_kind("key").iter().copied() {
        let Some(record) = checking.take(BundleSource::of(archive).record(index)) else { continue };
        if let Body::Key { role: KeyRole::Bundle, key: line, change } = &record.body {
            match PublicKey::parse(line) {
                Some(named) if named == key => in_force = *change == KeyChange::Added,
                Some(_) => {}
                None => checking.wrong(record_path(index), "names no key of OpenSSH"),
            }
        }
    }
    in_force
}

/// When the authority saw the tag manifest; `None` when there is no time-stamp, or a wrong one.
fn stamped(
    archive: &Archive,
    tagmanifest: &[u8],
    key: PublicKey,
    brought: &Brought,
    checking: &mut Checking,
) -> Option<DateTime<Utc>> {
    let there = [TOKEN, TOKEN_SIGNATURE].map(|file| archive.has(file));
    if there == [false, false] {
        let why = "is missing: whoever gives --tsa-root asks for a time-stamp, and anybody on the way can take it away";
        checking.expect(brought.roots.is_none(), TOKEN, why);
        return None;
    }
    let token = checking.take(archive.read(TOKEN))?;
    let by = checking.take(signer(archive, TOKEN_SIGNATURE, &token))?;
    checking.expect(by == key, TOKEN_SIGNATURE, "is by another key than the tag manifest's");
    let digest: [u8; 32] = Sha256::digest(tagmanifest).into();
    let stamp = match &brought.roots {
        Some(roots) => timestamp::verify(&token, &digest, roots),
        None => {
            checking.not_checked("who made the time-stamp: give the authority's root certificate with --tsa-root");
            timestamp::read(&token)
        }
    };
    match stamp {
        Ok(stamp) if stamp.sha256 == digest => Some(stamp.time),
        Ok(_) => {
            checking.wrong(TOKEN, "is a time-stamp of something else than this tag manifest");
            None
        }
        Err(error) => {
            checking.wrong(TOKEN, error);
            None
        }
    }
}
