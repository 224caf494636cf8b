//! The short form of a principal.

use super::Facts;
use crate::judge::Waiver;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{
    AccountState, Device, IdentitySource, Items, Principal, PrincipalDetail, PrincipalType,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

const ITEM: &str = "case:principal";

/// An account or somebody who can sign in. `kind` says which other keys there are.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum PrincipalFacts {
    /// An account of the organisation.
    Account(AccountFacts),
    /// An account's root user.
    Root(RootFacts),
    /// An IAM user.
    Iam(IamFacts),
    /// An Identity Center user.
    IdentityCenter(IdentityCenterFacts),
}

/// An account of the organisation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountFacts {
    /// What the provider says of it.
    state: StateFacts,
    /// Whether its users could be read.
    read: bool,
    /// Who answers for it.
    #[serde(default)]
    owner: Option<String>,
    /// When the report was made; absent: at `mfa_now`.
    #[serde(default)]
    report_at: Option<DateTime<Utc>>,
    /// An acceptance, approved in time.
    #[serde(default)]
    waiver: Option<WaiverFacts>,
}

/// An account's root user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RootFacts {
    /// Whether it has a password; null or absent: unknown.
    #[serde(default)]
    password: Option<bool>,
    /// Whether it has a second factor.
    #[serde(default)]
    mfa: bool,
    /// Whether that is a virtual one.
    #[serde(default)]
    r#virtual: bool,
    /// Number of access keys.
    #[serde(default)]
    keys: u32,
    /// Number of signing certificates.
    #[serde(default)]
    certs: u32,
    /// Who answers for it.
    #[serde(default)]
    owner: Option<String>,
    /// When the report was made; absent: at `mfa_now`.
    #[serde(default)]
    report_at: Option<DateTime<Utc>>,
    /// An acceptance, approved in time.
    #[serde(default)]
    waiver: Option<WaiverFacts>,
}

/// An IAM user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IamFacts {
    /// Whether there is a password for the console.
    password: bool,
    /// Whether there is a second factor.
    #[serde(default)]
    mfa: bool,
    /// The second factors; null or absent: with `mfa`, a virtual one.
    #[serde(default)]
    devices: Option<Vec<DeviceFacts>>,
    /// Number of active access keys.
    #[serde(default)]
    keys: u32,
    /// What the user is; null or absent: unknown.
    #[serde(default)]
    principal_type: Option<TypeFacts>,
    /// Whether a policy denies everything without MFA.
    #[serde(default)]
    mfa_deny_policy: bool,
    /// Who answers for it.
    #[serde(default)]
    owner: Option<String>,
    /// When the report was made; absent: at `mfa_now`.
    #[serde(default)]
    report_at: Option<DateTime<Utc>>,
    /// An acceptance, approved in time.
    #[serde(default)]
    waiver: Option<WaiverFacts>,
}

/// An Identity Center user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityCenterFacts {
    /// Number of accounts that the user can reach.
    assignments: u32,
    /// Where the users come from.
    source: SourceFacts,
    /// Whether the identity provider shows that it asks for MFA.
    #[serde(default)]
    idp_evidence: bool,
    /// Whether the setting that asks for MFA was seen.
    #[serde(default)]
    setting_evidence: bool,
    /// Factors as sign-in events name them, `PASSWORD`, `TOTP`, `WEBAUTHN`.
    #[serde(default)]
    signin_factors: Vec<String>,
    /// Who answers for it.
    #[serde(default)]
    owner: Option<String>,
    /// When the report was made; absent: at `mfa_now`.
    #[serde(default)]
    report_at: Option<DateTime<Utc>>,
    /// An acceptance, approved in time.
    #[serde(default)]
    waiver: Option<WaiverFacts>,
}

/// An acceptance. The short form gives no time of approval: it was in time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WaiverFacts {
    /// Who approved.
    approver: String,
    /// The first instant at which it counts no longer.
    expires: DateTime<Utc>,
}

/// What the provider says of an account.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StateFacts {
    Active,
    Suspended,
    PendingClosure,
    Closed,
}

/// A second factor.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum DeviceFacts {
    Virtual,
    Fido,
    Totp,
    Sms,
}

/// What a user is. `human` is `person`, `absent` is what nobody said.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum TypeFacts {
    Service,
    Person,
    Human,
    Absent,
}

/// Where users come from. `directory` is `own`.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SourceFacts {
    External,
    Own,
    Directory,
}

impl PrincipalFacts {
    pub(super) fn into_facts(self, policy: Map<String, Value>, now: DateTime<Utc>) -> Facts {
        let detail = self.detail();
        let (owner, report_at, waiver) = match self {
            Self::Account(facts) => (facts.owner, facts.report_at, facts.waiver),
            Self::Root(facts) => (facts.owner, facts.report_at, facts.waiver),
            Self::Iam(facts) => (facts.owner, facts.report_at, facts.waiver),
            Self::IdentityCenter(facts) => (facts.owner, facts.report_at, facts.waiver),
        };
        let waiver = waiver.map(|waiver| Waiver {
            item: ITEM.to_owned(),
            approver: waiver.approver,
            approved_at: now.min(waiver.expires),
            expires: waiver.expires,
            revoked_at: None,
        });
        let principal = Principal {
            id: ITEM.to_owned(),
            account: "case".to_owned(),
            name: ITEM.to_owned(),
            owner,
            report_at: Some(report_at.unwrap_or(now)),
            detail,
        };
        Facts {
            items: Items::Principals(vec![principal]),
            item: ITEM.to_owned(),
            as_of: now,
            waivers: waiver.into_iter().collect(),
            policy,
        }
    }

    fn detail(&self) -> PrincipalDetail {
        match self {
            Self::Account(facts) => PrincipalDetail::Account {
                state: match facts.state {
                    StateFacts::Active => AccountState::Active,
                    StateFacts::Suspended | StateFacts::PendingClosure | StateFacts::Closed => AccountState::Suspended,
                },
                read: facts.read,
            },
            Self::Root(facts) => PrincipalDetail::Root {
                password: facts.password,
                mfa: Some(facts.mfa),
                virtual_mfa: Some(facts.r#virtual),
                keys: Some(facts.keys),
                certificates: Some(facts.certs),
            },
            Self::Iam(facts) => PrincipalDetail::IamUser {
                password: facts.password,
                mfa: facts.mfa,
                devices: facts.devices(),
                keys: facts.keys,
                principal_type: match facts.principal_type {
                    Some(TypeFacts::Service) => PrincipalType::Service,
                    Some(TypeFacts::Person | TypeFacts::Human) => PrincipalType::Person,
                    Some(TypeFacts::Absent) | None => PrincipalType::Unknown,
                },
                mfa_deny_policy: Some(facts.mfa_deny_policy),
            },
            Self::IdentityCenter(facts) => PrincipalDetail::IdentityCenter {
                assignments: facts.assignments,
                source: match facts.source {
                    SourceFacts::External => IdentitySource::External,
                    SourceFacts::Own | SourceFacts::Directory => IdentitySource::Own,
                },
                idp_evidence: facts.idp_evidence,
                setting_evidence: facts.setting_evidence,
                signin_factors: facts.signin_factors.clone(),
            },
        }
    }
}

impl IamFacts {
    /// A factor of which no kind is given is an ordinary one.
    fn devices(&self) -> Vec<Device> {
        match &self.devices {
            Some(devices) => devices.iter().map(|device| device.device()).collect(),
            None if self.mfa => vec![Device::Virtual],
            None => Vec::new(),
        }
    }
}

impl DeviceFacts {
    fn device(self) -> Device {
        match self {
            Self::Virtual => Device::Virtual,
            Self::Fido => Device::Fido,
            Self::Totp => Device::Totp,
            Self::Sms => Device::Sms,
        }
    }
}
