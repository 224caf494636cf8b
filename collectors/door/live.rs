//! The network: one attempt at one request, within the limits. Keeping and repeating are `converse`'s.

use super::{Failure, Limits};
use crate::contract::clock::Clock;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use url::Url;

/// The live side of a door.
pub(super) struct Live {
    pub(super) clock: Arc<dyn Clock>,
    network: Network,
    limits: Limits,
    began: DateTime<Utc>,
    numbered: AtomicU32,
    exchanges: AtomicU32,
    bytes: AtomicU64,
}

/// The one HTTP client of a process: one TLS stack, one set of trusted certificates, one proxy setting.
/// Made once, because reading the certificates is slow, and shared by the doors of all runs.
#[derive(Clone)]
pub struct Network(Result<reqwest::Client, String>);

impl Network {
    /// Reads the machine's trusted certificates and proxy settings. If there are none to trust, the first
    /// request says so.
    pub fn new() -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).referer(false).build();
        Self(client.map_err(|e| format!("the HTTP client cannot be made: {}", causes(&e))))
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

/// A whole answer as received.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Live {
    pub(super) fn new(network: Network, clock: Arc<dyn Clock>, limits: Limits, began: DateTime<Utc>) -> Self {
        let (numbered, exchanges, bytes) = Default::default();
        Self { clock, network, limits, began, numbered, exchanges, bytes }
    }

    /// The number of the next recorded exchange, from 1.
    pub(super) fn number(&self) -> u32 {
        self.numbered.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts one more exchange, recorded or not; refuses it when the run's time is over.
    pub(super) fn spend_exchange(&self) -> Result<(), Failure> {
        self.limits.in_time(self.began, self.clock.now(), Duration::ZERO)?;
        if self.exchanges.fetch_add(1, Ordering::Relaxed) < self.limits.exchanges_max {
            return Ok(());
        }
        Err(Failure::Limit(format!("{} exchanges in one run", self.limits.exchanges_max)))
    }

    /// Counts bytes received; refuses those beyond the run's limit.
    pub(super) fn spend_bytes(&self, more: u64) -> Result<(), Failure> {
        if self.bytes.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= self.limits.run_bytes_max {
            return Ok(());
        }
        Err(Failure::Limit(format!("{} bytes of answers in one run", self.limits.run_bytes_max)))
    }

    /// Asks once. The caller has checked the host.
    pub(super) async fn fetch(
        &self,
        url: &Url,
        request: &http::Request<Bytes>,
        deadline: Duration,
    ) -> Result<Answer, Failure> {
        self.spend_exchange()?;
        let client = self.network.0.as_ref().map_err(|why| Failure::Refused(why.clone()))?;
        let mut headers = request.headers().clone();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("evidenced/", env!("CARGO_PKG_VERSION"))));
        let outgoing = client
            .request(request.method().clone(), url.clone())
            .headers(headers)
            .body(request.body().clone())
            .timeout(deadline);
        let mut response = outgoing.send().await.map_err(|e| transport(e, deadline, Failure::Connection))?;
        check(url, request.method(), &response)?;
        let body = self.body(&mut response, deadline).await?;
        Ok(Answer { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }

    async fn body(&self, response: &mut reqwest::Response, deadline: Duration) -> Result<Bytes, Failure> {
        let max = self.limits.body_bytes_max;
        if response.content_length().is_some_and(|length| length > max) {
            return Err(Failure::TooLarge(max));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| transport(e, deadline, Failure::CutShort))? {
            if (body.len() + chunk.len()) as u64 > max {
                return Err(Failure::TooLarge(max));
            }
            self.spend_bytes(chunk.len() as u64)?;
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// Answers that we do not take, told by their head.
fn check(url: &Url, method: &Method, response: &reqwest::Response) -> Result<(), Failure> {
    let (status, headers) = (response.status(), response.headers());
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        // The query may be a signature.
        let to = location
            .and_then(|l| url.join(l).ok())
            .map_or("nowhere".to_owned(), |to| format!("{}{}", to.origin().ascii_serialization(), to.path()));
        return Err(Failure::Refused(format!("redirect ({}) to {to}", status.as_u16())));
    }
    let plain = |value: &HeaderValue| value.as_bytes().is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    if let Some(encoding) = headers.get_all(header::CONTENT_ENCODING).iter().find(|value| !plain(value)) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(Failure::Refused(format!("content-encoding {encoding}, though identity was asked for")));
    }
    let bodiless = method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let chunked = headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .any(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase().trim_end().ends_with("chunked"));
    // A connection that closes early would look like the end of the answer.
    if response.version() <= Version::HTTP_11 && !bodiless && !chunked && !headers.contains_key(header::CONTENT_LENGTH)
    {
        return Err(Failure::CutShort("neither content-length nor chunks show where it ends".to_owned()));
    }
    Ok(())
}

fn transport(error: reqwest::Error, deadline: Duration, otherwise: fn(String) -> Failure) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut(deadline.as_secs());
    }
    let unsendable = error.is_builder();
    let text = causes(&error.without_url());
    if unsendable { Failure::Refused(text) } else { otherwise(text) }
}

/// An error and its causes in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text.chars().take(300).collect()
}
