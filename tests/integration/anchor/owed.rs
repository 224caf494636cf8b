//! When a checkpoint is owed: under clocks that were wrong, and to an anchor that is new.

use super::in_folder;
use super::world::World;
use chrono::TimeDelta;
use evidenced::anchor::Anchors;
use evidenced::ledger::Filter;
use evidenced::ledger::record::{About, Body};
use evidenced_collectors::contract::clock::Clock;

/// Alerts about an anchor.
fn told(world: &World) -> usize {
    let reader = world.reader();
    let alerts = reader.records(0..u64::MAX, &Filter::kind("alert")).map(|found| found.unwrap().1.body);
    alerts.filter(|body| matches!(body, Body::Alert { about: About::Anchor(_), .. })).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clock_that_was_ahead_a_checkpoint_is_owed_at_once() {
    let world = in_folder(World::new());
    let right = world.clock.now();
    world.run().await;
    world.hand_over("f").await.unwrap();
    world.clock.set(right + TimeDelta::days(400));
    world.run().await;
    world.hand_over("f").await.unwrap();
    // A few minutes apart are no clock that was ahead.
    world.clock.set(right + TimeDelta::days(400) - TimeDelta::minutes(4));
    assert!(!world.holder().is_due(world.clock.now()));

    world.clock.set(right + TimeDelta::hours(2));
    let holder = world.holder();
    assert!(holder.is_due(world.clock.now()) && !holder.late, "{holder:?}");
    // By what it was given before.
    world.clock.set(right + TimeDelta::hours(30));
    let holder = world.holder();
    assert!(holder.late && holder.due == Some(right + TimeDelta::hours(24)), "{holder:?}");
    world.run().await;
    let anchors = Anchors::of(&world.runner());
    anchors.hand_over_due().await.unwrap();
    anchors.hand_over_due().await.unwrap();
    assert_eq!(world.on_record().len(), 3, "once");
    let holder = world.holder();
    assert_eq!((holder.late, holder.since), (false, Some(world.clock.now())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_anchor_is_left_alone_no_longer_for_a_clock_that_is_set_back() {
    let world = in_folder(World::new());
    let right = world.clock.now();
    let (share, gone) = (world.dir.path().join("share"), world.dir.path().join("gone"));
    let anchors = Anchors::of(&world.runner());
    world.clock.set(right + TimeDelta::days(400));
    std::fs::rename(&share, &gone).unwrap();
    anchors.hand_over_due().await.unwrap();
    std::fs::rename(&gone, &share).unwrap();
    anchors.hand_over_due().await.unwrap();
    assert!(world.on_record().is_empty(), "it has just failed");
    world.clock.set(right);
    anchors.hand_over_due().await.unwrap();
    assert_eq!(world.on_record().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_anchor_of_an_old_ledger_is_due_and_not_late() {
    let world = World::new().anchored("");
    world.run().await;
    world.clock.advance(TimeDelta::days(90));
    let world = in_folder(world);
    // Not in force yet: who looks may have another file than the daemon.
    assert!(!world.holder().late);
    std::fs::rename(world.dir.path().join("share"), world.dir.path().join("gone")).unwrap();
    let runner = world.runner();
    runner.record_config("a test").await.unwrap();
    runner.watch().await.unwrap();
    let holder = world.holder();
    assert!(holder.is_due(world.clock.now()) && !holder.late && told(&world) == 0, "{holder:?}");
    // It counts from the configuration that first had it, and not from the newest.
    world.clock.advance(TimeDelta::minutes(90));
    let text = "organization = 'Test'";
    let loaded = std::fs::read_to_string(world.config()).unwrap().replace(text, "organization = 'Test Ltd'");
    let loaded = evidenced::config::parse(&world.config(), &loaded).unwrap();
    let ledger = runner.ledger().clone();
    let other = evidenced::run::Runner::new(loaded, ledger, world.clock.clone());
    other.record_config("a test").await.unwrap();
    world.clock.advance(TimeDelta::minutes(60));
    other.watch().await.unwrap();
    assert!(world.holder().late);
    assert_eq!(told(&world), 1, "nobody has given it one for longer than is good");
}
