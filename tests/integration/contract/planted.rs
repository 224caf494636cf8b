//! Whether the suite finds out what it is there for: collectors that are wrong on purpose.

use super::bed::{self, Bed, Wrap};
use super::check::{Tally, check, injections};
use super::files::Logs;
use super::{itself, wire};
use evidenced_collectors::contract::{
    Asking, CollectError, Collector, Items, Population, Remembers, Rights, Task, Whole,
};
use evidenced_collectors::door::{Door, Network};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Takes whatever is refused for nothing at all.
struct PassesOnForbidden(Box<dyn Collector>);

/// Takes what was read for everything.
struct SkipsWhatItCannotRead(Box<dyn Collector>);

#[async_trait::async_trait]
impl Collector for PassesOnForbidden {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let outcome = self.0.collect(door, task).await;
        let Err(error) = &outcome else { return outcome };
        if !error.unread().iter().any(|unread| unread.why.starts_with("refused")) {
            return outcome;
        }
        Population::new(Items::Changes(Vec::new()), vec![Whole::last_page("planted", 1)], door.ipe("planted"), None)
    }

    fn remembers(&self) -> Vec<Remembers> {
        self.0.remembers()
    }

    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights {
        self.0.rights(door, asking).await
    }
}

#[async_trait::async_trait]
impl Collector for SkipsWhatItCannotRead {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        match self.0.collect(door, task).await {
            Err(CollectError::Incomplete(partial)) => {
                let partial = *partial;
                Population::new(partial.items, vec![Whole::last_page("planted", 1)], partial.ipe, None)
            }
            outcome => outcome,
        }
    }

    fn remembers(&self) -> Vec<Remembers> {
        self.0.remembers()
    }

    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights {
        self.0.rights(door, asking).await
    }
}

async fn violations(bed: Bed, wrap: Wrap, only: &str) -> Tally {
    let (clean, _) = bed.run(itself, &Network::new(), None, 1).await;
    let mut all = injections(&bed, &clean.seen, &BTreeSet::new());
    all.retain(|injection| injection.is(only));
    assert!(!all.is_empty());
    check(&Arc::new(bed), wrap, all, &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_passes_on_a_refusal_is_found_out_at_every_request() {
    let tally = violations(bed::github().await, |own| Box::new(PassesOnForbidden(own)), "403").await;
    assert_eq!((tally.passes, tally.complete), (tally.faults, tally.faults), "{tally}");
    assert_eq!(tally.violations.len(), tally.faults, "{:#?}", tally.violations);
    assert!(tally.violations.iter().all(|violation| violation.ends_with("complete, and a pass")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_skips_what_it_cannot_read_is_found_out() {
    let skips: Wrap = |own| Box::new(SkipsWhatItCannotRead(own));
    let tally = violations(bed::aws().await, skips, "without row").await;
    assert_eq!(tally.complete, tally.faults, "{tally}");
    let tally = Logs::new().await.tally(skips).await;
    assert!(tally.complete > 10 && tally.violations.len() >= tally.complete, "{tally}");
}

/// A wait that a source asks for is waited, and what comes then counts: the suite is not green because nothing is
/// ever whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refusal_for_the_moment_and_then_the_answer_is_whole() {
    for bed in [bed::github().await, bed::aws().await] {
        let (clean, _) = bed.run(itself, &Network::new(), None, 1).await;
        // Roles are assumed by the AWS SDK, which asks again as it sees fit.
        for asked in clean.seen.iter().filter(|asked| !asked.body.contains("Action=AssumeRole")) {
            let faults = wire::faults(&bed.answer(asked));
            let (_, later) = faults.into_iter().find(|(name, _)| *name == "429 with Retry-After").unwrap();
            let again = bed.run_again(asked, later).await;
            assert!(again.result.is_ok(), "{}: {asked:?}: {:?}", bed.name, again.result);
            assert_eq!(again.struck, 1);
        }
    }
}
