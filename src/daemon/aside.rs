//! What a daemon does beside the runs: hands checkpoints over, tells people, gives signs of life, erases old evidence.
//! Each at most once at a time, telling people once at a time on each channel, and none of it keeps a run waiting. Not
//! here: what is owed, which follows from the ledger.

use super::settle;
use crate::anchor::{AnchorError, Anchors};
use crate::compact;
use crate::disk::Space;
use crate::notify::deliver::Outbox;
use crate::notify::trying::Trying;
use crate::notify::vitals::Heartbeat;
use crate::outside::Outside;
use crate::run::{RunError, Runner};
use crate::schedule::PATIENCE;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

/// How often retention is looked at.
const COMPACTED_EVERY: TimeDelta = TimeDelta::days(1);

/// What goes on beside the runs.
pub(super) struct Aside {
    anchors: Arc<Anchors>,
    outbox: Arc<Outbox>,
    heartbeat: Arc<Heartbeat>,
    handing: JoinSet<Result<(), AnchorError>>,
    sending: JoinSet<Result<(), RunError>>,
    beating: JoinSet<()>,
    compacting: JoinSet<Result<(), RunError>>,
    compacted: Option<DateTime<Utc>>,
}

/// Something beside the runs came to its end.
pub(super) enum Ended {
    /// Handing over checkpoints.
    Handing(Result<Result<(), AnchorError>, JoinError>),
    /// Sending alerts.
    Sending(Result<Result<(), RunError>, JoinError>),
    /// Erasing old evidence.
    Compacting(Result<Result<(), RunError>, JoinError>),
    /// A sign of life.
    Beating,
}

impl Aside {
    /// By the configuration in force.
    pub(super) fn of(runner: &Arc<Runner>) -> Self {
        let outside = Arc::new(Outside::new());
        Self {
            anchors: Arc::new(Anchors::of(runner)),
            outbox: Arc::new(Outbox::of(runner, &outside)),
            heartbeat: Arc::new(Heartbeat::new(runner.loaded(), outside)),
            handing: JoinSet::new(),
            sending: JoinSet::new(),
            beating: JoinSet::new(),
            compacting: JoinSet::new(),
            compacted: None,
        }
    }

    /// Goes on by another configuration. What is going on ends under its own.
    pub(super) fn follow(&mut self, runner: &Arc<Runner>) {
        let Self { anchors, outbox, heartbeat, .. } = Self::of(runner);
        (self.anchors, self.outbox, self.heartbeat, self.compacted) = (anchors, outbox, heartbeat, None);
    }

    /// Holds what anchors know against the ledger. Before anything is appended: an old copy must not go on.
    pub(super) async fn compare(&self) -> Result<(), AnchorError> {
        let compared = self.anchors.compare_all().await;
        match &compared {
            Err(error) => self.note_misfit(error),
            Ok(()) if self.anchors.away().is_empty() => self.heartbeat.misfit(None),
            // One that did not answer may be the one that knew of it.
            Ok(()) => {}
        }
        compared
    }

    /// Writes down that the ledger must not go on, for whoever looks while no daemon runs.
    pub(super) fn note_misfit(&self, error: &AnchorError) {
        if error.is_misfit() {
            self.heartbeat.misfit(Some(error.to_string().lines().next().unwrap_or_default().to_owned()));
        }
    }

    /// Once a round. The sign of life hangs on it: who does not come here is not alive.
    pub(super) async fn look(&mut self, runner: &Arc<Runner>) -> Result<(), RunError> {
        self.hand_over();
        self.compact(runner);
        runner.close_interrupted().await?;
        runner.watch().await?;
        self.send();
        let overdue = runner.overdue(PATIENCE)?;
        let well = match (overdue.is_empty(), runner.space().filter(Space::stops)) {
            (true, None) => self.all_come_to_an_end(),
            (true, Some(space)) => Err(format!("nothing is collected: {space}")),
            (false, _) => Err(format!("due runs that nothing has answered: {}", overdue.join(", "))),
        };
        if self.beating.is_empty() {
            let (heartbeat, now) = (self.heartbeat.clone(), runner.clock().now());
            self.beating.spawn(async move { heartbeat.look(now, well).await });
        }
        Ok(())
    }

    /// Looks which anchors are due, unless that is going on already.
    pub(super) fn hand_over(&mut self) {
        if self.handing.is_empty() {
            let anchors = self.anchors.clone();
            self.handing.spawn(async move { anchors.hand_over_due().await });
        }
    }

    /// Erases what retention does not keep, once a day.
    pub(super) fn compact(&mut self, runner: &Arc<Runner>) {
        let now = runner.clock().now();
        // A clock that was set back does not put it off for ever.
        if self.compacted.is_some_and(|before| before <= now && now < before + COMPACTED_EVERY) {
            return;
        }
        if self.compacting.is_empty() {
            self.compacted = Some(now);
            let runner = runner.clone();
            self.compacting.spawn(async move { compact::apply(&runner).await });
        }
    }

    /// Sends what is owed, on each channel unless that is going on already: its lock says so. One that hangs keeps
    /// no other.
    pub(super) fn send(&mut self) {
        match self.outbox.owing() {
            Ok(channels) => {
                for channel in channels {
                    let outbox = self.outbox.clone();
                    self.sending.spawn(async move { outbox.channel(&channel).await.map(drop) });
                }
            }
            Err(error) => drop(self.sending.spawn(async move { Err(error) })),
        }
        self.note();
    }

    /// Writes down which channels take nothing.
    fn note(&self) {
        self.heartbeat.channels(self.outbox.trying());
    }

    /// That no channel hangs, or which does: who is to be told and is not must hear of it some other way.
    fn all_come_to_an_end(&self) -> Result<(), String> {
        let trying = self.outbox.trying();
        let mut hanging = trying.iter().filter(|(_, trying)| matches!(trying, Trying::Hangs { .. }));
        hanging.next().map_or(Ok(()), |(name, trying)| Err(format!("channel {name}: {trying}")))
    }

    /// The next of them that ends; never, while none goes on.
    pub(super) async fn ended(&mut self) -> Ended {
        tokio::select! {
            Some(ended) = self.handing.join_next() => {
                self.heartbeat.anchors(self.anchors.trying());
                Ended::Handing(ended)
            }
            Some(ended) = self.sending.join_next() => {
                self.note();
                Ended::Sending(ended)
            }
            Some(ended) = self.compacting.join_next() => Ended::Compacting(ended),
            Some(_) = self.beating.join_next() => Ended::Beating,
            else => std::future::pending().await,
        }
    }

    /// What was not handed over is owed still, and found so at the next start.
    pub(super) async fn stop_handing(&mut self) {
        self.handing.shutdown().await;
    }

    /// For a ledger to which nothing may be appended any more: ends all of it where it is.
    pub(super) async fn halt(&mut self) {
        let Self { handing, sending, beating, compacting, .. } = self;
        tokio::join!(handing.shutdown(), sending.shutdown(), beating.shutdown(), compacting.shutdown());
    }

    /// One last pass, for what the last runs have said. What does not go out in time is owed still.
    pub(super) async fn end(mut self, until: Instant) -> Result<(), RunError> {
        let mut before = std::mem::take(&mut self.sending);
        self.send();
        let last = async {
            loop {
                tokio::select! {
                    Some(ended) = before.join_next() => {
                        settle("sending alerts", ended)?;
                        // It may have missed them.
                        self.send();
                    }
                    Some(ended) = self.sending.join_next() => settle("sending alerts", ended)?,
                    else => return Ok(()),
                }
                self.note();
            }
        };
        tokio::time::timeout_at(until, last).await.unwrap_or(Ok(()))
    }
}
