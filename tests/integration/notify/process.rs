//! The daemon as a process: it sends what it finds, whoever raised it, and a kill loses nothing.

use super::world::{TWO, World};
use crate::cli::evidenced;
use crate::support::{program, wait_until};
use chrono::TimeDelta;
use evidenced::config::Severity;
use evidenced::notify::vitals::{Heartbeat, vitals};
use evidenced::outside::Outside;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::Value;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A daemon, which ends with the test.
struct Daemon(Child);

impl Daemon {
    fn into(dir: &Path, out: Stdio) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        command.current_dir(dir).env_clear().args(["run"]).stdout(out).stderr(Stdio::null()).spawn().unwrap()
    }

    fn start(dir: &Path) -> (Self, Receiver<Value>) {
        let mut child = Self::into(dir, Stdio::piped());
        let (lines, read) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = lines.send(serde_json::from_str(&line).unwrap());
            }
        });
        (Self(child), read)
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new(program("kill")).args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn secret(path: &Path, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The machine's time, for the daemon has no other.
fn now() -> String {
    SystemClock.now().to_rfc3339()
}

#[test]
fn the_daemon_sends_at_once_what_was_owed_when_it_starts_and_soon_what_another_process_raises() {
    let world = World::at(&now(), "[channels.chat]\nway = 'stdout'\n");
    let dir = world.dir.path();
    // The last restore test is long ago: the controls deviate at the first look.
    world.log(&[]);
    let said = evidenced(dir, &["collect", "now", "--json"]);
    let owed = evidenced(dir, &["alerts", "--owed", "--json"]).json().as_array().unwrap().len();
    assert!(owed > 0, "{said:?}");
    let (mut daemon, lines) = Daemon::start(dir);
    let patience = Duration::from_secs(60);
    for _ in 0..owed {
        let told = lines.recv_timeout(patience).expect("an alert that was owed");
        assert_eq!(told["event"], "drifted", "{told}");
    }
    std::fs::rename(dir.join("logs"), dir.join("away")).unwrap();
    evidenced(dir, &["collect", "now"]);
    let mut told = Vec::new();
    while !told.contains(&"collector_failing".to_owned()) {
        let line = lines.recv_timeout(patience).expect("what another process raised");
        told.push(line["event"].as_str().unwrap().to_owned());
    }
    daemon.signal("-TERM");
    assert!(daemon.0.wait().unwrap().success());
    assert!(evidenced(dir, &["alerts", "--owed", "--json"]).json().as_array().unwrap().is_empty());
}

/// A service of the test's own: answers each request as the test says.
struct Service {
    port: u16,
}

impl Service {
    /// `answer` gets the first line, the headers and the body, and gives the status.
    fn start(answer: impl Fn(&str, &str, &[u8]) -> u16 + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                drop(serve(connection, &answer));
            }
        });
        Self { port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/x", self.port)
    }

    /// Writes down its address, and a key, where `hook` has them.
    fn is_the_hook_of(&self, dir: &Path) {
        secret(&dir.join("url"), &self.url());
        secret(&dir.join("key"), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    }
}

/// A channel whose secrets are in that directory.
fn hook(dir: &Path) -> String {
    let (url, key) = (dir.join("url"), dir.join("key"));
    format!(
        "[channels.hook]\nway = 'webhook'\nurl = {{ file = '{}' }}\nsecret = {{ file = '{}' }}\n\
         private_host = '127.0.0.1'\n",
        url.display(),
        key.display()
    )
}

fn serve(connection: TcpStream, answer: &impl Fn(&str, &str, &[u8]) -> u16) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let (mut first, mut headers, mut line) = (String::new(), String::new(), String::new());
    reader.read_line(&mut first)?;
    while reader.read_line(&mut line)? > 2 {
        headers.push_str(&line);
        line.clear();
    }
    let length = headers.lines().find_map(|header| {
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let status = answer(&first, &headers, &body);
    write!(&connection, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_no_alert_and_repeats_few() {
    const ALERTS: u64 = 60;
    let world = World::at(&now(), "");
    let dir = world.dir.path().to_owned();
    let world = world.with(&hook(&dir));
    for n in 0..ALERTS {
        world.raise(["daemon", "c", "a", "b"][(n % 4) as usize], Severity::High).await;
    }
    let expected: Vec<String> = world.alerts().into_iter().map(|(_, alert)| alert.key).collect();
    let daemon: Arc<Mutex<Option<Daemon>>> = Arc::default();
    let keys: Arc<Mutex<Vec<String>>> = Arc::default();
    let (victim, seen) = (daemon.clone(), keys.clone());
    let service = Service::start(move |_, _, body| {
        let body: Value = serde_json::from_slice(body).unwrap();
        let mut seen = seen.lock().unwrap();
        let before = seen.len();
        // Down for a while, twice; and each time that it has taken so many, the plug is pulled before it can answer.
        seen.push(body["data"]["key"].as_str().unwrap().to_owned());
        if [1, 2, 30].contains(&before) {
            seen.pop();
            seen.push(String::new());
            return 503;
        }
        if [7, 20, 21, 45].contains(&before) {
            victim.lock().unwrap().take();
        }
        200
    });
    service.is_the_hook_of(&dir);
    let arrived = || -> std::collections::BTreeSet<String> {
        keys.lock().unwrap().iter().filter(|key| !key.is_empty()).cloned().collect()
    };
    let all: std::collections::BTreeSet<String> = expected.iter().cloned().collect();
    let mut starts = 0;
    wait_until("every alert arrives", Duration::from_secs(240), || {
        let mut daemon = daemon.lock().unwrap();
        if daemon.is_none() {
            starts += 1;
            *daemon = Some(Daemon::start(&dir).0);
        }
        drop(daemon);
        all.is_subset(&arrived())
    });
    wait_until("all of it is on record", Duration::from_secs(60), || {
        evidenced(&dir, &["alerts", "--owed", "--json"]).json().as_array().unwrap().is_empty()
    });
    let keys = keys.lock().unwrap();
    // At a full hour it collects, and has more to tell.
    let taken = keys.iter().filter(|key| all.contains(*key)).count();
    assert_eq!(starts, 5, "it was killed four times");
    assert!(taken - all.len() <= starts, "{taken} for {} alerts", all.len());
    eprintln!("{ALERTS} alerts, {} kills: {} arrived, {} more than once", starts - 1, all.len(), taken - all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_life_is_given_while_all_is_well_and_only_then() {
    let beats: Arc<Mutex<Vec<String>>> = Arc::default();
    let status = Arc::new(Mutex::new(200));
    let (seen, answers) = (beats.clone(), status.clone());
    let service = Service::start(move |first, _, _| {
        seen.lock().unwrap().push(first.trim().to_owned());
        *answers.lock().unwrap()
    });
    let world = World::new(TWO);
    let url = world.dir.path().join("beat");
    secret(&url, &service.url());
    let text =
        format!("{TWO}[heartbeat]\nurl = {{ file = '{}' }}\nprivate_host = '127.0.0.1'\nevery = '5m'\n", url.display());
    let world = world.with(&text);
    let runner = world.runner();
    runner.record_config("a test").await.unwrap();
    let heartbeat = Heartbeat::new(runner.loaded(), Arc::new(Outside::new()));
    let count = || beats.lock().unwrap().len();
    let look = async || {
        let overdue = runner.overdue(TimeDelta::minutes(10)).unwrap();
        let well = if overdue.is_empty() { Ok(()) } else { Err(format!("overdue: {}", overdue.join(", "))) };
        heartbeat.look(world.clock.now(), well).await;
        world.clock.advance(TimeDelta::minutes(1));
    };
    for _ in 0..10 {
        look().await;
    }
    assert_eq!(count(), 2, "one every five minutes: {:?}", beats.lock().unwrap());
    assert!(beats.lock().unwrap()[0].starts_with("GET /x "));
    // The address does not answer well: each look tries again, and status says so.
    *status.lock().unwrap() = 500;
    look().await;
    look().await;
    assert_eq!(count(), 4);
    let beat = vitals(&world.loaded().state_dir).heartbeat.unwrap();
    assert!(beat.failed.as_ref().unwrap().contains("500") && beat.taken.is_some(), "{beat:?}");
    *status.lock().unwrap() = 200;
    // Something is due at ten, and nothing comes to it.
    world.clock.set("2026-01-05T10:09:00Z".parse().unwrap());
    look().await;
    let well = count();
    world.clock.set("2026-01-05T10:10:00Z".parse().unwrap());
    for _ in 0..20 {
        look().await;
    }
    assert_eq!(count(), well, "a scheduler that is dead must not look alive");
    let said = evidenced(world.dir.path(), &["status"]);
    assert!(said.out.contains("NO SIGN OF LIFE") && said.out.contains("overdue: c"), "{said:?}");
    let secret = service.url();
    assert!(!said.all().contains(&secret), "{said:?}");
}

/// A pipe that not a byte more goes into.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (read, mut write) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&write).unwrap();
    fcntl_setfl(&write, flags | OFlags::NONBLOCK).unwrap();
    while write.write_all(b"-").is_ok() {}
    fcntl_setfl(&write, flags).unwrap();
    (read, write)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_nobody_reads_holds_up_no_other_channel_and_shows_in_health() {
    let world = World::at(&now(), "");
    let dir = world.dir.path().to_owned();
    let hook = format!("[channels.chat]\nway = 'stdout'\n{}", hook(&dir));
    let world = world.with(&hook);
    let (arrived, keys) = channel();
    let service = Service::start(move |_, _, body| {
        let body: Value = serde_json::from_slice(body).unwrap();
        arrived.send(body["data"]["key"].as_str().unwrap().to_owned()).unwrap();
        200
    });
    service.is_the_hook_of(&dir);
    let (read, write) = full_pipe();
    world.raise("a", Severity::High).await;
    let patience = Duration::from_secs(60);
    let mut daemon = Daemon(Daemon::into(&dir, write.into()));
    for subject in ["b", "c", "daemon"] {
        keys.recv_timeout(patience).expect("what was owed before");
        world.raise(subject, Severity::High).await;
    }
    keys.recv_timeout(patience).expect("the last one");
    wait_until("health says so", Duration::from_secs(120), || {
        let said = evidenced(&dir, &["health", "--json"]);
        said.json()["untold"].to_string().contains("channel chat: refused")
    });
    let said = evidenced(&dir, &["health", "--json"]);
    assert!(said.out.contains("standard output: nobody has read it within"), "{said:?}");
    daemon.signal("-TERM");
    // It ends, though a thread of it does not.
    assert!(daemon.0.wait().unwrap().success());
    drop(read);
    let owed = evidenced(&dir, &["alerts", "--owed", "--json"]).json();
    assert!(owed.as_array().unwrap().len() >= 4, "owed still, on that channel: {owed}");
}
