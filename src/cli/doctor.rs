//! `evidenced doctor`: what is wrong here, and what to do about it.

use super::table::table;
use super::{Exit, print_json};
use crate::config::Loaded;
use crate::doctor::{Level, examine};
use evidenced_collectors::contract::clock::SystemClock;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask no source: look at this machine alone.
    #[arg(long)]
    offline: bool,
}

pub(super) async fn doctor(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let findings = examine(loaded, Arc::new(SystemClock), args.offline).await;
    if json {
        print_json(&findings)?;
    } else {
        let mut rows = table(&["", "about", "found", "what to do"]);
        for finding in &findings {
            let fix = finding.fix.clone().unwrap_or_default();
            rows.add_row([finding.level.word().to_owned(), finding.about.clone(), finding.found.clone(), fix]);
        }
        outln!("{rows}");
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    Ok(if worst == Some(Level::Fail) { Exit::Failed } else { Exit::Ok })
}
