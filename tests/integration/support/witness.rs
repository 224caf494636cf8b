//! aics-witness, a witness by other people, on the loopback. Stops when dropped.

use super::{component, wait_until};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Witness {
    dir: TempDir,
    port: u16,
    /// Keeps the port from others until it is needed: the witness cannot say which one it took.
    reserved: Option<TcpListener>,
    child: Option<Child>,
    /// Its public key.
    pub(crate) key: String,
}

impl Witness {
    /// One that knows no log yet and does not run.
    pub(crate) fn new() -> Self {
        let reserved = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = reserved.local_addr().unwrap().port();
        let (dir, key) = (tempfile::tempdir().unwrap(), String::new());
        let mut witness = Self { dir, port, reserved: Some(reserved), child: None, key };
        let listen = format!("127.0.0.1:{port}");
        let key = witness.call(&["init", "--name", "witness.example/w1", "--listen", &listen]);
        witness.key = key.trim().to_owned();
        witness
    }

    /// Makes it trust a log, and starts it.
    pub(crate) fn serve(&mut self, origin: &str, vkey: &str) {
        self.call(&["add-log", "--origin", origin, "--vkey", vkey]);
        let log = File::create(self.dir.path().join("log")).unwrap();
        drop(self.reserved.take());
        let child = Command::new(component(".venv-tlog/bin/aics-witness"))
            .args(["serve", "--config", "w.json"])
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let child = self.child.insert(child);
        wait_until("the witness answers", Duration::from_secs(60), || {
            assert!(child.try_wait().unwrap().is_none(), "the witness has ended: see its log");
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn call(&self, args: &[&str]) -> String {
        let program = component(".venv-tlog/bin/aics-witness");
        let mut command = Command::new(program);
        let output = command.args(args).args(["--config", "w.json"]).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It is gone already, if this fails.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
