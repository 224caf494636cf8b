//! Alerts about a collector: it does not bring a whole population home, it does again, or it did not run.

use super::{Rules, Said, count, hints, minute, short, unread_items};
use crate::config::Severity;
use crate::ledger::record::{About, End};
use crate::notify::message::{Event, Message, Subject};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::Unread;
use std::collections::BTreeSet;

/// A run that was carried through.
pub struct Ended<'a> {
    /// Of which collector.
    pub collector: &'a str,
    /// The run.
    pub run: &'a str,
    /// How it ended.
    pub end: End,
    /// When.
    pub at: DateTime<Utc>,
    /// What was not read.
    pub unread: &'a [Unread],
}

/// What the newest alert says of how a collector is doing.
pub struct Failing {
    /// Whether it says that the collector fails.
    pub failing: bool,
    /// What it says; `None` when that was erased.
    pub message: Option<Message>,
}

/// Due runs that did not happen.
pub struct Misses<'a> {
    /// Of which collector.
    pub collector: &'a str,
    /// When they were due, oldest first; never empty.
    pub due: &'a [DateTime<Utc>],
    /// Why not.
    pub reason: &'a str,
    /// What became of them: `missed`, `aborted`, `interrupted`.
    pub how: &'a str,
}

impl Rules<'_> {
    /// One alert when a collector begins to fail, one when it fails otherwise than before, and one when it is
    /// complete again. `before` is what the newest of them says.
    pub fn collected(&self, ended: &Ended<'_>, before: Option<&Failing>) -> Option<Message> {
        let failing = before.filter(|before| before.failing);
        if ended.end == End::Done {
            return failing.map(|before| self.recovered(ended, before));
        }
        let name = ended.collector;
        let about = About::Collector(name.to_owned());
        let items = unread_items(ended.unread);
        let mut next = hints(ended.unread);
        next.push(format!("evidenced collect now {name}"));
        let what = match ended.end {
            End::Failed => "brought nothing home".to_owned(),
            _ => format!("did not read everything: {}", count(ended.unread.len(), "part") + " missing"),
        };
        // A failure that goes on began when it was first told of.
        let since = failing.and_then(|before| before.message.as_ref()).map_or(ended.at, |message| message.since);
        let message = self.message(Said {
            event: Event::CollectorFailing,
            one: format!("{name}:{}", ended.run),
            severity: self.severity(&about, Severity::High),
            subject: Subject::Collector { name: name.to_owned() },
            since,
            headline: format!("collector {name} {what}"),
            items,
            next,
        });
        let told = failing.and_then(|before| before.message.as_ref()).is_some_and(|told| same_failure(told, &message));
        (!told).then_some(message)
    }

    fn recovered(&self, ended: &Ended<'_>, before: &Failing) -> Message {
        let name = ended.collector;
        let about = About::Collector(name.to_owned());
        let since = before.message.as_ref().map(|message| format!(" after failing since {}", minute(message.since)));
        self.message(Said {
            event: Event::CollectorRecovered,
            one: format!("{name}:{}", ended.run),
            severity: self.severity(&about, Severity::High),
            subject: Subject::Collector { name: name.to_owned() },
            since: ended.at,
            headline: format!("collector {name} is complete again{}", since.unwrap_or_default()),
            items: Vec::new(),
            next: Vec::new(),
        })
    }

    /// One alert for due runs that did not happen, however many they are.
    pub fn gap(&self, misses: &Misses<'_>) -> Option<Message> {
        let (first, last) = (misses.due.first()?, misses.due.last()?);
        let (name, how) = (misses.collector, misses.how);
        let about = About::Collector(name.to_owned());
        let what = match misses.due.len() {
            1 => format!("the run of {name} that was due {} was {how}", minute(*first)),
            many => {
                format!("{many} runs of {name} that were due from {} to {} were {how}", minute(*first), minute(*last))
            }
        };
        Some(self.message(Said {
            event: Event::Gap,
            one: format!("{name}:{}", first.timestamp_millis()),
            severity: self.severity(&about, Severity::High),
            subject: Subject::Collector { name: name.to_owned() },
            since: *first,
            headline: format!("{what}: {}", short(misses.reason)),
            items: Vec::new(),
            next: vec!["evidenced status".to_owned(), format!("evidenced collect now {name}")],
        }))
    }
}

/// Whether two failures are one that goes on: the same parts unread. Why may differ from try to try.
fn same_failure(a: &Message, b: &Message) -> bool {
    let parts =
        |message: &Message| -> BTreeSet<String> { message.items.iter().map(|item| item.item.clone()).collect() };
    a.event == b.event && a.more == b.more && parts(a) == parts(b)
}
