//! Directories and files: listed and read like requests, and recorded as exchanges. Never written.

use super::converse::sha256;
use super::live::Live;
use super::{Door, Exchange, ExchangeHead, Failure, FileEntry, RecordedRequest, RecordedResponse, RequestBody, Side};
use bytes::Bytes;
use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read};
use std::path::{Path, PathBuf};
use url::Url;

/// Most entries of one directory.
const ENTRIES_MAX: usize = 10_000;

/// What is asked of the file system.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    List,
    Read,
}

impl Door {
    pub(super) async fn file_exchange(&self, source: &str, asked: Asked, path: &Path) -> Result<Bytes, Failure> {
        let (method, url) = match asked {
            Asked::List => ("LIST", Url::from_directory_path(path)),
            Asked::Read => ("READ", Url::from_file_path(path)),
        };
        let url = url.map_err(|()| {
            Failure::Refused(format!("{} is not absolute; hint: write the whole path", path.display()))
        })?;
        let request = RecordedRequest {
            source: source.to_owned(),
            method: method.to_owned(),
            url: self.0.secrets.strike_text(url.as_str()),
            headers: Vec::new(),
            body: RequestBody::Empty,
        };
        let exchange = match &self.0.side {
            Side::Live(live) => self.touch(live, asked, path, request).await,
            Side::Replay(replay) => replay.answer(&request, false)?,
        };
        self.kept().push(exchange.clone());
        exchange.head.response.map(|_| exchange.body)
    }

    async fn touch(&self, live: &Live, asked: Asked, path: &Path, request: RecordedRequest) -> Exchange {
        let (number, sent_at) = (live.number(), live.clock.now());
        let outcome = self.bytes_of(live, asked, path).await;
        let received_at = live.clock.now();
        let (response, body) = match outcome {
            Ok(bytes) => {
                let (body, struck) = self.0.secrets.strike_body(bytes, &[]);
                let (size, sha256) = (body.len() as u64, sha256(&body));
                (Ok(RecordedResponse { status: 200, headers: Vec::new(), size, sha256, struck }), body)
            }
            Err(failure) => (Err(failure), Bytes::new()),
        };
        Exchange { head: ExchangeHead { number, request, sent_at, received_at, response }, body }
    }

    async fn bytes_of(&self, live: &Live, asked: Asked, path: &Path) -> Result<Bytes, Failure> {
        live.spend_exchange()?;
        let (path, max): (PathBuf, u64) = (path.to_owned(), self.0.limits.body_bytes_max);
        let touch = move || match asked {
            Asked::List => list(&path),
            Asked::Read => read(&path, max),
        };
        // A network file system whose server is gone answers when it comes back. What hangs in it cannot be ended: its
        // thread is left there.
        let limit = self.deadline();
        let bytes = tokio::time::timeout(limit, tokio::task::spawn_blocking(touch))
            .await
            .map_err(|_| Failure::TimedOut(limit.as_secs()))?
            .map_err(|_| Failure::Refused("reading was given up".to_owned()))??;
        live.spend_bytes(bytes.len() as u64)?;
        Ok(Bytes::from(bytes))
    }
}

fn list(directory: &Path) -> Result<Vec<u8>, Failure> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failure)? {
        let entry = entry.map_err(failure)?;
        if entries.len() == ENTRIES_MAX {
            return Err(Failure::Limit(format!("{ENTRIES_MAX} entries in one directory")));
        }
        let metadata = entry.metadata().map_err(failure)?;
        let name = entry.file_name().into_string().map_err(|name| {
            Failure::Refused(format!("an entry's name is not UTF-8: {}; hint: rename it", name.to_string_lossy()))
        })?;
        let directory = metadata.is_dir();
        entries.push(FileEntry { name, size: if metadata.is_file() { metadata.len() } else { 0 }, directory });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    serde_json::to_vec(&entries).map_err(|e| Failure::Refused(format!("directory not recordable: {e}")))
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let named = std::fs::symlink_metadata(path).map_err(failure)?;
    if named.is_symlink() {
        return Err(Failure::Refused("a symbolic link; hint: put the file itself there".to_owned()));
    }
    if !named.is_file() {
        return Err(Failure::Refused("not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(failure)?;
    if !same(&named, &file.metadata().map_err(failure)?) {
        return Err(Failure::Refused("replaced while it was opened".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failure)?;
    if bytes.len() as u64 > max {
        return Err(Failure::TooLarge(max));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn same(named: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (named.dev(), named.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn same(_: &Metadata, opened: &Metadata) -> bool {
    opened.is_file()
}

fn failure(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::NotFound,
        ErrorKind::PermissionDenied => Failure::Denied,
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => Failure::Refused(error.to_string()),
        _ => Failure::Connection(format!("file system: {error}")),
    }
}
