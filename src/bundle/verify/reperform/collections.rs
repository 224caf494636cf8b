//! Populations from the recorded exchanges: the same `collect`, on a door that answers from records.

use super::Work;
use super::tasks::Tasks;
use crate::bundle::BundleError;
use crate::bundle::format::{Source, digits};
use crate::bundle::verify::documents::document;
use crate::ledger::record::{Body, Status};
use crate::run_file::{PARTIAL, POPULATION, RUN, RunFile, fitting, outcome_file};
use evidenced_collectors::contract::{CollectError, Population};
use evidenced_collectors::door::{Door, Exchange, ExchangeHead};

/// Runs every collection again. On a thread of its own, because whoever verifies may be asynchronous.
pub(super) fn all(work: &mut Work<'_>) -> Result<(), BundleError> {
    let panicked = || BundleError::malformed("", "collecting again failed inside this program");
    std::thread::scope(|scope| scope.spawn(|| each(work)).join().unwrap_or_else(|_| Err(panicked())))
}

fn each(work: &mut Work<'_>) -> Result<(), BundleError> {
    let no_runtime =
        |e: std::io::Error| BundleError::Io { what: "no runtime for the collectors".to_owned(), source: e };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
    let mut tasks = Tasks::default();
    for index in work.contents.disclosed().collect::<Vec<u64>>() {
        let body = work.source.record(index)?.body;
        tasks.see(work, index, &body)?;
        let Body::Evidence { status, .. } = body else { continue };
        if work.contents.had_files(index, &body) && work.erased(index) {
            continue;
        }
        if !work.contents.has_files(index, &body) {
            // Outside of the period, and here to be counted or as a neighbour.
            continue;
        }
        one(work, &runtime, index, status)?;
    }
    Ok(())
}

fn one(work: &mut Work<'_>, runtime: &tokio::runtime::Runtime, index: u64, status: Status) -> Result<(), BundleError> {
    let folder = format!("data/evidence/{}", digits(index));
    let run: RunFile = document(&work.source, index, RUN)?;
    let Some(kind) = evidenced_collectors::kind(&run.kind) else {
        work.take(folder, format!("this program has no collectors of the kind {}", run.kind));
        return Ok(());
    };
    if kind.version != run.kind_version {
        let (theirs, ours) = (run.kind_version, kind.version);
        work.take(folder, format!("made by version {theirs} of {}; this program has version {ours}", run.kind));
        return Ok(());
    }
    let collector = match (kind.build)(&run.settings) {
        Ok(collector) => collector,
        Err(error) => {
            work.checking.wrong(format!("{folder}/{RUN}"), format!("no collector can be built from it: {error}"));
            return Ok(());
        }
    };
    let exchanges = exchanges(work, index)?;
    let door = Door::replay(exchanges, run.as_of, run.limits);
    let (asked, task) = (door.clone(), run.task);
    // A task of its own, so that a collector that panics is a finding.
    let again = runtime.block_on(async { tokio::spawn(async move { collector.collect(&asked, &task).await }).await });
    let Ok(result) = again else {
        work.checking.wrong(folder, "the collector failed inside while collecting again");
        return Ok(());
    };
    compare(work, index, status, &fitting(result), &door)
}

fn compare(
    work: &mut Work<'_>,
    index: u64,
    status: Status,
    result: &Result<Population, CollectError>,
    door: &Door,
) -> Result<(), BundleError> {
    let folder = format!("data/evidence/{}", digits(index));
    let (name, bytes, again) = outcome_file(result);
    let sealed_name = if status == Status::Complete { POPULATION } else { PARTIAL };
    let sealed = work.source.file(index, sealed_name)?;
    let unasked = door.unasked();
    if again != status || name != sealed_name || bytes != sealed {
        let came = match result {
            Ok(population) => format!("a whole population of {}", population.items().len()),
            Err(error) => error.to_string(),
        };
        let why = format!("is not what its exchanges give: collecting again gives {came}");
        work.checking.wrong(format!("{folder}/{sealed_name}"), why);
    } else if let Some(first) = unasked.first() {
        let why = format!("nobody asks for it when collecting again, nor for {} others", unasked.len() - 1);
        work.checking.wrong(format!("{folder}/exchanges/{:04}.json", first.number), why);
    } else {
        work.done.collections += 1;
    }
    Ok(())
}

/// The exchanges of a run, each as a head and a body.
fn exchanges(work: &mut Work<'_>, index: u64) -> Result<Vec<Exchange>, BundleError> {
    let mut exchanges = Vec::new();
    for name in work.source.file_names(index)? {
        let Some(number) = name.strip_prefix("exchanges/").and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let head: ExchangeHead = document(&work.source, index, &name)?;
        let path = format!("data/evidence/{}/{name}", digits(index));
        if format!("{:04}", head.number) != number {
            return Err(BundleError::malformed(path, "has another number than its name"));
        }
        let body = work.source.file(index, &format!("exchanges/{number}.body"))?;
        exchanges.push(Exchange { head, body: body.into() });
    }
    Ok(exchanges)
}
