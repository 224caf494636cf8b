//! A company with two collectors over the same stores, each of which feeds a control: what a selection must tell apart.

use super::world::{at, block, create, history, summarize};
use chrono::TimeDelta;
use evidenced::config::{Loaded, parse};
use evidenced::ledger::bundle_key::BundleKey;
use evidenced::ledger::record::{Body, Record, Trigger};
use evidenced::ledger::{Filter, Ledger, NewFile, NewRecord};
use evidenced::run::Runner;
use evidenced_collectors::contract::clock::ManualClock;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;

/// Two collectors over the same stores, and a control over each: ONE over `one`, TWO over `two`. Summaries
/// before, within and after January.
pub(super) struct Two {
    pub(super) dir: TempDir,
    clock: Arc<ManualClock>,
    pub(super) runner: Runner,
}

fn two(dir: &Path, one: &str, two: &str) -> Loaded {
    let mut text = "organization = 'Test Ltd.'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n".to_owned();
    for name in ["one", "two"] {
        text.push_str(&format!(
            "[collectors.{name}]\nkind = 'backup_restores'\nschedule = '0 2 * * *'\n\
             [collectors.{name}.settings]\ndirectory = '{}'\nstores = [{{ name = 'db', rto_target_s = 14400, rpo_target_s = 86400 }}, {{ name = 'files', rto_target_s = 14400, rpo_target_s = 86400 }}]\n",
            dir.join("logs").display()
        ));
    }
    for (id, collector, criterion) in [("ONE", one, "A1.3"), ("TWO", two, "A1.2")] {
        text.push_str(&format!(
            "[controls.{id}]\ntitle = 't'\ncriteria = ['{criterion}']\nowner = 'o'\nseverity = 'high'\n\
             collectors = ['{collector}']\ntest = 'restore_test'\nstale_after = '400d'\n"
        ));
    }
    parse(&dir.join("evidenced.toml"), &text).unwrap_or_else(|error| panic!("{error}"))
}

impl Two {
    /// The key that signs its bundles.
    pub(super) fn key(&self) -> BundleKey {
        self.runner.ledger().bundle_key().unwrap()
    }

    pub(super) fn new() -> Self {
        let two = Self::begin();
        two.story();
        two
    }

    /// The same, but from the middle of January on the control ONE is fed by the other collector.
    pub(super) fn moved() -> Self {
        let mut world = Self::begin();
        for name in ["one", "two"] {
            world.run(name, "2026-01-05T02:00:00Z");
        }
        let loaded = two(world.dir.path(), "two", "one");
        world.runner = Runner::new(loaded, world.runner.ledger().clone(), world.clock.clone());
        block(world.runner.record_config("a test")).unwrap();
        for name in ["one", "two"] {
            world.run(name, "2026-01-09T02:00:00Z");
        }
        world.run("one", "2026-02-10T02:00:00Z");
        world
    }

    /// One control over both collectors, which run at once until a verdict does not know what the other run has sealed
    /// while it was being made.
    pub(super) fn overlapping() -> Self {
        let mut world = Self::begin();
        let loaded = two(world.dir.path(), "one', 'two", "two");
        world.runner = Runner::new(loaded, world.runner.ledger().clone(), world.clock.clone());
        block(world.runner.record_config("a test")).unwrap();
        for round in 0..500 {
            world.clock.set(at("2026-01-05T02:00:00Z") + TimeDelta::minutes(round));
            let run = |name: &'static str| {
                let (_keep, never) = watch::channel(false);
                let runner = &world.runner;
                async move { runner.run(name, Trigger::Manual, None, never).await.unwrap() }
            };
            let both = async { tokio::join!(run("one"), run("two")) };
            tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(both);
            if world.overtaken() {
                return world;
            }
        }
        panic!("no run has overtaken another one");
    }

    /// Whether the newest but one verdict on ONE lacks evidence that was sealed before it.
    fn overtaken(&self) -> bool {
        let reader = self.runner.reader().unwrap();
        let newest =
            |kind: &'static str| reader.records_newest_first(0..u64::MAX, &Filter::kind(kind)).map(Result::unwrap);
        let of_one = |record: &Record| matches!(&record.body, Body::Verdict { control, .. } if control == "ONE");
        let (index, record) = newest("verdict").filter(|(_, record)| of_one(record)).nth(1).unwrap();
        let Body::Verdict { evidence, .. } = record.body else { return false };
        newest("evidence").take(2).any(|(sealed, _)| sealed < index && !evidence.contains(&sealed))
    }

    /// A verdict on ONE over the evidence of the other collector, sealed by the log's own key.
    pub(super) fn crossed() -> Self {
        let world = Self::begin();
        for name in ["two", "one"] {
            world.run(name, "2026-01-05T02:00:00Z");
        }
        let reader = world.runner.reader().unwrap();
        let (index, mut record) = reader.newest(&Filter::kind("verdict")).unwrap().unwrap();
        let theirs = reader.records(0..u64::MAX, &Filter::kind("evidence")).map(Result::unwrap);
        let of_two = |record: &Record| matches!(&record.body, Body::Evidence { collector, .. } if collector == "two");
        let theirs = theirs.filter(|(_, record)| of_two(record)).last().unwrap().0;
        let Body::Verdict { evidence, .. } = &mut record.body else { panic!("{record:?}") };
        *evidence = vec![theirs];
        let files = ["judgements.json", "policy.json", "standing.json"]
            .map(|name| NewFile::json(name, reader.read_file(index, name).unwrap()));
        let again = NewRecord { at: record.at, body: record.body, files: files.into() };
        block(world.runner.ledger().append(vec![again])).unwrap();
        world
    }

    fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let clock = Arc::new(ManualClock::at(at("2025-12-15T00:00:00Z")));
        let loaded = two(dir.path(), "one", "two");
        let ledger = Ledger::create(&loaded.state_dir, create()).unwrap();
        let runner = Runner::new(loaded, ledger, clock.clone());
        block(runner.record_config("a test")).unwrap();
        let world = Self { dir, clock, runner };
        for name in ["one", "two"] {
            world.run(name, "2025-12-16T02:00:00Z");
        }
        summarize(&world.runner);
        world.run("one", "2025-12-30T02:00:00Z");
        world
    }

    fn story(&self) {
        for when in ["2026-01-05T02:00:00Z", "2026-01-09T02:00:00Z"] {
            self.run("one", when);
            self.run("two", when);
        }
        for (collector, control) in [("one", "ONE"), ("two", "TWO")] {
            self.clock.set(at("2026-01-10T02:00:00Z"));
            self.append(Body::Missed {
                collector: collector.into(),
                seq: 0,
                scheduled_for: at("2026-01-10T02:00:00Z"),
                reason: "the daemon was not running".into(),
            });
            self.append(Body::Waiver {
                control: control.into(),
                item: "something else".into(),
                reason: "accepted until the move".into(),
                approver: "Ann".into(),
                recorded_by: "tester".into(),
                approved_at: at("2026-01-10T00:00:00Z"),
                expires: at("2026-03-01T00:00:00Z"),
            });
        }
        summarize(&self.runner);
        self.run("two", "2026-01-24T02:00:00Z");
        self.run("one", "2026-01-25T02:00:00Z");
        self.run("two", "2026-02-09T02:00:00Z");
        self.run("one", "2026-02-10T02:00:00Z");
    }

    pub(super) fn run(&self, name: &str, when: &str) {
        history().write_until(&self.dir.path().join("logs"), at(when)).unwrap();
        self.clock.set(at(when));
        let (_keep, never) = watch::channel(false);
        block(self.runner.run(name, Trigger::Schedule, Some(at(when)), never)).unwrap();
    }

    fn append(&self, body: Body) {
        block(self.runner.append(vec![(body, Vec::new())])).unwrap();
    }
}
