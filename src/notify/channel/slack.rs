//! An incoming webhook of Slack. Its answer to a message that it took is 200 and `ok`, and nothing else.

use super::{post, secret_address, together};
use crate::config::Slack;
use crate::notify::Refusal;
use crate::notify::message::Letter;
use crate::notify::page::{Page, several};
use crate::notify::plain::late;
use crate::outside::{Outside, Request};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Longest text of a section, characters. Documented.
const SECTION_CHARS: usize = 3_000;
/// Most blocks of a message. Documented.
const BLOCKS: usize = 50;
/// All text of a message, characters. Documented are 40,000; in blocks it is refused (`msg_blocks_too_long`) from
/// some 13,000 on.
const MESSAGE_CHARS: usize = 12_000;

/// A message and the characters in it.
struct Made {
    message: Value,
    blocks: usize,
    chars: usize,
}

pub(super) async fn send(
    config: &Slack,
    outside: &Outside,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let address = secret_address(&config.url, config.private_host.as_deref())?;
    let make = |pages: &[Page]| made(pages, letter.delayed.as_deref());
    let fits = |made: &Made| made.chars <= MESSAGE_CHARS && made.blocks <= BLOCKS;
    let ok = |status, body: &[u8]| status == 200 && body.trim_ascii() == b"ok";
    for (before, made) in together(letter, make, fits) {
        let sent = post(outside, &address, Request::json(&made.message), now, ok).await;
        sent.map_err(|refusal| refusal.after(before))?;
    }
    Ok(())
}

fn made(pages: &[Page], delayed: Option<&str>) -> Made {
    let mut blocks = Vec::new();
    if let Some(delayed) = delayed {
        blocks.extend(sections(vec![escaped(&late(delayed))]));
    }
    for page in pages {
        if !blocks.is_empty() {
            blocks.push(json!({ "type": "divider" }));
        }
        blocks.extend(sections(lines(page)));
    }
    let text = escaped(&several(pages));
    let chars = |block: &Value| block["text"]["text"].as_str().map_or(0, |text| text.chars().count());
    let chars = text.chars().count() + blocks.iter().map(chars).sum::<usize>();
    let count = blocks.len();
    Made { message: json!({ "text": text, "blocks": blocks }), blocks: count, chars }
}

fn lines(page: &Page) -> Vec<String> {
    let mut lines = vec![format!("*{}*", escaped(&page.title)), escaped(&page.headline)];
    lines.extend(page.facts.iter().map(|(name, fact)| format!("*{name}:* {}", escaped(fact))));
    let items = page.items.iter().map(|item| format!("• {}: {}", escaped(&item.name), escaped(&item.said())));
    let items: Vec<String> = items.chain(page.others().map(|others| escaped(&others))).collect();
    if !items.is_empty() {
        lines.push("*Items*".to_owned());
        lines.extend(items);
    }
    let steps = page.next.iter().enumerate().map(|(at, step)| format!("{}. {}", at + 1, escaped(step)));
    let steps: Vec<String> = steps.chain(page.other_steps().map(|others| escaped(&others))).collect();
    if !steps.is_empty() {
        lines.push("*What to do*".to_owned());
        lines.extend(steps);
    }
    lines
}

/// Lines in as few sections as hold them. No line is longer than a section.
fn sections(lines: Vec<String>) -> Vec<Value> {
    let mut texts: Vec<String> = Vec::new();
    let mut room = 0;
    for line in lines {
        let length = line.chars().count() + 1;
        match texts.last_mut() {
            Some(text) if length <= room => {
                text.push('\n');
                text.push_str(&line);
                room -= length;
            }
            _ => {
                room = SECTION_CHARS.saturating_sub(length);
                texts.push(line);
            }
        }
    }
    // `verbatim`: nothing in it becomes a link, a person or a channel.
    let section = |text| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } });
    texts.into_iter().map(section).collect()
}

/// Slack's three characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::page::tests::longest;

    #[test]
    fn the_longest_alert_there_is_goes_into_one_message() {
        for letter in ["&", "ä", "\u{202e}", "x"] {
            let page = longest(letter).shortened((0, 0));
            let made = made(&[page], Some(&"&".repeat(500)));
            assert!(made.chars <= MESSAGE_CHARS && made.blocks <= BLOCKS, "{} of {letter}", made.chars);
            let all = lines(&longest(letter));
            assert!(all.iter().all(|line| line.chars().count() < SECTION_CHARS), "a line is longer than a section");
        }
    }
}
