//! Whether everything that people and programs do in an account is written down, in every region, and kept.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `logged` | some trail takes in the region and has nothing wrong with it, and threats are looked for |
//! | deviation | `no-trail` | no trail takes in the region |
//! | deviation | `trail-of-one-region` | the trail takes in that region alone: a new region would go unseen |
//! | deviation | `not-logging` | the trail is stopped |
//! | deviation | `logging-interrupted` | the trail was stopped since the last reading, and writes again; or it was only made then |
//! | deviation | `no-validation` | a change of the trail's files would not show |
//! | deviation | `no-own-key` | the policy asks for a key of one's own, and the trail has none |
//! | deviation | `events-left-out` | management events that look or change, or services that the policy does not let go, are not written down |
//! | deviation | `delivery-failing` | the last delivery failed |
//! | deviation | `delivery-late` | nothing was delivered for longer than the policy allows |
//! | deviation | `kept-too-short` | files are deleted sooner than the policy allows |
//! | deviation | `threat-detection-off` | nothing looks through the events for threats |
//! | indeterminate | `account-unread` | the account's regions are not known |
//! | indeterminate | `trails-unread` | which trails take in the region could not be read |
//! | indeterminate | `status-unread` | how the trail is now could not be read |
//! | indeterminate | `events-unread` | what the trail writes down could not be read |
//! | indeterminate | `delivery-unknown` | the trail has not delivered anything yet, or says so of the future |
//! | indeterminate | `retention-unread` | how long the files are kept could not be read |
//! | indeterminate | `threat-detection-unread` | whether something looks for threats could not be read |
//! | excluded | `account-not-active` | suspended or closed |
//! | waived, deviation | `approved-waiver`, `waiver-invalid` | see `waive` |
//!
//! One trail that has nothing wrong with it is enough. Where none is, a region is indeterminate while some trail might
//! be; else it deviates for what is wrong with the one that comes nearest.

mod attributes;

pub(super) use attributes::attributes;

use super::{Judged, Outcome, PolicyError, Ruling, day_time, policy::out_of_range};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{
    AccountState, AuditLog, AuditLogDetail, Kept, RegionLogs, Trail, TrailEvents, TrailStatus,
};
use serde::{Deserialize, Serialize};

/// How far a source's clock may run ahead of ours, minutes.
const CLOCK_AHEAD_MINUTES_MAX: i64 = 5;

/// What a trail must do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days that files must be kept, 1 to 3650.
    pub kept_days: u32,
    /// Hours since the last delivery, 1 to 168.
    pub delivery_max_hours: u32,
    /// Services whose events may be left out: `kms.amazonaws.com`.
    pub may_leave_out: Vec<String>,
    /// Whether files must be encrypted under a key of one's own.
    pub own_key: bool,
    /// Whether something must look through the events for threats.
    pub threat_detection: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            kept_days: 365,
            delivery_max_hours: 24,
            may_leave_out: Vec::new(),
            own_key: false,
            threat_detection: true,
        }
    }
}

/// Refuses limits that make no sense.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("kept_days", policy.kept_days, 1, 3_650)?;
    out_of_range("delivery_max_hours", policy.delivery_max_hours, 1, 168)
}

/// Judges one region or account; `as_of` is when it was read.
pub(super) fn judge(policy: &Policy, item: &AuditLog, as_of: DateTime<Utc>) -> Judged {
    let ruling = match &item.detail {
        AuditLogDetail::Account { state: AccountState::Active } => {
            Ruling::indeterminate("account-unread", "its regions are not known")
        }
        AuditLogDetail::Account { state: AccountState::Suspended } => {
            Ruling::excluded("account-not-active", "suspended or closed: nobody was asked")
        }
        AuditLogDetail::Region(logs) => region(policy, logs, as_of).1,
    };
    Judged { item: item.id.clone(), ruling, beneficiaries: Vec::new() }
}

/// The trail that it is judged by, if any, and what comes of it.
fn region<'a>(policy: &Policy, logs: &'a RegionLogs, as_of: DateTime<Utc>) -> (Option<&'a Trail>, Ruling) {
    let Some(trails) = &logs.trails else {
        return (None, Ruling::indeterminate("trails-unread", "its trails could not be read"));
    };
    let ruled = trails.iter().map(|one| (one, trail(policy, one, logs.since, as_of)));
    // The first that is wrong for the last of the reasons comes nearest.
    let rank = |ruling: &Ruling| match ruling.outcome {
        Outcome::Pass => (2, 0),
        Outcome::Indeterminate => (1, nearness(ruling.reason)),
        _ => (0, nearness(ruling.reason)),
    };
    let best = ruled.max_by_key(|(one, ruling)| (rank(ruling), std::cmp::Reverse(one.arn.clone())));
    let Some((one, ruling)) = best else {
        return (None, Ruling::deviation("no-trail", "no trail takes it in"));
    };
    if ruling.outcome != Outcome::Pass || !policy.threat_detection {
        return (Some(one), ruling);
    }
    let ruling = match logs.threat_detection {
        Some(true) => ruling,
        Some(false) => Ruling::deviation("threat-detection-off", "nothing looks through its events for threats"),
        None => Ruling::indeterminate("threat-detection-unread", "whether something looks for threats was not read"),
    };
    (Some(one), ruling)
}

/// What a trail may be wrong in, in the order in which it is looked at.
const ORDER: [&str; 14] = [
    "status-unread",
    "not-logging",
    "trail-of-one-region",
    "no-validation",
    "no-own-key",
    "events-unread",
    "events-left-out",
    "delivery-failing",
    "delivery-unknown",
    "delivery-late",
    "retention-unread",
    "kept-too-short",
    "logging-interrupted",
    "logged",
];

fn nearness(reason: &str) -> usize {
    ORDER.iter().position(|other| *other == reason).unwrap_or_default()
}

/// What is wrong with one trail, first things first.
fn trail(policy: &Policy, trail: &Trail, since: DateTime<Utc>, as_of: DateTime<Utc>) -> Ruling {
    let name = &trail.arn;
    let unread =
        |reason: &'static str, what: &str| Ruling::indeterminate(reason, format!("{what} of {name} was not read"));
    let Some(status) = &trail.status else { return unread("status-unread", "the state") };
    if !status.logging {
        let stopped =
            status.stopped.map_or_else(|| "it never began".to_owned(), |at| format!("since {}", day_time(at)));
        return Ruling::deviation("not-logging", format!("{name} is stopped: {stopped}"));
    }
    if !trail.every_region {
        return Ruling::deviation("trail-of-one-region", format!("{name} takes in {} alone", trail.home));
    }
    if !trail.validation {
        return Ruling::deviation("no-validation", format!("{name} has no validation of its files"));
    }
    if policy.own_key && !trail.own_key {
        return Ruling::deviation("no-own-key", format!("{name} is not encrypted under a key of one's own"));
    }
    let Some(events) = &trail.events else { return unread("events-unread", "what is written down") };
    if let Some(missing) = left_out(policy, events) {
        return Ruling::deviation("events-left-out", format!("{name} leaves out {missing}"));
    }
    if let Some(ruling) = delivery(policy, name, status, as_of) {
        return ruling;
    }
    match trail.kept {
        Kept::Unread => return unread("retention-unread", &format!("how long {} keeps the files", trail.store)),
        Kept::Days(days) if days < policy.kept_days => {
            let least = policy.kept_days;
            let seen = format!("{name}: {} keeps files for {days} days; {least} are asked for", trail.store);
            return Ruling::deviation("kept-too-short", seen);
        }
        Kept::Days(_) | Kept::Forever => {}
    }
    if let Some(stopped) = status.stopped.filter(|stopped| *stopped >= since) {
        let again = status.started.map_or_else(|| "an unknown time".to_owned(), day_time);
        let seen = format!("{name} was stopped from {} to {again}", day_time(stopped));
        return Ruling::deviation("logging-interrupted", seen);
    }
    // One that was deleted and made anew was never stopped.
    if let Some(started) = status.started.filter(|started| status.stopped.is_none() && *started > since) {
        let seen = format!("{name} writes only since {}", day_time(started));
        return Ruling::deviation("logging-interrupted", seen);
    }
    let kept = match trail.kept {
        Kept::Days(days) => format!("{days} days"),
        _ => "without end".to_owned(),
    };
    Ruling::pass(
        "logged",
        format!("{name} writes everything down, last delivered {}, and keeps it {kept}", delivered(status)),
    )
}

fn left_out(policy: &Policy, events: &TrailEvents) -> Option<String> {
    let mut missing: Vec<String> = Vec::new();
    missing.extend((!events.reads).then(|| "events that only look".to_owned()));
    missing.extend((!events.writes).then(|| "events that change something".to_owned()));
    missing.extend(events.left_out.iter().filter(|service| !policy.may_leave_out.contains(service)).cloned());
    (!missing.is_empty()).then(|| missing.join(", "))
}

fn delivery(policy: &Policy, name: &str, status: &TrailStatus, as_of: DateTime<Utc>) -> Option<Ruling> {
    if let Some(error) = &status.delivery_error {
        return Some(Ruling::deviation("delivery-failing", format!("{name}: the last delivery failed: {error}")));
    }
    let Some(at) = status.delivered.filter(|at| *at <= as_of + TimeDelta::minutes(CLOCK_AHEAD_MINUTES_MAX)) else {
        return Some(Ruling::indeterminate(
            "delivery-unknown",
            format!("{name}: last delivered {}", delivered(status)),
        ));
    };
    let limit = policy.delivery_max_hours;
    let late = as_of - at > TimeDelta::hours(limit.into());
    late.then(|| {
        let seen =
            format!("{name}: last delivered {}, read at {}; {limit} h are allowed", delivered(status), day_time(as_of));
        Ruling::deviation("delivery-late", seen)
    })
}

fn delivered(status: &TrailStatus) -> String {
    status.delivered.map_or_else(|| "never".to_owned(), day_time)
}
