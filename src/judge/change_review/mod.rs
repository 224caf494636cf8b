//! Whether a change of a production branch was reviewed by somebody independent before it landed.
//!
//! The ladder, first match: before the scope date; force push; no pull request (failed look-up,
//! listed automation, emergency review, direct push); merged into another base; then approvals
//! (`approval`). When enough of them count, what else may be wrong; when not, an emergency review
//! (`post_hoc`), what could not be told, and what is missing.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `approved` | enough approvals count and nothing stands against it |
//! | pass | `emergency-reviewed` | without enough approvals, but reviewed in time afterwards |
//! | waived | `listed-automation` | a listed actor pushed, and touched listed paths only |
//! | excluded | `before-scope-date` | landed before `since` |
//! | deviation | `force-push` | the branch's history was replaced |
//! | deviation | `direct-push` | no pull request, or one into another base |
//! | deviation | `changes-requested` | enough approvals, but a request for changes stands, whoever made it: also one who cannot write |
//! | deviation | `code-owner-missing` | an owner of touched paths is not among those who approved |
//! | deviation | `rule-bypassed` | somebody bypassed the branch's rules |
//! | deviation | `too-few-approvals` | some approvals count, but not enough |
//! | deviation | `no-approval` | nobody approved |
//! | deviation | `approver-cannot-write` | none counts; this and the next nine, weakest first, say why |
//! | deviation | `approver-not-on-roster` | the policy has a roster |
//! | deviation | `bot-approval` | by a bot or agent, and the policy does not count those |
//! | deviation | `approved-after-merge` | at the merge there was no approval by that reviewer |
//! | deviation | `self-approval` | by the author of the pull request |
//! | deviation | `approver-started-agent` | by whoever started the agent that wrote it |
//! | deviation | `approver-wrote-commit` | by an author or co-author; `independence = "any_committer"` |
//! | deviation | `approver-pushed-last` | by whoever pushed the newest commit that changes content, or a later one that may |
//! | deviation | `approval-dismissed` | dismissed before the merge |
//! | deviation | `stale-approval` | the content or the base changed after it |
//! | indeterminate | `lookup-failed` | the pull request could not be read |
//! | indeterminate | `commit-author-unmatched` | independence asks for every author, and one has no account |
//! | indeterminate | `paths-unread` | a listed actor pushed, and nobody read which paths |
//! | indeterminate | `code-owners-unread` | owners are required, and were not read |
//! | indeterminate | `last-pusher-unknown` | an approval more or less hangs on who pushed last, which is unknown |
//! | indeterminate | `reviewer-account-deleted` | an approval, or a request for changes and an approval, by deleted accounts |
//! | indeterminate | `agent-initiator-unknown` | an agent's pull request, and nobody says who started it |
//! | indeterminate | `dismissal-unknown` | a review is dismissed, and nobody says when or what it was |
//! | indeterminate | `approved-content-unknown` | nobody says which content was approved, which was merged, whether that is what landed, or whether it changed in between |
//! | indeterminate | `approver-rights-unknown` | nobody says whether the approver, or who reviewed afterwards, could write |
//! | indeterminate | `reviewer-kind-unknown` | nobody says whether the reviewer is a person |
//! | indeterminate | `author-kind-unknown` | nobody says whether the author is an agent that somebody started |
//! | indeterminate | `rule-outcome-unknown` | would pass, but the source cannot tell any more whether rules were bypassed |
//!
//! Who only merged the base into the branch did not push last, and who pushed content before that did. A merge of
//! the base of which it is not known whether it changes content counts as both: whoever pushed either is not
//! independent, unless what was approved is shown to be what was merged (`Review::same_as_merged`).
//! Who pushed last may be unknown. Nearly always one person did, so with one approval more than needed at
//! least enough of them are independent whoever it was; with exactly enough it cannot be told. Each further push
//! of which that is unknown needs one more.
//! Where somebody pushed a merge, its pull request speaks for it only if the source shows that what landed is what
//! stands at its head (`PullRequest::same_as_landed`); else no approval is of what landed, nor is a review of the
//! pull request after the fact.
//! `RuleOutcome::NotRead` passes: it is a limitation that the evidence states, chosen by configuration.
//! `RuleOutcome::OutOfReach` was not chosen, so it does not.
//! An emergency review helps only where approvals are missing: it is no answer to a standing request
//! for changes or a bypass of an approved change; of several the earliest that counts is named. After
//! a rebase, an approval whose commit is gone is stale unless the source shows that the content is the
//! same (`Review::same_as_merged`); after a merge of the base it is unknown unless that is shown.

mod approval;
mod attributes;
mod post_hoc;

use super::{Judged, Outcome, PolicyError, Ruling, day_time, policy::out_of_range, same_login};
pub(super) use attributes::attributes;

use approval::{Approvals, LastPushes, WhyNot};
use chrono::{DateTime, NaiveDate, Utc};
use evidenced_collectors::contract::{Change, LandingKind, Lookup, PullRequest, Review, RuleOutcome};
use globset::{Glob, GlobBuilder};
use post_hoc::PostHocReview;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What counts as reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Approvals needed at the merge, 1 to 10.
    pub min_approvals: u32,
    /// Of whom an approver must be independent, besides the author of the pull request.
    pub independence: Independence,
    /// Whether the owners of the touched paths must be among those who approved.
    pub require_codeowner: bool,
    /// Hours after landing within which a review of an emergency change counts, 0 to 168.
    pub posthoc_hours: u32,
    /// Automation that may push without review: login to the paths that it may touch (`*` stays in a
    /// folder, `**` does not).
    pub exempt_actors: BTreeMap<String, Vec<String>>,
    /// Logins of those who may approve, also after the fact; absent: everybody with write access.
    pub roster: Option<Vec<String>>,
    /// Whether approvals by bots and agents count.
    pub bot_approval: bool,
    /// The day from which changes are in scope, UTC; absent: all of them.
    pub since: Option<NaiveDate>,
}

/// Of whom an approver must be independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Independence {
    /// Of whoever pushed last.
    LastPusher,
    /// Also of every author and co-author of a commit.
    AnyCommitter,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_approvals: 1,
            independence: Independence::LastPusher,
            require_codeowner: false,
            posthoc_hours: 24,
            exempt_actors: BTreeMap::new(),
            roster: None,
            bot_approval: false,
            since: None,
        }
    }
}

/// Refuses numbers that make no sense and paths that are no patterns.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("min_approvals", policy.min_approvals, 1, 10)?;
    out_of_range("posthoc_hours", policy.posthoc_hours, 0, 168)?;
    for (actor, patterns) in &policy.exempt_actors {
        for pattern in patterns {
            path_pattern(pattern).map_err(|error| PolicyError {
                message: format!("policy: exempt_actors.{actor:?}: {error}"),
                hint: "write paths such as CHANGELOG.md, docs/*.md, docs/**".to_owned(),
            })?;
        }
    }
    Ok(())
}

fn path_pattern(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}

/// Judges one change. `as_of` only keeps reviews of the future from counting.
pub(super) fn judge(policy: &Policy, change: &Change, as_of: DateTime<Utc>) -> Judged {
    let beneficiaries = people(change).map(str::to_owned).collect();
    Judged { item: change.id.clone(), ruling: rule(policy, change, as_of), beneficiaries }
}

fn rule(policy: &Policy, change: &Change, as_of: DateTime<Utc>) -> Ruling {
    let landing = &change.landing;
    let landed = format!("landed on {} at {} by {}", change.branch, day_time(landing.at), actor_name(change));
    if let Some(since) = policy.since.filter(|since| landing.at.date_naive() < *since) {
        return Ruling::excluded("before-scope-date", format!("{landed}; in scope since {since}"));
    }
    if landing.kind == LandingKind::ForcePush {
        let history = format!("history replaced: {} to {}", landing.before, landing.after);
        return Ruling::deviation("force-push", format!("{landed}; {history}"));
    }
    match &change.pull_request {
        Lookup::Failed(why) => {
            Ruling::indeterminate("lookup-failed", format!("{landed}; its pull request could not be read: {why}"))
        }
        Lookup::None => without_pull_request(policy, change, &landed, as_of),
        Lookup::Found(pr) if pr.base != change.branch => {
            let other = format!("pull request {} was merged into {}, not here", pr.number, pr.base);
            Ruling::deviation("direct-push", format!("{landed}; {other}"))
        }
        Lookup::Found(pr) => with_pull_request(policy, change, pr, as_of),
    }
}

fn without_pull_request(policy: &Policy, change: &Change, landed: &str, as_of: DateTime<Utc>) -> Ruling {
    let automation = listed_automation(policy, change);
    if automation == Automation::Listed {
        let seen = format!("{landed}; touched {}", change.paths.as_deref().unwrap_or_default().join(", "));
        return Ruling { outcome: Outcome::Waived, reason: "listed-automation", seen };
    }
    match post_hoc::review(policy, change, as_of) {
        PostHocReview::Valid(seen) => {
            Ruling::pass("emergency-reviewed", format!("{landed} without pull request; {seen}"))
        }
        PostHocReview::Unknown(reason, seen) => Ruling::indeterminate(reason, format!("{landed}; {seen}")),
        _ if automation == Automation::PathsUnread => {
            Ruling::indeterminate("paths-unread", format!("{landed}, who is listed; the touched paths were not read"))
        }
        PostHocReview::Invalid(why) => {
            Ruling::deviation("direct-push", format!("{landed} without pull request; {why}"))
        }
        PostHocReview::None => Ruling::deviation("direct-push", format!("{landed} without pull request")),
    }
}

#[derive(PartialEq, Eq)]
enum Automation {
    Listed,
    PathsUnread,
    No,
}

/// No path at all is not "listed paths only": nothing shows what was touched.
fn listed_automation(policy: &Policy, change: &Change) -> Automation {
    let Some(actor) = &change.landing.actor else { return Automation::No };
    let listed: Vec<&str> = policy
        .exempt_actors
        .iter()
        .filter(|(login, _)| same_login(login, &actor.login))
        .flat_map(|(_, patterns)| patterns.iter().map(String::as_str))
        .collect();
    if listed.is_empty() {
        return Automation::No;
    }
    let covered = |path: &String| {
        listed.iter().any(|pattern| path_pattern(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(path)))
    };
    match &change.paths {
        None => Automation::PathsUnread,
        Some(paths) if !paths.is_empty() && paths.iter().all(covered) => Automation::Listed,
        Some(_) => Automation::No,
    }
}

fn with_pull_request(policy: &Policy, change: &Change, pr: &PullRequest, as_of: DateTime<Utc>) -> Ruling {
    let approvals = Approvals::at_merge(policy, pr);
    let seen = summary(pr, &approvals);
    let needed = policy.min_approvals as usize;
    if approvals.valid.len() >= needed + LastPushes::of(pr).may_have_given(&approvals.valid) {
        return approved(policy, pr, &approvals, seen);
    }
    match post_hoc::review(policy, change, as_of) {
        PostHocReview::Valid(how) => return Ruling::pass("emergency-reviewed", format!("{seen}; {how}")),
        PostHocReview::Unknown(reason, why) => return Ruling::indeterminate(reason, format!("{seen}; {why}")),
        PostHocReview::Invalid(_) | PostHocReview::None => {}
    }
    if let Some(unknown) = approvals.strongest(WhyNot::is_unknown) {
        return Ruling::indeterminate(unknown.reason(), seen);
    }
    if approvals.valid.len() >= needed {
        return Ruling::indeterminate("last-pusher-unknown", format!("{seen}; nobody says who pushed last"));
    }
    if pr.rule == RuleOutcome::Bypass {
        return Ruling::deviation("rule-bypassed", seen);
    }
    if !approvals.valid.is_empty() {
        return Ruling::deviation("too-few-approvals", format!("{seen}; {needed} needed"));
    }
    let reason = approvals.strongest(|drop| !drop.is_unknown()).map_or("no-approval", WhyNot::reason);
    Ruling::deviation(reason, seen)
}

/// Enough approvals count: what else may be wrong. What is known to be wrong comes before what
/// cannot be told, except for the first, which says whether the approvals count at all.
fn approved(policy: &Policy, pr: &PullRequest, approvals: &Approvals<'_>, seen: String) -> Ruling {
    let unmatched = || pr.commits.iter().flat_map(|commit| &commit.authors).any(|author| author.login.is_none());
    if policy.independence == Independence::AnyCommitter && unmatched() {
        return Ruling::indeterminate("commit-author-unmatched", format!("{seen}; a commit's author has no account"));
    }
    if let Some(who) = approvals.against.first() {
        return Ruling::deviation("changes-requested", format!("{seen}; the request for changes by {who} stands"));
    }
    let groups = pr.owners_of_paths.as_deref().filter(|_| policy.require_codeowner).unwrap_or_default();
    // The approvals of each group of owners; the first group short of them.
    let of = |group: &Vec<String>| by_owners(group, &approvals.valid);
    if let Some(group) = groups.iter().find(|group| of(group).is_empty()) {
        let owners = group.join(", ");
        return Ruling::deviation("code-owner-missing", format!("{seen}; none of the owners ({owners}) is among them"));
    }
    if pr.rule == RuleOutcome::Bypass {
        return Ruling::deviation("rule-bypassed", seen);
    }
    if let Some(drop) = approvals.maybe_against {
        let why = "a request for changes may stand";
        return Ruling::indeterminate(drop.reason(), format!("{seen}; {why}"));
    }
    if policy.require_codeowner && pr.owners_of_paths.is_none() {
        return Ruling::indeterminate("code-owners-unread", format!("{seen}; the owners were not read"));
    }
    let last = LastPushes::of(pr);
    if groups.iter().map(of).any(|approvals| approvals.len() <= last.may_have_given(&approvals)) {
        let why = "the only owner who approved may have pushed last";
        return Ruling::indeterminate("last-pusher-unknown", format!("{seen}; {why}"));
    }
    if pr.rule == RuleOutcome::OutOfReach {
        let why = "it landed before the rule outcomes that the source still knows";
        return Ruling::indeterminate("rule-outcome-unknown", format!("{seen}; {why}"));
    }
    Ruling::pass("approved", seen)
}

fn by_owners<'a>(group: &[String], valid: &[&'a Review]) -> Vec<&'a Review> {
    let owns = |review: &&Review| {
        review.author.as_ref().is_some_and(|who| group.iter().any(|owner| same_login(owner, &who.login)))
    };
    valid.iter().copied().filter(owns).collect()
}

fn summary(pr: &PullRequest, approvals: &Approvals<'_>) -> String {
    let author = pr.author.as_ref().map_or("a deleted account", |author| author.login.as_str());
    let names: Vec<&str> =
        approvals.valid.iter().filter_map(|r| r.author.as_ref()).map(|who| who.login.as_str()).collect();
    let by =
        if names.is_empty() { "no approval counts".to_owned() } else { format!("approved by {}", names.join(", ")) };
    let dropped: Vec<String> =
        approvals.dropped.iter().map(|(who, drop)| format!("{who} does not count ({})", drop.reason())).collect();
    let merged = day_time(pr.merged_at);
    let first = format!("pull request {} by {author}, merged at {merged}: {by}", pr.number);
    if dropped.is_empty() { first } else { format!("{first}; {}", dropped.join("; ")) }
}

fn actor_name(change: &Change) -> &str {
    change.landing.actor.as_ref().map_or("a deleted account", |actor| actor.login.as_str())
}

/// Everybody who had a hand in the change, as far as known: none of them can clear it afterwards.
fn people(change: &Change) -> impl Iterator<Item = &str> {
    let pr = match &change.pull_request {
        Lookup::Found(pr) => Some(pr),
        Lookup::None | Lookup::Failed(_) => None,
    };
    let commits = pr.into_iter().flat_map(|pr| &pr.commits);
    let of_commits = commits.clone().flat_map(|commit| commit.authors.iter().chain(&commit.committer));
    let authors = change.authors.iter().chain(of_commits);
    (change.landing.actor.iter().map(|actor| &actor.login))
        .chain(authors.filter_map(|author| author.login.as_ref()))
        .chain(commits.filter_map(|commit| commit.pushed_by.as_ref()))
        .chain(pr.into_iter().filter_map(|pr| pr.author.as_ref()).map(|author| &author.login))
        .chain(pr.into_iter().filter_map(|pr| pr.initiator.as_ref()))
        .map(String::as_str)
}
