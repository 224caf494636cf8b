//! The only way from a collector to the outside.
//!
//! A live door sends requests and keeps a copy of every exchange, bytes as received. A replay door
//! answers from such copies and touches nothing. A collector cannot tell which of the two it has.
//!
//! Here: the two doors and what they share. `exchange` is the record's form, `live` the network and
//! the file system, `replay` the answers from records, `limits` what an outside may cost us,
//! `strike` the removal of secrets, `github` and `aws` the plugs for octocrab and the AWS SDK.

mod aws;
mod exchange;
mod github;
mod limits;
mod live;
mod replay;
mod strike;

pub use aws::AwsAccount;
pub use exchange::{Exchange, ExchangeHead, Failure, RecordedRequest, RecordedResponse, RequestBody};
pub use github::GithubCredentials;
pub use limits::Limits;
pub use strike::Strike;

use crate::contract::{CollectError, Ipe, SecretRef, clock::Clock};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;

/// One outside system as a collector addresses it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Distinguishes like requests with different credentials: `github`, `aws:prod`.
    pub name: String,
    /// Where requests may go. Anything else, a `next` link or a redirect included, is refused.
    pub hosts: Hosts,
    /// Secrets that the source's answers carry, to be struck out before anyone sees them.
    pub strikes: Vec<Strike>,
}

/// Where requests of one source may go.
#[derive(Debug, Clone)]
pub enum Hosts {
    /// This scheme, host and port.
    Origin(url::Url),
    /// `https` to this domain and those under it (`amazonaws.com`).
    Under(String),
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// Its length in bytes; 0 for a directory.
    pub size: u64,
    /// Whether it is a directory.
    pub directory: bool,
}

/// The door. Clones share everything.
#[derive(Clone)]
pub struct Door(Arc<()>);

impl Door {
    /// Sends requests and records exchanges. `as_of` is the clock's time now.
    pub fn live(_clock: Arc<dyn Clock>, _limits: Limits) -> Self {
        unimplemented!()
    }

    /// Answers from records of one run, in the order recorded for each like request.
    pub fn replay(_exchanges: Vec<Exchange>, _as_of: DateTime<Utc>, _limits: Limits) -> Self {
        unimplemented!()
    }

    /// The instant that the run began: the only time that a collector knows.
    pub fn as_of(&self) -> DateTime<Utc> {
        unimplemented!()
    }

    /// Waits (for a report to be made); a replay does not.
    pub async fn pause(&self, _duration: std::time::Duration) {
        unimplemented!()
    }

    /// One recorded request, with retries. Any status is an answer, retries being used up.
    pub async fn send(
        &self,
        _source: &Source,
        _request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Failure> {
        unimplemented!()
    }

    /// The entries of a directory by name, recorded.
    pub async fn list(&self, _source: &str, _directory: &Path) -> Result<Vec<FileEntry>, Failure> {
        unimplemented!()
    }

    /// A file's bytes, recorded.
    pub async fn read(&self, _source: &str, _file: &Path) -> Result<Bytes, Failure> {
        unimplemented!()
    }

    /// Reads a secret, which from then on is struck out of whatever is recorded. A replay gives a placeholder.
    pub fn secret(&self, _secret: &SecretRef) -> Result<SecretString, CollectError> {
        unimplemented!()
    }

    /// octocrab, going out through this door. Tokens and installation tokens are never recorded.
    pub fn github(
        &self,
        _source: &Source,
        _base: &url::Url,
        _credentials: &GithubCredentials,
    ) -> Result<octocrab::Octocrab, CollectError> {
        unimplemented!()
    }

    /// AWS SDK settings, going out through this door. Credentials, assumed roles included, are never recorded.
    pub async fn aws(&self, _source: &Source, _account: &AwsAccount) -> Result<aws_config::SdkConfig, CollectError> {
        unimplemented!()
    }

    /// An IPE block with what the door knows filled in: hosts, requests, clock skew, times.
    pub fn ipe(&self, _source: &str) -> Ipe {
        unimplemented!()
    }

    /// The exchanges so far, in order of sending; leaves none behind.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        unimplemented!()
    }

    /// On replay: recorded exchanges that nobody asked for.
    pub fn unasked(&self) -> Vec<ExchangeHead> {
        unimplemented!()
    }
}
