//! The contract of every kind, against every kind: one fault at every request of a clean run, one after the
//! other, and none of them ends as complete or as a pass.
//!
//! `bed` has the sources, `proxy` breaks one answer on its way, `wire`, `json` and `xml` say how, `check` looks at
//! what comes of it.

mod bed;
mod check;
mod documents;
mod files;
mod json;
mod lost;
mod planted;
mod proxy;
mod registers;
mod wire;
mod xml;

use crate::support::replay::{self, verdicts};
use bed::Bed;
use check::{Tally, check, injections, label};
use evidenced::judge::VerdictOutcome;
use evidenced_collectors::contract::Collector;
use evidenced_collectors::door::Network;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Faults that nobody can see: part of the request, part of the fault, why. No other is let through.
const UNDETECTABLE: &[(&str, &str, &str)] = &[
    ("ListAccounts", "page: empty: /Accounts", "AWS states no total of accounts; later runs miss one that was there"),
    ("ListAccounts", "absent: /Accounts/*/Stat", "State and Status say the same, and older answers have one of them"),
    ("GetAccountAuthorizationDetails", ": /GetAcc", "what is lost can take away a denial, and not make one"),
    ("/orgs/", "absent: /total_private_repos", "GitHub says it to owners alone; a limitation states so"),
    (
        "/compare/",
        "/commits/*/parents",
        "GitHub states no count of them; a merge lost for it lacks in the search's count",
    ),
    ("GetAccountSummary", "/entry/Account", "the report's row for root says the same, and moto has no such totals"),
    ("GetCredentialReport", "without row <root_account>", "the totals say the same, and moto has no such row"),
    ("AssumeRole", "Credentials", "a key that works anyway; what it reads is what counts"),
    ("AssumeRole", "cut ", "a key that works anyway; what it reads is what counts"),
    ("ListAccounts", "an element removed", "AWS states no total of accounts; later runs miss one that was there"),
    ("ListAccounts", "absent: /NextToken", "AWS says by its absence that a page is the last"),
    (
        "/activity",
        "an element removed",
        "rows of other branches hang on nothing; who pushed is then unknown to the judge",
    ),
    ("/activity", "it names no next one", "as above; of the branches in scope the chain and the search would tell"),
    ("/rule-suites", "an element removed", "GitHub states no total of rule suites"),
    ("/rule-suites", "page: empty", "GitHub states no total of rule suites"),
    ("/rule-suites", "it names no next one", "GitHub states no total of rule suites"),
    ("team(slug", "errors: of a", "a team that is deleted or secret: its owners are not known, which the judge says"),
    (
        "GetTrailStatus",
        "absent: /LatestDeliveryTime",
        "a trail that has not delivered yet has none, which the judge says",
    ),
    (
        "GetEventSelectors",
        "absent: /EventSelectors/*/ExcludeManagementEventSources",
        "AWS leaves it out where nothing is left out",
    ),
    ("GetEventSelectors", "an element twice: /EventSelectors", "it says the same twice"),
    ("DescribeTrails", "page: empty: /trailList", "AWS states no total; without a trail the region deviates"),
    ("DescribeTrails", "an element removed: /trailList", "as above"),
    ("GET /detector ", "page: empty: /detectorIds", "AWS states no total; without a detector the region deviates"),
    ("GET /detector ", "an element removed: /detectorIds", "as above"),
    ("per_page=1", "/files", "GitHub states no total of paths; the two lists then differ, and the approval is stale"),
    ("per_page=1", "404", "a commit that was replaced long ago is gone: what was approved is not known to the judge"),
];

fn itself(collector: Box<dyn Collector>) -> Box<dyn Collector> {
    collector
}

/// All faults of one source, after a run without; `covered` are sorts of requests that another source has.
async fn suite(bed: Bed, covered: &BTreeSet<String>) -> Tally {
    let (clean, _) = bed.run(itself, &Network::new(), None, 1).await;
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
    let all = injections(&bed, &clean.seen, covered);
    let own: Vec<_> = clean.seen.iter().filter(|asked| !covered.contains(&label(asked))).collect();
    let least: usize = own.iter().map(|asked| wire::faults(&bed.answer(asked)).len()).sum();
    assert!(!own.is_empty() && all.len() >= least);
    let mut tally = check(&Arc::new(bed), itself, all, UNDETECTABLE).await;
    tally.requests = own.len();
    assert_eq!((tally.complete, tally.passes), (0, 0), "{}\n{tally}", tally.violations.join("\n"));
    assert!(tally.violations.is_empty(), "{}\n{tally}", tally.violations.join("\n"));
    println!("{tally}; {} replays so far", replay::count());
    tally
}

#[test]
fn every_kind_has_a_source_in_the_suite() {
    let beds =
        ["aws_iam", "aws_logging", "backup_restores", "documents", "github_alerts", "github_changes", "register"];
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
    suite(bed::github().await, &BTreeSet::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_an_organisation_of_github_ends_as_complete_or_as_a_pass() {
    let (one, _) = bed::github().await.run(itself, &Network::new(), None, 1).await;
    suite(bed::organisation().await, &one.seen.iter().map(label).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_githubs_alerts_ends_as_complete_or_as_a_pass() {
    let (one, _) = bed::organisation().await.run(itself, &Network::new(), None, 1).await;
    suite(bed::alerts().await, &one.seen.iter().map(label).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_aws_ends_as_complete_or_as_a_pass() {
    suite(bed::aws().await, &BTreeSet::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_trails_of_aws_ends_as_complete_or_as_a_pass() {
    suite(bed::logging().await, &BTreeSet::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_moto_ends_as_complete_or_as_a_pass() {
    suite(bed::moto(), &BTreeSet::new()).await;
}

#[tokio::test]
async fn no_fault_of_files_ends_as_complete_or_as_a_pass() {
    let tally = files::Logs::new().await.tally(itself).await;
    println!("{tally}");
    assert!(tally.violations.is_empty(), "{}\n{tally}", tally.violations.join("\n"));
}
