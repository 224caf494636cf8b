//! Checkpoints in other hands: what is handed over and when, and that a ledger which is not what they know does
//! not go on.

pub(crate) mod bundle;
mod copy;
mod hangs;
mod lost;
mod owed;
mod twins;
pub(crate) mod world;

use crate::support::program;
use crate::support::tsa::{Answers, Server};
use crate::support::witness::Witness;
use chrono::TimeDelta;
use evidenced::anchor::{AnchorError, Anchors};
use evidenced::daemon::DaemonError;
use evidenced::ledger::Filter;
use evidenced::ledger::record::{AnchorWay, Body};
use evidenced::status::status;
use evidenced_collectors::contract::clock::Clock;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use world::{ORIGIN, World, evidenced};

fn witnessed(world: World) -> (World, Witness) {
    let mut witness = Witness::new();
    witness.serve(ORIGIN, &world.reader().key().to_string());
    let text = format!("[anchors.w]\nway = 'witness'\nurl = '{}'\nkey = '{}'\n", witness.url(), witness.key);
    (world.anchored(&text), witness)
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new(program("git")).arg("-C").arg(dir).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn in_git(world: World) -> World {
    git(world.dir.path(), &["init", "--quiet", "--bare", "theirs.git"]);
    world.anchored("[anchors.g]\nway = 'git'\nrepository = 'theirs.git'\n")
}

fn in_folder(world: World) -> World {
    std::fs::create_dir(world.dir.path().join("share")).unwrap();
    world.anchored("[anchors.f]\nway = 'folder'\npath = 'share'\n")
}

/// An older copy than its folder knows, which is at `gone`.
async fn restored_while_the_folder_is_away() -> World {
    let world = in_folder(World::new());
    world.hand_over("f").await.unwrap();
    world.copy("state", "backup");
    world.run().await;
    world.hand_over("f").await.unwrap();
    world.copy("backup", "state");
    std::fs::rename(world.dir.path().join("share"), world.dir.path().join("gone")).unwrap();
    world
}

/// The daemon will not start, says why, and has appended nothing.
async fn refuses_to_start(world: &World) -> AnchorError {
    let before = world.size();
    let error = world.daemon().await.unwrap_err();
    assert_eq!(world.size(), before, "nothing is appended to a ledger that must not go on");
    match error {
        DaemonError::Anchor(error) => {
            assert!(error.is_misfit() && error.to_string().contains("evidenced epoch"), "{error}");
            let text = error.to_string();
            let why = text.lines().next().unwrap();
            for args in [&["status"][..], &["health", "--within", "1s"], &["doctor", "--offline", "--json"]] {
                let (_, said) = evidenced(world.dir.path(), args);
                assert!(said.contains(why), "{args:?} does not say it, and no daemon runs that could: {said}");
            }
            error
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_signs_what_continues_what_it_signed_and_knows_a_restored_copy() {
    let (world, _witness) = witnessed(World::new());
    world.run().await;
    let first = world.hand_over("w").await.unwrap();
    assert!(first.time.is_some());
    world.copy("state", "backup");
    world.run().await;
    let second = world.hand_over("w").await.unwrap();
    assert!(second.size > first.size);
    assert_eq!(world.on_record(), [("w".to_owned(), first.size), ("w".to_owned(), second.size)]);
    // The note that was given away ends with a summary.
    let summary = world.reader().record(second.size - 1).unwrap();
    assert!(matches!(summary.body, Body::Summary { .. }), "{summary:?}");
    // Nothing is wrong with going on, and nothing changes.
    world.daemon().await.unwrap();

    world.copy("backup", "state");
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Ahead { theirs, .. } if theirs == second.size), "{error}");
    let error = world.hand_over("w").await.unwrap_err();
    assert!(error.is_misfit(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_knows_a_restored_copy_that_was_collected_on_and_one_from_before_the_first_handing_over() {
    let (world, _witness) = witnessed(World::new());
    world.run().await;
    world.copy("state", "backup");
    let there = world.hand_over("w").await.unwrap();
    world.copy("backup", "state");
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Ahead { theirs, .. } if theirs == there.size), "{error}");
    // Past the size that the witness knows, on another way.
    world.clock.advance(TimeDelta::seconds(1));
    world.run().await;
    world.run().await;
    assert!(world.size() > there.size);
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Forked { .. }), "{error}");
    let (code, said) = evidenced(world.dir.path(), &["collect", "now"]);
    assert!(code == 1 && said.contains("evidenced epoch"), "{code}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_signed_and_was_not_heard_is_asked_again_from_where_it_is() {
    let (world, witness) = witnessed(World::new());
    std::fs::create_dir(world.dir.path().join("share")).unwrap();
    let text = format!("[anchors.w]\nway = 'witness'\nurl = '{}'\nkey = '{}'\n", witness.url(), witness.key);
    let world = world.anchored(&format!("{text}[anchors.f]\nway = 'folder'\npath = 'share'\n"));
    world.run().await;
    world.hand_over("f").await.unwrap();
    // As after a crash between the signature and its record: the summary is there.
    world.copy("state", "unheard");
    let heard = world.hand_over("w").await.unwrap();
    world.copy("unheard", "state");
    world.daemon().await.unwrap();
    let again = world.hand_over("w").await.unwrap();
    assert!(again.size > heard.size, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_with_another_key_than_configured_is_not_believed() {
    let (world, witness) = witnessed(World::new());
    let other = Witness::new();
    let text = format!("[anchors.w]\nway = 'witness'\nurl = '{}'\nkey = '{}'\n", witness.url(), other.key);
    let world = world.anchored(&text);
    let error = world.hand_over("w").await.unwrap_err();
    assert!(matches!(&error, AnchorError::Wrong { why, .. } if why.contains("no line of its answer")), "{error}");
    assert!(world.on_record().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_was_down_is_asked_again_and_nothing_is_lost() {
    let server = Server::start();
    let text = format!("[anchors.t]\nway = 'rfc3161'\nurl = '{}'\nroot = 'root.pem'\nevery = '1h'\n", server.url());
    let world = World::new().anchored(&text);
    std::fs::write(world.dir.path().join("root.pem"), server.authority.pem("root")).unwrap();
    let runner = world.runner();
    let anchors = Anchors::of(&runner);
    // It is owed from when it was named; that it is down is no error of ours.
    runner.record_config("a test").await.unwrap();
    server.answers(Answers::Down);
    anchors.hand_over_due().await.unwrap();
    assert!(world.on_record().is_empty());
    let loaded = world.loaded();
    let as_of = world.clock.now() + TimeDelta::hours(3);
    assert!(status(&world.reader(), &loaded, as_of).unwrap().anchors[0].late);

    for (how, why) in
        [(Answers::Down, "503"), (Answers::OtherNonce, "another nonce"), (Answers::OtherData, "other data")]
    {
        server.answers(how);
        let error = anchors.hand_over("t").await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains(why), "{error}");
    }
    assert!(world.on_record().is_empty());
    let records = world.size();
    world.run().await;
    assert!(world.size() > records, "collecting goes on");
    server.answers(Answers::Well);
    let anchored = anchors.hand_over("t").await.unwrap();
    assert_eq!(world.on_record(), [("t".to_owned(), anchored.size)]);
    // Another clock than the authority's.
    world.clock.advance(TimeDelta::minutes(10));
    let error = anchors.hand_over("t").await.unwrap_err();
    assert!(matches!(&error, AnchorError::Wrong { why, .. } if why.contains("clocks")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_handed_over_once_and_a_failure_waits_before_the_next_try() {
    let world = in_folder(World::new());
    let anchors = Anchors::of(&world.runner());
    world.clock.advance(TimeDelta::hours(25));
    std::fs::rename(world.dir.path().join("share"), world.dir.path().join("gone")).unwrap();
    anchors.hand_over_due().await.unwrap();
    std::fs::rename(world.dir.path().join("gone"), world.dir.path().join("share")).unwrap();
    anchors.hand_over_due().await.unwrap();
    assert!(world.on_record().is_empty(), "it has just failed");
    world.clock.advance(TimeDelta::seconds(80));
    anchors.hand_over_due().await.unwrap();
    anchors.hand_over_due().await.unwrap();
    assert_eq!(world.on_record().len(), 1, "what was handed over is not due any more");
    // A restart knows that from the ledger.
    drop(anchors);
    world.daemon().await.unwrap();
    assert_eq!(world.on_record().len(), 1);
    let holder = &status(&world.reader(), &world.loaded(), world.clock.now()).unwrap().anchors[0];
    assert!(!holder.late && holder.keeps && holder.way == AnchorWay::Folder, "{holder:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_handing_over_of_an_unchanged_ledger_needs_no_second_summary() {
    let world = in_folder(World::new());
    let first = world.hand_over("f").await.unwrap();
    let second = world.hand_over("f").await.unwrap();
    assert_eq!(first.size, second.size);
    let summaries = world.reader().records(0..u64::MAX, &Filter::kind("summary")).count();
    assert_eq!(summaries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_holds_every_checkpoint_and_knows_a_restored_copy() {
    let world = in_folder(World::new());
    world.run().await;
    let first = world.hand_over("f").await.unwrap();
    world.copy("state", "backup");
    world.run().await;
    let second = world.hand_over("f").await.unwrap();
    let folder = world.dir.path().join("share/test.example_2fsoc2");
    for anchored in [&first, &second] {
        let note = std::fs::read(folder.join(format!("{:012}.checkpoint", anchored.size))).unwrap();
        assert_eq!(world.reader().signers().unwrap().open(&note).unwrap().size, anchored.size);
        assert_eq!(world.reader().read_file(anchored.record, "note").unwrap(), note);
    }
    world.copy("backup", "state");
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Ahead { theirs, .. } if theirs == second.size), "{error}");
    world.clock.advance(TimeDelta::seconds(1));
    while world.size() < second.size {
        world.run().await;
    }
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Forked { .. }), "{error}");
}

/// By root on the daemon's state; who is not root cannot give it away, and makes everything for themselves.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_in_a_folder_is_the_daemons_whoever_asked_for_it() {
    let world = in_folder(World::new());
    world.run().await;
    let _ = std::os::unix::fs::chown(world.state(), Some(65_534), Some(65_534));
    let owner = |path: &Path| std::fs::metadata(path).unwrap().uid();
    let daemon = owner(&world.state());
    for _ in 0..2 {
        let given = world.hand_over("f").await.unwrap();
        let folder = world.dir.path().join("share/test.example_2fsoc2");
        assert_eq!(owner(&folder), daemon);
        assert_eq!(owner(&folder.join(format!("{:012}.checkpoint", given.size))), daemon);
        world.run().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_cannot_be_asked_stops_nothing_and_is_given_nothing() {
    let world = restored_while_the_folder_is_away().await;
    world.clock.advance(TimeDelta::hours(30));
    world.daemon().await.unwrap();
    world.run().await;
    assert_eq!(world.on_record().len(), 1);
    // It is there again, and is compared before it is given anything.
    std::fs::rename(world.dir.path().join("gone"), world.dir.path().join("share")).unwrap();
    let error = Anchors::of(&world.runner()).hand_over_due().await.unwrap_err();
    assert!(error.is_misfit(), "{error}");
    assert_eq!(world.on_record().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_branch_grows_by_fast_forward_and_its_rewriting_is_noticed() {
    let world = in_git(World::new());
    let theirs = world.dir.path().join("theirs.git");
    world.run().await;
    let first = world.hand_over("g").await.unwrap();
    let after_first = git(&theirs, &["rev-parse", "evidenced"]);
    world.run().await;
    let second = world.hand_over("g").await.unwrap();
    let head = git(&theirs, &["rev-parse", "evidenced"]);
    git(&theirs, &["merge-base", "--is-ancestor", &after_first, &head]);
    let files = git(&theirs, &["ls-tree", "-r", "--name-only", "evidenced"]);
    let name = |size| format!("test.example_2fsoc2/{size:012}.checkpoint");
    assert_eq!(files, format!("{}\n{}", name(first.size), name(second.size)));
    // The receipt is the commit.
    let receipt = world.dir.path().join("receipt");
    std::fs::write(&receipt, world.reader().read_file(second.record, "receipt").unwrap()).unwrap();
    assert_eq!(git(&theirs, &["hash-object", "-t", "commit", receipt.to_str().unwrap()]), head);

    git(&theirs, &["update-ref", "refs/heads/evidenced", &after_first]);
    world.run().await;
    let error = world.hand_over("g").await.unwrap_err();
    assert!(matches!(&error, AnchorError::Wrong { why, .. } if why.contains("no longer has")), "{error}");
    assert_eq!(git(&theirs, &["rev-parse", "evidenced"]), after_first, "nothing is forced");
    git(&theirs, &["update-ref", "-d", "refs/heads/evidenced"]);
    let error = world.hand_over("g").await.unwrap_err();
    assert!(matches!(&error, AnchorError::Wrong { why, .. } if why.contains("gone")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_branch_knows_a_restored_copy() {
    let world = in_git(World::new());
    world.run().await;
    world.copy("state", "backup");
    world.hand_over("g").await.unwrap();
    world.copy("backup", "state");
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Ahead { .. }), "{error}");
    world.clock.advance(TimeDelta::seconds(1));
    world.run().await;
    let error = refuses_to_start(&world).await;
    assert!(matches!(error, AnchorError::Forked { .. }), "{error}");
    // What is over is not said any more.
    git(&world.dir.path().join("theirs.git"), &["update-ref", "-d", "refs/heads/evidenced"]);
    world.daemon().await.unwrap();
    let (_, said) = evidenced(world.dir.path(), &["status"]);
    assert!(!said.contains("MUST NOT GO ON"), "{said}");
}

/// The commands for it, and an anchor of each way that keeps something.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_restore_made_of_an_older_copy_does_not_go_on_whichever_anchor_knows_more() {
    let (witnessed, _witness) = witnessed(World::new());
    for (name, world) in [("w", witnessed), ("g", in_git(World::new())), ("f", in_folder(World::new()))] {
        let dir = world.dir.path();
        world.run().await;
        let (code, said) = evidenced(dir, &["backup", "copy"]);
        assert_eq!(code, 0, "{said}");
        world.run().await;
        let known = world.hand_over(name).await.unwrap();
        std::fs::rename(dir.join("state"), dir.join("gone")).unwrap();
        let (code, said) = evidenced(dir, &["restore", "copy"]);
        assert!(code == 0 && said.contains("`evidenced epoch` is the way then"), "{said}");
        for secret in ["log.key", "bundle.key"] {
            std::fs::copy(dir.join("gone").join(secret), dir.join("state").join(secret)).unwrap();
        }
        let error = refuses_to_start(&world).await;
        assert!(matches!(error, AnchorError::Ahead { theirs, .. } if theirs == known.size), "{name}: {error}");
        let (code, said) = evidenced(dir, &["collect", "now"]);
        assert!(code == 1 && said.contains("it is an older copy"), "{name}: {said}");
        // Nor does any other command append to it, or hand it out.
        let before = world.size();
        for args in [
            &["waive", "T-1", "db*", "--reason", "r", "--approver", "Ann", "--expires-in", "5d"][..],
            &["export", "--from", "2025-01-01", "--to", "2030-01-01", "--out", "b.zip"],
            &["key", "rotate"],
            &["alerts", "deliver"],
            &["compact", "--yes"],
            &["erase", "1", "--basis", "b", "--request", "r", "--approved-by", "Ann", "--yes"],
        ] {
            let (code, said) = evidenced(dir, args);
            assert!(code == 1 && said.contains("it is an older copy"), "{name}: {args:?}: {said}");
        }
        assert!(world.size() == before && !dir.join("b.zip").exists(), "{name}");
        let args = ["epoch", "--reason", "the disk broke", "--origin", "test.example/soc2-2", "--state-dir", "next"];
        let (code, said) = evidenced(dir, &args);
        assert!(code == 0 && said.contains(&format!("anchor {name} knows {} records", known.size)), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_keeps_nothing_and_cannot_know_an_older_copy() {
    let server = Server::start();
    let text = format!("[anchors.t]\nway = 'rfc3161'\nurl = '{}'\nroot = 'root.pem'\n", server.url());
    let world = World::new().anchored(&text);
    std::fs::write(world.dir.path().join("root.pem"), server.authority.pem("root")).unwrap();
    world.run().await;
    world.copy("state", "backup");
    world.hand_over("t").await.unwrap();
    world.copy("backup", "state");
    // That is said wherever anchors are: none of them keeps a checkpoint.
    world.daemon().await.unwrap();
    let (_, said) = evidenced(world.dir.path(), &["status"]);
    assert!(said.contains("checkpoints are held by nobody but the operator"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restored_copy_an_epoch_is_the_recorded_way_on() {
    let world = in_folder(World::new());
    world.run().await;
    world.copy("state", "backup");
    let there = world.hand_over("f").await.unwrap();
    world.copy("backup", "state");
    refuses_to_start(&world).await;
    let (code, said) =
        evidenced(world.dir.path(), &["epoch", "--reason", "x", "--origin", ORIGIN, "--state-dir", "next"]);
    assert!(code == 2 && said.contains("the name of the old log"), "{code}: {said}");
    let kept = format!("share/test.example_2fsoc2/{:012}.checkpoint", there.size);
    let args = ["epoch", "--reason", "the disk broke", "--origin", "test.example/soc2-2", "--state-dir", "next"];
    let (code, said) = evidenced(world.dir.path(), &[&args[..], &["--checkpoint", &kept]].concat());
    assert!(code == 0 && said.contains("test.example/soc2-2+"), "{code}: {said}");
    let next = evidenced::ledger::Reader::open(&world.dir.path().join("next")).unwrap();
    let Body::Epoch { origin, continues: Some(continues), .. } = next.record(0).unwrap().body else {
        panic!("no epoch that continues");
    };
    assert_eq!((origin.as_str(), continues.origin.as_str()), ("test.example/soc2-2", ORIGIN));
    assert_eq!((continues.size, continues.reason.as_str()), (there.size, "the disk broke"));
    // Without the checkpoint the new log says what is known of it.
    let args = ["epoch", "--reason", "the disk broke", "--origin", "test.example/soc2-3", "--state-dir", "third"];
    let (code, said) = evidenced(world.dir.path(), &args);
    assert!(code == 0 && said.contains("--checkpoint"), "{code}: {said}");
    let third = evidenced::ledger::Reader::open(&world.dir.path().join("third")).unwrap();
    let Body::Epoch { continues: Some(continues), .. } = third.record(0).unwrap().body else { panic!() };
    assert!(continues.reason.contains(&format!("anchor f knows {} records", there.size)), "{continues:?}");
    // The new one goes on, into the same folder.
    let text = std::fs::read_to_string(world.config()).unwrap();
    let text = text.replace(ORIGIN, "test.example/soc2-2").replace("'state'", "'next'");
    std::fs::write(world.config(), text).unwrap();
    let (code, said) = evidenced(world.dir.path(), &["anchor", "now"]);
    assert!(code == 0, "{code}: {said}");
    let (code, said) = evidenced(world.dir.path(), &["anchor", "list"]);
    assert!(code == 0 && said.contains("folder") && !said.contains("nobody but the operator"), "{code}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_who_holds_a_checkpoint_or_that_nobody_does() {
    let world = in_folder(World::new());
    let (_, said) = evidenced(world.dir.path(), &["status"]);
    assert!(said.contains("f (folder) has no checkpoint") && said.contains("nobody but the operator"), "{said}");
    let handed = world.hand_over("f").await.unwrap();
    let (_, said) = evidenced(world.dir.path(), &["status"]);
    let holds = format!("f (folder) holds the checkpoint of {} records since", handed.size);
    assert!(said.contains(&holds) && !said.contains("nobody"), "{said}");
}

#[test]
fn an_anchor_that_cannot_be_used_is_refused_with_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    for (anchor, why) in [
        ("way = 'rfc3161'\nurl = 'http://tsa.example.com/'", "https"),
        ("way = 'rfc3161'\nurl = 'https://me:secret@tsa.example.com/'", "user name or password"),
        ("way = 'witness'\nurl = 'https://w.example.com/'\nkey = 'w+1+1'", "key"),
        ("way = 'git'\nrepository = 'ext::sh -c id'", "repository"),
        ("way = 'git'\nrepository = '--upload-pack=id'", "repository"),
        ("way = 'git'\nrepository = 'https://me:secret@example.com/x'", "password"),
        ("way = 'git'\nrepository = 'x'\nbranch = '-f'", "branch"),
        ("way = 'folder'\npath = 'x'\nevrey = '1d'", "evrey"),
        ("way = 'pigeon'", "unknown"),
    ] {
        let text = format!("organization = 'T'\norigin = '{ORIGIN}'\nstate_dir = 's'\n[anchors.a]\n{anchor}\n");
        let error = evidenced::config::parse(&dir.path().join("c.toml"), &text).err().expect(anchor).to_string();
        assert!(error.contains(why) && !error.contains("secret@"), "{anchor}: {error}");
    }
}
