//! The kind that reads files: every listing and every reading of a clean run fails in every way that the door
//! has, and then the files themselves are what they should not be.

use super::bed::Wrap;
use super::check::{Seen, Tally, judged, note};
use crate::support::drill::Drill;
use crate::support::replay::{Ran, verdicts};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use evidenced::judge::VerdictOutcome;
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use evidenced_collectors::contract::{CollectError, Collector, Population, Task, Window};
use evidenced_collectors::door::{Door, Exchange, Failure, Limits, Network};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const LIMITS: Limits = Limits {
    body_bytes_max: 64 << 10,
    run_bytes_max: 8 << 20,
    exchanges_max: 2_000,
    run_seconds_max: 6 * 3_600,
    request_seconds_max: 1,
    attempts_max: 1,
    wait_seconds_max: 1,
};

/// Logs of two stores, and the drill of a third.
pub(crate) struct Logs {
    drill: Drill,
    as_of: DateTime<Utc>,
    /// What a run before this one left.
    carry: Option<Value>,
}

/// What is done to a directory of logs.
pub(crate) type Harm = Box<dyn Fn(&Path) + Send + Sync>;

impl Logs {
    /// Six tests of each of two stores, and one drill.
    pub(crate) async fn new() -> Self {
        Self::of(6, 1).await
    }

    /// So many tests of each of two stores, and so many times the same drill.
    pub(crate) async fn of(tests: i64, drills: usize) -> Self {
        let drill = Drill::with_backup("restic");
        let (written, code) = drill.drill(&["--rto", "3600", "--rpo", "864000"]);
        assert_eq!(code, Some(0));
        let as_of = SystemClock.now();
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let review = json!({ "reviewer": "lena", "reviewed_at": time(as_of) });
        fs::write(written.join("review.json"), review.to_string()).unwrap();
        for number in 1..drills {
            let copied = drill.logs().join(format!("drill-{number}"));
            copy(&written, &copied);
            let mut facts: Value = serde_json::from_slice(&fs::read(copied.join("drill.json")).unwrap()).unwrap();
            facts["test_id"] = json!(format!("drill-{number}"));
            fs::write(copied.join("drill.json"), facts.to_string()).unwrap();
        }
        for store in ["ledger-db", "orders-db"] {
            let line = |number: i64| {
                let started = as_of
                    - Duration::days(1)
                    - Duration::days(180) * i32::try_from(number).unwrap() / i32::try_from(tests).unwrap();
                let line = json!({
                    "test_id": format!("{store}-{number}"), "store": store, "env_source": "production", "env_target": "isolated",
                    "recovery_point": time(started - Duration::hours(1)), "started": time(started),
                    "restored": time(started + Duration::hours(1)), "validated": time(started + Duration::hours(2)),
                    "status": "COMPLETED", "validation": "SUCCESSFUL", "performer": "sam", "reviewer": "lena",
                    "reviewed_at": time(started + Duration::hours(3)), "rto_target_s": 14400, "rpo_target_s": 14400,
                    "checks": [{ "name": "rows", "expected": 5, "actual": 5, "ok": true }],
                });
                format!("{line}\n")
            };
            let lines: Vec<String> = (0..tests).map(line).collect();
            for (number, lines) in lines.chunks(50).enumerate() {
                fs::write(drill.logs().join(format!("{store}-{number}.jsonl")), lines.concat()).unwrap();
            }
        }
        let mut logs = Self { drill, as_of, carry: None };
        let (result, ..) = logs.run(|own| own, &logs.drill.logs()).await;
        logs.carry = result.expect("the logs are whole").carry().cloned();
        logs
    }

    fn collector(&self, directory: &Path) -> Box<dyn Collector> {
        // One drill is not one in every quarter.
        let new = (self.as_of - Duration::days(10)).date_naive();
        let stores = [("files", Some(new)), ("ledger-db", None), ("orders-db", None)];
        let stores = stores.map(|(name, since)| json!({ "name": name, "since": since }));
        let settings = json!({ "directory": directory, "stores": stores });
        (evidenced_collectors::kind("backup_restores").unwrap().build)(&settings).unwrap()
    }

    fn task(&self) -> Task {
        let window = Window { start: self.as_of - Duration::days(1), end: self.as_of };
        Task { window, carry: self.carry.clone() }
    }

    async fn run(
        &self,
        wrap: Wrap,
        directory: &Path,
    ) -> (Result<Population, CollectError>, Vec<Exchange>, Box<dyn Collector>) {
        let collector = wrap(self.collector(directory));
        let door = Door::live(&Network::new(), Arc::new(ManualClock::at(self.as_of)), LIMITS);
        let result = collector.collect(&door, &self.task()).await;
        (result, door.take_exchanges(), collector)
    }

    /// Every fault, and what came of each.
    pub(crate) async fn tally(&self, wrap: Wrap) -> Tally {
        let mut tally = Tally { bed: "backup_restores, files".to_owned(), ..Tally::default() };
        let (clean, exchanges, _) = self.run(|own| own, &self.drill.logs()).await;
        assert!(clean.is_ok(), "{clean:?}");
        let verdicts = verdicts(&clean, &self.task(), self.as_of);
        assert!(verdicts.iter().all(|verdict| verdict.outcome == VerdictOutcome::Pass), "{verdicts:#?}");
        tally.requests = exchanges.len();
        for number in 0..exchanges.len() {
            for (name, failed) in failures(&exchanges[number]) {
                let mut given = exchanges.clone();
                given[number] = failed;
                note(&mut tally, self.given(wrap, &exchanges[number], name, given).await);
            }
        }
        for (name, harm) in harms(&self.drill.logs()) {
            note(&mut tally, self.harmed(wrap, &name, &harm).await);
        }
        tally
    }

    /// What comes of a copy of the logs to which this is done.
    pub(crate) async fn harmed(&self, wrap: Wrap, name: &str, harm: &Harm) -> Seen {
        let home = tempfile::tempdir().unwrap();
        copy(&self.drill.logs(), &home.path().join("logs"));
        harm(&home.path().join("logs"));
        let (result, exchanges, collector) = self.run(wrap, &home.path().join("logs")).await;
        let task = self.task();
        let ran = Ran { limits: LIMITS, task: &task, as_of: self.as_of, exchanges: &exchanges, result: &result };
        let replayed = ran.difference_on_replay(collector.as_ref()).await;
        let outcomes = verdicts(&result, &task, self.as_of).into_iter().map(|verdict| verdict.outcome);
        judged(name, name, &result, outcomes, replayed)
    }

    /// A run that is given these exchanges.
    async fn given(&self, wrap: Wrap, of: &Exchange, name: &str, exchanges: Vec<Exchange>) -> Seen {
        let collector = wrap(self.collector(&self.drill.logs()));
        let result = collector.collect(&Door::replay(exchanges, self.as_of, LIMITS), &self.task()).await;
        let what = format!("{} {}: {name}", of.head.request.method, of.head.request.url);
        let outcomes = verdicts(&result, &self.task(), self.as_of).into_iter().map(|verdict| verdict.outcome);
        judged(&what, name, &result, outcomes, None)
    }
}

/// The exchange as it is when the file system refuses, in every way that the door knows.
pub(super) fn failures(clean: &Exchange) -> Vec<(&'static str, Exchange)> {
    let failed = |failure: Failure| {
        let mut exchange = clean.clone();
        (exchange.head.response, exchange.body) = (Err(failure), Default::default());
        exchange
    };
    vec![
        ("vanished", failed(Failure::NotFound)),
        ("no permission", failed(Failure::Denied)),
        ("an error of the device", failed(Failure::Connection("file system: I/O error".to_owned()))),
        ("timed out", failed(Failure::TimedOut(1))),
        ("cut short", failed(Failure::CutShort("early end".to_owned()))),
        ("too large", failed(Failure::TooLarge(1))),
        ("over the limit of the run", failed(Failure::Limit("100 exchanges in one run".to_owned()))),
        ("refused", failed(Failure::Refused("a symbolic link".to_owned()))),
        ("no credentials", failed(Failure::Unauthenticated("nobody".to_owned()))),
    ]
}

/// Everything that is done to the files, one by one.
#[expect(clippy::too_many_lines, reason = "one list, a line or two for each harm")]
fn harms(logs: &Path) -> Vec<(String, Harm)> {
    let mut all: Vec<(String, Harm)> = Vec::new();
    for file in files_of(logs) {
        let place = file.strip_prefix(logs).unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        let mut say = |name: &str, how: Box<dyn Fn(&Path) + Send + Sync>| {
            let at = place.clone();
            let harm = move |logs: &Path| how(&logs.join(&at));
            all.push((format!("{name}: /{}", place.display()), Box::new(harm)));
        };
        let put = |bytes: Vec<u8>| -> Box<dyn Fn(&Path) + Send + Sync> {
            Box::new(move |file: &Path| fs::write(file, &bytes).unwrap())
        };
        say("removed", Box::new(|file| fs::remove_file(file).unwrap()));
        say(
            "a symbolic link",
            Box::new(|file| {
                let other = file.with_extension("elsewhere");
                fs::rename(file, &other).unwrap();
                std::os::unix::fs::symlink(&other, file).unwrap();
            }),
        );
        say(
            "a pipe",
            Box::new(|file| {
                fs::remove_file(file).unwrap();
                assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
            }),
        );
        say(
            "a directory in its place",
            Box::new(|file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }),
        );
        say("too large", put([&bytes[..], &vec![b'\n'; 65 << 10][..]].concat()));
        if bytes.is_empty() {
            continue;
        }
        // JSON ends with its bracket; a line, and what tools write line by line, with its line break.
        let one = place.extension().is_some_and(|extension| extension == "json");
        let end = if one { bytes.trim_ascii_end().len() } else { bytes.len() };
        say("cut before the last byte", put(bytes[..end - 1].to_vec()));
        say("cut in the middle", put(bytes[..bytes.len() / 2].to_vec()));
        say("not UTF-8", put([&bytes[..bytes.len() / 2], b"\xff", &bytes[bytes.len() / 2..]].concat()));
        say("emptied", put(Vec::new()));
        if place.extension().is_some_and(|extension| extension == "jsonl") {
            for (name, bytes) in lines(&bytes) {
                say(&name, put(bytes));
            }
        }
    }
    all.push((
        "every file removed: /".to_owned(),
        Box::new(|logs| {
            for entry in fs::read_dir(logs).unwrap() {
                let path = entry.unwrap().path();
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.unwrap();
            }
        }),
    ));
    all.push((
        "a drill removed: /".to_owned(),
        Box::new(|logs| {
            let drills = fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
            drills.for_each(|drill| fs::remove_dir_all(drill).unwrap());
        }),
    ));
    all.push(("the directory removed: /".to_owned(), Box::new(|logs| fs::remove_dir_all(logs).unwrap())));
    all.push((
        "a file in the place of the directory: /".to_owned(),
        Box::new(|logs| {
            fs::remove_dir_all(logs).unwrap();
            fs::write(logs, "").unwrap();
        }),
    ));
    all
}

/// Our own form, line by line and word by word.
fn lines(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let mut all = Vec::new();
    for number in 0..lines.len() {
        let mut less = lines.clone();
        less.remove(number);
        all.push((format!("line {} removed", number + 1), less.concat()));
    }
    let last: Value = serde_json::from_slice(lines[lines.len() - 1]).unwrap();
    let mut say = |name: String, line: &Value| {
        all.push((name, [lines[..lines.len() - 1].concat(), format!("{line}\n").into_bytes()].concat()));
    };
    let mut unknown = last.clone();
    unknown["something_new"] = json!(1);
    say("an unknown key".to_owned(), &unknown);
    for key in ["status", "validation"] {
        let mut other = last.clone();
        other[key] = json!("SOMETHING_NEW");
        say(format!("an unknown word: {key}"), &other);
    }
    for key in ["test_id", "store", "started", "status", "env_source"] {
        let mut less = last.clone();
        less.as_object_mut().unwrap().remove(key);
        say(format!("absent: {key}"), &less);
    }
    let mut stranger = last.clone();
    stranger["store"] = json!("nobody-registered-it");
    say("a store that nobody registered".to_owned(), &stranger);
    let twice = [bytes, lines[0]].concat();
    all.push(("a test twice".to_owned(), twice));
    all.push(("an empty line".to_owned(), [bytes, b"\n"].concat()));
    all
}

fn files_of(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries.flat_map(|path| if path.is_dir() { files_of(&path) } else { vec![path] }).collect();
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
