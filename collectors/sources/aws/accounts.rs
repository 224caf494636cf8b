//! The accounts of AWS that a configuration names: how each is reached, and where its requests may go.

use super::organization::OrganizationSettings;
use crate::contract::SettingsError;
use crate::door::{AwsAccount, Hosts};
use serde::Deserialize;
use std::collections::BTreeSet;

/// One account.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountSettings {
    /// What people call it: `production`.
    pub(crate) name: String,
    /// Its number, 12 digits; a credential that leads to another account is then refused.
    #[serde(default)]
    pub(crate) account_id: Option<String>,
    /// How to reach it; absent: the SDK's usual chain.
    #[serde(default)]
    pub(crate) via: AwsAccount,
    /// Suspended or closed: not asked for, and recorded as such. Needs `account_id`.
    #[serde(default)]
    pub(crate) suspended: bool,
    /// The organisation named it, and not the configuration.
    #[serde(skip)]
    from_organization: bool,
}

/// What is wrong with the settings, and what to write instead.
pub(crate) fn wrong(message: String, hint: &str) -> SettingsError {
    SettingsError { message, hint: Some(hint.to_owned()) }
}

/// Whether it is an account number.
pub(crate) fn is_account_number(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Refuses accounts that are wrong, named twice, or that leave nobody to be asked.
pub(crate) fn check_accounts(
    accounts: &[AccountSettings],
    organization: Option<&OrganizationSettings>,
) -> Result<(), SettingsError> {
    if let Some(organization) = organization {
        organization.check(accounts)?;
    } else if accounts.iter().all(|account| account.suspended) {
        return Err(wrong(
            "accounts: none is in use".to_owned(),
            "name at least one: accounts = [{ name = \"production\" }]",
        ));
    }
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for account in accounts {
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
    Ok(())
}

impl AccountSettings {
    /// Name and number as far as known: `production (111122223333)`.
    pub(crate) fn title(&self, number: Option<&str>) -> String {
        match number.or(self.account_id.as_deref()) {
            Some(number) => format!("{} ({number})", self.name),
            None => self.name.clone(),
        }
    }

    /// What its items are named by: its number as far as known.
    pub(crate) fn key<'a>(&'a self, number: Option<&'a str>) -> &'a str {
        number.or(self.account_id.as_deref()).unwrap_or(&self.name)
    }

    /// One that the organisation named.
    pub(crate) fn listed(name: String, number: String, via: AwsAccount) -> Self {
        Self { name, account_id: Some(number), via, suspended: false, from_organization: true }
    }

    /// Its name at the door, which keeps accounts' like requests apart. An organisation may have two
    /// accounts of one name.
    pub(crate) fn source(&self) -> String {
        match &self.account_id {
            Some(number) if self.from_organization => format!("aws:{number}"),
            _ => format!("aws:{}", self.name),
        }
    }

    /// Where its requests may go.
    pub(crate) fn hosts(&self) -> Result<Hosts, SettingsError> {
        hosts(&format!("accounts.{}", self.name), &self.via)
    }
}

/// Where requests may go: to the endpoint named, or AWS's own domain (China has its own). `key` is where
/// `via` is in the settings.
pub(crate) fn hosts(key: &str, via: &AwsAccount) -> Result<Hosts, SettingsError> {
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
