//! Turns due instants into runs: the timer, catch-up after downtime, and a stop that loses nothing. `reload` takes
//! another configuration, on SIGHUP or when `socket` is asked.
//!
//! The timer only says "look": which slots are due is computed from the schedules on record and the ledger, so a
//! tick that comes late, twice or never cannot lose or double a run. Once a minute everything is looked at, so
//! that a timer which has died delays a run by a minute and no more.

mod aside;
mod reload;
mod socket;

pub use reload::{Outcome, Refused, refused};
pub use socket::{AskError, alive, ask};

use crate::anchor::{self, AnchorError};
use crate::config::{CatchUp, Loaded};
use crate::ledger::record::Trigger;
use crate::ledger::{CollectorLock, Ledger, LedgerError};
use crate::run::{RunError, Runner};
use crate::who;
use aside::{Aside, Ended};
use socket::Asked;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
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

/// How often everything is looked at, whatever the timer says.
const ROUND: Duration = Duration::from_secs(60);

/// How often what is owed to channels is looked at.
const SENDING: Duration = Duration::from_secs(10);

/// How long a daemon that stops tries at least to send what its last runs have said.
const LAST_PASS: Duration = Duration::from_secs(5);

/// What reaches a running daemon.
struct Reaches {
    due: mpsc::Receiver<String>,
    asked: mpsc::Receiver<Asked>,
    hangup: tokio::signal::unix::Signal,
}

/// What it keeps going. All of it but the runs follows the configuration.
struct Going {
    runner: Arc<Runner>,
    looks: mpsc::Sender<String>,
    timer: JobScheduler,
    aside: Aside,
    runs: JoinSet<Result<(), RunError>>,
    stopped: watch::Receiver<bool>,
}

/// Runs until `stop` resolves, then lets running runs end and alerts go out for `stop_timeout`, and aborts the rest.
pub async fn daemon(runner: Arc<Runner>, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
    let hangup = signal(SignalKind::hangup()).map_err(DaemonError::Signal)?;
    let Some(_alone) = alone(runner.ledger()).map_err(RunError::from)? else { return Err(DaemonError::Another) };
    let aside = Aside::of(&runner);
    tokio::pin!(stop);
    tokio::select! {
        biased;
        // Before anything is appended: an old copy of the ledger must not go on.
        compared = compare(&aside, &runner) => compared?,
        () = &mut stop => {
            tracing::info!("stopped before anything was recorded");
            return Ok(());
        }
    }
    runner.close_interrupted().await?;
    runner.record_config(&format!("started by {}", who::me())).await?;
    // Before catching up: what went stale while nobody looked belongs on record.
    runner.watch().await?;
    runner.due_of_taken_out().await?;
    let loaded = runner.loaded();
    let ((looks, due), (asks, asked)) = (mpsc::channel(64), mpsc::channel(1));
    let _listening = socket::listen(&loaded.state_dir, asks, runner.clock())
        .inspect_err(|error| tracing::warn!(%error, "`config apply` cannot reach this daemon; SIGHUP can"));
    let timer = timer_for(&loaded, &looks).await?;
    timer.start().await?;
    let (stopping, stopped) = watch::channel(false);
    let mut going = Going { runner, looks, timer, aside, runs: JoinSet::new(), stopped };
    going.aside.hand_over();
    going.aside.compact(&going.runner);
    // What a dead process still owed goes out at once.
    going.aside.send();
    for (name, collector) in &loaded.config.collectors {
        going.look(name.clone(), collector.catch_up, Trigger::CatchUp);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(collectors = loaded.config.collectors.len(), "collecting on schedule");
    let outcome = going.until(stop.as_mut(), Reaches { due, asked, hangup }).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(running = going.runs.len(), "stopping");
    if let Err(DaemonError::Anchor(error)) = &outcome
        && error.is_misfit()
    {
        going.aside.note_misfit(error);
        going.halt().await;
        return outcome;
    }
    going.aside.stop_handing().await;
    going.timer.shutdown().await?;
    // One time for all of it: whoever stops us counts so, and kills what takes longer.
    let until = Instant::now() + going.runner.loaded().config.stop_timeout.duration();
    wind_down(&mut going.runs, &stopping, until).await?;
    let sent = going.aside.end(until.max(Instant::now() + LAST_PASS)).await;
    outcome.and(sent.map_err(DaemonError::from))
}

/// Asks anchors what they hold. One that hangs has us wait, and then no longer.
async fn compare(aside: &Aside, runner: &Runner) -> Result<(), AnchorError> {
    let loaded = runner.loaded();
    let anchors: Vec<&str> = loaded.config.anchors.keys().map(String::as_str).collect();
    if !anchors.is_empty() {
        let (anchors, limit_s) = (anchors.join(", "), anchor::LIMIT.as_secs());
        tracing::info!(anchors, limit_s, "asking anchors what they hold, before anything is recorded");
    }
    aside.compare().await
}

impl Going {
    /// Ends everything where it is: this ledger has another past than it should have, so no end of a run, no verdict
    /// and no delivery belongs into it.
    async fn halt(&mut self) {
        self.runs.shutdown().await;
        self.aside.halt().await;
        if let Err(error) = self.timer.shutdown().await {
            tracing::warn!(%error, "the timer did not stop");
        }
    }

    /// Does what comes until `stop` resolves.
    async fn until(&mut self, stop: impl Future<Output = ()>, mut reaches: Reaches) -> Result<(), DaemonError> {
        let (mut round, mut sending) = (tokio::time::interval(ROUND), tokio::time::interval(SENDING));
        let watchdog = sd_notify::watchdog_enabled();
        let mut sign = tokio::time::interval(watchdog.map_or(ROUND, sign_every));
        for interval in [&mut round, &mut sending, &mut sign] {
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // What it would find at once has just been looked at.
            interval.reset();
        }
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                // On time the policy is always to run the latest: `none` is about downtime.
                Some(name) = reaches.due.recv() => self.look(name, CatchUp::Latest, Trigger::Schedule),
                _ = round.tick() => {
                    later("looking at everything", self.aside.look(&self.runner).await)?;
                    self.look_at_all();
                }
                _ = sending.tick() => self.aside.send(),
                Some(()) = reaches.hangup.recv() => {
                    let by = format!("SIGHUP to the daemon of {}; nobody knows who sent it", who::me());
                    self.reload(&by, None).await?;
                }
                Some(asked) = reaches.asked.recv() => match asked {
                    Asked::Apply { by, expected, answer } => {
                        let outcome = self.reload(&by, Some(&expected)).await?;
                        // Whoever asked may have gone away; what came of it is on record.
                        let _ = answer.send(outcome);
                    }
                    Asked::Alive { answer } => drop(answer.send(())),
                },
                // From the one loop that everything hangs on: when it stands still, systemd starts us anew.
                _ = sign.tick(), if watchdog.is_some() => drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog])),
                ended = self.aside.ended() => match ended {
                    Ended::Handing(ended) => handed(ended)?,
                    Ended::Sending(ended) => settle("sending alerts", ended)?,
                    Ended::Compacting(ended) => settle("erasing old evidence", ended)?,
                    Ended::Beating => {}
                },
                Some(ended) = self.runs.join_next() => {
                    settle("a run", ended)?;
                    // It may have changed something that somebody is to be told.
                    self.aside.send();
                    if self.runner.has_turned_away() {
                        self.look_at_all();
                    }
                }
            }
        }
    }

    /// Reads the configuration again, and goes on by it if it is good.
    async fn reload(&mut self, by: &str, expected: Option<&str>) -> Result<Outcome, DaemonError> {
        let (outcome, timer) = reload::reload(&self.runner, &self.looks, by, expected).await?;
        if let Some(timer) = timer {
            std::mem::replace(&mut self.timer, timer).shutdown().await?;
            self.timer.start().await?;
            self.aside.follow(&self.runner);
            later("recording what was due before", self.runner.due_of_taken_out().await)?;
            // A tick may have fallen between the two timers.
            self.look_at_all();
        }
        Ok(outcome)
    }

    /// Runs every collector that is due.
    fn look_at_all(&mut self) {
        for name in self.runner.loaded().collectors.keys() {
            self.look(name.clone(), CatchUp::Latest, Trigger::Schedule);
        }
    }

    /// Runs a collector if it is due.
    fn look(&mut self, name: String, policy: CatchUp, trigger: Trigger) {
        let (runner, stopped) = (self.runner.clone(), self.stopped.clone());
        self.runs.spawn(async move { runner.due(&name, policy, trigger, stopped).await });
    }
}

/// How often to give the service manager a sign, which waits for `limit`.
fn sign_every(limit: Duration) -> Duration {
    (limit / 3).max(Duration::from_millis(1))
}

/// One timer job a collector. Not started yet.
async fn timer_for(loaded: &Loaded, looks: &mpsc::Sender<String>) -> Result<JobScheduler, JobSchedulerError> {
    let timer = JobScheduler::new().await?;
    for (name, collector) in &loaded.collectors {
        let (looks, name) = (looks.clone(), name.clone());
        let schedule = &collector.schedule;
        let job = Job::new_async_tz(schedule.timer_line(), schedule.timezone(), move |_, _| {
            let (looks, name) = (looks.clone(), name.clone());
            // A full or closed channel loses nothing: the next look finds the slot still due.
            Box::pin(async move { drop(looks.try_send(name)) })
        })?;
        timer.add(job).await?;
    }
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

/// For want of space nothing was written, and nothing is lost: what is due, owed or open is found again.
pub(super) fn later(what: &str, result: Result<(), RunError>) -> Result<(), RunError> {
    match result {
        Err(RunError::Ledger(LedgerError::Full)) => {
            tracing::error!("{what}: the disk is full, and nothing can be recorded; it is tried again");
            Ok(())
        }
        other => other,
    }
}

/// A failed collection is recorded by the run itself, and what was not sent is owed; what arrives here is a ledger
/// that cannot record.
fn settle(what: &str, ended: Result<Result<(), RunError>, tokio::task::JoinError>) -> Result<(), RunError> {
    match ended {
        // It was taken out of the configuration between its tick and its look.
        Ok(Err(RunError::Unknown { .. })) => Ok(()),
        Ok(result) => later(what, result),
        Err(panic) => {
            tracing::error!(error = %panic, "{what} panicked; what it left open is found again");
            Ok(())
        }
    }
}

async fn wind_down(
    runs: &mut JoinSet<Result<(), RunError>>,
    stopping: &watch::Sender<bool>,
    until: Instant,
) -> Result<(), RunError> {
    let all = async {
        while let Some(ended) = runs.join_next().await {
            settle("a run", ended)?;
        }
        Ok::<(), RunError>(())
    };
    if let Ok(done) = tokio::time::timeout_at(until, all).await {
        return done;
    }
    stopping.send_replace(true);
    while let Some(ended) = runs.join_next().await {
        settle("a run", ended)?;
    }
    Ok(())
}
