//! The only way from a collector to the outside.
//!
//! A live door sends requests and keeps a copy of every exchange, bytes as received. A replay door
//! answers from such copies and touches nothing. A collector cannot tell which of the two it has.
//!
//! Here: the face. `converse` is the line of one request (attempts, retries, keeping), `live` the
//! network, `files` the file system, `replay` the answers from records, `retry` the decision to ask
//! again, `strike`, `spellings` and `secret` what must not be seen, `hosts` where requests may go, `limits` what an
//! outside may cost us, `exchange` the record's form, `answer` the errors, `ipe` the summary, `github`
//! and `aws` the plugs for octocrab and the AWS SDK.

mod answer;
mod aws;
mod converse;
mod exchange;
mod files;
mod github;
mod hosts;
mod ipe;
mod limits;
mod live;
mod replay;
mod retry;
mod secret;
mod spellings;
mod strike;
#[cfg(test)]
mod tests;

pub use answer::{code, error_for};
pub use aws::{AccessKey, AwsAccount, AwsRequest};
pub use exchange::{Exchange, ExchangeHead, Failure, RecordedRequest, RecordedResponse, RequestBody};
pub use github::GithubCredentials;
pub use hosts::Hosts;
pub use limits::Limits;
pub use live::{Network, causes};
pub use secret::read_secret;
pub use spellings::spellings;
pub use strike::Strike;

use crate::contract::{CollectError, Ipe, SecretRef, clock::Clock};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// Its length in bytes; 0 for a directory.
    pub size: u64,
    /// Whether it is a directory. A symbolic link is neither followed nor a directory; reading it is refused.
    pub directory: bool,
}

/// The door. Clones share everything.
#[derive(Clone)]
pub struct Door(Arc<Inside>);

/// What the clones of one door share.
struct Inside {
    as_of: DateTime<Utc>,
    limits: Limits,
    secrets: strike::Secrets,
    kept: Mutex<Vec<Exchange>>,
    granted: Mutex<Option<BTreeMap<String, String>>>,
    side: Side,
}

/// Which of the two doors this is.
enum Side {
    Live(Box<live::Live>),
    Replay(Box<replay::Replay>),
}

impl Door {
    /// Sends requests and records exchanges. `as_of` is the clock's time now.
    pub fn live(network: &Network, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let as_of = clock.now();
        Self::new(as_of, limits, Side::Live(Box::new(live::Live::new(network.clone(), clock, limits, as_of))))
    }

    /// Answers from records of one run, in the order recorded for each like request. `as_of` and the limits must
    /// be those of the run, for they decide how often a request is repeated.
    pub fn replay(exchanges: Vec<Exchange>, as_of: DateTime<Utc>, limits: Limits) -> Self {
        Self::new(as_of, limits, Side::Replay(Box::new(replay::Replay::new(exchanges))))
    }

    fn new(as_of: DateTime<Utc>, limits: Limits, side: Side) -> Self {
        let (secrets, kept, granted) = (strike::Secrets::default(), Mutex::default(), Mutex::default());
        Self(Arc::new(Inside { as_of, limits, secrets, kept, granted, side }))
    }

    /// The instant that the run began: the only time that a collector knows.
    pub fn as_of(&self) -> DateTime<Utc> {
        self.0.as_of
    }

    /// Waits (for a report to be made); a replay does not.
    pub async fn pause(&self, duration: std::time::Duration) {
        if let Side::Live(live) = &self.0.side {
            live.clock.sleep(duration).await;
        }
    }

    /// One recorded request, with retries. An attempt is recorded once it has ended: drop the future, and
    /// the attempt under way is not. Any status but a redirect is an answer, retries being used up.
    /// Headers that the record does not keep and struck secrets are missing from the answer too.
    pub async fn send(&self, source: &Source, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        self.converse(source, request, &converse::Plug::Plain).await
    }

    /// The entries of a directory by name (10,000 at most), recorded. The path must be absolute.
    pub async fn list(&self, source: &str, directory: &Path) -> Result<Vec<FileEntry>, Failure> {
        let body = self.file_exchange(source, files::Asked::List, directory).await?;
        serde_json::from_slice(&body).map_err(|e| Failure::Refused(format!("recorded directory not understood: {e}")))
    }

    /// A file's bytes, recorded. Only regular files, no symbolic links; the path must be absolute.
    pub async fn read(&self, source: &str, file: &Path) -> Result<Bytes, Failure> {
        self.file_exchange(source, files::Asked::Read, file).await
    }

    /// Reads a secret, which from then on is struck out of whatever is recorded. A replay gives a placeholder.
    pub fn secret(&self, secret: &SecretRef) -> Result<SecretString, CollectError> {
        self.read_secret(secret)
    }

    /// octocrab, going out through this door. Tokens and installation tokens are never recorded.
    /// Needs a tokio runtime; retries and waits are the door's. A [`Failure`] is found in octocrab's error
    /// by [`Failure::within`].
    pub fn github(
        &self,
        source: &Source,
        base: &url::Url,
        credentials: &GithubCredentials,
    ) -> Result<octocrab::Octocrab, CollectError> {
        self.octocrab(source, base, credentials)
    }

    /// AWS SDK settings, going out through this door. Credentials, assumed roles included, are never recorded.
    /// An endpoint (in `account` or in `AWS_ENDPOINT_URL`) takes the place of the source's hosts. A
    /// [`Failure`] is found in the SDK's error by [`Failure::within`].
    pub async fn aws(&self, source: &Source, account: &AwsAccount) -> Result<aws_config::SdkConfig, CollectError> {
        // Boxed: the SDK's future is large.
        Box::pin(self.sdk(source, account)).await
    }

    /// One request to a service of AWS, signed with the credentials of `config`, which `aws` made. The source must
    /// tell regions apart: a replay does not look at hosts.
    pub async fn signed(
        &self,
        source: &Source,
        config: &aws_config::SdkConfig,
        request: AwsRequest<'_>,
    ) -> Result<http::Response<Bytes>, Failure> {
        // Boxed: making credentials is large.
        Box::pin(self.signed_request(source, config, request)).await
    }

    /// An IPE block with what the door knows filled in: hosts, requests, scopes, clock skew, times.
    pub fn ipe(&self, source: &str) -> Ipe {
        ipe::block(source, self.0.as_of, &self.kept())
    }

    /// The exchanges so far, in order of sending; leaves none behind. A replay gives those it answered with.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        let mut exchanges = std::mem::take(&mut *self.kept());
        exchanges.sort_by_key(|exchange| exchange.head.number);
        exchanges
    }

    /// What GitHub said an App's installation may do, by its keys (`pull_requests`: `read`), when it gave the newest
    /// token. Not recorded: `None` on replay, and where there is no App.
    pub fn granted(&self) -> Option<BTreeMap<String, String>> {
        self.0.granted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// On replay: recorded exchanges that nobody asked for.
    pub fn unasked(&self) -> Vec<ExchangeHead> {
        match &self.0.side {
            Side::Live(_) => Vec::new(),
            Side::Replay(replay) => replay.unasked(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
