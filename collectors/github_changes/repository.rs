//! The line that one repository goes through in one run.

use super::activity::{self, Activity, Log, Row, Rows, ZERO};
use super::again;
use super::chain::{self, Chain, Former, Step};
use super::landings::{self, Background, Found};
use super::memory::{BranchMemory, Merged, Push, Pushes, RepositoryMemory, bound_pushes};
use super::rules::{self, Suite};
use super::scope::Target;
use super::settings::{Repository, Settings};
use super::state::{self, State, Stretch};
use crate::contract::{Change, CollectError, Reconciliation, Unread, Whole, Window};
use crate::sources::github::client::Client;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Updates this much older than the last run are read again, for they can turn up late.
pub(super) const LATE: Duration = Duration::hours(1);
/// A merge this young may not be in GitHub's search yet; the next run counts it.
const SETTLED: Duration = Duration::minutes(2);

/// What came of one repository.
pub(super) struct Read {
    pub changes: Vec<Change>,
    pub whole: Vec<Whole>,
    pub unread: Vec<Unread>,
    pub totals: Vec<Reconciliation>,
    pub identity: Option<String>,
    pub filters: Vec<String>,
    pub limitations: Vec<String>,
    pub memory: RepositoryMemory,
}

/// Reads one repository. An error means that nothing of it could be read.
pub(super) async fn read(
    client: &Client,
    settings: &Settings,
    target: &Target<'_>,
    window: Window,
) -> Result<Read, CollectError> {
    let Target { repository, known, .. } = target;
    let (name, known) = (&repository.name, *known);
    // A branch that was gone is looked at again: `304` would say nothing of it.
    let there = |known: &RepositoryMemory, branch| known.branches.get(branch).is_some_and(|b| b.head != ZERO);
    let complete = known.filter(|known| repository.branches.iter().all(|branch| there(known, branch)));
    let since = known.map_or(window.start, |known| window.start.min(known.read_to - LATE));
    // Also where every branch's state is known: one that was moved, and moved back since, would look as if
    // nothing had happened, once both are forgotten.
    let period = activity::time_period(name, client.as_of, since)?;
    let period = if complete.is_some() { None } else { Some(period) };
    let etag = complete.and_then(|known| known.etag.as_deref());
    let mut log = match activity::read(client, name, period, etag, |row| row.timestamp < since).await? {
        Log::Rows(rows) => rows,
        Log::Unchanged => return unchanged(client, (repository, settings), complete, window).await,
    };
    let stretches = stretches(client, repository, known, window);
    let state = state::read(client, repository, &stretches).await?;
    same_repository(name, target, state.id)?;
    let fresh = catch_up(client, repository, (known, period), &mut log, &state).await?;
    let mut read = Read {
        changes: Vec::new(),
        whole: vec![Whole::last_page(format!("{name}: activity log"), log.pages)],
        unread: Vec::new(),
        totals: Vec::new(),
        identity: Some(state.identity.clone()),
        filters: Vec::new(),
        limitations: Vec::new(),
        memory: RepositoryMemory {
            id: Some(state.id),
            home: known.and_then(|known| known.home.clone()).or_else(|| state.default.clone()),
            ..remembered(known, period, &log, window)
        },
    };
    let by_branch: BTreeMap<&str, Vec<Row>> =
        repository.branches.iter().map(|branch| (branch.as_str(), of_branch(&log.rows, branch))).collect();
    let mut chains = BTreeMap::new();
    for branch in &repository.branches {
        let head = state.heads.get(branch).and_then(Option::as_deref).unwrap_or(ZERO);
        let was = known.and_then(|known| known.branches.get(branch));
        let what = format!("{name}: updates of {branch}");
        match chain::link(&what, &by_branch[branch.as_str()], was, window, (head, &fresh)) {
            Ok(chain) => {
                read.whole.push(chain.whole.clone());
                read.memory.branches.insert(branch.clone(), chain.remember(was, window));
                chains.insert(branch.as_str(), chain);
            }
            Err(unread) => read.unread.push(unread),
        }
    }
    let former = former(target, &read.memory, (&chains, window));
    let context = (known, former.as_ref(), window, log.rows.as_slice(), &chains);
    let found = changes(client, settings, repository, context, &mut read).await?;
    for branch in chains.keys().filter(|_| found.unread.is_empty()) {
        reconcile(name, branch, stretches.get(*branch), &state, &found, &mut read);
    }
    read.limitations.extend(found.limitations);
    read.changes = found.changes;
    read.unread.extend(found.unread);
    Ok(read)
}

/// A name can be taken over by another repository, whose updates do not go on from what is remembered.
fn same_repository(name: &str, target: &Target<'_>, id: u64) -> Result<(), CollectError> {
    let expected = target.id.or(target.known.and_then(|known| known.id));
    match expected.filter(|expected| *expected != id) {
        None => Ok(()),
        Some(expected) => Err(CollectError::Malformed {
            what: format!("repository {name}"),
            why: format!(
                "is another repository than the one in scope: number {id}, not {expected}; hint: if it was made again, \
                 take it out of repositories for one run"
            ),
        }),
    }
}

/// No news, but what waits for a review is looked at again.
async fn unchanged(
    client: &Client,
    (repository, settings): (&Repository, &Settings),
    known: Option<&RepositoryMemory>,
    window: Window,
) -> Result<Read, CollectError> {
    let name = &repository.name;
    let Some(known) = known else {
        return Err(CollectError::Malformed { what: name.clone(), why: "304 to an unconditional request".to_owned() });
    };
    let since = known.read_to.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let mut read = Read {
        changes: Vec::new(),
        whole: vec![Whole::unchanged(format!("{name}: activity log"), since)],
        unread: Vec::new(),
        totals: Vec::new(),
        identity: None,
        filters: Vec::new(),
        limitations: Vec::new(),
        memory: RepositoryMemory { read_to: window.end.max(known.read_to), ..known.clone() },
    };
    let states = known.branches.iter().map(|(branch, was)| (branch.clone(), was.states.clone())).collect();
    let background = Background {
        pushes: Pushes::new(),
        states,
        bypasses: BTreeMap::new(),
        bypasses_since: rules::reach(client.as_of),
        home: known.home.clone(),
    };
    let mut found = Found::default();
    again::look(client, (repository, settings), Some(known), (&[], background), (&mut found, &mut read)).await?;
    read.changes = found.changes;
    read.limitations.extend(found.limitations);
    Ok(read)
}

/// The stretch of merges to count per branch: from where the last count ended to what search must know.
fn stretches(
    client: &Client,
    repository: &Repository,
    known: Option<&RepositoryMemory>,
    window: Window,
) -> BTreeMap<String, Stretch> {
    let to = window.end.min(client.as_of).trunc_subsecs(0) - SETTLED;
    let from = |branch: &str| {
        let known = known.and_then(|known| known.branches.get(branch));
        known.map_or(window.start.trunc_subsecs(0), |known| known.counted_to + Duration::seconds(1))
    };
    let all = repository.branches.iter().map(|branch| (branch.clone(), (from(branch), to)));
    all.filter(|(_, (from, to))| from <= to).collect()
}

/// A branch can move between the reading of the log and of its head: reads the log's newest rows again.
async fn catch_up(
    client: &Client,
    repository: &Repository,
    (known, period): (Option<&RepositoryMemory>, Option<&str>),
    log: &mut Rows,
    state: &State,
) -> Result<BTreeSet<u64>, CollectError> {
    let moved = repository.branches.iter().any(|branch| {
        let reference = format!("refs/heads/{branch}");
        let newest = log.rows.iter().find(|row| row.reference == reference).map(|row| row.after.as_str());
        let was = known.and_then(|known| known.branches.get(branch)).map(|branch| branch.head.as_str());
        newest.or(was) != Some(state.heads.get(branch).and_then(Option::as_deref).unwrap_or(ZERO))
    });
    if !moved {
        return Ok(BTreeSet::new());
    }
    let held: BTreeSet<u64> = log.rows.iter().map(|row| row.id).collect();
    let again = activity::read(client, &repository.name, period, None, |row| held.contains(&row.id)).await?;
    let Log::Rows(again) = again else { return Ok(BTreeSet::new()) };
    let mut newer: Vec<Row> = again.rows.into_iter().filter(|row| !held.contains(&row.id)).collect();
    let fresh = newer.iter().map(|row| row.id).collect();
    newer.append(&mut log.rows);
    newer.sort_by_key(|row| std::cmp::Reverse(row.timestamp));
    log.rows = newer;
    log.pages += again.pages;
    Ok(fresh)
}

fn of_branch(rows: &[Row], branch: &str) -> Vec<Row> {
    let reference = format!("refs/heads/{branch}");
    rows.iter().filter(|row| row.reference == reference).cloned().collect()
}

fn remembered(known: Option<&RepositoryMemory>, period: Option<&str>, log: &Rows, window: Window) -> RepositoryMemory {
    // The ETag stands for rows that have all been handed over; newer ones would never be seen.
    let all_taken = log.rows.iter().all(|row| row.timestamp < window.end);
    let mut pushes = known.map_or_else(Pushes::new, |known| known.pushes.clone());
    for row in log.rows.iter().rev().filter(|row| row.timestamp < window.end) {
        push(&mut pushes, row);
        if row.activity_type == Activity::BranchDeletion {
            pushes.remove(&row.reference);
        }
    }
    bound_pushes(&mut pushes);
    RepositoryMemory {
        etag: log.etag.clone().filter(|_| all_taken && period.is_none()),
        read_to: window.end,
        branches: BTreeMap::new(),
        pushes,
        id: None,
        organization: None,
        defaults: Vec::new(),
        home: None,
        unreviewed: BTreeMap::new(),
    }
}

fn push(pushes: &mut Pushes, row: &Row) {
    if row.after != ZERO {
        let by = row.actor.as_ref().map(|actor| actor.actor().login);
        let (at, oid, made) = (row.timestamp, row.after.clone(), row.activity_type == Activity::BranchCreation);
        pushes.entry(row.reference.clone()).or_default().insert(Push { at, oid, by, made });
    }
}

/// What a new default branch took the place of, with what this run has learnt of it. First the new one's name.
fn former<'a>(
    target: &'a Target<'_>,
    now: &RepositoryMemory,
    (chains, window): (&BTreeMap<&str, Chain<'_>>, Window),
) -> Option<(&'a str, Former)> {
    let (new, last) = target.took_over.as_ref()?;
    let known = target.known?.branches.get(last);
    let head = now.branches.get(last).or(known)?.content.clone()?;
    let mut states: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (state, stay) in chains.get(last.as_str()).into_iter().flat_map(|chain| chain.stays(window)) {
        states.entry(state.clone()).or_default().push(stay);
    }
    // Deleted before, or not read: its last known content stands for it.
    if let Some(known) = known.filter(|known| known.head == ZERO || !chains.contains_key(last.as_str())) {
        let ever = vec![(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC)];
        states.extend(known.content.clone().map(|content| (content, ever)));
    }
    Some((new, Former { branch: last.clone(), head, states }))
}

type Context<'a> =
    (Option<&'a RepositoryMemory>, Option<&'a (&'a str, Former)>, Window, &'a [Row], &'a BTreeMap<&'a str, Chain<'a>>);

async fn changes(
    client: &Client,
    settings: &Settings,
    repository: &Repository,
    (known, former, window, rows, chains): Context<'_>,
    read: &mut Read,
) -> Result<Found, CollectError> {
    let mut background = Background {
        pushes: known.map_or_else(Pushes::new, |known| known.pushes.clone()),
        states: BTreeMap::new(),
        bypasses: BTreeMap::new(),
        bypasses_since: rules::reach(client.as_of),
        home: read.memory.home.clone(),
    };
    rows.iter().rev().for_each(|row| push(&mut background.pushes, row));
    let mut steps: Vec<Step> = Vec::new();
    for (branch, chain) in chains {
        let was = known.and_then(|known| known.branches.get(*branch));
        let former = former.filter(|(new, _)| new == branch).map(|(_, former)| former);
        let (of_branch, filters) = chain.steps(branch, former, window);
        read.filters.extend(filters.iter().map(|filter| format!("{}: {filter}", repository.name)));
        background.states.insert((*branch).to_owned(), chain.states(was));
        if settings.rule_suites && !of_branch.is_empty() {
            match rules::read(client, &repository.name, branch).await {
                Ok(suites) => {
                    read.unread.extend(unmatched(&repository.name, branch, &suites, rows, was, window));
                    background.bypasses.insert((*branch).to_owned(), suites);
                }
                Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
                Err(error) => read.unread.extend(error.unread()),
            }
        }
        steps.extend(of_branch);
    }
    let old = steps.iter().filter(|step| step.row.timestamp < background.bypasses_since).count();
    if settings.rule_suites && old > 0 {
        read.limitations.push(format!(
            "{}: bypasses of rulesets are not known for {old} updates older than GitHub keeps rule suites",
            repository.name
        ));
    }
    let mut found = landings::read(client, (repository, settings), &steps, &background).await?;
    again::look(client, (repository, settings), known, (&steps, background), (&mut found, read)).await?;
    Ok(found)
}

/// Bypasses of the window that belong to no update on record.
fn unmatched(
    name: &str,
    branch: &str,
    suites: &[Suite],
    rows: &[Row],
    was: Option<&BranchMemory>,
    window: Window,
) -> Vec<Unread> {
    let edge = Duration::minutes(5);
    let inside = |at: DateTime<Utc>| window.start + edge <= at && at < window.end - edge;
    let known = |sha: &str| {
        rows.iter().any(|row| row.after == sha) || was.is_some_and(|was| was.states.iter().any(|state| state == sha))
    };
    let lost = suites.iter().filter(|suite| inside(suite.pushed_at) && !known(&suite.after_sha));
    lost.map(|suite| Unread {
        what: format!("{name}: rule suite {} of {branch}", suite.id),
        why: format!("tells of a bypass that led to {}, which the activity log does not have", suite.after_sha),
        permission: None,
        hint: Some("updates are missing from the activity log; the next run reads again".to_owned()),
    })
    .collect()
}

/// Compares our merged pull requests with GitHub's own count of them.
fn reconcile(name: &str, branch: &str, stretch: Option<&Stretch>, state: &State, found: &Found, read: &mut Read) {
    let Some(memory) = read.memory.branches.get_mut(branch) else { return };
    let mut merged: BTreeSet<Merged> = memory.uncounted.iter().cloned().collect();
    merged.extend(found.merged.get(branch).into_iter().flatten().cloned());
    let Some(&(from, to)) = stretch else {
        memory.uncounted = merged.into_iter().collect();
        return;
    };
    // Counted by whole seconds, both ends included, as search does.
    let held: BTreeSet<u64> = merged
        .iter()
        .filter(|merged| from <= merged.at && merged.at < to + Duration::seconds(1))
        .map(|merged| merged.number)
        .collect();
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let what = format!("{name}: pull requests merged into {branch} from {} to {}", time(from), time(to));
    let stated = state.merged.get(branch).copied().unwrap_or_default();
    match Whole::total(what, held.len() as u64, "GitHub's search", stated) {
        Ok((whole, both)) => {
            read.whole.push(whole);
            read.totals.push(both);
            memory.counted_to = to;
            memory.uncounted = merged.into_iter().filter(|merged| merged.at >= to + Duration::seconds(1)).collect();
        }
        Err(unread) => read.unread.push(unread),
    }
}
