//! Requests of our own to others: anchors, channels of alerts, the heartbeat. One client with one set of rules;
//! collectors have the door instead.
//!
//! https only, or http to this machine where it is named; no redirect is followed; time and size are limited.
//! A host may not be at an address of our own network (`addresses`) unless the configuration names it: somebody
//! who can change an address in a secret must not reach the metadata service or an inner host with it. A name is
//! looked up once, every address that it has is checked, and the connection goes to one of these.
//!
//! Behind a proxy (`HTTPS_PROXY`, `ALL_PROXY`) it is the proxy that connects, to whatever it takes the name for.
//! Checked here is then: an address written as such, and the name as this machine looks it up, if it can. The
//! proxy itself may be anywhere.

mod addresses;

use evidenced_collectors::door::{causes, spellings};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::{Host, Url};

/// How long an answer may take, from the look-up of the name to the last byte received.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest part of an answer in an error, characters.
const SAID_CHARS: usize = 200;

/// Parts of a secret address that are shorter are left in what others said: they tell nothing.
const TELLING_BYTES_MIN: usize = 6;

/// Where a request goes, as far as its text shows that it may. Not printable: it may be a secret.
#[derive(Clone)]
pub struct Address {
    url: Url,
    named: bool,
}

/// What is asked, beside where.
pub struct Request {
    method: Method,
    headers: HeaderMap,
    body: Vec<u8>,
    hidden: Vec<String>,
}

/// An answer as received. Any status is one.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Vec<u8>,
    hidden: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Unanswered {
    /// Nothing of the address or of what else is secret stands in it.
    pub why: String,
    /// What to do, if it is not to wait.
    pub hint: Option<&'static str>,
}

/// The way out. Clients are made when first needed, because reading the trusted certificates is slow.
pub struct Outside {
    names: Arc<dyn Resolve>,
    proxies: BTreeSet<String>,
    guarded: OnceLock<Result<Client, String>>,
    named: OnceLock<Result<Client, String>>,
}

/// A name that is at an address of our own network.
#[derive(Debug, thiserror::Error)]
#[error("its host is at {address}, {sort}, and is not named as one that may be")]
struct Inside {
    address: IpAddr,
    sort: &'static str,
}

/// How names are looked up by the machine.
struct System;

/// Lets out only what is the internet's, and the proxies.
struct Guard {
    names: Arc<dyn Resolve>,
    proxies: BTreeSet<String>,
}

impl Address {
    /// One that the configuration itself shows, and so names. Says why it may not be asked.
    pub fn shown(text: &str) -> Result<Self, &'static str> {
        Self::new(text, |_| true)
    }

    /// One whose host may be at an address of our own network only if it is `private_host`.
    pub fn outside(text: &str, private_host: Option<&str>) -> Result<Self, &'static str> {
        let private = private_host.map(host).transpose()?;
        Self::new(text, |host| private.as_ref() == Some(host))
    }

    fn new(text: &str, named: impl Fn(&Host) -> bool) -> Result<Self, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| "it is no address")?;
        let host = url.host().ok_or("it has no host")?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it carries a user name or password");
        }
        let loopback = match &host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let named = named(&host);
        match url.scheme() {
            "https" => Ok(Self { url, named }),
            "http" if loopback && named => Ok(Self { url, named }),
            _ => Err("it must be https, or http to this machine where that is named"),
        }
    }

    /// The same with another path, of plain segments, and query.
    pub fn at(&self, segments: &[&str], query: &[(&str, &str)]) -> Self {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().clear().extend_pairs(query);
        }
        Self { url, named: self.named }
    }

    /// What of it must not be repeated where everybody reads.
    fn telling(&self) -> Vec<String> {
        let url = &self.url;
        let mut parts: Vec<String> = vec![url.to_string(), url.path().to_owned()];
        parts.extend(url.host_str().map(str::to_owned));
        parts.extend(url.query().map(str::to_owned));
        parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
        parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        parts
    }
}

/// A host as it stands in an address.
pub fn host(text: &str) -> Result<Host, &'static str> {
    Host::parse(text).map_err(|_| "it is no name or address of a host")
}

impl Request {
    /// Asks for something.
    pub fn get() -> Self {
        Self { method: Method::GET, headers: HeaderMap::new(), body: Vec::new(), hidden: Vec::new() }
    }

    /// Sends bytes of that type.
    pub fn send(method: Method, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { method, body, ..Self::get() }.with(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Posts JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::send(Method::POST, "application/json", value.to_string().into_bytes())
    }

    /// With a header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a header that nobody is to see: `before`, then the secret. `None`: that is no value of a header.
    pub fn with_secret(self, name: HeaderName, before: &str, secret: &SecretString) -> Option<Self> {
        let mut value = HeaderValue::from_str(&format!("{before}{}", secret.expose_secret())).ok()?;
        value.set_sensitive(true);
        Some(self.hiding(secret).with(name, value))
    }

    /// What its body has of secrets, which an answer may repeat.
    pub fn hiding(mut self, secret: &SecretString) -> Self {
        let secret = secret.expose_secret();
        // `Bearer …`: the answer may repeat it without the first word.
        self.hidden.extend(secret.split_once(' ').map(|(_, rest)| rest.to_owned()));
        self.hidden.push(secret.to_owned());
        self
    }
}

impl Answer {
    /// What it says, for people: its status and the beginning of its text, without control characters and
    /// without what was secret in the question.
    pub fn said(&self) -> String {
        let text = self.cleaned(&String::from_utf8_lossy(&self.body));
        format!("HTTP {} {text}", self.status).trim_end().to_owned()
    }

    /// The beginning of something that it says, as above.
    pub fn cleaned(&self, text: &str) -> String {
        let text = strike(text.to_owned(), &self.hidden);
        text.chars().filter(|c| !c.is_control()).take(SAID_CHARS).collect()
    }
}

impl Unanswered {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }
}

impl Default for Outside {
    fn default() -> Self {
        Self::new()
    }
}

impl Outside {
    /// By the machine's own names.
    pub fn new() -> Self {
        Self::by(Arc::new(System))
    }

    /// By other names.
    pub fn by(names: Arc<dyn Resolve>) -> Self {
        let (guarded, named) = Default::default();
        Self { names, proxies: proxies(), guarded, named }
    }

    /// Asks once. Of the body at most `max` bytes are read; a longer one is no answer.
    pub async fn ask(&self, address: &Address, request: Request, max: usize) -> Result<Answer, Unanswered> {
        let mut hidden = address.telling();
        hidden.extend(request.hidden.iter().cloned());
        let answer = tokio::time::timeout(PATIENCE, self.within_patience(address, request, max)).await;
        let answer = answer
            .unwrap_or_else(|_| Err(Unanswered::because(format!("no answer within {} s", PATIENCE.as_secs()))))
            .map_err(|error| Unanswered { why: strike(error.why, &hidden), ..error })?;
        Ok(Answer { hidden, ..answer })
    }

    async fn within_patience(&self, address: &Address, request: Request, max: usize) -> Result<Answer, Unanswered> {
        if !address.named {
            self.check(&address.url).await.map_err(|error| failed(&error))?;
        }
        let client = self.client(address.named).as_ref().map_err(|why| Unanswered::because(why.clone()))?;
        let outgoing = client.request(request.method, address.url.clone()).headers(request.headers).body(request.body);
        let failed = |error: reqwest::Error| failed(&error.without_url());
        let mut response = outgoing.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > max {
                return Err(Unanswered::because(format!("its answer is longer than {max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status().as_u16();
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body, hidden: Vec::new() })
    }

    /// What the guard of the connections does not see: addresses written as such, and names that a proxy
    /// looks up.
    async fn check(&self, url: &Url) -> Result<(), Inside> {
        match url.host() {
            Some(Host::Ipv4(address)) => outside(address.into()),
            Some(Host::Ipv6(address)) => outside(address.into()),
            Some(Host::Domain(name)) if !self.proxies.is_empty() => {
                let Ok(name) = name.parse::<Name>() else { return Ok(()) };
                // A machine behind a proxy need not know the names of the outside.
                let Ok(mut found) = self.names.resolve(name).await else { return Ok(()) };
                found.try_for_each(|found| outside(found.ip()))
            }
            _ => Ok(()),
        }
    }

    fn client(&self, named: bool) -> &Result<Client, String> {
        let (made, names): (_, Arc<dyn Resolve>) = if named {
            (&self.named, self.names.clone())
        } else {
            (&self.guarded, Arc::new(Guard { names: self.names.clone(), proxies: self.proxies.clone() }))
        };
        made.get_or_init(|| {
            let client = Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .timeout(PATIENCE)
                .user_agent(concat!("evidenced/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(names)
                .build();
            client.map_err(|error| format!("the HTTP client cannot be made: {}", causes(&error)))
        })
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Unanswered {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<Inside>() {
            let hint = "name the host as `private_host`, if it is meant to be there";
            return Unanswered { why: cause.to_string(), hint: Some(hint) };
        }
        next = cause.source();
    }
    Unanswered::because(causes(error))
}

fn outside(address: IpAddr) -> Result<(), Inside> {
    match addresses::inside(address) {
        Some(sort) => Err(Inside { address, sort }),
        None => Ok(()),
    }
}

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let proxy = self.proxies.contains(name.as_str());
        let looking = self.names.resolve(name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = looking.await?.collect();
            // One address of our own among others is as bad: which of them is taken is chance.
            if !proxy {
                found.iter().try_for_each(|found| outside(found.ip()))?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Hosts of the proxies that requests go through, by the variables that the HTTP client reads.
fn proxies() -> BTreeSet<String> {
    let variables = ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
    let values = variables.into_iter().filter_map(|variable| std::env::var(variable).ok());
    values.filter_map(|value| proxy_host(&value)).collect()
}

fn proxy_host(value: &str) -> Option<String> {
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    Some(Url::parse(&whole).ok()?.host_str()?.to_owned())
}

/// Takes what must not be seen out of a text, however it is spelled, the longest first. Only then may it be cut: half
/// a secret is one too.
pub(crate) fn strike(text: String, hidden: &[String]) -> String {
    let mut telling: Vec<&String> = hidden.iter().filter(|part| part.len() >= TELLING_BYTES_MIN).collect();
    telling.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    telling.dedup();
    telling.into_iter().fold(text, |text, part| match spellings(part) {
        Ok(spellings) => {
            let kept = spellings.replace_all(text.as_bytes(), b"[hidden]".as_slice());
            String::from_utf8_lossy(&kept).into_owned()
        }
        // What is too long to be looked for may be anywhere.
        Err(_) => "[hidden]".to_owned(),
    })
}
