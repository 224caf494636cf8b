//! What each collector can read with the credentials that it has: it collects once, over a short window, and what it
//! brings is only counted.

use super::{Finding, Level};
use crate::config::Loaded;
use chrono::TimeDelta;
use evidenced_collectors::contract::clock::Clock;
use evidenced_collectors::contract::{Ipe, Kind, Task, Window};
use evidenced_collectors::door::{Door, Network};
use std::sync::Arc;

/// As much of the past as is read to try whether it can be.
const WINDOW: TimeDelta = TimeDelta::days(1);

/// How far the clocks may be apart, as for evidence.
const SKEW_MS_MAX: i64 = 5 * 60 * 1_000;

pub(super) async fn look(loaded: &Loaded, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let (network, mut findings) = (Network::new(), Vec::new());
    for (name, collector) in &loaded.collectors {
        let about = format!("collector {name}");
        let limits = loaded.config.collectors[name].limits;
        let door = Door::live(&network, clock.clone(), limits);
        let as_of = door.as_of();
        let task = Task { window: Window { start: as_of - WINDOW, end: as_of }, carry: None };
        match collector.collector.collect(&door, &task).await {
            Ok(population) => {
                let items = population.items().len();
                findings.push(Finding::ok(&about, format!("read whole: {items} items in a window of a day")));
            }
            Err(error) => findings.extend(error.unread().into_iter().map(|unread| {
                let found = format!("{}: {}", unread.what, unread.why);
                let fix = match (unread.permission, unread.hint) {
                    (Some(permission), _) => format!("grant {permission}"),
                    (None, Some(hint)) => hint,
                    (None, None) => format!("it needs {}", collector.kind.permissions.join(", ")),
                };
                Finding::bad(Level::Fail, &about, found, fix)
            })),
        }
        findings.extend(beside(&about, collector.kind, &door.ipe(collector.kind.name)));
    }
    findings
}

/// What the answers say of clock and rights, whatever was read.
fn beside(about: &str, kind: &Kind, ipe: &Ipe) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(skew) = ipe.clock_skew_ms.filter(|skew| skew.abs() > SKEW_MS_MAX) {
        let found = format!("the clock of the source is {} s away from ours", skew / 1_000);
        findings.push(Finding::bad(
            Level::Fail,
            about,
            found,
            "synchronise this machine's clock (chrony, systemd-timesyncd)",
        ));
    }
    let more: Vec<&str> = ipe.scopes.iter().map(String::as_str).filter(|scope| writes(scope)).collect();
    if !more.is_empty() {
        let found = format!("the token may do more than read: {}", more.join(", "));
        let fix = format!("use a GitHub App or a fine-grained token with {}", kind.permissions.join(", "));
        findings.push(Finding::bad(Level::Warn, about, found, fix));
    }
    findings
}

/// Whether a scope of a classic GitHub token lets it change something.
fn writes(scope: &str) -> bool {
    let reads = ["repo:status", "user:email", "security_events"];
    !(scope.is_empty() || scope.starts_with("read:") || reads.contains(&scope))
}
