//! The second look: a review after the fact mostly comes after the run that read its landing, so landings that
//! nobody approved in time are looked up again by later runs. Which those are is a matter of facts; whether a
//! review counts is judged elsewhere.

use super::chain::Step;
use super::landings::{self, Background, Found};
use super::memory::{Push, Pushes, RepositoryMemory, Unreviewed};
use super::repository::Read;
use super::rules;
use super::settings::{Repository, Settings};
use crate::contract::{ActorKind, Change, CollectError, Lookup, ReviewState};
use crate::sources::github::client::Client;
use chrono::{DateTime, Duration, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A landing that is older at a run is not left for the next one. No policy allows a review more time.
pub(super) const DAYS: i64 = 7;
/// Landings of one repository that are looked at again; the oldest go first.
const LANDINGS_MAX: usize = 500;

/// By the id of the change.
type Waiting = BTreeMap<String, Unreviewed>;

/// Hands over again what the run before left, and leaves for the next run what nobody has reviewed. `steps` are
/// those of this run, `found` what came of them. The count of merged pull requests stays that of this run.
pub(super) async fn look(
    client: &Client,
    (repository, settings): (&Repository, &Settings),
    known: Option<&RepositoryMemory>,
    (steps, background): (&[Step], Background),
    (found, read): (&mut Found, &mut Read),
) -> Result<(), CollectError> {
    read.memory.unreviewed = Waiting::new();
    if settings.emergency_ticket.is_none() {
        return Ok(());
    }
    let fresh = fresh(&found.changes, steps, &background.pushes);
    let handed: BTreeSet<&String> = found.changes.iter().map(|change| &change.id).collect();
    // What this run brought anew under the same id, by a forced push, is newer. A branch may have left the scope.
    let left = known.into_iter().flat_map(|known| &known.unreviewed);
    let left = left.filter(|(id, was)| !handed.contains(id) && repository.branches.contains(&was.step.branch));
    let mut waiting: Waiting = left.map(|(id, was)| (id.clone(), was.clone())).collect();
    if !waiting.is_empty() {
        let (name, count) = (&repository.name, waiting.len());
        read.filters.push(format!(
            "{name}: beside what landed in the window, {count} landings of earlier runs that had no approval in time \
             are looked up again for reviews after the fact"
        ));
        let second = look_up(client, (repository, settings), &waiting, background).await?;
        // Not to `found.unread`: what this run found is whole, and is counted.
        read.unread.extend(second.unread);
        found.limitations.extend(second.limitations);
        for change in second.changes.iter().filter(|change| !awaits_review(change)) {
            waiting.remove(&change.id);
        }
        found.changes.extend(second.changes);
    }
    waiting.extend(fresh);
    found.limitations.extend(bound(&repository.name, &mut waiting, client.as_of));
    read.memory.unreviewed = waiting;
    Ok(())
}

/// Looks remembered landings up, as they were looked up first.
async fn look_up(
    client: &Client,
    (repository, settings): (&Repository, &Settings),
    waiting: &Waiting,
    mut background: Background,
) -> Result<Found, CollectError> {
    let name = &repository.name;
    let mut steps: Vec<Step> = Vec::new();
    background.pushes = Pushes::new();
    for was in waiting.values() {
        if !steps.contains(&was.step) {
            steps.push(was.step.clone());
        }
        for (reference, of_ref) in &was.pushes {
            background.pushes.entry(reference.clone()).or_default().extend(of_ref.iter().cloned());
        }
    }
    steps.sort_by_key(|step| (step.row.timestamp, step.row.id));
    let mut unread = Vec::new();
    let branches: BTreeSet<&String> = steps.iter().map(|step| &step.branch).collect();
    for branch in branches.into_iter().filter(|_| settings.rule_suites) {
        if background.bypasses.contains_key(branch) {
            continue;
        }
        match rules::read(client, name, branch).await {
            Ok(suites) => {
                background.bypasses.insert(branch.clone(), suites);
            }
            Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
            Err(error) => unread.extend(error.unread()),
        }
    }
    let mut second = landings::read(client, (repository, settings), &steps, &background).await?;
    second.unread.extend(unread);
    // An update may have brought others, which are done with; one that could not be read is in `unread`, and
    // stays as it was handed over.
    let of = |(id, was): (&String, &Unreviewed)| {
        let change = second.changes.iter().find(|change| was.is(change))?;
        Some(Change { id: id.clone(), ..change.clone() })
    };
    let changes: Vec<Change> = waiting.iter().filter_map(of).collect();
    let lost = waiting.len() - changes.len();
    if lost > 0 && second.unread.is_empty() {
        second.limitations.push(format!(
            "{name}: {lost} landings that were handed over are not found as they were; a review of them after the \
             fact is not seen"
        ));
    }
    second.changes = changes;
    Ok(second)
}

/// Those of this run that wait for a review.
fn fresh(changes: &[Change], steps: &[Step], pushes: &Pushes) -> Waiting {
    let by_commit = by_commit(pushes);
    let one = |change: &Change| {
        let step = steps.iter().find(|step| brought(step, change))?;
        let pull = number(change)?;
        Some((change.id.clone(), Unreviewed { step: step.clone(), pull, pushes: pushed(change, &by_commit) }))
    };
    changes.iter().filter(|change| awaits_review(change)).filter_map(one).collect()
}

impl Unreviewed {
    fn is(&self, change: &Change) -> bool {
        brought(&self.step, change) && number(change) == Some(self.pull)
    }
}

fn brought(step: &Step, change: &Change) -> bool {
    let landing = &change.landing;
    step.branch == change.branch
        && (step.kind, step.row.timestamp) == (landing.kind, landing.at)
        && (&step.before, &step.row.after) == (&landing.before, &landing.after)
}

/// The number of the pull request, if there is one; `None` where that could not be read.
fn number(change: &Change) -> Option<Option<u64>> {
    match &change.pull_request {
        Lookup::Found(pull) => Some(Some(pull.number)),
        Lookup::None => Some(None),
        Lookup::Failed(_) => None,
    }
}

/// Pushes, each with its ref, by the commit that they made a head, and when.
type ByCommit<'a> = BTreeMap<(&'a str, DateTime<Utc>), Vec<(&'a String, &'a Push)>>;

fn by_commit(pushes: &Pushes) -> ByCommit<'_> {
    let mut all = ByCommit::new();
    for (reference, of_ref) in pushes {
        for push in of_ref {
            all.entry((&push.oid, push.at)).or_default().push((reference, push));
        }
    }
    all
}

/// Who pushed the change's commits, as the activity log said it.
fn pushed(change: &Change, by_commit: &ByCommit<'_>) -> Pushes {
    let Lookup::Found(pull) = &change.pull_request else { return Pushes::new() };
    let mut kept = Pushes::new();
    for commit in &pull.commits {
        let found = commit.pushed_at.and_then(|at| by_commit.get(&(commit.oid.as_str(), at)));
        for (reference, push) in found.into_iter().flatten() {
            kept.entry((*reference).clone()).or_default().insert((*push).clone());
        }
    }
    kept
}

/// Whether there is neither an approval of before the merge, nor a review after the fact by a person who may push,
/// other than whoever landed it.
fn awaits_review(change: &Change) -> bool {
    let approved = match &change.pull_request {
        Lookup::Found(pull) => {
            pull.reviews.iter().any(|review| review.state == ReviewState::Approved && review.at <= pull.merged_at)
        }
        Lookup::None | Lookup::Failed(_) => false,
    };
    let landed_by = change.landing.actor.as_ref().map(|actor| &actor.login);
    let may = change.post_hoc.iter().filter(|review| review.can_push != Some(false));
    let by_another = may.filter_map(|review| review.reviewer.as_ref());
    let mut by_another = by_another.filter(|who| who.kind == ActorKind::User && Some(&who.login) != landed_by);
    !approved && by_another.next().is_none()
}

/// Keeps the young ones, of those the newest. Says what was cut.
fn bound(name: &str, waiting: &mut Waiting, as_of: DateTime<Utc>) -> Option<String> {
    waiting.retain(|_, was| as_of - was.step.row.timestamp < Duration::days(DAYS));
    let mut newest: Vec<(DateTime<Utc>, String)> =
        waiting.iter().map(|(id, was)| (was.step.row.timestamp, id.clone())).collect();
    newest.sort_by(|a, b| b.cmp(a));
    let cut: Vec<String> = newest.into_iter().skip(LANDINGS_MAX).map(|(_, id)| id).collect();
    cut.iter().for_each(|id| {
        waiting.remove(id);
    });
    (!cut.is_empty()).then(|| {
        format!(
            "{name}: {} landings without an approval in time are not looked at again for reviews after the fact: of \
             more than {LANDINGS_MAX}, those are the oldest",
            cut.len()
        )
    })
}
