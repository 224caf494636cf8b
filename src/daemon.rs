//! Turns due instants into runs: the timer, catch-up after downtime, and a stop that loses nothing. `reload` takes
//! another configuration, on SIGHUP or when `socket` is asked.
//!
//! The timer only says "look": which slots are due is computed from the schedule and the ledger, so a
//! tick that comes late, twice or never cannot lose or double a run.

mod reload;
mod socket;

pub use reload::{Outcome, Refused, refused};
pub use socket::{AskError, ask};

use crate::anchor::{AnchorError, Anchors};
use crate::config::{CatchUp, Loaded};
use crate::ledger::record::Trigger;
use crate::ledger::{CollectorLock, Ledger, LedgerError};
use crate::run::{RunError, Runner};
use crate::who;
use socket::Asked;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// A daemon that had to give up.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The timer.
    #[error("the timer failed")]
    Timer(#[from] JobSchedulerError),
    /// The ledger: nothing can be recorded, so nothing may go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// An anchor knows another past than the ledger has: nothing may be appended.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// Two would have two configurations.
    #[error(
        "another daemon runs over this ledger\nhint: stop it, or let it read its file again: `evidenced config apply`"
    )]
    Another,
    /// SIGHUP cannot be caught.
    #[error("SIGHUP cannot be caught")]
    Signal(#[source] std::io::Error),
}

/// Taken by the one daemon of a ledger, for as long as it runs; `None`: there is one.
pub fn alone(ledger: &Ledger) -> Result<Option<CollectorLock>, LedgerError> {
    // No collector has such a name.
    ledger.lock_collector("the daemon")
}

/// What the timer asks to look at.
enum Look {
    /// Is this collector due?
    Collector(String),
    /// Has a control become stale, or an anchor due?
    Controls,
}

/// What reaches a running daemon from outside.
struct Outside {
    due: mpsc::Receiver<Look>,
    asked: mpsc::Receiver<Asked>,
    hangup: tokio::signal::unix::Signal,
}

/// What it keeps going. All of it but the runs follows the configuration.
struct Going {
    runner: Arc<Runner>,
    looks: mpsc::Sender<Look>,
    timer: JobScheduler,
    anchors: Arc<Anchors>,
    runs: JoinSet<Result<(), RunError>>,
    handing: JoinSet<Result<(), AnchorError>>,
    stopped: watch::Receiver<bool>,
}

/// Runs until `stop` resolves, then lets running runs end for `stop_timeout` and aborts the rest.
pub async fn daemon(runner: Arc<Runner>, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
    let hangup = signal(SignalKind::hangup()).map_err(DaemonError::Signal)?;
    let Some(_alone) = alone(runner.ledger()).map_err(RunError::from)? else { return Err(DaemonError::Another) };
    let anchors = Arc::new(Anchors::of(&runner));
    // Before anything is appended: an old copy of the ledger must not go on.
    anchors.compare_all().await?;
    runner.close_interrupted().await?;
    runner.record_config(&format!("started by {}", who::me())).await?;
    // Before catching up: what went stale while nobody looked belongs on record.
    runner.watch().await?;
    let loaded = runner.loaded();
    let ((looks, due), (asks, asked)) = (mpsc::channel(64), mpsc::channel(1));
    let _listening = socket::listen(&loaded.state_dir, asks)
        .inspect_err(|error| tracing::warn!(%error, "`config apply` cannot reach this daemon; SIGHUP can"));
    let timer = timer_for(&loaded, &looks).await?;
    timer.start().await?;
    let (stopping, stopped) = watch::channel(false);
    let (runs, handing) = (JoinSet::new(), JoinSet::new());
    let mut going = Going { runner, looks, timer, anchors, runs, handing, stopped };
    going.hand_over();
    for (name, collector) in &loaded.config.collectors {
        going.look(name.clone(), collector.catch_up, Trigger::CatchUp);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(collectors = loaded.config.collectors.len(), "collecting on schedule");
    let outcome = going.until(stop, Outside { due, asked, hangup }).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(running = going.runs.len(), "stopping");
    // What was not handed over is owed still, and found so at the next start.
    going.handing.abort_all();
    going.timer.shutdown().await?;
    wind_down(&going.runner, &mut going.runs, &stopping).await?;
    outcome
}

impl Going {
    /// Does what comes until `stop` resolves.
    async fn until(&mut self, stop: impl Future<Output = ()>, mut outside: Outside) -> Result<(), DaemonError> {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                Some(look) = outside.due.recv() => match look {
                    // On time the policy is always to run the latest: `none` is about downtime.
                    Look::Collector(name) => self.look(name, CatchUp::Latest, Trigger::Schedule),
                    Look::Controls => {
                        self.hand_over();
                        self.runner.watch().await?;
                    }
                },
                Some(()) = outside.hangup.recv() => {
                    let by = format!("SIGHUP to the daemon of {}; nobody knows who sent it", who::me());
                    self.reload(&by, None).await?;
                }
                Some(Asked { by, expected, answer }) = outside.asked.recv() => {
                    let outcome = self.reload(&by, Some(&expected)).await?;
                    // Whoever asked may have gone away; what came of it is on record.
                    let _ = answer.send(outcome);
                }
                Some(ended) = self.handing.join_next() => handed(ended)?,
                Some(ended) = self.runs.join_next() => settle(ended)?,
            }
        }
    }

    /// Reads the configuration again, and goes on by it if it is good.
    async fn reload(&mut self, by: &str, expected: Option<&str>) -> Result<Outcome, DaemonError> {
        let (outcome, timer) = reload::reload(&self.runner, &self.looks, by, expected).await?;
        if let Some(timer) = timer {
            std::mem::replace(&mut self.timer, timer).shutdown().await?;
            self.timer.start().await?;
            self.anchors = Arc::new(Anchors::of(&self.runner));
            // A tick may have fallen between the two timers.
            for name in self.runner.loaded().collectors.keys() {
                self.look(name.clone(), CatchUp::Latest, Trigger::Schedule);
            }
        }
        Ok(outcome)
    }

    /// Runs a collector if it is due.
    fn look(&mut self, name: String, policy: CatchUp, trigger: Trigger) {
        let (runner, stopped) = (self.runner.clone(), self.stopped.clone());
        self.runs.spawn(async move { runner.due(&name, policy, trigger, stopped).await });
    }

    /// Looks which anchors are due, unless that is going on already.
    fn hand_over(&mut self) {
        if self.handing.is_empty() {
            let anchors = self.anchors.clone();
            self.handing.spawn(async move { anchors.hand_over_due().await });
        }
    }
}

/// One timer job a collector, and one a minute for the controls. Not started yet.
async fn timer_for(loaded: &Loaded, looks: &mpsc::Sender<Look>) -> Result<JobScheduler, JobSchedulerError> {
    let timer = JobScheduler::new().await?;
    for (name, collector) in &loaded.collectors {
        let (looks, name) = (looks.clone(), name.clone());
        let schedule = &collector.schedule;
        let job = Job::new_async_tz(schedule.timer_line(), schedule.timezone(), move |_, _| {
            let (looks, name) = (looks.clone(), name.clone());
            // A full or closed channel loses nothing: the next look finds the slot still due.
            Box::pin(async move { drop(looks.try_send(Look::Collector(name))) })
        })?;
        timer.add(job).await?;
    }
    let looks = looks.clone();
    let job = Job::new_async("20 * * * * *", move |_, _| {
        let looks = looks.clone();
        Box::pin(async move { drop(looks.try_send(Look::Controls)) })
    })?;
    timer.add(job).await?;
    Ok(timer)
}

/// An anchor that fails is tried again; what arrives here is a ledger that must not, or cannot, go on.
fn handed(ended: Result<Result<(), AnchorError>, tokio::task::JoinError>) -> Result<(), AnchorError> {
    match ended {
        Ok(result) => result,
        Err(panic) => {
            tracing::error!(error = %panic, "handing over a checkpoint panicked; it is still owed");
            Ok(())
        }
    }
}

/// A failed collection is recorded by the run itself; what arrives here is a ledger that cannot record.
fn settle(ended: Result<Result<(), RunError>, tokio::task::JoinError>) -> Result<(), RunError> {
    match ended {
        // It was taken out of the configuration between its tick and its look.
        Ok(Err(RunError::Unknown { .. })) => Ok(()),
        Ok(result) => result,
        Err(panic) => {
            tracing::error!(error = %panic, "a run panicked; its slot stays open and is closed at the next start");
            Ok(())
        }
    }
}

async fn wind_down(
    runner: &Runner,
    runs: &mut JoinSet<Result<(), RunError>>,
    stopping: &watch::Sender<bool>,
) -> Result<(), RunError> {
    let patience = runner.loaded().config.stop_timeout.duration();
    let all = async {
        while let Some(ended) = runs.join_next().await {
            settle(ended)?;
        }
        Ok::<(), RunError>(())
    };
    if let Ok(done) = tokio::time::timeout(patience, all).await {
        return done;
    }
    stopping.send_replace(true);
    while let Some(ended) = runs.join_next().await {
        settle(ended)?;
    }
    Ok(())
}
