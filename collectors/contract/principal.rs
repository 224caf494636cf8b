//! Somebody or something that can sign in.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// One principal of one account, or the account itself where it could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Stable key: `111122223333:user/alice`, `111122223333:root`, `111122223333:saml/Okta`,
    /// `111122223333:account`.
    pub id: String,
    /// Account number.
    pub account: String,
    /// Login name.
    pub name: String,
    /// The person behind it, where a register says so; the beneficiary of a waiver.
    pub owner: Option<String>,
    /// The time of the report that says so; `None` where there is no report.
    pub report_at: Option<DateTime<Utc>>,
    /// What it is and how it signs in.
    pub detail: PrincipalDetail,
}

/// What a principal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PrincipalDetail {
    /// The account itself.
    Account {
        /// Its life-cycle state.
        state: AccountState,
        /// Whether its principals could be read.
        read: bool,
    },
    /// The root user. `None` where the source does not say.
    Root {
        /// Has a password.
        password: Option<bool>,
        /// Has a factor.
        mfa: Option<bool>,
        /// The factor is a virtual one; `Some(false)` is hardware or a passkey.
        virtual_mfa: Option<bool>,
        /// Number of active access keys.
        keys: Option<u32>,
        /// Number of active signing certificates.
        certificates: Option<u32>,
    },
    /// An IAM user.
    IamUser {
        /// Can sign in to the console.
        password: bool,
        /// Has a factor.
        mfa: bool,
        /// Which kinds, as far as the source says.
        devices: Vec<Device>,
        /// Number of active access keys.
        keys: u32,
        /// Who uses it.
        principal_type: PrincipalType,
        /// Whether a policy denies it everything without a factor; `None` if not read.
        mfa_deny_policy: Option<bool>,
    },
    /// An IAM Identity Center user; or all of an account's, where they are seen by its provider alone.
    IdentityCenter {
        /// Number of account assignments, at least.
        assignments: u32,
        /// Where it signs in.
        source: IdentitySource,
        /// The identity provider's policy is held as evidence.
        idp_evidence: bool,
        /// The instance's setting is held as evidence.
        setting_evidence: bool,
        /// Factors seen in sign-in events.
        signin_factors: Vec<String>,
    },
    /// A provider that the account trusts: whoever signs in there gets in without a user of the account,
    /// and the account cannot see with which factor.
    IdentityProvider {
        /// How it vouches for somebody.
        protocol: Protocol,
        /// Why only machines sign in there, where a register says that it is so.
        machines: Option<String>,
        /// What a register holds of its policy.
        evidence: ProviderEvidence,
    },
}

/// How an identity provider vouches for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// SAML 2.0: signs people in to consoles.
    Saml,
    /// OpenID Connect.
    Oidc,
}

/// What is held of a provider's policy that asks everybody for a second factor, at the time of reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProviderEvidence {
    /// Nothing.
    Missing,
    /// An attestation that counts.
    Held(Attestation),
    /// One that has to be made again.
    TooOld(Attestation),
    /// One dated later than the reading.
    NotYet(Attestation),
    /// One of a day before the provider was made.
    MadeSince(Attestation),
}

/// Somebody's word, with the document that it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Where the policy is on file.
    pub document: String,
    /// Who looked at it.
    pub by: String,
    /// On which day.
    pub on: NaiveDate,
}

/// Life-cycle state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// In use.
    Active,
    /// Suspended or closed.
    Suspended,
}

/// Kinds of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// An app that makes codes.
    Virtual,
    /// A hardware token that makes codes.
    Totp,
    /// A passkey or security key.
    Fido,
    /// Text messages.
    Sms,
    /// Not a virtual one; the source was not asked which.
    KeyOrToken,
}

/// Who uses an IAM user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalType {
    /// A register says that it is a machine.
    Service,
    /// A register says that it is a person.
    Person,
    /// Nobody says: counts as a person.
    Unknown,
}

/// Where an Identity Center user signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentitySource {
    /// At an external provider.
    External,
    /// At its own directory.
    Own,
}
