//! Comparisons of two commits: the commits and paths of an update that is not one merged pull request, and
//! what one commit changes against where it left another.

use crate::contract::{CollectError, CommitAuthor};
use crate::sources::github::client::{CONTENTS, Client, malformed, stated};
use http::StatusCode;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The account that GitHub's own buttons commit as.
pub(super) const WEB_FLOW: &str = "web-flow";
/// Pages read of one comparison, a hundred commits each.
const PAGES_MAX: u32 = 100;
/// GitHub lists no more paths than this; a list as long may be cut.
const FILES_MAX: usize = 300;

/// One update's content.
pub(super) struct Range {
    /// Commits that the branch went through, newest first: first parents only.
    pub walk: Vec<String>,
    /// The first parent of the last of them, where the comparison ends: the old state, unless a merge that brought
    /// it along has another first parent.
    pub from: Option<String>,
    /// Every commit, oldest first.
    pub all: Vec<String>,
    /// Every author and committer, once, in the order of their commits; co-authors are not listed here.
    pub people: Vec<CommitAuthor>,
    /// Paths touched; `None` where the list may be cut.
    pub paths: Option<Vec<String>>,
    /// Where a person can look at it.
    pub url: String,
    /// Whether the two could be compared.
    pub compared: bool,
}

impl Range {
    /// What replaced something that it cannot be compared with: the new state alone is known.
    fn alone(after: &str) -> Self {
        let (oid, people) = (after.to_owned(), vec![CommitAuthor { login: None }]);
        let (walk, all, url) = (vec![oid.clone()], vec![oid.clone()], oid);
        Self { walk, from: None, all, people, paths: None, url, compared: false }
    }
}

#[derive(Deserialize)]
struct Page {
    html_url: String,
    total_commits: usize,
    commits: Vec<Commit>,
    files: Option<Vec<File>>,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    #[serde(deserialize_with = "stated")]
    author: Option<Author>,
    #[serde(deserialize_with = "stated")]
    committer: Option<Author>,
    parents: Vec<Parent>,
}

/// GitHub gives `{}` for some commits without an account.
#[derive(Deserialize)]
struct Author {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Parent {
    sha: String,
}

/// One path of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct File {
    pub filename: String,
    /// Of a renamed or copied one.
    pub previous_filename: Option<String>,
    pub status: Status,
    /// The blob, of a removed file the one that it was; `null` for what is no file.
    #[serde(deserialize_with = "stated")]
    pub sha: Option<String>,
}

impl File {
    /// Its path, and the one that it comes from.
    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.filename).chain(&self.previous_filename)
    }
}

/// What became of a path; another word is an answer that we do not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Added,
    Removed,
    Modified,
    Renamed,
    Copied,
    /// The file's type.
    Changed,
    Unchanged,
}

impl Status {
    /// Whether there is a path that it comes from.
    pub(super) fn moves(self) -> bool {
        matches!(self, Self::Renamed | Self::Copied)
    }
}

/// What one commit changes since it left another.
pub(super) struct Diff {
    /// Where it left.
    pub merge_base: String,
    /// Sorted; `None` where the list may be cut.
    pub files: Option<Vec<File>>,
}

/// Reads what `head` changes since it left `base`. `None`: GitHub cannot compare them, because it does not
/// have one of them any more or they share no history.
pub(super) async fn diff(
    client: &Client,
    repository: &str,
    base: &str,
    head: &str,
) -> Result<Option<Diff>, CollectError> {
    #[derive(Deserialize)]
    struct Wire {
        merge_base_commit: Parent,
        files: Option<Vec<File>>,
    }
    let what = format!("repository {repository}: comparison {base}...{head}");
    // The first page has every path, whatever the number of commits.
    let answer =
        client.get(&what, &format!("/repos/{repository}/compare/{base}...{head}?per_page=1&page=1"), None).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let wire: Wire = answer.json(&what, CONTENTS)?;
    let mut files = wire.files.filter(|files| files.len() < FILES_MAX);
    if let Some(files) = &mut files {
        files.sort();
    }
    Ok(Some(Diff { merge_base: wire.merge_base_commit.sha, files }))
}

/// Reads what `after` has and `before` has not. Where it was `forced`, GitHub may not be able to compare them: they
/// share no history, or it does not have the old one any more.
pub(super) async fn read(
    client: &Client,
    repository: &str,
    (before, after): (&str, &str),
    forced: bool,
) -> Result<Range, CollectError> {
    let what = format!("repository {repository}: comparison {before}...{after}");
    let mut path = format!("/repos/{repository}/compare/{before}...{after}?per_page=100&page=1");
    let mut visited = BTreeSet::new();
    let (mut commits, mut total, mut files, mut url) = (Vec::<Commit>::new(), None, None, String::new());
    loop {
        if !visited.insert(path.clone()) {
            return Err(malformed(&what, "a page names itself or an earlier one as the next".to_owned()));
        }
        if visited.len() > PAGES_MAX as usize {
            return Err(CollectError::Limit { what, why: format!("more than {PAGES_MAX} pages of commits") });
        }
        let answer = client.get(&what, &path, None).await?;
        if forced && visited.len() == 1 && answer.status == StatusCode::NOT_FOUND {
            return Ok(Range::alone(after));
        }
        let page: Page = answer.json(&what, CONTENTS)?;
        if total.replace(page.total_commits).is_some_and(|before| before != page.total_commits) {
            return Err(malformed(&what, "the stated number of commits changed between pages".to_owned()));
        }
        if visited.len() == 1 {
            (files, url) = (page.files, page.html_url);
        }
        commits.extend(page.commits);
        match client.next(&what, &answer.headers)? {
            Some(next) => path = next,
            None => break,
        }
    }
    if total != Some(commits.len()) {
        let stated = total.unwrap_or_default();
        return Err(malformed(&what, format!("{} commits listed, {stated} stated", commits.len())));
    }
    let mut shas = BTreeSet::new();
    if let Some(twice) = commits.iter().find(|commit| !shas.insert(&commit.sha)) {
        return Err(malformed(&what, format!("commit {} is listed twice", twice.sha)));
    }
    if let Some(stray) = stray(&commits, after) {
        return Err(malformed(&what, format!("commit {stray} is listed, and nothing leads to it from the new state")));
    }
    let (walk, from) = walk(&commits, after);
    if walk.is_empty() && !commits.is_empty() {
        return Err(malformed(&what, "the commits listed do not lead to the new state".to_owned()));
    }
    let people = people(&commits);
    let all = commits.into_iter().map(|commit| commit.sha).collect();
    Ok(Range { walk, from, all, people, paths: files.and_then(paths), url, compared: true })
}

/// A commit that is not among the new state's ancestors: then parents are missing from the answer.
fn stray<'a>(commits: &'a [Commit], after: &str) -> Option<&'a str> {
    let listed: BTreeMap<&str, &Commit> = commits.iter().map(|commit| (commit.sha.as_str(), commit)).collect();
    let (mut seen, mut open) = (BTreeSet::new(), vec![after]);
    while let Some(commit) = open.pop().and_then(|sha| listed.get(sha)) {
        if seen.insert(commit.sha.as_str()) {
            open.extend(commit.parents.iter().map(|parent| parent.sha.as_str()).filter(|sha| listed.contains_key(sha)));
        }
    }
    listed.into_keys().find(|sha| !seen.contains(sha))
}

/// First parents from `after`, as far as the comparison holds them, and the first one that it does not hold.
fn walk(commits: &[Commit], after: &str) -> (Vec<String>, Option<String>) {
    let parents: BTreeMap<&str, Option<&str>> =
        commits.iter().map(|c| (c.sha.as_str(), c.parents.first().map(|p| p.sha.as_str()))).collect();
    let mut walk = Vec::new();
    let mut at = Some(after);
    while let Some((sha, parent)) = at.and_then(|sha| parents.get_key_value(sha)) {
        if walk.len() == parents.len() {
            break;
        }
        walk.push((*sha).to_owned());
        at = *parent;
    }
    (walk, at.map(str::to_owned))
}

fn people(commits: &[Commit]) -> Vec<CommitAuthor> {
    let mut people = Vec::new();
    for who in commits.iter().flat_map(|commit| [&commit.author, &commit.committer]) {
        let login = who.as_ref().and_then(|who| who.login.clone());
        if login.as_deref() != Some(WEB_FLOW) {
            add(&mut people, CommitAuthor { login });
        }
    }
    people
}

/// Each once.
pub(super) fn add(people: &mut Vec<CommitAuthor>, who: CommitAuthor) {
    if !people.contains(&who) {
        people.push(who);
    }
}

fn paths(files: Vec<File>) -> Option<Vec<String>> {
    if files.len() >= FILES_MAX {
        return None;
    }
    let all: BTreeSet<String> =
        files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten().collect();
    Some(all.into_iter().collect())
}
