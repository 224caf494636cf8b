//! What each collector can read with the credentials that it has: it collects once, over a short window, and what it
//! brings is only counted.

use super::rights::Tried;
use super::{AS_DAEMON, Finding, Level};
use crate::config::Loaded;
use chrono::TimeDelta;
use evidenced_collectors::contract::clock::Clock;
use evidenced_collectors::contract::{CollectError, Kind, SecretRef, System, Task, Unread, Window, values};
use evidenced_collectors::door::{Door, Network};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// As much of the past as is read to try whether it can be.
const WINDOW: TimeDelta = TimeDelta::days(1);

/// `as_daemon`: we are the daemon's user. Otherwise what files let us read says nothing of it.
pub(super) async fn look(loaded: &Loaded, clock: Arc<dyn Clock>, as_daemon: bool) -> Vec<Finding> {
    let (network, mut findings) = (Network::new(), Vec::new());
    for (name, collector) in &loaded.collectors {
        let from = findings.len();
        let about = format!("collector {name}");
        let (kind, config) = (collector.kind, &loaded.config.collectors[name]);
        let (limits, settings) = (config.limits, &config.settings);
        let door = Door::live(&network, clock.clone(), limits);
        let as_of = door.as_of();
        let task = Task { window: Window { start: as_of - WINDOW, end: as_of }, carry: None };
        let mut error = None;
        match collector.collector.collect(&door, &task).await {
            Ok(population) => {
                let items = population.items().len();
                findings.push(Finding::ok(&about, format!("read whole: {items} items in a window of a day")));
            }
            Err(why) => {
                findings.extend(unread(&about, kind, settings, &why));
                error = Some(why);
            }
        }
        let others = needed_by_others(loaded, name);
        let tried = Tried { name, kind, collector: collector.collector.as_ref(), settings, others: &others };
        findings.extend(Box::pin(tried.look(&door, error.as_ref())).await);
        if !as_daemon && kind.permissions.iter().all(|permission| permission.system == System::Files) {
            findings.iter_mut().skip(from).for_each(Finding::of_another_user);
        }
    }
    findings
}

/// Whether it is systemd that would have to hand over the credential, and this is not the service.
fn is_the_services(unread: &Unread, settings: &Value) -> bool {
    let named = values(settings, "credential").into_iter().filter_map(Value::as_str);
    let mut named = named.map(|name| SecretRef::Credential(name.to_owned()).to_string());
    std::env::var_os("CREDENTIALS_DIRECTORY").is_none() && named.any(|credential| unread.what == credential)
}

fn unread(about: &str, kind: &Kind, settings: &Value, error: &CollectError) -> Vec<Finding> {
    let one = |unread: Unread| {
        if is_the_services(&unread, settings) {
            let found = format!("{}: systemd gives credentials to the service alone", unread.what);
            return Finding::bad(Level::Unknown, about, found, AS_DAEMON);
        }
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
