//! A pull request as GitHub's GraphQL gives it, and as the contract wants it. Pure.

use super::activity::{Account, AccountKind, Apps};
use super::afterwards::{Comment, Tickets, Written};
use super::compare::WEB_FLOW;
use super::memory::{Push, Pushes};
use crate::contract::{
    Actor, ActorKind, CommitAuthor, Dismissal, PostHoc, PrCommit, PullRequest, Review, ReviewState, RuleOutcome,
};
use crate::sources::github::client::stated;
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A branch that was made this much later than its pull request was opened may still be the one it was opened with:
/// the activity log and pull requests may have clocks of their own.
const CLOCKS: Duration = Duration::minutes(1);

/// One commit that a branch went through.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Landed {
    pub oid: String,
    /// The repository's present name.
    name_with_owner: String,
    parents: Nodes<Oid>,
    authors: Nodes<GitActor>,
    #[serde(deserialize_with = "stated")]
    committer: Option<GitActor>,
    associated_pull_requests: Nodes<Pull>,
    /// Only where they were asked for.
    comments: Option<Nodes<Comment>>,
}

/// Lists whose counts have been checked.
#[derive(Debug, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct Oid {
    oid: String,
}

/// One pull request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pull {
    pub number: u64,
    pub url: String,
    created_at: DateTime<Utc>,
    #[serde(deserialize_with = "stated")]
    author: Option<Account>,
    pub base_ref_name: String,
    head_ref_name: String,
    head_ref_oid: String,
    merged: bool,
    #[serde(deserialize_with = "stated")]
    merged_at: Option<DateTime<Utc>>,
    is_cross_repository: bool,
    #[serde(deserialize_with = "stated")]
    merge_commit: Option<Oid>,
    #[serde(deserialize_with = "stated")]
    base_repository: Option<Named>,
    /// Only where they were asked for.
    files: Option<Nodes<Touched>>,
    reviews: Nodes<WireReview>,
    commits: Nodes<WireCommit>,
    timeline_items: Nodes<Event>,
}

/// A path that a pull request touches.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Touched {
    pub path: String,
    change_type: ChangeType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ChangeType {
    Added,
    Changed,
    Copied,
    Deleted,
    Modified,
    Renamed,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    name_with_owner: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReview {
    id: String,
    state: WireState,
    #[serde(deserialize_with = "stated")]
    submitted_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "stated")]
    author: Option<Account>,
    author_can_push_to_repository: bool,
    #[serde(deserialize_with = "stated")]
    commit: Option<Oid>,
    #[serde(flatten)]
    said: Written,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum WireState {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
    Pending,
}

#[derive(Debug, Deserialize)]
struct WireCommit {
    commit: Commit,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    oid: String,
    parents: Parents,
    authors: Nodes<GitActor>,
    #[serde(deserialize_with = "stated")]
    committer: Option<GitActor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parents {
    total_count: u64,
    nodes: Vec<Oid>,
}

#[derive(Debug, Deserialize)]
struct GitActor {
    #[serde(deserialize_with = "stated")]
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "__typename", rename_all_fields = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "GitHub's names")]
enum Event {
    ReviewDismissedEvent {
        created_at: DateTime<Utc>,
        previous_review_state: WireState,
        review: ReviewId,
    },
    HeadRefForcePushedEvent {
        created_at: DateTime<Utc>,
        #[serde(deserialize_with = "stated")]
        actor: Option<Account>,
        #[serde(deserialize_with = "stated")]
        after_commit: Option<Oid>,
    },
    BaseRefChangedEvent {
        created_at: DateTime<Utc>,
    },
    AutomaticBaseChangeSucceededEvent {
        created_at: DateTime<Utc>,
    },
    MergedEvent {
        #[serde(rename = "createdAt")]
        _at: DateTime<Utc>,
    },
    AddedToMergeQueueEvent {
        created_at: DateTime<Utc>,
        #[serde(deserialize_with = "stated")]
        enqueuer: Option<User>,
    },
    AutoMergeEnabledEvent {},
    AssignedEvent {
        created_at: DateTime<Utc>,
        #[serde(deserialize_with = "stated")]
        actor: Option<Account>,
        #[serde(deserialize_with = "stated")]
        assignee: Option<Account>,
    },
}

#[derive(Debug, Deserialize)]
struct ReviewId {
    id: String,
}

impl WireState {
    /// `None`: not submitted yet.
    fn state(self) -> Option<ReviewState> {
        match self {
            Self::Approved => Some(ReviewState::Approved),
            Self::ChangesRequested => Some(ReviewState::ChangesRequested),
            Self::Commented => Some(ReviewState::Commented),
            Self::Dismissed => Some(ReviewState::Dismissed),
            Self::Pending => None,
        }
    }
}

impl Landed {
    /// The commit before it on its branch.
    pub(super) fn first_parent(&self) -> Option<&str> {
        self.parents.nodes.first().map(|parent| parent.oid.as_str())
    }

    /// The commit that it merges into the one before it.
    pub(super) fn merges(&self) -> Option<&str> {
        match self.parents.nodes.as_slice() {
            [_, merged] => Some(&merged.oid),
            _ => None,
        }
    }

    /// Who wrote it, with whom, and who committed it, unless GitHub's own buttons did.
    pub(super) fn people(&self) -> impl Iterator<Item = CommitAuthor> {
        let authors: Vec<CommitAuthor> = self.authors.nodes.iter().map(GitActor::author).collect();
        let committer = committer(self.committer.as_ref(), &authors);
        authors.into_iter().chain(committer)
    }

    /// The pull requests of this repository that this commit is the merge of, whatever their base.
    pub(super) fn merged(&self) -> impl Iterator<Item = &Pull> {
        self.merged_here().filter(|pull| pull.merge_commit.as_ref().is_some_and(|commit| commit.oid == self.oid))
    }

    /// Comments that are reviews after the fact. Fails where GitHub's answer lacks what was asked for.
    pub(super) fn reviewed_after(&self, tickets: &Tickets) -> Result<Vec<PostHoc>, String> {
        let comments = self.comments.as_ref().ok_or("comments were asked for, and are not there")?;
        comments.nodes.iter().map(|comment| tickets.comment(comment)).filter_map(Result::transpose).collect()
    }

    /// Whether GitHub says that the commit came with that pull request.
    pub(super) fn came_with(&self, number: u64) -> bool {
        self.merged_here().any(|pull| pull.number == number)
    }

    /// A commit is also associated with pull requests of forks, whose approvals are worth nothing here.
    fn merged_here(&self) -> impl Iterator<Item = &Pull> {
        self.associated_pull_requests.nodes.iter().filter(|pull| {
            let base = pull.base_repository.as_ref().map(|base| &base.name_with_owner);
            pull.merged && base.is_some_and(|base| base.eq_ignore_ascii_case(&self.name_with_owner))
        })
    }
}

/// What is known beside the pull request itself.
pub(super) struct Known<'a> {
    /// Who pushed which head.
    pub pushes: &'a Pushes,
    /// States that the production branch had.
    pub states: &'a [String],
    /// Whether rules were bypassed.
    pub rule: RuleOutcome,
    /// Whether what landed is shown to be what it holds.
    pub same_as_landed: bool,
    /// What the bots are, by configuration.
    pub apps: Apps<'a>,
}

impl Pull {
    /// The commit at its tip when it was merged.
    pub(super) fn head(&self) -> &str {
        &self.head_ref_oid
    }

    /// When it was merged, where GitHub says it.
    pub(super) fn merged_at(&self) -> Option<DateTime<Utc>> {
        self.merged_at
    }

    /// Whether the commit is one of its own.
    pub(super) fn holds(&self, oid: &str) -> bool {
        self.commits.nodes.iter().any(|node| node.commit.oid == oid)
    }

    /// Who put it into the merge queue last, if somebody did.
    pub(super) fn enqueuer(&self) -> Option<Actor> {
        let mut last: Option<(DateTime<Utc>, Option<&User>)> = None;
        for event in &self.timeline_items.nodes {
            if let Event::AddedToMergeQueueEvent { created_at, enqueuer } = event
                && last.is_none_or(|(at, _)| at <= *created_at)
            {
                last = Some((*created_at, enqueuer.as_ref()));
            }
        }
        let user = last?.1?;
        Some(Account { login: user.login.clone(), kind: AccountKind::User }.actor())
    }

    /// The paths that it touches, if they were asked for and GitHub lists them.
    pub(super) fn touched(&self) -> Option<Vec<Touched>> {
        self.files.as_ref().map(|files| files.nodes.clone())
    }

    /// Approving reviews of after the merge that are reviews after the fact. Fails where GitHub's answer
    /// lacks what was asked for.
    pub(super) fn reviewed_after(&self, merged_at: DateTime<Utc>, tickets: &Tickets) -> Result<Vec<PostHoc>, String> {
        let mut found = Vec::new();
        for review in self.reviews.nodes.iter().filter(|review| matches!(review.state, WireState::Approved)) {
            let at = review.submitted_at.ok_or_else(|| format!("review {} has no time", review.id))?;
            if at > merged_at {
                let can_push = review.author_can_push_to_repository;
                found.extend(tickets.review((review.author.as_ref(), can_push), at, &review.said)?);
            }
        }
        Ok(found)
    }

    /// Who started the agent that opened it: the one person that it was assigned by the agent to, or who
    /// assigned the agent to it, before the merge. `None` where that names nobody, or several.
    fn initiator(&self, agent: &Actor, merged_at: DateTime<Utc>, apps: Apps<'_>) -> Option<String> {
        let is_it = |account: &Account| account.actor_among(apps) == *agent;
        let person = |account: &Account| (account.actor().kind == ActorKind::User).then(|| account.login.clone());
        let mut people = BTreeSet::new();
        for event in &self.timeline_items.nodes {
            if let Event::AssignedEvent { created_at, actor: Some(actor), assignee: Some(assignee) } = event
                && *created_at <= merged_at
            {
                people.extend(person(assignee).filter(|_| is_it(actor)));
                people.extend(person(actor).filter(|_| is_it(assignee)));
            }
        }
        if people.len() == 1 { people.pop_first() } else { None }
    }

    /// In the contract's words. Fails where GitHub's answer contradicts itself.
    pub(super) fn neutral(&self, known: &Known<'_>) -> Result<PullRequest, String> {
        let merged_at = self.merged_at.ok_or("merged without a time")?;
        let mut reviews = Vec::new();
        for review in &self.reviews.nodes {
            // A pending review is a draft that only its writer sees.
            let Some(state) = review.state.state() else { continue };
            reviews.push(Review {
                id: review.id.clone(),
                author: review.author.as_ref().map(|author| author.actor_among(known.apps)),
                state,
                at: review.submitted_at.ok_or_else(|| format!("review {} has no time", review.id))?,
                commit: review.commit.as_ref().map(|commit| commit.oid.clone()),
                same_as_merged: false,
                can_push: Some(review.author_can_push_to_repository),
            });
        }
        let mut dismissals = Vec::new();
        let mut base_changed_at = None;
        for event in &self.timeline_items.nodes {
            match event {
                Event::ReviewDismissedEvent { created_at, previous_review_state, review } => {
                    let was = previous_review_state.state().ok_or("a pending review was dismissed")?;
                    dismissals.push(Dismissal { review: review.id.clone(), at: *created_at, was });
                }
                Event::BaseRefChangedEvent { created_at } | Event::AutomaticBaseChangeSucceededEvent { created_at } => {
                    base_changed_at = base_changed_at.max(Some(*created_at));
                }
                Event::HeadRefForcePushedEvent { .. }
                | Event::MergedEvent { .. }
                | Event::AddedToMergeQueueEvent { .. }
                | Event::AutoMergeEnabledEvent {}
                | Event::AssignedEvent { .. } => {}
            }
        }
        let author = self.author.as_ref().map(|author| author.author_among(known.apps));
        let agent = author.as_ref().filter(|author| author.kind == ActorKind::Agent);
        Ok(PullRequest {
            number: self.number,
            initiator: agent.and_then(|agent| self.initiator(agent, merged_at, known.apps)),
            author,
            base: self.base_ref_name.clone(),
            merged_at,
            head: self.head_ref_oid.clone(),
            same_as_landed: known.same_as_landed,
            reviews,
            dismissals,
            base_changed_at,
            commits: self.neutral_commits(merged_at, known),
            owners_of_paths: None,
            rule: known.rule,
        })
    }

    fn neutral_commits(&self, merged_at: DateTime<Utc>, known: &Known<'_>) -> Vec<PrCommit> {
        let pushes = self.pushes(merged_at, known.pushes);
        let commits = self.commits.nodes.iter().map(|node| {
            let commit = &node.commit;
            let push = pushes.get(commit.oid.as_str());
            let authors: Vec<CommitAuthor> = commit.authors.nodes.iter().map(GitActor::author).collect();
            PrCommit {
                oid: commit.oid.clone(),
                committer: committer(commit.committer.as_ref(), &authors),
                authors,
                pushed_by: push.and_then(|push| push.by.clone()),
                pushed_at: push.map(|push| push.at),
                changes_content: if commit.updates_from(known.states) { None } else { Some(true) },
            }
        });
        commits.collect()
    }

    /// Who made which commit the head before the merge, the last one of each: the activity log for branches of this
    /// repository, forced pushes also for forks. Who made the branch pushed what it began with only if nobody else
    /// did, and if that was before the pull request was opened; later, a deleted branch was brought back, with what
    /// others had pushed.
    fn pushes<'a>(&'a self, merged_at: DateTime<Utc>, logged: &'a Pushes) -> BTreeMap<&'a str, Push> {
        let mut pushes: BTreeMap<&str, Push> = BTreeMap::new();
        let reference = format!("refs/heads/{}", self.head_ref_name);
        let logged = logged.get(&reference).filter(|_| !self.is_cross_repository);
        let logged = || logged.into_iter().flatten().filter(|push| push.at <= merged_at);
        for push in logged().filter(|push| push.made && push.at <= self.created_at + CLOCKS) {
            pushes.entry(&push.oid).or_insert_with(|| push.clone());
        }
        for event in &self.timeline_items.nodes {
            if let Event::HeadRefForcePushedEvent { created_at, actor, after_commit: Some(after) } = event
                && *created_at <= merged_at
            {
                let (at, by) = (*created_at, actor.as_ref().map(|actor| actor.actor().login));
                pushes.insert(&after.oid, Push { at, oid: after.oid.clone(), by, made: false });
            }
        }
        pushes.extend(logged().filter(|push| !push.made).map(|push| (push.oid.as_str(), push.clone())));
        pushes
    }
}

impl Commit {
    /// The merge that the "Update branch" button makes: GitHub's own commit, of a state of the base. Whether it
    /// changes the content is not known from that: conflicts resolved in GitHub's web editor end in a commit of
    /// the same form. Anything else changes it.
    fn updates_from(&self, states: &[String]) -> bool {
        let web = self.committer.as_ref().and_then(|committer| committer.user.as_ref());
        self.parents.total_count == 2
            && web.is_some_and(|user| user.login == WEB_FLOW)
            && self.parents.nodes.get(1).is_some_and(|base| states.contains(&base.oid))
    }
}

/// Who committed what they have written, where that is another, and not GitHub's own buttons.
fn committer(committer: Option<&GitActor>, authors: &[CommitAuthor]) -> Option<CommitAuthor> {
    let who = committer.map_or(CommitAuthor { login: None }, GitActor::author);
    (who.login.as_deref() != Some(WEB_FLOW) && !authors.contains(&who)).then_some(who)
}

impl Touched {
    /// A renamed file had another path, which GraphQL does not give.
    pub(super) fn keeps_its_name(&self) -> bool {
        self.change_type != ChangeType::Renamed
    }
}

impl GitActor {
    fn author(&self) -> CommitAuthor {
        CommitAuthor { login: self.user.as_ref().map(|user| user.login.clone()) }
    }
}
