//! What the accounts gave, together: one population, or what there is of it.

use super::account::{Answers, Concluded};
use super::settings::{AccountSettings, Registers};
use crate::contract::{AccountState, CollectError, Ipe, Items, Partial, Population, RequestSummary, Unread};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

const LIMITATION: &str =
    "IAM Identity Center users and users federated from an identity provider sign in elsewhere and are not read";

/// What the door knows of each account, in one block. `base` has the times.
pub(super) fn merged(base: Ipe, accounts: impl Iterator<Item = Ipe>) -> Ipe {
    let mut all = Ipe { source: "AWS IAM".to_owned(), ..base };
    let mut hosts = BTreeSet::new();
    let mut requests: BTreeMap<String, u32> = BTreeMap::new();
    for block in accounts {
        hosts.extend(block.hosts);
        for RequestSummary { request, count } in block.requests {
            *requests.entry(request).or_default() += count;
        }
        all.clock_skew_ms = all.clock_skew_ms.into_iter().chain(block.clock_skew_ms).max_by_key(|ms| ms.abs());
    }
    all.hosts = hosts.into_iter().collect();
    all.requests = requests.into_iter().map(|(request, count)| RequestSummary { request, count }).collect();
    all
}

/// What the accounts gave, one after the other.
#[derive(Default)]
pub(super) struct Gathered {
    all: Concluded,
    /// For each account, how many principals it should have.
    expected: Vec<Option<u64>>,
    /// What the configuration has in scope.
    pub(super) claimed: Vec<String>,
    found: Vec<String>,
    identity: Vec<String>,
    numbers: BTreeSet<String>,
    report_at: Option<DateTime<Utc>>,
    failures: Vec<CollectError>,
}

impl Gathered {
    /// An account that nobody was asked about.
    pub(super) fn suspended(&mut self, account: &AccountSettings) {
        let title = account.title(None);
        self.all.filters.push(format!("account {title}: suspended by configuration, so nobody was asked"));
        self.all.principals.push(account.itself(None, AccountState::Suspended));
        self.expected.push(Some(1));
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
        let one = answers.conclude(&what, registers);
        self.expected.push(one.expected);
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
        self.all.principals.push(account.itself(number, AccountState::Active));
        self.expected.push(None);
        self.failures.push(error);
    }

    /// Where nothing at all was read, and for want of a credential or an answer, that is the error.
    fn nothing_read(&self) -> Option<CollectError> {
        let [first, rest @ ..] = self.failures.as_slice() else { return None };
        let same = rest.iter().all(|other| other.word() == first.word());
        let plain = matches!(first, CollectError::Unauthenticated { .. } | CollectError::Unavailable { .. });
        (self.found.is_empty() && same && plain).then(|| first.clone())
    }

    /// The population, or what of it there is.
    pub(super) fn into_population(self, ipe: Ipe) -> Result<Population, CollectError> {
        if let Some(error) = self.nothing_read() {
            return Err(error);
        }
        let Concluded { principals, whole, unread, reconciliations, filters, mut limitations, .. } = self.all;
        limitations.push(LIMITATION.to_owned());
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
            return Population::new(items, whole, ipe, None);
        }
        Err(Partial::of(items, self.expected.into_iter().sum(), unread, ipe))
    }
}
