//! PagerDuty's Events API v2, one event an alert: `trigger`, and `resolve` for what ends it. The key of what is ended
//! some time is the subject's, so an incident gathers what happens to one subject. Whatever nothing ends is an incident
//! of its own: into one that nobody resolves a later drift would go without a call. A repeated try adds nothing.

use super::{one_by_one, post, secret};
use crate::config::{Pagerduty, Severity};
use crate::notify::Refusal;
use crate::notify::message::{Letter, Message};
use crate::notify::page::{Page, alone, shown, thread};
use crate::outside::{Address, Outside, Request};
use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Longest summary, characters. Documented.
const SUMMARY_CHARS: usize = 1_024;

pub(super) async fn send(
    config: &Pagerduty,
    outside: &Outside,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let address = Address::outside(&config.url, config.private_host.as_deref());
    let address = address.map_err(|why| Refusal::ours("its address", why))?;
    let key = secret("its routing key", &config.routing_key)?;
    for (before, record, message) in one_by_one(letter) {
        let mut event = event(record, message, letter.delayed.as_deref());
        event["routing_key"] = json!(key.expose_secret());
        let taken = |status, body: &[u8]| status == 202 && says_success(body);
        let sent = post(outside, &address, Request::json(&event).hiding(&key), now, taken).await;
        sent.map_err(|refusal| refusal.after(before))?;
    }
    Ok(())
}

fn says_success(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|answer| answer["status"] == "success")
}

/// Without the routing key. Far below the 512 KB that an event may have: a page is bounded.
fn event(record: u64, message: &Message, delayed: Option<&str>) -> Value {
    let page = Page::of(record, message);
    let items: Vec<Value> =
        page.items.iter().map(|item| json!({ "item": item.name, "what": item.what, "reason": item.reason })).collect();
    let mut details = json!({ "items": items, "what_to_do": page.next });
    for (name, fact) in &page.facts {
        details[name.to_lowercase()] = json!(fact);
    }
    if let Some(others) = page.others() {
        details["more_items"] = json!(others);
    }
    if let Some(delayed) = delayed {
        details["delayed"] = json!(shown(delayed, 200));
    }
    let action = if message.ends() { "resolve" } else { "trigger" };
    json!({
        "event_action": action,
        "dedup_key": if message.has_end() { thread(message) } else { alone(message) },
        "client": "evidenced",
        "payload": {
            "summary": shown(&format!("{}: {}", page.title, page.headline), SUMMARY_CHARS - 32),
            "source": shown(&message.organization, 200),
            "severity": severity(message.severity),
            "timestamp": message.since.to_rfc3339_opts(SecondsFormat::Millis, true),
            "component": shown(&message.subject.name(), 200),
            "class": json!(message.event),
            "custom_details": details,
        },
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "info",
    }
}
