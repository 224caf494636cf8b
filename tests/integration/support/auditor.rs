//! An auditor's desk: what he was given before the period, the programs that check a bundle without us, and
//! those of the system that they run on.

use super::program;
use evidenced::bundle::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with the scripts in it, and beside them `KEYS`.
pub(crate) struct Auditor(TempDir);

impl Auditor {
    /// Who was given nothing yet.
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("KEYS")).unwrap();
        for tool in tools::ALL {
            fs::write(desk.path(tool.name), tool.text).unwrap();
        }
        // The scripts call them.
        for name in ["openssl", "ssh-keygen", "sha256sum"] {
            program(name);
        }
        desk
    }

    /// Who was given these files: `log.vkey`, `allowed_signers`, perhaps `tsa-root.pem`.
    pub(crate) fn with(keys: &Path) -> Self {
        let desk = Self::new();
        for entry in fs::read_dir(keys).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), desk.path("KEYS").join(entry.file_name())).unwrap();
        }
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, command: &mut Command) -> (bool, String) {
        let output = command.current_dir(self.0.path()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// `verify.sh`, which follows one record to the root: the one named, or the first with files.
    pub(crate) fn shell(&self, bundle: &Path, record: Option<&str>) -> (bool, String) {
        let to = tempfile::tempdir().unwrap();
        let (unpacked, said) = self.run(Command::new(program("unzip")).arg("-q").arg(bundle).arg("-d").arg(to.path()));
        assert!(unpacked, "{said}");
        let folder = fs::read_dir(to.path()).unwrap().next().unwrap().unwrap().path();
        self.run(Command::new(program("sh")).arg("verify.sh").arg(folder).arg("KEYS").args(record))
    }

    /// `verify.py` with these arguments: its exit code, and what it says.
    pub(crate) fn python_with(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(program("python3"));
        let output = command.args(["-I", "verify.py"]).args(args).current_dir(self.0.path()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// `verify.py`.
    pub(crate) fn python(&self, bundle: &Path) -> (bool, String) {
        let mut command = Command::new(program("python3"));
        command.args(["-I", "verify.py"]).arg(bundle).args(["--vkey", "KEYS/log.vkey"]);
        command.args(["--allowed-signers", "KEYS/allowed_signers"]);
        if self.path("KEYS/tsa-root.pem").exists() {
            command.args(["--tsa-root", "KEYS/tsa-root.pem"]);
        }
        self.run(&mut command)
    }

    /// What `verify.html` says in a browser, and what it sent. `before` is a script that runs before its own.
    pub(crate) fn page(&self, bundle: &Path, before: &str) -> serde_json::Value {
        let drive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/drive.mjs");
        let mut command = Command::new(program("node"));
        command.arg(drive).arg(program("chromium")).arg(self.path("verify.html")).arg(bundle);
        command.args([self.text("KEYS/log.vkey"), self.text("KEYS/allowed_signers"), before.to_owned()]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}
