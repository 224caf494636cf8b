//! One request to an anchor: no redirects, a limit on time and size, plain HTTP to this machine only.

use super::error::{AnchorError, Fault};
use evidenced_collectors::contract::SecretRef;
use evidenced_collectors::door::{causes, read_secret};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;
use std::time::Duration;
use url::{Host, Url};

/// How long an answer may take, from the first byte sent to the last received.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as received.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// What may be asked over the network.
pub(super) struct Http(Result<reqwest::Client, String>);

impl Http {
    pub(super) fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .timeout(PATIENCE)
            .user_agent(concat!("evidenced/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(client.map_err(|error| format!("the HTTP client cannot be made: {error}")))
    }

    /// Posts a body; at most `max` bytes of answer are read. `authorization` is the value of that header.
    pub(super) async fn post(
        &self,
        fault: Fault<'_>,
        url: Url,
        content_type: &'static str,
        body: Vec<u8>,
        authorization: Option<&SecretRef>,
        max: usize,
    ) -> Result<Answer, AnchorError> {
        let client = self.0.as_ref().map_err(|why| fault.unreachable(why))?;
        let mut request = client.post(url).header(CONTENT_TYPE, content_type).body(body);
        if let Some(secret) = authorization {
            let secret = read_secret(secret).map_err(|why| fault.unreachable(format!("its authorization: {why}")))?;
            let value = HeaderValue::from_str(secret.expose_secret());
            let mut value = value.map_err(|_| fault.unreachable("its authorization is no value of a header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        // The address may carry a key in its query, so errors do not repeat it.
        let failed = |error: reqwest::Error| fault.unreachable(causes(&error.without_url()));
        let mut response = request.send().await.map_err(failed)?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > max {
                return Err(fault.unreachable(format!("its answer is longer than {max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status().as_u16(), content_type, body })
    }
}

impl Answer {
    /// What it says, for people.
    pub(super) fn said(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().filter(|c| !c.is_control()).take(200).collect();
        format!("HTTP {} {text}", self.status).trim_end().to_owned()
    }
}

/// An address that may be asked, or why it may not.
pub fn address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no address")?;
    let loopback = match url.host() {
        Some(Host::Domain(host)) => host == "localhost",
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        None => return Err("it has no host"),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it carries a user name or password, which `authorization` is for");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err("it must be https, or http to this machine"),
    }
}
