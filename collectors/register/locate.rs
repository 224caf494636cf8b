//! Where a row stands: in which file, on which line; or, of one that is gone, where the run remembered it.
//! Decides nothing; what it does not recognise, it does not find.

use super::settings::Settings;
use crate::contract::register::Place;
use crate::contract::{At, Fact, Found, Item, Locator, Sealed, Stands, found_json, pointer_step};
use crate::door::Exchange;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::Listed(_) = item else { return Box::new(|_| Vec::new()) };
    let mut files = BTreeMap::new();
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => {
            let settings = run.pointer("/settings").and_then(|settings| Settings::read(settings).ok());
            let kept = settings.map(|settings| settings.kept()).unwrap_or_default();
            files = kept.into_iter().map(|(list, file)| (list.name, file)).collect();
            facts.iter().filter_map(|fact| remembered(fact, run)).collect()
        }
        Sealed::Exchange(exchange) => in_file(facts, &files, exchange),
    })
}

/// A row that is gone, as a run before left it.
fn remembered(fact: &Fact, run: &Value) -> Option<Found> {
    let Fact::Row(place) = fact else { return None };
    let pointer = format!("/task/carry/lists/{}/{}/row", pointer_step(&place.list), pointer_step(&place.key));
    place.gone.then(|| found_json(fact, run, pointer)).flatten()
}

fn in_file(facts: &[Fact], files: &BTreeMap<&'static str, String>, exchange: &Exchange) -> Vec<Found> {
    let path = Url::parse(&exchange.head.request.url).ok().and_then(|url| url.to_file_path().ok());
    let name = path.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str());
    let (Some(name), "READ", true) = (name, exchange.head.request.method.as_str(), exchange.head.response.is_ok())
    else {
        return Vec::new();
    };
    let Ok(text) = std::str::from_utf8(&exchange.body) else { return Vec::new() };
    let found = |fact: &Fact| match fact {
        Fact::Row(place) if place.file == name => {
            let number = usize::try_from(place.line).ok()?.checked_sub(1)?;
            let line = text.split('\n').nth(number).filter(|line| holds(line, place))?;
            let at = At::Line { line: place.line, pointer: String::new() };
            Some(Found { fact: fact.clone(), at, stands: Stands::text(line) })
        }
        Fact::List(list) if files.get(list).is_some_and(|file| file == name) => {
            let rows = text.lines().count().saturating_sub(1) as u64;
            Some(Found { fact: fact.clone(), at: At::Rows { from: 2 }, stands: Stands::WithoutIt(rows) })
        }
        _ => None,
    };
    facts.iter().filter_map(found).collect()
}

/// Whether the line is this very row: of one that is gone, the line may be another's by now.
fn holds(line: &str, place: &Place) -> bool {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let Some(Ok(cells)) = reader.records().next() else { return false };
    place.key.split(" / ").all(|part| cells.iter().any(|cell| cell == part))
}
