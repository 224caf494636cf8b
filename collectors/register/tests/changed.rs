//! Rows that change between runs: honestly, dishonestly, and under clocks that were wrong.

use super::{examples, partial, run, settings, whats};
use crate::contract::Items;
use crate::contract::register::Moment;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn at(day: &str) -> DateTime<Utc> {
    format!("{day}T12:00:00Z").parse().unwrap()
}

/// A workforce of people alone.
fn workforce(directory: &Path) -> Value {
    let mut settings = settings("workforce", directory);
    settings["files"] = json!({ "people": "people.csv" });
    settings
}

fn write(directory: &Path, people: &str) {
    let header = "person,engagement,start,end,leave_start,leave_end,screened_on";
    fs::write(directory.join("people.csv"), format!("{header}\n{people}")).unwrap();
}

const PEOPLE: &str = "p-1,employee,2020-01-01,2026-11-01,,,\np-2,employee,2020-01-01,,,,\n";
const FAULTY: &str = "p-3,nobody,,,,,\n";

#[tokio::test]
async fn a_run_under_a_clock_that_was_behind_unsettles_no_day_and_revives_no_correction() {
    for whole in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = workforce(dir.path());
        write(dir.path(), PEOPLE);
        let first = run(&settings, None, at("2026-11-20")).await.0.unwrap();
        write(dir.path(), &format!("{PEOPLE}{}", if whole { "" } else { FAULTY }));
        let behind = run(&settings, first.carry().cloned(), at("2021-01-02")).await.0;
        assert_eq!(behind.is_ok(), whole);
        let carry = behind.map_or_else(|error| partial(Err(error)).carry, |population| population.carry().cloned());

        write(dir.path(), "p-1,employee,2020-01-01,2026-11-26,,,\n");
        settings["corrections"] = json!([{ "list": "people", "key": "p-2", "on": "2026-03-31", "reason": "a slip" }]);
        let moved = partial(run(&settings, carry, at("2026-11-27")).await.0);
        assert_eq!(whats(&moved), ["people p-1: end", "people p-2"], "{whole}");
        let hint = moved.unread[1].hint.as_ref().unwrap();
        assert!(hint.ends_with("list it in `corrections`, with `on` not before 2026-11-20"), "{hint}");
    }
}

#[tokio::test]
async fn what_was_read_under_a_clock_that_was_ahead_can_be_corrected_today() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = workforce(dir.path());
    write(dir.path(), PEOPLE);
    let ahead = run(&settings, None, at("2028-01-01")).await.0.unwrap();
    let carry = run(&settings, ahead.carry().cloned(), at("2026-11-26")).await.0.unwrap().carry().cloned();
    write(dir.path(), "p-1,employee,2020-01-01,2026-11-01,,,\n");
    for (on, whole) in [("2026-11-26", false), ("2026-11-27", true)] {
        settings["corrections"] = json!([{ "list": "people", "key": "p-2", "on": on, "reason": "a slip" }]);
        let result = run(&settings, carry.clone(), at("2026-11-27")).await.0;
        assert_eq!(result.is_ok(), whole, "{on}: {result:?}");
        let Err(error) = result else { continue };
        let hint = error.unread()[0].hint.clone().unwrap();
        assert!(hint.ends_with("with `on` not before 2026-11-27"), "{hint}");
    }
}

#[tokio::test]
async fn a_day_may_become_a_time_of_that_day_and_no_other_and_never_a_day_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = workforce(dir.path());
    let ends = |end: &str| write(dir.path(), &format!("p-1,employee,2020-01-01,{end},,,\n"));
    ends("2026-11-01");
    let day = run(&settings, None, at("2026-11-20")).await.0.unwrap().carry().cloned();
    for (end, whole) in [
        ("2026-11-01T00:00:00Z", true),
        ("2026-11-01T23:59:59Z", true),
        ("2026-11-02T00:00:00Z", false),
        ("2026-11-01T00:30:00+02:00", false),
        ("2026-11-02", false),
        ("", false),
    ] {
        ends(end);
        let result = run(&settings, day.clone(), at("2026-11-21")).await.0;
        assert_eq!(result.is_ok(), whole, "{end}: {result:?}");
    }
    ends("2026-11-01T09:00:00Z");
    let finer = run(&settings, day, at("2026-11-21")).await.0.unwrap().carry().cloned();
    for (end, whole) in [("2026-11-01T11:00:00+02:00", true), ("2026-11-01T09:00:01Z", false), ("2026-11-01", false)] {
        ends(end);
        assert_eq!(run(&settings, finer.clone(), at("2026-11-22")).await.0.is_ok(), whole, "{end}");
    }
}

#[tokio::test]
async fn a_leave_that_is_over_makes_room_for_a_later_one() {
    let dir = tempfile::tempdir().unwrap();
    let settings = workforce(dir.path());
    let leave = |days: &str| write(dir.path(), &format!("p-1,employee,2020-01-01,,{days},\n"));
    for (before, now, told) in [
        ("2024-01-01,2024-06-30", "2026-11-01,2027-02-28", vec![]),
        ("2024-01-01,2024-06-30", "2024-07-01,", vec![]),
        ("2024-01-01,2024-06-30", "2024-06-30,2024-07-31", vec!["leave_start", "leave_end"]),
        ("2024-01-01,2024-06-30", "2024-01-01,2024-07-31", vec!["leave_end"]),
        ("2024-01-01,2024-06-30", ",", vec!["leave_start", "leave_end"]),
        // One that goes on is not over.
        ("2026-10-01,2026-12-31", "2027-01-05,2027-02-28", vec!["leave_start"]),
        ("2026-10-01,", "2026-11-05,2026-12-31", vec!["leave_start"]),
    ] {
        leave(before);
        let carry = run(&settings, None, at("2026-11-20")).await.0.unwrap().carry().cloned();
        leave(now);
        let said = run(&settings, carry, at("2026-11-21")).await.0.map_or_else(|error| error.unread(), |_| Vec::new());
        let columns: Vec<_> = said.iter().map(|one| one.what.trim_start_matches("people p-1: ")).collect();
        assert_eq!(columns, told, "{before} to {now}");
    }
}

#[tokio::test]
async fn a_row_that_says_otherwise_is_judged_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let settings = workforce(dir.path());
    write(dir.path(), PEOPLE);
    let carry = run(&settings, None, at("2026-11-20")).await.0.unwrap().carry().cloned();
    write(dir.path(), "p-2,contractor,2020-01-01,,,,\np-1,employee,2020-01-01,2026-11-19,,,\n");
    let moved = partial(run(&settings, carry, at("2026-11-21")).await.0);
    assert_eq!(whats(&moved), ["people p-1: end"]);
    let Items::Workforce(register) = &moved.items else { panic!("{:?}", moved.items) };
    let [two, one] = register.people.as_deref().unwrap() else { panic!("{:?}", register.people) };
    assert_eq!(one.end, Some(Moment::Day("2026-11-01".parse().unwrap())));
    assert_eq!((one.at.key.as_str(), one.at.line, one.at.gone), ("p-1", 3, false), "it is found where it stands");
    let changed = serde_json::to_value(two).unwrap();
    assert_eq!(changed["engagement"], "contractor", "what may change is as it is");
}

#[tokio::test]
async fn a_collector_that_takes_in_another_register_says_what_it_knows_of_the_first() {
    let dir = examples();
    let (vendors, assets) = (settings("vendors", dir.path()), settings("assets", dir.path()));
    let carry = run(&vendors, None, at("2026-03-31")).await.0.unwrap().carry().cloned();
    let other = partial(run(&assets, carry, at("2026-03-31")).await.0);
    assert_eq!(whats(&other), ["list vendors"]);
    assert!(other.unread[0].why.contains("3 of its rows were read before"), "{:?}", other.unread);
    // Back again, and one of them has gone meanwhile.
    let text = fs::read_to_string(dir.path().join("vendors.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(dir.path().join("vendors.csv"), lines[..3].join("\n") + "\n").unwrap();
    let back = partial(run(&vendors, other.carry, at("2026-03-31")).await.0);
    assert_eq!(whats(&back), ["vendors Example Prints"], "of the other register nothing is left");
}

#[tokio::test]
async fn a_register_of_which_nothing_was_read_binds_nobody_to_it() {
    let dir = examples();
    for list in ["assets.csv", "disposals.csv"] {
        let text = fs::read_to_string(dir.path().join(list)).unwrap();
        fs::write(dir.path().join(list), format!("{}\n", text.lines().next().unwrap())).unwrap();
    }
    let (vendors, assets) = (settings("vendors", dir.path()), settings("assets", dir.path()));
    let carry = run(&assets, None, at("2026-03-31")).await.0.unwrap().carry().cloned();
    assert!(run(&vendors, carry, at("2026-03-31")).await.0.is_ok());
}
