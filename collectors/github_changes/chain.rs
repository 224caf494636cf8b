//! From rows of the activity log to the unbroken chain of one production branch's states, and from
//! that to the steps that brought something. Pure.

use super::activity::{Activity, Row, ZERO};
use super::memory::{BranchMemory, bound_states};
use crate::contract::{LandingKind, Unread, Whole, Window};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A branch's updates since its last known state, linked up to its present head.
pub(super) struct Chain<'a> {
    /// The state before the first link.
    from: String,
    /// Content that the branch had before, if it is known to have had any.
    content: Option<String>,
    /// The row that led to `from`, if it is known.
    row: Option<&'a Row>,
    /// Oldest first.
    links: Vec<&'a Row>,
    /// Why nothing is missing.
    pub whole: Whole,
}

/// One update that brought something to a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub branch: String,
    pub kind: LandingKind,
    pub before: String,
    pub row: Row,
}

/// From when until when a branch was at a state.
pub(super) type Stay = (DateTime<Utc>, DateTime<Utc>);

/// The default branches that a new one took the place of.
pub(super) struct Former {
    /// The last of them.
    pub branch: String,
    /// Its last content.
    pub head: String,
    /// Where it was in the window, each from when until when; what it was at last goes on, also where it was deleted.
    pub states: BTreeMap<String, Vec<Stay>>,
}

/// Links the rows of one ref. `rows` are newest first; `fresh` are those that were asked for again after
/// the head was read, for a branch may move meanwhile.
pub(super) fn link<'a>(
    what: &str,
    rows: &'a [Row],
    known: Option<&BranchMemory>,
    window: Window,
    (head, fresh): (&str, &BTreeSet<u64>),
) -> Result<Chain<'a>, Unread> {
    let all: Vec<&Row> = rows.iter().rev().collect();
    let split = match known {
        Some(known) => match all.iter().position(|row| Some(row.id) == known.row) {
            Some(position) => position + 1,
            None => all.partition_point(|row| row.timestamp < known.at),
        },
        None => all.partition_point(|row| row.timestamp < window.start),
    };
    let (older, new) = all.split_at(split);
    let from = match (known, older.last(), new.first()) {
        (Some(known), ..) => known.head.clone(),
        (None, Some(row), _) => row.after.clone(),
        (None, None, Some(row)) => row.before.clone(),
        (None, None, None) => head.to_owned(),
    };
    if head == ZERO && new.is_empty() && known.is_none_or(|known| known.head == ZERO) {
        return Err(no_branch(what, known.is_some() || !all.is_empty()));
    }
    let content = known
        .and_then(|known| known.content.clone())
        .or_else(|| (from != ZERO).then(|| from.clone()))
        .or_else(|| older.last().map(|row| row.before.clone()));
    let mut links = follow(&from, new);
    if links.last().is_some_and(|last| last.after != head) {
        let is_fresh = |row: &&Row| fresh.contains(&row.id);
        match links.iter().rposition(|row| row.after == head && is_fresh(row)) {
            Some(position) => links.truncate(position + 1),
            None if from == head && links.iter().all(is_fresh) => links.clear(),
            None => {}
        }
    }
    if head == ZERO && links.last().map_or(from.as_str(), |last| &last.after) != ZERO {
        return Err(Unread {
            what: what.to_owned(),
            why: format!("the branch was at {from}, and is gone without a deletion on record"),
            permission: None,
            hint: Some(
                "if it was renamed, name its new name; the repository starts anew after one run without it in the \
                 configuration"
                    .to_owned(),
            ),
        });
    }
    let pairs = links.iter().map(|row| (row.before.as_str(), row.after.as_str()));
    let whole = Whole::chain(what, &from, head, pairs)?;
    Ok(Chain { from, content, row: older.last().copied(), links, whole })
}

fn no_branch(what: &str, was: bool) -> Unread {
    let why =
        if was { "the branch was deleted before the window" } else { "there is no such branch, and none on record" };
    Unread {
        what: what.to_owned(),
        why: why.to_owned(),
        permission: None,
        hint: Some("correct the branch's name in repositories; if another one took its place, name that".to_owned()),
    }
}

/// Rows of one second come in no certain order: there, the one that continues comes first.
fn follow<'a>(from: &str, rows: &[&'a Row]) -> Vec<&'a Row> {
    let mut rest: VecDeque<&Row> = rows.iter().copied().collect();
    let (mut at, mut links) = (from, Vec::new());
    while let Some(second) = rest.front().map(|row| row.timestamp) {
        let mut same = rest.iter().take_while(|row| row.timestamp == second);
        let next = same.position(|row| row.before == at).unwrap_or(0);
        let Some(row) = rest.remove(next) else { break };
        at = &row.after;
        links.push(row);
    }
    links
}

impl Chain<'_> {
    fn before(&self, window: Window) -> impl Iterator<Item = &&Row> {
        self.links.iter().take_while(move |row| row.timestamp < window.end)
    }

    /// Where the branch was in the window, in order, each from when until when. What it was at last goes on to the
    /// window's end, also where it was deleted.
    pub(super) fn stays(&self, window: Window) -> Vec<(&String, Stay)> {
        let rows = self.before(window).map(|row| (&row.after, row.timestamp));
        let all = std::iter::once((&self.from, DateTime::<Utc>::MIN_UTC)).chain(rows);
        let states: Vec<_> = all.filter(|(state, _)| *state != ZERO).collect();
        let until = states.iter().skip(1).map(|(_, since)| *since).chain([window.end]);
        states.iter().zip(until).map(|((state, since), until)| (*state, (*since, until))).collect()
    }

    /// What a default branch held before its first update of the window, the step that it came with, and what is to
    /// be said of that. GitHub does not say when it took the place. If both were at one state at one time of the window,
    /// it may have been then, and brought nothing; if not, what it began with replaces what the former one had, also where
    /// that is an older state of it.
    fn beginning(&self, branch: &str, former: &Former, window: Window) -> Option<(String, Option<Step>, String)> {
        let stays = self.stays(window);
        let start = stays.first()?.0;
        let took =
            format!("{branch} took the place of {} as the default branch, and began with {start}", former.branch);
        let at_once = |(state, (since, until)): &&(&String, Stay)| {
            former.states.get(*state).into_iter().flatten().any(|(from, to)| from <= until && since <= to)
        };
        if let Some((same, _)) = stays.iter().find(at_once) {
            let came = if *same == start { String::new() } else { format!(", and came to {same}") };
            return Some((start.clone(), None, format!("{took}{came}, which is where production was")));
        }
        let judged = format!("{took}, where production was not: a change, judged as a forced push");
        if self.from == ZERO {
            // The row that made it is that change.
            return Some((former.head.clone(), None, judged));
        }
        let row = Row {
            id: self.row.map_or(0, |row| row.id),
            before: former.head.clone(),
            after: start.clone(),
            reference: format!("refs/heads/{branch}"),
            timestamp: window.end - Duration::seconds(1),
            activity_type: Activity::ForcePush,
            actor: self.row.and_then(|row| row.actor.clone()),
        };
        let (branch, before) = (branch.to_owned(), former.head.clone());
        let step = Step { branch, kind: LandingKind::ForcePush, before, row };
        let said = format!(
            "{judged}; GitHub says neither when it took the place nor who made it: the change counts from the end of \
             the window, and as of whoever pushed that commit"
        );
        Some((start.clone(), Some(step), said))
    }

    /// The steps of the window, oldest first, and what a branch's beginning left out. `former`: of a default branch
    /// that is new.
    pub(super) fn steps(&self, branch: &str, former: Option<&Former>, window: Window) -> (Vec<Step>, Vec<String>) {
        let mut content = self.content.clone();
        let (mut steps, mut filters) = (Vec::new(), Vec::new());
        if let Some((began, step, said)) = former.and_then(|former| self.beginning(branch, former, window)) {
            content = Some(began);
            steps.extend(step);
            filters.push(said);
        }
        for row in self.before(window) {
            let mut step = |kind, before: &str| {
                let before = before.to_owned();
                steps.push(Step { branch: branch.to_owned(), kind, before, row: (*row).clone() });
            };
            match row.activity_type {
                Activity::Push => step(LandingKind::Push, &row.before),
                Activity::ForcePush => step(LandingKind::ForcePush, &row.before),
                Activity::PrMerge => step(LandingKind::PrMerge, &row.before),
                Activity::MergeQueueMerge => step(LandingKind::MergeQueueMerge, &row.before),
                Activity::BranchDeletion => {}
                // Deleting a branch and making it again replaces its history.
                Activity::BranchCreation => match &content {
                    Some(content) if *content == row.after => {}
                    Some(content) => step(LandingKind::ForcePush, content),
                    None => filters.push(format!(
                        "{branch} began at {} with commit {}: what it began with is no change",
                        row.timestamp.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                        row.after
                    )),
                },
            }
            if row.after != ZERO {
                content = Some(row.after.clone());
            }
        }
        (steps, filters)
    }

    /// Every state that the branch is known to have had, oldest first.
    pub(super) fn states(&self, known: Option<&BranchMemory>) -> Vec<String> {
        let mut states = known.map_or_else(Vec::new, |known| known.states.clone());
        states.push(self.from.clone());
        states.extend(self.links.iter().map(|row| row.after.clone()));
        states.dedup();
        states
    }

    /// What the next run is to know: the state at the window's end.
    pub(super) fn remember(&self, known: Option<&BranchMemory>, window: Window) -> BranchMemory {
        let taken: Vec<_> = self.before(window).collect();
        let last = taken.last().map(|row| **row).or(self.row);
        let head = taken.last().map_or_else(|| self.from.clone(), |row| row.after.clone());
        let mut states = known.map_or_else(Vec::new, |known| known.states.clone());
        states.push(self.from.clone());
        states.extend(taken.iter().map(|row| row.after.clone()));
        states.dedup();
        bound_states(&mut states);
        BranchMemory {
            content: states.iter().rev().find(|state| *state != ZERO).cloned().or_else(|| self.content.clone()),
            head,
            row: last.map(|row| row.id).or(known.and_then(|known| known.row)),
            at: last.map_or_else(|| known.map_or(window.start, |known| known.at), |row| row.timestamp),
            counted_to: known
                .map_or_else(|| window.start.trunc_subsecs(0) - Duration::seconds(1), |known| known.counted_to),
            uncounted: known.map_or_else(Vec::new, |known| known.uncounted.clone()),
            states,
        }
    }
}
