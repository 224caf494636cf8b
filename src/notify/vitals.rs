//! When a sign of life is given, and the file in which the daemon says how it is.
//!
//! The file is no evidence and no memory: whoever removes it loses what `status` says of the last sign.

use super::heartbeat::heartbeat;
use super::trying::Trying;
use crate::config::Loaded;
use crate::outside::Outside;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the file in the state directory.
const FILE: &str = "vitals.json";
/// Largest that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The timer is not exact: what is due so soon is due.
const SOON: TimeDelta = TimeDelta::seconds(5);

/// How the daemon is, as it said last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// The last sign of life; `None`: there was none.
    pub heartbeat: Option<Beat>,
    /// Channels that refused the last time, or do not come to an end.
    pub channels: BTreeMap<String, Trying>,
    /// Anchors that could not be asked or given anything the last time.
    #[serde(default)]
    pub anchors: BTreeMap<String, Trying>,
    /// That an anchor knows another past than the ledger has, for which no daemon runs.
    #[serde(default)]
    pub misfit: Option<String>,
}

/// A sign of life, given or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// When.
    pub at: DateTime<Utc>,
    /// Why it was not given; `None`: it was, and was taken.
    pub failed: Option<String>,
    /// The last one that was taken.
    pub taken: Option<DateTime<Utc>>,
}

/// Gives signs of life while the daemon is well.
pub struct Heartbeat {
    loaded: Arc<Loaded>,
    outside: Arc<Outside>,
    vitals: Mutex<Vitals>,
}

impl Heartbeat {
    /// Goes on from what the file says, so that a restart does not forget the last sign.
    pub fn new(loaded: Arc<Loaded>, outside: Arc<Outside>) -> Self {
        let vitals = Mutex::new(vitals(&loaded.state_dir));
        Self { loaded, outside, vitals }
    }

    /// Gives a sign if one is due. `well` says why the daemon is not well, if so: then none is given.
    pub async fn look(&self, now: DateTime<Utc>, well: Result<(), String>) {
        let Some(config) = &self.loaded.config.heartbeat else { return };
        let before = self.vitals().heartbeat.clone();
        // After a failure every look tries again; a clock that was set back does not silence it.
        let due = before
            .as_ref()
            .is_none_or(|beat| beat.failed.is_some() || beat.at > now || now >= beat.at + config.every.delta() - SOON);
        if !due {
            return;
        }
        // What cannot be written down is not well.
        let taken = before.as_ref().and_then(|beat| beat.taken);
        let result = match well.and_then(|()| self.write(|_| ())) {
            Ok(()) => {
                let given = heartbeat(&self.outside, &config.url, config.private_host.as_deref(), now).await;
                given.map_err(|refusal| refusal.why)
            }
            Err(why) => Err(why),
        };
        let beat = match result {
            Ok(()) => Beat { at: now, failed: None, taken: Some(now) },
            Err(why) => {
                tracing::warn!(why, "no sign of life was given");
                Beat { at: now, failed: Some(why), taken }
            }
        };
        if let Err(why) = self.write(|vitals| vitals.heartbeat = Some(beat)) {
            tracing::warn!(why, "how the daemon is cannot be written down");
        }
    }

    /// Writes down which channels take nothing, if that has changed.
    pub fn channels(&self, channels: BTreeMap<String, Trying>) {
        let changed = self.vitals().channels != channels;
        if changed && let Err(why) = self.write(|vitals| vitals.channels = channels) {
            tracing::warn!(why, "how the daemon is cannot be written down");
        }
    }

    /// Writes down which anchors fail, if that has changed.
    pub fn anchors(&self, anchors: BTreeMap<String, Trying>) {
        let changed = self.vitals().anchors != anchors;
        if changed && let Err(why) = self.write(|vitals| vitals.anchors = anchors) {
            tracing::warn!(why, "how the daemon is cannot be written down");
        }
    }

    /// Writes down whether the ledger must not go on, and why, if that has changed.
    pub fn misfit(&self, misfit: Option<String>) {
        let changed = self.vitals().misfit != misfit;
        if changed && let Err(why) = self.write(|vitals| vitals.misfit = misfit) {
            tracing::warn!(why, "that the ledger must not go on cannot be written down");
        }
    }

    /// Writes all of it, changed. Whoever writes at the same time waits, so that neither undoes what the other wrote.
    fn write(&self, change: impl FnOnce(&mut Vitals)) -> Result<(), String> {
        let mut held = self.vitals();
        let mut vitals = held.clone();
        change(&mut vitals);
        let dir = &self.loaded.state_dir;
        let text = serde_json::to_vec_pretty(&vitals).map_err(|error| error.to_string())?;
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(dir)?;
            crate::owner::file(file.as_file(), dir)?;
            file.write_all(&text)?;
            file.persist(dir.join(FILE)).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| format!("{} cannot be written: {error}", dir.join(FILE).display()))?;
        *held = vitals;
        Ok(())
    }

    fn vitals(&self) -> std::sync::MutexGuard<'_, Vitals> {
        self.vitals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the daemon of that state directory said last; nothing, when there is no such file.
pub fn vitals(state_dir: &Path) -> Vitals {
    let path = state_dir.join(FILE);
    let small = std::fs::metadata(&path).is_ok_and(|found| found.len() <= FILE_BYTES_MAX);
    let text = if small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
    serde_json::from_slice(&text).unwrap_or_default()
}
