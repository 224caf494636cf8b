//! Sends what is owed: in order for each subject, again until the channel has taken it, and on record when it has
//! or never will. What may go when is `route`'s and `owed`'s to say.

use super::message::{Letter, Message};
use super::owed::{Alert, Owed, Planned, plan};
use super::raise::{Raise, message};
use super::route::Release;
use super::trying::{HANGING, Trying};
use super::{Again, Channel, PASSING, Refusal};
use crate::backoff::{self, Pause};
use crate::config::Loaded;
use crate::ledger::record::{About, Body, DeliveryOutcome};
use crate::ledger::{Ledger, NewFile, NewRecord};
use crate::outside::Outside;
use crate::run::{RunError, Runner};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::clock::Clock;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
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
/// Tries by this process before an alert can be dead, and for how long at least: it may have been owed for long when the
/// daemon starts, and what it needs may be a minute behind it.
const TRIES_MIN: u32 = 3;
const TRIED_MIN: TimeDelta = TimeDelta::hours(1);
/// What is sent later than this says why.
const PROMPT: TimeDelta = TimeDelta::minutes(5);
/// Longest that a channel may take for each alert of a letter. Every way has limits of its own that end a try sooner;
/// this is for one that has forgotten them.
const SENDING_MAX: Duration = Duration::from_secs(120);
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
    opened: DateTime<Utc>,
    sending_max: Duration,
}

/// What this process knows of a channel.
#[derive(Debug, Default)]
struct Tries {
    /// Refusals since it last took something; and until when it is left alone.
    refused: u32,
    pause: Option<Pause>,
    /// When it last took something.
    took: Option<DateTime<Utc>>,
    /// When a pass last came to its end.
    ended: Option<DateTime<Utc>>,
    alerts: BTreeMap<u64, Tried>,
}

#[derive(Debug, Default, Clone)]
struct Tried {
    first: Option<DateTime<Utc>>,
    count: u32,
    why: String,
    pause: Option<Pause>,
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

/// Messages with their records, and records whose message was erased.
type Read = (Vec<(u64, Message)>, Vec<u64>);

impl Outbox {
    /// Over the ledger and configuration that a runner has, with the channels that it configures.
    pub fn of(runner: &Runner, outside: &Arc<Outside>) -> Self {
        let loaded = runner.loaded();
        let sink = |(name, config): (&String, _)| {
            let sink: Arc<dyn Sink> = Arc::new(Channel::of(config, &loaded.base, outside));
            (name.clone(), sink)
        };
        Self::with(runner, loaded.config.channels.iter().map(sink).collect())
    }

    /// The same with other channels.
    pub fn with(runner: &Runner, sinks: Sinks) -> Self {
        let (ledger, loaded, clock) = (runner.ledger().clone(), runner.loaded(), runner.clock());
        let (opened, sending_max) = (clock.now(), SENDING_MAX);
        Self { ledger, loaded, clock, sinks, owed: Mutex::default(), tries: Mutex::default(), opened, sending_max }
    }

    /// With another limit on how long a channel may take for each alert: a test cannot wait for ours.
    pub fn within(self, sending_max: Duration) -> Self {
        Self { sending_max, ..self }
    }

    /// The channels that something is owed to. Each is sent to by `channel`.
    pub fn owing(&self) -> Result<Vec<String>, RunError> {
        let mut owed = lock(&self.owed);
        owed.follow(&self.ledger.reader()?)?;
        Ok(owed.channels().cloned().collect())
    }

    /// Sends what may go now, on all channels at once, and ends when all have ended: for who does not come again.
    ///
    /// Errors: those of the ledger. A channel that refuses is no error.
    pub async fn deliver(self: &Arc<Self>) -> Result<Passed, RunError> {
        let mut passes = JoinSet::new();
        for channel in self.owing()? {
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

    /// Channels that refused the last time, or do not come to an end, for people.
    pub fn trying(&self) -> BTreeMap<String, Trying> {
        let mut trying = self.refusing();
        let owed = lock(&self.owed);
        for name in owed.channels() {
            if let Some(since) = self.hanging(name, &owed.of(name)) {
                trying.insert(name.clone(), Trying::Hangs { since });
            }
        }
        trying
    }

    fn refusing(&self) -> BTreeMap<String, Trying> {
        let tries = lock(&self.tries);
        let refusing = tries.iter().filter_map(|(name, tries)| {
            let last = tries
                .alerts
                .values()
                .filter_map(|tried| Some((tried.pause?.from, tried)))
                .max_by_key(|(from, _)| *from);
            let (_, tried) = last?;
            let again = tries.pause.or(tried.pause)?.until;
            let trying = Trying::Refused { times: tries.refused, why: tried.why.clone(), again };
            Some((name.clone(), trying))
        });
        refusing.collect()
    }

    /// Since when something may go out on a channel without a pass that has come to its end, if that is too long.
    fn hanging(&self, name: &str, owed: &BTreeMap<u64, Alert>) -> Option<DateTime<Utc>> {
        let (config, now) = (&self.loaded.config, self.clock.now());
        let may_go = |alert: &Alert| {
            let routed = alert.routed(config);
            let released = matches!(self.loaded.routes.release(name, &routed, alert.at, now), Release::Now { .. });
            released.then(|| self.loaded.routes.tried_from(name, &routed, alert.at))
        };
        let first = owed.values().filter_map(may_go).min()?;
        let ended = lock(&self.tries).get(name).and_then(|tries| tries.ended);
        // What seems to be to come was before the clock was set back, and hides nothing.
        let known = [Some(self.opened), ended].into_iter().flatten().filter(|at| *at <= now);
        let since = known.fold(first, DateTime::max);
        (now - since > HANGING).then_some(since)
    }

    /// Sends what may go now on one channel, unless somebody is at that already, in this process or another: so that
    /// one which is slow keeps nobody but itself.
    ///
    /// Errors: those of the ledger. A channel that refuses is no error.
    pub async fn channel(&self, name: &str) -> Result<Passed, RunError> {
        let paused = lock(&self.tries).get(name).is_some_and(|tries| on(tries.pause, self.clock.now()));
        let passed = if paused {
            Ok(Passed::default())
        } else {
            let lock = self.ledger.lock_collector(&format!("channel {name}"))?;
            let Some(_lock) = lock else { return Ok(Passed::default()) };
            self.pass(name).await
        };
        lock(&self.tries).entry(name.to_owned()).or_default().ended = Some(self.clock.now());
        passed
    }

    /// Everything that may go, until the channel refuses twice in a row.
    async fn pass(&self, name: &str) -> Result<Passed, RunError> {
        let mut passed = Passed::default();
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
            let mut letter = Letter { alerts, delayed };
            let (sent, refusal) = self.send(name, &letter).await;
            let left = letter.alerts.split_off(sent);
            if sent > 0 {
                (in_a_row, passed.delivered) = (0, passed.delivered + sent as u64);
                self.took(name);
                let taken = letter.alerts.iter().map(|(index, _)| *index).collect();
                self.settle(name, taken, DeliveryOutcome::Delivered, None).await?;
            }
            let Some(refusal) = refusal else { continue };
            let indexes: Vec<u64> = left.iter().map(|(index, _)| *index).collect();
            tracing::warn!(channel = name, alerts = ?indexes, why = refusal.why, "an alert was not taken");
            passed.refused.insert(name.to_owned(), refusal.to_string());
            if refusal.again == Again::Never && left.len() > 1 {
                // One of them may be what it does not take.
                let one = |index: u64| Planned { alerts: vec![index], waited: planned.waited.clone() };
                indexes.into_iter().rev().for_each(|index| letters.push_front(one(index)));
                continue;
            }
            self.refused(name, &indexes, &refusal)?;
            for (index, message) in &left {
                let Some(alert) = owed.get(index) else { continue };
                if self.given_up(name, *index, alert, &refusal) {
                    passed.dead += 1;
                    self.bury(name, *index, message, &refusal.why).await?;
                } else {
                    blocked.insert(alert.about.clone());
                }
            }
            in_a_row += 1;
            if in_a_row >= IN_A_ROW_MAX || matches!(refusal.again, Again::After(_)) {
                self.leave_alone(name, &refusal)?;
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
    fn read(&self, planned: &Planned) -> Result<Read, RunError> {
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

    /// How many of the letter's alerts were taken, from the first on, and why not all.
    async fn send(&self, name: &str, letter: &Letter) -> (usize, Option<Refusal>) {
        let all = letter.alerts.len();
        let Some(sink) = self.sinks.get(name) else {
            let (why, hint) = ("it is not configured any more", "configure it again, or wait until it is given up");
            return (0, Some(Refusal { taken: 0, why: why.to_owned(), hint: hint.to_owned(), again: Again::Later }));
        };
        let limit = self.sending_max.saturating_mul(u32::try_from(all).unwrap_or(u32::MAX));
        let late = |_| Err(Refusal::later(format!("no end of it within {limit:?}"), PASSING));
        match tokio::time::timeout(limit, sink.send(letter, self.clock.now())).await.unwrap_or_else(late) {
            Ok(()) => (all, None),
            // Whatever a channel counts, a refusal leaves one.
            Err(refusal) => (refusal.taken.min(all.saturating_sub(1)), Some(refusal)),
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
        let now = self.clock.now();
        let mut tries = lock(&self.tries);
        let tries = tries.entry(name.to_owned()).or_default();
        tries.took = Some(now);
        if tries.refused > 0 {
            (tries.refused, tries.pause) = (0, None);
            tries.alerts.values_mut().for_each(|tried| tried.pause = None);
        }
    }

    /// Counts a refusal.
    fn refused(&self, name: &str, alerts: &[u64], refusal: &Refusal) -> Result<(), RunError> {
        let now = self.clock.now();
        let mut tries = lock(&self.tries);
        let tries = tries.entry(name.to_owned()).or_default();
        tries.refused = tries.refused.saturating_add(1);
        for index in alerts {
            let tried = tries.alerts.entry(*index).or_default();
            tried.first.get_or_insert(now);
            tried.count = tried.count.saturating_add(1);
            tried.why.clone_from(&refusal.why);
            let until = now + backoff::after(tried.count, BACK_OFF_FIRST, BACK_OFF_MAX)?;
            tried.pause = Some(Pause { from: now, until });
        }
        Ok(())
    }

    /// Whether an alert that was just refused is not tried any more. One that will never be taken is one of its own
    /// only if the channel takes others; if it does not, a credential may have ended, and can be mended.
    fn given_up(&self, name: &str, index: u64, alert: &Alert, refusal: &Refusal) -> bool {
        let tries = lock(&self.tries);
        let Some((known, tried)) = tries.get(name).and_then(|known| Some((known, known.alerts.get(&index)?))) else {
            return false;
        };
        let works = known.took.is_some() && known.took > tried.first;
        let from = self.loaded.routes.tried_from(name, &alert.routed(&self.loaded.config), alert.at);
        let (now, give_up_after) = (self.clock.now(), self.loaded.config.alerts.give_up_after.delta());
        let tried_enough =
            tried.count >= TRIES_MIN && tried.first.is_some_and(|first| now - first >= TRIED_MIN.min(give_up_after));
        (refusal.again == Again::Never && works) || (tried_enough && now - from > give_up_after)
    }

    fn leave_alone(&self, name: &str, refusal: &Refusal) -> Result<(), RunError> {
        let now = self.clock.now();
        let mut tries = lock(&self.tries);
        let tries = tries.entry(name.to_owned()).or_default();
        let wait = match refusal.again {
            Again::After(wait) => TimeDelta::from_std(wait).unwrap_or(ASKED_MAX).min(ASKED_MAX),
            Again::Later | Again::Never => backoff::after(tries.refused, BACK_OFF_FIRST, BACK_OFF_MAX)?,
        };
        tries.pause = Some(Pause { from: now, until: now + wait });
        Ok(())
    }
}

fn on(pause: Option<Pause>, now: DateTime<Utc>) -> bool {
    pause.is_some_and(|pause| pause.is_on(now))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
