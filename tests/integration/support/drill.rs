//! A real repository of restic or borg, and `deploy/restore-drill` run on it.

use super::{component, program};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A log directory beside everything else that a drill needs.
pub(crate) struct Drill {
    pub(crate) home: tempfile::TempDir,
    tool: &'static str,
}

impl Drill {
    pub(crate) fn bare(tool: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        for name in ["logs", "scratch"] {
            fs::create_dir(home.path().join(name)).unwrap();
        }
        Self { home, tool }
    }

    /// With a repository of one backup: some files, a directory, and 400 kB that do not compress.
    pub(crate) fn with_backup(tool: &'static str) -> Self {
        let bed = Self::bare(tool);
        let data = bed.path("data");
        fs::create_dir_all(data.join("deep")).unwrap();
        fs::write(data.join("orders.csv"), "id,total\n1,20\n2,30\n").unwrap();
        let mut state = 7_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        fs::write(data.join("deep/noise"), noise.take(400_000).collect::<Vec<_>>()).unwrap();
        match tool {
            "restic" => {
                bed.tool(&["init", "--quiet"]);
                bed.tool(&["backup", "--quiet", "data"]);
            }
            _ => {
                bed.tool(&["init", "--encryption", "repokey"]);
                bed.tool(&["create", "::first", "data"]);
            }
        }
        bed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let home = self.home.path();
        let mut path = OsString::from(component(".beds/bin/restic").parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new(program);
        command
            .current_dir(home)
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("TMPDIR", home.join("scratch"))
            .env("LANG", "C.UTF-8")
            // Far from UTC: a drill must not mistake borg's local time for UTC.
            .env("TZ", "Asia/Kathmandu")
            .env("RESTIC_REPOSITORY", home.join("repository"))
            .env("RESTIC_PASSWORD", "sample")
            .env("BORG_REPO", home.join("repository"))
            .env("BORG_PASSPHRASE", "sample");
        command
    }

    /// A program `checks` for the drill.
    pub(crate) fn script(&self, body: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path("checks");
        fs::write(&path, format!("#!/bin/sh\n{body}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the tool itself on the repository; what it writes.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Vec<u8> {
        let program = match self.tool {
            "restic" => component(".beds/bin/restic"),
            name => program(name),
        };
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        output.stdout
    }

    /// Runs the drill of store `files`; the directory that it wrote, and its exit code.
    pub(crate) fn drill(&self, arguments: &[&str]) -> (PathBuf, Option<i32>) {
        let output = self.drill_command(arguments).output().unwrap();
        let written = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(!written.is_empty(), "{}", said(&output));
        assert_eq!(fs::read_dir(self.path("scratch")).unwrap().count(), 0, "the restored copy is removed");
        (PathBuf::from(written.trim_end()), output.status.code())
    }

    pub(crate) fn drill_command(&self, arguments: &[&str]) -> Command {
        let drill = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/restore-drill");
        let mut command = self.command(drill);
        command.args([self.tool, "--store", "files", "--into", "logs", "--performer", "sam"]).args(arguments);
        command
    }

    /// Overwrites bytes in the middle of the largest file under `directory` of the repository.
    pub(crate) fn damage(&self, directory: &str) {
        let mut files = files_under(&self.path("repository").join(directory));
        files.sort_by_key(|file| fs::metadata(file).unwrap().len());
        let largest = files.pop().unwrap();
        let mut bytes = fs::read(&largest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte = !*byte);
        fs::remove_file(&largest).unwrap();
        fs::write(&largest, bytes).unwrap();
    }
}

fn files_under(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
