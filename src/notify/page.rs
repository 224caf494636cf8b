//! An alert in words, the same for every channel: what, since when, which items, whose, what to do.
//!
//! What comes from outside is made safe to show here, once: what cannot be seen, controls and marks of direction
//! among it, is written out, and what is cut is counted. Markup is the channels' own.

use super::message::{Event, Item, Message};
use crate::config::Severity;
use chrono::SecondsFormat;
use sha2::{Digest, Sha256};

/// Longest texts, characters.
const TITLE_CHARS: usize = 250;
const HEADLINE_CHARS: usize = 500;
const FACT_CHARS: usize = 200;
const NAME_CHARS: usize = 200;
const WHAT_CHARS: usize = 80;
const REASON_CHARS: usize = 250;
const STEP_CHARS: usize = 400;

/// One alert in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Of what, and how bad: one line.
    pub(super) title: String,
    /// In one sentence.
    pub(super) headline: String,
    /// Whose, since when and the like, by name.
    pub(super) facts: Vec<(&'static str, String)>,
    /// The items, worst first.
    pub(super) items: Vec<Line>,
    /// How many more there are.
    pub(super) more: u64,
    /// What to do, in order.
    pub(super) next: Vec<String>,
    /// Steps that are not shown.
    pub(super) more_steps: usize,
}

/// One item in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) reason: String,
}

impl Page {
    pub(super) fn of(record: u64, message: &Message) -> Self {
        let sample = if message.sample { "SAMPLE " } else { "" };
        let severity = severity(message.severity);
        let title = format!("{sample}{} {} ({severity})", message.subject.name(), event(message.event));
        let mut facts = vec![("Organisation", message.organization.clone())];
        if let super::message::Subject::Control { title, criteria, .. } = &message.subject {
            facts.push(("Control", title.clone()));
            facts.push(("Criteria", criteria.join(", ")));
        }
        facts.push(("Owner", message.owner.clone().unwrap_or_else(|| "nobody is named".to_owned())));
        facts.push(("Since", message.since.to_rfc3339_opts(SecondsFormat::Secs, true)));
        if message.sample {
            facts.push(("Sample", "made with a simulated clock: nothing of it is real".to_owned()));
        }
        facts.push(("Alert", format!("{} (record {record})", message.key)));
        Self {
            title: shown(&title, TITLE_CHARS),
            headline: shown(&message.headline, HEADLINE_CHARS),
            facts: facts.into_iter().map(|(name, fact)| (name, shown(&fact, FACT_CHARS))).collect(),
            items: message.items.iter().map(Line::of).collect(),
            more: message.more,
            next: message.next.iter().map(|step| shown(step, STEP_CHARS)).collect(),
            more_steps: 0,
        }
    }

    /// With that many items and steps at most, and the others counted.
    pub(super) fn shortened(&self, (items, steps): (usize, usize)) -> Self {
        let mut page = self.clone();
        page.more += self.items.len().saturating_sub(items) as u64;
        page.more_steps += self.next.len().saturating_sub(steps);
        page.items.truncate(items);
        page.next.truncate(steps);
        page
    }

    /// What is said of the items that are not shown.
    pub(super) fn others(&self) -> Option<String> {
        let more = if self.items.is_empty() { "" } else { " more" };
        (self.more > 0)
            .then(|| format!("{}{more}, not shown here: `evidenced status` has them", counted(self.more, "item")))
    }

    /// What is said of the steps that are not shown.
    pub(super) fn other_steps(&self) -> Option<String> {
        let more = if self.next.is_empty() { "" } else { " more" };
        let steps = counted(self.more_steps as u64, "step");
        (self.more_steps > 0).then(|| format!("{steps}{more}, not shown here: `evidenced status` has them"))
    }
}

impl Line {
    fn of(item: &Item) -> Self {
        Self {
            name: shown(&item.item, NAME_CHARS),
            what: shown(&item.what, WHAT_CHARS),
            reason: shown(&item.reason, REASON_CHARS),
        }
    }

    /// What it is now, and why.
    pub(super) fn said(&self) -> String {
        if self.reason.is_empty() { self.what.clone() } else { format!("{}: {}", self.what, self.reason) }
    }
}

/// What several alerts are called together.
pub(super) fn several(pages: &[Page]) -> String {
    match pages {
        [page] => page.title.clone(),
        pages => format!("{} alerts: {}", pages.len(), shown(&pages[0].title, TITLE_CHARS - 40)),
    }
}

/// What a service knows the alerts of one subject by: 32 hexadecimal digits, of this organisation and subject
/// alone.
pub(super) fn thread(message: &Message) -> String {
    digits(&serde_json::json!([message.organization, message.sample, message.subject.name()]))
}

/// What a service knows this alert by and no other, in the same form.
pub(super) fn alone(message: &Message) -> String {
    digits(&serde_json::json!([message.organization, message.sample, message.subject.name(), message.key]))
}

fn digits(name: &serde_json::Value) -> String {
    hex::encode(Sha256::digest(name.to_string()).as_slice())[..32].to_owned()
}

/// A text from outside in one line, what cannot be seen written out, of at most that many characters; what is
/// cut is counted.
pub(super) fn shown(text: &str, max: usize) -> String {
    let whole = crate::shown::shown(text.trim());
    match whole.char_indices().nth(max) {
        None => whole.into_owned(),
        Some((end, _)) => format!("{}… ({} more characters)", &whole[..end], whole[end..].chars().count()),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn event(event: Event) -> &'static str {
    match event {
        Event::Drifted => "has drifted",
        Event::Resolved => "is effective again",
        Event::Stale => "has no fresh evidence",
        Event::Gap => "missed a due run",
        Event::CollectorFailing => "does not bring all of its population",
        Event::CollectorRecovered => "is complete again",
        Event::WaiverExpiring => "has a waiver that ends soon",
        Event::WaiverExpired => "has a waiver that has ended",
        Event::AnchorLate => "has not been given a checkpoint in time",
        Event::DiskLow => "is filling up",
        Event::DiskRecovered => "has space again",
        Event::SourceForgetting => "reads a source that will soon have forgotten",
        Event::ConfigRefused => "cannot use a changed configuration",
        Event::Undelivered => "did not take a message",
        Event::Test => "is being tried",
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::{ITEMS_MAX, Subject};
    use super::*;
    use chrono::DateTime;

    /// A drifted control with two items.
    pub(in crate::notify) fn message() -> Message {
        let item =
            |item: &str, reason: &str| Item { item: item.into(), what: "deviates".into(), reason: reason.into() };
        Message {
            key: "alert-7".into(),
            event: Event::Drifted,
            severity: Severity::Critical,
            organization: "Acme Ltd".into(),
            sample: false,
            subject: Subject::Control {
                id: "SEC-001".into(),
                title: "Peer review before merge".into(),
                criteria: vec!["CC8.1".into(), "CC5.2".into()],
            },
            owner: Some("Head of Engineering".into()),
            since: DateTime::from_timestamp(1_772_323_200, 0).unwrap(),
            headline: "2 changes were merged without an approval.".into(),
            items: vec![item("acme/shop#41", "no-approval"), item("acme/shop#42", "self-approval")],
            more: 0,
            next: vec!["evidenced explain SEC-001 'acme/shop#41'".into(), "Review what was merged".into()],
        }
    }

    /// An alert as long as one can be, of one letter.
    pub(in crate::notify) fn longest(letter: &str) -> Page {
        let long = letter.repeat(10_000);
        let item = Item { item: long.clone(), what: long.clone(), reason: long.clone() };
        let told = Message {
            key: long.clone(),
            sample: true,
            organization: long.clone(),
            subject: Subject::Control { id: long.clone(), title: long.clone(), criteria: vec![long.clone(); 100] },
            owner: Some(long.clone()),
            headline: long.clone(),
            items: vec![item; ITEMS_MAX],
            more: u64::MAX / 2,
            next: vec![long; 100],
            ..message()
        };
        Page::of(u64::MAX, &told)
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let page = Page::of(3, &Message { more: 5, ..message() });
        let short = page.shortened((1, 0));
        assert_eq!((short.items.len(), short.more, short.more_steps), (1, 6, 2));
        assert_eq!(short.others().unwrap(), "6 items more, not shown here: `evidenced status` has them");
        assert_eq!(short.other_steps().unwrap(), "2 steps, not shown here: `evidenced status` has them");
        assert_eq!(page.shortened((usize::MAX, usize::MAX)), page);
        assert_eq!(shown(&"x".repeat(12), 10), "xxxxxxxxxx… (2 more characters)");
        assert_eq!(shown("a\u{1b}[31m\nb\u{202e}c", 99), "a⟨U+001B⟩[31m⟨U+000A⟩b⟨U+202E⟩c");
    }

    #[test]
    fn a_subject_of_another_organisation_or_of_a_sample_is_another() {
        let ours = thread(&message());
        assert_eq!(ours.len(), 32);
        assert_eq!(ours, thread(&Message { event: Event::Resolved, key: "other".into(), ..message() }));
        assert_ne!(ours, thread(&Message { organization: "Other".into(), ..message() }));
        assert_ne!(ours, thread(&Message { sample: true, ..message() }));
        assert_ne!(ours, thread(&Message { subject: Subject::Daemon, ..message() }));
    }
}
