//! Sends requests through octocrab and the door, and says what a refusal means. Reads no meaning out
//! of a body.

use super::permissions;
use crate::contract::CollectError;
use crate::door::{self, Door, Failure, GithubCredentials, Hosts, Source, Strike};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use octocrab::Octocrab;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use url::Url;

/// The version of the REST interface that octocrab asks for; a test holds the two together.
pub(crate) const API_VERSION: &str = "2022-11-28";
/// The source's name in the record.
pub(crate) const SOURCE: &str = "github";
/// Pages read of one list in one run.
const PAGES_MAX: u32 = 1_000;
/// Says that the token lacks an organisation's single sign-on: `partial-results; organizations=…` with an answer
/// that looks complete, `required; url=…` with a refusal.
const SSO_HEADER: &str = "x-github-sso";
/// A permission that GitHub names for every reading of ref updates.
pub(crate) const CONTENTS: &str = permissions::CONTENTS.name;
/// What every repository and every list of them needs.
pub(crate) const METADATA: &str = permissions::METADATA.name;
/// What pull requests, their reviews and their commits need.
pub(crate) const PULL_REQUESTS: &str = permissions::PULL_REQUESTS.name;

/// A way to GitHub.
pub(crate) struct Client {
    octocrab: Octocrab,
    base: Url,
    /// Whether an App signs in.
    pub is_app: bool,
    /// The instant that the run began.
    pub as_of: DateTime<Utc>,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub(crate) fn new(door: &Door, api_url: &str, credentials: &GithubCredentials) -> Result<Self, CollectError> {
        let base = Url::parse(api_url).map_err(|error| malformed("api_url", error.to_string()))?;
        // Neither source text nor addresses of people are needed; both come with comparisons.
        let strikes = vec![
            strike("source text", r#""patch"\s*:\s*"((?:[^"\\]|\\.)*)""#)?,
            strike("signed text", r#""(?:payload|signature)"\s*:\s*"((?:[^"\\]|\\.)*)""#)?,
            strike("e-mail address", r#""email"\s*:\s*"([^"]*)""#)?,
            strike("e-mail address", r#"(?:<|\\u003[cC])([^<>@\s"\\]+@[^<>\s"\\]+)(?:>|\\u003[eE])"#)?,
        ];
        let source = Source { name: SOURCE.to_owned(), hosts: Hosts::Origin(base.clone()), strikes };
        let octocrab = door.github(&source, &base, credentials)?;
        let is_app = matches!(credentials, GithubCredentials::App { .. });
        Ok(Self { octocrab, base, is_app, as_of: door.as_of() })
    }

    /// `GET` of a path under the base address.
    pub(crate) async fn get(&self, what: &str, path: &str, etag: Option<&str>) -> Result<Answer, CollectError> {
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag {
            let value = etag.parse().map_err(|_| malformed(what, "the remembered ETag is not a header".to_owned()))?;
            headers.insert(http::header::IF_NONE_MATCH, value);
        }
        let response = self.octocrab._get_with_headers(path, Some(headers)).await;
        answer(what, response).await
    }

    /// `POST` to the GraphQL endpoint. `None`: no whole answer in time.
    pub(crate) async fn post_graphql(
        &self,
        what: &str,
        body: &serde_json::Value,
    ) -> Result<Option<Answer>, CollectError> {
        let response = self.octocrab._post("/graphql", Some(body)).await;
        if let Err(error) = &response
            && matches!(Failure::within(error), Some(Failure::TimedOut(_) | Failure::CutShort(_)))
        {
            return Ok(None);
        }
        answer(what, response).await.map(Some)
    }

    /// The lists on `first` and the pages after it, until `enough` says so of what is held.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        what: &str,
        (path, first): (&str, Answer),
        permission: &str,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<(Vec<T>, u32), CollectError> {
        let (mut answer, mut rows, mut pages) = (first, Vec::new(), 0);
        let mut visited = BTreeSet::from([path.to_owned()]);
        loop {
            rows.extend(answer.json::<Vec<T>>(what, permission)?);
            pages += 1;
            let next = self.next(what, &answer.headers)?.filter(|_| !enough(&rows));
            let Some(next) = next else { return Ok((rows, pages)) };
            if pages == PAGES_MAX {
                return Err(CollectError::Limit { what: what.to_owned(), why: format!("more than {PAGES_MAX} pages") });
            }
            if !visited.insert(next.clone()) {
                return Err(malformed(what, "a page names itself or an earlier one as the next".to_owned()));
            }
            answer = self.get(what, &next, None).await?;
        }
    }

    /// The path of the page that `Link: rel="next"` names, if it names one.
    pub(crate) fn next(&self, what: &str, headers: &HeaderMap) -> Result<Option<String>, CollectError> {
        let Some(link) = headers.get(http::header::LINK) else { return Ok(None) };
        let link = link.to_str().map_err(|_| malformed(what, "the Link header is not text".to_owned()))?;
        let Some(next) = link.split(',').find_map(|part| {
            let (address, attributes) = part.split_once(';')?;
            let next = attributes.split(';').any(|a| matches!(a.trim(), "rel=\"next\"" | "rel=next"));
            next.then(|| address.trim().trim_start_matches('<').trim_end_matches('>'))
        }) else {
            return Ok(None);
        };
        let url = self.base.join(next).map_err(|error| malformed(what, format!("next page: {error}")))?;
        if url.origin() != self.base.origin() || !url.path().starts_with(self.base.path()) {
            return Err(malformed(what, "the next page is on another host".to_owned()));
        }
        // octocrab signs in only for addresses without a host; it puts the base path back.
        let path = url.path().strip_prefix(self.base.path().trim_end_matches('/')).unwrap_or(url.path());
        Ok(Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))))
    }
}

impl Answer {
    /// The body of a `200`, read strictly; any other status is an error that names the permission.
    pub(crate) fn json<T: DeserializeOwned>(&self, what: &str, permission: &str) -> Result<T, CollectError> {
        if self.status != StatusCode::OK {
            return Err(self.refusal(what, permission));
        }
        serde_json::from_slice(&self.body).map_err(|error| malformed(what, error.to_string()))
    }

    /// What a status other than the expected one means.
    pub(crate) fn refusal(&self, what: &str, permission: &str) -> CollectError {
        door::error_for(what, self.status.as_u16(), &self.body, Some(permission))
    }
}

async fn answer<E>(
    what: &str,
    response: octocrab::Result<http::Response<http_body_util::combinators::BoxBody<Bytes, E>>>,
) -> Result<Answer, CollectError>
where
    E: std::fmt::Display,
{
    let (parts, body) = response.map_err(|error| unanswered(what, &error))?.into_parts();
    if let Some(said) = parts.headers.get(SSO_HEADER) {
        return Err(not_authorised(what, &String::from_utf8_lossy(said.as_bytes())));
    }
    let body = body.collect().await.map_err(|error| malformed(what, error.to_string()))?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

fn unanswered(what: &str, error: &octocrab::Error) -> CollectError {
    match Failure::within(error) {
        // The door follows no redirect; GitHub has them for names that are no longer.
        Some(Failure::Refused(why)) if why.starts_with("redirect (301)") => {
            let hint = "write the repository's present name in repositories";
            malformed(what, format!("{why}: renamed, or moved to another owner; hint: {hint}"))
        }
        Some(failure) => failure.clone().into_error(what),
        None => malformed(what, error.to_string()),
    }
}

/// Whatever the status: with this header, GitHub left out what the token may see only after single sign-on,
/// or all of it.
fn not_authorised(what: &str, said: &str) -> CollectError {
    let said: String = said.chars().take(200).collect();
    CollectError::Forbidden {
        what: what.to_owned(),
        why: format!(
            "GitHub does not show this token everything ({SSO_HEADER}: {said}); hint: authorise the token for the \
             organisation with \"Configure SSO\" in the list of tokens"
        ),
        permission: Some("SSO authorisation of the token".to_owned()),
    }
}

/// An answer that is not what GitHub documents.
pub(crate) fn malformed(what: &str, why: String) -> CollectError {
    CollectError::Malformed { what: what.to_owned(), why }
}

fn strike(rule: &'static str, pattern: &str) -> Result<Strike, CollectError> {
    let pattern = regex::bytes::Regex::new(pattern).map_err(|error| malformed(rule, error.to_string()))?;
    Ok(Strike { rule, pattern })
}

/// For fields that must be there and may be `null`; serde takes an absent `Option` for `None`.
pub(crate) fn stated<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer)
}
