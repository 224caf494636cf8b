//! Having something dated: by whom, and when it may be. What is dated while a record claims a time that has not come was
//! sealed before that record says that it was written, for whoever checks it, and for ever.

use super::error::{AnchorError, Fault};
use super::{Point, rfc3161};
use crate::config::{AnchorConfig, Loaded, Rfc3161};
use crate::ledger::record::Body;
use crate::ledger::{Filter, Ledger, Reader};
use crate::outside::Outside;
use chrono::{DateTime, Utc};

/// Whether a checkpoint that is handed over now may be dated: no record that it is the first to date claims a time to
/// come.
pub(super) fn require_datable(fault: Fault<'_>, reader: &Reader, now: DateTime<Utc>) -> Result<(), AnchorError> {
    let mut dated = 0;
    for found in reader.records_newest_first(0..u64::MAX, &Filter::kind("anchor")) {
        if let Body::Anchor { size, time: Some(_), .. } = found?.1.body {
            dated = size;
            break;
        }
    }
    require_past(fault, reader, dated, now)
}

/// That no record from `from` on claims a time to come.
fn require_past(fault: Fault<'_>, reader: &Reader, from: u64, now: DateTime<Utc>) -> Result<(), AnchorError> {
    match reader.latest_claim(from)? {
        Some(claimed) if claimed > now => Err(fault.not_yet(claimed, now)),
        _ => Ok(()),
    }
}

/// Has other bytes dated than a checkpoint's: a bundle's tag manifest. By the authority `name`, or else the
/// first by name; `None`: none is configured. Gives the answer as received, checked to be one to this.
///
/// Errors: `NotYet`, while a record in `ledger` claims a time that is still to come.
pub async fn time_stamp(
    loaded: &Loaded,
    ledger: &Ledger,
    name: Option<&str>,
    bytes: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, AnchorError> {
    let Some((name, config)) = authority(loaded, name)? else { return Ok(None) };
    // Of whatever period it is, a bundle reaches to a checkpoint of later.
    require_past(Fault(name), &ledger.reader()?, 0, now)?;
    let point = Point { size: 0, note: bytes };
    let receipt = rfc3161::hand_over(config, &loaded.base, &Outside::new(), Fault(name), &point, now).await?;
    Ok(Some(receipt.bytes))
}

/// The time-stamp authority of that name, or else the first by name.
pub fn authority<'a>(loaded: &'a Loaded, wanted: Option<&str>) -> Result<Option<(&'a str, &'a Rfc3161)>, AnchorError> {
    let mut authorities = loaded.config.anchors.iter().filter_map(|(name, config)| match config {
        AnchorConfig::Rfc3161(config) => Some((name.as_str(), config)),
        _ => None,
    });
    let Some(wanted) = wanted else { return Ok(authorities.next()) };
    let known: Vec<&str> = authorities.clone().map(|(name, _)| name).collect();
    let unknown = || AnchorError::Unknown { name: wanted.to_owned(), known: known.join(", ") };
    authorities.find(|(name, _)| *name == wanted).map(Some).ok_or_else(unknown)
}
