//! Which channels an alert goes to, and when it may go: routes, quiet hours, digests. Pure.

use super::message::Event;
use crate::config::{Config, RouteConfig, Severity};
use crate::judge::covers;
use crate::ledger::record::About;
use crate::schedule::{Quiet, Schedule};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// The routes, ready to be asked.
pub struct Routes {
    routes: Vec<Route>,
    /// Every channel.
    channels: Vec<String>,
}

struct Route {
    config: RouteConfig,
    quiet: Option<Quiet>,
    digest: Option<Digest>,
}

enum Digest {
    At(Box<Schedule>),
    Every(TimeDelta),
}

/// As much of an alert as routes ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// What set it off.
    pub event: Event,
    /// How bad it is.
    pub severity: Severity,
    /// The controls that it concerns; none when it is about none.
    pub controls: BTreeSet<String>,
    /// Who answers for these.
    pub owners: BTreeSet<String>,
}

/// Whether an alert may go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// It may.
    Now {
        /// Together with others of that route.
        digest: Option<usize>,
        /// What it waited for.
        waited: Option<String>,
    },
    /// Not yet.
    Held {
        /// When it may.
        until: DateTime<Utc>,
        /// The route for whose digest it waits; `None` in quiet hours.
        digest: Option<usize>,
        /// What it waits for.
        why: String,
    },
}

impl Routed {
    /// An alert about something, as the configuration has it.
    pub fn of(config: &Config, about: &About, event: Event, severity: Severity) -> Self {
        let concerned = config.controls.iter().filter(|(id, control)| match about {
            About::Control(name) => *id == name,
            About::Collector(name) => control.collectors.contains(name),
            About::Anchor(_) | About::Channel(_) | About::Disk | About::Daemon => false,
        });
        let (controls, owners) = concerned.map(|(id, control)| (id.clone(), control.owner.clone())).unzip();
        Self { event, severity, controls, owners }
    }

    /// The severity that an alert about it has: that of the worst control that it concerns.
    pub fn worst(config: &Config, about: &About) -> Option<Severity> {
        let found = Self::of(config, about, Event::Drifted, Severity::Low);
        found.controls.iter().filter_map(|id| config.controls.get(id)).map(|control| control.severity).max()
    }
}

impl Routes {
    /// Understands the routes. What is wrong with them, and a hint: a route that nothing can take, or a channel
    /// that none reaches, is silence that nobody would notice.
    pub fn compile(config: &Config) -> Result<Self, (String, String)> {
        let channels: Vec<String> = config.channels.keys().cloned().collect();
        let mut routes = Vec::new();
        for (number, route) in (1..).zip(&config.routes) {
            let wrong = |what: String, hint: &str| (format!("[[routes]] number {number}: {what}"), hint.to_owned());
            check(route, config).map_err(|(what, hint)| wrong(what, &hint))?;
            let quiet = route.quiet.as_ref().map(|quiet| {
                Quiet::parse(&quiet.from, &quiet.to, &quiet.weekdays, &route.timezone)
                    .map_err(|error| wrong(format!("quiet: {error}"), "from = \"22:00\", to = \"07:00\""))
            });
            let digest = route.digest.as_ref().map(|text| {
                Digest::parse(text, &route.timezone)
                    .map_err(|error| wrong(format!("digest: {error}"), "five fields of cron, `0 8 * * *`, or `4h`"))
            });
            routes.push(Route { config: route.clone(), quiet: quiet.transpose()?, digest: digest.transpose()? });
        }
        let reached: BTreeSet<&String> = config.routes.iter().flat_map(|route| &route.channels).collect();
        if let Some(unreached) = channels.iter().find(|name| !routes.is_empty() && !reached.contains(name)) {
            let hint = "name it in a route, or leave all routes out: then everything goes to every channel";
            return Err((format!("[channels.{unreached}] no route reaches it"), hint.to_owned()));
        }
        Ok(Self { routes, channels })
    }

    /// The channels that an alert goes to, by name.
    pub fn channels(&self, alert: &Routed) -> Vec<String> {
        if self.routes.is_empty() {
            return self.channels.clone();
        }
        let found: BTreeSet<&String> =
            self.matching(alert).into_iter().flat_map(|(_, route)| &route.config.channels).collect();
        found.into_iter().cloned().collect()
    }

    /// Routes that an alert takes. What concerns no control takes those that ask for one only if no other does.
    fn matching(&self, alert: &Routed) -> Vec<(usize, &Route)> {
        let matching = |anybodys: bool| -> Vec<(usize, &Route)> {
            let routes = self.routes.iter().enumerate();
            routes.filter(|(_, route)| route.config.takes(alert, anybodys)).collect()
        };
        let strict = matching(false);
        if strict.is_empty() && alert.controls.is_empty() { matching(true) } else { strict }
    }

    /// Whether an alert of `at` may go out on the channel.
    pub fn release(&self, channel: &str, alert: &Routed, at: DateTime<Utc>, now: DateTime<Utc>) -> Release {
        let routes =
            self.matching(alert).into_iter().filter(|(_, route)| route.config.channels.iter().any(|c| c == channel));
        let mut held: Option<Release> = None;
        for (number, route) in routes {
            match (route.release(number, alert.severity, at, now), &held) {
                (now @ Release::Now { .. }, _) => return now,
                (Release::Held { until, .. }, Some(Release::Held { until: sooner, .. })) if *sooner <= until => {}
                (later, _) => held = Some(later),
            }
        }
        // No route takes it any more: it was routed when it was raised.
        held.unwrap_or(Release::Now { digest: None, waited: None })
    }

    /// From when on the time that a channel is tried counts: the alert's own time, or that of its digest.
    pub fn tried_from(&self, channel: &str, alert: &Routed, at: DateTime<Utc>) -> DateTime<Utc> {
        let routes =
            self.matching(alert).into_iter().filter(|(_, route)| route.config.channels.iter().any(|c| c == channel));
        routes.map(|(_, route)| route.due(at)).min().unwrap_or(at)
    }
}

impl RouteConfig {
    fn takes(&self, alert: &Routed, anybodys: bool) -> bool {
        let controls = self.controls.is_empty()
            || anybodys
            || alert.controls.iter().any(|id| self.controls.iter().any(|pattern| covers(pattern, id)));
        let owners = self.owners.is_empty() || anybodys || self.owners.iter().any(|owner| alert.owners.contains(owner));
        let events = self.events.is_empty() || self.events.contains(&alert.event);
        controls && owners && events && self.at_least <= alert.severity
    }
}

impl Route {
    /// When it would go out if there were no quiet hours.
    fn due(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        match &self.digest {
            None => at,
            Some(Digest::At(schedule)) => schedule.next_after(at).unwrap_or(at),
            Some(Digest::Every(span)) => at + *span,
        }
    }

    fn release(&self, number: usize, severity: Severity, at: DateTime<Utc>, now: DateTime<Utc>) -> Release {
        let too = self.config.quiet.as_ref().is_some_and(|config| config.critical_too);
        let due = self.due(at);
        let digest = self.digest.as_ref().map(|_| number);
        let quiet = self.quiet.as_ref().filter(|_| severity < Severity::Critical || too);
        if let Some((quiet, until)) = quiet.and_then(|quiet| Some((quiet, quiet.until(now)?))) {
            return Release::Held { until: until.max(due), digest: None, why: format!("quiet hours ({quiet})") };
        }
        if now < due {
            return Release::Held { until: due, digest, why: "a digest".to_owned() };
        }
        let waited = match (&self.digest, quiet.filter(|quiet| quiet.until(due).is_some())) {
            (_, Some(quiet)) => Some(format!("quiet hours ({quiet})")),
            (Some(_), None) => Some("a digest".to_owned()),
            (None, None) => None,
        };
        Release::Now { digest, waited }
    }
}

impl Digest {
    fn parse(text: &str, timezone: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(span) if (60..=7 * 24 * 3_600).contains(&span.as_secs()) => {
                TimeDelta::from_std(span).map(Self::Every).map_err(|error| error.to_string())
            }
            Ok(_) => Err("must be between a minute and a week".to_owned()),
            Err(_) => Schedule::parse(text, timezone)
                .map(|schedule| Self::At(Box::new(schedule)))
                .map_err(|error| error.to_string()),
        }
    }
}

/// What nobody could notice later: names that there are not.
fn check(route: &RouteConfig, config: &Config) -> Result<(), (String, String)> {
    let known = |names: Vec<&String>| {
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        format!("there are: {}", names.join(", "))
    };
    if route.channels.is_empty() {
        return Err(("channels is empty".to_owned(), "name those that it leads to".to_owned()));
    }
    if let Some(name) = route.channels.iter().find(|name| !config.channels.contains_key(*name)) {
        return Err((format!("channel `{name}` is not configured"), known(config.channels.keys().collect())));
    }
    if let Some(owner) = route.owners.iter().find(|owner| config.controls.values().all(|c| c.owner != **owner)) {
        let owners: BTreeSet<&String> = config.controls.values().map(|control| &control.owner).collect();
        return Err((format!("`{owner}` owns no control"), known(owners.into_iter().collect())));
    }
    let none = |pattern: &&String| !config.controls.keys().any(|id| covers(pattern, id));
    if let Some(pattern) = route.controls.iter().find(none) {
        return Err((format!("`{pattern}` is no control"), known(config.controls.keys().collect())));
    }
    Ok(())
}
