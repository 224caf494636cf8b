//! `data/index.xlsx`: what the pages and tables say, for a spreadsheet. Strings are strings, whatever
//! they look like; counts are numbers.

use super::calendar;
use super::completeness::{self, rows as completeness};
use super::control::{Judged, accepted, reason, state_word, verdict};
use super::held::{held, sentence};
use super::index::{self, Figures, worst_first};
use super::limits::{NOT_PROVEN, PROVES};
use super::stated::Stated;
use super::table::{instant, list, word};
use super::xlsx::{Cell, Rows, Sheet, write};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, SAMPLE, Source, control_dir, time};
use crate::timeline::percent;
use std::io::Write;

/// Writes it.
pub(super) fn workbook(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let all = All { contents, source, stated: Stated::read(contents, source)? };
    let mut due = vec![("collector", 24), ("first_seq", 10), ("last_seq", 10)];
    due.extend(completeness::COLUMNS.map(|column| (column, 11)));
    let records = index::COLUMNS.map(|column| match column {
        "at" | "window_start" | "window_end" | "collector" => (column, 24),
        "counts" | "path" | "table" => (column, 40),
        column => (column, 14),
    });
    let sheets = [
        Sheet { name: "Summary", columns: &SUMMARY, all: "data/index.html", rows: &|rows| all.summary(rows) },
        Sheet { name: "Controls", columns: &CONTROLS, all: "data/controls.csv", rows: &|rows| all.controls(rows) },
        Sheet {
            name: "Judgements",
            columns: &JUDGEMENTS,
            all: "data/controls/<control>/judgements.csv",
            rows: &|rows| all.judgements(rows),
        },
        Sheet {
            name: "Completeness",
            columns: &due,
            all: "data/completeness.csv",
            rows: &|rows| all.completeness(rows),
        },
        Sheet { name: "Calendar", columns: &CALENDAR, all: "data/calendar.csv", rows: &|rows| all.calendar(rows) },
        Sheet { name: "Gaps", columns: &GAPS, all: "data/gaps.csv", rows: &|rows| all.gaps(rows) },
        Sheet {
            name: "Waivers",
            columns: &WAIVERS,
            all: "data/controls/<control>/waivers.csv",
            rows: &|rows| all.waivers(rows),
        },
        Sheet { name: "Records", columns: &records, all: "data/index.csv", rows: &|rows| all.records(rows) },
    ];
    let facts = &contents.facts;
    write(&format!("SOC 2 evidence of {}", facts.organization), facts.period.end, &sheets, out)
}

const SUMMARY: [(&str, u32); 2] = [("what", 34), ("value", 110)];
const CONTROLS: [(&str, u32); 18] = [
    ("control", 14),
    ("statement", 44),
    ("criteria", 16),
    ("owner", 22),
    ("severity", 10),
    ("test", 16),
    ("state_at_start", 16),
    ("state_at_end", 16),
    ("verdicts", 10),
    ("deviation", 10),
    ("indeterminate", 13),
    ("pass", 10),
    ("drifts", 10),
    ("effective_at_least_percent", 24),
    ("exposure_observed_s", 20),
    ("gaps", 10),
    ("waivers", 10),
    ("page", 34),
];
const JUDGEMENTS: [(&str, u32); 8] = [
    ("control", 14),
    ("record", 10),
    ("as_of", 24),
    ("rules", 18),
    ("item", 44),
    ("outcome", 14),
    ("reason", 26),
    ("seen", 90),
];
const CALENDAR: [(&str, u32); 7] =
    [("collector", 24), ("due", 24), ("outcome", 12), ("began", 24), ("ended", 24), ("record", 10), ("reason", 60)];
const GAPS: [(&str, u32); 10] = [
    ("record", 10),
    ("collector", 24),
    ("seq", 8),
    ("scheduled_for", 24),
    ("window_start", 24),
    ("window_end", 24),
    ("how", 12),
    ("reason", 80),
    ("evidence", 10),
    ("controls", 24),
];
const WAIVERS: [(&str, u32); 10] = [
    ("control", 14),
    ("record", 10),
    ("item", 44),
    ("approver", 24),
    ("recorded_by", 24),
    ("approved_at", 24),
    ("expires", 24),
    ("reason", 80),
    ("revoked_at", 24),
    ("revoked_why", 60),
];

/// What the sheets are made of.
struct All<'a> {
    contents: &'a Contents,
    source: &'a dyn Source,
    stated: Stated,
}

/// A number, or nothing.
fn count(number: Option<u64>) -> Cell {
    number.map_or_else(|| Cell::from(""), Cell::from)
}

impl All<'_> {
    fn summary(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        let facts = &self.contents.facts;
        if facts.sample {
            rows.add([SAMPLE.into(), "Nothing in here happened; it is evidence of nothing.".into()])?;
        }
        rows.add(["organization".into(), facts.organization.as_str().into()])?;
        rows.add(["period from".into(), time(facts.period.start).into()])?;
        rows.add(["period until before".into(), time(facts.period.end).into()])?;
        rows.add(["log".into(), facts.origin.as_str().into()])?;
        rows.add(["first record of the period".into(), facts.range.start.into()])?;
        rows.add(["first record after the period".into(), facts.range.end.into()])?;
        rows.add(["records under the checkpoint".into(), facts.log_size.into()])?;
        rows.add(["records disclosed".into(), (self.contents.disclosed().count() as u64).into()])?;
        rows.add(["records of the period withheld".into(), completeness::withheld(self.contents).into()])?;
        rows.add(["held by".into(), sentence(&held(self.contents, self.source)?).into()])?;
        for (what, found) in [
            ("controls", self.contents.controls.len()),
            ("collectors", self.contents.series.len()),
            ("populations", self.contents.populations.len()),
            ("gaps", self.contents.gaps.len()),
        ] {
            rows.add([what.into(), (found as u64).into()])?;
        }
        for sentence in PROVES {
            rows.add(["proves".into(), (*sentence).into()])?;
        }
        for sentence in NOT_PROVEN {
            rows.add(["does not prove".into(), (*sentence).into()])?;
        }
        rows.add(["conclusion".into(), "The software draws none; that is the auditor's.".into()])?;
        Ok(())
    }

    fn controls(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        let mut found = Vec::new();
        for (name, control) in &self.contents.controls {
            found.push((name, control, Figures::of(self.contents, name, self.source)?));
        }
        found.sort_by_key(|(name, control, figures)| worst_first(name, control, figures));
        for (name, control, figures) in found {
            let said = self.stated.control(name);
            rows.add([
                name.as_str().into(),
                said.map_or("not in a configuration here", |said| said.title.as_str()).into(),
                said.map(|said| list(&said.criteria)).unwrap_or_default().into(),
                said.map_or("", |said| said.owner.as_str()).into(),
                said.map(|said| word(said.severity)).unwrap_or_default().into(),
                said.map_or("", |said| said.test.as_str()).into(),
                state_word(figures.state_at_start).into(),
                state_word(figures.state_at_end).into(),
                (control.verdicts.len() as u64).into(),
                figures.deviation.into(),
                figures.indeterminate.into(),
                figures.pass.into(),
                figures.totals.drifts.into(),
                percent(figures.totals.effective_share().1).into(),
                figures.totals.exposure.observed_s.unsigned_abs().into(),
                (control.gaps.len() as u64).into(),
                (control.waivers.len() as u64).into(),
                format!("data/{}/index.html", control_dir(&self.contents.controls, name)).into(),
            ])?;
        }
        Ok(())
    }

    fn judgements(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        for (name, control) in &self.contents.controls {
            for index in &control.verdicts {
                let Judged { as_of, rules, verdict } = verdict(self.source, *index)?;
                let as_of = time(as_of);
                let judged = verdict.judgements.into_iter().map(|j| (j.item, word(j.outcome), j.reason, j.seen));
                let unread = verdict.unread.into_iter();
                let unread = unread.map(|u| (u.what, "not read".to_owned(), "unread".to_owned(), u.why));
                for (item, outcome, reason, seen) in judged.chain(unread) {
                    let (control, as_of, rules) = (name.as_str(), as_of.as_str(), rules.as_str());
                    let room = rows.add([
                        control.into(),
                        (*index).into(),
                        as_of.into(),
                        rules.into(),
                        item.into(),
                        outcome.into(),
                        reason.into(),
                        seen.into(),
                    ])?;
                    if !room {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn completeness(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        for row in completeness(self.contents, self.source)? {
            let mut cells = [(); completeness::COLUMNS.len() + 3].map(|()| Cell::from(""));
            cells[0] = row.collector.into();
            (cells[1], cells[2]) = (count(row.seqs.map(|seqs| seqs.0)), count(row.seqs.map(|seqs| seqs.1)));
            for (cell, number) in cells[3..].iter_mut().zip(row.counts) {
                *cell = count(number);
            }
            rows.add(cells)?;
        }
        Ok(())
    }

    fn calendar(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        for collector in self.contents.calendars.collectors() {
            for slot in self.contents.calendars.slots(collector) {
                let (began, ended) = calendar::times(&slot);
                let room = rows.add([
                    collector.as_str().into(),
                    time(slot.due).into(),
                    slot.outcome.word().into(),
                    instant(began).into(),
                    instant(ended).into(),
                    count(slot.answer.map(|answer| answer.record)),
                    calendar::reason(&slot, self.source)?.into(),
                ])?;
                if !room {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn gaps(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        for gap in &self.contents.gaps {
            let room = rows.add([
                count(gap.record),
                gap.collector.as_str().into(),
                count(gap.seq),
                instant(gap.scheduled_for).into(),
                instant(gap.window.map(|window| window.start)).into(),
                instant(gap.window.map(|window| window.end)).into(),
                gap.how.into(),
                reason(gap, self.source)?.into(),
                count(gap.evidence),
                list(&gap.controls).into(),
            ])?;
            if !room {
                break;
            }
        }
        Ok(())
    }

    fn waivers(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        for (name, control) in &self.contents.controls {
            for waiver in accepted(control, self.source)? {
                let revoked = waiver.revoked;
                rows.add([
                    name.as_str().into(),
                    waiver.record.into(),
                    waiver.item.into(),
                    waiver.approver.into(),
                    waiver.recorded_by.into(),
                    time(waiver.approved_at).into(),
                    time(waiver.expires).into(),
                    waiver.reason.into(),
                    instant(revoked.as_ref().map(|revoked| revoked.at)).into(),
                    revoked.map(|revoked| revoked.reason).unwrap_or_default().into(),
                ])?;
            }
        }
        Ok(())
    }

    fn records(&self, rows: &mut Rows<'_>) -> Result<(), BundleError> {
        for index in self.contents.disclosed() {
            let record = self.source.record(index)?;
            let inside = self.contents.facts.range.contains(&index);
            let mut cells = index::index_row(self.contents, index, &record, inside).map(Cell::from);
            cells[0] = Cell::from(index);
            if !rows.add(cells)? {
                break;
            }
        }
        Ok(())
    }
}
