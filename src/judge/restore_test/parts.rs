//! What each attribute of a store's tests did to the answer: which counted, which stood against it, and
//! which of them the reason comes from. The decisions are the judge's; here its functions are asked again.

use super::Asks;
use super::examined::{Examined, Measured};
use crate::judge::attributes::Part;
use crate::judge::{Outcome, Ruling};

/// The attributes of one test, in the order in which they are shown.
pub(super) const KEYS: [&str; 7] = ["B3", "B2", "B4", "B5", "B6", "B7", "B8"];

/// What one attribute did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Did {
    pub(super) part: Part,
    pub(super) reason: Option<&'static str>,
    pub(super) decides: bool,
}

impl Did {
    pub(super) const ASIDE: Self = Self { part: Part::Aside, reason: None, decides: false };
    const GOOD: Self = Self { part: Part::For, reason: None, decides: false };

    fn because(part: Part, reason: &'static str) -> Self {
        Self { part, reason: Some(reason), decides: false }
    }

    fn deciding(self, decides: bool) -> Self {
        Self { decides, ..self }
    }
}

/// What the attributes of one test did.
pub(super) struct Parts {
    /// By `KEYS`.
    pub(super) values: [Did; KEYS.len()],
    /// Where something was to be followed up: what is wrong, whether a clean test came after it, and what
    /// that did.
    pub(super) followed_up: Option<(&'static str, bool, Did)>,
}

/// Of every test of the store and quarter, oldest first.
pub(super) fn parts(tests: &[Examined<'_>], asks: Asks, ruling: &Ruling) -> Vec<Parts> {
    if matches!(ruling.reason, "store-out-of-scope" | "test-in-the-future") {
        return tests.iter().map(|_| Parts { values: [Did::ASIDE; KEYS.len()], followed_up: None }).collect();
    }
    match asks {
        Asks::Objective => of_objective(tests, ruling),
        Asks::Both | Asks::Operated => of_operation(tests, asks, ruling),
    }
}

fn of_operation(tests: &[Examined<'_>], asks: Asks, ruling: &Ruling) -> Vec<Parts> {
    let flaws: Vec<Option<Ruling>> = tests.iter().map(|test| test.flaw(asks)).collect();
    let last_clean = flaws.iter().rposition(Option::is_none);
    let last_decided = flaws.iter().rposition(|flaw| !pending(flaw.as_ref()));
    let of = |(at, (test, flaw)): (usize, (&Examined<'_>, &Option<Ruling>))| {
        let flaw = flaw.as_ref();
        let clean_after = last_clean.is_some_and(|clean| at < clean);
        // Without a clean test the last one speaks that can; with one, whatever is not followed up.
        let speaks = match flaw {
            None => last_clean == Some(at) && ruling.outcome == Outcome::Pass,
            Some(flaw) if last_clean.is_none() && flaw.outcome != Outcome::Pending => {
                last_decided == Some(at) && flaw.reason == ruling.reason
            }
            Some(flaw) => !(clean_after && test.test.ticket_closed) && flaw.reason == ruling.reason,
        };
        let did = |key| {
            let did = in_ladder(*test, flaw, key);
            did.deciding(speaks && flaw.is_none_or(|flaw| gives(*test, flaw.reason, key)))
        };
        Parts { values: KEYS.map(did), followed_up: followed_up(*test, flaw, clean_after, speaks, ruling) }
    };
    tests.iter().zip(&flaws).enumerate().map(of).collect()
}

fn pending(flaw: Option<&Ruling>) -> bool {
    flaw.is_some_and(|flaw| flaw.outcome == Outcome::Pending)
}

/// One attribute of a test with that flaw. What comes after the flaw in the ladder was not looked at.
fn in_ladder(test: Examined<'_>, flaw: Option<&Ruling>, key: &str) -> Did {
    let missed = target(test, key).and_then(|(_, measured)| match measured {
        Measured::Missed(..) => Some("target-missed-followed-up"),
        Measured::Met(_) | Measured::NoTarget(_) | Measured::Unusable(_) => None,
    });
    let good = missed.map_or(Did::GOOD, |reason| Did::because(Part::For, reason));
    let Some(flaw) = flaw else { return good };
    if gives(test, flaw.reason, key) {
        return Did::because(Part::of(flaw.outcome), flaw.reason);
    }
    let stage = stage(flaw.reason);
    if stage == LATER {
        // These are looked at side by side, and the worst speaks.
        let own = match key {
            "B4" => test.nothing_shown(),
            "B7" => test.not_isolated(),
            "B8" => test.not_reviewed_in_time(),
            _ => None,
        };
        return own.map_or(good, |own| Did::because(Part::of(own.outcome), own.reason));
    }
    let time_was_good = key == "B5" && matches!(flaw.reason, "rpo-missed" | "times-unusable");
    if last_stage(key) < stage || time_was_good { good } else { Did::ASIDE }
}

/// The last stage, whose rules are all looked at.
const LATER: u8 = 5;

/// Where in the ladder a test's reason stands.
fn stage(reason: &str) -> u8 {
    match reason {
        "not-a-production-backup" => 0,
        "restore-failed" => 1,
        "not-validated" | "validation-failed" | "no-named-checks" => 2,
        "no-targets" | "rto-missed" | "rpo-missed" | "times-unusable" => 3,
        "reviewer-is-performer" => 4,
        _ => LATER,
    }
}

/// Where in the ladder an attribute is looked at for the last time.
fn last_stage(key: &str) -> u8 {
    match key {
        "B3" => 0,
        "B2" => 1,
        "B5" | "B6" => 3,
        _ => LATER,
    }
}

/// Whether a test's reason comes from the attribute.
fn gives(test: Examined<'_>, reason: &str, key: &str) -> bool {
    match reason {
        "not-a-production-backup" => key == "B3",
        "restore-failed" => key == "B2",
        "not-validated" | "validation-failed" | "no-named-checks" | "checks-show-nothing" | "check-output-missing" => {
            key == "B4"
        }
        "no-targets" => matches!(target(test, key), Some((_, Measured::NoTarget(_)))),
        "times-unusable" => matches!(target(test, key), Some((_, Measured::Unusable(_)))),
        "rto-missed" => key == "B5",
        "rpo-missed" => key == "B6",
        "restored-into-production" | "restore-target-unknown" => key == "B7",
        "reviewer-is-performer" | "review-late" | "review-time-unusable" | "review-not-yet-due" => key == "B8",
        _ => false,
    }
}

/// The target that the attribute is about, with the reason that missing it is.
fn target(test: Examined<'_>, key: &str) -> Option<(&'static str, Measured)> {
    let [rto, rpo] = test.targets();
    match key {
        "B5" => Some(rto),
        "B6" => Some(rpo),
        _ => None,
    }
}

fn followed_up(
    test: Examined<'_>,
    flaw: Option<&Ruling>,
    clean_after: bool,
    speaks: bool,
    ruling: &Ruling,
) -> Option<(&'static str, bool, Did)> {
    let good = clean_after && test.test.ticket_closed;
    let Some(flaw) = flaw else {
        // Only where operation alone is asked for, a test that missed a target is clean.
        let (reason, ..) = test.missed()?;
        let did = Did::because(Part::For, "target-missed-followed-up");
        return Some((reason, clean_after, did.deciding(speaks && did.reason == Some(ruling.reason))));
    };
    let did = match flaw.outcome {
        // Nobody waits for its review any more; otherwise it is no failure yet.
        Outcome::Pending if good => Did::GOOD,
        Outcome::Pending => return None,
        _ if good => Did::because(Part::For, "retested-after-failure"),
        Outcome::Deviation => Did::because(Part::Against, "failure-not-followed-up"),
        _ => Did { part: Part::Open, ..Did::ASIDE },
    };
    Some((flaw.reason, clean_after, did.deciding(did.reason == Some(ruling.reason))))
}

/// The objective is measured by every test that shows a recovery; one that shows none measures nothing, and
/// leaves it open if it is the last, or if nobody knows what it would have shown.
fn of_objective(tests: &[Examined<'_>], ruling: &Ruling) -> Vec<Parts> {
    let shown = |test: &Examined<'_>| test.shows_nothing().is_none();
    let unmeasured = |test: &Examined<'_>| {
        test.targets().iter().any(|(_, m)| matches!(m, Measured::NoTarget(_) | Measured::Unusable(_)))
    };
    let unlooked = |test: &Examined<'_>| !shown(test) && !test.known_to_show_nothing();
    let speaker = match ruling.reason {
        "recovery-not-shown" => tests.iter().rposition(unlooked).or(tests.len().checked_sub(1)),
        "targets-unknown" | "times-unusable" => tests.iter().rposition(|test| shown(test) && unmeasured(test)),
        _ => tests.iter().rposition(|test| shown(test) && test.missed().is_some()),
    };
    let of = |(at, test): (usize, &Examined<'_>)| {
        let speaks = speaker == Some(at);
        let did = |key| match test.shows_nothing() {
            Some(flaw) => shown_nothing(*test, &flaw, key, speaks && ruling.reason == "recovery-not-shown"),
            None => measured(*test, key, speaks, ruling),
        };
        Parts { values: KEYS.map(did), followed_up: None }
    };
    tests.iter().enumerate().map(of).collect()
}

fn shown_nothing(test: Examined<'_>, flaw: &Ruling, key: &str, speaks: bool) -> Did {
    if gives(test, flaw.reason, key) {
        let open = speaks || !test.known_to_show_nothing();
        return Did::because(if open { Part::Open } else { Part::Aside }, flaw.reason).deciding(speaks);
    }
    if last_stage(key) < stage(flaw.reason).min(2) { Did::GOOD } else { Did::ASIDE }
}

fn measured(test: Examined<'_>, key: &str, speaks: bool, ruling: &Ruling) -> Did {
    let did = match target(test, key) {
        _ if matches!(key, "B7" | "B8") => return Did::ASIDE,
        None | Some((_, Measured::Met(_))) => return Did::GOOD.deciding(ruling.outcome == Outcome::Pass),
        Some((reason, Measured::Missed(..))) => Did::because(Part::Against, reason),
        Some((_, Measured::NoTarget(_))) => Did::because(Part::Open, "targets-unknown"),
        Some((_, Measured::Unusable(_))) => Did::because(Part::Open, "times-unusable"),
    };
    did.deciding(speaks && did.reason == Some(ruling.reason))
}
