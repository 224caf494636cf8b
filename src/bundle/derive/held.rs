//! Who else holds a checkpoint of the log, as its `anchor` records say.

use crate::bundle::BundleError;
use crate::bundle::format::{Contents, Source};
use crate::ledger::record::{AnchorWay, Body};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// One anchor.
pub(super) struct Held {
    /// Its name in the configuration.
    pub(super) name: String,
    /// Of what sort it is.
    pub(super) way: AnchorWay,
    /// How many of its records are in the bundle.
    pub(super) records: u64,
    /// The newest of them.
    pub(super) newest: u64,
    /// The largest checkpoint that it was given.
    pub(super) size: u64,
    /// The time that its newest receipt states, or else that of its record.
    pub(super) at: DateTime<Utc>,
}

/// Every anchor with a record in the bundle, by name.
pub(super) fn held(contents: &Contents, source: &dyn Source) -> Result<Vec<Held>, BundleError> {
    let mut found: BTreeMap<(String, &str), Held> = BTreeMap::new();
    for index in contents.of_kind("anchor").iter().copied() {
        let record = source.record(index)?;
        let Body::Anchor { anchor, way, size, time, .. } = record.body else { continue };
        let at = time.unwrap_or(record.at);
        let held = found.entry((anchor.clone(), what(way))).or_insert_with(|| Held {
            name: anchor,
            way,
            records: 0,
            newest: index,
            size,
            at,
        });
        held.records += 1;
        (held.newest, held.size, held.at) = (index, held.size.max(size), at);
    }
    Ok(found.into_values().collect())
}

/// What an anchor of that sort does.
pub(super) fn what(way: AnchorWay) -> &'static str {
    match way {
        AnchorWay::Rfc3161 => "a time-stamp authority: attests when, and keeps no copy",
        AnchorWay::Witness => "a witness: attests when, and that the log has one history",
        AnchorWay::Git => "a git repository: ask who keeps it",
        AnchorWay::Folder => "a folder: ask who keeps it",
    }
}

/// Who holds a checkpoint, in one sentence that claims no more than there is.
pub(super) fn sentence(held: &[Held]) -> String {
    let keeps = |held: &&Held| held.way != AnchorWay::Rfc3161;
    let names = |list: Vec<&Held>| list.iter().map(|held| held.name.as_str()).collect::<Vec<_>>().join(", ");
    let (keepers, stamps): (Vec<&Held>, Vec<&Held>) = held.iter().partition(keeps);
    let keepers = match keepers.is_empty() {
        true => "nobody but the operator holds a checkpoint of this log".to_owned(),
        false => format!("by the log's own records, a checkpoint was given to: {}", names(keepers)),
    };
    match stamps.is_empty() {
        true => format!("{keepers}."),
        false => format!("{keepers}; time-stamped, without being kept, by: {}.", names(stamps)),
    }
}
