//! What a configuration says about one `github_changes` collector, and what is refused in it.

use super::activity::Apps;
use super::afterwards::Tickets;
use crate::contract::SettingsError;
use crate::door::GithubCredentials;
use crate::sources::github::settings::{Organization, check_api_url, check_name, check_organizations, github, wrong};
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
    /// Whether to ask which landings bypassed rulesets. Needs `Administration: read`. Bypasses of classic branch
    /// protection are never seen.
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
    /// Apps that are AI agents which somebody starts, by the exact name of the app, without `[bot]`. Whoever
    /// started one does not approve what it wrote.
    #[serde(default = "known_agents")]
    pub agents: Vec<String>,
    /// Apps that write changes by themselves, which nobody starts, by the exact name of the app, without `[bot]`.
    /// An app in neither list may be an agent: who may approve its pull requests cannot be told.
    #[serde(default = "known_automation")]
    pub automation: Vec<String>,
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

/// One repository in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Repository {
    /// `owner/name`.
    pub name: String,
    /// Its production branches.
    pub branches: Vec<String>,
}

fn yes() -> bool {
    true
}

fn known_agents() -> Vec<String> {
    vec!["copilot-swe-agent".to_owned()]
}

fn known_automation() -> Vec<String> {
    vec!["dependabot".to_owned(), "renovate".to_owned()]
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
        check_api_url(&self.api_url)?;
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
        self.check_apps()?;
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

    fn check_apps(&self) -> Result<(), SettingsError> {
        let (agents, automation) = (&self.agents, &self.automation);
        for (key, apps, name) in [("agents", agents, "copilot-swe-agent"), ("automation", automation, "dependabot")] {
            if let Some(app) = apps.iter().find(|app| !is_app(app)) {
                return Err(wrong(format!("{key}: {app:?} is not the name of an app"), &format!("write {name}")));
            }
        }
        match automation.iter().find(|app| agents.iter().any(|agent| agent.eq_ignore_ascii_case(app))) {
            Some(app) => Err(wrong(
                format!("automation: {app} is among the agents too"),
                "an agent is what somebody starts, automation what nobody does: write it in one of them",
            )),
            None => Ok(()),
        }
    }

    /// What the bots are.
    pub(super) fn apps(&self) -> Apps<'_> {
        Apps { agents: &self.agents, automation: &self.automation }
    }

    fn check_organizations(&self) -> Result<(), SettingsError> {
        if self.repositories_drop_max_percent > 100 {
            let drop = self.repositories_drop_max_percent;
            return Err(wrong(format!("repositories_drop_max_percent: {drop} is over 100"), "leave it out for 20"));
        }
        let named: Vec<&str> = self.repositories.iter().map(|repository| repository.name.as_str()).collect();
        check_organizations(&self.organizations, &named)
    }

    /// What is in scope, one line per branch or organisation.
    pub(super) fn scope(&self) -> Vec<String> {
        let all = |o: &Organization| format!("{}: every repository that is not excluded, default branch", o.name);
        let organizations = self.organizations.iter().map(all);
        let branches = |r: &Repository| r.branches.iter().map(|b| format!("{}: {b}", r.name)).collect::<Vec<_>>();
        organizations.chain(self.repositories.iter().flat_map(branches)).collect()
    }
}

impl Repository {
    fn check(&self) -> Result<(), SettingsError> {
        check_name(&self.name)?;
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
