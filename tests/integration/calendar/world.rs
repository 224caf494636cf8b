//! One collector over a folder of restore tests, a real ledger, and a clock that does what it is told.

use chrono::{DateTime, Utc};
use evidenced::assess;
use evidenced::config::{CatchUp, Loaded, parse};
use evidenced::drift::State;
use evidenced::ledger::record::{Body, Trigger};
use evidenced::ledger::{Create, Filter, Ledger, Reader};
use evidenced::run::Runner;
use evidenced::schedule::Outcome;
use evidenced::slots;
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;

/// A cron line and its time zone.
pub(super) type Line = (&'static str, &'static str);

/// How old evidence of the control may be.
pub(super) const STALE_HOURS: i64 = 36;

pub(super) struct World {
    dir: TempDir,
    pub(super) clock: Arc<ManualClock>,
    runner: Option<Runner>,
    start: DateTime<Utc>,
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl World {
    /// With an empty ledger, and no daemon.
    pub(super) fn begin(start: DateTime<Utc>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let world = Self { dir, clock: Arc::new(ManualClock::at(start)), runner: None, start };
        let create =
            Create { organization: "Test".into(), origin: "test.example/soc2".into(), sample: false, at: start };
        Ledger::create(&world.loaded(None).state_dir, create).unwrap();
        world
    }

    /// With the collector, or another one in its place.
    fn loaded(&self, line: Option<Line>) -> Loaded {
        let (name, (schedule, timezone)) = line.map_or(("other", ("0 0 1 1 *", "UTC")), |line| ("c", line));
        let text = format!(
            "organization = 'Test'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
             [collectors.{name}]\nkind = 'backup_restores'\nschedule = '{schedule}'\ntimezone = '{timezone}'\n\
             [collectors.{name}.settings]\ndirectory = '{}'\nstores = [{{ name = 'db', in_scope = false, reason = 'a test' }}]\n\
             [controls.T-1]\ntitle = 't'\ncriteria = ['CC7.5']\nowner = 'o'\nseverity = 'high'\n\
             collectors = ['{name}']\ntest = 'restore_test'\nstale_after = '{STALE_HOURS}h'\n",
            self.logs().display()
        );
        parse(&self.dir.path().join("evidenced.toml"), &text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Where the restore tests lie: moved away, a run fails.
    pub(super) fn logs(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    /// What a daemon does when it starts, with the schedule or without the collector.
    pub(super) async fn start(&mut self, line: Option<Line>, policy: CatchUp) {
        drop(self.runner.take());
        let loaded = self.loaded(line);
        let ledger = Ledger::open(&loaded.state_dir).unwrap();
        let runner = Runner::new(loaded, ledger, self.clock.clone());
        runner.close_interrupted().await.unwrap();
        runner.record_config("a test").await.unwrap();
        runner.due_of_taken_out().await.unwrap();
        runner.watch().await.unwrap();
        self.runner = Some(runner);
        if line.is_some() {
            self.look(policy, Trigger::CatchUp).await;
        }
    }

    pub(super) fn runner(&self) -> &Runner {
        self.runner.as_ref().expect("it was started")
    }

    /// What a daemon does when its timer rings.
    pub(super) async fn look(&self, policy: CatchUp, trigger: Trigger) {
        let (_keep, never) = watch::channel(false);
        self.runner().due("c", policy, trigger, never).await.unwrap();
    }

    pub(super) async fn append(&self, body: Body) {
        self.runner().append(vec![(body, Vec::new())]).await.unwrap();
    }

    fn reader(&self) -> Reader {
        self.runner().reader().unwrap()
    }

    /// Each slot of the collector from the beginning on, and what became of it.
    pub(super) fn calendar(&self) -> Vec<(DateTime<Utc>, Outcome)> {
        let far = Window { start: self.start, end: at("2040-01-01T00:00:00Z") };
        let calendar = slots::calendar(&self.reader(), self.clock.now(), |_| far).unwrap();
        let found = calendar.collectors.into_iter().filter(|collector| collector.name == "c");
        found.flat_map(|collector| collector.slots).map(|line| (line.due, line.outcome)).collect()
    }

    /// What a daemon does every minute.
    pub(super) async fn watch(&self) {
        self.runner().watch().await.unwrap();
    }

    /// When the control became stale each time, by the records.
    pub(super) fn stale_since(&self) -> Vec<DateTime<Utc>> {
        let reader = self.reader();
        let since = reader.records(0..u64::MAX, &Filter::kind("transition").control("T-1")).filter_map(|found| {
            match found.unwrap().1.body {
                Body::Transition { to: State::Stale, since, .. } => Some(since.expect("the instant is known")),
                _ => None,
            }
        });
        since.collect()
    }

    /// What the control is.
    pub(super) fn state(&self) -> State {
        let status = evidenced::status::status(&self.reader(), &self.runner().loaded(), self.clock.now()).unwrap();
        status.controls[0].state
    }

    /// Until when the newest whole collection reaches.
    pub(super) fn newest_complete(&self) -> Option<DateTime<Utc>> {
        assess::newest_complete(&self.reader(), "c").unwrap().map(|complete| complete.window.end)
    }

    /// What `status` says of it.
    pub(super) fn unaccounted(&self) -> u64 {
        let status = evidenced::status::status(&self.reader(), &self.runner().loaded(), self.clock.now()).unwrap();
        status.collectors[0].unaccounted
    }

    /// Number of runs.
    pub(super) fn runs(&self) -> usize {
        self.reader().records(0..u64::MAX, &Filter::kind("run_opened").collector("c")).count()
    }
}
