//! Anchors in bundles: what `verify` makes of them with and without what an auditor was given beforehand, and
//! the attacks that only somebody else's copy shows.

use super::witnessed;
use super::world::{ORIGIN, World, evidenced};
use crate::support::tsa::Server;
use chrono::TimeDelta;
use evidenced::bundle::{VerifyOptions, VerifyReport, verify};
use evidenced::ledger::record::{AnchorWay, Body};
use evidenced::ledger::{Create, Ledger, NewFile, NewRecord};
use evidenced::timestamp::Query;
use evidenced_collectors::contract::clock::Clock;
use sha2::{Digest, Sha256};
use std::path::Path;

fn stamped(server: &Server) -> World {
    World::new().anchored(&format!("[anchors.t]\nway = 'rfc3161'\nurl = '{}'\n", server.url()))
}

fn check<'a>(report: &'a VerifyReport, name: &str) -> &'a evidenced::bundle::Check {
    report.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}: {report:#?}"))
}

fn with_roots(bundle: &Path, server: &Server) -> VerifyReport {
    let tsa_roots = Some(server.authority.pem("root"));
    verify(bundle, &VerifyOptions { tsa_roots, ..Default::default() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn time_stamps_bound_the_records_between_them_once_they_were_checked() {
    let server = Server::start();
    let world = stamped(&server);
    world.run().await;
    world.hand_over("t").await.unwrap();
    world.run().await;
    world.hand_over("t").await.unwrap();
    world.run().await;
    let bundle = world.stamped_bundle("b.zip", &server);
    let report = with_roots(&bundle, &server);
    assert!(report.ok(), "{report:#?}");
    assert!(check(&report, "anchors").detail.contains("the time of 2 was checked"), "{report:#?}");
    assert!(!check(&report, "windows").detail.starts_with("the times of 0 "), "{report:#?}");
    for name in ["anchors", "windows"] {
        assert!(check(&report, name).not_checked.is_empty(), "{report:#?}");
    }
    // Without the authority's root nothing is said to be checked that was not.
    let report = verify(&bundle, &VerifyOptions::default()).unwrap();
    assert!(report.ok() && check(&report, "anchors").detail.contains("the time of 0 was checked"), "{report:#?}");
    let open = ["anchors", "windows"].map(|name| check(&report, name).not_checked.len());
    assert_eq!(open, [2, 1], "{report:#?}");
    // Of an authority that nobody vouches for, the tokens are wrong.
    let other = Server::start();
    let report = with_roots(&bundle, &other);
    assert!(!report.ok() && !check(&report, "anchors").ok, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn attack_12_history_written_anew_today_with_fresh_time_stamps_does_not_fit_between_them() {
    let server = Server::start();
    let world = stamped(&server);
    world.run().await;
    world.hand_over("t").await.unwrap();
    // What follows states that it was written a month ago, and is stamped now.
    let real = world.clock.now();
    world.clock.set(real - TimeDelta::days(30));
    world.run().await;
    world.clock.set(real);
    world.hand_over("t").await.unwrap();
    let report = with_roots(&world.stamped_bundle("b.zip", &server), &server);
    let windows = check(&report, "windows");
    assert!(!windows.ok && windows.detail.contains("but was sealed after"), "{report:#?}");

    let early = stamped(&server);
    early.clock.set(real - TimeDelta::days(30));
    early.run().await;
    early.clock.set(real + TimeDelta::hours(20));
    early.run().await;
    early.clock.set(early.clock.now() - TimeDelta::hours(20));
    early.hand_over("t").await.unwrap_err();
    dated_anyway(&early, &server);
    // What is dated already keeps nothing that comes after it.
    early.hand_over("t").await.unwrap();
    let report = with_roots(&early.stamped_bundle("b.zip", &server), &server);
    let windows = check(&report, "windows");
    assert!(!windows.ok && windows.detail.contains("but was sealed before"), "{report:#?}");
}

/// What the program of somebody else would hand over: ours has nothing dated while a record claims a time to come.
fn dated_anyway(world: &World, server: &Server) {
    let (ledger, at) = (Ledger::open(&world.state()).unwrap(), world.clock.now());
    let append = |body, files| {
        let record = NewRecord { at, body, files };
        tokio::task::block_in_place(|| ledger.append_blocking(vec![record])).unwrap()[0].index
    };
    let size = append(Body::summary(), Vec::new()) + 1;
    let (_, note) = world.reader().checkpoint_at_or_after(size).unwrap().unwrap();
    let query = Query::new(Sha256::digest(&note).into(), [7; 8]);
    let receipt = server.authority.reply(&query.to_der(), "tsa", "t", None);
    let body = Body::Anchor {
        anchor: "t".into(),
        way: AnchorWay::Rfc3161,
        size,
        note_sha256: hex::encode(Sha256::digest(&note)),
        receipt_sha256: hex::encode(Sha256::digest(&receipt)),
        time: Some(query.answered_by(&receipt, at).unwrap().time),
    };
    let file =
        |name: &str, media_type: &str, bytes| NewFile { name: name.into(), media_type: media_type.into(), bytes };
    let note = file("note", "text/plain; charset=utf-8", note);
    append(body, vec![note, file("receipt", "application/timestamp-reply", receipt)]);
}

/// A second log by the same key, with another past after a while.
async fn parallel(world: &World) {
    world.copy("state", "other");
    world.run().await;
    world.copy("state", "first");
    world.copy("other", "state");
    world.clock.advance(TimeDelta::seconds(1));
    world.run().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn attacks_13_and_14_a_parallel_log_passes_alone_and_is_caught_by_whoever_holds_an_older_checkpoint() {
    let server = Server::start();
    let world = stamped(&server);
    world.run().await;
    parallel(&world).await;
    let size = world.size();
    world.copy("first", "state-of-first");
    let first = evidenced::ledger::Reader::open(&world.dir.path().join("state-of-first")).unwrap();
    let (_, note) = first.checkpoint_at_or_after(size).unwrap().expect("both have as many records");
    world.hand_over("t").await.unwrap();
    let bundle = world.stamped_bundle("b.zip", &server);
    assert!(with_roots(&bundle, &server).ok(), "time-stamps do not show a second log");

    let held = vec![note.clone()];
    let report = verify(&bundle, &VerifyOptions { held, ..Default::default() }).unwrap();
    let check = check(&report, "held");
    assert!(!check.ok && check.detail.contains("proof of misconduct"), "{report:#?}");
    assert!(check.detail.contains(std::str::from_utf8(&note).unwrap()), "the note itself is shown");
    std::fs::write(world.dir.path().join("held"), &note).unwrap();
    let (code, said) = evidenced(world.dir.path(), &["verify", "b.zip", "--held", "held"]);
    assert!(code == 4 && said.contains("proof of misconduct"), "{code}: {said}");
    let (code, said) = evidenced(world.dir.path(), &["verify", "--ledger", "state", "--held", "held"]);
    assert!(code == 4 && said.contains("proof of misconduct"), "{code}: {said}");
    let (code, said) = evidenced(world.dir.path(), &["verify", "--ledger", "state-of-first", "--held", "held"]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn attack_14_a_parallel_log_is_caught_by_a_witness() {
    let (world, _witness) = witnessed(World::new());
    world.run().await;
    world.hand_over("w").await.unwrap();
    parallel(&world).await;
    world.copy("state", "second");
    world.copy("first", "state");
    world.hand_over("w").await.unwrap();
    world.copy("second", "state");
    let error = world.hand_over("w").await.unwrap_err();
    assert!(error.is_misfit(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_compared_is_said_to_be_so_and_one_of_another_log_is_refused() {
    let (world, witness) = witnessed(World::new());
    let early = world.reader().latest_checkpoint().unwrap().1;
    let begun = world.clock.now();
    world.run().await;
    world.clock.set(begun + TimeDelta::minutes(1));
    world.run().await;
    let handed = world.hand_over("w").await.unwrap();
    let out = world.bundle_of("late.zip", begun + TimeDelta::seconds(30), begun + TimeDelta::days(1));

    let keys = vec![witness.key.clone()];
    let inside = world.reader().read_file(handed.record, "note").unwrap();
    let options = VerifyOptions { witness_keys: keys, held: vec![early.clone(), inside], ..Default::default() };
    let report = verify(&out, &options).unwrap();
    assert!(report.ok(), "{report:#?}");
    assert!(check(&report, "anchors").detail.contains("the time of 1 was checked"), "{report:#?}");
    assert!(check(&report, "held").detail.contains("1 of 2"), "{report:#?}");
    assert!(report.not_checked().any(|what| what.contains("records that you hold")), "{report:#?}");

    let elsewhere = tempfile::tempdir().unwrap();
    let at = world.clock.now();
    let create = Create { organization: "X".into(), origin: ORIGIN.into(), sample: false, at };
    let other = Ledger::create(elsewhere.path(), create).unwrap().reader().unwrap().latest_checkpoint().unwrap().1;
    let report = verify(&out, &VerifyOptions { held: vec![other], ..Default::default() }).unwrap();
    assert!(!check(&report, "held").ok, "{report:#?}");
    assert!(verify(&out, &VerifyOptions { witness_keys: vec!["w".into()], ..Default::default() }).is_err());
}
