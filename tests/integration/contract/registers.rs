//! The kind that reads registers: every exchange of a clean run fails in every way that the door has, and then
//! the files themselves are what they should not be. What may pass unseen is listed.

use super::check::judged;
use super::files::failures;
use crate::support::replay::{Ran, verdicts};
use chrono::{DateTime, Utc};
use evidenced::judge::VerdictOutcome;
use evidenced_collectors::contract::clock::ManualClock;
use evidenced_collectors::contract::{CollectError, Collector, Population, Task, Window};
use evidenced_collectors::door::{Door, Exchange, Limits, Network};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const REGISTERS: [&str; 6] = ["access_reviews", "assets", "incidents", "risks", "vendors", "workforce"];

/// Lists whose rows may go: without them less was done, which the judge sees.
const NOT_REMEMBERED: [&str; 3] = ["acknowledgements.csv", "assessments.csv", "training.csv"];

fn now() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

/// The examples, in a directory of their own.
fn examples() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/registers");
    for entry in fs::read_dir(examples).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

fn collector(register: &str, directory: &Path) -> Box<dyn Collector> {
    let settings = json!({ "register": register, "directory": directory, "bytes_max": 65536 });
    (evidenced_collectors::kind("register").unwrap().build)(&settings).unwrap()
}

fn task(carry: Option<Value>) -> Task {
    Task { window: Window { start: now(), end: now() }, carry }
}

async fn run(collector: &dyn Collector, task: &Task) -> (Result<Population, CollectError>, Vec<Exchange>) {
    let door = Door::live(&Network::new(), Arc::new(ManualClock::at(now())), Limits::default());
    let result = collector.collect(&door, task).await;
    let exchanges = door.take_exchanges();
    crate::support::permissions::declared("register", &exchanges);
    (result, exchanges)
}

/// What must never come of it, if it did.
async fn violation(what: &str, collector: &dyn Collector, task: &Task) -> Option<String> {
    let (result, exchanges) = run(collector, task).await;
    let ran = Ran { limits: Limits::default(), task, as_of: now(), exchanges: &exchanges, result: &result };
    let replayed = ran.difference_on_replay(collector).await;
    let outcomes = verdicts(&result, task, now()).into_iter().map(|verdict| verdict.outcome);
    judged(what, what, &result, outcomes, replayed).violation
}

#[tokio::test]
async fn no_exchange_of_a_register_fails_unseen() {
    let dir = examples();
    let mut faults = 0;
    for register in REGISTERS {
        let collector = collector(register, dir.path());
        let (clean, exchanges) = run(collector.as_ref(), &task(None)).await;
        let task = task(clean.unwrap_or_else(|error| panic!("{register}: {:#?}", error.unread())).carry().cloned());
        for number in 0..exchanges.len() {
            for (name, broken) in failures(&exchanges[number]) {
                let mut exchanges = exchanges.clone();
                exchanges[number] = broken;
                let door = Door::replay(exchanges, now(), Limits::default());
                let result = collector.collect(&door, &task).await;
                let outcomes = verdicts(&result, &task, now()).into_iter().map(|verdict| verdict.outcome);
                let seen = judged(&format!("{register} {number}"), name, &result, outcomes, None);
                assert_eq!(seen.violation, None);
                faults += 1;
            }
        }
    }
    assert_eq!(faults, (6 + 16) * 9, "six listings and sixteen files, each in nine ways");
}

/// What is done to a file of that text, as it reads afterwards; `None`: it is not there.
fn harms(text: &str, remembered: bool) -> Vec<(String, Option<Vec<u8>>)> {
    let bytes = text.as_bytes();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut all = vec![
        ("removed".to_owned(), None),
        ("emptied".to_owned(), Some(Vec::new())),
        ("cut before the last byte".to_owned(), Some(bytes[..bytes.len() - 1].to_vec())),
        ("cut in the middle of a line".to_owned(), Some(bytes[..bytes.len() - 4].to_vec())),
        ("too large".to_owned(), Some([bytes, &vec![b'\n'; 70_000]].concat())),
        ("not UTF-8".to_owned(), Some([bytes, b"\xff\n"].concat())),
        ("UTF-16".to_owned(), Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect())),
        ("an empty line".to_owned(), Some([bytes, b"\n"].concat())),
        ("a row twice".to_owned(), Some([bytes, lines[1].as_bytes()].concat())),
        ("half a row".to_owned(), Some([bytes, b"x,y\n"].concat())),
        ("without header".to_owned(), Some(lines[1..].concat().into_bytes())),
        ("another column".to_owned(), Some(text.replacen('\n', ",more\n", 1).into_bytes())),
        ("semicolons".to_owned(), Some(text.replace(',', ";").into_bytes())),
    ];
    for number in 1..lines.len() {
        let mut formula: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        formula[number] = format!("={}", formula[number]);
        all.push((format!("a formula in line {}", number + 1), Some(formula.concat().into_bytes())));
        if remembered {
            let mut less = lines.clone();
            less.remove(number);
            all.push((format!("line {} removed", number + 1), Some(less.concat().into_bytes())));
        }
    }
    all
}

#[tokio::test]
async fn no_harm_to_a_file_of_a_register_is_taken_for_a_whole_one() {
    let dir = examples();
    let (mut tried, mut violations) = (0, Vec::new());
    for register in REGISTERS {
        let collector = collector(register, dir.path());
        let (clean, exchanges) = run(collector.as_ref(), &task(None)).await;
        let task = task(clean.unwrap().carry().cloned());
        let read = exchanges.iter().filter(|exchange| exchange.head.request.method == "READ");
        for url in read.map(|exchange| url::Url::parse(&exchange.head.request.url).unwrap()) {
            let path = url.to_file_path().unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            for (harm, bytes) in harms(&text, !NOT_REMEMBERED.contains(&name.as_str())) {
                match bytes {
                    Some(bytes) => fs::write(&path, bytes).unwrap(),
                    None => fs::remove_file(&path).unwrap(),
                }
                violations.extend(violation(&format!("{register} {name}: {harm}"), collector.as_ref(), &task).await);
                tried += 1;
            }
            let elsewhere = dir.path().join("elsewhere");
            fs::write(&elsewhere, &text).unwrap();
            fs::remove_file(&path).ok();
            std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
            violations.extend(violation(&format!("{register} {name}: a link"), collector.as_ref(), &task).await);
            fs::remove_file(&path).unwrap();
            fs::write(&path, &text).unwrap();
        }
    }
    assert!(tried > 250 && violations.is_empty(), "{tried} tried: {violations:#?}");
}

#[tokio::test]
async fn a_row_of_what_was_done_that_goes_is_seen_by_the_judge() {
    let dir = examples();
    for (register, file, test) in
        [("workforce", "training.csv", "training/1"), ("workforce", "acknowledgements.csv", "acknowledgement/1")]
    {
        let collector = collector(register, dir.path());
        let text = fs::read_to_string(dir.path().join(file)).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let outcome = |result: &Result<Population, CollectError>| {
            let names = evidenced::judge::Test::NAMES.iter();
            let tests = names.map(|name| evidenced::judge::Test::parse(name, &Value::Null).unwrap());
            let taking = tests.filter(|one| one.takes() == evidenced::judge::Takes::Workforce);
            let at = taking.map(|one| one.rules()).position(|rules| rules == test).unwrap();
            verdicts(result, &task(None), now())[at].outcome
        };
        let (clean, _) = run(collector.as_ref(), &task(None)).await;
        assert_eq!(outcome(&clean), VerdictOutcome::Pass, "{test}: {clean:?}");
        for number in 1..lines.len() {
            let mut less = lines.clone();
            less.remove(number);
            fs::write(dir.path().join(file), less.concat()).unwrap();
            let (result, _) = run(collector.as_ref(), &task(None)).await;
            assert_ne!(outcome(&result), VerdictOutcome::Pass, "{file} without line {}", number + 1);
        }
        fs::write(dir.path().join(file), text).unwrap();
    }
}
