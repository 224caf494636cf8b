//! What a daemon does beside the runs: hands checkpoints over, tells people, gives signs of life. Each at most once
//! at a time, and none of it keeps a run waiting. Not here: what is owed, which follows from the ledger.

use super::settle;
use crate::anchor::{AnchorError, Anchors};
use crate::notify::deliver::Outbox;
use crate::notify::vitals::Heartbeat;
use crate::outside::Outside;
use crate::run::{RunError, Runner};
use crate::schedule::PATIENCE;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};

/// What goes on beside the runs.
pub(super) struct Aside {
    anchors: Arc<Anchors>,
    outbox: Arc<Outbox>,
    heartbeat: Arc<Heartbeat>,
    handing: JoinSet<Result<(), AnchorError>>,
    sending: JoinSet<Result<(), RunError>>,
    beating: JoinSet<()>,
}

/// Something beside the runs came to its end.
pub(super) enum Ended {
    /// Handing over checkpoints.
    Handing(Result<Result<(), AnchorError>, JoinError>),
    /// Sending alerts.
    Sending(Result<Result<(), RunError>, JoinError>),
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
        }
    }

    /// Goes on by another configuration. What is going on ends under its own.
    pub(super) fn follow(&mut self, runner: &Arc<Runner>) {
        let Self { anchors, outbox, heartbeat, .. } = Self::of(runner);
        (self.anchors, self.outbox, self.heartbeat) = (anchors, outbox, heartbeat);
    }

    /// Holds what anchors know against the ledger. Before anything is appended: an old copy must not go on.
    pub(super) async fn compare(&self) -> Result<(), AnchorError> {
        self.anchors.compare_all().await
    }

    /// Once a round. The sign of life hangs on it: who does not come here is not alive.
    pub(super) async fn look(&mut self, runner: &Runner) -> Result<(), RunError> {
        self.hand_over();
        runner.watch().await?;
        self.send();
        let overdue = runner.overdue(PATIENCE)?;
        let well = match overdue.is_empty() {
            true => Ok(()),
            false => Err(format!("due runs that nothing has answered: {}", overdue.join(", "))),
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

    /// Sends what is owed, unless that is going on already.
    pub(super) fn send(&mut self) {
        if self.sending.is_empty() {
            let (outbox, heartbeat) = (self.outbox.clone(), self.heartbeat.clone());
            self.sending.spawn(async move {
                outbox.deliver().await?;
                heartbeat.channels(outbox.trying());
                Ok(())
            });
        }
    }

    /// The next of them that ends; never, while none goes on.
    pub(super) async fn ended(&mut self) -> Ended {
        tokio::select! {
            Some(ended) = self.handing.join_next() => Ended::Handing(ended),
            Some(ended) = self.sending.join_next() => Ended::Sending(ended),
            Some(_) = self.beating.join_next() => Ended::Beating,
            else => std::future::pending().await,
        }
    }

    /// What was not handed over is owed still, and found so at the next start.
    pub(super) fn stop_handing(&mut self) {
        self.handing.abort_all();
    }

    /// One last pass, for what the last runs have said. What does not go out in time is owed still.
    pub(super) async fn end(mut self, patience: Duration) -> Result<(), RunError> {
        let last = async {
            // A pass that is going on may have missed them.
            for again in [true, false] {
                while let Some(ended) = self.sending.join_next().await {
                    settle("sending alerts", ended)?;
                }
                if again {
                    self.send();
                }
            }
            Ok(())
        };
        tokio::time::timeout(patience, last).await.unwrap_or(Ok(()))
    }
}
