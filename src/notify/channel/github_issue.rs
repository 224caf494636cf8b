//! One issue on GitHub for each subject: opened by its first alert, commented on by later ones, closed when the
//! subject is well again.
//!
//! No state of ours: the open issue of a subject is found among those with our label (which outsiders cannot give)
//! by a mark in its text, and an alert that was said already by a mark of its key. So a try that is repeated makes
//! neither a second issue nor a second comment. `text` has the form of both.

mod text;

use super::{one_by_one, secret};
use crate::config::GithubIssue;
use crate::notify::Refusal;
use crate::notify::message::{Letter, Message};
use crate::outside::{Address, Answer, Outside, Request};
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

/// Issues or comments on a page; the most that GitHub gives.
const PAGE: usize = 100;
/// Most pages of open issues: one for each subject, so more are not ours.
const PAGES: usize = 10;
/// Largest answer, bytes: a page of issues with the longest texts.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A repository's issues.
struct Issues<'a> {
    outside: &'a Outside,
    address: Address,
    token: SecretString,
    label: &'a str,
    now: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    body: Option<String>,
    comments: usize,
    labels: Vec<Label>,
    /// GitHub lists pull requests among issues.
    pull_request: Option<serde::de::IgnoredAny>,
}

/// GitHub gives a label's name, or a label.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Name(String),
    Whole { name: Option<String> },
}

#[derive(Deserialize)]
struct Comment {
    body: Option<String>,
}

pub(super) async fn send(
    config: &GithubIssue,
    outside: &Outside,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let address = Address::outside(&config.api_url, config.private_host.as_deref());
    let address = address.map_err(|why| Refusal::ours("its address", why))?;
    let (owner, name) = config.owner_and_name().ok_or_else(|| Refusal::ours("its repository", "cannot name one"))?;
    let address = address.at(&["repos", owner, name, "issues"], &[]);
    let token = secret("its token", &config.token)?;
    let issues = Issues { outside, address, token, label: &config.label, now };
    for (before, record, message) in one_by_one(letter) {
        let told = issues.tell(record, message, letter.delayed.as_deref()).await;
        told.map_err(|refusal| refusal.after(before))?;
    }
    Ok(())
}

impl Issues<'_> {
    async fn tell(&self, record: u64, message: &Message, delayed: Option<&str>) -> Result<(), Refusal> {
        let open = self.open(&text::subject_mark(message)).await?;
        let Some(issue) = open else {
            // An issue that somebody closed meanwhile has said it, too; and what is well needs none.
            if message.ends() || self.said_in_closed(&text::alert_mark(message)).await? {
                return Ok(());
            }
            return self.make(record, message, delayed).await;
        };
        if !self.said_in(&issue, &text::alert_mark(message)).await? {
            let comment = json!({ "body": text::comment(record, message, delayed) });
            self.ask(Method::POST, &[&issue.number.to_string(), "comments"], &[], Some(comment), 201).await?;
        }
        if message.ends() {
            let closed = json!({ "state": "closed", "state_reason": "completed" });
            self.ask(Method::PATCH, &[&issue.number.to_string()], &[], Some(closed), 200).await?;
        }
        Ok(())
    }

    /// The open issue with the mark; the oldest, if there are several.
    async fn open(&self, mark: &str) -> Result<Option<Issue>, Refusal> {
        for page in 1..=PAGES {
            let query = [("state", "open"), ("sort", "created"), ("direction", "asc")];
            let issues = self.list(page, &query).await?;
            let last = issues.len() < PAGE;
            let ours = |issue: &Issue| issue.pull_request.is_none() && text::has(issue.body.as_deref(), mark);
            if let Some(issue) = issues.into_iter().find(ours) {
                return Ok(Some(issue));
            }
            if last {
                return Ok(None);
            }
        }
        let why = format!("more than {} open issues have the label `{}`", PAGE * PAGES, self.label);
        Err(Refusal::later(why, "give ours a `label` of their own"))
    }

    /// Whether one of the issues that were closed last began with this alert.
    async fn said_in_closed(&self, mark: &str) -> Result<bool, Refusal> {
        let query = [("state", "closed"), ("sort", "updated"), ("direction", "desc")];
        let issues = self.list(1, &query).await?;
        Ok(issues.iter().any(|issue| text::has(issue.body.as_deref(), mark)))
    }

    async fn list(&self, page: usize, query: &[(&str, &str)]) -> Result<Vec<Issue>, Refusal> {
        let (page, per_page) = (page.to_string(), PAGE.to_string());
        let mut all = vec![("labels", self.label), ("per_page", per_page.as_str()), ("page", page.as_str())];
        all.extend(query);
        read(&self.ask(Method::GET, &[], &all, None, 200).await?)
    }

    /// Whether the issue, or one of its newest comments, says this alert. A repeated try comes soon after the
    /// first, so the last two pages have it.
    async fn said_in(&self, issue: &Issue, mark: &str) -> Result<bool, Refusal> {
        if text::has(issue.body.as_deref(), mark) {
            return Ok(true);
        }
        let last = issue.comments.div_ceil(PAGE);
        for page in (last.saturating_sub(1).max(1)..=last).rev() {
            let (page, per_page) = (page.to_string(), PAGE.to_string());
            let query = [("per_page", per_page.as_str()), ("page", page.as_str())];
            let path = [&*issue.number.to_string(), "comments"];
            let comments: Vec<Comment> = read(&self.ask(Method::GET, &path, &query, None, 200).await?)?;
            if comments.iter().any(|comment| text::has(comment.body.as_deref(), mark)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn make(&self, record: u64, message: &Message, delayed: Option<&str>) -> Result<(), Refusal> {
        let body = text::issue(record, message, delayed);
        let new = json!({ "title": text::title(message), "body": body, "labels": [self.label] });
        let made: Issue = read(&self.ask(Method::POST, &[], &[], Some(new), 201).await?)?;
        // GitHub drops labels without a word when the token may not give them. Then nobody would find it again.
        if made.labels.iter().any(|label| label.name().eq_ignore_ascii_case(self.label)) {
            return Ok(());
        }
        let labels = json!({ "labels": [self.label] });
        let labelled = self.ask(Method::POST, &[&made.number.to_string(), "labels"], &[], Some(labels), 200).await;
        labelled.map(|_| ()).map_err(|refusal| {
            let why = format!("issue {} was made without the label `{}`: {}", made.number, self.label, refusal.why);
            Refusal::never(why, "give the issue its label by hand, and the token write access to the repository")
        })
    }

    /// Asks once; any other status than `wanted` is a refusal.
    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
        wanted: u16,
    ) -> Result<Answer, Refusal> {
        let request = match body {
            Some(body) => Request::send(method, "application/json", body.to_string().into_bytes()),
            None => Request::get(),
        };
        let request = request
            .with(ACCEPT, HeaderValue::from_static("application/vnd.github+json"))
            .with(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"))
            .with_secret(AUTHORIZATION, "Bearer ", &self.token)
            .ok_or_else(|| Refusal::ours("its token", "it is no value of a header"))?;
        let answer = self.outside.ask(&self.address.at(path, query), request, ANSWER_BYTES_MAX).await?;
        if answer.status == wanted { Ok(answer) } else { Err(Refusal::answered(&answer, self.now)) }
    }
}

impl Label {
    fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Whole { name } => name.as_deref().unwrap_or_default(),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, Refusal> {
    let wrong = |error| Refusal::later(format!("its answer cannot be read: {error}"), "is `api_url` right?");
    serde_json::from_slice(&answer.body).map_err(wrong)
}
