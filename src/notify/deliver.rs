//! Sends what is owed: in order for each subject, again until the channel has taken it, and on record when it has
//! or never will. What may go when is `route`'s and `owed`'s to say.

use super::channel::{Again, Channel, Refusal};
use super::message::{Letter, Message};
use super::owed::{Alert, Owed, Planned, plan};
use super::raise::{Raise, message};
use crate::backoff;
use crate::config::Loaded;
use crate::ledger::record::{About, Body, DeliveryOutcome};
use crate::ledger::{Ledger, NewFile, NewRecord};
use crate::run::{RunError, Runner};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::clock::Clock;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// Longest time between two tries, seconds: with the quarter more it is a minute. So what was owed arrives within
/// a minute of a channel being back.
const BACK_OFF_MAX: i64 = 48;
/// Time before the second try, seconds.
const BACK_OFF_FIRST: i64 = 5;
/// Most that a channel can ask us to wait.
const ASKED_MAX: TimeDelta = TimeDelta::hours(6);
/// Refusals in a row after which a channel is left alone for a while.
const IN_A_ROW_MAX: u32 = 2;
/// Tries by this process before an alert can be dead: it may have been owed for long when the daemon starts.
const TRIES_MIN: u32 = 3;
/// What is sent later than this says why.
const PROMPT: TimeDelta = TimeDelta::minutes(5);
/// Longest reason in a record, characters.
const WHY_MAX: usize = 300;

/// What takes messages. `Channel` does, and so do the tests' own.
#[async_trait::async_trait]
pub trait Sink: Send + Sync {
    /// `Ok` when the other side has the letter, and must not be trusted to have it before.
    async fn send(&self, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal>;
}

#[async_trait::async_trait]
impl Sink for Channel {
    async fn send(&self, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal> {
        Channel::send(self, letter, now).await
    }
}

/// Channels by name.
pub type Sinks = BTreeMap<String, Arc<dyn Sink>>;

/// What this process delivers. It holds nothing that the ledger does not have, but for how often and until when
/// not to try.
pub struct Outbox {
    ledger: Ledger,
    loaded: Arc<Loaded>,
    clock: Arc<dyn Clock>,
    sinks: Sinks,
    owed: Mutex<Owed>,
    tries: Mutex<BTreeMap<String, Tries>>,
}

/// What this process knows of a channel.
#[derive(Debug, Default)]
struct Tries {
    /// Refusals since it last took something; and until when it is left alone.
    refused: u32,
    pause: Option<Pause>,
    alerts: BTreeMap<u64, Tried>,
}

#[derive(Debug, Default, Clone)]
struct Tried {
    count: u32,
    why: String,
    pause: Option<Pause>,
}

/// Not to be tried in `[from, until)`. A clock that is set back ends it.
#[derive(Debug, Clone, Copy)]
struct Pause {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// What a channel is doing, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trying {
    /// Refusals since it last took something.
    pub refused: u32,
    /// What it said.
    pub why: String,
    /// When it is tried again.
    pub again: DateTime<Utc>,
}

/// What one pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Alerts that channels took.
    pub delivered: u64,
    /// Alerts that are not tried any more.
    pub dead: u64,
    /// Alerts whose contents had been erased.
    pub erased: u64,
    /// Channels that refused something, with the last reason.
    pub refused: BTreeMap<String, String>,
}

impl Passed {
    fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.dead += other.dead;
        self.erased += other.erased;
        self.refused.extend(other.refused);
    }
}

impl Outbox {
    /// Over the ledger and configuration that a runner has, with the channels that it configures.
    pub fn of(runner: &Runner) -> Self {
        let loaded = runner.shared();
        let channels = loaded.config.channels.iter();
        let sink = |(name, config): (&String, _)| {
            let sink: Arc<dyn Sink> = Arc::new(Channel::of(&loaded, config));
            (name.clone(), sink)
        };
        let sinks = channels.map(sink).collect();
        Self::with(runner, sinks)
    }

    /// The same with other channels.
    pub fn with(runner: &Runner, sinks: Sinks) -> Self {
        let (ledger, loaded, clock) = (runner.ledger().clone(), runner.shared(), runner.clock());
        Self { ledger, loaded, clock, sinks, owed: Mutex::default(), tries: Mutex::default() }
    }

    /// Sends what may go now, on all channels at once, so that a slow one does not keep the others.
    ///
    /// Errors: those of the ledger. A channel that refuses is no error.
    pub async fn deliver(self: &Arc<Self>) -> Result<Passed, RunError> {
        let channels: Vec<String> = {
            let mut owed = lock(&self.owed);
            owed.follow(&self.ledger.reader()?)?;
            owed.channels().cloned().collect()
        };
        let mut passes = JoinSet::new();
        for channel in channels {
            let outbox = self.clone();
            passes.spawn(async move { outbox.channel(&channel).await });
        }
        let mut all = Passed::default();
        while let Some(ended) = passes.join_next().await {
            match ended {
                Ok(passed) => all.add(passed?),
                Err(panic) => tracing::error!(error = %panic, "sending alerts panicked; they are still owed"),
            }
        }
        Ok(all)
    }

    /// Channels that refused the last time, for people.
    pub fn trying(&self) -> BTreeMap<String, Trying> {
        let tries = lock(&self.tries);
        let refusing = tries.iter().filter_map(|(name, tries)| {
            let last = tries
                .alerts
                .values()
                .filter_map(|tried| Some((tried.pause?.from, tried)))
                .max_by_key(|(from, _)| *from);
            let (_, tried) = last?;
            let again = tries.pause.or(tried.pause)?.until;
            Some((name.clone(), Trying { refused: tries.refused, why: tried.why.clone(), again }))
        });
        refusing.collect()
    }

    /// One channel: everything that may go, until it refuses twice in a row.
    async fn channel(&self, name: &str) -> Result<Passed, RunError> {
        let mut passed = Passed::default();
        if lock(&self.tries).get(name).is_some_and(|tries| on(tries.pause, self.clock.now())) {
            return Ok(passed);
        }
        let Some(_lock) = self.ledger.lock_collector(&format!("channel {name}"))? else { return Ok(passed) };
        let owed = {
            let mut owed = lock(&self.owed);
            // Another process may have delivered until just now.
            owed.follow(&self.ledger.reader()?)?;
            owed.of(name)
        };
        let mut letters: VecDeque<Planned> = self.plan(name, &owed).into();
        let (mut blocked, mut in_a_row): (BTreeSet<About>, u32) = (BTreeSet::new(), 0);
        while let Some(mut planned) = letters.pop_front() {
            planned.alerts.retain(|index| owed.get(index).is_some_and(|alert| !blocked.contains(&alert.about)));
            let (alerts, erased) = self.read(&planned)?;
            if !erased.is_empty() {
                passed.erased += erased.len() as u64;
                self.settle(name, erased, DeliveryOutcome::Erased, Some("what it said was erased")).await?;
            }
            let Some(delayed) = alerts.first().map(|(first, _)| self.delayed(name, *first, &owed, &planned)) else {
                continue;
            };
            let letter = Letter { alerts, delayed };
            let indexes: Vec<u64> = letter.alerts.iter().map(|(index, _)| *index).collect();
            let Err(refusal) = self.send(name, &letter).await else {
                (in_a_row, passed.delivered) = (0, passed.delivered + indexes.len() as u64);
                self.took(name);
                self.settle(name, indexes, DeliveryOutcome::Delivered, None).await?;
                continue;
            };
            tracing::warn!(channel = name, alerts = ?indexes, why = refusal.why, "an alert was not taken");
            passed.refused.insert(name.to_owned(), refusal.why.clone());
            if refusal.again == Again::Never && indexes.len() > 1 {
                // One of them may be what it does not take.
                let one = |index: u64| Planned { alerts: vec![index], waited: planned.waited.clone() };
                indexes.into_iter().rev().for_each(|index| letters.push_front(one(index)));
                continue;
            }
            for (index, message) in &letter.alerts {
                let Some(alert) = owed.get(index) else { continue };
                self.refused(name, *index, &refusal)?;
                if self.given_up(name, *index, alert, &refusal) {
                    passed.dead += 1;
                    self.bury(name, *index, message, &refusal.why).await?;
                } else {
                    blocked.insert(alert.about.clone());
                }
            }
            in_a_row += 1;
            if matches!(refusal.again, Again::After(_)) {
                break;
            }
            if in_a_row >= IN_A_ROW_MAX {
                self.leave_alone(name)?;
                break;
            }
        }
        Ok(passed)
    }

    fn plan(&self, name: &str, owed: &BTreeMap<u64, Alert>) -> Vec<Planned> {
        let (config, now) = (&self.loaded.config, self.clock.now());
        let tries = lock(&self.tries);
        let tried = |index: u64| tries.get(name).and_then(|tries| tries.alerts.get(&index));
        plan(
            owed,
            |alert| self.loaded.routes.release(name, &alert.routed(config), alert.at, now),
            |index| tried(index).map_or(0, |tried| tried.count),
            |index| tried(index).is_some_and(|tried| on(tried.pause, now)),
        )
    }

    /// The messages, and records whose message was erased.
    fn read(&self, planned: &Planned) -> Result<(Vec<(u64, Message)>, Vec<u64>), RunError> {
        let reader = self.ledger.reader()?;
        let (mut here, mut erased) = (Vec::new(), Vec::new());
        for index in &planned.alerts {
            match message(&reader, *index)? {
                Some(message) => here.push((*index, message)),
                None => erased.push(*index),
            }
        }
        Ok((here, erased))
    }

    async fn send(&self, name: &str, letter: &Letter) -> Result<(), Refusal> {
        match self.sinks.get(name) {
            Some(sink) => sink.send(letter, self.clock.now()).await,
            None => Err(Refusal { why: "it is not configured any more".to_owned(), again: Again::Later }),
        }
    }

    /// Why a letter comes later than its first alert was raised, if it does.
    fn delayed(&self, name: &str, first: u64, owed: &BTreeMap<u64, Alert>, planned: &Planned) -> Option<String> {
        let at = owed.get(&first)?.at;
        let tried = lock(&self.tries).get(name).and_then(|tries| tries.alerts.get(&first)).cloned();
        if let Some(tried) = tried.filter(|tried| tried.count > 0) {
            return Some(format!("{name} did not take it before ({} tries): {}", tried.count, tried.why));
        }
        let late = self.clock.now() - at > PROMPT;
        match &planned.waited {
            Some(waited) => Some(format!("it waited for {waited}")),
            None => late.then(|| "nothing was there to send it: the daemon was not running".to_owned()),
        }
    }

    /// Puts on record what became of alerts on a channel.
    async fn settle(
        &self,
        name: &str,
        alerts: Vec<u64>,
        outcome: DeliveryOutcome,
        why: Option<&str>,
    ) -> Result<(), RunError> {
        let record = (self.delivery(name, alerts, outcome, why), Vec::new());
        self.append(vec![record]).await
    }

    /// An alert that is not tried any more: on record, and told on the other channels.
    async fn bury(&self, name: &str, index: u64, message: &Message, why: &str) -> Result<(), RunError> {
        tracing::error!(channel = name, record = index, why, "an alert is dead: it is not tried any more");
        let mut records = vec![(self.delivery(name, vec![index], DeliveryOutcome::Dead, Some(why)), Vec::new())];
        records.extend({
            let reader = self.ledger.reader()?;
            Raise::new(&reader, &self.loaded)?.undelivered(name, message, why, self.clock.now())?
        });
        self.append(records).await
    }

    fn delivery(&self, name: &str, alerts: Vec<u64>, outcome: DeliveryOutcome, why: Option<&str>) -> Body {
        let mut tries = lock(&self.tries);
        let known = tries.entry(name.to_owned()).or_default();
        let refused = alerts.iter().filter_map(|index| known.alerts.remove(index)).map(|tried| tried.count).max();
        let sent = u32::from(outcome == DeliveryOutcome::Delivered);
        let why = why.map(|why| why.chars().take(WHY_MAX).collect());
        Body::Delivery { channel: name.to_owned(), alerts, outcome, tries: u64::from(refused.unwrap_or(0) + sent), why }
    }

    async fn append(&self, records: Vec<(Body, Vec<NewFile>)>) -> Result<(), RunError> {
        let at = self.clock.now();
        let records = records.into_iter().map(|(body, files)| NewRecord { at, body, files }).collect();
        self.ledger.append(records).await?;
        Ok(())
    }

    /// A channel took something: whatever it refused before may go again at once.
    fn took(&self, name: &str) {
        let mut tries = lock(&self.tries);
        let Some(tries) = tries.get_mut(name).filter(|tries| tries.refused > 0) else { return };
        (tries.refused, tries.pause) = (0, None);
        tries.alerts.values_mut().for_each(|tried| tried.pause = None);
    }

    /// Counts a refusal.
    fn refused(&self, name: &str, index: u64, refusal: &Refusal) -> Result<(), RunError> {
        let now = self.clock.now();
        let mut tries = lock(&self.tries);
        let tries = tries.entry(name.to_owned()).or_default();
        tries.refused = tries.refused.saturating_add(1);
        let tried = tries.alerts.entry(index).or_default();
        tried.count = tried.count.saturating_add(1);
        tried.why.clone_from(&refusal.why);
        let until = match refusal.again {
            Again::After(until) => until.clamp(now, now + ASKED_MAX),
            Again::Later | Again::Never => now + backoff::after(tried.count, BACK_OFF_FIRST, BACK_OFF_MAX)?,
        };
        tried.pause = Some(Pause { from: now, until });
        if matches!(refusal.again, Again::After(_)) {
            // It says when, for whatever comes.
            tries.pause = Some(Pause { from: now, until });
        }
        Ok(())
    }

    fn given_up(&self, name: &str, index: u64, alert: &Alert, refusal: &Refusal) -> bool {
        if refusal.again == Again::Never {
            return true;
        }
        let count =
            lock(&self.tries).get(name).and_then(|tries| tries.alerts.get(&index)).map_or(0, |tried| tried.count);
        let from = self.loaded.routes.tried_from(name, &alert.routed(&self.loaded.config), alert.at);
        count >= TRIES_MIN && self.clock.now() - from > self.loaded.config.alerts.give_up_after.delta()
    }

    fn leave_alone(&self, name: &str) -> Result<(), RunError> {
        let now = self.clock.now();
        let mut tries = lock(&self.tries);
        let tries = tries.entry(name.to_owned()).or_default();
        let until = now + backoff::after(tries.refused, BACK_OFF_FIRST, BACK_OFF_MAX)?;
        let asked = tries.pause.filter(|asked| asked.until > until);
        tries.pause = Some(asked.unwrap_or(Pause { from: now, until }));
        Ok(())
    }
}

fn on(pause: Option<Pause>, now: DateTime<Utc>) -> bool {
    pause.is_some_and(|pause| pause.from <= now && now < pause.until)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
