//! The score, its caps, the gaps, the six checks and the plan, over facts written here; and the scope over
//! configurations.

mod checks;
mod gaps;
mod plan;
mod scope;
mod score;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use evidenced::catalogue::{Category, ControlType, EvidenceType, Severity};
use evidenced::causes::Cause;
use evidenced::config::AuditType;
use evidenced::drift::{Ending, State};
use evidenced::history::Erased;
use evidenced::judge::Outcome;
use evidenced::ledger::record::{Compensation, Effect};
use evidenced::readiness::{Control, Criterion, Evidence, Facts, Late, NotApplicable, Observed, Over, SignOff, Stamp};
use evidenced::schedule::{Cadence, Frequency, Met};
use evidenced::timeline::{Drift, Lasted, Spell};
use evidenced_collectors::contract::Window;
use std::collections::BTreeMap;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|_| format!("{text}T00:00:00Z").parse().unwrap())
}

fn year() -> Window {
    Window { start: at("2026-01-01"), end: at("2027-01-01") }
}

/// A year that is over, for a Type II report, with one criterion and without controls.
fn facts() -> Facts {
    Facts {
        organization: "Test Ltd".to_owned(),
        sample: false,
        as_of: year().end,
        at: year().end,
        audit: AuditType::Type2,
        period: Some(year()),
        boundary: String::new(),
        categories: [Category::Security].into(),
        tolerable_percent: 5,
        fault: None,
        warnings: Vec::new(),
        criteria: vec![criterion("CC8.1")],
        controls: Vec::new(),
        sign_offs: Vec::new(),
        causes: Vec::new(),
    }
}

fn with(controls: impl IntoIterator<Item = Control>) -> Facts {
    let mut facts = facts();
    facts.controls = controls.into_iter().collect();
    for control in &facts.controls {
        facts.causes.push(cause(&control.id));
        let signed = ["2026-04-02", "2026-07-02", "2026-10-02", "2026-12-30"];
        for (quarter, day) in ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"].into_iter().zip(signed) {
            let (control, by) = (control.id.clone(), "Anna".to_owned());
            facts.sign_offs.push(SignOff { record: 70, control, quarter: quarter.to_owned(), by, at: at(day) });
        }
    }
    facts
}

/// Why the control drifted at record 1, as written down the day after.
fn cause(control: &str) -> Cause {
    Cause {
        record: 80,
        control: control.to_owned(),
        drift: 1,
        cause: "a rule was switched off".to_owned(),
        effect: Effect::OneOff,
        determined: "all others were read".to_owned(),
        correction: "it is on again".to_owned(),
        owner: "Anna".to_owned(),
        compensation: None,
        response: None,
        recorded_by: "uid 1".to_owned(),
        at: at("2026-03-02"),
    }
}

fn criterion(id: &str) -> Criterion {
    Criterion {
        id: id.to_owned(),
        category: Category::Security,
        title: format!("title of {id}"),
        priority: Severity::Medium,
        not_applicable: None,
        without_since: Some(at("2025-06-01")),
        filled: None,
    }
}

/// A control with a whole plan, for CC8.1, of which nothing was observed.
fn planned(id: &str, severity: Severity) -> Control {
    Control {
        id: id.to_owned(),
        title: format!("title of {id}"),
        statement: "we do it".to_owned(),
        criteria: vec!["CC8.1".to_owned()],
        key_for: Vec::new(),
        falls_short_of: Vec::new(),
        control_type: Some(ControlType::Preventive),
        owner: "Anna".to_owned(),
        frequency: Some(Frequency::Daily),
        severity,
        evidence_type: Some(EvidenceType::Log),
        evidence: vec!["a log".to_owned()],
        test_procedure: "look".to_owned(),
        depends_on: Vec::new(),
        own: true,
        so_since: Some(at("2025-12-01")),
        filled: None,
        not_applicable: None,
        observed: None,
    }
}

/// One that was read every day, and nothing was wrong with it.
fn effective(id: &str, severity: Severity) -> Control {
    Control { observed: Some(observed(cadence(365, 0))), ..planned(id, severity) }
}

fn cadence(due: u64, missing: usize) -> Cadence {
    let missing: Vec<String> = (0..missing).map(|n| format!("unit {n}")).collect();
    Cadence {
        window: year(),
        // The rule of days allows one of twenty.
        met: if missing.len() as u64 * 20 <= due { Met::Met } else { Met::NotMet },
        readings: due - missing.len() as u64,
        due,
        missing,
        gaps: Vec::new(),
    }
}

fn observed(cadence: Cadence) -> Observed {
    let stamp = |record, day| Stamp { record, until: at(day), sealed: at(day) + TimeDelta::minutes(2) };
    Observed {
        state: State::Effective,
        not_since: None,
        evidence: Some(Evidence { record: 9, until: at("2026-12-31") }),
        first: None,
        stale_after: TimeDelta::hours(36),
        bad: Vec::new(),
        of_states: false,
        pending: false,
        over: Over {
            population: 100,
            cadence: BTreeMap::from([("c".to_owned(), cadence)]),
            drifts: Vec::new(),
            items: Vec::new(),
            stamps: vec![stamp(8, "2026-12-30"), stamp(9, "2026-12-31")],
            ..Over::default()
        },
        provenance: BTreeMap::new(),
    }
}

/// Changes what was observed.
fn seen(mut control: Control, change: impl FnOnce(&mut Observed)) -> Control {
    change(control.observed.as_mut().unwrap());
    control
}

/// An item that deviated for a day.
fn spell(item: &str, ended: Option<Ending>) -> Spell {
    Spell {
        item: item.to_owned(),
        outcome: Outcome::Deviation,
        reason: "self-approval".to_owned(),
        from: at("2026-03-01"),
        earliest: None,
        until: ended.map(|_| at("2026-03-02")),
        until_earliest: None,
        ended,
        lasted: Lasted::default(),
    }
}

fn drift(from: &str, until: Option<&str>, ended: Option<Ending>) -> Drift {
    Drift {
        worst: State::Deviating,
        from: at(from),
        earliest: None,
        began_before: false,
        until: until.map(at),
        until_earliest: None,
        ended,
        lasted: Lasted::default(),
        records: (Some(1), None),
    }
}

fn left(by: Option<&str>) -> NotApplicable {
    NotApplicable {
        reason: "no data centre".to_owned(),
        approver: "CTO".to_owned(),
        on: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        carried_by: by.map(str::to_owned),
    }
}
