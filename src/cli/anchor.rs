//! `evidenced anchor`: who else holds the log's checkpoints, and handing them one now.

use super::table::table;
use super::{Exit, print_json};
use crate::anchor::{Anchored, Anchors, holders, noted, way_word};
use crate::config::Loaded;
use crate::ledger::{Ledger, Reader};
use crate::notify::vitals::{Heartbeat, vitals};
use crate::outside::Outside;
use crate::run::Runner;
use clap::Subcommand;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Hand the newest checkpoint to the anchors named, or to all. Exits 1 when one did not take it.
    Now {
        /// Names of anchors, as in the configuration.
        names: Vec<String>,
    },
    /// Show who holds which checkpoint since when, as the ledger has it on record, and whom the daemon could not ask.
    /// Asks nobody.
    List,
}

pub(super) async fn anchor(loaded: Loaded, what: &What, json: bool) -> anyhow::Result<Exit> {
    match what {
        What::Now { names } => now(loaded, names, json).await,
        What::List => list(&loaded, json),
    }
}

async fn now(loaded: Loaded, names: &[String], json: bool) -> anyhow::Result<Exit> {
    super::refuse_sample(&Ledger::open_with(&loaded.state_dir, &loaded.config.keys)?)?;
    let known: Vec<String> = loaded.config.anchors.keys().cloned().collect();
    if known.is_empty() {
        let wrong = "no anchor is configured\nhint: add [anchors.<name>], see config/evidenced.example.toml";
        anyhow::bail!(super::Usage(wrong.to_owned()));
    }
    let names = if names.is_empty() { known } else { names.to_vec() };
    let (loaded, ledger) = super::appending(loaded).await?;
    let anchors = Anchors::of(&Runner::new(loaded.clone(), ledger, Arc::new(SystemClock)));
    let mut handed: Vec<Anchored> = Vec::new();
    let mut failed = false;
    for name in &names {
        match anchors.hand_over(name).await {
            Ok(anchored) => handed.push(anchored),
            // One that is down is no reason to leave out the others; one that knows another log is.
            Err(error) if error.is_passing() => {
                failed = true;
                eprintln!("evidenced: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    // What a daemon noted of these is over.
    let failing = vitals(&loaded.state_dir).anchors.into_iter();
    let failing = failing.filter(|(name, _)| !handed.iter().any(|done| done.anchor == *name)).collect();
    Heartbeat::new(loaded, Arc::new(Outside::new())).anchors(failing);
    if json {
        print_json(&handed)?;
    } else {
        for Anchored { anchor, size, record, .. } in &handed {
            outln!("{anchor} was given the checkpoint of {size} records; recorded at index {record}");
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

fn list(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let now = if super::is_sample(&reader)? { super::sample_now(&reader)? } else { SystemClock.now() };
    let holders = noted(holders(&reader, &loaded.config, now)?, &vitals(&loaded.state_dir));
    if json {
        print_json(&holders)?;
        return Ok(Exit::Ok);
    }
    let mut rows = table(&["anchor", "way", "size", "since", "stated time", "next due", ""]);
    let minute = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| at.format("%Y-%m-%d %H:%MZ").to_string()).unwrap_or_default()
    };
    for holder in &holders {
        rows.add_row([
            holder.name.clone(),
            way_word(holder.way).to_owned(),
            holder.size.map_or_else(|| "none".to_owned(), |size| size.to_string()),
            minute(holder.since),
            minute(holder.time),
            holder.due.map_or_else(|| "not configured".to_owned(), |due| minute(Some(due))),
            if holder.late { "LATE".to_owned() } else { String::new() },
        ]);
    }
    outln!("{rows}");
    for (name, failing) in holders.iter().filter_map(|holder| Some((&holder.name, holder.failing.as_ref()?))) {
        outln!("{name}: NOT CONFIRMED: {failing}");
    }
    if !holders.iter().any(|holder| holder.keeps && holder.size.is_some()) {
        outln!("checkpoints are held by nobody but the operator");
    }
    Ok(Exit::Ok)
}
