//! What to do about each gap: by whom, in which order, by when. Pure.

use super::checks::{Check, Quarter, unsigned};
use super::closed::{Closed, closed};
use super::facts::{Control, Facts, Head};
use super::gaps::{Gap, GapType, gaps};
use super::state::control_state;
use crate::catalogue::{Catalogue, Severity};
use chrono::{Datelike, NaiveDate, TimeDelta};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The window is near when it starts within so many days.
const NEAR: TimeDelta = TimeDelta::days(30);

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remediation {
    /// What it is of.
    #[serde(flatten)]
    pub head: Head,
    /// In the order in which they can be done: what others depend on first, then the more urgent, then the earlier.
    pub gaps: Vec<Task>,
    /// What was a gap and is none any more, by the records, the newest last; each with the last time that it was one.
    pub closed: Vec<Closed>,
    /// By owner, and in it by ISO week: what is to be ready in it.
    pub load: BTreeMap<String, BTreeMap<String, Load>>,
}

/// One gap, and what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    /// The gap.
    #[serde(flatten)]
    pub gap: Gap,
    /// How urgent.
    pub priority: Severity,
    /// What to do, in order.
    pub actions: Vec<String>,
    /// Who; empty: nobody is named.
    pub owner: String,
    /// A guess, in days of work: at least, at most.
    pub effort_days: (u32, u32),
    /// By when.
    pub target_date: NaiveDate,
    /// From which day `target_date` is counted: of `opened_at`, or where that is on no record, of `as_of`.
    pub counted_from: NaiveDate,
    /// Brought forward to the day before the period.
    pub pulled_forward: bool,
    /// Days of the period that will have passed without the control.
    pub days_lost: i64,
    /// Gaps that must be closed first.
    pub dependencies: Vec<String>,
    /// What to show in the end.
    pub evidence_needed: Vec<String>,
    /// Effective controls that make up for it meanwhile, as somebody approved.
    pub compensated_by: Vec<String>,
    /// Whether there is still time.
    pub status: Status,
}

/// How it stands with a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is.
    Open,
    /// The target date has passed.
    Overdue,
    /// It is no gap any more.
    Closed,
}

/// What one owner is to have ready in one week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// How many gaps.
    pub gaps: u32,
    /// Days of work: at least, at most.
    pub effort_days: (u32, u32),
}

/// Gaps that wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these gaps wait for each other: {}\nhint: take away one `depends_on` of their controls", .0.join(" -> "))]
pub struct Cycle(pub Vec<String>);

/// Makes the plan.
pub fn remediation(facts: &Facts, catalogue: &Catalogue) -> Result<Remediation, Cycle> {
    let found = gaps(facts).gaps;
    let closed = closed(facts, &found);
    let by_control: BTreeMap<&str, Vec<&str>> = found.iter().fold(BTreeMap::new(), |mut by, gap| {
        // What is of a criterion waits for no control, and none waits for it: it names controls that serve, or would.
        if let Some(control) = &gap.control {
            by.entry(control.as_str()).or_insert_with(Vec::new).push(gap.gap_id.as_str());
        }
        by
    });
    let tasks: Vec<Task> = found.iter().map(|gap| task(facts, catalogue, gap, &by_control)).collect();
    let gaps = in_order(tasks)?;
    let mut load: BTreeMap<String, BTreeMap<String, Load>> = BTreeMap::new();
    for task in &gaps {
        let week = task.target_date.iso_week();
        let week = format!("{}-W{:02}", week.year(), week.week());
        let load = load.entry(task.owner.clone()).or_default().entry(week).or_default();
        load.gaps += 1;
        load.effort_days.0 += task.effort_days.0;
        load.effort_days.1 += task.effort_days.1;
    }
    Ok(Remediation { head: facts.head(), gaps, closed, load })
}

fn task(facts: &Facts, catalogue: &Catalogue, gap: &Gap, by_control: &BTreeMap<&str, Vec<&str>>) -> Task {
    let control = gap.controls.first().filter(|_| gap.gap_type != GapType::Missing).and_then(|id| facts.control(id));
    let compensated_by = control.map(|control| compensated_by(facts, gap, control)).unwrap_or_default();
    let priority = priority(facts, gap, control, !compensated_by.is_empty());
    let when = when(facts, gap, priority);
    let needs = control.filter(|_| gap.control.is_some()).map(|control| control.depends_on.as_slice());
    let needs = needs.unwrap_or_default();
    let first = needs.iter().filter_map(|id| by_control.get(id.as_str())).flatten();
    let dependencies: BTreeSet<String> = first.filter(|id| **id != gap.gap_id).map(|id| (*id).to_owned()).collect();
    let overdue = when.target_date < facts.as_of.date_naive();
    Task {
        actions: actions(facts, gap, control, catalogue),
        owner: control.map(|control| control.owner.clone()).unwrap_or_default(),
        effort_days: match priority {
            Severity::Critical | Severity::Low => (1, 5),
            Severity::High | Severity::Medium => (3, 10),
        },
        dependencies: dependencies.into_iter().collect(),
        evidence_needed: evidence_needed(gap, control, catalogue),
        status: if overdue { Status::Overdue } else { Status::Open },
        priority,
        compensated_by,
        target_date: when.target_date,
        counted_from: when.counted_from,
        pulled_forward: when.pulled_forward,
        days_lost: when.days_lost,
        gap: gap.clone(),
    }
}

/// How urgent: as its criteria are, never less than its control; a step more when a criterion hangs on it or the
/// period has begun or is near, and a step less when another control makes up for it.
fn priority(facts: &Facts, gap: &Gap, control: Option<&Control>, compensated: bool) -> Severity {
    let of = |id: &String| facts.criteria.iter().find(|criterion| criterion.id == *id).map(|c| c.priority);
    let criteria = gap.criteria.iter().filter_map(of).max();
    // Without a criterion or a control it is about everything.
    let base = criteria.max(control.map(|control| control.severity)).unwrap_or(Severity::Critical);
    let urgent = matches!(gap.gap_type, GapType::Missing | GapType::Operating | GapType::Integrity) && gap.key;
    let near = facts.period.is_some_and(|period| facts.as_of + NEAR >= period.start);
    match base as i32 + i32::from(urgent || near) - i32::from(compensated) {
        ..=0 => Severity::Low,
        1 => Severity::Medium,
        2 => Severity::High,
        _ => Severity::Critical,
    }
}

/// The controls that somebody else than the owner said make up for the drift of a control that is open, and that are
/// effective. What is wrong with a plan, with the ledger or with how often a control is read no other one makes up for.
fn compensated_by(facts: &Facts, gap: &Gap, control: &Control) -> Vec<String> {
    let drift = control.observed.as_ref().and_then(|observed| observed.over.drifts.last());
    let of = match gap.gap_type {
        GapType::Operating => {
            [Check::OperatingConsistency, Check::ExceptionHandling].iter().any(|check| check.word() == gap.source)
        }
        other => matches!(other, GapType::Partial | GapType::Stale),
    };
    let Some(drift) = drift.filter(|drift| of && drift.until.is_none()) else { return Vec::new() };
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    let named = facts.causes_of(control, drift).filter_map(|cause| cause.compensation.as_ref());
    let named = named.filter(|named| !same(&named.approver, &control.owner));
    let works = |other: &Control| other.id != control.id && control_state(facts, other).is_enough(facts.audit);
    let all = named.filter_map(|named| facts.control(&named.control)).filter(|other| works(other));
    all.map(|other| other.id.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

struct When {
    target_date: NaiveDate,
    counted_from: NaiveDate,
    pulled_forward: bool,
    days_lost: i64,
}

/// Days from a gap's beginning to its target.
fn days(priority: Severity) -> i64 {
    match priority {
        Severity::Critical => 28,
        Severity::High => 56,
        Severity::Medium => 84,
        Severity::Low => 112,
    }
}

fn when(facts: &Facts, gap: &Gap, priority: Severity) -> When {
    let counted_from = gap.opened_at.unwrap_or(facts.as_of).date_naive();
    let target_date = counted_from + TimeDelta::days(days(priority));
    let on_time = When { target_date, counted_from, pulled_forward: false, days_lost: 0 };
    let Some(period) = facts.period.filter(|_| matches!(gap.gap_type, GapType::Design | GapType::Missing)) else {
        return on_time;
    };
    let (start, today) = (period.start.date_naive(), facts.as_of.date_naive());
    let before = start - TimeDelta::days(1);
    if target_date <= before {
        return on_time;
    }
    if before >= today {
        return When { target_date: before, pulled_forward: true, ..on_time };
    }
    // What is closed on its day is missing up to it, and what is late already up to now at least.
    let until = target_date.max(today).min(period.end.date_naive());
    When { days_lost: (until - start).num_days(), ..on_time }
}

fn actions(facts: &Facts, gap: &Gap, control: Option<&Control>, catalogue: &Catalogue) -> Vec<String> {
    let name = gap.controls.first().map_or("the control", String::as_str);
    let plan = catalogue.control(name);
    let test = plan.map(|plan| format!("test it so: {}", plan.test_procedure));
    let said = |text: &str| Some(text.to_owned());
    let actions = match gap.gap_type {
        GapType::Missing => {
            let suggested = gap.controls.iter().filter_map(|id| catalogue.control(id)).take(3);
            let suggested: Vec<_> =
                suggested.map(|plan| Some(format!("consider {}: {}", plan.id, plan.statement))).collect();
            let last =
                "put it into [controls] or your own catalogue with an owner, or say in [scope] why it does not apply";
            [suggested, vec![said(last)]].concat()
        }
        GapType::Design if control.is_some_and(|control| !control.own) => vec![
            Some(format!(
                "take {name} on: put it into [controls] with an owner, or into your own catalogue in your words"
            )),
            plan.map(|plan| format!("do what it says: {}", plan.statement)),
        ],
        GapType::Design if gap.control.is_none() => vec![Some(format!("take on {}", gap.required_state))],
        // The configuration has no place for the rest of a plan.
        GapType::Design if plan.is_none() && control.is_some_and(|control| !control.lacks().is_empty()) => vec![
            Some(format!("mend the plan of {name}: {}", gap.current_state)),
            Some(format!(
                "write {name} into a file of controls that [catalogue] names; `evidenced config controls` prints one to begin with"
            )),
        ],
        GapType::Design => vec![Some(format!("mend the plan of {name}: {}", gap.current_state)), test],
        GapType::Partial => vec![
            plan.map(|plan| format!("do what it says: {}", plan.statement)),
            Some(format!("feed {name} with a collector, and `evidenced collect now`; see `evidenced drift`")),
            test,
        ],
        GapType::Stale => vec![
            said("see with `evidenced status` why its collectors bring nothing home"),
            said("`evidenced collect now`"),
        ],
        GapType::Integrity if control.is_none() => vec![
            said("stop the daemon, keep the files as they are, and compare them with a backup and with the anchors"),
            said("go on from a good copy with `evidenced epoch`, and tell the auditor"),
        ],
        GapType::Integrity => {
            vec![said("set the clocks, or find the items that one of the two sources lacks, and collect again")]
        }
        GapType::Operating => [operating(facts, gap, control), vec![test]].concat(),
    };
    actions.into_iter().flatten().collect()
}

/// What closes a check of operation; of a period that is over, some are closed by nothing.
fn operating(facts: &Facts, gap: &Gap, control: Option<&Control>) -> Vec<Option<String>> {
    let name = gap.control.as_deref().unwrap_or("the control");
    let is = |check: Check| check.word() == gap.source;
    if let (true, Some(control), Some(period)) = (is(Check::OwnerAccountability), control, facts.period) {
        let sign = |quarter: &Quarter| {
            let quarter = &quarter.name;
            format!("its owner confirms it: `evidenced sign-off --control {name} --quarter {quarter} --by NAME`")
        };
        return unsigned(facts, control, period).iter().map(sign).map(Some).collect();
    }
    let said: &[&str] = if is(Check::EvidencePeriod) || is(Check::FrequencyAdherence) {
        &[
            "see with `evidenced status --calendar` which runs brought nothing whole and why, and mend that",
            "what was not read of a time that is over stays so: tell the auditor why, or begin the period after it",
        ]
    } else if is(Check::EvidenceTimestamps) {
        &[
            "of a document that came late: put it into `withdrawn`, and `evidenced evidence add` it again with a note that says why",
            "of a run: see with `evidenced status --calendar` what held it up, and with `evidenced doctor` the clock; what was sealed late stays so: tell the auditor why",
        ]
    } else {
        let told = [
            format!("see what happened: `evidenced history {name}` and `evidenced drift`"),
            format!(
                "record cause and correction of {name} as `evidenced cause --help` says, and have what cannot be mended accepted with `evidenced waive`"
            ),
        ];
        return told.into_iter().map(Some).collect();
    };
    said.iter().map(|text| Some((*text).to_owned())).collect()
}

fn evidence_needed(gap: &Gap, control: Option<&Control>, catalogue: &Catalogue) -> Vec<String> {
    match control {
        Some(control) => control.evidence.clone(),
        None => {
            gap.controls.first().and_then(|id| catalogue.control(id)).map(|p| p.evidence.clone()).unwrap_or_default()
        }
    }
}

/// What others depend on first, then the more urgent, then the earlier, then what touches more criteria.
pub fn in_order(tasks: Vec<Task>) -> Result<Vec<Task>, Cycle> {
    let mut left: BTreeMap<String, Task> = tasks.into_iter().map(|task| (task.gap.gap_id.clone(), task)).collect();
    let mut done = Vec::new();
    while !left.is_empty() {
        let free = left.values().filter(|task| !task.dependencies.iter().any(|id| left.contains_key(id)));
        let next = free.min_by_key(|task| {
            let urgent = std::cmp::Reverse(task.priority);
            (urgent, task.target_date, std::cmp::Reverse(task.gap.criteria.len()), task.gap.gap_id.clone())
        });
        let Some(next) = next.map(|task| task.gap.gap_id.clone()) else { return Err(cycle(&left)) };
        done.extend(left.remove(&next));
    }
    Ok(done)
}

/// Some gaps of those left that wait for each other in a ring. Each of those left waits for one that is left.
fn cycle(left: &BTreeMap<String, Task>) -> Cycle {
    let mut path: Vec<String> = left.keys().take(1).cloned().collect();
    loop {
        let last = path.last().cloned().unwrap_or_default();
        let next = left[&last].dependencies.iter().find(|id| left.contains_key(*id)).cloned().unwrap_or_default();
        if let Some(at) = path.iter().position(|id| *id == next) {
            path.drain(..at);
            path.push(next);
            return Cycle(path);
        }
        path.push(next);
    }
}
