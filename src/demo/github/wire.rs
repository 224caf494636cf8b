//! The forms in which GitHub tells the history: REST bodies and GraphQL objects, as of one instant.

use super::execute::World;
use super::history::{Commit, GithubHistory, Pull, Repository, ReviewSpec, Row, ZERO};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The history as it can be seen at one instant, by one caller.
pub(super) struct View<'a> {
    pub history: &'a GithubHistory,
    pub now: DateTime<Utc>,
    /// `http://127.0.0.1:port`.
    pub url: &'a str,
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl View<'_> {
    pub(super) fn repository(&self, name: &str) -> Option<&Repository> {
        self.history.repositories.iter().find(|r| r.name.eq_ignore_ascii_case(name))
    }

    /// Rows so far, newest first, of the last `days`.
    pub(super) fn activity<'r>(&self, repository: &'r Repository, days: Option<i64>) -> Vec<&'r Row> {
        let since = days.map(|days| self.now - Duration::days(days));
        let seen = |row: &&Row| {
            row.at <= self.now && since.is_none_or(|since| row.at >= since) && !self.history.lost.contains(&row.id)
        };
        let mut rows: Vec<&Row> = repository.rows.iter().filter(seen).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.at, row.id)));
        rows
    }

    pub(super) fn row(&self, row: &Row) -> Value {
        json!({
            "id": row.id, "node_id": format!("PSH_{}", row.id), "before": row.before, "after": row.after,
            "ref": format!("refs/heads/{}", row.branch), "timestamp": time(row.at), "activity_type": row.kind,
            "actor": row.actor.as_deref().map(|login| self.user(login)),
        })
    }

    /// Bypasses of the last `days` on one ref, newest first.
    pub(super) fn bypasses(&self, repository: &Repository, reference: &str, days: i64) -> Vec<Value> {
        let since = self.now - Duration::days(days);
        let rows = repository.rows.iter().rev().filter(|row| repository.bypasses.contains(&row.id));
        rows.filter(|row| since <= row.at && row.at <= self.now && format!("refs/heads/{}", row.branch) == reference)
            .map(|row| {
                json!({
                    "id": 9_000 + row.id, "actor_id": 1, "actor_name": row.actor, "before_sha": row.before,
                    "after_sha": row.after, "ref": reference, "repository_id": 1,
                    "repository_name": repository.name.split('/').nth(1), "pushed_at": time(row.at),
                    "result": "bypass", "evaluation_result": "bypass",
                })
            })
            .collect()
    }

    /// One page, of so many commits, of a comparison, and whether there is a further one.
    pub(super) fn compare(
        &self,
        repository: &Repository,
        (base, head): (&str, &str),
        (page, size): (usize, usize),
    ) -> Option<(Value, bool)> {
        let (old, new) = (repository.commits.get(base)?, repository.commits.get(head)?);
        let (behind, ahead) = (ancestors(repository, &old.sha), ancestors(repository, &new.sha));
        let mut commits: Vec<&Commit> =
            ahead.difference(&behind).filter_map(|sha| repository.commits.get(sha)).collect();
        commits.sort_by_key(|commit| (commit.at, ancestors(repository, &commit.sha).len()));
        let only_old = behind.difference(&ahead).count();
        let merge_base = behind.intersection(&ahead).max_by_key(|sha| ancestors(repository, sha).len());
        let merge_base = merge_base.and_then(|sha| repository.commits.get(sha)).unwrap_or(old);
        let files: BTreeSet<&String> = commits.iter().flat_map(|commit| &commit.paths).collect();
        let status = match (commits.len(), only_old) {
            (0, 0) => "identical",
            (0, _) => "behind",
            (_, 0) => "ahead",
            _ => "diverged",
        };
        let url = format!("{}/repos/{}/compare/{base}...{head}", self.url, repository.name);
        let from = (page - 1) * size;
        let listed = commits.iter().skip(from).take(size).map(|commit| self.rest_commit(repository, commit));
        let mut body = json!({
            "url": url, "html_url": format!("https://github.com/{}/compare/{base}...{head}", repository.name),
            "permalink_url": url, "diff_url": format!("{url}.diff"), "patch_url": format!("{url}.patch"),
            "base_commit": self.rest_commit(repository, old),
            "merge_base_commit": self.rest_commit(repository, merge_base),
            "status": status, "ahead_by": commits.len(), "behind_by": only_old, "total_commits": commits.len(),
            "commits": listed.collect::<Vec<_>>(),
        });
        if page == 1 {
            body["files"] = files.into_iter().take(300).map(|path| self.file(repository, head, path)).collect();
        }
        Some((body, from + size < commits.len()))
    }

    fn file(&self, repository: &Repository, sha: &str, path: &str) -> Value {
        let url = format!("{}/repos/{}/contents/{path}?ref={sha}", self.url, repository.name);
        json!({
            "sha": sha, "filename": path, "status": "modified", "additions": 1, "deletions": 1, "changes": 2,
            "blob_url": url, "raw_url": url, "contents_url": url,
            "patch": "@@ -1 +1 @@\n-let sample = \"old\";\n+let sample = \"new\";",
        })
    }

    fn rest_commit(&self, repository: &Repository, commit: &Commit) -> Value {
        let url = format!("{}/repos/{}/commits/{}", self.url, repository.name, commit.sha);
        let person =
            |login: &str| json!({ "name": login, "email": format!("{login}@people.example"), "date": time(commit.at) });
        let author = commit.author.as_deref().unwrap_or("nobody");
        json!({
            "url": url, "sha": commit.sha, "node_id": format!("C_{}", commit.sha), "html_url": url,
            "comments_url": format!("{url}/comments"),
            "commit": {
                "url": url, "author": person(author), "committer": person(author), "comment_count": 0,
                "message": format!("Sample change\n\nCo-authored-by: {author} <{author}@people.example>"),
                "tree": { "sha": commit.sha, "url": url },
            },
            "author": commit.author.as_deref().map(|login| self.user(login)),
            "committer": commit.author.as_deref().map(|login| self.user(login)),
            "parents": commit.parents.iter().map(|sha| json!({
                "sha": sha, "url": format!("{}/repos/{}/commits/{sha}", self.url, repository.name),
            })).collect::<Vec<_>>(),
        })
    }

    fn user(&self, login: &str) -> Value {
        let url = format!("{}/users/{login}", self.url);
        let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
        let url = url.replace(['[', ']'], "");
        json!({
            "login": login, "id": 1, "node_id": format!("U_{login}"), "avatar_url": format!("{url}/avatar"),
            "gravatar_id": "", "url": url, "html_url": url, "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following"), "gists_url": format!("{url}/gists"),
            "starred_url": format!("{url}/starred"), "subscriptions_url": format!("{url}/subscriptions"),
            "organizations_url": format!("{url}/orgs"), "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events"), "received_events_url": format!("{url}/received_events"),
            "type": kind, "site_admin": false, "user_view_type": "public",
        })
    }

    fn head(&self, repository: &Repository, branch: &str) -> Option<String> {
        let rows = repository.rows.iter().filter(|row| row.branch == branch && row.at <= self.now);
        let last = rows.max_by_key(|row| (row.at, row.id)).map(|row| row.after.clone());
        last.or_else(|| repository.begin.get(branch).cloned()).filter(|sha| sha != ZERO)
    }

    /// `repo:o/r is:pr is:merged base:b merged:A..B`.
    fn search(&self, query: &str) -> usize {
        let word = |key: &str| query.split(' ').find_map(|word| word.strip_prefix(key)).unwrap_or_default();
        let (from, to) = word("merged:").split_once("..").unwrap_or_default();
        let Some(repository) = self.repository(word("repo:")) else { return 0 };
        let merged = repository.pulls.iter().filter(|pull| pull.spec.merged_at <= self.now);
        merged
            .filter(|pull| pull.spec.base == word("base:"))
            .filter(|pull| (from..=to).contains(&time(pull.spec.merged_at).as_str()))
            .count()
    }

    fn commit(&self, repository: &Repository, commit: &Commit) -> Value {
        let committer = if commit.web_flow { Some("web-flow") } else { commit.author.as_deref() };
        let here = |pull: &&Pull| pull.commits.contains(&commit.sha) || pull.landed.contains(&commit.sha);
        let pulls = repository.pulls.iter().filter(|pull| pull.spec.opened_at <= self.now).filter(here);
        let pulls = pulls.map(|pull| reference(&format!("PR_{}:{}", repository.name, pull.spec.number)));
        let id = |sha: &String| format!("C_{}:{sha}", repository.name);
        let authors = std::iter::once(commit.author.as_deref()).chain(commit.co_authors.iter().map(|who| Some(&**who)));
        json!({
            "__typename": "Commit", "id": id(&commit.sha), "oid": commit.sha, "committedDate": time(commit.at),
            "parents": connection("CommitConnection", commit.parents.iter().map(|sha| reference(&id(sha)))),
            "authors": connection("GitActorConnection", authors.map(git_actor)),
            "committer": git_actor(committer),
            "associatedPullRequests": connection("PullRequestConnection", pulls),
        })
    }

    fn pull(&self, repository: &Repository, pull: &Pull) -> Value {
        let spec = &pull.spec;
        let merged = spec.merged_at <= self.now;
        let commit = |sha: &String| reference(&format!("C_{}:{sha}", repository.name));
        let pushed = |sha: &&String| repository.commits.get(*sha).is_some_and(|commit| commit.at <= self.now);
        let commits: Vec<&String> = pull.commits.iter().filter(pushed).collect();
        let id = format!("PR_{}:{}", repository.name, spec.number);
        let reviews = spec.reviews.iter().enumerate().filter(|(_, review)| review.at <= self.now);
        let reviews = reviews.map(|(number, review)| self.review(repository, pull, number, review));
        let nodes = commits.iter().map(|sha| json!({ "__typename": "PullRequestCommit", "commit": commit(sha) }));
        json!({
            "__typename": "PullRequest", "id": id, "number": spec.number,
            "url": format!("https://github.com/{}/pull/{}", repository.name, spec.number),
            "author": actor(Some(&spec.author)), "baseRefName": spec.base, "headRefName": pull.branch,
            "headRefOid": commits.last(), "merged": merged, "mergedAt": merged.then(|| time(spec.merged_at)),
            "isCrossRepository": spec.fork, "mergeCommit": pull.landed.last().filter(|_| merged).map(commit),
            "baseRepository": { "__typename": "Repository", "nameWithOwner": repository.name },
            "reviews": connection("PullRequestReviewConnection", reviews),
            "commits": connection("PullRequestCommitConnection", nodes),
            "timelineItems": connection("PullRequestTimelineItemsConnection", self.timeline(repository, pull)),
        })
    }

    fn review(&self, repository: &Repository, pull: &Pull, number: usize, review: &ReviewSpec) -> Value {
        let dismissed = review.dismissed_at.is_some_and(|at| at <= self.now);
        let seen = |sha: &&String| repository.commits.get(*sha).is_some_and(|commit| commit.at <= review.at);
        let commit = pull.commits.iter().rev().find(seen).or(pull.commits.first());
        json!({
            "__typename": "PullRequestReview", "id": review_id(repository, pull, number),
            "state": if dismissed { "DISMISSED" } else { review.state }, "submittedAt": time(review.at),
            "author": actor(review.who.as_deref()),
            "authorCanPushToRepository": review.who.as_deref().is_some_and(|who| !who.contains("outsider")),
            "commit": commit.map(|sha| reference(&format!("C_{}:{sha}", repository.name))),
        })
    }

    fn timeline(&self, repository: &Repository, pull: &Pull) -> Vec<Value> {
        let spec = &pull.spec;
        let mut events: Vec<(DateTime<Utc>, Value)> = Vec::new();
        if let Some(at) = spec.base_changed_at {
            let event = json!({
                "__typename": "BaseRefChangedEvent", "previousRefName": "example-base", "currentRefName": spec.base,
            });
            events.push((at, event));
        }
        for (number, review) in spec.reviews.iter().enumerate() {
            if let Some(at) = review.dismissed_at {
                let event = json!({
                    "__typename": "ReviewDismissedEvent", "previousReviewState": review.state,
                    "review": { "__typename": "PullRequestReview", "id": review_id(repository, pull, number) },
                });
                events.push((at, event));
            }
        }
        let merge_commit = pull.landed.last().map(|sha| reference(&format!("C_{}:{sha}", repository.name)));
        if spec.method == super::history::Method::Queue {
            let who = actor(Some(&spec.merged_by));
            events.push((spec.merged_at, json!({ "__typename": "AddedToMergeQueueEvent", "enqueuer": who })));
        }
        let merged =
            json!({ "__typename": "MergedEvent", "actor": actor(Some(&spec.merged_by)), "commit": merge_commit });
        events.push((spec.merged_at, merged));
        events.retain(|(at, _)| *at <= self.now);
        events.sort_by_key(|(at, _)| *at);
        let dated = events.into_iter().map(|(at, mut event)| {
            event["createdAt"] = json!(time(at));
            event
        });
        dated.collect()
    }
}

impl World for View<'_> {
    fn object(&self, key: &str) -> Value {
        let found = key.split_once('_').and_then(|(kind, rest)| {
            let (name, id) = rest.rsplit_once(':')?;
            let repository = self.repository(name)?;
            match kind {
                "C" => repository.commits.get(id).map(|commit| self.commit(repository, commit)),
                _ => {
                    let pull = repository.pulls.iter().find(|pull| pull.spec.number.to_string() == id)?;
                    Some(self.pull(repository, pull))
                }
            }
        });
        found.unwrap_or(Value::Null)
    }

    fn field(&self, of: &Value, name: &str, arguments: &BTreeMap<String, Value>) -> Option<Value> {
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        match (of["__typename"].as_str()?, name) {
            ("Query", "viewer") => Some(actor(Some("example-auditor"))),
            ("Query", "rateLimit") => Some(json!({
                "__typename": "RateLimit", "cost": 1, "remaining": 4_999, "resetAt": time(self.now + Duration::hours(1)),
            })),
            ("Query", "search") => Some(json!({
                "__typename": "SearchResultItemConnection", "issueCount": self.search(text("query")),
            })),
            ("Query", "node") => Some(self.object(text("id"))),
            ("Query", "repository") => {
                let found = self.repository(&format!("{}/{}", text("owner"), text("name")));
                Some(found.map_or(Value::Null, |r| json!({ "__typename": "Repository", "nameWithOwner": r.name })))
            }
            ("Repository", "object") => {
                Some(self.object(&format!("C_{}:{}", of["nameWithOwner"].as_str()?, text("oid"))))
            }
            ("Repository", "ref") => {
                let repository = self.repository(of["nameWithOwner"].as_str()?)?;
                let head = self.head(repository, text("qualifiedName").strip_prefix("refs/heads/")?);
                let target = |sha: String| reference(&format!("C_{}:{sha}", repository.name));
                Some(head.map_or(Value::Null, |sha| json!({ "__typename": "Ref", "target": target(sha) })))
            }
            _ => None,
        }
    }
}

fn ancestors(repository: &Repository, sha: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![sha.to_owned()]);
    while let Some(sha) = open.pop() {
        if let Some(commit) = repository.commits.get(&sha)
            && seen.insert(sha)
        {
            open.extend(commit.parents.iter().cloned());
        }
    }
    seen
}

fn review_id(repository: &Repository, pull: &Pull, number: usize) -> String {
    format!("PRR_{}:{}:{number}", repository.name, pull.spec.number)
}

fn reference(key: &str) -> Value {
    json!({ "__ref": key })
}

fn connection(kind: &str, nodes: impl IntoIterator<Item = Value>) -> Value {
    json!({ "__connection": kind, "nodes": nodes.into_iter().collect::<Vec<_>>() })
}

/// GraphQL calls an app by its bare name.
fn actor(login: Option<&str>) -> Value {
    match login.map(|login| (login, login.strip_suffix("[bot]"))) {
        None => Value::Null,
        Some((_, Some(app))) => json!({ "__typename": "Bot", "login": app }),
        Some((person, None)) => json!({ "__typename": "User", "login": person }),
    }
}

fn git_actor(login: Option<&str>) -> Value {
    let user = login.filter(|login| !login.ends_with("[bot]")).map(|login| actor(Some(login)));
    json!({ "__typename": "GitActor", "user": user })
}
