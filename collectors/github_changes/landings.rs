//! From the steps of a repository's production branches to changes: which pull request brought each,
//! and what came without one.

use super::activity::Apps;
use super::afterwards::Tickets;
use super::by_hand::{self, ByHand};
use super::chain::Step;
use super::compare::{self, Range};
use super::content::{self, Likeness};
use super::fragments::Fragments;
use super::graphql::{self, Commits};
use super::memory::{Merged, Pushes};
use super::owners::{self, Paths};
use super::pull::{Known, Landed, Pull};
use super::rules::Suite;
use super::settings::{Repository, Settings};
use crate::contract::{
    ActorKind, Change, CollectError, CommitAuthor, Landing, LandingKind, Lookup, RuleOutcome, Unread,
};
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
    paths_cut: usize,
    /// Paths that pull requests touch, where they were asked for.
    touched: Paths,
    ids: BTreeSet<String>,
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
            match compare::read(client, &repository.name, &step.before, &step.row.after).await {
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
        let landing = Arrival { repository, step, background, pushed: &pushed, apps, tickets };
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
fn by_hand(step: &Step) -> bool {
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

/// One step on its way to changes.
struct Arrival<'a> {
    repository: &'a str,
    step: &'a Step,
    background: &'a Background,
    /// What pushed merges are to their pull requests.
    pushed: &'a ByHand,
    apps: Apps<'a>,
    /// What names a ticket, where reviews after the fact are read.
    tickets: Option<&'a Tickets>,
}

impl Arrival<'_> {
    fn single(&self, commits: &Commits, found: &mut Found) {
        match commits.get(&self.step.row.after) {
            Some(Ok(landed)) => landed.merged().for_each(|pull| self.pull(pull, landed, true, found)),
            Some(Err(unread)) => self.failed(&self.step.row.after, unread, found),
            None => self.failed(&self.step.row.after, &unasked(&self.step.row.after), found),
        }
    }

    /// Several pull requests, commits without one, or both.
    fn several(&self, range: &Range, commits: &Commits, found: &mut Found) {
        let mut read = Vec::new();
        for oid in &range.walk {
            match commits.get(oid) {
                Some(Ok(landed)) => read.push(landed),
                Some(Err(unread)) => self.failed(oid, unread, found),
                None => self.failed(oid, &unasked(oid), found),
            }
        }
        let merged = read.iter().flat_map(|landed| landed.merged().map(move |pull| (*landed, pull)));
        let pulls: Vec<(&Landed, &Pull)> = merged.filter(|(landed, pull)| self.brought(pull, landed, found)).collect();
        let own = |pull: &Pull| pull.base_ref_name == self.step.branch;
        let came_with = |landed: &Landed, pull: &Pull| !by_hand(self.step) && landed.came_with(pull.number);
        let covered = |landed: &Landed| {
            pulls.iter().any(|(merge, pull)| {
                merge.oid == landed.oid || own(pull) && (pull.holds(&landed.oid) || came_with(landed, pull))
            })
        };
        let rest = read.iter().any(|landed| !covered(landed));
        if rest || range.walk.is_empty() || self.step.kind == LandingKind::ForcePush {
            self.direct(range, commits, found);
        }
    }

    /// Whether the pull request brought the commit that it was merged as, and hands it over if it did, or if that
    /// could not be read. One that did not is counted, and nothing more: what landed is something else.
    fn brought(&self, pull: &Pull, landed: &Landed, found: &mut Found) -> bool {
        match self.pushed.likeness(self.step, landed, pull) {
            Ok(Likeness::Different) => {
                if let Some(at) = pull.merged_at() {
                    let merged = Merged { number: pull.number, at };
                    found.merged.entry(self.step.branch.clone()).or_default().insert(merged);
                }
                found.limitations.push(format!(
                    "{}: pull request {} counts as merged by {}, a merge that was pushed and brings something else than \
                     the pull request holds; it is taken for a push without one",
                    self.repository,
                    pull.number,
                    short(&landed.oid)
                ));
                return false;
            }
            Ok(likeness) => self.pull(pull, landed, likeness == Likeness::Same, found),
            Err(unread) => self.failed(&landed.oid, &unread, found),
        }
        true
    }

    fn pull(&self, pull: &Pull, landed: &Landed, same_as_landed: bool, found: &mut Found) {
        let states = self.background.states.get(&self.step.branch).map_or(&[][..], Vec::as_slice);
        let (pushes, rule, apps) = (&self.background.pushes, self.rule(), self.apps);
        let known = Known { pushes, states, rule, same_as_landed, apps };
        let read = pull.neutral(&known).and_then(|neutral| {
            let after = self.tickets.map(|tickets| pull.reviewed_after(neutral.merged_at, tickets)).transpose()?;
            Ok((neutral, after.unwrap_or_default()))
        });
        let (neutral, post_hoc) = match read {
            Ok(read) => read,
            Err(why) => {
                let what = format!("repository {}: pull request {}", self.repository, pull.number);
                let hint = Some("look at the sealed exchange".to_owned());
                return self.failed(&landed.oid, &Unread { what, why, permission: None, hint }, found);
            }
        };
        if neutral.base == self.step.branch {
            let merged = Merged { number: pull.number, at: neutral.merged_at };
            found.merged.entry(self.step.branch.clone()).or_default().insert(merged);
        }
        let id = format!("{}#{}@{}", self.repository, pull.number, short(&landed.oid));
        // A forced push can bring a merge back; it is a change of its own already.
        if !found.ids.insert(id.clone()) {
            return;
        }
        found.touched.insert(id.clone(), pull.touched());
        let mut change = self.change(id, pull.url.clone(), Lookup::Found(Box::new(neutral)));
        change.post_hoc = post_hoc;
        if by_hand(self.step) {
            change.authors = landed.people().collect();
        }
        if self.step.kind == LandingKind::MergeQueueMerge
            && let Some(person) = pull.enqueuer()
        {
            change.landing.actor = Some(person);
        }
        found.changes.push(change);
    }

    fn direct(&self, range: &Range, commits: &Commits, found: &mut Found) {
        let landed = commits.get(&self.step.row.after).and_then(|landed| landed.as_ref().ok());
        let after = self.tickets.zip(landed).map(|(tickets, landed)| landed.reviewed_after(tickets)).transpose();
        let post_hoc = match after {
            Ok(after) => after.unwrap_or_default(),
            Err(why) => {
                let what = format!("repository {}: comments on commit {}", self.repository, self.step.row.after);
                found.unread.push(Unread { what, why, permission: None, hint: None });
                Vec::new()
            }
        };
        let id = found.unique(format!("{}@{}", self.repository, short(&self.step.row.after)));
        found.paths_cut += usize::from(range.paths.is_none());
        let mut change = self.change(id, range.url.clone(), Lookup::None);
        change.paths = range.paths.clone();
        change.authors = self.authors(range, commits, found);
        change.post_hoc = post_hoc;
        found.changes.push(change);
    }

    /// Everybody who wrote or committed what landed. Co-authors are not known of commits that were not looked up.
    fn authors(&self, range: &Range, commits: &Commits, found: &mut Found) -> Vec<CommitAuthor> {
        let mut authors = range.people.clone();
        for oid in &range.all {
            match commits.get(oid) {
                Some(Ok(landed)) => landed.people().for_each(|who| compare::add(&mut authors, who)),
                Some(Err(unread)) => {
                    compare::add(&mut authors, CommitAuthor { login: None });
                    if !found.unread.contains(unread) {
                        found.unread.push(unread.clone());
                    }
                }
                None if by_hand(self.step) => compare::add(&mut authors, CommitAuthor { login: None }),
                None => {}
            }
        }
        authors
    }

    fn failed(&self, oid: &str, unread: &Unread, found: &mut Found) {
        let id = found.unique(format!("{}@{}", self.repository, short(oid)));
        // Nobody said where it can be looked at.
        let url = oid.to_owned();
        found.changes.push(self.change(id, url, Lookup::Failed(unread.why.clone())));
        found.unread.push(unread.clone());
    }

    fn change(&self, id: String, url: String, pull_request: Lookup) -> Change {
        let row = &self.step.row;
        Change {
            id,
            repository: self.repository.to_owned(),
            branch: self.step.branch.clone(),
            url,
            landing: Landing {
                kind: self.step.kind,
                actor: row.actor.as_ref().map(|actor| actor.actor_among(self.apps)),
                at: row.timestamp,
                before: self.step.before.clone(),
                after: row.after.clone(),
            },
            paths: None,
            authors: Vec::new(),
            pull_request,
            post_hoc: Vec::new(),
        }
    }

    fn rule(&self) -> RuleOutcome {
        match self.background.bypasses.get(&self.step.branch) {
            Some(bypasses) if bypasses.iter().any(|suite| suite.after_sha == self.step.row.after) => {
                RuleOutcome::Bypass
            }
            Some(_) if self.step.row.timestamp >= self.background.bypasses_since => RuleOutcome::Pass,
            Some(_) => RuleOutcome::OutOfReach,
            None => RuleOutcome::NotRead,
        }
    }
}

impl Found {
    /// The same commit can arrive twice, by a forced push back and forth.
    fn unique(&mut self, id: String) -> String {
        let free =
            (1..).map(|n| if n == 1 { id.clone() } else { format!("{id}~{n}") }).find(|id| !self.ids.contains(id));
        let id = free.unwrap_or(id);
        self.ids.insert(id.clone());
        id
    }
}

fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}

fn unasked(oid: &str) -> Unread {
    Unread { what: format!("commit {oid}"), why: "was not asked for".to_owned(), permission: None, hint: None }
}
