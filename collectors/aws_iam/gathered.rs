//! What the accounts gave, together: one population, or what there is of it.

use super::account::{Answers, Concluded};
use super::memory::{Held, Memory};
use super::settings::{Registers, Settings};
use crate::contract::{
    AccountState, CollectError, Ipe, Items, Partial, Population, Principal, PrincipalDetail, Unread, Whole, carry,
};
use crate::sources::aws::accounts::AccountSettings;
use crate::sources::aws::nothing_read;
use crate::sources::aws::organization::Scope;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// What no interface of AWS tells.
const SIGN_IN_ELSEWHERE: &str = "users of IAM Identity Center and of identity providers are not listed one by one, and AWS cannot see their factors";
const NOBODY_ASKED: &str = "nobody asked AWS which accounts there are: no organization is configured, so the accounts are those of the settings";

/// An account as an item of its own, its principals not read.
fn itself(account: &AccountSettings, number: Option<&str>, state: AccountState) -> Principal {
    Principal {
        id: format!("{0}:account", account.key(number)),
        account: account.key(number).to_owned(),
        name: account.name.clone(),
        owner: None,
        report_at: None,
        detail: PrincipalDetail::Account { state, read: false },
    }
}

/// What the accounts gave, one after the other.
#[derive(Default)]
pub(super) struct Gathered {
    all: Concluded,
    /// For each account, how many principals it should have.
    expected: Vec<Option<u64>>,
    claimed: Vec<String>,
    found: Vec<String>,
    identity: Vec<String>,
    numbers: BTreeSet<String>,
    /// Numbers of accounts that were not read, of which something else says why.
    accounted_for: BTreeSet<String>,
    memory: Memory,
    report_at: Option<DateTime<Utc>>,
    failures: Vec<CollectError>,
}

impl Gathered {
    /// No organisation is configured.
    pub(super) fn no_organization(&mut self) {
        self.all.limitations.push(NOBODY_ASKED.to_owned());
    }

    /// The organisation's list was read to its end.
    pub(super) fn organization(&mut self, identity: String, pages: u32) {
        self.identity.push(identity);
        self.all.whole.push(Whole::last_page("organization: organizations:ListAccounts", pages));
    }

    /// The organisation's list could not be read: nobody knows which accounts there are.
    pub(super) fn organization_unread(&mut self, error: CollectError) {
        self.all.unread.extend(error.unread());
        self.expected.push(None);
        self.failures.push(error);
    }

    /// What is known of the accounts before any is asked.
    pub(super) fn scope(&mut self, scope: &Scope) {
        self.claimed.extend(scope.read.iter().map(|account| account.title(None)));
        self.accounted_for.extend(scope.read.iter().filter_map(|account| account.account_id.clone()));
        for (account, why) in &scope.not_active {
            let title = account.title(None);
            self.all.filters.push(format!("account {title}: {why}"));
            self.claimed.push(title);
            self.itself(account, AccountState::Suspended, Some(1));
        }
        for (account, unread) in &scope.unread {
            self.claimed.push(account.title(None));
            self.all.unread.push(unread.clone());
            self.itself(account, AccountState::Active, None);
        }
        self.all.unread.extend(scope.nobody.clone());
        self.accounted_for.extend(scope.excluded.iter().cloned());
        self.all.filters.extend(scope.filters.iter().cloned());
        self.all.limitations.extend(scope.limitations.iter().cloned());
    }

    fn itself(&mut self, account: &AccountSettings, state: AccountState, expected: Option<u64>) {
        self.accounted_for.extend(account.account_id.clone());
        self.all.principals.push(itself(account, None, state));
        self.expected.push(expected);
    }

    /// An account that was read.
    pub(super) fn read(&mut self, account: &AccountSettings, answers: Answers, registers: &Registers) {
        let title = account.title(Some(&answers.caller.account));
        let what = format!("account {title}");
        self.identity.push(answers.caller.arn.clone());
        if !self.numbers.insert(answers.caller.account.clone()) {
            // Its principals are there already, under the same ids.
            let why = "is the same account as one named before it".to_owned();
            let hint = Some("give each account its own credential, and its account_id".to_owned());
            self.all.unread.push(Unread { what, why, permission: None, hint });
            return;
        }
        self.found.push(title);
        self.report_at = self.report_at.into_iter().chain([answers.report_at]).min();
        let number = answers.caller.account.clone();
        let one = answers.conclude(&what, registers);
        let held = Held { name: account.name.clone(), users: one.users, principals: one.principals.len() as u64 };
        self.memory.note(number, held);
        self.expected.push(one.expected);
        self.all.providers.extend(one.providers);
        self.all.principals.extend(one.principals);
        self.all.whole.extend(one.whole);
        self.all.unread.extend(one.unread);
        self.all.reconciliations.extend(one.reconciliations);
        self.all.filters.extend(one.filters);
        self.all.limitations.extend(one.limitations);
    }

    /// An account that could not be read.
    pub(super) fn unread(&mut self, account: &AccountSettings, number: Option<&str>, error: CollectError) {
        self.all.unread.extend(error.unread());
        self.accounted_for.extend(number.map(str::to_owned));
        self.all.principals.push(itself(account, number, AccountState::Active));
        self.expected.push(None);
        self.failures.push(error);
    }

    /// The population, or what of it there is. `before` is what the last complete run held.
    pub(super) fn into_population(
        mut self,
        ipe: Ipe,
        before: &Memory,
        settings: &Settings,
        registers: &Registers,
    ) -> Result<Population, CollectError> {
        if let Some(error) = nothing_read(&self.found, &self.failures) {
            return Err(error);
        }
        self.all.unread.extend(before.lost(&self.memory, &self.accounted_for, &settings.confirmed_users));
        self.all.limitations.extend(registers.providers.limitations(&self.all.providers, ipe.as_of));
        self.all.limitations.push(SIGN_IN_ELSEWHERE.to_owned());
        let Concluded { principals, whole, unread, reconciliations, filters, limitations, .. } = self.all;
        let ipe = Ipe {
            api_version: Some("2010-05-08".to_owned()),
            identity: self.identity,
            as_of: self.report_at.unwrap_or(ipe.as_of),
            scope_claimed: self.claimed,
            scope_found: self.found,
            filters,
            limitations,
            reconciliations,
            ..ipe
        };
        let items = Items::Principals(principals);
        if unread.is_empty() {
            return Population::new(items, whole, ipe, Some(carry::write(&self.memory)?));
        }
        Err(Partial::of(items, self.expected.into_iter().sum(), unread, ipe, None))
    }
}
