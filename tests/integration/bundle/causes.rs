//! Causes in bundles: what is found out of a drift after its period is in the bundle of that period, and a cause of
//! what was no drift is found.

use super::archive::Files;
use super::world::{World, exported, january, period};
use super::{check, wrong};
use evidenced::drift::State;
use evidenced::ledger::Filter;
use evidenced::ledger::record::Body;

/// The record with which the control drifted.
fn drifted(world: &World) -> u64 {
    let reader = world.reader();
    let mut found = reader.records(0..u64::MAX, &Filter::kind("transition").control("AVL-001"));
    let drift = found.find_map(|found| {
        let (index, record) = found.unwrap();
        matches!(record.body, Body::Transition { to: State::Deviating, .. }).then_some(index)
    });
    drift.unwrap()
}

#[test]
fn what_is_found_out_of_a_drift_after_the_period_is_in_its_bundle() {
    let world = World::new();
    let drift = drifted(&world);
    let said = world.explain("AVL-001", drift, "2026-02-20T09:00:00Z");
    let out = world.state().join("some.zip");
    exported(&world.runner, &january(&out, &["AVL-001"], &world.key())).unwrap();
    for bundle in [world.bundle_of(period(), "Test Ltd."), out] {
        let report = check(&bundle, true);
        assert!(report.ok(), "{}", wrong(&report));
        let files = Files::read(&bundle);
        let table = String::from_utf8(files.get("data/controls/AVL-001/causes.csv").to_vec()).unwrap();
        assert!(table.contains(&format!("\n{said},{drift},2026-02-20T09:00:00.000Z,tester,Ann,'=the disk")), "{table}");
        let page = String::from_utf8(files.get("data/controls/AVL-001/index.html").to_vec()).unwrap();
        assert!(page.contains(&format!("../../records/{said:012}.json")) && page.contains("every disk was looked at"));
    }
}

#[test]
fn a_cause_of_what_was_no_drift_of_the_control_is_found() {
    for (what, control, before) in [("no change of state", "AVL-001", 1), ("another control", "AVL-002", 0)] {
        let world = World::new();
        let record = drifted(&world) - before;
        world.explain(control, record, "2026-02-20T09:00:00Z");
        let report = check(&world.bundle_of(period(), "Test Ltd."), true);
        let words = format!("names record {record}, with which no drift of {control} began");
        assert!(wrong(&report).contains(&words), "{what}: {}", wrong(&report));
    }
}
