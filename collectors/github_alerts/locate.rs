//! Where the facts of a repository or an alert stand in GitHub's answers. Decides nothing; what it does not
//! recognise, it does not find.

use crate::contract::{Fact, Found, Item, Locator, Sealed, Vulnerability, found_head, found_json, pointer_step};
use crate::door::Exchange;
use crate::sources::github::settings::same;
use serde_json::Value;
use url::Url;

/// What the alert's own row says of each side.
const SIDES: [(&str, &[&str]); 3] = [
    ("found", &["created_at"]),
    ("severity", &["security_advisory/severity", "security_vulnerability/severity"]),
    (
        "closing",
        &[
            "state",
            "fixed_at",
            "dismissed_at",
            "dismissed_by/login",
            "dismissed_reason",
            "dismissed_comment",
            "auto_dismissed_at",
        ],
    ),
];

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::Vulnerability(item) = item else { return Box::new(|_| Vec::new()) };
    let search = Search { item, facts };
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => search.remembered(run),
        Sealed::Exchange(exchange) => search.exchange(exchange),
    })
}

struct Search<'a> {
    item: &'a Vulnerability,
    facts: &'a [Fact],
}

impl Search<'_> {
    fn wants(&self, fact: &Fact) -> bool {
        self.facts.contains(fact)
    }

    /// What an earlier run read of the alert: its severity then, and that it was open.
    fn remembered(&self, run: &Value) -> Vec<Found> {
        const CARRY: &str = "/task/carry/repositories";
        let repositories = run.pointer(CARRY).and_then(Value::as_object);
        let mut found = Vec::new();
        for (name, known) in repositories.into_iter().flatten().filter(|(name, _)| same(name, &self.item.place)) {
            for (number, alert) in known["open"].as_array().into_iter().flatten().enumerate() {
                if alert["id"] != self.item.id.as_str() {
                    continue;
                }
                let at = format!("{CARRY}/{}/open/{number}/detail/finding", pointer_step(name));
                for (fact, field) in [(Fact::Finding("severity"), "severities"), (Fact::Finding("closing"), "closing")]
                {
                    if self.wants(&fact) {
                        found.extend(found_json(&fact, run, format!("{at}/{field}")));
                    }
                }
            }
        }
        found
    }

    fn exchange(&self, exchange: &Exchange) -> Vec<Found> {
        let Ok(url) = Url::parse(&exchange.head.request.url) else { return Vec::new() };
        let path = url.path();
        if path.ends_with("/graphql") {
            return self.said(exchange);
        }
        if !path.ends_with("/dependabot/alerts") {
            return Vec::new();
        }
        let own = path.ends_with(&format!("/repos/{}/dependabot/alerts", self.item.place));
        let asked = own && self.wants(&Fact::Scanning);
        let mut found: Vec<Found> = found_head(&Fact::Scanning, exchange).filter(|_| asked).into_iter().collect();
        if let Ok(rows) = serde_json::from_slice(&exchange.body) {
            found.extend(self.row(&rows));
        }
        found
    }

    fn row(&self, rows: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        let number = self.item.id.rsplit('/').next().and_then(|number| number.parse::<u64>().ok());
        for (at, row) in rows.as_array().into_iter().flatten().enumerate() {
            // Further pages name the repository by its number alone.
            if number.is_none() || row["number"].as_u64() != number || row["html_url"] != self.item.url.as_str() {
                continue;
            }
            for (side, fields) in SIDES {
                let fact = Fact::Finding(side);
                if self.wants(&fact) {
                    let stands = |field: &&&str| {
                        let null = row.pointer(&format!("/{field}")).is_none_or(Value::is_null);
                        !null
                    };
                    let there = fields.iter().filter(stands);
                    found.extend(there.filter_map(|field| found_json(&fact, rows, format!("/{at}/{field}"))));
                }
            }
        }
        found
    }

    /// What GraphQL says of the repository: by itself, or in an organisation's list.
    fn said(&self, exchange: &Exchange) -> Vec<Found> {
        let Ok(body) = serde_json::from_slice::<Value>(&exchange.body) else { return Vec::new() };
        if !self.wants(&Fact::Scanning) {
            return Vec::new();
        }
        let is = |node: &Value| node["nameWithOwner"].as_str().is_some_and(|name| same(name, &self.item.place));
        let mut at = Vec::new();
        if body.pointer("/data/repository").is_some_and(is) {
            at.push("/data/repository/hasVulnerabilityAlertsEnabled".to_owned());
            at.push("/data/repository/isArchived".to_owned());
        }
        const NODES: &str = "/data/organization/repositories/nodes";
        for (number, _) in
            body.pointer(NODES).and_then(Value::as_array).into_iter().flatten().enumerate().filter(|(_, node)| is(node))
        {
            at.push(format!("{NODES}/{number}/isArchived"));
            at.push(format!("{NODES}/{number}/isDisabled"));
        }
        at.into_iter().filter_map(|pointer| found_json(&Fact::Scanning, &body, pointer)).collect()
    }
}
