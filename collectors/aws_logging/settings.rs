//! What a user writes for this kind, checked.

use crate::contract::SettingsError;
use crate::sources::aws::accounts::{AccountSettings, check_accounts, wrong};
use crate::sources::aws::organization::OrganizationSettings;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Settings of the kind `aws_logging`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The accounts in scope; at least one that is not suspended, unless an organisation names them.
    #[serde(default)]
    pub(super) accounts: Vec<AccountSettings>,
    /// The organisation that says which accounts there are. Absent: nobody asks AWS.
    #[serde(default)]
    pub(super) organization: Option<OrganizationSettings>,
    /// Buckets of trails that belong to another account than the trail: bucket to the name of an account in
    /// `accounts`, which is then asked how long it keeps its files.
    #[serde(default)]
    pub(super) buckets: BTreeMap<String, String>,
}

impl Settings {
    /// Reads and checks.
    pub(super) fn of(value: &serde_json::Value) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_value(value.clone())
            .map_err(|e| SettingsError { message: format!("settings of aws_logging: {e}"), hint: None })?;
        check_accounts(&settings.accounts, settings.organization.as_ref())?;
        for (bucket, name) in &settings.buckets {
            if !settings.accounts.iter().any(|account| account.name == *name && !account.suspended) {
                return Err(wrong(
                    format!("buckets.{bucket}: there is no account {name:?} in use in `accounts`"),
                    "name the account whose bucket it is, as it is called in `accounts`",
                ));
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_that_would_read_nothing_or_ask_nobody_are_refused() {
        for (settings, part) in [
            (json!({ "accounts": [] }), "none is in use"),
            (json!({ "accounts": [{ "name": "a" }], "buckets": { "logs": "b" } }), "no account \"b\""),
            (json!({ "accounts": [{ "name": "a" }], "regions": ["eu-west-1"] }), "regions"),
        ] {
            let error = Settings::of(&settings).unwrap_err();
            assert!(error.message.contains(part), "{settings}: {error}");
        }
    }
}
