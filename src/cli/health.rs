//! `evidenced health`: whether the daemon goes on and comes to its due runs. For container and service checks.

use super::{Exit, print_json};
use crate::config::Loaded;
use crate::daemon::alive;
use crate::disk::Space;
use crate::doctor::untold;
use crate::ledger::Reader;
use crate::status::status;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask only whether the daemon answers: what starting it anew could mend.
    #[arg(long)]
    alive: bool,
    /// How long the daemon may take to answer.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    within: Duration,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Health {
    /// The daemon answered.
    alive: bool,
    /// Collectors with due slots that nothing has answered, though it is time.
    unaccounted: Vec<String>,
    /// Space where the ledger is.
    disk: Option<Space>,
    /// What is wrong, in sentences.
    wrong: Vec<String>,
    /// What somebody should know and does not hear, in sentences. Starting anew mends none of it, so it fails nothing.
    untold: Vec<String>,
}

pub(super) async fn health(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let answered = alive(&loaded.state_dir, args.within).await;
    if args.alive {
        return only_alive(answered.err().map(|error| error.to_string()), json);
    }
    let status = status(&Reader::open(&loaded.state_dir)?, loaded, SystemClock.now())?;
    let untold = untold(loaded, &status).into_iter().map(|finding| format!("{}: {}", finding.about, finding.found));
    let untold: Vec<String> = untold.collect();
    let late = status.collectors.into_iter().filter(|collector| collector.unaccounted > 0);
    let unaccounted: Vec<String> = late.map(|collector| collector.name).collect();
    let mut wrong: Vec<String> = answered.as_ref().err().map(ToString::to_string).into_iter().collect();
    if !unaccounted.is_empty() {
        wrong.push(format!("due runs that nothing has answered: {}", unaccounted.join(", ")));
    }
    if let Some(space) = status.disk.filter(Space::stops) {
        wrong.push(format!("nothing is collected: {space}"));
    }
    let health = Health { alive: answered.is_ok(), unaccounted, disk: status.disk, wrong, untold };
    if json {
        print_json(&health)?;
    } else if health.wrong.is_empty() {
        outln!("the daemon goes on, and every due run is answered");
    }
    for wrong in &health.wrong {
        eprintln!("evidenced: {wrong}");
    }
    for untold in &health.untold {
        eprintln!("warning: {untold}");
    }
    Ok(if health.wrong.is_empty() { Exit::Ok } else { Exit::Failed })
}

fn only_alive(wrong: Option<String>, json: bool) -> anyhow::Result<Exit> {
    if json {
        print_json(&serde_json::json!({ "alive": wrong.is_none(), "wrong": wrong }))?;
    } else if wrong.is_none() {
        outln!("the daemon goes on");
    }
    let Some(wrong) = wrong else { return Ok(Exit::Ok) };
    eprintln!("evidenced: {wrong}");
    Ok(Exit::Failed)
}
