//! moto's server with a filled IAM, and the key of a user in it. What its users are is decided in
//! `tests/beds`.

use super::{component, wait_until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::NamedTempFile;

/// moto with a filled IAM; stops when dropped.
pub(crate) struct Moto {
    child: Child,
    stdout: BufReader<ChildStdout>,
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

    /// The same, where policies are evaluated and the key's allows these actions.
    pub(crate) fn logging_allowing(actions: &[&str]) -> Self {
        let allowed = actions.iter().flat_map(|action| ["--allow", action]).chain(["--enforce"]);
        Self::bed("tests/beds/moto_logging.py", &allowed.collect::<Vec<_>>())
    }

    fn bed(script: &str, args: &[&str]) -> Self {
        let mut child = Command::new(component(".venv/bin/python"))
            .arg(component(script))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).map(|_| (line, stdout))
        });
        wait_until("moto is ready", std::time::Duration::from_secs(120), || reader.is_finished());
        let (line, stdout) = reader.join().unwrap().unwrap();
        Self { child, stdout, ready: serde_json::from_str(&line).expect("moto's line"), truth: Vec::new() }
    }

    /// From now on the acting user may do this, where policies are evaluated.
    pub(crate) fn allow(&mut self, actions: &[&str]) {
        let line = format!("{}\n", json!(actions));
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let mut said = String::new();
        self.stdout.read_line(&mut said).unwrap();
        assert_eq!(said, line);
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
