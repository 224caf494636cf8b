use super::*;
use evidenced::readiness::{Gap, GapType, Gaps, Provenance, gaps};

fn ids(gaps: &Gaps) -> Vec<&str> {
    gaps.gaps.iter().map(|gap| gap.gap_id.as_str()).collect()
}

fn only(facts: &Facts) -> Gap {
    let found = gaps(facts);
    assert_eq!(found.gaps.len(), 1, "{:?}", ids(&found));
    found.gaps[0].clone()
}

#[test]
fn a_good_year_has_none() {
    let found = gaps(&with([effective("SEC-001", Severity::Critical)]));
    assert_eq!((ids(&found).len(), found.worst(), found.operation["SEC-001"].len()), (0, None, 6));
}

#[test]
fn a_criterion_without_a_control_is_missing_and_names_what_would_serve() {
    let mut facts = with([effective("SEC-001", Severity::Critical)]);
    facts.criteria.push(criterion("CC1.1"));
    let suggested = Control { own: false, criteria: vec!["CC1.1".to_owned()], ..planned("SEC-025", Severity::Low) };
    facts.controls.push(suggested);
    let gap = only(&facts);
    assert_eq!(
        (gap.gap_id.as_str(), gap.gap_type, gap.severity, gap.key),
        ("GAP-CC1.1-missing", GapType::Missing, Severity::Critical, true)
    );
    assert_eq!((gap.controls, gap.opened_at), (vec!["SEC-025".to_owned()], Some(at("2025-06-01"))));
    facts.criteria[1].category = Category::Availability;
    assert_eq!(only(&facts).severity, Severity::High, "not of security");
}

#[test]
fn a_plan_that_lacks_something_or_only_notices_is_a_gap_of_design() {
    let unowned = Control { owner: " tbd ".to_owned(), ..effective("SEC-001", Severity::Low) };
    let gap = only(&with([unowned]));
    assert_eq!((gap.gap_id.as_str(), gap.severity), ("GAP-SEC-001-design", Severity::High));
    assert!(gap.current_state.contains("owner") && gap.opened_at == Some(at("2025-12-01")), "{gap:?}");
    let cc6 = |kind| {
        let mut facts = with([effective("SEC-001", Severity::Low)]);
        facts.criteria = vec![criterion("CC6.1")];
        facts.controls[0].criteria = vec!["CC6.1".to_owned()];
        facts.controls[0].control_type = Some(kind);
        facts
    };
    assert_eq!(only(&cc6(ControlType::Detective)).gap_id, "GAP-CC6.1-design");
    assert!(gaps(&cc6(ControlType::Preventive)).gaps.is_empty());
    let mut cc7 = cc6(ControlType::Detective);
    (cc7.criteria[0].id, cc7.controls[0].criteria[0]) = ("CC7.1".to_owned(), "CC7.1".to_owned());
    assert!(gaps(&cc7).gaps.is_empty(), "only access must be restricted");
}

#[test]
fn a_control_that_does_not_answer_its_criterion_as_its_owner_says_is_a_gap_of_design_and_covers_nothing() {
    let mut facts = with([effective("SEC-001", Severity::Low)]);
    facts.controls[0].falls_short_of = vec!["CC8.1".to_owned()];
    let gap = only(&facts);
    assert_eq!((gap.gap_id.as_str(), gap.severity), ("GAP-SEC-001-design", Severity::High));
    assert!(gap.current_state.contains("does not answer CC8.1"), "{gap:?}");
    let found = gaps(&facts);
    assert_eq!(
        (found.criteria[0].held_back_by.as_slice(), found.criteria_coverage),
        (&["SEC-001".to_owned()][..], 0.0)
    );
}

#[test]
fn a_plan_without_evidence_is_partial_and_worse_when_a_criterion_hangs_on_it() {
    let gap = only(&with([planned("SEC-001", Severity::Critical)]));
    assert_eq!((gap.gap_id.as_str(), gap.severity, gap.key), ("GAP-SEC-001-partial", Severity::Medium, false));
    let key = Control { key_for: vec!["CC8.1".to_owned()], ..planned("SEC-001", Severity::Low) };
    assert_eq!((only(&with([key.clone()])).severity, only(&with([key])).key), (Severity::High, true));
    let unread = seen(effective("SEC-001", Severity::Low), |seen| {
        (seen.state, seen.bad) = (State::Indeterminate, vec!["not read: acme/shop: 403".to_owned()]);
    });
    let found = gaps(&with([unread]));
    assert!(ids(&found).contains(&"GAP-SEC-001-partial"), "{found:#?}");
    let failing = seen(effective("SEC-001", Severity::Low), |seen| seen.state = State::Deviating);
    let first = Facts { audit: AuditType::Type1, ..with([failing]) };
    assert_eq!(only(&first).gap_type, GapType::Partial, "of design at a day nothing else tells of it");
}

#[test]
fn evidence_that_is_too_old_is_stale() {
    let stale = |audit| {
        let control = seen(effective("SEC-001", Severity::Low), |seen| {
            (seen.state, seen.not_since) = (State::Stale, Some(at("2026-12-31")));
        });
        Facts { audit, ..with([control]) }
    };
    let gap = only(&stale(AuditType::Type1));
    assert_eq!((gap.gap_id.as_str(), gap.severity), ("GAP-SEC-001-stale", Severity::Medium));
    assert_eq!(gap.opened_at, Some(at("2026-12-31")));
}

#[test]
fn each_check_that_fails_is_a_gap_of_operation_of_its_own_and_none_of_type_1() {
    let mut facts = with([seen(effective("SEC-001", Severity::Critical), |seen| {
        seen.over.items = vec![spell("a", None)];
        seen.over.drifts = vec![drift("2026-03-01", None, None)];
        seen.over.stamps.clear();
        seen.over.cadence = BTreeMap::from([("c".to_owned(), Cadence { gaps: vec![year()], ..cadence(4, 2) })]);
    })]);
    facts.sign_offs.clear();
    let found = gaps(&facts);
    assert_eq!(
        ids(&found),
        [
            "GAP-SEC-001-operating-evidence-period",
            "GAP-SEC-001-operating-frequency-adherence",
            "GAP-SEC-001-operating-operating-consistency",
            "GAP-SEC-001-operating-evidence-timestamps",
            "GAP-SEC-001-operating-exception-handling",
            "GAP-SEC-001-operating-owner-accountability",
        ]
    );
    let severities: Vec<Severity> = found.gaps.iter().map(|gap| gap.severity).collect();
    use Severity::{Critical, High, Medium};
    assert_eq!(severities, [Critical, Critical, Critical, High, High, Medium]);
    assert!(gaps(&Facts { audit: AuditType::Type1, ..facts }).gaps.is_empty());
}

#[test]
fn a_ledger_clock_or_total_that_is_wrong_is_a_gap_of_integrity() {
    let good = || with([effective("SEC-001", Severity::Low)]);
    let gap = only(&Facts { fault: Some("record 7 was changed".to_owned()), ..good() });
    assert_eq!((gap.gap_id.as_str(), gap.severity, gap.opened_at), ("GAP-LEDGER-integrity", Severity::Critical, None));
    let from = |skew_ms, unreconciled: &[&str]| {
        let unreconciled = unreconciled.iter().map(|text| (*text).to_owned()).collect();
        let mut facts = good();
        let observed = facts.controls[0].observed.as_mut().unwrap();
        observed.provenance.insert("c".to_owned(), Provenance { record: 9, skew_ms, unreconciled });
        gaps(&facts)
    };
    assert_eq!(ids(&from(Some(300_000), &[])).len(), 0, "five minutes");
    for found in [from(Some(-300_001), &[]), from(None, &["users: 4 held, the report states 5"])] {
        assert_eq!((ids(&found), found.worst()), (vec!["GAP-SEC-001-integrity"], Some(Severity::Critical)));
    }
}
