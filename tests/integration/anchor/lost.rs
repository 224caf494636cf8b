//! Anchors that hold no longer, or never held, what was given under their name.

use super::world::{World, evidenced};
use super::{git, in_folder};
use crate::support::tsa::Server;
use chrono::TimeDelta;
use evidenced::anchor::{AnchorError, Anchors};
use evidenced::daemon::daemon;
use evidenced::ledger::record::AnchorWay;
use evidenced::notify::vitals::vitals;
use std::time::Duration;

fn lost(error: &AnchorError) {
    assert!(matches!(error, AnchorError::Wrong { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("no longer has what was written") && said.contains("another name"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_lost_what_it_was_given_is_given_nothing_until_it_has_it_again() {
    let world = in_folder(World::new());
    world.run().await;
    // Compared already, in this process.
    let anchors = Anchors::of(&world.runner());
    let first = anchors.hand_over("f").await.unwrap();
    let (kept, aside) = (world.dir.path().join("share/test.example_2fsoc2"), world.dir.path().join("aside"));
    std::fs::rename(&kept, &aside).unwrap();
    world.run().await;
    lost(&anchors.hand_over("f").await.unwrap_err());
    lost(&world.hand_over("f").await.unwrap_err());
    assert!(!kept.exists(), "nothing is made there");
    // It stops nobody from collecting.
    world.daemon().await.unwrap();
    assert_eq!(world.on_record().len(), 1);

    // Another checkpoint of the same log under its name.
    let of_first = format!("{:012}.checkpoint", first.size);
    std::fs::create_dir(&kept).unwrap();
    let (size, other) = world.reader().checkpoint_at_or_after(1).unwrap().unwrap();
    std::fs::write(kept.join(format!("{size:012}.checkpoint")), &other).unwrap();
    lost(&world.hand_over("f").await.unwrap_err());

    std::fs::copy(aside.join(&of_first), kept.join(&of_first)).unwrap();
    let second = world.hand_over("f").await.unwrap();
    assert!(second.size > first.size);
    // What was given last counts, and not what is oldest.
    std::fs::remove_file(kept.join(format!("{:012}.checkpoint", second.size))).unwrap();
    lost(&world.hand_over("f").await.unwrap_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_daemon_finds_lost_is_not_said_to_be_held_wherever_people_look() {
    let world = in_folder(World::new());
    world.run().await;
    let given = world.hand_over("f").await.unwrap();
    let (kept, aside) = (world.dir.path().join("share/test.example_2fsoc2"), world.dir.path().join("aside"));
    std::fs::rename(&kept, &aside).unwrap();
    let noted = |failing: bool| {
        let state = world.state();
        async move {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while vitals(&state).anchors.contains_key("f") != failing {
                look.tick().await;
            }
        }
    };
    daemon(world.runner(), noted(true)).await.unwrap();
    let said = |args: &[&str]| evidenced(world.dir.path(), args).1;
    for args in
        [&["status"][..], &["anchor", "list"], &["doctor", "--offline", "--json"], &["health", "--within", "1s"]]
    {
        assert!(said(args).contains("no longer has what was written"), "{args:?}: {}", said(args));
    }
    let held = format!("holds the checkpoint of {} records", given.size);
    let line = said(&["status"]).lines().find(|line| line.contains(&held)).map(str::to_owned);
    assert!(line.as_ref().is_some_and(|line| line.contains("NOT CONFIRMED: refused 1 times")), "{line:?}");

    std::fs::rename(&aside, &kept).unwrap();
    daemon(world.runner(), noted(false)).await.unwrap();
    assert!(!said(&["status"]).contains("NOT CONFIRMED"), "{}", said(&["status"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_folder_under_the_old_name_is_refused_and_under_a_new_name_taken() {
    let world = in_folder(World::new());
    world.run().await;
    world.hand_over("f").await.unwrap();
    std::fs::create_dir(world.dir.path().join("next")).unwrap();
    let world = world.anchored("[anchors.f]\nway = 'folder'\npath = 'next'\n");
    lost(&world.hand_over("f").await.unwrap_err());
    let world = world.anchored("[anchors.n]\nway = 'folder'\npath = 'next'\n");
    world.hand_over("n").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_of_another_way_holds_nothing_of_what_was_given_under_its_name() {
    let server = Server::start();
    let text = format!("[anchors.x]\nway = 'rfc3161'\nurl = '{}'\nroot = 'root.pem'\n", server.url());
    let world = World::new().anchored(&text);
    std::fs::write(world.dir.path().join("root.pem"), server.authority.pem("root")).unwrap();
    world.run().await;
    world.hand_over("x").await.unwrap();

    std::fs::create_dir(world.dir.path().join("share")).unwrap();
    git(world.dir.path(), &["init", "--quiet", "--bare", "theirs.git"]);
    let mut world = world;
    for (count, way, text) in [
        (2, AnchorWay::Folder, "way = 'folder'\npath = 'share'"),
        (3, AnchorWay::Git, "way = 'git'\nrepository = 'theirs.git'"),
    ] {
        world = world.anchored(&format!("[anchors.x]\n{text}\n"));
        world.clock.advance(TimeDelta::hours(1));
        world.run().await;
        let holder = world.holder();
        assert_eq!((holder.way, holder.keeps, holder.size, holder.since), (way, true, None, None));
        assert!(holder.is_due(evidenced_collectors::contract::clock::Clock::now(&*world.clock)) && !holder.late);
        let (_, said) = evidenced(world.dir.path(), &["status"]);
        assert!(said.contains("has no checkpoint") && said.contains("nobody but the operator"), "{said}");
        Anchors::of(&world.runner()).hand_over_due().await.unwrap();
        assert_eq!(world.on_record().len(), count);
        assert_eq!(world.holder().size, Some(world.on_record()[count - 1].1));
    }
}
