//! Who is told what, when, and that it arrives.

mod deliver;
mod everywhere;
mod process;
mod property;
mod world;

use chrono::TimeDelta;
use evidenced::config::{Severity, parse};
use evidenced::demo::restores::SampleEnding;
use evidenced::ledger::record::{About, Body, End, Trigger};
use evidenced::ledger::{Filter, LedgerError};
use evidenced::notify::message::Event;
use evidenced::notify::raise::Raise;
use evidenced::run::RunError;
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::sync::Arc;
use world::{TWO, World, at, title};

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_is_told_once_with_its_items_and_again_when_it_is_resolved() {
    let world = World::new(TWO);
    world.log(&[]);
    world.collect("2026-01-05T10:00:00Z").await;
    assert!(world.told().is_empty(), "that a control is first seen effective is no news: {:?}", world.told());
    world.clock.set(at("2026-01-06T09:00:00Z"));
    world.log(&[("2026-01-06T02:00:00Z", SampleEnding::Damaged)]);
    world.collect("2026-01-06T10:00:00Z").await;
    world.collect("2026-01-06T11:00:00Z").await;
    let told = world.told();
    assert_eq!(told, ["T-1 drifted", "T-2 drifted"], "once, though it was judged twice");
    let (index, alert) = world.alerts().into_iter().find(|(_, alert)| alert.event == Event::Drifted).unwrap();
    assert_eq!((alert.severity, alert.owner.as_deref()), (Severity::Critical, Some("Ann")));
    assert_eq!(alert.since, at("2026-01-06T10:00:00Z"));
    assert_eq!(alert.headline, "T-1 (Backups are proven) was effective and is deviating: 1 new deviation");
    let [item] = alert.items.as_slice() else { panic!("{:?}", alert.items) };
    assert_eq!((item.what.as_str(), item.reason.as_str()), ("deviates", "failure-not-followed-up"));
    assert_eq!(alert.next[0], format!("evidenced explain T-1 '{}'", item.item));
    assert!(alert.next[1].starts_with(&format!("evidenced waive T-1 '{}' --reason", item.item)), "{:?}", alert.next);
    // In one transaction with the transition: under the same checkpoint.
    let reader = world.reader();
    let (transition, _) = reader.newest(&Filter::kind("transition").control("T-1")).unwrap().unwrap();
    let covering = |index: u64| reader.checkpoint_at_or_after(index + 1).unwrap().unwrap().0;
    assert_eq!(covering(index), covering(transition));

    world.clock.set(at("2026-01-12T09:00:00Z"));
    world.log(&[("2026-01-06T02:00:00Z", SampleEnding::Damaged), ("2026-01-08T02:00:00Z", SampleEnding::Good)]);
    world.collect("2026-01-12T10:00:00Z").await;
    let resolved: Vec<_> = world.alerts().into_iter().filter(|(_, alert)| alert.event == Event::Resolved).collect();
    let [(_, alert), _] = resolved.as_slice() else { panic!("{:?}", world.told()) };
    assert_eq!(alert.items[0].what, "resolved");
    assert!(alert.ends() && alert.next.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_deviates_as_before_an_outage_is_named_when_it_can_be_read_again() {
    let world = World::new(TWO);
    world.log(&[]);
    world.collect("2026-01-05T10:00:00Z").await;
    world.clock.set(at("2026-01-06T09:00:00Z"));
    world.log(&[("2026-01-06T02:00:00Z", SampleEnding::Damaged)]);
    world.collect("2026-01-06T10:00:00Z").await;
    let (logs, away) = (world.dir.path().join("logs"), world.dir.path().join("away"));
    std::fs::rename(&logs, &away).unwrap();
    world.collect("2026-01-06T11:00:00Z").await;
    std::fs::rename(&away, &logs).unwrap();
    world.collect("2026-01-06T12:00:00Z").await;
    world.collect("2026-01-06T13:00:00Z").await;
    let drifts = world.alerts().into_iter().map(|(_, alert)| alert);
    let drifts: Vec<_> = drifts.filter(|alert| title(alert) == "T-1 drifted").collect();
    let [first, unread, again] = drifts.as_slice() else { panic!("{:?}", world.told()) };
    assert!(unread.headline.contains("was deviating and is indeterminate"), "{}", unread.headline);
    assert!(unread.items.iter().all(|item| item.what != "still deviates"), "nobody knows: {:?}", unread.items);
    assert!(again.headline.contains("was indeterminate and is deviating: 1 earlier deviation"), "{}", again.headline);
    let named: Vec<_> = again.items.iter().filter(|item| item.what == "still deviates").collect();
    let [item] = named.as_slice() else { panic!("{:?}", again.items) };
    assert_eq!((&item.item, &item.reason), (&first.items[0].item, &first.items[0].reason));
    assert!(again.next.contains(&format!("evidenced explain T-1 '{}'", item.item)), "{:?}", again.next);
    // The record of the change is what it was: it has not appeared.
    let reader = world.reader();
    let (_, transition) = reader.newest(&Filter::kind("transition").control("T-1")).unwrap().unwrap();
    let Body::Transition { appeared, .. } = transition.body else { panic!("{transition:?}") };
    assert_eq!(appeared, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_told_of_when_the_time_has_come() {
    let world = World::new(TWO);
    world.log(&[]);
    world.collect("2026-01-05T10:00:00Z").await;
    let runner = world.runner();
    world.clock.set(at("2026-01-06T21:59:59Z"));
    runner.watch().await.unwrap();
    assert!(world.told().is_empty());
    world.clock.set(at("2026-01-06T22:00:00Z"));
    runner.watch().await.unwrap();
    runner.watch().await.unwrap();
    assert_eq!(world.told(), ["T-1 stale"]);
    assert_eq!(world.alerts()[0].1.next, ["evidenced status", "evidenced collect now c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_missed_runs_are_one_alert_that_counts_them() {
    let world = World::new(TWO);
    world.log(&[]);
    world.collect("2026-01-05T10:00:00Z").await;
    world.step("2026-01-10T10:00:00Z").await;
    let gaps: Vec<_> = world.alerts().into_iter().filter(|(_, alert)| alert.event == Event::Gap).collect();
    let [(index, gap)] = gaps.as_slice() else { panic!("{:?}", world.told()) };
    assert!(
        gap.headline.starts_with("119 runs of c that were due from 2026-01-05 11:00Z to 2026-01-10 09:00Z"),
        "{}",
        gap.headline
    );
    assert_eq!(gap.severity, Severity::High, "the worst control's, but no reason to wake anybody");
    let reader = world.reader();
    let missed = reader.records(0..*index, &Filter::kind("missed"));
    assert_eq!(missed.count(), 119, "each slot has its record, and before the alert");
    assert!(matches!(reader.record(index - 1).unwrap().body, Body::Missed { .. }), "in one unit with them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_short_is_a_gap_if_it_was_due() {
    let world = World::new(TWO);
    world.collect("2026-01-05T10:00:00Z").await;
    let before = world.told().len();
    let runner = world.runner();
    let now = world.clock.now();
    for (run, scheduled_for) in [("01", None), ("02", Some(now))] {
        let body = Body::RunOpened {
            run: run.repeat(16),
            collector: "c".into(),
            seq: 0,
            trigger: Trigger::Manual,
            scheduled_for: scheduled_for.map(|at| at + TimeDelta::hours(1)),
            window: Window { start: now, end: now },
        };
        runner.append(vec![(body, Vec::new())]).await.unwrap();
    }
    runner.close_interrupted().await.unwrap();
    assert_eq!(world.told()[before..], ["c gap"], "a run that nobody had planned leaves no gap");
    let closed = world.reader().newest(&Filter::kind("run_closed")).unwrap().unwrap();
    assert!(matches!(closed.1.body, Body::RunClosed { end: End::Interrupted, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_fails_is_told_of_at_first_when_it_changes_and_when_it_is_well_again() {
    let world = World::new(TWO);
    world.log(&[]);
    world.collect("2026-01-05T10:00:00Z").await;
    let (logs, away) = (world.dir.path().join("logs"), world.dir.path().join("away"));
    let of_collector = || -> Vec<String> { world.told().into_iter().filter(|title| title.starts_with("c ")).collect() };
    std::fs::rename(&logs, &away).unwrap();
    world.collect("2026-01-05T11:00:00Z").await;
    assert_eq!(of_collector(), ["c collector_failing"]);
    world.collect("2026-01-05T12:00:00Z").await;
    assert_eq!(of_collector(), ["c collector_failing"], "it goes on, and is told of");
    let (_, alert) = world.alerts().into_iter().find(|(_, alert)| alert.event == Event::CollectorFailing).unwrap();
    assert_eq!(alert.since, at("2026-01-05T11:00:00Z"));
    assert!(!alert.items.is_empty() && alert.items[0].what == "not read", "{alert:?}");
    assert_eq!(alert.next.last().unwrap(), "evidenced collect now c");
    // It fails otherwise: the folder is there, and a line in it is no test.
    std::fs::rename(&away, &logs).unwrap();
    std::fs::write(logs.join("odd.jsonl"), "{\"no\": \"test\"}\n").unwrap();
    world.collect("2026-01-05T13:00:00Z").await;
    assert_eq!(of_collector(), ["c collector_failing", "c collector_failing"]);
    std::fs::remove_file(logs.join("odd.jsonl")).unwrap();
    world.collect("2026-01-05T14:00:00Z").await;
    world.collect("2026-01-05T15:00:00Z").await;
    assert_eq!(of_collector()[2..], ["c collector_recovered"]);
    let (_, well) = world.alerts().into_iter().find(|(_, alert)| alert.event == Event::CollectorRecovered).unwrap();
    assert!(well.headline.ends_with("complete again after failing since 2026-01-05 11:00Z"), "{}", well.headline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_is_told_of_before_it_ends_and_when_it_has_but_not_once_it_is_renewed() {
    let world = World::new(TWO);
    let runner = world.runner();
    let waive = async |item: &str, days: i64| {
        let now = world.clock.now();
        let body = Body::Waiver {
            control: "T-1".into(),
            item: item.into(),
            reason: "accepted".into(),
            approver: "Eve".into(),
            recorded_by: "a test".into(),
            approved_at: now,
            expires: now + TimeDelta::days(days),
        };
        runner.append(vec![(body, Vec::new())]).await.unwrap();
    };
    waive("long", 30).await;
    waive("short", 4).await;
    waive("renewed", 30).await;
    let mut seen: Vec<String> = Vec::new();
    for day in 0..40 {
        if day == 10 {
            waive("renewed", 300).await;
        }
        for _ in 0..3 {
            runner.watch().await.unwrap();
        }
        let new = world.alerts().into_iter().skip(seen.len());
        seen.extend(
            new.map(|(_, alert)| format!("{day} {} {}", alert.items[0].item, title(&alert))).collect::<Vec<_>>(),
        );
        world.clock.advance(TimeDelta::days(1));
    }
    assert_eq!(
        seen,
        [
            "2 short T-1 waiver_expiring",
            "4 short T-1 waiver_expired",
            "23 long T-1 waiver_expiring",
            "30 long T-1 waiver_expired"
        ]
    );
    assert_eq!(world.alerts()[2].1.severity, Severity::Medium, "there is time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_and_a_late_anchor_are_told_of_once_however_often_one_looks() {
    let text = format!(
        "{TWO}[alerts]\ndisk_free_min_mib = 1000000000\n[anchors.f]\nway = 'folder'\npath = 'share'\nevery = '1h'\n"
    );
    let world = World::new(&text);
    world.runner().record_config("a test").await.unwrap();
    let loaded = world.loaded();
    let ledger = evidenced::ledger::Ledger::open(&loaded.state_dir).unwrap();
    // A disk is as full as it is: with the real clock it is looked at. The anchor was named long ago, so it is late.
    let runner = evidenced::run::Runner::new(loaded, ledger, Arc::new(SystemClock));
    for _ in 0..3 {
        runner.watch().await.unwrap();
    }
    // Past midnight it would be told of again.
    let told: std::collections::BTreeSet<String> = world.told().into_iter().collect();
    assert_eq!(told.into_iter().collect::<Vec<String>>(), ["disk disk_low", "f anchor_late"]);
    assert!(world.told().len() <= 3, "{:?}", world.told());
    let (_, disk) = world.alerts().into_iter().find(|(_, alert)| alert.event == Event::DiskLow).unwrap();
    assert_eq!((disk.severity, disk.owner), (Severity::Critical, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_has_no_two_alerts_of_one_key() {
    let world = World::new(TWO);
    let runner = world.runner();
    let reader = world.reader();
    let draft = |key: &str| {
        let loaded = runner.loaded();
        let raise = Raise::new(&reader, &loaded).unwrap();
        let mut message = raise.rules().config_refused("line 3", "00ff", world.clock.now());
        message.key = key.to_owned();
        raise.draft(&message).unwrap()
    };
    runner.append(vec![draft("a"), draft("b")]).await.unwrap();
    let size = reader.size().unwrap();
    for unit in [vec![draft("c"), draft("b")], vec![draft("d"), draft("d")]] {
        let refused = runner.append(unit).await.unwrap_err();
        assert!(matches!(refused, RunError::Ledger(LedgerError::AlertTaken { .. })), "{refused}");
    }
    assert_eq!(reader.size().unwrap(), size, "a refused unit leaves nothing");
    assert_eq!(reader.alert("b").unwrap(), Some(size - 1));
    assert!(matches!(reader.record(size - 1).unwrap().body, Body::Alert { about: About::Daemon, .. }));
}

#[test]
fn routes_that_nobody_would_notice_to_lead_nowhere_are_refused() {
    let world = World::new(TWO);
    let text = std::fs::read_to_string(world.config()).unwrap();
    let wrong = [
        ("[[routes]]\nchannels = ['chat']", "[channels.mail] no route reaches it"),
        ("[[routes]]\nchannels = ['chat', 'post']", "channel `post` is not configured"),
        ("[[routes]]\nchannels = []", "channels is empty"),
        ("[[routes]]\nchannels = ['chat', 'mail']\nowners = ['Anna']", "`Anna` owns no control"),
        ("[[routes]]\nchannels = ['chat', 'mail']\ncontrols = ['SEC-*']", "`SEC-*` is no control"),
        ("[[routes]]\nchannels = ['chat', 'mail']\nquiet = { from = '00:00', to = '00:00' }", "never ends"),
        ("[[routes]]\nchannels = ['chat', 'mail']\nquiet = { from = '22', to = '07:00' }", "no time of the day"),
        ("[[routes]]\nchannels = ['chat', 'mail']\ndigest = 'sometimes'", "digest"),
        ("[[routes]]\nchannels = ['chat', 'mail']\ndigest = '30s'", "between a minute and a week"),
        ("[heartbeat]\nurl = { env = 'BEAT' }\nevery = '10s'", "once a minute"),
    ];
    for (more, why) in wrong {
        let error = parse(&world.config(), &format!("{text}\n{more}\n")).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("{more} was taken"));
        assert!(error.contains(why) && error.contains("hint: "), "{more}: {error}");
    }
}
