//! What `--reperform` cannot make again although no erasure says why: it is counted, and never the last word that nothing
//! is wrong.

use crate::anchor::world::{World, evidenced};
use chrono::TimeDelta;
use evidenced::ledger::record::Body;
use evidenced::ledger::{Filter, Ledger, NewFile, NewRecord};
use evidenced_collectors::contract::clock::Clock;

/// The newest verdict once more, by rules that no program has; sealed by the log's own key.
fn forge(world: &World) {
    let reader = world.reader();
    let (index, record) = reader.newest(&Filter::kind("verdict")).unwrap().unwrap();
    let mut body = record.body;
    let Body::Verdict { rules, .. } = &mut body else { panic!("{body:?}") };
    *rules = "restore_test/99".to_owned();
    let files = ["judgements.json", "policy.json", "standing.json"]
        .map(|name| NewFile::json(name, reader.read_file(index, name).unwrap()));
    let record = NewRecord { at: world.clock.now(), body, files: files.into() };
    let ledger = Ledger::open(&world.state()).unwrap();
    tokio::task::block_in_place(|| ledger.append_blocking(vec![record])).unwrap();
}

/// Exit code and words of `verify --reperform`, over the bundle of these days.
fn verified(world: &World, name: &str, more: &[&str]) -> (i32, String) {
    let now = world.clock.now();
    let bundle = world.dir.path().join(name);
    if !bundle.exists() {
        world.bundle_of(name, now - TimeDelta::days(60), now + TimeDelta::days(1));
    }
    let told = ["verify", name, "--vkey", "state/log.vkey", "--reperform"];
    evidenced(world.dir.path(), &[&told, more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_by_rules_that_nobody_has_is_taken_as_it_is_and_verify_says_so_last_and_exits_3() {
    let world = World::new();
    world.run().await;
    let (code, said) = verified(&world, "good.zip", &[]);
    assert!(code == 0 && said.contains("and nothing is wrong\n") && !said.contains("NOT MADE AGAIN"), "{said}");
    forge(&world);
    let (code, said) = verified(&world, "forged.zip", &[]);
    assert!(said.contains("judged by restore_test/99; this program has restore_test/"), "{said}");
    assert!(said.contains("BUT NOT MADE AGAIN, and not for an erasure: 1.") && !said.contains("is wrong\n"), "{said}");
    assert_eq!(code, 3, "{said}");
    let (code, said) = verified(&world, "forged.zip", &["--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(code == 3 && said["ok"] == true && said["reperformed"]["taken_as_it_is"] == 1, "{said}");
}
