//! What one run tells the next: the rows of all lists, from which nothing may go. Whoever deletes a leaver, or moves
//! the day on which somebody left, must not pass unnoticed; what else may not change is `changes`'s.

use super::cell;
use super::changes;
use super::forms::List;
use super::settings::{Correction, Settings};
use crate::contract::Unread;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Rows by list and key, as items have them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// When they were read.
    read_at: Option<DateTime<Utc>>,
    lists: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
}

/// A row that is gone, as it was, after the name of its list.
pub(super) type Gone = (String, Map<String, Value>);

impl Memory {
    /// Of this run.
    pub(super) fn new(as_of: DateTime<Utc>, lists: BTreeMap<String, BTreeMap<String, Map<String, Value>>>) -> Self {
        Self { read_at: Some(as_of), lists }
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
            for (key, row) in before.iter().filter(|(key, _)| !self.corrected(settings, name, key)) {
                match kept.map(|kept| kept.get(key)) {
                    Some(Some(row_now)) => unread.extend(self.moved(list, key, row, row_now)),
                    Some(None) => {
                        unread.push(told(
                            format!("{name} {key}"),
                            "was in the register at the last complete run, and is gone".to_owned(),
                            "put the row back; if it was taken out for a reason, list it in `corrections`",
                        ));
                        gone.push((name.clone(), row.clone()));
                    }
                    None => gone.push((name.clone(), row.clone())),
                }
            }
        }
        (unread, gone)
    }

    /// A day that was past when it was read does not move, and what decides is not taken back.
    fn moved(&self, list: &List, key: &str, before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<Unread> {
        let settled = list.settled.iter().filter_map(|column| {
            let then = cell::instant(before, column)?;
            let past = self.read_at.is_some_and(|read_at| then.latest() <= read_at);
            (past && before.get(*column) != now.get(*column)).then_some((column, then))
        });
        let named = |(column, then): (&&str, crate::contract::register::Moment)| {
            let says = cell::instant(now, column).map_or_else(|| "nothing".to_owned(), |at| at.to_string());
            told(
                format!("{} {key}: {column}", list.name),
                format!("was {then} when it was read before, and is {says} now"),
                "put it back as it was; if it was wrong, list the row in `corrections`",
            )
        };
        settled.map(named).chain(changes::taken_back(list, key, before, now)).collect()
    }

    /// Whether the settings say why this row is not as it was.
    fn corrected(&self, settings: &Settings, list: &str, key: &str) -> bool {
        let read_on = self.read_at.map(|at| at.date_naive());
        let of = |correction: &&Correction| correction.list == list && correction.key == key;
        settings.corrections.iter().filter(of).any(|correction| read_on.is_some_and(|day| day <= correction.on))
    }
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
