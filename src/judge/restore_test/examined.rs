//! What one restore test shows, attribute by attribute. What a store's quarter comes to is not decided here.

use super::{Asks, Policy};
use crate::judge::quarter::{business_days_after, midnight};
use crate::judge::{Ruling, day_time, same_login};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{Check, RestoreStatus, RestoreTest, Store, Validation};
use std::cmp::Reverse;

/// One test of a store, looked at under a policy as of an instant.
#[derive(Clone, Copy)]
pub(super) struct Examined<'a> {
    pub(super) policy: &'a Policy,
    pub(super) store: &'a Store,
    pub(super) test: &'a RestoreTest,
    pub(super) as_of: DateTime<Utc>,
}

/// A target, and what was measured against it.
pub(super) enum Measured {
    /// Not more than the target.
    Met(String),
    /// So many seconds more.
    Missed(u64, String),
    /// Neither the test nor the store has one.
    NoTarget(&'static str),
    /// The times do not say.
    Unusable(&'static str),
}

/// Both targets, the time to usable first, with the reason that missing it is.
pub(super) type Targets = [(&'static str, Measured); 2];

impl Examined<'_> {
    /// What is wrong with it, first match of the documented ladder; `None` if it is clean. What was not
    /// in the ladder at first comes after it: what is certain, what cannot be told, what may still come.
    pub(super) fn flaw(self, asks: Asks) -> Option<Ruling> {
        let ladder = self.no_recovery().or_else(|| self.target_flaw(asks)).or_else(|| self.not_independent());
        ladder.or_else(|| {
            let later = [self.nothing_shown(), self.not_isolated(), self.not_reviewed_in_time()];
            later.into_iter().flatten().min_by_key(|ruling| Reverse(ruling.outcome.severity()))
        })
    }

    /// Why it shows no recovery of production data: B2 to B4 and the floor of the checks.
    pub(super) fn shows_nothing(self) -> Option<Ruling> {
        self.no_recovery().or_else(|| self.nothing_shown())
    }

    /// Whether its own record says that nothing was recovered, or nothing of production; otherwise
    /// nobody knows what it would have shown.
    pub(super) fn known_to_show_nothing(self) -> bool {
        let test = self.test;
        test.env_source != "production"
            || test.status != RestoreStatus::Completed
            || matches!(test.validation, Some(Validation::Failed | Validation::TimedOut))
            || test.checks.iter().any(|check| !check.ok)
    }

    fn no_recovery(self) -> Option<Ruling> {
        let test = self.test;
        let bad = |reason, why: String| Some(Ruling::deviation(reason, format!("{self}: {why}")));
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
            Some(Validation::Validating) => {
                return bad("validation-failed", "the validation has not ended".to_owned());
            }
        }
        if let Some(check) = test.checks.iter().find(|check| !check.ok) {
            return bad("validation-failed", format!("{:?} is not good", check.name));
        }
        if test.checks.iter().all(|check| check.name.trim().is_empty()) {
            return bad("no-named-checks", "nobody says what was checked".to_owned());
        }
        None
    }

    /// An empty store restores without fault: one check must have seen something.
    pub(super) fn nothing_shown(self) -> Option<Ruling> {
        let mut named = self.test.checks.iter().filter(|check| !check.name.trim().is_empty());
        if named.clone().any(|check| output(check) == Output::Something) {
            return None;
        }
        if named.any(|check| output(check) == Output::Missing) {
            let why = "no check says what it saw, so that an empty copy would look the same";
            return Some(Ruling::indeterminate("check-output-missing", format!("{self}: {why}")));
        }
        let why = "every check saw 0, as it does of an empty copy";
        Some(Ruling::deviation("checks-show-nothing", format!("{self}: {why}")))
    }

    /// The time to usable against the one target, and the age of the data against the other.
    pub(super) fn targets(self) -> Targets {
        let test = self.test;
        let rto = match tighter(test.rto_target_s, self.store.rto_target_s) {
            None => Measured::NoTarget("a target for the time to usable"),
            Some(target) => match test.validated.and_then(|usable| seconds(test.started, usable)) {
                None => Measured::Unusable("when the data was usable is missing, or before the start"),
                Some(took) => measured(took, target, format!("usable after {took} s, target {target} s")),
            },
        };
        let rpo = match tighter(test.rpo_target_s, self.store.rpo_target_s) {
            None => Measured::NoTarget("a target for the age of the data"),
            Some(target) => match test.recovery_point.and_then(|point| seconds(point, test.started)) {
                None => Measured::Unusable("the instant that the backup holds is missing, or after the start"),
                Some(age) => measured(age, target, format!("the data was {age} s old, target {target} s")),
            },
        };
        [("rto-missed", rto), ("rpo-missed", rpo)]
    }

    /// The first target that is missed, and by how many seconds.
    pub(super) fn missed(self) -> Option<(&'static str, u64, String)> {
        self.targets().into_iter().find_map(|(reason, measured)| match measured {
            Measured::Missed(by, seen) => Some((reason, by, seen)),
            _ => None,
        })
    }

    fn target_flaw(self, asks: Asks) -> Option<Ruling> {
        let targets = self.targets();
        if targets.iter().any(|(_, measured)| matches!(measured, Measured::NoTarget(_))) {
            let why = "a target for time to usable, or for age of the data, is missing";
            return Some(Ruling::deviation("no-targets", format!("{self}: {why}")));
        }
        // Whether a test was held and followed up is one question, and what it showed another.
        let followed_up = asks == Asks::Operated && self.test.ticket_closed;
        targets.into_iter().find_map(|(reason, measured)| match measured {
            Measured::Missed(_, seen) if !followed_up => Some(Ruling::deviation(reason, format!("{self}: {seen}"))),
            Measured::Unusable(why) => Some(Ruling::indeterminate("times-unusable", format!("{self}: {why}"))),
            Measured::Met(_) | Measured::Missed(..) | Measured::NoTarget(_) => None,
        })
    }

    fn not_independent(self) -> Option<Ruling> {
        let bad = |why: String| Some(Ruling::deviation("reviewer-is-performer", format!("{self}: {why}")));
        match (named(&self.test.performer), named(&self.test.reviewer)) {
            (None, _) => bad("no performer is named".to_owned()),
            (Some(performer), Some(reviewer)) if same_login(performer, reviewer) => {
                bad(format!("{performer} did and reviewed it"))
            }
            (Some(_), None) if self.as_of >= self.review_late_from() => bad("no reviewer is named".to_owned()),
            (Some(_), _) => None,
        }
    }

    /// Whoever restores into production on purpose has an incident, and the ticket names it. That it was
    /// timed and reviewed is asked of every test.
    pub(super) fn not_isolated(self) -> Option<Ruling> {
        match named(&self.test.env_target) {
            None => {
                let why = "nobody says where it was restored to";
                Some(Ruling::indeterminate("restore-target-unknown", format!("{self}: {why}")))
            }
            Some(target) if target.eq_ignore_ascii_case("production") && named(&self.test.ticket).is_none() => {
                let why = "restored into production, and no ticket names a real recovery";
                Some(Ruling::deviation("restored-into-production", format!("{self}: {why}")))
            }
            Some(_) => None,
        }
    }

    pub(super) fn not_reviewed_in_time(self) -> Option<Ruling> {
        let days = self.policy.review_business_days;
        let last = business_days_after(self.ended(), days);
        let unusable =
            |why: String| Some(Ruling::indeterminate("review-time-unusable", format!("{self}: reviewed {why}")));
        match (named(&self.test.reviewer), self.test.reviewed_at) {
            (None, _) => {
                let seen = format!("{self}: not reviewed yet, due by {last}");
                Some(Ruling { outcome: crate::judge::Outcome::Pending, reason: "review-not-yet-due", seen })
            }
            (Some(who), None) => unusable(format!("by {who}, and nobody says when")),
            (Some(who), Some(at)) if seconds(self.ended(), at).is_none() => {
                unusable(format!("by {who} at {}, before it had ended", day_time(at)))
            }
            (Some(who), Some(at)) if at > self.as_of => {
                unusable(format!("by {who} at {}, later than now", day_time(at)))
            }
            (Some(who), Some(at)) if at >= self.review_late_from() => {
                let why = format!("reviewed by {who} at {}, {days} business days end on {last}", day_time(at));
                Some(Ruling::deviation("review-late", format!("{self}: {why}")))
            }
            (Some(_), Some(_)) => None,
        }
    }

    /// The first instant at which a review is late.
    fn review_late_from(self) -> DateTime<Utc> {
        let last = business_days_after(self.ended(), self.policy.review_business_days);
        last.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, midnight)
    }

    /// From when it could be reviewed.
    fn ended(self) -> DateTime<Utc> {
        self.test.validated.unwrap_or(self.test.started)
    }
}

impl std::fmt::Display for Examined<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "test {} of {}", self.test.id, day_time(self.test.started))
    }
}

/// What a check says that it saw.
#[derive(PartialEq, Eq)]
enum Output {
    Something,
    Nothing,
    Missing,
}

/// `0`, `0 rows`, `0.0`: figures, and none of them other than zero.
fn output(check: &Check) -> Output {
    let Some(actual) = named(&check.actual) else { return Output::Missing };
    let mut digits = actual.chars().filter(char::is_ascii_digit).peekable();
    if digits.peek().is_some() && digits.all(|digit| digit == '0') { Output::Nothing } else { Output::Something }
}

fn measured(took: u64, target: u64, seen: String) -> Measured {
    match took.checked_sub(target) {
        None | Some(0) => Measured::Met(seen),
        Some(by) => Measured::Missed(by, seen),
    }
}

pub(super) fn named(name: &Option<String>) -> Option<&str> {
    name.as_deref().map(str::trim).filter(|name| !name.is_empty())
}

pub(super) fn tighter(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Started seconds count whole, so that nothing is a fraction under its target; `None` if the end is
/// before the start. Tools write fractions of a second and scripts none: within one second nothing is.
pub(super) fn seconds(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<u64> {
    let span = end - start;
    if span < TimeDelta::zero() {
        return (end.timestamp() == start.timestamp()).then_some(0);
    }
    u64::try_from(span.num_seconds() + i64::from(span.subsec_nanos() > 0)).ok()
}
