//! Removal of secrets from what is kept and what collectors see.

use base64::Engine;
use bytes::Bytes;
use regex::bytes::Regex;
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Mutex, PoisonError};

/// One secret that a source's answers carry.
#[derive(Debug, Clone)]
pub struct Strike {
    /// Its name in the record.
    pub rule: &'static str,
    /// Finds it; the first group is replaced, the whole match if there is none.
    pub pattern: Regex,
}

/// The rule's name for our own secrets.
const SECRET: &str = "secret";
/// Shorter ones would strike out evidence by accident.
const SECRET_BYTES_MIN: usize = 6;

/// Every secret handed out so far, in all spellings, as one pattern.
#[derive(Default)]
pub(super) struct Secrets(Mutex<Known>);

#[derive(Default)]
struct Known {
    spellings: Vec<String>,
    pattern: Option<Regex>,
}

impl Secrets {
    /// From now on this one is struck out. Says why it cannot be, without saying it.
    pub(super) fn add(&self, secret: &SecretString) -> Result<(), String> {
        let secret = secret.expose_secret();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(format!(
                "shorter than {SECRET_BYTES_MIN} bytes: striking it out would strike out evidence; hint: is the secret complete?"
            ));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.spellings.extend(spellings(secret));
        // Longest first: a spelling that begins another must not win over it.
        known.spellings.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        known.spellings.dedup();
        let any = known.spellings.iter().map(|s| regex::escape(s)).collect::<Vec<_>>().join("|");
        let pattern = Regex::new(&any).map_err(|_| "too many secrets in one run to strike them out".to_owned())?;
        known.pattern = Some(pattern);
        Ok(())
    }

    /// Strikes secrets out of a text.
    pub(super) fn strike_text(&self, text: &str) -> String {
        match self.pattern() {
            None => text.to_owned(),
            Some(pattern) => {
                String::from_utf8_lossy(&pattern.replace_all(text.as_bytes(), mark(SECRET).as_bytes())).into_owned()
            }
        }
    }

    /// Strikes the source's rules and our secrets out of a body; the counts by rule, without zeros.
    pub(super) fn strike_body(&self, body: Bytes, rules: &[Strike]) -> (Bytes, Vec<(String, u32)>) {
        let own = self.pattern();
        let all = rules.iter().map(|s| (s.rule, &s.pattern)).chain(own.iter().map(|pattern| (SECRET, pattern)));
        let mut body = body;
        let mut struck = Vec::new();
        for (rule, pattern) in all {
            let (kept, count) = replace(&body, pattern, &mark(rule));
            if count > 0 {
                body = kept;
                struck.push((rule.to_owned(), count));
            }
        }
        (body, struck)
    }

    fn pattern(&self) -> Option<Regex> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pattern.clone()
    }
}

fn mark(rule: &str) -> String {
    format!("[struck out: {rule}]")
}

/// How a secret may appear in an address, a form, JSON or base64.
fn spellings(secret: &str) -> Vec<String> {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let percent = form.replace('+', "%20");
    let json = serde_json::Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        lower_escapes(&percent),
        percent,
        form,
        json.trim_matches('"').to_owned(),
        base64::engine::general_purpose::STANDARD.encode(secret),
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret),
    ]
}

/// `%2F` as `%2f`.
fn lower_escapes(percent: &str) -> String {
    let mut left = 0_u8;
    percent
        .chars()
        .map(|c| {
            left = if c == '%' { 3 } else { u8::saturating_sub(left, 1) };
            if left > 0 { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}

fn replace(body: &Bytes, pattern: &Regex, mark: &str) -> (Bytes, u32) {
    let (mut kept, mut from, mut count) = (Vec::new(), 0, 0);
    for found in pattern.captures_iter(body) {
        let Some(secret) = found.get(1).or_else(|| found.get(0)).filter(|secret| !secret.is_empty()) else { continue };
        kept.extend_from_slice(&body[from..secret.start()]);
        kept.extend_from_slice(mark.as_bytes());
        from = secret.end();
        count += 1;
    }
    if count == 0 {
        return (body.clone(), 0);
    }
    kept.extend_from_slice(&body[from..]);
    (Bytes::from(kept), count)
}
