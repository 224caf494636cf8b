//! A clock that was ahead for a while: what it dated is on record, binds nothing that comes after it, and is made again.

use super::archive::Files;
use super::tools::Audit;
use super::world::{World, at, exported, period};
use super::{check, wrong};
use chrono::{DateTime, Utc};
use evidenced::bundle::ExportRequest;
use evidenced::drift::State;
use evidenced::ledger::Filter;
use evidenced::ledger::record::Body;
use evidenced::status::status;
use evidenced_collectors::contract::Window;

/// Every change of state: from what, to what, and from when on it is shown.
fn changes(world: &World) -> Vec<(Option<State>, State, DateTime<Utc>)> {
    let reader = world.reader();
    let found = reader.records(0..u64::MAX, &Filter::kind("transition"));
    let change = found.map(|found| match found.unwrap().1.body {
        Body::Transition { from, to, since, observed_at, .. } => (from, to, since.unwrap_or(observed_at)),
        other => panic!("{other:?}"),
    });
    change.collect()
}

/// What each verdict is as of.
fn as_of(world: &World) -> Vec<DateTime<Utc>> {
    let reader = world.reader();
    let found = reader.records(0..u64::MAX, &Filter::kind("verdict"));
    let instant = found.map(|found| match found.unwrap().1.body {
        Body::Verdict { as_of, .. } => as_of,
        other => panic!("{other:?}"),
    });
    instant.collect()
}

/// Lines of the bundle's table of drifts, which is accepted and made again whole.
fn drifts(world: &World) -> Vec<String> {
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let again = report.reperformed.as_ref().unwrap();
    assert!(again.not_reperformed.is_empty(), "{again:?}");
    let files = Files::read(&bundle);
    let exposure = String::from_utf8(files.get("data/controls/AVL-001/exposure.csv").to_vec()).unwrap();
    exposure.lines().filter(|line| line.starts_with("drift,")).map(str::to_owned).collect()
}

#[test]
fn what_deviated_under_a_clock_that_was_ahead_and_deviates_now_is_so_from_now_on_and_not_from_then() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-05T02:00:00Z");
    // By June nobody has tested a restore for a quarter.
    world.run_again("2026-06-05T02:00:00Z");
    assert_eq!(changes(&world).last().unwrap().1, State::Deviating);
    world.run("2026-01-09T02:00:00Z");
    assert_eq!(as_of(&world).last(), Some(&at("2026-01-09T02:00:00Z")), "and not as of June");
    let back = (Some(State::Deviating), State::Deviating, at("2026-01-09T02:00:00Z"));
    assert_eq!(changes(&world).last(), Some(&back), "for another reason, and since January by the log");
    let now = status(&world.reader(), &world.runner.loaded(), at("2026-01-09T03:00:00Z")).unwrap();
    assert_eq!((now.controls[0].state, now.controls[0].since), (State::Deviating, Some(back.2)));
    world.run("2026-01-25T02:00:00Z");
    assert_eq!(changes(&world).last().unwrap().1, State::Effective);
    world.run("2026-02-10T02:00:00Z");
    let drifts = drifts(&world);
    assert_eq!(drifts.len(), 1, "{drifts:?}");
    // As early as anything that stands shows it to be well.
    let times = "2025-12-16T02:00:00.000Z,2026-01-09T02:00:00.000Z,2026-01-09T02:00:00.000Z,2026-01-25T02:00:00.000Z";
    assert!(drifts[0].starts_with(&format!("drift,,deviating,,{times},resolved,")), "{drifts:?}");
}

#[test]
fn what_a_clock_that_was_ahead_called_fresh_is_stale_once_it_is_set_until_somebody_collects() {
    let world = World::stale_after("30d");
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-05T02:00:00Z");
    world.run_again("2026-02-20T02:00:00Z");
    assert_eq!(changes(&world).last().unwrap().1, State::Effective);
    for look in ["2026-01-06T00:00:00Z", "2026-01-06T00:01:00Z"] {
        world.look(look);
        let stale = (Some(State::Effective), State::Stale, at("2026-01-06T00:00:00Z"));
        assert_eq!(changes(&world).last(), Some(&stale), "at once, and once");
    }
    world.run_again("2026-01-06T02:00:00Z");
    let effective = (Some(State::Stale), State::Effective, at("2026-01-06T02:00:00Z"));
    assert_eq!(changes(&world).last(), Some(&effective));
    world.run_again("2026-01-30T02:00:00Z");
    let drifts = drifts(&world);
    let now: Vec<&String> = drifts.iter().filter(|drift| drift.contains("stale,,2026-01-06T00:00:00.000Z,")).collect();
    assert!(now.len() == 1 && now[0].contains(",2026-01-06T02:00:00.000Z,"), "{drifts:?}");
    assert!(!drifts.concat().contains("2026-02-"), "nothing of a time that has not come: {drifts:?}");
}

#[test]
fn a_waiver_that_had_run_out_by_a_clock_that_was_ahead_counts_again() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-09T02:00:00Z");
    world.accept("db 2026Q1", "2026-01-10T09:00:00Z", "2026-01-20T00:00:00Z");
    world.look("2026-01-22T00:00:00Z");
    assert_eq!(changes(&world).last().unwrap().1, State::Deviating, "it ended");
    world.run_again("2026-01-11T02:00:00Z");
    let effective = (Some(State::Deviating), State::Effective, at("2026-01-11T02:00:00Z"));
    assert_eq!(changes(&world).last(), Some(&effective), "it has nine days left");
    world.look("2026-01-20T00:00:30Z");
    let ended = (Some(State::Effective), State::Deviating, at("2026-01-20T00:00:00Z"));
    assert_eq!(changes(&world).last(), Some(&ended));
    world.run("2026-01-25T02:00:00Z");
    world.run("2026-02-10T02:00:00Z");
    let drifts = drifts(&world);
    // What that clock dated is told, of no length.
    let ahead = "2026-01-10T09:00:00.000Z,2026-01-11T02:00:00.000Z,2026-01-11T02:00:00.000Z,2026-01-11T02:00:00.000Z,waived,0,0,";
    assert!(drifts.len() == 3 && drifts[1].contains(ahead), "{drifts:?}");
    assert!(drifts[2].contains(",2026-01-20T00:00:00.000Z,2026-01-20T00:00:00.000Z,"), "{drifts:?}");
}

#[test]
fn of_runs_that_overlap_the_one_that_began_first_still_takes_nothing_back() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-09T02:00:00Z");
    // Four minutes are no clock that was ahead.
    world.run_again("2026-01-09T01:56:00Z");
    assert_eq!(as_of(&world).last(), Some(&at("2026-01-09T02:00:00Z")));
}

#[test]
fn under_a_clock_that_is_behind_what_is_on_record_stands() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-09T02:00:00Z");
    let deviating = (Some(State::Effective), State::Deviating, at("2026-01-09T02:00:00Z"));
    assert_eq!(changes(&world).last(), Some(&deviating));
    for hour in 3..23 {
        world.look(&format!("2026-01-09T{hour:02}:00:00Z"));
        world.accept("something else", &format!("2026-01-09T{hour:02}:00:00Z"), "2026-03-01T00:00:00Z");
    }
    // Half a day back, and to when no clock was set yet: the times of the log lead up to the last one without a leap.
    for when in ["2026-01-09T10:00:00Z", "2000-01-01T00:00:00Z"] {
        world.run_again(when);
        assert_eq!(as_of(&world).last(), Some(&at("2026-01-09T22:00:00Z")), "{when}");
    }
    world.run("2026-01-25T02:00:00Z");
    assert_eq!(changes(&world).last().unwrap().1, State::Effective);
    assert_eq!(drifts(&world).len(), 1, "found on the 9th, mended by the 25th");
}

#[test]
fn bundles_of_the_period_that_a_clock_was_ahead_in_are_accepted_by_all_who_check_them() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.run_again("2026-06-05T02:00:00Z");
    world.run("2026-01-09T02:00:00Z");
    let audit = Audit::of(world);
    // From the first record of June to the last one of before July, which is of January.
    let june = Window { start: at("2026-06-01T00:00:00Z"), end: at("2026-07-01T00:00:00Z") };
    for (controls, period) in [(&[][..], june), (&["AVL-001"], june), (&["AVL-001"], period())] {
        let controls = controls.iter().map(|control| (*control).to_owned()).collect();
        let (out, key) = (audit.path("edge.zip"), audit.world.key());
        let request = ExportRequest { controls, sample: true, ..ExportRequest::whole(period, &out, "Test Ltd.", &key) };
        exported(&audit.world.runner, &request).unwrap();
        let report = check(&out, true);
        assert!(report.ok(), "{:?}: {}", request.controls, wrong(&report));
        let (fine, said) = audit.desk.python(&out);
        assert!(fine, "{:?}: {said}", request.controls);
        std::fs::remove_file(out).unwrap();
    }
}

#[test]
fn after_an_hour_ahead_the_status_says_what_the_log_says() {
    let world = World::stale_after("400d");
    world.run("2025-12-16T02:00:00Z");
    world.run("2026-01-05T01:00:00Z");
    world.run_again("2026-01-05T03:00:00Z");
    world.run_again("2026-01-05T02:00:00Z");
    assert_eq!(as_of(&world).last(), Some(&at("2026-01-05T03:00:00Z")), "an hour is no leap");
    let now = status(&world.reader(), &world.runner.loaded(), at("2026-01-05T02:10:00Z")).unwrap();
    assert_eq!((now.controls[0].state, changes(&world).last().unwrap().1), (State::Effective, State::Effective));
}
