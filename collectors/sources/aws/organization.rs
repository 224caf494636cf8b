//! Which accounts there are, by the organisation itself: what is asked, and what follows for each account.

use super::List;
use super::accounts::{AccountSettings, hosts, is_account_number, wrong};
use super::caller::caller;
use super::paging::Paging;
use super::refusal::{error_of, signing_in};
use crate::contract::{CollectError, SettingsError, Unread};
use crate::door::{AwsAccount, Door, Source};
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Its name at the door.
pub(crate) const SOURCE: &str = "aws-organization";
/// What errors call it.
const WHAT: &str = "organization";
const ACTION: &str = "organizations:ListAccounts";

/// The organisation that says which accounts there are.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganizationSettings {
    /// How to reach an account that may list: the management account, or a delegated administrator.
    #[serde(default)]
    pub(crate) via: AwsAccount,
    /// The role that is assumed in each account without an entry in `accounts`, with the credential and the
    /// `external_id` of `via`; `via.role_arn` is for listing alone. Absent: such accounts are not read.
    #[serde(default)]
    pub(crate) role_name: Option<String>,
    /// Accounts that are not looked at.
    #[serde(default)]
    pub(crate) exclude: Vec<Exclusion>,
}

/// One account that is not looked at.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exclusion {
    /// Its number.
    pub(crate) account_id: String,
    /// Why.
    pub(crate) reason: String,
}

impl OrganizationSettings {
    /// `accounts` are those configured one by one.
    pub(crate) fn check(&self, accounts: &[AccountSettings]) -> Result<(), SettingsError> {
        hosts("organization", &self.via)?;
        if let Some(nameless) = accounts.iter().find(|account| account.account_id.is_none()) {
            return Err(wrong(
                format!("accounts.{}: without account_id, beside an organization", nameless.name),
                "give its number, so that it is known in the organisation's list",
            ));
        }
        if self.role_name.as_ref().is_some_and(|name| name.is_empty() || name.starts_with('/') || name.contains(':')) {
            return Err(wrong(
                "organization.role_name".to_owned(),
                "a role's name, with its path before it if it has one",
            ));
        }
        let mut numbers = BTreeSet::new();
        for Exclusion { account_id, reason } in &self.exclude {
            if !is_account_number(account_id) || !numbers.insert(account_id) {
                return Err(wrong(
                    format!("organization.exclude: `{account_id}`"),
                    "twelve digits, in quotes, each once",
                ));
            }
            if reason.trim().is_empty() {
                return Err(wrong(
                    format!("organization.exclude: {account_id} without a reason"),
                    "say why it is left out",
                ));
            }
            if accounts.iter().any(|account| account.account_id.as_ref() == Some(account_id)) {
                return Err(wrong(
                    format!("organization.exclude: {account_id} is in `accounts` as well"),
                    "name it in one of them",
                ));
            }
        }
        Ok(())
    }

    fn excluded(&self, number: &str) -> Option<&Exclusion> {
        self.exclude.iter().find(|exclusion| exclusion.account_id == number)
    }

    /// How to reach an account that nobody configured.
    fn member(&self, listed: &Listed) -> Option<AccountSettings> {
        let role = self.role_name.as_ref()?;
        let role_arn = Some(format!("arn:{}:iam::{}:role/{role}", listed.partition, listed.number));
        let via = AwsAccount { role_arn, ..self.via.clone() };
        Some(AccountSettings::listed(listed.name.clone(), listed.number.clone(), via))
    }
}

/// An account as the organisation lists it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    number: String,
    name: String,
    /// `aws`, `aws-us-gov`, `aws-cn`.
    partition: String,
    standing: Standing,
}

/// Whether it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Active,
    /// In the organisation's word, `SUSPENDED`.
    NotActive(String),
    /// Why that cannot be told.
    Unclear(String),
}

/// Every account of the organisation, and who asked.
pub(crate) async fn list(door: &Door, settings: &OrganizationSettings) -> Result<(List<Listed>, String), CollectError> {
    let malformed = |why: String| CollectError::Malformed { what: format!("{WHAT}, {ACTION}"), why };
    let hosts = hosts("organization", &settings.via).map_err(|e| malformed(e.message))?;
    let source = Source { name: SOURCE.to_owned(), hosts, strikes: Vec::new() };
    let config = Box::pin(door.aws(&source, &settings.via)).await.map_err(|error| signing_in(WHAT, error))?;
    let caller = caller(WHAT, &config).await?;
    let client = aws_sdk_organizations::Client::new(&config);
    let mut paging = Paging::default();
    let mut items = Vec::new();
    let mut numbers = BTreeSet::new();
    loop {
        let request = client.list_accounts().set_next_token(paging.marker.clone());
        let page = Box::pin(request.send()).await.map_err(|error| error_of(WHAT, ACTION, &error))?;
        let accounts = page.accounts.ok_or_else(|| malformed("a page without a list".to_owned()))?;
        for account in accounts {
            let listed = Listed::of(account).map_err(malformed)?;
            if !numbers.insert(listed.number.clone()) {
                return Err(malformed(format!("account {} is listed twice", listed.number)));
            }
            items.push(listed);
        }
        // A page may be empty and not the last: the token alone says so.
        let more = page.next_token.is_some();
        if paging.last(true, more, page.next_token).map_err(malformed)? {
            break;
        }
    }
    // Whoever asks is in an account of the organisation: without that one it is not all of it.
    if !numbers.contains(&caller.account) {
        return Err(malformed(format!("account {}, which asked, is not in the list", caller.account)));
    }
    Ok((List { items, pages: paging.pages }, caller.arn))
}

impl Listed {
    fn of(account: Account) -> Result<Self, String> {
        let number = account.id.clone().filter(|id| is_account_number(id)).ok_or("an account without a number")?;
        let partition = account.arn.as_deref().and_then(|arn| arn.split(':').nth(1)).unwrap_or_default().to_owned();
        if !partition.starts_with("aws") {
            return Err(format!("account {number}: no ARN"));
        }
        let standing = standing(account.state.as_ref(), account.status.as_ref());
        let name = account.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| number.clone());
        Ok(Self { number, name, partition, standing })
    }

    fn title(&self) -> String {
        format!("account {} ({})", self.name, self.number)
    }
}

/// From `State` and the older `Status`. Where both speak and differ, nobody has said anything.
fn standing(state: Option<&AccountState>, status: Option<&AccountStatus>) -> Standing {
    let by_state = state.map(|state| match state {
        AccountState::Active => Standing::Active,
        AccountState::Closed | AccountState::PendingClosure | AccountState::Suspended => {
            Standing::NotActive(state.as_str().to_owned())
        }
        // Root can be signed in to, and nobody else can look.
        AccountState::PendingActivation => Standing::Unclear("it is being opened: PENDING_ACTIVATION".to_owned()),
        other => Standing::Unclear(format!("State `{}` is not known", other.as_str())),
    });
    let by_status = status.map(|status| match status {
        AccountStatus::Active => Standing::Active,
        AccountStatus::PendingClosure | AccountStatus::Suspended => Standing::NotActive(status.as_str().to_owned()),
        other => Standing::Unclear(format!("Status `{}` is not known", other.as_str())),
    });
    match (by_state, by_status) {
        (Some(unclear @ Standing::Unclear(_)), _) | (_, Some(unclear @ Standing::Unclear(_))) => unclear,
        (Some(Standing::NotActive(word)), None | Some(Standing::NotActive(_)))
        | (None, Some(Standing::NotActive(word))) => Standing::NotActive(word),
        (Some(Standing::Active), None | Some(Standing::Active)) | (None, Some(Standing::Active)) => Standing::Active,
        (Some(_), Some(_)) => Standing::Unclear("State and Status differ on whether it is in use".to_owned()),
        (None, None) => Standing::Unclear("neither State nor Status is said".to_owned()),
    }
}

/// What follows from the list and the configuration for each account.
#[derive(Default)]
pub(crate) struct Scope {
    /// To be read: configured ones first, in their order.
    pub(crate) read: Vec<AccountSettings>,
    /// Not in use, and who says so.
    pub(crate) not_active: Vec<(AccountSettings, String)>,
    /// In use as far as is known, and not to be read.
    pub(crate) unread: Vec<(AccountSettings, Unread)>,
    /// Numbers of those that are left out on purpose.
    pub(crate) excluded: Vec<String>,
    /// That they are, and why.
    pub(crate) filters: Vec<String>,
    /// What does not fit.
    pub(crate) limitations: Vec<String>,
    /// That the organisation leaves nobody to be asked: who looks at nothing finds nothing.
    pub(crate) nobody: Option<Unread>,
}

/// Sorts every account that is listed or configured into one of the places. Without a list, the configured
/// ones are all there is.
pub(crate) fn scope(configured: &[AccountSettings], organization: Option<(&OrganizationSettings, &[Listed])>) -> Scope {
    let mut scope = Scope::default();
    let listed: BTreeMap<&str, &Listed> =
        organization.iter().flat_map(|(_, listed)| listed.iter()).map(|one| (one.number.as_str(), one)).collect();
    for account in configured {
        let entry = account.account_id.as_deref().and_then(|number| listed.get(number));
        match entry.map(|entry| &entry.standing) {
            None if account.suspended => {
                scope.not_active.push((account.clone(), "suspended by configuration, so nobody was asked".to_owned()));
            }
            None => {
                if organization.is_some() {
                    scope
                        .limitations
                        .push(format!("account {}: is not in the organisation's list", account.title(None)));
                }
                scope.read.push(account.clone());
            }
            Some(Standing::Active) if account.suspended => {
                let why = "the configuration says that it is suspended, the organisation that it is in use";
                let unread = unread(account, why, "take `suspended` away from its entry in `accounts`");
                scope.unread.push((account.clone(), unread));
            }
            Some(Standing::Active) => scope.read.push(account.clone()),
            Some(Standing::NotActive(word)) => scope.not_active.push((account.clone(), by_organization(word))),
            Some(Standing::Unclear(why)) => {
                scope.unread.push((account.clone(), unread(account, why, "look at it in AWS Organizations")));
            }
        }
    }
    if let Some((settings, all)) = organization {
        let configured: BTreeSet<&str> = configured.iter().filter_map(|one| one.account_id.as_deref()).collect();
        for one in all.iter().filter(|one| !configured.contains(one.number.as_str())) {
            scope.member(settings, one);
        }
        for Exclusion { account_id, reason } in &settings.exclude {
            scope.excluded.push(account_id.clone());
            match listed.get(account_id.as_str()) {
                Some(one) => scope.filters.push(format!("{}: excluded by configuration: {reason}", one.title())),
                None => scope.limitations.push(format!(
                    "account {account_id}: excluded by configuration, and not in the organisation's list"
                )),
            }
        }
        scope.nobody = (scope.read.is_empty() && scope.unread.is_empty()).then(|| Unread {
            what: WHAT.to_owned(),
            why: format!("of its {} accounts none is in use and not excluded", all.len()),
            permission: None,
            hint: Some("see whether organization.exclude leaves out too much".to_owned()),
        });
    }
    scope
}

impl Scope {
    /// An account of the organisation that nobody configured.
    fn member(&mut self, settings: &OrganizationSettings, one: &Listed) {
        let itself = || AccountSettings::listed(one.name.clone(), one.number.clone(), settings.via.clone());
        match &one.standing {
            _ if settings.excluded(&one.number).is_some() => {}
            Standing::NotActive(word) => self.not_active.push((itself(), by_organization(word))),
            Standing::Unclear(why) => {
                let unread = unread(&itself(), why, "look at it in AWS Organizations");
                self.unread.push((itself(), unread));
            }
            Standing::Active => match settings.member(one) {
                Some(account) => self.read.push(account),
                None => {
                    let why = "is in use, and the settings do not say how to reach it";
                    let hint = "set organization.role_name, add it to `accounts`, or exclude it with a reason";
                    self.unread.push((itself(), unread(&itself(), why, hint)));
                }
            },
        }
    }
}

fn by_organization(word: &str) -> String {
    format!("{word} by the organisation, so nobody was asked")
}

fn unread(account: &AccountSettings, why: &str, hint: &str) -> Unread {
    Unread {
        what: format!("account {}", account.title(None)),
        why: why.to_owned(),
        permission: None,
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_out_of_use_only_if_nothing_says_otherwise() {
        use {AccountState as State, AccountStatus as Status};
        let not_active = |word: &str| Standing::NotActive(word.to_owned());
        for (state, status, expected) in [
            (Some("ACTIVE"), Some("ACTIVE"), Some(Standing::Active)),
            (Some("ACTIVE"), None, Some(Standing::Active)),
            (None, Some("ACTIVE"), Some(Standing::Active)),
            (Some("CLOSED"), Some("SUSPENDED"), Some(not_active("CLOSED"))),
            (Some("SUSPENDED"), None, Some(not_active("SUSPENDED"))),
            (None, Some("PENDING_CLOSURE"), Some(not_active("PENDING_CLOSURE"))),
            (Some("ACTIVE"), Some("SUSPENDED"), None),
            (Some("CLOSED"), Some("ACTIVE"), None),
            (Some("PENDING_ACTIVATION"), Some("ACTIVE"), None),
            (Some("NEW"), Some("SUSPENDED"), None),
            (Some("SUSPENDED"), Some("NEW"), None),
            (None, None, None),
        ] {
            let found = standing(state.map(State::from).as_ref(), status.map(Status::from).as_ref());
            match expected {
                Some(expected) => assert_eq!(found, expected, "{state:?} {status:?}"),
                None => assert!(matches!(found, Standing::Unclear(_)), "{state:?} {status:?}: {found:?}"),
            }
        }
    }
}
