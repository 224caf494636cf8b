//! Every system call of a process on the files of a ledger, made to fail or to be its last: nothing acknowledged is lost,
//! nothing is acknowledged after a sync that failed, the file stays in WAL mode, and whoever fails says so with a hint.
//!
//! `EVIDENCED_CASES` tries so many occurrences; 0 tries all of them.

use super::sealer::{FULL, STOPPED, UNOPENED, With, acknowledged_after_a_stop, acks, fresh, lost, sealer};
use super::{SEED, copy, ready_again};
use crate::cli::Home;
use crate::cli::reload::home;
use crate::support::program;
use crate::support::random::{Random, chosen};
use evidenced::ledger::{Reader, verify_store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CASES: u64 = 60;

/// What may fail, and how.
const CALLS: [(&str, &[&str]); 19] = [
    ("openat", &["error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL"]),
    ("read", &["error=EIO", "error=EINTR", "signal=KILL"]),
    ("pread64", &["error=EIO", "error=EINTR", "signal=KILL"]),
    ("write", &["error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL"]),
    ("pwrite64", &["error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL"]),
    ("fsync", &["error=EIO", "error=ENOSPC", "signal=KILL"]),
    ("fdatasync", &["error=EIO", "error=ENOSPC", "signal=KILL"]),
    ("ftruncate", &["error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL"]),
    ("fallocate", &["error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL"]),
    ("rename", &["error=EIO", "error=ENOSPC", "signal=KILL"]),
    ("unlink", &["error=EIO", "signal=KILL"]),
    ("mkdir", &["error=EIO", "error=ENOSPC", "signal=KILL"]),
    ("close", &["error=EIO", "error=EINTR", "signal=KILL"]),
    ("mmap", &["error=ENOMEM", "signal=KILL"]),
    ("statx", &["error=EIO", "signal=KILL"]),
    ("newfstatat", &["error=EIO", "signal=KILL"]),
    ("flock", &["error=EIO", "error=ENOLCK", "error=EINTR", "signal=KILL"]),
    ("fcntl", &["error=EIO", "error=ENOLCK", "error=EINTR", "signal=KILL"]),
    ("lseek", &["error=EIO", "signal=KILL"]),
];

/// Names of what a ledger's directory may hold.
const FILES: [&str; 13] = [
    "",
    "ledger.sqlite",
    "ledger.sqlite-wal",
    "ledger.sqlite-shm",
    "ledger.sqlite-journal",
    "checkpoint",
    "checkpoint.next",
    "log.key",
    "log.vkey",
    "log.vkey.next",
    "bundle.key",
    "bundle.pub",
    "lock",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Init,
    Seal,
    Collect,
    Backup,
    Export,
}

/// A place where the act can be done, made anew for each case.
struct Place {
    before: Home,
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let before = home();
        assert_eq!(before.collect(&[]).0, 0);
        Self { before, dir: tempfile::tempdir().unwrap() }
    }

    /// The directory as it is before an act.
    fn again(&self, act: Act) -> PathBuf {
        let to = self.dir.path().join("home");
        let _ = fs::remove_dir_all(&to);
        copy(&self.before.path(""), &to);
        let text = fs::read_to_string(to.join("evidenced.toml")).unwrap();
        let (was, is) = (self.before.path("logs").display().to_string(), to.join("logs").display().to_string());
        fs::write(to.join("evidenced.toml"), text.replace(&was, &is)).unwrap();
        if act == Act::Init {
            fs::remove_dir_all(to.join("state")).unwrap();
        }
        to
    }
}

impl Act {
    fn command(self, home: &Path) -> Command {
        let args: &[&str] = match self {
            Self::Seal => {
                let mut command = sealer(&home.join("state"));
                // A fold of the write-ahead log is among them.
                command.units(45);
                return command;
            }
            Self::Init => &["init"],
            Self::Collect => &["collect", "now", "--json"],
            Self::Backup => &["backup", "copy", "--json"],
            Self::Export => &["export", "--from", "2026-01-01", "--to", "2100-01-01", "--out", "out.zip"],
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        command.env_clear().args(args);
        command
    }

    /// Under strace, with or without something that goes wrong, over the files of the ledger and its copy alone.
    fn traced(self, home: &Path, log: &Path, inject: Option<String>) -> Output {
        let act = self.command(home);
        let mut command = Command::new(program("strace"));
        let names: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
        command
            .args(["-f", "-qq", "-y", "--seccomp-bpf", "-o"])
            .arg(log)
            .arg("-e")
            .arg(format!("trace={}", names.join(",")));
        for file in ["state", "copy"].iter().flat_map(|dir| FILES.map(|file| home.join(dir).join(file))) {
            command.arg("-P").arg(file);
        }
        command.args(inject.iter().flat_map(|what| ["-e", what]));
        command.arg(act.get_program()).args(act.get_args()).current_dir(home).env_clear();
        command.envs(act.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.output().unwrap()
    }

    /// How often it makes each call.
    fn counted(self, place: &Place) -> BTreeMap<&'static str, u64> {
        let log = place.dir.path().join("log");
        let output = self.traced(&place.again(self), &log, None);
        assert!(output.status.success(), "{self:?}: {output:?}");
        let text = fs::read_to_string(&log).unwrap();
        // strace counts the calls of each thread apart.
        let count = |name: &str| {
            let lines = text.lines().filter(|line| line.contains(&format!(" {name}(")));
            let mut threads = BTreeMap::new();
            lines.for_each(|line| *threads.entry(line.split(' ').next()).or_insert(0) += 1);
            threads.into_values().max().unwrap_or(0)
        };
        CALLS.iter().map(|(name, _)| (*name, count(name))).filter(|(_, count)| *count > 0).collect()
    }

    fn check(self, home: &Path, output: &Output, after_failed_sync: &str) {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let killed = output.status.signal().is_some();
        // Nothing may be put in place that an acknowledgement rests on.
        assert!(!after_failed_sync.contains(" rename("), "it went on after a failed sync: {after_failed_sync}");
        assert!(!err.contains("panicked"), "{err}");
        assert!(
            killed || output.status.success() || err.contains("hint:"),
            "{:?} without a hint: {err}",
            output.status
        );
        let state = home.join("state");
        if self == Self::Init && !output.status.success() {
            // Half a ledger must not be taken for one: it is refused, or is whole.
            if Reader::open(&state).is_ok() {
                ready_again(&state);
            }
            return;
        }
        ready_again(&state);
        match self {
            Self::Seal => {
                let said = acks(&out);
                assert_eq!(lost(&state, &said), 0, "{out}");
                assert!(!acknowledged_after_a_stop(&out), "{out}");
                assert!(killed || matches!(output.status.code(), Some(0 | STOPPED | UNOPENED | FULL)), "{output:?}");
            }
            Self::Collect => {
                let reader = Reader::open(&state).unwrap();
                for report in serde_json::from_str::<Vec<Value>>(&out).unwrap_or_default() {
                    assert!(reader.record(report["evidence"].as_u64().unwrap()).is_ok(), "{report}");
                }
            }
            Self::Backup => {
                let whole = verify_store(&home.join("copy")).is_ok_and(|report| report.is_whole());
                assert!(whole || !output.status.success(), "{output:?}");
                assert!(after_failed_sync.is_empty() || !output.status.success(), "a copy over a failed sync: {out}");
            }
            Self::Export => assert!(home.join("out.zip").exists() || !output.status.success(), "{output:?}"),
            Self::Init => {}
        }
    }
}

/// What was called after a sync that failed. SQLite makes its log and ignores whether the sync of the directory after that
/// fails: whoever opens a ledger has synced it before.
fn after_failed_sync(log: &str) -> &str {
    let Some((before, after)) = log.split_once("(INJECTED)") else { return "" };
    let mut lines = before.lines().rev().filter(|line| line.contains("sync(") || line.contains(" rename("));
    let (failed, earlier) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let of_sqlite = !failed.contains("/state/") && !failed.contains("/copy/") && earlier.contains("/ledger.sqlite-");
    if of_sqlite { "" } else { after }
}

#[test]
fn no_system_call_that_fails_loses_what_was_acknowledged() {
    let (seed, cases) = (chosen("EVIDENCED_SEED", SEED), chosen("EVIDENCED_CASES", CASES));
    let (place, mut all) = (Place::new(), Vec::new());
    for act in [Act::Init, Act::Seal, Act::Collect, Act::Backup, Act::Export] {
        let counted = act.counted(&place);
        println!("calls: {act:?} makes {counted:?}");
        for (name, faults) in CALLS {
            let occurrences = 1..=counted.get(name).copied().unwrap_or(0);
            all.extend(occurrences.flat_map(|n| faults.iter().map(move |fault| (act, name, *fault, n))));
        }
    }
    let mut random = Random(seed);
    let drawn = if cases == 0 { all.clone() } else { (0..cases).map(|_| random.pick(&all)).collect() };
    let (log, mut injected, mut failures) = (place.dir.path().join("log"), BTreeMap::new(), Vec::new());
    for (act, name, fault, n) in &drawn {
        let home = place.again(*act);
        let output = act.traced(&home, &log, Some(format!("inject={name}:{fault}:when={n}")));
        let text = fs::read_to_string(&log).unwrap();
        let hit = text.contains("(INJECTED)") || output.status.signal().is_some();
        *injected.entry((*act, hit)).or_insert(0) += 1;
        let after = if name.ends_with("sync") { after_failed_sync(&text) } else { "" };
        let checked = std::panic::catch_unwind(|| act.check(&home, &output, after));
        if let Err(why) = checked {
            let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
            failures.push(format!("{act:?}, {name} {fault} at {n}: {why}"));
        }
    }
    let found = failures.len();
    println!(
        "calls: seed {seed}, {} of {} cases, by act and whether it was hit {injected:?}, failures {found}",
        drawn.len(),
        all.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let hits: u64 = injected.iter().filter(|((_, hit), _)| *hit).map(|(_, count)| *count).sum();
    // How many calls a thread makes differs from run to run, so a call that is not made again cannot fail.
    assert!(hits * 3 > drawn.len() as u64, "{hits} of {}: the rig does not hit", drawn.len());
}

#[test]
fn a_process_that_acknowledges_too_early_loses_records_when_a_call_is_its_last() {
    let dir = tempfile::tempdir().unwrap();
    fresh(dir.path());
    let mut command = Command::new(program("strace"));
    let mut liar = sealer(dir.path());
    liar.lying().units(9);
    let wal = dir.path().join("ledger.sqlite-wal");
    // A write into the log, and no sync: what was written before a sync outlives the process, synced or not.
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=pwrite64:signal=KILL:when=60", "-P"]).arg(wal);
    command.arg(liar.get_program()).args(liar.get_args());
    command.envs(liar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let said = acks(&String::from_utf8(output.stdout).unwrap());
    assert!(said.len() > 1 && output.status.code() != Some(0), "it was not killed in the middle: {said:?}");
    assert!(lost(dir.path(), &said) > 0, "the rig does not find what is lost: {said:?}");
}
