//! Two ledgers of one log that both go on, and an anchor that could not be asked at first: found out while they run, and
//! not only at the next start.

use super::world::World;
use super::{in_folder, in_git, restored_while_the_folder_is_away};
use chrono::TimeDelta;
use evidenced::anchor::{AnchorError, Anchors};
use evidenced::config::parse;
use evidenced::ledger::Ledger;
use evidenced::ledger::record::Trigger;
use evidenced::run::Runner;
use std::sync::Arc;
use tokio::sync::watch;

/// Over the copy of the state directory in `twin`, as another machine would have it.
fn twin(world: &World) -> Arc<Runner> {
    world.copy("state", "twin");
    let text = std::fs::read_to_string(world.config()).unwrap().replace("state_dir = 'state'", "state_dir = 'twin'");
    let loaded = parse(&world.config(), &text).unwrap();
    let ledger = Ledger::open(&loaded.state_dir).unwrap();
    Arc::new(Runner::new(loaded, ledger, world.clock.clone()))
}

async fn collect(runner: &Runner) {
    let (_keep, never) = watch::channel(false);
    runner.record_config("a test").await.unwrap();
    runner.run("c", Trigger::Manual, None, never).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_that_both_go_on_the_second_is_found_out_at_its_first_handing_over() {
    for (name, world) in [("f", in_folder(World::new())), ("g", in_git(World::new()))] {
        world.run().await;
        let other = twin(&world);
        let (ours, theirs) = (Arc::new(Anchors::of(&world.runner())), Arc::new(Anchors::of(&other)));
        // Both are compared while nobody has handed anything over.
        ours.compare_all().await.unwrap();
        theirs.compare_all().await.unwrap();
        world.run().await;
        collect(&other).await;
        collect(&other).await;
        let given = ours.hand_over(name).await.unwrap();
        let error = theirs.hand_over(name).await.unwrap_err();
        assert!(matches!(error, AnchorError::Forked { .. }), "{name}: {error}");
        // The one that it knows goes on, and the next that it is given is what it knows.
        world.run().await;
        assert!(ours.hand_over(name).await.unwrap().size > given.size, "{name}");
        let error = theirs.hand_over(name).await.unwrap_err();
        assert!(error.is_misfit(), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_was_away_at_the_start_is_asked_as_soon_as_it_is_back_and_not_when_it_is_due() {
    let world = restored_while_the_folder_is_away().await;
    let anchors = Arc::new(Anchors::of(&world.runner()));
    anchors.compare_all().await.unwrap();
    anchors.hand_over_due().await.unwrap();
    std::fs::rename(world.dir.path().join("gone"), world.dir.path().join("share")).unwrap();
    // It has just failed, so it is left alone for a minute or so, and no longer.
    world.clock.advance(TimeDelta::seconds(80));
    let error = anchors.hand_over_due().await.unwrap_err();
    assert!(matches!(error, AnchorError::Ahead { .. }), "{error}");
    assert_eq!(world.on_record().len(), 1, "and it is given nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_has_answered_is_asked_again_when_it_is_due() {
    let world = in_folder(World::new());
    world.hand_over("f").await.unwrap();
    let anchors = Arc::new(Anchors::of(&world.runner()));
    anchors.hand_over_due().await.unwrap();
    world.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(5));
    // Whoever looked there now would find nothing, and leave it alone for a minute.
    std::fs::rename(world.dir.path().join("share"), world.dir.path().join("gone")).unwrap();
    anchors.hand_over_due().await.unwrap();
    std::fs::rename(world.dir.path().join("gone"), world.dir.path().join("share")).unwrap();
    world.clock.advance(TimeDelta::seconds(5));
    anchors.hand_over_due().await.unwrap();
    assert_eq!(world.on_record().len(), 2, "it was looked at before it was due");
}
