//! A sandbox AWS on the loopback: the part of IAM, STS and Organizations that the collector `aws_iam` asks, and
//! (`logging`) that of CloudTrail, EC2, GuardDuty and S3 that `aws_logging` asks, in AWS's wire form, showing a history's state as of a clock. No signature is checked.
//!
//! As in AWS: a credential report is made on request and kept for four hours, lists come in pages, root
//! has a row in the report. The tests hold it against moto.

mod history;
mod logging;
mod trust;

pub use history::{AwsHistory, Factor, RootSpec, UserSpec};
pub use logging::{LoggingSpec, TrailSpec};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Duration, Utc};
use evidenced_collectors::contract::clock::Clock;
use history::UserState;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// AWS makes a new report when the last one is older than this.
const REPORT_KEPT: Duration = Duration::hours(4);

/// A running sandbox. Stops when dropped.
pub struct AwsServer {
    url: String,
    inner: Arc<Inner>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

struct Inner {
    accounts: Vec<AwsHistory>,
    clock: Arc<dyn Clock>,
    state: Mutex<Asked>,
}

/// What requests leave behind.
#[derive(Default)]
struct Asked {
    requests: Vec<String>,
    /// By account: when its report was made.
    reports: HashMap<String, DateTime<Utc>>,
}

type Params = HashMap<String, String>;

/// An answer's inner XML, or AWS's error: status, code, message.
type Answer = Result<String, (StatusCode, &'static str, String)>;

impl AwsServer {
    /// Listens on a free port of 127.0.0.1, on the present tokio runtime. The first account is the one that a
    /// credential leads to, and the organisation's first; the others are reached by assuming a role in them.
    pub async fn start(accounts: Vec<AwsHistory>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let inner = Arc::new(Inner { accounts, clock, state: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = axum::serve(listener, router).with_graceful_shutdown(async {
            // An error is the sender's end, dropped with the server: time to stop just as well.
            let _ = stopped.await;
        });
        tokio::spawn(server.into_future());
        Ok(Self { url, inner, _stop: stop })
    }

    /// Where it listens: `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was asked so far, in order: `iam:ListUsers`.
    pub fn requests(&self) -> Vec<String> {
        self.inner.state().requests.clone()
    }
}

impl Inner {
    fn state(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account that a credential leads to: assumed ones carry its number in their key.
    fn account(&self, key: &str) -> Option<&AwsHistory> {
        match key.strip_prefix(ASSUMED) {
            Some(number) => self.accounts.iter().find(|account| account.number == number),
            None => self.accounts.first(),
        }
    }
}

/// Keys of assumed roles: this, then the account's number.
const ASSUMED: &str = "ASIASANDBOX";

async fn answer(State(inner): State<Arc<Inner>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let now = inner.clock.now();
    let params = params(&headers, &body);
    let (number, service, status, kind, xml) = match scope(&headers) {
        Some((key, region, service)) if logging::SERVICES.contains(&service) => {
            let target = uri.path_and_query().map_or("/", |target| target.as_str());
            let action = params.get("Action").map_or("", String::as_str);
            let Some(account) = inner.account(key) else { return StatusCode::FORBIDDEN.into_response() };
            let asking = logging::Asking { account, service, region, target, action, body: &body, now };
            let mut state = inner.state();
            state.requests.push(format!("{service}:{}", asking.operation()));
            let number = state.requests.len();
            let (status, kind, text) = asking.answer();
            (number, service, status, kind, text)
        }
        _ => {
            let (number, service, status, xml) = respond(&inner, &headers, &params, now);
            let kind = if service == ORGANIZATIONS { "application/x-amz-json-1.1" } else { "text/xml" };
            (number, service, status, kind, xml)
        }
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), kind.to_owned()),
        (header::DATE.as_str(), now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        ("x-amzn-requestid", format!("sandbox-{service}-{number}")),
    ];
    (status, headers, xml).into_response()
}

const ORGANIZATIONS: &str = "organizations";

/// A form's fields; of JSON those that are text, with the action that a header names.
fn params(headers: &HeaderMap, body: &[u8]) -> Params {
    let Some(target) = headers.get("x-amz-target").and_then(|target| target.to_str().ok()) else {
        return url::form_urlencoded::parse(body).into_owned().collect();
    };
    let fields: HashMap<String, serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
    let texts = fields.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())));
    let action = target.rsplit('.').next().unwrap_or_default();
    let named = [("Action", action), ("Version", ORGANIZATIONS)].map(|(key, text)| (key.to_owned(), text.to_owned()));
    texts.chain(named).collect()
}

fn respond(
    inner: &Inner,
    headers: &HeaderMap,
    params: &Params,
    now: DateTime<Utc>,
) -> (usize, &'static str, StatusCode, String) {
    let action = params.get("Action").map_or("", String::as_str);
    let (service, namespace) = match params.get("Version").map(String::as_str) {
        Some("2011-06-15") => ("sts", "https://sts.amazonaws.com/doc/2011-06-15/"),
        Some(ORGANIZATIONS) => (ORGANIZATIONS, ""),
        _ => ("iam", "https://iam.amazonaws.com/doc/2010-05-08/"),
    };
    let request = {
        let mut state = inner.state();
        state.requests.push(format!("{service}:{action}"));
        state.requests.len()
    };
    let key = scope(headers).map(|(key, ..)| key);
    let account = key.and_then(|key| inner.account(key));
    let outcome = match (key, account) {
        (Some(key), Some(account)) => Asking { inner, account, key, params, now }.act(service, action),
        (Some(_), None) => Err((
            StatusCode::FORBIDDEN,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.".to_owned(),
        )),
        (None, _) => {
            Err((StatusCode::FORBIDDEN, "MissingAuthenticationToken", "Missing Authentication Token".to_owned()))
        }
    };
    let (status, xml) = match outcome {
        Ok(json) if service == ORGANIZATIONS => (StatusCode::OK, json),
        // Whatever is wrong, this protocol says it with 400.
        Err((_, code, message)) if service == ORGANIZATIONS => {
            let code = if code == "AccessDenied" { "AccessDeniedException" } else { code };
            (StatusCode::BAD_REQUEST, serde_json::json!({ "__type": code, "Message": message }).to_string())
        }
        Ok(result) => (
            StatusCode::OK,
            format!(
                "<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result>\
                 <ResponseMetadata><RequestId>sandbox-{request}</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        Err((status, code, message)) => (
            status,
            format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{}</Message></Error><RequestId>sandbox-{request}</RequestId></ErrorResponse>",
                escaped(&message)
            ),
        ),
    };
    let xml = match account.and_then(|account| account.answer_rewrites.get(action)) {
        Some(rewrite) => rewrite(xml),
        None => xml,
    };
    (request, service, status, xml)
}

/// Access key, region and service in `AWS4-HMAC-SHA256 Credential=AKIA…/20260101/us-east-1/iam/aws4_request, …`.
fn scope(headers: &HeaderMap) -> Option<(&str, &str, &str)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let mut parts = text.split_once("Credential=")?.1.split('/');
    let (key, _day) = (parts.next()?, parts.next()?);
    Some((key, parts.next()?, parts.next()?))
}

/// One request, understood as far as who asks.
struct Asking<'a> {
    inner: &'a Inner,
    account: &'a AwsHistory,
    key: &'a str,
    params: &'a Params,
    now: DateTime<Utc>,
}

impl Asking<'_> {
    fn act(&self, service: &str, action: &str) -> Answer {
        if self.account.refuses(action, self.now) {
            let caller = self.caller();
            let message = format!("User: {caller} is not authorized to perform: {service}:{action} on resource: *");
            return Err((StatusCode::FORBIDDEN, "AccessDenied", message));
        }
        match action {
            "GetCallerIdentity" => Ok(format!(
                "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
                self.caller(),
                self.key,
                self.account.number
            )),
            "AssumeRole" => self.assume_role(),
            "GenerateCredentialReport" => Ok(self.make_report()),
            "GetCredentialReport" => self.report(),
            "GetAccountSummary" => Ok(self.summary()),
            "ListUsers" => self.users(),
            "ListVirtualMFADevices" => self.virtual_devices(),
            "ListMFADevices" => self.devices(),
            "ListSAMLProviders" => Ok(self.saml_providers()),
            "ListOpenIDConnectProviders" => Ok(self.oidc_providers()),
            "GetAccountAuthorizationDetails" => self.authorization_details(),
            "ListAccounts" => self.accounts(),
            _ => Err((StatusCode::BAD_REQUEST, "InvalidAction", format!("Could not find operation {action}"))),
        }
    }

    fn caller(&self) -> String {
        let number = &self.account.number;
        if self.key.starts_with(ASSUMED) {
            format!("arn:aws:sts::{number}:assumed-role/evidenced/evidenced")
        } else {
            format!("arn:aws:iam::{number}:user/evidenced")
        }
    }

    fn assume_role(&self) -> Answer {
        let role = self.params.get("RoleArn").map_or("", String::as_str);
        let number = role.split(':').nth(4).unwrap_or_default();
        if !self.inner.accounts.iter().any(|account| account.number == number) {
            let caller = self.caller();
            let message = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
            return Err((StatusCode::FORBIDDEN, "AccessDenied", message));
        }
        // The SDK holds the expiry against the machine's clock, whatever ours says.
        Ok(format!(
            "<Credentials><AccessKeyId>{ASSUMED}{number}</AccessKeyId><SecretAccessKey>sandbox</SecretAccessKey>\
             <SessionToken>sandbox</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>{ASSUMED}{number}:evidenced</AssumedRoleId>\
             <Arn>arn:aws:sts::{number}:assumed-role/evidenced/evidenced</Arn></AssumedRoleUser>"
        ))
    }

    fn make_report(&self) -> String {
        let mut state = self.inner.state();
        let made = state.reports.get(&self.account.number);
        if made.is_some_and(|made| *made <= self.now && self.now - *made < REPORT_KEPT) {
            return "<State>COMPLETE</State>".to_owned();
        }
        state.reports.insert(self.account.number.clone(), self.now);
        "<State>STARTED</State><Description>No report exists. Starting a new report generation task</Description>"
            .to_owned()
    }

    fn report(&self) -> Answer {
        let Some(made) = self.inner.state().reports.get(&self.account.number).copied() else {
            return Err((StatusCode::GONE, "ReportNotPresent", "Credential report not present".to_owned()));
        };
        let csv = report_csv(self.account, made);
        let csv = match &self.account.report_rewrite {
            Some(rewrite) => rewrite(csv),
            None => csv,
        };
        Ok(format!(
            "<Content>{}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{}</GeneratedTime>",
            BASE64.encode(csv),
            time(made)
        ))
    }

    fn summary(&self) -> String {
        let users = self.account.users_at(self.now);
        let root = self.account.root;
        let with_factor = users.iter().filter(|user| user.mfa.is_some()).count();
        let is_virtual = |user: &&UserState<'_>| user.mfa.is_some() && user.spec.factor == Factor::Virtual;
        let entries = [
            ("Users", users.len()),
            ("MFADevices", users.iter().filter(is_virtual).count()),
            ("MFADevicesInUse", with_factor + usize::from(root.mfa.is_some())),
            ("AccountMFAEnabled", usize::from(root.mfa.is_some())),
            ("AccountAccessKeysPresent", usize::from(root.keys > 0)),
            ("AccountPasswordPresent", usize::from(root.password)),
            ("AccountSigningCertificatesPresent", 0),
            ("Providers", self.account.saml_providers.len() + self.account.oidc_providers.len()),
            ("UsersQuota", 5000),
        ];
        let entry = |(key, value): (&str, usize)| format!("<entry><key>{key}</key><value>{value}</value></entry>");
        format!("<SummaryMap>{}</SummaryMap>", entries.map(entry).concat())
    }

    fn users(&self) -> Answer {
        let users = self.account.users_at(self.now).iter().map(|user| self.member(user)).collect();
        self.page("Users", users)
    }

    fn member(&self, user: &UserState<'_>) -> String {
        format!("<member>{}</member>", self.user(user))
    }

    fn user(&self, user: &UserState<'_>) -> String {
        let UserState { name, spec, .. } = user;
        let number = &self.account.number;
        format!(
            "<Path>{path}</Path><UserName>{name}</UserName><UserId>AIDA{id}</UserId>\
             <Arn>arn:aws:iam::{number}:user{path}{name}</Arn><CreateDate>{created}</CreateDate>",
            path = spec.path,
            name = escaped(name),
            id = name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "0"),
            created = time(spec.created),
        )
    }

    fn virtual_devices(&self) -> Answer {
        let number = &self.account.number;
        let users = self.account.users_at(self.now);
        let users = users.iter().filter(|user| user.spec.factor == Factor::Virtual);
        let mut members: Vec<String> = users
            .filter_map(|user| {
                let since = time(user.mfa?);
                let serial = serial(number, user);
                Some(format!(
                    "<member><SerialNumber>{serial}</SerialNumber><User>{}</User><EnableDate>{since}</EnableDate></member>",
                    self.user(user)
                ))
            })
            .collect();
        if self.account.root.mfa == Some(Factor::Virtual) {
            members.push(format!(
                "<member><SerialNumber>arn:aws:iam::{number}:mfa/root-account-mfa-device</SerialNumber>\
                 <User><UserId>{number}</UserId><Arn>arn:aws:iam::{number}:root</Arn><CreateDate>{0}</CreateDate></User>\
                 <EnableDate>{0}</EnableDate></member>",
                time(UserSpec::default().created)
            ));
        }
        self.page("VirtualMFADevices", members)
    }

    fn devices(&self) -> Answer {
        let name = self.params.get("UserName").map_or("", String::as_str);
        let users = self.account.users_at(self.now);
        let Some(user) = users.iter().find(|user| user.name == name) else {
            let message = format!("The user with name {name} cannot be found.");
            return Err((StatusCode::NOT_FOUND, "NoSuchEntity", message));
        };
        let member = user.mfa.map(|since| {
            format!(
                "<member><UserName>{}</UserName><SerialNumber>{}</SerialNumber><EnableDate>{}</EnableDate></member>",
                escaped(name),
                serial(&self.account.number, user),
                time(since)
            )
        });
        self.page("MFADevices", member.into_iter().collect())
    }

    fn page(&self, element: &str, members: Vec<String>) -> Answer {
        let invalid = |what: &str| (StatusCode::BAD_REQUEST, "ValidationError", format!("{what} is invalid"));
        let number = |name: &str, default: usize| match self.params.get(name) {
            Some(text) => text.trim_start_matches("after-").parse().map_err(|_| invalid(name)),
            None => Ok(default),
        };
        let size = number("MaxItems", 100)?.min(self.account.page_size);
        let start: usize = number("Marker", 0)?;
        if start > members.len() || size == 0 {
            return Err(invalid("Marker"));
        }
        let end = (start + size).min(members.len());
        let mut xml = format!("<{element}>{}</{element}>", members[start..end].concat());
        if end < members.len() {
            // Writing to a string does not fail.
            let _ = write!(xml, "<IsTruncated>true</IsTruncated><Marker>after-{end}</Marker>");
        } else {
            xml.push_str("<IsTruncated>false</IsTruncated>");
        }
        Ok(xml)
    }
}

fn serial(account: &str, user: &UserState<'_>) -> String {
    let name = escaped(user.name);
    match user.spec.factor {
        Factor::Virtual => format!("arn:aws:iam::{account}:mfa/{name}"),
        Factor::Passkey => format!("arn:aws:iam::{account}:u2f/user/{name}/passkey"),
        Factor::Hardware => {
            format!("GAHT{:08}", user.name.bytes().fold(0_u32, |sum, b| (sum * 31 + u32::from(b)) % 99_999_989))
        }
    }
}

const REPORT_HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// The report as it was made then.
fn report_csv(account: &AwsHistory, made: DateTime<Utc>) -> String {
    let number = &account.number;
    let row = |name: &str, arn: &str, created: DateTime<Utc>, console: bool, mfa: bool, keys: u32| {
        let created = created.format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        let (used, changed) = if console { ("no_information", created.as_str()) } else { ("N/A", "N/A") };
        let key = |active: bool| format!("{active},{},N/A,N/A,N/A", if active { &created } else { "N/A" });
        // AWS allows a comma in a name; nothing else that CSV would trip over.
        let quoted = |text: &str| if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() };
        format!(
            "{},{},{created},{console},{used},{changed},N/A,{mfa},{},{},false,N/A,false,N/A",
            quoted(name),
            quoted(arn),
            key(keys > 0),
            key(keys > 1),
        )
    };
    let root = account.root;
    let since = UserSpec::default().created;
    let root_arn = format!("arn:aws:iam::{number}:root");
    let mut rows = vec![
        REPORT_HEADER.to_owned(),
        row("<root_account>", &root_arn, since, root.password, root.mfa.is_some(), root.keys),
    ];
    for UserState { name, spec, mfa } in account.users_at(made) {
        if !account.dropped_rows.contains(name) {
            let arn = format!("arn:aws:iam::{number}:user{}{name}", spec.path);
            rows.push(row(name, &arn, spec.created, spec.console, mfa.is_some(), spec.keys));
        }
    }
    rows.join("\n")
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
