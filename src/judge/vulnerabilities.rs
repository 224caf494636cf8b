//! Whether every place in scope is looked through for vulnerabilities, and what was found is mended, or accepted, in
//! time.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `scanning-on` | the place is looked through, and what was found was read |
//! | pass | `fixed-in-time` | mended by its due instant |
//! | pass | `dismissed-with-approval` | accepted by its due instant by one of `approvers`, with a reason and a comment |
//! | deviation | `scanning-off` | nobody looks at the place |
//! | deviation | `open-too-long` | open, and its due instant is past |
//! | deviation | `auto-dismissed` | a rule closed it, nobody looked, and its due instant is past |
//! | deviation | `fixed-late` | mended after its due instant, also if that is long ago |
//! | deviation | `dismissed-late` | accepted after its due instant |
//! | deviation | `dismissed-without-reason` | accepted without a reason |
//! | deviation | `dismissed-without-comment` | accepted without a word of explanation |
//! | deviation | `dismissed-without-approval` | accepted by somebody who is none of `approvers` |
//! | indeterminate | `place-unread` | whether anybody looks, or what was found, could not be read |
//! | indeterminate | `approvers-unknown` | accepted, and the policy does not say who may |
//! | indeterminate | `dismisser-unknown` | accepted by an account that was deleted |
//! | indeterminate | `finding-gone` | open when last read, and no longer listed |
//! | indeterminate | `times-disagree` | it ended before it was found, or was found after the reading |
//! | pending | `not-yet-due` | open, or closed by a rule alone, and not due yet |
//! | excluded | `no-limit-for-severity` | of a severity that the policy sets no limit for |
//! | excluded | `place-archived` | the place is at rest |
//! | waived, deviation | `approved-waiver`, `waiver-invalid` | see `waive` |
//!
//! Every severity that it is known to have had starts its own limit when it had it: one that is graver than at first
//! gets the time of the graver one from then on, and one that is called harmless later keeps the limit that it had.
//! The age counts up to the reading: whether the next one finds it mended, nobody knows yet.

mod attributes;

pub(super) use attributes::attributes;

use super::{Judged, PolicyError, Ruling, day_time, policy::out_of_range, same_login};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{Closing, Finding, Scanning, Severity, Vulnerability, VulnerabilityDetail};
use serde::{Deserialize, Serialize};

/// How far a source's clock may run ahead of ours, minutes.
const CLOCK_AHEAD_MINUTES_MAX: i64 = 5;

/// How soon what was found must be mended, and who may accept it instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days for a critical one, 1 to 365.
    pub critical_days: u32,
    /// Days for a high one, 1 to 365.
    pub high_days: u32,
    /// Days for a medium one, 1 to 365; null: no limit.
    pub medium_days: Option<u32>,
    /// Days for a low one, 1 to 365; null: no limit.
    pub low_days: Option<u32>,
    /// Logins of those who may accept a risk, and who do not write the code. Empty: nobody knows who may, so that no
    /// acceptance counts.
    pub approvers: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { critical_days: 30, high_days: 60, medium_days: None, low_days: None, approvers: Vec::new() }
    }
}

impl Policy {
    fn days(&self, severity: Severity) -> Option<u32> {
        match severity {
            Severity::Critical => Some(self.critical_days),
            Severity::High => Some(self.high_days),
            Severity::Medium => self.medium_days,
            Severity::Low => self.low_days,
        }
    }

    /// When it must have ended; none: never.
    fn due(&self, finding: &Finding) -> Option<DateTime<Utc>> {
        let due = |days: u32, since: DateTime<Utc>| since.checked_add_signed(TimeDelta::days(days.into()));
        finding.severities.iter().filter_map(|rated| due(self.days(rated.severity)?, rated.since)).min()
    }
}

/// Refuses limits that make no sense.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("critical_days", policy.critical_days, 1, 365)?;
    out_of_range("high_days", policy.high_days, 1, 365)?;
    out_of_range("medium_days", policy.medium_days.unwrap_or(1), 1, 365)?;
    out_of_range("low_days", policy.low_days.unwrap_or(1), 1, 365)
}

/// Judges one item; `as_of` is when it was read.
pub(super) fn judge(policy: &Policy, item: &Vulnerability, as_of: DateTime<Utc>) -> Judged {
    let (ruling, beneficiaries) = match &item.detail {
        VulnerabilityDetail::Place { scanning } => (place(*scanning), Vec::new()),
        VulnerabilityDetail::Finding(found) => {
            let by = match &found.closing {
                Some(Closing::Dismissed { by, .. }) => by.iter().cloned().collect(),
                _ => Vec::new(),
            };
            (finding(policy, found, as_of), by)
        }
    };
    Judged { item: item.id.clone(), ruling, beneficiaries }
}

fn place(scanning: Scanning) -> Ruling {
    match scanning {
        Scanning::On => Ruling::pass("scanning-on", "it is looked through for vulnerabilities"),
        Scanning::Off => Ruling::deviation("scanning-off", "nobody looks for vulnerabilities there"),
        Scanning::Archived => Ruling::excluded("place-archived", "archived: nothing of it changes any more"),
        Scanning::Unread => Ruling::indeterminate("place-unread", "what was found there could not be read"),
    }
}

fn finding(policy: &Policy, finding: &Finding, as_of: DateTime<Utc>) -> Ruling {
    let what = told(finding);
    let ended = finding.closing.as_ref().and_then(Closing::at);
    let latest = as_of + TimeDelta::minutes(CLOCK_AHEAD_MINUTES_MAX);
    if finding.found_at > latest || ended.is_some_and(|at| at < finding.found_at || at > latest) {
        let ended = ended.map_or_else(|| "not ended".to_owned(), |at| format!("ended {}", day_time(at)));
        return Ruling::indeterminate("times-disagree", format!("{what}; {ended}, and read at {}", day_time(as_of)));
    }
    let Some(due) = policy.due(finding) else {
        return Ruling::excluded("no-limit-for-severity", what);
    };
    let seen = format!("{what}; due {}", day_time(due));
    match &finding.closing {
        None if as_of <= due => pending(seen),
        None => Ruling::deviation("open-too-long", format!("{seen}; open at {}", day_time(as_of))),
        Some(Closing::AutoDismissed { at }) => {
            let seen = format!("{seen}; closed by a rule {}, and nobody looked", day_time(*at));
            if as_of <= due { pending(seen) } else { Ruling::deviation("auto-dismissed", seen) }
        }
        Some(Closing::Fixed { at }) => {
            let seen = format!("{seen}; mended {}", day_time(*at));
            if *at <= due { Ruling::pass("fixed-in-time", seen) } else { Ruling::deviation("fixed-late", seen) }
        }
        Some(Closing::Dismissed { at, by, reason, comment }) => {
            let who = by.as_deref().unwrap_or("an account that was deleted");
            let seen = format!("{seen}; accepted {} by {who}", day_time(*at));
            if *at > due {
                return Ruling::deviation("dismissed-late", seen);
            }
            accepted(policy, by.as_deref(), (reason.as_deref(), comment.as_deref()), seen)
        }
        Some(Closing::Gone) => Ruling::indeterminate("finding-gone", format!("{seen}; no longer listed")),
    }
}

fn pending(seen: String) -> Ruling {
    Ruling { outcome: super::Outcome::Pending, reason: "not-yet-due", seen }
}

fn accepted(policy: &Policy, by: Option<&str>, words: (Option<&str>, Option<&str>), seen: String) -> Ruling {
    let said = |words: Option<&str>| words.is_some_and(|words| !words.trim().is_empty());
    if !said(words.0) {
        return Ruling::deviation("dismissed-without-reason", seen);
    }
    if !said(words.1) {
        return Ruling::deviation("dismissed-without-comment", seen);
    }
    let Some(by) = by else { return Ruling::indeterminate("dismisser-unknown", seen) };
    if policy.approvers.is_empty() {
        return Ruling::indeterminate("approvers-unknown", format!("{seen}; the policy does not say who may"));
    }
    if policy.approvers.iter().any(|approver| same_login(approver, by)) {
        return Ruling::pass("dismissed-with-approval", seen);
    }
    Ruling::deviation("dismissed-without-approval", format!("{seen}, who may not"))
}

/// `npm lodash (GHSA-35jh-r3h4-6jhm), critical since 2026-03-02 10:00 UTC`
fn told(finding: &Finding) -> String {
    format!("{} ({}), {}", finding.package, finding.advisory, rated(finding))
}

/// `critical since 2026-03-02 10:00 UTC, low since 2026-03-09 10:00 UTC`
fn rated(finding: &Finding) -> String {
    let rated = finding.severities.iter().map(|r| format!("{} since {}", r.severity.word(), day_time(r.since)));
    rated.collect::<Vec<_>>().join(", ")
}
