//! What one run tells the next: tests that go or say something else are noticed, also those of a run that was not whole.

use super::{line_with, only};
use crate::backup_restores::seen::Seen;
use crate::contract::{RestoreTest, carry};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn seen_of(tests: &[RestoreTest]) -> Seen {
    Seen::new(BTreeMap::new(), tests)
}

#[test]
fn tests_that_vanish_and_failures_that_turn_good_are_noticed() {
    let test = |changes| only(&line_with(changes)).unwrap();
    let before = vec![
        test(json!({ "test_id": "kept" })),
        test(json!({ "test_id": "failed", "validation": "FAILED" })),
        test(json!({ "test_id": "gone" })),
    ];
    let now = vec![test(json!({ "test_id": "kept" })), test(json!({ "test_id": "failed" }))];
    let carry = carry::write(&seen_of(&before)).unwrap();
    let seen: Seen = carry::read(Some(&carry)).unwrap();

    let faults = seen.contradicted_by(&seen_of(&now), None);
    let whats: Vec<_> = faults.iter().map(|fault| fault.what.as_str()).collect();
    assert_eq!(whats, ["test failed", "test gone"]);
    assert!(faults[1].why.contains("gone") && faults[1].hint.as_ref().unwrap().contains("archived_before"));

    assert!(seen.contradicted_by(&seen_of(&before), None).is_empty());
    let archived = seen.contradicted_by(&seen_of(&before[..2]), Some("2026-03-01T00:00:00Z".parse().unwrap()));
    assert!(archived.is_empty());
    let newer = seen.contradicted_by(&seen_of(&before[..2]), Some("2026-02-10T02:00:00Z".parse().unwrap()));
    assert_eq!(newer.len(), 1, "archived_before is exclusive");
    let others = carry::read::<Seen>(Some(&json!({ "lists": {} }))).err().expect("what is not ours is no first run");
    assert!(others.to_string().contains("of another kind before, give the new one another name"), "{others}");

    let moved = test(json!({ "test_id": "kept", "started": "2026-02-10T01:59:59Z" }));
    let faults = seen.contradicted_by(&seen_of(&[&[moved], &before[1..]].concat()), None);
    assert_eq!((faults.len(), faults[0].what.as_str()), (1, "test kept"), "it may count for another quarter now");
    assert!(faults[0].why.contains("started was"), "{:?}", faults[0]);
}

#[test]
fn when_half_of_the_tests_or_all_of_them_are_gone_each_is_named_up_to_a_hundred() {
    let test = |number: usize| only(&line_with(json!({ "test_id": format!("t-{number:03}") }))).unwrap();
    let before: Vec<_> = (0..240).map(test).collect();
    let seen = seen_of(&before);
    let half: Vec<_> = before.iter().filter(|test| test.id.ends_with(['0', '2', '4', '6', '8'])).cloned().collect();
    let faults = seen.contradicted_by(&seen_of(&half), None);
    assert_eq!(faults.len(), 101);
    assert_eq!((faults[0].what.as_str(), faults[99].what.as_str()), ("test t-001", "test t-199"));
    assert_eq!(faults[100].why, "20 more like the ones named");
    let all = seen.contradicted_by(&seen_of(&[]), None);
    assert_eq!(all[100].why, "140 more like the ones named");
    assert_eq!(seen_of(&before[..40]).contradicted_by(&seen_of(&[]), None).len(), 40);
}

#[test]
fn what_a_test_said_once_may_be_filled_in_and_not_be_changed() {
    let full = json!({
        "backup_id": "b-1", "rto_target_s": 14400, "rpo_target_s": 3600, "env_target": "isolated", "tool": "pg_restore",
        "performer": "sam", "reviewer": "lena", "reviewed_at": "2026-02-11T09:00:00Z", "ticket": "OPS-1",
        "ticket_closed": true,
    });
    let test = |changes: &[(&str, Value)]| {
        let mut all = full.clone();
        for (key, value) in changes {
            all[*key] = value.clone();
        }
        only(&line_with(all)).unwrap()
    };
    let said = |then: RestoreTest, now: RestoreTest| {
        let faults = seen_of(&[then]).contradicted_by(&seen_of(&[now]), None);
        faults.into_iter().map(|fault| fault.why).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said(test(&[]), test(&[])), "");
    assert_eq!(said(test(&[]), RestoreTest { read_from: "archive.jsonl line 9".into(), ..test(&[]) }), "", "it moved");

    let mut tried = Vec::new();
    for (key, otherwise) in [
        ("store", json!("files")),
        ("started", json!("2026-02-10T02:00:01Z")),
        ("status", json!("FAILED")),
        ("validation", json!("FAILED")),
        ("env_source", json!("staging")),
        ("restored", json!("2026-02-10T02:40:01Z")),
        ("validated", json!("2026-02-10T03:00:01Z")),
        ("recovery_point", json!("2026-02-10T01:00:01Z")),
        ("backup_id", json!("b-2")),
        ("rto_target_s", json!(14401)),
        ("rpo_target_s", json!(3601)),
        ("env_target", json!("production")),
        ("tool", json!("pg_restore 16")),
        ("performer", json!("max")),
        ("reviewer", json!("ann")),
        ("reviewed_at", json!("2026-02-11T09:00:01Z")),
        ("ticket", json!("OPS-2")),
        ("ticket_closed", json!(false)),
        ("checks", json!([{ "name": "rows", "expected": ">= 100", "actual": 121, "ok": true }])),
    ] {
        let changed = [(key, otherwise)];
        for (then, now) in [(&[][..], &changed[..]), (&changed[..], &[][..])] {
            // That a follow-up is closed was left open before.
            let filled_in = key == "ticket_closed" && !then.is_empty();
            let why = said(test(then), test(now));
            let named = why.starts_with("is not what was read before: ") && why.contains(key);
            assert_eq!(named, !filled_in, "{key}: {why}");
        }
        tried.push(key);
    }
    // What is new in a test belongs here.
    let fields = serde_json::to_value(test(&[])).unwrap();
    let all = fields.as_object().unwrap().keys().filter(|key| !["id", "read_from"].contains(&key.as_str()));
    assert_eq!(all.count(), tried.len());

    let why = said(test(&[("env_source", json!("staging"))]), test(&[]));
    assert_eq!(why, "is not what was read before: env_source was \"staging\", is \"production\"");
    let long = said(test(&[("performer", json!("x".repeat(500)))]), test(&[]));
    assert!(long.len() < 200 && long.contains('…'), "{long}");
}

#[test]
fn what_was_left_open_is_filled_in_without_a_word_but_no_target_and_no_check_of_a_validation_that_ended() {
    let known = |then: Value, now: Value| {
        let (then, now) = (only(&line_with(then)).unwrap(), only(&line_with(now)).unwrap());
        let faults = seen_of(&[then]).contradicted_by(&seen_of(&[now]), None);
        faults.first().map_or_else(String::new, |fault| fault.why.clone())
    };
    let open = json!({ "validation": null, "validated": null, "restored": null, "checks": null });
    let reviewed = json!({ "reviewer": "lena", "reviewed_at": "2026-02-11T09:00:00Z", "ticket": "OPS-1",
        "ticket_closed": true, "performer": "sam", "env_target": "isolated", "backup_id": "b-1" });
    let all = line_with(reviewed.clone());
    assert_eq!(known(open, serde_json::from_str(&all).unwrap()), "");
    assert_eq!(known(json!({ "validation": "VALIDATING", "validated": null }), json!({})), "");
    assert!(known(reviewed, json!({})).contains("reviewer was \"lena\", is null"));

    let target = known(json!({}), json!({ "rto_target_s": 999_999 }));
    assert!(target.contains("rto_target_s was null, is 999999"), "the store's own target held: {target}");
    let rows = json!({ "name": "rows", "expected": ">= 100", "actual": 120, "ok": true });
    let more = json!([rows, { "name": "sum", "actual": 7, "ok": true }]);
    let settled = known(json!({}), json!({ "checks": more }));
    assert!(settled.contains("sum") && settled.contains("came on top"), "{settled}");
    let going_on = json!({ "validation": null, "validated": null });
    assert_eq!(known(going_on, json!({ "checks": more })), "", "its validation had not ended");
}

#[test]
fn a_run_that_was_not_whole_forgets_nothing_and_believes_nothing_that_was_rewritten() {
    let test = |changes| only(&line_with(changes)).unwrap();
    let stores = |names: &[&str]| {
        let store = |name: &&str| (name.to_string(), serde_json::from_value(json!({ "name": name })).unwrap());
        names.iter().map(store).collect::<BTreeMap<_, _>>()
    };
    let bad = test(json!({ "test_id": "bad", "validation": "FAILED" }));
    let open = test(json!({ "test_id": "open" }));
    let gone = test(json!({ "test_id": "gone" }));
    let first = Seen::new(stores(&["orders-db", "old-db"]), &[bad.clone(), open, gone.clone()]);
    let reviewed = test(json!({ "test_id": "open", "reviewer": "lena", "reviewed_at": "2026-02-11T09:00:00Z" }));
    let new = test(json!({ "test_id": "new", "status": "FAILED", "validation": null }));
    let unknown = test(json!({ "test_id": "unknown", "store": "ordres-db" }));
    let now = [test(json!({ "test_id": "bad" })), reviewed.clone(), new.clone(), unknown];
    let union = Seen::new(stores(&["orders-db"]), &now).with(first);

    let expected = Seen::new(stores(&["orders-db", "old-db"]), &[bad, reviewed, new, gone]);
    assert_eq!(carry::write(&union).unwrap(), carry::write(&expected).unwrap());
}
