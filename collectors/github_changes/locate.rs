//! Where the facts of a change stand in GitHub's answers. Reads the answers loosely, for it decides
//! nothing: what it does not recognise, it does not find.

mod owners;

use crate::contract::{At, Change, Fact, Found, Item, Locator, Lookup, PullRequest, Sealed, Stands};
use crate::contract::{found_head, found_json, pointer_step};
use crate::door::{Exchange, RequestBody};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Paths and authors of one push whose places are named.
const NAMED_MAX: usize = 20;

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::Change(change) = item else { return Box::new(|_| Vec::new()) };
    let pull = match &change.pull_request {
        Lookup::Found(pull) => Some(pull.as_ref()),
        Lookup::None | Lookup::Failed(_) => None,
    };
    let commits = BTreeSet::from([change.landing.after.clone()]);
    let mut search = Search { change, pull, facts, commits, pull_id: None, commit_id: None, owners_blob: None };
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => search.settings(run).into_iter().chain(search.carried(run)).collect(),
        Sealed::Exchange(exchange) => search.exchange(exchange),
    })
}

struct Search<'a> {
    change: &'a Change,
    pull: Option<&'a PullRequest>,
    facts: &'a [Fact],
    /// Commits that landed, as far as seen.
    commits: BTreeSet<String>,
    /// GraphQL's id of the pull request, by which its further pages are asked for.
    pull_id: Option<String>,
    /// GraphQL's id of the last commit that landed, by which further comments are asked for.
    commit_id: Option<String>,
    /// The blob that CODEOWNERS was before the landing.
    owners_blob: Option<String>,
}

impl Search<'_> {
    fn wants(&self, fact: &Fact) -> bool {
        self.facts.contains(fact)
    }

    /// What was not asked for, because the settings do not ask for it.
    fn settings(&self, run: &Value) -> Vec<Found> {
        let unasked = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value == false);
        let mut found = Vec::new();
        for (fact, key) in [(Fact::CodeOwners, "code_owners"), (Fact::Afterwards, "emergency_ticket")] {
            let at = format!("/settings/{key}");
            if unasked(run.pointer(&at)) {
                let without =
                    || self.absent(&fact, "/settings".to_owned(), run.get("settings").unwrap_or(&Value::Null));
                found.extend(self.one(&fact, run, at).or_else(without));
            }
        }
        // These are asked for unless the settings say otherwise.
        if run.pointer("/settings/rule_suites") == Some(&Value::Bool(false)) {
            found.extend(self.one(&Fact::Rules, run, "/settings/rule_suites".to_owned()));
        }
        found
    }

    /// What the run before remembered: pushes, and the update itself where it had no review yet.
    fn carried(&self, run: &Value) -> Vec<Found> {
        let base = "/task/carry/repositories";
        let mut found = self.carried_pushes(run, &format!("{base}/{}/pushes", pointer_step(&self.change.repository)));
        // The repository may have had another name.
        for (name, known) in fields(run, base) {
            if known.get("unreviewed").is_some_and(|all| all.get(&self.change.id).is_some()) {
                let at = format!("{base}/{}/unreviewed/{}", pointer_step(name), pointer_step(&self.change.id));
                found.extend(self.row(&Fact::Landing, run, &format!("{at}/step/row")));
                found.extend(self.carried_pushes(run, &format!("{at}/pushes")));
            }
        }
        found
    }

    fn carried_pushes(&self, run: &Value, base: &str) -> Vec<Found> {
        let Some(refs) = run.pointer(base).and_then(Value::as_object) else { return Vec::new() };
        let mut found = Vec::new();
        for fact in self.facts {
            let Fact::Push(oid) = fact else { continue };
            for (reference, of_ref) in refs {
                for (number, push) in of_ref.as_array().into_iter().flatten().enumerate() {
                    if text(push, "oid") == Some(oid) && self.pushed(oid, text(push, "at")) {
                        found.extend(found_json(fact, run, format!("{base}/{}/{number}", pointer_step(reference))));
                    }
                }
            }
        }
        found
    }

    /// Whether the time is that of the push that the pull request knows of.
    fn pushed(&self, oid: &str, at: Option<&str>) -> bool {
        let known = self.pull.and_then(|pull| pull.commits.iter().find(|commit| commit.oid == oid));
        let at = at.and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok());
        at.is_some() && known.and_then(|commit| commit.pushed_at) == at
    }

    fn exchange(&mut self, exchange: &Exchange) -> Vec<Found> {
        let Ok(url) = Url::parse(&exchange.head.request.url) else { return Vec::new() };
        let path = url.path();
        let under = |rest: &str| path.ends_with(&format!("/repos/{}{rest}", self.change.repository));
        let graphql = path.ends_with("/graphql");
        let landing = &self.change.landing;
        let approved = self.compared_commit(path);
        let compares = under(&format!("/compare/{}...{}", landing.before, landing.after));
        let answered = exchange.head.response.as_ref().is_ok_and(|response| response.status == 200);
        let body: Value = match serde_json::from_slice(&exchange.body) {
            Ok(body) if answered => body,
            _ if (graphql && self.asks_for_it(exchange)) || compares => return self.refused(exchange),
            _ => return Vec::new(),
        };
        if graphql {
            self.graphql(exchange, &body)
        } else if under("/activity") {
            self.activity(&body)
        } else if compares {
            self.comparison(&body)
        } else if let Some(fact) = approved {
            self.compared(&fact, &body)
        } else if self.pull.is_some_and(|pull| under(&format!("/pulls/{}/files", pull.number))) {
            self.renamed(&body)
        } else if under("/rulesets/rule-suites") && branch_of(&url) == Some(self.change.branch.clone()) {
            self.rules(&body)
        } else {
            Vec::new()
        }
    }

    /// The commit that was held against a base, where it is one of those asked for. Of several merges in one push,
    /// each has a base of its own.
    fn compared_commit(&self, path: &str) -> Option<Fact> {
        let (_, asked) = path.rsplit_once(&format!("/repos/{}/compare/", self.change.repository))?;
        let (_, commit) = asked.split_once("...")?;
        Some(Fact::Compared(commit.to_owned())).filter(|fact| self.wants(fact))
    }

    /// No answer, where the pull request was asked for.
    fn refused(&self, exchange: &Exchange) -> Vec<Found> {
        let failed = matches!(self.change.pull_request, Lookup::Failed(_)) && self.wants(&Fact::PullRequest);
        found_head(&Fact::PullRequest, exchange).filter(|_| failed).into_iter().collect()
    }

    fn activity(&self, rows: &Value) -> Vec<Found> {
        let landing = &self.change.landing;
        let branch = format!("refs/heads/{}", self.change.branch);
        let mut found = Vec::new();
        for (number, row) in rows.as_array().into_iter().flatten().enumerate() {
            let (after, reference, at) = (text(row, "after"), text(row, "ref"), text(row, "timestamp"));
            let Some(oid) = after else { continue };
            if oid == landing.after && reference == Some(&branch) && same_time(at, landing.at) {
                found.extend(self.row(&Fact::Landing, rows, &format!("/{number}")));
            }
            if reference != Some(&branch) && self.pushed(oid, at) {
                found.extend(self.row(&Fact::Push(oid.to_owned()), rows, &format!("/{number}")));
            }
        }
        found
    }

    /// What a row says of an update; its actor has a score of addresses beside the login.
    fn row(&self, fact: &Fact, document: &Value, at: &str) -> Vec<Found> {
        let deleted = document.pointer(&format!("{at}/actor")).is_some_and(Value::is_null);
        let fields = ["activity_type", if deleted { "actor" } else { "actor/login" }, "timestamp"];
        fields.iter().filter_map(|field| self.one(fact, document, format!("{at}/{field}"))).collect()
    }

    fn comparison(&mut self, body: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        for (number, commit) in list(body, "commits").iter().enumerate() {
            self.commits.extend(text(commit, "sha").map(str::to_owned));
            if number < NAMED_MAX {
                found.extend(self.one(&Fact::Authors, body, format!("/commits/{number}/author/login")));
            }
        }
        for number in 0..list(body, "files").len().min(NAMED_MAX) {
            found.extend(self.one(&Fact::Paths, body, format!("/files/{number}/filename")));
        }
        found
    }

    fn rules(&self, suites: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        for (number, suite) in suites.as_array().into_iter().flatten().enumerate() {
            if text(suite, "after_sha") == Some(&self.change.landing.after) {
                let fields = ["result", "after_sha", "pushed_at"].map(|field| format!("/{number}/{field}"));
                found.extend(fields.into_iter().filter_map(|at| self.one(&Fact::Rules, suites, at)));
            }
        }
        if found.is_empty() {
            found.extend(self.absent(&Fact::Rules, String::new(), suites));
        }
        found
    }

    /// Whether the question names the commit that landed.
    fn asks_for_it(&self, exchange: &Exchange) -> bool {
        let RequestBody::Text(question) = &exchange.head.request.body else { return false };
        self.commits.iter().any(|oid| question.contains(oid.as_str()))
    }

    fn graphql(&mut self, exchange: &Exchange, body: &Value) -> Vec<Found> {
        let asked = match &exchange.head.request.body {
            RequestBody::Text(text) => serde_json::from_str::<Value>(text).unwrap_or_default(),
            RequestBody::Empty | RequestBody::Base64(_) => Value::Null,
        };
        let variables = asked.get("variables").cloned().unwrap_or_default();
        let mut found = self.team(body);
        let of = text(&variables, "owner").zip(text(&variables, "name"));
        if of == self.change.repository.split_once('/') {
            found.extend(self.code_owners(text(&asked, "query").unwrap_or_default(), body));
            for (alias, commit) in fields(body, "/data/repository") {
                if commit.get("associatedPullRequests").is_some() {
                    found.extend(self.landed(body, &format!("/data/repository/{alias}"), commit));
                }
                if text(commit, "oid") == Some(&self.change.landing.after) {
                    self.commit_id = text(commit, "id").map(str::to_owned);
                    found.extend(self.comments(body, &format!("/data/repository/{alias}")));
                }
            }
            found.extend(self.errors(exchange, body));
        }
        // Further pages of the pull request's own lists, and of the commit's.
        for (alias, _) in fields(body, "/data") {
            let id = alias.strip_prefix('m').and_then(|number| text(&variables, &format!("i{number}")));
            if id.is_some() && id == self.pull_id.as_deref() {
                found.extend(self.pull(body, &format!("/data/{alias}")));
            }
            if id.is_some() && id == self.commit_id.as_deref() {
                found.extend(self.comments(body, &format!("/data/{alias}")));
            }
        }
        found
    }

    /// One landed commit: the pull request, or that the commit is the merge of none.
    fn landed(&mut self, body: &Value, at: &str, commit: &Value) -> Vec<Found> {
        let Some(pull) = self.pull else {
            let ours = text(commit, "oid").is_some_and(|oid| self.commits.contains(oid));
            let at = format!("{at}/associatedPullRequests/nodes");
            let absent = self.absent(&Fact::PullRequest, at.clone(), body.pointer(&at).unwrap_or(&Value::Null));
            return absent.filter(|_| ours).into_iter().collect();
        };
        let mut found = Vec::new();
        let pulls = commit.pointer("/associatedPullRequests/nodes").and_then(Value::as_array);
        for (number, node) in pulls.into_iter().flatten().enumerate() {
            if node.get("number").and_then(Value::as_u64) == Some(pull.number) {
                self.pull_id = text(node, "id").map(str::to_owned);
                found.extend(self.pull(body, &format!("{at}/associatedPullRequests/nodes/{number}")));
            }
        }
        found
    }

    /// Comments on the commit that are reviews after the fact, or that none of those listed is.
    fn comments(&self, body: &Value, at: &str) -> Vec<Found> {
        let at = format!("{at}/comments/nodes");
        let Some(comments) = body.pointer(&at) else { return Vec::new() };
        let ours = comments.as_array().into_iter().flatten().enumerate().filter(|(_, said)| self.afterwards(said));
        let found: Vec<Found> =
            ours.filter_map(|(number, _)| self.one(&Fact::Afterwards, body, format!("{at}/{number}"))).collect();
        if found.is_empty() { self.absent(&Fact::Afterwards, at, comments).into_iter().collect() } else { found }
    }

    /// Whether a review or a comment is one of the reviews after the fact: by the same account, at the same time.
    fn afterwards(&self, said: &Value) -> bool {
        let by = said.pointer("/author/login").and_then(Value::as_str);
        let times = ["submittedAt", "createdAt", "lastEditedAt"].map(|key| text(said, key));
        self.change.post_hoc.iter().any(|review| {
            review.reviewer.as_ref().map(|who| who.login.as_str()) == by
                && times.iter().any(|time| same_time(*time, review.at))
        })
    }

    /// Errors among the answers, where the pull request could not be read.
    fn errors(&self, exchange: &Exchange, body: &Value) -> Vec<Found> {
        if !matches!(self.change.pull_request, Lookup::Failed(_)) || !self.asks_for_it(exchange) {
            return Vec::new();
        }
        let places = (0..list(body, "errors").len().min(NAMED_MAX)).map(|number| format!("/errors/{number}"));
        places.filter_map(|at| self.one(&Fact::PullRequest, body, at)).collect()
    }

    /// The pull request, or what a further page has of it.
    fn pull(&self, body: &Value, at: &str) -> Vec<Found> {
        let plain = [
            (Fact::PullRequest, "number"),
            (Fact::PullRequest, "baseRefName"),
            (Fact::PullRequest, "mergedAt"),
            (Fact::Author, "author"),
            (Fact::Head, "headRefOid"),
            (Fact::Reviews, "reviews/totalCount"),
        ];
        let mut found: Vec<Found> =
            plain.iter().filter_map(|(fact, field)| self.one(fact, body, format!("{at}/{field}"))).collect();
        for (number, review) in nodes(body, at, "reviews") {
            let fact = Fact::Review(text(review, "id").unwrap_or_default().to_owned());
            found.extend(self.one(&fact, body, format!("{at}/reviews/nodes/{number}")));
            if self.afterwards(review) {
                found.extend(self.one(&Fact::Afterwards, body, format!("{at}/reviews/nodes/{number}")));
            }
        }
        found.extend(self.one(&Fact::Paths, body, format!("{at}/files/nodes")));
        for (number, node) in nodes(body, at, "commits") {
            let fact = Fact::Commit(node.pointer("/commit/oid").and_then(Value::as_str).unwrap_or_default().to_owned());
            found.extend(self.one(&fact, body, format!("{at}/commits/nodes/{number}/commit")));
        }
        for (number, event) in nodes(body, at, "timelineItems") {
            let fact = self.event(event);
            found.extend(fact.and_then(|fact| self.one(&fact, body, format!("{at}/timelineItems/nodes/{number}"))));
        }
        // Nobody was assigned: the absence gives way to any that is found.
        let timeline = format!("{at}/timelineItems/nodes");
        if let Some(events) = body.pointer(&timeline) {
            found.extend(self.absent(&Fact::Initiator, timeline, events));
        }
        found
    }

    fn event(&self, event: &Value) -> Option<Fact> {
        let inner = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        match text(event, "__typename")? {
            "ReviewDismissedEvent" => Some(Fact::Dismissal(inner("/review/id")?.to_owned())),
            "HeadRefForcePushedEvent" => {
                let oid = inner("/afterCommit/oid")?;
                self.pushed(oid, text(event, "createdAt")).then(|| Fact::Push(oid.to_owned()))
            }
            "BaseRefChangedEvent" | "AutomaticBaseChangeSucceededEvent" => Some(Fact::BaseChange),
            "AddedToMergeQueueEvent" => Some(Fact::Enqueuer),
            "AssignedEvent" => {
                let initiator = self.pull.and_then(|pull| pull.initiator.as_deref());
                let names = ["/actor/login", "/assignee/login"].map(inner);
                (initiator.is_none() || names.contains(&initiator)).then_some(Fact::Initiator)
            }
            _ => None,
        }
    }

    fn one(&self, fact: &Fact, document: &Value, pointer: String) -> Option<Found> {
        if self.wants(fact) { found_json(fact, document, pointer) } else { None }
    }

    fn absent(&self, fact: &Fact, pointer: String, from: &Value) -> Option<Found> {
        let found = Found { fact: fact.clone(), at: At::Pointer(pointer), stands: Stands::without_it(Some(from)) };
        self.wants(fact).then_some(found)
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn fields<'v>(body: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    body.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn nodes<'v>(body: &'v Value, at: &str, connection: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    body.pointer(&format!("{at}/{connection}/nodes")).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn same_time(text: Option<&str>, at: chrono::DateTime<chrono::Utc>) -> bool {
    text.and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok()) == Some(at)
}

/// The branch that rule suites were asked of.
fn branch_of(url: &Url) -> Option<String> {
    let query: BTreeMap<_, _> = url.query_pairs().collect();
    query.get("ref")?.strip_prefix("refs/heads/").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change() -> Change {
        let commit = |oid: &str, at: &str| json!({ "oid": oid, "authors": [], "pushed_by": "ann", "pushed_at": at, "changes_content": true });
        let pull = json!({
            "number": 7, "author": null, "initiator": null, "base": "main", "merged_at": "2026-01-03T00:00:00Z",
            "head": "bb", "same_as_landed": true, "reviews": [], "dismissals": [], "base_changed_at": null, "owners_of_paths": null,
            "commits": [commit("aa", "2026-01-01T00:00:00Z"), commit("bb", "2026-01-02T00:00:00Z")], "rule": "pass",
        });
        let change = json!({
            "id": "acme/shop#7@cc", "repository": "acme/shop", "branch": "main", "url": "", "paths": null, "authors": [],
            "landing": {
                "kind": "pr_merge", "actor": null, "at": "2026-01-03T00:00:00Z", "before": "00", "after": "cc",
            },
            "pull_request": { "found": pull }, "post_hoc": [],
        });
        serde_json::from_value(change).unwrap()
    }

    #[test]
    fn a_push_that_the_run_before_remembered_is_found_in_what_it_left_and_only_the_very_one() {
        let change = change();
        let item = Item::Change(&change);
        let facts = [Fact::Push("bb".to_owned()), Fact::Push("aa".to_owned())];
        let mut locator = locate(&item, &facts);
        let run = json!({ "task": { "carry": { "repositories": { "acme/shop": { "pushes": { "refs/heads/x": [
            { "oid": "aa", "by": "eve", "at": "2026-01-01T09:00:00Z" },
            { "oid": "bb", "by": "ann", "at": "2026-01-02T00:00:00Z" },
            { "oid": "bb", "by": "eve", "at": "2026-01-04T00:00:00Z" },
        ] } } } } } });
        let found = locator(Sealed::Run(&run));
        let [found] = found.as_slice() else { panic!("{found:?}") };
        let At::Pointer(at) = &found.at else { panic!("{found:?}") };
        assert_eq!((&found.fact, run.pointer(at).unwrap()["by"].as_str()), (&facts[0], Some("ann")));
        assert!(at.ends_with("/acme~1shop/pushes/refs~1heads~1x/1"), "{at}");
    }
}
