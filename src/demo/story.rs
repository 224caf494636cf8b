//! What happens at the sample company in its ninety days: the histories that the servers show as the
//! simulated clock comes to them. Facts only; `play` walks through them.
//!
//! The story: most things are in order, and some are not. Each of the latter is there to show one thing.

use super::aws::{AwsHistory, UserSpec};
use super::github::{GithubHistory, PullRequestSpec};
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

/// The auditor's seed.
pub const SEED: &str = "drawn by the auditor in April";

/// Twenty-four people and two machines. Erin gets a console password before a factor; for half a day the
/// report may not be made.
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
/// production branch; on day 62 a commit comes after the approval.
pub fn github() -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("sample/shop", "main");
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
