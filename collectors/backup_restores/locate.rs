//! Where the facts of a restore test stand: in which log, on which line, or in which file of a drill.
//! Decides nothing; what it does not recognise, it does not find.

use crate::contract::{At, Fact, Found, Item, Locator, RestoreTest, Sealed, Stands, found_json, pointer_step};
use crate::door::Exchange;
use serde_json::Value;
use std::path::PathBuf;
use url::Url;

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::Restores { tests, .. } = item else { return Box::new(|_| Vec::new()) };
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => facts.iter().flat_map(|fact| registered(fact, run)).collect(),
        Sealed::Exchange(exchange) => tests.iter().flat_map(|test| in_file(test, facts, exchange)).collect(),
    })
}

/// What the register says of a store: in use, or given up, and then what it was before; or that it names it
/// in neither list.
fn registered(fact: &Fact, run: &Value) -> Vec<Found> {
    const STORES: &str = "/settings/stores";
    const RETIRED: &str = "/settings/retired_stores";
    let Fact::Store(name) = fact else { return Vec::new() };
    let named = |list: &'static str| {
        let position =
            run.pointer(list)?.as_array()?.iter().position(|s| s.get("name").and_then(Value::as_str) == Some(name));
        position.and_then(|number| found_json(fact, run, format!("{list}/{number}")))
    };
    if let Some(found) = named(STORES) {
        return vec![found];
    }
    if let Some(found) = named(RETIRED) {
        let before = found_json(fact, run, format!("/task/carry/stores/{}", pointer_step(name)));
        return [found].into_iter().chain(before).collect();
    }
    let absent = |list: &str| {
        let stands = Stands::without_it(Some(run.pointer(list)?));
        Some(Found { fact: fact.clone(), at: At::Pointer(list.to_owned()), stands })
    };
    [STORES, RETIRED].into_iter().filter_map(absent).collect()
}

/// The fields of one test that stand in one file.
fn in_file(test: &RestoreTest, facts: &[Fact], exchange: &Exchange) -> Vec<Found> {
    let fields: Vec<(&Fact, &str)> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Test { id, field } if *id == test.id => Some((fact, *field)),
            _ => None,
        })
        .collect();
    let (true, true, Some(path)) = (
        !fields.is_empty() && exchange.head.request.method == "READ",
        exchange.head.response.is_ok(),
        Url::parse(&exchange.head.request.url).ok().and_then(|url| url.to_file_path().ok()),
    ) else {
        return Vec::new();
    };
    if let Some((_, line)) = test.read_from.rsplit_once(" line ").filter(|(file, _)| path.ends_with(file)) {
        return line.parse().ok().map_or_else(Vec::new, |line| on_line(test, line, &fields, &exchange.body));
    }
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if path.parent().is_none_or(|directory| !directory.ends_with(PathBuf::from(&test.read_from))) {
        return Vec::new();
    }
    fields.iter().flat_map(|(fact, field)| in_drill(fact, field, file, &exchange.body)).collect()
}

/// A line of our own form has the fields by their names. Where a test is gone, the line may be another's by now.
fn on_line(test: &RestoreTest, line: u64, fields: &[(&Fact, &str)], body: &[u8]) -> Vec<Found> {
    let number = usize::try_from(line).unwrap_or_default();
    let Some(text) = body.split(|byte| *byte == b'\n').nth(number.saturating_sub(1)) else { return Vec::new() };
    let Ok(written) = serde_json::from_slice::<Value>(text) else { return Vec::new() };
    if written.get("test_id").and_then(Value::as_str) != Some(test.id.as_str()) {
        return Vec::new();
    }
    let place = |(fact, field): &(&Fact, &str)| {
        let (pointer, stands) = match written.get(field) {
            Some(value) => (format!("/{field}"), Stands::json(value)),
            None => (String::new(), Stands::without_it(Some(&written))),
        };
        Found { fact: (*fact).clone(), at: At::Line { line, pointer }, stands }
    };
    fields.iter().map(place).collect()
}

/// A drill keeps its own facts, the tool's words and people's apart.
fn in_drill(fact: &Fact, field: &str, file: &str, body: &[u8]) -> Vec<Found> {
    let json = |pointers: &[&str]| -> Vec<Found> {
        let Ok(document) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
        pointers.iter().filter_map(|pointer| found_json(fact, &document, (*pointer).to_owned())).collect()
    };
    let own = format!("/{field}");
    match (file, field) {
        ("drill.json", "status") => json(&["/exit/restore"]),
        ("drill.json", "validation") => json(&["/exit/check", "/check_read_data"]),
        ("drill.json" | "review.json", _) => json(&[&own]),
        ("checks.json" | "stats.json", "checks") => json(&[""]),
        ("snapshots.json", "recovery_point") => json(&["/0/time"]),
        ("info.json", "recovery_point") => json(&["/archives/0/start"]),
        ("restore.out" | "restore.err", "status") | ("check.out" | "check.err", "validation" | "checks") => {
            last_line(fact, body).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What a tool said last.
fn last_line(fact: &Fact, body: &[u8]) -> Option<Found> {
    let text = std::str::from_utf8(body).ok()?;
    let (number, line) = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).last()?;
    let at = At::Line { line: number as u64 + 1, pointer: String::new() };
    Some(Found { fact: fact.clone(), at, stands: Stands::text(line) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_store_that_was_given_up_is_found_with_its_reason_and_with_what_it_was_before() {
        let run = json!({
            "settings": {
                "stores": [{ "name": "db" }],
                "retired_stores": [{ "name": "a/b", "on": "2026-02-01", "reason": "moved" }],
            },
            "task": { "carry": { "tests": {}, "stores": { "a/b": { "name": "a/b", "rto_target_s": 60 } } } },
        });
        let stands = |name: &str| -> Vec<(String, Option<Value>)> {
            let item = Item::Restores { store: name, tests: Vec::new() };
            let facts = [Fact::Store(name.to_owned())];
            let found = locate(&item, &facts)(Sealed::Run(&run));
            let place = |found: Found| match (found.at, found.stands) {
                (At::Pointer(at), Stands::Value(value)) => {
                    assert_eq!(run.pointer(&at).unwrap().to_string(), value);
                    (at.clone(), run.pointer(&at).cloned())
                }
                (At::Pointer(at), Stands::WithoutIt(_)) => (at, None),
                other => panic!("{other:?}"),
            };
            found.into_iter().map(place).collect()
        };
        let [(_, Some(retired)), (_, Some(before))] = &stands("a/b")[..] else { panic!("{:?}", stands("a/b")) };
        assert_eq!((&retired["reason"], &before["rto_target_s"]), (&json!("moved"), &json!(60)));
        let registered = stands("db");
        assert_eq!(registered, [("/settings/stores/0".to_owned(), Some(json!({ "name": "db" })))]);
        let nowhere = [("/settings/stores".to_owned(), None), ("/settings/retired_stores".to_owned(), None)];
        assert_eq!(stands("other"), nowhere);
    }
}
