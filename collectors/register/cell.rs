//! One cell: what may stand in it, and what to write instead where something else does.

use super::forms::{Column, Form};
use super::table::shown;
use crate::contract::register::Moment;
use chrono::{DateTime, Datelike, Days, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Longest cell, characters.
const CELL_MAX: usize = 500;
/// What people write where they have nothing to say: it must not count as an approver, an owner or a cause.
const PLACEHOLDERS: [&str; 9] = ["?", "??", "n/a", "na", "nobody", "tba", "tbd", "unknown", "xxx"];
/// The years in which a day makes sense.
const YEARS: std::ops::RangeInclusive<i32> = 1950..=2150;
/// How far ahead of ours another machine's clock may be.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);

/// What is wrong, and what to write instead.
type Wrong = (String, String);

/// The value of a cell; null where it may be empty and is.
pub(super) fn read(column: &Column, text: &str, as_of: DateTime<Utc>) -> Result<Value, Wrong> {
    let wrong = |why: &str, hint: &str| Err((format!("\"{}\" {why}", shown(text)), hint.to_owned()));
    if text.is_empty() {
        if column.filled {
            return Err(("is empty".to_owned(), "every row needs it".to_owned()));
        }
        return Ok(Value::Null);
    }
    if text.chars().count() > CELL_MAX {
        return wrong(&format!("is longer than {CELL_MAX} characters"), "write less; keep documents elsewhere");
    }
    if text.starts_with(['=', '+', '-', '@', '\t', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) {
        return wrong("begins like a spreadsheet's formula", "write the text or the value itself");
    }
    if text.chars().any(unseen) {
        return wrong("has characters that cannot be seen", "type the cell anew");
    }
    if text.trim() != text {
        return wrong("has spaces around it", "remove them");
    }
    if PLACEHOLDERS.contains(&text.to_lowercase().as_str()) {
        let instead = if column.filled { "write what it is" } else { "write what it is, or leave the cell empty" };
        return wrong("stands for nothing", instead);
    }
    match column.form {
        Form::Text => Ok(json!(text)),
        Form::Word(words) if words.contains(&text) => Ok(json!(text)),
        Form::Word(words) => wrong("is no word of this column", &nearest(text, words.iter().copied())),
        Form::Flag if text == "yes" || text == "no" => Ok(json!(text == "yes")),
        Form::Flag => wrong("is neither yes nor no", "write yes or no"),
        Form::Count(least, most) => match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) && text == number.to_string() => Ok(json!(number)),
            _ => wrong("is no such number", &format!("write a whole number from {least} to {most}")),
        },
        Form::PastMomentOrNever if text == "never" => Ok(json!("never")),
        form => time(form, text, as_of).map_err(|(why, hint)| (format!("\"{}\" {why}", shown(text)), hint)),
    }
}

/// Controls, what is drawn as nothing or turns text round, and marks that stand beside their letter: with any of
/// them two names look alike and are not.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{3164}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{a0}' | '\u{feff}')
}

fn time(form: Form, text: &str, as_of: DateTime<Utc>) -> Result<Value, Wrong> {
    let wrong = |why: &str, hint: &str| Err((why.to_owned(), hint.to_owned()));
    let day_only = matches!(form, Form::Day | Form::PastDay);
    let moment = match (day(text), DateTime::parse_from_rfc3339(text)) {
        (Some(day), _) => Moment::Day(day),
        (None, Ok(_)) if day_only => return wrong("is an instant", "write the day alone, as 2026-03-31"),
        (None, Ok(at)) => Moment::Instant(at.to_utc()),
        (None, Err(_)) => return Err(other_spelling(text, day_only)),
    };
    if !YEARS.contains(&moment.day().year()) {
        return wrong("lies centuries away", "is the year as it should be?");
    }
    let past = matches!(form, Form::PastDay | Form::PastMoment | Form::PastMomentOrNever);
    let to_come = match moment {
        // Somewhere it is tomorrow already.
        Moment::Day(day) => Some(day) > as_of.date_naive().checked_add_days(Days::new(1)),
        Moment::Instant(at) => at > as_of + AHEAD_MAX,
    };
    if past && to_come {
        return wrong("lies in the future", "this column says what has happened");
    }
    Ok(match moment {
        Moment::Day(day) => json!(day.to_string()),
        Moment::Instant(at) => json!(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    })
}

/// `2026-03-31`, and nothing that only looks like it.
fn day(text: &str) -> Option<NaiveDate> {
    // chrono passes over spaces between the parts.
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text)
}

/// What was probably meant by something that is no RFC 3339 date.
fn other_spelling(text: &str, day_only: bool) -> Wrong {
    let write = if day_only { "write 2026-03-31" } else { "write 2026-03-31, or 2026-03-31T17:00:00Z" };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (4..=6).contains(&text.len()) {
        let hint = format!("it looks like a spreadsheet's number of a day: format the column as a date; {write}");
        return ("is no date".to_owned(), hint);
    }
    if text.contains('/') {
        let hint = format!("with slashes nobody can tell day from month; {write}");
        return ("is no date that can be read in one way".to_owned(), hint);
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%d.%m.%Y") {
        return ("is not written as a date here is".to_owned(), format!("write {day}"));
    }
    if text.contains('T') || text.contains(':') {
        let hint = format!("an instant needs its zone, `Z` or `+01:00`; {write}");
        return ("is no RFC 3339 time".to_owned(), hint);
    }
    ("is no date".to_owned(), write.to_owned())
}

/// The day or instant that a cell holds.
pub(super) fn instant(cells: &Map<String, Value>, column: &str) -> Option<Moment> {
    cells.get(column).and_then(|value| Moment::deserialize(value).ok())
}

/// The word that may have been meant, or all of them.
pub(super) fn nearest<'a>(given: &str, words: impl Iterator<Item = &'a str>) -> String {
    let given: String = given.chars().take(64).collect::<String>().to_lowercase();
    let mut near: Vec<(usize, &str)> = words.map(|word| (strsim::levenshtein(&given, word), word)).collect();
    near.sort_unstable();
    match near.first() {
        Some((steps, word)) if *steps <= 1 + word.len() / 4 => format!("did you mean {word:?}?"),
        _ => format!("one of {}", near.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")),
    }
}
