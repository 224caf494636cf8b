//! What is asked of one account, and in which order. Nothing is concluded here but that an answer is
//! whole: the last page is reached, no page comes twice, nobody is listed twice.

use super::refusal::error_of;
use super::report::{self, Report};
use crate::contract::{CollectError, Device};
use crate::door::Door;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{AssignmentStatusType, ReportFormatType, ReportStateType};
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// AWS's largest page.
const PAGE: i32 = 1000;
/// More pages than any account has: 5,000 users is AWS's own limit.
const PAGES_MAX: u32 = 200;
const VIRTUAL: &str = "iam:ListVirtualMFADevices";
/// Between two questions whether the report is ready.
const REPORT_PAUSE: Duration = Duration::from_secs(2);

/// One account, asked through the door.
pub(super) struct Api {
    what: String,
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
}

/// Who asks, by `sts:GetCallerIdentity`.
pub(super) struct Caller {
    /// The account that the credential leads to.
    pub(super) account: String,
    /// The acting identity.
    pub(super) arn: String,
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub(super) partition: String,
}

/// A list that is whole.
pub(super) struct List<T> {
    /// Its items, as listed.
    pub(super) items: Vec<T>,
    /// How many pages it took.
    pub(super) pages: u32,
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
        let sts = aws_sdk_sts::config::Builder::from(config).interceptor(WholeAnswer).build();
        Self { what, iam: aws_sdk_iam::Client::from_conf(iam), sts: aws_sdk_sts::Client::from_conf(sts) }
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

    /// Who asks.
    pub(super) async fn caller(&self) -> Result<Caller, CollectError> {
        let action = "sts:GetCallerIdentity";
        let answer = self.ask(action, self.sts.get_caller_identity().send()).await?;
        let (Some(account), Some(arn)) = (answer.account, answer.arn) else {
            return Err(self.malformed(action, "names no account or no caller"));
        };
        let partition = arn.split(':').nth(1).unwrap_or_default().to_owned();
        let own = arn.split(':').nth(4) == Some(&account);
        if !super::settings::is_account_number(&account) || !partition.starts_with("aws") || !own {
            return Err(self.malformed(action, format!("account `{account}`, caller `{arn}`")));
        }
        Ok(Caller { account, arn, partition })
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

/// Where a listing stands.
#[derive(Default)]
struct Paging {
    pages: u32,
    marker: Option<String>,
    seen: HashSet<String>,
}

impl Paging {
    /// Takes note of one page; true if the source says that it was the last.
    fn last(&mut self, said: bool, truncated: bool, marker: Option<String>) -> Result<bool, String> {
        self.pages += 1;
        let page = self.pages;
        if !said {
            return Err(format!("page {page} does not say whether it is the last"));
        }
        if !truncated {
            return Ok(true);
        }
        let marker = marker.filter(|marker| !marker.is_empty());
        let marker = marker.ok_or_else(|| format!("page {page} is not the last and names no next one"))?;
        if !self.seen.insert(marker.clone()) {
            return Err(format!("page {page} leads back to a page read before"));
        }
        if page >= PAGES_MAX {
            return Err(format!("no last page after {page}"));
        }
        self.marker = Some(marker);
        Ok(false)
    }
}

/// Refuses an answer that is cut: the SDK is content when it has read the last element that it waits for.
#[derive(Debug, Clone)]
struct WholeAnswer;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() && !is_whole(body) {
            return Err("the answer is cut: its first element has no end".into());
        }
        Ok(())
    }
}

/// Whether the last thing said is the end of the first element.
fn is_whole(xml: &[u8]) -> bool {
    let text = String::from_utf8_lossy(xml);
    let text = text.trim();
    // `<?xml … ?>` comes before it.
    let root = text.strip_prefix("<?").and_then(|rest| rest.split_once("?>")).map_or(text, |(_, rest)| rest);
    let name = root.trim_start().strip_prefix('<').and_then(|rest| rest.split([' ', '>', '\n', '\t', '/']).next());
    name.is_some_and(|name| !name.is_empty() && text.ends_with(&format!("</{name}>")))
}

/// Hears whether an answer has `IsTruncated` at all: the SDK takes its absence for "false".
#[derive(Debug, Clone, Default)]
struct SaysWhetherTruncated(Arc<AtomicBool>);

impl SaysWhetherTruncated {
    fn heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for SaysWhetherTruncated {
    fn name(&self) -> &'static str {
        "SaysWhetherTruncated"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        const ELEMENT: &[u8] = b"<IsTruncated>";
        let body = context.response().body().bytes().unwrap_or_default();
        self.0.store(body.windows(ELEMENT.len()).any(|part| part == ELEMENT), Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_first_element_ends() {
        let whole = "<?xml version=\"1.0\"?>\n<AResponse xmlns=\"x\"><B>1</B></AResponse>\n";
        assert!(is_whole(whole.as_bytes()));
        for cut in 0..whole.len() - 1 {
            assert!(!is_whole(&whole.as_bytes()[..cut]), "cut at {cut}");
        }
        assert!(!is_whole(b"[]"));
    }

    #[test]
    fn a_listing_ends_only_where_the_source_says_so() {
        let marker = |text: &str| Some(text.to_owned());
        let mut paging = Paging::default();
        assert_eq!(paging.last(true, true, marker("a")), Ok(false));
        assert_eq!(paging.last(true, true, marker("b")), Ok(false));
        assert_eq!(paging.last(true, false, None), Ok(true));
        assert_eq!(paging.pages, 3);

        assert!(Paging::default().last(false, false, None).unwrap_err().contains("does not say"));
        assert!(Paging::default().last(true, true, None).unwrap_err().contains("no next"));
        assert!(Paging::default().last(true, true, marker("")).unwrap_err().contains("no next"));
        let mut loops = Paging::default();
        assert_eq!(loops.last(true, true, marker("a")), Ok(false));
        assert!(loops.last(true, true, marker("a")).unwrap_err().contains("leads back"));
        let mut endless = Paging::default();
        let end = (1..).find_map(|page| endless.last(true, true, marker(&page.to_string())).err());
        assert!(end.unwrap().contains("no last page"));
    }

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
