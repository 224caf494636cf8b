//! IAM users and the root user of AWS accounts, with how they sign in.
//!
//! Here: the kind, and the way over the accounts. `settings` is what a user writes, `api` what is asked,
//! `report` the credential report, `account` what follows for one account, `refusal` what errors mean.
//! Whether anybody needs a second factor is the judge's business.

mod account;
mod api;
mod refusal;
mod report;
mod settings;

use crate::contract::{
    AccountState, CollectError, Collector, Ipe, Items, Kind, Partial, Population, Reading, SettingsError, Task, Unread,
};
use crate::door::{Door, Source, Strike};
use account::{Answers, Concluded};
use api::Api;
use chrono::{DateTime, Utc};
use regex::bytes::Regex;
use settings::{AccountSettings, Registers, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) const KIND: Kind = Kind {
    name: "aws_iam",
    version: 1,
    about: "IAM users and root of AWS accounts: console passwords, second factors, access keys",
    reading: Reading::Snapshot,
    permissions: &[
        "sts:GetCallerIdentity",
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport",
        "iam:GetAccountSummary",
        "iam:ListUsers",
        "iam:ListVirtualMFADevices",
        "iam:ListMFADevices",
    ],
    build: |value| Ok(Box::new(AwsIam::of(Settings::of(value)?)?)),
    settings_schema: || schemars::schema_for!(Settings),
};

const LIMITATION: &str =
    "IAM Identity Center users and users federated from an identity provider sign in elsewhere and are not read";

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

    /// Everything that one account answers. The account's number goes with an error, once it is known.
    async fn read(&self, door: &Door, account: &AccountSettings) -> Result<Answers, (Option<String>, CollectError)> {
        let early = |error| (account.account_id.clone(), error);
        let what = format!("account {}", account.name);
        let hosts =
            account.hosts().map_err(|e| early(CollectError::Malformed { what: what.clone(), why: e.message }))?;
        let source = Source { name: format!("aws:{}", account.name), hosts, strikes: self.strikes.clone() };
        let config = Box::pin(door.aws(&source, &account.via)).await.map_err(early)?;
        let api = Api::new(what.clone(), &config);
        let caller = api.caller().await.map_err(early)?;
        if let Some(expected) = account.account_id.as_ref().filter(|expected| **expected != caller.account) {
            let why = format!("the credential leads to account {}, not to {expected}", caller.account);
            return Err(early(CollectError::Malformed { what, why }));
        }
        let late = |error| (Some(caller.account.clone()), error);
        let wait = Duration::from_secs(self.settings.report_wait_seconds.into());
        api.make_report(door, wait).await.map_err(late)?;
        let (report, report_at) = api.report(&caller).await.map_err(late)?;
        let mut answers = Answers {
            report_at,
            asked_at: door.as_of(),
            report,
            users: api.users().await,
            summary: api.summary().await,
            virtual_devices: api.virtual_devices().await,
            devices: BTreeMap::new(),
            caller,
        };
        if self.settings.device_kinds {
            for user in answers.without_virtual_device() {
                let devices = api.devices_of(&user).await;
                answers.devices.insert(user, devices);
            }
        }
        Ok(answers)
    }
}

#[async_trait::async_trait]
impl Collector for AwsIam {
    async fn collect(&self, door: &Door, _: &Task) -> Result<Population, CollectError> {
        let mut gathered = Gathered::default();
        for account in &self.settings.accounts {
            gathered.claimed.push(account.title(None));
            if account.suspended {
                gathered.suspended(account);
            } else {
                match Box::pin(self.read(door, account)).await {
                    Ok(answers) => gathered.read(account, answers, &self.registers),
                    Err((number, error)) => gathered.unread(account, number.as_deref(), error),
                }
            }
        }
        gathered.into_population(door)
    }
}

/// What the accounts gave, one after the other.
#[derive(Default)]
struct Gathered {
    all: Concluded,
    /// For each account, how many principals it should have.
    expected: Vec<Option<u64>>,
    claimed: Vec<String>,
    found: Vec<String>,
    identity: Vec<String>,
    numbers: BTreeSet<String>,
    report_at: Option<DateTime<Utc>>,
    failures: Vec<CollectError>,
}

impl Gathered {
    fn suspended(&mut self, account: &AccountSettings) {
        let title = account.title(None);
        self.all.filters.push(format!("account {title}: suspended by configuration, so nobody was asked"));
        self.all.principals.push(account.itself(None, AccountState::Suspended));
        self.expected.push(Some(1));
    }

    fn read(&mut self, account: &AccountSettings, answers: Answers, registers: &Registers) {
        let title = account.title(Some(&answers.caller.account));
        let what = format!("account {title}");
        self.identity.push(answers.caller.arn.clone());
        if !self.numbers.insert(answers.caller.account.clone()) {
            // Its principals are there already, under the same ids.
            let why = "is the same account as one named before it".to_owned();
            let hint = Some("give each account its own credential, and its account_id".to_owned());
            self.all.unread.push(Unread { what, why, permission: None, hint });
            return;
        }
        self.found.push(title);
        self.report_at = self.report_at.into_iter().chain([answers.report_at]).min();
        let one = answers.conclude(&what, registers);
        self.expected.push(one.expected);
        self.all.principals.extend(one.principals);
        self.all.whole.extend(one.whole);
        self.all.unread.extend(one.unread);
        self.all.reconciliations.extend(one.reconciliations);
        self.all.filters.extend(one.filters);
        self.all.limitations.extend(one.limitations);
    }

    fn unread(&mut self, account: &AccountSettings, number: Option<&str>, error: CollectError) {
        self.all.unread.extend(error.unread());
        self.all.principals.push(account.itself(number, AccountState::Active));
        self.expected.push(None);
        self.failures.push(error);
    }

    /// Where nothing at all was read, and for want of a credential or an answer, that is the error.
    fn nothing_read(&self) -> Option<CollectError> {
        let [first, rest @ ..] = self.failures.as_slice() else { return None };
        let same = rest.iter().all(|other| other.word() == first.word());
        let plain = matches!(first, CollectError::Unauthenticated { .. } | CollectError::Unavailable { .. });
        (self.found.is_empty() && same && plain).then(|| first.clone())
    }

    fn into_population(self, door: &Door) -> Result<Population, CollectError> {
        if let Some(error) = self.nothing_read() {
            return Err(error);
        }
        let Concluded { principals, whole, unread, reconciliations, filters, mut limitations, .. } = self.all;
        limitations.push(LIMITATION.to_owned());
        let ipe = Ipe {
            api_version: Some("2010-05-08".to_owned()),
            identity: self.identity,
            as_of: self.report_at.unwrap_or_else(|| door.as_of()),
            scope_claimed: self.claimed,
            scope_found: self.found,
            filters,
            limitations,
            reconciliations,
            ..door.ipe("AWS IAM")
        };
        let items = Items::Principals(principals);
        if unread.is_empty() {
            return Population::new(items, whole, ipe, None);
        }
        Err(Partial::of(items, self.expected.into_iter().sum(), unread, ipe))
    }
}
