//! Gaps and the score as Markdown and tables.

use super::facts::Facts;
use super::gaps::Gaps;
use super::grid::{Grid, head, list, minute, warnings, word};
use super::score::{Part, Readiness};
use super::state::CriterionState;
use crate::bundle::plain;
use std::fmt::Write as _;

impl Gaps {
    /// Its rows, worst first.
    pub(crate) fn grid(&self) -> Grid<11> {
        let rows = self.gaps.iter().map(|gap| {
            [
                gap.gap_id.clone(),
                word(gap.severity),
                word(gap.gap_type),
                if gap.key { "yes" } else { "no" }.to_owned(),
                list(&gap.criteria),
                list(&gap.controls),
                gap.title.clone(),
                gap.current_state.clone(),
                gap.required_state.clone(),
                gap.source.clone(),
                gap.opened_at.map_or_else(|| "not on record".to_owned(), |at| minute(Some(at))),
            ]
        });
        let columns = [
            ("gap_id", 30),
            ("severity", 10),
            ("type", 10),
            ("key", 6),
            ("criteria", 14),
            ("controls", 14),
            ("title", 30),
            ("current_state", 50),
            ("required_state", 50),
            ("source", 20),
            ("opened_at", 18),
        ];
        Grid { name: "Gaps", columns, rows: rows.collect() }
    }

    /// For people.
    pub fn markdown(&self, facts: &Facts) -> String {
        let mut page = head("Gaps", facts);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "criteria_coverage {:.1} %; {} gaps.\n", self.criteria_coverage, self.gaps.len());
        page.push_str(&self.grid().markdown());
        let _ = writeln!(page, "\n## Criteria\n\n{}", criteria(&self.criteria).markdown());
        if !self.operation.is_empty() {
            page.push_str("## Operation\n\n");
            page.push_str(&self.operation_grid().markdown());
            page.push('\n');
        }
        page.push_str(&warnings(&self.head.warnings));
        page
    }

    fn operation_grid(&self) -> Grid<5> {
        let all = self.operation.iter().flat_map(|(control, checks)| checks.iter().map(move |check| (control, check)));
        let rows = all.map(|(control, checked)| {
            let check = checked.check.word().to_owned();
            [control.clone(), check, word(checked.severity), word(checked.passed), checked.says.clone()]
        });
        let columns = [("control", 12), ("check", 24), ("severity", 10), ("passed", 8), ("says", 70)];
        Grid { name: "Operation", columns, rows: rows.collect() }
    }
}

/// Criteria by their controls.
pub(crate) fn criteria(states: &[CriterionState]) -> Grid<5> {
    let rows = states.iter().map(|state| {
        let (controls, held_back_by) = (list(&state.controls), list(&state.held_back_by));
        [state.criterion.clone(), state.title.clone(), word(state.state), controls, held_back_by]
    });
    let columns = [("criterion", 10), ("title", 40), ("state", 14), ("controls", 24), ("held_back_by", 24)];
    Grid { name: "Criteria", columns, rows: rows.collect() }
}

impl Part {
    /// Occurrences and deviations as people read them.
    pub(crate) fn of(pair: Option<(u64, u64)>) -> String {
        pair.map(|(part, whole)| format!("{part} of {whole}")).unwrap_or_default()
    }
}

impl Readiness {
    /// Its rows: one for each control.
    pub(crate) fn grid(&self) -> Grid<11> {
        let rows = self.controls.iter().map(|part| {
            [
                part.control.clone(),
                part.title.clone(),
                part.owner.clone(),
                list(&part.criteria),
                word(part.severity),
                part.weight.to_string(),
                word(part.state),
                format!("{:.3}", part.share),
                Part::of(part.occurrences),
                Part::of(part.deviations),
                part.why.clone(),
            ]
        });
        let columns = [
            ("control", 12),
            ("title", 32),
            ("owner", 22),
            ("criteria", 16),
            ("severity", 10),
            ("weight", 8),
            ("state", 14),
            ("share", 8),
            ("occurrences", 12),
            ("deviations", 12),
            ("why", 60),
        ];
        Grid { name: "Readiness", columns, rows: rows.collect() }
    }

    /// The score in a sentence.
    pub(crate) fn sentence(&self) -> String {
        match self.readiness {
            Some(readiness) => format!("readiness {readiness:.1} ({})", self.rating),
            None => format!("readiness: none ({})", self.rating),
        }
    }

    /// For people.
    pub fn markdown(&self, facts: &Facts) -> String {
        let mut page = head("Readiness", facts);
        let _ = writeln!(page, "{}; criteria_coverage {:.1} %.\n", self.sentence(), self.criteria_coverage);
        let _ = writeln!(page, "{}\n", self.note);
        for cap in &self.caps {
            let _ = writeln!(page, "- at most {:.1}: {}", cap.at_most, plain(&cap.why));
        }
        if !self.did_not_occur.is_empty() {
            let _ = writeln!(page, "\nDid not occur, which is no pass: {}.", plain(&list(&self.did_not_occur)));
        }
        if !self.not_applicable.is_empty() {
            page.push_str(
                "\n## Not applicable\n\n| what | reason | approver | on | carried by |\n|---|---|---|---|---|\n",
            );
            for left in &self.not_applicable {
                let said = &left.said;
                let carried = plain(said.carried_by.as_deref().unwrap_or_default());
                let (what, reason, approver) = (plain(&left.what), plain(&said.reason), plain(&said.approver));
                let _ = writeln!(page, "| {what} | {reason} | {approver} | {} | {carried} |", said.on);
            }
        }
        let _ = writeln!(page, "\n## Controls\n\n{}", self.grid().markdown());
        let _ = writeln!(page, "## Criteria\n\n{}", criteria(&self.criteria).markdown());
        page.push_str(&warnings(&self.head.warnings));
        page
    }
}
