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
        let what = secret.to_string();
        let value = match &self.0.side {
            Side::Live(_) => read_secret(secret),
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

/// The secret, a trailing newline dropped, or why it cannot be had, with a hint after `; hint: `. For what
/// is no collector's: nobody strikes it out of anything.
pub fn read_secret(secret: &SecretRef) -> Result<SecretString, String> {
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

/// Refuses a file that others than its owner can get at, or put another in the place of.
///
/// Group read is let pass where root owns the file: that is how an orchestrator hands a secret to a service
/// that is not root (Kubernetes with `fsGroup`: root's, mode 0440), and only root chose the group. A file of
/// our own has no reason to be open to a group.
#[cfg(unix)]
fn only_ours(metadata: &std::fs::Metadata, path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let mode = metadata.mode() & 0o777;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if mode & forbidden != 0 {
        let handed = "; of a file that root owns, its group may read (440) and no more";
        let path = path.display();
        return Err(format!("mode {mode:o} lets others than its owner at it{handed}; hint: chmod 600 {path}"));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = std::fs::metadata(directory).map_err(|e| format!("its directory cannot be examined: {e}"))?.mode();
    // A sticky directory lets nobody replace what is another's.
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        let (mode, directory) = (mode & 0o7777, directory.display());
        return Err(format!(
            "its directory has mode {mode:o}, so others could replace it; hint: chmod go-w {directory}"
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn only_ours(_: &std::fs::Metadata, _: &Path) -> Result<(), String> {
    Ok(())
}
