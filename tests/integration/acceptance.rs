//! What other people's programs say of our bundles: each accepts a good one and refuses a changed one. Two
//! bundles: the demo's, and one of a restore by restic that was really collected; both begin with the log.

mod bag;
mod log;
mod reproduced;

use super::cli::{Home, demo};
use super::support::drill::Drill;
use super::support::program;
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A bundle, packed and unpacked, and the log's key as its operator gives it out.
struct Bundle {
    name: &'static str,
    zip: PathBuf,
    folder: PathBuf,
    vkey: PathBuf,
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

impl Bundle {
    /// Exports everything from the beginning of the log until `to`, and unpacks it.
    fn of(name: &'static str, home: &Home, to: &str, dir: &Path) -> Self {
        let dir = dir.join(name);
        fs::create_dir(&dir).unwrap();
        let export = home.run(&["export", "--from", "2025-01-01", "--to", to, "--out", "bundle.zip"]);
        assert_eq!(export.code, 0, "{export:?}");
        let (zip, vkey) = (dir.join("bundle.zip"), dir.join("log.vkey"));
        fs::copy(home.path("bundle.zip"), &zip).unwrap();
        fs::copy(home.path("state/log.vkey"), &vkey).unwrap();
        let folder = unpack(&zip, &dir.join("unpacked"));
        Self { name, zip, folder, vkey }
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

/// Unpacks with unzip. Returns the one folder.
fn unpack(zip: &Path, to: &Path) -> PathBuf {
    succeeds(Command::new(program("unzip")).arg("-q").arg(zip).arg("-d").arg(to));
    let mut entries = fs::read_dir(to).unwrap();
    let folder = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none(), "more than one folder");
    folder
}

fn bundles() -> &'static [Bundle; 2] {
    static BUNDLES: OnceLock<[Bundle; 2]> = OnceLock::new();
    BUNDLES.get_or_init(|| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("acceptance");
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        fs::create_dir_all(&dir).unwrap();
        let sample = Bundle::of("demo", &demo::home(), "2026-02-01", &dir);
        let drill = Drill::with_backup("restic");
        drill.drill(&[]);
        let now = SystemClock.now();
        let store = json!({ "name": "files", "since": now.date_naive(), "rto_target_s": 3600, "rpo_target_s": 3600 });
        let settings = json!({ "directory": drill.logs(), "stores": [store] });
        let home = Home::with("backup_restores", &settings, "restore_test");
        let (_, run) = home.collect(&[]);
        assert_eq!(run["end"], "done", "{run}");
        let tomorrow = now.date_naive().succ_opt().unwrap().succ_opt().unwrap();
        [sample, Bundle::of("restic", &home, &tomorrow.to_string(), &dir)]
    })
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
