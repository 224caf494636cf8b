//! The kind that reads documents: every exchange of a clean run fails in every way that the door has, every byte of
//! what was added changes, and then files are what and where they should not be.

use super::check::{Seen, judged};
use super::files::failures;
use crate::support::replay::{Ran, verdicts};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::clock::ManualClock;
use evidenced_collectors::contract::{CollectError, Collector, Population, Task, Window};
use evidenced_collectors::documents::Sidecar;
use evidenced_collectors::door::{Door, Exchange, Limits, Network};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const FILES: [(&str, &[u8]); 2] = [("minutes.pdf", b"%PDF-1.7 minutes"), ("screen.png", b"\x89PNG\r\n\x1a\n\xff\x00")];

fn now() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

/// Two documents, as `evidence add` puts them.
fn shelf() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, bytes) in FILES {
        let sidecar = Sidecar {
            control: "SEC-022".to_owned(),
            as_of: "2026-03-10".parse().unwrap(),
            note: None,
            by: "uid 1000 (anna)".to_owned(),
            added_at: "2026-03-12T09:00:00Z".parse().unwrap(),
            sha256: hex::encode(Sha256::digest(bytes)),
        };
        evidenced::documents::put(dir.path(), file, bytes, &sidecar).unwrap();
    }
    dir
}

fn collector(directory: &Path) -> Box<dyn Collector> {
    let settings = json!({ "directory": directory, "bytes_max": 65536 });
    (evidenced_collectors::kind("documents").unwrap().build)(&settings).unwrap()
}

fn task(carry: Option<Value>) -> Task {
    Task { window: Window { start: now(), end: now() }, carry }
}

async fn run(collector: &dyn Collector, task: &Task) -> (Result<Population, CollectError>, Vec<Exchange>) {
    let door = Door::live(&Network::new(), Arc::new(ManualClock::at(now())), Limits::default());
    let result = collector.collect(&door, task).await;
    (result, door.take_exchanges())
}

/// What comes of the directory, and of a replay of that.
async fn seen(what: &str, collector: &dyn Collector, task: &Task) -> Seen {
    let (result, exchanges) = run(collector, task).await;
    let ran = Ran { limits: Limits::default(), task, as_of: now(), exchanges: &exchanges, result: &result };
    let replayed = ran.difference_on_replay(collector).await;
    let outcomes = verdicts(&result, task, now()).into_iter().map(|verdict| verdict.outcome);
    judged(what, what, &result, outcomes, replayed)
}

#[tokio::test]
async fn no_exchange_of_a_directory_of_documents_fails_unseen() {
    let dir = shelf();
    let collector = collector(dir.path());
    let (clean, exchanges) = run(collector.as_ref(), &task(None)).await;
    let carry = clean.unwrap_or_else(|error| panic!("{:#?}", error.unread())).carry().cloned();
    let mut faults = 0;
    for carry in [None, carry] {
        let task = task(carry);
        for number in 0..exchanges.len() {
            for (name, broken) in failures(&exchanges[number]) {
                let mut exchanges = exchanges.clone();
                exchanges[number] = broken;
                let door = Door::replay(exchanges, now(), Limits::default());
                let result = collector.collect(&door, &task).await;
                let outcomes = verdicts(&result, &task, now()).into_iter().map(|verdict| verdict.outcome);
                assert_eq!(judged(&format!("{number}"), name, &result, outcomes, None).violation, None);
                faults += 1;
            }
        }
    }
    assert_eq!(faults, 2 * (1 + 4) * 9, "one listing and four files, each in nine ways, remembered or not");
}

#[tokio::test]
async fn no_byte_of_a_document_or_its_sidecar_changes_unseen() {
    let dir = shelf();
    let collector = collector(dir.path());
    let (clean, exchanges) = run(collector.as_ref(), &task(None)).await;
    let task = task(clean.unwrap().carry().cloned());
    let (mut tried, mut violations) = (0, Vec::new());
    for number in 0..exchanges.len() {
        if exchanges[number].head.request.method != "READ" {
            continue;
        }
        for at in 0..exchanges[number].body.len() {
            let mut exchanges = exchanges.clone();
            let mut bytes = exchanges[number].body.to_vec();
            bytes[at] ^= 1;
            exchanges[number].body = bytes.into();
            let result = collector.collect(&Door::replay(exchanges, now(), Limits::default()), &task).await;
            let outcomes = verdicts(&result, &task, now()).into_iter().map(|verdict| verdict.outcome);
            violations.extend(judged(&format!("{number} byte {at}"), "flipped", &result, outcomes, None).violation);
            tried += 1;
        }
    }
    assert!(tried > 300 && violations.is_empty(), "{tried} tried: {violations:#?}");
}

#[tokio::test]
async fn no_harm_to_a_directory_of_documents_is_taken_for_a_whole_one() {
    type Harm = Box<dyn Fn(&Path)>;
    let mut harms: Vec<(String, Harm)> = Vec::new();
    for name in FILES.iter().flat_map(|(file, _)| [(*file).to_owned(), format!("{file}.toml")]) {
        let mut say = |what: &str, how: Box<dyn Fn(&Path)>| {
            let file = name.clone();
            harms.push((format!("{name}: {what}"), Box::new(move |dir| how(&dir.join(&file)))));
        };
        say("removed", Box::new(|file| fs::remove_file(file).unwrap()));
        say("emptied", Box::new(|file| fs::write(file, "").unwrap()));
        say("too large", Box::new(|file| fs::write(file, vec![b'\n'; 70_000]).unwrap()));
        say("longer", Box::new(|file| fs::write(file, [fs::read(file).unwrap(), b"x".to_vec()].concat()).unwrap()));
        say("under another name", Box::new(|file| fs::rename(file, file.with_extension("moved")).unwrap()));
        say(
            "a directory in its place",
            Box::new(|file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }),
        );
        say(
            "a link",
            Box::new(|file| {
                let other = tempfile::NamedTempFile::new().unwrap().keep().unwrap().1;
                fs::copy(file, &other).unwrap();
                fs::remove_file(file).unwrap();
                std::os::unix::fs::symlink(&other, file).unwrap();
            }),
        );
        say(
            "a pipe",
            Box::new(|file| {
                fs::remove_file(file).unwrap();
                assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
            }),
        );
    }
    harms.push((
        "a document and its sidecar removed".to_owned(),
        Box::new(|dir| ["minutes.pdf", "minutes.pdf.toml"].iter().for_each(|f| fs::remove_file(dir.join(f)).unwrap())),
    ));
    harms.push((
        "everything removed".to_owned(),
        Box::new(|dir| fs::read_dir(dir).unwrap().for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap())),
    ));
    harms.push((
        "two documents changed places".to_owned(),
        Box::new(|dir| {
            fs::rename(dir.join("minutes.pdf"), dir.join("other")).unwrap();
            fs::rename(dir.join("screen.png"), dir.join("minutes.pdf")).unwrap();
            fs::rename(dir.join("other"), dir.join("screen.png")).unwrap();
        }),
    ));
    harms.push(("the directory removed".to_owned(), Box::new(|dir| fs::remove_dir_all(dir).unwrap())));
    let mut violations = Vec::new();
    for (what, harm) in &harms {
        let dir = shelf();
        let collector = collector(dir.path());
        let (clean, _) = run(collector.as_ref(), &task(None)).await;
        let task = task(clean.unwrap().carry().cloned());
        harm(dir.path());
        violations.extend(seen(what, collector.as_ref(), &task).await.violation);
    }
    assert!(harms.len() > 30 && violations.is_empty(), "{} tried: {violations:#?}", harms.len());
}
