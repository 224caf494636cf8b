//! From what one account answered to its principals, and to whether they are all of them.
//!
//! The report is the population, as of its own time; `iam:ListUsers` and `iam:GetAccountSummary` are
//! of now, and show that no row lacks. Pure: nothing is asked for here.

use super::api::ListedUser;
use super::policies::Policies;
use super::providers::Provider;
use super::report::{Report, RootRow, UserRow};
use super::settings::Registers;
use crate::contract::{CollectError, Device, Principal, PrincipalDetail, PrincipalType, Reconciliation, Unread, Whole};
use crate::sources::aws::List;
use crate::sources::aws::caller::Caller;
use chrono::{DateTime, Duration, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What one account answered. What failed of the parts that are of now, failed alone.
pub(super) struct Answers {
    /// Who asked.
    pub(super) caller: Caller,
    /// The report's own time.
    pub(super) report_at: DateTime<Utc>,
    /// When the run began.
    pub(super) asked_at: DateTime<Utc>,
    /// The credential report.
    pub(super) report: Report,
    /// AWS's totals.
    pub(super) summary: Result<BTreeMap<String, u64>, CollectError>,
    /// Every user there is now.
    pub(super) users: Result<List<ListedUser>, CollectError>,
    /// Owners' ARNs of assigned virtual devices.
    pub(super) virtual_devices: Result<List<String>, CollectError>,
    /// SAML and OpenID Connect providers.
    pub(super) providers: [Result<Vec<Provider>, CollectError>; 2],
    /// Kinds of the devices of those who were asked for one by one.
    pub(super) devices: BTreeMap<String, Result<Vec<Device>, CollectError>>,
    /// Policies of users with their pages; `None`: not asked for.
    pub(super) policies: Option<Result<(Policies, u32), CollectError>>,
}

/// What follows from it.
#[derive(Default)]
pub(super) struct Concluded {
    /// Root, every user of the report that could be understood, and identity providers.
    pub(super) principals: Vec<Principal>,
    /// How many of them are users.
    pub(super) users: u64,
    /// Identity providers, with the account's number.
    pub(super) providers: BTreeSet<(String, Provider)>,
    /// Why they are all.
    pub(super) whole: Vec<Whole>,
    /// What was not read; if empty, `whole` holds.
    pub(super) unread: Vec<Unread>,
    /// How many principals there should be.
    pub(super) expected: Option<u64>,
    /// Totals compared.
    pub(super) reconciliations: Vec<Reconciliation>,
    /// Left out on purpose.
    pub(super) filters: Vec<String>,
    /// What the sources do not say, or say differently.
    pub(super) limitations: Vec<String>,
}

/// AWS makes a new report when the last one is older than this. A user made since is in none yet; of an
/// older report that is no explanation. The minutes are for the run itself and for clocks.
const REPORT_AGE_MAX: Duration = Duration::minutes(4 * 60 + 15);
/// Users and rows named one by one in what was not read; more are counted.
const NAMED_MAX: usize = 50;

impl Answers {
    /// Users of the report whose factor is not a virtual one, as far as that can be told.
    pub(super) fn without_virtual_device(&self) -> Vec<String> {
        let Some(owners) = self.owners() else { return Vec::new() };
        let users = self.report.users.iter();
        users.filter(|row| row.mfa && !owners.contains(self.arn(row).as_str())).map(|row| row.name.clone()).collect()
    }

    /// Whether somebody has keys and no password, and is not known for a machine.
    pub(super) fn has_people_with_keys_only(&self, registers: &Registers) -> bool {
        self.report
            .users
            .iter()
            .any(|row| keys_only(row) && registers.kind(&row.path, &row.name) != PrincipalType::Service)
    }

    /// `what` names the account in sentences: `account production (111122223333)`.
    pub(super) fn conclude(self, what: &str, registers: &Registers) -> Concluded {
        let mut out = Concluded {
            unread: bounded(what, "rows of the credential report", self.report.unread.clone()),
            ..Concluded::default()
        };
        self.reconcile(what, &mut out);
        let root = self.root(what, &mut out);
        out.principals.push(self.principal("root", "root", None, root));
        self.providers(what, registers, &mut out);
        let owners = self.owners();
        out.users = self.report.users.len() as u64;
        let mut undecided = Vec::new();
        for row in &self.report.users {
            let principal_type = registers.kind(&row.path, &row.name);
            let detail = PrincipalDetail::IamUser {
                password: row.password,
                mfa: row.mfa,
                devices: self.devices(row, owners.as_ref(), what, &mut out),
                keys: row.keys,
                principal_type,
                mfa_deny_policy: self.denied(row, principal_type, what, &mut undecided),
            };
            let key = format!("user/{}", row.name);
            out.principals.push(self.principal(&key, &row.name, registers.owner(&row.name), detail));
        }
        out.unread.extend(bounded(what, "users", undecided));
        self.enforcement(what, &mut out);
        out
    }

    fn principal(&self, key: &str, name: &str, owner: Option<String>, detail: PrincipalDetail) -> Principal {
        Principal {
            id: format!("{}:{key}", self.caller.account),
            account: self.caller.account.clone(),
            name: name.to_owned(),
            owner,
            report_at: Some(self.report_at),
            detail,
        }
    }

    fn arn(&self, row: &UserRow) -> String {
        format!("arn:{}:iam::{}:user{}{}", self.caller.partition, self.caller.account, row.path, row.name)
    }

    fn owners(&self) -> Option<HashSet<&str>> {
        self.virtual_devices.as_ref().ok().map(|list| list.items.iter().map(String::as_str).collect())
    }

    /// A virtual device of nobody: its owner's factor would look like hardware.
    fn strangers(&self, what: &str, out: &mut Concluded) {
        let known: HashSet<String> = self.report.users.iter().map(|row| self.arn(row)).collect();
        let listed = |arn: &str| {
            let users = self.users.as_ref().map_or(&[][..], |users| &users.items);
            users.iter().any(|user| arn.ends_with(&format!("/{}", user.name)))
        };
        let root = format!("arn:{}:iam::{}:root", self.caller.partition, self.caller.account);
        let strange =
            self.owners().into_iter().flatten().filter(|arn| *arn != root && !known.contains(*arn) && !listed(arn));
        let strange: Vec<_> =
            strange.map(|arn| unread(&format!("{what}, virtual device of {arn}"), "belongs to no user")).collect();
        out.unread.extend(bounded(what, "virtual devices", strange));
    }

    fn total(&self, name: &str) -> Option<u64> {
        self.summary.as_ref().ok()?.get(name).copied()
    }

    fn devices(&self, row: &UserRow, owners: Option<&HashSet<&str>>, what: &str, out: &mut Concluded) -> Vec<Device> {
        if !row.mfa {
            return Vec::new();
        }
        match (self.devices.get(&row.name), owners) {
            (Some(Ok(kinds)), _) => {
                let listed =
                    self.users.as_ref().is_ok_and(|users| users.items.iter().any(|user| user.name == row.name));
                if kinds.is_empty() && listed {
                    let why = "has a factor in the credential report, and no device is listed now";
                    out.unread.push(unread(&format!("{what}, iam:ListMFADevices, user {}", row.name), why));
                }
                if kinds.contains(&Device::Virtual) {
                    let why = "has a virtual device that iam:ListVirtualMFADevices does not have";
                    out.unread.push(unread(&format!("{what}, iam:ListMFADevices, user {}", row.name), why));
                }
                kinds.clone()
            }
            (Some(Err(error)), _) => {
                out.unread.extend(error.unread());
                Vec::new()
            }
            (None, Some(owners)) if owners.contains(self.arn(row).as_str()) => vec![Device::Virtual],
            (None, Some(_)) => vec![Device::KeyOrToken],
            (None, None) => Vec::new(),
        }
    }

    /// Whether a policy denies this user everything without a factor; `None`: nobody asked.
    fn denied(&self, row: &UserRow, kind: PrincipalType, what: &str, undecided: &mut Vec<Unread>) -> Option<bool> {
        let (policies, _) = self.policies.as_ref()?.as_ref().ok()?;
        if !keys_only(row) || kind == PrincipalType::Service {
            return None;
        }
        let why = match policies.denied(&row.name) {
            Ok(Some(denied)) => return Some(denied),
            Ok(None) if self.is_gone(&row.name) => return None,
            Ok(None) => "is listed, and is not in the answer".to_owned(),
            Err(why) => why,
        };
        undecided.push(unread(&format!("{what}, iam:GetAccountAuthorizationDetails, user {}", row.name), &why));
        None
    }

    /// Deleted since the report, as far as the list of users can be relied on.
    fn is_gone(&self, name: &str) -> bool {
        self.users.as_ref().is_ok_and(|users| users.items.iter().all(|user| user.name != name))
    }

    /// Every provider as an item, held against AWS's total.
    fn providers(&self, what: &str, registers: &Registers, out: &mut Concluded) {
        let mut held = 0;
        for (list, action) in self.providers.iter().zip(["iam:ListSAMLProviders", "iam:ListOpenIDConnectProviders"]) {
            match list {
                Err(error) => {
                    out.unread.extend(error.unread());
                    out.expected = None;
                }
                Ok(providers) => {
                    held += providers.len() as u64;
                    out.whole.push(Whole::last_page(format!("{what}: {action}"), 1));
                    out.unread.extend(of_identity_center(&format!("{what}, {action}"), providers));
                    for provider in providers {
                        let account = &self.caller.account;
                        out.principals.push(registers.providers.principal(provider, account, self.asked_at));
                        out.providers.insert((account.clone(), provider.clone()));
                    }
                }
            }
        }
        out.expected = out.expected.map(|expected| expected + held);
        let all_read = self.providers.iter().all(Result::is_ok);
        match self.total("Providers").filter(|_| all_read) {
            // AWS documents the total's name and not what it counts.
            Some(stated) if stated < held => out.limitations.push(format!(
                "{what}: {held} identity providers are listed, but iam:GetAccountSummary Providers is {stated}"
            )),
            Some(stated) => out.compare(
                format!("{what}: identity providers listed"),
                held,
                "iam:GetAccountSummary Providers",
                stated,
            ),
            None => {}
        }
    }

    /// Having a factor and being made to use it are two things: both numbers.
    fn enforcement(&self, what: &str, out: &mut Concluded) {
        if let Some(policies) = &self.policies {
            match policies {
                Ok((_, pages)) => {
                    out.whole.push(Whole::last_page(format!("{what}: iam:GetAccountAuthorizationDetails"), *pages));
                }
                Err(error) => out.unread.extend(error.unread()),
            }
        }
        let count = |test: fn(&&UserRow) -> bool| self.report.users.iter().filter(test).count();
        let (console, with_factor) = (count(|row| row.password), count(|row| row.password && row.mfa));
        let (with_keys, keys_alone) = (count(|row| row.keys > 0), count(|row| keys_only(row)));
        let denied = |principal: &&Principal| {
            matches!(principal.detail, PrincipalDetail::IamUser { mfa_deny_policy: Some(true), .. })
        };
        let denied = match self.policies {
            None => "policies were not read".to_owned(),
            Some(_) => {
                format!("a policy denies everything without one to {}", out.principals.iter().filter(denied).count())
            }
        };
        out.limitations.push(format!(
            "{what}: {with_factor} of {console} users with a password have a factor, which is asked for at every sign-in to the console; requests with access keys, which {with_keys} users have, need one only where a policy asks for it: of the {keys_alone} users with keys alone, {denied}"
        ));
    }

    /// Root, from its row and AWS's totals. Where both speak and differ, nobody has said anything.
    fn root(&self, what: &str, out: &mut Concluded) -> PrincipalDetail {
        const SILENT: RootRow = RootRow { password: None, mfa: None, keys: None, certificates: None };
        if self.report.root.is_none() {
            out.limitations.push(format!("{what}: the credential report has no row for root"));
        }
        let row = self.report.root.as_ref().unwrap_or(&SILENT);
        let mut settle = |name: &str, reported: Option<u32>, total: &str| {
            let stated = self.total(total).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            match (reported, stated) {
                (Some(reported), Some(stated)) if (reported > 0) != (stated > 0) => {
                    out.limitations.push(format!(
                        "{what}: root's {name}: the credential report says {reported}, iam:GetAccountSummary {total} says {stated}; taken as unknown"
                    ));
                    None
                }
                (reported, stated) => reported.or(stated),
            }
        };
        let flag = |value: Option<bool>| value.map(u32::from);
        let password = settle("password", flag(row.password), "AccountPasswordPresent").map(|n| n > 0);
        let mfa = settle("factor", flag(row.mfa), "AccountMFAEnabled").map(|n| n > 0);
        let keys = settle("access keys", row.keys, "AccountAccessKeysPresent");
        let certificates = settle("signing certificates", row.certificates, "AccountSigningCertificatesPresent");
        let root = format!("arn:{}:iam::{}:root", self.caller.partition, self.caller.account);
        let assigned = self.owners().map(|owners| owners.contains(root.as_str()));
        if assigned == Some(true) && mfa == Some(false) {
            out.limitations.push(format!("{what}: root has a virtual device assigned, and is said to have no factor"));
        }
        let virtual_mfa = if mfa == Some(true) { assigned } else { None };
        PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates }
    }

    /// Holds the report against what AWS lists and counts now.
    fn reconcile(&self, what: &str, out: &mut Concluded) {
        for error in [self.summary.as_ref().err(), self.users.as_ref().err(), self.virtual_devices.as_ref().err()] {
            out.unread.extend(error.into_iter().flat_map(CollectError::unread));
        }
        if let Ok(devices) = &self.virtual_devices {
            out.whole.push(Whole::last_page(format!("{what}: iam:ListVirtualMFADevices"), devices.pages));
        }
        self.strangers(what, out);
        self.reconcile_factors(what, out);
        let Ok(users) = &self.users else {
            out.expected = self.total("Users").map(|users| users + 1);
            return;
        };
        out.whole.push(Whole::last_page(format!("{what}: iam:ListUsers"), users.pages));
        let listed = users.items.len() as u64;
        if self.summary.is_ok() {
            match self.total("Users") {
                Some(stated) => {
                    out.compare(format!("{what}: users listed"), listed, "iam:GetAccountSummary Users", stated)
                }
                None => out.unread.push(unread(what, "iam:GetAccountSummary does not say how many users there are")),
            }
        }
        let Matched { held, made_since, missing } = self.matched(&users.items);
        let gone = self.report.users.len() as u64 - held - made_since.iter().filter(|user| user.again).count() as u64;
        out.expected = Some(held + missing.len() as u64 + gone + 1);
        let against = match made_since.len() {
            0 => "iam:ListUsers".to_owned(),
            n => format!("iam:ListUsers, less {n} made since the report"),
        };
        let what_held = format!("{what}: users of the credential report that still exist");
        out.compare(what_held, held, &against, listed - made_since.len() as u64);
        out.unread.extend(bounded(what, "users", missing.iter().map(|name| self.missing(what, name)).collect()));
        if !made_since.is_empty() {
            let names: Vec<_> = made_since.iter().map(|user| user.name).collect();
            let at = self.report_at.format("%Y-%m-%dT%H:%M:%SZ");
            out.filters.push(format!(
                "{what}: made since the report of {at}, so tested at the next reading: {}",
                names.join(", ")
            ));
        }
        if gone > 0 {
            out.limitations.push(format!("{what}: {gone} users of the credential report are no longer listed: deleted since it was made, and shown as they were"));
        }
    }

    /// One user may have several devices, and AWS does not say what it counts: a hint, no proof.
    fn reconcile_factors(&self, what: &str, out: &mut Concluded) {
        let held = self.report.users.iter().filter(|row| row.mfa).count() as u64;
        if let Some(stated) = self.total("MFADevicesInUse").filter(|stated| *stated < held) {
            out.limitations.push(format!(
                "{what}: {held} users of the credential report have a factor, but iam:GetAccountSummary MFADevicesInUse is {stated}"
            ));
        }
    }

    fn matched<'a>(&self, listed: &'a [ListedUser]) -> Matched<'a> {
        let rows: HashMap<&str, &UserRow> = self.report.users.iter().map(|row| (row.name.as_str(), row)).collect();
        let recent = self.asked_at - self.report_at <= REPORT_AGE_MAX;
        let mut matched = Matched { held: 0, made_since: Vec::new(), missing: Vec::new() };
        for user in listed {
            let made_since = user.created > self.report_at;
            match rows.get(user.name.as_str()) {
                // The report holds one of the same name that was deleted. Its times are whole seconds.
                Some(row) if made_since && row.created.timestamp() != user.created.timestamp() => {
                    matched.made_since.push(MadeSince { name: &user.name, again: true });
                }
                Some(_) => matched.held += 1,
                None if made_since && recent => matched.made_since.push(MadeSince { name: &user.name, again: false }),
                None => matched.missing.push(&user.name),
            }
        }
        matched
    }

    fn missing(&self, what: &str, name: &str) -> Unread {
        let at = self.report_at.format("%Y-%m-%dT%H:%M:%SZ");
        unread(
            &format!("{what}, user {name}"),
            &format!("is listed, and has no readable row in the credential report of {at}"),
        )
    }
}

fn keys_only(row: &UserRow) -> bool {
    !row.password && row.keys > 0
}

/// Listed users held against the report.
struct Matched<'a> {
    held: u64,
    made_since: Vec<MadeSince<'a>>,
    missing: Vec<&'a str>,
}

struct MadeSince<'a> {
    name: &'a str,
    /// The report has a user of that name, who was another one.
    again: bool,
}

impl Concluded {
    fn compare(&mut self, what: String, held: u64, against: &str, stated: u64) {
        self.reconciliations.push(Reconciliation { what: what.clone(), against: against.to_owned(), held, stated });
        match Whole::total(what, held, against, stated) {
            Ok((whole, _)) => self.whole.push(whole),
            Err(unread) => self.unread.push(unread),
        }
    }
}

/// Identity Center makes one provider in an account. Of two that look like it, one is somebody else's.
fn of_identity_center(what: &str, providers: &[Provider]) -> Option<Unread> {
    let names: Vec<&str> =
        providers.iter().filter(|one| one.is_identity_centers()).map(|one| one.name.as_str()).collect();
    (names.len() > 1).then(|| Unread {
        what: what.to_owned(),
        why: format!("{} look like the one that Identity Center makes", names.join(", ")),
        permission: None,
        hint: Some("remove those that an earlier instance left, or that are nobody's".to_owned()),
    })
}

fn unread(what: &str, why: &str) -> Unread {
    Unread {
        what: what.to_owned(),
        why: why.to_owned(),
        permission: None,
        hint: Some("the next run reads again; AWS makes a new report every four hours".to_owned()),
    }
}

/// The first ones one by one, and how many more there are.
fn bounded(what: &str, of: &str, mut all: Vec<Unread>) -> Vec<Unread> {
    if all.len() > NAMED_MAX {
        let more = all.len() - NAMED_MAX;
        all.truncate(NAMED_MAX);
        all.push(unread(what, &format!("{more} more {of}, not named here")));
    }
    all
}
