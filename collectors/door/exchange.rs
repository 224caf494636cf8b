//! One recorded request and response: what is sealed, and what a replay answers from.

use base64::Engine;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One attempt at one request, whatever came of it. Retries are exchanges of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Everything but the body.
    pub head: ExchangeHead,
    /// The response body as received, secrets struck out; empty if none came.
    pub body: Bytes,
}

/// Everything about an exchange but the response body. Sealed as JSON beside the body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeHead {
    /// Position in the order of sending, from 1.
    pub number: u32,
    /// What was asked.
    pub request: RecordedRequest,
    /// When the request left.
    pub sent_at: DateTime<Utc>,
    /// When the answer was whole, or the attempt was given up.
    pub received_at: DateTime<Utc>,
    /// What came back.
    pub response: Result<RecordedResponse, Failure>,
}

/// A request without its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// Whose view was asked for: distinguishes like requests with different credentials, `aws:prod`.
    pub source: String,
    /// `GET`, `POST`; `LIST` and `READ` for directories and files; `SIGN-IN` where credentials could not be had.
    pub method: String,
    /// The full address; `file:///…` for directories and files; the credential's name for `SIGN-IN`.
    pub url: String,
    /// Headers that change the answer (`accept`, `if-none-match`, `x-github-api-version`); no credentials.
    pub headers: Vec<(String, String)>,
    /// The request body.
    pub body: RequestBody,
}

/// A request body: text where it is text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestBody {
    /// No body.
    Empty,
    /// UTF-8.
    Text(String),
    /// Anything else, base64.
    Base64(String),
}

impl RequestBody {
    /// From the bytes sent.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok("") => Self::Empty,
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)),
        }
    }
}

/// The answer without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedResponse {
    /// HTTP status; 200 for a directory or file that was read.
    pub status: u16,
    /// Headers that carry meaning (date, paging, rate, request id, scopes); lower case, in order received.
    pub headers: Vec<(String, String)>,
    /// Length of the body as kept.
    pub size: u64,
    /// SHA-256 of the body as kept, hex.
    pub sha256: String,
    /// Secrets struck out of the body before it was kept or read: rule and count.
    pub struck: Vec<(String, u32)>,
}

impl RecordedResponse {
    /// The first header of that name, lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Failure {
    /// Not there, or not for us: files and directories.
    #[error("not found")]
    NotFound,
    /// Not for us: files and directories.
    #[error("permission denied")]
    Denied,
    /// No connection, reset, TLS.
    #[error("connection failed: {0}")]
    Connection(String),
    /// The deadline passed.
    #[error("no complete answer within {0} s")]
    TimedOut(u64),
    /// The body ended early, or nothing shows where it ends.
    #[error("answer cut short: {0}")]
    CutShort(String),
    /// Over the size limit of one answer.
    #[error("answer larger than {0} bytes")]
    TooLarge(u64),
    /// Over a limit of the whole run: which, and what it is.
    #[error("over the limit of {0}")]
    Limit(String),
    /// No credentials to ask with.
    #[error("not signed in: {0}")]
    Unauthenticated(String),
    /// An answer that we do not take: an encoding, a redirect, another host.
    #[error("answer refused: {0}")]
    Refused(String),
}
