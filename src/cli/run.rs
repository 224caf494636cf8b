//! `evidenced run`: the daemon, until SIGTERM or SIGINT. On SIGHUP it reads its file again.

use super::Exit;
use crate::config::Loaded;
use crate::daemon::daemon;
use crate::ledger::Ledger;
use crate::run::Runner;
use anyhow::Context;
use evidenced_collectors::contract::clock::SystemClock;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(loaded: Loaded) -> anyhow::Result<Exit> {
    let ledger = Ledger::open_with(&loaded.state_dir, &loaded.config.keys)?;
    super::refuse_sample(&ledger)?;
    let mut term = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let mut int = signal(SignalKind::interrupt()).context("SIGINT cannot be caught")?;
    let runner = Arc::new(Runner::new(loaded, ledger, Arc::new(SystemClock)));
    let stop = async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    };
    daemon(runner, stop).await?;
    Ok(Exit::Ok)
}
