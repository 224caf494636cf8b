"""IAM MFA: auditing.md 4.2 and the part `mfa` of truth-table.md."""

from datetime import timedelta

from readings import at, same

MFA_POLICY = {"root_kind": "hardware", "user_kind": "any", "report_max_h": 4}


def judge(case, now, doubts):
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
