//! The attributes of one store in one quarter, B1 to B9 as auditors list them, for each test of it. The
//! decisions are `store_quarter`'s and `flaw`'s; here they are put beside what they rest on.

use super::examined::{Examined, Measured, named, seconds, tighter};
use super::{Asks, Policy, Quarter, item, not_registered, store_quarter, tests_of};
use crate::judge::attributes::{Attribute, Basis, Part, holder, holds, known};
use crate::judge::gather;
use crate::judge::{Judged, Outcome, Reading, Ruling, day_time};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Fact, Item, Items, RestoreTest, Store};

/// The attribute that gives a reason.
const FLAWS: [(&str, &[&str]); 7] = [
    ("B3", &["not-a-production-backup"]),
    ("B2", &["restore-failed"]),
    ("B4", &["not-validated", "validation-failed", "no-named-checks", "checks-show-nothing", "check-output-missing"]),
    ("B5", &["no-targets", "rto-missed"]),
    ("B6", &["no-targets", "rpo-missed"]),
    ("B7", &["restored-into-production", "restore-target-unknown"]),
    ("B8", &["reviewer-is-performer", "review-late", "review-time-unusable", "review-not-yet-due"]),
];

/// What the judgement of `of` (a store and quarter) rests on; `None` where nothing of it is held.
pub(in crate::judge) fn basis<'a>(
    policy: &Policy,
    readings: &'a [Reading],
    as_of: DateTime<Utc>,
    of: &str,
) -> Option<Basis<'a>> {
    // What is missing or doubled is in the verdict already.
    let held = gather::restores(readings, &mut Vec::new());
    let now = Quarter::of(as_of);
    let last = now.before();
    let quarter = [last.before(), last, now].into_iter().find(|quarter| of.ends_with(&format!(" {quarter}")))?;
    let store = held.stores.iter().copied().find(|store| item(&store.name, quarter) == of);
    let mut tests: Vec<&'a RestoreTest> = held.tests.clone();
    tests.retain(|test| item(&test.store, Quarter::of(test.started)) == of);
    tests.sort_by(|a, b| (a.started, &a.id, &a.read_from).cmp(&(b.started, &b.id, &b.read_from)));
    let Judged { ruling, .. } = match store {
        Some(store) => store_quarter(policy, store, quarter, &tests_of(store, quarter, &held.tests), as_of),
        None => not_registered(&held, quarter).into_iter().find(|judged| judged.item == of)?,
    };
    let name = store.map(|store| store.name.as_str()).or(tests.first().map(|test| test.store.as_str()))?;
    let mut attributes = vec![covered(name, store, &tests, &ruling)];
    attributes[0].reading =
        store.map_or(0, |store| holder(readings, |i| matches!(i, Items::Restores(r) if holds(&r.stores, store))));
    if let Some(store) = store {
        let examined: Vec<_> = tests.iter().map(|test| Examined { policy, store, test, as_of }).collect();
        for mut attribute in of_tests(&examined, policy.asks, &ruling) {
            let id = &attribute.facts.iter().find_map(|fact| match fact {
                Fact::Test { id, .. } => Some(id.clone()),
                _ => None,
            });
            let test = tests.iter().find(|test| Some(&test.id) == id.as_ref());
            attribute.reading =
                test.map_or(0, |test| holder(readings, |i| matches!(i, Items::Restores(r) if holds(&r.tests, *test))));
            attributes.push(attribute);
        }
    }
    Some(Basis { item: Item::Restores { store: name, tests }, attributes })
}

fn covered(name: &str, store: Option<&Store>, tests: &[&RestoreTest], ruling: &Ruling) -> Attribute {
    let register = match store {
        None => "not registered".to_owned(),
        Some(store) if !store.in_scope => "registered as not needing tests".to_owned(),
        Some(store) => format!(
            "registered{}; targets: usable in {} s, data at most {} s old",
            store.since.map(|since| format!(", with data since {since}")).unwrap_or_default(),
            target(store.rto_target_s),
            target(store.rpo_target_s)
        ),
    };
    let decides = matches!(
        ruling.reason,
        "no-restore-test"
            | "not-yet-due"
            | "store-out-of-scope"
            | "store-retired"
            | "store-not-registered"
            | "test-in-the-future"
    );
    let part = if decides { Part::of(ruling.outcome) } else { Part::For };
    let started = tests.iter().map(|test| fact(test, "started"));
    let attribute = Attribute::new("B1", "tested in the quarter", format!("{} test(s); {register}", tests.len()))
        .on([Fact::Store(name.to_owned())])
        .on(started)
        .on([Fact::Policy("grace_days"), Fact::Policy("asks")])
        .part(part)
        .because(decides.then_some(ruling.reason));
    Attribute { decides, ..attribute }
}

fn of_tests(tests: &[Examined<'_>], asks: Asks, ruling: &Ruling) -> Vec<Attribute> {
    let flaws: Vec<Option<Ruling>> = tests.iter().map(|test| flaw(*test, asks)).collect();
    let last_clean = flaws.iter().rposition(Option::is_none);
    let judged = !matches!(ruling.reason, "store-out-of-scope" | "test-in-the-future");
    let mut all = Vec::new();
    for (at, (test, flaw)) in tests.iter().zip(&flaws).enumerate() {
        // Of the objective every test speaks; otherwise the last clean one, or where there is none the last.
        let speaks = asks == Asks::Objective || last_clean.map_or(at + 1 == tests.len(), |clean| at == clean);
        for mut attribute in values(test.store, test.test) {
            let reasons = FLAWS.iter().find(|(key, _)| *key == attribute.key).map_or(&[][..], |(_, reasons)| *reasons);
            let asked =
                judged && !reasons.is_empty() && (asks != Asks::Objective || !matches!(attribute.key, "B7" | "B8"));
            let here = |flaw: &&Ruling| {
                reasons.contains(&flaw.reason) || flaw.reason == "times-unusable" && unusable(*test, attribute.key)
            };
            match flaw.as_ref().filter(here).filter(|_| asked) {
                Some(flaw) => {
                    (attribute.part, attribute.reason) = (Part::of(flaw.outcome), Some(flaw.reason));
                    let speaks = speaks || flaw.outcome != Outcome::Deviation;
                    attribute.decides = speaks && leads_to(flaw, ruling);
                }
                // What comes after the first flaw of the ladder was not looked at any more.
                None if asked && flaw.is_none() => {
                    attribute.part = Part::For;
                    attribute.decides = speaks && ruling.outcome == Outcome::Pass;
                }
                None => {}
            }
            all.push(attribute);
        }
        if let Some(flaw) = flaw.as_ref().filter(|_| judged && asks != Asks::Objective) {
            all.push(followed_up(test.test, flaw, last_clean.is_some_and(|clean| at < clean), ruling));
        }
    }
    all
}

/// What is wrong with one test, for the question that is asked.
fn flaw(test: Examined<'_>, asks: Asks) -> Option<Ruling> {
    if asks != Asks::Objective {
        return test.flaw(asks);
    }
    let of_target = |(reason, measured)| match measured {
        Measured::Met(_) => None,
        Measured::Missed(_, seen) => Some(Ruling::deviation(reason, seen)),
        Measured::NoTarget(what) => Some(Ruling::indeterminate("no-targets", format!("{what} is missing"))),
        Measured::Unusable(why) => Some(Ruling::indeterminate("times-unusable", why)),
    };
    test.shows_nothing()
        .or_else(|| test.targets().into_iter().filter_map(of_target).max_by_key(|r| r.outcome.severity()))
}

/// Whether the judgement's reason is this flaw's, by its own name or by the one that the objective gives it.
fn leads_to(flaw: &Ruling, ruling: &Ruling) -> bool {
    match ruling.reason {
        "targets-unknown" => flaw.reason == "no-targets",
        "recovery-not-shown" => !matches!(flaw.reason, "no-targets" | "times-unusable" | "rto-missed" | "rpo-missed"),
        reason => reason == flaw.reason,
    }
}

/// Whether the target that the attribute is about cannot be measured.
fn unusable(test: Examined<'_>, key: &str) -> bool {
    let [(_, rto), (_, rpo)] = test.targets();
    match key {
        "B5" => matches!(rto, Measured::Unusable(_)),
        "B6" => matches!(rpo, Measured::Unusable(_)),
        _ => false,
    }
}

/// What was seen of one test, in the order of the rules.
fn values(store: &Store, test: &RestoreTest) -> Vec<Attribute> {
    let attribute = |key, what: &str, seen: String, fields: &[&'static str]| {
        let name = format!("{what}: test {} of {}", test.id, day_time(test.started));
        Attribute::new(key, name, seen).on(fields.iter().map(|field| fact(test, field)))
    };
    let checks: Vec<String> = test
        .checks
        .iter()
        .map(|check| {
            let (expected, actual) = (known(check.expected.as_ref()), known(check.actual.as_ref()));
            format!(
                "{}: {} (expected {expected}, seen {actual})",
                check.name,
                if check.ok { "good" } else { "not good" }
            )
        })
        .collect();
    let validation = test.validation.map_or_else(|| "nobody looked".to_owned(), |validation| format!("{validation:?}"));
    let rto = tighter(test.rto_target_s, store.rto_target_s);
    let rpo = tighter(test.rpo_target_s, store.rpo_target_s);
    let took = test.validated.and_then(|usable| seconds(test.started, usable));
    let age = test.recovery_point.and_then(|point| seconds(point, test.started));
    let people = |name: &Option<String>| named(name).unwrap_or("nobody named").to_owned();
    vec![
        attribute("B3", "a backup of production", test.env_source.clone(), &["env_source", "backup_id"]),
        attribute("B2", "restored", format!("{:?}", test.status), &["status"]),
        attribute(
            "B4",
            "validated by named checks",
            format!("{validation}; {}", if checks.is_empty() { "no checks".to_owned() } else { checks.join("; ") }),
            &["validation", "checks"],
        ),
        attribute(
            "B5",
            "usable in time (RTO)",
            format!("usable after {} s, target {} s", known(took), target(rto)),
            &["started", "validated", "rto_target_s"],
        )
        .on([Fact::Store(store.name.clone())]),
        attribute(
            "B6",
            "data recent enough (RPO)",
            format!("data {} s old at the start, target {} s", known(age), target(rpo)),
            &["started", "recovery_point", "rpo_target_s"],
        )
        .on([Fact::Store(store.name.clone())]),
        attribute("B7", "away from production", known(test.env_target.as_ref()), &["env_target", "ticket"]),
        attribute(
            "B8",
            "reviewed by another person",
            format!("done by {}, reviewed by {}", people(&test.performer), people(&test.reviewer)),
            &["performer", "reviewer", "reviewed_at"],
        ),
    ]
}

/// What became of a test that is not clean.
fn followed_up(test: &RestoreTest, flaw: &Ruling, clean_after: bool, ruling: &Ruling) -> Attribute {
    let ticket = match (named(&test.ticket), test.ticket_closed) {
        (None, _) => "no ticket".to_owned(),
        (Some(ticket), true) => format!("ticket {ticket}, closed"),
        (Some(ticket), false) => format!("ticket {ticket}, open"),
    };
    let after = if clean_after { "a clean test after it" } else { "no clean test after it" };
    let name = format!("failure followed up: test {} of {}", test.id, day_time(test.started));
    let good = clean_after && test.ticket_closed;
    let attribute = Attribute::new("B9", name, format!("{}; {ticket}; {after}", flaw.reason))
        .on(["ticket", "ticket_closed"].map(|field| fact(test, field)))
        .part(if good { Part::For } else { Part::Against });
    let reason = if good { "retested-after-failure" } else { "failure-not-followed-up" };
    let decides = ruling.reason == reason;
    Attribute { decides, ..attribute.because(decides.then_some(reason)) }
}

fn fact(test: &RestoreTest, field: &'static str) -> Fact {
    Fact::Test { id: test.id.clone(), field }
}

fn target(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "none".to_owned(), |seconds| seconds.to_string())
}
