//! moto's server with a filled IAM, and the key of a user in it. What its users are is decided in
//! `tests/beds`.

use super::{component, wait_until};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::process::{Child, Command, Stdio};
use tempfile::NamedTempFile;

/// moto with a filled IAM; stops when dropped.
pub(crate) struct Moto {
    child: Child,
    /// Its line: port, key, secret, and the secrets that evidence must not hold.
    pub(crate) ready: Value,
    /// What is true of each user.
    pub(crate) truth: Vec<Value>,
}

impl Moto {
    pub(crate) fn start(users: u32, args: &[&str]) -> Self {
        let truth = NamedTempFile::new().unwrap();
        let users = users.to_string();
        let first = [users.as_str(), "--truth", truth.path().to_str().unwrap()];
        let mut moto = Self::bed("tests/beds/moto_iam.py", &[&first, args].concat());
        moto.truth = serde_json::from_reader(truth.reopen().unwrap()).unwrap();
        moto
    }

    /// With identity providers, policies and an organisation.
    pub(crate) fn trust() -> Self {
        Self::bed("tests/beds/moto_trust.py", &[])
    }

    /// With trails, buckets and detectors.
    pub(crate) fn logging() -> Self {
        Self::bed("tests/beds/moto_logging.py", &[])
    }

    fn bed(script: &str, args: &[&str]) -> Self {
        let mut child = Command::new(component(".venv/bin/python"))
            .arg(component(script))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).map(|_| line)
        });
        let mut moto = Self { child, ready: Value::Null, truth: Vec::new() };
        wait_until("moto is ready", std::time::Duration::from_secs(120), || reader.is_finished());
        moto.ready = serde_json::from_str(&reader.join().unwrap().unwrap()).expect("moto's line");
        moto
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ready["port"])
    }

    /// The acting user's key, with a secret of one's own.
    pub(crate) fn key(&self, secret: Option<&str>) -> Key {
        Key::new(self.ready["key"].as_str().unwrap(), secret.unwrap_or_else(|| self.ready["secret"].as_str().unwrap()))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It is gone already, if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An access key whose secret is in a file.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) file: NamedTempFile,
}

impl Key {
    pub(crate) fn new(id: &str, secret: &str) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(secret.as_bytes()).unwrap();
        Self { id: id.to_owned(), file }
    }

    pub(crate) fn via(&self, url: &str) -> Value {
        json!({ "endpoint_url": url, "access_key": { "id": self.id, "secret": { "file": self.file.path() } } })
    }
}
