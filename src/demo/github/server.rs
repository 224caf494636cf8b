//! Serves a history on the loopback address as GitHub would: signing in, paging, ETags, rate headers.

use super::history::{Fault, GithubHistory};
use super::wire::{View, time};
use super::{document, execute};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use chrono::Duration;
use evidenced_collectors::contract::clock::Clock;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What an App gets to sign in with.
const INSTALLATION_TOKEN: &str = "ghs_sample_installation_token";

/// A running sandbox; it ends when dropped.
pub struct GithubServer {
    inside: Arc<Inside>,
    task: tokio::task::JoinHandle<()>,
}

struct Inside {
    history: GithubHistory,
    clock: Arc<dyn Clock>,
    url: String,
    requests: Mutex<Vec<String>>,
}

/// One answer before its general headers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) next: Option<String>,
}

impl GithubServer {
    /// Serves the history on a free port of `127.0.0.1`; of it only what has happened by the clock's time.
    pub async fn start(history: GithubHistory, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let inside = Arc::new(Inside { history, clock, url, requests: Mutex::default() });
        let router = Router::new().fallback(serve).with_state(inside.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the sample GitHub stopped");
            }
        });
        Ok(Self { inside, task })
    }

    /// Its address, for `api_url`.
    pub fn url(&self) -> String {
        format!("{}/", self.inside.url)
    }

    /// Every request so far: `GET /repos/…`, `POST /graphql`.
    pub fn requests(&self) -> Vec<String> {
        self.inside.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for GithubServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    State(inside): State<Arc<Inside>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    inside.requests.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {uri}"));
    let now = inside.clock.now();
    let asked = format!("{uri}\n{}", String::from_utf8_lossy(&body));
    let view = View { history: &inside.history, now, url: &inside.url };
    let authorization = headers.get("authorization").map_or(&b""[..], |value| value.as_bytes());
    // An App's own signature is for its tokens, and for nothing else here.
    let (signed, mints) = (authorization.starts_with(b"Bearer eyJ"), uri.path().ends_with("/access_tokens"));
    let answer = if authorization.len() < 8 {
        message(401, "Requires authentication")
    } else if signed != mints {
        message(401, "Bad credentials")
    } else if uri.path() == "/installation/repositories" && !authorization.ends_with(INSTALLATION_TOKEN.as_bytes()) {
        message(403, "You must authenticate with an installation access token in order to list repositories")
    } else if let Some(status) = refused(&view, &asked) {
        message(status, "Sample fault")
    } else if let Some(refusal) = view.history.grants.as_ref().and_then(|grants| grants.refuse(uri.path(), &body)) {
        refusal
    } else {
        answer(&view, &method, &uri, &body)
    };
    let mut text = answer.body.to_string();
    for fault in &inside.history.faults {
        if let Fault::Replace { holds, find, put } = fault
            && asked.contains(holds)
        {
            text = text.replace(find, put);
        }
    }
    let etag = format!("W/\"{}\"", hex::encode(Sha256::digest(&text)));
    let known = headers.get("if-none-match").is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let fresh = method == Method::GET && known && answer.status == 200;
    let number = inside.requests.lock().unwrap_or_else(PoisonError::into_inner).len();
    let mut response = Response::builder()
        .status(if fresh { 304 } else { answer.status })
        .header("date", now.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .header("content-type", "application/json; charset=utf-8")
        .header("etag", etag)
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", 5_000_usize.saturating_sub(number).to_string())
        .header("x-ratelimit-reset", (now + Duration::hours(1)).timestamp().to_string())
        .header("x-github-request-id", format!("SAMPLE:{number:04X}"));
    for (name, value) in view.history.grants.iter().flat_map(|grants| grants.headers(uri.path())) {
        response = response.header(name, value);
    }
    if let Some(next) = answer.next {
        response = match answer.status {
            301 => response.header("location", format!("{}{next}", inside.url)),
            _ => response.header("link", format!("<{}{next}>; rel=\"next\"", inside.url)),
        };
    }
    for fault in &inside.history.faults {
        if let Fault::Header { holds, from, name, value } = fault
            && asked.contains(holds)
            && *from <= now
        {
            response = response.header(*name, *value);
        }
    }
    let body = if fresh { Body::empty() } else { Body::from(text) };
    response.body(body).unwrap_or_else(|_| {
        let mut broken = Response::new(Body::empty());
        *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        broken
    })
}

fn refused(view: &View<'_>, asked: &str) -> Option<u16> {
    view.history.faults.iter().find_map(|fault| match fault {
        Fault::Refuse { holds, from, to, status } => {
            (asked.contains(holds) && *from <= view.now && view.now < *to).then_some(*status)
        }
        Fault::Replace { .. } | Fault::Header { .. } => None,
    })
}

fn message(status: u16, message: &str) -> Answer {
    Answer { status, body: json!({ "message": message, "status": status.to_string() }), next: None }
}

fn answer(view: &View<'_>, method: &Method, uri: &Uri, body: &[u8]) -> Answer {
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let query: BTreeMap<&str, &str> =
        uri.query().unwrap_or_default().split('&').filter_map(|p| p.split_once('=')).collect();
    match (method.as_str(), path.as_slice()) {
        ("POST", ["graphql"]) => graphql(view, body),
        ("POST", ["app", "installations", _, "access_tokens"]) => Answer {
            status: 201,
            body: json!({
                "token": INSTALLATION_TOKEN, "expires_at": time(view.now + Duration::hours(1)),
                "permissions": view.history.grants.as_ref().and_then(super::rights::Grants::minted),
            }),
            next: None,
        },
        ("GET", ["repos", owner, name, rest @ ..]) => {
            let name = format!("{owner}/{name}");
            match view.repository(&name) {
                None => message(404, "Not Found"),
                Some(found) if !view.name(found).eq_ignore_ascii_case(&name) => {
                    let path = format!("/repositories/{}/{}", view.number(found), rest.join("/"));
                    Answer { next: Some(path), ..message(301, "Moved Permanently") }
                }
                Some(found) => rest_answer(view, view.number(found) - 1, rest, &query),
            }
        }
        ("GET", ["installation", "repositories"]) => {
            let number = |key: &str, otherwise| query.get(key).and_then(|n| n.parse().ok()).unwrap_or(otherwise);
            let (page, size) = (number("page", 1), number("per_page", 30));
            let (body, more) = view.installation(page, size);
            let next = more.then(|| format!("/installation/repositories?per_page={size}&page={}", page + 1));
            Answer { status: 200, body, next }
        }
        // Asked only to see whether it is answered.
        ("GET", ["orgs", _, "teams"]) => Answer { status: 200, body: json!([]), next: None },
        ("GET", ["orgs", login]) => match view.rest_organization(login) {
            Some(body) => Answer { status: 200, body, next: None },
            None => message(404, "Not Found"),
        },
        // GitHub's next links name repositories by number.
        ("GET", ["repositories", number, rest @ ..]) => match number.parse::<usize>() {
            Ok(number) if (1..=view.history.repositories.len()).contains(&number) => {
                rest_answer(view, number - 1, rest, &query)
            }
            _ => message(404, "Not Found"),
        },
        _ => message(404, "Not Found"),
    }
}

fn rest_answer(view: &View<'_>, position: usize, rest: &[&str], query: &BTreeMap<&str, &str>) -> Answer {
    let repository = &view.history.repositories[position];
    let number = |key: &str, otherwise: usize| query.get(key).and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    let period = |otherwise| match query.get("time_period").copied().unwrap_or(otherwise) {
        "day" => Some(1),
        "week" => Some(7),
        "month" => Some(30),
        "quarter" => Some(90),
        "year" => Some(365),
        _ => None,
    };
    match rest {
        // Asked only to see whether they are answered.
        [] => Answer { status: 200, body: json!({ "full_name": repository.name }), next: None },
        ["commits" | "pulls"] => Answer { status: 200, body: json!([]), next: None },
        ["activity"] => {
            let rows = view.activity(repository, period("")).into_iter().map(|row| view.row(row)).collect();
            from_there_on(rows, &format!("/repositories/{}/activity", position + 1), query)
        }
        ["dependabot", "alerts"] => match view.alerts(repository) {
            Ok(rows) => from_there_on(rows, &format!("/repositories/{}/dependabot/alerts", position + 1), query),
            Err(why) => message(403, why),
        },
        ["compare", range] => {
            let page = number("page", 1).max(1);
            let size = number("per_page", 30).clamp(1, 100);
            let pages = (page, size);
            let compared = range.split_once("...").and_then(|(base, head)| view.compare(repository, base, head, pages));
            compared.map_or_else(
                || message(404, "Not Found"),
                |(body, more)| {
                    let path =
                        format!("/repositories/{}/compare/{range}?per_page={size}&page={}", position + 1, page + 1);
                    Answer { status: 200, body, next: more.then_some(path) }
                },
            )
        }
        ["pulls", pull, "files"] => {
            let Some(files) = pull.parse().ok().and_then(|pull| view.pull_files(repository, pull)) else {
                return message(404, "Not Found");
            };
            let (page, size) = (number("page", 1).max(1), number("per_page", 30));
            let next = (page * size < files.len()).then(|| {
                format!("/repositories/{}/pulls/{pull}/files?per_page={size}&page={}", position + 1, page + 1)
            });
            Answer { status: 200, body: files.into_iter().skip((page - 1) * size).take(size).collect(), next }
        }
        ["rulesets", "rule-suites"] => {
            let reference = decoded(query.get("ref").copied().unwrap_or_default());
            let suites = view.bypasses(repository, &reference, period("day").unwrap_or(1));
            let (page, size) = (number("page", 1).max(1), number("per_page", 30));
            let kept: Vec<String> =
                query.iter().filter(|(key, _)| **key != "page").map(|(key, value)| format!("{key}={value}")).collect();
            let next = (page * size < suites.len()).then(|| {
                let path = format!("/repositories/{}/rulesets/rule-suites", position + 1);
                format!("{path}?{}&page={}", kept.join("&"), page + 1)
            });
            Answer { status: 200, body: suites.into_iter().skip((page - 1) * size).take(size).collect(), next }
        }
        _ => message(404, "Not Found"),
    }
}

/// As a server reads what stands in a query.
fn decoded(text: &str) -> String {
    let pair = format!("text={text}");
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, text)| text.into_owned()).collect()
}

/// A page of a list that is gone through from a place on, and not page by page.
fn from_there_on(rows: Vec<Value>, path: &str, query: &BTreeMap<&str, &str>) -> Answer {
    let number = |key: &str, otherwise: usize| query.get(key).and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    let (from, size) = (number("after", 0), number("per_page", 30));
    let kept: Vec<String> =
        query.iter().filter(|(key, _)| **key != "after").map(|(key, value)| format!("{key}={value}")).collect();
    let next = (from + size < rows.len()).then(|| format!("{path}?{}&after={}", kept.join("&"), from + size));
    Answer { status: 200, body: rows.into_iter().skip(from).take(size).collect(), next }
}

fn graphql(view: &View<'_>, body: &[u8]) -> Answer {
    let asked: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let variables = asked.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let text = asked.get("query").and_then(Value::as_str).unwrap_or_default();
    let body = match document::read(text, &variables).and_then(|document| execute::run(&document, view)) {
        Ok(data) => match ["repository", "organization"].into_iter().find(|f| data.get(f) == Some(&Value::Null)) {
            None => json!({ "data": data }),
            Some(field) => json!({ "data": data, "errors": [{
                "type": "NOT_FOUND", "path": [field], "locations": [{ "line": 1, "column": 1 }],
                "message": format!("Could not resolve to a {field} with the name given."),
            }] }),
        },
        Err(message) => json!({ "errors": [{ "message": message }] }),
    };
    Answer { status: 200, body, next: None }
}
