#!/usr/bin/env python3
"""A second opinion on the judges. Its rules were written from the text alone, before their code was read; which
doubts there are, and which of them the letter settles, was revised after comparing answers and reading it.

    oracle.py FILE        a file of cases (the form of tests/truth-table.json; `expect` may be missing)

Prints [{"name", "outcome", "reason"}] in the order of the file: change, mfa, restore. The form's own words
are those of truth-table.md; what a case leaves out is the ordinary. Where the text can be read in more than
one way, each way is taken; a case on which they disagree is "undecided": its reason names the doubts met,
`readings` lists every [outcome, reason] that some reading gives, and `never_green` says that some reading is
no pass, waiver or exclusion. A judge may give any of the readings, or say that it cannot tell; it may not
pass, waive or exclude a case that is `never_green`. Doubts marked "the letter allows it" do not make a case
`never_green`: a stricter reader would, and they are questions to whoever owns the rules. What is in doubt, one sentence each:

change
- late-or-dismissed: whether an approval that was dismissed, or late, and that somebody gave who could not
  give one anyway, is told for the one or the other.
- dismissed-what: a review of which only DISMISSED is left is no approval; whether it was one, or an
  objection that stood at the merge, or makes the case indeterminate.
- objected-then-approved-late: whether "only after merge" is said of a reviewer who objected before it.
- ghosts: whether reviews without an account are one reviewer's or each another's.
- write-unknown: an approver whose right to write is unknown (null) is not one; whether for certain.
- bot-for-person (the letter allows it): whether a policy that accepts bots' approvals means changes by
  people as well.
- strict-pusher (the letter allows it): strict independence is named after committers and defined by
  authors and co-authors.
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

import changes
import principals
import restores
from readings import at, every_reading


def answers(table):
    defaults = table.get("change_policy_default", {})
    ways = [
        ("change", lambda case, doubts: changes.judge(case, defaults, doubts)),
        ("mfa", lambda case, doubts: principals.judge(case, at(table["mfa_now"]), doubts)),
        ("restore", restores.judge),
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
