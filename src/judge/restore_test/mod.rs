//! Whether every store was restored from backup, and the data shown to be good, in every quarter.
//!
//! Judged are the UTC quarter of the as-of time and the one before it, one item for each store and
//! quarter: `orders-db 2026Q1`; while the one before is in its grace, also the one before that, so that
//! nothing passes by waiting. A test belongs to the quarter in which it started.
//!
//! Two questions are kept apart. *Operated*: tests are held, reviewed and followed up. *Objective met*:
//! the data was usable in time, and young enough. `asks` says which of them the control is; whichever it
//! is, both answers are in `seen`.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `restored-and-validated` | a clean test, and no other |
//! | pass | `retested-after-failure` | failures, each with a closed ticket and a clean test after it |
//! | pass | `target-missed-followed-up` | `operated`: held, a target was missed, and its ticket is closed |
//! | pass | `objective-met` | `objective`: every test that shows a recovery met both targets, and the last test is one |
//! | deviation | `failure-not-followed-up` | a clean test, but a failure without closed ticket, or none clean after it |
//! | deviation | `not-a-production-backup` | none clean; this and the next eight are of the last test, first match |
//! | deviation | `restore-failed` | it did not complete |
//! | deviation | `not-validated` | nobody looked at the data |
//! | deviation | `validation-failed` | the validation did not succeed, or one of its checks is not good |
//! | deviation | `no-named-checks` | nobody says what was checked |
//! | deviation | `no-targets` | neither test nor store has a target for time, or for age |
//! | deviation | `rto-missed` | start to usable took longer than the target; `objective`: of any test |
//! | deviation | `rpo-missed` | the data was older than the target at the start; `objective`: of any test |
//! | deviation | `reviewer-is-performer` | one person did both, or one of them is not named when the review is due |
//! | deviation | `checks-show-nothing` | every named check saw 0, as it does of an empty copy |
//! | deviation | `restored-into-production` | and no ticket says that it was a real recovery |
//! | deviation | `review-late` | after the business days that the policy gives |
//! | deviation | `no-restore-test` | no test, and the grace after the quarter is over |
//! | pending | `not-yet-due` | no test, and the quarter or the grace is not over, or the store is new |
//! | pending | `review-not-yet-due` | nothing wrong so far, and a test awaits its review |
//! | excluded | `store-out-of-scope` | registered as not needing tests |
//! | excluded | `store-retired` | no test, and the store was given up before the quarter's end |
//! | indeterminate | `times-unusable` | a time that decides is missing, or before one that it must follow |
//! | indeterminate | `check-output-missing` | no named check says what it saw |
//! | indeterminate | `restore-target-unknown` | nobody says where it was restored to |
//! | indeterminate | `review-time-unusable` | reviewed, but nobody says when, or before the test had ended, or in the future |
//! | indeterminate | `test-in-the-future` | a test of the quarter is later than the as-of time |
//! | indeterminate | `store-not-registered` | tests of a store that nobody registered |
//! | indeterminate | `targets-unknown` | `objective`: there is no target that could have been met |
//! | indeterminate | `recovery-not-shown` | `objective`: no test in time, or the last one, or one that nobody validated, shows no recovery |
//!
//! Of a test's and the store's target the tighter one counts: what a log says of itself cannot loosen
//! what the register promises. A store is new when 30 days or fewer lie between its first day and the
//! last day of the quarter. Nothing is asked of quarters before its first day, but tests in them are
//! judged.
//!
//! What first match means: the ladder down to `reviewer-is-performer`, `times-unusable` in the place of
//! the target that cannot be measured; after it deviations, then what cannot be told, then what is pending.
//!
//! - **Both** (the default): one ladder. A target that was missed is mended by a closed ticket and a
//!   clean test after it, like any failure.
//! - **Operated** differs in one thing: a test that missed a target counts as held once its ticket is
//!   closed. Without any target it cannot be told what would have to be followed up: `no-targets` stays.
//! - **Objective** looks at every test of the quarter and at nothing but the recovery: not at reviewers,
//!   tickets, or where it was restored to. One missed target is enough, also when a later test met it. A
//!   test that is known to have failed, and is followed by one that shows a recovery, measures nothing;
//!   one whose data nobody looked at might have missed.
//!
//! A test that awaits its review clears nothing: if another of the quarter is wrong, that stands. A
//! recovery in production is a test like any other if its ticket names the incident: timed and reviewed
//! it must be as any. That a check saw something is all that can be told of it: a row count with a floor
//! says more than a schema's version, which an empty database has as well. Not known: whether the backup
//! was picked by hand, public holidays, whether the copy was removed afterwards.

mod attributes;
mod examined;
mod parts;

pub use super::quarter::Quarter;
pub(super) use attributes::bases;

use super::gather::HeldRestores;
use super::quarter::{later, midnight};
use super::{Judged, Outcome, PolicyError, Ruling, day_time, policy::out_of_range};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{RestoreTest, Store};
use examined::{Examined, Measured};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A store this new at the end of a quarter is not yet due, days.
const NEW_STORE_DAYS: i64 = 30;

/// What is asked, and when something is late. Targets are the stores' and the tests' own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Which question the control is.
    pub asks: Asks,
    /// Days after the end of the quarter, 0 to 90.
    pub grace_days: u32,
    /// Business days after a test, Monday to Friday in UTC, within which it must be reviewed, 1 to 30.
    pub review_business_days: u32,
}

/// Of what a verdict speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// Tests are held, and their failures and missed targets are mended.
    Both,
    /// Tests are held, reviewed and followed up.
    Operated,
    /// The targets for time and for age were met.
    Objective,
}

impl Default for Policy {
    fn default() -> Self {
        Self { asks: Asks::Both, grace_days: 14, review_business_days: 10 }
    }
}

/// Refuses what never ends.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("grace_days", policy.grace_days, 0, 90)?;
    out_of_range("review_business_days", policy.review_business_days, 1, 30)
}

/// The key of a store and quarter.
pub fn item(store: &str, quarter: Quarter) -> String {
    format!("{store} {quarter}")
}

/// Judges every store, and whatever else was restored, in the quarters in view.
pub(super) fn judge(policy: &Policy, held: &HeldRestores<'_>, as_of: DateTime<Utc>) -> Vec<Judged> {
    let now = Quarter::of(as_of);
    let last = now.before();
    let mut quarters = vec![last, now];
    // A quarter without a test is pending through its grace. What the quarter before it came to stays in
    // view until then, or a store that is never tested would pass for two weeks.
    if as_of < due(policy, last) {
        quarters.insert(0, last.before());
    }
    let mut judged = Vec::new();
    for quarter in quarters {
        for store in &held.stores {
            let tests = tests_of(store, quarter, &held.tests);
            // Before its first day nothing is asked of it, but it never vanishes altogether.
            let existed = store.since.is_none_or(|since| since < quarter.end()) || quarter == now;
            if existed || !tests.is_empty() {
                judged.push(store_quarter(policy, store, quarter, &tests, as_of));
            }
        }
        judged.extend(not_registered(held, quarter));
    }
    judged
}

/// The first instant at which a missing test is a deviation.
fn due(policy: &Policy, quarter: Quarter) -> DateTime<Utc> {
    later(midnight(quarter.end()), TimeDelta::days(policy.grace_days.into()))
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

/// The store's tests of the quarter, oldest first.
fn tests_of<'a>(store: &Store, quarter: Quarter, tests: &[&'a RestoreTest]) -> Vec<&'a RestoreTest> {
    let of = |test: &&RestoreTest| test.store == store.name && Quarter::of(test.started) == quarter;
    let mut tests: Vec<&RestoreTest> = tests.iter().copied().filter(of).collect();
    tests.sort_by(|a, b| (a.started, &a.id, &a.read_from).cmp(&(b.started, &b.id, &b.read_from)));
    tests
}

fn store_quarter(
    policy: &Policy,
    store: &Store,
    quarter: Quarter,
    tests: &[&RestoreTest],
    as_of: DateTime<Utc>,
) -> Judged {
    let ruling = if !store.in_scope {
        let why = store.reason.as_deref().unwrap_or("no reason is given");
        Ruling::excluded("store-out-of-scope", format!("registered as not needing tests: {why}"))
    } else if tests.is_empty() {
        untested(policy, store, quarter, as_of)
    } else if let Some((test, at)) = tests.iter().map(|test| (test, latest(test))).find(|(_, at)| *at > as_of) {
        let what = format!("test {} of {}", test.id, day_time(test.started));
        Ruling::indeterminate("test-in-the-future", format!("{what} goes on to {}, later than now", day_time(at)))
    } else {
        let examined = tests.iter().copied().map(|test| Examined { policy, store, test, as_of });
        Answers::of(&examined.collect::<Vec<_>>()).asked(policy.asks)
    };
    let beneficiaries = tests.iter().filter_map(|test| test.performer.clone()).collect();
    Judged { item: item(&store.name, quarter), ruling, beneficiaries }
}

fn latest(test: &RestoreTest) -> DateTime<Utc> {
    test.validated.map_or(test.started, |at| at.max(test.started))
}

fn untested(policy: &Policy, store: &Store, quarter: Quarter, as_of: DateTime<Utc>) -> Ruling {
    let pending = |seen: String| Ruling { outcome: Outcome::Pending, reason: "not-yet-due", seen };
    if let Some(on) = store.retired.filter(|on| *on < quarter.end() && midnight(*on) <= as_of) {
        let why = store.reason.as_deref().unwrap_or("no reason is given");
        return Ruling::excluded("store-retired", format!("no test; retired on {on}: {why}"));
    }
    if let Some(since) = store.since.filter(|since| (quarter.last_day() - *since).num_days() <= NEW_STORE_DAYS) {
        return pending(format!("no test; the store is new in {quarter}, it holds data since {since}"));
    }
    let due = due(policy, quarter);
    let by = due.date_naive();
    if as_of < due {
        return pending(format!("no test yet; due before {by}"));
    }
    let seen = format!("no test in {quarter}; it was due before {by}");
    let missing = || Ruling::deviation("no-restore-test", seen.clone());
    let objective = Ruling::indeterminate("recovery-not-shown", seen.clone());
    Answers { both: missing(), operated: missing(), objective, missed_by: None }.asked(policy.asks)
}

/// What a quarter comes to, for each question.
struct Answers {
    both: Ruling,
    operated: Ruling,
    objective: Ruling,
    /// Seconds, where the objective was missed.
    missed_by: Option<u64>,
}

impl Answers {
    /// Of at least one test, oldest first.
    fn of(tests: &[Examined<'_>]) -> Self {
        let (objective, missed_by) = objective(tests);
        Self { both: operation(tests, Asks::Both), operated: operation(tests, Asks::Operated), objective, missed_by }
    }

    /// The answer to one question, with what the others are.
    fn asked(self, asks: Asks) -> Ruling {
        let operated = match (self.operated.outcome, self.operated.reason) {
            (Outcome::Pass, _) => "yes".to_owned(),
            (Outcome::Deviation, reason) => format!("no ({reason})"),
            (Outcome::Pending, reason) => format!("not yet ({reason})"),
            (_, reason) => format!("cannot be told ({reason})"),
        };
        let objective = match (self.objective.outcome, self.missed_by) {
            (Outcome::Pass, _) => "met".to_owned(),
            (_, Some(by)) => format!("missed by {by} s ({})", self.objective.reason),
            (_, None) => format!("cannot be told ({})", self.objective.reason),
        };
        let ruling = match asks {
            Asks::Both => self.both,
            Asks::Operated => self.operated,
            Asks::Objective => self.objective,
        };
        let seen = format!("{}; operated: {operated}; objective: {objective}", ruling.seen);
        Ruling { seen, ..ruling }
    }
}

/// Whether tests were held as they must be. One that awaits its review neither clears nor fails: what
/// the others come to stands, unless that is a pass. Nobody waits for one that is followed up already,
/// whatever its review will say.
fn operation(tests: &[Examined<'_>], asks: Asks) -> Ruling {
    let flaws: Vec<_> = tests.iter().map(|test| (*test, test.flaw(asks))).collect();
    let last_clean = flaws.iter().rposition(|(_, flaw)| flaw.is_none());
    let (mut decided, mut awaited) = (Vec::new(), None);
    for (at, (test, flaw)) in flaws.into_iter().enumerate() {
        match flaw {
            Some(flaw) if flaw.outcome == Outcome::Pending => {
                let followed_up = test.test.ticket_closed && last_clean.is_some_and(|clean| at < clean);
                awaited = if followed_up { awaited } else { Some(flaw) };
            }
            decided_flaw => decided.push((test, decided_flaw)),
        }
    }
    let Some(awaited) = awaited else { return weighed(&decided) };
    if decided.is_empty() {
        return awaited;
    }
    let others = weighed(&decided);
    let seen = format!("{}; {}", others.seen, awaited.seen);
    if others.outcome == Outcome::Pass { Ruling { seen, ..awaited } } else { Ruling { seen, ..others } }
}

/// Tests and what is wrong with them, oldest first.
fn weighed(tests: &[(Examined<'_>, Option<Ruling>)]) -> Ruling {
    let Some(last_clean) = tests.iter().rposition(|(_, flaw)| flaw.is_none()) else {
        let last = tests.last().and_then(|(_, flaw)| flaw.as_ref());
        return last.map_or_else(
            || Ruling::indeterminate("times-unusable", "no test"),
            |flaw| Ruling { seen: flaw.seen.clone(), ..*flaw },
        );
    };
    let clean = tests[last_clean].0;
    let missed = clean.missed();
    let seen = match &missed {
        Some((_, _, how)) => format!("{clean}: {how}; its ticket is closed"),
        None => clean.to_string(),
    };
    let failures =
        || tests.iter().enumerate().filter_map(|(at, (test, flaw))| flaw.as_ref().map(|flaw| (at, test.test, flaw)));
    let open = || failures().filter(|(at, test, _)| *at > last_clean || !test.ticket_closed);
    // A flaw that is certain before one that may be none.
    let worst = open().max_by_key(|(at, _, flaw)| (flaw.outcome.severity(), *at));
    match worst {
        Some((_, test, flaw)) if flaw.outcome == Outcome::Deviation => {
            let why = if test.ticket_closed { "no clean test after it" } else { "its ticket is not closed" };
            Ruling::deviation("failure-not-followed-up", format!("{seen}; but {}: {}; {why}", flaw.reason, flaw.seen))
        }
        Some((_, _, flaw)) => Ruling::indeterminate(flaw.reason, format!("{seen}; but {}", flaw.seen)),
        None if missed.is_some() => Ruling::pass("target-missed-followed-up", seen),
        None if failures().next().is_some() => Ruling::pass(
            "retested-after-failure",
            format!("{seen}; {} earlier failure(s) followed up", failures().count()),
        ),
        None => Ruling::pass("restored-and-validated", seen),
    }
}

/// Whether the targets were met by every test that shows a recovery, and if not, by how many seconds.
fn objective(tests: &[Examined<'_>]) -> (Ruling, Option<u64>) {
    let shown = || tests.iter().filter(|test| test.shows_nothing().is_none());
    let missed = shown().rev().find_map(|test| test.missed().map(|missed| (test, missed)));
    if let Some((test, (reason, by, seen))) = missed {
        return (Ruling::deviation(reason, format!("{test}: {seen}")), Some(by));
    }
    let not_shown = |test: &Examined<'_>| {
        let why = test.shows_nothing().map_or_else(String::new, |flaw| format!("{}: {}", flaw.reason, flaw.seen));
        (Ruling::indeterminate("recovery-not-shown", why), None)
    };
    let unlooked = |test: &&Examined<'_>| test.shows_nothing().is_some() && !test.known_to_show_nothing();
    if let Some(test) = tests.iter().rev().find(unlooked) {
        return not_shown(test);
    }
    for test in shown().rev() {
        for (_, measured) in test.targets() {
            match measured {
                Measured::Met(_) | Measured::Missed(..) => {}
                Measured::NoTarget(what) => {
                    return (Ruling::indeterminate("targets-unknown", format!("{test}: {what} is missing")), None);
                }
                Measured::Unusable(why) => {
                    return (Ruling::indeterminate("times-unusable", format!("{test}: {why}")), None);
                }
            }
        }
    }
    match tests.last() {
        Some(last) if last.shows_nothing().is_some() => not_shown(last),
        Some(last) => {
            let [(_, rto), (_, rpo)] = last.targets();
            let how = |measured| if let Measured::Met(seen) = measured { seen } else { String::new() };
            (Ruling::pass("objective-met", format!("{last}: {}, {}", how(rto), how(rpo))), None)
        }
        None => (Ruling::indeterminate("recovery-not-shown", "no test"), None),
    }
}
