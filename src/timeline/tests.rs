use super::*;
use crate::drift::Bad;
use crate::judge::Outcome;

const DAY: i64 = 86_400;

/// January 2026, `day` from 1, at `hour`.
fn at(day: i64, hour: i64) -> DateTime<Utc> {
    let first: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    first + chrono::TimeDelta::days(day - 1) + chrono::TimeDelta::hours(hour)
}

fn ten_days() -> Window {
    Window { start: at(1, 0), end: at(11, 0) }
}

/// A run's: shown at an instant, not yet so at the one before.
fn run(from: Option<State>, to: State, before: Option<DateTime<Utc>>, observed_at: DateTime<Utc>) -> Change {
    Change { record: Some(1), from, to, before_at: before, since: None, observed_at, ended: None }
}

/// What has an instant of its own.
fn exact(from: State, to: State, before: DateTime<Utc>, since: DateTime<Utc>) -> Change {
    Change { since: Some(since), ..run(Some(from), to, Some(before), since) }
}

fn bad(items: &[&str]) -> BTreeMap<String, Bad> {
    let why = Bad { outcome: Outcome::Deviation, reason: "why".to_owned() };
    items.iter().map(|item| ((*item).to_owned(), why.clone())).collect()
}

fn states(timeline: &Timeline) -> Vec<(Option<State>, i64)> {
    let hours = |interval: &Interval| (interval.until - interval.from).num_hours();
    timeline.intervals.iter().map(|interval| (interval.state, hours(interval))).collect()
}

fn lasted(hours: [i64; 3]) -> Lasted {
    let [at_least_s, observed_s, at_most_s] = hours.map(|hours| hours * 3600);
    Lasted { at_least_s, observed_s, at_most_s }
}

use State::{Deviating, Effective, Indeterminate, Stale, Unmonitored};

#[test]
fn before_the_first_observation_it_is_unmonitored_and_never_effective() {
    let nothing = fold(&[], ten_days());
    assert_eq!(states(&nothing), [(None, 240)]);
    assert_eq!(nothing.totals.seconds, [(Unmonitored, 10 * DAY)].into());
    assert_eq!((nothing.totals.effective_share(), nothing.totals.drifts), ((0, 0), 0));
    let from_the_third = fold(&[run(None, Effective, None, at(3, 0))], ten_days());
    assert_eq!(states(&from_the_third), [(None, 48), (Some(Effective), 192)]);
    assert_eq!(from_the_third.totals.effective_share(), (8000, 8000));
    assert_eq!(from_the_third.totals.drifts, 0);
}

#[test]
fn a_drift_began_and_ended_somewhere_between_two_looks() {
    let changes = [
        run(None, Effective, None, at(1, 0)),
        run(Some(Effective), Deviating, Some(at(3, 0)), at(3, 12)),
        // New deviations are no other state.
        run(Some(Deviating), Deviating, Some(at(4, 0)), at(4, 12)),
        run(Some(Deviating), Effective, Some(at(5, 0)), at(5, 12)),
    ];
    let timeline = fold(&changes, ten_days());
    assert_eq!(states(&timeline), [(Some(Effective), 60), (Some(Deviating), 48), (Some(Effective), 132)]);
    assert_eq!(timeline.drifts.len(), 1);
    let drift = &timeline.drifts[0];
    assert_eq!((drift.from, drift.earliest, drift.until), (at(3, 12), Some(at(3, 0)), Some(at(5, 12))));
    assert_eq!(drift.lasted, lasted([36, 48, 60]));
    assert_eq!(timeline.totals.exposure, lasted([36, 48, 60]));
    // 192 hours effective as observed, and 12 of them perhaps not.
    assert_eq!(timeline.totals.effective_share(), (8000, 7500));
    assert_eq!(timeline.totals.repair_median_s, Some(48 * 3600));
    assert_eq!(timeline.totals.repair_at_most_s, Some(60 * 3600));
}

#[test]
fn what_time_alone_brought_about_has_one_length_until_it_is_found_to_have_been_worse() {
    let stale = [run(None, Effective, None, at(1, 0)), exact(Effective, Stale, at(2, 0), at(4, 0))];
    let open = fold(&stale, ten_days());
    assert_eq!(open.totals.exposure, lasted([168, 168, 168]));
    assert_eq!((open.totals.open, open.state_at_end), (1, Some(Stale)));
    // The run after it finds a deviation, which may have come any time since the last look.
    let found = [&stale[..], &[run(Some(Stale), Deviating, Some(at(2, 0)), at(6, 0))]].concat();
    let found = fold(&found, ten_days());
    assert_eq!(states(&found), [(Some(Effective), 72), (Some(Stale), 48), (Some(Deviating), 120)]);
    assert_eq!((found.drifts.len(), found.drifts[0].worst), (1, Deviating));
    assert_eq!(found.totals.exposure, lasted([168, 168, 216]));
}

#[test]
fn a_drift_reaches_into_the_period_and_out_of_it() {
    let changes = [
        run(None, Effective, None, at(-9, 0)),
        run(Some(Effective), Indeterminate, Some(at(-2, 0)), at(-1, 0)),
        run(Some(Indeterminate), Effective, Some(at(2, 0)), at(3, 0)),
        run(Some(Effective), Deviating, Some(at(9, 0)), at(10, 0)),
        run(Some(Deviating), Effective, Some(at(12, 0)), at(13, 0)),
    ];
    let timeline = fold(&changes, ten_days());
    // Only what lies in the period is exposure of the period; the first drift is told whole.
    assert_eq!(timeline.totals.exposure, lasted([24 + 24, 48 + 24, 48 + 48]));
    assert_eq!(timeline.drifts[0].lasted, lasted([72, 96, 120]));
    assert_eq!((timeline.totals.open, timeline.totals.drifts), (1, 2));
    assert_eq!(timeline.totals.ended, [(Ending::Resolved, 1)].into());
    // Of the changes before the period, a bundle has the last one alone.
    let timeline = fold(&changes[1..], ten_days());
    assert_eq!((timeline.drifts[0].began_before, timeline.drifts[0].earliest), (false, Some(at(-2, 0))));
    let only = [run(Some(Stale), Deviating, Some(at(-2, 0)), at(-1, 0))];
    let timeline = fold(&only, ten_days());
    assert_eq!((timeline.drifts[0].began_before, timeline.drifts[0].earliest), (true, None));
    assert_eq!(timeline.totals.exposure.observed_s, 10 * DAY);
}

#[test]
fn what_was_waived_or_went_out_of_sight_was_not_repaired() {
    let ended = |how, to: Change| Change { ended: Some(how), ..to };
    let changes = [
        run(None, Effective, None, at(1, 0)),
        run(Some(Effective), Deviating, Some(at(1, 0)), at(2, 0)),
        ended(Ending::Waived, exact(Deviating, Effective, at(3, 0), at(3, 12))),
        exact(Effective, Deviating, at(4, 0), at(5, 0)),
        ended(Ending::Gone, run(Some(Deviating), Effective, Some(at(6, 0)), at(7, 0))),
    ];
    let totals = fold(&changes, ten_days()).totals;
    assert_eq!(totals.ended, [(Ending::Waived, 1), (Ending::Gone, 1)].into());
    assert_eq!((totals.repair_median_s, totals.repair_longest_s), (None, None));
    assert_eq!(totals.exposure, lasted([36 + 24, 36 + 48, 60 + 48]));
}

#[test]
fn changes_whose_times_run_backwards_make_no_negative_time() {
    let changes = [
        run(None, Deviating, None, at(5, 0)),
        run(Some(Deviating), Effective, Some(at(5, 0)), at(4, 0)),
        run(Some(Effective), Deviating, Some(at(4, 0)), at(3, 0)),
    ];
    let timeline = fold(&changes, ten_days());
    // By the clock of the last one, which the others were ahead of.
    assert_eq!(states(&timeline), [(None, 48), (Some(Deviating), 192)]);
    assert!(timeline.drifts.iter().all(|drift| drift.lasted.observed_s >= 0));
    assert_eq!(timeline.totals.seconds.values().sum::<i64>(), timeline.totals.known_s);
}

#[test]
fn each_item_has_its_own_time_and_its_own_end() {
    let mut spells = Spells::default();
    let mut look = |day, exact, items: &[&str], ended: &[(&str, Ending)]| {
        let ended = ended.iter().map(|(item, how)| ((*item).to_owned(), *how)).collect();
        spells.look(Look { as_of: at(day, 0), exact, bad: bad(items), ended });
    };
    look(1, false, &["old"], &[]);
    look(2, false, &["old", "a", "b"], &[]);
    look(3, true, &["old", "b"], &[("a", Ending::Waived)]);
    look(5, true, &["old", "a", "b"], &[]);
    look(6, false, &["old", "a"], &[("b", Ending::Resolved)]);
    let told: Vec<_> = spells
        .end()
        .into_iter()
        .map(|spell| (spell.item, spell.earliest, spell.until, spell.ended, spell.lasted))
        .collect();
    assert_eq!(
        told,
        [
            ("old".to_owned(), None, None, None, lasted([120, 120, 120])),
            ("a".to_owned(), Some(at(1, 0)), Some(at(3, 0)), Some(Ending::Waived), lasted([24, 24, 48])),
            ("b".to_owned(), Some(at(1, 0)), Some(at(6, 0)), Some(Ending::Resolved), lasted([72, 96, 120])),
            ("a".to_owned(), Some(at(5, 0)), None, None, lasted([24, 24, 24])),
        ]
    );
}

#[test]
fn lengths_are_told_in_words() {
    assert_eq!(span(0), "0 s");
    assert_eq!(span(59), "59 s");
    assert_eq!(span(2 * DAY + 3 * 3600 + 4 * 60 + 5), "2 d 3 h 4 min");
}

#[test]
fn what_a_clock_that_was_ahead_dated_is_no_later_than_what_was_recorded_after_it_and_is_not_lost() {
    let ahead = [
        run(None, Effective, None, at(2, 0)),
        exact(Effective, Stale, at(2, 0), at(8, 0)),
        run(Some(Stale), Deviating, Some(at(2, 0)), at(300, 0)),
    ];
    // Set back: the same state for another reason, of which nobody knows since when.
    let back = [&ahead[..], &[run(Some(Deviating), Deviating, None, at(4, 0))]].concat();
    let timeline = fold(&back, ten_days());
    assert_eq!(states(&timeline), [(None, 24), (Some(Effective), 48), (Some(Deviating), 168)]);
    let drift = &timeline.drifts[0];
    assert_eq!((drift.from, drift.earliest, drift.began_before), (at(4, 0), Some(at(2, 0)), false));
    assert_eq!((timeline.drifts.len(), timeline.state_at_end), (1, Some(Deviating)));
    // What that clock dated is told all the same.
    let later = [&ahead[..], &[run(Some(Deviating), Effective, Some(at(8, 12)), at(9, 0))]].concat();
    assert_eq!(
        states(&fold(&later, ten_days())),
        [(None, 24), (Some(Effective), 144), (Some(Stale), 24), (Some(Effective), 48)]
    );
    assert_eq!((fold(&later, ten_days()).drifts.len(), fold(&later, ten_days()).drifts[0].worst), (1, Deviating));
    // Minutes apart are the order of two runs.
    let minutes = [
        run(None, Deviating, None, at(2, 0)),
        run(Some(Deviating), Effective, None, at(2, 0) - chrono::TimeDelta::minutes(5)),
    ];
    assert_eq!(states(&fold(&minutes, ten_days())), [(None, 24), (Some(Effective), 216)]);
    assert_eq!(fold(&minutes, ten_days()).drifts.len(), 1);
}

#[test]
fn what_looks_of_a_clock_that_was_ahead_saw_was_so_before_the_next_one() {
    let mut spells = Spells::default();
    let mut look = |day, items: &[&str]| {
        spells.look(Look { as_of: at(day, 0), exact: false, bad: bad(items), ended: BTreeMap::new() });
    };
    look(2, &[]);
    look(300, &["a", "b"]);
    look(301, &["a"]);
    look(4, &["a", "c"]);
    look(6, &[]);
    let all = spells.end();
    let told: Vec<_> = all.iter().map(|s| (s.item.as_str(), s.earliest, s.from, s.until.unwrap())).collect();
    let from_two = |item, until| (item, Some(at(2, 0)), at(4, 0), until);
    assert_eq!(told, [from_two("a", at(6, 0)), from_two("b", at(4, 0)), from_two("c", at(6, 0))]);
    assert_eq!(all[1].lasted, lasted([0, 0, 48]));
}
