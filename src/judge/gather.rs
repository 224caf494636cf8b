//! One list of items out of many readings: of the same item the newest reading counts, and
//! everything that is missing, doubled or of the wrong type becomes an `Unread`.

use super::{Reading, Takes};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{AuditLog, Change, Items, Principal, RestoreTest, Store, Unread, Vulnerability};
use std::collections::{BTreeMap, BTreeSet};

/// One item and when it was read.
pub(super) struct Held<'a, T> {
    pub(super) item: &'a T,
    pub(super) as_of: DateTime<Utc>,
}

/// Stores, and tests of restoring them, of every reading.
pub(super) struct HeldRestores<'a> {
    pub(super) stores: Vec<&'a Store>,
    pub(super) tests: Vec<&'a RestoreTest>,
}

/// What the readings themselves say was not read, and what they lack.
pub(super) fn not_read(takes: Takes, readings: &[Reading]) -> Vec<Unread> {
    let mut unread: Vec<Unread> = readings.iter().flat_map(|reading| reading.unread.clone()).collect();
    let mut add = |what: &str, why: String, hint: &str| {
        unread.push(Unread { what: what.to_owned(), why, permission: None, hint: Some(hint.to_owned()) });
    };
    if readings.is_empty() {
        add("evidence", "no evidence".to_owned(), "run the collectors of this control");
    }
    for reading in readings {
        match &reading.items {
            None if reading.unread.is_empty() => {
                add(&format!("collector {}", reading.collector), "no evidence".to_owned(), "look at its newest run");
            }
            Some(items) if Takes::of(items) != takes => add(
                &format!("collector {}", reading.collector),
                format!("it holds {}, but the test takes {}", Takes::of(items), takes),
                "name a collector of another kind, or another test, in the control",
            ),
            _ => {}
        }
    }
    unread
}

/// Changes by id.
pub(super) fn changes<'a>(readings: &'a [Reading], unread: &mut Vec<Unread>) -> Vec<Held<'a, Change>> {
    let list = |items: &'a Items| match items {
        Items::Changes(list) => Some(list.as_slice()),
        _ => None,
    };
    newest(readings, list, |change| change.id.clone(), unread)
}

/// Principals by id.
pub(super) fn principals<'a>(readings: &'a [Reading], unread: &mut Vec<Unread>) -> Vec<Held<'a, Principal>> {
    let list = |items: &'a Items| match items {
        Items::Principals(list) => Some(list.as_slice()),
        _ => None,
    };
    newest(readings, list, |principal| principal.id.clone(), unread)
}

/// Places and what was found there, by id.
pub(super) fn vulnerabilities<'a>(readings: &'a [Reading], unread: &mut Vec<Unread>) -> Vec<Held<'a, Vulnerability>> {
    let list = |items: &'a Items| match items {
        Items::Vulnerabilities(list) => Some(list.as_slice()),
        _ => None,
    };
    newest(readings, list, |item| item.id.clone(), unread)
}

/// Regions and accounts by id.
pub(super) fn audit_logs<'a>(readings: &'a [Reading], unread: &mut Vec<Unread>) -> Vec<Held<'a, AuditLog>> {
    let list = |items: &'a Items| match items {
        Items::AuditLogs(list) => Some(list.as_slice()),
        _ => None,
    };
    newest(readings, list, |item| item.id.clone(), unread)
}

/// Stores by name, tests by store and id, of each collector apart: what two of them call by one id may be two tests, and
/// a good one must not stand for one that failed.
pub(super) fn restores<'a>(readings: &'a [Reading], unread: &mut Vec<Unread>) -> HeldRestores<'a> {
    let restores = |items: &'a Items| match items {
        Items::Restores(restores) => Some(restores),
        _ => None,
    };
    let collectors: BTreeSet<&str> = readings.iter().map(|reading| reading.collector.as_str()).collect();
    let mut held = HeldRestores { stores: Vec::new(), tests: Vec::new() };
    for collector in collectors {
        let own = || readings.iter().filter(|reading| reading.collector == collector);
        let stores = newest(
            own(),
            |items| restores(items).map(|r| r.stores.as_slice()),
            |store| format!("store {}", store.name),
            unread,
        );
        let tests = newest(
            own(),
            |items| restores(items).map(|r| r.tests.as_slice()),
            |test| format!("test {} of store {}", test.id, test.store),
            unread,
        );
        held.stores.extend(stores.into_iter().map(|held| held.item));
        held.tests.extend(tests.into_iter().map(|held| held.item));
    }
    held
}

/// Of each key the items of the newest reading: several where readings of one instant, or one
/// reading, hold several. All of them are judged, and the worst counts.
fn newest<'a, T: 'a>(
    readings: impl IntoIterator<Item = &'a Reading>,
    list: impl Fn(&'a Items) -> Option<&'a [T]>,
    key: impl Fn(&T) -> String,
    unread: &mut Vec<Unread>,
) -> Vec<Held<'a, T>> {
    let mut by_key: BTreeMap<String, Vec<Held<'a, T>>> = BTreeMap::new();
    for reading in readings {
        let mut seen = BTreeSet::new();
        for item in reading.items.as_ref().and_then(&list).unwrap_or_default() {
            let key = key(item);
            if !seen.insert(key.clone()) {
                unread.push(Unread {
                    what: key.clone(),
                    why: format!("duplicate item in one reading of collector {}", reading.collector),
                    permission: None,
                    hint: Some("look at the sealed exchanges: a key must name one item".to_owned()),
                });
            }
            let held = by_key.entry(key).or_default();
            if held.first().is_some_and(|h| h.as_of < reading.as_of) {
                held.clear();
            }
            if held.first().is_none_or(|h| h.as_of == reading.as_of) {
                held.push(Held { item, as_of: reading.as_of });
            }
        }
    }
    by_key.into_values().flatten().collect()
}
