//! Schedules, catch-up, overlap and stopping: every due slot has exactly one record.

mod disk;
mod misfit;
mod reload;
mod slow;
mod socket;

use chrono::{DateTime, TimeDelta, Utc};
use evidenced::config::{Loaded, parse};
use evidenced::daemon::daemon;
use evidenced::ledger::record::{Body, End, Trigger};
use evidenced::ledger::{Create, Filter, Ledger, NewRecord};
use evidenced::run::Runner;
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, ManualClock, SystemClock};
use std::future::{pending, ready};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// A company with one store, whose restore tests are read every hour.
struct World {
    dir: TempDir,
    clock: Arc<ManualClock>,
    catch_up: &'static str,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl World {
    fn new(catch_up: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let clock = Arc::new(ManualClock::at(at("2026-01-10T10:30:00Z")));
        let world = Self { dir, clock, catch_up };
        create(&world.loaded(), world.clock.now());
        world
    }

    fn loaded(&self) -> Loaded {
        parsed(self.dir.path(), &self.text("0 * * * *"))
    }

    fn text(&self, schedule: &str) -> String {
        let settings =
            format!("directory = '{}'\nstores = [{{ name = 'db' }}]", self.dir.path().join("logs").display());
        text(schedule, self.catch_up, "backup_restores", &settings, "restore_test")
    }

    fn runner(&self) -> Arc<Runner> {
        let loaded = self.loaded();
        let ledger = Ledger::open(&loaded.state_dir).unwrap();
        Arc::new(Runner::new(loaded, ledger, self.clock.clone()))
    }

    /// One slot after the other: when due, and what became of it.
    fn slots(&self) -> Vec<(String, String)> {
        let reader = self.runner().reader().unwrap();
        let mut slots = Vec::new();
        for found in reader.records(0..u64::MAX, &Filter::default()) {
            match found.unwrap().1.body {
                Body::RunOpened { scheduled_for: Some(slot), trigger, .. } => {
                    slots.push((slot, format!("{trigger:?}")))
                }
                Body::Missed { scheduled_for, reason, .. } => slots.push((scheduled_for, reason)),
                _ => {}
            }
        }
        slots.sort();
        slots.into_iter().map(|(slot, what)| (slot.format("%H:%M").to_string(), what)).collect()
    }

    fn ends(&self) -> Vec<End> {
        let reader = self.runner().reader().unwrap();
        let closed = reader.records(0..u64::MAX, &Filter::kind("run_closed"));
        closed
            .map(|found| match found.unwrap().1.body {
                Body::RunClosed { end, .. } => end,
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

fn loaded(dir: &Path, schedule: &str, catch_up: &str, kind: &str, settings: &str, test: &str) -> Loaded {
    parsed(dir, &text(schedule, catch_up, kind, settings, test))
}

fn text(schedule: &str, catch_up: &str, kind: &str, settings: &str, test: &str) -> String {
    format!(
        "organization = 'Test'\norigin = 'test.example/soc2'\nstate_dir = 'state'\nstop_timeout = '1s'\n\
         [collectors.c]\nkind = '{kind}'\nschedule = '{schedule}'\ncatch_up = '{catch_up}'\n\
         [collectors.c.settings]\n{settings}\n\
         [controls.T-1]\ntitle = 't'\ncriteria = ['CC7.5']\nowner = 'o'\nseverity = 'high'\n\
         collectors = ['c']\ntest = '{test}'\nstale_after = '36h'\n"
    )
}

fn parsed(dir: &Path, text: &str) -> Loaded {
    parse(&dir.join("evidenced.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

fn create(loaded: &Loaded, at: DateTime<Utc>) {
    let create = Create { organization: "Test".into(), origin: "test.example/soc2".into(), sample: true, at };
    Ledger::create(&loaded.state_dir, create).unwrap();
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(slot, what)| ((*slot).to_owned(), (*what).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_downtime_every_slot_has_one_record_and_the_latest_is_caught_up() {
    let world = World::new("latest");
    daemon(world.runner(), ready(())).await.unwrap();
    assert!(world.slots().is_empty(), "nothing was due before the daemon first ran");
    world.clock.advance(TimeDelta::hours(2));
    daemon(world.runner(), ready(())).await.unwrap();
    let expected = pairs(&[("11:00", "the daemon was not running"), ("12:00", "CatchUp")]);
    assert_eq!(world.slots(), expected);
    daemon(world.runner(), ready(())).await.unwrap();
    assert_eq!(world.slots(), expected, "starting again runs nothing twice");
    assert_eq!(world.ends(), [End::Done]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_catch_up_none_both_slots_are_recorded_as_missed() {
    let world = World::new("none");
    daemon(world.runner(), ready(())).await.unwrap();
    world.clock.advance(TimeDelta::hours(2));
    daemon(world.runner(), ready(())).await.unwrap();
    let missed = "the daemon was not running";
    assert_eq!(world.slots(), pairs(&[("11:00", missed), ("12:00", missed)]));
    assert!(world.ends().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_does_not_overlap_itself_and_the_slot_is_missed_with_the_reason() {
    let world = World::new("latest");
    let runner = world.runner();
    runner.record_config("a test").await.unwrap();
    let held = runner.ledger().lock_collector("c").unwrap().expect("nobody else holds it");
    world.clock.advance(TimeDelta::hours(1));
    let (_keep, never) = watch::channel(false);
    let policy = evidenced::config::CatchUp::Latest;
    runner.due("c", policy, Trigger::Schedule, never.clone()).await.unwrap();
    assert_eq!(world.slots(), pairs(&[("11:00", "the run before had not ended")]));
    drop(held);
    world.clock.advance(TimeDelta::hours(1));
    runner.due("c", policy, Trigger::Schedule, never).await.unwrap();
    assert_eq!(world.slots(), pairs(&[("11:00", "the run before had not ended"), ("12:00", "Schedule")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_dead_process_left_open_is_closed_as_interrupted() {
    let world = World::new("latest");
    let runner = world.runner();
    let now = world.clock.now();
    let body = Body::RunOpened {
        run: "00000000000000000000000000000001".into(),
        collector: "c".into(),
        seq: 0,
        trigger: Trigger::Manual,
        scheduled_for: None,
        window: Window { start: now, end: now },
    };
    runner.ledger().append(vec![NewRecord { at: now, body, files: Vec::new() }]).await.unwrap();
    daemon(world.runner(), ready(())).await.unwrap();
    assert_eq!(world.ends(), [End::Interrupted]);
}

/// Settings of `github_changes` for a source at that address, whose token is in the directory.
fn asking(address: SocketAddr, dir: &Path) -> String {
    let token = dir.join("token");
    std::fs::write(&token, "sample-token-1234").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    format!(
        "api_url = 'http://{address}/'\nrepositories = [{{ name = 'acme/shop', branches = ['main'] }}]\n\
         credentials = {{ token = {{ file = '{}' }} }}",
        token.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_aborts_a_run_that_does_not_end_and_records_it() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let settings = asking(silent.local_addr().unwrap(), dir.path());
    let make = || loaded(dir.path(), "0 * * * *", "latest", "github_changes", &settings, "change_review");
    let clock = Arc::new(ManualClock::at(at("2026-01-10T10:30:00Z")));
    create(&make(), clock.now());
    let runner = || Arc::new(Runner::new(make(), Ledger::open(&make().state_dir).unwrap(), clock.clone()));
    daemon(runner(), ready(())).await.unwrap();
    clock.advance(TimeDelta::hours(1));
    let asked = async {
        let (_connection, _) = silent.accept().await.unwrap();
        tokio::spawn(async move {
            let _held = _connection;
            pending::<()>().await;
        });
    };
    daemon(runner(), asked).await.unwrap();
    let reader = runner().reader().unwrap();
    let (_, closed) = reader.newest(&Filter::kind("run_closed")).unwrap().expect("the run has an end");
    assert!(matches!(closed.body, Body::RunClosed { end: End::Aborted, .. }), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timer_brings_a_scheduled_run_within_its_minute() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    let settings = format!("directory = '{}'\nstores = [{{ name = 'db' }}]", dir.path().join("logs").display());
    let make = || loaded(dir.path(), "* * * * *", "none", "backup_restores", &settings, "restore_test");
    create(&make(), SystemClock.now());
    let runner = Arc::new(Runner::new(make(), Ledger::open(&make().state_dir).unwrap(), Arc::new(SystemClock)));
    let seen = runner.clone();
    let closed = async move {
        let mut look = tokio::time::interval(Duration::from_millis(200));
        while seen.reader().unwrap().newest(&Filter::kind("run_closed")).unwrap().is_none() {
            look.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(75), daemon(runner.clone(), closed))
        .await
        .expect("due in a minute")
        .unwrap();
    let reader = runner.reader().unwrap();
    let (_, opened) = reader.newest(&Filter::kind("run_opened")).unwrap().unwrap();
    assert!(matches!(opened.body, Body::RunOpened { trigger: Trigger::Schedule, .. }), "{opened:?}");
}
