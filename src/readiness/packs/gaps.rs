//! `criteria_coverage` and the checks of a Type II report, as the pack's gap analyser makes them.

use super::file::{Given, PackControl, or_na};
use super::{Note, ids, percent};
use crate::catalogue::{Catalogue, Category, Severity};
use crate::config::AuditType;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeSet;

/// What the analyser says. The keys are those of the pack's own JSON, with `mended` and `notes` beside them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gaps {
    /// What was asked, and when.
    pub report_metadata: Metadata,
    /// The figures.
    pub coverage_summary: Coverage,
    /// Criteria that no control names.
    pub gaps: Vec<Entry>,
    /// Criteria with a control that has not begun or has no owner.
    pub partial_implementations: Vec<Entry>,
    /// The other criteria.
    pub covered_criteria: Vec<Entry>,
    /// Only for a Type II report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type2_operating_gaps: Option<Operating>,
    /// The same figures over the criteria that there are, with fields of several criteria read one by one, a null
    /// owner taken for none, and only what is collected taken for covered. By typed words all the same.
    pub mended: Coverage,
    /// What is wrong with the pack's figures.
    pub notes: Vec<Note>,
}

/// What was asked, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metadata {
    /// As asked.
    pub audit_type: AuditType,
    /// Those that a control names, and security.
    pub categories_assessed: BTreeSet<Category>,
    /// Day of the report, UTC.
    pub report_date: String,
    /// Controls in the file.
    pub total_controls_assessed: usize,
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Criteria of the categories.
    pub total_criteria: u32,
    /// Covered.
    pub covered: u32,
    /// Covered in part.
    pub partially_covered: u32,
    /// Not named by any control.
    pub missing: u32,
    /// `criteria_coverage`: covered of all, percent with one decimal.
    pub coverage_percentage: f64,
    /// Missing criteria of security.
    pub critical_gaps: u32,
    /// What the pack calls that.
    pub readiness_assessment: &'static str,
}

/// One criterion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its id.
    pub tsc_criteria: String,
    /// Our title for it.
    pub description: String,
    /// Its category.
    pub category: Category,
    /// `missing` or `partial`; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_type: Option<&'static str>,
    /// How bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Controls that name it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

/// The checks of a Type II report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operating {
    /// How many controls have one.
    pub controls_with_issues: usize,
    /// How many there are.
    pub total_issues: usize,
    /// By control, in the order of the file.
    pub details: Vec<Detail>,
}

/// What the checks found at one control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail {
    /// Which.
    pub control_id: String,
    /// Its criteria, as typed.
    pub tsc_criteria: String,
    /// Its description, as typed.
    pub description: String,
    /// At least one.
    pub issues: Vec<Failed>,
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failed {
    /// The pack's name for it.
    pub check: &'static str,
    /// The pack's severity.
    pub severity: Severity,
    /// Why.
    pub detail: String,
}

/// The criteria that the pack knows: 54, of which one does not exist.
const KNOWN: [(Category, &[&str]); 5] = [
    (Category::Availability, &["A1.1", "A1.2", "A1.3"]),
    (Category::Confidentiality, &["C1.1", "C1.2", "C1.3"]),
    (Category::Privacy, &["P1.1", "P2.1", "P3.1", "P4.1", "P4.2", "P5.1", "P5.2", "P6.1", "P6.2", "P7.1", "P8.1"]),
    (Category::ProcessingIntegrity, &["PI1.1", "PI1.2", "PI1.3", "PI1.4"]),
    (
        Category::Security,
        &[
            "CC1.1", "CC1.2", "CC1.3", "CC1.4", "CC1.5", "CC2.1", "CC2.2", "CC2.3", "CC3.1", "CC3.2", "CC3.3", "CC3.4",
            "CC4.1", "CC4.2", "CC5.1", "CC5.2", "CC5.3", "CC6.1", "CC6.2", "CC6.3", "CC6.4", "CC6.5", "CC6.6", "CC6.7",
            "CC6.8", "CC7.1", "CC7.2", "CC7.3", "CC7.4", "CC7.5", "CC8.1", "CC9.1", "CC9.2",
        ],
    ),
];

/// Criteria under which the pack's own matrix has controls for another subject.
const OTHER_SUBJECT: [&str; 11] =
    ["CC6.4", "CC6.5", "CC6.6", "CC9.1", "CC9.2", "C1.2", "PI1.1", "PI1.2", "PI1.4", "P4.2", "P6.2"];

/// How one reads the file: the pack's way, or mended.
struct Reading<'a> {
    /// Each criterion with its category.
    criteria: Vec<(Category, &'a str)>,
    /// The controls of the file.
    controls: Vec<Read<'a>>,
}

/// One control as it is read.
struct Read<'a> {
    id: &'a str,
    /// What it names.
    criteria: Vec<&'a str>,
    /// Whether it leaves what it names covered in part.
    partial: bool,
}

/// Makes the pack's report as of `now`; `catalogue` has the criteria that there are, and their titles.
pub fn gaps(controls: &[PackControl], audit_type: AuditType, catalogue: &Catalogue, now: DateTime<Utc>) -> Gaps {
    let pack = Reading {
        criteria: KNOWN.iter().flat_map(|(category, ids)| ids.iter().map(|id| (*category, *id))).collect(),
        controls: controls
            .iter()
            .map(|c| Read { id: c.id(), criteria: vec![c.criteria.text()], partial: is_partial(c) })
            .collect(),
    };
    let mended = Reading {
        criteria: catalogue.criteria.iter().map(|c| (c.category, c.id.as_str())).collect(),
        controls: controls
            .iter()
            .map(|c| Read {
                id: c.id(),
                criteria: criteria_of(c, catalogue),
                partial: !is_collected(c) || !has_owner(c),
            })
            .collect(),
    };
    let entries = pack.entries(catalogue);
    let coverage_summary = coverage(&entries);
    let categories_assessed = pack.categories();
    let mut notes = notes(controls, catalogue, &categories_assessed);
    if audit_type == AuditType::Type2 {
        notes.push(Note::general(
            "checks-not-made",
            "Of its six checks the pack never makes exception_handling and evidence_timestamps, and it knows no period: a date of any year passes evidence_period, any word passes frequency_adherence.",
        ));
    }
    let take = |gap: Option<&str>| entries.iter().filter(|entry| entry.gap_type == gap).cloned().collect();
    Gaps {
        notes,
        report_metadata: Metadata {
            audit_type,
            categories_assessed,
            report_date: now.format("%Y-%m-%d").to_string(),
            total_controls_assessed: controls.len(),
        },
        coverage_summary,
        gaps: take(Some("missing")),
        partial_implementations: take(Some("partial")),
        covered_criteria: take(None),
        type2_operating_gaps: (audit_type == AuditType::Type2).then(|| operating(controls)),
        mended: coverage(&mended.entries(catalogue)),
    }
}

impl Gaps {
    /// The worst that there is.
    pub fn worst(&self) -> Option<Severity> {
        let criteria = self.gaps.iter().chain(&self.partial_implementations).filter_map(|entry| entry.severity);
        let details = self.type2_operating_gaps.iter().flat_map(|operating| &operating.details);
        criteria.chain(details.flat_map(|detail| detail.issues.iter().map(|failed| failed.severity))).max()
    }
}

impl Reading<'_> {
    /// Categories of which a control names a criterion, and security.
    fn categories(&self) -> BTreeSet<Category> {
        let named: BTreeSet<&str> = self.controls.iter().flat_map(|control| control.criteria.iter().copied()).collect();
        let inside = self.criteria.iter().filter(|(_, id)| named.contains(id)).map(|(category, _)| *category);
        inside.chain([Category::Security]).collect()
    }

    /// Every criterion of these categories.
    fn entries(&self, catalogue: &Catalogue) -> Vec<Entry> {
        let categories = self.categories();
        let inside = self.criteria.iter().filter(|(category, _)| categories.contains(category));
        inside.map(|(category, id)| self.entry(catalogue, *category, id)).collect()
    }

    fn entry(&self, catalogue: &Catalogue, category: Category, id: &str) -> Entry {
        let named: Vec<&Read<'_>> = self.controls.iter().filter(|control| control.criteria.contains(&id)).collect();
        let (gap_type, severity, remediation) = if named.is_empty() {
            let severity = if category == Category::Security { Severity::Critical } else { Severity::High };
            (Some("missing"), Some(severity), Some(format!("put a control in place that meets {id}")))
        } else if named.iter().any(|control| control.partial) {
            let remediation = format!("finish the controls of {id}, and name who answers for them");
            (Some("partial"), Some(Severity::Medium), Some(remediation))
        } else {
            (None, None, None)
        };
        let title = catalogue.criterion(id).map_or("there is no such criterion", |criterion| &criterion.title);
        Entry {
            tsc_criteria: id.to_owned(),
            description: title.to_owned(),
            category,
            gap_type,
            severity,
            controls: named.iter().map(|control| control.id.to_owned()).collect(),
            remediation,
        }
    }
}

fn coverage(entries: &[Entry]) -> Coverage {
    let count = |holds: &dyn Fn(&Entry) -> bool| entries.iter().map(|entry| u32::from(holds(entry))).sum::<u32>();
    let (total, covered) = (count(&|_| true), count(&|entry| entry.gap_type.is_none()));
    let critical = count(&|entry| entry.severity == Some(Severity::Critical));
    let coverage_percentage = percent(covered, total);
    Coverage {
        total_criteria: total,
        covered,
        partially_covered: count(&|entry| entry.gap_type == Some("partial")),
        missing: count(&|entry| entry.gap_type == Some("missing")),
        coverage_percentage,
        critical_gaps: critical,
        // The pack's own words.
        readiness_assessment: match coverage_percentage {
            p if p >= 90.0 && critical == 0 => "Ready",
            p if p >= 75.0 => "Near Ready — address gaps before audit",
            p if p >= 50.0 => "Significant work needed",
            _ => "Not ready — major build-out required",
        },
    }
}

/// By the pack's rule: not begun, or without an owner; a null owner passes for one.
fn is_partial(control: &PackControl) -> bool {
    let status = control.status.text().to_lowercase();
    ["not started", "not_started", ""].contains(&status.as_str()) || !passes_for_owner(control)
}

fn passes_for_owner(control: &PackControl) -> bool {
    match &control.owner {
        Given::Absent => false,
        Given::Null => true,
        Given::Text(owner) => !["TBD", "", "N/A"].contains(&owner.as_str()),
    }
}

fn has_owner(control: &PackControl) -> bool {
    !["tbd", "", "n/a"].contains(&control.owner.text().trim().to_lowercase().as_str())
}

fn is_collected(control: &PackControl) -> bool {
    ["collected", "complete", "done"].contains(&control.status.text().trim().to_lowercase().as_str())
}

/// Every criterion that stands in the field, `CC6.1, CC6.2` as well as `CC6.1`.
fn criteria_of<'a>(control: &PackControl, catalogue: &'a Catalogue) -> Vec<&'a str> {
    let words = control.criteria.text().split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    words.filter_map(|word| catalogue.criterion(&word.to_ascii_uppercase())).map(|known| known.id.as_str()).collect()
}

fn operating(controls: &[PackControl]) -> Operating {
    let details: Vec<Detail> = controls
        .iter()
        .map(|control| Detail {
            control_id: control.id().to_owned(),
            tsc_criteria: or_na(&control.criteria).to_owned(),
            description: or_na(&control.description).to_owned(),
            issues: failed(control),
        })
        .filter(|detail| !detail.issues.is_empty())
        .collect();
    Operating {
        controls_with_issues: details.len(),
        total_issues: details.iter().map(|detail| detail.issues.len()).sum(),
        details,
    }
}

/// The four checks that the pack makes, of the six that it lists.
fn failed(control: &PackControl) -> Vec<Failed> {
    let status = control.status.text();
    let done = ["collected", "complete", "done"].contains(&status.to_lowercase().as_str());
    let said = if matches!(control.status, Given::Text(_)) { status } else { "Not Started" };
    let checks = [
        (
            "evidence_period",
            Severity::Critical,
            control.evidence_date.text().is_empty(),
            "no date of evidence".to_owned(),
        ),
        ("owner_accountability", Severity::Medium, !passes_for_owner(control), "no owner".to_owned()),
        ("operating_consistency", Severity::Critical, !done, format!("the status is {said:?}, which is not collected")),
        ("frequency_adherence", Severity::Critical, control.frequency.text().is_empty(), "no frequency".to_owned()),
    ];
    let failed = checks.into_iter().filter(|(_, _, fails, _)| *fails);
    failed.map(|(check, severity, _, detail)| Failed { check, severity, detail }).collect()
}

fn notes(controls: &[PackControl], catalogue: &Catalogue, categories: &BTreeSet<Category>) -> Vec<Note> {
    let known = |category: &Category| KNOWN.iter().find(|(known, _)| known == category).map_or(&[][..], |(_, ids)| ids);
    let pack: Vec<&str> = categories.iter().flat_map(known).copied().collect();
    let mut notes = vec![Note::general(
        "typed-words",
        "The figure counts words that somebody typed; no evidence was looked at. It is the pack's own measure, and no result of an audit.",
    )];
    let compound = |c: &PackControl| !pack_knows(c) && !criteria_of(c, catalogue).is_empty();
    let on = [
        (
            "criteria-compound",
            "The field is not one criterion to the letter, so the pack matches it with none, though criteria stand in it. `mended` reads each.",
            ids(controls, compound),
        ),
        (
            "criteria-unknown",
            "The field holds no criterion that there is: the control counts for none.",
            ids(controls, |c| criteria_of(c, catalogue).is_empty()),
        ),
        (
            "owner-null",
            "The owner is null, which the pack takes for a name: nobody answers for it.",
            ids(controls, |c| c.owner.is_null()),
        ),
        (
            "status-null",
            "The status is null: the pack's script breaks off here. Counted as not started.",
            ids(controls, |c| c.status.is_null()),
        ),
        (
            "status-covers",
            "The status is not `collected`, yet with an owner the pack counts its criterion as fully covered.",
            ids(controls, |c| pack_knows(c) && !is_partial(c) && !is_collected(c)),
        ),
        (
            "criterion-invented",
            "The pack counts a criterion that does not exist.",
            pack.iter().filter(|id| catalogue.criterion(id).is_none()).map(|id| (*id).to_owned()).collect(),
        ),
        (
            "criterion-omitted",
            "The pack does not know these criteria of the categories that it assessed.",
            catalogue
                .criteria
                .iter()
                .filter(|c| categories.contains(&c.category) && !pack.contains(&c.id.as_str()))
                .map(|c| c.id.clone())
                .collect(),
        ),
        (
            "other-subject",
            "The pack's own matrix has controls for another subject under these criteria: see whether yours are for the right one.",
            OTHER_SUBJECT
                .iter()
                .filter(|id| controls.iter().any(|c| c.criteria.text() == **id))
                .map(|id| (*id).to_owned())
                .collect(),
        ),
    ];
    notes.extend(on.into_iter().filter_map(|(about, says, places)| Note::on(about, says, places)));
    notes
}

/// Whether the pack matches the control's field with one of its criteria.
fn pack_knows(control: &PackControl) -> bool {
    KNOWN.iter().any(|(_, ids)| ids.contains(&control.criteria.text()))
}
