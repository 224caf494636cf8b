//! Removal of secrets from what is kept and what collectors see.

use super::spellings::spellings;
use bytes::Bytes;
use regex::bytes::Regex;
use secrecy::{ExposeSecret, SecretString};
use std::cmp::Reverse;
use std::sync::{Arc, Mutex, PoisonError};

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

/// Every secret handed out so far, the longest first: one that begins another must not win over it.
#[derive(Default)]
pub(super) struct Secrets(Mutex<Vec<Known>>);

struct Known {
    secret: SecretString,
    spellings: Arc<Regex>,
}

impl Secrets {
    /// From now on this one is struck out, however it is spelled. Says why it cannot be, without saying it.
    pub(super) fn add(&self, secret: &SecretString) -> Result<(), String> {
        let text = secret.expose_secret();
        if text.len() < SECRET_BYTES_MIN {
            return Err(format!(
                "shorter than {SECRET_BYTES_MIN} bytes: striking it out would strike out evidence; hint: is the secret complete?"
            ));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|known| known.secret.expose_secret() == text) {
            return Ok(());
        }
        let spellings = spellings(text)
            .map_err(|_| "too long to be struck out of what is recorded; hint: is it the right secret?".to_owned())?;
        known.push(Known { secret: secret.clone(), spellings: Arc::new(spellings) });
        known.sort_by_key(|known| Reverse(known.secret.expose_secret().len()));
        Ok(())
    }

    /// Strikes secrets out of a text.
    pub(super) fn strike_text(&self, text: &str) -> String {
        let (text, _) = self.strike_body(Bytes::copy_from_slice(text.as_bytes()), &[]);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Strikes the source's rules and our secrets out of a body; the counts by rule, without zeros.
    pub(super) fn strike_body(&self, body: Bytes, rules: &[Strike]) -> (Bytes, Vec<(String, u32)>) {
        let own = self.spellings();
        let all = rules.iter().map(|s| (s.rule, &s.pattern)).chain(own.iter().map(|pattern| (SECRET, &**pattern)));
        let mut body = body;
        let mut struck: Vec<(String, u32)> = Vec::new();
        for (rule, pattern) in all {
            let (kept, count) = replace(&body, pattern, &mark(rule));
            if count == 0 {
                continue;
            }
            body = kept;
            match struck.last_mut() {
                Some((last, so_far)) if last == rule => *so_far += count,
                _ => struck.push((rule.to_owned(), count)),
            }
        }
        (body, struck)
    }

    fn spellings(&self) -> Vec<Arc<Regex>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|known| known.spellings.clone()).collect()
    }
}

fn mark(rule: &str) -> String {
    format!("[struck out: {rule}]")
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
