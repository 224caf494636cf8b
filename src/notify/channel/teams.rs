//! A webhook of a workflow of Microsoft Teams: a message with an Adaptive Card, as the workflow "when a Teams
//! webhook request is received" takes it. It answers 202 before the workflow has run, so what fails there (a
//! workflow whose owner has left) is not seen here.
//!
//! All text is in text runs, in which Teams knows no markup.

use super::{post, secret_address, together};
use crate::config::Teams;
use crate::notify::Refusal;
use crate::notify::message::Letter;
use crate::notify::page::{Page, several};
use crate::notify::plain::late;
use crate::outside::{Outside, Request};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Largest message. Documented are 28 KB.
const MESSAGE_BYTES: usize = 27_000;

pub(super) async fn send(
    config: &Teams,
    outside: &Outside,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let address = secret_address(&config.url, config.private_host.as_deref())?;
    let make = |pages: &[Page]| message(pages, letter.delayed.as_deref());
    let fits = |message: &Value| message.to_string().len() <= MESSAGE_BYTES;
    let taken = |status, _: &[u8]| matches!(status, 200 | 202);
    together(letter, make, fits, async |message: Value| {
        post(outside, &address, Request::json(&message), now, taken).await
    })
    .await
}

fn message(pages: &[Page], delayed: Option<&str>) -> Value {
    let mut body: Vec<Value> = delayed.map(|why| text(&[(false, late(why))], false)).into_iter().collect();
    for page in pages {
        let first = body.is_empty();
        body.extend(card(page, !first));
    }
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "fallbackText": literal(&several(pages)),
        "msteams": { "width": "Full" },
        "body": body,
    });
    json!({
        "type": "message",
        "attachments": [
            { "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card }
        ],
    })
}

fn card(page: &Page, apart: bool) -> Vec<Value> {
    let mut body = vec![text(&[(true, page.title.clone())], apart), text(&[(false, page.headline.clone())], false)];
    let fact = |(name, fact): &(&str, String)| text(&[(true, format!("{name}: ")), (false, fact.clone())], false);
    body.extend(page.facts.iter().map(fact));
    let item =
        |line: &crate::notify::page::Line| text(&[(true, format!("• {}: ", line.name)), (false, line.said())], false);
    let others = |others: String| text(&[(false, others)], false);
    let items: Vec<Value> = page.items.iter().map(item).chain(page.others().map(others)).collect();
    if !items.is_empty() {
        body.push(text(&[(true, "Items".to_owned())], true));
        body.extend(items);
    }
    let step = |(at, step): (usize, &String)| text(&[(false, format!("{}. {step}", at + 1))], false);
    let steps: Vec<Value> = page.next.iter().enumerate().map(step).chain(page.other_steps().map(others)).collect();
    if !steps.is_empty() {
        body.push(text(&[(true, "What to do".to_owned())], true));
        body.extend(steps);
    }
    body
}

/// A paragraph of runs, bold or not.
fn text(runs: &[(bool, String)], apart: bool) -> Value {
    let run = |(bold, text): &(bool, String)| {
        let weight = if *bold { "Bolder" } else { "Default" };
        json!({ "type": "TextRun", "text": literal(text), "weight": weight })
    };
    let inlines: Vec<Value> = runs.iter().map(run).collect();
    let spacing = if apart { "Medium" } else { "Small" };
    json!({ "type": "RichTextBlock", "inlines": inlines, "separator": apart, "spacing": spacing })
}

/// Without the form of a date, which the card would write in the reader's own way.
fn literal(text: &str) -> String {
    if text.contains("{{") { text.replace('{', "{\u{200b}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::page::tests::longest;

    #[test]
    fn the_longest_alert_there_is_goes_into_one_message() {
        for letter in ["\"", "{", "𝄞", "\u{202e}", "x"] {
            let message = message(&[longest(letter).shortened((0, 0))], Some(&letter.repeat(500)));
            let bytes = message.to_string().len();
            assert!(bytes <= MESSAGE_BYTES, "{bytes} of {letter}");
        }
    }
}
