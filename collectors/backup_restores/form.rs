//! What the log forms share: named checks, sign-off, and what must hold of any test.

use crate::contract::{Check, RestoreTest, Unread, Validation};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Most faults named one by one, of one file or of one kind.
const NAMED_MAX: usize = 100;

/// Longest test id, bytes.
const ID_MAX: usize = 200;

/// Longest test, bytes of JSON.
const TEST_MAX: usize = 64 << 10;

/// How far ahead of ours another machine's clock may be.
const AHEAD_MAX: Duration = Duration::minutes(5);

/// A named check as the logs write it: values may be text or numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedCheck {
    name: String,
    #[serde(default, deserialize_with = "text_or_number")]
    expected: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    actual: Option<String>,
    ok: bool,
}

impl From<NamedCheck> for Check {
    fn from(check: NamedCheck) -> Self {
        Self { name: check.name, expected: check.expected, actual: check.actual, ok: check.ok }
    }
}

fn text_or_number<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    match serde_json::Value::deserialize(value)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text)),
        serde_json::Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(D::Error::custom("a checked value is text or a number")),
    }
}

/// Who signed a test, and the follow-up of a failure.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Review {
    pub(super) reviewer: Option<String>,
    pub(super) reviewed_at: Option<DateTime<Utc>>,
    pub(super) ticket: Option<String>,
    #[serde(default)]
    pub(super) ticket_closed: bool,
}

/// What must hold of any test, whatever form it was written in; otherwise why not.
pub(super) fn plausible(test: &RestoreTest, as_of: DateTime<Utc>) -> Result<(), String> {
    for (key, text) in [("test_id", &test.id), ("store", &test.store), ("env_source", &test.env_source)] {
        if text.trim().is_empty() {
            return Err(format!("{key} is blank"));
        }
    }
    if test.ticket_closed && test.ticket.as_ref().is_none_or(|ticket| ticket.trim().is_empty()) {
        return Err("ticket_closed, but no ticket is named".to_owned());
    }
    if test.id.len() > ID_MAX {
        return Err(format!("test_id is longer than {ID_MAX} bytes"));
    }
    if size(test) > TEST_MAX {
        return Err(format!("it says more than {TEST_MAX} bytes"));
    }
    if test.checks.iter().any(|check| check.name.trim().is_empty()) {
        return Err("a check has no name".to_owned());
    }
    // Targets are measured between these: out of order, a missed target would look met.
    let mut latest: Option<(&str, DateTime<Utc>)> = None;
    for (key, at) in [
        ("recovery_point", test.recovery_point),
        ("started", Some(test.started)),
        ("restored", test.restored),
        ("validated", test.validated),
        ("reviewed_at", test.reviewed_at),
    ] {
        let Some(at) = at else { continue };
        if let Some((earlier, before)) = latest
            // Whole seconds: tools write nanoseconds, scripts none.
            && at.timestamp() < before.timestamp()
        {
            return Err(format!("{key} {} is before {earlier} {}", instant(at), instant(before)));
        }
        if at > as_of + AHEAD_MAX {
            return Err(format!("{key} {} lies in the future", instant(at)));
        }
        latest = Some((key, at));
    }
    if test.validation == Some(Validation::Successful) && test.validated.is_none() {
        return Err("the validation was successful, but `validated` does not say when".to_owned());
    }
    Ok(())
}

/// Bytes that a test takes in what is sealed.
pub(super) fn size(test: &RestoreTest) -> usize {
    serde_json::to_vec(test).map_or(usize::MAX, |bytes| bytes.len())
}

/// Something not read. `what` is a file inside the directory, with a line where there are lines.
pub(super) fn unread(what: &str, why: String, hint: &str) -> Unread {
    Unread { what: what.to_owned(), why, permission: None, hint: Some(hint.to_owned()) }
}

/// The first faults one by one and the rest as a number: garbage must not become a huge record.
pub(super) fn bounded(what: &str, mut faults: Vec<Unread>) -> Vec<Unread> {
    if faults.len() > NAMED_MAX {
        let more = faults.len() - NAMED_MAX;
        faults.truncate(NAMED_MAX);
        faults.push(unread(what, format!("{more} more like the ones named"), "mend those first"));
    }
    faults
}

/// RFC 3339 in UTC with `Z`.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// What a parser says, short enough for a record: it may quote the input.
pub(super) fn parse_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.char_indices().nth(200).map_or(text.clone(), |(end, _)| format!("{}…", &text[..end]))
}
