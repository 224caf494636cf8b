//! Takes another configuration, whole or not at all: read, checked, recorded, then in force. One that is refused
//! changes nothing, and why is kept in a file of the state directory for `status`.

use super::{DaemonError, later, timer_for};
use crate::config::{Loaded, load};
use crate::ledger::LedgerError;
use crate::run::{RunError, Runner};
use chrono::{DateTime, Utc};
use sd_notify::NotifyState;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokio::sync::mpsc;
use tokio_cron_scheduler::JobScheduler;

/// Name of the file that says why the newest try was refused; not there after one that was not.
const REFUSED: &str = "config-refused.json";
/// Longest status line given to systemd, characters.
const STATUS_MAX: usize = 300;

/// What came of reading the configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in force; `record` is its record.
    Applied {
        /// Index in the log.
        record: u64,
    },
    /// It was in force already.
    Unchanged,
    /// The one before it stays in force.
    Refused {
        /// Why, with a hint.
        why: String,
    },
}

/// A configuration that was refused while a daemon ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// Who brought it.
    pub by: String,
    /// Why, with a hint.
    pub why: String,
}

/// Why the newest try to bring another configuration into force was refused; `None`: it was not.
pub fn refused(state_dir: &Path) -> Option<Refused> {
    // What cannot be read was not written by us; it is no evidence, only a help.
    serde_json::from_slice(&std::fs::read(state_dir.join(REFUSED)).ok()?).ok()
}

/// Reads the file again; `expected` is the SHA-256 of what whoever asks has checked. With a configuration that
/// came into force comes the timer for it, not started yet.
///
/// Errors: the ledger's. A configuration that cannot be taken is no error.
pub(super) async fn reload(
    runner: &Runner,
    looks: &mpsc::Sender<String>,
    by: &str,
    expected: Option<&str>,
) -> Result<(Outcome, Option<JobScheduler>), DaemonError> {
    // systemd wants the two together, and READY=1 when it is over, however it ended.
    let since = NotifyState::monotonic_usec_now();
    let _ = since.and_then(|since| sd_notify::notify(&[NotifyState::Reloading, since]));
    let state_dir = runner.loaded().state_dir.clone();
    let (outcome, timer) = match check(runner, looks, expected).await {
        Ok((loaded, timer)) => match runner.exchange(loaded, by).await {
            // Nothing is another than it was, and the daemon goes on.
            Err(RunError::Ledger(LedgerError::Full)) => {
                let why = "the disk is full, and nothing can be recorded\nhint: make room, then try again".to_owned();
                (Outcome::Refused { why }, None)
            }
            done => match done? {
                Some(record) => (Outcome::Applied { record }, Some(timer)),
                None => (Outcome::Unchanged, Some(timer)),
            },
        },
        Err(why) => {
            later("telling of a refused configuration", runner.refused(&why).await)?;
            (Outcome::Refused { why }, None)
        }
    };
    let status = match &outcome {
        Outcome::Applied { record } => {
            tracing::info!(record, by, "another configuration is in force");
            format!("configuration of record {record} is in force")
        }
        Outcome::Unchanged => {
            tracing::info!(by, "the configuration is the one in force already");
            "the configuration is the one in force".to_owned()
        }
        Outcome::Refused { why } => {
            tracing::error!(by, why, "the configuration is refused; the one before it stays in force");
            let line = why.replace('\n', "; ");
            format!("configuration refused, the one before it stays in force: {line}")
        }
    };
    keep(&state_dir, &outcome, by, runner.clock().now());
    let status: String = status.chars().take(STATUS_MAX).collect();
    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
    Ok((outcome, timer))
}

/// Everything that can go wrong goes wrong here, before anything is another than it was.
async fn check(
    runner: &Runner,
    looks: &mpsc::Sender<String>,
    expected: Option<&str>,
) -> Result<(Loaded, JobScheduler), String> {
    let running = runner.loaded();
    let loaded = load(&running.path).map_err(|error| error.to_string())?;
    let sha256 = loaded.config.sha256().map_err(|error| error.to_string())?;
    if expected.is_some_and(|expected| expected != sha256) {
        return Err(format!(
            "the daemon reads {}, which is not what was checked\nhint: name that file with --config; if it was \
             written this moment, try again",
            running.path.display()
        ));
    }
    fixed(&running, &loaded)?;
    let timer = timer_for(&loaded, looks).await.map_err(|error| format!("the timer does not take it: {error}"))?;
    Ok((loaded, timer))
}

/// What a running daemon has built on cannot change under it.
fn fixed(running: &Loaded, loaded: &Loaded) -> Result<(), String> {
    let (old, new) = (&running.config, &loaded.config);
    let restart = "restart the daemon; while it runs, put back what was there";
    let begun = "it stands in the first record of the log, for ever: put back what was there; `evidenced epoch` \
                 begins another log";
    let keys = [
        ("state_dir", running.state_dir != loaded.state_dir, restart),
        ("keys", old.keys != new.keys, restart),
        ("origin", old.origin != new.origin, begun),
        ("organization", old.organization != new.organization, begun),
    ];
    match keys.into_iter().find(|(_, differs, _)| *differs) {
        None => Ok(()),
        Some((key, _, hint)) => Err(format!("{key} cannot change while the daemon runs\nhint: {hint}")),
    }
}

/// For `status`. What cannot be written was logged, and is not worth stopping for.
fn keep(state_dir: &Path, outcome: &Outcome, by: &str, at: DateTime<Utc>) {
    let path = state_dir.join(REFUSED);
    let kept = match outcome {
        Outcome::Refused { why } => {
            let refused = Refused { at, by: by.to_owned(), why: why.clone() };
            let next = state_dir.join(format!("{REFUSED}.next"));
            serde_json::to_vec(&refused)
                .map_err(std::io::Error::from)
                .and_then(|bytes| std::fs::write(&next, bytes))
                .and_then(|()| std::fs::rename(&next, &path))
        }
        _ => std::fs::remove_file(&path),
    };
    if let Err(error) = kept
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "what became of the configuration could not be noted");
    }
}
