//! The short form of a principal.

use super::{Facts, renamed};
use crate::judge::Waiver;
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::{
    AccountState, Device, IdentitySource, Items, Principal, PrincipalDetail, PrincipalType,
};
use serde::Deserialize;
use serde_json::{Map, Value};

const ITEM: &str = "case:principal";

/// Every key of every `kind`; which of them a kind must have, `detail` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalFacts {
    kind: Kind,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    report_at: Option<DateTime<Utc>>,
    #[serde(default)]
    waiver: Option<WaiverFacts>,
    #[serde(default)]
    state: Option<StateFacts>,
    #[serde(default)]
    read: Option<bool>,
    #[serde(default)]
    password: Option<bool>,
    #[serde(default)]
    mfa: bool,
    #[serde(default)]
    r#virtual: bool,
    #[serde(default)]
    keys: u32,
    #[serde(default)]
    certs: u32,
    #[serde(default)]
    devices: Option<Vec<DeviceFacts>>,
    #[serde(default)]
    principal_type: Option<TypeFacts>,
    #[serde(default)]
    mfa_deny_policy: bool,
    #[serde(default)]
    assignments: Option<u32>,
    #[serde(default)]
    source: Option<SourceFacts>,
    #[serde(default)]
    idp_evidence: bool,
    #[serde(default)]
    setting_evidence: bool,
    #[serde(default)]
    signin_factors: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Account,
    Root,
    Iam,
    IdentityCenter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverFacts {
    approver: String,
    expires: DateTime<Utc>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StateFacts {
    Active,
    Suspended,
    PendingClosure,
    Closed,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum DeviceFacts {
    Virtual,
    Fido,
    Totp,
    Sms,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum TypeFacts {
    Service,
    #[serde(alias = "human")]
    Person,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SourceFacts {
    External,
    #[serde(alias = "directory")]
    Own,
}

impl PrincipalFacts {
    pub(super) fn into_facts(self, policy: Map<String, Value>, now: DateTime<Utc>) -> Result<Facts, String> {
        let detail = self.detail()?;
        // The short form gives no approval time: it was in time.
        let waiver = self.waiver.map(|waiver| Waiver {
            item: ITEM.to_owned(),
            approver: waiver.approver,
            approved_at: now.min(waiver.expires),
            expires: waiver.expires,
        });
        let principal = Principal {
            id: ITEM.to_owned(),
            account: "case".to_owned(),
            name: ITEM.to_owned(),
            owner: self.owner,
            report_at: Some(self.report_at.unwrap_or(now)),
            detail,
        };
        Ok(Facts {
            items: Items::Principals(vec![principal]),
            item: ITEM.to_owned(),
            as_of: now,
            waivers: waiver.into_iter().collect(),
            policy: renamed(policy, "report_max_h", "report_max_hours"),
        })
    }

    fn detail(&self) -> Result<PrincipalDetail, String> {
        let missing = |key: &str| format!("{key} is missing");
        Ok(match self.kind {
            Kind::Account => PrincipalDetail::Account {
                state: match self.state.ok_or_else(|| missing("state"))? {
                    StateFacts::Active => AccountState::Active,
                    StateFacts::Suspended | StateFacts::PendingClosure | StateFacts::Closed => AccountState::Suspended,
                },
                read: self.read.ok_or_else(|| missing("read"))?,
            },
            Kind::Root => PrincipalDetail::Root {
                password: self.password,
                mfa: Some(self.mfa),
                virtual_mfa: Some(self.r#virtual),
                keys: Some(self.keys),
                certificates: Some(self.certs),
            },
            Kind::Iam => PrincipalDetail::IamUser {
                password: self.password.ok_or_else(|| missing("password"))?,
                mfa: self.mfa,
                devices: self.devices(),
                keys: self.keys,
                principal_type: match self.principal_type {
                    Some(TypeFacts::Service) => PrincipalType::Service,
                    Some(TypeFacts::Person) => PrincipalType::Person,
                    None => PrincipalType::Unknown,
                },
                mfa_deny_policy: Some(self.mfa_deny_policy),
            },
            Kind::IdentityCenter => PrincipalDetail::IdentityCenter {
                assignments: self.assignments.ok_or_else(|| missing("assignments"))?,
                source: match self.source.ok_or_else(|| missing("source"))? {
                    SourceFacts::External => IdentitySource::External,
                    SourceFacts::Own => IdentitySource::Own,
                },
                idp_evidence: self.idp_evidence,
                setting_evidence: self.setting_evidence,
                signin_factors: self.signin_factors.clone(),
            },
        })
    }

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
