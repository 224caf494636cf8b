//! Which files a commit of the sample has, and what one commit changes against another. Of two edits of one
//! path among a commit's ancestors the later one holds, so merges need no resolution of their own.

use super::history::Repository;
use super::spec::Edit;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// One path of a comparison.
pub(super) struct Diff {
    pub path: String,
    pub from: Option<String>,
    pub status: &'static str,
    /// Of a removed path, the one that it was.
    pub blob: String,
}

/// The commit and everything before it.
pub(super) fn ancestors(repository: &Repository, sha: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![sha.to_owned()]);
    while let Some(sha) = open.pop() {
        if let Some(commit) = repository.commits.get(&sha)
            && seen.insert(sha)
        {
            open.extend(commit.parents.iter().cloned());
        }
    }
    seen
}

/// Where the second left the first.
pub(super) fn merge_base(repository: &Repository, base: &str, head: &str) -> Option<String> {
    let (behind, ahead) = (ancestors(repository, base), ancestors(repository, head));
    behind.intersection(&ahead).max_by_key(|sha| ancestors(repository, sha).len()).cloned()
}

/// A file of a commit.
pub(super) fn entry<'r>(repository: &'r Repository, sha: &str, path: &str) -> Option<&'r Edit> {
    files(repository, sha).remove(path)
}

/// What the second commit changes against the first, by path.
pub(super) fn diff(repository: &Repository, base: &str, head: &str) -> Vec<Diff> {
    let (old, new) = (files(repository, base), files(repository, head));
    let sources: BTreeSet<&String> = new.values().filter_map(|edit| edit.from.as_ref()).collect();
    let mut all = Vec::new();
    for path in old.keys().chain(new.keys().filter(|path| !old.contains_key(**path))) {
        let (was, now) = (old.get(path), new.get(path));
        let from = now.and_then(|now| now.from.clone()).filter(|from| old.contains_key(from.as_str()));
        let status = match (was, now) {
            (None, Some(_)) if from.is_some() => "renamed",
            (None, Some(_)) => "added",
            (Some(_), None) if sources.contains(&(*path).to_owned()) => continue,
            (Some(_), None) => "removed",
            (Some(was), Some(now)) if blob_id(was) != blob_id(now) || was.executable != now.executable => "modified",
            (Some(_), Some(_)) | (None, None) => continue,
        };
        let blob = now.or(was).map(|edit| blob_id(edit)).unwrap_or_default();
        all.push(Diff { path: (*path).to_owned(), from: from.filter(|_| status == "renamed"), status, blob });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// The file that a blob is.
pub(super) fn blob<'r>(repository: &'r Repository, oid: &str) -> Option<&'r Edit> {
    repository
        .commits
        .values()
        .flat_map(|commit| &commit.edits)
        .find(|edit| edit.text.is_some() && blob_id(edit) == oid)
}

/// The id of a file's content.
pub(super) fn blob_id(edit: &Edit) -> String {
    let digest = Sha256::digest(format!("blob {}", edit.text.as_deref().unwrap_or_default()));
    hex::encode(digest).chars().take(40).collect()
}

fn files<'r>(repository: &'r Repository, sha: &str) -> BTreeMap<&'r str, &'r Edit> {
    let known = ancestors(repository, sha);
    let mut commits: Vec<_> = known.iter().filter_map(|sha| repository.commits.get(sha)).collect();
    commits.sort_by_cached_key(|commit| (commit.at, ancestors(repository, &commit.sha).len()));
    let mut files = BTreeMap::new();
    for edit in commits.into_iter().flat_map(|commit| &commit.edits) {
        if let Some(from) = &edit.from {
            files.remove(from.as_str());
        }
        match edit.text {
            Some(_) => files.insert(edit.path.as_str(), edit),
            None => files.remove(edit.path.as_str()),
        };
    }
    files
}
