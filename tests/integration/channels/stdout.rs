//! Standard output, of a process of its own.

use super::{Bed, drifted, item, now, resolved};
use evidenced::notify::message::{Letter, Message};
use std::process::Command;

const FORMAT: &str = "EVIDENCED_TEST_STDOUT";

fn hostile() -> Letter {
    let told = Message {
        headline: "\u{1b}]0;owned\u{7}\u{9b}2J".into(),
        items: vec![item("a\r\nb\u{202e}c", "\u{1b}[2Jgone\u{e0041}")],
        ..drifted("a-1")
    };
    Letter { alerts: vec![(10, told), (11, resolved("a-2"))], delayed: Some("quiet\nhours".into()) }
}

/// What the process writes between the lines of the test harness.
fn written(format: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "channels::stdout::nothing_that_is_written_steers_a_terminal", "--nocapture"]);
    let output = command.env(FORMAT, format).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn nothing_that_is_written_steers_a_terminal() {
    if let Ok(format) = std::env::var(FORMAT) {
        Bed::new().channel(&format!("way = 'stdout'\nformat = '{format}'")).send(&hostile(), now()).await.unwrap();
        return;
    }
    for format in ["json", "text"] {
        let text = written(format);
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{e0041}');
        assert!(!text.contains(steers), "{text:?}");
    }
    let text = written("json");
    let lines: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (mut line, (record, message)) in lines.into_iter().zip(hostile().alerts) {
        assert_eq!((line["record"].take(), line["delayed"].take()), (record.into(), "quiet\nhours".into()));
        line.as_object_mut().unwrap().retain(|key, _| key != "record" && key != "delayed");
        assert_eq!(serde_json::from_value::<Message>(line).unwrap(), message, "and nothing is lost");
    }
    let text = written("text");
    for said in [
        "control SEC-001 has drifted (critical)\n",
        "⟨U+001B⟩]0;owned⟨U+0007⟩",
        "- a⟨U+000D⟩⟨U+000A⟩b⟨U+202E⟩c: ",
        "SEC-001 is effective again",
        "quiet⟨U+000A⟩hours",
    ] {
        assert!(text.contains(said), "`{said}` is not in\n{text}");
    }
}
