//! The contract of every kind, against every kind: one fault at every request of a clean run, one after the
//! other, and none of them ends as complete or as a pass.
//!
//! `bed` has the sources, `proxy` breaks one answer on its way, `wire`, `json` and `xml` say how, `check` looks at
//! what comes of it.

mod bed;
mod check;
mod files;
mod json;
mod lost;
mod planted;
mod proxy;
mod wire;
mod xml;

use crate::support::replay::{self, verdicts};
use bed::Bed;
use check::{Tally, check, injections};
use evidenced::judge::VerdictOutcome;
use evidenced_collectors::contract::Collector;
use evidenced_collectors::door::Network;
use std::sync::Arc;

/// Faults that nobody can see: part of the request, part of the fault, why. No other is let through.
const UNDETECTABLE: &[(&str, &str, &str)] = &[
    (
        "GetAccountSummary",
        "/entry/Account",
        "the report's row for root says the same, and counts alone where a source (moto) does not state these totals",
    ),
    (
        "GetCredentialReport",
        "without row <root_account>",
        "root is not lost: the totals and the devices say the same of it, and a limitation says that the row is missing",
    ),
    ("Action=AssumeRole", "cut ", CREDENTIALS),
    ("Action=AssumeRole", "Credentials/AccessKeyId", CREDENTIALS),
    ("Action=AssumeRole", "Credentials/Expiration", CREDENTIALS),
];

/// Of an answer that is no evidence.
const CREDENTIALS: &str = "whether credentials are good is told by the answers to the requests signed with them";

fn itself(collector: Box<dyn Collector>) -> Box<dyn Collector> {
    collector
}

/// All faults of one source, after a run without.
async fn suite(bed: Bed) -> Tally {
    let (clean, _) = bed.run(itself, &Network::new(), None).await;
    let population = clean.result.as_ref();
    let population = population.unwrap_or_else(|error| panic!("{}: {error}: {:#?}", bed.name, error.unread()));
    assert!(!population.items().is_empty());
    let outcomes: Vec<_> = verdicts(&clean.result, &bed.task, clean.as_of).into_iter().collect();
    if bed.passes {
        assert!(outcomes.iter().all(|verdict| verdict.outcome == VerdictOutcome::Pass), "{outcomes:#?}");
    }
    for part in bed.asks {
        let asked = clean.seen.iter().any(|asked| asked.target.contains(part) || asked.body.contains(part));
        assert!(asked, "{}: {part} is not asked for: {:#?}", bed.name, clean.seen);
    }
    let all = injections(&bed, &clean.seen);
    let least: usize = clean.seen.iter().map(|asked| wire::faults(&bed.answer(asked)).len()).sum();
    assert!(all.len() >= least);
    let mut tally = check(&Arc::new(bed), itself, all, UNDETECTABLE).await;
    tally.requests = clean.seen.len();
    println!("{tally}; {} replays so far", replay::count());
    tally
}

#[test]
fn every_kind_has_a_source_in_the_suite() {
    let beds = ["aws_iam", "backup_restores", "github_changes"];
    for kind in evidenced_collectors::KINDS {
        assert!(
            beds.contains(&kind.name),
            "{} has no source in the contract suite: add it to `bed` or `files`",
            kind.name
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_github_ends_as_complete_or_as_a_pass() {
    let tally = suite(bed::github().await).await;
    assert!(tally.violations.is_empty(), "{}\n{tally}", tally.violations.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_aws_ends_as_complete_or_as_a_pass() {
    let tally = suite(bed::aws().await).await;
    assert!(tally.violations.is_empty(), "{}\n{tally}", tally.violations.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_moto_ends_as_complete_or_as_a_pass() {
    let tally = suite(bed::moto()).await;
    assert!(tally.violations.is_empty(), "{}\n{tally}", tally.violations.join("\n"));
}

#[tokio::test]
async fn no_fault_of_files_ends_as_complete_or_as_a_pass() {
    let tally = files::Logs::new().await.tally(itself).await;
    println!("{tally}");
    assert!(tally.violations.is_empty(), "{}\n{tally}", tally.violations.join("\n"));
}
