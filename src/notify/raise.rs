//! Puts alerts into the ledger beside what sets them off. Reads the ledger and asks `rules`; what follows from
//! records follows wherever these are appended, so that no way into the log goes untold.

use super::message::{ALERT, Event, Message};
use super::route::Routed;
use super::rules::{Changed, ChangedItems, Ended, Failing, Misses, Rules, Waived};
use crate::anchor::holders;
use crate::assess::{self, Draft};
use crate::config::Loaded;
use crate::disk::Space;
use crate::drift::{Bad, State};
use crate::judge::{Judgement, Outcome, Verdict};
use crate::ledger::record::{Body, End, Record, canonical_json};
use crate::ledger::{Filter, LedgerError, NewFile, Reader};
use crate::run::RunError;
use crate::run_file::{ErrorFile, PARTIAL};
use crate::schedule::forgets_at;
use crate::waivers::{self, OnRecord};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{Partial, Unread};
use std::collections::BTreeMap;

/// Characters of the log's own that begin the keys of its alerts.
const LOG_CHARS: usize = 8;

/// While the disk is low somebody is told every day; what is older than this is not taken back any more.
const LOW_TOLD: TimeDelta = TimeDelta::days(30);

/// What raises alerts: the ledger as it is, and the configuration in force.
pub struct Raise<'a> {
    reader: &'a Reader,
    loaded: &'a Loaded,
    log: String,
    sample: bool,
}

impl<'a> Raise<'a> {
    /// For a ledger.
    pub fn new(reader: &'a Reader, loaded: &'a Loaded) -> Result<Self, LedgerError> {
        let (log, sample) = match reader.record(0)?.body {
            Body::Epoch { nonce, sample, .. } => (nonce.chars().take(LOG_CHARS).collect(), sample),
            _ => (String::new(), false),
        };
        Ok(Self { reader, loaded, log, sample })
    }

    /// The rules, for this ledger and configuration.
    pub fn rules(&self) -> Rules<'_> {
        Rules { config: &self.loaded.config, log: &self.log, sample: self.sample }
    }

    /// An alert as a record, to the channels that its routes lead to.
    pub fn draft(&self, message: &Message) -> Result<Draft, RunError> {
        let about = message.subject.about();
        let routed = Routed::of(&self.loaded.config, &about, message.event, message.severity);
        self.draft_to(message, self.loaded.routes.channels(&routed))
    }

    /// An alert as a record, to these channels.
    fn draft_to(&self, message: &Message, channels: Vec<String>) -> Result<Draft, RunError> {
        let body = Body::Alert {
            key: message.key.clone(),
            event: message.event,
            about: message.subject.about(),
            severity: message.severity,
            owner: message.owner.clone(),
            channels,
        };
        Ok((body, vec![NewFile::json(ALERT, canonical_json(message)?)]))
    }

    /// The alerts that follow from records which are about to be appended together at the instant `at`.
    pub fn following(&self, drafts: &[Draft], at: DateTime<Utc>) -> Result<Vec<Draft>, RunError> {
        let mut raised = Vec::new();
        let mut missed: BTreeMap<(&str, &str), Vec<DateTime<Utc>>> = BTreeMap::new();
        for (body, files) in drafts {
            match body {
                Body::Transition { .. } => raised.extend(self.changed(body, files, drafts)?),
                Body::RunClosed { run, collector, end } => raised.extend(self.ended(run, collector, *end, at)?),
                Body::Missed { collector, scheduled_for, reason, .. } => {
                    missed.entry((collector, reason)).or_default().push(*scheduled_for);
                }
                _ => {}
            }
        }
        for ((collector, reason), due) in &missed {
            raised.extend(self.rules().gap(&Misses { collector, due, reason, how: "missed" }));
        }
        raised.iter().map(|message| self.draft(message)).collect()
    }

    /// The alerts that are due by time, and by what is outside of the ledger: those that were not raised yet.
    /// `space` is that of its file system, where it is known.
    pub fn by_time(&self, now: DateTime<Utc>, space: Option<Space>) -> Result<Vec<Draft>, RunError> {
        let rules = self.rules();
        let mut due: Vec<Message> =
            space.map(|space| self.disk(space, now)).transpose()?.flatten().into_iter().collect();
        for id in self.loaded.config.controls.keys() {
            let waivers = self.waivers(id)?;
            due.extend(waivers.iter().filter_map(|waiver| rules.waiver(id, waiver, &waivers, now)));
        }
        for holder in holders(self.reader, &self.loaded.config, now)?.iter().filter(|holder| holder.late) {
            due.extend(holder.due.map(|due| rules.anchor_late(&holder.name, holder.record, due)));
        }
        for (name, loaded) in &self.loaded.collectors {
            let Some(complete) = assess::newest_complete(self.reader, name)? else { continue };
            let read_to = complete.window.end;
            let soon = forgets_at(read_to, &loaded.collector.remembers()).filter(|forgets| forgets.soon_from <= now);
            due.extend(soon.map(|forgets| rules.source_forgetting(name, read_to, forgets.at)));
        }
        self.new_ones(&due)
    }

    /// The disk is low, or is not any more.
    fn disk(&self, space: Space, now: DateTime<Utc>) -> Result<Option<Message>, LedgerError> {
        let (mut low, mut recovered) = (None, None);
        for found in self.reader.records_newest_first(0..u64::MAX, &Filter::kind("alert")) {
            let (index, record) = found?;
            if record.at < now - LOW_TOLD {
                break;
            }
            match record.body {
                Body::Alert { event: Event::DiskLow, .. } => low = low.or(Some(index)),
                Body::Alert { event: Event::DiskRecovered, .. } => {
                    recovered = Some(index);
                    break;
                }
                _ => {}
            }
        }
        if space.is_low() {
            return Ok(Some(self.rules().disk_low(&space, recovered, now)));
        }
        Ok(low.filter(|_| space.is_ample()).map(|low| self.rules().disk_recovered(&space, low, now)))
    }

    /// Alerts as records, but for those that there are already.
    pub fn new_ones(&self, messages: &[Message]) -> Result<Vec<Draft>, RunError> {
        let mut drafts = Vec::new();
        for message in messages {
            if self.reader.alert(&message.key)?.is_none() {
                drafts.push(self.draft(message)?);
            }
        }
        Ok(drafts)
    }

    /// That an alert is dead on a channel, told on the others; `None` when it is told already, when nobody else is
    /// there to be told, or when the alert is itself of that sort: it must not go round.
    pub fn undelivered(
        &self,
        channel: &str,
        alert: &Message,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Draft>, RunError> {
        if alert.event == Event::Undelivered {
            return Ok(None);
        }
        let message = self.rules().undelivered(channel, alert, why, now);
        let (mut body, files) = self.draft(&message)?;
        if let Body::Alert { channels, .. } = &mut body {
            channels.retain(|name| name != channel);
            if channels.is_empty() || self.reader.alert(&message.key)?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some((body, files)))
    }

    fn changed(&self, body: &Body, files: &[NewFile], drafts: &[Draft]) -> Result<Option<Message>, RunError> {
        let Body::Transition { control, from, to, since, observed_at, occasion, .. } = body else { return Ok(None) };
        let items: ChangedItems =
            files.iter().find(|file| file.name == "items.json").map(own).transpose()?.unwrap_or_default();
        // The verdict that leads to a transition is appended with it; time alone has none.
        let of_verdict = |(body, _): &&Draft| matches!(body, Body::Verdict { control: of, .. } if of == control);
        let judged =
            drafts.iter().find(of_verdict).and_then(|(_, files)| files.iter().find(|f| f.name == "judgements.json"));
        let judged = judged.map(own::<Verdict>).transpose()?;
        let (from, to, since) = (*from, *to, since.unwrap_or(*observed_at));
        let still = judged.as_ref().map(|verdict| still(verdict, &items, from, to)).unwrap_or_default();
        let unread = judged.map(|verdict| verdict.unread).unwrap_or_default();
        let change = Changed { control, from, to, since, occasion, items: &items, still: &still, unread: &unread };
        let mut message = self.rules().changed(&change);
        // A waiver ends twice, if a clock was ahead the first time.
        if let Some(message) = &mut message
            && self.reader.alert(&message.key)?.is_some()
        {
            message.key = format!("{}:{}", message.key, observed_at.timestamp_millis());
        }
        Ok(message)
    }

    /// A run that brought something home or tried to; of one that was cut short, the due instant that it answered.
    fn ended(&self, run: &str, collector: &str, end: End, at: DateTime<Utc>) -> Result<Option<Message>, RunError> {
        if matches!(end, End::Done | End::Incomplete | End::Failed) {
            let unread = self.unread(run)?;
            let before = self.failing(collector)?;
            return Ok(self.rules().collected(&Ended { collector, run, end, at, unread: &unread }, before.as_ref()));
        }
        let opened = self.reader.newest(&Filter::kind("run_opened").run(run))?;
        let Some((_, Record { body: Body::RunOpened { scheduled_for: Some(due), .. }, .. })) = opened else {
            return Ok(None);
        };
        let reason = match end {
            End::Aborted => "it was cut short: the daemon was told to stop, or the disk was full",
            _ => "the daemon died while it ran",
        };
        Ok(self.rules().gap(&Misses { collector, due: &[due], reason, how: end.word() }))
    }

    /// What the run did not read, as it is sealed.
    fn unread(&self, run: &str) -> Result<Vec<Unread>, RunError> {
        let Some((index, _)) = self.reader.newest(&Filter::kind("evidence").run(run))? else { return Ok(Vec::new()) };
        let bytes = match self.reader.read_file(index, PARTIAL) {
            Ok(bytes) => bytes,
            // Whole, or erased.
            Err(LedgerError::Absent { .. } | LedgerError::Erased { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        if let Ok(partial) = serde_json::from_slice::<Partial>(&bytes) {
            return Ok(partial.unread);
        }
        let failed: ErrorFile = serde_json::from_slice(&bytes)
            .map_err(|error| RunError::Unreadable { index, why: format!("{PARTIAL}: {error}") })?;
        Ok(failed.unread)
    }

    /// What the newest alert about how the collector is doing says.
    fn failing(&self, collector: &str) -> Result<Option<Failing>, RunError> {
        for found in self.reader.records_newest_first(0..u64::MAX, &Filter::kind("alert").collector(collector)) {
            let (index, record) = found?;
            let Body::Alert { event, .. } = record.body else { continue };
            if matches!(event, Event::CollectorFailing | Event::CollectorRecovered) {
                let message = message(self.reader, index)?;
                return Ok(Some(Failing { failing: event == Event::CollectorFailing, message }));
            }
        }
        Ok(None)
    }

    /// The waivers of a control, but for those that were revoked: somebody ended these on purpose.
    fn waivers(&self, control: &str) -> Result<Vec<Waived>, LedgerError> {
        let on_record = waivers::of_control(self.reader, control)?;
        let standing = on_record.into_iter().filter(|waiver| waiver.revoked.is_none());
        let waived = |waiver: OnRecord| {
            let OnRecord { record, item, approver, approved_at, expires, .. } = waiver;
            Waived { record, item, approver, approved_at, expires }
        };
        Ok(standing.map(waived).collect())
    }
}

/// What is bad by the verdict and was so before, of a control that came into a bad state. Of one that stays in it the
/// alert before has said them.
fn still(verdict: &Verdict, changed: &ChangedItems, from: Option<State>, to: State) -> BTreeMap<String, Bad> {
    if from == Some(to) || !matches!(to, State::Deviating | State::Indeterminate) {
        return BTreeMap::new();
    }
    let bad = verdict.judgements.iter().filter(|judgement| {
        let bad = matches!(judgement.outcome, Outcome::Deviation | Outcome::Indeterminate);
        bad && !changed.appeared.contains_key(&judgement.item)
    });
    let why = |of: &Judgement| (of.item.clone(), Bad { outcome: of.outcome, reason: of.reason.clone() });
    bad.map(why).collect()
}

/// Whether alerts can follow from such a record.
pub fn tells(body: &Body) -> bool {
    matches!(body, Body::Transition { .. } | Body::RunClosed { .. } | Body::Missed { .. })
}

/// What an alert on record says; `None` when that was erased.
pub fn message(reader: &Reader, index: u64) -> Result<Option<Message>, RunError> {
    let bytes = match reader.read_file(index, ALERT) {
        Ok(bytes) => bytes,
        Err(LedgerError::Erased { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let message = serde_json::from_slice(&bytes);
    message.map(Some).map_err(|error| RunError::Unreadable { index, why: format!("{ALERT}: {error}") })
}

/// A document that we have just written ourselves.
fn own<T: serde::de::DeserializeOwned>(file: &NewFile) -> Result<T, RunError> {
    Ok(serde_json::from_slice(&file.bytes)?)
}
