//! From the steps of a repository's production branches to changes: which pull request brought each,
//! and what came without one.

use super::afterwards::Tickets;
use super::arrival::Arrival;
use super::by_hand;
use super::chain::Step;
use super::compare::{self, Range};
use super::content;
use super::fragments::Fragments;
use super::graphql::{self, Commits};
use super::memory::{Merged, Pushes};
use super::owners::{self, Paths};
use super::rules::Suite;
use super::settings::{Repository, Settings};
use crate::contract::{ActorKind, Change, CollectError, LandingKind, Lookup, Unread};
use crate::sources::github::client::{Client, malformed};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a repository before its landings are looked up.
pub(super) struct Background {
    /// Who pushed which head.
    pub pushes: Pushes,
    /// Former states of the production branches.
    pub states: BTreeMap<String, Vec<String>>,
    /// Bypasses by branch; a branch is missing where they were not read.
    pub bypasses: BTreeMap<String, Vec<Suite>>,
    /// The oldest landing that bypasses are known of.
    pub bypasses_since: DateTime<Utc>,
    /// The branch that ids do not name: `RepositoryMemory::home`.
    pub home: Option<String>,
}

/// The changes, and what could not be read of them.
#[derive(Default)]
pub(super) struct Found {
    pub changes: Vec<Change>,
    pub unread: Vec<Unread>,
    /// Pull requests that were merged into their own branch, by branch.
    pub merged: BTreeMap<String, BTreeSet<Merged>>,
    /// What this reading cannot tell.
    pub limitations: Vec<String>,
    /// Updates whose paths GitHub cut off.
    pub(super) paths_cut: usize,
    /// Paths that pull requests touch, where they were asked for.
    pub(super) touched: Paths,
    pub(super) ids: BTreeSet<String>,
}

/// Looks the steps up. Fails as a whole only without sign-in.
pub(super) async fn read(
    client: &Client,
    (repository, settings): (&Repository, &Settings),
    steps: &[Step],
    background: &Background,
) -> Result<Found, CollectError> {
    let fragments = Fragments::of(settings);
    let tickets = settings.emergency_ticket.as_deref().map(Tickets::of).transpose();
    let tickets = tickets.map_err(|why| malformed("emergency_ticket", why))?;
    let asked = (settings.batch, &fragments);
    let merges = |step: &&Step| matches!(step.kind, LandingKind::PrMerge | LandingKind::MergeQueueMerge);
    let wanted = distinct(steps.iter().filter(merges).map(|step| step.row.after.clone()), &Commits::new());
    let mut commits = graphql::commits(client, repository, &wanted, asked).await?;
    let mut ranges: Vec<Option<Result<Range, Unread>>> = Vec::new();
    for step in steps {
        ranges.push(if single(step, &commits) {
            None
        } else {
            let forced = step.kind == LandingKind::ForcePush;
            match compare::read(client, &repository.name, (&step.before, &step.row.after), forced).await {
                Ok(range) => Some(Ok(range)),
                Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
                Err(error) => Some(Err(error.unread().swap_remove(0))),
            }
        });
    }
    let read = || steps.iter().zip(&ranges).filter_map(|(step, range)| Some((step, range.as_ref()?.as_ref().ok()?)));
    // Of what was pushed, who wrote each commit, also those that a merge brought.
    let walked = read().flat_map(|(step, range)| if by_hand(step) { &range.all } else { &range.walk }).cloned();
    commits.extend(graphql::commits(client, repository, &distinct(walked, &commits), asked).await?);
    let pushed = by_hand::compare(client, repository, read(), &commits).await?;
    let mut found = Found::default();
    for (step, range) in steps.iter().zip(&ranges) {
        let tickets = tickets.as_ref();
        let (repository, apps) = (&repository.name, settings.apps());
        let landing = Arrival { repository, step, background, pushed: &pushed, apps, tickets, as_of: client.as_of };
        match range {
            None => landing.single(&commits, &mut found),
            Some(Ok(range)) => landing.several(range, &commits, &mut found),
            Some(Err(unread)) => landing.failed(&step.row.after, unread, &mut found),
        }
    }
    look_closer(client, (repository, settings), &mut found).await?;
    Ok(found)
}

/// What takes further questions about the pull requests found.
async fn look_closer(
    client: &Client,
    (repository, settings): (&Repository, &Settings),
    found: &mut Found,
) -> Result<(), CollectError> {
    let name = &repository.name;
    if found.paths_cut > 0 {
        let cut = found.paths_cut;
        found
            .limitations
            .push(format!("{name}: {cut} updates touch 300 paths or more, which GitHub does not list in full"));
    }
    let compared = content::compare_approved(client, repository, &mut found.changes).await?;
    found.unread.extend(compared.unread);
    if compared.not_compared > 0 {
        let approvals = compared.not_compared;
        found.limitations.push(format!(
            "{name}: for {approvals} approved commits it could not be shown whether they are what was merged: GitHub \
             does not have them any more, or they touch 300 paths or more"
        ));
    }
    found.limitations.extend(unlisted_apps(name, &found.changes));
    if settings.code_owners {
        let read = owners::read(client, repository, &mut found.changes, &found.touched).await?;
        found.unread.extend(read.unread);
        found.limitations.extend(read.limitations);
    }
    Ok(())
}

/// Apps that wrote pull requests and of which the settings say nothing.
fn unlisted_apps(name: &str, changes: &[Change]) -> Option<String> {
    let author = |change: &Change| match &change.pull_request {
        Lookup::Found(pull) => pull.author.clone(),
        Lookup::None | Lookup::Failed(_) => None,
    };
    let authors = changes.iter().filter_map(author).filter(|author| author.kind == ActorKind::Unknown);
    let apps: BTreeSet<String> =
        authors.filter_map(|author| Some(author.login.strip_suffix("[bot]")?.to_owned())).collect();
    let apps: Vec<String> = apps.into_iter().collect();
    (!apps.is_empty()).then(|| {
        format!(
            "{name}: nobody says whether somebody starts the apps that wrote pull requests: {}; hint: name each in agents, \
             if somebody does, or in automation",
            apps.join(", ")
        )
    })
}

/// Whether somebody pushed it, and not GitHub.
pub(super) fn by_hand(step: &Step) -> bool {
    matches!(step.kind, LandingKind::Push | LandingKind::ForcePush)
}

fn distinct(oids: impl Iterator<Item = String>, known: &Commits) -> Vec<String> {
    let mut seen = BTreeSet::new();
    oids.filter(|oid| !known.contains_key(oid) && seen.insert(oid.clone())).collect()
}

/// Whether the step is one merge, so that its last commit tells everything; also where that commit could
/// not be read.
fn single(step: &Step, commits: &Commits) -> bool {
    match (step.kind, commits.get(&step.row.after)) {
        (LandingKind::PrMerge | LandingKind::MergeQueueMerge, Some(Err(_))) => true,
        (LandingKind::PrMerge, Some(Ok(landed))) => landed.merged().next().is_some(),
        (LandingKind::MergeQueueMerge, Some(Ok(landed))) => {
            landed.first_parent() == Some(&step.before) && landed.merged().next().is_some()
        }
        _ => false,
    }
}

impl Found {
    /// The same commit can arrive twice, by a forced push back and forth.
    pub(super) fn unique(&mut self, id: String) -> String {
        let free =
            (1..).map(|n| if n == 1 { id.clone() } else { format!("{id}~{n}") }).find(|id| !self.ids.contains(id));
        let id = free.unwrap_or(id);
        self.ids.insert(id.clone());
        id
    }
}
