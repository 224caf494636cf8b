//! Alerts about a control: it changed its state, or a waiver of it ends.

use super::{Rules, Said, count, hints, minute, quoted, short, unread_items};
use crate::config::Severity;
use crate::drift::{Bad, State};
use crate::judge::Outcome;
use crate::ledger::record::Occasion;
use crate::notify::message::{Event, Item, Message};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Unread;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A control changed its state.
pub struct Changed<'a> {
    /// Which control.
    pub control: &'a str,
    /// What it was.
    pub from: Option<State>,
    /// What it is.
    pub to: State,
    /// Since when, as far as that is known; else the observation that shows it.
    pub since: DateTime<Utc>,
    /// What showed it.
    pub occasion: &'a Occasion,
    /// The items that changed.
    pub items: &'a ChangedItems,
    /// The items that are bad as before, of a control that came from one bad state into another: what was bad before
    /// an outage has not appeared, and is what somebody must mend.
    pub still: &'a BTreeMap<String, Bad>,
    /// What was not read of its evidence.
    pub unread: &'a [Unread],
}

/// `items.json` of a transition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ChangedItems {
    /// Items that became bad.
    #[serde(default)]
    pub appeared: BTreeMap<String, Bad>,
    /// Items that were bad and are no longer.
    #[serde(default)]
    pub resolved: BTreeMap<String, Bad>,
    /// Items that were bad and are waived.
    #[serde(default)]
    pub waived: BTreeMap<String, Bad>,
    /// Items that were bad and are not looked at any more.
    #[serde(default)]
    pub gone: BTreeMap<String, Bad>,
}

/// A waiver on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// Its record.
    pub record: u64,
    /// The items that it is for.
    pub item: String,
    /// Who approved.
    pub approver: String,
    /// From when.
    pub approved_at: DateTime<Utc>,
    /// Until when.
    pub expires: DateTime<Utc>,
}

impl Rules<'_> {
    /// One alert for each change of state. That a control is first seen effective changes nothing for anybody.
    pub fn changed(&self, change: &Changed<'_>) -> Option<Message> {
        let event = match (change.from, change.to) {
            (None | Some(State::Effective), State::Effective) | (_, State::Unmonitored) => return None,
            (_, State::Effective) => Event::Resolved,
            (_, State::Stale) => Event::Stale,
            (_, State::Deviating | State::Indeterminate) => Event::Drifted,
        };
        let control = self.config.controls.get(change.control);
        let one = match change.occasion {
            Occasion::Run { run } => run.clone(),
            Occasion::Waiver { record } => format!("waiver:{record}"),
            Occasion::Revocation { record } => format!("revocation:{record}"),
            Occasion::WaiverEnded { record } => format!("waiver_ended:{record}"),
            Occasion::Lapse => format!("lapse:{}", change.since.timestamp_millis()),
        };
        let one = format!("{}:{one}", change.control);
        Some(self.message(Said {
            event,
            one,
            severity: control.map_or(Severity::High, |control| control.severity),
            subject: self.control(change.control),
            since: change.since,
            headline: self.headline(change),
            items: items(change),
            next: self.next(change),
        }))
    }

    fn headline(&self, change: &Changed<'_>) -> String {
        let named = match self.config.controls.get(change.control) {
            Some(control) => format!("{} ({})", change.control, control.title),
            None => change.control.to_owned(),
        };
        let of = |outcome| number(&change.items.appeared, outcome);
        let still = |outcome| number(change.still, outcome);
        let unread = if change.to == State::Indeterminate { change.unread.len() } else { 0 };
        let ended = change.items.resolved.len();
        let facts = [
            (of(Outcome::Deviation), "new deviation"),
            (still(Outcome::Deviation), "earlier deviation"),
            (of(Outcome::Indeterminate), "item that cannot be judged"),
            (still(Outcome::Indeterminate), "earlier item that cannot be judged"),
            (unread, "part that was not read"),
            (ended, "resolved item"),
            (change.items.waived.len(), "waived item"),
            (change.items.gone.len(), "item that left the look-back"),
        ];
        let facts: Vec<String> = facts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| plural(n, what)).collect();
        let facts = if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) };
        let state = change.to.word();
        match change.from {
            None => format!("{named} is {state} at the first look{facts}"),
            Some(from) if from == change.to => format!("{named} is still {state}{facts}"),
            Some(_) if change.to == State::Effective => format!("{named} is effective again{facts}"),
            Some(from) if change.to == State::Stale => {
                format!("{named} was {} and has no fresh evidence any more{facts}", from.word())
            }
            Some(from) => format!("{named} was {} and is {state}{facts}", from.word()),
        }
    }

    fn next(&self, change: &Changed<'_>) -> Vec<String> {
        if change.to == State::Effective {
            return Vec::new();
        }
        let id = change.control;
        if change.to == State::Stale {
            let collectors = self.config.controls.get(id).map(|c| c.collectors.join(" ")).unwrap_or_default();
            return vec![
                "evidenced status".to_owned(),
                format!("evidenced collect now {collectors}").trim_end().to_owned(),
            ];
        }
        let mut next = hints(change.unread);
        match bad_first(change).first() {
            Some((item, bad, _)) => {
                next.push(format!("evidenced explain {id} {}", quoted(item)));
                if bad.outcome == Outcome::Deviation {
                    let item = quoted(item);
                    next.push(format!("evidenced waive {id} {item} --reason '...' --approver '...' --expires-in 30d"));
                }
            }
            None => next.push("evidenced status".to_owned()),
        }
        next
    }

    /// A waiver that ends soon, or has ended: told of once each. Of one that another one outlasts, nobody is told.
    pub fn waiver(&self, control: &str, waiver: &Waived, all: &[Waived], now: DateTime<Utc>) -> Option<Message> {
        let outlasts = |other: &Waived| other.item == waiver.item && other.expires > waiver.expires;
        if all.iter().any(outlasts) {
            return None;
        }
        let notice = self.config.alerts.waiver_notice.delta().min((waiver.expires - waiver.approved_at) / 2);
        let ended = waiver.expires <= now;
        if !ended && now < waiver.expires - notice {
            return None;
        }
        let about = self.control(control).about();
        let (item, until) = (short(&waiver.item), minute(waiver.expires));
        let (event, most, headline) = match ended {
            true => {
                let says = format!("a waiver of {control} has ended: what it accepted counts again");
                (Event::WaiverExpired, Severity::High, says)
            }
            false => {
                let days = (waiver.expires - now + TimeDelta::days(1) - TimeDelta::milliseconds(1)).num_days();
                let says =
                    format!("a waiver of {control} ends in {}", count(usize::try_from(days).unwrap_or(0), "day"));
                (Event::WaiverExpiring, Severity::Medium, says)
            }
        };
        let what = if ended { format!("waived until {until}, and no longer") } else { format!("waived until {until}") };
        let renew = format!(
            "evidenced waive {control} {} --reason '...' --approver '...' --expires-in 30d",
            quoted(&waiver.item)
        );
        Some(self.message(Said {
            event,
            one: waiver.record.to_string(),
            severity: self.severity(&about, most),
            subject: self.control(control),
            since: if ended { waiver.expires } else { waiver.expires - notice },
            headline,
            items: vec![Item { item, what, reason: format!("approved by {}", short(&waiver.approver)) }],
            next: vec!["mend what it accepts".to_owned(), renew],
        }))
    }
}

/// The items of a change, worst first.
fn items(change: &Changed<'_>) -> Vec<Item> {
    let mut items: Vec<Item> = bad_first(change).into_iter().map(|(item, bad, what)| of(item, bad, what)).collect();
    if change.to == State::Indeterminate || change.to == State::Deviating {
        items.extend(unread_items(change.unread));
    }
    let ended = [
        (&change.items.waived, "waived"),
        (&change.items.gone, "left the look-back"),
        (&change.items.resolved, "resolved"),
    ];
    for (all, what) in ended {
        items.extend(all.iter().map(|(item, bad)| of(item, bad, what)));
    }
    items
}

fn of(item: &str, bad: &Bad, what: &str) -> Item {
    Item { item: short(item), what: what.to_owned(), reason: short(&bad.reason) }
}

/// The items that are bad, deviations first, and of these the new ones; each with what it does.
fn bad_first<'a>(change: &Changed<'a>) -> Vec<(&'a String, &'a Bad, &'static str)> {
    let does = |bad: &Bad, deviates, other| if bad.outcome == Outcome::Deviation { deviates } else { other };
    let new = change.items.appeared.iter().map(|(item, bad)| (item, bad, does(bad, "deviates", "cannot be judged")));
    let still = change.still.iter();
    let still = still.map(|(item, bad)| (item, bad, does(bad, "still deviates", "still cannot be judged")));
    let mut all: Vec<_> = new.chain(still).collect();
    all.sort_by_key(|(_, bad, _)| bad.outcome != Outcome::Deviation);
    all
}

fn number(items: &BTreeMap<String, Bad>, outcome: Outcome) -> usize {
    items.values().filter(|bad| bad.outcome == outcome).count()
}

/// `2 new deviations`, `2 items that cannot be judged`.
fn plural(n: usize, what: &str) -> String {
    match what.split_once(" that ") {
        Some((what, that)) if n == 1 => format!("1 {what} that {that}"),
        Some((what, that)) => format!("{n} {what}s that {}", that.replace("was ", "were ")),
        None => count(n, what),
    }
}
