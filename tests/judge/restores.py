"""Backup restore: auditing.md 4.3 and the part `restore` of truth-table.md."""

from datetime import timedelta

from readings import at, same

# B9: "each failed, aborted, timed-out or over-target test".
FAILURES = ["restore-failed", "validation-failed", "rto-missed", "rpo-missed"]


def judge(case, doubts):
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
