//! Standard output: JSON lines, or text for people. Nothing that steers a terminal is written.
//!
//! A line of JSON is the alert as in `alert.json`, with `record` and, if it comes late, `delayed`.

use super::pages;
use crate::config::{Stdout, StdoutFormat};
use crate::notify::Refusal;
use crate::notify::message::Letter;
use crate::notify::plain::plain;
use serde_json::json;
use std::io::Write;

pub(super) async fn send(config: &Stdout, letter: &Letter) -> Result<(), Refusal> {
    let text = text(config.format, letter);
    // A pipe that nobody reads must not hold up what else the program does.
    let written = tokio::task::spawn_blocking(move || {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    let failed = |why: String| Refusal::later(format!("standard output: {why}"), "see what reads it");
    written.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

fn text(format: StdoutFormat, letter: &Letter) -> String {
    match format {
        StdoutFormat::Text => plain(&pages(letter), letter.delayed.as_deref()) + "\n",
        StdoutFormat::Json => letter
            .alerts
            .iter()
            .map(|(record, message)| {
                let mut line = json!(message);
                line["record"] = json!(record);
                if let Some(delayed) = &letter.delayed {
                    line["delayed"] = json!(delayed);
                }
                escaped(&line.to_string()) + "\n"
            })
            .collect(),
    }
}

/// JSON leaves some characters as they are that a terminal obeys or that turn a line around.
fn escaped(json: &str) -> String {
    let mut escaped = String::new();
    for c in json.chars() {
        if crate::shown::hidden(c) {
            let mut units = [0; 2];
            escaped.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(c);
        }
    }
    escaped
}
