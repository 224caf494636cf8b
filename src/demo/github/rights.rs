//! What the credential that signs in may do, and how GitHub says no for want of it: each sort of credential has its
//! own words. Which endpoint needs what is as GitHub documents it, and not what a collector says of itself.

use super::server::Answer;
use serde_json::{Value, json};

/// A sort of credential, and what it was granted. Without one the sandbox lets everybody do everything, and says
/// nothing of it.
#[derive(Debug, Clone)]
pub enum Grants {
    /// A classic token with these scopes.
    Scopes(Vec<&'static str>),
    /// A fine-grained token with these permissions to read, by key.
    FineGrained(Vec<&'static str>),
    /// An App's installation with these permissions and their levels.
    App(Vec<(&'static str, &'static str)>),
}

impl Grants {
    /// What the answer to a minting App says of them.
    pub(super) fn minted(&self) -> Option<Value> {
        let Self::App(granted) = self else { return None };
        Some(granted.iter().map(|(key, level)| ((*key).to_owned(), json!(level))).collect())
    }

    /// What is said with every answer to such a request.
    pub(super) fn headers(&self, path: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Scopes(scopes) => vec![("x-oauth-scopes", scopes.join(", "))],
            Self::FineGrained(_) | Self::App(_) => {
                let needed = of_path(path).map(|key| format!("{key}=read"));
                needed.map(|needed| ("x-accepted-github-permissions", needed)).into_iter().collect()
            }
        }
    }

    /// The refusal, if the request needs what was not granted.
    pub(super) fn refuse(&self, path: &str, body: &[u8]) -> Option<Answer> {
        let lacking = if path.ends_with("/graphql") { self.lacking(&of_document(body)) } else { None };
        if let Some(key) = lacking {
            let kind = if matches!(self, Self::Scopes(_)) { "INSUFFICIENT_SCOPES" } else { "FORBIDDEN" };
            let error = json!({ "type": kind, "path": [key], "message": self.words() });
            return Some(Answer { status: 200, body: json!({ "data": null, "errors": [error] }), next: None });
        }
        self.lacking(of_path(path).as_slice())?;
        // A classic token does not even learn that there is something.
        let status = if matches!(self, Self::Scopes(_)) { 404 } else { 403 };
        let body = json!({ "message": self.words(), "status": status.to_string() });
        Some(Answer { status, body, next: None })
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Scopes(_) => "Not Found",
            Self::FineGrained(_) => "Resource not accessible by personal access token",
            Self::App(_) => "Resource not accessible by integration",
        }
    }

    fn lacking(&self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().copied().find(|key| !self.grants(key))
    }

    fn grants(&self, key: &str) -> bool {
        match self {
            Self::Scopes(scopes) => scopes.iter().any(|scope| match *scope {
                "repo" => key != "members",
                "security_events" => ["vulnerability_alerts", "metadata"].contains(&key),
                "read:org" | "admin:org" => ["members", "metadata"].contains(&key),
                _ => false,
            }),
            Self::FineGrained(granted) => granted.contains(&key),
            Self::App(granted) => granted.iter().any(|(granted, _)| *granted == key),
        }
    }
}

fn of_path(path: &str) -> Option<&'static str> {
    let last = path.split('/').next_back().unwrap_or_default();
    Some(match last {
        "activity" | "commits" => "contents",
        _ if path.contains("/compare/") => "contents",
        "pulls" | "files" => "pull_requests",
        "rule-suites" => "administration",
        "alerts" => "vulnerability_alerts",
        "teams" => "members",
        _ if path.starts_with("/app/") || path == "/graphql" => return None,
        _ => "metadata",
    })
}

fn of_document(body: &[u8]) -> Vec<&'static str> {
    let text = String::from_utf8_lossy(body);
    let asks = [
        ("search(", "pull_requests"),
        ("associatedPullRequests", "pull_requests"),
        (":ref(", "contents"),
        (":object(", "contents"),
        ("team(", "members"),
        ("vulnerabilityAlerts", "vulnerability_alerts"),
    ];
    std::iter::once("metadata")
        .chain(asks.iter().filter(|(part, _)| text.contains(part)).map(|(_, key)| *key))
        .collect()
}
