//! Readiness, gaps and the plan as one page that needs nothing else, runs nothing, and prints.

use super::facts::Facts;
use super::grid::{list, minute, word};
use super::remediation::{Remediation, Task};
use super::score::{Part, Readiness};
use super::state::ControlState;
use crate::bundle::{BundleError, Page, moment, number, page_text as text};
use crate::catalogue::Severity;
use crate::config::AuditType;
use chrono::NaiveDate;
use maud::{Markup, html};
use std::io::Write;

/// Writes the page.
pub fn page(facts: &Facts, readiness: &Readiness, plan: &Remediation, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut page = Page::begin(out, &format!("SOC 2 readiness of {}", facts.organization), facts.sample)?;
    page.add(&summary(facts, readiness, plan))?;
    page.add(&scope(facts, readiness))?;
    controls(&mut page, readiness)?;
    criteria(&mut page, readiness)?;
    gaps(&mut page, plan)?;
    page.add(&timeline(facts, plan))?;
    tasks(&mut page, plan)?;
    closed(&mut page, plan)?;
    page.end()
}

fn summary(facts: &Facts, readiness: &Readiness, plan: &Remediation) -> Markup {
    let of = |priority| plan.gaps.iter().filter(|task| task.priority == priority).count();
    html! {
        h1 { "SOC 2 readiness of " (text(&facts.organization)) } "\n"
        p.soft { (readiness.note) } "\n"
        @if let Some(fault) = &facts.fault {
            p.sample { "Integrity failure: " (text(fault)) ". Nothing in the ledger counts, and there is no score." } "\n"
        }
        table.facts { tbody { "\n"
            tr { th { "Readiness" } td { strong { (readiness.sentence()) } } } "\n"
            tr { th { "Criteria covered" } td { (format!("{:.1} %", readiness.criteria_coverage)) } } "\n"
            tr { th { "Report" } td { (word(facts.audit)) } } "\n"
            @if let Some(period) = facts.period {
                tr { th { "Period" } td { (moment(period.start)) " until before " (moment(period.end)) } } "\n"
            }
            tr { th { "As of" } td { (moment(facts.as_of))
                @if facts.at < facts.as_of { "; states as of " (moment(facts.at)) } } } "\n"
            tr { th { "Gaps" } td { (plan.gaps.len()) ": " (of(Severity::Critical)) " critical, " (of(Severity::High)) " high, "
                (of(Severity::Medium)) " medium, " (of(Severity::Low)) " low; " (plan.overdue()) " overdue" } } "\n"
            @if let Some(last) = plan.gaps.iter().map(|task| task.target_date).max() {
                tr { th { "Last target" } td { (last) } } "\n"
            }
        } } "\n"
        @if !readiness.caps.is_empty() {
            h2 { "What keeps the score down" } "\n"
            ul { @for cap in &readiness.caps { li { "At most " (format!("{:.1}", cap.at_most)) ": " (text(&cap.why)) } "\n" } } "\n"
        }
        @if !readiness.did_not_occur.is_empty() {
            p { "Did not occur, which is no pass: " (text(&list(&readiness.did_not_occur))) "." } "\n"
        }
    }
}

fn scope(facts: &Facts, readiness: &Readiness) -> Markup {
    html! {
        h2 { "Scope" } "\n"
        @if !facts.boundary.is_empty() { p { (text(&facts.boundary)) } "\n" }
        p { "Categories: " (list(facts.categories.iter().map(word))) "." } "\n"
        @if !readiness.not_applicable.is_empty() {
            p { "Not applicable:" } "\n"
            ul { @for left in &readiness.not_applicable {
                li { (text(&left.what)) ": " (text(&left.said.reason)) " (approved by " (text(&left.said.approver)) ", " (left.said.on)
                    @if let Some(by) = &left.said.carried_by { "; carried by " (text(by)) } ")" } "\n"
            } } "\n"
        }
        @if !facts.warnings.is_empty() {
            ul { @for warning in &facts.warnings { li { (text(warning)) } "\n" } } "\n"
        }
    }
}

/// The word of a state, coloured as states of controls are elsewhere, and as good only when it is enough.
fn state(state: ControlState, audit: AuditType) -> Markup {
    let class = match state {
        state if state.is_enough(audit) => "effective",
        ControlState::Effective | ControlState::Implemented => "indeterminate",
        ControlState::Failing => "deviating",
        ControlState::Stale => "stale",
        ControlState::Designed => "unmonitored",
        ControlState::NotStarted => "none",
        ControlState::NotApplicable => "excluded",
    };
    html! { span class={ "w " (class) } { (word(state)) } }
}

fn controls(page: &mut Page<'_>, readiness: &Readiness) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Controls" } "\n" })?;
    let rows = readiness.controls.iter().map(|part| {
        Ok(html! {
            td.t { (text(&part.control)) } td.s { (text(&part.title)) } td.s { (text(&list(&part.criteria))) } td.s { (text(&part.owner)) }
            td.t { (word(part.severity)) } td { (state(part.state, readiness.head.audit)) } (number(format!("{:.2}", part.share)))
            (number(Part::of(part.occurrences))) (number(Part::of(part.deviations))) td.s { (text(&part.why)) }
        })
    });
    let columns =
        ["control", "title", "criteria", "owner", "severity", "state", "#share", "#read", "#deviated", "why not whole"];
    page.table(&columns, rows).map(|_| ())
}

fn criteria(page: &mut Page<'_>, readiness: &Readiness) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Criteria" } "\n" })?;
    let rows = readiness.criteria.iter().map(|criterion| {
        Ok(html! {
            td.t { (text(&criterion.criterion)) } td.s { (text(&criterion.title)) } td.t { (word(criterion.state)) }
            td.s { (text(&list(&criterion.controls))) } td.s { (text(&list(&criterion.held_back_by))) }
        })
    });
    page.table(&["criterion", "title", "state", "controls", "held back by"], rows).map(|_| ())
}

fn gaps(page: &mut Page<'_>, plan: &Remediation) -> Result<(), BundleError> {
    page.add(&html! { h2 { "Gaps, in the order in which they can be closed" } "\n" })?;
    let rows = plan.gaps.iter().map(|task| {
        let gap = &task.gap;
        Ok(html! {
            td.s { (text(&gap.gap_id)) } td.t { (word(task.priority)) } td.s { (text(&gap.title)) } td.s { (text(&list(&gap.criteria))) }
            td.s { (text(&gap.current_state)) } td.s { (text(&gap.required_state)) } td.s { (text(task.who())) } td.s { (task.target()) }
        })
    });
    let columns = ["gap", "priority", "title", "criteria", "there is", "asked for", "owner", "target"];
    let count = page.table(&columns, rows)?;
    if count == 0 {
        page.add(&html! { p { "None." } "\n" })?;
    }
    Ok(())
}

/// How many bars the picture has; the tables have all.
const BARS_MAX: usize = 60;

/// From the beginning of each gap to its target, with the period behind them.
fn timeline(facts: &Facts, plan: &Remediation) -> Markup {
    let shown: Vec<&Task> = plan.gaps.iter().take(BARS_MAX).collect();
    let days = shown.iter().flat_map(|task| [task.counted_from, task.target_date]);
    let days: Vec<NaiveDate> = days.chain([facts.as_of.date_naive()]).collect();
    let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { return html! {} };
    let whole = (*last - *first).num_days().max(1);
    // A thousand units wide, of which the names take two hundred and fifty.
    let x = |day: NaiveDate| 250 + 740 * (day.clamp(*first, *last) - *first).num_days() / whole;
    let height = 16 * shown.len() + 24;
    let now = x(facts.as_of.date_naive());
    let period = facts.period.map(|period| (x(period.start.date_naive()), x(period.end.date_naive())));
    html! {
        h2 { "Timeline" } "\n"
        @if plan.gaps.len() > BARS_MAX { p.soft { "The first " (BARS_MAX) " gaps; the tables have all." } "\n" }
        svg viewBox={ "0 0 1000 " (height) } role="img" aria-label="From the beginning of each gap to its target" { "\n"
            @if let Some((from, to)) = period.filter(|(from, to)| from < to) {
                rect.lane x=(from) y="14" width=(to - from) height=(height - 14) fill="#f4f5f7" {} "\n"
            }
            text x="250" y="10" { (first) } text x="990" y="10" text-anchor="end" { (last) } "\n"
            @for (at, task) in shown.iter().enumerate() {
                @let y = 16 * at + 18;
                text x="0" y=(y + 9) { (name(&task.gap.gap_id)) }
                rect class={ (bar(task.priority)) } x=(x(task.counted_from)) y=(y) width=((x(task.target_date) - x(task.counted_from)).max(2)) height="10" {} "\n"
            }
            line.tick x1=(now) x2=(now) y1="14" y2=(height) {} "\n"
        } "\n"
        p.soft { "The line is the day of this report, the field behind the bars the period." } "\n"
    }
}

/// How many letters of a name there is room for.
const NAME_MAX: usize = 41;

/// A gap by what tells it from others; what is cut says so.
fn name(gap_id: &str) -> String {
    let name = gap_id.strip_prefix("GAP-").unwrap_or(gap_id);
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_MAX - 1).chain(['…']).collect()
}

fn bar(priority: Severity) -> &'static str {
    match priority {
        Severity::Critical => "deviating",
        Severity::High => "indeterminate",
        Severity::Medium => "stale",
        Severity::Low => "unmonitored",
    }
}

fn tasks(page: &mut Page<'_>, plan: &Remediation) -> Result<(), BundleError> {
    page.add(&html! { h2 { "What to do" } "\n" })?;
    for task in &plan.gaps {
        let gap = &task.gap;
        page.add(&html! {
            div.item { "\n"
                h3 { (text(&gap.gap_id)) ": " (text(&gap.title)) } "\n"
                p { (word(task.priority)) ", " (text(task.who())) ", " (task.effort_days.0) " to " (task.effort_days.1)
                    " days, opened " (task.opened()) ", target " (task.target())
                    @if !task.dependencies.is_empty() { "; after " (text(&list(&task.dependencies))) }
                    @if !task.compensated_by.is_empty() { "; meanwhile made up for by " (text(&list(&task.compensated_by))) } } "\n"
                ul { @for action in &task.actions { li { (text(action)) } "\n" } } "\n"
                @if !task.evidence_needed.is_empty() { p.soft { "Evidence: " (text(&list(&task.evidence_needed))) } "\n" }
            } "\n"
        })?;
    }
    Ok(())
}

fn closed(page: &mut Page<'_>, plan: &Remediation) -> Result<(), BundleError> {
    if plan.closed.is_empty() {
        return Ok(());
    }
    page.add(&html! { h2 { "Closed" } "\n" })?;
    let rows = plan.closed.iter().map(|closed| {
        let gap = &closed.gap;
        Ok(html! {
            td.s { (text(&gap.gap_id)) } td.s { (text(&gap.title)) } td.t { (minute(gap.opened_at)) } td.t { (moment(closed.closed_at)) }
            td.s { (text(&gap.current_state)) } (number(closed.records()))
        })
    });
    page.table(&["gap", "title", "opened", "closed", "how", "#records"], rows).map(|_| ())
}
