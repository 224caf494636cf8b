//! One file per way to tell people. Here: what they share. Each puts the words of `page` into the form of its
//! service, escaped for it and within its limits, and takes as delivered only what the service says is its own.
//!
//! Slack, Teams, mail and standard output take several alerts as one message; the others take one by one. A
//! refusal says how many were taken before it. An answer that is lost looks like a refusal: the next try sends
//! again, with the same key, by which PagerDuty, GitHub issues and receivers of webhooks know it.

mod email;
mod github_issue;
mod pagerduty;
mod slack;
mod stdout;
mod teams;
mod webhook;

use super::message::{Letter, Message};
use super::page::Page;
use super::{Refusal, fit};
use crate::config::ChannelConfig;
use crate::outside::{Address, Outside, Request};
use chrono::{DateTime, Utc};
use evidenced_collectors::contract::SecretRef;
use evidenced_collectors::door::read_secret;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest answer of a service that has nothing to tell, bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 64 << 10;

/// One channel.
pub struct Channel {
    config: ChannelConfig,
    base: PathBuf,
    outside: Arc<Outside>,
}

impl Channel {
    /// `base` is the directory that paths of the configuration are relative to.
    pub fn of(config: &ChannelConfig, base: &Path, outside: &Arc<Outside>) -> Self {
        Self { config: config.clone(), base: base.to_owned(), outside: outside.clone() }
    }

    /// Sends a letter; done when the service says that it has all of it.
    ///
    /// Secrets are read anew each time, so one that was changed is used without a restart.
    pub async fn send(&self, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal> {
        let outside = &self.outside;
        // Boxed: some of the futures are large, and most channels are one of the others.
        match &self.config {
            ChannelConfig::Slack(config) => slack::send(config, outside, letter, now).await,
            ChannelConfig::Teams(config) => teams::send(config, outside, letter, now).await,
            ChannelConfig::Webhook(config) => webhook::send(config, outside, letter, now).await,
            ChannelConfig::Email(config) => Box::pin(email::send(config, &self.base, letter, now)).await,
            ChannelConfig::Pagerduty(config) => pagerduty::send(config, outside, letter, now).await,
            ChannelConfig::GithubIssue(config) => github_issue::send(config, outside, letter, now).await,
            ChannelConfig::Stdout(config) => stdout::send(config, letter).await,
        }
    }
}

fn pages(letter: &Letter) -> Vec<Page> {
    letter.alerts.iter().map(|(record, message)| Page::of(*record, message)).collect()
}

/// Sends the letter in as few messages as hold it, one after another.
async fn together<T>(
    letter: &Letter,
    make: impl Fn(&[Page]) -> T,
    fits: impl Fn(&T) -> bool,
    send: impl AsyncFn(T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut taken = 0;
    for (count, made) in fit::fit(&pages(letter), &make, &fits) {
        send(made).await.map_err(|refusal| refusal.after(taken))?;
        taken += count;
    }
    Ok(())
}

/// Sends the letter's alerts one by one, oldest first.
async fn one_by_one(letter: &Letter, send: impl AsyncFn(u64, &Message) -> Result<(), Refusal>) -> Result<(), Refusal> {
    for (taken, (record, message)) in letter.alerts.iter().enumerate() {
        send(*record, message).await.map_err(|refusal| refusal.after(taken))?;
    }
    Ok(())
}

/// An address that is a secret.
pub(super) fn secret_address(url: &SecretRef, private_host: Option<&str>) -> Result<Address, Refusal> {
    let text = secret("its address", url)?;
    Address::outside(text.expose_secret(), private_host).map_err(|why| Refusal::ours("its address", why))
}

/// A secret, or why it cannot be had.
fn secret(what: &str, from: &SecretRef) -> Result<SecretString, Refusal> {
    read_secret(from).map_err(|why| Refusal::ours(&format!("{what} ({from})"), why))
}

/// Posts JSON; done when `taken` knows the answer for the service's own.
async fn post(
    outside: &Outside,
    address: &Address,
    request: Request,
    now: DateTime<Utc>,
    taken: impl Fn(u16, &[u8]) -> bool,
) -> Result<(), Refusal> {
    let answer = outside.ask(address, request, ANSWER_BYTES_MAX).await?;
    if taken(answer.status, &answer.body) { Ok(()) } else { Err(Refusal::answered(&answer, now)) }
}
