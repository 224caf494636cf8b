//! One thing that reached a production branch, as GitHub, GitLab or Gerrit would tell it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One update of a production branch: a merged pull request, or commits that came without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Stable key: `acme/shop#41@<landed commit, 12 digits>`, or `acme/shop@<commit>` without a pull request; with the
    /// branch, `acme/shop:release@<commit>`, where it is not the pull request's base or, without one, not the default.
    pub id: String,
    /// `acme/shop`.
    pub repository: String,
    /// `main`.
    pub branch: String,
    /// Where a person can look at it; the commit's id alone where the source named no place.
    pub url: String,
    /// How it arrived.
    pub landing: Landing,
    /// Paths touched, for pushes. `None`: not read.
    pub paths: Option<Vec<String>>,
    /// Who wrote, co-wrote or committed the landed commits, where they were pushed; of a pull request see also its
    /// commits.
    pub authors: Vec<CommitAuthor>,
    /// The pull request that brought it.
    pub pull_request: Lookup,
    /// Reviews after the fact, of an emergency change, oldest first. Whether one of them counts is judged.
    pub post_hoc: Vec<PostHoc>,
}

/// The branch update that brought the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Landing {
    /// What the source calls the update.
    pub kind: LandingKind,
    /// Who did it; `None` for a deleted account, or where the source does not say.
    pub actor: Option<Actor>,
    /// When, by the source's clock.
    pub at: DateTime<Utc>,
    /// Commit that the branch was at.
    pub before: String,
    /// Commit that the branch came to.
    pub after: String,
}

/// Kinds of branch update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LandingKind {
    /// Commits pushed to the branch.
    Push,
    /// History replaced.
    ForcePush,
    /// The merge button, or its API.
    PrMerge,
    /// A merge queue.
    MergeQueueMerge,
}

/// An account as the source's API types it; never guessed from the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Login.
    pub login: String,
    /// What it is.
    pub kind: ActorKind,
}

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person's account.
    User,
    /// An app or bot.
    Bot,
    /// An AI agent that opens pull requests for somebody.
    Agent,
    /// The source gives the login and not the type.
    Unknown,
}

/// A commit author: the account if the source could match one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitAuthor {
    /// Login; `None` when the e-mail address belongs to no account.
    pub login: Option<String>,
}

/// Whether a pull request was looked for and found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Lookup {
    /// This one.
    Found(Box<PullRequest>),
    /// The source says that there is none.
    None,
    /// Could not be read; the reason.
    Failed(String),
}

/// A merged pull request, with what is needed to rebuild its state at the merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// Number in its repository.
    pub number: u64,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Actor>,
    /// For an agent's pull request: who started the agent.
    pub initiator: Option<String>,
    /// The branch that it was merged into.
    pub base: String,
    /// When it was merged.
    pub merged_at: DateTime<Utc>,
    /// The commit at its tip when it was merged.
    pub head: String,
    /// Whether what landed is what stands at `head`: the source merged it itself, or shows that a merge which
    /// somebody pushed brings the same. `false`: not shown.
    pub same_as_landed: bool,
    /// Every review, also those dismissed since.
    pub reviews: Vec<Review>,
    /// Dismissals, with their times: a dismissed review no longer shows what it was.
    pub dismissals: Vec<Dismissal>,
    /// When the base branch was last switched, if it was.
    pub base_changed_at: Option<DateTime<Utc>>,
    /// Its commits, oldest first.
    pub commits: Vec<PrCommit>,
    /// Code owners of the touched paths at the base commit: each inner list needs one approver.
    /// `None`: not read.
    pub owners_of_paths: Option<Vec<Vec<String>>>,
    /// Whether the rules of the branch that the source keeps records of were bypassed.
    pub rule: RuleOutcome,
}

/// One review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The source's id.
    pub id: String,
    /// Who; `None` for a deleted account.
    pub author: Option<Actor>,
    /// What it says now.
    pub state: ReviewState,
    /// When it was submitted.
    pub at: DateTime<Utc>,
    /// The commit that was looked at; `None` if the source does not say.
    pub commit: Option<String>,
    /// Whether the source shows that what was looked at is what was merged, whatever the commits' ids and
    /// dates: the same paths, and each of them from the same content to the same content. `false`: not shown,
    /// or not asked, because `commit` tells it.
    pub same_as_merged: bool,
    /// Whether the reviewer could write to the repository when read; `None` if not read.
    pub can_push: Option<bool>,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Approves.
    Approved,
    /// Asks for changes.
    ChangesRequested,
    /// No opinion.
    Commented,
    /// Was dismissed; what it was is in `Dismissal`.
    Dismissed,
}

/// The dismissal of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    /// `Review::id`.
    pub review: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What the review said before.
    pub was: ReviewState,
}

/// One commit of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrCommit {
    /// Its id.
    pub oid: String,
    /// Author first, then co-authors.
    pub authors: Vec<CommitAuthor>,
    /// Who committed it, where that is neither one of them nor the source itself.
    pub committer: Option<CommitAuthor>,
    /// Who pushed it; `None` if the source does not say.
    pub pushed_by: Option<String>,
    /// When it was pushed; `None` if the source does not say.
    pub pushed_at: Option<DateTime<Utc>>,
    /// Whether it changes the difference against the base. `Some(false)` only where that is shown (a clean
    /// merge of the base does not); `None`: not known, for a merge may carry more than it merges.
    pub changes_content: Option<bool>,
}

/// What the source says of its own branch rules for the landing. A source may not keep records of every sort of
/// rule (GitHub: rulesets, and not classic branch protection), which is stated as a limitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOutcome {
    /// No bypass is on record.
    Pass,
    /// Somebody bypassed them.
    Bypass,
    /// Not asked for, by configuration; stated as a limitation.
    NotRead,
    /// Asked for, and the source cannot tell any more: the landing is older than its records.
    OutOfReach,
}

/// A review after the fact, with the outcome that the change may stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostHoc {
    /// Incident or ticket.
    pub ticket: Option<String>,
    /// Who looked at it afterwards: the account, never what the text says. `None` for a deleted account.
    pub reviewer: Option<Actor>,
    /// Whether the reviewer could push to the repository when read; `None` if not read.
    pub can_push: Option<bool>,
    /// When it was written, or last edited.
    pub at: DateTime<Utc>,
}
