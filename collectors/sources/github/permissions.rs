//! GitHub's permissions: by the words of its pages, by the keys of its interface, by the scopes of classic tokens; and
//! which of them a request needs. Asks nothing.

use crate::contract::{Permission, System};
use crate::door::{RecordedRequest, RequestBody};
use std::collections::BTreeSet;

const fn github(name: &'static str) -> Permission {
    Permission { system: System::Github, name, only_for: None }
}

/// What every repository and every list of them needs.
pub(crate) const METADATA: Permission = github("Metadata: read");
/// A permission that GitHub names for every reading of ref updates.
pub(crate) const CONTENTS: Permission = github("Contents: read");
/// What pull requests, their reviews and their commits need.
pub(crate) const PULL_REQUESTS: Permission = github("Pull requests: read");
/// What rule suites need.
pub(crate) const ADMINISTRATION: Permission = github("Administration: read");
/// What the members of a team need.
pub(crate) const MEMBERS: Permission = github("Members: read");
/// What alerts and the question whether there are any need.
pub(crate) const DEPENDABOT_ALERTS: Permission = github("Dependabot alerts: read");

/// Key in an App's `permissions`, and the scopes of classic tokens of which any grants the same, the one that grants
/// least first.
const ALL: [(Permission, &str, &[&str]); 6] = [
    (METADATA, "metadata", &["repo"]),
    (CONTENTS, "contents", &["repo"]),
    (PULL_REQUESTS, "pull_requests", &["repo"]),
    (ADMINISTRATION, "administration", &["repo"]),
    (MEMBERS, "members", &["read:org", "write:org", "admin:org"]),
    (DEPENDABOT_ALERTS, "vulnerability_alerts", &["security_events", "repo"]),
];

/// The key of a permission in GitHub's interface: `pull_requests` of `Pull requests: read`.
pub fn key(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(permission, ..)| permission.name == name).map(|(_, key, _)| *key)
}

/// The permission of a key: `Pull requests: read` of `pull_requests`.
pub(super) fn name(key: &str) -> Option<&'static str> {
    ALL.iter().find(|(_, known, _)| *known == key).map(|(permission, ..)| permission.name)
}

/// The scopes of classic tokens of which any grants a permission for private repositories.
pub(super) fn scopes(name: &str) -> &'static [&'static str] {
    ALL.iter().find(|(permission, ..)| permission.name == name).map_or(&[], |(.., scopes)| scopes)
}

/// What a request needs, by name; empty: nobody has said.
pub(crate) fn needs(request: &RecordedRequest) -> Vec<String> {
    let path = url::Url::parse(&request.url).map(|url| url.path().to_owned()).unwrap_or_default();
    let needed = match &request.body {
        RequestBody::Text(body) if path.ends_with("/graphql") => of_document(body),
        _ if request.method == "GET" => of_path(&path),
        _ => None,
    };
    needed.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

fn of_path(path: &str) -> Option<BTreeSet<&'static str>> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let place = parts.iter().position(|part| ["repos", "repositories", "orgs", "installation"].contains(part))?;
    let rest = match parts[place..] {
        ["orgs", _] | ["installation", "repositories"] => return Some([METADATA.name].into()),
        ["orgs", _, "teams"] => return Some([MEMBERS.name].into()),
        // GitHub's own links name a repository by number.
        ["repositories", _, ref rest @ ..] | ["repos", _, _, ref rest @ ..] => rest,
        _ => return None,
    };
    let own = match rest {
        [] => METADATA,
        ["activity" | "commits"] | ["compare", ..] => CONTENTS,
        ["pulls"] | ["pulls", _, "files"] => PULL_REQUESTS,
        ["rulesets", "rule-suites"] => ADMINISTRATION,
        ["dependabot", "alerts"] => DEPENDABOT_ALERTS,
        _ => return None,
    };
    Some([METADATA.name, own.name].into())
}

/// Fields with a selection of their own. They decide, since what is below them belongs to them.
const FIELDS: [(Permission, &[&str]); 5] = [
    (
        METADATA,
        &[
            "rateLimit",
            "viewer",
            "repository",
            "organization",
            "repositories",
            "defaultBranchRef",
            "nodes",
            "pageInfo",
            "author",
            "user",
            "editor",
            "actor",
            "enqueuer",
            "enabler",
            "assignee",
            "node",
            "User",
            "Bot",
            "Mannequin",
            "Organization",
            "baseRepository",
            "GitActorConnection",
        ],
    ),
    (
        CONTENTS,
        &[
            "ref",
            "target",
            "object",
            "file",
            "parents",
            "authors",
            "committer",
            "commit",
            "comments",
            "mergeCommit",
            "beforeCommit",
            "afterCommit",
            "Commit",
            "Blob",
            "CommitCommentConnection",
        ],
    ),
    (
        PULL_REQUESTS,
        &[
            "search",
            "associatedPullRequests",
            "reviews",
            "review",
            "commits",
            "timelineItems",
            "files",
            "PullRequest",
            "PullRequestReviewConnection",
            "PullRequestCommitConnection",
            "PullRequestTimelineItemsConnection",
            "PullRequestChangedFileConnection",
            "ReviewDismissedEvent",
            "HeadRefForcePushedEvent",
            "BaseRefChangedEvent",
            "AutomaticBaseChangeSucceededEvent",
            "MergedEvent",
            "AddedToMergeQueueEvent",
            "AutoMergeEnabledEvent",
            "AssignedEvent",
        ],
    ),
    (MEMBERS, &["team", "members"]),
    (DEPENDABOT_ALERTS, &["vulnerabilityAlerts"]),
];

/// What a query document needs. A field that nobody has put in the list makes it `None`.
fn of_document(body: &str) -> Option<BTreeSet<&'static str>> {
    let asked: serde_json::Value = serde_json::from_str(body).ok()?;
    let mut all = BTreeSet::new();
    for word in selecting(asked["query"].as_str()?) {
        let known = FIELDS.iter().find(|(_, words)| words.contains(&word.as_str()));
        all.insert(known?.0.name);
    }
    Some(all)
}

/// The fields and types of a document that select something: words before `{`, arguments aside.
fn selecting(document: &str) -> Vec<String> {
    let (mut found, mut word, mut depth, mut quoted) = (Vec::new(), String::new(), 0_u32, false);
    let (mut complete, mut previous) = (false, ' ');
    for c in document.chars() {
        match c {
            '"' if previous != '\\' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '{' => {
                if !word.is_empty() && word != "query" {
                    found.push(word.clone());
                }
                word.clear();
            }
            _ if c.is_ascii_alphanumeric() || c == '_' => {
                if complete {
                    word.clear();
                }
                word.push(c);
            }
            _ => {}
        }
        complete = !quoted && depth == 0 && !(c.is_ascii_alphanumeric() || c == '_' || c == ')');
        previous = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(method: &str, path: &str, body: RequestBody) -> Vec<String> {
        let (source, url) = ("github".to_owned(), format!("https://api.github.com{path}"));
        needs(&RecordedRequest { source, method: method.to_owned(), url, headers: Vec::new(), body })
    }

    fn document(query: &str) -> Vec<String> {
        asked("POST", "/graphql", RequestBody::Text(json!({ "query": query }).to_string()))
    }

    #[test]
    fn a_request_needs_what_its_path_or_its_fields_say_and_an_unknown_one_says_nothing() {
        let get = |path: &str| asked("GET", path, RequestBody::Empty);
        assert_eq!(get("/repos/acme/shop/rulesets/rule-suites?ref=x"), ["Administration: read", "Metadata: read"]);
        assert_eq!(get("/api/v3/repositories/7/activity?after=x"), ["Contents: read", "Metadata: read"]);
        assert_eq!(get("/api/v3/installation/repositories?per_page=1"), ["Metadata: read"]);
        assert!(get("/repos/acme/shop/actions/secrets").is_empty());
        assert!(asked("DELETE", "/repos/acme/shop", RequestBody::Empty).is_empty());
        let teams = "query($o:String!){rateLimit{cost} organization(login:$o){team(slug:\"a{b\"){members(first:1){nodes{login}}}}}";
        assert_eq!(document(teams), ["Members: read", "Metadata: read"]);
        let pulls = "query{c0:object(oid:\"1\"){__typename ...landed}} fragment landed on Commit{associatedPullRequests(first:2){nodes{id}}}";
        assert_eq!(document(pulls), ["Contents: read", "Metadata: read", "Pull requests: read"]);
        assert!(document("query{repository(owner:\"a\"){secretScanning{nodes{id}}}}").is_empty());
    }
}
