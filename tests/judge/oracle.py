#!/usr/bin/env python3
"""A second opinion on the judges, made from the text of the rules alone and never from the judges' code.

    oracle.py FILE        a file of cases (the form of tests/truth-table.json; `expect` may be missing)

Prints [{"name", "outcome", "reason"}] in the order of the file: change, mfa, restore. Where the text can be
read in more than one way, each way is taken; a case on which they disagree is "undecided", its reason names
the doubts met, and "readings" lists every [outcome, reason] that some reading gives. What is in doubt:

change
- late-or-dismissed: an approval that was dismissed, or given after the merge, by somebody whose approval
  would be dropped anyway: the ladder's list of reasons does not say which of the two is the reason.
- dismissed-what: a review of which only DISMISSED is left, or a dismissed change request: whether that is
  `approval-dismissed` or no approval at all; and what it was when it was dismissed after the merge.
- dismissed-at-merge: "before merge: not an approval, after: still one"; nothing on the same second.
- objected-then-approved-late: whether "only after merge" is said of a reviewer who objected before it.
- ghosts: whether reviews without an account are one reviewer's or each another's.
- write-unknown: whether an approver whose right to write is not stated has it.
- bot-for-person: whether a policy that accepts bots' approvals means changes by people as well.
- strict-pusher: strict independence is named after committers and defined by authors and co-authors.
- base-merge-pushed: whether who only merged the base into the branch "pushed last".
- owners-unstated: code owners are required and the case names none, or names a path with no owner.
- two-unknowns: which of several indeterminate reasons is told.
- no-paths: whether "all touched paths on its list" holds of a push whose paths are not known.
- posthoc-merger: whether who merged is a "pusher" and so cannot review afterwards.
- posthoc-agent: whether who started the agent (or may have) can be the reviewer afterwards.
- posthoc-author-unknown: whether a reviewer afterwards is proven not to be an author who is not known.
- posthoc-roster: whether the reviewer afterwards must be on the roster as an approver must.
- posthoc-at-once: whether a review in the very second of the landing is after it.
- letter-case: whether two names that differ in upper and lower case alone are one person.

mfa
- root-unknown: a fact about root is unknown that the others make irrelevant, or that the text has no reason
  for.
- own-directory-external: a sign-in by an external provider to a directory that is its own.
- report-elsewhere: whether an old or future-dated credential report matters to what is not read from it.
- report-from-future: a report that is dated after the as-of time is not "older", and not believable.
- waiver-last-second, waiver-no-owner, waiver-too-long: expiry at the as-of time; an owner who is not named;
  an end more than 12 months away (4.2 forbids it, the table's form does not ask).

restore
- which-tests: whether tests begun outside the quarter, or in its grace, count for it.
- impossible-times: validated before it began, recovery point after it began, begun after now.
- still-validating: whether VALIDATING is "no validation" or "not successful".
- what-is-a-failure: any test that is not clean, or only those that B9 lists.
- performer-unknown: whether a reviewer is proven to be another than a performer who is not named.
- last-second-of-grace: "after the grace" and "before", nothing on the same second.
"""

import json
import sys
from datetime import datetime, timedelta

CHANGE_POLICY = {
    "min_approvals": 1,
    "independence": "last_pusher",
    "require_codeowner": False,
    "posthoc_hours": 24,
    "exempt_actors": {},
    "roster": None,
    "bot_approval": False,
}
MFA_POLICY = {"root_kind": "hardware", "user_kind": "any", "report_max_h": 4}
UNKNOWN = ["reviewer-account-deleted", "agent-initiator-unknown"]
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
# B9: "each failed, aborted, timed-out or over-target test".
FAILURES = ["restore-failed", "validation-failed", "rto-missed", "rpo-missed"]


class Doubts:
    """One way of reading the text: an answer to each doubt, chosen when it is first met."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.met = []
        self.answers = {}

    def either(self, doubt, *answers):
        if doubt not in self.answers:
            place = len(self.met)
            choice = self.prefix[place] if place < len(self.prefix) else 0
            self.met.append((doubt, choice, len(answers)))
            self.answers[doubt] = choice
        return answers[self.answers[doubt]]


def every_reading(decide):
    """All (outcome, reason) that `decide` gives, and the doubts met on the way."""
    found, names, todo = set(), set(), [[]]
    while todo:
        doubts = Doubts(todo.pop())
        found.add(decide(doubts))
        names.update(doubt for doubt, _, _ in doubts.met)
        taken = [choice for _, choice, _ in doubts.met]
        for place in range(len(doubts.prefix), len(taken)):
            for other in range(1, doubts.met[place][2]):
                todo.append(taken[:place] + [other])
    return sorted(found), sorted(names)


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def same(one, other, doubts):
    """Whether two names are one person's."""
    if one is None or other is None:
        return False
    if one == other:
        return True
    return one.lower() == other.lower() and doubts.either("letter-case", True, False)


def among(name, names, doubts):
    return any(same(name, one, doubts) for one in names)


# ---- change ----


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
        if not review or not review.get("ticket") or not review.get("reviewer"):
            return False
        if review.get("reviewer_type", "User") != "User":
            return False
        took = at(review["at"]) - at(self.landing["at"])
        if took < timedelta(0) or took > timedelta(hours=self.policy["posthoc_hours"]):
            return False
        if took == timedelta(0) and not self.doubts.either("posthoc-at-once", True, False):
            return False
        return self.independent_afterwards(review["reviewer"])

    def independent_afterwards(self, reviewer):
        involved = self.authors() + [commit.get("pushed_by") for commit in self.commits]
        if self.pr is None:
            involved.append(self.landing["actor"])
        else:
            involved.append(self.pr["author"])
        if among(reviewer, involved, self.doubts):
            return False
        if None in self.authors() and not self.doubts.either("posthoc-author-unknown", True, False):
            return False
        roster = self.policy["roster"]
        if roster is not None and not among(reviewer, roster, self.doubts):
            if not self.doubts.either("posthoc-roster", True, False):
                return False
        if self.pr is None:
            return True
        if same(reviewer, self.landing["actor"], self.doubts):
            if not self.doubts.either("posthoc-merger", True, False):
                return False
        if self.pr.get("author_type") == "Agent":
            initiator = self.pr.get("initiator")
            if initiator is None or same(reviewer, initiator, self.doubts):
                return self.doubts.either("posthoc-agent", True, False)
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
                    one = same(review.get("user"), group[0].get("user"), self.doubts)
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
        """What the review was at the merge: its state, or None when it was dismissed until then."""
        merged = at(self.pr["merged_at"])
        entries = [at(one["at"]) for one in self.pr.get("dismissals") or [] if one["review"] == review["id"]]
        state = review["state"]
        if any(when < merged for when in entries):
            return "DISMISSED"
        if any(when == merged for when in entries):
            if self.doubts.either("dismissed-at-merge", True, False):
                return "DISMISSED"
        elif state != "DISMISSED" or not entries:
            return state
        if state != "DISMISSED":
            return state
        return self.doubts.either("dismissed-what", "APPROVED", "CHANGES_REQUESTED", "DISMISSED")

    def sort(self, group):
        """('kept' | 'objects' | 'dropped' | 'none', reason, who) of one reviewer."""
        merged = at(self.pr["merged_at"])
        opinions = [one for one in group if one["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")]
        before = [one for one in opinions if at(one["at"]) <= merged]
        late = [one for one in opinions if at(one["at"]) > merged and one["state"] == "APPROVED"]
        if before:
            last = before[-1]
            state = self.state(last)
            if state == "APPROVED":
                reason = self.flaw(last) or self.moved(last)
                return ("dropped", reason, last) if reason else ("kept", None, last)
            if state == "CHANGES_REQUESTED":
                if late and self.doubts.either("objected-then-approved-late", False, True):
                    return "objects", self.void(late[-1], "approved-after-merge"), last
                return "objects", None, last
            if last["state"] == "APPROVED":
                return "dropped", self.void(last, "approval-dismissed"), last
            if self.doubts.either("dismissed-what", True, False, True):
                return "dropped", self.void(last, "approval-dismissed"), last
            if late:
                return "dropped", self.void(late[-1], "approved-after-merge"), late[-1]
            return "none", None, last
        if late:
            return "dropped", self.void(late[-1], "approved-after-merge"), late[-1]
        return "none", None, group[-1]

    def void(self, review, reason):
        # A right to write that is not stated is no flaw here: the table's "approval after merge only".
        flaw = self.flaw({**review, "can_push": review.get("can_push") is not False})
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
                if not self.doubts.either("bot-for-person", True, False):
                    return "bot-approval"
        if same(user, pr["author"], self.doubts):
            return "self-approval"
        if pr.get("author_type") == "Agent":
            if pr.get("initiator") is None:
                return "agent-initiator-unknown"
            if same(user, pr["initiator"], self.doubts):
                return "approver-started-agent"
        write = review.get("can_push")
        if write is None:
            write = self.doubts.either("write-unknown", True, False)
        if not write:
            return "approver-cannot-write"
        roster = self.policy["roster"]
        if roster is not None and not among(user, roster, self.doubts):
            return "approver-not-on-roster"
        return self.involved(user)

    def involved(self, user):
        if self.strict:
            if among(user, self.authors(), self.doubts):
                return "approver-wrote-commit"
        in_order = sorted(self.commits, key=lambda one: at(one["pushed_at"]))
        last = in_order[-1]
        content = [one for one in in_order if one.get("changes") is not False]
        if same(user, last["pushed_by"], self.doubts):
            if last.get("changes") is not False or self.doubts.either("base-merge-pushed", True, False):
                return "approver-pushed-last"
        if content and content[-1] is not last and same(user, content[-1]["pushed_by"], self.doubts):
            if not self.doubts.either("base-merge-pushed", True, False):
                return "approver-pushed-last"
        if self.strict and among(user, [one["pushed_by"] for one in self.commits], self.doubts):
            if self.doubts.either("strict-pusher", False, True):
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
        lists = self.pr.get("owners_of_paths")
        if lists is None:
            return self.doubts.either("owners-unstated", False, True)
        for owners in lists:
            if not owners:
                if not self.doubts.either("owners-unstated", False, True):
                    return False
            elif not any(among(user, owners, self.doubts) for user in kept):
                return False
        return True


# ---- mfa ----


def mfa(case, now, doubts):
    who = case["principal"]
    policy = {**MFA_POLICY, **case.get("policy", {})}
    outcome, reason = factor(who, policy, now, doubts)
    if outcome != "deviation" or reason == "root-access-keys" or who.get("waiver") is None:
        return outcome, reason
    if waived(who, now, doubts):
        return "waived", "approved-waiver"
    return "deviation", "waiver-invalid"


def waived(who, now, doubts):
    waiver, owner = who["waiver"], who.get("owner")
    approver, expires = waiver.get("approver"), waiver.get("expires")
    if not approver or not expires or same(approver, owner, doubts):
        return False
    if not owner and not doubts.either("waiver-no-owner", True, False):
        return False
    end = at(expires)
    if end == now:
        return doubts.either("waiver-last-second", True, False)
    if end > now + timedelta(days=366) and not doubts.either("waiver-too-long", True, False):
        return False
    return end > now


def factor(who, policy, now, doubts):
    kind = who["kind"]
    judged = {"account": account, "root": root, "iam": iam, "identity_center": identity_center}[kind]
    if who.get("report_at") is not None:
        age = now - at(who["report_at"])
        old = age > timedelta(hours=policy["report_max_h"])
        if old or age < timedelta(0):
            counts = kind in ("root", "iam") or doubts.either("report-elsewhere", False, True)
            if counts and (old or doubts.either("report-from-future", True, False)):
                return "indeterminate", "report-too-old"
    return judged(who, policy, doubts)


def account(who, _policy, _doubts):
    if who["state"] != "ACTIVE":
        return "excluded", "account-not-active"
    return ("pass", "account-read") if who["read"] else ("indeterminate", "account-unread")


UNSAID = ("indeterminate", "root-state-unknown")


def root(who, policy, doubts):
    password, active = who.get("password"), who.get("mfa")
    keys, certs = who.get("keys", 0), who.get("certs", 0)
    if keys:
        return "deviation", "root-access-keys"
    if keys is None:
        return UNSAID
    if password is False and certs == 0:
        return "pass", "root-no-credentials"
    if password is None or (password is False and certs is None):
        # The row of 4.2 says unknown, whatever else is known; with a factor it would not matter.
        if active is True and doubts.either("root-unknown", True, False):
            return root_factor(who, policy, doubts)
        if active is False and certs and doubts.either("root-unknown", True, False):
            return "deviation", "root-without-mfa"
        return UNSAID
    if active is None:
        return doubts.either("root-unknown", UNSAID, ("deviation", "root-without-mfa"))
    if not active:
        return "deviation", "root-without-mfa"
    return root_factor(who, policy, doubts)


def root_factor(who, policy, doubts):
    virtual = who.get("virtual")
    if policy["root_kind"] == "hardware":
        if virtual is None:
            return doubts.either("root-unknown", ("deviation", "root-mfa-not-hardware"), UNSAID)
        if virtual:
            return "deviation", "root-mfa-not-hardware"
    return "pass", "root-mfa"


def iam(who, policy, _doubts):
    if who["password"]:
        if not who.get("mfa"):
            return "deviation", "console-without-mfa"
        if policy["user_kind"] == "phishing_resistant" and "fido" not in (who.get("devices") or []):
            return "deviation", "mfa-not-phishing-resistant"
        return "pass", "mfa-active"
    if not who.get("keys"):
        return "excluded", "no-credentials"
    if who.get("principal_type") == "service":
        return "excluded", "service-identity"
    if who.get("mfa_deny_policy"):
        return "pass", "keys-require-mfa"
    return "deviation", "person-with-keys-only"


def identity_center(who, _policy, doubts):
    if who["assignments"] == 0:
        return "excluded", "no-assignment"
    if who["source"] == "external":
        if who.get("idp_evidence"):
            return "pass", "idp-enforces-mfa"
        return "indeterminate", "idp-evidence-missing"
    seen = set(who.get("signin_factors") or [])
    if "EXTERNAL_IDP" in seen:
        seen = doubts.either("own-directory-external", seen - {"EXTERNAL_IDP"}, seen - {"EXTERNAL_IDP"} | {"TOTP"})
    if seen == {"PASSWORD"}:
        return "deviation", "identity-center-password-only"
    if seen & {"TOTP", "WEBAUTHN"} and who.get("setting_evidence"):
        return "pass", "identity-center-mfa-seen"
    return "indeterminate", "identity-center-unobservable"


# ---- restore ----


def restore(case, doubts):
    facts = case["case"]
    if not facts.get("in_scope", True):
        return "excluded", "store-out-of-scope"
    tests = sorted(counted(facts, doubts), key=lambda test: at(test["started"]))
    reasons = [flaw_of(test, doubts) for test in tests]
    clean = [place for place, reason in enumerate(reasons) if reason is None]
    if not tests:
        return none_at_all(facts, doubts)
    if not clean:
        return "deviation", reasons[-1]
    failed = False
    for place, reason in enumerate(reasons):
        if reason is None:
            continue
        if reason not in FAILURES and not doubts.either("what-is-a-failure", True, False):
            continue
        failed = True
        # B9: followed up is a closed ticket and a later good test.
        if not tests[place].get("ticket_closed") or place > clean[-1]:
            return "deviation", "failure-not-followed-up"
    return "pass", "retested-after-failure" if failed else "restored-and-validated"


def none_at_all(facts, doubts):
    due = at(facts["quarter_end"]) + timedelta(days=facts.get("grace_d", 14))
    now = at(facts["now"])
    late, early = ("deviation", "no-restore-test"), ("pending", "not-yet-due")
    if now == due:
        return doubts.either("last-second-of-grace", late, early)
    return late if now > due else early


def counted(facts, doubts):
    end, now = at(facts["quarter_end"]), at(facts["now"])
    start = end.replace(month=end.month - 2, day=1, hour=0, minute=0, second=0)
    grace = timedelta(days=facts.get("grace_d", 14))
    found = []
    for test in facts["tests"]:
        begun = at(test["started"])
        if begun > now and not doubts.either("impossible-times", True, False):
            continue
        if not start <= begun <= end:
            how = doubts.either("which-tests", "all", "quarter", "grace")
            if how == "quarter" or (how == "grace" and not end < begun <= end + grace):
                continue
        found.append(test)
    return found


def flaw_of(test, doubts):
    """The first thing that is wrong with one test, or None when it is clean."""
    if test.get("env_source", "production") != "production":
        return "not-a-production-backup"
    if test["status"] != "COMPLETED":
        return "restore-failed"
    validation = test.get("validation")
    if validation is None:
        return "not-validated"
    if validation == "VALIDATING":
        return doubts.either("still-validating", "not-validated", "validation-failed")
    if validation != "SUCCESSFUL":
        return "validation-failed"
    if not test.get("checks"):
        return "no-named-checks"
    if test.get("rto_target_s") is None or test.get("rpo_target_s") is None:
        return "no-targets"
    return measured(test, doubts) or reviewed(test, doubts)


def measured(test, doubts):
    took = at(test["validated"]) - at(test["started"])
    lost = at(test["started"]) - at(test["recovery_point"])
    nothing = timedelta(0)
    if took > timedelta(seconds=test["rto_target_s"]) or took < nothing and doubts.either("impossible-times", 0, 1):
        return "rto-missed"
    if lost > timedelta(seconds=test["rpo_target_s"]) or lost < nothing and doubts.either("impossible-times", 0, 1):
        return "rpo-missed"
    return None


def reviewed(test, doubts):
    performer, reviewer = test.get("performer"), test.get("reviewer")
    if not reviewer or same(reviewer, performer, doubts):
        return "reviewer-is-performer"
    if not performer and not doubts.either("performer-unknown", True, False):
        return "reviewer-is-performer"
    return None


# ---- all ----


def answers(table):
    defaults = table.get("change_policy_default", {})
    ways = [
        ("change", lambda case, doubts: Change(case, defaults, doubts).decide()),
        ("mfa", lambda case, doubts: mfa(case, at(table["mfa_now"]), doubts)),
        ("restore", restore),
    ]
    for array, decide in ways:
        for case in table.get(array, []):
            readings, doubts = every_reading(lambda way, case=case, decide=decide: decide(case, way))
            if len(readings) == 1:
                outcome, reason = readings[0]
                yield {"name": case["name"], "outcome": outcome, "reason": reason}
            else:
                reason = " ".join(doubts)
                yield {"name": case["name"], "outcome": "undecided", "reason": reason, "readings": readings}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        table = json.load(file)
    print(json.dumps(list(answers(table)), indent=1))


if __name__ == "__main__":
    main()
