//! AWS, as kinds ask it: `accounts` is what configurations of all these kinds have alike, `organization` which accounts
//! there are, `caller` which one a credential leads to, `paging` when a list has ended, `refusal` what errors mean,
//! `rights` what a credential may do, `xml` the elements of an answer with their paths.

pub(crate) mod accounts;
pub(crate) mod caller;
pub(crate) mod organization;
pub(crate) mod paging;
pub(crate) mod refusal;
pub(crate) mod rights;
pub(crate) mod xml;

use crate::contract::{CollectError, Ipe, RequestSummary};
use std::collections::{BTreeMap, BTreeSet};

/// A list that is whole.
pub(crate) struct List<T> {
    /// Its items, as listed.
    pub(crate) items: Vec<T>,
    /// How many pages it took.
    pub(crate) pages: u32,
}

/// Where nothing at all was read, and for want of a credential or an answer, that is the error. `found` are the accounts
/// that were, `failures` those that were not.
pub(crate) fn nothing_read(found: &[String], failures: &[CollectError]) -> Option<CollectError> {
    let [first, rest @ ..] = failures else { return None };
    let same = rest.iter().all(|other| other.word() == first.word());
    let plain = matches!(first, CollectError::Unauthenticated { .. } | CollectError::Unavailable { .. });
    (found.is_empty() && same && plain).then(|| first.clone())
}

/// What the door knows of each account, in one block. `base` has the times.
pub(crate) fn merged(source: &str, base: Ipe, accounts: impl Iterator<Item = Ipe>) -> Ipe {
    let mut all = Ipe { source: source.to_owned(), ..base };
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
