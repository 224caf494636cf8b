//! What the exchanges of a source say about themselves, for the IPE block.

use super::{Exchange, ExchangeHead, RecordedRequest, RecordedResponse, RequestBody};
use crate::contract::{Ipe, RequestSummary};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The block of one source; what only the kind knows is empty.
pub(super) fn block(source: &str, as_of: DateTime<Utc>, exchanges: &[Exchange]) -> Ipe {
    let heads = || exchanges.iter().map(|exchange| &exchange.head).filter(|head| head.request.source == source);
    let mut requests: BTreeMap<String, u32> = BTreeMap::new();
    for head in heads() {
        *requests.entry(label(&head.request)).or_default() += 1;
    }
    let answers = || heads().filter_map(|head| head.response.as_ref().ok().map(|response| (head, response)));
    let hosts: BTreeSet<String> = answers().filter_map(|(head, _)| host(&head.request)).collect();
    let scopes: BTreeSet<String> = answers().flat_map(|(_, response)| scopes(response)).collect();
    Ipe {
        source: source.to_owned(),
        hosts: hosts.into_iter().collect(),
        api_version: None,
        identity: Vec::new(),
        scopes: scopes.into_iter().collect(),
        as_of,
        collected_at: as_of,
        clock_skew_ms: answers().filter_map(|(head, response)| skew_ms(head, response)).max_by_key(|ms| ms.abs()),
        requests: requests.into_iter().map(|(request, count)| RequestSummary { request, count }).collect(),
        scope_claimed: Vec::new(),
        scope_found: Vec::new(),
        filters: Vec::new(),
        limitations: Vec::new(),
        reconciliations: Vec::new(),
    }
}

/// `github.example:8443`; for files the directory.
fn host(request: &RecordedRequest) -> Option<String> {
    let url = Url::parse(&request.url).ok()?;
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => Some(format!("{host}:{port}")),
        (Some(host), None) => Some(host.to_owned()),
        (None, _) => url.join(".").ok().map(|directory| directory.to_string()),
    }
}

fn scopes(response: &RecordedResponse) -> Vec<String> {
    let listed = response.header("x-oauth-scopes").unwrap_or_default();
    listed.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// Source clock minus ours, as far as it is certain: `Date` is a whole second, and was written at some
/// instant between sending and receiving.
fn skew_ms(head: &ExchangeHead, response: &RecordedResponse) -> Option<i64> {
    let date = DateTime::parse_from_rfc2822(response.header("date")?).ok()?.timestamp_millis();
    let (sent, received) = (head.sent_at.timestamp_millis(), head.received_at.timestamp_millis());
    let (ahead, behind) = (date - received, date + 1000 - sent);
    Some(if ahead > 0 { ahead } else { behind.min(0) })
}

impl RecordedRequest {
    /// What was asked for, in one line: `iam:ListUsers`, `GET https://api.github.com/repos/acme/shop/activity`.
    pub fn line(&self) -> String {
        let action = Url::parse(&self.url).ok().and_then(|url| aws_action(self, &url));
        action.unwrap_or_else(|| format!("{} {}", self.method, self.url))
    }
}

/// What was asked for, without what varies from item to item.
fn label(request: &RecordedRequest) -> String {
    let Ok(url) = Url::parse(&request.url) else { return request.method.clone() };
    if url.scheme() == "file" {
        return request.method.clone();
    }
    if let Some(action) = aws_action(request, &url) {
        return action;
    }
    let path: Vec<&str> = url.path().split('/').map(folded).collect();
    format!("{} {}", request.method, path.join("/"))
}

/// Numbers and commit ids, which would make every request its own kind.
fn folded(segment: &str) -> &str {
    let all = |test: fn(&u8) -> bool| !segment.is_empty() && segment.as_bytes().iter().all(test);
    match segment.len() {
        _ if all(u8::is_ascii_digit) => "{number}",
        40 if all(u8::is_ascii_hexdigit) => "{sha}",
        _ => segment,
    }
}

/// `iam:ListUsers` for AWS's form bodies, `organizations:ListAccounts` where a header names the action.
fn aws_action(request: &RecordedRequest, url: &Url) -> Option<String> {
    if let Some((_, target)) = request.headers.iter().find(|(name, _)| name == "x-amz-target") {
        let (interface, action) = target.rsplit_once('.')?;
        let service = match interface {
            "AWSOrganizationsV20161128" => "organizations",
            "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" => "cloudtrail",
            _ => interface,
        };
        return Some(format!("{service}:{action}"));
    }
    let RequestBody::Text(body) = &request.body else { return None };
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(body.as_bytes()).collect();
    let action = form.get("Action")?;
    // The interface's date names the service whatever the endpoint.
    let service = match form.get("Version")?.as_ref() {
        "2010-05-08" => "iam",
        "2011-06-15" => "sts",
        "2016-11-15" => "ec2",
        _ => url.host_str()?.split('.').next()?,
    };
    Some(format!("{service}:{action}"))
}
