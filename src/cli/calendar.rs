//! `evidenced status --calendar`: what was due, and what became of each slot.

use super::table::table;
use super::{Exit, Usage, minute, print_json};
use crate::config::Loaded;
use crate::ledger::Reader;
use crate::schedule::Outcome;
use crate::slots::{Calendar, CollectorCalendar, Line, calendar as read_calendar};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use evidenced_collectors::contract::clock::{Clock, SystemClock};

/// What is shown when nobody says from when.
const DAYS: i64 = 30;
/// Stretches shown of each collector, the newest of them.
const STRETCHES_SHOWN: usize = 60;

/// Slots one after another with the same outcome, for the same reason.
struct Stretch<'a> {
    first: &'a Line,
    last: &'a Line,
    slots: usize,
}

pub(super) fn calendar(
    loaded: &Loaded,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    json: bool,
) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let calendar = read_calendar(&reader, SystemClock.now(), |as_of| {
        let end = to.unwrap_or(as_of + TimeDelta::milliseconds(1));
        Window { start: from.unwrap_or(end - TimeDelta::days(DAYS)), end }
    })?;
    anyhow::ensure!(
        calendar.window.start < calendar.window.end,
        Usage("the time ends before it begins\nhint: --to is the first instant after it".to_owned())
    );
    if json {
        print_json(&calendar)?;
    } else {
        show(&calendar);
    }
    let outcomes = calendar.collectors.iter().flat_map(|collector| collector.counts.keys());
    let well = outcomes.copied().all(Outcome::is_well);
    Ok(if well { Exit::Ok } else { Exit::NotEffective })
}

/// Collectors with the worst outcome first.
fn show(calendar: &Calendar) {
    if calendar.sample {
        outln!("SAMPLE with a simulated clock: no evidence of anything.\n");
    }
    let mut collectors: Vec<&CollectorCalendar> = calendar.collectors.iter().collect();
    collectors.sort_by_key(|collector| std::cmp::Reverse(collector.counts.keys().next_back()));
    for collector in collectors {
        let due = collector.slots.iter().filter(|slot| slot.outcome != Outcome::Unplanned).count();
        let counts = collector.counts.iter().rev().map(|(outcome, count)| format!("{count} {}", outcome.word()));
        outln!("{}: {due} due: {}", collector.name, counts.collect::<Vec<String>>().join(", "));
        let stretches = stretches(&collector.slots);
        let mut rows = table(&["from", "until", "slots", "outcome", "why"]);
        for Stretch { first, last, slots } in stretches.iter().skip(stretches.len().saturating_sub(STRETCHES_SHOWN)) {
            let until = if *slots > 1 { minute(last.due) } else { String::new() };
            rows.add_row([minute(first.due), until, slots.to_string(), first.outcome.word().to_owned(), why(first)]);
        }
        outln!("{rows}");
        if stretches.len() > STRETCHES_SHOWN {
            outln!("and {} stretches before; `--json` has every slot", stretches.len() - STRETCHES_SHOWN);
        }
        outln!();
    }
    if calendar.collectors.is_empty() {
        outln!("nothing was due from {} until {}", minute(calendar.window.start), minute(calendar.window.end));
    }
}

fn stretches(slots: &[Line]) -> Vec<Stretch<'_>> {
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    for line in slots {
        // What has a beginning of its own to tell stands alone.
        let alike = |last: &Line| last.outcome == line.outcome && last.reason == line.reason && tells(line).is_none();
        match stretches.last_mut().filter(|stretch| alike(stretch.last)) {
            Some(stretch) => (stretch.last, stretch.slots) = (line, stretch.slots + 1),
            None => stretches.push(Stretch { first: line, last: line, slots: 1 }),
        }
    }
    stretches
}

fn tells(line: &Line) -> Option<String> {
    match (line.outcome, line.began, line.record) {
        (Outcome::Done | Outcome::Missed, ..) | (_, _, None) => None,
        (_, Some(began), Some(record)) => Some(format!("began {}, record {record}", minute(began))),
        (_, None, Some(record)) => Some(format!("record {record}")),
    }
}

fn why(line: &Line) -> String {
    line.reason.clone().or_else(|| tells(line)).unwrap_or_default()
}
