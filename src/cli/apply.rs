//! `evidenced config apply` and `evidenced config diff`: what another configuration would change, and taking it.

use super::{Exit, print_json};
use crate::anchor::Anchors;
use crate::assess;
use crate::config::{Change, ConfigError, Loaded, changes, load};
use crate::daemon::{AskError, Outcome, alone, ask};
use crate::ledger::{Ledger, Reader};
use crate::run::Runner;
use crate::who;
use evidenced_collectors::contract::clock::SystemClock;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest value of a key shown, characters.
const SHOWN_MAX: usize = 60;

/// Shows what differs from the configuration in force.
pub(super) fn diff(path: &Path, json: bool) -> anyhow::Result<Exit> {
    let differs = differences(&load(path)?)?;
    if json {
        print_json(&differs)?;
    } else {
        show(&differs);
        if differs.is_empty() {
            eprintln!("{} is the configuration in force", path.display());
        }
    }
    Ok(Exit::Ok)
}

/// Brings the file into force: by the daemon that runs, or else by a record for the next one.
pub(super) async fn apply(path: &Path, within: Duration, json: bool) -> anyhow::Result<Exit> {
    let loaded = load(path)?;
    let differs = differences(&loaded)?;
    if !json {
        show(&differs);
    }
    let outcome = match ask(&loaded.state_dir, &loaded.config.sha256()?, within).await {
        Err(AskError::Nobody(_)) => without_daemon(loaded).await?,
        asked => asked?,
    };
    if json {
        print_json(&serde_json::json!({ "outcome": outcome, "changes": differs }))?;
    }
    match outcome {
        Outcome::Applied { record } => eprintln!("in force; recorded at index {record}"),
        Outcome::Unchanged => eprintln!("{} is the configuration in force; nothing to record", path.display()),
        Outcome::Refused { why } => {
            let (message, hint) = why.split_once("\nhint: ").unwrap_or((&why, "look at the daemon's log"));
            let message = format!("refused, the configuration before it stays in force: {message}");
            return Err(ConfigError { path: path.to_owned(), message, hint: Some(hint.to_owned()) }.into());
        }
    }
    Ok(Exit::Ok)
}

/// With no daemon there is nobody to disagree: the record says from when on.
async fn without_daemon(loaded: Loaded) -> anyhow::Result<Outcome> {
    let ledger = Ledger::open_with(&loaded.state_dir, &loaded.config.keys)?;
    super::refuse_sample(&ledger)?;
    let Some(_alone) = alone(&ledger)? else {
        anyhow::bail!(
            "a daemon runs over this ledger and cannot be asked\n\
             hint: send it SIGHUP (`systemctl reload`, `kill -HUP`); its log says what came of it"
        );
    };
    let runner = Runner::new(loaded, ledger, Arc::new(SystemClock));
    Arc::new(Anchors::of(&runner)).compare_all().await?;
    let by = format!("config apply by {}", who::me());
    let recorded = runner.record_config(&by).await?;
    eprintln!("no daemon runs");
    Ok(recorded.map_or(Outcome::Unchanged, |record| Outcome::Applied { record }))
}

/// Records the configuration of a command that collects. While a daemon runs it is the daemon's that is in force.
pub(super) async fn record(runner: &Runner, command: &str) -> anyhow::Result<()> {
    let Some(_alone) = alone(runner.ledger())? else {
        let in_force = assess::config_in_force(&runner.reader()?)?.map(|known| known.sha256);
        if in_force == Some(runner.loaded().config.sha256()?) {
            return Ok(());
        }
        anyhow::bail!(
            "the daemon runs under another configuration than this file\n\
             hint: `evidenced config diff` shows what differs, `evidenced config apply` makes the daemon take it"
        );
    };
    runner.record_config(&format!("{command} by {}", who::me())).await?;
    Ok(())
}

fn differences(loaded: &Loaded) -> anyhow::Result<Vec<Change>> {
    let reader = Reader::open(&loaded.state_dir)?;
    let before = assess::config_in_force(&reader)?.map_or(serde_json::Value::Null, |known| known.config);
    Ok(changes(&before, &loaded.config)?)
}

fn show(differs: &[Change]) {
    let cut = |value: &serde_json::Value| {
        let text = value.to_string();
        match text.char_indices().nth(SHOWN_MAX) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    };
    for Change { key, before, after } in differs {
        match (before, after) {
            (None, Some(after)) => outln!("+ {key} = {}", cut(after)),
            (Some(before), None) => outln!("- {key} = {}", cut(before)),
            (Some(before), Some(after)) => outln!("~ {key} = {} (was {})", cut(after), cut(before)),
            (None, None) => {}
        }
    }
}
