//! Sources of what is watched over: alerts of repositories, trails of accounts.

use super::{Bed, github_of, now};
use crate::contract::proxy::Origin;
use crate::github_changes::bed::at;
use crate::support::moto::Key;
use chrono::Duration;
use evidenced::demo::aws::{AwsHistory, AwsServer, LoggingSpec, TrailSpec};
use evidenced::demo::github::{AlertSpec, GithubHistory};
use evidenced_collectors::contract::clock::ManualClock;
use evidenced_collectors::contract::{Task, Window};
use serde_json::json;
use std::sync::Arc;

/// An organisation of one repository with alerts of every ending that is no deviation, in pages of four.
fn alerts_history() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let found = |day: i64| at("2026-02-20T10:00:00Z") + Duration::days(day);
    for number in 1..=5 {
        let alert = AlertSpec::open(number, "critical", found(0));
        history.alert("acme/shop", alert.fixed(at("2026-03-03T10:00:00Z")));
    }
    history.alert("acme/shop", AlertSpec::open(6, "high", found(1)));
    let dismissed = (found(4), "example-ben", "not_used", Some("dead code"));
    history.alert("acme/shop", AlertSpec { dismissed: Some(dismissed), ..AlertSpec::open(7, "low", found(2)) });
    history.alert("acme/shop", AlertSpec { auto_dismissed_at: Some(found(3)), ..AlertSpec::open(8, "low", found(3)) });
    history
}

pub(crate) async fn alerts() -> Bed {
    alerts_of(alerts_history()).await
}

/// Every repository of the organisation `acme`.
pub(crate) async fn alerts_of(history: GithubHistory) -> Bed {
    let mut bed = github_of(history, 2).await;
    let settings = bed.settings;
    bed.settings = Box::new(move |url| {
        let mut all = settings(url);
        let all = all.as_object_mut().unwrap();
        all.remove("batch");
        all["repositories"] = json!([]);
        all.insert("organizations".to_owned(), json!([{ "name": "acme" }]));
        json!(all)
    });
    (bed.kind, bed.name) = ("github_alerts", "sample alerts of GitHub");
    bed.not_read = ALERTS_NOT_READ.to_vec();
    bed.asks = &["organization(login:$login)", "/dependabot/alerts?", "&after=4", "hasVulnerabilityAlertsEnabled"];
    bed
}

/// What alerts say beside what is read: of whoever dismissed one, the login counts.
const ALERTS_NOT_READ: &[&str] = &[
    "/rateLimit/",
    ": /*/url/",
    "/updated_at/",
    "/scope/",
    "/relationship/",
    "/assignees/",
    "/security_advisory/cve_id/",
    "/security_advisory/summary/",
    "/security_advisory/description/",
    "/security_advisory/vulnerabilities/",
    "/security_advisory/cvss/",
    "/security_advisory/cwes/",
    "/security_advisory/identifiers/",
    "/security_advisory/references/",
    "/security_advisory/published_at/",
    "/security_advisory/withdrawn_at/",
    "/security_vulnerability/package/",
    "/security_vulnerability/vulnerable_version_range/",
    "/security_vulnerability/first_patched_version/",
    "/dismissed_by/avatar",
    "/dismissed_by/events",
    "/dismissed_by/follow",
    "/dismissed_by/gists",
    "/dismissed_by/gravatar",
    "/dismissed_by/html",
    "/dismissed_by/id",
    "/dismissed_by/node",
    "/dismissed_by/organizations",
    "/dismissed_by/received",
    "/dismissed_by/repos",
    "/dismissed_by/site",
    "/dismissed_by/starred",
    "/dismissed_by/subscriptions",
    "/dismissed_by/type",
    "/dismissed_by/url",
    "/dismissed_by/user_view",
];

/// Two regions of one account, one trail of every region.
pub(crate) async fn logging() -> Bed {
    let regions = vec!["eu-central-1", "us-east-1"];
    let trails = vec![TrailSpec::good("all", "eu-central-1")];
    let history =
        AwsHistory::new("111122223333").logging(LoggingSpec { regions, trails, without_detector: Vec::new() });
    let clock = Arc::new(ManualClock::at(now()));
    let server = AwsServer::start(vec![history], clock).await.unwrap();
    let key = Key::new("AKIASANDBOX", "sandbox-secret");
    let origin = Origin::new(server.url(), str::to_owned);
    let via = key.via("");
    let settings = move |url: &str| {
        let mut via = via.clone();
        via["endpoint_url"] = json!(url);
        json!({ "accounts": [{ "name": "production", "account_id": "111122223333", "via": via }] })
    };
    Bed {
        kind: "aws_logging",
        name: "sandbox trails of AWS",
        origin,
        at: now(),
        settings: Box::new(settings),
        task: Task { window: Window { start: now() - Duration::days(1), end: now() }, carry: None },
        not_read: vec![
            "/UserId/",
            "/ResponseMetadata/",
            "/requestId/",
            "/regionEndpoint/",
            "/trailList/*/Name/",
            "/DataResources/",
            "/ID/",
            // A rule counts with a prefix and without one.
            "/Rule/Filter/",
        ],
        asks: &[
            "Action=GetCallerIdentity",
            "AllRegions=false",
            "AllRegions=true",
            "/detector",
            "/detector/detector-of-us-east-1",
            "/sample-logs?lifecycle",
        ],
        passes: true,
        _kept: Box::new((server, key)),
    }
}
