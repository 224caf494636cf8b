//! Alerts on their way to people: each way to a real or independently checked other side, and what may be asked at
//! all.

mod email;
mod github_issue;
mod hostile;
mod outside;
mod refused;
mod services;
mod stdout;

use crate::support::component;
use chrono::{DateTime, Utc};
use evidenced::config::{ChannelConfig, Severity};
use evidenced::notify::message::{Event, Item, Letter, Message, Subject};
use evidenced::notify::{Channel, Refusal};
use evidenced::outside::Outside;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A directory for secrets, and the way out.
struct Bed {
    dir: TempDir,
    outside: Arc<Outside>,
}

impl Bed {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), outside: Arc::new(Outside::new()) }
    }

    /// Writes a secret; gives what a configuration says of it.
    fn secret(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        let mut open = std::fs::OpenOptions::new();
        let file = open.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
        format!("{{ file = '{}' }}", path.display())
    }

    fn channel(&self, text: &str) -> Channel {
        let config: ChannelConfig = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        Channel::of(&config, self.dir.path(), &self.outside)
    }

    /// A channel of one of the ways that have a secret address on this machine.
    fn hook(&self, way: &str, url: &str) -> Channel {
        let url = self.secret("url", url);
        let key = self.secret("key", &format!("{KEY}\n"));
        let more = if way == "webhook" { format!("secret = {key}\n") } else { String::new() };
        self.channel(&format!("way = '{way}'\nurl = {url}\nprivate_host = '127.0.0.1'\n{more}"))
    }
}

/// The key of webhooks; base64 of 32 bytes.
const KEY: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn now() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

fn item(name: &str, reason: &str) -> Item {
    Item { item: name.into(), what: "deviates".into(), reason: reason.into() }
}

/// A drifted control with two items.
fn drifted(key: &str) -> Message {
    Message {
        key: key.into(),
        event: Event::Drifted,
        severity: Severity::Critical,
        organization: "Acme Ltd".into(),
        sample: false,
        subject: Subject::Control {
            id: "SEC-001".into(),
            title: "Peer review before merge".into(),
            criteria: vec!["CC8.1".into(), "CC5.2".into()],
        },
        owner: Some("Head of Engineering".into()),
        since: "2026-03-01T00:00:00Z".parse().unwrap(),
        headline: "2 changes were merged without an approval.".into(),
        items: vec![item("acme/shop#41", "no-approval"), item("acme/shop#42", "self-approval")],
        more: 0,
        next: vec!["evidenced explain SEC-001 'acme/shop#41'".into(), "Review what was merged".into()],
    }
}

fn resolved(key: &str) -> Message {
    let headline = "Every change of the last 30 days is approved.".into();
    Message { event: Event::Resolved, headline, items: Vec::new(), ..drifted(key) }
}

fn letter(alerts: Vec<Message>) -> Letter {
    Letter { alerts: (10..).zip(alerts).collect(), delayed: None }
}

/// A digest that no service takes as one message: 40 alerts of 50 items.
fn flood() -> Letter {
    let items = |alert: usize| (0..50).map(move |at| item(&format!("acme/shop#{alert}-{at}"), &"why ".repeat(20)));
    let alert = |at: usize| Message {
        subject: Subject::Collector { name: format!("c{at:02}") },
        items: items(at).collect(),
        more: 7,
        ..drifted(&format!("key-{at:02}"))
    };
    Letter { alerts: (0..).zip((0..40).map(alert)).collect(), delayed: Some("quiet hours".into()) }
}

/// Items that a digest's texts show or count, and alerts: all of `flood`.
fn holds_the_flood(texts: &[String]) {
    let all = texts.join("\n");
    for at in 0..40 {
        assert_eq!(all.matches(&format!("key-{at:02} (record {at})")).count(), 1, "alert {at} is told once");
    }
    let shown = all.matches("acme/shop#").count() - all.matches("'acme/shop#41'").count();
    let counted = all
        .split(" items more, not shown")
        .filter_map(|before| before.rsplit([' ', '\n']).next()?.parse::<usize>().ok());
    assert_eq!(shown + counted.sum::<usize>(), 40 * 57, "every item is shown or counted");
}

/// Runs a program of the tests with a text on its standard input; what it writes.
fn checked(program: &Path, script: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .arg(component(script))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}: {}\n{input}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn python() -> std::path::PathBuf {
    component(".venv/bin/python")
}

async fn refusal(channel: &Channel, letter: &Letter) -> Refusal {
    channel.send(letter, now()).await.unwrap_err()
}
