//! Our JSON Lines form: one test per line. The README of this folder describes every key.

use super::form::{NamedCheck, bounded, parse_fault, plausible, unread};
use crate::contract::{Check, RestoreStatus, RestoreTest, Unread, Validation};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// One line. Keys that are not here are refused, for a misspelt one would be a fact lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    test_id: String,
    store: String,
    backup_id: Option<String>,
    recovery_point: Option<DateTime<Utc>>,
    started: DateTime<Utc>,
    restored: Option<DateTime<Utc>>,
    validated: Option<DateTime<Utc>>,
    status: StatusWord,
    validation: Option<ValidationWord>,
    #[serde(default)]
    checks: Vec<NamedCheck>,
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
    tool: Option<String>,
    tool_version: Option<String>,
    log_sha256: Option<String>,
}

/// A finished restore, in the words of AWS Backup. A line is written when the test has ended.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum StatusWord {
    Completed,
    Failed,
    Aborted,
}

/// How the validation stands, in the words of AWS Backup.
#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ValidationWord {
    Successful,
    Failed,
    TimedOut,
    Validating,
}

/// Every test of one file, and every line that is not one. `name` is the file's, for the record.
pub(super) fn read(name: &str, bytes: &[u8], as_of: DateTime<Utc>) -> (Vec<RestoreTest>, Vec<Unread>) {
    let mut tests = Vec::new();
    let mut faults = Vec::new();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let place = format!("{name} line {}", number + 1);
        match read_line(&place, line, as_of) {
            Ok(test) => tests.push(test),
            Err((why, hint)) => faults.push(unread(&place, why, hint)),
        }
    }
    (tests, bounded(name, faults))
}

fn read_line(place: &str, line: &[u8], as_of: DateTime<Utc>) -> Result<RestoreTest, (String, &'static str)> {
    let Some(line) = line.strip_suffix(b"\n") else {
        let hint = "the writer may still be at it, and the next run reads again; otherwise end the line";
        return Err(("the line is not finished".to_owned(), hint));
    };
    const FORM: &str = "mend the line; the form is in the collector's README";
    let text = std::str::from_utf8(line).map_err(|_| ("is not UTF-8".to_owned(), FORM))?;
    if text.trim().is_empty() {
        return Err(("the line is empty".to_owned(), "remove the line"));
    }
    let line: Line = serde_json::from_str(text).map_err(|error| (parse_fault(&error), FORM))?;
    if let Some(sha256) = &line.log_sha256
        && !(sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(("log_sha256 is not 64 hexadecimal digits".to_owned(), FORM));
    }
    let test = line.into_test(place);
    plausible(&test, as_of).map_err(|why| (why, FORM))?;
    Ok(test)
}

impl Line {
    fn into_test(self, place: &str) -> RestoreTest {
        let checks: Vec<Check> = self.checks.into_iter().map(Check::from).collect();
        let validation = self.validation.map(|word| match word {
            // A check that failed outweighs the word.
            ValidationWord::Successful if checks.iter().any(|check| !check.ok) => Validation::Failed,
            ValidationWord::Successful => Validation::Successful,
            ValidationWord::Failed => Validation::Failed,
            ValidationWord::TimedOut => Validation::TimedOut,
            ValidationWord::Validating => Validation::Validating,
        });
        RestoreTest {
            id: self.test_id,
            store: self.store,
            read_from: place.to_owned(),
            tool: match (self.tool, self.tool_version) {
                (Some(tool), Some(version)) => Some(format!("{tool} {version}")),
                (tool, _) => tool,
            },
            backup_id: self.backup_id,
            recovery_point: self.recovery_point,
            started: self.started,
            restored: self.restored,
            validated: self.validated,
            status: match self.status {
                StatusWord::Completed => RestoreStatus::Completed,
                StatusWord::Failed => RestoreStatus::Failed,
                StatusWord::Aborted => RestoreStatus::Aborted,
            },
            validation,
            checks,
            rto_target_s: self.rto_target_s,
            rpo_target_s: self.rpo_target_s,
            env_source: self.env_source,
            env_target: self.env_target,
            performer: self.performer,
            reviewer: self.reviewer,
            reviewed_at: self.reviewed_at,
            ticket: self.ticket,
            ticket_closed: self.ticket_closed,
        }
    }
}
