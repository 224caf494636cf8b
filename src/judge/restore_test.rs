//! Whether every store was restored from backup, and the data shown to be good, in every quarter.
//!
//! Judged are the UTC quarter of the as-of time and the one before it, one item for each store and
//! quarter: `orders-db 2026Q1`. A test belongs to the quarter in which it started.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `restored-and-validated` | a clean test, and no other |
//! | pass | `retested-after-failure` | failures, each with a closed ticket and a clean test after it |
//! | deviation | `failure-not-followed-up` | a clean test, but a failure without closed ticket, or none clean after it |
//! | deviation | `not-a-production-backup` | none clean; this and the next eight are of the last test, first match |
//! | deviation | `restore-failed` | it did not complete |
//! | deviation | `not-validated` | nobody looked at the data |
//! | deviation | `validation-failed` | the validation did not succeed, or one of its checks is not good |
//! | deviation | `no-named-checks` | nobody says what was checked |
//! | deviation | `no-targets` | neither test nor store has a target for time, or for age |
//! | deviation | `rto-missed` | start to usable took longer than the target |
//! | deviation | `rpo-missed` | the data was older than the target at the start |
//! | deviation | `reviewer-is-performer` | one person did both, or one of them is not named |
//! | deviation | `no-restore-test` | no test, and the grace after the quarter is over |
//! | pending | `not-yet-due` | no test, and the quarter or the grace is not over, or the store is new |
//! | excluded | `store-out-of-scope` | registered as not needing tests |
//! | indeterminate | `times-unusable` | a time that decides is missing, or before one that it must follow |
//! | indeterminate | `test-in-the-future` | a test of the quarter is later than the as-of time |
//! | indeterminate | `store-not-registered` | tests of a store that nobody registered |
//!
//! Of a test's and the store's target the tighter one counts: what a log says of itself cannot loosen
//! what the register promises. A store is new when 30 days or fewer lie between its first day and the
//! last day of the quarter. Nothing is asked of quarters before its first day.

mod attributes;

pub(super) use attributes::basis;

use super::gather::HeldRestores;
use super::{Judged, Outcome, PolicyError, Ruling, day_time, policy::out_of_range};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use evidenced_collectors::contract::{RestoreStatus, RestoreTest, Store, Validation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A store this new at the end of a quarter is not yet due, days.
const NEW_STORE_DAYS: i64 = 30;

/// When a missing test is a deviation. Targets are the stores' and the tests' own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days after the end of the quarter, 0 to 90.
    pub grace_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { grace_days: 14 }
    }
}

/// Refuses a grace that never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("grace_days", policy.grace_days, 0, 90)
}

/// A calendar quarter in UTC, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter(NaiveDate);

impl Quarter {
    /// The quarter that the instant lies in.
    pub fn of(at: DateTime<Utc>) -> Self {
        let day = at.date_naive();
        let first = day.with_day(1).and_then(|first| first.with_month(day.month0() / 3 * 3 + 1));
        Self(first.unwrap_or(day))
    }

    fn before(self) -> Self {
        Self(self.0.checked_sub_months(Months::new(3)).unwrap_or(self.0))
    }

    /// The first day after it.
    fn end(self) -> NaiveDate {
        self.0.checked_add_months(Months::new(3)).unwrap_or(self.0)
    }

    fn last_day(self) -> NaiveDate {
        self.end().checked_sub_days(Days::new(1)).unwrap_or(self.0)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}Q{}", self.0.year(), self.0.month0() / 3 + 1)
    }
}

/// The key of a store and quarter.
pub fn item(store: &str, quarter: Quarter) -> String {
    format!("{store} {quarter}")
}

/// Judges every store, and whatever else was restored, in the two quarters.
pub(super) fn judge(policy: &Policy, held: &HeldRestores<'_>, as_of: DateTime<Utc>) -> Vec<Judged> {
    let now = Quarter::of(as_of);
    let mut judged = Vec::new();
    for quarter in [now.before(), now] {
        for store in &held.stores {
            // Before its first day nothing is asked of it, but it never vanishes altogether.
            let existed = store.since.is_none_or(|since| since < quarter.end()) || quarter == now;
            if existed {
                judged.push(store_quarter(policy, store, quarter, &held.tests, as_of));
            }
        }
        judged.extend(not_registered(held, quarter));
    }
    judged
}

fn not_registered(held: &HeldRestores<'_>, quarter: Quarter) -> Vec<Judged> {
    let registered: BTreeSet<&str> = held.stores.iter().map(|store| store.name.as_str()).collect();
    let tests = held.tests.iter().filter(|test| Quarter::of(test.started) == quarter);
    let stores: BTreeSet<&str> = tests.map(|test| test.store.as_str()).collect();
    let judged = |store: &&str| Judged {
        item: item(store, quarter),
        ruling: Ruling::indeterminate("store-not-registered", "restored, but not among the registered stores"),
        beneficiaries: Vec::new(),
    };
    stores.difference(&registered).map(judged).collect()
}

fn store_quarter(
    policy: &Policy,
    store: &Store,
    quarter: Quarter,
    tests: &[&RestoreTest],
    as_of: DateTime<Utc>,
) -> Judged {
    let mut tests: Vec<&RestoreTest> =
        tests.iter().copied().filter(|test| test.store == store.name && Quarter::of(test.started) == quarter).collect();
    tests.sort_by(|a, b| (a.started, &a.id, &a.read_from).cmp(&(b.started, &b.id, &b.read_from)));
    let ruling = if !store.in_scope {
        Ruling::excluded("store-out-of-scope", "registered as not needing tests")
    } else if tests.is_empty() {
        untested(policy, store, quarter, as_of)
    } else if let Some(future) =
        tests.iter().find(|test| test.started.max(test.validated.unwrap_or(test.started)) > as_of)
    {
        Ruling::indeterminate("test-in-the-future", format!("{}; later than {}", about(future), day_time(as_of)))
    } else {
        tested(store, &tests)
    };
    let beneficiaries = tests.iter().filter_map(|test| test.performer.clone()).collect();
    Judged { item: item(&store.name, quarter), ruling, beneficiaries }
}

fn untested(policy: &Policy, store: &Store, quarter: Quarter, as_of: DateTime<Utc>) -> Ruling {
    let pending = |seen: String| Ruling { outcome: Outcome::Pending, reason: "not-yet-due", seen };
    if let Some(since) = store.since.filter(|since| (quarter.last_day() - *since).num_days() <= NEW_STORE_DAYS) {
        return pending(format!("no test; the store is new in {quarter}, it holds data since {since}"));
    }
    let due = quarter.end() + TimeDelta::days(policy.grace_days.into());
    if as_of < due.and_time(NaiveTime::MIN).and_utc() {
        return pending(format!("no test yet; due before {due}"));
    }
    Ruling::deviation("no-restore-test", format!("no test in {quarter}; it was due before {due}"))
}

/// At least one test, oldest first.
fn tested(store: &Store, tests: &[&RestoreTest]) -> Ruling {
    let flaws: Vec<Option<Ruling>> = tests.iter().map(|test| flaw(store, test)).collect();
    let Some(last_clean) = flaws.iter().rposition(Option::is_none) else {
        let none = || Ruling::indeterminate("times-unusable", "no test");
        return flaws.into_iter().flatten().last().unwrap_or_else(none);
    };
    let seen = about(tests[last_clean]);
    let failures = || flaws.iter().enumerate().filter_map(|(at, flaw)| flaw.as_ref().map(|flaw| (at, flaw)));
    let open = || failures().filter(|(at, _)| *at > last_clean || !tests[*at].ticket_closed);
    // A flaw that is certain before one that may be none.
    let worst = open().max_by_key(|(at, flaw)| (flaw.outcome.severity(), *at));
    match worst {
        Some((at, flaw)) if flaw.outcome == Outcome::Deviation => {
            let why = if at > last_clean { "no clean test after it" } else { "its ticket is not closed" };
            Ruling::deviation("failure-not-followed-up", format!("{seen}; but {}: {}; {why}", flaw.reason, flaw.seen))
        }
        Some((_, flaw)) => Ruling::indeterminate(flaw.reason, format!("{seen}; but {}", flaw.seen)),
        None if failures().next().is_some() => Ruling::pass(
            "retested-after-failure",
            format!("{seen}; {} earlier failure(s) followed up", failures().count()),
        ),
        None => Ruling::pass("restored-and-validated", seen),
    }
}

/// What is wrong with one test, first match; `None` if it is clean.
fn flaw(store: &Store, test: &RestoreTest) -> Option<Ruling> {
    let bad = |reason, why: String| Some(Ruling::deviation(reason, format!("{}: {why}", about(test))));
    let unusable = |why: &str| Some(Ruling::indeterminate("times-unusable", format!("{}: {why}", about(test))));
    if test.env_source != "production" {
        return bad("not-a-production-backup", format!("the backup is of {}", test.env_source));
    }
    match test.status {
        RestoreStatus::Completed => {}
        RestoreStatus::Failed => return bad("restore-failed", "the restore failed".to_owned()),
        RestoreStatus::Aborted => return bad("restore-failed", "the restore was stopped".to_owned()),
    }
    match test.validation {
        Some(Validation::Successful) => {}
        None => return bad("not-validated", "nobody looked at the data".to_owned()),
        Some(Validation::Failed) => return bad("validation-failed", "a check failed".to_owned()),
        Some(Validation::TimedOut) => return bad("validation-failed", "the validation timed out".to_owned()),
        Some(Validation::Validating) => return bad("validation-failed", "the validation has not ended".to_owned()),
    }
    if let Some(check) = test.checks.iter().find(|check| !check.ok) {
        return bad("validation-failed", format!("{:?} is not good", check.name));
    }
    if test.checks.iter().all(|check| check.name.trim().is_empty()) {
        return bad("no-named-checks", "nobody says what was checked".to_owned());
    }
    let rto = tighter(test.rto_target_s, store.rto_target_s);
    let rpo = tighter(test.rpo_target_s, store.rpo_target_s);
    let (Some(rto), Some(rpo)) = (rto, rpo) else {
        return bad("no-targets", "a target for time to usable, or for age of the data, is missing".to_owned());
    };
    let Some(took) = test.validated.and_then(|usable| whole_seconds(usable - test.started)) else {
        return unusable("when the data was usable is missing, or before the start");
    };
    if took > rto {
        return bad("rto-missed", format!("usable after {took} s, target {rto} s"));
    }
    let Some(age) = test.recovery_point.and_then(|point| whole_seconds(test.started - point)) else {
        return unusable("the instant that the backup holds is missing, or after the start");
    };
    if age > rpo {
        return bad("rpo-missed", format!("the data was {age} s old, target {rpo} s"));
    }
    match (named(&test.performer), named(&test.reviewer)) {
        (Some(performer), Some(reviewer)) if !super::same_login(performer, reviewer) => None,
        (Some(performer), Some(_)) => bad("reviewer-is-performer", format!("{performer} did and reviewed it")),
        (_, None) => bad("reviewer-is-performer", "no reviewer is named".to_owned()),
        (None, _) => bad("reviewer-is-performer", "no performer is named".to_owned()),
    }
}

fn named(name: &Option<String>) -> Option<&str> {
    name.as_deref().map(str::trim).filter(|name| !name.is_empty())
}

fn tighter(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Started seconds count whole, so that nothing is a fraction under its target; `None` if negative.
fn whole_seconds(span: TimeDelta) -> Option<u64> {
    let whole = span.num_seconds() + i64::from(span.subsec_nanos() > 0);
    if span < TimeDelta::zero() { None } else { u64::try_from(whole).ok() }
}

fn about(test: &RestoreTest) -> String {
    format!("test {} of {}", test.id, day_time(test.started))
}
