use super::*;
use evidenced::catalogue::Catalogue;
use evidenced::readiness::{Closed, Cycle, Filled, Remediation, Status, Task, page, readiness, remediation};

fn plan(facts: &Facts) -> Remediation {
    remediation(facts, &Catalogue::built_in().unwrap()).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A gap of design of a control of this severity, in a period that begins then.
fn task(severity: Severity, as_of: &str, start: &str, key: bool) -> Task {
    let mut control = Control { owner: String::new(), ..planned("SEC-001", severity) };
    control.key_for = if key { vec!["CC8.1".to_owned()] } else { Vec::new() };
    let period = Some(Window { start: at(start), end: at("2027-12-31") });
    let facts = Facts { as_of: at(as_of), at: at(as_of), period, ..with([control]) };
    plan(&facts).gaps.remove(0)
}

#[test]
fn urgency_is_that_of_criterion_and_control_and_rises_when_the_period_is_near() {
    // The criterion is medium.
    let far = "2027-06-01";
    for (severity, priority) in [
        (Severity::Low, Severity::Medium),
        (Severity::Medium, Severity::Medium),
        (Severity::High, Severity::High),
        (Severity::Critical, Severity::Critical),
    ] {
        assert_eq!(task(severity, "2026-01-01", far, true).priority, priority, "{severity:?}");
    }
    assert_eq!(task(Severity::Low, "2027-05-01", far, false).priority, Severity::Medium, "31 days before");
    assert_eq!(task(Severity::Low, "2027-05-02", far, false).priority, Severity::High, "30 days before");
    assert_eq!(task(Severity::Critical, "2027-05-02", far, false).priority, Severity::Critical, "there is no more");
    // What is missing rises at once.
    let mut facts = with([]);
    facts.period = Some(Window { start: at("2028-01-01"), end: at("2029-01-01") });
    assert_eq!(plan(&facts).gaps[0].priority, Severity::High);
}

#[test]
fn a_target_counts_from_when_the_gap_began_and_comes_before_the_period() {
    // Open since 2025-12-01 by the records.
    for (severity, target) in
        [(Severity::Critical, "2025-12-29"), (Severity::High, "2026-01-26"), (Severity::Medium, "2026-02-23")]
    {
        let task = task(severity, "2025-12-10", "2027-06-01", false);
        assert_eq!((task.target_date, task.pulled_forward, task.days_lost), (day(target), false, 0), "{severity:?}");
        assert_eq!((task.counted_from, task.status), (day("2025-12-01"), Status::Open));
    }
    let near = task(Severity::Medium, "2025-12-10", "2026-02-01", false);
    assert_eq!((near.target_date, near.pulled_forward, near.days_lost), (day("2026-01-31"), true, 0));
    let begun = task(Severity::Medium, "2025-12-10", "2025-12-05", false);
    assert_eq!((begun.priority, begun.target_date), (Severity::High, day("2026-01-26")));
    assert_eq!((begun.pulled_forward, begun.days_lost), (false, 52), "from December 5 to January 26");
    let late = task(Severity::Critical, "2026-02-01", "2025-12-05", false);
    assert_eq!((late.status, late.days_lost), (Status::Overdue, 58), "up to the day of the report at least");
    // Nobody knows when it began: it counts from today, and says so.
    let mut facts = with([Control { so_since: None, owner: String::new(), ..planned("SEC-001", Severity::Critical) }]);
    facts.as_of = at("2026-05-01");
    let unknown = plan(&facts);
    assert_eq!(unknown.gaps[0].gap.opened_at, None);
    assert_eq!((unknown.gaps[0].counted_from, unknown.gaps[0].target_date), (day("2026-05-01"), day("2026-05-29")));
    assert!(unknown.markdown(&facts).contains("Opened: not on record"), "{}", unknown.markdown(&facts));
}

#[test]
fn what_others_depend_on_comes_first_and_a_ring_is_refused_with_its_members() {
    let needs = |id: &str, severity, needs: &[&str]| Control {
        depends_on: needs.iter().map(|id| (*id).to_owned()).collect(),
        ..planned(id, severity)
    };
    let facts = with([
        needs("SEC-001", Severity::Critical, &["SEC-002"]),
        needs("SEC-002", Severity::Low, &["SEC-003"]),
        needs("SEC-003", Severity::Low, &[]),
        needs("SEC-004", Severity::Critical, &[]),
    ]);
    let done = plan(&facts);
    let order: Vec<&str> = done.gaps.iter().map(|task| task.gap.controls[0].as_str()).collect();
    assert_eq!(order, ["SEC-004", "SEC-003", "SEC-002", "SEC-001"]);
    assert_eq!(done.gaps[3].dependencies, ["GAP-SEC-002-partial"]);
    let load = &done.load["Anna"];
    assert_eq!(load.values().map(|load| load.gaps).sum::<u32>(), 4);
    assert_eq!(load.values().map(|load| load.effort_days.0).sum::<u32>(), 1 + 3 + 3 + 1);
    let ring = with([
        needs("SEC-001", Severity::Low, &["SEC-003"]),
        needs("SEC-002", Severity::Low, &["SEC-001"]),
        needs("SEC-003", Severity::Low, &["SEC-002"]),
        needs("SEC-009", Severity::Low, &["SEC-003"]),
    ]);
    let Cycle(members) = remediation(&ring, &Catalogue::built_in().unwrap()).unwrap_err();
    assert_eq!((members.len(), members.first()), (4, members.last()), "{members:?}");
    assert!(!members.iter().any(|id| id.contains("SEC-009")), "it waits for the ring and is not in it: {members:?}");
}

#[test]
fn a_gap_of_a_criterion_waits_for_no_control_and_is_no_part_of_a_ring() {
    let of = |id: &str, criterion: &str, needs: &[&str]| Control {
        criteria: vec![criterion.to_owned()],
        control_type: Some(ControlType::Detective),
        depends_on: needs.iter().map(|id| (*id).to_owned()).collect(),
        ..planned(id, Severity::Low)
    };
    let mut facts =
        with([of("OPS-1", "CC6.1", &["OPS-3"]), of("OPS-2", "CC6.1", &[]), of("OPS-3", "CC7.1", &["OPS-2"])]);
    facts.criteria = vec![criterion("CC6.1"), criterion("CC7.1")];
    let plan = plan(&facts);
    let task = |id: &str| plan.gaps.iter().find(|task| task.gap.gap_id == id).unwrap();
    let design = task("GAP-CC6.1-design");
    assert_eq!((design.gap.controls.len(), design.dependencies.len()), (2, 0));
    assert_eq!(design.actions, ["take on a preventive control for CC6.1, which asks to restrict"]);
    assert_eq!(task("GAP-OPS-3-partial").dependencies, ["GAP-OPS-2-partial"]);
    assert_eq!(task("GAP-OPS-1-partial").dependencies, ["GAP-OPS-3-partial"]);
}

#[test]
fn the_plan_says_what_closes_each_check_and_where_a_plan_is_written() {
    let mut facts = with([seen(effective("SEC-001", Severity::Critical), |seen| {
        seen.over.items = vec![spell("a", None)];
        seen.over.stamps.clear();
        seen.over.cadence = BTreeMap::from([("c".to_owned(), Cadence { gaps: vec![year()], ..cadence(4, 2) })]);
    })]);
    facts.sign_offs.retain(|sign| sign.quarter == "2026-Q2");
    let actions = |check: &str| {
        let id = format!("GAP-SEC-001-operating-{check}");
        let plan = plan(&facts);
        plan.gaps.into_iter().find(|task| task.gap.gap_id == id).unwrap_or_else(|| panic!("{id}")).actions
    };
    let signs = |quarter: &str| {
        format!("its owner confirms it: `evidenced sign-off --control SEC-001 --quarter {quarter} --by NAME`")
    };
    assert_eq!(actions("owner-accountability")[..3], ["2026-Q1", "2026-Q3", "2026-Q4"].map(signs));
    for (check, words, not) in [
        ("operating-consistency", "`evidenced cause --help`", "sign-off"),
        ("evidence-period", "`evidenced status --calendar`", "evidenced cause"),
        ("frequency-adherence", "`evidenced status --calendar`", "evidenced cause"),
        ("evidence-timestamps", "`evidenced evidence add`", "evidenced cause"),
    ] {
        let said = actions(check).join("\n");
        assert!(said.contains(words) && !said.contains(not), "{check}: {said}");
    }
    let unplanned = Control { statement: String::new(), ..planned("OWN-1", Severity::High) };
    let said = plan(&with([unplanned])).gaps[0].actions.join("\n");
    assert!(said.contains("write OWN-1 into a file of controls that [catalogue] names"), "{said}");
}

#[test]
fn every_form_for_people_says_that_a_target_has_passed() {
    let mut facts = with([Control { owner: String::new(), ..planned("SEC-001", Severity::Critical) }]);
    let plan = plan(&facts);
    assert_eq!((plan.gaps.len(), plan.gaps[0].status), (1, Status::Overdue));
    let markdown = plan.markdown(&facts);
    assert!(markdown.contains("0 low; 1 overdue. The last target"), "{markdown}");
    assert!(markdown.contains("| critical | nobody is named | 2025-12-29 (overdue) |"), "{markdown}");
    assert!(markdown.contains("- Target: 2025-12-29 (overdue)\n"), "{markdown}");
    let html = |facts: &Facts| {
        let mut html = Vec::new();
        page(facts, &readiness(facts), &super::plan::plan(facts), &mut html).unwrap();
        String::from_utf8(html).unwrap()
    };
    let page = html(&facts);
    assert_eq!(page.matches("2025-12-29 (overdue)").count(), 2, "{page}");
    assert!(page.contains("0 low; 1 overdue"), "{page}");
    // Of Type II a control that only works now is not shown as good, and a name that is cut says so.
    let id = "SEC-001-THAT-OTHERS-ARE-CALLED-MUCH-ALIKE";
    let gone = |seen: &mut Observed| seen.over.items = vec![spell("a", Some(Ending::Gone))];
    facts = with([seen(effective(id, Severity::Critical), gone)]);
    let second = html(&facts);
    assert!(second.contains("class=\"w indeterminate\">implemented"), "{second}");
    assert!(second.contains(&format!(">{}…<", &format!("{id}-operating")[..40])), "{second}");
    facts.audit = AuditType::Type1;
    assert!(html(&facts).contains("class=\"w effective\">implemented"));
}

#[test]
fn actions_and_evidence_come_from_the_library() {
    let mut facts = with([]);
    facts.controls = vec![Control { own: false, ..planned("SEC-001", Severity::Critical) }];
    let missing = plan(&facts).gaps.remove(0);
    assert!(missing.actions[0].starts_with("consider SEC-001: Nothing reaches a production branch"), "{missing:?}");
    assert!(missing.evidence_needed.iter().any(|text| text.contains("waivers")), "{missing:?}");
    assert!(missing.owner.is_empty() && missing.dependencies.is_empty());
    let partial = plan(&with([planned("SEC-001", Severity::Critical)])).gaps.remove(0);
    assert!(partial.actions.iter().any(|text| text.starts_with("test it so: Judge every landing")), "{partial:?}");
    assert_eq!((partial.owner.as_str(), partial.evidence_needed), ("Anna", vec!["a log".to_owned()]));
}

#[test]
fn a_gap_is_less_urgent_while_another_control_that_works_makes_up_for_it() {
    let priority = |other: Control, change: &dyn Fn(&mut Facts)| {
        let deviating = seen(effective("SEC-001", Severity::High), |seen| {
            (seen.state, seen.over.drifts) = (State::Deviating, vec![drift("2026-12-30", None, None)]);
        });
        let mut facts = with([deviating, other]);
        facts.causes[0].compensation =
            Some(Compensation { control: "SEC-002".to_owned(), approver: "the board".to_owned() });
        change(&mut facts);
        let plan = plan(&facts);
        let id = "GAP-SEC-001-operating-operating-consistency";
        let task = plan.gaps.iter().find(|task| task.gap.gap_id == id).unwrap().clone();
        (task.priority, task.compensated_by)
    };
    let works = || effective("SEC-002", Severity::High);
    // High, a step more because the period has begun, a step less.
    assert_eq!(priority(works(), &|_| ()), (Severity::High, vec!["SEC-002".to_owned()]));
    let nobody = (Severity::Critical, Vec::new());
    let fails = seen(works(), |seen| seen.state = State::Deviating);
    assert_eq!(priority(fails, &|_| ()), nobody, "what does not work makes up for nothing");
    assert_eq!(priority(works(), &|facts| facts.causes[0].compensation = None), nobody);
    assert_eq!(priority(works(), &|facts| facts.causes[0].drift = 7), nobody, "said of another drift");
    let itself = |facts: &mut Facts| facts.causes[0].compensation.as_mut().unwrap().control = "SEC-001".to_owned();
    assert_eq!(priority(works(), &itself), nobody);
    let owner = |facts: &mut Facts| facts.causes[0].compensation.as_mut().unwrap().approver = " anna".to_owned();
    assert_eq!(priority(works(), &owner), nobody, "the owner approves nothing of this");
    let over = |facts: &mut Facts| {
        let seen = facts.controls[0].observed.as_mut().unwrap();
        seen.over.drifts = vec![drift("2026-12-30", Some("2026-12-31"), Some(Ending::Resolved))];
    };
    assert_eq!(priority(works(), &over), nobody, "that drift is over");
    // A plan that lacks something is not made up for.
    let mut facts = with([Control { owner: String::new(), ..effective("SEC-001", Severity::High) }, works()]);
    facts.controls[0].observed.as_mut().unwrap().over.drifts = vec![drift("2026-03-01", Some("2026-03-02"), None)];
    facts.causes[0].compensation = Some(Compensation { control: "SEC-002".to_owned(), approver: "x".to_owned() });
    assert!(plan(&facts).gaps[0].compensated_by.is_empty());
}

/// What was closed, by id.
fn closed(facts: &Facts) -> BTreeMap<String, Closed> {
    let plan = plan(facts);
    let again = remediation(facts, &Catalogue::built_in().unwrap()).unwrap();
    assert_eq!(plan.closed, again.closed, "every run says the same");
    plan.closed.into_iter().map(|closed| (closed.gap.gap_id.clone(), closed)).collect()
}

#[test]
fn what_was_a_gap_and_is_none_is_told_with_the_record_that_ended_it() {
    let ended = |how| Drift { records: (Some(1), Some(5)), ..drift("2026-03-01", Some("2026-03-02"), Some(how)) };
    let of =
        |drift: Drift| with([seen(effective("SEC-001", Severity::Critical), |seen| seen.over.drifts = vec![drift])]);
    let found = closed(&of(ended(Ending::Resolved)));
    let ids: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(ids, ["GAP-SEC-001-operating-operating-consistency"]);
    let one = &found[ids[0]];
    assert_eq!((one.gap.opened_at, one.closed_at), (Some(at("2026-03-01")), at("2026-03-02")));
    assert_eq!((one.status, one.closing_evidence.as_slice()), (Status::Closed, &[5][..]));
    let first = closed(&Facts { audit: AuditType::Type1, ..of(ended(Ending::Waived)) });
    assert_eq!(first["GAP-SEC-001-partial"].gap.current_state, "what deviated was accepted");
    let stale = Drift { worst: State::Stale, ..ended(Ending::Resolved) };
    assert!(closed(&of(stale)).contains_key("GAP-SEC-001-stale"));
    assert!(closed(&of(ended(Ending::Gone))).is_empty(), "out of sight is not closed");
    // A plan that lacks something has that one gap, and had no other.
    let mut unplanned = of(ended(Ending::Resolved));
    unplanned.controls[0].test_procedure = String::new();
    assert!(closed(&unplanned).is_empty());
    // What is a gap again is no closed one.
    let mut again = of(ended(Ending::Resolved));
    again.controls[0].observed.as_mut().unwrap().state = State::Deviating;
    assert!(closed(&again).is_empty());
    // The last time counts.
    let mut twice = of(ended(Ending::Resolved));
    let later =
        Drift { records: (Some(1), Some(9)), ..drift("2026-05-01", Some("2026-05-02"), Some(Ending::Resolved)) };
    twice.controls[0].observed.as_mut().unwrap().over.drifts.insert(0, later);
    assert_eq!(closed(&twice)["GAP-SEC-001-operating-operating-consistency"].closing_evidence, [9]);
    // A cause and a confirmation that came late.
    let mut late = of(ended(Ending::Resolved));
    (late.causes[0].at, late.sign_offs[0].at) = (at("2026-06-01"), at("2026-04-15"));
    let found = closed(&late);
    assert_eq!(found["GAP-SEC-001-operating-exception-handling"].closing_evidence, [80]);
    assert_eq!(found["GAP-SEC-001-operating-exception-handling"].gap.opened_at, Some(at("2026-03-08")));
    assert_eq!(found["GAP-SEC-001-operating-owner-accountability"].closing_evidence, [70]);
    assert_eq!(found["GAP-SEC-001-operating-owner-accountability"].gap.opened_at, Some(at("2026-04-15")));
}

#[test]
fn plans_and_first_evidence_close_gaps_too_and_every_form_shows_it() {
    let filled = |record| Some(Filled { opened: at("2025-06-01"), closed: at("2025-12-01"), record });
    let mut facts = with([seen(effective("SEC-001", Severity::Critical), |seen| {
        seen.first = Some(Stamp { record: 12, until: at("2025-12-02"), sealed: at("2025-12-02") });
    })]);
    facts.criteria[0].filled = filled(3);
    facts.controls[0].filled = filled(3);
    facts.controls[0].key_for = vec!["CC8.1".to_owned()];
    let found = closed(&facts);
    let ids: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(ids, ["GAP-CC8.1-missing", "GAP-SEC-001-design", "GAP-SEC-001-partial"]);
    assert_eq!(found["GAP-SEC-001-partial"].closing_evidence, [12]);
    assert_eq!(found["GAP-SEC-001-partial"].gap.opened_at, Some(at("2025-12-01")));
    let plan = plan(&facts);
    assert!(plan.gaps.is_empty());
    assert!(plan.markdown(&facts).contains("## Closed") && plan.markdown(&facts).contains("GAP-CC8.1-missing"));
    let ics = plan.ics();
    assert_eq!(ics.matches("STATUS:COMPLETED").count(), 3, "{ics}");
    assert!(ics.contains("COMPLETED:20251202T000000Z"), "{ics}");
}
