//! The daemon's socket, when the system lets nobody in.

use crate::cli::reload::home;
use crate::support::program;
use evidenced::daemon::alive;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything here takes; a test that waits so long has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// `evidenced run`, which ends with the test, and what it logs.
struct Daemon(Child, Receiver<String>);

impl Daemon {
    fn start(dir: &std::path::Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        let mut child = command.current_dir(dir).env_clear().arg("run").stderr(Stdio::piped()).spawn().unwrap();
        let (lines, read) = channel();
        let said = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line))));
        Self(child, read)
    }

    fn says(&self, what: &str) {
        while !self.1.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("not said: {what}")).contains(what) {}
    }

    /// How many files it may have open from now on.
    fn may_open(&self, files: u32) {
        let (of, limit) = (self.0.id().to_string(), format!("--nofile={files}:"));
        assert!(Command::new(program("prlimit")).args(["--pid", &of, &limit]).status().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_be_let_in_for_want_of_descriptors_is_answered_later() {
    let home = home();
    let daemon = Daemon::start(&home.path(""));
    daemon.says("collecting on schedule");
    alive(&home.path("state"), LIMIT).await.unwrap();
    daemon.may_open(3);
    let waiting = UnixStream::connect(home.path("state/daemon.sock")).unwrap();
    daemon.says("nobody can be let in");
    daemon.may_open(1024);
    drop(waiting);
    alive(&home.path("state"), LIMIT).await.unwrap();
}
