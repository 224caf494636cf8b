//! When a checkpoint is owed: under clocks that were wrong, and to an anchor that is new.

use super::in_folder;
use super::world::{ORIGIN, World, evidenced};
use crate::support::tsa::Server;
use crate::support::witness::Witness;
use chrono::TimeDelta;
use evidenced::anchor::{AnchorError, Anchors};
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
async fn nothing_is_dated_while_a_record_claims_a_time_to_come() {
    let (world, server) = (World::new(), Server::start());
    let (mut witness, own) = (Witness::new(), world.reader().key().to_string());
    witness.serve(ORIGIN, &own);
    for name in ["share", "other"] {
        std::fs::create_dir(world.dir.path().join(name)).unwrap();
    }
    let text = format!(
        "[anchors.t]\nway = 'rfc3161'\nurl = '{}'\nroot = 'root.pem'\n\
         [anchors.w]\nway = 'witness'\nurl = '{}'\nkey = '{}'\n\
         [anchors.f]\nway = 'folder'\npath = 'share'\n",
        server.url(),
        witness.url(),
        witness.key
    );
    let world = world.anchored(&text);
    std::fs::write(world.dir.path().join("root.pem"), server.authority.pem("root")).unwrap();
    let right = world.clock.now();
    world.run().await;
    for name in ["t", "w"] {
        world.hand_over(name).await.unwrap();
    }
    world.clock.set(right + TimeDelta::hours(1));
    world.run().await;
    world.clock.set(right + TimeDelta::minutes(1));
    let before = world.on_record().len();
    for name in ["t", "w"] {
        let error = world.hand_over(name).await.unwrap_err();
        assert!(matches!(error, AnchorError::NotYet { .. }) && error.is_passing(), "{name}: {error}");
        assert!(error.to_string().contains("the clock was ahead\nhint: it goes on by itself"), "{name}: {error}");
    }
    // Who dates nothing is given it all the same, and a bundle goes without a time-stamp or is not made.
    world.hand_over("f").await.unwrap();
    assert_eq!(world.on_record().len(), before + 1);
    let day = |days| (right + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    let (from, to) = (day(-1), day(2));
    let export = |out: &str, more: &[&str]| {
        let args = ["export", "--from", &from, "--to", &to, "--out", out];
        evidenced(world.dir.path(), &[&args[..], more].concat())
    };
    let (code, said) = export("a.zip", &[]);
    assert!(code == 0 && said.contains("It has NO TIME-STAMP: ") && said.contains("the clock was ahead"), "{said}");
    let (code, said) = export("b.zip", &["--require-timestamp"]);
    assert!(code == 1 && said.contains("the clock was ahead"), "{code}: {said}");
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
async fn an_anchor_that_is_configured_again_is_owed_nothing_for_the_time_that_it_was_not() {
    let world = in_folder(World::new());
    world.run().await;
    world.hand_over("f").await.unwrap();
    let world = world.anchored("");
    world.clock.advance(TimeDelta::hours(1));
    world.run().await;
    world.clock.advance(TimeDelta::days(90));
    let world = world.anchored("[anchors.f]\nway = 'folder'\npath = 'share'\n");
    let runner = world.runner();
    runner.record_config("a test").await.unwrap();
    runner.watch().await.unwrap();
    let holder = world.holder();
    assert!(holder.is_due(world.clock.now()) && !holder.late && told(&world) == 0, "{holder:?}");
    world.clock.advance(TimeDelta::hours(3));
    assert!(world.holder().late, "it is owed from now on");
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
