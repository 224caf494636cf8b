//! What restic says of itself under `--json` (0.18 and newer; 0.14 ignores the option).
//!
//! Restoring a damaged repository ends in a summary all the same, with fewer files than there should
//! be, and a check of the structure alone finds nothing wrong with a damaged pack. A restore of a part counts that part
//! alone: how much there is, `restic stats` says, hard links counted once as a restore does.

use super::drill::{Checked, Drill, Fault, Restored, Step, json, messages, same_instant};
use crate::contract::Check;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What lists the snapshot that was restored.
const SNAPSHOTS: &str = "snapshots.json";

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
    /// Backups made by restic older than 0.17 have none.
    summary: Option<BackupSummary>,
}

/// Of the backup. It counts a hard-linked file once for every name, and no links, pipes or directories.
#[derive(Deserialize)]
struct BackupSummary {
    total_files_processed: u64,
}

/// `restic stats --json ID`, in its mode `restore-size`.
#[derive(Deserialize)]
struct Stats {
    total_size: u64,
    total_file_count: u64,
    snapshots_count: u64,
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

/// The outcome of `restic restore --json`, against the totals of `stats.json` where they were kept.
pub(super) fn restored(step: &Step<'_>, drill: &Drill, files: &BTreeMap<String, Bytes>) -> Result<Restored, Fault> {
    let stats = stats(drill, files)?;
    let nothing = Restored { complete: false, files: None, of_backup: false };
    let said = match said::<RestoreSummary>(step, "restore.out", "restore.err") {
        Ok(said) => said,
        // The exit code alone shows a failure, whatever state the output was left in.
        Err(_) if step.exit != 0 => return Ok(nothing),
        Err(fault) => return Err(fault),
    };
    let Some(summary) = said.summary else {
        if step.exit == 0 && said.errors == 0 {
            return Err(Fault::new("restore.out", "has no summary"));
        }
        return Ok(nothing);
    };
    let stated = stats
        .as_ref()
        .map_or((summary.total_files, summary.total_bytes), |stats| (stats.total_file_count, stats.total_size));
    let all = (summary.files_restored, summary.bytes_restored) == stated
        && (summary.files_restored, summary.bytes_restored) == (summary.total_files, summary.total_bytes);
    let amount = |files: u64, bytes: u64| Some(format!("{files} files and directories, {bytes} bytes"));
    Ok(Restored {
        complete: step.exit == 0 && said.errors == 0 && all,
        files: Some(Check {
            name: "files restored".to_owned(),
            expected: amount(stated.0, stated.1),
            actual: amount(summary.files_restored, summary.bytes_restored),
            // A backup of nothing comes back whole, and proves nothing.
            ok: all && summary.total_bytes > 0,
        }),
        of_backup: stats.is_some(),
    })
}

/// How much the snapshot holds. The answer names no snapshot: a summary that the snapshot has itself may contradict it.
fn stats(drill: &Drill, files: &BTreeMap<String, Bytes>) -> Result<Option<Stats>, Fault> {
    const FILE: &str = "stats.json";
    let Some(stats) = json::<Stats>(files, FILE)? else { return Ok(None) };
    if stats.snapshots_count != 1 {
        let why = format!("counts {} snapshots: `restic stats --json ID` counts one", stats.snapshots_count);
        return Err(Fault::new(FILE, why));
    }
    let summary = snapshot(drill, files)?.and_then(|snapshot| snapshot.summary);
    match summary.map(|summary| summary.total_files_processed).filter(|processed| *processed > stats.total_file_count) {
        Some(processed) => {
            let why = format!("counts {}, and the snapshot holds {processed} files", stats.total_file_count);
            Err(Fault::new(FILE, why))
        }
        None => Ok(Some(stats)),
    }
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
    let Some(snapshot) = snapshot(drill, files)? else {
        return Ok((drill.backup_id.clone(), drill.recovery_point));
    };
    if let Some(stated) = drill.recovery_point {
        same_instant(SNAPSHOTS, snapshot.time, stated)?;
    }
    Ok((Some(snapshot.id), Some(snapshot.time)))
}

/// The snapshot of `snapshots.json`, where it was kept.
fn snapshot(drill: &Drill, files: &BTreeMap<String, Bytes>) -> Result<Option<Snapshot>, Fault> {
    let Some(mut snapshots) = json::<Vec<Snapshot>>(files, SNAPSHOTS)? else { return Ok(None) };
    let listed = snapshots.len();
    // restic accepts, and prints, the first eight digits.
    let meant = |id: &String| drill.backup_id.as_ref().is_none_or(|meant| meant.len() >= 8 && id.starts_with(meant));
    snapshots.retain(|snapshot| meant(&snapshot.id));
    match (snapshots.pop(), snapshots.is_empty(), &drill.backup_id) {
        (Some(one), true, _) => Ok(Some(one)),
        (_, _, Some(id)) => Err(Fault::new(SNAPSHOTS, format!("does not list snapshot {id} once"))),
        (_, _, None) => {
            let why = format!("lists {listed} snapshots, and drill.json has no backup_id");
            Err(Fault::new(SNAPSHOTS, why))
        }
    }
}
