//! Whether everybody who can sign in does so with a second factor.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | pass | `mfa-active` | console user with a factor of the kind that the policy asks for |
//! | pass | `keys-require-mfa` | keys only, and a policy denies everything without a factor |
//! | pass | `root-mfa` | root with a factor of the kind that the policy asks for |
//! | pass | `root-no-credentials` | root without password, keys and certificates |
//! | pass | `idp-enforces-mfa` | external identity provider whose policy is held as evidence, and not too old |
//! | pass | `identity-center-mfa-seen` | own directory: the setting is held, and a second factor was seen |
//! | pass | `account-read` | the account's principals could be read |
//! | deviation | `console-without-mfa` | password and no factor, even if never used |
//! | deviation | `mfa-not-phishing-resistant` | every factor is of another kind |
//! | deviation | `person-with-keys-only` | keys and no password; whoever is not known for a service counts as a person |
//! | deviation | `root-access-keys` | root has an access key; never waived |
//! | deviation | `root-without-mfa` | root with credentials and no factor |
//! | deviation | `root-mfa-not-hardware` | a virtual factor where the policy asks for hardware |
//! | deviation | `identity-center-password-only` | sign-ins seen, none with a second factor |
//! | indeterminate | `report-too-old` | the report was older than the policy allows when it was read |
//! | indeterminate | `report-time-unknown` | a user of a report without time, or one from the future |
//! | indeterminate | `root-state-unknown` | the source leaves open what decides |
//! | indeterminate | `device-kind-unknown` | a factor that may or may not be phishing-resistant |
//! | indeterminate | `account-unread` | the account's principals could not be read |
//! | indeterminate | `idp-evidence-missing` | external identity provider, and its policy is not held, or no longer, or not of this one |
//! | indeterminate | `identity-center-unobservable` | own directory, and too little was seen |
//! | excluded | `service-identity` | keys only, and known for a service; or a provider where only machines sign in: another control's |
//! | excluded | `no-credentials` | neither password nor keys |
//! | excluded | `account-not-active` | suspended or closed |
//! | excluded | `no-assignment` | Identity Center user who can reach no account |
//! | waived, deviation | `approved-waiver`, `waiver-invalid` | see `waive` |
//!
//! An MFA deny policy that was not read does not excuse a key: the deviation stands until it is shown.
//! A factor that a user has is asked for at the console; the same user's keys work without it.

mod attributes;

pub(super) use attributes::attributes;

use super::{Judged, PolicyError, Ruling, day_time, policy::out_of_range};
use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::{
    AccountState, Attestation, Device, IdentitySource, Principal, PrincipalDetail, PrincipalType, Protocol,
    ProviderEvidence,
};
use serde::{Deserialize, Serialize};

/// How far a report's clock may run ahead of ours, minutes.
const CLOCK_AHEAD_MINUTES_MAX: i64 = 5;

/// Second factors as sign-in events name them. Any other word shows nothing.
const SECOND_FACTORS: [&str; 2] = ["TOTP", "WEBAUTHN"];

/// Which factors count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// For the root user.
    pub root_kind: RootKind,
    /// For users with a password.
    pub user_kind: UserKind,
    /// Oldest report that counts, hours at the time of reading, 1 to 24.
    pub report_max_hours: u32,
}

/// Factors for the root user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// A hardware token, security key or passkey.
    Hardware,
    /// Any.
    Any,
}

/// Factors for users with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Any.
    Any,
    /// A passkey or security key.
    PhishingResistant,
}

impl Default for Policy {
    fn default() -> Self {
        Self { root_kind: RootKind::Hardware, user_kind: UserKind::Any, report_max_hours: 4 }
    }
}

/// Refuses an age that makes no sense.
pub(super) fn check(policy: &Policy) -> Result<(), PolicyError> {
    out_of_range("report_max_hours", policy.report_max_hours, 1, 24)
}

/// Judges one principal; `as_of` is when it was read.
pub(super) fn judge(policy: &Policy, principal: &Principal, as_of: DateTime<Utc>) -> Judged {
    let ruling = report_age(policy, principal, as_of).unwrap_or_else(|| rule(policy, &principal.detail));
    let beneficiaries = principal.owner.iter().chain([&principal.name]).cloned().collect();
    Judged { item: principal.id.clone(), ruling, beneficiaries }
}

/// What the age of the report rules out. Users come from a report; the others also from calls that
/// answer with the state of the moment, and then have none.
fn report_age(policy: &Policy, principal: &Principal, as_of: DateTime<Utc>) -> Option<Ruling> {
    let Some(report_at) = principal.report_at else {
        return matches!(principal.detail, PrincipalDetail::IamUser { .. })
            .then(|| Ruling::indeterminate("report-time-unknown", "the report that shows this has no time"));
    };
    let age = as_of - report_at;
    let seen = format!("report of {}, read at {}", day_time(report_at), day_time(as_of));
    if age > TimeDelta::hours(policy.report_max_hours.into()) {
        let limit = policy.report_max_hours;
        return Some(Ruling::indeterminate("report-too-old", format!("{seen}; at most {limit} h are allowed")));
    }
    if age < -TimeDelta::minutes(CLOCK_AHEAD_MINUTES_MAX) {
        return Some(Ruling::indeterminate("report-time-unknown", format!("{seen}: a report from the future")));
    }
    None
}

fn rule(policy: &Policy, detail: &PrincipalDetail) -> Ruling {
    match detail {
        PrincipalDetail::Account { state: AccountState::Suspended, .. } => {
            Ruling::excluded("account-not-active", "the account is suspended or closed")
        }
        PrincipalDetail::Account { state: AccountState::Active, read: true } => {
            Ruling::pass("account-read", "the account's principals were read")
        }
        PrincipalDetail::Account { state: AccountState::Active, read: false } => {
            Ruling::indeterminate("account-unread", "the account's principals could not be read")
        }
        PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates } => {
            root(policy, *password, *mfa, *virtual_mfa, *keys, *certificates)
        }
        PrincipalDetail::IamUser { password: true, mfa, devices, .. } => console_user(policy, *mfa, devices),
        PrincipalDetail::IamUser { password: false, keys, principal_type, mfa_deny_policy, .. } => {
            key_user(*keys, *principal_type, *mfa_deny_policy)
        }
        PrincipalDetail::IdentityCenter { assignments: 0, .. } => {
            Ruling::excluded("no-assignment", "no account is assigned")
        }
        PrincipalDetail::IdentityCenter { source: IdentitySource::External, idp_evidence, .. } => {
            if *idp_evidence {
                Ruling::pass("idp-enforces-mfa", "external identity provider; its policy is held as evidence")
            } else {
                let seen = "external identity provider; its policy is not held as evidence";
                Ruling::indeterminate("idp-evidence-missing", seen)
            }
        }
        PrincipalDetail::IdentityCenter { source: IdentitySource::Own, setting_evidence, signin_factors, .. } => {
            own_directory(*setting_evidence, signin_factors)
        }
        PrincipalDetail::IdentityProvider { protocol, machines, evidence } => {
            identity_provider(*protocol, machines.as_deref(), evidence)
        }
    }
}

fn identity_provider(protocol: Protocol, machines: Option<&str>, evidence: &ProviderEvidence) -> Ruling {
    let provider = match protocol {
        Protocol::Saml => "SAML provider",
        Protocol::Oidc => "OpenID Connect provider",
    };
    if let Some(why) = machines {
        return Ruling::excluded("service-identity", format!("{provider}; only machines sign in there: {why}"));
    }
    let attested = |Attestation { document, by, on }: &Attestation| {
        format!("{provider}; that it asks everybody for a second factor is attested by {by} on {on} ({document})")
    };
    match evidence {
        ProviderEvidence::Held(attestation) => Ruling::pass("idp-enforces-mfa", attested(attestation)),
        ProviderEvidence::TooOld(attestation) => {
            let seen = format!("{}: too old, attest it again", attested(attestation));
            Ruling::indeterminate("idp-evidence-missing", seen)
        }
        ProviderEvidence::NotYet(attestation) => {
            let seen = format!("{}: a day that was yet to come", attested(attestation));
            Ruling::indeterminate("idp-evidence-missing", seen)
        }
        ProviderEvidence::MadeSince(attestation) => {
            let seen = format!("{}: the provider was made since, attest it again", attested(attestation));
            Ruling::indeterminate("idp-evidence-missing", seen)
        }
        ProviderEvidence::Missing => {
            let seen = format!("{provider}; its policy on second factors is not held as evidence");
            Ruling::indeterminate("idp-evidence-missing", seen)
        }
    }
}

fn root(
    policy: &Policy,
    password: Option<bool>,
    mfa: Option<bool>,
    virtual_mfa: Option<bool>,
    keys: Option<u32>,
    certificates: Option<u32>,
) -> Ruling {
    let unknown = |what: &str| Ruling::indeterminate("root-state-unknown", format!("the source does not say {what}"));
    match keys {
        Some(0) => {}
        Some(keys) => return Ruling::deviation("root-access-keys", format!("root has {keys} active access key(s)")),
        None => return unknown("whether root has access keys"),
    }
    match (password, certificates) {
        (None, _) => return unknown("whether root has a password"),
        (Some(false), None) => return unknown("whether root has certificates"),
        (Some(false), Some(0)) => {
            return Ruling::pass("root-no-credentials", "root has no password, no key and no certificate");
        }
        (Some(true), _) | (Some(false), Some(_)) => {}
    }
    match (mfa, policy.root_kind, virtual_mfa) {
        (None, _, _) => unknown("whether root has a factor"),
        (Some(false), _, _) => Ruling::deviation("root-without-mfa", "root can sign in without a second factor"),
        (Some(true), RootKind::Any, _) => Ruling::pass("root-mfa", "root has a second factor"),
        (Some(true), RootKind::Hardware, Some(false)) => Ruling::pass("root-mfa", "root has a hardware factor"),
        (Some(true), RootKind::Hardware, Some(true)) => {
            Ruling::deviation("root-mfa-not-hardware", "root has a virtual factor; the policy asks for hardware")
        }
        (Some(true), RootKind::Hardware, None) => unknown("whether root's factor is a virtual one"),
    }
}

fn console_user(policy: &Policy, mfa: bool, devices: &[Device]) -> Ruling {
    let kinds: Vec<&str> = devices.iter().map(|device| device_name(*device)).collect();
    let seen = if kinds.is_empty() {
        "password and a factor".to_owned()
    } else {
        format!("password and {}", kinds.join(", "))
    };
    if !mfa {
        return Ruling::deviation("console-without-mfa", "password and no second factor");
    }
    if policy.user_kind == UserKind::Any || devices.contains(&Device::Fido) {
        return Ruling::pass("mfa-active", seen);
    }
    if devices.is_empty() || devices.contains(&Device::KeyOrToken) {
        return Ruling::indeterminate("device-kind-unknown", format!("{seen}; nobody says of which kind"));
    }
    Ruling::deviation("mfa-not-phishing-resistant", format!("{seen}; the policy asks for a passkey or security key"))
}

fn device_name(device: Device) -> &'static str {
    match device {
        Device::Virtual => "a virtual factor",
        Device::Totp => "a hardware token",
        Device::Fido => "a passkey or security key",
        Device::Sms => "text messages",
        Device::KeyOrToken => "a key or token",
    }
}

fn key_user(keys: u32, principal_type: PrincipalType, mfa_deny_policy: Option<bool>) -> Ruling {
    if keys == 0 {
        return Ruling::excluded("no-credentials", "no password and no access key");
    }
    let seen = format!("no password, {keys} active access key(s)");
    if principal_type == PrincipalType::Service {
        return Ruling::excluded("service-identity", format!("{seen}; registered as a service"));
    }
    match mfa_deny_policy {
        Some(true) => Ruling::pass("keys-require-mfa", format!("{seen}; a policy denies everything without a factor")),
        Some(false) => Ruling::deviation("person-with-keys-only", format!("{seen}; not known for a service")),
        None => {
            let policies = "whether a policy asks for a factor was not read";
            Ruling::deviation("person-with-keys-only", format!("{seen}; not known for a service; {policies}"))
        }
    }
}

fn own_directory(setting_evidence: bool, factors: &[String]) -> Ruling {
    let second = factors.iter().any(|factor| SECOND_FACTORS.contains(&factor.as_str()));
    let seen = match factors {
        [] => "own directory; no sign-in seen".to_owned(),
        _ => format!("own directory; sign-ins with {}", factors.join(", ")),
    };
    if second && setting_evidence {
        return Ruling::pass("identity-center-mfa-seen", format!("{seen}; the setting is held as evidence"));
    }
    if !factors.is_empty() && factors.iter().all(|factor| factor == "PASSWORD") {
        return Ruling::deviation("identity-center-password-only", seen);
    }
    let setting = if setting_evidence { "" } else { "; the setting is not held as evidence" };
    Ruling::indeterminate("identity-center-unobservable", format!("{seen}{setting}"))
}
