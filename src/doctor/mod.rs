//! What an operator should look at before an auditor does: what is wrong here, what it leads to, what to do. Reads
//! only: sources are read once, as a run would, and nothing of it is kept.
//!
//! `place` looks at the machine and the state directory, `told` at who hears of trouble, `sources` at what collectors can
//! read, `rights` at what their credentials may do.

mod place;
mod rights;
mod sources;
mod told;

pub use told::{configured, untold};

use crate::config::Loaded;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::clock::Clock;
use serde::Serialize;
use std::sync::Arc;

/// How bad a finding is; later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is as it should be.
    Ok,
    /// It could not be looked at.
    Unknown,
    /// It works, and could be better.
    Warn,
    /// It does not work, or will not for long.
    Fail,
}

impl Level {
    /// As in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// How a permission stands. Only where all of it is known is nothing `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Needed, and granted.
    Has,
    /// Needed, and not granted.
    Lacks,
    /// Granted, and not needed.
    TooMany,
    /// Neither the source nor an answer tells.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `ledger`, `disk`, `collector github`.
    pub about: String,
    /// How bad it is.
    pub level: Level,
    /// What was found, in one sentence.
    pub found: String,
    /// What to do; `None` where there is nothing to.
    pub fix: Option<String>,
    /// How the permissions in `names` stand; `None` where it is not about permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Permissions, in the source's own words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// What to do where doctor does not run as the daemon does.
const AS_DAEMON: &str = "run doctor as the daemon runs: \"As the daemon\" in deploy/README.md";

impl Finding {
    fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        let (standing, names) = (None, Vec::new());
        Self { about: about.into(), level: Level::Ok, found: found.into(), fix: None, standing, names }
    }

    fn bad(level: Level, about: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level, fix: Some(fix.into()), ..Self::ok(about, found) }
    }

    /// What a file let us do, or not, and is not known of the daemon.
    fn of_another_user(&mut self) {
        if matches!(self.level, Level::Ok | Level::Fail) {
            self.level = Level::Unknown;
            self.found = format!("as this user: {}", self.found);
            self.fix = Some(AS_DAEMON.to_owned());
        }
    }

    /// From an error that may end in a hint.
    fn error(about: impl Into<String>, error: &dyn std::error::Error) -> Self {
        Self::error_or(about, error, "look at what the sentence names")
    }

    /// The same, with what to do where the error does not say.
    fn error_or(about: impl Into<String>, error: &dyn std::error::Error, fix: &str) -> Self {
        let text = error.to_string();
        let (found, fix) = text.split_once("\nhint: ").unwrap_or((&text, fix));
        Self::bad(Level::Fail, about, found, fix)
    }
}

/// Looks at everything. `offline`: asks no source.
pub async fn examine(loaded: &Loaded, clock: Arc<dyn Clock>, offline: bool) -> Vec<Finding> {
    let now: DateTime<Utc> = clock.now();
    let (mut findings, status) = place::look(loaded, now);
    let stranger = place::stranger(loaded);
    let as_daemon = stranger.is_none();
    if !as_daemon {
        let of_keys = |finding: &&mut Finding| finding.about == "keys" || finding.about.ends_with(" key");
        findings.iter_mut().filter(of_keys).for_each(Finding::of_another_user);
    }
    findings.extend(stranger);
    findings.extend(match &status {
        Some(status) => told::look(loaded, status).await,
        None => configured(&loaded.config),
    });
    if offline {
        let asked = loaded.collectors.keys().map(|name| {
            Finding::bad(Level::Unknown, format!("collector {name}"), "was not asked", "leave out --offline")
        });
        findings.extend(asked);
    } else {
        findings.extend(sources::look(loaded, clock, as_daemon).await);
    }
    findings
}
