//! `evidenced waivers`: what is accepted, until when, and whether it counts.

use super::table::table;
use super::{Exit, print_json};
use crate::config::Loaded;
use crate::ledger::Reader;
use crate::waivers::{Standing, standing};

/// Items named of each waiver; the rest is counted.
const ITEMS_SHOWN: usize = 5;

pub(super) fn waivers(loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let reader = Reader::open(&loaded.state_dir)?;
    let waivers = standing(&reader, loaded, super::now(&reader)?)?;
    if json {
        print_json(&waivers)?;
        return Ok(Exit::Ok);
    }
    let (in_force, ended): (Vec<&Standing>, Vec<&Standing>) = waivers.iter().partition(|waiver| waiver.in_force);
    if in_force.is_empty() {
        outln!("No waiver is in force.");
    } else {
        show(&in_force);
    }
    if !ended.is_empty() {
        outln!("\nNot in force:");
        show(&ended);
    }
    Ok(Exit::Ok)
}

fn show(waivers: &[&Standing]) {
    let columns = ["record", "control", "item", "ends", "days left", "approver", "recorded by", "covers", "reason"];
    let mut rows = table(&columns);
    for standing in waivers {
        let waiver = &standing.waiver;
        let reason = match &waiver.revoked {
            Some(revoked) => format!("{}\nrevoked by {}: {}", waiver.reason, revoked.recorded_by, revoked.reason),
            None => waiver.reason.clone(),
        };
        rows.add_row([
            waiver.record.to_string(),
            waiver.control.clone(),
            waiver.item.clone(),
            super::minute(waiver.ends()),
            standing.days_left.to_string(),
            waiver.approver.clone(),
            waiver.recorded_by.clone(),
            covers(standing),
            reason,
        ]);
    }
    outln!("{rows}");
}

/// What it covers, and where it does not count, why.
fn covers(standing: &Standing) -> String {
    if standing.items.is_empty() {
        return "nothing that deviates now".to_owned();
    }
    let mut lines: Vec<String> = (standing.items.iter().take(ITEMS_SHOWN))
        .map(|covered| match covered.why_not {
            None => covered.item.clone(),
            Some(why) => format!("does not count for {}: it {}", covered.item, why.words()),
        })
        .collect();
    if standing.items.len() > ITEMS_SHOWN {
        lines.push(format!("and {} more; --json has them all", standing.items.len() - ITEMS_SHOWN));
    }
    lines.join("\n")
}
