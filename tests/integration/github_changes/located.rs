//! Where explanations find in GitHub's answers what a change was judged by: every place is opened.

use super::bed::{Bed, Outcome, at, pull};
use chrono::Duration;
use evidenced::demo::github::{Edit, GithubHistory, Method, PullRequestSpec, Rebase};
use evidenced::judge::{Attribute, Part, Reading, Test, attributes};
use evidenced_collectors::contract::{At, Fact, Found, Sealed, Stands};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LANDED: &str = "2026-03-04T10:00:00Z";

/// What one change was judged by, and what stands at the places that were found of each fact.
struct Explained {
    attributes: Vec<Attribute>,
    stands: BTreeMap<Fact, Vec<Value>>,
    absent: Vec<Fact>,
}

impl Explained {
    fn of(bed: &Bed, outcome: &Outcome, policy: &Value, id_starts: &str) -> Self {
        let (collector, items) = ("changes".to_owned(), Some(outcome.whole().items().clone()));
        let readings = [Reading { collector, as_of: outcome.as_of, items, unread: Vec::new() }];
        let test = Test::parse("change_review", policy).unwrap();
        let id = &outcome.change(id_starts).id;
        let basis = attributes(&test, &readings, outcome.as_of, id).remove(0);
        let facts: Vec<Fact> = basis.attributes.iter().flat_map(|attribute| attribute.facts.clone()).collect();
        let mut locator = (evidenced_collectors::kind("github_changes").unwrap().locate)(&basis.item, &facts);
        let (mut stands, mut absent) = (BTreeMap::<Fact, Vec<Value>>::new(), Vec::new());
        let mut open = |document: &Value, found: Vec<Found>| {
            for Found { fact, at, stands: seen } in found {
                let At::Pointer(pointer) = at else { continue };
                let there = document.pointer(&pointer).unwrap_or_else(|| panic!("nothing stands at {pointer}"));
                match seen {
                    Stands::Value(_) => {
                        assert_eq!(Stands::json(there), seen, "{pointer}");
                        stands.entry(fact).or_default().push(there.clone());
                    }
                    Stands::WithoutIt(_) => absent.push(fact),
                }
            }
        };
        let run = json!({ "settings": bed.settings, "task": { "carry": null } });
        open(&run, locator(Sealed::Run(&run)));
        for exchange in &outcome.exchanges {
            let body = serde_json::from_slice(&exchange.body).unwrap_or_default();
            open(&body, locator(Sealed::Exchange(exchange)));
        }
        drop(locator);
        Self { attributes: basis.attributes, stands, absent }
    }

    fn stands(&self, fact: &Fact) -> &[Value] {
        self.stands.get(fact).map_or(&[], Vec::as_slice)
    }

    fn attribute(&self, key: &str) -> &Attribute {
        self.attributes.iter().find(|attribute| attribute.key == key).unwrap()
    }
}

fn shop(files: &[Edit]) -> GithubHistory {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.push_edits("acme/shop", "main", "example-ana", at("2026-03-02T09:00:00Z"), files);
    history
}

/// The only change by a pull request.
async fn explained(bed: Bed, policy: Value) -> Explained {
    let outcome = bed.first().await;
    Explained::of(&bed, &outcome, &policy, "acme/shop#1@")
}

#[tokio::test]
async fn owners_are_found_in_the_file_before_the_landing_in_their_team_and_by_the_paths_touched() {
    let text = "* @acme/core\n/docs/ @example-cleo\n";
    let mut history = shop(&[Edit::new("CODEOWNERS", text), Edit::new("old/a.rs", "a")]);
    history.team("acme", "core", &["example-ben", "example-dora"]);
    let moved = Edit { from: Some("old/a.rs".to_owned()), ..Edit::new("src/a.rs", "a") };
    let own = Edit::new("CODEOWNERS", "* @example-ana\n");
    history.merge(pull(1, LANDED).editing(&[moved, own]).approved_by("example-ben"));
    let bed = Bed::of(history).await.with("code_owners", json!(true));
    let why = explained(bed, json!({ "require_codeowner": true })).await;
    assert_eq!(why.attribute("A10").part, Part::For, "{:#?}", why.attribute("A10"));
    let [blob, file, team] = why.stands(&Fact::CodeOwners) else { panic!("{:#?}", why.stands) };
    assert_eq!(blob.as_str().unwrap().len(), 40);
    assert_eq!(file, text, "and not what the pull request makes of it");
    let members: Vec<&Value> = team["members"]["nodes"].as_array().unwrap().iter().map(|m| &m["login"]).collect();
    assert_eq!(members, ["example-ben", "example-dora"]);
    let paths = why.stands(&Fact::Paths);
    assert!(paths.contains(&json!("old/a.rs")) && paths.contains(&json!("src/a.rs")), "{paths:?}");
    assert!(paths[0].as_array().unwrap().iter().any(|file| file["path"] == "CODEOWNERS"), "{paths:?}");
}

#[tokio::test]
async fn where_there_is_no_file_its_places_are_shown_empty_and_where_nobody_asked_the_setting_is() {
    let merged = || {
        let mut history = shop(&[Edit::new("src/a.rs", "a")]);
        history.merge(pull(1, LANDED).approved_by("example-ben"));
        history
    };
    let policy = json!({ "require_codeowner": true });
    let none = explained(Bed::of(merged()).await.with("code_owners", json!(true)), policy.clone()).await;
    assert_eq!(none.stands(&Fact::CodeOwners), [Value::Null, Value::Null, Value::Null]);
    let unasked = explained(Bed::of(merged()).await.with("code_owners", json!(false)), policy.clone()).await;
    assert_eq!(unasked.stands(&Fact::CodeOwners), [json!(false)]);
    let unsaid = explained(Bed::of(merged()).await, policy).await;
    assert!(unsaid.absent.contains(&Fact::CodeOwners) && unsaid.absent.contains(&Fact::Afterwards));
}

#[tokio::test]
async fn what_was_approved_and_what_was_merged_are_each_found_in_their_own_comparison() {
    let mut history = shop(&[Edit::new("src/a.rs", "limit = 10"), Edit::new("src/b.rs", "b")]);
    let other = [Edit::new("src/b.rs", "other")];
    history.push_edits("acme/shop", "main", "example-cleo", at("2026-03-03T09:00:00Z"), &other);
    let rebased = Rebase { at: at(LANDED) - Duration::minutes(30), by: "example-ana".to_owned(), also: Vec::new() };
    let spec = pull(1, LANDED).editing(&[Edit::new("src/a.rs", "limit = 20")]).approved_by("example-ben");
    history.merge(PullRequestSpec { behind: 1, rebased: Some(rebased), ..spec });
    let why = explained(Bed::of(history).await, json!({})).await;
    let commits: Vec<&Fact> = why.attribute("A6").facts.iter().filter(|f| matches!(f, Fact::Compared(_))).collect();
    let [approved, merged] = commits[..] else { panic!("{commits:?}") };
    let of = |fact| match why.stands(fact) {
        [base, name, blob] => (base.clone(), name.clone(), blob.clone()),
        other => panic!("{other:?}"),
    };
    let ((a_base, a_name, a_blob), (m_base, m_name, m_blob)) = (of(approved), of(merged));
    assert_eq!((&a_name, &a_blob), (&m_name, &m_blob), "the same path and the same blob");
    assert_eq!(a_name, "src/a.rs");
    assert_ne!(a_base, m_base, "though they left the base at different commits");
}

#[tokio::test]
async fn what_a_pushed_merge_was_held_against_is_found_in_its_comparison() {
    let mut history = shop(&[Edit::new("src/a.rs", "limit = 10")]);
    let spec = pull(1, LANDED).editing(&[Edit::new("src/a.rs", "limit = 20")]).approved_by("example-ben");
    history.merge(PullRequestSpec { method: Method::Pushed, ..spec });
    let why = explained(Bed::of(history).await, json!({})).await;
    let arrival = why.attribute("A1");
    let compared = arrival.facts.iter().find(|fact| matches!(fact, Fact::Compared(_))).unwrap();
    assert!(arrival.seen.contains("; shown to bring what stands at its head"), "{arrival:#?}");
    assert!(why.stands(compared).contains(&json!("src/a.rs")), "{:#?}", why.stands);
}

#[tokio::test]
async fn of_several_merges_in_one_push_each_comparison_is_found() {
    let mut history = shop(&[Edit::new("src/a.rs", "limit = 10")]);
    let pushed = |number: u64| {
        let spec = pull(number, LANDED).editing(&[Edit::new(&format!("src/{number}.rs"), "new")]);
        PullRequestSpec { method: Method::Pushed, ..spec.approved_by("example-ben") }
    };
    history.merge_together(vec![pushed(1), pushed(2)]);
    let bed = Bed::of(history).await;
    let outcome = bed.first().await;
    for number in [1, 2] {
        let id = format!("acme/shop#{number}@");
        assert_eq!(outcome.reason(&id), "approved");
        let why = Explained::of(&bed, &outcome, &json!({}), &id);
        let compared = why.attribute("A1").facts.iter().find(|fact| matches!(fact, Fact::Compared(_))).unwrap();
        assert!(why.stands(compared).contains(&json!(format!("src/{number}.rs"))), "{:#?}", why.stands);
    }
}

#[tokio::test]
async fn a_review_after_the_fact_is_found_as_a_review_and_as_a_comment_and_not_where_it_is_none() {
    let ticket = || json!("INC-[0-9]+");
    let mut history = shop(&[]);
    let later = at(LANDED) + Duration::hours(1);
    let mut spec = pull(1, LANDED).reviewed("example-ben", later, "APPROVED");
    spec.reviews[0].text = "see INC-17".to_owned();
    history.merge(spec);
    let row = history.push_direct("acme/shop", "main", "example-ana", at("2026-03-05T10:00:00Z"), &["src/hot.rs"]);
    history.comment(row, "example-ana", at("2026-03-05T10:30:00Z"), "looks fine to me");
    history.comment(row, "example-ben", at("2026-03-05T11:00:00Z"), "Reviewed-after: INC-18 ok");
    history.push_direct("acme/shop", "main", "example-ana", at("2026-03-06T10:00:00Z"), &["src/cold.rs"]);
    let bed = Bed::of(history).await.with("emergency_ticket", ticket());
    let outcome = bed.first().await;
    let reviewed = |id: &str| Explained::of(&bed, &outcome, &json!({}), id);
    let review = reviewed("acme/shop#1@");
    let [said] = review.stands(&Fact::Afterwards) else { panic!("{:#?}", review.stands) };
    assert_eq!((&said["bodyText"], &said["author"]["login"]), (&json!("see INC-17"), &json!("example-ben")));
    let pushes: Vec<&String> = outcome.changes().iter().map(|c| &c.id).filter(|id| !id.contains('#')).collect();
    let of_pushes: Vec<Explained> = pushes.iter().map(|id| reviewed(id)).collect();
    let said: Vec<&Value> = of_pushes.iter().flat_map(|why| why.stands(&Fact::Afterwards)).collect();
    let [said] = said[..] else { panic!("{said:?}") };
    assert_eq!(
        (&said["bodyText"], &said["author"]["login"]),
        (&json!("Reviewed-after: INC-18 ok"), &json!("example-ben"))
    );
    let without = of_pushes.iter().filter(|why| why.stands(&Fact::Afterwards).is_empty());
    assert!(without.clone().count() > 0 && without.clone().all(|why| why.absent.contains(&Fact::Afterwards)));
}

#[tokio::test]
async fn whoever_started_an_agent_is_found_in_the_assignment_and_its_absence_in_the_list() {
    const AGENT: &str = "copilot-swe-agent[bot]";
    for assigned in [true, false] {
        let when = at(LANDED) - Duration::minutes(90);
        let assigned_to = assigned.then(|| (when, AGENT.to_owned(), "example-ben".to_owned()));
        let spec = pull(1, LANDED).approved_by("example-ben");
        let mut history = shop(&[]);
        history.merge(PullRequestSpec {
            author: AGENT.to_owned(),
            merged_by: "example-cleo".to_owned(),
            assigned: assigned_to.into_iter().collect(),
            ..spec
        });
        let why = explained(Bed::of(history).await.with("agents", json!(["copilot-swe-agent"])), json!({})).await;
        match why.stands(&Fact::Initiator) {
            [event] if assigned => assert_eq!(event["assignee"]["login"], "example-ben"),
            [] if !assigned => assert!(why.absent.contains(&Fact::Initiator)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn bypasses_that_github_no_longer_keeps_are_said_to_be_out_of_reach_and_have_no_place() {
    let mut history = shop(&[]);
    history.merge(pull(1, LANDED).approved_by("example-ben"));
    let bed = Bed::of(history).await;
    bed.clock.advance(Duration::days(60));
    let why = explained(bed, json!({})).await;
    let rules = why.attribute("A9");
    assert!(rules.decides && rules.facts.is_empty() && rules.seen.contains("keeps no records"), "{rules:#?}");
}
