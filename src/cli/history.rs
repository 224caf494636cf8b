//! `evidenced history` and `evidenced drift`: what a control was, and what is not effective now.

use super::period::Period;
use super::table::table;
use super::{Exit, minute, print_json};
use crate::config::Loaded;
use crate::drift::{Ending, State};
use crate::history::{History, Open, OpenDrift, history as read_history, open};
use crate::ledger::Reader;
use crate::timeline::{Drift, Lasted, Totals, percent, span};
use evidenced_collectors::contract::Window;

/// Items shown of each drift, and times of items; the rest is counted.
const SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The control, `SEC-001`.
    control: String,
    #[command(flatten)]
    period: Period,
}

pub(super) fn history(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    super::configured(loaded, &args.control)?;
    let now = super::now(&reader)?;
    let all = Window { start: reader.record(0)?.at, end: now };
    let history = read_history(&reader, loaded, &args.control, args.period.within(all)?, now)?;
    if json {
        print_json(&history)?;
    } else {
        show(&history);
    }
    Ok(Exit::Ok)
}

fn sample(is_one: bool) {
    if is_one {
        outln!("SAMPLE with a simulated clock: no evidence of anything.\n");
    }
}

fn show(history: &History) {
    sample(history.sample);
    outln!("{} {}", history.control, history.title);
    let known = match history.known_until < history.period.end {
        true => format!(", known until {}", minute(history.known_until)),
        false => String::new(),
    };
    outln!("from {} until before {}{known}\n", minute(history.period.start), minute(history.period.end));
    let mut rows = table(&["state", "from", "until", "for", "record", "why"]);
    for stretch in &history.intervals {
        let interval = &stretch.interval;
        let whys: Vec<String> =
            stretch.changes.iter().map(|told| format!("{} ({})", told.why, told.occasion.words())).collect();
        rows.add_row([
            interval.state.map_or("none on record", State::word).to_owned(),
            minute(interval.from),
            minute(interval.until),
            span((interval.until - interval.from).num_seconds()),
            interval.record.map(|record| record.to_string()).unwrap_or_default(),
            whys.join("\n"),
        ]);
    }
    outln!("{rows}\n");
    drifts(&history.drifts);
    items(history);
    totals(&history.totals);
}

fn drifts(drifts: &[Drift]) {
    if drifts.is_empty() {
        return;
    }
    let mut rows = table(&["drift", "from", "perhaps from", "until", "ended", "lasted"]);
    for drift in drifts {
        rows.add_row([
            drift.worst.word().to_owned(),
            format!("{}{}", minute(drift.from), if drift.began_before { " or before" } else { "" }),
            drift.earliest.map_or_else(|| "not known".to_owned(), minute),
            drift.until.map_or_else(|| "open".to_owned(), minute),
            drift.ended.map(Ending::word).unwrap_or_default().to_owned(),
            lasted(drift.lasted),
        ]);
    }
    outln!("{rows}\n");
}

fn items(history: &History) {
    if history.items.is_empty() {
        return;
    }
    let mut rows = table(&["item", "reason", "from", "until", "ended", "lasted"]);
    let more = history.items.len().saturating_sub(SHOWN);
    for spell in history.items.iter().skip(more) {
        rows.add_row([
            spell.item.clone(),
            spell.reason.clone(),
            minute(spell.from),
            spell.until.map_or_else(|| "open".to_owned(), minute),
            spell.ended.map(Ending::word).unwrap_or_default().to_owned(),
            lasted(spell.lasted),
        ]);
    }
    outln!("{rows}");
    if more > 0 {
        outln!("and {more} earlier ones; `history --json` has them all");
    }
    outln!();
}

fn totals(totals: &Totals) {
    let (share, least) = totals.effective_share();
    outln!("effective {} % of the known time as observed, at least {} %", percent(share), percent(least));
    let states: Vec<String> =
        totals.seconds.iter().map(|(state, seconds)| format!("{} {}", state.word(), span(*seconds))).collect();
    outln!("time in each state: {}", states.join(", "));
    outln!("exposure, watched and not effective: {}", lasted(totals.exposure));
    let ended = |how| totals.ended.get(&how).copied().unwrap_or_default();
    outln!(
        "drifts {}: {} resolved, {} ended by a waiver, {} out of view, {} open",
        totals.drifts,
        ended(Ending::Resolved),
        ended(Ending::Waived),
        ended(Ending::Gone),
        totals.open
    );
    if let (Some(median), Some(longest), Some(most)) =
        (totals.repair_median_s, totals.repair_longest_s, totals.repair_at_most_s)
    {
        outln!("time to repair: median {}, longest {}, at most {}", span(median), span(longest), span(most));
    }
}

fn lasted(lasted: Lasted) -> String {
    let Lasted { at_least_s, observed_s, at_most_s } = lasted;
    match at_least_s == at_most_s {
        true => span(observed_s),
        false => format!("{} (at least {}, at most {})", span(observed_s), span(at_least_s), span(at_most_s)),
    }
}

pub(super) fn drift(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let open = open(&reader, loaded, super::now(&reader)?)?;
    if json {
        print_json(&open)?;
    } else {
        show_open(&open);
    }
    let nothing = open.drifts.is_empty() && open.unmonitored.is_empty() && !loaded.config.controls.is_empty();
    Ok(if nothing { Exit::Ok } else { Exit::NotEffective })
}

fn show_open(open: &Open) {
    sample(open.sample);
    if open.drifts.is_empty() {
        outln!("No drift is open.");
    }
    for drift in &open.drifts {
        show_drift(drift);
    }
    if !open.unmonitored.is_empty() {
        outln!("Not observed yet, so nobody knows: {}", open.unmonitored.join(", "));
    }
}

fn show_drift(open: &OpenDrift) {
    let since = minute(open.drift.from);
    let perhaps = match open.drift.earliest {
        Some(earliest) if earliest < open.drift.from => format!(", perhaps since {}", minute(earliest)),
        _ => String::new(),
    };
    outln!("{} {}: not effective since {since}{perhaps}", open.control, open.state.word());
    outln!("  {} (severity {}, owner {})", open.title, open.severity.word(), open.owner);
    for item in open.items.iter().take(SHOWN) {
        let since = item.since.map(|since| format!(", since {}", minute(since))).unwrap_or_default();
        outln!("  {}: {}: {}{since}", item.outcome.word(), item.item, item.reason);
    }
    let more = open.more + open.items.len().saturating_sub(SHOWN) as u64;
    if more > 0 {
        outln!("  and {more} more items; `status --json` has them all");
    }
    for unread in open.unread.iter().take(SHOWN) {
        outln!("  not read: {unread}");
    }
    for next in &open.next {
        outln!("  next: {next}");
    }
    outln!();
}
