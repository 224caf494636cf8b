//! Anchors that do not answer: nobody is kept waiting for them.

use super::world::World;
use super::{in_folder, program};
use evidenced::anchor::{AnchorError, Anchors};
use evidenced::daemon::daemon;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tokio::net::TcpListener;

/// A file that nobody ever writes to. Lets go whoever waits for it in the end.
struct Fifo(PathBuf);

impl Fifo {
    fn new(path: PathBuf) -> Self {
        assert!(Command::new(program("mkfifo")).arg(&path).status().unwrap().success());
        Self(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::OpenOptions::new().read(true).write(true).open(&self.0);
        let _ = std::fs::remove_file(&self.0);
    }
}

fn kept(world: &World) -> PathBuf {
    world.dir.path().join("share/test.example_2fsoc2")
}

async fn not_read(world: &World, why: &str) {
    world.daemon().await.unwrap();
    let error = world.hand_over("f").await.unwrap_err();
    assert!(matches!(&error, AnchorError::Unreachable { .. }) && error.to_string().contains(why), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_in_a_folder_is_not_read_and_hangs_nobody() {
    let world = in_folder(World::new());
    std::fs::create_dir(kept(&world)).unwrap();
    let fifo = Fifo::new(kept(&world).join("000000000001.checkpoint"));
    not_read(&world, "not a regular file").await;
    drop(fifo);
    let first = world.hand_over("f").await.unwrap();
    let last = kept(&world).join("999999999999.checkpoint");
    let of_first: &Path = &kept(&world).join(format!("{:012}.checkpoint", first.size));
    std::os::unix::fs::symlink(of_first, &last).unwrap();
    not_read(&world, "symbolic link").await;
    std::fs::remove_file(&last).unwrap();
    // The others are served meanwhile.
    let _fifo = Fifo::new(last);
    std::fs::create_dir(world.dir.path().join("other")).unwrap();
    let folders = "[anchors.f]\nway = 'folder'\npath = 'share'\n[anchors.o]\nway = 'folder'\npath = 'other'\n";
    let world = world.anchored(folders);
    world.clock.advance(chrono::TimeDelta::hours(25));
    Anchors::of(&world.runner()).hand_over_due().await.unwrap();
    let given: Vec<String> = world.on_record().into_iter().map(|(name, _)| name).collect();
    assert_eq!(given, ["f", "o"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_waits_for_an_anchor_hears_that_it_shall_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let repository = format!("https://{}/log.git", silent.local_addr().unwrap());
    let world = World::new().anchored(&format!("[anchors.g]\nway = 'git'\nrepository = '{repository}'\n"));
    let (before, held) = (world.size(), Mutex::new(None));
    let asked = async {
        let connection = silent.accept().await.unwrap();
        held.lock().unwrap().replace(connection);
    };
    daemon(world.runner(), asked).await.unwrap();
    assert_eq!(world.size(), before, "it has stopped before anything was recorded");
    assert!(held.into_inner().unwrap().is_some(), "it was asked and has not answered");
}
