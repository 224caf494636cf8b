//! What each collector can read with the credentials that it has: it collects once, over a short window, and what it
//! brings is only counted.

use super::rights::Tried;
use super::{Finding, Level};
use crate::config::Loaded;
use chrono::TimeDelta;
use evidenced_collectors::contract::clock::Clock;
use evidenced_collectors::contract::{CollectError, Kind, Task, Unread, Window};
use evidenced_collectors::door::{Door, Network};
use std::collections::BTreeSet;
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
        let (mut skew_ms, mut error) = (None, None);
        match collector.collector.collect(&door, &task).await {
            Ok(population) => {
                let items = population.items().len();
                findings.push(Finding::ok(&about, format!("read whole: {items} items in a window of a day")));
                skew_ms = population.ipe().clock_skew_ms;
            }
            Err(why) => {
                findings.extend(unread(&about, collector.kind, &why));
                if let CollectError::Incomplete(partial) = &why {
                    skew_ms = partial.ipe.clock_skew_ms;
                }
                error = Some(why);
            }
        }
        findings.extend(skewed(&about, skew_ms));
        let others = needed_by_others(loaded, name);
        let (kind, settings) = (collector.kind, &loaded.config.collectors[name].settings);
        let tried = Tried { name, kind, collector: collector.collector.as_ref(), settings, others: &others };
        findings.extend(Box::pin(tried.look(&door, error.as_ref())).await);
    }
    findings
}

fn unread(about: &str, kind: &Kind, error: &CollectError) -> Vec<Finding> {
    let one = |unread: Unread| {
        let found = format!("{}: {}", unread.what, unread.why);
        let fix = match (unread.permission, unread.hint) {
            (Some(permission), _) => format!("grant {permission}"),
            (None, Some(hint)) => hint,
            (None, None) => {
                let needs: Vec<String> = kind.permissions.iter().map(ToString::to_string).collect();
                format!("it needs {}", needs.join(", "))
            }
        };
        Finding::bad(Level::Fail, about, found, fix)
    };
    error.unread().into_iter().map(one).collect()
}

/// Permissions that the other collectors need with their settings.
fn needed_by_others(loaded: &Loaded, name: &str) -> BTreeSet<&'static str> {
    let others = loaded.collectors.iter().filter(|(other, _)| *other != name);
    let needed = others.flat_map(|(other, collector)| {
        let settings = &loaded.config.collectors[other].settings;
        collector.kind.permissions.iter().filter(|permission| permission.needed(settings))
    });
    needed.map(|permission| permission.name).collect()
}

/// What the answers say of the clock, whatever was read.
fn skewed(about: &str, skew_ms: Option<i64>) -> Option<Finding> {
    let skew = skew_ms.filter(|skew| skew.abs() > SKEW_MS_MAX)?;
    let found = format!("the clock of the source is {} s away from ours", skew / 1_000);
    let fix = "synchronise this machine's clock (chrony, systemd-timesyncd)";
    Some(Finding::bad(Level::Fail, about, found, fix))
}
