//! What a user writes for this kind, checked, and the registers that tell people from machines.

use super::providers::{IdentityCenterSettings, ProviderRegister, ProviderSettings};
use crate::contract::{PrincipalType, SettingsError};
use crate::sources::aws::accounts::{AccountSettings, check_accounts, is_account_number, wrong};
use crate::sources::aws::organization::OrganizationSettings;
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Settings of the kind `aws_iam`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The accounts in scope; at least one that is not suspended, unless an organisation names them.
    #[serde(default)]
    pub(super) accounts: Vec<AccountSettings>,
    /// The organisation that says which accounts there are. Absent: nobody asks AWS.
    #[serde(default)]
    pub(super) organization: Option<OrganizationSettings>,
    /// Register of machine identities: patterns (`*`, `?`, `[…]`) over a user's name, or over path and
    /// name where the pattern has a slash (`service/*`). A `*` does not reach over a slash.
    #[serde(default)]
    pub(super) service_users: Vec<String>,
    /// Paths whose users are machine identities, with those below them: `/service/`. Whoever may make users there makes
    /// machines: set it only where that is as guarded as these settings. A user with a password is asked for a factor
    /// all the same.
    #[serde(default)]
    pub(super) service_paths: Vec<String>,
    /// Whose user it is: user name to person. Such a user counts as a person, whatever the registers say.
    #[serde(default)]
    pub(super) people: BTreeMap<String, String>,
    /// Tell hardware tokens from passkeys: one `iam:ListMFADevices` for each user with a factor that is
    /// not a virtual one.
    #[serde(default)]
    pub(super) device_kinds: bool,
    /// Register of identity providers: what somebody attests of their policies, and which of them are
    /// machines' alone.
    #[serde(default)]
    pub(super) identity_providers: Vec<ProviderSettings>,
    /// Where users of IAM Identity Center sign in; absent: in its own directory.
    #[serde(default)]
    pub(super) identity_center: Option<IdentityCenterSettings>,
    /// Read whether a policy denies everything without a factor to users who have keys alone and are no
    /// registered machines: `iam:GetAccountAuthorizationDetails`, if there is such a user.
    #[serde(default)]
    pub(super) mfa_deny_policies: bool,
    /// By account number: so few users are right, after a drop that a run asked about. 0 also confirms
    /// that the account is no more. Take it away when a run has been complete with it.
    #[serde(default)]
    pub(super) confirmed_users: BTreeMap<String, u64>,
    /// Longest wait for AWS to make a credential report, seconds.
    #[serde(default = "report_wait_seconds_default")]
    pub(super) report_wait_seconds: u32,
}

fn report_wait_seconds_default() -> u32 {
    120
}

impl Settings {
    /// Reads and checks.
    pub(super) fn of(value: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_value(value.clone())
            .map_err(|e| SettingsError { message: format!("settings of aws_iam: {e}"), hint: None })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        check_accounts(&self.accounts, self.organization.as_ref())?;
        if let Some(number) = self.confirmed_users.keys().find(|number| !is_account_number(number)) {
            return Err(wrong(format!("confirmed_users: `{number}`"), "an account's number, twelve digits, in quotes"));
        }
        for path in &self.service_paths {
            if !(path.starts_with('/') && path.ends_with('/') && path.len() > 1) {
                return Err(wrong(
                    format!("service_paths: `{path}`"),
                    "a path starts and ends with a slash, and `/` alone would be everybody: \"/service/\"",
                ));
            }
        }
        Ok(())
    }
}

/// Tells people from machines, by the registers alone.
pub(super) struct Registers {
    /// Of identity providers.
    pub(super) providers: ProviderRegister,
    names: Vec<GlobMatcher>,
    paths_with_name: Vec<GlobMatcher>,
    paths: Vec<String>,
    people: BTreeMap<String, String>,
}

impl Registers {
    /// From checked settings.
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let mut registers = Self {
            providers: ProviderRegister::of(&settings.identity_providers, settings.identity_center.as_ref())?,
            names: Vec::new(),
            paths_with_name: Vec::new(),
            paths: settings.service_paths.clone(),
            people: settings.people.clone(),
        };
        for pattern in &settings.service_users {
            // A `*` that reached over a slash would make `svc-*` take in everybody below `/svc-team/`.
            let glob = GlobBuilder::new(pattern.trim_start_matches('/')).literal_separator(true).build();
            let glob =
                glob.map_err(|e| wrong(format!("service_users: {e}"), "a name, or a pattern such as \"ci-*\""))?;
            let over = if pattern.contains('/') { &mut registers.paths_with_name } else { &mut registers.names };
            over.push(glob.compile_matcher());
        }
        Ok(registers)
    }

    /// Who uses it. `path` has its slashes, `/service/`.
    pub(super) fn kind(&self, path: &str, name: &str) -> PrincipalType {
        if self.people.contains_key(name) {
            return PrincipalType::Person;
        }
        let full = format!("{path}{name}");
        let full = full.trim_start_matches('/');
        let service = self.names.iter().any(|glob| glob.is_match(name))
            || self.paths_with_name.iter().any(|glob| glob.is_match(full))
            || self.paths.iter().any(|prefix| path.starts_with(prefix));
        if service { PrincipalType::Service } else { PrincipalType::Unknown }
    }

    /// The person behind it, if the register says.
    pub(super) fn owner(&self, name: &str) -> Option<String> {
        self.people.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn registers(settings: serde_json::Value) -> Registers {
        Registers::of(&Settings::of(&settings).unwrap()).unwrap()
    }

    #[test]
    fn a_machine_is_what_a_register_names_and_nothing_else() {
        let registers = registers(json!({
            "accounts": [{ "name": "production" }],
            "service_users": ["ci-*", "robots/backup-?", "svc-*"],
            "service_paths": ["/service/"],
            "people": { "ci-carol": "Carol Jones" },
        }));
        for (path, name, kind) in [
            ("/", "ci-deploy", PrincipalType::Service),
            ("/eng/", "ci-deploy", PrincipalType::Service),
            ("/robots/", "backup-1", PrincipalType::Service),
            ("/", "backup-1", PrincipalType::Unknown),
            ("/robots/old/", "backup-1", PrincipalType::Unknown),
            ("/service/eu/", "loader", PrincipalType::Service),
            ("/services/", "loader", PrincipalType::Unknown),
            ("/svc-team/", "alice", PrincipalType::Unknown),
            ("/service/", "ci-carol", PrincipalType::Person),
        ] {
            assert_eq!(registers.kind(path, name), kind, "{path}{name}");
        }
        assert_eq!(registers.owner("ci-carol").as_deref(), Some("Carol Jones"));
        assert_eq!(registers.owner("ci-deploy"), None);
    }

    #[test]
    fn settings_that_would_read_nothing_or_everybody_are_refused() {
        for (settings, part) in [
            (json!({ "accounts": [] }), "none is in use"),
            (
                json!({ "accounts": [{ "name": "a", "account_id": "111122223333", "suspended": true }] }),
                "none is in use",
            ),
            (json!({ "accounts": [{ "name": "a" }, { "name": "a" }] }), "twice"),
            (json!({ "accounts": [{ "name": "a", "account_id": "1234" }] }), "account_id"),
            (json!({ "accounts": [{ "name": "a" }, { "name": "b", "suspended": true }] }), "suspended"),
            (json!({ "accounts": [{ "name": "a", "regoin": "x" }] }), "regoin"),
            (json!({ "accounts": [{ "name": "a" }], "service_paths": ["/"] }), "service_paths"),
        ] {
            let error = Settings::of(&settings).unwrap_err();
            assert!(error.message.contains(part), "{settings}: {error}");
        }
        let bad = Settings::of(&json!({ "accounts": [{ "name": "a" }], "service_users": ["x[", "y"] })).unwrap();
        assert!(Registers::of(&bad).is_err());
    }
}
