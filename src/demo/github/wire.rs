//! The forms in which GitHub tells the history: REST bodies and GraphQL objects, as of one instant.

use super::execute::World;
use super::history::{Commit, GithubHistory, Pull, Repository, Row, ZERO};
use super::spec::{Edit, Method, ReviewSpec};
use super::tree::{self, Diff, ancestors};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
        let mut there = self.history.repositories.iter().filter(|r| r.life.there(self.now));
        // GitHub also finds a repository by a name that it had.
        there.find(|r| self.name(r).eq_ignore_ascii_case(name) || r.name.eq_ignore_ascii_case(name))
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
        base: &str,
        head: &str,
        (page, size): (usize, usize),
    ) -> Option<(Value, bool)> {
        let (old, new) = (repository.commits.get(base)?, repository.commits.get(head)?);
        let (behind, ahead) = (ancestors(repository, &old.sha), ancestors(repository, &new.sha));
        let mut commits: Vec<&Commit> =
            ahead.difference(&behind).filter_map(|sha| repository.commits.get(sha)).collect();
        commits.sort_by_key(|commit| (commit.at, ancestors(repository, &commit.sha).len()));
        let only_old = behind.difference(&ahead).count();
        // What shares no history is not compared.
        let merge_base = repository.commits.get(&tree::merge_base(repository, &old.sha, &new.sha)?)?;
        let files = tree::diff(repository, &merge_base.sha, &new.sha);
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
            body["files"] = files.iter().take(300).map(|file| self.file(repository, head, file)).collect();
        }
        Some((body, from + size < commits.len()))
    }

    fn file(&self, repository: &Repository, sha: &str, file: &Diff) -> Value {
        let path = &file.path;
        let url = format!("{}/repos/{}/contents/{path}?ref={sha}", self.url, repository.name);
        let mut entry = json!({
            "sha": file.blob, "filename": path, "status": file.status, "additions": 1, "deletions": 1, "changes": 2,
            "blob_url": url, "raw_url": url, "contents_url": url,
            "patch": "@@ -1 +1 @@\n-let sample = \"old\";\n+let sample = \"new\";",
        });
        if let Some(from) = &file.from {
            entry["previous_filename"] = json!(from);
        }
        entry
    }

    /// What a pull request changes against where it left its base.
    fn changed(&self, repository: &Repository, pull: &Pull) -> Vec<Diff> {
        let head = pull.commits.last().map_or(ZERO, String::as_str);
        let landing = pull.landed.first().and_then(|sha| repository.commits.get(sha));
        let base = landing.and_then(|commit| commit.parents.first()).map_or(ZERO, String::as_str);
        tree::merge_base(repository, base, head).map_or_else(Vec::new, |base| tree::diff(repository, &base, head))
    }

    pub(super) fn pull_files(&self, repository: &Repository, number: u64) -> Option<Vec<Value>> {
        let pull = repository.pulls.iter().find(|pull| pull.spec.number == number)?;
        let head = pull.commits.last()?;
        Some(self.changed(repository, pull).iter().map(|file| self.file(repository, head, file)).collect())
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
            "committer": committer(commit).map(|login| self.user(login)),
            "parents": commit.parents.iter().map(|sha| json!({
                "sha": sha, "url": format!("{}/repos/{}/commits/{sha}", self.url, repository.name),
            })).collect::<Vec<_>>(),
        })
    }

    pub(super) fn user(&self, login: &str) -> Value {
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

    pub(super) fn head(&self, repository: &Repository, branch: &str) -> Option<String> {
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
            .filter(|pull| pull.spec.is_known(self.now))
            .filter(|pull| pull.spec.base == word("base:"))
            .filter(|pull| (from..=to).contains(&time(pull.spec.merged_at).as_str()))
            .count()
    }

    fn commit(&self, repository: &Repository, commit: &Commit) -> Value {
        let landed = |pull: &Pull| pull.landed.contains(&commit.sha) && pull.spec.is_known(self.now);
        let here = |pull: &&Pull| pull.commits.contains(&commit.sha) || landed(pull);
        let pulls = repository.pulls.iter().filter(|pull| pull.spec.opened_at <= self.now).filter(here);
        let pulls = pulls.map(|pull| reference(&format!("PR_{}:{}", repository.name, pull.spec.number)));
        let id = |sha: &String| format!("C_{}:{sha}", repository.name);
        let authors = std::iter::once(commit.author.as_deref()).chain(commit.co_authors.iter().map(|who| Some(&**who)));
        json!({
            "__typename": "Commit", "id": id(&commit.sha), "oid": commit.sha, "committedDate": time(commit.at),
            "parents": connection("CommitConnection", commit.parents.iter().map(|sha| reference(&id(sha)))),
            "authors": connection("GitActorConnection", authors.map(git_actor)),
            "committer": git_actor(committer(commit)),
            "associatedPullRequests": connection("PullRequestConnection", pulls),
            "comments": connection("CommitCommentConnection", self.comments(repository, &commit.sha)),
        })
    }

    fn comments(&self, repository: &Repository, sha: &str) -> Vec<Value> {
        let comments = repository.comments.iter().filter(|comment| comment.commit == sha && comment.at <= self.now);
        let comments = comments.map(|comment| {
            json!({
                "__typename": "CommitComment", "createdAt": time(comment.at), "author": actor(Some(&comment.who)),
                "authorAssociation": if may_push(&comment.who) { "MEMBER" } else { "NONE" },
                "bodyText": comment.text, "lastEditedAt": null, "editor": null,
            })
        });
        comments.collect()
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
            "__typename": "PullRequest", "id": id, "number": spec.number, "__repository": repository.name,
            "url": format!("https://github.com/{}/pull/{}", repository.name, spec.number),
            "createdAt": time(spec.opened_at),
            "author": actor(Some(&spec.author)), "baseRefName": spec.base, "headRefName": pull.branch,
            "headRefOid": commits.last(), "merged": merged, "mergedAt": merged.then(|| time(spec.merged_at)),
            "isCrossRepository": spec.fork, "mergeCommit": pull.landed.last().filter(|_| merged).map(commit),
            "baseRepository": { "__typename": "Repository", "nameWithOwner": self.name(repository) },
            "reviews": connection("PullRequestReviewConnection", reviews),
            "commits": connection("PullRequestCommitConnection", nodes),
            "timelineItems": connection("PullRequestTimelineItemsConnection", self.timeline(repository, pull)),
        })
    }

    fn review(&self, repository: &Repository, pull: &Pull, number: usize, review: &ReviewSpec) -> Value {
        let dismissed = review.dismissed_at.is_some_and(|at| at <= self.now);
        let seen = |sha: &&String| repository.commits.get(*sha).is_some_and(|commit| commit.at <= review.at);
        let commit = pull.commits.iter().rev().find(seen).or_else(|| pull.replaced.iter().rev().find(seen));
        let commit = commit.or(pull.commits.first());
        let edited_at = review.edited_at.filter(|at| *at <= self.now);
        json!({
            "__typename": "PullRequestReview", "id": review_id(repository, pull, number),
            "state": if dismissed { "DISMISSED" } else { review.state }, "submittedAt": time(review.at),
            "author": actor(review.who.as_deref()),
            "bodyText": review.text, "lastEditedAt": edited_at.map(time),
            "editor": edited_at.map(|_| actor(review.who.as_deref())),
            "authorCanPushToRepository": review.who.as_deref().is_some_and(may_push),
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
        for (at, who, to) in &spec.assigned {
            let event =
                json!({ "__typename": "AssignedEvent", "actor": actor(Some(who)), "assignee": actor(Some(to)) });
            events.push((*at, event));
        }
        for (_, before, after, at, by) in pull.pushes.iter().filter(|(kind, ..)| *kind == "force_push") {
            let commit = |sha: &str| reference(&format!("C_{}:{sha}", repository.name));
            let event = json!({
                "__typename": "HeadRefForcePushedEvent", "actor": actor(Some(by)),
                "beforeCommit": commit(before), "afterCommit": commit(after),
            });
            events.push((*at, event));
        }
        let merge_commit = pull.landed.last().map(|sha| reference(&format!("C_{}:{sha}", repository.name)));
        if spec.method == Method::Queue {
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

    /// Files of a commit or a pull request, and members of teams.
    fn files_or_people(&self, of: &Value, field: (&str, &str), arguments: &BTreeMap<String, Value>) -> Option<Value> {
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        match field {
            ("Commit", "file") => {
                let (name, sha) = of["id"].as_str()?.strip_prefix("C_")?.rsplit_once(':')?;
                let entry = tree::entry(self.repository(name)?, sha, text("path"));
                Some(entry.map_or(Value::Null, |edit| {
                    let mode = if edit.executable { 0o100_755 } else { 0o100_644 };
                    json!({ "__typename": "TreeEntry", "oid": tree::blob_id(edit), "mode": mode })
                }))
            }
            ("PullRequest", "files") => {
                let repository = self.repository(of["__repository"].as_str()?)?;
                let pull = repository.pulls.iter().find(|pull| of["number"] == pull.spec.number)?;
                let files = self.changed(repository, pull).into_iter().map(|file| {
                    let change = if file.status == "removed" { "deleted" } else { file.status };
                    json!({
                        "__typename": "PullRequestChangedFile", "path": file.path,
                        "changeType": change.to_ascii_uppercase(),
                    })
                });
                Some(connection("PullRequestChangedFileConnection", files))
            }
            ("Organization", "team") => {
                let key = (of["login"].as_str()?.to_owned(), text("slug").to_owned());
                Some(self.history.teams.get(&key).map_or(Value::Null, |members| {
                    let members = members.iter().map(|member| actor(Some(member)));
                    json!({ "__typename": "Team", "members": connection("TeamMemberConnection", members) })
                }))
            }
            _ => None,
        }
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
            ("Query", "organization") => Some(self.organization(text("login"))),
            ("Query", "node") => Some(self.object(text("id"))),
            ("Query", "repository") => {
                let found = self.repository(&format!("{}/{}", text("owner"), text("name")));
                Some(found.map_or(Value::Null, |r| {
                    json!({
                        "__typename": "Repository", "nameWithOwner": self.name(r), "databaseId": self.number(r),
                        "defaultBranchRef": self.default_branch_ref(r),
                        "isArchived": self.archived(r), "hasVulnerabilityAlertsEnabled": self.looks(r),
                    })
                }))
            }
            ("Repository", "object") => {
                let repository = self.repository(of["nameWithOwner"].as_str()?)?;
                Some(match text("expression").split_once(':') {
                    Some((sha, path)) => tree::entry(repository, sha, path).map_or(Value::Null, blob),
                    None => tree::blob(repository, text("oid"))
                        .map_or_else(|| self.object(&format!("C_{}:{}", repository.name, text("oid"))), blob),
                })
            }
            ("Repository", "vulnerabilityAlerts") => {
                let alerts = self.alerts(self.repository(of["nameWithOwner"].as_str()?)?).unwrap_or_default();
                Some(connection("RepositoryVulnerabilityAlertConnection", alerts))
            }
            ("Repository", "ref") => {
                let repository = self.repository(of["nameWithOwner"].as_str()?)?;
                let head = self.head(repository, text("qualifiedName").strip_prefix("refs/heads/")?);
                let target = |sha: String| reference(&format!("C_{}:{sha}", repository.name));
                Some(head.map_or(Value::Null, |sha| json!({ "__typename": "Ref", "target": target(sha) })))
            }
            (kind, name) => self.files_or_people(of, (kind, name), arguments),
        }
    }
}

fn review_id(repository: &Repository, pull: &Pull, number: usize) -> String {
    format!("PRR_{}:{}:{number}", repository.name, pull.spec.number)
}

fn reference(key: &str) -> Value {
    json!({ "__ref": key })
}

fn blob(edit: &Edit) -> Value {
    let text = edit.text.clone().unwrap_or_default();
    json!({
        "__typename": "Blob", "oid": tree::blob_id(edit), "byteSize": text.len(), "isTruncated": false, "text": text,
    })
}

pub(super) fn connection(kind: &str, nodes: impl IntoIterator<Item = Value>) -> Value {
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

fn may_push(login: &str) -> bool {
    !login.contains("outsider")
}

fn committer(commit: &Commit) -> Option<&str> {
    if commit.web_flow { Some("web-flow") } else { commit.committer.as_deref().or(commit.author.as_deref()) }
}

fn git_actor(login: Option<&str>) -> Value {
    let user = login.filter(|login| !login.ends_with("[bot]")).map(|login| actor(Some(login)));
    json!({ "__typename": "GitActor", "user": user })
}
