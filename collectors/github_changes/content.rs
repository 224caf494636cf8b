//! Whether what was approved is what was merged, where the commits' ids do not tell it: after a rebase, or a
//! merge of the base into the branch. Reads paths, blob ids and file modes, never a text.
//!
//! Two comparisons give what the approved commit and the merged one each change against where they left the
//! base. Both must list the same paths with the same status and the same blob. That alone is not enough: the
//! same blob over a base that moved on would take back what the base changed. So each path must also be the
//! same, in id and mode, at both merge bases, and at both commits.
//!
//! The same comparison shows whether a merge that somebody pushed is its pull request: the tree of such a commit
//! can be anything.

use super::compare::{self, Diff, File, Status};
use super::settings::Repository;
use crate::contract::{Change, CollectError, LandingKind, Lookup, PullRequest, Review, ReviewState, Unread};
use crate::sources::github::client::{CONTENTS, Client, malformed};
use crate::sources::github::graphql;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Approved commits compared for one pull request, those of the newest reviews first. Nearly always one.
const APPROVED_MAX: usize = 4;
/// Files asked for by one request.
const FILES_AT_ONCE: usize = 200;

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub unread: Vec<Unread>,
    /// Approvals that stay unproven, because GitHub does not have the commit any more or lists too much.
    pub not_compared: usize,
}

type Diffs = BTreeMap<(String, String), Result<Option<Arc<Diff>>, CollectError>>;
type Files = BTreeMap<(String, String), Result<Option<Entry>, CollectError>>;

/// Whether two commits change the same against one base.
pub(super) struct Question {
    /// Where the production branch was.
    pub base: String,
    /// The one that was looked at.
    pub approved: String,
    /// The one that came of it.
    pub merged: String,
}

/// What a merge that somebody pushed is to its pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is shown to bring what the pull request holds, and nothing else.
    Same,
    /// It brings something else.
    Different,
    /// It cannot be told: the base had changed the same files, or GitHub cannot compare them.
    Unknown,
}

/// An approved commit whose comparison lists the same as the merged one's.
struct Candidate {
    /// What it is asked for: its number among the changes, or the questions.
    of: usize,
    approved: String,
    head: String,
    /// Where each left the base.
    bases: (String, String),
    touched: Arc<Diff>,
}

/// A file in one commit.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Entry {
    oid: String,
    mode: u32,
}

/// Sets `same_as_merged` wherever it can be shown. A comparison that was refused, or not answered, fails the
/// change's look-up. Fails as a whole only without sign-in.
pub(super) async fn compare_approved(
    client: &Client,
    repository: &Repository,
    changes: &mut [Change],
) -> Result<Outcome, CollectError> {
    let (mut outcome, mut diffs, mut candidates) = (Outcome::default(), Diffs::new(), Vec::new());
    for (number, change) in changes.iter_mut().enumerate() {
        let commits = open_questions(change);
        outcome.not_compared += commits.len().saturating_sub(APPROVED_MAX);
        for approved in commits.into_iter().take(APPROVED_MAX) {
            let Lookup::Found(pr) = &change.pull_request else { continue };
            let question = Question { base: change.landing.before.clone(), approved, merged: pr.head.clone() };
            match candidate(client, repository, (number, &question), &mut diffs).await {
                Ok(Found::Same(candidate)) => candidates.push(candidate),
                Ok(Found::Different) => {}
                Ok(Found::NotComparable) => outcome.not_compared += 1,
                Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
                Err(error) => fail(change, &error, &mut outcome),
            }
        }
    }
    let files = files(client, repository, candidates.iter().flat_map(Candidate::files).collect()).await?;
    for candidate in &candidates {
        let change = &mut changes[candidate.of];
        match candidate.is_shown_by(&files) {
            Ok(true) => mark(change, &candidate.approved),
            Ok(false) => {}
            Err(error) => fail(change, &error, &mut outcome),
        }
    }
    Ok(outcome)
}

/// What each pushed merge is to its pull request, in the order of the questions. Fails as a whole only without
/// sign-in.
pub(super) async fn compare_pushed(
    client: &Client,
    repository: &Repository,
    questions: &[Question],
) -> Result<Vec<Result<Likeness, CollectError>>, CollectError> {
    let (mut likeness, mut diffs, mut candidates) = (Vec::new(), Diffs::new(), Vec::new());
    for (number, question) in questions.iter().enumerate() {
        likeness.push(match candidate(client, repository, (number, question), &mut diffs).await {
            // Until its files have been looked at.
            Ok(Found::Same(candidate)) => {
                candidates.push(candidate);
                Ok(Likeness::Unknown)
            }
            Ok(Found::Different) => unlike(client, repository, question, &mut diffs).await,
            Ok(Found::NotComparable) => Ok(Likeness::Unknown),
            Err(error) => Err(error),
        });
    }
    let files = files(client, repository, candidates.iter().flat_map(Candidate::files).collect()).await?;
    for candidate in &candidates {
        likeness[candidate.of] = match candidate.is_shown_by(&files) {
            Ok(true) => Ok(Likeness::Same),
            Ok(false) => unlike(client, repository, &questions[candidate.of], &mut diffs).await,
            Err(error) => Err(error),
        };
    }
    let unauthenticated =
        |read: &&Result<Likeness, CollectError>| matches!(read, Err(CollectError::Unauthenticated { .. }));
    match likeness.iter().find(unauthenticated) {
        Some(Err(error)) => Err(error.clone()),
        Some(Ok(_)) | None => Ok(likeness),
    }
}

/// A merge that does not bring what its pull request holds brings something else, unless the base had changed the
/// same files: then every merge of the two is a third thing.
async fn unlike(
    client: &Client,
    repository: &Repository,
    question: &Question,
    diffs: &mut Diffs,
) -> Result<Likeness, CollectError> {
    let (name, base) = (&repository.name, &question.base);
    let Some(seen) = diff(client, name, (base, &question.approved), diffs).await? else {
        return Ok(Likeness::Unknown);
    };
    if seen.merge_base == *base {
        return Ok(if seen.files.is_some() { Likeness::Different } else { Likeness::Unknown });
    }
    let moved = diff(client, name, (&seen.merge_base, base), diffs).await?;
    let (Some(seen), Some(moved)) = (&seen.files, moved.as_ref().and_then(|moved| moved.files.as_ref())) else {
        return Ok(Likeness::Unknown);
    };
    let touched: BTreeSet<&String> = moved.iter().flat_map(File::paths).collect();
    let both = seen.iter().flat_map(File::paths).any(|path| touched.contains(path));
    Ok(if both { Likeness::Unknown } else { Likeness::Different })
}

fn fail(change: &mut Change, error: &CollectError, outcome: &mut Outcome) {
    let unread = error.unread().swap_remove(0);
    change.pull_request = Lookup::Failed(format!("what was approved could not be compared: {}", unread.why));
    outcome.unread.push(unread);
}

fn mark(change: &mut Change, approved: &str) {
    if let Lookup::Found(pr) = &mut change.pull_request {
        let of_commit = pr.reviews.iter_mut().filter(|review| review.commit.as_deref() == Some(approved));
        of_commit.for_each(|review| review.same_as_merged = true);
    }
}

/// Commits that were approved before the merge, and that the ids of the pull request's commits neither show to
/// be what was merged nor show to be something else; those of the newest reviews first, each once.
fn open_questions(change: &Change) -> Vec<String> {
    let Lookup::Found(pr) = &change.pull_request else { return Vec::new() };
    let ends_at_head = pr.commits.last().is_some_and(|last| last.oid == pr.head);
    if change.landing.kind == LandingKind::ForcePush || pr.base != change.branch || !ends_at_head {
        return Vec::new();
    }
    let mut reviews: Vec<&Review> = pr.reviews.iter().filter(|review| stood(pr, review)).collect();
    reviews.sort_by_key(|review| std::cmp::Reverse(review.at));
    let mut seen = BTreeSet::new();
    let commits = reviews.into_iter().filter_map(|review| review.commit.clone());
    commits.filter(|commit| is_open(pr, commit) && seen.insert(commit.clone())).collect()
}

/// Whether it was an approval at the merge, of this base.
fn stood(pr: &PullRequest, review: &Review) -> bool {
    let dismissed_later = || {
        let mut of_it = pr.dismissals.iter().filter(|dismissal| dismissal.review == review.id);
        of_it.any(|dismissal| dismissal.was == ReviewState::Approved && dismissal.at > pr.merged_at)
    };
    let approved = match review.state {
        ReviewState::Approved => true,
        ReviewState::Dismissed => dismissed_later(),
        ReviewState::ChangesRequested | ReviewState::Commented => false,
    };
    approved && review.at <= pr.merged_at && pr.base_changed_at.is_none_or(|at| at <= review.at)
}

fn is_open(pr: &PullRequest, approved: &str) -> bool {
    if approved == pr.head {
        return false;
    }
    match pr.commits.iter().position(|commit| commit.oid == approved) {
        // Replaced by a forced push, of a rebase perhaps.
        None => true,
        // Followed by updates from the base, and nothing else.
        Some(position) => pr.commits[position + 1..].iter().all(|commit| commit.changes_content.is_none()),
    }
}

enum Found {
    Same(Candidate),
    Different,
    NotComparable,
}

async fn candidate(
    client: &Client,
    repository: &Repository,
    (of, question): (usize, &Question),
    diffs: &mut Diffs,
) -> Result<Found, CollectError> {
    let Question { base, approved, merged: head } = question;
    let Some(merged) = diff(client, &repository.name, (base, head), diffs).await? else {
        let what = format!("repository {}: comparison {base}...{head}", repository.name);
        let why = "GitHub does not have what was merged".to_owned();
        return Err(CollectError::Forbidden { what, why, permission: Some(CONTENTS.to_owned()) });
    };
    // Replaced commits stay readable on GitHub, but not for ever.
    let Some(seen) = diff(client, &repository.name, (base, approved), diffs).await? else {
        return Ok(Found::NotComparable);
    };
    match (&merged.files, &seen.files) {
        (Some(merged_files), Some(seen_files)) if merged_files == seen_files => Ok(Found::Same(Candidate {
            of,
            approved: approved.clone(),
            head: head.clone(),
            bases: (seen.merge_base.clone(), merged.merge_base.clone()),
            touched: merged.clone(),
        })),
        (Some(_), Some(_)) => Ok(Found::Different),
        _ => Ok(Found::NotComparable),
    }
}

/// Each comparison once.
async fn diff(
    client: &Client,
    repository: &str,
    (base, head): (&str, &str),
    diffs: &mut Diffs,
) -> Result<Option<Arc<Diff>>, CollectError> {
    let key = (base.to_owned(), head.to_owned());
    if let Some(known) = diffs.get(&key) {
        return known.clone();
    }
    let read = compare::diff(client, repository, base, head).await.map(|diff| diff.map(Arc::new));
    diffs.insert(key, read.clone());
    read
}

impl Candidate {
    fn touched(&self) -> &[File] {
        self.touched.files.as_deref().unwrap_or_default()
    }

    fn paths(&self) -> impl Iterator<Item = &String> {
        self.touched().iter().flat_map(File::paths)
    }

    /// Every file of every commit that must be looked at.
    fn files(&self) -> impl Iterator<Item = (String, String)> {
        let commits = [&self.approved, &self.head, &self.bases.0, &self.bases.1];
        self.paths().flat_map(move |path| commits.map(|commit| (commit.clone(), path.clone())))
    }

    fn is_shown_by(&self, files: &Files) -> Result<bool, CollectError> {
        let at = |commit: &String, path: &String| match files.get(&(commit.clone(), path.clone())) {
            Some(read) => read.as_ref().map(Option::as_ref).map_err(Clone::clone),
            None => Err(malformed(&format!("commit {commit}: {path}"), "was not asked for".to_owned())),
        };
        for path in self.paths() {
            if at(&self.approved, path)? != at(&self.head, path)?
                || at(&self.bases.0, path)? != at(&self.bases.1, path)?
            {
                return Ok(false);
            }
        }
        // A path that GitHub gives in another spelling is not found in either commit, which is no equality.
        for file in self.touched() {
            let (now, was) = (at(&self.head, &file.filename)?, at(&self.bases.1, &file.filename)?);
            let source = file.previous_filename.as_ref().map(|path| at(&self.bases.1, path)).transpose()?.flatten();
            let listed = now.is_some_and(|now| Some(&now.oid) == file.sha.as_ref());
            let coherent = match file.status {
                Status::Added => listed && was.is_none(),
                Status::Removed => now.is_none() && was.is_some(),
                Status::Modified | Status::Changed => listed && was.is_some(),
                Status::Renamed | Status::Copied => listed && source.is_some(),
                Status::Unchanged => false,
            };
            if !coherent {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Looks files of commits up, many to a request. `None`: the commit has no such file.
async fn files(
    client: &Client,
    repository: &Repository,
    wanted: BTreeSet<(String, String)>,
) -> Result<Files, CollectError> {
    let wanted: Vec<(String, String)> = wanted.into_iter().collect();
    let mut files = Files::new();
    for chunk in wanted.chunks(FILES_AT_ONCE) {
        match some_files(client, repository, chunk).await {
            Ok(read) => files.extend(chunk.iter().cloned().zip(read.into_iter().map(Ok))),
            Err(error @ CollectError::Unauthenticated { .. }) => return Err(error),
            Err(error) => files.extend(chunk.iter().cloned().map(|key| (key, Err(error.clone())))),
        }
    }
    Ok(files)
}

async fn some_files(
    client: &Client,
    repository: &Repository,
    chunk: &[(String, String)],
) -> Result<Vec<Option<Entry>>, CollectError> {
    let what = format!("repository {}: {} files of compared commits", repository.name, chunk.len());
    let mut commits: Vec<&str> = chunk.iter().map(|(commit, _)| commit.as_str()).collect();
    commits.dedup();
    let mut objects = String::new();
    for (number, commit) in commits.iter().enumerate() {
        let of_commit = chunk.iter().enumerate().filter(|(_, (of, _))| of == commit);
        let asked: String =
            of_commit.map(|(file, (_, path))| format!(" f{file}:file(path:{}){{oid mode}}", json!(path))).collect();
        objects += &format!(" c{number}:object(oid:\"{commit}\"){{__typename ...on Commit{{oid{asked}}}}}");
    }
    let reply = graphql::of_repository(client, &repository.name, &what, &objects, CONTENTS).await?;
    let one = |(file, (commit, path)): (usize, &(String, String))| {
        let number = commits.iter().position(|known| known == commit);
        let found = number.and_then(|number| reply.get(&format!("c{number}")));
        let same = |found: &&Value| found["__typename"] == "Commit" && found["oid"] == **commit;
        let read = found.filter(same).and_then(|found| found.get(format!("f{file}")));
        match read {
            None => Err(malformed(&what, format!("nothing is said of {path} in {commit}"))),
            Some(Value::Null) => Ok(None),
            Some(entry) => {
                serde_json::from_value(entry.clone()).map(Some).map_err(|error| malformed(&what, error.to_string()))
            }
        }
    };
    chunk.iter().enumerate().map(one).collect()
}
