//! What a configuration says about one `github_changes` collector, and what is refused in it.

use super::afterwards::Tickets;
use crate::contract::SettingsError;
use crate::door::GithubCredentials;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Settings of one collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// GitHub's REST address; GraphQL is expected at `graphql` under it.
    #[serde(default = "github")]
    #[schemars(with = "String")]
    pub api_url: String,
    /// How to sign in.
    pub credentials: GithubCredentials,
    /// Repositories and their production branches; of an organisation's repositories, further branches beside the
    /// default one. May be empty where organisations are given.
    #[serde(default)]
    pub repositories: Vec<Repository>,
    /// Whether to ask which landings bypassed branch rules. Needs `Administration: read`.
    #[serde(default = "yes")]
    pub rule_suites: bool,
    /// Whether to read who owns the touched paths (CODEOWNERS as it was before the landing). Owners that are
    /// teams need `Members: read`.
    #[serde(default)]
    pub code_owners: bool,
    /// What names a ticket in reviews after the fact, a regular expression such as `INC-[0-9]+`. With it the
    /// texts of reviews and of comments on landed commits are read and sealed; absent: neither.
    #[serde(default)]
    pub emergency_ticket: Option<String>,
    /// Apps that are AI agents which somebody starts, by the exact name of the app, without `[bot]`.
    #[serde(default = "known_agents")]
    pub agents: Vec<String>,
    /// Commits looked up by one GraphQL request, 1 to 100. Halved by itself where GitHub gives up.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 100))]
    pub batch: u32,
    /// Organisations of which every repository is in scope with its default branch.
    #[serde(default)]
    pub organizations: Vec<Organization>,
    /// How many percent of an organisation's repositories may be gone since the last complete run, 0 to 100; fewer
    /// than three never count. With more the run is incomplete until they are excluded.
    #[serde(default = "twenty")]
    #[schemars(range(max = 100))]
    pub repositories_drop_max_percent: u32,
}

/// One organisation in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Organization {
    /// Its login.
    pub name: String,
    /// Repositories that are out of scope, each with the reason.
    #[serde(default)]
    pub exclude: Vec<Exclusion>,
}

/// One repository that is out of scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exclusion {
    /// `owner/name`.
    pub repository: String,
    /// Why no change of it counts, for the auditor.
    pub reason: String,
}

/// One repository in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Repository {
    /// `owner/name`.
    pub name: String,
    /// Its production branches.
    pub branches: Vec<String>,
}

fn github() -> String {
    "https://api.github.com/".to_owned()
}

fn yes() -> bool {
    true
}

fn known_agents() -> Vec<String> {
    vec!["copilot-swe-agent".to_owned()]
}

fn fifty() -> u32 {
    50
}

fn twenty() -> u32 {
    20
}

impl Settings {
    /// Reads and checks settings.
    pub(super) fn parse(value: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_value(value.clone())
            .map_err(|error| wrong(error.to_string(), "see the settings of github_changes in the schema"))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let url = url::Url::parse(&self.api_url)
            .map_err(|error| wrong(format!("api_url: {error}"), "write https://api.github.com/"))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || !url.username().is_empty() {
            return Err(wrong("api_url: not a plain http(s) address".to_owned(), "write https://api.github.com/"));
        }
        if self.repositories.is_empty() && self.organizations.is_empty() {
            return Err(wrong(
                "repositories: empty, and so is organizations".to_owned(),
                "write organizations = [{ name = \"acme\" }], or repositories = [{ name = \"acme/shop\", \
                 branches = [\"main\"] }]",
            ));
        }
        if !(1..=100).contains(&self.batch) {
            return Err(wrong(format!("batch: {} is not within 1 to 100", self.batch), "leave it out for 50"));
        }
        if let Some(pattern) = &self.emergency_ticket {
            Tickets::of(pattern).map_err(|why| wrong(format!("emergency_ticket: {why}"), "write \"INC-[0-9]+\""))?;
        }
        if let Some(agent) = self.agents.iter().find(|agent| !is_app(agent)) {
            return Err(wrong(format!("agents: {agent:?} is not the name of an app"), "write copilot-swe-agent"));
        }
        let mut seen = BTreeSet::new();
        for repository in &self.repositories {
            repository.check()?;
            if !seen.insert(repository.name.to_ascii_lowercase()) {
                return Err(wrong(
                    format!("repositories: {} is named twice", repository.name),
                    "list its branches together",
                ));
            }
        }
        self.check_organizations()
    }

    fn check_organizations(&self) -> Result<(), SettingsError> {
        if self.repositories_drop_max_percent > 100 {
            let drop = self.repositories_drop_max_percent;
            return Err(wrong(format!("repositories_drop_max_percent: {drop} is over 100"), "leave it out for 20"));
        }
        let mut seen = BTreeSet::new();
        for organization in &self.organizations {
            organization.check()?;
            if !seen.insert(organization.name.to_ascii_lowercase()) {
                return Err(wrong(format!("organizations: {} is named twice", organization.name), "once"));
            }
            let both = |e: &&Exclusion| self.repositories.iter().any(|r| same(&r.name, &e.repository));
            if let Some(exclusion) = organization.exclude.iter().find(both) {
                return Err(wrong(
                    format!("organizations: {} is excluded, and named in repositories", exclusion.repository),
                    "take it out of one of them",
                ));
            }
        }
        Ok(())
    }

    /// What is in scope, one line per branch or organisation.
    pub(super) fn scope(&self) -> Vec<String> {
        let all = |o: &Organization| format!("{}: every repository that is not excluded, default branch", o.name);
        let organizations = self.organizations.iter().map(all);
        let branches = |r: &Repository| r.branches.iter().map(|b| format!("{}: {b}", r.name)).collect::<Vec<_>>();
        organizations.chain(self.repositories.iter().flat_map(branches)).collect()
    }
}

impl Organization {
    fn check(&self) -> Result<(), SettingsError> {
        if !plain(&self.name) {
            return Err(wrong(format!("organizations: name {:?} is not a login", self.name), "write acme"));
        }
        let mut seen = BTreeSet::new();
        for Exclusion { repository, reason } in &self.exclude {
            let own = |(owner, name): (&str, &str)| same(owner, &self.name) && plain(name);
            if !repository.split_once('/').is_some_and(own) {
                return Err(wrong(
                    format!("organizations: {}: exclude: {repository:?} is not one of its repositories", self.name),
                    "write owner/name, as in acme/playground",
                ));
            }
            if reason.trim().is_empty() {
                return Err(wrong(
                    format!("organizations: {}: exclude: {repository} has no reason", self.name),
                    "say why no change of it counts; the auditor reads it",
                ));
            }
            if !seen.insert(repository.to_ascii_lowercase()) {
                return Err(wrong(format!("organizations: {repository} is excluded twice"), "once"));
            }
        }
        Ok(())
    }

    /// Why a repository is out of scope, if it is.
    pub(super) fn excludes(&self, repository: &str) -> Option<&str> {
        let found = self.exclude.iter().find(|exclusion| same(&exclusion.repository, repository));
        found.map(|exclusion| exclusion.reason.as_str())
    }
}

/// GitHub's names differ by more than case.
pub(super) fn same(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

fn plain(s: &str) -> bool {
    !s.is_empty()
        && s.len() <= 100
        && s != "."
        && s != ".."
        && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl Repository {
    fn check(&self) -> Result<(), SettingsError> {
        if !matches!(self.name.split_once('/'), Some((owner, name)) if plain(owner) && plain(name)) {
            return Err(wrong(format!("repositories: name {:?} is not owner/name", self.name), "write acme/shop"));
        }
        if self.branches.is_empty() {
            return Err(wrong(format!("repositories: {} has no branches", self.name), "write branches = [\"main\"]"));
        }
        let mut seen = BTreeSet::new();
        for branch in &self.branches {
            let odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\\"&#%+".contains(c);
            if branch.is_empty() || branch.len() > 250 || branch.contains(odd) || branch.starts_with("refs/") {
                return Err(wrong(
                    format!("repositories: {}: branch {branch:?} is not a branch name", self.name),
                    "write it without refs/heads/",
                ));
            }
            if !seen.insert(branch) {
                return Err(wrong(format!("repositories: {}: branch {branch} is named twice", self.name), "once"));
            }
        }
        Ok(())
    }

    /// Owner and name.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.name.split_once('/').unwrap_or((&self.name, ""))
    }
}

fn is_app(name: &str) -> bool {
    !name.is_empty() && name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: Some(hint.to_owned()) }
}
