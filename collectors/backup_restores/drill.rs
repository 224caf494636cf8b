//! One directory that a drill left: its own facts in `drill.json`, the tool's output as the tool wrote
//! it, and what people added. The outcome is taken from the tool, never from `drill.json`.

use super::form::{NamedCheck, Review, instant, parse_fault, plausible, unread};
use super::{borg, restic};
use crate::contract::{Check, RestoreStatus, RestoreTest, Unread, Validation};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Every file that a drill directory may hold.
pub(super) const FILES: &[&str] = &[
    "drill.json",
    "review.json",
    "checks.json",
    "restore.out",
    "restore.err",
    "check.out",
    "check.err",
    "snapshots.json",
    "stats.json",
    "info.json",
];

/// What the tool does not write. Keys that are not here are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drill {
    test_id: String,
    store: String,
    tool: Tool,
    tool_version: Option<String>,
    started: DateTime<Utc>,
    restored: Option<DateTime<Utc>>,
    validated: Option<DateTime<Utc>>,
    pub(super) backup_id: Option<String>,
    pub(super) recovery_point: Option<DateTime<Utc>>,
    exit: Exit,
    /// Whether the check read the backup's data; without, it looked at the structure alone.
    #[serde(default)]
    check_read_data: bool,
    /// Files (all but directories) counted in the restored copy.
    pub(super) files_on_disk: Option<u64>,
    rto_target_s: Option<u64>,
    rpo_target_s: Option<u64>,
    env_source: String,
    env_target: Option<String>,
    performer: Option<String>,
    reviewer: Option<String>,
    reviewed_at: Option<DateTime<Utc>>,
    ticket: Option<String>,
    #[serde(default)]
    ticket_closed: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tool {
    Restic,
    Borg,
}

/// Exit codes of the two steps; a step that was not run has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exit {
    restore: Option<u8>,
    check: Option<u8>,
}

/// A file of the drill that cannot be believed.
#[derive(Debug)]
pub(super) struct Fault {
    file: &'static str,
    why: String,
}

impl Fault {
    pub(super) fn new(file: &'static str, why: impl Into<String>) -> Self {
        Self { file, why: why.into() }
    }
}

/// What the tool shows of the restore.
#[derive(Debug)]
pub(super) struct Restored {
    /// Exit code 0, no error, and everything came back.
    pub(super) complete: bool,
    /// The count of what came back, where the output has one.
    pub(super) files: Option<Check>,
    /// Whether that is against what the backup holds, and not only against what was asked for.
    pub(super) of_backup: bool,
}

/// What the tool's check shows.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) check: Check,
    /// Whether it read the data, so that a good outcome proves that the data is good.
    pub(super) read_data: bool,
}

/// One step's exit code and output.
pub(super) struct Step<'a> {
    pub(super) exit: u8,
    pub(super) out: &'a [u8],
    pub(super) err: &'a [u8],
}

/// The test that the files of directory `name` describe.
pub(super) fn read(name: &str, files: &BTreeMap<String, Bytes>, as_of: DateTime<Utc>) -> Result<RestoreTest, Unread> {
    read_files(name, files, as_of).map_err(|fault| {
        let hint = "the form is in the collector's README; if the output is lost, run the drill again and keep this \
                    one's facts as a line with status FAILED";
        unread(&format!("{name}/{}", fault.file), fault.why, hint)
    })
}

fn read_files(name: &str, files: &BTreeMap<String, Bytes>, as_of: DateTime<Utc>) -> Result<RestoreTest, Fault> {
    let drill: Drill = json(files, "drill.json")?.ok_or_else(|| Fault::new("drill.json", "is missing"))?;
    let review: Review = json(files, "review.json")?.unwrap_or_default();
    let named: Vec<NamedCheck> = json(files, "checks.json")?.unwrap_or_default();

    let exit = drill.exit.restore.ok_or_else(|| Fault::new("drill.json", "exit.restore is missing"))?;
    let restore = Step { exit, out: output(files, "restore.out")?, err: output(files, "restore.err")? };
    let check = check_step(&drill, files)?;
    let (restored, checked, (backup_id, recovery_point)) = match drill.tool {
        Tool::Restic => (
            restic::restored(&restore, &drill, files)?,
            check.map(|step| restic::checked(&step, drill.check_read_data)).transpose()?,
            restic::backup(&drill, files)?,
        ),
        Tool::Borg => (
            borg::restored(&restore, &drill, files)?,
            check.map(|step| borg::checked(&step, drill.check_read_data)).transpose()?,
            borg::backup(&drill, files)?,
        ),
    };
    let named: Vec<Check> = named.into_iter().map(Check::from).collect();
    let validation = validation(&restored, checked.as_ref(), &named);
    let review = signed(&drill, review)?;
    let test = RestoreTest {
        id: drill.test_id,
        store: drill.store,
        read_from: name.to_owned(),
        tool: Some(tool_text(drill.tool, drill.tool_version.as_deref())),
        backup_id,
        recovery_point,
        started: drill.started,
        restored: drill.restored,
        validated: drill.validated,
        status: match exit {
            // Shells report a signal as 128 and its number.
            129.. => RestoreStatus::Aborted,
            _ if restored.complete => RestoreStatus::Completed,
            _ => RestoreStatus::Failed,
        },
        validation,
        checks: restored.files.into_iter().chain(checked.map(|checked| checked.check)).chain(named).collect(),
        rto_target_s: drill.rto_target_s,
        rpo_target_s: drill.rpo_target_s,
        env_source: drill.env_source,
        env_target: drill.env_target,
        performer: drill.performer,
        reviewer: review.reviewer,
        reviewed_at: review.reviewed_at,
        ticket: review.ticket,
        ticket_closed: review.ticket_closed,
    };
    plausible(&test, as_of).map_err(|why| Fault::new("drill.json", why))?;
    Ok(test)
}

/// The check's exit code and output: all of them, or none where no check was run.
fn check_step<'a>(drill: &Drill, files: &'a BTreeMap<String, Bytes>) -> Result<Option<Step<'a>>, Fault> {
    let wrote = files.contains_key("check.out") || files.contains_key("check.err");
    match drill.exit.check {
        Some(exit) => Ok(Some(Step { exit, out: output(files, "check.out")?, err: output(files, "check.err")? })),
        None if wrote => Err(Fault::new("drill.json", "exit.check is missing, but there is output of a check")),
        None => Ok(None),
    }
}

/// Any failed check fails it. It succeeds when the tool read all data and as many files came back as the backup holds,
/// or on named checks of people; a count alone, or a look at the structure, proves too little.
fn validation(restored: &Restored, checked: Option<&Checked>, named: &[Check]) -> Option<Validation> {
    let mut all = restored.files.iter().chain(checked.map(|checked| &checked.check)).chain(named);
    if all.any(|check| !check.ok) {
        return Some(Validation::Failed);
    }
    let read = restored.of_backup && checked.is_some_and(|checked| checked.read_data);
    let proven = read || !named.is_empty();
    (proven && restored.complete).then_some(Validation::Successful)
}

/// Sign-off from `review.json`, or from `drill.json`; the two may not contradict each other.
fn signed(drill: &Drill, review: Review) -> Result<Review, Fault> {
    fn either<T: PartialEq + Clone>(key: &str, own: &Option<T>, theirs: Option<T>) -> Result<Option<T>, Fault> {
        match (own, theirs) {
            (Some(own), Some(theirs)) if *own != theirs => {
                Err(Fault::new("review.json", format!("{key} is another than in drill.json")))
            }
            (own, theirs) => Ok(theirs.or_else(|| own.clone())),
        }
    }
    Ok(Review {
        reviewer: either("reviewer", &drill.reviewer, review.reviewer)?,
        reviewed_at: either("reviewed_at", &drill.reviewed_at, review.reviewed_at)?,
        ticket: either("ticket", &drill.ticket, review.ticket)?,
        ticket_closed: drill.ticket_closed || review.ticket_closed,
    })
}

fn tool_text(tool: Tool, version: Option<&str>) -> String {
    let name = match tool {
        Tool::Restic => "restic",
        Tool::Borg => "borg",
    };
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

/// A JSON file of the drill, if it is there.
pub(super) fn json<T: DeserializeOwned>(
    files: &BTreeMap<String, Bytes>,
    file: &'static str,
) -> Result<Option<T>, Fault> {
    let Some(bytes) = files.get(file) else { return Ok(None) };
    // Parts that nobody reads are not looked at by the parser.
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(file, "is not UTF-8"))?;
    serde_json::from_str(text).map(Some).map_err(|error| Fault::new(file, parse_fault(&error)))
}

fn output<'a>(files: &'a BTreeMap<String, Bytes>, file: &'static str) -> Result<&'a [u8], Fault> {
    files.get(file).map(|bytes| &bytes[..]).ok_or_else(|| Fault::new(file, "is missing"))
}

/// A tool's output of one JSON message per line, all of it.
pub(super) fn messages<T: DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<Vec<T>, Fault> {
    let mut messages = Vec::new();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let fault = |why: &str| Fault::new(file, format!("line {}: {why}", number + 1));
        let line = line.strip_suffix(b"\n").ok_or_else(|| fault("the output is cut short"))?;
        let text = std::str::from_utf8(line).map_err(|_| fault("is not UTF-8"))?;
        messages.push(serde_json::from_str(text).map_err(|error| fault(&parse_fault(&error)))?);
    }
    Ok(messages)
}

/// The recovery point, when both the tool and `drill.json` name one.
pub(super) fn same_instant(file: &'static str, listed: DateTime<Utc>, stated: DateTime<Utc>) -> Result<(), Fault> {
    // People write whole seconds, tools nanoseconds.
    if (listed - stated).num_seconds() == 0 {
        return Ok(());
    }
    let why = format!("the backup is of {}, but drill.json says {}", instant(listed), instant(stated));
    Err(Fault::new(file, why))
}
