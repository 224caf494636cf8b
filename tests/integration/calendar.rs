//! The run calendar: every due slot has one outcome, whatever happens to the daemon, the clock and the
//! configuration. Single stories here; random timelines in `timelines`.

mod timelines;
mod world;

use chrono::TimeDelta;
use evidenced::config::CatchUp;
use evidenced::ledger::record::{Body, Trigger};
use evidenced::schedule::Outcome;
use world::{Line, World, at};

const HOURLY: Line = ("0 * * * *", "UTC");
const HALF_PAST: Line = ("30 * * * *", "UTC");

fn words(world: &World) -> Vec<String> {
    let slots = world.calendar();
    let word = |(due, outcome): (chrono::DateTime<chrono::Utc>, Outcome)| {
        format!("{} {}", due.format("%H:%M"), outcome.word())
    };
    slots.into_iter().map(word).collect()
}

/// After two runs on 10 January, however often it is looked at. They have no slot, for those have records.
async fn runs_once_a_day(world: &World) {
    for days in 1..=3 {
        world.clock.set(at("2026-01-10T06:00:00Z") + TimeDelta::days(days));
        world.look(CatchUp::Latest, Trigger::Schedule).await;
        world.look(CatchUp::Latest, Trigger::Schedule).await;
        assert_eq!(world.runs(), 2 + usize::try_from(days).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_changed_while_nothing_ran_holds_for_its_own_time_and_no_other() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(HOURLY), CatchUp::Latest).await;
    world.clock.set(at("2026-01-10T12:40:00Z"));
    world.start(Some(HALF_PAST), CatchUp::Latest).await;
    world.clock.set(at("2026-01-10T14:00:00Z"));
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    assert_eq!(words(&world), ["11:00 missed", "12:00 late", "13:30 late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_was_taken_out_missed_what_was_due_before_and_nothing_is_invented_until_it_is_back() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(HOURLY), CatchUp::Latest).await;
    world.clock.set(at("2026-01-10T11:00:00Z"));
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    world.clock.set(at("2026-01-10T13:30:00Z"));
    world.start(None, CatchUp::Latest).await;
    assert_eq!(words(&world), ["11:00 done", "12:00 missed", "13:00 missed"]);
    world.clock.set(at("2026-01-10T15:30:00Z"));
    world.start(Some(HOURLY), CatchUp::Latest).await;
    world.clock.set(at("2026-01-10T16:01:00Z"));
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    assert_eq!(words(&world), ["11:00 done", "12:00 missed", "13:00 missed", "16:00 done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_nobody_recorded_are_shown_at_once_and_are_recorded_when_the_daemon_is_back() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(HOURLY), CatchUp::Latest).await;
    world.clock.set(at("2026-01-10T13:03:00Z"));
    assert_eq!(words(&world), ["11:00 unaccounted", "12:00 unaccounted", "13:00 due"]);
    assert_eq!(world.unaccounted(), 2, "the status says so as well");
    world.start(Some(HOURLY), CatchUp::None).await;
    assert_eq!(words(&world), ["11:00 missed", "12:00 missed", "13:00 missed"]);
    assert_eq!(world.unaccounted(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_for_a_year_does_not_stop_collection_for_a_year() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(("0 6 * * *", "UTC")), CatchUp::Latest).await;
    world.clock.set(at("2027-01-10T10:10:00Z"));
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    assert_eq!(world.runs(), 1);
    world.clock.set(at("2026-01-10T10:20:00Z"));
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    assert_eq!(world.runs(), 2, "once at once, for the newest evidence is of a time that has not come");
    runs_once_a_day(&world).await;
    assert!(world.calendar().iter().all(|(_, outcome)| matches!(outcome, Outcome::Missed | Outcome::Late)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_comes_after_a_clock_was_ahead_does_not_stop_collection_either() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(("0 6 * * *", "UTC")), CatchUp::Latest).await;
    world.clock.set(at("2027-01-10T10:10:00Z"));
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    world.clock.set(at("2026-01-10T10:20:00Z"));
    // Another one, with the same slots.
    world.start(Some(("0 6 * * *", "Etc/UTC")), CatchUp::Latest).await;
    world.look(CatchUp::Latest, Trigger::Schedule).await;
    assert_eq!(world.runs(), 2, "once at once");
    runs_once_a_day(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_or_miss_for_a_slot_that_no_schedule_had_is_unplanned() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(HOURLY), CatchUp::Latest).await;
    world.clock.set(at("2026-01-10T11:00:00Z"));
    let (collector, reason, scheduled_for) = ("c".to_owned(), "x".to_owned(), at("2026-01-10T10:45:00Z"));
    world.append(Body::Missed { collector, seq: 0, scheduled_for, reason }).await;
    assert_eq!(words(&world), ["10:45 unplanned", "11:00 due"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_looks_at_once_run_a_slot_once_and_call_nothing_an_overlap() {
    let mut world = World::begin(at("2026-01-10T10:10:00Z"));
    world.start(Some(HOURLY), CatchUp::Latest).await;
    for hour in 11..23 {
        world.clock.set(at(&format!("2026-01-10T{hour}:00:00Z")));
        let look = || world.look(CatchUp::Latest, Trigger::Schedule);
        tokio::join!(look(), look(), look(), look());
    }
    let slots = world.calendar();
    assert_eq!(slots.len(), 12);
    assert!(slots.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{slots:?}");
}
