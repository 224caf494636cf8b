//! The attributes of one change, A1 to A13 as auditors list them, and the review after the fact. The
//! decisions are `rule`'s, `Approvals`' and `post_hoc`'s; here they are put beside what they rest on.

use super::approval::{Approvals, LastPushes, WhyNot, reviewer};
use super::post_hoc::{self, PostHocReview};
use super::{Independence, Policy, actor_name, day_time, rule};
use crate::judge::attributes::{Attribute, NOT_READ, Part, known};
use crate::judge::{Outcome, Ruling};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{
    Actor, ActorKind, Change, Fact, LandingKind, Lookup, PrCommit, PullRequest, Review, ReviewState, RuleOutcome,
};
use std::collections::{BTreeMap, BTreeSet};

/// Commits whose places are named.
const COMMITS_MAX: usize = 20;

/// Reasons that the ladder gives before it looks at approvals, or where there are none to look at.
const BY_ARRIVAL: [&str; 6] =
    ["before-scope-date", "force-push", "direct-push", "lookup-failed", "listed-automation", "paths-unread"];

/// Which attribute an approval that does not count fails.
fn key(why: WhyNot) -> &'static str {
    match why {
        WhyNot::Dismissed | WhyNot::AfterMerge | WhyNot::DismissalUnknown => "A2",
        WhyNot::OwnPullRequest | WhyNot::StartedAgent | WhyNot::InitiatorUnknown | WhyNot::AuthorKindUnknown => "A3",
        WhyNot::WroteCommit | WhyNot::PushedLast => "A4",
        WhyNot::CannotWrite | WhyNot::RightsUnknown => "A5",
        WhyNot::Stale | WhyNot::ContentUnknown => "A6",
        WhyNot::Bot | WhyNot::NotOnRoster | WhyNot::ReviewerKindUnknown | WhyNot::AccountDeleted => "A8",
    }
}

/// Every attribute of the change, in the order of the list.
pub(in crate::judge) fn attributes(policy: &Policy, change: &Change, as_of: DateTime<Utc>) -> Vec<Attribute> {
    let ruling = rule(policy, change, as_of);
    let mut all = vec![arrival(policy, change, &ruling)];
    if let Lookup::Found(pr) = &change.pull_request {
        let approvals = Approvals::at_merge(policy, pr);
        all.extend(Merged { policy, change, pr, approvals: &approvals, ruling: &ruling }.attributes());
    }
    all.push(after_the_fact(policy, change, as_of, &ruling));
    if BY_ARRIVAL.contains(&ruling.reason) {
        // The ladder ended before these, whatever they say.
        let later = |a: &&mut Attribute| !matches!(a.key, "A1" | "post-hoc");
        all.iter_mut().filter(later).for_each(|a| (a.part, a.decides) = (Part::Aside, false));
    }
    all
}

fn arrival(policy: &Policy, change: &Change, ruling: &Ruling) -> Attribute {
    let landing = &change.landing;
    let how = match landing.kind {
        LandingKind::Push => "push",
        LandingKind::ForcePush => "forced push",
        LandingKind::PrMerge => "merge of a pull request",
        LandingKind::MergeQueueMerge => "merge by the merge queue",
    };
    let with = match &change.pull_request {
        Lookup::Found(pr) => format!("pull request {} into {}", pr.number, pr.base),
        Lookup::None => "no pull request".to_owned(),
        Lookup::Failed(why) => format!("pull request {NOT_READ}: {why}"),
    };
    let (at, actor) = (day_time(landing.at), actor_name(change));
    let seen =
        format!("{how} to {} at {at} by {actor}, {} to {}; {with}", change.branch, landing.before, landing.after);
    let decides = BY_ARRIVAL.contains(&ruling.reason);
    let mut arrival = Attribute::new("A1", "arrived by a pull request into this branch", seen)
        .on([Fact::Landing, Fact::PullRequest])
        .part(if decides { Part::of(ruling.outcome) } else { Part::For });
    if matches!(change.pull_request, Lookup::None) {
        let paths = change.paths.as_ref().map(|paths| paths.join(", "));
        arrival.seen += &format!("; touched {}", known(paths));
        arrival = arrival.on([Fact::Paths, Fact::Authors, Fact::Policy("exempt_actors")]);
    }
    // What somebody pushed is the pull request only where that is shown.
    if let (Lookup::Found(pr), LandingKind::Push) = (&change.pull_request, landing.kind)
        && pr.head != landing.after
    {
        // Its id names the commit that the pull request came as; further ones may have been pushed with it.
        let itself = change.id.ends_with(&format!("@{}", short(&pr.head)));
        arrival.seen += &match (itself, pr.same_as_landed) {
            (true, _) => format!("; it came as its own head, {}", short(&pr.head)),
            (false, true) => format!("; shown to bring what stands at its head, {}", short(&pr.head)),
            (false, false) => format!("; not shown to bring what stands at its head, {}", short(&pr.head)),
        };
        arrival = arrival.on((pr.same_as_landed && !itself).then(|| Fact::Compared(pr.head.clone())));
    }
    if policy.since.is_some() {
        arrival = arrival.on([Fact::Policy("since")]);
    }
    (arrival.decides, arrival.reason) = (decides, decides.then_some(ruling.reason));
    // Without a pull request nothing else is there to count.
    if !decides && matches!(change.pull_request, Lookup::None) {
        arrival.part = Part::Against;
    }
    arrival
}

/// A merged pull request and what the judge makes of it.
struct Merged<'a> {
    policy: &'a Policy,
    change: &'a Change,
    pr: &'a PullRequest,
    approvals: &'a Approvals<'a>,
    ruling: &'a Ruling,
}

impl Merged<'_> {
    fn attributes(&self) -> Vec<Attribute> {
        let mut all = vec![self.approvals_needed()];
        all.extend(self.reviewers());
        all.extend([self.author(), self.last_pusher(), self.rights(), self.content(), self.requests()]);
        all.extend([self.roster(), self.rules(), self.owners()]);
        all.push(Attribute::new(
            "A11",
            "checks passed on what was merged",
            format!("{NOT_READ}: no part of this test"),
        ));
        all.push(self.merged_by());
        all.push(Attribute::new("A13", "ticket", format!("{NOT_READ}: no part of this test")));
        all
    }

    /// An attribute that decides when the item's reason is one of these.
    fn deciding(&self, attribute: Attribute, reasons: &[&'static str], otherwise: Part) -> Attribute {
        let decides = reasons.contains(&self.ruling.reason);
        let part = if decides { Part::of(self.ruling.outcome) } else { otherwise };
        let reason = decides.then_some(self.ruling.reason);
        Attribute { decides, ..attribute.part(part).because(reason.or(attribute_reason(reasons, otherwise))) }
    }

    fn approvals_needed(&self) -> Attribute {
        let (valid, needed) = (self.approvals.valid.len(), self.policy.min_approvals);
        let seen = format!("{valid} count, {needed} needed; merged at {}", day_time(self.pr.merged_at));
        let enough = valid >= needed as usize;
        let otherwise = if enough { Part::For } else { Part::Against };
        let attribute = Attribute::new("A2", "approvals that count at the merge", seen).on([
            Fact::Reviews,
            Fact::PullRequest,
            Fact::Policy("min_approvals"),
        ]);
        self.deciding(attribute, &["approved", "no-approval", "too-few-approvals"], otherwise)
    }

    /// One attribute for each reviewer, with all that he or she said.
    fn reviewers(&self) -> Vec<Attribute> {
        let mut by: BTreeMap<String, Vec<&Review>> = BTreeMap::new();
        for review in &self.pr.reviews {
            by.entry(reviewer(review)).or_default().push(review);
        }
        by.iter().map(|(who, reviews)| self.reviewer(who, reviews)).collect()
    }

    fn reviewer(&self, who: &str, reviews: &[&Review]) -> Attribute {
        let counts = self.approvals.valid.iter().any(|valid| reviews.iter().any(|review| review.id == valid.id));
        let drops = || self.approvals.dropped.iter().filter(|(dropped, _)| dropped == who).map(|(_, why)| *why);
        let against = self.approvals.against.iter().any(|other| other == who);
        let (part, reason, word) = match (counts, drops().max(), against) {
            (true, ..) => (Part::For, None, "counts".to_owned()),
            (_, Some(why), _) => {
                let part = if why.is_unknown() { Part::Open } else { Part::Against };
                (part, Some(why.reason()), format!("does not count: {} ({})", why.reason(), key(why)))
            }
            (_, None, true) => (Part::Against, Some("changes-requested"), "stands against it".to_owned()),
            (_, None, false) => (Part::Aside, None, "no opinion at the merge".to_owned()),
        };
        let said: Vec<String> = reviews.iter().map(|review| self.said(review)).collect();
        let mut attribute = Attribute::new("A2", format!("review by {who}"), format!("{}; {word}", said.join("; ")))
            .part(part)
            .because(reason);
        attribute.decides = reason == Some(self.ruling.reason) || counts && self.ruling.reason == "approved";
        for review in reviews {
            attribute = attribute.on([Fact::Review(review.id.clone())]);
            let dismissed = self.pr.dismissals.iter().any(|dismissal| dismissal.review == review.id);
            attribute = attribute.on(dismissed.then(|| Fact::Dismissal(review.id.clone())));
        }
        attribute
    }

    fn said(&self, review: &Review) -> String {
        let state = match review.state {
            ReviewState::Approved => "approved",
            ReviewState::ChangesRequested => "asked for changes",
            ReviewState::Commented => "commented",
            ReviewState::Dismissed => "dismissed",
        };
        let of = review.commit.as_ref().map(|oid| short(oid));
        let mut text = format!("{state} at {}, of commit {}", day_time(review.at), known(of));
        for dismissal in self.pr.dismissals.iter().filter(|dismissal| dismissal.review == review.id) {
            text += &format!(", dismissed at {} (was {:?})", day_time(dismissal.at), dismissal.was);
        }
        text
    }

    /// The reason of the approvals that fail this attribute, and what that makes of it.
    fn failing(&self, attribute: Attribute) -> Attribute {
        let failed: Vec<WhyNot> =
            self.approvals.dropped.iter().map(|(_, why)| *why).filter(|why| key(*why) == attribute.key).collect();
        let decides = failed.iter().any(|why| why.reason() == self.ruling.reason);
        let part = match failed.iter().max() {
            Some(why) if why.is_unknown() => Part::Open,
            Some(_) => Part::Against,
            None if self.approvals.valid.is_empty() => Part::Aside,
            None => Part::For,
        };
        Attribute { decides, ..attribute.part(part).because(failed.iter().max().map(|why| why.reason())) }
    }

    fn author(&self) -> Attribute {
        let agent = self.pr.author.as_ref().is_some_and(|author| author.kind == ActorKind::Agent);
        let mut seen = self.pr.author.as_ref().map_or_else(|| "a deleted account".to_owned(), typed);
        if agent {
            seen += &format!(", started by {}", known(self.pr.initiator.as_ref()));
        }
        let attribute = Attribute::new("A3", "author, whose own approval does not count", seen);
        self.failing(attribute.on([Fact::Author]).on(agent.then_some(Fact::Initiator)))
    }

    fn last_pusher(&self) -> Attribute {
        let push = |commit: &PrCommit| {
            let at = commit.pushed_at.map(day_time);
            format!("{} at {}", known(commit.pushed_by.as_ref()), known(at))
        };
        let list = |commits: &[&PrCommit]| commits.iter().map(|commit| push(commit)).collect::<Vec<_>>().join(", ");
        let last = LastPushes::of(self.pr);
        let strict = self.policy.independence == Independence::AnyCommitter;
        let pushed = if last.content.is_empty() { NOT_READ.to_owned() } else { list(&last.content) };
        let mut seen = format!("last pushed by {pushed}");
        if !last.updates.is_empty() {
            seen += &format!("; merged with the base, which may change it, by {}", list(&last.updates));
        }
        let authors: Vec<&str> = (self.pr.commits.iter().flat_map(|commit| &commit.authors))
            .map(|author| author.login.as_deref().unwrap_or("somebody without account"))
            .collect();
        seen += &format!("; commits written by {}", authors.join(", "));
        let strictly = self.pr.commits.iter().rev().take(if strict { COMMITS_MAX } else { 0 });
        let commits: BTreeSet<&str> = last.all().chain(strictly).map(|commit| commit.oid.as_str()).collect();
        let attribute = Attribute::new("A4", "last pusher and authors of commits, who are not independent", seen)
            .on(last.all().map(|commit| Fact::Push(commit.oid.clone())))
            .on(commits.into_iter().map(|oid| Fact::Commit(oid.to_owned())))
            .on([Fact::Policy("independence")]);
        let attribute = self.failing(attribute);
        if attribute.reason.is_some() {
            return attribute;
        }
        let unknown = last.may_have_given(&self.approvals.valid) > 0;
        let otherwise = if unknown { Part::Open } else { attribute.part };
        self.deciding(attribute, &["last-pusher-unknown", "commit-author-unmatched"], otherwise)
    }

    /// The reviewers whose approvals were looked at, and one thing of each.
    fn of_approvers(&self, what: impl Fn(&Review) -> String) -> (String, Vec<Fact>) {
        let approving = |review: &&Review| !matches!(review.state, ReviewState::Commented);
        let of: Vec<&Review> = self.pr.reviews.iter().filter(approving).collect();
        let seen: Vec<String> = of.iter().map(|review| format!("{} {}", reviewer(review), what(review))).collect();
        let seen = if seen.is_empty() { "no approval".to_owned() } else { seen.join("; ") };
        (seen, of.iter().map(|review| Fact::Review(review.id.clone())).collect())
    }

    fn rights(&self) -> Attribute {
        let (seen, facts) = self.of_approvers(|review| match review.can_push {
            Some(true) => "can write".to_owned(),
            Some(false) => "cannot write".to_owned(),
            None => format!("{NOT_READ}: whether he or she can write"),
        });
        self.failing(Attribute::new("A5", "approver could write", seen).on(facts))
    }

    fn content(&self) -> Attribute {
        let (seen, facts) = self.of_approvers(|review| {
            let shown = if review.same_as_merged { ", shown to be what was merged" } else { "" };
            format!("saw {}{shown}", known(review.commit.as_ref().map(|c| short(c))))
        });
        let commits: Vec<&str> = self.pr.commits.iter().map(|commit| short(&commit.oid)).collect();
        let base = self.pr.base_changed_at.map(|at| format!("; base switched at {}", day_time(at)));
        let landed = if self.pr.same_as_landed { "" } else { ", and it is not shown that what landed is the same" };
        let seen = format!(
            "{seen}; merged was {}{landed}; commits, oldest first: {}{}",
            short(&self.pr.head),
            commits.join(" "),
            base.unwrap_or_default()
        );
        let attribute = Attribute::new("A6", "approval covers what was merged", seen)
            .on([Fact::Head])
            .on(facts)
            .on(self.compared())
            .on(self.pr.commits.last().map(|commit| Fact::Commit(commit.oid.clone())))
            .on(self.pr.base_changed_at.map(|_| Fact::BaseChange));
        self.failing(attribute)
    }

    /// Commits that were held against each other to show that what was approved is what was merged.
    fn compared(&self) -> Vec<Fact> {
        let shown = self.pr.reviews.iter().filter(|review| review.same_as_merged);
        let commits: BTreeSet<&String> = shown.filter_map(|review| review.commit.as_ref()).collect();
        let merged = (!commits.is_empty()).then_some(&self.pr.head);
        commits.into_iter().chain(merged).map(|oid| Fact::Compared(oid.clone())).collect()
    }

    fn requests(&self) -> Attribute {
        let standing = &self.approvals.against;
        let (seen, part) = match (standing.is_empty(), self.approvals.maybe_against) {
            (false, _) => (format!("by {}", standing.join(", ")), Part::Against),
            (true, Some(why)) => (format!("one may stand: {}", why.reason()), Part::Open),
            (true, None) => ("none".to_owned(), Part::For),
        };
        let reviews = self.pr.reviews.iter().filter(|review| standing.contains(&reviewer(review)));
        let attribute = Attribute::new("A7", "requests for changes that stand", seen)
            .on([Fact::Reviews])
            .on(reviews.map(|review| Fact::Review(review.id.clone())));
        let maybe = self.approvals.maybe_against.map_or("changes-requested", WhyNot::reason);
        self.deciding(attribute, &["changes-requested", maybe], part)
    }

    fn roster(&self) -> Attribute {
        let roster = match &self.policy.roster {
            Some(roster) => format!("roster: {}", roster.join(", ")),
            None => "no roster: whoever can write".to_owned(),
        };
        let (seen, facts) = self.of_approvers(|review| {
            review.author.as_ref().map_or_else(|| "(account deleted)".to_owned(), |who| format!("is {}", kind(who)))
        });
        let attribute = Attribute::new("A8", "approver is a person on the roster", format!("{seen}; {roster}"));
        self.failing(attribute.on(facts).on([Fact::Policy("roster"), Fact::Policy("bot_approval")]))
    }

    fn rules(&self) -> Attribute {
        let (seen, part) = match self.pr.rule {
            RuleOutcome::Pass => ("no bypass of a ruleset on record", Part::For),
            RuleOutcome::Bypass => ("bypassed", Part::Against),
            RuleOutcome::NotRead => (NOT_READ, Part::Aside),
            RuleOutcome::OutOfReach => {
                ("the source keeps no records of bypasses as old as this: there is none to look up", Part::Open)
            }
        };
        // What the source no longer keeps stands nowhere, which is not the same as not found.
        let kept = self.pr.rule != RuleOutcome::OutOfReach;
        let attribute = Attribute::new("A9", "rulesets not bypassed", seen).on(kept.then_some(Fact::Rules));
        self.deciding(attribute, &["rule-bypassed", "rule-outcome-unknown"], part)
    }

    fn owners(&self) -> Attribute {
        let groups = self.pr.owners_of_paths.as_ref();
        let seen = known(groups.map(|groups| {
            let groups: Vec<String> = groups.iter().map(|group| group.join(" or ")).collect();
            if groups.is_empty() { "no owners of these paths".to_owned() } else { groups.join("; ") }
        }));
        let asked = self.policy.require_codeowner;
        let seen = if asked { seen } else { format!("{seen}; not asked for by the policy") };
        let otherwise = if asked && groups.is_some() { Part::For } else { Part::Aside };
        let attribute =
            Attribute::new("A10", "owners of the code approved", seen).on([Fact::Policy("require_codeowner")]);
        let looked_at = (asked || groups.is_some()).then_some(Fact::CodeOwners);
        let owned = groups.is_some_and(|groups| !groups.is_empty());
        let attribute = attribute.on(looked_at).on(owned.then_some(Fact::Paths));
        self.deciding(attribute, &["code-owner-missing", "code-owners-unread"], otherwise)
    }

    fn merged_by(&self) -> Attribute {
        let landing = &self.change.landing;
        let queued = landing.kind == LandingKind::MergeQueueMerge;
        let who = landing.actor.as_ref().map_or_else(|| "a deleted account".to_owned(), typed);
        let name = if queued { "put into the merge queue by" } else { "merged by" };
        Attribute::new("A12", name, who).on([Fact::Landing]).on(queued.then_some(Fact::Enqueuer))
    }
}

/// The first reason of an attribute that is against without deciding: something before it did.
fn attribute_reason(reasons: &[&'static str], part: Part) -> Option<&'static str> {
    reasons.first().copied().filter(|_| part == Part::Against && reasons.len() == 1)
}

fn after_the_fact(policy: &Policy, change: &Change, as_of: DateTime<Utc>, ruling: &Ruling) -> Attribute {
    let (seen, part, reason) = match post_hoc::review(policy, change, as_of) {
        PostHocReview::None => ("none on record".to_owned(), Part::Aside, None),
        PostHocReview::Valid(seen) => (seen, Part::For, Some("emergency-reviewed")),
        PostHocReview::Invalid(why) => (why, Part::Against, None),
        PostHocReview::Unknown(reason, why) => (why, Part::Open, Some(reason)),
    };
    let decides = reason == Some(ruling.reason) && !change.post_hoc.is_empty();
    // Enough approvals count: nobody asks for it.
    let part = if ruling.outcome == Outcome::Pass && !decides { Part::Aside } else { part };
    let attribute = Attribute::new("post-hoc", "review after the fact", seen).part(part).because(reason);
    Attribute { decides, ..attribute.on([Fact::Afterwards, Fact::Policy("posthoc_hours"), Fact::Policy("roster")]) }
}

fn typed(actor: &Actor) -> String {
    format!("{} ({})", actor.login, kind(actor))
}

fn kind(actor: &Actor) -> &'static str {
    match actor.kind {
        ActorKind::User => "a person",
        ActorKind::Bot => "a bot",
        ActorKind::Agent => "an AI agent",
        ActorKind::Unknown => "of a kind that was not read",
    }
}

fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}
