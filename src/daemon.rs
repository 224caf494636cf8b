//! Turns due instants into runs: the timer, catch-up after downtime, and a stop that loses nothing.
//!
//! The timer only says "look": which slots are due is computed from the schedule and the ledger, so a
//! tick that comes late, twice or never cannot lose or double a run.

use crate::anchor::{AnchorError, Anchors};
use crate::config::CatchUp;
use crate::ledger::record::Trigger;
use crate::notify::deliver::Outbox;
use crate::notify::vitals::Heartbeat;
use crate::outside::Outside;
use crate::run::{RunError, Runner};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
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
}

/// How long a due instant may lie before somebody should have answered it, one way or another.
const OVERDUE: TimeDelta = TimeDelta::minutes(10);

/// What the timer asks to look at.
enum Look {
    /// Is this collector due?
    Collector(String),
    /// Has a control become stale, an anchor due, or is somebody to be told? Is all well?
    Controls,
    /// Is an alert owed that may go out?
    Alerts,
}

/// What goes on beside the runs.
struct Aside {
    anchors: Arc<Anchors>,
    handing: JoinSet<Result<(), AnchorError>>,
    outbox: Arc<Outbox>,
    heartbeat: Arc<Heartbeat>,
    sending: JoinSet<Result<(), RunError>>,
    beating: JoinSet<()>,
}

/// Runs until `stop` resolves, then lets running runs end for `stop_timeout` and aborts the rest.
pub async fn daemon(runner: Arc<Runner>, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
    let mut aside = Aside::of(&runner);
    // Before anything is appended: an old copy of the ledger must not go on.
    aside.anchors.compare_all().await?;
    runner.close_interrupted().await?;
    runner.record_config().await?;
    // Before catching up: what went stale while nobody looked belongs on record.
    runner.watch().await?;
    let (looks, mut due) = mpsc::channel(64);
    let mut timer = start_timer(&runner, &looks).await?;
    let (stopping, stopped) = watch::channel(false);
    let mut runs = JoinSet::new();
    aside.hand_over();
    // What a dead process still owed goes out at once.
    aside.send();
    let policies: BTreeMap<String, CatchUp> =
        runner.loaded().config.collectors.iter().map(|(name, c)| (name.clone(), c.catch_up)).collect();
    for (name, policy) in &policies {
        spawn(&mut runs, &runner, name.clone(), *policy, Trigger::CatchUp, &stopped);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(collectors = policies.len(), "collecting on schedule");
    let mut outcome = Ok(());
    tokio::pin!(stop);
    loop {
        let happened = tokio::select! {
            () = &mut stop => break,
            Some(look) = due.recv() => match look {
                // On time the policy is always to run the latest: `none` is about downtime.
                Look::Collector(name) => {
                    spawn(&mut runs, &runner, name, CatchUp::Latest, Trigger::Schedule, &stopped);
                    Ok(())
                }
                Look::Controls => aside.look(&runner).await.map_err(DaemonError::from),
                Look::Alerts => { aside.send(); Ok(()) }
            },
            Some(ended) = aside.handing.join_next() => handed(ended).map_err(DaemonError::from),
            Some(ended) = aside.sending.join_next() => settle("sending alerts", ended).map_err(DaemonError::from),
            Some(_) = aside.beating.join_next() => Ok(()),
            Some(ended) = runs.join_next() => {
                // It may have changed something that somebody is to be told.
                aside.send();
                settle("a run", ended).map_err(DaemonError::from)
            }
        };
        if let Err(error) = happened {
            outcome = Err(error);
            break;
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(running = runs.len(), "stopping");
    // What was not handed over or sent is owed still, and found so at the next start.
    aside.handing.abort_all();
    timer.shutdown().await?;
    wind_down(&runner, &mut runs, &stopping).await?;
    let sent = aside.end(runner.loaded().config.stop_timeout.duration()).await;
    outcome.and(sent.map_err(DaemonError::from))
}

impl Aside {
    fn of(runner: &Arc<Runner>) -> Self {
        let outside = Arc::new(Outside::new());
        Self {
            anchors: Arc::new(Anchors::of(runner)),
            handing: JoinSet::new(),
            outbox: Arc::new(Outbox::of(runner, &outside)),
            heartbeat: Arc::new(Heartbeat::new(runner.shared(), outside)),
            sending: JoinSet::new(),
            beating: JoinSet::new(),
        }
    }

    /// Once a minute. The sign of life hangs on it: who does not come here is not alive.
    async fn look(&mut self, runner: &Runner) -> Result<(), RunError> {
        self.hand_over();
        runner.watch().await?;
        self.send();
        let overdue = runner.overdue(OVERDUE)?;
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
    fn hand_over(&mut self) {
        if self.handing.is_empty() {
            let anchors = self.anchors.clone();
            self.handing.spawn(async move { anchors.hand_over_due().await });
        }
    }

    /// Sends what is owed, unless that is going on already.
    fn send(&mut self) {
        if self.sending.is_empty() {
            let (outbox, heartbeat) = (self.outbox.clone(), self.heartbeat.clone());
            self.sending.spawn(async move {
                outbox.deliver().await?;
                heartbeat.channels(outbox.trying());
                Ok(())
            });
        }
    }

    /// One last pass, for what the last runs have said. What does not go out in time is owed still.
    async fn end(mut self, patience: Duration) -> Result<(), RunError> {
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

/// One timer job a collector, one a minute for the controls, and one every ten seconds for alerts.
async fn start_timer(runner: &Arc<Runner>, looks: &mpsc::Sender<Look>) -> Result<JobScheduler, JobSchedulerError> {
    let timer = JobScheduler::new().await?;
    for (name, collector) in &runner.loaded().collectors {
        let (looks, name) = (looks.clone(), name.clone());
        let schedule = &collector.schedule;
        let job = Job::new_async_tz(schedule.timer_line(), schedule.timezone(), move |_, _| {
            let (looks, name) = (looks.clone(), name.clone());
            // A full or closed channel loses nothing: the next look finds the slot still due.
            Box::pin(async move { drop(looks.try_send(Look::Collector(name))) })
        })?;
        timer.add(job).await?;
    }
    let sides: [(&str, fn() -> Look); 2] = [("20 * * * * *", || Look::Controls), ("*/10 * * * * *", || Look::Alerts)];
    for (line, look) in sides {
        let looks = looks.clone();
        let job = Job::new_async(line, move |_, _| {
            let looks = looks.clone();
            Box::pin(async move { drop(looks.try_send(look())) })
        })?;
        timer.add(job).await?;
    }
    timer.start().await?;
    Ok(timer)
}

fn spawn(
    runs: &mut JoinSet<Result<(), RunError>>,
    runner: &Arc<Runner>,
    name: String,
    policy: CatchUp,
    trigger: Trigger,
    stopped: &watch::Receiver<bool>,
) {
    let (runner, stopped) = (runner.clone(), stopped.clone());
    runs.spawn(async move { runner.due(&name, policy, trigger, stopped).await });
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

/// A failed collection is recorded by the run itself, and what was not sent is owed; what arrives here is a ledger
/// that cannot record.
fn settle(what: &str, ended: Result<Result<(), RunError>, tokio::task::JoinError>) -> Result<(), RunError> {
    match ended {
        Ok(result) => result,
        Err(panic) => {
            tracing::error!(error = %panic, "{what} panicked; what it left open is found again");
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
            settle("a run", ended)?;
        }
        Ok::<(), RunError>(())
    };
    if let Ok(done) = tokio::time::timeout(patience, all).await {
        return done;
    }
    stopping.send_replace(true);
    while let Some(ended) = runs.join_next().await {
        settle("a run", ended)?;
    }
    Ok(())
}
