//! IAM users, the root user and the identity providers of AWS accounts, with how they sign in.
//!
//! Here: the kind, and the way over the accounts. `settings` is what a user writes, `api` what is asked of an
//! account, `report` the credential report, `providers` the identity providers, `policies` and their
//! `statement`s what users are denied, `account` what follows for one account, `gathered` what follows for all,
//! `memory` what one run tells the next; `locate` finds a principal's facts again in what was sealed.
//! Whether anybody needs a second factor is the judge's business.

mod account;
mod api;
mod gathered;
mod locate;
mod memory;
mod policies;
mod providers;
mod report;
mod settings;
mod statement;

use crate::contract::{
    Asking, CollectError, Collector, Kind, Population, Reading, Remembers, Rights, SettingsError, Task, carry,
};
use crate::door::{Door, Source, Strike};
use crate::sources::aws::accounts::AccountSettings;
use crate::sources::aws::caller::{Caller, caller};
use crate::sources::aws::merged;
use crate::sources::aws::organization;
use crate::sources::aws::refusal::signing_in;
use crate::sources::aws::rights::{self, ASSUME_ROLE, LIST_ACCOUNTS, aws, aws_only_for};
use account::Answers;
use api::Api;
use gathered::Gathered;
use memory::Memory;
use regex::bytes::Regex;
use settings::{Registers, Settings};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const KIND: Kind = Kind {
    name: "aws_iam",
    version: 3,
    about: "IAM users, root and identity providers of AWS accounts: passwords, second factors, access keys",
    reading: Reading::Snapshot,
    keeps: false,
    permissions: &[
        aws("sts:GetCallerIdentity"),
        aws("iam:GenerateCredentialReport"),
        aws("iam:GetCredentialReport"),
        aws("iam:GetAccountSummary"),
        aws("iam:ListUsers"),
        aws("iam:ListVirtualMFADevices"),
        aws("iam:ListSAMLProviders"),
        aws("iam:ListOpenIDConnectProviders"),
        aws_only_for("iam:ListMFADevices", &["device_kinds"]),
        aws_only_for("iam:GetAccountAuthorizationDetails", &["mfa_deny_policies"]),
        LIST_ACCOUNTS,
        ASSUME_ROLE,
    ],
    needs: rights::needs,
    build: |value| Ok(Box::new(AwsIam::of(Settings::of(value)?)?)),
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

struct AwsIam {
    settings: Settings,
    registers: Registers,
    strikes: Vec<Strike>,
}

impl AwsIam {
    fn of(settings: Settings) -> Result<Self, SettingsError> {
        // A whole element goes, so that what is left is still an answer that can be read.
        let strike = |rule: &'static str, element: &str| {
            let pattern = Regex::new(&format!("(?s)<{element}>.*?</{element}>"));
            let pattern = pattern.map_err(|e| SettingsError { message: e.to_string(), hint: None })?;
            Ok(Strike { rule, pattern })
        };
        let strikes = vec![strike("aws-mfa-seed", "Base32StringSeed")?, strike("aws-mfa-qr-code", "QRCodePNG")?];
        Ok(Self { registers: Registers::of(&settings)?, settings, strikes })
    }

    /// The accounts to be read.
    async fn accounts(&self, door: &Door, gathered: &mut Gathered) -> Vec<AccountSettings> {
        let configured = &self.settings.accounts;
        let scope = match &self.settings.organization {
            None => {
                gathered.no_organization();
                organization::scope(configured, None)
            }
            Some(settings) => match organization::list(door, settings).await {
                Ok((list, identity)) => {
                    gathered.organization(identity, list.pages);
                    organization::scope(configured, Some((settings, &list.items)))
                }
                Err(error) => {
                    gathered.organization_unread(error);
                    organization::scope(configured, None)
                }
            },
        };
        gathered.scope(&scope);
        scope.read
    }

    /// Signs in to an account, and has its report begun.
    async fn begin(&self, door: &Door, account: &AccountSettings) -> Result<Begun, Failed> {
        let early = |error| (account.account_id.clone(), error);
        let what = format!("account {}", account.name);
        let hosts =
            account.hosts().map_err(|e| early(CollectError::Malformed { what: what.clone(), why: e.message }))?;
        let source = Source { name: account.source(), hosts, strikes: self.strikes.clone() };
        let config = Box::pin(door.aws(&source, &account.via)).await.map_err(|e| early(signing_in(&what, e)))?;
        let caller = caller(&what, &config).await.map_err(early)?;
        let api = Api::new(what.clone(), &config);
        if let Some(expected) = account.account_id.as_ref().filter(|expected| **expected != caller.account) {
            let why = format!("the credential leads to account {}, not to {expected}", caller.account);
            return Err(early(CollectError::Malformed { what, why }));
        }
        match api.make_report().await {
            Ok(ready) => Ok(Begun { api, caller, ready }),
            Err(error) => Err((Some(caller.account), error)),
        }
    }

    /// Everything that an account answers. An error: without it, nothing of the account is known.
    async fn read(&self, door: &Door, begun: Begun) -> Result<Answers, Failed> {
        let Begun { api, caller, ready } = begun;
        let failed = |error| (Some(caller.account.clone()), error);
        if !ready {
            let wait = Duration::from_secs(self.settings.report_wait_seconds.into());
            api.await_report(door, wait).await.map_err(failed)?;
        }
        let (report, report_at) = api.report(&caller).await.map_err(failed)?;
        let mut answers = Answers {
            report_at,
            asked_at: door.as_of(),
            report,
            users: api.users().await,
            summary: api.summary().await,
            virtual_devices: api.virtual_devices().await,
            providers: [api.saml_providers(&caller).await, api.oidc_providers(&caller).await],
            devices: BTreeMap::new(),
            policies: None,
            caller,
        };
        if self.settings.mfa_deny_policies && answers.has_people_with_keys_only(&self.registers) {
            answers.policies = Some(api.policies().await);
        }
        if self.settings.device_kinds {
            for user in answers.without_virtual_device() {
                let devices = api.devices_of(&user).await;
                answers.devices.insert(user, devices);
            }
        }
        Ok(answers)
    }
}

/// An account whose report is ready, or being made.
struct Begun {
    api: Api,
    caller: Caller,
    ready: bool,
}

/// Why an account could not be read, and its number as far as known.
type Failed = (Option<String>, CollectError);

#[async_trait::async_trait]
impl Collector for AwsIam {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let before: Memory = carry::read(task.carry.as_ref())?;
        let mut gathered = Gathered::default();
        let accounts = Box::pin(self.accounts(door, &mut gathered)).await;
        let mut begun = Vec::new();
        // AWS makes all reports at the same time: the first is waited for when the last is begun.
        for account in &accounts {
            begun.push((account, Box::pin(self.begin(door, account)).await));
        }
        for (account, begun) in begun {
            let outcome = match begun {
                Ok(begun) => Box::pin(self.read(door, begun)).await,
                Err(failed) => Err(failed),
            };
            match outcome {
                Ok(answers) => gathered.read(account, answers, &self.registers),
                Err((number, error)) => gathered.unread(account, number.as_deref(), error),
            }
        }
        let sources = accounts.iter().map(AccountSettings::source);
        let sources = sources.chain(self.settings.organization.is_some().then(|| organization::SOURCE.to_owned()));
        let ipe = merged("AWS IAM", door.ipe(""), sources.map(|source| door.ipe(&source)));
        gathered.into_population(ipe, &before, &self.settings, &self.registers)
    }

    fn remembers(&self) -> Vec<Remembers> {
        // Credential reports and the rest say what is, and never what was.
        Vec::new()
    }

    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights {
        rights::of(door, &self.settings.accounts, self.settings.organization.as_ref(), asking).await
    }
}
