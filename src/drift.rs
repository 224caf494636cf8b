//! What a control is now, and what changed. Pure.
//!
//! A `Standing` is a state with the items behind it. Two standings make a `Transition`: when the
//! state changes, and when a control that deviates gets new deviations. That some of several
//! deviations are resolved is no transition; it shows in the next one, and in the verdicts.

use crate::judge::{Judgement, Outcome, Verdict, VerdictOutcome};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far ahead of the present what is on record may lie before its clock is taken to have been wrong.
const CLOCK_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Whether what is dated `then` is by a clock that was ahead. It binds nothing that comes now, and makes nothing fresh.
pub fn is_ahead(then: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    then > now + CLOCK_AHEAD
}

/// How many items a sentence names.
const NAMED_MAX: usize = 3;

/// How many characters of one item a sentence gives.
const NAMED_CHARS_MAX: usize = 200;

/// What a control is now; later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The newest verdict passes on fresh, complete evidence.
    Effective,
    /// Nothing has been observed yet.
    Unmonitored,
    /// The newest verdict, or its evidence, is older than the control allows.
    Stale,
    /// Something could not be read or judged.
    Indeterminate,
    /// Something fails.
    Deviating,
}

impl State {
    /// As in records, and in sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Unmonitored => "unmonitored",
            Self::Stale => "stale",
            Self::Indeterminate => "indeterminate",
            Self::Deviating => "deviating",
        }
    }
}

/// The newest verdict of a control, as far as its state depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its outcome.
    pub outcome: VerdictOutcome,
    /// The instant that it is judged as of.
    pub as_of: DateTime<Utc>,
    /// Of each collector that the control needs, the time of the newest complete evidence that the verdict
    /// is over; `None` where there was none. What nobody has judged makes nothing fresh.
    pub evidence: Vec<Option<DateTime<Utc>>>,
}

impl Observed {
    /// A verdict, recorded `at`, over evidence of which `complete` gives collector and time of what is whole.
    pub fn over(
        outcome: VerdictOutcome,
        as_of: DateTime<Utc>,
        at: DateTime<Utc>,
        collectors: &[String],
        complete: impl IntoIterator<Item = (String, DateTime<Utc>)>,
    ) -> Self {
        let mut newest: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        // How old it is nobody knows, if its clock was ahead.
        for (collector, until) in complete.into_iter().filter(|(_, until)| !is_ahead(*until, at)) {
            let known = newest.entry(collector).or_insert(until);
            *known = until.max(*known);
        }
        Self { outcome, as_of, evidence: collectors.iter().map(|collector| newest.get(collector).copied()).collect() }
    }

    /// The instant from which on the control is stale, if nothing newer comes: a due instant of its
    /// own, since silence must alarm. `None`: it already is, for evidence that there never was.
    pub fn stale_from(&self, stale_after: TimeDelta) -> Option<DateTime<Utc>> {
        self.oldest()?.checked_add_signed(stale_after)
    }

    /// The oldest of verdict and evidence; `None`: there never was any evidence of some collector.
    fn oldest(&self) -> Option<DateTime<Utc>> {
        self.evidence.iter().try_fold(self.as_of, |oldest, evidence| Some(oldest.min((*evidence)?)))
    }

    /// The newest of verdict and evidence.
    fn newest(&self) -> DateTime<Utc> {
        self.evidence.iter().flatten().fold(self.as_of, |newest, evidence| newest.max(*evidence))
    }
}

/// The state at the instant `now`: deviating before indeterminate before stale before effective.
/// `observed` is `None` until a first verdict. Age counts from the oldest of verdict and evidence.
pub fn state_of(observed: Option<&Observed>, stale_after: TimeDelta, now: DateTime<Utc>) -> State {
    let Some(observed) = observed else { return State::Unmonitored };
    match observed.outcome {
        VerdictOutcome::Deviation => State::Deviating,
        VerdictOutcome::Indeterminate => State::Indeterminate,
        VerdictOutcome::Pass => match observed.stale_from(stale_after) {
            // The clock was ahead, and nobody has looked since.
            _ if is_ahead(observed.newest(), now) => State::Stale,
            Some(stale_from) if now < stale_from => State::Effective,
            _ => State::Stale,
        },
    }
}

/// Why an item is bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bad {
    /// `Deviation` or `Indeterminate`.
    pub outcome: Outcome,
    /// The judgement's reason.
    pub reason: String,
}

/// A state and the items behind it: what is kept to compare the next verdict with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Items that deviate or could not be judged.
    pub bad: BTreeMap<String, Bad>,
    /// What was not read, `what: why`.
    pub unread: Vec<String>,
}

impl Standing {
    /// The standing after a verdict, or, without one, after time alone (`verdict` is `None`).
    ///
    /// A bad item that the new verdict does not mention is gone if everything was read. If not,
    /// nobody knows, and it stays: what cannot be read is not resolved.
    pub fn after(previous: Option<&Self>, state: State, verdict: Option<&Verdict>) -> Self {
        let old = previous.map(|previous| previous.bad.clone()).unwrap_or_default();
        let Some(verdict) = verdict else {
            let unread = previous.map(|previous| previous.unread.clone()).unwrap_or_default();
            return Self { state, bad: old, unread };
        };
        let mut bad = if verdict.unread.is_empty() { BTreeMap::new() } else { old };
        for judgement in &verdict.judgements {
            if matches!(judgement.outcome, Outcome::Deviation | Outcome::Indeterminate) {
                let why = Bad { outcome: judgement.outcome, reason: judgement.reason.clone() };
                bad.insert(judgement.item.clone(), why);
            } else {
                bad.remove(&judgement.item);
            }
        }
        let unread = verdict.unread.iter().map(|unread| format!("{}: {}", unread.what, unread.why)).collect();
        Self { state, bad, unread }
    }
}

/// One change of standing that is recorded and alerted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// What it was; `None` at the first observation.
    pub from: Option<State>,
    /// What it is; equal to `from` when a deviating control got new deviations.
    pub to: State,
    /// Items that became bad, or deviate and were only indeterminate before.
    pub appeared: BTreeMap<String, Bad>,
    /// Items that were bad and are judged otherwise now, as they were.
    pub resolved: BTreeMap<String, Bad>,
    /// Items that were bad and are waived now, as they were. They are no better than before.
    pub waived: BTreeMap<String, Bad>,
    /// Items that were bad and are not among those judged any more, as they were.
    pub gone: BTreeMap<String, Bad>,
    /// In one sentence.
    pub why: String,
}

impl Transition {
    /// Its items, as in `items.json`.
    pub fn items(&self) -> BTreeMap<&'static str, &BTreeMap<String, Bad>> {
        let Self { appeared, resolved, waived, gone, .. } = self;
        [("appeared", appeared), ("resolved", resolved), ("waived", waived), ("gone", gone)].into()
    }
}

/// What became of an item that was bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is judged otherwise.
    Resolved,
    /// It is waived.
    Waived,
    /// It is not among those judged any more: it left the look-back, is no longer there, or is excluded now, which
    /// repairs nothing.
    Gone,
}

impl Ending {
    /// As in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Waived => "waived",
            Self::Gone => "gone",
        }
    }

    /// Of a drift, by how its last items ended: as repaired only if all of them were, and as accepted only if none went
    /// out of view.
    pub fn of(resolved: u64, waived: u64, gone: u64) -> Option<Self> {
        match (resolved, waived, gone) {
            (0, 0, 0) => None,
            (_, 0, 0) => Some(Self::Resolved),
            (_, _, 0) => Some(Self::Waived),
            _ => Some(Self::Gone),
        }
    }

    /// Of an item that a verdict no longer has among the bad.
    pub fn by(verdict: &Verdict, item: &str) -> Self {
        match verdict.judgements.iter().find(|judgement| judgement.item == item) {
            None | Some(Judgement { outcome: Outcome::Excluded, .. }) => Self::Gone,
            Some(Judgement { outcome: Outcome::Waived, .. }) => Self::Waived,
            Some(_) => Self::Resolved,
        }
    }
}

/// What changed between two standings, if it is to be recorded; `verdict` is the one that led to the second,
/// `None` when time alone did. Before anything was observed there is nothing to record. `back`: the first is by a clock
/// that was ahead of the second's. Then the second is recorded whatever it is, or it would not show before that instant.
pub fn transition(
    previous: Option<&Standing>,
    now: &Standing,
    verdict: Option<&Verdict>,
    back: bool,
) -> Option<Transition> {
    let from = previous.map(|previous| previous.state);
    let none = BTreeMap::new();
    let old = previous.map_or(&none, |previous| &previous.bad);
    let (appeared, ended) = item_changes(old, &now.bad);
    let new_deviation = appeared.values().any(|bad| bad.outcome == Outcome::Deviation);
    let worth_it = match from {
        None => now.state != State::Unmonitored,
        Some(from) if from == now.state => back || (from == State::Deviating && new_deviation),
        Some(_) => true,
    };
    worth_it.then(|| {
        let mut change = Transition {
            from,
            to: now.state,
            appeared,
            resolved: BTreeMap::new(),
            waived: BTreeMap::new(),
            gone: BTreeMap::new(),
            why: String::new(),
        };
        for (item, bad) in ended {
            let of = match verdict.map_or(Ending::Gone, |verdict| Ending::by(verdict, &item)) {
                Ending::Resolved => &mut change.resolved,
                Ending::Waived => &mut change.waived,
                Ending::Gone => &mut change.gone,
            };
            of.insert(item, bad);
        }
        change.why = sentence(&change, now);
        if back {
            change.why.push_str("; what is on record before is by a clock that was ahead");
        }
        change
    })
}

/// Items that became bad, or deviate and were only indeterminate before; and those that are bad no longer.
fn item_changes(
    old: &BTreeMap<String, Bad>,
    new: &BTreeMap<String, Bad>,
) -> (BTreeMap<String, Bad>, BTreeMap<String, Bad>) {
    let got_worse = |before: &Bad, bad: &Bad| before.outcome != Outcome::Deviation && bad.outcome == Outcome::Deviation;
    let appeared = new.iter().filter(|(item, bad)| old.get(*item).is_none_or(|before| got_worse(before, bad)));
    let ended = old.iter().filter(|(item, _)| !new.contains_key(*item));
    let owned = |(item, bad): (&String, &Bad)| (item.clone(), bad.clone());
    (appeared.map(owned).collect(), ended.map(owned).collect())
}

fn sentence(change: &Transition, now: &Standing) -> String {
    let begins = match change.from {
        None => format!("first observed: {}", now.state.word()),
        Some(from) if from == now.state => format!("still {}", now.state.word()),
        Some(from) => format!("{} to {}", from.word(), now.state.word()),
    };
    let list = |items: &BTreeMap<String, Bad>, outcome| {
        named(
            items
                .iter()
                .filter(|(_, bad)| bad.outcome == outcome)
                .map(|(item, bad)| format!("{item} ({})", bad.reason)),
        )
    };
    let facts = [
        ("deviates", list(&change.appeared, Outcome::Deviation)),
        ("cannot be judged", list(&change.appeared, Outcome::Indeterminate)),
        ("not read", if now.state == State::Indeterminate { named(now.unread.iter().cloned()) } else { None }),
        ("resolved", named(change.resolved.keys().cloned())),
        ("waived", named(change.waived.keys().cloned())),
        ("not judged any more", named(change.gone.keys().cloned())),
        ("no fresh evidence", (now.state == State::Stale).then(|| "older than the control allows".to_owned())),
    ];
    let facts = facts.into_iter().filter_map(|(what, items)| items.map(|items| format!("; {what}: {items}")));
    begins + &facts.collect::<String>()
}

fn named(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    let first: Vec<String> =
        items.iter().take(NAMED_MAX).map(|item| item.chars().take(NAMED_CHARS_MAX).collect()).collect();
    match items.len() {
        0 => None,
        count if count > NAMED_MAX => Some(format!("{} and {} more", first.join(", "), count - NAMED_MAX)),
        _ => Some(first.join(", ")),
    }
}
