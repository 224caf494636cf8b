//! A webhook of one's own, one alert a request, after Standard Webhooks 1.0: `webhook-id` is the alert's key,
//! `webhook-signature` an HMAC-SHA256 over `id.timestamp.body` by each key. Any 2xx says that it was taken.
//!
//! The body: `type` (`alert.drifted` and so on), `timestamp` (since when it is so), `data` (the alert as in
//! `alert.json`, with `record` and, if it comes late, `delayed`).

use super::{one_by_one, post, secret, secret_address};
use crate::config::Webhook;
use crate::notify::Refusal;
use crate::notify::message::{Letter, Message};
use crate::outside::{Outside, Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

/// Lengths of a key that the standard allows, bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

pub(super) async fn send(
    config: &Webhook,
    outside: &Outside,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let address = secret_address(&config.url, config.private_host.as_deref())?;
    let secret = secret("its key", &config.secret)?;
    let keys = keys(&secret).map_err(|why| Refusal::ours("its key", why))?;
    one_by_one(letter, async |record, message| {
        let body = body(record, message, letter.delayed.as_deref()).to_string();
        let request = signed(&message.key, body, &keys, now).map_err(|why| Refusal::ours("its signature", why))?;
        post(outside, &address, request, now, |status, _| (200..300).contains(&status)).await
    })
    .await
}

fn body(record: u64, message: &Message, delayed: Option<&str>) -> Value {
    let mut data = json!(message);
    data["record"] = json!(record);
    if let Some(delayed) = delayed {
        data["delayed"] = json!(delayed);
    }
    let event = data["event"].as_str().unwrap_or_default();
    let timestamp = message.since.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    json!({ "type": format!("alert.{event}"), "timestamp": timestamp, "data": data })
}

/// The keys that the secret holds, one after another.
fn keys(secret: &SecretString) -> Result<Vec<Vec<u8>>, &'static str> {
    let key = |text: &str| {
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok();
        bytes.filter(|bytes| KEY_BYTES.contains(&bytes.len()))
    };
    let keys: Option<Vec<Vec<u8>>> = secret.expose_secret().split_whitespace().map(key).collect();
    let form = "it must be `whsec_` and 24 to 64 bytes in base64: printf whsec_; openssl rand -base64 32";
    keys.filter(|keys| !keys.is_empty()).ok_or(form)
}

fn signed(id: &str, body: String, keys: &[Vec<u8>], now: DateTime<Utc>) -> Result<Request, &'static str> {
    let timestamp = now.timestamp().to_string();
    let mut signatures = Vec::new();
    for key in keys {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| "the key cannot sign")?;
        for part in [id, ".", &timestamp, ".", &body] {
            mac.update(part.as_bytes());
        }
        signatures.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    }
    let mut request = Request::send(Method::POST, "application/json", body.into_bytes());
    let headers = [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signatures.join(" "))];
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).map_err(|_| "the alert's key is no value of a header")?;
        request = request.with(HeaderName::from_static(name), value);
    }
    Ok(request)
}
