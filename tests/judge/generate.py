#!/usr/bin/env python3
"""Random cases for the judges, in the form of tests/truth-table.json without `expect`.

    generate.py --seed N --count M        prints a file of M cases: half changes, the rest mfa and restores

The same seed and count give the same cases, on every machine. Each fact is mostly the ordinary one and
sometimes another, so that several things are wrong at once as often as one alone. Times keep to whole
minutes and meet now and then where the rules compare them. What the form does not allow is not made.
"""

import argparse
import json
import random
from datetime import datetime, timedelta, timezone

PEOPLE = ["alice", "bob", "carol", "dave"]
BOTS = ["dependabot[bot]", "github-actions[bot]"]
MERGED = datetime(2026, 3, 2, 10, tzinfo=timezone.utc)
NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
QUARTER_END = datetime(2026, 3, 31, 23, 59, 59, tzinfo=timezone.utc)
DEFAULTS = {
    "min_approvals": 1,
    "independence": "last_pusher",
    "require_codeowner": False,
    "posthoc_hours": 24,
    "exempt_actors": {"release-bot[bot]": ["CHANGELOG.md", "version.txt"]},
    "roster": None,
    "bot_approval": False,
}


def text(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, of_hundred):
        return self.random.random() * 100 < of_hundred

    def one(self, *values):
        return self.random.choice(values)

    def some(self, values, least=0):
        return self.random.sample(values, self.random.randint(least, len(values)))

    def sometimes(self, facts, of_hundred, key, *values):
        if self.chance(of_hundred):
            facts[key] = self.one(*values)

    # ---- change ----

    def change(self):
        pushed = self.chance(22)
        actor = self.one(*PEOPLE, "alice", "release-bot[bot]") if pushed else self.one(*PEOPLE, "merge-queue[bot]")
        landing = {"type": self.one("pr_merge", "merge_queue_merge"), "actor": actor, "at": text(MERGED)}
        if pushed:
            landing["type"] = "push" if self.chance(85) else "pr_merge"
        if self.chance(3):
            landing["type"] = "force_push"
        change = {"branch": "main", "landing": landing, "pr": None if pushed else self.pull_request()}
        if pushed:
            self.sometimes(change, 12, "lookup", "failed")
            self.sometimes(change, 50, "authors", [actor], self.some(PEOPLE, 1))
            self.sometimes(
                change, 70, "paths", ["CHANGELOG.md"], ["version.txt", "CHANGELOG.md"], ["CHANGELOG.md", "a.rs"], []
            )
        if self.chance(30):
            change["posthoc"] = self.posthoc()
        case = {"change": change}
        policy = self.change_policy()
        if policy:
            case["policy"] = policy
        return case

    def change_policy(self):
        policy = {}
        self.sometimes(policy, 20, "min_approvals", 1, 2, 2, 3)
        self.sometimes(policy, 35, "independence", "any_committer", "any_committer", "last_pusher")
        self.sometimes(policy, 25, "require_codeowner", True, True, False)
        self.sometimes(policy, 20, "posthoc_hours", 1, 48, 24)
        if self.chance(12):
            policy["roster"] = self.some(PEOPLE)
        self.sometimes(policy, 10, "roster", None)
        self.sometimes(policy, 12, "bot_approval", True, True, False)
        self.sometimes(policy, 10, "exempt_actors", {}, {"alice": ["CHANGELOG.md"]}, {"alice": ["a.rs"]})
        return policy

    def posthoc(self):
        review = {"ticket": "INC-7", "reviewer": self.one(*PEOPLE), "at": text(MERGED + self.after_merge())}
        self.sometimes(review, 8, "ticket", None, "")
        self.sometimes(review, 5, "reviewer", None, "Bob")
        self.sometimes(review, 20, "reviewer_type", "User", "Bot", "Ghost")
        return review

    def after_merge(self):
        minutes = self.one(0, 30, 59, 60, 61, 600, 600, 600, 24 * 60 - 1, 24 * 60, 24 * 60 + 1, 48 * 60, 48 * 60 + 1)
        return timedelta(minutes=-30 if self.chance(4) else minutes)

    def pull_request(self):
        kind = self.one("User", "User", "User", "User", "Bot", "Agent")
        author = {"User": "alice", "Bot": "dependabot[bot]", "Agent": "Copilot"}[kind]
        # Commits and reviews share one line of minutes; but for the first review, no two fall on the same.
        minutes = list(range(-120, 0, 5))
        self.random.shuffle(minutes)
        commits = [self.commit(author, minutes.pop()) for _ in range(self.one(1, 1, 2, 3))]
        # As sources list them: the head is last, and was pushed last.
        commits.sort(key=lambda commit: commit["pushed_at"])
        reviews = [self.review(number + 1, minutes, commits) for number in range(self.one(0, 1, 1, 1, 2, 2, 3, 4))]
        self.random.shuffle(reviews)
        pr = {
            "author": author,
            "base": "main" if self.chance(95) else "develop",
            "merged_at": text(MERGED),
            "reviews": reviews,
            "commits": commits,
            "rule": "pass" if self.chance(80) else "bypass",
        }
        if kind != "User" or self.chance(20):
            pr["author_type"] = kind
        if kind == "Agent":
            pr["initiator"] = self.one("alice", "bob", "carol", None)
        if self.chance(35):
            pr["dismissals"] = self.dismissals(reviews)
        if self.chance(40):
            pr["owners_of_paths"] = [self.some(PEOPLE, 0 if self.chance(5) else 1) for _ in range(self.one(0, 1, 1, 2))]
        return pr

    def commit(self, author, minute):
        writer = author if self.chance(70) else self.one(*PEOPLE, None)
        pusher = (writer or author) if self.chance(85) else self.one(*PEOPLE)
        commit = {"author": writer, "pushed_by": pusher, "pushed_at": text(MERGED + timedelta(minutes=minute - 60))}
        if self.chance(25):
            commit["pushed_at"] = text(MERGED + timedelta(minutes=minute))
        self.sometimes(commit, 20, "co", self.some(PEOPLE))
        self.sometimes(commit, 20, "changes", False, False, True)
        return commit

    def review(self, number, minutes, commits):
        when = minutes.pop() + 2
        if self.chance(12):
            when = 0 if number == 1 and self.chance(50) else self.one(7, 30) + 10 * number
        review = {
            "id": number,
            "user": self.one(*PEOPLE, "bob", "bob", "carol"),
            "state": self.one("APPROVED", "APPROVED", "APPROVED", "APPROVED", "CHANGES_REQUESTED", "COMMENTED"),
            "at": text(MERGED + timedelta(minutes=when)),
        }
        if number == 1:
            self.sometimes(review, 6, "at", *(commit["pushed_at"] for commit in commits))
        self.sometimes(review, 4, "state", "DISMISSED")
        if self.chance(90):
            review["can_push"] = self.chance(92) if self.chance(97) else None
        self.sometimes(review, 30, "type", "User")
        if self.chance(8):
            review.update(user=self.one(*BOTS, "alice"), type="Bot")
        elif self.chance(7):
            review.update(user=self.one(None, "ghost", "erin"), type="Ghost")
        elif self.chance(2):
            review["user"] = self.one("Bob", "ALICE")
        elif self.chance(2):
            review["user"] = None
        return review

    def dismissals(self, reviews):
        made = []
        for review in reviews:
            if review["state"] in ("COMMENTED", "DISMISSED") or self.chance(50):
                continue
            given = datetime.fromisoformat(review["at"].replace("Z", "+00:00"))
            last = MERGED + timedelta(minutes=90)
            when = self.one(given + timedelta(minutes=1), MERGED, MERGED + timedelta(minutes=20), last)
            made.append({"review": review["id"], "at": text(max(given, when))})
        return made

    # ---- mfa ----

    def mfa(self):
        who = self.one(self.account, self.root, self.root, self.iam, self.iam, self.iam, self.identity_center)()
        if who["kind"] in ("iam", "root") and self.chance(60) or self.chance(4):
            minutes = self.one(0, 60, 60, 60, 119, 120, 121, 239, 240, 241, 600)
            who["report_at"] = text(NOW - timedelta(minutes=self.one(-3, -10) if self.chance(4) else minutes))
        self.sometimes(who, 60, "owner", "bg", "bg", "lead")
        if self.chance(35):
            who["waiver"] = self.waiver()
        policy = {}
        self.sometimes(policy, 40, "root_kind", "any", "hardware")
        self.sometimes(policy, 40, "user_kind", "phishing_resistant", "any")
        self.sometimes(policy, 25, "report_max_h", 2, 4, 24)
        return {"principal": who, "policy": policy}

    def waiver(self):
        days = self.one(-30, -1, 1, 30, 30, 80, 300, 400)
        waiver = {"approver": self.one("ciso", "ciso", "ciso", "bg", "lead"), "expires": text(NOW + timedelta(days=days))}
        self.sometimes(waiver, 5, "approver", "BG")
        self.sometimes(waiver, 6, "expires", text(NOW))
        self.sometimes(waiver, 5, "approver", "")
        return waiver

    def account(self):
        return {"kind": "account", "state": self.one("ACTIVE", "ACTIVE", "SUSPENDED", "CLOSED"), "read": self.chance(60)}

    def root(self):
        who = {"kind": "root", "password": self.one(True, True, False, None)}
        who.update(mfa=self.chance(60), virtual=self.chance(50))
        self.sometimes(who, 70, "keys", 0, 0, 0, 1, 2)
        self.sometimes(who, 70, "certs", 0, 0, 1)
        return who

    def iam(self):
        who = {"kind": "iam", "password": self.chance(60), "mfa": self.chance(60)}
        self.sometimes(who, 70, "devices", self.some(["virtual", "fido", "totp", "sms"]))
        self.sometimes(who, 75, "keys", 0, 1, 2)
        self.sometimes(who, 70, "principal_type", "service", "person", "human")
        self.sometimes(who, 50, "mfa_deny_policy", True, False)
        return who

    def identity_center(self):
        who = {"kind": "identity_center", "assignments": self.one(0, 1, 1, 2, 9)}
        who["source"] = self.one("external", "own", "directory", "own")
        self.sometimes(who, 60, "idp_evidence", True, False)
        self.sometimes(who, 70, "setting_evidence", True, True, False)
        self.sometimes(who, 80, "signin_factors", ["PASSWORD"], ["TOTP"], self.some(["PASSWORD", "TOTP", "WEBAUTHN"]))
        self.sometimes(who, 4, "signin_factors", ["EXTERNAL_IDP"], ["PASSWORD", "EXTERNAL_IDP"])
        return who

    # ---- restore ----

    def restore(self):
        facts = {"store": "orders-db", "quarter_end": text(QUARTER_END)}
        grace = self.one(14, 14, 14, 0, 30)
        due = QUARTER_END + timedelta(days=grace)
        second, day = timedelta(seconds=1), timedelta(days=1)
        facts["now"] = text(self.one(due + 5 * day, due + 5 * day, due - second, due, due + second, QUARTER_END - day))
        if grace != 14 or self.chance(20):
            facts["grace_d"] = grace
        self.sometimes(facts, 8, "in_scope", False, True)
        facts["tests"] = [self.restore_test(place) for place in range(self.one(0, 1, 1, 1, 2, 2, 3, 4))]
        if self.chance(20):
            self.random.shuffle(facts["tests"])
        return {"case": facts}

    def restore_test(self, place):
        started = datetime(2026, 1, 20, 2, tzinfo=timezone.utc) + timedelta(days=15 * place + self.random.randint(0, 14))
        if self.chance(5):
            edge = datetime(2026, 1, 1, tzinfo=timezone.utc), QUARTER_END
            seconds, days = timedelta(seconds=place), timedelta(days=1 + place)
            started = self.one(edge[0] - days, edge[0] + seconds, edge[1] - seconds, edge[1] + days)
        took = self.one(3600, 3600, 3600, 3600, 14399, 14400, 14401, 25200)
        lost = self.one(3600, 3600, 3600, 3600, 86399, 86400, 86401, 172800)
        test = {
            "status": self.one("COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "ABORTED"),
            "started": text(started),
            "validated": text(started + timedelta(seconds=-60 if self.chance(1) else took)),
            "recovery_point": text(started - timedelta(seconds=-60 if self.chance(1) else lost)),
            "validation": "SUCCESSFUL",
            "checks": ["rows", "sha"],
            "rto_target_s": 14400,
            "rpo_target_s": 86400,
            "performer": "sre",
            "reviewer": "lead",
        }
        self.sometimes(test, 18, "validation", "FAILED", "TIMED_OUT", "VALIDATING", None)
        self.sometimes(test, 6, "checks", [])
        self.sometimes(test, 4, "rto_target_s", None)
        self.sometimes(test, 4, "rpo_target_s", None)
        self.sometimes(test, 8, "reviewer", "sre", "sre", None, "SRE")
        self.sometimes(test, 3, "performer", None)
        self.sometimes(test, 8, "env_source", "staging", "production")
        self.sometimes(test, 50, "ticket_closed", True, True, False)
        return test


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    args = parser.parse_args()
    maker = Maker(args.seed)
    table = {"about": f"seed {args.seed}, {args.count} cases", "change_policy_default": DEFAULTS, "mfa_now": text(NOW)}
    table.update(change=[], mfa=[], restore=[])
    for number in range(args.count):
        array = ["change", "change", "mfa", "restore"][number % 4]
        made = getattr(maker, array)()
        table[array].append({"name": f"{array} {number} of seed {args.seed}", **made})
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
