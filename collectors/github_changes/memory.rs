//! What a complete run leaves for the next one (`Population::carry`): where each branch was, the
//! answer that `304` refers to, who pushed the heads that have not landed yet, and which landings wait for a
//! review after the fact.

use super::chain::Step;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Pushes that are kept per ref and per repository; the oldest go first.
const OF_REF_MAX: usize = 50;
const PUSHES_MAX: usize = 2_000;
/// Former states of one production branch that are kept.
const STATES_MAX: usize = 500;

/// All of it, by repository name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    pub repositories: BTreeMap<String, RepositoryMemory>,
    /// By organisation, in lower case: every repository that its list had, in scope or not, with
    /// GitHub's number for it. Absent in what version 1 left.
    #[serde(default)]
    pub organizations: BTreeMap<String, BTreeMap<String, u64>>,
}

/// What is remembered of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositoryMemory {
    /// `ETag` of the first page of the whole activity log; none if that page held updates that are yet to be
    /// handed over.
    pub etag: Option<String>,
    /// Updates before this instant have been handed over.
    pub read_to: DateTime<Utc>,
    /// Production branches, by name.
    pub branches: BTreeMap<String, BranchMemory>,
    /// Who pushed what to which ref.
    pub pushes: Pushes,
    /// GitHub's number for it, which it keeps when it is renamed. Absent in what version 1 left, as the next two.
    #[serde(default)]
    pub id: Option<u64>,
    /// The organisation whose list brought it into scope; none if the configuration names it.
    #[serde(default)]
    pub organization: Option<String>,
    /// Its default branches, the present one and former ones that are still there.
    #[serde(default)]
    pub defaults: Vec<String>,
    /// The default branch when the repository was first read: ids of what landed there without a pull request do not
    /// name it. It stays the same, so that no landing on another branch ever gets the id of one there.
    #[serde(default)]
    pub home: Option<String>,
    /// What nobody has reviewed and later runs look at again, by the id of the change. Absent in what earlier
    /// versions left.
    #[serde(default)]
    pub unreviewed: BTreeMap<String, Unreviewed>,
}

/// A landing that was handed over without a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unreviewed {
    /// The update that brought it, as the activity log had it.
    pub step: Step,
    /// The pull request's number; none for commits that came without one.
    pub pull: Option<u64>,
    /// Who pushed its commits; the branch that they were pushed to may be deleted.
    pub pushes: Pushes,
}

/// By ref, who made which commit its head, oldest first.
pub(super) type Pushes = BTreeMap<String, BTreeSet<Push>>;

/// That somebody made a commit a ref's head. Ordered by time first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    /// When.
    pub at: DateTime<Utc>,
    /// The commit.
    pub oid: String,
    /// Login; `None` for a deleted account.
    pub by: Option<String>,
    /// Whether the ref was made with it. That may be its first push, or bring back what was deleted.
    pub made: bool,
}

/// Where a production branch was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BranchMemory {
    /// The last state handed over; zeros while the branch is deleted.
    pub head: String,
    /// The last state with content, for a branch that was deleted and made again.
    pub content: Option<String>,
    /// The row that led to `head`, if one was seen.
    pub row: Option<u64>,
    /// That row's time, or the instant since when the branch is read.
    pub at: DateTime<Utc>,
    /// Merged pull requests are reconciled up to and with this second.
    pub counted_to: DateTime<Utc>,
    /// Pull requests handed over whose merge is later than that.
    pub uncounted: Vec<Merged>,
    /// Former states, oldest first.
    pub states: Vec<String>,
}

/// A merged pull request that waits for its reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merged {
    /// Its number.
    pub number: u64,
    /// When it was merged.
    pub at: DateTime<Utc>,
}

/// Keeps the newest pushes.
pub(super) fn bound_pushes(pushes: &mut Pushes) {
    for of_ref in pushes.values_mut() {
        while of_ref.len() > OF_REF_MAX {
            of_ref.pop_first();
        }
    }
    let mut all: Vec<(Push, String)> = Vec::new();
    for (reference, of_ref) in pushes.iter() {
        all.extend(of_ref.iter().map(|push| (push.clone(), reference.clone())));
    }
    all.sort();
    let surplus = all.len().saturating_sub(PUSHES_MAX);
    for (push, reference) in all.into_iter().take(surplus) {
        pushes.entry(reference).or_default().remove(&push);
    }
    pushes.retain(|_, of_ref| !of_ref.is_empty());
}

/// Keeps the newest states.
pub(super) fn bound_states(states: &mut Vec<String>) {
    let surplus = states.len().saturating_sub(STATES_MAX);
    states.drain(..surplus);
}
