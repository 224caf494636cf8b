//! RFC 3161 time-stamps: what is asked of an authority, what its answer says, and whether its signature
//! leads to a certificate that is trusted. No network, no clock, nothing is stored.
//!
//! Read strictly: DER with definite lengths, every byte accounted for. What is not understood is an error
//! of its own (`NotUnderstood`) and never passes for checked. Two depths:
//!
//! - `Query::answered_by`: for whoever asked. Granted, the right data, the right nonce, the right time.
//! - `verify`: for whoever relies on it. The above, and signature and chain at the time stated.
//!
//! Not checked: revocation. A certificate that has expired since is fine, one that had expired then is not.

mod certificate;
mod chain;
mod der;
mod token;

pub use chain::{Roots, verify};
pub use token::{Stamp, read};

use chrono::{DateTime, TimeDelta, Utc};

/// Longest answer that is read, bytes. Real ones have from 1 to 10 KB.
pub const RESPONSE_BYTES_MAX: usize = 256 << 10;

/// Media type of a request.
pub const QUERY_TYPE: &str = "application/timestamp-query";

/// Media type of an answer.
pub const REPLY_TYPE: &str = "application/timestamp-reply";

/// How far the authority's clock and ours may lie apart.
pub const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

/// Why a time-stamp does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It may be right, but we cannot tell: it has a form or an algorithm that we do not know.
    #[error("the time-stamp is not understood: {0}")]
    NotUnderstood(String),
    /// The authority gave none.
    #[error("the authority gave no time-stamp: {0}")]
    NotGranted(String),
    /// It is wrong: of other data, of another request, signed by somebody else, or changed.
    #[error("the time-stamp is wrong: {0}")]
    Wrong(String),
}

impl TimestampError {
    fn unknown(what: impl Into<String>) -> Self {
        Self::NotUnderstood(what.into())
    }

    fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(what.into())
    }
}

/// A request: time-stamp this hash, with this nonce, and send your certificate along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    sha256: [u8; 32],
    nonce: [u8; 8],
}

impl Query {
    /// Over the SHA-256 of the data; `random` makes the nonce.
    pub fn new(sha256: [u8; 32], random: [u8; 8]) -> Self {
        let mut nonce = random;
        // A positive INTEGER of eight bytes has one form only if it begins with neither 0 nor a set sign bit.
        nonce[0] = nonce[0] & 0x3f | 0x40;
        Self { sha256, nonce }
    }

    /// The TimeStampReq, 69 bytes: version 1, SHA-256 and the hash, no policy, the nonce, certReq.
    pub fn to_der(&self) -> Vec<u8> {
        let mut der = vec![0x30, 0x43, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09];
        der.extend_from_slice(token::SHA256);
        der.extend_from_slice(&[0x05, 0x00, 0x04, 0x20]);
        der.extend_from_slice(&self.sha256);
        der.extend_from_slice(&[0x02, 0x08]);
        der.extend_from_slice(&self.nonce);
        der.extend_from_slice(&[0x01, 0x01, 0xff]);
        der
    }

    /// Reads the authority's answer to this request. Signature and chain are not checked: `verify`.
    pub fn answered_by(&self, response: &[u8], now: DateTime<Utc>) -> Result<Stamp, TimestampError> {
        let stamp = read(response)?;
        if stamp.sha256 != self.sha256 {
            return Err(TimestampError::wrong("it is of other data than were sent"));
        }
        if stamp.nonce.as_deref() != Some(&self.nonce[..]) {
            return Err(TimestampError::wrong("it has another nonce than was sent, so it answers another request"));
        }
        if (stamp.time - now).abs() > CLOCKS_APART {
            let (theirs, ours) = (stamp.time.to_rfc3339(), now.to_rfc3339());
            return Err(TimestampError::wrong(format!(
                "it says {theirs}, but it is {ours} here; one of the two clocks is wrong"
            )));
        }
        Ok(stamp)
    }
}
