//! The plan as Markdown and a table.

use super::closed::Closed;
use super::facts::Facts;
use super::grid::{Grid, head, list, minute, warnings, word};
use super::remediation::{Remediation, Status, Task};
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

    /// What else to know about the target.
    pub(crate) fn remark(&self) -> String {
        match (self.pulled_forward, self.days_lost) {
            (true, _) => "before the period begins".to_owned(),
            (_, 0) => String::new(),
            (_, days) => format!("{days} days of the period lost"),
        }
    }

    /// The target, and what else to know about it.
    pub(crate) fn target(&self) -> String {
        let overdue = if self.status == Status::Overdue { word(self.status) } else { String::new() };
        let said = list([overdue, self.remark()].iter().filter(|text| !text.is_empty()));
        if said.is_empty() { self.target_date.to_string() } else { format!("{} ({said})", self.target_date) }
    }

    fn cells(&self) -> [String; 20] {
        let gap = &self.gap;
        [
            gap.gap_id.clone(),
            word(self.priority),
            word(gap.severity),
            word(gap.gap_type),
            gap.title.clone(),
            list(&gap.criteria),
            list(&gap.controls),
            self.owner.clone(),
            gap.current_state.clone(),
            gap.required_state.clone(),
            list(&self.actions),
            list(&self.evidence_needed),
            list(&self.dependencies),
            list(&self.compensated_by),
            format!("{}-{}", self.effort_days.0, self.effort_days.1),
            self.opened(),
            self.target_date.to_string(),
            list([word(self.status), self.remark()].iter().filter(|text| !text.is_empty())),
            String::new(),
            String::new(),
        ]
    }
}

impl Closed {
    /// The records that show it.
    pub(crate) fn records(&self) -> String {
        list(self.closing_evidence.iter().map(u64::to_string))
    }

    fn cells(&self) -> [String; 20] {
        let gap = &self.gap;
        let mut cells = [const { String::new() }; 20];
        let said = [
            ("gap_id", gap.gap_id.clone()),
            ("severity", word(gap.severity)),
            ("type", word(gap.gap_type)),
            ("title", gap.title.clone()),
            ("criteria", list(&gap.criteria)),
            ("controls", list(&gap.controls)),
            ("current_state", gap.current_state.clone()),
            ("required_state", gap.required_state.clone()),
            ("opened_at", minute(gap.opened_at)),
            ("status", word(self.status)),
            ("closed_at", minute(Some(self.closed_at))),
            ("closing_evidence", self.records()),
        ];
        for (cell, (name, _)) in cells.iter_mut().zip(COLUMNS) {
            if let Some((_, text)) = said.iter().find(|(key, _)| *key == name) {
                cell.clone_from(text);
            }
        }
        cells
    }
}

/// Columns of the table, with their width in a spreadsheet.
const COLUMNS: [(&str, u32); 20] = [
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
    ("compensated_by", 14),
    ("effort_days", 12),
    ("opened_at", 18),
    ("target_date", 12),
    ("status", 18),
    ("closed_at", 18),
    ("closing_evidence", 16),
];

impl Remediation {
    /// Its rows, in order, and then what was closed.
    pub(crate) fn grid(&self) -> Grid<20> {
        let rows = self.gaps.iter().map(Task::cells).chain(self.closed.iter().map(Closed::cells));
        Grid { name: "Remediation", columns: COLUMNS, rows: rows.collect() }
    }

    /// What was closed.
    fn closed_grid(&self) -> Grid<5> {
        let rows = self.closed.iter().map(|closed| {
            let (gap, at) = (&closed.gap, minute(Some(closed.closed_at)));
            [gap.gap_id.clone(), minute(gap.opened_at), at, gap.current_state.clone(), closed.records()]
        });
        let columns = [("gap", 30), ("opened", 18), ("closed", 18), ("how", 30), ("records", 12)];
        Grid { name: "Closed", columns, rows: rows.collect() }
    }

    /// How many targets have passed.
    pub(crate) fn overdue(&self) -> usize {
        self.gaps.iter().filter(|task| task.status == Status::Overdue).count()
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
            "{} gaps: {} critical, {} high, {} medium, {} low; {} overdue. The last target is {}.\n",
            self.gaps.len(),
            of(Severity::Critical),
            of(Severity::High),
            of(Severity::Medium),
            of(Severity::Low),
            self.overdue(),
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
            let (priority, target) = (word(task.priority), task.target());
            let _ = writeln!(page, "| {id} | {priority} | {owner} | {target} | {} |", plain(&list(&task.dependencies)));
        }
        let _ = writeln!(page, "\n## Load\n\n{}", self.load_grid().markdown());
        for task in &self.gaps {
            block(&mut page, task);
        }
        if !self.closed.is_empty() {
            let _ = writeln!(page, "## Closed\n\n{}", self.closed_grid().markdown());
        }
        page.push_str(&warnings(&self.head.warnings));
        page
    }
}

fn block(page: &mut String, task: &Task) {
    let gap = &task.gap;
    let _ = writeln!(page, "## {}: {}\n", plain(&gap.gap_id), plain(&gap.title));
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
        ("Target", task.target()),
        ("Depends on", list(&task.dependencies)),
        ("Meanwhile made up for by", list(&task.compensated_by)),
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
