//! What configurations of all kinds that ask GitHub have alike, and what is refused in it.

use crate::contract::SettingsError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One organisation in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Organization {
    /// Its login.
    pub name: String,
    /// Repositories that are out of scope, each with the reason.
    #[serde(default)]
    pub exclude: Vec<Exclusion>,
}

/// One repository that is out of scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exclusion {
    /// `owner/name`.
    pub repository: String,
    /// Why nothing of it counts, for the auditor.
    pub reason: String,
}

/// GitHub's own REST address.
pub(crate) fn github() -> String {
    "https://api.github.com/".to_owned()
}

/// Refuses an address that is none.
pub(crate) fn check_api_url(api_url: &str) -> Result<(), SettingsError> {
    const INSTEAD: &str = "write https://api.github.com/";
    let url = url::Url::parse(api_url).map_err(|error| wrong(format!("api_url: {error}"), INSTEAD))?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || !url.username().is_empty() {
        return Err(wrong("api_url: not a plain http(s) address".to_owned(), INSTEAD));
    }
    Ok(())
}

/// Refuses what is not `owner/name`.
pub(crate) fn check_name(repository: &str) -> Result<(), SettingsError> {
    if !matches!(repository.split_once('/'), Some((owner, name)) if plain(owner) && plain(name)) {
        return Err(wrong(format!("repositories: name {repository:?} is not owner/name"), "write acme/shop"));
    }
    Ok(())
}

/// Refuses organisations that are wrong, named twice, or that exclude a repository which is `named`.
pub(crate) fn check_organizations(organizations: &[Organization], named: &[&str]) -> Result<(), SettingsError> {
    let mut seen = BTreeSet::new();
    for organization in organizations {
        organization.check()?;
        if !seen.insert(organization.name.to_ascii_lowercase()) {
            return Err(wrong(format!("organizations: {} is named twice", organization.name), "once"));
        }
        let both = |e: &&Exclusion| named.iter().any(|name| same(name, &e.repository));
        if let Some(exclusion) = organization.exclude.iter().find(both) {
            return Err(wrong(
                format!("organizations: {} is excluded, and named in repositories", exclusion.repository),
                "take it out of one of them",
            ));
        }
    }
    Ok(())
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
                    "say why nothing of it counts; the auditor reads it",
                ));
            }
            if !seen.insert(repository.to_ascii_lowercase()) {
                return Err(wrong(format!("organizations: {repository} is excluded twice"), "once"));
            }
        }
        Ok(())
    }

    /// Why a repository is out of scope, if it is.
    pub(crate) fn excludes(&self, repository: &str) -> Option<&str> {
        let found = self.exclude.iter().find(|exclusion| same(&exclusion.repository, repository));
        found.map(|exclusion| exclusion.reason.as_str())
    }
}

/// GitHub's names differ by more than case.
pub(crate) fn same(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

fn plain(s: &str) -> bool {
    !s.is_empty()
        && s.len() <= 100
        && s != "."
        && s != ".."
        && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// What is wrong with settings, and what to write instead.
pub(crate) fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: Some(hint.to_owned()) }
}
