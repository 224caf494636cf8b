//! What each kind that asks over HTTP is run against: a source behind a proxy, settings, and what its answers
//! hold that nobody reads. A kind that gets new requests needs nothing here but a history that makes it ask.

mod watched;

pub(crate) use watched::{alerts, alerts_of, logging};

use super::proxy::{Answer, Asked, Fault, Origin, Proxy};
use super::wire;
use crate::github_changes::bed::{at, pull, week};
use crate::support::moto::{Key, Moto};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::aws::{AwsHistory, AwsServer, Factor, UserSpec};
use evidenced::demo::github::{Edit, GithubHistory, GithubServer, Method, PullRequestSpec, Rebase};
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use evidenced_collectors::contract::{CollectError, Collector, Population, Task, Window};
use evidenced_collectors::door::{Door, Exchange, Limits, Network};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// One kind's source.
pub(crate) struct Bed {
    pub(crate) kind: &'static str,
    /// What the source is, where a kind has several.
    pub(crate) name: &'static str,
    origin: Arc<Origin>,
    at: DateTime<Utc>,
    settings: Box<dyn Fn(&str) -> Value + Send + Sync>,
    pub(crate) task: Task,
    /// Parts of answers that are not read, by the end or a part of their path.
    pub(crate) not_read: Vec<&'static str>,
    /// What a clean run must ask for.
    pub(crate) asks: &'static [&'static str],
    /// Whether the source is one without deviations.
    pub(crate) passes: bool,
    _kept: Box<dyn std::any::Any + Send + Sync>,
}

const LIMITS: Limits = Limits {
    body_bytes_max: wire::BODY_BYTES_MAX,
    run_bytes_max: 64 << 20,
    exchanges_max: 1_000,
    run_seconds_max: 6 * 3_600,
    request_seconds_max: 30,
    attempts_max: 1,
    wait_seconds_max: 60,
};

/// What came of one run.
pub(crate) struct Outcome {
    pub(crate) result: Result<Population, CollectError>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) limits: Limits,
    pub(crate) seen: Vec<Asked>,
    pub(crate) struck: u32,
}

/// A collector around the kind's own: to see whether the suite finds a wrong one out.
pub(crate) type Wrap = fn(Box<dyn Collector>) -> Box<dyn Collector>;

impl Bed {
    /// One run, with a fault or without; where nothing comes, it waits so long.
    pub(crate) async fn run(
        &self,
        wrap: Wrap,
        network: &Network,
        fault: Option<(Asked, Fault)>,
        patience_seconds: u64,
    ) -> (Outcome, Box<dyn Collector>) {
        let slow = fault.as_ref().is_some_and(|(_, fault)| wire::slow(fault));
        // Only where nothing comes; elsewhere a busy machine would make faults of its own.
        let limits =
            Limits { attempts_max: 1, request_seconds_max: if slow { patience_seconds } else { 30 }, ..LIMITS };
        let strikes = u32::MAX;
        self.run_on(
            wrap,
            network,
            limits,
            Proxy::start(&self.origin, fault.map(|(asked, fault)| (asked, fault, strikes))),
        )
        .await
    }

    /// One run in which a request fails once, and is asked again.
    pub(crate) async fn run_again(&self, asked: &Asked, fault: Fault) -> Outcome {
        let proxy = Proxy::start(&self.origin, Some((asked.clone(), fault, 1)));
        self.run_on(|own| own, &Network::new(), Limits { attempts_max: 3, ..LIMITS }, proxy).await.0
    }

    async fn run_on(
        &self,
        wrap: Wrap,
        network: &Network,
        limits: Limits,
        proxy: Proxy,
    ) -> (Outcome, Box<dyn Collector>) {
        let collector = wrap(self.collector(&proxy.url));
        let door = Door::live(network, Arc::new(ManualClock::at(self.at)), limits);
        let as_of = door.as_of();
        let result = collector.collect(&door, &self.task).await;
        let (exchanges, seen, struck) = (door.take_exchanges(), proxy.seen(), proxy.struck());
        crate::support::permissions::declared(self.kind, &exchanges);
        (Outcome { result, exchanges, as_of, limits, seen, struck }, collector)
    }

    fn collector(&self, url: &str) -> Box<dyn Collector> {
        (evidenced_collectors::kind(self.kind).unwrap().build)(&(self.settings)(url)).unwrap()
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        self.origin.kept(asked)
    }
}

/// Four pull requests, two of them landed by the queue at once; bypasses of the month before. All of it
/// reviewed as it should be, in pages of a few.
fn changes() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    for day in 0..5 {
        let merged_at = at("2026-02-20T10:00:00Z") + Duration::days(day);
        let number = 100 + u64::try_from(day).unwrap();
        let old = PullRequestSpec::new("acme/shop", number, "example-ana", merged_at);
        history.merge(PullRequestSpec { bypass: true, ..old.approved_by("example-ben") });
    }
    let long = pull(1, "2026-03-02T10:00:00Z").reviewed("example-eve", at("2026-03-02T08:30:00Z"), "COMMENTED");
    let mut long = long.approved_by("example-ben").reviewed("example-cleo", at("2026-03-02T09:30:00Z"), "APPROVED");
    long.reviews[1].dismissed_at = Some(at("2026-03-02T09:20:00Z"));
    long.base_changed_at = Some(at("2026-03-02T08:10:00Z"));
    history.merge(PullRequestSpec { commits: 3, co_authors: vec!["example-dan".to_owned()], ..long });
    let squash = pull(2, "2026-03-03T10:00:00Z").approved_by("example-ben");
    history.merge(PullRequestSpec { method: Method::Squash, ..squash });
    let queued = |number| {
        let spec = pull(number, "2026-03-04T11:00:00Z").approved_by("example-ben");
        PullRequestSpec { method: Method::Queue, commits: 2, ..spec }
    };
    history.merge_together(vec![queued(3), queued(4)]);
    history
}

/// A few of each, where GitHub gives a hundred, thirty, ten or two.
fn shorter_pages(text: &str) -> String {
    let mut text = text.replace("per_page=100", "per_page=4");
    for list in ["reviews", "commits", "timelineItems"] {
        for first in ["30", "50"] {
            text = text.replace(&format!("{list}(first:{first}"), &format!("{list}(first:2"));
        }
    }
    text = text.replace("comments(first:20", "comments(first:1").replace("comments(first:50", "comments(first:1");
    text = text.replace("files(first:100", "files(first:2").replace("files(first:50", "files(first:2");
    text =
        text.replace("repositories(first:100", "repositories(first:1").replace("members(first:100", "members(first:1");
    text.replace("authors(first:10", "authors(first:1").replace("authors(first:50", "authors(first:1")
}

pub(crate) async fn github() -> Bed {
    github_of(changes(), 2).await
}

/// With so many commits to a GraphQL request.
pub(crate) async fn github_of(history: GithubHistory, batch: u32) -> Bed {
    let clock = Arc::new(ManualClock::at(week().end));
    let server = GithubServer::start(history, clock).await.unwrap();
    let mut secret = tempfile::NamedTempFile::new().unwrap();
    writeln!(secret, "ghp_sampletokenforthetests0000000000000000").unwrap();
    let path = secret.path().to_owned();
    let origin = Origin::new(&server.url(), shorter_pages);
    let settings = move |url: &str| {
        json!({
            "api_url": format!("{url}/"),
            "credentials": { "token": { "file": path } },
            "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
            "batch": batch,
        })
    };
    Bed {
        kind: "github_changes",
        name: "sample GitHub",
        origin,
        at: week().end,
        settings: Box::new(settings),
        task: Task { window: week(), carry: None },
        not_read: GITHUB_NOT_READ.to_vec(),
        asks: &[
            "/repos/acme/shop/activity?",
            "/repositories/1/activity?",
            "/compare/",
            "&page=2",
            "/rulesets/rule-suites?",
            "/repositories/1/rulesets/rule-suites?",
            "c0:object(",
            "b0:ref(",
            "s0:search(",
            "reviews(first:50,after:",
            "commits(first:50,after:",
            "authors(first:50,after:",
            "timelineItems(first:50,after:",
        ],
        passes: true,
        _kept: Box::new((server, secret)),
    }
}

/// What GitHub's answers say beside what is read.
const GITHUB_NOT_READ: &[&str] = &[
    "/rateLimit/",
    // REST tells of people and commits at length, with many addresses.
    "url/",
    "_url:",
    "node_id/",
    "/actor/id/",
    "/author/id/",
    "/site_admin/",
    "/user_view_type/",
    "/gravatar_id/",
    "/base_commit/",
    "/merge_base_commit/",
    "/commits/*/commit/",
    "/commits/*/committer/",
    "/commits/*/author/type/",
    "/commits/*/author/login/",
    "/ahead_by/",
    "/behind_by/",
    "another type: /status/",
    "absent: /status/",
    // Paths count where there is no pull request, and are then not known.
    "/files/",
    "/actor_id/",
    "/actor_name/",
    "/before_sha/",
    "/evaluation_result/",
    "/repository_id/",
    "/repository_name/",
    // A follow-up asks by it, and without one the list does not add up.
    ": /data/repository/c*/id/",
    "/committedDate/",
    ": /data/repository/c*/associatedPullRequests/nodes/*/id/",
    "/commit/id/",
    // Comments count where there is no pull request.
    "/comments/nodes/*/bodyText/",
    "/comments/nodes/*/editor/",
    "/comments/nodes/*/lastEditedAt/",
    // The first place that has the file counts.
    "/data/repository/p*_1/",
    "/data/repository/p*_2/",
    // Of an organisation itself, the counts of repositories are read.
    ": /id/",
    ": /login/",
    ": /type/",
    ": /created_at/",
    ": /updated_at/",
    ": /archived_at/",
    "/description/",
    "/followers/",
    "/following/",
    "/has_organization_projects/",
    "/has_repository_projects/",
    "/owned_private_repos/",
    "/public_gists/",
    "/additions/",
    "/changes/",
    "/deletions/",
    "/patch/",
    "/timelineItems/nodes/*/actor/",
    "/timelineItems/nodes/*/commit/",
    "/timelineItems/nodes/*/currentRefName/",
    "/timelineItems/nodes/*/previousRefName/",
];

/// An organisation of two repositories, owners by CODEOWNERS and a team, a rebase after the approval, a rename.
fn owned() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.repository("acme/docs", "main");
    history.team("acme", "core", &["example-ben", "example-cleo"]);
    let files = [
        Edit::new(".github/CODEOWNERS", "* @acme/core\n"),
        Edit::new("src/a.rs", "limit = 10"),
        Edit::new("src/b.rs", "b"),
        Edit::new("src/c.rs", "c"),
    ];
    history.push_edits("acme/shop", "main", "example-ana", at("2026-02-10T09:00:00Z"), &files);
    let other = pull(1, "2026-03-04T09:45:00Z").editing(&[Edit::new("src/b.rs", "other")]);
    history.merge(other.approved_by("example-ben"));
    let rebased = pull(2, "2026-03-04T10:00:00Z").editing(&[Edit::new("src/a.rs", "limit = 20")]);
    let rebase = Rebase { at: at("2026-03-04T09:50:00Z"), by: "example-ana".to_owned(), also: Vec::new() };
    let rebased = PullRequestSpec { behind: 1, rebased: Some(rebase), ..rebased.approved_by("example-ben") };
    history.merge(rebased);
    let moved = Edit { from: Some("src/c.rs".to_owned()), ..Edit::new("src/moved.rs", "c") };
    let more = [moved, Edit::new("src/d.rs", "d"), Edit::new("src/e.rs", "e")];
    let landed = history.merge(pull(3, "2026-03-05T10:00:00Z").editing(&more).approved_by("example-ben"));
    for minute in 0..2 {
        let at = at("2026-03-05T11:00:00Z") + Duration::minutes(minute);
        history.comment(landed, "example-cleo", at, "looks good");
    }
    history
}

/// Every repository of an organisation, with everything that can be read of a change.
pub(crate) async fn organisation() -> Bed {
    let mut bed = github_of(owned(), 2).await;
    let settings = bed.settings;
    bed.settings = Box::new(move |url| {
        let mut all = settings(url);
        all["organizations"] = json!([{ "name": "acme" }]);
        all["repositories"] = json!([]);
        all["code_owners"] = json!(true);
        all["emergency_ticket"] = json!("INC-[0-9]+");
        all
    });
    bed.name = "sample organisation of GitHub";
    // What was approved is compared by where it left the base and by its paths, not by its commits.
    bed.not_read.retain(|part| !["/merge_base_commit/", "/files/"].contains(part));
    bed.not_read.extend([
        ": /commits/",
        "/merge_base_commit/commit",
        "/merge_base_commit/author",
        "/merge_base_commit/parents/",
        "/total_commits/",
    ]);
    bed.asks = &[
        "organization(login:$login)",
        "/orgs/acme",
        "CODEOWNERS",
        "isTruncated",
        "team(slug:$team)",
        "/pulls/3/files",
        "per_page=1&",
        "{oid mode}",
        "files(first:50,after:",
        "comments(first:50,after:",
    ];
    bed
}

pub(crate) fn now() -> DateTime<Utc> {
    at("2026-03-02T08:00:00Z")
}

/// Nothing without a factor.
const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;

fn people(number: &str) -> AwsHistory {
    let spec = UserSpec { created: now() - Duration::days(100), ..UserSpec::default() };
    let with = |factor| UserSpec { mfa: Some(now() - Duration::days(90)), factor, ..spec.clone() };
    AwsHistory::new(number)
        .user("alice", with(Factor::Virtual))
        .user("bob", with(Factor::Passkey))
        .user("carol", with(Factor::Virtual))
        .user("dave", with(Factor::Virtual))
        .user("erin", with(Factor::Virtual))
        .user("deploy", UserSpec { console: false, keys: 1, path: "/service/", ..spec.clone() })
        .user("keys", UserSpec { console: false, keys: 1, ..spec })
        .user_policy("keys", DENY)
        .saml_provider("Okta", now() - Duration::days(400))
        .oidc_provider("builds.example")
        .in_organization("management", "ACTIVE")
        .page_size(3)
}

/// One account, by a role.
pub(crate) async fn aws() -> Bed {
    aws_of(people("111122223333")).await
}

/// The account 111122223333 with this history.
pub(crate) async fn aws_of(history: AwsHistory) -> Bed {
    let clock = Arc::new(ManualClock::at(now()));
    let closed = ["222233334444", "333344445555", "444455556666"];
    let closed = closed.map(|number| AwsHistory::new(number).in_organization(number, "SUSPENDED"));
    let server = AwsServer::start([vec![history], closed.to_vec()].concat(), clock).await.unwrap();
    let key = Key::new("AKIASANDBOX", "sandbox-secret");
    let origin = Origin::new(server.url(), str::to_owned);
    let via = key.via("");
    let settings = move |url: &str| {
        let mut via = via.clone();
        via["endpoint_url"] = json!(url);
        let okta = json!({
            "provider": "111122223333:saml/Okta", "says": "mfa-required", "document": "policy 7", "by": "Anna Smith",
            "on": "2026-03-01", "scope": "all",
        });
        let builds = json!({ "provider": "oidc/builds.example", "machines": true, "reason": "builds only" });
        json!({
            "organization": { "via": via, "role_name": "evidenced" },
            "identity_providers": [okta, builds],
            "mfa_deny_policies": true,
            "device_kinds": true,
            "service_paths": ["/service/"],
        })
    };
    let asks = &[
        "Action=AssumeRole",
        "Action=GetCallerIdentity",
        "Action=GenerateCredentialReport",
        "Action=GetCredentialReport",
        "Action=GetAccountSummary",
        "Action=ListUsers",
        "Action=ListVirtualMFADevices",
        "Marker=after-3",
        "Action=ListMFADevices",
        "Action=ListSAMLProviders",
        "Action=ListOpenIDConnectProviders",
        "Action=GetAccountAuthorizationDetails",
        "NextToken",
    ];
    let passes = true;
    let kept = Box::new((server, key));
    aws_bed("sandbox AWS", origin, now(), Box::new(settings), (asks, passes), kept)
}

/// moto, which is somebody else's.
pub(crate) fn moto() -> Bed {
    let moto = Moto::start(20, &[]);
    let key = moto.key(None);
    let origin = Origin::new(&moto.url(), str::to_owned);
    let via = key.via("");
    let settings = move |url: &str| {
        let mut via = via.clone();
        via["endpoint_url"] = json!(url);
        json!({ "accounts": [{ "name": "production", "via": via }], "device_kinds": true })
    };
    let kept = Box::new((moto, key));
    // It tells the true time.
    let at = SystemClock.now();
    aws_bed("moto", origin, at, Box::new(settings), (&["Action=ListUsers", "Action=ListMFADevices"], false), kept)
}

fn aws_bed(
    name: &'static str,
    origin: Arc<Origin>,
    at: DateTime<Utc>,
    settings: Box<dyn Fn(&str) -> Value + Send + Sync>,
    (asks, passes): (&'static [&'static str], bool),
    kept: Box<dyn std::any::Any + Send + Sync>,
) -> Bed {
    let task = Task { window: Window { start: at - Duration::days(1), end: at }, carry: None };
    Bed {
        kind: "aws_iam",
        name,
        origin,
        at,
        settings,
        task,
        not_read: AWS_NOT_READ.to_vec(),
        asks,
        passes,
        _kept: kept,
    }
}

/// What AWS says beside what is asked for.
const AWS_NOT_READ: &[&str] = &[
    "/ResponseMetadata/",
    "/Description/",
    "/UserId/",
    "/Users/member/Path/",
    "/Users/member/Arn/",
    "/VirtualMFADevices/member/User/Path/",
    "/VirtualMFADevices/member/User/UserName/",
    "/VirtualMFADevices/member/User/CreateDate/",
    "/VirtualMFADevices/member/unassigned/",
    "/Base32StringSeed/",
    "/QRCodePNG/",
    "/EnableDate/",
    "/SAMLProviderList/member/ValidUntil/",
    "absent: /Accounts/*/Name/",
    "last_used_region",
    "last_used_service",
    // Of the totals, those of users and root are read.
    "/entry/MFADevices",
    "Quota/",
    "/entry/Roles/",
    "/entry/Groups/",
    "/entry/Policies/",
    "/entry/InstanceProfiles/",
    "/entry/ServerCertificates/",
    "/entry/PolicyVersionsInUse/",
    "/entry/GlobalEndpointTokenVersion/",
    // The door reads credentials, and the sample checks no signature.
    "/AssumedRoleUser/",
    "an unknown word: /AssumeRoleResponse/AssumeRoleResult/Credentials/SecretAccessKey/",
    "an unknown word: /AssumeRoleResponse/AssumeRoleResult/Credentials/SessionToken/",
];
