//! What a configuration says about one `github_alerts` collector, and what is refused in it.

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
    /// Repositories in scope, `owner/name`. May be empty where organisations are given.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// Organisations of which every repository is in scope.
    #[serde(default)]
    pub organizations: Vec<Organization>,
}

impl Settings {
    /// Reads and checks settings.
    pub(super) fn parse(value: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_value(value.clone())
            .map_err(|error| wrong(error.to_string(), "see the settings of github_alerts in the schema"))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        check_api_url(&self.api_url)?;
        if self.repositories.is_empty() && self.organizations.is_empty() {
            return Err(wrong(
                "repositories: empty, and so is organizations".to_owned(),
                "write organizations = [{ name = \"acme\" }], or repositories = [\"acme/shop\"]",
            ));
        }
        let mut seen = BTreeSet::new();
        for name in &self.repositories {
            check_name(name)?;
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(wrong(format!("repositories: {name} is named twice"), "once"));
            }
        }
        let named: Vec<&str> = self.repositories.iter().map(String::as_str).collect();
        check_organizations(&self.organizations, &named)
    }

    /// What is in scope, one line each.
    pub(super) fn scope(&self) -> Vec<String> {
        let all = |o: &Organization| format!("{}: every repository that is not excluded", o.name);
        self.organizations.iter().map(all).chain(self.repositories.iter().cloned()).collect()
    }

    /// Where people see a repository's alerts: at GitHub, or on the host that has its own.
    pub(super) fn page_of(&self, repository: &str) -> String {
        let host = self.api_url.trim_end_matches('/').trim_end_matches("/api/v3");
        let host = if host == "https://api.github.com" { "https://github.com" } else { host };
        format!("{host}/{repository}/security/dependabot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_that_would_read_nothing_or_one_thing_twice_are_refused() {
        let with = |more: serde_json::Value| {
            let mut settings = json!({ "credentials": { "token": { "file": "/token" } } });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Settings::parse(&settings)
        };
        for (more, part) in [
            (json!({}), "empty, and so is organizations"),
            (json!({ "repositories": ["shop"] }), "not owner/name"),
            (json!({ "repositories": ["acme/shop", "Acme/Shop"] }), "named twice"),
            (json!({ "repositories": ["acme/shop"], "branches": ["main"] }), "branches"),
            (json!({ "organizations": [{ "name": "acme/shop" }] }), "not a login"),
            (
                json!({ "repositories": ["acme/shop"],
                    "organizations": [{ "name": "acme", "exclude": [{ "repository": "acme/shop", "reason": "old" }] }] }),
                "excluded, and named",
            ),
        ] {
            let error = with(more.clone()).unwrap_err();
            assert!(error.message.contains(part), "{more}: {error}");
        }
        let settings = with(json!({ "repositories": ["acme/shop"] })).unwrap();
        assert_eq!(settings.page_of("acme/shop"), "https://github.com/acme/shop/security/dependabot");
    }
}
