//! What happens to whole repositories of a sample organisation, and how GitHub tells it.

use super::history::{GithubHistory, Repository, ZERO};
use super::spec::Edit;
use super::wire::{View, connection, time};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

    /// A branch is deleted. Gives the id of the row.
    pub fn delete_branch(&mut self, name: &str, branch: &str, actor: &str, at: DateTime<Utc>) -> u64 {
        let before = self.of(name).heads.remove(branch).unwrap_or_else(|| ZERO.to_owned());
        self.row(name, (branch, "branch_deletion"), (&before, ZERO), at, Some(actor))
    }

    /// The caller may not see how many private repositories an organisation has.
    pub fn hide_private_count(&mut self) {
        self.private_count_hidden = true;
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
        let mut there: Vec<_> = all.into_iter().filter(|r| r.life.there(self.now) && own(self.name(r))).collect();
        there.sort_by_key(|r| (r.life.created_at, self.number(r)));
        Some(there)
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
        let default = life.defaults.range(..=self.now).next_back().map(|(_, branch)| branch);
        let default = default.filter(|branch| self.head(repository, branch).is_some());
        json!({
            "__typename": "Repository", "databaseId": self.number(repository), "nameWithOwner": self.name(repository),
            "createdAt": time(life.created_at.unwrap_or_default()),
            "isArchived": archived.is_some(), "archivedAt": archived.map(time),
            "isDisabled": life.disabled, "isPrivate": life.private, "isEmpty": repository.commits.is_empty(),
            "defaultBranchRef": default.map(|branch| json!({ "__typename": "Ref", "name": branch })),
        })
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
        if !self.history.private_count_hidden {
            body["total_private_repos"] = json!(private);
            body["owned_private_repos"] = json!(private);
        }
        Some(body)
    }
}
