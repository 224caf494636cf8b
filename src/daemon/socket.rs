//! How another process asks the daemon whether it goes on, or to read its configuration again: a socket in the
//! state directory, on which the system itself says whose process asks. One line of JSON there, one line back.

use super::Outcome;
use crate::config::SOCKET;
use crate::who;
use evidenced_collectors::contract::clock::Clock;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Longest line either way, bytes.
const LINE_MAX: u64 = 64 << 10;
/// How long whoever connects may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time before the next try when nobody can be let in: for want of descriptors, say.
const PAUSE: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    /// To take this configuration.
    Apply {
        /// SHA-256 of what was checked, hex.
        sha256: String,
        /// Whom sudo says that it is for.
        behind: Option<String>,
    },
    /// Whether it goes on.
    Alive,
}

/// A question, on its way to the daemon.
pub(super) enum Asked {
    /// To take a configuration.
    Apply {
        /// Who asks.
        by: String,
        /// SHA-256 of the configuration that was checked, hex.
        expected: String,
        /// Where the answer goes.
        answer: oneshot::Sender<Outcome>,
    },
    /// Whether it goes on. Only who gets round to answering does.
    Alive {
        /// Where the answer goes.
        answer: oneshot::Sender<()>,
    },
}

/// A daemon that could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("no daemon listens in {}", .0.display())]
    Nobody(PathBuf),
    /// It did not answer in time: whether it does what it was asked to is not known.
    #[error(
        "the daemon did not answer within {} s: what became of the question is not known\n\
         hint: its log and `evidenced status` say; it may be waiting for its disk", .0.as_secs()
    )]
    Silent(Duration),
    /// It went away, or is none.
    #[error("the daemon could not be asked\nhint: look at its log; `kill -HUP` asks it too")]
    Broken(#[source] io::Error),
}

/// Listens until dropped.
pub(super) struct Listening {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        // Left behind it would do no harm: nobody answers on it, and the next daemon takes its place.
        let _ = fs::remove_file(&self.path);
    }
}

/// Begins to listen. The caller holds the daemon's lock: a socket that is there is a dead daemon's.
pub(super) fn listen(state_dir: &Path, asked: mpsc::Sender<Asked>, clock: Arc<dyn Clock>) -> io::Result<Listening> {
    let path = state_dir.join(SOCKET);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let us = UnixStream::pair()?.0.peer_cred()?.uid();
    let task = tokio::spawn(async move {
        // One after another: there is one configuration, and a flood of questions waits outside.
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Err(error) = converse(stream, us, &asked).await {
                        tracing::warn!(%error, "a question on the daemon's socket was not answered");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "nobody can be let in on the daemon's socket; it is tried again");
                    clock.sleep(PAUSE).await;
                }
            }
        }
    });
    Ok(Listening { path, task })
}

async fn converse(stream: UnixStream, us: u32, asked: &mpsc::Sender<Asked>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != us && uid != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, format!("uid {uid} may not ask")));
    }
    let mut stream = BufReader::new(stream);
    let line = tokio::time::timeout(PATIENCE, line(&mut stream)).await.map_err(|_| ErrorKind::TimedOut)??;
    let gone = |()| io::Error::new(ErrorKind::BrokenPipe, "the daemon is stopping");
    let text = match serde_json::from_str(&line)? {
        Question::Apply { sha256: expected, behind } => {
            let user = who::user(uid);
            let by = match behind.as_deref().and_then(who::shown) {
                Some(name) => format!("config apply by {user}, for {name} as sudo says"),
                None => format!("config apply by {user}"),
            };
            let (answer, answered) = oneshot::channel();
            asked.send(Asked::Apply { by, expected, answer }).await.map_err(|_| gone(()))?;
            serde_json::to_string(&answered.await.map_err(|_| gone(()))?)?
        }
        Question::Alive => {
            let (answer, answered) = oneshot::channel();
            asked.send(Asked::Alive { answer }).await.map_err(|_| gone(()))?;
            answered.await.map_err(|_| gone(()))?;
            "{}".to_owned()
        }
    };
    let text = format!("{text}\n");
    tokio::time::timeout(PATIENCE, stream.get_mut().write_all(text.as_bytes()))
        .await
        .map_err(|_| ErrorKind::TimedOut)?
}

/// Asks the daemon of the ledger in `state_dir` to take the configuration with this SHA-256, and waits until it is
/// in force or refused, for `limit` at most.
pub async fn ask(state_dir: &Path, sha256: &str, limit: Duration) -> Result<Outcome, AskError> {
    let question = Question::Apply { sha256: sha256.to_owned(), behind: who::behind() };
    let line = put(state_dir, &question, limit).await?;
    serde_json::from_str(&line).map_err(|error| AskError::Broken(error.into()))
}

/// Asks the daemon of the ledger in `state_dir` whether it goes on, and waits for `limit` at most.
pub async fn alive(state_dir: &Path, limit: Duration) -> Result<(), AskError> {
    put(state_dir, &Question::Alive, limit).await.map(drop)
}

async fn put(state_dir: &Path, question: &Question, limit: Duration) -> Result<String, AskError> {
    let nobody = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::Nobody(state_dir.to_owned()),
        _ => AskError::Broken(error),
    };
    let talk = async {
        let stream = UnixStream::connect(state_dir.join(SOCKET)).await.map_err(nobody)?;
        let mut stream = BufReader::new(stream);
        let text = serde_json::to_string(question).map_err(|error| AskError::Broken(error.into()))?;
        stream.get_mut().write_all(format!("{text}\n").as_bytes()).await.map_err(AskError::Broken)?;
        line(&mut stream).await.map_err(AskError::Broken)
    };
    tokio::time::timeout(limit, talk).await.map_err(|_| AskError::Silent(limit))?
}

async fn line(stream: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.take(LINE_MAX).read_line(&mut line).await?;
    if !line.ends_with('\n') {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the line is cut off or too long"));
    }
    Ok(line)
}
