//! What happens at the sample company in its ninety days: the histories that the servers show as the
//! simulated clock comes to them. Facts only; `play` walks through them.
//!
//! The story: most things are in order, and some are not. Each of the latter is there to show one thing.

use super::aws::{AwsHistory, LoggingSpec, TrailSpec, UserSpec};
use super::github::{AlertSpec, GithubHistory, PullRequestSpec};
use super::registers::RegisterHistory;
use super::restores::{RestoreHistory, SampleEnding, SampleTest};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Day 1, midnight UTC.
pub fn start() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
}

/// Length of the story.
pub const DAYS: i64 = 90;

/// The first instant after the story.
pub fn end() -> DateTime<Utc> {
    start() + TimeDelta::days(DAYS)
}

/// `day` from 1, at `hour`:`minute` UTC.
pub fn at(day: i64, hour: i64, minute: i64) -> DateTime<Utc> {
    start() + TimeDelta::days(day - 1) + TimeDelta::hours(hour) + TimeDelta::minutes(minute)
}

/// The days that the daemon is down: from the first instant to the second nothing runs.
pub fn downtime() -> (DateTime<Utc>, DateTime<Utc>) {
    (at(80, 9, 0), at(82, 21, 30))
}

/// One waiver of the story.
pub struct StoryWaiver {
    /// Which control.
    pub control: &'static str,
    /// Which items.
    pub item: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Who approved.
    pub approver: &'static str,
    /// When.
    pub approved_at: DateTime<Utc>,
    /// Until when.
    pub expires: DateTime<Utc>,
}

/// The direct push of day 20 is accepted two days later, for a week. When that ends it counts again, until it leaves the
/// look-back.
pub fn waivers() -> Vec<StoryWaiver> {
    vec![StoryWaiver {
        control: "SEC-001",
        item: "sample/shop@*",
        reason: "INC-12: checkout was down; reviewed with the incident",
        approver: "cto",
        approved_at: at(22, 10, 0),
        expires: at(30, 0, 0),
    }]
}

/// The control that its owner signs for when the quarter is over, and of which the auditor draws a sample.
pub const ATTESTED: &str = "SEC-001";

/// Why it drifted first, how that was found out, and what was done.
pub const CAUSE: (&str, &str, &str) = (
    "INC-12: checkout was down, and the fix was pushed past review",
    "the other branches and repositories were read by the same collector, and show no other push",
    "the fix was reviewed with the incident, and whoever is on call knows the way for urgent changes",
);

/// The collector of documents.
pub const PAPERS: &str = "papers";

/// The auditor's seed.
pub const SEED: &str = "drawn by the auditor in April";

/// Twenty-four people and two machines. Erin gets a console password before a factor; for half a day the
/// report may not be made. From day 70 on the account's trail is stopped for two days.
pub fn aws() -> Vec<AwsHistory> {
    let names = [
        "alice", "bob", "carol", "dave", "frank", "grace", "heidi", "ivan", "judy", "kim", "lena", "mallory", "nina",
        "olaf", "peggy", "quinn", "rupert", "sam", "trent", "ursula", "victor", "wendy", "yasmin",
    ];
    let mut account = AwsHistory::new("111122223333");
    for name in names {
        account = account.user(name, UserSpec { mfa: Some(at(-200, 0, 0)), ..UserSpec::default() });
    }
    for name in ["deploy", "metrics"] {
        account = account.user(name, UserSpec { console: false, keys: 1, path: "/service/", ..UserSpec::default() });
    }
    let erin = UserSpec { created: at(40, 9, 0), ..UserSpec::default() };
    let trail = TrailSpec { stopped: Some((at(70, 12, 0), at(72, 12, 0))), ..TrailSpec::good("all", "eu-central-1") };
    let regions = vec!["eu-central-1"];
    account = account.logging(LoggingSpec { regions, trails: vec![trail], without_detector: Vec::new() });
    vec![account.user("erin", erin).mfa_enabled("erin", at(42, 15, 0)).refuse(
        "GenerateCredentialReport",
        at(55, 8, 0),
        at(55, 20, 0),
    )]
}

/// One store restores well, and later too slowly: the ticket is closed, and the objective stays missed.
/// The other does not restore the first time, and does after it was mended.
pub fn restores() -> RestoreHistory {
    let test = |store: &str, started, ending| SampleTest { store: store.to_owned(), started, ending };
    RestoreHistory::new(vec![
        test("orders-db", at(15, 2, 0), SampleEnding::Good),
        test("documents", at(33, 2, 0), SampleEnding::Damaged),
        test("documents", at(36, 2, 0), SampleEnding::Good),
        test("orders-db", at(64, 2, 0), SampleEnding::Slow),
    ])
}

/// Who writes code, and reviews the next one's.
const ENGINEERS: [&str; 5] = ["alice", "bob", "carol", "dave", "dana"];

/// Two pull requests every weekday, reviewed and merged. On day 20 somebody pushes straight to the
/// production branch; on day 62 a commit comes after the approval. Of two alerts one is mended in time; a critical
/// one, found on day 5, only on day 45.
pub fn github() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("sample/shop", "main");
    history.alert("sample/shop", AlertSpec::open(1, "critical", at(5, 9, 0)).fixed(at(45, 15, 0)));
    history.alert("sample/shop", AlertSpec::open(2, "high", at(50, 9, 0)).fixed(at(60, 15, 0)));
    let mut number = 0;
    for day in 1..=DAYS {
        if at(day, 0, 0).weekday().num_days_from_monday() >= 5 {
            continue;
        }
        if day == 20 {
            history.push_direct("sample/shop", "main", "dana", at(20, 7, 40), &["src/checkout.rs"]);
        }
        for hour in [10, 15] {
            let turn = usize::try_from(number).unwrap_or_default();
            let (author, reviewer) = (ENGINEERS[turn % 5], ENGINEERS[(turn + 1) % 5]);
            number += 1;
            let mut pull = PullRequestSpec::new("sample/shop", number, author, at(day, hour, 0)).approved_by(reviewer);
            if day == 62 && hour == 15 {
                pull = pull.pushed_after_approval(author);
            }
            history.merge(pull);
        }
    }
    history
}

/// A document that somebody adds.
pub struct StoryDocument {
    /// When.
    pub added_at: DateTime<Utc>,
    /// Its name.
    pub file: &'static str,
    /// What it holds.
    pub text: &'static str,
    /// Of which control.
    pub control: &'static str,
    /// Of which day of the story.
    pub day: i64,
    /// What is said of it.
    pub note: Option<&'static str>,
}

/// The board meets once and keeps minutes. Every month the organisation chart is looked over; February's is
/// forgotten until the middle of March.
pub fn documents() -> Vec<StoryDocument> {
    let chart = |added_at, file, day, note| StoryDocument {
        added_at,
        file,
        text: "SAMPLE: who answers to whom\n",
        control: "SEC-026",
        day,
        note,
    };
    vec![
        chart(at(20, 10, 0), "organisation-january.txt", 20, None),
        StoryDocument {
            added_at: at(50, 16, 0),
            file: "board-minutes.txt",
            text: "SAMPLE: minutes of the board\n",
            control: "SEC-022",
            day: 48,
            note: Some("signed by all who were there"),
        },
        chart(at(74, 9, 0), "organisation-february.txt", 56, Some("looked over on time, and not added")),
        chart(at(84, 9, 0), "organisation-march.txt", 84, None),
    ]
}

/// Vendors, people, risks, incidents and reviews of access. Each has one thing that goes wrong: a review that is
/// forgotten, training that is overdue, a policy that one person does not acknowledge, an account that outlives
/// its leaver, a risk that nobody owns, a plan that is not exercised, a removal that waits.
pub fn registers() -> RegisterHistory {
    access(incidents(risks(people(vendors(RegisterHistory::default())))))
}

fn vendors(all: RegisterHistory) -> RegisterHistory {
    const HEADER: &str = "vendor,service,tier,data,owner,since,until,reviewed_on,reviewer,report,period_start,period_end,bridge_until,exceptions,user_controls,contract_security";
    all.file(
        "vendors.csv",
        HEADER,
        &[
            "Sample Cloud,hosting,critical,customer data,cto,2023-04-01,,2025-12-10,lena,soc2_type2,2024-12-01,2025-11-30,2026-01-31,done,done,yes",
            "Sample Prints,business cards,low,,office,2024-06-01,,,,none,,,,none,none,no",
        ],
    )
    .from(start(), "Sample Mail,mail,high,names,it,2022-01-01,,2025-02-01,lena,iso27001,2024-07-01,2027-06-30,,none,done,yes")
    .then(at(44, 9, 0), "Sample Mail,mail,high,names,it,2022-01-01,,2026-02-13,lena,iso27001,2024-07-01,2027-06-30,,none,done,yes")
}

fn people(all: RegisterHistory) -> RegisterHistory {
    all.file(
        "people.csv",
        "person,engagement,start,end,leave_start,leave_end,screened_on",
        &[
            "p-01,employee,2023-02-01,,,,2023-01-12",
            "p-02,employee,2025-05-20,,,,2025-05-12",
            "p-03,employee,2024-01-15,,,,2024-01-08",
        ],
    )
    .from(start(), "p-04,contractor,2024-05-01,,,,2024-04-15")
    .then(at(44, 9, 0), "p-04,contractor,2024-05-01,2026-02-17T16:00:00Z,,,2024-04-15")
    .file(
        "training.csv",
        "person,course,version,completed_on",
        &[
            "p-01,security-awareness,2025,2025-06-10",
            "p-02,security-awareness,2025,2025-06-10",
            "p-03,security-awareness,2024,2025-02-10",
            "p-04,security-awareness,2025,2025-06-11",
        ],
    )
    .from(at(49, 15, 0), "p-03,security-awareness,2026,2026-02-18")
    .file(
        "policies.csv",
        "policy,version,approved_on,approved_by,in_force_from,reviewed_on,retired_on",
        &["code-of-conduct,4,2025-05-20,ceo,2025-06-01,,"],
    )
    .from(at(12, 8, 0), "code-of-conduct,5,2026-01-09,ceo,2026-01-15,,")
    .file(
        "acknowledgements.csv",
        "person,policy,version,acknowledged_on",
        &[
            "p-01,code-of-conduct,4,2025-06-03",
            "p-02,code-of-conduct,4,2025-06-03",
            "p-03,code-of-conduct,4,2025-06-10",
            "p-04,code-of-conduct,4,2025-06-11",
        ],
    )
    .from(at(15, 12, 0), "p-01,code-of-conduct,5,2026-01-15")
    .from(at(20, 12, 0), "p-03,code-of-conduct,5,2026-01-20")
    .from(at(21, 12, 0), "p-04,code-of-conduct,5,2026-01-21")
    .from(at(56, 12, 0), "p-02,code-of-conduct,5,2026-02-25")
    .file(
        "accounts.csv",
        "system,account,person,granted_at,requested_by,approved_by,approved_at,removed_at,last_used_at",
        &["github,sample-alice,p-01,2023-02-01,p-01,cto,2023-01-30,,2025-12-30T09:00:00Z"],
    )
    .from(start(), "github,sample-cleo,p-04,2024-05-02,p-04,cto,2024-05-01,,2025-12-29T10:00:00Z")
    .then(
        at(55, 9, 30),
        "github,sample-cleo,p-04,2024-05-02,p-04,cto,2024-05-01,2026-02-24T09:00:00Z,2026-02-17T11:00:00Z",
    )
}

fn risks(all: RegisterHistory) -> RegisterHistory {
    all.file(
        "assessments.csv",
        "assessment,done_on,approved_by,approved_on",
        &["2024,2024-11-20,ceo,2024-12-02", "2025,2025-11-18,ceo,2025-12-01"],
    )
    .file(
        "risks.csv",
        "risk,category,title,assessed_on,likelihood,impact,owner,treatment,accepted_by,accepted_on,state",
        &[
            "R-01,operations,The only person who knows the build is away,2025-11-18,3,3,cto,mitigate,,,open",
            "R-02,technology,A dependency brings in hostile code,2025-11-18,2,4,cto,mitigate,,,open",
            "R-03,vendor,Sample Cloud is down for a day,2025-11-18,2,4,cto,accept,ceo,2025-12-01,open",
            "R-04,legal,A customer asks for data that we must not give,2025-11-18,2,2,counsel,mitigate,,,open",
            "R-05,fraud,Somebody pays an invoice to themselves,2025-11-18,1,4,cfo,mitigate,,,open",
        ],
    )
    .from(at(43, 10, 0), "R-06,technology,Keys are in a chat,2026-02-12,3,4,,mitigate,,,open")
    .then(at(57, 10, 0), "R-06,technology,Keys are in a chat,2026-02-12,3,4,cto,mitigate,,,open")
}

fn incidents(all: RegisterHistory) -> RegisterHistory {
    all.file("plans.csv", "version,approved_on,approved_by,in_force_from", &["3,2024-12-12,ceo,2025-01-01"])
        .file(
            "exercises.csv",
            "exercise,held_on,version,scenario,people,actions_open",
            &["E-2025,2025-03-03,3,a stolen laptop,7,0"],
        )
        .from(at(71, 16, 0), "E-2026,2026-03-12,3,a key in a log file,8,1")
        .file(
            "incidents.csv",
            "incident,severity,detected_at,resolved_at,version,root_cause,reviewed_on,actions_open",
            &[],
        )
        .from(
            at(20, 18, 0),
            "INC-12,medium,2026-01-20T06:50:00Z,2026-01-20T08:15:00Z,3,a wrong price list,2026-01-22,0",
        )
}

fn access(all: RegisterHistory) -> RegisterHistory {
    all.file("systems.csv", "system,owner,since,until", &["github,cto,2025-10-01,"])
        .file(
            "snapshots.csv",
            "system,taken_on,account,person,role",
            &["github,2025-11-03,sample-alice,p-01,owner", "github,2025-11-03,sample-cleo,p-04,member"],
        )
        .from(at(33, 8, 0), "github,2026-02-02,sample-alice,p-01,owner")
        .from(at(33, 8, 0), "github,2026-02-02,sample-cleo,p-04,member")
        .from(at(33, 8, 0), "github,2026-02-02,sample-old-bot,,member")
        .file(
            "decisions.csv",
            "system,taken_on,account,decision,decided_by,decided_on,done_on",
            &[
                "github,2025-11-03,sample-alice,keep,cto,2025-11-05,",
                "github,2025-11-03,sample-cleo,keep,cto,2025-11-05,",
            ],
        )
        .from(at(35, 8, 0), "github,2026-02-02,sample-alice,keep,cto,2026-02-04,")
        .from(at(35, 8, 0), "github,2026-02-02,sample-cleo,keep,cto,2026-02-04,")
        .from(at(35, 8, 0), "github,2026-02-02,sample-old-bot,remove,cto,2026-02-04,")
        .then(at(63, 8, 0), "github,2026-02-02,sample-old-bot,remove,cto,2026-02-04,2026-03-04")
}
