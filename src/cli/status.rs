//! `evidenced status`: what each control is now, why, and what to do next.

use super::table::table;
use super::{Exit, calendar, minute, period, print_json};
use crate::config::Loaded;
use crate::disk::Space;
use crate::drift::State;
use crate::ledger::Reader;
use crate::schedule::Met;
use crate::status::{ConfigurationStatus, Status, status as read_status};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::clock::{Clock, SystemClock};

/// Bad items shown of each control; the rest is counted.
const ITEMS_SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show the run calendar instead: every due slot, and what became of it. Exits 3 when one has no whole evidence.
    #[arg(long)]
    calendar: bool,
    /// First instant of the calendar: a date (midnight UTC) or an RFC 3339 time. Default: 30 days before its end.
    #[arg(long, value_parser = period::instant, requires = "calendar")]
    from: Option<DateTime<Utc>>,
    /// First instant after the calendar. Default: the present.
    #[arg(long, value_parser = period::instant, requires = "calendar")]
    to: Option<DateTime<Utc>>,
}

pub(super) fn status(loaded: &Loaded, args: &Args, json: bool) -> anyhow::Result<Exit> {
    if args.calendar {
        return calendar::calendar(loaded, args.from, args.to, json);
    }
    let reader = Reader::open(&loaded.state_dir)?;
    let status = read_status(&reader, loaded, SystemClock.now())?;
    if json {
        print_json(&status)?;
    } else {
        show(&status);
    }
    // No control is no good news: nothing is tested.
    let all = status.controls.iter().all(|control| control.state == State::Effective);
    let effective = all && !status.controls.is_empty();
    Ok(if effective { Exit::Ok } else { Exit::NotEffective })
}

fn show(status: &Status) {
    if let Some(misfit) = &status.misfit {
        outln!("THIS LEDGER MUST NOT GO ON: {misfit}\n");
    }
    if status.sample {
        outln!("SAMPLE with a simulated clock: no evidence of anything. Judged as of {}.\n", status.as_of);
    }
    let mut controls = table(&["control", "state", "since", "evidence until", "owner", "title"]);
    for control in &status.controls {
        controls.add_row([
            control.id.clone(),
            control.state.word().to_owned(),
            control.since.map(minute).unwrap_or_default(),
            control.evidence_until.map(minute).unwrap_or_else(|| "never".to_owned()),
            control.owner.clone(),
            control.title.clone(),
        ]);
    }
    outln!("{controls}\n");
    for control in status.controls.iter().filter(|control| !control.bad.is_empty()) {
        outln!("{} {}:", control.id, control.state.word());
        for bad in control.bad.iter().take(ITEMS_SHOWN) {
            outln!("  {bad}");
        }
        if control.bad.len() > ITEMS_SHOWN {
            outln!("  and {} more; `status --json` has them all", control.bad.len() - ITEMS_SHOWN);
        }
    }
    for control in &status.controls {
        for waiver in &control.waivers {
            let until = minute(waiver.expires);
            outln!("{} waived by {} until {until}: {}: {}", control.id, waiver.approver, waiver.item, waiver.reason);
        }
    }
    let mut collectors = table(&["collector", "last run", "ended", "next due"]);
    for collector in &status.collectors {
        collectors.add_row([
            collector.name.clone(),
            collector.last_run.map(minute).unwrap_or_else(|| "never".to_owned()),
            collector.last_end.clone().unwrap_or_default(),
            collector.next_due.map(minute).unwrap_or_default(),
        ]);
    }
    outln!("\n{collectors}\n");
    not_in_time(status);
    if let Some(space) = status.disk.filter(Space::stops) {
        outln!("NOTHING IS COLLECTED: {space}");
    }
    outln!("log {} has {} records", status.origin, status.records);
    show_configuration(&status.configuration);
    for holder in &status.anchors {
        outln!("{}", holder.line());
    }
    if !status.anchors.iter().any(|holder| holder.keeps && holder.size.is_some()) {
        outln!("checkpoints are held by nobody but the operator");
    }
    told(status);
}

/// What was not read when it should have been.
fn not_in_time(status: &Status) {
    for collector in status.collectors.iter().filter(|collector| collector.unaccounted > 0) {
        let (name, slots) = (&collector.name, collector.unaccounted);
        outln!(
            "{name}: {slots} due slots have no record: no daemon runs, or it does not come to them; see `status --calendar`"
        );
    }
    for collector in &status.collectors {
        if let Some(forgets) = collector.forgets.as_ref().filter(|forgets| forgets.soon_from <= status.as_of) {
            let lost = if forgets.at <= status.as_of { "HAS BEGUN TO FORGET" } else { "begins to forget" };
            outln!("{}: {} {lost} at {} what was not read yet", collector.name, forgets.what, minute(forgets.at));
        }
    }
    for control in &status.controls {
        for (name, cadence) in control.cadence.iter().filter(|(_, cadence)| cadence.met == Met::NotMet) {
            if let Some(frequency) = control.frequency {
                outln!(
                    "{} is {}, and {name} was not read so: {}",
                    control.id,
                    frequency.word(),
                    cadence.sentence(frequency)
                );
            }
        }
    }
}

/// What somebody should know and may not, and the last sign of life.
fn told(status: &Status) {
    if let Some(since) = status.alerts.owed_since {
        outln!(
            "{} alerts are owed, the oldest since {}; see `evidenced alerts --owed`",
            status.alerts.owed,
            minute(since)
        );
    }
    if status.alerts.dead > 0 {
        let dead = status.alerts.dead;
        outln!(
            "{dead} alerts of the last 30 days are DEAD: a channel did not take them in time; see `evidenced alerts --dead`"
        );
    }
    if let Some(beat) = &status.heartbeat {
        let taken = beat.taken.map_or_else(|| "never".to_owned(), minute);
        match &beat.failed {
            None => outln!("last sign of life {taken}"),
            Some(why) => outln!("NO SIGN OF LIFE given at {}: {why}; the last one {taken}", minute(beat.at)),
        }
    }
}

fn show_configuration(configuration: &ConfigurationStatus) {
    let ConfigurationStatus { record, since, by, differs, refused } = configuration;
    if let (Some(record), Some(since), Some(by)) = (record, since, by) {
        outln!("configuration of record {record} is in force since {}: {by}", minute(*since));
    }
    if record.is_some() && !differs.is_empty() {
        let named: Vec<&str> = differs.iter().take(ITEMS_SHOWN).map(String::as_str).collect();
        let more = differs.len().saturating_sub(ITEMS_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        outln!("NOT IN FORCE: this file differs in {}{more}; `evidenced config apply` applies it", named.join(", "));
    }
    if let Some(refused) = refused {
        outln!("REFUSED at {}: the daemon keeps the configuration before it: {}", minute(refused.at), refused.why);
    }
}
