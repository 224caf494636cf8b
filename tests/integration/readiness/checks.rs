use super::*;
use evidenced::readiness::{Check, Passed, checks};

fn run(check: Check, facts: &Facts) -> (Passed, String, Option<DateTime<Utc>>) {
    let found = checks(facts, &facts.controls[0]).into_iter().find(|checked| checked.check == check).unwrap();
    (found.passed, found.says, found.since)
}

fn of(check: Check, change: impl FnOnce(&mut Observed)) -> (Passed, String, Option<DateTime<Utc>>) {
    run(check, &with([seen(effective("SEC-001", Severity::Critical), change)]))
}

#[test]
fn all_six_pass_over_a_good_year_and_none_is_made_without_a_period_or_an_observation() {
    let facts = with([effective("SEC-001", Severity::Critical)]);
    let all = checks(&facts, &facts.controls[0]);
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|checked| checked.passed == Passed::Yes), "{all:#?}");
    assert!(checks(&Facts { period: None, ..facts.clone() }, &facts.controls[0]).is_empty());
    assert!(checks(&facts, &planned("SEC-001", Severity::High)).is_empty());
}

#[test]
fn evidence_reaches_from_the_beginning_to_the_end_without_a_hole() {
    let cadence = |days: &[usize]| {
        let day = |n: &usize| year().start + TimeDelta::days(*n as i64) + TimeDelta::hours(12);
        let read: Vec<_> = (0..365).filter(|n| !days.contains(n)).map(|n| day(&n)).collect();
        evidenced::schedule::cadence(Frequency::Daily, year(), &read, year().end)
    };
    let without = |days: &[usize]| {
        let cadence = cadence(days);
        of(Check::EvidencePeriod, |seen| seen.over.cadence = BTreeMap::from([("c".to_owned(), cadence)]))
    };
    assert_eq!(without(&[100]).0, Passed::Yes, "one day in the middle");
    let first = without(&[0]);
    assert_eq!((first.0, first.2), (Passed::No, Some(at("2026-01-02"))), "{first:?}");
    assert!(without(&[364]).1.contains("2026-12-31"));
    let hole = without(&[100, 101, 102, 103]);
    assert!(hole.0 == Passed::No && hole.1.contains("2026-04-10 12:00Z to 2026-04-15 12:00Z"), "{hole:?}");
    assert_eq!(of(Check::EvidencePeriod, |seen| seen.over.cadence.clear()).0, Passed::No);
    // Another collector took over in the first hour, before the old one was due.
    let hour = Window { start: year().start, end: year().start + TimeDelta::hours(1) };
    let renamed = |last: bool| {
        let mut none = evidenced::schedule::cadence(Frequency::Daily, hour, &[], year().end);
        assert!(none.gaps.is_empty() && none.missing.is_empty());
        none.window = if last { Window { start: year().end - TimeDelta::hours(1), ..year() } } else { none.window };
        let both = BTreeMap::from([("c".to_owned(), cadence(&[])), ("old".to_owned(), none)]);
        of(Check::EvidencePeriod, |seen| seen.over.cadence = both).0
    };
    assert_eq!([renamed(false), renamed(true)], [Passed::Open, Passed::No], "at the end nothing took over");
    let mut running = with([effective("SEC-001", Severity::Critical)]);
    running.as_of = at("2026-06-01");
    assert_eq!(run(Check::EvidencePeriod, &running).0, Passed::Open, "the year is not over");
}

#[test]
fn whatever_deviated_was_mended_or_accepted_and_nothing_stayed_open() {
    let ended = |ended, of_states| {
        of(Check::OperatingConsistency, |seen| (seen.over.items, seen.of_states) = (vec![spell("a", ended)], of_states))
    };
    assert_eq!(ended(Some(Ending::Resolved), false).0, Passed::Yes);
    assert_eq!(ended(Some(Ending::Waived), false).0, Passed::Yes);
    let gone = ended(Some(Ending::Gone), false);
    assert_eq!((gone.0, gone.2), (Passed::No, Some(at("2026-03-01"))), "out of sight is not closed: {gone:?}");
    assert_eq!(ended(Some(Ending::Gone), true).0, Passed::Yes, "a user who is not there any more");
    let stood_in = |outcome, reason: &str, ended| {
        let spell = Spell { outcome, reason: reason.to_owned(), ..spell("people", ended) };
        of(Check::OperatingConsistency, |seen| seen.over.items = vec![spell]).0
    };
    let (open, gone) = (Outcome::Indeterminate, Some(Ending::Gone));
    for reason in ["list-missing", "list-empty", "account-unread"] {
        assert_eq!(stood_in(open, reason, gone), Passed::Yes, "{reason}: what it stood for is judged");
        assert_eq!(stood_in(open, reason, None), Passed::No, "{reason}: it stands still");
    }
    assert_eq!(stood_in(open, "document-gone", gone), Passed::No, "a quarter that went by is not mended");
    assert_eq!(stood_in(Outcome::Deviation, "list-missing", gone), Passed::No, "it was worse once");
    assert!(ended(None, true).1.contains("a (self-approval)"));
    let erased = of(Check::OperatingConsistency, |seen| {
        seen.over.erased = vec![Erased { record: 6, as_of: at("2026-03-01"), deviations: 2 }];
    });
    assert_eq!((erased.0, erased.2), (Passed::No, Some(at("2026-03-01"))), "{erased:?}");
    assert!(erased.1.contains("verdict 6, whose files were erased"), "{erased:?}");
    let unread = of(Check::OperatingConsistency, |seen| {
        (seen.state, seen.bad) = (State::Indeterminate, vec!["not read: x".to_owned()]);
    });
    assert!(unread.0 == Passed::No && unread.1.contains("not read: x"), "{unread:?}");
}

#[test]
fn every_drift_ends_in_its_time_by_what_came_after_it() {
    let one = |drift| of(Check::ExceptionHandling, |seen| seen.over.drifts = vec![drift]);
    let resolved = Some(Ending::Resolved);
    assert_eq!(one(drift("2026-03-01", Some("2026-03-08"), resolved)).0, Passed::Yes, "seven days, critical");
    let late = one(drift("2026-03-01", Some("2026-03-09"), resolved));
    assert_eq!((late.0, late.2), (Passed::No, Some(at("2026-03-08"))), "{late:?}");
    assert_eq!(one(drift("2026-03-01", Some("2026-03-02"), Some(Ending::Waived))).0, Passed::Yes);
    assert_eq!(one(drift("2026-03-01", Some("2026-03-02"), Some(Ending::Gone))).0, Passed::No);
    let stale = Drift { worst: State::Stale, ..drift("2026-03-01", Some("2026-03-02"), Some(Ending::Gone)) };
    assert_eq!(one(stale).0, Passed::Yes, "nothing deviated");
    let with_items = |items: &[(&str, Outcome)]| {
        let item = |(reason, outcome): &(&str, Outcome)| Spell {
            outcome: *outcome,
            reason: (*reason).to_owned(),
            ..spell(reason, Some(Ending::Gone))
        };
        of(Check::ExceptionHandling, |seen| {
            seen.over.drifts = vec![drift("2026-03-01", Some("2026-03-02"), Some(Ending::Gone))];
            seen.over.items = items.iter().map(item).collect();
        })
        .0
    };
    let unread = ("list-missing", Outcome::Indeterminate);
    assert_eq!(with_items(&[unread]), Passed::Yes, "the list was read again");
    assert_eq!(with_items(&[unread, ("self-approval", Outcome::Deviation)]), Passed::No, "that hides no other");
    assert_eq!(one(drift("2026-12-28", None, None)).0, Passed::Open, "there is still time");
    assert_eq!(one(drift("2026-12-20", None, None)).0, Passed::No);
    for (severity, days) in [(Severity::High, 30), (Severity::Medium, 60), (Severity::Low, 90)] {
        for (more, passed) in [(0, Passed::Yes), (1, Passed::No)] {
            let until = at("2026-03-01") + TimeDelta::days(days + more);
            let drift = Drift { until: Some(until), ..drift("2026-03-01", None, resolved) };
            let facts = with([seen(effective("SEC-001", severity), |seen| seen.over.drifts = vec![drift])]);
            assert_eq!(run(Check::ExceptionHandling, &facts).0, passed, "{severity:?} after {} days", days + more);
        }
    }
}

#[test]
fn a_drift_without_cause_and_correction_on_record_is_not_handled_however_it_ended() {
    let ended = || drift("2026-03-01", Some("2026-03-02"), Some(Ending::Resolved));
    let of = |change: &dyn Fn(&mut Facts)| {
        let mut facts = with([seen(effective("SEC-001", Severity::Critical), |seen| seen.over.drifts = vec![ended()])]);
        change(&mut facts);
        run(Check::ExceptionHandling, &facts)
    };
    assert_eq!(of(&|_| ()).0, Passed::Yes);
    let without = of(&|facts| facts.causes.clear());
    assert_eq!((without.0, without.2), (Passed::No, Some(at("2026-03-08"))), "{without:?}");
    let blank: [fn(&mut Cause); 6] = [
        |cause| cause.cause = " ".to_owned(),
        |cause| cause.correction = "TBD".to_owned(),
        |cause| cause.owner = "n/a".to_owned(),
        |cause| cause.control = "SEC-002".to_owned(),
        |cause| cause.drift = 2,
        |cause| cause.at = at("2027-01-02"),
    ];
    for change in blank {
        let said = of(&|facts| change(&mut facts.causes[0]));
        assert_eq!(said.0, Passed::No, "{said:?}");
    }
    let early = of(&|facts| {
        facts.causes.clear();
        (facts.at, facts.as_of) = (at("2026-03-05"), at("2026-03-05"));
    });
    assert_eq!(early.0, Passed::Open, "there is still time: {early:?}");
    let late = of(&|facts| facts.causes[0].at = at("2026-06-01"));
    assert!(late.0 == Passed::Yes && late.1.contains("1 of these later"), "{late:?}");
    let in_time = of(&|facts| facts.causes[0].at = at("2026-03-08"));
    assert!(in_time.1.contains("0 of these later"), "{in_time:?}");
}

#[test]
fn a_named_owner_has_confirmed_every_quarter_that_is_over() {
    let good = || with([effective("SEC-001", Severity::High)]);
    let mut facts = good();
    facts.sign_offs.retain(|sign| sign.quarter != "2026-Q3");
    let without = run(Check::OwnerAccountability, &facts);
    assert_eq!((without.0, without.2), (Passed::No, Some(at("2026-10-15"))), "{without:?}");
    assert!(without.1.contains("2026-Q3") && !without.1.contains("2026-Q2"), "{without:?}");
    for change in [
        |sign: &mut SignOff| sign.control = "SEC-002".to_owned(),
        |sign: &mut SignOff| sign.by = " ".to_owned(),
        |sign: &mut SignOff| sign.by = "TBD".to_owned(),
        |sign: &mut SignOff| sign.at = at("2025-12-31"),
        |sign: &mut SignOff| sign.at = at("2027-02-01"),
    ] {
        let mut facts = good();
        change(&mut facts.sign_offs[0]);
        assert_eq!(run(Check::OwnerAccountability, &facts).0, Passed::No, "{:?}", facts.sign_offs[0]);
    }
    for (day, passed) in [("2026-10-01", Passed::Open), ("2026-10-14", Passed::Open), ("2026-10-15", Passed::No)] {
        let mut facts = Facts { at: at(day), as_of: at(day), ..good() };
        facts.sign_offs.retain(|sign| sign.quarter.as_str() < "2026-Q3");
        facts.sign_offs.iter_mut().for_each(|sign| sign.at = at("2026-07-02"));
        assert_eq!(run(Check::OwnerAccountability, &facts).0, passed, "two weeks after the quarter: {day}");
    }
    let early = Facts { sign_offs: Vec::new(), at: at("2026-02-01"), ..good() };
    assert_eq!(run(Check::OwnerAccountability, &early).0, Passed::Open, "no quarter is over");
    let unowned = with([Control { owner: "n/a".to_owned(), ..effective("SEC-001", Severity::High) }]);
    assert_eq!(run(Check::OwnerAccountability, &unowned).0, Passed::No);
}

#[test]
fn what_is_collected_is_sealed_at_once_and_in_order() {
    let stamp = |record, until: &str, sealed: &str| Stamp { record, until: at(until), sealed: at(sealed) };
    let of = |stamps: Vec<Stamp>| of(Check::EvidenceTimestamps, |seen| seen.over.stamps = stamps);
    let (noon, four) = ("2026-05-01T12:00:00Z", "2026-05-01T16:00:00Z");
    assert_eq!(of(vec![stamp(1, noon, four)]).0, Passed::Yes);
    let late = of(vec![stamp(1, noon, "2026-05-01T16:00:01Z")]);
    assert!(late.0 == Passed::No && late.1.contains("record 1") && late.2.is_some(), "{late:?}");
    assert_eq!(of(vec![stamp(1, four, noon)]).0, Passed::No, "of a time that had not come");
    assert_eq!(of(vec![stamp(1, "2026-05-01T12:05:00Z", noon)]).0, Passed::Yes, "clocks may differ so much");
    assert_eq!(of(vec![stamp(1, four, four), stamp(2, noon, noon)]).0, Passed::No, "out of order");
    assert_eq!(of(Vec::new()).0, Passed::No);
    let mut running = with([seen(effective("SEC-001", Severity::Critical), |seen| seen.over.stamps.clear())]);
    running.as_of = year().end - TimeDelta::seconds(1);
    assert_eq!(run(Check::EvidenceTimestamps, &running).0, Passed::Open, "there is still time to read it");
    let late = |noted| {
        let day = NaiveDate::from_ymd_opt(2026, 3, 31).unwrap();
        let late = Late { file: "minutes.pdf".to_owned(), as_of: day, record: 9, sealed: at("2026-06-19"), noted };
        super::checks::of(Check::EvidenceTimestamps, |seen| seen.over.late = vec![late])
    };
    let without = late(false);
    assert_eq!((without.0, without.2), (Passed::No, Some(at("2026-06-19"))), "{without:?}");
    assert!(without.1.contains("minutes.pdf, of 2026-03-31, is in the log since record 9"), "{without:?}");
    let noted = late(true);
    assert!(noted.0 == Passed::Yes && noted.1.contains("1 documents came long after their day"), "{noted:?}");
}

#[test]
fn it_was_read_as_often_as_it_acts_by_every_collector() {
    let of = |cadences: Vec<Cadence>| {
        let all = cadences.into_iter().enumerate().map(|(n, cadence)| (format!("c{n}"), cadence));
        of(Check::FrequencyAdherence, |seen| seen.over.cadence = all.collect())
    };
    assert_eq!(of(vec![cadence(365, 0)]).0, Passed::Yes);
    assert_eq!(of(vec![cadence(100, 5)]).0, Passed::Yes, "five of a hundred days may be missed");
    let missed = of(vec![cadence(365, 0), cadence(100, 6)]);
    assert!(missed.0 == Passed::No && missed.1.contains("by c1"), "{missed:?}");
    assert_eq!(of(vec![Cadence { met: Met::Open, ..cadence(100, 0) }]).0, Passed::Open);
    assert_eq!(of(Vec::new()).0, Passed::No);
}
