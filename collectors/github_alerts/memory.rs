//! What a complete run leaves for the next one (`Population::carry`): the alerts that were not mended, with every
//! severity that they are known to have had.

use crate::contract::{Closing, Finding, Rated, Severity, Vulnerability, VulnerabilityDetail, Window};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A finding that begins so soon after the end of another one of the same advisory and package is that one again.
const AGAIN: TimeDelta = TimeDelta::days(7);

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
    let by_number: BTreeMap<_, _> = remembered.iter().map(|known| (number(known), finding(known))).collect();
    let mut fresh = Vec::new();
    for (place, alert) in alerts.iter_mut().enumerate() {
        let before = by_number.get(&number(alert)).copied().flatten();
        match (&mut alert.detail, before) {
            (VulnerabilityDetail::Finding(finding), Some(before)) => {
                finding.severities = continued(&before.severities, finding.severities.last(), now);
            }
            _ => fresh.push(place),
        }
    }
    let listed: BTreeSet<_> = alerts.iter().map(number).collect();
    let lost = remembered.iter().filter(|known| !listed.contains(&number(known))).filter_map(gone);
    let lost: Vec<Vulnerability> = lost.collect();
    alerts.extend(lost);
    as_old(&mut alerts, fresh);
    alerts
}

/// A file that is moved, or written anew, gives its alerts other numbers. So one that begins while another one of the
/// same advisory and package is open, or soon after that one's end, has had the severities of that one too, and is as
/// old. `fresh` are the places of those that no earlier run has seen.
fn as_old(alerts: &mut [Vulnerability], mut fresh: Vec<usize>) {
    fresh.sort_by_key(|place| finding(&alerts[*place]).map(|finding| finding.found_at));
    let mut alike: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (place, alert) in alerts.iter().enumerate() {
        if let Some(finding) = finding(alert) {
            alike.entry((finding.advisory.clone(), finding.package.clone())).or_default().push(place);
        }
    }
    for place in fresh {
        let Some(new) = finding(&alerts[place]) else { continue };
        let goes_on = |old: &&Finding| {
            let end = old.closing.as_ref().and_then(Closing::at);
            old.found_at < new.found_at && end.is_none_or(|end| new.found_at - end <= AGAIN)
        };
        let first = |old: &&Finding| old.severities.first().map(|rated| rated.since);
        let alike = alike.get(&(new.advisory.clone(), new.package.clone())).into_iter().flatten();
        let alike = alike.filter_map(|place| finding(&alerts[*place]));
        let Some(old) = alike.filter(goes_on).min_by_key(first) else { continue };
        let severities = continued(&old.severities, new.severities.last(), new.found_at);
        if let VulnerabilityDetail::Finding(new) = &mut alerts[place].detail {
            new.severities = severities;
        }
    }
}

/// An alert that was remembered, as one that is not listed any more.
fn gone(known: &Vulnerability) -> Option<Vulnerability> {
    let finding = Finding { closing: Some(Closing::Gone), ..finding(known)?.clone() };
    Some(Vulnerability { detail: VulnerabilityDetail::Finding(finding), ..known.clone() })
}

/// Of a repository that has no list of alerts, being archived or looked through by nobody: what was not mended when
/// it was last read, as it was, under the repository's present name. Nothing has mended it since as far as anybody
/// knows, and its time goes on.
pub(super) fn left(known: Option<&RepositoryMemory>, name: &str) -> Vec<Vulnerability> {
    let renamed = |alert: &Vulnerability| {
        let id = number(alert).map_or_else(|| alert.id.clone(), |number| format!("{name}/dependabot/{number}"));
        Vulnerability { id, place: name.to_owned(), ..alert.clone() }
    };
    known.map_or_else(Vec::new, |known| known.open.iter().map(renamed).collect())
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

    #[test]
    fn a_file_that_is_moved_makes_no_finding_younger() {
        let found = |number, day, closing| {
            let mut alert = alert(number, Severity::High, closing);
            if let VulnerabilityDetail::Finding(finding) = &mut alert.detail {
                finding.found_at = at(day);
                finding.severities[0].since = at(day);
            }
            alert
        };
        let closed = |day| Some(Closing::Fixed { at: at(day) });
        let mut other = found(5, 12, None);
        if let VulnerabilityDetail::Finding(finding) = &mut other.detail {
            finding.package = "npm y".to_owned();
        }
        // Listed in no order: the third goes on from the second, which goes on from the first.
        let listed = [found(3, 18, None), found(1, 2, closed(5)), found(2, 11, closed(11)), found(4, 27, None), other];
        let since = |alerts: &[Vulnerability]| -> Vec<DateTime<Utc>> {
            alerts.iter().map(|alert| finding(alert).unwrap().severities[0].since).collect()
        };
        let now = rated(listed.to_vec(), None, at(28));
        assert_eq!(since(&now), [at(2), at(2), at(2), at(2), at(12)], "the fourth began while the third was open");
        let listed = [found(1, 2, closed(5)), found(2, 13, None)];
        assert_eq!(since(&rated(listed.to_vec(), None, at(28))), [at(2), at(13)], "eight days later it is another one");
    }
}
