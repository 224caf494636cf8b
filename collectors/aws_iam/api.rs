//! What is asked of one account, and in which order. Nothing is concluded here but that an answer is
//! whole: the last page is reached, no page comes twice, nobody is listed twice.

use super::policies::Policies;
use super::providers::Provider;
use super::report::{self, Report};
use crate::contract::{CollectError, Device, Protocol};
use crate::door::Door;
use crate::sources::aws::List;
use crate::sources::aws::caller::Caller;
use crate::sources::aws::paging::{Paging, SaysWhetherTruncated, WholeAnswer};
use crate::sources::aws::refusal::error_of;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{AssignmentStatusType, EntityType, ReportFormatType, ReportStateType, SamlProviderListEntry};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// AWS's largest page.
const PAGE: i32 = 1000;
const VIRTUAL: &str = "iam:ListVirtualMFADevices";
/// Between two questions whether the report is ready.
const REPORT_PAUSE: Duration = Duration::from_secs(2);

/// One account, asked through the door.
pub(super) struct Api {
    what: String,
    iam: aws_sdk_iam::Client,
}

/// A user as `iam:ListUsers` has it.
pub(super) struct ListedUser {
    /// Login name.
    pub(super) name: String,
    /// When the user was made.
    pub(super) created: DateTime<Utc>,
}

impl Api {
    /// `what` names the account in errors: `account production`.
    pub(super) fn new(what: String, config: &aws_config::SdkConfig) -> Self {
        let iam = aws_sdk_iam::config::Builder::from(config).interceptor(WholeAnswer).build();
        Self { what, iam: aws_sdk_iam::Client::from_conf(iam) }
    }

    async fn ask<T, E>(
        &self,
        action: &str,
        answer: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<T, CollectError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // The SDK's futures are tens of kilobytes.
        Box::pin(answer).await.map_err(|error| error_of(&self.what, action, &error))
    }

    fn malformed(&self, action: &str, why: impl Into<String>) -> CollectError {
        CollectError::Malformed { what: format!("{}, {action}", self.what), why: why.into() }
    }

    /// The newest credential report there is, and its own time.
    pub(super) async fn report(&self, caller: &Caller) -> Result<(Report, DateTime<Utc>), CollectError> {
        let action = "iam:GetCredentialReport";
        let answer = self.ask(action, self.iam.get_credential_report().send()).await?;
        let (Some(content), Some(generated)) = (answer.content, answer.generated_time) else {
            return Err(self.malformed(action, "no content, or no time of making"));
        };
        if answer.report_format != Some(ReportFormatType::TextCsv) {
            return Err(self.malformed(action, format!("a report of format {:?}", answer.report_format)));
        }
        let generated = time(&generated).ok_or_else(|| self.malformed(action, "GeneratedTime out of range"))?;
        let owner = format!("arn:{}:iam::{}:", caller.partition, caller.account);
        let what = format!("{}, credential report of {}", self.what, generated.format("%Y-%m-%dT%H:%M:%SZ"));
        let report = report::read(content.as_ref(), &owner, &what).map_err(|why| self.malformed(action, why))?;
        Ok((report, generated))
    }

    /// Has AWS make a report, if the last one is older than four hours. True: there is one to be read.
    pub(super) async fn make_report(&self) -> Result<bool, CollectError> {
        let action = "iam:GenerateCredentialReport";
        match self.ask(action, self.iam.generate_credential_report().send()).await?.state {
            Some(ReportStateType::Complete) => Ok(true),
            Some(ReportStateType::Started | ReportStateType::Inprogress) => Ok(false),
            other => Err(self.malformed(action, format!("state {other:?}"))),
        }
    }

    /// Waits until there is a report to be read.
    pub(super) async fn await_report(&self, door: &Door, wait: Duration) -> Result<(), CollectError> {
        let mut waited = Duration::ZERO;
        while waited < wait {
            door.pause(REPORT_PAUSE).await;
            waited += REPORT_PAUSE;
            if self.make_report().await? {
                return Ok(());
            }
        }
        let what = format!("{}, iam:GenerateCredentialReport", self.what);
        Err(CollectError::Unavailable { what, why: format!("the report is not ready after {} s", waited.as_secs()) })
    }

    /// AWS's own totals, by name. A name that is not there was not said.
    pub(super) async fn summary(&self) -> Result<BTreeMap<String, u64>, CollectError> {
        let action = "iam:GetAccountSummary";
        let answer = self.ask(action, self.iam.get_account_summary().send()).await?;
        let totals = answer.summary_map.unwrap_or_default();
        totals
            .into_iter()
            .map(|(name, total)| match u64::try_from(total) {
                Ok(total) => Ok((name.as_str().to_owned(), total)),
                Err(_) => Err(self.malformed(action, format!("{} is {total}", name.as_str()))),
            })
            .collect()
    }

    /// Every user there is now.
    pub(super) async fn users(&self) -> Result<List<ListedUser>, CollectError> {
        let action = "iam:ListUsers";
        let mut paging = Paging::default();
        let mut items = Vec::new();
        let mut names = HashSet::new();
        loop {
            let said = SaysWhetherTruncated::default();
            let request = self.iam.list_users().max_items(PAGE).set_marker(paging.marker.clone());
            let page = self.ask(action, request.customize().interceptor(said.clone()).send()).await?;
            for user in page.users {
                if user.user_name.is_empty() || !names.insert(user.user_name.clone()) {
                    return Err(self.malformed(action, format!("user `{}` is listed twice", user.user_name)));
                }
                // The SDK takes its absence for the epoch.
                let created = time(&user.create_date).filter(|at| *at != DateTime::UNIX_EPOCH);
                let created =
                    created.ok_or_else(|| self.malformed(action, format!("user {}: no CreateDate", user.user_name)))?;
                items.push(ListedUser { name: user.user_name, created });
            }
            if paging.last(said.heard(), page.is_truncated, page.marker).map_err(|why| self.malformed(action, why))? {
                return Ok(List { items, pages: paging.pages });
            }
        }
    }

    /// The owner's ARN of each virtual device that is assigned to somebody. AWS states no total of them, so they
    /// are listed twice, once among all there are: one that is lost would make its owner's factor look like hardware.
    pub(super) async fn virtual_devices(&self) -> Result<List<String>, CollectError> {
        let (assigned, pages) = self.virtual_devices_of(AssignmentStatusType::Assigned).await?;
        let (any, pages_of_any) = self.virtual_devices_of(AssignmentStatusType::Any).await?;
        let any: BTreeMap<String, String> = any.into_iter().filter_map(|(serial, arn)| Some((serial, arn?))).collect();
        let mut held = BTreeMap::new();
        for (serial, arn) in assigned {
            let arn = arn.ok_or_else(|| self.malformed(VIRTUAL, format!("device `{serial}` is assigned to nobody")))?;
            held.insert(serial, arn);
        }
        let of = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
            one.iter().find(|(serial, arn)| other.get(*serial) != Some(arn)).map(|(serial, _)| serial.clone())
        };
        if let Some(serial) = of(&any, &held).or_else(|| of(&held, &any)) {
            let why = format!("device `{serial}` is not the same among those assigned and among all");
            return Err(self.malformed(VIRTUAL, why));
        }
        Ok(List { items: held.into_values().collect(), pages: pages + pages_of_any })
    }

    /// Serial numbers and owners' ARNs, none twice, and the number of pages.
    async fn virtual_devices_of(
        &self,
        status: AssignmentStatusType,
    ) -> Result<(Vec<(String, Option<String>)>, u32), CollectError> {
        let action = VIRTUAL;
        let mut paging = Paging::default();
        let mut items = Vec::new();
        let mut serials = HashSet::new();
        loop {
            let said = SaysWhetherTruncated::default();
            let request = self.iam.list_virtual_mfa_devices().assignment_status(status.clone());
            let request = request.max_items(PAGE).set_marker(paging.marker.clone());
            let page = self.ask(action, request.customize().interceptor(said.clone()).send()).await?;
            for device in page.virtual_mfa_devices {
                let serial = device.serial_number;
                if serial.is_empty() || !serials.insert(serial.clone()) {
                    return Err(self.malformed(action, format!("device `{serial}` is listed twice")));
                }
                items.push((serial, device.user.map(|user| user.arn).filter(|arn| !arn.is_empty())));
            }
            if paging.last(said.heard(), page.is_truncated, page.marker).map_err(|why| self.malformed(action, why))? {
                return Ok((items, paging.pages));
            }
        }
    }

    /// Every SAML provider that the account trusts. One answer holds them all.
    pub(super) async fn saml_providers(&self, caller: &Caller) -> Result<Vec<Provider>, CollectError> {
        let action = "iam:ListSAMLProviders";
        let answer = self.ask(action, self.iam.list_saml_providers().send()).await?;
        let list = answer.saml_provider_list.ok_or_else(|| self.malformed(action, "no list"))?;
        let of = |entry: SamlProviderListEntry| {
            let made = entry.create_date.as_ref().and_then(time).filter(|at| *at != DateTime::UNIX_EPOCH);
            let made = made.ok_or_else(|| self.malformed(action, "a provider without a CreateDate"))?;
            Ok((entry.arn, Some(made)))
        };
        let list = list.into_iter().map(of).collect::<Result<Vec<_>, CollectError>>()?;
        self.providers(action, Protocol::Saml, list, caller)
    }

    /// Every OpenID Connect provider that the account trusts. One answer holds them all.
    pub(super) async fn oidc_providers(&self, caller: &Caller) -> Result<Vec<Provider>, CollectError> {
        let action = "iam:ListOpenIDConnectProviders";
        let answer = self.ask(action, self.iam.list_open_id_connect_providers().send()).await?;
        let list = answer.open_id_connect_provider_list.ok_or_else(|| self.malformed(action, "no list"))?;
        self.providers(action, Protocol::Oidc, list.into_iter().map(|entry| (entry.arn, None)), caller)
    }

    fn providers(
        &self,
        action: &str,
        protocol: Protocol,
        list: impl IntoIterator<Item = (Option<String>, Option<DateTime<Utc>>)>,
        caller: &Caller,
    ) -> Result<Vec<Provider>, CollectError> {
        let owner = format!("arn:{}:iam::{}:", caller.partition, caller.account);
        let mut all = BTreeMap::new();
        for (arn, made) in list {
            let arn = arn.ok_or_else(|| self.malformed(action, "a provider without an ARN"))?;
            let provider = Provider::of(protocol, &arn, &owner, made).map_err(|why| self.malformed(action, why))?;
            if all.insert(arn.clone(), provider).is_some() {
                return Err(self.malformed(action, format!("provider `{arn}` is listed twice")));
            }
        }
        Ok(all.into_values().collect())
    }

    /// The policies that apply to users, and how many pages they took.
    pub(super) async fn policies(&self) -> Result<(Policies, u32), CollectError> {
        let action = "iam:GetAccountAuthorizationDetails";
        let mut paging = Paging::default();
        let mut all = Policies::default();
        loop {
            let said = SaysWhetherTruncated::default();
            let request = self.iam.get_account_authorization_details().max_items(PAGE);
            let request =
                request.set_filter(Some(vec![EntityType::User, EntityType::Group, EntityType::LocalManagedPolicy]));
            let request = request.set_marker(paging.marker.clone()).customize().interceptor(said.clone());
            let page = self.ask(action, request.send()).await?;
            let malformed = |why| self.malformed(action, why);
            for user in page.user_detail_list.unwrap_or_default() {
                all.user(user).map_err(malformed)?;
            }
            for group in page.group_detail_list.unwrap_or_default() {
                all.group(group).map_err(malformed)?;
            }
            for policy in page.policies.unwrap_or_default() {
                all.managed(policy).map_err(malformed)?;
            }
            if paging.last(said.heard(), page.is_truncated, page.marker).map_err(malformed)? {
                return Ok((all, paging.pages));
            }
        }
    }

    /// The kinds of one user's devices, by their serial numbers; none if the user is gone meanwhile.
    pub(super) async fn devices_of(&self, user: &str) -> Result<Vec<Device>, CollectError> {
        let action = "iam:ListMFADevices";
        let said = SaysWhetherTruncated::default();
        let request = self.iam.list_mfa_devices().user_name(user).customize().interceptor(said.clone());
        let page = match Box::pin(request.send()).await {
            Err(SdkError::ServiceError(refused)) if refused.err().is_no_such_entity_exception() => {
                return Ok(Vec::new());
            }
            answer => answer.map_err(|error| error_of(&self.what, action, &error))?,
        };
        // AWS allows eight devices, and gives a hundred a page.
        if !said.heard() || page.is_truncated {
            return Err(self.malformed(action, format!("user {user}: more than one page of devices")));
        }
        if page.mfa_devices.iter().any(|device| device.user_name != user) {
            return Err(self.malformed(action, format!("user {user}: a device of somebody else")));
        }
        let serials: HashSet<&str> = page.mfa_devices.iter().map(|device| device.serial_number.as_str()).collect();
        if serials.len() != page.mfa_devices.len() {
            return Err(self.malformed(action, format!("user {user}: a device is listed twice")));
        }
        let kinds: Option<Vec<_>> = page.mfa_devices.iter().map(|device| kind_of(&device.serial_number)).collect();
        let mut kinds =
            kinds.ok_or_else(|| self.malformed(action, format!("user {user}: a device of no known kind")))?;
        kinds.sort();
        kinds.dedup();
        Ok(kinds)
    }
}

/// The kind of a device: hardware tokens have the maker's number, all others an ARN.
fn kind_of(serial: &str) -> Option<Device> {
    if !serial.starts_with("arn:") {
        return (!serial.is_empty()).then_some(Device::Totp);
    }
    match serial.splitn(6, ':').nth(5)?.split_once('/')?.0 {
        "mfa" => Some(Device::Virtual),
        "u2f" => Some(Device::Fido),
        "sms-mfa" => Some(Device::Sms),
        _ => None,
    }
}

fn time(at: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_by_its_serial_number() {
        for (serial, kind) in [
            ("arn:aws:iam::111122223333:mfa/alice", Some(Device::Virtual)),
            ("arn:aws:iam::111122223333:u2f/user/alice/key-ABC", Some(Device::Fido)),
            ("arn:aws-us-gov:iam::111122223333:sms-mfa/alice", Some(Device::Sms)),
            ("GAHT12345678", Some(Device::Totp)),
            ("arn:aws:iam::111122223333:new-kind/alice", None),
            ("arn:aws:iam", None),
            ("", None),
        ] {
            assert_eq!(kind_of(serial), kind, "{serial}");
        }
    }
}
