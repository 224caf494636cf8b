//! How long single items were bad. Pure.

use super::Lasted;
use crate::drift::{Bad, Ending, is_ahead};
use crate::judge::{Outcome, stands_in};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// What one verdict shows of the items of a control.
pub struct Look {
    /// The instant that it is as of.
    pub as_of: DateTime<Utc>,
    /// What is new in it is so from that instant on, and not from some time before: no run brought it about.
    pub exact: bool,
    /// Items that are bad.
    pub bad: BTreeMap<String, Bad>,
    /// Of items that were bad before and are not any more, what became of them.
    pub ended: BTreeMap<String, Ending>,
}

/// Time in which one item was bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spell {
    /// The item.
    pub item: String,
    /// The worst that it was.
    pub outcome: Outcome,
    /// The last reason.
    pub reason: String,
    /// The verdict that first shows it is as of then.
    pub from: DateTime<Utc>,
    /// As early it may have begun: the verdict before; `None`: there is none here.
    pub earliest: Option<DateTime<Utc>>,
    /// The first verdict that shows it no more is as of then; `None`: the last one still shows it.
    pub until: Option<DateTime<Utc>>,
    /// As early it may have ended.
    pub until_earliest: Option<DateTime<Utc>>,
    /// What became of it.
    pub ended: Option<Ending>,
    /// How long; of one that has not ended, to the last verdict here.
    pub lasted: Lasted,
}

impl Spell {
    /// Whether the item stood for a list or an account of which nothing was read, and was nothing worse.
    pub fn stood_in(&self) -> bool {
        self.outcome == Outcome::Indeterminate && stands_in(&self.reason)
    }
}

/// One look after the other, oldest first.
#[derive(Default)]
pub struct Spells {
    open: BTreeMap<String, Spell>,
    ended: Vec<Spell>,
    /// What the looks were as of, without those of a clock that was ahead.
    looks: Vec<DateTime<Utc>>,
}

impl Spells {
    /// Items that the last look showed.
    pub fn open(&self) -> impl Iterator<Item = &String> {
        self.open.keys()
    }

    /// Takes the next look. What looks of a clock that was ahead saw, they saw before it.
    pub fn look(&mut self, look: Look) {
        while self.looks.pop_if(|last| is_ahead(*last, look.as_of)).is_some() {
            for spell in self.open.values_mut().chain(&mut self.ended) {
                spell.from = spell.from.min(look.as_of);
                for instant in [&mut spell.earliest, &mut spell.until, &mut spell.until_earliest].into_iter().flatten()
                {
                    *instant = (*instant).min(look.as_of);
                }
            }
        }
        let earliest = if look.exact { Some(look.as_of) } else { self.looks.last().copied() };
        let before = std::mem::take(&mut self.open);
        for (item, mut spell) in before {
            match look.bad.get(&item) {
                Some(bad) => {
                    // Deviation is the worse of the two.
                    spell.outcome = spell.outcome.min(bad.outcome);
                    spell.reason.clone_from(&bad.reason);
                    self.open.insert(item, spell);
                }
                None => {
                    (spell.until, spell.until_earliest) = (Some(look.as_of), earliest);
                    spell.ended = Some(look.ended.get(&item).copied().unwrap_or(Ending::Gone));
                    self.ended.push(spell);
                }
            }
        }
        for (item, bad) in look.bad {
            let Bad { outcome, reason } = bad;
            let from = look.as_of;
            let new = |item| Spell {
                item,
                outcome,
                reason,
                from,
                earliest,
                until: None,
                until_earliest: None,
                ended: None,
                lasted: Lasted::default(),
            };
            self.open.entry(item).or_insert_with_key(|item| new(item.clone()));
        }
        self.looks.push(look.as_of);
    }

    /// All of them, in the order in which they began.
    pub fn end(self) -> Vec<Spell> {
        let last = self.looks.last().copied();
        let mut all: Vec<Spell> = self.ended.into_iter().chain(self.open.into_values()).collect();
        for spell in &mut all {
            let until = spell.until.or(last).unwrap_or(spell.from);
            let between = |from: DateTime<Utc>, until: DateTime<Utc>| (until - from).num_seconds().max(0);
            spell.lasted = Lasted {
                at_least_s: between(spell.from, spell.until_earliest.unwrap_or(until)),
                observed_s: between(spell.from, until),
                at_most_s: between(spell.earliest.unwrap_or(spell.from), until),
            };
        }
        all.sort_by(|a, b| (a.from, &a.item).cmp(&(b.from, &b.item)));
        all
    }
}
