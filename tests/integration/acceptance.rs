//! What other people's programs say of our bundles: each accepts a good one and refuses a changed one. Two
//! bundles, made once for all tests here: the demo's, and `collected`, whose collectors really collected. Both
//! begin with the log, and both are time-stamped by an authority that the test runs.

mod bag;
mod collected;
mod envelope;
mod log;
mod opened;
mod reproduced;
mod scripts;

use super::cli::{Home, demo};
use super::support::tsa::Server;
use super::support::{own_folder, program};
use chrono::SecondsFormat;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A bundle, packed and unpacked, and what an auditor was given before the period.
struct Bundle {
    name: &'static str,
    zip: PathBuf,
    folder: PathBuf,
    /// `log.vkey`, `allowed_signers`, `tsa-root.pem`; `witness.vkey` where there is a witness.
    keys: PathBuf,
    /// Who may sign, by name.
    principal: &'static str,
    /// Where it was exported, and the end of its period.
    home: Home,
    to: String,
}

/// Exit code and everything that was said.
fn said(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let all = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), format!("{command:?}\n{}", String::from_utf8_lossy(&all)))
}

fn succeeds(command: &mut Command) -> String {
    let (code, said) = said(command);
    assert_eq!(code, 0, "{said}");
    said
}

/// Refuses, and says these words of it.
fn fails(command: &mut Command, words: &str) {
    let (code, said) = said(command);
    assert!(code != 0 && said.contains(words), "{words:?} is not why {code}: {said}");
}

/// A bundle's name, its home, the end of its period, and who signs.
type Given = (&'static str, Home, String, &'static str);

impl Bundle {
    /// Exports everything from the beginning of the log until `to`, and unpacks it.
    fn of((name, home, to, principal): Given, authority: &Server, dir: &Path) -> Self {
        let (dir, keys) = (dir.join(name), dir.join(name).join("KEYS"));
        fs::create_dir_all(&keys).unwrap();
        let zip = dir.join("bundle.zip");
        export(&home, &to, &zip);
        fs::copy(home.path("state/log.vkey"), keys.join("log.vkey")).unwrap();
        fs::copy(home.path("allowed_signers"), keys.join("allowed_signers")).unwrap();
        fs::write(keys.join("tsa-root.pem"), authority.authority.pem("root")).unwrap();
        if home.path("witness.vkey").exists() {
            fs::copy(home.path("witness.vkey"), keys.join("witness.vkey")).unwrap();
        }
        let folder = unpack(&zip, &dir.join("unpacked"));
        Self { name, zip, folder, keys, principal, home, to }
    }

    fn key(&self, name: &str) -> PathBuf {
        self.keys.join(name)
    }

    /// A copy of the folder in which one bit of the file is another.
    fn changed(&self, path: &str) -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("bundle");
        succeeds(Command::new(program("cp")).arg("-r").arg(&self.folder).arg(&copy));
        let mut bytes = fs::read(copy.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        // In a checkpoint, that is part of what is signed.
        let at = bytes.len() / 4;
        bytes[at] ^= 1;
        fs::write(copy.join(path), bytes).unwrap();
        (dir, copy)
    }
}

/// Exports by the built program, with a time-stamp or not at all.
fn export(home: &Home, to: &str, out: &Path) {
    let out = out.to_str().unwrap();
    let said = home.run(&["export", "--from", "2025-01-01", "--to", to, "--out", out, "--require-timestamp"]);
    assert_eq!(said.code, 0, "{said:?}");
}

/// Unpacks with unzip. Returns the one folder.
fn unpack(zip: &Path, to: &Path) -> PathBuf {
    succeeds(Command::new(program("unzip")).arg("-q").arg(zip).arg("-d").arg(to));
    let mut entries = fs::read_dir(to).unwrap();
    let folder = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none(), "more than one folder");
    folder
}

fn bundles() -> &'static [Bundle; 2] {
    // Tried once: what cannot be made fails every test, and at once.
    static BUNDLES: LazyLock<[Bundle; 2]> = LazyLock::new(|| {
        let dir = own_folder("acceptance");
        let authority = Server::start();
        let sample = demo::home();
        sample.configure(&format!("\n[anchors.authority]\nway = 'rfc3161'\nurl = '{}'\n", authority.url()));
        let collected = collected::home(&authority);
        // What was collected is over, so that the same bundle can be exported again.
        let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let given: [Given; 2] = [
            ("demo", sample, "2026-02-01".to_owned(), "evidence@sample.example"),
            ("collected", collected, now, "evidence@test.example"),
        ];
        given.map(|given| Bundle::of(given, &authority, &dir))
    });
    &BUNDLES
}

/// Folders of both bundles, and of what the auditor has of each.
pub(crate) fn unpacked() -> [(&'static Path, &'static Path); 2] {
    bundles().each_ref().map(|bundle| (bundle.folder.as_path(), bundle.keys.as_path()))
}

/// The program accepts both bundles, and refuses copies in which a bit of one of these files was changed.
fn accepts_and_refuses(command: impl Fn(&Bundle, &Path) -> Command, files: &[&str]) {
    for bundle in bundles() {
        succeeds(&mut command(bundle, &bundle.folder));
        for path in files {
            let (_dir, changed) = bundle.changed(path);
            let (code, said) = said(&mut command(bundle, &changed));
            assert_ne!(code, 0, "{}: {path} was changed, and it was accepted\n{said}", bundle.name);
        }
    }
}
