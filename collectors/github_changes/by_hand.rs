//! Merges that somebody made and pushed, instead of GitHub: whether what landed is the pull request. GitHub calls
//! a pull request merged as soon as its head is in the branch, whatever else the pushed commit brings along.

use super::chain::Step;
use super::compare::Range;
use super::content::{self, Likeness, Question};
use super::graphql::Commits;
use super::pull::{Landed, Pull};
use super::settings::Repository;
use crate::contract::{CollectError, LandingKind, Unread};
use crate::sources::github::client::Client;
use std::collections::BTreeMap;

/// By the commit that landed and the head of the pull request.
#[derive(Default)]
pub(super) struct ByHand(BTreeMap<(String, String), Result<Likeness, Unread>>);

/// Compares what was pushed as the merge of a pull request with the pull request. Fails as a whole only without
/// sign-in.
pub(super) async fn compare(
    client: &Client,
    repository: &Repository,
    pushed: impl Iterator<Item = (&Step, &Range)>,
    commits: &Commits,
) -> Result<ByHand, CollectError> {
    let mut wanted: BTreeMap<(String, String), String> = BTreeMap::new();
    for (step, range) in pushed {
        for landed in range.walk.iter().filter_map(|oid| commits.get(oid)?.as_ref().ok()) {
            for pull in landed.merged().filter(|pull| is_open(step, landed, pull)) {
                // Only a merge whose first parent the branch was at goes on from there; turned round, it would be
                // held against the pull request, and what it takes back of the branch would not show.
                let goes_on = range.from.as_ref() == Some(&step.before);
                let base = landed.first_parent().filter(|_| goes_on).unwrap_or(&step.before);
                wanted.insert((landed.oid.clone(), pull.head().to_owned()), base.to_owned());
            }
        }
    }
    let question = |((landed, head), base): (&(String, String), &String)| Question {
        base: base.clone(),
        approved: head.clone(),
        merged: landed.clone(),
    };
    let questions: Vec<Question> = wanted.iter().map(question).collect();
    let answers = content::compare_pushed(client, repository, &questions).await?;
    let answers = answers.into_iter().map(|read| read.map_err(|error| error.unread().swap_remove(0)));
    Ok(ByHand(wanted.into_keys().zip(answers).collect()))
}

impl ByHand {
    /// What the commit is to the pull request that it is the merge of.
    pub(super) fn likeness(&self, step: &Step, landed: &Landed, pull: &Pull) -> Result<Likeness, Unread> {
        if !is_open(step, landed, pull) {
            return Ok(Likeness::Same);
        }
        self.0.get(&(landed.oid.clone(), pull.head().to_owned())).cloned().unwrap_or_else(|| {
            let what = format!("commit {}", landed.oid);
            Err(Unread { what, why: "was not compared".to_owned(), permission: None, hint: None })
        })
    }
}

/// Whether that takes a comparison. What GitHub merged holds what it merged, so does a push of the head itself; and
/// a pull request into another branch brings nothing here.
fn is_open(step: &Step, landed: &Landed, pull: &Pull) -> bool {
    step.kind == LandingKind::Push && pull.base_ref_name == step.branch && landed.oid != pull.head()
}
