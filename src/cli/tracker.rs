//! `evidenced tracker`: what evidence there is of each control; or a skill pack's status report, from its own file.

use super::audit::{AsOf, Format, form, not_a_terminal, print};
use super::table::table;
use super::{Exit, print_json, read};
use crate::bundle::word;
use crate::config::{ConfigError, Loaded};
use crate::readiness;
use crate::readiness::packs::{self, Class, FILE_BYTES_MAX, Note, PackControl, PackError, Rating, Tracker};
use crate::shown::shown;
use anyhow::Context;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of the `soc2-compliance` skill pack, `{"controls": [...]}` or an array; `-` is standard input. Its
    /// typed status words are counted by the pack's own rules; no evidence is looked at.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["as_of", "format"])]
    seed_compat: Option<PathBuf>,
    #[command(flatten)]
    as_of: AsOf,
    /// As what. `--json` is `--format json`. Default: md.
    #[arg(long)]
    format: Option<Format>,
    /// Exit 3 when the rating is this one or a worse one. Default: exit 0 whatever it is.
    #[arg(long, value_name = "RATING")]
    fail_on: Option<Rating>,
}

pub(super) fn tracker(
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
    args: &Args,
    json: bool,
) -> anyhow::Result<Exit> {
    match &args.seed_compat {
        Some(file) => of_pack(file, args, json),
        None => of_evidence(&load()?, args, json),
    }
}

fn of_evidence(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let form = form(args.format, json, Format::Json)?;
    let facts = args.as_of.facts(loaded)?;
    let due = loaded.config.controls.iter().filter_map(|(id, control)| {
        let next = |name: &String| loaded.collectors[name].schedule.next_after(facts.as_of);
        Some((id.clone(), control.collectors.iter().filter_map(next).min()?))
    });
    let tracker = readiness::tracker(&facts, &due.collect());
    match form {
        Format::Json => print_json(&tracker)?,
        Format::Md => print(tracker.markdown(&facts).as_bytes())?,
        Format::Csv => print(&tracker.grid().csv()?)?,
        Format::Xlsx => {
            not_a_terminal("tracker")?;
            print(&tracker.grid().workbook(facts.as_of, "evidenced tracker --format csv")?)?;
        }
    }
    let bad = args.fail_on.is_some_and(|limit| tracker.rating >= limit);
    Ok(match tracker.head.integrity {
        Some(_) => Exit::Refused,
        None if bad => Exit::NotEffective,
        None => Exit::Ok,
    })
}

fn of_pack(file: &Path, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let tracker = packs::tracker(&controls(file)?, SystemClock.now());
    if json {
        print_json(&tracker)?;
    } else {
        show(&tracker);
    }
    let bad = args.fail_on.is_some_and(|limit| tracker.summary.readiness_rating >= limit);
    Ok(if bad { Exit::NotEffective } else { Exit::Ok })
}

/// The controls of a pack's file.
pub(super) fn controls(file: &Path) -> anyhow::Result<Vec<PackControl>> {
    let controls = read(file, FILE_BYTES_MAX).map_err(PackError::Read).and_then(|bytes| packs::parse(&bytes));
    controls.with_context(|| format!("{} cannot be used", file.display()))
}

fn show(tracker: &Tracker) {
    let summary = &tracker.summary;
    let rating = word(summary.readiness_rating);
    outln!("evidence_readiness {:.1} % ({rating}), {} controls", summary.readiness_score, summary.total_controls);
    outln!("by the rules of the soc2-compliance skill pack, as of {}\n", summary.report_date);
    let mut rows = table(&["category", "collected", "pending", "overdue", "not started", "not applicable"]);
    let all = ("all".to_owned(), summary.status_breakdown.clone());
    for (category, counts) in tracker.by_category.clone().into_iter().chain([all]) {
        let counts = Class::ALL.map(|class| counts.get(&class).copied().unwrap_or_default().to_string());
        rows.add_row(std::iter::once(shown(&category).into_owned()).chain(counts));
    }
    outln!("{rows}\n");
    for issue in &tracker.issues {
        outln!("{}: {}", shown(&issue.control_id), issue.issue);
    }
    show_notes(&tracker.notes);
}

/// Places shown of each note; the rest is counted.
const PLACES_SHOWN: usize = 10;

/// What is wrong with the figures.
pub(super) fn show_notes(notes: &[Note]) {
    outln!("\nAbout these figures:");
    for note in notes {
        let named = note.places.iter().take(PLACES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = note.places.len().saturating_sub(PLACES_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let places = if named.is_empty() { String::new() } else { format!(" ({named}{more})") };
        outln!("  {}: {}{}", note.about, note.says, shown(&places));
    }
}
