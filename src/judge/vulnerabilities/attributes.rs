//! The attributes of one place or vulnerability. Which of them decided follows from the judge's reason.

use super::{Policy, judge, rated};
use crate::judge::attributes::{Attribute, NOT_READ, Part, known};
use crate::judge::day_time;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Closing, Fact, Finding, Scanning, Vulnerability, VulnerabilityDetail};

/// The attributes that give a reason.
fn deciding(reason: &str) -> &'static [&'static str] {
    match reason {
        "scanning-on" | "scanning-off" | "place-archived" | "place-unread" => &["scanning"],
        "fixed-in-time" | "fixed-late" | "open-too-long" | "auto-dismissed" | "not-yet-due" | "dismissed-late" => {
            &["due", "ended"]
        }
        "dismissed-with-approval" => &["due", "ended", "reason", "comment", "approver"],
        "dismissed-without-reason" => &["reason"],
        "dismissed-without-comment" => &["comment"],
        "dismissed-without-approval" | "approvers-unknown" | "dismisser-unknown" => &["approver"],
        "finding-gone" => &["ended"],
        "times-disagree" => &["found", "ended"],
        "no-limit-for-severity" => &["severity"],
        _ => &[],
    }
}

/// Every attribute of the item. `as_of` is when it was read.
pub(in crate::judge) fn attributes(policy: &Policy, item: &Vulnerability, as_of: DateTime<Utc>) -> Vec<Attribute> {
    let ruling = judge(policy, item, as_of).ruling;
    let mut all = match &item.detail {
        VulnerabilityDetail::Place { scanning } => {
            let seen = match scanning {
                Scanning::On => "it is looked through",
                Scanning::Off => "nobody looks",
                Scanning::Archived => "archived",
                Scanning::Unread => NOT_READ,
            };
            vec![Attribute::new("scanning", "looked through for vulnerabilities", seen).on([Fact::Scanning])]
        }
        VulnerabilityDetail::Finding(finding) => of_finding(policy, finding),
    };
    for attribute in &mut all {
        attribute.decides = deciding(ruling.reason).contains(&attribute.key);
        if attribute.decides {
            (attribute.part, attribute.reason) = (Part::of(ruling.outcome), Some(ruling.reason));
        }
    }
    all
}

fn of_finding(policy: &Policy, finding: &Finding) -> Vec<Attribute> {
    let limits = ["critical_days", "high_days", "medium_days", "low_days"].map(Fact::Policy);
    let due = policy.due(finding).map_or_else(|| "no limit".to_owned(), day_time);
    let closing = || [Fact::Finding("closing")];
    let ended = match &finding.closing {
        None => "open".to_owned(),
        Some(Closing::Fixed { at }) => format!("mended {}", day_time(*at)),
        Some(Closing::Dismissed { at, .. }) => format!("accepted {}", day_time(*at)),
        Some(Closing::AutoDismissed { at }) => format!("closed by a rule {}", day_time(*at)),
        Some(Closing::Gone) => "open when last read, and no longer listed".to_owned(),
    };
    let mut all = vec![
        Attribute::new("found", "first seen", day_time(finding.found_at)).on([Fact::Finding("found")]).part(Part::For),
        Attribute::new("severity", "how grave", rated(finding)).on([Fact::Finding("severity")]).part(Part::For),
        Attribute::new("due", "must have ended by", due)
            .on([Fact::Finding("found"), Fact::Finding("severity")])
            .on(limits),
        Attribute::new("ended", "how it ended", ended).on(closing()),
    ];
    if let Some(Closing::Dismissed { by, reason, comment, .. }) = &finding.closing {
        let none = |words: &Option<String>| words.clone().unwrap_or_else(|| "none".to_owned());
        all.push(Attribute::new("reason", "why it was accepted", none(reason)).on(closing()));
        all.push(Attribute::new("comment", "in their words", none(comment)).on(closing()));
        let approver = Attribute::new("approver", "who accepted it", known(by.as_ref())).on(closing());
        all.push(approver.on([Fact::Policy("approvers")]));
    }
    all
}
