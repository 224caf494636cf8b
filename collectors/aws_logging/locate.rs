//! Where the facts of a region stand in AWS's answers. Decides nothing; what it does not recognise, it does not find.

use crate::contract::{
    At, AuditLog, AuditLogDetail, Fact, Found, Item, Locator, RegionLogs, Sealed, Stands, found_head, found_json,
};
use crate::door::{Exchange, RequestBody};
use crate::sources::aws::xml::leaves;
use serde_json::Value;
use std::collections::BTreeSet;
use url::Url;

/// What a trail's status says that counts.
const STATUS: [&str; 6] = [
    "IsLogging",
    "StartLoggingTime",
    "StopLoggingTime",
    "LatestDeliveryTime",
    "LatestDeliveryError",
    "LatestDigestDeliveryError",
];
/// What the list of trails says of one.
const LISTED: [&str; 4] = ["IsMultiRegionTrail", "LogFileValidationEnabled", "KmsKeyId", "S3BucketName"];

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::AuditLog(item) = item else { return Box::new(|_| Vec::new()) };
    let mut search = Search { item, facts, accounts: BTreeSet::new() };
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => search.settings(run),
        Sealed::Exchange(exchange) => search.exchange(exchange),
    })
}

struct Search<'a> {
    item: &'a AuditLog,
    facts: &'a [Fact],
    /// What the door calls the account.
    accounts: BTreeSet<String>,
}

impl Search<'_> {
    fn wants(&self, fact: &Fact) -> bool {
        self.facts.contains(fact)
    }

    /// What the configuration says of the account.
    fn settings(&mut self, run: &Value) -> Vec<Found> {
        self.accounts.insert(format!("aws:{}", self.item.name));
        self.accounts.insert(format!("aws:{}", self.item.account));
        let listed = run.pointer("/settings/accounts").and_then(Value::as_array);
        let mut found = Vec::new();
        for (number, account) in listed.into_iter().flatten().enumerate() {
            if account["name"] == self.item.name.as_str() && self.wants(&Fact::Account) {
                let at = format!("/settings/accounts/{number}/suspended");
                found.extend(found_json(&Fact::Account, run, at));
            }
        }
        found
    }

    fn exchange(&self, exchange: &Exchange) -> Vec<Found> {
        let request = &exchange.head.request;
        let target = request.headers.iter().find(|(name, _)| name == "x-amz-target").map(|(_, target)| target.as_str());
        let body: Option<Value> = serde_json::from_slice(&exchange.body).ok();
        if target.is_some_and(|target| target.ends_with(".ListAccounts")) {
            return body.map_or_else(Vec::new, |body| self.listed(&body));
        }
        let AuditLogDetail::Region(logs) = &self.item.detail else {
            // An account that was not read: what was refused there.
            let own = self.accounts.iter().any(|account| request.source.starts_with(account.as_str()));
            let refused = exchange.head.response.as_ref().is_ok_and(|response| response.status < 300);
            let wanted = own && !refused && self.wants(&Fact::Account);
            return found_head(&Fact::Account, exchange).filter(|_| wanted).into_iter().collect();
        };
        let here = self.accounts.iter().any(|account| request.source == format!("{account}:{}", logs.region));
        let path = Url::parse(&request.url).map(|url| url.path().to_owned()).unwrap_or_default();
        match target.and_then(|target| target.rsplit('.').next()) {
            Some("DescribeTrails") if here => self.trails(exchange, logs, body.as_ref()),
            Some("GetTrailStatus") => self.asked(exchange, "Name", Fact::TrailStatus, &STATUS, body.as_ref()),
            Some("GetEventSelectors") => self.asked(
                exchange,
                "TrailName",
                Fact::TrailEvents,
                &["EventSelectors", "AdvancedEventSelectors"],
                body.as_ref(),
            ),
            None if here && path.starts_with("/detector") => self.detector(exchange, body.as_ref()),
            None if request.url.ends_with("?lifecycle") => self.kept(exchange, path.trim_start_matches('/')),
            _ => Vec::new(),
        }
    }

    /// What the organisation says of the account.
    fn listed(&self, body: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        for (number, account) in body["Accounts"].as_array().into_iter().flatten().enumerate() {
            if account["Id"] == self.item.account.as_str() && self.wants(&Fact::Account) {
                let fields = ["State", "Status"].map(|field| format!("/Accounts/{number}/{field}"));
                found.extend(fields.into_iter().filter_map(|at| found_json(&Fact::Account, body, at)));
            }
        }
        found
    }

    fn trails(&self, exchange: &Exchange, logs: &RegionLogs, body: Option<&Value>) -> Vec<Found> {
        if !self.wants(&Fact::Trails) {
            return Vec::new();
        }
        let Some(list) = body.and_then(|body| body["trailList"].as_array()) else {
            return found_head(&Fact::Trails, exchange).into_iter().collect();
        };
        let mut found = Vec::new();
        for (number, trail) in list.iter().enumerate() {
            let known = logs.trails.iter().flatten().any(|known| trail["TrailARN"] == known.arn.as_str());
            let fields = LISTED.iter().filter(|_| known).map(|field| format!("/trailList/{number}/{field}"));
            found.extend(fields.filter_map(|at| found_json(&Fact::Trails, body?, at)));
        }
        if found.is_empty() {
            let (at, stands) = (At::Pointer("/trailList".to_owned()), Stands::WithoutIt(list.len() as u64));
            found.push(Found { fact: Fact::Trails, at, stands });
        }
        found
    }

    /// The answer to a question about one trail, named in the question by `key`.
    fn asked(
        &self,
        exchange: &Exchange,
        key: &str,
        fact: fn(String) -> Fact,
        fields: &[&str],
        body: Option<&Value>,
    ) -> Vec<Found> {
        let RequestBody::Text(question) = &exchange.head.request.body else { return Vec::new() };
        let asked: Value = serde_json::from_str(question).unwrap_or_default();
        let fact = fact(asked[key].as_str().unwrap_or_default().to_owned());
        if !self.wants(&fact) {
            return Vec::new();
        }
        let answered = exchange.head.response.as_ref().is_ok_and(|response| response.status == 200);
        match body.filter(|_| answered) {
            Some(body) => fields.iter().filter_map(|field| found_json(&fact, body, format!("/{field}"))).collect(),
            None => found_head(&fact, exchange).into_iter().collect(),
        }
    }

    fn detector(&self, exchange: &Exchange, body: Option<&Value>) -> Vec<Found> {
        let fact = Fact::ThreatDetection;
        if !self.wants(&fact) {
            return Vec::new();
        }
        let stands = |body: &Value| {
            let at = ["/status", "/detectorIds"].into_iter().find(|at| body.pointer(at).is_some())?;
            found_json(&fact, body, at.to_owned())
        };
        body.and_then(stands).or_else(|| found_head(&fact, exchange)).into_iter().collect()
    }

    fn kept(&self, exchange: &Exchange, bucket: &str) -> Vec<Found> {
        let fact = Fact::KeptFor(bucket.to_owned());
        if !self.wants(&fact) {
            return Vec::new();
        }
        let counts = ["/Status", "/Expiration/Days", "/Code"];
        let leaves = leaves(&String::from_utf8_lossy(&exchange.body)).into_iter();
        let found: Vec<Found> = leaves
            .filter(|leaf| counts.iter().any(|end| leaf.path.ends_with(end)))
            .map(|leaf| Found { fact: fact.clone(), at: At::Element(leaf.path), stands: Stands::text(&leaf.text) })
            .collect();
        if found.is_empty() { found_head(&fact, exchange).into_iter().collect() } else { found }
    }
}
