//! Places that are looked through for vulnerabilities, and regions with their trails, as tables.

use super::table::{Table, instant, known, list, word};
use crate::bundle::BundleError;
use evidenced_collectors::contract::{
    AuditLog, AuditLogDetail, Closing, Kept, Trail, Vulnerability, VulnerabilityDetail,
};
use std::io::Write;

const VULNERABILITY_COLUMNS: [&str; 14] = [
    "row",
    "id",
    "place",
    "url",
    "scanning",
    "advisory",
    "package",
    "file",
    "found_at",
    "severities",
    "ended",
    "ended_at",
    "dismissed_by",
    "dismissed_because",
];

/// Writes places and what was found there.
pub(super) fn vulnerabilities(items: &[Vulnerability], out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &VULNERABILITY_COLUMNS)?;
    for item in items {
        let mut row: [String; 14] = Default::default();
        (row[1], row[2], row[3]) = (item.id.clone(), item.place.clone(), item.url.clone());
        match &item.detail {
            VulnerabilityDetail::Place { scanning } => (row[0], row[4]) = ("place".to_owned(), word(scanning)),
            VulnerabilityDetail::Finding(found) => {
                let severities =
                    found.severities.iter().map(|r| format!("{} {}", r.severity.word(), instant(Some(r.since))));
                (row[0], row[5], row[6]) = ("finding".to_owned(), found.advisory.clone(), found.package.clone());
                (row[7], row[8], row[9]) = (found.file.clone(), instant(Some(found.found_at)), list(severities));
                row[10..].clone_from_slice(&closing_cells(found.closing.as_ref()));
            }
        }
        table.row(&row)?;
    }
    table.end()
}

fn closing_cells(closing: Option<&Closing>) -> [String; 4] {
    let how = match closing {
        None => "open",
        Some(Closing::Fixed { .. }) => "fixed",
        Some(Closing::Dismissed { .. }) => "dismissed",
        Some(Closing::AutoDismissed { .. }) => "auto_dismissed",
        Some(Closing::Gone) => "no longer listed",
    };
    let (who, why) = match closing {
        Some(Closing::Dismissed { by, reason, comment, .. }) => (
            by.clone().unwrap_or_else(|| "deleted account".to_owned()),
            [reason, comment].map(|words| words.as_deref().unwrap_or("none")).join(": "),
        ),
        _ => Default::default(),
    };
    [how.to_owned(), instant(closing.and_then(Closing::at)), who, why]
}

const AUDIT_LOG_COLUMNS: [&str; 22] = [
    "row",
    "id",
    "account",
    "name",
    "account_state",
    "region",
    "threat_detection",
    "trail",
    "home",
    "every_region",
    "validation",
    "own_key",
    "logging",
    "started",
    "stopped",
    "delivered",
    "delivery_error",
    "reads",
    "writes",
    "left_out",
    "store",
    "kept",
];

/// Writes accounts that were not read, regions, and the trails of each.
pub(super) fn audit_logs(items: &[AuditLog], out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &AUDIT_LOG_COLUMNS)?;
    for item in items {
        let mut row: [String; 22] = Default::default();
        (row[1], row[2], row[3]) = (item.id.clone(), item.account.clone(), item.name.clone());
        let logs = match &item.detail {
            AuditLogDetail::Account { state } => {
                (row[0], row[4]) = ("account".to_owned(), word(state));
                table.row(&row)?;
                continue;
            }
            AuditLogDetail::Region(logs) => logs,
        };
        (row[0], row[5], row[6]) = ("region".to_owned(), logs.region.clone(), known(logs.threat_detection));
        row[7] = logs.trails.as_ref().map_or_else(|| "not read".to_owned(), |trails| trails.len().to_string());
        table.row(&row)?;
        for trail in logs.trails.iter().flatten() {
            (row[0], row[6]) = ("trail".to_owned(), String::new());
            row[7..].clone_from_slice(&trail_cells(trail));
            table.row(&row)?;
        }
    }
    table.end()
}

fn trail_cells(trail: &Trail) -> [String; 15] {
    let (status, events) = (trail.status.as_ref(), trail.events.as_ref());
    let time = |at: Option<Option<_>>| at.map_or_else(|| "not read".to_owned(), instant);
    [
        trail.arn.clone(),
        trail.home.clone(),
        trail.every_region.to_string(),
        trail.validation.to_string(),
        trail.own_key.to_string(),
        known(status.map(|status| status.logging)),
        time(status.map(|status| status.started)),
        time(status.map(|status| status.stopped)),
        time(status.map(|status| status.delivered)),
        known(status.map(|status| status.delivery_error.clone().unwrap_or_default())),
        known(events.map(|events| events.reads)),
        known(events.map(|events| events.writes)),
        known(events.map(|events| list(&events.left_out))),
        trail.store.clone(),
        match trail.kept {
            Kept::Forever => "forever".to_owned(),
            Kept::Days(days) => days.to_string(),
            Kept::Unread => "not read".to_owned(),
        },
    ]
}
