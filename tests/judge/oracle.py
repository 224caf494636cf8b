#!/usr/bin/env python3
"""A second opinion on the judges, made from the text of the rules alone and never from the judges' code.

    oracle.py FILE        a file of cases (the form of tests/truth-table.json; `expect` may be missing)

Prints [{"name", "outcome", "reason"}] in the order of the file: change, mfa, restore. The form's own words
are those of truth-table.md; what a case leaves out is the ordinary. Where the text can be read in more than
one way, each way is taken; a case on which they disagree is "undecided": its reason names the doubts met,
`readings` lists every [outcome, reason] that some reading gives, and `never_green` says that some reading is
no pass, waiver or exclusion. A judge may give any of the readings, or say that it cannot tell; it may not
pass, waive or exclude a case that is `never_green`. What is in doubt, one sentence each:

change
- late-or-dismissed: whether an approval that was dismissed, or late, and that somebody gave who could not
  give one anyway, is told for the one or the other.
- dismissed-what: a review of which only DISMISSED is left is no approval; whether it was one, or an
  objection that stood at the merge, or makes the case indeterminate.
- objected-then-approved-late: whether "only after merge" is said of a reviewer who objected before it.
- ghosts: whether reviews without an account are one reviewer's or each another's.
- write-unknown: an approver whose right to write is unknown (null) is not one; whether for certain.
- bot-for-person (the letter allows it): whether a policy that accepts bots' approvals means changes by people as well.
- strict-pusher (the letter allows it): strict independence is named after committers and defined by authors and co-authors.
- base-merge-pushed: whether who only merged the base into the branch "pushed last" (the letter), or who
  pushed content before that.
- owners-nobody: whether a path whose list of owners is empty needs an approver.
- two-unknowns: which of several indeterminate reasons is told.
- no-paths: whether "all touched paths on its list" holds of a push whose paths are not known.
- posthoc-ghost: whether a review afterwards by a deleted account is none, or cannot be judged.
- posthoc-merger: whether who merged is a "pusher" and so cannot review afterwards.
- posthoc-author-unknown: whether a reviewer afterwards is proven not to be an author who is not known.
- posthoc-agent (the letter allows it): whether who started the agent, or may have, can review afterwards.
- posthoc-roster (the letter allows it): whether the reviewer afterwards must be on the roster.

mfa
- root-unknown: root's password is unknown and, with a factor, irrelevant.
- devices-unlisted: a factor is active, of a kind that nobody lists, where the kind matters.
- own-directory-external: a sign-in by an external provider to a directory that is its own.
- report-elsewhere: whether an old credential report matters to what is not read from it.
- report-from-future: whether a report dated over 5 minutes after the as-of time can be believed.
- waiver-last-second: expiry at the as-of time.
- waiver-nobody: an approver or owner that is empty or not named (the letter allows it: "not the owner").

restore
- impossible-times: whether a duration that is negative is within its target.
- future-test: whether a test that began or ended after now counts.
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
# B9: "each failed, aborted, timed-out or over-target test".
FAILURES = ["restore-failed", "validation-failed", "rto-missed", "rpo-missed"]


GREEN = ["pass", "waived", "excluded"]


class Doubts:
    """One way of reading the text: an answer to each doubt, chosen when it is first met."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.met = []
        self.answers = {}
        self.by_the_letter = True

    def either(self, doubt, *answers):
        if doubt not in self.answers:
            place = len(self.met)
            choice = self.prefix[place] if place < len(self.prefix) else 0
            self.met.append((doubt, choice, len(answers)))
            self.answers[doubt] = choice
        return answers[self.answers[doubt]]

    def allowed(self, doubt):
        """Allowed by the letter; a stricter reader may say no."""
        answer = self.either(doubt, True, False)
        self.by_the_letter = self.by_the_letter and answer
        return answer


def every_reading(decide):
    """All [outcome, reason] that `decide` gives, the doubts met on the way, and whether it is never green."""
    found, names, todo, never_green = set(), set(), [[]], False
    while todo:
        doubts = Doubts(todo.pop())
        decided = decide(doubts)
        found.add(decided)
        never_green = never_green or (doubts.by_the_letter and decided[0] not in GREEN)
        names.update(doubt for doubt, _, _ in doubts.met)
        taken = [choice for _, choice, _ in doubts.met]
        for place in range(len(doubts.prefix), len(taken)):
            for other in range(1, doubts.met[place][2]):
                todo.append(taken[:place] + [other])
    return sorted(found), sorted(names), never_green


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def same(one, other):
    """Whether two names are one person's; GitHub's know no upper and lower case."""
    return one is not None and other is not None and one.lower() == other.lower()


def among(name, names):
    return any(same(name, one) for one in names)


# ---- change ----


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
        last = in_order[-1]
        content = [one for one in in_order if one.get("changes") is not False]
        if same(user, last["pushed_by"]):
            if last.get("changes") is not False or self.doubts.allowed("base-merge-pushed"):
                return "approver-pushed-last"
        if content and content[-1] is not last and same(user, content[-1]["pushed_by"]):
            if not self.doubts.allowed("base-merge-pushed"):
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
    owner, approver, expires = who.get("owner"), who["waiver"]["approver"], who["waiver"]["expires"]
    if same(approver, owner):
        return False
    if not (approver and owner) and not doubts.allowed("waiver-nobody"):
        return False
    end = at(expires)
    if end == now:
        return doubts.either("waiver-last-second", True, False)
    return end > now


def factor(who, policy, now, doubts):
    kind = who["kind"]
    judged = {"account": account, "root": root, "iam": iam, "identity_center": identity_center}[kind]
    if who.get("report_at") is not None:
        age = now - at(who["report_at"])
        old = age > timedelta(hours=policy["report_max_h"])
        # Clocks may differ by 5 minutes (6.4).
        if old or age < timedelta(minutes=-5):
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
    password, active = who.get("password"), who.get("mfa", False)
    keys, certs = who.get("keys", 0), who.get("certs", 0)
    if keys:
        return "deviation", "root-access-keys"
    if password is False and certs == 0:
        return "pass", "root-no-credentials"
    # The row of 4.2 says unknown, whatever else is known; with a factor, or a certificate, it would not matter.
    if password is None and not ((active or certs) and doubts.either("root-unknown", True, False)):
        return "indeterminate", "root-state-unknown"
    if not active:
        return "deviation", "root-without-mfa"
    if policy["root_kind"] == "hardware" and who.get("virtual"):
        return "deviation", "root-mfa-not-hardware"
    return "pass", "root-mfa"


def iam(who, policy, doubts):
    if who["password"]:
        if not who.get("mfa"):
            return "deviation", "console-without-mfa"
        devices = who.get("devices")
        if policy["user_kind"] == "phishing_resistant" and "fido" not in (devices or []):
            if devices == [] and not doubts.either("devices-unlisted", True, False):
                return "indeterminate", "device-kind-unknown"
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
    tests = sorted(counted(facts), key=lambda test: at(test["started"]))
    future = any(at(test[key]) > at(facts["now"]) for test in tests for key in ("started", "validated"))
    if future and not doubts.either("future-test", True, False):
        return "indeterminate", "test-in-the-future"
    reasons = [flaw_of(test, doubts) for test in tests]
    clean = [place for place, reason in enumerate(reasons) if reason is None]
    if not tests:
        return none_at_all(facts, doubts)
    if not clean:
        return "indeterminate" if reasons[-1] == "times-unusable" else "deviation", reasons[-1]
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


def counted(facts):
    """Those of the quarter: "quarter boundary by `started` in UTC"."""
    end = at(facts["quarter_end"])
    start = end.replace(month=end.month - 2, day=1, hour=0, minute=0, second=0)
    return [test for test in facts["tests"] if start <= at(test["started"]) <= end]


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
    point, started, validated = (at(test[key]) for key in ("recovery_point", "started", "validated"))
    if not point <= started <= validated and not doubts.either("impossible-times", True, False):
        return "times-unusable"
    if validated - started > timedelta(seconds=test["rto_target_s"]):
        return "rto-missed"
    if started - point > timedelta(seconds=test["rpo_target_s"]):
        return "rpo-missed"
    return None


def reviewed(test, doubts):
    performer, reviewer = test.get("performer"), test.get("reviewer")
    if not reviewer or same(reviewer, performer):
        return "reviewer-is-performer"
    if not performer and not doubts.either("performer-unknown", True, False):
        return "reviewer-is-performer"
    return None


# ---- all ----


def change(case, defaults, doubts):
    try:
        return Change(case, defaults, doubts).decide()
    except Unknown as why:
        return "indeterminate", str(why)


def answers(table):
    defaults = table.get("change_policy_default", {})
    ways = [
        ("change", lambda case, doubts: change(case, defaults, doubts)),
        ("mfa", lambda case, doubts: mfa(case, at(table["mfa_now"]), doubts)),
        ("restore", restore),
    ]
    for array, decide in ways:
        for case in table.get(array, []):
            readings, doubts, never_green = every_reading(lambda way, case=case, decide=decide: decide(case, way))
            answer = {"name": case["name"]}
            if len(readings) == 1:
                answer["outcome"], answer["reason"] = readings[0]
            else:
                answer.update(outcome="undecided", reason=" ".join(doubts))
                answer.update(readings=readings, never_green=never_green)
            yield answer


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        table = json.load(file)
    print(json.dumps(list(answers(table)), indent=1))


if __name__ == "__main__":
    main()
