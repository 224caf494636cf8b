//! What restic says of itself under `--json` (0.18 and newer; 0.14 ignores the option).
//!
//! Restoring a damaged repository ends in a summary all the same, with fewer files than there should
//! be, and a check of the structure alone finds nothing wrong with a damaged pack.

use super::drill::{Checked, Drill, Fault, Restored, Step, json, messages, same_instant};
use crate::contract::Check;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// One line of output. `S` is the summary of the command in question.
#[derive(Deserialize)]
#[serde(tag = "message_type", rename_all = "snake_case")]
enum Message<S> {
    Status {},
    VerboseStatus {},
    Error {},
    ExitError {},
    Summary(S),
}

/// restic leaves out what is 0; of a restore there is at least the top directory.
#[derive(Deserialize)]
struct RestoreSummary {
    total_files: u64,
    #[serde(default)]
    files_restored: u64,
    #[serde(default)]
    total_bytes: u64,
    #[serde(default)]
    bytes_restored: u64,
}

#[derive(Deserialize)]
struct CheckSummary {
    num_errors: u64,
    broken_packs: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Snapshot {
    id: String,
    time: DateTime<Utc>,
}

/// A command's one summary, and how many errors it reported.
struct Said<S> {
    summary: Option<S>,
    errors: usize,
}

fn said<S: DeserializeOwned>(step: &Step<'_>, out: &'static str, err: &'static str) -> Result<Said<S>, Fault> {
    let mut said = Said { summary: None, errors: 0 };
    let stdout = messages(out, step.out)?;
    for message in stdout.into_iter().chain(messages(err, step.err)?) {
        match message {
            Message::Status {} | Message::VerboseStatus {} => {}
            Message::Error {} | Message::ExitError {} => said.errors += 1,
            Message::Summary(summary) => {
                if said.summary.replace(summary).is_some() {
                    return Err(Fault::new(out, "holds more than one summary"));
                }
            }
        }
    }
    Ok(said)
}

/// The outcome of `restic restore --json`.
pub(super) fn restored(step: &Step<'_>) -> Result<Restored, Fault> {
    let said = match said::<RestoreSummary>(step, "restore.out", "restore.err") {
        Ok(said) => said,
        // The exit code alone shows a failure, whatever state the output was left in.
        Err(_) if step.exit != 0 => return Ok(Restored { complete: false, files: None }),
        Err(fault) => return Err(fault),
    };
    let Some(summary) = said.summary else {
        if step.exit == 0 && said.errors == 0 {
            return Err(Fault::new("restore.out", "has no summary"));
        }
        return Ok(Restored { complete: false, files: None });
    };
    let all = summary.files_restored == summary.total_files && summary.bytes_restored == summary.total_bytes;
    let amount = |files: u64, bytes: u64| Some(format!("{files} files and directories, {bytes} bytes"));
    Ok(Restored {
        complete: step.exit == 0 && said.errors == 0 && all,
        files: Some(Check {
            name: "files restored".to_owned(),
            expected: amount(summary.total_files, summary.total_bytes),
            actual: amount(summary.files_restored, summary.bytes_restored),
            // A backup of nothing comes back whole, and proves nothing.
            ok: all && summary.total_bytes > 0,
        }),
    })
}

/// The outcome of `restic check --json`, which does not say itself whether `--read-data` was given.
pub(super) fn checked(step: &Step<'_>, read_data: bool) -> Result<Checked, Fault> {
    let seen = match said::<CheckSummary>(step, "check.out", "check.err") {
        Ok(Said { summary: Some(summary), errors }) => {
            Some((summary.num_errors.max(errors as u64), summary.broken_packs.map_or(0, |packs| packs.len())))
        }
        Ok(Said { summary: None, .. }) if step.exit == 0 => return Err(Fault::new("check.out", "has no summary")),
        Err(fault) if step.exit == 0 => return Err(fault),
        // The exit code alone shows a failure.
        Ok(Said { summary: None, .. }) | Err(_) => None,
    };
    let name = if read_data { "restic check" } else { "restic check (structure only)" };
    let output = seen.map_or("no readable summary".to_owned(), |(e, b)| format!("{e} errors, {b} broken packs"));
    Ok(Checked {
        check: Check {
            name: name.to_owned(),
            expected: Some("exit code 0, 0 errors, 0 broken packs".to_owned()),
            actual: Some(format!("exit code {}, {output}", step.exit)),
            ok: step.exit == 0 && seen == Some((0, 0)),
        },
        read_data,
    })
}

/// Which snapshot was restored, and its time: from `restic snapshots --json` where it was kept.
pub(super) fn backup(
    drill: &Drill,
    files: &BTreeMap<String, Bytes>,
) -> Result<(Option<String>, Option<DateTime<Utc>>), Fault> {
    const FILE: &str = "snapshots.json";
    let Some(snapshots) = json::<Vec<Snapshot>>(files, FILE)? else {
        return Ok((drill.backup_id.clone(), drill.recovery_point));
    };
    let snapshot = match (&drill.backup_id, &snapshots[..]) {
        (Some(id), all) => {
            // restic accepts, and prints, the first eight digits.
            let mut matching = all.iter().filter(|snapshot| id.len() >= 8 && snapshot.id.starts_with(id.as_str()));
            match (matching.next(), matching.next()) {
                (Some(one), None) => one,
                _ => return Err(Fault::new(FILE, format!("does not list snapshot {id} once"))),
            }
        }
        (None, [one]) => one,
        (None, all) => {
            let why = format!("lists {} snapshots, and drill.json has no backup_id", all.len());
            return Err(Fault::new(FILE, why));
        }
    };
    if let Some(stated) = drill.recovery_point {
        same_instant(FILE, snapshot.time, stated)?;
    }
    Ok((Some(snapshot.id.clone()), Some(snapshot.time)))
}
