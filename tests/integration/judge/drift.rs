//! States, and what is a transition.

use super::facts::{at, not_read};
use chrono::TimeDelta;
use evidenced::drift::{Ending, Observed, Standing, State, Transition, state_of, transition};
use evidenced::judge::{Judgement, Outcome, Verdict, VerdictOutcome};
use std::collections::BTreeMap;

fn observed(outcome: VerdictOutcome, as_of: &str, evidence: &[Option<&str>]) -> Observed {
    Observed { outcome, as_of: at(as_of), evidence: evidence.iter().map(|time| time.map(at)).collect() }
}

fn verdict(outcome: VerdictOutcome, items: &[(&str, Outcome)], unread: &[&str]) -> Verdict {
    let judgements = items.iter().map(|(item, outcome)| Judgement {
        item: (*item).to_owned(),
        outcome: *outcome,
        reason: "some-reason".to_owned(),
        seen: String::new(),
    });
    Verdict {
        outcome,
        counts: BTreeMap::new(),
        judgements: judgements.collect(),
        unread: unread.iter().map(|what| not_read(what)).collect(),
    }
}

fn deviating(items: &[&str]) -> Verdict {
    let items: Vec<(&str, Outcome)> = items.iter().map(|item| (*item, Outcome::Deviation)).collect();
    verdict(VerdictOutcome::Deviation, &items, &[])
}

fn passing(items: &[&str]) -> Verdict {
    let items: Vec<(&str, Outcome)> = items.iter().map(|item| (*item, Outcome::Pass)).collect();
    verdict(VerdictOutcome::Pass, &items, &[])
}

/// One verdict after another: the standing and the transition that each makes.
fn history(steps: &[(State, Option<&Verdict>)]) -> Vec<(Standing, Option<Transition>)> {
    let mut all: Vec<(Standing, Option<Transition>)> = Vec::new();
    for (state, verdict) in steps {
        let previous = all.last().map(|(standing, _)| standing);
        let now = Standing::after(previous, *state, *verdict);
        let change = transition(previous, &now, *verdict, false);
        all.push((now, change));
    }
    all
}

fn names(items: &BTreeMap<String, evidenced::drift::Bad>) -> Vec<&str> {
    items.keys().map(String::as_str).collect()
}

#[test]
fn a_control_is_stale_from_the_due_instant_on_counted_from_its_oldest_evidence() {
    let day = TimeDelta::days(1);
    let seen = observed(VerdictOutcome::Pass, "12:00", &[Some("11:00"), Some("09:00")]);
    let due = at("2026-03-03T09:00:00Z");
    assert_eq!(seen.stale_from(day), Some(due));
    assert_eq!(state_of(Some(&seen), day, due - TimeDelta::milliseconds(1)), State::Effective);
    assert_eq!(state_of(Some(&seen), day, due), State::Stale);
    let fresh_evidence_old_verdict = observed(VerdictOutcome::Pass, "08:00", &[Some("11:00")]);
    assert_eq!(state_of(Some(&fresh_evidence_old_verdict), day, at("2026-03-03T08:00:00Z")), State::Stale);
    let never = observed(VerdictOutcome::Pass, "12:00", &[Some("11:00"), None]);
    assert_eq!(never.stale_from(day), None);
    assert_eq!(state_of(Some(&never), day, at("12:00")), State::Stale);
}

#[test]
fn what_is_all_from_the_future_is_not_fresh() {
    let day = TimeDelta::days(1);
    let ahead = observed(VerdictOutcome::Pass, "12:00", &[Some("12:00")]);
    assert_eq!(state_of(Some(&ahead), day, at("11:55")), State::Effective, "clocks differ by minutes");
    assert_eq!(state_of(Some(&ahead), day, at("11:54")), State::Stale);
    let of_both = observed(VerdictOutcome::Pass, "12:00", &[Some("11:00")]);
    assert_eq!(state_of(Some(&of_both), day, at("11:00")), State::Stale, "judged as of a time that has not come");
    // By the right clock again, over evidence of both: what the wrong one dated makes nothing fresh.
    let (collectors, of) = (["c".to_owned()], |time: &str| ("c".to_owned(), at(time)));
    let over = |times: &[&str]| {
        let complete = times.iter().map(|time| of(time)).collect::<Vec<_>>();
        Observed::over(VerdictOutcome::Pass, at("11:00"), at("11:00"), &collectors, complete).evidence
    };
    assert_eq!(over(&["11:05"]), [Some(at("11:05"))]);
    assert_eq!(over(&["11:06"]), [None]);
    assert_eq!(over(&["10:00", "12:00"]), [Some(at("10:00"))]);
}

#[test]
fn deviating_outweighs_indeterminate_which_outweighs_stale_and_nothing_seen_is_unmonitored() {
    let (day, much_later) = (TimeDelta::days(1), at("2026-05-01T00:00:00Z"));
    let state = |outcome| state_of(Some(&observed(outcome, "12:00", &[None])), day, much_later);
    assert_eq!(state(VerdictOutcome::Deviation), State::Deviating);
    assert_eq!(state(VerdictOutcome::Indeterminate), State::Indeterminate);
    assert_eq!(state(VerdictOutcome::Pass), State::Stale);
    assert_eq!(state_of(None, day, at("12:00")), State::Unmonitored);
}

#[test]
fn the_first_observation_is_a_transition_and_nothing_observed_is_none() {
    let steps = history(&[(State::Unmonitored, None), (State::Effective, Some(&passing(&["a"])))]);
    assert_eq!(steps[0].1, None);
    let first = steps[1].1.as_ref().unwrap();
    assert_eq!((first.from, first.to), (Some(State::Unmonitored), State::Effective));
    let at_once = history(&[(State::Deviating, Some(&deviating(&["a"])))]);
    let first = at_once[0].1.as_ref().unwrap();
    assert_eq!((first.from, first.to, names(&first.appeared)), (None, State::Deviating, vec!["a"]));
    assert_eq!(first.why, "first observed: deviating; deviates: a (some-reason)");
}

#[test]
fn drift_and_its_end_name_the_items() {
    let steps = history(&[
        (State::Effective, Some(&passing(&["a", "b"]))),
        (State::Effective, Some(&passing(&["a", "b"]))),
        (State::Deviating, Some(&deviating(&["b"]))),
        (State::Effective, Some(&passing(&["a", "b"]))),
    ]);
    assert_eq!(steps[1].1, None);
    let drift = steps[2].1.as_ref().unwrap();
    assert_eq!((names(&drift.appeared), names(&drift.resolved)), (vec!["b"], vec![]));
    assert_eq!(drift.why, "effective to deviating; deviates: b (some-reason)");
    let end = steps[3].1.as_ref().unwrap();
    assert_eq!((names(&end.appeared), names(&end.resolved)), (vec![], vec!["b"]));
    assert_eq!(end.why, "deviating to effective; resolved: b");
}

#[test]
fn new_deviations_of_a_deviating_control_are_a_transition_and_fewer_are_not() {
    let steps = history(&[
        (State::Deviating, Some(&deviating(&["a", "b"]))),
        (State::Deviating, Some(&deviating(&["b"]))),
        (State::Deviating, Some(&deviating(&["b"]))),
        (State::Deviating, Some(&deviating(&["a", "c"]))),
    ]);
    assert_eq!((&steps[1].1, &steps[2].1), (&None, &None));
    let again = steps[3].1.as_ref().unwrap();
    assert_eq!((again.from, again.to), (Some(State::Deviating), State::Deviating));
    assert_eq!((names(&again.appeared), names(&again.gone)), (vec!["a", "c"], vec!["b"]));
    assert!(again.why.starts_with("still deviating; "), "{}", again.why);
}

#[test]
fn an_item_that_could_not_be_judged_and_now_deviates_has_appeared() {
    let mixed = |b| verdict(VerdictOutcome::Deviation, &[("a", Outcome::Deviation), ("b", b)], &[]);
    let (unknown, known) = (mixed(Outcome::Indeterminate), mixed(Outcome::Deviation));
    let steps = history(&[
        (State::Deviating, Some(&unknown)),
        (State::Deviating, Some(&known)),
        (State::Deviating, Some(&unknown)),
    ]);
    assert_eq!(names(&steps[1].1.as_ref().unwrap().appeared), ["b"]);
    assert_eq!(steps[2].1, None);
}

#[test]
fn what_cannot_be_read_is_not_resolved_and_does_not_appear_again_when_it_can() {
    let blind = verdict(VerdictOutcome::Indeterminate, &[("c", Outcome::Pass)], &["account 1"]);
    let steps = history(&[
        (State::Deviating, Some(&deviating(&["a", "c"]))),
        (State::Indeterminate, Some(&blind)),
        (State::Deviating, Some(&deviating(&["a"]))),
        (State::Effective, Some(&passing(&[]))),
    ]);
    let lost = steps[1].1.as_ref().unwrap();
    assert_eq!((names(&lost.appeared), names(&lost.resolved)), (vec![], vec!["c"]));
    assert_eq!(lost.why, "deviating to indeterminate; not read: account 1: refused; resolved: c");
    let back = steps[2].1.as_ref().unwrap();
    assert_eq!((names(&back.appeared), names(&back.resolved)), (vec![], vec![]));
    assert_eq!(names(&steps[3].1.as_ref().unwrap().gone), ["a"]);
}

#[test]
fn time_alone_makes_stale_and_changes_no_items() {
    let steps = history(&[(State::Effective, Some(&passing(&["a"]))), (State::Stale, None), (State::Stale, None)]);
    let stale = steps[1].1.as_ref().unwrap();
    assert_eq!(stale.why, "effective to stale; no fresh evidence: older than the control allows");
    assert!(stale.appeared.is_empty() && stale.resolved.is_empty());
    assert_eq!(steps[2].1, None);
}

#[test]
fn a_sentence_names_three_items_of_bounded_length_and_counts_the_rest() {
    let long = "x".repeat(10_000);
    let many: Vec<String> = (0..5).map(|number| format!("{number}{long}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let why = history(&[(State::Deviating, Some(&deviating(&many)))])[0].1.clone().unwrap().why;
    assert!(why.ends_with("and 2 more") && why.len() < 800, "{why}");
}

#[test]
fn a_standing_reads_back_from_json_as_it_was_written() {
    let blind = verdict(VerdictOutcome::Indeterminate, &[("c", Outcome::Indeterminate)], &["account 1"]);
    let standing = Standing::after(None, State::Indeterminate, Some(&blind));
    let text = serde_json::to_string(&standing).unwrap();
    assert_eq!(serde_json::from_str::<Standing>(&text).unwrap(), standing);
}

#[test]
fn what_is_waived_or_gone_is_not_called_resolved() {
    let steps = history(&[
        (State::Deviating, Some(&deviating(&["a", "b", "c"]))),
        (
            State::Effective,
            Some(&verdict(VerdictOutcome::Pass, &[("a", Outcome::Waived), ("b", Outcome::Excluded)], &[])),
        ),
    ]);
    let end = steps[1].1.as_ref().unwrap();
    assert_eq!((names(&end.waived), names(&end.resolved), names(&end.gone)), (vec!["a"], vec![], vec!["b", "c"]));
    assert_eq!(end.why, "deviating to effective; waived: a; not judged any more: b, c", "to exclude repairs nothing");
}

#[test]
fn a_drift_ended_as_its_worst_ended_item_did() {
    for (counts, ended) in [
        ((0, 0, 0), None),
        ((2, 0, 0), Some(Ending::Resolved)),
        ((1, 1, 0), Some(Ending::Waived)),
        ((1, 0, 1), Some(Ending::Gone)),
        ((0, 1, 1), Some(Ending::Gone)),
    ] {
        assert_eq!(Ending::of(counts.0, counts.1, counts.2), ended, "{counts:?}");
    }
}
