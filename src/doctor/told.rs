//! Whether anybody hears of it when something is wrong: channels, the sign of life, and the daemon that sees to both.

use super::{Finding, Level};
use crate::config::{Config, Loaded};
use crate::daemon::alive;
use crate::notify::trying::Trying;
use crate::notify::vitals::vitals;
use crate::status::Status;
use std::time::Duration;

/// How long the daemon may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What the configuration alone says: who would never hear of anything.
pub fn configured(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.channels.is_empty() {
        let found = "nobody is told of anything: no channel is configured";
        let fix = "[channels.<name>], then `evidenced alerts test NAME`";
        findings.push(Finding::bad(Level::Warn, "channels", found, fix));
    }
    if config.heartbeat.is_none() {
        let found = "nobody outside notices when the daemon is dead: no heartbeat is configured";
        let fix = "[heartbeat], with the address of a service that misses a sign of life";
        findings.push(Finding::bad(Level::Warn, "heartbeat", found, fix));
    }
    findings
}

/// What the daemon has found of it, and whether there is one. Nobody is told of a sample.
pub(super) async fn look(loaded: &Loaded, status: &Status) -> Vec<Finding> {
    if status.sample {
        return Vec::new();
    }
    let mut findings = configured(&loaded.config);
    findings.extend(untold(loaded, status));
    findings.push(daemon(loaded).await);
    findings
}

/// What somebody should know and does not hear.
pub fn untold(loaded: &Loaded, status: &Status) -> Vec<Finding> {
    let mut findings = refusing(loaded);
    if let Some(misfit) = &status.misfit {
        let fix = "restore the newest copy; if there is none, go on under another name: `evidenced epoch --help`";
        findings.push(Finding::bad(Level::Fail, "ledger", format!("it must not go on: {misfit}"), fix));
    }
    if status.alerts.dead > 0 {
        let found = format!(
            "{} alerts of the last 30 days are tried no more: a channel did not take them in time",
            status.alerts.dead
        );
        let fix = "read them, and see why: `evidenced alerts --dead`";
        findings.push(Finding::bad(Level::Fail, "alerts", found, fix));
    }
    let beat = status.heartbeat.as_ref().filter(|_| loaded.config.heartbeat.is_some());
    if let Some((beat, why)) = beat.and_then(|beat| Some((beat, beat.failed.as_ref()?))) {
        let found = format!("no sign of life was given at {}: {}", beat.at, why.replace('\n', " "));
        findings.push(Finding::bad(Level::Fail, "heartbeat", found, "mend what it says; each look tries again"));
    }
    findings
}

/// Channels that did not take what they were given last, or do not come to an end, and anchors that fail, as the daemon
/// wrote down.
fn refusing(loaded: &Loaded) -> Vec<Finding> {
    let vitals = vitals(&loaded.state_dir);
    let known = vitals.channels.into_iter().filter(|(name, _)| loaded.config.channels.contains_key(name));
    let anchors = vitals.anchors.into_iter().filter(|(name, _)| loaded.config.anchors.contains_key(name));
    let one = |(name, trying): (String, Trying)| {
        let fix = match &trying {
            Trying::Refused { .. } => format!("mend it, then `evidenced alerts test {name}`"),
            Trying::Hangs { .. } => {
                "see what it waits for, or whether another process sends; then start the daemon anew".to_owned()
            }
        };
        Finding::bad(Level::Fail, format!("channel {name}"), trying.to_string(), fix)
    };
    let anchor = |(name, trying): (String, Trying)| {
        let fix = format!("mend it, then `evidenced anchor now {name}`; what it holds is not known until then");
        Finding::bad(Level::Fail, format!("anchor {name}"), trying.to_string(), fix)
    };
    known.map(one).chain(anchors.map(anchor)).collect()
}

async fn daemon(loaded: &Loaded) -> Finding {
    let Err(error) = alive(&loaded.state_dir, ANSWER_MAX).await else { return Finding::ok("daemon", "it answers") };
    let fix = "start it: nothing is collected by schedule, and nobody is told, while none runs";
    Finding { level: Level::Warn, ..Finding::error_or("daemon", &error, fix) }
}
