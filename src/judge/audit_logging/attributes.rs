//! The attributes of one region: those of the trail that it is judged by. Which of them decided follows from the
//! judge's reason.

use super::{Policy, delivered, judge, region};
use crate::judge::attributes::{Attribute, NOT_READ, Part, known};
use crate::judge::day_time;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{AccountState, AuditLog, AuditLogDetail, Fact, Kept, RegionLogs, Trail};

/// The attributes that give a reason.
fn deciding(reason: &str) -> &'static [&'static str] {
    match reason {
        "account-unread" | "account-not-active" => &["account"],
        "no-trail" | "trails-unread" => &["trail"],
        "trail-of-one-region" => &["regions"],
        "not-logging" | "status-unread" => &["logging"],
        "logging-interrupted" => &["break"],
        "no-validation" => &["validation"],
        "no-own-key" => &["own-key"],
        "events-left-out" | "events-unread" => &["events"],
        "delivery-failing" | "delivery-late" | "delivery-unknown" => &["delivery"],
        "kept-too-short" | "retention-unread" => &["kept"],
        "threat-detection-off" | "threat-detection-unread" => &["threats"],
        "logged" => &["regions", "logging", "validation", "events", "delivery", "kept", "break"],
        _ => &[],
    }
}

/// Every attribute of the item. `as_of` is when it was read.
pub(in crate::judge) fn attributes(policy: &Policy, item: &AuditLog, as_of: DateTime<Utc>) -> Vec<Attribute> {
    let ruling = judge(policy, item, as_of).ruling;
    let mut all = match &item.detail {
        AuditLogDetail::Account { state } => {
            let seen = match state {
                AccountState::Active => "in use; its regions were not read",
                AccountState::Suspended => "suspended or closed: nobody was asked",
            };
            vec![Attribute::new("account", "the account", seen).on([Fact::Account])]
        }
        AuditLogDetail::Region(logs) => of_region(policy, logs, as_of),
    };
    for attribute in &mut all {
        attribute.decides = deciding(ruling.reason).contains(&attribute.key);
        if attribute.decides {
            (attribute.part, attribute.reason) = (Part::of(ruling.outcome), Some(ruling.reason));
        }
    }
    all
}

fn of_region(policy: &Policy, logs: &RegionLogs, as_of: DateTime<Utc>) -> Vec<Attribute> {
    let trails = match &logs.trails {
        None => NOT_READ.to_owned(),
        Some(trails) if trails.is_empty() => "none".to_owned(),
        Some(trails) => trails.iter().map(|trail| trail.arn.as_str()).collect::<Vec<_>>().join(", "),
    };
    let mut all = vec![Attribute::new("trail", "trails that take it in", trails).on([Fact::Trails])];
    if let (Some(trail), _) = region(policy, logs, as_of) {
        all.extend(of_trail(logs, trail));
    }
    let threats = Attribute::new("threats", "something looks for threats", known(logs.threat_detection));
    all.push(threats.on([Fact::ThreatDetection, Fact::Policy("threat_detection")]));
    all
}

fn of_trail(logs: &RegionLogs, trail: &Trail) -> Vec<Attribute> {
    let listed = || [Fact::Trails];
    let now = || [Fact::TrailStatus(trail.arn.clone())];
    let regions = if trail.every_region { "every one".to_owned() } else { format!("{} alone", trail.home) };
    let kept = match trail.kept {
        Kept::Forever => "no rule deletes anything".to_owned(),
        Kept::Days(days) => format!("{days} days"),
        Kept::Unread => NOT_READ.to_owned(),
    };
    let events = trail.events.as_ref().map(|events| {
        let left_out = if events.left_out.is_empty() { "nothing".to_owned() } else { events.left_out.join(", ") };
        format!("looking: {}, changing: {}, left out: {left_out}", events.reads, events.writes)
    });
    let status = trail.status.as_ref();
    let stopped = status.map(|status| status.stopped.map_or_else(|| "never".to_owned(), day_time));
    let delivery = status.map(|status| match &status.delivery_error {
        Some(error) => format!("failed: {error}"),
        None => delivered(status),
    });
    vec![
        Attribute::new("regions", "regions of the trail", regions).on(listed()),
        Attribute::new("logging", "it writes", known(status.map(|status| status.logging))).on(now()),
        Attribute::new("validation", "a change of its files would show", trail.validation.to_string()).on(listed()),
        Attribute::new("own-key", "encrypted under a key of one's own", trail.own_key.to_string())
            .on(listed())
            .on([Fact::Policy("own_key")]),
        Attribute::new("events", "management events", known(events))
            .on([Fact::TrailEvents(trail.arn.clone()), Fact::Policy("may_leave_out")]),
        Attribute::new("delivery", "last delivered", known(delivery))
            .on(now())
            .on([Fact::Policy("delivery_max_hours")]),
        Attribute::new("kept", format!("how long {} keeps its files", trail.store), kept)
            .on([Fact::KeptFor(trail.store.clone()), Fact::Policy("kept_days")]),
        Attribute::new("break", format!("last stopped; since {} counts", day_time(logs.since)), known(stopped))
            .on(now()),
    ]
}
