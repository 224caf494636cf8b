//! The plug for the AWS SDK.
//!
//! What the SDK asks for a collector is recorded and repeated by the door; so is what a kind asks of a service whose
//! interface is too small for a crate of its own (`signed`). What mints credentials (roles,
//! container, instance, web identity) goes out unrecorded, and its results are struck out of records.

use super::converse::Plug;
use super::live::causes;
use super::{Door, Failure, Hosts, Side, Source};
use crate::contract::{CollectError, SecretRef};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How to reach one AWS account. Empty: the SDK's usual chain (environment, container, instance).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AwsAccount {
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// External id for the role.
    pub external_id: Option<String>,
    /// Region for signing; IAM is global, `us-east-1` if absent.
    pub region: Option<String>,
    /// Another endpoint than AWS's own; the SDK's variables (`AWS_ENDPOINT_URL`) count as well.
    pub endpoint_url: Option<String>,
    /// A long-lived access key, where there is no profile, container or instance to ask.
    pub access_key: Option<AccessKey>,
}

/// An access key of an IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// Where its secret is.
    pub secret: SecretRef,
}

/// One request to a service of AWS, without credentials.
#[derive(Debug, Clone)]
pub struct AwsRequest<'a> {
    /// The service's name in addresses and signatures: `cloudtrail`.
    pub service: &'a str,
    /// The region that is asked.
    pub region: &'a str,
    /// `GET`, `POST`.
    pub method: http::Method,
    /// Path and query, with a slash at the beginning.
    pub path: String,
    /// Headers that change the answer.
    pub headers: Vec<(&'static str, String)>,
    /// Empty where the method has none.
    pub body: Bytes,
}

/// What a record calls them.
const CREDENTIALS: &str = "AWS credentials";

impl Door {
    pub(super) async fn sdk(&self, source: &Source, account: &AwsAccount) -> Result<SdkConfig, CollectError> {
        let region = Region::new(account.region.clone().unwrap_or_else(|| "us-east-1".to_owned()));
        let key = account.access_key.as_ref().map(|key| self.access_key(key)).transpose()?;
        let config = match &self.0.side {
            Side::Live(_) => self.live_sdk(source, account, region, key).await?,
            Side::Replay(_) => {
                self.replayed_sign_in(&source.name, CREDENTIALS)
                    .map_err(|why| self.not_signed_in(&source.name, CREDENTIALS, why))?;
                let nobody = Credentials::new("replay", "replay", None, None, "replay");
                let mut builder = SdkConfig::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(region)
                    .credentials_provider(SharedCredentialsProvider::new(nobody));
                builder.set_endpoint_url(account.endpoint_url.clone());
                builder.build()
            }
        };
        let mut source = source.clone();
        if let Some(endpoint) = config.endpoint_url() {
            source.hosts = Hosts::Origin(endpoint_url(endpoint, account)?);
        }
        // The door repeats and times requests, so that a replay does as the run did.
        Ok(config
            .into_builder()
            .http_client(recorded_client(self.clone(), source))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build())
    }

    pub(super) async fn signed_request(
        &self,
        source: &Source,
        config: &SdkConfig,
        asked: AwsRequest<'_>,
    ) -> Result<http::Response<Bytes>, Failure> {
        let mut source = source.clone();
        let refused = |why: String| Failure::Refused(why);
        let base = match config.endpoint_url() {
            Some(endpoint) => {
                source.hosts = Hosts::Origin(Url::parse(endpoint).map_err(|e| refused(e.to_string()))?);
                endpoint.trim_end_matches('/').to_owned()
            }
            None => {
                let domain = if asked.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{}.{}.{domain}", asked.service, asked.region)
            }
        };
        let mut request = http::Request::builder().method(asked.method).uri(format!("{base}{}", asked.path));
        for (name, value) in asked.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(asked.body).map_err(|e| refused(e.to_string()))?;
        if let Side::Live(live) = &self.0.side {
            let now = live.clock.now().into();
            sign_with(config, (asked.service, asked.region), now, &mut request).await?;
        }
        self.converse(&source, request, &Plug::Aws).await
    }

    async fn live_sdk(
        &self,
        source: &Source,
        account: &AwsAccount,
        region: Region,
        key: Option<Credentials>,
    ) -> Result<SdkConfig, CollectError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .http_client(unrecorded_client(self.clone()))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(profile) = &account.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(key) = key {
            loader = loader.credentials_provider(key);
        }
        if let Some(endpoint) = &account.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        let config = loader.load().await;
        let no_chain = || self.not_signed_in(&source.name, CREDENTIALS, "no provider".to_owned());
        let mut credentials = config.credentials_provider().ok_or_else(no_chain)?;
        if let Some(role) = &account.role_arn {
            credentials = SharedCredentialsProvider::new(self.role(&config, credentials, role, account).await);
        }
        let mut credentials = Known { door: self.clone(), inner: credentials, first: Mutex::default() };
        // Asked here once, so that credentials that cannot be had are a failure by that name.
        match credentials.known().await {
            Ok(first) => credentials.first = Mutex::new(Some(first)),
            Err(error) => {
                let why = format!("{}; hint: set the profile, the role or AWS's variables", causes(&error));
                return Err(self.not_signed_in(&source.name, CREDENTIALS, why));
            }
        }
        Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build())
    }

    fn access_key(&self, key: &AccessKey) -> Result<Credentials, CollectError> {
        let secret = self.secret(&key.secret)?;
        Ok(Credentials::new(&key.id, secret.expose_secret(), None, None, "configured"))
    }

    async fn role(
        &self,
        config: &SdkConfig,
        base: SharedCredentialsProvider,
        role: &str,
        account: &AwsAccount,
    ) -> aws_config::sts::AssumeRoleProvider {
        let base = Known { door: self.clone(), inner: base, first: Mutex::default() };
        let mut builder =
            aws_config::sts::AssumeRoleProvider::builder(role).session_name("evidenced").configure(config);
        if let Some(id) = &account.external_id {
            builder = builder.external_id(id);
        }
        builder.build_from_provider(base).await
    }
}

/// Adds the signature (version 4) and the headers that it needs.
async fn sign_with(
    config: &SdkConfig,
    (service, region): (&str, &str),
    now: std::time::SystemTime,
    request: &mut http::Request<Bytes>,
) -> Result<(), Failure> {
    let unsigned = |why: String| Failure::Unauthenticated(why);
    let provider = config.credentials_provider().ok_or_else(|| unsigned("no provider".to_owned()))?;
    let credentials = provider.provide_credentials().await.map_err(|error| unsigned(causes(&error)))?;
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    // S3 asks for it, and the others take it.
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder().identity(&identity).region(region).name(service).time(now);
    let params = params.settings(settings).build().map_err(|error| unsigned(error.to_string()))?.into();
    let uri = request.uri().to_string();
    let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = request.body().clone();
    let signable = SignableRequest::new(request.method().as_str(), &uri, headers, SignableBody::Bytes(&body));
    let signed = signable.and_then(|signable| sign(signable, &params)).map_err(|error| unsigned(causes(&error)))?;
    signed.into_parts().0.apply_to_request_http1x(request);
    Ok(())
}

/// The endpoint as an address. One from the environment must be a bare origin: a replay, which does not
/// know it, compares paths.
fn endpoint_url(endpoint: &str, account: &AwsAccount) -> Result<Url, CollectError> {
    let malformed = |why: String| CollectError::Malformed { what: format!("AWS endpoint {endpoint}"), why };
    let url = Url::parse(endpoint).map_err(|e| malformed(e.to_string()))?;
    if account.endpoint_url.is_none() && url.path() != "/" {
        return Err(malformed("it comes from the environment and has a path; hint: set endpoint_url".to_owned()));
    }
    Ok(url)
}

/// Credentials whose secret parts are struck out from the moment that they are handed out.
struct Known {
    door: Door,
    inner: SharedCredentialsProvider,
    /// Got already, for the first who asks.
    first: Mutex<Option<Credentials>>,
}

impl Known {
    async fn known(&self) -> provider::Result {
        if let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(first);
        }
        let credentials = self.inner.provide_credentials().await?;
        let secrets = [Some(credentials.secret_access_key()), credentials.session_token()];
        for secret in secrets.into_iter().flatten() {
            self.door
                .0
                .secrets
                .add(&SecretString::from(secret))
                .map_err(provider::error::CredentialsError::invalid_configuration)?;
        }
        Ok(credentials)
    }
}

impl ProvideCredentials for Known {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.known())
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AWS credentials of the door")
    }
}

/// The way of a collector's requests.
#[derive(Clone)]
struct Recorded {
    door: Door,
    source: Source,
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let response = this.door.converse(&this.source, outgoing(request)?, &Plug::Aws).await.map_err(failed)?;
            incoming(response)
        })
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the door")
    }
}

/// The way of what mints credentials: to wherever the service's own settings point (a metadata service,
/// STS), which no answer of a source can change.
#[derive(Clone)]
struct Unrecorded {
    door: Door,
    deadline: Duration,
}

impl Unrecorded {
    async fn fetch(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        let Side::Live(live) = &self.door.0.side else {
            return Err(Failure::Refused("a replay mints no credentials".to_owned()));
        };
        let url = Url::parse(&request.uri().to_string()).map_err(|e| Failure::Refused(e.to_string()))?;
        let answer = live.fetch(&url, &request, self.deadline).await?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl HttpConnector for Unrecorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { incoming(this.fetch(outgoing(request)?).await.map_err(failed)?) })
    }
}

impl fmt::Debug for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the door's unrecorded side")
    }
}

fn recorded_client(door: Door, source: Source) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Recorded { door, source });
    http_client_fn(move |_, _| connector.clone())
}

fn unrecorded_client(door: Door) -> SharedHttpClient {
    http_client_fn(move |settings, _| {
        // Metadata services are asked for a second or two, since most machines have none.
        let deadline = match (settings.connect_timeout(), settings.read_timeout()) {
            (Some(connect), Some(read)) => connect + read,
            _ => door.deadline(),
        };
        SharedHttpConnector::new(Unrecorded { door: door.clone(), deadline })
    })
}

fn outgoing(request: HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
    let (parts, body) = request.into_parts();
    let bytes = body.bytes().ok_or_else(|| ConnectorError::user("a streaming body cannot be recorded".into()))?;
    Ok(http::Request::from_parts(parts, Bytes::copy_from_slice(bytes)))
}

fn incoming(response: http::Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(response.map(SdkBody::from)).map_err(|e| ConnectorError::other(e.into(), None))
}

fn failed(failure: Failure) -> ConnectorError {
    match failure {
        Failure::TimedOut(_) => ConnectorError::timeout(failure.into()),
        Failure::Connection(_) | Failure::CutShort(_) => ConnectorError::io(failure.into()),
        _ => ConnectorError::other(failure.into(), None),
    }
}
