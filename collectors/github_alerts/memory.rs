//! What a complete run leaves for the next one (`Population::carry`): the alerts that were not mended, with every
//! severity that they are known to have had.

use crate::contract::{Closing, Finding, Rated, Severity, Vulnerability, VulnerabilityDetail, Window};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All of it, by repository name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    pub(super) repositories: BTreeMap<String, RepositoryMemory>,
}

/// What is remembered of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositoryMemory {
    /// GitHub's number for it, which it keeps when it is renamed.
    pub(super) id: u64,
    /// The organisation whose list brought it into scope; none if the configuration names it.
    pub(super) organization: Option<String>,
    /// Alerts that were not mended, as they were.
    pub(super) open: Vec<Vulnerability>,
}

impl Memory {
    /// What is remembered of the repository of that number, whatever it is called.
    pub(super) fn of(&self, id: u64) -> Option<&RepositoryMemory> {
        self.repositories.values().find(|known| known.id == id)
    }
}

impl RepositoryMemory {
    /// Of what was read now.
    pub(super) fn of(id: u64, organization: Option<String>, alerts: &[Vulnerability]) -> Self {
        let open = |alert: &&Vulnerability| {
            finding(alert).is_some_and(|f| !matches!(f.closing, Some(Closing::Fixed { .. } | Closing::Gone)))
        };
        Self { id, organization, open: alerts.iter().filter(open).cloned().collect() }
    }
}

/// The alerts that were read, with the severities remembered of them; and those that were remembered and are not
/// listed any more.
pub(super) fn rated(
    mut alerts: Vec<Vulnerability>,
    known: Option<&RepositoryMemory>,
    now: DateTime<Utc>,
) -> Vec<Vulnerability> {
    let remembered = known.map_or(&[][..], |known| &known.open);
    for alert in &mut alerts {
        let before = remembered.iter().find(|known| number(known) == number(alert)).and_then(finding);
        if let (VulnerabilityDetail::Finding(finding), Some(before)) = (&mut alert.detail, before) {
            finding.severities = continued(&before.severities, finding.severities.last(), now);
        }
    }
    let listed = |known: &&Vulnerability| alerts.iter().any(|alert| number(alert) == number(known));
    let lost: Vec<Vulnerability> = remembered.iter().filter(|known| !listed(known)).filter_map(gone).collect();
    alerts.extend(lost);
    alerts
}

/// An alert that was remembered, as one that is not listed any more.
fn gone(known: &Vulnerability) -> Option<Vulnerability> {
    let finding = Finding { closing: Some(Closing::Gone), ..finding(known)?.clone() };
    Some(Vulnerability { detail: VulnerabilityDetail::Finding(finding), ..known.clone() })
}

/// Of a repository that nobody can ask any more: what was neither mended nor accepted when it was last read.
pub(super) fn left_open(known: Option<&RepositoryMemory>) -> Vec<Vulnerability> {
    let remembered = known.map_or(&[][..], |known| &known.open);
    let accepted = |alert: &Vulnerability| {
        finding(alert).is_some_and(|finding| matches!(finding.closing, Some(Closing::Dismissed { .. })))
    };
    remembered.iter().filter(|alert| !accepted(alert)).filter_map(gone).collect()
}

/// The severities known before, and the present one if it is another.
fn continued(before: &[Rated], present: Option<&Rated>, now: DateTime<Utc>) -> Vec<Rated> {
    let mut all = before.to_vec();
    let last: Option<Severity> = all.last().map(|rated| rated.severity);
    all.extend(
        present.filter(|present| last != Some(present.severity)).map(|present| Rated { since: now, ..*present }),
    );
    all
}

/// An alert's number, which it keeps when its repository is renamed.
fn number(alert: &Vulnerability) -> Option<&str> {
    alert.id.rsplit('/').next()
}

fn finding(alert: &Vulnerability) -> Option<&Finding> {
    match &alert.detail {
        VulnerabilityDetail::Finding(finding) => Some(finding),
        VulnerabilityDetail::Place { .. } => None,
    }
}

/// Whether it was mended before that instant. One that was dismissed, by whomever, is still there: whether that was
/// right is the judge's to say.
pub(super) fn ended_before(alert: &Vulnerability, start: DateTime<Utc>) -> bool {
    matches!(finding(alert).and_then(|f| f.closing.as_ref()), Some(Closing::Fixed { at }) if *at < start)
}

/// Whether it was open at some time of the window.
pub(super) fn open_in(alert: &Vulnerability, window: Window) -> bool {
    finding(alert).is_some_and(|f| f.found_at < window.end) && !ended_before(alert, window.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> DateTime<Utc> {
        format!("2026-03-{day:02}T00:00:00Z").parse().unwrap()
    }

    fn alert(number: u32, severity: Severity, closing: Option<Closing>) -> Vulnerability {
        let (place, url) = ("acme/shop".to_owned(), String::new());
        let detail = VulnerabilityDetail::Finding(Finding {
            advisory: "GHSA-x".to_owned(),
            package: "npm x".to_owned(),
            file: "package.json".to_owned(),
            found_at: at(2),
            severities: vec![Rated { severity, since: at(2) }],
            closing,
        });
        Vulnerability { id: format!("acme/shop/dependabot/{number}"), place, url, detail }
    }

    #[test]
    fn the_severity_of_the_first_reading_stays_and_what_is_lost_is_told() {
        let closed = || Some(Closing::Fixed { at: at(9) });
        let before =
            [alert(1, Severity::Critical, None), alert(2, Severity::High, None), alert(3, Severity::Low, closed())];
        let known = RepositoryMemory::of(7, None, &before);
        assert_eq!(known.open.len(), 2, "what is mended need not be remembered");
        let now = rated(vec![alert(1, Severity::Low, closed())], Some(&known), at(10));
        let of = |number: usize| finding(&now[number]).unwrap();
        let rated: Vec<(Severity, DateTime<Utc>)> = of(0).severities.iter().map(|r| (r.severity, r.since)).collect();
        assert_eq!(rated, [(Severity::Critical, at(2)), (Severity::Low, at(10))]);
        assert_eq!((now.len(), &of(1).closing), (2, &Some(Closing::Gone)));
        let window = Window { start: at(9), end: at(10) };
        assert!(open_in(&now[0], window) && open_in(&now[1], window));
        assert!(!open_in(&now[0], Window { start: at(10), end: at(11) }));
        assert!(!open_in(&now[1], Window { start: at(1), end: at(2) }));
    }
}
