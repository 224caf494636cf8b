use super::*;
use evidenced::readiness::{Class, ControlState, Coverage, NOT_AN_AUDIT, Readiness, rating, readiness, tracker};

/// Six controls whose scores were computed by hand.
fn example() -> Vec<Control> {
    let of = |severity, id: &str, cadence, change: &dyn Fn(&mut Observed)| {
        let mut control = Control { observed: Some(observed(cadence)), ..planned(id, severity) };
        change(control.observed.as_mut().unwrap());
        control
    };
    let unowned = Control { owner: "TBD".to_owned(), ..effective("SEC-019", Severity::High) };
    vec![
        of(Severity::Critical, "SEC-001", cadence(365, 0), &|seen| {
            seen.over.population = 412;
            seen.over.items = vec![spell("a", Some(Ending::Waived)), spell("b", Some(Ending::Resolved))];
        }),
        of(Severity::Critical, "SEC-004", cadence(100, 3), &|_| {}),
        of(Severity::Critical, "AVL-001", cadence(4, 1), &|seen| {
            seen.over.population = 12;
            seen.over.items = vec![spell("a", Some(Ending::Resolved))];
        }),
        of(Severity::High, "SEC-010", cadence(2, 1), &|seen| {
            seen.state = State::Stale;
            seen.over.population = 0;
        }),
        unowned,
        planned("SEC-016", Severity::Medium),
    ]
}

fn share(readiness: &Readiness, id: &str) -> f64 {
    readiness.controls.iter().find(|part| part.control == id).unwrap().share
}

#[test]
fn the_worked_example_gives_what_was_computed_by_hand() {
    let second = readiness(&with(example()));
    assert_eq!((second.readiness, second.rating), (Some(62.5), "Significant Gaps"));
    for (id, by_hand) in [
        ("SEC-001", 0.951),
        ("SEC-004", 0.985),
        ("AVL-001", 0.5),
        ("SEC-010", 0.75),
        ("SEC-019", 0.0),
        ("SEC-016", 0.25),
    ] {
        assert!((share(&second, id) - by_hand).abs() < 0.001, "{id}: {}", share(&second, id));
    }
    assert_eq!(second.did_not_occur, ["SEC-010"], "an empty population is told, and is no pass of anything");
    assert_eq!(second.note, NOT_AN_AUDIT);
    let first = readiness(&Facts { audit: AuditType::Type1, ..with(example()) });
    assert_eq!((first.readiness, first.rating), (Some(72.5), "Significant Gaps"));
    // The tolerable rate is a setting: at ten percent, one of twelve is not beyond it.
    let lenient = readiness(&Facts { tolerable_percent: 10, ..with(example()) });
    assert!(share(&lenient, "AVL-001") > 0.5 && lenient.readiness > second.readiness);
}

#[test]
fn a_criterion_without_a_control_caps_the_score() {
    let whole = with([effective("SEC-001", Severity::Critical)]);
    let all = readiness(&whole);
    assert_eq!((all.readiness, all.rating, all.caps.len()), (Some(100.0), "Audit Ready", 0));
    assert!((all.criteria_coverage - 100.0).abs() < 1e-9);
    let mut without = whole.clone();
    without.criteria.push(criterion("CC1.1"));
    let capped = readiness(&without);
    assert_eq!((capped.readiness, capped.rating), (Some(74.9), "Significant Gaps"));
    assert!(capped.caps[0].why.contains("CC1.1"), "{:?}", capped.caps);
    assert!((capped.criteria_coverage - 50.0).abs() < 1e-9);
    // Left out with a reason, it is no longer asked for, and stands in the list.
    without.criteria[1].not_applicable = Some(left(Some("AWS")));
    let left = readiness(&without);
    assert_eq!((left.readiness, left.criteria[1].state), (Some(100.0), Coverage::NotApplicable));
    assert_eq!(left.not_applicable[0].what, "CC1.1");
}

#[test]
fn what_nobody_has_taken_of_the_library_counts_as_nothing_as_long_as_something_hangs_on_it() {
    let suggested = |key: bool| Control {
        own: false,
        owner: String::new(),
        key_for: if key { vec!["CC8.1".to_owned()] } else { Vec::new() },
        ..planned("SEC-002", Severity::Critical)
    };
    let good = || effective("SEC-001", Severity::Critical);
    assert_eq!(readiness(&with([good(), suggested(false)])).readiness, Some(100.0), "another one serves");
    let key = readiness(&with([good(), suggested(true)]));
    assert_eq!((key.readiness, key.criteria[0].state), (Some(50.0), Coverage::NotCovered));
    assert_eq!(key.criteria[0].held_back_by, ["SEC-002"]);
    let alone = readiness(&with([suggested(false)]));
    assert_eq!((alone.readiness, alone.criteria[0].state), (Some(0.0), Coverage::Missing));
}

#[test]
fn a_critical_control_that_does_not_work_caps_the_score_and_the_rating_is_of_what_was_not_rounded() {
    let thirty = || (0..30).map(|n| effective(&format!("SEC-1{n:02}"), Severity::Critical));
    let bad = seen(effective("SEC-001", Severity::Critical), |seen| seen.state = State::Deviating);
    let capped = readiness(&with(thirty().chain([bad])));
    assert_eq!((capped.readiness, capped.rating), (Some(89.9), "Minor Gaps"));
    assert!(capped.caps.iter().any(|cap| cap.why.contains("not effective: SEC-001")), "{:?}", capped.caps);
    // Stale would be counted by its occurrences, but for a drift that is open.
    let open = seen(effective("SEC-001", Severity::Critical), |seen| {
        seen.state = State::Stale;
        seen.over.drifts = vec![drift("2026-12-30", None, None)];
    });
    let capped = readiness(&with(thirty().chain([open])));
    assert!(capped.caps.iter().any(|cap| cap.why.contains("open drift: SEC-001")), "{:?}", capped.caps);
    assert!((share(&capped, "SEC-001") - 0.25).abs() < 1e-9);
    // A high one lowers the score alone.
    let high = seen(effective("SEC-001", Severity::High), |seen| seen.state = State::Deviating);
    assert!(readiness(&with(thirty().chain([high]))).caps.is_empty());
    assert_eq!(
        [rating(89.96), rating(90.0), rating(74.99), rating(49.99)],
        ["Minor Gaps", "Audit Ready", "Significant Gaps", "Not Ready"]
    );
}

#[test]
fn what_is_stale_lacks_an_occurrence_and_what_was_erased_deviated_still() {
    let share_of = |change: &dyn Fn(&mut Observed)| {
        share(&readiness(&with([seen(effective("SEC-001", Severity::High), change)])), "SEC-001")
    };
    assert!((share_of(&|_| ()) - 1.0).abs() < 1e-9);
    let stale = |seen: &mut Observed| {
        (seen.state, seen.over.cadence) = (State::Stale, BTreeMap::from([("c".into(), cadence(1, 0))]));
    };
    assert!((share_of(&stale) - 0.75).abs() < 1e-9, "{}", share_of(&stale));
    // Two of 100 items, where 5 percent are tolerable.
    let erased = |seen: &mut Observed| {
        seen.over.erased = vec![Erased { record: 6, as_of: at("2026-03-01"), deviations: 2 }];
    };
    assert!((share_of(&erased) - 0.8).abs() < 1e-9, "{}", share_of(&erased));
}

#[test]
fn what_deviated_before_the_period_is_no_deviation_of_it() {
    let facts = with([seen(effective("SEC-001", Severity::High), |seen| {
        seen.over.items = vec![spell("a", Some(Ending::Resolved)), spell("b", Some(Ending::Resolved))];
        seen.over.earlier = ["b".to_owned()].into();
    })]);
    assert_eq!(readiness(&facts).controls[0].deviations, Some((1, 100)));
}

#[test]
fn without_a_whole_ledger_there_is_no_score() {
    let facts = Facts { fault: Some("a record was changed".to_owned()), ..with([planned("SEC-001", Severity::High)]) };
    let none = readiness(&facts);
    assert_eq!((none.readiness, none.exact(), none.rating), (None, None, "Integrity failure"));
}

#[test]
fn a_good_control_hides_no_bad_one_and_without_key_controls_every_one_counts() {
    let mut bad = seen(effective("SEC-002", Severity::High), |seen| seen.state = State::Deviating);
    let good = effective("SEC-001", Severity::High);
    assert_eq!(readiness(&with([good.clone(), bad.clone()])).criteria[0].held_back_by, ["SEC-002"]);
    let key = Control { key_for: vec!["CC8.1".to_owned()], ..good };
    assert_eq!(readiness(&with([key.clone(), bad.clone()])).criteria[0].state, Coverage::Covered, "only it is key");
    bad.key_for = vec!["CC8.1".to_owned()];
    assert_eq!(readiness(&with([key, bad])).criteria[0].state, Coverage::NotCovered);
}

#[test]
fn a_control_is_what_its_evidence_makes_it() {
    let state = |control: Control, audit| readiness(&Facts { audit, ..with([control]) }).controls[0].state;
    let (one, two) = (AuditType::Type1, AuditType::Type2);
    let good = || effective("SEC-001", Severity::High);
    assert_eq!([state(good(), one), state(good(), two)], [ControlState::Implemented, ControlState::Effective]);
    assert_eq!(state(planned("SEC-001", Severity::High), two), ControlState::Designed);
    assert_eq!(state(Control { test_procedure: String::new(), ..good() }, two), ControlState::NotStarted);
    let of = |change: &dyn Fn(&mut Observed), audit| state(seen(good(), change), audit);
    assert_eq!(of(&|seen| seen.state = State::Stale, one), ControlState::Stale);
    assert_eq!(of(&|seen| seen.state = State::Indeterminate, one), ControlState::Failing);
    assert_eq!(of(&|seen| seen.evidence = None, two), ControlState::Designed, "nothing was ever read whole");
    let never = |seen: &mut Observed| (seen.evidence, seen.state) = (None, State::Deviating);
    assert_eq!(of(&never, two), ControlState::Failing, "and what was read fails");
    let pending = |seen: &mut Observed| (seen.pending, seen.over.population) = (true, 0);
    for audit in [one, two] {
        assert_eq!(of(&pending, audit), ControlState::Designed, "nothing of it is due yet, so nothing was shown");
    }
    assert_eq!(of(&|seen| seen.pending = true, one), ControlState::Implemented, "others were judged");
    let facts = with([seen(good(), pending)]);
    assert!(readiness(&facts).did_not_occur.is_empty(), "it is still to come");
    assert_eq!(tracker(&facts, &BTreeMap::new()).controls[0].evidence_is, Class::NoEvidence);
    let gone = |seen: &mut Observed| seen.over.items = vec![spell("a", Some(Ending::Gone))];
    assert_eq!(of(&gone, two), ControlState::Implemented, "a deviation was never closed");
    assert_eq!(
        of(&|seen| seen.over.cadence = BTreeMap::from([("c".into(), cadence(4, 1))]), two),
        ControlState::Implemented
    );
    assert_eq!(of(&|seen| seen.over.cadence.clear(), two), ControlState::Implemented, "nothing says how often");
}
