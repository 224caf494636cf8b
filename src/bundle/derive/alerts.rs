//! `alerts.csv`: who was told of what, when, and whether it arrived.

use super::table::{Table, maybe, word};
use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source, record_path, time};
use crate::ledger::record::{Body, DeliveryOutcome};
use crate::notify::message::{ALERT, Message};
use std::collections::BTreeMap;
use std::io::Write;

/// What became of one alert on one channel.
struct Became {
    record: u64,
    at: String,
    outcome: DeliveryOutcome,
    tries: u64,
    why: Option<String>,
}

/// One row for each alert of the period and each channel that it goes to; an alert that goes to none has one.
pub(super) fn alerts(contents: &Contents, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    let columns = [
        "record",
        "at",
        "event",
        "subject",
        "severity",
        "owner",
        "headline",
        "channel",
        "outcome",
        "settled_at",
        "settled_by",
        "tries",
        "why",
    ];
    let mut table = Table::new(out, &columns)?;
    let became = became(contents, source)?;
    for index in &contents.alerts {
        let record = source.record(*index)?;
        let Body::Alert { event, about, severity, owner, channels, .. } = record.body else {
            return Err(BundleError::malformed(record_path(*index), "is not an alert"));
        };
        let headline = headline(contents, source, *index)?;
        let told = [
            index.to_string(),
            time(record.at),
            word(event),
            about.to_string(),
            word(severity),
            maybe(owner),
            headline,
        ];
        let row = |channel: &str| {
            let settled = match became.get(&(*index, channel.to_owned())) {
                Some(became) => [
                    word(became.outcome),
                    became.at.clone(),
                    became.record.to_string(),
                    became.tries.to_string(),
                    maybe(became.why.as_ref()),
                ],
                None if channel.is_empty() => {
                    ["no channel".to_owned(), String::new(), String::new(), String::new(), String::new()]
                }
                None => ["owed".to_owned(), String::new(), String::new(), String::new(), String::new()],
            };
            [told.to_vec(), vec![channel.to_owned()], settled.to_vec()].concat()
        };
        if channels.is_empty() {
            table.row(&row(""))?;
        }
        channels.iter().try_for_each(|channel| table.row(&row(channel)))?;
    }
    table.end()
}

fn headline(contents: &Contents, source: &dyn Source, index: u64) -> Result<String, BundleError> {
    if let Some(by) = contents.erased.get(&index) {
        return Ok(format!("erased, as record {by} says"));
    }
    let message: Message = serde_json::from_slice(&source.file(index, ALERT)?)
        .map_err(|error| BundleError::malformed(format!("{ALERT} of record {index}"), error))?;
    Ok(message.headline)
}

fn became(contents: &Contents, source: &dyn Source) -> Result<BTreeMap<(u64, String), Became>, BundleError> {
    let mut all = BTreeMap::new();
    for index in &contents.deliveries {
        let record = source.record(*index)?;
        let Body::Delivery { channel, alerts, outcome, tries, why } = record.body else {
            return Err(BundleError::malformed(record_path(*index), "is not a delivery"));
        };
        for alert in alerts {
            let became = Became { record: *index, at: time(record.at), outcome, tries, why: why.clone() };
            all.insert((alert, channel.clone()), became);
        }
    }
    Ok(all)
}
