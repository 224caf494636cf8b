//! The short form of a change.

use super::Facts;
use super::file::{PolicyFacts, change_policy};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{
    Actor, ActorKind, Change, CommitAuthor, Dismissal, Items, Landing, LandingKind, Lookup, PostHoc, PrCommit,
    PullRequest, Review, ReviewState, RuleOutcome,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const ITEM: &str = "case/change";

/// A change of a production branch.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeFacts {
    /// The branch.
    branch: String,
    /// How it came there.
    landing: LandingFacts,
    /// Paths touched by a push; null or absent: not read.
    #[serde(default)]
    paths: Option<Vec<String>>,
    /// Who wrote the pushed commits; null: the address belongs to no account.
    #[serde(default)]
    authors: Vec<Option<String>>,
    /// `failed`: the pull request could not be read.
    #[serde(default)]
    lookup: Option<LookupFacts>,
    /// A review after the fact, of an emergency change.
    #[serde(default)]
    posthoc: Option<PostHocFacts>,
    /// Keys of the policy of `change_review`. May stand beside `change` instead.
    #[serde(default)]
    #[schemars(schema_with = "change_policy")]
    pub(super) policy: PolicyFacts,
    /// The pull request; null or absent: there is none.
    #[serde(default)]
    pr: Option<PullRequestFacts>,
}

/// How a change came to the branch.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LandingFacts {
    /// What the source calls the update.
    r#type: LandingWord,
    /// Who did it; null or absent: a deleted account.
    #[serde(default)]
    actor: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

/// Kinds of branch update.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum LandingWord {
    Push,
    ForcePush,
    PrMerge,
    MergeQueueMerge,
}

/// What came of looking for the pull request.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LookupFacts {
    Failed,
}

/// A review after the fact.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PostHocFacts {
    /// The emergency's ticket.
    #[serde(default)]
    ticket: Option<String>,
    /// Who reviewed.
    #[serde(default)]
    reviewer: Option<String>,
    /// What the reviewer is.
    #[serde(default)]
    reviewer_type: AccountType,
    /// Whether the reviewer could push; null: nobody knows.
    #[serde(default = "could_write")]
    can_push: Option<bool>,
    /// When.
    at: DateTime<Utc>,
}

/// A merged pull request.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PullRequestFacts {
    /// Who opened it; null: a deleted account.
    #[serde(default)]
    author: Option<String>,
    /// What the author is.
    #[serde(default)]
    author_type: AccountType,
    /// Who started the agent that wrote it; null or absent: unknown.
    #[serde(default)]
    initiator: Option<String>,
    /// The branch that it was merged into.
    base: String,
    /// When it was merged.
    merged_at: DateTime<Utc>,
    /// Reviews, oldest first.
    #[serde(default)]
    reviews: Vec<ReviewFacts>,
    /// Reviews taken back.
    #[serde(default)]
    dismissals: Vec<DismissalFacts>,
    /// Commits, oldest first; the last was merged.
    #[serde(default)]
    commits: Vec<CommitFacts>,
    /// Of each touched path that has owners, who they are; one of each must approve.
    #[serde(default)]
    owners_of_paths: Vec<Vec<String>>,
    /// What came of the branch's rules.
    #[serde(default)]
    rule: RuleFacts,
    /// `revert`: a change like any other.
    #[serde(default, rename = "kind")]
    _kind: Option<KindFacts>,
}

/// What a pull request does.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KindFacts {
    Revert,
}

/// A review.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReviewFacts {
    /// What a dismissal names it by.
    id: u64,
    /// Who reviewed; null or absent: a deleted account.
    #[serde(default)]
    user: Option<String>,
    /// What the reviewer is.
    #[serde(default)]
    r#type: AccountType,
    /// What the review says.
    state: OpinionFacts,
    /// When.
    at: DateTime<Utc>,
    /// Whether the reviewer could write; null: nobody knows.
    #[serde(default = "could_write")]
    can_push: Option<bool>,
}

/// Left out. `null` says that nobody knows.
fn could_write() -> Option<bool> {
    Some(true)
}

/// What a review says.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OpinionFacts {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
}

/// What an account is. `Ghost` is a deleted one.
#[derive(Deserialize, JsonSchema, Default, Clone, Copy, PartialEq, Eq)]
enum AccountType {
    #[default]
    User,
    Bot,
    Agent,
    Ghost,
}

/// A review taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DismissalFacts {
    /// The review's `id`.
    review: u64,
    /// When.
    at: DateTime<Utc>,
}

/// A commit of a pull request.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CommitFacts {
    /// Who wrote it; null or absent: the address belongs to no account.
    #[serde(default)]
    author: Option<String>,
    /// Co-authors.
    #[serde(default)]
    co: Vec<String>,
    /// Who pushed it; null or absent: unknown.
    #[serde(default)]
    pushed_by: Option<String>,
    /// When; null or absent: unknown.
    #[serde(default)]
    pushed_at: Option<DateTime<Utc>>,
    /// Whether it changes the content against the base.
    #[serde(default = "changes_content")]
    changes: bool,
}

fn changes_content() -> bool {
    true
}

/// What came of the branch's rules.
#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum RuleFacts {
    #[default]
    Pass,
    Bypass,
}

impl ChangeFacts {
    pub(super) fn into_facts(self, policy: Map<String, Value>) -> Result<Facts, String> {
        let at = self.landing.at;
        let as_of = self.posthoc.as_ref().map_or(at, |review| review.at.max(at));
        let pull_request = match (self.lookup, self.pr) {
            (Some(LookupFacts::Failed), None) => Lookup::Failed("the case says so".to_owned()),
            (Some(LookupFacts::Failed), Some(_)) => {
                return Err("lookup: the look-up failed, but there is a pr".to_owned());
            }
            (None, None) => Lookup::None,
            (None, Some(pr)) => Lookup::Found(Box::new(pr.into_pull_request()?)),
        };
        let change = Change {
            id: ITEM.to_owned(),
            repository: "case".to_owned(),
            branch: self.branch,
            url: String::new(),
            landing: Landing {
                kind: self.landing.r#type.kind(),
                actor: self.landing.actor.map(|login| Actor { login, kind: ActorKind::Unknown }),
                at,
                before: oid(0),
                after: oid(1),
            },
            paths: self.paths,
            authors: self.authors.into_iter().map(|login| CommitAuthor { login }).collect(),
            pull_request,
            post_hoc: Vec::from_iter(self.posthoc.map(|review| PostHoc {
                ticket: review.ticket,
                reviewer: actor(review.reviewer, review.reviewer_type),
                can_push: review.can_push,
                at: review.at,
            })),
        };
        Ok(Facts { items: Items::Changes(vec![change]), item: ITEM.to_owned(), as_of, waivers: Vec::new(), policy })
    }
}

impl LandingWord {
    fn kind(self) -> LandingKind {
        match self {
            Self::Push => LandingKind::Push,
            Self::ForcePush => LandingKind::ForcePush,
            Self::PrMerge => LandingKind::PrMerge,
            Self::MergeQueueMerge => LandingKind::MergeQueueMerge,
        }
    }
}

impl PullRequestFacts {
    fn into_pull_request(self) -> Result<PullRequest, String> {
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.reviews.iter().find(|review| !ids.insert(review.id)) {
            return Err(format!("pr: two reviews have the id {}", twice.id));
        }
        let dismissals: Result<Vec<Dismissal>, String> =
            self.dismissals.iter().map(|dismissal| dismissal.of(&self.reviews)).collect();
        let count = self.commits.len();
        Ok(PullRequest {
            number: 1,
            author: actor(self.author, self.author_type),
            initiator: self.initiator,
            base: self.base,
            merged_at: self.merged_at,
            head: oid(count),
            same_as_landed: true,
            dismissals: dismissals?,
            reviews: self.reviews.into_iter().map(ReviewFacts::into_review).collect(),
            base_changed_at: None,
            commits: (1..).zip(self.commits).map(|(number, commit)| commit.into_commit(oid(number))).collect(),
            owners_of_paths: Some(self.owners_of_paths),
            rule: match self.rule {
                RuleFacts::Pass => RuleOutcome::Pass,
                RuleFacts::Bypass => RuleOutcome::Bypass,
            },
        })
    }
}

impl DismissalFacts {
    /// In the short form a dismissed review shows what it was.
    fn of(&self, reviews: &[ReviewFacts]) -> Result<Dismissal, String> {
        let review = reviews.iter().find(|review| review.id == self.review);
        let review =
            review.ok_or_else(|| format!("pr: a dismissal is of review {}, which is not there", self.review))?;
        Ok(Dismissal { review: self.review.to_string(), at: self.at, was: review.state.opinion() })
    }
}

impl ReviewFacts {
    fn into_review(self) -> Review {
        Review {
            id: self.id.to_string(),
            author: actor(self.user, self.r#type),
            state: self.state.opinion(),
            at: self.at,
            commit: None,
            same_as_merged: false,
            can_push: self.can_push,
        }
    }
}

impl OpinionFacts {
    fn opinion(self) -> ReviewState {
        match self {
            Self::Approved => ReviewState::Approved,
            Self::ChangesRequested => ReviewState::ChangesRequested,
            Self::Commented => ReviewState::Commented,
            Self::Dismissed => ReviewState::Dismissed,
        }
    }
}

impl CommitFacts {
    fn into_commit(self, oid: String) -> PrCommit {
        let authors = std::iter::once(self.author).chain(self.co.into_iter().map(Some));
        PrCommit {
            oid,
            authors: authors.map(|login| CommitAuthor { login }).collect(),
            committer: None,
            pushed_by: self.pushed_by,
            pushed_at: self.pushed_at,
            changes_content: Some(self.changes),
        }
    }
}

fn actor(login: Option<String>, account: AccountType) -> Option<Actor> {
    let kind = match account {
        AccountType::User => ActorKind::User,
        AccountType::Bot => ActorKind::Bot,
        AccountType::Agent => ActorKind::Agent,
        AccountType::Ghost => return None,
    };
    login.map(|login| Actor { login, kind })
}

fn oid(number: usize) -> String {
    format!("{number:040x}")
}
