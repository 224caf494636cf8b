//! The plug for octocrab.

use super::converse::Plug;
use super::live::{Answer, Live};
use super::{Door, Failure, Side, Source, error_for};
use crate::contract::{CollectError, SecretRef};
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use octocrab::auth::EncodingKey;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, OctoBody, OctocrabBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use url::Url;

/// How to sign in to GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GithubCredentials {
    /// A personal or fine-grained access token.
    Token(SecretRef),
    /// A GitHub App installation.
    App {
        /// The App's id.
        app_id: u64,
        /// The installation's id.
        installation_id: u64,
        /// The App's private key, PEM.
        private_key: SecretRef,
    },
}

/// An App's installation, and its newest token.
pub(super) struct App {
    id: u64,
    key: EncodingKey,
    tokens_url: Url,
    token: tokio::sync::Mutex<Option<Token>>,
}

struct Token {
    authorization: HeaderValue,
    expires_at: DateTime<Utc>,
}

/// The part of GitHub's answer that we need. Not printable.
#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: DateTime<Utc>,
    #[serde(default)]
    permissions: Option<BTreeMap<String, String>>,
}

/// What a record calls them.
const CREDENTIALS: &str = "GitHub credentials";

impl App {
    fn new(id: u64, key: EncodingKey, base: &Url, installation: u64) -> Self {
        let mut tokens_url = base.clone();
        let path = base.path().trim_end_matches('/');
        tokens_url.set_path(&format!("{path}/app/installations/{installation}/access_tokens"));
        Self { id, key, tokens_url, token: tokio::sync::Mutex::default() }
    }
}

impl Door {
    pub(super) fn octocrab(
        &self,
        source: &Source,
        base: &Url,
        credentials: &GithubCredentials,
    ) -> Result<octocrab::Octocrab, CollectError> {
        let base_uri: http::Uri = base
            .as_str()
            .parse()
            .map_err(|e| CollectError::Malformed { what: format!("address {base}"), why: format!("{e}") })?;
        let (door, source, plug) =
            (self.clone(), source.clone(), Arc::new(self.github_plug(&source.name, base, credentials)?));
        // octocrab adds no credentials, cache, retries or redirects of its own: what it asks is the same on
        // replay, where there are no credentials.
        let service = tower::service_fn(move |request: Request<OctoBody>| {
            let (door, source, plug) = (door.clone(), source.clone(), plug.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let response = door.converse(&source, Request::from_parts(parts, body), &plug).await?;
                Ok::<Response<Full<Bytes>>, tower::BoxError>(response.map(Full::new))
            }
        });
        let builder = OctocrabBuilder::new_empty()
            .with_service(service)
            .with_layer(&BaseUriLayer::new(base_uri))
            .with_auth(AuthState::None);
        Ok(builder.build().unwrap_or_else(|never| match never {}))
    }

    fn github_plug(&self, source: &str, base: &Url, credentials: &GithubCredentials) -> Result<Plug, CollectError> {
        let (secret, app) = match credentials {
            GithubCredentials::Token(secret) => (secret, None),
            GithubCredentials::App { app_id, installation_id, private_key } => {
                (private_key, Some((*app_id, *installation_id)))
            }
        };
        let value = self.secret(secret)?;
        let plug = match (&self.0.side, app) {
            (Side::Replay(_), _) => self.replayed_sign_in(source, CREDENTIALS).map(|()| Plug::Plain),
            (Side::Live(_), None) => bearer(value.expose_secret())
                .map(Plug::Token)
                .ok_or("the token holds a line break; hint: only the token belongs there".to_owned()),
            (Side::Live(_), Some((id, installation))) => EncodingKey::from_rsa_pem(value.expose_secret().as_bytes())
                .map(|key| Plug::App(Box::new(App::new(id, key, base, installation))))
                .map_err(|_| {
                    "the App's private key is not an RSA key in PEM; hint: use GitHub's file as it is".to_owned()
                }),
        };
        plug.map_err(|why| self.not_signed_in(source, CREDENTIALS, why))
    }

    /// The installation's token, a new one if the last is near its end. Not recorded; a failure is the
    /// failure of the request that needed it.
    pub(super) async fn installation_token(
        &self,
        live: &Live,
        source: &Source,
        app: &App,
    ) -> Result<HeaderValue, Failure> {
        let mut token = app.token.lock().await;
        if let Some(token) = token.as_ref().filter(|t| t.expires_at - live.clock.now() > Duration::minutes(5)) {
            return Ok(token.authorization.clone());
        }
        let minted = self.mint(live, source, app).await?;
        self.0.secrets.add(&SecretString::from(minted.token.as_str())).map_err(Failure::Unauthenticated)?;
        let authorization = bearer(&minted.token)
            .ok_or_else(|| Failure::Unauthenticated("the installation token holds a line break".to_owned()))?;
        *self.0.granted.lock().unwrap_or_else(PoisonError::into_inner) = minted.permissions;
        *token = Some(Token { authorization: authorization.clone(), expires_at: minted.expires_at });
        Ok(authorization)
    }

    async fn mint(&self, live: &Live, source: &Source, app: &App) -> Result<Minted, Failure> {
        if let Some(why) = source.hosts.refuse(&app.tokens_url) {
            return Err(Failure::Refused(why));
        }
        let jwt = octocrab::auth::create_jwt(app.id.into(), &app.key)
            .ok()
            .and_then(|jwt| bearer(&jwt))
            .ok_or_else(|| Failure::Unauthenticated("the App's private key does not sign".to_owned()))?;
        let request = Request::post(app.tokens_url.as_str())
            .header(header::AUTHORIZATION, jwt)
            .header(header::ACCEPT, "application/vnd.github+json")
            .body(Bytes::new())
            .map_err(|e| Failure::Refused(e.to_string()))?;
        let Answer { status, body, .. } = live.fetch(&app.tokens_url, &request, self.deadline()).await?;
        if !status.is_success() {
            let why = error_for("installation token", status.as_u16(), &body, None);
            return Err(match &why {
                CollectError::Unavailable { .. } => Failure::Connection(why.to_string()),
                _ => Failure::Unauthenticated(why.to_string()),
            });
        }
        // The parser's error could quote the token.
        serde_json::from_slice(&body)
            .map_err(|_| Failure::Unauthenticated("installation token: answer not understood".to_owned()))
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
