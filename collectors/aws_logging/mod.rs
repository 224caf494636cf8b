//! Every region that is in use in AWS accounts, with the trails that write down there what happens, and whether
//! something looks through it for threats.
//!
//! `settings` is what a user writes, `api` what is asked of one service at a time, `wire` what the answers mean,
//! `lifecycle` how long a bucket keeps its files, `account` the line one account goes through; `locate` finds an
//! item's facts again in what was sealed. Whether that is enough is the judge's business.

mod account;
mod api;
mod lifecycle;
mod locate;
mod settings;
mod wire;

use crate::contract::{
    AccountState, Asking, AuditLog, AuditLogDetail, CollectError, Collector, Ipe, Items, Kind, Partial, Population,
    Reading, Remembers, Rights, Task, Unread, Whole,
};
use crate::door::{Door, Source};
use crate::sources::aws::accounts::AccountSettings;
use crate::sources::aws::caller::{Caller, caller};
use crate::sources::aws::organization::{self, Scope};
use crate::sources::aws::refusal::signing_in;
use crate::sources::aws::rights::{self, ASSUME_ROLE, LIST_ACCOUNTS, aws};
use crate::sources::aws::{merged, nothing_read};
use account::Read;
use aws_config::SdkConfig;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};

/// What `crate::KINDS` lists.
pub(crate) const KIND: Kind = Kind {
    name: "aws_logging",
    version: 2,
    about: "Regions of AWS accounts: trails of CloudTrail, what they write down and how long it is kept, GuardDuty",
    reading: Reading::Snapshot,
    keeps: false,
    permissions: &[
        aws("sts:GetCallerIdentity"),
        aws("ec2:DescribeRegions"),
        aws("cloudtrail:DescribeTrails"),
        aws("cloudtrail:GetTrailStatus"),
        aws("cloudtrail:GetEventSelectors"),
        aws("s3:GetLifecycleConfiguration"),
        aws("guardduty:ListDetectors"),
        aws("guardduty:GetDetector"),
        LIST_ACCOUNTS,
        ASSUME_ROLE,
    ],
    needs: rights::needs,
    build: |value| Ok(Box::new(AwsLogging { settings: Settings::of(value)? })),
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

struct AwsLogging {
    settings: Settings,
}

/// What this reading cannot tell, whatever the run.
const LIMITATIONS: [&str; 4] = [
    "of several breaks of a trail since the last reading AWS tells the last one",
    "how long files are kept is what the bucket's rules say: versions, object lock and deletions by hand are not read",
    "who may read and change the bucket is not read",
    "alarms on what is written down are not read",
];

/// An account that could be signed in to.
struct Signed<'a> {
    account: &'a AccountSettings,
    config: SdkConfig,
    caller: Caller,
}

/// What the accounts gave, one after the other.
#[derive(Default)]
struct Gathered {
    items: Vec<AuditLog>,
    whole: Vec<Whole>,
    unread: Vec<Unread>,
    filters: Vec<String>,
    limitations: Vec<String>,
    identity: Vec<String>,
    claimed: Vec<String>,
    found: Vec<String>,
    /// What the door calls all that were asked.
    sources: BTreeSet<String>,
    failures: Vec<CollectError>,
}

impl AwsLogging {
    /// The accounts to be read.
    async fn accounts(&self, door: &Door, gathered: &mut Gathered) -> Vec<AccountSettings> {
        let configured = &self.settings.accounts;
        let Some(settings) = &self.settings.organization else {
            let nobody = "nobody asked AWS which accounts there are: no organization is configured";
            gathered.limitations.push(nobody.to_owned());
            return gathered.scope(organization::scope(configured, None));
        };
        gathered.sources.insert(organization::SOURCE.to_owned());
        match organization::list(door, settings).await {
            Ok((list, identity)) => {
                gathered.identity.push(identity);
                gathered.whole.push(Whole::last_page("organization: organizations:ListAccounts", list.pages));
                gathered.scope(organization::scope(configured, Some((settings, &list.items))))
            }
            Err(error) => {
                gathered.unread.extend(error.unread());
                gathered.failures.push(error);
                gathered.scope(organization::scope(configured, None))
            }
        }
    }

    async fn sign_in<'a>(&self, door: &Door, account: &'a AccountSettings) -> Result<Signed<'a>, CollectError> {
        let what = format!("account {}", account.name);
        let malformed = |why: String| CollectError::Malformed { what: what.clone(), why };
        let hosts = account.hosts().map_err(|e| malformed(e.message))?;
        let source = Source { name: account.source(), hosts, strikes: Vec::new() };
        let config = Box::pin(door.aws(&source, &account.via)).await.map_err(|e| signing_in(&what, e))?;
        let caller = caller(&what, &config).await?;
        match account.account_id.as_ref().filter(|expected| **expected != caller.account) {
            Some(expected) => {
                Err(malformed(format!("the credential leads to account {}, not to {expected}", caller.account)))
            }
            None => Ok(Signed { account, config, caller }),
        }
    }
}

#[async_trait::async_trait]
impl Collector for AwsLogging {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let mut gathered = Gathered::default();
        let accounts = Box::pin(self.accounts(door, &mut gathered)).await;
        let mut signed = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for account in &accounts {
            gathered.sources.insert(account.source());
            match Box::pin(self.sign_in(door, account)).await {
                Ok(one) if !numbers.insert(one.caller.account.clone()) => gathered.twice(&one),
                Ok(one) => drop(signed.insert(account.source(), one)),
                Err(error) => gathered.lost(account, error),
            }
        }
        let all: Vec<&Signed<'_>> = signed.values().collect();
        for one in all {
            let title = one.account.title(Some(&one.caller.account));
            gathered.identity.push(one.caller.arn.clone());
            match Box::pin(account::read(door, one, &signed, &self.settings, task.window.start)).await {
                Ok(read) => {
                    gathered.found.push(title);
                    let Read { items, whole, unread, sources, limitations } = read;
                    gathered.items.extend(items);
                    gathered.whole.extend(whole);
                    gathered.unread.extend(unread);
                    gathered.sources.extend(sources);
                    gathered.limitations.extend(limitations);
                }
                Err(error) => gathered.lost(one.account, error),
            }
        }
        if let Some(error) = nothing_read(&gathered.found, &gathered.failures) {
            return Err(error);
        }
        let blocks = gathered.sources.iter().map(|source| door.ipe(source));
        let ipe = Ipe {
            api_version: Some("CloudTrail 2013-11-01".to_owned()),
            identity: gathered.identity,
            scope_claimed: gathered.claimed,
            scope_found: gathered.found,
            filters: gathered.filters,
            limitations: LIMITATIONS.map(str::to_owned).into_iter().chain(gathered.limitations).collect(),
            ..merged("AWS CloudTrail and GuardDuty", door.ipe(""), blocks)
        };
        let items = Items::AuditLogs(gathered.items);
        if gathered.unread.is_empty() {
            Population::new(items, gathered.whole, ipe, None)
        } else {
            Err(Partial::of(items, None, gathered.unread, ipe, None))
        }
    }

    fn remembers(&self) -> Vec<Remembers> {
        // Everything that is asked says what is; of breaks, the last one there ever was.
        Vec::new()
    }

    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights {
        rights::of(door, &self.settings.accounts, self.settings.organization.as_ref(), asking).await
    }
}

impl Gathered {
    /// What is known of the accounts before any is asked; gives those to be asked.
    fn scope(&mut self, scope: Scope) -> Vec<AccountSettings> {
        self.claimed.extend(scope.read.iter().map(|account| account.title(None)));
        for (account, why) in &scope.not_active {
            self.filters.push(format!("account {}: {why}", account.title(None)));
            self.items.push(itself(account, AccountState::Suspended));
        }
        for (account, unread) in scope.unread {
            self.unread.push(unread);
            self.items.push(itself(&account, AccountState::Active));
        }
        self.unread.extend(scope.nobody);
        self.filters.extend(scope.filters);
        self.limitations.extend(scope.limitations);
        scope.read
    }

    /// An account of which nothing was read.
    fn lost(&mut self, account: &AccountSettings, error: CollectError) {
        self.unread.extend(error.unread());
        self.items.push(itself(account, AccountState::Active));
        self.failures.push(error);
    }

    /// An account that was named before, by another name.
    fn twice(&mut self, signed: &Signed<'_>) {
        self.unread.push(Unread {
            what: format!("account {}", signed.account.title(Some(&signed.caller.account))),
            why: "is the same account as one named before it".to_owned(),
            permission: None,
            hint: Some("give each account its own credential, and its account_id".to_owned()),
        });
    }
}

/// An account as an item of its own.
fn itself(account: &AccountSettings, state: AccountState) -> AuditLog {
    let key = account.key(None);
    let (id, name) = (format!("{key}:account"), account.name.clone());
    AuditLog { id, account: key.to_owned(), name, detail: AuditLogDetail::Account { state } }
}
