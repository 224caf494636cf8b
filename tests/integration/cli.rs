//! The built binary as its users run it: what it prints, how it exits, and what is in the bundle it hands out.

mod attest;
mod aws;
mod catalogue;
mod collect;
mod compact;
mod config;
pub(crate) mod demo;
mod doctor;
mod documents;
mod erase;
mod explain;
mod hindsight;
mod judge;
mod keys;
mod localstack;
mod mcp;
mod named;
mod packs;
mod permissions;
mod readiness;
mod registers;
pub(crate) mod reload;
mod restores;
mod rights;
mod timeline;
mod timestamp;

use chrono::{DateTime, TimeDelta, Utc};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use zip::ZipArchive;

/// What a command said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Everything, for finding words in.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// Runs `evidenced` in a directory, with nothing of our environment.
pub(crate) fn evidenced(dir: &Path, args: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    let output = command.current_dir(dir).env_clear().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A user's directory with `evidenced.toml` in it.
pub(crate) struct Home(TempDir);

impl Home {
    /// With a configuration of one collector `c` and one control `T-1` over it, and its ledger.
    pub(crate) fn with(kind: &str, settings: &Value, test: &str) -> Self {
        let settings: toml::Value = serde_json::from_value(settings.clone()).unwrap();
        Self::configured(&format!(
            "organization = 'Test Ltd'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n\
             [collectors.c]\nkind = '{kind}'\nschedule = '0 * * * *'\nsettings = {settings}\n\
             [controls.T-1]\ntitle = 't'\ncriteria = ['CC6.1']\nowner = 'o'\nseverity = 'high'\n\
             collectors = ['c']\ntest = '{test}'\nstale_after = '36h'\n"
        ))
    }

    /// With this configuration, and its ledger.
    pub(crate) fn configured(text: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::write(home.path("evidenced.toml"), text).unwrap();
        let init = home.run(&["init"]);
        assert_eq!(init.code, 0, "{init:?}");
        let public = |name: &str| fs::read_to_string(home.path(name)).unwrap().trim().to_owned();
        let lines: Vec<&str> = init.out.lines().collect();
        fs::write(home.path("allowed_signers"), format!("{}\n", lines[2])).unwrap();
        assert_eq!(lines[..2], [public("state/log.vkey"), public("state/bundle.pub")]);
        assert!(lines[2].starts_with("evidence@") && lines[2].ends_with(&public("state/bundle.pub")), "{}", lines[2]);
        home
    }

    /// Adds to its configuration.
    pub(crate) fn configure(&self, more: &str) {
        let path = self.path("evidenced.toml");
        fs::write(&path, fs::read_to_string(&path).unwrap() + more).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        evidenced(self.0.path(), args)
    }

    /// What `collect now` says of the collector, and its exit code.
    pub(crate) fn collect(&self, more: &[&str]) -> (i32, Value) {
        let said = self.run(&[&["collect", "now", "--json"], more].concat());
        (said.code, said.json()[0].clone())
    }

    /// The control as `status` has it, and the exit code.
    fn status(&self) -> (i32, Value) {
        let said = self.run(&["status", "--json"]);
        (said.code, said.json()["controls"][0].clone())
    }

    /// Outcome and reason of each item by the newest verdict, out of a bundle that verifies and can be made again.
    fn judgements(&self) -> BTreeMap<String, (String, String)> {
        let day = |days| (SystemClock.now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        let bundle = format!("{}.zip", SystemClock.now().format("%H%M%S%f"));
        let export = self.run(&["export", "--from", &day(-1), "--to", &day(2), "--out", &bundle]);
        assert_eq!(export.code, 0, "{export:?}");
        assert!(export.err.contains("exported again later, the bundle will differ"), "{}", export.err);
        let told = ["--vkey", "state/log.vkey", "--allowed-signers", "allowed_signers"];
        let verify = self.run(&[&["verify", &bundle, "--reperform"][..], &told].concat());
        assert_eq!(verify.code, 0, "{verify:?}");
        assert!(verify.out.ends_with("accepted: every check was made, and nothing is wrong\n"), "{}", verify.out);
        let files = files(&self.path(&bundle));
        let newest = files.keys().rfind(|path| path.ends_with("/judgements.json")).unwrap();
        let verdict: Value = serde_json::from_slice(&files[newest]).unwrap();
        let text = |judgement: &Value, key: &str| judgement[key].as_str().unwrap().to_owned();
        let judgements = verdict["judgements"].as_array().unwrap().iter();
        judgements.map(|j| (text(j, "item"), (text(j, "outcome"), text(j, "reason")))).collect()
    }
}

fn pair(outcome: &str, reason: &str) -> (String, String) {
    (outcome.to_owned(), reason.to_owned())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The files of a bundle, by path inside its folder.
pub(crate) fn files(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(fs::File::open(bundle).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let path = entry.name().unwrap().split_once('/').unwrap().1.to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(path, bytes);
    }
    files
}
