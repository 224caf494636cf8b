//! The plan as Markdown and a table.

use super::facts::Facts;
use super::grid::{Grid, head, list, minute, warnings, word};
use super::remediation::{Remediation, Task};
use crate::bundle::plain;
use crate::catalogue::Severity;
use std::fmt::Write as _;

/// How a day that is on no record is written.
pub(crate) const NOT_ON_RECORD: &str = "not on record";

impl Task {
    /// Since when it is so.
    pub(crate) fn opened(&self) -> String {
        self.gap.opened_at.map_or_else(|| NOT_ON_RECORD.to_owned(), |at| minute(Some(at)))
    }

    /// Who, also where nobody is named.
    pub(crate) fn who(&self) -> &str {
        if self.owner.is_empty() { "nobody is named" } else { &self.owner }
    }

    /// What to know about the target.
    pub(crate) fn remark(&self) -> String {
        match (self.pulled_forward, self.days_lost) {
            (true, _) => "before the period begins".to_owned(),
            (_, 0) => String::new(),
            (_, days) => format!("{days} days of the period lost"),
        }
    }
}

impl Remediation {
    /// Its rows, in order.
    pub(crate) fn grid(&self) -> Grid<17> {
        let rows = self.gaps.iter().map(|task| {
            let gap = &task.gap;
            [
                gap.gap_id.clone(),
                word(task.priority),
                word(gap.severity),
                word(gap.gap_type),
                gap.title.clone(),
                list(&gap.criteria),
                list(&gap.controls),
                task.owner.clone(),
                gap.current_state.clone(),
                gap.required_state.clone(),
                list(&task.actions),
                list(&task.evidence_needed),
                list(&task.dependencies),
                format!("{}-{}", task.effort_days.0, task.effort_days.1),
                task.opened(),
                task.target_date.to_string(),
                list([word(task.status), task.remark()].iter().filter(|text| !text.is_empty())),
            ]
        });
        let columns = [
            ("gap_id", 30),
            ("priority", 10),
            ("severity", 10),
            ("type", 10),
            ("title", 30),
            ("criteria", 14),
            ("controls", 14),
            ("owner", 22),
            ("current_state", 50),
            ("required_state", 50),
            ("actions", 60),
            ("evidence_needed", 40),
            ("dependencies", 24),
            ("effort_days", 12),
            ("opened_at", 18),
            ("target_date", 12),
            ("status", 18),
        ];
        Grid { name: "Remediation", columns, rows: rows.collect() }
    }

    /// Owners by week.
    pub(crate) fn load_grid(&self) -> Grid<4> {
        let all = self.load.iter().flat_map(|(owner, weeks)| weeks.iter().map(move |(week, load)| (owner, week, load)));
        let rows = all.map(|(owner, week, load)| {
            let owner = if owner.is_empty() { "nobody is named".to_owned() } else { owner.clone() };
            [owner, week.clone(), load.gaps.to_string(), format!("{}-{}", load.effort_days.0, load.effort_days.1)]
        });
        let columns = [("owner", 24), ("week", 10), ("gaps", 8), ("effort_days", 12)];
        Grid { name: "Load", columns, rows: rows.collect() }
    }

    /// For people: a summary, a table, and a block for each gap.
    pub fn markdown(&self, facts: &Facts) -> String {
        let mut page = head("Remediation", facts);
        let of = |priority| self.gaps.iter().filter(|task| task.priority == priority).count();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "{} gaps: {} critical, {} high, {} medium, {} low. The last target is {}.\n",
            self.gaps.len(),
            of(Severity::Critical),
            of(Severity::High),
            of(Severity::Medium),
            of(Severity::Low),
            self.gaps
                .iter()
                .map(|task| task.target_date)
                .max()
                .map_or_else(|| "none".to_owned(), |day| day.to_string())
        );
        let late: Vec<&Task> = self.gaps.iter().filter(|task| task.days_lost > 0).collect();
        if let Some(most) = late.iter().map(|task| task.days_lost).max() {
            let _ = writeln!(
                page,
                "**The period has begun: {} gaps of plans cost up to {most} days of it each.** What starts inside a period has a shorter one.\n",
                late.len()
            );
        }
        page.push_str("| gap | priority | owner | target | depends on |\n|---|---|---|---|---|\n");
        for task in &self.gaps {
            let (id, owner) = (plain(&task.gap.gap_id), plain(task.who()));
            let (priority, target) = (word(task.priority), task.target_date);
            let _ = writeln!(page, "| {id} | {priority} | {owner} | {target} | {} |", plain(&list(&task.dependencies)));
        }
        let _ = writeln!(page, "\n## Load\n\n{}", self.load_grid().markdown());
        for task in &self.gaps {
            block(&mut page, task);
        }
        page.push_str(&warnings(&self.warnings));
        page
    }
}

fn block(page: &mut String, task: &Task) {
    let gap = &task.gap;
    let _ = writeln!(page, "## {}: {}\n", plain(&gap.gap_id), plain(&gap.title));
    let remark = task.remark();
    let remark = if remark.is_empty() { String::new() } else { format!(" ({remark})") };
    let lines = [
        ("Criteria", list(&gap.criteria)),
        ("Controls", list(&gap.controls)),
        ("Current state", gap.current_state.clone()),
        ("Required state", gap.required_state.clone()),
        ("Shown by", gap.source.clone()),
        ("Severity, priority", format!("{}, {}", word(gap.severity), word(task.priority))),
        ("Owner", task.who().to_owned()),
        ("Effort", format!("{} to {} days, a guess", task.effort_days.0, task.effort_days.1)),
        ("Opened", task.opened()),
        ("Target", format!("{}{remark}", task.target_date)),
        ("Depends on", list(&task.dependencies)),
        ("Evidence needed", list(&task.evidence_needed)),
    ];
    for (name, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(page, "- {name}: {}", plain(text));
    }
    page.push('\n');
    for (number, action) in task.actions.iter().enumerate() {
        let _ = writeln!(page, "{}. {}", number + 1, plain(action));
    }
    page.push('\n');
}
