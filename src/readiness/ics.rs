//! The plan as a calendar of tasks (RFC 5545): one VTODO for each gap.

use super::closed::Closed;
use super::gaps::Gap;
use super::remediation::{Remediation, Task};
use crate::catalogue::Severity;
use crate::shown::shown;
use chrono::{DateTime, Utc};

/// Octets of a line, without its end.
const LINE_OCTETS_MAX: usize = 75;

impl Remediation {
    /// As a calendar file.
    pub fn ics(&self) -> String {
        let mut out = String::new();
        line(&mut out, "BEGIN:VCALENDAR");
        line(&mut out, "VERSION:2.0");
        line(&mut out, "PRODID:-//evidenced//remediation//EN");
        line(&mut out, "CALSCALE:GREGORIAN");
        for gap in &self.gaps {
            task(&mut out, gap, self);
        }
        for gap in &self.closed {
            closed(&mut out, gap, self);
        }
        line(&mut out, "END:VCALENDAR");
        out
    }
}

/// What every task begins with.
fn begin(out: &mut String, gap: &Gap, plan: &Remediation) {
    let sample = if plan.head.sample { "SAMPLE: " } else { "" };
    line(out, "BEGIN:VTODO");
    line(out, &format!("UID:{}", uid(&gap.gap_id, plan)));
    line(out, &format!("DTSTAMP:{}", utc(plan.head.as_of)));
    if let Some(opened) = gap.opened_at {
        line(out, &format!("CREATED:{}", utc(opened)));
    }
    line(out, &format!("SUMMARY:{}", text(&format!("{sample}{}: {}", gap.gap_id, gap.title))));
    line(out, &format!("CATEGORIES:{}", text(&super::grid::word(gap.gap_type))));
}

/// A task that is done: who has it in a calendar sees it end there.
fn closed(out: &mut String, closed: &Closed, plan: &Remediation) {
    begin(out, &closed.gap, plan);
    line(out, "STATUS:COMPLETED");
    line(out, "PERCENT-COMPLETE:100");
    line(out, &format!("COMPLETED:{}", utc(closed.closed_at)));
    line(out, "END:VTODO");
}

fn task(out: &mut String, task: &Task, plan: &Remediation) {
    let gap = &task.gap;
    begin(out, gap, plan);
    line(out, &format!("DUE;VALUE=DATE:{}", task.target_date.format("%Y%m%d")));
    let said = [
        format!("Owner: {}", task.who()),
        format!("Criteria: {}", gap.criteria.join(", ")),
        format!("Current state: {}", gap.current_state),
        format!("Required state: {}", gap.required_state),
    ];
    let actions = task.actions.iter().enumerate().map(|(number, action)| format!("{}. {action}", number + 1));
    let lines: Vec<String> = said.into_iter().chain(actions).map(|line| shown(&line).into_owned()).collect();
    line(out, &format!("DESCRIPTION:{}", escaped(&lines.join("\n"))));
    let priority = match task.priority {
        Severity::Critical => 1,
        Severity::High => 3,
        Severity::Medium => 5,
        Severity::Low => 9,
    };
    line(out, &format!("PRIORITY:{priority}"));
    line(out, "STATUS:NEEDS-ACTION");
    for id in &task.dependencies {
        line(out, &format!("RELATED-TO:{}", uid(id, plan)));
    }
    line(out, "END:VTODO");
}

/// The same gap of the same organisation has the same one in every file.
fn uid(gap: &str, plan: &Remediation) -> String {
    text(&format!("{gap}@{}", plan.head.organization))
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A text of one line; what cannot be seen is written out.
fn text(text: &str) -> String {
    escaped(&shown(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

/// Adds a line, folded where it is too long, and between characters only.
fn line(out: &mut String, text: &str) {
    let mut octets = 0;
    for c in text.chars() {
        if octets + c.len_utf8() > LINE_OCTETS_MAX {
            out.push_str("\r\n ");
            octets = 1;
        }
        out.push(c);
        octets += c.len_utf8();
    }
    out.push_str("\r\n");
}
