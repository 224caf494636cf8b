//! What one run tells the next: the rows of all lists, from which nothing may go. Whoever deletes a leaver, or moves
//! the day on which somebody left, must not pass unnoticed; what else may not change is `changes`'s.

use super::cell;
use super::changes;
use super::forms::List;
use super::settings::{Correction, Settings};
use crate::contract::Unread;
use crate::contract::register::Moment;
use chrono::{DateTime, TimeDelta, Utc};
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

/// A row that is gone, as it was, after the name of its list.
pub(super) type Gone = (String, Map<String, Value>);

impl Memory {
    /// Of this run.
    pub(super) fn new(as_of: DateTime<Utc>, lists: BTreeMap<String, BTreeMap<String, Map<String, Value>>>) -> Self {
        let held = |(key, row)| (key, Held { read_at: as_of, row });
        Self { lists: lists.into_iter().map(|(list, rows)| (list, rows.into_iter().map(held).collect())).collect() }
    }

    /// The first list with more rows than that, and how many.
    pub(super) fn longer_than(&self, most: usize) -> Option<(&str, usize)> {
        self.lists.iter().find(|(_, rows)| rows.len() > most).map(|(list, rows)| (list.as_str(), rows.len()))
    }

    /// What the two know together, for a run that was not whole: nothing of before goes, and of a row that says another
    /// day now, what it said before counts. What the settings say of it is for a whole run to take.
    pub(super) fn with(mut self, before: Self, settings: &Settings) -> Self {
        let known = settings.register.lists();
        for (name, rows) in before.lists {
            let list = known.iter().find(|list| list.name == name);
            let kept = self.lists.entry(name.clone()).or_default();
            for (key, held) in rows {
                let same = |now: &Held| list.is_some_and(|list| moved(list, &key, &held, &now.row).is_empty());
                if !kept.get(&key).is_some_and(same) {
                    kept.insert(key, held);
                }
            }
        }
        self
    }

    /// Lists that were read before and are not named now; rows that are gone, or say otherwise what must stay; each of
    /// the rows that are gone as it was, by list.
    pub(super) fn contradicted_by(&self, now: &Self, settings: &Settings) -> (Vec<Unread>, Vec<Gone>) {
        let (mut unread, mut gone) = (Vec::new(), Vec::new());
        let known = settings.register.lists();
        for (name, before) in &self.lists {
            let kept = now.lists.get(name);
            let Some(list) = known.iter().find(|list| list.name == name) else { continue };
            if kept.is_none() {
                unread.push(told(
                    format!("list {name}"),
                    format!("{} of its rows were read before, and the list is not named now", before.len()),
                    "name its file in `files`",
                ));
            }
            for (key, held) in before.iter().filter(|(key, held)| !corrected(settings, name, key, held.read_at)) {
                match kept.map(|kept| kept.get(key)) {
                    Some(Some(now)) => unread.extend(moved(list, key, held, &now.row)),
                    Some(None) => {
                        unread.push(told(
                            format!("{name} {key}"),
                            "was read before, and is gone".to_owned(),
                            "put the row back; if it was taken out for a reason, list it in `corrections`",
                        ));
                        gone.push((name.clone(), held.row.clone()));
                    }
                    None => gone.push((name.clone(), held.row.clone())),
                }
            }
        }
        (unread, gone)
    }
}

/// A day that was past when it was read does not move, and what decides is not taken back.
fn moved(list: &List, key: &str, before: &Held, now: &Map<String, Value>) -> Vec<Unread> {
    let settled = list.settled.iter().filter_map(|column| {
        let then = cell::instant(&before.row, column)?;
        let past = then.latest() <= before.read_at;
        (past && before.row.get(*column) != now.get(*column)).then_some((column, then))
    });
    let named = |(column, then): (&&str, Moment)| {
        let says = cell::instant(now, column).map_or_else(|| "nothing".to_owned(), |at| at.to_string());
        told(
            format!("{} {key}: {column}", list.name),
            format!("was {then} when it was read before, and is {says} now"),
            "put it back as it was; if it was wrong, list the row in `corrections`",
        )
    };
    settled.map(named).chain(changes::taken_back(list, key, &before.row, now)).collect()
}

/// Whether the settings say why a row that was read then is not as it was.
fn corrected(settings: &Settings, list: &str, key: &str, read_at: DateTime<Utc>) -> bool {
    let of = |correction: &&Correction| correction.list == list && correction.key == key;
    settings.corrections.iter().filter(of).any(|correction| read_at.date_naive() <= correction.on)
}

impl Correction {
    /// A correction of a day that is not here yet would allow whatever is done until then.
    pub(super) fn still_to_come(&self, as_of: DateTime<Utc>) -> Option<Unread> {
        // Whoever writes it may be a day ahead of UTC.
        (self.on > (as_of + TimeDelta::days(1)).date_naive()).then(|| {
            told(
                format!("corrections: {} {}", self.list, self.key),
                format!("its day, {}, is still to come", self.on),
                "write the day on which the row was corrected",
            )
        })
    }
}

fn told(what: String, why: String, hint: &str) -> Unread {
    Unread { what, why, permission: None, hint: Some(hint.to_owned()) }
}
