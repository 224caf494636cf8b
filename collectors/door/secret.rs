//! Reading a secret from where its reference points, and the record of credentials that could not be
//! had. Striking secrets out is `strike`'s.

use super::{Door, Exchange, ExchangeHead, Failure, RecordedRequest, RequestBody, Side};
use crate::contract::{CollectError, SecretRef};
use bytes::Bytes;
use secrecy::SecretString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest secret file, bytes.
const BYTES_MAX: u64 = 64 << 10;

/// What a replay hands out. Struck out like a secret, so that requests carrying it compare equal.
const PLACEHOLDER: &str = "placeholder-for-a-secret-on-replay";

impl Door {
    pub(super) fn read_secret(&self, secret: &SecretRef) -> Result<SecretString, CollectError> {
        let what = name(secret);
        let value = match &self.0.side {
            Side::Live(_) => read(secret),
            Side::Replay(_) => self.replayed_sign_in("", &what).map(|()| SecretString::from(PLACEHOLDER)),
        };
        let known = value.and_then(|value| self.0.secrets.add(&value).map(|()| value));
        known.map_err(|why| self.not_signed_in("", &what, why))
    }

    /// The error for a credential that could not be had. Recorded: a replay needs no credentials, and would
    /// otherwise get further than the run did.
    pub(super) fn not_signed_in(&self, source: &str, what: &str, why: String) -> CollectError {
        let why = self.0.secrets.strike_text(&why);
        if let Side::Live(live) = &self.0.side {
            let at = live.clock.now();
            let (request, response) = (sign_in(source, what), Err(Failure::Unauthenticated(why.clone())));
            let head = ExchangeHead { number: live.number(), request, sent_at: at, received_at: at, response };
            self.kept().push(Exchange { head, body: Bytes::new() });
        }
        CollectError::Unauthenticated { what: what.to_owned(), why }
    }

    /// On replay: why the credential could not be had in the run, if so it was.
    pub(super) fn replayed_sign_in(&self, source: &str, what: &str) -> Result<(), String> {
        let Side::Replay(replay) = &self.0.side else { return Ok(()) };
        let Ok(exchange) = replay.answer(&sign_in(source, what), false) else { return Ok(()) };
        self.kept().push(exchange.clone());
        match exchange.head.response {
            Err(Failure::Unauthenticated(why)) => Err(why),
            Err(other) => Err(other.to_string()),
            Ok(_) => Err("the record of a sign-in holds an answer".to_owned()),
        }
    }
}

fn sign_in(source: &str, what: &str) -> RecordedRequest {
    RecordedRequest {
        source: source.to_owned(),
        method: "SIGN-IN".to_owned(),
        url: what.to_owned(),
        headers: Vec::new(),
        body: RequestBody::Empty,
    }
}

/// The reference for people and records: `file /etc/evidenced/token`.
fn name(secret: &SecretRef) -> String {
    match secret {
        SecretRef::File(path) => format!("secret file {}", path.display()),
        SecretRef::Env(variable) => format!("secret in environment variable {variable}"),
        SecretRef::Credential(name) => format!("credential {name}"),
    }
}

/// The secret, a trailing newline dropped, or why it cannot be had.
fn read(secret: &SecretRef) -> Result<SecretString, String> {
    let text = match secret {
        SecretRef::File(path) => file(path, true)?,
        SecretRef::Env(variable) => std::env::var(variable).map_err(|e| match e {
            std::env::VarError::NotPresent => format!("not set; hint: set {variable} for the service"),
            std::env::VarError::NotUnicode(_) => "not UTF-8".to_owned(),
        })?,
        SecretRef::Credential(name) => {
            if name.is_empty() || name.contains('/') || name == ".." || name == "." {
                return Err("not a plain name; hint: the name given to LoadCredential=".to_owned());
            }
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
                .ok_or("CREDENTIALS_DIRECTORY is not set; hint: run under systemd with LoadCredential=")?;
            // systemd decides who may read it.
            file(&Path::new(&directory).join(name), false)?
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err("empty".to_owned());
    }
    Ok(SecretString::from(text))
}

fn file(path: &Path, check_mode: bool) -> Result<String, String> {
    let file = File::open(path).map_err(|e| format!("cannot be opened: {e}"))?;
    let metadata = file.metadata().map_err(|e| format!("cannot be examined: {e}"))?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if check_mode {
        only_ours(&metadata, path)?;
    }
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| format!("cannot be read as text: {e}"))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(format!("larger than {BYTES_MAX} bytes"));
    }
    Ok(text)
}

#[cfg(unix)]
fn only_ours(metadata: &std::fs::Metadata, path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("mode {mode:o} lets others than its owner at it; hint: chmod 600 {}", path.display()))
}

#[cfg(not(unix))]
fn only_ours(_: &std::fs::Metadata, _: &Path) -> Result<(), String> {
    Ok(())
}
