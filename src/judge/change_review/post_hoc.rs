//! Whether an emergency change was reviewed properly afterwards: a ticket, and a person who had no
//! hand in it, could push, and is on the roster if the policy has one, within the hours that the policy gives.
//!
//! Whoever landed it counts as having had a hand in it, also when that was the merge button.

use super::{Policy, day_time, people, same_login};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{ActorKind, Change, Lookup, PostHoc};

/// What a review after the fact is worth.
pub(super) enum PostHocReview {
    /// There is none.
    None,
    /// It counts; what was seen.
    Valid(String),
    /// It does not; why.
    Invalid(String),
    /// It may: a reason of an indeterminate judgement, and why.
    Unknown(&'static str, String),
}

/// Looks at every review after the fact: the earliest that counts, else one that may, else why none does.
pub(super) fn review(policy: &Policy, change: &Change, as_of: DateTime<Utc>) -> PostHocReview {
    let mut reviews: Vec<&PostHoc> = change.post_hoc.iter().collect();
    reviews.sort_by_key(|review| review.at);
    let worth: Vec<PostHocReview> = reviews.into_iter().map(|review| one(policy, change, review, as_of)).collect();
    let rank = |worth: &PostHocReview| match worth {
        PostHocReview::Valid(_) => 0,
        PostHocReview::Unknown(..) => 1,
        PostHocReview::Invalid(_) => 2,
        PostHocReview::None => 3,
    };
    // The first of those that are worth the same.
    worth.into_iter().min_by_key(rank).unwrap_or(PostHocReview::None)
}

/// What rules it out for certain comes before what is unknown.
fn one(policy: &Policy, change: &Change, review: &PostHoc, as_of: DateTime<Utc>) -> PostHocReview {
    let invalid = |why: &str| PostHocReview::Invalid(format!("the review afterwards does not count: {why}"));
    let Some(ticket) = review.ticket.as_deref().filter(|ticket| !ticket.trim().is_empty()) else {
        return invalid("it names no ticket");
    };
    let after = review.at - change.landing.at;
    if after < TimeDelta::zero() || after > TimeDelta::hours(policy.posthoc_hours.into()) || review.at > as_of {
        let hours = policy.posthoc_hours;
        return invalid(&format!("it was at {}, and {hours} h after landing are allowed", day_time(review.at)));
    }
    let unknown = |reason, why: &str| PostHocReview::Unknown(reason, format!("of the review afterwards: {why}"));
    let Some(reviewer) = &review.reviewer else {
        return unknown("reviewer-account-deleted", "its reviewer's account is deleted");
    };
    if matches!(reviewer.kind, ActorKind::Bot | ActorKind::Agent) {
        return invalid("a bot wrote it");
    }
    if people(change).any(|login| same_login(login, &reviewer.login)) {
        return invalid(&format!("{} had a hand in the change", reviewer.login));
    }
    if policy.roster.as_ref().is_some_and(|roster| !roster.iter().any(|login| same_login(login, &reviewer.login))) {
        return invalid(&format!("{} is not on the roster", reviewer.login));
    }
    if review.can_push == Some(false) {
        return invalid(&format!("{} could not push", reviewer.login));
    }
    // What it looked at is the pull request.
    if matches!(&change.pull_request, Lookup::Found(pr) if !pr.same_as_landed) {
        return unknown(
            "approved-content-unknown",
            "it is of the pull request, and what landed is not shown to be that",
        );
    }
    let author = match &change.pull_request {
        Lookup::Found(pr) if pr.initiator.is_none() => pr.author.as_ref().map(|author| author.kind),
        Lookup::Found(_) | Lookup::None | Lookup::Failed(_) => None,
    };
    if author == Some(ActorKind::Agent) {
        return unknown("agent-initiator-unknown", "its reviewer may have started the agent; nobody says who did");
    }
    if author == Some(ActorKind::Unknown) {
        return unknown("author-kind-unknown", "its reviewer may have started the author, which may be an agent");
    }
    if review.can_push.is_none() {
        return unknown("approver-rights-unknown", "nobody says whether its reviewer could push");
    }
    if reviewer.kind == ActorKind::Unknown {
        return unknown("reviewer-kind-unknown", "nobody says whether its reviewer is a person");
    }
    let commits = match &change.pull_request {
        Lookup::Found(pr) => pr.commits.as_slice(),
        Lookup::None | Lookup::Failed(_) => &[],
    };
    let of_commits = commits.iter().flat_map(|commit| commit.authors.iter().chain(&commit.committer));
    let mut authors = change.authors.iter().chain(of_commits);
    if authors.any(|author| author.login.is_none()) {
        return unknown("commit-author-unmatched", "its reviewer may be a commit's author, who has no account");
    }
    if commits.iter().any(|commit| commit.pushed_by.is_none()) {
        return unknown("last-pusher-unknown", "its reviewer may have pushed; nobody says who did");
    }
    PostHocReview::Valid(format!("reviewed afterwards by {} at {}, {ticket}", reviewer.login, day_time(review.at)))
}
