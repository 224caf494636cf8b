//! Alerts where others look: the bundle, the commands.

use super::world::{Does, Post, TWO, World, at};
use crate::cli::{evidenced, files};
use crate::support::program;
use chrono::TimeDelta;
use evidenced::demo::restores::SampleEnding;
use evidenced::ledger::NewRecord;
use evidenced::ledger::record::{Body, DeliveryOutcome};
use evidenced::notify::Again;
use evidenced_collectors::contract::clock::Clock;
use std::path::Path;
use std::process::Command;

/// A drift that the chat was told of and the mail was not; and a collector that fails for a while.
async fn drifted() -> World {
    let world = World::new(TWO);
    world.log(&[]);
    world.collect("2026-01-05T10:00:00Z").await;
    world.clock.set(at("2026-01-06T09:00:00Z"));
    world.log(&[("2026-01-06T02:00:00Z", SampleEnding::Damaged)]);
    world.collect("2026-01-06T10:00:00Z").await;
    let post = Post::of(&world);
    post.mail.does(Does::Refuses(Again::Later));
    post.outbox.deliver().await.unwrap();
    world
}

const JANUARY: [&str; 5] = ["export", "--from", "2026-01-01", "--to", "2026-02-01"];

fn export(world: &World, name: &str, more: &[&str]) -> Vec<csv::StringRecord> {
    let dir = world.dir.path();
    let said = evidenced(dir, &[&JANUARY[..], &["--out", name], more].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let bytes = files(&dir.join(name))["data/alerts.csv"].clone();
    csv::Reader::from_reader(bytes.as_slice()).records().collect::<Result<_, _>>().unwrap()
}

fn verify(dir: &Path, name: &str) -> crate::cli::Said {
    evidenced(dir, &["verify", name, "--vkey", "state/log.vkey", "--reperform"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_says_who_was_told_what_when_and_is_checked() {
    let world = drifted().await;
    let dir = world.dir.path();
    let rows = export(&world, "b.zip", &[]);
    let of = |subject: &str, channel: &str| {
        let row = rows.iter().find(|row| &row[2] == "drifted" && &row[3] == subject && &row[7] == channel);
        row.unwrap_or_else(|| panic!("{subject} {channel}: {rows:?}")).clone()
    };
    let told = of("control T-1", "chat");
    assert_eq!((&told[4], &told[5], &told[8], &told[9]), ("critical", "Ann", "delivered", "2026-01-06T10:00:00.000Z"));
    assert_eq!(&told[6], "T-1 (Backups are proven) was effective and is deviating: 1 new deviation");
    assert_eq!((&of("control T-1", "mail")[8], &of("control T-1", "mail")[9]), ("owed", ""));
    let said = verify(dir, "b.zip");
    // Accepted, and said to be silent: no daemon ran in this world.
    assert!(said.code == 3 && said.out.contains("SILENT"), "{said:?}");
    // Without us as well.
    let unpacked = evidenced(dir, &["tools", "t"]);
    assert_eq!(unpacked.code, 0, "{unpacked:?}");
    let output = Command::new(program("python3"))
        .current_dir(dir)
        .args(["t/verify.py", "b.zip", "--vkey"])
        .arg(std::fs::read_to_string(dir.join("state/log.vkey")).unwrap().trim())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("no file of a bundle") && !text.contains("alerts"), "{text}");

    // Of one control: the other's alerts are withheld, and what names them is checked as far as it can be.
    let rows = export(&world, "one.zip", &["--control", "T-2"]);
    assert!(
        rows.iter().any(|row| &row[3] == "control T-2") && rows.iter().all(|row| &row[3] != "control T-1"),
        "{rows:?}"
    );
    let said = verify(dir, "one.zip");
    // Accepted, and said to be silent: no daemon ran in this world.
    assert!(said.code == 3 && said.out.contains("SILENT"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_after_the_period_and_what_was_erased_is_said_in_its_bundle() {
    let world = drifted().await;
    let (erased, _) = world.alerts().into_iter().find(|(_, alert)| alert.subject.name() == "control T-2").unwrap();
    world.clock.set(at("2026-02-02T00:00:00Z"));
    let post = Post::of(&world);
    post.outbox.deliver().await.unwrap();
    let erasure =
        Body::Erasure { target: erased, basis: "GDPR".into(), request: "T1".into(), approved_by: "Eve".into() };
    let now = world.clock.now() + TimeDelta::days(1);
    let runner = world.runner();
    runner.ledger().append(vec![NewRecord { at: now, body: erasure, files: Vec::new() }]).await.unwrap();
    let rows = export(&world, "b.zip", &[]);
    assert!(rows.iter().filter(|row| &row[2] == "drifted").all(|row| &row[8] == "delivered"), "{rows:?}");
    let late = rows.iter().find(|row| &row[3] == "control T-1" && &row[7] == "mail" && &row[2] == "drifted").unwrap();
    assert_eq!(&late[9], "2026-02-02T00:00:00.000Z");
    let gone = rows.iter().find(|row| row[0] == *erased.to_string()).unwrap();
    assert!(gone[6].starts_with("erased, as record "), "{gone:?}");
    let said = evidenced(world.dir.path(), &["verify", "b.zip", "--vkey", "state/log.vkey"]);
    // Accepted, and said to be silent: no daemon ran in this world.
    assert!(said.code == 3 && said.out.contains("SILENT"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_what_is_no_alert_for_its_channel_is_refused() {
    let world = drifted().await;
    let (alert, _) = world.alerts().pop().unwrap();
    for (nth, (channel, alerts)) in
        [("chat", vec![0]), ("pager", vec![alert]), ("chat", vec![1 << 20])].into_iter().enumerate()
    {
        let forged = drifted().await;
        let body = Body::Delivery {
            channel: channel.into(),
            alerts,
            outcome: DeliveryOutcome::Delivered,
            tries: 1,
            why: None,
        };
        forged.runner().append(vec![(body, Vec::new())]).await.unwrap();
        export(&forged, "b.zip", &[]);
        let said = evidenced(forged.dir.path(), &["verify", "b.zip", "--vkey", "state/log.vkey"]);
        assert!(said.code == 4 && said.all().contains("which is no alert for"), "{nth}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_show_what_is_owed_and_send_it_without_a_daemon() {
    let world = drifted().await;
    let dir = world.dir.path();
    let status = evidenced(dir, &["status"]);
    assert!(status.out.contains("alerts are owed, the oldest since 2026-01-06 10:00Z"), "{status:?}");
    let owed = evidenced(dir, &["alerts", "--owed", "--json"]).json();
    let owed = owed.as_array().unwrap();
    assert!(!owed.is_empty() && owed.iter().all(|alert| alert["channels"]["mail"]["state"] == "owed"), "{owed:?}");
    assert!(owed.iter().all(|alert| alert["channels"]["chat"]["state"] == "settled"), "{owed:?}");
    let sent = evidenced(dir, &["alerts", "deliver"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let lines: Vec<&str> = sent.out.lines().collect();
    assert_eq!(lines.len(), owed.len() + 1, "{sent:?}");
    let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(first["record"], owed[0]["record"]);
    assert!(evidenced(dir, &["alerts", "--owed", "--json"]).json().as_array().unwrap().is_empty());
    let table = evidenced(dir, &["alerts"]);
    assert!(table.out.contains("mail: delivered") && table.out.contains("T-1 (Backups are proven)"), "{table:?}");
    assert!(!evidenced(dir, &["status"]).out.contains("alerts are owed"));

    let tried = evidenced(dir, &["alerts", "test", "mail"]);
    assert!(tried.code == 0 && tried.out.contains("this is a test of channel mail"), "{tried:?}");
    let unknown = evidenced(dir, &["alerts", "test", "pager"]);
    assert!(unknown.code == 2 && unknown.err.contains("configured: chat, mail"), "{unknown:?}");
}
