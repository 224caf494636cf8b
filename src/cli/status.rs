//! `evidenced status`: what each control is now, why, and what to do next.

use super::table::table;
use super::{Exit, print_json};
use crate::config::Loaded;
use crate::drift::State;
use crate::ledger::Reader;
use crate::schedule::Met;
use crate::status::{ConfigurationStatus, Status, status as read_status};
use evidenced_collectors::contract::clock::{Clock, SystemClock};

/// Bad items shown of each control; the rest is counted.
const ITEMS_SHOWN: usize = 10;

pub(super) fn status(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
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
    outln!("log {} has {} records", status.origin, status.records);
    show_configuration(&status.configuration);
    for holder in &status.anchors {
        outln!("{}", holder.line());
    }
    if !status.anchors.iter().any(|holder| holder.keeps && holder.size.is_some()) {
        outln!("checkpoints are held by nobody but the operator");
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

fn minute(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}
