//! The daemon as its operators have it: SIGHUP, `config apply`, what systemd is told, and what `status` shows.

use super::{Home, Said};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Longer than anything here takes; a test that waits so long has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// `evidenced run` as systemd starts it.
pub(crate) struct Daemon {
    child: Child,
    systemd: UnixDatagram,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_with(home, &[])
    }

    pub(crate) fn start_with(home: &Home, variables: &[(&str, &str)]) -> Self {
        let socket = home.path("notify");
        let systemd = UnixDatagram::bind(&socket).unwrap();
        systemd.set_read_timeout(Some(LIMIT)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        command
            .current_dir(home.path(""))
            .env_clear()
            .env("NOTIFY_SOCKET", &socket)
            .envs(variables.iter().copied())
            .arg("run");
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let daemon = Self { child, systemd };
        assert_eq!(daemon.told(), "READY=1\n");
        daemon
    }

    fn told(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.systemd.recv(&mut bytes).expect("systemd is told");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// Sends SIGHUP; the status that systemd is given when it is over.
    pub(crate) fn reload(&self) -> String {
        self.signal("HUP");
        self.reloaded()
    }

    fn reloaded(&self) -> String {
        let begun = self.told();
        let usec = begun.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{begun}"));
        assert!(usec.trim_end().parse::<u64>().unwrap() > 0);
        let ended = self.told();
        ended.strip_prefix("READY=1\nSTATUS=").unwrap_or_else(|| panic!("{ended}")).trim_end().to_owned()
    }

    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.told(), "STOPPING=1\n");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

pub(crate) fn home() -> Home {
    let settings = json!({ "directory": "/logs", "stores": [{ "name": "db" }] });
    let home = Home::with("backup_restores", &settings, "restore_test");
    fs::create_dir(home.path("logs")).unwrap();
    edit(&home, "/logs", &home.path("logs").display().to_string());
    home
}

/// Writes the file anew with one text in place of another; the text before.
pub(crate) fn edit(home: &Home, from: &str, to: &str) -> String {
    let text = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(home.path("evidenced.toml"), text.replace(from, to)).unwrap();
    text
}

fn configuration(home: &Home) -> Value {
    home.run(&["status", "--json"]).json()["configuration"].clone()
}

fn record(said: &Said) -> u64 {
    said.json()["outcome"]["applied"]["record"].as_u64().unwrap_or_else(|| panic!("{said:?}"))
}

#[test]
fn on_sighup_a_good_file_counts_and_a_bad_one_does_not_and_systemd_and_status_are_told() {
    let home = home();
    let daemon = Daemon::start(&home);
    let before = configuration(&home);
    assert!(before["by"].as_str().unwrap().starts_with("started by uid "), "{before}");
    edit(&home, "owner = 'o'", "owner = 'q'");
    assert_eq!(configuration(&home)["differs"], json!(["controls.T-1.owner"]), "not in force yet");
    let told = daemon.reload();
    let after = configuration(&home);
    assert_eq!(told, format!("configuration of record {} is in force", after["record"]));
    assert!(after["record"].as_u64() > before["record"].as_u64());
    assert!(after["by"].as_str().unwrap().starts_with("SIGHUP to the daemon of uid "), "{after}");
    assert_eq!((&after["differs"], &after["refused"]), (&json!([]), &Value::Null));

    let good = edit(&home, "schedule = '0 * * * *'", "schedule = 'hourly, please'");
    let told = daemon.reload();
    assert!(told.starts_with("configuration refused, the one before it stays in force: "), "{told}");
    assert!(told.contains("[collectors.c] schedule") && !told.contains('\n'), "{told}");
    fs::write(home.path("evidenced.toml"), good).unwrap();
    let refused = configuration(&home);
    assert_eq!(refused["record"], after["record"], "the old one is in force");
    assert!(refused["refused"]["why"].as_str().unwrap().contains("hint: five fields"), "{refused}");
    let shown = home.run(&["status"]);
    assert!(shown.out.contains("REFUSED at ") && shown.out.contains("is in force since "), "{}", shown.out);
    assert_eq!(daemon.reload(), "the configuration is the one in force");
    assert_eq!(configuration(&home)["refused"], Value::Null);
    daemon.stop();
}

#[test]
fn config_apply_makes_the_daemon_take_the_file_or_says_why_not() {
    let home = home();
    let daemon = Daemon::start(&home);
    edit(&home, "schedule = '0 * * * *'", "schedule = '7 * * * *'");
    let diff = home.run(&["config", "diff"]);
    assert_eq!((diff.code, diff.out.as_str()), (0, "~ collectors.c.schedule = \"7 * * * *\" (was \"0 * * * *\")\n"));
    let collect = home.run(&["collect", "now"]);
    assert_eq!(collect.code, 1, "the daemon's is in force: {collect:?}");
    assert!(collect.err.contains("`evidenced config apply` makes the daemon take it"), "{}", collect.err);
    let applied = home.run(&["config", "apply", "--json"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(applied.json()["changes"][0]["key"], "collectors.c.schedule");
    assert!(daemon.reloaded().contains("is in force"));
    let now = configuration(&home);
    assert_eq!(now["record"], record(&applied));
    assert!(now["by"].as_str().unwrap().starts_with("config apply by uid "), "{now}");
    assert_eq!(home.run(&["collect", "now"]).code, 0, "by the same configuration");

    let good = edit(&home, "owner = 'o'", "owner = ''");
    let bad = home.run(&["config", "apply"]);
    assert_eq!(bad.code, 2, "{bad:?}");
    assert!(bad.err.contains("owner is empty"), "{}", bad.err);
    fs::write(home.path("evidenced.toml"), good.replace("'Test Ltd'", "'Another Ltd'")).unwrap();
    let fixed = home.run(&["config", "apply"]);
    assert_eq!(fixed.code, 2, "{fixed:?}");
    assert!(fixed.err.contains("refused, the configuration before it stays in force: organization cannot change"));
    daemon.reloaded();
    fs::write(home.path("evidenced.toml"), good.replace("owner = 'o'", "owner = 'r'")).unwrap();
    fs::copy(home.path("evidenced.toml"), home.path("other.toml")).unwrap();
    edit(&home, "owner = 'r'", "owner = 's'");
    let other = home.run(&["--config", "other.toml", "config", "apply"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.err.contains("which is not what was checked") && other.err.contains("hint: name that file"));
    daemon.reloaded();

    daemon.signal("STOP");
    let silent = home.run(&["config", "apply", "--within", "1s"]);
    assert_eq!(silent.code, 1, "{silent:?}");
    assert!(silent.err.contains("did not answer within 1 s") && silent.err.contains("hint: "), "{}", silent.err);
    daemon.signal("CONT");
    daemon.reloaded();
    let second = home.run(&["run"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("another daemon runs over this ledger\nhint: "), "{}", second.err);
    daemon.stop();
}

/// The daemon owes an alert to the channels that its record names, and knows those in force.
#[test]
fn whoever_waives_tells_those_that_the_log_says_are_told() {
    let home = home();
    home.configure("[channels.out]\nway = 'stdout'\n");
    assert_eq!(home.run(&["collect", "now"]).code, 0);
    let waive = ["waive", "T-1", "db*", "--reason", "r", "--approver", "Ann", "--expires-in", "5d"];
    let records = || home.run(&["status", "--json"]).json()["records"].clone();
    let before = records();
    for (from, to) in [
        ("[channels.out]", "[channels.other]"),
        ("[channels.out]\nway = 'stdout'\n", ""),
        ("[channels.out]", "[[routes]]\nchannels = ['out']\nat_least = 'critical'\n[channels.out]"),
        ("'Test Ltd'", "'Another Ltd'"),
    ] {
        let good = edit(&home, from, to);
        let refused = home.run(&waive);
        assert!(refused.code == 1 && refused.err.contains("another configuration than this one"), "{to}: {refused:?}");
        assert_eq!(records(), before, "{to}");
        fs::write(home.path("evidenced.toml"), good).unwrap();
    }
    edit(&home, "schedule = '0 * * * *'", "schedule = '7 * * * *'");
    let waived = home.run(&waive);
    assert_eq!(waived.code, 0, "who is told does not hang on when it is collected: {waived:?}");
}

#[test]
fn without_a_daemon_config_apply_records_it_for_the_next_one() {
    let home = home();
    let first = home.run(&["config", "apply", "--json"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.err.contains("no daemon runs"));
    assert_eq!(configuration(&home)["record"], record(&first));
    let again = home.run(&["config", "apply", "--json"]);
    assert_eq!((again.code, &again.json()["outcome"]), (0, &json!("unchanged")));
    let daemon = Daemon::start(&home);
    assert_eq!(configuration(&home)["record"], record(&first), "starting with the same is no change");
    daemon.stop();
}

#[test]
fn a_new_schedule_has_a_new_timer() {
    let home = home();
    edit(&home, "schedule = '0 * * * *'", "schedule = '0 0 29 2 *'");
    let daemon = Daemon::start(&home);
    edit(&home, "schedule = '0 0 29 2 *'", "schedule = '* * * * *'");
    assert_eq!(home.run(&["config", "apply"]).code, 0);
    daemon.reloaded();
    let last = || home.run(&["status", "--json"]).json()["collectors"][0]["last_end"].clone();
    let begun = std::time::Instant::now();
    while last() != "done" {
        assert!(begun.elapsed() < Duration::from_secs(90), "due in a minute");
    }
    daemon.stop();
}

#[test]
fn a_daemon_that_goes_on_says_so_and_one_that_stands_still_does_not() {
    let home = home();
    let nobody = home.run(&["health"]);
    assert!(nobody.code == 1 && nobody.err.contains("no daemon listens"), "{nobody:?}");
    let daemon = Daemon::start_with(&home, &[("WATCHDOG_USEC", "300000")]);
    for _ in 0..3 {
        assert_eq!(daemon.told(), "WATCHDOG=1\n");
    }
    let well = home.run(&["health", "--json"]);
    assert_eq!((well.code, &well.json()["alive"]), (0, &json!(true)), "{well:?}");

    daemon.signal("STOP");
    let still = home.run(&["health", "--within", "200ms"]);
    assert!(still.code == 1 && still.err.contains("did not answer within"), "{still:?}");
    // What it had said before it stopped is read first; then there is nothing more.
    daemon.systemd.set_nonblocking(true).unwrap();
    while daemon.systemd.recv(&mut [0; 64]).is_ok() {}
    assert!(daemon.systemd.recv(&mut [0; 64]).is_err());
    daemon.systemd.set_nonblocking(false).unwrap();
    daemon.signal("CONT");
    assert_eq!(daemon.told(), "WATCHDOG=1\n");
    assert_eq!(home.run(&["health"]).code, 0);
}
