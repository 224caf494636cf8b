//! `evidenced compact`: erases the files of evidence that is older than retention, on record, and gives the space
//! back. Which evidence that is says `crate::compact`, for the daemon too.

use super::{Exit, minute, print_json};
use crate::compact::{Due, compact as erase_all, due};
use crate::config::Loaded;
use crate::who;
use anyhow::bail;
use chrono::{NaiveDate, NaiveTime};
use serde_json::json;
use std::io::{BufRead, IsTerminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Evidence recorded before this day, instead of what [retention] says; never younger than 730 days, and never
    /// what [retention] keeps.
    #[arg(long, value_name = "YYYY-MM-DD")]
    before: Option<NaiveDate>,
    /// Say what would go, and erase nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn compact(loaded: Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let (loaded, ledger) = super::appending(loaded).await?;
    let reader = ledger.reader()?;
    let at = super::clock(&reader)?.now();
    let before = args.before.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let found = due(&reader, &loaded, at, before)?;
    let bytes = reader.held_by_these(&found.records)?;
    let asked = format!("{} by `evidenced compact`", who::me());
    // A connection that has read could hold the old pages.
    drop(reader);
    if !json {
        show(&found, bytes);
    }
    let go = !args.dry_run && !found.records.is_empty();
    if go && !args.yes && !confirmed()? {
        eprintln!("nothing was erased");
        return Ok(Exit::Failed);
    }
    // Also when nothing is left to erase: the space of what was may be held still.
    let swept = if args.dry_run { None } else { Some(erase_all(&ledger, &found, &asked, at).await?) };
    if json {
        print_json(&json!({
            "before": found.before, "for_period": found.for_period, "records": found.records, "bytes": bytes,
            "erased": go, "swept": swept,
        }))?;
    } else if go {
        outln!("erased, each with a record that says so; records, proofs and verdicts stay");
    }
    if swept == Some(false) {
        eprintln!(
            "evidenced: erased and on record, but old pages are still in ledger.sqlite-wal: something reads the ledger\n\
             hint: end what has it open for long (a backup, a verify, an export), then give the same command again"
        );
        return Ok(Exit::Failed);
    }
    Ok(Exit::Ok)
}

fn show(found: &Due, bytes: u64) {
    let why = if found.for_period {
        ", where the period in [scope] begins: it is kept until a year after its end"
    } else {
        ""
    };
    outln!(
        "evidence from before {}{why}: files of {} records, {} KiB",
        minute(found.before),
        found.records.len(),
        bytes >> 10
    );
    if let (Some(first), Some(last)) = (found.records.first(), found.records.last()) {
        outln!(
            "records {first} to {last}; what rests on them can be re-performed only from bundles that were exported before"
        );
    }
}

fn confirmed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing was erased: nobody is here to be asked\nhint: --yes, when it is meant");
    }
    eprintln!("Their files will be gone for good. Type `erase` to go on:");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == "erase")
}
