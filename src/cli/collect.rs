//! `evidenced collect now [NAME…]`: the same line that a schedule goes through, with another trigger.

use super::table::table;
use super::{Exit, apply, print_json};
use crate::config::Loaded;
use crate::drift::State;
use crate::ledger::record::{End, Trigger};
use crate::run::{RunError, RunReport, Runner};
use clap::Subcommand;
use evidenced_collectors::contract::clock::SystemClock;
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Debug, Subcommand)]
pub(super) enum When {
    /// Collect, seal and judge at once: the collectors named, or all.
    Now {
        /// Names of collectors, as in the configuration.
        names: Vec<String>,
        /// Exit 3 when a control that they feed is not effective.
        #[arg(long)]
        fail_on_drift: bool,
    },
}

pub(super) async fn collect(loaded: Loaded, when: &When, json: bool) -> anyhow::Result<Exit> {
    let When::Now { names, fail_on_drift } = when;
    let known: Vec<String> = loaded.config.collectors.keys().cloned().collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(RunError::Unknown { name: unknown.clone(), known: known.join(", ") }.into());
    }
    let names = if names.is_empty() { known } else { names.clone() };
    let runner = ready(loaded, "collect now").await?;
    let (_keep, never) = watch::channel(false);
    let (mut reports, mut left_out) = (Vec::new(), false);
    for name in &names {
        match runner.run(name, Trigger::Manual, None, never.clone()).await {
            Ok(report) => reports.push(report),
            // Neither is a reason to leave out the others, nor to lose what those before brought.
            Err(error @ (RunError::Overlap(_) | RunError::NoSpace(_))) => {
                left_out = true;
                eprintln!("evidenced: {error}");
            }
            Err(error) => {
                finish(&reports, json)?;
                return Err(error.into());
            }
        }
    }
    finish(&reports, json)?;
    let incomplete = left_out || reports.iter().any(|r| r.end != End::Done);
    let drifted = reports.iter().flat_map(|r| r.controls.values()).any(|state| *state != State::Effective);
    Ok(if *fail_on_drift && drifted {
        Exit::NotEffective
    } else if incomplete {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

/// Prints what was done.
fn finish(reports: &[RunReport], json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&reports);
    }
    if !reports.is_empty() {
        show(reports);
    }
    Ok(())
}

/// What runs collectors at once, by the configuration that is then on record; `command` is who brought it.
pub(super) async fn ready(loaded: Loaded, command: &str) -> anyhow::Result<Runner> {
    let (loaded, ledger) = super::appending(loaded).await?;
    super::refuse_sample(&ledger)?;
    let runner = Runner::new(loaded, ledger, Arc::new(SystemClock));
    apply::record(&runner, command).await?;
    Ok(runner)
}

pub(super) fn show(reports: &[RunReport]) {
    let mut rows = table(&["collector", "run", "items", "record", "controls"]);
    for report in reports {
        let controls: Vec<_> = report.controls.iter().map(|(id, state)| format!("{id} {}", state.word())).collect();
        rows.add_row([
            report.collector.clone(),
            report.end.word().to_owned(),
            report.items.to_string(),
            report.evidence.to_string(),
            controls.join("\n"),
        ]);
    }
    outln!("{rows}");
    for report in reports {
        for line in &report.unread {
            outln!("{}: not read: {line}", report.collector);
        }
    }
}
