//! What AWS tells of a credential: by reads that change nothing, and by its own simulation where that is allowed.

use super::accounts::AccountSettings;
use super::caller::{Caller, caller};
use super::organization::{self, OrganizationSettings};
use super::refusal::{answered, error_of, signing_in};
use crate::contract::{Asking, CollectError, OnlyFor, Permission, Rights, System};
use crate::door::{AwsRequest, Door, RecordedRequest, Source};
use aws_config::SdkConfig;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::PolicyEvaluationDecisionType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use http::Method;
use std::collections::BTreeMap;

/// An action that every run needs.
pub(crate) const fn aws(name: &'static str) -> Permission {
    Permission { system: System::Aws, name, only_for: None }
}

/// An action that some settings need.
pub(crate) const fn aws_only_for(name: &'static str, settings: &'static [&'static str]) -> Permission {
    let only_for = Some(OnlyFor { settings, unless_said: false });
    Permission { system: System::Aws, name, only_for }
}

/// Which accounts there are.
pub(crate) const LIST_ACCOUNTS: Permission = aws_only_for("organizations:ListAccounts", &["organization"]);
/// Of the credential that signs in, on the roles that it takes; the roles themselves need the rest.
pub(crate) const ASSUME_ROLE: Permission = aws_only_for("sts:AssumeRole", &["role_arn", "role_name"]);
/// Of `doctor` alone: without it nobody can say what a credential may do beside reading.
pub const SIMULATE: Permission = aws("iam:SimulatePrincipalPolicy");

/// Actions that a reader must not have. Not all there are: some of each way to change, to hide, or to read what is
/// stored.
const TOO_MUCH: [&str; 24] = [
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "ec2:RunInstances",
    "ec2:TerminateInstances",
    "guardduty:DeleteDetector",
    "guardduty:UpdateDetector",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:DeactivateMFADevice",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "kms:Decrypt",
    "lambda:UpdateFunctionCode",
    "organizations:LeaveOrganization",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:PutLifecycleConfiguration",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
];

/// The action that a request needs; empty: it is not known to be one of AWS.
pub(crate) fn needs(request: &RecordedRequest) -> Vec<String> {
    let Ok(url) = url::Url::parse(&request.url) else { return Vec::new() };
    let line = request.line();
    let action = match (request.method.as_str(), url.path(), url.query()) {
        ("GET", "/detector", _) => "guardduty:ListDetectors".to_owned(),
        ("GET", path, None) if path.starts_with("/detector/") => "guardduty:GetDetector".to_owned(),
        ("GET", _, Some(query)) if query.split('&').any(|part| part.trim_end_matches('=') == "lifecycle") => {
            "s3:GetLifecycleConfiguration".to_owned()
        }
        ("POST", ..) if !line.starts_with("POST ") => line,
        _ => return Vec::new(),
    };
    vec![action]
}

/// What the credentials of the accounts may do, one after the other.
pub(crate) async fn of(
    door: &Door,
    accounts: &[AccountSettings],
    organization: Option<&OrganizationSettings>,
    asking: &Asking<'_>,
) -> Rights {
    let listed = match organization {
        Some(settings) => Box::pin(organization::list(door, settings)).await.ok().map(|(list, _)| (settings, list)),
        None => None,
    };
    let listed = listed.as_ref().map(|(settings, list)| (*settings, list.items.as_slice()));
    let mut rights = Rights::default();
    for account in organization::scope(accounts, listed).read {
        let what = format!("account {}", account.title(None));
        if account.via.role_arn.is_some() && asking.untold.contains(&ASSUME_ROLE) {
            // Known by what comes of signing in: STS's answer is on no record.
            rights.has.insert(ASSUME_ROLE.name.to_owned());
        }
        match Box::pin(sign_in(door, &account)).await {
            Ok((config, caller)) => {
                let one = One { door, account: &account, what, config, caller };
                Box::pin(one.dry_reads(asking, &mut rights)).await;
                Box::pin(one.simulate(asking, &mut rights)).await;
            }
            Err(error) => {
                rights.has.remove(ASSUME_ROLE.name);
                let found = format!("{what}: could not be signed in to, so nothing is known of its credential");
                rights.unknown.push((found, "see what is not read".to_owned()));
                lacking(&mut rights, &error);
            }
        }
    }
    rights
}

async fn sign_in(door: &Door, account: &AccountSettings) -> Result<(SdkConfig, Caller), CollectError> {
    let what = format!("account {}", account.name);
    let hosts = account.hosts().map_err(|e| CollectError::Malformed { what: what.clone(), why: e.message })?;
    let source = Source { name: account.source(), hosts, strikes: Vec::new() };
    let config = Box::pin(door.aws(&source, &account.via)).await.map_err(|error| signing_in(&what, error))?;
    let caller = caller(&what, &config).await?;
    Ok((config, caller))
}

fn lacking(rights: &mut Rights, error: &CollectError) {
    if let CollectError::Forbidden { permission: Some(permission), .. } = error {
        rights.lacks.insert(permission.clone(), permission.clone());
    }
}

/// One account that was signed in to.
struct One<'a> {
    door: &'a Door,
    account: &'a AccountSettings,
    what: String,
    config: SdkConfig,
    caller: Caller,
}

impl One<'_> {
    /// Asks once for whatever no request has told of. Only an answer grants; only a denial denies.
    async fn dry_reads(&self, asking: &Asking<'_>, rights: &mut Rights) {
        for permission in asking.untold {
            let answer = match permission.name.split(':').next() {
                Some("iam") => Box::pin(self.iam(permission.name)).await,
                Some("cloudtrail" | "guardduty") => Box::pin(self.signed(permission.name)).await,
                _ => continue,
            };
            match answer {
                Ok(()) => drop(rights.has.insert(permission.name.to_owned())),
                Err(error) => lacking(rights, &error),
            }
        }
    }

    async fn told<T, E>(
        &self,
        action: &str,
        answer: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<(), CollectError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Box::pin(answer).await.map(drop).map_err(|error| error_of(&self.what, action, &error))
    }

    async fn iam(&self, action: &str) -> Result<(), CollectError> {
        let iam = aws_sdk_iam::Client::new(&self.config);
        match action {
            "iam:GenerateCredentialReport" => self.told(action, iam.generate_credential_report().send()).await,
            "iam:GetCredentialReport" => self.told(action, iam.get_credential_report().send()).await,
            "iam:GetAccountSummary" => self.told(action, iam.get_account_summary().send()).await,
            "iam:ListUsers" => self.told(action, iam.list_users().max_items(1).send()).await,
            "iam:ListVirtualMFADevices" => self.told(action, iam.list_virtual_mfa_devices().max_items(1).send()).await,
            "iam:ListSAMLProviders" => self.told(action, iam.list_saml_providers().send()).await,
            "iam:ListOpenIDConnectProviders" => self.told(action, iam.list_open_id_connect_providers().send()).await,
            "iam:ListMFADevices" => {
                // Of oneself; a role must name somebody, and has none.
                let own = self.caller.arn.rsplit('/').next().unwrap_or_default();
                self.told(action, iam.list_mfa_devices().user_name(own).send()).await
            }
            "iam:GetAccountAuthorizationDetails" => {
                self.told(action, iam.get_account_authorization_details().max_items(1).send()).await
            }
            _ => Err(CollectError::Malformed { what: action.to_owned(), why: "no read is known for it".to_owned() }),
        }
    }

    /// Of what nobody knows a name, a name that nobody has is asked for: a denial says no, and else nothing is known.
    async fn signed(&self, action: &str) -> Result<(), CollectError> {
        let region = self.config.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string);
        let trail = |operation: &str, asked: &'static str| {
            let target = format!("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.{operation}");
            let content = ("content-type", "application/x-amz-json-1.1".to_owned());
            (Method::POST, "/", vec![content, ("x-amz-target", target)], asked)
        };
        let (method, path, headers, body) = match action {
            "cloudtrail:DescribeTrails" => trail("DescribeTrails", "{}"),
            "cloudtrail:GetTrailStatus" => trail("GetTrailStatus", r#"{"Name":"evidenced-doctor"}"#),
            "cloudtrail:GetEventSelectors" => trail("GetEventSelectors", r#"{"TrailName":"evidenced-doctor"}"#),
            "guardduty:ListDetectors" => (Method::GET, "/detector", Vec::new(), ""),
            "guardduty:GetDetector" => (Method::GET, "/detector/00000000000000000000000000000000", Vec::new(), ""),
            _ => {
                return Err(CollectError::Malformed { what: action.to_owned(), why: "no read is known for it".into() });
            }
        };
        let service = action.split(':').next().unwrap_or_default();
        let (path, body) = (path.to_owned(), Bytes::from_static(body.as_bytes()));
        let request = AwsRequest { service, region: &region, method, path, headers, body };
        let hosts = self.account.hosts();
        let hosts = hosts.map_err(|e| CollectError::Malformed { what: self.what.clone(), why: e.message })?;
        let source = Source { name: format!("{}:{region}", self.account.source()), hosts, strikes: Vec::new() };
        let what = format!("{}, {action}", self.what);
        let answer = self.door.signed(&source, &self.config, request).await;
        let answer = answer.map_err(|failure| failure.into_error(&what))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(answered(&what, action, status.as_u16(), answer.body())),
        }
    }

    /// Asks AWS what the caller's policies come to.
    async fn simulate(&self, asking: &Asking<'_>, rights: &mut Rights) {
        let Caller { account, arn, partition } = &self.caller;
        if arn.ends_with(":root") {
            rights.more.insert(format!("everything: {arn} is the root user"));
            return;
        }
        // `arn:aws:sts::111122223333:assumed-role/NAME/SESSION` acts by the policies of the role.
        let role = arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
        let source = role.map_or_else(|| arn.clone(), |role| format!("arn:{partition}:iam::{account}:role/{role}"));
        match self.decisions(&source, asking).await {
            Ok(decisions) => {
                for (action, allowed) in decisions {
                    let needed = asking.needed.iter().any(|permission| permission.name == action);
                    let untold = asking.untold.iter().any(|permission| permission.name == action);
                    // That it is not allowed on everything does not say that it is denied where it is needed.
                    match (needed, allowed) {
                        (false, true) => drop(rights.more.insert(action)),
                        (true, true) if untold && !rights.lacks.contains_key(&action) => {
                            rights.has.insert(action);
                        }
                        _ => {}
                    }
                }
            }
            Err(error) => {
                let found = format!("{}: whether it may do more than it needs, since {error}", self.what);
                let fix = format!("allow {} to {source}, on itself, or look at its policies", SIMULATE.name);
                rights.unknown.push((found, fix));
            }
        }
    }

    /// By action, whether it is allowed. An action that AWS did not speak of is an error.
    async fn decisions(&self, source: &str, asking: &Asking<'_>) -> Result<BTreeMap<String, bool>, CollectError> {
        let names: Vec<String> =
            asking.needed.iter().map(|permission| permission.name).chain(TOO_MUCH).map(str::to_owned).collect();
        let iam = aws_sdk_iam::Client::new(&self.config);
        let (mut all, mut marker) = (BTreeMap::new(), None);
        for _ in 0..names.len() {
            let request = iam.simulate_principal_policy().policy_source_arn(source).resource_arns("*");
            let request = request.set_action_names(Some(names.clone()));
            let answer = Box::pin(request.set_marker(marker.take()).send()).await;
            let page = answer.map_err(|error| error_of(&self.what, SIMULATE.name, &error))?;
            for result in page.evaluation_results.unwrap_or_default() {
                let allowed = result.eval_decision == PolicyEvaluationDecisionType::Allowed;
                all.insert(result.eval_action_name, allowed);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                break;
            }
        }
        match names.iter().find(|name| !all.contains_key(*name)) {
            Some(name) => {
                let what = format!("{}, {}", self.what, SIMULATE.name);
                Err(CollectError::Malformed { what, why: format!("nothing is said of {name}") })
            }
            None => Ok(all),
        }
    }
}
