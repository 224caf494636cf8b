//! Waivers as they stand: what the records of them come to, which of them are in force, and what each covers
//! now. Whether one counts for an item is the judge's to say. Reads only.

use crate::assess;
use crate::config::Loaded;
use crate::judge::{self, Covered, Waiver};
use crate::ledger::record::{Body, Record};
use crate::ledger::{Filter, LedgerError, Reader};
use crate::run::RunError;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// The waivers among the records, as the judge takes them, by their records.
pub fn known(records: impl IntoIterator<Item = (u64, Body)>) -> BTreeMap<u64, Waiver> {
    on_record(records).into_iter().map(|waiver| (waiver.record, waiver.judged())).collect()
}

/// Waivers and revocations of a control among the first `size` records, oldest first.
pub fn records(reader: &Reader, control: &str, size: u64) -> Result<BTreeMap<u64, Record>, LedgerError> {
    let of = |kind| reader.records(0..size, &Filter::kind(kind).control(control)).collect::<Vec<_>>();
    of("waiver").into_iter().chain(of("revocation")).collect()
}

/// A waiver on record.
#[derive(Debug, Clone, Serialize)]
pub struct OnRecord {
    /// Its record.
    pub record: u64,
    /// Of which control.
    pub control: String,
    /// The items that it is for, a name or a pattern.
    pub item: String,
    /// Why.
    pub reason: String,
    /// Who approved.
    pub approver: String,
    /// The account that recorded it, as claimed.
    pub recorded_by: String,
    /// From when on it counts.
    pub approved_at: DateTime<Utc>,
    /// The first instant at which it counts no longer, if it is not revoked before.
    pub expires: DateTime<Utc>,
    /// Its revocation.
    pub revoked: Option<Revoked>,
}

/// That a waiver was revoked.
#[derive(Debug, Clone, Serialize)]
pub struct Revoked {
    /// The record that says so.
    pub record: u64,
    /// Why.
    pub reason: String,
    /// The account that recorded it, as claimed.
    pub recorded_by: String,
    /// From when on the waiver does not count.
    pub at: DateTime<Utc>,
}

impl OnRecord {
    /// The first instant at which it counts no longer.
    pub fn ends(&self) -> DateTime<Utc> {
        self.revoked.as_ref().map_or(self.expires, |revoked| revoked.at.min(self.expires))
    }

    /// As the judge takes it.
    pub fn judged(self) -> Waiver {
        let Self { item, approver, approved_at, expires, revoked, .. } = self;
        Waiver { item, approver, approved_at, expires, revoked_at: revoked.map(|revoked| revoked.at) }
    }

    /// Whether it is in force at the instant. That it counts for an item takes more: see `judge::WhyNot`.
    pub fn in_force(&self, at: DateTime<Utc>) -> bool {
        self.approved_at <= at && at < self.ends()
    }
}

/// The waivers among the records, oldest first, each with its revocation if that is there too.
pub fn on_record(records: impl IntoIterator<Item = (u64, Body)>) -> Vec<OnRecord> {
    let (mut waivers, mut revoked) = (BTreeMap::new(), BTreeMap::new());
    for (record, body) in records {
        match body {
            Body::Waiver { control, item, reason, approver, recorded_by, approved_at, expires } => {
                let revoked = None;
                let waiver =
                    OnRecord { record, control, item, reason, approver, recorded_by, approved_at, expires, revoked };
                waivers.insert(record, waiver);
            }
            Body::Revocation { waiver, reason, recorded_by, revoked_at: at, .. } => {
                // The first one is the one that ended it.
                revoked.entry(waiver).or_insert(Revoked { record, reason, recorded_by, at });
            }
            _ => {}
        }
    }
    for (waiver, revoked) in revoked {
        if let Some(waiver) = waivers.get_mut(&waiver) {
            waiver.revoked = Some(revoked);
        }
    }
    waivers.into_values().collect()
}

/// Every waiver of a control, oldest first.
pub fn of_control(reader: &Reader, control: &str) -> Result<Vec<OnRecord>, LedgerError> {
    let records = records(reader, control, u64::MAX)?;
    Ok(on_record(records.into_iter().map(|(index, record)| (index, record.body))))
}

/// The waivers of all configured controls that are in force, the first to end first: what is accepted at the
/// moment, and until when.
pub fn in_force(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Vec<OnRecord>, LedgerError> {
    let mut waivers = Vec::new();
    for control in loaded.config.controls.keys() {
        waivers.extend(of_control(reader, control)?.into_iter().filter(|waiver| waiver.in_force(now)));
    }
    waivers.sort_by_key(|waiver| (waiver.ends(), waiver.record));
    Ok(waivers)
}

/// A waiver and what it comes to now.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// The waiver.
    #[serde(flatten)]
    pub waiver: OnRecord,
    /// Whether it is in force.
    pub in_force: bool,
    /// Whole days until it ends; 0 on the last one, and when it has ended.
    pub days_left: i64,
    /// The items that deviate by the evidence sealed so far and that it names, and whether it counts for each.
    pub items: Vec<Covered>,
}

/// Every waiver of the configured controls: those in force, the first to end first, then the others.
pub fn standing(reader: &Reader, loaded: &Loaded, now: DateTime<Utc>) -> Result<Vec<Standing>, RunError> {
    let mut all = Vec::new();
    for control in loaded.config.controls.keys() {
        let waivers = of_control(reader, control)?;
        if waivers.is_empty() {
            continue;
        }
        let seen = assess::seen(reader, loaded, control, u64::MAX, now)?;
        let as_judged: Vec<Waiver> = seen.waivers.into_values().collect();
        let covered = judge::covered(&loaded.tests[control], &seen.readings, &as_judged, now);
        all.extend(waivers.into_iter().zip(covered).map(|(waiver, items)| Standing {
            in_force: waiver.in_force(now),
            days_left: (waiver.ends() - now).max(TimeDelta::zero()).num_days(),
            waiver,
            items,
        }));
    }
    all.sort_by_key(|standing| (!standing.in_force, standing.waiver.ends(), standing.waiver.record));
    Ok(all)
}
