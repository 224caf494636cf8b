//! Dependabot alerts of the sample repositories, and how GitHub tells them.

use super::history::GithubHistory;
use super::history::Repository;
use super::wire::{View, time};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// One alert and what becomes of it.
#[derive(Debug, Clone)]
pub struct AlertSpec {
    /// Its number in the repository.
    pub number: u64,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: &'static str,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// What GitHub says of its severity later, from when on.
    pub regraded: Option<(DateTime<Utc>, &'static str)>,
    /// When it was mended.
    pub fixed_at: Option<DateTime<Utc>>,
    /// When a rule closed it.
    pub auto_dismissed_at: Option<DateTime<Utc>>,
    /// The alert whose advisory and package it has, in another file.
    pub moved_from: Option<u64>,
    /// When, by whom, for which reason and with which comment it was dismissed.
    pub dismissed: Option<(DateTime<Utc>, &'static str, &'static str, Option<&'static str>)>,
}

impl AlertSpec {
    /// One that stays open.
    pub fn open(number: u64, severity: &'static str, found_at: DateTime<Utc>) -> Self {
        let (regraded, fixed_at, auto_dismissed_at, moved_from, dismissed) = (None, None, None, None, None);
        Self { number, severity, found_at, regraded, fixed_at, auto_dismissed_at, moved_from, dismissed }
    }

    /// The same, mended at that instant.
    pub fn fixed(self, at: DateTime<Utc>) -> Self {
        Self { fixed_at: Some(at), ..self }
    }
}

impl GithubHistory {
    /// A vulnerability is found in a repository.
    pub fn alert(&mut self, repository: &str, alert: AlertSpec) {
        self.of(repository).alerts.push(alert);
    }

    /// From then on nobody looks for vulnerabilities in a repository.
    pub fn alerts_off(&mut self, repository: &str, from: DateTime<Utc>) {
        self.of(repository).alerts_off = Some(from);
    }

    /// An alert vanishes from the list, and from GitHub's count of them, at that instant.
    pub fn lose_alert(&mut self, repository: &str, number: u64, at: DateTime<Utc>) {
        self.of(repository).lost_alerts.insert(number, at);
    }
}

impl View<'_> {
    /// Whether somebody looks for vulnerabilities there.
    pub(super) fn looks(&self, repository: &Repository) -> bool {
        !self.archived(repository) && repository.alerts_off.is_none_or(|from| self.now < from)
    }

    /// Every alert so far, oldest first; or why there is none.
    pub(super) fn alerts(&self, repository: &Repository) -> Result<Vec<Value>, &'static str> {
        if self.archived(repository) {
            return Err("Dependabot alerts are not available for archived repositories.");
        }
        if !self.looks(repository) {
            return Err("Dependabot alerts are disabled for this repository.");
        }
        let lost = |alert: &&AlertSpec| repository.lost_alerts.get(&alert.number).is_some_and(|at| *at <= self.now);
        let mut found: Vec<&AlertSpec> =
            repository.alerts.iter().filter(|alert| alert.found_at <= self.now && !lost(alert)).collect();
        found.sort_by_key(|alert| (alert.found_at, alert.number));
        Ok(found.into_iter().map(|alert| self.alert(repository, alert)).collect())
    }

    fn alert(&self, repository: &Repository, alert: &AlertSpec) -> Value {
        let seen = |at: Option<DateTime<Utc>>| at.filter(|at| *at <= self.now);
        let fixed = seen(alert.fixed_at);
        let ruled = seen(alert.auto_dismissed_at).filter(|_| fixed.is_none());
        let dismissed = alert.dismissed.filter(|(at, ..)| *at <= self.now && fixed.is_none());
        let state = match (fixed, ruled, dismissed) {
            (Some(_), ..) => "fixed",
            (None, Some(_), _) => "auto_dismissed",
            (None, None, Some(_)) => "dismissed",
            (None, None, None) => "open",
        };
        let severity =
            alert.regraded.filter(|(at, _)| *at <= self.now).map_or(alert.severity, |(_, severity)| severity);
        let sort = alert.moved_from.unwrap_or(alert.number);
        let file = alert
            .moved_from
            .map_or_else(|| "package-lock.json".to_owned(), |_| format!("moved-{}/package-lock.json", alert.number));
        let package = json!({ "ecosystem": "npm", "name": format!("sample-{sort}") });
        let vulnerability = json!({
            "package": package, "severity": severity, "vulnerable_version_range": "< 1.2.0",
            "first_patched_version": { "identifier": "1.2.0" },
        });
        let advisory = format!("GHSA-samp-{sort:04}-xxxx");
        let (name, number) = (self.name(repository), alert.number);
        json!({
            "number": number, "state": state,
            "dependency": {
                "package": package, "manifest_path": file, "scope": "runtime", "relationship": "direct",
            },
            "security_advisory": {
                "ghsa_id": advisory, "cve_id": null, "summary": "A sample", "description": "A sample",
                "vulnerabilities": [vulnerability], "severity": severity,
                "cvss": { "score": 0.0, "vector_string": null }, "cwes": [],
                "identifiers": [{ "type": "GHSA", "value": advisory }], "references": [],
                "published_at": time(alert.found_at), "updated_at": time(alert.found_at), "withdrawn_at": null,
            },
            "security_vulnerability": vulnerability,
            "url": format!("{}/repos/{name}/dependabot/alerts/{number}", self.url),
            "html_url": format!("https://github.com/{name}/security/dependabot/{number}"),
            "created_at": time(alert.found_at), "updated_at": time(alert.found_at),
            "dismissed_at": dismissed.map(|(at, ..)| time(at)),
            "dismissed_by": dismissed.map(|(_, who, ..)| self.user(who)),
            "dismissed_reason": dismissed.map(|(_, _, reason, _)| reason),
            "dismissed_comment": dismissed.and_then(|(.., comment)| comment),
            "fixed_at": fixed.map(time), "auto_dismissed_at": ruled.map(time), "assignees": [],
        })
    }
}
