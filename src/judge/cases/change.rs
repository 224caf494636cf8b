//! The short form of a change.

use super::{Facts, merged};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{
    Actor, ActorKind, Change, CommitAuthor, Dismissal, Items, Landing, LandingKind, Lookup, PostHoc, PrCommit,
    PullRequest, Review, ReviewState, RuleOutcome,
};
use serde::Deserialize;
use serde_json::{Map, Value};

const ITEM: &str = "case/change";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeFacts {
    branch: String,
    landing: LandingFacts,
    #[serde(default)]
    paths: Option<Vec<String>>,
    #[serde(default)]
    authors: Vec<Option<String>>,
    #[serde(default)]
    lookup: Option<LookupFacts>,
    #[serde(default)]
    posthoc: Option<PostHocFacts>,
    #[serde(default)]
    policy: Map<String, Value>,
    pr: Option<PullRequestFacts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LandingFacts {
    r#type: LandingKind,
    actor: Option<String>,
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum LookupFacts {
    Failed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostHocFacts {
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default)]
    reviewer: Option<String>,
    #[serde(default)]
    reviewer_type: AccountType,
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullRequestFacts {
    author: Option<String>,
    #[serde(default)]
    author_type: AccountType,
    #[serde(default)]
    initiator: Option<String>,
    base: String,
    merged_at: DateTime<Utc>,
    #[serde(default)]
    reviews: Vec<ReviewFacts>,
    #[serde(default)]
    dismissals: Vec<DismissalFacts>,
    #[serde(default)]
    commits: Vec<CommitFacts>,
    #[serde(default)]
    owners_of_paths: Vec<Vec<String>>,
    #[serde(default)]
    rule: RuleFacts,
    /// `revert`: a change like any other.
    #[serde(default, rename = "kind")]
    _kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewFacts {
    id: u64,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    r#type: AccountType,
    state: OpinionFacts,
    at: DateTime<Utc>,
    #[serde(default = "could_write")]
    can_push: Option<bool>,
}

/// Left out. `null` says that nobody knows.
fn could_write() -> Option<bool> {
    Some(true)
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OpinionFacts {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
enum AccountType {
    #[default]
    User,
    Bot,
    Agent,
    Ghost,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DismissalFacts {
    review: u64,
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitFacts {
    author: Option<String>,
    #[serde(default)]
    co: Vec<String>,
    #[serde(default)]
    pushed_by: Option<String>,
    #[serde(default)]
    pushed_at: Option<DateTime<Utc>>,
    #[serde(default = "changes_content")]
    changes: bool,
}

fn changes_content() -> bool {
    true
}

#[derive(Deserialize, Default, Clone, Copy)]
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
            (Some(LookupFacts::Failed), Some(_)) => return Err("the look-up failed, but there is a pr".to_owned()),
            (None, None) => Lookup::None,
            (None, Some(pr)) => Lookup::Found(Box::new(pr.into_pull_request()?)),
        };
        let change = Change {
            id: ITEM.to_owned(),
            repository: "case".to_owned(),
            branch: self.branch,
            url: String::new(),
            landing: Landing {
                kind: self.landing.r#type,
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
                at: review.at,
            })),
        };
        Ok(Facts {
            items: Items::Changes(vec![change]),
            item: ITEM.to_owned(),
            as_of,
            waivers: Vec::new(),
            policy: merged(&policy, self.policy),
        })
    }
}

impl PullRequestFacts {
    fn into_pull_request(self) -> Result<PullRequest, String> {
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
        let review = review.ok_or_else(|| format!("the dismissal is of review {}, which is not there", self.review))?;
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
