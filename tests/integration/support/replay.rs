//! What every test holds every run against: the same collector on a replay of the run's own exchanges.

use evidenced::judge::{Takes, Test, Verdict, judge};
use evidenced::run_file::{RunFile, outcome_file, reading};
use evidenced_collectors::contract::{CollectError, Collector, Items, Population, Task};
use evidenced_collectors::door::{Door, Exchange, Limits};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};

/// Replays so far, by all tests of this process.
static REPLAYS: AtomicUsize = AtomicUsize::new(0);

/// A run that ended, as sealed: what it was allowed and asked, what it exchanged, what came of it.
pub(crate) struct Ran<'a> {
    pub(crate) limits: Limits,
    pub(crate) task: &'a Task,
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) exchanges: &'a [Exchange],
    pub(crate) result: &'a Result<Population, CollectError>,
}

impl Ran<'_> {
    /// Asserts that a replay gives the same bytes and the same verdicts, and asks for all that was exchanged.
    pub(crate) async fn is_the_same_on_replay(&self, collector: &dyn Collector) {
        if let Some(difference) = self.difference_on_replay(collector).await {
            panic!("{difference}");
        }
    }

    /// How a replay differs, if it does.
    pub(crate) async fn difference_on_replay(&self, collector: &dyn Collector) -> Option<String> {
        REPLAYS.fetch_add(1, Ordering::Relaxed);
        let door = Door::replay(self.exchanges.to_vec(), self.as_of, self.limits);
        let again = collector.collect(&door, self.task).await;
        let (live, replayed) = (outcome_file(self.result), outcome_file(&again));
        if live != replayed {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            return Some(format!("a replay gives {}\nand not {}", text(&replayed.1), text(&live.1)));
        }
        let unasked = door.unasked();
        if !unasked.is_empty() {
            return Some(format!("a replay does not ask for {unasked:#?}"));
        }
        let (live, replayed) = (verdicts(self.result, self.task, self.as_of), verdicts(&again, self.task, self.as_of));
        (live != replayed).then(|| format!("the verdict on a replay is {replayed:?}\nand not {live:?}"))
    }
}

/// How many replays there were.
pub(crate) fn count() -> usize {
    REPLAYS.load(Ordering::Relaxed)
}

/// What the tests of controls make of a run, each with its default policy: those that take its items, and all
/// of them where nothing was brought home.
pub(crate) fn verdicts(result: &Result<Population, CollectError>, task: &Task, as_of: DateTime<Utc>) -> Vec<Verdict> {
    let items: Option<&Items> = match result {
        Ok(population) => Some(population.items()),
        Err(CollectError::Incomplete(partial)) => Some(&partial.items),
        Err(_) => None,
    };
    let takes = items.map(Takes::of);
    let run = RunFile {
        collector: "collector".to_owned(),
        kind: "kind".to_owned(),
        kind_version: 1,
        settings: Value::Null,
        limits: Limits::default(),
        task: task.clone(),
        as_of,
        tool: "tests".to_owned(),
    };
    let (name, bytes, _) = outcome_file(result);
    let reading = reading(&run, name, &bytes).unwrap();
    let tests = Test::NAMES.iter().map(|name| Test::parse(name, &Value::Null).unwrap());
    let tests = tests.filter(|test| takes.is_none_or(|takes| test.takes() == takes));
    tests.map(|test| judge(&test, std::slice::from_ref(&reading), &[], as_of)).collect()
}
