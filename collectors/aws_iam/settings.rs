//! What a user writes for this kind, checked, and the registers that tell people from machines.

use super::organization::OrganizationSettings;
use super::providers::{IdentityCenterSettings, ProviderRegister, ProviderSettings};
use crate::contract::{AccountState, Principal, PrincipalDetail, PrincipalType, SettingsError};
use crate::door::{AwsAccount, Hosts};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Paths whose users are machine identities, with those below them: `/service/`.
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

/// One account.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountSettings {
    /// What people call it: `production`.
    pub(super) name: String,
    /// Its number, 12 digits; a credential that leads to another account is then refused.
    #[serde(default)]
    pub(super) account_id: Option<String>,
    /// How to reach it; absent: the SDK's usual chain.
    #[serde(default)]
    pub(super) via: AwsAccount,
    /// Suspended or closed: not asked for, and recorded as such. Needs `account_id`.
    #[serde(default)]
    pub(super) suspended: bool,
    /// The organisation named it, and not the configuration.
    #[serde(skip)]
    from_organization: bool,
}

fn report_wait_seconds_default() -> u32 {
    120
}

/// What is wrong with the settings, and what to write instead.
pub(super) fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: Some(hint.to_owned()) }
}

/// Whether it is an account number.
pub(super) fn is_account_number(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
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
        if let Some(organization) = &self.organization {
            organization.check(&self.accounts)?;
        } else if self.accounts.iter().all(|account| account.suspended) {
            return Err(wrong(
                "accounts: none is in use".to_owned(),
                "name at least one: accounts = [{ name = \"production\" }]",
            ));
        }
        let mut names = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for account in &self.accounts {
            account.hosts()?;
            let AccountSettings { name, account_id, suspended, .. } = account;
            if name.trim().is_empty() {
                return Err(wrong("accounts: a name is empty".to_owned(), "say what people call the account"));
            }
            if is_account_number(name) && account_id.as_ref() != Some(name) {
                return Err(wrong(
                    format!("accounts: {name} is a number for a name"),
                    "say what people call the account, and give its number as account_id",
                ));
            }
            if !names.insert(name) {
                return Err(wrong(format!("accounts: {name} is there twice"), "give each account its own name"));
            }
            match account_id {
                Some(id) if !is_account_number(id) => {
                    return Err(wrong(format!("accounts.{name}.account_id: `{id}`"), "twelve digits, in quotes"));
                }
                Some(id) if !numbers.insert(id) => {
                    return Err(wrong(
                        format!("accounts.{name}.account_id: {id} is there twice"),
                        "name each account once",
                    ));
                }
                None if *suspended => {
                    return Err(wrong(
                        format!("accounts.{name}: suspended, without account_id"),
                        "nobody is asked for its number, so write it down",
                    ));
                }
                _ => {}
            }
        }
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

impl AccountSettings {
    /// Name and number as far as known: `production (111122223333)`.
    pub(super) fn title(&self, number: Option<&str>) -> String {
        match number.or(self.account_id.as_deref()) {
            Some(number) => format!("{} ({number})", self.name),
            None => self.name.clone(),
        }
    }

    /// One that the organisation named.
    pub(super) fn listed(name: String, number: String, via: AwsAccount) -> Self {
        Self { name, account_id: Some(number), via, suspended: false, from_organization: true }
    }

    /// Its name at the door, which keeps accounts' like requests apart. An organisation may have two
    /// accounts of one name.
    pub(super) fn source(&self) -> String {
        match &self.account_id {
            Some(number) if self.from_organization => format!("aws:{number}"),
            _ => format!("aws:{}", self.name),
        }
    }

    /// The account as an item of its own, its principals not read.
    pub(super) fn itself(&self, number: Option<&str>, state: AccountState) -> Principal {
        let account = number.or(self.account_id.as_deref()).unwrap_or(&self.name).to_owned();
        Principal {
            id: format!("{account}:account"),
            account,
            name: self.name.clone(),
            owner: None,
            report_at: None,
            detail: PrincipalDetail::Account { state, read: false },
        }
    }

    /// Where its requests may go.
    pub(super) fn hosts(&self) -> Result<Hosts, SettingsError> {
        hosts(&format!("accounts.{}", self.name), &self.via)
    }
}

/// Where requests may go: to the endpoint named, or AWS's own domain (China has its own). `key` is where
/// `via` is in the settings.
pub(super) fn hosts(key: &str, via: &AwsAccount) -> Result<Hosts, SettingsError> {
    match &via.endpoint_url {
        Some(url) => url
            .parse()
            .map(Hosts::Origin)
            .map_err(|e| wrong(format!("{key}.via.endpoint_url: {e}"), "a whole address: \"https://iam.example\"")),
        None if via.region.as_ref().is_some_and(|region| region.starts_with("cn-")) => {
            Ok(Hosts::Under("amazonaws.com.cn".to_owned()))
        }
        None => Ok(Hosts::Under("amazonaws.com".to_owned())),
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
