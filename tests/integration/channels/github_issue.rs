//! Issues on GitHub: one for each subject, whatever is repeated or lost. The other side is a small GitHub of the
//! tests; what it is asked and what it answers is held to GitHub's published schemas.

use super::{Bed, drifted, item, letter, now, refusal, resolved};
use crate::github_changes::bed::held_to_schemas;
use crate::support::sink::{Got, Say, Sink, say};
use evidenced::notify::message::{Message, Subject};
use evidenced::notify::{Again, Channel};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Repository {
    issues: Vec<Issue>,
    /// The token may not give labels.
    drops_labels: bool,
    /// Does what it is asked and lets nobody know.
    loses: u32,
    exchanges: Vec<Value>,
}

#[derive(Default, Clone)]
struct Issue {
    title: String,
    body: String,
    labels: Vec<String>,
    closed: bool,
    pull_request: bool,
    comments: Vec<String>,
}

type Shared = Arc<Mutex<Repository>>;

impl Repository {
    fn answer(&mut self, got: &Got) -> Say {
        let (status, body) = self.operate(got);
        let url = format!("https://api.github.com{}", got.target);
        let request = json!({ "method": got.method, "url": url, "body": got.body });
        self.exchanges.push(json!({ "request": request, "status": status, "body": body.to_string() }));
        if self.loses > 0 && got.method != "GET" {
            self.loses -= 1;
            return Say::Close;
        }
        say(status, &body.to_string())
    }

    fn operate(&mut self, got: &Got) -> (u16, Value) {
        let url = url::Url::parse(&format!("https://x{}", got.target)).unwrap();
        let path: Vec<&str> = url.path_segments().unwrap().collect();
        let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(path[..4], ["repos", "acme", "compliance", "issues"]);
        let number = path.get(4).map(|number| number.parse::<usize>().unwrap());
        match (got.method.as_str(), number, path.get(5).copied()) {
            ("GET", None, None) => (200, self.listed(query)),
            ("POST", None, None) => {
                let new = got.json();
                let labels = if self.drops_labels { Vec::new() } else { strings(&new["labels"]) };
                self.issues.push(Issue {
                    title: text(&new["title"]),
                    body: text(&new["body"]),
                    labels,
                    ..Issue::default()
                });
                (201, shown(self.issues.len(), self.issues.last().unwrap()))
            }
            ("PATCH", Some(number), None) => {
                self.issues[number - 1].closed = got.json()["state"] == "closed";
                (200, shown(number, &self.issues[number - 1]))
            }
            ("GET", Some(number), Some("comments")) => {
                let comments = self.issues[number - 1].comments.iter().enumerate();
                let comments = paged(comments.map(|(at, body)| comment(at, body)).collect(), query);
                (200, comments)
            }
            ("POST", Some(number), Some("comments")) => {
                let body = text(&got.json()["body"]);
                let comments = &mut self.issues[number - 1].comments;
                comments.push(body.clone());
                (201, comment(comments.len(), &body))
            }
            ("POST", Some(_), Some("labels")) => {
                (403, json!({ "message": "Resource not accessible", "documentation_url": "https://docs.github.com" }))
            }
            other => panic!("{other:?}"),
        }
    }

    fn listed(&self, query: impl Fn(&str) -> Option<String>) -> Value {
        let (label, closed) = (query("labels").unwrap(), query("state").unwrap() == "closed");
        let ours = |issue: &Issue| issue.labels.contains(&label) && issue.closed == closed;
        let mut found: Vec<Value> = self
            .issues
            .iter()
            .enumerate()
            .filter(|(_, issue)| ours(issue))
            .map(|(at, issue)| shown(at + 1, issue))
            .collect();
        if query("direction").unwrap() == "desc" {
            found.reverse();
        }
        paged(found, query)
    }
}

fn paged(all: Vec<Value>, query: impl Fn(&str) -> Option<String>) -> Value {
    let number = |name: &str| query(name).unwrap().parse::<usize>().unwrap();
    all.into_iter().skip((number("page") - 1) * number("per_page")).take(number("per_page")).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(text).collect()
}

fn shown(number: usize, issue: &Issue) -> Value {
    let url = "https://api.github.com/repos/acme/compliance/issues";
    let at = "2026-03-02T08:00:00Z";
    let mut shown = json!({
        "id": 1000 + number, "node_id": "I_1", "number": number, "title": issue.title,
        // GitHub ends lines in its own way.
        "body": issue.body.replace('\n', "\r\n"),
        "state": if issue.closed { "closed" } else { "open" },
        "labels": issue.labels.iter().map(|name| json!({ "id": 1, "node_id": "L_1", "name": name, "color": "ededed", "default": false, "description": null, "url": url })).collect::<Vec<_>>(),
        "comments": issue.comments.len(), "url": url, "repository_url": url, "labels_url": url, "comments_url": url,
        "events_url": url, "html_url": url, "user": null, "assignee": null, "assignees": [], "milestone": null,
        "locked": false, "closed_at": null, "created_at": at, "updated_at": at, "author_association": "MEMBER",
    });
    if issue.pull_request {
        shown["pull_request"] = json!({ "url": url, "html_url": url, "diff_url": url, "patch_url": url });
    }
    shown
}

fn comment(number: usize, body: &str) -> Value {
    let (url, at) = ("https://api.github.com/x", "2026-03-02T08:00:00Z");
    json!({ "id": number, "node_id": "C_1", "url": url, "html_url": url, "issue_url": url, "user": null, "body": body, "created_at": at, "updated_at": at, "author_association": "MEMBER" })
}

fn github(bed: &Bed) -> (Shared, Channel) {
    let shared = Shared::default();
    let repository = shared.clone();
    let sink = Sink::start(move |got| {
        assert_eq!(got.header("authorization"), "Bearer ghp_0123456789");
        assert_eq!(got.header("x-github-api-version"), "2022-11-28");
        repository.lock().unwrap().answer(got)
    });
    let (token, url) = (bed.secret("token", "ghp_0123456789\n"), sink.url("/"));
    let channel = bed.channel(&format!(
        "way = 'github_issue'\nrepository = 'acme/compliance'\ntoken = {token}\napi_url = '{url}'\nprivate_host = '127.0.0.1'\n"
    ));
    (shared, channel)
}

/// Issues as (closed, comments).
fn state(shared: &Shared) -> Vec<(bool, usize)> {
    shared.lock().unwrap().issues.iter().map(|issue| (issue.closed, issue.comments.len())).collect()
}

fn hold(shared: &Shared) {
    let lines = shared.lock().unwrap().exchanges.iter().map(|exchange| format!("{exchange}\n")).collect::<String>();
    let (held, said) = held_to_schemas(&lines);
    assert!(held, "{said}");
}

fn other_subject(key: &str) -> Message {
    Message { subject: Subject::Collector { name: "github".into() }, ..drifted(key) }
}

#[tokio::test]
async fn an_issue_is_opened_once_commented_on_while_it_lasts_and_closed_in_the_end() {
    let bed = Bed::new();
    let (shared, github) = github(&bed);
    github.send(&letter(vec![resolved("a-0")]), now()).await.unwrap();
    assert_eq!(state(&shared), [], "what is well needs no issue");
    github.send(&letter(vec![drifted("a-1")]), now()).await.unwrap();
    let issue = shared.lock().unwrap().issues[0].clone();
    assert_eq!(
        (issue.title.as_str(), issue.labels.as_slice()),
        ("control SEC-001 has drifted (critical)", &["evidenced".to_owned()][..])
    );
    for said in [
        "- Owner: ` Head of Engineering `",
        "- ` acme/shop#41 ` ` deviates: no-approval `",
        "1. ` evidenced explain SEC-001 'acme/shop#41' `",
    ] {
        assert!(issue.body.contains(said), "`{said}` is not in\n{}", issue.body);
    }
    github.send(&letter(vec![drifted("a-2"), other_subject("a-3"), drifted("a-4")]), now()).await.unwrap();
    assert_eq!(state(&shared), [(false, 2), (false, 0)]);
    github.send(&letter(vec![resolved("a-5")]), now()).await.unwrap();
    assert_eq!(state(&shared), [(true, 3), (false, 0)]);
    github.send(&letter(vec![drifted("a-6")]), now()).await.unwrap();
    assert_eq!(state(&shared), [(true, 3), (false, 0), (false, 0)], "the next drift has an issue of its own");
    hold(&shared);
}

#[tokio::test]
async fn what_is_repeated_makes_neither_a_second_issue_nor_a_second_comment() {
    let bed = Bed::new();
    let (shared, github) = github(&bed);
    let mut expected = Vec::new();
    for (alert, after) in [(drifted("a-1"), (false, 0)), (drifted("a-2"), (false, 1)), (resolved("a-3"), (true, 2))] {
        expected.clear();
        expected.push(after);
        // Its answers are lost, one after another; then all is well, twice.
        let requests = if alert.ends() { 2 } else { 1 };
        for _ in 0..requests {
            shared.lock().unwrap().loses = 1;
            assert_eq!(refusal(&github, &letter(vec![alert.clone()])).await.again, Again::Later);
        }
        shared.lock().unwrap().loses = 0;
        for _ in 0..2 {
            github.send(&letter(vec![alert.clone()]), now()).await.unwrap();
            assert_eq!(state(&shared), expected);
        }
    }
    // Somebody closed the issue that an alert had opened, before it was tried again.
    github.send(&letter(vec![drifted("a-1")]), now()).await.unwrap();
    assert_eq!(state(&shared), [(true, 2)]);
    hold(&shared);
}

#[tokio::test]
async fn the_issue_is_found_among_many_and_a_pull_request_or_what_others_wrote_is_none_of_ours() {
    let bed = Bed::new();
    let (shared, github) = github(&bed);
    github.send(&letter(vec![drifted("a-1")]), now()).await.unwrap();
    {
        let mut repository = shared.lock().unwrap();
        let ours = repository.issues[0].clone();
        let unlabelled = Issue { labels: Vec::new(), ..ours.clone() };
        let pull = Issue { pull_request: true, ..ours.clone() };
        let quoted = Issue { body: ours.body.lines().map(|line| format!("> {line}\n")).collect(), ..ours.clone() };
        let mut before = vec![unlabelled, pull, quoted];
        before.extend(vec![Issue { body: "another".into(), labels: ours.labels.clone(), ..Issue::default() }; 250]);
        before.push(Issue { comments: vec!["said".into(); 230], ..ours });
        repository.issues = before;
    }
    for _ in 0..2 {
        github.send(&letter(vec![drifted("a-2")]), now()).await.unwrap();
    }
    let after = state(&shared);
    assert_eq!((after.len(), after[253]), (254, (false, 231)));
    assert!(after[..253].iter().all(|issue| *issue == (false, 0)));
    let plain = Issue { body: "another".into(), labels: vec!["evidenced".into()], ..Issue::default() };
    shared.lock().unwrap().issues = vec![plain; 1_000];
    let why = refusal(&github, &letter(vec![drifted("a-3")])).await;
    assert!(why.again == Again::Later && why.why.contains("1000 open issues"), "{why}");
    assert_eq!(shared.lock().unwrap().issues.len(), 1_000, "not found is not the same as not there");
}

#[tokio::test]
async fn an_issue_without_its_label_would_not_be_found_again_and_is_told_of() {
    let bed = Bed::new();
    let (shared, github) = github(&bed);
    shared.lock().unwrap().drops_labels = true;
    let why = refusal(&github, &letter(vec![drifted("a-1")])).await;
    assert!(why.again == Again::Never && why.why.contains("issue 1 was made without the label"), "{why}");
    hold(&shared);
}

#[tokio::test]
async fn text_from_outside_calls_nobody_and_refers_to_nothing() {
    let bed = Bed::new();
    let (shared, github) = github(&bed);
    let names = [
        "@acme/everybody",
        "#1",
        "GH-2",
        "https://github.com/acme/x/issues/3",
        "acme/x#4",
        "```\n# h",
        "<img src=x>",
        "[a](b)",
        "fixes #5 `@bob`",
    ];
    let told = Message {
        headline: names.join(" "),
        subject: Subject::Collector { name: "@bob#1".into() },
        items: names.map(|name| item(name, name)).into(),
        ..drifted("a-1")
    };
    github.send(&letter(vec![told]), now()).await.unwrap();
    let issue = shared.lock().unwrap().issues[0].clone();
    let read = super::checked(&super::python(), "tests/beds/read_markdown.py", &[], &issue.body);
    let read: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read["links"], json!([]));
    assert_eq!(read["elements"], json!(["code", "li", "ol", "p", "strong", "ul"]), "no markup but ours");
    let code = strings(&read["code"]);
    for name in names {
        let shown = name.replace('\n', "⟨U+000A⟩");
        assert!(
            code.contains(&shown) && code.contains(&format!("deviates: {shown}")),
            "{shown} can be copied from {code:?}"
        );
    }
    let prose = text(&read["text"]);
    for text in [&prose, &issue.title] {
        for c in ['@', '#'] {
            assert!(text.match_indices(c).all(|(at, _)| text[at + 1..].starts_with('\u{200b}')), "{text}");
        }
        assert!(!text.contains("://") && !text.contains("GH-2"), "{text}");
    }
    for said in ["<img src=x>", "[a](b)"] {
        assert!(prose.contains(said), "`{said}` is not in\n{prose}");
    }
}
