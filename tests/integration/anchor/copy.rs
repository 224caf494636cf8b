//! The copy of a git anchor is a cache: whatever a process that was killed has left in it, a checkpoint gets through.

use super::in_git;
use super::world::World;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn copy(world: &World) -> PathBuf {
    world.state().join("anchors/g.git")
}

fn touch(path: &Path) {
    fs::write(path, "").unwrap();
}

/// Every object in it empty, as after a power cut.
fn empty_objects(dir: &Path) -> usize {
    let mut emptied = 0;
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            emptied += empty_objects(&path);
        } else {
            // Git makes them read-only.
            fs::remove_file(&path).unwrap();
            touch(&path);
            emptied += 1;
        }
    }
    emptied
}

/// Something was left there on which git fails: once, and no more.
async fn is_made_anew(world: &World, what: &str) {
    world.run().await;
    let before = world.on_record().len();
    let error = world.hand_over("g").await.unwrap_err();
    assert!(error.is_passing(), "{what}: {error}");
    let handed = world.hand_over("g").await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(world.on_record()[before..], [("g".to_owned(), handed.size)], "{what}");
}

#[test]
fn without_git_it_is_said_what_to_install() {
    let world = in_git(World::new());
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    command.current_dir(world.dir.path()).env_clear().env("PATH", "/nowhere").args(["anchor", "now", "g"]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("there is no git\nhint: install git"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_in_the_copy_keeps_no_checkpoint_for_longer_than_one_try() {
    let world = in_git(World::new());
    world.run().await;
    world.hand_over("g").await.unwrap();
    // Nobody else's index is in the way of ours, and ours is not left there.
    touch(&copy(&world).join("index.lock"));
    world.run().await;
    world.hand_over("g").await.unwrap();
    let left = fs::read_dir(copy(&world)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.starts_with("index-")).collect();
    assert!(left.is_empty(), "{left:?}");

    touch(&copy(&world).join("refs/heads/theirs.lock"));
    is_made_anew(&world, "a lock on the branch").await;
    assert!(empty_objects(&copy(&world).join("objects")) > 0);
    is_made_anew(&world, "empty objects").await;
    fs::write(copy(&world).join("config"), "[core\n").unwrap();
    is_made_anew(&world, "half a configuration").await;
    // What is not git's fault leaves it as it is.
    let theirs = world.dir.path().join("theirs.git");
    let aside = world.dir.path().join("aside.git");
    fs::rename(&theirs, &aside).unwrap();
    let kept = copy(&world).join("kept");
    touch(&kept);
    world.hand_over("g").await.unwrap_err();
    fs::rename(&aside, &theirs).unwrap();
    world.hand_over("g").await.unwrap();
    assert!(kept.exists(), "it was made anew for a server that was away");
}
