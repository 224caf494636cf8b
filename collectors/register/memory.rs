//! What one run tells the next: the rows of all lists, from which nothing may go. Whoever deletes a leaver, or moves
//! the day on which somebody left, must not pass unnoticed; what else may not change is `changes`'s.
//!
//! When a row was read is what the clock of that run said. Of two instants the later stays: a clock that is set back
//! makes no day one to come again, and no old correction count. For a correction none is later than now: whatever was
//! read under a clock that was ahead can be corrected today.

use super::cell;
use super::changes;
use super::forms::List;
use super::settings::{Correction, Settings};
use crate::contract::Unread;
use crate::contract::register::Moment;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Rows by list and key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    lists: BTreeMap<String, BTreeMap<String, Held>>,
}

/// A row that was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    /// When: of what a run that was not whole did not find again, earlier than that run.
    read_at: DateTime<Utc>,
    /// As items have it.
    row: Map<String, Value>,
}

/// A row that is judged as it was: it is gone, or another now.
pub(super) struct Was {
    pub(super) list: String,
    pub(super) key: String,
    pub(super) row: Map<String, Value>,
    pub(super) gone: bool,
}

impl Memory {
    /// Of this run.
    pub(super) fn new(as_of: DateTime<Utc>, lists: BTreeMap<String, BTreeMap<String, Map<String, Value>>>) -> Self {
        let held = |(key, row)| (key, Held { read_at: as_of, row });
        Self { lists: lists.into_iter().map(|(list, rows)| (list, rows.into_iter().map(held).collect())).collect() }
    }

    /// The same, each row read when it was read last by any clock.
    pub(super) fn after(mut self, before: &Self) -> Self {
        for (list, rows) in &mut self.lists {
            let Some(known) = before.lists.get(list) else { continue };
            for (key, held) in rows {
                held.read_at = known.get(key).map_or(held.read_at, |known| known.read_at.max(held.read_at));
            }
        }
        self
    }

    /// The first list with more rows than that, and how many.
    pub(super) fn longer_than(&self, most: usize) -> Option<(&str, usize)> {
        self.lists.iter().find(|(_, rows)| rows.len() > most).map(|(list, rows)| (list.as_str(), rows.len()))
    }

    /// What the two know together, for a run that was not whole: nothing of before goes, and of a row that says another
    /// day now, what it said before counts. What the settings say of it is for a whole run to take. A collector that was
    /// given another register goes on with the first once it has it again.
    pub(super) fn with(mut self, before: Self, settings: &Settings) -> Self {
        let known = settings.register.lists();
        if before.lists.iter().any(|(name, rows)| !rows.is_empty() && known.iter().all(|list| list.name != name)) {
            return before;
        }
        for (name, rows) in before.lists {
            let Some(list) = known.iter().find(|list| list.name == name) else { continue };
            let kept = self.lists.entry(name.clone()).or_default();
            for (key, held) in rows {
                let same = |now: &Held| moved(list, &key, &held, &now.row).is_empty();
                if !kept.get(&key).is_some_and(same) {
                    kept.insert(key, held);
                }
            }
        }
        self
    }

    /// Lists that were read before and are not named now; rows that are gone, or say otherwise what must stay; each of
    /// these rows as it was.
    pub(super) fn contradicted_by(
        &self,
        now: &Self,
        settings: &Settings,
        as_of: DateTime<Utc>,
    ) -> (Vec<Unread>, Vec<Was>) {
        let (mut unread, mut were) = (Vec::new(), Vec::new());
        let known = settings.register.lists();
        for (name, before) in &self.lists {
            let kept = now.lists.get(name);
            let Some(list) = known.iter().find(|list| list.name == name) else {
                unread.extend((!before.is_empty()).then(|| another_register(name, before.len())));
                continue;
            };
            if kept.is_none() {
                unread.push(told(
                    format!("list {name}"),
                    format!("{} of its rows were read before, and the list is not named now", before.len()),
                    "name its file in `files`".to_owned(),
                ));
            }
            for (key, held) in before {
                let first = held.correctable_from(as_of);
                if settings.corrections.iter().any(|correction| correction.covers(name, key, first)) {
                    continue;
                }
                let said = match kept.map(|kept| kept.get(key)) {
                    Some(Some(now)) => moved(list, key, held, &now.row),
                    Some(None) => vec![gone(name, key)],
                    None => Vec::new(),
                };
                let gone = kept.is_none_or(|kept| !kept.contains_key(key));
                if gone || !said.is_empty() {
                    were.push(Was { list: name.clone(), key: key.clone(), row: held.row.clone(), gone });
                }
                unread
                    .extend(said.into_iter().map(|said| Unread { hint: Some(correctable(said.hint, first)), ..said }));
            }
        }
        (unread, were)
    }
}

impl Held {
    /// Whether it was past when the row was read.
    fn past(&self, then: Moment) -> bool {
        then.latest() <= self.read_at
    }

    /// The first day of a correction that counts for it.
    fn correctable_from(&self, as_of: DateTime<Utc>) -> NaiveDate {
        self.read_at.min(as_of).date_naive()
    }
}

/// A list of a register that this one is not.
fn another_register(list: &str, rows: usize) -> Unread {
    told(
        format!("list {list}"),
        format!("{rows} of its rows were read before, when this collector took in another register"),
        "set `register` as it was; the other register is another collector's".to_owned(),
    )
}

fn gone(list: &str, key: &str) -> Unread {
    let hint = "put the row back; if it was taken out for a reason, list it in `corrections`";
    told(format!("{list} {key}"), "was read before, and is gone".to_owned(), hint.to_owned())
}

/// A hint that names `corrections`, with the day that counts.
fn correctable(hint: Option<String>, first: NaiveDate) -> String {
    format!("{}, with `on` not before {first}", hint.unwrap_or_default())
}

/// A day that was past when it was read does not move, and what decides is not taken back. A time of that very day may
/// be given for it.
fn moved(list: &List, key: &str, before: &Held, now: &Map<String, Value>) -> Vec<Unread> {
    let settled = list.settled.iter().filter_map(|column| {
        let then = cell::instant(&before.row, column).filter(|then| before.past(*then))?;
        let within = |at: Moment| at == then || matches!(then, Moment::Day(day) if at.day() == day);
        let stays = cell::instant(now, column).is_some_and(within) || begun_anew(list, column, before, now);
        (!stays).then_some((column, then))
    });
    let named = |(column, then): (&&str, Moment)| {
        let says = cell::instant(now, column).map_or_else(|| "nothing".to_owned(), |at| at.to_string());
        told(
            format!("{} {key}: {column}", list.name),
            format!("was {then} when it was read before, and is {says} now"),
            changes::PUT_BACK.to_owned(),
        )
    };
    settled.map(named).chain(changes::taken_back(list, key, &before.row, now)).collect()
}

/// Whether the column is one of a stretch that was over, and in whose place a later one stands now.
fn begun_anew(list: &List, column: &str, before: &Held, now: &Map<String, Value>) -> bool {
    let of_it = |(first, last): &&(&str, &str)| [*first, *last].contains(&column);
    list.stretches.iter().filter(of_it).any(|(first, last)| {
        let ended = cell::instant(&before.row, last).filter(|ended| before.past(*ended));
        ended.zip(cell::instant(now, first)).is_some_and(|(ended, begins)| ended.before(begins))
    })
}

impl Correction {
    /// Whether it says why a row that was read on that day is not as it was.
    fn covers(&self, list: &str, key: &str, read_on: NaiveDate) -> bool {
        self.list == list && self.key == key && read_on <= self.on
    }

    /// A correction of a day that is not here yet would allow whatever is done until then.
    pub(super) fn still_to_come(&self, as_of: DateTime<Utc>) -> Option<Unread> {
        // Whoever writes it may be a day ahead of UTC.
        (self.on > (as_of + TimeDelta::days(1)).date_naive()).then(|| {
            told(
                format!("corrections: {} {}", self.list, self.key),
                format!("its day, {}, is still to come", self.on),
                "write the day on which the row was corrected".to_owned(),
            )
        })
    }
}

fn told(what: String, why: String, hint: String) -> Unread {
    Unread { what, why, permission: None, hint: Some(hint) }
}
