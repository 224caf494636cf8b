//! A file that grows by one line of JSON for each message.

use super::{Again, Refusal};
use crate::notify::message::Letter;
use chrono::{DateTime, Utc};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Appends the letter, and waits until it is on the disk.
pub(super) fn send(path: &Path, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal> {
    let refused = |error: std::io::Error| Refusal {
        why: format!("{} cannot be written: {error}", path.display()),
        again: Again::Later,
    };
    let alerts: Vec<_> =
        letter.alerts.iter().map(|(record, alert)| serde_json::json!({ "record": record, "alert": alert })).collect();
    let line = serde_json::json!({ "at": now, "delayed": letter.delayed, "alerts": alerts });
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(refused)?;
    file.write_all(format!("{line}\n").as_bytes()).map_err(refused)?;
    file.sync_data().map_err(refused)
}
