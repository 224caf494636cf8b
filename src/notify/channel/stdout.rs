//! Standard output: JSON lines, or text for people. Nothing that steers a terminal is written.
//!
//! A line of JSON is the alert as in `alert.json`, with `record` and, if it comes late, `delayed`. What a reader that
//! stopped was given stays in a thread of its own until it goes on, and is then written once more: see `channel`.

use super::pages;
use crate::config::{Stdout, StdoutFormat};
use crate::notify::Refusal;
use crate::notify::message::Letter;
use crate::notify::plain::plain;
use serde_json::json;
use std::io::Write;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long whoever reads it may take to make room.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who may write. A write that nobody reads cannot be ended; so it keeps its turn, and no others gather behind it.
static TURN: Semaphore = Semaphore::const_new(1);

pub(super) async fn send(config: &Stdout, letter: &Letter) -> Result<(), Refusal> {
    let text = text(config.format, letter);
    let failed = |why: String| Refusal::later(format!("standard output: {why}"), "see what reads it");
    let written = async {
        let turn = TURN.acquire().await.map_err(|error| error.to_string())?;
        // A pipe that nobody reads must not hold up what else the program does.
        let write = move || {
            let _turn = turn;
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        let written = tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string())?;
        written.map_err(|error| error.to_string())
    };
    let late = |_| Err(format!("nobody has read it within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(late).map_err(failed)
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
