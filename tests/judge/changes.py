"""Pull-request approval: auditing.md 4.1 and the part `change` of truth-table.md."""

from datetime import timedelta

from readings import among, at, same

CHANGE_POLICY = {
    "min_approvals": 1,
    "independence": "last_pusher",
    "require_codeowner": False,
    "posthoc_hours": 24,
    "exempt_actors": {},
    "roster": None,
    "bot_approval": False,
}
UNKNOWN = ["reviewer-account-deleted", "agent-initiator-unknown", "dismissal-unknown", "approver-rights-unknown"]
WEAKEST_FIRST = [
    "no-approval",
    "approver-cannot-write",
    "approver-not-on-roster",
    "bot-approval",
    "approved-after-merge",
    "self-approval",
    "approver-started-agent",
    "approver-wrote-commit",
    "approver-pushed-last",
    "approval-dismissed",
    "stale-approval",
]


class Unknown(Exception):
    """Cannot be judged; why."""


class Change:
    def __init__(self, case, defaults, doubts):
        self.change = case["change"]
        self.pr = self.change.get("pr")
        self.policy = {**CHANGE_POLICY, **defaults, **case.get("policy", {}), **self.change.get("policy", {})}
        self.strict = self.policy["independence"] == "any_committer"
        self.doubts = doubts
        self.landing = self.change["landing"]
        self.commits = (self.pr or {}).get("commits", [])

    def decide(self):
        if self.landing["type"] == "force_push":
            return "deviation", "force-push"
        if self.pr is None:
            if self.change.get("lookup") == "failed":
                return "indeterminate", "lookup-failed"
            if self.listed():
                return "waived", "listed-automation"
            if self.reviewed_afterwards():
                return "pass", "emergency-reviewed"
            return "deviation", "direct-push"
        if self.pr["base"] != self.change["branch"]:
            return "deviation", "direct-push"
        return self.approvals()

    def listed(self):
        allowed = self.policy["exempt_actors"].get(self.landing["actor"])
        if allowed is None:
            return False
        paths = self.change.get("paths") or []
        if not paths:
            return self.doubts.either("no-paths", False, True)
        return all(path in allowed for path in paths)

    def authors(self):
        found = list(self.change.get("authors") or [])
        for commit in self.commits:
            found += [commit.get("author"), *(commit.get("co") or [])]
        return found

    def reviewed_afterwards(self):
        review = self.change.get("posthoc")
        if not review or not review.get("ticket"):
            return False
        took = at(review["at"]) - at(self.landing["at"])
        if took < timedelta(0) or took > timedelta(hours=self.policy["posthoc_hours"]):
            return False
        if self.is_ghost({**review, "user": review.get("reviewer"), "type": review.get("reviewer_type")}):
            if not self.doubts.either("posthoc-ghost", True, False):
                raise Unknown("reviewer-account-deleted")
            return False
        if review.get("reviewer_type", "User") != "User":
            return False
        return self.independent_afterwards(review["reviewer"])

    def independent_afterwards(self, reviewer):
        involved = self.authors() + [commit.get("pushed_by") for commit in self.commits]
        involved.append(self.landing["actor"] if self.pr is None else self.pr["author"])
        if among(reviewer, involved):
            return False
        if None in self.authors() and not self.doubts.either("posthoc-author-unknown", True, False):
            return False
        roster = self.policy["roster"]
        if roster is not None and not among(reviewer, roster) and not self.doubts.allowed("posthoc-roster"):
            return False
        if self.pr is None:
            return True
        if same(reviewer, self.landing["actor"]) and not self.doubts.either("posthoc-merger", True, False):
            return False
        if self.pr.get("author_type") == "Agent":
            initiator = self.pr.get("initiator")
            if initiator is None or same(reviewer, initiator):
                return self.doubts.allowed("posthoc-agent")
        return True

    # Of each reviewer: the last opinion at the merge, and approvals that came later.

    def reviewers(self):
        groups = []
        for review in sorted(self.pr["reviews"], key=lambda one: at(one["at"])):
            ghost = self.is_ghost(review)
            for group in groups:
                if ghost and self.is_ghost(group[0]):
                    known = review.get("user"), group[0].get("user")
                    distinct = None not in known and "ghost" not in known and known[0] != known[1]
                    one = not distinct and self.doubts.either("ghosts", True, False)
                else:
                    one = same(review.get("user"), group[0].get("user"))
                if one:
                    group.append(review)
                    break
            else:
                groups.append([review])
        return groups

    @staticmethod
    def is_ghost(review):
        return review.get("type") == "Ghost" or review.get("user") is None

    def state(self, review):
        """What the review was, and whether it was dismissed, at the merge; an event of the same second is
        not later than it."""
        merged = at(self.pr["merged_at"])
        entries = [at(one["at"]) for one in self.pr.get("dismissals") or [] if one["review"] == review["id"]]
        if review["state"] != "DISMISSED":
            return review["state"], any(when <= merged for when in entries)
        return self.doubts.either(
            "dismissed-what",
            ("APPROVED", True),
            ("CHANGES_REQUESTED", True),
            ("CHANGES_REQUESTED", False),
            ("UNKNOWN", True),
        )

    def sort(self, group):
        """('kept' | 'objects' | 'out', reason or None, review) of one reviewer."""
        merged = at(self.pr["merged_at"])
        opinions = [one for one in group if one["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")]
        before = [one for one in opinions if at(one["at"]) <= merged]
        late = [one for one in opinions if at(one["at"]) > merged and one["state"] == "APPROVED"]
        objects = False
        if before:
            last = before[-1]
            was, dismissed = self.state(last)
            if was == "UNKNOWN":
                return "out", "dismissal-unknown", last
            if was == "APPROVED":
                if dismissed:
                    return "out", self.void(last, "approval-dismissed"), last
                reason = self.flaw(last) or self.moved(last)
                if reason is None and last.get("can_push", True) is None:
                    reason = "approver-rights-unknown"
                return "out" if reason else "kept", reason, last
            objects = not dismissed
        if not late or (objects and self.doubts.either("objected-then-approved-late", True, False)):
            return "objects" if objects else "out", None, group[-1]
        return "objects" if objects else "out", self.void(late[-1], "approved-after-merge"), late[-1]

    def void(self, review, reason):
        flaw = self.flaw(review)
        if flaw is None and reason == "approval-dismissed":
            flaw = self.moved(review)
        if flaw is None or flaw == reason:
            return reason
        return self.doubts.either("late-or-dismissed", flaw, reason)

    def flaw(self, review):
        """What is wrong with whose approval it is; the first of the ladder's list."""
        user, pr = review.get("user"), self.pr
        if self.is_ghost(review):
            return "reviewer-account-deleted"
        if review.get("type", "User") == "Bot":
            if not self.policy["bot_approval"]:
                return "bot-approval"
            if pr.get("author_type", "User") == "User":
                if not self.doubts.allowed("bot-for-person"):
                    return "bot-approval"
        if same(user, pr["author"]):
            return "self-approval"
        if pr.get("author_type") == "Agent":
            if pr.get("initiator") is None:
                return "agent-initiator-unknown"
            if same(user, pr["initiator"]):
                return "approver-started-agent"
        write = review.get("can_push", True)
        if write is None:
            write = self.doubts.either("write-unknown", True, False)
        if not write:
            return "approver-cannot-write"
        roster = self.policy["roster"]
        if roster is not None and not among(user, roster):
            return "approver-not-on-roster"
        return self.involved(user)

    def involved(self, user):
        if self.strict:
            if among(user, self.authors()):
                return "approver-wrote-commit"
        in_order = sorted(self.commits, key=lambda one: at(one["pushed_at"]))
        content = [one for one in in_order if one.get("changes") is not False]
        # Who only merged the base did not push last; who pushed content before that did.
        last = (content or in_order)[-1]
        if same(user, last["pushed_by"]):
            return "approver-pushed-last"
        if self.strict and among(user, [one["pushed_by"] for one in self.commits]):
            if not self.doubts.allowed("strict-pusher"):
                return "approver-wrote-commit"
        return None

    def moved(self, review):
        content = [one for one in self.commits if one.get("changes") is not False]
        if any(at(one["pushed_at"]) > at(review["at"]) for one in content):
            return "stale-approval"
        return None

    def approvals(self):
        sorted_out = [self.sort(group) for group in self.reviewers()]
        kept = [review["user"] for how, _, review in sorted_out if how == "kept"]
        drops = [reason for _, reason, _ in sorted_out if reason]
        bypassed = self.pr["rule"] == "bypass"
        if len(kept) >= self.policy["min_approvals"]:
            if self.strict and None in self.authors():
                return "indeterminate", "commit-author-unmatched"
            if any(how == "objects" for how, _, _ in sorted_out):
                return "deviation", "changes-requested"
            if self.policy["require_codeowner"] and not self.owned(kept):
                return "deviation", "code-owner-missing"
            if bypassed:
                return "deviation", "rule-bypassed"
            return "pass", "approved"
        if self.reviewed_afterwards():
            return "pass", "emergency-reviewed"
        unknown = [reason for reason in UNKNOWN if reason in drops]
        if unknown:
            return "indeterminate", unknown[0] if len(unknown) == 1 else self.doubts.either("two-unknowns", *unknown)
        if bypassed:
            return "deviation", "rule-bypassed"
        if kept:
            return "deviation", "too-few-approvals"
        return "deviation", max(drops, key=WEAKEST_FIRST.index, default="no-approval")

    def owned(self, kept):
        for owners in self.pr.get("owners_of_paths") or []:
            if not owners:
                if not self.doubts.either("owners-nobody", True, False):
                    return False
            elif not any(among(user, owners) for user in kept):
                return False
        return True


def judge(case, defaults, doubts):
    try:
        return Change(case, defaults, doubts).decide()
    except Unknown as why:
        return "indeterminate", str(why)
