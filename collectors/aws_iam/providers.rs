//! Identity providers that an account trusts, and what the register in the settings says of them. Whether
//! they ask for a second factor, no interface of AWS tells; nor does one tell when a SAML provider's metadata, and with
//! them whose provider it is, were replaced.

use crate::contract::{
    Attestation, IdentitySource, Principal, PrincipalDetail, Protocol, ProviderEvidence, SettingsError,
};
use crate::sources::aws::accounts::is_account_number;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What nobody can see of a provider that is attested.
const METADATA: &str = "whoever may change a SAML provider can replace its metadata, and with them whose provider it is: AWS lists no day of that, and it counts as the one that was attested";

/// An attestation is to be made each quarter; this many days after its own it counts no more.
const ATTESTED_DAYS: i64 = 106;

/// One line of the register: either that the provider asks everybody for a second factor (`says`,
/// `document`, `by`, `on`, `scope`), or that only machines sign in there (`machines`, `reason`, of a SAML provider `on`).
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderSettings {
    /// `111122223333:saml/Okta`, a SAML provider of one account, for its name is the choice of whoever makes it;
    /// `oidc/token.actions.githubusercontent.com`, by its address in every account, or with the account's number
    /// before it in that one; `identity-center/Okta`, where users of IAM Identity Center sign in.
    provider: String,
    /// What is attested. A policy that asks for less does not count.
    #[serde(default)]
    says: Option<Says>,
    /// Where the policy is on file.
    #[serde(default)]
    document: Option<String>,
    /// Who looked at it.
    #[serde(default)]
    by: Option<String>,
    /// When; an attestation counts for 106 days, and neither it nor `machines` for a SAML provider that was made on a
    /// later day.
    #[serde(default)]
    on: Option<NaiveDate>,
    /// Whom it covers. A policy that leaves somebody out does not count.
    #[serde(default)]
    scope: Option<CoverScope>,
    /// Only machines sign in there.
    #[serde(default)]
    machines: bool,
    /// Why that is so.
    #[serde(default)]
    reason: Option<String>,
}

/// What a provider's policy says.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Says {
    /// A second factor at every sign-in.
    MfaRequired,
}

/// Whom a provider's policy covers.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum CoverScope {
    /// Everybody who can sign in to AWS through it.
    All,
}

/// IAM Identity Center of the accounts.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityCenterSettings {
    /// Where its users sign in.
    source: CenterSource,
    /// With `external`: the provider, as a line of `identity_providers` names it.
    #[serde(default)]
    provider: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CenterSource {
    /// In its own directory.
    Own,
    /// At an external provider.
    External,
}

/// A provider as an account lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Provider {
    /// How it vouches.
    pub(super) protocol: Protocol,
    /// Its name; of OpenID Connect its address without `https://`.
    pub(super) name: String,
    /// When it was made; of OpenID Connect, whose address says whose it is, nobody asks.
    pub(super) made: Option<DateTime<Utc>>,
}

impl Provider {
    /// From its ARN, which starts with `owner` (`arn:aws:iam::111122223333:`).
    pub(super) fn of(protocol: Protocol, arn: &str, owner: &str, made: Option<DateTime<Utc>>) -> Result<Self, String> {
        let kind = match protocol {
            Protocol::Saml => "saml-provider/",
            Protocol::Oidc => "oidc-provider/",
        };
        let name = arn.strip_prefix(owner).and_then(|rest| rest.strip_prefix(kind)).filter(|name| !name.is_empty());
        let shown: String = arn.chars().take(200).collect();
        let name = name.ok_or_else(|| format!("`{shown}` is no {kind} under {owner}"))?;
        Ok(Self { protocol, name: name.to_owned(), made })
    }

    /// The one that Identity Center makes in every account that it lets people into. Its name is all that shows it.
    pub(super) fn is_identity_centers(&self) -> bool {
        let middle = self.name.strip_prefix("AWSSSO_").and_then(|rest| rest.strip_suffix("_DO_NOT_DELETE"));
        self.protocol == Protocol::Saml
            && middle.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// `saml/Okta`.
    fn key(&self) -> String {
        let protocol = match self.protocol {
            Protocol::Saml => "saml",
            Protocol::Oidc => "oidc",
        };
        format!("{protocol}/{}", self.name)
    }
}

/// That only machines sign in somewhere.
struct Machines {
    name: String,
    reason: String,
    /// Of a SAML provider, when that was so: whoever makes one chooses its name.
    on: Option<NaiveDate>,
}

impl Machines {
    /// Whether it is of a day that has come, and not of one before the provider was made.
    fn covers(&self, made: Option<DateTime<Utc>>, as_of: DateTime<Utc>) -> bool {
        let in_time = |on: NaiveDate| on <= as_of.date_naive() && made.is_none_or(|made| made.date_naive() <= on);
        self.on.is_none_or(in_time)
    }
}

/// The register, checked.
pub(super) struct ProviderRegister {
    machines: Vec<Machines>,
    attested: Vec<(String, Attestation)>,
    center: Option<IdentityCenterSettings>,
}

impl ProviderRegister {
    /// Refuses lines that say half, or both.
    pub(super) fn of(
        lines: &[ProviderSettings],
        center: Option<&IdentityCenterSettings>,
    ) -> Result<Self, SettingsError> {
        let mut register = Self { machines: Vec::new(), attested: Vec::new(), center: center.cloned() };
        for line in lines {
            let name = filled(Some(&line.provider)).ok_or_else(|| wrong("a provider is empty"))?;
            if !is_form(&name) {
                return Err(unclear(&name));
            }
            let (says, scope) = (line.says.is_some(), line.scope.is_some());
            match (line.machines, filled(line.reason.as_deref())) {
                (true, Some(reason))
                    if !says && !scope && line.document.is_none() && line.on.is_some() == is_saml(&name) =>
                {
                    register.machines.push(Machines { name, reason, on: line.on });
                }
                (true, _) => {
                    let takes = "machines takes a reason, of a SAML provider the day as well (on), and nothing else";
                    return Err(wrong(&format!("{name}: {takes}")));
                }
                (false, Some(_)) => return Err(wrong(&format!("{name}: a reason without `machines = true`"))),
                (false, None) => {
                    let facts = (filled(line.document.as_deref()), filled(line.by.as_deref()), line.on);
                    let (Some(document), Some(by), Some(on), true, true) = (facts.0, facts.1, facts.2, says, scope)
                    else {
                        return Err(wrong(&format!("{name}: says, document, by, on or scope is missing")));
                    };
                    register.attested.push((name, Attestation { document, by, on }));
                }
            }
        }
        match &register.center {
            Some(IdentityCenterSettings { source: CenterSource::Own, provider: Some(_) }) => Err(SettingsError {
                message: "identity_center: a provider, and its own directory".to_owned(),
                hint: Some("source = \"external\", if users sign in at a provider".to_owned()),
            }),
            Some(IdentityCenterSettings { provider: Some(provider), .. }) if !register.has(provider) => {
                Err(SettingsError {
                    message: format!("identity_center: no line of identity_providers is of {provider}"),
                    hint: Some("attest there the provider `identity-center/…`, and name it so here".to_owned()),
                })
            }
            _ => Ok(register),
        }
    }

    fn has(&self, provider: &str) -> bool {
        self.attested.iter().any(|(name, _)| name == provider)
    }

    /// The provider of one account as an item.
    pub(super) fn principal(&self, provider: &Provider, account: &str, as_of: DateTime<Utc>) -> Principal {
        let id = format!("{account}:{}", provider.key());
        let detail = if provider.is_identity_centers() {
            self.identity_center(provider.made, as_of)
        } else {
            let evidence = self.evidence(|name| names(name, provider, &id), provider.made, as_of);
            let mut machines = self.machines.iter().filter(|line| names(&line.name, provider, &id));
            let machines = machines.find(|line| line.covers(provider.made, as_of)).map(|line| line.reason.clone());
            PrincipalDetail::IdentityProvider { protocol: provider.protocol, machines, evidence }
        };
        Principal { id, account: account.to_owned(), name: provider.name.clone(), owner: None, report_at: None, detail }
    }

    /// That the provider is there says that somebody is assigned, and nothing of the factors.
    fn identity_center(&self, made: Option<DateTime<Utc>>, as_of: DateTime<Utc>) -> PrincipalDetail {
        let external = self.center.as_ref().filter(|center| center.source == CenterSource::External);
        let provider = external.and_then(|center| center.provider.as_ref());
        let evidence = self.evidence(|name| provider.is_some_and(|provider| provider == name), made, as_of);
        PrincipalDetail::IdentityCenter {
            assignments: 1,
            source: if external.is_some() { IdentitySource::External } else { IdentitySource::Own },
            idp_evidence: matches!(evidence, ProviderEvidence::Held(_)),
            setting_evidence: false,
            signin_factors: Vec::new(),
        }
    }

    /// The newest attestation that is not of a later day; else one that is. Nobody can have looked at what was made
    /// on a day after it.
    fn evidence(
        &self,
        named: impl Fn(&str) -> bool,
        made: Option<DateTime<Utc>>,
        as_of: DateTime<Utc>,
    ) -> ProviderEvidence {
        let day = |attestation: &Attestation| attestation.on.and_time(NaiveTime::MIN).and_utc();
        let all = || self.attested.iter().filter(|(name, _)| named(name)).map(|(_, attestation)| attestation);
        let newest = all().filter(|attestation| day(attestation) <= as_of).max_by_key(|attestation| attestation.on);
        match newest {
            Some(newest) if made.is_some_and(|made| made.date_naive() > newest.on) => {
                ProviderEvidence::MadeSince(newest.clone())
            }
            Some(newest) if as_of - day(newest) < TimeDelta::days(ATTESTED_DAYS) => {
                ProviderEvidence::Held(newest.clone())
            }
            Some(newest) => ProviderEvidence::TooOld(newest.clone()),
            None => all().next().map_or(ProviderEvidence::Missing, |later| ProviderEvidence::NotYet(later.clone())),
        }
    }

    /// Providers of Identity Center that are newer than what is attested of where its users sign in: its item does not
    /// say why that does not count.
    fn newer(&self, found: &BTreeSet<(String, Provider)>) -> Vec<String> {
        let name = self.center.as_ref().and_then(|center| center.provider.as_ref());
        let attested = self.attested.iter().filter(|(line, _)| Some(line) == name);
        let Some(newest) = attested.map(|(_, attestation)| attestation.on).max() else { return Vec::new() };
        let centers = found.iter().filter(|(_, provider)| provider.is_identity_centers());
        let made = centers.filter_map(|(account, provider)| Some((account, provider.made?.date_naive())));
        let newer = made.filter(|(_, made)| *made > newest);
        newer
            .map(|(account, made)| {
                format!("account {account}: Identity Center's provider was made on {made}, after {newest}, so that what is attested of that day does not count for it")
            })
            .collect()
    }

    /// What must be known of the register itself, with the providers that were found, by account.
    pub(super) fn limitations(&self, found: &BTreeSet<(String, Provider)>, as_of: DateTime<Utc>) -> Vec<String> {
        let mut said = Vec::new();
        let used = |name: &str| {
            let center = self.center.as_ref().and_then(|center| center.provider.as_deref());
            center == Some(name)
                || found.iter().any(|(account, one)| names(name, one, &format!("{account}:{}", one.key())))
        };
        for (name, Attestation { document, by, on }) in &self.attested {
            let state = match self.evidence(|other| other == name, None, as_of) {
                ProviderEvidence::Held(held) if held.on == *on => "",
                ProviderEvidence::TooOld(held) if held.on == *on => ": too old, so it does not count",
                ProviderEvidence::NotYet(held) if held.on == *on => ": dated later than this run, so it does not count",
                _ => continue,
            };
            said.push(format!(
                "identity provider {name}: that it asks for a second factor is attested by {by} on {on} ({document}), not read{state}"
            ));
        }
        if !self.attested.is_empty() && found.iter().any(|(_, provider)| provider.protocol == Protocol::Saml) {
            said.push(METADATA.to_owned());
        }
        said.extend(self.newer(found));
        for line in &self.machines {
            let named =
                |(account, one): &&(String, Provider)| names(&line.name, one, &format!("{account}:{}", one.key()));
            let beside = |(_, one): &&(String, Provider)| !line.covers(one.made, as_of);
            if found.iter().filter(named).any(|one| beside(&one)) {
                said.push(format!(
                    "identity provider {}: that only machines sign in there is said of a day that is before it was made, or \
                     that has not come, so it does not count",
                    line.name
                ));
            }
        }
        let all = self.attested.iter().map(|(name, _)| name).chain(self.machines.iter().map(|line| &line.name));
        let unused: BTreeSet<_> = all.filter(|name| !used(name)).collect();
        said.extend(unused.into_iter().map(|name| {
            format!("identity provider {name}: in the register, and no account that was read has it under this name")
        }));
        said
    }
}

/// Whether a line of the register names this provider. An address is whose it says; a SAML provider's name is not.
fn names(line: &str, provider: &Provider, id: &str) -> bool {
    line == id || provider.protocol == Protocol::Oidc && line == provider.key()
}

/// Whether a line of that form is of a SAML provider.
fn is_saml(line: &str) -> bool {
    line.split_once(':').is_some_and(|(_, key)| key.starts_with("saml/"))
}

/// Whether a line says of which protocol its provider is, and of which account where the name alone tells nothing.
fn is_form(line: &str) -> bool {
    let after = |text: &str, before: &str| text.strip_prefix(before).is_some_and(|name| !name.is_empty());
    let of_account = line
        .split_once(':')
        .is_some_and(|(account, key)| is_account_number(account) && (after(key, "saml/") || after(key, "oidc/")));
    of_account || after(line, "oidc/") || after(line, "identity-center/")
}

fn unclear(name: &str) -> SettingsError {
    SettingsError {
        message: format!("identity_providers: {name} does not say which provider is meant"),
        hint: Some(
            "a SAML provider with its account, as any account can have one of that name: \"111122223333:saml/Okta\"; by its address \"oidc/token.actions.githubusercontent.com\"; where users of Identity Center sign in \"identity-center/Okta\""
                .to_owned(),
        ),
    }
}

fn filled(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn wrong(what: &str) -> SettingsError {
    SettingsError {
        message: format!("identity_providers: {what}"),
        hint: Some(
            "either { provider, says = \"mfa-required\", document, by, on, scope = \"all\" } or { provider, machines = true, reason }, \
             of a SAML provider with on"
                .to_owned(),
        ),
    }
}
