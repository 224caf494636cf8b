//! Want of space, and too much at once: what is due then, who hears of it, and that it goes on by itself.

use super::{World, asking, at, create, pairs, parsed, text};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::config::CatchUp;
use evidenced::daemon::{alive, daemon};
use evidenced::disk::Disk;
use evidenced::ledger::record::{Body, Trigger};
use evidenced::ledger::{Filter, Ledger};
use evidenced::notify::message::Event;
use evidenced::run::{RunError, Runner};
use evidenced_collectors::contract::clock::{Clock, ManualClock};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

const MIB: u64 = 1 << 20;

fn runner(world: &World, schedule: &str, more: &str, free: &Arc<AtomicU64>) -> Runner {
    let loaded = parsed(world.dir.path(), &format!("{}{more}", world.text(schedule)));
    let ledger = Ledger::open(&loaded.state_dir).unwrap();
    Runner::new(loaded, ledger, world.clock.clone()).on_disk(Disk::Said(free.clone()))
}

async fn look(runner: &Runner) {
    let (_keep, never) = watch::channel(false);
    runner.watch().await.unwrap();
    runner.due("c", CatchUp::Latest, Trigger::Schedule, never).await.unwrap();
}

fn told(runner: &Runner) -> Vec<Event> {
    let reader = runner.reader().unwrap();
    let alerts = reader.records(0..u64::MAX, &Filter::kind("alert"));
    let of = alerts.map(|found| match found.unwrap().1.body {
        Body::Alert { event, .. } => event,
        other => panic!("{other:?}"),
    });
    of.filter(|event| matches!(event, Event::DiskLow | Event::DiskRecovered | Event::Gap)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_slots_are_missed_for_the_disk_people_are_told_and_it_goes_on_by_itself() {
    let (world, free) = (World::new("latest"), Arc::new(AtomicU64::new(5_000 * MIB)));
    let runner =
        runner(&world, "0 * * * *", "[limits]\ndisk_reserve_mib = 300\n[alerts]\ndisk_free_min_mib = 1000\n", &free);
    runner.record_config("a test").await.unwrap();
    world.clock.advance(TimeDelta::hours(1));
    look(&runner).await;
    free.store(299 * MIB, Ordering::Relaxed);
    world.clock.advance(TimeDelta::hours(1));
    look(&runner).await;
    look(&runner).await;
    let missed = "nothing is collected: the disk has 299 MiB left, less than the 300 that are kept free";
    assert_eq!(world.slots(), pairs(&[("11:00", "Schedule"), ("12:00", missed)]));
    assert_eq!(told(&runner), [Event::DiskLow, Event::Gap]);
    let (_keep, never) = watch::channel(false);
    let refused = runner.run("c", Trigger::Manual, None, never).await.unwrap_err();
    assert!(matches!(refused, RunError::NoSpace(_)) && refused.to_string().contains("hint: make room"), "{refused}");
    // Enough to collect, and not enough to say that all is well.
    free.store(300 * MIB, Ordering::Relaxed);
    world.clock.advance(TimeDelta::hours(1));
    look(&runner).await;
    let expected = pairs(&[("11:00", "Schedule"), ("12:00", missed), ("13:00", "Schedule")]);
    assert_eq!(world.slots(), expected);
    assert!(!told(&runner).contains(&Event::DiskRecovered), "{:?}", told(&runner));
    // Around the limit nobody is told that it is over, nor that it begins again.
    let before = told(&runner);
    for free_mib in [1_000, 999, 1_099, 999, 1_050] {
        free.store(free_mib * MIB, Ordering::Relaxed);
        look(&runner).await;
    }
    assert_eq!(told(&runner), before);
    free.store(1_100 * MIB, Ordering::Relaxed);
    look(&runner).await;
    look(&runner).await;
    assert_eq!(told(&runner).iter().filter(|event| **event == Event::DiskRecovered).count(), 1);
    assert_eq!(told(&runner).last(), Some(&Event::DiskRecovered));
    // Low again on the same day: told again, for somebody thinks that it is over.
    free.store(10 * MIB, Ordering::Relaxed);
    look(&runner).await;
    assert_eq!(told(&runner).last(), Some(&Event::DiskLow));
    // Nothing went green for want of space: what is not collected goes stale.
    world.clock.advance(TimeDelta::hours(40));
    look(&runner).await;
    let present = evidenced::assess::present(&runner.reader().unwrap(), &runner.loaded(), "T-1", world.clock.now());
    assert_ne!(present.unwrap().state, evidenced::drift::State::Effective);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_beyond_the_runs_at_once_waits_and_is_not_missed() {
    let (world, free) = (World::new("latest"), Arc::new(AtomicU64::new(5_000 * MIB)));
    let second = "[collectors.d]\nkind = 'github_changes'\nschedule = '0 * * * *'\n[collectors.d.settings]\n";
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token = world.dir.path().join("token");
    std::fs::write(&token, "sample-token-1234").unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = format!(
        "api_url = 'http://{}/'\nrepositories = [{{ name = 'acme/shop', branches = ['main'] }}]\n\
         credentials = {{ token = {{ file = '{}' }} }}\n[limits]\nruns_at_once = 1\n",
        silent.local_addr().unwrap(),
        token.display()
    );
    let runner = Arc::new(runner(&world, "0 * * * *", &format!("{second}{settings}"), &free));
    runner.record_config("a test").await.unwrap();
    world.clock.advance(TimeDelta::hours(1));
    let (stop, stopped) = watch::channel(false);
    let other = runner.clone();
    let long = tokio::spawn(async move { other.due("d", CatchUp::Latest, Trigger::Schedule, stopped).await });
    let held = silent.accept().await.unwrap();
    look(&runner).await;
    assert_eq!(world.slots(), pairs(&[("11:00", "Schedule")]), "that of d alone");
    assert!(!runner.has_turned_away(), "there is no turn for them");
    stop.send_replace(true);
    long.await.unwrap().unwrap();
    drop(held);
    assert!(runner.has_turned_away() && !runner.has_turned_away());
    look(&runner).await;
    assert_eq!(world.slots(), pairs(&[("11:00", "Schedule"), ("11:00", "Schedule")]));
}

/// A clock that says how often it was asked: once for each look at a collector.
struct Counting {
    clock: ManualClock,
    asked: AtomicU64,
}

#[async_trait::async_trait]
impl Clock for Counting {
    fn now(&self) -> DateTime<Utc> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    fn simulated(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_turned_away_is_not_looked_at_again_and_again_while_there_is_no_turn() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let settings = asking(silent.local_addr().unwrap(), dir.path());
    let first = text("0 * * * *", "latest", "github_changes", &settings, "change_review");
    let others = ["d", "e"].map(|name| {
        let kind = "kind = 'github_changes'\nschedule = '0 * * * *'";
        format!("[collectors.{name}]\n{kind}\n[collectors.{name}.settings]\n{settings}\n")
    });
    let text = format!("{first}{}[limits]\nruns_at_once = 1\n", others.concat());
    let make = || parsed(dir.path(), &text);
    let clock = Arc::new(Counting { clock: ManualClock::at(at("2026-01-10T10:30:00Z")), asked: AtomicU64::new(0) });
    create(&make(), clock.now());
    let runner = || Arc::new(Runner::new(make(), Ledger::open(&make().state_dir).unwrap(), clock.clone()));
    daemon(runner(), ready(())).await.unwrap();
    // All three are due, and whichever comes first has the one turn for as long as this lasts.
    clock.clock.advance(TimeDelta::hours(1));
    let (state, looked) = (make().state_dir, AtomicU64::new(0));
    let answered = async {
        let _held = silent.accept().await.unwrap();
        let before = clock.asked.load(Ordering::Relaxed);
        // Each answer is given by the loop that looks.
        for _ in 0..1_000 {
            alive(&state, Duration::from_secs(60)).await.unwrap();
        }
        looked.store(clock.asked.load(Ordering::Relaxed) - before, Ordering::Relaxed);
    };
    daemon(runner(), answered).await.unwrap();
    let looked = looked.load(Ordering::Relaxed);
    assert!(looked <= 30, "{looked} looks at three collectors");
    let opened = runner().reader().unwrap().records(0..u64::MAX, &Filter::kind("run_opened")).count();
    assert_eq!(opened, 1, "the others were turned away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_with_retention_erases_old_evidence_by_itself() {
    let (world, free) = (World::new("latest"), Arc::new(AtomicU64::new(5_000 * MIB)));
    let runner = Arc::new(runner(&world, "0 0 1 1 *", "[retention]\nevidence = '730d'\n", &free));
    runner.record_config("a test").await.unwrap();
    let collect = async || {
        let (_keep, never) = watch::channel(false);
        runner.run("c", Trigger::Manual, None, never).await.unwrap();
    };
    // Month by month: a log that is silent for longer is no witness of the time.
    for hours in [1, 1].into_iter().chain([30 * 24; 25]) {
        world.clock.advance(TimeDelta::hours(hours));
        collect().await;
    }
    let evidence = |runner: &Runner| runner.reader().unwrap().evidence_before(at("2100-01-01T00:00:00Z")).unwrap();
    let before = evidence(&runner);
    assert_eq!(before.len(), 27);
    let seen = runner.clone();
    let erased = async move {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while seen.reader().unwrap().records(0..u64::MAX, &Filter::kind("erasure")).count() < 2 {
            look.tick().await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, daemon(runner.clone(), erased)).await.expect("erased").unwrap();
    assert_eq!(evidence(&runner)[0], before[2], "what is younger stays");
    let (_, erasure) = runner.reader().unwrap().newest(&Filter::kind("erasure")).unwrap().unwrap();
    let Body::Erasure { approved_by, .. } = erasure.body else { unreachable!() };
    assert!(approved_by.starts_with("[retention] of the configuration in record "), "{approved_by}");
    assert_eq!(evidenced::ledger::verify_store(&runner.loaded().state_dir).unwrap().first, None);
    // The next run goes on from what is left.
    collect().await;
}
