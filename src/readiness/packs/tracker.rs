//! Status and `evidence_readiness`, as the pack's evidence tracker makes them.

use super::file::{Given, PackControl, or_na};
use super::{Note, exact_percent, ids, percent};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the tracker says. The keys are those of the pack's own JSON, with `notes` beside them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tracker {
    /// The figures.
    pub summary: Summary,
    /// Controls of each category by class; `Unknown` where none is given.
    pub by_category: BTreeMap<String, BTreeMap<Class, u32>>,
    /// What needs doing, in the order of the file.
    pub issues: Vec<Issue>,
    /// What is wrong with these figures.
    pub notes: Vec<Note>,
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Controls in the file.
    pub total_controls: u32,
    /// By class; every class is there.
    pub status_breakdown: BTreeMap<Class, u32>,
    /// `evidence_readiness`: collected of those that apply, percent with one decimal.
    pub readiness_score: f64,
    /// What the pack calls that.
    pub readiness_rating: Rating,
    /// Day of the report, UTC.
    pub report_date: String,
}

/// The pack's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody typed that it is.
    Collected,
    /// Somebody typed that it will be.
    Pending,
    /// Somebody typed that it is late, or its day is over.
    Overdue,
    /// Any other word, or none.
    NotStarted,
    /// Counts neither way.
    NotApplicable,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 5] = [Self::Collected, Self::Pending, Self::Overdue, Self::NotStarted, Self::NotApplicable];
}

/// The pack's words for a score, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
pub enum Rating {
    /// 90 or more.
    #[serde(rename = "Audit Ready")]
    AuditReady,
    /// 75 or more.
    #[serde(rename = "Minor Gaps")]
    MinorGaps,
    /// 50 or more.
    #[serde(rename = "Significant Gaps")]
    SignificantGaps,
    /// Less.
    #[serde(rename = "Not Ready")]
    NotReady,
}

impl Rating {
    /// Of a percentage.
    pub fn of(percent: f64) -> Self {
        match percent {
            p if p >= 90.0 => Self::AuditReady,
            p if p >= 75.0 => Self::MinorGaps,
            p if p >= 50.0 => Self::SignificantGaps,
            _ => Self::NotReady,
        }
    }
}

/// Something that needs doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// Which control.
    pub control_id: String,
    /// Its criteria, as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsc_criteria: Option<String>,
    /// Its description, as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What.
    pub issue: String,
    /// When it was due, as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_date: Option<String>,
}

/// Makes the pack's report as of `now`.
pub fn tracker(controls: &[PackControl], now: DateTime<Utc>) -> Tracker {
    let none = || Class::ALL.map(|class| (class, 0)).into_iter().collect::<BTreeMap<Class, u32>>();
    let mut breakdown = none();
    let mut by_category: BTreeMap<String, BTreeMap<Class, u32>> = BTreeMap::new();
    let mut issues = Vec::new();
    for control in controls {
        let class = classify(control, now);
        *breakdown.entry(class).or_default() += 1;
        let category = match &control.category {
            Given::Text(text) => text.as_str(),
            Given::Absent | Given::Null => "Unknown",
        };
        *by_category.entry(category.to_owned()).or_insert_with(none).entry(class).or_default() += 1;
        issues.extend(issue(control, class));
        issues.extend(fields_missing(control));
    }
    let total: u32 = breakdown.values().sum();
    let (collected, applicable) = (breakdown[&Class::Collected], total - breakdown[&Class::NotApplicable]);
    let readiness_score = percent(collected, applicable);
    let summary = Summary {
        total_controls: total,
        readiness_score,
        readiness_rating: Rating::of(readiness_score),
        report_date: now.format("%Y-%m-%d").to_string(),
        status_breakdown: breakdown,
    };
    let exact = if applicable == 0 { 0.0 } else { exact_percent(collected, applicable) };
    Tracker { notes: notes(controls, &summary, exact), summary, by_category, issues }
}

/// The class of a control. A missing or null status is the pack's own word for it, `Not Started`.
fn classify(control: &PackControl, now: DateTime<Utc>) -> Class {
    match control.status.text().to_lowercase().trim() {
        "not_applicable" | "n/a" | "not applicable" => Class::NotApplicable,
        "collected" | "complete" | "done" => Class::Collected,
        "pending" | "in progress" | "in_progress" => {
            let due = day(control.evidence_date.text()).map(|day| day.and_time(NaiveTime::MIN).and_utc());
            if due.is_some_and(|due| due < now) { Class::Overdue } else { Class::Pending }
        }
        "overdue" | "late" => Class::Overdue,
        _ => Class::NotStarted,
    }
}

/// `2026-3-1` as well as `2026-03-01`, as Python's `%Y-%m-%d` reads it.
fn day(text: &str) -> Option<NaiveDate> {
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let fits = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let year = i32::try_from(number(year, 4..=4)?).ok().filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year, number(month, 1..=2)?, number(day, 1..=2)?)
}

fn issue(control: &PackControl, class: Class) -> Option<Issue> {
    let (what, date) = match class {
        Class::Overdue => ("evidence is overdue", Some(or_na(&control.evidence_date).to_owned())),
        Class::NotStarted => ("collecting evidence has not begun", None),
        Class::Collected | Class::Pending | Class::NotApplicable => return None,
    };
    Some(Issue {
        control_id: control.id().to_owned(),
        tsc_criteria: Some(or_na(&control.criteria).to_owned()),
        description: Some(or_na(&control.description).to_owned()),
        issue: what.to_owned(),
        evidence_date: date,
    })
}

fn fields_missing(control: &PackControl) -> Option<Issue> {
    let fields = [
        ("control_id", &control.id),
        ("tsc_criteria", &control.criteria),
        ("description", &control.description),
        ("evidence_required", &control.evidence_required),
    ];
    let missing: Vec<&str> = fields.iter().filter(|(_, g)| g.text().is_empty()).map(|(name, _)| *name).collect();
    (!missing.is_empty()).then(|| Issue {
        control_id: control.id().to_owned(),
        tsc_criteria: None,
        description: None,
        issue: format!("fields are missing: {}", missing.join(", ")),
        evidence_date: None,
    })
}

fn notes(controls: &[PackControl], summary: &Summary, exact: f64) -> Vec<Note> {
    let word = |control: &PackControl| control.status.text().to_lowercase().trim().to_owned();
    let mut notes = vec![Note::general(
        "typed-words",
        "The figure counts words that somebody typed; no evidence was looked at. It is the pack's own measure, and no result of an audit.",
    )];
    notes.extend(Note::on(
        "status-null",
        "The status is null: the pack's script breaks off here. Counted as not started.",
        ids(controls, |control| control.status.is_null()),
    ));
    notes.extend(Note::on(
        "status-unknown",
        "The status is a word that the pack does not know. It counts as not started, even if it says `failed`.",
        ids(controls, |control| {
            !["", "not started", "not_started"].contains(&word(control).as_str()) && unknown(control)
        }),
    ));
    notes.extend(Note::on(
        "date-unread",
        "Pending, with a date that is none, or no date: it counts as pending however late it is.",
        ids(controls, |control| {
            ["pending", "in progress", "in_progress"].contains(&word(control).as_str())
                && day(control.evidence_date.text()).is_none()
        }),
    ));
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> =
        controls.iter().map(|control| control.id.text()).filter(|id| !id.is_empty() && !seen.insert(*id)).collect();
    notes.extend(Note::on(
        "id-twice",
        "The id is there more than once, and each counts.",
        twice.into_iter().map(str::to_owned).collect(),
    ));
    if summary.status_breakdown[&Class::NotApplicable] > 0 {
        notes.push(Note::general(
            "not-applicable",
            "What does not apply is left out of the figure without a reason or an approver. The pack's text report counts it in the percentage of each category.",
        ));
    }
    if Rating::of(exact) != summary.readiness_rating {
        notes.push(Note::general(
            "rated-after-rounding",
            format!("The rating is that of the rounded figure; {exact} is below its limit."),
        ));
    }
    notes
}

/// Whether the pack knows no class for the status.
fn unknown(control: &PackControl) -> bool {
    classify(control, DateTime::<Utc>::MIN_UTC) == Class::NotStarted
}
