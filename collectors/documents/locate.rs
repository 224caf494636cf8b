//! Where the facts of a document stand: in its sidecar, in the head of the exchange that read it, or in what the
//! run before left. Decides nothing; what it does not recognise, it does not find.

use super::settings::Settings;
use super::sidecar::ENDING;
use crate::contract::{At, Fact, Found, Item, Locator, Sealed, Stands, found_head, found_json, pointer_step};
use crate::door::Exchange;
use serde_json::Value;
use url::Url;

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::Listed(_) = item else { return Box::new(|_| Vec::new()) };
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => facts.iter().filter_map(|fact| in_run(fact, run)).collect(),
        Sealed::Exchange(exchange) => facts.iter().filter_map(|fact| in_exchange(fact, exchange)).collect(),
    })
}

/// What the run before left of a document, and what the configuration says of it.
fn in_run(fact: &Fact, run: &Value) -> Option<Found> {
    let Fact::Document { file, side } = fact else { return None };
    match *side {
        "before" => found_json(fact, run, format!("/task/carry/documents/{}", pointer_step(file))),
        "withdrawn" => {
            let settings = Settings::read(run.pointer("/settings")?).ok()?;
            let at = settings.withdrawn.iter().position(|withdrawn| withdrawn.file == *file)?;
            found_json(fact, run, format!("/settings/withdrawn/{at}"))
        }
        _ => None,
    }
}

fn in_exchange(fact: &Fact, exchange: &Exchange) -> Option<Found> {
    let request = &exchange.head.request;
    exchange.head.response.as_ref().ok()?;
    if request.method == "LIST" {
        let entries: Value = serde_json::from_slice(&exchange.body).ok()?;
        let stands = Stands::without_it(Some(&entries));
        let all = At::Pointer(String::new());
        return (*fact == Fact::List("documents")).then(|| Found { fact: fact.clone(), at: all, stands });
    }
    let Fact::Document { file, side } = fact else { return None };
    let path = Url::parse(&request.url).ok()?.to_file_path().ok()?;
    let name = path.file_name()?.to_str()?;
    if *side == "bytes" {
        return if name == file { found_head(fact, exchange) } else { None };
    }
    if name.strip_suffix(ENDING) != Some(file) {
        return None;
    }
    let text = std::str::from_utf8(&exchange.body).ok()?;
    let says = |line: &&str| line.strip_prefix(side).is_some_and(|rest| rest.trim_start().starts_with('='));
    let (number, line) = text.split('\n').enumerate().find(|(_, line)| says(line))?;
    let at = At::Line { line: number as u64 + 1, pointer: String::new() };
    Some(Found { fact: fact.clone(), at, stands: Stands::text(line) })
}
