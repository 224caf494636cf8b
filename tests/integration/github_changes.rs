//! `github_changes` against the sample GitHub: every kind of landing, every kind of fault, replay, and the
//! sample's own wire form against what GitHub publishes.

mod afterwards;
mod agents;
pub(crate) mod bed;
mod by_hand;
mod clocks;
mod content;
mod landings;
mod located;
mod organisation;
mod owners;
mod paging;
mod pushers;
pub(crate) mod sign_in;

use bed::{Bed, at, every_landing, found, hold_to_schemas, pull, week};
use chrono::{DateTime, Duration, Utc};
use evidenced::demo::github::{GithubHistory, GithubServer, PullRequestSpec};
use evidenced::judge::{Reading, Test, judge};
use evidenced_collectors::contract::clock::Clock;
use evidenced_collectors::contract::{CollectError, LandingKind, Lookup, ReviewState, RuleOutcome, Task, Window};
use evidenced_collectors::door::{Door, Exchange, Limits};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

#[tokio::test]
async fn every_kind_of_landing_becomes_the_changes_it_is() {
    let bed = Bed::of(every_landing()).await;
    let outcome = bed.first().await;
    outcome.whole();
    let kinds: Vec<(String, LandingKind)> =
        outcome.changes().iter().map(|c| (c.id.split('@').next().unwrap().to_owned(), c.landing.kind)).collect();
    use LandingKind::{ForcePush, MergeQueueMerge, PrMerge, Push};
    let expected = [
        ("acme/shop#1", PrMerge),
        ("acme/shop#2", PrMerge),
        ("acme/shop#3", PrMerge),
        ("acme/shop#4", PrMerge),
        ("acme/shop#5", MergeQueueMerge),
        ("acme/shop#6", MergeQueueMerge),
        ("acme/shop#7", MergeQueueMerge),
        ("acme/shop#8", PrMerge),
        ("acme/shop#9", PrMerge),
        ("acme/shop#10", Push),
        ("acme/shop", Push),
        ("acme/shop", ForcePush),
        ("acme/shop", ForcePush),
    ];
    let mut kinds = kinds;
    kinds.sort_by_key(|(id, _)| id.split('#').nth(1).map_or(u64::MAX, |n| n.parse().unwrap()));
    assert_eq!(kinds, expected.map(|(id, kind)| (id.to_owned(), kind)));
    let ipe = outcome.whole().ipe();
    assert_eq!(ipe.identity, ["example-auditor"]);
    assert_eq!(ipe.reconciliations.len(), 1);
    assert_eq!((ipe.reconciliations[0].held, ipe.reconciliations[0].stated), (10, 10));
    assert!(ipe.limitations.iter().any(|l| l.contains("code_owners = false")));
    // Whatever the rule suites say, they say it of rulesets.
    assert!(outcome.states("of classic branch protection GitHub keeps no rule suites"));
}

#[tokio::test]
async fn a_pull_request_keeps_what_is_needed_to_rebuild_its_merge() {
    let bed = Bed::of(every_landing()).await;
    let outcome = bed.first().await;
    let squash = found(outcome.change("acme/shop#2@"));
    assert_eq!(squash.reviews.len(), 1);
    let (reviewed, head) = (squash.reviews[0].commit.clone().unwrap(), squash.head.clone());
    assert_eq!(squash.commits.iter().map(|c| c.oid.clone()).collect::<Vec<_>>(), [reviewed, head]);
    assert_eq!(squash.commits[0].pushed_by.as_deref(), Some("example-ana"));
    assert_eq!(squash.commits[1].pushed_by.as_deref(), Some("example-ben"));
    assert_eq!(squash.commits[1].pushed_at, Some(at("2026-03-02T11:30:00Z")));
    assert_eq!(squash.rule, RuleOutcome::Pass);

    let rebase = found(outcome.change("acme/shop#3@"));
    assert_eq!(rebase.commits.len(), 3);
    let may_write: Vec<_> = rebase.reviews.iter().map(|r| r.can_push).collect();
    assert_eq!(may_write, [Some(true), Some(false)]);

    let dismissed = found(outcome.change("acme/shop#4@"));
    assert_eq!((dismissed.reviews[0].state, &dismissed.reviews[0].author), (ReviewState::Dismissed, &None));
    assert_eq!(dismissed.dismissals[0].review, dismissed.reviews[0].id);
    assert_eq!(dismissed.dismissals[0].was, ReviewState::Approved);
    assert_eq!(dismissed.rule, RuleOutcome::Bypass);

    let queued = outcome.change("acme/shop#5@");
    assert_eq!(queued.landing.actor.as_ref().unwrap().login, "example-ana");

    let updated = found(outcome.change("acme/shop#8@"));
    assert_eq!(updated.commits.iter().map(|c| c.changes_content).collect::<Vec<_>>(), [Some(true), None]);
    assert!(updated.reviews[0].same_as_merged);

    let fork = found(outcome.change("acme/shop#9@"));
    assert_eq!(fork.commits[0].pushed_by, None);
    assert_eq!(fork.base_changed_at, Some(at("2026-03-05T11:30:00Z")));
    assert_eq!(fork.reviews[0].state, ReviewState::ChangesRequested);

    let direct = outcome.changes().iter().find(|c| c.landing.kind == LandingKind::Push && c.paths.is_some()).unwrap();
    assert_eq!(direct.pull_request, Lookup::None);
    assert_eq!(direct.paths.as_deref().unwrap(), ["docs/a.md", "docs/b.md"]);
    assert_eq!(direct.landing.actor.as_ref().unwrap().login, "example-bot[bot]");
}

#[tokio::test]
async fn a_replay_gives_the_same_population_and_asks_for_nothing_else() {
    let bed = Bed::of(every_landing()).await;
    let live = bed.first().await;
    let task = Task { window: week(), carry: None };
    let limits = Limits { attempts_max: 1, ..Limits::default() };
    let replay = Door::replay(live.exchanges.clone(), live.as_of, limits);
    let before = bed.server.requests().len();
    let again = bed.collector().collect(&replay, &task).await.unwrap();
    assert_eq!(&again, live.whole());
    assert!(replay.unasked().is_empty());
    assert_eq!(bed.server.requests().len(), before);
}

#[tokio::test]
async fn neither_source_text_nor_addresses_nor_the_token_are_kept() {
    let bed = Bed::of(every_landing()).await;
    let outcome = bed.first().await;
    let compared = outcome.exchanges.iter().filter(|e| e.head.request.url.contains("/compare/")).count();
    assert!(compared > 0);
    for exchange in &outcome.exchanges {
        let text =
            format!("{} {}", serde_json::to_string(&exchange.head).unwrap(), String::from_utf8_lossy(&exchange.body));
        for secret in ["ghp_sampletoken", "people.example", "let sample"] {
            assert!(!text.contains(secret), "{secret} in {}", exchange.head.request.url);
        }
    }
}

#[tokio::test]
async fn every_exchange_is_as_github_publishes_it_and_a_spoiled_one_is_not() {
    let mut history = every_landing();
    // Lists longer than a page, so that follow-up documents are held to the schema too.
    let co_authors = (0..11).map(|number| format!("example-pair{number}")).collect();
    let mut long = PullRequestSpec { commits: 70, co_authors, ..pull(11, "2026-03-08T10:00:00Z") };
    for minute in 0..35 {
        long = long.reviewed("example-ben", at("2026-03-08T09:00:00Z") + Duration::minutes(minute), "COMMENTED");
    }
    history.merge(long);
    owners::of_a_team(&mut history);
    afterwards::reviewed(&mut history);
    let bed = Bed::of(history).await.with("code_owners", json!(true)).with("emergency_ticket", json!("INC-[0-9]+"));
    let outcome = bed.first().await;
    let read = found(outcome.change("acme/shop#11@"));
    assert_eq!((read.commits.len(), read.reviews.len()), (70, 35));
    let mut exchanges = outcome.exchanges.clone();
    exchanges.extend(bed.run(&Task { window: week(), carry: outcome.whole().carry().cloned() }).await.exchanges);
    let said = outcome.whole().ipe().api_version.as_deref();
    for head in exchanges.iter().map(|exchange| &exchange.head) {
        let asked: Vec<_> = head.request.headers.iter().filter(|(name, _)| name == "x-github-api-version").collect();
        assert!(matches!(asked[..], [(_, version)] if Some(version.as_str()) == said), "{head:?}");
    }
    let (held, said) = hold_to_schemas(&exchanges);
    assert!(held, "{said}");
    assert_eq!(said.trim(), format!("{} exchanges held to GitHub's published schemas", exchanges.len()));
    let spoils = [
        ("/graphql", "\"merged\":true", "\"merged\":\"yes\""),
        ("/graphql", "\"oid\"", "\"old\""),
        ("/activity", "\"pr_merge\"", "\"pr_teleport\""),
        ("/compare/", "\"total_commits\"", "\"commits_total\""),
        ("/graphql", "\"byteSize\"", "\"size\""),
        ("/graphql", "\"changeType\":\"", "\"changeType\":\"NOT_"),
        ("/graphql", "\"bodyText\":\"", "\"bodyText\":null,\"was\":\""),
        ("/pulls/", "\"previous_filename\":\"", "\"previous_filename\":3,\"was\":\""),
    ];
    for (holds, find, put) in spoils {
        let holds =
            |e: &&Exchange| e.head.request.url.contains(holds) && String::from_utf8_lossy(&e.body).contains(find);
        let mut spoiled = exchanges.iter().find(holds).unwrap().clone();
        spoiled.body = String::from_utf8_lossy(&spoiled.body).replacen(find, put, 1).into();
        let (held, said) = hold_to_schemas(&[spoiled]);
        assert!(!held, "{find} became {put}, and the check said {said}");
    }
}

#[tokio::test]
async fn a_thousand_merges_cost_at_most_sixty_requests_and_a_quiet_repository_one() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    let start = week().start + Duration::hours(3);
    for number in 1..=1_000_u64 {
        let merged_at = start + Duration::minutes(9 * i64::try_from(number).unwrap());
        let spec = PullRequestSpec::new("acme/shop", number, "example-ana", merged_at).approved_by("example-ben");
        history.merge(if number % 2 == 0 { spec.pushed_after_approval("example-ana") } else { spec });
    }
    let bed = Bed::of(history).await;
    let outcome = bed.first().await;
    assert_eq!(outcome.changes().len(), 1_000);
    let requests = bed.server.requests().len();
    assert!(requests <= 60, "{requests} requests for a thousand merges");
    // The second run asks for the whole log for the first time; from the third on its ETag is known.
    let mut carry = outcome.whole().carry().cloned();
    let mut start = week().end;
    let mut last = 0;
    for _ in 0..3 {
        let window = Window { start, end: start + Duration::hours(2) };
        bed.clock.set(window.end);
        let before = bed.server.requests().len();
        let run = bed.run(&Task { window, carry }).await;
        assert!(run.changes().is_empty());
        last = bed.server.requests().len() - before;
        carry = run.whole().carry().cloned();
        start = window.end;
    }
    assert_eq!(last, 1);
}

#[tokio::test]
async fn nothing_new_is_one_conditional_request_and_news_after_it_are_found() {
    let mut history = every_landing();
    let later = pull(20, "2026-03-09T05:30:00Z").approved_by("example-ben");
    let opened_before = PullRequestSpec { opened_at: at("2026-03-08T20:00:00Z"), ..later };
    history.merge(opened_before);
    let bed = Bed::of(history).await;
    let mut carry = bed.first().await.whole().carry().cloned();
    let mut counts = Vec::new();
    let mut last = Vec::new();
    for hour in (2..=8).step_by(2) {
        let window = Window { start: week().end + Duration::hours(hour - 2), end: week().end + Duration::hours(hour) };
        bed.clock.set(window.end);
        let before = bed.server.requests().len();
        let run = bed.run(&Task { window, carry }).await;
        counts.push((bed.server.requests().len() - before, run.changes().len()));
        last.extend(run.changes().iter().cloned());
        if counts.last() == Some(&(1, 0)) {
            assert!(serde_json::to_string(run.whole().whole()).unwrap().contains("unchanged"));
            assert_eq!(run.exchanges[0].head.response.as_ref().unwrap().status, 304);
        }
        carry = run.whole().carry().cloned();
    }
    assert_eq!(counts[1], (1, 0));
    assert_eq!(counts.iter().map(|(_, changes)| changes).sum::<usize>(), 1);
    // Its head was pushed two runs before it landed.
    assert_eq!(found(&last[0]).commits[0].pushed_by.as_deref(), Some("example-ana"));
}

#[tokio::test]
async fn windows_join_without_a_hole_and_without_an_overlap() {
    let bed = Bed::of(every_landing()).await;
    let all: Vec<String> = bed.first().await.changes().iter().map(|c| c.id.clone()).collect();
    let (mut carry, mut seen) = (None, Vec::new());
    for day in 0..7 {
        let start = week().start + Duration::days(day);
        let window = Window { start, end: start + Duration::days(1) };
        // Runs are late, and the log already knows more than the window holds.
        bed.clock.set(window.end + Duration::hours(11));
        let run = bed.run(&Task { window, carry }).await;
        seen.extend(run.changes().iter().map(|c| c.id.clone()));
        carry = run.whole().carry().cloned();
    }
    assert_eq!(seen, all);
}

/// A minute passes with every request.
struct Ticking(AtomicI32);

#[async_trait::async_trait]
impl Clock for Ticking {
    fn now(&self) -> DateTime<Utc> {
        week().end + Duration::seconds(15 * i64::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }

    async fn sleep(&self, _: std::time::Duration) {}

    fn simulated(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_branch_that_moves_while_it_is_read_is_whole_and_the_next_run_has_the_rest() {
    let mut history = every_landing();
    // After the log has been asked for, before the head is.
    history.merge(pull(20, "2026-03-09T00:00:10Z").approved_by("example-ben"));
    let mut bed = Bed::of(history.clone()).await;
    let quiet = bed.settings["api_url"].clone();
    let server = GithubServer::start(history, Arc::new(Ticking(AtomicI32::new(0)))).await.unwrap();
    bed.settings["api_url"] = json!(server.url());
    let outcome = bed.first().await;
    assert_eq!(outcome.whole().items().len(), 13);
    let logs = server.requests().iter().filter(|request| request.contains("/activity")).count();
    assert_eq!(logs, 2);
    let window = Window { start: week().end, end: week().end + Duration::hours(1) };
    bed.clock.set(window.end);
    bed.settings["api_url"] = quiet;
    let next = bed.run(&Task { window, carry: outcome.whole().carry().cloned() }).await;
    assert_eq!(next.whole().items().len(), 1);
    assert_eq!(found(next.change("acme/shop#20@")).commits[0].pushed_by.as_deref(), Some("example-ana"));
}

#[tokio::test]
async fn a_lost_update_of_the_branch_is_incomplete() {
    let mut history = every_landing();
    let id = history.merge(pull(12, "2026-03-08T10:00:00Z"));
    history.merge(pull(13, "2026-03-08T14:00:00Z"));
    history.drop_row(id);
    let outcome = Bed::of(history).await.first().await;
    assert!(outcome.incomplete().contains("the last known state is"), "{}", outcome.incomplete());
}

/// A force push there and another back, both forgotten, would look like nothing at all.
#[tokio::test]
async fn what_github_has_forgotten_is_never_whole_though_the_branch_is_where_it_was() {
    let bed = Bed::of(every_landing()).await;
    let first = bed.first().await;
    let carry = first.whole().carry().cloned();
    let read = week().end;
    let run = async |days: i64| {
        let window = Window { start: read, end: read + Duration::days(days) };
        bed.clock.set(window.end);
        bed.run(&Task { window, carry: carry.clone() }).await
    };
    // A day for what turns up late, and for clocks.
    run(364).await.whole();
    let why = run(366).await.incomplete();
    assert!(why.contains("repository acme/shop: updates since 2026-03-08T23:00:00Z"), "{why}");
    assert!(why.contains("forgotten by the source") && why.contains("2026-03-10T00:00:00Z"), "{why}");
    assert_eq!(bed.run(&Task { window: week(), carry: None }).await.incomplete().matches("forgotten").count(), 1);
}

#[tokio::test]
async fn a_lost_newest_update_is_incomplete() {
    let mut history = every_landing();
    let id = history.merge(pull(12, "2026-03-08T10:00:00Z"));
    history.drop_row(id);
    let outcome = Bed::of(history).await.first().await;
    assert!(outcome.incomplete().contains("but the present state is"), "{}", outcome.incomplete());
}

#[tokio::test]
async fn one_refused_repository_names_the_permission_and_the_others_are_read() {
    let mut history = every_landing();
    history.repository("acme/vault", "main");
    history.refuse("acme/vault", week().start, week().end + Duration::days(1), 403);
    let bed = Bed::of(history).await.with(
        "repositories",
        json!([{ "name": "acme/vault", "branches": ["main"] }, { "name": "acme/shop", "branches": ["main"] }]),
    );
    let outcome = bed.first().await;
    assert_eq!(outcome.changes().len(), 13);
    let why = outcome.incomplete();
    assert!(why.contains("acme/vault") && why.contains("Contents: read"), "{why}");
}

#[tokio::test]
async fn a_hidden_repository_is_incomplete() {
    let bed =
        Bed::of(every_landing()).await.with("repositories", json!([{ "name": "acme/none", "branches": ["main"] }]));
    let why = bed.first().await.incomplete();
    assert!(why.contains("acme/none") && why.contains("Contents: read"), "{why}");
}

#[tokio::test]
async fn a_branch_that_never_was_is_incomplete() {
    let bed =
        Bed::of(every_landing()).await.with("repositories", json!([{ "name": "acme/shop", "branches": ["mian"] }]));
    assert!(bed.first().await.incomplete().contains("no such branch"));
}

#[tokio::test]
async fn rule_suites_that_may_not_be_read_are_incomplete_unless_left_out() {
    let mut history = every_landing();
    history.refuse("rule-suites", week().start, week().end + Duration::days(1), 404);
    let bed = Bed::of(history).await;
    assert!(bed.first().await.incomplete().contains("Administration: read"));
    let bed = bed.with("rule_suites", json!(false));
    let outcome = bed.first().await;
    assert_eq!(found(outcome.change("acme/shop#4@")).rule, RuleOutcome::NotRead);
    assert!(outcome.states("nor are those of classic branch protection"));
    assert!(outcome.whole().ipe().limitations.iter().any(|l| l.contains("rule_suites = false")));
}

#[tokio::test]
async fn a_landing_older_than_the_rule_suites_reach_is_no_pass_and_a_known_bypass_stays_one() {
    let bed = Bed::of(every_landing()).await;
    bed.clock.set(at("2026-03-31T00:00:00Z"));
    let outcome = bed.first().await;
    let rule = |number| found(outcome.change(&format!("acme/shop#{number}@"))).rule;
    assert_eq!([1, 4, 5].map(rule), [RuleOutcome::OutOfReach, RuleOutcome::Bypass, RuleOutcome::Pass]);
    let (collector, items) = ("changes".to_owned(), Some(outcome.whole().items().clone()));
    let reading = Reading { collector, as_of: outcome.as_of, items, unread: Vec::new() };
    let verdict = judge(&Test::parse("change_review", &json!({})).unwrap(), &[reading], &[], outcome.as_of);
    let reason =
        |id: &str| verdict.judgements.iter().find(|judged| judged.item.starts_with(id)).unwrap().reason.clone();
    assert_eq!(reason("acme/shop#1@"), "rule-outcome-unknown");
    assert_eq!(reason("acme/shop#5@"), "approved");
    assert!(outcome.whole().ipe().limitations.iter().any(|l| l.contains("older than GitHub keeps rule suites")));
}

#[tokio::test]
async fn answers_that_do_not_add_up_are_never_whole() {
    let cases = [
        ("search(", "\"issueCount\":10", "\"issueCount\":11", "GitHub's search states 11"),
        ("/activity", "\"pr_merge\"", "\"pr_teleport\"", "unknown variant"),
        ("/activity", "\"type\":\"User\"", "\"type\":\"Robot\"", "unknown variant"),
        ("/activity", "}]", "}", "answer not understood"),
        ("landed", "\"totalCount\":3", "\"totalCount\":4", "of 4 items"),
        ("landed", "\"state\":\"APPROVED\"", "\"state\":\"BLESSED\"", "unknown variant"),
        ("landed", "\"mergedAt\"", "\"mergedOn\"", "missing field"),
        ("/compare/", "\"total_commits\":1", "\"total_commits\":2", "1 commits listed, 2 stated"),
        ("/rule-suites", "\"result\":\"bypass\"", "\"result\":\"shrug\"", "not one that was asked for"),
    ];
    for (holds, find, put, reason) in cases {
        let mut history = every_landing();
        history.replace(holds, find, put);
        let why = Bed::of(history).await.first().await.incomplete();
        assert!(why.contains(reason), "{find} became {put}: {why}");
    }
}

#[tokio::test]
async fn a_failed_lookup_of_one_commit_fails_that_change_and_keeps_the_others() {
    let mut history = every_landing();
    history.replace("landed", "\"state\":\"CHANGES_REQUESTED\"", "\"state\":\"UNHEARD_OF\"");
    let outcome = Bed::of(history).await.first().await;
    assert_eq!(outcome.changes().len(), 13);
    let failed: Vec<_> = outcome.changes().iter().filter(|c| matches!(c.pull_request, Lookup::Failed(_))).collect();
    assert_eq!(failed.len(), 1);
    // GitHub named no place to look at it; only the commit is known.
    assert_eq!(failed[0].url, failed[0].landing.after);
    outcome.incomplete();
}

#[tokio::test]
async fn graphql_that_github_gives_up_on_is_asked_again_in_halves() {
    let mut history = every_landing();
    // Documents with a fifth commit are too much.
    history.refuse(" c4:object", week().start, week().end + Duration::days(1), 502);
    let bed = Bed::of(history).await;
    assert_eq!(bed.first().await.whole().items().len(), 13);
}

#[tokio::test]
async fn a_bad_token_is_told_apart_from_a_missing_permission() {
    let mut history = every_landing();
    history.refuse("acme", week().start, week().end + Duration::days(1), 401);
    let outcome = Bed::of(history).await.first().await;
    assert!(matches!(outcome.result, Err(CollectError::Unauthenticated { .. })), "{:?}", outcome.result);
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_key() {
    let build = evidenced_collectors::kind("github_changes").unwrap().build;
    let with = |key: &str, value: Value| {
        let mut settings = json!({
            "credentials": { "token": { "env": "SAMPLE" } },
            "repositories": [{ "name": "acme/shop", "branches": ["main"] }],
        });
        settings[key] = value;
        build(&settings).err().map(|error| error.message)
    };
    assert_eq!(with("batch", json!(50)), None);
    let shop = json!({ "name": "acme/shop", "branches": ["main"] });
    for (key, value) in [
        ("batch", json!(0)),
        ("batch", json!(101)),
        ("emergency_ticket", json!("INC-[0-9")),
        ("emergency_ticket", json!("(INC-[0-9]+)?")),
        ("agents", json!(["copilot-swe-agent[bot]"])),
        ("agents", json!([""])),
        ("automation", json!(["renovate[bot]"])),
        ("automation", json!(["Copilot-swe-agent"])),
        ("repositories", json!([])),
        ("organizations", json!([{ "name": "acme/shop" }])),
        ("organizations", json!([{ "name": "acme" }, { "name": "Acme" }])),
        ("organizations", json!([{ "name": "acme", "exclude": [{ "repository": "other/x", "reason": "r" }] }])),
        ("organizations", json!([{ "name": "acme", "exclude": [{ "repository": "acme/x", "reason": " " }] }])),
        (
            "organizations",
            json!([{ "name": "acme", "exclude": [{ "repository": "acme/x", "reason": "r" }, { "repository": "acme/X", "reason": "r" }] }]),
        ),
        ("organizations", json!([{ "name": "acme", "exclude": [{ "repository": "acme/shop", "reason": "r" }] }])),
        ("repositories_drop_max_percent", json!(101)),
        ("repositories", json!([shop, shop])),
        ("repositories", json!([{ "name": "shop", "branches": ["main"] }])),
        ("repositories", json!([{ "name": "acme/shop", "branches": [] }])),
        ("repositories", json!([{ "name": "acme/../x", "branches": ["main"] }])),
        ("api_url", json!("ftp://example")),
        ("lookback", json!(3)),
        ("trust_branch_updates", json!(true)),
    ] {
        assert!(with(key, value.clone()).is_some_and(|m| m.contains(key)), "{key} = {value}");
    }
}
