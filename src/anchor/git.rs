//! A branch of a git repository that somebody else keeps. Fast-forward only: what was pushed once stays in its
//! history, and a history that lost it is noticed at the next push.
//!
//! Needs the git binary. There is no work tree: commits are made in a bare copy in the state directory. The copy holds
//! nothing that cannot be fetched again, and is made anew when git fails in it: whoever was killed there may have left
//! a lock or half an object, which git never mends by itself.

use super::error::{AnchorError, Fault};
use super::{LIMIT, Point, Receipt, kept};
use crate::config::GitBranch;
use crate::ledger::Reader;
use crate::outside::strike;
use crate::owner;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use evidenced_collectors::door::read_secret;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Most bytes of its output that are read: names of the checkpoints of a hundred years.
const OUTPUT_BYTES_MAX: u64 = 8 << 20;

const THEIRS: &str = "refs/heads/theirs";

/// Name of a file in the copy: git failed there.
const FAILED: &str = "evidenced-failed";

/// The bare copy, and where it goes.
pub(super) struct Git<'a> {
    fault: Fault<'a>,
    /// The git directory.
    copy: PathBuf,
    /// Of its own, so that no lock on it is somebody else's.
    index: TempDir,
    config: &'a GitBranch,
    repository: String,
    /// For https, in the environment of git alone.
    token: Option<SecretString>,
    /// When all of it must be done: whoever waits for it waits no longer.
    until: Instant,
}

impl<'a> Git<'a> {
    /// Removes the copy if git failed in it before. Only for who holds the anchor's lock: others may be reading there,
    /// and then fail and try again.
    pub(super) fn renew(copies: &Path, fault: Fault<'_>) -> Result<(), AnchorError> {
        let copy = place(copies, fault);
        if !copy.join(FAILED).exists() {
            return Ok(());
        }
        std::fs::remove_dir_all(&copy)
            .map_err(|error| fault.unreachable(format!("removing {}: {error}", copy.display())))
    }

    /// Makes the copy in `copies` if it is not there, and fetches the branch. A path is relative to `base`.
    /// The second value is the branch's newest commit; none when there is no such branch yet.
    pub(super) fn fetch(
        config: &'a GitBranch,
        (base, copies): (&Path, &Path),
        fault: Fault<'a>,
    ) -> Result<(Self, Option<String>), AnchorError> {
        let token = config.token.as_ref().map(read_secret).transpose();
        let token = token.map_err(|why| fault.unreachable(format!("its token: {why}")))?;
        let is_address = config.repository.contains("://") || config.repository.contains('@');
        let repository = match is_address {
            true => config.repository.clone(),
            false => base.join(&config.repository).display().to_string(),
        };
        let copy = place(copies, fault);
        let making = |error| fault.unreachable(format!("making {}: {error}", copy.display()));
        std::fs::create_dir_all(&copy).map_err(making)?;
        let index = tempfile::Builder::new().prefix("index-").tempdir_in(&copy).map_err(making)?;
        let above = copies.parent().unwrap_or(copies);
        for (made, above) in [(copies, above), (&copy, copies), (index.path(), &copy)] {
            owner::directory(made, above).map_err(making)?;
        }
        let git = Self { fault, copy, index, config, repository, token, until: Instant::now() + LIMIT };
        git.run(&["init", "--quiet", "--bare"], None)?;
        let head = git.remote_head()?;
        if head.is_some() {
            let refspec = format!("+refs/heads/{}:{THEIRS}", config.branch);
            git.run(&["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", &git.repository, &refspec], None)?;
        }
        let fetched = head.map(|_| git.line(&["rev-parse", "--verify", THEIRS])).transpose()?;
        Ok((git, fetched))
    }

    /// Compares the newest checkpoint on the branch with the ledger.
    pub(super) fn compare(&self, head: Option<&str>, reader: &Reader) -> Result<(), AnchorError> {
        let Some(head) = head else { return Ok(()) };
        let folder = kept::folder(reader.key().name());
        let names = self.run(&["ls-tree", "--name-only", head], None)?;
        if !names.lines().any(|name| name == folder) {
            return Ok(());
        }
        let names = self.run(&["ls-tree", "--name-only", &format!("{head}:{folder}")], None)?;
        let Some(newest) = names.lines().filter_map(kept::size_of).max() else { return Ok(()) };
        let note = self.run(&["cat-file", "blob", &format!("{head}:{folder}/{}", kept::file_name(newest))], None)?;
        kept::compare(self.fault, reader, newest, note.as_bytes())
    }

    /// Commits the checkpoint on top of `head` and pushes. `before` is the commit that was pushed last, as its
    /// receipt. The receipt is the commit: its id is that of git over its bytes.
    pub(super) fn hand_over(
        &self,
        head: Option<&str>,
        before: Option<&[u8]>,
        origin: &str,
        point: &Point,
        now: DateTime<Utc>,
    ) -> Result<Receipt, AnchorError> {
        self.require_history(head, before)?;
        let path = format!("{}/{}", kept::folder(origin), kept::file_name(point.size));
        let blob = self.line_with(&["hash-object", "-w", "--stdin"], &point.note)?;
        let base = head.unwrap_or("--empty");
        self.run(&["read-tree", base], None)?;
        self.run(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")], None)?;
        let tree = self.line(&["write-tree"])?;
        let message = format!("checkpoint of {} records of {origin}\n", point.size);
        let date = format!("{} +0000", now.timestamp());
        let mut args = vec!["commit-tree", tree.as_str(), "-F", "-"];
        args.extend(head.iter().flat_map(|head| ["-p", head]));
        let commit = self.call(&args, Some(message.as_bytes()), &date)?;
        let commit = commit.trim_end();
        let target = format!("{commit}:refs/heads/{}", self.config.branch);
        self.run(&["push", "--quiet", &self.repository, &target], None)?;
        // The push may have been taken by something that only says so.
        if self.remote_head()?.as_deref() != Some(commit) {
            return Err(self.fault.unreachable("it took the push, and its branch is at another commit now"));
        }
        let bytes = self.run(&["cat-file", "commit", commit], None)?.into_bytes();
        Ok(Receipt { bytes, media_type: "application/octet-stream", time: None })
    }

    /// What was pushed must be in the history still.
    fn require_history(&self, head: Option<&str>, before: Option<&[u8]>) -> Result<(), AnchorError> {
        let Some(before) = before else { return Ok(()) };
        let lost = |why: &str| {
            let hint = "somebody rewrote or exchanged the branch: ask its keeper; if it is meant to be a new one, give \
                        the anchor another name";
            self.fault.wrong(format!("the branch {} no longer has what was pushed: {why}", self.config.branch), hint)
        };
        let head = head.ok_or_else(|| lost("it is gone"))?;
        let id = self.line_with(&["hash-object", "-t", "commit", "--stdin"], before)?;
        match self.run(&["merge-base", "--is-ancestor", &id, head], None) {
            Ok(_) => Ok(()),
            Err(_) => Err(lost(&format!("{id} is not in the history of {head}"))),
        }
    }

    fn remote_head(&self) -> Result<Option<String>, AnchorError> {
        let name = format!("refs/heads/{}", self.config.branch);
        let listed = self.run(&["ls-remote", "--quiet", &self.repository, &name], None)?;
        let id = listed.lines().find_map(|line| line.strip_suffix(&format!("\t{name}")));
        Ok(id.map(str::to_owned))
    }

    fn line(&self, args: &[&str]) -> Result<String, AnchorError> {
        Ok(self.run(args, None)?.trim_end().to_owned())
    }

    fn line_with(&self, args: &[&str], input: &[u8]) -> Result<String, AnchorError> {
        Ok(self.run(args, Some(input))?.trim_end().to_owned())
    }

    fn run(&self, args: &[&str], input: Option<&[u8]>) -> Result<String, AnchorError> {
        self.call(args, input, "0 +0000")
    }

    /// Runs git and returns its output, which must be text.
    fn call(&self, args: &[&str], input: Option<&[u8]>, date: &str) -> Result<String, AnchorError> {
        let what = args.first().copied().unwrap_or_default();
        let failed = |why: String| self.fault.unreachable(format!("git {what}: {why}"));
        let mut command = Command::new("git");
        command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "core.fsync=all"])
            .args(args)
            .env("GIT_DIR", &self.copy)
            .env("GIT_INDEX_FILE", self.index.path().join("index"))
            .env("LC_ALL", "C")
            // Nobody is there to be asked, and nothing but these ways leads out.
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "file:https:ssh")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15")
            .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "evidenced")))
            .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "evidenced@localhost")))
            .envs(["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name, date)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Of its own, so that what it starts ends with it.
            .process_group(0);
        // Where the copy is somebody else's, root acts as they do, and leaves nothing there that they cannot change.
        if let Some((uid, gid)) = owner::other(&self.copy).map_err(|error| failed(error.to_string()))? {
            command.uid(uid).gid(gid);
        }
        if let Some(token) = &self.token {
            let basic = STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
            command.envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "http.extraHeader")]);
            command.env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {basic}"));
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => self.fault.wrong("there is no git", "install git where the daemon runs"),
            _ => failed(format!("cannot be started: {error}")),
        })?;
        if let Some(mut stdin) = child.stdin.take() {
            // What it does not want to read it need not.
            let _ = stdin.write_all(input.unwrap_or_default());
        }
        let ended = ended(&mut child, self.until);
        if what != "ls-remote" && !ended.as_ref().is_ok_and(|(status, ..)| status.success()) {
            self.distrust();
        }
        let (status, output, said) = ended.map_err(failed)?;
        if !status.success() {
            // A server's words are among git's, and may repeat what it was told.
            let hidden: Vec<String> = self.token.iter().map(|token| token.expose_secret().to_owned()).collect();
            let said = strike(String::from_utf8_lossy(&said).into_owned(), &hidden);
            let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
            return Err(failed(format!("{status}: {}", said.trim())));
        }
        String::from_utf8(output).map_err(|_| failed("its output is not UTF-8".to_owned()))
    }

    /// Has the copy made anew at the next try. What failed may be the other side all the same, and fetching is cheap.
    fn distrust(&self) {
        let marked = File::create(self.copy.join(FAILED)).and_then(|file| owner::file(&file, &self.copy));
        if let Err(error) = marked {
            tracing::warn!(copy = %self.copy.display(), %error, "git failed here, and that cannot be noted");
        }
    }
}

/// Where the copy of an anchor is.
fn place(copies: &Path, fault: Fault<'_>) -> PathBuf {
    copies.join(format!("{}.git", fault.0))
}

/// Waits until then for the end of a program and of what it says: its status, output and errors. What it has
/// started may hold on to its output for longer than it lives.
fn ended(child: &mut Child, until: Instant) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), String> {
    let (output, said) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let left = || until.saturating_duration_since(Instant::now());
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            None if !left().is_zero() => std::thread::park_timeout(Duration::from_millis(5)),
            status => break status,
        }
    };
    let whole = status.and_then(|status| {
        let output = output.recv_timeout(left()).ok()?;
        Some((status, output, said.recv_timeout(left()).ok()?))
    });
    whole.ok_or_else(|| {
        // They have had their time; if they are gone by now, so much the better.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
        let _ = child.wait();
        match status {
            Some(_) => "it ended, and something that it started holds on to its output".to_owned(),
            None => format!("not done within {} s", LIMIT.as_secs()),
        }
    })
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // Cut short it is no answer, which whoever reads it will see.
            let _ = pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        }
        // Who waited for it may have gone.
        drop(sender.send(bytes));
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_leaves_behind_is_waited_for_no_longer_than_for_itself_and_ended() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join("pid");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo $! > \"$0\""]).arg(&left).process_group(0);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let why = ended(&mut child, Instant::now() + Duration::from_secs(1)).unwrap_err();
        assert!(why.contains("holds on to its output"), "{why}");
        let stat = format!("/proc/{}/stat", std::fs::read_to_string(left).unwrap().trim());
        // Dead; whoever collects the dead may not have come by yet.
        let begun = Instant::now();
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it lives");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("1000").stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let why = ended(&mut child, Instant::now() + Duration::from_millis(50)).unwrap_err();
        assert!(why.contains("not done"), "{why}");
        assert!(child.try_wait().unwrap().is_some(), "it is dead, and was waited for");
    }
}
