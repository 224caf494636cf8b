//! LocalStack, another maker's AWS, on the loopback. Which users it gets is decided in `tests/beds`.

use super::moto::Key;
use super::{component, wait_until};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The account that it plays.
pub(crate) const ACCOUNT: &str = "000000000000";

/// LocalStack with a filled IAM; stops when dropped. Its credential report is made once and kept.
pub(crate) struct LocalStack {
    child: Child,
    port: u16,
    /// Its files and its log.
    dir: TempDir,
}

impl LocalStack {
    pub(crate) fn with_users(count: u32) -> Self {
        let localstack = Self::start();
        let seeded = Command::new(component(".venv/bin/python"))
            .arg(component("tests/beds/seed_iam.py"))
            .args([localstack.port.to_string(), count.to_string()])
            .output()
            .unwrap();
        assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
        localstack
    }

    /// With a user whose policy allows these actions; and that user's key.
    pub(crate) fn with_a_user_who_may(actions: &[&str]) -> (Self, Key) {
        let localstack = Self::start();
        let made = Command::new(component(".venv/bin/python"))
            .arg(component("tests/beds/localstack_user.py"))
            .arg(localstack.port.to_string())
            .args(actions)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let key: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        let key = Key::new(key["id"].as_str().unwrap(), key["secret"].as_str().unwrap());
        (localstack, key)
    }

    fn start() -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-localstack/bin/python");
        assert!(
            python.exists(),
            "LocalStack is not installed\nhint: it needs Python 3.13: pyenv install 3.13 (or python3.13 and \
             python3.13-venv of your system), then run tests/setup.sh"
        );
        let dir = tempfile::tempdir().unwrap();
        // It cannot say which port it took; ours is free now, and was nobody else's a moment ago.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = File::create(dir.path().join("log")).unwrap();
        let child = Command::new(python)
            .args(["-m", "localstack.runtime.main"])
            .current_dir(dir.path())
            .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
            // Nothing of it leaves this machine, and nothing of it stays.
            .envs([("DISABLE_EVENTS", "1"), ("SKIP_SSL_CERT_DOWNLOAD", "1"), ("DNS_ADDRESS", "0")])
            .envs(["HOME", "TMPDIR", "FILESYSTEM_ROOT"].map(|name| (name, dir.path())))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started = Self { child, port, dir };
        wait_until("LocalStack is ready", Duration::from_secs(120), || started.is_ready());
        started
    }

    /// Whether it answers; one that has ended fails with what it said.
    fn is_ready(&mut self) -> bool {
        if let Some(status) = self.child.try_wait().unwrap() {
            let log = fs::read_to_string(self.dir.path().join("log")).unwrap();
            panic!("LocalStack ended, {status}: {log}");
        }
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        let mut answer = [0; 12];
        let asked = stream.write_all(b"GET /_localstack/health HTTP/1.0\r\n\r\n");
        asked.and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer.ends_with(b" 200")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        // It is gone already, if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
