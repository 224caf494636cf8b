//! The run calendar: every due slot with its one outcome, from the schedules that were in force and what is on
//! record. A fold over two ordered streams; holds neither.

use super::Schedule;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use serde::Serialize;
use std::iter::Peekable;

/// How long a slot may go without a record, and how long after it a run may begin, before that is said of it. The
/// timer rings within its second, and a dead one is made up for within the minute; more is a machine that slept, a
/// daemon that was down, or a clock that was set.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// A stretch of time for which one schedule was in force for a collector. Terms may overlap, when the clock was
/// set back between two configurations: what is due by both is one slot.
#[derive(Debug, Clone)]
pub struct Term {
    /// When the configuration was recorded: due is what comes after it.
    pub from: DateTime<Utc>,
    /// The last instant: when the next configuration was recorded, or the newest slot answered under this one.
    pub until: DateTime<Utc>,
    /// When the collector is due.
    pub schedule: Schedule,
}

/// What is on record for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The slot that it answers to.
    pub slot: DateTime<Utc>,
    /// The record that does.
    pub record: u64,
    /// What it is.
    pub what: Answered,
}

/// A miss, or a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It was not going to be run; the record says why.
    Missed,
    /// It was run.
    Ran {
        /// When it began.
        began: DateTime<Utc>,
        /// When and how it ended, as `End::outcome` says; `None`: it has not.
        ended: Option<(DateTime<Utc>, Outcome)>,
    },
}

/// What became of a slot; later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Evidence is whole, and the run began within `PATIENCE`.
    Done,
    /// Evidence is whole, but the run began later than that.
    Late,
    /// Nothing is on record, and `PATIENCE` is not over yet.
    Due,
    /// A run began and has not ended.
    Open,
    /// A run or a miss answers to a slot that no schedule in force had, or that another record answers to as well.
    Unplanned,
    /// On record as not run.
    Missed,
    /// The daemon stopped in the middle.
    Aborted,
    /// The daemon died in the middle.
    Interrupted,
    /// Evidence is not whole.
    Incomplete,
    /// Nothing was collected.
    Failed,
    /// Nothing is on record: no daemon ran to write it, or one that should have did not.
    Unaccounted,
}

impl Outcome {
    /// As in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Late => "late",
            Self::Due => "due",
            Self::Open => "open",
            Self::Unplanned => "unplanned",
            Self::Missed => "missed",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Unaccounted => "unaccounted",
        }
    }

    /// Whether there is, or still can be, whole evidence for a slot that was due.
    pub fn is_well(self) -> bool {
        self < Self::Unplanned
    }
}

/// One slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When it is due.
    pub due: DateTime<Utc>,
    /// What became of it.
    pub outcome: Outcome,
    /// What is on record for it.
    pub answer: Option<Answer>,
}

/// The slots of `within` by the terms, oldest first, each once.
pub fn due<'a>(terms: &'a [Term], within: Window) -> impl Iterator<Item = DateTime<Utc>> + 'a {
    // Terms do not hold at their first instant, windows do.
    let moment = TimeDelta::milliseconds(1);
    let in_term =
        |term: &'a Term| term.schedule.due(term.from.max(within.start - moment), term.until.min(within.end - moment));
    let mut terms: Vec<Peekable<_>> = terms.iter().map(|term| in_term(term).peekable()).collect();
    std::iter::from_fn(move || {
        let next = terms.iter_mut().filter_map(|slots| slots.peek().copied()).min()?;
        for slots in &mut terms {
            slots.next_if_eq(&next);
        }
        Some(next)
    })
}

/// Every slot of `within`, and every answer to one, oldest first. `answers` are those of `within`, ordered by their
/// slots; `known_until` is how far what is on record is known. The newest term ends then, or with the newest slot
/// that it has an answer to, should the clock have been ahead.
pub fn calendar<'a>(
    terms: &'a [Term],
    answers: impl Iterator<Item = Answer> + 'a,
    within: Window,
    known_until: DateTime<Utc>,
) -> impl Iterator<Item = Slot> + 'a {
    let mut slots = due(terms, within).peekable();
    let mut answers = answers.peekable();
    std::iter::from_fn(move || match (slots.peek().copied(), answers.peek().copied()) {
        (Some(due), Some(answer)) if answer.slot == due => {
            slots.next();
            answers.next();
            Some(Slot { due, outcome: of(&answer), answer: Some(answer) })
        }
        (Some(due), answer) if answer.is_none_or(|answer| due < answer.slot) => {
            slots.next();
            let outcome = if known_until - due < PATIENCE { Outcome::Due } else { Outcome::Unaccounted };
            Some(Slot { due, outcome, answer: None })
        }
        (_, Some(answer)) => {
            answers.next();
            Some(Slot { due: answer.slot, outcome: Outcome::Unplanned, answer: Some(answer) })
        }
        (_, None) => None,
    })
}

fn of(answer: &Answer) -> Outcome {
    match answer.what {
        Answered::Missed => Outcome::Missed,
        Answered::Ran { ended: None, .. } => Outcome::Open,
        Answered::Ran { began, ended: Some((_, Outcome::Done)) } if began - answer.slot > PATIENCE => Outcome::Late,
        Answered::Ran { ended: Some((_, outcome)), .. } => outcome,
    }
}
