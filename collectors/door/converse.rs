//! The line of one request: attempt, keep, perhaps wait and repeat, answer. Live and replay differ in
//! where an attempt's outcome comes from, and in nothing else.

use super::github::App;
use super::live::{Answer, Live};
use super::{
    Door, Exchange, ExchangeHead, Failure, RecordedRequest, RecordedResponse, RequestBody, Side, Source, retry,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use std::time::Duration;
use url::Url;

/// Request headers that change the answer.
const REQUEST_HEADERS: [&str; 6] =
    ["accept", "content-type", "if-modified-since", "if-none-match", "x-amz-target", "x-github-api-version"];

/// Response headers that carry meaning; `x-ratelimit-*` besides.
const RESPONSE_HEADERS: [&str; 18] = [
    "content-length",
    "content-type",
    "date",
    "etag",
    "github-authentication-token-expiration",
    "last-modified",
    "link",
    "retry-after",
    "server",
    "x-accepted-github-permissions",
    "x-accepted-oauth-scopes",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-github-api-version-selected",
    "x-github-media-type",
    "x-github-request-id",
    // Says that organisations were left out of a listing for want of single sign-on.
    "x-github-sso",
    "x-oauth-scopes",
];

/// Who built the request, and what it still needs.
pub(super) enum Plug {
    /// A collector: nothing.
    Plain,
    /// octocrab: this `authorization`.
    Token(HeaderValue),
    /// octocrab: the token of an App's installation.
    App(Box<App>),
    /// The AWS SDK, which has signed it. A replay does not know an endpoint that came from the environment,
    /// so it compares everything but scheme, host and port.
    Aws,
}

/// One request, ready to be attempted.
struct Asked<'a> {
    source: &'a Source,
    plug: &'a Plug,
    url: Result<Url, Failure>,
    request: http::Request<Bytes>,
    recorded: RecordedRequest,
}

impl Door {
    pub(super) async fn converse(
        &self,
        source: &Source,
        request: http::Request<Bytes>,
        plug: &Plug,
    ) -> Result<http::Response<Bytes>, Failure> {
        let asked = self.asked(source, request, plug);
        let mut attempt = 1;
        loop {
            let exchange = match &self.0.side {
                Side::Live(live) => self.attempt(live, &asked).await,
                Side::Replay(replay) => replay
                    .answer(&asked.recorded, matches!(plug, Plug::Aws))
                    .map_err(|missing| asked.url.as_ref().err().cloned().unwrap_or(missing))?,
            };
            let wait = retry::wait(&exchange.head, &exchange.body, attempt, &self.0.limits);
            self.kept().push(exchange.clone());
            let Some(wait) = wait else { return self.answer(&asked, exchange) };
            self.0.limits.in_time(self.0.as_of, exchange.head.received_at, wait)?;
            self.pause(wait).await;
            attempt += 1;
        }
    }

    fn asked<'a>(&self, source: &'a Source, request: http::Request<Bytes>, plug: &'a Plug) -> Asked<'a> {
        let text = request.uri().to_string();
        let parsed = Url::parse(&text);
        let address = parsed.clone().map_or(text, |url| without_user(url).to_string());
        let url = match parsed {
            Err(why) => Err(Failure::Refused(format!("address not understood: {why}"))),
            // What the SDK asks on replay goes nowhere, and where it went is in the record.
            Ok(url) if matches!((plug, &self.0.side), (Plug::Aws, Side::Replay(_))) => Ok(url),
            Ok(url) => source.hosts.refuse(&url).map_or(Ok(url), |why| Err(Failure::Refused(why))),
        };
        let strike = |text: &str| self.0.secrets.strike_text(text);
        let values =
            |name: &'static str| request.headers().get_all(name).iter().map(move |value| (name, text_of(value)));
        let recorded = RecordedRequest {
            source: source.name.clone(),
            method: request.method().to_string(),
            url: strike(&address),
            headers: REQUEST_HEADERS
                .iter()
                .flat_map(|name| values(name))
                .map(|(name, value)| (name.to_owned(), strike(&value)))
                .collect(),
            body: RequestBody::of(&self.0.secrets.strike_body(request.body().clone(), &[]).0),
        };
        Asked { source, plug, url, request, recorded }
    }

    /// One live attempt, whatever comes of it.
    async fn attempt(&self, live: &Live, asked: &Asked<'_>) -> Exchange {
        let number = live.number();
        let sent_at = live.clock.now();
        let outcome = self.sign_and_fetch(live, asked).await;
        let received_at = live.clock.now();
        let (response, body) = match outcome {
            Ok(answer) => self.keep(answer, asked.source),
            Err(failure) => (Err(self.strike_failure(failure)), Bytes::new()),
        };
        let request = asked.recorded.clone();
        Exchange { head: ExchangeHead { number, request, sent_at, received_at, response }, body }
    }

    async fn sign_and_fetch(&self, live: &Live, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let url = asked.url.as_ref().map_err(Clone::clone)?;
        let mut request = asked.request.clone();
        let authorization = match asked.plug {
            Plug::Plain | Plug::Aws => None,
            Plug::Token(value) => Some(value.clone()),
            Plug::App(app) => Some(self.installation_token(live, asked.source, app).await?),
        };
        if let Some(value) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        live.fetch(url, &request, self.deadline()).await
    }

    /// The answer as it is recorded, and as everyone after this sees it.
    fn keep(&self, answer: Answer, source: &Source) -> (Result<RecordedResponse, Failure>, Bytes) {
        let (body, struck) = self.0.secrets.strike_body(answer.body, &source.strikes);
        let headers = self.kept_headers(&answer.headers);
        let (size, sha256) = (body.len() as u64, sha256(&body));
        (Ok(RecordedResponse { status: answer.status.as_u16(), headers, size, sha256, struck }), body)
    }

    fn kept_headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let kept = |name: &str| RESPONSE_HEADERS.contains(&name) || name.starts_with("x-ratelimit-");
        headers
            .iter()
            .filter(|(name, _)| kept(name.as_str()))
            .map(|(name, value)| {
                let mut text = text_of(value);
                if name == "x-github-sso" {
                    // Its link is a ticket to sign in with.
                    text.truncate(text.find('?').unwrap_or(text.len()));
                }
                (name.to_string(), self.0.secrets.strike_text(&text))
            })
            .collect()
    }

    /// The error text of a library may quote what was sent.
    fn strike_failure(&self, failure: Failure) -> Failure {
        let strike = |text: String| self.0.secrets.strike_text(&text);
        match failure {
            Failure::Connection(text) => Failure::Connection(strike(text)),
            Failure::CutShort(text) => Failure::CutShort(strike(text)),
            Failure::Refused(text) => Failure::Refused(strike(text)),
            Failure::Unauthenticated(text) => Failure::Unauthenticated(strike(text)),
            Failure::Limit(text) => Failure::Limit(strike(text)),
            Failure::NotFound | Failure::Denied | Failure::TimedOut(_) | Failure::TooLarge(_) => failure,
        }
    }

    /// What the caller gets: built from the record, so that a replay gives the same.
    fn answer(&self, asked: &Asked<'_>, exchange: Exchange) -> Result<http::Response<Bytes>, Failure> {
        // A record made by other hands may hold an answer that we would never have asked for.
        if let Err(refused) = &asked.url {
            return Err(self.strike_failure(refused.clone()));
        }
        let recorded = exchange.head.response?;
        let mut response = http::Response::builder().status(recorded.status);
        for (name, value) in &recorded.headers {
            response = response.header(name, value);
        }
        response.body(exchange.body).map_err(|e| Failure::Refused(format!("status or header not understood: {e}")))
    }

    pub(super) fn deadline(&self) -> Duration {
        Duration::from_secs(self.0.limits.request_seconds_max)
    }
}

/// Lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn text_of(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn without_user(mut url: Url) -> Url {
    // Addresses that cannot have a user name have none to remove.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}
