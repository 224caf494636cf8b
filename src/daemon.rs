//! Turns due instants into runs: the timer, catch-up after downtime, and a stop that loses nothing.
//!
//! The timer only says "look": which slots are due is computed from the schedules on record and the ledger, so a
//! tick that comes late, twice or never cannot lose or double a run. Once a minute everything is looked at, so
//! that a timer which has died delays a run by a minute and no more.

use crate::anchor::{AnchorError, Anchors};
use crate::config::CatchUp;
use crate::ledger::record::Trigger;
use crate::run::{RunError, Runner};
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

/// How often everything is looked at, whatever the timer says.
const ROUND: Duration = Duration::from_secs(60);

/// Runs until `stop` resolves, then lets running runs end for `stop_timeout` and aborts the rest.
pub async fn daemon(runner: Arc<Runner>, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
    let anchors = Arc::new(Anchors::of(&runner));
    // Before anything is appended: an old copy of the ledger must not go on.
    anchors.compare_all().await?;
    runner.close_interrupted().await?;
    runner.record_config().await?;
    // Before catching up: what went stale while nobody looked belongs on record.
    runner.watch().await?;
    runner.due_of_taken_out().await?;
    let (looks, mut due) = mpsc::channel(64);
    let mut timer = start_timer(&runner, &looks).await?;
    let (stopping, stopped) = watch::channel(false);
    let mut runs = JoinSet::new();
    let mut handing = JoinSet::new();
    hand_over(&mut handing, &anchors);
    let policies: BTreeMap<String, CatchUp> =
        runner.loaded().config.collectors.iter().map(|(name, c)| (name.clone(), c.catch_up)).collect();
    for (name, policy) in &policies {
        spawn(&mut runs, &runner, name.clone(), *policy, Trigger::CatchUp, &stopped);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(collectors = policies.len(), "collecting on schedule");
    let mut outcome = Ok(());
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // What it would find at once has just been looked at.
    round.reset();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            // On time the policy is always to run the latest: `none` is about downtime.
            Some(name) = due.recv() => spawn(&mut runs, &runner, name, CatchUp::Latest, Trigger::Schedule, &stopped),
            _ = round.tick() => {
                hand_over(&mut handing, &anchors);
                if let Err(error) = runner.watch().await { outcome = Err(error.into()); break }
                for name in policies.keys() {
                    spawn(&mut runs, &runner, name.clone(), CatchUp::Latest, Trigger::Schedule, &stopped);
                }
            }
            Some(ended) = handing.join_next() => if let Err(error) = handed(ended) { outcome = Err(error.into()); break },
            Some(ended) = runs.join_next() => if let Err(error) = settle(ended) { outcome = Err(error.into()); break },
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(running = runs.len(), "stopping");
    // What was not handed over is owed still, and found so at the next start.
    handing.abort_all();
    timer.shutdown().await?;
    wind_down(&runner, &mut runs, &stopping).await?;
    outcome
}

/// One timer job a collector.
async fn start_timer(runner: &Arc<Runner>, looks: &mpsc::Sender<String>) -> Result<JobScheduler, JobSchedulerError> {
    let timer = JobScheduler::new().await?;
    for (name, collector) in &runner.loaded().collectors {
        let (looks, name) = (looks.clone(), name.clone());
        let schedule = &collector.schedule;
        let job = Job::new_async_tz(schedule.timer_line(), schedule.timezone(), move |_, _| {
            let (looks, name) = (looks.clone(), name.clone());
            // A full or closed channel loses nothing: the next look finds the slot still due.
            Box::pin(async move { drop(looks.try_send(name)) })
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

/// Looks which anchors are due, unless that is going on already.
fn hand_over(handing: &mut JoinSet<Result<(), AnchorError>>, anchors: &Arc<Anchors>) {
    if handing.is_empty() {
        let anchors = anchors.clone();
        handing.spawn(async move { anchors.hand_over_due().await });
    }
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
