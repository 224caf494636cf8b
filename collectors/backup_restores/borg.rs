//! What borg says of itself under `--log-json`: one JSON message per line on stderr.
//!
//! borg writes archive times in local time without saying which, so a drill states the recovery point
//! in UTC and `info.json` serves to contradict it.

use super::drill::{Checked, Drill, Fault, Restored, Step, json, messages, same_instant};
use super::form::instant;
use crate::contract::Check;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    LogMessage { levelname: Level, message: String },
    FileStatus {},
    ArchiveProgress {},
    ProgressMessage {},
    ProgressPercent {},
    QuestionPrompt {},
    QuestionPromptRetry {},
    QuestionInvalidDefault {},
    QuestionInvalidAnswer {},
    QuestionAcceptedDefault {},
    QuestionAcceptedTrue {},
    QuestionAcceptedFalse {},
    QuestionEnvAnswer {},
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

#[derive(Deserialize)]
struct Info {
    archives: Vec<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    id: String,
    name: String,
    start: String,
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    nfiles: u64,
}

/// Log messages by text, and how many of them are errors.
struct Said {
    texts: Vec<String>,
    errors: usize,
}

fn said(file: &'static str, bytes: &[u8]) -> Result<Said, Fault> {
    let mut said = Said { texts: Vec::new(), errors: 0 };
    for event in messages(file, bytes)? {
        if let Event::LogMessage { levelname, message } = event {
            said.errors += usize::from(matches!(levelname, Level::Error | Level::Critical));
            said.texts.push(message);
        }
    }
    Ok(said)
}

/// The outcome of `borg extract --log-json`. It has no totals: what came back is counted on disk by the
/// drill, against the number of files that `borg info` states.
pub(super) fn restored(step: &Step<'_>, drill: &Drill, files: &BTreeMap<String, Bytes>) -> Result<Restored, Fault> {
    let complete = match said("restore.err", step.err) {
        Ok(said) => step.exit == 0 && said.errors == 0,
        Err(fault) if step.exit == 0 => return Err(fault),
        Err(_) => false,
    };
    let (Some(archive), Some(on_disk)) = (archive(drill, files)?, drill.files_on_disk) else {
        return Ok(Restored { complete, files: None, of_backup: false });
    };
    let stated = archive.stats.nfiles;
    // borg counts a file once however many hard links it has, so there may be more.
    let all = on_disk >= stated;
    let files = Check {
        name: "files restored".to_owned(),
        expected: Some(format!("at least {} files", stated.max(1))),
        actual: Some(format!("{on_disk} files")),
        // A backup of nothing comes back whole, and proves nothing.
        ok: all && stated > 0,
    };
    Ok(Restored { complete: complete && all, files: Some(files), of_backup: true })
}

/// The outcome of `borg --log-json check -v`, with `--verify-data` if the data was read.
pub(super) fn checked(step: &Step<'_>, read_data: bool) -> Result<Checked, Fault> {
    const FILE: &str = "check.err";
    let said = match said(FILE, step.err) {
        Ok(said) => said,
        Err(fault) if step.exit == 0 => return Err(fault),
        Err(_) => Said { texts: Vec::new(), errors: 0 },
    };
    let says = |start: &str, end: &str| said.texts.iter().any(|text| text.starts_with(start) && text.ends_with(end));
    let clean = step.exit == 0 && said.errors == 0;
    if clean {
        let mut awaited = vec![
            ("Finished full repository check, ", "no problems found."),
            ("Archive consistency check complete, ", "no problems found."),
        ];
        if read_data {
            awaited.push(("Finished cryptographic data integrity verification, ", " with 0 integrity errors."));
        }
        if let Some((start, end)) = awaited.into_iter().find(|(start, end)| !says(start, end)) {
            return Err(Fault::new(FILE, format!("does not say \"{start}…{end}\", as borg -v check does")));
        }
    }
    let name = if read_data { "borg check" } else { "borg check (structure only)" };
    Ok(Checked {
        check: Check {
            name: name.to_owned(),
            expected: Some("exit code 0, 0 errors, no problems found".to_owned()),
            actual: Some(match clean {
                true => "exit code 0, 0 errors, no problems found".to_owned(),
                false => format!("exit code {}, {} errors", step.exit, said.errors),
            }),
            ok: clean,
        },
        read_data,
    })
}

/// Which archive was restored, and the instant it holds.
pub(super) fn backup(
    drill: &Drill,
    files: &BTreeMap<String, Bytes>,
) -> Result<(Option<String>, Option<DateTime<Utc>>), Fault> {
    let Some(archive) = archive(drill, files)? else {
        return Ok((drill.backup_id.clone(), drill.recovery_point));
    };
    let Some(stated) = drill.recovery_point else {
        return Err(Fault::new("drill.json", "recovery_point is missing: borg's own time has no time zone"));
    };
    same_start(&archive.start, stated)?;
    Ok((Some(archive.id), Some(stated)))
}

/// The archive of `info.json`, where it was kept.
fn archive(drill: &Drill, files: &BTreeMap<String, Bytes>) -> Result<Option<Archive>, Fault> {
    const FILE: &str = "info.json";
    let Some(mut info) = json::<Info>(files, FILE)? else { return Ok(None) };
    let (Some(archive), true) = (info.archives.pop(), info.archives.is_empty()) else {
        return Err(Fault::new(FILE, "does not describe one archive"));
    };
    match &drill.backup_id {
        Some(id) if *id != archive.name && *id != archive.id => {
            Err(Fault::new(FILE, format!("describes archive {}, and drill.json restored {id}", archive.name)))
        }
        _ => Ok(Some(archive)),
    }
}

/// Whether the archive's start, in whatever time zone, can be the instant stated.
fn same_start(start: &str, stated: DateTime<Utc>) -> Result<(), Fault> {
    const FILE: &str = "info.json";
    if let Ok(start) = DateTime::parse_from_rfc3339(start) {
        return same_instant(FILE, start.to_utc(), stated);
    }
    let local = NaiveDateTime::parse_from_str(start, "%Y-%m-%dT%H:%M:%S%.f")
        .map_err(|_| Fault::new(FILE, format!("archive start {start} is not a time")))?;
    // Every time zone is a multiple of a quarter of an hour away from UTC, and at most 14 hours.
    let offset = (local - stated.naive_utc()).num_seconds();
    if offset.abs() <= 14 * 3600 && offset % 900 == 0 {
        return Ok(());
    }
    let why = format!("the archive starts at {start}, which is {} in no time zone", instant(stated));
    Err(Fault::new(FILE, why))
}
