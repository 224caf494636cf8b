//! Which approvals counted when a pull request was merged, and why the others did not.
//!
//! The state is that of the merge, not of today: of each reviewer the last opinion (approval, request
//! for changes, or a dismissed one; comments are none) not later than the merge, with dismissals as
//! of then. Deleted accounts cannot be told apart, so each of their reviews stands for itself.

use super::{Independence, Policy, same_login};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{Actor, ActorKind, PrCommit, PullRequest, Review, ReviewState};
use std::collections::BTreeMap;

/// Why an approval does not count. First what is certain, weakest first; then what cannot be told.
/// Where several hold for one approval, `dropped` has the first in the documented order of checks,
/// and what cannot be told only if nothing certain does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WhyNot {
    /// No right to write.
    CannotWrite,
    /// Not on the roster.
    NotOnRoster,
    /// By a bot or agent.
    Bot,
    /// Only after the merge.
    AfterMerge,
    /// By the author of the pull request.
    OwnPullRequest,
    /// By whoever started the agent that wrote it.
    StartedAgent,
    /// By an author or co-author of a commit, where the policy asks.
    WroteCommit,
    /// By whoever pushed last.
    PushedLast,
    /// Dismissed before the merge.
    Dismissed,
    /// The content, or the base, changed after it.
    Stale,
    /// Nobody says whether the author is an agent that somebody started.
    AuthorKindUnknown,
    /// Nobody says whether the reviewer is a person.
    ReviewerKindUnknown,
    /// Nobody says whether the reviewer could write.
    RightsUnknown,
    /// Nobody says which content was approved, which was merged, whether that landed, or whether it changed in
    /// between.
    ContentUnknown,
    /// It is dismissed; what it was, or when that was, is not known.
    DismissalUnknown,
    /// Nobody says who started the agent.
    InitiatorUnknown,
    /// The reviewer's account is deleted.
    AccountDeleted,
}

impl WhyNot {
    /// As in judgements.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::CannotWrite => "approver-cannot-write",
            Self::NotOnRoster => "approver-not-on-roster",
            Self::Bot => "bot-approval",
            Self::AfterMerge => "approved-after-merge",
            Self::OwnPullRequest => "self-approval",
            Self::StartedAgent => "approver-started-agent",
            Self::WroteCommit => "approver-wrote-commit",
            Self::PushedLast => "approver-pushed-last",
            Self::Dismissed => "approval-dismissed",
            Self::Stale => "stale-approval",
            Self::AuthorKindUnknown => "author-kind-unknown",
            Self::ReviewerKindUnknown => "reviewer-kind-unknown",
            Self::RightsUnknown => "approver-rights-unknown",
            Self::ContentUnknown => "approved-content-unknown",
            Self::DismissalUnknown => "dismissal-unknown",
            Self::InitiatorUnknown => "agent-initiator-unknown",
            Self::AccountDeleted => "reviewer-account-deleted",
        }
    }

    /// Whether the approval may count after all: indeterminate, not a deviation.
    pub(super) fn is_unknown(self) -> bool {
        self >= Self::AuthorKindUnknown
    }
}

/// Every reviewer's part in one merge.
pub(super) struct Approvals<'a> {
    /// Approvals that count, one for each reviewer.
    pub(super) valid: Vec<&'a Review>,
    /// Who else approved, and why that does not count.
    pub(super) dropped: Vec<(String, WhyNot)>,
    /// Whose request for changes stood.
    pub(super) against: Vec<String>,
    /// Somebody's request for changes may have stood; why that cannot be told.
    pub(super) maybe_against: Option<WhyNot>,
}

/// What one review said at the merge. In this order, of two at the same instant the later counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Approved,
    ApprovalDismissed,
    RequestDismissed,
    Unknown,
    ChangesRequested,
}

/// When, what, and the review that says so.
type Opinion<'a> = (DateTime<Utc>, Said, &'a Review);

impl<'a> Approvals<'a> {
    /// Sorts out the reviews of a pull request.
    pub(super) fn at_merge(policy: &Policy, pr: &'a PullRequest) -> Self {
        let mut all = Self { valid: Vec::new(), dropped: Vec::new(), against: Vec::new(), maybe_against: None };
        for (who, opinions) in by_reviewer(pr) {
            let at_merge = opinions.iter().rfind(|(at, _, _)| *at <= pr.merged_at);
            match at_merge {
                Some((_, Said::Approved, review)) => match why_not(policy, pr, review) {
                    None => all.valid.push(review),
                    Some(drop) => all.dropped.push((who.clone(), drop)),
                },
                Some((_, Said::ApprovalDismissed, _)) => all.dropped.push((who.clone(), WhyNot::Dismissed)),
                Some((_, Said::Unknown, _)) => {
                    all.dropped.push((who.clone(), WhyNot::DismissalUnknown));
                    all.maybe_against = all.maybe_against.max(Some(WhyNot::DismissalUnknown));
                }
                Some((_, Said::ChangesRequested, review)) if taken_back_by_a_deleted_account(pr, review) => {
                    all.maybe_against = Some(WhyNot::AccountDeleted);
                }
                Some((_, Said::ChangesRequested, _)) => all.against.push(who.clone()),
                Some((_, Said::RequestDismissed, _)) | None => {}
            }
            let late = |(at, said, _): &Opinion<'_>| *at > pr.merged_at && *said == Said::Approved;
            if !matches!(at_merge, Some((_, Said::Approved, _))) && opinions.iter().any(late) {
                all.dropped.push((who, WhyNot::AfterMerge));
            }
        }
        all
    }

    /// The strongest reason of one sort why an approval does not count.
    pub(super) fn strongest(&self, which: impl Fn(WhyNot) -> bool) -> Option<WhyNot> {
        self.dropped.iter().map(|(_, drop)| *drop).filter(|drop| which(*drop)).max()
    }
}

/// Whose review it is, as `dropped` and `against` name them.
pub(super) fn reviewer(review: &Review) -> String {
    match &review.author {
        Some(actor) => actor.login.to_ascii_lowercase(),
        None => format!("a deleted account (review {})", review.id),
    }
}

/// Each reviewer's opinions, oldest first.
fn by_reviewer(pr: &PullRequest) -> BTreeMap<String, Vec<Opinion<'_>>> {
    let mut by: BTreeMap<String, Vec<Opinion<'_>>> = BTreeMap::new();
    for review in &pr.reviews {
        if let Some(said) = said(pr, review) {
            by.entry(reviewer(review)).or_default().push((review.at, said, review));
        }
    }
    for opinions in by.values_mut() {
        opinions.sort_by(|a, b| (a.0, a.1, &a.2.id).cmp(&(b.0, b.1, &b.2.id)));
    }
    by
}

fn said(pr: &PullRequest, review: &Review) -> Option<Said> {
    let dismissals = || pr.dismissals.iter().filter(|dismissal| dismissal.review == review.id);
    let before_merge = dismissals().any(|dismissal| dismissal.at <= pr.merged_at);
    let was = match review.state {
        ReviewState::Dismissed => dismissals().map(|d| d.was).next().unwrap_or(ReviewState::Dismissed),
        state => state,
    };
    if dismissals().any(|dismissal| dismissal.was != was) {
        return Some(Said::Unknown);
    }
    match (was, before_merge) {
        (ReviewState::Commented, _) => None,
        (ReviewState::Approved, false) => Some(Said::Approved),
        (ReviewState::Approved, true) => Some(Said::ApprovalDismissed),
        (ReviewState::ChangesRequested, false) => Some(Said::ChangesRequested),
        (ReviewState::ChangesRequested, true) => Some(Said::RequestDismissed),
        (ReviewState::Dismissed, _) => Some(Said::Unknown),
    }
}

/// Whether a deleted account asked for changes, and one, perhaps the same, approved later.
fn taken_back_by_a_deleted_account(pr: &PullRequest, request: &Review) -> bool {
    let approves = |review: &Review| {
        let in_between = review.at >= request.at && review.at <= pr.merged_at;
        review.author.is_none() && in_between && said(pr, review) == Some(Said::Approved)
    };
    request.author.is_none() && pr.reviews.iter().any(approves)
}

/// Why an approval that stood at the merge does not count; `None` if it does.
fn why_not(policy: &Policy, pr: &PullRequest, review: &Review) -> Option<WhyNot> {
    let Some(who) = &review.author else { return Some(WhyNot::AccountDeleted) };
    let is = |login: &String| same_login(login, &who.login);
    let content = content_since(pr, review);
    let agent_of_nobody =
        pr.initiator.is_none() && pr.author.as_ref().is_some_and(|author| author.kind == ActorKind::Agent);
    let maybe_agent =
        pr.initiator.is_none() && pr.author.as_ref().is_some_and(|author| author.kind == ActorKind::Unknown);
    let off_roster = policy.roster.as_ref().is_some_and(|roster| !roster.iter().any(is));
    let strict = policy.independence == Independence::AnyCommitter;
    let wrote = |commit: &PrCommit| commit.authors.iter().filter_map(|author| author.login.as_ref()).any(is);
    let pushed_last = LastPushes::of(pr).against(review).filter_map(|commit| commit.pushed_by.as_ref()).any(is);
    // The documented order, then what cannot be told beyond it.
    let checks = [
        (is_bot(who) && !policy.bot_approval, WhyNot::Bot),
        (pr.author.as_ref().is_some_and(|author| is(&author.login)), WhyNot::OwnPullRequest),
        (pr.initiator.as_ref().is_some_and(is), WhyNot::StartedAgent),
        (agent_of_nobody, WhyNot::InitiatorUnknown),
        (review.can_push == Some(false), WhyNot::CannotWrite),
        (off_roster, WhyNot::NotOnRoster),
        (strict && pr.commits.iter().any(wrote), WhyNot::WroteCommit),
        (pushed_last, WhyNot::PushedLast),
        (content == Content::Changed, WhyNot::Stale),
        (content == Content::Unknown, WhyNot::ContentUnknown),
        (review.can_push.is_none(), WhyNot::RightsUnknown),
        (who.kind == ActorKind::Unknown && !policy.bot_approval, WhyNot::ReviewerKindUnknown),
        (maybe_agent, WhyNot::AuthorKindUnknown),
    ];
    checks.into_iter().find_map(|(holds, drop)| holds.then_some(drop))
}

/// Whose pushes were the last ones of a pull request.
pub(super) struct LastPushes<'a> {
    /// The newest commit that changes content. Where that is known of none, all that may; where none may, the last.
    pub(super) content: Vec<&'a PrCommit>,
    /// Merges of the base after it that may change content.
    pub(super) updates: Vec<&'a PrCommit>,
}

impl<'a> LastPushes<'a> {
    pub(super) fn of(pr: &'a PullRequest) -> Self {
        let may = |commits: &'a [PrCommit]| commits.iter().filter(|commit| commit.changes_content.is_none()).collect();
        match pr.commits.iter().rposition(|commit| commit.changes_content == Some(true)) {
            Some(at) => Self { content: vec![&pr.commits[at]], updates: may(&pr.commits[at + 1..]) },
            None => {
                let all: Vec<&PrCommit> = may(&pr.commits);
                let content = if all.is_empty() { pr.commits.last().into_iter().collect() } else { all };
                Self { content, updates: Vec::new() }
            }
        }
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a PrCommit> {
        self.content.iter().chain(&self.updates).copied()
    }

    /// Those whose pushers are not independent of what the review looked at: of updates that are shown to have
    /// changed nothing since, nobody's.
    fn against(&self, review: &Review) -> impl Iterator<Item = &'a PrCommit> {
        let updates = if review.same_as_merged { &[][..] } else { &self.updates };
        self.content.iter().chain(updates).copied()
    }

    /// How many of these approvals may be by those who pushed last, because nobody says who did: each of them gave
    /// one at most.
    pub(super) fn may_have_given(&self, approvals: &[&Review]) -> usize {
        if self.content.is_empty() {
            return 1;
        }
        let unknown = |commits: &[&PrCommit]| commits.iter().filter(|commit| commit.pushed_by.is_none()).count();
        let of_updates = approvals.iter().filter(|review| !review.same_as_merged).count();
        unknown(&self.content) + unknown(&self.updates).min(of_updates)
    }
}

fn is_bot(who: &Actor) -> bool {
    matches!(who.kind, ActorKind::Bot | ActorKind::Agent)
}

/// Whether what was merged is what was approved.
#[derive(PartialEq, Eq)]
enum Content {
    Same,
    Changed,
    Unknown,
}

/// By the commit that was looked at, by what the source shows of its content, or by the times of the pushes where the source names none.
fn content_since(pr: &PullRequest, review: &Review) -> Content {
    if pr.base_changed_at.is_some_and(|at| at > review.at) {
        return Content::Changed;
    }
    // What was approved is at the head at best, and a list that does not end at what was merged says nothing of it.
    if !pr.same_as_landed || !pr.commits.last().is_some_and(|last| same_commit(&last.oid, &pr.head)) {
        return Content::Unknown;
    }
    let Some(looked_at) = &review.commit else { return content_by_time(pr, review.at) };
    if review.same_as_merged || same_commit(looked_at, &pr.head) {
        return Content::Same;
    }
    // Not in the list any more: replaced by a force push, and not shown to be the same.
    let Some(position) = pr.commits.iter().position(|commit| same_commit(&commit.oid, looked_at)) else {
        return Content::Changed;
    };
    let later = &pr.commits[position + 1..];
    match later {
        _ if later.iter().any(|commit| commit.changes_content == Some(true)) => Content::Changed,
        _ if later.iter().any(|commit| commit.changes_content.is_none()) => Content::Unknown,
        _ => Content::Same,
    }
}

fn content_by_time(pr: &PullRequest, approved_at: DateTime<Utc>) -> Content {
    let mut content = Content::Same;
    for commit in pr.commits.iter().filter(|commit| commit.changes_content != Some(false)) {
        match commit.pushed_at {
            Some(at) if at <= approved_at => {}
            Some(_) if commit.changes_content == Some(true) => return Content::Changed,
            Some(_) | None => content = Content::Unknown,
        }
    }
    content
}

/// Whether two ids name one commit; one of them may be abbreviated, to 7 digits or more.
fn same_commit(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let abbreviated = short.len() >= 7 && short.bytes().all(|byte| byte.is_ascii_hexdigit());
    a.eq_ignore_ascii_case(b)
        || (abbreviated && long.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short)))
}
