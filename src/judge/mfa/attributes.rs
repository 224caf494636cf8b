//! The attributes of one principal. Which of them decided follows from the judge's reason; where the
//! source left something open, the judge is asked whether it matters.

use super::{Policy, device_name, judge, rule};
use crate::judge::attributes::{Attribute, NOT_READ, Part, known};
use crate::judge::day_time;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{
    AccountState, Attestation, Device, Fact, IdentitySource, Principal, PrincipalDetail, PrincipalType, Protocol,
    ProviderEvidence,
};

/// The attributes that give a reason.
fn deciding(reason: &str) -> &'static [&'static str] {
    match reason {
        "report-too-old" | "report-time-unknown" => &["report-time"],
        "account-read" | "account-unread" | "account-not-active" => &["account"],
        "console-without-mfa" | "mfa-active" => &["password", "factor"],
        "mfa-not-phishing-resistant" | "device-kind-unknown" => &["devices"],
        "person-with-keys-only" => &["password", "keys", "used-by"],
        "keys-require-mfa" => &["keys", "deny-policy"],
        // Of a provider, who signs in there is all of it.
        "service-identity" => &["password", "used-by"],
        "no-credentials" => &["password", "keys"],
        "root-access-keys" => &["keys"],
        "root-no-credentials" => &["password", "keys", "certificates"],
        "root-without-mfa" => &["factor"],
        "root-mfa" => &["keys", "factor", "devices"],
        "root-mfa-not-hardware" => &["devices"],
        "no-assignment" => &["assignments"],
        "idp-evidence-missing" | "idp-enforces-mfa" => &["idp-evidence"],
        "identity-center-password-only" => &["sign-ins"],
        "identity-center-mfa-seen" | "identity-center-unobservable" => &["sign-ins", "setting"],
        _ => &[],
    }
}

/// Every attribute of the principal. `as_of` is when it was read.
pub(in crate::judge) fn attributes(policy: &Policy, principal: &Principal, as_of: DateTime<Utc>) -> Vec<Attribute> {
    let ruling = judge(policy, principal, as_of).ruling;
    let mut all = Vec::new();
    // Accounts and providers are read from calls that answer with the state of the moment.
    let provider =
        matches!(principal.detail, PrincipalDetail::IdentityProvider { .. } | PrincipalDetail::IdentityCenter { .. });
    let momentary = provider && principal.report_at.is_none();
    if !momentary && !matches!(principal.detail, PrincipalDetail::Account { .. }) {
        let seen = format!("{}, read at {}", known(principal.report_at.map(day_time)), day_time(as_of));
        let fact = [Fact::ReportTime, Fact::Policy("report_max_hours")];
        all.push(Attribute::new("report-time", "the report was made at", seen).on(fact).part(Part::For));
    }
    all.extend(of_detail(policy, principal));
    let open = open(policy, &principal.detail);
    for attribute in &mut all {
        attribute.decides = deciding(ruling.reason).contains(&attribute.key)
            || ruling.reason == "root-state-unknown" && open.contains(&attribute.key);
        if attribute.decides {
            (attribute.part, attribute.reason) = (Part::of(ruling.outcome), Some(ruling.reason));
        }
    }
    all
}

fn of_detail(policy: &Policy, principal: &Principal) -> Vec<Attribute> {
    match &principal.detail {
        PrincipalDetail::Account { state, read } => {
            let state = match state {
                AccountState::Active => "in use",
                AccountState::Suspended => "suspended or closed: nobody was asked",
            };
            let read = if *read { "its principals were read" } else { "its principals were not read" };
            vec![Attribute::new("account", "the account", format!("{state}; {read}")).on([Fact::Account])]
        }
        PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates } => {
            let kind = match (mfa, virtual_mfa) {
                (Some(false), _) => "none",
                (_, Some(true)) => "a virtual one",
                (_, Some(false)) => "not a virtual one: hardware or a passkey",
                (_, None) => NOT_READ,
            };
            vec![
                Attribute::new("keys", "active access keys", known(*keys)).on([Fact::Keys]),
                Attribute::new("password", "has a password", known(*password)).on([Fact::Password]),
                Attribute::new("certificates", "active signing certificates", known(*certificates))
                    .on([Fact::Certificates]),
                Attribute::new("factor", "has a second factor", known(*mfa)).on([Fact::Factor]),
                Attribute::new("devices", "kind of factor", kind).on([Fact::Devices, Fact::Policy("root_kind")]),
            ]
        }
        PrincipalDetail::IamUser { password, mfa, devices, keys, principal_type, mfa_deny_policy } => {
            let used_by = match principal_type {
                PrincipalType::Service => "a machine, says the register".to_owned(),
                PrincipalType::Person => {
                    format!("a person, says the register: {}", known(principal.owner.as_ref()))
                }
                PrincipalType::Unknown => "nobody says: counts as a person".to_owned(),
            };
            // Nobody reads the policies of those whom no rule asks for them.
            let policies =
                mfa_deny_policy.is_some() || !*password && *keys > 0 && *principal_type != PrincipalType::Service;
            vec![
                Attribute::new("password", "can sign in to the console", password.to_string()).on([Fact::Password]),
                Attribute::new("factor", "has a second factor", mfa.to_string()).on([Fact::Factor]),
                Attribute::new("devices", "kinds of factor", kinds(*mfa, devices))
                    .on([Fact::Devices, Fact::Policy("user_kind")])
                    .part(if *mfa && policy.user_kind == super::UserKind::Any { Part::For } else { Part::Aside }),
                Attribute::new("keys", "active access keys", keys.to_string()).on([Fact::Keys]),
                Attribute::new("used-by", "who uses it", used_by).on([Fact::UsedBy]),
                Attribute::new("deny-policy", "a policy denies everything without a factor", known(*mfa_deny_policy))
                    .on(policies.then_some(Fact::DenyPolicy)),
            ]
        }
        PrincipalDetail::IdentityCenter { assignments, source, idp_evidence, setting_evidence, signin_factors } => {
            let source = match source {
                IdentitySource::External => "an external identity provider",
                IdentitySource::Own => "its own directory",
            };
            let held = |held: bool| if held { "held as evidence" } else { NOT_READ };
            let factors = if signin_factors.is_empty() { "none seen".to_owned() } else { signin_factors.join(", ") };
            vec![
                Attribute::new("assignments", "accounts assigned", assignments.to_string()).on([Fact::Provider]),
                Attribute::new("source", "signs in at", source).on([Fact::Directory]),
                Attribute::new("idp-evidence", "the provider's policy", held(*idp_evidence))
                    .on([Fact::ProviderRegister]),
                Attribute::new("setting", "the directory's setting", held(*setting_evidence)),
                Attribute::new("sign-ins", "factors seen in sign-ins", factors),
            ]
        }
        PrincipalDetail::IdentityProvider { protocol, machines, evidence } => {
            of_provider(*protocol, machines.as_deref(), evidence)
        }
    }
}

fn of_provider(protocol: Protocol, machines: Option<&str>, evidence: &ProviderEvidence) -> Vec<Attribute> {
    let protocol = match protocol {
        Protocol::Saml => "SAML",
        Protocol::Oidc => "OpenID Connect",
    };
    let used_by = match machines {
        Some(why) => format!("only machines, says the register: {why}"),
        None => "nobody says: counts as people".to_owned(),
    };
    let attested = |Attestation { document, by, on }: &Attestation| format!("by {by} on {on} ({document})");
    let evidence = match evidence {
        ProviderEvidence::Missing => "not held".to_owned(),
        ProviderEvidence::Held(attestation) => format!("attested {}", attested(attestation)),
        ProviderEvidence::TooOld(attestation) => format!("attested {}: too old", attested(attestation)),
        ProviderEvidence::NotYet(attestation) => format!("attested {}: yet to come", attested(attestation)),
        ProviderEvidence::MadeSince(attestation) => format!("attested {}: before it was made", attested(attestation)),
    };
    vec![
        Attribute::new("account", "an identity provider that the account trusts", protocol).on([Fact::Provider]),
        Attribute::new("used-by", "who signs in there", used_by).on([Fact::ProviderRegister]),
        Attribute::new("idp-evidence", "the provider's policy on second factors", evidence)
            .on([Fact::ProviderRegister]),
    ]
}

fn kinds(mfa: bool, devices: &[Device]) -> String {
    match (mfa, devices) {
        (false, _) => "none".to_owned(),
        (true, []) => NOT_READ.to_owned(),
        (true, devices) => devices.iter().map(|device| device_name(*device)).collect::<Vec<_>>().join(", "),
    }
}

/// What is open of root and matters: with one answer to it alone, the judge would say something else.
fn open(policy: &Policy, detail: &PrincipalDetail) -> Vec<&'static str> {
    let PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates } = detail else { return Vec::new() };
    let now = rule(policy, detail);
    let otherwise = |other: &PrincipalDetail| {
        let other = rule(policy, other);
        (other.reason, other.seen) != (now.reason, now.seen.clone())
    };
    let root = |password, mfa, virtual_mfa, keys, certificates| PrincipalDetail::Root {
        password,
        mfa,
        virtual_mfa,
        keys,
        certificates,
    };
    let (p, m, v, k, c) = (*password, *mfa, *virtual_mfa, *keys, *certificates);
    let mut open = Vec::new();
    for yes in [false, true] {
        let count = Some(u32::from(yes));
        let answers = [
            ("keys", k.is_none(), root(p, m, v, count, c)),
            ("password", p.is_none(), root(Some(yes), m, v, k, c)),
            ("certificates", c.is_none(), root(p, m, v, k, count)),
            ("factor", m.is_none(), root(p, Some(yes), v, k, c)),
            ("devices", v.is_none(), root(p, m, Some(yes), k, c)),
        ];
        open.extend(answers.iter().filter(|(_, unknown, other)| *unknown && otherwise(other)).map(|(key, ..)| *key));
    }
    open
}
