//! The attributes of one store in one quarter, B1 to B9 as auditors list them, for each test of it: what
//! was seen, and what it rests on. What each of them did is `parts`.

use super::examined::{Examined, named, seconds, tighter};
use super::parts::{Did, KEYS, Parts, parts};
use super::{Policy, Quarter, item, not_registered, store_quarter, tests_of};
use crate::judge::attributes::{Attribute, Basis, Part, holder, holds, known};
use crate::judge::gather::{self, HeldRestores};
use crate::judge::{Reading, Ruling, day_time};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Fact, Item, Items, RestoreTest, Store};

/// What the judgement of `of` (a store and quarter) rests on, once for each time that the store is held.
pub(in crate::judge) fn bases<'a>(
    policy: &Policy,
    readings: &'a [Reading],
    as_of: DateTime<Utc>,
    of: &str,
) -> Vec<Basis<'a>> {
    // What is missing or doubled is in the verdict already.
    let held = gather::restores(readings, &mut Vec::new());
    let now = Quarter::of(as_of);
    let last = now.before();
    let quarters = [last.before(), last, now];
    let Some(quarter) = quarters.into_iter().find(|quarter| of.ends_with(&format!(" {quarter}"))) else {
        return Vec::new();
    };
    let stores: Vec<&Store> = held.stores.iter().copied().filter(|store| item(&store.name, quarter) == of).collect();
    if stores.is_empty() {
        return unregistered(&held, quarter, of).into_iter().collect();
    }
    stores.into_iter().map(|store| registered(policy, readings, as_of, &held, store, quarter)).collect()
}

fn registered<'a>(
    policy: &Policy,
    readings: &'a [Reading],
    as_of: DateTime<Utc>,
    held: &HeldRestores<'a>,
    store: &'a Store,
    quarter: Quarter,
) -> Basis<'a> {
    let tests = tests_of(store, quarter, &held.tests);
    let ruling = store_quarter(policy, store, quarter, &tests, as_of).ruling;
    let mut covered = covered(&store.name, Some(store), &tests, &ruling);
    covered.reading = holder(readings, |items| matches!(items, Items::Restores(r) if holds(&r.stores, store)));
    let mut attributes = vec![covered];
    let examined: Vec<_> = tests.iter().map(|test| Examined { policy, store, test, as_of }).collect();
    for (test, parts) in tests.iter().zip(parts(&examined, policy.asks, &ruling)) {
        let reading = holder(readings, |items| matches!(items, Items::Restores(r) if holds(&r.tests, *test)));
        attributes.extend(of_test(store, test, &parts).into_iter().map(|attribute| Attribute { reading, ..attribute }));
    }
    Basis { item: Item::Restores { store: &store.name, tests }, attributes }
}

fn unregistered<'a>(held: &HeldRestores<'a>, quarter: Quarter, of: &str) -> Option<Basis<'a>> {
    let ruling = not_registered(held, quarter).into_iter().find(|judged| judged.item == of)?.ruling;
    let mut tests: Vec<&'a RestoreTest> = held.tests.clone();
    tests.retain(|test| item(&test.store, Quarter::of(test.started)) == of);
    tests.sort_by(|a, b| (a.started, &a.id, &a.read_from).cmp(&(b.started, &b.id, &b.read_from)));
    let name = tests.first()?.store.as_str();
    let attributes = vec![covered(name, None, &tests, &ruling)];
    Some(Basis { item: Item::Restores { store: name, tests }, attributes })
}

/// What the register says, and what there is. It decides whatever is decided without looking at a test.
fn covered(name: &str, store: Option<&Store>, tests: &[&RestoreTest], ruling: &Ruling) -> Attribute {
    let register = store.map_or_else(|| "not registered".to_owned(), in_register);
    let decides = tests.is_empty()
        || matches!(ruling.reason, "store-out-of-scope" | "store-not-registered" | "test-in-the-future");
    let attribute = Attribute::new("B1", "tested in the quarter", format!("{} test(s); {register}", tests.len()))
        .on([Fact::Store(name.to_owned())])
        .on(tests.iter().flat_map(|test| ["started", "validated"].map(|field| fact(test, field))))
        .on([Fact::Policy("grace_days"), Fact::Policy("asks")])
        .part(if decides { Part::of(ruling.outcome) } else { Part::For })
        .because(decides.then_some(ruling.reason));
    Attribute { decides, ..attribute }
}

fn in_register(store: &Store) -> String {
    let why = || store.reason.as_deref().unwrap_or("no reason is given");
    let mut said = if store.in_scope { "registered".to_owned() } else { format!("needs no tests: {}", why()) };
    if let Some(since) = store.since {
        said.push_str(&format!(", with data since {since}"));
    }
    if let Some(on) = store.retired {
        said.push_str(&format!(", retired on {on}: {}", why()));
    }
    let (rto, rpo) = (target(store.rto_target_s), target(store.rpo_target_s));
    format!("{said}; targets: usable in {rto} s, data at most {rpo} s old")
}

fn of_test(store: &Store, test: &RestoreTest, parts: &Parts) -> Vec<Attribute> {
    let values = KEYS.iter().zip(parts.values).map(|(key, did)| with(value(key, store, test), did));
    let followed_up = parts.followed_up.map(|(wrong, after, did)| with(followed_up(test, wrong, after), did));
    values.chain(followed_up).collect()
}

fn with(attribute: Attribute, Did { part, reason, decides }: Did) -> Attribute {
    Attribute { decides, ..attribute.part(part).because(reason) }
}

/// What was seen of one test.
fn value(key: &'static str, store: &Store, test: &RestoreTest) -> Attribute {
    let people = |name: &Option<String>| named(name).unwrap_or("nobody named").to_owned();
    let (what, seen, fields): (&str, String, &[&'static str]) = match key {
        "B3" => ("a backup of production", test.env_source.clone(), &["env_source", "backup_id"]),
        "B2" => ("restored", format!("{:?}", test.status), &["status"]),
        "B4" => ("validated by named checks", checked(test), &["validation", "checks"]),
        "B5" => {
            let target = target(tighter(test.rto_target_s, store.rto_target_s));
            let took = test.validated.and_then(|usable| seconds(test.started, usable));
            let seen = format!("usable after {} s, target {target} s", known(took));
            ("usable in time (RTO)", seen, &["started", "validated", "rto_target_s"])
        }
        "B6" => {
            let target = target(tighter(test.rpo_target_s, store.rpo_target_s));
            let age = test.recovery_point.and_then(|point| seconds(point, test.started));
            let seen = format!("data {} s old at the start, target {target} s", known(age));
            ("data recent enough (RPO)", seen, &["started", "recovery_point", "rpo_target_s"])
        }
        "B7" => {
            let incident = named(&test.ticket).map(|ticket| format!("; ticket {ticket}")).unwrap_or_default();
            let seen = format!("{}{incident}", known(test.env_target.as_ref()));
            ("away from production", seen, &["env_target", "ticket"])
        }
        _ => {
            let (performer, reviewer) = (people(&test.performer), people(&test.reviewer));
            let at = known(test.reviewed_at.map(day_time));
            let seen = format!("done by {performer}, reviewed by {reviewer}, at {at}");
            ("reviewed by another person", seen, &["performer", "reviewer", "reviewed_at", "validated"])
        }
    };
    let attribute = Attribute::new(key, of(what, test), seen).on(fields.iter().map(|field| fact(test, field)));
    match key {
        "B5" | "B6" => attribute.on([Fact::Store(store.name.clone())]),
        "B8" => attribute.on([Fact::Policy("review_business_days")]),
        _ => attribute,
    }
}

fn of(what: &str, test: &RestoreTest) -> String {
    format!("{what}: test {} of {}", test.id, day_time(test.started))
}

fn checked(test: &RestoreTest) -> String {
    let checks = test.checks.iter().map(|check| {
        let (expected, actual) = (known(check.expected.as_ref()), known(check.actual.as_ref()));
        let good = if check.ok { "good" } else { "not good" };
        format!("{}: {good} (expected {expected}, seen {actual})", check.name)
    });
    let checks: Vec<String> = checks.collect();
    let validation = test.validation.map_or_else(|| "nobody looked".to_owned(), |validation| format!("{validation:?}"));
    format!("{validation}; {}", if checks.is_empty() { "no checks".to_owned() } else { checks.join("; ") })
}

/// What became of a test that is not clean, or missed a target.
fn followed_up(test: &RestoreTest, wrong: &str, clean_after: bool) -> Attribute {
    let closed = if test.ticket_closed { "closed" } else { "open" };
    let ticket = match (named(&test.ticket), test.ticket_closed) {
        (Some(ticket), _) => format!("ticket {ticket}, {closed}"),
        (None, true) => "a ticket without a name, closed".to_owned(),
        (None, false) => "no ticket".to_owned(),
    };
    let after = if clean_after { "a clean test after it" } else { "no clean test after it" };
    Attribute::new("B9", of("followed up", test), format!("{wrong}; {ticket}; {after}"))
        .on(["ticket", "ticket_closed"].map(|field| fact(test, field)))
}

fn fact(test: &RestoreTest, field: &'static str) -> Fact {
    Fact::Test { id: test.id.clone(), field }
}

fn target(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "none".to_owned(), |seconds| seconds.to_string())
}
