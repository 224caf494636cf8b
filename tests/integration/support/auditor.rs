//! An auditor's desk: what he was given before the period, the programs that check a bundle without us, and
//! those of the system that they run on.

use super::program;
use evidenced::bundle::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
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

    /// Exit code, and what was said.
    fn run(&self, command: &mut Command) -> (Option<i32>, String) {
        // Programs that a test put in the folder `bin` come before those of the system.
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([self.path("bin")].into_iter().chain(std::env::split_paths(&system))).unwrap();
        let Output { status, stdout, stderr } = command.current_dir(self.0.path()).env("PATH", path).output().unwrap();
        (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }

    /// `verify.sh`, which follows one record to the root: the one named, or the first with files.
    pub(crate) fn shell(&self, bundle: &Path, record: Option<&str>) -> (bool, String) {
        let (_dir, folder) = self.unpacked(bundle);
        let (code, said) = self.shell_in(&folder, record);
        (code == Some(0), said)
    }

    /// The folder of a bundle, unpacked by other people's program.
    pub(crate) fn unpacked(&self, bundle: &Path) -> (TempDir, PathBuf) {
        let to = tempfile::tempdir().unwrap();
        let (code, said) = self.run(Command::new(program("unzip")).arg("-q").arg(bundle).arg("-d").arg(to.path()));
        assert_eq!(code, Some(0), "{said}");
        let folder = fs::read_dir(to.path()).unwrap().next().unwrap().unwrap().path();
        (to, folder)
    }

    /// `verify.sh` of an unpacked folder, under both sorts of shells that people have as `sh`: its exit code, and what
    /// it says.
    pub(crate) fn shell_in(&self, folder: &Path, record: Option<&str>) -> (Option<i32>, String) {
        let run = |command: &mut Command| self.run(command.arg("verify.sh").arg(folder).arg("KEYS").args(record));
        let plain = run(&mut Command::new(program("sh")));
        let bash = run(Command::new(program("bash")).arg("--posix"));
        assert_eq!(plain, bash, "sh and bash take verify.sh otherwise");
        plain
    }

    /// `verify.py` with these arguments: its exit code, and what it says.
    pub(crate) fn python_with(&self, args: &[&str]) -> (Option<i32>, String) {
        self.run(Command::new(program("python3")).args(["-I", "verify.py"]).args(args))
    }

    /// `verify.py`.
    pub(crate) fn python(&self, bundle: &Path) -> (bool, String) {
        let mut command = Command::new(program("python3"));
        command.args(["-I", "verify.py"]).arg(bundle).args(["--vkey", "KEYS/log.vkey"]);
        command.args(["--allowed-signers", "KEYS/allowed_signers"]);
        if self.path("KEYS/tsa-root.pem").exists() {
            command.args(["--tsa-root", "KEYS/tsa-root.pem"]);
        }
        let (code, said) = self.run(&mut command);
        (code == Some(0), said)
    }

    /// What `verify.html` says in a browser, and what it sent. `before` is a script that runs before its own.
    pub(crate) fn page(&self, bundle: &Path, before: &str) -> serde_json::Value {
        self.drive("drive.mjs", bundle, before)
    }

    /// What `verify.html` says of a bundle, after another was chosen, and of an older run that ends after that.
    pub(crate) fn page_with_another(&self, bundle: &Path, another: &Path) -> serde_json::Value {
        self.drive("another.mjs", bundle, another.to_str().unwrap())
    }

    fn drive(&self, script: &str, bundle: &Path, last: &str) -> serde_json::Value {
        let drive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
        let mut command = Command::new(program("node"));
        command.arg(drive).arg(program("chromium")).arg(self.path("verify.html")).arg(bundle);
        command.args([&self.text("KEYS/log.vkey"), &self.text("KEYS/allowed_signers"), last]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}
