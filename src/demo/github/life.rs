//! What happens to whole repositories of a sample organisation, and how GitHub tells it.

use super::history::{GithubHistory, Repository, ZERO};
use super::spec::Edit;
use super::wire::{View, connection, time};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What GitHub has an address of, `{place}_url`, with every repository that it tells of.
const PLACES: [&str; 36] = [
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "hooks",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "trees",
];

/// When a repository came and went, and what it was meanwhile.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    created_at: Option<DateTime<Utc>>,
    removed_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    renamed: Option<(DateTime<Utc>, String)>,
    disabled: bool,
    private: bool,
    /// Default branches, by when they became it.
    pub(super) defaults: BTreeMap<DateTime<Utc>, String>,
}

/// The repositories that the App was given, and since when it has no others.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    since: DateTime<Utc>,
    names: Vec<String>,
}

impl Life {
    /// Whether it can be seen.
    pub(super) fn there(&self, now: DateTime<Utc>) -> bool {
        self.created_at.is_none_or(|at| at <= now) && self.removed_at.is_none_or(|at| now < at)
    }
}

impl GithubHistory {
    /// A repository is made, with one commit on its default branch. Gives the id of the row.
    pub fn create(&mut self, name: &str, branch: &str, actor: &str, at: DateTime<Utc>) -> u64 {
        let repository = self.of(name);
        let sha = repository.commit(&format!("{branch} begins"), &[], Some(actor), at, &[Edit::new("README.md", "")]);
        repository.heads.insert(branch.to_owned(), sha.clone());
        repository.life.created_at = Some(at);
        repository.life.defaults.insert(at, branch.to_owned());
        self.row(name, (branch, "branch_creation"), (ZERO, &sha), at, Some(actor))
    }

    /// A repository without any commit.
    pub fn empty(&mut self, name: &str) {
        self.of(name);
    }

    /// It is private.
    pub fn private(&mut self, name: &str) {
        self.of(name).life.private = true;
    }

    /// GitHub disabled it.
    pub fn disable(&mut self, name: &str) {
        self.of(name).life.disabled = true;
    }

    /// It is archived.
    pub fn archive(&mut self, name: &str, at: DateTime<Utc>) {
        self.of(name).life.archived_at = Some(at);
    }

    /// It is deleted, moved away, or hidden from the caller.
    pub fn remove(&mut self, name: &str, at: DateTime<Utc>) {
        self.of(name).life.removed_at = Some(at);
    }

    /// It is called `to` from then on; the other methods go on calling it by its first name.
    pub fn rename(&mut self, name: &str, to: &str, at: DateTime<Utc>) {
        self.of(name).life.renamed = Some((at, to.to_owned()));
    }

    /// Another branch becomes the default one.
    pub fn default_branch(&mut self, name: &str, branch: &str, at: DateTime<Utc>) {
        self.of(name).life.defaults.insert(at, branch.to_owned());
    }

    /// A branch is made where another one is by then, with a commit of its own if there are paths. Gives the id of the
    /// row.
    pub fn branch(
        &mut self,
        repository: &str,
        (name, from): (&str, &str),
        actor: &str,
        at: DateTime<Utc>,
        paths: &[&str],
    ) -> u64 {
        let place = self.of(repository);
        let mut head = place.heads.get(from).cloned().unwrap_or_else(|| ZERO.to_owned());
        if !paths.is_empty() {
            let edits: Vec<Edit> = paths.iter().map(|path| Edit::new(path, name)).collect();
            head = place.commit(&format!("{name} begins"), &[head], Some(actor), at, &edits);
        }
        place.heads.insert(name.to_owned(), head.clone());
        self.row(repository, (name, "branch_creation"), (ZERO, &head), at, Some(actor))
    }

    /// A branch is deleted. Gives the id of the row.
    pub fn delete_branch(&mut self, name: &str, branch: &str, actor: &str, at: DateTime<Utc>) -> u64 {
        let before = self.of(name).heads.remove(branch).unwrap_or_else(|| ZERO.to_owned());
        self.row(name, (branch, "branch_deletion"), (&before, ZERO), at, Some(actor))
    }

    /// The caller may not see how many private repositories an organisation has.
    pub fn hide_private_count(&mut self) {
        self.private_count_hidden = true;
    }

    /// From then on the App that signs in sees these, and beside them only what is public.
    pub fn select(&mut self, names: &[&str], since: DateTime<Utc>) {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.selected = Some(Selected { since, names });
    }
}

impl View<'_> {
    /// Its present name.
    pub(super) fn name<'r>(&self, repository: &'r Repository) -> &'r str {
        match &repository.life.renamed {
            Some((at, name)) if *at <= self.now => name,
            _ => &repository.name,
        }
    }

    /// GitHub's number for it, which it keeps.
    pub(super) fn number(&self, repository: &Repository) -> usize {
        1 + self.history.repositories.iter().position(|r| r.name == repository.name).unwrap_or_default()
    }

    /// Whether it is archived by now.
    pub(super) fn archived(&self, repository: &Repository) -> bool {
        repository.life.archived_at.is_some_and(|at| at <= self.now)
    }

    /// Repositories of an organisation, oldest first; `None`: there never was one.
    fn owned(&self, login: &str) -> Option<Vec<&Repository>> {
        let own = |name: &str| name.split_once('/').is_some_and(|(owner, _)| owner.eq_ignore_ascii_case(login));
        let all: Vec<&Repository> = self.history.repositories.iter().filter(|r| own(&r.name)).collect();
        if all.is_empty() {
            return None;
        }
        let shown = |r: &&Repository| !r.life.private || self.selected(r);
        let there = all.into_iter().filter(|r| r.life.there(self.now) && own(self.name(r)));
        let mut there: Vec<_> = there.filter(shown).collect();
        there.sort_by_key(|r| (r.life.created_at, self.number(r)));
        Some(there)
    }

    /// Whether the App was given it: all are, until some are selected.
    fn selected(&self, repository: &Repository) -> bool {
        let selected = self.history.selected.as_ref().filter(|selected| selected.since <= self.now);
        selected.is_none_or(|selected| selected.names.contains(&repository.name))
    }

    /// `GET /installation/repositories`: of the account of the first repository. The page's rows, and whether there
    /// are further ones.
    pub(super) fn installation(&self, page: usize, size: usize) -> (Value, bool) {
        let owner = self.history.repositories.first().and_then(|r| r.name.split('/').next()).unwrap_or_default();
        let given: Vec<_> = self.owned(owner).unwrap_or_default().into_iter().filter(|r| self.selected(r)).collect();
        let from = page.saturating_sub(1) * size;
        let rows: Vec<Value> = given.iter().skip(from).take(size).map(|r| self.rest_repository(r)).collect();
        let some = self.history.selected.as_ref().is_some_and(|selected| selected.since <= self.now);
        let body = json!({
            "total_count": given.len(), "repository_selection": if some { "selected" } else { "all" },
            "repositories": rows,
        });
        (body, from + size < given.len())
    }

    fn rest_repository(&self, repository: &Repository) -> Value {
        let full = self.name(repository);
        let (owner, name) = full.split_once('/').unwrap_or((full, ""));
        let (life, number, url) = (&repository.life, self.number(repository), format!("{}/repos/{full}", self.url));
        let mut account = self.user(owner);
        account["type"] = json!("Organization");
        let created = time(life.created_at.unwrap_or_default());
        let default = life.defaults.range(..=self.now).next_back().map_or("main", |(_, branch)| branch.as_str());
        let mut row = json!({
            "id": number, "node_id": format!("R_{number}"), "name": name, "full_name": full, "owner": account,
            "private": life.private, "fork": false, "archived": self.archived(repository), "disabled": life.disabled,
            "default_branch": default, "description": null, "homepage": null, "language": null, "license": null,
            "mirror_url": null, "created_at": created, "updated_at": created, "pushed_at": created, "size": 1,
            "url": url, "html_url": format!("https://github.com/{full}"),
            "clone_url": format!("https://github.com/{full}.git"), "git_url": format!("git://github.com/{full}.git"),
            "ssh_url": format!("git@github.com:{full}.git"), "svn_url": format!("https://github.com/{full}"),
        });
        for flag in ["has_downloads", "has_issues", "has_pages", "has_projects", "has_wiki"] {
            row[flag] = json!(false);
        }
        for count in [
            "forks",
            "forks_count",
            "open_issues",
            "open_issues_count",
            "stargazers_count",
            "watchers",
            "watchers_count",
        ] {
            row[count] = json!(0);
        }
        for place in PLACES {
            row[format!("{place}_url")] = json!(format!("{url}/{place}"));
        }
        row
    }

    /// GraphQL's `Organization`.
    pub(super) fn organization(&self, login: &str) -> Value {
        let Some(owned) = self.owned(login) else { return Value::Null };
        let nodes = owned.into_iter().map(|repository| self.listed(repository));
        json!({
            "__typename": "Organization", "login": login, "repositories": connection("RepositoryConnection", nodes),
        })
    }

    fn listed(&self, repository: &Repository) -> Value {
        let life = &repository.life;
        let archived = life.archived_at.filter(|at| *at <= self.now);
        json!({
            "__typename": "Repository", "databaseId": self.number(repository), "nameWithOwner": self.name(repository),
            "createdAt": time(life.created_at.unwrap_or_default()),
            "isArchived": archived.is_some(), "archivedAt": archived.map(time),
            "isDisabled": life.disabled, "isPrivate": life.private, "isEmpty": repository.commits.is_empty(),
            "defaultBranchRef": self.default_branch_ref(repository),
        })
    }

    /// The default branch, if it is there.
    pub(super) fn default_branch_ref(&self, repository: &Repository) -> Value {
        let default = repository.life.defaults.range(..=self.now).next_back().map(|(_, branch)| branch);
        let default = default.filter(|branch| self.head(repository, branch).is_some());
        default.map_or(Value::Null, |branch| json!({ "__typename": "Ref", "name": branch }))
    }

    /// `GET /orgs/{org}`.
    pub(super) fn rest_organization(&self, login: &str) -> Option<Value> {
        let owned = self.owned(login)?;
        let private = owned.iter().filter(|r| r.life.private).count();
        let url = format!("{}/orgs/{login}", self.url);
        let mut body = json!({
            "login": login, "id": 1, "node_id": format!("O_{login}"), "url": url, "html_url": url,
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"), "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members"), "public_members_url": format!("{url}/public_members"),
            "avatar_url": format!("{url}/avatar"), "description": null, "has_organization_projects": true,
            "has_repository_projects": true, "public_repos": owned.len() - private, "public_gists": 0,
            "followers": 0, "following": 0, "type": "Organization", "created_at": time(DateTime::UNIX_EPOCH),
            "updated_at": time(DateTime::UNIX_EPOCH), "archived_at": null,
        });
        if !self.history.private_count_hidden && self.history.selected.is_none() {
            body["total_private_repos"] = json!(private);
            body["owned_private_repos"] = json!(private);
        }
        Some(body)
    }
}
